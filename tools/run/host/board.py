# SPDX-License-Identifier: GPL-2.0
"""
Runs the guest on QEMU's board and checks from outside what it says.

Where the framebuffer lies is had in three ways that know nothing of each other:
the display controller's own register, the page tables of the program that draws,
and the pool's files in debugfs. Its memory and the screen are read by QEMU.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
import zlib

import boards
import image
from guest import Guest
from problem import Problem, Unable
from qemu import Qemu, complaints, log_lines
from report import Report

PAGE = 4096
VIEWER = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../dma-coherent/dma-coherent"))
TELLING = re.compile(r"coherent|clcd|pl111|dpsub|dpdma|reserved mem|vram|drm", re.IGNORECASE)
REASON = re.compile(r"dma-coherent: .*(refused|can't|: -\d+$)|reserved mem: .*(fail|OVERLAP)|\*ERROR\*")
SCREENS = 100
UNABLE = 75     # exit status, for tools/check/test


def page_up(length):
    return -(-length // PAGE) * PAGE


def kib(length):
    return f"{length / 1024:g} KiB"


def crc(data):
    return f"{zlib.crc32(data):08x}"


def inside(region, address, length):
    return region.base <= address and address + length <= region.base + region.size


def check_pool(report, board, pool):
    """The pool's files against the device tree and against each other."""
    region, stat = board.region, pool.stat
    report.say(f"region: {region.name} {region.base:#x} {region.size:#x}")
    for key, want in (("base", region.base), ("size", region.size)):
        report.check(int(stat.get(key, "-1"), 0) == want,
                     f"region: debugfs says {key} {stat.get(key)}, the device tree {want:#x}")
    at = used = 0
    for run in pool.runs:
        report.check(run.offset == at and run.length > 0 and run.length % PAGE == 0,
                     f"map: the run at {run.offset:#x}, {run.length:#x} long, does not follow {at:#x}")
        at = run.offset + run.length
        used += 0 if run.owner == "-" else run.length
    report.check(at == region.size, f"map: its runs end at {at:#x}, the region at {region.size:#x}")
    report.check(int(stat.get("used", "-1"), 0) == used, f"map: {used} bytes used, stat says {stat.get('used')}")
    report.say(f"used: {kib(used)} of {kib(region.size)}, at most {kib(int(stat.get('high_water', '0'), 0))} so far")


def check_devices(report, pool):
    """Who is attached, and that together they hold as many buffers as the map shows."""
    lines = [line for line in pool.devices if not line.startswith("#")]
    for line in lines:
        report.say(f"device: {line}")
    held = sum(int(line.split()[3]) for line in lines)
    shown = len([run for run in pool.runs if run.owner != "-"])
    report.check(lines, "device: none is attached to the region")
    report.check(held == shown, f"device: they hold {held} buffers, the map shows {shown}")


def live_buffers(board, pool):
    return {board.region.base + run.offset: run for run in pool.runs if run.owner != "-"}


def check_buffers(report, board, pool):
    live = live_buffers(board, pool)
    for address, run in live.items():
        report.say(f"buffer: {run.owner} {address:#x} {run.length:#x}")
    report.check(live, "buffer: the pool has no live buffer")


def locate(report, qemu, board, buffer):
    """Its physical address by the page tables, and whether it is in one piece, in the region."""
    first = qemu.physical(buffer.virtual)
    if not report.check(first is not None, f"{buffer.name}: not mapped in the guest"):
        return None
    last = qemu.physical(buffer.virtual + buffer.length - 1)
    report.check(last == first + buffer.length - 1,
                 f"{buffer.name}: from {first:#x} to {last or 0:#x} is not one piece")
    report.check(inside(board.region, first, buffer.length),
                 f"{buffer.name}: at {first:#x}, outside the region: it does not come from the pool")
    return first


def check_in_map(report, board, live, buffer, address):
    run, length = live.get(address), page_up(buffer.length)
    if inside(board.region, address, length):
        report.check(run and run.length == length,
                     f"{buffer.name}: {length:#x} bytes at {address:#x}, and debugfs has no such buffer")


