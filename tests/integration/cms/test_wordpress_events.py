"""What the plugin in a real WordPress tells, and when. A listener stands in crier's place and holds
every call to the signature's rules and to the format in tests/fixtures/hooks/wordpress."""

import json
import threading

import pytest
from harness import TOP

FORMAT = TOP / "tests" / "fixtures" / "hooks" / "wordpress"


def sample(name):
    return json.loads((FORMAT / f"{name}.json").read_text())


def check(listener):
    """Signed, of the described form, and each version newer than the one before."""
    newest = {}
    for headers, said in listener.calls:
        assert headers["signed"] and headers["webhook-id"].startswith("wp_") and len(headers["webhook-id"]) == 35
        like = sample(said["type"].removeprefix("article."))
        known = set(like["data"])
        if said["data"]["status"] == "publish" and "article.unpublished" != said["type"]:
            known |= {"breaking", "correction", "content", "excerpt", "featured_image"}
        assert set(said) == {"type", "timestamp", "data"} and set(said["data"]) <= known, said
        for key in set(said["data"]) & set(like["data"]):
            assert type(said["data"][key]) is type(like["data"][key]), key
        assert said["data"]["version"] > newest.get(said["data"]["id"], 0)
        newest[said["data"]["id"]] = said["data"]["version"]


def test_a_published_post_is_told_with_all_that_belongs_to_it(wordpress, listen):
    there = listen()
    made = wordpress.run("""
        $picture = wp_insert_attachment( array( 'post_mime_type' => 'image/jpeg', 'post_title' => 'x' ), '2026/09/bridge.jpg' );
        update_post_meta( $picture, '_wp_attachment_image_alt', 'Smoke over the "bridge"' );
        wp_update_attachment_metadata( $picture, array( 'width' => 1600, 'height' => 900, 'file' => '2026/09/bridge.jpg', 'image_meta' => array( 'credit' => 'Ada Example' ) ) );
        $category = wp_insert_term( 'Law & Order', 'category' );
        $tag = wp_insert_term( 'A7', 'post_tag' );
        return array( $picture, is_wp_error( $category ) ? $category->get_error_data() : $category['term_id'], is_wp_error( $tag ) ? $tag->get_error_data() : $tag['term_id'] );""")
    post = wordpress.save(title="Bridge closed – “no danger” &amp; <em>no</em> detour 🚒", status="publish", excerpt="Traffic is <b>diverted</b>.",
                          content="<!-- wp:paragraph --><p>Since <strong>5 a.m.</strong></p><!-- /wp:paragraph -->[crier_share]",
                          featured_media=made[0], categories=[made[1]], tags=[made[2]])
    ((headers, said),) = there.calls
    check(there)
    data = said["data"]
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert said["type"] == "article.published" and data["first_publish"] is True and data["id"] == post["id"]
    assert data["title"] == "Bridge closed – “no danger” & no detour 🚒"
    assert data["excerpt"] == "Traffic is diverted."
    assert data["content"] == "<p>Since <strong>5 a.m.</strong></p>"
    assert data["categories"] == ["Law & Order"] and data["tags"] == ["A7"] and data["authors"] == ["News desk"]
    assert data["featured_image"] == {"url": f"{wordpress.url}/wp-content/uploads/2026/09/bridge.jpg", "credit": "Ada Example",
                                      "alt": 'Smoke over the "bridge"', "width": 1600, "height": 900}
    assert data["language"] == "en-US" and "breaking" not in data and "correction" not in data
    assert data["url"] == post["link"] and data["urls"] == [f"{wordpress.url}/?p={post['id']}"]
    assert data["date_gmt"] == post["date_gmt"] + "Z" and said["timestamp"].endswith("Z")
    assert wordpress.outbox(post["id"]) == [("article.published", "sent", 1)]


