"""What readers see, and what the worker makes of messages, in a real Chromium. The door is the tests' own, the
subscriptions are pretended (support/push/chromium.py); the real ones are test_firefox.py's."""

import json

import chromium
import pytest
from harness import TOP, wait_for
from newsroom import new_key

IPHONE = ("Mozilla/5.0 (iPhone; CPU iPhone OS {} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
          "Mobile/15E148 Safari/604.1")
DENIED = "Object.defineProperty(Notification, 'permission', {get: () => 'denied'});"
NO_PUSH = "delete window.PushManager;"
# Counts what would ask the reader, and says nothing.
ASKED = ("let asked = 0; Notification.requestPermission = async () => { asked++; return 'default'; };"
         "addEventListener('load', () => document.title = 'loaded');")
MESSAGES = TOP / "tests" / "fixtures" / "push"


@pytest.fixture(scope="module")
def window():
    made = chromium.Chromium()
    yield made
    made.close()


@pytest.fixture
def reader(window, site, door):
    """reader(query, before): a visitor's first page. Afterwards the console has nothing against us."""
    window.permit(site.url)
    window.size(640, 800)
    door.reset()
    first = [True]

    def visit(query="", before="", agent=""):
        window.agent(agent)
        site.before = chromium.SUBSCRIPTIONS + before
        if first:
            window.open(site.url + "/page.css")
            window.script("localStorage.clear()")
            first.clear()
        window.open(site.url + "/" + query)
        wait_for(window.state, what="the button to know its state")
        return window

    yield visit
    said = [line["message"] for line in window.driver.get_log("browser") if line["level"] == "SEVERE"]
    assert [line for line in said if "status of" not in line and "favicon" not in line] == [], said


def turned_on(reader, *more, **options):
    window = reader(*more, **options)
    window.press("button.first")
    window.await_state("on")
    return window


def opened(window):
    window.press("button[aria-expanded]")
    wait_for(lambda: window.part("form").is_displayed(), what="the choices")
    return window


# ---- the button ----

def test_nobody_is_asked_before_a_click_and_an_unanswered_question_turns_nothing_on(reader, door, picture):
    window = reader(before=ASKED)
    assert window.state() == "off"
    assert (window.script("return asked"), door.calls) == (0, []), "a page that is only looked at asks nobody anything"
    assert window.promise("return (await navigator.serviceWorker.getRegistrations()).length") == 0
    picture(window, "off")
    window.press("button.first")
    wait_for(lambda: "not answered" in window.note())
    assert (window.script("return asked"), window.state(), door.of("subscribe")) == (1, "off", [])


@pytest.mark.parametrize(("name", "query", "before", "agent", "state", "words"), [
    ("denied", "?lang=fr&style=dark", DENIED, "", "denied", "rechargez la page"),
    ("unsupported", "?lang=pt-BR", NO_PUSH, "", "unsupported", "não os consegue mostrar"),
    ("ios", "?lang=de-AT", NO_PUSH, IPHONE.format("16_4"), "ios", "„Zum Home-Bildschirm“ wählen."),
    ("ios-old", "?lang=es", NO_PUSH, IPHONE.format("15_8"), "unsupported", "Sin alertas"),
])
def test_a_reader_who_cannot_subscribe_is_told_why_and_what_to_do(reader, door, picture, name, query, before, agent, state, words):
    window = reader(query, before, agent=agent)
    assert window.state() == state
    assert words in window.seen()
    assert not any(role == "button" for role, _, _ in window.tree()), "there is nothing to press"
    assert door.calls == []
    picture(window, name)


