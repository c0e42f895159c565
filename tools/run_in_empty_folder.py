#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a program in a fresh folder: run_in_empty_folder.py [--copy FOLDER] [--expected FILE] -- PROGRAM [ARGUMENTS...]

The folder is empty, or a copy of the named one, and is removed afterwards. The program must exit with 0 (77: skipped), and
print what stands in the expected file, to the byte. Standard input is empty.
"""
import argparse
import difflib
import shutil
import subprocess
import sys
import tempfile


def main(arguments):
    split = arguments.index("--")
    parser = argparse.ArgumentParser()
    parser.add_argument("--copy")
    parser.add_argument("--expected")
    options = parser.parse_args(arguments[:split])
    with tempfile.TemporaryDirectory(prefix="penstock_test_") as folder:
        if options.copy:
            shutil.copytree(options.copy, folder, dirs_exist_ok=True)
        done = subprocess.run(arguments[split + 1:], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              check=False)
    output = done.stdout.decode(errors="replace")
    sys.stdout.write(output)
    sys.stdout.flush()
    if done.returncode != 0:
        print(f"ended with {done.returncode}, expected 0", file=sys.stderr)
        return 77 if done.returncode == 77 else 1
    if options.expected:
        with open(options.expected, encoding="utf-8") as file:
            expected = file.read()
        if output != expected:
            sys.stderr.writelines(difflib.unified_diff(expected.splitlines(True), output.splitlines(True),
                                                       options.expected, "printed"))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
