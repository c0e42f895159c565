#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A block written by C++ holds for Python what its JSON says: dictionary_in_python.py WRITE_DICTIONARY"""
import json
import mmap
import subprocess
import sys
import tempfile
from pathlib import Path

import read_dictionary


def check(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: found {found!r}, expected {expected!r}")


def main(writer):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "block"
        expected = json.loads(subprocess.run([writer, path], stdout=subprocess.PIPE, check=True).stdout)
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            block = read_dictionary.Block(mapped)
            everything = block.find()
            check("all values", everything, expected)
            check("the order of keys", list(everything), list(expected))
            check("a nested path", block.find("nested.meta.score"), 2.5)
            check("a wide dict", block.find("wide.key 99"), 99)
            block.memory.release()
        for damaged in (b"PENSDIC?" + path.read_bytes()[8:], path.read_bytes()[:-8]):
            try:
                read_dictionary.Block(damaged)
            except ValueError:
                continue
            sys.exit("a damaged header was accepted")


if __name__ == "__main__":
    main(sys.argv[1])
