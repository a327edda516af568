"""WhatsApp's Cloud API: template messages with Meta's error codes in HTTP 400, a throughput per number, a pace per
recipient, and statuses that come by webhook, signed, some twice and not in their order. It knows no key of its
caller: a message that is sent twice arrives twice.

A recipient whose digits begin with 49 and a code of six digits is answered with that error (49131026001: 131026),
and one that begins with 48 and a code gets a status `failed` with it. Lives below /whatsapp, so that no path is also
another platform's.

  POST /_control/whatsapp  {"url": …, "secret": …, "token": …}: where and how to tell statuses; the token that is good;
                           "per_second": …; "tells": false: no statuses; "templates": {name: [languages]}"""

import asyncio
import hashlib
import hmac
import json
import random
import re

import aiohttp
from aiohttp import web

from . import clock

PAIR_S, PAIR_BURST = 6.0, 4
VARIABLES = 2  # of each template's body
HTTP = {190: 401, 0: 401, 10: 403, 130429: 429, 131016: 500, 1: 500, 2: 503}


def memory(world):
    return world.of("whatsapp", lambda: {
        "hook": {}, "token": None, "per_second": 2000, "tells": True, "seen": {}, "taken": [], "queue": [], "task": None,
        "told": 0, "templates": {"breaking_news": ["en_US", "de"], "correction": ["en_US", "de"]}})


def refusal(status, retry_after=None, text=None):
    code = {401: 190, 403: 10, 429: 130429, 500: 131016, 503: 2}.get(status, 131000)
    response = error(code, text)
    response.set_status(status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(int(retry_after))
    return response


def error(code, text=None):
    said = {"message": f"(#{code}) {text or 'Something went wrong'}", "type": "OAuthException", "code": code,
            "error_data": {"messaging_product": "whatsapp", "details": text or "details"}, "fbtrace_id": "AbCdEf"}
    return web.json_response({"error": said}, status=HTTP.get(code, 400))


def told_code(digits, country):
    match = re.match(rf"{country}(13\d{{4}}|100000)", digits)
    return int(match[1]) if match else None


def scripted(digits):
    code = told_code(digits, "49")
    return error(code, f"not to {digits}") if code else None


def wrong_template(world, template):
    languages = memory(world)["templates"].get(template.get("name"))
    if languages is None or template.get("language", {}).get("code") not in languages:
        return error(132001, "Template name does not exist in the translation")
    parts = {c["type"]: c for c in template.get("components", [])}
    values = parts.get("body", {}).get("parameters", [])
    if len(values) != VARIABLES:
        return error(132000, "Number of parameters does not match the expected number of params")
    for value in values:
        if not value.get("text"):
            return error(131008, "Required parameter is missing")
        if re.search(r"[\n\t]| {5}", value["text"]):
            return error(132012, "Parameter format does not match")
    if sum(len(v["text"]) for v in values) > 1024:
        return error(132005, "Translated text too long")
    return None


def too_fast(world):
    now, known = clock.now(), memory(world)
    known["taken"] = [at for at in known["taken"] if now - at < 1]
    if len(known["taken"]) >= known["per_second"]:
        return error(130429, "Rate limit hit")
    known["taken"].append(now)
    return None


def too_often(world, digits):
    now, seen = clock.now(), memory(world)["seen"]
    seen[digits] = [at for at in seen.get(digits, []) if now - at < PAIR_S * PAIR_BURST]
    if len(seen[digits]) >= PAIR_BURST:
        return error(131056, "Pair rate limit hit")
    seen[digits].append(now)
    return None


def send(world, request, body):
    fields = json.loads(body)
    digits = fields.get("to", "").lstrip("+")
    if fields.get("messaging_product") != "whatsapp" or fields.get("type") != "template" or not digits.isdigit():
        return error(100, "Invalid parameter")
    for look in (lambda: too_fast(world), lambda: wrong_template(world, fields["template"]),
                 lambda: scripted(digits), lambda: too_often(world, digits)):
        no = look()
        if no is not None:
            return no
    values = [p["text"] for c in fields["template"].get("components", []) if c["type"] == "body" for p in c["parameters"]]
    post = world.add_post("whatsapp", digits, "\n".join(values), key=fields.get("biz_opaque_callback_data", ""),
                          language=fields["template"]["language"]["code"], extra={"template": fields["template"]["name"]})
    post.id = f"wamid.{post.id}"
    tell(world, request.match_info["number"], post)
    return web.json_response({"messaging_product": "whatsapp", "contacts": [{"input": fields["to"], "wa_id": digits}],
                              "messages": [{"id": post.id, "message_status": "accepted"}]})


# ---- statuses ----

def status(post, name):
    made = {"id": post.id, "status": name, "timestamp": str(int(post.at)), "recipient_id": post.place,
            "biz_opaque_callback_data": post.key}
    code = told_code(post.place, "48")
    if name == "failed":
        made["errors"] = [{"code": code, "title": "not delivered", "error_data": {"details": "…"}}]
    return made


def tell(world, number, post):
    known = memory(world)
    if not known["tells"] or "url" not in known["hook"]:
        return
    later = "failed" if told_code(post.place, "48") else "delivered"
    known["queue"] += [status(post, "sent"), status(post, later), status(post, "sent")]
    if known["task"] is None:
        known["task"] = asyncio.get_running_loop().create_task(deliver(world, number, world.age))


async def deliver(world, number, age):
    """Again and again until it is taken, as Meta does."""
    known = memory(world)
    async with aiohttp.ClientSession() as session:
        while known["queue"] and world.age == age:
            await asyncio.sleep(0.05)
            batch, known["queue"] = known["queue"], []
            random.Random(known["told"]).shuffle(batch)
            while world.age == age and not await call(session, known, number, {"statuses": batch}):
                await asyncio.sleep(0.1)
            known["told"] += len(batch)
    known["task"] = None


def envelope(number, value):
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp", "metadata": {"phone_number_id": number}, **value}}]}]}


async def call(session, known, number, value):
    raw = json.dumps(envelope(number, value)).encode()
    mac = hmac.new(known["hook"]["secret"].encode(), raw, hashlib.sha256).hexdigest()
    try:
        headers = {"X-Hub-Signature-256": f"sha256={mac}", "Content-Type": "application/json"}
        async with session.post(known["hook"]["url"], data=raw, headers=headers) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


# ---- the rest ----

def number(world, request, body):
    return web.json_response({"display_phone_number": "+1 555-0100", "verified_name": "Example News",
                              "quality_rating": "GREEN", "id": request.match_info["number"]})


def guarded(handler):
    def checked_handler(world, request, body):
        token = memory(world)["token"]
        given = request.headers.get("Authorization", "")
        if "whatsapp" in world.revoked or not given.startswith("Bearer ") or (token and given != f"Bearer {token}"):
            return error(190, "Error validating access token")
        try:
            return handler(world, request, body)
        except (ValueError, KeyError, TypeError):
            return error(100, "Invalid parameter")
    return checked_handler


ROUTES = [
    ("GET", "/whatsapp/v25.0/{number}", guarded(number)),
    ("POST", "/whatsapp/v25.0/{number}/messages", guarded(send)),
    ("POST", "/whatsapp/v25.0/{number}/marketing_messages", guarded(send)),
]
