#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The workflows of examples/workflows do what they say, also when they are killed in the middle."""
import json
import os
import shutil
import signal
import subprocess
import sys

from program import PROGRAM, SOURCE, ProgramTest, main


class Examples(ProgramTest):
    def setUp(self):
        super().setUp()
        shutil.copytree(SOURCE / "examples/workflows", self.folder, dirs_exist_ok=True)

    def ran(self):
        return [each["stage"] for each in self.latest("manifest.json")["stages"] if each["status"] == "done"]

    def artifact(self, path):
        return (self.folder / "pipeline_outputs/latest" / path).read_bytes()

    def test_report(self):
        for word in ("tar", "awk"):
            if shutil.which(word) is None:
                self.skipTest(f"there is no {word}")
        self.assertEqual(self.penstock("check", "report.toml").returncode, 0)
        done = self.penstock("run", "report.toml")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.artifact("write/artifacts/report.md").decode(),
                         "# Orders\n\ncountry,orders,total\nde,2,37.75\nfr,1,40.0\n\nde ####\nfr ####\n")
        self.assertEqual(self.penstock("run", "report.toml").returncode, 0)
        self.assertEqual(self.ran(), [])
        orders = self.folder / "data/orders.csv"
        orders.write_text(orders.read_text().replace("27.25", "26.25"))
        self.assertEqual(self.penstock("run", "report.toml").returncode, 0)
        self.assertEqual(self.ran(), ["archive", "extract", "analyse", "plot", "write"])
        orders.write_text(orders.read_text().replace("oops", "hello"))  # rejected as before: the totals stay
        self.assertEqual(self.penstock("run", "report.toml").returncode, 0)
        self.assertEqual(self.ran(), ["archive", "extract", "analyse"])

    def test_mixed_is_killed_and_goes_on(self):
        long = bool(os.environ.get("PENSTOCK_LONG_TESTS"))
        words = ["mixed.toml", "--set", f"records={20_000_000 if long else 400_000}", "--checkpoint", "1s" if long else "1ms"]
        undisturbed = self.penstock("run", *words, "--out", "undisturbed", "--quiet")
        self.assertEqual(undisturbed.returncode, 0, undisturbed.stderr)
        size = (self.folder / "undisturbed/latest/make/artifacts/records.csv").stat().st_size
        while not self.is_killed_in_the_middle(words, size):  # it may be faster than this test looks
            shutil.rmtree(self.folder / "pipeline_outputs")
        done = self.penstock("resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.ran(), ["make", "count", "sample", "pack"])
        for path in ("make/artifacts/records.csv", "count/artifacts/lines.txt", "pack/artifacts/sample.csv.gz"):
            self.assertEqual(self.artifact(path), (self.folder / "undisturbed/latest" / path).read_bytes(), path)
        report = self.latest("metrics.json")["stages"][0]["report"]
        self.assertGreater(report["checkpoints"]["records_not_read"], 0)
        self.assertIn(f"{report['checkpoints']['records_not_read']:,} records were not read again", done.stdout)
        print(f"{size:,} bytes, {report['records_in']:,} records, of which {report['checkpoints']['records_not_read']:,} were not made again; "
              f"{report['wall_seconds']:.2f} s for the rest", file=sys.stderr)

    def is_killed_in_the_middle(self, words, size):
        process = subprocess.Popen([PROGRAM, "run", *words, "--quiet"], cwd=self.folder, stdin=subprocess.DEVNULL,
                                   env=self.environment())
        self.addCleanup(self.end, process)
        while process.poll() is None:
            if not self.is_in_the_middle(size):
                continue
            process.send_signal(signal.SIGSTOP)
            if self.is_in_the_middle(size):
                process.kill()
                return process.wait() == -9
            process.send_signal(signal.SIGCONT)
        return False

    def is_in_the_middle(self, size):
        """In the pipeline, behind a checkpoint."""
        stage = next(self.folder.glob("pipeline_outputs/runs/*/make"), None)
        if stage is None or len(list(stage.glob("checkpoints/0*.json"))) < 2:  # the first may be of the very beginning
            return False
        try:
            return any(path.stat().st_size > size // 2 for path in stage.glob("artifacts/.records.csv.*"))
        except FileNotFoundError:  # put in place meanwhile
            return False


class FileBatch(ProgramTest):
    def setUp(self):
        super().setUp()
        shutil.copytree(SOURCE / "examples/file_batch", self.folder, dirs_exist_ok=True)

    def artifact(self, name):
        return (self.folder / "pipeline_outputs/latest/file_batch/artifacts" / name).read_text()

    def test_reads_the_files_of_a_tree_in_the_order_of_their_paths(self):
        done = self.penstock("run", "file_batch.toml")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.artifact("by_month.csv"),
                         "store,month,sales,total\n"
                         "berlin,2025-12-01T00:00:00Z,2,150.47\n"
                         "berlin,2026-01-01T00:00:00Z,1,70.0\n"
                         "paris,2026-01-01T00:00:00Z,1,41.0\n")
        self.assertEqual([line.split(",")[0] for line in self.artifact("sales.csv").splitlines()[1:]],
                         ["berlin", "berlin", "berlin", "paris"])
        bad = [json.loads(line) for line in self.artifact("quarantine.jsonl").splitlines()]
        self.assertEqual([(each["operator"], each.get("file"), each.get("line")) for each in bad][0],
                         ("csv.read", "stores/berlin/2026/01.csv", 3))
        self.assertEqual(len(bad), 2)
        # A file that appears in a new folder is found by the next run.
        self.write("stores/rome/2026/q1/01.csv", "store,sold,item,pieces,price\nrome,2026-01-05T10:00:00Z,pump,1,99.00\n")
        self.assertEqual(self.penstock("run", "file_batch.toml").returncode, 0)
        self.assertIn("rome,2026-01-01T00:00:00Z,1,99.0\n", self.artifact("by_month.csv"))

    def test_refuses_to_write_into_the_tree_that_it_reads(self):
        text = (self.folder / "file_batch.toml").read_text().replace("{artifacts}/by_month.csv", "stores/new/folder/by_month.csv")
        self.write("file_batch.toml", text)
        done = self.penstock("check", "file_batch.toml")
        self.assertEqual(done.returncode, 2)
        self.assertIn("stores/new/folder/by_month.csv", done.stderr)


if __name__ == "__main__":
    main()
