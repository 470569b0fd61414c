#!/usr/bin/env python3
"""Runs the Promela models of the transport protocol and their mutants with spin, on all cores there are.

usage: models.py [--long [SECONDS]] [MODEL...]

Every model of this folder says in its first comment what is run:
    run NAME: FLAGS                the model holds: no assertion fails, nobody waits for ever, every statement is reached
    long NAME: FLAGS               the same with larger constants, only with --long
    mutant NAME (RUN): WHAT        that run with -DNAME, one rule broken: an error must be found
FLAGS are -D switches; `progress` among them looks for cycles without progress instead (someone busy for ever with nothing).

--long runs what is said under `long` until SECONDS (600 unless told) are over: a search that was not finished by then is reported
as such and has found nothing wrong so far. Exit 0: all models hold and all mutants are caught; 77: spin or gcc is missing.
"""
import collections
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SHORT_LIMIT_S = 50  # one search; the whole takes less
MEMORY_MB = 6000

Job = collections.namedtuple("Job", "model name flags progress mutant what seconds")
Result = collections.namedtuple("Result", "job error states depth seconds cut unreached")
ERROR = re.compile(r"^pan:\d+: (.*?)(?: \(at depth \d+\))?$", re.M)
REAL = ("assertion violated", "invalid end state", "non-progress cycle", "acceptance cycle")


def split_flags(text):
    words = text.split()
    return tuple(word for word in words if word != "progress"), "progress" in words


def jobs_of(path, seconds):
    """What the first comment of a model asks for; `seconds` (or 0) for the long searches only."""
    model = os.path.basename(path)[:-len(".pml")]
    head = open(path).read().split("*/", 1)[0]
    runs = {}
    for kind, name, text in re.findall(r"^ \* (run|long) ([^:]+): *(.*)$", head, re.M):
        flags, progress = split_flags(text)
        runs[name] = (flags, progress)
        if (kind == "long") == bool(seconds):
            yield Job(model, name, flags, progress, None, "", seconds or SHORT_LIMIT_S)
        if kind == "run":
            runs[name] = (flags, progress)
    if seconds:
        return
    short = {name: split_flags(text) for name, text in re.findall(r"^ \* run ([^:]+): *(.*)$", head, re.M)}
    for mutant, name, what in re.findall(r"^ \* mutant (\w+) \(([^)]+)\): *(.*)$", head, re.M):
        flags, progress = short[name]
        yield Job(model, name, flags + ("-D" + mutant,), progress, mutant, what, SHORT_LIMIT_S)


def call(command, where, limit=None):
    done = subprocess.run(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          timeout=limit)
    return done.stdout, done.returncode


