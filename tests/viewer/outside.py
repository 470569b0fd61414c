#!/usr/bin/env python3
"""A window from outside follows its run: it says what is not there, shows the frames of a stage to the last, says when the source
is lost or at its end, finds the next run of that name, and goes when it is told to.
"""
import os
import signal

import screen
from screen import harness, remote
from window import Outside, Run

LINE = "pattern realtime=true rate=50 size=320x180 as big ! scale 160:90 as small ! null as end"


def start(directory, line=LINE, *options):
    return Run(directory, "cam1", line, *options).until_frames_flow()


def check_words(failures):
    for words, exit_code, said in ((("cam1/big",), 1, "no run 'cam1'"), ((), 2, "RUN[/STAGE]"), (("a/b", "c/d"), 2, "'c/d'"),
                                   (("cam1", "--size", "0x3"), 2, "WxH"), (("cam1", "--zoom", "2"), 2, "fit or 1:1"),
                                   (("cam1", "--what"), 2, "--what")):
        done = harness.run("view", *words)
        failures.check(done.exit == exit_code and said in done.err, f"view {' '.join(words)}: {done.exit}: {done.err}")


def check_refusals(failures, directory):
    run = start(directory)
    done = harness.run("view", "cam1/smal")
    failures.check(done.exit == 1 and "stages: big, small, end" in done.err, f"no such stage: {done.exit}: {done.err}")
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = harness.run("view", "cam1", env=dict(environment, SDL_VIDEODRIVER="x11"))
    failures.check(done.exit == 4 and "DISPLAY" in done.err, f"without a screen: {done.exit}: {done.err}")
    run.stop()
    run = start(directory, LINE, "--transport", "pipe")
    done = harness.run("view", "cam1/big")
    failures.check(done.exit == 1 and "transport = shm" in done.err, f"over pipes: {done.exit}: {done.err}")
    run.stop()


def check_frames(failures, directory):
    """In order, each once, to the very last; of what a stage takes where it gives nothing."""
    run = start(directory, LINE.replace("rate=50", "rate=50 frames=60"))
    window = Outside({}, directory, "cam1/end", "--once")
    numbers, said = [], window.last
    while said["event"] != "ended":
        said = window.next()
        numbers += [said["frame"]] if said["event"] == "shown" else []
    code, err = window.finish()
    run.finish()
    failures.check(code == 0 and said["stage"] == "cam1/end", f"--once: {code}: {err} {said['stage']}")
    failures.check(numbers == sorted(set(numbers)) and len(numbers) > 5, f"frames shown: {numbers}")
    failures.check(said["frame"] == 59, f"the last frame shown is {said['frame']}, not 59")
    failures.check(said["window"] == [160, 90], f"the window is {said['window']}, not as large as the picture")


def check_comes_back(failures, directory):
    """Waiting, there, killed, there again, ended, there again: and another run is none of its business."""
    window = Outside({}, directory, "cam1/small", "--wait")
    failures.check(window.last["state"] == "SOURCE LOST, waiting", f"before there is a run: {window.last['state']}")
    other = Run(directory, "cam2", LINE).until_frames_flow()
    for kill, state in ((True, "SOURCE LOST, waiting"), (False, "END OF STREAM")):
        run = start(directory)
        said = window.until("shown", state="")
        failures.check(said["stage"] == "cam1/small" and said["window"] == [160, 90], f"shown: {said}")
        listed = [(one["pid"], one["program"], one["from"], one["when_full"]) for one in remote.guests("cam1")]
        failures.check(listed == [(window.process.pid, "framelane-view", "small", "peek")], f"status lists {listed}")
        if kill:
            os.kill(run.pid, signal.SIGKILL)
            run.process.communicate()
        else:
            code, err = run.stop()
            failures.check(code == 0, f"a run with a window: {code}: {err}")
        window.until("state", state=state)
    run = start(directory)
    said = window.until("shown", state="")
    failures.check(said["frame"] < 200, f"after all it shows frame {said['frame']}")
    for number in (signal.SIGSTOP, signal.SIGCONT):
        os.kill(window.process.pid, number)
    window.until("shown")
    code, err = window.stop(signal.SIGINT)
    failures.check(code == 0 and not err, f"Ctrl-C: {code}: {err}")
    for each in (run, other):
        code, err = each.stop()
        failures.check(code == 0, f"{each.name}: {code}: {err}")


def check_other_sizes(failures, directory):
    """A film whose picture grows lies in another pool from then on."""
    parts = [harness.clip(os.path.join(directory, f"{size}.ts"), "-c:v", "mpeg2video", "-f", "mpegts", size=size, frames=50)
             for size in ("160x96", "640x384")]
    film = os.path.join(directory, "film.ts")
    with open(film, "wb") as file:
        for part in parts:
            with open(part, "rb") as piece:
                file.write(piece.read())
    run = Run(directory, "cam1", f"decode {film} as film ! filter realtime ! null")
    window = Outside({}, directory, "cam1/film", "--wait", "--once")
    window.until("shown", box=lambda box: True)
    run.finish()
    said = window.until("ended")
    code, err = window.finish()
    frames = run.end["frames_in"]
    failures.check(code == 0 and said["frame"] == frames - 1, f"a picture that grows: frame {said['frame']} of {frames}: {err}")


def main():
    failures = harness.Failures()
    os.environ.update(screen.DUMMY)
    harness.adopt_orphans()
    with harness.scratch() as directory, remote.runtime_folder():
        check_words(failures)
        check_refusals(failures, directory)
        check_frames(failures, directory)
        check_comes_back(failures, directory)
        check_other_sizes(failures, directory)
    failures.finish()


if __name__ == "__main__":
    main()
