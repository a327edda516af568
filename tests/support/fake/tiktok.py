"""TikTok: errors in answers of status 200, pictures that it fetches, videos in pieces, processing that takes a few
looks, and an id that comes later than the post. The post is in the world from when nothing can stop it: with the
request that names its files, or with the last byte of an upload. Pictures are not in the account's list.

  POST /_control/tiktok   each member if it is there:
     "error": [code, status]   the answer to the next call
     "fail": reason            the next post fails while it is processed
     "levels": […]             who posts may go to
     "looks": n                so many looks until a post is through
     "lose": true              the next last piece is not taken, though the answer says so
"""

import json

from aiohttp import web

from . import clock, oauth
from .world import utf16_units

LEVELS = ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]


def authority(world):
    return oauth.of(world, "tiktok", life_s=86400, refresh_life_s=31536000, rotates=True,
                    given=("given-token", "Kx2Vd-planted-tiktok-access-token-Jq9"))


def authorities(world):
    authority(world)


def memory(world):
    return world.of("tiktok", lambda: {"posts": {}, "error": None, "fail": None, "levels": list(LEVELS), "looks": 1})


def answer(data=None, code="ok", status=200, message=""):
    return web.json_response({"data": data or {}, "error": {"code": code, "message": message, "log_id": "2026"}}, status=status)


def refusal(status, retry_after=None):
    codes = {401: "access_token_invalid", 429: "rate_limit_exceeded"}
    response = answer(code=codes.get(status, "internal_error"), status=status, message="It did not work.")
    if retry_after is not None:
        response.headers["Retry-After"] = str(int(retry_after))
    return response


def control(world, request, body):
    memory(world).update(json.loads(body))
    return web.json_response({})


def guarded(handler):
    def checked(world, request, body):
        mine = memory(world)
        if "tiktok" in world.revoked or not authority(world).accepts(oauth.bearer(request)):
            return refusal(401)
        if mine["error"]:
            (code, status), mine["error"] = mine["error"], None
            return answer(code=code, status=status, message="as the test wants it")
        return handler(world, request, json.loads(body or b"{}"))
    return checked


def creator(world, request, told):
    return answer({"creator_username": "example", "creator_nickname": "Example News", "comment_disabled": False,
                   "privacy_level_options": memory(world)["levels"], "max_video_post_duration_sec": 600})


def wrong_info(world, info, inbox):
    if not inbox and info.get("privacy_level") not in memory(world)["levels"]:
        return answer(code="privacy_level_option_mismatch", status=403)
    return None


def begin(world, kind, info, inbox):
    number = f"{kind}~v2.{world.number()}"
    memory(world)["posts"][number] = {"info": info, "inbox": inbox, "looks": memory(world)["looks"], "post": None,
                                      "fail": None, "total": 0, "got": 0}
    return number, memory(world)["posts"][number]


def make_public(world, entry, text, video):
    mine = memory(world)
    entry["fail"], mine["fail"] = mine["fail"], None
    if not entry["fail"] and not entry["inbox"]:
        entry["post"] = world.add_post("tiktok", "@example", text, id=str(7512345678900000000 + world.number()),
                                       extra={"video": video, "at": clock.now()}, image=entry.get("image", ""))


def photos(world, request, told):
    info, source = told.get("post_info", {}), told.get("source_info", {})
    inbox = told.get("post_mode") == "MEDIA_UPLOAD"
    if (told.get("media_type") != "PHOTO" or source.get("source") != "PULL_FROM_URL"
            or not 1 <= len(source.get("photo_images", [])) <= 35
            or utf16_units(info.get("title", "")) > 90 or utf16_units(info.get("description", "")) > 4000):
        return answer(code="invalid_params", status=400)
    if not all(url.startswith("https://") for url in source["photo_images"]):
        return answer(code="url_ownership_unverified", status=403)
    no = wrong_info(world, info, inbox)
    if no is not None:
        return no
    number, entry = begin(world, "p_pub_url", info, inbox)
    entry["image"] = source["photo_images"][0]
    make_public(world, entry, info.get("description", ""), False)
    return answer({"publish_id": number})


