"""How fast alerts leave for very many browsers, side by side in one run: the same subscriptions, the same payload, the
same push service (tests/support/push_sink.h) on loopback over TLS.

    bench_push.py --build FOLDER [--folder SCRATCH] [--long] [--peers FOLDER]

`./dev bench push` runs it. A row of crier is a whole wave: its settings file, its ledger on disk, an article by
`crier send`; from there until the push service has answered the last message and the ledger has it. CPU is that of
the sender's own process, all of its threads. "The limit" is a program that posts the bytes of one such message again
and again over HTTP/2 (tests/bench/h2.c); "lanes alone" is ours without encryption and ledger (tests/bench/bench_lane.c). At
the end the parts by themselves: making a message (bench_compose.c), a member in the ledger (bench_members.c).
The service takes a core of its own; on a machine with two, crier's threads share the other, so compare CPU first.
"""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from push_sink import PushSink  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
# Of RFC 8291, appendix A: a browser's keys. All have the same: to a sender that makes no difference.
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
VAPID = "xbwpzip7TIykpAiHVv5TQ5NIRWK8NxcYiezxyeaHVHM"
TOKEN = "bench-token-of-thirty-two-characters"
SUBJECT = "mailto:push@news.example"
STORY = {"url": "https://news.example/a", "title": "Storm surge: the dykes are closed tonight",
         "summary": "The harbour expects three metres above normal by ten in the evening; ferries do not sail.",
         "language": "en"}


class Crier:
    def __init__(self, binary, folder, sink, prepare):
        self.binary, self.folder = str(binary), pathlib.Path(folder)
        self.folder.mkdir()
        settings = self.folder / "crier.yaml"
        settings.write_text(
            "site: {name: Bench, url: https://news.example, language: en, link_gate: 0s}\n"
            f"server: {{listen: '127.0.0.1:0', log_level: warn, token: {TOKEN}}}\n"
            f"ledger: sqlite:{self.folder}/crier.db\n"
            "channels:\n"
            f"  browsers: {{type: webpush, key: {VAPID}, subject: '{SUBJECT}', allow_private: true,\n"
            f"             prepare: {str(prepare).lower()}}}\n")
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen([self.binary, "serve", "-c", str(settings)], stdout=subprocess.PIPE,
                                        stderr=self.log, env={**os.environ, "SSL_CERT_FILE": sink.ca})
        line = self.process.stdout.readline().decode()
        found = re.search(r":(\d+)\s*$", line)
        if not found:
            raise SystemExit(f"crier did not start: {line}{self.tail()}")
        self.port = int(found[1])
        self.settings = settings

    def tail(self):
        return (self.folder / "log").read_text()[-2000:]

    def call(self, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body,
                                         headers={"Authorization": f"Bearer {TOKEN}",
                                                  "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{path}: {error.code} {error.read().decode()}\n{self.tail()}")

    def run(self, *words):
        done = subprocess.run([self.binary, *map(str, words), "--server", f"http://127.0.0.1:{self.port}"],
                              capture_output=True, text=True, env={**os.environ, "CRIER_TOKEN": TOKEN})
        if done.returncode:
            raise SystemExit(f"crier {words[0]}: {done.stdout}{done.stderr}{self.tail()}")
        return done.stdout

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mb(self, what):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(what + r":\s+(\d+)", status)[1]) / 1024

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def counts(self):
        return self.call("/v1/channels/browsers/members?limit=1")["counts"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.folder)


def subscriptions(sink, count, file):
    """Addresses as long as those of real services."""
    with open(file, "w") as f:
        for i in range(count):
            f.write(json.dumps({"endpoint": f"{sink.url}/wpush/v2/{'gAAAAABlqZk1mZ3nX0c2bq5Zk9rT7yU1iO2p' * 4}{i:010d}",
                                "keys": {"p256dh": P256DH, "auth": AUTH}}) + "\n")


