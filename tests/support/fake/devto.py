"""dev.to (Forem): articles with at most four tags, a guard against a title used within five minutes, no
deletion. What is not published does not stand."""

import json
import re

from aiohttp import web

from . import clock
from .mastodon import iso

GUARD_S = 300
TAG = re.compile(r"[a-z0-9]+")
TEXTS = {401: "unauthorized", 404: "not found", 429: "Rate limit reached, try again in 30 seconds"}


def refusal(status, retry_after=None, text=None):
    if status >= 500:
        return web.Response(status=status, text="<html>We are down</html>", content_type="text/html")
    response = web.json_response({"error": text or TEXTS.get(status, "refused"), "status": status}, status=status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(int(retry_after))
    return response


def article_json(request, post):
    return {"type_of": "article", "id": int(post.id), "title": post.extra["title"], "published": post.stands,
            "url": f"https://dev.to/news/{post.id}", "slug": post.id, "canonical_url": post.url,
            "published_at": iso(post.at), "tag_list": post.extra["tags"], "body_markdown": post.extra["body"]}


def objection(given):
    tags = given.get("tags", [])
    if "title" in given and not 1 <= len(given["title"]) <= 128:
        return "Validation failed: Title is too long (maximum is 128 characters)"
    if len(tags) > 4:
        return "Validation failed: Tag list exceed the maximum of 4 tags"
    if any(not TAG.fullmatch(t) for t in tags):
        return "Validation failed: Tag contains non-alphanumeric characters"
    return None


def create(world, request, given):
    no = objection(given)
    recent = [p for p in world.posts if p.platform == "devto" and clock.now() - p.at < GUARD_S]
    if not no and any(p.extra["title"] == given["title"] for p in recent):
        no = "Validation failed: Title has already been used in the last five minutes."
    if no:
        return refusal(422, text=no)
    extra = {"title": given["title"], "body": given.get("body_markdown", ""), "tags": given.get("tags", [])}
    post = world.add_post("devto", "news", f"{extra['title']}\n\n{extra['body']}", url=given.get("canonical_url", ""),
                          image=given.get("main_image", ""), stands=given.get("published", False), extra=extra)
    return web.json_response(article_json(request, post), status=201)


def change(world, request, given):
    post = world.find_post("devto", "news", request.match_info["id"])
    if post is None:
        return refusal(404)
    no = objection(given)
    if no:
        return refusal(422, text=no)
    post.stands = given.get("published", post.stands)
    if "title" in given:
        post.edit(f"{given['title']}\n\n{given.get('body_markdown', '')}")
        post.extra.update(title=given["title"], body=given.get("body_markdown", ""), tags=given.get("tags", []))
        post.url, post.image = given.get("canonical_url", post.url), given.get("main_image", "")
    return web.json_response(article_json(request, post))


def own(world, request, given):
    size, page = int(request.query.get("per_page", "30")), int(request.query.get("page", "1"))
    posts = [p for p in world.posts if p.platform == "devto"][::-1][size * (page - 1):size * page]
    return web.json_response([article_json(request, p) for p in posts])


def guarded(handler):
    def checked(world, request, body):
        if "devto" in world.revoked or not request.headers.get("api-key"):
            return refusal(401)
        if request.headers.get("Accept") != "application/vnd.forem.api-v1+json" or not request.headers.get("User-Agent"):
            return refusal(403, text="a bot of no known kind")
        return handler(world, request, json.loads(body)["article"] if body else {})
    return checked


ROUTES = [
    ("GET", "/api/users/me", guarded(lambda world, request, given: web.json_response({"id": 1, "username": "news"}))),
    ("GET", "/api/articles/me/all", guarded(own)),
    ("POST", "/api/articles", guarded(create)),
    ("PUT", "/api/articles/{id}", guarded(change)),
]
