"""Whatever fails, at whatever point: what was acknowledged is in the ledger, each post is there once, and what
cannot be known waits, visible, for a person. A course is a story published, corrected and taken back on
every kind of channel; in each round one fault point fires in it (base/fault.h): the call fails, or the
process ends there, or SIGTERM arrives there. Then the same crier, without faults, has to bring it in order.

CRIER_SWEEP=all takes every single pass of every point, instead of each point's first ones."""

import concurrent.futures
import contextlib
import itertools
import os
import re

import mail_peer
import pytest
from harness import PARTNER_SECRET, TOP, chat_channels, wait_for
from ordeal import CHANNELS, Ordeal

CRASHED = 99  # exit code of a fault point
AT_ONCE = 8
# Some of the passes of each room's points, spread over the whole course: the first of them are tried by name.
FAR = {"ledger.*": (5, 9, 14, 20, 27, 35, 44, 60), "out.*": (3, 6, 9, 13, 18, 24, 31, 39), "mail.*": (4, 9, 16, 25),
       "door.*": (2, 4), "sqlite.*": (40, 120, 300, 600, 900)}
# Where each platform takes what is posted, changed and deleted.
DOORS = ("/bot", "/api/v1/statuses", "/xrpc/", "/hook/partner", "/api/v10/webhooks", "/api/v10/channels", "/api/chat.")
# Not passed in such a course, and tested beside what they are about.
ELSEWHERE = {"ledger.pulse.writes", "ledger.pulse.reads", "ledger.tend", "ledger.migrate", "ledger.copy", "ledger.copied",
             "passed.socket", "notify.send", "resize.child", "resize.spawn", "watch.accepted", "withdrawals.due",
             "keeper.answered", "keeper.stored", "ledger.credential", "media.rename", "media.write", "out.file",
             "wave.batch", "wave.answered", "wave.ended",
             "lane.resolve", "lane.socket", "lane.connect", "lane.tls", "lane.write", "lane.read", "lane.compose"}


def points():
    """All that there are, from the sources."""
    found = set()
    for room in ("base", "config", "queue", "adapters", "sources", "service"):
        for source in (TOP / room).glob("*.c"):
            found |= set(re.findall(r'FAULT\(\s*"([a-z._]+)"', source.read_text()))
    return sorted(found - ELSEWHERE)


class Round:
    """One crier whose point is to fire. course: what is asked while it may."""

    def __init__(self, make_crier, platform, spec, number):
        self.spec, self.platform, self.mail, self.fired = spec, platform, mail_peer.MailServer(), False
        self.wrong = None
        self.crier = make_crier(self.change, start=False)
        self.ordeal = self.make_ordeal(f"r{number}-")

    def make_ordeal(self, prefix):
        return Ordeal(self.crier, self.platform, CHANNELS, self.mail, prefix=prefix)

    def change(self, settings):
        chat = chat_channels(self.platform)
        settings["channels"].update({name: chat[name] for name in ("discord", "discord-bot", "slack")})
        settings["channels"]["mail"] = {
            "type": "email", "server": f"127.0.0.1:{self.mail.port}", "tls": "none", "allow_private": True,
            "from": "Example News <news@news.example>", "to": ["desk@partner.example", "night@news.example"]}

    def run(self):
        try:
            self.run_course()
        except AssertionError as error:
            self.wrong = f"---- {self.spec}: {error}\n{self.crier.log()[-6000:]}"
        finally:
            self.mail.close()
        return self

    def run_course(self):
        self.crier.environment["CRIER_FAULT"] = self.spec
        code = self.crier.start_or_end()
        for ask in (self.publish, lambda: self.ordeal.correct("one"), lambda: self.ordeal.retract("one")):
            story = ask()
            if code is None and self.ordeal.tell(story):
                with contextlib.suppress(AssertionError):
                    self.ordeal.await_rest(20)
            if code is None and self.crier.process.poll() is not None:
                code = self.crier.process.poll()
                break
        code = self.end() if code is None else code
        self.fired = "fault point: " in self.crier.log()
        assert code in ((0,) if not self.fired else (0, 1, CRASHED)), code
        self.crier.process = None
        self.crier.environment.pop("CRIER_FAULT")
        self.crier.start()
        self.skip_time()
        self.ordeal.settle()
        self.ordeal.check()
        self.crier.stop()

    def publish(self):
        return self.ordeal.publish("one", self.platform.picture())

    def end(self):
        if self.crier.process.poll() is None:
            self.crier.process.terminate()
        return self.crier.process.wait(40)

    def skip_time(self):
        """Repeats wait some seconds after a crash, until the platform has surely done with what it was sent
        before; as it has, since it answers us in turn."""
        for _ in range(5):
            self.platform.faults()
        status, body, _ = self.crier.call("POST", "/test/clock", {"advance": "12s"}, check=False)
        assert status == 200, body


