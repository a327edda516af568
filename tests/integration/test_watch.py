"""Feeds: first sight is silent, what is new goes out in order, and whatever a server does, nothing floods."""

import contextlib
import email.utils
import http.client
import json
import threading
import time

import harness
import pytest
from feed_site import Answer, Feed, Site, item, rss
from harness import wait_for


@pytest.fixture
def site():
    site = Site()
    yield site
    site.close()


def watching(url, name="site", kind="feed", **more):
    """A change of settings: one partner is told, one thing after the other, and one source is watched."""
    def change(settings):
        settings["channels"] = {"partner": {**settings["channels"]["partner"], "concurrency": 1}}
        settings["sources"] = {name: {"type": kind, "url": url, "allow_private": True, "every": "30s", **more}}
    return change


def source(crier, name="site"):
    return crier.get(f"/v1/sources/{name}")


def polls(crier, name="site"):
    """How many requests have ended."""
    return sum(int(line.rsplit(" ", 1)[1]) for line in crier.get("/metrics").splitlines()
               if line.startswith(f'crier_source_polls_total{{source="{name}"'))


def poll(crier, name="site"):
    """Ask now, and wait until that is over."""
    wait_for(lambda: not source(crier, name)["polling"])
    before = polls(crier, name)
    status, body, _ = crier.call("POST", f"/v1/sources/{name}/poll")
    assert status == 202, body
    wait_for(lambda: polls(crier, name) > before, what="the poll")
    return source(crier, name)


def seen(crier, name="site"):
    return wait_for(lambda: (s := source(crier, name))["first_seen_at"] and s, what="first sight")


def articles(crier):
    return crier.get("/v1/articles?limit=200")["items"]


def told(platform):
    """What the partner was told, in that order."""
    return [p["text"] for p in platform.posts("hook")]


def await_told(platform, *titles):
    wait_for(lambda: len(told(platform)) >= len(titles), what=f"{titles} to arrive")
    assert told(platform) == list(titles)


# ---- what is new ----

def test_first_sight_is_silent_and_what_is_new_then_goes_out_in_order(make_crier, platform, site):
    feed = Feed(site, items=[item(site.url, n) for n in (3, 2, 1)])
    crier = make_crier(watching(feed.url))
    state = seen(crier)
    assert state["health"] == "ok" and state["format"] == "RSS 2.0", state
    assert len(articles(crier)) == 3
    feed.add(item(site.url, 6, age_s=1), item(site.url, 5, age_s=20), item(site.url, 4, age_s=40))
    assert poll(crier)["last_new_at"]
    await_told(platform, "Story number 4", "Story number 5", "Story number 6")
    assert len(articles(crier)) == 6
    poll(crier)
    assert site.of(feed.path)[-1].headers["If-None-Match"] == 'W/"v2"'
    assert len(told(platform)) == 3


def test_a_restart_neither_floods_nor_forgets(make_crier, platform, site):
    feed = Feed(site, items=[item(site.url, n) for n in (3, 2, 1)])
    crier = make_crier(watching(feed.url))
    seen(crier)
    crier.stop()
    feed.add(item(site.url, 4))
    crier.start()
    await_told(platform, "Story number 4")
    crier.stop()
    asked = len(site.of(feed.path))
    crier.start()
    wait_for(lambda: len(site.of(feed.path)) > asked)
    assert site.of(feed.path)[-1].headers["If-None-Match"] == 'W/"v2"'
    assert poll(crier)["health"] == "ok"
    assert told(platform) == ["Story number 4"]


def test_an_edit_is_a_revision_and_leaving_the_feed_is_nothing(make_crier, platform, site):
    first = item(site.url, 1)
    feed = Feed(site, items=[first, item(site.url, 2)])
    crier = make_crier(watching(feed.url, first="send"))
    wait_for(lambda: len(told(platform)) == 2)
    first["title"] = "Story number 1, corrected"
    feed.version += 1
    poll(crier)
    changed = wait_for(lambda: next((a for a in articles(crier) if "corrected" in a["title"]), None))
    assert changed["revision"] == 2
    feed.items.clear()
    feed.version += 1
    poll(crier)
    assert [a["state"] for a in articles(crier)] != [] and not platform.posts("hook", standing=False)[2:]
    assert all(a["revision"] < 3 for a in articles(crier))


def test_a_new_guid_or_a_new_url_alone_is_the_same_article(make_crier, platform, site):
    feed = Feed(site, items=[item(site.url, 1), item(site.url, 2)])
    crier = make_crier(watching(feed.url))
    seen(crier)
    feed.items = [item(site.url, 1, guid="another"), item(site.url, 2, url=site.url + "/a/2-new-slug")]
    feed.version += 1
    poll(crier)
    assert len(articles(crier)) == 2 and told(platform) == []


