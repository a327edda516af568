"""A Mastodon server: instance limits, media that takes a moment, statuses with a memory of
Idempotency-Keys, edits, deletions, an account's own list. Lengths in grapheme clusters with 23 for
every link. Only the first part of a token counts: any token is one account.

A key is remembered only once its status is made: two requests of one key side by side make two
statuses, as on a real server. A fault of kind `delay` on POST /api/v1/statuses opens that window."""

import asyncio
import datetime
import html
import json
import re

from aiohttp import web

from . import clock
from .world import graphemes, read_form

MAX_CHARACTERS = 500
KEY_KEPT_S = 3600
TAKES_ITS_TIME = (("POST", "/api/v1/statuses"),)
LINK = re.compile(r"https?://[^\s]+")
ACCOUNT = {"id": "42", "username": "example", "acct": "example", "display_name": "Example News"}


def moment(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc)


def memory(world):
    return world.of("mastodon", lambda: {"media": {}, "keys": {}})


def limited(response, remaining=299):
    reset = moment(clock.now()) + datetime.timedelta(minutes=5)
    response.headers["X-RateLimit-Limit"] = "300"
    response.headers["X-RateLimit-Remaining"] = str(remaining)
    response.headers["X-RateLimit-Reset"] = reset.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return response


def answer(body, status=200):
    return limited(web.json_response(body, status=status))


def refusal(status, retry_after=None, text=None):
    texts = {401: "The access token is invalid", 404: "Record not found", 429: "Too many requests"}
    response = answer({"error": text or texts.get(status, "Something went wrong")}, status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(int(retry_after))
    elif status == 429:
        soon = moment(clock.now()) + datetime.timedelta(seconds=1)
        response.headers["X-RateLimit-Remaining"] = "0"
        response.headers["X-RateLimit-Reset"] = soon.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return response


def measured(text):
    return graphemes(LINK.sub("x" * 23, text))


def status_json(request, post):
    base = f"{request.scheme}://{request.host}"
    linked = LINK.sub(lambda m: f'<a href="{html.escape(m[0])}">{html.escape(m[0])}</a>', post.text)
    return {
        "id": post.id, "uri": f"{base}/users/example/statuses/{post.id}",
        "url": f"{base}/@example/{post.id}", "created_at": iso(post.at),
        "edited_at": iso(post.at) if post.edits else None, "content": f"<p>{linked}</p>",
        "visibility": "public", "language": post.language or None, "account": ACCOUNT, "card": None,
        "media_attachments": [{"id": post.image}] if post.image else [],
    }


def iso(at):
    return moment(at).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def instance(world, request, body):
    return answer({
        "domain": request.host, "version": "4.4.0",
        "configuration": {
            "statuses": {"max_characters": MAX_CHARACTERS, "max_media_attachments": 4,
                         "characters_reserved_per_url": 23},
            "media_attachments": {
                "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp"],
                "image_size_limit": 16777216, "image_matrix_limit": 33177600,
                "description_limit": 1500},
        },
    })


def upload(world, request, body):
    form = read_form(request, body)
    part = form.get("file")
    if part is None or isinstance(part, str):
        return refusal(422, text="Validation failed: File can't be blank")
    media = {"id": str(world.number()), "alt": form.get("description", ""), "looks": 0,
             "bytes": len(part.bytes), "type": part.type}
    if len(media["alt"]) > 1500:
        return refusal(422, text="Validation failed: Description is too long")
    memory(world)["media"][media["id"]] = media
    return answer({"id": media["id"], "type": "image", "url": None,
                   "description": media["alt"]}, status=202)


def look_at_media(world, request, body):
    media = memory(world)["media"].get(request.match_info["id"])
    if media is None:
        return refusal(404)
    media["looks"] += 1
    ready = media["looks"] > 1
    url = f"{request.scheme}://{request.host}/media/{media['id']}.jpg" if ready else None
    return answer({"id": media["id"], "type": "image", "url": url,
                   "description": media["alt"]}, status=200 if ready else 206)