def rounds(make_crier, platform, specs, kind=Round):
    made = [kind(make_crier, platform, spec, number) for number, spec in specs]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(Round.run, made))
    wrong = [r.wrong for r in done if r.wrong]
    assert not wrong, f"{len(wrong)} of {len(done)} rounds:\n" + "\n".join(wrong)
    return done


@pytest.mark.parametrize("deed", ["", ":exit", ":term"])
def test_every_point_fails_once(make_crier, platform, deed):
    done = rounds(make_crier, platform, enumerate(f"{point}:1{deed}" for point in points()))
    silent = [r.spec for r in done if not r.fired]
    assert not silent, "these were never passed"


def sweep(make_crier, platform, room, deed, kind=Round):
    """Every pass in turn, until one does not come any more."""
    numbers, fired = itertools.count(int(os.environ.get("CRIER_SWEEP_FROM", "1"))), 0
    while fired < 5000:
        platform.control("reset")  # some platforms take so many posts a day, and lists go back so far
        platform.control("secret", hook="partner", secret=PARTNER_SECRET)
        done = rounds(make_crier, platform, [(n, f"{room}:{n}{deed}") for n in itertools.islice(numbers, 4 * AT_ONCE)], kind)
        fired += sum(r.fired for r in done)
        print(f"{room}{deed}: {fired} passes")
        if not all(r.fired for r in done):
            return
    raise AssertionError("the sweep came to no end")


@pytest.mark.parametrize("deed", ["", ":exit", ":term"])
@pytest.mark.parametrize("room", ["ledger.*", "out.*", "mail.*", "door.*", "sqlite.*"])
def test_passes_further_on_fail_as_well(make_crier, platform, room, deed):
    if os.environ.get("CRIER_SWEEP") == "all":
        sweep(make_crier, platform, room, deed)
        return
    far = FAR[room]
    done = rounds(make_crier, platform, [(n, f"{room}:{n}{deed}") for n in far])
    assert sum(r.fired for r in done) * 2 > len(done), [r.spec for r in done if not r.fired]


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "cut_published", "cut_inside", "error_published",
                                  "garbage_published"])
def test_platforms_that_fail_at_any_stage_have_each_post_once(make_crier, platform, kind):
    """The first request of a publication, a correction and a retraction meets it, on each platform; a mail
    server cuts the connection behind the message instead."""
    sound = Round(make_crier, platform, "none", 0)
    ordeal = sound.ordeal
    sound.crier.start()
    for ask in (lambda: ordeal.publish("one"), lambda: ordeal.correct("one"), lambda: ordeal.retract("one")):
        for prefix in DOORS:
            platform.fault(prefix, kind)
        sound.mail.fault("message", "cut")
        story = ask()
        assert ordeal.tell(story)
        wait_for(lambda: all(f["times"] == 0 for f in platform.faults() if f["prefix"] in DOORS), 20, 0.05, "all to be met")
        wait_for(lambda: not ordeal.in_flight(), 20, 0.05, "all to be heard of")
        sound.skip_time()
        ordeal.settle()
        ordeal.check()
        platform.no_faults()
    sound.crier.stop()
    sound.mail.close()


def test_a_ledger_that_lost_its_log_is_refused_as_its_posts_are_out(make_crier, platform):
    crier = make_crier()
    ordeal = Ordeal(crier, platform, ("telegram", "mastodon", "bluesky", "partner"))
    assert ordeal.tell(ordeal.publish("one"))
    ordeal.await_rest()
    crier.kill()
    (crier.folder / "crier.db-wal").unlink()
    assert crier.start_or_end() == 1
    assert "its newest writes are missing" in crier.log()
    assert len(platform.posts()) == 4