def check_screen_memory(report, qemu, board, guest, live):
    """What user space wrote, found at the buffer's physical address: these bytes, or None where it is not."""
    screen, numbers = guest.screen(), guest.numbers("framebuffer")
    address = board.shown(qemu)
    mapped = locate(report, qemu, board, screen)
    if not address:
        raise Problem("framebuffer: the display controller is off")
    report.check(inside(board.region, address, screen.length),
                 f"framebuffer: the display controller shows {address:#x}, outside the region: "
                 "it does not come from the pool")
    report.check(mapped == address, f"framebuffer: mapped at {mapped or 0:#x}, and the display shows {address:#x}")
    report.check(numbers["physical"] in (0, address),
                 f"framebuffer: the driver says {numbers['physical']:#x}, the display shows {address:#x}")
    check_in_map(report, board, live, screen, address)
    memory = qemu.memory(address, page_up(screen.length), "screen.raw")
    host = crc(memory[:screen.length])
    agreed = "" if report.problems else ": so say the display's register, the page tables and debugfs"
    report.say(f"framebuffer: {screen.name} at {address:#x}, {screen.length} bytes{agreed}")
    report.say(f"checksum: guest {screen.checksum} host {host}")
    report.check(screen.checksum == host, f"checksum: guest {screen.checksum} host {host}")
    report.check(not any(memory[screen.length:]), "framebuffer: what follows the picture in its last page is not zero")
    return memory if screen.checksum == host else None


def check_geometry(report, board, guest):
    numbers = guest.numbers("picture")
    report.check((numbers["width"], numbers["height"]) == (board.width, board.height),
                 f"picture: the {board.screen} in the device tree is {board.width}x{board.height}, "
                 f"the framebuffer {numbers['width']}x{numbers['height']}")


def check_picture(report, qemu, guest, memory, file="screen.png"):
    """The screen as QEMU shows it, against what was drawn; it may lag behind, so look up to SCREENS times."""
    form, numbers = guest.format(), guest.numbers("picture")
    pixels, equal = numbers["width"] * numbers["height"], -1
    for _ in range(SCREENS):
        qemu.qmp("screendump", filename="screen.ppm")
        shown = image.read_ppm("screen.ppm")
        if not memory:
            break
        if (shown.width, shown.height) == (numbers["width"], numbers["height"]):
            equal, first = image.count_equal(shown, memory, form)
        if equal == pixels:
            break
        time.sleep(0.1)
    image.write_png(file, shown)
    if not report.check(memory, "picture: not compared, for memory does not hold what was drawn"):
        return
    if not report.check(equal >= 0, f"picture: the screen is {shown.width}x{shown.height}, "
                        f"the framebuffer {numbers['width']}x{numbers['height']}"):
        return
    bits = "".join(str(length) for _, length in (form.red, form.green, form.blue))
    report.say(f"picture: {shown.width}x{shown.height}, {equal} of {pixels} pixels equal")
    report.say(f"format: {form.bits} bits a pixel (RGB {bits}), {image.colours(shown)} colours on the screen")
    report.check(image.colours(shown) > 1, "picture: the screen has one colour only")
    report.check(equal == pixels, f"picture: {pixels - equal} of {pixels} pixels differ; {first}")


def check_spares(report, qemu, board, guest, live):
    for spare in guest.spares():
        address = locate(report, qemu, board, spare)
        if address is None:
            continue
        check_in_map(report, board, live, spare, address)
        host = crc(qemu.memory(address, spare.length, "spare.raw"))
        report.check(spare.checksum == host, f"{spare.name}: checksum guest {spare.checksum} host {host}")
        report.say(f"also: {spare.name} at {address:#x}, {spare.length} bytes, guest {spare.checksum} host {host}")
    for refused in guest.values("refused"):
        report.say(f"refused: {refused}")


def check_problems(report, guest):
    for problem in guest.values("problem"):
        report.check(False, f"guest: {problem}")


def check_debugfs(report, board, guest):
    """The pool's files; its live buffers by their address."""
    try:
        pool = guest.pool()
    except Problem as problem:
        report.check(False, f"region: {problem}")
        return {}
    check_pool(report, board, pool)
    check_devices(report, pool)
    check_buffers(report, board, pool)
    show_pool(report, board, guest)
    return live_buffers(board, pool)


def save_pool(guest, folder):
    """The pool's files as the guest showed them."""
    os.makedirs(folder, exist_ok=True)
    for name in ("stat", "map", "devices"):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            print(*guest.file(name) or [], sep="\n", file=file)


