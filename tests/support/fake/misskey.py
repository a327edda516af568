"""A Misskey server: every call a POST with the token in its body, a drive that knows a file it has by its
content, notes that cannot be edited."""

import hashlib
import json

from aiohttp import web

from .mastodon import iso
from .world import read_form, utf16_units

MAX_TEXT = 3000
USER = {"id": "9acc0unt00", "username": "news"}
STATUS = {"AUTHENTICATION_FAILED": 401, "RATE_LIMIT_EXCEEDED": 429, "INTERNAL_ERROR": 500}


def memory(world):
    return world.of("misskey", lambda: {"files": {}})


def error(code, message="It was refused."):
    return web.json_response({"error": {"message": message, "code": code, "id": "0", "kind": "client"}}, status=STATUS.get(code, 400))


def refusal(status, retry_after=None):
    code = {401: "AUTHENTICATION_FAILED", 403: "PERMISSION_DENIED", 429: "RATE_LIMIT_EXCEEDED"}.get(status, "INTERNAL_ERROR")
    response = web.json_response({"error": {"message": "Refused.", "code": code, "id": "0"}}, status=status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(int(retry_after))
    return response


def note_json(post):
    return {"id": post.id, "createdAt": iso(post.at), "text": post.text, "userId": USER["id"], "visibility": "public",
            "fileIds": [post.image] if post.image else []}


def upload(world, request, form):
    part = form.get("file")
    if part is None or isinstance(part, str):
        return error("INVALID_PARAM")
    if utf16_units(form.get("comment", "")) > 512:
        return error("INVALID_PARAM", "The comment is too long.")
    digest = hashlib.md5(part.bytes, usedforsecurity=False).hexdigest()
    files = memory(world)["files"]
    if digest not in files:
        files[digest] = {"id": f"9file{world.number()}", "comment": form.get("comment", ""), "type": part.type}
    return web.json_response({**files[digest], "md5": digest})


def create(world, request, given):
    text, files = given.get("text") or "", given.get("fileIds") or []
    known = {f["id"]: f for f in memory(world)["files"].values()}
    if not text and not files:
        return error("INVALID_PARAM")
    if utf16_units(text) > MAX_TEXT or utf16_units(given.get("cw") or "") > 100:
        return error("INVALID_PARAM", "It is too long.")
    if any(f not in known for f in files):
        return error("NO_SUCH_FILE")
    if given.get("replyId") and world.find_post("misskey", "@news", given["replyId"]) is None:
        return error("NO_SUCH_REPLY_TARGET")
    picture = {"image": files[0], "alt": known[files[0]]["comment"]} if files else {}
    post = world.add_post("misskey", "@news", text, id=f"9note{world.number()}", extra={"reply": given.get("replyId", "")}, **picture)
    return web.json_response({"createdNote": note_json(post)})


def delete(world, request, given):
    post = world.find_post("misskey", "@news", given.get("noteId"))
    if post is None or not post.stands:
        return error("NO_SUCH_NOTE")
    post.stands = False
    return web.Response(status=204)


def own_notes(world, request, given):
    posts = [p for p in world.posts if p.platform == "misskey" and p.stands][::-1]
    until = given.get("untilId")
    if until:
        posts = [p for p in posts if p.id < until]
    return web.json_response([note_json(p) for p in posts[:min(given.get("limit", 10), 100)]])


def guarded(handler):
    def checked(world, request, body):
        given = read_form(request, body) if request.content_type.startswith("multipart/") else json.loads(body)
        if "misskey" in world.revoked or not str(given.get("i", "")).startswith(("integration-misskey", "Kx2Vd-planted")):
            return error("AUTHENTICATION_FAILED")
        return handler(world, request, given)
    return checked


ROUTES = [
    ("POST", "/api/meta", lambda world, request, body: web.json_response({"version": "2025.4.0", "maxNoteTextLength": MAX_TEXT})),
    ("POST", "/api/i", guarded(lambda world, request, given: web.json_response(USER))),
    ("POST", "/api/drive/files/create", guarded(upload)),
    ("POST", "/api/notes/create", guarded(create)),
    ("POST", "/api/notes/delete", guarded(delete)),
    ("POST", "/api/users/notes", guarded(own_notes)),
]
