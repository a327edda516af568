"""X: posts, media, the account's list. Two ways in, as there: OAuth 1.0a, whose signatures are worked out here anew
(RFC 5849; nonces are good once, times within five minutes), and bearer tokens of OAuth 2 that end after two hours,
with refresh tokens that are good once.

Texts are weighed (280; a link is 23, in the usual domains), a text that stands already is refused as a
duplicate, one cashtag is allowed, links come back shortened, unknown members are an error, an edit makes another id.
Media is uploaded in one or in segments, and a video takes a moment.

  POST /_control/x  {"credits": false}: every call is 402;  {"expire_media": true}: uploads of before are gone;
                    {"premium": false}: no edits"""

import base64
import datetime
import hashlib
import hmac
import html
import json
import re
import unicodedata
import urllib.parse

from aiohttp import web

from . import clock, oauth
from .world import read_form

PLACE, ME, HANDLE = "@examplenews", "2244994945", "examplenews"
KEYS = {"consumer_key": "integration-x-consumer-key", "consumer_secret": "integration-x-consumer-secret",
        "token": "2244994945-integration-x-token", "token_secret": "integration-x-token-secret"}
PLANTED = {name: f"Kx2Vd-planted-x-keys-{name.replace('_', '-')}-Jq9" for name in KEYS}
LINK = re.compile(r"https?://[^\s]+")
BARE_LINK = re.compile(r"(?<![\w@./#$-])(?:[a-z0-9-]+\.)+(?:com|org|net|de|co|uk|jp)(?:/[^\s]*)?", re.IGNORECASE)
REAL_LINK = re.compile(r"https?://(?:[\w-]+\.)+(?:com|org|net|de|co|uk|jp)(?::\d+)?(?:/[^\s]*)?$", re.IGNORECASE)
CASHTAG = re.compile(r"(?:^|(?<=\s))\$[a-zA-Z]{1,6}\b")
MEMBERS = {"text", "media", "reply", "reply_settings", "made_with_ai", "edit_options", "quote_tweet_id"}
POST_AT = 1880000000000000000  # ids have 19 digits


def memory(world):
    return world.of("x", lambda: {"media": {}, "nonces": set(), "credits": True, "premium": True, "lost": set()})


def authority(world):
    return oauth.of(world, "x", life_s=7200, rotates=True, pkce=True, who=f"@{HANDLE}",
                    given=("given-token", "Kx2Vd-planted-x-access-token-Jq9"), given_refresh=("given-refresh",))


def authorities(world):
    authority(world)


def answer(body, status=200, **headers):
    reset = int(clock.now()) + 900
    return web.json_response(body, status=status, headers={
        "x-rate-limit-limit": "100", "x-rate-limit-remaining": "99", "x-rate-limit-reset": str(reset), **headers})


def problem(status, title, detail, kind="about:blank", **headers):
    body = json.dumps({"title": title, "detail": detail, "type": kind, "status": status})
    return web.Response(text=body, status=status, content_type="application/problem+json", headers=headers)


def refusal(status, retry_after=None, text=None):
    headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int(clock.now()) + int(retry_after or 1))}
    return problem(status, "Refused", text or "as the test wants it", **(headers if status == 429 else {}))


# ---- who it is ----

def encoded(text):
    return urllib.parse.quote(text, safe="-._~")


def signature(request, body, members, keys):
    """RFC 5849 section 3.4, from what came over the wire."""
    pairs = [(k, v) for k, v in members.items() if k not in ("oauth_signature", "realm")]
    pairs += urllib.parse.parse_qsl(request.query_string, keep_blank_values=True)
    if request.content_type == "application/x-www-form-urlencoded":
        pairs += urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
    parameters = "&".join(f"{k}={v}" for k, v in sorted((encoded(k), encoded(v)) for k, v in pairs))
    base = "&".join((request.method, encoded(f"{request.scheme}://{request.host}{request.path}"), encoded(parameters)))
    key = f"{encoded(keys['consumer_secret'])}&{encoded(keys['token_secret'])}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()).decode()


def is_signed(world, request, body):
    members = {k: urllib.parse.unquote(v) for k, v in
               re.findall(r'(\w+)="([^"]*)"', request.headers["Authorization"].removeprefix("OAuth "))}
    keys = next((k for k in (KEYS, PLANTED) if k["consumer_key"] == members.get("oauth_consumer_key")
                 and k["token"] == members.get("oauth_token")), None)
    used = (members.get("oauth_nonce"), members.get("oauth_timestamp"))
    if (keys is None or members.get("oauth_signature_method") != "HMAC-SHA1" or used in memory(world)["nonces"]
            or abs(int(members.get("oauth_timestamp", "0")) - clock.now()) > 300
            or not hmac.compare_digest(members.get("oauth_signature", ""), signature(request, body, members, keys))):
        return False
    memory(world)["nonces"].add(used)
    return True


