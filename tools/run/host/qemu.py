# SPDX-License-Identifier: GPL-2.0
"""QEMU with the guest: its lines, its monitor, its end."""

import ctypes
import json
import os
import re
import select
import signal
import socket
import subprocess
import time

from problem import Problem, Unable

BAD_LINE = re.compile(r"Kernel panic|Oops|Internal error|Unable to handle|BUG: |WARNING: |BUG at ")
PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Qemu:
    """Started in the current folder, where it leaves its files."""

    def __init__(self, command, seconds):
        self.deadline = time.monotonic() + seconds
        self.seconds = seconds
        for name in ("monitor.sock", "console.log", "qemu.log"):
            if os.path.exists(name):
                os.remove(name)
        command = command + ["-serial", "file:console.log", "-serial", "stdio",
                             "-qmp", "unix:monitor.sock,server=on,wait=off"]
        with open("qemu.log", "wb") as log:
            try:
                self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                                stderr=log, preexec_fn=die_with_parent,
                                                start_new_session=True)
            except OSError as error:
                raise Problem(f"QEMU does not start: {error}") from error
        self.pending = b""
        self.monitor = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.monitor:
            self.monitor.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def left(self):
        return max(0.0, self.deadline - time.monotonic())

    def line(self, waiting_for):
        while b"\n" not in self.pending:
            ready, _, _ = select.select([self.process.stdout], [], [], self.left())
            if not ready:
                raise Problem(f"nothing more from the guest within {self.seconds} s, while waiting for "
                              f"\"{waiting_for}\"; the console's last line: {last_line('console.log')}")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise self.died(waiting_for)
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode(errors="replace").rstrip("\r")

    def lines_until(self, last):
        """The lines up to that one, or to the guest's early end."""
        lines = []
        while not lines or lines[-1] not in (last, "end of guest"):
            lines.append(self.line(last))
        return lines

    def go_on(self):
        self.process.stdin.write(b"go on\n")
        self.process.stdin.flush()

    def died(self, waiting_for):
        """What to raise when QEMU has ended."""
        status = self.process.wait()
        # QEMU 10.0, of a display that has no size yet.
        if status == -signal.SIGABRT and "failed to allocate shared memory" in last_line("qemu.log"):
            return Unable("QEMU aborts while the board's display is set up: " + last_line("qemu.log"))
        return Problem(self.obituary(status, waiting_for))

    def obituary(self, status, waiting_for):
        bad = complaints()
        if bad:
            return f"the kernel died before \"{waiting_for}\": {bad[0]}"
        if status < 0:
            return f"QEMU was killed by signal {-status} before \"{waiting_for}\"; the last words: " + \
                   last_line("qemu.log")
        said = last_line("qemu.log") if status else last_line("console.log")
        return f"QEMU ended (status {status}) before \"{waiting_for}\"; the last words: {said}"

    def wait(self):
        try:
            status = self.process.wait(min(self.left(), 30))
        except subprocess.TimeoutExpired:
            raise Problem("the guest said that it ends, and the machine did not switch off") from None
        if status:
            raise Problem(f"QEMU ended with status {status}: {last_line('qemu.log')}")

    def qmp(self, command, **arguments):
        if not self.monitor:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(30)
                connection.connect("monitor.sock")
                self.monitor = connection.makefile("rw")
            self.answer("greeting")
            self.qmp("qmp_capabilities")
        json.dump({"execute": command, "arguments": arguments}, self.monitor)
        self.monitor.flush()
        return self.answer(command)

    def answer(self, command):
        """Events come in between, and are not of interest."""
        while True:
            try:
                line = self.monitor.readline()
            except OSError as error:
                raise Problem(f"QEMU's monitor does not answer {command}: {error}") from error
            if not line:
                raise self.died(f"the monitor's answer to {command}")
            message = json.loads(line)
            if "error" in message:
                raise Problem(f"QEMU's monitor, {command}: {message['error'].get('desc')}")
            if "event" not in message:
                return message.get("return")

    def physical(self, virtual):
        """Where the page tables of the guest's program lead; None if nowhere."""
        said = self.qmp("human-monitor-command", **{"command-line": f"gva2gpa {virtual:#x}"})
        found = re.search(r"gpa: (0x[0-9a-f]+)", said)
        return int(found[1], 16) if found else None

    def word(self, address):
        """One 32-bit word of the guest's physical address space, a device's register too."""
        said = self.qmp("human-monitor-command", **{"command-line": f"xp /1wx {address:#x}"})
        found = re.search(r": (0x[0-9a-f]{8})", said)
        if not found:
            raise Problem(f"QEMU's monitor can't read {address:#x}: {said.strip()}")
        return int(found[1], 16)

    def memory(self, address, size, name):
        self.qmp("pmemsave", val=address, size=size, filename=name)
        with open(name, "rb") as file:
            data = file.read()
        if len(data) != size:
            raise Problem(f"QEMU saved {len(data)} of {size} bytes at {address:#x}")
        return data


def log_lines(name):
    try:
        with open(name, encoding="utf-8", errors="replace") as file:
            return [line.rstrip() for line in file if line.strip()]
    except FileNotFoundError:
        return []


def last_line(name):
    return (log_lines(name) or [""])[-1]


def complaints():
    return [line for line in log_lines("console.log") if BAD_LINE.search(line)]