def test_a_change_is_told_once_and_what_readers_do_not_see_is_not_told(wordpress, listen):
    there = listen()
    post = wordpress.save(title="One", status="publish", content="Text")
    wordpress.save(post["id"], title="One")
    wordpress.save(post["id"], title="Two")
    wordpress.save(post["id"], slug="another-address")
    check(there)
    assert there.types() == ["article.published", "article.updated", "article.updated"]
    last = there.events()[-1]["data"]
    assert last["title"] == "Two" and last["url"].endswith("/another-address/") and post["link"] in last["urls"]


def test_a_correction_note_makes_a_correction(wordpress, listen):
    there = listen()
    post = wordpress.save(title="A lorry burned", status="publish")
    wordpress.save(post["id"], title="A bus burned", meta={"_crier_correction": "It was a bus,\nnot a <b>lorry</b>."})
    wordpress.save(post["id"], content="More text")
    check(there)
    assert there.types() == ["article.published", "article.corrected", "article.updated"]
    assert [e["data"].get("correction") for e in there.events()] == [None, "It was a bus,\nnot a lorry.", "It was a bus,\nnot a lorry."]


AWAY = [("to draft", {"status": "draft"}, "draft"), ("to pending", {"status": "pending"}, "pending"),
        ("to private", {"status": "private"}, "private"), ("to later", {"status": "future", "date": "2099-01-01T00:00:00"}, "future"),
        ("behind a password", {"password": "secret"}, "publish")]


def test_what_is_not_public_any_more_is_taken_back_and_comes_again(wordpress, listen):
    there = listen()
    for name, change, status in AWAY:
        post = wordpress.save(title=name, status="publish")
        wordpress.save(post["id"], **change)
        wordpress.save(post["id"], status="publish", password="", date="2026-01-01T00:00:00")
        published, gone, back = there.events(post["id"])
        assert gone["type"] == "article.unpublished", name
        assert gone["data"]["status"] == status and gone["data"]["old_status"] == "publish", name
        assert gone["data"]["url"] == post["link"] and gone["data"]["title"] == name
        assert back["type"] == "article.published" and back["data"]["first_publish"] is False, name
    check(there)


def test_trash_and_deletion_are_told_with_the_address_that_readers_know(wordpress, listen):
    there = listen()
    post = wordpress.save(title="Gone", status="publish")
    assert wordpress.rest("DELETE", f"/wp/v2/posts/{post['id']}")[0] == 200
    assert wordpress.rest("DELETE", f"/wp/v2/posts/{post['id']}?force=true")[0] == 200
    _, trashed, deleted = there.events(post["id"])
    assert (trashed["type"], trashed["data"]["status"]) == ("article.unpublished", "trash")
    assert (deleted["type"], deleted["data"]["status"]) == ("article.deleted", "deleted")
    assert trashed["data"]["url"] == deleted["data"]["url"] == post["link"]
    at_once = wordpress.save(title="Gone at once", status="publish")
    wordpress.rest("DELETE", f"/wp/v2/posts/{at_once['id']}?force=true")
    assert there.types(at_once["id"]) == ["article.published", "article.deleted"]
    check(there)


def test_drafts_pages_autosaves_and_imports_are_nobodys_business(wordpress, listen):
    there = listen()
    draft = wordpress.save(title="Draft", status="draft")
    wordpress.save(draft["id"], title="Draft again")
    wordpress.rest("POST", f"/wp/v2/posts/{draft['id']}/autosaves", {"title": "By itself"})
    wordpress.rest("DELETE", f"/wp/v2/posts/{draft['id']}?force=true")
    assert wordpress.rest("POST", "/wp/v2/pages", {"title": "Page", "status": "publish"})[0] == 201
    wordpress.save(title="Secret", status="publish", password="secret")
    wordpress.run("define( 'WP_IMPORTING', true ); wp_insert_post( array( 'post_title' => 'Old', 'post_status' => 'publish' ) ); return 1;")
    assert there.calls == [] and wordpress.database.query("SELECT * FROM wp_crier_outbox") == []


