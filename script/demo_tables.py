#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows the results of script/demo in words and tables.

usage: demo_tables.py packages OUT
       demo_tables.py reference OUT SIZES ROUNDS
"""
import collections
import csv
import hashlib
import json
import os
import statistics
import sys


def table(header, rows):
    """Prints a table; a column whose header begins with '>' is aligned to the right."""
    right = [title.startswith(">") for title in header]
    lines = [[title.lstrip(">") for title in header]] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[c]) for line in lines) for c in range(len(header))]
    for line in lines:
        cells = [cell.rjust(width) if r else cell.ljust(width) for cell, width, r in zip(line, widths, right)]
        print("  " + "  ".join(cells).rstrip())


def artifacts(run, stage):
    return os.path.join(run["path"], stage, "artifacts")


def show_packages(out):
    with open(os.path.join(out, "packages.json"), encoding="utf-8") as file:
        run = json.load(file)
    report = run["stages"][0]["report"]
    folder = artifacts(run, "clean")
    print()
    print(f"  {report['records_in']:,} package records in = {report['records_out']:,} out + "
          f"{report['records_rejected']:,} rejected + {report['records_dropped']:,} dropped, "
          f"in {report['wall_seconds']:.2f} s with strategy {report['strategy']}, "
          f"{report['memory_peak_bytes'] / 2**20:.0f} MiB at most")
    if report["records_in"] != report["records_out"] + report["records_rejected"] + report["records_dropped"]:
        sys.exit("demo: the accounts do not add up")
    print("\n  The steps:")
    table(["step", "operator", ">in", ">out", ">rejected", ">busy s"],
          [[s["name"], s["op"], f"{s['records_in']:,}", f"{s['records_out']:,}", f"{s['records_rejected']:,}",
            f"{s['busy_seconds']:.3f}"] for s in report["steps"]])
    print(f"\n  Packages per topic ({os.path.relpath(folder)}/topics.csv):")
    with open(os.path.join(folder, "topics.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table(["topic", ">packages", ">download MB", ">mean kB", ">p95 kB", ">unpacked/packed"],
          [[r["topic"] or "(none)", f"{int(r['packages']):,}", f"{int(r['download_bytes']) / 1e6:,.0f}",
            f"{float(r['mean_bytes']) / 1e3:,.0f}", f"{float(r['p95_bytes']) / 1e3:,.0f}",
            f"{float(r['mean_compression']):.2f}"] for r in rows])
    print(f"\n  Why records were rejected ({os.path.relpath(folder)}/quarantine.jsonl):")
    with open(os.path.join(folder, "quarantine.jsonl"), encoding="utf-8") as file:
        reasons = collections.Counter((r["operator"], r["reason"]) for r in map(json.loads, file))
    table([">records", "operator", "reason"], [[count, *key] for key, count in reasons.most_common(6)])
    print()


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def show_reference(out, sizes, rounds):
    rows = []
    for size in sizes:
        seconds = {"serial": [], "threads": []}
        digests = set()
        for strategy, times in seconds.items():
            for round_number in range(1, rounds + 1):
                with open(os.path.join(out, f"reference-{size}-{strategy}-{round_number}.json"), encoding="utf-8") as file:
                    run = json.load(file)
                times.append(run["stages"][0]["report"]["wall_seconds"])
                folder = artifacts(run, "job")
                digests.add((digest(os.path.join(folder, "processed_data.csv")), digest(os.path.join(folder, "metrics.json"))))
        if len(digests) != 1:
            sys.exit(f"demo: at {size} records the strategies wrote different bytes")
        serial, threads = (statistics.median(seconds[s]) for s in ("serial", "threads"))
        rows.append([f"{size:,}", f"{serial * 1e3:,.1f}", f"{threads * 1e3:,.1f}", f"{serial / threads:.2f}x",
                     f"{size / min(serial, threads) / 1e6:.2f}", "yes"])
    print()
    table([">records", ">serial ms", ">threads ms", ">speed-up", ">M records/s", "same bytes"], rows)
    with open(os.path.join(folder, "metrics.json"), encoding="utf-8") as file:
        metrics = json.load(file)
    print(f"\n  The metrics of the last run ({os.path.relpath(folder)}):")
    table(["category", ">records", ">value1 mean", ">value1 std", ">z-score mean", ">log1p(value2) mean", ">ratio p95"],
          [[m["category"], f"{m['records']:,}", f"{m['value1_mean']:.4f}", f"{m['value1_std']:.4f}",
            f"{m['value1_zscore_mean']:+.5f}", f"{m['value2_log1p_mean']:.5f}", f"{m['ratio_p95']:.3f}"] for m in metrics])
    print(f"\n  Every run left processed_data.csv and metrics.json; timing.json and the rest are beside them in {os.path.relpath(out)}/reference/runs.")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "packages":
        show_packages(sys.argv[2])
    elif len(sys.argv) == 5 and sys.argv[1] == "reference":
        show_reference(sys.argv[2], [int(size) for size in sys.argv[3].split()], int(sys.argv[4]))
    else:
        sys.exit(__doc__)
