#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pillow on one thread: pillow.py FOLDER SECONDS {full|draft}

Prints images per second, and writes the pixels that it made of the first four files beside them. Normalising is left out, which
flatters Pillow: it has no fast way of its own.
"""
import io
import pathlib
import sys
import time

from PIL import Image

SIDE = 224


def prepare(data, draft):
    image = Image.open(io.BytesIO(data))
    if draft:
        image.draft("RGB", (SIDE, SIDE))
    return image.convert("RGB").resize((SIDE, SIDE), Image.BILINEAR)


def main():
    folder, seconds, kind = pathlib.Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    files = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    for path in sorted(folder.glob("*.jpg"))[:4]:
        path.with_suffix(f".{kind}.rgb").write_bytes(prepare(path.read_bytes(), kind == "draft").tobytes())
    done, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        prepare(files[done % len(files)], kind == "draft")
        done += 1
    print(done / (time.perf_counter() - begin))


main()
