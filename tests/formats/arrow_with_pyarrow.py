#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Record batches to and from pyarrow, in one process, by the Arrow C data interface: arrow_with_pyarrow.py LIBRARY

LIBRARY is arrow_sample.cc. Skipped where Python has no pyarrow."""
import ctypes
import datetime
import json
import sys

try:
    import pyarrow
    from pyarrow.cffi import ffi
except ImportError as why:
    print(f"SKIPPED: {why}: python3 -m venv V && V/bin/pip install pyarrow cffi, then run this with V/bin/python")
    sys.exit(77)

LIBRARY = ctypes.CDLL(sys.argv[1])


class Structs:
    """Room for the two structs of the interface, as addresses."""

    def __init__(self):
        self.schema_struct = ffi.new("struct ArrowSchema*")
        self.array_struct = ffi.new("struct ArrowArray*")
        self.schema = int(ffi.cast("uintptr_t", self.schema_struct))
        self.array = int(ffi.cast("uintptr_t", self.array_struct))


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: found {found!r}, expected {expected!r}")


def from_penstock(rows):
    structs = Structs()
    LIBRARY.sample_export(ctypes.c_int64(rows), ctypes.c_void_p(structs.schema), ctypes.c_void_p(structs.array))
    return pyarrow.RecordBatch._import_from_c(structs.array, structs.schema)


def to_penstock(batch):
    structs = Structs()
    batch._export_to_c(structs.array, structs.schema)
    text = ctypes.create_string_buffer(1 << 20)
    LIBRARY.sample_import(ctypes.c_void_p(structs.schema), ctypes.c_void_p(structs.array), text, ctypes.c_size_t(len(text)))
    text = text.value.decode()
    return text if text.startswith("error") else [json.loads(line) for line in text.splitlines()]


def pyarrow_reads_ours():
    for rows in (0, 1, 3, 1000):
        batch = from_penstock(rows)
        batch.validate(full=True)
        expect("columns", batch.schema.names, ["n", "x", "yes", "text", "at"])
        expect("types", [str(field.type) for field in batch.schema], ["int64", "double", "bool", "string", "timestamp[us, tz=UTC]"])
        expect("rows", batch.num_rows, rows)
        for i, row in enumerate(batch.to_pylist()):
            at = datetime.datetime.fromtimestamp(i, datetime.timezone.utc)
            expect(f"row {i}", tuple(row.values()), (None,) * 5 if i % 3 == 2 else (i, i / 2, i % 2 == 0, f"row {i}", at))
    again = to_penstock(from_penstock(100))
    expect("there and back", again[99], {"n": 99, "x": 49.5, "yes": False, "text": "row 99", "at": "1970-01-01T00:01:39Z"})


def we_read_theirs():
    table = pyarrow.record_batch({"big": pyarrow.array([1, None, 3], pyarrow.int64()), "small": pyarrow.array([7, 8, 9], pyarrow.uint8()),
                                  "half": pyarrow.array([0.5, 1.5, None], pyarrow.float32()), "no": pyarrow.array([False, True, None]),
                                  "text": pyarrow.array(["", "zwei", None]), "long": pyarrow.array(["ä", None, "c"], pyarrow.large_string())})
    rows = to_penstock(table)
    expect("rows", rows, table.to_pylist())
    for begin, length in ((0, 3), (1, 2), (2, 1), (3, 0)):
        expect(f"a slice from {begin}", to_penstock(table.slice(begin, length)), table.slice(begin, length).to_pylist())
    long = pyarrow.record_batch({"n": list(range(1000)), "s": [str(i) for i in range(1000)]})
    expect("a slice inside of a byte", to_penstock(long.slice(13, 500)), long.slice(13, 500).to_pylist())


def we_say_what_we_cannot_read():
    for column in ([[1, 2]], [datetime.date(2026, 1, 1)], pyarrow.array(["a"]).dictionary_encode()):
        batch = pyarrow.record_batch({"strange": column})
        expect("an error", to_penstock(batch).startswith('error: column "strange" of Arrow format'), True)
    expect("memory that pyarrow still has", pyarrow.total_allocated_bytes() < 1 << 20, True)


if __name__ == "__main__":
    pyarrow_reads_ours()
    we_read_theirs()
    we_say_what_we_cannot_read()
    print("ok")
