#!/usr/bin/env python3
"""What the help says is so: its verbs, options, examples and kinds exist, and what it calls not built yet is an error."""
import json
import re

from harness import Failures, run, scratch

# Every option of `run --help`, as one may write it.
OPTIONS = {
    "--view": ["--view", "pattern"],
    "--name": ["--name", "cam1"],
    "--expression": [],  # stands in every line below
    "--set": ["--set", "pattern.frames=3"],
    "--transport": ["--transport", "pipe"],
    "--frames": ["--frames", "3"],
    "--for": ["--for", "10s"],
    "--max-drop": ["--max-drop", "1%"],
    "--json": ["--json"],
    "--drop-log": ["--drop-log", "drops"],
    "--trace": ["--trace", "trace.json"],
    "--metrics": ["--metrics", "9100"],
    "--quiet": ["--quiet"],
    "--verbose": ["--verbose"],
    "--dry-run": ["--dry-run"],
}


def check_verbs(failures):
    text = run("--help").out
    verbs = re.findall(r"^  ([a-z]+)\b", text.split("for example:")[0], re.M)
    failures.check(len(verbs) >= 4, f"--help lists the verbs {verbs}")
    for verb in verbs:
        result = run(verb, "--help")
        failures.check(result.exit == 0 and result.out.startswith(f"usage: framelane {verb}"), f"{verb} --help: {result.out[:80]}")
    later = re.search(r"^not built yet: (.*)$", text, re.M)
    for verb in later.group(1).split(", ") if later else []:
        result = run(verb)
        failures.check(result.exit == 2 and "not built yet" in result.err, f"{verb}: exit {result.exit}: {result.err}")
    for line in re.findall(r"^  framelane run -e '(.*)'$", text, re.M):
        check_example(failures, "--help", line)


def check_options(failures):
    text = run("run", "--help").out
    listed = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", text))
    failures.check(listed == set(OPTIONS), f"run --help lists {sorted(listed ^ set(OPTIONS))} otherwise than this test")
    for words in OPTIONS.values():
        result = run("run", "-e", "pattern ! null", "--dry-run", *words)
        failures.check(result.exit == 0, f"run {' '.join(words)}: exit {result.exit}: {result.err}")


def check_example(failures, where, expression):
    with scratch() as directory:
        result = run("run", "--dry-run", "-e", expression, cwd=directory)
    failures.check(result.exit == 0, f"{where}: the example '{expression}' is not valid: {result.err}")


def check_kinds(failures):
    kinds = json.loads(run("inspect", "--json").out)["kinds"]
    text = run("inspect").out
    for kind in kinds:
        name = kind["name"]
        failures.check(re.search(rf"^{name} ", text, re.M), f"inspect does not list {name}")
        shown = run("inspect", name)
        failures.check(shown.exit == 0 and shown.out.startswith(f"{name}:"), f"inspect {name}: {shown.out[:80]}")
        if kind["built"]:
            check_example(failures, f"inspect {name}", kind["example"].split(" | ")[0])
        else:
            result = run("run", "--dry-run", "-e", f"pattern ! {name}")
            failures.check(result.exit == 3 and "not built yet" in result.err, f"{name}: exit {result.exit}: {result.err}")


def check_later_keys(failures):
    """A documented key that is not built yet is refused, never silently taken."""
    keys = re.findall(r"^  ([a-z-]+) .*\(not built yet\)$", run("inspect", "null").out, re.M)
    for key in keys:
        result = run("run", "--dry-run", "-e", f"pattern ! null {key}=1")
        failures.check(result.exit == 3 and "not built yet" in result.err, f"{key}: exit {result.exit}: {result.err}")
    failures.check(run("--version").out.startswith("framelane "), "--version says something else")


def main():
    failures = Failures()
    check_verbs(failures)
    check_options(failures)
    check_kinds(failures)
    check_later_keys(failures)
    failures.finish()


if __name__ == "__main__":
    main()
