"""The edges of a life: what keeps it from starting and how it says so; a channel that was mended in
the settings; the second SIGTERM; what a door that closes tells those who are inside already."""

import contextlib
import http.client
import json
import os
import signal
import sqlite3
import stat
import time

import pytest
from harness import TOKEN, exchange, small_article, wait_for


def serve(crier):
    """One that is not going to stay: its exit code and what it said."""
    answer = crier.run("serve", timeout=20)
    return answer.returncode, answer.stderr


def said(text):
    """The one line for people, beside the log."""
    lines = [line for line in text.splitlines() if line.startswith("crier: ")]
    assert len(lines) == 1, text
    return lines[0]


# ---- what keeps it from starting ----

def test_a_port_in_use_is_named_and_ends_with_1(make_crier):
    first, second = make_crier(), make_crier(start=False)
    second.settings["server"]["listen"] = f"127.0.0.1:{first.port}"
    second.write_settings()
    code, text = serve(second)
    assert code == 1 and f"127.0.0.1:{first.port}" in said(text) and "in use" in said(text).lower()
    assert first.call("GET", "/healthz")[0] == 200


def test_a_ledger_in_use_by_another_is_named_and_ends_with_1(make_crier, platform):
    first, second = make_crier(), make_crier(start=False)
    second.settings["ledger"] = first.settings["ledger"]
    second.write_settings()
    code, text = serve(second)
    assert code == 1 and "another crier" in said(text) and str(first.folder) in said(text)
    first.await_done(first.send(small_article(1))["id"])
    first.stop()
    assert second.start_or_end() is None  # the first is gone: its lock file holds nobody up
    second.await_done(second.send(small_article(2))["id"])


def test_a_ledger_folder_that_cannot_be_written_is_named_and_ends_with_1(make_crier, tmp_path):
    crier = make_crier(start=False)
    (tmp_path / "file").write_text("a file where a folder should be")
    for location in (f"{tmp_path}/file/crier.db", "/proc/crier/crier.db", f"{tmp_path}/not/there/crier.db"):
        crier.settings["ledger"] = f"sqlite:{location}"
        crier.write_settings()
        code, text = serve(crier)
        assert code == 1 and location.rsplit("/", 1)[0] in said(text), text


def test_a_ledger_of_a_newer_version_is_refused_and_left_as_it_is(make_crier):
    crier = make_crier()
    crier.stop()
    path = crier.folder / "crier.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9999")
    before = path.read_bytes()
    code, text = serve(crier)
    assert code == 1 and "newer" in said(text) and "9999" in said(text), text
    assert path.read_bytes() == before


def test_a_file_that_is_no_ledger_is_refused_and_left_as_it_is(make_crier):
    crier = make_crier(start=False)
    path = crier.folder / "crier.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE somebody_elses (a)")
        db.commit()
    before = path.read_bytes()
    code, text = serve(crier)
    assert code == 1 and str(path) in said(text), text
    path.write_bytes(b"this is no database at all, but a text that somebody keeps here\n" * 100)
    code, text = serve(crier)
    assert code == 1 and str(path) in said(text), text
    assert before[:6] == b"SQLite" and path.read_bytes()[:15] == b"this is no data"


def test_settings_with_mistakes_are_all_named_and_end_with_1(make_crier):
    def change(settings):
        settings["site"]["nmae"] = settings["site"].pop("name")
        settings["channels"]["mastodon"]["not_after"] = "2 hourz"
    crier = make_crier(change, start=False)
    code, text = serve(crier)
    assert code == 1 and "nmae" in text and "2 hourz" in text
    assert all(line.startswith((f"{crier.path}:", "crier: ")) for line in text.splitlines()), text
    assert not (crier.folder / "crier.db").exists()


