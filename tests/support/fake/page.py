"""What was received, for people: one page, refreshed by itself."""

import html
import time

STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #888; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.posts { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem; }
article { border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; overflow-wrap: anywhere; }
article.gone { opacity: .5; text-decoration: line-through; }
article header, td, th { font-size: .85rem; } article header { color: var(--dim); }
article p { white-space: pre-wrap; margin: .5rem 0; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; }
td, th { border-bottom: 1px solid var(--line); padding: .25rem .6rem .25rem 0; vertical-align: top; }
.dim { color: var(--dim); }
"""


def post_html(post):
    image = f'<div class="dim">picture: {html.escape(post.alt or post.image)}</div>' if post.image else ""
    url = f'<div><a href="{html.escape(post.url)}">{html.escape(post.url)}</a></div>' if post.url else ""
    edits = f" · edited {len(post.edits)} times" if post.edits else ""
    gone = "" if post.stands else ' class="gone"'
    at = time.strftime("%H:%M:%S", time.localtime(post.at))
    return (f"<article{gone}><header>{html.escape(post.platform)} {html.escape(post.place)} · {at}{edits}"
            f"</header><p>{html.escape(post.text)}</p>{url}{image}</article>")


def request_html(r):
    at = time.strftime("%H:%M:%S", time.localtime(r["at"]))
    fault = f' <span class="dim">({html.escape(r["fault"])})</span>' if r["fault"] else ""
    return (f'<tr><td class="dim">{at}</td><td>{html.escape(r["method"])}</td>'
            f'<td>{html.escape(r["path"])}</td><td>{r["status"] or "–"}{fault}</td></tr>')


def render(world):
    posts = "".join(post_html(p) for p in reversed(world.posts)) or '<p class="dim">Nothing so far.</p>'
    rows = "".join(request_html(r) for r in reversed(world.requests[-200:]))
    return ("<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=3>"
            f"<title>Received</title><style>{STYLE}</style><h1>What the platforms received</h1>"
            "<p class=dim>Stand-ins for Telegram, Mastodon, Bluesky, Discord, Slack and a webhook receiver, on this machine only.</p>"
            f"<section class=posts>{posts}</section><h2>Requests</h2>"
            f"<table><tr><th>time<th>method<th>path<th>answer</tr>{rows}</table></html>")
