#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Workflows of commands and pipelines: order, attempts, fallbacks, failures, limits, logs, refusals."""
import hashlib
import json
import os
import pathlib
import signal
import time

from program import ProgramTest, main


def stage(name, command, keys=""):
    words = json.dumps(command) if isinstance(command, str) else json.dumps(list(command))
    shell = "shell = true\n" if isinstance(command, str) else ""
    return f'[[stage]]\nname = "{name}"\ncommand = {words}\n{shell}{keys}\n'


class WorkflowTest(ProgramTest):
    def run_file(self, text, *words, code=0):
        self.write("w.toml", text)
        done = self.penstock("run", "w.toml", *words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def statuses(self):
        return {each["stage"]: each["status"] for each in self.latest("manifest.json")["stages"]}

    def stage_of(self, name):
        return next(each for each in self.latest("manifest.json")["stages"] if each["stage"] == name)

    def artifact(self, path):
        return (self.folder / "pipeline_outputs/latest" / path).read_text()

    def log(self, stage_name, stream="stdout", attempt=1):
        return self.artifact(f"{stage_name}/logs/{attempt}.{stream}.txt")


class Running(WorkflowTest):
    def test_files_go_from_stage_to_stage(self):
        self.write("in.csv", "country,amount\nde,1\nfr,2\nde,4\n")
        self.run_file("""
[[stage]]
name = "sum"
[[stage.operator]]
op = "csv.read"
path = "{cut.artifacts}/rows.csv"
[[stage.operator]]
op = "aggregate"
by = "country"
compute = { total = "sum(amount)" }
[[stage.operator]]
op = "csv.write"
path = "{artifacts}/sums.csv"
""" + stage("cut", ["grep", "-v", "fr", "{inputs.data}"], 'inputs = { data = "in.csv" }\nstdout = "rows.csv"')
                      + stage("show", ["cat", "{inputs.sums}"], 'inputs = { sums = "{sum.artifacts}/sums.csv" }\nstdout = "shown.txt"'))
        self.assertEqual(self.artifact("show/artifacts/shown.txt"), "country,total\nde,5\n")
        self.assertEqual(self.statuses(), {"sum": "done", "cut": "done", "show": "done"})

    def test_a_command_works_in_a_folder_of_its_own_and_keeps_only_its_outputs(self):
        self.run_file(stage("make", "pwd; ls; echo scratch > scratch.txt; echo kept > a/b.txt; echo 1 > parts/1", 'outputs = ["a/b.txt", "parts/"]'))
        folder = self.folder / "pipeline_outputs/latest/make"
        self.assertEqual(sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()),
                         ["artifacts/a/b.txt", "artifacts/parts/1", "key.json", "logs/1.stdout.txt", "output.json"])
        self.assertIn("/.stage-", self.log("make").split("\n")[0])

    def test_the_environment_is_what_the_file_says(self):
        self.write("w.toml", stage("env", ["env"], 'env = { LEVEL = 3, WHERE = "{artifacts}/x" }\npass_env = ["WANTED"]'))
        done = self.penstock("run", "w.toml", WANTED="yes", SECRET="no")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = dict(line.split("=", 1) for line in self.log("env").splitlines())
        self.assertEqual((lines["LEVEL"], lines["WANTED"], lines["PENSTOCK_STAGE"]), ("3", "yes", "env"))
        self.assertTrue(lines["WHERE"].startswith("/"))
        self.assertNotIn("SECRET", lines)

    def test_arguments_are_passed_as_they_are(self):
        self.run_file(stage("say", ["printf", "%s|", "a b", "$HOME", "*", "", "it's {x y}"]))
        self.assertEqual(self.log("say"), "a b|$HOME|*||it's {x y}|")

    def test_stages_that_do_not_need_each_other_run_at_once(self):
        # Each waits until the other has begun.
        meet = "touch {params.dir}/%s; while ! test -e {params.dir}/%s; do sleep 0.01; done"
        text = f'[run]\nmax_parallel = 2\n[params]\ndir = "{self.folder}"\n' + stage("a", meet % ("a", "b")) + stage("b", meet % ("b", "a"))
        self.run_file(text)

    def test_resources_keep_stages_apart(self):
        alone = f"mkdir {self.folder}/busy && sleep 0.05 && rmdir {self.folder}/busy"
        text = "[run]\nmax_parallel = 4\nresources = { gpu = 1 }\n"
        self.run_file(text + "".join(stage(f"s{i}", alone, "resources = { gpu = 1 }") for i in range(4)))

    def test_conditions_skip_and_what_needs_the_artifacts_is_skipped_too(self):
        text = "[params]\nreport = false\n" + stage("report", "echo r > r", 'outputs = ["r"]\nwhen = "params.report"') + \
            stage("mail", "cat {inputs.r}/r", 'inputs = { r = "report.artifacts" }') + \
            stage("may", "test -z '{inputs.r}'", 'inputs = { r = { from = "{report.artifacts}/r", optional = true } }') + \
            stage("later", "true", 'after = ["report"]')
        self.run_file(text)
        self.assertEqual(self.statuses(), {"report": "skipped", "mail": "skipped", "may": "done", "later": "done"})
        self.assertEqual(self.stage_of("mail")["reason"], 'stage "report", whose artifacts it needs, was skipped')
        self.run_file(text.replace("test -z", "test -n"), "--set", "report=true")
        self.assertEqual(self.statuses(), {"report": "done", "mail": "done", "may": "done", "later": "done"})


