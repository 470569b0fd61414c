#!/usr/bin/env python3
"""Every header compiles alone, twice in a row; what programs of others include also as C++.

usage: check-headers.py SOURCE-DIRECTORY
"""
import concurrent.futures
import os
import shutil
import subprocess
import sys

import tree

LIBRARIES = ("gio-unix-2.0", "json-glib-1.0", "libavutil", "libavcodec", "libavformat", "libavfilter", "libswscale")
WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Wno-unused-parameter", "-Wno-unused-function", "-Wno-tsan", "-Werror")
# Compiled as C++ too: the SDK, and the lane core that a model checker runs as it is.
CXX_ALSO = ("transport/framelane/", "transport/core.h", "transport/atomic.h", "transport/layout.h")


def flags(top):
    found = ["-D_GNU_SOURCE", '-DFL_VERSION="0"'] + ["-I" + os.path.join(top, room) for room in ("transport", "pipeline", "stages")]
    asked = subprocess.run(["pkg-config", "--cflags", *LIBRARIES], capture_output=True, text=True, check=True)
    return found + asked.stdout.split()


def compile_alone(top, name, command):
    """What the compiler said about a file that is nothing but this header, included twice; empty when all is well."""
    header = os.path.join(top, name)
    text = f'#include "{header}"\n#include "{header}"\nextern int nothing;\n'
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{name}: does not compile alone ({command[0]}):\n{done.stderr}"


def main(top):
    common = flags(top)
    c = [os.environ.get("CC", "gcc").split()[-1], "-x", "c", "-std=gnu11", "-fsyntax-only", *WARNINGS, *common, "-"]
    cxx = ["g++", "-x", "c++", "-std=c++17", "-fsyntax-only", *WARNINGS, "-Wno-shadow", *common, "-"]
    has_cxx = shutil.which("g++") is not None
    headers = tree.files(top, ".h")
    if subprocess.run(["pkg-config", "--exists", "sdl2"], check=False).returncode != 0:
        headers = [name for name in headers if not name.startswith("viewer/")]
        print("those of the viewer were not tried: no SDL2")
    jobs = [(name, c) for name in headers]
    if has_cxx:
        jobs += [(name, cxx) for name in headers if name.startswith(CXX_ALSO)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        said = list(workers.map(lambda job: compile_alone(top, *job), jobs))
    problems = [text for text in said if text]
    print("\n".join(problems) or f"{len(headers)} headers compile alone; {len(jobs) - len(headers)} of them as C++ too")
    if not has_cxx:
        print("C++ was not tried: no g++")
    return 1 if problems or not headers else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
