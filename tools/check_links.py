#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that the relative links of all *.md files lead to a file or folder, and to a heading where they name one."""
import re
import sys
from urllib.parse import unquote

import house

LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
FENCE = re.compile(r"^( *)(`{3,}|~{3,}).*?^ *\2`* *$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)


def blank(match):
    """Keeps line numbers right where code is taken out."""
    return "\n" * match.group(0).count("\n")


def anchors(text):
    """Returns the names under which the headings of a page can be linked, as GitHub makes them."""
    names = set()
    for title in re.findall(r"^#{1,6} +(.+?) *#*$", FENCE.sub(blank, text), re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", title).lower()).replace(" ", "-")
        count = 0
        while (unique := f"{name}-{count}" if count else name) in names:
            count += 1
        names.add(unique)
    return names | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def problems(root):
    found = []
    for path in house.files(root, "*.md"):
        text = (root / path).read_text()
        prose = CODE.sub(blank, FENCE.sub(blank, text))
        for match in LINK.finditer(prose):
            link = match.group(1) or match.group(2)
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            name, _, anchor = unquote(link).partition("#")
            target = (root / path.parent / name) if name else root / path
            place = f"{path}:{prose.count(chr(10), 0, match.start()) + 1}"
            if not target.exists():
                found.append(f"{place}: the link '{link}' leads nowhere")
            elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
                found.append(f"{place}: there is no heading '#{anchor}' in {name or path}")
    return found


EXAMPLES = [
    ({"README.md": "# A b, c\n[x](docs/a.md#two-words) [y](#a-b-c) [z](https://a.b/c) `[no](link)`\n```\n[no](link)\n```\n",
      "docs/a.md": "## Two words\n[up](../README.md)\n"}, None),
    ({"README.md": "text\n\n[x](docs/gone.md)\n"}, "README.md:3: the link 'docs/gone.md' leads nowhere"),
    ({"docs/a.md": "![picture](a.png)\n"}, "the link 'a.png' leads nowhere"),
    ({"docs/a.md": "[x]\n\n[x]: b.md\n"}, "the link 'b.md' leads nowhere"),
    ({"docs/a.md": "# One\n[x](#two)\n"}, "there is no heading '#two'"),
]

if __name__ == "__main__":
    sys.exit(house.check("links", problems, EXAMPLES))