class Failing(WorkflowTest):
    def test_a_failure_says_what_the_command_said(self):
        done = self.run_file(stage("bad", "echo half; echo the reason >&2; exit 3", 'outputs = ["x"]'), code=1)
        self.assertIn("w.toml:3:1/bad: the command failed with exit code 3; it said:\nthe reason", done.stderr)
        self.assertEqual(self.statuses(), {"bad": "failed"})
        self.assertFalse((self.folder / "pipeline_outputs/latest/bad/artifacts").exists())

    def test_an_output_that_is_missing_or_a_link_is_refused_at_its_place(self):
        done = self.run_file(stage("bad", ["true"], 'outputs = ["x"]'), code=1)
        self.assertIn("w.toml:4:12/bad: the command ended well, but there is no x", done.stderr)
        done = self.run_file(stage("bad", ["ln", "-s", "/etc/passwd", "x"], 'outputs = ["x"]'), code=1)
        self.assertIn("w.toml:4:12/bad: x is a symbolic link", done.stderr)
        done = self.run_file(stage("bad", "rm -r d && ln -s /etc d", 'outputs = ["d/passwd"]'), code=1)
        self.assertIn("d is a symbolic link", done.stderr)
        done = self.run_file(stage("bad", "ln -s /etc/passwd d/x", 'outputs = ["d/"]'), code=1)
        self.assertIn("d/x is a symbolic link", done.stderr)

    def test_a_program_that_is_not_there_is_named(self):
        done = self.run_file(stage("bad", ["no-such-program"]), code=1)
        self.assertIn('w.toml:3:1/bad: no program "no-such-program" in the folders of PATH', done.stderr)
        self.assertEqual(self.penstock("check", "w.toml").returncode, 1)

    def test_an_input_that_is_not_there_is_named(self):
        done = self.run_file(stage("bad", ["cat", "{inputs.x}"], 'inputs = { x = "gone.csv" }'), code=1)
        self.assertIn("w.toml:4:16/bad: the input gone.csv is not there", done.stderr)

    def test_an_input_may_say_what_it_has_to_be(self):
        digest = hashlib.sha256(b"1\n").hexdigest()
        self.write("in.txt", "1\n")
        text = stage("copy", ["cat", "{inputs.data}"], f'inputs = {{ data = {{ from = "in.txt", sha256 = "{digest}" }} }}\nstdout = "out.txt"')
        self.run_file(text)
        self.assertEqual(self.artifact("copy/artifacts/out.txt"), "1\n")
        self.write("in.txt", "2\n")
        done = self.penstock("run", "w.toml")
        self.assertEqual(done.returncode, 1)
        self.assertIn("in.txt is not what the reference says", done.stderr)
        self.assertIn("w.toml:", done.stderr)
        self.write("w.toml", text.replace(digest, "12"))
        self.assertIn("64 hexadecimal digits", self.penstock("run", "w.toml").stderr)

    def test_what_is_behind_a_uri_counts_by_its_digest(self):
        text = stage("copy", ["echo", "{inputs.data}"], f'inputs = {{ data = {{ from = "s3://bucket/a.bin", sha256 = "{"0" * 64}" }} }}\nstdout = "out.txt"')
        self.run_file(text)
        self.assertEqual(self.artifact("copy/artifacts/out.txt"), "s3://bucket/a.bin\n")
        self.run_file(text)
        self.assertEqual(self.statuses(), {"copy": "cached"})
        self.run_file(text.replace("0" * 64, "1" * 64))
        self.assertEqual(self.statuses(), {"copy": "done"})

    def test_attempts_until_one_succeeds(self):
        again = f"echo x >> {self.folder}/tries; test $(wc -l < {self.folder}/tries) -ge 3 && echo done > out"
        self.run_file(stage("flaky", again, 'outputs = ["out"]\nretry = { max_attempts = 5, delay = "1ms" }'))
        self.assertEqual(self.stage_of("flaky")["attempts"], 3)
        self.assertEqual(self.artifact("flaky/artifacts/out"), "done\n")

    def test_only_the_named_causes_are_tried_again(self):
        self.run_file(stage("a", "exit 4", 'retry = { max_attempts = 3, delay = "1ms", retry_on = ["exit:3", "timeout"] }'), code=1)
        self.assertEqual(self.stage_of("a")["attempts"], 1)
        self.run_file(stage("a", "kill -9 $$", 'retry = { max_attempts = 3, delay = "1ms", retry_on = ["signal:9"] }'), code=1)
        self.assertEqual(self.stage_of("a")["attempts"], 3)

    def test_a_fallback_takes_the_place(self):
        self.run_file(stage("plot", "exit 1", 'outputs = ["p.txt"]\nfallback = "plain"')
                      + stage("plain", "echo plain > p.txt", 'outputs = ["p.txt"]')
                      + stage("use", ["cat", "{plot.artifacts}/p.txt"], 'stdout = "out"'))
        self.assertEqual(self.statuses(), {"plot": "fallback", "plain": "done", "use": "done"})
        self.assertEqual(self.artifact("use/artifacts/out"), "plain\n")

    def test_a_fallback_that_fails_fails_the_stage(self):
        self.run_file(stage("a", "exit 1", 'fallback = "b"') + stage("b", "exit 2") + stage("c", "true", 'after = ["a"]'), code=1)
        self.assertEqual(self.statuses(), {"a": "failed", "b": "failed", "c": "not_run"})

    def test_what_happens_to_the_others_is_chosen(self):
        text = stage("bad", "exit 1") + stage("child", "true", 'after = ["bad"]') + stage("x", "true") + stage("y", "true", 'after = ["x"]') + \
            stage("tidy", "true", "finally = true")
        self.run_file("[run]\nmax_parallel = 1\n" + text, "--on-failure", "continue", code=1)
        self.assertEqual(self.statuses(), {"bad": "failed", "child": "not_run", "x": "done", "y": "done", "tidy": "done"})
        self.run_file("[run]\nmax_parallel = 1\n" + text, code=1)
        self.assertEqual(self.statuses(), {"bad": "failed", "child": "not_run", "x": "not_run", "y": "not_run", "tidy": "done"})
        self.assertEqual(self.stage_of("y")["reason"], 'stage "x" was not run')

    def test_a_failure_may_stop_those_that_run(self):
        wait = f"touch {self.folder}/up; sleep 1000"
        bad = f"while ! test -e {self.folder}/up; do sleep 0.01; done; exit 1"
        self.run_file('[run]\nmax_parallel = 2\non_failure = "stop"\n' + stage("long", wait) + stage("bad", bad), code=1)
        self.assertEqual(self.statuses(), {"long": "cancelled", "bad": "failed"})

    def test_the_time_of_a_stage_ends_its_whole_group(self):
        stubborn = f"trap '' TERM; (trap '' TERM; echo $$; sleep 1000) & sleep 1000; sleep 1000"
        done = self.run_file(stage("slow", stubborn, 'timeout = "100ms"\nkill_after = "50ms"'), code=1)
        self.assertIn("the command did not end in time", done.stderr)
        marked = f"PENSTOCK_RUN={self.latest('run.json')['run_id']}".encode()
        for process in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                self.assertNotIn(marked, process.read_bytes())
            except OSError:
                pass

    def test_children_left_behind_do_not_hold_up_the_run(self):
        self.run_file(stage("parent", "sleep 1000 & echo out > x", 'outputs = ["x"]'))
        self.run_file(stage("parent", "exec >&- 2>&-; true"))

    def test_a_log_without_end_is_bounded(self):
        size = 10_000_000_000 if os.environ.get("PENSTOCK_LONG_TESTS") else 30_000_000
        self.run_file(stage("loud", f"echo first; head -c {size} /dev/zero | tr '\\0' x; echo; echo last", 'log_limit = "64KiB"'))
        log = self.log("loud")
        self.assertLess(len(log), 66_000)
        self.assertTrue(log.startswith("first\n") and log.endswith("last\n"))
        self.assertIn("bytes left out ...]", log)

    def test_a_command_that_deletes_its_inputs_harms_no_cache(self):
        self.write("in", "x")
        text = stage("make", "cp {inputs.i} made", 'inputs = { i = "in" }\noutputs = ["made"]') + \
            stage("rude", "rm -f {make.artifacts}/made; echo y > out", 'outputs = ["out"]')
        self.run_file(text, code=1)  # its input was changed while it read it
        self.run_file(stage("make", "cp {inputs.i} made", 'inputs = { i = "in" }\noutputs = ["made"]'))
        self.assertEqual(self.statuses(), {"make": "cached"})
        self.assertEqual(self.artifact("make/artifacts/made"), "x")

    def test_ctrl_c_lets_commands_finish_and_starts_no_other(self):
        self.write("w.toml", "[run]\nmax_parallel = 1\n" + stage("first", f"touch {self.folder}/up; while ! test -e {self.folder}/go; do sleep 0.01; done; echo 1 > x",
                         'outputs = ["x"]') + stage("second", "true", 'after = ["first"]'))
        process = self.start("run", "w.toml")
        while not (self.folder / "up").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        self.assertIn("stopping", process.stderr.readline())
        (self.folder / "go").touch()
        self.assertEqual(process.wait(), 130)
        self.assertEqual(self.statuses(), {"first": "done", "second": "not_run"})
        self.assertEqual(self.latest("run.json")["status"], "drained")
        self.assertEqual(self.penstock("resume").returncode, 0)
        self.assertEqual(self.statuses(), {"first": "cached", "second": "done"})

    def test_a_second_one_ends_them(self):
        self.write("w.toml", stage("long", f"touch {self.folder}/up; trap '' TERM; while :; do sleep 1000; done"))
        process = self.start("run", "w.toml")
        while not (self.folder / "up").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(), 130)
        self.assertEqual(self.statuses(), {"long": "cancelled"})


class Showing(WorkflowTest):
    TEXT = stage("make", "echo 1 > x", 'outputs = ["x"]') + stage("use", "cat {make.artifacts}/x")

    def test_graph_and_plan(self):
        self.write("w.toml", self.TEXT)
        self.assert_ends(self.penstock("graph", "w.toml"), 0, "wave 1\n  make (command)\nwave 2\n  use (command) <- make\n")
        self.assertIn('"make" -> "use"', self.penstock("graph", "w.toml", "--format", "dot").stdout)
        plan = self.penstock("plan", "w.toml").stdout
        self.assertIn("mode: process, as it is a program", plan)

    def test_the_stages_are_listed_with_what_became_of_them(self):
        done = self.run_file(self.TEXT)
        self.assertRegex(done.stdout, r"stage +status +attempts +took +why\nmake +done +1 .*\nuse +done +1 ")
        done = self.run_file(self.TEXT)
        self.assertRegex(done.stdout, r"make +cached .* kept from run \d{8}_")


if __name__ == "__main__":
    main()
