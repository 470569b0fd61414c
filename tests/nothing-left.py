#!/usr/bin/env python3
"""After many runs, good and bad ones, nothing is left: no process, no shared memory, no descriptor, no file.

usage: nothing-left.py [RUNS]
"""
import glob
import os
import sys

import harness
from harness import Failures, run, scratch

RUNS = [
    (["run", "-e", "pattern size=640x360 frames=20 as p ! scale 320:180 ! null ; p ! null as other"], 0),
    (["run", "-e", "pattern size=640x360 frames=20 ! crop 100:100 ! hash {}/a.framemd5"], 0),
    (["run", "-e", "pattern size=640x360 frames=20 ! scale 320:180 ! null", "--transport", "pipe"], 0),
    (["run", "-e", "pattern size=640x360 frames=20 ! filter nonsense ! null"], 3),
    (["run", "-e", "decode {}/missing.mp4 ! null"], 4),
]
# What others on the machine may use meanwhile; one pool of these runs is several times that.
SHARED_NOISE_KIB = 3000
FILES_NOISE = 2000


def shared_kib():
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Shmem:"))


def open_files():
    with open("/proc/sys/fs/file-nr", encoding="ascii") as file:
        return int(file.read().split()[0])


def our_memory():
    """Memory files of ours that some process still has open."""
    found = []
    for path in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            if os.readlink(path).startswith("/memfd:fl"):
                found.append(path)
        except OSError:
            pass
    return found


def main(count):
    failures = Failures()
    harness.adopt_orphans()
    held_before = set(our_memory())
    with scratch() as directory:
        run(*RUNS[0][0]) # whatever libraries keep once, they keep from here on
        shared, files = shared_kib(), open_files()
        for number in range(count):
            arguments, expected = RUNS[number % len(RUNS)]
            result = run(*[word.format(directory) for word in arguments])
            if not failures.check(result.exit == expected, f"run {number}: exit {result.exit}, not {expected}: {result.err}"):
                break
        grown = shared_kib() - shared
        failures.check(grown < SHARED_NOISE_KIB or not patient_again(shared), f"shared memory grew by {grown} KiB in {count} runs")
        failures.check(open_files() - files < FILES_NOISE, f"{open_files() - files} more files are open")
        failures.check(sorted(os.listdir(directory)) == ["a.framemd5"], f"files are left: {os.listdir(directory)}")
    failures.check(harness.patient(lambda: set(our_memory()) <= held_before, 20), "memory files are still open")
    try:
        orphan, _ = os.waitpid(-1, os.WNOHANG)
        failures.check(False, f"an orphan is left: pid {orphan or 'alive'}")
    except ChildProcessError:
        pass
    failures.finish()


def patient_again(shared):
    """Another program's memory comes and goes; a leak stays. True if it stays."""
    return not harness.patient(lambda: shared_kib() - shared < SHARED_NOISE_KIB, 20)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
