#!/usr/bin/env python3
"""What does it cost a pipeline that somebody looks on?

A source at the pace of a camera, whose frames are scaled, runs for some seconds by itself and for as long with a number of
`framelane view` on it (on SDL's dummy driver), in rounds, in an order shuffled anew. For each: the processor time of the source per
frame, how late its frames reached the far end, and how many were lost. The windows themselves take processor time, too; it is told
beside.
"""
import argparse
import json
import os
import random
import resource
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


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build", help="build directory whose framelane is measured")
    parser.add_argument("--onlookers", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5, help="measured, of each run")
    parser.add_argument("--settle", type=float, default=2, help="before that, until all have come")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--rate", default="30")
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
