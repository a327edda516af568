"""Pictures and videos in the form a channel takes, to a platform that is sent them and to one that fetches them
by itself; what was fetched or made once serves after a restart."""

import hashlib
import http.client
import io
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from harness import TOKEN, exchange, small_article, wait_for, within
from PIL import Image
from tiny_mp4 import tiny_mp4

PIECE = 8 * 1024 * 1024
MIB = 1024 * 1024


class Net:
    """The newsroom's pictures and videos (/files/NAME), Meta's containers (/graph/…) and YouTube's resumable
    uploads (/upload/…), as far as posting needs them."""

    def __init__(self):
        self.files, self.asked, self.containers, self.uploaded = {}, [], [], bytearray()
        self.go_on = threading.Event()
        self.go_on.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body, **headers):
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": len(body)}.items():
                    self.send_header(name.replace("_", "-"), str(value))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                path = urlsplit(self.path).path
                if path.startswith("/files/"):
                    outer.asked.append(path)
                    body = outer.files[path]
                    return self.answer(200, body, ETag=f'"{hashlib.md5(body).hexdigest()}"')
                if "publishing_limit" in path:
                    usage = {"quota_usage": 0, "config": {"quota_total": 50, "quota_duration": 86400}}
                    return self.answer(200, {"data": [usage]})
                if path.startswith("/youtube/v3/videos"):
                    return self.answer(200, {"items": [{"id": "dQw4w9WgXcQ", "status": {
                        "uploadStatus": "processed", "privacyStatus": "public"}}]})
                return self.answer(200, {"id": "100", "status_code": "FINISHED", "user_id": "1", "username": "news",
                                         "permalink": "https://www.instagram.com/p/x/"})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                if self.path.startswith("/upload/"):
                    return self.answer(200, b"", Location=f"{outer.url}/upload/session")
                if self.path.split("?")[0].endswith("/media"):
                    outer.containers.append({k: v[0] for k, v in parse_qs(body.decode()).items()}
                                            if not body.startswith(b"{") else json.loads(body))
                return self.answer(200, {"id": "100"})

            def do_PUT(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)", self.headers["Content-Range"])
                if told[1]:
                    assert int(told[1]) == len(outer.uploaded), "a piece where none was missing"
                    outer.uploaded += body
                outer.go_on.wait(20)
                if len(outer.uploaded) == int(told[3]):
                    return self.answer(200, {"id": "dQw4w9WgXcQ", "status": {
                        "uploadStatus": "uploaded", "privacyStatus": "public"}})
                have = {"Range": f"bytes=0-{len(outer.uploaded) - 1}"} if outer.uploaded else {}
                return self.answer(308, b"", **have)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, name, data):
        self.files[f"/files/{name}"] = data
        return f"{self.url}/files/{name}"


@pytest.fixture
def net():
    server = Net()
    yield server
    server.go_on.set()
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def start(make_crier, net):
    """An instance with these channels alone, which platforms reach where we do."""
    def made(public=True, media=None, server=None, **channels):
        crier = make_crier(lambda s: s.update(channels=channels, media=media or {}), start=False)
        crier.settings["server"].update(server or {})
        crier.settings["server"]["public_url"] = crier.url if public else None
        if not public:
            del crier.settings["server"]["public_url"]
        crier.write_settings()
        return crier.start()
    return made


def instagram(net, **more):
    return {"type": "instagram", "login": "facebook", "user_id": "1", "access_token": "EAAtoken-of-the-page", "api": f"{net.url}/graph",
            "allow_private": True, **more}


def youtube(net, **more):
    return {"type": "youtube", "access_token": "ya29.token", "api": net.url, "upload_api": f"{net.url}/upload",
            "thumbnail": "never", "allow_private": True, **more}


def png(width, height):
    out = io.BytesIO()
    Image.new("RGBA", (width, height), (20, 90, 200, 128)).save(out, "PNG")
    return out.getvalue()


def fetch(address, **headers):
    parts = urlsplit(address)
    return exchange(address, "GET", parts.path, headers=headers)


def cache(crier):
    return Path(crier.folder, "media")


def test_a_platform_that_fetches_gets_a_jpeg_of_its_shape_for_a_day(start, net, clock):
    crier = start(instagram=instagram(net))
    article = small_article("m1", images=[{"url": net.put("wide.png", png(3000, 1000)), "alt": "A harbour"}])
    done, = crier.await_done(crier.send(article)["id"], channel="instagram")
    assert "picture converted from PNG, cut from 3:1 to 1.91:1" in done["detail"], done["detail"]
    address = net.containers[0]["image_url"]
    assert re.fullmatch(re.escape(crier.url) + r"/media/[0-9a-f]{32}\.jpg", address)
    status, headers, data = fetch(address)
    picture = Image.open(io.BytesIO(data))
    assert (status, headers["Content-Type"], picture.format) == (200, "image/jpeg", "JPEG")
    assert headers["Accept-Ranges"] == "bytes" and 800 <= picture.width * 1000 / picture.height <= 1910
    for asked, status, part in (("bytes=0-9", 206, data[:10]), (f"bytes={len(data) - 5}-", 206, data[-5:]),
                                ("bytes=-7", 206, data[-7:]), ("bytes=1-2,4-5", 200, data), ("bytes=x", 200, data)):
        got = fetch(address, Range=asked)
        assert (got[0], got[2]) == (status, part), asked
    assert fetch(address, Range="bytes=0-9")[1]["Content-Range"] == f"bytes 0-9/{len(data)}"
    assert fetch(address, Range="bytes=0-9", **{"If-Range": '"another"'})[0] == 200
    assert fetch(address, Range=f"bytes={len(data)}-")[0] == 416
    assert exchange(address, "HEAD", urlsplit(address).path)[1]["Content-Length"] == str(len(data))
    # Nothing else of the directory, and no other name.
    names = [file.name for file in cache(crier).iterdir()]
    assert len(names) == 3 and "key" in names
    for name in [*names, "", "..", "%2e%2e%2fcrier.db", "0" * 32 + ".jpg"]:
        assert exchange(crier.url, "GET", f"/media/{name}")[0] == 404, name
    crier.stop()
    crier.start()
    assert fetch(address)[2] == data
    clock.advance(crier, "25h")
    assert fetch(address)[0] == 404


