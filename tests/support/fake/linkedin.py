"""LinkedIn's Posts API: every call names a version and the protocol, the id of a new post is in a header alone, the
same text by the same author is refused and the refusal names the post that has it, pictures and videos are begun, put
to an address of LinkedIn's and looked through, an edit changes the text alone, a deletion may be repeated.

A commentary is "little text": a reserved character that is not escaped ends it there, with a 201 all the same.

  POST /_control/linkedin  {"reads": false}: the scope to read back is missing;  {"active": ["202609"]}: versions that are"""

import json
import re

from aiohttp import web

from . import clock, oauth

ORGANIZATION = "urn:li:organization:5515715"
PERSON = "782bbtaQ"
HASHTAG = re.compile(r"\{hashtag\|\\#\|((?:[^\\{}|]|\\.)+)\}")
RESERVED = set("|{}[]()<>@*_~")  # a plain "#" is a hashtag, too
PART = 4 * 1024 * 1024


def memory(world):
    return world.of("linkedin", lambda: {"media": {}, "reads": True, "active": ["202609"]})


def authority(world):
    return oauth.of(world, "linkedin", life_s=60 * 24 * 3600, refreshes=False, who="Ines Lund",
                    given=("given-token", "Kx2Vd-planted-linkedin-access-token-Jq9"))


def authorities(world):
    authority(world)


def control(world, body):
    memory(world).update({name: body[name] for name in ("reads", "active") if name in body})


def error(status, code, message, inputs=()):
    body = {"status": status, "code": code, "message": message}
    if inputs:
        body["errorDetails"] = {"inputErrors": [{"code": i, "description": message} for i in inputs]}
    return web.json_response(body, status=status)


def refusal(status, retry_after=None, text=None):
    return error(status, "TOO_MANY_REQUESTS" if status == 429 else "REFUSED", text or "as the test wants it")


def guarded(handler, versioned=True):
    async def checked(world, request, body):
        if not authority(world).accepts(oauth.bearer(request)) or "linkedin" in world.revoked:
            return error(401, "INVALID_ACCESS_TOKEN", "Invalid access token")
        if versioned and request.headers.get("LinkedIn-Version") not in memory(world)["active"]:
            return error(426, "NONEXISTENT_VERSION", "Requested version is not active")
        if versioned and request.headers.get("X-Restli-Protocol-Version") != "2.0.0":
            return error(400, "BAD_REQUEST", "X-Restli-Protocol-Version")
        try:
            return handler(world, request, body)
        except (ValueError, KeyError, TypeError, AttributeError):
            return error(400, "INVALID", "it cannot be read")
    return checked


def shown(commentary):
    """What readers see."""
    text, out = HASHTAG.sub(lambda m: "\\#" + m[1], commentary), ""
    n = 0
    while n < len(text):
        if text[n] == "\\" and n + 1 < len(text):
            out += text[n + 1]
            n += 2
        elif text[n] in RESERVED:
            break
        else:
            out += text[n]
            n += 1
    return out


# ---- media ----

