"""The real binary, the fake platforms, and helpers to talk to both. Used by conftest.py."""

import contextlib
import fcntl
import hashlib
import hmac
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import openapi
import yaml

TOP = Path(__file__).resolve().parents[2]
CRIER = Path(os.environ.get("CRIER", TOP / "build" / "asan" / "crier")).resolve()
ARTICLES = TOP / "tests" / "fixtures" / "articles"
TOKEN = "integration-token-0123456789abcdef"
CMS_SECRET = "integration-secret-of-the-cms"
AGENCY_SECRET = "whsec_aW50ZWdyYXRpb24tYWdlbmN5LXNlY3JldC0wMQ=="
PARTNER_SECRET = "whsec_aW50ZWdyYXRpb24tcGFydG5lci1zZWNyZXQ="
DISCORD_HOOK = "/api/webhooks/223456789012345678/integration-discord-webhook-token"
WHATSAPP_SECRET = "integration-whatsapp-app-secret"
SLACK_HOOK = "/services/T0123456789/B0123456789/integrationSlackHookSecret"
META_TOKEN = {"access_token": "given-token"}
SANITIZERS = ("ERROR: AddressSanitizer", "LeakSanitizer", "runtime error:", "ThreadSanitizer")
SLOW = "tsan" in str(CRIER) or "asan" in str(CRIER)
TSAN = "tsan" in str(CRIER)
ENDED = ("done", "rejected", "expired", "cancelled")


def within(grown_kib, limit_kib):
    """Memory grew by less; the thread sanitizer has shadows of its own for it, so there it says nothing."""
    return TSAN or grown_kib < limit_kib


def wait_for(look, seconds=20, every=0.03, what=None):
    """The first true answer of look(); an AssertionError that shows the last one otherwise."""
    until, last = time.monotonic() + seconds * (3 if SLOW else 1), None
    while time.monotonic() < until:
        last = look()
        if last:
            return last
        time.sleep(every)
    raise AssertionError(f"waited {seconds} s for {what or look}; last: {last!r}")


def own_ports():
    """Ports below those that the kernel gives to whoever connects, other ones in each process that tests, of
    this checkout or another: so nobody takes one between free_port() and its use, or while a service is down
    for a moment. The lock lasts as long as the process."""
    for first in range(20000, 32000, 500):
        with contextlib.suppress(OSError):
            lock = open(Path(tempfile.gettempdir()) / f"crier-test-ports-{first}", "w")  # noqa: SIM115
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield from itertools.cycle(range(first, first + 500))
    raise AssertionError("all ports are in use by other tests")


PORTS = own_ports()


def free_port():
    for port in PORTS:
        with socket.socket() as s, contextlib.suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


def exchange(url, method, path, body=None, headers=None, timeout=60):
    """One HTTP exchange, as it is: (status, headers, bytes). The url may be unix:PATH."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "localhost", parts.port, timeout=timeout)
    if parts.scheme == "unix":
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(timeout)
    try:
        if parts.scheme == "unix":
            connection.sock.connect(parts.path)
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def sign_hub(secret, body):
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def sign_standard(secret, body, message_id, at=None):
    import base64
    at = str(int(at if at is not None else time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": message_id, "webhook-timestamp": at,
            "webhook-signature": "v1," + base64.b64encode(mac).decode()}


class Platform:
    """The fake platforms, one process; options as it takes them."""

    def __init__(self, *options, stderr=None):
        self.process = subprocess.Popen(
            [sys.executable, str(TOP / "tests/support/fake_platform.py"), "--leash", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True)
        about = json.loads(self.process.stdout.readline())
        self.url, self.faces = about["url"], about["faces"]

    def control(self, name, /, **body):
        status, _, raw = exchange(self.url, "POST", f"/_control/{name}", json.dumps(body).encode())
        assert status == 200, raw
        return json.loads(raw)

    def fault(self, prefix, kind, **more):
        return self.control("fault", prefix=prefix, kind=kind, **more)["fault"]

    def no_faults(self):
        exchange(self.url, "DELETE", "/_control/faults")

    def faults(self):
        return json.loads(exchange(self.url, "GET", "/_control/faults")[2])

    def truth(self):
        return json.loads(exchange(self.url, "GET", "/_truth")[2])

    def news(self, since):
        return json.loads(exchange(self.url, "GET", f"/_news?since={since}")[2])

    def posts(self, platform=None, standing=True):
        return [p for p in self.truth()["posts"]
                if platform in (None, p["platform"]) and (p["stands"] or not standing)]

    def requests(self, prefix):
        return [r for r in self.truth()["requests"] if r["path"].startswith(prefix)]

    def page(self, path, *answers):
        """What the newsroom's site says at a path (fake/site.py); its address."""
        self.control("site", path=path, answers=list(answers) or [{}])
        return self.page_url(path)

    def page_url(self, path):
        return f"{self.faces['site']}/site/{path}"

    def picture(self, name="1600x840.jpg"):
        return f"{self.faces['img']}/img/{name}"

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(20) == 0


