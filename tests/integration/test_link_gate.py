"""The link gate: nothing of an article is posted before its page is public and makes a card, or the gate's time
is over. The newsroom's site is played (fake/site.py); what it was asked for is kept with everything else."""

import json
import time
import urllib.parse

import pytest
from harness import small_article, wait_for

CHANNELS = ("telegram", "mastodon", "bluesky", "partner")
KINDS = ["bluesky", "hook", "mastodon", "telegram"]
FACEBOOK_TOKEN = "integration-token-of-the-page"


@pytest.fixture
def gated(make_crier):
    """gated(link_gate="30s", card="500ms", **site): an instance that looks at pages on this machine."""
    def make(link_gate="30s", card="500ms", change=None, start=True, **site):
        def settings(s):
            s["site"].update(link_gate=link_gate, link_gate_card=card, allow_private=True, **site)
            if change:
                change(s)
        return make_crier(settings, start=start)
    return make


def asked(platform, path):
    """What the site was asked for."""
    return platform.requests(f"/site/{path}")


def posted(platform):
    return sorted(p["platform"] for p in platform.posts())


def story(platform, number, *answers, **more):
    path = f"a/{number}"
    return small_article(number, url=platform.page(path, *answers), **more)


def await_good(crier, article_id):
    crier.await_done(article_id)
    return crier.article(article_id)


def test_a_page_that_is_there_lets_everything_go_at_once(gated, platform):
    crier = gated()
    began = time.monotonic()
    sent = crier.send(story(platform, 1, {"title": "Small story number 1", "summary": "From the page."}))
    article = await_good(crier, sent["id"])
    assert time.monotonic() - began < 5
    assert posted(platform) == KINDS
    assert len(asked(platform, "a/1")) == 1
    assert article["gate"]["page"]["summary"] == "From the page."
    assert article["gate"]["page"]["images"][0]["url"].endswith("/img/1200x630.jpg")
    assert not article["gate"].get("note")
    agent = asked(platform, "a/1")[0]["headers"]["User-Agent"]
    assert agent.startswith("Mozilla/5.0 (compatible; crier/") and "+https://news.example" in agent, agent
    assert 'crier_gate_total{outcome="good"} 1' in crier.call("GET", "/metrics")[1]


def test_nothing_is_posted_before_the_page_is_there(gated, platform):
    crier = gated()
    sent = crier.send(story(platform, 1, {"status": 404}, {"status": 503}, {}))
    assert set(d["state"] for d in sent["deliveries"]) == {"again"}
    wait_for(lambda: len(asked(platform, "a/1")) >= 2)
    assert platform.posts() == []
    article = await_good(crier, sent["id"])
    assert posted(platform) == KINDS and len(asked(platform, "a/1")) == 3
    assert not article["gate"].get("note")


@pytest.mark.parametrize("answer, why", [
    ({"head": '<meta name="robots" content="noindex">'}, "noindex"),
    ({"headers": {"X-Robots-Tag": "noindex"}}, "noindex"),
    ({"redirect": "/site/wp-login.php?back=a"}, "signing in or consent"),
    ({"redirect": "/"}, "front page"),
    ({"type": "application/pdf"}, "no HTML but application/pdf"),
    ({"html": "<title>Sign in</title><input type=password>"}, "asks for a password"),
    ({"redirect": "/site/a/1"}, "more than 5 redirects"),
    ({"status": 403}, "status 403"),
])
def test_a_page_that_is_not_public_is_waited_for(gated, platform, answer, why):
    platform.page("wp-login.php", {"html": "<title>Sign in</title>"})
    crier = gated(link_gate="800ms")
    sent = crier.send(story(platform, 1, answer))
    article = await_good(crier, sent["id"])
    assert why in article["gate"]["note"], article["gate"]["note"]
    assert posted(platform) == KINDS
    assert article["gate"]["note"] in crier.log()
    assert 'crier_gate_total{outcome="degraded"} 1' in crier.call("GET", "/metrics")[1]


@pytest.mark.parametrize("answer, why", [
    ({"image": ""}, "it has no og:image"),
    ({"html": "<title>T</title><meta property='og:image' content='/img/1x1.jpg'>"}, "it has no og:title"),
    ({"image": "/img/broken.jpg"}, "its og:image: no JPEG, PNG, GIF or WebP"),
    ({"image": "/img/no-such/picture.jpg"}, "its og:image: status 404"),
    ({"canonical": "/"}, "its canonical URL is the front page"),
])
def test_a_page_that_makes_no_card_is_waited_for_less_long(gated, platform, answer, why):
    crier = gated(link_gate="60s", card="300ms")
    sent = crier.send(story(platform, 1, answer, images=[{"url": platform.picture(), "alt": "Our own"}]))
    article = await_good(crier, sent["id"])
    assert article["gate"]["note"] == why
    assert len(asked(platform, "a/1")) >= 2
    mastodon = platform.posts("mastodon")[0]
    assert mastodon["alt"] == "Our own" # degraded: with the article's own picture


