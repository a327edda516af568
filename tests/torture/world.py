"""One world: a crier on a disk of its own, the platforms, and senders that write down what was acknowledged.
Runs inside a mount namespace of its own (torture.py), so that the disk can be filled and taken away, and names
and authorities be what we say; where that is not permitted, `lacks` says what cannot be tried."""

import contextlib
import errno
import http.client
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from attack import Certificates
from harness import TOKEN, Crier, Platform, chat_channels, default_settings, exchange, wait_for
from push import CHANNEL, Readers

DISK_MIB = 192  # the log alone may take 128
SENDERS = 2
HOST = "platform.example"  # only the hosts file of the namespace knows it
MOVING = ("held", "ready", "in_flight", "again")
# Where each channel's posts stand at the platforms; None: in one place only.
PLACES = {
    "telegram": ("telegram", None), "mastodon": ("mastodon", None), "bluesky": ("bluesky", None),
    "partner": ("hook", "partner"), "slow": ("hook", "slow"), "secure": ("hook", "secure"),
    "discord": ("discord", "223456789012345679"), "discord-bot": ("discord", "323456789012345678"),
    "slack": ("slack", "C0123456789"), "slack-hook": ("slack", "B0123456789"),
}
# Nobody can be asked there, and nothing of ours is recognised: what is in doubt waits for a person.
BLIND = ("telegram", "discord", "slack-hook")
PREFIXES = ("/bot", "/api/v1/statuses", "/xrpc/com.atproto.repo.putRecord", "/hook/partner", "/hook/slow",
            "/api/v10/webhooks/", "/api/v10/channels/", "/api/chat.postMessage", "/services/")
MOODS = ("cut_before", "cut_after", "cut_published", "error_published", "status", "delay")


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


class Disk:
    """A small ext4 in an image, which a remount can make fail as ext4 does on a bad sector; a tmpfs where
    there are no loop devices; a mere folder where nothing may be mounted."""

    def __init__(self, folder):
        self.image, self.top, self.kind = folder / "disk.img", folder / "disk", "folder"
        self.top.mkdir()
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            self.make_image()
            self.kind = "ext4"
            return
        self.image.unlink(missing_ok=True)
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            run("mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", str(self.top))
            self.kind = "tmpfs"

    def make_image(self):
        with self.image.open("wb") as f:
            f.truncate(DISK_MIB << 20)
        run("mkfs.ext4", "-q", "-F", "-m", "0", str(self.image))
        run("mount", "-o", "loop", str(self.image), str(self.top))

    def fill(self):
        """Until nothing more goes in."""
        with (self.top / "filler").open("wb", buffering=0) as f:
            size = 1 << 20
            while size >= 512:
                try:
                    f.write(bytes(size))
                except OSError as error:
                    assert error.errno == errno.ENOSPC, error
                    size //= 2

    def free(self):
        (self.top / "filler").unlink()

    def fail(self):
        """As after an error of the device: what is open can be read and not be written. Nobody may be in the
        midst of an fsync: Linux may say yes to that and keep nothing."""
        run("mount", "-o", "remount,abort", str(self.top))

    def repair(self):
        """Nothing may be open there."""
        run("umount", str(self.top))
        run("mount", "-o", "loop", str(self.image), str(self.top))

    def close(self):
        if self.kind != "folder":
            run("umount", "--lazy", str(self.top))


