"""Meta's Graph APIs: pages on Facebook, Instagram and Threads (one face each, below /facebook, /instagram and
/threads of any). Errors come with HTTP 400 and a code, as in reality; only `code` and `error_subcode` tell them
apart.

A container takes a moment (its first look says IN_PROGRESS), is published once, and a second publication of it is
refused. Facebook refuses a post that says the same as the one before (506). What was published under a fault
whose answer is lost stands, and the lists tell. Pictures are given by address; with POST /_control/meta
{"fetch": true} the address is asked, and one that gives no JPEG is refused as Instagram refuses it.

  POST /_control/meta   {"next": {"code", "error_subcode", "message", "minutes", "platform"}}: the next request of that
                        platform that is no GET gets this error, with X-Business-Use-Case-Usage if minutes are told;
                        {"used_up": true}: the day's quota is (false: it is not)"""

import datetime
import json
import urllib.parse
from types import SimpleNamespace

import aiohttp
from aiohttp import web

from . import clock, oauth
from .world import Part, read_form

PAGE, IG_USER, THREADS_USER = "102030405060708", "17841400000000000", "17841400000000001"
PAGE_NAME = "Example News"
LIMITS = {"instagram": 50, "threads": 250}
EDGES = {"instagram": ("media", "media_publish", "content_publishing_limit"),
         "threads": ("threads", "threads_publish", "threads_publishing_limit")}
WAITS = {"IMAGE": 1, "VIDEO": 2, "REELS": 2, "STORIES": 1, "CAROUSEL": 1, "TEXT": 0}  # looks until it is finished


def memory(world):
    return world.of("meta", lambda: {"containers": {}, "photos": {}, "videos": {}, "next": {}, "used_up": False,
                                     "fetch": False})


def authority(world, name):
    return oauth.of(world, name, life_s=60 * 24 * 3600, refreshes=False, who="news",
                    given=("given-token", f"Kx2Vd-planted-{name}-access-token-Jq9"))


def authorities(world):
    for name in ("facebook", "instagram", "threads"):
        authority(world, name)


def answer(body, status=200, **headers):
    return web.json_response(body, status=status, headers={"x-fb-trace-id": "Ezmp1Vxw0Jh", **headers})


def refuse(code, subcode=None, message=None, status=400, minutes=None, transient=False):
    error = {"message": message or f"(#{code}) It is refused", "type": "OAuthException", "code": code,
             "is_transient": transient, "fbtrace_id": "AbCdEfGhIjKlMnOp"}
    if subcode:
        error["error_subcode"] = subcode
    usage = {"102030405060708": [{"type": "pages", "call_count": 100, "total_cputime": 20, "total_time": 20,
                                  "estimated_time_to_regain_access": minutes}]}
    return answer({"error": error}, status,
                  **({"X-Business-Use-Case-Usage": json.dumps(usage)} if minutes is not None else {}))