def test_what_is_old_is_recorded_only(make_crier, platform, site):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url, max_age="2h"))
    seen(crier)
    feed.add(item(site.url, 3, age_s=10), item(site.url, 2, age_s=3 * 3600))
    poll(crier)
    await_told(platform, "Story number 3")
    assert len(articles(crier)) == 3


def test_the_same_title_under_another_name_waits_for_a_person(make_crier, platform, site):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url))
    seen(crier)
    feed.add(item(site.url, 2, title="Bridge closed"))
    poll(crier)
    await_told(platform, "Bridge closed")
    feed.add(item(site.url, 3, title="BRIDGE  closed"))
    assert poll(crier)["held"] == 1
    assert "source_held" in crier.log()
    status, body, _ = crier.call("POST", "/v1/sources/site/drop")
    assert (status, body) == (200, {"dropped": 1})
    assert source(crier)["held"] == 0 and told(platform) == ["Bridge closed"]


def test_a_flood_is_held_and_released_by_a_person(make_crier, platform, site):
    feed = Feed(site, items=[item(site.url, n) for n in range(30)])
    crier = make_crier(watching(feed.url, hold_above=5))
    seen(crier)
    feed.items = [item(site.url, n, age_s=200 - n) for n in range(105, 99, -1)]
    feed.version += 1
    state = poll(crier)
    assert state["held"] == 6 and state["health"] == "ok", state
    assert 'crier_source_held{source="site"} 6' in crier.get("/metrics")
    assert "6 new items at once" in crier.log() and told(platform) == []
    feed.add(item(site.url, 200, age_s=1))
    poll(crier)
    await_told(platform, "Story number 200")  # a flood before holds up nothing that comes behind it
    shown = crier.run("sources", "site", "--release")
    assert shown.returncode == 0 and "released 6" in shown.stdout, shown
    await_told(platform, "Story number 200", *[f"Story number {n}" for n in range(100, 106)])
    assert source(crier)["held"] == 0


def test_another_feed_under_the_same_name_is_a_first_sight(make_crier, platform, site):
    one, two = Feed(site, "/one", [item(site.url, 1)]), Feed(site, "/two", [item(site.url, 2)])
    crier = make_crier(watching(one.url))
    seen(crier)
    crier.settings["sources"]["site"]["url"] = two.url
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    wait_for(lambda: source(crier)["url"] == two.url and source(crier)["first_seen_at"])
    assert len(articles(crier)) == 2 and told(platform) == []
    del crier.settings["sources"]["site"]
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    assert crier.get("/v1/sources")["items"] == []
    assert crier.call("GET", "/v1/sources/site")[0] == 404


# ---- crashes ----

def crash(crier, act):
    """act() makes it end at its fault point; then it is started without one."""
    with contextlib.suppress(AssertionError, OSError, http.client.HTTPException):
        act()
    assert crier.process.wait(30) == 99
    crier.process = None
    del crier.environment["CRIER_FAULT"]
    crier.start()


def test_a_crash_between_article_and_state_repeats_nothing(make_crier, platform, site):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url), environment={"CRIER_FAULT": "watch.accepted:2:exit"})
    seen(crier)
    feed.add(item(site.url, 3, age_s=1), item(site.url, 2, age_s=5))
    crash(crier, lambda: crier.call("POST", "/v1/sources/site/poll"))
    wait_for(lambda: len(told(platform)) >= 2)
    poll(crier)
    assert sorted(told(platform)) == ["Story number 2", "Story number 3"]
    assert platform.truth()["duplicates"] == [] and len(articles(crier)) == 3


def test_a_crash_at_first_sight_is_followed_by_first_sight(make_crier, platform, site):
    feed = Feed(site, items=[item(site.url, n) for n in range(40)])
    crier = make_crier(watching(feed.url), environment={"CRIER_FAULT": "watch.accepted:1:exit"}, start=False)
    crash(crier, crier.start)
    seen(crier)
    assert len(articles(crier)) == 40 and told(platform) == []


