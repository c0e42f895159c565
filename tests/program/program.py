# SPDX-License-Identifier: MIT
"""What the tests of the program share: a folder of their own, and the program run in it."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["PENSTOCK"]
SOURCE = pathlib.Path(os.environ["PENSTOCK_SOURCE"])
SKIPPED = 77

COPY = """\
name = "copy"
[[operator]]
op = "csv.read"
path = "in.csv"
[[operator]]
op = "csv.write"
path = "{artifacts}/out.csv"
"""


class ProgramTest(unittest.TestCase):
    maxDiff = None
    before = ()  # what starts the program

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock_program_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def environment(self, **more):
        environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
        return environment | {"LC_ALL": "C"} | more

    def penstock(self, *words, **more):
        return subprocess.run([*self.before, PROGRAM, *words], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=self.environment(**more), check=False)

    def without_privileges(self):
        """From now on the modes of files hold for the program, also when the tests are the superuser's."""
        less = "-dac_override,-dac_read_search"
        if os.geteuid() == 0:
            self.before = ("setpriv", f"--bounding-set={less}", f"--inh-caps={less}")

    def start(self, *words):
        process = subprocess.Popen([PROGRAM, *words], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=self.environment())
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def assert_ends(self, done, code, stdout="", stderr=""):
        self.assertEqual((done.returncode, done.stdout, done.stderr), (code, stdout, stderr))

    def latest(self, name):
        """A file of the last run; where nothing had to be done that shares the folder of another run, and the program tells."""
        run = (self.folder / "pipeline_outputs/latest").readlink().name
        part = name.removesuffix(".json")
        if (self.folder / f"pipeline_outputs/runs/{run}.json").exists() and part in ("run", "manifest", "timing", "metrics"):
            return json.loads(self.penstock("runs", "show", run, "--json").stdout)[part]
        return json.loads((self.folder / "pipeline_outputs/latest" / name).read_text())

    def files(self):
        """All files but hidden ones, as sorted relative paths."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*")
                      if path.is_file() and not path.is_symlink())


def main():
    unittest.main()
