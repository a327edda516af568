"""Platforms and picture hosts that answer as badly as they can. Whatever they do is bounded in memory and in time,
ends in a state that says so, and delays nobody else."""

import threading
import time

import attack
import hostile
import pytest
from harness import SLOW, all_well, exchange, small_article, wait_for, within
from hostile import SOME, forever, plain

OK = b"HTTP/1.1 200 OK\r\n"
LONG = b"HTTP/1.1 100 Continue\r\n\r\n"

# Answers to a post. "done": it was taken, whatever came behind the 200; "again": it may be tried again;
# "expired": a wait that is obeyed in full, and longer than the article is worth; None: as may be.
ANSWERS = {
    **{f"bomb {name}": (hostile.bomb(name), "done") for name in hostile.BOMBS if name != "twenty encodings"},
    "bomb twenty encodings": (hostile.bomb("twenty encodings"), None),
    "a body without end": (lambda: forever(OK + b"\r\n", SOME), "done"),
    "chunks without end": (lambda: forever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + SOME + b"\r\n"), "done"),
    "a head without end": (lambda: forever(OK, b"X-More: abcdefghijklmnop\r\n"), "again"),
    "a header without end": (lambda: forever(OK + b"X-More: ", SOME), "again"),
    "a status line without end": (lambda: forever(b"HTTP/1.1 200 ", SOME), "again"),
    "1xx without end": (lambda: forever(LONG, LONG), "again"),
    "1xx with headers without end": (lambda: forever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), "again"),
    "a body, a byte at a time": (lambda: forever(OK + b"Content-Length: 1000\r\n\r\n", b"x", 0.2), "again"),
    "a head, a byte at a time": (lambda: forever(OK + b"X: ", b"x", 0.2), "again"),
    "nothing": (lambda: forever(b"", b"", 0.2), "again"),
    "an empty answer": ([], "again"),
    "half a status": ([b"HTTP/1.1 20"], "again"),
    "no HTTP": ([b"SSH-2.0-OpenSSH_9.9\r\n"], "again"),
    "HTTP/0.9": ([b"hello\r\n"], "again"),
    "status 000": (plain(b"000 Nothing"), "again"),
    "status 999": (plain(b"999 Everything"), None),
    "a length that is too long": ([OK + b"Content-Length: 99999999999\r\n\r\nhalf"], "again"),
    "a negative length": ([OK + b"Content-Length: -1\r\n\r\n{}"], None),
    "two lengths": ([OK + b"Content-Length: 2\r\nContent-Length: 99\r\n\r\n{}"], None),
    "a chunk of 2^72": ([OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n{}"], "again"),
    "trailers without end": (lambda: forever(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"), None),
    "an encoding nobody knows": (plain(b"200 OK", b"{}", b"Content-Encoding: rot13"), None),
    "what says gzip and is none": (plain(b"200 OK", b"{}" * 50, b"Content-Encoding: gzip"), None),
    "half a gzip": (lambda: plain(b"200 OK", hostile.gzip()[:2000], b"Content-Encoding: gzip"), None),
    "a redirect to itself": (plain(b"307 Again", b"", b"Location: /x", b"Retry-After: 0"), None),
    "an upgrade": (plain(b"101 Switching Protocols", b"", b"Upgrade: websocket"), "again"),
    "a wait of 10^20 seconds": (plain(b"503 No", b"", b"Retry-After: 100000000000000000000"), "expired"),
    "a negative wait": (plain(b"429 No", b"", b"Retry-After: -5"), "again"),
    "a wait until the year 9999": (plain(b"503 No", b"", b"Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"), "expired"),
    "a wait that is none": (plain(b"429 No", b"", b"Retry-After: \xff\xfe soon"), "again"),
    "bytes that are no text": (plain(b"500 \xff\xfe", bytes(range(256)) * 100), "again"),
    "5 MB of [": (plain(b"400 Bad", b"[" * 5_000_000, b"Content-Type: application/json"), None),
    "5,000 headers": ([OK + b"X: y\r\n" * 5000 + b"Content-Length: 2\r\n\r\n{}"], None),
}


def watch_over(crier, until):
    """Asks after its health until then; how long the slowest answer took."""
    slowest = 0.0
    while not until.is_set():
        start = time.monotonic()
        assert exchange(crier.url, "GET", "/healthz", timeout=20)[0] == 200
        slowest = max(slowest, time.monotonic() - start)
        time.sleep(0.02)
    return slowest


def watched(crier, work):
    """work(), under watch: (its result, the slowest answer, KiB more at most)."""
    over, found, before = threading.Event(), [], crier.memory_kib()
    grown = [0]
    def watch():
        found.append(watch_over(crier, over))
    def weigh():
        while not over.is_set():
            grown[0] = max(grown[0], crier.memory_kib() - before)
            time.sleep(0.02)
    threads = [threading.Thread(target=t) for t in (watch, weigh)]
    for t in threads:
        t.start()
    try:
        result = work()
    finally:
        over.set()
        for t in threads:
            t.join()
    return result, found[0], grown[0]


@pytest.fixture
def server():
    hostile.make_bombs()
    server = hostile.Hostile({f"/{n}": said for n, (said, _) in enumerate(ANSWERS.values())})
    yield server
    server.close()


def test_hostile_answers_end_in_bounded_memory_and_delay_nobody(make_crier, platform, server):
    hook = {"type": "webhook", "allow_private": True, "rate": "1000/s", "timeout": "8s" if SLOW else "2s"}
    def change(settings):
        settings["server"]["log_level"] = "info"
        settings["channels"].update({f"hostile-{n}": {**hook, "url": f"{server.url}/{n}"} for n in range(len(ANSWERS))})
    crier = make_crier(change, attack.FORGETFUL)
    def send():
        sent = crier.send(small_article(1))
        start = time.monotonic()
        for name in ("telegram", "mastodon", "bluesky", "partner"):
            crier.await_done(sent["id"], channel=name)
        took = time.monotonic() - start
        wait_for(lambda: all(d["attempts"] >= 1 and (d["state"] != "in_flight" or d["attempts"] > 1)
                             for d in crier.deliveries(sent["id"])), what="all to have answered once")
        return sent, took
    (sent, took), slowest, grown = watched(crier, send)
    print(f"the good ones took {took:.2f} s, the slowest health check {slowest * 1000:.0f} ms, {grown} KiB more")
    assert took < (15 if SLOW else 5) and slowest < (10 if SLOW else 2)
    assert within(grown, (160 if SLOW else 60) * 1024)  # each of the bombs alone would be 300 MiB
    by_channel = {d["channel"]: d for d in crier.deliveries(sent["id"])}
    rows = [(name, wanted, by_channel[f"hostile-{n}"]) for n, (name, (_, wanted)) in enumerate(ANSWERS.items())]
    states = {"done": {"done"}, "again": {"again", "in_flight"}, "expired": {"expired"},
              None: {"done", "again", "in_flight", "rejected", "blocked"}}
    assert [(name, d["state"], d["detail"]) for name, wanted, d in rows if d["state"] not in states[wanted]] == []
    assert max(len(str(d["detail"])) for _, _, d in rows) < 600
    all_well(crier, platform, 1)


PICTURE = b"Content-Type: image/png"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\xff\xff\xff\xff" * 2 + b"\x08\x02\0\0\0" + bytes(100)
PICTURES = {
    **{f"bomb {name}": hostile.bomb(name, b"image/png") for name in hostile.BOMBS},
    "a body without end": lambda: forever(OK + PICTURE + b"\r\n\r\n\x89PNG\r\n\x1a\n", SOME),
    "a head without end": lambda: forever(OK, b"X-More: abcdefghijklmnop\r\n"),
    "21 MB": plain(b"200 OK", b"\x89PNG\r\n\x1a\n" + bytes(21_000_000), PICTURE),
    "redirects without end": lambda: plain(b"302 There", b"", b"Location: ?more"),
    "an executable": plain(b"200 OK", b"MZ" + bytes(1000), PICTURE),
    "SVG": plain(b"200 OK", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"Content-Type: image/svg+xml"),
    "a page": plain(b"200 OK", b"<html>", b"Content-Type: image/png"),
    "nothing": plain(b"200 OK", b"", PICTURE),
    "half": [OK + PICTURE + b"\r\nContent-Length: 1000\r\n\r\n\x89PNG\r\n\x1a\n"],
}


def test_hostile_pictures_are_left_out_in_bounded_memory(make_crier, platform):
    hostile.make_bombs()
    server = hostile.Hostile({f"/{n}": said for n, said in enumerate(PICTURES.values())} | {
        "/huge": plain(b"200 OK", PNG, PICTURE)})
    def change(settings):
        settings["server"]["log_level"] = "info"
        for name in ("telegram", "bluesky", "partner"):
            del settings["channels"][name]
    crier = make_crier(change, attack.FORGETFUL)
    def send():
        ids = [crier.send(small_article(n, images=[{"url": f"{server.url}/{n}", "alt": "a"}]))["id"] for n in range(len(PICTURES))]
        for article_id in ids:
            crier.await_done(article_id, seconds=30)
    _, slowest, grown = watched(crier, send)
    print(f"the slowest health check {slowest * 1000:.0f} ms, {grown} KiB more")
    assert slowest < (10 if SLOW else 2)
    assert within(grown, 260 * 1024)  # a channel fetches five pictures at once, each to 20 MiB and as much again to grow
    assert all(post["image"] == "" for post in platform.posts("mastodon"))
    assert len(platform.posts("mastodon", standing=False)) == len(PICTURES)
    # One that claims 2^32 times 2^32 pixels goes nowhere: nothing unpacks it, and a platform would not either.
    sent = crier.send(small_article(99, images=[{"url": f"{server.url}/huge", "alt": "a"}]))
    delivery, = crier.await_done(sent["id"])
    assert "more than 100 million pixels" in delivery["detail"], delivery
    server.close()
