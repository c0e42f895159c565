# SPDX-License-Identifier: MIT
"""penstock bench quick, full, deep: equal answers under every strategy, and results that can be read. Nothing here asks how
fast anything was."""
import csv
import json
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree

from program import PROGRAM, SOURCE, ProgramTest, main

try:
    import jsonschema
except ImportError:
    jsonschema = None

JOBS = ["reference", "arithmetic", "columns", "waits", "small_files", "huge_file"]
STRATEGIES = {"serial", "threads", "parallel", "processes"}  # at least; others may be added
SVG = "{http://www.w3.org/2000/svg}svg"


class BenchStrategies(ProgramTest):
    def bench(self, *words):
        done = self.penstock("bench", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def results(self, level):
        results = json.loads((self.folder / f"bench_{level}.json").read_text())
        self.assertEqual((results["version"], results["benchmark"], results["level"]), (1, "strategies", level))
        if jsonschema is not None:
            jsonschema.validate(results, json.loads((SOURCE / "docs/schemas/bench.schema.json").read_text()))
        return results

    def assert_equal_answers(self, results):
        self.assertTrue(results["same_answers"])
        digests = {}
        for row in results["results"]:
            self.assertRegex(row["digest"], "^[0-9a-f]{16}$")
            self.assertEqual(digests.setdefault((row["job"], row["size"]), row["digest"]), row["digest"], row)

    def contenders(self, results, job, size):
        return [row["contender"] for row in results["results"]
                if (row["series"], row["job"], row["size"]) == ("contenders", job, size)]

    def assert_self_contained_page(self, level, charts):
        path = self.folder / f"bench_{level}.html"
        text = path.read_text()
        self.assertLess(path.stat().st_size, 2_000_000)
        page = ElementTree.fromstring(text)
        self.assertEqual(len(list(page.iter(SVG))), charts)
        self.assertEqual(set(re.findall(r"https?://[^\"' <]*", text)), {"http://www.w3.org/2000/svg"})
        self.assertFalse({"script", "link", "img", "iframe", "object"} & {element.tag for element in page.iter()})
        self.assertNotRegex(text, r"url\(|@import|NaN|nan\b|inf\b")

    def test_quick_runs_every_job_under_every_strategy_and_once_naively(self):
        done = self.bench("quick", "--scale", "0.01", "--rounds", "2")
        self.assertIn("all contenders gave the same answers", done.stdout)
        results = self.results("quick")
        self.assertEqual([job["name"] for job in results["jobs"]], JOBS)
        self.assertLessEqual(STRATEGIES, set(results["strategies"]))
        self.assert_equal_answers(results)
        self.assertNotIn("advice", results)
        for job in results["jobs"]:
            for size in job["sizes"]:
                self.assertEqual(self.contenders(results, job["name"], size), ["naive", *results["strategies"]])
        self.assert_self_contained_page("quick", 2 * len(JOBS))

    def test_rows_hold_what_was_measured(self):
        self.bench("quick", "--scale", "0.01", "--rounds", "2", "--jobs", "arithmetic,waits")
        results = self.results("quick")
        for row in results["results"]:
            for spread in (row["seconds"], row["cpu_seconds"], row["first_result_seconds"]):
                self.assertLessEqual(spread["min"], spread["median"])
                self.assertLessEqual(spread["median"], spread["max"])
            self.assertEqual(row["runs"], results["rounds"])
            self.assertLessEqual(row["first_result_seconds"]["max"], row["seconds"]["max"])
            self.assertGreaterEqual(row["memory_bytes"], row["memory_before_bytes"])
            self.assertEqual(row["worker_processes"] > 0, row["contender"] == "processes", row)
            self.assertEqual(row["steps"] == [], row["contender"] == "naive")
            self.assertGreater(row["counters"]["page_faults"], 0)
            if row["contender"] == "serial":
                self.assertEqual(row["speed_up_over_serial"], 1)
        with open(self.folder / "bench_quick.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([(row["job"], row["contender"], row["digest"]) for row in rows],
                         [(row["job"], row["contender"], row["digest"]) for row in results["results"]])
        for row, same in zip(rows, results["results"]):
            self.assertAlmostEqual(float(row["seconds_median"]), same["seconds"]["median"], places=5)
            self.assertEqual(int(row["memory_bytes"]), same["memory_bytes"])

    def test_full_takes_several_sizes(self):
        self.bench("full", "--scale", "0.002", "--rounds", "1", "--strategies", "serial,parallel")
        results = self.results("full")
        self.assert_equal_answers(results)
        sizes = {job["name"]: job["sizes"] for job in results["jobs"]}
        self.assertEqual((sizes["reference"], sizes["huge_file"]), ([50, 100, 200], [2000, 10000]))
        for name, each in sizes.items():
            for size in each:
                self.assertEqual(self.contenders(results, name, size), ["naive", "serial", "parallel"])
        self.assert_self_contained_page("full", 2 * sum(len(each) for each in sizes.values()))

    def test_deep_varies_settings_and_gives_advice(self):
        done = self.bench("deep", "--scale", "0.02", "--rounds", "1", "--jobs", "arithmetic,small_files")
        results = self.results("deep")
        self.assert_equal_answers(results)
        self.assertEqual([each["job"] for each in results["advice"]], ["arithmetic", "small_files"])
        for each in results["advice"]:
            self.assertRegex(each["text"], r"^[A-Z].*\.$")
            self.assertIn(each["text"], done.stdout)
        series = {}
        for row in results["results"]:
            series.setdefault(row["series"], []).append(row)
        self.assertEqual(set(series), {"contenders", "start_up", "workers", "batch_size", "queue_depth"})
        self.assertEqual([row["contender"] for row in series["start_up"]], results["strategies"])
        self.assertNotIn("serial", {row["contender"] for row in series["workers"] + series["queue_depth"]})
        counts = [row["workers"] for row in series["workers"] if (row["job"], row["contender"]) == ("arithmetic", "parallel")]
        self.assertEqual(counts[:2], [1, 2])
        self.assertEqual(counts[-1], 2 * results["machine"]["cores"])
        self.assertRegex(results["processor_counters"], "^(available|not available: .+)$")
        self.assertEqual([each["job"] for each in results["processes_beyond_parallel"]], ["arithmetic"])
        self.assert_self_contained_page("deep", 2 * 2 + 3 + 3 + 1)

    def test_prints_json_when_asked(self):
        done = self.bench("quick", "--scale", "0.01", "--rounds", "1", "--jobs", "arithmetic", "--strategies", "threads", "--json",
                          "--out", "made/here")
        self.assertEqual(done.stdout, (self.folder / "made/here/bench_quick.json").read_text())
        row = json.loads(done.stdout)["results"][1]
        self.assertEqual((row["contender"], row["speed_up_over_serial"]), ("threads", None))
        self.assertEqual(self.files(), [f"made/here/bench_quick.{kind}" for kind in ("csv", "html", "json")])

    def test_interrupted_it_ends_at_once_and_leaves_nothing(self):
        scratch = self.folder / "scratch"
        scratch.mkdir()
        process = subprocess.Popen([PROGRAM, "bench", "quick", "--scale", "1000", "--jobs", "waits"], cwd=self.folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=self.environment(TMPDIR=str(scratch)))
        self.addCleanup(self.end, process)
        while not list(scratch.iterdir()) and process.poll() is None:
            time.sleep(0.01)  # until it measures, which would take minutes
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
        self.assertEqual(process.returncode, 130)
        self.assertIn("interrupted; nothing was written", stderr)
        self.assertEqual(self.files(), [])
        self.assertEqual(list(scratch.iterdir()), [])

    def test_says_what_is_wrong(self):
        for words, code, text in ((("quick", "--jobs", "colums"), 2, 'unknown job: "colums"\n  try: did you mean "columns"?'),
                                  (("quick", "--strategies", "serial,parralel"), 2, 'did you mean "parallel"?'),
                                  (("quick", "--scale", "0"), 2, "--scale takes numbers from 0.0001"),
                                  (("full", "--rounds", "0"), 2, "--rounds takes whole numbers from 1"),
                                  (("deep", "--seconds", "soon"), 2, "--seconds takes numbers from 1"),
                                  (("quik",), 2, 'did you mean "quick"?'),
                                  (("quick", "--out", "/dev/null/x"), 1, "/dev/null")):
            done = self.penstock("bench", *words)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(text, done.stderr)
        self.assertEqual(self.files(), [])


if __name__ == "__main__":
    main()
