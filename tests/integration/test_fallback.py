"""A channel is blocked: its articles go out elsewhere, once, the ledger says why, and a kill changes nothing."""

import pytest
from harness import small_article, wait_for


@pytest.fixture
def make_crier(make_crier):
    """Partner falls back to the group of all, whose others take nothing by themselves; so does Telegram."""
    def make(change=None, **more):
        def with_groups(settings):
            channels = settings["channels"]
            settings["groups"] = {"social": ["mastodon", "bluesky"], "all": ["social", "partner"]}
            for name in ("mastodon", "bluesky"):
                channels[name]["when"] = {"category": "Never"}
            channels["bluesky"]["enabled"] = False
            channels["partner"]["fallback"] = "all"
            channels["telegram"]["fallback"] = ["mastodon"]
            if change:
                change(channels)
        return make_crier(with_groups, **more)
    return make


def send(crier, number, **more):
    return crier.send(small_article(number, **more))["id"]


def on(crier, article, channel, revision=None):
    return crier.deliveries(article, channel, revision)[-1]


def posts(platform, name, number):
    return [p for p in platform.posts(name, standing=False) if f"number {number}" in p["text"]]


def test_it_goes_elsewhere_once_and_back_when_it_is_mended(make_crier, platform):
    crier = make_crier()
    events = crier.events()
    platform.control("revoke", platform="hook")
    platform.control("revoke", platform="telegram")

    # Two that are blocked by it fall back to one and the same.
    first = send(crier, 1)
    crier.await_done(first, channel="mastodon")
    crier.await_state(first, "blocked", channel="partner")
    crier.await_state(first, "blocked", channel="telegram")
    assert len(posts(platform, "mastodon", 1)) == 1
    assert crier.deliveries(first, "bluesky") == []
    found = on(crier, first, "mastodon")
    assert found["fallback"]["for"] in ("partner", "telegram") and found["fallback"]["why"]
    wait_for(lambda: events.of("delivery.fallback", channel="mastodon"))
    assert f"mastodon, for {found['fallback']['for']}: " in crier.run("status", first).stdout

    # What comes now goes there with its accept; corrections and retractions follow.
    second = send(crier, 2)
    crier.await_done(second, channel="mastodon")
    assert on(crier, second, "partner")["state"] == "blocked"
    assert on(crier, second, "partner")["attempts"] == 0
    send(crier, 2, title="Small story number 2, corrected")
    crier.await_done(second, channel="mastodon", revision=2)
    crier.retract(second)
    crier.await_done(second, channel="mastodon", revision=3)
    assert not [p for p in platform.posts("mastodon") if "number 2" in p["text"]]

    # Mended: what went out by fallback is not posted late; the next is as ever.
    for name in ("hook", "telegram"):
        platform.control("restore", platform=name)
    answer = crier.call("POST", "/v1/channels/all/resume")[1]
    assert [c["name"] for c in answer["items"]] == ["mastodon", "bluesky", "partner"]
    crier.call("POST", "/v1/channels/telegram/resume")
    crier.await_state(first, "cancelled", channel="partner")
    assert on(crier, first, "partner")["detail"] == "went out by fallback mastodon"
    crier.await_state(first, "cancelled", channel="telegram")
    third = send(crier, 3)
    crier.await_done(third, channel="partner")
    assert crier.deliveries(third, "mastodon") == [] and not posts(platform, "hook", 1)
    assert len(posts(platform, "mastodon", 1)) == 1


def test_killed_in_between_it_still_goes_out_once(make_crier, platform, clock):
    for point in ("ledger.committed:3:exit", "ledger.committed:4:exit", "ledger.committed:5:exit"):
        number = point.split(":")[1]
        platform.control("reset")
        platform.control("revoke", platform="hook")
        crier = make_crier(lambda channels: channels.pop("telegram"), environment={"CRIER_FAULT": point})
        article = small_article(number)
        try:
            crier.send(article)
        except (AssertionError, OSError):
            pass
        crier.process.wait(20)
        crier.process = None
        del crier.environment["CRIER_FAULT"]
        crier.start()
        again = crier.send(article)["id"]
        clock.advance(crier, "15s")  # what may still be at work there is waited for
        crier.await_done(again, channel="mastodon")
        crier.await_state(again, ("blocked", "cancelled"), channel="partner")
        assert len(posts(platform, "mastodon", number)) == 1, point
        crier.stop()