def test_after_a_backup_came_back_what_is_new_waits_for_a_person(make_crier, platform, site, tmp_path):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url))
    seen(crier)
    assert crier.run("backup", str(tmp_path / "copy.db")).returncode == 0
    feed.add(item(site.url, 2))
    poll(crier)
    await_told(platform, "Story number 2")
    crier.stop()
    for name in ("crier.db-wal", "crier.db-shm"):
        (crier.folder / name).unlink(missing_ok=True)
    (tmp_path / "copy.db").rename(crier.folder / "crier.db")
    crier.start()
    wait_for(lambda: source(crier)["held"] == 1)  # it may have been sent since: only a person knows
    feed.add(item(site.url, 3))
    poll(crier)
    await_told(platform, "Story number 2", "Story number 3")


# ---- servers ----

def test_retry_after_is_obeyed_and_survives_a_restart(make_crier, clock, site):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url))
    seen(crier)
    site.answer(feed.path, Answer("slow down", 429, {"Retry-After": "7200"}))
    state = poll(crier)
    assert state["health"] == "failing" and state["status"] == 429 and "too often" in state["error"]
    crier.stop()
    asked = len(site.of(feed.path))
    site.answer(feed.path, feed.serve)
    crier.start()
    clock.advance(crier, "1h")
    assert len(site.of(feed.path)) == asked
    clock.advance(crier, "62m")
    wait_for(lambda: source(crier)["health"] == "ok")
    assert "source_mended" in crier.log()


def test_trouble_backs_off_and_a_person_can_ask_at_once(make_crier, site):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url))
    seen(crier)
    site.answer(feed.path, Answer("<html>no</html>", 503))
    intervals = [poll(crier)["interval_ms"] for _ in range(3)]
    assert intervals == [60000, 120000, 240000]
    assert crier.log().count("source_trouble") == 1  # told once, not each time
    site.answer(feed.path, Answer("x", 403, {"cf-mitigated": "challenge"}))
    assert "browser" in poll(crier)["error"]
    site.answer(feed.path, feed.serve)
    assert poll(crier)["health"] == "ok"


def test_gone_is_gone_until_somebody_asks(make_crier, clock, site):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url))
    seen(crier)
    site.answer(feed.path, Answer("gone", 410))
    state = poll(crier)
    assert state["health"] == "stopped" and state["next_poll_at"] is None and "410" in state["stopped_why"]
    asked = len(site.of(feed.path))
    clock.advance(crier, "2d")
    crier.stop()
    crier.start()
    assert source(crier)["health"] == "stopped"
    assert "stopped" in crier.run("status").stdout
    assert len(site.of(feed.path)) == asked
    site.answer(feed.path, feed.serve)
    assert poll(crier)["health"] == "ok" and source(crier)["next_poll_at"]


def test_redirects_are_followed_and_believed_the_third_time(make_crier, site):
    feed = Feed(site, "/new.xml", [item(site.url, 1)])
    site.answer("/old.xml", Answer(status=301, headers={"Location": "/new.xml"}))
    crier = make_crier(watching(site.url + "/old.xml"))
    seen(crier)
    assert poll(crier)["moved_to"] is None
    assert poll(crier)["moved_to"] == feed.url
    asked = len(site.of("/old.xml"))
    poll(crier)
    assert len(site.of("/old.xml")) == asked and "source_moved" in crier.log()
    site.answer("/old.xml", Answer(status=302, headers={"Location": "/old.xml"}))
    site.answer("/new.xml", Answer("no", 404))
    for _ in range(3):
        poll(crier)
    assert "redirects" in poll(crier)["error"]  # the new place failed: the old one again


def test_a_login_is_shown_to_its_own_host_only(make_crier, site):
    other = Site()
    Feed(other, items=[item(other.url, 1)])
    site.answer("/feed.xml", Answer(status=302, headers={"Location": other.url + "/feed.xml"}))
    crier = make_crier(watching(site.url + "/feed.xml", token="feed-token-0123", headers={"X-Key": "feed-key-0123"}))
    seen(crier)
    assert site.asked[0].headers["Authorization"] == "Bearer feed-token-0123"
    assert site.asked[0].headers["X-Key"] == "feed-key-0123"
    assert other.asked[0].headers["Authorization"] is None and other.asked[0].headers["X-Key"] is None
    assert "feed-token-0123" not in crier.log() + json.dumps(crier.get("/v1/sources"))
    other.close()


def test_private_addresses_are_closed_unless_allowed(make_crier, site):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url, allow_private=False))
    state = wait_for(lambda: (s := source(crier))["error"] and s)
    assert "private address" in state["error"] and site.asked == []


def test_what_a_cache_would_answer_is_not_asked_for(make_crier, site):
    feed = Feed(site, items=[item(site.url, 1)])
    feed.headers["Cache-Control"] = "max-age=600"
    crier = make_crier(watching(feed.url))
    assert seen(crier)["interval_ms"] == 600000
    feed.headers["Cache-Control"] = "max-age=36000"
    assert poll(crier)["interval_ms"] == 900000  # every_max
    feed.headers["Cache-Control"] = "no-cache"
    assert poll(crier)["interval_ms"] == 30000


