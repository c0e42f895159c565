#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs that are compared and removed; runs that are only foreseen; results that are made again to be compared; stages that
are done for each of a list."""
import html.parser
import json
import os
import shutil

from program import ProgramTest, main

FLOW = """
[params]
least = 1
[[stage]]
name = "head"
command = ["head", "-c", "1", "{inputs.source}"]
inputs = { source = "source" }
stdout = "a.txt"
[[stage]]
name = "tail"
command = ["sed", "s/^/{params.least}/", "{head.artifacts}/a.txt"]
stdout = "b.txt"
"""


class RunsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("w.toml", FLOW)
        self.write("source", "x\n")

    def run_well(self, *words):
        done = self.penstock("run", "w.toml", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.latest("run.json")["run_id"]

    def ids(self):
        return [each["run_id"] for each in json.loads(self.penstock("runs", "list", "--json").stdout)["runs"]]

    def json_of(self, *words, code=0):
        done = self.penstock(*words, "--json")
        self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout)

    def statuses(self):
        return {each["stage"]: each["status"] for each in self.latest("manifest.json")["stages"]}


class Differences(RunsTest):
    def test_what_differs_is_named_and_the_rest_is_counted(self):
        first = self.run_well()
        second = self.run_well("--set", "least=2")
        diff = self.json_of("runs", "diff")
        self.assertEqual((diff["before"], diff["now"]), (first, second))
        self.assertIn({"name": "params.least", "before": "1", "now": "2"}, diff["facts"])
        self.assertEqual([each["stage"] for each in diff["stages"]], ["tail"])
        self.assertEqual([each["field"] for each in diff["stages"][0]["key"]], ["command"])
        self.assertEqual([each["name"] for each in diff["stages"][0]["artifacts"]], ["b.txt"])
        self.assertEqual(diff["stages_alike"], 1)
        text = self.penstock("runs", "diff", second, first).stdout
        self.assertIn("params.least: 2 -> 1", text)
        self.assertIn("1 stage alike", text)

    def test_two_runs_alike_differ_in_nothing(self):
        self.run_well()
        self.run_well()
        diff = self.json_of("runs", "diff")
        self.assertEqual((diff["facts"], diff["stages"], diff["stages_alike"]), ([], [], 2))

    def test_needs_two_runs(self):
        self.run_well()
        self.assertEqual(self.penstock("runs", "diff").returncode, 1)
        self.assertEqual(self.penstock("runs", "diff", "a", "b", "c").returncode, 2)


class Removals(RunsTest):
    def test_removes_a_run_and_points_latest_to_the_one_before(self):
        first, second = self.run_well(), self.run_well()
        self.assertEqual(self.penstock("runs", "rm", "latest").returncode, 0)
        self.assertEqual(self.ids(), [first])
        self.assertEqual(self.latest("run.json")["run_id"], first)
        self.assertEqual(self.penstock("runs", "rm", second).returncode, 1)  # it is gone
        self.assertEqual(self.penstock("runs", "rm", first).returncode, 0)
        self.assertFalse((self.folder / "pipeline_outputs/latest").is_symlink())
        self.assertEqual(list((self.folder / "pipeline_outputs/runs").iterdir()), [])
        self.run_well()  # what is kept stays in the cache
        self.assertEqual(set(self.statuses().values()), {"cached"})

    def test_a_run_that_goes_on_stays(self):
        self.write("w.toml", f'[[stage]]\nname = "long"\nshell = true\ncommand = "touch {self.folder}/up; exec sleep 1000"\n')
        self.start("run", "w.toml")
        while not (self.folder / "up").exists():
            pass
        done = self.penstock("runs", "rm", self.ids()[0])
        self.assertEqual(done.returncode, 1)
        self.assertIn("goes on", done.stderr)
        self.assertEqual(self.json_of("runs", "gc", "--keep", "0")["removed"], [])

    def test_gc_keeps_the_newest(self):
        ids = [self.run_well() for _ in range(4)]
        self.assertEqual(self.json_of("runs", "gc", "--keep", "3", "--dry-run")["removed"], ids[:1])
        self.assertEqual(self.ids(), ids[::-1])
        self.assertEqual(self.json_of("runs", "gc", "--keep", "3")["removed"], ids[:1])
        self.assertEqual(self.json_of("runs", "gc", "--max-size", "1")["removed"], [ids[2], ids[1]])
        self.assertEqual(self.json_of("runs", "gc", "--older-than", "0s")["removed"], [])  # the newest one
        self.assertEqual(self.json_of("runs", "gc", "--keep", "0")["removed"], [ids[3]])
        self.assertEqual(self.penstock("runs", "gc").returncode, 2)
        self.assertEqual(self.penstock("runs", "gc", "--keep", "x").returncode, 2)

    def test_what_a_killed_removal_left_goes_with_the_next(self):
        first, second = self.run_well(), self.run_well("--set", "least=2")
        runs = self.folder / "pipeline_outputs/runs"
        (runs / first).rename(runs / f".removed-{first}-1-0")
        self.assertEqual(self.ids(), [second])
        self.assertEqual(self.json_of("runs", "gc", "--keep", "1")["removed"], [])
        self.assertEqual([path.name for path in runs.iterdir()], [second])


    def test_temporaries_of_writers_that_are_gone_go_with_it(self):
        self.run_well()
        root = self.folder / "pipeline_outputs"
        mark = "1-0"  # of no process
        for name in (f"grounds/.x.{mark}-3.tmp", f"runs/.x.json.{mark}-3.tmp", f".digests.{mark}-3.tmp"):
            os.utime(self.write(f"pipeline_outputs/{name}", ""), (1, 1))
        young = self.write(f"pipeline_outputs/grounds/.y.{mark}-3.tmp", "")
        self.json_of("runs", "gc", "--keep", "1")
        self.assertEqual(list(root.rglob(".*.tmp")), [young])


class Repeats(RunsTest):
    """Runs in which nothing is to be done share the folder of the run that they repeat."""

    def repeats(self, run):
        path = self.folder / "pipeline_outputs/runs" / run
        return path.readlink().name if path.is_symlink() else None

    def test_a_run_with_nothing_to_do_repeats_the_one_before(self):
        first = self.run_well()
        done = self.penstock("run", "w.toml")
        self.assertRegex(done.stdout, f"^nothing to do: all 2 stages are kept, as in run {first}\nrun .* done: ")
        second = self.latest("run.json")["run_id"]
        self.assertEqual(self.repeats(second), first)
        self.assertEqual(self.latest("run.json")["repeats"], first)
        self.assertEqual(self.statuses(), {"head": "cached", "tail": "cached"})
        self.assertEqual((self.folder / "pipeline_outputs/latest/tail/artifacts/b.txt").read_text(), "1x")
        third = self.run_well("--quiet")
        self.assertEqual(self.repeats(third), first)
        self.assertEqual(self.ids(), [third, second, first])

    def test_stages_that_were_skipped_are_not_counted(self):
        self.write("w.toml", FLOW + 'when = "params.least > 1"\n')
        self.run_well()
        self.assertIn("nothing to do: 1 stage is kept", self.penstock("run", "w.toml").stdout)

    def test_what_is_told_of_it_is_what_it_would_have_written(self):
        first, second = self.run_well(), self.run_well()
        why = self.json_of("why", "tail", "--run", second)
        self.assertEqual((why["status"], why["reason"], why["differences"]), ("cached", f"kept from run {first}", []))
        self.assertRegex(self.penstock("runs", "show", second).stdout, r"(?m)^stage tail: cached$")
        runs = self.folder / "pipeline_outputs/runs"
        for run in (first, second):
            self.assertEqual(self.penstock("runs", "report", run).returncode, 0)
        self.assertIn(f"kept from run {first}", (runs / f"{second}.report.html").read_text())
        self.assertNotIn(second, (runs / first / "report.html").read_text())
        self.assertEqual(self.penstock("runs", "show", first).stdout.count(": done"), 3)
        self.json_of("runs", "rm", second)
        self.assertEqual([path.name for path in runs.iterdir()], [first])

    def test_another_request_is_another_run(self):
        first = self.run_well()
        self.assertIsNone(self.repeats(self.run_well("--set", "least=2")))
        self.assertEqual(self.repeats(self.run_well()), first)
        self.assertEqual(self.statuses(), {"head": "cached", "tail": "cached"})

    def test_what_was_made_by_hand_after_it_is_seen(self):
        first = self.run_well()
        self.run_well()
        self.write("source", "y\n")
        changed = self.run_well()
        self.assertIsNone(self.repeats(changed))
        self.assertEqual(self.statuses(), {"head": "done", "tail": "done"})
        self.assertEqual(self.repeats(self.run_well()), changed)
        self.write("w.toml", FLOW + "# another text\n")
        self.assertIsNone(self.repeats(self.run_well()))
        self.assertEqual((self.folder / f"pipeline_outputs/runs/{first}/tail/artifacts/b.txt").read_text(), "1x")

    def test_a_program_that_comes_first_in_path_is_seen(self):
        self.run_well()
        own = self.folder / "bin"
        own.mkdir()
        (own / "sed").write_text("#!/bin/sh\necho mine\n")
        (own / "sed").chmod(0o755)
        path = f"{own}:{self.environment()['PATH']}"
        done = self.penstock("run", "w.toml", PATH=path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.statuses(), {"head": "cached", "tail": "done"})
        (own / "sed").unlink()  # and one that goes again
        self.assertEqual(self.penstock("run", "w.toml", PATH=path).returncode, 0)
        self.assertEqual(self.statuses(), {"head": "cached", "tail": "cached"})
        self.assertEqual((self.folder / "pipeline_outputs/latest/tail/artifacts/b.txt").read_text(), "1x")

    def test_an_optional_input_that_comes_is_seen(self):
        self.write("w.toml", """
