"""The smallest video that is one: ftyp, moov (mvhd, trak with tkhd) and an mdat of any size."""

import struct

UPRIGHT = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def box(name, content):
    return struct.pack(">I", len(content) + 8) + name + content


def tiny_mp4(width=1280, height=720, seconds=30, size=1000, brand=b"isom"):
    mvhd = box(b"mvhd", bytes(12) + struct.pack(">II", 1000, seconds * 1000) + bytes(80))
    tkhd = box(b"tkhd", bytes(40) + struct.pack(">9I", *UPRIGHT) + struct.pack(">II", width << 16, height << 16))
    film = bytes(range(256)) * (size // 256 + 1)
    return box(b"ftyp", brand + bytes(4)) + box(b"moov", mvhd + box(b"trak", tkhd)) + box(b"mdat", film[:size])
