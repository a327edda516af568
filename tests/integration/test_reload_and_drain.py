"""New settings while it runs: all or nothing. The end: what is under way is finished or given back."""

import signal
import socket
import time

import pytest
from harness import small_article, wait_for


def rewrite(crier, change):
    change(crier.settings)
    crier.write_settings()


def reload(crier):
    return crier.call("POST", "/v1/reload")


def set_text(settings):
    settings["channels"]["mastodon"]["text"] = "NEW {{title}} {{url}}"


@pytest.mark.parametrize("by", ["signal", "post"])
def test_a_reload_takes_over_new_templates_channels_and_rules(crier, platform, by):
    def change(settings):
        set_text(settings)
        settings["channels"]["second"] = dict(settings["channels"]["partner"],
                                              url=platform.faces["hook"] + "/hook/second")
        del settings["channels"]["bluesky"]
    rewrite(crier, change)
    if by == "post":
        status, body, _ = reload(crier)
        assert status == 200, body
    else:
        crier.process.send_signal(signal.SIGHUP)
    wait_for(lambda: {c["name"] for c in crier.get("/v1/channels")["items"]} ==
             {"telegram", "mastodon", "partner", "second"})
    accepted = crier.send(small_article(1))
    crier.await_done(accepted["id"])
    assert platform.posts("mastodon")[0]["text"].startswith("NEW ")
    assert {p["place"] for p in platform.posts("hook")} >= {"second"}
    assert platform.posts("bluesky") == []


@pytest.mark.parametrize("by", ["signal", "post"])
def test_a_reload_with_mistakes_changes_nothing_and_names_them_all(crier, platform, by):
    def change(settings):
        set_text(settings)
        settings["channels"]["mastodon"]["not_after"] = "2 hourz"
        settings["channels"]["telegram"]["txt"] = "x"
    rewrite(crier, change)
    if by == "post":
        status, body, _ = reload(crier)
        assert status == 422
        text = str(body)
        assert "2 hourz" in text and "txt" in text and str(crier.path) in text
    else:
        crier.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "config_refused" in crier.log())
    accepted = crier.send(small_article(1))
    crier.await_done(accepted["id"])
    assert not platform.posts("mastodon")[0]["text"].startswith("NEW ")


def test_a_reload_says_what_needs_a_restart(crier):
    crier.settings["server"]["max_connections"] = 77
    crier.write_settings()
    status, body, _ = reload(crier)
    assert status == 200 and "server.max_connections" in str(body)


def test_a_reload_leaves_deliveries_in_flight_alone(crier, platform):
    platform.fault("/hook/partner", "delay", seconds=1.5)
    accepted = crier.send(small_article(1))
    wait_for(lambda: platform.requests("/hook/partner"))
    rewrite(crier, set_text)
    assert reload(crier)[0] == 200
    crier.await_done(accepted["id"])
    assert len(platform.requests("/hook/partner")) == 1


def test_deliveries_of_a_removed_channel_wait_for_it(crier, platform):
    platform.control("down", face="hook")
    accepted = crier.send(small_article(1))
    crier.await_done(accepted["id"], channel="telegram")
    partner = crier.settings["channels"].pop("partner")
    crier.write_settings()
    assert reload(crier)[0] == 200
    platform.control("up", face="hook")
    time.sleep(1)
    assert platform.posts("hook") == []
    crier.settings["channels"]["partner"] = partner
    crier.write_settings()
    assert reload(crier)[0] == 200
    crier.await_done(accepted["id"])


def test_sigterm_lets_deliveries_in_flight_end(make_crier, platform):
    crier = make_crier()
    platform.fault("/hook/partner", "delay", seconds=2)
    platform.fault("/api/v1/statuses", "delay", seconds=2)
    accepted = crier.send(small_article(1))
    wait_for(lambda: platform.requests("/hook/partner") and platform.requests("/api/v1/statuses"))
    started = time.monotonic()
    crier.stop()
    assert 1 < time.monotonic() - started < 15
    assert len(platform.posts("hook")) == 1 and len(platform.posts("mastodon")) == 1
    crier.start()
    crier.await_done(accepted["id"])
    assert len(platform.requests("/hook/partner")) == 1
    assert len(platform.requests("/api/v1/statuses")) == 1


def test_what_does_not_end_in_time_is_given_back(make_crier, platform):
    def change(settings):
        settings["server"]["drain"] = "500ms"
    crier = make_crier(change)
    platform.fault("/hook/partner", "delay", seconds=8)
    accepted = crier.send(small_article(1))
    wait_for(lambda: platform.requests("/hook/partner"))
    started = time.monotonic()
    crier.stop()
    assert time.monotonic() - started < 6
    crier.start()
    crier.await_done(accepted["id"])
    wait_for(lambda: len(platform.requests("/hook/partner")) == 2)
    time.sleep(0.5)
    assert len(platform.posts("hook")) == 1


def test_while_it_drains_nothing_new_is_taken(make_crier, platform):
    crier = make_crier()
    platform.fault("/hook/partner", "delay", seconds=2)
    crier.send(small_article(1))
    wait_for(lambda: platform.requests("/hook/partner"))
    crier.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    refused = False
    try:
        refused = crier.call("POST", "/v1/articles", small_article(2))[0] == 503
    except AssertionError:
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", crier.port), timeout=2):
            pass
        refused = True
    assert refused
    crier.await_end()


def test_what_waits_is_still_there_after_a_restart(make_crier, platform):
    crier = make_crier()
    platform.control("down", face="hook")
    ids = [crier.send(small_article(n))["id"] for n in range(10)]
    for article_id in ids:
        crier.await_done(article_id, channel="bluesky")
    crier.stop()
    platform.control("up", face="hook")
    crier.start()
    for article_id in ids:
        crier.await_done(article_id)
    assert len(platform.posts("hook")) == 10


def test_a_restart_under_load_ends_cleanly(make_crier, platform):
    crier = make_crier()
    ids = [crier.send(small_article(n))["id"] for n in range(20)]
    crier.stop()
    crier.start()
    for article_id in ids:
        crier.await_done(article_id, seconds=40)
    assert {p: len(platform.posts(p)) for p in ("telegram", "mastodon", "bluesky", "hook")} == dict.fromkeys(
        ("telegram", "mastodon", "bluesky", "hook"), 20)


def test_a_second_instance_on_the_same_port_says_so_and_ends(make_crier):
    crier = make_crier()
    second = make_crier(start=False)
    second.settings["server"]["listen"] = f"127.0.0.1:{crier.port}"
    second.write_settings()
    answer = second.run("serve")
    assert answer.returncode == 1
    assert str(crier.port) in answer.stderr
