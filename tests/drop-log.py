#!/usr/bin/env python3
"""--drop-log names every frame that was dropped: as many as the counters say, each with its lane, cause and holder; also over pipes
and when a consumer dies."""
import collections
import os
import signal

import harness
from harness import Failures, Running, run, scratch

# One consumer for each way to lose frames; nothing waits for time, so drops come as fast as a machine can make them.
PIPELINE = ("pattern size=64x64 frames=40000 as source ! null as all ; "
            "source ! scale 32:32 as small when-full=drop credits=3 ! hash {0}/a as far ; "
            "source ! hash {0}/b as late when-full=latest credits=3")
COLUMNS = ["time", "frame", "epoch", "part", "from", "to", "carries", "reason", "holder", "held", "queued"]
CAUSES = {"no credit", "superseded", "left over", "lost"}


def read_log(failures, path):
    """Its drops as dictionaries, and its remarks."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    failures.check(lines[0].startswith("# framelane drops 1: run ") and lines[-1] == "", f"{path}: {lines[:1]} ... {lines[-1:]}")
    failures.check(lines[1].split("\t") == COLUMNS, f"{path}: columns {lines[1]}")
    remarks = [line for line in lines[2:] if line.startswith("#")]
    rows = [dict(zip(COLUMNS, line.split("\t"))) for line in lines[2:-1] if not line.startswith("#")]
    for row in rows:
        known = row["reason"] in CAUSES and len(row) == len(COLUMNS) and float(row["time"]) >= 0 and int(row["epoch"]) >= 1
        if not failures.check(known, f"{path}: {row}"):
            break
    return rows, remarks


def check_counts(failures, end, rows):
    """Lane by lane as many as were counted, and no frame twice."""
    listed = collections.Counter((row["from"], row["to"]) for row in rows if row["reason"] != "lost")
    for lane in end["lanes"]:
        there = listed[lane["from"], lane["to"]]
        failures.check(there == lane["dropped"], f"{lane['from']} -> {lane['to']}: {lane['dropped']} dropped, {there} listed")
    lost = sum(row["reason"] == "lost" for row in rows)
    failures.check(lost == end["dropped"]["error"], f"{end['dropped']['error']} lost with a stage, {lost} listed")
    frames = collections.Counter((row["to"], row["epoch"], row["frame"], row["part"]) for row in rows)
    failures.check(all(times == 1 for times in frames.values()), f"listed more than once: {frames.most_common(1)}")


def check_every_drop(failures, transport):
    with scratch() as place:
        log = os.path.join(place, "drops")
        done = run("run", "-e", PIPELINE.format(place), "--transport", transport, "--drop-log", log, "--json")
        rows, remarks = read_log(failures, log)
        whole = done.exit == 0 and remarks == [] and "lacks" not in done.err
        failures.check(whole, f"{transport}: {done.exit} {remarks} {done.err}")
        check_counts(failures, done.end, rows)
        failures.check(len(rows) > 100, f"{transport}: only {len(rows)} drops, nothing was tested")
        seen = {}
        for lane in (("small", "far"), ("late",)):
            seen[lane[0]] = [int(row["frame"]) for row in rows if row["to"] == lane[0]]
            holders = {row["holder"] for row in rows if row["to"] == lane[0]}
            failures.check(holders <= set(lane), f"{transport}: frames of {lane[0]} were held by {holders}")
        failures.check(seen["small"] == sorted(seen["small"]), "drops of one producer are out of order")
        check_frames(failures, place, done.end, seen)


def check_frames(failures, place, end, seen):
    """What was dropped and what arrived is all there was: by the hashes of the far ends, which know nothing of the list."""
    given = end["frames_in"]
    for name, file in (("small", "a"), ("late", "b")):
        with open(os.path.join(place, file), encoding="utf-8") as hashes:
            arrived = {int(line.split(",")[2]) for line in hashes if not line.startswith("#")}
        both = arrived & set(seen[name])
        failures.check(len(arrived) + len(seen[name]) == given and not both,
                       f"{name}: of {given} frames {len(arrived)} came, {len(seen[name])} did not; both: {sorted(both)[:5]}")


def check_death(failures):
    """What a consumer that dies had in hand and before it is lost, and listed."""
    with scratch() as place:
        log = os.path.join(place, "drops")
        line = "pattern size=64x64 rate=500 realtime=true as source ! null as end credits=6"
        running = Running("-e", line, "--drop-log", log)
        running.until_frames_flow()
        victim = running.stages()["end"]
        os.kill(victim, signal.SIGSTOP)
        running.until(lambda said: said["lanes"][0]["sent"] - said["lanes"][0]["returned"] >= 6, "the lane was full")
        os.kill(victim, signal.SIGKILL)
        code, err = running.finish()
        rows, _ = read_log(failures, log)
        check_counts(failures, running.end, rows)
        failures.check(code == 1 and len(rows) == 6, f"death: exit {code}, {len(rows)} listed of 6: {err}")
        failures.check({row["holder"] for row in rows} == {"end"}, f"death: {rows}")


def check_places(failures):
    """On standard output, where no one else has it; a place that cannot be written is said before anything starts."""
    shown = run("run", "-q", "-e", "pattern frames=3 ! null", "--drop-log", "-")
    failures.check(shown.exit == 0 and shown.out.startswith("# framelane drops 1:"), f"-: {shown.exit} {shown.out}{shown.err}")
    for words in (("pattern frames=3 ! hash", "--drop-log", "-"), ("pattern frames=3 ! null", "--drop-log", "-", "--json"),
                  ("pattern frames=3 ! null", "--trace", "-", "--drop-log", "-")):
        both = run("run", "-e", *words)
        failures.check(both.exit == 2 and "standard output" in both.err, f"{words}: {both.exit} {both.err}")
    with scratch() as place:
        for option in ("--drop-log", "--trace"):
            nowhere = run("run", "-e", "pattern frames=3 ! null", option, os.path.join(place, "none", "file"))
            failures.check(nowhere.exit == 4 and "none/file" in nowhere.err, f"{option}: {nowhere.exit} {nowhere.err}")
        full = os.path.join(place, "full")
        os.symlink("/dev/full", full)
        done = run("run", "-e", PIPELINE.format(place), "--drop-log", full, "--json")
        said = [line for line in done.err.splitlines() if "--drop-log" in line]
        right = len(said) == 1 and full in said[0] and "No space left on device" in said[0]
        failures.check(done.exit == 0 and right, f"a full disk: exit {done.exit}: {done.err}")
        log = os.path.join(place, "drops")
        quiet = run("run", "-e", "pattern frames=300 ! null", "--drop-log", log, "--json")
        rows, remarks = read_log(failures, log)
        failures.check(rows == [] and remarks == [] and quiet.exit == 0, f"nothing was dropped: {rows} {remarks}")


def main():
    failures = Failures()
    for transport in ("shm", "pipe"):
        check_every_drop(failures, transport)
    check_death(failures)
    check_places(failures)
    failures.finish()


if __name__ == "__main__":
    main()
