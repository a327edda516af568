"""Readers subscribe by themselves: whose pages and apps may, how often, with what; what they choose, and that they
can leave. Endpoints are secrets: no log, no event and no answer shows one whole."""

import base64
import concurrent.futures
import json
import os
import socket
import subprocess

import pytest
from harness import CRIER, TOKEN, exchange, free_port, wait_for

KEY = "h0oRuFAi9O8m0MZ1b0A2gzqGEULE50h4oxZX3yqByIo"
PUBLIC = "BHknIvLK1MWwr-0E_uGEpQUiCSlcNHI00MCahIYGxvOrRbaVEzTpD2dXUGaMjaEr3uSRIiQ-ySjVRiaPqUY0LUg"
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
APP_KEY = "an app's key, long enough"
SITE = "https://news.example"


def web(**audience):
    return {"type": "webpush", "key": KEY, "subject": "mailto:push@news.example",
            "audience": {"topics": {"breaking": "Breaking news", "sport": "Sports", "culture": "Culture"}, **audience}}


@pytest.fixture
def make_door(make_crier):
    def make(channels=None, **audience):
        def change(settings):
            settings["site"] = {"name": "News", "url": SITE + "/", "language": "en"}
            settings["channels"] = channels or {"web": web(**audience)}
        return make_crier(change)
    return make


def auth(n):
    return base64.urlsafe_b64encode(n.to_bytes(16, "big")).decode().rstrip("=")


def endpoint(n, host="fcm.googleapis.com"):
    return f"https://{host}/fcm/send/reader-{n:08d}-secret"


def subscription(n, **more):
    return {"endpoint": endpoint(n), "expirationTime": None, "keys": {"p256dh": P256DH, "auth": auth(n)}, **more}


def post(crier, path, body, origin=SITE, **headers):
    given = {"Origin": origin} if origin else {}
    return crier.call("POST", path, body, headers={**given, **headers}, token=None)


def subscribe(crier, n, origin=SITE, **more):
    return post(crier, "/push/subscribe", {"subscription": subscription(n), **more}, origin)


def members(crier, channel="web"):
    status, _, text = exchange(crier.url, "GET", f"/v1/channels/{channel}/members/export", None,
                               {"Authorization": f"Bearer {TOKEN}"})
    assert status == 200, text
    return [json.loads(line) for line in text.splitlines()]


def preflight(crier, origin, path="/push/subscribe"):
    return exchange(crier.url, "OPTIONS", path, None, {"Origin": origin, "Access-Control-Request-Method": "POST",
                                                       "Access-Control-Request-Headers": "content-type"})


