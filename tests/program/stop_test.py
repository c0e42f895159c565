#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Signals, timeouts and kill -9 while a pipeline runs. The input is a named pipe, so that the test decides when it goes on."""
import fcntl
import json
import os
import pathlib
import signal
import sys
import termios
import threading
import time

from program import COPY, ProgramTest, main


class Stop(ProgramTest):
    def begin(self, *words, rows=200000, path="{artifacts}/out.csv", on_error="fail", setup=True, between=""):
        """Starts a run on a pipe, gives it some rows, more than it looks at before it begins, and returns (process, writing end of the pipe)."""
        if setup:
            self.setUp()
        os.mkfifo(self.folder / "in.csv")
        self.write("copy.toml", COPY.replace("{artifacts}/out.csv", path).replace(
            'path = "in.csv"', f'path = "in.csv"\ntypes = {{ id = "int64" }}\non_error = "{on_error}"').replace(
                '[[operator]]\nop = "csv.write"', between + '[[operator]]\nop = "csv.write"'))
        process = self.start("run", "copy.toml", *words)
        pipe = open(self.folder / "in.csv", "w", encoding="utf-8")  # waits until the run reads
        self.addCleanup(self.close, pipe)
        try:
            if rows is not None:  # else not even a header, which the run needs before it can begin
                pipe.write("id\n" + "".join(f"{i}\n" for i in range(rows)))
                pipe.flush()
        except BrokenPipeError:  # a run with a timeout may have ended before it read all
            pass
        return process, pipe

    def begin_with_a_sink_that_waits(self):
        """Starts a run whose output is a pipe that nobody reads, and returns the process when that pipe is full: it cannot drain."""
        self.setUp()
        os.mkfifo(self.folder / "out.pipe")
        out = os.open(self.folder / "out.pipe", os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, out)
        process, pipe = self.begin("--quiet", path="out.pipe", setup=False, rows=1)
        rows = "".join(f"{i}\n" for i in range(200000))
        threading.Thread(target=self.close, args=(pipe, rows), daemon=True).start()
        waiting = bytearray(4)
        while int.from_bytes(waiting, "little") < 60000:
            fcntl.ioctl(out, termios.FIONREAD, waiting)
        return process

    @staticmethod
    def close(pipe, rows=""):
        try:
            pipe.write(rows)
            pipe.close()
        except (BrokenPipeError, ValueError):  # the reader has enough; it is closed already
            pass

    def wait_for(self, process, words):
        """Reads standard error until a line holds the words."""
        while True:
            line = process.stderr.readline()
            self.assertNotEqual(line, "", f"ended without saying {words!r}")
            if words in line:
                return

    def run_folder(self):
        (folder,) = (self.folder / "pipeline_outputs/runs").iterdir()
        return folder

    def test_one_interrupt_drains_and_keeps_what_was_read(self):
        for strategy in ("serial", "threads"):
            with self.subTest(strategy=strategy):
                process, pipe = self.begin("--quiet", "--strategy", strategy)
                process.send_signal(signal.SIGINT)
                self.wait_for(process, "stopping: no more input is read")
                self.close(pipe, "200000\n" * 100000)  # wakes the reader
                self.assertEqual(process.wait(), 130)
                run = self.run_folder()
                self.assertEqual(json.loads((run / "run.json").read_text())["status"], "drained")
                lines = (run / "copy/artifacts/out.csv").read_text().splitlines()
                self.assertEqual(lines[:3], ["id", "0", "1"])
                self.assertTrue(lines[-1].isdigit())
                report = json.loads((run / "metrics.json").read_text())["stages"][0]["report"]
                self.assertEqual(report["records_in"], len(lines) - 1)

    def test_one_interrupt_ends_a_run_whose_input_is_quiet(self):
        for strategy in ("serial", "threads", "parallel"):
            with self.subTest(strategy=strategy):
                process, _ = self.begin("--quiet", "--strategy", strategy, rows=1000)
                process.send_signal(signal.SIGINT)
                self.wait_for(process, "stopping: no more input is read")
                self.assertEqual(process.wait(), 130)  # though nobody writes into the pipe or closes it
                self.assertEqual(self.latest("run.json")["status"], "drained")
                lines = (self.run_folder() / "copy/artifacts/out.csv").read_text().splitlines()
                self.assertEqual(lines, ["id"] + [str(i) for i in range(len(lines) - 1)])

    TEXT = '[[operator]]\nop = "derive"\nset = { text = "utf8(id)" }\n'
    REGEX = '[[operator]]\nop = "regex"\ncolumn = "text"\npattern = "(?P<first>.).*"\n'  # worth a worker

    def test_an_interrupt_leaves_no_process_under_any_strategy(self):
        for strategy in ("serial", "threads", "parallel", "processes", "async", "auto", "hybrid"):
            with self.subTest(strategy=strategy):
                place = 'run_on = "processes(2)"\n' if strategy == "hybrid" else ""
                process, _ = self.begin("--quiet", "--strategy", strategy, rows=20000, between=self.TEXT + self.REGEX + place)
                while strategy in ("processes", "hybrid") and len(self.below(process.pid)) < 2:  # who makes workers, and one
                    self.assertIsNone(process.poll())
                others = self.below(process.pid)
                asked = time.monotonic()
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(), 130)
                print(f"{strategy}: {(time.monotonic() - asked) * 1e3:.0f} ms from SIGINT to the end", file=sys.stderr)
                self.assertEqual([pid for pid in others if self.parent_of(pid)], [])

    def test_auto_remembers_who_lost_worker_processes(self):
        process, pipe = self.begin("--quiet", "--strategy", "processes", "--workers", "1", rows=20000, between=self.TEXT + self.REGEX)
        while len(self.below(process.pid)) < 2:
            self.assertIsNone(process.poll())
        os.kill(self.below(process.pid)[-1], signal.SIGKILL)  # the worker; before it comes who made it
        self.close(pipe, "7\n" * 100000)
        self.assertEqual(process.wait(), 0, process.stderr.read())
        steps = self.latest("metrics.json")["stages"][0]["report"]["steps"]
        self.assertEqual(sum(step["crashes"] for step in steps), 1)
        (self.folder / "in.csv").unlink()
        self.write("in.csv", "id\n1\n")
        done = self.penstock("run", "copy.toml", "--strategy", "auto", "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("may crash, so in worker processes: ", json.dumps(self.latest("plan.json")))

    @staticmethod
    def parent_of(pid):
        """The number of its parent; nothing when it has gone."""
        try:
            return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return None

    def below(self, pid):
        """All processes that came of one."""
        parents = {int(path.name): self.parent_of(path.name) for path in pathlib.Path("/proc").glob("[0-9]*")}
        found = [pid]
        for each in found:
            found += [child for child, parent in parents.items() if parent == each]
        return found[1:]

    def test_two_interrupts_cancel_and_leave_no_output(self):
        process = self.begin_with_a_sink_that_waits()
        process.send_signal(signal.SIGTERM)
        self.wait_for(process, "stopping: ")
        process.send_signal(signal.SIGINT)
        self.wait_for(process, "cancelled: ")
        # The sink still waits in the pipe: it is left behind.
        self.assertEqual(process.wait(), 130)
        self.assertEqual(list((self.run_folder() / "copy/artifacts").iterdir()), [])
        self.assertEqual(self.latest("run.json")["status"], "cancelled")

    def test_three_interrupts_end_the_program(self):
        process = self.begin_with_a_sink_that_waits()
        for words in ("stopping: ", "cancelled: "):
            process.send_signal(signal.SIGINT)
            self.wait_for(process, words)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(), 130)

    def test_a_timeout_ends_a_run_whose_input_never_comes(self):
        for strategy in ("serial", "threads"):
            with self.subTest(strategy=strategy):
                process, _ = self.begin("--quiet", "--timeout", "1s", "--strategy", strategy, rows=10)
                self.assertEqual(process.wait(), 1)
                error = process.stderr.read()
                self.assertRegex(error, r"the run did not end within its timeout of [\d.]+ (ms|s):")  # what is left for the stage
                self.assertIn('"csv.read" has worked on its batch', error)
                self.assertEqual(list((self.run_folder() / "copy/artifacts").iterdir()), [])
                self.assertEqual(self.latest("run.json")["error"]["code"], "timeout")

    def test_a_run_that_waits_before_it_begins_is_given_up(self):
        process, _ = self.begin("--quiet", "--timeout", "100ms", rows=None)
        self.assertEqual(process.wait(), 1)
        self.assertEqual(process.stderr.read(),
                         "penstock: error: the run did not end within its timeout of 100.0 ms, and an operator did not return when it was "
                         "told to stop\n  try: look for an operator that waits for something outside, such as a pipe or a device\n")
        self.assertEqual((self.latest("run.json")["status"], self.latest("run.json")["error"]["code"]), ("failed", "timeout"))

    def test_a_run_that_waits_before_it_begins_can_be_cancelled(self):
        process, _ = self.begin("--quiet", rows=None)
        process.send_signal(signal.SIGINT)
        self.wait_for(process, "stopping: ")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(), 130)
        self.assertEqual(self.latest("run.json")["status"], "cancelled")

    def test_kill_leaves_nothing_half_written(self):
        process, _ = self.begin("--quiet")
        process.kill()
        self.assertEqual(process.wait(), -signal.SIGKILL)
        run = self.run_folder()
        visible = [path for path in run.rglob("*") if path.is_file() and not path.name.startswith(".")]
        self.assertEqual(sorted(path.name for path in visible), ["journal.jsonl", "manifest.json", "run.json"])
        self.assertEqual(json.loads((run / "run.json").read_text())["status"], "running")
        self.assertFalse((self.folder / "pipeline_outputs/latest").exists())
        listed = json.loads(self.penstock("runs", "--json").stdout)["runs"]
        self.assertEqual([each["status"] for each in listed], ["lost"])

    def test_what_a_killed_run_left_can_be_cleaned(self):
        self.setUp()
        self.write("out/out.csv", "old\n")
        process, _ = self.begin("--quiet", path="out/out.csv", on_error="quarantine", setup=False)
        process.kill()
        process.wait()
        left = [path for path in self.folder.rglob("*") if path.name.endswith((".tmp", ".part"))]
        self.assertNotEqual(left, [])
        listed = self.penstock("runs").stdout
        self.assertIn("penstock runs clean removes what it left half-written", listed)
        removed = json.loads(self.penstock("runs", "clean", "--json").stdout)["removed"]
        self.assertEqual(len(removed), len(left))
        self.assertEqual([path for path in left if path.exists()], [])
        self.assertEqual((self.folder / "out/out.csv").read_text(), "old\n")
        self.assert_ends(self.penstock("runs", "clean"), 0, "nothing is left of lost runs in pipeline_outputs\n")

    def test_cleaning_leaves_a_run_that_goes_on_alone(self):
        process, pipe = self.begin("--quiet")
        self.assert_ends(self.penstock("runs", "clean"), 0, "nothing is left of lost runs in pipeline_outputs\n")
        self.close(pipe)
        self.assertEqual(process.wait(), 0)

    def test_while_it_runs_it_is_listed_as_running(self):
        self.begin("--quiet")
        listed = json.loads(self.penstock("runs", "--json").stdout)["runs"]
        self.assertEqual([each["status"] for each in listed], ["running"])


if __name__ == "__main__":
    main()
