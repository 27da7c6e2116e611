# SPDX-License-Identifier: GPL-2.0
"""
Runs a command to which the kernel refuses what `setarch -R` asks for, as the seccomp
profiles of containers do: personality(2) with ADDR_NO_RANDOMIZE gives EPERM.

    python3 as-in-a-container.py COMMAND [ARGUMENT...]
"""

import ctypes
import os
import struct
import sys

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
LOAD, JUMP_EQUAL, JUMP_BITS, RETURN = 0x20, 0x15, 0x45, 0x06  # BPF_LD+W+ABS, BPF_JMP+JEQ, +JSET, BPF_RET
NUMBER, ARCHITECTURE, ARGUMENT = 0, 4, 16  # in struct seccomp_data
AUDIT_ARCH_X86_64, PERSONALITY = 0xc000003e, 135
QUERY, ADDR_NO_RANDOMIZE = 0xffffffff, 0x0040000
ALLOW, REFUSE = 0x7fff0000, 0x00050000 | 1  # SECCOMP_RET_ERRNO, EPERM

# Operation, where to jump when true and when false, operand.
FILTER = [
    (LOAD, 0, 0, ARCHITECTURE),
    (JUMP_EQUAL, 0, 5, AUDIT_ARCH_X86_64),
    (LOAD, 0, 0, NUMBER),
    (JUMP_EQUAL, 0, 3, PERSONALITY),
    (LOAD, 0, 0, ARGUMENT),
    (JUMP_EQUAL, 1, 0, QUERY),
    (JUMP_BITS, 1, 0, ADDR_NO_RANDOMIZE),
    (RETURN, 0, 0, ALLOW),
    (RETURN, 0, 0, REFUSE),
]


def main():
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in FILTER))
    program = ctypes.create_string_buffer(struct.pack("HP", len(FILTER), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_void_p(ctypes.addressof(program)), 0, 0):
        sys.exit(f"personality(2) can't be refused: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