def test_a_reader_comes_chooses_and_leaves(make_door):
    crier = make_door()
    about = crier.call("GET", "/push/key", token=None)[1]
    assert about == {"channel": "web", "key": PUBLIC, "quiet_hours": True, "mode": "live",
                     "topics": {"breaking": "Breaking news", "sport": "Sports", "culture": "Culture"}}
    assert list(about["topics"]) == ["breaking", "sport", "culture"]
    status, _, headers = subscribe(crier, 1, zone="Europe/Vienna", language="de-AT", channel="web")
    assert (status, headers["Access-Control-Allow-Origin"], headers["Vary"]) == (201, SITE, "Origin")
    assert subscribe(crier, 1)[0] == 200
    choices = {"channel": "web", "endpoint": endpoint(1)}
    everything = {"topics": None, "quiet": None, "zone": "Europe/Vienna", "language": "de-AT"}
    assert post(crier, "/push/topics", choices)[:2] == (200, everything)
    wished = {"topics": ["sport", "breaking"], "quiet": {"from": "22:00", "to": "07:30"}}
    told = {**everything, "topics": ["breaking", "sport"], "quiet": wished["quiet"]}
    assert post(crier, "/push/topics", {**choices, **wished})[:2] == (200, told)
    assert post(crier, "/push/topics", choices)[:2] == (200, told)
    # one of them alone leaves the other; so does subscribing again
    assert post(crier, "/push/topics", {**choices, "quiet": None})[1] == {**told, "quiet": None}
    assert subscribe(crier, 1, quiet={"from": "23:00", "to": "06:00"}, language="fr")[0] == 200
    told = {**told, "quiet": {"from": "23:00", "to": "06:00"}, "language": "fr"}
    assert post(crier, "/push/topics", choices)[1] == told
    # the browser has a new address, or was given another key: one reader, who keeps what they chose
    assert post(crier, "/push/subscribe", {"subscription": subscription(2), "instead_of": endpoint(1)})[0] in (200, 201)
    assert post(crier, "/push/topics", choices)[0] == 404
    assert post(crier, "/push/topics", {"endpoint": endpoint(2)})[1] == told
    # asked again, because the answer was lost
    again = {"subscription": subscription(2), "instead_of": endpoint(1), "topics": told["topics"]}
    assert post(crier, "/push/subscribe", again)[0] == 200
    assert post(crier, "/push/topics", {"endpoint": endpoint(2)})[1] == told
    only, = members(crier)
    assert only["address"] == endpoint(2) and only["source"] == f"page {SITE}" and only["keys"]["auth"] == auth(2)
    assert (only["topics"], only["zone"], only["state"]) == (["breaking", "sport"], "Europe/Vienna", "active")
    # leaving: the same for whoever was never there
    for n in (2, 999):
        assert post(crier, "/push/unsubscribe", {"endpoint": endpoint(n)})[0] == 204
    assert members(crier)[0]["state"] == "stopped" and len(members(crier)) == 1
    assert post(crier, "/push/topics", {"endpoint": endpoint(2)})[0] == 404
    assert subscribe(crier, 2)[0] == 200
    assert members(crier)[0]["state"] == "active"
    # what they wanted outlives a restart, and numbers of topics do
    crier.stop()
    crier.settings["channels"]["web"]["audience"]["topics"] = {"culture": "Culture", "sport": "Sports"}
    crier.write_settings()
    crier.start()
    assert post(crier, "/push/topics", {"endpoint": endpoint(2)})[1]["topics"] == ["sport"]


WRONG = [  # what, body, status
    ("no subscription", {"channel": "web"}, 422),
    ("a list", [], 400),
    ("not JSON", b"{", 400),
    ("an unknown topic", {"subscription": subscription(1), "topics": ["weather"]}, 422),
    ("no topic at all", {"subscription": subscription(1), "topics": []}, 422),
    ("odd hours", {"subscription": subscription(1), "quiet": {"from": "25:00", "to": "07:00"}}, 422),
    ("another server's key", {"subscription": subscription(1), "key": P256DH}, 422),
    ("keys that are none", {"subscription": subscription(1, keys={"p256dh": "AAAA", "auth": auth(1)})}, 422),
    ("a channel that is none", {"subscription": subscription(1), "channel": "nope"}, 404),
    ("another kind of channel", {"subscription": subscription(1), "channel": "page"}, 404),
    *[(f"at {url}", {"subscription": subscription(1, endpoint=url)}, 422) for url in (
        "http://fcm.googleapis.com/x", "https://127.0.0.1/x", "https://[::1]/x", "https://2130706433/x", "https://0x7f.1/x",
        "https://localhost/x", "https://push/x", "https://push.news.example:8443/x", "https://a@push.news.example/x",
        "https://push.news.example/x#y", "https://fcm.googleapis.com./x", "ftp://push.news.example/x", "",
        "https://push.nowhere.invalid/x", "https://fcm.googleapis.com/" + 1100 * "x")],
]


def test_what_is_no_subscription_is_not_taken_in(make_door, platform):
    crier = make_door({"web": web(), "page": {"type": "webhook", "url": platform.url + "/webhook"}})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda row: post(crier, "/push/subscribe", row[1])[:2], WRONG))
    for (what, _, wanted), (status, answer) in zip(WRONG, answers):
        assert status == wanted, (what, answer)
        assert "nope" not in str(answer) and "page" not in answer["detail"], what  # nobody learns which channels there are
    status, answer, _ = post(crier, "/push/subscribe", {"subscription": subscription(1), "more": 20000 * "x"})
    assert status == 413, answer
    assert members(crier) == []


