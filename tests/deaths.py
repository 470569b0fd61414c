#!/usr/bin/env python3
"""Whatever process is killed: one clear sentence, exit 1, and nobody and nothing is left."""
import os
import re
import signal

import harness
from harness import Failures, Running, scratch

PIPELINE = ("pattern size=320x180 rate=100 realtime=true as source ! scale 160:90 as small !"
            " encode {}/out.mkv codec=mpeg4 as record ; source ! null as nothing")
STAGES = ("source", "small", "record", "nothing")


def start(directory, transport):
    run = Running("-e", PIPELINE.format(directory), "--transport", transport)
    run.until_frames_flow()
    return run, run.stages()


def check_nobody_left(failures, title, pids, seconds):
    for name, pid in pids.items():
        failures.check(harness.gone_within(pid, seconds), f"{title}: {name} (pid {pid}) lives on")


def kill_stage(failures, directory, victim, transport):
    title = f"{victim} killed, over {transport}"
    run, pids = start(directory, transport)
    if not failures.check(set(pids) == set(STAGES), f"{title}: found the processes {sorted(pids)}"):
        run.give_up("the stages are not what they should be")
    os.kill(pids[victim], signal.SIGKILL)
    code, err = run.finish()
    failures.check(code == 1, f"{title}: exit {code}, not 1")
    sentences = [line for line in err.splitlines() if re.search(r"kill|SIG|failed|died|broke|lost", line)]
    failures.check(len(sentences) == 1, f"{title}: {len(sentences)} sentences tell of it: {err}")
    failures.check(re.search(rf"{victim}.*SIGKILL|SIGKILL.*{victim}", err), f"{title}: does not say who died of what: {err}")
    failures.check(run.end and run.end["status"] != "ok" and run.end["exit"] == 1, f"{title}: the end object says {run.end}")
    check_nobody_left(failures, title, pids, 1)


def kill_supervisor(failures, directory, transport):
    title = f"supervisor killed, over {transport}"
    run, pids = start(directory, transport)
    os.kill(run.pid, signal.SIGKILL)
    run.process.wait()
    check_nobody_left(failures, title, pids, 6)
    frames = harness.probe_frames(os.path.join(directory, "out.mkv"))
    failures.check(frames > 0, f"{title}: the file was not finished ({frames} frames)")


def kill_all_but_source(failures, directory):
    title = "two killed at once"
    run, pids = start(directory, "shm")
    os.kill(pids["record"], signal.SIGKILL)
    os.kill(pids["nothing"], signal.SIGKILL)
    code, err = run.finish()
    failures.check(code == 1, f"{title}: exit {code}, not 1: {err}")
    check_nobody_left(failures, title, pids, 1)


def main():
    harness.adopt_orphans()
    failures = Failures()
    named_before = set(os.listdir("/dev/shm"))
    with scratch() as directory:
        for transport in ("shm", "pipe"):
            for victim in STAGES:
                kill_stage(failures, directory, victim, transport)
            kill_supervisor(failures, directory, transport)
        kill_all_but_source(failures, directory)
        left = sorted(set(os.listdir(directory)) - {"out.mkv"})
        failures.check(not left, f"files are left: {left}")
    named = {name for name in set(os.listdir("/dev/shm")) - named_before if "framelane" in name or name.startswith("fl")}
    failures.check(not named, f"named shared memory is left: {named}")
    failures.finish()


if __name__ == "__main__":
    main()
