"""X, LinkedIn and Tumblr in one crier: published, corrected and taken back, each once, also when answers are lost; X
by keys that sign, with a video in segments; tokens that are renewed on the way."""

import hashlib
import json

import pytest
from harness import exchange, network_channels, small_article

CHANNELS = ("x", "linkedin", "tumblr")
PUBLISHES = {"x": "/2/tweets", "linkedin": "/rest/posts", "tumblr": "/v2/blog/examplenews/posts"}
KEYS = {"consumer_key": "integration-x-consumer-key", "consumer_secret": "integration-x-consumer-secret",
        "token": "2244994945-integration-x-token", "token_secret": "integration-x-token-secret"}


@pytest.fixture
def make_crier(make_crier, platform):
    def make(change=None, **more):
        def only_these(settings):
            every = network_channels(platform)
            settings["channels"] = {name: every[name] for name in CHANNELS}
            if change:
                change(settings)
        return make_crier(only_these, **more)
    return make


def one_post(platform, channel):
    post, = platform.posts(channel)
    return post


def authority(platform, **body):
    return json.loads(exchange(platform.url, "POST", "/_control/authority", json.dumps(body).encode())[2])


def attempts(platform, channel):
    return [r for r in platform.requests(PUBLISHES[channel]) if r["method"] == "POST" and r["path"] == PUBLISHES[channel]]


def test_an_article_is_published_corrected_and_taken_back(crier, platform, article):
    alt = article()["images"][0]["alt"]
    sent = crier.send(article())
    done = {d["channel"]: d for d in crier.await_done(sent["id"])}
    x, linkedin, tumblr = (one_post(platform, channel) for channel in CHANNELS)
    assert set(done) == set(CHANNELS) and all(post["url"].startswith(article()["url"]) for post in (x, linkedin, tumblr))
    assert x["alt"] == tumblr["alt"] == alt and x["image"] and tumblr["image"] and linkedin["image"].startswith("urn:li:image:")
    assert linkedin["extra"]["content"]["article"]["title"] == article()["title"] and linkedin["extra"]["bytes"][0] > 1000
    assert linkedin["text"].startswith(article()["title"])  # nothing that is reserved has cut it
    assert done["x"]["link"] == f"https://x.com/i/web/status/{x['id']}" and done["linkedin"]["remote_id"] == linkedin["id"]

    crier.send(article(title="The harbour bridge is open again (at last)"))
    crier.await_state(sent["id"], "done", revision=2)
    assert all("open again (at last)" in one_post(platform, channel)["text"] for channel in CHANNELS)
    assert len(platform.posts("x", standing=False)) == 2  # the new one in place of the old
    assert one_post(platform, "linkedin")["edits"] and one_post(platform, "tumblr")["edits"]

    crier.retract(sent["id"], "a test")
    crier.await_state(sent["id"], "done", revision=3)
    assert not [p for channel in CHANNELS for p in platform.posts(channel)]


def test_a_publication_whose_answer_is_lost_is_not_made_twice(crier, platform, clock):
    platform.control("linkedin", reads=False)  # its filter of duplicates must tell
    for channel in CHANNELS:
        platform.fault(PUBLISHES[channel], "cut_published", method="POST")
    sent = crier.send(small_article(1))
    crier.await_done(sent["id"])
    for channel in CHANNELS:
        assert len(platform.posts(channel, standing=False)) == 1, channel
        assert len(attempts(platform, channel)) == (2 if channel == "linkedin" else 1), channel
    assert crier.deliveries(sent["id"], "linkedin")[0]["remote_id"] == one_post(platform, "linkedin")["id"]
    # A correction on X is another post: nobody verifies it, so it looks for itself.
    platform.fault(PUBLISHES["x"], "cut_published", method="POST")
    crier.send(small_article(1, title="Lost once more"))
    crier.await_state(sent["id"], "again", channel="x", revision=2)  # it may still be worked on
    clock.advance(crier, "6s")
    crier.await_state(sent["id"], "done", revision=2)
    assert len(attempts(platform, "x")) == 2 and "Lost once more" in one_post(platform, "x")["text"]


def test_keys_sign_and_a_video_goes_in_segments(make_crier, platform, article):
    def by_keys(settings):
        settings["channels"] = {"x": {**settings["channels"]["x"], **KEYS, "on_update": "reply"}}
        del settings["channels"]["x"]["access_token"]
    crier = make_crier(by_keys)
    film = f"{platform.url}/img/9000000.mp4"
    sent = crier.send(article(video={"url": film}))
    crier.await_done(sent["id"])
    media, = one_post(platform, "x")["extra"]["media"]
    raw = exchange(platform.url, "GET", "/img/9000000.mp4")[2]
    assert media == {"type": "video/mp4", "bytes": len(raw), "hash": hashlib.sha256(raw).hexdigest()}
    assert len(platform.requests("/2/media/upload/")) == 5  # begun, three segments, ended

    crier.send(article(title="A second look", video={"url": film}))
    crier.await_state(sent["id"], "done", revision=2)
    first, second = platform.posts("x")
    assert second["extra"]["reply_to"] == first["id"] and second["text"].startswith("Update: A second look")
    crier.retract(sent["id"], "a test")
    crier.await_state(sent["id"], "done", revision=3)
    assert platform.posts("x") == []

    platform.control("x", credits=False)
    blocked = crier.send(small_article(2))
    delivery, = crier.await_state(blocked["id"], "blocked")
    assert "CreditsDepleted" in delivery["detail"] and "buy credits" in delivery["detail"]


def test_tokens_that_ended_are_renewed_on_the_way(make_crier, platform):
    def renewed(settings):
        settings["vault"] = {"key": "0123456789abcdef" * 4}
        for name in ("x", "tumblr"):
            settings["channels"][name].update(client_id="app", client_secret="s3cret-of-the-app", access_token="ended-token",
                                              refresh_token="given-refresh")
        del settings["channels"]["linkedin"]
    crier = make_crier(renewed)
    sent = crier.send(small_article(3))
    crier.await_done(sent["id"])
    for name in ("x", "tumblr"):
        told = authority(platform, name=name)
        assert told["renewals"] == 1 and told["reused"] == 0 and one_post(platform, name)
