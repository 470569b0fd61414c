#!/usr/bin/env python3
"""A run is found, told and ended from outside: ls, status, stop, and what becomes of its socket."""
import json
import os
import signal
import stat

import harness
import remote
from harness import Failures, Running, run, scratch

PIPELINE = ("pattern size=320x180 rate=100 realtime=true as source ! scale 160:90 as small ! encode {} codec=mpeg4 as record ; "
            "source ! null as look when-full=drop")
# What one moment of a run says of a stage and a lane, whoever is asked.
STAGE_COUNTS = ("name", "kind", "pid", "frames_in", "frames_out", "packets_in", "packets_out", "copies", "copied_bytes",
                "decode_errors")
LANE_COUNTS = ("from", "to", "carries", "when_full", "credits", "sent", "taken", "returned", "dropped", "wakeups")


def start(name, path):
    running = Running("--name", name, "-e", PIPELINE.format(path))
    running.until_frames_flow()
    return running


def asked(name):
    return json.loads(run("status", name, "--json").out)


def check_listed(failures, directory):
    listed = run("ls")
    failures.check(listed.exit == 0 and "cam1" in listed.out and "cam2" in listed.out, f"ls: {listed.out}{listed.err}")
    runs = json.loads(run("ls", "--json").out)
    failures.check(runs["schema"] == 1 and [entry["run"] for entry in runs["runs"]] == ["cam1", "cam2"], f"ls --json: {runs}")
    folder = os.stat(os.path.join(directory, "framelane"))
    failures.check(stat.S_IMODE(folder.st_mode) == 0o700, f"the folder has mode {folder.st_mode:o}")
    mode = os.lstat(remote.path_of(directory, "cam1")).st_mode
    failures.check(stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600, f"the socket has mode {mode:o}")
    text = run("status", "cam1").out
    for word in ("cam1", "source", "small", "record", "look", "WAITING FOR", "LANE"):
        failures.check(word in text, f"status does not show {word}: {text}")


def check_agreement(failures, running):
    """With every stage stopped nothing moves: what status says is what the line of --json says."""
    pids = running.stages().values()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    running.next_line()
    line, said = running.next_line(), asked("cam1")
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    for list_name, keys in (("stages", STAGE_COUNTS), ("lanes", LANE_COUNTS)):
        here = [{key: entry[key] for key in keys} for entry in said[list_name]]
        there = [{key: entry[key] for key in keys} for entry in line[list_name]]
        failures.check(here == there, f"status and --json differ about {list_name}: {here} / {there}")
    for stage in said["stages"]:
        missing = {"fps", "ms_p50", "ms_p99", "age_ms", "cpu_percent", "rss_bytes", "waiting_for"} - set(stage)
        failures.check(not missing, f"status of {stage['name']} lacks {missing}")
        failures.check(stage["process"] == "T", f"{stage['name']} is stopped, status says '{stage['process']}'")
        failures.check(0 < stage["ms_p50"] <= stage["ms_p99"], f"{stage['name']}: p50 {stage['ms_p50']}, p99 {stage['ms_p99']}")
        failures.check(0 <= stage["age_p50_ms"] <= stage["age_p99_ms"], f"{stage['name']}: ages")
    for lane in said["lanes"]:
        failures.check(lane["in_use"] == lane["queued"] + lane["held"] <= lane["credits"], f"{lane}")
        failures.check(sum(lane["dropped_by"].values()) == lane["dropped"], f"causes of drops: {lane}")


def check_stop(failures, running, path, others):
    done = run("stop", "cam1")
    code, err = running.finish()
    failures.check(done.exit == 0, f"stop: exit {done.exit}: {done.err}")
    failures.check(code == 0, f"a run that is stopped exits with {code}: {err}")
    made = {stage["name"]: stage for stage in running.end["stages"]}
    frames = harness.probe_frames(path)
    failures.check(frames == made["source"]["frames_out"] == made["record"]["frames_in"], f"{frames} frames in the file")
    failures.check(remote.sockets(others) == ["cam2.sock"], f"left over: {remote.sockets(others)}")


def check_stop_now(failures, directory):
    """Without patience: a stopped encoder cannot drain, --now ends the run all the same."""
    with scratch() as place:
        running = start("cam2", os.path.join(place, "never.mkv"))
        os.kill(running.stages()["record"], signal.SIGSTOP)
        done = run("stop", "cam2", "--now")
        code, err = running.finish()
        failures.check(done.exit == 0 and code == 128 + signal.SIGTERM, f"stop --now: {done.exit} {done.err}, run {code}: {err}")
        failures.check(remote.sockets(directory) == [], f"left over after --now: {remote.sockets(directory)}")


