"""All the way to the screen: a real Firefox subscribes by a click on our button, through the real crier's door, with
a stand-in for Mozilla's push server; a wave arrives, is decrypted by Firefox and shown by our worker. The one thing
that is not Firefox's own is who presses Allow."""

import secrets
import subprocess
from urllib.parse import quote

import firefox
import mozilla
import newsroom
import pytest
from harness import CRIER, wait_for

HOST = "document.querySelector('crier-push')"
ROOT = HOST + ".shadowRoot"
REGISTRATION = "(await navigator.serviceWorker.getRegistrations()).find((r) => r.scope.endsWith('/crier-push/'))"
ALLOW = "const p = document.querySelector('#notification-popup popupnotification'); if (p && p.button) { p.button.click(); return true; } return false;"
# What lies on the screen, as windows of the browser's own; and a click on the first of them.
ON_SCREEN = "return Array.from(Services.wm.getEnumerator('alert:alert'), (w) => w.document.getElementById('alertTitleLabel').value)"
CLICK = "const w = Services.wm.getMostRecentWindow('alert:alert'); w.document.getElementById('alertBox').click(); return true;"
TABS = "return Array.from(gBrowser.browsers, (b) => b.currentURI.spec)"


@pytest.fixture(scope="module")
def push_server(certificates):
    made = mozilla.Mozilla(certificates.context("good"))
    yield made
    assert made.refused == []
    made.close()


@pytest.fixture(scope="module")
def browser(push_server):
    made = firefox.Firefox(push_server.url)
    yield made
    made.close()


def new_key():
    """(private, public), as an editor makes them."""
    said = subprocess.run([str(CRIER), "keys", "vapid"], capture_output=True, text=True, check=True).stdout.split()
    return said[said.index("private") + 1], said[said.index("public") + 1]


class Reader:
    """One Firefox, one site, one crier."""

    def __init__(self, browser, push_server, crier, site, public):
        self.browser, self.push_server, self.crier, self.site, self.public = browser, push_server, crier, site, public

    def state(self):
        return self.browser.script(f"return {HOST}.getAttribute('state')")

    def note(self):
        return self.browser.script(f"return {ROOT}.querySelector('[role=status]').textContent")

    def visit(self, wanted):
        self.browser.browser_script("Services.cache2.clear()")
        self.browser.open(self.site.url + "/?lang=de")
        self.await_state(wanted)

    def await_state(self, wanted):
        wait_for(lambda: self.state() == wanted, what=f"the button to be {wanted}")

    def press(self, selector):
        self.browser.click(f"return {ROOT}.querySelector('{selector}')")

    def turn_on(self):
        self.visit("off")
        self.press("button.first")
        wait_for(lambda: self.browser.browser_script(ALLOW), what="Firefox to ask")
        self.await_state("on")

    def shown(self):
        """[(title, data)] of what is shown at the moment."""
        return [tuple(n) for n in self.browser.script(
            f"return (async () => (await ({REGISTRATION}).getNotifications()).map((n) => [n.title, n.data]))()")]

    def await_shown(self, *titles):
        return wait_for(lambda: (s := self.shown()) and sorted(n[0] for n in s) == sorted(titles) and s, what=f"{titles} on the screen")

    def address(self):
        return self.browser.script(f"return (async () => {{ const s = await ({REGISTRATION}).pushManager.getSubscription(); "
                                   "return s && s.endpoint; })()")

    def member(self, address):
        """What crier knows of an address; it tells none by itself."""
        items = self.crier.get(f"/v1/channels/web/members?address={quote(address, safe='')}")["items"]
        return items[0] if items else {"state": None}

    def active(self):
        return self.crier.get("/v1/channels/web/members?limit=1")["counts"]["active"]


@pytest.fixture
def reader(browser, push_server, certificates, make_crier):
    """Somebody on a page of the site, who is not subscribed yet; each time of another site."""
    private, public = new_key()
    site = newsroom.Site(None)

    def change(settings):
        settings["channels"] = {"web": {
            "type": "webpush", "key": private, "subject": "mailto:push@news.example", "allow_private": True, "on_retract": "close",
            "on_update": "all", "audience": {"topics": newsroom.TOPICS, "origins": [site.url]}}}
        settings["queue"]["backoff_min"] = "50ms"

    crier = make_crier(change, environment={"SSL_CERT_FILE": str(certificates.authority)})
    site.door = crier.url
    yield Reader(browser, push_server, crier, site, public)
    browser.browser_script("for (const w of Services.wm.getEnumerator('alert:alert')) w.close()")
    browser.open("about:blank")
    site.close()


def story(reader, number=1, **more):
    return {"id": f"dam-{number}", "url": f"{reader.site.url}/story-{number}", "title": "Dam gives way above Riverton",
            "summary": "Sirens are sounding in three villages.", "language": "en", "categories": ["Breaking"], **more}


