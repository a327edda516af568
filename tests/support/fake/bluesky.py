"""A Bluesky server: sessions with tokens that expire, blobs, records under keys the client chooses.
Writing the same record to the same key again changes nothing, as in reality. Text in grapheme
clusters and bytes; facets must lie inside the text and between code points."""

import base64
import hashlib
import json

from aiohttp import web

from . import clock
from .world import graphemes

DID = "did:plc:example2345678901234567"
COLLECTION = "app.bsky.feed.post"


def memory(world):
    return world.of("bluesky", lambda: {"blobs": {}, "access": set(), "refresh": set(), "logins": 0})


def limited(response):
    response.headers["RateLimit-Limit"] = "3000"
    response.headers["RateLimit-Remaining"] = "2999"
    response.headers["RateLimit-Reset"] = str(int(clock.now()) + 300)
    response.headers["RateLimit-Policy"] = "3000;w=300"
    return response


def answer(body, status=200):
    return limited(web.json_response(body, status=status))


def refusal(status, retry_after=None, text=None, name=None):
    names = {401: "AuthenticationRequired", 429: "RateLimitExceeded", 500: "InternalServerError",
             502: "UpstreamFailure", 503: "NotEnoughResources"}
    response = answer({"error": name or names.get(status, "InvalidRequest"),
                       "message": text or "Refused"}, status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(int(retry_after))
        response.headers["RateLimit-Reset"] = str(int(clock.now() + retry_after))
    return response


def jwt(scope, number, life_s):
    now = int(clock.now())
    def part(v):
        return base64.urlsafe_b64encode(json.dumps(v).encode()).rstrip(b"=").decode()
    return ".".join((part({"alg": "HS256"}),
                     part({"scope": scope, "sub": DID, "iat": now, "exp": now + life_s, "n": number}),
                     "c2lnbmF0dXJl"))


def session(world, request):
    m, number = memory(world), world.number()
    access, refresh = jwt("com.atproto.access", number, 7200), jwt("com.atproto.refresh", number, 7776000)
    m["access"].add(access)
    m["refresh"].add(refresh)
    base = f"{request.scheme}://{request.host}"
    return answer({"accessJwt": access, "refreshJwt": refresh, "did": DID, "handle": "news.example",
                   "active": True, "didDoc": {"id": DID, "service": [
                       {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer",
                        "serviceEndpoint": base}]}})


def bearer(request):
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def create_session(world, request, body):
    fields = json.loads(body)
    if "bluesky" in world.revoked or not fields.get("identifier") or not fields.get("password"):
        return refusal(401, text="Invalid identifier or password")
    memory(world)["logins"] += 1
    return session(world, request)


def refresh_session(world, request, body):
    if body:
        return refusal(400, text="Request body was provided when none was expected")
    if bearer(request) not in memory(world)["refresh"] or "bluesky" in world.revoked:
        return refusal(400, name="ExpiredToken", text="Token has expired")
    return session(world, request)


def signed_in(handler):
    def checked(world, request, body):
        if "bluesky" in world.revoked:
            return refusal(401, text="Invalid identifier or password")
        if not bearer(request):
            return refusal(401, name="AuthMissing", text="Authentication Required")
        if bearer(request) not in memory(world)["access"]:
            return refusal(400, name="ExpiredToken", text="Token has expired")
        return handler(world, request, body)
    return checked


def get_blob(world, request, body):
    """com.atproto.sync.getBlob, for whoever wants to see what was uploaded."""
    blob = memory(world)["blobs"].get(request.query.get("cid"))
    return web.Response(body=blob) if blob is not None else refusal(400, "BlobNotFound")


def upload_blob(world, request, body):
    if len(body) > 2_000_000:
        return refusal(400, name="BlobTooLarge", text="This file is too large")
    cid = "bafkrei" + hashlib.sha256(body).hexdigest()[:52]
    memory(world)["blobs"][cid] = body
    return answer({"blob": {"$type": "blob", "ref": {"$link": cid},
                            "mimeType": request.content_type, "size": len(body)}})


def invalid(reason):
    return refusal(400, text=f"Invalid {COLLECTION} record: {reason}")


def facet_fault(text, facets):
    raw, last = text.encode(), 0
    for facet in sorted(facets or [], key=lambda f: f["index"]["byteStart"]):
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        if not last <= start < end <= len(raw):
            return f"facet {start}..{end} of {len(raw)} bytes"
        try:
            raw[start:end].decode()
        except UnicodeDecodeError:
            return f"facet {start}..{end} splits a character"
        last = end
    return None


def pictures(world, embed):
    """Image references with their alt texts; None for one that is not there."""
    blobs = [(i["image"], i["alt"]) for i in embed.get("images", [])]
    thumb = (embed.get("external") or {}).get("thumb")
    blobs += [(thumb, embed["external"]["title"])] if thumb else []
    return [(b["ref"]["$link"] if b["ref"]["$link"] in memory(world)["blobs"] else None, alt)
            for b, alt in blobs]


def put_record(world, request, body):
    fields = json.loads(body)
    record, rkey = fields["record"], fields["rkey"]
    text = record["text"]
    if fields["repo"] != DID or fields["collection"] != COLLECTION:
        return refusal(400, text="Could not find repo")
    if graphemes(text) > 300 or len(text.encode()) > 3000:
        return invalid("Record/text must not be longer than 300 graphemes")
    fault = facet_fault(text, record.get("facets"))
    if fault or len(record.get("langs", [])) > 3 or not record.get("createdAt"):
        return invalid(fault or "Record/langs or Record/createdAt")
    images = pictures(world, record.get("embed") or {})
    if any(cid is None for cid, _ in images):
        return refusal(400, text="Could not find blob")
    return keep(world, rkey, record, images)


def keep(world, rkey, record, images):
    uri = f"at://{DID}/{COLLECTION}/{rkey}"
    cid = "bafyrei" + hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:52]
    post = world.find_post("bluesky", DID, rkey)
    if post is not None and post.stands and post.extra["cid"] == cid:
        world.duplicates.append({"platform": "bluesky", "key": rkey})
        return answer({"uri": uri, "cid": cid, "validationStatus": "valid"})
    external = (record.get("embed") or {}).get("external") or {}
    if post is None:
        post = world.add_post("bluesky", DID, record["text"], id=rkey, key=rkey)
    else:
        post.edit(record["text"])
        post.stands = True
    post.url = external.get("uri", "")
    post.image, post.alt = images[0] if images else ("", "")
    post.language = ",".join(record.get("langs", []))
    post.extra = {"cid": cid, "record": record}
    return answer({"uri": uri, "cid": cid, "validationStatus": "valid",
                   "commit": {"cid": cid, "rev": rkey}})


