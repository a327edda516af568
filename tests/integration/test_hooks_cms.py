"""What a newsroom's CMS says reaches the channels: every kind of CMS, through the real door, signed as it
signs (cms_senders.py)."""

import json
import time

import attack
import pytest
from cms_senders import SENDERS, WordPressCom
from harness import exchange, wait_for

OTHER = {"wordpress": "whsec_YW5vdGhlci1zZWNyZXQtb2YtdGhlLXBsdWdpbg==", "contentful": "d" * 64}
ALL = pytest.mark.parametrize("name", SENDERS)


class Desk:
    """A CMS that speaks to an instance with one channel."""
    def __init__(self, crier, platform, sender):
        self.crier, self.platform, self.sender = crier, platform, sender

    def say(self, *args, **more):
        return self.send(self.sender.say(*args, **more))

    def send(self, call):
        path, headers, raw = call
        began = time.monotonic()
        status, body, _ = self.crier.call("POST", "/hooks/cms" + path, raw, headers=headers, token=None)
        assert time.monotonic() - began < 5  # of which 500 ms are promised; the machine may be busy
        return status, body

    def page(self, n, title):
        """Its page, where the CMS tells no more than the address."""
        if self.sender.thin:
            self.platform.page(f"story-{n}", {"title": title})

    def posts(self):
        return [p["text"] for p in self.platform.posts("telegram")]

    def await_posts(self, *titles):
        def look():
            texts = self.posts()
            return len(texts) == len(titles) and all(t in x for t, x in zip(titles, texts))
        wait_for(look, what=lambda: (titles, self.posts()))


@pytest.fixture
def desk(make_crier, platform):
    def make(name, retract_after="0s", secret=None, sender=None, **more):
        kind, cls = SENDERS.get(name, (name, None))
        sender = sender or cls
        thin = sender.thin
        played = sender(platform.page_url("")[:-1]) if thin else sender()
        def change(settings):
            settings["site"].update(allow_private=True)
            settings["channels"] = {"telegram": settings["channels"]["telegram"]}
            settings["sources"] = {"cms": {"type": kind, "secret": secret or played.secret,
                                           "retract_after": retract_after, **played.settings, **more}}
        return Desk(make_crier(change), platform, played)
    return make


@ALL
def test_published_changed_and_taken_back(desk, clock, name):
    d = desk(name)
    now = time.time()
    d.page(1, "Bridge closed")
    status, body = d.say("publish", 1, "Bridge closed", at=now - 60)
    assert status == 202 and body["outcome"] == ("waiting" if d.sender.thin else "new"), body
    d.await_posts("Bridge closed")
    d.page(1, "Bridge open again")
    if d.sender.thin:
        clock.advance(d.crier, "5s")  # a page that was read just now is not read again
    status, body = d.say("update", 1, "Bridge open again", at=now - 30)
    assert status == 202 and body["outcome"] in ("revised", "waiting"), body
    d.await_posts("Bridge open again")
    assert d.say("unpublish", 1, "Bridge open again", at=now - 10)[0] == 202
    d.await_posts()
    assert len(d.platform.posts("telegram", standing=False)) == 1  # one post, changed and deleted


@ALL
def test_only_who_knows_the_secret_is_heard_old_and_new(desk, name):
    d = desk(name, old_secret=OTHER.get(name, "the-secret-before-this-one"))
    old = d.crier.settings["sources"]["cms"]["old_secret"]
    stranger = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" if old.startswith("whsec_") else "not-the-secret-at-all"
    status, body = d.say("publish", 1, secret=stranger)
    assert status == 401 and "cms" in body["detail"], body
    path, headers, raw = d.sender.say("publish", 1)
    bare = {k: v for k, v in headers.items() if not any(w in k.lower() for w in ("sign", "webhook-", "authorization"))}
    assert d.send((path, {**bare, "Content-Type": "application/json"}, raw))[0] == 401
    if "authorization" not in (k.lower() for k in headers):  # a token is not over the body
        assert d.send((path, headers, raw[:-1] + b" }"))[0] == 401
    assert d.crier.get("/v1/articles")["items"] == []
    d.page(1, "Bridge closed")
    d.page(2, "Second")
    assert d.say("publish", 1)[0] == 202
    assert d.say("publish", 2, "Second", secret=old)[0] == 202
    wait_for(lambda: len(d.posts()) == 2)


@ALL
def test_the_same_call_again_does_nothing(desk, name):
    d = desk(name)
    d.page(1, "Bridge closed")
    call = d.sender.say("publish", 1, at=time.time() - 60)
    assert d.send(call)[0] == 202
    d.await_posts("Bridge closed")
    status, body = d.send(call)
    assert status == 202 and body["outcome"] in ("replayed", "unchanged", "waiting"), body
    assert d.say("unpublish", 1, at=time.time() - 5)[0] == 202
    d.await_posts()
    if not d.sender.thin:  # a thin "published" is another one each time
        status, body = d.send(call)
        assert status == 202 and body["outcome"] in ("replayed", "stale", "retracted"), body
        assert len(d.platform.posts("telegram", standing=False)) == 1


