#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs that are killed or meet faults at any moment: after resume the artifacts are those of an undisturbed run, and no
stage that had ended well runs twice. Short by default; PENSTOCK_LONG_TESTS=1 does what the counts below say in full."""
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import unittest

from program import PROGRAM, ProgramTest, main

LONG = bool(os.environ.get("PENSTOCK_LONG_TESTS"))
FAULTS = os.environ.get("PENSTOCK_FAULTS_LIBRARY", "")

# Two chains that meet, a pipeline among them, a stage that is not cached, one that leaves nothing.
FLOW = """
[run]
max_parallel = 2
[[stage]]
name = "numbers"
command = ["seq", "1", "2000"]
stdout = "n.csv"
[[stage]]
name = "squares"
[[stage.operator]]
op = "csv.read"
path = "{numbers.artifacts}/n.csv"
header = false
names = ["n"]
[[stage.operator]]
op = "derive"
set = { square = "n * n" }
[[stage.operator]]
op = "csv.write"
path = "{artifacts}/s.csv"
[[stage]]
name = "odd"
shell = true
command = "grep '[13579]$' {numbers.artifacts}/n.csv > parts/odd; wc -l < parts/odd > count"
outputs = ["parts/", "count"]
cache = false
[[stage]]
name = "both"
command = ["cat", "{squares.artifacts}/s.csv", "{odd.artifacts}/count"]
stdout = "both.txt"
[[stage]]
name = "tell"
command = ["test", "-s", "{both.artifacts}/both.txt"]
[[stage]]
name = "each"
for_each = "{odd.artifacts}/count"
command = ["echo", "{item}"]
stdout = "out.txt"
"""
if LONG:  # so that there are more than 300 calls to fail at
    FLOW += "".join(f'''
[[stage]]
name = "more{i}"
command = ["cp", "{{numbers.artifacts}}/n.csv", "n.csv"]
outputs = ["n.csv"]
''' for i in range(12))


class CrashTest(ProgramTest):
    loaded = {}  # what is loaded is code, and so in the keys of pipelines: a resume must load the same

    def setUp(self):
        super().setUp()
        self.write("w.toml", FLOW)
        self.expected = self.undisturbed()

    def undisturbed(self):
        done = self.penstock("run", "w.toml", "--out", "undisturbed")
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.artifacts("undisturbed")

    def artifacts(self, out="pipeline_outputs"):
        root = self.folder / out / "latest"
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(root.glob("*/artifacts/**/*")) if path.is_file()}

    def remove_store(self):
        subprocess.run(["rm", "-rf", str(self.folder / "pipeline_outputs")], check=True)

    def run_with(self, *words, **environment):
        return subprocess.run([PROGRAM, *words], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=self.environment(**environment), check=False)

    def ended_well(self):
        """What the newest run's journal says of its stages."""
        ended = set()
        for run in sorted((self.folder / "pipeline_outputs/runs").glob("*/journal.jsonl"))[-1:]:
            for line in run.read_text().splitlines():
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # the last line, cut by the kill
                if event["event"] == "stage_ended" and event["status"] in ("done", "cached"):
                    ended.add(event["stage"])
        return ended

    def check_store(self):
        """Whatever happened: what is there is whole."""
        root = self.folder / "pipeline_outputs"
        for path in [*root.glob("runs/*/*.json"), *root.glob("runs/*/*/*.json"), *root.glob("cache/*/entry.json")]:
            if not any(part.startswith(".") for part in path.relative_to(root).parts):  # hidden: not in its place yet
                json.loads(path.read_text())
        if (root / "latest").is_symlink():
            self.assertTrue((root / "latest/run.json").exists())
            json.loads((root / "latest/manifest.json").read_text())

    def resume_and_compare(self):
        ended = self.ended_well()
        self.check_store()
        done = self.run_with("resume", **self.loaded)
        if "nothing to resume" in done.stderr:  # it had come to its end
            self.assertEqual(self.artifacts(), self.expected)
            return
        if "no run to resume" in done.stderr:  # it had not begun
            self.assertEqual(ended, set())
            done = self.run_with("run", "w.toml", **self.loaded)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.artifacts(), self.expected)
        statuses = {each["stage"]: each["status"] for stage in self.latest("manifest.json")["stages"] for each in [stage, *stage.get("items", [])]}
        self.assertEqual([name for name in ended if statuses[name] != "cached"], [])


