"""What goes wrong: one function per kind. It is called at a random moment while articles come in, makes the
trouble and ends it; torture.py starts crier again when it is dead, and holds the ledger against the truth.
`needs` names what the world must be able to do."""

import random
import os
import resource
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from harness import wait_for

KINDS = {}


@dataclass
class Kind:
    name: str
    do: object
    needs: str = ""

    def possible_in(self, world):
        return not self.needs or self.needs in world_can(world)


def world_can(world):
    can = {"folder": "", "tmpfs": "disk", "ext4": "disk device"}[world.disk.kind].split()
    return can + (["names"] if world.isolated else [])


def kind(name, needs=""):
    def register(do):
        KINDS[name] = Kind(name, do, needs)
        return do
    return register


def pause(dice, low, high):
    time.sleep(dice.uniform(low, high))


# ---- the process ----

@kind("kill -9")
def kill(world, dice):
    world.kill()
    if dice.random() < 0.3:  # and again while it picks up the pieces
        world.start()
        pause(dice, 0.0, 0.2)
        world.kill()


@kind("ended (SIGTERM)")
def end(world, dice):
    world.crier.stop()
    pause(dice, 0.0, 0.2)


@kind("stopped (SIGSTOP)")
def stop(world, dice):
    world.crier.process.send_signal(signal.SIGSTOP)
    time.sleep(60 if world.long and dice.random() < 0.05 else dice.uniform(0.1, 1.0) if dice.random() < 0.7 else 2.5)
    world.crier.process.send_signal(signal.SIGCONT)
    pause(dice, 0.1, 0.3)
    world.insist_on_life()


@kind("no descriptors left")
def no_descriptors(world, dice):
    used = len(list(Path(f"/proc/{world.pid}/fd").iterdir()))
    before = resource.prlimit(world.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(world.pid, resource.RLIMIT_NOFILE, (max(3, used + dice.randrange(-4, 4)), before[1]))
    pause(dice, 0.2, 0.6)
    world.insist_on_life()
    resource.prlimit(world.pid, resource.RLIMIT_NOFILE, before)


@kind("no memory left")
def no_memory(world, dice):
    """It may die of it: the queue is on disk."""
    pages = int(Path(f"/proc/{world.pid}/statm").read_text().split()[0])
    size = pages * resource.getpagesize() + dice.randrange(0, 256 * 1024)
    resource.prlimit(world.pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
    pause(dice, 0.2, 0.6)
    if world.crier.process.poll() is None:
        resource.prlimit(world.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


# ---- the disk ----

@kind("disk full", needs="disk")
def disk_full(world, dice):
    world.disk.fill()
    pause(dice, 0.2, 0.8)
    world.insist_on_life()
    if dice.random() < 0.3:
        world.kill()  # and it comes back to a full disk
        world.try_to_start()
        pause(dice, 0.1, 0.3)
        world.kill()
    world.disk.free()


@kind("disk read-only", needs="device")
def disk_read_only(world, dice):
    with world.held_still():
        world.disk.fail()
    world.nothing_can_be_written(True)
    pause(dice, 0.2, 0.6)
    world.insist_on_life()
    world.kill()
    assert world.try_to_start() is not None, "it starts on a disk that cannot be written"
    world.nothing_can_be_written(False)
    world.disk.repair()


# ---- the ledger ----


def wal_of(world):
    return Path(f"{world.ledger}-wal")


def damage(world, hurt):
    """Kills it, hurts the files and starts it. Either all that was acknowledged is there, or it refuses, says
    which file and what to do, and goes on with the copy of a moment before, which its owner has."""
    world.kill()
    shutil.rmtree(world.folder / "copy", ignore_errors=True)
    shutil.copytree(world.ledger.parent, world.folder / "copy")
    hurt()
    to_disk(world.ledger.parent)
    said = world.try_to_start()
    if said is None:
        return
    assert str(world.ledger) in said, said
    for path in world.ledger.parent.iterdir():
        path.unlink()
    shutil.copytree(world.folder / "copy", world.ledger.parent, dirs_exist_ok=True)
    to_disk(world.ledger.parent)


def to_disk(folder):
    """A later mishap may take the disk away, and what was not written by crier is not its to sync."""
    for path in (*folder.iterdir(), folder):
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)


def hurt_bytes(path, dice, first=0):
    """A few bytes, a sector or a page are not what they were."""
    data = bytearray(path.read_bytes())
    if len(data) <= first:
        return
    for _ in range(dice.choice((1, 1, 3))):
        size = dice.choice((1, 8, 512, 8192))
        at = dice.randrange(first, len(data))
        if size >= 512:
            at -= at % size
        data[at:at + size] = dice.choice((bytes(size), dice.randbytes(size)))[:len(data) - at]
    path.write_bytes(data)


def cut(path, dice):
    size = path.stat().st_size
    with path.open("r+b") as f:
        f.truncate(dice.choice((0, dice.randrange(size + 1), max(0, size - dice.randrange(1, 20000)))))


@kind("log damaged")
def log_damaged(world, dice):
    damage(world, lambda: hurt_bytes(wal_of(world), dice))


@kind("log cut short")
def log_cut(world, dice):
    damage(world, lambda: cut(wal_of(world), dice))


@kind("log gone")
def log_gone(world, dice):
    damage(world, lambda: wal_of(world).unlink())


@kind("ledger damaged")
def ledger_damaged(world, dice):
    damage(world, lambda: hurt_bytes(world.ledger, dice))


@kind("ledger cut short")
def ledger_cut(world, dice):
    damage(world, lambda: cut(world.ledger, dice))


# ---- the platforms ----

def await_others(world, channel):
    """What has been accepted by now has had its turn everywhere else, while that one is in trouble."""
    names = list(world.accepted)[-3:]

    def look():
        return not [d for name in names for d in world.crier.deliveries(world.accepted[name])
                    if d["channel"] != channel and d["state"] in ("ready", "in_flight")]
    wait_for(look, 20, 0.05, f"the other channels, with {channel} in trouble")


@kind("one byte a second")
def drip(world, dice):
    """It takes what it is given, and its answer never ends."""
    world.no_faults()
    world.platform.fault("/hook/slow", "drip", times=-1)
    pause(dice, 0.4, 1.2)
    await_others(world, "slow")


@kind("names not resolved", needs="names")
def no_names(world, dice):
    world.no_faults()
    world.say_names(False)
    world.platform.control("certificate", show="good")  # by no connection of before
    pause(dice, 0.3, 0.8)
    await_others(world, "secure")
    world.say_names(True)


@kind("certificate expired", needs="names")
def certificate(world, dice):
    world.no_faults()
    world.platform.control("certificate", show="expired")
    pause(dice, 0.3, 0.8)
    await_others(world, "secure")
    world.platform.control("certificate", show="good")


@kind("push service away")
def no_push_service(world, dice):
    how = dice.choice(("down 60000", "freeze on"))
    world.readers.sink.do(how)
    pause(dice, 0.4, 1.2)
    await_others(world, "browsers")
    if dice.random() < 0.3:
        world.kill()
    world.readers.sink.do("down 0", "freeze off")


# ---- time ----

def step_clock(world, dice, by_s):
    if world.clock_ms * by_s > 0:  # wrong in that way already: somebody sets it right before
        world.step_clock(-by_s)
        pause(dice, 0.1, 0.3)
    world.step_clock(by_s)
    if dice.random() < 0.3:
        world.kill()


@kind("clock an hour ahead")
def clock_ahead(world, dice):
    step_clock(world, dice, 3600)


@kind("clock an hour back")
def clock_back(world, dice):
    step_clock(world, dice, -3600)
