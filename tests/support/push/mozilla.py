"""A stand-in for Mozilla's push server, with both of its faces: the WebSocket that Firefox keeps open, and the endpoint
that messages are posted to (RFC 8030, HTTP/2 over TLS; RFC 8292 is held to). What is posted for a browser that is there
goes to it as it came; what Firefox made of it is its ack: 100 shown to the worker, 101 not decrypted."""

import asyncio
import base64
import json
import threading
import time
import uuid
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
from aiohttp import WSMsgType, web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

BODY_MAX = 4096
DAY = 24 * 3600


def b64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def vapid_fault(header, origin, made_for):
    """What is wrong with an Authorization (RFC 8292); None: nothing."""
    scheme, _, rest = header.partition(" ")
    parts = dict(p.strip().split("=", 1) for p in rest.split(",") if "=" in p)
    if scheme.lower() != "vapid" or not {"t", "k"} <= parts.keys():
        return "not vapid t=…, k=…"
    head, claims, signature = parts["t"].split(".")
    if json.loads(from_b64url(head)) != {"typ": "JWT", "alg": "ES256"}:
        return "the token's header"
    told = json.loads(from_b64url(claims))
    if told.get("aud") != origin or not str(told.get("sub", "")).startswith(("mailto:", "https:")):
        return f"aud or sub: {told}"
    if not isinstance(told.get("exp"), int) or not 0 < told["exp"] - time.time() <= DAY:
        return f"exp: {told}"
    if from_b64url(parts["k"]) != from_b64url(made_for):
        return "signed with another key than the subscription was made for"
    raw = from_b64url(signature)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_b64url(parts["k"]))
    try:
        key.verify(encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")),
                   f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return "the signature"
    return None


class Mozilla:
    """url: for Firefox; origin: of the endpoints. context: a server's, with a certificate for 127.0.0.1."""

    def __init__(self, context):
        self.subscriptions, self.sockets = {}, []  # by token: {"channel", "key", "gone"}
        self.hellos, self.posted, self.acks, self.refused = 0, [], [], []
        self.uaid = uuid.uuid4().hex
        self.context = context
        self.loop, ready = asyncio.new_event_loop(), threading.Event()
        self.thread = threading.Thread(target=self.run, args=(ready,), daemon=True)
        self.thread.start()
        assert ready.wait(10)

    def run(self, ready):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.open())
        ready.set()
        self.loop.run_forever()
        self.loop.run_until_complete(self.runner.cleanup())

    async def open(self):
        app = web.Application()
        app.router.add_get("/{tail:.*}", self.socket)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0, shutdown_timeout=0.1)
        await site.start()
        self.url = f"ws://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"
        self.context.set_alpn_protocols(["h2"])
        self.posts = await asyncio.start_server(self.connection, "127.0.0.1", 0, ssl=self.context)
        self.origin = f"https://127.0.0.1:{self.posts.sockets[0].getsockname()[1]}"

    def close(self):
        async def end():
            self.posts.close()
            for socket in self.sockets:
                await socket.close()
        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    # ---- told from outside ----

    def token_of(self, endpoint):
        return urlsplit(endpoint).path.rsplit("/", 1)[1]

    def alive(self):
        """The endpoints of subscriptions that stand."""
        return [f"{self.origin}/wpush/v2/{token}" for token, s in list(self.subscriptions.items()) if not s["gone"]]

    def forget_everybody(self):
        """As after a loss of data: the browser is a stranger when it comes back, and makes its subscriptions anew."""
        async def drop():
            self.uaid = uuid.uuid4().hex
            for s in self.subscriptions.values():
                s["gone"] = True
            for socket in list(self.sockets):
                await socket.close()
        asyncio.run_coroutine_threadsafe(drop(), self.loop).result(10)

    # ---- Firefox's side ----

    async def socket(self, request):
        socket = web.WebSocketResponse(protocols=("push-notification",))
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type == WSMsgType.TEXT and message.data != "{}":
                await self.hear(socket, json.loads(message.data))
        self.sockets.remove(socket)
        return socket

    async def hear(self, socket, said):
        kind = said["messageType"]
        if kind == "hello":
            await socket.send_json({"messageType": "hello", "uaid": self.uaid, "status": 200, "use_webpush": True, "broadcasts": {}})
            self.hellos += 1
        elif kind == "register":
            token = b64url(uuid.uuid4().bytes + uuid.uuid4().bytes)
            self.subscriptions[token] = {"channel": said["channelID"], "key": said.get("key"), "gone": False}
            await socket.send_json({"messageType": "register", "channelID": said["channelID"], "status": 200,
                                    "pushEndpoint": f"{self.origin}/wpush/v2/{token}"})
        elif kind == "unregister":
            for s in self.subscriptions.values():
                s["gone"] |= s["channel"] == said["channelID"]
            await socket.send_json({"messageType": "unregister", "channelID": said["channelID"], "status": 200})
        elif kind == "ack":
            self.acks += [u.get("code") for u in said["updates"]]

    # ---- the sender's side ----

    async def connection(self, reader, writer):
        conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        conn.initiate_connection()
        requests = {}
        try:
            writer.write(conn.data_to_send())
            while data := await reader.read(65536):
                for event in conn.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        requests[event.stream_id] = [dict(event.headers), b""]
                    elif isinstance(event, h2.events.DataReceived):
                        requests[event.stream_id][1] += event.data
                        conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, h2.events.StreamEnded):
                        await self.answer(conn, event.stream_id, *requests.pop(event.stream_id))
                writer.write(conn.data_to_send())
                await writer.drain()
        except OSError:
            pass  # the sender has ended
        finally:
            writer.close()

    async def answer(self, conn, stream, headers, body):
        status, more = await self.post(headers, body)
        said = json.dumps({"code": status, **more}).encode()
        conn.send_headers(stream, [(":status", str(status)), ("content-type", "application/json"), ("ttl", headers.get("ttl", "0")),
                                   *([("location", f"{self.origin}/m/{len(self.posted)}")] if status == 201 else [])])
        conn.send_data(stream, said, end_stream=True)

    async def post(self, headers, body):
        token = headers[":path"].rsplit("/", 1)[1]
        there = self.subscriptions.get(token)
        if headers[":method"] != "POST" or not there:
            return 404, {"errno": 102}
        if there["gone"]:
            return 410, {"errno": 106}
        fault = self.fault(headers, body) or vapid_fault(headers.get("authorization", ""), self.origin, there["key"])
        if fault:
            self.refused.append(fault)
            return 401, {"errno": 109, "message": fault}
        self.posted.append({"token": token, "headers": headers, "bytes": len(body)})
        for socket in self.sockets:
            await socket.send_json({"messageType": "notification", "channelID": there["channel"], "version": uuid.uuid4().hex,
                                    "data": b64url(body), "headers": {"encoding": "aes128gcm"}})
        return 201, {}

    def fault(self, headers, body):
        if headers.get("content-encoding") != "aes128gcm":
            return "content-encoding"
        if not headers.get("ttl", "").isdigit():
            return "ttl"
        if headers.get("urgency", "normal") not in ("very-low", "low", "normal", "high"):
            return "urgency"
        if len(headers.get("topic", "")) > 32:
            return "topic"
        return "too large" if len(body) > BODY_MAX else None