def test_all_of_it_by_keyboard_with_names_and_roles(reader, door, picture):
    window = reader("?lang=sv&style=dark")  # not a language of ours: English, and said to be
    assert window.script(f"return [{chromium.ROOT}.querySelector('.card').lang, {chromium.ROOT}.querySelector('.card').dir]") == ["en", "ltr"]
    window.keys("TAB", "ENTER")
    window.await_state("on")
    assert window.focused() == "Choose what you get", "the focus goes where the next thing to do is"
    window.keys("ENTER")
    wait_for(lambda: window.part("form").is_displayed())
    tree = window.tree()
    controls = [(role, name) for role, name, _ in tree if role in ("button", "checkbox")]
    assert sorted(controls) == sorted([("button", "Choose what you get"), ("button", "Turn off"), ("checkbox", "Breaking news"),
                                       ("checkbox", "Politics"), ("checkbox", "Sports"), ("checkbox", "Culture"),
                                       ("checkbox", "Only breaking news during these hours"), ("button", "Save")])
    assert {name for role, name, _ in tree if role == "group"} >= {"Alerts are on", "Topics", "Quiet hours"}
    assert next(p for r, n, p in tree if n == "Choose what you get")["expanded"] is True
    assert next(p for r, n, p in tree if r == "status")["live"] == "polite"
    # On to the boxes: sport and culture away, quiet hours on, save.
    window.keys("TAB", "TAB", "TAB", "TAB", "SPACE", "TAB", "SPACE", "TAB", "SPACE")
    picture(window, "choices-dark")
    window.press("button[type=submit]")
    wait_for(lambda: window.note() == "Saved.")
    assert window.focused() == "Save"
    assert list(door.members.values())[0]["topics"] == ["breaking", "politics"]
    assert list(door.members.values())[0]["quiet"] == {"from": "22:00", "to": "07:00"}
    assert list(door.members.values())[0]["language"] == "sv"
    assert list(door.members.values())[0]["zone"] == window.script("return Intl.DateTimeFormat().resolvedOptions().timeZone")
    # All of them again is everything, also what is yet to come; none is refused.
    for box in ("sport", "culture"):
        window.press(f"input[value={box}]")
    window.press("button[type=submit]")
    wait_for(lambda: list(door.members.values())[0]["topics"] is None)
    for box in ("breaking", "politics", "sport", "culture"):
        window.press(f"input[value={box}]")
    window.press("button[type=submit]")
    wait_for(lambda: "at least one" in window.note())
    assert list(door.members.values())[0]["topics"] is None


@pytest.mark.parametrize("style", ("light", "dark"))
def test_texts_can_be_read(reader, style):
    """Contrast of text and its ground, WCAG 1.4.3, of everything that is shown."""
    window = opened(turned_on(reader, f"?style={style}"))
    assert window.script(CONTRAST) >= 4.5


def test_from_right_to_left_and_in_a_narrow_place(reader, picture):
    window = reader("?lang=ar&dir=rtl")
    window.size(320, 900)
    turned_on(lambda: window)
    opened(window)
    picture(window, "narrow-ar")
    assert window.script("return document.documentElement.scrollWidth <= innerWidth"), "nothing stands out of the page"
    box, label = (window.script(f"return {chromium.ROOT}.querySelector('{s}').getBoundingClientRect().left") for s in ("input", "bdi"))
    assert box > label
    # what may be touched is large enough for it (WCAG 2.5.8)
    assert window.script(f"return Math.min(...Array.from({chromium.ROOT}.querySelectorAll('button, label'), e => e.offsetHeight || 99))") >= 40


def test_options_of_the_page(reader, door):
    window = turned_on(reader, "?attributes=data-subscribe=sport%20data-channel=web%20data-text-on=Ping%20data-topic-sport=Football"
                       "%20data-quiet=hide")
    assert door.of("subscribe")[0]["topics"] == ["sport"]
    wait_for(lambda: "channel=web" in window.promise(f"return ({REGISTRATION}).active.scriptURL"), what="the worker of that channel")
    opened(window)
    assert "Football" in window.seen() and "Quiet" not in window.seen()
    assert window.script(f"return Array.from({chromium.ROOT}.querySelectorAll('[name=topic]'), e => e.checked)") == [False, False, True, False]
    window.press("button:not([hidden]):not([aria-controls]):not([type=submit]):not(.first)")
    window.await_state("off")
    wait_for(lambda: door.members == {}, what="the server to be told")
    assert window.focused() == "Ping" and window.note() == "Alerts are off."


def test_a_new_key_renews_the_subscription_with_nobody_asked(reader, door):
    window = turned_on(reader, before=ASKED.replace("'default'", "'granted'"))
    opened(window).press("input[value=sport]")
    window.press("button[type=submit]")
    wait_for(lambda: window.note() == "Saved.")
    (before, wishes), = door.members.items()
    door.key = new_key()
    reader(before=ASKED)
    wait_for(lambda: before not in door.members and door.members, what="another subscription in its place")
    assert door.of("subscribe")[1]["instead_of"] == before
    assert list(door.members.values()) == [wishes], "what the reader chose is kept"
    assert (window.script("return asked"), window.state()) == (0, "on")
    # and what the server has lost comes back by itself (on every tenth page: here on this one)
    door.members.clear()
    reader(before="Math.random = () => 0;")
    wait_for(lambda: door.members, what="the server to know it again")


