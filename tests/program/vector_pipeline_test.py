#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Images to a store of vectors, by a program that is killed, whose decoder crashes, or whose file never answers: afterwards the store
has every id once, with the bytes of an undisturbed run. Short by default; PENSTOCK_LONG_TESTS=1 kills 300 times."""
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from program import PROGRAM, ProgramTest, main

LONG = bool(os.environ.get("PENSTOCK_LONG_TESTS"))
FAULTS = os.environ.get("PENSTOCK_FAULTS_LIBRARY", "")
STRATEGIES = ("serial", "threads", "parallel", "processes", "hybrid", "auto")
PHOTOS = 150

PIPELINE = """
name = "embed"
[[operator]]
op = "image.list"
path = [{photos}]
[[operator]]
op = "image.decode"
on_error = "quarantine"
{more}
[[operator]]
op = "image.normalize"
width = 8
height = 8
as = "vector"
mean = [0.5, 0.5, 0.5]
deviation = [0.5, 0.5, 0.5]
[[operator]]
op = "select"
columns = ["id", "path", "vector"]
[[operator]]
op = "npy.write"
path = "{{artifacts}}/vectors.npy"
ids = "{{artifacts}}/ids.txt"
[[operator]]
op = "vector.write"
store = "{store}/photos.index"
metadata = ["path"]
metric = "l2"
description = "8 x 8 pixels"
batch = 16
"""


def bmp(chance, size=24):
    """A picture of random colours, 24 bits, whose rows need no padding."""
    pixels = bytes(chance.randrange(256) for _ in range(size * size * 3))
    return struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + len(pixels), 0, 0, 54, 40, size, size, 1, 24, 0, len(pixels), 2835, 2835, 0, 0) + pixels


def rows_in(path):
    """Returns [(id, metadata, vector bytes)] in the order of the file, as docs/formats/vectors.md describes it, and its description."""
    data = path.read_bytes()
    magic, version, dimension = struct.unpack_from("<16sII", data)
    assert magic == b"penstock vector\n" and version in (1, 2), magic
    rows, description, at = [], "", 128
    while at < len(data):
        kind, _, size, place = struct.unpack_from("<IIQQ", data, at)
        assert place == at
        payload = data[at + 32:at + 32 + size]
        at += 32 + size
        if kind == 3:
            description = payload[8:8 + struct.unpack_from("<Q", payload)[0]].decode()
        if kind != 1:
            continue
        count = struct.unpack_from("<Q", payload)[0]
        width = dimension * 4
        ends = 8 + count * width
        id_ends = struct.unpack_from(f"<{count}I", payload, ends)
        metadata_ends = struct.unpack_from(f"<{count}I", payload, ends + 4 * count)
        ids = payload[ends + 8 * count:]
        metadata = ids[id_ends[-1]:]
        for row in range(count):
            rows.append((ids[id_ends[row - 1] if row else 0:id_ends[row]].decode(),
                         metadata[metadata_ends[row - 1] if row else 0:metadata_ends[row]].decode(),
                         payload[8 + row * width:8 + (row + 1) * width]))
    return rows, description


class VectorPipelineTest(ProgramTest):
    store = "kept"

    def setUp(self):
        super().setUp()
        if os.access("/dev/shm", os.W_OK):  # where the disk costs nothing there are more checkpoints
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock_vectors_", dir="/dev/shm"))
            self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        chance = random.Random(7)
        for number in range(PHOTOS):
            self.write(f"photos/{number:03}.bmp", "").write_bytes(bmp(chance))
        self.write_pipeline()

    def write_pipeline(self, photos='"photos"', more=""):
        self.write("p.toml", PIPELINE.format(photos=photos, more=more, store=self.store))

    def index(self):
        return self.folder / self.store / "photos.index"

    def run_program(self, *words, **environment):
        return subprocess.run([PROGRAM, *words, "--out", "runs"], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=self.environment(**environment), check=False)

    def remove_outputs(self):
        for name in ("runs", self.store):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def undisturbed(self):
        done = self.run_program("run", "p.toml")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows, description = rows_in(self.index())
        self.assertEqual(description, "8 x 8 pixels")
        self.assertEqual(len(rows), PHOTOS)
        self.assertIn(f"{PHOTOS} added, 0 replaced, 0 were there already", done.stdout)
        return rows

    def artifacts(self):
        return {path.name: path.read_bytes() for path in sorted((self.folder / "runs/latest").glob("*/artifacts/*")) if path.is_file()}

    def check_same(self, expected):
        rows, description = rows_in(self.index())
        self.assertEqual(len({each for each, _, _ in rows}), len(rows), "an id is there twice")
        self.assertEqual(sorted(rows), sorted(expected))
        self.assertEqual(description, "8 x 8 pixels")


class Killed(VectorPipelineTest):
    def finish(self, **environment):
        """Goes on with what was killed, by resume where there is something to resume, else anew."""
        done = self.run_program("resume", **environment)
        if "no run to resume" in done.stderr:
            done = self.run_program("run", "p.toml", **environment)
        if "nothing to resume" not in done.stderr:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_at_random_moments(self):
        begin = time.monotonic()
        expected = self.undisturbed()
        took = time.monotonic() - begin
        arrays = self.artifacts()
        seed = int(os.environ.get("PENSTOCK_SEED", "1"))
        chance = random.Random(seed)
        killed = went_on = 0
        for number in range(300 if LONG else 12):
            with self.subTest(kill=number, seed=seed):
                self.remove_outputs()
                words = ["run", "p.toml", "--checkpoint", "500us", "--strategy", STRATEGIES[number % len(STRATEGIES)], "--quiet", "--out", "runs"]
                process = subprocess.Popen([PROGRAM, *words], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL, env=self.environment())
                try:
                    process.wait(chance.uniform(0, took))
                except subprocess.TimeoutExpired:
                    process.kill()
                    killed += 1
                process.communicate()
                if chance.random() < 0.5:
                    done = self.finish()
                else:  # who knows nothing of the killed run
                    done = self.run_program("run", "p.toml")
                    self.assertEqual(done.returncode, 0, done.stderr)
                went_on += "went on from checkpoint" in done.stdout
                self.check_same(expected)
                self.assertEqual(self.artifacts(), arrays)
        print(f"seed {seed}: {killed} runs were killed, {went_on} went on from a checkpoint", file=sys.stderr)


class KilledAtTheStore(Killed):
    store = "pipeline_outputs"  # where the library makes calls fail; runs are kept elsewhere

    def setUp(self):
        if not FAULTS:
            self.skipTest("this build has no library that makes calls fail (a sanitizer is on)")
        super().setUp()

    test_at_random_moments = None

    def test_at_every_call(self):
        expected = self.undisturbed()
        self.remove_outputs()
        words = ("run", "p.toml", "--checkpoint", "500us", "--strategy", "serial")
        done = self.run_program(*words, LD_PRELOAD=FAULTS, PENSTOCK_FAULT=f"count:{self.folder}/calls")
        self.assertEqual(done.returncode, 0, done.stderr)
        calls = int((self.folder / "calls").read_text().split()[-1])
        self.assertGreater(calls, 6)  # how many checkpoints there are depends on the time
        points = range(1, calls + 1) if LONG else sorted(random.Random(3).sample(range(1, calls + 1), min(12, calls)))
        for point in points:
            with self.subTest(call=point):
                self.remove_outputs()
                done = self.run_program(*words, LD_PRELOAD=FAULTS, PENSTOCK_FAULT=f"kill:{point}")
                self.finish(LD_PRELOAD=FAULTS)  # what is loaded is code, and so in what a checkpoint must fit
                self.check_same(expected)
        print(f"killed at {len(points)} of {calls} calls", file=sys.stderr)

    def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(self):
        expected = self.undisturbed()
        for point in (3, 6, 10):
            with self.subTest(call=point):
                self.remove_outputs()
                done = self.run_program("run", "p.toml", "--checkpoint", "500us", LD_PRELOAD=FAULTS, PENSTOCK_FAULT=f"ENOSPC:{point}")
                self.assertIn(done.returncode, (0, 1), done.stderr)
                if done.returncode == 1:
                    self.assertIn("no space left on the disk", done.stderr)
                done = self.run_program("run", "p.toml")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.check_same(expected)


class Workers(VectorPipelineTest):
    def rejected(self):
        """{path: reason} of the quarantined images."""
        lines = (self.folder / "runs/latest/embed/artifacts/quarantine.jsonl").read_text().splitlines()
        return {json.loads(json.loads(line)["raw"])["path"]: json.loads(line)["reason"] for line in lines}

    def check_rest(self, expected, rejected):
        rows, _ = rows_in(self.index())
        self.assertEqual(sorted(rows), sorted(row for row in expected if row[0] not in rejected))

    def test_a_file_that_never_answers_is_quarantined(self):
        expected = self.undisturbed()
        self.remove_outputs()
        os.mkfifo(self.folder / "hung.bmp")  # whose writer never comes
        self.write_pipeline('"photos/0[0-4]*.bmp", "hung.bmp", "photos/0[5-9]*.bmp", "photos/1*.bmp"', 'timeout = "500ms"')
        done = self.run_program("run", "p.toml", "--strategy", "processes", "--workers", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        rejected = self.rejected()
        self.assertEqual(list(rejected), ["hung.bmp"])
        self.assertRegex(rejected["hung.bmp"], "500")
        self.check_rest(expected, rejected)

    def test_an_image_that_crashes_the_decoder_is_quarantined(self):
        if not FAULTS:
            self.skipTest("this build has no library that makes calls fail (a sanitizer is on)")
        expected = self.undisturbed()
        self.remove_outputs()
        done = self.run_program("run", "p.toml", "--strategy", "processes", "--workers", "2", LD_PRELOAD=FAULTS, PENSTOCK_FAULT="kill_reading:photos/07")
        self.assertEqual(done.returncode, 0, done.stderr)
        rejected = self.rejected()
        self.assertEqual(sorted(rejected), [f"photos/07{digit}.bmp" for digit in range(10)])
        for reason in rejected.values():
            self.assertIn("its worker process was killed by signal 9", reason)
        self.check_rest(expected, rejected)


if __name__ == "__main__":
    main()