class Killed(CrashTest):
    def test_at_random_moments(self):
        kills, most = (500, 2000) if LONG else (12, 24)  # a run may be done before it is its turn
        seed = int(os.environ.get("PENSTOCK_SEED", "1"))
        chance = random.Random(seed)
        killed, moments = 0, 0
        while killed < kills and moments < most:
            moments += 1
            self.remove_store()
            process = subprocess.Popen([PROGRAM, "run", "w.toml", "--quiet"], cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment())
            try:
                process.wait(chance.uniform(0, 0.08))
            except subprocess.TimeoutExpired:
                process.kill()
                killed += 1
            process.communicate()
            self.resume_and_compare()
        print(f"seed {seed}: {killed} of {moments} runs were killed", file=sys.stderr)
        self.assertGreaterEqual(killed, kills if LONG else 1)

    def test_again_and_again(self):
        """A resume of a resume of a resume."""
        chance = random.Random(2)
        self.penstock("run", "w.toml", "--set", "x=1")  # fails on its parameter, and leaves nothing to resume
        for _ in range(60 if LONG else 4):
            words = ["resume"] if (self.folder / "pipeline_outputs/runs").exists() else ["run", "w.toml"]
            process = subprocess.Popen([PROGRAM, *words], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, env=self.environment())
            try:
                process.wait(chance.uniform(0, 0.04))
            except subprocess.TimeoutExpired:
                process.kill()
            process.communicate()
            self.check_store()
        self.resume_and_compare()


@unittest.skipUnless(FAULTS, "needs the library of faults, which sanitizers cannot load")
class AtEveryCall(CrashTest):
    loaded = {"LD_PRELOAD": FAULTS}

    def faulty(self, fault):
        return self.run_with("run", "w.toml", LD_PRELOAD=FAULTS, PENSTOCK_FAULT=fault)

    def number_of_calls(self):
        self.remove_store()
        self.assertEqual(self.faulty(f"count:{self.folder}/calls").returncode, 0)
        number = int((self.folder / "calls").read_text().split()[-1])
        self.assertGreater(number, 300 if LONG else 50)
        return number

    def points(self, number, most):
        points = range(1, number + 1)
        return points if LONG else sorted(random.Random(3).sample(points, min(most, number)))

    def test_killed(self):
        points = self.points(self.number_of_calls(), 12)
        for point in points:
            with self.subTest(call=point):
                self.remove_store()
                self.faulty(f"kill:{point}")
                self.resume_and_compare()
        print(f"killed at {len(points)} calls", file=sys.stderr)

    def test_errors(self):
        number = self.number_of_calls()
        count = 0
        for kind in ("ENOSPC", "EIO", "EACCES"):
            for point in self.points(number, 6):
                with self.subTest(kind=kind, call=point):
                    self.remove_store()
                    done = self.faulty(f"{kind}:{point}")
                    count += 1
                    self.assertIn(done.returncode, (0, 1), done.stderr)
                    if done.returncode == 1:
                        self.assertIn("penstock: error: ", done.stderr)
                    self.resume_and_compare()
        print(f"{count} calls failed", file=sys.stderr)

    def test_a_disk_that_cannot_sync_ends_the_run(self):
        self.remove_store()
        done = self.run_with("run", "w.toml", "--durable", "true", LD_PRELOAD=FAULTS, PENSTOCK_FAULT=f"count_syncs:{self.folder}/syncs")
        self.assertEqual(done.returncode, 0, done.stderr)
        number = int((self.folder / "syncs").read_text().split()[-1])
        self.assertGreater(number, 20)
        points = self.points(number, 6)
        for point in points:
            with self.subTest(sync=point):
                self.remove_store()
                done = self.run_with("run", "w.toml", "--durable", "true", LD_PRELOAD=FAULTS, PENSTOCK_FAULT=f"no_sync:{point}")
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("cannot sync", done.stderr)
                self.resume_and_compare()
        print(f"{len(points)} of {number} syncs failed", file=sys.stderr)

    def test_short_writes_change_nothing(self):
        for point in self.points(self.number_of_calls(), 6):
            with self.subTest(call=point):
                self.remove_store()
                self.assertEqual(self.faulty(f"short:{point}").returncode, 0)
                self.assertEqual(self.artifacts(), self.expected)


