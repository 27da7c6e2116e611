# SPDX-License-Identifier: GPL-2.0
"""What the guest's lines say."""

import re
from collections import namedtuple

from image import Format
from problem import Problem

Buffer = namedtuple("Buffer", "name virtual length checksum")
Run = namedtuple("Run", "offset length owner")
Pool = namedtuple("Pool", "stat devices runs")


class Guest:
    def __init__(self, lines):
        self.lines = lines

    def values(self, key):
        return [line[len(key) + 2:] for line in self.lines if line.startswith(key + ": ")]

    def value(self, key):
        values = self.values(key)
        if not values:
            raise Problem(f"the guest says nothing of its {key}")
        return values[0]

    def file(self, name):
        """The lines of a file that the guest showed; None if it could not."""
        start = [at for at, line in enumerate(self.lines) if re.match(f"file: .*/{name}$", line)]
        if not start:
            return None
        lines = []
        for line in self.lines[start[0] + 1:]:
            if not line.startswith("| "):
                break
            lines.append(line[2:])
        return lines

    def pool(self):
        stat, devices, runs = self.file("stat"), self.file("devices"), self.file("map")
        for name, lines in (("stat", stat), ("devices", devices), ("map", runs)):
            if lines is None:
                raise Problem(f"the kernel does not show the region's pool: {(self.values('missing') or [name])[0]}")
        pairs = (line.split(":", 1) for line in stat if ":" in line)
        runs = [line.split() for line in runs if line.startswith("0x")]
        return Pool({key.strip(): value.strip() for key, value in pairs}, devices,
                    [Run(int(run[0], 16), int(run[1], 16), run[2]) for run in runs])

    def buffer(self, text):
        fields = dict(field.split("=", 1) for field in text.split(" name=")[0].split())
        return Buffer(text.split(" name=")[1], int(fields["address"], 16), int(fields["length"]),
                      fields["checksum"])

    def screen(self):
        return self.buffer(self.value("framebuffer"))

    def spares(self):
        return [self.buffer(text) for text in self.values("spare")]

    def numbers(self, key):
        """A checksum may have digits only, and begin with a zero."""
        return {name: int(value, 16 if value.startswith("0x") else 10)
                for name, value in re.findall(r"(\w+)=(0x[0-9a-f]+|\d+)", self.value(key))}

    def format(self):
        numbers = self.numbers("picture")
        channel = dict((name, (int(offset), int(length))) for name, offset, length in
                       re.findall(r"(\w+)=(\d+)\+(\d+)", self.value("format")))
        return Format(numbers["stride"], numbers["bits"], channel["red"], channel["green"], channel["blue"])
