# SPDX-License-Identifier: GPL-2.0
"""
What differs between the boards: how QEMU and the guest's kernel are started, what
the device tree says of the display, and where the display says what it shows.
"""

import re

import fdt
from problem import Problem


class Board:
    imports = True      # the display's driver shows buffers that others allocated

    def __init__(self, root, display):
        region = fdt.find_phandle(root, display.cells("memory-region")[0])
        self.model = root.strings("model")[0]
        self.region = fdt.Region(region.name, *region.reg())
        heaps = [node.name for node in root.walk() if "test,dma-coherent-heap" in node.strings("compatible")]
        self.heap = heaps[0] if heaps else None
        self.display = display.reg()[0]
        self.bootargs = " ".join(node.strings("bootargs")[0] for node in root.children if node.name == "chosen")

    def no_screen(self, _):
        """Why QEMU can have no screen with this kernel, where that can be told."""
        return None


class VexpressA9(Board):
    """A PL111 with a panel."""

    qemu, machine = "qemu-system-arm", "vexpress-a9"
    console, port = "ttyAMA0", "ttyAMA1"
    options = []
    screen = "panel"
    imports = False     # not if the display has a region of its own

    UPPER_PANEL_BASE = 0x10

    def __init__(self, root):
        panel = fdt.find_compatible(root, "panel-dpi")
        display = self.find_display(root, panel)
        super().__init__(root, display)
        timing = panel.child("panel-timing")
        self.width, self.height = timing.cells("hactive")[0], timing.cells("vactive")[0]

    @staticmethod
    def find_display(root, panel):
        """The display controller at the other end of the panel's port."""
        endpoint = panel.child("port").child("endpoint")
        node = fdt.find_phandle(root, endpoint.cells("remote-endpoint")[0])
        while node and "arm,pl111" not in node.strings("compatible"):
            node = node.parent
        if not node:
            raise Problem("device tree: the panel's port does not lead to a PL111")
        return node

    def shown(self, qemu):
        """The address of what the display shows; 0 where it is off."""
        return qemu.word(self.display + self.UPPER_PANEL_BASE)


class Zcu102(Board):
    """ZynqMP's DisplayPort, which a DMA controller of its own feeds, with the monitor that QEMU has there."""

    qemu, machine = "qemu-system-aarch64", "xlnx-zcu102"
    console, port = "ttyPS0", "ttyPS1"
    screen = "monitor"

    AUX_STATE, INTERRUPT_STATUS, INTERRUPT_MASK, REPLY = 0x130, 0x3a0, 0x3a4, 1 << 2
    GRAPHICS_PAYLOAD_HIGH, GRAPHICS_PAYLOAD = 0x510, 0x514

    def __init__(self, root):
        display = fdt.find_compatible(root, "xlnx,zynqmp-dpsub-1.7")
        super().__init__(root, display)
        mode = re.search(r"\bvideo=(?:[\w-]+:)?(\d+)x(\d+)", self.bootargs)
        if not mode:
            raise Problem("device tree: the bootargs in /chosen have no video=WIDTHxHEIGHT")
        self.width, self.height = int(mode[1]), int(mode[2])
        self.options = ["-global", f"i2c-ddc.xres={self.width}", "-global", f"i2c-ddc.yres={self.height}"]
        self.dma = fdt.find_phandle(root, display.cells("dmas")[0]).reg()[0]

    def shown(self, qemu):
        """QEMU's controller reads only when the screen is asked for."""
        qemu.qmp("screendump", filename="screen.ppm")
        high, low = (qemu.word(self.dma + at) for at in (self.GRAPHICS_PAYLOAD_HIGH, self.GRAPHICS_PAYLOAD))
        return high << 32 | low

    def no_screen(self, qemu):
        """7.3's driver waits for an interrupt when it has asked the monitor, where 6.12's looks for the reply."""
        state, status, mask = (qemu.word(self.display + at) & self.REPLY
                               for at in (self.AUX_STATE, self.INTERRUPT_STATUS, self.INTERRUPT_MASK))
        if state and not status and not mask:
            return "the monitor's reply has come, and QEMU does not send the interrupt that the driver waits for"
        return None


BOARDS = {"vexpress-a9": VexpressA9, "zcu102": Zcu102}


def read(name, dtb):
    return BOARDS[name](fdt.read(dtb))