[[stage]]
name = "both"
shell = true
command = "cat {inputs.one} {inputs.two} > {outputs.all}"
inputs = { one = "source", two = { from = "other", optional = true } }
outputs = { all = "all.txt" }
""")
        first = self.run_well()
        self.assertEqual(self.repeats(self.run_well()), first)
        self.write("other", "y\n")
        self.run_well()
        self.assertEqual((self.folder / "pipeline_outputs/latest/both/artifacts/all.txt").read_text(), "x\ny\n")

    def test_damage_to_its_records_is_seen(self):
        for name in ("run.json", "manifest.json", "head/output.json"):
            for damage in (lambda path: path.write_text("{"), lambda path: path.unlink()):
                shutil.rmtree(self.folder / "pipeline_outputs", ignore_errors=True)
                first = self.run_well()
                self.assertEqual(self.repeats(self.run_well()), first)
                damage(self.folder / "pipeline_outputs/runs" / first / name)
                self.assertIsNone(self.repeats(self.run_well()))

    def test_an_empty_folder_that_goes_is_seen(self):
        self.write("w.toml", '[[stage]]\nname = "none"\ncommand = ["mkdir", "-p", "{outputs.parts}"]\noutputs = { parts = "parts/" }\n')
        first = self.run_well()
        self.assertEqual(self.repeats(self.run_well()), first)
        (self.folder / f"pipeline_outputs/runs/{first}/none/artifacts/parts").rmdir()
        self.assertIsNone(self.repeats(self.run_well()))
        self.assertTrue((self.folder / "pipeline_outputs/latest/none/artifacts/parts").is_dir())

    def test_one_is_resumed_like_any_other(self):
        self.run_well()
        second = self.run_well()
        done = self.penstock("resume", second, "--set", "least=2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.statuses(), {"head": "cached", "tail": "done"})

    def test_the_folder_outlives_the_run(self):
        first, second, third = self.run_well(), self.run_well(), self.run_well()
        self.assertEqual(self.json_of("runs", "gc", "--keep", "2")["removed"], [first])
        heir, other = sorted((second, third), key=lambda run: self.repeats(run) is not None)  # ids are as fine as a second
        self.assertEqual((self.repeats(heir), self.repeats(other)), (None, heir))
        self.assertEqual(self.statuses(), {"head": "cached", "tail": "cached"})
        self.run_well()  # its grounds are gone with the run
        self.assertEqual(self.statuses(), {"head": "cached", "tail": "cached"})
        self.assertEqual((self.folder / "pipeline_outputs/latest/tail/artifacts/b.txt").read_text(), "1x")
        self.assertEqual(self.json_of("runs", "rm", heir)["removed"], [heir])
        self.assertEqual((self.folder / f"pipeline_outputs/runs/{other}/tail/artifacts/b.txt").read_text(), "1x")


class Pages(RunsTest):
    def test_the_timeline_is_drawn(self):
        self.run_well()
        shown = self.penstock("runs", "show").stdout
        self.assertRegex(shown, r"(?m)^head  done \|[ =]+\| .*s$")
        self.assertRegex(shown, r"(?m)^tail  done \| +=+ *\| .*s$")

    def test_a_page_tells_all_and_needs_nothing_else(self):
        self.write("w.toml", FLOW + """
