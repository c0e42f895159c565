#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Record batches and tensors in blocks, as docs/formats/batch.md has them, with the standard library: blocks.py FILE

`read(block)` takes anything with the buffer protocol (bytes, mmap, memoryview) and copies nothing that is numbers: a batch becomes
{name: Column}, a tensor a memoryview of its shape. NumPy takes both as they are: numpy.asarray(tensor), numpy.asarray(column.values).
`write_batch` and `write_tensor` make blocks that penstock::from_block reads."""
import array
import json
import struct
import sys

MAGIC, VERSION, BATCH, TENSOR = 0x4B4C4250, 1, 1, 2
HEADER = struct.Struct("<IHHQQIII28x")
COLUMN = struct.Struct("<IIIIQQQQQQ")
TYPES = ["int64", "float64", "bool", "utf8", "timestamp", "image", "tensor"]
# By the number of an element type; float16 is "e".
ELEMENTS = [None, "B", "b", "H", "h", "I", "i", "Q", "q", "e", "f", "d", "?"]


def padded(size):
    return -(-size // 64) * 64


class Column:
    """One column: `type`, `nulls`, and as a sequence its values, None for null. `values` is a memoryview of numbers, or None; of tensors
    one of the shape [rows, ...]. Images and tensors are memoryviews of their shape."""

    def __init__(self, block, head, rows):
        _, _, kind, element, self.nulls, validity, values, size, texts, text_bytes = head
        self.type = TYPES[kind]
        self._rows = rows
        self._validity = block[validity:validity + (rows + 7) // 8] if self.nulls else None
        raw = block[values:values + size]
        self._bits = raw if self.type == "bool" else None
        self._offsets = raw.cast("i") if self.type in ("utf8", "image") else None
        self._texts = block[texts:texts + text_bytes]
        numbers = {"int64": "q", "timestamp": "q", "float64": "d"}.get(self.type)
        self.values = raw.cast(numbers) if numbers else None
        if self.type == "tensor" and rows:
            self._shape, self._element = struct.unpack(f"<{text_bytes // 8}q", self._texts), ELEMENTS[element]
            self.values = raw.cast(self._element, (rows, *self._shape))

    def __len__(self):
        return self._rows

    def __getitem__(self, row):
        if not 0 <= row < self._rows:
            raise IndexError(row)
        if self._validity is not None and not self._validity[row // 8] >> row % 8 & 1:
            return None
        if self._bits is not None:
            return bool(self._bits[row // 8] >> row % 8 & 1)
        if self.type == "image":
            image = self._texts[self._offsets[row]:self._offsets[row + 1]]
            return image[16:].cast("B", struct.unpack_from("<3I", image)) if len(image) > 16 else image[:0]  # no pixels, no shape
        if self.type == "tensor":
            size = len(self.values.cast("B")) // self._rows
            return self.values.cast("B")[row * size:(row + 1) * size].cast(self._element, self._shape)
        if self._offsets is not None:
            return bytes(self._texts[self._offsets[row]:self._offsets[row + 1]]).decode()
        return self.values[row]


def read(block):
    """Returns {name: Column} or a memoryview. ValueError for what is no block of this version."""
    block = memoryview(block).cast("B")
    if len(block) < HEADER.size:
        raise ValueError("it is too short for a block")
    magic, version, kind, size, extent, count, element, _ = HEADER.unpack_from(block)
    if (magic, version) != (MAGIC, VERSION) or size != len(block):
        raise ValueError("it is no block of version 1, or not a whole one")
    if kind == TENSOR:
        shape = struct.unpack_from(f"<{count}q", block, 64)
        elements = block[padded(64 + 8 * count):][:extent]
        return elements.cast(ELEMENTS[element], shape) if extent and count else elements.cast(ELEMENTS[element])
    heads = [COLUMN.unpack_from(block, 64 + 64 * i) for i in range(count)]
    return {bytes(block[head[0]:head[0] + head[1]]).decode(): Column(block, head, extent) for head in heads}


def _bits(flags):
    bits = bytearray((len(flags) + 7) // 8)
    for i, flag in enumerate(flags):
        bits[i // 8] |= bool(flag) << i % 8
    return bytes(bits)


def _parts(kind, values):
    """The buffers of a column: validity or b"", values, texts."""
    validity = _bits([value is not None for value in values]) if None in values else b""
    if kind == "bool":
        return validity, _bits(values), b""
    if kind == "utf8":
        texts = [b"" if value is None else value.encode() for value in values]
        offsets = array.array("i", [0])
        for text in texts:
            offsets.append(offsets[-1] + len(text))
        return validity, offsets.tobytes(), b"".join(texts)
    numbers = array.array("d" if kind == "float64" else "q", [0 if value is None else value for value in values])
    return validity, numbers.tobytes(), b""


def write_batch(columns):
    """{name: (type, values)} as a block; the types are those of TYPES but image and tensor, None is null. Sequences of equal length."""
    rows = len(next(iter(columns.values()))[1]) if columns else 0
    heads, body, at = [], b"", padded(64 + 64 * len(columns))

    def add(part):
        nonlocal body
        place = at + len(body)
        body += part + bytes(padded(len(part)) - len(part))
        return place

    for name, (kind, values) in columns.items():
        validity, numbers, texts = _parts(kind, values)
        name = name.encode()
        heads.append(COLUMN.pack(add(name), len(name), TYPES.index(kind), 0, sum(value is None for value in values),
                                 add(validity) if validity else 0, add(numbers), len(numbers),
                                 add(texts) if kind == "utf8" else 0, len(texts)))
    return HEADER.pack(MAGIC, VERSION, BATCH, at + len(body), rows, len(columns), 0, 0) + b"".join(heads) + body


def write_tensor(elements):
    """Anything with the buffer protocol, in C order (array.array, a NumPy array), as a block."""
    elements = memoryview(elements)
    kind = {"l": "q", "L": "Q"}.get(elements.format, elements.format) if elements.itemsize == 8 else elements.format
    begin = padded(64 + 8 * elements.ndim)
    size = padded(begin + elements.nbytes)
    block = bytearray(size)
    HEADER.pack_into(block, 0, MAGIC, VERSION, TENSOR, size, elements.nbytes, elements.ndim, ELEMENTS.index(kind), elements.itemsize)
    struct.pack_into(f"<{elements.ndim}q", block, 64, *elements.shape)
    block[begin:begin + elements.nbytes] = elements.cast("B") if elements.nbytes else b""
    return bytes(block)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        found = read(file.read())
    print(json.dumps({name: list(column) for name, column in found.items()} if isinstance(found, dict) else found.tolist()))
