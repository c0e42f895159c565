#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The CSV job in DuckDB, in Polars, and in plain Python, which is the slow and simple reference.

usage: rivals.py versions | rivals.py {duckdb,polars,python} INPUT OUTPUT_FOLDER THREADS

Each writes orders.csv, by_category.jsonl and rejects.jsonl as README.md says. DuckDB and Polars are not Debian packages:
    python3 -m venv DIR && DIR/bin/pip install duckdb polars, then run with DIR/bin/python3.
"""
import csv
import io
import json
import math
import os
import re
import sys
from datetime import datetime

COLUMNS = ["id", "ts", "category", "name", "price", "qty", "score", "note"]


def write_lines(path, objects):
    with open(path, "w", encoding="utf-8") as out:
        for one in objects:
            out.write(json.dumps(one, ensure_ascii=False) + "\n")


# ---------------------------------------------------------------------------------------------------------------- DuckDB

def run_duckdb(source, folder, threads):
    """Reads the file twice: once for the rows and the rejects, once for the groups. One pass through a table is slower."""
    import duckdb

    db = duckdb.connect()
    db.execute(f"set threads = {threads}")
    db.execute("set enable_progress_bar = false")
    types = {"id": "BIGINT", "ts": "TIMESTAMP", "category": "VARCHAR", "name": "VARCHAR", "price": "DOUBLE",
             "qty": "BIGINT", "score": "DOUBLE", "note": "VARCHAR"}

    def read(rejects):
        return (f"read_csv('{source}', header=true, delim=',', quote='\"', escape='\"', auto_detect=false, columns={types}, "
                + ("store_rejects=true)" if rejects else "ignore_errors=true)"))

    valid = ("id > 0 and ts is not null and price >= 0 and isfinite(price) and qty between 1 and 1000 "
             "and score is not null and isfinite(score)")
    db.execute(f"copy (select *, price * qty as total, lower(trim(name)) as name_norm from {read(True)} where {valid}) "
               f"to '{folder}/orders.csv' (header, delimiter ',')")
    parse_errors = db.execute("select distinct line, csv_line from reject_errors order by line").fetchall()
    groups = db.execute(
        f"select category, count(*), sum(total), avg(total), min(total), max(total), approx_quantile(total, 0.95) "
        f"from (select category, price * qty as total from {read(False)} where {valid}) group by category order by category"
    ).fetchall()
    keys = ["category", "orders", "total", "mean", "min", "max", "p95"]
    write_lines(f"{folder}/by_category.jsonl", (dict(zip(keys, row)) for row in groups))
    # Rows that DuckDB could not read; those that the condition drops it does not keep, so they are missing here.
    write_lines(f"{folder}/rejects.jsonl", ({"raw": raw} for _, raw in parse_errors))


# ---------------------------------------------------------------------------------------------------------------- Polars

def run_polars(source, folder, threads):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl

    text = {name: pl.String for name in COLUMNS}
    types = text | {"id": pl.Int64, "price": pl.Float64, "qty": pl.Int64, "score": pl.Float64, "surplus": pl.String}
    # The ninth column shows which rows have too many fields; without it Polars cuts them and keeps them.
    rows = pl.scan_csv(source, has_header=False, skip_rows=1, schema=types, ignore_errors=True, truncate_ragged_lines=True,
                       missing_columns="insert")
    rows = rows.with_columns(pl.col("ts").str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", strict=False, time_unit="ms"))
    valid = ((pl.col("id") > 0) & pl.col("ts").is_not_null() & (pl.col("price") >= 0) & pl.col("price").is_finite()
             & pl.col("qty").is_between(1, 1000) & pl.col("score").is_finite() & pl.col("surplus").is_null())
    good = rows.filter(valid).drop("surplus").with_columns(
        (pl.col("price") * pl.col("qty")).alias("total"),
        pl.col("name").str.strip_chars(" ").str.to_lowercase().alias("name_norm"))
    good.sink_csv(f"{folder}/orders.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.3fZ")
    total = pl.col("total")
    groups = good.group_by("category").agg(
        pl.len().alias("orders"), total.sum(), total.mean().alias("mean"), total.min().alias("min"),
        total.max().alias("max"), total.quantile(0.95).alias("p95")).collect(engine="streaming").sort("category")
    groups.write_ndjson(f"{folder}/by_category.jsonl")
    # Polars does not keep the rows that it drops: no rejects file.


# ---------------------------------------------------------------------------------------------------------------- Python

INTEGER = re.compile(r"-?[0-9]+")
DECIMAL = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def reason_against(row):
    """Why a row is no good order; None when it is."""
    if len(row) != len(COLUMNS):
        return "too few fields" if len(row) < len(COLUMNS) else "too many fields"
    if not INTEGER.fullmatch(row[0]) or int(row[0]) <= 0:
        return "id"
    try:
        datetime.strptime(row[1] if TIMESTAMP.fullmatch(row[1]) else "", "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        return "ts"
    if not DECIMAL.fullmatch(row[4]) or not 0 <= float(row[4]) < math.inf:
        return "price"
    if not INTEGER.fullmatch(row[5]) or not 1 <= int(row[5]) <= 1000:
        return "qty"
    if not DECIMAL.fullmatch(row[6]) or not math.isfinite(float(row[6])):
        return "score"
    return None


def group_of(category, totals):
    totals.sort()
    total = math.fsum(totals)
    return {"category": category, "orders": len(totals), "total": total, "mean": total / len(totals), "min": totals[0],
            "max": totals[-1], "p95": totals[math.ceil(0.95 * len(totals)) - 1]}


def run_python(source, folder, _threads):
    totals = {}
    lower = str.maketrans({chr(c): chr(c + 32) for c in range(ord("A"), ord("Z") + 1)})
    with open(source, encoding="utf-8", newline="") as file, \
            open(f"{folder}/orders.csv", "w", encoding="utf-8", newline="") as rows, \
            open(f"{folder}/rejects.jsonl", "w", encoding="utf-8") as rejects:
        reader, writer = csv.reader(file), csv.writer(rows, lineterminator="\n")
        writer.writerow(next(reader) + ["total", "name_norm"])
        line = reader.line_num + 1
        for row in reader:
            first_line, line = line, reader.line_num + 1
            reason = reason_against(row)
            if reason:
                text = io.StringIO()
                csv.writer(text, lineterminator="").writerow(row)
                rejects.write(json.dumps({"line": first_line, "reason": reason, "raw": text.getvalue()}) + "\n")
                continue
            total = float(row[4]) * int(row[5])
            totals.setdefault(row[2], []).append(total)
            writer.writerow(row + [total, row[3].strip(" ").translate(lower)])
    by_bytes = sorted(totals, key=lambda category: category.encode())
    write_lines(f"{folder}/by_category.jsonl", (group_of(category, totals[category]) for category in by_bytes))


def versions():
    found = {"python": sys.version.split()[0]}
    for name in ("duckdb", "polars"):
        try:
            found[name] = __import__(name).__version__
        except ImportError:
            found[name] = None
    print(json.dumps(found))


def main():
    jobs = {"duckdb": run_duckdb, "polars": run_polars, "python": run_python}
    if sys.argv[1:] == ["versions"]:
        return versions()
    if len(sys.argv) != 5 or sys.argv[1] not in jobs:
        sys.exit(__doc__)
    return jobs[sys.argv[1]](sys.argv[2], sys.argv[3], int(sys.argv[4]))


if __name__ == "__main__":
    main()
