#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is drawn on a terminal, and what is not drawn elsewhere."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from program import COPY, PROGRAM, ProgramTest, main


class Terminal(ProgramTest):
    def run_on_terminal(self, *words, columns=70, **environment):
        """Runs on a pipe whose rows come slowly, with standard error on a terminal; returns what it shows in all."""
        os.mkfifo(self.folder / "in.csv")
        self.write("copy.toml", COPY.replace('path = "in.csv"', 'path = "in.csv"\ntypes = { id = "int64" }'))
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([PROGRAM, "run", "copy.toml", *words], cwd=self.folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=theirs, text=True,
                                   env=self.environment(**({"TERM": "xterm"} | environment)))
        os.close(theirs)
        self.addCleanup(os.close, ours)
        self.addCleanup(self.end, process)
        with open(self.folder / "in.csv", "w", encoding="utf-8") as pipe:
            pipe.write("id\n" + "1\n" * 400000)
            pipe.flush()
            shown = self.read_until(ours, "csv.write") if environment.get("TERM") != "dumb" and "--quiet" not in words else ""
        self.assertEqual(process.wait(), 0)
        return shown + self.read_until(ours, None)

    @staticmethod
    def read_until(terminal, words):
        """Reads until the words come, or to the end."""
        text = ""
        while words is None or words not in text:
            try:
                data = os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            text += data.decode()
        return text

    def test_is_a_block_that_is_redrawn_and_removed(self):
        shown = self.run_on_terminal()
        self.assertRegex(shown, r"records, .*/s")
        self.assertRegex(shown, r"  csv\.read   [#.]{10}")
        self.assertTrue(shown.replace("\r\n", "\n").endswith("\x1b[3A\r\x1b[J"), shown[-40:])

    def test_nothing_stays_when_it_is_interrupted(self):
        """What the terminal shows in the end: ^C is echoed by it, the program's own words stand on lines of their own."""
        os.mkfifo(self.folder / "in.csv")
        self.write("copy.toml", COPY.replace('path = "in.csv"', 'path = "in.csv"\ntypes = { id = "int64" }'))
        pid, terminal = pty.fork()
        if pid == 0:  # in a session of its own, so that what is typed becomes a signal
            os.chdir(self.folder)
            os.execve(PROGRAM, [PROGRAM, "run", "copy.toml", "--json"], self.environment(TERM="xterm"))
        self.addCleanup(os.close, terminal)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        with open(self.folder / "in.csv", "w", encoding="utf-8") as pipe:
            pipe.write("id\n" + "1\n" * 400000)
            pipe.flush()
            shown = self.read_until(terminal, "csv.write")
            os.write(terminal, b"\x03")
            shown += self.read_until(terminal, "stopping: ")
            shown += self.read_until(terminal, "csv.write")  # the progress goes on below
        shown += self.read_until(terminal, None)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 130)
        lines = self.screen(shown.split("{\r\n")[0])
        self.assertEqual([line for line in lines if line],
                         ["penstock: stopping: no more input is read, what was read is finished and kept; a second signal drops it"])

    @staticmethod
    def screen(shown):
        """The lines that a terminal shows after these bytes, as far as the program uses its escapes."""
        lines, row, column = [""], 0, 0
        for part in re.findall(r"\x1b\[(\d*)([AJK])|(\r)|(\n)|([^\x1b\r\n]+)", shown):
            count, escape, home, down, text = part
            if escape == "A":
                row -= int(count or 1)
            elif escape == "K":
                lines[row] = lines[row][:column]
            elif escape == "J":
                lines[row:] = [lines[row][:column]]
            elif home:
                column = 0
            elif down:
                row += 1
                lines += [""] * (row + 1 - len(lines))
            else:
                lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text):]
                column += len(text)
        return lines

    def test_lines_fit_the_terminal(self):
        shown = self.run_on_terminal(columns=30)
        for line in shown.replace("\x1b[K", "").replace("\x1b[J", "").splitlines():
            self.assertLess(len(line.replace("\x1b[3A", "").strip("\r")), 30)

    def test_quiet_draws_nothing(self):
        self.assertEqual(self.run_on_terminal("--quiet"), "")

    def test_a_dumb_terminal_gets_no_escapes(self):
        self.assertNotIn("\x1b", self.run_on_terminal(TERM="dumb"))

    def error_on_terminal(self, **environment):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        process = subprocess.Popen([PROGRAM, "rnu"], stdin=subprocess.DEVNULL, stderr=theirs, env=self.environment(**environment))
        os.close(theirs)
        self.assertEqual(process.wait(), 2)
        return self.read_until(ours, None)

    def test_errors_are_red_unless_no_color_is_set(self):
        self.assertIn("\x1b[1;31merror:\x1b[0m", self.error_on_terminal(TERM="xterm"))
        self.assertNotIn("\x1b", self.error_on_terminal(TERM="xterm", NO_COLOR="1"))
        self.assertNotIn("\x1b", self.error_on_terminal(TERM="dumb"))


if __name__ == "__main__":
    main()
