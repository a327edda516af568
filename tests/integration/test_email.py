"""Mail through the real binary: what arrives is read by Python's own parser; a server of ours stalls,
lies and cuts at every point; whatever it does, no reader gets a mail twice unless a person says so."""

import base64
import concurrent.futures
import contextlib
import email.utils
import hashlib
import hmac
import html
import html.parser
import http.client
import json
import re
import sqlite3
import time

import mail_peer
import pytest
from harness import SLOW, free_port, small_article, wait_for
from marks import ONE_THREAD

DESK, NIGHT, READER = "desk@partner.example", "night@news.example", "Reader@Lists.example"
UNSUBSCRIBE_SECRET = "unsubscribe-secret-of-the-tests"
FULL = ("breaking-article", "arabic", "full-german", "full-japanese", "full-arabic", "flood", "no-image")


@pytest.fixture
def make_server():
    made = []

    def make(**more):
        made.append(mail_peer.MailServer(**more))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture
def mail_crier(make_crier, certificates):
    """mail_crier(server, **settings): an instance with a mail channel, and one beside it."""

    def make(server, start=True, **more):
        def change(settings):
            settings["channels"] = {
                "partner": settings["channels"]["partner"],
                "mail": {"type": "email", "server": f"127.0.0.1:{server.port}", "tls": "none", "allow_private": True,
                         "from": "Example News <news@news.example>", "to": [DESK, NIGHT, READER], **more}}
            settings["channels"]["mail"] = {k: v for k, v in settings["channels"]["mail"].items() if v is not None}
        return make_crier(change, {"SSL_CERT_FILE": str(certificates.authority)}, start)

    return make


@pytest.fixture
def crier(mail_crier, server):
    return mail_crier(server)


def await_mail(crier, article_id, state="done", **more):
    return crier.await_state(article_id, state, channel="mail", **more)[0]


def readers_of(server):
    """Who was sent what: {reader: number of whole messages}."""
    counts = {}
    for mail in server.mails:
        counts[mail.reader] = counts.get(mail.reader, 0) + 1
    return counts


def resolve(crier, delivery, outcome):
    status, body, _ = crier.call("POST", f"/v1/deliveries/{delivery['id']}/resolve", {"outcome": outcome})
    assert status == 200, body
    return body


# ---- what arrives ----

class Page(html.parser.HTMLParser):
    """The text of a page, its pictures and links."""

    def __init__(self, text):
        super().__init__()
        self.words, self.pictures, self.links, self.tags, self.attributes = [], [], [], [], {}
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.setdefault(tag, dict(attrs))
        if tag == "img":
            self.pictures.append(dict(attrs))
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data):
        self.words.append(data)


def insist_on_form(raw):
    """What every server on the way may rely on (RFC 5321 section 4.5.3, RFC 5322 section 2.1.1)."""
    assert raw.isascii() and b"\0" not in raw
    assert raw.count(b"\r") == raw.count(b"\n") == raw.count(b"\r\n")
    head = raw.split(b"\r\n\r\n")[0]
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert all(len(line) <= 76 or b" " not in line.strip() for line in head.split(b"\r\n"))


def squeezed(text):
    return " ".join(text.split())


def told(text):
    """What comes in, as a reader sees it: it may hold tags and entities."""
    return squeezed(html.unescape(re.sub(r"</?[a-z]+>", "", text)))


@pytest.mark.parametrize("name", FULL)
def test_a_story_arrives_as_it_is_in_any_script(crier, server, article, name):
    story = article(name)
    accepted = crier.send(story)
    done = await_mail(crier, accepted["id"])
    assert done["detail"] == "sent to 3 of 3"
    assert readers_of(server) == {DESK: 1, NIGHT: 1, READER: 1}
    for mail in server.mails:
        insist_on_form(mail.raw)
        assert not mail.message.defects
        assert mail["Subject"] == told(story["title"]) == squeezed(done["text"].split("\n")[0])
        assert mail["From"] == "Example News <news@news.example>" and mail["To"] == mail.reader
        assert mail["Content-Language"] == story.get("language", "en").replace("_", "-")
        plain, page = mail.part("plain"), Page(mail.part("html"))
        assert told(story["title"]) in squeezed(plain) and told(story["title"]) in page.text
        assert told(story["summary"]) in squeezed(plain) and told(story["summary"]) in page.text
        assert story["url"] in plain and any(link.startswith(story["url"]) for link in page.links)
        assert "utm_medium=social" in plain
        right_to_left = story.get("language", "en").startswith("ar")
        assert page.attributes["html"]["dir"] == ("rtl" if right_to_left else "ltr")
        if story.get("images"):
            picture, = page.pictures
            assert picture["src"] == story["images"][0]["url"]
            assert picture["alt"] == story["images"][0]["alt"]
            assert story["images"][0].get("credit", "") in page.text
        else:
            assert page.pictures == []


