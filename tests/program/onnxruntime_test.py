#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Models in a real ONNX Runtime, by a module that is compiled here as users without a package of it do (docs/guide/images.md)."""
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import unittest
import unittest.mock

import onnxruntime_parts as parts
from program import PROGRAM, SKIPPED, ProgramTest

UNITS = os.environ["PENSTOCK_OPERATORS_TEST"]
PICTURES = 12
SIDE = 6

# From the images of a source to their vectors.
VECTORS = """\
[[operator]]
op = "image.decode"
[[operator]]
op = "image.normalize"
width = 6
height = 6
[[operator]]
op = "embed.onnx"
model = "curve.onnx"
"""


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


def model(curve="Erf"):
    """Pixels f32 [N, 3, 6, 6] one behind the other through Erf, which transformers have and OpenCV 4.6 has not; as onnx.proto says."""
    graph = message(1, message(1, "pixels"), message(2, "curved"), message(4, curve))
    graph += message(1, message(1, "curved"), message(2, "features"), message(4, "Flatten"))
    graph += message(2, "test") + message(11, value_info("pixels", "N", 3, SIDE, SIDE)) + message(12, value_info("features", "N", 3 * SIDE * SIDE))
    return number(1, 7) + message(7, graph) + message(8, message(1, ""), number(2, 11))


class WithOnnxRuntime(ProgramTest):
    @classmethod
    def setUpClass(cls):
        try:
            cls.header = parts.header_folder(parts.FOLDER)
            cls.runtime_library = parts.runtime_library(parts.FOLDER)
        except parts.Missing as missing:
            raise unittest.SkipTest(f"SKIPPED: there is no ONNX Runtime: {missing}") from None
        cls.module = parts.compile_module(parts.FOLDER / "module.so", cls.header, cls.runtime_library)

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


class OnnxRuntime(WithOnnxRuntime):
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

    def test_doctor_loads_it(self):
        done = self.penstock("doctor", PENSTOCK_ONNX_MODULE=str(self.module))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(f"ONNX Runtime {parts.INSTALL.split('==')[1]} ({self.module})", done.stdout)

    def test_doctor_says_what_is_wrong_with_it(self):
        done = self.penstock("doctor", PENSTOCK_ONNX_MODULE="./none.so")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, r"problem models +PENSTOCK_ONNX_MODULE=\./none\.so: .*cannot open shared object file")
        self.assertIn("try: docs/guide/images.md", done.stdout)

    def test_a_name_without_a_slash_is_a_file_of_the_working_folder(self):
        shutil.copy(self.module, self.folder / "module.so")
        done = self.embed("module.so")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.refused("libz.so.1", "PENSTOCK_ONNX_MODULE=./libz.so.1", "cannot open shared object file")

    def test_a_module_that_is_none(self):
        self.refused("/nowhere/module.so", "PENSTOCK_ONNX_MODULE=/nowhere/module.so", "cannot open shared object file", "docs/guide/images.md")
        self.refused(self.write("text.so", "no library"), "text.so", "docs/guide/images.md")
        self.refused(self.runtime_library, "this is no module for ONNX Runtime", "docs/guide/images.md")

    def test_a_module_of_another_version_of_the_interface(self):
        source = self.write("other.c", "int module[8] = {999};\nvoid* penstock_network_module(void* error) { (void)error; return module; }\n")
        parts.done("cc", os.environ["PENSTOCK_COMPILER"], "-x", "c", "-shared", "-fPIC", str(source), "-o", str(self.folder / "other.so"))
        self.refused(self.folder / "other.so", "has interface 999", "the same version of Penstock")

    def test_a_library_that_is_gone(self):
        module = parts.compile_module(self.folder / "module.so", self.header, "/nowhere/libonnxruntime.so")
        self.refused(module, "ONNX Runtime cannot be used: /nowhere/libonnxruntime.so: cannot open shared object file", "docs/guide/images.md")

    def test_no_other_library_is_taken_than_the_one_that_was_named(self):
        (self.folder / "broken.so").write_text("x")
        module = parts.compile_module(self.folder / "module.so", self.header, self.folder / "broken.so")
        (self.folder / "libonnxruntime.so.1").symlink_to(self.runtime_library)
        done = self.penstock("embed", "photos", "--to", "photos.index", "--model", "curve.onnx", "--image-size", str(SIDE),
                             PENSTOCK_ONNX_MODULE=str(module), LD_LIBRARY_PATH=str(self.folder))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("broken.so: file too short", done.stderr)

    def test_without_a_name_the_loader_finds_the_library_or_says_why_not(self):
        module = parts.compile_module(self.folder / "module.so", self.header)
        (self.folder / "libonnxruntime.so.1").symlink_to(self.runtime_library)
        found = self.penstock("doctor", PENSTOCK_ONNX_MODULE=str(module), LD_LIBRARY_PATH=str(self.folder))
        self.assertEqual(found.returncode, 0, found.stdout)
        (self.folder / "libonnxruntime.so.1").unlink()
        (self.folder / "libonnxruntime.so.1").write_text("x")
        if pathlib.Path("/usr/include/onnxruntime").exists():
            self.skipTest("the system has one, which would be taken")
        self.assertIn("libonnxruntime.so.1: file too short",
                      self.penstock("doctor", PENSTOCK_ONNX_MODULE=str(module), LD_LIBRARY_PATH=str(self.folder)).stdout)

    def test_a_library_that_is_too_old(self):
        source = self.write("old.c", """
const char* version(void) { return "1.2.3"; }
const void* api(unsigned number) { (void)number; return 0; }
struct { const void* (*api)(unsigned); const char* (*version)(void); } base = {api, version};
const void* OrtGetApiBase(void) { return &base; }
""")
        parts.done("cc", os.environ["PENSTOCK_COMPILER"], "-x", "c", "-shared", "-fPIC", str(source), "-o", str(self.folder / "old.so"))
        module = parts.compile_module(self.folder / "module.so", self.header, self.folder / "old.so")
        self.refused(module, "ONNX Runtime cannot be used: ONNX Runtime 1.2.3 is older than the header")

    def test_a_library_that_is_none(self):
        source = self.write("empty.c", "int nothing;\n")
        parts.done("cc", os.environ["PENSTOCK_COMPILER"], "-x", "c", "-shared", "-fPIC", str(source), "-o", str(self.folder / "empty.so"))
        module = parts.compile_module(self.folder / "module.so", self.header, self.folder / "empty.so")
        self.refused(module, "the library has no OrtGetApiBase")

    def test_without_it_the_error_says_what_to_install(self):
        if re.search(r"models +ONNX Runtime", self.penstock("doctor").stdout):
            self.skipTest("this build has it")
        self.write("embed.toml", f"""
name = "embed"
[[operator]]
op = "image.list"
path = "photos"
{VECTORS}runtime = "onnxruntime"
[[operator]]
op = "vector.write"
store = "photos.index"
""")
        done = self.penstock("run", "embed.toml")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("this build runs no ONNX models with ONNX Runtime", done.stderr)
        self.assertIn("try: docs/guide/images.md", done.stderr)
        self.assertIn("PENSTOCK_ONNX_MODULE", done.stderr)


