"""Those who take their time: requests that come byte by byte, requests the HTTP library cannot get on with,
answers and events that are never read to the end. Each has a deadline that no byte renews, and nobody
else waits for it."""

import socket
import time

import attack
import pytest
from harness import SLOW, TOKEN, all_well, exchange, small_article, wait_for, within

AUTH = f"Authorization: Bearer {TOKEN}"
HEAD = (f"POST /v1/articles HTTP/1.1\r\nHost: localhost\r\n{AUTH}\r\n"
        "Content-Type: application/json\r\n").encode()
PLENTY = 12 if SLOW else 6  # seconds within which a deadline of one second must have been kept


@pytest.fixture
def crier(make_crier):
    def change(settings):
        settings["server"].update(request_timeout="1s", idle_timeout="1s")
    return make_crier(change, attack.FORGETFUL)


# What has been said at once, and what then drips, a byte every 50 ms: longer than the deadline.
SENDERS = [
    ("nothing at all", b"", b"", None),
    ("the request line", b"", b"GET /healthz HTTP/1.1" + b" " * 1000, None),
    ("a header", HEAD + b"X: ", b"a" * 1000, 408),
    ("many headers", HEAD, b"X: y\r\n" * 200, 408),
    ("a body", HEAD + b"Content-Length: 5000\r\n\r\n", b"{" * 5000, 408),
    ("chunks", HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n[\r\n" * 500, 408),
    ("the size of a chunk", HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 500, 408),
    ("trailers", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X: y\r\n" * 200, 408),
    ("an unsigned hook's body", b"POST /hooks/cms HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n",
     b"{" * 500, 408),
    ("a chunk extension larger than memory", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"a" * 100_000, b"", 408),
    ("a second request behind a good one", attack.request("GET", "/healthz", close=False) + HEAD + b"X: ",
     b"a" * 1000, 408),
]


def drip_until_cut(crier, first, drip):
    """(seconds until the door hung up, the answer it ended with)."""
    with attack.Wire(crier.port, timeout=PLENTY) as wire:
        start = time.monotonic()
        wire.say(first)
        wire.drip(drip, 0.05)
        answer = wire.ends()
        return time.monotonic() - start, answer


def test_a_request_has_a_deadline_that_no_byte_renews(crier, platform):
    rows = attack.at_once(len(SENDERS), lambda n: drip_until_cut(crier, *SENDERS[n][1:3]))
    for (name, _, _, status), (took, answer) in zip(SENDERS, rows):
        assert 0.8 < took < PLENTY, f"{name}: {took:.1f} s"
        if status is None:
            assert answer is None, (name, answer)
            continue
        assert answer is not None and answer.status == status, (name, answer)
        assert "request_timeout" in answer.problem()["detail"], name
        assert answer.headers["connection"] == "close", name
    all_well(crier, platform, 1)


def test_who_is_merely_slow_is_served(make_crier):
    crier = make_crier(lambda settings: settings["server"].update(request_timeout="1m", idle_timeout="1m"))
    raw = attack.request("GET", "/healthz")
    with attack.Wire(crier.port) as wire:
        assert wire.drip(raw, 0.02) >= len(raw) - 1
        assert wire.ends().status == 200


def cpu_seconds(crier):
    fields = open(f"/proc/{crier.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_connection_that_goes_nowhere_keeps_nobody_from_working(make_crier, platform):
    """An extension larger than the library's memory: it says "there is more to do" until it is cut.
    The loop must not listen to it alone, nor burn a core over it."""
    crier = make_crier(lambda settings: settings["server"].update(request_timeout="1m", idle_timeout="1m"))
    stuck = [attack.Wire(crier.port) for _ in range(5)]
    for wire in stuck:
        wire.say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"a" * 100_000)
    before, start = cpu_seconds(crier), time.monotonic()
    all_well(crier, platform, 1)  # goes through the ledger's thread, and out
    time.sleep(max(0.0, 1.5 - (time.monotonic() - start)))
    share = (cpu_seconds(crier) - before) / (time.monotonic() - start)
    print(f"{share * 100:.0f} % of a core")
    assert share < 0.7
    for wire in stuck:
        assert not wire.hung_up()
        wire.socket.close()


def fill(crier, numbers, size):
    for n in numbers:
        crier.send(small_article(n, summary="x" * size))


def test_a_reader_that_takes_its_time_over_an_answer_is_cut_off(crier, platform):
    fill(crier, range(60), 4000)
    target = "/v1/articles?limit=200"
    whole = len(exchange(crier.url, "GET", target, headers={"Authorization": f"Bearer {TOKEN}"})[2])
    with attack.Wire(crier.port, receive_bytes=2048) as wire:
        for _ in range(4_000_000 // whole):  # more than the sockets on the way hold
            wire.say(attack.request("GET", target, [AUTH], close=False))
        def reads_a_little():
            wire.socket.recv(64)
            return open_connections(crier) == 1  # which asks just now
        wait_for(reads_a_little, every=0.2, what="the reader to be cut off")
    all_well(crier, platform, 1)


def test_readers_of_events_that_do_not_read_are_let_go_in_bounded_memory(crier, platform):
    wires = []
    for _ in range(40):
        wire = attack.Wire(crier.port, receive_bytes=2048)
        wire.say(attack.request("GET", "/v1/events?after=0", [AUTH], close=False))
        wires.append(wire)
    before = crier.memory_kib()
    listening = crier.events()
    attack.at_once(4, lambda k: fill(crier, range(k * 60, k * 60 + 60), 100))
    wait_for(lambda: open_connections(crier) < 10, what="those that do not read to be let go")
    grown = crier.memory_kib() - before
    print(f"{grown} KiB more")
    assert within(grown, 60 * 1024)
    assert listening.open  # who reads stays
    listening.close()
    for wire in wires:
        wire.socket.close()
    all_well(crier, platform, 1)


def open_connections(crier):
    page = crier.get("/metrics")
    return int(next(line.rsplit(" ", 1)[1] for line in page.splitlines() if line.startswith("crier_open_connections")))


def test_a_half_closed_connection_is_forgotten(crier, platform):
    wires = [attack.Wire(crier.port) for _ in range(20)]
    for n, wire in enumerate(wires):
        wire.say((HEAD + b"Content-Length: 100\r\n\r\n{")[:10 * n])
        wire.socket.shutdown(socket.SHUT_WR)
    for wire in wires:
        assert (wire.ends() or attack.Answer(0, {}, b"")).status in (0, 400, 408)
        wire.socket.close()
    all_well(crier, platform, 1)