def test_the_page_can_be_read_by_everybody(crier, server, article):
    await_mail(crier, crier.send(article())["id"])
    text = server.mails[0].part("html")
    page = Page(text)
    assert page.attributes["html"]["lang"] == "en" and page.tags.count("h1") == 1
    assert 'name="color-scheme" content="light dark"' in text
    assert "background" not in text and "color:#" not in text  # neither is readable on the other's ground
    assert not {"script", "style", "link", "iframe", "form"} & set(page.tags)
    kinds = [part.get_content_type() for part in server.mails[0].message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]  # the best last


HOSTILE = [
    "Rain &lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp; \"wind\" 'gusts' &lt;img src=x onerror=y&gt;",
    "=?utf-8?q?not_encoded?= =?UTF-8?B?SGVsbG8=?=",
    ".\r\n.\r\nRCPT TO:<all@news.example>",
    "a\rb\nc\r\nBcc: all@news.example\r\n\r\nbody",
    "From me to you\n.hidden",
    "x" * 2000,
    "word " * 300,
    "👩‍🚒" * 100,
    "速報" * 300,
    "{{title}} {{{summary}}} {{#tags}}",
]


@pytest.mark.parametrize("title", HOSTILE)
def test_no_title_breaks_out_of_its_place(mail_crier, server, title):
    crier = mail_crier(server, to=DESK, list_id="List <list.news.example>")
    story = small_article(1, title=title, summary=title)
    await_mail(crier, crier.send(story)["id"])
    mail, = server.mails
    insist_on_form(mail.raw)
    assert not mail.message.defects and readers_of(server) == {DESK: 1}
    assert sorted(mail.message.keys()) == sorted(set(mail.message.keys())) and "Bcc" not in mail.message
    subject, page = mail["Subject"], Page(mail.part("html"))
    assert "script" not in page.tags and page.pictures == [] and len(subject) <= 200
    shown = squeezed(crier.article("small-1")["title"])
    assert subject == shown if len(shown) <= 200 else shown.startswith(subject.rstrip("…").rstrip())
    assert shown in squeezed(mail.part("plain")) and shown in page.text


def test_the_list_can_be_left_with_one_click(mail_crier, server, article):
    crier = mail_crier(server, list_id="Breaking news <breaking.news.example>", unsubscribe_mail="leave@news.example",
                       unsubscribe_url="https://news.example/u/{{token}}?who={{recipient}}&l={{channel}}",
                       unsubscribe_secret=UNSUBSCRIBE_SECRET, reply_to="Desk <desk@news.example>",
                       bounces="bounces@news.example")
    await_mail(crier, crier.send(article())["id"])
    links = set()
    for mail in server.mails:
        mac = hmac.new(UNSUBSCRIBE_SECRET.encode(), f"mail\n{mail.reader.lower()}".encode(), hashlib.sha256).digest()
        token = base64.urlsafe_b64encode(mac).decode().rstrip("=")
        link = f"https://news.example/u/{token}?who={mail.reader.lower().replace('@', '%40')}&l=mail"
        assert mail["List-Unsubscribe"] == f"<{link}>, <mailto:leave@news.example?subject=unsubscribe%20{token}>"
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["List-Id"] == "Breaking news <breaking.news.example>"
        assert mail["Auto-Submitted"] == "auto-generated" and mail["Precedence"] == "bulk"
        assert mail["Reply-To"] == "Desk <desk@news.example>" and mail.sender == "bounces@news.example"
        assert link in mail.part("plain") and link in Page(mail.part("html")).links
        links.add(link)
    assert len(links) == 3
    shown = crier.article("post-48211")
    assert UNSUBSCRIBE_SECRET not in crier.log() and not any(link in str(shown) for link in links)