@pytest.mark.parametrize("name", [n for n in SENDERS if n not in ("storyblok", "superdesk")])
def test_an_older_word_that_comes_later_is_not_the_last_one(desk, name):
    d = desk(name, retract_after="5m")
    now = time.time()
    assert d.say("publish", 1, "First", at=now - 90)[0] == 202
    d.await_posts("First")
    assert d.say("unpublish", 1, at=now - 30)[0] == 202
    assert d.say("update", 1, "Overtaken", at=now - 60)[1]["outcome"] == "stale"
    assert d.posts() == [t for t in d.posts() if "First" in t]
    article = d.crier.get("/v1/articles")["items"][0]
    assert article["title"] == "First"


def test_what_is_unpublished_for_a_moment_keeps_its_posts(desk, clock):
    d = desk("ghost", retract_after="2m")
    now = time.time()
    d.say("publish", 1, "Bridge closed", at=now - 60)
    d.await_posts("Bridge closed")
    status, body = d.say("unpublish", 1, at=now - 40)
    assert status == 202 and body["outcome"] == "withdrawn", body
    d.say("publish", 1, "Bridge closed, again", at=now - 20)
    d.await_posts("Bridge closed, again")
    clock.advance(d.crier, "3m")
    assert len(d.posts()) == 1
    d.say("unpublish", 1, at=now - 10)
    clock.advance(d.crier, "3m")
    d.await_posts()


def test_a_kill_does_not_wait(desk):
    d = desk("superdesk", retract_after="1h")
    d.say("publish", 1, at=time.time() - 60)
    d.await_posts("Bridge closed")
    d.say("unpublish", 1, at=time.time() - 30)
    d.await_posts()


def test_a_rewrite_is_the_same_article(desk):
    d = desk("superdesk")
    first = d.say("publish", 1, at=time.time() - 60)[1]
    d.await_posts("Bridge closed")
    path, headers, raw = d.sender.say("publish", 2, "Bridge closed, two hurt", at=time.time() - 30)
    body = json.loads(raw)
    body.update(evolvedfrom="urn:newsml:desk.example:1")
    raw = json.dumps(body).encode()
    status, second = d.send((path, {**headers, **d.sender.sign(raw, d.sender.secret, time.time())}, raw))
    assert status == 202 and second["id"] == first["id"] and second["revision"] == 2
    d.await_posts("Bridge closed, two hurt")


def test_several_things_in_one_call_are_all_taken(desk):
    d = desk("webflow")
    bodies = [json.loads(d.sender.say("publish", n, f"Story {n}")[2]) for n in (1, 2, 3)]
    items = [b["payload"]["items"][0] for b in bodies]
    items[1]["isDraft"] = True
    raw = json.dumps({"triggerType": "collection_item_published", "payload": {"items": items}}).encode()
    status, body = d.send(("", d.sender.sign(raw, d.sender.secret, time.time()), raw))
    assert status == 202 and [e["outcome"] for e in body["events"]] == ["new", "ignored", "new"]
    wait_for(lambda: len(d.posts()) == 2)
    assert len(d.crier.get("/v1/articles")["items"]) == 2


def test_what_is_none_of_our_business_is_said_and_left(desk):
    d = desk("strapi")
    for body, reason in (({"event": "trigger-test"}, "no article"),
                         ({"event": "media.create", "media": {"id": 1}}, "no article"),
                         ({"event": "entry.publish", "model": "product", "entry": {"id": 1, "publishedAt": "x"}}, "models"),
                         ({"event": "review-workflows.updateEntryStage", "model": "article", "entry": {"id": 1}}, "updateEntryStage")):
        status, answer, headers = d.crier.call("POST", "/hooks/cms", body, token=d.sender.secret)
        assert status == 202 and answer["outcome"] == "ignored" and reason in answer["reason"], answer
        assert headers["Content-Type"] == "application/json"
    assert d.crier.get("/v1/articles")["items"] == []


