"""What every kind of CMS sends, signed as it signs: for tests that play one. A sender says what happens to
story `n` at a time (seconds since 1970); say() gives what stands behind /hooks/NAME, headers and body."""

import base64
import datetime
import hashlib
import hmac
import json
import time
import urllib.parse

SECRET = "s3cr3t-of-the-cms"
WHSEC = "whsec_c2VjcmV0LW9mLXRoZS13b3JkcHJlc3MtcGx1Z2lu"


def iso(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def plain(at):
    return iso(at)[:19].replace("T", " ")


def mac(secret, content, digest="sha256"):
    return hmac.new(secret.encode(), content, digest)


def b64(m):
    return base64.b64encode(m.digest()).decode()


class Sender:
    """site: where articles stand. settings: of the source, without the secret."""
    def __init__(self, site="https://news.example"):
        self.site, self.secret = site, SECRET

    settings = {}
    thin = False  # title and picture are on the page only

    def url(self, n):
        return f"{self.site}/story-{n}"

    def sign(self, body, secret, at):
        return {"Authorization": f"Bearer {secret}"}

    def say(self, what, n=1, title="Bridge closed", at=None, secret=None, sent_at=None):
        path, headers, body = self.tell(what, n, title, at or time.time())
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        signed = self.sign(raw, secret or self.secret, sent_at or time.time())
        return path, {"Content-Type": "application/json", **headers, **signed}, raw


class Templated(Sender):
    @property
    def settings(self):
        return {"url": self.site + "/{{slug}}"}


class Ghost(Sender):
    def sign(self, body, secret, at):
        t = str(int(at * 1000))
        return {"X-Ghost-Signature": f"sha256={mac(secret, body + t.encode()).hexdigest()}, t={t}"}

    def tell(self, what, n, title, at):
        post = {"id": f"66f0a1b2c3d4e5f60123{n:04}", "title": title, "slug": f"story-{n}", "status": "published",
                "visibility": "public", "url": self.url(n), "updated_at": iso(at), "published_at": iso(at),
                "tags": [], "authors": [{"name": "News desk"}]}
        event = {"publish": "post.published", "update": "post.published.edited", "unpublish": "post.unpublished"}[what]
        if what == "unpublish":
            post["status"] = "draft"
        before = {"publish": {"status": "draft"}, "update": {"title": "Before"}, "unpublish": {"status": "published"}}
        return "/" + event, {}, {"post": {"current": post, "previous": before[what]}}


class WordPress(Sender):
    def __init__(self, site="https://news.example"):
        super().__init__(site)
        self.secret = WHSEC

    def sign(self, body, secret, at):
        t, message = str(int(at)), "wp_" + hashlib.md5(body).hexdigest()
        key = base64.b64decode(secret.removeprefix("whsec_"))
        m = hmac.new(key, f"{message}.{t}.".encode() + body, "sha256")
        return {"webhook-id": message, "webhook-timestamp": t, "webhook-signature": "v1," + b64(m)}

    def tell(self, what, n, title, at):
        word = {"publish": "published", "update": "updated", "unpublish": "unpublished"}[what]
        data = {"id": 4700 + n, "version": int(at * 1000), "post_type": "post", "url": self.url(n), "title": title,
                "status": "draft" if what == "unpublish" else "publish", "modified_gmt": iso(at)}
        return "", {}, {"type": f"article.{word}", "timestamp": iso(at), "data": data}


class WPWebhooks(Sender):
    settings = {"signature": "wp-webhooks"}

    def sign(self, body, secret, at):
        return {"X-WP-Webhook-Signature": b64(mac(secret, body))}

    def tell(self, what, n, title, at):
        status = "draft" if what == "unpublish" else "publish"
        before = "draft" if what == "publish" else "publish"
        return "", {"X-WP-Webhook-Name": "post_update"}, {
            "post_id": 4700 + n, "post_permalink": self.url(n), "post_before": {"post_status": before},
            "post": {"ID": 4700 + n, "post_title": title, "post_status": status, "post_type": "post",
                     "post_modified_gmt": plain(at)}}


class Strapi(Templated):
    def tell(self, what, n, title, at):
        event = {"publish": "entry.publish", "update": "entry.publish", "unpublish": "entry.unpublish"}[what]
        entry = {"id": n, "documentId": f"doc{n}", "title": title, "slug": f"story-{n}", "locale": "en",
                 "updatedAt": iso(at), "publishedAt": None if what == "unpublish" else iso(at)}
        return "", {"X-Strapi-Event": event}, {"event": event, "createdAt": iso(at), "model": "article", "entry": entry}


class Directus(Templated):
    def tell(self, what, n, title, at):
        item = {"id": n, "status": "draft" if what == "unpublish" else "published", "title": title,
                "slug": f"story-{n}", "date_updated": iso(at)}
        event = "create" if what == "publish" else "update"
        return "", {}, {"event": f"articles.items.{event}", "collection": "articles", "keys": [str(n)], "item": item}


class Drupal(Sender):
    @property
    def settings(self):
        return {"base": self.site}

    def sign(self, body, secret, at):
        return {"X-Hub-Signature-256": "sha256=" + mac(secret, body).hexdigest()}

    def tell(self, what, n, title, at):
        event = "insert" if what == "publish" else "update"
        return "", {}, {"event": f"entity:node:{event}", "uuid": [{"value": f"6f1c2a34-{n}"}],
                        "type": [{"target_id": "article"}], "status": [{"value": what != "unpublish"}],
                        "title": [{"value": title}], "changed": [{"value": iso(at)}],
                        "path": [{"alias": f"/story-{n}"}]}


class Contentful(Templated):
    def __init__(self, site="https://news.example"):
        super().__init__(site)
        self.secret = "c" * 64

    def say(self, what, n=1, title="Bridge closed", at=None, secret=None, sent_at=None):
        at = at or time.time()
        topic = {"publish": "publish", "update": "publish", "unpublish": "unpublish"}[what]
        sys = {"type": "DeletedEntry" if what == "unpublish" else "Entry", "id": f"entry{n}", "updatedAt": iso(at),
               "environment": {"sys": {"id": "master"}}, "contentType": {"sys": {"id": "article"}}}
        body = {"sys": sys}
        if what != "unpublish":
            body["fields"] = {"title": {"en-GB": title}, "slug": {"en-GB": f"story-{n}"}}
        raw = json.dumps(body).encode()
        names = "content-type,x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic"
        headers = {"Content-Type": "application/vnd.contentful.management.v1+json",
                   "x-contentful-topic": f"ContentManagement.Entry.{topic}", "x-contentful-signed-headers": names,
                   "x-contentful-timestamp": str(int((sent_at or time.time()) * 1000))}
        lower = {k.lower(): v for k, v in headers.items()}
        signed = ";".join(f"{k}:{lower[k]}" for k in names.split(","))
        content = f"POST\n/hooks/cms\n{signed}\n".encode() + raw
        headers["x-contentful-signature"] = mac(secret or self.secret, content).hexdigest()
        headers["X-Contentful-Idempotency-Key"] = hashlib.sha256(raw).hexdigest()
        return "", headers, raw


class Sanity(Templated):
    def sign(self, body, secret, at):
        t = str(int(at * 1000))
        code = base64.urlsafe_b64encode(mac(secret, t.encode() + b"." + body).digest()).decode().rstrip("=")
        return {"sanity-webhook-signature": f"t={t},v1={code}"}

    def tell(self, what, n, title, at):
        op = {"publish": "create", "update": "update", "unpublish": "delete"}[what]
        return "", {"idempotency-key": f"{n}-{op}-{at}", "sanity-dataset": "production"}, {
            "operation": op, "_id": f"article-{n}", "_rev": f"r{at}", "_updatedAt": iso(at), "title": title,
            "slug": f"story-{n}"}


class Storyblok(Sender):
    thin = True

    @property
    def settings(self):
        return {"url": self.site + "/{{full_slug}}"}

    def sign(self, body, secret, at):
        return {"webhook-signature": mac(secret, body, "sha1").hexdigest()}

    def tell(self, what, n, title, at):
        action = {"publish": "published", "update": "published", "unpublish": "unpublished"}[what]
        return "", {}, {"text": "The user desk@news.example did", "action": action, "space_id": 1, "story_id": 500 + n,
                        "full_slug": f"story-{n}"}


class Hygraph(Templated):
    def sign(self, body, secret, at):
        t = str(int(at * 1000))
        content = '{"Body":%s,"EnvironmentName":"master","TimeStamp":%s}' % (json.dumps(body.decode(), ensure_ascii=False), t)
        return {"gcms-signature": f"sign={b64(mac(secret, content.encode()))}, env=master, t={t}"}

    def tell(self, what, n, title, at):
        op = {"publish": "publish", "update": "publish", "unpublish": "unpublish"}[what]
        return "", {}, {"operation": op, "data": {
            "__typename": "Article", "id": f"cm{n}", "stage": "PUBLISHED", "title": title, "slug": f"story-{n}",
            "publishedAt": iso(at), "updatedAt": iso(at)}}


class Webflow(Templated):
    def sign(self, body, secret, at):
        t = str(int(at * 1000))
        return {"x-webflow-timestamp": t, "x-webflow-signature": mac(secret, t.encode() + b":" + body).hexdigest()}

    def tell(self, what, n, title, at):
        word = {"publish": "published", "update": "published", "unpublish": "unpublished"}[what]
        item = {"id": f"66f0{n}", "collectionId": "65", "lastPublished": iso(at), "lastUpdated": iso(at)}
        if what != "unpublish":
            item["fieldData"] = {"name": title, "slug": f"story-{n}"}
        return "", {}, {"triggerType": f"collection_item_{word}",
                        "payload": item if what == "unpublish" else {"items": [item]}}


class Superdesk(Sender):
    """An agency's: unpublishing is a kill."""
    @property
    def settings(self):
        return {"url": self.site + "/{{slugline}}"}

    def sign(self, body, secret, at):
        return {"x-superdesk-signature": "sha1=" + mac(secret, body, "sha1").hexdigest()}

    def tell(self, what, n, title, at):
        return "", {}, {"guid": f"urn:newsml:desk.example:{n}", "version": str(int(at)), "type": "text",
                        "pubstatus": "canceled" if what == "unpublish" else "usable", "headline": title,
                        "slugline": f"story-{n}", "versioncreated": iso(at), "urgency": 3, "priority": 1}


class Mapped(Sender):
    """Of type json: a system of one's own, signed in one's own way."""
    settings = {
        "signature": "hmac",
        "hmac": {"header": "X-Desk-Signature", "prefix": "v0=", "encoding": "base64url", "hash": "sha512",
                 "content": "{id}.{timestamp}.{body}", "timestamp_header": "X-Desk-Time", "timestamp_unit": "ms",
                 "id_header": "X-Desk-Id"},
        "map": {"event": "/what", "id": "/story/key", "url": ["/story/short", "/story/link"], "title": "/story/head",
                "updated_at": "/when"},
        "events": {"live": "published", "fix": "updated", "gone": "unpublished"}}

    def sign(self, body, secret, at):
        t, message = str(int(at * 1000)), hashlib.md5(body).hexdigest()
        m = mac(secret, f"{message}.{t}.".encode() + body, "sha512")
        return {"X-Desk-Id": message, "X-Desk-Time": t,
                "X-Desk-Signature": "v0=" + base64.urlsafe_b64encode(m.digest()).decode().rstrip("=")}

    def tell(self, what, n, title, at):
        word = {"publish": "live", "update": "fix", "unpublish": "gone"}[what]
        return "", {}, {"what": word, "when": iso(at), "story": {"key": n, "link": self.url(n), "head": title}}


class WordPressCom(Sender):
    """Without plugins: a form with the secret in its address, and never a word of a removal."""
    settings = {"signature": "token"}

    def sign(self, body, secret, at):
        return {}

    def say(self, what, n=1, title="Bridge closed", at=None, secret=None, sent_at=None):
        form = {"hook": "publish_post", "ID": n, "post_title": title, "post_url": self.url(n), "post_status": "publish",
                "post_type": "post", "post_modified_gmt": plain(at or time.time())}
        return (f"?token={secret or self.secret}", {"Content-Type": "application/x-www-form-urlencoded"},
                urllib.parse.urlencode(form).encode())


SENDERS = {  # type, sender
    "ghost": ("ghost", Ghost), "wordpress": ("wordpress", WordPress), "wp-webhooks": ("wordpress", WPWebhooks),
    "strapi": ("strapi", Strapi), "directus": ("directus", Directus), "drupal": ("drupal", Drupal),
    "contentful": ("contentful", Contentful), "sanity": ("sanity", Sanity), "storyblok": ("storyblok", Storyblok),
    "hygraph": ("hygraph", Hygraph), "webflow": ("webflow", Webflow), "superdesk": ("superdesk", Superdesk),
    "json": ("json", Mapped),
}
