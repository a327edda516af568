"""Pages of a real WordPress with the plugin, without a browser: the settings and their test, the share
bar, what the classic editor sends, who may do what, and what is left after deletion."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest
from harness import TOKEN, exchange
from listener import SECRET

SETTINGS = "/wp-admin/options-general.php?page=crier"


def form(page, action):
    """The hidden fields of a form of a page."""
    part = next(f for f in re.findall(r"<form.*?</form>", page, re.S) if action in f.split(">")[0] or f'value="{action}"' in f)
    fields = re.findall(r'<input type="hidden"[^>]* name="([^"]+)" value="([^"]*)"', part.replace("'", '"'))
    return {name: unescape(value) for name, value in fields}


def post(wordpress, path, fields, cookies=None):
    headers = {"Content-Type": "application/x-www-form-urlencoded", **({"Cookie": cookies} if cookies else {})}
    status, answer, _ = exchange(wordpress.url, "POST", path, urlencode(fields, doseq=True).encode(), headers)
    return status, answer.get("Location", "")


def save_settings(wordpress, cookies, **fields):
    hidden = form(wordpress.page(SETTINGS, cookies)[1], "options.php")
    given = {"url": "http://127.0.0.1:8480", "source": "wordpress", "secret": "", "token": "", "post_types][": ["post"], **fields}
    flat = {f"crier_settings[{key}]": value for key, value in given.items()}
    status, where = post(wordpress, "/wp-admin/options.php", {**hidden, **flat}, cookies)
    assert status == 302, where
    return wordpress.page(SETTINGS + "&settings-updated=true", cookies)[1]


def press_test(wordpress, cookies):
    hidden = form(wordpress.page(SETTINGS, cookies)[1], "crier_test")
    assert post(wordpress, "/wp-admin/admin-post.php", hidden, cookies)[0] == 302
    return re.findall(r'notice-(\w+) crier-test-result"><p>(.*?)</p>', unescape(wordpress.page(SETTINGS, cookies)[1]))


def kept(wordpress):
    return wordpress.run("return get_option( 'crier_settings' );")


def test_settings_are_kept_and_secrets_are_not_shown_again(wordpress):
    cookies = wordpress.sign_in()
    page = save_settings(wordpress, cookies, secret=SECRET, token="token-0123456789")
    assert kept(wordpress)["secret"] == SECRET and kept(wordpress)["token"] == "token-0123456789"
    assert SECRET not in page and "token-0123456789" not in page
    save_settings(wordpress, cookies, source="other")
    assert kept(wordpress)["secret"] == SECRET and kept(wordpress)["source"] == "other"
    save_settings(wordpress, cookies, token_remove="1")
    assert kept(wordpress)["token"] == "" and kept(wordpress)["secret"] == SECRET


WRONG = [({"url": "ftp://127.0.0.1"}, "url", "Address of crier: expected an address"),
         ({"url": "not an address"}, "url", "Address of crier: expected an address"),
         ({"url": "http://user:password@127.0.0.1"}, "url", "Address of crier: expected an address"),
         ({"source": "a/b"}, "source", "Source name: expected letters"),
         ({"secret": "not-a-secret"}, "secret", "Secret: expected whsec_"),
         ({"secret": "whsec_c2hvcnQ="}, "secret", "Secret: expected whsec_"),
         ({"token": "two words"}, "token", "API token: expected text without blanks")]


def test_what_is_wrong_is_said_and_changes_nothing(wordpress):
    cookies = wordpress.sign_in()
    save_settings(wordpress, cookies, secret=SECRET)
    before = kept(wordpress)
    for fields, key, said in WRONG:
        assert said in save_settings(wordpress, cookies, **fields), fields
        assert kept(wordpress)[key] == before[key], fields


def test_the_whole_address_of_the_hook_will_do(wordpress):
    save_settings(wordpress, wordpress.sign_in(), url="https://crier.example/hooks/cms", source="wordpress")
    assert (kept(wordpress)["url"], kept(wordpress)["source"]) == ("https://crier.example", "cms")


def test_the_test_button_gives_a_clear_answer(wordpress, listen):
    cookies = wordpress.sign_in()
    assert press_test(wordpress, cookies) == [("error", "Address, source name and secret are needed first.")]
    there = listen()
    good, api = press_test(wordpress, cookies)
    assert good[0] == "success" and 'took the test event of source "wordpress"' in good[1]
    assert api == ("error", "Without the API token, editors do not see where articles went.")
    assert there.types() == ["test"] and there.calls[0][0]["signed"]
    for status, said in ((401, "refuses the signature"), (404, 'no source named "wordpress"'), (503, "asks to wait"), (500, "status 500 (as the test wants)")):
        there.answers = [(status, {})]
        ((kind, text),) = press_test(wordpress, cookies)
        assert kind == "error" and said in text
    wordpress.configure(url="http://127.0.0.1:1")
    ((kind, text),) = press_test(wordpress, cookies)
    assert kind == "error" and "does not answer at http://127.0.0.1:1" in text
    assert wordpress.database.query("SELECT * FROM wp_crier_outbox") == []


def test_only_those_who_may_do_it_may_do_it(wordpress, listen):
    listen()
    theirs = wordpress.save(title="Not yours", status="publish")
    wordpress.run("""
        $user = get_user_by( 'login', 'reporter' );
        $id = $user ? $user->ID : wp_create_user( 'reporter', 'password-of-the-reporter' );
        ( new WP_User( $id ) )->set_role( 'author' );
        return $id;""")
    reporter = wordpress.sign_in("reporter")
    assert exchange(wordpress.url, "GET", f"/wp-json/crier/v1/posts/{theirs['id']}")[0] == 401
    status, page = wordpress.page(f"/wp-admin/post.php?post={theirs['id']}&action=edit", reporter)
    assert status == 403 or "not allowed" in page
    assert wordpress.page(SETTINGS, reporter)[0] == 403
    assert post(wordpress, "/wp-admin/admin-post.php", {"action": "crier_test"}, reporter)[0] == 403
    assert post(wordpress, "/wp-admin/admin-post.php", {"action": "crier_outbox", "what": "retry"}, reporter)[0] == 403
    assert post(wordpress, "/wp-admin/admin-post.php", {"action": "crier_test"}, wordpress.sign_in())[0] == 403  # no nonce
    wordpress.configure(url="http://127.0.0.1:1")
    wordpress.save(title="Trouble", status="publish")
    assert "crier-outbox" in wordpress.page("/wp-admin/index.php", wordpress.sign_in())[1]
    assert "crier-outbox" not in wordpress.page("/wp-admin/index.php", reporter)[1]


def test_the_classic_editor_says_the_same(wordpress, listen):
    there = listen()
    made = wordpress.save(title="Classic", status="publish")
    code = f"""
        $_POST = array( 'crier_editor' => wp_create_nonce( 'crier_editor{made['id']}' ), %s );
        wp_update_post( array( 'ID' => {made['id']}, 'post_content' => uniqid() ) );
        return get_post_meta( {made['id']}, '_crier_breaking', true );"""
    assert wordpress.run(code % "'crier_breaking' => 'yes', 'crier_correction' => 'It\\\\\\'s <i>later</i>'") == "yes"
    assert wordpress.run(code % "'crier_correction' => ''") == "no"
    assert wordpress.run(code.replace("wp_create_nonce", "strrev") % "'crier_breaking' => 'yes'") == "no"
    said = [(e["type"], e["data"].get("breaking"), e["data"].get("correction")) for e in there.events()]
    assert said == [("article.published", None, None), ("article.corrected", True, "It's later"),
                    ("article.updated", False, None), ("article.updated", False, None)]


def bar(page):
    return re.findall(r'<li class="crier-share-item crier-share-(\w+)"><a href="([^"]+)" rel="nofollow noopener" aria-label="([^"]+)">', page)


BLOCK = '<!-- wp:crier/share {"targets":["whatsapp","bluesky"],"heading":"Tell <others>"} /-->'


def test_the_share_bar_leads_through_crier_once_crier_has_the_article(wordpress, listen):
    listen(public_url="https://push.news.example")
    made = wordpress.save(title="Shared", status="publish", content=BLOCK + "[crier_share targets='email,nonsense']")
    status, page = wordpress.page(made["link"].removeprefix(wordpress.url))
    assert status == 200
    assert bar(page) == [
        ("whatsapp", f"https://push.news.example/share/whatsapp?article=wp-{made['id']}", "Share on WhatsApp"),
        ("bluesky", f"https://push.news.example/share/bluesky?article=wp-{made['id']}", "Share on Bluesky"),
        ("email", f"https://push.news.example/share/email?article=wp-{made['id']}", "Share by e-mail")]
    assert 'aria-label="Tell &lt;others&gt;"' in page and "crier/assets/share.css" in page
    assert "crier" not in "".join(re.findall(r"<script.*?</script>", page, re.S))  # no script of ours


def test_the_share_bar_of_an_old_article_leads_straight_to_the_platforms(wordpress, listen):
    old = wordpress.save(title="Of last year", status="publish", content="[crier_share]")
    there = listen(targets=["email", "bluesky"])
    there.links = {"bluesky": "https://bsky.app/intent/compose?text=x%20y&z=1", "email": "mailto:?subject=x", "x": "https://x.com/"}
    path = old["link"].removeprefix(wordpress.url)
    assert bar(wordpress.page(path)[1]) == []  # a page does not wait for crier
    wordpress.cron()
    assert bar(wordpress.page(path)[1]) == [("email", "mailto:?subject=x", "Share by e-mail"),
                                            ("bluesky", "https://bsky.app/intent/compose?text=x%20y&#038;z=1", "Share on Bluesky")]


@pytest.mark.parametrize("members", [{"status": "draft"}, {"status": "publish", "password": "x"}])
def test_there_is_no_share_bar_where_there_is_nothing_to_share(wordpress, listen, members):
    listen(public_url="https://push.news.example")
    made = wordpress.save(title="Hidden", content="[crier_share]", **members)
    assert wordpress.run(f"$GLOBALS['post'] = get_post( {made['id']} ); return do_shortcode( '[crier_share]' );") == ""


def test_nothing_is_left_after_deletion(wordpress, listen):
    listen()
    wordpress.save(title="x", status="publish", meta={"_crier_breaking": "yes"})
    left = wordpress.run("""
        global $wpdb;
        deactivate_plugins( 'crier/crier.php' );
        uninstall_plugin( 'crier/crier.php' );
        $left = array(
            $wpdb->get_col( "SHOW TABLES LIKE '%crier%'" ),
            $wpdb->get_col( "SELECT option_name FROM $wpdb->options WHERE option_name LIKE '%crier%'" ),
            $wpdb->get_col( "SELECT meta_key FROM $wpdb->postmeta WHERE meta_key LIKE '%crier%'" ),
            array_filter( array_keys( array_merge( ...array_values( array_filter( _get_cron_array(), 'is_array' ) ) ) ), static function ( $hook ) { return false !== strpos( $hook, 'crier' ); } ),
        );
        return $left;""")
    wordpress.run("activate_plugin( 'crier/crier.php' ); return 1;")
    wordpress.page("/")  # makes the tables again
    assert left == [[], [], [], []]


def cards(wordpress, post):
    page = wordpress.page(post["link"].removeprefix(wordpress.url))[1]
    return dict((key, unescape(value)) for key, value in re.findall(r'<meta (?:property|name)="((?:og|article|twitter):[^"]+)" content="([^"]*)">', page))


def test_an_articles_page_tells_what_a_link_preview_shows(wordpress, listen):
    listen()
    picture = wordpress.run("""
        $picture = wp_insert_attachment( array( 'post_mime_type' => 'image/jpeg', 'post_title' => 'x' ), '2026/09/card.jpg' );
        wp_update_attachment_metadata( $picture, array( 'width' => 1600, 'height' => 900, 'file' => '2026/09/card.jpg' ) );
        return $picture;""")
    post = wordpress.save(title='"Closed" & <b>shut</b>', status="publish", excerpt="Diverted.", featured_media=picture)
    card = cards(wordpress, post)
    assert card["og:title"] == '"Closed" & shut' and card["og:description"] == "Diverted." and card["og:url"] == post["link"]
    assert card["og:image"].endswith("/2026/09/card.jpg") and card["og:image:width"] == "1600" and card["og:type"] == "article"
    assert card["article:published_time"] == post["date_gmt"] + "Z"
    listen(card=False)
    assert cards(wordpress, post) == {}


def test_the_link_gate_is_through_at_once_where_the_page_has_its_tags(wordpress, make_crier, platform):
    def change(settings):
        settings["site"].update(link_gate="45s", link_gate_card="40s", allow_private=True, url=wordpress.url)
        settings["sources"] = {"wordpress": {"type": "wordpress", "secret": SECRET}}
    crier = make_crier(change)
    wordpress.configure(url=crier.url, token=TOKEN, card=False)
    bare = wordpress.save(title="No tags", status="publish", excerpt="Diverted.")
    assert {c["text"] for c in wordpress.panel(bare["id"])["channels"]} == {"waits until the page is ready"}
    wordpress.configure(url=crier.url, token=TOKEN)
    picture = exchange(platform.url, "GET", "/img/1600x840.jpg")[2]
    path = wordpress.root / "wp-content/uploads/gate.jpg"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(picture)
    made = wordpress.run("""
        $picture = wp_insert_attachment( array( 'post_mime_type' => 'image/jpeg', 'post_title' => 'x' ), 'gate.jpg' );
        wp_update_attachment_metadata( $picture, array( 'width' => 1600, 'height' => 840, 'file' => 'gate.jpg' ) );
        return $picture;""")
    post = wordpress.save(title="Through the gate", status="publish", excerpt="Diverted.", featured_media=made)
    crier.await_done(str(post["id"]), channel="mastodon", seconds=10)
    assert ["Through the gate" in p["text"] for p in platform.posts("mastodon")] == [True]
