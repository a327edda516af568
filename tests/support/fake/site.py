"""The newsroom's own site: articles' pages under /site/, as they are told to be by POST /_control/site, and
Facebook's door for telling it to read one again (/graph/).

What is told of a path: {"path": "a/1", "answers": [{...}, ...]}, one answer for each request and the last one
for all further ones. An answer may say status, type, redirect (a path or an address), delay (seconds), html (the
whole page), or what a good page has: title, image, summary, canonical, head (more of it), headers."""

import asyncio
import html

from aiohttp import web

GOOD = {"title": "A page of the site"}


def told(world):
    return world.of("site", dict)


def tag(kind, name, content):
    return f'<meta {kind}="{name}" content="{html.escape(content)}">' if content else ""


def page(request, answer):
    here = str(request.url).split("?")[0]
    picture = f"http://{request.host}/img/1200x630.jpg"
    return "".join((
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f"<title>{html.escape(answer.get('title', ''))}</title>",
        tag("property", "og:title", answer.get("title", GOOD["title"])),
        tag("property", "og:description", answer.get("summary", "")),
        tag("property", "og:image", answer.get("image", picture)),
        f'<link rel="canonical" href="{html.escape(answer.get("canonical", here))}">',
        answer.get("head", ""), "</head><body><h1>", html.escape(answer.get("title", "")), "</h1></body></html>"))


async def handle(world, request, body):
    path = request.match_info["path"]
    answers = told(world).get(path)
    if answers is None and not path.startswith("good/"):
        return web.Response(status=404, text="<title>Not found</title>", content_type="text/html")
    answer = (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else GOOD
    if "delay" in answer:
        await asyncio.sleep(answer["delay"])
    headers = dict(answer.get("headers", {}))
    if "redirect" in answer:
        headers["Location"] = answer["redirect"]
        return web.Response(status=answer.get("status", 302), headers=headers)
    text = answer.get("html") or page(request, answer)
    return web.Response(status=answer.get("status", 200), text=text, headers=headers,
                        content_type=answer.get("type", "text/html"))


def scrape(world, request, body):
    return web.json_response({"id": request.query.get("id", ""), "title": "as read"})


ROUTES = [("GET", "/site/{path:.*}", handle), ("POST", "/graph/", scrape)]
