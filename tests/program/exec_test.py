#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of docs/guide/programs.md do what the page says, under every strategy that starts several of them."""
import re

from program import SOURCE, ProgramTest, main

PAGE = (SOURCE / "docs/guide/programs.md").read_text()


def code(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


LINES, BLOCKS = code("python")
PIPELINE, = code("toml")
STRATEGIES = ("serial", "parallel", "processes", "auto")


class Programs(ProgramTest):
    def environment(self, **more):
        return super().environment(PYTHONPATH=str(SOURCE / "examples/sharing"), PYTHONDONTWRITEBYTECODE="1", **more)

    def outputs(self, pipeline):
        """What it writes, in out.csv and bad.jsonl, the same under all strategies."""
        self.write("p.toml", pipeline)
        outputs = set()
        for strategy in STRATEGIES:
            done = self.penstock("run", "p.toml", "--strategy", strategy, "--batch-size", "64", "--cache", "false")
            self.assertEqual(done.returncode, 0, done.stderr)
            outputs.add(((self.folder / "out.csv").read_text(), (self.folder / "bad.jsonl").read_text()))
        self.assertEqual(len(outputs), 1)
        return outputs.pop()

    def test_batches_go_to_a_program_and_back(self):
        self.write("half.py", BLOCKS)
        rows, rejected = self.outputs(PIPELINE)
        self.assertEqual((rows.count("\n"), rejected.count("is round")), (1 + 900, 100))
        self.assertTrue(rows.startswith("id,half\n1,"), rows[:100])

    def test_lines_go_to_a_program_and_back(self):
        self.write("half.py", LINES)
        columns = 'schema = { id = "int64", value1 = "float64", half = "float64" }'
        pipeline = PIPELINE.replace('format = "blocks"\n', "").replace('schema = { id = "int64", half = "float64" }', columns)
        self.assertNotIn("blocks", pipeline)
        shifted = pipeline.replace('[[operator]]\nop = "exec"', '[[operator]]\nop = "derive"\nset = { value1 = "value1 - 100" }\n\n[[operator]]\nop = "exec"')
        rows, rejected = self.outputs(shifted)
        self.assertGreater(rejected.count("value1 is negative"), 300)
        self.assertEqual(rows.count("\n") - 1 + rejected.count("\n"), 1000)
        for row in rows.splitlines()[1:]:
            _, value, half = row.split(",")
            self.assertEqual(float(value) / 2, float(half))


if __name__ == "__main__":
    main()
