"""What a person sees who sends: lines as it happens and a table on a terminal, and before that, in the
preview, exactly what will go. The preview is held against the requests that platforms received."""

import contextlib
import fcntl
import itertools
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest
from harness import CRIER, small_article, wait_for
from marks import ONE_THREAD

pytestmark = ONE_THREAD

CHANNELS = ("telegram", "mastodon", "bluesky", "partner")
COLUMNS = 100
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A verb on a terminal of its own; what it writes, with the time of each piece."""

    def __init__(self, crier, *args, columns=COLUMNS):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        environment = dict(crier.environment, TERM="xterm-256color", LANG="C.UTF-8")
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen([str(CRIER), "-c", str(crier.path), *args], stdin=slave, stdout=slave,
                                        stderr=slave, env=environment, start_new_session=True)
        os.close(slave)
        self.pieces = []

    def read(self, seconds=60):
        """Until it ends."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if select.select([self.master], [], [], 0.2)[0] and not self.read_piece():
                break
        os.close(self.master)
        return self.process.wait(10)

    def read_piece(self):
        with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
            raw = os.read(self.master, 65536)
            self.pieces.append((time.monotonic(), raw.decode()))
            return bool(raw)
        return False

    @property
    def text(self):
        return "".join(piece for _, piece in self.pieces).replace("\r\n", "\n")

    @property
    def plain(self):
        return ESCAPE.sub("", self.text)

    def seen_at(self, words):
        """When these words were there, without colours."""
        so_far = ""
        for at, piece in self.pieces:
            so_far += piece
            if re.search(words, ESCAPE.sub("", so_far)):
                return at
        raise AssertionError(f"{words} was never shown:\n{self.text}")


@pytest.fixture
def story(article, tmp_path):
    path = tmp_path / "story.json"
    path.write_text(json.dumps(article(), ensure_ascii=False))
    return str(path)


def table_of(text):
    """The rows under the heading, by channel."""
    lines = text.splitlines()
    start = max(n for n, line in enumerate(lines) if line.startswith("channel") and "state" in line)
    return {line.split()[0]: line for line in lines[start + 1:] if line.split() and line.split()[0] in CHANNELS}


def test_on_a_terminal_send_shows_lines_as_they_happen_and_a_table(crier, platform, story):
    platform.fault("/hook/partner", "delay", seconds=1.5)
    terminal = Terminal(crier, "send", story)
    assert terminal.read() == 0, terminal.text
    assert terminal.seen_at(r"telegram +done") < terminal.seen_at(r"partner +done") - 0.7
    assert "\x1b[" in terminal.text  # colours
    head = terminal.plain.split("channel ")[0]
    for channel in CHANNELS:
        assert re.search(rf"{channel} +in_flight", head) and re.search(rf"{channel} +done", head), head
    rows = table_of(terminal.plain)
    assert set(rows) == set(CHANNELS) and all(" done " in row for row in rows.values())
    assert "https://t.me/example/" in rows["telegram"]


def test_on_a_narrow_terminal_no_line_of_the_table_is_wider(crier, story):
    terminal = Terminal(crier, "send", story, columns=60)
    assert terminal.read() == 0
    rows = table_of(terminal.plain)
    assert set(rows) == set(CHANNELS) and max(map(len, rows.values())) <= 60, rows


def test_on_a_terminal_a_channel_that_fails_is_told_with_its_reason_and_ends_with_1(crier, platform, story):
    platform.fault("/api/v1/statuses", "status", status=422, method="POST",
                   body='{"error": "Validation failed: the words of the server"}')
    terminal = Terminal(crier, "send", story)
    assert terminal.read() == 1
    rows = table_of(terminal.plain)
    assert " rejected " in rows["mastodon"] and "Validation failed" in rows["mastodon"]
    assert all(" done " in rows[c] for c in CHANNELS if c != "mastodon")


def test_a_blocked_channel_and_an_unknown_outcome_do_not_keep_send_waiting(crier, platform, story):
    platform.control("revoke", platform="mastodon")
    platform.fault("/bot", "cut_after", method="POST")
    started = time.monotonic()
    answer = crier.run("send", story)
    assert answer.returncode == 1 and time.monotonic() - started < 15
    rows = table_of(answer.stdout)
    assert " blocked " in rows["mastodon"] and "401" in rows["mastodon"]
    assert " unknown " in rows["telegram"] and " done " in rows["partner"]


def test_watching_on_a_terminal_ends_with_ctrl_c_and_leaves_the_service_alone(crier):
    terminal = Terminal(crier, "status", "--watch")
    time.sleep(0.5)
    crier.await_done(crier.send(small_article(1))["id"])
    crier.await_done(crier.send(small_article(2))["id"])
    while "partner" not in terminal.plain or "done" not in terminal.plain:
        assert terminal.read_piece(), terminal.text
    os.killpg(terminal.process.pid, signal.SIGINT)
    assert terminal.read(10) in (0, -signal.SIGINT, 130)
    assert crier.call("GET", "/healthz")[0] == 200