def test_the_ledger_is_for_its_owner_only(crier):
    for path in crier.folder.glob("crier.db*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_folder_of_the_ledger_is_made_for_its_owner_only(make_crier):
    crier = make_crier(start=False)
    crier.settings["ledger"] = f"sqlite:{crier.folder}/new/crier.db"
    crier.write_settings()
    crier.start()
    assert stat.S_IMODE((crier.folder / "new").stat().st_mode) == 0o700
    crier.stop()


def test_a_ledger_restored_for_all_to_read_is_closed_to_others(crier):
    accepted = crier.send(small_article(1))
    crier.await_done(accepted["id"])
    crier.stop()
    path = crier.folder / "crier.db"
    path.chmod(0o664)
    crier.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660  # what the group may do is left as it was
    crier.await_done(accepted["id"])
    assert all(stat.S_IMODE(p.stat().st_mode) & 0o007 == 0 for p in crier.folder.glob("crier.db*"))


def test_running_as_root_is_warned_of(crier):
    assert ("warn as_root" in crier.log()) == (os.geteuid() == 0)


# ---- new settings ----

def test_mistakes_at_a_reload_have_file_line_and_column(crier):
    text = crier.path.read_text()
    crier.path.write_text(text.replace("chat: '@example'", "chat: '@example'\n    txt: x"))
    line = next(n for n, words in enumerate(crier.path.read_text().splitlines(), 1) if "txt: x" in words)
    status, body, _ = crier.call("POST", "/v1/reload")
    assert status == 422
    (mistake,) = body["mistakes"]
    assert (mistake["file"], mistake["line"], mistake["column"]) == (str(crier.path), line, 5)
    assert "txt" in mistake["what"] and "text" in mistake["accepted"]
    crier.process.send_signal(signal.SIGHUP)  # the same, said on standard error
    wait_for(lambda: f"{crier.path}:{line}:5: " in crier.log())
    crier.path.unlink()
    status, body, _ = crier.call("POST", "/v1/reload")
    assert status >= 400 and str(crier.path) in json.dumps(body)
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200


def test_what_needs_a_restart_is_named_and_keeps_its_value(crier):
    crier.settings["server"]["listen"] = "127.0.0.1:1"
    crier.settings["ledger"] = f"sqlite:{crier.folder}/other.db"
    crier.settings["site"]["name"] = "Another Name"  # takes effect
    crier.write_settings()
    status, body, _ = crier.call("POST", "/v1/reload")
    assert status == 200 and sorted(body["needs_restart"]) == ["ledger", "server.listen"]
    crier.await_done(crier.send(small_article(1))["id"])
    assert not (crier.folder / "other.db").exists()


def block(crier, platform):
    platform.control("revoke", platform="mastodon")
    accepted = crier.send(small_article(1))
    crier.await_state(accepted["id"], "blocked", channel="mastodon")
    platform.control("restore", platform="mastodon")
    return accepted["id"]


def test_a_blocked_channel_goes_on_when_its_settings_were_mended(crier, platform):
    article_id = block(crier, platform)
    crier.settings["site"]["name"] = "Another Name"  # nothing of the channel's own
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    time.sleep(0.3)
    assert crier.channel("mastodon")["health"] == "blocked" and platform.posts("mastodon") == []
    crier.settings["channels"]["mastodon"]["token"] = "a-token-that-is-good-again"
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    crier.await_done(article_id)
    assert crier.channel("mastodon")["health"] == "ok"
    used = platform.requests("/api/v1/statuses")[-1]["headers"]["Authorization"]
    assert used == "Bearer a-token-that-is-good-again"


def test_a_restart_lets_a_blocked_channel_try_once(crier, platform):
    platform.control("revoke", platform="mastodon")
    article_id = crier.send(small_article(1))["id"]
    crier.await_state(article_id, "blocked", channel="mastodon")
    tried = len(platform.requests("/api/v1/statuses"))
    crier.stop()
    crier.start()
    wait_for(lambda: len(platform.requests("/api/v1/statuses")) > tried)
    crier.await_state(article_id, "blocked", channel="mastodon")  # nobody has mended it
    assert crier.channel("mastodon")["health"] == "blocked" and platform.posts("mastodon") == []
    platform.control("restore", platform="mastodon")
    crier.stop()
    crier.start()
    crier.await_done(article_id)
    assert crier.channel("mastodon")["health"] == "ok"


def test_a_channel_resumed_in_the_moment_it_was_blocked_goes_on(crier, platform):
    for n in range(25):  # the moment between the verdict and its being on disk is short
        platform.fault("/hook/partner", "status", status=401)
        article_id = crier.send(small_article(n))["id"]
        while not crier.channel("partner")["blocked"]:
            pass
        assert crier.call("POST", "/v1/channels/partner/resume")[0] == 200
        crier.await_done(article_id, channel="partner", seconds=5)


def test_a_new_header_of_a_webhook_mends_it_too(crier, platform):
    platform.fault("/hook/partner", "status", status=401)
    article_id = crier.send(small_article(1))["id"]
    crier.await_state(article_id, "blocked", channel="partner")
    assert crier.call("POST", "/v1/reload")[0] == 200  # nothing is new
    time.sleep(0.3)
    assert crier.states(article_id)["partner"] == "blocked"
    crier.settings["channels"]["partner"]["headers"] = {"X-Api-Key": "the-right-one"}
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    crier.await_done(article_id)
    assert platform.requests("/hook/partner")[-1]["headers"]["X-Api-Key"] == "the-right-one"


def test_a_channel_paused_by_hand_stays_so_when_its_settings_were_mended(crier, platform):
    article_id = block(crier, platform)
    assert crier.call("POST", "/v1/channels/mastodon/pause")[0] == 200
    crier.settings["channels"]["mastodon"]["token"] = "a-token-that-is-good-again"
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    time.sleep(0.3)
    assert crier.channel("mastodon")["health"] == "paused" and platform.posts("mastodon") == []
    assert crier.call("POST", "/v1/channels/mastodon/resume")[0] == 200
    crier.await_done(article_id)


def test_a_new_token_of_the_api_holds_from_the_reload_on(crier):
    crier.settings["server"]["token"] = "another-token-0123456789abcdefghij"
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    assert crier.call("GET", "/v1/channels")[0] == 401
    assert crier.call("GET", "/v1/channels", token="another-token-0123456789abcdefghij")[0] == 200


# ---- the end ----

def test_a_second_sigterm_hurries(make_crier, platform):
    def change(settings):
        settings["server"]["drain"] = "1m"
    crier = make_crier(change)
    platform.fault("/hook/partner", "delay", seconds=6)
    platform.fault("/bot", "delay", seconds=6, method="POST")
    accepted = crier.send(small_article(1))
    wait_for(lambda: platform.requests("/hook/partner") and platform.requests("/bot"))
    crier.process.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert crier.process.poll() is None  # it waits for them
    started = time.monotonic()
    crier.process.send_signal(signal.SIGTERM)
    crier.await_end(20)
    assert time.monotonic() - started < 3
    platform.no_faults()
    crier.start()
    crier.await_done(accepted["id"], channel="partner")
    crier.await_state(accepted["id"], "unknown", channel="telegram")
    assert len(platform.requests("/bot")) == 1


class Inside:
    """A connection that was there before the door closed."""

    def __init__(self, crier):
        self.connection = http.client.HTTPConnection("127.0.0.1", crier.port, timeout=20)
        self.call("GET", "/healthz")

    def call(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())


def test_while_it_drains_those_inside_get_503_and_others_no_connection(crier, platform):
    inside = [Inside(crier) for _ in range(3)]
    platform.fault("/hook/partner", "delay", seconds=2.5)
    accepted = crier.send(small_article(1))
    wait_for(lambda: platform.requests("/hook/partner"))
    crier.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    status, headers, body = inside[0].call("POST", "/v1/articles", small_article(2))
    assert status == 503 and headers["Content-Type"].startswith("application/problem+json"), body
    assert int(headers["Retry-After"]) > 0 and headers["Connection"].lower() == "close"
    status, headers, body = inside[1].call("GET", "/readyz")
    assert status == 503 and "shutting down" in json.dumps(body)
    assert inside[2].call("GET", "/healthz")[0] == 200
    with pytest.raises(OSError):
        exchange(crier.url, "GET", "/healthz", timeout=5)
    crier.await_end()
    assert len(platform.posts("hook")) == 1
    crier.start()
    crier.await_done(accepted["id"])
    assert [a["id"] for a in crier.get("/v1/articles")["items"]] == [accepted["id"]]


def test_a_stream_of_events_ends_with_the_service(crier):
    events = crier.events()
    started = time.monotonic()
    crier.stop()
    events.thread.join(10)
    assert not events.open and time.monotonic() - started < 8


def test_an_idle_service_ends_at_once(crier):
    crier.await_done(crier.send(small_article(1))["id"])
    started = time.monotonic()
    os.kill(crier.process.pid, signal.SIGINT)
    crier.await_end()
    assert time.monotonic() - started < 4
