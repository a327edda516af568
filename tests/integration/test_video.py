"""YouTube, TikTok, Pinterest and google_news in one crier: an article's video goes to each once, whatever breaks on the
way; corrections and retractions go as far as the platform lets them."""

import json

import pytest
from harness import network_channels, small_article, wait_for

CHANNELS = ("youtube", "tiktok", "pinterest", "google_news")
VIDEO_BYTES = 9_000_000  # more than one piece for YouTube


@pytest.fixture
def make_crier(make_crier, platform):
    def make(change=None, **more):
        def these_only(settings):
            every = network_channels(platform)
            settings["channels"] = {name: every[name] for name in CHANNELS}
            if change:
                change(settings)
        return make_crier(these_only, **more)
    return make


def film(platform, number, size=VIDEO_BYTES, **more):
    return small_article(f"film-{number}", video={"url": platform.picture(f"{size}.mp4")},
                         images=[{"url": platform.picture("640x360.jpg"), "alt": "A bridge"}], **more)


def one_post(platform, channel, **more):
    post, = platform.posts(channel, **more)
    return post


def pieces(platform):
    return [r["headers"]["Content-Range"] for r in platform.requests("/upload/youtube/v3/videos") if r["method"] == "PUT"]


def test_a_film_goes_everywhere_is_corrected_and_taken_back(crier, platform):
    article = film(platform, 1)
    sent = crier.send(article)
    done = {d["channel"]: d for d in crier.await_done(sent["id"])}
    assert set(done) == set(CHANNELS)
    assert all(article["title"] in one_post(platform, name)["text"] for name in CHANNELS[:3])
    assert done["youtube"]["link"] == f"https://www.youtube.com/watch?v={one_post(platform, 'youtube')['id']}"
    assert done["tiktok"]["link"] == f"https://www.tiktok.com/@example/video/{one_post(platform, 'tiktok')['id']}"
    pin = one_post(platform, "pinterest")
    assert pin["image"].startswith("video of 9000") and pin["alt"] == "A bridge" and pin["url"].startswith(article["url"])
    assert one_post(platform, "youtube")["image"].endswith(" bytes") and len(pieces(platform)) == 2
    assert [r["path"] for r in platform.requests("/google/")] == ["/google/hub", "/google/second-hub", "/google/indexnow"]
    assert len(platform.requests("/webmasters/v3/")) == 1 and done["google_news"]["state"] == "done"

    crier.send({**article, "title": "Corrected"})
    for name in ("youtube", "pinterest", "google_news"):
        crier.await_state(sent["id"], "done", revision=2, channel=name)
    no, = crier.await_state(sent["id"], "rejected", revision=2, channel="tiktok")
    assert "in the app" in no["detail"]
    assert "Corrected" in one_post(platform, "youtube")["text"] and "Corrected" in one_post(platform, "pinterest")["text"]

    crier.retract(sent["id"], "a test")
    for name in ("youtube", "pinterest", "google_news"):
        crier.await_state(sent["id"], "done", revision=3, channel=name)
    no, = crier.await_state(sent["id"], "rejected", revision=3, channel="tiktok")
    assert "delete it in the app" in no["detail"]
    assert not platform.posts("youtube") and not platform.posts("pinterest")
    assert len(platform.posts("tiktok")) == 1


def test_what_breaks_on_the_way_makes_no_second_post(crier, platform):
    platform.control("youtube", keep=300_000)  # of the first piece, then 503
    platform.fault("/upload/youtube/v3/videos", "cut_published", method="PUT", skip=3)  # the last piece, its answer lost
    platform.control("tiktok", lose=True, looks=0)
    platform.control("pinterest", looks=0)
    platform.fault("/v5/pins", "cut_published", method="POST")
    platform.fault("/google/second-hub", "status", status=503)
    sent = crier.send(film(platform, 2))
    crier.await_done(sent["id"], seconds=30)
    for name in CHANNELS[:3]:
        assert len(platform.posts(name, standing=False)) == 1, name
    ranges = pieces(platform)
    assert ranges[1].startswith("bytes */") and ranges[2].startswith("bytes 300000-"), ranges
    assert len(platform.requests("/google/hub")) == 1  # not told again for the other's sake
    # Who has the address of an upload can upload: it leaves the record, and nobody is told of it.
    shown = json.dumps([crier.get(f"/v1/articles/{sent['id']}"), crier.get("/v1/deliveries?limit=100"), crier.log()])
    assert "upload_id=" not in shown and "x-amz-signature" not in shown


def test_errors_in_200_and_what_an_article_lacks(crier, platform):
    platform.control("tiktok", error=["spam_risk_text", 200])
    platform.control("youtube", unaudited=True)
    sent = crier.send(film(platform, 3, size=1000))
    spam, = crier.await_state(sent["id"], "rejected", channel="tiktok")
    locked, = crier.await_state(sent["id"], "done", channel="youtube")
    assert "spam" in spam["detail"] and "audit" in locked["detail"] and not platform.posts("youtube")
    bare = crier.send(small_article("bare"))
    for name, words in (("youtube", "no video"), ("tiktok", "no picture and no video"), ("pinterest", "no picture and no video")):
        no, = crier.await_state(bare["id"], "rejected", channel=name)
        assert words in no["detail"], no
    wait_for(lambda: crier.await_state(bare["id"], "done", channel="google_news"), 5, 0.05, "the ping")
