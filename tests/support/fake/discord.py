"""Discord's API, version 10: a webhook executed, its messages edited and deleted; a bot's messages,
its channel's list, its nonces. Lengths in characters, the sum of a card's texts, its own error codes.
A webhook remembers nothing: what is sent twice stands twice. Of a bot's two messages with one nonce
within some minutes the second is the first."""

import datetime
import json
import re

from aiohttp import web

from . import clock

EPOCH_S = 1420070400
NONCE_KEPT_S = 300
GUILD = "223456789012345600"
BOT = "223456789012345999"
LIMITS = {"title": 256, "description": 4096}
HERE = r"https?://(127\.[0-9.]+|localhost)(:\d+)?/img/"


class Refused(Exception):
    def __init__(self, status, code, text, **more):
        super().__init__(text)
        self.status, self.body = status, {"message": text, "code": code} | more


def faults(**members):
    errors = {name: {"_errors": [{"code": "INVALID", "message": text}]} for name, text in members.items()}
    return Refused(400, 50035, "Invalid Form Body", errors=errors)


def limited(response):
    for name, value in (("Limit", "5"), ("Remaining", "4"), ("Reset-After", "2.000"), ("Bucket", "abcd1234")):
        response.headers[f"X-RateLimit-{name}"] = value
    return response


def answer(body, status=200):
    return limited(web.json_response(body, status=status))


def refusal(status, retry_after=None):
    texts = {401: "401: Unauthorized", 404: "404: Not Found", 429: "You are being rate limited."}
    body = {"message": texts.get(status, f"{status}: Error"), "code": 0}
    if status != 429:
        return web.json_response(body, status=status)
    wait = 0.3 if retry_after is None else retry_after
    return web.json_response({"message": texts[429], "retry_after": wait, "global": False}, status=429,
                             headers={"Retry-After": str(int(wait) or 1), "X-RateLimit-Scope": "user"})


def snowflake(world):
    return str((int((clock.now() - EPOCH_S) * 1000) << 22) + world.number())


def moment(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).isoformat()


def shown(text):
    """What readers see of Markdown with escapes."""
    return re.sub(r"\\([^\w\s])", r"\1", text)


# ---- what a message holds ----

def checked_card(card):
    for name, limit in LIMITS.items():
        if len(card.get(name, "")) > limit:
            raise faults(**{f"embeds.0.{name}": f"Must be {limit} or fewer in length."})
    footer = card.get("footer", {}).get("text", "")
    if sum(len(card.get(name, "")) for name in LIMITS) + len(footer) > 6000:
        raise faults(embeds="Embed size exceeds maximum size of 6000")
    image = card.get("image") or card.get("thumbnail") or {}
    for url in filter(None, (card.get("url"), image.get("url"))):
        if not re.match(r"https?://", url) or len(url) > 2048:
            raise faults(**{"embeds.0.url": "Not a well formed URL."})
    return image


def checked(fields):
    """The parts of a post, or a refusal."""
    content, cards = fields.get("content") or "", fields.get("embeds") or []
    if not content.strip() and not cards:
        raise Refused(400, 50006, "Cannot send an empty message")
    if len(content) > 2000:
        raise faults(content="Must be 2000 or fewer in length.")
    if "parse" not in (fields.get("allowed_mentions") or {}):
        raise faults(allowed_mentions="This stand-in insists on them.")
    card = cards[0] if cards else {}
    image = checked_card(card)
    texts = [shown(t) for t in (content, card.get("title", ""), card.get("description", "")) if t]
    return {"text": "\n".join(texts), "url": card.get("url", ""), "image": image.get("url", ""),
            "alt": image.get("description", "")}


def create(world, place, fields, **more):
    parts = checked(fields)
    return world.add_post("discord", place, parts.pop("text"), id=snowflake(world), extra={
        "content": fields.get("content"), "flags": fields.get("flags", 0),
        "allowed_mentions": fields["allowed_mentions"], "username": fields.get("username"), **more}, **parts)


def change(post, fields):
    parts = checked(fields)
    post.edit(parts.pop("text"))
    for name, value in parts.items():
        setattr(post, name, value)


def message(post):
    card = {"type": "rich", "url": post.url, "image": {"url": post.image}} if post.url else None
    return {"id": post.id, "channel_id": post.place, "type": 0, "content": post.extra["content"] or "",
            "timestamp": moment(post.at), "edited_timestamp": moment(clock.now()) if post.edits else None,
            "author": {"id": post.extra["author"], "bot": True}, "nonce": post.extra.get("nonce"),
            "embeds": [card] if card else []}


