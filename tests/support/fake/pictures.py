"""Pictures for articles, made on the spot: /img/WIDTHxHEIGHT.jpg and .png, real files whatever the
size asked for; videos, /img/BYTES.mp4; and some that are none: /img/broken.jpg (a page), /img/huge.jpg (too many bytes)."""

import re
import struct
import zlib

from aiohttp import web
from tiny_mp4 import tiny_mp4


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    def row(y):
        return b"\0" + b"".join(bytes((x * 255 // width, y * 255 // height, 160))
                                for x in range(width))
    rows = b"".join(row(y) for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def jpeg(width, height):
    """A grey baseline JPEG: each block is "no change" and "end of block", one bit each."""
    def segment(marker, data):
        return b"\xff" + bytes((marker,)) + struct.pack(">H", len(data) + 2) + data
    one_code = bytes((1,)) + bytes(15) + b"\0"
    blocks = -(-width // 8) * -(-height // 8)
    bits, rest = divmod(2 * blocks, 8)
    scan = bytes(bits) + (bytes(((1 << (8 - rest)) - 1,)) if rest else b"")
    return (b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
            + segment(0xDB, b"\0" + bytes((16,)) * 64)
            + segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
            + segment(0xC4, b"\0" + one_code) + segment(0xC4, b"\x10" + one_code)
            + segment(0xDA, b"\1\1\0\0\x3f\0") + scan + b"\xff\xd9")


async def handle(world, request, body):
    name = request.match_info["name"]
    if name == "broken.jpg":
        return web.Response(text="<html><body>Not found</body></html>", content_type="text/html")
    if name == "huge.jpg":
        return web.Response(body=jpeg(1600, 840) + bytes(20_000_000), content_type="image/jpeg")
    film = re.fullmatch(r"(\d+)\.mp4", name)
    if film:
        return web.Response(body=tiny_mp4(size=min(int(film[1]), 100_000_000)), content_type="video/mp4")
    size = re.search(r"(\d+)x(\d+)", name)
    width, height = (int(size[1]), int(size[2])) if size else (1600, 840)
    if not 0 < width * height <= 20_000_000:
        return web.Response(status=404)
    if name.endswith(".png"):
        return web.Response(body=png(width, height), content_type="image/png")
    return web.Response(body=jpeg(width, height), content_type="image/jpeg")

ROUTES = [("GET", "/img/{name}", handle)]
