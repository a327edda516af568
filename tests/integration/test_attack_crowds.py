"""Crowds at the door: ten thousand connections that say nothing or half a request, floods of new ones,
many that say the same at once. The newsroom's own request gets through, in bounded memory, and what it
brings goes out once."""

import socket
import threading
import time

import attack
import pytest
from harness import SLOW, TOKEN, all_well, exchange, small_article, wait_for, within

CROWD = 10_000
LIMIT = 1000
HALF = b"POST /v1/articles HTTP/1.1\r\nHost: localhost\r\nContent-Le"
HALF_BODY = (b"POST /v1/articles HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
             b"Authorization: Bearer " + TOKEN.encode() + b"\r\nContent-Length: 4000\r\n\r\n{\"title\": ")
KIB_EACH = 8  # of a connection that stands there; a sanitizer's own memory comes on top


def crowd_size():
    """As many as this machine lets one process open, beside what the tests have open themselves."""
    return min(CROWD, attack.allow_files(CROWD + 2000) - 1500)


def post_quickly(crier, number):
    """Posts an article; how long its 202 took."""
    start = time.monotonic()
    crier.send(small_article(number))
    return time.monotonic() - start


def allow_connections(count):
    def change(settings):
        settings["server"].update(max_connections=count, idle_timeout="5m", log_level="info")
    return change


def test_ten_thousand_idle_connections_below_the_limit_all_stand(make_crier, platform):
    count = crowd_size()
    crier = make_crier(allow_connections(CROWD + 500), attack.FORGETFUL)
    before = crier.memory_kib()
    with attack.Crowd(crier.port, count) as crowd:
        wait_for(lambda: crowd.standing() == count and crowd.refused == 0, what=f"{count} connections")
        took = max(post_quickly(crier, n) for n in range(10))
        grown = crier.memory_kib() - before
        print(f"{count} idle connections: {grown} KiB more, a POST took {took * 1000:.0f} ms at most")
        assert exchange(crier.url, "GET", "/healthz")[0] == 200
        assert crowd.standing() == count
        assert within(grown, count * KIB_EACH * (3 if SLOW else 1))
        assert took < 2
        all_well(crier, platform, 1)


@pytest.mark.parametrize("opening", [b"", HALF, HALF_BODY], ids=["idle", "half a head", "half a body"])
def test_beyond_the_limit_the_slowest_go_and_the_newsroom_gets_through(make_crier, platform, opening):
    count = crowd_size() // (1 if opening == b"" else 3)
    crier = make_crier(allow_connections(LIMIT), attack.FORGETFUL)
    before = crier.memory_kib()
    with attack.Crowd(crier.port, count, opening) as crowd:
        assert exchange(crier.url, "GET", "/healthz", timeout=10)[0] == 200
        wait_for(lambda: crowd.standing() <= LIMIT, what="the rest to be let go")
        took = max(post_quickly(crier, n) for n in range(10))
        grown = crier.memory_kib() - before
        print(f"{count} connections, {LIMIT} allowed: {grown} KiB more, a POST took {took * 1000:.0f} ms at most")
        assert crowd.standing() >= LIMIT - 50  # the real ones took somebody's place, no more
        assert within(grown, LIMIT * 3 * KIB_EACH * (3 if SLOW else 1))
        assert took < 2
        all_well(crier, platform, 1)
    assert crier.log().count("door_crowded") == 1
    assert len(crier.log().splitlines()) < 400


def test_who_is_sent_away_within_a_request_hears_why(make_crier):
    crier = make_crier(allow_connections(20))
    with attack.Wire(crier.port) as half:
        half.say(HALF_BODY.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        assert half.answer().status == 100  # so it waits for the rest from before the others come
        assert exchange(crier.url, "GET", "/healthz")[0] == 200
        with attack.Crowd(crier.port, 40):
            answer = half.ends()
    assert answer.status == 503 and answer.headers["retry-after"] and answer.headers["connection"] == "close"
    assert "max_connections" in answer.problem()["detail"]


def test_connections_that_keep_coming_while_articles_are_stored(make_crier, platform):
    crier = make_crier(allow_connections(200))
    over = threading.Event()
    def flood(_):
        crowd = attack.Crowd(crier.port, 0, HALF)
        while not over.is_set():
            crowd.join()
            if len(crowd.sockets) > 300:
                crowd.sockets.pop(0).close()
        with crowd:
            return len(crowd.sockets)
    floods = threading.Thread(target=attack.at_once, args=(2, flood))
    floods.start()
    try:
        took = [post_quickly(crier, n) for n in range(40)]
    finally:
        over.set()
        floods.join()
    print(f"a POST took {max(took) * 1000:.0f} ms at most")
    for n in range(40):
        crier.await_done(f"small-{n}")
    texts = [p["text"] for p in platform.posts("hook")]
    assert sorted(texts) == sorted(f"Small story number {n}" for n in range(40))
    all_well(crier, platform, 1)


def test_a_hundred_identical_posts_at_once_are_one_article(crier, platform):
    article = small_article(1)
    answers = attack.at_once(100, lambda _: crier.send(article))
    assert {a["id"] for a in answers} == {answers[0]["id"]}
    assert sorted(a["outcome"] for a in answers) == ["new"] + ["unchanged"] * 99
    crier.await_done(answers[0]["id"])
    assert [p["platform"] for p in platform.posts(standing=False)].count("hook") == 1
    assert len(platform.posts(standing=False)) == 4 and platform.truth()["duplicates"] == []
    all_well(crier, platform, 1)


def test_few_descriptors_are_shared_between_the_door_and_everything_else(make_crier, platform):
    crier = make_crier(allow_connections(5000), start=False)
    crier.start(prefix=["prlimit", "--nofile=500:500"])
    with attack.Crowd(crier.port, 600) as crowd:
        wait_for(lambda: crowd.standing() <= 250, what="the rest to be let go")
        all_well(crier, platform, 1)
    assert "door_limited" in crier.log() and "wanted=5000" in crier.log()


def test_without_descriptors_the_next_one_comes_in_when_somebody_leaves(make_crier):
    crier = make_crier(start=False)
    crier.start(prefix=["prlimit", "--nofile=40:40"])
    question = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    held, waiting = [], None
    while waiting is None:
        assert len(held) < 40
        connection = socket.create_connection(("127.0.0.1", crier.port), timeout=2)
        connection.sendall(question)
        try:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            held.append(connection)
        except TimeoutError:
            waiting = connection
    held.pop().close()
    waiting.settimeout(20)
    assert waiting.recv(4096).startswith(b"HTTP/1.1 200")
    for connection in (waiting, *held):
        connection.close()
