#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Wrong usage, wrong files and a hostile file system: the exact message, the exit code, and nothing left behind."""

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
                         '  try: name a file, or all in it with "/*"\n')

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

    def test_command_stages_are_for_later(self):
        self.assertEqual(self.error('[[stage]]\nname = "a"\ncommand = ["ls"]\n'),
                         "a.toml:3:1: command stages come with workflows\n"
                         "  try: this version runs pipeline stages, one after another: name and [[stage.operator]] tables\n")

    def test_missing_input_fails_the_run_and_is_recorded(self):
        error = self.error(COPY, "--quiet", code=1)
        self.assertIn("cannot open in.csv: no such file or folder", error)
        run = self.latest("run.json")
        self.assertEqual((run["status"], run["error"]["code"]), ("failed", "not_found"))
        self.assertEqual(list((self.folder / "pipeline_outputs/latest/copy/artifacts").iterdir()), [])
        self.assertEqual(self.penstock("check", "a.toml").returncode, 2)

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

    def test_full_disk(self):
        self.write("in.csv", "a\n" + "1\n" * 100000)
        error = self.error(COPY.replace("{artifacts}/out.csv", "/dev/full"), "--quiet", code=1)
        self.assertIn("/dev/full", error)
        self.assertIn("cannot write /dev/full: no space left on the disk", error)


if __name__ == "__main__":
    main()
