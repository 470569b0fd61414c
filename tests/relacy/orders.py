#!/usr/bin/env python3
"""The lane core under Relacy: it keeps its promises, and every memory order in it is needed.

usage: orders.py SOURCE-DIRECTORY BUILD-DIRECTORY [--soak [SECONDS]]

Builds the programs of this folder around transport/core.h, lets every suite run (at random, and small ones through all executions),
then takes each order that core.h states weaker, one at a time, and asks that a suite fails. With --soak nothing is weakened: the
suites share SECONDS (60), from another first execution each time. Exits with 77 where there is no Relacy or no g++.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time

PROGRAMS = ("ring", "through", "doorbell", "slots", "many", "events")
ITERATIONS = 200_000
SOAK_ITERATIONS = 100_000_000
MUTANT_ITERATIONS = 100_000
FLAGS = ("-std=c++17", "-O1", "-Wall", "-Wextra", "-Wno-unused-function", '-DFL_MODEL="model-atomic.hpp"')

WEAKER = {
    ("fence", "SEQ_CST"): ("acq_rel", "release", "acquire", "relaxed"),
    ("fence", "ACQ_REL"): ("release", "acquire", "relaxed"),
    ("load", "SEQ_CST"): ("acquire", "relaxed"),
    ("store", "SEQ_CST"): ("release", "relaxed"),
}
PLACES = {1: "before the producer sleeps", 2: "before the consumer sleeps", 3: "before the producer looks whether to ring",
          4: "before the consumer looks whether to ring"}

ACCESS = re.compile(r"\bfl_(load|store|fence)\s*\(")
STRICT = re.compile(r"\bFL_(ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)\b")
EDGE = re.compile(r"\b[A-Z][01]\b|(?<=of )[A-Z]\b")


class Order:
    """One access of core.h that is not relaxed."""

    def __init__(self, line, function, kind, order, edge):
        self.line, self.function, self.kind, self.order, self.edge = line, function, kind, order, edge

    def weakenings(self):
        return WEAKER.get((self.kind, self.order), ("relaxed",))


def call_ends(text, start):
    """Where the parenthesis that opens at `start` closes."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return len(text)


def comment_above(lines, number):
    """The comment that ends right above a function which holds line `number`."""
    while number > 0 and not lines[number].startswith("static inline"):
        number -= 1
    first = number
    while first > 0 and not lines[first - 1].strip() == "":
        first -= 1
    return " ".join(lines[first:number])


def orders_of(path):
    """Every strict order of core.h, and what is wrong with how they are written."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    code = re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match.group()), text, flags=re.S)
    lines = text.split("\n")
    found, problems = [], []
    for match in ACCESS.finditer(code):
        call = code[match.start():call_ends(code, match.end() - 1) + 1]
        strict = STRICT.findall(call)
        if not strict:
            continue
        number = code.count("\n", 0, match.start())
        if "\n" in call or any(order.line == number + 1 for order in found):
            problems.append(f"core.h:{number + 1}: one access that is not relaxed a line, please, on one line")
        heads = re.findall(r"^static inline .*?(\w+)\(", code[:match.start()], re.M)
        edge = EDGE.search(lines[number]) or EDGE.search(comment_above(lines, number))
        found.append(Order(number + 1, heads[-1], match.group(1), strict[0], edge.group() if edge else "?"))
    if len(found) != len(STRICT.findall(code)):
        problems.append("core.h: an order that stands in no fl_load, fl_store or fl_fence")
    problems += [f"core.h:{order.line}: no edge is named" for order in found if order.edge == "?"]
    return found, problems


def strays(transport):
    """Orders of shared words outside core.h, where no model sees them."""
    for name in sorted(os.listdir(transport)):
        if name.endswith((".c", ".h")) and name not in ("core.h", "atomic.h"):
            with open(os.path.join(transport, name), encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    if STRICT.search(line):
                        yield f"transport/{name}:{number}: a memory order outside core.h"


def build(here, transport, folder):
    """Compiles the programs; returns what the compiler said of those that failed."""
    def one(name):
        command = ["g++", *FLAGS, "-I", transport, "-I", here, os.path.join(here, name + ".cpp"), "-o", os.path.join(folder, name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stderr if done.returncode else ""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        return [said for said in workers.map(one, PROGRAMS) if said]


def run(folder, program, *arguments):
    """The suites' results, a dictionary each; a program that died is a result too."""
    done = subprocess.run([os.path.join(folder, program), *map(str, arguments)], capture_output=True, text=True, check=False)
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode not in (0, 1):
        results.append({"suite": "?", "result": f"{program} died with {done.returncode}", "iterations": 0, "distinct": 0,
                        "preemptions": -1, "seconds": 0, "reached": [], "fences": []})
    for result in results:
        result["program"], result["said"] = program, done.stderr
    return results


def run_all(folder, jobs):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        return [result for results in workers.map(lambda job: run(folder, *job), jobs) for result in results]


def suites_of(folder):
    return [(result["program"], result["suite"]) for program in PROGRAMS for result in run(folder, program, "--iterations", 1)]


