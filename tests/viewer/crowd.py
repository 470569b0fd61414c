#!/usr/bin/env python3
"""However many look on, come and go, stand still or are killed: a transcode writes the same bytes, and afterwards no slot and no
descriptor is missing. At a camera's pace no frame is lost.

usage: crowd.py [SECONDS]   64 visits; with SECONDS, so long, and 64 at once
"""
import os
import random
import signal
import subprocess
import sys
import time

import screen
from screen import harness, remote
from window import Run, view_command

VISITS, AT_ONCE = 64, 10
STAGES = ("in", "small", "part", "out")
FATES = (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSTOP)


def line_of(film, output, pace):
    return (f"decode {film} threads=1 as in ! filter {pace} as paced ! scale 160:90 as small ! crop 128:72 as part ! "
            f"encode {output} codec=mpeg4 option.threads=1 as out")


def sees(pid):
    """True once it has mapped memory of the run, and its window is open: then there is a thread for its signals."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            return "/memfd:" in maps.read() and len(os.listdir(f"/proc/{pid}/task")) >= 3
    except OSError:
        return False


class Crowd:
    """Windows that nobody sees, each for as long as chance has it."""

    def __init__(self, at_once):
        self.chance, self.at_once = random.Random(11), at_once
        self.living, self.stopped, self.odd = [], [], []
        self.visits = self.seen = 0

    def come(self):
        target = f"cam1/{self.chance.choice(STAGES)}"
        options = self.chance.choice(((), ("--overlay",), ("--history", "8")))
        self.living.append(subprocess.Popen(view_command(target, *options), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                            text=True))
        self.visits += 1

    def leave(self):
        one = self.living.pop(self.chance.randrange(len(self.living)))
        if self.chance.random() < 0.8:  # most when they see something, the others at whatever moment
            self.seen += harness.patient(lambda: sees(one.pid), harness.LIMIT)
        fate = self.chance.choice(FATES)
        one.send_signal(fate)
        if fate == signal.SIGSTOP:
            self.stopped.append(one)
        else:
            self.see_off(one)

    def see_off(self, one):
        _, err = one.communicate(timeout=harness.LIMIT)
        if one.returncode not in (0, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT):  # told before it knew what to do
            self.odd.append(f"exit {one.returncode}: {err}")

    def go(self):
        for one in self.stopped + self.living:
            one.kill()
            one.communicate()
        self.stopped, self.living = [], []


def free_slots(run):
    return {stage["name"]: stage["slots_free"] for stage in run.status()["stages"] if stage["slots"]}


def visit(failures, run, crowd, over):
    """They come and go until it is over; then all has been given back."""
    fds, most = remote.fds_of(run.pid), {}
    for _ in range(5):
        for stage, free in free_slots(run).items():
            most[stage] = max(free, most.get(stage, 0))
    while not over(crowd):
        crowd.come()
        if len(crowd.living) > crowd.at_once:
            crowd.leave()
    crowd.go()
    settled = harness.patient(lambda: remote.fds_of(run.pid) <= fds + len(STAGES), harness.LIMIT)  # a region an output, once
    failures.check(settled, f"{remote.fds_of(run.pid)} descriptors, {fds} before they came")
    for stage, free in most.items():
        back = harness.patient(lambda stage=stage, free=free: free_slots(run).get(stage, free) >= free, harness.LIMIT)
        failures.check(back, f"{stage}: {free_slots(run)} slots free, {free} before they came")
    failures.check(not crowd.odd, f"windows that went wrong: {crowd.odd}")


def check_transcode(failures, directory, seconds):
    film = harness.clip(os.path.join(directory, "film.mkv"), "-c:v", "mpeg4", rate=50, frames=50 * max(120, 2 * seconds))
    alone, watched = (os.path.join(directory, name) for name in ("alone.avi", "watched.avi"))
    run = Run(directory, "cam1", line_of(film, watched, "realtime")).until_frames_flow()
    crowd, until = Crowd(64 if seconds else AT_ONCE), time.monotonic() + seconds
    visit(failures, run, crowd, lambda crowd: crowd.visits >= VISITS and time.monotonic() > until)
    code, err = run.stop()
    frames = run.end["frames_in"]
    failures.check(code == 0, f"a run with a crowd: {code}: {err}")
    failures.check(run.end["frames_out"] == frames and not any(run.end["dropped"].values()), f"with a crowd: {run.end}")
    failures.check(crowd.seen >= VISITS / 2, f"of {crowd.visits} that came {crowd.seen} saw anything")
    harness.run("run", "--frames", str(frames), "-e", line_of(film, alone, "null"))
    with open(alone, "rb") as one, open(watched, "rb") as other:
        failures.check(one.read() == other.read(), "the file is another with a crowd than without")
    print(f"{crowd.visits} came to look at {frames} frames, and the file is the same")


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
    failures.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
