"""Pinterest: Pins with a picture, several, or a video that was registered, uploaded and processed before; changes,
deletions, a board's Pins newest first. It knows no repeat and takes every Pin.

  POST /_control/pinterest   each member if it is there:
     "error": [status, code, message]   the answer to the next call
     "looks": n                         so many looks until a video is processed
"""

import base64
import datetime
import json

from aiohttp import web

from . import oauth
from .world import Part, read_form

BOARD = "549755885175"
SIGNATURE = "fcd6309a6aaee213348666a72abed8b4"


def authority(world):
    return oauth.of(world, "pinterest", life_s=2592000, refresh_life_s=5184000, rotates=True,
                    given=("given-token", "Kx2Vd-planted-pinterest-access-token-Jq9"))


def authorities(world):
    authority(world)


def memory(world):
    return world.of("pinterest", lambda: {"media": {}, "error": None, "looks": 1})


def said(status, code, message):
    return web.json_response({"code": code, "message": message}, status=status)


def refusal(status, retry_after=None):
    texts = {401: (2, "Authentication failed."), 403: (29, "You are not permitted to access that resource."),
             404: (50, "Pin not found."), 429: (8, "You have exceeded your rate limit.")}
    response = said(status, *texts.get(status, (0, "Something went wrong on our end.")))
    if retry_after is not None:
        response.headers["Retry-After"] = str(int(retry_after))
    elif status == 429:
        response.headers["X-RateLimit-Reset"] = "1"
    return response


def control(world, request, body):
    memory(world).update(json.loads(body))
    return web.json_response({})


def guarded(handler):
    def checked(world, request, body):
        mine = memory(world)
        if "pinterest" in world.revoked or not authority(world).accepts(oauth.bearer(request)):
            return refusal(401)
        if mine["error"]:
            error, mine["error"] = mine["error"], None
            return said(*error)
        return handler(world, request, json.loads(body or b"{}"))
    return checked


# ---- videos ----

def register(world, request, told):
    if told != {"media_type": "video"}:
        return said(400, 1, "Invalid media_type")
    number = str(world.number())
    memory(world)["media"][number] = {"status": "registered", "looks": memory(world)["looks"]}
    parameters = {"key": f"uploads/{number}", "policy": "eyJleHBpcmF0aW9uIjoi", "x-amz-signature": SIGNATURE}
    return web.json_response({"media_id": number, "media_type": "video", "upload_parameters": parameters,
                              "upload_url": f"{request.scheme}://{request.host}/pinterest-upload"}, status=201)


def upload(world, request, body):
    form = read_form(request, body)
    media = memory(world)["media"].get(form.get("key", "").removeprefix("uploads/"))
    file = form.get("file")
    if media is None or form.get("x-amz-signature") != SIGNATURE or not isinstance(file, Part) or list(form)[-1] != "file":
        return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>", content_type="application/xml")
    media.update(status="processing", bytes=len(file.bytes))
    return web.Response(status=204)


def look(world, request, told):
    number = request.match_info["id"]
    media = memory(world)["media"].get(number)
    if media is None:
        return said(404, 50, "Media not found.")
    if media["status"] == "processing":
        media["looks"] -= 1
        media["status"] = "processing" if media["looks"] >= 0 else "succeeded"
    return web.json_response({"media_id": number, "media_type": "video", "status": media["status"]})


# ---- Pins ----

def wrong_texts(told):
    for name, most in (("title", 100), ("description", 800), ("alt_text", 500), ("link", 2048)):
        if len(told.get(name) or "") > most:
            return said(400, 1, f"Invalid request: {name} is too long")
    return None


def shown(world, source):
    """What the Pin shows, or a refusal."""
    kind = source.get("source_type")
    if kind == "image_base64" and source.get("content_type") in ("image/jpeg", "image/png"):
        return f"{len(base64.b64decode(source['data'], validate=True))} bytes"
    if kind == "image_url":
        return source["url"]
    if kind == "multiple_image_urls" and 2 <= len(source.get("items", [])) <= 5:
        return " ".join(item["url"] for item in source["items"])
    if kind == "video_id" and ({"cover_image_url", "cover_image_data", "cover_image_key_frame_time"} & set(source)):
        media = memory(world)["media"].get(source.get("media_id"), {})
        return f"video of {media['bytes']} bytes" if media.get("status") == "succeeded" else said(400, 1, "Media is not ready")
    return said(400, 1, "Invalid media_source")


def pin_json(post):
    at = datetime.datetime.fromtimestamp(post.at, datetime.timezone.utc)
    return {"id": post.id, "board_id": BOARD, "title": post.text.split("\n", 1)[0], "description": post.text.partition("\n")[2],
            "link": post.url, "alt_text": post.alt, "created_at": at.strftime("%Y-%m-%dT%H:%M:%S")}


def text_of(told):
    return f"{told.get('title', '')}\n{told.get('description', '')}"


def create(world, request, told):
    if told.get("board_id") != BOARD:
        return said(404, 40, "Board not found.")
    no, picture = wrong_texts(told), shown(world, told.get("media_source", {}))
    if no is not None or not isinstance(picture, str):
        return no or picture
    post = world.add_post("pinterest", BOARD, text_of(told), url=told.get("link", ""), alt=told.get("alt_text", ""), image=picture)
    return web.json_response(pin_json(post), status=201)


def one(world, request):
    post = world.find_post("pinterest", BOARD, request.match_info["id"])
    return post if post is not None and post.stands else None


def change(world, request, told):
    post, no = one(world, request), wrong_texts(told)
    if post is None or no is not None:
        return no or refusal(404)
    post.edit(text_of(told))
    post.url, post.alt = told.get("link", post.url), told.get("alt_text", post.alt)
    return web.json_response(pin_json(post))


def remove(world, request, told):
    post = one(world, request)
    if post is None:
        return refusal(404)
    post.stands = False
    return web.Response(status=204)


def board(world, request, told):
    if request.match_info["id"] != BOARD:
        return said(404, 40, "Board not found.")
    size, start = int(request.query.get("page_size", "25")), int(request.query.get("bookmark", "0"))
    pins = [pin_json(p) for p in reversed(world.posts) if p.platform == "pinterest" and p.stands]
    more = str(start + size) if len(pins) > start + size else None
    return web.json_response({"items": pins[start:start + size], "bookmark": more})


ROUTES = [
    *oauth.routes(authority, page="/pinterest/authorize", token="/v5/oauth/token"),
    ("POST", "/_control/pinterest", control),
    ("POST", "/v5/media", guarded(register)),
    ("POST", "/pinterest-upload", upload),
    ("GET", "/v5/media/{id}", guarded(look)),
    ("POST", "/v5/pins", guarded(create)),
    ("PATCH", "/v5/pins/{id}", guarded(change)),
    ("DELETE", "/v5/pins/{id}", guarded(remove)),
    ("GET", "/v5/boards/{id}/pins", guarded(board)),
    ("GET", "/v5/user_account", guarded(lambda w, r, b: web.json_response({"username": "example", "account_type": "BUSINESS"}))),
]
