"""What keeps a newsroom from harm: a wave can be taken back, stopped, must be confirmed; a test reaches nobody but
test members; removals can be undone; a dry run tells of what is broken. By WhatsApp, an audience without lanes."""

import json
import os
import re
import select
import subprocess
import time

import pytest
from harness import CRIER, SLOW, TOKEN, WHATSAPP_SECRET, exchange, network_channels, wait_for
from test_cli_terminal import Terminal

MESSAGES = "/whatsapp/v25.0/106540352242922/messages"
CONSENT = {"opted_in_at": "2026-01-01T10:00:00Z", "source": "form on /news"}


@pytest.fixture
def make_crier(make_crier, platform):
    def make(audience=None, **own):
        def whatsapp(settings):
            settings["channels"] = {"whatsapp": {**network_channels(platform)["whatsapp"], **own}}
            if audience:
                settings["channels"]["whatsapp"]["audience"] = audience
        crier = make_crier(whatsapp)
        platform.control("whatsapp", url=f"{crier.url}/callbacks/whatsapp", secret=WHATSAPP_SECRET)
        return crier
    return make


def numbers(count, start=0):
    return [f"+4915112{n:06d}" for n in range(start, start + count)]


def bring_in(crier, addresses):
    lines = "".join(json.dumps({"address": a, **CONSENT}) + "\n" for a in addresses)
    assert crier.call("POST", "/v1/channels/whatsapp/members", lines.encode(),
                      headers={"Content-Type": "application/x-ndjson"})[0] == 200


def places(platform):
    return sorted("+" + p["place"] for p in platform.posts("whatsapp"))


def waves(crier, **more):
    return crier.get("/v1/waves?" + "&".join(f"{k}={v}" for k, v in more.items()))["items"]


def the_wave(crier, wanted=lambda w: True):
    return wait_for(lambda: (w := waves(crier)) and wanted(w[0]) and w[0])


