#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps files readable: no source beyond its most lines, no tracked file beyond 1 MiB.

A source that must be longer says so in its first 15 lines: "Long because ...".
"""
import sys

import house

MOST_BYTES = 1 << 20


def most_lines(name):
    """Returns the most lines of a file and its kind, or None where there is no limit."""
    if name.startswith("include/"):
        return 600, "a public header"
    if name.endswith("_test.cc"):
        return 1500, "a test"
    if name.endswith(".h"):
        return 500, "a private header"
    return (900, "a source") if name.endswith((".cc", ".inc", ".py")) else None


def problems(root):
    found = []
    for path in house.files(root):
        size = (root / path).stat().st_size
        if size > MOST_BYTES:
            found.append(f"{path}: {size} bytes; the repository holds no file over {MOST_BYTES}")
            continue
        limit = most_lines(path.as_posix())
        if limit is None:
            continue
        lines = (root / path).read_text().splitlines()
        if len(lines) > limit[0] and not any("Long because" in line for line in lines[:15]):
            found.append(f"{path}: {len(lines)} lines; {limit[1]} has at most {limit[0]}, or says 'Long because ...'")
    return found


EXAMPLES = [
    ({"src/a.cc": "\n" * 900, "include/penstock/a.h": "// Long because it is one table.\n" + "\n" * 700}, None),
    ({"src/a.cc": "\n" * 901}, "a source has at most 900"),
    ({"include/penstock/a.h": "\n" * 601}, "a public header has at most 600"),
    ({"data.csv": "x" * (MOST_BYTES + 1)}, "holds no file over"),
]

if __name__ == "__main__":
    sys.exit(house.check("sizes", problems, EXAMPLES))
