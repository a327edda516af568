"""Platforms that say our own secrets back to us: in refusals of every kind, in texts longer than we
keep, percent-encoded and inside JSON. Whatever they say, nothing we show, log or store holds one."""

import contextlib
import json
import sqlite3
from urllib.parse import quote

import pytest
from harness import TOKEN, chat_channels, exchange, sign_hub, small_article, wait_for

API_TOKEN = TOKEN
PLANTED = {
    "telegram": "987654:echoed-telegram-token_XyZ-0",
    "mastodon": "echoed-mastodon-token-QwErTy",
    "bluesky": "echo-edbl-uesk-ypwd",
    "discord": "echoed-discord-webhook-token",
    "discord-bot": "MTIz.echoed-discord-bot.token-01",
    "slack": "xoxb-echoed-slack-token-0001",
    "slack-hook": "echoedSlackWebhookSecret01",
    "partner": "whsec_ZWNob2VkLXBhcnRuZXItc2VjcmV0LTAwMDE=",
    "old": "whsec_ZWNob2VkLW9sZC1wYXJ0bmVyLXNlY3JldC0x",
    "header": 'echoed "header" key/31415926',
    "cms": "echoed-secret-of-the-cms",
    "api": API_TOKEN,
}
PUBLISHES = {"telegram": "/bot", "mastodon": "/api/v1/statuses", "bluesky": "/xrpc/com.atproto.repo.putRecord",
             "discord": "/api/v10/webhooks/", "discord-bot": "/api/v10/channels/", "slack": "/api/chat.postMessage",
             "slack-hook": "/services/", "partner": "/hook/partner"}
FACES = ("telegram", "mastodon", "bluesky", "discord", "slack", "hook")


def plant(settings, platform):
    channels = settings["channels"]
    channels.update(chat_channels(platform))
    for hook in ("discord", "slack-hook"):  # the last part of its address is what opens it
        head, _, _ = channels[hook]["webhook_url"].rpartition("/")
        channels[hook]["webhook_url"] = f"{head}/{PLANTED[hook]}"
    for bot in ("discord-bot", "slack"):
        channels[bot]["token"] = PLANTED[bot]
    channels["telegram"]["token"] = PLANTED["telegram"]
    channels["mastodon"]["token"] = PLANTED["mastodon"]
    channels["bluesky"]["password"] = PLANTED["bluesky"]
    channels["partner"].update(secret=PLANTED["partner"], old_secret=PLANTED["old"],
                               headers={"X-Api-Key": PLANTED["header"]})
    settings["sources"]["cms"]["secret"] = PLANTED["cms"]


def forms(secret):
    yield secret
    yield quote(secret, safe="")
    yield json.dumps(secret)[1:-1]
    yield secret.removeprefix("whsec_")
    yield secret[:16]  # what is cut off must not be the half that matters


def insist_on_silence(text, where, *more):
    for secret in (*PLANTED.values(), *more):
        for form in forms(secret):
            assert form not in text, f"{form} stands in {where}: …" + text[
                max(0, text.index(form) - 300):text.index(form) + 100]


def echo(status, secrets):
    """One body that each of the platforms could have written, with everything in it; the padding
    moves the place where an excerpt is cut through the secrets."""
    said = "; ".join(f"you sent {form}" for s in secrets for form in list(forms(s))[:3])
    words = f"Refused: {'x' * (status % 7 * 9)} {said}"
    return json.dumps({"ok": False, "error_code": status, "description": words, "error": words, "message": words})


def all_answered(crier, platform):
    """A channel that the round before has blocked is set going, however late that came."""
    for channel in crier.get("/v1/channels")["items"]:
        if channel["health"] == "blocked":
            assert crier.call("POST", f"/v1/channels/{channel['name']}/resume")[0] == 200
    return all(fault["hits"] for fault in platform.faults())


def live_through(crier, platform, jwt):
    """Every kind of refusal at every channel, each saying everything back; then nobody at home."""
    ids = []
    for n, status in enumerate((400, 401, 403, 404, 422, 429, 500, 502, 503)):
        for channel, prefix in PUBLISHES.items():
            own = ["header", "partner", "old"] if channel == "partner" else [channel]
            secrets = [PLANTED[name] for name in own] + ([jwt] if channel == "bluesky" else [])
            platform.fault(prefix, "status", status=status, body=echo(status, secrets), method="POST")
        ids.append(crier.send(small_article(n))["id"])
        # Whoever gets it, this article or an earlier one that is tried again: each has said it.
        wait_for(lambda: all_answered(crier, platform), what=f"everybody to answer {status}")
        platform.no_faults()
    for face in FACES:
        platform.control("down", face=face)
    ids.append(crier.send(small_article(99))["id"])
    wait_for(lambda: all_answered(crier, platform) and set(crier.states(ids[-1]).values()) == {"again"})
    for face in FACES:
        platform.control("up", face=face)
    return ids


def knock(crier):
    """Doors that refuse; each answer."""
    raw = json.dumps(small_article(500)).encode()
    for method, path, body, headers in (
            ("POST", "/hooks/cms", raw, {}),
            ("POST", "/hooks/cms", raw, {"X-Hub-Signature-256": "sha256=" + "0" * 64}),
            ("POST", "/hooks/cms", raw + b" ", sign_hub(PLANTED["cms"], raw)),
            ("POST", "/hooks/nobody", raw, sign_hub(PLANTED["cms"], raw)),
            ("GET", "/v1/articles", None, {"Authorization": "Bearer " + API_TOKEN[:-1]}),
            ("GET", "/v1/articles", None, {"Authorization": "Basic " + API_TOKEN}),
            ("POST", "/v1/articles", b"{", {"Authorization": "Bearer " + API_TOKEN})):
        status, answer_headers, answer = exchange(crier.url, method, path, body, headers)
        assert status >= 400
        yield f"{method} {path}: {status}", str(answer_headers) + answer.decode()


