"""Runs the fake platforms (tests/support/fake) as one process on loopback.

Prints one line of JSON when it is ready: {"url": …, "faces": {"telegram": …, …}}. Every face is a
listener of its own on which all platforms answer, so that one platform can be down (its port
closed) while the others are not. With --certificates there is one more, "tls", which speaks HTTPS.
Ends on SIGTERM or when standard input closes (--leash).

  GET    /                 what was received, for people
  GET    /_truth           posts that were made, every request, duplicates
  GET    /_news?since=N    the posts from the Nth on, how many duplicates there are and requests at work
  POST   /_control/forget  the requests that were kept
  POST   /_control/fault   a fault (fake/world.py); answers its number
  GET    /_control/faults  all of them with how often each fired
  DELETE /_control/faults  no more faults
  POST   /_control/down    {"face": name}: refuses connections    POST /_control/up
  POST   /_control/revoke  {"platform": name}: credentials are no good    POST /_control/restore
  POST   /_control/forget_sessions   Bluesky's and Lemmy's access tokens expire
  POST   /_control/authority         {"name": …}: what an authorisation server does (fake/oauth.py)
  POST   /_control/meta              {"next": …}: an error of Facebook, Instagram or Threads (fake/meta.py)
  POST   /_control/x, linkedin, tumblr   what those do (fake/x.py, …)
  POST   /_control/certificate       {"show": …}: the one of the face "tls" from now on
  POST   /_control/keep    Slack deletes nothing: {"keep": true}
  POST   /_control/clock   {"advance_s": …}
  POST   /_control/secret  {"hook": name, "secret": …}
  POST   /_control/site    {"path": …, "answers": […]}: what a page of the newsroom says (fake/site.py)
  POST   /_control/whatsapp  {"url": …, "secret": …}: where statuses of messages are told, and more (fake/whatsapp.py)
  POST   /_control/youtube, /_control/tiktok, /_control/pinterest   errors, limits and slowness of theirs (fake/youtube.py …)
  POST   /_control/reset   all is as at the start
"""

import argparse
import asyncio
import json
import signal
import ssl
import sys
from pathlib import Path

from aiohttp import web

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fake import (  # noqa: E402
    bluesky,
    clock,
    devto,
    discord,
    hook,
    lemmy,
    linkedin,
    mastodon,
    meta,
    misskey,
    oauth,
    page,
    pictures,
    pinterest,
    reddit,
    site,
    slack,
    telegram,
    tiktok,
    tumblr,
    vk,
    whatsapp,
    wordpress,
    x,
    youtube,
)
from fake.world import KINDS, PUBLISHING, Fault, World, dripping, never_ending  # noqa: E402

PLATFORMS = {
    "telegram": telegram,
    "mastodon": mastodon,
    "bluesky": bluesky,
    "discord": discord,
    "slack": slack,
    "facebook": meta.FACEBOOK,
    "instagram": meta.INSTAGRAM,
    "threads": meta.THREADS,
    "x": x,
    "linkedin": linkedin,
    "tumblr": tumblr,
    "whatsapp": whatsapp,
    "youtube": youtube,
    "tiktok": tiktok,
    "pinterest": pinterest,
    "lemmy": lemmy,
    "misskey": misskey,
    "devto": devto,
    "wordpress": wordpress,
    "reddit": reddit,
    "vk": vk,
    "hook": hook,
    "img": pictures,
    "site": site,
}
KEPT_BODY = 64 * 1024


class Cut(Exception):
    """The connection is to be closed without an answer."""


def note(world, request, body):
    entry = {
        "n": len(world.requests), "at": clock.now(), "method": request.method, "path": request.path,
        "query": request.query_string, "headers": dict(request.headers), "status": None, "fault": "",
        "body": body[:KEPT_BODY].decode("utf-8", "replace") if body is not None else None,
    }
    world.requests.append(entry)
    return entry


