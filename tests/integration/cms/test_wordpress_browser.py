"""An editor's day: a real browser in a real WordPress, the plugin, our crier, and stand-ins for the
platforms. CRIER_PICTURES=FOLDER keeps pictures of what the editor saw."""

import os
from pathlib import Path

import browser as chromium
import pytest
import wordpress as rig
from harness import TOKEN, wait_for
from listener import SECRET

DOCUMENT = ".crier-document-panel"


@pytest.fixture(scope="session")
def window():
    made = chromium.Browser()
    yield made
    made.close()


@pytest.fixture
def desk(site, window):
    """The browser, signed in."""
    window.open(site.url + "/wp-admin/profile.php")
    if "Log In" in window.driver.title:  # which leads back to where one wanted to go
        window.script("document.getElementById('user_login').value = arguments[0]; document.getElementById('user_pass').value = arguments[1]",
                      rig.USER, rig.PASSWORD)
        window.click("#wp-submit")
    window.find("#wpadminbar")
    window.complaints()  # what came before is not about this test
    yield window
    picture(window, "last")
    assert window.complaints() == []


@pytest.fixture
def newsroom(wordpress, make_crier):
    """The site, and a crier that it is a source of."""
    def change(settings):
        settings["sources"] = {"wordpress": {"type": "wordpress", "secret": SECRET, "retract_after": "2m"}}
        settings["breaking"] = [{"category": "Never"}]
        for name in ("telegram", "partner"):
            settings["channels"][name]["when"] = {"breaking": True}
    crier = make_crier(change)
    wordpress.crier = crier
    return wordpress


def picture(window, name):
    folder = os.environ.get("CRIER_PICTURES")
    if folder:
        window.script("const panel = document.querySelector('#crier-panel'); panel && panel.scrollIntoView({block: 'end'})")
        window.picture(Path(folder) / f"{name}.png")


def open_panel(window, selector):
    """A panel of the sidebar, however it was left."""
    window.find(selector)
    if window.script("return !document.querySelector(arguments[0] + '.is-opened')", selector):
        window.click(f"{selector} .components-panel__body-toggle")


def rows(window):
    """What the panel shows: channel, state, words, link."""
    return {name: (state, text, link) for name, state, text, link in window.script("""
        return Array.from(document.querySelectorAll('.crier-panel-row')).map((row) => [row.dataset.channel, row.dataset.state,
            row.querySelector('.crier-panel-state').textContent, (row.querySelector('a') || {}).href || ''])""")}


def await_rows(window, wanted, seconds=30):
    """Until each of these channels says so."""
    def look():
        seen = rows(window)
        return all(seen.get(name, ("", ""))[1] == text for name, text in wanted.items()) and seen
    try:
        return wait_for(look, seconds)
    except AssertionError:
        raise AssertionError(f"{wanted} wanted, seen: {rows(window)}, {window.find('.crier-panel').text}") from None


def write(window, title):
    """In the block editor, or in the title of what is open there."""
    window.find(".editor-post-title__input, .wp-block-post-title")
    window.script("wp.data.dispatch('core/editor').editPost({title: arguments[0]})", title)


def new_post(window, site, title):
    window.open(site.url + "/wp-admin/post-new.php")
    write(window, title)


def await_saved(window):
    """Whatever is being saved is, by both ways in which the block editor saves."""
    wait_for(lambda: window.script("""
        const editor = wp.data.select('core/editor'), boxes = wp.data.select('core/edit-post');
        return !editor.isSavingPost() && !boxes.isSavingMetaBoxes() && editor.didPostSaveRequestSucceed() && !editor.isEditedPostDirty()"""),
             what="the post to be saved")


def publish(window):
    window.click(".editor-post-publish-panel__toggle")
    window.click(".editor-post-publish-panel .editor-post-publish-button")
    window.find(".post-publish-panel__postpublish-header", text="is now live")
    window.find(".crier-published-panel .crier-panel-line")
    picture(window, "just-published")
    window.click(".editor-post-publish-panel__header button")
    await_saved(window)


def update(window):
    window.click(".edit-post-header .editor-post-publish-button", text="Update")
    await_saved(window)


def settings_by_hand(window, site):
    """The administrator fills the settings page, and tries them."""
    window.open(site.url + "/wp-admin/options-general.php?page=crier")
    for name, value in (("url", site.crier.url), ("source", "wordpress"), ("secret", SECRET), ("token", TOKEN)):
        window.find(f"#crier-{name}").clear()
        window.type(f"#crier-{name}", value)
    window.click("#submit")
    window.find("#setting-error-settings_updated, .notice-success")
    window.click("#crier-send-test")
    window.find(".crier-test-result", text="took the test event")
    window.find(".crier-test-result", text="crier has 4 channels")