class Senders:
    """A steady load of articles; what became of each is written down."""

    def __init__(self, world, name, seed):
        self.world, self.name, self.over = world, name, threading.Event()
        self.numbers, self.lock, self.random = itertools.count(), threading.Lock(), random.Random(seed)
        self.threads = [threading.Thread(target=self.send_on, daemon=True) for _ in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def send_on(self):
        while not self.over.is_set():
            with self.lock:
                article = self.world.story(f"{self.name}-{next(self.numbers)}", self.random.random() < 0.1)
                pause = self.random.uniform(0.02, 0.12)
            self.world.submit(article)
            self.over.wait(pause)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a POST hangs"


class World:
    def __init__(self, folder, seed, isolated):
        self.folder, self.random, self.isolated = folder, random.Random(seed), isolated
        folder.mkdir(parents=True)
        self.lock = threading.Lock()
        self.articles, self.accepted, self.refused, self.unanswered = {}, {}, set(), set()
        self.posts, self.times = 0, {}  # read so many; (channel, article) -> how often it was posted
        self.repeats = 0  # that the receivers recognised
        self.wrong = []  # what the senders saw that may not be
        self.clock_ms = 0  # of our wall clock, beside the machine's
        self.unwritable_since = None
        self.long = False
        self.disk, self.mounted = Disk(folder), []
        options = self.own_names() if isolated else ()
        self.platform = Platform(*options, stderr=(folder / "platform.log").open("wb"))
        self.readers = Readers(folder)
        self.crashed = False  # since this was last looked at
        self.crier = self.make_crier()
        self.start()
        self.readers.subscribe(self.crier)

    # ---- making ----

    def own_names(self):
        """/etc/hosts and the authorities of the namespace, and certificates under them."""
        certs = self.folder / "certs"
        made = Certificates(certs)
        made.issue("good", f"DNS:{HOST}")
        made.issue("expired", f"DNS:{HOST}", days="-1")
        self.hosts = self.folder / "hosts"
        (self.folder / "nsswitch.conf").write_text("hosts: files\n")
        self.say_names(True)
        for ours, system in ((self.hosts, "/etc/hosts"), (self.folder / "nsswitch.conf", "/etc/nsswitch.conf"),
                             (certs, "/etc/ssl/certs")):
            run("mount", "--bind", str(ours), system)
            self.mounted.append(system)
        return ("--certificates", str(made.servers))

    def authorities(self):
        """In one file: of the platforms, where they have one, and of the push service."""
        of = [self.folder / "certs" / "ca.pem"] if self.isolated else []
        path = self.folder / "authorities.pem"
        path.write_text("".join(Path(ca).read_text() for ca in (*of, self.readers.sink.ca)))
        return path

    def say_names(self, known):
        """In the same file: it is mounted."""
        with self.hosts.open("w") as f:
            f.write("127.0.0.1 localhost\n" + (f"127.0.0.1 {HOST}\n" if known else ""))

    def make_crier(self):
        settings = default_settings(self.platform)
        channels = settings["channels"]
        channels.update(chat_channels(self.platform))
        channels["partner"].pop("secret")  # its clock is not ours to set
        channels["slow"] = dict(channels["partner"], url=self.platform.faces["hook"] + "/hook/slow", timeout="1s")
        if self.isolated:
            port = self.platform.faces["tls"].rpartition(":")[2]
            channels["secure"] = dict(channels["partner"], url=f"https://{HOST}:{port}/hook/secure")
        channels[CHANNEL] = self.readers.settings()
        for channel in channels.values():
            channel.setdefault("timeout", "2s")
        self.channels = tuple(channels)
        crier = Crier(self.folder, settings, {"SSL_CERT_FILE": str(self.authorities())})
        self.ledger = self.disk.top / "ledger" / "crier.db"
        crier.settings["ledger"] = f"sqlite:{self.ledger}"
        crier.settings["server"]["log_level"] = "info"
        crier.write_settings()
        return crier

    # ---- life ----

    def start(self):
        self.crier.environment["CRIER_CLOCK_MS"] = str(self.clock_ms)
        self.crier.start()

    def try_to_start(self):
        """None: it runs; else what it said when it refused."""
        self.crier.environment["CRIER_CLOCK_MS"] = str(self.clock_ms)
        before = len(self.crier.log())
        if self.crier.start_or_end() is None:
            return None
        return self.crier.log()[before:]

    def kill(self):
        if self.crier.process:
            self.crier.kill()
            self.crashed = True
            self.doubt_refusals()

    def doubt_refusals(self):
        """A commit whose sync failed stands in the log all the same, and after a crash it counts. A 503 said
        "come again", not "it is gone"; what comes again is known."""
        with self.lock:
            self.unanswered |= self.refused
            self.refused.clear()

    def revive(self):
        """As systemd does: what has ended is started again."""
        if self.crier.process and self.crier.process.poll() is not None:
            self.crier.process = None
            self.crashed = True
            self.doubt_refusals()
        if self.crier.process is None:
            self.start()

    @property
    def pid(self):
        return self.crier.process.pid

    @contextlib.contextmanager
    def held_still(self):
        """Every thread of it is stopped, and in no system call."""
        self.crier.process.send_signal(signal.SIGSTOP)
        tasks = Path(f"/proc/{self.pid}/task")
        wait_for(lambda: all(self.state_of(task) == "T" for task in tasks.iterdir()), 20, 0.002)
        yield
        self.crier.process.send_signal(signal.SIGCONT)

    @staticmethod
    def state_of(task):
        return (task / "stat").read_text().rpartition(")")[2].split()[0]

    def insist_on_life(self):
        assert self.crier.process.poll() is None, f"it died of it:\n{self.crier.log()[-2000:]}"

    def close(self):
        unmount = (lambda path=path: run("umount", path) for path in self.mounted)
        for part in (self.kill, self.platform.close, self.readers.close, self.disk.close, *unmount):
            with contextlib.suppress(OSError, AssertionError, subprocess.SubprocessError):
                part()

    # ---- articles ----

    def story(self, name, with_picture):
        article = {"id": name, "url": f"https://news.example/torture/{name}", "title": f"Story {name} of this test",
                   "summary": "It is sent while things break.", "language": "en", "categories": ["Latest"]}
        if with_picture:
            article["images"] = [{"url": self.platform.picture(), "alt": "A street in the dark"}]
        self.articles[name] = article
        return article

    def submit(self, article):
        """The status; None: there was no answer."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        began, status, said, body = time.monotonic(), None, {}, b""
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, said, body = exchange(self.crier.url, "POST", "/v1/articles", json.dumps(article).encode(),
                                          headers, 30)
        with self.lock:
            self.note(article["id"], began, status, said, body)
        return status

    def note(self, name, began, status, said, body):
        if status == 202:
            public_id = json.loads(body)["id"]
            if self.accepted.setdefault(name, public_id) != public_id:
                self.wrong.append(f"{name} became two articles: {self.accepted[name]} and {public_id}")
            if self.unwritable_since is not None and began > self.unwritable_since:
                self.wrong.append(f"{name} was accepted while nothing could be written")
        elif status is None:
            self.unanswered.add(name)
        else:
            self.refused.add(name)
            if status != 503 or not said.get("Retry-After"):
                self.wrong.append(f"{name} was refused with {status} {body!r} instead of 503 with Retry-After")

    def nothing_can_be_written(self, so):
        self.unwritable_since = time.monotonic() if so else None

    def send_again(self, names):
        """As a CMS does that was not told 202."""
        for name in names:
            wait_for(lambda: self.submit(self.articles[name]) == 202, 20, 0.1, f"{name} to be accepted")

    def new_faults(self, count):
        """The platforms have their moods."""
        for _ in range(count):
            self.platform.fault(self.random.choice(PREFIXES), self.random.choice(MOODS), method="POST",
                                skip=self.random.randrange(12), seconds=self.random.uniform(0.05, 0.6))
        if count > 0:
            self.readers.have_a_mood(self.random)

    def no_faults(self):
        self.platform.no_faults()
        self.readers.be_well()

    # ---- time ----

    def advance(self, seconds):
        """Time goes by, for everybody."""
        self.platform.control("clock", advance_s=seconds)
        status, body, _ = self.crier.call("POST", "/test/clock", {"advance": f"{seconds}s"}, check=False)
        assert status == 200, body
        self.clock_ms += seconds * 1000

    def step_clock(self, seconds):
        """Somebody sets the clock of crier's machine."""
        kind = "step_forward" if seconds > 0 else "step_back"
        status, body, _ = self.crier.call("POST", "/test/clock", {kind: f"{abs(seconds)}s"}, check=False)
        assert status == 200, body
        self.clock_ms += seconds * 1000

    def unknown(self):
        return self.crier.get("/v1/deliveries?state=unknown&limit=100")["items"]

    def is_at_rest(self):
        """Nothing moves. One answer counts them all: from list to list one could slip by."""
        unknown = self.unknown()
        backlogs = [channel["backlog"] for channel in self.crier.get("/v1/channels")["items"]]
        counts = {state: sum(b[state] for b in backlogs) for state in (*MOVING, "unknown")}
        return (not any(counts[state] for state in MOVING) and counts["unknown"] == len(unknown)
                and not any(d.get("due_at") for d in unknown))

    def await_rest(self, seconds=40):
        """Until nothing moves any more. Waits of crier's own are made short, but never while a platform may
        still be at work on something: the waits are there for that."""
        idle = 0
        def look():
            nonlocal idle
            if self.is_at_rest():
                return True
            idle = idle + 1 if self.platform.news(self.posts)["running"] == 0 else 0
            if idle >= 2:
                self.advance(11)
                idle = 0
            return False
        wait_for(look, seconds, 0.08, "everything to come to rest")

    def keep_failed(self):
        """What a failure leaves to be looked at, without the image."""
        self.kill()
        shutil.copytree(self.ledger.parent, self.folder / "ledger", dirs_exist_ok=True)
