"""How fast the whole service is: the release binary on a real disk folder, articles in through its
door, webhooks out to a receiver, all on loopback and on one machine.

`./dev bench` runs it. It ends only what it started, and leaves nothing behind. Every figure stands
beside the method it was got by and beside the bare limit it can be compared with; on a machine where
something else runs at the same time all of them are lower, so compare ratios rather than figures.

    bench_end_to_end.py --build FOLDER [--folder SCRATCH] [--long] [--peers FOLDER]

FOLDER holds crier and tests/bench_load, _sink, _ledger and _json; that of --peers what
bench_peer.py tells of.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import bench_peer
import bench_gate
import bench_watch

CONNECTIONS = 256
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


# ---- programs ----


class Service:
    """crier serve on a scratch ledger, or on one that lies in its folder already."""

    def __init__(self, binary, folder, channels, listen="127.0.0.1:0", public_url="https://push.news.example"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        settings = self.folder / "crier.yaml"
        settings.write_text(
            "site: {name: Bench, url: https://news.example, language: en, link_gate: 0s}\n"
            f"server: {{listen: '{listen}', public_url: '{public_url}', log_level: warn}}\n"
            f"ledger: sqlite:{self.folder}/crier.db\n"
            "queue: {total_concurrency: 1000}\n"
            f"channels:\n{channels}"
        )
        started = time.monotonic()
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            [binary, "serve", "-c", str(settings)], stdout=subprocess.PIPE, stderr=self.log
        )
        line = self.process.stdout.readline().decode()
        found = re.search(r":(\d+)\s*$", line)
        if not found:
            raise SystemExit(f"crier did not start: {line}{(self.folder / 'log').read_text()}")
        self.port = int(found[1])
        while self.get("/readyz")[0] != 200:
            time.sleep(0.0005)
        self.start_ms = (time.monotonic() - started) * 1000

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    def tail(self):
        """What it said last, for a bench that fails."""
        state = "" if self.process.poll() is None else f"crier ended with {self.process.returncode}"
        return f"\n{state}\n" + (self.folder / "log").read_text()[-2000:]

    def memory_mb(self, what):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(what + r":\s+(\d+)", status)[1]) / 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def commits(self):
        found = re.search(r"^crier_ledger_commits_total (\d+)", self.get("/metrics")[1], re.M)
        return int(found[1]) if found else 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.folder)


class Sink:
    """The receiver of webhooks."""

    def __init__(self, binary, *options):
        self.process = subprocess.Popen([binary, *options], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline().split()[1])

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return answer.read().decode()

    def taken(self):
        return json.loads(self.get("/count"))["taken"]

    def wait_for(self, count, seconds):
        """Until so many were taken, or nothing comes any more."""
        last, since = -1, time.monotonic()
        while (now := self.taken()) < count:
            if now != last:
                last, since = now, time.monotonic()
            if time.monotonic() - since > seconds:
                break
            time.sleep(0.05)

    def arrivals(self):
        """[(first_us, article, webhook-id, status, path)], in the order of arrival."""
        rows = [line.split() for line in self.get("/dump").splitlines() if not line.startswith("{")]
        return [(int(r[0]), r[1], r[2], int(r[3]), r[4]) for r in rows]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Bench:
    def __init__(self, build, scratch, long):
        self.build, self.scratch, self.times = pathlib.Path(build), pathlib.Path(scratch), 4 if long else 1
        self.rows = []
        self.count = 0

    def program(self, name):
        return str(self.build / ("crier" if name == "crier" else f"tests/bench_{name}"))

    @contextlib.contextmanager
    def service(self, channels, folder=None, **server):
        self.count += 1
        service = Service(self.program("crier"), folder or self.scratch / f"run{self.count}", channels, **server)
        try:
            yield service
        finally:
            service.stop()

    @contextlib.contextmanager
    def sink(self, *options):
        sink = Sink(self.program("sink"), *options)
        try:
            yield sink
        finally:
            sink.stop()

    def load(self, service, count, connections, **options):
        out = self.scratch / "shots"
        words = [f"{k}={v}" for k, v in options.items()]
        before = service.cpu_seconds()
        run = subprocess.run(
            [self.program("load"), str(service.port), str(count), str(connections), f"out={out}", *words],
            stdout=subprocess.PIPE, timeout=300,
        )
        if run.returncode != 0:
            raise SystemExit(f"the load generator failed: {run.stdout.decode()}{service.tail()}")
        result = json.loads(run.stdout)
        result["cpu_us"] = (service.cpu_seconds() - before) * 1e6 / count
        result["shots"] = [tuple(map(int, line.split())) for line in out.read_text().splitlines()]
        if result["failed"]:
            raise SystemExit(f"{result['failed']} of {count} requests failed{service.tail()}")
        return result

    def row(self, what, figure, method, goal="", limit=""):
        self.rows.append((what, figure, goal, limit, method))
        print(f"  {what}: {figure}", file=sys.stderr, flush=True)


# ---- figures ----


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def spread(values_us):
    return f"p50 {percentile(values_us, 0.5) / 1000:.2f} ms, p99 {percentile(values_us, 0.99) / 1000:.2f} ms"


def webhook(name, port, extra="", path="/hook"):
    return (
        f"  {name}: {{type: webhook, url: 'http://127.0.0.1:{port}{path}', secret: bench-secret-of-the-receiver, "
        f"allow_private: true{extra}}}\n"
    )


FAST = "concurrency: 256, rate: unlimited"
NEVER = webhook("never", 9, extra=", when: {category: Nothing}")


def reconcile(shots, arrivals, channels=1):
    """Every acknowledged article at the receiver once per channel, under one webhook-id each, and
    nothing else."""
    acknowledged = {f"bench-{number}" for number, _, _, status in shots if status == 202}
    seen = collections.Counter((article, path) for _, article, _, status, path in arrivals if status == 200)
    ids = {webhook_id for _, _, webhook_id, status, _ in arrivals if status == 200}
    paths = {path for _, path in seen}
    missing = sum((article, path) not in seen for article in acknowledged for path in paths)
    twice = sum(count > 1 for count in seen.values())
    strange = sum(article not in acknowledged for article, _ in seen)
    if missing or twice or strange or len(paths) != channels or len(ids) != len(seen):
        raise SystemExit(
            f"NOT exactly once: {len(acknowledged)} acknowledged, {len(seen)} received, {missing} missing, "
            f"{twice} twice, {strange} never acknowledged, {len(ids)} webhook-ids, {len(paths)} of {channels} channels"
        )
    return len(seen)


def first_bytes(shots, arrivals):
    """From the start of the POST to the first byte at the receiver."""
    sent = {f"bench-{number}": due for number, due, _, _ in shots}
    return [first - sent[article] for first, article, _, status, _ in arrivals if status == 200]


# ---- what is measured ----


def bare_door(b):
    with b.service(NEVER) as service:
        b.load(service, 2000, CONNECTIONS, get="/healthz")
        result = b.load(service, 100000 * b.times, CONNECTIONS, get="/healthz")
    b.row("GET /healthz", f"{result['per_second']:,.0f}/s",
          f"the bare door: {CONNECTIONS} connections; {result['cpu_us']:.1f} us CPU of crier each")
    return result["per_second"]


def bare_ledger(b):
    run = subprocess.run([b.program("ledger"), str(b.scratch)], stdout=subprocess.PIPE, timeout=300, check=True)
    rates = {}
    for kind, at_once, channels, rate in re.findall(
        r"^(accept|attempt) +(\d+) at once(?:, +(\d+) channels| \(begin\+end\)) +(\d+) /s", run.stdout.decode(), re.M
    ):
        rates[kind, int(at_once), int(channels or 0)] = int(rate)
    accept, attempt = rates["accept", 100, 1], rates["attempt", 100, 0]
    b.row("ledger alone, accepts", f"{accept:,}/s", "group commit with fsync, 100 articles at once, 1 channel, no door")
    b.row("ledger alone, attempts", f"{attempt:,}/s", "begin and end of an attempt, 100 at once, no network")
    return accept, attempt


def json_reading(b):
    text = subprocess.run([b.program("json")], stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode()
    ours, theirs = (float(n) for n in re.findall(r"([\d.]+) us", text))
    b.row("an article's JSON", f"{ours:.1f} us", "read into Jansson's values, 3 kB, best of 3", limit=f"Jansson's own parser: {theirs:.1f} us")


def feed_reading(b):
    text = subprocess.run([b.program("feed")], stdout=subprocess.PIPE, timeout=300, check=True).stdout.decode()
    large, kib, small = ([float(n) for n in re.findall(r"[\d.]+", line.split(":", 1)[1].replace("libxml2", ""))] for line in text.splitlines())
    b.row("a feed of 50 MB, read", f"{large[0]:.0f} MB/s", f"in pieces of 64 KiB, best of 3; {kib[0] / 1024:.1f} MB of memory at most, libxml2 {kib[1] / 1024:.1f} MB",
          limit=f"libxml2 merely parsing: {large[1]:.0f} MB/s, {large[2]:.1f} times as fast")
    b.row("a feed of 20 items, read", f"{small[0]:.0f} us", "about 35 kB, best of 3",
          limit=f"libxml2 merely parsing: {small[1]:.0f} us, {small[2]:.1f} times as fast")


def acknowledged(b, door, ledger):
    with b.service(NEVER) as service:
        b.load(service, 2000, CONNECTIONS, **{"from": 10**9})
        commits = service.commits()
        result = b.load(service, 30000 * b.times, CONNECTIONS)
        commits = service.commits() - commits
    each = f", {30000 * b.times / commits:.0f} articles a commit" if commits else ""
    b.row("articles acknowledged", f"{result['per_second']:,.0f}/s",
          f"POST to 202 after fsync, {CONNECTIONS} connections, 3 kB each, no channel wants them; "
          f"{result['cpu_us']:.1f} us CPU each{each}; " + spread([a - d for _, d, a, _ in result["shots"]]),
          goal="30,000/s", limit=f"{result['per_second'] / ledger:.2f} of ledger, {result['per_second'] / door:.2f} of door")
    return result["per_second"]


def delivered(b, attempt):
    count = 20000 * b.times
    with b.sink() as sink, b.service(webhook("partner", sink.port, f", {FAST}")) as service:
        before = service.cpu_seconds()
        result = b.load(service, count, CONNECTIONS)
        sink.wait_for(count, 10)
        cpu = (service.cpu_seconds() - before) * 1e6 / count
        arrivals, opened = sink.arrivals(), json.loads(sink.get("/count"))["connections"]
    received = reconcile(result["shots"], arrivals)
    start = min(due for _, due, _, _ in result["shots"])
    rate = count / (arrivals[-1][0] - start) * 1e6
    steady = count / 2 / (arrivals[-1][0] - arrivals[count // 2][0]) * 1e6
    b.row("webhooks delivered", f"{rate:,.0f}/s, last half {steady:,.0f}/s",
          f"first POST to last arrival, 1 channel, up to 256 at once; {cpu:.1f} us CPU each, from door to verdict; over {opened} "
          f"connections; sent {count:,} = "
          f"acknowledged {len(result['shots']):,} = received once {received:,}",
          goal="20,000/s", limit=f"{rate / attempt:.2f} of ledger")
    return rate


def latency(b, rate):
    for name, count, per_second, connections in (
        ("idle", 300 * b.times, 50, 1), ("at half load", int(rate / 2) * 4 * b.times, int(rate / 2), CONNECTIONS),
    ):
        with b.sink() as sink, b.service(webhook("partner", sink.port, f", {FAST}")) as service:
            b.load(service, 500, 16, **{"from": 10**9})
            sink.wait_for(500, 10)
            sink.get("/reset")
            result = b.load(service, count, connections, rate=per_second)
            sink.wait_for(count, 10)
            arrivals = sink.arrivals()
        reconcile(result["shots"], arrivals)
        b.row(f"POST to first byte, {name}", spread(first_bytes(result["shots"], arrivals)),
              f"from when the POST was due to the first byte at the receiver, {per_second:,}/s, {count:,} articles",
              goal="p99 < 5 ms" if name == "idle" else "")


def fifty(b):
    articles = 50 * b.times
    with b.sink() as sink:
        channels = "".join(webhook(f"partner{i:02}", sink.port, path=f"/hook/{i:02}") for i in range(50))
        with b.service(channels) as service:
            result = b.load(service, articles, 1, rate=4)
            sink.wait_for(50 * articles, 10)
            arrivals = sink.arrivals()
    reconcile(result["shots"], arrivals, channels=50)
    last = {}
    for first, article, _, _, _ in arrivals:
        last[article] = max(first, last.get(article, 0))
    sent = {f"bench-{number}": due for number, due, _, _ in result["shots"]}
    b.row("1 article to 50 channels", spread([last[a] - sent[a] for a in sent]),
          f"POST to the last of 50 first bytes, {articles} articles, 4 a second", goal="< 1 s")


def healthy_rate(b, healthy, others):
    """Deliveries per second to the eight healthy ones, while the same articles go to two others."""
    count = 1500 * b.times
    channels = "".join(webhook(f"good{i}", healthy.port, f", {FAST}", f"/hook/{i}") for i in range(8))
    with b.service(channels + others) as service:
        result = b.load(service, count, 64)
        healthy.wait_for(8 * count, 20)
        arrivals = healthy.arrivals()
        healthy.get("/reset")
    reconcile(result["shots"], arrivals, channels=8)
    return 8 * count / (arrivals[-1][0] - min(due for _, due, _, _ in result["shots"])) * 1e6


def with_trouble(b):
    """One of ten destinations takes no connection, one takes a second for each answer."""
    never_accepts = socket.socket()
    never_accepts.bind(("127.0.0.1", 0))
    never_accepts.listen(0)
    dead = never_accepts.getsockname()[1]
    crowd = [socket.socket() for _ in range(3)]  # until its queue is full, and a SYN more is not answered
    for one in crowd:
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", dead))
    shares = []
    with b.sink() as healthy, b.sink() as fine, b.sink("delay_ms=1000") as slow:
        for _ in range(3):
            well = healthy_rate(b, healthy, webhook("fine1", fine.port, f", {FAST}") +
                                webhook("fine2", fine.port, f", {FAST}", "/hook/2"))
            ill = healthy_rate(b, healthy, webhook("dead", dead, f", {FAST}") + webhook("slow", slow.port, f", {FAST}"))
            shares.append((ill / well, well, ill))
            fine.get("/reset"), slow.get("/reset")
    share, well, ill = sorted(shares)[1]
    for one in [never_accepts, *crowd]:
        one.close()
    b.row("1 of 10 dead, 1 slow", f"the other 8 keep {share:.0%} ({ill:,.0f}/s of {well:,.0f}/s)",
          f"every article to ten webhooks, {1500 * b.times:,} articles over 64 connections; the same ten all healthy beside it, in turn, "
          "median of 3 pairs; dead: connections are never answered; slow: 1 s for each answer", goal="lose < 5 %")


def refused(b):
    for retry_after in (0, 1):
        count = 4000 * b.times
        with b.sink("slots=10", "delay_ms=20", f"retry_after={retry_after}") as sink:
            with b.service(webhook("partner", sink.port, f", {FAST}")) as service:
                result = b.load(service, count, 16)
                sink.wait_for(count, 60)
                arrivals, posts = sink.arrivals(), json.loads(sink.get("/count"))["posts"]
        reconcile(result["shots"], arrivals)
        took = (arrivals[-1][0] - arrivals[0][0]) / 1e6
        b.row(f"refused, 429 {'with' if retry_after else 'without'} Retry-After", f"{(posts - count) / posts:.2%}",
              f"a destination that takes 10 at once, 20 ms each ({10 / 0.02:.0f}/s at best), and answers 429 to more; ceiling 256, "
              f"{count:,} deliveries, {count / took:,.0f}/s", goal="< 16.5 %")


def long_queue(b):
    """Nothing of it can leave: what is held of a queue, not what moves it, is measured."""
    with socket.socket() as never_accepts:
        never_accepts.bind(("127.0.0.1", 0))
        never_accepts.listen(0)
        port = never_accepts.getsockname()[1]
        channels = "".join(webhook(f"channel{i:02}", port, ", concurrency: 1, timeout: 10m") for i in range(50))
        figures = []
        for count in (100_000, 1_000_000):
            folder = b.scratch / f"queue{count}"
            folder.mkdir()
            subprocess.run([b.program("ledger"), "fill", str(folder / "crier.db"), str(count)],
                           stdout=subprocess.DEVNULL, timeout=600, check=True)
            size = (folder / "crier.db").stat().st_size / 1e6
            with b.service(channels, folder) as service:
                time.sleep(2)
                figures.append((count, service.start_ms, service.memory_mb("VmRSS"), service.memory_mb("RssAnon"), size))
    (few, _, less, less_own, _), (many, start_ms, more, more_own, size) = figures
    b.row("start on a long queue", f"{start_ms:.0f} ms",
          f"{many:,} deliveries waiting on 50 channels, a ledger of {size:,.0f} MB; fork to GET /readyz 200", goal="100 ms")
    b.row("memory with a long queue", f"{more:.1f} MB, own {more_own:.1f} MB",
          f"{many:,} waiting on 50 channels, 2 s after the start; with {few:,}: {less:.1f} MB, own {less_own:.1f} MB",
          goal="no growth")


def at_rest(b):
    starts, memory, own = [], [], []
    for _ in range(11):
        with b.service(NEVER) as service:
            starts.append(service.start_ms * 1000)
            time.sleep(0.2)
            memory.append(service.memory_mb("VmRSS"))
            own.append(service.memory_mb("RssAnon"))
    b.row("start", spread(starts), "fork to GET /readyz 200, empty ledger made anew, 11 starts", goal="50 ms")
    b.row("memory at rest", f"{percentile(memory, 0.5):.1f} MB, own {percentile(own, 0.5):.1f} MB",
          "VmRSS 0.2 s after the start, shared libraries included; own: RssAnon; median of 11", goal="10 MB")


def peers(b, home, ours_accepted, ours_delivered):
    """The same load, the same sink, the same checks."""
    count = 10000 * b.times
    peer = bench_peer.Peer(home, b.scratch)
    try:
        with b.sink() as sink:
            b.load(peer, 2000, CONNECTIONS, **{"from": 10**9})
            result = b.load(peer, count, CONNECTIONS)
            b.row("articles acknowledged, Node.js and Redis", f"{result['per_second']:,.0f}/s",
                  f"POST to 202 after Redis' fsync, nobody works; {result['cpu_us']:.1f} us CPU each; "
                  + spread([a - d for _, d, a, _ in result["shots"]]), limit=f"crier: {ours_accepted / result['per_second']:.1f} times as many")
            peer.work(f"http://127.0.0.1:{sink.port}/hook", "bench-secret-of-the-receiver")
            sink.wait_for(count + 2000, 20)
            sink.get("/reset")
            cpu = peer.cpu_seconds()
            result = b.load(peer, count, CONNECTIONS, **{"from": 2 * 10**9})
            sink.wait_for(count, 20)
            cpu = (peer.cpu_seconds() - cpu) * 1e6 / count
            arrivals = sink.arrivals()
        received = len({article for _, article, _, status, _ in arrivals if status == 200})
        rate = count / (arrivals[-1][0] - min(due for _, due, _, _ in result["shots"])) * 1e6
        b.row("webhooks delivered, Node.js and Redis", f"{rate:,.0f}/s",
              f"first POST to last arrival, 256 at once; {cpu:.1f} us CPU each; sent {count:,}, received {received:,} of them in "
              f"{len(arrivals):,} requests; {peer.memory_mb():.0f} MB afterwards", limit=f"crier: {ours_delivered / rate:.1f} times as many")
    finally:
        peer.stop()


def print_table(rows):
    heads = ("what", "measured", "goal", "of the bare limit", "how")
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(4)]
    for row in [heads, *rows]:
        print("  ".join([row[i].ljust(widths[i]) for i in range(4)] + [row[4]]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/bench")
    parser.add_argument("--folder", default="build", help="on the disk that counts")
    parser.add_argument("--long", action="store_true", help="four times as much of everything")
    parser.add_argument("--only", default="", help="parts, by comma: door,ledger,accept,deliver,latency,fifty,trouble,refused,queue,gate,feed,watch,rest")
    parser.add_argument("--peers", default="", help="folder where the peer is installed")
    options = parser.parse_args()
    # 256 connections on either side.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    scratch = tempfile.mkdtemp(prefix="bench-", dir=options.folder)
    wanted = set(options.only.split(",")) - {""}
    try:
        b = Bench(options.build, scratch, options.long)
        want = lambda part: not wanted or part in wanted  # noqa: E731
        door = bare_door(b) if want("door") else float("nan")
        accept, attempt = bare_ledger(b) if want("ledger") else (float("nan"), float("nan"))
        if want("ledger"):
            json_reading(b)
        accepted = acknowledged(b, door, accept) if want("accept") else float("nan")
        rate = delivered(b, attempt) if want("deliver") or want("latency") else 0
        if options.peers:
            peers(b, options.peers, accepted, rate)
        if want("latency"):
            latency(b, rate)
        if want("fifty"):
            fifty(b)
        if want("trouble"):
            with_trouble(b)
        if want("refused"):
            refused(b)
        if want("queue"):
            long_queue(b)
        if want("gate"):
            bench_gate.gated(b, spread)
        if want("feed"):
            feed_reading(b)
        if want("watch"):
            bench_watch.watched(b, NEVER, lambda port: webhook("partner", port, extra=f", {FAST}"), spread)
        if want("rest"):
            at_rest(b)
    finally:
        shutil.rmtree(scratch)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} (anything but crier and its two peers lowers the figures)")
    print_table(b.rows)


main()