def metric(crier, name):
    _, _, page = exchange(crier.url, "GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    found = re.search(rf'^{name}{{channel="whatsapp"[^}}]*}} (\d+)$', page.decode() if isinstance(page, bytes) else page, re.M)
    return int(found[1]) if found else None


def test_a_running_wave_is_stopped_within_a_second_and_says_how_many_had_it(make_crier, platform, article):
    crier = make_crier(rate="100/s")
    bring_in(crier, numbers(500))
    accepted = crier.send(article())
    wait_for(lambda: len(platform.posts("whatsapp")) > 10, every=0.01)
    at = time.monotonic()
    said = crier.run("wave", "stop", text=None)
    assert said.returncode == 0, said.stderr
    took = time.monotonic() - at
    had = len(places(platform))
    assert 10 < had < (500 if SLOW else 400) and took < (5 if SLOW else 2), (had, took)
    assert f"{had} of 500 had it already; nobody else gets it" in said.stdout
    done, = crier.await_done(accepted["id"])
    w = the_wave(crier)
    assert w["halted"] and w["by"] and w["accepted"] == had and w["article"] == accepted["id"]
    # it stays stopped, whatever happens
    crier.stop()
    crier.start()
    again = crier.run("wave", "stop", done["id"])
    assert again.returncode == 1 and "stopped" in again.stderr
    assert len(places(platform)) == had
    assert "wave_said" in crier.log()


def test_until_the_undo_time_is_over_nothing_leaves_and_then_all_of_it(make_crier, platform, article):
    crier = make_crier(audience={"undo": "1s"})
    bring_in(crier, numbers(5))
    first = crier.send(article())
    w = the_wave(crier)
    assert w["go_at"] and w["accepted"] == 0
    shown = crier.run("wave").stdout
    assert "leaves in" in shown
    assert "0 of 5 had it already" in crier.run("wave", "stop", first["id"]).stdout
    crier.await_state(first["id"], ("done", "rejected", "cancelled"))
    assert places(platform) == []
    at = time.monotonic()
    second = crier.send(article(id="second", url="https://news.example/second", title="Second"))
    crier.await_done(second["id"])
    assert time.monotonic() - at >= 0.9
    assert places(platform) == numbers(5)


def test_a_large_wave_waits_for_a_word_and_everybody_can_see_that(make_crier, platform, article, tmp_path):
    crier = make_crier(audience={"confirm_above": 4, "topics": {"breaking": "Breaking news", "sport": "Sports"}})
    bring_in(crier, numbers(5))
    path = tmp_path / "article.json"
    path.write_text(json.dumps(article()))
    shown = crier.run("preview", str(path)).stdout
    assert "5 would get it" in shown and "more than 4: it would wait for crier wave confirm" in shown
    assert "only those who chose breaking, or nothing" in shown
    accepted = crier.send(article())
    w = the_wave(crier, lambda w: w["waits_for_word"])
    assert w["members"] == 5
    assert wait_for(lambda: metric(crier, "crier_waves_waiting_for_word") == 1, seconds=10)
    assert "wave_waits" in crier.log()
    shown = crier.run("status").stdout
    assert "waits for a word" in shown and "crier wave confirm" in shown
    assert "waits for a word" in crier.run("wave", "list").stdout
    assert platform.posts("whatsapp") == []
    assert crier.run("wave", "confirm").returncode == 0
    crier.await_done(accepted["id"])
    assert places(platform) == numbers(5)
    assert the_wave(crier)["by"]
    assert crier.run("wave", "confirm").returncode == 1


def test_the_kill_switch_stops_all_of_it_and_nothing_begins_until_it_is_resumed(make_crier, platform, article):
    crier = make_crier(rate="50/s", audience={"confirm_above": 1000})
    bring_in(crier, numbers(300))
    one = crier.send(article(id="one", url="https://news.example/one", title="One"))
    two = crier.send(article(id="two", url="https://news.example/two", title="Two", breaking=True))
    wait_for(lambda: len(platform.posts("whatsapp")) > 5, every=0.01)
    said = crier.run("wave", "stop", "--all")
    assert said.returncode == 0, said.stderr
    had = len(places(platform))
    assert "paused, nothing begins there: whatsapp" in said.stdout and "crier channels resume whatsapp" in said.stdout
    for article_id in (one["id"], two["id"]):  # a wave that was stopped on a paused channel ends when it is resumed
        d, = crier.deliveries(article_id)
        assert d["state"] in ("cancelled", "done") or d["wave"]["halted"], d
    three = crier.send(article(id="three", url="https://news.example/three", title="Three"))
    assert crier.deliveries(three["id"])[0]["state"] == "ready"
    assert len(places(platform)) == had < 600
    assert "whatsapp: ok" in crier.run("channels", "resume", "whatsapp").stdout
    wait_for(lambda: sum(p["text"].startswith("Three") for p in platform.posts("whatsapp")) > 3)
    assert len([p for p in platform.posts("whatsapp") if not p["text"].startswith("Three")]) == had


def test_a_test_goes_to_test_members_only_and_is_no_article_to_anybody_else(make_crier, platform, article, tmp_path):
    crier = make_crier({"confirm_above": 3}, when={"breaking": True})  # which a test never is
    bring_in(crier, numbers(6))
    marked = numbers(2)
    for address in marked:
        assert crier.run("members", "whatsapp", "set", address, "--test", "yes").returncode == 0
    assert crier.run("members", "whatsapp").stdout.count("test member") == 2
    story = tmp_path / "story.json"
    story.write_text(json.dumps(article()))
    sent = crier.run("send", str(story), "--test")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert places(platform) == marked
    # the article itself is not known by that, and goes to all
    live = crier.send(article(breaking=True))
    assert live["outcome"] == "new"
    wait_for(lambda: crier.run("wave", "confirm").returncode == 0)
    crier.await_done(live["id"])
    assert places(platform) == sorted(numbers(6) + marked)
    # a channel in test mode reaches nobody else, and its own test message neither
    crier.settings["channels"]["whatsapp"]["audience"] = {"mode": "test"}
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    other = crier.send(article(id="other", url="https://news.example/other", title="Other", breaking=True))
    crier.await_done(other["id"])
    assert sum(p["text"].startswith("Other") for p in platform.posts("whatsapp")) == 2
    assert crier.run("members", "whatsapp", "set", marked[0], "--test", "no").returncode == 0
    status, test, _ = crier.call("POST", "/v1/channels/whatsapp/test", {})
    assert status == 202
    crier.await_done(test["id"])
    assert sum(p["text"].startswith("Test message") for p in platform.posts("whatsapp")) == 1


def test_removals_are_reported_braked_and_taken_back(make_crier, platform, article):
    crier = make_crier(audience={"gone_max": 3})
    lost = [f"+49131026{n:03d}" for n in range(8)]  # the fake says of these that they are not on WhatsApp
    bring_in(crier, [*numbers(4), *lost])
    for n in range(4):  # gone after several days on which nothing reached them
        crier.await_state(crier.send(article(id=f"a{n}", url=f"https://news.example/a{n}", title=f"A{n}"))["id"], ("done", "rejected"))
        crier.call("POST", "/test/clock", {"advance": "25h"}, check=False)
    report = crier.get("/v1/channels/whatsapp/members/gone")
    assert report["gone"] + report["quarantined"] == 8 and report["gone"] <= 4, report
    assert sum(report["by_reason"].values()) == sum(report["by_hour"].values()) == 8
    shown = crier.run("members", "whatsapp", "gone", "--since", "20d").stdout
    assert "put aside" in shown and "crier members whatsapp back" in shown
    assert crier.run("members", "whatsapp", "back").returncode == 2
    assert "8 are active again" in crier.run("members", "whatsapp", "back", "--since", "20d").stdout
    assert crier.get("/v1/channels/whatsapp/members?limit=1")["counts"]["active"] == 12


def test_a_dry_run_sends_nothing_and_says_where_it_fails(make_crier, platform):
    crier = make_crier(audience={"canary": "1h"})
    bring_in(crier, numbers(2))
    assert "came through" in crier.run("wave", "canary", "whatsapp").stdout
    assert metric(crier, "crier_canary_ok") == 1 and metric(crier, "crier_canary_age_seconds") is not None
    assert crier.channel("whatsapp")["audience"]["canary"]["ok"] is True
    platform.control("revoke", platform="whatsapp")
    failed = crier.run("wave", "canary", "whatsapp")
    assert failed.returncode == 1 and "failed at probe" in failed.stderr
    assert "canary_failed" in crier.log() and metric(crier, "crier_canary_ok") == 0
    assert "dry run" in crier.run("status").stdout
    assert platform.posts("whatsapp") == [] and waves(crier) == []
    # none comes to its end any more: that is told, too
    crier.call("POST", "/test/clock", {"advance": "3h"}, check=False)
    wait_for(lambda: "canary_absent" in crier.log(), seconds=10)
    assert crier.channel("whatsapp")["audience"]["canary"]["late"]


def test_on_a_terminal_the_wave_is_seen_as_it_goes_and_q_ends_it(make_crier, platform, article):
    crier = make_crier(rate="40/s")
    lines = subprocess.Popen([str(CRIER), "-c", str(crier.path), "status", "--watch"], stdout=subprocess.PIPE, text=True)
    bring_in(crier, numbers(60))
    accepted = crier.send(article())
    terminal = Terminal(crier, "status", "--watch", columns=80)
    def seen():
        return select.select([terminal.master], [], [], 0.05)[0] and terminal.read_piece() and re.search(r"\b100 %", terminal.plain)
    wait_for(seen)
    crier.await_done(accepted["id"])
    os.write(terminal.master, b"q")
    assert terminal.read(10) == 0
    assert "\x1b[?1049h" in terminal.text and "\x1b[?1049l" in terminal.text and "\x1b[?25h" in terminal.text
    assert article()["title"][:30] in terminal.plain
    # elsewhere it is a line a second
    assert any(re.search(r"whatsapp +\d+ % .*accepted of 60", line) for line in lines.stdout)
    lines.terminate()
    lines.communicate(timeout=10)