def get_record(world, request, body):
    post = world.find_post("bluesky", DID, request.query.get("rkey", ""))
    if post is None or not post.stands:
        return refusal(400, name="RecordNotFound", text="Could not locate record")
    return answer({"uri": f"at://{DID}/{COLLECTION}/{post.id}", "cid": post.extra["cid"],
                   "value": post.extra["record"]})


def delete_record(world, request, body):
    post = world.find_post("bluesky", DID, json.loads(body)["rkey"])
    if post is not None:
        post.stands = False
    return answer({})


def readable(handler):
    async def checked(world, request, body):
        try:
            return handler(world, request, body)
        except (KeyError, TypeError, ValueError) as error:
            return refusal(400, text=f"Input: {error}")
    return checked


def route(method, name, handler):
    return (method, f"/xrpc/com.atproto.{name}", readable(handler))

ROUTES = [
    route("POST", "server.createSession", create_session),
    route("POST", "server.refreshSession", refresh_session),
    route("GET", "server.getSession", signed_in(lambda w, r, b: answer({"did": DID, "handle": "news.example", "active": True}))),
    route("POST", "repo.uploadBlob", signed_in(upload_blob)),
    route("GET", "sync.getBlob", get_blob),
    route("POST", "repo.putRecord", signed_in(put_record)),
    route("GET", "repo.getRecord", get_record),
    route("POST", "repo.deleteRecord", signed_in(delete_record)),
]