def test_an_article_goes_out_is_changed_and_taken_back(newsroom, desk, platform, clock):
    settings_by_hand(desk, newsroom)
    picture(desk, "settings")
    new_post(desk, newsroom, "Bridge closed")
    open_panel(desk, DOCUMENT)
    desk.click(f"{DOCUMENT} .components-checkbox-control__input")
    publish(desk)
    seen = await_rows(desk, dict.fromkeys(("telegram", "mastodon", "bluesky", "partner"), "published"))
    (status,) = platform.posts("mastodon")
    assert "Bridge closed" in status["text"] and len(platform.posts("telegram")) == 1
    assert seen["mastodon"][2] and seen["mastodon"][2].startswith("http")
    assert "Sent as breaking news" in desk.find(".crier-panel-line").text
    picture(desk, "published")

    write(desk, "Bridge open again")
    update(desk)
    await_rows(desk, dict.fromkeys(("telegram", "mastodon", "bluesky", "partner"), "updated"))
    assert ["Bridge open again" in p["text"] for p in platform.posts("mastodon")] == [True]
    picture(desk, "updated")

    desk.script("wp.data.dispatch('core/editor').editPost({status: 'draft'}); wp.data.dispatch('core/editor').savePost()")
    post = desk.script("return wp.data.select('core/editor').getCurrentPostId()")
    wait_for(lambda: newsroom.outbox(post)[-1][:2] == ("article.unpublished", "sent"))
    assert len(platform.posts("mastodon")) == 1  # it may come back at once
    clock.advance(newsroom.crier, "3m")
    wait_for(lambda: not platform.posts("mastodon") and not platform.posts("telegram"))
    await_rows(desk, {"mastodon": "taken down", "telegram": "taken down"})
    picture(desk, "taken-down")
    assert platform.truth()["duplicates"] == []
    assert newsroom.outbox(post) == [("article.published", "sent", 1), ("article.updated", "sent", 1), ("article.unpublished", "sent", 1)]


def test_what_crier_does_not_get_is_seen_where_the_editor_looks(newsroom, desk, platform):
    newsroom.configure(url=newsroom.crier.url, token=TOKEN)
    newsroom.crier.stop()
    new_post(desk, newsroom, "Nobody hears it")
    publish(desk)
    desk.find(".crier-panel.is-error", text="crier does NOT have this yet")
    desk.find(".components-notice", text="crier does NOT have this yet")
    picture(desk, "trouble")
    newsroom.crier.start()
    newsroom.let_pass(60)
    await_rows(desk, {"mastodon": "published"})
    assert len(platform.posts("mastodon")) == 1
    assert desk.driver.find_elements("css selector", ".components-notice.is-warning") == []


def test_the_share_block_can_be_placed_and_is_shown(newsroom, desk):
    newsroom.configure(url=newsroom.crier.url, token=TOKEN, public_url="https://push.news.example")
    new_post(desk, newsroom, "With a share bar")
    desk.script("wp.data.dispatch('core/block-editor').insertBlock(wp.blocks.createBlock('crier/share', {heading: 'Tell others'}))")
    desk.find(".wp-block-crier-share", text="Tell others")
    publish(desk)
    await_rows(desk, {"mastodon": "published"})
    desk.open(desk.script("return wp.data.select('core/editor').getPermalink()"))
    assert desk.find("nav.crier-share").get_attribute("aria-label") == "Tell others"
    link = desk.find(".crier-share-bluesky a")
    assert link.get_attribute("href").startswith("https://push.news.example/share/bluesky?article=") and link.size["height"] >= 44
    picture(desk, "share")


def test_the_classic_editor_has_the_same(newsroom, desk, platform):
    newsroom.configure(url=newsroom.crier.url, token=TOKEN)
    newsroom.run("return update_option( 'test_classic', 1 );")
    try:
        desk.open(newsroom.url + "/wp-admin/post-new.php")
        desk.script("wp.autosave.server.suspend()")  # a click is lost on it while it saves a draft
        desk.type("#title", "By the old way")
        desk.click("#crier-editor input[type=checkbox]")
        desk.click("#publish")
        desk.find("#message", text="published")
        await_rows(desk, {"telegram": "published", "mastodon": "published"})
        picture(desk, "classic")
        assert len(platform.posts("telegram")) == 1
    finally:
        newsroom.run("return delete_option( 'test_classic' );")
