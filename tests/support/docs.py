"""Puts what the program knows of itself between the markers of a Markdown page: the settings
reference as `crier schema --reference` prints it, and what each type of channel can do, from `crier
channels --json`. With --check it changes nothing and fails when the page differs."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

CAN = {"update": "corrected", "retract": "taken back", "verify": "looked for"}
FACTS = {"media": "media", "text": "text", "allowance": "at most", "sign_in": "signed in by"}


def merged(page, name, text):
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"the page has no {begin} … {end}")
    return f"{before}{begin}\n{text.strip()}\n{end}{after}"


def run(crier, *args):
    return subprocess.run([crier, *args], check=True, capture_output=True, text=True).stdout


def word(value):
    """yes, no, and for what is said at length: whether it is a yes at all."""
    return {True: "yes", False: "no"}.get(value) or ("no" if value.startswith("no") else "yes, but")


def channels(crier):
    """A table of the types in a word each, and below it what a word cannot say."""
    rows = ["| `type` | a post there | " + " | ".join([*CAN.values(), *FACTS.values()]) + " |",
            "|---" * (len(CAN) + len(FACTS) + 2) + "|"]
    more = []
    for kind in json.loads(run(crier, "channels", "--json")):
        can = [word(kind["can"][name]) for name in CAN]
        facts = [kind.get(name, "") for name in FACTS]
        rows.append(f"| [`{kind['type']}`]({kind['documentation']}) | {kind['about']} | " + " | ".join(can + facts) + " |")
        said = [f"{title}: {kind['can'][name]}" for name, title in CAN.items() if isinstance(kind["can"][name], str)]
        if said:
            more.append(f"- `{kind['type']}`: " + "; ".join(said) + ".")
    return "\n".join([*rows, "", "What “no” and “yes, but” mean there:", "", *more])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("crier")
    parser.add_argument("page", type=Path)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    page = args.page.read_text()
    new = merged(page, "channels", channels(args.crier))
    new = merged(new, "settings", run(args.crier, "schema", "--reference"))
    if args.check and new != page:
        sys.exit(f"{args.page}: its tables are old; run ./dev docs")
    if new != page:
        args.page.write_text(new)


if __name__ == "__main__":
    main()
