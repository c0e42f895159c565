#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""script/demo shows both of its jobs, the first time and again."""
import shutil
import subprocess

from program import PROGRAM, SOURCE, ProgramTest, main


class Demo(ProgramTest):
    def demo(self):
        return subprocess.run([SOURCE / "script/demo", "--penstock", PROGRAM, "--out", self.folder / "demo", "--sizes", "700 3000",
                               "--rounds", "2"], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=self.environment(), check=False)

    def test_shows_both_jobs_again_and_again(self):
        if shutil.which("apt-cache") is None:
            self.skipTest("there is no apt-cache: the demo reads Debian's package lists")
        for _ in range(2):
            done = self.demo()
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            for text in ("package records in = ", "Why records were rejected", "same bytes", "      700  ", "    3,000  ",
                         "The metrics of the last run"):
                self.assertIn(text, done.stdout)


if __name__ == "__main__":
    main()