def test_ids_and_times_are_the_deliverys(crier, server, article, clock):
    """The same at every attempt, another one for each reader."""
    server.fault("message", "451 4.7.1 in five minutes", times=3)
    sent_at = time.time()
    accepted = crier.send(article())
    await_mail(crier, accepted["id"], "again")
    clock.advance(crier, "6m")
    await_mail(crier, accepted["id"])
    assert readers_of(server) == {DESK: 2, NIGHT: 2, READER: 2}
    for reader in (DESK, NIGHT, READER):
        first, second = server.of(reader)
        assert first.raw == second.raw and not first.taken and second.taken
        assert abs(email.utils.parsedate_to_datetime(first["Date"]).timestamp() - sent_at) < 60
    assert len({m["Message-ID"] for m in server.mails}) == 3
    assert all(m["Message-ID"].endswith("@news.example>") for m in server.mails)


# ---- corrections, retractions ----

def test_a_correction_is_a_mail_in_the_thread_of_the_first(crier, server, article):
    accepted = crier.send(article())
    await_mail(crier, accepted["id"])
    first = {m.reader: m["Message-ID"] for m in server.mails}
    for number, title in ((2, "Three allies criticise ties"), (3, "Three allies condemn ties")):
        crier.send(article(title=title))
        assert await_mail(crier, accepted["id"], revision=number)["detail"] == "sent to 3 of 3"
        for mail in server.mails[-3:]:
            assert mail["Subject"] == f"Correction: {title}"
            assert mail["In-Reply-To"] == mail["References"] == first[mail.reader]
            assert mail["Message-ID"] not in first.values()
            assert "corrects our earlier message" in mail.part("plain")
    assert readers_of(server) == {DESK: 3, NIGHT: 3, READER: 3}
    link = {d["remote_id"] for d in crier.deliveries(accepted["id"], channel="mail")}
    assert link == {first[DESK]}


def test_a_correction_goes_to_those_who_have_the_first(crier, server, article):
    server.fault("rcpt", "550 5.1.1 no such user", reader=NIGHT)
    accepted = crier.send(article())
    await_mail(crier, accepted["id"])
    crier.send(article(title="Another title"))
    assert await_mail(crier, accepted["id"], revision=2)["detail"] == "sent to 2 of 2"
    assert readers_of(server) == {DESK: 2, READER: 2}


def test_a_retraction_says_that_it_cannot(crier, server, article):
    accepted = crier.send(article())
    await_mail(crier, accepted["id"])
    crier.retract(accepted["id"])
    refused = await_mail(crier, accepted["id"], "rejected", revision=2)
    assert "a mail cannot be taken back" in refused["detail"]
    assert len(server.mails) == 3


def test_a_retraction_is_told_where_the_settings_say_so(mail_crier, server, article):
    crier = mail_crier(server, retraction_notice=True)
    accepted = crier.send(article())
    await_mail(crier, accepted["id"])
    crier.retract(accepted["id"], "not true")
    await_mail(crier, accepted["id"], revision=2)
    for mail in server.mails[-3:]:
        assert mail["Subject"].startswith("Withdrawn: ") and mail["In-Reply-To"]
        assert "We have withdrawn this story" in mail.part("plain")
        assert Page(mail.part("html")).pictures == []
    assert len(server.mails) == 6


# ---- refusals ----

def test_an_address_that_is_gone_hurts_nobody_else(crier, server, article):
    server.fault("rcpt", "550-5.1.1 <night@news.example>:\n550 5.1.1 no such user", reader=NIGHT, times=-1)
    done = await_mail(crier, crier.send(article())["id"])
    assert readers_of(server) == {DESK: 1, READER: 1}
    assert "sent to 2 of 3; refused: night@news.example: 550 5.1.1 <night@news.example>: 5.1.1 no such user" in done["detail"]


def test_nobody_takes_it(crier, server, article):
    server.fault("rcpt", "550 5.1.1 no such user", times=-1)
    refused = await_mail(crier, crier.send(article())["id"], "rejected")
    assert "sent to 0 of 3" in refused["detail"] and server.mails == []
    server.rules.clear()
    status, _, _ = crier.call("POST", f"/v1/deliveries/{refused['id']}/replay")
    assert status == 200
    await_mail(crier, crier.article("post-48211")["id"])
    assert readers_of(server) == {DESK: 1, NIGHT: 1, READER: 1}


