"""Tokens that live: signing in with `crier keys login`, renewal, a platform whose refresh tokens are good once,
crashes between an answer and its use. The platform is X as far as tokens and a post go."""

import http.server
import json
import re
import subprocess
import threading
import urllib.error
import urllib.request
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from fake.oauth import Authority, Refused
from harness import CRIER, free_port, small_article, wait_for

VAULT = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"


class Platform:
    """An authorisation server and the little of an API that a post takes, on a port of its own."""

    def __init__(self):
        self.authority = Authority("x", life_s=7200, pkce=True, given=())
        self.posts, self.lose, platform = [], 0, self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def say(self, status, body, **headers):
                raw = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(raw)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            def allowed(self):
                return platform.authority.accepts(self.headers.get("Authorization", "").removeprefix("Bearer "))

            def do_GET(self):
                url = urlsplit(self.path)
                if url.path == "/authorize":
                    self.say(302, {}, Location=platform.authority.code(dict(parse_qsl(url.query))))
                elif not self.allowed():
                    self.say(401, {"title": "Unauthorized", "status": 401})
                elif url.path.endswith("/tweets"):  # its own list, for a look after a crash
                    texts = [{"id": str(n), "text": text} for n, text in enumerate(platform.posts, 1)]
                    self.say(200, {"data": texts, "meta": {"result_count": len(texts)}} if texts else {"meta": {"result_count": 0}})
                else:
                    self.say(200, {"data": {"id": "42", "username": "examplenews", "name": "Example News"}})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.path != "/2/oauth2/token":
                    if not self.allowed():
                        self.say(401, {"title": "Unauthorized", "status": 401})
                        return
                    platform.posts.append(json.loads(body)["text"])
                    self.say(201, {"data": {"id": str(len(platform.posts)), "text": "as sent"}})
                    return
                try:
                    token = platform.authority.token(SimpleNamespace(headers=self.headers), dict(parse_qsl(body)))
                except Refused as refused:
                    self.say(refused.status, {"error": refused.error, "error_description": refused.about})
                    return
                if platform.lose:
                    platform.lose -= 1
                    self.close_connection = True
                    return
                self.say(200, token)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def x():
    platform = Platform()
    yield platform
    platform.close()


def settings_for(x, vault=True, **more):
    def change(settings):
        settings["channels"] = {"x": {
            "type": "x", "api": x.url, "authorize_page": x.url + "/authorize", "allow_private": True, "rate": "1000/s",
            "client_id": x.authority.client_id, "client_secret": x.authority.client_secret, "media": "never", **more}}
        if vault:
            settings["vault"] = {"key": VAULT}
    return change


