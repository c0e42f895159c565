#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills the writer of a store of vectors at every call that reads or changes its file, and lets every such call fail: what was flushed
is there, all of a flush or nothing, and putting everything again gives the undisturbed store."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

WRITER = os.environ["PENSTOCK_VECTOR_WRITER"]
FAULTS = os.environ.get("PENSTOCK_FAULTS_LIBRARY", "")
LONG = bool(os.environ.get("PENSTOCK_LONG_TESTS"))

BATCHES, ROWS, IDS = 20, 5, 24  # as in vector_writer.cc


def state_after(batches, state=None):
    """Returns {id: version} when so many batches were put, upon what was there before."""
    state = dict(state or {})
    for batch in range(batches):
        for row in range(ROWS):
            state[str((batch * ROWS + row) % IDS)] = str(batch)
    return state


class KillTest(unittest.TestCase):
    def setUp(self):
        if not FAULTS:
            self.skipTest("this build has no library that makes calls fail (a sanitizer is on)")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock_vector_"))
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        folder = self.folder / name / "pipeline_outputs"  # where the library makes calls fail
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "photos.index"

    def write(self, path, fault=None):
        environment = dict(os.environ)
        if fault:
            environment |= {"PENSTOCK_FAULT": fault, "LD_PRELOAD": FAULTS}
        return subprocess.run([WRITER, "write", path], env=environment, capture_output=True, text=True, check=False)

    def state(self, path):
        printed = subprocess.run([WRITER, "print", path], capture_output=True, text=True, check=False)
        self.assertEqual(printed.returncode, 0, printed.stderr)
        return dict(line.split() for line in printed.stdout.splitlines())

    def calls(self, path):
        count = self.folder / "count"
        count.unlink(missing_ok=True)
        done = self.write(path, f"count:{count}")
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(count.read_text())

    def check(self, path, done, before=None):
        """What is there must be the state before, or after a flush, no older than the last flush that was told."""
        flushed = max([int(line.split()[1]) for line in done.stdout.splitlines()], default=0)
        if flushed == 0 and before is None and not path.exists():
            return
        if flushed == 0 and before is None and path.stat().st_size < 128:
            return  # killed while it was made
        allowed = [state_after(batches, before) for batches in range(flushed, BATCHES + 1, 2)][:2]
        self.assertIn(self.state(path), allowed)

    def finish(self, path):
        done = self.write(path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.state(path), state_after(BATCHES))
        self.assertEqual([entry.name for entry in path.parent.iterdir()], ["photos.index"])

    def test_killed_at_every_call(self):
        calls = self.calls(self.path("whole"))
        self.assertGreater(calls, 40)
        for call in range(1, calls + 1):
            with self.subTest(call=call):
                path = self.path(f"kill{call}")
                done = self.write(path, f"kill:{call}")
                self.assertEqual(done.returncode, -9)
                self.check(path, done)
                self.finish(path)
        print(f"killed at each of {calls} calls", file=sys.stderr)

    def test_killed_at_every_call_of_a_second_run(self):
        whole = self.path("whole")
        self.finish(whole)
        shutil.copy(whole, self.path("counted"))
        calls = self.calls(self.path("counted"))
        for call in range(1, calls + 1, 1 if LONG else 3):
            with self.subTest(call=call):
                path = self.path(f"kill{call}")
                shutil.copy(whole, path)
                done = self.write(path, f"kill:{call}")
                self.assertEqual(done.returncode, -9)
                self.check(path, done, state_after(BATCHES))
                self.finish(path)

    def test_every_call_fails(self):
        calls = self.calls(self.path("whole"))
        for fault in ("ENOSPC", "EIO", "short"):
            for call in range(1, calls + 1, 1 if LONG else 4):
                with self.subTest(fault=fault, call=call):
                    path = self.path(f"{fault}{call}")
                    done = self.write(path, f"{fault}:{call}")
                    self.assertIn(done.returncode, (0,) if fault == "short" else (0, 1), done.stderr)
                    if done.returncode == 1:
                        self.assertIn("cannot", done.stderr)
                    self.check(path, done)
                    self.finish(path)


if __name__ == "__main__":
    unittest.main()
