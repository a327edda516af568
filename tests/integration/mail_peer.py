"""Mail servers for tests: one of our own that keeps what it gets and stalls, lies and cuts when told,
OpenSMTPD, and aiosmtpd for what OpenSMTPD 6.8 cannot do with OpenSSL 3: TLS as a server (its issue
1171), and so no login either. All on loopback; certificates are signed by an authority of the tests' own,
which crier trusts by SSL_CERT_FILE."""

import base64
import contextlib
import email
import email.policy
import fcntl
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from harness import TOP, free_port, wait_for

USER, PASSWORD = "news", "pass-word-of-the-mail-server"


class Certificates:
    """An authority, and certificates of it for localhost: good, expired, and one of another name."""

    def __init__(self, folder):
        self.folder = folder
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes",
                     "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=An authority of the tests")
        self.make("good", "DNS:localhost,IP:127.0.0.1", "2")
        self.make("expired", "DNS:localhost,IP:127.0.0.1", "-1")
        self.make("other", "DNS:mail.example", "2")
        self.authority = folder / "ca.pem"

    def openssl(self, *args):
        done = subprocess.run(["openssl", *args], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def make(self, name, names, days):
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout",
                     f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=localhost", "-addext", f"subjectAltName={names}")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", f"{name}.pem",
                     "-days", days, "-copy_extensions", "copy")
        (self.folder / f"{name}.key").chmod(0o600)

    def paths(self, name):
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def context(self, name):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(*self.paths(name))
        return made


class Mail:
    """One message that came whole."""

    def __init__(self, sender, reader, raw, tls, user):
        self.sender, self.reader, self.raw, self.tls, self.user = sender, reader, raw, tls, user
        self.taken = None  # what we answered
        self.message = email.message_from_bytes(raw, policy=email.policy.default)

    def __getitem__(self, name):
        return self.message[name]

    def part(self, kind):
        return self.message.get_body((kind,)).get_content()


class Cut(Exception):
    pass


class Dialogue:
    """One connection."""

    def __init__(self, server, connection):
        self.server, self.socket, self.reader, self.tls, self.user = server, connection, None, False, None
        self.sender, self.buffer = None, b""
        if server.implicit:
            self.wrap()

    def wrap(self):
        self.socket = self.server.tls.wrap_socket(self.socket, server_side=True)
        self.tls = True

    def line(self, end=b"\r\n"):
        while end not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise Cut
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(end)
        return line

    def say(self, text):
        self.socket.sendall(text.replace("\n", "\r\n").encode() + b"\r\n")

    def answer(self, stage, usual):
        """What is said there: as told, or the usual. Returns whether it was a yes."""
        rule = self.server.rule(stage, self.reader)
        what = rule["say"] if rule else usual
        if what == "cut":
            raise Cut
        if what == "stall":
            self.server.stalled.set()
            while self.socket.recv(4096):
                pass
            raise Cut
        if what.startswith("wait "):
            time.sleep(float(what.split()[1]))
            what = usual
        self.say(what)
        return what[0] in "23"

    def run(self):
        self.answer("greeting", "220 mail.example ESMTP")
        while True:
            line = self.line().decode("ascii")
            self.server.lines.append(line)
            word = line.split(":")[0].split(" ")[0].upper()
            if word == "QUIT":
                self.answer("quit", "221 2.0.0 Bye")
                return
            getattr(self, "on_" + word.lower(), self.on_other)(line)

    def on_other(self, line):
        self.say("500 5.5.1 what?")

    def on_ehlo(self, line):
        offers = ["250-mail.example", "250-ENHANCEDSTATUSCODES"]
        if self.server.tls and not self.tls:
            offers.append("250-STARTTLS")
        if self.server.wants_login and (self.tls or not self.server.tls):
            offers.append("250-AUTH PLAIN LOGIN")
        self.answer("ehlo", "\n".join([*offers, "250 SIZE 1000000"]))

    def on_starttls(self, line):
        if self.answer("starttls", "220 2.0.0 Go ahead"):
            self.wrap()

    def on_auth(self, line):
        given = base64.b64decode(line.split()[2]).decode().split("\0")
        good = given[1:] == [USER, self.server.password]
        if self.answer("auth", "235 2.7.0 Welcome" if good else "535 5.7.8 Authentication failed") and good:
            self.user = given[1]

    def on_noop(self, line):
        self.answer("noop", "250 2.0.0 Ok")

    def on_mail(self, line):
        if self.server.wants_login and not self.user:
            self.say("530 5.7.0 Authentication required")
            return
        self.sender = line[line.index("<") + 1:line.index(">")]
        self.answer("mail", "250 2.1.0 Ok")

    def on_rcpt(self, line):
        self.reader = line[line.index("<") + 1:line.index(">")]
        self.answer("rcpt", "250 2.1.5 Ok")

    def on_data(self, line):
        if not self.answer("data", "354 Go ahead"):
            return
        raw = self.line(b"\r\n.\r\n") + b"\r\n"
        mail = Mail(self.sender, self.reader, raw.replace(b"\r\n..", b"\r\n."), self.tls, self.user)
        self.server.mails.append(mail)
        mail.taken = self.answer("message", f"250 2.0.0 Ok: queued as {len(self.server.mails)}")