@pytest.mark.parametrize("stage,say", [("greeting", "554 5.7.1 your address is listed"), ("mail", "550 5.7.1 not yours"),
                                       ("rcpt", "554 5.7.1 Relay access denied"),
                                       ("message", "550 5.7.26 unauthenticated")])
def test_no_to_us_stops_the_channel_and_keeps_its_articles(crier, server, article, stage, say):
    server.fault(stage, say, times=-1)
    accepted = crier.send(article())
    blocked = await_mail(crier, accepted["id"], "blocked")
    assert say.split(" ", 2)[2] in blocked["detail"]
    assert crier.channel("mail")["health"] == "blocked"
    server.rules.clear()
    server.mails.clear()
    crier.call("POST", "/v1/channels/mail/resume")
    await_mail(crier, accepted["id"])
    assert readers_of(server) == {DESK: 1, NIGHT: 1, READER: 1}


def test_greylisting_is_waited_out_by_those_it_concerns(crier, server, article, clock):
    server.fault("rcpt", "450 4.7.1 come again in five minutes", reader=NIGHT)
    accepted = crier.send(article())
    later = await_mail(crier, accepted["id"], "again")
    assert "sent to 2 of 3; later: night@news.example: 450 4.7.1" in later["detail"]
    clock.advance(crier, "4m")
    time.sleep(0.5)
    assert readers_of(server) == {DESK: 1, READER: 1}
    clock.advance(crier, "2m")
    assert await_mail(crier, accepted["id"])["detail"] == "sent to 3 of 3"
    assert readers_of(server) == {DESK: 1, NIGHT: 1, READER: 1}


def test_what_most_have_is_done_when_the_rest_would_be_too_late(mail_crier, server, article):
    crier = mail_crier(server, not_after="4m")
    server.fault("rcpt", "450 4.7.1 come again in five minutes", reader=NIGHT)
    done = await_mail(crier, crier.send(article())["id"])
    assert "not tried again: sent to 2 of 3; later: night@news.example" in done["detail"]


def test_too_big_is_no_to_the_article(crier, server, article):
    server.fault("message", "552 5.3.4 message too big", times=-1)
    refused = await_mail(crier, crier.send(article())["id"], "rejected")
    assert "552 5.3.4 message too big (message)" in refused["detail"] and len(server.mails) == 1


# ---- cuts and stalls ----

@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "rcpt", "data"])
def test_cut_before_the_end_nobody_has_it_and_everybody_gets_it_once(crier, server, article, stage):
    server.fault(stage, "cut")
    done = await_mail(crier, crier.send(article())["id"])
    assert readers_of(server) == {DESK: 1, NIGHT: 1, READER: 1} and done["detail"] == "sent to 3 of 3"


def test_cut_behind_the_reply_is_no_matter(crier, server, article):
    server.fault("quit", "cut", times=-1)
    await_mail(crier, crier.send(article())["id"])
    assert readers_of(server) == {DESK: 1, NIGHT: 1, READER: 1}


@pytest.mark.parametrize("reader", [DESK, READER])
def test_cut_behind_the_final_dot_the_others_go_on_and_that_one_waits_for_a_person(crier, server, article, clock, reader):
    server.fault("message", "cut", reader=reader)
    accepted = crier.send(article())
    if reader == DESK:  # a pause, as the next connection may be lost like this one
        await_mail(crier, accepted["id"], "again")
        clock.advance(crier, "10s")
    held = await_mail(crier, accepted["id"], "unknown")
    assert f"sent to 2 of 3; in doubt: {reader.lower()}" in held["detail"]
    time.sleep(0.5)
    assert readers_of(server) == {DESK: 1, NIGHT: 1, READER: 1}
    resolve(crier, held, "posted")
    crier.send(article(title="A better headline"))
    await_mail(crier, accepted["id"], revision=2)
    assert readers_of(server) == {DESK: 2, NIGHT: 2, READER: 2}


def test_said_not_to_have_it_that_one_gets_it_and_nobody_else(crier, server, article):
    server.fault("message", "cut", reader=READER)
    held = await_mail(crier, crier.send(article())["id"], "unknown")
    assert resolve(crier, held, "absent")["state"] == "ready"
    assert await_mail(crier, "post-48211")["detail"] == "sent to 3 of 3"
    assert readers_of(server) == {DESK: 1, NIGHT: 1, READER: 2}
    first, second = server.of(READER)
    assert first.raw == second.raw  # a server that has both can tell


