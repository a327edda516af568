"""Tumblr: posts as blocks (NPF) in JSON or in a form with the picture beside it, replacements, deletions, the blog's
list. Access tokens end after 42 minutes, a refresh token is good once. No key of a sender is known: the same post
twice is two posts. 250 posts a day.

  POST /_control/tumblr  {"code": 8022}: the next post gets this error of Tumblr's own"""

import json

from aiohttp import web

from . import clock, oauth
from .world import Part, read_form

BLOG = "examplenews"
STATUS_OF = {8001: 400, 8005: 400, 8006: 500, 8009: 500}  # the others come with a 403


def memory(world):
    return world.of("tumblr", lambda: {"code": None})


def authority(world):
    return oauth.of(world, "tumblr", life_s=2520, rotates=True, who=BLOG,
                    given=("given-token", "Kx2Vd-planted-tumblr-access-token-Jq9"), given_refresh=("given-refresh",))


def authorities(world):
    authority(world)


def control(world, body):
    memory(world).update(body)


def answer(response, status=200, msg="OK"):
    return web.json_response({"meta": {"status": status, "msg": msg}, "response": response}, status=status)


def error(status, title, code=None, detail=""):
    errors = [{"title": title, "code": code, "detail": detail}] if code else []
    headers = {"X-Ratelimit-Perhour-Remaining": "0", "X-Ratelimit-Perhour-Reset": "1"} if status == 429 else {}
    return web.json_response({"meta": {"status": status, "msg": title}, "response": [], "errors": errors},
                             status=status, headers=headers)


def refusal(status, retry_after=None, text=None):
    return error(status, "Limit Exceeded" if status == 429 else "Refused", 1000, text or "as the test wants it")


def guarded(handler):
    async def checked(world, request, body):
        if not authority(world).accepts(oauth.bearer(request)) or "tumblr" in world.revoked:
            return error(401, "Unauthorized", 1016, "Unable to authorize")
        if not request.headers.get("User-Agent"):
            return error(403, "Forbidden", 1, "no User-Agent")
        if request.match_info.get("blog", BLOG) not in (BLOG, BLOG + ".tumblr.com"):
            return error(404, "Not Found", 4012, "no such blog")
        try:
            return handler(world, request, body)
        except (ValueError, KeyError, TypeError):
            return error(400, "Bad Request", 8001, "The NPF is not valid")
    return checked


def read_post(request, body):
    """The post, and the files beside it."""
    if request.content_type == "application/json":
        return json.loads(body), {}
    form = read_form(request, body)
    return json.loads(form["json"]), {name: part for name, part in form.items() if isinstance(part, Part)}


def checked(world, post, files):
    """None, or the refusal of a post like this."""
    blocks, code = post["content"], memory(world)["code"]
    memory(world)["code"] = None
    if code:
        return error(STATUS_OF.get(code, 403), "Bad Request", code, "as the test wants it")
    if not blocks or any(len(b.get("text", "")) > 4096 or len(b.get("alt_text", "")) > 4096 for b in blocks):
        return error(400, "Bad Request", 8001, "The NPF is not valid")
    if {m["identifier"] for b in blocks for m in b.get("media", [])} != set(files):
        return error(400, "Bad Request", 8001, "media and parts do not belong together")
    if any(not part.type.startswith("image/") for part in files.values()):
        return error(400, "Bad Request", 8005, "no such format")
    if sum(p.platform == "tumblr" and clock.now() - p.at < 86400 for p in world.posts) >= 250:
        return error(403, "Forbidden", 8022, "the day's posts are used up")
    return None


def members(post, files):
    blocks = post["content"]
    image = next((b for b in blocks if b["type"] == "image"), None)
    return {"url": next((b["url"] for b in blocks if b["type"] == "link"), ""),
            "image": next(iter(files.values())).filename if image else "", "alt": image.get("alt_text", "") if image else "",
            "key": post.get("slug", ""), "extra": {"content": blocks, "tags": post.get("tags", ""), "slug": post.get("slug", "")}}


def text_of(post):
    return "\n\n".join(b["text"] for b in post["content"] if b["type"] == "text")


def make(world, request, body):
    post, files = read_post(request, body)
    no = checked(world, post, files)
    if no is not None:
        return no
    new = world.add_post("tumblr", BLOG, text_of(post), id=str(790000000000000000 + world.number()), **members(post, files))
    return answer({"id": new.id}, 201, "Created")


def one(world, post_id):
    post = world.find_post("tumblr", BLOG, post_id)
    return post if post is not None and post.stands else None


def change(world, request, body):
    old, (post, files) = one(world, request.match_info["id"]), read_post(request, body)
    if old is None:
        return error(404, "Not Found")
    no = checked(world, post, files)
    if no is not None:
        return no
    old.edit(text_of(post))
    for name, value in members(post, files).items():
        setattr(old, name, value)
    return answer({"id": old.id})


def remove(world, request, body):
    post = one(world, json.loads(body)["id"])
    if post is None:
        return error(404, "Not Found")
    post.stands = False
    return answer({"id": post.id})


def listed(world, request, body):
    posts = [p for p in world.posts if p.platform == "tumblr" and p.stands][::-1]
    at, limit = int(request.query.get("offset", 0)), int(request.query.get("limit", 20))
    return answer({"posts": [{"id": int(p.id), "id_string": p.id, "slug": p.extra["slug"], "timestamp": int(p.at),
                              "content": p.extra["content"]} for p in posts[at:at + limit]]})


def info(world, request, body):
    return answer({"user": {"name": "ines", "blogs": [{"name": BLOG, "url": f"https://{BLOG}.tumblr.com/"}]}})


ROUTES = [
    *oauth.routes(authority, page="/oauth2/authorize", token="/v2/oauth2/token"),
    ("GET", "/v2/user/info", guarded(info)),
    ("POST", "/v2/blog/{blog}/posts", guarded(make)),
    ("GET", "/v2/blog/{blog}/posts", guarded(listed)),
    ("PUT", "/v2/blog/{blog}/posts/{id}", guarded(change)),
    ("POST", "/v2/blog/{blog}/post/delete", guarded(remove)),
]
