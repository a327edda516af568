"""Facebook, Instagram and Threads in one crier: published, corrected and taken back, each once, also when the answer
to the publication is lost; Meta's errors in HTTP 400; tokens that are no longer taken."""

import re
import subprocess
import urllib.request
from datetime import datetime

import pytest
from harness import CRIER, free_port, network_channels, wait_for

CHANNELS = ("facebook", "instagram", "threads")
PUBLISHES = {"facebook": "/facebook/v26.0/102030405060708/feed",
             "instagram": "/instagram/v26.0-by-facebook/17841400000000000/media_publish",
             "threads": "/threads/v1.0/me/threads_publish"}


@pytest.fixture
def make_crier(make_crier, platform):
    def make(change=None, **more):
        def meta_only(settings):
            every = network_channels(platform)
            settings["channels"] = {name: every[name] for name in CHANNELS}
            if change:
                change(settings)
        return make_crier(meta_only, **more)
    return make


def one_post(platform, channel):
    post, = platform.posts(channel)
    return post


def attempts(platform, channel):
    return [r for r in platform.requests(PUBLISHES[channel]) if r["method"] == "POST"]


def test_an_article_is_published_corrected_and_taken_back(crier, platform, article):
    sent = crier.send(article())
    done = {d["channel"]: d for d in crier.await_done(sent["id"])}
    assert set(done) == set(CHANNELS)
    page, picture, thread = (one_post(platform, channel) for channel in CHANNELS)
    assert page["url"].startswith(article()["url"]) and thread["url"].startswith(article()["url"])
    assert picture["image"].startswith("https://push.news.example/media/") and picture["alt"] == article()["images"][0]["alt"]
    assert all(article()["title"] in post["text"] for post in (page, picture, thread))
    assert done["instagram"]["link"] == f"https://www.instagram.com/p/{picture['id']}/"

    crier.send(article(title="The harbour bridge is open again"))
    crier.await_state(sent["id"], "done", revision=2, channel="facebook")
    crier.await_state(sent["id"], "done", revision=2, channel="threads")
    rejected, = crier.await_state(sent["id"], "rejected", revision=2, channel="instagram")
    assert "in the app" in rejected["detail"]
    assert "open again" in one_post(platform, "facebook")["text"]
    assert one_post(platform, "facebook")["edits"] and "open again" in one_post(platform, "threads")["text"]
    assert len(platform.posts("threads", standing=False)) == 2  # the new one in place of the old

    crier.retract(sent["id"], "a test")
    crier.await_state(sent["id"], "done", revision=3)
    assert not [p for channel in CHANNELS for p in platform.posts(channel)]


def test_a_publication_whose_answer_is_lost_is_found(crier, platform, article):
    for channel in CHANNELS:
        platform.fault(PUBLISHES[channel], "cut_published", method="POST")
    sent = crier.send(article())
    crier.await_done(sent["id"])
    for channel in CHANNELS:
        assert len(platform.posts(channel, standing=False)) == 1 and len(attempts(platform, channel)) == 1, channel
    # The same of a correction that is another post: nobody verifies it, so it looks for itself.
    platform.fault(PUBLISHES["threads"], "cut_published", method="POST")
    crier.send(article(title="Lost once more"))
    crier.await_state(sent["id"], "done", revision=2, channel="threads")
    assert len(attempts(platform, "threads")) == 2 and "Lost once more" in one_post(platform, "threads")["text"]
    assert len(platform.posts("threads", standing=False)) == 2


def test_errors_in_400_mean_what_their_codes_say(crier, platform, article):
    platform.control("meta", next={"platform": "facebook", "code": 80001, "error_subcode": 2494055, "minutes": 7})
    platform.control("meta", next={"platform": "instagram", "code": 36003, "error_subcode": 2207009})
    platform.control("meta", next={"platform": "threads", "code": 190, "error_subcode": 460, "message": "Session has expired"})
    sent = crier.send(article())
    throttled, = crier.await_state(sent["id"], "again", channel="facebook")
    rejected, = crier.await_state(sent["id"], "rejected", channel="instagram")
    assert throttled["detail"].startswith("400 80001/2494055: ") and "4:5" in rejected["detail"]
    assert 6 * 60 < wait_for(lambda: until(throttled)) <= 7 * 60
    # Its token cannot be had anew here, or is renewed once: either way nothing of it is public without one.
    wait_for(lambda: crier.deliveries(sent["id"], channel="threads")[0]["state"] in ("blocked", "done"))


def until(delivery):
    due, made = (datetime.fromisoformat(delivery[name].replace("Z", "+00:00")) for name in ("due_at", "updated_at"))
    return (due - made).total_seconds()


APP = {"client_id": "app", "client_secret": "s3cret-of-the-app", "access_token": None}


def sign_in(crier, channel):
    """`crier keys login`, and the person with the browser."""
    process = subprocess.Popen([str(CRIER), "-c", str(crier.path), "keys", "login", channel, "--port", str(free_port())],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=crier.environment)
    said = ""
    while not (link := re.search(r"https?://\S+/authorize\?\S+", said)) or "registered" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    with urllib.request.urlopen(link[0], timeout=30) as page:
        assert page.status == 200
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said + rest
    return said + rest


def test_a_channel_is_signed_in_and_its_token_renewed_every_week(make_crier, platform, article, clock):
    def change(settings):
        faces = platform.faces
        own = {"facebook": {"login_page": faces["facebook"] + "/facebook/authorize"},
               "instagram": {"login": "instagram", "user_id": None, "api": faces["instagram"] + "/instagram/v26.0",
                             "login_page": faces["instagram"] + "/instagram/authorize",
                             "token_address": faces["instagram"] + "/instagram/token"},
               "threads": {"login_page": faces["threads"] + "/threads/authorize"}}
        for name, more in own.items():
            settings["channels"][name] = {k: v for k, v in {**settings["channels"][name], **APP, **more}.items() if v is not None}
        settings["vault"] = {"key": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}
    crier = make_crier(change, start=False)
    assert "Example News" in sign_in(crier, "facebook")  # the page's name, not the person's
    for channel in ("instagram", "threads"):
        assert "news" in sign_in(crier, channel)
    crier.start()
    crier.await_done(crier.send(article())["id"])
    clock.advance(crier, "8d")
    for channel in ("instagram", "threads"):
        wait_for(lambda channel=channel: platform.control("authority", name=channel)["renewals"] == 1, what=f"{channel}'s renewal")
    for channel in CHANNELS:
        status, said, _ = crier.call("POST", f"/v1/channels/{channel}/test", {"probe": True})
        assert status == 200 and said["verdict"] == "done", said
