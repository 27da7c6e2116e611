# SPDX-License-Identifier: GPL-2.0
"""
Says which lines and branches of a tracefile of lcov's were not reached.

    coverage.py TRACEFILE REASONS

REASONS has for each line of source that has something that can't be reached the
file, the line's text, and why: "FILE: TEXT # WHY".  What is not reached and not
there, and what is there and is reached, is printed, and the exit status is 1.

The kernel's macros ask whether their arguments are constants, and gcov counts
both answers although the compiler drops one.  These branches are no branches.
"""

import os
import re
import sys
from collections import defaultdict


# Branches that the compiler drops for each use of a macro: by counting those of a
# line that has that macro and nothing else.
DROPPED = {
    "__ffs": 1, "__fls": 1, "fls_long": 1, "ilog2": 3, "order_base_2": 7, "test_bit": 8,
    "bitmap_set": 1, "bitmap_clear": 1, "strlen": 2, "memcpy": 5, "memset": 1, "kvcalloc": 1,
    "pr_warn": 1, "pr_err": 1, "kfree_rcu": 1, "strscpy": 1,
}
USE = re.compile(r"\b(" + "|".join(DROPPED) + r")\(")


def dropped(text):
    return sum(DROPPED[name] for name in USE.findall(text))


def read_trace(path):
    """Counts of lines, and counts of branches, by file and line number."""
    lines, branches = defaultdict(dict), defaultdict(lambda: defaultdict(list))
    with open(path, encoding="utf-8") as file:
        for text in file:
            key, _, value = text.strip().partition(":")
            if key == "SF":
                source = value
            elif key == "DA":
                number, count = value.split(",")[:2]
                lines[source][int(number)] = int(count)
            elif key == "BRDA":
                number, _, _, taken = value.split(",")
                branches[source][int(number)].append(taken not in ("-", "0"))
    return lines, branches


def read_reasons(path):
    reasons = {}
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            text = text.strip()
            if not text or text.startswith("#"):
                continue
            where, _, why = text.partition(" # ")
            name, _, source = where.partition(": ")
            if not why or not source:
                sys.exit(f"{path}:{number}: not FILE: TEXT # WHY")
            reasons[name, source.strip()] = why
    return reasons


def percent(part, whole):
    """Never 100 where something is missing."""
    return f"{int(1000 * part / whole) / 10:g}%" if whole else "-"


def main():
    lines, branches = read_trace(sys.argv[1])
    reasons, used, bad = read_reasons(sys.argv[2]), set(), 0
    total, reached = {"lines": 0, "branches": 0}, {"lines": 0, "branches": 0}
    for source in sorted(lines):
        name = os.path.basename(source)
        with open(source, encoding="utf-8") as file:
            text = [""] + [line.strip() for line in file]
        for number, count in sorted(lines[source].items()):
            taken = sorted(branches[source].get(number, []))
            taken = taken[min(dropped(text[number]), taken.count(False)):]
            total["lines"] += 1
            total["branches"] += len(taken)
            reached["lines"] += count > 0
            reached["branches"] += sum(taken)
            if count and all(taken):
                continue
            what = f"{taken.count(False)} of {len(taken)} branches" if count else "never"
            why = reasons.get((name, text[number]))
            used.add((name, text[number]))
            bad += not why
            print(f"{name}:{number}: {what}: {text[number]}" + (f"  ({why})" if why else "  NO REASON"))
    for name, source in sorted(reasons.keys() - used):
        bad += 1
        print(f"{name}: reached, or gone, and there is a reason why not: {source}")
    print("coverage: lines {} branches {}".format(
        *(percent(reached[kind], total[kind]) for kind in ("lines", "branches"))))
    return 1 if bad or reached["lines"] < total["lines"] or reached["branches"] < .95 * total["branches"] else 0


if __name__ == "__main__":
    sys.exit(main())
