#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Uses Penstock as an outside project does: check_install.py CMAKE BUILD_FOLDER COMPILER LIBRARY_FOLDER"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OUTSIDE = Path(__file__).resolve().parent / "outside"


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(word) for word in command)}\nended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def flags(pkg_config_path, option, package="penstock"):
    environment = os.environ | {"PKG_CONFIG_PATH": str(pkg_config_path)}
    return run("pkg-config", option, package, env=environment).split()


def check_own_operator(program, folder, environment):
    """The commands know the operator of the program, a pipeline file names it, and it does its work."""
    shutil.copy(OUTSIDE / "own.toml", folder)
    options = {"env": environment, "cwd": folder}
    listed = run(program, "ops", "twice", **options)
    checked = run(program, "check", "own.toml", **options)
    run(program, "run", "own.toml", "--quiet", **options)
    run(program, **options)
    for store in ("pipeline_outputs", "by_itself"):
        rows = (Path(folder) / store / "latest/own/artifacts/out.csv").read_text().splitlines()[1:]
        if len(rows) != 6 or rows[:3] != rows[3:]:
            sys.exit(f"expected three rows twice in {store}, found {rows}")
    if "Emits every batch twice." not in listed or checked != "own.toml: ok, 1 stage, 3 operators\n":
        sys.exit(f"expected the operator of the program, found:\n{listed}\n{checked}")


def main(cmake, build, compiler, library_folder):
    with tempfile.TemporaryDirectory(prefix="penstock_install_") as folder:
        prefix, work = Path(folder) / "prefix", Path(folder) / "work"
        environment = os.environ | {"LD_LIBRARY_PATH": str(prefix / library_folder)}
        run(cmake, "--install", build, "--prefix", prefix)

        run(cmake, "-S", OUTSIDE, "-B", work, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={compiler}")
        run(cmake, "--build", work)
        by_cmake = run(work / "outside", env=environment, cwd=folder)

        compile_flags = flags(prefix / library_folder / "pkgconfig", "--cflags")
        link_flags = flags(prefix / library_folder / "pkgconfig", "--libs")
        run(compiler, "-std=c++20", *compile_flags, OUTSIDE / "main.cc", "-o", work / "by_pkg_config", *link_flags)
        by_pkg_config = run(work / "by_pkg_config", env=environment, cwd=folder)

        # A small program takes a few objects out of the library; all of them must find what they need.
        whole = [flag for each in link_flags for flag in
                 (["-Wl,--whole-archive", each, "-Wl,--no-whole-archive"] if each == "-lpenstock" else [each])]
        run(compiler, "-std=c++20", *compile_flags, OUTSIDE / "main.cc", "-o", work / "whole", *whole)

        if (work / "own_operator").exists():
            program_flags = flags(prefix / library_folder / "pkgconfig", "--libs", "penstock-program")
            run(compiler, "-std=c++20", *compile_flags, OUTSIDE / "own_operator.cc", "-o", work / "own_by_pkg_config", *program_flags)
            for own in (work / "own_operator", work / "own_by_pkg_config"):
                check_own_operator(own, folder, environment)

        print(by_cmake, end="")
        program = prefix / "bin/penstock"
        if program.exists():
            print(run(program, "version", env=environment), end="")
        if by_cmake != by_pkg_config or "penstock says" not in by_cmake:
            sys.exit(f"expected the same words from both, found:\n{by_cmake}\n{by_pkg_config}")


if __name__ == "__main__":
    main(*sys.argv[1:])
