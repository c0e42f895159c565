#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every command on good input: what it prints, what it leaves, how it ends."""
import json
import re
import subprocess

from program import COPY, PROGRAM, SOURCE, ProgramTest, main

IN = "id,country,amount\n1,DE,10.5\n2,FR,20.0\n3,GB,7.25\n"


class Run(ProgramTest):
    def test_writes_the_outputs_and_says_where(self):
        self.write("in.csv", IN)
        self.write("copy.toml", COPY)
        done = self.penstock("run", "copy.toml")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn('pipeline "copy" done with strategy serial', done.stdout)
        self.assertIn("3 records in = 3 out + 0 rejected + 0 dropped", done.stdout)
        self.assertRegex(done.stdout, r"\nrun \d{8}_\d{6}_[0-9a-f]{6} done: pipeline_outputs/runs/\d{8}_\d{6}_[0-9a-f]{6}\n$")
        self.assertEqual((self.folder / "pipeline_outputs/latest/copy/artifacts/out.csv").read_text(), IN)

    def test_leaves_a_whole_run_folder(self):
        self.write("in.csv", IN)
        self.write("copy.toml", COPY)
        self.penstock("run", "copy.toml")
        run = self.latest("run.json")["run_id"]
        names = ["copy/artifacts/out.csv", "copy/output.json", "journal.jsonl", "manifest.json", "metrics.json", "plan.json", "run.json",
                 "timing.json", "trace.json"]
        self.assertEqual(self.files(), ["copy.toml", "in.csv", *[f"pipeline_outputs/runs/{run}/{name}" for name in names]])
        self.assertEqual(self.latest("run.json")["status"], "done")
        self.assertEqual(self.latest("manifest.json")["stages"][0]["status"], "done")

    def test_strategies_write_the_same_bytes(self):
        self.write("in.csv", "id,text\n" + "".join(f"{i},text {i}\n" for i in range(5000)))
        self.write("copy.toml", COPY)
        outputs = set()
        for strategy in ("serial", "threads"):
            for size in ("1", "7", "4096"):
                done = self.penstock("run", "copy.toml", "--strategy", strategy, f"--batch-size={size}", "--quiet")
                self.assert_ends(done, 0)
                outputs.add((self.folder / "pipeline_outputs/latest/copy/artifacts/out.csv").read_bytes())
        self.assertEqual(len(outputs), 1)

    def test_json_is_one_document(self):
        self.write("in.csv", IN)
        self.write("copy.toml", COPY)
        done = self.penstock("run", "copy.toml", "--json")
        result = json.loads(done.stdout)
        self.assertEqual((result["status"], result["stages"][0]["report"]["records_in"], result["error"]), ("done", 3, None))
        self.assertEqual(result["stages"][0]["artifacts"][0]["name"], "out.csv")

    def test_collect_shows_rows_in_the_report_and_keeps_them_with_the_run(self):
        self.write("in.csv", IN)
        self.write("show.toml", '[[operator]]\nop = "csv.read"\npath = "in.csv"\n\n[[operator]]\nop = "collect"\nname = "shown"\nlimit = 2\n')
        expected = [{"name": "shown", "rows": [{"id": 1, "country": "DE", "amount": 10.5}, {"id": 2, "country": "FR", "amount": 20.0}]}]
        for strategy in ("serial", "threads", "parallel"):
            done = self.penstock("run", "show.toml", "--strategy", strategy)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("\nnote: shown: shows the first 2 of 3 records; ", done.stdout)
            self.assertIn("\nshown: 2 records\nid  country  amount\n 1  DE         10.5\n 2  FR         20.0\n", done.stdout)
            self.assertEqual(self.latest("show/output.json")["data"]["results"], expected)
            self.assertEqual(json.loads(self.penstock("run", "show.toml", "--json").stdout)["stages"][0]["report"]["results"], expected)

    def test_out_names_another_folder(self):
        self.write("in.csv", IN)
        self.write("copy.toml", COPY)
        self.assert_ends(self.penstock("run", "copy.toml", "--out", "a/b", "--quiet"), 0)
        self.assertEqual((self.folder / "a/b/latest/copy/artifacts/out.csv").read_text(), IN)

    def test_parameters_come_from_the_file_and_from_set(self):
        self.write("in.csv", IN)
        self.write("head.toml", '[params]\nrows = 1\n' + COPY.replace("[[operator]]\nop = \"csv.write\"",
                   '[[operator]]\nop = "head"\nn = "{params.rows}"\n[[operator]]\nop = "csv.write"').replace('name = "copy"\n', ""))
        out = self.folder / "pipeline_outputs/latest/head/artifacts/out.csv"
        self.assert_ends(self.penstock("run", "head.toml", "--quiet"), 0)
        self.assertEqual(out.read_text().count("\n"), 2)
        self.assert_ends(self.penstock("run", "head.toml", "--quiet", "--set", "rows=2"), 0)
        self.assertEqual(out.read_text().count("\n"), 3)
        self.assertEqual(self.latest("run.json")["params"], {"rows": 2})

    def test_stages_run_one_after_another_and_read_what_the_earlier_made(self):
        self.write("in.csv", IN)
        self.write("two.toml", '[[stage]]\nname = "first"\n[[stage.operator]]\nop = "csv.read"\npath = "in.csv"\n'
                   '[[stage.operator]]\nop = "csv.write"\npath = "{artifacts}/a.csv"\n'
                   '[[stage]]\nname = "second"\n[[stage.operator]]\nop = "csv.read"\npath = "{first.artifacts}/a.csv"\n'
                   '[[stage.operator]]\nop = "csv.write"\npath = "{artifacts}/b.csv"\n')
        self.assert_ends(self.penstock("check", "two.toml"), 0,
                         'two.toml: ok, 2 stages, 4 operators\n'
                         '  stage "second" reads what stage "first" makes: its types are checked when it runs\n')
        self.assert_ends(self.penstock("run", "two.toml", "--quiet"), 0)
        self.assertEqual((self.folder / "pipeline_outputs/latest/second/artifacts/b.csv").read_text(), IN)
        self.assertEqual([stage["stage"] for stage in self.latest("timing.json")["stages"]], ["first", "second"])

    def test_strict_ends_with_3_when_records_were_rejected(self):
        self.write("in.csv", IN + "x,y\n")
        self.write("copy.toml", COPY.replace('path = "in.csv"', 'path = "in.csv"\non_error = "quarantine"'))
        self.assert_ends(self.penstock("run", "copy.toml", "--quiet"), 0)
        self.assert_ends(self.penstock("run", "copy.toml", "--quiet", "--strict"), 3)
        lines = (self.folder / "pipeline_outputs/latest/copy/artifacts/quarantine.jsonl").read_text().splitlines()
        self.assertEqual([json.loads(line)["raw"] for line in lines], ["x,y"])

    def test_log_level_logs_to_standard_error(self):
        self.write("in.csv", IN)
        self.write("copy.toml", COPY)
        done = self.penstock("run", "copy.toml", "--quiet", "--log-level", "info")
        self.assertRegex(done.stderr, r"(?m)^\d{4}-\d\d-\d\dT\S+Z info    run \S+ begins; its folder is pipeline_outputs/runs/")
        self.assertNotIn(" debug ", done.stderr)
        self.assertIn(" debug ", self.penstock("run", "copy.toml", "--quiet", "--log-level", "debug").stderr)