async def faulty(world, module, fault, request, body, do):
    """Answers as the fault wants; do() is what would have happened."""
    if fault.kind in PUBLISHING:
        await do()
    if fault.kind == "delay":
        if (request.method, request.path) in getattr(module, "TAKES_ITS_TIME", ()):
            request["takes_s"] = fault.seconds  # in the middle of the work
        else:
            await asyncio.sleep(fault.seconds)
        return await do()
    if fault.kind in ("cut_after", "cut_published"):
        raise Cut
    if fault.kind == "cut_inside":
        await half_of(await do(), request)
        raise Cut
    if fault.kind == "error_published":
        return refusal_of(module, 500, None)
    if fault.kind in ("endless", "drip"):
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await (never_ending if fault.kind == "endless" else dripping)(response)
        return response
    if fault.kind in ("garbage", "garbage_published"):
        return web.Response(body=b"\x00\xff\xfe<html>{\"ok\": tru" + bytes(range(256)),
                            content_type="text/html")
    if fault.body is not None:
        headers = {} if fault.retry_after is None else {"Retry-After": str(int(fault.retry_after))}
        return web.Response(text=fault.body, status=fault.status, headers=headers)
    return refusal_of(module, fault.status, fault.retry_after)


async def half_of(answer, request):
    """Its head, which promises all of it, and the first half."""
    whole = answer.body or b"{}"
    response = web.StreamResponse(status=answer.status if answer.body else 200, headers={"Content-Type": "application/json"})
    response.content_length = len(whole)
    await response.prepare(request)
    await response.write(whole[:len(whole) // 2])


def refusal_of(module, status, retry_after):
    if hasattr(module, "refusal"):
        return module.refusal(status, retry_after)
    return web.Response(status=status)


def serve_platform(world, name, module, handler):
    async def handle(request):
        age = world.age
        fault = world.fault_for(request.method, request.path)
        if fault is not None and fault.kind == "cut_before":
            note(world, request, None)["fault"] = fault.kind
            request.transport.abort()
            return web.Response()
        body = await request.read()
        entry = note(world, request, body)
        entry["fault"] = fault.kind if fault else ""

        async def do():
            if world.age != age:
                raise Cut
            result = handler(world, request, body)
            return await result if hasattr(result, "__await__") else result

        world.enter(name)
        try:
            response = await (faulty(world, module, fault, request, body, do) if fault else do())
        except Cut:
            request.transport.abort()
            return web.Response()
        finally:
            world.leave(name)
        entry["status"] = response.status
        return response
    return handle


def app_for(world, faces):
    app = web.Application(client_max_size=256 * 1024 * 1024)
    for name, module in PLATFORMS.items():
        for method, path, handler in module.ROUTES:
            app.router.add_route(method, path, serve_platform(world, name, module, handler))
    Control(world, faces).add_to(app)
    return app


class Control:
    def __init__(self, world, faces):
        self.world, self.faces = world, faces

    def add_to(self, app):
        add = app.router.add_route
        add("GET", "/", self.page)
        add("GET", "/_truth", self.truth)
        add("GET", "/_news", self.news)
        add("GET", "/_control/faults", self.list_faults)
        add("DELETE", "/_control/faults", self.clear_faults)
        for name in ("x", "linkedin", "tumblr"):
            add("POST", f"/_control/{name}", self.of(name))
        for name in ("fault", "down", "up", "revoke", "restore", "secret", "reset", "forget_sessions", "keep", "clock",
                     "forget", "certificate", "site", "authority", "meta", "whatsapp"):
            add("POST", f"/_control/{name}", getattr(self, name))

    def of(self, name):
        """What a platform's own control() is told (see there)."""
        async def told(request):
            PLATFORMS[name].control(self.world, await request.json())
            return web.json_response({})
        return told

    async def page(self, request):
        return web.Response(text=page.render(self.world), content_type="text/html")

    async def truth(self, request):
        return web.json_response(self.world.truth())

    async def news(self, request):
        return web.json_response(self.world.news(int(request.query["since"])))

    async def forget(self, request):
        self.world.requests.clear()
        return web.json_response({})

    async def certificate(self, request):
        await self.faces["tls"].show((await request.json())["show"])
        return web.json_response({})

    async def authority(self, request):
        body = await request.json()
        for module in PLATFORMS.values():
            getattr(module, "authorities", lambda world: None)(self.world)
        known = self.world.of("oauth", dict)
        if body["name"] not in known:
            return web.json_response({"error": f"known: {', '.join(known)}"}, status=404)
        return web.json_response(known[body["name"]].told(body))

    async def meta(self, request):
        meta.control(self.world, await request.json())
        return web.json_response({})

    async def site(self, request):
        body = await request.json()
        site.told(self.world)[body["path"]] = body["answers"]
        return web.json_response({})

    async def list_faults(self, request):
        return web.json_response([vars(f) for f in self.world.faults])

    async def clear_faults(self, request):
        self.world.faults.clear()
        return web.json_response({})

    async def fault(self, request):
        fault = Fault(**await request.json())
        if fault.kind not in KINDS:
            return web.json_response({"error": f"kinds: {', '.join(KINDS)}"}, status=400)
        self.world.faults.append(fault)
        return web.json_response({"fault": len(self.world.faults) - 1})

    async def down(self, request):
        await self.faces[(await request.json())["face"]].down()
        return web.json_response({})

    async def up(self, request):
        await self.faces[(await request.json())["face"]].up()
        return web.json_response({})

    async def revoke(self, request):
        self.world.revoked.add((await request.json())["platform"])
        return web.json_response({})

    async def restore(self, request):
        self.world.revoked.discard((await request.json())["platform"])
        return web.json_response({})

    async def clock(self, request):
        clock.advance((await request.json())["advance_s"])
        return web.json_response({"now": clock.now()})

    async def secret(self, request):
        body = await request.json()
        self.world.hook_secrets[body["hook"]] = body["secret"]
        return web.json_response({})

    async def forget_sessions(self, request):
        bluesky.memory(self.world)["access"].clear()
        lemmy.memory(self.world)["tokens"].clear()
        return web.json_response({})

    async def keep(self, request):
        self.world.of("slack", dict)["keeps"] = (await request.json())["keep"]
        return web.json_response({})

    async def whatsapp(self, request):
        body, known = await request.json(), whatsapp.memory(self.world)
        known["hook"].update({k: body[k] for k in ("url", "secret") if k in body})
        known.update({k: body[k] for k in ("token", "per_second", "tells", "templates") if k in body})
        return web.json_response({"told": known["told"], "queue": len(known["queue"])})

    async def reset(self, request):
        self.world.reset()
        clock.offset_s = 0.0
        self.world.hook_secrets.clear()
        for face in self.faces.values():
            await face.up()
        return web.json_response({})


class Face:
    """One listener. Keeps its port while it is down."""

    def __init__(self, world, faces, port=0):
        self.world, self.faces, self.port, self.runner = world, faces, port, None

    async def up(self):
        if self.runner is not None:
            return
        self.runner = web.AppRunner(app_for(self.world, self.faces), access_log=None)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True, backlog=1024,
                          shutdown_timeout=0.1, ssl_context=self.context()).start()
        self.port = self.runner.addresses[0][1]

    def context(self):
        return None  # no TLS

    async def down(self):
        if self.runner is not None:
            runner, self.runner = self.runner, None
            await runner.cleanup()

    def url(self):
        return f"http://127.0.0.1:{self.port}"


class TlsFace(Face):
    """Shows a certificate of the folder, NAME.pem with NAME.key."""

    def __init__(self, world, faces, folder):
        super().__init__(world, faces)
        self.folder, self.name = Path(folder), "good"

    async def show(self, name):
        """Nobody goes on by a connection of before."""
        await self.down()
        self.name = name
        await self.up()

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{self.name}.pem", self.folder / f"{self.name}.key")
        return context


async def wait_for_end(leash):
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    if leash:
        loop.add_reader(sys.stdin, lambda: end.set() if not sys.stdin.buffer.read1(4096) else None)
    await end.wait()


async def run(args):
    world, faces = World(), {}
    for item in args.hook_secret:
        name, _, secret = item.partition("=")
        world.hook_secrets[name] = secret
    faces["main"] = Face(world, faces, args.port)
    for name in PLATFORMS:
        faces[name] = Face(world, faces)
    if args.certificates:
        faces["tls"] = TlsFace(world, faces, args.certificates)
    for face in faces.values():
        await face.up()
    print(json.dumps({"url": faces["main"].url(), "faces": {n: f.url() for n, f in faces.items()}}),
          flush=True)
    await wait_for_end(args.leash)
    for face in faces.values():
        await face.down()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--port", type=int, default=0, help="of the main face; 0: a free one")
    parser.add_argument("--hook-secret", action="append", default=[], metavar="NAME=SECRET")
    parser.add_argument("--certificates", metavar="FOLDER", help="with good.pem and good.key, for HTTPS")
    parser.add_argument("--leash", action="store_true", help="end when standard input closes")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
