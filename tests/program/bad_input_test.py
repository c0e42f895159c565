#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Wrong usage, wrong files and a hostile file system: the exact message, the exit code, and nothing left behind."""
import json

from program import COPY, ProgramTest, main

RUN_USAGE = "  try: penstock run [OPTION]... FILE; penstock run --help says more\n"


class Usage(ProgramTest):
    def error(self, *words):
        done = self.penstock(*words)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(self.files(), [])
        return done.stderr.removeprefix("penstock: error: ")

    def test_no_command_shows_the_help(self):
        done = self.penstock()
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("Usage: penstock COMMAND", done.stderr)

    def test_messages(self):
        self.assertEqual(self.error("rnu"), 'unknown command: "rnu"\n  try: did you mean "run"?\n')
        self.assertEqual(self.error("run"), "penstock run: FILE is missing\n" + RUN_USAGE)
        self.assertEqual(self.error("run", "a", "b"), 'penstock run: unexpected argument: "b"\n' + RUN_USAGE)
        self.assertEqual(self.error("run", "--strateg", "x", "a"), "penstock run: unknown option: --strateg\n  try: did you mean --strategy?\n")
        self.assertEqual(self.error("run", "a", "--xyzzy"), "penstock run: unknown option: --xyzzy\n" + RUN_USAGE)
        self.assertEqual(self.error("run", "a", "--batch-size"), "penstock run: --batch-size needs a value: N\n" + RUN_USAGE)
        self.assertEqual(self.error("run", "a", "--quiet=yes"), "penstock run: --quiet takes no value\n" + RUN_USAGE)
        self.assertEqual(self.error("run", "a", "--out", "x", "--out", "y"), "penstock run: --out is given twice\n" + RUN_USAGE)
        self.assertEqual(self.error("run", "a", "--log-level", "loud"),
                         'penstock run: --log-level must be one of debug, info, warning, error, off, but is "loud"\n'
                         "  try: known: debug, info, warning, error, off\n")
        self.assertEqual(self.error("runs", "shwo"), 'penstock runs: unknown ACTION: "shwo"\n  try: did you mean "show"?\n')
        self.assertEqual(self.error("runs", "list", "x"), "penstock runs list takes no run\n  try: penstock runs show x\n")
        self.assertEqual(self.error("completion", "csh"), 'penstock completion: unknown SHELL: "csh"\n  try: did you mean "zsh"?\n')
        self.assertEqual(self.error("ops", "csv.raed"), 'unknown operator: "csv.raed"\n  try: did you mean "csv.read"?\n')
        self.assertEqual(self.error("run", "a.toml", "--set", "x"), '--set takes NAME=VALUE, but is "x"\n  try: for instance --set limit=100\n')

    def test_a_run_that_is_not_there(self):
        self.assert_ends(self.penstock("runs", "show"), 1,
                         stderr="penstock: error: no latest run in pipeline_outputs\n  try: penstock run FILE makes one\n")