def test_watching_one_article_shows_no_other(crier):
    one = crier.send(small_article(1))["id"]
    crier.await_done(one)
    process = subprocess.Popen([str(CRIER), "-c", str(crier.path), "status", one, "--watch", "--json"],
                               stdout=subprocess.PIPE, text=True)
    lines, numbers = [], itertools.count(2)
    reader = threading.Thread(target=lambda: lines.extend(process.stdout))
    reader.start()
    def something_comes():  # only once it listens
        number = next(numbers)
        crier.await_done(crier.send(small_article(number))["id"])
        crier.await_done(crier.send(dict(small_article(1), title=f"Title number {number}"))["id"])
        return lines
    wait_for(something_comes)
    crier.stop()
    assert process.wait(20) == 0
    reader.join(10)
    assert {json.loads(line)["data"]["article"] for line in lines} == {one}


# ---- the preview tells the truth ----

OF_CHANNEL = {"telegram": "/bot", "mastodon": "/api/", "bluesky": "/xrpc/", "partner": "/hook/"}
OF_THE_LIBRARY = ("Host", "User-Agent", "Accept-Encoding", "Content-Length", "Expect")
NEVER_THE_SAME = ("webhook-timestamp", "webhook-signature")  # of the second in which it is sent
# Told by the platform, or the moment of sending: of these only the presence is compared.
GIVEN = ("createdAt", "timestamp", "rkey", "repo", "media_ids", "password", "ref", "size", "mimeType")


def masked(value):
    if isinstance(value, dict):
        return {k: "…" if k in GIVEN else masked(v) for k, v in value.items()}
    return [masked(v) for v in value] if isinstance(value, list) else value


def comparable_headers(headers):
    kept = {}
    for name, value in headers.items():
        if name in OF_THE_LIBRARY or (name, value) == ("Accept", "*/*"):
            continue
        if name == "Authorization":
            value = value.split()[0]
        if name in NEVER_THE_SAME:
            value = "…"
        kept[name.lower()] = value
    if kept.get("content-type", "").startswith("multipart/form-data"):
        del kept["content-type"]  # with a boundary, made when it is sent
    return kept


def comparable_body(text):
    with contextlib.suppress(TypeError, ValueError):
        return masked(json.loads(text))
    return text


def shown_request(step):
    if "parts" in step:
        body = [(p["name"], p.get("filename"), p.get("type"), None if p.get("filename") else p["body"])
                for p in step["parts"]]
    else:
        body = "(a picture)" if step.get("body", "").startswith("(the picture") else comparable_body(step.get("body"))
    path = re.sub(r"^http://[^/]+", "", step["url"])
    return step["method"], path, comparable_headers(step["headers"]), body or None


def sent_parts(body):
    """Name, file name, type and, of what is no file, text of each part of a multipart body."""
    boundary = body.split("\r\n", 1)[0]
    for part in body.split(boundary)[1:]:
        if part.startswith("--"):
            return
        head, _, text = part.strip("\r\n").partition("\r\n\r\n")
        def field(name):
            found = re.search(rf'\b{name}="([^"]*)"', head)
            return found and found[1]
        kind = re.search(r"Content-Type: (\S+)", head)
        yield field("name"), field("filename"), kind and kind[1], None if field("filename") else text


def sent_request(r, token):
    body = r["body"]
    kind = r["headers"].get("Content-Type", "")
    if kind.startswith("multipart/"):
        body = list(sent_parts(body))
    elif kind.startswith("image/"):
        body = "(a picture)"
    else:
        body = comparable_body(body)
    path = r["path"].replace(token, "***") + (f"?{r['query']}" if r["query"] else "")
    return r["method"], path, comparable_headers(r["headers"]), body or None


@pytest.mark.parametrize("name", ["breaking-article", "full-japanese", "arabic", "no-image"])
def test_the_preview_is_what_goes_request_by_request(crier, platform, article, tmp_path, name):
    path = tmp_path / "article.json"
    path.write_text(json.dumps(article(name), ensure_ascii=False))
    preview = json.loads(crier.run("preview", str(path), "--json").stdout)
    assert platform.truth()["requests"] == []
    crier.await_done(crier.send(article(name))["id"])
    token = crier.settings["channels"]["telegram"]["token"]
    for shown in preview["channels"]:
        assert shown["goes"] and shown["channel"] in OF_CHANNEL
        sent = [r for r in platform.requests(OF_CHANNEL[shown["channel"]])
                if not (r["method"] == "GET" and r["path"].startswith("/api/v1/media/"))]  # asked until it is ready
        expected = [shown_request(step) for step in shown["steps"]
                    if not (step["method"] == "GET" and "/api/v1/media/" in step["url"])]
        assert expected == [sent_request(r, token) for r in sent], shown["channel"]


def test_the_lengths_that_the_preview_tells_are_those_of_the_texts(crier, platform, article, tmp_path):
    path = tmp_path / "article.json"
    path.write_text(json.dumps(article("full-japanese"), ensure_ascii=False))
    preview = json.loads(crier.run("preview", str(path), "--json").stdout)
    texts = {c["channel"]: c["texts"] for c in preview["channels"]}
    crier.await_done(crier.send(article("full-japanese"))["id"])
    caption = platform.posts("telegram")[0]["text"]
    (told,) = [t for t in texts["telegram"] if t["max"] == 1024]
    assert told["measured"] == len(caption.encode("utf-16-le")) // 2 and told["unit"] == "UTF-16 units"
    record = platform.posts("bluesky")[0]["text"]
    told = next(t for t in texts["bluesky"] if t["name"] == "text")
    assert (told["unit"], told["max"]) == ("graphemes", 300)
    assert 0 < told["measured"] <= len(record)  # no grapheme is shorter than a code point
