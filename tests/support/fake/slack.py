"""Slack: a bot's messages posted, changed, deleted and listed with their metadata, and incoming webhooks,
which say "ok" and no more. Refusals come with status 200 and a word; webhooks speak plain text. Nothing
is recognised when it comes again: what is sent twice stands twice. A picture that cannot be fetched
makes it refuse the whole message."""

import json
import re
from html import unescape

from aiohttp import web

from . import clock

HERE = r"https?://(127\.[0-9.]+|localhost)(:\d+)?/img/"
BOT = "B0987654321"
OK = {"ok": True}


class Refused(Exception):
    def __init__(self, error, message=None):
        super().__init__(error)
        self.error, self.message = error, message


def refusal(status, retry_after=None):
    headers = {} if retry_after is None else {"Retry-After": str(int(retry_after))}
    if status == 429:
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
    return web.Response(text="server_error", status=status, headers=headers)


# ---- what a message holds ----

def shown(text):
    """What readers see of mrkdwn."""
    text = re.sub(r"<(https?://[^|>]+)(\|[^>]*)?>", r"\1", text)
    return unescape(text).replace("\u200b", "")


def checked_text(text, limit, where):
    if not 1 <= len(text.get("text", "")) <= limit:
        raise Refused("invalid_blocks", f"must be less than {limit + 1} characters [json-pointer:{where}]")
    if re.search(r"&(?!amp;|lt;|gt;)|<(?!https?://|!)", text["text"]):
        raise Refused("invalid_blocks", f"not escaped [json-pointer:{where}]")
    return shown(text["text"])


def checked_picture(picture, where):
    if not 1 <= len(picture.get("alt_text", "")) <= 2000:
        raise Refused("invalid_blocks", f"missing required field: alt_text [json-pointer:{where}]")
    if not re.match(HERE, picture["image_url"]) or "broken" in picture["image_url"]:
        raise Refused("invalid_blocks", f"downloading image failed [json-pointer:{where}/image_url]")
    return {"image": picture["image_url"], "alt": picture["alt_text"]}


def checked(fields):
    """The parts of a post, or a refusal."""
    texts, parts = [], {}
    if not (fields.get("text") or "").strip():
        raise Refused("no_text")
    for n, block in enumerate(fields.get("blocks") or []):
        where = f"/blocks/{n}"
        kind = block.get("type")
        if kind == "header":
            texts.append(checked_text(block["text"], 150, where))
        elif kind == "section":
            texts.append(checked_text(block["text"], 3000, where))
            if "accessory" in block:
                parts |= {"image": block["accessory"]["image_url"], "alt": block["accessory"]["alt_text"]}
        elif kind == "image":
            parts |= checked_picture(block, where)
        elif kind not in ("context", "actions"):
            raise Refused("invalid_blocks", f"unsupported type: {kind} [json-pointer:{where}/type]")
    return {"text": "\n".join(texts) or shown(fields["text"]), **parts}


def create(world, place, fields, **extra):
    parts = checked(fields)
    number = world.number()
    return world.add_post("slack", place, parts.pop("text"), id=f"{int(clock.now())}.{number % 1000000:06d}",
                          key=(fields.get("metadata") or {}).get("event_payload", {}).get("key", ""),
                          extra={"metadata": fields.get("metadata"), "source": fields, **extra}, **parts)


def standing(world, fields):
    post = world.find_post("slack", fields["channel"], fields["ts"])
    if post is None or not post.stands:
        raise Refused("message_not_found")
    return post


# ---- the Web API ----

def auth_test(world, request, fields):
    return {"url": "https://example.slack.com/", "team": "Example News", "user": "news", "team_id": "T0123456789",
            "user_id": "U0123456789", "bot_id": BOT}


def post_message(world, request, fields):
    post = create(world, fields["channel"], fields)
    return {"channel": post.place, "ts": post.id, "message": {"text": fields["text"], "bot_id": BOT, "ts": post.id}}


def update(world, request, fields):
    post = standing(world, fields)
    parts = checked(fields)
    post.edit(parts.pop("text"))
    post.image, post.alt = parts.get("image", ""), parts.get("alt", "")
    return {"channel": post.place, "ts": post.id, "text": fields["text"]}


def delete(world, request, fields):
    post = standing(world, fields)
    if world.of("slack", dict).get("keeps"):
        raise Refused("cant_delete_message")
    post.stands = False
    return {"channel": post.place, "ts": post.id}


def history(world, request, fields):
    posts = [p for p in world.posts if (p.platform, p.place) == ("slack", fields["channel"]) and p.stands
             and float(p.id) > float(fields.get("oldest", "0"))][::-1]
    start, limit = int(fields.get("cursor") or 0), min(int(fields.get("limit", "100")), 15)
    more = start + limit < len(posts)
    messages = [{"type": "message", "ts": p.id, "bot_id": BOT, "text": p.text,
                 **({"metadata": p.extra["metadata"]} if fields.get("include_all_metadata") == "true" else {})}
                for p in posts[start:start + limit]]
    return {"messages": messages, "has_more": more,
            "response_metadata": {"next_cursor": str(start + limit) if more else ""}}


def method(handler, reads_body=True):
    def handle(world, request, body):
        try:
            if "slack" in world.revoked:
                raise Refused("token_revoked")
            if not request.headers.get("Authorization", "").startswith("Bearer xoxb-"):
                raise Refused("not_authed")
            result = handler(world, request, json.loads(body) if reads_body else dict(request.query))
        except Refused as no:
            told = {"response_metadata": {"messages": [f"[ERROR] {no.message}"]}} if no.message else {}
            return web.json_response({"ok": False, "error": no.error, **told})
        except (KeyError, ValueError):
            return web.json_response({"ok": False, "error": "invalid_arguments"})
        return web.json_response(OK | result)
    return handle


# ---- incoming webhooks ----

def hook(world, request, body):
    if "slack" in world.revoked:
        return web.Response(text="no_service", status=404)
    try:
        create(world, request.match_info["hook"], json.loads(body), hook=True)
    except Refused as no:
        return web.Response(text=no.error, status=400)
    except (KeyError, ValueError, AttributeError):
        return web.Response(text="invalid_payload", status=400)
    return web.Response(text="ok", content_type="text/html")

ROUTES = [
    ("POST", "/api/auth.test", method(auth_test)),
    ("POST", "/api/chat.postMessage", method(post_message)),
    ("POST", "/api/chat.update", method(update)),
    ("POST", "/api/chat.delete", method(delete)),
    ("GET", "/api/conversations.history", method(history, reads_body=False)),
    ("POST", "/services/{team}/{hook}/{secret}", hook),
]