def test_a_signed_body_that_cannot_be_read_is_kept_for_the_operator(desk):
    d = desk("ghost")
    for n in range(25):
        raw = b'{"post": {"current": {"title": "cut %d' % n if n else b"\xff\xfe\x00"
        status, body = d.send(("/post.published", d.sender.sign(raw, d.sender.secret, time.time()), raw))
        assert status == 400 and "no JSON" in body["detail"]
    assert d.send(("/post.published", d.sender.sign(b"{", "another secret", time.time()), b"{"))[0] == 401
    def kept(last):
        rows = [r for r in d.crier.get("/v1/inbox?limit=100")["items"] if r["event"] == "unreadable"]
        return rows if len(rows) == 20 and (rows[-1].get("text") or rows[-1]["base64"]).endswith(last) else None
    rows = wait_for(lambda: kept("cut 24"))
    assert "no JSON" in rows[-1]["why"] and rows[-1]["source"] == "cms"
    d.crier.stop()
    d.crier.start()
    raw = b"\xff\xfe\x00"
    d.send(("/post.published", d.sender.sign(raw, d.sender.secret, time.time()), raw))
    assert wait_for(lambda: kept("//4A"))[0]["text"].endswith("cut 6")


def test_an_article_without_a_title_waits_but_its_other_mistakes_are_told_at_once(crier, platform):
    url = platform.page("thin", {"title": "From the page"})
    status, body, _ = crier.hook({"url": url, "sumary": "x"})
    assert status == 422 and "summary" in json.dumps(body["errors"]) and "sumary" in body["detail"], body
    status, body, _ = crier.hook({"event": "published", "article": {"id": 1}})
    assert status == 422 and [e["pointer"] for e in body["errors"]] == ["/url", "/title"], body
    status, body, _ = crier.hook({"event": "published", "article": {"url": url}})
    assert status == 202 and body["outcome"] == "waiting", body


def test_wordpress_com_posts_forms_with_a_token(desk):
    d = desk("wordpress", sender=WordPressCom)
    assert d.say("publish", 1, secret="another-secret")[0] == 401
    assert d.say("publish", 1, "Brücke & Tunnel", at=time.time() - 60)[1]["outcome"] == "new"
    d.await_posts("Brücke")
    assert d.say("publish", 1, "Bridge open", at=time.time() - 30)[1]["outcome"] == "revised"
    d.await_posts("Bridge open")


def test_tokens_come_in_every_way_and_are_never_logged(desk):
    d = desk("strapi")
    _, headers, raw = d.sender.say("publish", 1)
    secret, plain = d.sender.secret, {"Content-Type": "application/json"}
    ways = (("", {"Authorization": f"Bearer {secret}"}), (f"?token={secret}", {}), (f"/{secret}", {}))
    for path, more in ways:
        assert d.send((path, {**plain, **more}, raw))[0] == 202, path
    assert d.send((f"/{secret}x", plain, raw))[0] == 401
    assert d.send(("", plain, raw))[0] == 401
    d.await_posts("Bridge closed")
    assert secret not in d.crier.log()


def test_http_1_0_and_odd_content_types_are_taken(desk):
    d = desk("wp-webhooks")
    path, headers, raw = d.sender.say("publish", 1)
    lines = ["POST /hooks/cms HTTP/1.0", *(f"{k}: {v}" for k, v in headers.items()), f"Content-Length: {len(raw)}"]
    with attack.Wire(d.crier.port) as wire:
        wire.say("\r\n".join(lines).encode() + b"\r\n\r\n" + raw)
        assert wire.answer().status == 202
    path, headers, raw = d.sender.say("publish", 2, "Second")
    headers["Content-Type"] = "text/plain; charset=utf-8"
    status, _, body = exchange(d.crier.url, "POST", "/hooks/cms", raw, headers)
    assert status == 202, body
    wait_for(lambda: len(d.posts()) == 2)


def test_a_call_out_of_its_window_is_told_so(desk):
    d = desk("ghost")
    for at in (time.time() - 400, time.time() + 400):
        status, body = d.say("publish", 1, sent_at=at)
        assert status == 401 and "too old" in body["detail"]
    assert d.say("publish", 1, sent_at=time.time() - 200)[0] == 202


def test_settings_are_checked_with_clear_words(make_crier):
    crier = make_crier(start=False)
    for source, words in (
            ({"type": "strapi", "secret": "12345678"}, ("sources.cms", "`url` is missing")),
            ({"type": "strapi", "secret": "12345678", "url": "/{{slug}}"}, ("sources.cms.url", "https://")),
            ({"type": "ghost"}, ("sources.cms", "`secret` is missing")),
            ({"type": "ghost", "secret": "12345678", "signature": "hub"}, ("sources.cms.signature", "one of ghost, ghost-old, token")),
            ({"type": "json", "secret": "12345678", "map": {"titel": "/t"}}, ("sources.cms.map", "title")),
            ({"type": "drupal", "secret": "12345678"}, ("sources.cms.base", "https://news.example")),
            ({"type": "gohst", "secret": "12345678"}, ("sources.cms.type", "`ghost`"))):
        crier.settings["sources"] = {"cms": source}
        crier.write_settings()
        answer = crier.run("check")
        assert answer.returncode != 0
        for word in words:
            assert word in answer.stdout + answer.stderr, (source, answer.stdout + answer.stderr)