def test_a_quiet_site_is_asked_less_and_an_active_one_more(make_crier, clock, site):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url))
    assert seen(crier)["interval_ms"] == 30000
    clock.advance(crier, "2h")
    wait_for(lambda: source(crier)["interval_ms"] // 20000 == 24)
    clock.advance(crier, "9h")
    wait_for(lambda: source(crier)["interval_ms"] == 900000)
    feed.add(item(site.url, 2, age_s=-11 * 3600))
    assert poll(crier)["interval_ms"] == 30000


def test_the_same_bytes_with_200_are_not_read_again(make_crier, site):
    body = rss(site.url, [item(site.url, 1)])
    site.answer("/feed.xml", Answer(body, headers={"ETag": '"one"'}))
    crier = make_crier(watching(site.url + "/feed.xml"))
    seen(crier)
    site.answer("/feed.xml", Answer(body, headers={"ETag": '"two"'}))
    assert poll(crier)["etag"] == '"two"'
    assert 'crier_source_polls_total{source="site",result="same"} 1' in crier.get("/metrics")


def test_one_host_is_asked_one_thing_at_a_time(make_crier, site):
    def slow(asked):
        time.sleep(0.05)
        return Answer(rss(site.url, [item(site.url, asked.path[1:])]))
    def change(settings):
        watching(site.url)(settings)
        one = settings["sources"].pop("site")
        for n in range(12):
            settings["sources"][f"feed{n}"] = {**one, "url": f"{site.url}/{n}"}
    for n in range(12):
        site.answer(f"/{n}", slow)
    crier = make_crier(change)
    wait_for(lambda: all(s["first_seen_at"] for s in crier.get("/v1/sources")["items"]))
    assert site.most == 1 and len(site.asked) == 12


# ---- bodies ----

def test_what_is_no_feed_keeps_the_last_good_state(make_crier, platform, site):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url))
    seen(crier)
    for body in (b"<!doctype html><html><title>Log in</title></html>", b"", b"{\"not\": \"a feed\"}", b"\0\1\2"):
        site.answer(feed.path, Answer(body, headers={"ETag": '"wrong"'}))
        state = poll(crier)
        assert state["health"] == "failing" and state["etag"] == 'W/"v1"', (body, state)
    site.answer(feed.path, feed.serve)
    feed.add(item(site.url, 2))
    poll(crier)
    await_told(platform, "Story number 2")


def test_a_broken_feed_is_read_as_far_as_it_makes_sense(make_crier, platform, site):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url))
    seen(crier)
    body = rss(site.url, [item(site.url, n) for n in (3, 2)]).replace(b"</channel></rss>", b"").replace(
        b"happened in", b"happened & in")
    site.answer(feed.path, Answer(body))
    poll(crier)
    await_told(platform, "Story number 2", "Story number 3")


def test_an_answer_that_is_cut_brings_what_was_whole(make_crier, platform, site):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url))
    seen(crier)
    body = rss(site.url, [item(site.url, 3), item(site.url, 2)])
    site.answer(feed.path, Answer(body[:body.index(b"Story number 2") + 5],
                                  headers={"Content-Length": str(len(body)), "ETag": '"cut"'}, length=False))
    state = poll(crier)
    assert state["health"] == "failing" and state["etag"] == 'W/"v1"'
    await_told(platform, "Story number 3")
    site.answer(feed.path, Answer(body, headers={"ETag": '"whole"'}))
    assert poll(crier)["etag"] == '"whole"'
    await_told(platform, "Story number 3", "Story number 2")


def test_a_feed_in_windows_1252_is_read_as_it_was_meant(make_crier, platform, site):
    feed = Feed(site, items=[item(site.url, 1)], encoding="windows-1252")
    crier = make_crier(watching(feed.url))
    seen(crier)
    feed.add(item(site.url, 2, title="Zürich: “Brücke gesperrt” – 5 €"))
    poll(crier)
    await_told(platform, "Zürich: “Brücke gesperrt” – 5 €")


