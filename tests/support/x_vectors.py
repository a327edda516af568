#!/usr/bin/python3
"""Makes from twitter-text (conformance/*.yml, lib/tld_lib.yml) what we keep of it: run it again when X changes
how it counts.

    x_vectors.py FOLDER

FOLDER holds twitter-text-tld-lib.yml, twitter-text-conformance-validate.yml and …-extract.yml. Writes
base/text_x_tlds.c and tests/fixtures/x/{counting,links}.json. Of the counting vectors those of the first
suite that were made before emoji counted as one are left out, by name."""

import json
import string
import sys
from pathlib import Path

import yaml

TOP = Path(__file__).resolve().parents[2]
# Configuration v2, which counts what emoji are made of; the other suite has the same texts as v3 counts them.
BEFORE_EMOJI = ("Count a mix of single byte single word, and double word unicode characters",
                "Count unicode emoji chars outside the basic multilingual plane with skin tone modifiers")
SUITES = ("WeightedTweetsCounterTest", "WeightedTweetsWithDiscountedEmojiCounterTest", "UnicodeDirectionalMarkerCounterTest")
LINKS = ("urls", "urls_with_indices", "urls_with_directional_markers", "tco_urls_with_params")
HEAD = """/* The top-level domains X knows, one a line, by their first letter: those of lib/tld_lib.yml of
 * twitter-text, made into C by tests/support/x_vectors.py. A name of another ending is no link there, and
 * counts as the text it is. */

#include "base/text_internal.h"

/* clang-format off */
const char *const text__x_tlds[TEXT_X_TLD_LISTS] = {
"""


def table(names):
    """One string that begins and ends with a line break, in lines of C."""
    lines, line = [], "\\n"
    for name in names:
        if len(line) + len(name) + 2 > 88:
            lines.append(line)
            line = ""
        line += name + "\\n"
    return "\n".join(f'    "{line}"' for line in [*lines, line])


def write_domains(folder):
    lists = yaml.safe_load((folder / "twitter-text-tld-lib.yml").read_text())
    names = sorted({*lists["country"], *lists["generic"]})
    text = HEAD
    for letter in string.ascii_lowercase:
        text += table([name for name in names if name[0] == letter]) + ",\n"
    text += table([name for name in names if name[0] not in string.ascii_lowercase]) + ",\n"
    (TOP / "base/text_x_tlds.c").write_text(text + "};\n/* clang-format on */\n")


def of(folder, name):
    return yaml.safe_load((folder / f"twitter-text-conformance-{name}.yml").read_text())["tests"]


def write(name, about, vectors):
    text = json.dumps({"about": about, "vectors": vectors}, ensure_ascii=True, indent=1)
    (TOP / f"tests/fixtures/x/{name}.json").write_text(text + "\n")


def counting(folder):
    suites = of(folder, "validate")
    for suite in SUITES:
        for test in suites[suite]:
            if suite == SUITES[0] and test["description"] in BEFORE_EMOJI:
                continue
            expected = test["expected"]
            yield {"suite": suite, "about": test["description"], "text": test["text"],
                   "weight": expected["weightedLength"], "valid_end": expected["validRangeEnd"],
                   "valid": expected["valid"]}


def links(folder):
    suites = of(folder, "extract")
    for suite in LINKS:
        for test in suites[suite]:
            expected = test["expected"] or []
            yield {"suite": suite, "about": test["description"], "text": test["text"],
                   "links": [e["url"] if isinstance(e, dict) else e for e in expected]}


def main():
    folder = Path(sys.argv[1])
    write_domains(folder)
    write("counting", "twitter-text, conformance/validate.yml (Apache License 2.0)", list(counting(folder)))
    write("links", "twitter-text, conformance/extract.yml (Apache License 2.0)", list(links(folder)))


if __name__ == "__main__":
    main()
