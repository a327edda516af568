"""Bad input at every door: a clear answer, no harm, bounded memory."""

import json
import socket
import time

import pytest
from harness import (AGENCY_SECRET, CMS_SECRET, TOKEN, exchange, sign_hub, sign_standard,
                     small_article)

GOOD = json.dumps(small_article(1)).encode()
DEEP = b'{"title": ' + b"[" * 5000 + b"]" * 5000 + b"}"


def problem(answer, status, *words):
    got, body, headers = answer
    assert got == status, body
    assert headers["Content-Type"].startswith("application/problem+json")
    assert body["status"] == status and body["title"]
    text = json.dumps(body, ensure_ascii=False)
    for word in words:
        assert word in text, text
    return body


BAD_ARTICLES = [
    ("no JSON at all", b"{not json", 400, ()),
    ("cut in the middle", GOOD[:-20], 400, ()),
    ("empty", b"", 400, ()),
    ("invalid UTF-8", b'{"title": "\xff\xfe", "url": "https://news.example/x"}', 400, ()),
    ("a lone surrogate", b'{"title": "\\ud800", "url": "https://news.example/x"}', 400, ()),
    ("NUL in a title", b'{"title": "a\\u0000b", "url": "https://news.example/x"}', None, ()),
    ("nested too deep", DEEP, 400, ("deeper",)),
    ("a member twice", b'{"title": "a", "title": "b", "url": "https://news.example/x"}', 400, ()),
    ("a list", b"[1, 2]", 422, ()),
    ("a number", b"7", 422, ()),
    ("null", b"null", 422, ()),
    ("no title and no url", b"{}", 422, ("title", "url")),
    ("a title that is a number", b'{"title": 5, "url": "https://news.example/x"}', 422, ("/title",)),
    ("a url that is none", b'{"title": "a", "url": "javascript:alert(1)"}', 422, ("/url",)),
    ("a relative url", b'{"title": "a", "url": "/x"}', 422, ("/url",)),
    ("an unknown member", b'{"title": "a", "url": "https://news.example/x", "sumary": "x"}', 422, ("summary",)),
    ("urgency out of range", b'{"title": "a", "url": "https://news.example/x", "urgency": 77}', 422, ("/urgency",)),
    ("a time that is none", b'{"title": "a", "url": "https://news.example/x", "published_at": "yesterday"}', 422,
     ("/published_at",)),
    ("a picture without address", b'{"title": "a", "url": "https://news.example/x", "images": [{"alt": "x"}]}', 422,
     ("/images/0",)),
    ("too many tags", json.dumps(small_article(1, tags=[f"t{n}" for n in range(500)])).encode(), 422, ("/tags",)),
    ("a huge title", json.dumps(small_article(1, title="x" * 100_000)).encode(), 422, ("/title",)),
    ("six megabytes", json.dumps(small_article(1, body="x" * 6_000_000)).encode(), 413, ()),
]


@pytest.mark.parametrize("raw, status, words", [row[1:] for row in BAD_ARTICLES],
                         ids=[row[0] for row in BAD_ARTICLES])
def test_a_bad_article_is_refused_with_the_reason(crier, platform, raw, status, words):
    for path, headers, token in (("/v1/articles", {}, TOKEN), ("/hooks/cms", sign_hub(CMS_SECRET, raw), None)):
        answer = crier.call("POST", path, raw, headers=headers, token=token)
        if status is None:
            assert answer[0] in (400, 422), answer[1]
        else:
            problem(answer, status, *words)
    assert crier.get("/v1/articles")["items"] == []
    assert platform.truth()["requests"] == []


def test_all_faults_of_an_article_are_named_at_once(crier):
    body = problem(crier.call("POST", "/v1/articles", {"title": 5, "url": "x", "urgency": "high", "tags": 3}), 422)
    assert {e["pointer"] for e in body["errors"]} >= {"/title", "/url", "/urgency", "/tags"}


def test_another_content_type_is_refused(crier):
    problem(crier.call("POST", "/v1/articles", GOOD, headers={"Content-Type": "text/xml"}), 415)


@pytest.mark.parametrize("token", [None, "wrong", TOKEN[:-1], TOKEN + "x", ""])
def test_without_the_token_nothing_is_told(crier, token):
    for method, path in (("GET", "/v1/articles"), ("GET", "/v1/channels"), ("GET", "/metrics"),
                         ("POST", "/v1/reload"), ("GET", "/v1/events")):
        problem(crier.call(method, path, token=token), 401)


def test_unknown_paths_and_methods(crier):
    problem(crier.call("GET", "/v1/nothing"), 404)
    assert crier.call("PATCH", "/v1/articles", check=False)[0] in (404, 405)
    problem(crier.call("GET", "/v1/articles/art_doesnotexist1"), 404)
    problem(crier.call("GET", "/v1/articles/..%2f..%2fetc%2fpasswd"), 404)
    problem(crier.call("POST", "/v1/deliveries/dlv_0000000000000/replay"), 404)
    problem(crier.call("POST", "/v1/channels/nobody/pause"), 404)
    problem(crier.call("POST", "/hooks/nobody", b"{}", token=None), 404)


def test_bad_queries(crier):
    problem(crier.call("GET", "/v1/deliveries?state=dome"), 400, "done")
    problem(crier.call("GET", "/v1/articles?limit=0"), 400)
    problem(crier.call("GET", "/v1/articles?limit=99999999999999999999"), 400)
    problem(crier.call("GET", "/v1/articles?cursor=nonsense"), 400)


