#!/usr/bin/env python3
"""Who attaches to a run sees its frames and nothing else, and changes nothing: the run's output is the same with many of them.

usage: looking-on.py LOOK-ON
"""
import os
import random
import signal
import subprocess
import sys

import harness
import remote
from harness import Failures, Running, run, scratch

PIPELINE = ("pattern size=160x120 rate=200 realtime={} as source ! crop 80:60 as part ! hash {}/part.framemd5 as end ; "
            "source ! hash {}/source.framemd5 as all")


def hashes(path):
    """MD5 of each frame in a framemd5 file."""
    with open(path, encoding="ascii") as file:
        return [line.split()[-1] for line in file if not line.startswith("#")]


def start(directory, name):
    running = Running("--name", name, "-e", PIPELINE.format("true", directory, directory))
    running.until_frames_flow()
    return running


def run_alone(directory, frames):
    """The same without anybody who looks, as fast as it can."""
    return run("run", "-e", PIPELINE.format("false", directory, directory), "--frames", str(frames))


def look(program, stage, frames):
    return subprocess.Popen([program, "cam1", stage, str(frames)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def check_frames(failures, what, lines, expected):
    """What was seen are frames of the run, whole and in their order."""
    seen = [line.split() for line in lines.splitlines()]
    numbers = [int(number) for number, _ in seen]
    failures.check(numbers == sorted(set(numbers)), f"{what}: frames come twice or out of order: {numbers}")
    wrong = [number for number, digest in seen if expected[int(number)] != digest]
    failures.check(not wrong, f"{what}: frames {wrong} are not the run's")
    return len(seen)


def crowd(program, chance):
    """Observers that come, look, leave, are killed or stopped. (stage, exit, stdout, stderr) of those that were not stopped."""
    done, living, stopped = [], [], []
    while len(done) < 24:
        stage = chance.choice(("source", "part"))
        living.append((stage, look(program, stage, chance.randrange(1, 40))))
        if len(living) < 6:
            continue
        stage, one = living.pop(0)
        fate = chance.choice((None, None, signal.SIGKILL, signal.SIGSTOP))
        if fate:
            one.send_signal(fate)
        if fate == signal.SIGSTOP:
            stopped.append(one)
            continue
        out, err = one.communicate(timeout=harness.LIMIT)
        done.append((stage, one.returncode, out if not fate else "", err))
    for one in [*stopped, *(one for _, one in living)]:
        one.kill()
        one.communicate()
    return done


def check_refusals(failures, program):
    for stage, said in (("end", "part"), ("nosuch", "stages: ")):
        one = look(program, stage, 1)
        _, err = one.communicate(timeout=harness.LIMIT)
        failures.check(one.returncode == 1 and said in err, f"attach to {stage}: {one.returncode} {err}")


def main(program):
    failures, chance = Failures(), random.Random(7)
    with remote.runtime_folder(), scratch() as plain, scratch() as watched:
        running = start(watched, "cam1")
        before = remote.fds_of(running.pid)
        check_refusals(failures, program)
        done = crowd(program, chance)
        settled = harness.patient(lambda: remote.fds_of(running.pid) <= before + 2, harness.LIMIT)
        failures.check(settled, "descriptors are left over")
        run("stop", "cam1")
        code, err = running.finish()
        failures.check(code == 0, f"the run: exit {code}: {err}")
        expected = {name: hashes(os.path.join(watched, f"{name}.framemd5")) for name in ("source", "part")}
        frames = running.end["frames_in"]
        run_alone(plain, frames)
        for name, there in expected.items():
            failures.check(len(there) == frames, f"{name}: {len(there)} of {frames} frames")
            alone = hashes(os.path.join(plain, f"{name}.framemd5"))
            failures.check(there == alone, f"{name}: other frames than without observers")
        seen = 0
        for stage, status, out, err in done:
            failures.check(status in (0, 2, -signal.SIGKILL), f"an observer of {stage}: {status}: {err}")
            seen += check_frames(failures, stage, out, expected[stage])
        failures.check(seen >= 50, f"{len(done)} observers saw {seen} frames")
        print(f"{len(done)} observers saw {seen} frames")
    failures.finish()


if __name__ == "__main__":
    main(sys.argv[1])
