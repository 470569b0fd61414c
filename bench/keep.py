#!/usr/bin/env python3
"""Makes bench/BENCHMARKS.md and bench/benchmarks/*.svg from the folder that `framelane bench -o FOLDER` has written.

usage: bench/keep.py FOLDER
"""
import glob
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PICTURE = re.compile(r"(!\[[^\]]*\]\()([^)/]+\.svg\))")


def main(folder):
    with open(os.path.join(folder, "bench.md"), encoding="utf-8") as file:
        text = file.read()
    named = {match[1].rstrip(")") for match in PICTURE.findall(text)}
    missing = [name for name in named if not os.path.exists(os.path.join(folder, name))]
    if missing or not named:
        sys.exit(f"{folder}: bench.md names {sorted(named) or 'no pictures'}, and there is no {missing}: was gnuplot installed?")
    place = os.path.join(HERE, "benchmarks")
    os.makedirs(place, exist_ok=True)
    for old in glob.glob(os.path.join(place, "*.svg")):
        os.remove(old)
    for name in named:
        shutil.copy(os.path.join(folder, name), place)
    with open(os.path.join(HERE, "BENCHMARKS.md"), "w", encoding="utf-8") as file:
        file.write(PICTURE.sub(r"\1benchmarks/\2", text))
    print(f"{os.path.join(HERE, 'BENCHMARKS.md')} and {len(named)} pictures")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
