"""A Lemmy site, 0.19: signing in, languages and communities by number, link posts. The same link is taken
twice. Campaign parameters are taken out of addresses, as the newer ones do. `language_id` must be one the
community takes. A token that is no good is a stranger's at GET /site and refused elsewhere."""

import json
import secrets
import urllib.parse

from aiohttp import web

from .mastodon import iso

LANGUAGES = {"und": 0, "en": 37, "de": 32, "fr": 47, "ar": 7}
COMMUNITY = {"id": 7, "name": "news", "languages": [0, 37, 32]}
NAME, PERSON = "news", 2
PASSWORDS = ("lemmy-pass-word", "Kx2Vd-planted-lemmy-password-Jq9")


def memory(world):
    return world.of("lemmy", lambda: {"tokens": set(), "logins": 0})


def refusal(status, retry_after=None, text=None):
    names = {401: "incorrect_login", 429: "rate_limit_error", 404: "couldnt_find_post"}
    response = web.json_response({"error": text or names.get(status, "unknown")}, status=status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(int(retry_after))
    return response


def log_in(world, request, body):
    given = json.loads(body)
    if "lemmy" in world.revoked or given.get("username_or_email") != NAME or given.get("password") not in PASSWORDS:
        return refusal(401)
    jwt = f"eyJ.{secrets.token_hex(12)}.sig"
    memory(world)["tokens"].add(jwt)
    memory(world)["logins"] += 1
    return web.json_response({"jwt": jwt, "registration_created": False, "verify_email_sent": False})


def is_known(world, request):
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme == "Bearer" and "lemmy" not in world.revoked and token in memory(world)["tokens"]


def site(world, request, body):
    answer = {"version": "0.19.11", "site_view": {},
              "all_languages": [{"id": n, "code": code, "name": code} for code, n in LANGUAGES.items()]}
    if is_known(world, request):
        answer["my_user"] = {"local_user_view": {"person": {"id": PERSON, "name": NAME}}}
    return web.json_response(answer)


def community(world, request, body):
    if request.query.get("name") != COMMUNITY["name"]:
        return refusal(404, text="couldnt_find_community")
    return web.json_response({"community_view": {"community": {k: COMMUNITY[k] for k in ("id", "name")}}, "moderators": [],
                              "discussion_languages": COMMUNITY["languages"]})


def cleaned(url):
    parts = urllib.parse.urlsplit(url)
    kept = [(k, v) for k, v in urllib.parse.parse_qsl(parts.query) if not k.startswith("utm_")]
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(kept)))


def view(request, post):
    return {"post": {"id": int(post.id), "name": post.extra["name"], "url": post.url, "body": post.extra["body"],
                     "ap_id": f"{request.scheme}://{request.host}/post/{post.id}", "community_id": COMMUNITY["id"],
                     "creator_id": PERSON, "deleted": not post.stands, "published": iso(post.at)},
            "creator": {"id": PERSON, "name": NAME}}


def objection(given):
    name, url = given.get("name", ""), given.get("url", "")
    if not 3 <= len(name.strip()) <= 200 or "\n" in name:
        return "invalid_post_title"
    if not url.startswith(("http://", "https://")):
        return "invalid_url"
    if len(given.get("body") or "") > 10000:
        return "invalid_body_field"
    if len(given.get("alt_text") or "") > 1500:
        return "alt_text_length_overflow"
    if given.get("language_id", 0) not in COMMUNITY["languages"]:
        return "language_not_allowed"
    return None


def fields(given):
    codes = {n: code for code, n in LANGUAGES.items()}
    return {"url": cleaned(given["url"]), "image": given.get("custom_thumbnail", ""), "alt": given.get("alt_text", ""),
            "language": codes[given.get("language_id", 0)]}


def create(world, request, body):
    given = json.loads(body)
    if given.get("community_id") != COMMUNITY["id"]:
        return refusal(400, text="couldnt_find_community")
    no = objection(given)
    if no:
        return refusal(400, text=no)
    extra = {"name": given["name"], "body": given.get("body", "")}
    post = world.add_post("lemmy", "news", f"{given['name']}\n\n{extra['body']}", extra=extra, **fields(given))
    return web.json_response({"post_view": view(request, post)})


def edit(world, request, body):
    given = json.loads(body)
    post = world.find_post("lemmy", "news", given.get("post_id"))
    if post is None:
        return refusal(404)
    no = objection(given)
    if no:
        return refusal(400, text=no)
    post.edit(f"{given['name']}\n\n{given.get('body', '')}")
    post.extra.update(name=given["name"], body=given.get("body", ""))
    for name, value in fields(given).items():
        setattr(post, name, value)
    return web.json_response({"post_view": view(request, post)})


def delete(world, request, body):
    given = json.loads(body)
    post = world.find_post("lemmy", "news", given.get("post_id"))
    if post is None:
        return refusal(400, text="couldnt_find_post")
    post.stands = not given["deleted"]
    return web.json_response({"post_view": view(request, post)})


def own(world):
    return [p for p in world.posts if p.platform == "lemmy"][::-1]


def search(world, request, body):
    found = [view(request, p) for p in own(world) if p.stands and p.url == cleaned(request.query["q"])]
    return web.json_response({"type_": "Url", "posts": found, "comments": [], "communities": [], "users": []})


def user(world, request, body):
    limit, page = int(request.query.get("limit", "10")), int(request.query.get("page", "1"))
    posts = [p for p in own(world) if p.stands][limit * (page - 1):limit * page]
    return web.json_response({"person_view": {"person": {"id": PERSON}}, "posts": [view(request, p) for p in posts]})


def guarded(handler):
    def checked(world, request, body):
        if not is_known(world, request):
            return refusal(401)
        try:
            return handler(world, request, body)
        except (ValueError, KeyError):
            return refusal(400, text="invalid_request")
    return checked


ROUTES = [
    ("POST", "/api/v3/user/login", log_in),
    ("GET", "/api/v3/site", site),
    ("GET", "/api/v3/community", community),
    ("POST", "/api/v3/post", guarded(create)),
    ("PUT", "/api/v3/post", guarded(edit)),
    ("POST", "/api/v3/post/delete", guarded(delete)),
    ("GET", "/api/v3/search", guarded(search)),
    ("GET", "/api/v3/user", guarded(user)),
]
