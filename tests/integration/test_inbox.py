"""Events that say no more than where something was published: title, picture and all else come from the page. Until it
could be read they wait in the inbox, where a crash does not reach them and people can see them."""

import time

from harness import wait_for

KINDS = ["bluesky", "hook", "mastodon", "telegram"]


def gated(make_crier, clock=None, **site):
    def settings(s):
        s["site"].update(allow_private=True, **site)
    return make_crier(settings)


def posted(platform):
    return sorted(p["platform"] for p in platform.posts())


def tell(crier, article, event="published", status=202):
    answer, body, _ = crier.hook({"event": event, "article": article})
    assert answer == status, body
    return body


def inbox(crier):
    return crier.get("/v1/inbox")["items"]


def await_gone(crier):
    wait_for(lambda: not inbox(crier), what="the inbox to be empty")


def test_an_event_without_a_title_is_completed_by_its_page(make_crier, platform):
    crier = gated(make_crier)
    url = platform.page("a/1", {"title": "Read from the page &amp; escaped twice", "summary": "The short of it",
                                "head": '<meta property="article:section" content="Breaking">'})
    tell(crier, {"id": "post-77", "url": url})
    wait_for(lambda: posted(platform) == KINDS)
    article = crier.article("post-77")
    assert article["title"] == "Read from the page & escaped twice"
    assert article["article"]["summary"] == "The short of it"
    assert article["article"]["images"][0]["url"].endswith("/img/1200x630.jpg")
    assert article["breaking"] and article["source"] == "cms" # the rule sees what the page says
    assert inbox(crier) == []
    assert len(platform.requests("/site/a/1")) == 1


def test_the_gate_goes_by_the_page_that_was_just_read(make_crier, platform):
    crier = gated(make_crier, link_gate="30s")
    tell(crier, {"id": "post-1", "url": platform.page("a/1", {"title": "From the page"})})
    wait_for(lambda: posted(platform) == KINDS)
    assert len(platform.requests("/site/a/1")) == 1


def test_it_waits_until_the_page_is_there_and_shows_it(make_crier, platform):
    crier = gated(make_crier)
    url = platform.page("a/1", {"status": 404})
    tell(crier, {"id": "post-1", "url": url})
    rows = wait_for(lambda: [r for r in inbox(crier) if r["tries"] > 0], seconds=30)
    assert [(r["source"], r["event"], r["article"], r["url"]) for r in rows] == [("cms", "published", "post-1", url)]
    assert rows[0]["why"] == "status 404"
    assert crier.call("GET", "/v1/articles/post-1")[0] == 404
    platform.page("a/1", {"title": "There at last"})
    wait_for(lambda: posted(platform) == KINDS, seconds=30)
    await_gone(crier)
    metrics = crier.call("GET", "/metrics")[1]
    assert 'crier_inbox_total{source="cms",result="completed"} 1' in metrics


def test_a_crash_leaves_it_in_the_inbox(make_crier, platform):
    crier = gated(make_crier)
    tell(crier, {"id": "post-1", "url": platform.page("a/1", {"status": 404})})
    wait_for(lambda: platform.requests("/site/a/1"))
    crier.kill()
    platform.page("a/1", {"title": "There at last"})
    crier.start()
    wait_for(lambda: posted(platform) == KINDS)
    await_gone(crier)
    assert [a["title"] for a in crier.get("/v1/articles")["items"]] == ["There at last"]


def test_it_is_given_up_in_the_end(make_crier, platform, clock):
    crier = gated(make_crier)
    url = platform.page("a/1", {"status": 404})
    tell(crier, {"id": "post-1", "url": url})
    wait_for(lambda: len(platform.requests("/site/a/1")) >= 1)
    clock.advance(crier, "2h")
    await_gone(crier)
    assert f"inbox_given_up source=cms url={url} error=\"status 404\"" in crier.log()
    assert 'crier_inbox_total{source="cms",result="given_up"} 1' in crier.call("GET", "/metrics")[1]
    assert platform.posts() == []


def test_without_a_title_and_an_address_it_is_refused(make_crier):
    crier = gated(make_crier)
    status, body, _ = crier.hook({"event": "published", "article": {"id": "post-1"}})
    assert status == 422 or status == 400, body


def test_taken_back_while_it_waits(make_crier, platform):
    crier = gated(make_crier)
    tell(crier, {"id": "post-1", "url": platform.page("a/1", {"status": 404})})
    wait_for(lambda: platform.requests("/site/a/1"))
    crier.hook({"event": "unpublished", "article": {"id": "post-1"}})
    platform.page("a/1", {"title": "An old copy in a cache"})
    await_gone(crier)
    time.sleep(0.6)
    assert platform.posts() == []


def test_the_whole_article_overtakes_it(make_crier, platform):
    crier = gated(make_crier)
    url = platform.page("a/1", {"status": 404})
    tell(crier, {"id": "post-1", "url": url})
    tell(crier, {"id": "post-1", "url": url, "title": "The title of the CMS"})
    platform.page("a/1", {"title": "The title of the page"})
    await_gone(crier)
    wait_for(lambda: posted(platform) == KINDS)
    crier.await_done("post-1")
    assert crier.article("post-1")["title"] == "The title of the CMS"
    assert len(crier.article("post-1")["revisions"]) == 1