def begin(world, request, body):
    kind = "image" if "/images" in request.path else "video"
    if request.query.get("action") == "finalizeUpload":
        return finish(world, json.loads(body)["finalizeUploadRequest"])
    asked = json.loads(body)["initializeUploadRequest"]
    if asked["owner"] not in (ORGANIZATION, f"urn:li:person:{PERSON}"):
        return error(403, "ACCESS_DENIED", "Not enough permissions")
    number = world.number()
    urn, base = f"urn:li:{kind}:C{number}", f"{request.scheme}://{request.host}/dms-uploads/C{number}"
    media = {"id": urn, "parts": {}, "looks": 0, "ended": kind == "image", "bytes": 0}
    memory(world)["media"][urn] = media
    until = int((clock.now() + 3600) * 1000)
    if kind == "image":
        return web.json_response({"value": {"uploadUrlExpiresAt": until, "uploadUrl": base + "/0", "image": urn}})
    size = asked["fileSizeBytes"]
    parts = [{"uploadUrl": f"{base}/{n}", "firstByte": n * PART, "lastByte": min((n + 1) * PART, size) - 1}
             for n in range((size + PART - 1) // PART)]
    media["count"] = len(parts)
    return web.json_response({"value": {"uploadUrlsExpireAt": until, "video": urn, "uploadToken": "", "uploadInstructions": parts}})


def put(world, request, body):
    found = [m for m in memory(world)["media"].values() if m["id"].endswith(":" + request.match_info["media"])]
    if not found:
        return web.Response(status=404)
    found[0]["parts"][int(request.match_info["part"])] = body
    found[0]["bytes"] = sum(len(part) for part in found[0]["parts"].values())
    return web.Response(status=201, headers={"ETag": f'"etag-{request.match_info["part"]}"'})


def finish(world, asked):
    media = memory(world)["media"][asked["video"]]
    if asked["uploadedPartIds"] != [f'"etag-{n}"' for n in range(media["count"])] or len(media["parts"]) != media["count"]:
        return error(400, "INVALID", "parts are missing")
    media["ended"] = True
    return web.Response(status=200)


def look(world, request, body):
    media = memory(world)["media"].get(request.match_info["urn"])
    if media is None:
        return error(404, "NOT_FOUND", "no such media")
    media["looks"] += 1
    ready = media["parts"] and media["ended"] and media["looks"] > 1
    return web.json_response({"id": media["id"], "status": "AVAILABLE" if ready else "PROCESSING"})


# ---- posts ----

def media_of(world, content):
    """The URNs a post attaches; None: one of them is not ready."""
    urns = [content.get("article", {}).get("thumbnail"), content.get("media", {}).get("id"),
            *(i["id"] for i in content.get("multiImage", {}).get("images", []))]
    urns = [urn for urn in urns if urn]
    known = memory(world)["media"]
    return urns if all(urn in known and known[urn]["parts"] for urn in urns) else None


def duplicate_of(world, author, commentary):
    return next((p for p in world.posts if p.platform == "linkedin" and p.place == author
                 and p.extra["commentary"] == commentary), None)


def make(world, request, body):
    fields = json.loads(body)
    author, commentary, content = fields["author"], fields["commentary"], fields.get("content", {})
    if author not in (ORGANIZATION, f"urn:li:person:{PERSON}"):
        return error(403, "ACCESS_DENIED", "Not enough permissions to access: partnerApiPosts.CREATE")
    if fields["lifecycleState"] != "PUBLISHED" or fields["visibility"] != "PUBLIC" or len(content) > 1:
        return error(422, "INVALID", "lifecycleState, visibility, content")
    if len(shown(commentary)) > 3000:
        return error(422, "FIELD_LENGTH_TOO_LONG", "ERROR :: /commentary", ["FIELD_LENGTH_TOO_LONG"])
    if "article" in content and not content["article"].get("title"):
        return error(422, "MISSING_FIELD", "ERROR :: /content/article/title")
    same = duplicate_of(world, author, commentary)
    if same is not None:
        return error(422, None, f"Content is a duplicate of {same.id}", ["DUPLICATE_POST"])
    urns = media_of(world, content)
    if urns is None:
        return error(404, "NOT_FOUND", "urn:li:image not found")
    article = content.get("article", {})
    images = content.get("multiImage", {}).get("images") or [content.get("media", {})]
    post = world.add_post("linkedin", author, shown(commentary), id=f"urn:li:share:{7400000000000000000 + world.number()}",
                          url=article.get("source", ""), image=urns[0] if urns else "", alt=images[0].get("altText", ""),
                          extra={"commentary": commentary, "content": content,
                                 "bytes": [memory(world)["media"][urn]["bytes"] for urn in urns]})
    return web.Response(status=201, headers={"x-restli-id": post.id})


def one(world, request):
    post = next((p for p in world.posts if p.platform == "linkedin" and p.id == request.match_info["urn"]), None)
    return post if post is not None and post.stands else None


def told(post):
    at = int(post.at * 1000)
    return {"id": post.id, "author": post.place, "commentary": post.extra["commentary"], "content": post.extra["content"],
            "createdAt": at, "lastModifiedAt": at, "lifecycleState": "PUBLISHED"}


def listed(world, request, body):
    if not memory(world)["reads"]:
        return error(403, "ACCESS_DENIED", "Not enough permissions to access: partnerApiPosts.FINDER-author")
    if request.headers.get("X-RestLi-Method") != "FINDER" or request.query["q"] != "author":
        return error(400, "BAD_REQUEST", "FINDER")
    posts = [p for p in world.posts if p.platform == "linkedin" and p.stands and p.place == request.query["author"]][::-1]
    start = int(request.query.get("start", 0))
    return web.json_response({"elements": [told(p) for p in posts[start:start + int(request.query["count"])]]})


def show(world, request, body):
    if not memory(world)["reads"]:
        return error(403, "ACCESS_DENIED", "Not enough permissions to access: partnerApiPosts.GET")
    post = one(world, request)
    return web.json_response(told(post)) if post else error(404, "NOT_FOUND", "no such post")


def change(world, request, body):
    post, patch = one(world, request), json.loads(body)["patch"]["$set"]
    if post is None:
        return error(404, "NOT_FOUND", "no such post")
    if request.headers.get("X-RestLi-Method") != "PARTIAL_UPDATE" or set(patch) != {"commentary"}:
        return error(422, "INVALID", "only the commentary can be changed")
    post.edit(shown(patch["commentary"]))
    post.extra["commentary"] = patch["commentary"]
    return web.Response(status=204)


def remove(world, request, body):
    post = one(world, request)
    if post is not None:
        post.stands = False
    return web.Response(status=204)


ROUTES = [
    *oauth.routes(authority, page="/oauth/v2/authorization", token="/oauth/v2/accessToken"),
    ("GET", "/v2/userinfo", guarded(lambda w, r, b: web.json_response({"sub": PERSON, "name": "Ines Lund"}), versioned=False)),
    ("POST", "/rest/images", guarded(begin)),
    ("POST", "/rest/videos", guarded(begin)),
    ("GET", "/rest/images/{urn}", guarded(look)),
    ("GET", "/rest/videos/{urn}", guarded(look)),
    ("PUT", "/dms-uploads/{media}/{part}", guarded(put, versioned=False)),
    ("POST", "/rest/posts", guarded(make)),
    ("GET", "/rest/posts", guarded(listed)),
    ("GET", "/rest/posts/{urn}", guarded(show)),
    ("POST", "/rest/posts/{urn}", guarded(change)),
    ("DELETE", "/rest/posts/{urn}", guarded(remove)),
]
