"""Puts the settings reference, as `crier schema --reference` prints it, between the markers of a
Markdown page. With --check it changes nothing and fails when the page differs."""

import argparse
import subprocess
import sys
from pathlib import Path

BEGIN, END = "<!-- settings:begin -->", "<!-- settings:end -->"


def merged(page, reference):
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{reference.strip()}\n{END}{after}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("crier")
    parser.add_argument("page", type=Path)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    reference = subprocess.run([args.crier, "schema", "--reference"], check=True,
                               capture_output=True, text=True).stdout
    page = args.page.read_text()
    new = merged(page, reference)
    if args.check and new != page:
        sys.exit(f"{args.page}: the settings reference is old; run ./dev docs")
    if new != page:
        args.page.write_text(new)


if __name__ == "__main__":
    main()
