#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""penstock run --monitor: what is kept of a run, alerts that really fire, and what files may say of them."""
import http.server
import json
import os
import queue
import threading

from program import SOURCE, ProgramTest, main

try:
    import jsonschema
except ImportError:
    jsonschema = None

READ = """\
[[operator]]
op = "csv.read"
path = "in.csv"
types = { a = "int64" }
on_error = "skip"
[[operator]]
op = "csv.write"
path = "{artifacts}/out.csv"
"""


class Hooks:
    """A web server that keeps what is posted to it."""

    def __init__(self, status=200):
        self.posted = queue.Queue()
        hooks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hooks.posted.put((self.path, self.headers["Content-Type"], json.loads(body)))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Monitor(ProgramTest):
    def monitored(self):
        return self.latest("metrics.json")["stages"][0]["report"]["monitor"]

    def validate(self, value, name):
        if jsonschema is not None:
            jsonschema.validate(value, json.loads((SOURCE / f"docs/schemas/{name}.schema.json").read_text()))

    def hooks(self, status=200):
        if "http.fetch" not in self.penstock("ops").stdout:
            self.skipTest("this build speaks no HTTP: apt-get install libasio-dev libcurl4-openssl-dev, and build again")
        hooks = Hooks(status)
        self.addCleanup(hooks.close)
        return hooks

    def test_without_it_nothing_is_kept(self):
        self.write("in.csv", "a\n1\n")
        self.write("copy.toml", READ)
        self.assertEqual(self.penstock("run", "copy.toml").returncode, 0)
        self.assertNotIn("monitor", self.latest("metrics.json")["stages"][0]["report"])
        self.assertFalse(self.latest("run.json")["settings"]["monitor"])

    def test_samples_are_kept_and_shown(self):
        self.write("in.csv", "a\n" + "1\n" * 1000)
        for words, text in ((["--monitor"], READ), ([], "[run]\nmonitor = true\nmonitor_interval = \"20ms\"\n" + READ)):
            self.write("copy.toml", text)
            done = self.penstock("run", "copy.toml", "--strategy", "threads", *words)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"\nmonitor: \d+ samples?: \d+ % of \d+ cores? used on average, .* of memory at most\n")
            self.validate(self.latest("metrics.json"), "metrics")
            self.validate(self.latest("run.json"), "run")
            seen = self.monitored()
            self.assertEqual(seen["records_in"][-1], 1000)
            self.assertGreater(seen["memory_bytes"][-1], 1 << 20)
            self.assertEqual([step["name"] for step in seen["steps"]], ["csv.read", "csv.write"])
            self.assertEqual(seen["steps"][1]["queue_depth"], 8)
            for numbers in [seen[name] for name in ("cpu_usage", "throughput", "errors")] + [seen["steps"][0]["busy"]]:
                self.assertEqual(len(numbers), len(seen["seconds"]))

    def first_posted(self, hooks, process):
        while process.poll() is None:
            try:
                return hooks.posted.get(timeout=0.1)
            except queue.Empty:
                pass
        self.fail(f"it ended without a word: {process.communicate()}")

    def test_an_alert_runs_its_command_and_calls_its_webhook_while_the_run_works(self):
        hooks = self.hooks()
        os.mkfifo(self.folder / "in.jsonl")
        self.write("watch.toml", f"""
[params]
to = "said"
[run]
monitor_interval = "10ms"
[[alert]]
name = "runs"
when = "records < 5"
command = ["sh", "-c", "echo \\"$PENSTOCK_ALERT $PENSTOCK_ALERT_EVENT\\" >> {{params.to}}"]
webhook = "{hooks.url}/told"
[[alert]]
when = "errors >= 2"
{READ.replace('csv.read', 'json.read').replace('in.csv', 'in.jsonl').replace('types', 'schema')}""")
        process = self.start("run", "watch.toml", "--json")
        with open(self.folder / "in.jsonl", "w", encoding="utf-8") as rows:
            rows.write('{"a":1}\nx\n{"a":2}\n{"a":"y"}\n')
            rows.flush()
            path, kind, told = self.first_posted(hooks, process)  # before the input has ended
            rows.write('{"a":3}\n')
        out, err = process.communicate()
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual((path, kind, told["alert"], told["event"]), ("/told", "application/json", "runs", "fired"))
        self.validate(told, "alert")
        self.assertEqual((self.folder / "said").read_text(), "runs fired\nruns cleared\n")
        self.assertIn('penstock: alert "runs" fired after ', err)
        self.assertIn('penstock: alert "errors >= 2" fired after ', err)
        self.validate(json.loads(out), "result")
        events = {(each["alert"], each["event"]): each for each in self.monitored()["alerts"]}
        self.assertEqual(sorted(events), [("errors >= 2", "fired"), ("runs", "cleared"), ("runs", "fired")])
        self.assertEqual(events["errors >= 2", "fired"]["values"], {"errors": 2})
        self.assertEqual(events["errors >= 2", "fired"]["actions"], [])
        self.assertEqual(events["runs", "fired"]["actions"],
                         [{"kind": "command", "failure": ""}, {"kind": "webhook", "failure": ""}])

    def test_an_action_that_fails_is_reported_and_the_run_is_done(self):
        hooks = self.hooks(status=503)
        self.write("in.csv", "a\nx\n")
        self.write("watch.toml", f"""
[[alert]]
name = "bad"
when = "errors > 0"
command = ["sh", "-c", "exit 4"]
webhook = "{hooks.url}"
{READ}""")
        done = self.penstock("run", "watch.toml")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("  its command failed: it ended with exit code 4\n", done.stdout)
        self.assertIn(f"  its webhook failed: {hooks.url}: the answer was 503\n", done.stdout)

    def test_a_file_may_switch_its_alerts_off(self):
        self.write("in.csv", "a\nx\n")
        self.write("watch.toml", "[run]\nmonitor = false\n[[alert]]\nwhen = \"errors > 0\"\n" + READ)
        done = self.penstock("run", "watch.toml")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("alert", done.stdout + done.stderr)

    def test_what_is_wrong_is_said_with_its_place_and_what_is_allowed(self):
        self.write("in.csv", "a\n1\n")
        for alert, where, what in (
                ('when = "cpu_usge > 90"', "3:8", '"cpu_usage"'),
                ('when = "cpu_usage"', "3:8", "cpu_usage > 90"),
                ('when = "cpu_usage > 90"\nclear = "cpu_usage < \'low\'"', "4:9", "float64 and utf8"),
                ('whne = "cpu_usage > 90"', "3:1", '"when"'),
                ('for = "5s"', "2:1", "when"),
                ('when = "errors > 0"\nfor = "soon"', "4:7", '"250ms"'),
                ('when = "errors > 0"\ntimeout = 0', "4:11", "more than 0"),
                ('when = "errors > 0"\ncommand = "mail me"', "4:11", "a list of texts"),
                ('when = "errors > 0"\ncommand = ["no_such_program_at_all"]', "4:11", "no_such_program_at_all"),
                ('when = "errors > 0"\nwebhook = "example.org"', "4:11", "http://"),
                ('when = "errors > 0"\n[[alert]]\nwhen = "errors > 0"', "4:1", "already"),
        ):
            with self.subTest(alert=alert):
                self.write("watch.toml", "\n[[alert]]\n" + alert + "\n" + READ)
                done = self.penstock("check", "watch.toml")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(f"watch.toml:{where}", done.stderr)
                self.assertIn(what, done.stderr)
        done = self.penstock("run", "watch.toml", "--monitor-interval", "1ms")
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    main()
