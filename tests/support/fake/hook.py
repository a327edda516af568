"""A program of somebody else's that takes webhooks: checks the Standard Webhooks signature when a
secret is known for its name, and tells repeats apart by webhook-id, as the specification wants."""

import base64
import hashlib
import hmac
import json

from aiohttp import web

from . import clock


def refusal(status, retry_after=None, text=None):
    response = web.json_response({"error": text or "refused"}, status=status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(int(retry_after))
    return response


def signature_fault(secret, request, body):
    """None when one of the signatures is right and fresh."""
    message_id = request.headers.get("webhook-id", "")
    stamp = request.headers.get("webhook-timestamp", "")
    if not message_id or "." in message_id or not stamp.isdigit():
        return "webhook-id or webhook-timestamp is missing"
    if abs(clock.now() - int(stamp)) > 300:
        return "webhook-timestamp is too old or too new"
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    content = f"{message_id}.{stamp}.".encode() + body
    right = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    given = request.headers.get("webhook-signature", "").split(" ")
    return None if any(hmac.compare_digest(right, g) for g in given) else "no signature fits"


def keep(world, name, message_id, event):
    seen = world.of("hook", dict).setdefault("seen", set())
    if message_id in seen:
        world.duplicates.append({"platform": "hook", "key": message_id})
        return
    seen.add(message_id)
    article = (event.get("data") or {}).get("article") or {}
    known = next((p for p in world.posts if p.platform == "hook" and p.place == name
                  and p.extra.get("article") == article.get("id")), None)
    kind = event.get("type", "")
    if known is None or kind.endswith("published"):
        known = world.add_post("hook", name, article.get("title", ""), key=message_id,
                               url=article.get("url", ""), language=article.get("language", ""))
        known.extra = {"article": article.get("id"), "events": []}
    elif kind.endswith("updated"):
        known.edit(article.get("title", ""))
    known.stands = not kind.endswith("retracted")
    known.extra["events"].append(event)
    images = article.get("images") or []
    known.image, known.alt = (images[0]["url"], images[0].get("alt", "")) if images else ("", "")


async def handle(world, request, body):
    name = request.match_info.get("name", "hook")
    secret = world.hook_secrets.get(name)
    fault = signature_fault(secret, request, body) if secret else None
    if fault:
        return refusal(401, text=fault)
    if "hook" in world.revoked:
        return refusal(410, text="gone")
    try:
        event = json.loads(body)
    except ValueError:
        return refusal(400, text="no JSON")
    keep(world, name, request.headers.get("webhook-id", str(world.number())), event)
    return web.Response(status=204)

ROUTES = [("POST", "/hook", handle), ("POST", "/hook/{name}", handle)]