class Login:
    """`crier keys login x` at work, and a browser."""

    def __init__(self, crier, *args):
        self.port = free_port()
        self.process = subprocess.Popen(
            [str(CRIER), "-c", str(crier.path), "keys", "login", "x", "--port", str(self.port), *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=crier.environment)
        self.said = ""
        while "registered" not in self.said:
            line = self.process.stdout.readline()
            assert line, self.said + self.process.stderr.read()
            self.said += line
        self.link = re.search(r"https?://\S+/authorize\S+", self.said)[0]

    def browse(self, link=None):
        """The page that the browser ends at: (status, text)."""
        try:
            with urllib.request.urlopen(link or self.link, timeout=30) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def callback(self, **query):
        return self.browse(f"http://127.0.0.1:{self.port}/callback?{urlencode(query)}")

    def end(self, text=None):
        """(exit code, all it said)."""
        out, err = self.process.communicate(text, timeout=60)
        return self.process.returncode, self.said + out + err


def insist_on_no_token(x, *texts):
    tokens = [*x.authority.access, *x.authority.refreshing, *x.authority.used, x.authority.client_secret]
    for text in texts:
        for token in tokens:
            assert token not in text, text[:2000]


def credentials(crier):
    return crier.channel("x")["credentials"]


# ---- signing in ----

def test_a_sign_in_before_the_first_start_is_kept_and_used(make_crier, x):
    crier = make_crier(settings_for(x), start=False)
    login = Login(crier)
    assert parse_qsl(urlsplit(login.link).query)[-1] == ("code_challenge_method", "S256")
    status, page = login.browse()
    assert status == 200 and "Signed in" in page, page
    code, said = login.end()
    assert code == 0 and "signed in as @examplenews" in said and "renewed by itself" in said, said
    shown = crier.run("keys", "show")
    assert "@examplenews" in shown.stdout and "next in 96 minutes" in shown.stdout.replace("1 hour", "96 minutes"), shown
    crier.start()
    crier.await_done(crier.send(small_article(1))["id"])
    assert len(x.posts) == 1
    assert credentials(crier)["state"] == "renewed" and credentials(crier)["who"] == "@examplenews"
    ledger = (crier.folder / "crier.db").read_bytes().decode("latin-1")
    insist_on_no_token(x, said, page, shown.stdout, crier.log(), ledger, json.dumps(crier.get("/v1/channels")))


def test_a_sign_in_mends_the_running_service(make_crier, x):
    crier = make_crier(settings_for(x))
    sent = crier.send(small_article(1))
    crier.await_state(sent["id"], "blocked")
    assert "crier keys login x" in crier.channel("x")["blocked_why"]
    status = crier.run("status")
    assert "there is no token: run `crier keys login x`" in status.stdout, status.stdout
    login = Login(crier)
    assert login.browse()[0] == 200
    assert login.end()[0] == 0
    crier.await_done(sent["id"])
    assert not credentials(crier)["needs_attention"]
    assert crier.run("keys", "forget", "x").returncode == 0
    assert credentials(crier)["state"] == "none"
    metrics = crier.get("/metrics")
    assert 'crier_credential_needs_attention{channel="x"} 1' in metrics


def test_a_sign_in_by_pasting(make_crier, x):
    crier = make_crier(settings_for(x), start=False)
    login = Login(crier, "--paste", "--redirect", "https://tunnel.example/back")
    query = dict(parse_qsl(urlsplit(login.link).query))
    assert query["redirect_uri"] == "https://tunnel.example/back"
    code, said = login.end(x.authority.code(query) + "#_=_\n")
    assert code == 0 and "signed in as @examplenews" in said, said


def test_what_goes_wrong_with_a_sign_in_is_said(make_crier, x):
    crier = make_crier(settings_for(x), start=False)
    login = Login(crier)
    assert login.browse(f"http://127.0.0.1:{login.port}/favicon.ico")[0] == 404
    status, page = login.callback(state="another", code="c")
    assert status == 400 and "another sign-in" in page
    code, said = login.end()
    assert code == 1 and "start again" in said
    login = Login(crier)
    state = dict(parse_qsl(urlsplit(login.link).query))["state"]
    login.callback(state=state, error="access_denied", error_description="<b>The user said no</b>")
    code, said = login.end()
    assert code == 1 and "the platform's page said no: access_denied" in said
    login = Login(crier)
    busy = crier.run("keys", "login", "x", "--port", str(login.port))
    assert busy.returncode == 1 and "is in use" in busy.stderr, busy
    x.authority.refuse = "invalid_client"
    assert login.browse()[0] == 400
    code, said = login.end()
    assert code == 1 and "refuses the app" in said
    assert "no channel \"y\"" in crier.run("keys", "login", "y").stderr


@pytest.mark.parametrize("change, told", [
    ({"client_id": None, "client_secret": None}, "channels.x.client_id is not set: `crier channels x`"),
    ({"vault": False}, "crier keys vault > /etc/crier/vault.key"),
])
def test_what_a_sign_in_needs_is_asked_for(make_crier, x, change, told):
    def settings(all_settings):
        settings_for(x, vault=change.get("vault", True), **({} if "vault" in change else {"access_token": "a-token"}))(all_settings)
        for name in set(change) - {"vault"}:
            del all_settings["channels"]["x"][name]
    crier = make_crier(settings, start=False)
    refused = crier.run("keys", "login", "x")
    assert refused.returncode == 1 and told in refused.stderr, refused
    if "vault" in change:
        assert "note: channels.x: it has no token" in crier.run("check").stdout


# ---- renewal ----

def signed_in(make_crier, x, **more):
    token = x.authority.give()
    change = settings_for(x, access_token=token["access_token"], refresh_token=token["refresh_token"], **more)
    return make_crier(change, start=False)


def restart(crier, fault=None):
    crier.environment.pop("CRIER_FAULT", None)
    if fault:
        crier.environment["CRIER_FAULT"] = fault
    return crier.start()


def renewals(x, count):
    wait_for(lambda: x.authority.renewals == count, 10, what=f"{count} renewals, not {x.authority.renewals}")


def test_a_refused_token_is_renewed_once_and_the_new_one_survives_a_restart(make_crier, x, clock):
    crier = signed_in(make_crier, x).start()
    x.authority.expire()
    ids = [crier.send(small_article(n))["id"] for n in range(10)]
    for article in ids:
        crier.await_done(article)
    assert len(x.posts) == 10 and x.authority.renewals == 1
    crier.stop()
    crier.start()
    crier.await_done(crier.send(small_article(20))["id"])
    assert x.authority.renewals == 1
    clock.advance(crier, "100m")
    renewals(x, 2)
    assert x.authority.reused == 0
    wait_for(lambda: 'crier_credential_renewals_total{channel="x",outcome="ok"} 1' in crier.get("/metrics"), 10)
    insist_on_no_token(x, crier.log())


@pytest.mark.parametrize("point, sloppy, ends", [
    ("keeper.stored", False, "done"),  # written: the new one is used
    ("keeper.answered", True, "done"),  # not written, and the platform takes the old one once more
    ("keeper.answered", False, "revoked"),
])
def test_a_crash_between_the_answer_and_its_use(make_crier, x, point, sloppy, ends):
    crier = signed_in(make_crier, x)
    x.authority.sloppy = sloppy
    x.authority.expire()
    restart(crier, fault=f"{point}:1:exit")
    sent = crier.send(small_article(1))
    wait_for(lambda: crier.process.poll() is not None, 10, what="the crash")
    crier.process = None
    assert x.posts == []
    restart(crier)
    if ends == "done":
        crier.await_done(sent["id"])
        assert len(x.posts) == 1
        assert x.authority.reused == 0
    else:
        wait_for(lambda: crier.channel("x")["blocked"], 10)
        assert "crier keys login x" in crier.channel("x")["blocked_why"]
        assert credentials(crier)["state"] == "revoked"
        assert x.posts == [] and x.authority.reused == 1


def test_another_vault_key_is_told_and_the_old_one_rotates(make_crier, x):
    crier = signed_in(make_crier, x).start()
    x.authority.expire()
    crier.await_done(crier.send(small_article(1))["id"])
    crier.stop()
    crier.settings["vault"] = {"key": "f" * 64}
    crier.write_settings()
    crier.start()
    assert "mend vault.key" in credentials(crier)["text"]
    crier.stop()
    crier.settings["vault"] = {"key": "f" * 64, "old_key": VAULT}
    crier.write_settings()
    crier.start()
    assert credentials(crier)["state"] == "renewed"
    crier.stop()
    crier.settings["vault"] = {"key": "f" * 64}  # it was written anew
    crier.write_settings()
    crier.start()
    assert credentials(crier)["state"] == "renewed"
    crier.await_done(crier.send(small_article(2))["id"])
    assert x.authority.renewals == 1
