"""A small internet of its own, in a network and mount namespace: public addresses and private ones on one
interface, a name server, certificates, and web servers on some ports of all of them. Run by attack.Net:

  unshare -n -m python3 attack_net.py FOLDER      reads FOLDER/net.json, FOLDER/certs; says "ready"

net.json: {"names": {NAME: [[ADDRESS, …], …]}}. A name answers the first list to the first question, the next to
the next one, and the last for ever. Ends when standard input closes. For a line {"see": true} on standard input
it says in one line what came: [{"at": ADDRESS, "port": …, "name": of TLS, "head": …}], an entry per request, or
per connection on which none came."""

import contextlib
import ipaddress
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import urllib.parse
import warnings
from pathlib import Path

OLD_TLS = 444  # speaks nothing newer than TLS 1.1
PORTS = (80, 443, OLD_TLS)
PUBLIC = ("93.184.216.34", "2606:2800:220:1::1")
INSIDE = ("169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "198.18.0.1", "192.0.0.8",
          "fc00::1", "fd00:ec2::254", "fe80::1", "64:ff9b::a00:1", "2002:a00:1::1")
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000640000006408020000000000000000")


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def set_up(folder):
    run("ip", "link", "set", "lo", "up")
    for address in PUBLIC + INSIDE:
        run("ip", "addr", "add", f"{address}/{128 if ':' in address else 32}", "dev", "lo",
            *(["nodad"] if ":" in address else []))
    (folder / "resolv.conf").write_text("nameserver 127.0.0.53\noptions timeout:1 attempts:1\n")
    (folder / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
    for name in ("resolv.conf", "hosts", "nsswitch.conf"):
        run("mount", "--bind", str(folder / name), f"/etc/{name}")
    run("mount", "--bind", str(folder / "certs"), "/etc/ssl/certs")


# ---- names ----

class Names:
    def __init__(self, table):
        self.table, self.asked, self.lock = table, {}, threading.Lock()

    def answer(self, name, family):
        """A question for both kinds of addresses is one question: IPv4's counts."""
        with self.lock:
            turns = self.table.get(name, [[]])
            turn = turns[min(self.asked.get(name, 0), len(turns) - 1)]
            if family == 4:
                self.asked[name] = self.asked.get(name, 0) + 1
        return [a for a in map(ipaddress.ip_address, turn) if a.version == family]

    def reply(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode("latin-1"))
            at += 1 + question[at]
        kind = struct.unpack(">H", question[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        found = self.answer(name, {1: 4, 28: 6}[kind]) if kind in (1, 28) else []
        code = 0 if name in self.table else 3
        head = question[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(found), 0, 0)
        rows = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(a.packed)) + a.packed for a in found)
        return head + question[12:at + 5] + rows

    def serve(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.53", 53))
            while True:
                question, peer = s.recvfrom(4096)
                s.sendto(self.reply(question), peer)


# ---- web servers ----

class Web:
    def __init__(self, folder):
        self.seen, self.lock, self.certs = [], threading.Lock(), folder / "certs" / "servers"

    def context(self, port):
        """The certificate by the name that is asked for: NAME.pem; none such: the first."""
        def choose(connection, name, _):
            connection.asked = name
            with contextlib.suppress(OSError):
                connection.context = self.load(name or "good.example")
        first = self.load("good.example")
        first.sni_callback = choose
        if port == OLD_TLS:
            with warnings.catch_warnings(action="ignore"):
                first.minimum_version, first.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
            first.set_ciphers("ALL:@SECLEVEL=0")
        return first

    def load(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certs / f"{name}.pem", self.certs / f"{name}.key")
        return context

    def note(self, **entry):
        with self.lock:
            self.seen.append(entry)

    def serve(self, family, port):
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
        s.listen(128)
        while True:
            threading.Thread(target=self.talk, args=(s.accept()[0], port), daemon=True).start()

    def talk(self, s, port):
        entry = {"at": s.getsockname()[0], "port": port, "name": None, "head": ""}
        s.settimeout(20)
        with contextlib.suppress(OSError, ssl.SSLError), s:
            if port != 80:
                s = self.context(port).wrap_socket(s, server_side=True)
                entry["name"] = getattr(s, "asked", None)
            while self.one_request(s, dict(entry)):
                entry["more"] = True
            return
        if "more" not in entry:
            self.note(**entry)

    def one_request(self, s, entry):
        raw = b""
        while b"\r\n\r\n" not in raw:
            piece = s.recv(65536)
            if not piece:
                if raw or "more" not in entry:
                    self.note(**entry)
                return False
            raw += piece
        head, _, body = raw.partition(b"\r\n\r\n")
        entry["head"] = head.decode("latin-1")
        lower = entry["head"].lower()
        length = int(lower.split("content-length:")[1].split("\r\n")[0]) if "content-length:" in lower else 0
        while len(body) < length:
            body += s.recv(65536)
        self.note(**entry)
        return self.reply(s, entry)

    def reply(self, s, entry):
        target = entry["head"].split(" ")[1]
        path, _, query = target.partition("?")
        if path == "/cut":  # in the middle of the body, and without TLS saying goodbye
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n\r\n" + PNG)
            os.close(s.detach())
            return False
        head, body = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n", PNG
        if path.startswith("/api/"):  # enough of a Mastodon server
            head, body = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", json.dumps(
                {"id": "1", "type": "image", "url": "http://mastodon.example/@news/1",
                 "uri": "http://mastodon.example/statuses/1", "content": "", "media_attachments": []}).encode()
        if path == "/to":
            # as the bytes they are: a header has no character set
            query = urllib.parse.unquote_to_bytes(query).decode("latin-1")
            head, body = f"HTTP/1.1 302 Found\r\nLocation: {query}\r\n", b""
        s.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body)
        return True


def main():
    folder = Path(sys.argv[1])
    set_up(folder)
    names, web = Names(json.loads((folder / "net.json").read_text())["names"]), Web(folder)
    threading.Thread(target=names.serve, daemon=True).start()
    for family in (socket.AF_INET, socket.AF_INET6):
        for port in PORTS:
            threading.Thread(target=web.serve, args=(family, port), daemon=True).start()
    for address in PUBLIC:  # until all listen
        for port in PORTS:
            while True:
                with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=5):
                    break
    print("ready", flush=True)
    web.seen.clear()
    for _ in sys.stdin:
        with web.lock:
            print(json.dumps(web.seen), flush=True)


if __name__ == "__main__":
    main()
