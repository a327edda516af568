"""A WebSub hub, small and whole: takes subscriptions, asks whether they are meant, distributes with a signature;
and does wrong where a test wants it: denies, lies, forgets, never asks. On a thread of the test."""

import hashlib
import hmac
import http.client
import threading
from urllib.parse import parse_qs, urlencode, urlsplit

from feed_site import Answer, Site


class Hub:
    def __init__(self):
        self.site = Site()
        self.site.answer("/hub", self.asked)
        self.subscribers, self.forms, self.verified = {}, [], []
        self.lease, self.method = 864000, "sha256"
        self.refuse, self.mute, self.deny = None, False, None
        self.threads = []

    @property
    def url(self):
        return self.site.url + "/hub"

    def asked(self, asked):
        form = {k: v[0] for k, v in parse_qs(asked.body.decode()).items()}
        self.forms.append(form)
        if self.refuse:
            return self.refuse if isinstance(self.refuse, Answer) else Answer("no", self.refuse)
        thread = threading.Thread(target=self.verify, args=(form,), daemon=True)
        if not self.mute:
            self.threads.append(thread)
            thread.start()
        return Answer(status=202)

    def call(self, callback, method, query=None, body=None, headers=None):
        parts = urlsplit(callback)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        path = parts.path + ("?" + urlencode(query) if query else "")
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        result = answer.status, answer.read()
        connection.close()
        return result

    def verify(self, form):
        callback, topic = form["hub.callback"], form["hub.topic"]
        if self.deny:
            self.call(callback, "GET", {"hub.mode": "denied", "hub.topic": topic, "hub.reason": self.deny})
            return
        challenge = f"challenge-{len(self.verified)}-of-the-hub"
        status, body = self.call(callback, "GET", {
            "hub.mode": form["hub.mode"], "hub.topic": topic, "hub.challenge": challenge,
            "hub.lease_seconds": self.lease})
        good = status == 200 and body == challenge.encode()
        if good and form["hub.mode"] == "subscribe":
            self.subscribers[callback] = form
        elif good:
            self.subscribers.pop(callback, None)
        self.verified.append((form["hub.mode"], status, good))

    def distribute(self, body, kind="application/rss+xml", secret=None, sign=True):
        """To all; the statuses of their answers."""
        statuses = []
        for callback, form in list(self.subscribers.items()):
            key = (secret or form.get("hub.secret", "")).encode()
            headers = {"Content-Type": kind, "Link": f'<{self.url}>; rel="hub", <{form["hub.topic"]}>; rel="self"'}
            if sign:
                mac = hmac.new(key, body, getattr(hashlib, self.method)).hexdigest()
                headers["X-Hub-Signature"] = f"{self.method}={mac}"
            statuses.append(self.call(callback, "POST", body=body, headers=headers)[0])
        return statuses

    def close(self):
        for thread in self.threads:
            thread.join(20)
        self.site.close()
