"""Platforms that answer late, badly or not at all. What is posted is posted once; what may have been
posted and cannot be looked up waits for a person; nobody's trouble is anybody else's."""

import time

import pytest
from attack import FORGETFUL
from harness import SLOW, wait_for, within

# What publishes on each platform; faults go there.
PUBLISHES = {
    "telegram": ("POST", "/bot123456:integration-telegram-token/sendPhoto"),
    "mastodon": ("POST", "/api/v1/statuses"),
    "bluesky": ("POST", "/xrpc/com.atproto.repo.putRecord"),
    "partner": ("POST", "/hook/partner"),
}
OF_CHANNEL = {"telegram": "telegram", "mastodon": "mastodon", "bluesky": "bluesky", "partner": "hook"}
CHANNELS = tuple(PUBLISHES)
REPEATABLE = ("mastodon", "bluesky", "partner")
# To a webhook any 2xx means "taken", whatever the body: these faults are lies it cannot see through.
BELIEVED = (("partner", "garbage"), ("partner", "endless"))


def fault(platform, channel, kind, **more):
    method, prefix = PUBLISHES[channel]
    return platform.fault(prefix, kind, method=method, **more)


def posts_of(platform, channel):
    return platform.posts(OF_CHANNEL[channel])


def attempts_of(platform, channel):
    return platform.requests(PUBLISHES[channel][1])


@pytest.mark.parametrize("channel", CHANNELS)
def test_429_with_retry_after_is_obeyed_in_full(crier, platform, article, channel):
    fault(platform, channel, "status", status=429, retry_after=2)
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    first, second = attempts_of(platform, channel)
    assert second["at"] - first["at"] >= 1.9
    assert len(posts_of(platform, channel)) == 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_429_without_retry_after_is_tried_again_after_a_pause(crier, platform, article, channel):
    fault(platform, channel, "status", status=429, times=2, body='{"error": "Too many requests"}')
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    assert len(attempts_of(platform, channel)) == 3
    assert len(posts_of(platform, channel)) == 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_503_is_tried_again(crier, platform, article, channel):
    fault(platform, channel, "status", status=503, times=2)
    accepted = crier.send(article())
    if channel == "telegram":
        crier.await_state(accepted["id"], ("done", "unknown"), channel="telegram")
    else:
        crier.await_done(accepted["id"], channel=channel)
        assert len(posts_of(platform, channel)) == 1


@pytest.mark.parametrize("channel", REPEATABLE)
@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "cut_published", "error_published",
                                  "garbage", "garbage_published"])
def test_a_lost_or_mad_answer_never_makes_two_posts(crier, platform, article, channel, kind):
    fault(platform, channel, kind)
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    assert len(posts_of(platform, channel)) == (0 if (channel, kind) in BELIEVED else 1)
    for other in (c for c in CHANNELS if c != channel):
        posts = posts_of(platform, other)
        assert len(posts) == 1, (accepted["id"], posts, platform.truth()["requests"])


def test_a_repeat_waits_for_a_request_that_may_still_be_worked_on(make_crier, platform, article):
    def change(settings):
        settings["channels"]["mastodon"]["timeout"] = "1s"
    crier = make_crier(change)
    fault(platform, "mastodon", "delay", seconds=3.0)  # the key is remembered only then
    accepted = crier.send(article())
    crier.await_done(accepted["id"], channel="mastodon", seconds=30)
    first, second = attempts_of(platform, "mastodon")
    assert second["at"] - first["at"] >= 5.9
    assert len(posts_of(platform, "mastodon")) == 1


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "cut_published", "error_published",
                                  "garbage", "garbage_published", "endless"])