def build(job, where):
    """Makes ./pan, the search of one model, or says why it cannot."""
    text, status = call(["spin", "-a", *job.flags, os.path.join(HERE, job.model + ".pml")], where)
    if status != 0 or not os.path.exists(os.path.join(where, "pan.c")):
        return "spin: " + text.strip()
    if job.seconds > SHORT_LIMIT_S:
        compiler = ["gcc", "-O2"]
    else:  # a short search is over before a better one is compiled, and clang takes half of gcc's time for that
        compiler = ["clang" if shutil.which("clang") else "gcc", "-O0"]
    purpose = ["-DNP", "-DNOFAIR"] if job.progress else ["-DSAFETY"]
    text, status = call([*compiler, "-w", *purpose, f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"], where)
    return compiler[0] + ": " + text.strip() if status != 0 else None


def expanded(job):
    """The model with its macros expanded and the words beside its assertions kept, a pair of line and text each."""
    with open(os.path.join(HERE, job.model + ".pml")) as source:
        marked = "".join(re.sub(r"assert\((.*)\);?.*/\* (.*?) \*/.*", rf'@{line}@ \1 @"\2"', text)
                         for line, text in enumerate(source, 1))
    done = subprocess.run(["gcc", "-E", "-P", "-x", "c", "-w", *job.flags, "-I", HERE, "-"], input=marked, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return re.findall(r'@(\d+)@ (.*?) @"(.*?)"', done.stdout, re.S)


def plain(expression):
    return re.sub(r"[()\s]", "", expression.replace("->", "?"))


def pattern(expression):
    """Matches what spin makes of an expression: parameters of an inline have become something else."""
    return "".join(r"[\w.\[\]]+" if re.match(r"[A-Za-z_]", part) else re.escape(part)
                   for part in re.findall(r"[A-Za-z_]\w*|\d+|.", plain(expression)))


def promise_broken(job, where, said):
    """The words beside the assertion that failed: found by its text and, where several say the same, by where the search ended."""
    known = expanded(job)
    same = [(line, words) for line, expression, words in known if plain(expression) == plain(said)] or \
           [(line, words) for line, expression, words in known if re.fullmatch(pattern(expression), plain(said))]
    if len(same) > 1:
        text, _ = call(["./pan", "-r", job.model + ".pml.trail"], where, 60)
        ends = re.findall(r"\.pml:(\d+) \(state +\d+\).*\n\t\tassert", text)
        same = [(line, words) for line, words in same if line in ends] or same
    return f"{same[0][1]} ({job.model}.pml:{same[0][0]})" if same else None


def explain(job, where, text):
    found = ERROR.search(text)
    if not found:
        return None
    said = found.group(1)
    if said.startswith("assertion violated"):
        return promise_broken(job, where, said[len("assertion violated "):]) or said
    return {"invalid end state": "nobody waits for ever",
            "non-progress cycle": "nobody is busy for ever with nothing"}.get(said, said)


def number(pattern, text):
    found = re.search(pattern, text)
    return int(float(found.group(1))) if found else 0


def search(job, where):
    began = time.monotonic()
    command = ["timeout", "-s", "INT", str(job.seconds), "./pan", "-m1000000", "-w20"] + (["-l"] if job.progress else [])
    text, _ = call(command, where)
    complete = "Search not completed" not in text and "max search depth too small" not in text and "errors: 0" in text
    error = explain(job, where, text)
    real = ERROR.search(text) and ERROR.search(text).group(1).startswith(REAL)
    if error and not real:
        error = "no verdict: " + error
    if not error and not complete and "Interrupted" not in text:
        error = "no verdict: " + text.strip()[-300:]
    return Result(job, error, number(r"([0-9.e+]+) states, stored", text), number(r"depth reached (\d+)", text),
                  time.monotonic() - began, not complete and not error, unreached(text, where))


def unreached(text, where):
    """Lines no execution came to, in none of their copies: a model that never does what it is about proves nothing."""
    lines = re.findall(r"^\t(\S+\.pml:\d+), state \d+, \"(.*)\"$", text, re.M)
    missed = collections.Counter(line for line, what in lines if what != "-end-")
    if not missed:
        return []
    listing, _ = call(["./pan", "-d"], where)
    copies = collections.Counter(re.findall(r"^\tstate +\d+ -\(tr.* (\S+\.pml:\d+) => ", listing, re.M))
    return [f"{os.path.basename(line)}: {what}" for line, what in dict(lines).items() if missed[line] >= copies[line] > 0]


def run(job, top):
    where = tempfile.mkdtemp(prefix=job.model + "-", dir=top)
    error = build(job, where)
    result = Result(job, "no verdict: " + error, 0, 0, 0.0, False, []) if error else search(job, where)
    shutil.rmtree(where)
    return result


def caught(result):
    return bool(result.error) and not result.error.startswith("no verdict")


def good(result):
    if result.job.mutant:
        return caught(result)
    long_cut = result.cut and result.job.seconds > SHORT_LIMIT_S
    return not result.error and (long_cut or (not result.cut and not result.unreached))


def report(result):
    job = result.job
    if job.mutant:
        words = f"caught: {result.error}" if caught(result) else result.error or "PASSES: nothing in this model needs the rule"
        return f"  {job.model:<18} {job.mutant:<28} {words}"
    words = "holds" if good(result) and not result.cut else "holds so far" if good(result) else "FAILS"
    lines = [f"  {job.model:<18} {job.name:<28} {words}: {result.states} states, depth {result.depth}, {result.seconds:.1f} s"]
    if not good(result):
        unreached = "never reached: " + "; ".join(result.unreached[:5])
        lines.append(f"    {result.error or ('not finished' if result.cut else unreached)}")
    return "\n".join(lines)


def run_all(jobs):
    results = []
    top = tempfile.mkdtemp(prefix="framelane-models-")
    try:
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for done in concurrent.futures.as_completed([pool.submit(run, job, top) for job in jobs]):
                results.append(done.result())
                print(report(results[-1]), flush=True)
    finally:
        shutil.rmtree(top)
    return results


def summary(results):
    models = {result.job.model for result in results if not result.job.mutant}
    broken = {result.job.model for result in results if not result.job.mutant and not good(result)}
    mutants = [result for result in results if result.job.mutant]
    states = sum(result.states for result in results if not result.job.mutant)
    kills = sum(good(result) for result in mutants)
    tail = f", {kills} of {len(mutants)} mutants caught" if mutants else ""
    return f"{len(models - broken)} models hold{f' of {len(models)}' if broken else ''}{tail}, {states / 1e6:.1f} M states"


def arguments(words):
    seconds = 0
    if words[:1] == ["--long"]:
        words = words[1:]
        seconds = int(words.pop(0)) if words and words[0].isdigit() else 600
    return seconds, words


def main():
    seconds, names = arguments(sys.argv[1:])
    for tool in ("spin", "gcc"):
        if not shutil.which(tool):
            print(f"skipped: {tool} is not installed (Debian: {tool})")
            return 77
    paths = [path for path in sorted(glob.glob(os.path.join(HERE, "*.pml"))) if os.path.basename(path) != "core.pml"]
    jobs = [job for path in paths for job in jobs_of(path, seconds) if not names or job.model in names]
    if seconds and jobs:
        share = max(SHORT_LIMIT_S + 1, seconds * len(os.sched_getaffinity(0)) // len(jobs))
        jobs = [job._replace(seconds=share) for job in jobs]
    jobs.sort(key=lambda job: job.mutant is not None)  # the long ones first
    began = time.monotonic()
    results = run_all(jobs)
    print(f"{summary(results)}, {time.monotonic() - began:.0f} s")
    return 0 if results and all(good(result) for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
