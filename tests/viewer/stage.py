#!/usr/bin/env python3
"""A window is a stage like any other: it opens where there is a screen or says why not, shows what the run gives over either
transport, ends with the run, and never holds anyone up.
"""
import json
import os
import signal

import screen
from screen import harness


def events(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def check_shows(failures, directory, transport):
    """Every frame of a source that keeps time comes, goes straight to the texture, and none is copied."""
    log = os.path.join(directory, f"events-{transport}")
    done = harness.run("run", "-e", f"pattern realtime=true rate=50 frames=50 size=320x180 ! view events={log}", "--json",
                       "--transport", transport)
    said = events(log)
    numbers = [each["frame"] for each in said if each["event"] == "shown"]
    failures.check(done.exit == 0 and said[-1]["event"] == "ended", f"{transport}: exit {done.exit}, then {said[-1]['event']}")
    failures.check(numbers and numbers == sorted(set(numbers)), f"{transport}: frames are shown in order: {numbers}")
    failures.check(said[-1]["came"] + done.end["lanes"][0]["dropped"] == 50, f"{transport}: {said[-1]['came']} of 50 frames came")
    failures.check(said[-1]["converted"] == 0, f"{transport}: {said[-1]['converted']} frames were converted")
    copied = {stage["name"]: stage["copies"] for stage in done.end["stages"]}
    failures.check(copied["view"] == 0 or transport == "pipe", f"the window copies {copied['view']} frames")


def check_conversion_is_counted(failures):
    done = harness.run("run", "-e", "pattern realtime=true rate=50 frames=20 size=320x180 format=yuv422p10le ! view", "--json")
    window = done.end["stages"][-1]
    failures.check(done.exit == 0 and 0 < window["copies"] <= 20, f"yuv422p10le: {window['copies']} conversions counted")


def check_view_option(failures, directory):
    """--view STAGE: what it gives; what it takes, where it gives nothing."""
    for stage in ("small", "end"):
        log = os.path.join(directory, f"events-{stage}")
        line = "pattern realtime=true rate=50 frames=25 size=320x180 as big ! scale 160:90 as small ! null as end"
        done = harness.run("run", "-e", line, "--view", stage, "--set", f"view.events={log}", "--json")
        lanes = {(lane["from"], lane["to"]): lane for lane in done.end["lanes"]} if done.end else {}
        failures.check(done.exit == 0 and ("small", "view") in lanes, f"--view {stage}: exit {done.exit}, lanes {list(lanes)}")
        failures.check(lanes[("small", "view")]["when_full"] == "latest", "the window's lane is not `latest`")
        failures.check(lanes[("small", "end")]["taken"] == 25, "the other stage did not get every frame")
        failures.check(any(each["event"] == "shown" for each in events(log)), f"--view {stage} shows nothing")
    done = harness.run("run", "-e", "pattern frames=1 ! null", "--view", "patern")
    failures.check(done.exit == 3 and "'pattern'" in done.err, f"--view of a stage that is not there: {done.exit}: {done.err}")


def check_no_screen(failures):
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment["SDL_VIDEODRIVER"] = "x11"
    done = harness.run("run", "-e", "pattern frames=5 ! view", env=environment)
    failures.check(done.exit == 4 and "DISPLAY" in done.err, f"without a screen: exit {done.exit}: {done.err}")
    done = harness.run("run", "-e", "pattern frames=5 ! view events=/proc/nothing/here", env=os.environ)
    failures.check(done.exit == 4 and "/proc/nothing/here" in done.err, f"events that cannot be written: {done.exit}: {done.err}")


def check_keeps_open(failures, directory):
    """keep-open shows the end until somebody closes it, but a run that is stopped does not wait for that."""
    log = os.path.join(directory, "events-open")
    os.mkfifo(log)
    run = harness.Running("-e", f"pattern rate=50 frames=5 size=320x180 ! view keep-open=true events={log}")
    with open(log, encoding="utf-8") as said:
        for line in said:
            if json.loads(line)["state"] == "END OF STREAM":
                break
        failures.check("view" in run.stages(), "the window closes at the end, though it is to stay")
        os.kill(run.pid, signal.SIGINT)
        code, err = run.finish()
    failures.check(code == 0, f"a run that is stopped while the end is shown: {code}: {err}")


def check_holds_nobody_up(failures, directory):
    """A window that is stopped for good costs its credits and nothing else."""
    log = os.path.join(directory, "events-stopped")
    os.mkfifo(log)
    run = harness.Running("-e", f"pattern realtime=true rate=100 frames=300 size=320x180 as p ! null ; p ! view events={log}")
    with open(log, encoding="utf-8") as said:
        next(line for line in said if '"event":"shown"' in line)
        window = run.stages()["view"]
        os.kill(window, signal.SIGSTOP)
        run.until(lambda line: line["stages"][0]["frames_out"] == 300, "the source had given all its frames")
        os.kill(window, signal.SIGCONT)
        code, err = run.finish()
    lanes = {lane["to"]: lane for lane in run.end["lanes"]}
    failures.check(code == 0, f"with a window that was stopped: {code}: {err}")
    failures.check(lanes["null"]["taken"] == 300, f"the other stage got {lanes['null']['taken']} of 300 frames")


def main():
    failures = harness.Failures()
    os.environ.update(screen.DUMMY)
    with harness.scratch() as directory:
        for transport in ("shm", "pipe"):
            check_shows(failures, directory, transport)
        check_conversion_is_counted(failures)
        check_view_option(failures, directory)
        check_no_screen(failures)
        check_keeps_open(failures, directory)
        check_holds_nobody_up(failures, directory)
    failures.finish()


if __name__ == "__main__":
    main()