def test_telegrams_unknown_outcome_is_held_and_visible(crier, platform, article, kind):
    fault(platform, "telegram", kind)
    accepted = crier.send(article())
    held = crier.await_state(accepted["id"], "unknown", channel="telegram")[0]
    crier.await_done(accepted["id"], channel="partner")
    time.sleep(1.0)
    assert crier.states(accepted["id"])["telegram"] == "unknown"
    assert len(attempts_of(platform, "telegram")) == 1
    assert held["detail"]
    listed = crier.get("/v1/deliveries?state=unknown")["items"]
    assert [d["id"] for d in listed] == [held["id"]]
    assert crier.channel("telegram")["backlog"]["unknown"] == 1


def test_an_unknown_outcome_is_settled_by_hand_as_posted(crier, platform, article):
    fault(platform, "telegram", "cut_published")
    accepted = crier.send(article())
    held = crier.await_state(accepted["id"], "unknown", channel="telegram")[0]
    post, = posts_of(platform, "telegram")
    resolve = f"/v1/deliveries/{held['id']}/resolve"
    for names, pointer in (({}, "/remote_id"), ({"remote_id": post["id"]}, "/remote_id"),
                           ({"link": "https://news.example/a"}, "/link")):
        status, body, _ = crier.call("POST", resolve, {"outcome": "posted"} | names)
        assert (status, body["errors"][0]["pointer"]) == (422, pointer), body
        assert "CHAT/ID" in body["detail"]
    names = {"remote_id": f"{post['place']}/{post['id']}"}
    status, body, _ = crier.call("POST", resolve, {"outcome": "posted"} | names)
    assert (status, body["state"]) == (200, "done")
    assert len(posts_of(platform, "telegram")) == 1
    crier.send(article(title="A better headline for the same story"))
    crier.await_done(accepted["id"], channel="telegram", revision=2)
    post, = posts_of(platform, "telegram")
    assert "A better headline" in post["text"]
    crier.retract(accepted["id"])
    wait_for(lambda: posts_of(platform, "telegram") == [])


def test_an_unknown_outcome_is_settled_by_hand_as_absent_and_sent_again(crier, platform, article):
    fault(platform, "telegram", "cut_after")
    accepted = crier.send(article())
    held = crier.await_state(accepted["id"], "unknown", channel="telegram")[0]
    status, body, _ = crier.call("POST", f"/v1/deliveries/{held['id']}/resolve", {"outcome": "absent"})
    assert status == 200 and body["state"] == "ready"
    crier.await_done(accepted["id"])
    assert len(posts_of(platform, "telegram")) == 1


def test_on_unknown_retry_sends_again_by_itself(make_crier, platform, article):
    def change(settings):
        settings["channels"]["telegram"]["on_unknown"] = "retry"
    crier = make_crier(change)
    fault(platform, "telegram", "cut_after")
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    assert len(posts_of(platform, "telegram")) == 1


@pytest.mark.parametrize("channel", REPEATABLE)
def test_an_endless_answer_is_cut_off_and_costs_no_memory(make_crier, platform, article, channel):
    crier = make_crier(environment=FORGETFUL)
    crier.await_done(crier.send(article(id="warm", url="https://news.example/warm"))["id"])
    before = crier.memory_kib()
    fault(platform, channel, "endless")
    accepted = crier.send(article())
    crier.await_done(accepted["id"], seconds=40)
    assert len(posts_of(platform, channel)) == (1 if (channel, "endless") in BELIEVED else 2)
    # 64 MiB were on offer.
    assert within(crier.memory_kib() - before, (48 if SLOW else 12) * 1024)


@pytest.mark.parametrize("channel", CHANNELS)
def test_bad_credentials_stop_the_channel_and_keep_its_articles(crier, platform, article, channel):
    if channel == "partner":
        fault(platform, channel, "status", status=401, times=-1)
    else:
        platform.control("revoke", platform=OF_CHANNEL[channel])
    accepted = crier.send(article())
    crier.await_state(accepted["id"], "blocked", channel=channel)
    assert crier.channel(channel)["health"] == "blocked"
    others = {c: s for c, s in crier.states(accepted["id"]).items() if c != channel}
    wait_for(lambda: all(crier.states(accepted["id"])[c] == "done" for c in others))
    platform.control("restore", platform=OF_CHANNEL[channel])
    platform.no_faults()
    status, body, _ = crier.call("POST", f"/v1/channels/{channel}/resume")
    assert status == 200, body
    crier.await_done(accepted["id"])
    assert len(posts_of(platform, channel)) == 1


