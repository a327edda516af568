"""One article in, every channel out, once."""

import concurrent.futures
import html
import json

import mail_peer
import pytest
from harness import CMS_SECRET, chat_channels, sign_hub, wait_for

PLATFORMS = ("telegram", "mastodon", "bluesky", "discord", "slack", "hook")
CHANNELS = {"telegram", "mastodon", "bluesky", "discord", "slack", "partner"}
FULL = ("breaking-article", "arabic", "full-german", "full-japanese", "flood", "no-image")


@pytest.fixture
def make_crier(make_crier, platform):
    """As elsewhere, with a channel of every type."""
    def make(change=None, **more):
        def with_chat(settings):
            chat = chat_channels(platform)
            settings["channels"].update({name: chat[name] for name in ("discord", "slack")})
            if change:
                change(settings)
        return make_crier(with_chat, **more)
    return make


def by_platform(platform):
    posts = {}
    for post in platform.posts():
        posts.setdefault(post["platform"], []).append(post)
    return posts


@pytest.mark.parametrize("name", FULL)
def test_a_full_article_reaches_every_channel_with_picture_and_link(crier, platform, article, name):
    story = article(name)
    accepted = crier.send(story)
    crier.await_done(accepted["id"])
    posts = by_platform(platform)
    assert {p: len(posts.get(p, [])) for p in PLATFORMS} == dict.fromkeys(PLATFORMS, 1)
    for name_of in PLATFORMS:
        post = posts[name_of][0]
        shown = post["text"] + json.dumps(post, ensure_ascii=False)
        assert html.unescape(story["title"])[:40] in shown, name_of
        assert story["url"] in json.dumps(post, ensure_ascii=False).replace("&amp;", "&")
    if story.get("images"):
        alt = story["images"][0]["alt"]
        assert posts["telegram"][0]["image"] and posts["bluesky"][0]["image"]
        assert posts["discord"][0]["image"] and posts["slack"][0]["image"]
        for name_of in ("mastodon", "discord", "slack", "hook"):
            assert posts[name_of][0]["alt"] == alt
    assert all(d["text"] or d["channel"] == "partner" for d in crier.deliveries(accepted["id"]))


def test_mail_goes_beside_them(make_crier, platform, article):
    server = mail_peer.MailServer()

    def change(settings):
        settings["channels"]["mail"] = {"type": "email", "server": f"127.0.0.1:{server.port}", "tls": "none",
                                        "allow_private": True, "from": "Example News <news@news.example>",
                                        "to": ["desk@partner.example", "night@news.example"], "when": {"breaking": True}}
    crier = make_crier(change)
    story = article()
    accepted = crier.send(story)
    assert {d["channel"] for d in accepted["deliveries"]} == CHANNELS | {"mail"}
    crier.await_done(accepted["id"])
    assert {p: len(posts) for p, posts in by_platform(platform).items()} == dict.fromkeys(PLATFORMS, 1)
    assert [(m.reader, m["Subject"]) for m in server.mails] == [
        ("desk@partner.example", story["title"]), ("night@news.example", story["title"])]
    server.close()


def test_links_carry_the_campaign_of_their_channel(crier, platform, article):
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    posts = by_platform(platform)
    assert "utm_source=telegram" in posts["telegram"][0]["text"]
    assert "utm_source=mastodon" in posts["mastodon"][0]["text"]
    assert "utm_source=bluesky" in posts["bluesky"][0]["url"]
    assert "utm_source=discord" in posts["discord"][0]["url"]
    assert "utm_source=slack" in posts["slack"][0]["text"]


def test_the_answer_says_what_happens(crier, article):
    accepted = crier.send(article())
    assert accepted["outcome"] == "new" and accepted["revision"] == 1
    assert accepted["breaking"] is True and "Breaking" in accepted["reason"]
    assert {d["channel"] for d in accepted["deliveries"]} == CHANNELS
    done = crier.await_done(accepted["id"])
    by_channel = {d["channel"]: d for d in done}
    assert by_channel["telegram"]["link"].startswith("https://t.me/example/")
    assert by_channel["mastodon"]["remote_id"] and by_channel["mastodon"]["link"]
    assert by_channel["bluesky"]["link"].startswith("https://bsky.app/profile/")
    assert by_channel["discord"]["link"].startswith("https://discord.com/channels/")
    assert by_channel["slack"]["link"].startswith("https://example.slack.com/archives/C0123456789/p")
    assert all(d["attempts_log"] for d in crier.article(accepted["id"])["deliveries"])


def test_the_same_webhook_a_hundred_times_in_parallel_is_one_post_per_channel(crier, platform, article):
    raw = json.dumps(article()).encode()
    headers = sign_hub(CMS_SECRET, raw)

    def call(_):
        return crier.call("POST", "/hooks/cms", raw, headers=headers, token=None)

    with concurrent.futures.ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(call, range(100)))
    assert {status for status, _, _ in answers} == {202}
    ids = {body["id"] for _, body, _ in answers}
    assert len(ids) == 1
    assert sorted(body["outcome"] for _, body, _ in answers) == ["new"] + ["unchanged"] * 99
    crier.await_done(ids.pop())
    posts = by_platform(platform)
    assert {p: len(posts.get(p, [])) for p in PLATFORMS} == dict.fromkeys(PLATFORMS, 1)


