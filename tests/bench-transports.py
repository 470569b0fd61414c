#!/usr/bin/env python3
"""`framelane bench` tells what it measured: every way has rows with all their figures or a reason on standard error, the report
names the exact commands, plots are pictures; and copies agree with what a count of memcpy sees.

usage: bench-transports.py TALLY-LIBRARY

No figure of time is judged here: the rounds are far too short for that, and this machine may be busy.
"""
import csv
import glob
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree

from harness import FRAMELANE, SANITIZED, Failures, clip, run, scratch

MICRO = os.path.join(os.path.dirname(FRAMELANE), "..", "bench", "micro")
BYTES = 65536
INTERVALS = {"fps", "gb_per_second", "cpu_ms_per_frame", "switches_per_frame", "faults_per_frame", "memory_bytes", "frames", "lost"}
PLAIN = {"schema", "type", "transport", "again", "size", "bytes", "consumers", "rate", "work", "pin", "stall", "command", "rounds",
         "copies_per_frame", "copied_bytes_per_frame", "calls_per_frame"}
POINTS = {"p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9", "max"}
PLOTS = {"fps-by-size", "cpu", "latency", "fps-by-consumers", "stall"}
COPIES = {"shm": 0, "shm-copy": 1, "pipe": 2, "vmsplice": 1, "socket": 2, "process-vm": 1, "gst-shm": 0, "iceoryx": 0,
          "no-transport": 0}
TALLY = struct.Struct("<16sQQ")  # command, bytes of a row, calls: how the tally of bench/copies.c begins


def known_ways():
    said = run("bench", "--transport", "nothing-of-the-kind")
    return set(re.search(r"there are (.*)$", said.err, re.M).group(1).split(", "))


def check_interval(failures, row, figure):
    holds = isinstance(figure, dict) and set(figure) >= {"median", "low", "high"}
    holds = holds and figure["low"] <= figure["median"] <= figure["high"] and figure["low"] >= 0
    failures.check(holds, f"{row['command']}: an interval that is none: {figure}")


def check_row(failures, row):
    where = row.get("command", "a row without a command")
    wanted = PLAIN | INTERVALS | ({"latency_ms"} if row["rate"] != "max" else set())
    wanted |= {"others_fps", "others_gap_ms"} if row["consumers"] > 1 else set()
    if not failures.check(set(row) - {"fps_ratio", "cpu_ratio"} == wanted, f"{where}: keys {sorted(set(row) ^ wanted)}"):
        return
    for name in INTERVALS:
        check_interval(failures, row, row[name])
    failures.check(row["frames"]["low"] > 0 and row["fps"]["low"] > 0, f"{where}: no frames")
    failures.check(row["lost"]["high"] == 0 or row["transport"] == "shm-latest", f"{where}: frames were lost")
    failures.check(row["memory_bytes"]["low"] > 0, f"{where}: no memory")
    if row["transport"] in COPIES:
        consumers = 1 if row["transport"] == "shm-copy" else row["consumers"]
        copies = row["copies_per_frame"]
        failures.check(copies == COPIES[row["transport"]] * consumers, f"{where}: {copies} copies")
    if row["rate"] != "max":
        failures.check(set(row["latency_ms"]) == POINTS, f"{where}: latency at {sorted(row['latency_ms'])}")
        for figure in row["latency_ms"].values():
            check_interval(failures, row, figure)
    for ratio in (row[name] for name in ("fps_ratio", "cpu_ratio") if name in row):
        check_interval(failures, row, ratio)
        failures.check(isinstance(ratio["within_noise"], bool), f"{where}: a ratio that does not say whether it is noise")


def check_rows(failures, lines, err, ways):
    rows = lines[1:-1]
    kinds = [line["type"] for line in lines]
    failures.check(kinds == ["head", *["row"] * len(rows), "noise"], f"lines of --json: {kinds}")
    for row in rows:
        check_row(failures, row)
    for word in ("command", "processor", "kernel", "noise floor", "GStreamer", "FFmpeg", "glance"):
        failures.check(lines[0].get(word), f"the head says nothing of '{word}'")
    failures.check(lines[-1]["fps"] is not None and lines[-1]["cpu"] is not None, f"the noise floor: {lines[-1]}")
    left_out = set(re.findall(r"^framelane bench: (\S+): left out: ", err, re.M))
    answered = {row["transport"] for row in rows}
    failures.check(answered | left_out == ways and not answered & left_out,
                   f"rows for {answered}, reasons for {left_out}, of {ways}")
    stalls = {(row["transport"], row["stall"]) for row in rows}
    failures.check({("shm", "stop"), ("shm-latest", "stop"), ("pipe", "slow")} <= stalls, f"stalls: {stalls}")
    traced = [row for row in rows if row["calls_per_frame"] is not None]
    counted = {row["transport"] for row in traced}
    failures.check(counted == answered - {"shm-latest"} or not traced, f"system calls of {counted} only")
    return rows


