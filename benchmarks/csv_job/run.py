#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the CSV job with several programs in turns, checks that they agree, and prints time, memory and ratios.

  run.py [--sizes 100M,1.25G,5G] [--runs 3] [--programs NAME,NAME] [--command 'NAME=COMMAND with {input} and {output}']
         [--build build/release] [--data FOLDER] [--output FOLDER] [--rivals-python PYTHON] [--json FILE] [--delete-data]

Programs: hand-1 and hand-2 (hand_written.cc with one and two threads), duckdb-1, duckdb-2, polars-1, polars-2, python-1.
A program with --command is measured beside them and must give exactly equal results. All refer to the first program.
"""
import argparse
import collections
import itertools
import json
import os
import pathlib
import shlex
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100M")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--programs", default="hand-1,hand-2")
    parser.add_argument("--command", action="append", default=[])
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build/release")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("/tmp/penstock-bench"))
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("/dev/shm/penstock-bench"))
    parser.add_argument("--rivals-python", default=sys.executable)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--delete-data", action="store_true")
    return parser.parse_args()


def tool(args, name):
    path = args.build / "benchmarks/csv_job" / f"csv_job_{name}"
    if not path.exists():
        sys.exit(f"{path} is not built: cmake --preset release && ninja -C build/release")
    return str(path)


def commands(args):
    """Name -> argv with {input} and {output} left open, in the order of the columns."""
    rivals = json.loads(subprocess.run([args.rivals_python, HERE / "rivals.py", "versions"], check=True,
                                       capture_output=True, text=True).stdout)
    found = {}
    for name in filter(None, args.programs.split(",")):
        engine, _, threads = name.partition("-")
        if engine == "hand":
            found[name] = [tool(args, "hand_written"), "{input}", "{output}", threads or "1"]
        elif rivals.get(engine):
            found[name] = [args.rivals_python, str(HERE / "rivals.py"), engine, "{input}", "{output}", threads or "1"]
        else:
            print(f"{name} is left out: {args.rivals_python} cannot import {engine} (pip install {engine} in a virtual environment)")
    for extra in args.command:
        name, _, command = extra.partition("=")
        found[name] = shlex.split(command)
    return found, rivals


def input_file(args, size):
    path = args.data / f"orders_{size}.csv"
    if not path.exists():
        args.data.mkdir(parents=True, exist_ok=True)
        subprocess.run([tool(args, "generate_orders"), "--bytes", size, str(path)], check=True)
    return path


def run_once(args, name, argv, source):
    folder = args.output / name.replace("/", "_").replace(" ", "_")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    argv = [word.replace("{input}", str(source)).replace("{output}", str(folder)) for word in argv]
    result = args.output / "measured.json"
    done = subprocess.run([tool(args, "measure"), str(result), *argv], stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"{name} failed with exit code {done.returncode}: {shlex.join(argv)}")
    return json.loads(result.read_text()), folder


def groups_of(folder):
    lines = (folder / "by_category.jsonl").read_text(encoding="utf-8").splitlines()
    return {group["category"]: group for group in map(json.loads, lines)}


def close(a, b, relative):
    return abs(a - b) <= relative * max(abs(a), abs(b))


def check_groups(name, expected, found):
    """p95 may be a sketch's (1 % off); sums and means of engines may be off by rounding; all else must be equal."""
    if expected.keys() != found.keys():
        sys.exit(f"{name}: wrong categories: {sorted(found)}, expected {sorted(expected)}")
    for category, key in itertools.product(expected, ["orders", "total", "mean", "min", "max", "p95"]):
        a, b = expected[category][key], found[category][key]
        engine = name.partition("-")[0] in ("duckdb", "polars")
        same = close(a, b, 0.01) if key == "p95" else close(a, b, 1e-9) if engine and key in ("total", "mean") else a == b
        if not same:
            sys.exit(f"{name}: wrong {key} of category {category}: {b!r}, expected {a!r}")


def check_rejects(name, expected, found):
    """Every rejected row must be there, on the right line where lines are said; engines do not keep all of them."""
    if name.partition("-")[0] in ("duckdb", "polars"):
        return
    rows = [[json.loads(line) for line in open(folder / "rejects.jsonl", encoding="utf-8")] for folder in (expected, found)]
    lines = [collections.Counter(row["line"] for row in some if "line" in row) for some in rows]
    if len(rows[0]) != len(rows[1]) or lines[1] - lines[0]:
        sys.exit(f"{name}: {len(rows[1])} rejected rows, expected {len(rows[0])}, on the same lines where lines are said")


def check(args, name, expected, found):
    same = subprocess.run([tool(args, "same_csv"), str(expected / "orders.csv"), str(found / "orders.csv")], capture_output=True,
                          text=True)
    if same.returncode != 0:
        sys.exit(f"{name}: wrong rows: {same.stdout}{same.stderr}")
    check_groups(name, groups_of(expected), groups_of(found))
    check_rejects(name, expected, found)


def measure_size(args, programs, size):
    """All runs of one size. The first round also compares results; later rounds only measure."""
    source = input_file(args, size)
    samples = {name: [] for name in programs}
    first = next(iter(programs))
    for turn in range(args.runs):
        for name, argv in programs.items():
            sample, folder = run_once(args, name, argv, source)
            samples[name].append(sample)
            if name == first:
                expected = folder
            elif turn == 0:
                check(args, name, expected, folder)
            if name != first:
                shutil.rmtree(folder)
    shutil.rmtree(args.output)
    bytes_in = source.stat().st_size
    if args.delete_data:
        source.unlink()
    return [summary(name, size, bytes_in, samples[name], samples[first]) for name in programs]


def summary(name, size, bytes_in, samples, baseline):
    walls = [sample["wall_s"] for sample in samples]
    return {
        "program": name, "size": size, "bytes": bytes_in, "runs": len(samples),
        "wall_s": statistics.median(walls), "wall_min_s": min(walls), "wall_max_s": max(walls),
        "cpu_s": statistics.median(sample["user_s"] + sample["system_s"] for sample in samples),
        "gb_per_s": bytes_in / statistics.median(walls) / 1e9,
        "peak_rss_mib": max(sample["peak_rss_mib"] for sample in samples),
        "ratio": statistics.median(wall / other["wall_s"] for wall, other in zip(walls, baseline)),
    }


def main():
    args = options()
    programs, rivals = commands(args)
    if not programs:
        sys.exit("no program to run")
    rows = []
    print(f"{'size':>6} {'program':<24} {'wall s':>8} {'(min..max)':>18} {'cpu s':>8} {'GB/s':>6} {'peak MiB':>9} {'ratio':>7}")
    for size in args.sizes.split(","):
        for row in measure_size(args, programs, size):
            rows.append(row)
            spread = f"({row['wall_min_s']:.3f}..{row['wall_max_s']:.3f})"
            print(f"{size:>6} {row['program']:<24} {row['wall_s']:8.3f} {spread:>18} {row['cpu_s']:8.3f} "
                  f"{row['gb_per_s']:6.3f} {row['peak_rss_mib']:9.1f} {row['ratio']:7.2f}", flush=True)
    if args.json:
        args.json.write_text(json.dumps({"rivals": rivals, "cores": os.cpu_count(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
