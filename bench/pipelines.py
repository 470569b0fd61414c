#!/usr/bin/env python3
"""A whole pipeline against other commands that do the same: `framelane bench --pipeline FILE --against 'COMMAND' ...`.

Measured as contest.py says; frames are counted by ffprobe where a command writes {out} (it may add an ending: {out}.mkv), else by
Framelane's own account. The pipeline runs twice a round: what these two differ by is the noise floor. `--pipeline transcode` is the
comparison of transcode.py.
"""
import argparse
import contextlib
import glob
import json
import os
import shlex
import sys
import tempfile

import contest
import transcode
from contest import Contestant, shown, shown_frames


class Output:
    """Files that a command writes where it was told {out}, with whatever ending, and Framelane's account of its run."""

    def __init__(self, folder, number):
        self.out = os.path.join(folder, f"out{number}")
        self.account = os.path.join(folder, f"account{number}") # of Framelane; others write none

    def fill(self, command):
        return command.replace("{out}", self.out).replace("{account}", self.account)

    def files(self):
        return [path for path in glob.glob(glob.escape(self.out) + "*") if os.path.getsize(path) > 0]

    def clean(self):
        for path in [*self.files(), self.account]:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)

    def frames(self):
        """What ffprobe counts in what was written, or what the run itself says; None: nobody can tell."""
        if self.files():
            return sum(contest.count_frames(path) for path in self.files())
        with contextlib.suppress(FileNotFoundError):
            with open(self.account, encoding="utf-8") as file:
                return json.loads(file.read().splitlines()[-1])["frames_out"]
        return None


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


def contestants(options, folder):
    command, lines = own_command(options, folder)
    found = []
    for name in ("framelane", "framelane, again"):
        output = Output(folder, len(found))
        own, template = output.fill(command), os.path.join(folder, "pipeline")
        if lines: # each has a copy of the file that names its own output
            path = f"{template}{len(found)}.ini"
            with open(path, "w", encoding="utf-8") as file:
                file.write(lines.replace("{out}", output.out))
            own = own.replace(template, path)
        as_shown = command.replace(template, shlex.quote(options.pipeline))
        as_shown = as_shown.replace(shlex.quote(options.framelane), "framelane").replace(" --json={account}", "")
        found.append(Contestant(name, own, as_shown, output.frames, output.clean))
    for other in options.against:
        output = Output(folder, len(found))
        found.append(Contestant(f"against {len(found) - 1}: {other.split()[0]}", output.fill(other), other, output.frames,
                                output.clean))
    return found


def report(result):
    noise, rows = result["noise"], result["rows"]
    lines = [f"{key}: {value}" for key, value in result["head"].items()]
    lines += [f"noise floor: the pipeline against itself, wall {100 * noise['wall']:.1f} %, CPU {100 * noise['cpu']:.1f} %", "",
              "| | wall s [95 %] | CPU s of all processes [95 %] | wall, of the first | CPU, of the first | frames |",
              "|---|---|---|---|---|---|"]
    for number, row in enumerate(rows):
        ratios = ("1", "1") if number == 0 else (shown(row, "wall_ratio"), shown(row, "cpu_ratio"))
        cells = (row["name"], shown(row, "wall_seconds"), shown(row, "cpu_seconds"), *ratios, shown_frames(row))
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Commands:", ""]
    for row in rows[:1] + rows[2:]:
        lines += [f"    # {row['name']}", f"    {row['command']}"]
    return "\n".join(lines) + "\n"


def tell(result, as_lines):
    if as_lines:
        for line in ({"schema": 1, "type": "head", **result["head"]}, *result["rows"]):
            print(json.dumps(line))
    else:
        print(report(result), end="")


def keep(folder, result, words):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "pipeline.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    with open(os.path.join(folder, "pipeline.md"), "w", encoding="utf-8") as file:
        file.write("# A pipeline, measured\n\nWritten by `framelane bench --pipeline`.\n\n" + words)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--framelane", required=True)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--against", action="append", default=[])
    parser.add_argument("--clip", help="of --pipeline transcode")
    parser.add_argument("--budget", type=float, default=float("inf"), help="of --pipeline transcode")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--limit", type=float, default=600)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--output")
    return parser.parse_args(arguments)


def measure(options):
    with tempfile.TemporaryDirectory(prefix="framelane-bench-") as folder:
        found = contestants(options, folder)
        try:
            contest.play(found, options.rounds, options.limit, lambda words: print(words, file=sys.stderr))
        except contest.Failed as failure:
            sys.exit(f"framelane bench: {failure}")
    rows = [contest.row_of(one, found[0]) for one in found]
    return {"schema": 1, "type": "pipelines", "head": dict(contest.versions(options.framelane), rounds=options.rounds),
            "noise": contest.mark_noise(rows, rows[1]), "rows": rows, "rounds": {one.name: one.rounds for one in found}}


def say_differences(rows):
    counts = {row["name"]: row["frames"] for row in rows}
    differ = [f"{name}: {frames}" for name, frames in counts.items() if frames != counts["framelane"] and frames != [None]]
    if differ:
        print(f"framelane bench: not the same frames as the pipeline's {counts['framelane']}: {'; '.join(differ)}", file=sys.stderr)


def main(arguments):
    options = parse(arguments)
    contest.leave_nothing()
    if options.pipeline == "transcode":
        words = ["--framelane", options.framelane, "--rounds", str(options.rounds), "--budget", str(options.budget)]
        result = transcode.measure(transcode.parse(words + (["--clip", options.clip] if options.clip else [])))
        teller, words, code = transcode.tell, transcode.report(result), transcode.exit_code(result)
    else:
        result = measure(options)
        teller, words, code = tell, report(result), 1 if len(result["rows"][0]["frames"]) > 1 else 0
        say_differences(result["rows"])
    teller(result, options.json)
    if options.output:
        keep(options.output, result, words)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
