# SPDX-License-Identifier: MIT
"""What the checks of the repository share: the files, the command line, the report, the self-test."""
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = 77


def files(root, *patterns):
    """Returns the files under root that git tracks or would track, as relative paths, sorted; all files without git."""
    listed = _listed_by_git(root)
    if listed is not None:
        names = [Path(name) for name in set(listed.split("\0")) if name]
    else:
        names = [path.relative_to(root) for path in root.rglob("*")]
    found = [name for name in names if (root / name).is_file() and name.parts[0] not in ("build", ".git")]
    return sorted(name for name in found if not patterns or any(name.match(pattern) for pattern in patterns))


def _listed_by_git(root):
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return listed.stdout if listed.returncode == 0 else None


def check(name, problems, examples):
    """Runs a check: problems(root) returns sentences, and their number must be 0.

    With --self-test, runs it on small trees instead: examples is a list of (files as {path: text}, words that the one
    problem found must contain, or None where there must be none).
    """
    if "--self-test" in sys.argv[1:]:
        found = [sentence for example in examples for sentence in _failures(problems, *example)]
    else:
        found = problems(ROOT)
    for sentence in found:
        print(sentence)
    print(f"{name}: {len(found)} problems" if found else f"{name}: ok")
    return 1 if found else 0


def _failures(problems, tree, words):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in tree.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        found = problems(root)
    if words is None:
        return [f"self-test: no problem expected in {sorted(tree)}, found: {found}"] if found else []
    if len(found) == 1 and words in found[0]:
        return []
    return [f"self-test: expected one problem that says '{words}' in {sorted(tree)}, found: {found}"]
