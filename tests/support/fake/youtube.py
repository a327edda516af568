"""YouTube: resumable uploads with 308s, sessions that end and take pieces in part, preview pictures, processing, the
channel's list of uploads, the quota of a day; and Search Console and Google's hub, for google_news.

A post is in the world while everybody can see its video. The channel's owner also sees those that are private.

  POST /_control/youtube   each member if it is there:
     "unaudited": true      uploads are locked to private, whatever they ask for
     "quota": n             so many uploads are left today
     "error": [status, reason]   the answer to the next call of the API
     "end_sessions": true   upload sessions are known no more
     "keep": n              of the next piece so many bytes are taken, and the answer is 503
     "looks": n             so many looks until a video is processed
"""

import datetime
import json
import re

from aiohttp import web

from . import clock, oauth

CHANNEL = {"id": "UCexample", "snippet": {"title": "Example News"},
           "contentDetails": {"relatedPlaylists": {"uploads": "UUexample"}}}
UNIT = 262144


def authority(world):
    return oauth.of(world, "google", life_s=3599, rotates=False, pkce=True,
                    given=("given-token", "Kx2Vd-planted-youtube-access-token-Jq9", "Kx2Vd-planted-google_news-access-token-Jq9"))


def authorities(world):
    authority(world)


def memory(world):
    return world.of("youtube", lambda: {"sessions": {}, "videos": {}, "unaudited": False, "quota": 100, "error": None,
                                        "keep": None, "looks": 1, "submitted": [], "pings": []})