def test_what_comes_late_is_waited_for(gated, platform):
    crier = gated(card="20s")
    sent = crier.send(story(platform, 1, {"image": ""}, {"image": "/img/broken.jpg"}, {"delay": 0.5}))
    article = await_good(crier, sent["id"])
    assert not article["gate"].get("note") and len(asked(platform, "a/1")) == 3


def test_a_page_that_does_not_answer_ends_with_the_gate(gated, platform):
    crier = gated(link_gate="700ms")
    sent = crier.send(story(platform, 1, {"delay": 30}))
    article = await_good(crier, sent["id"])
    assert "not answered" in article["gate"]["note"]


def test_private_addresses_are_not_looked_at(gated, platform):
    crier = gated(link_gate="500ms", change=lambda s: s["site"].update(allow_private=False))
    sent = crier.send(story(platform, 1))
    article = await_good(crier, sent["id"])
    assert "private" in article["gate"]["note"]
    assert asked(platform, "a/1") == []


def test_what_the_article_lacks_is_taken_from_its_page(gated, platform):
    crier = gated()
    article = story(platform, 1, {"summary": "The page tells more.",
                                  "head": '<meta property="og:image:alt" content="Smoke over the bridge">'})
    del article["summary"]
    sent = crier.send(article)
    await_good(crier, sent["id"])
    mastodon = platform.posts("mastodon")[0]
    assert "The page tells more." in mastodon["text"] or mastodon["image"], mastodon
    assert mastodon["alt"] == "Smoke over the bridge"
    bluesky = platform.posts("bluesky")[0]
    assert "The page tells more." in str(bluesky), bluesky


def test_redirects_and_canonical_addresses_are_names(gated, platform):
    crier = gated()
    final = platform.page("final", {"canonical": "/site/canonical"})
    sent = crier.send(story(platform, 1, {"redirect": "/site/hop", "status": 301}, ))
    platform.page("hop", {"redirect": final})
    article = await_good(crier, sent["id"])
    names = {a["value"]: a.get("why") for a in article["aliases"] if a["kind"] == "url"}
    base = final.replace("http://", "https://").removesuffix("/final")
    assert names[f"{base}/hop"] == "where the address redirects to"
    assert names[f"{base}/final"] == "where the address redirects to"
    assert names[f"{base}/canonical"] == "canonical URL of the page"
    again = crier.send(small_article(2, id=None, url=platform.page_url("canonical"),
                                     title="Small story number 1") | {"id": article["id"]})
    assert again["id"] == article["id"]


def test_two_sources_with_one_canonical_page_give_one_post(gated, platform):
    crier = gated()
    for path in ("feed/1", "cms/1"):
        platform.page(path, {"status": 404}, {"status": 404}, {"canonical": "/site/story-1"})
    first = small_article(1, id="cms-1", url=platform.page_url("cms/1"))
    second = small_article(1, url=platform.page_url("feed/1"))
    second.pop("id")
    status, one, _ = crier.hook(first)
    assert status == 202, one
    two = crier.send(second)
    assert one["id"] != two["id"]
    def rest():
        moving = [d for i in (one["id"], two["id"]) for d in crier.article(i)["deliveries"]
                  if d["state"] in ("held", "ready", "in_flight", "again")]
        return not moving and posted(platform) == KINDS
    wait_for(rest, what="one post on each channel")
    assert posted(platform) == KINDS
    log = crier.log()
    assert "merged=1" in log


def test_unpublished_while_it_waits(gated, platform):
    crier = gated()
    sent = crier.send(story(platform, 1, {"status": 404}))
    wait_for(lambda: asked(platform, "a/1"))
    crier.retract(sent["id"])
    wait_for(lambda: set(crier.states(sent["id"]).values()) <= {"cancelled", "done"})
    count = len(asked(platform, "a/1"))
    platform.page("a/1", {})
    time.sleep(1.2) # as long as the next look would have come
    assert len(asked(platform, "a/1")) <= count + 1 and platform.posts() == []
    assert 'crier_gate_total{outcome="stopped"} 1' in crier.call("GET", "/metrics")[1]


