"""The newsroom's site, for browsers: pages with the button under a Content-Security-Policy that allows nothing inline,
and the file of one line for the worker. Beside it a door of the tests' own, which serves the scripts and says what it
is told to, for what the real one does not do at will: be away, forget, change its key."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from harness import TOP

SCRIPTS = TOP / "service" / "push"
SCRIPT = "text/javascript; charset=utf-8"
HTML = "text/html; charset=utf-8"
TOPICS = {"breaking": "Breaking news", "politics": "Politics", "sport": "Sports", "culture": "Culture"}


def new_key():
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Served:
    """A server on a thread; answer(handler) answers one request."""

    def __init__(self, answer):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                answer(self)

            do_GET = do_POST = do_OPTIONS = do

            def say(self, status, body=b"", kind="application/json", **headers):
                body = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def body(self):
                return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


class Door(Served):
    def __init__(self):
        super().__init__(self.answer)
        self.url = f"http://127.0.0.1:{self.port}"
        self.reset()

    def reset(self):
        self.key, self.topics, self.quiet_hours = new_key(), dict(TOPICS), True
        self.members, self.calls, self.faults = {}, [], []  # faults: (path, status) for requests to come, once each

    def of(self, path):
        return [body for name, body in self.calls if name == path]

    def answer(self, r):
        path = urlsplit(r.path).path.removeprefix("/push/")
        cors = {"Access_Control_Allow_Origin": r.headers.get("Origin") or "*", "Access_Control_Allow_Headers": "Content-Type",
                "Access_Control_Expose_Headers": "Retry-After"}
        if r.command == "OPTIONS":
            return r.say(204, b"", **cors)
        if path.endswith(".js"):
            return r.say(200, (SCRIPTS / path).read_bytes(), SCRIPT, Cache_Control="no-cache", **cors)
        if path == "":
            return r.say(200, (SCRIPTS / "page.html").read_bytes(), HTML, Content_Security_Policy=PAGE_POLICY)
        if path.startswith("/"):
            return r.say(404, b"", "text/plain")  # the browser's own: an icon
        body = r.body() if r.command == "POST" else None
        self.calls.append((path, body))
        for fault in self.faults:
            if fault[0] == path:
                self.faults.remove(fault)
                return r.say(fault[1], {"title": "as told"}, **cors)
        status, said = getattr(self, "on_" + path)(body)
        return r.say(status, said, Cache_Control="no-store", **cors)

    def on_key(self, _):
        return 200, {"channel": "web", "key": self.key, "topics": self.topics, "quiet_hours": self.quiet_hours, "mode": "live"}

    def on_subscribe(self, body):
        before = self.members.pop(body.get("instead_of"), {})
        wishes = {name: body[name] for name in ("topics", "quiet", "zone", "language") if name in body}
        self.members[body["subscription"]["endpoint"]] = {"topics": None, "quiet": None, **before, **wishes}
        return 201, {}

    def on_topics(self, body):
        member = self.members.get(body["endpoint"])
        if member is None:
            return 404, {"title": "not known"}
        member.update({name: body[name] for name in ("topics", "quiet", "zone") if name in body})
        return 200, member

    def on_unsubscribe(self, body):
        self.members.pop(body["endpoint"], None)
        return 200, {}


PAGE_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
STYLES = {
    "light": "body { background: #fff; color: #1b1b1f; color-scheme: light; }",
    "dark": "body { background: #141417; color: #ececf0; color-scheme: dark; }",
}


class Site(Served):
    """/?lang=…&style=dark&attributes=… : a page; /crier-sw.js: the worker, with `worker` before the line."""

    def __init__(self, door_url, host="localhost"):
        self.door, self.worker, self.before, self.reports = door_url, "", "", []
        super().__init__(self.answer)
        self.url = f"http://{host}:{self.port}"

    def answer(self, r):
        url = urlsplit(r.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/crier-sw.js":
            return r.say(200, f'{self.worker}\nimportScripts("{self.door}/push/sw.js");', SCRIPT)
        if url.path == "/before.js":  # what a test changes in the browser before our script runs
            return r.say(200, self.before, SCRIPT)
        if url.path == "/page.css":
            style = STYLES[asked.get("style", "light")]
            return r.say(200, f"body {{ font: 16px/1.5 system-ui, sans-serif; margin: 1.25rem; }} {style}", "text/css")
        if url.path == "/report":
            self.reports.append(r.body())
            return r.say(204)
        if url.path == "/" or url.path.startswith("/story"):
            return r.say(200, self.page(asked), HTML, Content_Security_Policy=self.policy())
        return r.say(404, b"", "text/plain")

    def policy(self):
        return (f"default-src 'none'; script-src 'self' {self.door}; connect-src 'self' {self.door}; style-src 'self'; "
                "worker-src 'self'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types crier-push")

    def page(self, asked):
        return f"""<!doctype html>
<html lang="{asked.get('lang', 'en')}" dir="{asked.get('dir', 'ltr')}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Example News</title>
<link rel="stylesheet" href="/page.css?style={asked.get('style', 'light')}">
<script src="/before.js"></script>
<script src="{self.door}/push/client.js" {asked.get('attributes', '')} defer></script></head>
<body><crier-push></crier-push></body></html>"""
