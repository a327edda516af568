"""Who gets in, and who else might: guesses at tokens and signatures, pages in a browser on this machine, names
that were made to point here, doors left open by a setting; and what every answer says to browsers."""

import json
from urllib.parse import urlsplit

import attack
import pytest
from attack import request
from harness import CMS_SECRET, TOKEN, all_well, exchange, sign_hub, small_article, wait_for, within

GOOD = json.dumps(small_article(1)).encode()
HOOK = {"Content-Type": "application/json", **sign_hub(CMS_SECRET, GOOD)}
WRONG = {"Content-Type": "application/json", "X-Hub-Signature-256": "sha256=" + "0" * 64}


def ask(crier, path, headers, method="GET", body=None):
    return exchange(crier.url, method, path, body, headers)


def test_guesses_at_the_token_end_after_ten_and_nobody_else_suffers(crier, platform):
    def guess(peer, token="guess"):
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": f"9.9.9.9, {peer}"}
        return ask(crier, "/v1/channels", headers)
    for n in range(10):
        assert guess(f"2001:db8::{n}")[0] == 401
    status, headers, body = guess("2001:db8::99", TOKEN)
    assert status == 429 and 1 <= int(headers["Retry-After"]) <= 60 and json.loads(body)["status"] == 429
    assert guess("2001:db8:0:1::1", TOKEN)[0] == 200
    assert "too many failed logins" in crier.log()
    all_well(crier, platform, 1)


def test_guesses_at_a_signature_end_too_and_before_the_body_is_read(crier, platform):
    def call(peer, headers):
        return ask(crier, "/hooks/cms", {"X-Forwarded-For": peer, **headers}, "POST", GOOD)
    for _ in range(10):
        assert call("203.0.113.1", WRONG)[0] == 401
    assert call("203.0.113.1", HOOK)[0] == 429
    with attack.Wire(crier.port) as wire:
        wire.say(request("POST", "/hooks/cms", ["X-Forwarded-For: 203.0.113.1", "Content-Length: 5000000"]))
        assert wire.answer().status == 429
    assert crier.get("/v1/articles")["items"] == []
    assert call("203.0.113.2", HOOK)[0] == 202
    crier.await_done("small-1")
    all_well(crier, platform, 1)


def test_a_flood_of_guesses_from_everywhere_takes_no_memory_and_no_way_in(make_crier, platform):
    crier = make_crier(lambda settings: settings["server"].update(log_level="error"), attack.FORGETFUL)
    def guesses(block):
        return {exchange(crier.url, "GET", "/v1/channels", headers={
            "X-Forwarded-For": f"198.{18 + block}.{n // 250}.{n % 250}", "Authorization": "Bearer guess"})[0]
            for n in range(400)}
    guesses(0)
    before = crier.memory_kib()
    assert attack.at_once(5, lambda n: guesses(n + 1)) == [{401}] * 5
    assert within(crier.memory_kib() - before, 4 * 1024)
    all_well(crier, platform, 1)


# A request of a page in somebody's browser, or one that came through somebody else's name or proxy.
FOREIGN = [
    ("another page's origin", {"Origin": "https://evil.example"}),
    ("a sandboxed page", {"Origin": "null"}),
    ("our own origin, which serves no pages", {"Origin": "http://127.0.0.1"}),
    ("a picture of another page", {"Sec-Fetch-Site": "cross-site"}),
    ("a page of a neighbour", {"Sec-Fetch-Site": "same-site"}),
    ("a name that was made to point here", {"Host": "evil.example"}),
    ("one that begins like ours", {"Host": "localhost.evil.example"}),
    ("and one like an address", {"Host": "127.0.0.1.evil.example:80"}),
    ("no name", {"Host": ""}),
    ("any address", {"Host": "0.0.0.0"}),
    ("through a proxy", {"X-Forwarded-For": "203.0.113.9"}),
]
TOKEN_ROUTES = [("GET", "/v1/articles"), ("POST", "/v1/articles"), ("DELETE", "/v1/articles/x"), ("GET", "/v1/deliveries"),
                ("GET", "/v1/channels"), ("POST", "/v1/channels/partner/pause"), ("POST", "/v1/reload"),
                ("GET", "/v1/events"), ("GET", "/v1/share"), ("GET", "/metrics"), ("POST", "/test/clock")]


