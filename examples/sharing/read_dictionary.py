#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads a dictionary block (docs/formats/dictionary.md) with the standard library: read_dictionary.py FILE [PATH]

Prints the values under a dotted path, or all of them, as JSON. `Block` works on any buffer: bytes, a file map, shared memory.
Values are decoded when they are asked for; `numbers` gives elements of an array without a copy. Blocks from strangers should
pass the verifier of the C++ library first: here only the header is checked.
"""
import json
import mmap
import struct
import sys

ELEMENTS = "?bhiqBHIQfd"  # struct's letter of each element type


class Block:
    def __init__(self, buffer):
        self.memory = memoryview(buffer).cast("B")
        magic, major, minor, _, size, self.root = struct.unpack_from("<8sHHIQQ", self.memory)
        if magic != b"PENSDICT" or major != 1 or size > len(self.memory):
            raise ValueError(f"no whole dictionary block of version 1: {magic!r}, version {major}.{minor}, {size} bytes")

    def text(self, at, length):
        return str(self.memory[at:at + length], "utf-8")

    def members(self, tag=8, node=None):
        """Yields (key, tag, slot) of a dict in order; of the root when nothing is given."""
        node = self.root if node is None else node
        if tag == 8:
            count, _, _, first = struct.unpack_from("<4Q", self.memory, node)
            entry = node - first
            for _ in range(count):
                step, length, entry_tag = struct.unpack_from("<IHB", self.memory, entry + 8)
                yield self.text(entry + 16, length), entry_tag, entry
                entry += 8 * step
            return
        shape = node - 8 * struct.unpack_from("<I", self.memory, node)[0]
        for i, (value_tag, slot) in enumerate(self.slots(node, struct.unpack_from("<I", self.memory, shape + 12)[0])):
            offset, length = struct.unpack_from("<2I", self.memory, shape + 16 + 8 * i)
            yield self.text(shape + offset, length), value_tag, slot

    def slots(self, node, count):
        first = node + (4 + count + 7) // 8 * 8
        return [(self.memory[node + 4 + i], first + 8 * i) for i in range(count)]

    def numbers(self, node):
        """Returns (shape, elements of an array); the elements are a view of the block."""
        code, dimensions = self.memory[node], self.memory[node + 1]
        shape, count = struct.unpack_from(f"<{dimensions}Q", self.memory, node + 8), 1
        for length in shape:
            count *= length
        start, letter = node + 8 + 8 * dimensions, ELEMENTS[code]
        return shape, self.memory[start:start + count * struct.calcsize(letter)].cast(letter)

    def value(self, tag, slot):
        """Decodes the value whose slot is at `slot`."""
        if tag >= 16:
            return self.text(slot, tag - 16)
        if tag < 4:
            return (None, *struct.unpack_from("<?", self.memory, slot), *struct.unpack_from("<q", self.memory, slot),
                    *struct.unpack_from("<d", self.memory, slot))[tag]
        distance, length = struct.unpack_from("<iI", self.memory, slot)
        node = slot + 8 * distance
        if tag in (7, 8):
            return {key: self.value(*where) for key, *where in self.members(tag, node)}
        if tag == 6:
            return [self.value(*where) for where in self.slots(node, struct.unpack_from("<I", self.memory, node)[0])]
        if tag == 9:
            shape, elements = self.numbers(node)
            return elements.cast("B").cast(elements.format, shape).tolist() if 0 not in shape else []
        return self.text(node, length) if tag == 4 else bytes(self.memory[node:node + length])

    def find(self, path=""):
        """Returns the value under a dotted path of keys, all of them for ""; KeyError when there is none."""
        tag, node = 8, self.root
        keys = path.split(".") if path else []
        for i, key in enumerate(keys):
            tag, slot = {name: where for name, *where in self.members(tag, node)}[key]
            if i + 1 == len(keys):
                return self.value(tag, slot)
            node = slot + 8 * struct.unpack_from("<i", self.memory, slot)[0]
        return {key: self.value(*where) for key, *where in self.members()}


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        print(json.dumps(Block(mapped).find(*sys.argv[2:3]), ensure_ascii=False, default=lambda value: value.hex()))
