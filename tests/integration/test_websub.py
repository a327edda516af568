"""WebSub: a feed's hub tells at once what is new; whoever lies is not believed; what a hub loses is polled."""

import pytest
from feed_site import Answer, Feed, Site, item, rss
from fake.hub import Hub
from harness import exchange, wait_for
from test_watch import articles, await_told, crash, poll, seen, source, told, watching


@pytest.fixture
def hub():
    hub = Hub()
    yield hub
    hub.close()


@pytest.fixture
def site():
    site = Site()
    yield site
    site.close()


@pytest.fixture
def feed(site, hub):
    return Feed(site, items=[item(site.url, 1)], links=[("hub", hub.url), ("self", site.url + "/feed.xml")])


@pytest.fixture
def make_subscriber(make_crier):
    def make(url, environment=None, **more):
        crier = make_crier(watching(url, **more), environment, start=False)
        crier.settings["server"]["public_url"] = crier.url
        crier.write_settings()
        return crier.start()
    return make


def state(crier):
    return (source(crier)["websub"] or {"state": None})["state"]


def active(crier, hub):
    wait_for(lambda: state(crier) == "active", what="the lease")
    wait_for(lambda: hub.subscribers)
    wait_for(lambda: not source(crier)["polling"])  # a poll may have begun before the lease did


def pushed(crier, result):
    return f'crier_source_websub_total{{source="site",result="{result}"}}' in crier.get("/metrics")


def entry(site, number, **more):
    """What a hub sends: a feed of the new entries alone."""
    return rss(site.url, [item(site.url, number, **more)])


def test_a_subscription_is_made_and_brings_news_at_once(make_subscriber, platform, site, hub, feed):
    crier = make_subscriber(feed.url)
    active(crier, hub)
    form = hub.forms[0]
    assert form["hub.mode"] == "subscribe" and form["hub.topic"] == feed.url
    assert form["hub.callback"].startswith(crier.url + "/websub/") and len(form["hub.secret"]) == 64
    shown = source(crier)
    assert shown["websub"]["hub"] == hub.url and shown["websub"]["lease_until"]
    assert form["hub.secret"] not in str(shown) and form["hub.callback"].split("/")[-1] not in str(shown)
    asked = len(site.of(feed.path))
    assert hub.distribute(entry(site, 2)) == [202]
    await_told(platform, "Story number 2")  # and it was on disk before the hub had its answer
    assert len(articles(crier)) == 2 and len(site.of(feed.path)) == asked
    assert hub.distribute(entry(site, 2)) == [202] and pushed(crier, "known")
    feed.add(item(site.url, 2))
    poll(crier)
    assert source(crier)["interval_ms"] == 900000  # every_max: only the net beside the hub
    assert told(platform) == ["Story number 2"]


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_each_signature_is_understood(make_subscriber, platform, site, hub, feed, method):
    crier = make_subscriber(feed.url)
    active(crier, hub)
    hub.method = method
    assert hub.distribute(entry(site, 2)) == [202]
    await_told(platform, "Story number 2")


def test_who_does_not_know_the_secret_is_not_believed(make_subscriber, platform, site, hub, feed):
    crier = make_subscriber(feed.url)
    active(crier, hub)
    assert hub.distribute(entry(site, 66), secret="guessed") == [202] and pushed(crier, "forged")
    assert hub.distribute(entry(site, 66), sign=False) == [202] and pushed(crier, "unsigned")
    assert exchange(crier.url, "POST", "/websub/guessed", entry(site, 66))[0] == 410
    assert len(articles(crier)) == 1 and told(platform) == []


def test_only_what_was_asked_for_is_confirmed(make_subscriber, hub, feed):
    crier = make_subscriber(feed.url)
    active(crier, hub)
    path = hub.forms[0]["hub.callback"].removeprefix(crier.url)
    for query in (f"hub.mode=unsubscribe&hub.topic={feed.url}&hub.challenge=x",
                  "hub.mode=subscribe&hub.topic=http://other.example/&hub.challenge=x&hub.lease_seconds=9",
                  f"hub.mode=subscribe&hub.topic={feed.url}", "hub.mode=publish", ""):
        assert exchange(crier.url, "GET", f"{path}?{query}")[0] == 404, query
    assert exchange(crier.url, "GET", f"/websub/x?hub.mode=subscribe&hub.topic={feed.url}&hub.challenge=x")[0] == 404
    assert state(crier) == "active"


def test_the_hub_of_a_header_comes_first(make_subscriber, site, hub):
    feed = Feed(site, items=[item(site.url, 1)], links=[("hub", site.url + "/no-hub")])
    feed.headers["Link"] = f'<{hub.url}>; rel="hub", </topic>; rel="self"'
    crier = make_subscriber(feed.url)
    active(crier, hub)
    assert hub.forms[0]["hub.topic"] == site.url + "/topic"


def test_a_lease_is_kept_over_a_restart_and_renewed_in_time(make_subscriber, platform, clock, site, hub, feed):
    hub.lease = 3600
    crier = make_subscriber(feed.url)
    active(crier, hub)
    crier.stop()
    crier.start()
    assert state(crier) == "active" and len(hub.forms) == 1
    assert hub.distribute(entry(site, 2)) == [202]
    await_told(platform, "Story number 2")
    clock.advance(crier, "47m")
    assert len(hub.forms) == 1
    clock.advance(crier, "2m")  # after four fifths of the hour
    wait_for(lambda: len(hub.verified) == 2)
    assert hub.forms[1]["hub.callback"] == hub.forms[0]["hub.callback"] and state(crier) == "active"