def test_without_a_token_no_page_and_no_proxy_gets_in(make_crier, platform):
    crier = make_crier(lambda settings: settings["server"].pop("token"), start=False)
    crier.start()
    for name, headers in FOREIGN:
        for method, path in TOKEN_ROUTES:
            status, _, body = ask(crier, path, headers, method, GOOD if method == "POST" else None)
            assert status == 403 and b"server.token" in body, (name, method, path, status)
    assert ask(crier, "/v1/articles", {})[0] == 200
    assert ask(crier, "/v1/articles", {"Host": "localhost", "Sec-Fetch-Site": "none"})[0] == 200
    assert json.loads(ask(crier, "/v1/articles", {})[2])["items"] == []
    assert ask(crier, "/v1/articles", {}, "POST", GOOD)[0] == 202
    assert wait_for(lambda: platform.posts("hook"))


def test_an_unsigned_source_is_for_this_machine_only(make_crier, platform):
    def change(settings):
        settings["sources"]["local"] = {"type": "json", "signature": "none"}
    crier = make_crier(change)
    for name, headers in FOREIGN:
        for kind in ({"Content-Type": "application/json"}, {}):  # none: what a page may send unasked
            status, _, body = ask(crier, "/hooks/local", {**headers, **kind}, "POST", GOOD)
            assert status == 403 and b"signature is none" in body, (name, status, body)
    assert crier.get("/v1/articles")["items"] == []
    assert ask(crier, "/hooks/local", {"Content-Type": "application/json"}, "POST", GOOD)[0] == 202
    all_well(crier, platform, 1)


@pytest.mark.parametrize("listen, needs_token", [
    ("127.0.0.1:8480", False), ("127.9.9.9:8480", False), ("[::1]:8480", False), ("localhost:8480", False),
    ("[::ffff:127.0.0.1]:8480", False), ("unix:/tmp/crier.sock", False),
    ("0.0.0.0:8480", True), ("[::]:8480", True), ("[::ffff:0.0.0.0]:8480", True), ("192.0.2.7:8480", True),
    ("[2002:7f00:1::]:8480", True), ("[64:ff9b::7f00:1]:8480", True), ("[::127.0.0.1]:8480", True),
    ("10.0.0.1:8480", True)])
def test_a_door_that_others_reach_needs_a_token_and_signatures(make_crier, listen, needs_token):
    crier = make_crier(lambda settings: settings["server"].pop("token"), start=False)
    crier.settings["server"]["listen"] = listen
    crier.write_settings()
    answer = crier.run("check")
    assert (answer.returncode, "`token` is missing" in answer.stdout + answer.stderr) == (int(needs_token), needs_token)
    crier.settings["server"]["token"] = TOKEN
    crier.settings["sources"]["local"] = {"type": "json", "signature": "none"}
    crier.write_settings()
    answer = crier.run("check")
    assert (answer.returncode, "signature: none" in answer.stdout + answer.stderr) == (int(needs_token), needs_token)


@pytest.mark.parametrize("listen", ["news.example:8480", "*:8480", ":8480", "8480", "0:8480", "0x7f000001:8480", "127.1:8480",
                                    "localhost", "::1:8480", "[::1]", "127.0.0.1:http", "unix:"])
def test_what_is_no_address_is_not_listened_at(make_crier, listen):
    crier = make_crier(start=False)
    crier.settings["server"]["listen"] = listen
    crier.write_settings()
    answer = crier.run("check")
    assert answer.returncode == 1 and "no address to listen at" in answer.stdout + answer.stderr