[[stage]]
name = "rows"
[[stage.operator]]
op = "csv.read"
path = "rows.csv"
[[stage.operator]]
op = "csv.write"
path = "{artifacts}/rows.csv"
[[stage]]
name = "odd"
shell = true
command = "echo '<script>alert(1)</script>' >&2; exit 3"
after = ["rows"]
""")
        self.write("rows.csv", "a\n1\n")
        self.assertEqual(self.penstock("run", "w.toml", "--report").returncode, 1)
        page = (self.folder / "pipeline_outputs/latest/report.html").read_text()
        for text in ("csv.write", "rows/artifacts/rows.csv", "no result of this key", "<svg", "&lt;script&gt;", "exit code 3", "params.least"):
            self.assertIn(text, page)
        for text in ("<script", "http:", "https:", "<link", "<img"):
            self.assertNotIn(text, page)
        parser = Links()
        parser.feed(page)
        self.assertEqual(parser.open, [])
        for link in parser.links:
            self.assertTrue((self.folder / "pipeline_outputs/latest" / link).is_file(), link)
        self.write("source", "y")
        self.assertEqual(self.penstock("run", "w.toml").returncode, 1)
        done = self.penstock("runs", "report", "--to", "page.html")
        self.assertEqual((done.returncode, done.stdout), (0, "page.html\n"))
        self.assertIn("<code>input.source</code>: ", (self.folder / "page.html").read_text())

    def test_a_page_of_very_many_stages_stays_small(self):
        self.write("w.toml", "".join(f'[[stage]]\nname = "s{i}"\nwhen = false\ncommand = ["true"]\noutputs = ["{"x" * 150}{i}"]\n' for i in range(1500)))
        self.run_well("--report")
        page = (self.folder / "pipeline_outputs/latest/report.html").read_text()
        self.assertLess(len(page), 2 << 20)
        self.assertIn("500 more are in <code>manifest.json</code>", page)


class Links(html.parser.HTMLParser):
    """The targets of links, and the elements that were never closed."""
    VOID = ("meta", "br")

    def __init__(self):
        super().__init__()
        self.links, self.open = [], []

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name == "href"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


class Forecasts(RunsTest):
    def foreseen(self, *words):
        return {each["stage"]: (each["foresight"], each["reason"]) for each in self.json_of("run", "w.toml", "--dry-run", *words)["stages"]}

    def test_says_what_would_run_and_why_and_runs_nothing(self):
        self.assertEqual(self.foreseen()["head"], ("runs", "no run has made it before"))
        self.assertEqual(self.foreseen()["tail"][0], "depends")
        self.assertFalse((self.folder / "pipeline_outputs/runs").exists())
        run = self.run_well()
        self.assertEqual(self.foreseen(), {"head": ("kept", f"kept from run {run}"), "tail": ("kept", f"kept from run {run}")})
        self.write("source", "y\n")
        what, reason = self.foreseen()["head"]
        self.assertEqual(what, "runs")
        self.assertTrue(reason.startswith(f"input.source is not that of run {run}: "), reason)
        self.write("source", "x\n")
        self.assertIn(f"command is not that of run {run}", self.foreseen("--set", "least=3")["tail"][1])
        self.assertEqual(self.ids(), [run])

    def test_damage_and_missing_inputs_are_seen(self):
        self.run_well()
        for path in (self.folder / "pipeline_outputs/cache").glob("*/artifacts/a.txt"):
            path.chmod(0o644)
            path.write_text("bad")
        self.assertIn("damaged", self.foreseen()["head"][1])
        (self.folder / "source").unlink()
        self.assertEqual(self.foreseen()["head"], ("fails", "the input source is not there"))
        self.assertEqual(self.foreseen()["tail"][0], "fails")

    def test_what_is_foreseen_happens(self):
        for change in (lambda: None, lambda: self.write("source", "z"), lambda: shutil.rmtree(self.folder / "pipeline_outputs/cache")):
            change()
            foreseen = self.foreseen()
            self.run_well()
            for stage, status in self.statuses().items():
                self.assertIn((foreseen[stage][0], status), {("runs", "done"), ("kept", "cached"), ("depends", "done"), ("depends", "cached")})


class Verified(RunsTest):
    def test_results_that_are_the_same_pass(self):
        run = self.run_well()
        self.run_well("--verify", "100%")
        self.assertEqual(self.statuses(), {"head": "done", "tail": "done"})
        self.assertEqual(self.latest("manifest.json")["stages"][0]["reason"], f"made again, and the same as kept from run {run}")
        self.run_well("--verify", "0%")
        self.assertEqual(self.statuses(), {"head": "cached", "tail": "cached"})

    def test_a_result_that_differs_fails(self):
        self.write("w.toml", '[[stage]]\nname = "random"\nshell = true\ncommand = "date +%N > out"\noutputs = ["out"]\n')
        self.run_well()
        done = self.penstock("run", "w.toml", "--verify", "100%")
        self.assertEqual(done.returncode, 1)
        self.assertIn("made another out than run", done.stderr)
        self.run_well()  # what was kept is still there
        self.assertEqual(self.statuses(), {"random": "cached"})
        self.assertEqual(self.penstock("run", "w.toml", "--verify", "1").returncode, 2)


EACH = """
[run]
max_parallel = 2
[[stage]]
name = "list"
command = ["cat", "{inputs.names}"]
inputs = { names = "names" }
stdout = "list.txt"
[[stage]]
name = "each"
for_each = "{list.artifacts}/list.txt"
shell = true
command = "printf '%s|' {item} > out.txt; echo x >> %s/ran"
outputs = ["out.txt"]
[[stage]]
name = "all"
shell = true
command = "cat {each.artifacts}/*/out.txt > all.txt"
outputs = ["all.txt"]
"""


class ForEach(RunsTest):
    def setUp(self):
        super().setUp()
        self.write("w.toml", EACH.replace("%s/ran", f"{self.folder}/ran"))

    def ran(self):
        path = self.folder / "ran"
        count = len(path.read_text().split()) if path.exists() else 0
        path.unlink(missing_ok=True)
        return count

    def all(self):
        return (self.folder / "pipeline_outputs/latest/all/artifacts/all.txt").read_text()

    def test_a_stage_is_done_for_each_and_the_order_is_that_of_the_list(self):
        self.write("names", "b\na b\n$(id)'\n" + "".join(f"n{i}\n" for i in range(20)))
        self.run_well()
        self.assertEqual(self.all(), "b|a b|$(id)'|" + "".join(f"n{i}|" for i in range(20)))
        self.assertEqual(self.ran(), 23)
        stage = self.latest("manifest.json")["stages"][1]
        self.assertEqual((stage["reason"], len(stage["items"])), ("23 items, 0 of them kept", 23))

    def test_only_new_items_run(self):
        self.write("names", "a\nb\nc\n")
        self.run_well()
        self.assertEqual(self.ran(), 3)
        self.write("names", "new\nc\nb\n")
        self.run_well()
        self.assertEqual((self.ran(), self.all()), (1, "new|c|b|"))
        self.run_well()
        self.assertEqual((self.ran(), self.statuses()), (0, {"list": "cached", "each": "cached", "all": "cached"}))

    def test_a_list_may_be_empty(self):
        self.write("names", "")
        self.write("w.toml", EACH.replace("cat {each.artifacts}/*/out.txt", "ls {each.artifacts}"))
        self.run_well()
        self.assertEqual(self.all(), "")

    def test_each_file_of_a_folder(self):
        self.write("w.toml", """
