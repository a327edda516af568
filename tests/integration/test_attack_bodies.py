"""Hostile bodies: JSON made to exhaust or to confuse a parser, bodies that are cut, too large, or sent again
and again. Each is refused with its reason, in bounded time and memory, whoever sends it."""

import json
import socket
import time

import attack
from attack import request
from harness import CMS_SECRET, SLOW, TOKEN, all_well, exchange, sign_hub, small_article, within

AUTH = f"Authorization: Bearer {TOKEN}"
JSON = "Content-Type: application/json"
MIB = 1024 * 1024
URL = b'"url": "https://news.example/x"'


def article_with(member):
    return b'{"title": "a", %s, %s}' % (URL, member)


# name, body, statuses that are right, a word of the problem ("": any)
BODIES = [
    ("5 MB of [", b"[" * (5 * MIB - 10), {400}, "deeper"),
    ("5 MB of {\"a\":", (b'{"a":' * MIB)[:5 * MIB - 10], {400}, "deeper"),
    ("5 MB of \"", b'"' * (5 * MIB - 10), {400}, "no JSON"),
    ("5 MB of backslashes in a string", b'"' + b"\\" * (5 * MIB - 12) + b'"', {400, 422}, ""),
    ("5 MB of blanks", b" " * (5 * MIB - 10), {400}, "no JSON"),
    ("a string without end", b'{"title": "' + b"a" * (5 * MIB - 20), {400}, "no JSON"),
    ("a number of 1,000,000 digits", article_with(b'"urgency": ' + b"1" * MIB), {400}, "no JSON"),
    ("1e999", article_with(b'"urgency": 1e999'), {400}, "no JSON"),
    ("-1e-999999999", article_with(b'"urgency": -1e-999999999'), {400, 422}, ""),
    ("2^63", article_with(b'"urgency": 9223372036854775808'), {400}, "no JSON"),
    ("2^63-1", article_with(b'"urgency": 9223372036854775807'), {422}, "/urgency"),
    ("1.5", article_with(b'"urgency": 1.5'), {422}, "/urgency"),
    ("an id of 19 digits too many", article_with(b'"id": 12345678901234567890123'), {400}, "no JSON"),
    ("a fraction for an id", article_with(b'"id": 1.5'), {422}, "/id"),
    ("NaN", article_with(b'"urgency": NaN'), {400}, "no JSON"),
    ("a member twice", b'{"title": "a", "title": "b", %s}' % URL, {400}, "the same name twice"),
    ("twice, escaped once", b'{"title": "a", "titl\\u0065": "b", %s}' % URL, {400}, "the same name twice"),
    ("deep within", article_with(b'"images": ' + b"[" * 40 + b"]" * 40), {400}, "deeper"),
    ("100,000 members", b"{" + b",".join(b'"m%d": 1' % n for n in range(100_000)) + b"}", {422}, ""),
    ("100,000 tags", article_with(b'"tags": [' + b",".join(b'"t%d"' % n for n in range(100_000)) + b"]"), {422}, "/tags"),
    ("overlong UTF-8", article_with(b'"summary": "\xc0\xaf"'), {400}, ""),
    ("half a character", article_with(b'"summary": "\xe2\x82"'), {400}, ""),
    ("a surrogate in UTF-8", article_with(b'"summary": "\xed\xa0\x80"'), {400}, ""),
    ("beyond Unicode", article_with(b'"summary": "\xf4\x90\x80\x80"'), {400}, ""),
    ("half an escaped pair", article_with(b'"summary": "\\ud83d"'), {400}, ""),
    ("an escaped NUL", article_with(b'"summary": "a\\u0000b"'), {400, 422}, ""),
    ("a NUL within a name", b'{"title\\u0000": "a"}', {400, 422}, ""),
    ("a raw NUL", b'{"title": "a\0b", %s}' % URL, {400}, ""),
    ("a raw line end in a string", b'{"title": "a\nb", %s}' % URL, {400}, ""),
    ("a byte order mark", b"\xef\xbb\xbf" + json.dumps(small_article(1)).encode(), {400}, ""),
    ("UTF-16", json.dumps(small_article(1)).encode("utf-16"), {400}, ""),
    ("two documents", b"{} {}", {400}, "no JSON"),
    ("a comment", b'/* hello */ {"title": "a"}', {400}, "no JSON"),
    ("a comma too many", b'{"title": "a",}', {400}, "no JSON"),
    ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03", {400}, "no JSON"),
    ("XML", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', {400}, "no JSON"),
    ("a prototype's name", article_with(b'"__proto__": {"breaking": true}'), {422}, "__proto__"),
    ("an event of the library's kind", b'{"event": {"deep": [1]}, "article": {}}', {422}, ""),
    ("an event without article", b'{"event": "published"}', {422}, ""),
    ("a retraction of nothing", b'{"event": "retracted", "article": {}}', {400, 404, 422}, ""),
    ("an article that is a list", b'{"event": "published", "article": [1]}', {422}, ""),
]


def refused(crier, path, headers, row):
    name, raw, statuses, word = row
    start = time.monotonic()
    status, answer_headers, body = exchange(crier.url, "POST", path, raw, {"Content-Type": "application/json", **headers})
    took = time.monotonic() - start
    assert status in statuses, (path, name, status, body[:300])
    document = json.loads(body)
    assert answer_headers["Content-Type"] == "application/problem+json" and document["status"] == status, name
    assert word in json.dumps(document), (path, name, document)
    assert len(body) < 20_000 and took < (9 if SLOW else 3), (path, name, len(body), took)


def test_bodies_made_to_break_a_parser_are_refused(make_crier, platform):
    crier = make_crier(environment=attack.FORGETFUL)
    before = crier.memory_kib()
    for row in BODIES:
        refused(crier, "/hooks/cms", sign_hub(CMS_SECRET, row[1]), row)
        if not row[0].startswith(("an event", "a retraction", "an article")):  # these are for hooks only
            refused(crier, "/v1/articles", {"Authorization": f"Bearer {TOKEN}"}, row)
    grown = crier.memory_kib() - before
    print(f"{grown} KiB more")
    assert within(grown, 64 * 1024)
    assert crier.get("/v1/articles")["items"] == [] and platform.truth()["requests"] == []
    all_well(crier, platform, 1)


def test_strangers_are_refused_before_anything_is_read_of_a_large_body(crier):
    raw = b"[" * (5 * MIB - 10)
    for headers, status in ((["Authorization: Bearer wrong"], 401), ([], 401)):
        with attack.Wire(crier.port) as wire:
            wire.say(request("POST", "/v1/articles", [JSON, *headers, f"Content-Length: {len(raw)}"]))
            assert wire.answer().status == status  # none of it was sent
    # a signature is over the body, so that is read, and nothing made of it
    status, _, body = exchange(crier.url, "POST", "/hooks/cms", raw, {"X-Hub-Signature-256": "sha256=" + "0" * 64})
    assert status == 401 and b"deeper" not in body


def test_bodies_that_are_cut_leave_nothing(make_crier, platform):
    # An end that comes together with the last bytes is not noticed by libmicrohttpd; the time ends those.
    crier = make_crier(lambda settings: settings["server"].update(request_timeout="1s"))
    good = json.dumps(small_article(1)).encode()
    whole = request("POST", "/v1/articles", [AUTH, JSON], good)
    chunked = request("POST", "/v1/articles", [AUTH, JSON, "Transfer-Encoding: chunked"]) + b"%x\r\n" % len(good) + good
    cuts = [whole[:n] for n in range(0, len(whole), 7)] + [chunked, chunked + b"\r\n0\r", chunked[:-5]]
    for n, raw in enumerate(cuts):
        with attack.Wire(crier.port) as wire:
            wire.say(raw)
            if n % 3 == 0:  # a reset instead of an end
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            elif n % 3 == 1:
                wire.socket.shutdown(socket.SHUT_WR)
                assert all(a.status >= 400 for a in wire.answers())
    assert crier.get("/v1/articles")["items"] == []
    all_well(crier, platform, 1)


def test_who_leaves_without_waiting_for_the_answer_and_comes_again_is_known(crier, platform):
    good = json.dumps(small_article(1)).encode()
    for _ in range(30):
        with attack.Wire(crier.port) as wire:
            wire.say(request("POST", "/v1/articles", [AUTH, JSON], good))
    answer = crier.send(small_article(1))
    assert answer["outcome"] == "unchanged" or answer["revision"] == 1
    crier.await_done(answer["id"])
    assert len(platform.posts("hook", standing=False)) == 1 and platform.truth()["duplicates"] == []
    assert len(crier.get("/v1/articles")["items"]) == 1
    all_well(crier, platform, 1)


def test_chunks_over_the_limit_are_told_so_and_not_kept(make_crier, platform):
    crier = make_crier(lambda settings: settings["server"].update(max_body="64KiB"), attack.FORGETFUL)
    before = crier.memory_kib()
    piece = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    def send(count):
        with attack.Wire(crier.port) as wire:
            wire.say(request("POST", "/hooks/cms", [JSON, "Transfer-Encoding: chunked"]) + piece * count + b"0\r\n\r\n")
            return wire.ends()
    for answer in attack.at_once(8, lambda n: send(3 + 30 * n)):
        assert answer.status == 413 and "max_body" in answer.problem()["detail"]
    assert within(crier.memory_kib() - before, 20 * 1024)
    all_well(crier, platform, 1)
