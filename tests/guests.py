#!/usr/bin/env python3
"""Who takes a lane of a run from outside gets that output's frames and nothing else, within its spare slots; whatever it does or
becomes, the run's output is the same, and when it is gone nothing of it is left.

usage: guests.py TAKE-ON
"""
import contextlib
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
SPARE = 3


def hashes(path):
    """MD5 of each frame in a framemd5 file."""
    with open(path, encoding="ascii") as file:
        return [line.split()[-1] for line in file if not line.startswith("#")]


class Guest:
    def __init__(self, program, stage, what, policy="drop", credits=0):
        self.process = subprocess.Popen([program, "cam1", stage, policy, str(credits), str(what)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def hear(self):
        return self.process.stdout.readline().strip()

    def say(self, word):
        """The answer: the same word, if all is well."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.hear()

    def end(self, fate=None):
        """(exit, stdout, stderr)"""
        if fate:
            self.process.send_signal(fate)
        out, err = self.process.communicate(timeout=harness.LIMIT)
        return self.process.returncode, out, err


def holding(failures, program, stage, credits=0):
    """A guest that holds all it may. Those that have just left may still be on their way out."""
    while True:
        guest = Guest(program, stage, "hold", credits=credits)
        said = guest.hear()
        if said == f"holding {credits or SPARE}":
            return guest
        _, _, err = guest.end()
        if "spare slots" not in err and not said.startswith("holding"):
            failures.check(False, f"{stage}: {said} {err}")
            return guest


def take(program, stage, frames=2, **more):
    return Guest(program, stage, frames, **more).end()


def comes_in(program, stage):
    return take(program, stage)[0] == 0


def slots(program, stage):
    """(all, free)"""
    _, out, _ = take(program, stage, "slots")
    return tuple(map(int, out.split()))


def check_words(failures, program):
    """What cannot be is refused in words that say what can."""
    for stage, more, said in (("nosuch", {}, "stages: "), ("source", {"policy": "wait"}, "drop or latest"),
                              ("source", {"credits": 4}, "3 spare slots"),
                              ("source", {"policy": "latest", "credits": 2}, "3 credits")):
        status, _, err = take(program, stage, **more)
        failures.check(status == 1 and said in err, f"{stage} {more}: {status} {err}")
    for stage, policy in (("end", "drop"), ("all", "latest"), ("part", "latest")): # without output: what it takes
        status, out, err = take(program, stage, policy=policy)
        failures.check(status == 0 and len(out.splitlines()) == 2, f"{stage} {policy}: {status} {out} {err}")


def check_spare(failures, program):
    """Beyond the spare slots nobody gets in; forwarded frames are lent by their own output's count."""
    first, forwarded = holding(failures, program, "source"), holding(failures, program, "part")
    for stage, guest in (("source", first), ("end", forwarded)):
        status, _, err = take(program, stage)
        told = f"process {guest.process.pid}" in err and "framelane view" in err
        failures.check(status == 1 and told, f"beyond spare: {status} {err}")
    for guest in (first, forwarded):
        failures.check(guest.say("check") == "check", "frames that were held have changed")
        guest.end()
    failures.check(harness.patient(lambda: comes_in(program, "source"), harness.LIMIT), "spare slots do not come back")
    two = [holding(failures, program, "part", credits=1), holding(failures, program, "part", credits=2)]
    failures.check(not comes_in(program, "part"), "three of three are lent, and one more gets in")
    for guest in two:
        guest.end()


def is_listed(wanted):
    """True where `status` lists these and nobody else, with those members."""
    there = remote.guests("cam1")
    return len(there) == len(wanted) and all(one.items() <= listed.items() for one, listed in zip(wanted, there))


def check_living(failures, program, running):
    """Who hangs up and lives keeps what it holds: unchanged, and spent, until it is given back."""
    guest = holding(failures, program, "source")
    one = {"pid": guest.process.pid, "from": "source", "state": "attached", "when_full": "drop", "credits": SPARE, "in_use": SPARE}
    failures.check(harness.patient(lambda: is_listed([one]), harness.LIMIT), f"not {one}, but {remote.guests('cam1')}")
    failures.check(guest.say("hang-up") == "hang-up", "cannot hang up")
    one["state"] = "leaving"
    failures.check(harness.patient(lambda: is_listed([one]), harness.LIMIT), f"not {one}, but {remote.guests('cam1')}")
    for _ in range(2):
        running.next_line()
        failures.check(not comes_in(program, "source"), "slots of a living process are lent again")
    failures.check(guest.say("check") == "check", "slots of a living process are written again")
    failures.check(guest.say("release") == "release", "a frame was overwritten while it was held")
    failures.check(harness.patient(lambda: is_listed([]), harness.LIMIT), f"what is given back: {remote.guests('cam1')}")
    failures.check(comes_in(program, "source"), "what is given back does not come back")
    guest.end()


def check_deaths(failures, program, running):
    """Killed, or stopped and then killed, with frames in hand: its slots come back when it is dead, and not before."""
    for stage in ("source", "part"):
        killed = holding(failures, program, stage)
        killed.end(signal.SIGKILL)
        failures.check(harness.patient(lambda: comes_in(program, stage), harness.LIMIT), f"{stage}: killed, and its slots are lost")
    stopped = holding(failures, program, "source")
    stopped.process.send_signal(signal.SIGSTOP)
    before = running.next_line()
    after = running.until(lambda line: line["frames_out"] > before["frames_out"] + 100, "frames flowed past a stopped guest")
    failures.check(after["dropped"]["error"] == 0, f"a stopped guest is noticed: {after}")
    failures.check(not comes_in(program, "source"), "slots of a stopped process are lent again")
    stopped.end(signal.SIGKILL)
    failures.check(harness.patient(lambda: comes_in(program, "source"), harness.LIMIT), "stopped and killed: its slots are lost")

    def idle():
        there, free = slots(program, "source")
        return free == there - 1 # the newest frame
    failures.check(harness.patient(idle, harness.LIMIT), f"slots and free slots: {slots(program, 'source')}")


def check_misdeeds(failures, program):
    """Returns more than it holds; never says that it has mapped what it was sent."""
    for misdeed in ("far", "silent"):
        failures.check(harness.patient(lambda: comes_in(program, "source"), harness.LIMIT), "a misdeed cost spare slots for good")
        ends = harness.patient(lambda: "cut off" in take(program, "source", misdeed)[1], harness.LIMIT)
        failures.check(ends, f"{misdeed}: goes on")
    failures.check(harness.patient(lambda: comes_in(program, "source"), harness.LIMIT), "a misdeed cost spare slots for good")


def footprint(pid):
    """(descriptors, mappings of shared memory)"""
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        return remote.fds_of(pid), sum("memfd:" in line for line in file)


def check_visits(failures, program, times):
    """Coming and going, in both ways, leaves descriptors and memory as they were."""
    for number in range(times):
        stage = ("source", "part")[number % 2]
        if number % 3:
            failures.check(comes_in(program, stage) or harness.patient(lambda: comes_in(program, stage), harness.LIMIT),
                           f"{stage}: visit {number} gets no lane")
        else:
            guest = Guest(program, stage, "hold")
            guest.hear()
            guest.end(signal.SIGKILL)


def check_footprint(failures, before):
    """Nobody has more open or mapped than before the first guest came."""
    def now():
        return {name: footprint(name) for name in before}
    left = harness.patient(lambda: all(now()[name] <= there for name, there in before.items()), harness.LIMIT)
    failures.check(left, f"before guests: {before}, after: {now()}")


def crowd(program, chance, visits):
    """Guests that come, take, leave, are killed or stopped. (stage, exit, stdout, stderr) of those that were not."""
    done, living, stopped = [], [], []
    while len(done) < visits:
        living.append((chance.choice(("source", "part", "end")), chance.randrange(1, 60), chance.choice((1, 1, 2))))
        stage, frames, credits = living[-1]
        living[-1] = (stage, Guest(program, stage, frames, credits=credits))
        if len(living) < 4:
            continue
        stage, one = living.pop(0)
        fate = chance.choice((None, None, signal.SIGKILL, signal.SIGSTOP))
        if fate == signal.SIGSTOP and len(stopped) < 3:
            one.process.send_signal(fate)
            stopped.append(one)
            continue
        done.append((stage, *one.end(fate)))
        if len(stopped) == 3:
            stopped.pop(0).end(signal.SIGKILL)
    return done, stopped + [one for _, one in living]


def check_crowd(failures, done, expected):
    """What was taken are frames of the run, whole and in their order."""
    seen = 0
    for stage, status, out, err in done:
        refused = status == 1 and "spare slots" in err
        failures.check(status in (0, 2, -signal.SIGKILL) or refused, f"a guest of {stage}: {status}: {err}")
        lines = [line.split() for line in out.splitlines() if status >= 0]
        numbers = [int(number) for number, _ in lines]
        failures.check(numbers == sorted(set(numbers)), f"frames come twice or out of order: {numbers}")
        wanted = expected["source" if stage == "source" else "part"]
        failures.check(all(wanted[int(number)] == digest for number, digest in lines), f"{stage}: not the run's frames")
        seen += len(lines)
    failures.check(seen >= 50, f"{len(done)} guests took {seen} frames")
    print(f"{len(done)} guests took {seen} frames")


def check_unnoticed(failures, program):
    chance = random.Random(11)
    with remote.runtime_folder(), scratch() as plain, scratch() as visited:
        running = Running("--name", "cam1", "-e", PIPELINE.format("true", visited, visited))
        running.until_frames_flow()
        slots(program, "source") # the region of its newest frame stays
        before = {pid: footprint(pid) for pid in (running.pid, *running.stages().values())}
        check_words(failures, program)
        check_spare(failures, program)
        check_living(failures, program, running)
        check_deaths(failures, program, running)
        check_misdeeds(failures, program)
        check_visits(failures, program, 200)
        check_footprint(failures, before)
        done, others = crowd(program, chance, 24)
        run("stop", "cam1")
        code, err = running.finish()
        for one in others:
            one.end(signal.SIGKILL)
        failures.check(code == 0, f"the run: exit {code}: {err}")
        expected = {name: hashes(os.path.join(visited, f"{name}.framemd5")) for name in ("source", "part")}
        frames = running.end["frames_in"]
        run("run", "-e", PIPELINE.format("false", plain, plain), "--frames", str(frames))
        for name, there in expected.items():
            failures.check(len(there) == frames, f"{name}: {len(there)} of {frames} frames")
            failures.check(there == hashes(os.path.join(plain, f"{name}.framemd5")), f"{name}: other frames than without guests")
        check_crowd(failures, done, expected)


def check_generations(failures, program):
    """The picture grows four times, while one guest holds frames of each size before and one takes on."""
    harness.need("ffmpeg")
    with remote.runtime_folder(), scratch() as place:
        film = os.path.join(place, "grows.ts")
        with open(film, "wb") as whole:
            for number, size in enumerate(("64x48", "128x96", "256x192", "512x384", "768x576")):
                part = harness.clip(os.path.join(place, f"{number}.ts"), "-c:v", "mpeg2video", "-q:v", "2", size=size, frames=20)
                with open(part, "rb") as file:
                    whole.write(file.read())
        out = os.path.join(place, "film.framemd5")
        running = Running("--name", "cam1", "-e", f"decode {film} as source ! filter realtime as slow ! hash {out} as end")
        harness.patient(lambda: "slow" in running.stages() and comes_in(program, "source"), harness.LIMIT)
        keepers = [holding(failures, program, "source", credits=1)]
        taker = Guest(program, "source", 1000, credits=1)
        line = running.until(lambda line: line["frames_out"] > 30, "the picture grew")
        keepers.append(holding(failures, program, "source", credits=1))
        failures.check(line["dropped"]["error"] == 0, f"{line}")
        code, err = running.finish()
        wanted = hashes(out)
        run("run", "-e", f"decode {film} ! hash {out}")
        failures.check(code == 0 and len(wanted) > 90 and wanted == hashes(out), f"pictures that grow: exit {code}: {err}")
        for guest in keepers:
            failures.check(guest.say("check") == "check", "a frame of an older pool has changed")
            guest.end()
        status, taken, err = taker.end()
        lines = [line.split() for line in taken.splitlines()]
        failures.check(status == 2 and len(lines) > 30, f"a guest across sizes: {status} {len(lines)} frames {err}")
        failures.check(all(wanted[int(number)] == digest for number, digest in lines), "across sizes: not the run's frames")


def check_ended(failures, program):
    """Whose stage has ended is nobody's guest, while the run goes on; and is no onlooker instead."""
    with remote.runtime_folder():
        running = Running("--name", "cam1", "-e", "pattern size=64x48 rate=100 realtime=true frames=150 as short ! null ; "
                          "pattern size=64x48 realtime=true ! null")
        running.until_frames_flow()
        guest = holding(failures, program, "short")
        one = {"pid": guest.process.pid, "from": "short", "when_full": "drop"}
        failures.check(is_listed([one]), f"not {one}, but {remote.guests('cam1')}")
        failures.check(harness.patient(lambda: is_listed([]), harness.LIMIT), f"when its stage has ended: {remote.guests('cam1')}")
        failures.check("short" not in running.stages(), "a guest that holds frames is not listed")
        failures.check(guest.say("check") == "check", "a frame has changed when its stage has ended")
        guest.end()
        run("stop", "cam1")
        failures.check(running.finish()[0] == 0, "the run does not end well")


def main(program):
    failures = Failures()
    check_unnoticed(failures, program)
    check_ended(failures, program)
    check_generations(failures, program)
    failures.finish()


if __name__ == "__main__":
    main(sys.argv[1])