def print_suites(results):
    print(f"{'program':10}{'suite':22}{'executions':>12}{'distinct':>12}  {'how':34}{'seconds':>8}  result")
    for result in results:
        bound = result["preemptions"]
        how = "at random" if bound < 0 else "all there are"
        if 0 < bound < 99:
            how = f"all with at most {bound} preemption{'s' if bound > 1 else ''}"
        print(f"{result['program']:10}{result['suite']:22}{result['iterations']:12,}{result['distinct']:12,}  {how:34}"
              f"{result['seconds']:8.1f}  {result['result']}")
        if result["result"] != "SUCCESS":
            print("\n".join([line for line in result["said"].split("\n") if " in zero, " not in line][-400:]))
    total, distinct = (sum(result[key] for result in results) for key in ("iterations", "distinct"))
    print(f"{total:,} interleavings explored, {distinct:,} different ones")


def prove_promises(folder):
    """Runs every suite as the C is: small ones through all executions, and all of them at random."""
    suites = suites_of(folder)
    results = run_all(folder, [(program, "--search") for program in PROGRAMS])
    results += run_all(folder, [(program, "--iterations", ITERATIONS, suite) for program, suite in suites])
    print_suites(results)
    return results


def soak(folder, seconds):
    suites = suites_of(folder)
    share = seconds * (os.cpu_count() or 1) / len(suites)
    first = time.time_ns()
    print(f"from execution {first} on (--first)")
    limits = ("--first", first, "--iterations", SOAK_ITERATIONS, "--seconds", share)
    results = run_all(folder, [(program, *limits, suite) for program, suite in suites])
    print_suites(results)
    return results


def catch(folder, what, suites):
    """The first suite that fails when `what` is weakened, or None."""
    for program, suite in suites:
        for result in run(folder, program, "--quiet", "--iterations", MUTANT_ITERATIONS, "--weaken", what, suite):
            if result["result"] != "SUCCESS":
                return result
    return None


def judge(folder, mutants):
    """`mutants`: (words, what, suites). Prints a row each and returns how many were caught."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        caught = list(workers.map(lambda mutant: catch(folder, mutant[1], mutant[2]), mutants))
    for (words, _, _), result in zip(mutants, caught):
        by = (f"{result['program']}/{result['suite']} after {result['iterations']:,}: {result['result'].lower()}"
              if result else "NOT CAUGHT")
        print(f"{words}  {by}")
    return sum(result is not None for result in caught)


def reaching(results, key, what):
    """Suites that come by, smallest first."""
    random = [result for result in results if result["preemptions"] < 0 and what in result[key]]
    return [(result["program"], result["suite"]) for result in sorted(random, key=lambda result: result["distinct"])]


def judge_orders(folder, orders, results):
    print(f"\n{'core.h':>7}  {'function':18}{'access':7}{'edge':5}{'order':9}{'weakened':10}  caught by, after how many executions")
    mutants = [(f"{order.line:7}  {order.function:18}{order.kind:7}{order.edge:5}{order.order.lower():9}"
                f"{'removed' if (order.kind, weak) == ('fence', 'relaxed') else weak:10}",
                f"{order.line}={weak}", reaching(results, "reached", order.line))
               for order in orders for weak in order.weakenings()]
    caught = judge(folder, mutants)
    print(f"{caught} of {len(mutants)} weakened orders caught ({len(orders)} orders in core.h)")
    return caught == len(mutants)


def judge_places(folder, results):
    print("\nthe full fence of the doorbells, weakened in one of its four places alone")
    mutants = [(f"{words:42}{'removed' if weak == 'relaxed' else weak:9}", f"fence:{place}={weak}",
                reaching(results, "fences", place))
               for place, words in PLACES.items() for weak in WEAKER["fence", "SEQ_CST"]]
    caught = judge(folder, mutants)
    print(f"{caught} of {len(mutants)} one-sided fences caught")
    return caught == len(mutants)


def unreached(orders, results):
    reached = {line for result in results for line in result["reached"]}
    known = {order.line for order in orders}
    yield from (f"core.h:{order.line}: {order.function} is reached by no suite" for order in orders if order.line not in reached)
    yield from (f"line {line}: an order outside core.h was executed" for line in sorted(reached - known))


def skip_reason():
    if not shutil.which("g++"):
        return "no g++"
    probe = subprocess.run(["g++", "-x", "c++", "-E", "-"], input="#include <relacy/relacy.hpp>\n", capture_output=True, text=True,
                           check=False)
    return "" if probe.returncode == 0 else "no Relacy (Debian package relacy-dev)"


def main(source, folder, seconds):
    reason = skip_reason()
    if reason:
        print(f"skipped: {reason}")
        return 77
    begun = time.monotonic()
    transport = os.path.join(source, "transport")
    folder = os.path.join(folder, "soak" if seconds else "proof")
    os.makedirs(folder, exist_ok=True)
    orders, problems = orders_of(os.path.join(transport, "core.h"))
    problems += strays(transport)
    problems += build(os.path.join(source, "tests", "relacy"), transport, folder)
    if not problems:
        results = soak(folder, seconds) if seconds else prove_promises(folder)
        problems += [f"{result['program']}/{result['suite']}: {result['result']}" for result in results
                     if result["result"] != "SUCCESS"]
        problems += unreached(orders, results)
    if not problems and not seconds:
        needed = judge_orders(folder, orders, results)
        if not judge_places(folder, results) or not needed:
            problems.append("an order is stronger than any suite needs it: weaken it, or write the suite that needs it")
    print("\n".join(problems) if problems else f"every promise kept in {time.monotonic() - begun:.0f} s")
    return 1 if problems else 0


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("source")
    options.add_argument("folder")
    options.add_argument("--soak", type=float, nargs="?", const=60.0, default=0, metavar="SECONDS")
    given = options.parse_args()
    sys.exit(main(given.source, given.folder, given.soak))