# All of it can be kept, so that a run with nothing to do repeats the one before.
KEPT = """
[[stage]]
name = "numbers"
command = ["seq", "1", "2000"]
stdout = "n.csv"
""" + "".join(f'''
[[stage]]
name = "more{i}"
command = ["cp", "{{numbers.artifacts}}/n.csv", "n.csv"]
outputs = ["n.csv"]
''' for i in range(3))


@unittest.skipUnless(FAULTS, "needs the library of faults, which sanitizers cannot load")
class Repeated(CrashTest):
    """Runs that repeat another one, and removals of what they repeat."""

    loaded = {"LD_PRELOAD": FAULTS}

    def setUp(self):
        ProgramTest.setUp(self)
        self.write("w.toml", KEPT)
        self.expected = self.undisturbed()

    def several_runs(self):
        self.remove_store()
        for _ in range(3):
            self.assertEqual(self.run_with("run", "w.toml", "--quiet", **self.loaded).returncode, 0)

    def check_all(self):
        """What is listed is whole, and a run finds its results."""
        self.check_store()
        listed = json.loads(self.penstock("runs", "list", "--json").stdout)["runs"]
        root = self.folder / "pipeline_outputs/runs"
        for run in listed:
            self.assertEqual(run["status"], "done")
            self.assertTrue((root / run["run_id"] / "numbers/artifacts/n.csv").exists(), run["run_id"])
            self.assertEqual(self.penstock("runs", "show", run["run_id"]).returncode, 0)
        self.assertEqual(self.run_with("run", "w.toml", **self.loaded).returncode, 0)
        self.assertEqual(self.artifacts(), self.expected)
        self.assertEqual({each["status"] for each in self.latest("manifest.json")["stages"]}, {"cached"})

    def at_every_call_of(self, *words):
        self.several_runs()
        done = self.run_with(*words, LD_PRELOAD=FAULTS, PENSTOCK_FAULT=f"count:{self.folder}/calls")
        self.assertEqual(done.returncode, 0, done.stderr)
        number = int((self.folder / "calls").read_text().split()[-1])
        points = range(1, number + 1) if LONG else sorted(random.Random(4).sample(range(1, number + 1), min(6, number)))
        for kind in ("kill", "ENOSPC", "EIO", "EACCES", "short"):
            for point in points:
                with self.subTest(kind=kind, call=point):
                    self.several_runs()
                    done = self.run_with(*words, LD_PRELOAD=FAULTS, PENSTOCK_FAULT=f"{kind}:{point}")
                    # 0 also where it is killed later than it makes calls: what is young is hashed again, and written down, only once.
                    self.assertIn(done.returncode, (0, -9) if kind == "kill" else (0, 1), done.stderr)
                    self.check_all()
        print(f"{words[0]}: 5 faults at {len(points)} of {number} calls", file=sys.stderr)

    def test_a_run(self):
        self.at_every_call_of("run", "w.toml", "--quiet")

    def test_a_removal(self):
        self.at_every_call_of("runs", "gc", "--keep", "2")

    def test_a_file_system_that_cannot_exchange_names_keeps_what_others_use(self):
        self.several_runs()
        for words in (("gc", "--keep", "2"), ("gc", "--keep", "2")):
            done = self.run_with("runs", *words, LD_PRELOAD=FAULTS, PENSTOCK_FAULT="no_exchange:0")
            self.assertEqual(done.returncode, 1)
            self.assertIn("cannot exchange", done.stderr)
            self.check_all()
        done = self.run_with("runs", "gc", "--keep", "0", LD_PRELOAD=FAULTS, PENSTOCK_FAULT="no_exchange:0")
        self.assertEqual(done.returncode, 0, done.stderr)  # those that use it go first
        self.assertEqual(list((self.folder / "pipeline_outputs/runs").iterdir()), [])

    def test_runs_go_on_while_others_are_removed(self):
        self.several_runs()
        rounds = 200 if LONG else 10
        script = f"for i in $(seq {rounds}); do '{PROGRAM}' run w.toml --quiet || exit 1; done"
        removal = f"for i in $(seq {rounds}); do '{PROGRAM}' runs gc --keep 10 > {os.devnull} || exit 1; done"
        started = [subprocess.Popen(["sh", "-c", each], cwd=self.folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                    env=self.environment()) for each in (script, script, removal)]
        for process in started:
            _, said = process.communicate()
            self.assertEqual(process.returncode, 0, said)
        self.check_all()


