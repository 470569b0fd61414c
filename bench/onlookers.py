#!/usr/bin/env python3
"""What does it cost a pipeline that somebody looks on?

A source at the pace of a camera, whose frames are scaled, runs for some seconds by itself and for as long with a number of
`framelane view` on it (on SDL's dummy driver), in rounds, in an order shuffled anew. For each: the processor time of the source per
frame, how late its frames reached the far end, and how many were lost. The windows themselves take processor time, too; it is told
beside.

--instructions counts, with valgrind's callgrind, what the source executes for a frame, with and without onlookers: processor time
goes up and down with what windows do to the caches and the clock; instructions do not.
"""
import argparse
import glob
import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from contest import interval, text


def source_line(options):
    if options.clip:
        return f"decode {options.clip} threads=1 as source ! filter realtime as paced ! scale 640:360 ! null as end"
    return f"pattern realtime=true size={options.size} rate={options.rate} as source ! scale 640:360 ! null as end"


def ask(framelane, *words):
    return subprocess.run([framelane, *words], capture_output=True, text=True, check=True).stdout


def cpu_of(stage):
    return stage["cpu_seconds"], stage["frames_out"]


def measure(framelane, options, count):
    """One run, measured between two looks, when everybody has come: CPU of the source a frame, and how the far end fared."""
    name = f"onlookers-{os.getpid()}"
    run = subprocess.Popen([framelane, "run", "--quiet", "--name", name, "-e", source_line(options)], stdin=subprocess.DEVNULL)
    while name not in ask(framelane, "ls"):
        time.sleep(0.05)
    command = [framelane, "view", f"{name}/source", "--overlay"]
    environment = dict(os.environ, SDL_VIDEODRIVER="dummy")
    windows = [subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL) for _ in range(count)]
    time.sleep(options.settle)
    before = json.loads(ask(framelane, "status", name, "--json"))
    time.sleep(options.seconds)
    after = json.loads(ask(framelane, "status", name, "--json"))
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    for window in windows:
        window.terminate()
        window.wait()
    gone = resource.getrusage(resource.RUSAGE_CHILDREN)
    ask(framelane, "stop", name)
    run.wait()
    (cpu0, frames0), (cpu1, frames1) = cpu_of(before["stages"][0]), cpu_of(after["stages"][0])
    windows_cpu = gone.ru_utime + gone.ru_stime - spent.ru_utime - spent.ru_stime
    return {"us": 1e6 * (cpu1 - cpu0) / (frames1 - frames0), "frames": frames1 - frames0,
            "lost": sum(lane["dropped"] for lane in after["lanes"]), "age_ms": after["stages"][-1]["age_p99_ms"],
            "window_share": windows_cpu / (options.seconds + options.settle) / max(1, count)}


def instructions(framelane, options, count, frames):
    """What the source's process executes in a run of so many frames."""
    build = os.path.dirname(os.path.dirname(framelane))
    with tempfile.TemporaryDirectory(prefix="framelane-bench-") as folder:
        shutil.copy(framelane, folder)  # stages run under callgrind, for a wrapper stands where their supervisor looks for them
        wrapper = os.path.join(folder, "framelane-stage")
        with open(wrapper, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/bash\nexec valgrind --quiet --tool=callgrind --callgrind-out-file={folder}/counts.%p "
                       f"{build}/pipeline/framelane-stage \"$@\"\n")
        os.chmod(wrapper, 0o755)
        environment = dict(os.environ, FRAMELANE_STAGES=f"{build}/stages", LD_LIBRARY_PATH=f"{build}/transport",
                           SDL_VIDEODRIVER="dummy")
        line = f"pattern realtime=true size={options.size} rate={options.rate} frames={frames} as source ! null as end"
        run = subprocess.Popen([os.path.join(folder, "framelane"), "run", "--quiet", "--name", "counted", "-e", line],
                               env=environment, stdin=subprocess.DEVNULL)
        while "counted" not in ask(framelane, "ls") and run.poll() is None:
            time.sleep(0.05)
        windows = [subprocess.Popen([framelane, "view", "counted/source"], env=environment, stdin=subprocess.DEVNULL)
                   for _ in range(count)]
        run.wait()
        for window in windows:
            window.terminate()
            window.wait()
        for path in glob.glob(os.path.join(folder, "counts.*")):
            with open(path, encoding="utf-8") as file:
                text_ = file.read()
            if "pattern" in text_:
                return int(re.search(r"^(?:totals|summary): (\d+)", text_, re.M).group(1))
    sys.exit("no counts: is valgrind installed?")


def count_instructions(framelane, options):
    """A longer run less a shorter one: what start and end take is in both."""
    short, long = 90, 390
    print("| onlookers | instructions of the source, a frame |\n|---|---|")
    a_frame = {}
    for count in (0, options.onlookers):
        less = instructions(framelane, options, count, short)
        a_frame[count] = (instructions(framelane, options, count, long) - less) / (long - short)
        print(f"| {count} | {a_frame[count]:,.0f} |", flush=True)
    print(f"\nwith {options.onlookers} against none: {a_frame[options.onlookers] / a_frame[0]:.4f} of the instructions a frame")


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build", help="build directory whose framelane is measured")
    parser.add_argument("--onlookers", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5, help="measured, of each run")
    parser.add_argument("--settle", type=float, default=2, help="before that, until all have come")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--rate", default="30")
    parser.add_argument("--instructions", action="store_true", help="count what the source executes, instead")
    parser.add_argument("--clip", help="a film, in place of the test picture: decoded at its own pace")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    framelane = os.path.abspath(os.path.join(options.build, "pipeline", "framelane"))
    if not os.path.exists(framelane):
        sys.exit(f"{framelane} is not there: build first, or name the build directory with --build")
    rounds = []
    with tempfile.TemporaryDirectory(prefix="framelane-bench-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        if options.instructions:
            count_instructions(framelane, options)
            return 0
        for number in range(options.rounds):
            order = [0, options.onlookers]
            random.shuffle(order)
            rounds.append({count: measure(framelane, options, count) for count in order})
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    print(f"{source_line(options)}, {options.rounds} rounds of {options.seconds:g} s\n")
    print("| onlookers | CPU of the source, µs a frame | frames | lost | age at the far end, p99 ms | CPU of one window |")
    print("|---|---|---|---|---|---|")
    for count in (0, options.onlookers):
        mine = [one[count] for one in rounds]
        print(f"| {count} | {text(interval([one['us'] for one in mine]))} | {sum(one['frames'] for one in mine)} | "
              f"{sum(one['lost'] for one in mine)} | {text(interval([one['age_ms'] for one in mine]))} | "
              f"{100 * statistics.median(one['window_share'] for one in mine):.1f} % |")
    ratios = [one[options.onlookers]["us"] / one[0]["us"] for one in rounds]
    print(f"\nwith {options.onlookers} against none: {text(interval(ratios))} of the CPU a frame")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
