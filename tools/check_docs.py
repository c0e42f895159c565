#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps the code in README.md and docs/ true.

  check_docs.py --programs FOLDER    writes every ```cpp block that holds `int main` to FOLDER/NAME.cc, the blocks of its
                                     page that have a file name (```csv orders.csv) to FOLDER/NAME/, and the list of
                                     programs to FOLDER/programs.txt; CMake builds them and runs them in such a folder
  check_docs.py --pipelines PROGRAM  runs `PROGRAM check` on every ```toml block with [[operator]] or [[stage]] tables,
                                     in a folder with the page's named files
  check_docs.py --self-test

A comment in the page, on the line before a block, makes exceptions:
  <!-- compile only: REASON -->      the program is built, not run
  <!-- file only: REASON -->         the block is written as a file for the page's programs; a pipeline is not checked
  <!-- not checked: REASON -->       nothing is done with the block
"""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import house

BLOCK = re.compile(r"(?:^<!-- (compile only|file only|not checked): [^\n]+-->\n+)?^```(\w+)(?: +([^\n`]+))?\n(.*?)^```$",
                   re.MULTILINE | re.DOTALL)


class Block:
    """One fenced block: its page, line, language, file name or "", text, and exception or None."""

    def __init__(self, page, text, match):
        self.page = page
        self.exception, self.language, self.file, self.text = match.group(1), match.group(2), match.group(3) or "", match.group(4)
        self.line = text.count("\n", 0, match.start(4))
        self.file = self.file.strip()

    def name(self):
        return re.sub(r"\W+", "_", self.page.as_posix().removesuffix(".md").lower()) + f"_line_{self.line}"

    def is_program(self):
        return self.language == "cpp" and "int main" in self.text and self.exception != "not checked"

    def is_pipeline(self):
        tables = re.search(r"^\s*\[\[(operator|stage)\]\]", self.text, re.MULTILINE)
        return self.language == "toml" and tables is not None and self.exception is None


def pages(root):
    return [path for path in house.files(root, "*.md") if path.as_posix() == "README.md" or path.parts[0] == "docs"]


def blocks(root, page):
    text = (root / page).read_text()
    return [Block(page, text, match) for match in BLOCK.finditer(text)]


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def write_programs(root, folder):
    """Writes the programs of all pages; files that stayed the same keep their time, so that nothing is built again."""
    folder.mkdir(parents=True, exist_ok=True)
    programs = [block for page in pages(root) for block in blocks(root, page) if block.is_program()]
    for block in programs:
        # As many lines in front as the page has, so that messages of the compiler name the line of the page.
        text = f'// SPDX-License-Identifier: MIT\n#line {block.line + 1} "{(root / block.page).as_posix()}"\n{block.text}'
        write_if_changed(folder / f"{block.name()}.cc", text)
        shutil.rmtree(folder / block.name(), ignore_errors=True)
        write_files(root, block.page, folder / block.name())
    names = {f"{block.name()}.cc" for block in programs}
    for path in folder.glob("*.cc"):
        if path.name not in names:
            path.unlink()
    lines = [f"{block.name()} {'build' if block.exception else 'run'}\n" for block in programs]
    write_if_changed(folder / "programs.txt", "".join(lines))


def write_files(root, page, folder):
    folder.mkdir(exist_ok=True)
    for block in blocks(root, page):
        if block.file and block.exception != "not checked":
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)


def check_pipelines(root, program):
    """Returns (number of pipelines, problems)."""
    count, found = 0, []
    for page in pages(root):
        for block in blocks(root, page):
            if not block.is_pipeline():
                continue
            count += 1
            with tempfile.TemporaryDirectory(prefix="penstock_docs_") as folder:
                write_files(root, page, Path(folder))
                file = block.file or "pipeline.toml"
                (Path(folder) / file).write_text(block.text)
                done = subprocess.run([program, "check", file], cwd=folder, stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, check=False)
            if done.returncode != 0:
                found.append(f"{page}:{block.line}: `penstock check` ends with {done.returncode}:\n{done.stdout}{done.stderr}")
    return count, found


def self_test():
    page = ("```cpp\nint main() {}\n```\n\n```cpp\nint part;\n```\n\n<!-- compile only: needs a camera -->\n```cpp\nint main(){}\n```\n"
            "```csv a.csv\nx\n1\n```\n```toml\n[[operator]]\nop = 'csv.read'\n```\n```toml\n[run]\n```\n"
            "<!-- not checked: wrong on purpose -->\n```toml\n[[stage]]\n```\n"
            "<!-- file only: wrong on purpose -->\n```toml own.toml\n[[stage]]\n```\n")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "docs").mkdir()
        (root / "docs/a.md").write_text(page)
        write_programs(root, root / "out")
        assert (root / "out/programs.txt").read_text() == "docs_a_line_1 run\ndocs_a_line_10 build\n"
        assert (root / "out/docs_a_line_1.cc").exists()
        assert (root / "out/docs_a_line_1/a.csv").read_text() == "x\n1\n"
        assert (root / "out/docs_a_line_1/own.toml").exists()
        program = root / "program"
        program.write_text("#!/bin/sh\ntest \"$1\" = check && test -f a.csv && ! grep -q wrong \"$2\"\n")
        program.chmod(0o755)
        assert check_pipelines(root, str(program)) == (1, [])
        (root / "docs/a.md").write_text(page.replace("csv.read", "wrong"))
        count, found = check_pipelines(root, str(program))
        assert count == 1 and "docs/a.md:17" in found[0], found
    print("docs: ok")


def main(arguments):
    if arguments[:1] == ["--self-test"]:
        self_test()
        return 0
    if arguments[:1] == ["--programs"]:
        write_programs(house.ROOT, Path(arguments[1]))
        return 0
    if arguments == ["--pipelines"]:
        print("skipped: this build has no program penstock")
        return house.SKIPPED
    if arguments[:1] == ["--pipelines"]:
        count, found = check_pipelines(house.ROOT, arguments[1])
        print("\n".join([*found, f"{count} pipelines checked"]))
        return 1 if found else 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