KEPT = f"""
[[stage]]
name = "vectors"
version = "1"
code = "declared"
[[stage.operator]]
op = "image.list"
path = "photos/00.bmp"
{VECTORS.replace("[[operator]]", "[[stage.operator]]")}[[stage.operator]]
op = "select"
columns = ["path"]
[[stage.operator]]
op = "csv.write"
path = "{{artifacts}}/paths.csv"
"""


class KeptResults(WithOnnxRuntime):
    def ran(self, module):
        """Whether the stage ran, not its kept result was taken, be it by its key or since the whole run was repeated."""
        done = self.penstock("run", "vectors.toml", PENSTOCK_ONNX_MODULE=str(module))
        self.assertEqual(done.returncode, 0, done.stderr)
        text = done.stdout + done.stderr
        kept = "1 stage is kept" in text or "kept from run" in text
        self.assertNotEqual(kept, "embed.onnx" in text, text)
        return not kept

    def setUp(self):
        super().setUp()
        self.write("vectors.toml", KEPT)
        self.other = parts.compile_module(self.folder / "other.so", self.header, self.runtime_library)
        with open(self.other, "ab") as file:
            file.write(b"another build")

    def test_they_are_of_the_module_that_made_them(self):
        self.assertTrue(self.ran(self.module))
        self.assertFalse(self.ran(self.module))
        self.assertTrue(self.ran(self.other))
        self.assertFalse(self.ran(self.other))
        self.assertFalse(self.ran(self.module))
        shutil.copy(self.module, self.folder / "copy.so")
        self.assertFalse(self.ran("copy.so"))

    def test_one_that_is_gone_takes_none(self):
        self.assertTrue(self.ran(self.module))
        done = self.penstock("run", "vectors.toml", PENSTOCK_ONNX_MODULE="/nowhere/module.so")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("PENSTOCK_ONNX_MODULE=/nowhere/module.so", done.stderr)

    def test_they_are_of_the_model_that_made_them(self):
        self.assertTrue(self.ran(self.module))
        (self.folder / "curve.onnx").write_bytes(model("Tanh"))
        self.assertTrue(self.ran(self.module))


MANY = f"""
name = "many"
[[operator]]
op = "image.list"
list = "many.txt"
{VECTORS}[[operator]]
op = "npy.write"
path = "{{artifacts}}/vectors.npy"
"""


