# SPDX-License-Identifier: MIT
"""penstock bench ipc: that it measures what it says, with and without mpiexec, and what the report makes of it."""
import csv
import json
import os
import pathlib
import shutil
import signal
import subprocess

from program import PROGRAM, ProgramTest, main

BACKENDS = ("shm", "lmdb", "zeromq")
SMALL = ("--entries", "10,100", "--iterations", "3", "--readers", "2")


def left_behind(process):
    return [str(path) for folder in ("/dev/shm", "/tmp") for path in pathlib.Path(folder).glob(f"*-{process.pid}-*")]


class Bench(ProgramTest):
    def results(self):
        return json.loads((self.folder / "benchmark_results.json").read_text())

    def rows(self, name):
        with open(self.folder / name, encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def measure(self, *words):
        done = self.penstock("bench", "ipc", *SMALL, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_measures_with_forked_readers_and_says_so(self):
        self.assertIn("2 readers, forked: not started by mpiexec", self.measure().stdout)
        results = self.results()
        self.assertEqual((results["version"], results["processes"], results["readers"]), (1, "fork", 2))
        self.assertNotIn("mpi", {row["backend"].split("-")[0] for row in results["results"]})
        shared = {(row["backend"], row["entries"]) for row in results["results"] if "shared" in row}
        self.assertLessEqual({("shm", 10), ("shm", 100)}, shared)
        for row in results["results"]:
            self.assertGreater(row["block_bytes"], 0)
            for side in ("write_us", "read_us"):
                for times in row["shared"][side].values():
                    self.assertLessEqual(times["min"], times["p50"])
                    self.assertLessEqual(times["p50"], times["p99"])
            self.assertEqual(row["shared"]["bytes_moved"], 2 * 3 * row["block_bytes"])

    def test_leaves_nothing_when_it_is_interrupted(self):
        """Of each backend; the readers end with the writer."""
        for backend in BACKENDS:
            with self.subTest(backend):
                process = self.start("bench", "ipc", "--backend", backend, "--entries", "100", "--iterations", "100000")
                while process.poll() is None and not left_behind(process):
                    pass  # until it measures
                if process.returncode is None:
                    process.send_signal(signal.SIGINT)
                output = process.communicate()
                if "build again" in output[1]:
                    self.skipTest(f"SKIPPED: {output[1].strip()}")
                self.assertEqual(process.returncode, 130, output)
                self.assertIn("interrupted", output[1])
                self.assertFalse((self.folder / "benchmark_results.json").exists())
                self.assertEqual(left_behind(process), [], backend)

    def test_looks_at_the_folder_of_the_results_first(self):
        self.write("file", "")
        done = self.penstock("bench", "ipc", *SMALL, "--out", "file/folder")
        self.assertEqual(done.returncode, 1)
        self.assertIn("file/folder", done.stderr)
        self.assertNotIn("entries", done.stderr)

    def test_refuses_options_of_the_report(self):
        done = self.penstock("bench", "ipc", "--machines", "3")
        self.assertEqual(done.returncode, 2)
        self.assertIn("penstock bench ipc-report --machines", done.stderr)

    def test_measures_only_what_was_asked_for(self):
        self.measure("--backend", "shm", "--scenario", "streaming")
        for row in self.results()["results"]:
            self.assertEqual(row["backend"], "shm")
            self.assertNotIn("shared", row)
            self.assertGreater(row["streaming"]["batches_per_second"], 0)

    def test_runs_as_ranks_of_mpiexec(self):
        if shutil.which("mpiexec") is None:
            self.skipTest("SKIPPED: no mpiexec: apt-get install openmpi-bin")
        done = subprocess.run(["mpiexec", "--allow-run-as-root", "--oversubscribe", "-n", "3", PROGRAM, "bench", "ipc", *SMALL[:4]],
                              cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"})  # what Open MPI leaks is not ours
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 readers, as ranks of mpiexec", done.stdout)
        results = self.results()
        self.assertEqual(results["processes"], "mpiexec")
        backends = {row["backend"] for row in results["results"]}
        if "left out: mpi" in done.stdout:
            self.skipTest("SKIPPED: this build has no transport mpi: apt-get install libopenmpi-dev")
        self.assertLessEqual({"shm", "mpi-window", "mpi-broadcast"}, backends)

    def test_reports_tables_and_a_recommendation(self):
        self.measure("--backend", "shm")
        done = self.penstock("bench", "ipc-report", "--readers", "5")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("**Use `shm`**", done.stdout)
        self.assertIn("For 5 readers on 1 machine", (self.folder / "report.md").read_text())
        written = self.rows("write_summary.csv")
        self.assertEqual([(row["backend"], row["entries"]) for row in written], [("shm", "10"), ("shm", "100")])
        p50 = self.results()["results"][0]["shared"]["write_us"]["publish"]["p50"]
        self.assertAlmostEqual(float(written[0]["publish_p50_us"]), p50, places=3)
        self.assertIn("scan_in_place_p99_us", self.rows("read_summary.csv")[0])
        if shutil.which("gnuplot") is None:
            self.assertIn("SKIPPED: no plots: gnuplot is not installed; apt-get install gnuplot-nox", done.stdout)
            return
        for name in ("write_performance", "read_performance", "throughput"):
            self.assertTrue((self.folder / f"{name}.png").read_bytes().startswith(b"\x89PNG"))
            self.assertIn("<svg", (self.folder / f"{name}.svg").read_text())

    def test_says_when_nothing_measured_fits(self):
        self.measure("--backend", "shm")
        self.assertIn("only zeromq (tcp) and, within one job, mpi (broadcast) reach other machines", self.penstock("bench", "ipc-report", "--machines", "2").stdout)
        self.assertIn("only lmdb keeps versions", self.penstock("bench", "ipc-report", "--persistent").stdout)

    def test_says_what_is_wrong(self):
        for words, code, text in ((("bench", "ipc", "--entries", "0"), 2, "whole numbers from 1"),
                                  (("bench", "ipc", "--backend", "shn"), 2, 'did you mean "shm"?'),
                                  (("bench", "ipc", "--scenario", "x"), 2, "one of shared, streaming, both"),
                                  (("bench", "cpu"), 2, "known: quick, full, deep, ipc, ipc-report"),
                                  (("bench", "ipc-report"), 1, "measure first: penstock bench ipc")):
            done = self.penstock(*words)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(text, done.stderr)
        for damaged in ("{", "[]", '{"version": 1}', '{"version": 1, "results": [7]}',
                        '{"version": 1, "results": [{"backend": 3}]}', '{"version": 1, "machine": 3, "results": []}'):
            self.write("benchmark_results.json", damaged)
            done = self.penstock("bench", "ipc-report")
            self.assertEqual(done.returncode, 1, damaged)
            self.assertIn("error: ", done.stderr)


if __name__ == "__main__":
    main()