def test_a_short_token_is_no_token(make_crier):
    crier = make_crier(start=False)
    crier.settings["server"]["token"] = "fifteen-bytes-0"
    crier.write_settings()
    answer = crier.run("check")
    assert answer.returncode == 1 and "at least 16" in answer.stdout + answer.stderr


def insist_on_headers(where, status, headers):
    assert headers["X-Content-Type-Options"] == "nosniff", where
    assert headers["Referrer-Policy"] == "no-referrer", where
    assert headers["Cache-Control"] == "no-store", where
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'", where
    for name in headers:
        assert not name.lower().startswith(("access-control-", "set-cookie", "server", "x-powered")), (where, name)
    if status not in (204, 302) and headers.get("Content-Length") != "0":
        kind = headers["Content-Type"]
        assert kind.startswith(("application/", "text/plain", "text/event-stream")), (where, kind)


def test_every_answer_tells_browsers_to_make_nothing_of_it(crier):
    auth = {"Authorization": f"Bearer {TOKEN}"}
    page = {"Origin": "https://evil.example", "Cookie": "a=b", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization"}
    crier.send(small_article(1))
    seen = set()
    for method in ("GET", "HEAD", "POST", "OPTIONS", "DELETE", "PATCH", "TRACE"):
        for path in ("/healthz", "/readyz", "/metrics", "/v1/openapi.json", "/v1/articles", "/v1/articles/small-1",
                     "/v1/channels", "/v1/deliveries", "/v1/share?url=https://news.example/a", "/hooks/cms", "/hooks/nobody",
                     "/share/x?article=small-1", "/share/facebook?article=small-1", "/share/x", "/", "/favicon.ico",
                     "/robots.txt", "/v1/articles/%ff", "/index.html"):
            if (method, path) == ("DELETE", "/v1/articles/small-1"):
                continue
            for headers in ({}, auth, {**auth, **page}):
                status, answer, _ = ask(crier, path, headers, method)
                insist_on_headers((method, path, status), status, answer)
                seen.add(status)
    assert seen >= {200, 204, 302, 400, 401, 404, 405, 415} - {415}, seen
    events = crier.events()
    insist_on_headers("events", 200, events.answer.headers)
    events.close()


def test_the_share_redirect_leads_where_the_table_says_and_nowhere_else(crier):
    title = "Harbour \" <script>alert(1)</script> & //evil.example/ \\ @evil.example ?url=https://evil.example/#x"
    crier.send(small_article(1, title=title, summary="javascript:alert(1)", tags=["a&url=https://evil.example", "#b"]))
    targets = [link["id"] for link in crier.get("/v1/share?url=https://news.example/a")["links"]]
    agent = {"User-Agent": "Mozilla/5.0"}
    hosts = {}
    for target in targets:
        status, headers, _ = ask(crier, f"/share/{target}?article=small-1", agent)
        assert status == 302, (target, status)
        hosts[target] = urlsplit(headers["Location"])[:2]
        assert "evil" not in hosts[target][1] and hosts[target][0] != "javascript", headers["Location"]
        assert not any(c in headers["Location"] for c in "<>\" \\\r\n"), headers["Location"]
        tricks = "&url=https://evil.example/&u=//evil.example&to=https://evil.example&article=https://evil.example/"
        status, headers, _ = ask(crier, f"/share/{target}?article=small-1{tricks}", agent)
        assert status == 302 and urlsplit(headers["Location"])[:2] == hosts[target]
    for path in ("/share/https:%2F%2Fevil.example?article=small-1", "/share/..%2F..%2Fevil?article=small-1",
                 "/share//evil.example?article=small-1", f"/share/{targets[0]}?article=https://evil.example/",
                 f"/share/{targets[0]}?article=//evil.example", f"/share/{targets[0]}/x?article=small-1"):
        status, headers, _ = ask(crier, path, agent)
        assert status in (400, 404) and "Location" not in headers, path
