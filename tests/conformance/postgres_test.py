#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stores of vectors in a real PostgreSQL with pgvector: the conformance suite, and what only a server does. The server is Debian's where
pgvector is installed with it, else that of the Python package pgserver, in a virtual environment that this test makes and keeps in
PENSTOCK_TEST_SERVERS."""
import json
import os
import pathlib
import pwd
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ["PENSTOCK"]
CONFORMANCE = os.environ["PENSTOCK_CONFORMANCE_TEST"]
SERVERS = pathlib.Path(os.environ["PENSTOCK_TEST_SERVERS"])
LONG = bool(os.environ.get("PENSTOCK_LONG_TESTS"))
INSTALL = "pgserver==0.1.4"
USER = "nobody"  # the server refuses to be the superuser's
PHOTOS = 60


def binaries():
    """The folder of the server's programs; None where there is none."""
    for found in sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (pathlib.Path("/usr/share/postgresql") / found.parent.name / "extension/vector.control").exists():
            return found
    venv = SERVERS / "pgserver"
    found = list(venv.glob("lib/python3*/site-packages/pgserver/pginstall/bin"))
    if not found:
        SERVERS.mkdir(parents=True, exist_ok=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False)
        if made.returncode == 0:
            made = subprocess.run([venv / "bin/pip", "install", "--quiet", INSTALL], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            shutil.rmtree(venv, ignore_errors=True)
            print(made.stderr, file=sys.stderr)
            return None
        found = list(venv.glob("lib/python3*/site-packages/pgserver/pginstall/bin"))
    return found[0] if found else None


class Server:
    """One PostgreSQL server on a socket of its own."""

    def __init__(self, programs):
        self.programs = programs
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock_postgres_"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)
        if programs.is_relative_to(SERVERS):  # where the server's user may not be allowed to look
            packages = programs.parents[2]
            for name in ("pgserver", "pgserver.libs"):
                shutil.copytree(packages / name, self.folder / name, symlinks=True)
            self.programs = self.folder / programs.relative_to(packages)
        self.run("initdb", "--auth", "trust", "--username", "postgres", "--pgdata", "data", "--no-sync")
        self.start()
        self.uri = f"postgresql://postgres@/postgres?host={self.folder}"

    def run(self, program, *words):
        user = {"user": pwd.getpwnam(USER).pw_uid, "group": pwd.getpwnam(USER).pw_gid} if os.geteuid() == 0 else {}
        done = subprocess.run([self.programs / program, *words], cwd=self.folder, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, env=os.environ | {"LC_ALL": "C"}, **user)
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        self.run("pg_ctl", "start", "--wait", "--timeout", "600", "--pgdata", "data", "--log", "log", "--options",
                 f"-c listen_addresses= -c unix_socket_directories={self.folder}")

    def crash(self):
        self.run("pg_ctl", "stop", "--pgdata", "data", "--mode", "immediate")

    def psql(self, statement):
        return self.run("psql", "--no-psqlrc", "--tuples-only", "--no-align", "--dbname", self.uri, "--command", statement).strip()

    def hold(self, table):
        """A session that holds a lock on a table; to be ended with `end_of`."""
        session = subprocess.Popen([self.programs / "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--dbname", self.uri], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        session.stdin.write(f"BEGIN; LOCK TABLE {table}; SELECT 'held';\n")
        session.stdin.flush()
        while "held" not in session.stdout.readline():
            assert session.poll() is None
        return session

    @staticmethod
    def end_of(session):
        session.kill()
        session.communicate()

    def remove(self):
        try:
            self.crash()
        except RuntimeError:
            pass
        shutil.rmtree(self.folder, ignore_errors=True)


def bmp(chance, size=16):
    pixels = bytes(chance.randrange(256) for _ in range(size * size * 3))
    return struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + len(pixels), 0, 0, 54, 40, size, size, 1, 24, 0, len(pixels), 2835, 2835, 0, 0) + pixels


PIPELINE = """
name = "embed"
[[operator]]
op = "image.list"
path = "photos"
[[operator]]
op = "image.decode"
[[operator]]
op = "image.normalize"
width = 4
height = 4
as = "vector"
[[operator]]
op = "vector.write"
store = "{store}"
metadata = ["path"]
description = "4 x 4 pixels, it's a test"
batch = 8
{more}
"""


class Postgres(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        programs = binaries()
        if programs is None:
            raise unittest.SkipTest(f"SKIPPED: there is no PostgreSQL with pgvector: pip install {INSTALL}")
        cls.server = Server(programs)
        cls.addClassCleanup(cls.server.remove)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock_postgres_test_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        chance = random.Random(3)
        (self.folder / "photos").mkdir()
        for number in range(PHOTOS):
            (self.folder / f"photos/{number:02}.bmp").write_bytes(bmp(chance))

    def store(self, table, more=""):
        return f"{self.server.uri}&table={table}{more}"

    def write(self, store, more=""):
        (self.folder / "p.toml").write_text(PIPELINE.format(store=store, more=more))

    def run_program(self, *words):
        return subprocess.run([PROGRAM, *words], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def rows(self, table):
        return self.server.psql(f"SELECT id, metadata, embedding FROM {table} ORDER BY id COLLATE \"C\"").splitlines()

    def fill(self, table, more=""):
        self.write(self.store(table, more))
        done = self.run_program("run", "p.toml")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    # ---- What every store must keep to ------------------------------------------------------------------------------

    def test_it_keeps_to_what_every_store_promises(self):
        done = subprocess.run([CONFORMANCE, "--gtest_filter=Stores/VectorStoreOf.*/postgres", "--gtest_color=no"], capture_output=True, text=True,
                              check=False, env=os.environ | {"PENSTOCK_TEST_POSTGRES": self.server.uri})
        self.assertEqual(done.returncode, 0, done.stdout[-5000:] + done.stderr)
        self.assertRegex(done.stdout, r"PASSED  \] \d+ tests")

    # ---- What a pipeline leaves there -------------------------------------------------------------------------------

    def test_a_pipeline_fills_a_table(self):
        done = self.fill("filled")
        self.assertIn(f"{PHOTOS} added, 0 replaced, 0 were there already", done.stdout)
        rows = self.rows("filled")
        self.assertEqual(len(rows), PHOTOS)
        self.assertTrue(rows[7].startswith('photos/07.bmp|{"path": "photos/07.bmp"}|['), rows[7])
        self.assertEqual(self.server.psql("SELECT obj_description('filled'::regclass)"), "4 x 4 pixels, it's a test")
        self.assertEqual(self.server.psql("SELECT col_description('filled'::regclass, 2)"), "penstock metric cosine")
        self.assertIn("USING hnsw (embedding vector_cosine_ops)", self.server.psql("SELECT indexdef FROM pg_indexes WHERE tablename = 'filled'"))
        done = self.fill("filled")
        self.assertIn(f"0 added, 0 replaced, {PHOTOS} were there already", done.stdout)
        self.assertEqual(self.rows("filled"), rows)
        self.assertEqual(self.server.psql("SELECT count(*) FROM pg_indexes WHERE tablename = 'filled'"), "2")

    def test_no_index_is_made_where_none_is_wanted(self):
        self.fill("plain", "&index=none")
        self.assertEqual(self.server.psql("SELECT count(*) FROM pg_indexes WHERE tablename = 'plain'"), "1")

    def test_names_are_taken_as_they_are(self):
        self.server.psql('CREATE SCHEMA "Own"')
        self.fill("Own.it%27s%20a%20%22table%22")
        self.assertEqual(self.server.psql('SELECT count(*) FROM "Own"."it\'s a ""table"""'), str(PHOTOS))

    def test_killed_at_random_moments_it_has_every_row_once(self):
        self.fill("whole")
        expected = self.rows("whole")
        chance = random.Random(int(os.environ.get("PENSTOCK_SEED", "1")))
        killed = 0
        for number in range(100 if LONG else 5):
            table = f"killed{number}"
            self.write(self.store(table))
            process = subprocess.Popen([PROGRAM, "run", "p.toml", "--checkpoint", "1ms", "--quiet"], cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(chance.uniform(0, 0.3))
            except subprocess.TimeoutExpired:
                process.kill()
                killed += 1
            process.communicate()
            done = self.run_program(*(["resume"] if chance.random() < 0.5 else ["run", "p.toml"]))
            if done.returncode != 0:
                self.assertRegex(done.stderr, "nothing to resume|no run to resume")
                self.assertEqual(self.run_program("run", "p.toml").returncode, 0)
            self.assertEqual(self.rows(table), expected)
        print(f"killed {killed} times", file=sys.stderr)

    # ---- Searching --------------------------------------------------------------------------------------------------

    def test_a_pipeline_searches_in_it(self):
        self.fill("searched")
        text = PIPELINE[:PIPELINE.index("[[operator]]\nop = \"vector.write\"")]
        (self.folder / "s.toml").write_text(text + f"""
[[operator]]
op = "vector.search"
store = "{self.store('searched')}"
k = 3
[[operator]]
op = "json.write"
path = "found.jsonl"
""")
        done = self.run_program("run", "s.toml")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = [json.loads(line) for line in (self.folder / "found.jsonl").read_text().splitlines()]
        self.assertEqual(len(found), 3 * PHOTOS)
        for row in found:
            self.assertEqual(row["neighbor"] == row["id"], row["rank"] == 1)

    # ---- A server that is not as it should be -----------------------------------------------------------------------

    def test_a_server_that_is_away_is_waited_for(self):
        self.fill("whole2")
        expected = self.rows("whole2")
        self.write(self.store("restarted"), "retries = 20")
        self.server.psql("CREATE EXTENSION IF NOT EXISTS vector")
        self.server.psql("CREATE TABLE restarted (id text PRIMARY KEY, embedding vector(48) NOT NULL, metadata jsonb NOT NULL)")
        session = self.server.hold("restarted")
        self.addCleanup(self.server.end_of, session)
        process = subprocess.Popen([PROGRAM, "run", "p.toml"], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'penstock'"
        while self.server.psql(waiting) == "0":
            self.assertIsNone(process.poll(), "it did not wait for the lock")
        self.server.crash()
        self.server.start()
        out, err = process.communicate()
        self.assertEqual(process.returncode, 0, err)
        self.assertRegex(out, r"\d+ calls made again")
        self.assertEqual(self.rows("restarted"), expected)

    def test_a_server_that_does_not_answer_in_time_ends_the_run(self):
        self.fill("locked")
        self.write(self.store("locked"), 'call_timeout = "200ms"\nretries = 1')
        session = self.server.hold("locked")
        done = self.run_program("run", "p.toml")
        self.server.end_of(session)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the table locked: PostgreSQL: canceling statement due to statement timeout", done.stderr)
        self.fill("locked")

    def test_what_the_server_says_is_said(self):
        for store, words in ((f"postgresql://postgres@/nowhere?host={self.server.folder}&table=t", 'database "nowhere" does not exist'),
                             (f"postgresql://postgres:secret@/postgres?host={self.folder}&table=t", "No such file or directory"),
                             (self.server.uri, "names its table"), (self.store("t", "&index=ivf"), "index=hnsw or index=none"),
                             (self.store("pg_catalog.pg_class"), 'no column "embedding" of type vector')):
            with self.subTest(store=store):
                self.write(store, "retries = 0")
                done = self.run_program("run", "p.toml")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(words, done.stderr)
                self.assertNotIn("secret", done.stderr)

    def test_a_table_of_another_model_is_refused(self):
        self.fill("other")
        text = (self.folder / "p.toml").read_text()
        (self.folder / "p.toml").write_text(text.replace("width = 4", "width = 5"))
        done = self.run_program("run", "p.toml")
        self.assertEqual(done.returncode, 2)
        self.assertIn("it has 48 values per vector and the metric cosine, and what comes has 60 and cosine", done.stderr)


if __name__ == "__main__":
    program = unittest.main(exit=False)
    if program.result.skipped and program.result.testsRun == 0:
        sys.exit(77)
    sys.exit(not program.result.wasSuccessful())
