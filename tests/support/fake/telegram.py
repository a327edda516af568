"""Telegram's Bot API: sendMessage, sendPhoto, edits, deletions, with its own error texts, its HTML
parser, lengths in UTF-16 units behind the markup. No idempotency, as in reality: what is sent twice
stands twice. The message in a chat is known by (chat, message_id)."""

import json
import re
from html import unescape
from html.parser import HTMLParser

from aiohttp import web

from .world import read_form, utf16_units

TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "tg-spoiler", "a",
        "code", "pre", "blockquote", "tg-emoji", "tg-time"}
ENTITIES = {"lt", "gt", "amp", "quot"}


class Refused(Exception):
    def __init__(self, code, text, **parameters):
        super().__init__(text)
        self.code, self.text, self.parameters = code, text, parameters


class Markup(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=False)
        self.open, self.text, self.links = [], "", []

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            raise Refused(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"'
                               f" at byte offset {self.getpos()[1]}")
        self.open.append(tag)
        self.links += [value for name, value in attrs if tag == "a" and name == "href"]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise Refused(400, "Bad Request: can't parse entities: Unmatched end tag at byte offset "
                               f"{self.getpos()[1]}")

    def handle_data(self, data):
        self.text += data

    def handle_entityref(self, name):
        self.text += unescape(f"&{name};") if name in ENTITIES else f"&{name};"

    def handle_charref(self, name):
        self.text += unescape(f"&#{name};")

    def read(self, html):
        self.feed(html)
        self.close()
        if self.open:
            raise Refused(400, "Bad Request: can't parse entities: Can't find end tag corresponding "
                               f'to start tag "{self.open[-1]}"')
        return self.text


def plain(fields, name):
    text = fields.get(name) or ""
    if fields.get("parse_mode", "").upper() == "HTML":
        return Markup().read(text)
    return text


def check_length(fields, name, limit, text_of):
    text = plain(fields, name)
    if utf16_units(text) > limit:
        raise Refused(400, f"Bad Request: {text_of} is too long")
    return text


def read_fields(request, body):
    if request.content_type == "application/json":
        return json.loads(body or b"{}")
    fields = read_form(request, body)
    return {name: value if isinstance(value, str) else value.bytes for name, value in fields.items()}


def message(chat, post_id, at, text):
    username = chat[1:] if chat.startswith("@") else None
    number = -1001000000000 - sum(chat.encode())
    about = {"id": number, "type": "channel", "title": "Example News"}
    if username:
        about["username"] = username
    return {"message_id": int(post_id), "date": int(at), "chat": about, "text": text}


def place_of(world, chat):
    """A chat is the same by name and by number."""
    chats = world.of("telegram", dict).setdefault("chats", {})
    text = str(chat)
    if text.startswith("@"):
        chats[str(-1001000000000 - sum(text.encode()))] = text
    return chats.get(text, text)


def send_message(world, fields):
    text = check_length(fields, "text", 4096, "message")
    if not text.strip():
        raise Refused(400, "Bad Request: message text is empty")
    place = place_of(world, fields["chat_id"])
    preview = fields.get("link_preview_options") or {}
    post = world.add_post("telegram", place, text, url=preview.get("url", ""),
                          extra={"source": fields["text"]})
    return message(place, post.id, post.at, text)


def send_photo(world, fields):
    text = check_length(fields, "caption", 1024, "message caption")
    photo = fields.get("photo")
    if isinstance(photo, str) and not re.match(r"https?://(127\.[0-9.]+|localhost)(:\d+)?/img/", photo):
        raise Refused(400, "Bad Request: failed to get HTTP URL content")
    if isinstance(photo, str) and "broken" in photo:
        raise Refused(400, "Bad Request: wrong type of the web page content")
    place = place_of(world, fields["chat_id"])
    image = photo if isinstance(photo, str) else f"({len(photo)} bytes)"
    post = world.add_post("telegram", place, text, image=image,
                          extra={"source": fields.get("caption", "")})
    return message(place, post.id, post.at, text)


def standing(world, fields, verb):
    place = place_of(world, fields["chat_id"])
    post = world.find_post("telegram", place, fields["message_id"])
    if post is None or not post.stands:
        raise Refused(400, f"Bad Request: message to {verb} not found")
    return place, post


def edit(world, fields, name, limit):
    place, post = standing(world, fields, "edit")
    text = check_length(fields, name, limit, "message")
    if text == post.text:
        raise Refused(400, "Bad Request: message is not modified: specified new message content and "
                           "reply markup are exactly the same as a current content")
    post.edit(text)
    return message(place, post.id, post.at, text)


def delete(world, fields):
    standing(world, fields, "delete")[1].stands = False
    return True

METHODS = {
    "getMe": lambda world, f: {"id": 123456, "is_bot": True, "first_name": "Example",
                               "username": "example_bot"},
    "getChat": lambda world, f: message(place_of(world, f["chat_id"]), 1, 0, "")["chat"],
    "sendMessage": send_message,
    "sendPhoto": send_photo,
    "editMessageText": lambda world, f: edit(world, f, "text", 4096),
    "editMessageCaption": lambda world, f: edit(world, f, "caption", 1024),
    "deleteMessage": delete,
}


def refusal(status, retry_after=None, text=None):
    texts = {401: "Unauthorized", 403: "Forbidden: bot was kicked from the channel chat",
             404: "Not Found", 429: f"Too Many Requests: retry after {retry_after}",
             500: "Internal Server Error", 502: "Bad Gateway"}
    body = {"ok": False, "error_code": status, "description": text or texts.get(status, "Bad Request")}
    if retry_after is not None:
        body["parameters"] = {"retry_after": int(retry_after)}
    return web.json_response(body, status=status)


async def handle(world, request, body):
    if not re.fullmatch(r"\d+:[\w-]+", request.match_info["token"]):
        return refusal(404)
    if "telegram" in world.revoked:
        return refusal(401)
    method = METHODS.get(request.match_info["method"])
    if method is None:
        return refusal(404)
    try:
        result = method(world, read_fields(request, body))
    except Refused as no:
        return refusal(no.code, text=no.text)
    except (KeyError, ValueError) as error:
        return refusal(400, text=f"Bad Request: {error}")
    return web.json_response({"ok": True, "result": result})

ROUTES = [("*", "/telegram/bot{token}/{method}", handle), ("*", "/bot{token}/{method}", handle)]
