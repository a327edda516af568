"""Random destruction under load, round after round: articles come in all the time, one thing breaks at a random
moment, is mended, and what crier says is held against what was acknowledged and what the platforms have.

  torture.py [ROUNDS|SECONDSs] [--seed N] [--round N] [--only WORD] [--long] [--junit FILE]

Prints a table: what was tried, how often, and what was lost. Several worlds run side by side (world.py), each
in a mount namespace of its own; each is made anew every so many rounds. What fails is kept in build/torture."""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
import traceback
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(HERE), str(TOP / "tests" / "support"), str(TOP / "tests" / "integration")]
FOLDER = TOP / "build" / "torture"
ROUNDS_OF_A_WORLD = 25
COLUMNS = ("rounds", "accepted", "deliveries", "repeats", "twice", "lost", "unknown")


# ---- a worker: one world after the other ----

def kind_of_round(seed, number, kinds):
    """All kinds come, in an order of chance, before one comes again."""
    deck = sorted(kinds)
    random.Random(f"{seed}-{number // len(deck)}").shuffle(deck)
    return kinds[deck[number % len(deck)]]


def play(world, kind, number, seed):
    """One round; what came of it."""
    from reconcile import reconcile, settle_unknown
    from world import Senders
    dice = random.Random(f"{seed}-{number}")
    world.random = dice
    known = set(world.articles)
    world.new_faults(dice.randrange(4))
    senders = Senders(world, f"{number}", f"{seed}-{number}")
    try:
        time.sleep(dice.uniform(0.05, 0.4))
        kind.do(world, dice)
        world.revive()
        time.sleep(dice.uniform(0.0, 0.2))
    finally:
        senders.stop()
    world.no_faults()
    names = sorted(set(world.articles) - known)
    world.send_again([n for n in names if n not in world.accepted and dice.random() < 0.7])
    world.await_rest()
    result = reconcile(world, names)
    settle_unknown(world, result)
    world.platform.control("forget")
    return result


def tell(**what):
    print(json.dumps(what), flush=True)


def work(args):
    from mishaps import KINDS
    from world import World
    kinds = {n: k for n, k in KINDS.items() if args.only in n}
    until = time.monotonic() + args.seconds if args.seconds else float("inf")
    world, made, number = None, 0, args.first
    while number < args.last and time.monotonic() < until:
        if world is None:
            folder = FOLDER / f"world-{args.worker}-{number}"
            shutil.rmtree(folder, ignore_errors=True)
            world, made = World(folder, f"{args.seed}-{number}", args.isolated), number
            world.long = args.long
        kind, started = kind_of_round(args.seed, number, kinds), time.monotonic()
        if not kind.possible_in(world):
            tell(round=number, kind=kind.name, impossible=kind.needs)
        else:
            wrong, numbers = [], {}
            try:
                result = play(world, kind, number, args.seed)
                wrong = result.faults
                numbers = {c: getattr(result, c) for c in COLUMNS if c != "rounds"}
            except Exception:  # noqa: BLE001 - whatever it is, the round has failed
                wrong = [traceback.format_exc()]
            tell(round=number, kind=kind.name, wrong=wrong, seconds=time.monotonic() - started, **numbers)
            if wrong:
                world.keep_failed()
                world.close()
                world = None
        number += args.step
        if world and number - made >= ROUNDS_OF_A_WORLD * args.step:
            world.close()
            shutil.rmtree(world.folder, ignore_errors=True)
            world = None
    if world:
        world.close()
        shutil.rmtree(world.folder, ignore_errors=True)


# ---- the main program: workers, and the table ----

def can_isolate():
    mapped = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    prefix = ["unshare", *mapped, "-m"]
    return prefix if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0 else None


