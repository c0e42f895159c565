#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads the latest version under a name of the transport shm, with the standard library: read_shared.py NAME [PATH]

`latest(name)` gives a copy of it. A C++ reader marks what it looks at, so that the writer leaves it alone; this one marks nothing,
copies, and looks again: a slot is written only when another one is the latest, so the copy is whole when it is still the
latest one afterwards. The layout is in docs/design/shared_memory.md.
"""
import json
import mmap
import os
import struct
import sys

import read_dictionary

CONTROL = 4096        # behind the header's page: the word that names the latest version and its slot
SIZES = CONTROL + 128  # of the slots' blocks, one every 64 bytes


def latest(name, folder="/dev/shm"):
    """Returns (version, bytes). FileNotFoundError when nobody made it, LookupError when nothing was published yet."""
    with open(os.path.join(folder, f"penstock-{name}.shm"), "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
            magic, layout, kind, _, control, window = struct.unpack_from("<8sIIQQQ", memory)
            if (magic, layout, kind) != (b"penstock", 1, 1):
                raise ValueError(f"{name} is no dictionary of layout 1")
            while True:
                word, = struct.unpack_from("<Q", memory, CONTROL)
                if word == 0:
                    raise LookupError(f"nothing was published under {name} yet")
                size, = struct.unpack_from("<Q", memory, SIZES + 64 * (word % 16))
                at = control + (word % 16) * window
                block = memory[at:at + size] if size <= window else b""
                if struct.unpack_from("<Q", memory, CONTROL)[0] == word:
                    return word // 16, block


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    print(json.dumps(read_dictionary.Block(latest(sys.argv[1])[1]).find(*sys.argv[2:]), ensure_ascii=False, default=repr))
