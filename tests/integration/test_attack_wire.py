"""Malformed, ambiguous and hostile requests, byte for byte, at the real binary. What reaches us is refused
with a problem document; what the HTTP library refuses by itself, with a page of its own that repeats
nothing of the request. Nothing is stored, nobody gets in, and the next request is served."""

import json

import attack
from attack import request
from harness import CMS_SECRET, TOKEN, all_well, sign_hub, small_article

GOOD = json.dumps(small_article(1)).encode()
AUTH = f"Authorization: Bearer {TOKEN}"
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
EVIL = b"GET /v1/channels HTTP/1.1\r\nHost: localhost\r\n" + AUTH.encode() + b"\r\nConnection: close\r\n\r\n"


def post(*headers, body=b"", line="POST /v1/articles HTTP/1.1"):
    """A POST with exactly these headers, besides those that any has."""
    lines = [line, "Host: localhost", AUTH, JSON, "Connection: close", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def get(target="/healthz", *headers, line=None):
    lines = [line or f"GET {target} HTTP/1.1", "Host: localhost", *headers, "Connection: close"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)

# Refused by us: name, bytes, status, a word of the detail.
PROBLEMS = [
    ("no Host", b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "Host"),
    ("two Hosts", get("/healthz", "Host: evil.example"), 400, "once"),
    ("two lengths", post(f"Content-Length: {len(GOOD)}", "Content-Length: 0", body=GOOD), 400, "once"),
    ("the same length twice", post(*[f"Content-Length: {len(GOOD)}"] * 2, body=GOOD), 400, "once"),
    ("two tokens", get("/v1/articles", AUTH, "Authorization: Bearer x"), 400, "once"),
    ("two types", post("Content-Type: text/plain", f"Content-Length: {len(GOOD)}", body=GOOD), 400, "once"),
    ("length and coding", post(CHUNKED, "Content-Length: 5", body=b"0\r\n\r\n" + EVIL), 400, "exclude"),
    ("coding and length", post("Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + EVIL), 400, "exclude"),
    ("two codings", post(CHUNKED, "Transfer-Encoding: identity", body=CHUNKS), 400, "once"),
    ("a list of codings", post("Transfer-Encoding: gzip, chunked", body=CHUNKS), 501, "chunked"),
    ("nearly chunked", post("Transfer-Encoding: xchunked", body=CHUNKS), 501, "chunked"),
    ("chunked, quoted", post('Transfer-Encoding: "chunked"', body=CHUNKS), 501, "chunked"),
    ("chunked and a blank", post("Transfer-Encoding: chunked ", body=CHUNKS), 501, "chunked"),
    ("chunked after a control", post("Transfer-Encoding: \x0bchunked", body=CHUNKS), 400, "control"),
    ("a coding in HTTP/1.0", post(CHUNKED, body=CHUNKS, line="POST /v1/articles HTTP/1.0"), 400, "HTTP/1.0"),
    ("a blank before the colon", post("Transfer-Encoding : chunked", body=CHUNKS), 400, "name"),
    ("a tab before the colon", post("Content-Length\t: 5", body=GOOD), 400, "name"),
    ("a folded header", get("/healthz", "X-A: b\r\n c d"), 400, "name"),
    ("folding at the top", b"GET /healthz HTTP/1.1\r\n X: y\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400, "name"),
    ("a bare CR between headers", b"GET /healthz HTTP/1.1\r\nHost: x\rX: y\r\nConnection: close\r\n\r\n", 400, "control"),
    ("a bare CR in a value", get("/healthz", "X: y\rz"), 400, "control"),
    ("an escape in a value", get("/healthz", "X: \x1b[31m"), 400, "control"),
    ("DEL in a value", get("/healthz", "X: \x7f"), 400, "control"),
    ("a CR in the target", get("/healthz\r"), 400, "target"),
    ("a tab in the target", get("/health\tz"), 400, "target"),
    ("a blank in the target", get("/health z"), 400, "target"),
    ("two blanks", get("", line="GET  /healthz  HTTP/1.1"), 400, "target"),
    ("absolute form", get("http://localhost/healthz"), 400, "path"),
    ("absolute form, elsewhere", get("http://evil.example/healthz"), 400, "path"),
    ("authority form", get("", line="CONNECT evil.example:443 HTTP/1.1"), 400, "path"),
    ("authority form for GET", get("evil.example:443"), 400, "path"),
    ("asterisk form", get("", line="OPTIONS * HTTP/1.1"), 400, "path"),
    ("a target of 20,000 bytes", get("/" + "a" * 20_000), 414, "longer"),
    ("2,000 query parameters", get("/healthz?" + "&".join(f"a{n}=b" for n in range(2000))), 414, "parameters"),
    ("a lower-case method", get("", line="get /healthz HTTP/1.1"), 405, "takes"),
    ("TRACE", get("", line="TRACE /healthz HTTP/1.1"), 405, "takes"),
    ("a method of 20,000 bytes", get("", line="A" * 20_000 + " /healthz HTTP/1.1"), 405, "takes"),
    ("a token of 20,000 bytes", get("/v1/articles", "Authorization: Bearer " + "a" * 20_000), 401, "wrong"),
    ("dots", get("/v1/../healthz"), 404, "nothing"),
    ("escaped dots", get("/v1/%2e%2e/healthz"), 404, "nothing"),
    ("an escaped slash is no border", get("/v1%2Farticles", AUTH), 404, "nothing"),
    ("an escaped letter of a route", get("/%68ealthz"), 404, "nothing"),
    ("two slashes", get("//healthz"), 404, "nothing"),
    ("a path parameter", get("/healthz;x=y"), 404, "nothing"),
    ("a fragment", get("/healthz#x"), 404, "nothing"),
    ("escaped twice", get("/v1/articles/%252e%252e", AUTH), 404, "no such"),
    ("a line end escaped", get("/v1/articles/x%0d%0aSet-Cookie:%20a=b", AUTH), 404, "no such"),
    ("overlong UTF-8", get("/v1/articles/%c0%af", AUTH), 400, "UTF-8"),
    ("a surrogate", get("/v1/articles/%ed%a0%80", AUTH), 400, "UTF-8"),
    ("Latin-1, raw", get("/v1/articles/\xe9", AUTH), 400, "UTF-8"),
    ("an escaped NUL", get("/v1/articles/x%00", AUTH), 400, "UTF-8"),
    ("half an escape", get("/v1/articles/%4", AUTH), 400, "UTF-8"),
    ("no hexadecimal", get("/v1/articles/%zz", AUTH), 400, "UTF-8"),
    ("a length that is too large", post("Content-Length: 99999999", body=b"{"), 413, "max_body"),
    ("that, and waiting to be asked", post("Content-Length: 99999999", "Expect: 100-continue"), 413, "max_body"),
    ("a length in trailers", post(CHUNKED, body=b"2\r\n{}\r\n0\r\nContent-Length: 5\r\nAuthorization: x\r\n\r\n"), 422,
     "missing"),
    ("a token in the query", get(f"/v1/articles?access_token={TOKEN}"), 401, "needs"),
    ("another method in a header", post("X-HTTP-Method-Override: DELETE", "Content-Length: 2", body=b"{}"), 422, "missing"),
]

# Refused by the library, which closes then; the statuses that are right, 0: without an answer.
REFUSED = [
    ("no version", b"GET /healthz\r\n\r\n", {400}),
    ("HTTP/0.9 with headers", b"GET /healthz\r\nHost: x\r\n\r\n", {400}),
    ("HTTP/2.0", b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", {505}),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), {505}),
    ("HTTP/9.9", b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n", {505}),
    ("a version in small letters", b"GET /healthz http/1.1\r\nHost: x\r\n\r\n", {400}),
    ("a version that is none", b"GET /healthz HTTP/1.1x\r\nHost: x\r\n\r\n", {400}),
    ("a blank first", b" GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", {0, 400}),
    ("one word", b"GET\r\n\r\n", {0, 400}),
    ("a header without a colon", get("/healthz", "nothing"), {400}),
    ("NUL in a name", get("/healthz", "X\0Y: z"), {400}),
    ("a list of lengths", post(f"Content-Length: {len(GOOD)}, {len(GOOD)}", body=GOOD), {400}),
    ("a length with a sign", post(f"Content-Length: +{len(GOOD)}", body=GOOD), {400}),
    ("a negative length", post("Content-Length: -1", body=GOOD), {400}),
    ("a length in hexadecimal", post("Content-Length: 0x10", body=GOOD), {400}),
    ("a blank within a length", post("Content-Length: 1 0", body=GOOD), {400}),
    ("an empty length", post("Content-Length:", body=GOOD), {400}),
    ("a length of 26 digits", post("Content-Length: " + "9" * 26, body=GOOD), {413}),
    ("a chunk of 2^72 bytes", post(CHUNKED, body=b"f" * 18 + b"\r\n"), {413}),
    ("a negative chunk", post(CHUNKED, body=b"-1\r\n"), {400}),
    ("a chunk size with 0x", post(CHUNKED, body=b"0x5\r\nhello\r\n0\r\n\r\n"), {400}),
    ("a blank after a chunk size", post(CHUNKED, body=b"5 \r\nhello\r\n0\r\n\r\n"), {400}),
    ("a chunk size that is no number", post(CHUNKED, body=b"zz\r\n"), {400}),
    ("a chunk without its line end", post(CHUNKED, body=b"2\r\n{}XX0\r\n\r\n"), {400}),
    ("a target of 200,000 bytes", get("/" + "a" * 200_000), {0, 414}),
    ("a header of 200,000 bytes", get("/healthz", "X: " + "a" * 200_000), {0, 431}),
    ("20,000 headers", get("/healthz", *["X: y"] * 20_000), {0, 431}),
    ("20,000 cookies", get("/healthz", "Cookie: " + "a=b; " * 5_000), {0, 200, 400, 431}),
    ("20,000 trailers", post(CHUNKED, body=b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n"), {0, 431}),
]

# Odd, and right.
SERVED = [
    ("empty lines first", b"\r\n\r\n" + get(), 200),
    ("bare LF, which RFC 9112 lets pass", b"GET /healthz HTTP/1.1\nHost: x\nConnection: close\n\n", 200),
    ("HTTP/1.0 without Host", b"GET /healthz HTTP/1.0\r\n\r\n", 200),
    ("HTTP/1.2", b"GET /healthz HTTP/1.2\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
    ("an empty Host", b"GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 200),
    ("200 headers", get("/healthz", *["X: y"] * 200), 200),
    ("a header of 20,000 bytes", get("/healthz", "X: " + "a" * 20_000), 200),
    ("a tab before the value", get("/healthz", "X:\ty"), 200),
    ("an upgrade is not taken up", get("/healthz", "Upgrade: h2c, websocket", "Connection: Upgrade"), 200),
    ("a body that nobody asked for", get("/healthz", "Content-Length: 5") + b"hello", 200),
    ("an expectation that nobody knows", get("/healthz", "Expect: the unexpected"), 200),
    ("a query twice", get("/v1/articles?limit=1&limit=2", AUTH), 200),
]


def check_problem(name, raw, status, word, answers):
    assert answers and answers[0].status == status, (name, answers)
    assert word in answers[0].problem()["detail"], (name, answers[0].problem())
    assert answers[0].headers["x-content-type-options"] == "nosniff", name
    if status == 400 and b"Content-Length" in raw or b"Transfer" in raw and status in (400, 501):
        assert len(answers) == 1, f"{name}: what stood behind it was taken for a request: {answers}"


def check_refused(name, raw, statuses, answers):
    assert (answers[0].status if answers else 0) in statuses, (name, answers)
    assert len(answers) <= 1 or answers[0].status != 200, (name, answers)
    said = b"".join(a.body for a in answers)
    assert TOKEN.encode() not in said and b"harbour" not in said, name
    for a in answers:
        assert "set-cookie" not in a.headers and "access-control-allow-origin" not in a.headers, name


def test_what_is_wrong_with_a_request_is_said_and_nothing_is_done(crier, platform):
    for name, raw, status, word in PROBLEMS:
        check_problem(name, raw, status, word, attack.ask(crier.port, raw))
    for name, raw, statuses in REFUSED:
        check_refused(name, raw, statuses, attack.ask(crier.port, raw))
    assert crier.get("/v1/articles")["items"] == []
    for name, raw, status in SERVED:
        answers = attack.ask(crier.port, raw)
        assert [a.status for a in answers] == [status], (name, answers)
    assert crier.get("/v1/articles")["items"] == [] and platform.truth()["requests"] == []
    all_well(crier, platform, 1)


def test_what_stays_without_end_is_closed(make_crier, platform):
    """Bytes that begin no line: whoever says them waits for us, and we for him, for as long as we do."""
    crier = make_crier(lambda settings: settings["server"].update(idle_timeout="1s", request_timeout="1s"))
    hello = bytes.fromhex("16030100a5010000a10303") + b"\x55" * 150
    raws = (hello, b"\x00\x01\x02\x03", b"\xff" * 1000, b"SSH-2.0-OpenSSH_9.9\r", b"\x05\x01\x00", b"GET /healthz")
    assert attack.at_once(len(raws), lambda n: attack.ask(crier.port, raws[n])) == [[]] * len(raws)
    all_well(crier, platform, 1)


def test_pipelined_requests_are_answered_in_order_and_garbage_ends_them(crier, platform):
    def body(answer):
        return answer.status, json.loads(answer.body)
    with attack.Wire(crier.port) as wire:
        wire.say(request("GET", "/healthz", close=False)
                 + request("POST", "/v1/articles", [AUTH, JSON], GOOD, close=False)
                 + request("GET", "/v1/articles/small-1", [AUTH], close=False)
                 + request("GET", "/v1/nothing", close=False)
                 + b"garbage\r\n\r\n" + request("GET", "/healthz"))
        answers = wire.answers()
    assert body(answers[0]) == (200, {"status": "ok"})
    assert answers[1].status == 202 and json.loads(answers[1].body)["outcome"] == "new"
    assert answers[2].status == 200 and json.loads(answers[2].body)["title"] == "Small story number 1"
    assert answers[3].status == 404
    assert [a.status for a in answers[4:]] in ([], [400])  # and nothing behind it
    crier.await_done("small-1")
    assert len(platform.posts("hook")) == 1
    all_well(crier, platform, 1)


def test_many_pipelined_posts_on_one_connection_are_each_taken_once(crier, platform):
    raw = b"".join(request("POST", "/hooks/cms", [JSON, *sign_hub(CMS_SECRET, body).items()], body, close=False)
                   for body in (json.dumps(small_article(n % 50)).encode() for n in range(100)))
    with attack.Wire(crier.port) as wire:
        wire.say(raw)
        outcomes = [json.loads(wire.answer().body)["outcome"] for _ in range(100)]
    assert outcomes == ["new"] * 50 + ["unchanged"] * 50
    for n in range(50):
        crier.await_done(f"small-{n}")
    assert len(platform.posts("hook", standing=False)) == 50 and platform.truth()["duplicates"] == []


def test_who_waits_to_be_asked_for_the_body_is_asked(crier):
    with attack.Wire(crier.port) as wire:
        wire.say(post(f"Content-Length: {len(GOOD)}", "Expect: 100-continue"))
        assert wire.answer().status == 100
        wire.say(GOOD)
        assert wire.answer().status == 202
    with attack.Wire(crier.port) as wire:  # a stranger is not
        wire.say(request("POST", "/v1/articles", [JSON, "Content-Length: 10", "Expect: 100-continue"]))
        assert wire.answer().status == 401