class Text(ProgramTest):
    """What files hold cannot drive the terminal of who looks at it."""

    def test_shows_control_characters_of_files_as_escapes(self):
        self.write("in.csv", "id,\x1b]0;name\x07\n1,2\nx,\x1b[2J\n")
        name = "evil\x1b[31m.toml"
        self.write(name, COPY.replace('name = "copy"', 'name = "c\\u001b[1m"').replace(
            'path = "in.csv"', 'path = "in.csv"\non_error = "skip"\ntypes = { id = "int64" }'))
        self.write("wrong\x1b[31m.toml", "x")
        for words in (["run", name], ["check", name], ["plan", name], ["runs"], ["runs", "show"], ["check", "wrong\x1b[31m.toml"],
                      ["run", "\x1b[5m"], ["run", name, "--log-level", "debug"], ["\x1b[5m"], ["ops", "\x1b"], ["runs", "show", "\x1b"]):
            done = self.penstock(*words)
            with self.subTest(words=words):
                self.assertNotRegex(done.stdout + done.stderr, r"[\x00-\x08\x0b-\x1f\x7f]")
                self.assertIn("\\x1b", done.stdout + done.stderr)

    def test_names_file_and_line_of_the_first_rejected_record(self):
        self.write("in.csv", "id\n1\n2\nx\n")
        self.write("copy.toml", COPY.replace('path = "in.csv"', 'path = "in.csv"\non_error = "skip"\ntypes = { id = "int64" }'))
        done = self.penstock("run", "copy.toml")
        self.assertIn('rejected: csv.read: 1 record, the first: in.csv:4, record 2: column "id": "x" is not an int64\n', done.stdout)

    def test_counts_in_words(self):
        self.write("in.csv", "id\n1\n")
        self.write("copy.toml", COPY)
        done = self.penstock("run", "copy.toml").stdout
        self.assertIn(": 1 record in = 1 out", done)
        self.assertIn("(data, 1 record, 5 B)", done)
        self.assertIn("at most 1 record per batch", self.penstock("plan", "copy.toml", "--batch-size", "1").stdout)