def guarded(handler):
    async def checked(world, request, body):
        scheme = request.headers.get("Authorization", "").partition(" ")[0]
        known = is_signed(world, request, body) if scheme == "OAuth" else authority(world).accepts(oauth.bearer(request))
        if not known or "x" in world.revoked:
            return problem(401, "Unauthorized", "Unauthorized")
        if not memory(world)["credits"]:
            return problem(402, "CreditsDepleted", "Your account does not have any credits to fulfill this request.")
        try:
            return handler(world, request, body)
        except (ValueError, KeyError, TypeError):
            return invalid("it cannot be read")
    return checked


def invalid(what):
    return problem(400, "Invalid Request", f"One or more parameters to your request was invalid. {what}",
                   "https://api.x.com/2/problems/invalid-request")


def me(world, request, body):
    return answer({"data": {"id": ME, "name": "Example News", "username": HANDLE}})


# ---- texts ----

def links_of(text):
    return [m[0] for m in LINK.finditer(text) if REAL_LINK.match(m[0])]


def weight(text):
    text = unicodedata.normalize("NFC", text)
    links = links_of(text)
    for link in links:
        text = text.replace(link, "", 1)
    bare = BARE_LINK.findall(LINK.sub("", text))
    text = BARE_LINK.sub("", text) if bare else text
    light = sum(1 for c in text if ord(c) <= 4351 or 8192 <= ord(c) <= 8205 or 8208 <= ord(c) <= 8223
                or 8242 <= ord(c) <= 8247)
    return 23 * (len(links) + len(bare)) + light + 2 * (len(text) - light)


