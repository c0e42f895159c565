#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps the public headers light: check_headers.py [--compiler COMPILER]

Each compiles alone, without warnings; each stays under its budget of preprocessed lines (`-E -P`, standard library
included); none includes what the budget cannot afford, or anything but Penstock's headers and the standard library's,
except the optional ones, which are there for a library of others and are not weighed.
And each source includes its own header first, so that private headers are known to compile alone too.
"""
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import house

BUDGETS = {"fwd.h": 5_000, "result.h": 22_000, "stream.h": 51_000, "workflow.h": 50_000}
BUDGET = 60_000
OPTIONAL = {"asio.h": "asio.hpp"}
FORBIDDEN = {"functional", "iostream", "regex", "future", "thread", "filesystem", "ranges", "random"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)


def compiler():
    arguments = sys.argv[1:]
    return arguments[arguments.index("--compiler") + 1] if "--compiler" in arguments else "g++"


def run(root, header, options):
    """Compiles a source that includes only this header."""
    command = [compiler(), "-std=c++20", f"-I{root}/include", "-x", "c++", *options, "-"]
    return subprocess.run(command, input=f"#include <{header}>\n", capture_output=True, text=True, check=False)


def weigh(root, header):
    """Returns what is wrong with one public header, by what the compiler says."""
    alone = run(root, header, ["-Wall", "-Wextra", "-Wconversion", "-Wno-sign-conversion", "-Werror", "-fsyntax-only"])
    if alone.returncode != 0:
        return [f"<{header}> does not compile alone:\n{alone.stderr}"]
    lines = run(root, header, ["-E", "-P"]).stdout.count("\n")
    budget = BUDGETS.get(header.removeprefix("penstock/"), BUDGET)
    if "-v" in sys.argv[1:]:
        print(f"<{header}>: {lines} preprocessed lines of {budget}")
    return [f"<{header}> has {lines} preprocessed lines; its budget is {budget}"] if lines > budget else []


def forbidden_includes(path, text):
    found = []
    for match in INCLUDE.finditer(text):
        name = match.group(1)
        place = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        if name in FORBIDDEN:
            found.append(f"{place}: public headers do not include <{name}>")
        elif name == OPTIONAL.get(path.name):
            continue
        elif not name.startswith("penstock/") and ("/" in name or "." in name):
            found.append(f"{place}: public headers include Penstock's and the standard library's only, found <{name}>")
    return found


def own_header_first(root, path, text):
    header = path.with_suffix(".h")
    first = INCLUDE.search(text)
    wanted = header.as_posix().removeprefix("src/")
    if not (root / header).exists() or (first and first.group(1) == wanted):
        return []
    return [f'{path}: its first include must be its own header, "{wanted}"']


def problems(root):
    found = []
    headers = house.files(root, "include/penstock/*.h", "include/penstock/**/*.h")
    for path in headers:
        found += forbidden_includes(path, (root / path).read_text())
    for path in house.files(root, "*.cc"):
        if path.parts[0] == "src":
            found += own_header_first(root, path, (root / path).read_text())
    with ThreadPoolExecutor(2) as pool:
        names = [path.relative_to("include").as_posix() for path in headers if path.name not in OPTIONAL]
        for some in pool.map(lambda name: weigh(root, name), names):
            found += some
    return found


EXAMPLES = [
    ({"include/penstock/a.h": "#pragma once\n#include <string>\n#include <penstock/b.h>\n",
      "include/penstock/b.h": "#pragma once\n",
      "src/x/c.h": "#pragma once\n", "src/x/c.cc": '#include "x/c.h"\n\n#include <string>\n'}, None),
    ({"include/penstock/a.h": "#pragma once\ninline std::string a;\n"}, "<penstock/a.h> does not compile alone"),
    ({"include/penstock/fwd.h": "#pragma once\n#include <string>\n"}, "its budget is 5000"),
    ({"include/penstock/a.h": "#pragma once\n#include <random>\n"}, "a.h:2: public headers do not include <random>"),
    ({"include/penstock/a.h": "#pragma once\n#include <unistd.h>\n"}, "found <unistd.h>"),
    ({"src/x/c.h": "#pragma once\n", "src/x/c.cc": '#include <string>\n#include "x/c.h"\n'}, "its first include must be"),
]

if __name__ == "__main__":
    sys.exit(house.check("headers", problems, EXAMPLES))