class Checkpoints(WithOnnxRuntime):
    def setUp(self):
        super().setUp()
        self.write("many.toml", MANY)
        self.write("many.txt", "".join(f"photos/{i % PICTURES:02}.bmp\n" for i in range(30_000)))

    def vectors(self):
        found, = (self.folder / "pipeline_outputs/latest").glob("*/artifacts/vectors.npy")
        return found.read_bytes()

    def run_to_the_end(self, *words, module):
        done = self.penstock(*words, PENSTOCK_ONNX_MODULE=str(module))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def kill_behind_a_checkpoint(self):
        process = subprocess.Popen([PROGRAM, "run", "many.toml", "--checkpoint", "1ms", "--quiet"], cwd=self.folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment(PENSTOCK_ONNX_MODULE=str(self.module)))
        while not list(self.folder.glob("pipeline_outputs/runs/*/*/checkpoints/*.json")):
            self.assertIsNone(process.poll(), "it was done before its first checkpoint")
        process.kill()
        process.communicate()

    def test_a_killed_run_goes_on(self):
        self.run_to_the_end("run", "many.toml", module=self.module)
        expected = self.vectors()
        self.kill_behind_a_checkpoint()
        self.assertIn("went on from checkpoint", self.run_to_the_end("resume", module=self.module))
        self.assertEqual(self.vectors(), expected)

    def test_but_not_with_another_model(self):
        self.kill_behind_a_checkpoint()
        (self.folder / "curve.onnx").write_bytes(model("Tanh"))
        self.assertRegex(self.run_to_the_end("resume", module=self.module), r"is of another job: .*curve\.onnx was .*; the run began anew")
        vectors = self.vectors()
        self.run_to_the_end("run", "many.toml", module=self.module)
        self.assertEqual(self.vectors(), vectors)

    def test_nor_with_another_module(self):
        self.kill_behind_a_checkpoint()
        other = parts.compile_module(self.folder / "other.so", self.header, self.runtime_library)
        self.assertRegex(self.run_to_the_end("resume", module=other), r"is of another job: module .*; the run began anew")


class Parts(ProgramTest):
    """What gets ONNX Runtime for the tests, and for the build."""

    def test_a_site_of_debian_is_none_of_backports(self):
        targets = "http://a/debian Debian Debian Backports\nhttp://b/debian Debian Debian\nhttp://c/x Some One Debian Debian\n"
        self.assertEqual(parts.sites_of_debian(targets), ["http://b/debian"])

    def header(self, place, version):
        folder = self.folder / place
        folder.mkdir(parents=True)
        (folder / parts.HEADER).write_text(f"#define ORT_API_VERSION {version}\n")
        return folder

    def test_a_header_of_the_system_is_taken_when_it_is_not_newer_than_the_library(self):
        old, new = self.header("old", parts.VERSION), self.header("new", parts.VERSION + 1)
        fetched = self.header("header/usr/include", parts.VERSION)
        with unittest.mock.patch.object(parts, "SYSTEM", (new, old)):
            self.assertEqual(parts.header_folder(self.folder), old)
        with unittest.mock.patch.object(parts, "SYSTEM", (new,)):
            self.assertEqual(parts.header_folder(self.folder), fetched)

    def test_a_package_without_the_header_is_none(self):
        with unittest.mock.patch.object(parts, "SYSTEM", ()), unittest.mock.patch.object(parts, "fetch_header", lambda folder: None):
            with self.assertRaisesRegex(parts.Missing, "has no onnxruntime_c_api.h"):
                parts.header_folder(self.folder)

    def test_a_folder_that_is_named_and_holds_none_ends_the_configuration(self):
        source = os.environ["PENSTOCK_SOURCE"]
        self.write("CMakeLists.txt", f"""
cmake_minimum_required(VERSION 3.25)
project(test LANGUAGES NONE)
list(APPEND CMAKE_MODULE_PATH {source}/cmake)
find_package(OnnxRuntime)
""")
        configured = subprocess.run(["cmake", "-G", "Ninja", "-S", self.folder, "-B", self.folder / "build", f"-DPENSTOCK_ONNXRUNTIME_ROOT={self.folder}"],
                                    capture_output=True, text=True, check=False)
        self.assertNotEqual(configured.returncode, 0)
        self.assertIn(f"PENSTOCK_ONNXRUNTIME_ROOT={self.folder} holds no ONNX Runtime", " ".join(configured.stderr.split()))


if __name__ == "__main__":
    program = unittest.main(exit=False)
    if program.result.wasSuccessful() and any("there is no ONNX Runtime" in why for _, why in program.result.skipped):
        sys.exit(SKIPPED)
    sys.exit(not program.result.wasSuccessful())
