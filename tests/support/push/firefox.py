"""A real Firefox (Debian's, headless), driven through its own Marionette protocol, so that no other program is needed.
It reaches nothing but this machine: its proxy is a closed port, and loopback goes without."""

import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness import wait_for

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
PREFS = {
    "dom.push.testing.allowInsecureServerURL": True,
    "alerts.useSystemBackend": False,  # no D-Bus
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1", "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": 9,
    "network.proxy.no_proxies_on": "localhost, 127.0.0.1",
    "network.proxy.allow_hijacking_localhost": False,
    "marionette.port": 0,
    "remote.prefs.recommended": False,  # it would switch off what is to be tested
    "dom.push.retryBaseInterval": 100,  # after a lost connection
    "devtools.console.stdout.content": True,  # into its log, for whoever looks why
    "security.notification_enable_delay": 0,  # of its question: a click counts at once
    "network.manage-offline-status": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "browser.startup.page": 0,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "app.normandy.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
    "browser.newtabpage.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "extensions.update.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "intl.locale.requested": "en-US",
}


class Refused(Exception):
    pass


class Firefox:
    def __init__(self, push_url):
        self.profile = Path(tempfile.mkdtemp(prefix="crier-firefox-"))
        prefs = {**PREFS, "dom.push.serverURL": push_url}
        (self.profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in prefs.items()))
        self.log = (self.profile / "firefox.log").open("wb")
        self.process = subprocess.Popen(
            ["/usr/bin/firefox-esr", "--headless", "--no-remote", "--new-instance", "--profile", str(self.profile), "--marionette",
             "--remote-allow-system-access", "about:blank"], stdout=self.log, stderr=self.log, start_new_session=True,
            env={"HOME": str(self.profile), "PATH": "/usr/bin:/bin", "MOZ_CRASHREPORTER_DISABLE": "1", "LANG": "C.UTF-8"})
        self.count = 0
        port = wait_for(self.port, 30, what="Firefox to be there")
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.stream = self.socket.makefile("rb")
        self.read()  # who it is
        self.call("WebDriver:NewSession", capabilities={"alwaysMatch": {"pageLoadStrategy": "normal"}})

    def port(self):
        assert self.process.poll() is None, (self.profile / "firefox.log").read_text(errors="replace")
        with contextlib.suppress(OSError, ValueError):
            return int((self.profile / "MarionetteActivePort").read_text())
        return None

    # ---- the protocol: LENGTH:JSON ----

    def read(self):
        length = b""
        while (c := self.stream.read(1)) != b":":
            assert c, "Firefox has gone"
            length += c
        return json.loads(self.stream.read(int(length)))

    def call(self, command, **parameters):
        self.count += 1
        raw = json.dumps([0, self.count, command, parameters]).encode()
        self.socket.sendall(str(len(raw)).encode() + b":" + raw)
        _, number, error, result = self.read()
        assert number == self.count
        if error:
            raise Refused(f"{command}: {error['error']}: {error['message']}")
        return result.get("value") if isinstance(result, dict) and "value" in result else result

    # ---- what tests say ----

    def open(self, url):
        self.call("WebDriver:Navigate", url=url)

    def script(self, code, *arguments):
        """A promise is waited for."""
        return self.call("WebDriver:ExecuteScript", script=code, args=list(arguments), newSandbox=False, sandbox=None)

    def browser_script(self, code, *arguments):
        """With the rights of the browser itself."""
        self.call("Marionette:SetContext", value="chrome")
        try:
            return self.script(code, *arguments)
        finally:
            self.call("Marionette:SetContext", value="content")

    def click(self, code, seconds=20):
        """On the element that the code returns, as a person does, once it can be."""
        def attempt():
            try:
                element = self.script(code)
                if not element:
                    return False
                self.call("WebDriver:ElementClick", id=element[ELEMENT])
            except Refused as why:
                self.why = why
                return False
            return True
        wait_for(attempt, seconds, what=f"a click on {code}")

    def picture(self, path):
        Path(path).write_bytes(base64.b64decode(self.call("WebDriver:TakeScreenshot", full=True, hash=False)))

    def close(self):
        with contextlib.suppress(Exception):
            self.call("Marionette:Quit", flags=["eForceQuit"])
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # its children: the group is its own
        self.process.wait()
        self.stream.close()
        self.socket.close()
        self.log.close()
        for _ in range(20):  # its children write for a moment after its end
            shutil.rmtree(self.profile, ignore_errors=True)
            if not self.profile.exists():
                return
            time.sleep(0.1)
