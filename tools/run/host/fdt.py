# SPDX-License-Identifier: GPL-2.0
"""Reads a compiled device tree."""

import struct
from collections import namedtuple

from problem import Problem

BEGIN_NODE, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9

Region = namedtuple("Region", "name base size")


class Node:
    def __init__(self, name, parent):
        self.name, self.parent = name, parent
        self.props, self.children = {}, []

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def child(self, name):
        for node in self.children:
            if node.name.split("@")[0] == name:
                return node
        raise Problem(f"device tree: {self.path()} has no {name}")

    def path(self):
        return self.parent.path().rstrip("/") + "/" + self.name if self.parent else "/"

    def cells(self, name):
        value = self.props.get(name)
        if not value:
            raise Problem(f"device tree: {self.path()} has no {name}")
        return struct.unpack(f">{len(value) // 4}I", value)

    def strings(self, name):
        return self.props.get(name, b"").decode().rstrip("\0").split("\0")

    def reg(self):
        """The first address and size."""
        address, size = (self.parent.cells(f"#{what}-cells")[0] for what in ("address", "size"))
        cells = self.cells("reg")
        join = lambda part: int.from_bytes(struct.pack(f">{len(part)}I", *part), "big")
        return join(cells[:address]), join(cells[address:address + size])


def parse(blob):
    magic, _, structure, strings = struct.unpack_from(">4I", blob)
    if magic != 0xd00dfeed:
        raise Problem("device tree: not a compiled one")
    root = node = Node("", None)
    at, depth = structure, 0
    while True:
        token, = struct.unpack_from(">I", blob, at)
        at += 4
        if token == BEGIN_NODE:
            end = blob.index(b"\0", at)
            if depth:
                node.children.append(Node(blob[at:end].decode(), node))
                node = node.children[-1]
            at, depth = (end + 4) & ~3, depth + 1
        elif token == END_NODE:
            node, depth = node.parent, depth - 1
        elif token == PROP:
            length, name = struct.unpack_from(">2I", blob, at)
            name = blob[strings + name:blob.index(b"\0", strings + name)].decode()
            node.props[name] = blob[at + 8:at + 8 + length]
            at = (at + 8 + length + 3) & ~3
        elif token == END:
            return root


def find_phandle(root, phandle):
    for node in root.walk():
        if node.props.get("phandle") == struct.pack(">I", phandle):
            return node
    raise Problem(f"device tree: no node has the phandle {phandle:#x}")


def find_compatible(root, compatible):
    for node in root.walk():
        if compatible in node.strings("compatible") and node.strings("status")[0] in ("", "okay"):
            return node
    raise Problem(f"device tree: nothing in it is a {compatible}")


def read(path):
    with open(path, "rb") as file:
        return parse(file.read())