def test_an_article_from_before_stays_out_unless_it_is_called_breaking(wordpress, listen):
    old = wordpress.save(title="Of last year", status="publish")  # the plugin has no settings yet
    other = wordpress.save(title="Of last month", status="publish")
    there = listen()
    wordpress.save(old["id"], title="Of last year, a comma mended")
    wordpress.rest("DELETE", f"/wp/v2/posts/{old['id']}")
    assert there.calls == []
    wordpress.save(other["id"], meta={"_crier_breaking": "yes"})
    assert there.types() == ["article.published"]


def test_breaking_is_what_the_editor_says_then_what_a_category_says(wordpress, listen):
    category = wordpress.run("$made = wp_insert_term( 'Alarm', 'category' ); return is_wp_error( $made ) ? $made->get_error_data() : $made['term_id'];")
    there = listen(breaking=[category])
    rows = [({}, None), ({"categories": [category]}, True), ({"meta": {"_crier_breaking": "yes"}}, True),
            ({"categories": [category], "meta": {"_crier_breaking": "no"}}, False)]
    for more, wanted in rows:
        post = wordpress.save(title="x", status="publish", **more)
        assert there.events(post["id"])[0]["data"].get("breaking") is wanted, more
    status, answer = wordpress.rest("POST", f"/wp/v2/posts/{post['id']}", {"meta": {"_crier_breaking": "maybe"}})
    assert status == 400, answer


def test_a_scheduled_post_is_told_when_it_goes_live(wordpress, listen):
    there = listen()
    post = wordpress.save(title="At six", status="future", date="2099-01-01T00:00:00")
    assert there.calls == []
    wordpress.run(f"""
        global $wpdb;
        $wpdb->update( $wpdb->posts, array( 'post_date' => '2026-01-02 03:04:05', 'post_date_gmt' => '2026-01-01 14:04:05' ), array( 'ID' => {post['id']} ) );
        wp_clear_scheduled_hook( 'publish_future_post', array( {post['id']} ) );
        wp_schedule_single_event( time() - 1, 'publish_future_post', array( {post['id']} ) );
        return 1;""")
    wordpress.cron()
    (said,) = there.events()
    assert said["type"] == "article.published" and said["data"]["date_gmt"] == "2026-01-01T14:04:05Z"


def at_once(*jobs):
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_saves_at_once_give_one_event_or_end_with_the_newest_state(wordpress, listen):
    there = listen()
    draft = wordpress.save(title="Draft", status="draft")
    at_once(*[lambda: wordpress.save(draft["id"], title="Now", status="publish")] * 2)
    assert there.types() == ["article.published"]
    for n in range(3):
        at_once(lambda: wordpress.save(draft["id"], title=f"A{n}"), lambda: wordpress.save(draft["id"], title=f"B{n}"))
        now = wordpress.rest("GET", f"/wp/v2/posts/{draft['id']}")[1]["title"]["rendered"]
        newest = max(there.events(), key=lambda said: said["data"]["version"])
        assert newest["data"]["title"] == now
    check(there)


def test_a_request_that_dies_between_saving_and_telling_is_made_good(wordpress, listen):
    there = listen()
    post = wordpress.save(title="Died", status="publish", headers={"X-Test-Die": "1"})
    wordpress.cron()
    assert there.calls == []  # it might be alive
    wordpress.let_pass(61)
    wordpress.cron()
    assert there.types(post["id"]) == ["article.published"]
    wordpress.save(post["id"], status="draft", headers={"X-Test-Die": "1"})
    wordpress.let_pass(61)
    wordpress.cron()
    assert there.types(post["id"]) == ["article.published", "article.unpublished"]


@pytest.mark.parametrize("size", [1000, 300_000])
def test_a_long_text_is_bounded(wordpress, listen, size):
    there = listen()
    wordpress.save(title="Long", status="publish", content="<p>ä long word</p>" * (size // 17))
    content = there.events()[0]["data"]["content"]
    assert len(content.encode()) <= 256 * 1024 and content.endswith("</p>") and content.count("<p>") == content.count("</p>")
