"""What the attacks on the doors have in common: bytes on a raw socket and the answers that come back,
crowds of connections that say nothing, and senders and readers that take their time. Loopback only."""

import contextlib
import json
import os
import resource
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HEAD_END = b"\r\n\r\n"
# For a process whose memory is measured: a sanitizer keeps what was freed for a while.
FORGETFUL = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"}


class Answer:
    """One answer: its status (0: it is none), its headers by lower-case name, its body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def problem(self):
        """The problem document; an AssertionError when it is none, or a muddled one."""
        kind = self.headers.get("content-type", "")
        assert kind == "application/problem+json", (self.status, kind, self.body[:200])
        document = json.loads(self.body)
        assert document["status"] == self.status and document["title"] and document["detail"], document
        return document

    def __repr__(self):
        return f"<{self.status} {self.headers.get('content-type')} {self.body[:120]!r}>"


def split_chunks(raw):
    """(body, rest) of a chunked body; None while it is not whole."""
    body = b""
    while True:
        line, end, raw = raw.partition(b"\r\n")
        size = int(line.split(b";")[0], 16) if end and line else None
        if size is None or len(raw) < size + 2:
            return None
        body, raw = body + raw[:size], raw[size + 2:]
        if size == 0:
            return body, raw


def split_answer(raw, closed, to_head=False):
    """(Answer, rest) of the first answer in raw; None while it is not whole."""
    head, end, rest = raw.partition(HEAD_END)
    if not end:
        return None
    lines = head.decode("latin-1").split("\r\n")
    version, _, code = lines[0].partition(" ")
    status = int(code[:3]) if version.startswith("HTTP/1.") and code[:3].isdigit() else 0
    headers = {}
    for name, _, value in (line.partition(":") for line in lines[1:]):
        headers[name.lower()] = value.strip()
    if to_head or status in (100, 204, 304):
        return Answer(status, headers, b""), rest
    if headers.get("transfer-encoding") == "chunked":
        parts = split_chunks(rest)
        return parts and (Answer(status, headers, parts[0]), parts[1])
    length = int(headers.get("content-length", len(rest)))
    if len(rest) < length or ("content-length" not in headers and not closed):
        return None
    return Answer(status, headers, rest[:length]), rest[length:]


class Wire:
    """A raw connection to a door: `where` is a port of 127.0.0.1, an (address, port), or the path of a
    unix socket."""

    def __init__(self, where, timeout=30, receive_bytes=None):
        kind = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
        self.socket = socket.socket(kind, socket.SOCK_STREAM)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", where) if isinstance(where, int) else where)
        self.raw, self.closed = b"", False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def say(self, raw):
        """False: the other side has hung up meanwhile."""
        try:
            self.socket.sendall(raw)
        except OSError:
            return False
        return True

    def drip(self, raw, gap_s):
        """Byte by byte; how many left before the other side hung up."""
        for n, byte in enumerate(raw):
            if not self.say(bytes((byte,))) or self.hung_up():
                return n
            time.sleep(gap_s)
        return len(raw)

    def hung_up(self):
        """Whether the end of the connection has come, behind whatever came before it."""
        while not self.closed and select.select([self.socket], [], [], 0)[0]:
            self.receive()
        return self.closed

    def receive(self, most=65536):
        try:
            piece = self.socket.recv(most)
        except ConnectionError:
            piece = b""
        self.raw, self.closed = self.raw + piece, not piece

    def answer(self, to_head=False):
        """The next whole answer; None: the connection ended without one."""
        while True:
            parts = split_answer(self.raw, self.closed, to_head)
            if parts:
                self.raw = parts[1]
                return parts[0]
            if self.closed:
                return None
            self.receive()

    def answers(self):
        """All that come until the connection ends."""
        return list(iter(self.answer, None))

    def ends(self):
        """Reads on to the end of the connection; the answer it ended with, if any."""
        every = self.answers()
        return every[-1] if every else None


def ask(where, raw, timeout=30):
    """Says raw and nothing more; all the answers until the door closes (which raw should ask for)."""
    with Wire(where, timeout) as wire:
        wire.say(raw)
        return wire.answers()


def request(method="GET", target="/healthz", headers=(), body=None, close=True):
    """The bytes of a request; headers are (name, value) pairs or whole lines without their end."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
    lines += [h if isinstance(h, str) else f"{h[0]}: {h[1]}" for h in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode("latin-1") + HEAD_END + (body or b"")


def allow_files(count):
    """Raises this process's limit of open files, which a child inherits, to what is wanted or as far as
    it may be raised; that is what comes back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
            return count
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)


class Crowd:
    """Many connections at once that each say the same (or nothing) and then wait."""

    def __init__(self, port, count, opening=b""):
        allow_files(count + 1000)
        self.port, self.opening, self.refused = port, opening, 0
        self.sockets = []
        for _ in range(count):
            self.join()

    def join(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(20)
        try:
            s.connect(("127.0.0.1", self.port))
            s.sendall(self.opening)
        except OSError:
            s.close()
            self.refused += 1
            return
        s.setblocking(False)
        self.sockets.append(s)

    def standing(self):
        """How many are still connected; what they got meanwhile is read away."""
        poll, by_fd = select.poll(), {s.fileno(): s for s in self.sockets}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        gone = 0
        for fd, _ in poll.poll(0):
            try:
                while piece := by_fd[fd].recv(65536):
                    pass
                gone += not piece
            except BlockingIOError:
                pass
            except OSError:
                gone += 1
        return len(self.sockets) - gone

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in self.sockets:
            s.close()


def at_once(count, work):
    """work(n) on so many threads; their results in order. What one raises is raised here."""
    results, errors = [None] * count, []

    def run(n):
        try:
            results[n] = work(n)
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return results


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Certificates:
    """A CA of our own, and certificates that are wrong in one way each; in the folder `certs`, which Net puts
    in the place of the system's."""

    def __init__(self, folder):
        self.folder, self.servers = folder, folder / "servers"
        self.servers.mkdir(parents=True)
        self.authority(folder / "ca")
        (folder / "ca-certificates.crt").write_text((folder / "ca.pem").read_text())
        self.authority(folder / "stranger")

    def authority(self, path):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={path.name}", "-keyout", f"{path}.key", "-out", f"{path}.pem")

    def issue(self, name, covers=None, days="2", ca="ca", purpose="serverAuth"):
        """NAME.pem and NAME.key, for the name it covers (a subjectAltName)."""
        path, by = self.servers / name, self.folder / ca
        (self.folder / "ext").write_text(f"subjectAltName={covers or f'DNS:{name}'}\nextendedKeyUsage={purpose}\n"
                                         "basicConstraints=CA:FALSE\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{path}.key", "-out", f"{path}.csr")
        openssl("x509", "-req", "-in", f"{path}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-days", days,
                "-extfile", str(self.folder / "ext"), "-out", f"{path}.pem")

    def sign_itself(self, name):
        path = self.servers / name
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", f"{path}.key",
                "-out", f"{path}.pem")


class Net:
    """attack_net.py: an internet in namespaces. `inside` is the command before one that is to run in it."""

    UNSHARE = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "-n", "-m"]

    @classmethod
    def is_allowed(cls):
        """Not in every container, and in no chroot."""
        return subprocess.run([*cls.UNSHARE, "true"], capture_output=True, check=False).returncode == 0

    def __init__(self, folder, names):
        (folder / "net.json").write_text(json.dumps({"names": names}))
        program = Path(__file__).resolve().parent / "attack_net.py"
        self.process = subprocess.Popen([*self.UNSHARE, sys.executable, str(program), str(folder)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", "the namespaces did not come up"
        user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
        self.inside = ["nsenter", "-t", str(self.process.pid), *user, "-n", "-m", "--"]

    def seen(self):
        self.process.stdin.write("see\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