class Table:
    def __init__(self):
        self.rows, self.failed, self.impossible, self.lock = {}, [], {}, threading.Lock()

    def add(self, told):
        with self.lock:
            if "impossible" in told:
                self.impossible[told["kind"]] = told["impossible"]
                return
            row = self.rows.setdefault(told["kind"], dict.fromkeys(COLUMNS, 0) | {"failed": 0, "seconds": 0.0})
            row["rounds"] += 1
            row["seconds"] += told["seconds"]
            for column in COLUMNS[1:]:
                row[column] += told.get(column, 0)
            if told["wrong"]:
                row["failed"] += 1
                self.failed.append(told)

    def show(self, seed):
        width = max(map(len, [*self.rows, *self.impossible, "all"]), default=3)
        print(f"{'':{width}}" + "".join(f"{c:>12}" for c in (*COLUMNS, "failed", "s/round")))
        rows = sorted(self.rows.items())
        total = {c: sum(r[c] for _, r in rows) for c in (*COLUMNS, "failed", "seconds")}
        for name, row in [*rows, ("all", total)]:
            each = row["seconds"] / max(1, row["rounds"])
            print(f"{name:{width}}" + "".join(f"{row[c]:12}" for c in (*COLUMNS, "failed")) + f"{each:12.2f}")
        for name, needs in sorted(self.impossible.items()):
            print(f"{name:{width}}  NOT TRIED: this machine does not permit what it needs ({needs})")
        print(f"seed {seed}")

    def write_junit(self, path):
        suite = xml.Element("testsuite", name="torture")
        for name, row in sorted(self.rows.items()):
            case = xml.SubElement(suite, "testcase", name=name, classname="torture", time=f"{row['seconds']:.2f}")
            for told in self.failed:
                if told["kind"] == name:
                    xml.SubElement(case, "failure").text = "\n".join(told["wrong"])
        for name, needs in self.impossible.items():
            case = xml.SubElement(suite, "testcase", name=name, classname="torture")
            xml.SubElement(case, "skipped", message=needs)
        xml.ElementTree(suite).write(path)


def listen(worker, table, seed):
    for line in worker.stdout:
        try:
            told = json.loads(line)
        except ValueError:
            sys.stderr.write(line)
            continue
        table.add(told)
        if told.get("wrong"):
            print(f"\nround {told['round']} ({told['kind']}) FAILED:\n" + "\n".join(told["wrong"][:20])
                  + f"\nagain: ./dev torture --seed {seed} --round {told['round']}"
                  + f" (the files: build/torture)\n", file=sys.stderr, flush=True)


def start_worker(args, worker, isolate):
    words = [*(isolate or []), sys.executable, str(Path(__file__)), "--worker", str(worker), "--seed", str(args.seed),
             "--first", str(args.first + worker), "--last", str(args.last), "--step", str(args.jobs),
             "--only", args.only, "--seconds", str(args.seconds), *(["--isolated"] if isolate else []), *(["--long"] if args.long else [])]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("much", nargs="?", default="200", metavar="ROUNDS|SECONDSs")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--round", type=int, help="only this one")
    parser.add_argument("--only", default="", metavar="WORD", help="only kinds with this word in their name")
    parser.add_argument("--long", action="store_true", help="with stops of a minute")
    parser.add_argument("--junit", metavar="FILE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--last", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--step", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--isolated", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    number = args.much.removesuffix("s")
    if not number.isdigit():
        parser.error(f"how much is a number of rounds, or of seconds (90s), not {args.much!r}")
    if args.worker is None:
        args.seconds = int(number) if args.much.endswith("s") else 0
        args.last = 1 << 31 if args.seconds else int(number)
        if args.round is not None:
            args.first, args.last, args.jobs, args.seconds = args.round, args.round + 1, 1, 0
    return args


def main():
    args = parse()
    if args.worker is not None:
        work(args)
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    table, isolate = Table(), can_isolate()
    workers = [start_worker(args, n, isolate) for n in range(args.jobs)]
    listeners = [threading.Thread(target=listen, args=(w, table, args.seed)) for w in workers]
    for thread in listeners:
        thread.start()
    for thread in listeners:
        thread.join()
    broken = [w for w in workers if w.wait() != 0]
    table.show(args.seed)
    if args.junit:
        table.write_junit(args.junit)
    if table.failed or broken or not table.rows:
        sys.exit(1)


if __name__ == "__main__":
    main()
