#!/usr/bin/env python3
"""`framelane bench --micro` answers every question it lists, in rows that say what they rest on; a missed target is no error.

No figure is judged here: a round is far too short for that, and this machine may be busy.
"""
import json
import math
import re

from harness import Failures, run

KEYS = {"question", "value", "floor", "ratio", "target", "ok", "low", "high", "rounds", "unit", "bound", "note"}


def listed():
    """The names of the experiments, and their questions."""
    text = run("bench", "--micro", "--list").out.split("\nwith --sweep:")[0]
    rows = re.findall(r"^(\S*) +(.+?)(?:: .*)?$", text, re.M)
    names, name = {}, ""
    for first, question in rows:
        name = first or name
        names.setdefault(name, []).append(question)
    return names


def check_row(failures, row):
    question = row.get("question", "?")
    failures.check(set(row) == KEYS, f"{question}: keys {sorted(set(row) ^ KEYS)}")
    failures.check(row["rounds"] == 1 and isinstance(row["ok"], bool) and row["unit"], f"{question}: {row}")
    failures.check(row["low"] <= row["high"] and math.isfinite(row["value"]), f"{question}: {row}")
    ratio, target = row["ratio"], row["target"]
    if ratio is not None:
        ways = (row["value"] / row["floor"], row["floor"] / row["value"])
        failures.check(any(math.isclose(ratio, way, rel_tol=1e-4) for way in ways), f"{question}: a ratio of something else: {row}")
    judged = row["value"] if ratio is None else ratio
    held = target is None or (judged <= target if row["bound"] == "at most" else judged >= target)
    failures.check(row["ok"] == held, f"{question}: says ok = {row['ok']}: {row}")


def check_measuring(failures):
    names = listed()
    result = run("bench", "--micro", "--rounds", "1", "--quick", "--json")
    failures.check(result.exit == 0, f"exit {result.exit}: {result.err}")
    rows = [json.loads(line) for line in result.out.splitlines()]
    for row in rows:
        check_row(failures, row)
    left_out = set(re.findall(r"^framelane bench: (\S+): left out: ", result.err, re.M))
    answered = {row["question"] for row in rows}
    for name, questions in names.items():
        for question in questions:
            failures.check((question in answered) != (name in left_out), f"'{question}' has neither a row nor a reason, or both")
    failures.check(len(names) > 10 and len(rows) == len(answered), f"{len(rows)} rows for {len(answered)} questions")
    print(f"{len(rows)} rows, {len(left_out)} left out")


def check_words(failures):
    text = run("bench", "--micro", "--quick", "--rounds", "1", "--only", "spin-poll").out
    failures.check(re.search(r"^spinning handoff, p50 .* (ok|MISSED)$", text, re.M) or "left out" in text, f"the table: {text}")
    sweep = run("bench", "--micro", "--quick", "--rounds", "1", "--sweep", "--only", "batch")
    failures.check(sweep.exit == 0, f"--sweep: exit {sweep.exit}: {sweep.err}")
    for words in (["--micro", "--only", "nothing-of-the-kind"], ["--micro", "--rounds", "-1"], ["--micro", "more"],
                  ["--micro", "--size", "4K"]):
        result = run("bench", *words)
        failures.check(result.exit == 2 and "--help" in result.err, f"bench {' '.join(words)}: exit {result.exit}: {result.err}")


def main():
    failures = Failures()
    check_measuring(failures)
    check_words(failures)
    failures.finish()


if __name__ == "__main__":
    main()
