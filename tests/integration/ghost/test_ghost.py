"""Webhooks of a real Ghost (tests/support/ghost) reach the real binary: what its editors do with the
Admin API happens on the stand-ins of the platforms."""

import sys
from pathlib import Path

import pytest
from harness import small_article, wait_for

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support" / "ghost"))

import ghost as rig  # noqa: E402

SECRET = "secret-of-ghost-0123456789"
EVENTS = ("post.published", "post.published.edited", "post.unpublished", "post.deleted")


@pytest.fixture(scope="session")
def ghost():
    made = rig.Ghost()
    yield made
    made.close()


@pytest.fixture
def crier(make_crier, ghost):
    """Ghost calls it for as long as the test lasts."""
    def change(settings):
        settings["sources"] = {"ghost": {"type": "ghost", "secret": SECRET, "retract_after": "2m"}}
        settings["breaking"] = [{"category": "Never"}]
        settings["channels"]["telegram"]["when"] = {"breaking": True}
    crier = make_crier(change)
    hooks = [ghost.hook(event, f"{crier.url}/hooks/ghost/{event}", SECRET) for event in EVENTS]
    yield crier
    for hook in hooks:
        ghost.unhook(hook)


def await_calls(crier, count):
    """Ghost calls when it has answered the editor, one hook after the other."""
    wait_for(lambda: crier.log().count("source=ghost") >= count, what=f"{count} calls")


def await_article(crier, post, state=None):
    """Ghost calls when it has answered the editor."""
    def look():
        status, found, _ = crier.call("GET", f"/v1/articles/{post['id']}")
        return found if status == 200 and state in (None, found["state"]) else None
    return wait_for(look, what=f"article {post['id']} {state or ''}")


def test_an_article_is_published_edited_and_taken_back(ghost, crier, platform, clock):
    post = ghost.write(title="Bridge closed", html="<p>Since 5 a.m.</p>", custom_excerpt="Traffic is diverted.",
                       status="published", tags=[{"name": "Local"}, {"name": "#breaking"}])
    article = await_article(crier, post)
    assert article["breaking"] and article["article"]["url"] == post["url"]
    assert article["article"]["summary"] == "Traffic is diverted." and "#breaking" not in article["article"].get("tags", [])
    crier.await_done(post["id"])
    assert len(platform.posts("mastodon")) == len(platform.posts("telegram")) == 1
    assert "Bridge closed" in platform.posts("mastodon")[0]["text"]

    ghost.edit(post, title="Bridge open again")
    wait_for(lambda: "Bridge open again" in platform.posts("mastodon")[0]["text"])
    assert len(platform.posts("mastodon")) == 1

    ghost.edit(post, status="draft")
    await_calls(crier, 3)
    clock.advance(crier, "1m")
    assert len(platform.posts("mastodon")) == 1
    clock.advance(crier, "2m")
    wait_for(lambda: not platform.posts("mastodon") and not platform.posts("telegram"))
    assert platform.truth()["duplicates"] == []


def test_an_article_that_comes_back_at_once_keeps_its_posts(ghost, crier, platform, clock):
    post = ghost.write(title="Flickers", html="<p>x</p>", status="published")
    await_article(crier, post)
    crier.await_done(post["id"])
    ghost.edit(post, status="draft")
    ghost.edit(post, status="published")
    await_calls(crier, 3)
    clock.advance(crier, "5m")
    crier.await_done(crier.send(small_article(1))["id"])
    assert [("Flickers" in p["text"], p["stands"]) for p in platform.posts("mastodon", standing=False)] == [(True, True), (False, True)]


def test_a_deleted_article_is_taken_back(ghost, crier, platform, clock):
    post = ghost.write(title="Deleted", html="<p>x</p>", status="published")
    await_article(crier, post)
    crier.await_done(post["id"])
    ghost.delete(post)
    await_calls(crier, 3)
    clock.advance(crier, "5m")
    wait_for(lambda: not platform.posts("mastodon"))
    assert platform.truth()["duplicates"] == []


def test_drafts_members_articles_and_pages_stay_where_they_are(ghost, crier, platform):
    ghost.write(title="Draft", html="<p>x</p>", status="draft")
    ghost.write(title="For members", html="<p>x</p>", status="published", visibility="members")
    shown = ghost.write(title="Shown", html="<p>x</p>", status="published")
    await_article(crier, shown)
    assert [a["title"] for a in crier.get("/v1/articles")["items"]] == ["Shown"]