def answers(crier, ids):
    paths = ["/v1/articles", "/v1/deliveries", "/v1/channels", "/metrics", "/v1/openapi.json", "/healthz", "/readyz"]
    for path in paths + [f"/v1/articles/{i}" for i in ids]:
        status, headers, raw = exchange(crier.url, "GET", path, headers={"Authorization": f"Bearer {API_TOKEN}"})
        assert status == 200
        yield path, str(headers) + raw.decode()
    for channel in PUBLISHES:
        status, body, _ = crier.call("POST", f"/v1/channels/{channel}/test", {"probe": True})
        yield f"probe of {channel}", json.dumps(body, ensure_ascii=False)
    events = crier.events(last_id=0)
    wait_for(lambda: len(events.of("delivery.state")) > 50)
    yield "the events", json.dumps(events.events, ensure_ascii=False)
    events.close()


def verbs(crier, article_id, path):
    for args in (["status"], ["status", "--json"], ["status", article_id], ["status", article_id, "--json"],
                 ["preview", path], ["preview", path, "--json"], ["check"], ["check", "--json"], ["schema"]):
        answer = crier.run(*args)
        assert answer.returncode == 0, answer.stderr
        yield " ".join(args), answer.stdout + answer.stderr


def ledger_texts(path):
    """Everything the ledger holds, but the accounts, where sessions may stand."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            names = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] != "account"]
            for row in db.execute(f"SELECT {', '.join(names)} FROM {table}"):
                yield f"table {table} of the ledger", "\n".join(str(value) for value in row)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_platforms_say_back_stays_between_us(make_crier, platform, tmp_path, log_format):
    platform.control("secret", hook="partner", secret=PLANTED["partner"])
    def change(settings):
        plant(settings, platform)
        settings["server"]["log_format"] = log_format
    crier = make_crier(change)
    crier.await_done(crier.send(small_article(1000))["id"])
    jwt = platform.requests(PUBLISHES["bluesky"])[-1]["headers"]["Authorization"].removeprefix("Bearer ")
    ids = live_through(crier, platform, jwt)
    said = dict(answers(crier, ids))
    assert any("***" in text for text in said.values()), "nothing was said back"
    assert jwt.startswith("eyJ")
    said.update(knock(crier))
    (tmp_path / "article.json").write_text(json.dumps(small_article(1)))
    said.update(verbs(crier, ids[0], str(tmp_path / "article.json")))
    said["the log"] = crier.log()
    for where, text in said.items():
        insist_on_silence(text, where, jwt)
    for where, text in ledger_texts(crier.folder / "crier.db"):
        insist_on_silence(text, where, jwt)
    crier.stop()
    insist_on_silence(crier.log(), "the log at the end", jwt)
    raw = b"".join(path.read_bytes() for path in crier.folder.glob("crier.db*"))
    for secret in PLANTED.values():
        assert secret.encode() not in raw
    sent = json.dumps(platform.truth()["requests"])
    for name in ("telegram", "mastodon", "bluesky", "discord", "discord-bot", "slack", "slack-hook"):
        assert PLANTED[name] in sent  # they were in use


def test_mistakes_in_secret_settings_show_none_of_them(make_crier, platform, tmp_path):
    crier = make_crier(lambda settings: plant(settings, platform))
    crier.settings["channels"]["telegram"]["token"] = [PLANTED["telegram"]]
    crier.settings["channels"]["mastodon"]["tokn"] = crier.settings["channels"]["mastodon"].pop("token")
    crier.settings["channels"]["bluesky"]["password"] = {PLANTED["bluesky"]: PLANTED["bluesky"]}
    crier.settings["channels"]["partner"]["secret"] = PLANTED["partner"][:-2] + "!!"
    crier.settings["channels"]["partner"]["headers"] = [PLANTED["header"]]
    crier.settings["channels"]["discord"]["webhook_url"] += "/x"
    crier.settings["channels"]["discord-bot"]["token"] = "Bot " + PLANTED["discord-bot"]
    crier.settings["channels"]["slack"]["token"] = PLANTED["slack"].removeprefix("xoxb-")
    crier.settings["channels"]["slack-hook"]["webhook_url"] += "?x=1"
    crier.settings["sources"]["cms"]["secret"] = {"a": {"b": PLANTED["cms"]}}
    crier.settings["server"]["token"] = [API_TOKEN]
    crier.write_settings()
    status, body, _ = crier.call("POST", "/v1/reload")
    assert status == 422 and len(body["mistakes"]) >= 5
    insist_on_silence(json.dumps(body, ensure_ascii=False), "the answer to a reload")
    insist_on_silence(crier.log(), "the log")
    for args in (["check"], ["check", "--json"], ["serve"], ["preview", "-"]):
        answer = crier.run(*args, text="{}")
        assert answer.returncode == 1
        insist_on_silence(answer.stdout + answer.stderr, " ".join(args))
    crier.path.write_text(crier.path.read_text() + f"\n  token: {API_TOKEN}\n :\n")  # not even YAML
    answer = crier.run("check")
    assert answer.returncode == 1
    insist_on_silence(answer.stdout + answer.stderr, "check of broken YAML")
