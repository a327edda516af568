"""VK: every answer a 200, errors by number, a picture in three steps, tokens of VK ID that last an hour and
whose refresh tokens are good once, with their device."""

import json

from aiohttp import web

from . import oauth
from .world import read_form, utf16_units

GROUP, DEVICE = 123, "d3vice"
MAX_TEXT = 15895
TEXTS = {1: "Unknown error occurred", 5: "User authorization failed: access_token has expired.", 6: "Too many requests per second",
         10: "Internal server error", 15: "Access denied", 100: "One of the parameters specified was missing or invalid",
         103: "Out of limits", 121: "Invalid hash", 222: "Hyperlinks are forbidden"}


def authority(world):
    return oauth.of(world, "vk", life_s=3600, pkce=True, client_id="51234567", who="id7",
                    given=("integration-vk-token", "Kx2Vd-planted-vk-access-token-Jq9"))


def authorities(world):
    authority(world)


def memory(world):
    return world.of("vk", lambda: {"uploads": {}, "photos": {}})


def error(code):
    return web.json_response({"error": {"error_code": code, "error_msg": TEXTS.get(code, "Refused"), "request_params": []}})


def refusal(status, retry_after=None):
    code = {401: 5, 403: 15, 429: 6, 500: 1}.get(status)
    if code:
        return error(code)
    return web.Response(status=status, text="<html>Bad gateway</html>", content_type="text/html")


def response(value):
    return web.json_response({"response": value})


def server(world, request, form):
    number = world.number()
    memory(world)["uploads"][str(number)] = None
    return response({"album_id": -14, "user_id": 7, "upload_url": f"{request.scheme}://{request.host}/vkupload/{number}"})


def upload(world, request, body):
    number, uploads = request.match_info["number"], memory(world)["uploads"]
    part = read_form(request, body).get("photo")
    if number not in uploads or part is None or isinstance(part, str):
        return web.json_response({"error": "ERR_UPLOAD_BAD_REQUEST"})
    uploads[number] = part
    return web.json_response({"server": 612, "photo": json.dumps([{"photo": number}]), "hash": f"hash-{number}"})


def save(world, request, form):
    number = form.get("hash", "").removeprefix("hash-")
    if memory(world)["uploads"].pop(number, None) is None:
        return error(121)
    photo = {"id": world.number(), "owner_id": -GROUP, "caption": form.get("caption", "")}
    memory(world)["photos"][f"photo-{GROUP}_{photo['id']}"] = photo
    return response([photo])


def attached(world, form):
    """The fields of a post, or the number of an error."""
    parts = [p for p in form.get("attachments", "").split(",") if p]
    links = [p for p in parts if p.startswith("http")]
    photos = [p for p in parts if not p.startswith("http")]
    if len(links) > 1 or any(p not in memory(world)["photos"] for p in photos) or not (parts or form.get("message")):
        return 100
    if utf16_units(form.get("message", "")) > MAX_TEXT:
        return 103
    photo = memory(world)["photos"][photos[0]] if photos else {}
    return {"url": links[0] if links else "", "image": photos[0] if photos else "", "alt": photo.get("caption", "")}


def post(world, request, form):
    if form.get("owner_id") != str(-GROUP):
        return error(15)
    fields = attached(world, form)
    if isinstance(fields, int):
        return error(fields)
    made = world.add_post("vk", "wall", form.get("message", ""), key=form.get("guid", ""), **fields)
    return response({"post_id": int(made.id)})


def one(world, form):
    found = world.find_post("vk", "wall", form.get("post_id"))
    return found if found is not None and found.stands else None


def edit(world, request, form):
    found, fields = one(world, form), attached(world, form)
    if found is None:
        return error(100)
    if isinstance(fields, int):
        return error(fields)
    found.edit(form.get("message", ""))
    for name, value in fields.items():
        setattr(found, name, value)
    return response({"post_id": int(found.id)})


def delete(world, request, form):
    found = one(world, form)
    if found is None:
        return web.json_response({"error": {"error_code": 15, "error_msg": "Access denied: post or comment deleted"}})
    found.stands = False
    return response(1)


def wall(world, request, form):
    posts = [p for p in world.posts if p.platform == "vk" and p.stands][::-1]
    offset, count = int(form.get("offset", "0")), int(form.get("count", "20"))
    items = [{"id": int(p.id), "owner_id": -GROUP, "date": int(p.at), "text": p.text,
              "attachments": [{"type": "link", "link": {"url": p.url}}] if p.url else []} for p in posts[offset:offset + count]]
    return response({"count": len(posts), "items": items})


METHODS = {"photos.getWallUploadServer": server, "photos.saveWallPhoto": save, "wall.post": post, "wall.edit": edit,
           "wall.delete": delete, "wall.get": wall}


def method(world, request, body):
    form = read_form(request, body)
    if "v" not in form:
        return error(8)
    if "vk" in world.revoked or not authority(world).accepts(form.get("access_token")):
        return error(5)
    handler = METHODS.get(request.match_info["name"])
    return handler(world, request, form) if handler else error(3)


def give(world, request, body):
    """Errors come with status 200, and no secret is asked for."""
    form, mine = read_form(request, body), authority(world)
    try:
        if mine.refuse:
            raise oauth.Refused(mine.refuse)
        if form.get("client_id") != mine.client_id or form.get("device_id") != DEVICE or not form.get("state"):
            raise oauth.Refused("invalid_request", "client_id, device_id or state are wrong")
        if form.get("grant_type") == "authorization_code":
            token = mine.begin(form.get("code"), form.get("redirect_uri"), form.get("code_verifier"))
        else:
            token = mine.renew(form.get("refresh_token"))
        return web.json_response({**token, "user_id": 7, "state": form["state"]})
    except oauth.Refused as refused:
        return web.json_response({"error": refused.error, "error_description": refused.about})


def show(world, request, body):
    """As any authorisation page, but it comes back with the device as well."""
    try:
        return authority(world).authorize(request)
    except web.HTTPFound as found:
        back = str(found.location)
        raise web.HTTPFound(oauth.back_to(back, device_id=DEVICE, type="code_v2") if "code=" in back else back) from None


ROUTES = [
    ("POST", "/method/{name}", method),
    ("POST", "/vkupload/{number}", upload),
    ("GET", "/vkid/authorize", show),
    ("POST", "/vkid/oauth2/auth", give),
]