def test_a_lease_that_is_not_renewed_ends_and_polling_takes_over(make_subscriber, platform, clock, site, hub, feed):
    hub.lease = 3600
    crier = make_subscriber(feed.url)
    active(crier, hub)
    hub.refuse = 500
    clock.advance(crier, "49m")
    wait_for(lambda: source(crier)["websub"]["detail"])
    assert state(crier) == "active"
    feed.add(item(site.url, 2, age_s=-49 * 60))
    clock.advance(crier, "12m")
    wait_for(lambda: state(crier) != "active")
    wait_for(lambda: source(crier)["interval_ms"] < 900000)
    await_told(platform, "Story number 2")


def test_what_a_hub_loses_is_found_by_polling(make_subscriber, platform, clock, site, hub, feed):
    crier = make_subscriber(feed.url)
    active(crier, hub)
    feed.add(item(site.url, 2))
    clock.advance(crier, "17m")
    await_told(platform, "Story number 2")


def test_a_hub_that_will_not_is_asked_again_another_day(make_subscriber, clock, hub, feed):
    hub.deny = "not for you"
    crier = make_subscriber(feed.url)
    wait_for(lambda: state(crier) == "denied")
    assert source(crier)["websub"]["detail"] == "not for you"
    poll(crier)
    assert source(crier)["interval_ms"] == 30000 and len(hub.forms) == 1
    hub.deny = None
    clock.advance(crier, "25h")
    active(crier, hub)


def test_a_hub_in_trouble_is_asked_again_later(make_subscriber, clock, hub, feed):
    hub.refuse = Answer("too many subscriptions", 403)
    crier = make_subscriber(feed.url)
    wait_for(lambda: state(crier) == "failed")
    assert source(crier)["websub"]["detail"] == "status 403: too many subscriptions"
    hub.refuse = None
    hub.mute = True
    clock.advance(crier, "2m")
    wait_for(lambda: state(crier) == "asked")
    clock.advance(crier, "6m")
    wait_for(lambda: state(crier) == "failed")
    assert "not asked back" in source(crier)["websub"]["detail"]
    hub.mute = False
    clock.advance(crier, "10m")
    active(crier, hub)


def test_a_hub_that_moved_is_followed(make_subscriber, site, hub):
    site.answer("/old-hub", Answer(status=307, headers={"Location": hub.url}))
    feed = Feed(site, items=[item(site.url, 1)], links=[("hub", site.url + "/old-hub")])
    crier = make_subscriber(feed.url)
    active(crier, hub)
    assert source(crier)["websub"]["hub"] == hub.url


def test_a_source_that_leaves_is_unsubscribed(make_subscriber, hub, feed, site):
    crier = make_subscriber(feed.url)
    active(crier, hub)
    callback = next(iter(hub.subscribers))
    crier.settings["sources"]["site"]["websub"] = False
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    wait_for(lambda: not hub.subscribers)
    assert hub.verified[-1] == ("unsubscribe", 200, True)
    hub.subscribers[callback] = hub.forms[0]
    wait_for(lambda: hub.distribute(entry(site, 2)) == [410])
    del crier.settings["sources"]["site"]["websub"]
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    active(crier, hub)
    crier.stop()
    del crier.settings["sources"]["site"]
    crier.write_settings()
    hub.subscribers.pop(callback, None)
    assert len(hub.subscribers) == 1
    crier.start()
    wait_for(lambda: not hub.subscribers)


def test_what_cannot_be_read_is_a_reason_to_look(make_subscriber, platform, site, hub, feed):
    crier = make_subscriber(feed.url)
    active(crier, hub)
    feed.add(item(site.url, 2))
    assert hub.distribute(b"ping", kind="text/plain") == [202]
    await_told(platform, "Story number 2")


def test_a_push_is_not_held_up_by_a_slow_poll(make_subscriber, platform, site, hub, feed):
    import threading
    crier = make_subscriber(feed.url)
    active(crier, hub)
    stop = threading.Event()
    def slow(asked):
        stop.wait(20)
        return feed.serve(asked)
    site.answer(feed.path, slow)
    crier.call("POST", "/v1/sources/site/poll")
    assert hub.distribute(entry(site, 2)) == [202]
    await_told(platform, "Story number 2")
    stop.set()


def test_a_crash_before_the_hub_has_its_answer_loses_and_doubles_nothing(make_subscriber, platform, site, hub, feed):
    crier = make_subscriber(feed.url, {"CRIER_FAULT": "watch.accepted:2:exit"})
    active(crier, hub)
    seen(crier)
    crash(crier, lambda: hub.distribute(entry(site, 2)))
    assert state(crier) == "active"
    assert hub.distribute(entry(site, 2)) == [202]  # as hubs do that had no answer
    await_told(platform, "Story number 2")
    assert len(articles(crier)) == 2 and platform.truth()["duplicates"] == []


def test_without_a_public_address_there_is_only_polling(make_crier, hub, feed):
    def change(settings):
        watching(feed.url)(settings)
        del settings["server"]["public_url"]
    crier = make_crier(change)
    seen(crier)
    assert source(crier)["websub"] is None and hub.forms == []