def test_a_slow_feed_ends_with_its_time_and_holds_up_no_other(make_crier, site):
    stop = threading.Event()
    def dribble(asked):
        def pieces():
            yield b'<?xml version="1.0"?><rss version="2.0"><channel>'
            while not stop.wait(0.05):
                yield b" "
        return Answer(pieces())
    other = Site()
    good = Feed(other, items=[item(other.url, 1)])
    site.answer("/slow", dribble)
    def change(settings):
        watching(site.url + "/slow", timeout="1s")(settings)
        settings["sources"]["good"] = {**settings["sources"]["site"], "url": good.url}
    crier = make_crier(change)
    seen(crier, "good")
    wait_for(lambda: source(crier)["error"])
    assert source(crier)["first_seen_at"] is None and source(crier, "good")["health"] == "ok"
    stop.set()
    other.close()


def test_a_feed_of_fifty_megabytes_needs_no_fifty_megabytes(make_crier, platform, site):
    size = 12 if harness.SLOW else 50
    def big(asked):
        def pieces():
            yield rss(site.url, []).split(b"\n</channel>")[0].removesuffix(b"\n")
            filler = b"<description>" + b"x" * 16000 + b"</description>"
            for n in range(size * 1024 * 1024 // 16300):
                i = item(site.url, n, age_s=n)
                yield (f"<item><title>{i['title']}</title><link>{i['url']}</link><guid>{i['guid']}</guid>"
                       f"<pubDate>{email.utils.formatdate(i['at'], usegmt=True)}</pubDate>").encode() + filler + b"</item>"
            yield b"</channel></rss>"
        return Answer(pieces())
    small = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(small.url, timeout="2m"))
    seen(crier)
    before, most = crier.memory_kib(), 0
    site.answer(small.path, big)
    count = polls(crier)
    crier.call("POST", "/v1/sources/site/poll")
    while polls(crier) == count:
        most = max(most, crier.memory_kib() - before)
        time.sleep(0.02)
    assert source(crier)["health"] == "ok", source(crier)
    assert harness.SLOW or most < 48 * 1024, most  # sanitizers keep what was freed
    assert told(platform) == []  # too many at once


# ---- sitemaps ----

def sitemap(site, numbers, now=None):
    rows = "".join(
        f"<url><loc>{site.url}/a/{n}</loc><news:news><news:publication><news:name>Example</news:name>"
        f"<news:language>en</news:language></news:publication><news:publication_date>"
        f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(now or time.time()))}</news:publication_date>"
        f"<news:title>Story number {n}</news:title></news:news></url>" for n in numbers)
    return (f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
            f'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">{rows}</urlset>')


def test_an_index_leads_to_the_sitemaps_that_changed(make_crier, platform, site):
    def index(times):
        return ('<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">' + "".join(
            f"<sitemap><loc>{site.url}/{name}.xml</loc><lastmod>{at}</lastmod></sitemap>" for name, at in times) +
            "</sitemapindex>")
    site.answer("/index.xml", Answer(index([("a", "2026-01-01T00:00:00Z"), ("b", "2026-01-02T00:00:00Z")])))
    site.answer("/a.xml", Answer(sitemap(site, [1, 2])))
    site.answer("/b.xml", Answer(sitemap(site, [3])))
    crier = make_crier(watching(site.url + "/index.xml", kind="sitemap"))
    state = seen(crier)
    assert state["sitemaps"] == 2 and len(articles(crier)) == 3 and told(platform) == []
    site.answer("/index.xml", Answer(index([("a", "2026-01-01T00:00:00Z"), ("b", "2026-01-03T00:00:00Z")])))
    site.answer("/b.xml", Answer("no", 500))
    assert poll(crier)["health"] == "failing"
    site.answer("/b.xml", Answer(sitemap(site, [3, 4])))
    poll(crier)
    await_told(platform, "Story number 4")
    assert len(site.of("/a.xml")) == 1  # it had not changed


# ---- what people see ----

def test_the_verb_shows_sources_and_types(make_crier, site):
    feed = Feed(site, items=[item(site.url, 1)])
    crier = make_crier(watching(feed.url))
    seen(crier)
    table = crier.run("sources")
    assert table.returncode == 0 and "RSS 2.0" in table.stdout and "site" in table.stdout
    one = crier.run("sources", "site")
    assert one.returncode == 0 and feed.url in one.stdout
    assert json.loads(crier.run("sources", "--json").stdout)[0]["name"] == "site"
    assert crier.run("sources", "nobody").returncode == 1
    assert crier.run("sources", "--poll").returncode == 2
    assert "polling" in crier.run("sources", "site", "--poll").stdout
    types = crier.run("sources", "--types", settings=False)
    assert "sitemap" in types.stdout and "calls us" in types.stdout
    about = crier.run("sources", "feed", settings=False)
    assert "Setting it up" in about.stdout and "hold_above" in about.stdout