class Events:
    """GET /v1/events, read on a thread of its own."""

    def __init__(self, crier, last_id=None):
        parts = urlsplit(crier.url)
        self.events, self.open, self.comments = [], True, 0
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        self.connection.request("GET", "/v1/events", headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        event = {}
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException, AttributeError):
            for raw in self.answer:
                line = raw.decode().rstrip("\r\n")
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(":")
                    event[name] = value.removeprefix(" ")
                elif "data" in event:
                    event["data"] = json.loads(event["data"])
                    self.events.append(event)
                    event = {}
        self.open = False

    def of(self, kind, **data):
        return [e for e in list(self.events)
                if e["event"] == kind and all(e["data"].get(k) == v for k, v in data.items())]

    def close(self):
        with contextlib.suppress(OSError):
            self.connection.sock and self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()
        self.thread.join(10)


class Crier:
    """One instance: a folder with settings, ledger and log, and the process while it runs."""

    def __init__(self, folder, settings, environment=None):
        self.folder, self.process = folder, None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = settings
        settings["server"]["listen"] = f"127.0.0.1:{self.port}"
        settings["ledger"] = f"sqlite:{folder}/crier.db"
        self.path = folder / "crier.yaml"
        self.log_path = folder / "crier.log"
        self.environment = dict(os.environ, **(environment or {}))
        self.write_settings()

    def write_settings(self):
        self.path.write_text(yaml.safe_dump(self.settings, allow_unicode=True, sort_keys=False))

    # ---- life ----

    def start(self, prefix=()):
        """prefix: a command that runs the rest, such as prlimit."""
        assert self.process is None
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen([*prefix, str(CRIER), "-c", str(self.path), "serve"],
                                            stdout=log, stderr=log, env=self.environment)
        wait_for(self.is_ready, 20, what=f"{self.url} to be ready")
        return self

    def start_or_end(self, seconds=20):
        """As start(), for one that may end by itself: None when it is ready, else its exit code."""
        assert self.process is None
        with self.log_path.open("ab") as log:
            process = subprocess.Popen([str(CRIER), "-c", str(self.path), "serve"],
                                       stdout=log, stderr=log, env=self.environment)
        self.process = process
        def ready_or_over():
            with contextlib.suppress(AssertionError):
                return self.is_ready()
            return process.poll() is not None
        wait_for(ready_or_over, seconds, what=f"{self.url} to be ready, or to end")
        if process.poll() is None:
            return None
        self.process = None
        return process.returncode

    def is_ready(self):
        assert self.process.poll() is None, f"it ended at once:\n{self.log()}"
        with contextlib.suppress(OSError, http.client.HTTPException):
            return exchange(self.url, "GET", "/readyz", timeout=5)[0] == 200
        return False

    def stop(self, seconds=40):
        """SIGTERM; insists on a clean end."""
        self.process.send_signal(signal.SIGTERM)
        self.await_end(seconds)

    def await_end(self, seconds=40):
        process = self.process
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            process.wait()
            raise AssertionError(f"it did not end within {seconds} s:\n{self.log()[-3000:]}")
        self.process = None
        assert code == 0, f"exit code {code}:\n{self.log()[-3000:]}"
        self.insist_on_clean_log()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def insist_on_clean_log(self):
        log = self.log()
        for word in SANITIZERS:
            assert word not in log, log[max(0, log.index(word) - 500):][:4000]

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def memory_kib(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    # ---- talking ----

    def call(self, method, path, body=None, headers=None, token=TOKEN, check=True):
        """(status, parsed JSON or text, headers); the answer is held to the API's description."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if raw is not None else {}
        if token:
            given["Authorization"] = f"Bearer {token}"
        given.update(headers or {})
        try:
            status, answer_headers, answer = exchange(self.url, method, path, raw, given)
        except OSError as error:
            time.sleep(0.3) # a sanitizer takes a moment to write
            raise AssertionError(f"{method} {path}: {error}; exit code {self.process and self.process.poll()}\n"
                                 f"{self.log()[-4000:]}") from error
        kind = answer_headers.get("Content-Type", "")
        parsed = json.loads(answer) if kind.split(";")[0].endswith("json") else answer.decode()
        if check and openapi.description:
            openapi.description.check(method, path.split("?")[0], status, kind, parsed)
        return status, parsed, answer_headers

    def get(self, path):
        status, body, _ = self.call("GET", path)
        assert status == 200, body
        return body

    def send(self, article, **headers):
        status, body, _ = self.call("POST", "/v1/articles", article, headers=headers)
        assert status == 202, body
        return body

    def hook(self, article, source="cms", secret=CMS_SECRET):
        raw = json.dumps(article).encode()
        return self.call("POST", f"/hooks/{source}", raw, headers=sign_hub(secret, raw), token=None)

    def retract(self, article_id, reason=None):
        body = {"reason": reason} if reason else None
        status, answer, _ = self.call("DELETE", f"/v1/articles/{article_id}", body)
        assert status == 202, answer
        return answer

    def article(self, article_id):
        return self.get(f"/v1/articles/{article_id}")

    def deliveries(self, article_id, channel=None, revision=None):
        return [d for d in self.article(article_id)["deliveries"]
                if channel in (None, d["channel"]) and revision in (None, d["revision"])]

    def states(self, article_id, revision=None):
        return {d["channel"]: d["state"] for d in self.deliveries(article_id, revision=revision)}

    def await_state(self, article_id, wanted, channel=None, revision=None, seconds=20):
        """Until every delivery (of that channel and revision) is in one of the states."""
        wanted = (wanted,) if isinstance(wanted, str) else wanted
        def look():
            all_of = self.deliveries(article_id, channel, revision)
            return all_of if all_of and all(d["state"] in wanted for d in all_of) else None
        try:
            return wait_for(look, seconds)
        except AssertionError:
            shown = [(d["channel"], d["revision"], d["state"], d["detail"])
                     for d in self.deliveries(article_id)]
            raise AssertionError(f"{article_id} should be {wanted}: {shown}") from None

    def await_done(self, article_id, **more):
        return self.await_state(article_id, "done", **more)

    def channel(self, name):
        return next(c for c in self.get("/v1/channels")["items"] if c["name"] == name)

    def events(self, last_id=None):
        return Events(self, last_id)

    def run(self, *args, text=None, settings=True, timeout=60):
        """A verb of the command line."""
        head = [str(CRIER)] + (["-c", str(self.path)] if settings else [])
        return subprocess.run(head + list(args), input=text, capture_output=True, text=True,
                              timeout=timeout * (3 if SLOW else 1), env=self.environment, check=False)


def platform_channels(platform):
    """One channel of each kind, with a pace that tests can afford."""
    common = {"allow_private": True, "rate": "1000/s"}
    return {
        "telegram": {"type": "telegram", "api_base": platform.faces["telegram"], "chat": "@example",
                     "token": "123456:integration-telegram-token", **common},
        "mastodon": {"type": "mastodon", "instance": platform.faces["mastodon"],
                     "token": "integration-mastodon-token", **common},
        "bluesky": {"type": "bluesky", "host": platform.faces["bluesky"], "identifier": "news.example",
                    "password": "abcd-efgh-ijkl-mnop", **common},
        "partner": {"type": "webhook", "url": platform.faces["hook"] + "/hook/partner",
                    "secret": PARTNER_SECRET, **common},
    }


def chat_channels(platform):
    """Both kinds of chat, each by both ways in."""
    common = {"allow_private": True, "rate": "1000/s"}
    return {
        "discord": {"type": "discord", "webhook_url": platform.faces["discord"] + DISCORD_HOOK, **common},
        "discord-bot": {"type": "discord", "api_base": platform.faces["discord"] + "/api/v10",
                        "token": "MTIz.integration-discord.token", "channel": "323456789012345678", **common},
        "slack": {"type": "slack", "api_base": platform.faces["slack"] + "/api", "channel": "C0123456789",
                  "token": "xoxb-integration-slack-token", **common},
        "slack-hook": {"type": "slack", "webhook_url": platform.faces["slack"] + SLACK_HOOK, **common},
    }


def network_channels(platform):
    """The social networks. Their names are those of the types, so that each has one place in ordeal.NETWORKS."""
    return {name: {"type": name, "allow_private": True, "rate": "1000/s", **own}
            for name, own in network_settings(platform.faces).items()}


def network_settings(faces):
    """What a channel of each type needs, by type: one entry each."""
    return {
        "facebook": {"page_id": "102030405060708", "api": faces["facebook"] + "/facebook/v26.0", **META_TOKEN},
        "instagram": {"login": "facebook", "user_id": "17841400000000000",
                      "api": faces["instagram"] + "/instagram/v26.0-by-facebook", **META_TOKEN},
        "threads": {"api": faces["threads"] + "/threads/v1.0", **META_TOKEN},
        "x": {"api": faces["x"], "access_token": "given-token"},
        "linkedin": {"api": faces["linkedin"], "author": "urn:li:organization:5515715", "access_token": "given-token"},
        "tumblr": {"api": faces["tumblr"], "blog": "examplenews", "access_token": "given-token"},
        "whatsapp": {"api": faces["whatsapp"] + "/whatsapp/v25.0", "phone_number_id": "106540352242922",
                     "token": "integration-whatsapp-token", "app_secret": WHATSAPP_SECRET,
                     "verify_token": "integration-whatsapp-verify", "template": "breaking_news", "language": "en_US",
                     "languages": {"de": "de"}, "body": ["{{title}}", "{{summary}}"]},
        "youtube": {"api": faces["youtube"], "upload_api": faces["youtube"] + "/upload", "access_token": "given-token"},
        "tiktok": {"api": faces["tiktok"], "access_token": "given-token"},
        "pinterest": {"api": faces["pinterest"] + "/v5", "board": "549755885175", "access_token": "given-token"},
        "google_news": {"hubs": [faces["youtube"] + "/google/hub", faces["youtube"] + "/google/second-hub"],
                        "topics": ["https://news.example/feed.xml"], "api": faces["youtube"],
                        "indexnow_key": "3f1c5a7e9b2d4068a1c3e5f708192a3b",
                        "indexnow_endpoint": faces["youtube"] + "/google/indexnow", "access_token": "given-token",
                        "search_console": "sc-domain:news.example", "sitemap": "https://news.example/news-sitemap.xml"},
        "lemmy": {"instance": faces["lemmy"], "username": "news", "password": "lemmy-pass-word", "community": "news"},
        "misskey": {"instance": faces["misskey"], "token": "integration-misskey-token"},
        "devto": {"api": faces["devto"] + "/api", "api_key": "integration-devto-key"},
        "wordpress": {"site": faces["wordpress"], "user": "newsroom", "password": "abcd EFGH 1234 ijkl MNOP 5678"},
        # Its title stays as it was, so the text begins with it.
        "reddit": {"api": faces["reddit"], "login_url": faces["reddit"], "subreddit": "examplenews", "username": "newsdesk",
                   "client_id": "reddit-app", "client_secret": "reddit-app-secret", "password": "reddit-pass-word",
                   "kind": "self", "text": "{{title}}\n\n{{url}}"},
        "vk": {"api": faces["vk"], "login_url": faces["vk"] + "/vkid", "group": 123, "access_token": "integration-vk-token",
               "client_id": "51234567", "device_id": "d3vice"},
    }


def default_settings(platform):
    return {
        "site": {"name": "Example News", "url": "https://news.example", "language": "en", "link_gate": "0s",
                 "utm": {"source": "{{channel}}", "medium": "social", "campaign": "breaking"}},
        "server": {"public_url": "https://push.news.example", "token": TOKEN, "drain": "10s",
                   "log_level": "debug"},
        "queue": {"backoff_min": "50ms", "backoff_max": "400ms", "verify_after": "200ms",
                  "max_attempts": 1000},
        "sources": {"cms": {"type": "json", "secret": CMS_SECRET},
                    "agency": {"type": "json", "secret": AGENCY_SECRET, "signature": "standard"}},
        "breaking": [{"category": "Breaking"}, {"urgency": "1..3"}, {"title": "^(BREAKING|URGENT)"}],
        "channels": platform_channels(platform),
    }


def load_article(name, platform, **changes):
    """A fixture, its pictures moved to where the machine can fetch them."""
    article = json.loads((ARTICLES / f"{name}.json").read_text())
    for image in article.get("images", []):
        image["url"] = platform.picture(f"{image.get('width', 1600)}x{image.get('height', 840)}.jpg")
    article.pop("not_after", None)  # fixtures have absolute ones, and time goes on
    article.update(changes)
    return article


def small_article(number, **more):
    return {"id": f"small-{number}", "url": f"https://news.example/small/{number}",
            "title": f"Small story number {number}", "summary": "One of many.", "language": "en",
            "categories": ["Latest"], **more}


def all_well(crier, platform, number):
    """What must hold after any attack: the same process takes an article and each channel gets it once."""
    article = small_article(f"after-{number}")
    sent = crier.send(article)
    for channel in ("telegram", "mastodon", "bluesky", "partner"):
        crier.await_done(sent["id"], channel=channel)
    again = crier.send(article)
    assert (again["id"], again["outcome"]) == (sent["id"], "unchanged")
    posted = sorted(p["platform"] for p in platform.posts() if article["url"] in json.dumps(p))
    assert posted == sorted({"telegram", "mastodon", "bluesky", "hook"}), posted
    assert platform.truth()["duplicates"] == []
