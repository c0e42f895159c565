#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pipeline stages that hand their records on as a stream: they run, fail, are kept and are resumed as one."""
import json
import os
import subprocess

from program import PROGRAM, ProgramTest, main

FLOW = """
[run]
strategy = "threads"
[[stage]]
name = "numbers"
inputs = {{ data = "n.csv" }}
[[stage.operator]]
op = "csv.read"
path = "{{inputs.data}}"
[[stage.operator]]
op = "derive"
name = "square"
set = {{ square = "{expression}" }}
[[stage]]
name = "even"
stream_from = "numbers"
[[stage.operator]]
op = "filter"
where = "{condition}"
[[stage.operator]]
op = "csv.write"
path = "{{artifacts}}/even.csv"
[[stage]]
name = "count"
command = ["wc", "-l", "{{even.artifacts}}/even.csv"]
stdout = "lines"
"""


def flow(expression="n * n", condition="square % 2 = 0"):
    return FLOW.format(expression=expression, condition=condition)


class Streams(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("n.csv", "n\n" + "".join(f"{n}\n" for n in range(1, 101)))

    def statuses(self):
        return {each["stage"]: each["status"] for each in self.latest("manifest.json")["stages"]}

    def run_flow(self, text, *words):
        self.write("w.toml", text)
        return self.penstock("run", "w.toml", *words)

    def test_records_pass_without_a_file_in_between(self):
        done = self.run_flow(flow())
        self.assertEqual(done.returncode, 0, done.stderr)
        root = self.folder / "pipeline_outputs/latest"
        lines = (root / "even/artifacts/even.csv").read_text().splitlines()
        self.assertEqual(lines, ["n,square"] + [f"{n},{n * n}" for n in range(2, 101, 2)])
        self.assertFalse((root / "numbers/artifacts").exists())
        self.assertEqual(self.statuses(), {"numbers": "done", "even": "done", "count": "done"})
        graph = {each["stage"]: each for each in self.latest("run.json")["graph"]}
        self.assertEqual(graph["even"]["needs"], [{"stage": "numbers", "data": True, "passing": "stream",
                                                   "passing_reason": "both are pipelines, and run as one"}])
        self.assertEqual(graph["numbers"]["wave"], graph["even"]["wave"])
        events = [json.loads(line) for line in (root / "journal.jsonl").read_text().splitlines()]
        begun = [event["stage"] for event in events if event["event"] == "stage_begins"]
        ended = [event["stage"] for event in events if event["event"] == "stage_ended"]
        self.assertEqual(begun[:2], ["even", "numbers"])  # both, before either ends
        self.assertEqual(ended[:2], ["even", "numbers"])

    def test_all_strategies_write_the_same_bytes(self):
        texts = set()
        for strategy in ("serial", "threads", "parallel", "auto"):
            done = self.run_flow(flow(), "--strategy", strategy, "--cache", "false")
            self.assertEqual(done.returncode, 0, done.stderr)
            texts.add((self.folder / "pipeline_outputs/latest/even/artifacts/even.csv").read_bytes())
        self.assertEqual(len(texts), 1)

    def test_the_cache_takes_them_as_one(self):
        self.run_flow(flow())
        self.run_flow(flow())
        self.assertEqual(self.statuses(), {"numbers": "cached", "even": "cached", "count": "cached"})
        self.run_flow(flow(expression="n * n + 0"))  # a change of the first is one of both
        self.assertEqual(self.statuses(), {"numbers": "done", "even": "done", "count": "cached"})
        self.write("n.csv", "n\n2\n")
        self.run_flow(flow())
        self.assertEqual(self.statuses(), {"numbers": "done", "even": "done", "count": "done"})

    def test_a_failure_of_either_fails_both(self):
        for behind in ("derive", "filter"):  # an operator of the one, or of the other
            with self.subTest(behind):
                text = flow().replace(f'op = "{behind}"', f'op = "validate"\nrules = {{ small = "n < 50" }}\n[[stage.operator]]\nop = "{behind}"')
                done = self.run_flow(text)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertEqual(self.statuses(), {"numbers": "failed", "even": "failed", "count": "not_run"})
                self.assertFalse((self.folder / "pipeline_outputs/latest/even/artifacts/even.csv").exists())

    def test_after_a_kill_both_run_again(self):
        # The source waits at a pipe, so the kill is in the middle of the stream.
        os.mkfifo(self.folder / "pipe")
        text = flow().replace('path = "{inputs.data}"', 'path = "pipe"').replace('inputs = { data = "n.csv" }\n', "")
        self.write("w.toml", text)
        process = self.start("run", "w.toml")
        with open(self.folder / "pipe", "w") as pipe:
            pipe.write("n\n1\n2\n")
            pipe.flush()
            process.kill()
            process.communicate()
        self.assertEqual(list((self.folder / "pipeline_outputs/runs").glob("*/even/artifacts/*.csv")), [])
        resumed = self.start("resume")
        with open(self.folder / "pipe", "w") as pipe:
            pipe.write("n\n1\n2\n")
        resumed.communicate()
        self.assertEqual(resumed.returncode, 0)
        self.assertEqual(self.statuses()["even"], "done")
        self.assertEqual((self.folder / "pipeline_outputs/latest/even/artifacts/even.csv").read_text(), "n,square\n2,4\n")

    def test_a_retry_runs_both_again(self):
        text = flow().replace('stream_from = "numbers"', 'stream_from = "numbers"\nretry = { max_attempts = 2, delay = "1ms" }')
        text = text.replace('op = "filter"', 'op = "validate"\nrules = { small = "n < 50" }\n[[stage.operator]]\nop = "filter"')
        self.assertEqual(self.run_flow(text).returncode, 1)
        self.assertEqual({each["stage"]: each["attempts"] for each in self.latest("manifest.json")["stages"]},
                         {"numbers": 2, "even": 2, "count": 0})

    def test_what_cannot_be_a_stream_is_refused(self):
        sink = '[[stage.operator]]\nop = "csv.write"\npath = "{artifacts}/x.csv"\n[[stage]]\nname = "even"'
        for change, said in (
                (('[[stage]]\nname = "even"', sink), "it writes files; what hands on a stream writes none"),
                (('stream_from = "numbers"', 'stream_from = "number"'), 'unknown stage: "number"'),
                (('stream_from = "numbers"', 'stream_from = "count"'), "it is no pipeline"),
                (('name = "numbers"\n', 'name = "numbers"\nwhen = true\n'), "belong to the stage that takes the stream"),
                (("{even.artifacts}/even.csv", "{numbers.artifacts}/even.csv"), "keeps no artifacts"),
        ):
            with self.subTest(said):
                self.write("w.toml", flow().replace(*change))
                done = self.penstock("check", "w.toml")
                self.assertEqual(done.returncode, 2, done.stdout)
                self.assertIn(said, done.stderr)


if __name__ == "__main__":
    main()