def checked(world, fields):
    """None, or the refusal of a status with these fields."""
    text = fields.get("status", "")
    if not text.strip() and not fields.get("media_ids"):
        return refusal(422, text="Validation failed: Text can't be blank")
    if measured(text) > MAX_CHARACTERS:
        return refusal(422, text=f"Validation failed: Text limit of {MAX_CHARACTERS} characters exceeded")
    for media_id in fields.get("media_ids") or []:
        media = memory(world)["media"].get(str(media_id))
        if media is None:
            return refusal(422, text="Validation failed: Media not found")
        if media["looks"] < 2:
            return refusal(422, text="Cannot attach files that have not finished processing. "
                                     "Try again in a moment!")
    return None


def picture(world, fields):
    ids = [str(i) for i in fields.get("media_ids") or []]
    media = memory(world)["media"].get(ids[0]) if ids else None
    return {"image": ids[0], "alt": media["alt"]} if media else {}


async def create(world, request, body):
    fields, key = json.loads(body), request.headers.get("Idempotency-Key", "")
    known, known_at = memory(world)["keys"].get(key, (None, 0))
    if known is not None and clock.now() - known_at < KEY_KEPT_S:
        world.duplicates.append({"platform": "mastodon", "key": key})
        return answer(status_json(request, known))
    no = checked(world, fields)
    if no is not None:
        return no
    age = world.age
    await asyncio.sleep(request.get("takes_s", 0))
    if world.age != age:
        return answer({"error": "the world it came from is gone"}, 503)
    post = world.add_post("mastodon", "@example", fields.get("status", ""), key=key,
                          language=fields.get("language", ""), **picture(world, fields))
    if key:
        memory(world)["keys"][key] = (post, clock.now())
    return answer(status_json(request, post))


def one(world, request):
    post = world.find_post("mastodon", "@example", request.match_info["id"])
    return post if post is not None and post.stands else None


def show(world, request, body):
    post = one(world, request)
    return answer(status_json(request, post)) if post else refusal(404)


def change(world, request, body):
    post, fields = one(world, request), json.loads(body)
    if post is None:
        return refusal(404)
    no = checked(world, fields)
    if no is not None:
        return no
    post.edit(fields.get("status", ""))
    for name, value in picture(world, fields).items():
        setattr(post, name, value)
    return answer(status_json(request, post))


def remove(world, request, body):
    post = one(world, request)
    if post is None:
        return refusal(404)
    post.stands = False
    return answer(status_json(request, post) | {"text": post.text})


def account_statuses(world, request, body):
    posts = [p for p in world.posts if p.platform == "mastodon" and p.stands]
    limit = int(request.query.get("limit", "20"))
    older = request.query.get("max_id")
    if older:
        posts = [p for p in posts if int(p.id) < int(older)]
    return answer([status_json(request, p) for p in posts[::-1][:limit]])


def guarded(handler):
    async def checked_handler(world, request, body):
        if "mastodon" in world.revoked or not request.headers.get("Authorization", "").startswith("Bearer "):
            return refusal(401)
        try:
            result = handler(world, request, body)
            return await result if hasattr(result, "__await__") else result
        except ValueError:
            return refusal(422, text="Validation failed: unreadable")
    return checked_handler

ROUTES = [
    ("GET", "/api/v2/instance", guarded(instance)),
    ("GET", "/api/v1/accounts/verify_credentials", guarded(lambda w, r, b: answer(ACCOUNT))),
    ("GET", "/api/v1/accounts/{account}/statuses", guarded(account_statuses)),
    ("POST", "/api/v2/media", guarded(upload)),
    ("GET", "/api/v1/media/{id}", guarded(look_at_media)),
    ("POST", "/api/v1/statuses", guarded(create)),
    ("GET", "/api/v1/statuses/{id}", guarded(show)),
    ("PUT", "/api/v1/statuses/{id}", guarded(change)),
    ("DELETE", "/api/v1/statuses/{id}", guarded(remove)),
]
