"""Notifications to apps: a real crier, a push service on HTTP/2 in the place of Firebase, Apple and Huawei, and one that
gives out access tokens, which looks at what was signed with a library that is not ours."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from harness import TOP, small_article, wait_for
from push_readers import sink, sink_program  # noqa: F401 (fixtures)

KEYS = TOP / "tests" / "fixtures" / "keys"
FIREBASE = "/v1/projects/example-news/messages:send"
HUAWEI = "/v1/100000001/messages:send"
TAKEN = 'body={"name":"projects/example-news/messages/1"}'


def part(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims_of(token, verify):
    head, claims, signature = token.split(".")
    verify(part(signature), f"{head}.{claims}".encode())
    return json.loads(part(head)), json.loads(part(claims))


class Tokens:
    """Where access tokens are got: Google's, for what a service account signed; Huawei's, for a client's secret."""

    def __init__(self):
        account = json.loads((KEYS / "service_account.json").read_text())
        self.account, self.given, self.refused = account, [], []
        self.key = serialization.load_pem_private_key(account["private_key"].encode(), None).public_key()
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                status, body = tokens.answer(self.path, {name: value[0] for name, value in form.items()})
                body = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        account["token_uri"] = f"{self.url}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path, form):
        try:
            assert {"/token": self.google, "/oauth2/v3/token": self.huawei}[path](form)
        except Exception as error:
            self.refused.append(repr(error))
            return 400, {"error": "invalid_grant"}
        self.given.append(f"given-token-{len(self.given) + 1}")
        return 200, {"access_token": self.given[-1], "expires_in": 3599, "token_type": "Bearer"}

    def google(self, form):
        head, claims = claims_of(form["assertion"],
                                 lambda signature, text: self.key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256()))
        return (form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer" and head["alg"] == "RS256" and
                head["kid"] == self.account["private_key_id"] and claims["iss"] == self.account["client_email"] and
                claims["aud"] == self.account["token_uri"] and claims["exp"] - claims["iat"] == 3600 and
                claims["iat"] <= time.time() < claims["exp"] and
                claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging")

    def huawei(self, form):
        return form == {"grant_type": "client_credentials", "client_id": "100000001", "client_secret": "huawei-app-secret"}


@pytest.fixture(scope="module")
def tokens_program():
    tokens = Tokens()
    yield tokens
    tokens.server.shutdown()


@pytest.fixture
def tokens(tokens_program):
    tokens_program.given.clear()
    return tokens_program


def messages(sink):
    """Of this test, in their order, the body as JSON."""
    return [{**m, "json": json.loads(m["body"])} for m in sink.messages()[sink.seen:]]


@pytest.fixture
def make_app(make_crier, sink, tmp_path):
    def make(kind, addresses=(), **own):
        def change(settings):
            settings["channels"] = {"app": {"type": kind, "api": sink.url, "allow_private": True, "picture": "none", **own}}
        crier = make_crier(change, {"SSL_CERT_FILE": sink.ca})
        if addresses:
            path = tmp_path / "tokens.ndjson"
            path.write_text("".join(json.dumps({"address": address, "opted_in_at": "2026-01-01T00:00:00Z", "source": "app"}) + "\n"
                                    for address in addresses))
            answer = crier.run("members", "app", "import", str(path))
            assert answer.returncode == 0, answer.stderr
        return crier
    return make


def account(tokens):
    return json.dumps(tokens.account)


def delivered(crier, accepted, count=1):
    """All of its deliveries, while time goes by."""
    def look():
        deliveries = crier.deliveries(accepted["id"], channel="app")
        if [d["state"] for d in deliveries] == ["done"] * count:
            return deliveries
        crier.call("POST", "/test/clock", {"advance": "5s"}, check=False)
        return None
    return wait_for(look, 30, every=0.1)


def member_states(crier):
    return crier.get("/v1/channels/app/members?limit=1")["counts"]


def firebase_tokens(count):
    return [f"app{i:04}:APA91bExampleOfATokenForTheTests" for i in range(count)]


def test_firebase_gets_one_message_for_each_token(make_app, sink, tokens):
    crier = make_app("fcm", firebase_tokens(50), service_account=account(tokens), taken_back="Withdrawn.")
    sink.do(f"rule path={FIREBASE} first=1 status=401", f"rule path={FIREBASE} status=200 {TAKEN}")
    accepted = crier.send(small_article(1, title="A dam has broken"))
    delivered(crier, accepted)
    assert len(tokens.given) == 2 and not tokens.refused  # one was not taken, and so there is another
    good = [m for m in messages(sink) if m["status"] == 200]
    assert sorted(m["json"]["message"]["token"] for m in good) == firebase_tokens(50)
    assert f"Bearer {tokens.given[1]}" in {m["headers"]["authorization"] for m in good}
    message = good[0]["json"]["message"]
    assert message["notification"]["title"] == "A dam has broken"
    tags = {message["android"]["collapseKey"], message["android"]["notification"]["tag"],
            message["apns"]["headers"]["apns-collapse-id"], message["webpush"]["headers"]["Topic"]}
    assert len(tags) == 1
    sink.do("rules clear", f"rule path={FIREBASE} first=1 status=404 body=" + json.dumps({"error": {"code": 404, "details": [
        {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "UNREGISTERED"}]}}),
            f"rule path={FIREBASE} status=200 {TAKEN}")
    crier.call("DELETE", f"/v1/articles/{accepted['id']}")
    delivered(crier, accepted, 2)
    taken_back = messages(sink)[-1]["json"]["message"]
    assert taken_back["notification"] == {"title": "Example News", "body": "Withdrawn."}
    assert {taken_back["android"]["notification"]["tag"]} == tags and taken_back["data"]["retracted"] == "true"
    wait_for(lambda: member_states(crier)["gone"] == 1)
    crier.stop()
    assert "PRIVATE KEY" not in crier.log() and tokens.given[1] not in crier.log() and firebase_tokens(1)[0] not in crier.log()


def test_a_token_that_ends_in_the_middle_of_a_wave_is_renewed_and_nobody_has_it_twice(make_app, sink, tokens):
    crier = make_app("fcm", firebase_tokens(1200), service_account=account(tokens), rate="2000/s")
    sink.do(f"rule path={FIREBASE} status=200 {TAKEN}", "rtt 20")
    accepted = crier.send(small_article(1))
    sink.wait_for(200)
    sink.do("rules clear", f"rule path={FIREBASE} first=5 status=401", f"rule path={FIREBASE} status=200 {TAKEN}")
    delivery, = delivered(crier, accepted)
    assert len(tokens.given) == 2 and delivery["wave"]["accepted"] == 1200 and delivery["wave"]["refused"] == 0
    by_status = {status: [m for m in messages(sink) if m["status"] == status] for status in (200, 401)}
    assert sorted(m["json"]["message"]["token"] for m in by_status[200]) == firebase_tokens(1200)
    assert len(by_status[401]) == 5 and by_status[200][-1]["headers"]["authorization"] == f"Bearer {tokens.given[1]}"


def test_apples_token_is_one_for_all_also_after_a_crash(make_app, sink, tmp_path):
    devices = [f"{i:064x}" for i in range(1, 41)]
    crier = make_app("apns", devices, key=(KEYS / "apns.p8").read_text(), key_id="ABC123DEFG", team_id="DEF123GHIJ",
                     bundle_id="example.news.app")
    left, back = ({"reason": "Unregistered", "timestamp": at} for at in (1767225600000, 1767225600000 - 1))  # consent: between
    sink.do(f"rule path=/3/device/{devices[3]} status=410 body={json.dumps(left)}",
            f"rule path=/3/device/{devices[4]} status=410 body={json.dumps(back)}",
            f"rule path=/3/device/{'0' * 64} status=400 body=" + json.dumps({"reason": "BadDeviceToken"}), "rule path=* status=200",
            "streams 1", "then 100 1")  # one at a time, until Apple has seen who we are
    delivered(crier, crier.send(small_article(1)))
    first = messages(sink)
    assert sorted(m["path"] for m in first) == [f"/3/device/{d}" for d in devices]
    assert all(m["headers"]["apns-topic"] == "example.news.app" and m["headers"]["apns-push-type"] == "alert" for m in first)
    used = {m["headers"]["authorization"] for m in first}
    assert len(used) == 1
    key = serialization.load_pem_private_key((KEYS / "apns.p8").read_bytes(), None).public_key()

    def verify(signature, text):
        both = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        key.verify(encode_dss_signature(*both), text, ec.ECDSA(hashes.SHA256()))

    head, claims = claims_of(next(iter(used)).removeprefix("bearer "), verify)
    assert head["kid"] == "ABC123DEFG" and claims["iss"] == "DEF123GHIJ" and 300 <= time.time() - claims["iat"] < 45 * 60
    assert member_states(crier)["gone"] == 1  # the other one was handed in after that
    article = tmp_path / "article.json"
    article.write_text(json.dumps(small_article(3)))
    shown = crier.run("preview", str(article))
    assert "bearer ***" in shown.stdout and "eyJ" not in shown.stdout, shown.stdout + shown.stderr
    crier.kill()
    crier.start()
    delivered(crier, crier.send(small_article(2)))
    assert {m["headers"]["authorization"] for m in messages(sink)} == used
    assert len(messages(sink)) == 79
    status, told = crier.call("POST", "/v1/channels/app/test", {"probe": True})[:2]
    assert status == 200 and "example.news.app" in json.dumps(told)


def test_huawei_gets_a_thousand_at_a_time_and_names_whom_it_does_not_know(make_app, sink, tokens):
    readers = [f"IQAAAACy-of-a-telephone-{i:05}" for i in range(2500)]
    crier = make_app("huawei", readers, client_id="100000001", client_secret="huawei-app-secret", login_url=tokens.url)
    strangers = [f"IQAAAACy-of-a-telephone-{i:05}" for i in range(0, 2500, 125)]
    some = {"code": "80100000", "msg": json.dumps({"success": 1, "failure": 1, "illegal_tokens": strangers}), "requestId": "1"}
    sink.do(f"rule path={HUAWEI} status=200 body=" + json.dumps(some))
    delivered(crier, crier.send(small_article(1)))
    sent = [m["json"]["message"]["token"] for m in messages(sink)]
    assert sorted(token for request in sent for token in request) == readers and max(map(len, sent)) <= 1000
    assert len(sent) <= 6  # of lanes that share a batch
    assert {m["headers"]["authorization"] for m in messages(sink)} == {f"Bearer {tokens.given[0]}"}
    assert member_states(crier)["gone"] + member_states(crier).get("quarantined", 0) == len(strangers)


def test_a_topic_gets_one_message_and_a_second_where_nobody_knows(make_app, sink, tokens):
    crier = make_app("fcm_topic", service_account=account(tokens), topic="news-{{language}}", topics={"Sports": "sports"})
    sink.do(f"rule path={FIREBASE} first=1 close", f"rule path={FIREBASE} status=200 {TAKEN}")
    accepted = crier.send(small_article(1, language="en", categories=["World"]))
    wait_for(lambda: len(messages(sink)) == 1)
    delivery, = delivered(crier, accepted)
    assert [m["json"]["message"]["topic"] for m in messages(sink)] == ["news-en"] * 2
    assert delivery["remote_id"] == "1" and len(tokens.given) == 1
