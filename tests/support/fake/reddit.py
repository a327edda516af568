"""Reddit: tokens by password or by a page, errors in answers of status 200, a link that is taken once per
community, a User-Agent of one's own or none of it."""

import re

from aiohttp import web

from . import oauth
from .world import read_form

AGENT = re.compile(r"[a-z]+:[^:]+:[^ ]+ \(by /u/(\w+)\)")
NAME, PASSWORD = "newsdesk", "reddit-pass-word"


def authority(world):
    return oauth.of(world, "reddit", life_s=86400, rotates=False, client_id="reddit-app", client_secret="reddit-app-secret",
                    given=("Kx2Vd-planted-reddit-access-token-Jq9",), who=NAME)


def authorities(world):
    authority(world)


def limited(response):
    response.headers.update({"X-Ratelimit-Used": "1", "X-Ratelimit-Remaining": "99.0", "X-Ratelimit-Reset": "42"})
    return response


def refusal(status, retry_after=None):
    if status >= 500:
        return web.Response(status=status, text="<html>our CDN was unable to reach our servers</html>", content_type="text/html")
    response = limited(web.json_response({"message": "Refused", "error": status}, status=status))
    if status == 429:
        response.headers["X-Ratelimit-Remaining"] = "0.0"
        response.headers["X-Ratelimit-Reset"] = str(int(retry_after or 1))
    return response


def said(*error, **data):
    return limited(web.json_response({"json": {"errors": [list(error)] if error else [], **({"data": data} if data else {})}}))


def token(world, request, body):
    form, mine = read_form(request, body), authority(world)
    try:
        if form.get("grant_type") != "password":
            return web.json_response(mine.token(request, form))
        mine.check_client(request, form)
        if mine.refuse or "reddit" in world.revoked or (form.get("username"), form.get("password")) != (NAME, PASSWORD):
            return web.json_response({"error": mine.refuse or "invalid_grant"})  # with status 200, as there
        return web.json_response(mine.give(refresh=False))
    except oauth.Refused as refused:
        return oauth.refusal_of(refused)


def place(form):
    return f"r/{form['sr'].lower()}"


def submit(world, request, form):
    if len(form.get("title", "")) > 300:
        return said("TOO_LONG", "this is too long (max: 300)", "title")
    if form["sr"] == "nowhere":
        return said("SUBREDDIT_NOEXIST", "that subreddit doesn't exist", "sr")
    link = form["kind"] == "link"
    there = [p for p in world.posts if p.platform == "reddit" and p.place == place(form) and p.stands]
    if link and form.get("resubmit") != "true" and any(p.url == form["url"] for p in there):
        world.duplicates.append({"platform": "reddit", "url": form["url"]})
        return said("ALREADY_SUB", "that link has already been submitted", "url")
    extra = {"title": form["title"], "flair": form.get("flair_id", "")}
    text = f"{form['title']}\n\n{form['url']}" if link else form["text"]
    number = f"1{world.number()}"
    post = world.add_post("reddit", place(form), text, id=f"t3_{number}", url=form.get("url", ""), extra=extra)
    return said(url=f"https://www.reddit.com/{post.place}/comments/{number}/x/", id=number, name=post.id)


def find(world, name):
    return next((p for p in world.posts if p.platform == "reddit" and p.id == name), None)


def edit(world, request, form):
    post = find(world, form.get("thing_id"))
    if post is None or post.url:
        return said("NOT_AUTHOR", "you can't do that", "thing_id")
    post.edit(form["text"])
    return said(things=[{"kind": "t3", "data": {"name": post.id}}])


def delete(world, request, form):
    post = find(world, form.get("id"))
    if post is not None:
        post.stands = False
    return limited(web.json_response({}))


def submitted(world, request, form):
    posts = [p for p in world.posts if p.platform == "reddit" and p.stands][::-1]
    after, limit = request.query.get("after"), int(request.query.get("limit", "25"))
    if after:
        posts = posts[[p.id for p in posts].index(after) + 1:]
    page = [{"kind": "t3", "data": {
        "name": p.id, "subreddit": p.place[2:], "title": p.extra["title"], "created_utc": float(int(p.at)),
        "permalink": f"/{p.place}/comments/{p.id[3:]}/x/", "selftext": "" if p.url else p.text,
        "url": p.url or f"https://www.reddit.com/{p.place}/comments/{p.id[3:]}/x/", "removed_by_category": None,
    }} for p in posts[:limit]]
    return limited(web.json_response({"kind": "Listing", "data": {
        "children": page, "after": posts[limit - 1].id if len(posts) > limit else None}}))


def about(world, request, form):
    name = request.match_info["subreddit"]
    return web.json_response({"kind": "t5", "data": {"display_name": name, "submission_type": "any", "user_is_banned": False}})


def guarded(handler):
    def checked(world, request, body):
        agent = AGENT.fullmatch(request.headers.get("User-Agent", ""))
        if agent is None or agent[1] != NAME:
            return refusal(429)
        if "reddit" in world.revoked or not authority(world).accepts(oauth.bearer(request)):
            return refusal(401)
        return handler(world, request, read_form(request, body) if body else {})
    return checked


ROUTES = [
    ("GET", "/api/v1/authorize", lambda world, request, body: authority(world).authorize(request)),
    ("POST", "/api/v1/access_token", token),
    ("GET", "/api/v1/me", guarded(lambda world, request, form: web.json_response({"name": NAME}))),
    ("GET", "/r/{subreddit}/about", guarded(about)),
    ("POST", "/api/submit", guarded(submit)),
    ("POST", "/api/editusertext", guarded(edit)),
    ("POST", "/api/del", guarded(delete)),
    ("GET", "/user/{name}/submitted", guarded(submitted)),
]