class Files(ProgramTest):
    def error(self, text, *words, code=2, command="run"):
        self.write("a.toml", text)
        done = self.penstock(command, "a.toml", *words)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        return done.stderr.removeprefix("penstock: error: ")

    def test_missing_file(self):
        self.assert_ends(self.penstock("run", "none.toml"), 2,
                         stderr="penstock: error: cannot open none.toml: no such file or folder\n  try: check the path; relative paths start at the working folder\n")

    def test_directory_instead_of_a_file(self):
        (self.folder / "d").mkdir()
        self.assert_ends(self.penstock("run", "d"), 2,
                         stderr="penstock: error: cannot read d: it is a folder, a file was expected\n"
                         '  try: name a file in it; where files are read, all in it with "/*"\n')

    def test_folder_where_an_output_is_to_be(self):
        (self.folder / "d").mkdir()
        self.write("in.csv", "a\n1\n")
        for command in ("check", "plan", "run"):
            words = ("--quiet",) if command == "run" else ()
            self.assertEqual(self.error(COPY.replace("{artifacts}/out.csv", "d"), *words, command=command),
                             'a.toml:7:8/csv.write: d, the output of "csv.write", is a folder, a file was expected\n'
                             '  try: name a file in it\n')

    def test_empty_file(self):
        self.assertEqual(self.error(""), "a.toml: the file has no operators\n"
                         "  try: add [[operator]] tables; penstock init writes an example\n")

    def test_wrong_toml(self):
        self.assertEqual(self.error('name = "a"\nop csv\n'),
                         "a.toml:2:4: not valid TOML: Error while parsing key-value pair: expected '=', saw 'c'\n"
                         "   2 | op csv\n     |    ^\n")

    def test_unknown_operator_and_option(self):
        self.assertEqual(self.error('[[operator]]\nop = "csv.raed"\n'),
                         'a.toml:2:6: unknown operator: "csv.raed"\n  try: did you mean "csv.read"?\n')
        self.assertEqual(self.error(COPY.replace('path = "in.csv"', 'paht = "in.csv"')),
                         'a.toml:4:1: operator "csv.read" has no option "paht"\n  try: did you mean "path"?\n')

    def test_wrong_settings_on_the_command_line(self):
        self.assertEqual(self.error(COPY, "--batch-size", "0"),
                         "--batch-size: batch_size must be an integer from 1 to 10000000, but is 0\n")
        self.assertEqual(self.error(COPY, "--timeout", "soon"), "--timeout: timeout must be a duration like \"250ms\", \"1.5s\", "
                         "\"5m\" or a number of seconds, but is \"soon\"\n")
        self.assertIn('did you mean "threads"?', self.error(COPY, "--strategy", "thread"))
        self.assertEqual(self.error(COPY, "--set", "x=1"), '--set x=1: unknown parameter: "x"\n'
                         "  try: the file has no [params] table; parameters and their defaults stand there\n")

    def test_stages_that_need_each_other_in_a_circle(self):
        self.assertEqual(self.error('[[stage]]\nname = "a"\ncommand = ["ls"]\nafter = ["b"]\n'
                                    '[[stage]]\nname = "b"\ncommand = ["ls"]\nafter = ["a"]\n'),
                         "a.toml:8:10: stages need each other in a circle: a -> b -> a\n"
                         "  try: each must need only stages that can run before it\n")

    def test_missing_input_fails_the_run_and_is_recorded(self):
        error = self.error(COPY, "--quiet", code=1)
        self.assertIn("cannot open in.csv: no such file or folder", error)
        run = self.latest("run.json")
        self.assertEqual((run["status"], run["error"]["code"]), ("failed", "not_found"))
        self.assertEqual(list((self.folder / "pipeline_outputs/latest/copy/artifacts").iterdir()), [])
        self.assertEqual(self.penstock("check", "a.toml").returncode, 1)

    def test_a_failed_run_leaves_no_output(self):
        self.write("in.csv", "id,n\n" + "1,2\n" * 5000 + "1,2,3\n")
        error = self.error(COPY, "--quiet", "--batch-size", "10", code=1)
        self.assertIn("csv.read", error)
        artifacts = self.folder / "pipeline_outputs/latest/copy/artifacts"
        self.assertEqual(list(artifacts.iterdir()), [])
        self.assertEqual(self.latest("manifest.json")["stages"][0]["status"], "failed")

    def test_an_output_that_was_there_stays_when_the_run_fails(self):
        self.write("in.csv", "id,n\n1,2\n1,2,3\n")
        self.write("out.csv", "old\n")
        self.error(COPY.replace("{artifacts}/out.csv", "out.csv"), "--quiet", code=1)
        self.assertEqual((self.folder / "out.csv").read_text(), "old\n")

    def test_output_folder_that_is_a_file(self):
        self.write("in.csv", "a\n1\n")
        self.write("outputs", "")
        error = self.error(COPY, "--out", "outputs", code=1)
        self.assertEqual(error, "cannot create the folder outputs/runs: a part of the path is a file, not a folder\n"
                         "  try: check the path\n")

    def test_output_folder_that_cannot_be_written_to(self):
        self.without_privileges()
        self.write("in.csv", "a\n1\n")
        (self.folder / "locked").mkdir(mode=0o555)
        self.assertIn("permission denied", self.error(COPY, "--out", "locked/outputs", code=1))

    def test_output_folder_on_a_file_system_that_takes_no_folders(self):
        self.write("in.csv", "a\n1\n")
        self.assertRegex(self.error(COPY, "--out", "/proc/outputs", code=1), r"cannot .*/proc/outputs")

    def test_errors_name_one_place_and_the_operator(self):
        self.write("in.csv", "id,n\n1,2\n")
        select = '[[operator]]\nop = "select"\nname = "pick"\ncolumns = ["id",\n  "m"]\n[[operator]]\nop = "csv.write"'
        text = COPY.replace('[[operator]]\nop = "csv.write"', select)
        self.assertIn("a.toml:9:3/pick: no column \"m\"", self.error(text, "--quiet"))
        derive = select.replace('op = "select"', 'op = "derive"').replace('columns = ["id",\n  "m"]', 'set = { x = "id + m" }')
        self.assertRegex(self.error(COPY.replace('[[operator]]\nop = "csv.write"', derive), "--quiet"), r"^a\.toml:8:13/pick/x: ")
        self.write("in.csv", "id,n\n1,2\n1\n")
        self.assertRegex(self.error(COPY, "--quiet", code=1), r"^in\.csv:3/csv\.read: ")

    def test_full_disk(self):
        self.write("in.csv", "a\n" + "1\n" * 100000)
        error = self.error(COPY.replace("{artifacts}/out.csv", "/dev/full"), "--quiet", code=1)
        self.assertIn("/dev/full", error)
        self.assertIn("cannot write /dev/full: no space left on the disk", error)


