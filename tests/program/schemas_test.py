#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The files of real runs are what docs/schemas/ says."""
import json
import sys

from program import COPY, SKIPPED, SOURCE, ProgramTest, main

try:
    import jsonschema
except ImportError:
    print("SKIPPED: needs the Python package jsonschema: apt-get install python3-jsonschema")
    sys.exit(SKIPPED)


def schema(name):
    return json.loads((SOURCE / f"docs/schemas/{name}.schema.json").read_text())


class Schemas(ProgramTest):
    def validate(self, value, name):
        jsonschema.validate(value, schema(name))

    def validate_run(self, with_output):
        for name in ("run", "manifest", "timing", "metrics", "plan", "trace"):
            with self.subTest(file=name):
                self.validate(self.latest(f"{name}.json"), name)
        if with_output:
            self.validate(self.latest("copy/output.json"), "output")

    def test_of_a_run_that_was_done(self):
        self.write("in.csv", "a,b\n1,2\nx\n")
        self.write("copy.toml", "[params]\nx = 1.5\n[run]\nmax_errors = 5\n" + COPY.replace('name = "copy"\n', "").replace(
            'path = "in.csv"', 'path = "in.csv"\non_error = "quarantine"'))
        for strategy in ("serial", "threads"):
            done = self.penstock("run", "copy.toml", "--json", "--strategy", strategy)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.validate(json.loads(done.stdout), "result")
            self.validate_run(with_output=True)
        self.validate(json.loads(self.penstock("plan", "copy.toml", "--json").stdout), "plan")

    def test_of_a_run_that_failed(self):
        self.write("copy.toml", COPY)
        done = self.penstock("run", "copy.toml", "--json")
        self.assertEqual(done.returncode, 1)
        self.validate(json.loads(done.stdout), "result")
        self.validate_run(with_output=False)

    def test_of_a_run_that_failed_on_the_way(self):
        self.write("in.csv", "a,b\n1,2\n1,2,3\n")
        self.write("copy.toml", COPY)
        self.assertEqual(self.penstock("run", "copy.toml", "--quiet").returncode, 1)
        self.validate_run(with_output=False)

    def test_of_a_run_that_repeats_another_one(self):
        self.write("w.toml", '[[stage]]\nname = "make"\ncommand = ["echo", "1"]\nstdout = "out.txt"\n')
        for _ in range(2):
            self.assertEqual(self.penstock("run", "w.toml", "--quiet").returncode, 0)
        records = list((self.folder / "pipeline_outputs/runs").glob("*.json"))
        self.assertEqual(len(records), 1)
        self.validate(json.loads(records[0].read_text()), "repeat")
        self.validate_run(with_output=False)

    def test_of_a_workflow(self):
        self.write("flow.toml", """
[[stage]]
name = "make"
command = ["echo", "1"]
stdout = "out.txt"
[[stage]]
name = "fail"
command = ["false"]
[[stage]]
name = "copy"
command = ["cat", "{make.artifacts}/out.txt"]
stdout = "out.txt"
[[stage]]
name = "never"
command = ["true"]
after = ["fail"]
""")
        for _ in range(2):
            done = self.penstock("run", "flow.toml", "--json", "--on-failure", "continue")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.validate(json.loads(done.stdout), "result")
            self.validate_run(with_output=True)
            self.validate(self.latest("copy/key.json"), "key")
            for path in (self.folder / "pipeline_outputs/cache").glob("*/entry.json"):
                self.validate(json.loads(path.read_text()), "entry")
            for line in (self.folder / "pipeline_outputs/latest/journal.jsonl").read_text().splitlines():
                self.validate(json.loads(line), "journal")
        self.validate(json.loads(self.penstock("runs", "diff", "--json").stdout), "diff")
        self.validate(json.loads(self.penstock("run", "flow.toml", "--dry-run", "--json").stdout), "forecast")

    def test_of_a_stage_for_each(self):
        self.write("flow.toml", '[[stage]]\nname = "each"\nfor_each = ["a", "b"]\ncommand = ["echo", "{item}"]\nstdout = "out.txt"\n')
        for _ in range(2):
            self.assertEqual(self.penstock("run", "flow.toml").returncode, 0)
            self.validate_run(with_output=False)
            self.validate(self.latest("each/output.json"), "output")
            self.validate(self.latest("each/00001/output.json"), "output")
            self.validate(self.latest("each/00001/key.json"), "key")

    def test_schemas_are_valid_and_closed(self):
        for path in (SOURCE / "docs/schemas").glob("*.json"):
            with self.subTest(schema=path.name):
                document = json.loads(path.read_text())
                jsonschema.validators.validator_for(document).check_schema(document)
                self.assertFalse(document["additionalProperties"])
                with self.assertRaises(jsonschema.ValidationError):
                    jsonschema.validate({"version": 1, "surprise": True}, document)


if __name__ == "__main__":
    main()
