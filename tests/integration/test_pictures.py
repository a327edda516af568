"""Pictures that are too large for a channel: made smaller in a process of their own, whatever the picture is."""

import io
import os
import struct
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from harness import SLOW, exchange, small_article, wait_for, within
from PIL import Image

BLUESKY_BYTES = 1_000_000
DECODED_KIB = 60_000 if SLOW else 20_000  # less than the hostile ones would take in the service
RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 160, 30), (30, 30, 200), (255, 255, 255)


class Pictures:
    """A web server for a few pictures, in memory."""

    def __init__(self):
        self.files, self.asked = {}, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                body = outer.files[self.path]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, name, data):
        self.files[f"/{name}"] = data
        return f"http://127.0.0.1:{self.server.server_address[1]}/{name}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def pictures():
    server = Pictures()
    yield server
    server.close()


def corners(width, height):
    """Red, green, blue and white, from the top left one on in the order of reading, with a little noise, so
    that it does not become small by itself."""
    picture = Image.new("RGB", (width, height))
    for n, colour in enumerate((RED, GREEN, BLUE, WHITE)):
        picture.paste(colour, (n % 2 * width // 2, n // 2 * height // 2, (n % 2 + 1) * width // 2, (n // 2 + 1) * height // 2))
    grain = Image.effect_noise((width // 4, height // 4), 60).resize((width, height))
    return Image.blend(picture, Image.merge("RGB", (grain,) * 3), 0.1)


def encoded(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def photograph():
    """24 million pixels as a camera writes them when it is held on its side: the sensor's rows, and a word in
    the EXIF that says how to turn them; where it was taken; larger than Bluesky takes."""
    exif = Image.Exif()
    exif[0x0112] = 6  # the row 0 is the right side of what was seen
    exif[0x010E] = "WHERE THE SOURCE LIVES"
    data = encoded(corners(6000, 4000), "JPEG", quality=95, exif=exif)
    assert BLUESKY_BYTES < len(data) < 20 * 1024 * 1024
    return data


def bomb(width, height):
    """A PNG of one colour and 900 million pixels, in a few hundred kilobytes."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    packer, row = zlib.compressobj(9), bytes(1 + (width + 7) // 8)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
            + chunk(b"IDAT", packed) + bytes(BLUESKY_BYTES) + chunk(b"IEND", b""))


def only(*names, **changes):
    def change(settings):
        settings["channels"] = {name: {**settings["channels"][name], **changes} for name in names}
    return change


def story(number, *urls):
    return small_article(f"picture-{number}", images=[{"url": url, "alt": "A picture"} for url in urls])


def arrived(platform, crier, sent):
    """The delivery's detail, and the picture that Bluesky has of it (None: none)."""
    done, = crier.await_done(sent["id"], channel="bluesky", seconds=30)
    post, = platform.posts("bluesky")
    if not post["image"]:
        return done["detail"], None
    status, _, data = exchange(platform.faces["bluesky"], "GET", f"/xrpc/com.atproto.sync.getBlob?cid={post['image']}")
    assert status == 200
    return done["detail"], data


def near(pixel, colour, distance=60):
    return all(abs(a - b) <= distance for a, b in zip(pixel, colour, strict=True))


def children(crier):
    listed = Path(f"/proc/{crier.process.pid}/task")
    return [pid for task in listed.iterdir() for pid in (task / "children").read_text().split()]


def test_a_photograph_arrives_small_enough_upright_and_without_its_secrets(make_crier, platform, pictures, photograph):
    crier = make_crier(only("bluesky"))
    detail, data = arrived(platform, crier, crier.send(story(1, pictures.put("photo.jpg", photograph))))
    assert detail.startswith("picture resized from ") and " 4000x6000 to " in detail, detail  # as people see it
    assert len(data) <= BLUESKY_BYTES and b"SOURCE" not in data
    small = Image.open(io.BytesIO(data))
    assert small.format == "JPEG" and not small.getexif()
    assert small.height > small.width >= 1000 and abs(small.height / small.width - 1.5) < 0.01
    assert detail.endswith(f" {small.width}x{small.height}")
    right, bottom = small.width - 20, small.height - 20
    seen = [small.getpixel(at) for at in ((20, 20), (right, 20), (20, bottom), (right, bottom))]
    assert all(near(*pair) for pair in zip(seen, (BLUE, RED, WHITE, GREEN), strict=True)), seen
    assert children(crier) == []


def test_channels_with_the_same_bounds_share_one_and_others_get_their_own(make_crier, platform, pictures, photograph):
    def change(settings):
        only("bluesky", "mastodon")(settings)
        settings["channels"]["second"] = dict(settings["channels"]["bluesky"])
        settings["channels"]["plain"] = dict(settings["channels"]["bluesky"], card="never", text="{{title}} {{url}}")
    crier = make_crier(change)
    sent = crier.send(story(2, pictures.put("photo.jpg", photograph)))
    crier.await_done(sent["id"], seconds=30)
    detail = {d["channel"]: d["detail"] for d in crier.deliveries(sent["id"])}
    assert detail["bluesky"] == detail["second"] != detail["plain"] and "resized" in detail["plain"]
    assert detail["mastodon"] == "", "24 million pixels and a few megabytes are within Mastodon's limits"
    assert pictures.asked == ["/photo.jpg"]
    assert crier.log().count("media_resized") == 3


def swapped_profile():
    """An ICC profile (version 2, three primaries, gamma 2.2) in which red and green are the other way round."""
    def fixed(*values):
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)
    red, green, blue = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
    gamma = b"curv" + bytes(4) + struct.pack(">IH", 1, 563) + bytes(2)
    tags = [(b"desc", b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(79)),
            (b"cprt", b"text" + bytes(4) + b"none\0" + bytes(3)), (b"wtpt", b"XYZ " + bytes(4) + fixed(0.9642, 1, 0.8249))]
    tags += [(name, b"XYZ " + bytes(4) + fixed(*xyz)) for name, xyz in ((b"rXYZ", green), (b"gXYZ", red), (b"bXYZ", blue))]
    tags += [(name, gamma) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, data, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags:
        table += name + struct.pack(">II", at + len(data), len(content))
        data += content
    head = struct.pack(">I4sI4s4s4s", at + len(data), bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    return head + bytes(28) + fixed(0.9642, 1, 0.8249) + bytes(48) + table + data


FORMS = {
    "transparent.png": lambda: encoded(Image.new("RGBA", (1500, 1200), (0, 0, 0, 0)), "PNG", compress_level=0),
    "wide.webp": lambda: encoded(Image.new("RGB", (2000, 900), BLUE), "WEBP") + bytes(BLUESKY_BYTES),
    "first.gif": lambda: encoded(Image.new("RGB", (900, 900), RED), "GIF", save_all=True, append_images=[
        Image.effect_noise((900, 900), 200).convert("P") for _ in range(3)]),
    "print.jpg": lambda: encoded(Image.new("CMYK", (3000, 2000), (0, 255, 255, 40)), "JPEG") + bytes(BLUESKY_BYTES),
    "profile.jpg": lambda: encoded(Image.new("RGB", (1500, 1500), GREEN), "JPEG", icc_profile=swapped_profile()) + bytes(BLUESKY_BYTES),
}


@pytest.mark.parametrize(("name", "colour"), [("transparent.png", WHITE), ("wide.webp", BLUE), ("first.gif", RED),
                                              ("print.jpg", RED), ("profile.jpg", (160, 30, 30))])
def test_each_form_becomes_a_jpeg(make_crier, platform, pictures, name, colour):
    crier = make_crier(only("bluesky"))
    data = FORMS[name]()
    assert len(data) > BLUESKY_BYTES
    detail, small = arrived(platform, crier, crier.send(story(name, pictures.put(name, data))))
    assert "picture resized" in detail
    small = Image.open(io.BytesIO(small))
    assert (small.format, small.mode) == ("JPEG", "RGB") and near(small.getpixel((300, 200)), colour)


def test_a_bomb_is_left_out_and_costs_nothing(make_crier, platform, pictures):
    crier = make_crier(only("bluesky"))
    before = crier.memory_kib()
    url = pictures.put("bomb.png", bomb(30000, 30000))
    detail, data = arrived(platform, crier, crier.send(story(4, url)))
    assert data is None
    assert detail.startswith("without its picture: the picture has ") and "100 million pixels" in detail, detail
    assert within(crier.memory_kib() - before, DECODED_KIB)
    assert "media_failed" in crier.log()


def test_what_is_just_not_a_bomb_is_decoded_in_little_memory_or_not_at_all(make_crier, platform, pictures):
    """81 million pixels."""
    crier = make_crier(only("bluesky"))
    before = crier.memory_kib()
    detail, data = arrived(platform, crier, crier.send(story(5, pictures.put("large.png", bomb(9000, 9000)))))
    assert data is None or len(data) <= BLUESKY_BYTES
    assert "picture" in detail
    assert within(crier.memory_kib() - before, DECODED_KIB)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_half_a_picture_is_none(make_crier, platform, pictures, kind):
    crier = make_crier(only("bluesky"))
    size = (1500, 1300) if kind == "GIF" else (900, 750)
    noise = Image.merge("RGB", [Image.effect_noise(size, 120) for _ in range(3)])
    whole = encoded(noise, kind, quality=100, subsampling=0, lossless=True, method=0)
    data = whole[:len(whole) * 3 // 4]
    assert len(data) > BLUESKY_BYTES
    detail, none = arrived(platform, crier, crier.send(story(6, pictures.put("broken.jpg", data))))
    assert none is None and "it was not resized: " in detail


@pytest.mark.parametrize(("fault", "said"), [
    ("resize.child:1", "fault point"),
    ("resize.child:1:exit", "its process ended with 99"),
    ("resize.spawn:1", "resource temporarily unavailable"),
])
def test_a_child_that_fails_costs_the_picture_only(make_crier, platform, pictures, photograph, fault, said):
    crier = make_crier(only("bluesky"), environment={"CRIER_FAULT": fault})
    detail, data = arrived(platform, crier, crier.send(story(7, pictures.put("photo.jpg", photograph))))
    assert data is None and said in detail, detail
    assert children(crier) == []


def test_a_child_that_hangs_is_ended(make_crier, platform, pictures, photograph):
    crier = make_crier(only("bluesky"), environment={"CRIER_FAULT": "resize.child:1:hang"})
    before = time.monotonic()
    detail, data = arrived(platform, crier, crier.send(story(8, pictures.put("photo.jpg", photograph))))
    assert data is None and "it took too long" in detail, detail
    assert time.monotonic() - before < 20
    wait_for(lambda: children(crier) == [], 5, what="no child to be left")


def test_a_service_that_ends_takes_its_children_along(make_crier, platform, pictures, photograph):
    def change(settings):
        only("bluesky")(settings)
        settings["server"]["drain"] = "200ms"
    crier = make_crier(change, environment={"CRIER_FAULT": "resize.child:1:hang", "API_KEY": "a token"})
    sent = crier.send(story(9, pictures.put("photo.jpg", photograph)))
    child, = wait_for(lambda: children(crier), 20, what="a child")
    def is_loaded():
        return "libvips" in Path(f"/proc/{child}/maps").read_text()
    wait_for(is_loaded, 20, what="the child to be ready")
    about = Path(f"/proc/{child}")
    assert b"token" not in (about / "environ").read_bytes() and b"PATH=/" not in (about / "environ").read_bytes()
    # One more is open for a moment while a library is being loaded.
    wait_for(lambda: sorted(fd.name for fd in (about / "fd").iterdir()) == ["0", "1", "2"], 20, what="three descriptors")
    assert "libvips" not in Path(f"/proc/{crier.process.pid}/maps").read_text()
    crier.stop()
    assert not Path(f"/proc/{child}").exists()
    assert platform.posts("bluesky") == []
    crier.environment.pop("CRIER_FAULT")
    crier.start()
    detail, data = arrived(platform, crier, sent)
    assert data and "resized" in detail
    assert platform.truth()["duplicates"] == []


def test_a_service_that_is_killed_leaves_no_child(make_crier, platform, pictures, photograph):
    crier = make_crier(only("bluesky"), environment={"CRIER_FAULT": "resize.child:1:hang"})
    crier.send(story(10, pictures.put("photo.jpg", photograph)))
    child, = wait_for(lambda: children(crier), 20, what="a child")
    crier.kill()
    def is_over():
        stat = Path(f"/proc/{child}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"
    wait_for(is_over, 10, what="the child to end")


def test_without_the_library_the_log_says_what_to_install(make_crier, platform, pictures, photograph, tmp_path):
    (tmp_path / "libvips.so.42").write_bytes(b"no library")
    crier = make_crier(only("bluesky"), environment={"LD_LIBRARY_PATH": str(tmp_path)})
    detail, data = arrived(platform, crier, crier.send(story(11, pictures.put("photo.jpg", photograph))))
    assert data is None and "libvips.so.42 cannot be loaded (Debian's package libvips42)" in detail
    assert "libvips42" in crier.log()