def test_on_unknown_retry_sends_to_that_one_again(mail_crier, server, article):
    crier = mail_crier(server, on_unknown="retry")
    server.fault("message", "cut", reader=READER)
    await_mail(crier, crier.send(article())["id"], seconds=40)
    assert readers_of(server) == {DESK: 1, NIGHT: 1, READER: 2}


def test_a_server_that_thinks_is_waited_for_and_holds_up_nobody(mail_crier, server, platform, article):
    crier = mail_crier(server, to=DESK)
    server.fault("message", "wait 3")
    began = time.monotonic()
    accepted = crier.send(article())
    assert server.stalled.is_set() is False
    crier.await_done(accepted["id"], channel="partner")
    for _ in range(20):
        assert crier.call("GET", "/readyz")[0] == 200
    assert time.monotonic() - began < 2.5 * (2 if SLOW else 1)
    await_mail(crier, accepted["id"])
    assert readers_of(server) == {DESK: 1}


@pytest.mark.parametrize("stage,state", [("message", "unknown"), ("data", "again")])
def test_a_stall_ends_with_the_timeout(mail_crier, server, article, stage, state):
    crier = mail_crier(server, to=DESK, timeout="1s")
    server.fault(stage, "stall", times=-1)
    await_mail(crier, crier.send(article())["id"], state)


def test_a_server_that_is_away_is_waited_for(mail_crier, make_server, article):
    port = free_port()
    server = make_server(port=port)
    crier = mail_crier(server)
    server.close()
    accepted = crier.send(article())
    again = await_mail(crier, accepted["id"], "again")
    assert "Failed to connect" in again["detail"]
    server = make_server(port=port)
    await_mail(crier, accepted["id"])
    assert readers_of(server) == {DESK: 1, NIGHT: 1, READER: 1}


# ---- crashes ----

def test_killed_in_the_middle_nobody_gets_it_twice_and_the_others_get_it(crier, server, article, clock):
    server.fault("message", "stall", reader=NIGHT)
    accepted = crier.send(article())
    assert server.stalled.wait(20)
    crier.kill()
    crier.start()
    clock.advance(crier, "15s")
    held = await_mail(crier, accepted["id"], "unknown", seconds=40)
    assert "sent to 2 of 3; in doubt: night@news.example" in held["detail"]
    assert readers_of(server) == {DESK: 1, NIGHT: 1, READER: 1}


@pytest.mark.parametrize("outcome,count", [("posted", 1), ("absent", 2)])
def test_killed_at_the_last_it_is_unknown(crier, server, article, outcome, count):
    server.fault("message", "stall", reader=READER)
    accepted = crier.send(article())
    assert server.stalled.wait(20)
    crier.kill()
    crier.start()
    held = await_mail(crier, accepted["id"], "unknown")
    resolve(crier, held, outcome)
    await_mail(crier, accepted["id"])
    assert readers_of(server) == {DESK: 1, NIGHT: 1, READER: count}


@pytest.mark.parametrize("stage,state", [("message", "unknown"), ("rcpt", "done")])
def test_stopped_while_a_mail_is_on_its_way(mail_crier, server, article, stage, state):
    crier = mail_crier(server, to=DESK)
    crier.settings["server"]["drain"] = "1s"
    crier.write_settings()
    crier.stop()
    crier.start()
    server.fault(stage, "stall")
    accepted = crier.send(article())
    assert server.stalled.wait(20)
    crier.stop()
    crier.start()
    await_mail(crier, accepted["id"], state)
    assert readers_of(server) == {DESK: 1}


def crash_once(crier, server, point):
    """The power goes out at that point; then everything goes on. Whether it did go out."""
    story = small_article(1)
    crier.environment["CRIER_FAULT"] = f"{point}:exit"
    fired = crier.start_or_end() is not None
    if not fired:
        with contextlib.suppress(OSError, AssertionError, http.client.HTTPException):
            crier.send(story)
        with contextlib.suppress(AssertionError):
            wait_for(lambda: crier.process.poll() is not None, 4)
        fired = crier.process.poll() is not None
        if not fired:
            crier.kill()
        crier.process = None
    del crier.environment["CRIER_FAULT"]
    crier.start()
    accepted = crier.send(story)
    crier.call("POST", "/test/clock", {"advance": "15s"}, check=False)
    ended = await_mail(crier, accepted["id"], ("done", "unknown"), seconds=40)
    crier.stop()
    counts = readers_of(server)
    assert set(counts.values()) == {1} and len(counts) >= (3 if ended["state"] == "done" else 2), (point, ended, counts)
    return fired, ended["state"]