def check_names(failures, first, directory):
    """The second of a name says so and what to do; one that is only called after its file takes another name."""
    second = run("run", "--name", "cam1", "-e", "pattern frames=3 ! null", "--json")
    told = "framelane stop cam1" in second.err and "--name" in second.err
    failures.check(second.exit == 4 and told, f"second: {second.exit} {second.err}")
    failures.check(second.end and second.end["exit"] == 4, f"second: {second.out}")
    with open(os.path.join(directory, "cam1.ini"), "w", encoding="utf-8") as file:
        file.write("[stage a]\nkind = pattern\nframes = 3\n[stage b]\nkind = null\ninput = a\n")
    third = run("run", file.name, "--json")
    told = "another run" in third.err
    failures.check(third.exit == 0 and third.end["run"].startswith("cam1-") and told, f"third: {third.exit} {third.err}")
    failures.check(first.process.poll() is None and asked("cam1")["pid"] == first.pid, "the first run was disturbed")
    wrong = run("run", "--name", "a b", "-e", "pattern ! null")
    failures.check(wrong.exit == 3 and "'a b'" in wrong.err, f"--name 'a b': {wrong.exit} {wrong.err}")


def check_missing(failures):
    for verb in ("status", "stop"):
        none = run(verb, "cam3")
        told = "did you mean 'cam" in none.err and "cam1, cam2" in none.err
        failures.check(none.exit == 1 and told, f"{verb}: {none.exit} {none.err}")
        odd = run(verb, "../cam1")
        failures.check(odd.exit == 1 and "no run" in odd.err, f"{verb} ../cam1: {odd.exit} {odd.err}")
        failures.check(run(verb).exit == 2 and run(verb, "a", "b").exit == 2 and run(verb, "--what").exit == 2, f"{verb}: usage")


def check_stale(failures, directory):
    """The socket of a killed supervisor is in nobody's way, and goes."""
    harness.adopt_orphans()
    with scratch() as place:
        killed = start("cam1", os.path.join(place, "a.mkv"))
        stages = killed.stages()
        os.kill(killed.pid, signal.SIGKILL)
        killed.process.communicate()
        for name, pid in stages.items():
            failures.check(harness.gone_within(pid, harness.LIMIT), f"{name} lives on")
    failures.check(remote.sockets(directory) == ["cam1.sock"], f"killed: {remote.sockets(directory)}")
    again = run("run", "--name", "cam1", "-e", "pattern frames=3 ! null")
    failures.check(again.exit == 0, f"a stale socket is in the way: {again.err}")
    with open(remote.path_of(directory, "other"), "w", encoding="utf-8"):
        pass
    run("run", "-e", "pattern frames=3 ! null")
    failures.check(remote.sockets(directory) == [], f"a run leaves the sockets of the dead: {remote.sockets(directory)}")
    with open(remote.path_of(directory, "odd"), "w", encoding="utf-8"):
        pass
    listed = run("ls")
    failures.check(listed.exit == 0 and listed.out == "" and "nothing runs" in listed.err, f"ls: {listed.out}{listed.err}")
    failures.check(remote.sockets(directory) == [], f"left over: {remote.sockets(directory)}")


def check_folder(failures, directory):
    """Where no socket can be, the run goes on and says what is lost by it."""
    with open(os.path.join(directory, "framelane"), "w", encoding="utf-8"):
        pass
    done = run("run", "-e", "pattern frames=3 ! null")
    failures.check(done.exit == 0 and "warning" in done.err and "XDG_RUNTIME_DIR" in done.err, f"no folder: {done.exit} {done.err}")


def main():
    failures = Failures()
    with remote.runtime_folder() as directory, scratch() as place:
        first = start("cam1", os.path.join(place, "a.mkv"))
        second = start("cam2", os.path.join(place, "b.mkv"))
        check_listed(failures, directory)
        check_missing(failures)
        check_names(failures, first, place)
        check_agreement(failures, first)
        check_stop(failures, first, os.path.join(place, "a.mkv"), directory)
        run("stop", "cam2")
        second.finish()
        check_stop_now(failures, directory)
        check_stale(failures, directory)
    with remote.runtime_folder() as directory:
        check_folder(failures, directory)
    failures.finish()


if __name__ == "__main__":
    main()