def test_a_revision_while_it_waits_may_have_another_address(gated, platform):
    crier = gated()
    article = story(platform, 1, {"status": 404})
    sent = crier.send(article)
    wait_for(lambda: asked(platform, "a/1"))
    article.update(url=platform.page("moved", {}), title="Small story number 1, better")
    crier.send(article)
    wait_for(lambda: posted(platform) == KINDS)
    assert all("better" in p["text"] for p in platform.posts("telegram"))
    assert len(asked(platform, "moved")) == 1
    assert platform.truth()["duplicates"] == []


def test_a_crash_while_it_waits_loses_and_repeats_nothing(gated, platform):
    crier = gated()
    sent = crier.send(story(platform, 1, {"status": 404}))
    wait_for(lambda: len(asked(platform, "a/1")) >= 2)
    crier.kill()
    platform.page("a/1", {})
    assert platform.posts() == []
    crier.start()
    article = await_good(crier, sent["id"])
    assert posted(platform) == KINDS and not article["gate"].get("note")


def test_an_end_while_it_waits_is_a_clean_one(gated, platform):
    crier = gated()
    sent = crier.send(story(platform, 1, {"delay": 20}))
    wait_for(lambda: asked(platform, "a/1"))
    crier.stop()
    platform.page("a/1", {})
    crier.start()
    await_good(crier, sent["id"])
    assert posted(platform) == KINDS


def test_an_advertisement_is_never_posted(gated, platform):
    crier = gated()
    advert = '<script type="application/ld+json">{"@type": "AdvertiserContentArticle"}</script>'
    sent = crier.send(story(platform, 1, {"head": advert}))
    wait_for(lambda: set(crier.states(sent["id"]).values()) <= {"cancelled"})
    assert platform.posts() == []
    assert "advertisement" in str(crier.article(sent["id"]))


def test_facebook_is_told_before_the_first_post_and_after_a_change(gated, platform):
    crier = gated(facebook_token=FACEBOOK_TOKEN, facebook_api=platform.faces["site"] + "/graph")
    article = story(platform, 1)
    sent = crier.send(article)
    await_good(crier, sent["id"])
    told = platform.requests("/graph/")
    assert len(told) == 1 and told[0]["method"] == "POST"
    assert urllib.parse.parse_qs(told[0]["query"]) == {"id": [article["url"]], "scrape": ["true"]}
    assert told[0]["body"] == f"access_token={FACEBOOK_TOKEN}"
    first_post = min(r["n"] for r in platform.requests("/api/v1/statuses"))
    assert told[0]["n"] < first_post
    article["title"] = "Small story number 1, corrected"
    crier.send(article)
    wait_for(lambda: len(platform.requests("/graph/")) == 2)
    crier.await_done(sent["id"], revision=2)
    platform.fault("/graph/", "status", status=400,
                   body=json.dumps({"error": {"message": f"bad token {FACEBOOK_TOKEN}", "code": 190}}))
    crier.send(article | {"title": "Small story number 1, corrected again"})
    wait_for(lambda: "status 400, error 190" in crier.log())
    assert FACEBOOK_TOKEN not in crier.log()


def test_facebook_that_does_not_answer_holds_nothing_up(gated, platform):
    platform.fault("/graph/", "delay", seconds=20)
    crier = gated(link_gate="1s", facebook_token=FACEBOOK_TOKEN, facebook_api=platform.faces["site"] + "/graph")
    sent = crier.send(story(platform, 1))
    article = await_good(crier, sent["id"])
    assert not article["gate"].get("note") # the page was good


def test_the_site_may_be_shown_a_crawlers_name(gated, platform):
    own = platform.faces["site"]
    crier = gated(change=lambda s: s["site"].update(url=own, link_gate_agent="Twitterbot/1.0"))
    sent = crier.send(story(platform, 1))
    await_good(crier, sent["id"])
    assert asked(platform, "a/1")[0]["headers"]["User-Agent"] == "Twitterbot/1.0"


def test_many_articles_at_once_are_looked_at_a_few_at_a_time(gated, platform):
    """The site is the newsroom's own. A breaking article does not wait behind all others."""
    crier = gated()
    slow = [crier.send(story(platform, n, {"delay": 4})) for n in range(16)]
    sent = [crier.send(story(platform, n, {})) for n in range(16, 24)]
    urgent = crier.send(story(platform, 99, {}, categories=["Breaking"]))
    for one in (*slow, *sent, urgent):
        crier.await_done(one["id"], channel="partner")
    order = [r["path"] for r in platform.requests("/site/a/")]
    assert len(order) == 25 and order[16] == "/site/a/99", order
    assert platform.truth()["most_running"]["site"] == 16
