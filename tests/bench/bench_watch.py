"""What watching feeds costs, and how soon news from one is out: parts of bench_end_to_end.py.

The feeds are served by a process of its own (`bench_watch.py serve`), each at an address of its own
(127.0.x.y), since one host is asked one thing at a time. It is a hub as well."""

import asyncio
import email.utils
import hashlib
import hmac
import json
import re
import resource
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

FEEDS = 1000
ITEMS = 30


def feed(number, items, now, hub=""):
    rows = "".join(
        f"<item><title>Story {n} of feed {number}</title><link>https://news.example/{number}/{n}</link>"
        f"<guid isPermaLink=\"false\">{number}-{n}</guid><pubDate>{email.utils.formatdate(at, usegmt=True)}</pubDate>"
        f"<description>{'What happened, in a paragraph of some length. ' * 12}</description></item>"
        for n, at in items)
    link = f'<atom:link rel="hub" href="{hub}"/>' if hub else ""
    return (f'<?xml version="1.0"?><rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>'
            f"<title>Feed {number}</title><link>https://news.example/</link><description>x</description>"
            f"<lastBuildDate>{email.utils.formatdate(now, usegmt=True)}</lastBuildDate>{link}{rows}</channel></rss>")


class Served:
    """The serving process. Kinds of feeds, by the first part of the path: same (304), bytes (200, the same
    bytes), moved (200, other bytes, the same items), news (a 304 until /publish), hub (news, and a hub), big."""

    def __init__(self):
        self.start, self.items, self.answers, self.form, self.big = time.time(), {}, [], None, None

    def body(self, kind, number, host):
        items = self.items.get((kind, number), []) + [(n, self.start - 60 - n) for n in range(ITEMS)]
        now = time.time() if kind == "moved" else self.start
        return feed(number, items, now, f"http://{host}/subscribe" if kind == "hub" else "").encode()

    def fifty_megabytes(self):
        if not self.big:
            filler = "x" * 16000
            item = "<item><title>Story {0}</title><link>https://big.example/{0}</link><guid>{0}</guid><description>{1}</description></item>"
            self.big = ('<?xml version="1.0"?><rss version="2.0"><channel><title>Big</title>' + "".join(
                item.format(n, filler) for n in range(50 * 1024 * 1024 // 16100)) + "</channel></rss>").encode()
        return self.big

    def answer(self, method, path, head, body):
        parts = path.strip("/").split("/")
        if parts[0] == "publish":
            key = parts[1], parts[2]
            self.items.setdefault(key, []).insert(0, (10**6 + len(self.items.get(key, [])), time.time()))
            return 200, b"ok", ""
        if parts[0] == "answers":
            return 200, json.dumps(self.answers).encode(), ""
        if parts[0] == "form":
            return 200, json.dumps(self.form).encode(), ""
        if parts[0] == "subscribe":
            self.form = {k: v[0] for k, v in urllib.parse.parse_qs(body.decode()).items()}
            return 202, b"", ""
        kind, number = parts
        if kind == "big":
            return 200, self.fifty_megabytes(), ""
        etag = f'"{len(self.items.get((kind, number), []))}"'
        if kind in ("same", "news", "hub"):
            if f"if-none-match: {etag}".encode() in head.lower():
                return 304, b"", etag
            self.answers.append((time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000, number))
        return 200, self.body(kind, number, re.search(rb"host: (\S+)", head.lower())[1].decode()), etag if kind in ("same", "news", "hub") else ""

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
                found = re.search(rb"content-length: (\d+)", head.lower())
                body = await reader.readexactly(int(found[1])) if found else b""
                status, answer, etag = self.answer(method, path, head, body)
                lines = f"HTTP/1.1 {status} X\r\n" + (f"ETag: {etag}\r\n" if etag else "")
                if status != 304:
                    lines += f"Content-Type: application/rss+xml\r\nContent-Length: {len(answer)}\r\n"
                writer.write(lines.encode() + b"\r\n" + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def serve():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    server = await asyncio.start_server(Served().serve, "0.0.0.0", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)  # until our parent goes


class Feeds:
    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def url(self, kind, number):
        return f"http://127.{kind_number(kind)}.{number // 250}.{number % 250 + 1}:{self.port}/{kind}/{number}"

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return answer.read().decode()


def kind_number(kind):
    return ("same", "bytes", "moved", "news", "hub", "big").index(kind) + 1


def source(name, url, **more):
    rest = "".join(f", {k}: {v}" for k, v in more.items())
    return f"  {name}: {{type: feed, url: '{url}', allow_private: true{rest}}}\n"


def count_of(service, metric, match=""):
    return sum(int(line.rsplit(" ", 1)[1]) for line in service.get("/metrics")[1].splitlines()
               if line.startswith(metric + "{") and match in line)


def until(look, seconds=120):
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            raise SystemExit("the bench of feeds waited too long")
        time.sleep(0.01)


# ---- what is measured ----


def thousand(b, never):
    """As often as may be asked for, which is six times of what is to be afforded; so the share is a sixth."""
    for kind, what in (("same", "304"), ("bytes", "200, the same bytes"), ("moved", f"200, other bytes, the same {ITEMS} items")):
        with Feeds() as feeds:
            sources = "".join(source(f"f{n}", feeds.url(kind, n), every="5s", every_max="5s") for n in range(FEEDS))
            with b.service(never + "sources:\n" + sources) as service:
                until(lambda: count_of(service, "crier_source_items_total") >= ITEMS * FEEDS)  # first sight is over
                time.sleep(5)
                polls, cpu, began = count_of(service, "crier_source_polls_total"), service.cpu_seconds(), time.monotonic()
                time.sleep(10 * b.times)
                cpu, took = service.cpu_seconds() - cpu, time.monotonic() - began
                polls = count_of(service, "crier_source_polls_total") - polls
                each_us, memory = cpu * 1e6 / polls, service.memory_mb("VmRSS")
                if count_of(service, "crier_source_polls_total", "failed"):
                    raise SystemExit(f"some polls failed{service.tail()}")
        b.row(f"1,000 feeds every 30 s, {what}", f"{each_us * FEEDS / 30 / 1e4:.2f} % of a core",
              f"{each_us:.0f} us CPU a poll, measured with each asked every 5 s ({polls / took:.0f} polls/s) over {took:.0f} s; {memory:.0f} MB",
              goal="10 %")


def big(b, never):
    with Feeds() as feeds:
        feeds.get("/big/0")
        with b.service(never + "sources:\n" + source("big", feeds.url("big", 0), timeout="2m")) as service:
            service_start = service.memory_mb("VmRSS")
            began = time.monotonic()
            until(lambda: count_of(service, "crier_source_polls_total", "read"))
            took, peak = time.monotonic() - began, service.memory_mb("VmHWM")
            items = count_of(service, "crier_source_items_total")
    b.row("peak memory reading a 50 MB feed", f"{peak:.0f} MB",
          f"VmHWM; {service_start:.0f} MB before; {took:.1f} s to the end, with {items:,} articles recorded on disk", goal="bounded")


def polled(b, sink, webhook):
    """The wait for its turn is chance and setting; what is ours begins with the feed's answer."""
    with Feeds() as feeds:
        with b.service(webhook(sink.port) + "sources:\n" + source("news", feeds.url("news", 0), every="5s", every_max="5s")) as service:
            until(lambda: '"first_seen_at":"' in service.get("/v1/sources/news")[1].replace(" ", ""))
            sink.get("/reset")
            for n in range(20 * b.times):
                feeds.get("/publish/news/0")
                request = urllib.request.Request(f"http://127.0.0.1:{service.port}/v1/sources/news/poll", method="POST")
                urllib.request.urlopen(request, timeout=30).read()
                until(lambda n=n: sink.taken() > n)
            answers = [at for at, _ in json.loads(feeds.get("/answers"))][-20 * b.times:]
            return [first - at for (first, *_), at in zip(sink.arrivals(), answers)]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pushed(b, sink, webhook):
    with Feeds() as feeds:
        port = free_port()
        settings = webhook(sink.port) + "sources:\n" + source("hub", feeds.url("hub", 0), every="5s", every_max="1h")
        with b.service(settings, listen=f"127.0.0.1:{port}", public_url=f"http://127.0.0.1:{port}") as service:
            until(lambda: feeds.get("/form") != "null")
            form = json.loads(feeds.get("/form"))
            query = urllib.parse.urlencode({"hub.mode": "subscribe", "hub.topic": form["hub.topic"], "hub.challenge": "x", "hub.lease_seconds": 864000})
            urllib.request.urlopen(f"{form['hub.callback']}?{query}", timeout=30).read()
            until(lambda: '"first_seen_at":"' in service.get("/v1/sources/hub")[1].replace(" ", ""))
            sink.get("/reset")
            sent = []
            for n in range(200 * b.times):
                body = feed(0, [(10**6 + n, time.time())], time.time()).encode()
                mac = hmac.new(form["hub.secret"].encode(), body, hashlib.sha256).hexdigest()
                request = urllib.request.Request(form["hub.callback"], body, {"Content-Type": "application/rss+xml", "X-Hub-Signature": f"sha256={mac}"})
                sent.append(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)
                urllib.request.urlopen(request, timeout=30).read()
                until(lambda n=n: sink.taken() > n)
            return [first - at for (first, *_), at in zip(sink.arrivals(), sent)]


def watched(b, never, webhook, spread):
    thousand(b, never)
    big(b, never)
    with b.sink() as sink:
        took = polled(b, sink, webhook)
        b.row("news of a polled feed", spread(took),
              f"the feed's answer with the new item complete to the first byte at the receiver, {len(took)} items; the wait for its turn, "
              "half of `every` on the average, comes before", goal="p99 50 ms")
    with b.sink() as sink:
        took = pushed(b, sink, webhook)
        b.row("news from a WebSub hub", spread(took), f"start of the hub's POST to the first byte at the receiver, one at a time, {len(took)} pushes",
              goal="p99 50 ms")


if __name__ == "__main__":
    asyncio.run(serve())
