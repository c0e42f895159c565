#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""When a stage runs again, and when not: the eight traps, and damage to what is kept.

The chain is source -> a -> b -> c, where a takes the first byte of the source; the letters are the stages that ran.
"""
import json
import os
import random
import shutil

from program import ProgramTest, main

CHAIN = """
[[stage]]
name = "a"
command = ["head", "-c", "1", "{inputs.source}"]
inputs = { source = "source" }
stdout = "a.txt"
[[stage]]
name = "b"
command = ["sed", "s/^/b/", "{a.artifacts}/a.txt"]
stdout = "b.txt"
[[stage]]
name = "c"
command = ["sed", "s/^/c/", "{b.artifacts}/b.txt"]
stdout = "c.txt"
"""


class CacheTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("w.toml", CHAIN)
        self.write("source", "1 first\n")

    def run_chain(self):
        """The stages that ran, and what c made."""
        done = self.penstock("run", "w.toml")
        self.assertEqual(done.returncode, 0, done.stderr)
        ran = "".join(each["stage"] for each in self.latest("manifest.json")["stages"] if each["status"] == "done")
        return ran, (self.folder / "pipeline_outputs/latest/c/artifacts/c.txt").read_text()

    def edit(self, name, text, mtime_ns=None):
        path = self.folder / name
        before = path.stat()
        path.write_text(text)
        if mtime_ns is not None:
            os.utime(path, ns=(before.st_atime_ns, mtime_ns(before.st_mtime_ns)))

    def kept(self, stage):
        """The folder of the stage's entry."""
        for path in (self.folder / "pipeline_outputs/cache").glob("*/entry.json"):
            if json.loads(path.read_text())["stage"] == stage:
                return path.parent
        raise AssertionError(f"nothing is kept of {stage}")


class Traps(CacheTest):
    def setUp(self):
        super().setUp()
        self.assertEqual(self.run_chain(), ("abc", "cb1"))
        self.assertEqual(self.run_chain(), ("", "cb1"))

    def test_1_touch(self):
        os.utime(self.folder / "source")
        self.assertEqual(self.run_chain(), ("", "cb1"))

    def test_2_edit_with_the_same_time_and_size(self):
        self.edit("source", "2 first\n", mtime_ns=lambda before: before)
        self.assertEqual(self.run_chain(), ("abc", "cb2"))

    def test_3_edit_with_an_older_time(self):
        self.edit("source", "2 first, longer\n", mtime_ns=lambda before: before - 10**12)
        self.assertEqual(self.run_chain(), ("abc", "cb2"))

    def test_4_an_output_tampered_with(self):
        for keep_time in (False, True):
            path = self.folder / "pipeline_outputs/latest/b/artifacts/b.txt"
            os.chmod(path, 0o644)
            before = path.stat()
            with open(path, "r+") as file:
                file.write("BA")
            if keep_time:
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            ran, made = self.run_chain()
            self.assertEqual(made, "cb1")
            self.assertIn(ran, ("", "b"))  # where the file system can share blocks, the cache kept its own

    def test_5_an_output_deleted(self):
        shutil.rmtree(self.folder / "pipeline_outputs/latest/b/artifacts")
        self.assertEqual(self.run_chain(), ("", "cb1"))
        shutil.rmtree(self.kept("b"))
        self.assertEqual(self.run_chain(), ("b", "cb1"))
        shutil.rmtree(self.folder / "pipeline_outputs/cache")
        self.assertEqual(self.run_chain(), ("abc", "cb1"))

    def test_6_the_command_changed(self):
        self.write("w.toml", CHAIN.replace("s/^/b/", "s/^/B/"))
        self.assertEqual(self.run_chain(), ("bc", "cB1"))
        self.write("w.toml", CHAIN)
        self.assertEqual(self.run_chain(), ("", "cb1"))

    def test_7_an_edit_that_leaves_the_next_result_as_it_is(self):
        self.edit("source", "1 second\n")
        self.assertEqual(self.run_chain(), ("a", "cb1"))