class Bench:
    def __init__(self, options):
        self.build = pathlib.Path(options.build)
        self.peers = options.peers and pathlib.Path(options.peers).resolve()
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="push-", dir=options.folder)).resolve()
        self.long = options.long
        self.rows, self.limit_cpu, self.runs = [], {}, 0

    def program(self, name):
        return str(self.build / ("crier" if name == "crier" else f"tests/{name}"))

    @contextlib.contextmanager
    def sink(self, rtt=0, record=False):
        self.runs += 1
        folder = self.scratch / f"sink{self.runs}"
        folder.mkdir()
        with PushSink(folder, self.program("push_sink"), record=record, paths=False) as sink:
            if rtt:
                sink.do(f"rtt {rtt}")
            yield sink

    @contextlib.contextmanager
    def crier(self, sink, prepare):
        self.runs += 1
        crier = Crier(self.program("crier"), self.scratch / f"crier{self.runs}", sink, prepare)
        try:
            yield crier
        finally:
            crier.stop()

    def row(self, what, rtt, result, more=""):
        self.rows.append((what, rtt, result, more))
        print(f"  {what}, {rtt} ms: {result['per_second']:,.0f}/s, {result['cpu_us']:.2f} us of CPU {more}",
              file=sys.stderr, flush=True)

    # ---- what is compared ----

    def program_row(self, what, rtt, *command, sink):
        out = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600,
                             env={**os.environ, "SSL_CERT_FILE": sink.ca})
        if out.returncode:
            raise SystemExit(f"{what}: {out.stderr}")
        result = json.loads(out.stdout)
        if result["accepted"] != result["messages"]:
            raise SystemExit(f"{what}: {result}")
        self.row(what, rtt, result)

    def message(self):
        """One message of a wave, as it went over the wire: headers and body in files."""
        with self.sink(record=True) as sink, self.crier(sink, prepare=False) as crier:
            self.take_in(crier, sink, 1)
            self.send(crier)
            sink.wait_for(1)
            message, = sink.messages()
        order = [":method", ":scheme", ":authority", ":path"]
        lines = [f"{name}: {message['headers'][name]}" for name in order]
        lines += [f"{name}: {value}" for name, value in message["headers"].items() if name not in order]
        (self.scratch / "headers").write_text("\n".join(lines) + "\n")
        (self.scratch / "body").write_bytes(message["body"])

    def limit(self, rtt, count):
        with self.sink(rtt) as sink:
            self.program_row("the limit: bare HTTP/2, the same bytes", rtt, self.program("bench_h2"), sink.port, count,
                             16 if rtt else 1, 1000, self.scratch / "headers", self.scratch / "body", sink=sink)

    def lanes(self, rtt, count):
        with self.sink(rtt) as sink:
            body = (self.scratch / "body").stat().st_size
            self.program_row("lanes alone", rtt, self.program("bench_lane"), sink.url, count, f"body={body}",
                             f"flying={32 if rtt else 16}", sink=sink)

    def web_push(self, rtt, count):
        with self.sink(rtt) as sink:
            file = self.scratch / "subscriptions"
            subscriptions(sink, count, file)
            public = subprocess.run(
                ["node", "-e", "const e=require('crypto').createECDH('prime256v1');"
                 f"e.setPrivateKey(Buffer.from('{VAPID}','base64url'));console.log(e.getPublicKey('base64url'))"],
                capture_output=True, text=True, check=True).stdout.strip()
            payload = json.dumps({"web_push": 8030, "notification": {**STORY, "navigate": STORY["url"]}})
            with open(file) as lines:
                out = subprocess.run(["node", "push.mjs", public, VAPID, SUBJECT, payload, "1000" if rtt else "100"],
                                     stdin=lines, cwd=self.peers, capture_output=True, text=True, timeout=600,
                                     env={**os.environ, "NODE_EXTRA_CA_CERTS": sink.ca})
            if out.returncode:
                raise SystemExit(f"web-push: {out.stderr}")
            self.row("npm web-push 3.6.7, connections kept", rtt, json.loads(out.stdout))

    # ---- waves ----

    def take_in(self, crier, sink, count):
        file = self.scratch / "subscriptions"
        subscriptions(sink, count, file)
        crier.run("members", "browsers", "import", file, "--format", "web-push", "--consent", "bench",
                  "--consented-at", "2026-01-01T00:00:00Z")
        file.unlink()

    def send(self, crier):
        story = {**STORY, "id": secrets.token_hex(8), "url": f"https://news.example/{secrets.token_hex(8)}"}
        file = self.scratch / "story.json"
        file.write_text(json.dumps(story))
        crier.run("send", file, "--timeout", "4h")

    def wait_prepared(self, crier, count):
        began, cpu = time.monotonic(), crier.cpu_seconds()
        while (now := crier.counts().get("prepared", 0)) < count:
            if time.monotonic() - began > 600 + count / 1000:
                raise SystemExit(f"{now} of {count} prepared: {crier.counts()}{crier.tail()}")
            time.sleep(0.5)
        return time.monotonic() - began, crier.cpu_seconds() - cpu

    def wave(self, rtt, count, prepare):
        what = f"crier, {count:,}, {'prepared' if prepare else 'unprepared'}: a whole wave"
        with self.sink(rtt) as sink, self.crier(sink, prepare) as crier:
            self.take_in(crier, sink, count)
            more = ""
            if prepare:
                seconds, cpu = self.wait_prepared(crier, count)
                more = f"prepared in {seconds:.0f} s ({cpu:.0f} s of CPU); "
            time.sleep(2)  # what follows an import
            rest = crier.memory_mb("VmRSS")
            crier.forget_peak()
            cpu, began = crier.cpu_seconds(), time.monotonic()
            self.send(crier)
            sink.wait_for(count, 120 + count / 1000)
            seconds = time.monotonic() - began
            time.sleep(1)  # the last of it is written down
            result = {"per_second": count / seconds, "cpu_us": (crier.cpu_seconds() - cpu) * 1e6 / count}
            seen = sink.count()
            more += f"{crier.memory_mb('VmHWM') - rest:.0f} MB above rest ({rest:.0f}), {seen['opened']} connections"
            if seen["requests"] != count:
                raise SystemExit(f"{seen['requests']} requests for {count} members")
            self.row(what, rtt, result, more)

    # ---- the table ----

    def table(self):
        base = {rtt: r["per_second"] for what, rtt, r, _ in self.rows if what.startswith("npm")}
        limit = {rtt: r["cpu_us"] for what, rtt, r, _ in self.rows if what.startswith("the limit")}
        print("| sender | round trip | messages/s | CPU us/message | times web-push | CPU of the limit |  |\n"
              "|---|---|---|---|---|---|---|")
        for what, rtt, r, more in self.rows:
            times = f"{r['per_second'] / base[rtt]:,.1f}" if rtt in base else ""
            part = f"{limit[rtt] / r['cpu_us'] * 100:.0f} %" if rtt in limit else ""
            print(f"| {what} | {rtt} ms | {r['per_second']:,.0f} | {r['cpu_us']:.2f} | {times} | {part} | {more} |")

    def parts(self, members):
        """What a message costs to make, and a member in the ledger, each by itself."""
        for command in ([self.program("bench_compose")], [self.program("bench_members"), str(self.scratch), str(members)]):
            print(flush=True)
            subprocess.run(command, check=True)

    def run(self):
        self.message()
        for rtt in (0, 150):
            self.limit(rtt, 300_000)
            self.lanes(rtt, 300_000)
            if self.peers:
                self.web_push(rtt, 5_000)
            self.wave(rtt, 100_000, prepare=True)
            self.wave(rtt, 100_000, prepare=False)
        self.wave(0, 1_000_000, prepare=True)
        if self.long:
            self.wave(0, 10_000_000, prepare=False)
        self.table()
        self.parts(10_000_000 if self.long else 1_000_000)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", required=True)
    options.add_argument("--folder")
    options.add_argument("--long", action="store_true")
    options.add_argument("--peers")
    bench = Bench(options.parse_args())
    try:
        bench.run()
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
