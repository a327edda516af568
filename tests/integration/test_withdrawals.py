"""Unpublished, and perhaps back in a minute: nothing more of it goes out, the posts stand until retract_after is over,
and then they go; whatever ends in between. Also articles that are only recorded, and a person's word on them."""

import contextlib
import http.client
import time

import pytest
from harness import small_article, wait_for

CHANNELS = ("telegram", "mastodon", "bluesky", "partner")
KINDS = ["bluesky", "hook", "mastodon", "telegram"]
CRASHED = 99  # exit code of a fault point


@pytest.fixture
def cms(make_crier):
    """cms(retract_after, **source): an instance whose CMS is given so long to come back."""
    def make(retract_after="2m", environment=None, **source):
        return make_crier(lambda s: s["sources"]["cms"].update(retract_after=retract_after, **source), environment)
    return make


def say(crier, event, article):
    status, answer, _ = crier.hook({"event": event, "article": article})
    assert status in (200, 202), answer
    return answer


def unpublish(crier, article):
    return say(crier, "unpublished", {"id": article["id"], "url": article["url"]})


def standing(platform):
    return sorted(p["platform"] for p in platform.posts())


def publish(crier, platform, number, **more):
    """Its public id, once it is everywhere."""
    article = small_article(number, **more)
    say(crier, "published", article)
    for channel in CHANNELS:
        crier.await_done(article["id"], channel=channel)
    assert standing(platform) == KINDS
    return article


def await_gone(crier, platform, article_id):
    wait_for(lambda: crier.article(article_id)["state"] == "retracted", 20, 0.1, "it to be retracted")
    wait_for(lambda: standing(platform) == [], 20, 0.1, "no post to stand")


def retractions(platform, crier, article_id):
    return [d for d in crier.deliveries(article_id) if d["course"] == "retract"]


def test_back_in_time_the_posts_stand_untouched(cms, platform, clock):
    crier = cms()
    article = publish(crier, platform, 1)
    before = len(platform.truth()["requests"])
    unpublish(crier, article)
    shown = crier.article(article["id"])
    assert (shown["state"], shown["withdrawn"]["source"]) == ("published", "cms")
    clock.advance(crier, "1m")
    say(crier, "published", article)
    assert crier.article(article["id"])["withdrawn"] is None
    clock.advance(crier, "10m")
    time.sleep(0.3)  # it would have begun by now
    assert standing(platform) == KINDS
    assert len(platform.truth()["requests"]) == before
    assert len(crier.article(article["id"])["revisions"]) == 1


def test_what_is_queued_stops_at_once_and_what_stands_goes_when_it_is_due(cms, platform, clock):
    crier = cms()
    platform.fault("/api/v1/statuses", "status", status=503, times=-1)
    article = small_article(2)
    say(crier, "published", article)
    for channel in ("telegram", "bluesky", "partner"):
        crier.await_done(article["id"], channel=channel)
    unpublish(crier, article)
    crier.await_state(article["id"], "cancelled", channel="mastodon")
    platform.no_faults()
    assert "withdrawn by cms" in crier.deliveries(article["id"], channel="mastodon")[0]["detail"]
    clock.advance(crier, "119s")
    assert crier.article(article["id"])["state"] == "published"
    clock.advance(crier, "2s")
    await_gone(crier, platform, article["id"])
    assert {d["channel"] for d in retractions(platform, crier, article["id"])} == {"telegram", "bluesky", "partner"}
    assert [r["kind"] for r in crier.article(article["id"])["revisions"]] == ["published", "retracted"]


def test_changed_and_back_in_time_the_posts_are_edited(cms, platform, clock):
    crier = cms()
    article = publish(crier, platform, 3)
    unpublish(crier, article)
    say(crier, "published", {**article, "title": "Small story, mended", "correction": "The number was wrong."})
    for channel in CHANNELS:
        crier.await_done(article["id"], channel=channel, revision=2)
    clock.advance(crier, "10m")
    assert standing(platform) == KINDS
    revisions = crier.article(article["id"])["revisions"]
    assert [r["kind"] for r in revisions] == ["published", "corrected"]


def test_a_restart_in_between_changes_nothing(cms, platform):
    crier = cms("1500ms")
    article = publish(crier, platform, 4)
    back = small_article(5)
    say(crier, "published", back)
    crier.await_done(back["id"])
    unpublish(crier, article)
    unpublish(crier, back)
    crier.kill()
    crier.start()
    say(crier, "published", back)
    wait_for(lambda: crier.article(article["id"])["state"] == "retracted", 20, 0.1, "it to be retracted")
    wait_for(lambda: all(p["text"].find(article["title"]) < 0 for p in platform.posts()), 20, 0.1, "it to be gone")
    assert crier.article(back["id"])["state"] == "published"
    assert standing(platform) == KINDS  # of the other


def test_due_while_it_was_down_it_is_retracted_at_the_start(cms, platform):
    crier = cms("300ms")
    article = publish(crier, platform, 6)
    unpublish(crier, article)
    crier.kill()
    time.sleep(0.4)
    crier.start()
    await_gone(crier, platform, article["id"])


@pytest.mark.parametrize("spec", ["withdrawals.due:1:exit", "ledger.accept:2:exit", "ledger.committed:2:exit",
                                  "ledger.committed:3:exit", "ledger.committed:4:exit"])
