# SPDX-License-Identifier: MIT
"""penstock shm: what it lists and what it removes. What it finds is made by the library's own tests."""
import json

from program import ProgramTest, main


class Shm(ProgramTest):
    def test_says_that_there_is_nothing(self):
        self.assert_ends(self.penstock("shm", "--folder", "."), 0, "no shared memory of Penstock in .\n")
        self.assert_ends(self.penstock("shm", "clean", "--folder", "."), 0, "nothing to remove in .\n")

    def test_lists_and_leaves_what_is_not_its_own(self):
        self.write("penstock-foreign.shm", "x" * 5000)
        self.write("unrelated", "x")
        found = json.loads(self.penstock("shm", "list", "--json", "--folder", ".").stdout)["shared_memory"]
        self.assertEqual([(one["path"], one["state"]) for one in found], [("./penstock-foreign.shm", "not judged")])
        self.assertIn("not made by this version", self.penstock("shm", "--folder", ".").stdout)
        self.penstock("shm", "clean", "--folder", ".")
        self.assertTrue((self.folder / "penstock-foreign.shm").exists())

    def test_removes_what_was_never_finished(self):
        self.write("penstock-half.shm.999999999-0", "x")
        done = json.loads(self.penstock("shm", "clean", "--json", "--folder", ".").stdout)
        self.assertEqual(done["removed"], ["./penstock-half.shm.999999999-0"])
        self.assertFalse((self.folder / "penstock-half.shm.999999999-0").exists())

    def test_says_when_the_folder_is_not_there(self):
        done = self.penstock("shm", "--folder", "nowhere")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nowhere", done.stderr)


if __name__ == "__main__":
    main()