def test_a_changed_title_and_slug_are_a_revision_of_the_same_article(crier, platform, article):
    first = crier.send(article())
    crier.await_done(first["id"])
    again = crier.send(article(title="Three allies criticise Russia–North Korea ties",
                               url="https://news.example/world/three-allies-criticise-ties"))
    assert again["id"] == first["id"] and again["revision"] == 2 and again["outcome"] == "revised"
    crier.await_done(first["id"])
    assert all(len(posts) == 1 for posts in by_platform(platform).values())


def test_an_update_reaches_every_post(crier, platform, article):
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    changed = article(title="Corrected: three allies criticise growing ties", summary="A new lead.")
    crier.send(changed)
    crier.await_done(accepted["id"])
    posts = by_platform(platform)
    assert {p: len(posts.get(p, [])) for p in PLATFORMS} == dict.fromkeys(PLATFORMS, 1)
    for name in PLATFORMS:
        assert changed["title"][:30] in posts[name][0]["text"], name
    for name in ("telegram", "mastodon", "discord", "slack"):
        assert posts[name][0]["edits"], name
    assert [e["type"] for e in posts["hook"][0]["extra"]["events"]] == ["article.published", "article.updated"]


def test_a_retraction_reaches_every_post(crier, platform, article):
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    answer = crier.retract(accepted["id"], "not true")
    assert {d["channel"] for d in answer["deliveries"]} == CHANNELS
    crier.await_done(accepted["id"])
    assert platform.posts() == []
    assert crier.article(accepted["id"])["state"] == "retracted"
    events = platform.posts("hook", standing=False)[0]["extra"]["events"]
    assert events[-1]["type"] == "article.retracted" and events[-1]["data"].get("reason") is not None


def test_the_same_article_again_changes_nothing(crier, platform, article):
    first = crier.send(article())
    crier.await_done(first["id"])
    before = len(platform.truth()["requests"])
    again = crier.send(article())
    assert (again["outcome"], again["revision"]) == ("unchanged", 1)
    assert len(platform.truth()["requests"]) == before


def test_a_change_that_no_reader_sees_leaves_posts_alone(crier, platform, article):
    first = crier.send(article())
    crier.await_done(first["id"])
    crier.send(article(body="<p>Another body altogether.</p>"))
    crier.await_done(first["id"])
    posts = by_platform(platform)
    for name in ("telegram", "mastodon", "discord", "slack"):
        assert not posts[name][0]["edits"], name


def test_when_decides_which_channel_takes_an_article(make_crier, platform, article):
    def change(settings):
        settings["channels"]["telegram"]["when"] = {"breaking": True}
        settings["channels"]["mastodon"]["when"] = {"language": "de"}
        settings["channels"]["bluesky"]["when"] = {"not": {"category": "World"}}
        settings["channels"]["discord"]["when"] = {"category": "World"}
        settings["channels"]["slack"]["when"] = {"category": "Sport"}
    crier = make_crier(change)
    accepted = crier.send(article())
    assert {d["channel"] for d in accepted["deliveries"]} == {"telegram", "discord", "partner"}
    crier.await_done(accepted["id"])
    assert set(by_platform(platform)) == {"telegram", "discord", "hook"}


def test_a_picture_that_is_none_does_not_hold_up_the_news(crier, platform, article):
    story = article(images=[{"url": platform.picture("broken.jpg"), "alt": "A page instead"}])
    accepted = crier.send(story)
    crier.await_done(accepted["id"])
    posts = by_platform(platform)
    assert {p: len(posts.get(p, [])) for p in PLATFORMS} == dict.fromkeys(PLATFORMS, 1)
    for name in ("mastodon", "bluesky", "slack"):
        assert not posts[name][0]["image"], name


def test_a_picture_is_fetched_once_for_all_channels(crier, platform, article):
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    assert len(platform.requests("/img/")) == 1


def test_bluesky_renews_an_expired_session_by_itself(crier, platform, article):
    crier.await_done(crier.send(article(id="one", url="https://news.example/one"))["id"])
    platform.control("forget_sessions")
    crier.await_done(crier.send(article(id="two", url="https://news.example/two"))["id"])
    assert len(platform.posts("bluesky")) == 2
    logins = [r for r in platform.requests("/xrpc/com.atproto.server.createSession")]
    assert len(logins) == 1


def test_fifty_channels_have_the_article_in_a_moment(make_crier, platform, article):
    def change(settings):
        partner = settings["channels"]["partner"]
        settings["channels"] = {f"partner{n}": dict(partner, url=f"{platform.faces['hook']}/hook/p{n}")
                                for n in range(50)}
    crier = make_crier(change)
    accepted = crier.send(article())
    wait_for(lambda: len(platform.posts("hook")) == 50, 10)
    crier.await_done(accepted["id"])
    assert len(platform.truth()["duplicates"]) == 0