def test_pages_of_other_sites_and_unknown_apps_are_refused(make_door):
    crier = make_door({"web": web(origins=[SITE, "https://m.news.example:8443"], app_key=APP_KEY), "other": web()})
    ask = {"channel": "web", "subscription": subscription(1)}
    for origin in ("https://evil.example", "http://news.example", "https://news.example:444", "null", "https://m.news.example"):
        status, answer, headers = post(crier, "/push/subscribe", ask, origin)
        assert (status, headers.get("Access-Control-Allow-Origin")) == (403, None), (origin, answer)
        assert headers["Vary"] == "Origin"
        status, headers, _ = preflight(crier, origin)
        assert (status, headers.get("Access-Control-Allow-Origin")) == (204, None), origin
    for origin in (SITE, "https://m.news.example:8443", crier.url):
        status, headers, _ = preflight(crier, origin)
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, origin)
        assert "Content-Type" in headers["Access-Control-Allow-Headers"] and "POST" in headers["Access-Control-Allow-Methods"]
        assert "Access-Control-Allow-Credentials" not in headers
        assert post(crier, "/push/subscribe", ask, origin)[0] in (200, 201)
    # one line is told of it, however many there are
    told = [line for line in crier.log().splitlines() if " debug " not in line and "_refused" in line]
    assert len(told) == 1 and "page_refused" in told[0] and "evil.example" in told[0], told
    # a refusal can be read by the page as well
    status, _, headers = post(crier, "/push/subscribe", {**ask, "topics": ["weather"]})
    assert (status, headers["Access-Control-Allow-Origin"]) == (422, SITE)
    # each channel has origins of its own
    assert post(crier, "/push/subscribe", {**ask, "channel": "other"}, "https://m.news.example:8443")[0] == 403
    assert post(crier, "/push/subscribe", {"subscription": subscription(1)})[0] == 400
    # apps
    for given in ({}, {"X-Crier-Key": "wrong"}, {"X-Crier-Key": ""}, {"X-Crier-Key": APP_KEY[:-1]}):
        assert post(crier, "/push/subscribe", {**ask, "subscription": subscription(7)}, None, **given)[0] == 403, given
    assert post(crier, "/push/subscribe", {**ask, "channel": "other"}, None, **{"X-Crier-Key": APP_KEY})[0] == 403
    assert post(crier, "/push/subscribe", {**ask, "subscription": subscription(7)}, None, **{"X-Crier-Key": APP_KEY})[0] == 201
    assert {m["address"]: m["source"] for m in members(crier)}[endpoint(7)] == "app"
    # the key is told to anybody
    assert crier.call("GET", "/push/key?channel=web", token=None)[0] == 200
    assert crier.call("GET", "/push/key", token=None)[0] == 400


def test_who_comes_too_often_waits(make_door):
    crier = make_door(per_address="5/min", app_key=APP_KEY)
    def come(address, n, path="/push/subscribe"):
        status, _, headers = post(crier, path, {"subscription": subscription(n)}, **{"X-Forwarded-For": address})
        return status, headers.get("Retry-After"), headers.get("Access-Control-Allow-Origin")
    assert [come("203.0.113.7", n)[0] for n in range(5)] == 5 * [201]
    status, wait, origin = come("203.0.113.7", 6)
    assert status == 429 and 1 <= int(wait) <= 13 and origin == SITE
    assert come("203.0.113.7", 1, "/push/unsubscribe")[0] == 429
    assert come("198.51.100.1, 203.0.113.7", 6)[0] == 429  # what a client claims before our proxy does not count
    assert come("203.0.113.8", 6)[0] == 201
    # of IPv6 a network is one client
    assert [come(f"2001:db8::{n}", n)[0] for n in range(10, 16)] == 5 * [201] + [429]
    # nobody knows who it is: all together only
    assert [subscribe(crier, n)[0] for n in range(20, 30)] == 10 * [201]


def test_the_scripts_are_served(make_door):
    crier = make_door()
    for path, kind, cache in (("/push/client.js", "text/javascript", "max-age"), ("/push/sw.js?channel=web", "text/javascript", "no-cache"),
                              ("/push/", "text/html", "no-cache"), ("/push/page.js", "text/javascript", "no-cache")):
        status, _, headers = crier.call("GET", path, token=None)
        assert status == 200 and headers["Content-Type"].startswith(kind) and cache in headers["Cache-Control"], path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert ("Service-Worker-Allowed" in headers) == ("sw.js" in path)
        assert (headers.get("Access-Control-Allow-Origin") == "*") == ("client" in path or "sw" in path)
        again = exchange(crier.url, "GET", path, None, {"If-None-Match": headers["ETag"]})
        assert (again[0], again[2]) == (304, b""), path
    assert "default-src 'self'" in crier.call("GET", "/push/", token=None)[2]["Content-Security-Policy"]


