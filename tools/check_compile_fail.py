#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that a mistake is answered with the right sentence: check_compile_fail.py SOURCE -- COMPILER [OPTIONS...]

SOURCE must compile as it is, and must not compile with PENSTOCK_EXPECT_ERROR defined. Then every line of it of the form
    // expect-error: TEXT
must be found among the compiler's messages, white space aside. `expect-error(gcc):` and `expect-error(clang):` hold for
one compiler only.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

EXPECTATION = re.compile(r"^// expect-error(?:\((gcc|clang)\))?: (.+)$", re.MULTILINE)


def flat(text):
    """Returns the text with quotes of one kind and single spaces, as compilers differ in both."""
    return " ".join(re.sub("[\u2018\u2019`]", "'", text).split())


def compile_messages(command, source, defines):
    """Returns (compiled?, messages)."""
    command = [*command, *defines, "-Wall", "-Wextra", "-Werror", "-S", "-o", "/dev/null", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stderr


def problems(source, command):
    """Returns what is wrong with the answers to SOURCE, as sentences."""
    compiler = "clang" if "clang" in Path(command[0]).name else "gcc"
    expected = [text for only, text in EXPECTATION.findall(source.read_text()) if only in ("", compiler)]
    if not expected:
        return [f"{source}: has no line '// expect-error: TEXT'"]
    compiled, messages = compile_messages(command, source, [])
    if not compiled:
        return [f"{source}: must compile without PENSTOCK_EXPECT_ERROR, but does not:\n{messages}"]
    compiled, messages = compile_messages(command, source, ["-DPENSTOCK_EXPECT_ERROR"])
    if compiled:
        return [f"{source}: compiles with PENSTOCK_EXPECT_ERROR, but must not"]
    missing = [text for text in expected if flat(text) not in flat(messages)]
    return [f"{source}: the compiler does not say '{text}'; it says:\n{messages}" for text in missing]


def self_test(command):
    """Shows the check one good example and three bad ones."""
    ok = '// expect-error: penstock: no\n#ifdef PENSTOCK_EXPECT_ERROR\nstatic_assert(sizeof(int) == 0, "penstock: no");\n#endif\n'
    cases = {ok: 0, ok.replace("_assert(sizeof(int) == 0", "_assert(sizeof(int) > 0"): 1,
             ok.replace("#ifdef", "#ifndef"): 1, ok.replace('"penstock: no"', '"something else"'): 1}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "example.cc"
        for text, count in cases.items():
            source.write_text(text)
            found = problems(source, command)
            if len(found) != count:
                return [f"expected {count} problems, found {found} in:\n{text}"]
    return []


def main(arguments):
    split = arguments.index("--")
    command = arguments[split + 1:]
    found = self_test(command) if arguments[0] == "--self-test" else problems(Path(arguments[0]), command)
    print("\n".join(found) or "ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
