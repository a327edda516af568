"""Secrets planted in the settings turn up nowhere: not in the log, in answers, events, metrics, or on
the terminal; in good times and in bad."""

import json
import time
from urllib.parse import quote

import harness
from harness import exchange, wait_for

PLANTED = {
    "token": "planted-api-token-AbC123456789",
    "telegram": "987654:planted-telegram-token_XyZ",
    "mastodon": "planted-mastodon-token-QwE",
    "bluesky": "plan-tedb-lues-kypw",
    "partner": "whsec_cGxhbnRlZC1wYXJ0bmVyLXNlY3JldC0wMQ==",
    "header": "planted-header-key-31415926",
    "cms": "planted-secret-of-the-cms",
}


def plant(settings):
    channels = settings["channels"]
    channels["telegram"]["token"] = PLANTED["telegram"]
    channels["mastodon"]["token"] = PLANTED["mastodon"]
    channels["bluesky"]["password"] = PLANTED["bluesky"]
    channels["partner"]["secret"] = PLANTED["partner"]
    channels["partner"]["headers"] = {"X-Api-Key": PLANTED["header"]}
    settings["sources"]["cms"]["secret"] = PLANTED["cms"]


def forms(secret):
    yield secret
    yield quote(secret, safe="")
    yield secret.removeprefix("whsec_")


def insist_on_silence(text, where):
    for name, secret in PLANTED.items():
        for form in forms(secret):
            assert form not in text, f"the secret of {name} stands in {where}: " + text[
                max(0, text.index(form) - 200):text.index(form) + 80]
    assert "eyJhbGciOi" not in text, f"a session token stands in {where}"


def live_through_good_and_bad(crier, platform, article):
    crier.await_done(crier.send(article(id="good", url="https://news.example/good"))["id"])
    for prefix in ("/bot", "/api/v1/statuses", "/xrpc/com.atproto.repo.putRecord", "/hook/partner"):
        for kind in ("status", "cut_after", "garbage", "endless"):
            platform.fault(prefix, kind, status=500)
    crier.send(article(id="bad", url="https://news.example/bad"))
    time.sleep(2.5)
    platform.no_faults()
    for face in ("telegram", "mastodon", "bluesky", "hook"):
        platform.control("down", face=face)
    crier.send(article(id="down", url="https://news.example/down"))
    time.sleep(1.0)
    for face in ("telegram", "mastodon", "bluesky", "hook"):
        platform.control("up", face=face)
    for name in ("telegram", "mastodon", "bluesky", "hook"):
        platform.control("revoke", platform=name)
    crier.send(article(id="revoked", url="https://news.example/revoked"))
    wait_for(lambda: crier.channel("telegram")["health"] == "blocked")
    platform.fault("/bot", "status", status=400, times=-1,
                   body=json.dumps({"ok": False, "error_code": 400, "description":
                                    f"Bad Request: you sent {PLANTED['telegram']}"}))


def everything_it_says(crier):
    yield "the log", crier.log()
    ids = [a["id"] for a in crier.get("/v1/articles")["items"]]
    paths = ["/v1/articles", "/v1/deliveries", "/v1/channels", "/metrics", "/v1/openapi.json", "/healthz", "/readyz"]
    for path in paths + [f"/v1/articles/{i}" for i in ids]:
        status, _, raw = exchange(crier.url, "GET", path, headers={"Authorization": f"Bearer {harness.TOKEN}"})
        assert status == 200
        yield path, raw.decode()
    events = crier.events(last_id=0)
    wait_for(lambda: len(events.events) > 10)
    time.sleep(0.5)
    yield "the events", json.dumps(events.events, ensure_ascii=False)
    events.close()


def test_planted_secrets_turn_up_nowhere(make_crier, platform, article, monkeypatch):
    monkeypatch.setattr(harness, "TOKEN", PLANTED["token"])
    platform.control("secret", hook="partner", secret=PLANTED["partner"])
    def change(settings):
        settings["server"]["token"] = PLANTED["token"]
        plant(settings)
    crier = make_crier(change)
    real_call = crier.call
    monkeypatch.setattr(crier, "call", lambda *a, **k: real_call(*a, **{"token": PLANTED["token"], **k}))
    live_through_good_and_bad(crier, platform, article)
    for where, text in everything_it_says(crier):
        insist_on_silence(text, where)
    sent = platform.truth()["requests"]
    assert any(PLANTED["telegram"] in r["path"] for r in sent)  # they were in use
    assert any(PLANTED["header"] in str(r["headers"]) for r in sent)


def test_the_verbs_show_no_secret(make_crier, platform, article, tmp_path):
    crier = make_crier(plant, start=False)
    path = tmp_path / "article.json"
    path.write_text(json.dumps(article()))
    for args in (["preview", str(path)], ["preview", str(path), "--json"], ["check"], ["check", "--json"]):
        answer = crier.run(*args)
        assert answer.returncode == 0, answer.stderr
        insist_on_silence(answer.stdout.replace("eyJhbGciOi", "") + answer.stderr, " ".join(args))


def test_mistakes_beside_a_secret_do_not_show_it(make_crier):
    def change(settings):
        plant(settings)
        settings["channels"]["partner"]["secret"] = PLANTED["partner"] + "!!"
        settings["channels"]["telegram"]["token"] = {"deep": PLANTED["telegram"]}
        settings["sources"]["cms"]["secret"] = [PLANTED["cms"]]
    crier = make_crier(change, start=False)
    answer = crier.run("check")
    assert answer.returncode == 1
    insist_on_silence(answer.stdout + answer.stderr, "check")
    assert crier.run("serve").returncode == 1
