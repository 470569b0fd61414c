#!/usr/bin/env python3
"""A whole pipeline against other commands that do the same: `framelane bench --pipeline FILE --against 'COMMAND' ...`.

Rounds in which everything runs once, in an order shuffled anew, after one round that is not counted; wall time, and user + system
time over all processes; frames counted by ffprobe where a command writes {out} (it may add an ending: {out}.mkv), else by
Framelane's own account. The pipeline runs twice a round: what these two differ by is the noise floor.
"""
import argparse
import contextlib
import glob
import io
import json
import os
import random
import resource
import shlex
import subprocess
import sys
import tempfile
import time

import transcode
from transcode import interval, text


class Candidate:
    """A shell command in which {out} stands for a file of its own."""

    def __init__(self, name, command, folder, number):
        self.name, self.shown = name, command
        self.out = os.path.join(folder, f"out{number}")
        self.account = os.path.join(folder, f"account{number}") # of Framelane; others write none
        self.command = command.replace("{out}", self.out).replace("{account}", self.account)
        self.rounds = []

    def files(self):
        return [path for path in glob.glob(glob.escape(self.out) + "*") if os.path.getsize(path) > 0]

    def clean(self):
        for path in [*self.files(), self.account]:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)

    def frames(self):
        """What ffprobe counts in what was written, or what the run itself says; None: nobody can tell."""
        if self.files():
            return sum(transcode.count_frames(path) for path in self.files())
        with contextlib.suppress(FileNotFoundError):
            with open(self.account, encoding="utf-8") as file:
                return json.loads(file.read().splitlines()[-1])["frames_out"]
        return None

    def run(self, limit):
        self.clean()
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(["bash", "-o", "pipefail", "-c", self.command], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=limit, check=False)
        wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            sys.exit(f"framelane bench: failed with {done.returncode}: {self.command}\n{done.stderr}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"wall": wall, "cpu": cpu, "frames": self.frames()}


def own_command(options, folder):
    """`framelane run` of a file, of a copy in which {out} is filled in later, or of an expression."""
    run = f"{shlex.quote(options.framelane)} run --quiet --json={{account}}"
    if " ! " in options.pipeline:
        return f"{run} -e {shlex.quote(options.pipeline)}", None
    if not os.path.exists(options.pipeline):
        sys.exit(f"framelane bench: --pipeline {options.pipeline}: no such file, and no expression ('decode in.mkv ! ...')")
    with open(options.pipeline, encoding="utf-8") as file:
        lines = file.read()
    if "{out}" not in lines:
        return f"{run} {shlex.quote(os.path.abspath(options.pipeline))}", None
    return f"{run} {os.path.join(folder, 'pipeline')}", lines


def candidates(options, folder):
    command, lines = own_command(options, folder)
    found = []
    for name in ("framelane", "framelane, again"):
        one = Candidate(name, command, folder, len(found))
        if lines: # each has a copy of the file that names its own output
            path = os.path.join(folder, f"pipeline{len(found)}.ini")
            with open(path, "w", encoding="utf-8") as file:
                file.write(lines.replace("{out}", one.out))
            one.command = one.command.replace(os.path.join(folder, "pipeline"), path)
        one.shown = command.replace(os.path.join(folder, "pipeline"), shlex.quote(options.pipeline))
        one.shown = one.shown.replace(shlex.quote(options.framelane), "framelane").replace(" --json={account}", "")
        found.append(one)
    for other in options.against:
        found.append(Candidate(f"against {len(found) - 1}: {other.split()[0]}", other, folder, len(found)))
    return found


def play(found, options):
    for number in range(options.rounds + 1):
        for one in random.sample(found, len(found)):
            figures = one.run(options.limit)
            if number > 0:
                one.rounds.append(figures)
        print(f"round {number} of {options.rounds}" + (" (not counted)" if number == 0 else ""), file=sys.stderr)


def row_of(one, first):
    pairs = list(zip(one.rounds, first.rounds))
    row = {"schema": 1, "type": "pipeline", "name": one.name, "command": one.shown, "rounds": len(one.rounds),
           "frames": sorted({figures["frames"] for figures in one.rounds}, key=str)}
    for what in ("wall", "cpu"):
        for key, values in ((what + "_seconds", [figures[what] for figures, _ in pairs]),
                            (what + "_ratio", [figures[what] / other[what] for figures, other in pairs])):
            row[key] = dict(zip(("median", "low", "high"), interval(values)))
    return row


def mark_noise(rows):
    """The median of the pipeline against itself; ratios no further from 1, or whose interval holds 1, say nothing."""
    noise = {what: abs(rows[1][what + "_ratio"]["median"] - 1) for what in ("wall", "cpu")}
    for row in rows:
        for what, floor in noise.items():
            ratio = row[what + "_ratio"]
            ratio["within_noise"] = ratio["low"] <= 1 <= ratio["high"] or abs(ratio["median"] - 1) <= floor
    return noise


def shown(figure):
    words = text((figure["median"], figure["low"], figure["high"]))
    return words + " within noise" if figure.get("within_noise") else words


def report(about, rows, noise):
    for key, value in about.items():
        print(f"{key}: {value}")
    print(f"noise floor: the pipeline against itself, wall {100 * noise['wall']:.1f} %, CPU {100 * noise['cpu']:.1f} %\n")
    print("| | wall s [95 %] | CPU s of all processes [95 %] | wall, of the first | CPU, of the first | frames |")
    print("|---|---|---|---|---|---|")
    for number, row in enumerate(rows):
        ratios = ("1", "1") if number == 0 else (shown(row["wall_ratio"]), shown(row["cpu_ratio"]))
        frames = "–".join(str(count) for count in sorted({row["frames"][0], row["frames"][-1]}, key=str)).replace("None", "?")
        cells = (row["name"], shown(row["wall_seconds"]), shown(row["cpu_seconds"]), *ratios, frames)
        print("| " + " | ".join(cells) + " |")
    print("\nCommands:\n")
    for row in rows[:1] + rows[2:]:
        print(f"    # {row['name']}\n    {row['command']}")


def keep(folder, about, rows, noise):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "pipeline.json"), "w", encoding="utf-8") as file:
        json.dump({"schema": 1, "type": "pipelines", "head": about, "noise": noise, "rows": rows}, file, indent=1)
    words = io.StringIO()
    with contextlib.redirect_stdout(words):
        report(about, rows, noise)
    with open(os.path.join(folder, "pipeline.md"), "w", encoding="utf-8") as file:
        file.write("# A pipeline, measured\n\nWritten by `framelane bench --pipeline`.\n\n" + words.getvalue())


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--framelane", required=True)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--against", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--limit", type=float, default=600)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--output")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    if options.pipeline == "transcode":
        more = ["--json", os.path.join(options.output, "pipeline.json")] if options.output else []
        if options.output:
            os.makedirs(options.output, exist_ok=True)
        return transcode.main(["--framelane", options.framelane, "--rounds", str(options.rounds), *more])
    with tempfile.TemporaryDirectory(prefix="framelane-bench-") as folder:
        found = candidates(options, folder)
        play(found, options)
    about = {"machine": transcode.machine(), "framelane": transcode.first_line(options.framelane, "--version"),
             "ffmpeg": transcode.first_line("ffmpeg", "-version"),
             "gstreamer": transcode.first_line("gst-launch-1.0", "--version"), "rounds": options.rounds}
    rows = [row_of(one, found[0]) for one in found]
    noise = mark_noise(rows)
    if options.json:
        for row in rows:
            print(json.dumps(row))
    else:
        report(about, rows, noise)
    if options.output:
        keep(options.output, about, rows, noise)
    counts = {row["name"]: row["frames"] for row in rows}
    differ = [f"{name}: {frames}" for name, frames in counts.items()
              if frames != counts["framelane"] and frames != [None]]
    if differ:
        print(f"framelane bench: not the same frames as the pipeline's {counts['framelane']}: {'; '.join(differ)}", file=sys.stderr)
    return 1 if len(counts["framelane"]) > 1 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
