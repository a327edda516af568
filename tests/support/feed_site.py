"""A news site with feeds, on a thread of the test: what it answers is a function of the test's, and what it was
asked is written down. Not a stand-in for any product."""

import contextlib
import email.utils
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape


class Answer:
    """Status, headers, body; body may be an iterator of pieces, with pauses if it likes."""

    def __init__(self, body=b"", status=200, headers=None, length=True):
        self.body = body.encode() if isinstance(body, str) else body
        self.status, self.headers, self.length = status, dict(headers or {}), length


class Asked:
    def __init__(self, handler, body):
        self.method, self.path, self.headers, self.body = handler.command, handler.path, handler.headers, body
        self.at = time.monotonic()

    def __repr__(self):
        return f"{self.method} {self.path}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass  # who is asked breaks off: that is what some tests are about


class Site:
    """site.answer(path, answer): an Answer, or a function of Asked that gives one. site.asked: all of it."""

    def __init__(self):
        site = self
        self.answers, self.asked, self.lock = {}, [], threading.Lock()
        self.now, self.most = 0, 0

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(self, self.rfile.read(length))
                with site.lock:
                    site.asked.append(asked)
                    site.now += 1
                    site.most = max(site.most, site.now)
                try:
                    site.reply(self, asked)
                finally:
                    with site.lock:
                        site.now -= 1

            do_POST = do_HEAD = do_GET

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def answer(self, path, answer):
        self.answers[path] = answer

    def reply(self, handler, asked):
        answer = self.answers.get(asked.path.split("?")[0], Answer("not here", 404))
        answer = answer(asked) if callable(answer) else answer
        if answer is None:  # says nothing and goes
            handler.close_connection = True
            return
        handler.send_response_only(answer.status)
        whole = isinstance(answer.body, bytes)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if whole and answer.length and answer.status != 304:
            handler.send_header("Content-Length", str(len(answer.body)))
        if not whole or not answer.length:
            handler.send_header("Connection", "close")
            handler.close_connection = True
        handler.end_headers()
        if handler.command == "HEAD" or answer.status == 304:
            return
        with contextlib.suppress(OSError):
            for piece in [answer.body] if whole else answer.body:
                handler.wfile.write(piece)

    def of(self, path):
        with self.lock:
            return [a for a in self.asked if a.path.split("?")[0] == path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


def item(site_url, number, title=None, age_s=60, guid=None, url=None, now=None, **more):
    return {"number": number, "guid": guid or f"tag:news.example,2026:{number}",
            "url": url or f"{site_url}/a/{number}", "title": title or f"Story number {number}",
            "at": (now or time.time()) - age_s, "summary": f"What happened in story {number}.", **more}


def rss(site_url, items, links=(), encoding="utf-8", head=""):
    """RSS 2.0, newest first as feeds are."""
    links = "".join(f'<atom:link rel="{rel}" href="{escape(href)}"/>' for rel, href in links)
    rows = "".join(
        f"<item><title>{escape(i['title'])}</title><link>{escape(i['url'])}</link>"
        f"<guid isPermaLink=\"false\">{escape(i['guid'])}</guid>"
        f"<pubDate>{email.utils.formatdate(i['at'], usegmt=True)}</pubDate>"
        f"<description>{escape(i['summary'])}</description></item>\n" for i in items)
    text = (f'<?xml version="1.0" encoding="{encoding}"?>\n<rss version="2.0" '
            f'xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>Example News</title>'
            f"<link>{site_url}/</link><description>All of it</description>{head}{links}\n{rows}</channel></rss>\n")
    return text.encode(encoding, "xmlcharrefreplace")


class Feed:
    """A feed with an ETag that serves conditional requests as a good server does."""

    def __init__(self, site, path="/feed.xml", items=(), **more):
        self.site, self.path, self.items, self.more = site, path, list(items), more
        self.headers, self.version = {}, 1
        site.answer(path, self.serve)

    @property
    def url(self):
        return self.site.url + self.path

    def add(self, *items):
        self.items[:0] = items
        self.version += 1

    def body(self):
        return rss(self.site.url, self.items, **self.more)

    def serve(self, asked):
        headers = {"ETag": f'W/"v{self.version}"', "Content-Type": "application/rss+xml", **self.headers}
        if asked.headers.get("If-None-Match") == headers["ETag"]:
            return Answer(status=304, headers=headers)
        return Answer(self.body(), headers=headers)


def port_of_nobody():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
