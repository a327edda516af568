"""Stands where crier should be: keeps the signed calls, and answers as it is told."""

import base64
import hashlib
import hmac
import http.server
import json
import threading

SECRET = "whsec_d29yZHByZXNzLWZpeHR1cmUtc2VjcmV0LTAwMQ=="


def is_signed(headers, body, secret=SECRET):
    """By the Standard Webhooks rules, written from them and not from the plugin."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    return headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()


class Listener:
    def __init__(self):
        there = self
        self.calls = []  # (headers, parsed body), in the order in which they came
        self.answers = []  # (status, headers) of the next calls; then 202
        self.links = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/hooks/wordpress"
                said = json.loads(body)
                there.calls.append((dict(self.headers.items()) | {"signed": is_signed(self.headers, body)}, said))
                status, headers = there.answers.pop(0) if there.answers else (202, {})
                self.reply(status, {"id": f"wp-{said['data'].get('id')}"} if status < 300 else {"detail": "as the test wants"}, headers)

            def do_GET(self):
                if self.path.startswith("/v1/share?"):
                    return self.reply(200, {"links": [{"id": k, "name": k, "url": v} for k, v in there.links.items()]}, {})
                return self.reply(404, {}, {})

            def reply(self, status, body, headers):
                raw = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(raw)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self, post_id=None):
        return [said for _, said in self.calls if post_id in (None, said["data"].get("id"))]

    def types(self, post_id=None):
        return [said["type"] for said in self.events(post_id)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