def test_a_server_that_is_away_is_waited_for_and_one_that_says_no_leaves_nothing_behind(reader, door):
    quick = "const timer = setTimeout; window.setTimeout = (f, ms) => timer(f, ms < 9000 ? ms / 20 : ms);"
    window = reader(before=quick)
    door.faults += [("subscribe", 503), ("subscribe", 429), ("key", 500)]
    window.press("button.first")
    window.await_state("on")
    assert (len(door.of("subscribe")), len(door.of("key")), door.faults) == (3, 2, [])
    window.press("button:not([hidden]):not([aria-controls]):not([type=submit]):not(.first)")
    window.await_state("off")
    door.faults.append(("subscribe", 403))
    window.press("button.first")
    wait_for(lambda: "did not work" in window.note())
    assert window.state() == "off" and window.script("return localStorage.getItem('subscription')") is None
    assert window.focused() == "Try again"
    window.press("button.first")
    window.await_state("on")


def test_the_page_to_try_it_on_says_what_to_put_where(window, door):
    door.reset()
    window.permit(door.url)
    window.open(door.url + "/push/")
    wait_for(lambda: "Channel web, live" in window.script("return document.body.innerText"))
    said = window.script("return document.body.innerText")
    assert f'<script src="{door.url}/push/client.js" defer></script>' in said
    assert f'importScripts("{door.url}/push/sw.js");' in said
    assert window.state() == "off"
    # The scripts are of the page's own origin here, so there is no file beside them.
    window.script(chromium.SUBSCRIPTIONS)
    window.press("button.first")
    window.await_state("on")
    address = door.of("subscribe")[0]["subscription"]["endpoint"]
    assert window.promise("return (await navigator.serviceWorker.getRegistration('/push/crier-push/')).active.scriptURL") == f"{door.url}/push/sw.js"
    wait_for(lambda: f"crier members web set '{address}' --test yes" in window.script("return document.body.innerText"))


# ---- the worker ----

REGISTRATION = "await navigator.serviceWorker.getRegistration('/crier-push/')"
SHOWN = (f"return (await ({REGISTRATION}).getNotifications()).map(n => ({{title: n.title, body: n.body, tag: n.tag, data: n.data, "
         "silent: n.silent, requireInteraction: n.requireInteraction, actions: n.actions.map(a => a.title)}))")
# When the worker is through with a message. Until then nobody asks what is shown: Chromium forgets a notification that
# it has written down and not yet put on the screen when it is asked for the list.
TELLS = """
self.addEventListener("push", (event) => {
  const until = event.waitUntil.bind(event);
  event.waitUntil = (work) => until(work.finally(() => fetch("/report", {method: "POST", body: "1"})));
});
"""
# A click that no debugging protocol makes: the event as the worker's own code gets it, and what that does.
CLICKS = """
const did = [];
self.clients.openWindow = async (url) => { did.push(["open", url]); };
WindowClient.prototype.focus = async function () { did.push(["focus", this.url]); };
self.addEventListener("message", async (m) => {
  const shown = await self.registration.getNotifications();
  const event = Object.assign(new Event("notificationclick"), { notification: shown.find((n) => n.title === m.data.title), action: m.data.action });
  const waits = [];
  event.waitUntil = (p) => waits.push(p);
  self.dispatchEvent(event);
  await Promise.all(waits);
  m.source.postMessage(did.splice(0));
});
"""


def message(name="message", **changes):
    made = json.loads((MESSAGES / f"{name}.json").read_text())
    for address in ("icon", "badge", "image"):
        made["notification"].pop(address, None)  # nobody serves them
    made["notification"].update(changes)
    return made


def another(title, tag, **data):
    return message(title=title, tag=tag, data={"kind": "publish", "article": tag, "revision": 1, **data})


@pytest.fixture(scope="module")
def worker(site):
    """A browser with one worker, and the notifications that it shows."""
    made = chromium.Chromium()
    site.worker, site.before = TELLS + CLICKS, chromium.SUBSCRIPTIONS
    made.permit(site.url)
    made.open(site.url + "/")
    made.press("button.first")
    made.await_state("on")
    yield made
    site.worker = ""
    made.close()


@pytest.fixture
def deliver(worker, site):
    """deliver(*messages, until): what is shown afterwards, as soon as it has those titles."""
    worker.promise(f"(await ({REGISTRATION}).getNotifications()).forEach((n) => n.close())")
    wait_for(lambda: worker.promise(SHOWN) == [], every=0.2, what="an empty screen")

    def look(titles):
        shown = worker.promise(SHOWN)
        return [shown] if sorted(n["title"] for n in shown) == sorted(titles) else None

    def send(*messages, until):
        heard = len(site.reports)
        for m in messages:
            worker.deliver(site.url, m)
        wait_for(lambda: len(site.reports) == heard + len(messages), what="the worker to be through with it")
        return wait_for(lambda: look(until), every=0.2, what=f"{until} to be shown")[0]

    send.shown = lambda: worker.promise(SHOWN)
    return send