def test_a_platform_that_fetches_a_video_may_take_its_time(start, net):
    film = tiny_mp4(size=12 * MIB, width=720, height=1280)
    crier = start(server={"request_timeout": "1s"}, instagram=instagram(net, post="reel"))
    sent = crier.send(small_article("m6", video={"url": net.put("film.mp4", film)}))
    crier.await_done(sent["id"], channel="instagram")
    address = urlsplit(net.containers[0]["video_url"])
    assert address.path.endswith(".mp4")
    assert fetch(address.geturl(), Range="bytes=12000000-12000099")[2] == film[12000000:12000100]
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    connection.request("GET", address.path)
    answer = connection.getresponse()
    data = answer.read(100_000)
    time.sleep(1.7)  # longer than an answer of another kind would be waited for
    data += answer.read()
    connection.close()
    assert answer.headers["Content-Type"] == "video/mp4" and data == film


def test_without_a_public_url_the_delivery_says_what_to_set(start, net):
    crier = start(public=False, instagram=instagram(net))
    article = small_article("m2", images=[{"url": net.put("a.png", png(900, 900)), "alt": "A"}])
    sent = crier.send(article)
    def told():
        delivery, = crier.deliveries(sent["id"])
        return "server.public_url" in (delivery["detail"] or "")
    wait_for(told, what="the delivery to say it")
    assert net.containers == []


def test_a_video_is_streamed_in_pieces_and_goes_on_after_a_crash(start, net):
    film = tiny_mp4(size=2 * PIECE + PIECE // 2)
    crier = start(youtube=youtube(net))
    address = net.put("film.mp4", film)
    before = crier.memory_kib()
    net.go_on.clear()
    sent = crier.send(small_article("m3", video={"url": address}))
    wait_for(lambda: len(net.uploaded) >= PIECE, what="the first piece")
    crier.kill()
    net.go_on.set()
    crier.start()
    crier.await_done(sent["id"], channel="youtube", seconds=30)
    assert hashlib.sha256(net.uploaded).digest() == hashlib.sha256(film).digest()
    assert net.asked == ["/files/film.mp4"], "fetched once, also for what goes on after the crash"
    assert within(crier.memory_kib() - before, 8 * 1024)
    page = exchange(crier.url, "GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})[2].decode()
    assert f"crier_media_cache_bytes {len(film)}\n" in page
    assert "media cache: 21MB of 4GiB" in crier.run("status").stdout


def test_what_is_made_is_kept_within_the_bound(start, net):
    crier = start(media={"max": "6MiB"}, youtube=youtube(net))
    for number in range(4):
        net.uploaded.clear()
        film = tiny_mp4(size=2 * MIB, seconds=10 + number)
        sent = crier.send(small_article(f"m4-{number}", video={"url": net.put(f"{number}.mp4", film)}))
        crier.await_done(sent["id"], channel="youtube")
    def two_are_left():
        return len([file for file in cache(crier).iterdir() if file.name != "key"]) == 2
    wait_for(two_are_left, what="the older ones to go")
    assert sum(file.stat().st_size for file in cache(crier).iterdir()) <= 6 * MIB
    net.uploaded.clear()
    sent = crier.send(small_article("m4-large", video={"url": net.put("large.mp4", tiny_mp4(size=7 * MIB))}))
    def said():
        delivery, = crier.deliveries(sent["id"])
        return delivery["detail"] or ""
    assert "the video is larger than 6MiB (media.max_file, media.max)" in wait_for(said)


def test_a_preview_says_what_each_channel_would_take(start, net):
    crier = start(instagram=instagram(net), youtube=youtube(net))
    article = small_article("m5", images=[{"url": "http://news.example/a.png", "alt": "A"}], video={"url": "https://news.example/a.mp4"})
    shown = json.loads(crier.run("preview", "-", "--json", text=json.dumps(article)).stdout)
    media = {c["channel"]: [s["media"] for s in c["steps"] if "media" in s] for c in shown["channels"]}
    assert "the picture at http://news.example/a.png, made a JPEG" in media["instagram"][0], media
    assert "cut from its middle to at least 0.8:1 and at most 1.91:1" in media["instagram"][0]
    assert "the platform fetches it" in media["instagram"][0]
    assert media["youtube"][0].startswith("the video at https://news.example/a.mp4, as it is")
    assert f"{quote(crier.url, safe=str())}%2Fmedia%2F" in json.dumps(shown), "where it would be fetched"
    assert net.asked == [] and net.containers == []
    assert "with the video at https://news.example/a.mp4" in crier.run("preview", "-", text=json.dumps(article)).stdout