@ONE_THREAD
def test_the_power_may_go_out_anywhere(mail_crier, make_server):
    """At every commit in turn: whoever has it has it once, and at most one reader is in doubt."""
    pairs = [(f"ledger.{at}:{n}", make_server()) for at in ("commit", "committed") for n in range(1, 15)]
    criers = [mail_crier(server, start=False) for _, server in pairs]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        ends = list(pool.map(lambda c, p: crash_once(c, p[1], p[0]), criers, pairs))
    assert sum(fired for fired, _ in ends) >= 10, ends  # several writes may share a commit
    assert {state for fired, state in ends if fired} == {"done", "unknown"}


# ---- TLS and login ----

def login(**more):
    return {"user": mail_peer.USER, "password": mail_peer.PASSWORD, "to": DESK, **more}


def test_starttls_and_a_login(mail_crier, make_server, certificates, article):
    server = make_server(tls=certificates.context("good"), wants_login=True)
    crier = mail_crier(server, **login(tls="starttls"))
    await_mail(crier, crier.send(article())["id"])
    mail, = server.mails
    assert mail.tls and mail.user == mail_peer.USER


def test_tls_from_the_first_byte(mail_crier, make_server, certificates, article):
    server = make_server(tls=certificates.context("good"), implicit=True, wants_login=True)
    crier = mail_crier(server, **login(tls="implicit"))
    await_mail(crier, crier.send(article())["id"])
    assert server.mails[0].tls and server.mails[0].user == mail_peer.USER


@pytest.mark.parametrize("offered", [True, False])
def test_tls_where_it_is_offered(mail_crier, make_server, certificates, article, offered):
    server = make_server(tls=certificates.context("good") if offered else None)
    crier = mail_crier(server, to=DESK, tls="opportunistic")
    await_mail(crier, crier.send(article())["id"])
    assert server.mails[0].tls is offered


@pytest.mark.parametrize("tls,certificate,said", [
    ("starttls", "expired", "certificate has expired"), ("starttls", "other", "no alternative certificate subject name"),
    ("implicit", "expired", "certificate has expired"), ("opportunistic", "other", "no alternative certificate subject name"),
    ("starttls", None, "STARTTLS not supported")])
def test_without_good_tls_nothing_is_said(mail_crier, make_server, certificates, article, tls, certificate, said):
    server = make_server(tls=certificates.context(certificate) if certificate else None, implicit=tls == "implicit",
                         wants_login=tls != "opportunistic")
    more = login(tls=tls) if tls != "opportunistic" else {"tls": tls, "to": DESK}
    crier = mail_crier(server, **more)
    again = await_mail(crier, crier.send(article())["id"], "again")
    assert said in again["detail"], again["detail"]
    assert server.mails == [] and not [line for line in server.lines if line.startswith(("MAIL", "AUTH"))]


def test_an_authority_that_nobody_knows(make_crier, make_server, certificates, article):
    server = make_server(tls=certificates.context("good"))

    def change(settings):
        settings["channels"] = {"mail": {"type": "email", "server": f"localhost:{server.port}", "allow_private": True,
                                         "from": "news@news.example", "to": DESK}}
    crier = make_crier(change)
    again = await_mail(crier, crier.send(article())["id"], "again")
    assert "certificate" in again["detail"] and server.mails == []


def test_a_wrong_password_stops_the_channel_and_is_told_to_nobody(mail_crier, make_server, certificates, article):
    server = make_server(tls=certificates.context("good"), wants_login=True)
    secret = "another-pass-word-0123"
    server.fault("auth", f"535 5.7.8 \"{secret}\" is not the password of news")
    crier = mail_crier(server, **login(tls="starttls", password=secret))
    accepted = crier.send(article())
    blocked = await_mail(crier, accepted["id"], "blocked")
    assert "535 5.7.8" in blocked["detail"] and "***" in blocked["detail"]
    crier.settings["channels"]["mail"]["password"] = mail_peer.PASSWORD
    crier.write_settings()
    assert crier.call("POST", "/v1/reload")[0] == 200
    await_mail(crier, accepted["id"])
    crier.stop()
    with sqlite3.connect(crier.folder / "crier.db") as ledger:
        dump = "\n".join(ledger.iterdump())
    ledger.close()
    for text in (crier.log(), dump):
        assert secret not in text and mail_peer.PASSWORD not in text


