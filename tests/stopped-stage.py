#!/usr/bin/env python3
"""A consumer that is stopped on a `drop` lane costs the others not one frame, and makes none of them late.

A source of 200 frames a second; one consumer writes small frames to stdout, where their arrival is timed; another is stopped.
Frames are counted; how late they came is printed.
"""
import json
import os
import signal
import subprocess
import sys
import time

import harness
from harness import Failures, scratch

RATE, FRAMES, STOP_AT = 200, 800, 200
PERIOD = 1 / RATE
WIDTH, HEIGHT = 32, 32
FRAME_BYTES = WIDTH * HEIGHT * 3 // 2
PIPELINE = (f"pattern size={WIDTH}x{HEIGHT} format=yuv420p rate={RATE} frames={FRAMES} realtime=true as source ! raw - as out ;"
            " source ! null as stopped when-full=drop ; source ! null as other")
TRIES = 3


def timed_run(report):
    """Runs it and stops one consumer midway: (arrival times, exit code, end object, stderr)."""
    with open(report, "w+b") as said:
        process = subprocess.Popen([harness.FRAMELANE, "run", "-e", PIPELINE, f"--json={report}"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=said)
        arrivals, stopped = [], None
        while True:
            data = process.stdout.read(FRAME_BYTES)
            if len(data) < FRAME_BYTES:
                break
            arrivals.append(time.monotonic())
            if len(arrivals) == STOP_AT:
                stopped = harness.stage_processes(process.pid)["stopped"]
                os.kill(stopped, signal.SIGSTOP)
            if len(arrivals) == FRAMES:
                os.kill(stopped, signal.SIGCONT)
        code = process.wait(timeout=harness.LIMIT)
    with open(report, encoding="utf-8") as lines:
        ends = [json.loads(line) for line in lines if line.startswith("{")]
    return arrivals, code, ends[-1] if ends else None


def lateness(arrivals):
    """How much later than its turn each frame came; frame 0's schedule is set by the most punctual one."""
    offsets = [arrival - number * PERIOD for number, arrival in enumerate(arrivals)]
    return [offset - min(offsets) for offset in offsets]


def check_counts(failures, arrivals, code, end):
    failures.check(code == 0, f"exit {code}")
    failures.check(len(arrivals) == FRAMES, f"{len(arrivals)} of {FRAMES} frames arrived")
    if not failures.check(end and end["type"] == "end", "there is no end object"):
        return
    got = {stage["name"]: stage["frames_in"] for stage in end["stages"]}
    failures.check(got["out"] == got["other"] == FRAMES, f"the others got {got['out']} and {got['other']} of {FRAMES} frames")
    failures.check(got["stopped"] < FRAMES, "the stopped consumer lost nothing: it was not stopped")
    failures.check(end["dropped"]["policy"] == FRAMES - got["stopped"], f"the drops are not told: {end['dropped']}")


def main():
    failures = Failures()
    with scratch() as directory:
        for _ in range(TRIES):
            arrivals, code, end = timed_run(os.path.join(directory, "report.jsonl"))
            check_counts(failures, arrivals, code, end)
            late = lateness(arrivals)
            before, after = max(late[:STOP_AT]), max(late[STOP_AT:])
            print(f"latest frame: {before * 1e3:.2f} ms before the stop, {after * 1e3:.2f} after it (period {PERIOD * 1e3:.0f} ms)")
            if failures.count or after <= PERIOD:
                break
            # A busy machine makes frames late without anybody's fault: that is told, and looked at again, but it is no failure.
    failures.finish()


if __name__ == "__main__":
    sys.exit(main())
