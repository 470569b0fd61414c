#!/usr/bin/env python3
"""However many look on, come and go, stand still or are killed: a transcode writes the same bytes, and afterwards no slot and no
descriptor is missing. At a camera's pace no frame is lost. Whom a run has no room for is told so.

usage: crowd.py [SECONDS]   64 at once, and as many who come and go; with SECONDS, for so long
"""
import contextlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import time

import screen
from screen import harness, remote
from window import Run, view_command

AT_ONCE, MORE = (12, 12) if harness.SANITIZED else (64, 48)  # a sanitizer makes each ten times as heavy
MOST_CLIENTS = 128  # pipeline/door.c
RATE = 25
STAGES = ("in", "small", "part", "out")
FATES = (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSTOP)


def line_of(film, output, pace):
    return (f"decode {film} threads=1 as in ! filter {pace} as paced ! scale 160:90 as small ! crop 128:72 as part ! "
            f"encode {output} codec=mpeg4 option.threads=1 as out")


class Visitor:
    """A window that nobody sees, and what it says of the frames it shows."""

    def __init__(self, target, *options):
        self.process = subprocess.Popen(view_command(target, "--events", "/dev/stdout", *options), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.rest = b""

    def sees(self, after=-1):
        """The number of a frame later than `after` that it has shown; None: it has ended. Not all of them are told."""
        while True:
            ready, _, _ = select.select([self.process.stdout], [], [], harness.LIMIT)
            got = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not got:
                return None
            *lines, self.rest = (self.rest + got).split(b"\n")
            for said in map(json.loads, lines):
                if said["event"] == "shown" and said["frame"] > after:
                    return said["frame"]

    def end(self):
        """(exit code, what it said on standard error)"""
        _, err = self.process.communicate(timeout=harness.LIMIT)
        return self.process.returncode, err.decode(errors="replace")


class Crowd:
    """Windows, each for as long as chance has it."""

    def __init__(self):
        self.chance = random.Random(11)
        self.living, self.stopped, self.odd = [], [], []
        self.visits = self.seen = 0

    def come(self):
        target = f"cam1/{self.chance.choice(STAGES)}"
        options = self.chance.choice(((), ("--overlay",), ("--history", "8")))
        self.living.append(Visitor(target, *options))
        self.visits += 1

    def gather(self):
        """All of them at once: each shows a frame that is later than the first that the last of them saw. How many do."""
        while len(self.living) < AT_ONCE:
            self.come()
        first = [one.sees() for one in self.living]
        if None in first:
            return sum(number is not None for number in first)
        return sum(one.sees(max(first)) is not None for one in self.living)

    def leave(self):
        one = self.living.pop(self.chance.randrange(len(self.living)))
        if self.chance.random() < 0.8:  # most when they see something, the others at whatever moment
            self.seen += one.sees() is not None
        fate = self.chance.choice(FATES)
        one.process.send_signal(fate)
        if fate == signal.SIGSTOP:
            self.stopped.append(one)
        else:
            self.see_off(one)
        if len(self.stopped) > AT_ONCE // 4:
            self.kill(self.stopped.pop(0))

    def see_off(self, one):
        code, err = one.end()
        if code not in (0, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT):  # told before it knew what to do
            self.odd.append(f"exit {code}: {err}")

    def kill(self, one):
        one.process.kill()
        one.end()

    def go(self):
        for one in self.stopped + self.living:
            self.kill(one)
        self.stopped, self.living = [], []


def free_slots(run):
    return {stage["name"]: stage["slots_free"] for stage in run.status()["stages"] if stage["slots"]}


def visit(failures, run, crowd, seconds):
    """They gather, come and go; then all has been given back."""
    fds, most, began = remote.fds_of(run.pid), {}, time.monotonic()
    for _ in range(5):
        for stage, free in free_slots(run).items():
            most[stage] = max(free, most.get(stage, 0))
    together = crowd.gather()
    peak = remote.fds_of(run.pid)
    whole = together == AT_ONCE and peak >= fds + AT_ONCE
    failures.check(whole, f"{together} of {AT_ONCE} at once, {peak} descriptors after {fds}")
    print(f"{together} windows at once after {time.monotonic() - began:.1f} s; the supervisor has {peak} descriptors, {fds} before")
    while crowd.visits < AT_ONCE + MORE or time.monotonic() < began + seconds:
        crowd.leave()
        crowd.come()
    stopped = len(crowd.stopped)
    crowd.go()
    settled = harness.patient(lambda: remote.fds_of(run.pid) <= fds + len(STAGES), harness.LIMIT)  # a region an output, once
    failures.check(settled, f"{remote.fds_of(run.pid)} descriptors, {fds} before they came")
    for stage, free in most.items():
        back = harness.patient(lambda stage=stage, free=free: free_slots(run).get(stage, free) >= free, harness.LIMIT)
        failures.check(back, f"{stage}: {free_slots(run)} slots free, {free} before they came")
    failures.check(not crowd.odd and stopped, f"windows that went wrong: {crowd.odd}, {stopped} stopped")
    print(f"{crowd.visits} came, {stopped} stood still at the end, {time.monotonic() - began:.1f} s; {remote.fds_of(run.pid)}"
          " descriptors are left")


def check_transcode(failures, directory, seconds):
    film = harness.clip(os.path.join(directory, "film.mkv"), "-c:v", "mpeg4", size="160x96", rate=RATE,
                        frames=RATE * max(180, 3 * seconds))
    alone, watched = (os.path.join(directory, name) for name in ("alone.avi", "watched.avi"))
    run, crowd = Run(directory, "cam1", line_of(film, watched, "realtime")).until_frames_flow(), Crowd()
    visit(failures, run, crowd, seconds)
    code, err = run.stop()
    frames = run.end["frames_in"]
    failures.check(code == 0, f"a run with a crowd: {code}: {err}")
    failures.check(run.end["frames_out"] == frames and not any(run.end["dropped"].values()), f"with a crowd: {run.end}")
    failures.check(crowd.seen >= MORE / 2, f"of {crowd.visits} that came {crowd.seen} saw anything")
    harness.run("run", "--frames", str(frames), "-e", line_of(film, alone, "null"))
    with open(alone, "rb") as one, open(watched, "rb") as other:
        failures.check(one.read() == other.read(), "the file is another with a crowd than without")
    print(f"{frames} frames were written, and the file is the same")


def check_no_room(failures, directory):
    """As many as a run has room for, and one more, who is told so. The others are as well as before."""
    run = Run(directory, "cam3", "pattern realtime=true size=160x90 as cam ! null").until_frames_flow()
    path = remote.path_of(os.environ["XDG_RUNTIME_DIR"], "cam3")
    clients = []
    with contextlib.suppress(AssertionError, ConnectionError):  # fewer than that have room
        while len(clients) < MOST_CLIENTS:
            clients.append(remote.Client(path))
    late = harness.run("view", "cam3/cam")
    said = late.exit == 1 and f"{MOST_CLIENTS} look into" in late.err
    failures.check(said, f"one too many: {late.exit}: {late.err}")
    failures.check(clients[0].status() is not None, "those who are there are told nothing any more")
    clients.pop().close()
    again = harness.patient(lambda: run.status() is not None, harness.LIMIT)
    failures.check(again, "one has left, and there is no room for another")
    for client in clients:
        client.close()
    code, err = run.stop()
    failures.check(code == 0, f"a run that had no room: {code}: {err}")


def check_pace(failures, directory):
    """Eight who look at a source of 30 frames a second: each is shown them, and none is lost."""
    line = "pattern realtime=true rate=30 frames=90 size=640x360 as cam ! scale 320:180 ! null"
    run = Run(directory, "cam2", line).until_frames_flow()
    windows = [subprocess.Popen(view_command("cam2/cam", "--once"), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
               for _ in range(8)]
    code, err = run.finish()
    for one in windows:
        _, said = one.communicate(timeout=harness.LIMIT)
        failures.check(one.returncode == 0, f"a window: {one.returncode}: {said}")
    lost = [lane for lane in run.end["lanes"] if lane["dropped"] or lane["taken"] != 90]
    failures.check(code == 0 and not lost and run.end["frames_in"] == 90, f"with eight windows: {code}: {err} {lost}")


def main(seconds="0"):
    harness.need("ffmpeg")
    failures = harness.Failures()
    os.environ.update(screen.DUMMY)
    with harness.scratch() as directory, remote.runtime_folder():
        check_transcode(failures, directory, int(seconds))
        check_pace(failures, directory)
        check_no_room(failures, directory)
    failures.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
