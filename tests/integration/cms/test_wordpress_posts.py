"""crier posts into a real WordPress (channel type wordpress): published with its picture and terms, corrected,
looked for after an answer that was lost, taken back."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import harness  # noqa: E402
import wordpress as rig  # noqa: E402
from harness import exchange, wait_for  # noqa: E402


@pytest.fixture
def platform():
    made = harness.Platform()
    yield made
    made.close()


@pytest.fixture
def crier(wordpress, platform, tmp_path):
    """With one channel, which posts there; the application password is the desk's."""
    settings = harness.default_settings(platform)
    settings["channels"] = {"site": {"type": "wordpress", "site": wordpress.url, "user": rig.USER,
                                     "password": wordpress.application_password,
                                     "allow_private": True, "rate": "1000/s"}}
    made = harness.Crier(tmp_path, settings).start()
    yield made
    made.stop()


def story(platform, title, **more):
    return {"id": "dam", "url": "https://news.example/world/the-dam", "title": title, "summary": 'It holds & "stays" < dry.',
            "language": "en", "categories": ["Arts & Culture"], "tags": ["dam", "Flood watch"],
            "images": [{"url": platform.picture(), "alt": "A wall of grey stone"}], **more}


def test_an_article_becomes_a_post_is_corrected_and_taken_back(wordpress, crier, platform):
    status, answer, _ = crier.call("POST", "/v1/channels/site/test", {"probe": True})
    assert status == 200 and "signed in as News desk" in json.dumps(answer), answer

    public_id = crier.send(story(platform, "The dam holds, 5 < 6"))["id"]
    delivery, = crier.await_done(public_id, seconds=60)
    posts = wordpress.rest("GET", "/wp/v2/posts?context=edit")[1]
    post, = posts
    assert post["status"] == "publish" and post["slug"].startswith("the-dam-"), post
    assert (delivery["remote_id"], delivery["link"]) == (str(post["id"]), post["link"])
    assert "The dam holds, 5 &lt; 6" in post["title"]["rendered"]
    assert "It holds &amp; &quot;stays&quot; &lt; dry." in post["content"]["raw"]
    assert "https://news.example/world/the-dam?utm_source=site" in post["content"]["raw"].replace("&amp;", "&")
    media = wordpress.rest("GET", f"/wp/v2/media/{post['featured_media']}")[1]
    assert media["alt_text"] == "A wall of grey stone" and media["source_url"].endswith(".jpg"), media
    assert exchange(media["source_url"], "GET", media["source_url"].removeprefix(wordpress.url))[0] == 200
    def terms(kind):
        return sorted(wordpress.rest("GET", f"/wp/v2/{kind}/{n}")[1]["name"] for n in post[kind])
    assert terms("categories") == ["Arts &amp; Culture"] and terms("tags") == ["Flood watch", "dam"]

    crier.send(story(platform, "The dam is mended", tags=["dam"]))
    crier.await_done(public_id, revision=2, seconds=60)
    changed, = wordpress.rest("GET", "/wp/v2/posts?context=edit")[1]
    assert changed["title"]["raw"] == "The dam is mended" and changed["id"] == post["id"] and changed["slug"] == post["slug"]
    assert changed["featured_media"] == post["featured_media"] and len(changed["tags"]) == 1

    crier.retract(public_id)
    wait_for(lambda: wordpress.rest("GET", "/wp/v2/posts")[1] == [], 30, what="the post to be taken back")
    assert wordpress.rest("GET", f"/wp/v2/posts/{post['id']}?context=edit")[1]["status"] == "trash"


def test_a_post_whose_answer_was_lost_is_found_and_not_made_again(wordpress, crier, platform):
    wordpress.run("update_option( 'test_lost', 1 ); return true;")
    public_id = crier.send(story(platform, "Only once", images=[], tags=[], categories=[]))["id"]
    delivery, = crier.await_done(public_id, seconds=60)
    assert "find_slug" in crier.log()  # it was looked for
    post, = wordpress.rest("GET", "/wp/v2/posts")[1]
    assert (delivery["remote_id"], delivery["link"]) == (str(post["id"]), post["link"])
