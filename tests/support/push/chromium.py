"""A real Chromium for what readers see: it never reaches a push service, so subscriptions are pretended in the page,
before our script runs, and messages come to the worker through the browser's debugging protocol."""

import contextlib
import json

import browser as cms_browser
from harness import wait_for
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

# A push manager that remembers its subscription in the page's storage, as the browser's own would.
SUBSCRIPTIONS = """
(function () {
  const b64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");
  const made = (kept) => ({
    endpoint: kept.endpoint, options: { userVisibleOnly: true, applicationServerKey: Uint8Array.from(kept.key).buffer },
    toJSON: () => ({ endpoint: kept.endpoint, expirationTime: null, keys: { p256dh: b64(Uint8Array.from(kept.key)), auth: "AAAAAAAAAAAAAAAAAAAAAA" } }),
    unsubscribe: async () => { localStorage.removeItem("subscription"); return true; },
  });
  PushManager.prototype.getSubscription = async () => {
    const kept = JSON.parse(localStorage.getItem("subscription"));
    return kept && made(kept);
  };
  PushManager.prototype.subscribe = async (options) => {
    if (!options.userVisibleOnly) { throw new Error("userVisibleOnly"); }
    const kept = { endpoint: "https://push.example/" + Math.random().toString(36).slice(2), key: Array.from(options.applicationServerKey) };
    localStorage.setItem("subscription", JSON.stringify(kept));
    return made(kept);
  };
})();
"""
HOST = "document.querySelector('crier-push')"
ROOT = HOST + ".shadowRoot"


class Chromium(cms_browser.Browser):
    def __init__(self):
        super().__init__()
        self.cdp("ServiceWorker.enable")

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def permit(self, origin, name="notifications", setting="granted"):
        self.cdp("Browser.setPermission", origin=origin, permission={"name": name}, setting=setting)

    def size(self, width, height, touch=False):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=touch)

    def agent(self, text):
        self.cdp("Emulation.setUserAgentOverride", userAgent=text)

    def promise(self, code, *arguments):
        """What an expression comes to, waited for."""
        done = self.driver.execute_async_script(
            f"const arguments_ = Array.from(arguments), done = arguments_.pop();"
            f"(async (...a) => {{ {code} }})(...arguments_).then((v) => done({{v}}), (e) => done({{e: String(e)}}));", *arguments)
        assert "e" not in done, done
        return done.get("v")

    # ---- the button ----

    def state(self):
        return self.script(f"return {HOST} && {HOST}.getAttribute('state')")

    def await_state(self, wanted):
        wait_for(lambda: self.state() == wanted, what=f"the button to be {wanted}")

    def part(self, selector):
        return self.script(f"return {ROOT}.querySelector(arguments[0])", selector)

    def press(self, selector):
        wait_for(lambda: (e := self.part(selector)) and e.is_displayed() and e.is_enabled() and e, what=selector).click()

    def keys(self, *names):
        chain = ActionChains(self.driver, duration=0)
        for name in names:
            chain.send_keys(getattr(Keys, name))
        chain.perform()

    def note(self):
        return self.script(f"return {ROOT}.querySelector('[role=status]').textContent")

    def seen(self):
        return self.script(f"return {ROOT}.querySelector('.card').innerText")

    def focused(self):
        return self.script(f"const e = {ROOT}.activeElement; return e && e.textContent.trim()")

    def tree(self):
        """What assistive technology gets: (role, name, {property: value}) in order, of all that is not ignored."""
        nodes = self.cdp("Accessibility.getFullAXTree")["nodes"]
        value = lambda v: v.get("value") if v else None  # noqa: E731
        return [(value(n.get("role")), value(n.get("name")), {p["name"]: value(p["value"]) for p in n.get("properties", [])})
                for n in nodes if not n.get("ignored")]

    # ---- the worker ----

    def deliver(self, origin, message):
        """A message to the worker, as from a push service: text, or what becomes JSON. The browser numbers its
        registrations from 0, and in this profile there is one."""
        data = message if isinstance(message, str) else json.dumps(message)
        self.cdp("ServiceWorker.deliverPushMessage", origin=origin, registrationId="0", data=data)

    def close(self):
        with contextlib.suppress(Exception):
            self.cdp("ServiceWorker.disable")
        super().close()
