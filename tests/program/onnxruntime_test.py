#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Models in a real ONNX Runtime, by a module that is compiled here as users without a package of it do (docs/guide/images.md)."""
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import unittest

import onnxruntime_parts as parts
from program import SKIPPED, ProgramTest

UNITS = os.environ["PENSTOCK_OPERATORS_TEST"]
PICTURES = 12
SIDE = 6


def bmp(chance):
    pixels = bytes(chance.randrange(256) for _ in range(SIDE * (SIDE * 3 + 2)))
    return struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + len(pixels), 0, 0, 54, 40, SIDE, SIDE, 1, 24, 0, len(pixels), 2835, 2835, 0, 0) + pixels


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, *inner):
    content = b"".join(part.encode() if isinstance(part, str) else part for part in inner)
    return varint(field << 3 | 2) + varint(len(content)) + content


def varint(value):
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def value_info(name, *sizes):
    dimensions = [message(1, message(2, size) if isinstance(size, str) else number(1, size)) for size in sizes]
    return message(1, name) + message(2, message(1, number(1, 1), message(2, *dimensions)))


def model():
    """Pixels f32 [N, 3, 6, 6] one behind the other through Erf, which transformers have and OpenCV 4.6 has not; as onnx.proto says."""
    graph = message(1, message(1, "pixels"), message(2, "curved"), message(4, "Erf"))
    graph += message(1, message(1, "curved"), message(2, "features"), message(4, "Flatten"))
    graph += message(2, "test") + message(11, value_info("pixels", "N", 3, SIDE, SIDE)) + message(12, value_info("features", "N", 3 * SIDE * SIDE))
    return number(1, 7) + message(7, graph) + message(8, message(1, ""), number(2, 11))


class OnnxRuntime(ProgramTest):
    @classmethod
    def setUpClass(cls):
        try:
            cls.header = parts.header_folder(parts.FOLDER)
            cls.library = parts.library(parts.FOLDER)
        except parts.Missing as missing:
            raise unittest.SkipTest(f"SKIPPED: there is no ONNX Runtime: {missing}") from None
        cls.module = parts.compile_module(parts.FOLDER / "module.so", cls.header, cls.library)

    def setUp(self):
        super().setUp()
        chance = random.Random(5)
        (self.folder / "photos").mkdir()
        for i in range(PICTURES):
            (self.folder / f"photos/{i:02}.bmp").write_bytes(bmp(chance))
        (self.folder / "curve.onnx").write_bytes(model())

    def embed(self, module):
        return self.penstock("embed", "photos", "--to", "photos.index", "--model", "curve.onnx", "--image-size", str(SIDE),
                             PENSTOCK_ONNX_MODULE=str(module))

    def refused(self, module, *texts):
        done = self.embed(module)
        self.assertNotEqual(done.returncode, 0)
        for text in texts:
            self.assertIn(text, done.stderr)

    def test_every_promise_of_the_operator_is_kept(self):
        done = subprocess.run([UNITS, "--gtest_filter=*EmbedOnnx*/onnxruntime"], capture_output=True, text=True, check=False,
                              env=self.environment(PENSTOCK_ONNX_MODULE=str(self.module)))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("SKIPPED", done.stdout)
        passed = re.search(r"PASSED  \] (\d+) tests", done.stdout)
        self.assertGreaterEqual(int(passed[1]), 10, done.stdout)

    def test_worker_processes_embed_and_the_same_image_is_found(self):
        done = self.embed(self.module)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("00.bmp", "07.bmp"):
            done = self.penstock("search", "photos.index", f"photos/{name}", "--json", PENSTOCK_ONNX_MODULE=str(self.module))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(json.loads(done.stdout)[0]["neighbors"][0]["id"].endswith(name), done.stdout)

    def test_doctor_names_it(self):
        self.assertIn(f"ONNX Runtime ({self.module})", self.penstock("doctor", PENSTOCK_ONNX_MODULE=str(self.module)).stdout)

    def test_a_module_that_is_none(self):
        self.refused("/nowhere/module.so", "PENSTOCK_ONNX_MODULE=/nowhere/module.so", "cannot open shared object file", "docs/guide/images.md")
        self.refused(self.write("text.so", "no library"), "text.so", "docs/guide/images.md")
        self.refused(self.library, "this is no module for ONNX Runtime", "docs/guide/images.md")

    def test_a_module_of_another_version_of_the_interface(self):
        source = self.write("other.c", "int module[8] = {999};\nvoid* penstock_network_module(void* error) { (void)error; return module; }\n")
        parts.done("cc", os.environ["PENSTOCK_COMPILER"], "-x", "c", "-shared", "-fPIC", str(source), "-o", str(self.folder / "other.so"))
        self.refused(self.folder / "other.so", "has interface 999", "the same version of Penstock")

    def test_a_library_that_is_gone(self):
        if pathlib.Path("/usr/include/onnxruntime").exists():
            self.skipTest("the system has one, which would be taken")
        module = parts.compile_module(self.folder / "module.so", self.header, "/nowhere/libonnxruntime.so")
        self.refused(module, "ONNX Runtime is not here", "libonnxruntime.so.1.21", "apt-get install libonnxruntime-dev")

    def test_a_library_that_is_none(self):
        source = self.write("empty.c", "int nothing;\n")
        parts.done("cc", os.environ["PENSTOCK_COMPILER"], "-x", "c", "-shared", "-fPIC", str(source), "-o", str(self.folder / "empty.so"))
        module = parts.compile_module(self.folder / "module.so", self.header, self.folder / "empty.so")
        self.refused(module, "the library has no OrtGetApiBase")

    def test_without_it_the_error_says_what_to_install(self):
        if "ONNX Runtime" in self.penstock("doctor").stdout:
            self.skipTest("this build has it")
        self.write("embed.toml", """
name = "embed"
[[operator]]
op = "image.list"
path = "photos"
[[operator]]
op = "image.decode"
[[operator]]
op = "image.normalize"
width = 6
height = 6
[[operator]]
op = "embed.onnx"
model = "curve.onnx"
runtime = "onnxruntime"
[[operator]]
op = "vector.write"
store = "photos.index"
""")
        done = self.penstock("run", "embed.toml")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("this build runs no ONNX models with ONNX Runtime", done.stderr)
        self.assertIn("install libonnxruntime-dev (Debian 13), and build again", done.stderr)


if __name__ == "__main__":
    program = unittest.main(exit=False)
    if program.result.skipped and program.result.testsRun == 0:
        sys.exit(SKIPPED)
    sys.exit(not program.result.wasSuccessful())