def video(world, request, told):
    inbox = "/inbox/" in request.path
    info, source = told.get("post_info", {}), told.get("source_info", {})
    no = wrong_info(world, info, inbox)
    if no is not None:
        return no
    if utf16_units(info.get("title", "")) > 2200:
        return answer(code="invalid_params", status=400)
    if source.get("source") == "PULL_FROM_URL":
        number, entry = begin(world, "v_pub_url", info, inbox)
        make_public(world, entry, info.get("title", ""), True)
        return answer({"publish_id": number})
    size, chunk, count = source["video_size"], source["chunk_size"], source["total_chunk_count"]
    if count != max(1, size // chunk) or (count > 1 and not 5_000_000 <= chunk <= 67_108_864):
        return answer(code="invalid_params", status=400, message="chunks")
    number, entry = begin(world, "v_pub_file", info, inbox)
    entry["total"] = size
    return answer({"publish_id": number, "upload_url": f"{request.scheme}://{request.host}/tiktok-upload?upload_id={number}"})


def take(world, request, body):
    entry = memory(world)["posts"].get(request.query.get("upload_id"))
    if entry is None:
        return web.Response(status=404)
    span, _, total = request.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    first, _, last = span.partition("-")
    if int(total) != entry["total"] or int(first) != entry["got"] or int(last) - int(first) + 1 != len(body):
        return web.Response(status=416)
    if int(last) + 1 < entry["total"]:
        entry["got"] = int(last) + 1
        return web.Response(status=206)
    if memory(world).pop("lose", False):
        return web.Response(status=500)
    entry["got"] = entry["total"]
    make_public(world, entry, entry["info"].get("title", ""), True)
    return web.Response(status=201)


def status_of(entry, number):
    if entry["got"] < entry["total"]:
        return {"status": "PROCESSING_UPLOAD", "uploaded_bytes": entry["got"]}
    entry["looks"] -= 1
    if entry["looks"] >= 1:
        return {"status": "PROCESSING_UPLOAD" if entry["total"] else "PROCESSING_DOWNLOAD", "uploaded_bytes": entry["got"]}
    if entry["fail"]:
        return {"status": "FAILED", "fail_reason": entry["fail"]}
    if entry["inbox"]:
        return {"status": "SEND_TO_USER_INBOX"}
    ids = [int(entry["post"].id)] if entry["looks"] < 0 else []
    return {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": ids}


def status(world, request, told):
    number = told.get("publish_id")
    entry = memory(world)["posts"].get(number)
    return answer(status_of(entry, number)) if entry else answer(code="invalid_publish_id", status=400)


def listed(world, request, told):
    posts = [p for p in world.posts if p.platform == "tiktok" and p.stands and p.extra["video"]]
    return answer({"videos": [{"id": p.id, "title": "", "video_description": p.text, "create_time": int(p.at),
                               "share_url": f"https://www.tiktok.com/@example/video/{p.id}"} for p in posts[::-1][:told.get("max_count", 10)]],
                   "cursor": 0, "has_more": False})


def who(world, request, told):
    return answer({"user": {"open_id": "o-1", "display_name": "Example News"}})


POST = "/v2/post/publish"
ROUTES = [
    *oauth.routes(authority, page="/v2/auth/authorize/", token="/v2/oauth/token/"),
    ("POST", "/_control/tiktok", control),
    ("POST", f"{POST}/creator_info/query/", guarded(creator)),
    ("POST", f"{POST}/content/init/", guarded(photos)),
    ("POST", f"{POST}/video/init/", guarded(video)),
    ("POST", f"{POST}/inbox/video/init/", guarded(video)),
    ("PUT", "/tiktok-upload", take),
    ("POST", f"{POST}/status/fetch/", guarded(status)),
    ("POST", "/v2/video/list/", guarded(listed)),
    ("GET", "/v2/user/info/", guarded(who)),
]
