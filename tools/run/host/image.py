# SPDX-License-Identifier: GPL-2.0
"""Pixels: QEMU's screen dump, the framebuffer's format, and PNG."""

import struct
import zlib
from collections import namedtuple

from problem import Problem

Image = namedtuple("Image", "width height rgb")
Format = namedtuple("Format", "stride bits red green blue")  # a channel: (offset, length)


def read_ppm(path):
    with open(path, "rb") as file:
        data = file.read()
    fields = data.split(maxsplit=4)
    if len(fields) != 5 or fields[0] != b"P6" or fields[3] != b"255":
        raise Problem(f"{path}: not a picture as QEMU writes it")
    width, height = int(fields[1]), int(fields[2])
    rgb = data[len(data) - width * height * 3:]
    return Image(width, height, rgb)


def write_png(path, image):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    line = image.width * 3
    lines = b"".join(b"\0" + image.rgb[at:at + line] for at in range(0, line * image.height, line))
    header = struct.pack(">2I5B", image.width, image.height, 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
                   chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


def to_format(rgb, form):
    """The bits that the framebuffer's format keeps of a colour."""
    return sum(value >> 8 - length << offset
               for value, (offset, length) in zip(rgb, (form.red, form.green, form.blue)))


def count_equal(image, memory, form):
    """How many of the screen's pixels have the value that is in memory, and the first that hasn't."""
    code = {16: "H", 32: "I"}.get(form.bits)
    if not code:
        raise Problem(f"the framebuffer has {form.bits} bits a pixel, and only 16 and 32 can be compared")
    keep = to_format((255, 255, 255), form)
    known, equal, first = {}, 0, None
    for y in range(image.height):
        row = struct.unpack_from(f"<{image.width}{code}", memory, y * form.stride)
        at = y * image.width * 3
        for x, value in enumerate(row):
            rgb = image.rgb[at + 3 * x:at + 3 * x + 3]
            if rgb not in known:
                known[rgb] = to_format(rgb, form)
            if known[rgb] == value & keep:
                equal += 1
            elif first is None:
                first = f"at {x},{y} the screen has #{rgb.hex()}, memory {value:#x}"
    return equal, first


def colours(image):
    return len({image.rgb[at:at + 3] for at in range(0, len(image.rgb), 3)})
