#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds docs/dependencies.md, the build files and the includes together.

Every package that CMakeLists.txt finds has a row in the page's tables; every row is found there, and its Debian package
stands in script/packages.txt; every third-party header that a source includes belongs to a row.
"""
import re
import sys

import house

FOUND = re.compile(r"^\s*(?:find_package\((\w+)|pkg_check_modules\((\w+))", re.MULTILINE)
ROW = re.compile(r"^\|\s*`(\w+)`\s*\|([^|]*)\|([^|]*)\|", re.MULTILINE)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([^>]+)>", re.MULTILINE)
# C and POSIX headers, which come with the compiler.
SYSTEM = re.compile(r"^(sys|linux|net|netinet|arpa|asm|sanitizer)/|^\w+intrin\.h$")
POSIX = {"cpuid.h", "dirent.h", "dlfcn.h", "elf.h", "errno.h", "fcntl.h", "fenv.h", "getopt.h", "glob.h", "grp.h", "langinfo.h",
         "limits.h", "link.h", "locale.h", "malloc.h", "math.h", "poll.h", "pwd.h", "sched.h", "semaphore.h", "signal.h",
         "spawn.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "termios.h", "time.h", "ucontext.h", "unistd.h",
         "execinfo.h", "cxxabi.h", "features.h", "wchar.h", "utime.h", "fnmatch.h", "mntent.h", "netdb.h", "stdarg.h"}


def is_third_party(header):
    if header.startswith("penstock/") or SYSTEM.match(header) or header in POSIX:
        return False
    return "/" in header or "." in header


def problems(root):
    found = []
    page = (root / "docs/dependencies.md").read_text()
    rows = {name: (debian, headers) for name, debian, headers in ROW.findall(page)}
    asked = {first or second for first, second in FOUND.findall((root / "CMakeLists.txt").read_text())}
    packages = set((root / "script/packages.txt").read_text().split())
    found += [f"CMakeLists.txt: {name} has no row in docs/dependencies.md" for name in sorted(asked - rows.keys())]
    found += [f"docs/dependencies.md: CMakeLists.txt does not find {name}" for name in sorted(rows.keys() - asked)]
    for name, (debian, _) in rows.items():
        # libc6-dev comes with every compiler.
        lacking = set(re.findall(r"[a-z0-9.+-]+", debian)) - packages - {"libc6-dev"}
        found += [f"script/packages.txt: lacks {package}, which docs/dependencies.md names" for package in sorted(lacking)]
    allowed = tuple(header for _, headers in rows.values() for header in re.findall(r"`([^`]+)`", headers))
    for path in house.files(root, "*.h", "*.cc", "*.inc"):
        if path.parts[0] == "benchmarks":
            continue
        for header in INCLUDE.findall((root / path).read_text()):
            if is_third_party(header) and not header.startswith(allowed):
                found.append(f"{path}: <{header}> belongs to no row of docs/dependencies.md")
    return found


TREE = {"CMakeLists.txt": "find_package(fmt REQUIRED)\npkg_check_modules(zstd REQUIRED libzstd)\n",
        "script/packages.txt": "build libfmt-dev\nbuild libzstd-dev\n",
        "docs/dependencies.md": "| `fmt` | libfmt-dev | `fmt/` | MIT |\n| `zstd` | libzstd-dev | `zstd.h` | BSD |\n",
        "src/a.cc": "#include <fmt/format.h>\n#include <sys/mman.h>\n#include <unistd.h>\n#include <vector>\n"}
EXAMPLES = [
    (TREE, None),
    (TREE | {"CMakeLists.txt": TREE["CMakeLists.txt"] + "  find_package(ZLIB)\n"}, "ZLIB has no row"),
    (TREE | {"CMakeLists.txt": "find_package(fmt REQUIRED)\n"}, "does not find zstd"),
    (TREE | {"script/packages.txt": "build libfmt-dev\n"}, "lacks libzstd-dev"),
    (TREE | {"src/b.cc": "#include <boost/any.hpp>\n"}, "<boost/any.hpp> belongs to no row"),
]

if __name__ == "__main__":
    sys.exit(house.check("dependencies", problems, EXAMPLES))