class Others(ProgramTest):
    def test_check_says_ok_and_leaves_nothing(self):
        self.write("in.csv", IN)
        self.write("copy.toml", COPY)
        self.assert_ends(self.penstock("check", "copy.toml"), 0, "copy.toml: ok, 1 stage, 2 operators\n")
        self.assertEqual(self.files(), ["copy.toml", "in.csv"])

    def test_plan_names_segments_and_reasons(self):
        self.write("in.csv", IN)
        self.write("copy.toml", COPY)
        done = self.penstock("plan", "copy.toml", "--strategy", "threads")
        self.assertEqual(done.returncode, 0)
        self.assertIn("strategy threads", done.stdout)
        self.assertIn("why: ", done.stdout)
        plan = json.loads(self.penstock("plan", "copy.toml", "--json").stdout)["stages"][0]["plan"]
        self.assertEqual([step["name"] for step in plan["steps"]], ["csv.read", "csv.write"])
        self.assertEqual(self.files(), ["copy.toml", "in.csv"])

    def test_a_preset_stands_behind_what_is_said(self):
        self.write("in.csv", IN)
        self.write("copy.toml", COPY.replace("[[operator]]", '[run]\nbatch_size = 7\npreset = "streaming"\n[[operator]]', 1))

        def preset(*words):
            done = self.penstock("plan", "copy.toml", *words)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            return next(line for line in done.stdout.splitlines() if "preset: " in line).strip()

        self.assertEqual(preset(), "preset: streaming sets strategy = threads, queue_depth = 2, trace = false; of your own: batch_size")
        self.assertEqual(preset("--queue-depth", "9", "--preset", "low_latency"),
                         "preset: low_latency sets nothing; of your own: batch_size, queue_depth")
        self.assertEqual(preset("--preset", "high_throughput"), "preset: high_throughput sets strategy = parallel")
        self.assertEqual(self.penstock("run", "copy.toml", "--quiet").returncode, 0)
        self.assertEqual(self.latest("run.json")["settings"]["preset"], "streaming")
        self.assertEqual(self.latest("plan.json")["stages"][0]["plan"]["preset"], preset()[len("preset: "):])
        self.write("copy.toml", COPY.replace("[[operator]]", '[run]\npreset = "low_latancy"\n[[operator]]', 1))
        done = self.penstock("check", "copy.toml")
        self.assertEqual(done.returncode, 2)
        self.assertIn('copy.toml:3:10: unknown preset: "low_latancy"\n  try: did you mean "low_latency"?', done.stderr)

    def test_run_on_wins_over_the_strategy_of_a_preset(self):
        self.write("in.csv", IN)
        self.write("copy.toml", COPY.replace('path = "in.csv"', 'path = "in.csv"\nrun_on = "threads"'))
        plan = self.penstock("plan", "copy.toml", "--preset", "high_throughput").stdout
        self.assertIn("strategy hybrid", plan)

    def test_ops_lists_all_and_shows_one(self):
        listed = self.penstock("ops")
        self.assertRegex(listed.stdout, r"(?m)^csv\.read +source +\w")
        names = [each["name"] for each in json.loads(self.penstock("ops", "--json").stdout)["operators"]]
        self.assertIn("csv.write", names)
        for name in names:
            shown = self.penstock("ops", name)
            self.assertEqual((shown.returncode, shown.stderr), (0, ""))
            self.assertTrue(shown.stdout.startswith(name + " ("))
            self.assertEqual(json.loads(self.penstock("ops", name, "--json").stdout)["name"], name)

    def test_runs_lists_newest_first_and_shows_one(self):
        self.assert_ends(self.penstock("runs"), 0, "no runs in pipeline_outputs\n")
        self.write("in.csv", IN)
        self.write("copy.toml", COPY)
        self.penstock("run", "copy.toml", "--quiet")
        self.penstock("run", "copy.toml", "--quiet", "--strategy", "threads")
        runs = json.loads(self.penstock("runs", "list", "--json").stdout)["runs"]
        self.assertEqual([run["strategy"] for run in runs], ["threads", "serial"])
        self.assertEqual(len(self.penstock("runs").stdout.splitlines()), 3)
        shown = self.penstock("runs", "show")
        self.assertIn(f"run {runs[0]['run_id']}: done\n", shown.stdout)
        self.assertIn("copy/artifacts/out.csv (text/csv, 48 B)\n", shown.stdout)
        part = runs[1]["run_id"][-6:]
        self.assertEqual(json.loads(self.penstock("runs", "show", part, "--json").stdout)["run"]["run_id"], runs[1]["run_id"])

    def test_runs_lists_a_damaged_run_with_the_reason(self):
        self.write("in.csv", IN)
        self.write("copy.toml", COPY)
        self.penstock("run", "copy.toml", "--quiet")
        run = self.latest("run.json")["run_id"]
        (self.folder / f"pipeline_outputs/runs/{run}/run.json").write_text("{")
        done = self.penstock("runs")
        self.assertRegex(done.stdout, rf"(?m)^{run}  unreadable ")
        self.assertIn(f"unreadable: not the record of a run: pipeline_outputs/runs/{run}/run.json: no JSON object\n", done.stdout)
        listed = json.loads(self.penstock("runs", "--json").stdout)["runs"][0]
        self.assertEqual((listed["status"], listed["started_at"][:4]), ("unreadable", run[:4]))

    def test_init_writes_a_file_that_runs_and_never_overwrites(self):
        self.assert_ends(self.penstock("init", "my.toml"), 0, "wrote my.toml; now: penstock run my.toml\n")
        text = (self.folder / "my.toml").read_text()
        self.assert_ends(self.penstock("run", "my.toml", "--quiet"), 0)
        rows = (self.folder / "pipeline_outputs/latest/example/artifacts/categories.csv").read_text().splitlines()
        self.assertEqual(rows[0], "category,records,mean_ratio")
        self.assertGreater(len(rows), 1)
        self.assert_ends(self.penstock("init", "my.toml"), 1, stderr="penstock: error: cannot create my.toml: it exists already\n"
                         "  try: choose another name: penstock init OTHER.toml\n")
        self.assertEqual((self.folder / "my.toml").read_text(), text)

    def test_doctor_finds_nothing_wrong_here(self):
        done = self.penstock("doctor")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(self.penstock("doctor", "--json").stdout)["ok"], True)

    def test_doctor_says_where_outputs_cannot_go(self):
        self.write("file", "")
        done = self.penstock("doctor", "--out", "file/x")
        self.assertEqual(done.returncode, 1)
        self.assertIn("problem outputs", done.stdout)
        self.assertIn("try: choose a folder with penstock run --out DIR", done.stdout)

    def test_version(self):
        done = self.penstock("version")
        self.assertRegex(done.stdout, r"^penstock \d+\.\d+\.\d+\ncompiled with ")
        self.assertEqual(self.penstock("--version").stdout, done.stdout)
        self.assertIn(json.loads(self.penstock("version", "--json").stdout)["version"], done.stdout)

    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, "ops"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "penstock: error: cannot write to standard output: No space left on device\n"))


