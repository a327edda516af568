"""A server that answers as badly as it can: a thread per connection, and for each path the bytes that are said.
And the bytes that are worth saying: bombs in every encoding libcurl undoes, answers and heads without end."""

import base64
import contextlib
import functools
import itertools
import socket
import threading
import time
import zlib

MIB = 1024 * 1024
SOME = b"x" * 65536


@functools.cache
def compress(size, wbits):
    """So many zero bytes in so few."""
    tool = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join(tool.compress(bytes(MIB)) for _ in range(size // MIB)) + tool.flush()


def zstd(size):
    """RFC 8878: a window of 2 MiB, and blocks that say "this byte, 128 KiB of it"."""
    blocks = size // (128 * 1024)
    return b"\x28\xb5\x2f\xfd\x00\x58" + b"".join(
        ((128 * 1024) << 3 | 2 | (n == blocks - 1)).to_bytes(3, "little") + b"\0" for n in range(blocks))


BROTLI = base64.b64decode("""
z///fwAkAOKxQHLv//n//w+ABEAcFoDu/T////8BkACIwwLQvf/n//8/ABIAcVgAuvf//P//B0ACIA4LQPf+n////wBIAMRhAeje//P//x8ACY
A4LADd+3/+//8DIAEQhwWge//P//9/ACQA4rAAdO//+f//D4AEQBwWgO79P////wGQAIjDAtC9/+f//z8AEgBxWAC69//8//8HQAIgDgtA9/6f
////AEgAxGEB6N7/8///HwAJgDgsAN37f/7//wMgARCHBaB7/8///38AJADisAB07//zXzQcgARAHBaArmY4
""")  # 300,000,000 zero bytes


def gzip():
    return compress(300 * MIB, 31)


BOMBS = {  # made when they are asked for: it takes seconds
    "gzip": (b"gzip", gzip),
    "deflate": (b"deflate", lambda: compress(300 * MIB, 15)),
    "raw deflate": (b"deflate", lambda: compress(300 * MIB, -15)),
    "br": (b"br", lambda: BROTLI),
    "zstd": (b"zstd", lambda: zstd(300 * MIB)),
    "gzip within deflate": (b"gzip, deflate", lambda: zlib.compress(gzip(), 9)),
    "twenty encodings": (b", ".join([b"gzip"] * 20), gzip),
}


def bomb(name, kind=b"application/json"):
    """An answer, as Hostile takes it."""
    return lambda: explode(name, kind)


def make_bombs():
    """Now, so that no answer waits for one."""
    for name in BOMBS:
        body_of(name)


@functools.cache
def body_of(name):
    return BOMBS[name][1]()


def explode(name, kind):
    encoding, body = BOMBS[name][0], body_of(name)
    return [b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nContent-Encoding: " + encoding +
            b"\r\nContent-Length: %d\r\n\r\n" % len(body), body]


def plain(status, body=b"", *headers):
    return [b"HTTP/1.1 " + status + b"\r\n" + b"".join(h + b"\r\n" for h in headers) +
            b"Content-Length: %d\r\n\r\n" % len(body) + body]


def forever(first, piece, gap_s=0.0):
    """first, and then the piece until nobody listens any more."""
    yield first
    for _ in itertools.repeat(None):
        yield piece
        time.sleep(gap_s)


class Hostile:
    """answers: {path: what is said when it is asked for, in pieces, or a function of no arguments that
    makes that}; a path that is not there is answered "200", kindly. The connection is closed behind each."""

    def __init__(self, answers):
        self.answers, self.taken, self.lock = answers, {}, threading.Lock()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.talk, args=(self.listening.accept()[0],), daemon=True).start()

    def talk(self, s):
        with contextlib.suppress(OSError), s:
            s.settimeout(60)
            raw = b""
            while b"\r\n\r\n" not in raw:
                raw += s.recv(65536) or b"\r\n\r\n"
            head, _, body = raw.partition(b"\r\n\r\n")
            low = head.lower()
            length = int(low.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in low else 0
            while len(body) < length and (piece := s.recv(65536)):
                body += piece
            path = head.split(b" ")[1].decode() if b" " in head else ""
            with self.lock:
                self.taken[path] = self.taken.get(path, 0) + 1
            said = self.answers.get(path.partition("?")[0], plain(b"200 OK", b"{}"))
            for piece in said() if callable(said) else said:
                s.sendall(piece)

    def close(self):
        self.listening.close()
