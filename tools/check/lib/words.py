#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Finds turns of phrase in texts and comments, prints a line for each, and exits with 1
if there are any.

    tools/check/lib/words.py LIST FILE...

LIST is like tools/check/words. A turn is found wherever its lines break, also in
comments.
"""

import re
import sys

# White space, with the start of a line of a comment or of a hunk after a line break.
SPACE = r"(?:[ \t]|\n[+ \t]*(?:\*(?!/)|//|#+|\.\\\")?)+"


def turns(path):
    """Yield each expression of a list, compiled, with its reason."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                pattern, tab, reason = line.rstrip("\n").partition("\t")
                if not tab:
                    sys.exit(f"{path}: no reason: {pattern}")
                yield re.compile(rf"\b{pattern.replace(' ', SPACE)}", re.IGNORECASE), reason


def main():
    """Print what is found. Return: 1 if there is something."""
    listed, found = list(turns(sys.argv[1])), 0
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        for pattern, reason in listed:
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                print(f"{path}:{line}: \"{' '.join(match[0].split())}\": {reason}")
                found = 1
    return found


if __name__ == "__main__":
    sys.exit(main())