[[stage]]
name = "split"
shell = true
command = "printf one > parts/1; printf two > parts/2"
outputs = { parts = "parts/" }
[[stage]]
name = "each"
for_each = "split.outputs.parts"
command = ["sed", "s/$/!/", "{item}"]
stdout = "out.txt"
[[stage]]
name = "rows"
for_each = "data"
[[stage.operator]]
op = "csv.read"
path = "{item}"
[[stage.operator]]
op = "csv.write"
path = "{artifacts}/out.csv"
""")
        self.write("data/x.csv", "a\n1\n")
        self.write("data/y.csv", "a\n2\n")
        self.run_well()
        made = self.folder / "pipeline_outputs/latest/each/artifacts"
        self.assertEqual([(made / name / "out.txt").read_text() for name in ("00000", "00001")], ["one!", "two!"])
        rows = self.folder / "pipeline_outputs/latest/rows/artifacts"
        self.assertEqual([(rows / name / "out.csv").read_text() for name in ("00000", "00001")], ["a\n1\n", "a\n2\n"])
        self.write("data/y.csv", "a\n3\n")
        self.run_well()
        self.assertEqual([each["status"] for each in self.latest("manifest.json")["stages"][2]["items"]], ["cached", "done"])

    def test_an_item_looks_at_its_own_file_and_not_at_those_of_others(self):
        self.write("w.toml", """