def test_a_refusal_of_one_article_leaves_the_channel_alone(crier, platform, article):
    fault(platform, "mastodon", "status", status=422,
          body='{"error": "Validation failed: Text is not allowed here"}')
    refused = crier.send(article())
    d = crier.await_state(refused["id"], "rejected", channel="mastodon")[0]
    assert "Validation failed" in d["detail"]
    assert crier.channel("mastodon")["health"] == "ok"
    second = crier.send(article(id="second", url="https://news.example/second"))
    crier.await_done(second["id"])
    status, body, _ = crier.call("POST", f"/v1/deliveries/{d['id']}/replay")
    assert status == 200, body
    crier.await_done(refused["id"])
    assert len(posts_of(platform, "mastodon")) == 2


def test_a_channel_that_is_down_for_an_hour_delays_nobody_and_catches_up(crier, platform, article, clock):
    platform.control("down", face="mastodon")
    stories = [crier.send(article(id=f"s{n}", url=f"https://news.example/s{n}", title=f"Story {n}"))
               for n in range(5)]
    for story in stories:
        for channel in ("telegram", "bluesky", "partner"):
            crier.await_done(story["id"], channel=channel)
        assert crier.states(story["id"])["mastodon"] in ("again", "ready", "in_flight")
    assert posts_of(platform, "mastodon") == []
    for _ in range(4):
        clock.advance(crier, "15m")
        time.sleep(0.2)
    assert all(crier.states(s["id"])["mastodon"] in ("again", "ready", "in_flight") for s in stories)
    platform.control("up", face="mastodon")
    for _ in range(3):  # its backing off ends
        clock.advance(crier, "5m")
        time.sleep(0.3)
    for story in stories:
        crier.await_done(story["id"])
    assert len(posts_of(platform, "mastodon")) == 5
    assert all(len(posts_of(platform, c)) == 5 for c in CHANNELS)


def test_a_clock_that_is_set_back_makes_nobody_wait_longer(crier, platform, article, clock):
    fault(platform, "mastodon", "status", status=429, retry_after=2)
    accepted = crier.send(article())
    crier.await_state(accepted["id"], "again", channel="mastodon")
    clock.set_back(crier, "1h")
    crier.await_done(accepted["id"])
    first, second = attempts_of(platform, "mastodon")
    assert second["at"] - first["at"] >= 1.9
    assert all(len(posts_of(platform, c)) == 1 for c in CHANNELS)
    assert "clock_back" in crier.log()


def test_a_clock_that_was_set_back_meanwhile_makes_nobody_wait_longer(crier, platform, article):
    fault(platform, "mastodon", "status", status=429, retry_after=2)
    accepted = crier.send(article())
    crier.await_state(accepted["id"], "again", channel="mastodon")
    crier.stop()
    crier.environment["CRIER_CLOCK_MS"] = "-3600000"
    crier.start()
    crier.await_done(accepted["id"])
    first, second = attempts_of(platform, "mastodon")
    assert second["at"] - first["at"] >= 1.9
    assert len(posts_of(platform, "mastodon")) == 1


