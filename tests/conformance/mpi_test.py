#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Starts the tests of the transport "mpi" by mpiexec: the conformance suite in one rank, what needs several in several."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

TESTS = os.environ["PENSTOCK_CONFORMANCE_TEST"]
# What mpiexec asks of root, and of who has fewer cores than ranks; ranks that wait give their core away. Open MPI itself ends with
# memory not given back, which the address sanitizer would report as ours.
FLAGS = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
         "OMPI_MCA_mpi_yield_when_idle": "1", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def left_in_memory():
    """Of MPI: other tests share memory at the same time."""
    return {path.name for path in pathlib.Path("/dev/shm").iterdir() if re.match("penstock-mpi|vader_segment|osc_", path.name)}


class Mpi(unittest.TestCase):
    def run_ranks(self, ranks, tests, *words):
        return subprocess.run(["mpiexec", "-n", str(ranks), TESTS, f"--gtest_filter={tests}", "--gtest_brief=1", "--gtest_color=no", *words],
                              env=os.environ | FLAGS, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def skip_without_mpi(self, done):
        if "libopenmpi-dev" in done.stdout:
            self.skipTest("SKIPPED: this build has no transport mpi: apt-get install libopenmpi-dev")

    def expect_success(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.skip_without_mpi(done)

    def test_one_rank_keeps_what_every_transport_promises(self):
        done = self.run_ranks(1, "All/Dictionary.*mpi*:All/Stream.*mpi*")
        self.expect_success(done)
        self.assertRegex(done.stdout, r"PASSED  \] \d\d tests")

    def test_ranks_see_what_others_write(self):
        for ranks in (2, 4):
            done = self.run_ranks(ranks, "MpiRanks.*")
            self.expect_success(done)
            self.assertEqual(done.stdout.count("PASSED"), ranks, done.stdout)

    def test_a_killed_rank_ends_the_job(self):
        before = left_in_memory()
        done = self.run_ranks(3, "MpiRanks.DISABLED_*", "--gtest_also_run_disabled_tests")
        self.skip_without_mpi(done)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("signal 9 (Killed)", done.stderr + done.stdout)
        self.assertLessEqual(left_in_memory(), before)

    def test_a_process_that_is_no_rank_is_told_so(self):
        done = subprocess.run([TESTS, "--gtest_filter=MpiRanks.GetEveryBatchInOrder"], capture_output=True, text=True, check=False,
                              env={name: value for name, value in os.environ.items() if not name.startswith("OMPI_")})
        self.expect_success(done)
        self.assertIn("this process is no rank of an MPI job", done.stdout)
        self.assertIn("mpiexec -n 4 PROGRAM", done.stdout)


if __name__ == "__main__":
    if shutil.which("mpiexec") is None:
        print("SKIPPED: no mpiexec: apt-get install openmpi-bin")
        sys.exit(77)
    unittest.main()