class Paths(ProgramTest):
    """Outputs that would replace what the run reads, or what it keeps itself, are refused before anything moves."""

    def setUp(self):
        super().setUp()
        self.write("in.csv", "id\n1\n")

    def refused(self, path, reason, read="in.csv"):
        self.write("a.toml", COPY.replace('path = "in.csv"', f'path = "{read}"').replace("{artifacts}/out.csv", path))
        for command in ("check", "plan", "run"):
            with self.subTest(command=command, path=path):
                done = self.penstock(command, "a.toml")
                self.assertEqual((done.returncode, done.stdout if command != "run" else ""), (2, ""), done.stderr)
                self.assertRegex(done.stderr, r"^penstock: error: a\.toml:7:8/csv\.write: ")
                self.assertIn(reason, done.stderr)
                self.assertIn("\n  try: write to another file, for instance below {artifacts}\n", done.stderr)
        self.assertEqual((self.folder / "in.csv").read_text(), "id\n1\n")

    def test_files_that_the_run_keeps_itself(self):
        for name in ("run.json", "manifest.json", "timing.json", "metrics.json", "plan.json", "trace.json", "copy/output.json"):
            self.refused("{run_dir}/" + name, "the run keeps its own record there")
        self.refused("{artifacts}/../../run.json", "the run keeps its own record there")
        self.assertEqual(self.latest("run.json")["status"], "failed")

    def test_the_record_of_an_earlier_run(self):
        self.write("a.toml", COPY)
        self.penstock("run", "a.toml", "--quiet")
        before = self.latest("run.json")
        self.refused("pipeline_outputs/latest/run.json", "the run keeps its own record there")
        run = before["run_id"]
        self.assertEqual(json.loads((self.folder / f"pipeline_outputs/runs/{run}/run.json").read_text()), before)

    def test_what_would_stand_in_the_way_of_latest(self):
        self.write("a.toml", COPY.replace("{artifacts}/out.csv", "pipeline_outputs/latest/out.csv"))
        self.assertEqual(self.penstock("check", "a.toml").returncode, 2)

    def test_the_pipeline_file(self):
        self.refused("./a.toml", "it is the pipeline file itself")

    def test_inputs(self):
        (self.folder / "soft.csv").symlink_to("in.csv")
        (self.folder / "hard.csv").hardlink_to(self.folder / "in.csv")
        for path in ("in.csv", "./in.csv", str(self.folder / "in.csv"), "soft.csv", "hard.csv"):
            self.refused(path, 'an input of "csv.read"; the run would replace what it reads')
        self.refused("in.csv", "an input of", read="*.csv")
        self.refused("new.csv", "an input of", read="*.csv")

    def test_other_files_of_the_run_folder_may_be_written(self):
        self.write("a.toml", COPY.replace("{artifacts}/out.csv", "{run_dir}/mine.csv"))
        self.assertEqual(self.penstock("check", "a.toml").returncode, 0)
        self.assert_ends(self.penstock("run", "a.toml", "--quiet"), 0)

    def test_paths_of_later_stages_are_refused_before_the_first_begins(self):
        stage = '[[stage]]\nname = "{}"\n[[stage.operator]]\nop = "csv.read"\npath = "{}"\n[[stage.operator]]\nop = "csv.write"\npath = "{}"\n'
        self.write("a.toml", stage.format("one", "in.csv", "{artifacts}/a.csv") +
                   stage.format("two", "{one.artifacts}/a.csv", "{run_dir}/one/artifacts/a.csv"))
        for command in ("check", "plan", "run"):
            done = self.penstock(command, "a.toml")
            self.assertEqual(done.returncode, 2)
            self.assertIn('an input of "csv.read"', done.stderr)
        self.assertEqual([stage["status"] for stage in self.latest("manifest.json")["stages"]], ["not_run", "not_run"])