def view(report, status, *arguments):
    """What the viewer says, and whether it ends as it should."""
    viewer = subprocess.run([sys.executable, "-B", VIEWER, *arguments],
                            capture_output=True, encoding="utf-8", check=False)
    report.check(viewer.returncode == status, f"viewer: {viewer.stderr.strip() or viewer.stdout.strip()}")
    return viewer.stdout.rstrip()


def show_pool(report, board, guest):
    """The pool as the viewer shows it: in the report, and as pool.svg."""
    save_pool(guest, os.path.join("debugfs", board.region.name))
    with open("pool.svg", "w", encoding="utf-8") as file:
        print(view(report, 0, "--dir", "debugfs", "--svg"), file=file)
    report.say("\n" + view(report, 0, "--dir", "debugfs"))


def check_screen(report, qemu, board, guest, live):
    """Where there is none, the board must know why."""
    if guest.values("no screen"):
        reason = board.no_screen(qemu)
        if not reason:
            raise Problem(f"nothing was drawn: {guest.value('no screen')}")
        report.unchecked.append(f"the screen, for there is none: {reason}")
        return
    check_geometry(report, board, guest)
    memory = check_screen_memory(report, qemu, board, guest, live)
    check_picture(report, qemu, guest, memory)


def check_heap(report, qemu, board, guest, after):
    """A frame that user space allocated, drew and handed to the display: the same bytes, and no copy."""
    if not report.check(after.values("heap"), "heap: the guest has no frame"):
        return
    frame = after.buffer(after.value("heap"))
    address = locate(report, qemu, board, frame)
    if address is None:
        return
    run = live_buffers(board, after.pool()).get(address)
    report.check(run and run.length == frame.length and run.owner == "heap:init",
                 f"heap: debugfs has {run} at {address:#x}")
    report.check(after.values("heap holder") == after.values("heap file"),
                 f"heap: the file is {after.values('heap file')}, found was {after.values('heap holder')}")
    memory = qemu.memory(address, frame.length, "heap.raw")
    host = crc(memory[:guest.numbers("framebuffer")["length"]])
    report.say(f"heap: checksum guest {frame.checksum} host {host}")
    report.check(frame.checksum == host, f"heap: checksum guest {frame.checksum} host {host}")
    refusals = after.values("heap refused")
    if board.imports:
        for refusal in refusals:
            report.check(False, f"heap: {refusal}")
        check_picture(report, qemu, guest, memory if frame.checksum == host else None, "heap.png")
        shown = board.shown(qemu)
        report.say(f"heap: buffer {address:#x} {frame.length:#x}, scan-out {shown:#x}")
        report.check(address == shown, f"heap: the buffer is at {address:#x}, the display shows {shown:#x}")
    elif report.check(refusals, "heap: the display's driver imported a buffer, which it cannot"):
        report.say(f"heap: buffer {address:#x} {frame.length:#x}, not shown: {refusals[0]}")


def check_released(report, board, before, after):
    """Of the spare buffers nothing is left, and the framebuffer is."""
    gone = live_buffers(board, before.pool()).keys() - live_buffers(board, after.pool()).keys()
    report.check(len(gone) == len(before.spares()),
                 f"released: user space freed {len(before.spares())} buffers, {len(gone)} of the pool's are gone")
    for answer in after.values("too much"):
        report.say(f"refused: more than the pool has, {answer}")
    report.say(f"released: {len(gone)} buffers, used after that: {kib(int(after.pool().stat.get('used', '0'), 0))}")


def check_leak(report, board, guest):
    """The tour of the manual: a pool that ran full, what is in it, and who left it there."""
    frames = int(guest.value("leaked").split()[0])
    trace = guest.file("trace") or []
    refused = [line.strip() for line in trace if " dma_coherent_refuse: " in line]
    save_pool(guest, os.path.join("leak", board.region.name))
    with open("leak.trace", "w", encoding="utf-8") as file:
        print(*trace, sep="\n", file=file)
    shown = view(report, 0, "--dir", "leak", board.region.name)
    leaks = view(report, 1, "--trace", "leak.trace")
    report.say("\nA program that forgets its frames, as in the manual's tour:\n")
    report.say("\n\n".join([*refused[-1:], shown, leaks]))
    report.check(frames and leaks.startswith(f"{frames} buffers of"), f"leak: {frames} frames, the trace shows: {leaks}")
    report.check(refused, "leak: the trace does not say why the last frame was refused")
    # DRM asks for silence.
    report.check(not [line for line in log_lines("console.log") if "cannot allocate" in line],
                 "leak: the kernel's log tells of a failure that the driver expects")