def refusal(status, retry_after=None):
    """What a scripted fault answers: Meta's own form of it."""
    if status == 401:
        return refuse(190, 463, "Error validating access token: Session has expired")
    if status == 429:
        return refuse(4, None, "(#4) Application request limit reached",
                      minutes=None if retry_after is None else int(retry_after) // 60)
    if status >= 500:
        return refuse(2, None, "Service temporarily unavailable", status, transient=True)
    return refuse(100, None, "Invalid parameter", status)


def moment(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S+0000")


def fields_of(request, body):
    if request.content_type == "application/json":
        return json.loads(body)
    return read_form(request, body)


def guarded(name, handler):
    async def checked(world, request, body):
        if not authority(world, name).accepts(oauth.bearer(request)) or name in world.revoked:
            return refuse(190, 463, "Error validating access token: Session has expired")
        scripted = memory(world)["next"].pop(name, None) if request.method != "GET" else None
        if scripted:
            return refuse(scripted["code"], scripted.get("error_subcode"), scripted.get("message"),
                          minutes=scripted.get("minutes"))
        try:
            result = handler(world, request, fields_of(request, body) if body else {})
            return await result if hasattr(result, "__await__") else result
        except (KeyError, TypeError, ValueError) as error:
            return refuse(100, None, f"Invalid parameter: {error}")
    return checked


def gone():
    return refuse(100, 33, "Unsupported request. Object does not exist, cannot be loaded due to missing permissions")


# ---- pages on Facebook ----


def page_post(post):
    link = post.extra.get("link")
    return {"id": post.id, "created_time": moment(post.at), "message": post.text,
            "permalink_url": f"https://www.facebook.com/{PAGE}/posts/{post.id.split('_')[-1]}",
            **({"attachments": {"data": [{"unshimmed_url": link, "url": f"https://l.facebook.com/l.php?u={link}"}]}}
               if link else {})}


def page_posts(world):
    return [p for p in world.posts if p.platform == "facebook" and p.stands]


def feed(world, request, fields):
    if request.match_info["page"] != PAGE:
        return gone()
    attached = [m["media_fbid"] for m in fields.get("attached_media", [])]
    photos = memory(world)["photos"]
    if attached and fields.get("link"):
        return refuse(100, None, "link and attached_media do not combine")
    if any(i not in photos for i in attached):
        return refuse(324, None, "Missing or invalid image file")
    said = (fields.get("message", ""), fields.get("link"), tuple(attached))
    if not any(said):
        return refuse(100, None, "The post is empty")
    standing = page_posts(world)
    if standing and not attached and (standing[-1].text, standing[-1].extra.get("link")) == said[:2]:
        world.duplicates.append({"platform": "facebook", "key": said[0]})
        return refuse(506, None, "Duplicate status message")
    post = world.add_post("facebook", PAGE, said[0], id=f"{PAGE}_{world.number()}", url=fields.get("link", ""),
                          image=attached[0] if attached else "", alt=photos[attached[0]]["alt"] if attached else "",
                          extra={"link": fields.get("link"), "photos": attached})
    return answer({"id": post.id, **({"permalink_url": page_post(post)["permalink_url"]}
                                     if "permalink_url" in request.query.get("fields", "") else {})})


def photos(world, request, fields):
    source = fields.get("source")
    if not isinstance(source, Part) or source.type not in ("image/jpeg", "image/png") or len(source.bytes) >= 4 * 1024 * 1024:
        return refuse(1, 1366046, "Your photos couldn't be uploaded. Photos should be smaller than 4 MB")
    if fields.get("published") != "false":
        return refuse(100, None, "this fake takes unpublished photos only")
    photo_id = str(world.number())
    memory(world)["photos"][photo_id] = {"alt": fields.get("alt_text_custom", ""), "bytes": len(source.bytes)}
    return answer({"id": photo_id})


def videos(world, request, fields):
    if not fields.get("file_url") and not isinstance(fields.get("source"), Part):
        return refuse(324, None, "Missing or invalid video file")
    video = world.add_post("facebook", PAGE, fields.get("description", ""), url=fields.get("file_url", ""),
                           extra={"video": True})
    memory(world)["videos"][video.id] = 0
    return answer({"id": video.id})


def published_posts(world, request, fields):
    posts, after = page_posts(world)[::-1], request.query.get("after")
    from_here = [p.id for p in posts].index(after) + 1 if after else 0
    page = posts[from_here:][:int(request.query.get("limit", "25"))]
    return answer({"data": [page_post(p) for p in page], **({"paging": {"cursors": {"after": page[-1].id}}} if page else {})})


def page_object(world, request, fields):
    object_id = request.match_info["id"]
    if object_id == "me":
        return answer({"id": PAGE, "name": PAGE_NAME})
    post = world.find_post("facebook", PAGE, object_id)
    if post is None or not post.stands:
        return gone()
    if request.method == "DELETE":
        post.stands = False
        return answer({"success": True})
    if request.method == "POST":
        post.edit(fields.get("message", fields.get("description", "")))
        return answer({"success": True})
    looks = memory(world)["videos"].get(object_id)
    if looks is not None:
        memory(world)["videos"][object_id] = looks + 1
        return answer({"id": object_id, "status": {"video_status": "ready" if looks else "processing"},
                       "permalink_url": f"/{PAGE}/videos/{object_id}/"})
    return answer(page_post(post))


def accounts(world, request, fields):
    page_token = authority(world, "facebook").give(life_s=10 ** 9)["access_token"]
    return answer({"data": [
        {"id": "1", "name": "Another page", "access_token": page_token + "-other", "tasks": ["ANALYZE"]},
        {"id": PAGE, "name": PAGE_NAME, "access_token": page_token, "tasks": ["CREATE_CONTENT", "MANAGE"],
         "instagram_business_account": {"id": IG_USER, "username": "news"}}]})


# ---- containers: Instagram and Threads ----


def day_of(world, platform):
    since = clock.now() - 24 * 3600
    return sum(1 for p in world.posts if p.platform == platform and p.at > since)


def checked_text(platform, fields):
    text = fields.get("caption" if platform == "instagram" else "text", "")
    if platform == "instagram" and len(text) > 2200:
        return refuse(36004, 2207010, "The caption is too long")
    if platform == "threads" and len(text) > 500:
        return refuse(100, None, "Param text must be at most 500 characters long.")
    return None


async def fetched(world, fields):
    """What Meta would say of the picture's address; None: nothing."""
    url = fields.get("image_url")
    if not memory(world)["fetch"] or not url:
        return None
    try:
        async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as response:
            kind = response.content_type if response.status == 200 else None
    except aiohttp.ClientError:
        kind = None
    if kind is None:
        return refuse(9004, 2207052, "The media could not be fetched from this URI")
    return None if kind == "image/jpeg" else refuse(36001, 2207005, "The image format is not supported")


async def create(world, request, fields):
    platform = request.path.split("/")[1]
    kind = fields.get("media_type", "IMAGE")
    no = checked_text(platform, fields) or await fetched(world, fields)
    if no is not None:
        return no
    if kind == "CAROUSEL":
        children = fields.get("children", "").split(",")
        if not 2 <= len(children) <= (10 if platform == "instagram" else 20) or any(
                c not in memory(world)["containers"] for c in children):
            return refuse(100, 2207028, "A carousel has 2 to 10 items")
    elif kind != "TEXT" and not fields.get("image_url") and not fields.get("video_url"):
        return refuse(100, 2207023, "There is no media")
    elif kind == "TEXT" and platform == "instagram":
        return refuse(100, 2207023, "There is no such media type")
    if fields.get("reply_to_id") and one_of(world, platform, fields["reply_to_id"]) is None:
        return refuse(24, 4279009, "The post that is replied to does not exist")
    container_id = str(world.number())
    memory(world)["containers"][container_id] = {"platform": platform, "fields": fields, "looks": 0, "kind": kind,
                                                 "published": False, "at": clock.now()}
    return answer({"id": container_id})


def state_of(container):
    if container["published"]:
        return "PUBLISHED"
    if clock.now() - container["at"] > 24 * 3600:
        return "EXPIRED"
    return "FINISHED" if container["looks"] > WAITS[container["kind"]] else "IN_PROGRESS"


def publish(world, request, fields):
    platform = request.path.split("/")[1]
    container = memory(world)["containers"].get(str(fields["creation_id"]))
    if memory(world)["used_up"] or day_of(world, platform) >= LIMITS[platform]:
        return refuse(9, 2207042, "Application request limit reached")
    if container is None or container["platform"] != platform or container["fields"].get("is_carousel_item"):
        return refuse(24, 4279009 if platform == "threads" else 2207008, "The requested resource does not exist")
    state = state_of(container)
    if state == "PUBLISHED":
        world.duplicates.append({"platform": platform, "key": fields["creation_id"]})
        return refuse(100, None, "This container was published already")
    if state == "EXPIRED":
        return refuse(24, 2207006, "The container has expired")
    if state == "IN_PROGRESS" and WAITS[container["kind"]] > 0:
        return refuse(9007, 2207027, "The media is not ready for publishing")
    container["published"] = True
    made = container["fields"]
    post = world.add_post(platform, "news", made.get("caption", made.get("text", "")), key=str(fields["creation_id"]),
                          url=made.get("link_attachment", ""), image=made.get("image_url", made.get("video_url", "")),
                          alt=made.get("alt_text", ""), extra={"kind": container["kind"], "children": made.get("children", ""),
                                                               "reply_to": made.get("reply_to_id", ""),
                                                               "topic": made.get("topic_tag", "")})
    return answer({"id": post.id})


def media_json(post):
    site = "https://www.instagram.com/p" if post.platform == "instagram" else "https://www.threads.net/@news/post"
    return {"id": post.id, "permalink": f"{site}/{post.id}/", "timestamp": moment(post.at), "caption": post.text,
            "text": post.text, **({"link_attachment_url": post.url} if post.url else {})}


def one_of(world, platform, object_id):
    post = world.find_post(platform, "news", object_id)
    return post if post is not None and post.stands else None


def listed(world, request, fields):
    platform, stories = request.path.split("/")[1], request.path.endswith("/stories")
    posts = [p for p in world.posts if p.platform == platform and p.stands and (p.extra["kind"] == "STORIES") == stories]
    return answer({"data": [media_json(p) for p in posts[::-1][:int(request.query.get("limit", "25"))]]})


def limit(world, request, fields):
    platform = request.path.split("/")[1]
    return answer({"data": [{"quota_usage": day_of(world, platform),
                             "config": {"quota_total": LIMITS[platform], "quota_duration": 86400}}]})


def media_object(world, request, fields):
    platform, object_id = request.path.split("/")[1], request.match_info["id"]
    if object_id in ("me", IG_USER, THREADS_USER):
        user = IG_USER if platform == "instagram" else THREADS_USER
        return answer({"id": user, "user_id": user, "username": "news"})
    container = memory(world)["containers"].get(object_id)
    if container is not None and request.method == "GET":
        container["looks"] += 1
        state = state_of(container)
        return answer({"id": object_id, "status_code": state, "status": state if platform == "threads" else f"{state}: …"})
    post = one_of(world, platform, object_id)
    if post is None:
        return gone()
    if request.method == "DELETE":
        if platform == "instagram" and "/v26.0-by-facebook/" not in request.path:
            return refuse(100, None, "Unsupported delete request")
        post.stands = False
        return answer({"success": True, "deleted_id": object_id})
    return answer(media_json(post))


# ---- tokens ----


def by_grant_type(world, request, body):
    """/access_token and /refresh_access_token, which stand at the root of Instagram's and Threads' hosts."""
    name = {"ig": "instagram", "th": "threads"}.get(request.query.get("grant_type", "")[:2], "facebook")
    server = authority(world, name)
    if server.refuse:
        return refuse(1, None, "An unknown error occurred", 500)
    if not server.accepts(request.query.get("access_token", request.query.get("fb_exchange_token", ""))):
        return refuse(190, 463, "Error validating access token: Session has expired")
    server.renewals += request.path.endswith("refresh_access_token")
    return answer(server.give())


def code_for_token(name):
    def give(world, request, body):
        try:
            token = authority(world, name).token(request, read_form(request, body))
        except oauth.Refused as refused:
            return refuse(100, 36009, f"{refused.error}: {refused.about}")
        return answer({**token, "user_id": IG_USER if name == "instagram" else THREADS_USER})
    return give


def page_of(name):
    return lambda world, request, body: authority(world, name).authorize(request)


def debug_token(world, request, body):
    return answer({"data": {"is_valid": True, "expires_at": 0,
                            "data_access_expires_at": int(clock.now()) + 90 * 24 * 3600}})


# ---- control ----


def control(world, body):
    told = memory(world)
    if "next" in body:
        told["next"][body["next"]["platform"]] = body["next"]
    for name in ("used_up", "fetch"):
        told[name] = body.get(name, told[name])


def container_routes(name, version):
    edge, publishing, limits = EDGES[name]
    base = f"/{name}/{version}"
    return [("POST", f"{base}/{{user}}/{edge}", guarded(name, create)),
            ("GET", f"{base}/{{user}}/{edge}", guarded(name, listed)),
            ("GET", f"{base}/{{user}}/stories", guarded(name, listed)),
            ("POST", f"{base}/{{user}}/{publishing}", guarded(name, publish)),
            ("GET", f"{base}/{{user}}/{limits}", guarded(name, limit)),
            ("GET", f"{base}/{{id}}", guarded(name, media_object)),
            ("DELETE", f"{base}/{{id}}", guarded(name, media_object)),
            ("GET", f"/{name}/authorize", page_of(name)),
            ("POST", f"/{name}/token", code_for_token(name))]


FACEBOOK = SimpleNamespace(refusal=refusal, authorities=authorities, ROUTES=[
    ("POST", "/facebook/v26.0/{page}/feed", guarded("facebook", feed)),
    ("POST", "/facebook/v26.0/{page}/photos", guarded("facebook", photos)),
    ("POST", "/facebook/v26.0/{page}/videos", guarded("facebook", videos)),
    ("GET", "/facebook/v26.0/{page}/published_posts", guarded("facebook", published_posts)),
    ("GET", "/facebook/v26.0/me/accounts", guarded("facebook", accounts)),
    ("GET", "/facebook/v26.0/oauth/access_token", by_grant_type),
    ("POST", "/facebook/v26.0/oauth/access_token", code_for_token("facebook")),
    ("GET", "/facebook/v26.0/debug_token", debug_token),
    ("GET", "/facebook/authorize", page_of("facebook")),
    *((method, "/facebook/v26.0/{id}", guarded("facebook", page_object)) for method in ("GET", "POST", "DELETE")),
])
INSTAGRAM = SimpleNamespace(refusal=refusal, authorities=authorities, ROUTES=[
    *container_routes("instagram", "v26.0"), *container_routes("instagram", "v26.0-by-facebook")[:-2],
    ("GET", "/access_token", by_grant_type), ("GET", "/refresh_access_token", by_grant_type)])
THREADS = SimpleNamespace(refusal=refusal, authorities=authorities, ROUTES=[
    *container_routes("threads", "v1.0"), ("POST", "/oauth/access_token", code_for_token("threads"))])