def refusal(status, retry_after=None, reason=None):
    reason = reason or {401: "authError", 403: "forbidden", 404: "notFound", 429: "rateLimitExceeded"}.get(status, "backendError")
    response = web.json_response({"error": {"code": status, "message": f"The request failed: {reason}.",
                                            "errors": [{"domain": "youtube", "reason": reason, "message": reason}]}},
                                 status=status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(int(retry_after))
    return response


def control(world, request, body):
    told, mine = json.loads(body), memory(world)
    if told.pop("end_sessions", False):
        mine["sessions"].clear()
    mine.update(told)
    return web.json_response({})


def guarded(handler):
    def checked(world, request, body):
        mine = memory(world)
        if "youtube" in world.revoked or not authority(world).accepts(oauth.bearer(request)):
            return refusal(401)
        if mine["error"]:
            (status, reason), mine["error"] = mine["error"], None
            return refusal(status, reason=reason)
        return handler(world, request, body)
    return checked


def wrong_snippet(snippet):
    title, text = snippet.get("title", ""), snippet.get("description", "")
    if not title.strip() or len(title) > 100 or re.search("[<>]", title):
        return refusal(400, reason="invalidTitle")
    if len(text.encode()) > 5000 or re.search("[<>]", text):
        return refusal(400, reason="invalidDescription")
    tags = snippet.get("tags", [])
    if sum(len(t) + 2 * (" " in t) for t in tags) + max(0, len(tags) - 1) > 500:
        return refusal(400, reason="invalidTags")
    return None if snippet.get("categoryId", "").isdigit() else refusal(400, reason="invalidCategoryId")


# ---- uploads ----

def start(world, request, body):
    mine, video = memory(world), json.loads(body)
    no = wrong_snippet(video.get("snippet", {}))
    if no is not None:
        return no
    if mine["quota"] <= 0:
        return refusal(403, reason="quotaExceeded")
    mine["quota"] -= 1
    number = f"upload{world.number()}"
    mine["sessions"][number] = {"video": video, "total": int(request.headers["X-Upload-Content-Length"]), "got": 0, "id": None}
    where = f"{request.scheme}://{request.host}/upload/youtube/v3/videos?uploadType=resumable&upload_id={number}"
    return web.Response(headers={"Location": where})


def so_far(session):
    headers = {"Range": f"bytes=0-{session['got'] - 1}"} if session["got"] else {}
    return web.Response(status=308, headers=headers)


def take(world, request, body):
    """A piece, or the question how much is there."""
    mine = memory(world)
    session = mine["sessions"].get(request.query.get("upload_id"))
    if session is None:
        return web.Response(status=404, text="no such upload")
    if session["id"]:
        return web.json_response(mine["videos"][session["id"]]["resource"])
    told = request.headers.get("Content-Range", "")
    if told.startswith("bytes */"):
        return so_far(session)
    piece = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", told)
    if not piece or int(piece[3]) != session["total"] or int(piece[2]) - int(piece[1]) + 1 != len(body):
        return web.Response(status=400, text="a Content-Range that is none")
    if int(piece[1]) > session["got"]:
        return web.Response(status=400, text="a hole")
    if int(piece[2]) + 1 < session["total"] and len(body) % UNIT:
        return web.Response(status=400, text="no multiple of 256 KiB")
    if mine["keep"] is not None:
        keep, mine["keep"] = mine["keep"], None
        session["got"] = max(session["got"], int(piece[1]) + min(keep, len(body) - 1))
        return web.Response(status=503, text="Backend Error")
    session["got"] = max(session["got"], int(piece[2]) + 1)
    return so_far(session) if session["got"] < session["total"] else complete(world, session)


def complete(world, session):
    mine, video = memory(world), session["video"]
    number = f"vid{world.number():08d}"[:11]
    privacy = "private" if mine["unaudited"] else video["status"]["privacyStatus"]
    resource = {"kind": "youtube#video", "id": number, "snippet": video["snippet"],
                "status": {**video["status"], "privacyStatus": privacy, "uploadStatus": "uploaded"}}
    post = world.add_post("youtube", "UUexample", said(video["snippet"]), id=number, language=video["snippet"].get("defaultLanguage", ""),
                          url=link_in(video["snippet"]), stands=privacy == "public", extra={"bytes": session["total"]})
    mine["videos"][number] = {"resource": resource, "post": post, "at": clock.now(), "looks": mine["looks"]}
    session["id"] = number
    return web.json_response(resource)


def said(snippet):
    return f"{snippet['title']}\n\n{snippet['description']}"


def link_in(snippet):
    found = re.search(r"https?://\S+", snippet["description"])
    return found[0] if found else ""


def thumbnail(world, request, body):
    video = memory(world)["videos"].get(request.query.get("videoId"))
    if video is None:
        return refusal(404, reason="videoNotFound")
    if request.content_type not in ("image/jpeg", "image/png") or not 0 < len(body) <= 2097152:
        return refusal(400, reason="invalidImage")
    video["post"].image = f"{len(body)} bytes"
    return web.json_response({"kind": "youtube#thumbnailSetResponse", "items": []})


# ---- videos ----

def show(world, request, body):
    video = memory(world)["videos"].get(request.query.get("id"))
    if video is None:
        return web.json_response({"items": []})
    video["looks"] -= 1
    if video["looks"] < 0:
        video["resource"]["status"]["uploadStatus"] = "processed"
    return web.json_response({"items": [video["resource"]]})


def change(world, request, body):
    told = json.loads(body)
    video = memory(world)["videos"].get(told.get("id"))
    if video is None:
        return refusal(404, reason="videoNotFound")
    if "snippet" in request.query["part"].split(","):
        no = wrong_snippet(told.get("snippet", {}))
        if no is not None:
            return no
        video["resource"]["snippet"] = told["snippet"]
        video["post"].edit(said(told["snippet"]))
    if "status" in request.query["part"].split(","):
        video["resource"]["status"] = {**told["status"], "uploadStatus": "processed"}
        video["post"].stands = told["status"]["privacyStatus"] == "public"
    return web.json_response(video["resource"])


def remove(world, request, body):
    video = memory(world)["videos"].pop(request.query.get("id"), None)
    if video is None:
        return refusal(404, reason="videoNotFound")
    video["post"].stands = False
    return web.Response(status=204)


def uploads(world, request, body):
    if request.query.get("playlistId") != "UUexample":
        return refusal(404, reason="playlistNotFound")
    def item(number, video):
        at = datetime.datetime.fromtimestamp(video["at"], datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"snippet": {**video["resource"]["snippet"], "publishedAt": at,
                            "resourceId": {"kind": "youtube#video", "videoId": number}}}
    videos = memory(world)["videos"]
    items = [item(number, video) for number, video in reversed(videos.items())]
    return web.json_response({"items": items[:int(request.query.get("maxResults", "5"))]})


# ---- for google_news ----

def submit(world, request, body):
    memory(world)["submitted"].append([request.match_info["site"], request.match_info["feed"]])
    return web.Response(status=204)


def ping(world, request, body):
    memory(world)["pings"].append(body.decode())
    return web.Response(status=204)


UPLOAD = "/upload/youtube/v3"
ROUTES = [
    *oauth.routes(authority, page="/google/authorize", token="/google/token"),
    ("POST", "/_control/youtube", control),
    ("POST", f"{UPLOAD}/videos", guarded(start)),
    ("PUT", f"{UPLOAD}/videos", take),
    ("POST", f"{UPLOAD}/thumbnails/set", guarded(thumbnail)),
    ("GET", "/youtube/v3/videos", guarded(show)),
    ("PUT", "/youtube/v3/videos", guarded(change)),
    ("DELETE", "/youtube/v3/videos", guarded(remove)),
    ("GET", "/youtube/v3/channels", guarded(lambda w, r, b: web.json_response({"items": [CHANNEL]}))),
    ("GET", "/youtube/v3/playlistItems", guarded(uploads)),
    ("PUT", "/webmasters/v3/sites/{site}/sitemaps/{feed}", guarded(submit)),
    ("POST", "/google/hub", ping),
    ("POST", "/google/second-hub", ping),
    ("POST", "/google/indexnow", lambda w, r, b: web.Response(status=200)),
]