class MailServer:
    """Takes what comes. fault(stage, say, reader=None, times=1) makes it say something else: a reply,
    "cut", "stall", or "wait SECONDS" and then the usual. mails: every message that came whole, also those
    that were answered with no or not at all."""

    def __init__(self, tls=None, implicit=False, wants_login=False, port=0, password=PASSWORD):
        self.tls, self.implicit, self.wants_login, self.password = tls, implicit, wants_login, password
        self.mails, self.lines, self.rules, self.connections = [], [], [], []
        self.stalled, self.lock = threading.Event(), threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        # A client that goes, or dislikes our certificate, is a test's business.
        with contextlib.suppress(OSError, Cut), connection:
            dialogue = Dialogue(self, connection)
            try:
                dialogue.run()
            finally:
                dialogue.socket.close()

    def fault(self, stage, say, reader=None, times=1):
        self.rules.append({"stage": stage, "say": say, "reader": reader, "times": times})

    def rule(self, stage, reader):
        with self.lock:
            for rule in self.rules:
                if rule["stage"] == stage and rule["reader"] in (None, reader) and rule["times"] != 0:
                    rule["times"] -= 1
                    return rule
        return None

    def of(self, reader):
        return [m for m in self.mails if m.reader == reader]

    def close(self):
        # Closing alone does not wake who waits in accept().
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class OpenSmtpd:
    """A real mail server. It insists on being started by root, drops its rights by itself, and there is
    one on a machine at a time, so a lock makes the others wait. Where that is allowed it gets a /run and
    a queue of its own, so that one which the machine has anyway does not matter."""

    READERS = ("desk@news.example", "night@news.example", "reader@news.example")
    ALONE = ("mount -t tmpfs none /run && mkdir -m 711 -p /var/spool/smtpd && mount -t tmpfs -o mode=711 none /var/spool/smtpd && "
             "exec smtpd -d -f \"$1\"")

    def __init__(self, folder, certificates):
        self.folder, self.inbox, self.process = folder, folder / "inbox", None
        self.root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        self.path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        assert shutil.which("smtpd", path=self.path), "no OpenSMTPD: apt-get install opensmtpd"
        self.inbox.mkdir()
        self.inbox.chmod(0o1777)
        self.plain, self.wants_tls = free_port(), free_port()
        self.write(certificates)
        self.lock = (TOP / "build" / "opensmtpd.lock").open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.start()

    def run_as_root(self, *args):
        return subprocess.run([*self.root, *args], capture_output=True, text=True, check=False,
                              env=dict(os.environ, PATH=self.path))

    def write(self, certificates):
        certificate, key = certificates.paths("good")
        readers = ", ".join(f'"{r}" = nobody' for r in self.READERS)
        (self.folder / "smtpd.conf").write_text(f'''
pki mail cert "{certificate}"
pki mail key "{key}"
table readers {{ {readers} }}
smtp max-message-size "20K"
listen on 127.0.0.1 port {self.plain}
listen on 127.0.0.1 port {self.wants_tls} tls-require pki mail
action "keep" mda "umask 022; cat > {self.inbox}/%{{rcpt}}.$$.part && mv {self.inbox}/%{{rcpt}}.$$.part {self.inbox}/%{{rcpt}}.$$" virtual <readers>
match from any for domain "news.example" action "keep"
''')
        # Who delivers is nobody in particular, and has to get there.
        for part in (self.folder, *self.folder.parents):
            if not part.stat().st_mode & 0o001:
                part.chmod(part.stat().st_mode | 0o011)

    def start(self):
        config = str(self.folder / "smtpd.conf")
        self.run_as_root("mkdir", "-m", "711", "-p", "/var/spool/smtpd")
        alone = self.run_as_root("unshare", "-m", "true").returncode == 0
        command = ["unshare", "-m", "sh", "-c", self.ALONE, "sh", config] if alone else ["smtpd", "-d", "-f", config]
        with (self.folder / "smtpd.log").open("a") as log:
            self.process = subprocess.Popen([*self.root, *command], stdout=log, stderr=log,
                                            env=dict(os.environ, PATH=self.path))
        wait_for(self.answers, 20, what="OpenSMTPD to answer")

    def answers(self):
        assert self.process.poll() is None, f"OpenSMTPD ended at once:\n{self.log()}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.plain), 5) as s:
            return s.recv(4) == b"220 "
        return False

    def log(self):
        return (self.folder / "smtpd.log").read_text(errors="replace")

    def stop(self):
        if self.process is None:
            return
        if self.root:
            self.run_as_root("kill", str(self.process.pid))
        else:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.process = None

    def close(self):
        self.stop()
        self.lock.close()

    def delivered(self, reader):
        """The messages in a reader's inbox."""
        return [email.message_from_bytes(p.read_bytes(), policy=email.policy.default)
                for p in sorted(self.inbox.glob(f"{reader}.*")) if p.suffix != ".part"]


class Inbox:
    """aiosmtpd's handler: keeps what comes."""

    def __init__(self, implicit):
        self.mails, self.implicit = [], implicit

    async def handle_DATA(self, server, session, envelope):  # noqa: N802, the name is aiosmtpd's
        user = session.auth_data.login.decode() if session.authenticated else None
        mail = Mail(envelope.mail_from, envelope.rcpt_tos[0], envelope.original_content,
                    self.implicit or session.ssl is not None, user)
        self.mails.append(mail)
        return "250 2.0.0 Ok: kept"


class Aiosmtpd:
    """A server made of somebody else's library, with TLS and a login."""

    def __init__(self, certificates, implicit):
        def authenticate(server, session, envelope, mechanism, data):
            good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
            return AuthResult(success=good, handled=False, auth_data=data)

        self.inbox = Inbox(implicit)
        more = {"authenticator": authenticate, "auth_required": True, "hostname": "127.0.0.1", "port": free_port(),
                "ready_timeout": 30}
        context = certificates.context("good")
        if implicit:
            # auth_require_tls is about STARTTLS and its warning too; all of this is TLS.
            warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
            self.controller = Controller(self.inbox, ssl_context=context, auth_require_tls=False, **more)
        else:
            self.controller = Controller(self.inbox, tls_context=context, require_starttls=True, **more)
        self.controller.start()
        self.port = self.controller.port

    def close(self):
        self.controller.stop()
