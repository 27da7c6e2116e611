#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Write JUnit XML, as Jenkins and GitLab read it, from what checks print.

  junit.py suite NAME -o OUT [--log LOG] [--status N] [--time S] [--cases FILE...]
        One check: the cases in FILE (TAP, KTAP in a kernel's log, or what this
        wrote before), or else in LOG. LOG is what the check printed, and is
        shown where something failed. A check without cases is one case, by its
        exit status N; status 75 says that the check can't be done here.
        --skip REASON: the check counts as one skipped case, whatever it did.
        --kunit OUTPUT: kunit.py printed this, and must have counted what is in the
        first FILE as this does.
  junit.py join -o OUT --skipped LIST FILE...
        All checks in one file, a list of what was skipped, and a table of the
        reasons. Exit status 1 where a case failed.

Both end with a line "N passed, N failed, N skipped", counted in the file that was
written. The time of a suite is what the check took, with building, in seconds.
The time of a case is what its "# time=" says, or in a kernel's log the kernel's
own clock (UML's has steps of 10 ms) from the result before to its own.
"""

import argparse
import collections
import re
import sys
import xml.etree.ElementTree as ET

STAMP = re.compile(r"\[ *(\d+\.\d+)\](?:\[[^]]*\])? ?")
RESULT = re.compile(r"( *)(not ok|ok) (?:(?:\d+)(?: -)?|-)(?: (.*?))?(?: # (SKIP\b ?|time=)(.*))?$")
HEADER = re.compile(r"( *)# Subtest: (.*)$")
PLAN = re.compile(r"( *)1\.\.(\d+)\b")
COUNT = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?")
# What XML can't hold, not even as a reference.
ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
COLOUR = re.compile(r"\x1b\[[0-9;]*[mK]")
SHOWN = 80

Case = collections.namedtuple("Case", "group name state text time", defaults=("", "passed", "", None))


def clean(text):
    """Return it with everything that XML refuses as an escape."""
    return ILLEGAL.sub(lambda found: f"\\x{ord(found.group()):02x}", COLOUR.sub("", text))


def read_lines(path):
    """Return a log's lines, whatever bytes are in it."""
    with open(path, encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        return [clean(line.rstrip("\r\n")) for line in file]


def tail(lines):
    """Return the end of a log."""
    return "\n".join(lines[-SHOWN:])


# TAP

class Level:
    """What is known of the results at one depth, until their parent's result comes."""

    def __init__(self):
        self.name, self.plan, self.results, self.cases = None, None, 0, []


class Parser:
    """Reads TAP and KTAP, which may be nested, and anything else in between."""

    def __init__(self):
        self.levels = [Level()]
        self.said = []          # since the last result
        self.last = None        # the kernel's clock then
        self.now = None

    def level(self, indent):
        """Return the level of a line, with all those above it."""
        depth = len(indent) // 4
        while len(self.levels) <= depth:
            self.levels.append(Level())
        return depth

    def line(self, line):
        """Read one line."""
        stamp = STAMP.match(line)
        if stamp:
            self.now = float(stamp.group(1))
            line = line[stamp.end():]
        for pattern, what in ((RESULT, self.result), (HEADER, self.header), (PLAN, self.plan)):
            found = pattern.match(line)
            if found:
                what(found)
                return
        self.said.append(line)

    def mark(self):
        """What is said from here on is about the next result."""
        self.said, self.last = [], self.now

    def header(self, found):
        """A subtest begins."""
        self.levels[self.level(found.group(1))].name = found.group(2)
        self.mark()

    def plan(self, found):
        """So many results must come."""
        self.levels[self.level(found.group(1))].plan = int(found.group(2))

    def result(self, found):
        """A case has ended, or a subtest, whose cases have come before."""
        indent, verdict, name, directive, rest = found.groups()
        depth = self.level(indent)
        level, name = self.levels[depth], name or "(no name)"
        level.results += 1
        children = self.close(depth + 1, name)
        state, time = "passed" if verdict == "ok" else "failed", None
        if (directive or "").startswith("SKIP") and state == "passed":
            state = "skipped"
        if directive == "time=":
            time = seconds(rest)
        elif self.last is not None:
            time = self.now - self.last
        text = rest.strip() or "no reason given" if state == "skipped" else "\n".join(self.said)
        if not children:
            level.cases.append(Case((), name, state, text, time))
        else:
            level.cases += children
            if state == "failed" and not any(case.state == "failed" for case in children):
                level.cases.append(Case((name,), name, state, text))
        self.mark()

    def close(self, depth, name):
        """Return the cases from this depth on; their parent is called NAME."""
        cases = []
        while len(self.levels) > depth:
            level = self.levels.pop()
            cases = level.cases + cases
            if level.plan is not None and level.plan != level.results:
                cases.append(Case((), "1..%d" % level.plan, "failed",
                                  f"{level.results} results, and not {level.plan}\n" + tail(self.said)))
            if len(self.levels) > depth:
                cases = [put_in(level.name or "(no name)", case) for case in cases]
        return [put_in(name, case) for case in cases]

    def end(self):
        """Return all cases; what has begun and not ended has failed."""
        while len(self.levels) > 1:
            level = self.levels[-1]
            name = level.name or "(no name)"
            level.cases.append(Case((), "(the end)", "failed", f"{name} did not end\n" + tail(self.said)))
            self.levels[-2].cases += self.close(len(self.levels) - 1, name)
        return self.close(0, None)


def put_in(name, case):
    """Return the case in the group of that name."""
    return case._replace(group=(name,) + case.group) if name else case


def seconds(text):
    """Return the time in a directive "time=1.5ms" or "time=2s"."""
    found = re.match(r"(\d+(?:\.\d+)?)(ms|s)", text)
    return float(found.group(1)) / (1000 if found.group(2) == "ms" else 1) if found else None


def parse(lines):
    """Return the cases in a log."""
    parser = Parser()
    for line in lines:
        parser.line(line)
    return parser.end()


# XML

def class_name(check, group):
    """Return what Jenkins sorts by: package.class; a dot elsewhere would be taken for that dot."""
    return ".".join([check.replace(".", "_")] + [part.replace(".", "_") for part in group[:1]])


def to_xml(check, cases, time):
    """Return the suite of a check."""
    suite = ET.Element("testsuite", name=check, time=f"{time:.3f}")
    for case in cases:
        name = "/".join(case.group[1:] + (case.name,))
        element = ET.SubElement(suite, "testcase", classname=class_name(check, case.group), name=name)
        if case.time is not None:
            element.set("time", f"{case.time:.6f}")
        if case.state == "failed":
            failure = ET.SubElement(element, "failure", type="failure", message=gist(case.text))
            failure.text = case.text
        elif case.state == "skipped":
            reason, _, rest = case.text.partition("\n")
            ET.SubElement(element, "skipped", message=reason).text = rest or None
    return suite


def gist(text):
    """Return the first line of what was said before a failure: TAP's, before any other."""
    lines = [line.strip() for line in text.split("\n") if line.strip("# ")]
    return next((line for line in lines if line.startswith("#")), lines[0] if lines else "failed").lstrip("# ")


def from_xml(path):
    """Return the cases of a file that to_xml() made, and the elements of its suites."""
    suites = list(ET.parse(path).getroot().iter("testsuite"))
    return suites, [case for suite in suites for case in suite.iter("testcase")]


def state_of(element):
    """Return what became of a case, and why."""
    for state, tag in (("failed", "failure"), ("skipped", "skipped")):
        found = element.find(tag)
        if found is not None:
            return state, found.get("message")
    return "passed", ""


def counts(elements):
    """Return how many passed, failed, and were skipped."""
    states = [state_of(element)[0] for element in elements]
    return tuple(states.count(state) for state in ("passed", "failed", "skipped"))


def write(suites, path):
    """Write suites, with their counts, and return the cases as the file has them."""
    root = ET.Element("testsuites")
    for suite in suites:
        root.append(suite)
    for element in (root, *suites):
        cases = list(element.iter("testcase"))
        _, failed, skipped = counts(cases)
        element.set("tests", str(len(cases)))
        element.set("failures", str(failed))
        element.set("errors", "0")
        element.set("skipped", str(skipped))
    root.set("time", f"{sum(float(suite.get('time')) for suite in suites):.3f}")
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return from_xml(path)[1]


# The commands

def kunit_disagrees(path, cases):
    """Return why kunit.py's own totals are other ones, or nothing."""
    found = re.findall(r"Testing complete\. Ran \d+ tests: (.*)", "\n".join(read_lines(path)))
    if not found:
        return "kunit.py came to no result"
    said = {what: int(n) for what, n in re.findall(r"(\w+): (\d+)", found[-1])}
    states = [case.state for case in cases]
    bad = said.get("failed", 0) + said.get("crashed", 0) + said.get("errors", 0)
    if states.count("passed") != said.get("passed", 0) or states.count("skipped") != said.get("skipped", 0) or \
            bool(states.count("failed")) != bool(bad):
        return f"kunit.py has other counts: {found[-1]}"
    return "" if said.get("passed") else "nothing passed"


def check_cases(args, log):
    """Return the cases of a check, from its TAP; they agree with how it ended."""
    name = args.name
    if args.skip or args.status == 75:
        errors = [line for line in log if "error:" in line]
        reason = args.skip or (errors[-1].split("error: ", 1)[-1] if errors else "can't be done here")
        return [Case((), name, "skipped", reason + "\n" + tail(log), args.time)]
    cases = [case for file in args.files for case in parse(read_lines(file))]
    if args.kunit:
        why = kunit_disagrees(args.kunit, parse(read_lines(args.files[0])))
        cases += [Case((), "kunit.py", "failed", why)] if why else []
    elif not args.files:
        cases = parse(log)
        said = [found for found in map(COUNT.search, log) if found]
        if cases and said:
            wanted = tuple(int(n or 0) for n in said[-1].groups())
            found = tuple([case.state for case in cases].count(state) for state in ("passed", "failed", "skipped"))
            if found != wanted:
                cases.append(Case((), "count", "failed", "%d passed, %d failed, %d skipped were found" % found +
                                  ", but the check says: " + said[-1].group()))
    if not cases:
        return [Case((), name, "failed" if args.status else "passed", why_failed(args.status, log), args.time)]
    if args.status and not any(case.state == "failed" for case in cases):
        cases.append(Case((), "exit status", "failed", why_failed(args.status, log)))
    return cases


def why_failed(status, log):
    """Return the last error in a log, and its end."""
    errors = [line for line in log if "error:" in line] or [line for line in log if "***" in line][:1]
    return "\n".join(errors[-1:] or [f"exit status {status}"]) + "\n" + tail(log)


def suite(args):
    """Write one check."""
    log = read_lines(args.log) if args.log else []
    if args.files and args.files[0].endswith(".xml") and not args.skip:
        elements = from_xml(args.files[0])[1]
        made = to_xml(args.name, [], args.time)
        made.extend(elements)
        if args.status and not counts(elements)[1]:
            made.extend(to_xml(args.name, [Case((), "exit status", "failed", why_failed(args.status, log))], 0))
    else:
        made = to_xml(args.name, check_cases(args, log), args.time)
    elements = write([made], args.output)
    for element in elements:
        state, why = state_of(element)
        if state != "passed":
            print(f"{state}: {args.name}: {element.get('name')}: {why}")
    print("%s: %d passed, %d failed, %d skipped" % (args.name, *counts(elements)))
    return 0


def join(args):
    """Write all checks."""
    suites = [each for file in args.files for each in from_xml(file)[0]]
    elements = write(suites, args.output)
    reasons = collections.defaultdict(list)
    with open(args.skipped, "w", encoding="utf-8") as file:
        for each in suites:
            for element in each.iter("testcase"):
                state, why = state_of(element)
                if state == "skipped":
                    reasons[why].append(each.get("name"))
                    print(f"{each.get('name')}: {element.get('name')}: {why}", file=file)
    if reasons:
        print(f"skipped, and why (each of them in {args.skipped}):")
    for why, checks in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
        print(f"{len(checks):6}  {why}  ({', '.join(dict.fromkeys(checks))})")
    passed, failed, skipped = counts(elements)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


def main(arguments=None):
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("suite")
    one.add_argument("name", type=clean)
    one.add_argument("--log")
    one.add_argument("--status", type=int, default=0)
    one.add_argument("--time", type=float, default=0)
    one.add_argument("--skip", type=clean)
    one.add_argument("--kunit")
    one.add_argument("--cases", dest="files", metavar="FILE", nargs="+", default=[])
    one.set_defaults(run=suite)
    whole = commands.add_parser("join")
    whole.add_argument("--skipped", required=True)
    whole.add_argument("files", nargs="+")
    whole.set_defaults(run=join)
    for command in (one, whole):
        command.add_argument("-o", dest="output", required=True)
    args = parser.parse_args(arguments)
    return args.run(args)


if __name__ == "__main__":
    sys.exit(main())