def test_news_that_is_worthless_by_now_is_not_sent(make_crier, platform, article, clock):
    def change(settings):
        settings["channels"]["mastodon"]["not_after"] = "30m"
    crier = make_crier(change)
    platform.control("down", face="mastodon")
    accepted = crier.send(article())
    crier.await_done(accepted["id"], channel="partner")
    clock.advance(crier, "1h")
    platform.control("up", face="mastodon")
    crier.await_state(accepted["id"], "expired", channel="mastodon")
    assert posts_of(platform, "mastodon") == []
    fresh = crier.send(article(id="fresh", url="https://news.example/fresh"))
    clock.advance(crier, "1m")
    crier.await_done(fresh["id"], seconds=40)
    assert len(posts_of(platform, "mastodon")) == 1


def test_an_expired_delivery_can_be_replayed(make_crier, platform, article, clock):
    def change(settings):
        settings["channels"]["partner"]["not_after"] = "1m"
    crier = make_crier(change)
    platform.control("down", face="hook")
    accepted = crier.send(article())
    crier.await_done(accepted["id"], channel="telegram")
    clock.advance(crier, "10m")
    d = crier.await_state(accepted["id"], "expired", channel="partner")[0]
    platform.control("up", face="hook")
    assert crier.call("POST", f"/v1/deliveries/{d['id']}/replay")[0] == 200
    crier.await_done(accepted["id"], channel="partner")


def test_waiting_deliveries_can_be_cancelled(crier, platform, article):
    platform.control("down", face="hook")
    accepted = crier.send(article())
    d = crier.await_state(accepted["id"], ("again", "ready"), channel="partner")[0]
    def cancel():
        return crier.call("POST", f"/v1/deliveries/{d['id']}/cancel")[0] == 200
    wait_for(cancel)
    assert crier.states(accepted["id"])["partner"] == "cancelled"
    platform.control("up", face="hook")
    time.sleep(1.5)
    assert posts_of(platform, "partner") == []


def test_a_paused_channel_keeps_its_articles(crier, platform, article):
    assert crier.call("POST", "/v1/channels/partner/pause")[0] == 200
    accepted = crier.send(article())
    crier.await_done(accepted["id"], channel="telegram")
    assert crier.states(accepted["id"])["partner"] in ("ready", "held")
    assert crier.channel("partner")["health"] == "paused"
    assert crier.call("POST", "/v1/channels/partner/resume")[0] == 200
    crier.await_done(accepted["id"])
    assert len(posts_of(platform, "partner")) == 1


def test_breaking_news_overtakes_a_queue(make_crier, platform, article):
    def change(settings):
        settings["channels"] = {"partner": dict(settings["channels"]["partner"], concurrency=1)}
    crier = make_crier(change)
    platform.fault("/hook/partner", "delay", times=-1, seconds=0.15)
    for n in range(30):
        crier.send({"url": f"https://news.example/slow/{n}", "title": f"Slow {n}", "categories": ["World"]})
    crier.send(article())
    def place():
        titles = [p["text"] for p in sorted(posts_of(platform, "partner"), key=lambda p: p["at"])]
        return next((n + 1 for n, t in enumerate(titles) if t.startswith("US, South")), None)
    assert wait_for(place) <= 12


def test_an_update_while_the_first_revision_is_on_its_way_is_one_post(crier, platform, article):
    fault(platform, "mastodon", "delay", seconds=1.0)
    accepted = crier.send(article())
    wait_for(lambda: attempts_of(platform, "mastodon"))
    crier.send(article(title="A better headline for the same story"))
    crier.await_state(accepted["id"], ("done", "cancelled"))
    crier.await_done(accepted["id"], revision=2)
    posts = posts_of(platform, "mastodon")
    assert len(posts) == 1 and "A better headline" in posts[0]["text"]


def test_a_retraction_while_it_is_on_its_way_leaves_nothing_standing(crier, platform, article):
    fault(platform, "mastodon", "delay", seconds=1.0)
    accepted = crier.send(article())
    wait_for(lambda: attempts_of(platform, "mastodon"))
    crier.retract(accepted["id"])
    wait_for(lambda: set(crier.states(accepted["id"], revision=2).values()) == {"done"})
    assert platform.posts() == []