def test_endpoints_are_told_to_nobody(make_door):
    crier = make_door()
    crier.settings["server"]["log_level"] = "debug"
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    events = crier.events()
    answers = [subscribe(crier, n)[1] for n in range(50)]
    answers += [post(crier, "/push/topics", {"endpoint": endpoint(n), "topics": ["sport"]})[1] for n in range(50)]
    answers += [post(crier, "/push/subscribe", {"subscription": subscription(n, keys={"p256dh": "x", "auth": auth(n)})})[1] for n in range(5)]
    answers += [post(crier, "/push/subscribe", {"subscription": subscription(77, endpoint="https://no.invalid/reader-00000077-secret")})[1]]
    post(crier, "/push/unsubscribe", {"endpoint": endpoint(3)})
    answers += [crier.get("/v1/channels/web/members"), crier.call("GET", "/metrics")[1]]
    # by its whole name one can still be found, and erased
    listed = crier.get("/v1/channels/web/members?address=" + endpoint(4).replace(":", "%3A").replace("/", "%2F"))
    assert len(listed["items"]) == 1 and "…" in listed["items"][0]["address"]
    assert crier.call("DELETE", "/v1/channels/web/members/" + endpoint(4).replace("/", "%2F"))[0] == 204
    wait_for(lambda: events.of("delivery.state") == [])
    events.close()
    for n in (*range(50), 77):
        shown = f"reader-{n:08d}-secret"
        assert shown not in crier.log() and shown not in str(answers) and shown not in str(events.events), n
    assert "subscribed" in crier.log()


def test_many_come_at_once_and_share_commits(make_door):
    crier = make_door()
    before = commits(crier)
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert set(pool.map(lambda n: subscribe(crier, n)[0], range(400))) == {201}
    assert crier.get("/v1/channels/web/members?limit=1")["counts"]["active"] == 400
    assert commits(crier) - before < 400


def commits(crier):
    for line in crier.call("GET", "/metrics")[1].splitlines():
        if line.startswith("crier_ledger_commits_total"):
            return float(line.split()[-1])
    raise AssertionError("no such number")


# ---- files ----


def members_verb(crier, *words, stdin=None, code=0):
    done = subprocess.run([str(CRIER), "members", "-c", str(crier.path), *words], capture_output=True, text=True, input=stdin,
                          env={**os.environ, "NO_COLOR": "1"}, timeout=120)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout, done.stderr


def totals(text):
    return {line.split()[0]: int(line.split()[1]) for line in text.splitlines()}


CONSENT = ("--consent", "moved from elsewhere", "--consented-at", "2026-01-01T10:00:00Z")


def test_all_of_them_go_out_and_come_in_elsewhere(make_door, tmp_path):
    count = int(os.environ.get("CRIER_TEST_MEMBERS", "5000"))
    first, second = make_door(), make_door()
    source, copy, back = tmp_path / "subscriptions.json", tmp_path / "export.ndjson", tmp_path / "again.ndjson"
    with source.open("w") as file:
        file.write("[\n")
        file.writelines(("" if n == 0 else ",\n") + json.dumps(subscription(n)) for n in range(count))
        file.write(",\n{\"endpoint\": 1}\n, nothing\n]\n")
    out, err = members_verb(first, "web", "import", str(source), "--format", "web-push", *CONSENT, code=1)
    assert totals(out) == {"added": count, "changed": 0, "back": 0, "unchanged": 0, "left_out": 0, "faulty": 2}
    assert f"subscriptions.json:{count + 2}: endpoint" in err and f"subscriptions.json:{count + 3}: no JSON object" in err
    assert post(first, "/push/topics", {"endpoint": endpoint(5), "topics": ["culture"], "quiet": {"from": "21:00", "to": "06:00"},
                                        "zone": "Asia/Kathmandu"})[0] == 200
    assert post(first, "/push/unsubscribe", {"endpoint": endpoint(6)})[0] == 204
    copy.write_text(members_verb(first, "web", "export")[0])
    assert totals(members_verb(second, "web", "import", str(copy))[0]) == {
        "added": count - 1, "changed": 0, "back": 0, "unchanged": 0, "left_out": 1, "faulty": 0}
    back.write_text(members_verb(second, "web", "export")[0])
    def lines(path):
        with path.open() as file:
            return [line for line in file if '"state":"active"' in line]
    assert sorted(lines(copy)) == sorted(lines(back)) and len(lines(back)) == count - 1
    # the same again changes nothing
    assert totals(members_verb(second, "web", "import", str(copy))[0])["unchanged"] == count - 1
    # and when the service goes down midway, a part does not pass for the whole
    assert count < 5000 or not cut_short(first).endswith(b"0\r\n\r\n")
    # and what others read is what others wrote, but for who has left
    assert len(json.loads(members_verb(second, "web", "export", "--format", "web-push")[0])) == count - 1


