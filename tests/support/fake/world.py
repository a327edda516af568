"""What the fake platforms share: the truth, the requests, and the faults that are scripted.

A request passes faults first. Kinds of fault, each for a method and path prefix and so many times:

  status           answer with a status instead of doing it; retry_after in seconds, if given
  delay            wait so many seconds, then do it (Mastodon's statuses: see there)
  cut_before       close the connection as soon as the headers are here
  cut_after        read the whole request, do nothing, close the connection
  cut_published    do it, then close the connection instead of answering
  cut_inside       do it, then close the connection in the middle of the answer
  error_published  do it, then answer 500
  garbage          answer 200 with bytes that mean nothing; nothing is done
  garbage_published  do it, then answer 200 with such bytes
  endless          answer 200 with a body that does not end
  drip             do it, then answer 200 with a body that comes a byte a second
"""

import asyncio
import contextlib
import email
import email.policy
import itertools
import unicodedata
import urllib.parse
from dataclasses import dataclass, field

from . import clock

KINDS = (
    "status", "delay", "cut_before", "cut_after", "cut_published", "cut_inside", "error_published",
    "garbage", "garbage_published", "endless", "drip",
)
PUBLISHING = ("cut_published", "error_published", "garbage_published", "drip")


@dataclass
class Fault:
    prefix: str
    kind: str
    method: str = ""
    times: int = 1  # -1: until it is cleared
    skip: int = 0  # so many matching requests pass first
    status: int = 503
    retry_after: float | None = None
    seconds: float = 0.0
    body: str | None = None
    hits: int = 0

    def matches(self, method, path):
        return path.startswith(self.prefix) and (not self.method or self.method == method)

    def take(self):
        """Whether it fires for a request that matches."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times == 0:
            return False
        self.times -= 1 if self.times > 0 else 0
        self.hits += 1
        return True


@dataclass
class Post:
    platform: str
    id: str
    place: str  # chat, account, hook name
    text: str
    url: str = ""
    image: str = ""
    alt: str = ""
    language: str = ""
    key: str = ""  # what the sender chose to be recognised by
    stands: bool = True
    edits: list = field(default_factory=list)  # earlier texts
    at: float = field(default_factory=clock.now)
    extra: dict = field(default_factory=dict)

    def edit(self, text):
        self.edits.append(self.text)
        self.text = text


class World:
    def __init__(self):
        self.numbers = itertools.count(1000)
        self.hook_secrets = {}
        self.age = 0  # counts resets: a request of the world before may do nothing in this one
        self.reset()

    def reset(self):
        self.age += 1
        self.requests = []
        self.posts = []
        self.faults = []
        self.revoked = set()
        self.duplicates = []  # the same message sent again, recognised by its id
        self.running = {}
        self.most_running = {}
        self.memory = {}  # each platform's own

    def of(self, platform, fresh):
        """A platform's own memory, made by fresh() on first sight."""
        return self.memory.setdefault(platform, fresh())

    def number(self):
        return next(self.numbers)

    def add_post(self, platform, place, text, **more):
        post = Post(platform, more.pop("id", None) or str(self.number()), place, text, **more)
        self.posts.append(post)
        return post

    def find_post(self, platform, place, post_id):
        for post in self.posts:
            if (post.platform, post.place, post.id) == (platform, place, str(post_id)):
                return post
        return None

    def fault_for(self, method, path):
        for fault in self.faults:
            if fault.matches(method, path) and fault.take():
                return fault
        return None

    def enter(self, name):
        self.running[name] = self.running.get(name, 0) + 1
        self.most_running[name] = max(self.most_running.get(name, 0), self.running[name])

    def leave(self, name):
        self.running[name] -= 1

    def truth(self):
        return {
            "posts": [vars(p) for p in self.posts],
            "requests": self.requests,
            "duplicates": self.duplicates,
            "most_running": self.most_running,
        }

    def news(self, since):
        """What a long test asks for again and again: the posts from that one on, and whether anything is
        still being worked on."""
        return {
            "posts": [vars(p) for p in self.posts[since:]],
            "duplicates": len(self.duplicates),
            "running": sum(self.running.values()),
        }


@dataclass
class Part:
    """One file of a multipart/form-data body."""
    filename: str
    type: str
    bytes: bytes


def read_form(request, body):
    """The fields of a form: text as str, files as Part."""
    if request.content_type != "multipart/form-data":
        return dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    fields = {}
    for part in email.message_from_bytes(head + body, policy=email.policy.HTTP).iter_parts():
        name = part.get_param("name", header="content-disposition")
        raw = part.get_payload(decode=True)
        name_of_file = part.get_filename()
        fields[name] = (Part(name_of_file, part.get_content_type(), raw)
                        if name_of_file is not None else raw.decode())
    return fields


def graphemes(text):
    """Close to UAX #29: marks, joiners, variation selectors, skin tones and flags join."""
    count, joined, flag = 0, False, False
    for ch in text:
        code = ord(ch)
        regional = 0x1F1E6 <= code <= 0x1F1FF
        extends = (unicodedata.category(ch) in ("Mn", "Me", "Mc") or code in (0x200D, 0xFE0F)
                   or 0x1F3FB <= code <= 0x1F3FF)
        if extends or joined or (regional and flag):
            joined, flag = code == 0x200D, False
            continue
        count, joined, flag = count + 1, False, regional
    return count


def utf16_units(text):
    return len(text.encode("utf-16-le")) // 2


async def dripping(response):
    with contextlib.suppress(ConnectionError):  # whoever listens has had enough
        while True:
            await response.write(b" ")
            await asyncio.sleep(1)


async def never_ending(response):
    """64 MiB are enough to prove that nobody keeps them all."""
    chunk = b"x" * 65536
    for _ in range(1024):
        await response.write(chunk)
        await asyncio.sleep(0)
