# SPDX-License-Identifier: GPL-2.0
"""The report, and whether everything in it is well."""

MOST_SHOWN = 8


class Report:
    def __init__(self):
        self.lines, self.problems, self.unchecked = [], [], []

    def say(self, line):
        self.lines.append(line)

    def check(self, good, problem):
        if not good:
            self.problems.append(problem)
        return good

    def write(self, path, title, facts):
        shown, more = self.problems[:MOST_SHOWN], len(self.problems) - MOST_SHOWN
        if more > 0:
            shown = shown + [f"and {more} more"]
        verdict = "FAILED" if self.problems else "passed"
        with open(path, "w", encoding="utf-8") as file:
            print(f"{title}: {verdict}", *(f"FAILED: {problem}" for problem in shown),
                  *(f"NOT CHECKED: {what}" for what in self.unchecked), "", *facts, *self.lines, sep="\n", file=file)
