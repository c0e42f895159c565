#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Uses Penstock as an outside project does: check_install.py CMAKE BUILD_FOLDER COMPILER LIBRARY_FOLDER"""
import os
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


def flags(pkg_config_path, option):
    environment = os.environ | {"PKG_CONFIG_PATH": str(pkg_config_path)}
    return run("pkg-config", option, "penstock", env=environment).split()


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

        print(by_cmake, end="")
        program = prefix / "bin/penstock"
        if program.exists():
            print(run(program, "version", env=environment), end="")
        if by_cmake != by_pkg_config or "penstock says" not in by_cmake:
            sys.exit(f"expected the same words from both, found:\n{by_cmake}\n{by_pkg_config}")


if __name__ == "__main__":
    main(*sys.argv[1:])
