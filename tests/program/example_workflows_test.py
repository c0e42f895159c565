#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The workflows of examples/workflows do what they say, also when they are killed in the middle."""
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
        if stage is None or not list(stage.glob("checkpoints/0*.json")):
            return False
        try:
            return any(path.stat().st_size > size // 2 for path in stage.glob("artifacts/.records.csv.*"))
        except FileNotFoundError:  # put in place meanwhile
            return False


if __name__ == "__main__":
    main()