def test_a_crash_neither_loses_nor_doubles_a_retraction(cms, platform, spec):
    crier = cms("300ms")
    article = publish(crier, platform, 7)
    crier.stop()
    crier.environment["CRIER_FAULT"] = spec
    crier.start()
    with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
        unpublish(crier, article)
    assert wait_for(lambda: crier.process.poll(), 20, 0.05, spec) == CRASHED
    crier.process = None
    crier.environment.pop("CRIER_FAULT")
    crier.start()
    unpublish(crier, article)  # the CMS had no answer, perhaps
    await_gone(crier, platform, article["id"])
    assert len(retractions(platform, crier, article["id"])) == len(CHANNELS)
    kinds = [r["kind"] for r in crier.article(article["id"])["revisions"]]
    assert kinds == ["published", "retracted"], kinds
    assert platform.truth()["duplicates"] == []


# ---- only recorded ----

def test_an_old_article_is_recorded_until_a_person_sends_it(cms, platform):
    crier = cms(max_age="1d")
    old = small_article(8, published_at="2020-01-01T00:00:00Z")
    say(crier, "published", old)
    shown = crier.article(old["id"])
    assert shown["quiet"]["why"].startswith("published ") and shown["quiet"]["why"].endswith("d ago")
    assert shown["deliveries"] == []
    status, answer, _ = crier.call("POST", f"/v1/articles/{old['id']}/send")
    assert (status, answer["outcome"]) == (202, "new"), answer
    for channel in CHANNELS:
        crier.await_done(old["id"], channel=channel)
    status, answer, _ = crier.call("POST", f"/v1/articles/{old['id']}/send")
    assert status == 409, answer
    assert standing(platform) == KINDS
    assert crier.article(old["id"])["quiet"] is None
    assert crier.call("POST", "/v1/articles/nobody-knows/send")[0] == 404


def test_what_a_person_drops_stays_away(cms, platform):
    crier = cms(max_age="1d")
    old = small_article(9, published_at="2020-01-01T00:00:00Z")
    say(crier, "published", old)
    assert crier.call("POST", f"/v1/articles/{old['id']}/drop")[0] == 200
    shown = crier.article(old["id"])
    assert shown["quiet"]["dropped"] and not shown["quiet"]["held"]
    say(crier, "updated", {**old, "title": "Younger by now", "published_at": "2100-01-01T00:00:00Z"})
    assert crier.article(old["id"])["deliveries"] == []
    assert crier.get("/v1/articles?held=true")["items"] == []
    assert crier.call("GET", "/v1/articles?held=perhaps")[0] == 400
    assert crier.call("POST", "/v1/articles/nobody-knows/drop")[0] == 404


def test_three_sources_name_one_story_at_once_and_each_channel_has_it_once(make_crier, platform):
    """A CMS, an agency and the API, each with an address of its own; the page says that they are one."""
    def settings(s):
        s["site"].update(link_gate="30s", link_gate_card="500ms", allow_private=True)
        s["sources"]["wire"] = {"type": "json", "secret": "a secret of the wire"}
    crier = make_crier(settings)
    stories = [{"id": f"{name}-1", "url": platform.page(path, {"status": 404}, {"canonical": "/site/story"}),
                "title": "Bridge closed", "categories": more}
               for name, path, more in (("cms", "story", []), ("wire", "w/1", ["Breaking"]), ("api", "x/1", []))]
    say(crier, "published", stories[0])
    assert crier.hook(stories[1], "wire", "a secret of the wire")[0] == 202
    crier.send(stories[2])
    shown = [crier.article(s["id"]) for s in stories]
    keeper = wait_for(lambda: next((a for a in map(lambda s: crier.article(s["id"]), stories)
                                    if len(a["merged"]) == 2), None), 20, 0.1, "the three to be one")
    assert len({a["id"] for a in shown}) == 3
    for channel in CHANNELS:
        crier.await_done(keeper["id"], channel=channel)
    assert standing(platform) == KINDS
    assert keeper["breaking"] and keeper["reason"] == "rule 1: category Breaking"
    for article in stories:
        own = crier.article(article["id"])
        assert own["id"] == keeper["id"] or own["merged_into"] == keeper["id"]
    assert any(name["why"] == "merged: canonical URL of the page" for name in keeper["aliases"]), keeper["aliases"]
    # whatever comes for any of them now is the keeper's
    revised = crier.send({**stories[2], "title": "Bridge closed, trams diverted"})
    assert (revised["id"], revised["outcome"]) == (keeper["id"], "revised")
    for channel in CHANNELS:
        crier.await_done(keeper["id"], channel=channel)
    assert standing(platform) == KINDS
    # and whoever takes one of them back takes the story back
    crier.retract(next(s["id"] for s in stories if s["id"] != keeper["id"]))
    await_gone(crier, platform, keeper["id"])


def test_posts_of_both_stand_until_a_person_or_the_end_of_the_story_takes_them(make_crier, platform):
    crier = make_crier(lambda s: s["sources"].update(wire={"type": "json", "secret": "a secret of the wire"}))
    first, second = small_article(20), small_article(21)
    crier.send(first)
    crier.await_done(first["id"])
    say(crier, "published", second)
    crier.await_done(second["id"])
    for url in (second["url"], first["url"]):  # one id, two addresses
        assert crier.hook({"id": "w", "url": url, "title": second["title"]}, "wire", "a secret of the wire")[0] == 202
    crier.await_done(first["id"])
    shown = crier.article(second["id"])
    assert shown["merged_into"] == first["id"]
    assert len(standing(platform)) == 2 * len(CHANNELS)
    status, answer, _ = crier.call("DELETE", f"/v1/articles/{second['id']}?own=true")
    assert status == 202, answer
    wait_for(lambda: standing(platform) == KINDS, 20, 0.1, "the second's posts to be gone")
    assert crier.article(first["id"])["state"] == "published"
    assert crier.call("DELETE", f"/v1/articles/{second['id']}?own=perhaps")[0] == 400
    crier.retract(second["id"], "wrong")
    await_gone(crier, platform, first["id"])
