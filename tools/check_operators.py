#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps the reference in docs/guide/operators.md equal to what the program says about its operators.

  check_operators.py PROGRAM           compares the part of the page under MARK with `PROGRAM ops --json`
  check_operators.py PROGRAM --write   writes that part anew
  check_operators.py --self-test
"""
import json
import subprocess
import sys

import house

PAGE = "docs/guide/operators.md"
MARK = "<!-- From here on made by tools/check_operators.py build/dev/apps/penstock --write -->\n"
ROLES = [("source", "Sources"), ("transform", "Transforms"), ("sink", "Sinks")]


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def option_row(option):
    default = "needed" if option["required"] else f"`{option['default']}`" if option["default"] is not None else ""
    text = option["doc"]
    if option["choices"]:
        text += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
    if option["example"]:
        text += f" `{option['name']} = {option['example']}`"
    return f"| `{option['name']}` | {option['kind']} | {cell(default)} | {cell(text)} |\n"


def section(operator):
    text = f"\n### {operator['name']}\n\n{operator['summary']}\n"
    if operator["options"]:
        text += "\n| option | kind | default | what it does |\n|---|---|---|---|\n"
        text += "".join(option_row(option) for option in operator["options"])
    if operator["example"]:
        text += "\n```toml\n" + operator["example"].rstrip("\n") + "\n```\n"
    return text


def reference(operators):
    """Returns the part of the page under MARK."""
    text = ""
    for role, title in ROLES:
        text += f"\n## {title}\n" + "".join(section(operator) for operator in operators if operator["role"] == role)
    return text


def problems(root, operators):
    page = root / PAGE
    if not page.is_file():
        return [f"{PAGE}: missing"]
    _, mark, rest = page.read_text().partition(MARK)
    if not mark:
        return [f"{PAGE}: the line is missing under which the reference stands: {MARK.strip()}"]
    expected, found = reference(operators).split("\n"), rest.split("\n")
    if expected == found:
        return []
    line = next((i for i, pair in enumerate(zip(expected, found)) if pair[0] != pair[1]), min(len(expected), len(found)))
    said = expected[line] if line < len(expected) else "nothing"
    return [f"{PAGE}: the program says otherwise from line {page.read_text()[:-len(rest)].count(chr(10)) + line + 1} on: {said}\n"
            "  try: tools/check_operators.py PROGRAM --write"]


def self_test():
    head = {"name": "head", "role": "transform", "summary": "The first rows.", "example": 'op = "head"',
            "options": [{"name": "n", "kind": "integer", "required": False, "doc": "How many | at all.", "default": "10",
                         "choices": [], "example": "5"}]}
    page = "# Operators\n" + MARK + reference([head])
    examples = [({PAGE: page}, None), ({}, "missing"), ({PAGE: "# Operators\n"}, "the line is missing"),
                ({PAGE: page.replace("first", "last")}, "The first rows."),
                ({PAGE: page.replace("`10`", "`11`")}, "| `n` | integer | `10` | How many \\| at all. `n = 5` |")]
    return house.check("operators", lambda root: problems(root, [head]), examples)


def main():
    if "--self-test" in sys.argv[1:]:
        return self_test()
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    said = subprocess.run([sys.argv[1], "ops", "--json"], capture_output=True, text=True, check=True)
    operators = json.loads(said.stdout)["operators"]
    if "--write" in sys.argv[2:]:
        page = house.ROOT / PAGE
        head = page.read_text().partition(MARK)[0]
        page.write_text(head + MARK + reference(operators))
    return house.check("operators", lambda root: problems(root, operators), [])


if __name__ == "__main__":
    sys.exit(main())
