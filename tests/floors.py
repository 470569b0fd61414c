#!/usr/bin/env python3
"""A floor owes nothing to what it is the floor of: each floor of the micro-benchmarks, and each peer, builds alone, without a line
of the library.

usage: floors.py SOURCE-DIRECTORY
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

from harness import Failures

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
# Libraries that a peer may need, by the folder or header it includes: what pkg-config calls them; "" if it does not know them.
PEERS = {"zmq.h": "libzmq", "gst/gst.h": "gstreamer-1.0", "gst/app": "gstreamer-app-1.0", "iceoryx_binding_c": "",
         "libavformat": "libavformat libavcodec libavutil"}
HASH = "libxxhash"  # of lib/, which checks every byte with it


def peers_of(text):
    headers = [header for bracket, header in INCLUDE.findall(text) if bracket == "<"]
    return {PEERS[key] for header in headers for key in (header, os.path.dirname(header)) if key in PEERS}


def check_includes(failures, micro, path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for bracket, header in INCLUDE.findall(text):
        place = os.path.relpath(os.path.normpath(os.path.join(os.path.dirname(path), header)), micro)
        own = place == "micro.h" or os.path.dirname(place) == "lib"
        allowed = own if bracket == '"' else not header.startswith("framelane/")
        failures.check(allowed, f"{os.path.basename(path)} includes {header}")
    return text


def flags_of(peers):
    """None where one is not installed."""
    if shutil.which("pkg-config") is None or "" in peers:
        return None
    names = [name for peer in [HASH, *peers] for name in peer.split()]
    asked = subprocess.run(["pkg-config", "--cflags", "--libs", *names], capture_output=True, text=True, check=False)
    return asked.stdout.split() if asked.returncode == 0 else None


def build(failures, directory, floor, library, flags):
    out = os.path.join(directory, os.path.basename(floor)[:-2])
    compiler = os.environ.get("CC", "cc").split()
    done = subprocess.run([*compiler, "-std=gnu11", "-D_GNU_SOURCE", "-o", out, floor, *library, *flags, "-lm", "-lpthread"],
                          capture_output=True, text=True, check=False)
    if not failures.check(done.returncode == 0, f"{os.path.basename(floor)} does not build alone:\n{done.stderr}"):
        return
    symbols = subprocess.run(["nm", out], capture_output=True, text=True, check=True).stdout
    failures.check(not re.search(r"\bfl_\w+", symbols), f"{os.path.basename(floor)} holds code of the library")


def main(top):
    failures = Failures()
    micro = os.path.join(top, "bench", "micro")
    floors = sorted(glob.glob(micro + "/floor-*.c") + glob.glob(micro + "/peer-*.c"))
    library = sorted(glob.glob(micro + "/lib/*.c"))
    failures.check(len(floors) >= 5, "the floors are not where they were")
    for path in library + sorted(glob.glob(micro + "/lib/*.h")) + [os.path.join(micro, "micro.h")]:
        check_includes(failures, micro, path)
    with tempfile.TemporaryDirectory(prefix="framelane-test-") as directory:
        for floor in floors:
            flags = flags_of(peers_of(check_includes(failures, micro, floor)))
            if flags is None:
                print(f"left out: {os.path.basename(floor)}: its library is not there, or pkg-config does not know it")
            else:
                build(failures, directory, floor, library, flags)
    print(f"{len(floors)} floors and peers")
    failures.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