FIRST, SECOND, TAKEN = "Dam gives way above Riverton", "Dam above Riverton holds", "Example News"


def test_a_message_is_shown_and_a_correction_takes_its_place_but_never_the_other_way_round(deliver):
    shown, = deliver(message(), until=[FIRST])
    assert shown["body"].startswith("Sirens") and shown["actions"] == ["Live blog"] and shown["requireInteraction"] is True
    shown, = deliver(message("correction"), until=[SECOND])
    assert (shown["silent"], shown["requireInteraction"]) == (True, False)
    shown = deliver(message(), another("Something else", "other"), until=[SECOND, "Something else"])
    stands = next(n for n in shown if n["title"] == SECOND)
    assert stands["data"]["revision"] == 2 and stands["body"] == "An earlier message said that it gave way."


def test_of_two_that_come_at_the_same_time_the_later_revision_stands(deliver):
    many = [another(f"Revision {n}", "same", revision=n) for n in (2, 5, 1, 4, 3)]
    deliver(*many, until=["Revision 5"])


def test_a_retraction_takes_it_off_the_screen(deliver):
    deliver(message(), until=[FIRST])
    shown, = deliver(message("retraction"), until=[TAKEN])  # alone on the screen: something has to be said
    assert shown["body"].startswith("We have taken this report back")
    deliver(another("Something else", "other"), until=[TAKEN, "Something else"])
    deliver(message("retraction"), until=["Something else"])
    deliver(message(), until=["Something else", FIRST])
    deliver(message("retraction", data={"kind": "retract", "revision": 3}), until=["Something else", TAKEN])


@pytest.mark.parametrize("garbage", ("", "null", "[1]", "not json", '{"web_push":8030}', '{"notification":{"title":""}}',
                                     '{"notification":{"title":7,"navigate":"https://news.example/"}}'))
def test_whatever_cannot_be_read_is_shown_as_news_of_some_kind(deliver, garbage):
    shown, = deliver(garbage, until=["127.0.0.1"])
    assert shown["body"] == "There is news. Tap to read it."


def test_options_that_are_wrong_are_left_out_and_the_message_is_shown(deliver, site):
    shown, = deliver(message(navigate="javascript:alert(1)", dir="up", lang=7, silent="yes", renotify=True, tag="", timestamp="now",
                             actions=[None, {"action": "1"}, {"action": "2", "title": "Two", "navigate": "data:,x"}], data=[]), until=[FIRST])
    assert shown["data"]["crier"] == {"navigate": site.url + "/", "links": {"2": None}}
    assert (shown["silent"], shown["actions"]) == (False, ["Two"])


def test_a_click_goes_to_the_tab_that_is_open_or_opens_one(deliver, worker, site):
    def click(title, action=""):
        return worker.promise(f"""const r = {REGISTRATION}; return await new Promise((done) => {{
            navigator.serviceWorker.onmessage = (m) => done(m.data);
            r.active.postMessage({{title: a[0], action: a[1]}}); }})""", title, action)

    story = f"{site.url}/story?utm_source=push&utm_medium=social#top"
    deliver(message(navigate=story, actions=[{"action": "1", "title": "Live blog", "navigate": f"{site.url}/?lang=en"},
                                             {"action": "2", "title": "More"}]), until=[FIRST])
    assert click(FIRST, "1") == [["open", f"{site.url}/?lang=en"]]
    assert deliver.shown() == [], "what was clicked is closed"
    deliver(message(navigate=story), until=[FIRST])
    assert click(FIRST) == [["open", story]]
    worker.open(site.url + "/story?utm_source=feed")
    deliver(message(navigate=story), until=[FIRST])
    assert click(FIRST) == [["focus", site.url + "/story?utm_source=feed"]]
    worker.open(site.url + "/")


CONTRAST = """
const over = (top, ground) => top.slice(0, 3).map((v, i) => v * top[3] + ground[i] * (1 - top[3]));
const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
const colour = (css) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = css; canvas.fillRect(0, 0, 1, 1);
  const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
const ground = (e) => { const own = colour(getComputedStyle(e).backgroundColor);
  const parent = e.parentElement || (e.getRootNode().host); return own[3] === 1 ? own.slice(0, 3) : over(own, parent ? ground(parent) : [255, 255, 255]); };
const root = document.querySelector("crier-push").shadowRoot;
return Math.min(...Array.from(root.querySelectorAll("p, button, label, legend, input[type=time]")).filter((e) => e.offsetHeight && e.textContent.trim()).map((e) => {
  const g = ground(e), t = over(colour(getComputedStyle(e).color), g), [a, b] = [light(g), light(t)];
  return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); }));
"""
