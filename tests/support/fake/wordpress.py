"""Another WordPress site: posts, terms by number, media, a trash. A second post with an address that is
taken gets "-2" behind it, as there."""

import html
import json

from aiohttp import web

from .world import read_form

CAPABILITIES = {"publish_posts": True, "edit_posts": True, "upload_files": True}
CODES = {401: "incorrect_password", 403: "rest_cannot_create", 404: "rest_post_invalid_id", 500: "internal_server_error"}


def memory(world):
    return world.of("wordpress", lambda: {"terms": {"categories": {}, "tags": {}}, "media": {}, "trash": set()})


def refusal(status, retry_after=None, code=None, **data):
    if status in (429, 502, 503):
        response = web.Response(status=status, text="<html>Too busy</html>", content_type="text/html")
    else:
        response = web.json_response({"code": code or CODES.get(status, "rest_error"), "message": "Refused.",
                                      "data": {"status": status, **data}}, status=status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(int(retry_after))
    return response


def post_json(request, post):
    return {"id": int(post.id), "slug": post.extra["slug"], "status": "publish" if post.stands else "trash",
            "link": f"{request.scheme}://{request.host}/{post.extra['slug']}/"}


def find_terms(world, request, given):
    terms = memory(world)["terms"][request.match_info["kind"]]
    word = request.query.get("search", "").lower()
    return web.json_response([{"id": n, "name": html.escape(name)} for name, n in terms.items() if word in name.lower()])


def make_term(world, request, given):
    terms = memory(world)["terms"][request.match_info["kind"]]
    if given["name"] in terms:
        return refusal(400, code="term_exists", term_id=terms[given["name"]])
    terms[given["name"]] = world.number()
    return web.json_response({"id": terms[given["name"]], "name": given["name"]}, status=201)


def upload(world, request, form):
    part = form.get("file")
    if part is None or isinstance(part, str):
        return refusal(400, code="rest_upload_no_data")
    media = {"id": world.number(), "alt_text": form.get("alt_text", ""), "name": part.filename, "bytes": len(part.bytes)}
    memory(world)["media"][media["id"]] = media
    return web.json_response(media, status=201)


def objection(world, given):
    numbers = {kind: set(terms.values()) for kind, terms in memory(world)["terms"].items()}
    if any(n not in numbers[kind] for kind in numbers for n in given.get(kind, [])):
        return refusal(400, code="rest_invalid_param")
    if given.get("featured_media") and given["featured_media"] not in memory(world)["media"]:
        return refusal(400, code="rest_invalid_featured_media")
    return None


def fields(world, given):
    media = memory(world)["media"].get(given.get("featured_media"), {})
    return {"image": str(media.get("id", "")), "alt": media.get("alt_text", "")}


def free_slug(world, wanted):
    taken = {p.extra["slug"] for p in world.posts if p.platform == "wordpress"}
    slug, n = wanted, 2
    while slug in taken:
        slug, n = f"{wanted}-{n}", n + 1
    return slug


def names(world, given):
    return {kind: sorted(name for name, n in terms.items() if n in given.get(kind, []))
            for kind, terms in memory(world)["terms"].items()}


def create(world, request, given):
    no = objection(world, given)
    if no is not None:
        return no
    extra = {"slug": free_slug(world, given["slug"]), "status": given["status"], "excerpt": given["excerpt"], **names(world, given)}
    post = world.add_post("wordpress", "site", html.unescape(f"{given['title']}\n\n{given['content']}"), extra=extra,
                          key=given["slug"], stands=given["status"] == "publish", **fields(world, given))
    return web.json_response(post_json(request, post), status=201)


def edit(world, request, given):
    post = world.find_post("wordpress", "site", request.match_info["id"])
    if post is None:
        return refusal(404)
    no = objection(world, given)
    if no is not None:
        return no
    post.edit(html.unescape(f"{given['title']}\n\n{given['content']}"))
    post.extra.update(excerpt=given["excerpt"], **names(world, given))
    for name, value in fields(world, given).items():
        setattr(post, name, value)
    return web.json_response(post_json(request, post))


def delete(world, request, given):
    post = world.find_post("wordpress", "site", request.match_info["id"])
    if post is None:
        return refusal(404)
    if post.id in memory(world)["trash"] and "force" not in request.query:
        return refusal(410, code="rest_already_trashed")
    memory(world)["trash"].add(post.id)
    post.stands = False
    return web.json_response(post_json(request, post))


def find(world, request, given):
    posts = [p for p in world.posts if p.platform == "wordpress" and p.extra["slug"] == request.query.get("slug")
             and p.id not in memory(world)["trash"]]
    return web.json_response([post_json(request, p) for p in posts])


def guarded(handler):
    def checked(world, request, body):
        if "wordpress" in world.revoked or not request.headers.get("Authorization", "").startswith("Basic "):
            return refusal(401)
        given = {}
        if body:
            given = read_form(request, body) if request.content_type.startswith("multipart/") else json.loads(body)
        return handler(world, request, given)
    return checked


def whoami(world, request, given):
    return web.json_response({"id": 2, "name": "Newsroom", "slug": "newsroom", "capabilities": CAPABILITIES})


ROUTES = [
    ("GET", "/wp-json/wp/v2/users/me", guarded(whoami)),
    ("GET", "/wp-json/wp/v2/{kind:categories|tags}", guarded(find_terms)),
    ("POST", "/wp-json/wp/v2/{kind:categories|tags}", guarded(make_term)),
    ("POST", "/wp-json/wp/v2/media", guarded(upload)),
    ("GET", "/wp-json/wp/v2/posts", guarded(find)),
    ("POST", "/wp-json/wp/v2/posts", guarded(create)),
    ("POST", "/wp-json/wp/v2/posts/{id}", guarded(edit)),
    ("DELETE", "/wp-json/wp/v2/posts/{id}", guarded(delete)),
]