def standing(world, place, request):
    post = world.find_post("discord", place, request.match_info["message"])
    if post is None or not post.stands:
        raise Refused(404, 10008, "Unknown Message")
    return post


# ---- by webhook ----

def channel_of(hook):
    return str(int(hook) + 1)


def look_at_hook(world, request, body):
    hook = request.match_info["id"]
    return answer({"type": 1, "id": hook, "name": "Example News", "guild_id": GUILD,
                   "channel_id": channel_of(hook), "token": request.match_info["token"]})


def execute(world, request, body):
    hook, fields = request.match_info["id"], json.loads(body)
    if not 1 <= len(fields.get("username") or "x") <= 80:
        raise faults(username="Must be between 1 and 80 in length.")
    post = create(world, request.query.get("thread_id", channel_of(hook)), fields, author=hook)
    return answer(message(post)) if request.query.get("wait") == "true" else web.Response(status=204)


def hook_message(world, request, body):
    place = request.query.get("thread_id", channel_of(request.match_info["id"]))
    return change_or_remove(standing(world, place, request), request, body)


def change_or_remove(post, request, body):
    if request.method == "DELETE":
        post.stands = False
        return limited(web.Response(status=204))
    change(post, json.loads(body))
    return answer(message(post))


# ---- as a bot ----

def look_at_channel(world, request, body):
    return answer({"id": request.match_info["channel"], "type": 0, "guild_id": GUILD, "name": "breaking-news"})


def send(world, request, body):
    place, fields = request.match_info["channel"], json.loads(body)
    nonces = world.of("discord", dict).setdefault("nonces", {})
    key = (place, fields.get("nonce"))
    known, at = nonces.get(key, (None, 0))
    if known is not None and fields.get("enforce_nonce") and clock.now() - at < NONCE_KEPT_S:
        world.duplicates.append({"platform": "discord", "key": fields["nonce"]})
        return answer(message(known))
    post = create(world, place, fields, author=BOT, nonce=fields.get("nonce"))
    nonces[key] = (post, clock.now())
    return answer(message(post))


def list_messages(world, request, body):
    posts = [p for p in world.posts if (p.platform, p.place) == ("discord", request.match_info["channel"]) and p.stands]
    before = request.query.get("before")
    if before:
        posts = [p for p in posts if int(p.id) < int(before)]
    return answer([message(p) for p in posts[::-1][:int(request.query.get("limit", "50"))]])


def bot_message(world, request, body):
    return change_or_remove(standing(world, request.match_info["channel"], request), request, body)


# ---- the door ----

def guarded(handler, refused):
    def handle(world, request, body):
        if not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
            return web.Response(text="<html>error code: 1020</html>", status=403, content_type="text/html")
        try:
            if "discord" in world.revoked:
                raise refused
            return handler(world, request, body)
        except Refused as no:
            return answer(no.body, no.status)
        except (KeyError, ValueError, AttributeError) as error:
            return answer({"message": f"unreadable: {error}", "code": 50109}, 400)
    return handle


def by_hook(handler):
    return guarded(handler, Refused(404, 10015, "Unknown Webhook"))


def by_bot(handler):
    inner = guarded(handler, Refused(401, 0, "401: Unauthorized"))

    def handle(world, request, body):
        if not request.headers.get("Authorization", "").startswith("Bot "):
            return refusal(401)
        return inner(world, request, body)
    return handle

HOOK = "/api/v10/webhooks/{id}/{token}"
CHANNEL = "/api/v10/channels/{channel}"
ROUTES = [
    ("GET", HOOK, by_hook(look_at_hook)),
    ("POST", HOOK, by_hook(execute)),
    ("PATCH", HOOK + "/messages/{message}", by_hook(hook_message)),
    ("DELETE", HOOK + "/messages/{message}", by_hook(hook_message)),
    ("GET", "/api/v10/users/@me", by_bot(lambda w, r, b: answer({"id": BOT, "username": "news", "bot": True}))),
    ("GET", CHANNEL, by_bot(look_at_channel)),
    ("GET", CHANNEL + "/messages", by_bot(list_messages)),
    ("POST", CHANNEL + "/messages", by_bot(send)),
    ("PATCH", CHANNEL + "/messages/{message}", by_bot(bot_message)),
    ("DELETE", CHANNEL + "/messages/{message}", by_bot(bot_message)),
]