class Changing(CacheTest):
    def test_8_an_input_modified_while_the_stage_reads_it(self):
        # The first attempt reads half, then somebody edits the file; the second one finds it at rest.
        command = f"cat {{inputs.source}} > out; test -e {self.folder}/once || {{ touch {self.folder}/once; echo 2 second > {self.folder}/source; }}"
        self.write("w.toml", f'[[stage]]\nname = "a"\nshell = true\ncommand = {json.dumps(command)}\ninputs = {{ source = "source" }}\noutputs = ["out"]\n')
        self.assertEqual(self.penstock("run", "w.toml").returncode, 0)
        out = self.folder / "pipeline_outputs/latest/a/artifacts/out"
        self.assertEqual(out.read_text(), "2 second\n")
        self.assertEqual(self.latest("manifest.json")["stages"][0]["attempts"], 2)
        self.edit("source", "1 first\n")  # nothing of the first attempt was kept
        self.assertEqual(self.penstock("run", "w.toml").returncode, 0)
        self.assertEqual(out.read_text(), "1 first\n")
        self.assertEqual(self.latest("manifest.json")["stages"][0]["status"], "done")

    def test_a_result_is_named_by_the_inputs_that_it_saw(self):
        read = f"cat {{inputs.source}} > out; test -e {self.folder}/once || {{ touch {self.folder}/once; echo 2 second > {self.folder}/source; }}"
        copy = f"test -e {self.folder}/may && cp {{a.artifacts}}/out out"
        self.write("w.toml", f'''
[[stage]]
name = "a"
shell = true
command = {json.dumps(read)}
inputs = {{ source = "source" }}
outputs = ["out"]
[[stage]]
name = "b"
shell = true
command = {json.dumps(copy)}
outputs = ["out"]
''')
        self.assertEqual(self.penstock("run", "w.toml").returncode, 1)  # b may not yet; a saw 2
        self.edit("source", "1 first\n")
        self.write("may", "")
        done = self.penstock("resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.folder / "pipeline_outputs/latest/b/artifacts/out").read_text(), "1 first\n")

    def test_a_program_that_is_replaced_before_it_starts_again(self):
        def put(name, text):
            self.write(name, "#!/bin/sh\n" + text).chmod(0o755)

        self.write("w.toml", '[[stage]]\nname = "a"\ncommand = ["./tool"]\nstdout = "out"\nretry = { max_attempts = 2, delay = "1ms" }\n')
        for made in ("two\n", "three\n"):
            put("tool", f"mv {self.folder}/next {self.folder}/tool; exit 1\n")
            put("next", f"echo {made}")
            done = self.penstock("run", "w.toml")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual((self.folder / "pipeline_outputs/latest/a/artifacts/out").read_text(), made)

    def test_an_input_that_never_rests_fails_the_stage(self):
        command = f"cp {{inputs.source}} out; date +%N >> {self.folder}/source"
        self.write("w.toml", f'[[stage]]\nname = "a"\nshell = true\ncommand = {json.dumps(command)}\ninputs = {{ source = "source" }}\noutputs = ["out"]\n')
        done = self.penstock("run", "w.toml")
        self.assertEqual(done.returncode, 1)
        self.assertIn("source was changed each time while the stage read it", done.stderr)
        self.assertEqual(list((self.folder / "pipeline_outputs").glob("cache/*")), [])


class Keys(CacheTest):
    def field_that_differs(self):
        done = self.penstock("why", "a", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [each["field"] for each in json.loads(done.stdout)["differences"]]

    def test_why_names_the_field(self):
        self.run_chain()
        self.assertIn("no earlier run has a key of it", self.penstock("why", "a").stdout)
        self.edit("source", "2\n")
        self.run_chain()
        self.assertEqual(self.field_that_differs(), ["input.source"])
        self.write("w.toml", CHAIN.replace('"1"', '"2"'))
        self.run_chain()
        self.assertEqual(self.field_that_differs(), ["command"])
        self.write("w.toml", CHAIN.replace('name = "a"', 'name = "a"\nversion = 2'))
        self.run_chain()
        self.assertIn("version", self.field_that_differs())
        self.run_chain()
        self.assertEqual(self.field_that_differs(), [])
        self.assertIn("kept from run", self.penstock("why", "a").stdout)

    def test_the_program_is_in_the_key_unless_only_the_version_counts(self):
        tool = self.write("tool", "#!/bin/sh\necho one\n")
        tool.chmod(0o755)
        text = '[[stage]]\nname = "a"\ncommand = ["./tool"]\nstdout = "out"\nversion = 1\n'
        for keys, expected in (("", "two\n"), ('code = "declared"\n', "one\n")):
            tool.write_text("#!/bin/sh\necho one\n")
            self.write("w.toml", text + keys)
            self.penstock("run", "w.toml")
            tool.write_text("#!/bin/sh\necho two\n")
            self.assertEqual(self.penstock("run", "w.toml").returncode, 0)
            self.assertEqual((self.folder / "pipeline_outputs/latest/a/artifacts/out").read_text(), expected)

    def test_how_it_runs_is_not_in_the_key(self):
        self.run_chain()
        self.write("w.toml", "[run]\nmax_parallel = 1\nstrategy = \"threads\"\n" + CHAIN.replace('name = "a"', 'name = "a"\ntimeout = 5\nretry = 3'))
        self.assertEqual(self.run_chain()[0], "")

    def test_a_pipeline_is_kept_and_its_file_is_in_the_key(self):
        self.write("in.csv", "a\n1\nx\n")
        self.write("w.toml", '[[stage]]\nname = "p"\n[[stage.operator]]\nop = "csv.read"\npath = "in.csv"\ntypes = { a = "int64" }\n'
                             'on_error = "skip"\n[[stage.operator]]\nop = "csv.write"\npath = "{artifacts}/o.csv"\n')
        statuses = []
        for text in ("a\n1\nx\n", "a\n1\nx\n", "a\n2\nx\n"):
            self.write("in.csv", text)
            done = self.penstock("run", "w.toml", "--strict")
            self.assertEqual(done.returncode, 3, done.stderr)  # a kept result still says what it rejected
            statuses.append(self.latest("manifest.json")["stages"][0]["status"])
        self.assertEqual(statuses, ["done", "cached", "done"])
        self.assertEqual((self.folder / "pipeline_outputs/latest/p/artifacts/o.csv").read_text(), "a\n2\n")

    def test_a_command_that_looks_into_the_run_is_not_kept(self):
        """Nothing in its key tells what it finds there."""
        for line in ('command = ["cp", "{run_dir}/a/artifacts/a.txt", "c.txt"]',
                     'shell = true\ncommand = "cp $FROM/a.txt c.txt"\nenv = { FROM = "{run_dir}/a/artifacts" }',
                     'shell = true\ncommand = "cat > c.txt"\nstdin = "{run_dir}/a/artifacts/a.txt"'):
            self.write("w.toml", CHAIN.split('[[stage]]\nname = "c"')[0] + f'[[stage]]\nname = "c"\n{line}\noutputs = ["c.txt"]\nafter = ["a"]\n')
            for first in "12":
                with self.subTest(line=line, first=first):
                    self.write("source", first)
                    ran, made = self.run_chain()
                    self.assertIn("c", ran)
                    self.assertEqual(made, first)

    def test_a_store_of_vectors_is_kept_only_among_the_artifacts(self):
        for store, reason in (("photos.index", "nothing can be kept of it: vector.write puts into a store outside of its artifacts"),
                              ("{artifacts}/photos.index", "no run has made it before")):
            self.write("w.toml", '[[stage]]\nname = "v"\nversion = 1\ncode = "declared"\n[[stage.operator]]\nop = "csv.read"\npath = "source"\n'
                                 f'[[stage.operator]]\nop = "vector.write"\nstore = "{store}"\n[[stage]]\nname = "w"\ncommand = ["true"]\n')
            self.assertIn(reason, self.penstock("run", "w.toml", "--dry-run").stdout)

    def test_a_kept_result_still_says_what_its_branches_rejected(self):
        self.write("in.csv", "a\n1\n-1\n")
        self.write("w.toml", '[[stage]]\nname = "p"\n[[stage.operator]]\nop = "csv.read"\nname = "in"\npath = "in.csv"\n'
                             '[[stage.operator]]\nop = "csv.write"\npath = "{artifacts}/all.csv"\n'
                             '[[stage.operator]]\nop = "validate"\ninput = "in"\nrules = { positive = "a > 0" }\non_error = "skip"\n'
                             '[[stage.operator]]\nop = "csv.write"\npath = "{artifacts}/good.csv"\n')
        for status in ("done", "cached"):
            done = self.penstock("run", "w.toml", "--strict", "--json")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertEqual(json.loads(done.stdout)["records_rejected"], 1)
            self.assertEqual(self.latest("manifest.json")["stages"][0]["status"], status)

    def test_the_cache_can_be_left_out(self):
        self.run_chain()
        self.assertEqual(self.penstock("run", "w.toml", "--cache", "false").returncode, 0)
        self.assertEqual({each["status"] for each in self.latest("manifest.json")["stages"]}, {"done"})


class Damage(CacheTest):
    def test_every_byte_of_an_entry(self):
        """Whatever byte is changed: never a wrong result."""
        self.run_chain()
        path = self.kept("b")
        points = [(file, offset) for file in (path / "entry.json", path / "artifacts/b.txt") for offset in range(file.stat().st_size)]
        if not os.environ.get("PENSTOCK_LONG_TESTS"):
            points = random.Random(1).sample(points, 24) + points[-3:]
        for file, offset in points:
            with self.subTest(file=file.name, offset=offset):
                os.chmod(file, 0o644)
                with open(file, "r+b") as opened:
                    offset = min(offset, file.stat().st_size - 1)  # it was made again since, with other times
                    opened.seek(offset)
                    byte = opened.read(1)
                    opened.seek(offset)
                    opened.write(bytes([byte[0] ^ 1]))
                self.assertEqual(self.run_chain()[1], "cb1")
        print(f"changed bytes: {len(points)}")

    def test_verify_finds_it_and_gc_makes_room(self):
        self.run_chain()
        self.assertEqual(self.penstock("cache", "verify").returncode, 0)
        os.chmod(self.kept("b") / "artifacts/b.txt", 0o644)
        (self.kept("b") / "artifacts/b.txt").write_text("bad")
        done = self.penstock("cache", "verify")
        self.assertEqual(done.returncode, 1)
        self.assertIn("its content was changed", done.stdout)
        self.assertEqual(self.penstock("cache", "verify", "--remove").returncode, 0)
        self.assertEqual(len(json.loads(self.penstock("cache", "list", "--json").stdout)["entries"]), 2)
        self.assertEqual(self.penstock("cache", "gc").returncode, 2)
        self.assertEqual(self.penstock("cache", "gc", "--max-size", "0").returncode, 0)
        self.assertEqual(json.loads(self.penstock("cache", "list", "--json").stdout)["entries"], [])

    def test_a_damaged_index_of_digests_counts_as_none(self):
        self.run_chain()
        digests = self.folder / "pipeline_outputs/digests"
        digests.write_bytes(digests.read_bytes().replace(b"1", b"2", 1))
        self.edit("source", "2 first\n")
        self.assertEqual(self.run_chain(), ("abc", "cb2"))


if __name__ == "__main__":
    main()
