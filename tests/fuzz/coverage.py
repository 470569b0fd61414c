#!/usr/bin/env python3
"""Every branch of the lane and pool core is taken by some test, but for the few that coverage-exclusions names with a reason.

usage: coverage.py SOURCE-DIRECTORY BUILD-DIRECTORY
Builds the transport and its tests with --coverage in a folder of its own, runs the tests of suite `transport` and those of suite
`proof` that fail its calls, and asks gcov. Prints branches taken and branches there are, per file, and each that was never taken.
"""
import collections
import json
import os
import shutil
import subprocess
import sys
import time

CORE = ["core.h", "internal.h", "lane.c", "take.c", "output.c", "output-lane.c", "pool.c", "context.c", "wait.c", "sleep.c",
        "frame.c", "shm.c", "huge.c", "bell.c", "latest.c"]
ALSO = {"every call fails, and nothing is left behind"}
MOST_EXCLUSIONS = 5
PATIENCE_S = 150


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", **more)
    return done.returncode, done.stdout + done.stderr


def must(command, **more):
    status, said = run(command, **more)
    if status != 0:
        sys.exit(f"{' '.join(command)[:400]}\n{said[-4000:]}")
    return said


# ---- build and run ----

def prepare(source, folder):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        must(["meson", "setup", folder, source, "-Db_coverage=true", "-Doptimization=0", "-Dc_args=-DTESTS_COVERAGE"])
    else:
        must(["ninja", "-C", folder, "build.ninja"])
    tests = [test for test in json.loads(must(["meson", "introspect", folder, "--tests"]))
             if any(suite.endswith("transport") for suite in test["suite"]) or test["name"] in ALSO]
    programs = sorted({os.path.relpath(word, folder) for test in tests for word in test["cmd"] if word.startswith(folder + os.sep)})
    must(["ninja", "-C", folder, *programs])
    for base, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".gcda"):
                os.remove(os.path.join(base, name))
    return tests


def run_tests(tests, folder):
    """Names of those that failed. Two at a time, each with its own patience."""
    failed, running, waiting = [], [], list(tests)
    while running or waiting:
        while waiting and len(running) < 2:
            test = waiting.pop(0)
            environment = dict(os.environ, **test.get("env", {}))
            process = subprocess.Popen(test["cmd"], cwd=test.get("workdir") or folder, env=environment,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            running.append((test, time.monotonic(), process))
        for entry in list(running):
            test, began, process = entry
            try:
                status = process.wait(0.02)
            except subprocess.TimeoutExpired:
                if time.monotonic() - began < PATIENCE_S:
                    continue
                process.kill()
                status = process.wait()
            running.remove(entry)
            if status not in (0, 77):
                failed.append(test["name"])
    return failed


# ---- what gcov says ----

def branches_of(source, folder):
    """file -> line -> counts of its branches, added up over all files that it was compiled into."""
    found = collections.defaultdict(dict)
    for base, _, names in os.walk(folder):
        for name in sorted(names):
            if not name.endswith(".gcda") or "transport" not in os.path.join(os.path.relpath(base, folder), name):
                continue
            text = must(["gcov", "--json-format", "--stdout", "--branch-probabilities", os.path.join(base, name)], cwd=base)
            for report in text.splitlines():
                for entry in json.loads(report)["files"]:
                    path = os.path.realpath(os.path.join(json.loads(report)["current_working_directory"], entry["file"]))
                    if os.path.dirname(path) == os.path.join(source, "transport"):
                        add(found[os.path.basename(path)], entry["lines"])
    return found


def add(lines, entries):
    for line in entries:
        counts = [branch["count"] for branch in line["branches"] if not branch["throw"]]
        key = (line["line_number"], line.get("function_name", ""))
        known = lines.setdefault(key, [0] * len(counts))
        if len(known) == len(counts):
            lines[key] = [a + b for a, b in zip(known, counts)]


# ---- exclusions ----

def exclusions(path):
    """(file, text of the line, reason) of each paragraph `file: text` followed by indented lines that say why."""
    entries = []
    with open(path, encoding="utf-8") as words:
        for line in words:
            if line.startswith("#") or not line.strip():
                continue
            if line[0] != " ":
                name, text = line.rstrip("\n").split(": ", 1)
                entries.append([name, text, ""])
            elif entries:
                entries[-1][2] += " " + line.strip()
    return entries


# ---- what is said of it ----

class Judge:
    def __init__(self, source):
        self.source = source
        self.excluded = exclusions(os.path.join(source, "tests/fuzz/coverage-exclusions"))
        self.problems, self.taken, self.there, self.stand = [], 0, 0, set()

    def is_excluded(self, name, line):
        return any(file == name and text in line for file, text, _ in self.excluded)

    def look_at(self, name, found):
        with open(os.path.join(self.source, "transport", name), encoding="utf-8") as text:
            lines = text.read().split("\n")
        taken = there = left_out = 0
        for index, (file, text, _) in enumerate(self.excluded):
            if file == name and any(text in line for line in lines):
                self.stand.add(index)
        for (number, _), counts in sorted(found.items()):
            line, missed = lines[number - 1], [f"{index + 1} of {len(counts)}" for index, count in enumerate(counts) if count == 0]
            taken += len(counts) - len(missed)
            there += len(counts)
            if missed and self.is_excluded(name, line):
                left_out += len(missed)
            elif missed and name in CORE:
                self.problems.append(f"transport/{name}:{number}: never taken, {', '.join(missed)}: {line.strip()}")
        print(f"{name:<16} {taken:>4} of {there:<4} branches{f', {left_out} excluded' if left_out else ''}"
              f"{'' if name in CORE else '  (not core: for information)'}")
        if name in CORE:
            self.taken, self.there = self.taken + taken + left_out, self.there + there

    def verdict(self, failed):
        for file, text, reason in self.excluded:
            print(f"excluded: {file}: {text}:{reason}")
        self.problems += [f"test failed under --coverage: {name}" for name in failed]
        self.problems += [f"an exclusion of nothing: {file}: {text}" for index, (file, text, _) in enumerate(self.excluded)
                          if index not in self.stand]
        if len(self.excluded) > MOST_EXCLUSIONS:
            self.problems.append(f"{len(self.excluded)} exclusions, at most {MOST_EXCLUSIONS}")
        print("\n".join(self.problems))
        return 1 if self.problems else 0


def main(source, build):
    for tool in ("gcc", "gcov", "meson", "ninja"):
        if not shutil.which(tool):
            print(f"skipped: {tool} is not installed")
            return 77
    began = time.monotonic()
    folder = os.path.join(build, "coverage")
    tests = prepare(source, folder)
    failed = run_tests(tests, folder)
    found = branches_of(source, folder)
    judge = Judge(source)
    for name in CORE + sorted(set(found) - set(CORE)):
        if name in found:
            judge.look_at(name, found[name])
    print(f"lane and pool core: {judge.taken} of {judge.there} branches taken or excluded, "
          f"{100 * judge.taken / max(judge.there, 1):.2f} %; {len(tests)} tests, {time.monotonic() - began:.1f} s")
    return judge.verdict(failed)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(os.path.realpath(sys.argv[1]), os.path.abspath(sys.argv[2])))