def cut_short(crier):
    """An export that is read slowly while the service is told to end."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(30)
        s.connect(("127.0.0.1", crier.port))
        s.sendall(f"GET /v1/channels/web/members/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        said = s.recv(4096)
        assert said.startswith(b"HTTP/1.1 200")
        crier.process.terminate()
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", crier.port)) != 0)
        while piece := s.recv(65536):
            said += piece
        return said


def test_other_senders_files_are_read(make_door, tmp_path):
    account = {"type": "fcm", "service_account": "${file:" + str(service_account(tmp_path)) + "}", "audience": {}}
    crier = make_door({"web": web(), "app": account})
    token = "dK3x:APA91b" + 130 * "x"
    csv = tmp_path / "onesignal.csv"
    csv.write_text("id,identifier,session_count,language,device_type,tags,created_at,invalid_identifier,web_auth,web_p256\n"
                   f'1,{endpoint(1)},3,de,5,"{{""a"": ""b, c""}}",2025-03-04 05:06:07 UTC,f,{auth(1)},{P256DH}\n'
                   f"2,{endpoint(2)},3,en,5,,2025-03-04 05:06:07 UTC,t,{auth(2)},{P256DH}\n"
                   f"3,,3,en,5,,2025-03-04 05:06:07 UTC,f,,\n")
    out, err = members_verb(crier, "web", "import", str(csv), "--format", "onesignal", "--consent", "moved", code=1)
    assert totals(out)["added"] == 1 and totals(out)["faulty"] == 2 and ".csv:3: " in err and ".csv:4: " in err
    only, = members(crier)
    assert (only["address"], only["language"], only["opted_in_at"]) == (endpoint(1), "de", "2025-03-04T05:06:07.000Z")
    for n, (text, added) in enumerate([
            (f"{token}1\n{token}2\n", 2), (json.dumps({"users": {"u1": {"fcmToken": token + "3", "name": "Ada"}}}), 1),
            (json.dumps({"tokens": {token + "4": True, token + "5": True}}), 2), (json.dumps([token + "6"]), 1),
            (f"user,token\nx,{token}7\n", 1)]):
        out, _ = members_verb(crier, "app", "import", "-", "--format", "firebase", *CONSENT, stdin=text)
        assert totals(out)["added"] == added, (n, out)
    out, _ = members_verb(crier, "app", "export", "--format", "firebase")
    assert sorted(out.split()) == [f"{token}{n}" for n in range(1, 8)]
    # an app comes by its key alone, with its token
    for path, status in (("/push/subscribe", 403), ("/push/unsubscribe", 403)):
        assert post(crier, path, {"channel": "app", "subscription": {"token": token + "1"}}, None)[0] == status
    # without proof nobody is taken in
    assert "--consent" in members_verb(crier, "web", "import", str(csv), "--format", "onesignal", code=2)[1]
    assert "one of ndjson" in members_verb(crier, "web", "import", str(csv), "--format", "csv", code=2)[1]


def service_account(folder):
    path = folder / "account.json"
    key = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, text=True, check=True).stdout
    path.write_text(json.dumps({"type": "service_account", "project_id": "news", "private_key_id": "1", "private_key": key,
                                "client_email": "push@news.iam.gserviceaccount.com",
                                "token_uri": f"http://127.0.0.1:{free_port()}/token"}))
    return path