class ExitCodes(ProgramTest):
    """2: mend the file or the command line, whenever that was found; 1: the world or the records were not as it says."""

    SELECT = '[[operator]]\nop = "select"\ncolumns = ["{}"]\n[[operator]]\nop = "csv.write"'
    JOIN = '[[operator]]\nop = "join"\npath = "table.csv"\non = "id"\n[[operator]]\nop = "csv.write"'

    def codes(self, text):
        self.write("a.toml", text)
        return [self.penstock(command, "a.toml").returncode for command in ("check", "plan", "run")]

    def with_step(self, step):
        return COPY.replace('[[operator]]\nop = "csv.write"', step)

    def test_2_for_the_file(self):
        self.write("in.csv", "id\n1\n")
        (self.folder / "d").mkdir()
        self.assertEqual(self.codes(COPY.replace("path", "paht")), [2, 2, 2])  # found when it is read
        self.assertEqual(self.codes(self.with_step(self.SELECT.format("di"))), [2, 2, 2])  # when it is bound
        self.assertEqual(self.codes(COPY.replace("in.csv", "d")), [2, 2, 2])
        self.assertEqual(self.codes(COPY.replace("{artifacts}/out.csv", "d")), [2, 2, 2])

    def test_1_for_the_world(self):
        self.assertEqual(self.codes(COPY), [1, 1, 1])  # no input
        self.assertEqual(self.codes(COPY.replace("in.csv", "*.csv")), [1, 1, 1])
        self.write("in.csv", "id\n1\n")
        self.assertEqual(self.codes(self.with_step(self.JOIN)), [1, 1, 1])  # no table
        self.assertEqual(self.codes(COPY.replace("{artifacts}/out.csv", "/dev/full")), [0, 0, 1])
        self.write("file", "")
        self.write("a.toml", COPY)
        self.assertEqual(self.penstock("run", "a.toml", "--out", "file").returncode, 1)

    def test_1_for_records(self):
        self.write("in.csv", "id,id\n1,2\n")
        self.assertEqual(self.codes(COPY), [1, 1, 1])  # seen when the header is read
        self.write("in.csv", "id\n1\n1,2\n")
        self.assertEqual(self.codes(COPY)[2], 1)
        self.assertEqual(self.codes("[run]\nmax_errors = 0\n" + COPY.replace('name = "copy"\n', "").replace(
            'path = "in.csv"', 'path = "in.csv"\non_error = "skip"'))[2], 1)
        self.write("in.csv", "id\n1\n")
        self.write("table.csv", "id,name\n1,a\n2\n")
        self.assertEqual(self.codes(self.with_step(self.JOIN))[2], 1)


if __name__ == "__main__":
    main()
