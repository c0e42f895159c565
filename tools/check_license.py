#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that every source starts with the licence line, after a #! line where there is one."""
import re
import sys

import house

LINE = re.compile(r"^(//|#|/\*|<!--) SPDX-License-Identifier: MIT( \*/| -->)?$")
SOURCES = ("*.h", "*.cc", "*.inc", "*.py", "*.sh", "*.cmake", "CMakeLists.txt", "script/*", ".ci/run", "*.js", "*.css")
DATA = ("script/packages.txt",)


def problems(root):
    found = []
    for path in house.files(root, *SOURCES):
        if path.as_posix() in DATA:
            continue
        lines = (root / path).read_text().splitlines()[:2]
        line = lines[1] if len(lines) > 1 and lines[0].startswith("#!") else "".join(lines[:1])
        if not LINE.match(line):
            found.append(f"{path}: the first line must be '// SPDX-License-Identifier: MIT', found '{line[:60]}'")
    return found


EXAMPLES = [
    ({"src/a.cc": "// SPDX-License-Identifier: MIT\nint a;\n",
      "script/a": "#!/bin/sh\n# SPDX-License-Identifier: MIT\n"}, None),
    ({"src/a.cc": "int a;\n"}, "src/a.cc: the first line must be"),
    ({"CMakeLists.txt": ""}, "CMakeLists.txt: the first line must be"),
    ({"src/a.h": "// Copyright (c) somebody\n// SPDX-License-Identifier: MIT\n"}, "found '// Copyright"),
]

if __name__ == "__main__":
    sys.exit(house.check("license", problems, EXAMPLES))
