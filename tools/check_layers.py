#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the order of the layers: who may include whom.

src/layers.txt gives every folder and every public header a rank. A file may include its own folder, folders of a lower
rank, and public headers of its own rank or lower; never a sibling of the same rank, never upward.
"""
import re
import sys

import house

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<(penstock/[^>]+)>)')


def read_ranks(path):
    """Returns {folder or header: rank}."""
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines if words}


def place_of(name, ranks):
    """Returns the ranked folder or header that holds the file, or None."""
    parts = name.split("/")
    for length in range(len(parts), 0, -1):
        if "/".join(parts[:length]) in ranks:
            return "/".join(parts[:length])
    return None


def short(place):
    return re.sub(r"^src/|^include/", "", place)


def problem_of(name, place, included, public, ranks):
    """Returns what is wrong with one include line, or None."""
    if public:
        target = "include/" + included.replace("-inl.h", ".h")
        if target not in ranks:
            return f"<{included}> has no rank in src/layers.txt"
        allowed = ranks[target] <= ranks[place]
    else:
        if name.startswith("include/"):
            return f'a public header may not include "{included}", only <penstock/...> and the standard library'
        target = place_of(included if included.startswith("apps/") else "src/" + included, ranks)
        if target is None:
            return f'"{included}" is in no folder of src/layers.txt; write own includes from src/ on, as "layer/file.h"'
        allowed = target == place or ranks[target] < ranks[place]
    if allowed:
        return None
    return f"{short(place)} ({ranks[place]}) may not include {short(target)} ({ranks[target]})"


def problems(root):
    ranks = read_ranks(root / "src/layers.txt")
    found = []
    for path in house.files(root, "*.h", "*.cc", "*.inc"):
        name = path.as_posix()
        if not name.startswith(("src/", "include/", "apps/")):
            continue
        place = place_of(name.replace("-inl.h", ".h"), ranks)
        if place is None:
            found.append(f"{name}: neither it nor its folder has a rank in src/layers.txt")
            continue
        for number, line in enumerate((root / path).read_text().splitlines(), start=1):
            match = INCLUDE.match(line)
            if not match:
                continue
            public = match.group(2) is not None
            problem = problem_of(name, place, match.group(2) or match.group(1), public, ranks)
            if problem:
                found.append(f"{name}:{number}: {problem}")
    return found


RANKS = "src/base 0\nsrc/data 2\nsrc/stream 5\nsrc/workflow 6\nsrc/operators/io 6  # sibling\ninclude/penstock/stream.h 5\n"
EXAMPLES = [
    ({"src/layers.txt": RANKS, "src/stream/plan.cc": '#include <penstock/stream.h>\n#include "data/batch.h"\n'}, None),
    ({"src/layers.txt": RANKS, "src/stream/plan.cc": '#include "workflow/stage.h"\n'},
     "src/stream/plan.cc:1: stream (5) may not include workflow (6)"),
    ({"src/layers.txt": RANKS, "src/workflow/a.cc": '#include "operators/io/csv/x.h"\n'},
     "workflow (6) may not include operators/io (6)"),
    ({"src/layers.txt": RANKS, "src/data/a.h": "#include <penstock/stream.h>\n"}, "may not include penstock/stream.h (5)"),
    ({"src/layers.txt": RANKS, "src/data/a.h": "#include <penstock/nowhere.h>\n"}, "has no rank"),
    ({"src/layers.txt": RANKS, "include/penstock/stream.h": '#include "data/a.h"\n'}, "a public header may not include"),
    ({"src/layers.txt": RANKS, "src/data/a.cc": '#include "a.h"\n'}, "is in no folder"),
    ({"src/layers.txt": RANKS + "apps 8\n", "apps/a/main.cc": '#include "apps/a/b.h"\n#include "stream/plan.h"\n'}, None),
    ({"src/layers.txt": RANKS + "apps 8\n", "src/stream/a.cc": '#include "apps/a/b.h"\n'}, "stream (5) may not include apps (8)"),
    ({"src/layers.txt": RANKS, "src/elsewhere/a.cc": "int a;\n"}, "neither it nor its folder"),
]

if __name__ == "__main__":
    sys.exit(house.check("layers", problems, EXAMPLES))
