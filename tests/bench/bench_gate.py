"""How long the link gate holds what is published when the page is there already: from the POST of an article to
the first byte of the request to its channel, with the gate and without. The newsroom's site (a page of 60 kB, a
picture) and the channel (a webhook) are played here, on loopback, by a server that does nothing else; one
article at a time, so nothing waits for anything but what belongs to it.

    bench_gate.py --crier BINARY [--count N]

`./dev bench` runs it among the others."""

import argparse
import asyncio
import contextlib
import json
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

PICTURE = bytes.fromhex("89504e470d0a1a0a0000000d494844520000000200000001080200000000000000") + bytes(40_000)


class Peer:
    """Answers whatever it is asked, and notes when the first byte of each request came."""

    def __init__(self):
        self.came, self.port = {}, 0

    async def start(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    def page(self, path):
        here = f"http://127.0.0.1:{self.port}{path}"
        return (f'<!doctype html><html lang="en"><head><title>T</title><link rel="canonical" href="{here}">'
                f'<meta property="og:title" content="T"><meta property="og:image" content="/i.png"></head><body>'
                + "<p>Some text of an article.</p>" * 2000 + "</body></html>").encode()

    async def serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                first = await reader.readexactly(1)
                at = time.perf_counter()
                head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"content-length: (\d+)", head, re.I)
                body = await reader.readexactly(int(length[1])) if length else b""
                path = head.split(" ")[1]
                if path == "/hook":
                    self.came.setdefault(json.loads(body)["data"]["article"]["id"], at)
                answer, kind = ((PICTURE, "image/png") if path == "/i.png" else
                                (b"{}", "application/json") if path == "/hook" else (self.page(path), "text/html"))
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
                             + answer)
        writer.close()


def settings(peer, folder, gate):
    return (f"site: {{name: Bench, url: 'http://127.0.0.1:{peer.port}', link_gate: {gate}, allow_private: true}}\n"
            f"server: {{listen: 127.0.0.1:0, log_level: warn}}\nledger: sqlite:{folder}/crier.db\n"
            f"channels:\n  hook: {{type: webhook, url: 'http://127.0.0.1:{peer.port}/hook', rate: unlimited,\n"
            f"         secret: whsec_aW50ZWdyYXRpb24tcGFydG5lci1zZWNyZXQ=, allow_private: true}}\n")


async def post(reader, writer, article):
    body = json.dumps(article).encode()
    writer.write(b"POST /v1/articles HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                 b"Content-Length: %d\r\n\r\n" % len(body) + body)
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert " 202 " in head, head
    await reader.readexactly(int(re.search(r"content-length: (\d+)", head, re.I)[1]))


async def measure(peer, port, name, count):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    for n in range(count):
        article = {"id": f"{name}-{n}", "url": f"http://127.0.0.1:{peer.port}/{name}/{n}", "title": f"Story {n}"}
        began = time.perf_counter()
        await post(reader, writer, article)
        while article["id"] not in peer.came:
            assert time.perf_counter() - began < 20, article
            await asyncio.sleep(0.0005)
        took.append((peer.came[article["id"]] - began) * 1000)
        await asyncio.sleep(0.01)
    writer.close()
    return sorted(took)


async def both(crier, scratch, count):
    """{"without": [ms, …], "gate": [ms, …]}, sorted."""
    peer, took = Peer(), {}
    await peer.start()
    for name, gate in (("without", "0s"), ("gate", "45s")):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-gate-", dir=scratch))
        (folder / "crier.yaml").write_text(settings(peer, folder, gate))
        service = subprocess.Popen([crier, "serve", "-c", str(folder / "crier.yaml")],
                                   stdout=subprocess.PIPE, text=True)
        try:
            port = int(re.search(r":(\d+)\s*$", service.stdout.readline())[1])
            took[name] = await measure(peer, port, name, count)
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(30)
            shutil.rmtree(folder)
    return took


def gated(b, spread):
    took = asyncio.run(both(b.program("crier"), b.scratch, 500 * b.times))
    without, gate = (spread([ms * 1000 for ms in took[name]]) for name in ("without", "gate"))
    b.row("published, its page looked at", gate,
          f"POST to the first byte at the receiver; page and picture are there at once; one at a time, {500 * b.times} articles",
          goal="p99 50 ms", limit=f"without the gate: {without}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--crier", required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--folder", help="for the ledger: a real disk")
    args = parser.parse_args()
    for name, took in asyncio.run(both(args.crier, args.folder, args.count)).items():
        print(f"{name:8} {args.count} articles, POST to first byte at the channel: "
              f"p50 {statistics.median(took):.1f} ms, p99 {took[int(len(took) * .99)]:.1f} ms, most {took[-1]:.1f} ms")


if __name__ == "__main__":
    main()