class Together(CrashTest):
    def test_many_processes_use_one_store(self):
        processes, runs = (8, 200) if LONG else (4, 3)
        script = f"for i in $(seq {runs}); do '{PROGRAM}' run w.toml --quiet || exit 1; done"
        started = [subprocess.Popen(["sh", "-c", script], cwd=self.folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                    env=self.environment()) for _ in range(processes)]
        for process in started:
            _, said = process.communicate()
            self.assertEqual(process.returncode, 0, said)
        self.assertEqual(self.artifacts(), self.expected)
        self.check_store()
        listed = json.loads(self.penstock("runs", "list", "--json").stdout)["runs"]
        self.assertEqual({run["status"] for run in listed}, {"done"})
        self.assertEqual(len(listed), processes * runs)
        print(f"{processes} processes, {runs} runs each", file=sys.stderr)


class Orphans(CrashTest):
    def test_a_command_dies_with_the_program(self):
        self.write("w.toml", f'[[stage]]\nname = "long"\nshell = true\ncommand = "touch {self.folder}/up; exec sleep 1000"\n')
        process = self.start("run", "w.toml")
        while not (self.folder / "up").exists():
            self.assertIsNone(process.poll())
        process.kill()
        process.communicate()
        mine = f"PENSTOCK_RUN={next((self.folder / 'pipeline_outputs/runs').iterdir()).name}".encode()
        while self.any_process_with(mine):  # the kernel kills it; this test has no patience of its own
            pass

    @staticmethod
    def any_process_with(variable):
        for environ in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                if variable in environ.read_bytes():
                    return True
            except OSError:
                pass
        return False


class Resume(ProgramTest):
    def test_a_stage_without_cache_is_taken_over_from_the_run(self):
        self.write("w.toml", f"""
[params]
fail = true
[[stage]]
name = "once"
shell = true
command = "echo ran >> {self.folder}/ran"
[[stage]]
name = "then"
shell = true
command = "test {{params.fail}} = false"
after = ["once"]
""")
        self.assertEqual(self.penstock("run", "w.toml").returncode, 1)
        self.assertEqual(self.penstock("resume").returncode, 1)
        done = self.penstock("resume", "--set", "fail=false")  # a resume of a resume, with another parameter
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.folder / "ran").read_text(), "ran\n")
        self.assertEqual(self.penstock("resume").returncode, 1)  # nothing is left to resume
        self.assertEqual(self.penstock("run", "w.toml", "--set", "fail=false").returncode, 0)
        self.assertEqual((self.folder / "ran").read_text(), "ran\nran\n")  # a run of its own runs it again

    def test_from_a_stage_on_everything_runs(self):
        self.write("w.toml", FLOW)
        self.assertEqual(self.penstock("run", "w.toml").returncode, 0)
        done = self.penstock("run", "w.toml", "--from", "odd", "--reuse", "latest")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({each["stage"]: each["status"] for each in self.latest("manifest.json")["stages"]},
                         {"numbers": "cached", "squares": "cached", "odd": "done", "both": "done", "tell": "done", "each": "done"}
                         | ({f"more{i}": "cached" for i in range(12)} if LONG else {}))
        done = self.penstock("run", "w.toml", "--from", "od")
        self.assertEqual(done.returncode, 2)
        self.assertIn('did you mean "odd"?', done.stderr)

    def test_a_run_of_another_folder_is_refused(self):
        self.write("w.toml", '[[stage]]\nname = "a"\ncommand = ["false"]\n')
        self.assertEqual(self.penstock("run", "w.toml", "--out", str(self.folder / "store")).returncode, 1)
        (self.folder / "below").mkdir()
        done = subprocess.run([PROGRAM, "resume", "--out", str(self.folder / "store")], cwd=self.folder / "below", capture_output=True,
                              text=True, check=False, env=self.environment())
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"cd {self.folder}", done.stderr)


if __name__ == "__main__":
    main()
