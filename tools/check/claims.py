#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Says what no longer holds in the tables below tools/testing/dma-coherent/ that have a
column "tests", one line each, and exits with 1 where there is something.

    tools/check/claims.py

In that column stand, in `backticks`, a KUnit case or "FILE" or "FILE FUNCTION", the file
seen from there or from the top; in "quotes" the start of a parameter's name; in *italics*
a case of the faults' suites; or "none: REASON". A column "claim" has words of the file
that the heading above names. They must be there once, wherever its lines break.
"""

import functools
import glob
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TABLES = os.path.join(TOP, "tools/testing/dma-coherent")


@functools.lru_cache(maxsize=None)
def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


@functools.lru_cache(maxsize=None)
def squeeze(text):
    """Without line breaks, and without the stars of a comment."""
    return " ".join(re.sub(r"(?m)^\s*\*(?=\s|$)", "", text).split())


SUITES = "".join(map(read, sorted(glob.glob(os.path.join(TOP, "drivers/base/test/dma-coherent-*.c")))))
CASES = set(re.findall(r"\bKUNIT_CASE\w*\((\w+)", SUITES))


def is_there(name):
    """Whether what is named in backticks exists; CONFIG_... is what a test needs."""
    path, _, function = name.partition(" ")
    if re.fullmatch(r"\w+", name):
        return name in CASES or name.startswith("CONFIG_")
    for directory in TABLES, TOP:
        file = os.path.join(directory, path)
        if os.path.isfile(file):
            return not function or bool(re.search(rf"\b{function}\(", read(file)))
    return False


def check_tests(cell):
    names = re.findall(r"`([^`]+)`", cell)
    faults = re.findall(r"\*([^*]+)\*", cell)
    if not names and not faults and not re.match(r"none: \S", cell):
        yield "no test is named, and no reason why not"
    for name in names:
        if not is_there(name):
            yield f"no such test: {name}"
    for name in faults:
        if f'"{name}"' not in SUITES:
            yield f"no such fault's case: {name}"
    for name in re.findall(r'"([^"]+)"', cell):
        if f'"{name}' not in SUITES:
            yield f"no such parameter: {name}"


def check_claim(claim, file):
    path = os.path.join(TOP, file)
    if not os.path.isfile(path):
        yield f"no such file: {file}"
        return
    found = squeeze(read(path)).count(squeeze(claim))
    if found != 1:
        yield f"{'not' if not found else f'{found} times'} in {file}: {claim}"


def check_table(path):
    head, heading = [], ""
    for number, line in enumerate(read(path).splitlines(), 1):
        if line.startswith("#"):
            heading = line.lstrip("# ")
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            head = []
        elif not head:
            head = cells
        elif "tests" in head and not set(line) <= set("|- "):
            row = dict(zip(head, cells))
            wrong = [] if len(cells) == len(head) else [f"{len(cells)} cells, not {len(head)}"]
            wrong += check_tests(row.get("tests", ""))
            if "claim" in row:
                wrong += check_claim(row["claim"], heading)
            yield from (f"{os.path.relpath(path, TOP)}:{number}: {what}" for what in wrong)


def main():
    wrong = [what for path in sorted(glob.glob(os.path.join(TABLES, "*.md"))) for what in check_table(path)]
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
