#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of docs/guide/sharing.md share what they say, and Python reads no torn version while a writer goes on:
sharing_guide_test.py PAGE FOLDER_OF_PROGRAMS PUBLISH_OFTEN

The page's C++ programs are built as those of other pages; the first is the writer, the second the reader. The Python program is
taken from the page."""
import os
import re
import subprocess
import sys
from pathlib import Path

import read_shared

EXPECTED = "the limit is 2.5\n"
NAME = f"guide-test-{os.getpid()}"


def check(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: found {found!r}, expected {expected!r}")


def page_programs(folder):
    lines = re.findall(r"^docs_guide_sharing_line_(\d+)", (folder / "docs" / "programs.txt").read_text(), re.MULTILINE)
    return [folder / f"docs_guide_sharing_line_{line}" for line in sorted(lines, key=int)]


def output_of(*words):
    return subprocess.run([*words, NAME], stdout=subprocess.PIPE, text=True, check=True).stdout


def share(page, folder):
    writer, reader, *_ = page_programs(Path(folder))
    python = re.search(r"^```python\n(.*?)^```$", Path(page).read_text(), re.MULTILINE | re.DOTALL).group(1)
    with subprocess.Popen([writer, NAME], stdin=subprocess.PIPE) as writing:
        check("the reader in C++", output_of(reader), EXPECTED)
        check("the reader in Python", output_of(sys.executable, "-c", python), EXPECTED)
        check("the version", read_shared.latest(NAME)[0], 1)
        writing.communicate(b"\n")
        check("the writer's end", writing.returncode, 0)
    try:
        read_shared.latest(NAME)
    except FileNotFoundError:
        return
    sys.exit("the name is still there after the writer's end")


def read_while_written(publish_often):
    with subprocess.Popen([publish_often, NAME], stdin=subprocess.PIPE) as writing:
        seen, different = 0, 0
        while different < 200:
            try:
                version, block = read_shared.latest(NAME)
            except (FileNotFoundError, LookupError):
                continue  # it has not begun yet
            check("the block", block, bytes([version % 256]) * 65536)
            check("that versions grow", version >= seen, True)
            different += version > seen
            seen = version
        writing.communicate(b"\n")
        check("the writer's end", writing.returncode, 0)


if __name__ == "__main__":
    share(*sys.argv[1:3])
    read_while_written(sys.argv[3])