@pytest.fixture(params=["starttls", "implicit"])
def library(request, certificates):
    """A server of somebody else's, and how to reach it."""
    server = mail_peer.Aiosmtpd(certificates, implicit=request.param == "implicit")
    server.tls = request.param
    yield server
    server.close()


def test_a_server_of_somebody_elses_takes_our_login_and_our_mail(mail_crier, library, article):
    crier = mail_crier(library, **login(tls=library.tls, to=[DESK, NIGHT]))
    probe = crier.call("POST", "/v1/channels/mail/test", {"probe": True})[1]
    assert probe["verdict"] == "done", probe
    story = article("full-japanese")
    assert await_mail(crier, crier.send(story)["id"])["detail"] == "sent to 2 of 2"
    assert [(m.reader, m.tls, m.user) for m in library.inbox.mails] == [(DESK, True, "news"), (NIGHT, True, "news")]
    assert all(m["Subject"] == story["title"] for m in library.inbox.mails)


def test_a_server_of_somebody_elses_refuses_a_wrong_password(mail_crier, library, article):
    crier = mail_crier(library, **login(tls=library.tls, password="not-that-one-0123"))
    blocked = await_mail(crier, crier.send(article())["id"], "blocked")
    assert "535" in blocked["detail"] and library.inbox.mails == []


# ---- the rest ----

def test_the_probe_signs_in_and_sends_nothing(mail_crier, make_server, certificates):
    server = make_server(tls=certificates.context("good"), wants_login=True)
    crier = mail_crier(server, **login(tls="starttls"))
    probe = ("POST", "/v1/channels/mail/test", {"probe": True})
    assert crier.call(*probe)[1] == {"verdict": "done", "detail": "250 2.0.0 Ok (NOOP)"}
    server.fault("auth", "535 5.7.8 no")
    assert crier.call(*probe)[1] == {"verdict": "blocked", "detail": "535 5.7.8 no (AUTH)"}
    server.fault("greeting", "421 4.3.2 busy")
    assert crier.call(*probe)[1] == {"verdict": "again", "detail": "421 4.3.2 busy (greeting)"}
    server.close()
    assert crier.call(*probe)[1]["verdict"] == "again"
    assert server.mails == [] and not [line for line in server.lines if line.startswith("MAIL")]


def test_a_test_message_says_that_it_is_one(crier, server):
    status, body, _ = crier.call("POST", "/v1/channels/mail/test")
    assert status == 202, body
    wait_for(lambda: len(server.mails) == 3)
    assert all("Test message" in mail["Subject"] for mail in server.mails)


def test_private_addresses_are_closed_to_mail_too(mail_crier, server, article):
    crier = mail_crier(server, allow_private=False)
    again = await_mail(crier, crier.send(article())["id"], "again")
    assert "127.0.0.1 is a private address" in again["detail"] and server.lines == []


def test_preview_shows_the_mail_and_no_secret(mail_crier, server, article, tmp_path):
    crier = mail_crier(server, start=False, **login(unsubscribe_url="https://news.example/{{token}}",
                                                    unsubscribe_secret=UNSUBSCRIBE_SECRET))
    story = tmp_path / "story.json"
    story.write_text(json.dumps(article()))
    shown = crier.run("preview", str(story), "--channel", "mail")
    assert shown.returncode == 0, shown.stderr
    for word in (f"MAIL smtp://127.0.0.1:{server.port}/", "MAIL FROM: news@news.example", f"RCPT TO: {DESK}",
                 "List-Unsubscribe-Post: List-Unsubscribe=One-Click", "of 200 code points"):
        assert word in shown.stdout
    assert mail_peer.PASSWORD not in shown.stdout and UNSUBSCRIBE_SECRET not in shown.stdout


def test_a_hundred_readers(mail_crier, server, article):
    crier = mail_crier(server, to=[f"reader{n}@news.example" for n in range(100)])
    done = await_mail(crier, crier.send(article())["id"], seconds=60)
    assert done["detail"] == "sent to 100 of 100"
    assert set(readers_of(server).values()) == {1} and len(server.mails) == 100
