# SPDX-License-Identifier: GPL-2.0
"""Reads a compiled device tree, and from it what the run has to fit."""

import struct
from collections import namedtuple

from problem import Problem

BEGIN_NODE, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9

Region = namedtuple("Region", "name base size")
Board = namedtuple("Board", "model region width height controller")


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


def find_panel(root):
    for node in root.walk():
        if "panel-dpi" in node.strings("compatible") and node.strings("status")[0] in ("", "okay"):
            return node
    raise Problem("device tree: no panel-dpi panel")


def find_controller(root, panel):
    """The display controller at the other end of the panel's port."""
    endpoint = panel.child("port").child("endpoint")
    node = find_phandle(root, endpoint.cells("remote-endpoint")[0])
    while node and "arm,pl111" not in node.strings("compatible"):
        node = node.parent
    if not node:
        raise Problem("device tree: the panel's port does not lead to a PL111")
    return node


def read_board(path):
    with open(path, "rb") as file:
        root = parse(file.read())
    panel = find_panel(root)
    controller = find_controller(root, panel)
    region = find_phandle(root, controller.cells("memory-region")[0])
    timing = panel.child("panel-timing")
    return Board(root.strings("model")[0], Region(region.name, *region.reg()),
                 timing.cells("hactive")[0], timing.cells("vactive")[0], controller.reg()[0])
