"""Mail through the real binary to a real mail server: OpenSMTPD, which takes it and delivers it to
inboxes. What our own server in test_email.py says is our idea of mail servers; this is somebody else's. (TLS
and logins: see the tests of aiosmtpd in test_email.py.)"""

import mail_peer
import pytest
from harness import small_article, wait_for

DESK, NIGHT, READER = mail_peer.OpenSmtpd.READERS
UNKNOWN = "nobody.there@news.example"


@pytest.fixture
def smtpd(tmp_path, certificates):
    folder = tmp_path / "opensmtpd"
    folder.mkdir()
    server = mail_peer.OpenSmtpd(folder, certificates)
    yield server
    server.close()


@pytest.fixture
def mail_crier(make_crier, smtpd, certificates):
    """mail_crier(port, **settings): an instance whose only channel is mail."""

    def make(port, **more):
        def change(settings):
            settings["channels"] = {"mail": {"type": "email", "server": f"localhost:{port}", "allow_private": True,
                                             "from": "Example News <news@news.example>", "to": [DESK, NIGHT], **more}}
        return make_crier(change, {"SSL_CERT_FILE": str(certificates.authority)})

    return make


def await_delivered(smtpd, reader, count=1):
    return wait_for(lambda: len(smtpd.delivered(reader)) >= count and smtpd.delivered(reader), what=f"mail at {reader}")


def end_of(crier, article_id, state="done", **more):
    return crier.await_state(article_id, state, channel="mail", **more)[0]


def test_a_story_reaches_the_inboxes(mail_crier, smtpd, article):
    crier = mail_crier(smtpd.plain, tls="none", unsubscribe_url="https://news.example/u/{{token}}",
                       unsubscribe_secret="unsubscribe-secret-of-the-tests", list_id="breaking.news.example")
    for name, language in (("breaking-article", "en"), ("full-japanese", "ja"), ("full-arabic", "ar")):
        story = article(name, id=name, url=f"https://news.example/{name}")
        done = end_of(crier, crier.send(story)["id"])
        assert done["detail"] == "sent to 2 of 2"
    for reader in (DESK, NIGHT):
        mails = {m["Subject"]: m for m in await_delivered(smtpd, reader, 3)}
        assert len(mails) == 3
        for m in mails.values():
            assert not m.defects and m["To"] == reader and m["From"] == "Example News <news@news.example>"
            assert m["List-Unsubscribe"].startswith("<https://news.example/u/")
            assert "by " in m["Received"] and m["Return-Path"] in (None, "<news@news.example>", "news@news.example")
            assert m["Subject"] in " ".join(m.get_body(("plain",)).get_content().split())
    assert done["remote_id"] in {m["Message-ID"] for m in smtpd.delivered(DESK)}


def test_a_correction_is_threaded(mail_crier, smtpd):
    crier = mail_crier(smtpd.plain, tls="none")
    accepted = crier.send(small_article(1))
    end_of(crier, accepted["id"])
    crier.send(small_article(1, title="Small story, put right"))
    end_of(crier, accepted["id"], revision=2)
    first, second = sorted(await_delivered(smtpd, DESK, 2), key=lambda m: m["Subject"] != "Small story number 1")
    assert second["Subject"] == "Correction: Small story, put right"
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]


def test_a_reader_that_it_does_not_know(mail_crier, smtpd):
    crier = mail_crier(smtpd.plain, tls="none", to=[UNKNOWN, DESK])
    done = end_of(crier, crier.send(small_article(1))["id"])
    assert f"sent to 1 of 2; refused: {UNKNOWN}: 524 5.2.4" in done["detail"]
    await_delivered(smtpd, DESK)


def test_a_domain_that_it_does_not_serve(mail_crier, smtpd):
    crier = mail_crier(smtpd.plain, tls="none", to="someone@elsewhere.example")
    refused = end_of(crier, crier.send(small_article(1))["id"], "rejected")
    assert "550 Invalid recipient" in refused["detail"]


def test_tls_is_wanted_and_we_have_none(mail_crier, smtpd):
    crier = mail_crier(smtpd.wants_tls, tls="none")
    blocked = end_of(crier, crier.send(small_article(1))["id"], "blocked")
    assert "530 5.5.1" in blocked["detail"] and "STARTTLS" in blocked["detail"]


def test_tls_is_wanted_and_it_has_none(mail_crier, smtpd):
    crier = mail_crier(smtpd.plain, tls="starttls")
    again = end_of(crier, crier.send(small_article(1))["id"], "again")
    assert "STARTTLS not supported" in again["detail"]


def test_larger_than_it_takes(mail_crier, smtpd):
    crier = mail_crier(smtpd.plain, tls="none", text="{{title}}\n{{body_text}}\n")
    refused = end_of(crier, crier.send(small_article(1, body="<p>" + "many words " * 5000 + "</p>"))["id"], "rejected")
    assert "552" in refused["detail"] or "5.3.4" in refused["detail"], refused["detail"]


def test_away_for_a_while(mail_crier, smtpd):
    crier = mail_crier(smtpd.plain, tls="none")
    smtpd.stop()
    accepted = crier.send(small_article(1))
    end_of(crier, accepted["id"], "again")
    smtpd.start()
    end_of(crier, accepted["id"])
    assert len(await_delivered(smtpd, DESK)) == len(await_delivered(smtpd, NIGHT)) == 1
