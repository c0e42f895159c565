# SPDX-License-Identifier: MIT
"""ONNX Runtime for tests: the header of Debian 13's package and the library of the Python package of that version. Debian 12 has neither."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

FOLDER = pathlib.Path(os.environ["PENSTOCK_TEST_SERVERS"]) / "onnxruntime"
VERSION = 21
INSTALL = f"onnxruntime==1.{VERSION}.1"
DEBIAN = "trixie"
PACKAGE = "libonnxruntime-dev"
HEADER = "onnxruntime_c_api.h"
SYSTEM = (pathlib.Path("/usr/include/onnxruntime"), pathlib.Path("/usr/include/onnxruntime/core/session"))
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Missing(Exception):
    """What cannot be had, and why."""


def done(what, *words, folder=None):
    made = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if made.returncode != 0:
        raise Missing(f"{what}: {made.stderr.strip() or made.stdout.strip()}")
    return made.stdout


def sites_of_debian(targets):
    """Of lines of a site, an origin and a label; these two may have spaces. Not of backports and the like."""
    return [line.split()[0] for line in targets.splitlines() if line.split()[1:] == ["Debian", "Debian"]]


def fetch_header(folder):
    """From Debian 13, by apt-get from where it gets this system's packages, with lists of its own; nothing is installed."""
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise Missing(f"{PACKAGE}: this is not Debian, install ONNX Runtime with its headers")
    targets = done("apt-get indextargets", "apt-get", "indextargets", "--format", "$(SITE) $(ORIGIN) $(LABEL)", "Created-By: Packages")
    sites = sites_of_debian(targets)
    if not sites:
        raise Missing(f"{PACKAGE}: apt-get knows no site of Debian, try apt-get update")
    for name in ("lists/partial", "cache/archives/partial", "sources"):
        (folder / "apt" / name).mkdir(parents=True, exist_ok=True)
    (folder / "apt/sources/debian.list").write_text(f"deb [signed-by={KEYS}] {sites[0]} {DEBIAN} main\n")
    options = [word for setting in (
        "Dir::Etc::sourcelist=/dev/null", f"Dir::Etc::sourceparts={folder}/apt/sources", f"Dir::State::lists={folder}/apt/lists",
        f"Dir::Cache={folder}/apt/cache", "Acquire::Languages=none", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
        "APT::Sandbox::User=root") for word in ("-o", setting)]
    done("apt-get update", "apt-get", *options, "--error-on=any", "update")
    done(f"apt-get download {PACKAGE}", "apt-get", *options, "download", PACKAGE, folder=folder)
    package = next(folder.glob(f"{PACKAGE}_*.deb"))
    done("dpkg-deb", "dpkg-deb", "--extract", str(package), str(folder / "header"))
    package.unlink()


def header_folder(folder):
    """Where the header lies: in the system, if it is not newer than the library, which would refuse it."""
    for system in SYSTEM:
        if (system / HEADER).exists() and version_of_header(system / HEADER) <= VERSION:
            return system
    found = list((folder / "header").rglob(HEADER))
    if not found:
        try:
            fetch_header(folder)
        finally:
            shutil.rmtree(folder / "apt", ignore_errors=True)
        found = list((folder / "header").rglob(HEADER))
    if not found:
        shutil.rmtree(folder / "header", ignore_errors=True)
        raise Missing(f"{PACKAGE} of Debian {DEBIAN} has no {HEADER}")
    if version_of_header(found[0]) > VERSION:
        raise Missing(f"{HEADER} of Debian {DEBIAN} is newer than {INSTALL}")
    return found[0].parent


def version_of_header(path):
    """Which version of the interface it describes: 21 of ONNX Runtime 1.21."""
    return int(re.search(r"#define ORT_API_VERSION (\d+)", path.read_text())[1])


def runtime_library(folder):
    """The path of the library."""
    venv = folder / "venv"
    pattern = "lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.*"
    found = list(venv.glob(pattern))
    if not found:
        try:
            done("python3 -m venv", sys.executable, "-m", "venv", str(venv))
            done(f"pip install {INSTALL}", str(venv / "bin/pip"), "install", "--quiet", "--no-deps", INSTALL)
        except Missing:
            shutil.rmtree(venv, ignore_errors=True)
            raise
        found = list(venv.glob(pattern))
    if not found:
        raise Missing(f"{INSTALL} has no library")
    return found[0]


def compile_module(into, header, of=None):
    """The module as docs/guide/images.md says, and as careful as the build. `of`: the library; without one it is looked for by its name."""
    source = pathlib.Path(os.environ["PENSTOCK_SOURCE"])
    named = [f'-DPENSTOCK_ONNXRUNTIME_LIBRARY="{of}"'] if of else []
    done("the module", os.environ["PENSTOCK_COMPILER"], "-std=c++20", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Wconversion",
         "-Wno-sign-conversion", "-Werror", "-I", str(source / "src"), "-isystem", str(header), *named,
         str(source / "src/modules/onnxruntime/network.cc"), "-o", str(into))
    return into