[run]
max_parallel = 1
on_failure = "continue"
[[stage]]
name = "split"
shell = true
command = "for i in 1 2 3; do echo $i > parts/$i; done"
outputs = { parts = "parts/" }
[[stage]]
name = "each"
for_each = "split.outputs.parts"
shell = true
command = "cd $(dirname {item}); test $(basename {item}) != 1 || { chmod u+w 3; echo bad > 3; }"
""")
        done = self.penstock("run", "w.toml")
        self.assertEqual(done.returncode, 1)
        self.assertIn('split/artifacts/parts/3 is not what stage "split" made', done.stderr)
        self.assertEqual([each["status"] for each in self.latest("manifest.json")["stages"][1]["items"]], ["done", "done", "failed"])

    def test_an_item_that_fails_fails_the_stage_and_resume_goes_on(self):
        self.write("w.toml", EACH.replace("printf", f"test {{item}} != bad || test -e {self.folder}/mended && printf", 1).replace("%s/ran", f"{self.folder}/ran")
                   .replace("max_parallel = 2", "max_parallel = 1"))
        self.write("names", "a\nbad\nc\n")
        done = self.penstock("run", "w.toml", "--on-failure", "continue")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.statuses(), {"list": "done", "each": "failed", "all": "not_run"})
        self.assertEqual([each["status"] for each in self.latest("manifest.json")["stages"][1]["items"]], ["done", "failed", "done"])
        (self.folder / "mended").touch()
        self.ran()
        self.assertEqual(self.penstock("resume").returncode, 0)
        self.assertEqual((self.ran(), self.all()), (1, "a|bad|c|"))

    def test_mistakes_are_named_with_their_place(self):
        self.write("names", "a\n")
        for text, expected in ((EACH.replace("for_each = \"{list.artifacts}/list.txt\"\n", ""), 'unknown'),
                               (EACH.replace("{list.artifacts}/list.txt", "{lost.artifacts}/list.txt"), '"list"'),
                               (EACH.replace("\"{list.artifacts}/list.txt\"", "3"), "for_each must be a list")):
            self.write("w.toml", text)
            done = self.penstock("check", "w.toml")
            if expected == "unknown":  # braces that name nothing stay as they are
                self.assertEqual(done.returncode, 0, done.stderr)
            elif expected:
                self.assertEqual(done.returncode, 2, done.stdout)
                self.assertIn(expected, done.stderr)



class KeptByALink(ProgramTest):
    """The folder of a kept stage is a link to that of the run that made it, as long as that run is there."""

    texts = 0

    def run_once(self):
        self.texts += 1  # of another file, so that it does not repeat the run before as a whole
        self.write("w.toml", f'[[stage]]\nname = "a"\ncommand = ["echo", "x"]\nstdout = "out"\n# {self.texts}\n')
        self.assertEqual(self.penstock("run", "w.toml").returncode, 0)
        return (self.folder / "pipeline_outputs/latest").resolve()

    def test_what_others_use_outlives_the_run_that_made_it(self):
        maker, second, third = self.run_once(), self.run_once(), self.run_once()
        for user in (second, third):
            self.assertEqual((user / "a").readlink().as_posix(), f"../{maker.name}/a")
        for removed, users in ((maker, (second, third)), (third, (second,))):
            self.assertEqual(self.penstock("runs", "rm", removed.name).returncode, 0)
            self.assertFalse(removed.exists())
            for user in users:
                self.assertEqual((user / "a/artifacts/out").read_text(), "x\n")
                self.assertEqual(json.loads((user / "a/output.json").read_text())["_meta"]["stage"], "a")
        self.assertFalse((second / "a").is_symlink())
        newest = self.run_once()  # who made it is gone: files are taken from the cache
        self.assertFalse((newest / "a").is_symlink())
        self.assertEqual(self.latest("manifest.json")["stages"][0]["status"], "cached")

    def test_why_says_that_it_was_taken_over(self):
        self.run_once()
        self.run_once()
        self.assertIn("taken over", self.penstock("why", "a").stdout)

    def test_a_changed_entry_of_the_cache_is_not_taken_from_the_index(self):
        self.run_once()
        entry = next((self.folder / "pipeline_outputs/cache").glob("*/entry.json"))
        entry.write_text(entry.read_text().replace('"stage": "a"', '"stage": "b"'))
        self.run_once()
        self.assertEqual(self.latest("manifest.json")["stages"][0]["status"], "done")


if __name__ == "__main__":
    main()