class Help(ProgramTest):
    def commands(self):
        return re.findall(r"(?m)^  ([a-z]+) +[A-Z]", self.penstock("--help").stdout.split("Options:")[0])

    def test_every_command_has_help_with_examples(self):
        self.assertGreaterEqual(len(self.commands()), 9)
        for command in self.commands():
            done = self.penstock(command, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(f"\nUsage: penstock {command}", done.stdout)
            self.assertRegex(done.stdout, r"\nExamples:\n  (?=.*penstock )\S")
            self.assertEqual(self.penstock("help", command).stdout, done.stdout)

    def test_the_man_page_names_every_command_and_option(self):
        page = (SOURCE / "docs/man/penstock.1").read_text().replace("\\-", "-")
        for command in self.commands():
            self.assertRegex(page, rf"(?m)^\.BI?R? \"?{command}\b")
            for option in re.findall(r"(?m)^  (--[a-z-]+)", self.penstock(command, "--help").stdout):
                self.assertIn(option, page)

    def test_completion_scripts_know_every_command_and_option(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.penstock("completion", shell).stdout
            for command in self.commands():
                self.assertIn(command, script)
                for option in re.findall(r"(?m)^  --([a-z-]+)", self.penstock(command, "--help").stdout):
                    self.assertIn(option, script)

    def test_bash_completes(self):
        self.write("orders.toml", "")
        script = self.folder / "completion"
        script.write_text(self.penstock("completion", "bash").stdout)

        def complete(*words):
            commands = (f"source {script}; COMP_WORDS=({' '.join(repr(word) for word in words)}); "
                        f"COMP_CWORD={len(words) - 1}; _penstock; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
            bin_folder = self.folder / "bin"
            bin_folder.mkdir(exist_ok=True)
            if not (bin_folder / "penstock").exists():
                (bin_folder / "penstock").symlink_to(PROGRAM)
            path = f"{bin_folder}:{self.environment()['PATH']}"
            return subprocess.run(["bash", "-c", commands], cwd=self.folder, capture_output=True, text=True, check=True,
                                  env=self.environment(PATH=path)).stdout.split()

        self.assertEqual(complete("penstock", "ru"), ["run", "runs"])
        self.assertEqual(complete("penstock", "run", "or"), ["orders.toml"])
        self.assertEqual(complete("penstock", "run", "--strategy", "th"), ["threads"])
        self.assertEqual(complete("penstock", "run", "--mem"), ["--memory-limit"])
        self.assertEqual(complete("penstock", "ops", "csv.w"), ["csv.write"])
        self.assertEqual(complete("penstock", "runs", "sh"), ["show"])
        self.assertEqual(complete("penstock", "runs", "show", "la"), ["latest"])


if __name__ == "__main__":
    main()
