#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pipelines that are killed at any moment go on from their last checkpoint, to the bytes of an undisturbed run. Short by
default; PENSTOCK_LONG_TESTS=1 kills 500 times."""
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

from program import PROGRAM, SOURCE, ProgramTest, main

LONG = bool(os.environ.get("PENSTOCK_LONG_TESTS"))
STRATEGIES = ("serial", "threads", "parallel", "processes", "async", "hybrid", "auto")

# Every kind of state: a position, counts, groups, keys, rejected records, outputs here and elsewhere.
OPERATORS = """
[[{0}operator]]
op = "csv.read"
path = "{1}"
types = {{ amount = "float64" }}
on_error = "quarantine"
[[{0}operator]]
op = "validate"
rules = {{ small = "amount < 990" }}
on_error = "quarantine"
[[{0}operator]]
op = "derive"
set = {{ half = "amount / 2" }}
[[{0}operator]]
op = "csv.write"
path = "{{artifacts}}/rows.csv"
[[{0}operator]]
op = "numeric"
columns = ["half"]
steps = [{{ moving_mean = 5 }}]
[[{0}operator]]
op = "json.write"
path = "{{artifacts}}/means.jsonl"
[[{0}operator]]
op = "distinct"
by = ["word", "half"]
[[{0}operator]]
op = "aggregate"
by = ["word"]
compute = {{ n = "count()", total = "sum(half)", p = "quantile(half, 0.9)", x = "exact_quantile(half, 0.5)" }}
[[{0}operator]]
op = "csv.write"
path = "{2}"
"""
ALONE = 'name = "alone"\n' + OPERATORS.format("", "in.csv", "groups/out.csv")
FLOW = """name = "flow"
[[stage]]
name = "source"
command = ["cat", "{inputs.from}"]
inputs = { from = "in.csv" }
stdout = "in.csv"
[[stage]]
name = "stream"
""" + OPERATORS.format("stage.", "{source.artifacts}/in.csv", "{artifacts}/groups.csv") + """
[[stage]]
name = "tell"
shell = true
command = "cat {stream.artifacts}/rows.csv {stream.artifacts}/means.jsonl | sha256sum > {outputs.digest}"
outputs = { digest = "digest.txt" }
"""


class CheckpointTest(ProgramTest):
    rows = 100_000

    def setUp(self):
        super().setUp()
        # A kill leaves what the system has taken, on the disk or not. Where the disk costs nothing there are more checkpoints.
        if os.access("/dev/shm", os.W_OK):
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock_checkpoint_", dir="/dev/shm"))
            self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.write("alone.toml", ALONE)
        self.write("flow.toml", FLOW)
        chance = random.Random(5)
        words = ["lamp", "chair", '"table, round"', "", "sofa"]
        lines = ["id,word,amount"]
        for i in range(self.rows):
            amount = "a lot" if i % 4999 == 77 else f"{chance.randint(0, 100_000) / 100}"
            lines.append(f"{i},{words[i % 5]},{amount}")
        self.write("in.csv", "\n".join(lines) + "\n")

    def outputs(self):
        """What the newest run and the pipeline alone made, by name."""
        found = {}
        root = self.folder / "pipeline_outputs/latest"
        for path in [*root.glob("*/artifacts/**/*"), self.folder / "groups/out.csv"]:
            if path.is_file():
                # Rejected records name the file that they were read from, which is that of their run.
                found[path.name] = hashlib.sha256(re.sub(rb"runs/\d+_\d+_[0-9a-f]+", b"runs/RUN", path.read_bytes())).hexdigest()
        return found

    def left_behind(self):
        return [str(path) for path in self.folder.rglob("*") if path.name.endswith((".tmp", ".part")) or path.name == "checkpoints"]

    def remove_outputs(self):
        subprocess.run(["rm", "-rf", str(self.folder / "pipeline_outputs"), str(self.folder / "groups")], check=True)

    def undisturbed(self, file):
        begin = time.monotonic()
        done = self.penstock("run", file, "--checkpoint", "1ms", "--cache", "false")
        self.assertEqual(done.returncode, 0, done.stderr)
        took = time.monotonic() - begin
        expected = self.outputs()
        self.assertGreaterEqual(len(expected), 4)
        self.assertEqual(self.left_behind(), [])
        return expected, took

    def start_and_kill(self, words, seconds):
        """Returns whether it was killed."""
        process = subprocess.Popen([PROGRAM, *words, "--checkpoint", "1ms", "--cache", "false", "--quiet"], cwd=self.folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.environment())
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        _, said = process.communicate()
        if b"nothing to resume" not in said:  # a resume before it came to its end
            self.assertIn(process.returncode, (0, -9), said)
        return process.returncode == -9

    def reports(self):
        return [stage["report"] for stage in self.latest("metrics.json")["stages"] if stage.get("report")]


class Killed(CheckpointTest):
    def check(self, file, kills, seed):
        expected, took = self.undisturbed(file)
        chance = random.Random(seed)
        killed, went_on, not_read, again = 0, 0, 0, 0
        for number in range(kills):
            with self.subTest(kill=number, seed=seed):
                self.remove_outputs()
                strategy = ["--strategy", STRATEGIES[number % len(STRATEGIES)]]
                if not self.start_and_kill(["run", file, *strategy], chance.uniform(0, took)):
                    continue
                killed += 1
                while chance.random() < 0.3 and any(self.folder.glob("pipeline_outputs/runs/*/run.json")):  # a resume that is killed
                    again += self.start_and_kill(["resume"], chance.uniform(0, took))
                done = self.penstock("resume", "--strategy", STRATEGIES[chance.randrange(len(STRATEGIES))])
                if "nothing to resume" in done.stderr:
                    continue  # its last resume was faster
                if "no run to resume" in done.stderr:
                    done = self.penstock("run", file)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.outputs(), expected)
                self.assertEqual(self.penstock("runs", "clean").returncode, 0)  # of runs that had no checkpoint yet
                # A run that was killed before it had its run.json is nobody's.
                self.assertEqual([path for path in self.left_behind() if not re.search(r"/\.run\.json\.[^/]*$", path)], [])
                for report in self.reports():
                    if report["checkpoints"]["resumed_from"]:
                        went_on += 1
                        not_read += report["checkpoints"]["records_not_read"]
                        self.assertIn("went on from", done.stdout)
        print(f"{file}, seed {seed}: {killed} of {kills} runs were killed, and {again} resumes; {went_on} went on from a checkpoint and did not "
              f"read {not_read:,} records again", file=sys.stderr)
        self.assertGreater(went_on, 0)

    def test_a_pipeline_alone(self):
        self.check("alone.toml", 300 if LONG else 12, int(os.environ.get("PENSTOCK_SEED", "1")))

    def test_a_stage_among_commands(self):
        self.check("flow.toml", 250 if LONG else 10, int(os.environ.get("PENSTOCK_SEED", "2")))


class Left(CheckpointTest):
    """One run that was killed behind its first checkpoint."""
    rows = 200_000

    def setUp(self):
        super().setUp()
        self.expected, _ = self.undisturbed("alone.toml")
        tries = 50  # the run may be faster
        while not self.is_killed_in_the_middle():
            tries -= 1
            self.assertGreater(tries, 0, "no run could be killed behind a checkpoint")

    def is_killed_in_the_middle(self):
        self.remove_outputs()
        process = self.start("run", "alone.toml", "--checkpoint", "1ms", "--batch-size", "500")
        while process.poll() is None and len(self.checkpoints()) < 2:
            time.sleep(0.001)
        process.kill()
        process.wait()
        return process.returncode == -9 and len(self.checkpoints()) >= 2

    def checkpoints(self):
        try:
            return sorted(self.folder.glob("pipeline_outputs/runs/*/alone/checkpoints/0*.json"))
        except FileNotFoundError:  # removed while it looked
            return []

    def test_its_checkpoints_are_what_the_schema_says(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("needs the Python package jsonschema: apt-get install python3-jsonschema")
        schema = json.loads((SOURCE / "docs/schemas/checkpoint.schema.json").read_text())
        for path in self.checkpoints():
            jsonschema.validate(json.loads(path.read_text()), schema)

    def test_cleaning_leaves_what_it_needs(self):
        self.assertEqual(self.penstock("runs", "clean").returncode, 0)
        done = self.penstock("resume")
        self.assertIn("went on from checkpoint", done.stdout)
        self.assertIn("were not read again", done.stdout)
        self.assertEqual(self.outputs(), self.expected)
        self.assertEqual(self.penstock("runs", "clean").returncode, 0)
        self.assertEqual(self.left_behind(), [])

    def test_removing_the_run_removes_what_it_left(self):
        run = self.checkpoints()[0].parts[-4]
        self.assertEqual(self.penstock("runs", "rm", run).returncode, 0)
        self.assertEqual(self.left_behind(), [])

    def test_a_changed_input_is_said(self):
        with open(self.folder / "in.csv", "a") as file:
            file.write("1,late,1.5\n")
        done = self.penstock("resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("is of another job: state of in.csv was ", done.stdout)
        self.assertIn("; the run began anew", done.stdout)
        self.assertIn("late,1,", (self.folder / "groups/out.csv").read_text())

    def test_changed_operators_are_said(self):
        text = (self.folder / "alone.toml").read_text()
        self.write("alone.toml", text.replace("amount < 990", "amount < 980"))
        done = self.penstock("resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("is of another job: operators was ", done.stdout)

    def test_a_cut_checkpoint_is_said(self):
        newest = self.checkpoints()[-1]
        newest.write_bytes(newest.read_bytes()[:-70])
        done = self.penstock("resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{newest.name} is damaged: ", done.stdout)
        self.assertIn("an earlier one was used", done.stdout)
        self.assertEqual(self.outputs(), self.expected)


class Without(ProgramTest):
    def test_a_plan_says_who_cannot_go_on(self):
        self.write("p.toml", '[[operator]]\nop = "generate"\n[[operator]]\nop = "normalize"\ncolumns = ["value1"]\n')
        self.assertIn('checkpoints: none, a run that was killed begins anew: "normalize" keeps what it cannot save\n', self.penstock("plan", "p.toml").stdout)
        self.write("p.toml", '[[operator]]\nop = "generate"\n[[operator]]\nop = "csv.write"\npath = "out.csv"\n')
        self.assertIn("checkpoints: a run that was killed can go on from its last one\n", self.penstock("plan", "p.toml").stdout)

    def test_none_are_written_where_none_are_wanted(self):
        self.write("p.toml", '[run]\ncheckpoint = 0\n[[operator]]\nop = "generate"\nrecords = 300_000\n[[operator]]\nop = "csv.write"\npath = "out.csv"\n')
        self.assertEqual(self.penstock("run", "p.toml", "--batch-size", "100").returncode, 0)
        self.assertEqual(self.latest("metrics.json")["stages"][0]["report"]["checkpoints"]["written"], 0)
        self.assertEqual(self.penstock("run", "p.toml", "--checkpoint", "1ms", "--batch-size", "100").returncode, 0)
        self.assertGreater(self.latest("metrics.json")["stages"][0]["report"]["checkpoints"]["written"], 0)


if __name__ == "__main__":
    main()