def test_a_story_its_correction_and_its_end_on_the_screen_of_a_real_reader(reader, picture):
    reader.turn_on()
    picture(reader.browser, "firefox-on")
    assert (reader.member(reader.address())["language"], reader.active()) == ("de", 1)

    # Choices, by the real door.
    reader.press("button[aria-expanded]")
    reader.press("input[value=culture]")
    reader.press("input[name=quiet]")
    reader.press("button[type=submit]")
    wait_for(lambda: reader.note() == "Gespeichert.")
    assert reader.browser.script(CHOICES, reader.crier.url, reader.address()) == {
        "topics": ["breaking", "politics", "sport"], "quiet": {"from": "22:00", "to": "07:00"}, "language": "de",
        "zone": reader.browser.script("return Intl.DateTimeFormat().resolvedOptions().timeZone")}

    sent = reader.crier.send(story(reader))
    (title, data), = reader.await_shown("Dam gives way above Riverton")
    assert (data["kind"], data["revision"]) == ("publish", 1)
    reader.crier.await_done(sent["id"])
    posted = reader.push_server.posted[-1]
    assert posted["headers"]["urgency"] == "high" and posted["headers"]["topic"] and int(posted["headers"]["ttl"]) > 60
    wait_for(lambda: reader.browser.browser_script(ON_SCREEN) == [title], what="a window with it")

    reader.crier.send(story(reader, title="Dam above Riverton holds", correction="It holds."))
    (title, data), = reader.await_shown("Dam above Riverton holds")
    assert (data["kind"], data["revision"]) == ("update", 2), "in the place of the first"

    # A click leads to the story, in a tab of its own; what was clicked is gone.
    wait_for(lambda: title in reader.browser.browser_script(ON_SCREEN))
    reader.browser.browser_script(CLICK)
    wait_for(lambda: any("/story" in tab for tab in reader.browser.browser_script(TABS)), what="a tab with the story")
    wait_for(lambda: reader.shown() == [], what="the notification to go")
    reader.browser.browser_script("gBrowser.removeTab(gBrowser.tabs[gBrowser.tabs.length - 1])")

    # Taken back while it is on the screen, it goes.
    second = reader.crier.send(story(reader, 2, title="Bridge closed"))
    reader.await_shown("Bridge closed")
    reader.crier.await_done(second["id"])
    reader.crier.retract(second["id"])
    reader.crier.await_done(second["id"])
    wait_for(lambda: reader.shown() == [], what="what was taken back to go")
    assert set(reader.push_server.acks) == {100}, "Firefox has read every message"


def test_a_subscription_outlives_a_new_key_and_a_loss_and_ends_when_the_reader_says_so(reader):
    reader.turn_on()
    first = reader.address()

    # Another key: who comes by is subscribed anew, unasked; the old address is given up.
    private, public = new_key()
    web = reader.crier.settings["channels"]["web"]
    web["key"], web["old_keys"] = private, web["key"]
    reader.crier.write_settings()
    assert reader.crier.call("POST", "/v1/reload")[0] == 200
    reader.visit("on")
    wait_for(lambda: (reader.address() or first) != first, what="another subscription")
    second = reader.address()
    wait_for(lambda: reader.member(second)["state"] == "active" and reader.active() == 1, what="the new one in the place of the old")
    token = reader.push_server.token_of(second)
    assert mozilla.from_b64url(reader.push_server.subscriptions[token]["key"]) == mozilla.from_b64url(public)
    reader.crier.send(story(reader, secrets.token_hex(4), title="By the new key"))
    reader.await_shown("By the new key")

    # The push server loses everything: the worker makes another subscription, with no page of ours open.
    reader.browser.open("about:blank")
    hellos = reader.push_server.hellos
    reader.push_server.forget_everybody()
    wait_for(lambda: reader.push_server.hellos > hellos, what="Firefox to come back")
    third = wait_for(lambda: next((a for a in reader.push_server.alive() if a not in (first, second)), None), what="another subscription")
    wait_for(lambda: reader.member(third)["state"] == "active", what="the worker to tell crier")
    reader.visit("on")
    assert reader.address() == third
    reader.crier.send(story(reader, secrets.token_hex(4), title="After the loss"))
    wait_for(lambda: "After the loss" in [n[0] for n in reader.shown()])

    # Enough.
    reader.browser.click(f"return Array.from({ROOT}.querySelectorAll('button')).find((b) => b.textContent === 'Ausschalten')")
    reader.await_state("off")
    assert reader.address() is None
    wait_for(lambda: reader.member(third)["state"] == "stopped", what="crier to be told")
    posted = len(reader.push_server.posted)
    sent = reader.crier.send(story(reader, secrets.token_hex(4), title="Not for them"))
    reader.crier.await_done(sent["id"])
    assert len(reader.push_server.posted) == posted


CHOICES = """return (async () => (await fetch(arguments[0] + "/push/topics", {method: "POST", headers: {"Content-Type": "application/json"},
    body: JSON.stringify({endpoint: arguments[1]})})).json())()"""
