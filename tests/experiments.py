#!/usr/bin/env python3
"""`framelane bench --experiment` measures what it lists, says what follows from its data, and sees a build with a mistake in it.

No time is judged here, nor by the experiments themselves when they are this short; what is counted (copies, bells, frames held) is.
"""
import json
import os
import re
import shutil
import sys
import xml.etree.ElementTree

from harness import FRAMELANE, SANITIZED, Failures, run, scratch

PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "experiment")
KEYS = {"schema", "type", "name", "question", "machine", "rounds", "quick", "disturbed", "broken", "x", "cells", "results",
        "claims", "verdict"}
ORDER = ["holds", "undecided", "refuted"]
# What is built wrong on purpose, the experiment that must see it, and the claim that must fall.
MISTAKES = {
    "copy": ("copies", "a lane copies no frame"),
    "bells": ("wakeups", "a consumer that is awake is not rung"),
    "credits": ("hol", "a consumer that stalls holds no more than its credits"),
}
QUICK = ("--quick", "--rounds", "1", "--json")


def listed():
    return dict(re.findall(r"^(\S+) +(.+)$", run("bench", "--experiment", "list").out, re.M))


def measured(failures, name, *more):
    result = run("bench", "--experiment", name, *QUICK, *more)
    if "left out" in result.err:
        print(result.err.strip())
        return None
    if not failures.check(result.exit == 0 and len(result.lines) == 1, f"{name} {more}: exit {result.exit}: {result.err}"):
        return None
    return result.lines[0]


def check_object(failures, name, question, data):
    failures.check(set(data) == KEYS, f"{name}: keys {sorted(set(data) ^ KEYS)}")
    failures.check((data["name"], data["question"], data["rounds"]) == (name, question, 1), f"{name}: says it is {data['name']}")
    failures.check(data["quick"] is True and data["schema"] == 1 and data["type"] == "experiment", f"{name}: {data['type']}")
    failures.check(data["cells"] and data["claims"], f"{name}: no cells or no claims")
    for cell in data["cells"]:
        failures.check(cell["command"] and cell["figures"], f"{name}: a cell without figures: {cell}")
        for figure, number in cell["figures"].items():
            failures.check(len(number["rounds"]) == 1 and number["low"] <= number["value"] <= number["high"],
                           f"{name}: {cell['series']} at {cell['x']}: {figure}: {number}")
    for claim in data["claims"]:
        timed = claim["kind"] == "time"
        failures.check(claim["verdict"] == "undecided" if timed else claim["verdict"] in ("holds", "refuted"),
                       f"{name}: one quick round: {claim}")
        failures.check(claim["claim"] and claim["because"].endswith("."), f"{name}: {claim}")
    worst = max((claim["verdict"] for claim in data["claims"]), key=ORDER.index)
    failures.check(data["verdict"] == worst, f"{name}: the verdict is {data['verdict']}, its claims say {worst}")


def counted(data):
    return {claim["claim"]: claim["verdict"] for claim in data["claims"] if claim["kind"] == "count"}


def read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return file.read()


def check_files(failures, name, data, folder):
    text, page = read(folder, name + ".md"), read(PAGES, name + ".md")
    failures.check(json.loads(read(folder, name + ".json")) == data, f"{name}: the file and what was printed differ")
    for heading in ("## What theory says", "## How it is measured", "## What would refute it"):
        failures.check(heading in page, f"{name}.md has no '{heading}'")
    failures.check(text.startswith(page) and f"## Verdict: {data['verdict']}" in text, f"{name}.md: page or verdict is missing")
    if shutil.which("gnuplot") is None:
        return
    plots = re.findall(r"!\[(.*)\]\(\1\.svg\)", text)
    failures.check(name in plots, f"{name}: plots {plots}")
    for plot in plots:
        root = xml.etree.ElementTree.parse(os.path.join(folder, plot + ".svg")).getroot()
        failures.check(root.tag.endswith("svg") and "".join(root.itertext()).strip(), f"{plot}.svg holds no words")
        with open(os.path.join(folder, plot + ".png"), "rb") as file:
            failures.check(file.read(8) == b"\x89PNG\r\n\x1a\n", f"{plot}.png is no PNG")


def check_mistakes(failures, found):
    for mistake, (name, claim) in MISTAKES.items():
        if name not in found:
            continue
        failures.check(counted(found[name]).get(claim) == "holds", f"{name}: '{claim}': {counted(found[name])}")
        data = measured(failures, name, "--broken", mistake)
        if data:
            failures.check(data["broken"] == mistake and data["verdict"] == "refuted" and counted(data).get(claim) == "refuted",
                           f"{name} does not see the mistake '{mistake}': {data['claims']}")


def check_words(failures):
    for words in (["nothing"], ["list", "more"], ["aba", "--broken", "legs"], ["aba", "--rounds", "-1"]):
        result = run("bench", "--experiment", *words)
        failures.check(result.exit == 2 and "--help" in result.err, f"{' '.join(words)}: exit {result.exit}: {result.err}")
    with scratch() as folder:
        environment = dict(os.environ, PATH=folder)
        result = run("bench", "--experiment", "aba", *QUICK, "-o", folder, env=environment)
        failures.check(result.exit == 0 and "gnuplot-nox" in result.err and os.listdir(folder),
                       f"without gnuplot: exit {result.exit}: {result.err}")


def main():
    failures = Failures()
    questions, found = listed(), {}
    failures.check(len(questions) >= 9, f"{FRAMELANE} lists {sorted(questions)}")
    with scratch() as folder:
        for name, question in questions.items():
            if SANITIZED and name == "copies":
                continue  # counts with a library loaded ahead of the sanitizer's own
            data = measured(failures, name, "-o", folder)
            if data is None:
                continue
            found[name] = data
            check_object(failures, name, question, data)
            check_files(failures, name, data, folder)
            failures.check("refuted" not in counted(data).values(), f"{name}: {data['claims']}")
    check_mistakes(failures, found)
    check_words(failures)
    print(f"{len(found)} experiments")
    failures.finish()


if __name__ == "__main__":
    sys.exit(main())