def silent_machine(board):
    """The machine, with sound that goes nowhere: QEMU 8.2 and newer want it named, older ones take what there is."""
    said = subprocess.run([board.qemu, "-M", f"{board.machine},help"],
                          capture_output=True, encoding="utf-8", check=False)
    if said.returncode:
        raise Problem(f"QEMU does not know {board.machine}: {said.stderr.strip()}")
    named = ",audiodev=silence" if " audiodev=" in said.stdout else ""
    return ["-M", board.machine + named, "-audiodev", "none,id=silence"]


def run(report, options, board):
    command = [board.qemu, *silent_machine(board), "-smp", "4", "-m", "1G", "-display", "none",
               "-nic", "none", "-no-reboot", "-kernel", options.kernel, "-dtb", options.dtb,
               "-initrd", options.initrd, *board.options,
               "-append", f"console={board.console} oops=panic panic=-1 kunit.enable=0 "
                          f"pool={board.region.name} port={board.port} "
                          f"{'heap=' + board.heap if board.heap else ''} {board.bootargs}"]
    began = time.monotonic()
    with Qemu(command, options.seconds) as qemu:
        guest = Guest(qemu.lines_until("waiting: drawn"))
        report.say(f"kernel: {guest.value('kernel')}")
        drawn = "picture" if guest.values("framebuffer") else "buffers"
        report.say(f"booted: {time.monotonic() - began:.1f} s from power on to the {drawn}")
        check_problems(report, guest)
        live = check_debugfs(report, board, guest)
        if guest.lines[-1] == "end of guest":
            raise Problem("nothing was drawn")
        check_screen(report, qemu, board, guest, live)
        check_spares(report, qemu, board, guest, live)
        qemu.go_on()
        if board.heap and guest.values("framebuffer"):
            imported = Guest(qemu.lines_until("waiting: imported"))
            check_problems(report, imported)
            check_heap(report, qemu, board, guest, imported)
            qemu.go_on()
        after = Guest(qemu.lines_until("waiting: released"))
        check_problems(report, after)
        check_released(report, board, guest, after)
        qemu.go_on()
        leaked = Guest(qemu.lines_until("waiting: leaked"))
        check_problems(report, leaked)
        check_leak(report, board, leaked)
        qemu.go_on()
        qemu.lines_until("end of guest")
        qemu.wait()


def telling_lines():
    """What the kernel says of the display, the pool and the region, then the console's end."""
    lines = log_lines("console.log")
    telling = [line for line in lines[:-5] if line.startswith("[") and TELLING.search(line)]
    return [f"console: {line}" for line in telling[-12:] + lines[-5:]]


def reasons():
    """What the kernel said of it, once each."""
    lines = [line.split("] ", 1)[-1] for line in log_lines("console.log") if REASON.search(line)]
    return [f"the kernel said: {line}" for line in list(dict.fromkeys(lines))[:4]]


def clean():
    for name in ("report.txt", "pool.svg", "screen.png", "screen.ppm", "screen.raw", "spare.raw", "heap.raw",
                 "heap.png"):
        if os.path.exists(name):
            os.remove(name)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--board", required=True, choices=boards.BOARDS)
    parser.add_argument("--seconds", type=float, default=180, help="what the guest may take in all")
    for name in ("kernel", "dtb", "initrd", "out"):
        parser.add_argument(f"--{name}", required=True)
    return parser.parse_args()


def main():
    options, report, board = parse_options(), Report(), None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    began = time.monotonic()
    os.chdir(options.out)
    clean()
    try:
        board = boards.read(options.board, options.dtb)
        run(report, options, board)
    except Unable as problem:
        print(f"run: error: {problem}")
        return UNABLE
    except (Problem, OSError) as problem:
        report.check(False, str(problem))
    for line in complaints()[:3]:
        report.check(any(line in problem for problem in report.problems), f"the kernel complained: {line}")
    if report.problems:
        report.lines += [*reasons(), "", *telling_lines()]
    facts = [f"time: {time.strftime('%Y-%m-%d %H:%M:%S %Z')}, {time.monotonic() - began:.1f} s"]
    if board:
        facts.append(f"board: {board.model}, QEMU's {board.machine}, "
                     f"with a {board.screen} of {board.width}x{board.height}")
    report.write("report.txt", "make run", facts)
    with open("report.txt", encoding="utf-8") as file:
        print(file.read().rstrip())
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
