#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Blocks of docs/formats/batch.md go from C++ to Python and back, by file and by shared memory: blocks_in_python.py PROGRAM

PROGRAM is blocks_of_cpp.cc; the side in Python is examples/sharing/blocks.py."""
import array
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import blocks
import read_shared

PROGRAM = sys.argv.pop(1)
ROWS = [(None,) * 5 if i % 3 == 2 else (i, i / 2, i % 2 == 0, f"Zeile ä {i}", i * 1_000_000) for i in range(20)]


def rows_of(batch):
    return list(zip(*batch.values()))


class Blocks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "block"

    def program(self, *words):
        return subprocess.run([PROGRAM, *words], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()

    def read_in_cpp(self, block):
        self.path.write_bytes(block)
        return self.program("read", self.path)

    def test_python_reads_a_batch(self):
        self.program("write", "batch", self.path)
        batch = blocks.read(self.path.read_bytes())
        self.assertEqual([(name, column.type) for name, column in batch.items()],
                         [("n", "int64"), ("x", "float64"), ("yes", "bool"), ("text", "utf8"), ("at", "timestamp")])
        self.assertEqual(rows_of(batch), ROWS)
        self.assertEqual(batch["x"].values[4], 2.0)
        self.assertEqual(batch["n"].nulls, 6)

    def test_python_reads_a_batch_from_shared_memory(self):
        name = f"blocks-test-{os.getpid()}"
        with subprocess.Popen([PROGRAM, "publish", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
            self.assertEqual(program.stdout.readline(), "published\n")
            self.assertEqual(rows_of(blocks.read(read_shared.latest(name)[1])), ROWS)
            program.communicate("\n")

    def test_python_reads_a_tensor_without_copying_it(self):
        self.program("write", "tensor", self.path)
        block = bytearray(self.path.read_bytes())
        tensor = blocks.read(block)
        self.assertEqual((tensor.shape, tensor.format), ((2, 3), "f"))
        self.assertEqual(tensor.tolist(), [[0, 0.5, 1], [1.5, 2, 2.5]])
        tensor[1, 2] = 7
        self.assertEqual(blocks.read(block)[1, 2], 7)

    def test_python_reads_images_and_vectors(self):
        self.program("write", "images", self.path)
        batch = blocks.read(self.path.read_bytes())
        self.assertEqual([(name, column.type) for name, column in batch.items()], [("photo", "image"), ("vector", "tensor")])
        self.assertEqual([image and image.tolist() for image in batch["photo"]], [[[[0, 1, 2]]], [[[10, 11, 12], [13, 14, 15]]], None])
        self.assertEqual([vector and vector.tolist() for vector in batch["vector"]], [[0.0, 0.5], [1.0, 0.5], None])
        self.assertEqual(batch["vector"].values.shape, (3, 2))
        self.assertIn("image [1, 2, 3]", self.program("read", self.path)[2])

    def test_cpp_reads_what_python_wrote(self):
        columns = {"n": ("int64", [1, None, -3]), "x": ("float64", [0.5, None, 2.5]), "yes": ("bool", [True, None, False]),
                   "text": ("utf8", ["", None, "ä"]), "at": ("timestamp", [0, None, 1])}
        lines = self.read_in_cpp(blocks.write_batch(columns))
        self.assertIn("n: int64", lines[0])
        self.assertEqual([list(json.loads(line).values())[:4] for line in lines[1:]],
                         [[1, 0.5, True, ""], [None, None, None, None], [-3, 2.5, False, "ä"]])
        self.assertEqual(self.read_in_cpp(blocks.write_tensor(array.array("h", [1, -2]))), ["tensor of 1 dimensions, element type 4: 01 00 fe ff"])
        square = memoryview(bytes(range(6))).cast("B", (2, 3))
        self.assertEqual(self.read_in_cpp(blocks.write_tensor(square)), ["tensor of 2 dimensions, element type 1: 00 01 02 03 04 05"])

    def test_both_write_the_same_bytes(self):
        self.program("write", "batch", self.path)
        types = ("int64", "float64", "bool", "utf8", "timestamp")
        columns = {name: (kind, list(values)) for name, kind, values in zip(("n", "x", "yes", "text", "at"), types, zip(*ROWS))}
        self.assertEqual(blocks.write_batch(columns), self.path.read_bytes())

    def test_both_refuse_what_is_none(self):
        block = blocks.write_batch({"n": ("int64", [1, 2, 3])})
        for bad in (b"", block[:-64], b"x" + block[1:], block[:4] + b"\x02" + block[5:]):
            with self.assertRaises(ValueError):
                blocks.read(bad)
            self.assertTrue(self.read_in_cpp(bad)[0].startswith("error: "), bad[:8])


if __name__ == "__main__":
    unittest.main()