def test_a_wrong_signature_is_refused(crier, platform):
    good = sign_hub(CMS_SECRET, GOOD)["X-Hub-Signature-256"]
    for value in ("", "sha256=", "sha256=" + "0" * 64, good[:-1], good + "0", good.replace("sha256", "sha1"),
                  sign_hub("another secret", GOOD)["X-Hub-Signature-256"]):
        problem(crier.call("POST", "/hooks/cms", GOOD, headers={"X-Hub-Signature-256": value}, token=None), 401)
    problem(crier.call("POST", "/hooks/cms", GOOD, token=None), 401)
    problem(crier.call("POST", "/hooks/cms", GOOD, token=TOKEN), 401)
    problem(crier.call("POST", "/hooks/cms", GOOD + b" ", headers=sign_hub(CMS_SECRET, GOOD), token=None), 401)
    assert crier.call("POST", "/hooks/cms", GOOD, headers=sign_hub(CMS_SECRET, GOOD), token=None)[0] == 202


def test_standard_webhooks_signatures_old_new_and_wrong(crier):
    def call(headers, raw=GOOD):
        return crier.call("POST", "/hooks/agency", raw, headers=headers, token=None)
    now = time.time()
    problem(call(sign_standard(AGENCY_SECRET, GOOD, "m1", now - 3600)), 401)
    problem(call(sign_standard(AGENCY_SECRET, GOOD, "m1", now + 3600)), 401)
    problem(call(sign_standard("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", GOOD, "m1")), 401)
    problem(call(sign_standard(AGENCY_SECRET, GOOD, "m1") | {"webhook-id": "m2"}), 401)
    problem(call(sign_standard(AGENCY_SECRET, GOOD, "m1") | {"webhook-timestamp": "soon"}), 401)
    problem(call(sign_standard(AGENCY_SECRET, GOOD, "m1"), GOOD + b" "), 401)
    problem(call(sign_hub(AGENCY_SECRET, GOOD)), 401)
    rotated = sign_standard(AGENCY_SECRET, GOOD, "m1")
    rotated["webhook-signature"] = "v1,AAAA " + rotated["webhook-signature"]
    assert call(rotated)[0] == 202


def test_a_replayed_call_is_answered_as_the_first_time_and_does_nothing(crier, platform):
    headers = sign_standard(AGENCY_SECRET, GOOD, "message-1")
    first = crier.call("POST", "/hooks/agency", GOOD, headers=headers, token=None)[1]
    crier.await_done(first["id"])
    before = len(platform.truth()["requests"])
    again = crier.call("POST", "/hooks/agency", GOOD, headers=headers, token=None)[1]
    assert again["id"] == first["id"] and again["outcome"] in ("replayed", "unchanged")
    other = json.dumps(small_article(2)).encode()
    stolen = crier.call("POST", "/hooks/agency", other, headers=headers, token=None)
    assert stolen[0] == 401
    time.sleep(0.5)
    assert len(platform.truth()["requests"]) == before


def test_a_body_that_says_it_is_huge_is_refused_before_it_is_read(crier):
    with socket.create_connection(("127.0.0.1", crier.port), timeout=20) as s:
        s.sendall(b"POST /v1/articles HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode() +
                  b"\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{")
        assert b" 413 " in s.recv(4096)


def test_an_endless_chunked_body_is_cut_off_in_bounded_memory(crier):
    before = crier.memory_kib()
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", crier.port), timeout=20) as s:
        s.sendall(b"POST /v1/articles HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode() +
                  b"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(1600):  # 100 MiB, if it were let
                s.sendall(chunk)
            cut = False
        except OSError:
            cut = True
    assert cut
    assert crier.memory_kib() - before < 40 * 1024
    assert crier.is_ready()


def test_requests_that_never_end_hold_nobody_up(make_crier):
    def change(settings):
        settings["server"]["idle_timeout"] = "2s"
    crier = make_crier(change)
    sockets = []
    for _ in range(50):
        s = socket.create_connection(("127.0.0.1", crier.port), timeout=20)
        s.sendall(b"POST /v1/articles HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        sockets.append(s)
    assert crier.call("GET", "/v1/channels")[0] == 200
    sockets[0].settimeout(30)
    try:
        while sockets[0].recv(4096):
            pass
    except ConnectionResetError:
        pass
    for s in sockets:
        s.close()


def test_garbage_on_the_socket_is_survived(crier):
    for raw in (b"\x00" * 4096, b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"POST " + b"A" * 100_000,
                b"GET /v1/articles HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n", b"\r\n" * 1000):
        try:
            with socket.create_connection(("127.0.0.1", crier.port), timeout=2) as s:
                s.sendall(raw)
                s.shutdown(socket.SHUT_WR)
                s.recv(65536)
        except OSError:
            pass
    assert crier.is_ready()


def test_security_headers_stand_on_every_answer(crier):
    for path in ("/healthz", "/v1/articles", "/v1/nothing"):
        _, headers, _ = exchange(crier.url, "GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "no-store" in headers["Cache-Control"]


def test_private_addresses_are_closed_unless_opened(make_crier, platform, article):
    def change(settings):
        del settings["channels"]["partner"]["allow_private"]
    crier = make_crier(change)
    accepted = crier.send(article())
    crier.await_done(accepted["id"], channel="telegram")
    time.sleep(0.5)
    assert crier.states(accepted["id"])["partner"] != "done"
    assert platform.requests("/hook/") == []