def told(post):
    """As it comes back: escaped, its links short."""
    text, urls = post.text, []
    for n, link in enumerate(LINK.findall(post.text)):
        short = f"https://t.co/{post.id[-6:]}{n}"
        text = text.replace(link, short, 1)
        urls.append({"start": 0, "end": 0, "url": short, "expanded_url": link, "display_url": link[8:30]})
    made = datetime.datetime.fromtimestamp(post.at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {"id": post.id, "text": html.escape(text, quote=False), "created_at": made,
            **({"entities": {"urls": urls}} if urls else {})}


# ---- posts ----

def standing(world):
    return [p for p in world.posts if p.platform == "x" and p.stands]


def checked(world, fields):
    """None, or the refusal of a post with these fields."""
    text = fields.get("text", "")
    if set(fields) - MEMBERS:
        return invalid(f"unknown: {', '.join(set(fields) - MEMBERS)}")
    if not text.strip() and not fields.get("media"):
        return invalid("text")
    if weight(text) > 280:
        return web.json_response({"errors": [{"code": 186, "message": "Tweet needs to be a bit shorter."}]}, status=403)
    if len(CASHTAG.findall(text)) > 1:
        return problem(403, "Forbidden", "Posts are limited to a maximum of one cashtag")
    if any(p.text == text for p in standing(world)):
        return problem(403, "Forbidden", "You are not allowed to create a Tweet with duplicate content.")
    return checked_media(world, fields.get("media", {}).get("media_ids", []))


def checked_media(world, ids):
    media = [memory(world)["media"].get(i) for i in ids]
    if None in media:
        return invalid("Your media IDs are invalid.")
    if any(m["type"].startswith("video/") and (m["looks"] < 2 or len(ids) > 1) for m in media):
        return invalid("Your media IDs are invalid: still being processed, or too many.")
    return None if len(ids) <= 4 else problem(403, "Forbidden", "You may attach a maximum of 4 items")


def new_post(world, fields):
    media = [memory(world)["media"][i] for i in fields.get("media", {}).get("media_ids", [])]
    first = media[0] if media else {"id": "", "alt": "", "type": "", "bytes": 0}
    links = LINK.findall(fields.get("text", ""))
    return world.add_post("x", PLACE, fields.get("text", ""), id=str(POST_AT + world.number()), image=first["id"],
                          alt=first["alt"], url=links[-1] if links else "",
                          extra={"media": [{k: m[k] for k in ("type", "bytes", "hash")} for m in media],
                                 "reply_to": fields.get("reply", {}).get("in_reply_to_tweet_id", "")})


def make(world, request, body):
    fields = json.loads(body)
    parent = fields.get("reply", {}).get("in_reply_to_tweet_id")
    previous = fields.get("edit_options", {}).get("previous_post_id")
    no = checked(world, fields)
    if no is not None:
        return no
    for wanted, code in ((parent, 385), (previous, 144)):
        if wanted is not None and not any(p.id == wanted for p in standing(world)):
            return web.json_response({"errors": [{"code": code, "message": "That Tweet is deleted or not visible to you."}]},
                                     status=403)
    if previous is not None and not memory(world)["premium"]:
        return problem(403, "Forbidden", "You are not permitted to edit this Post.")
    if previous is not None:
        world.find_post("x", PLACE, previous).stands = False
    post = new_post(world, fields)
    return answer({"data": {"id": post.id, "text": told(post)["text"], "edit_history_post_ids": [post.id]}}, 201)


def remove(world, request, body):
    post = world.find_post("x", PLACE, request.match_info["id"])
    if post is None or not post.stands:
        return problem(404, "Not Found Error", "Could not find tweet with id",
                       "https://api.x.com/2/problems/resource-not-found")
    post.stands = False
    return answer({"data": {"deleted": True}})


def listed(world, request, body):
    query = request.query
    if request.match_info["id"] != ME or not 5 <= int(query.get("max_results", 10)) <= 100:
        return invalid("id, max_results")
    posts, at = standing(world)[::-1], int(query.get("pagination_token", "p0")[1:])
    page = posts[at:at + int(query.get("max_results", 10))]
    meta = {"result_count": len(page)}
    if len(posts) > at + len(page):
        meta["next_token"] = f"p{at + len(page)}"
    return answer({**({"data": [told(p) for p in page]} if page else {}), "meta": meta})


# ---- media ----

def new_media(world, kind, raw):
    media = {"id": str(POST_AT + world.number()), "type": kind, "raw": raw, "bytes": len(raw), "alt": "", "looks": 0,
             "segments": {}, "hash": hashlib.sha256(raw).hexdigest()}
    memory(world)["media"][media["id"]] = media
    return media


def upload(world, request, body):
    form = read_form(request, body)
    part = form["media"]
    if form.get("media_category") != "tweet_image" or len(part.bytes) > 5 * 1024 * 1024:
        return invalid("media")
    media = new_media(world, part.type, part.bytes)
    return answer({"data": {"id": media["id"], "media_key": f"3_{media['id']}", "size": media["bytes"],
                            "expires_after_secs": 86400}})


def describe(world, request, body):
    fields = json.loads(body)
    text = fields["metadata"]["alt_text"]["text"]
    if len(text) > 1000:
        return invalid("alt_text")
    memory(world)["media"][fields["id"]]["alt"] = text
    return answer({"data": {"id": fields["id"], "associated_metadata": fields["metadata"]}})


def begin(world, request, body):
    fields = json.loads(body)
    media = new_media(world, fields["media_type"], b"")
    media["total"] = fields["total_bytes"]
    return answer({"data": {"id": media["id"], "media_key": f"7_{media['id']}", "expires_after_secs": 1295999}})


def upload_of(world, request):
    return memory(world)["media"].get(request.match_info["id"])


def append(world, request, body):
    media, form = upload_of(world, request), read_form(request, body)
    if media is None:
        return problem(404, "Not Found Error", "no such upload", "https://api.x.com/2/problems/resource-not-found")
    if not 0 <= int(form["segment_index"]) <= 999 or len(form["media"].bytes) > 5 * 1024 * 1024:
        return invalid("segment_index")
    media["segments"][int(form["segment_index"])] = form["media"].bytes
    return answer({"data": {"expires_at": int(clock.now()) + 3600}})


def finish(world, request, body):
    media = upload_of(world, request)
    if media is None:
        return problem(404, "Not Found Error", "no such upload", "https://api.x.com/2/problems/resource-not-found")
    raw = b"".join(media["segments"][n] for n in sorted(media["segments"]))
    if len(raw) != media["total"] or sorted(media["segments"]) != list(range(len(media["segments"]))):
        return invalid("segments are missing")
    media.update(bytes=len(raw), hash=hashlib.sha256(raw).hexdigest())
    return answer({"data": {"id": media["id"], "processing_info": {"state": "pending", "check_after_secs": 0.05}}})


def status(world, request, body):
    media = memory(world)["media"].get(request.query["media_id"])
    if media is None or request.query.get("command") != "STATUS":
        return problem(404, "Not Found Error", "no such upload", "https://api.x.com/2/problems/resource-not-found")
    media["looks"] += 1
    state = "succeeded" if media["looks"] > 1 else "in_progress"
    return answer({"data": {"id": media["id"], "processing_info": {"state": state, "check_after_secs": 0.05}}})


def control(world, body):
    for name in ("credits", "premium"):
        if name in body:
            memory(world)[name] = body[name]
    if body.get("expire_media"):
        memory(world)["media"].clear()


ROUTES = [
    *oauth.routes(authority, page="/i/oauth2/authorize", token="/2/oauth2/token", revoke="/2/oauth2/revoke"),
    ("GET", "/2/users/me", guarded(me)),
    ("GET", "/2/users/{id}/tweets", guarded(listed)),
    ("POST", "/2/tweets", guarded(make)),
    ("DELETE", "/2/tweets/{id}", guarded(remove)),
    ("POST", "/2/media/upload", guarded(upload)),
    ("GET", "/2/media/upload", guarded(status)),
    ("POST", "/2/media/metadata", guarded(describe)),
    ("POST", "/2/media/upload/initialize", guarded(begin)),
    ("POST", "/2/media/upload/{id}/append", guarded(append)),
    ("POST", "/2/media/upload/{id}/finalize", guarded(finish)),
]