def check_pictures(failures, folder, err):
    if shutil.which("gnuplot") is None:
        failures.check("gnuplot is not installed" in err, "there is no gnuplot, and nobody says so")
        return
    for name in PLOTS:
        root = xml.etree.ElementTree.parse(os.path.join(folder, name + ".svg")).getroot()
        failures.check(root.tag.endswith("svg") and len(list(root.iter())) > 20, f"{name}.svg is no drawing")
        with open(os.path.join(folder, name + ".png"), "rb") as file:
            head = file.read(24)
        width, height = struct.unpack(">II", head[16:24])
        failures.check(head[:8] == b"\x89PNG\r\n\x1a\n" and width >= 400 and height >= 300, f"{name}.png is no picture")


def check_folder(failures, folder, rows, err):
    with open(os.path.join(folder, "bench.json"), encoding="utf-8") as file:
        whole = json.load(file)
    failures.check(whole["rows"] == rows, "bench.json has other rows than --json")
    with open(os.path.join(folder, "bench.csv"), encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    failures.check(len(lines) == len(rows) and all(line["per_second"] for line in lines), f"bench.csv has {len(lines)} rows")
    for name in ("bench.md", "bench.txt"):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = file.read()
        missing = [row["command"] for row in rows if row["command"] not in text]
        failures.check(not missing, f"{name} does not name {missing[:3]}")
        failures.check("noise floor" in text and whole["head"]["command"] in text, f"{name} does not say how it was measured")
        failures.check("when one of three consumers stops" in text.lower(), f"{name} does not say what a stall does")
    check_pictures(failures, folder, err)


def figures_of(command, *before, **more):
    words = [*before, os.path.join(MICRO, command[0]), *command[1:]]
    done = subprocess.run(words, capture_output=True, text=True, check=False, **more)
    return json.loads(done.stdout) if done.returncode == 0 else {"failed": done.stderr}


def check_copies(failures, folder, tally, way, command):
    counted = os.path.join(folder, way)
    os.mkdir(counted)
    environment = dict(os.environ, LD_PRELOAD=tally, COPIES_DIRECTORY=counted, COPIES_ROW=str(BYTES))
    words = [*command, "--bytes", str(BYTES), "--work", "write+read", "--rate", "200", "--seconds", "0.2"]
    figures = figures_of(words, env=environment)
    calls = 0
    for path in glob.glob(counted + "/*"):
        with open(path, "rb") as file:
            calls += TALLY.unpack(file.read(TALLY.size))[2]
    if failures.check("frames" in figures, f"{way}: {figures}"):
        holds = calls >= figures["frames"] if figures["copies"] else calls == 0
        failures.check(holds, f"{way}: {figures['copies']} copies a frame, but {calls} were seen for {figures['frames']} frames")


def check_compared(failures, folder, out):
    """A result agrees with itself; one in which a figure is far off does not, and what is far off is named."""
    path = os.path.join(out, "bench.json")
    same = run("bench", "--compare", path, path)
    failures.check(same.exit == 0 and "DIFFER" not in same.out, f"--compare with itself: {same.out[-300:]}{same.err}")
    with open(path, encoding="utf-8") as file:
        whole = json.load(file)
    row = next(row for row in whole["rows"] if row["transport"] == "pipe" and row["rate"] == "max" and row["consumers"] == 1)
    row["cpu_ms_per_frame"] = {key: value * 1000 for key, value in row["cpu_ms_per_frame"].items()}
    changed = os.path.join(folder, "changed.json")
    with open(changed, "w", encoding="utf-8") as file:
        json.dump(whole, file)
    differs = [line for line in run("bench", "--compare", path, changed).out.splitlines() if "DIFFER" in line]
    failures.check(len(differs) == 1 and re.match(r"pipe 64 KiB x1 max .*CPU ms", differs[0]), f"--compare: {differs}")


def check_film(failures, folder):
    """A report with a film has its table, its sentences, its commands and its rows."""
    film, out = os.path.join(folder, "film.mp4"), os.path.join(folder, "with-film")
    clip(film, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", frames=20)
    result = run("bench", "--rounds", "1", "--seconds", "0.02", "--size", "4K", "--transport", "pipe", "--rate", "max",
                 "--film", film, "--json", "-o", out)
    rows = [line for line in result.lines if line["type"] == "pipeline"]
    frames = {row["name"]: row["frames"] for row in rows}
    failures.check(result.exit == 0 and frames.get("framelane, shared memory") == [20] == frames.get("ffmpeg, one process"),
                   f"--film: exit {result.exit}: {frames} {result.err}")
    with open(os.path.join(out, "bench.json"), encoding="utf-8") as file:
        failures.check(json.load(file)["film"] == rows, "bench.json has other rows of the film than --json")
    with open(os.path.join(out, "bench.md"), encoding="utf-8") as file:
        text = file.read()
    for words in ("- A whole film. CPU of all processes", "### A whole film: film.mp4, 20 frames",
                  "\nframelane run --quiet --transport shm"):
        failures.check(words in text, f"bench.md has no '{words}'")


def check_pipelines(failures, folder):
    out = os.path.join(folder, "pipelines")
    other = "ffmpeg -loglevel error -f lavfi -i testsrc2=size=64x64 -frames:v 5 -pix_fmt yuv420p {out}.y4m"
    result = run("bench", "--rounds", "1", "--json", "-o", out, "--pipeline", "pattern size=64x64 frames=5 ! y4m {out}.y4m",
                 "--against", other, "--against", "true")
    failures.check(result.exit == 0, f"--pipeline: exit {result.exit}: {result.err}")
    failures.check(result.lines[0]["type"] == "head", f"--pipeline: begins with {result.lines[0]}")
    names = [(row["name"], row["frames"], row["cpu_seconds"]["median"] > 0) for row in result.lines[1:]]
    failures.check(names == [("framelane", [5], True), ("framelane, again", [5], True), ("against 1: ffmpeg", [5], True),
                             ("against 2: true", [None], True)], f"--pipeline: {names}")
    with open(os.path.join(out, "pipeline.md"), encoding="utf-8") as file:
        text = file.read()
    failures.check(other in text and "noise floor" in text, "pipeline.md does not say what was run")
    failed = run("bench", "--rounds", "1", "--pipeline", "pattern frames=1 ! null", "--against", "exit 3")
    failures.check(failed.exit == 1 and "exit 3" in failed.err, f"a command that fails: exit {failed.exit}: {failed.err}")


def check_words(failures):
    for words in (["--size", "7"], ["--size", "wide"], ["--transport", "pipe,carrier-pigeon"], ["--work", "hard"], ["--rate", "0"],
                  ["--consumers", "33"], ["--pin", "down"], ["--sweep"], ["--seconds", "-1"], ["--rounds", "-1"], ["more"],
                  ["--pipeline", "a.ini"], ["--against", "true"]):
        result = run("bench", *words)
        failures.check(result.exit == 2 and "--help" in result.err, f"bench {' '.join(words)}: exit {result.exit}: {result.err}")


def main(tally):
    failures = Failures()
    ways = known_ways()
    check_words(failures)
    with scratch() as folder:
        out = os.path.join(folder, "made", "here")
        result = run("bench", "--quick", "--rounds", "1", "--seconds", "0.02", "--size", "64K", "--consumers", "1,2",
                     "--rate", "max,200", "--json", "-o", out, limit=150)
        failures.check(result.exit == 0, f"exit {result.exit}: {result.err}")
        rows = check_rows(failures, result.lines, result.err, ways - {"gst-shm-copy"}) # which --quick leaves out
        check_folder(failures, out, rows, result.err)
        check_compared(failures, folder, out)
        if shutil.which("ffmpeg"):
            check_pipelines(failures, folder)
            if not SANITIZED:
                check_film(failures, folder)
        if not SANITIZED:
            check_copies(failures, folder, tally, "shm", ["q-frame-bytes"])
            check_copies(failures, folder, tally, "shm-copy", ["q-frame-bytes", "--copy", "in"])
    failures.finish()


if __name__ == "__main__":
    main(sys.argv[1])
