#!/usr/bin/env python3
"""The habits that can be counted: sizes of files and functions, columns, white space, loose ends, words that have no place here.

usage: check-style.py SOURCE-DIRECTORY
"""
import re
import statistics
import sys

import tree

COLUMNS = 132
FILE_CAP, FILE_P90, FILE_MEDIAN = 600, 450, 220
FUNCTION_CAP, FUNCTION_P90, FUNCTION_MEDIAN = 80, 40, 15

TEXT = (".c", ".h", ".py", ".sh", ".md", ".build", ".txt", ".ini", ".frag", ".supp", "bootstrap", ".ci/run")
# Spelled in two halves, so that this file may be checked like any other.
LOOSE = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|not impl" r"emented|unimpl" r"emented")
# A path that exists on one machine only, and an address that is not an example's or the library's own home.
SYSTEM = "dev|proc|sys|usr|etc|tmp|run|var|lib|bin|sbin|opt|srv|mnt|media"
PATH = re.compile(r"(?<![\w.~}$)*>\]/-])/(?!(?:" + SYSTEM + r")\b)[a-z]+(?:/[\w.+-]+)+")
HOST = re.compile(r"\b[a-z][a-z0-9+]*://(?:[^\s/@\"'`]*@)?([A-Za-z0-9][A-Za-z0-9.-]*)")
HOSTS = re.compile(r"localhost|127\.0\.0\.1|host|(.*\.)?example(\.\w+)?|.*\.lan|(.*\.)?ffmpeg\.org")
TRACKER = re.compile(r"\b(issue|ticket|session)\s*#?\s?\d|(?<![\w&])#\d+\b")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def functions(text):
    """(name, first line, lines) of each function: its brace alone in column 0 after a line that ends a parameter list."""
    lines = tree.without_words(text).split("\n")
    start = None
    for number, line in enumerate(lines):
        if line.rstrip() == "{" and number > 0 and lines[number - 1].rstrip().endswith(")"):
            start = number
        elif line.startswith("}") and start is not None:
            head = start - 1
            while head > 0 and lines[head - 1].strip() and not re.match(r"^[}#/]|.*[;{}]\s*$", lines[head - 1]):
                head -= 1
            name = re.search(r"(\w+)\s*\(", " ".join(lines[head:start]))
            yield name.group(1) if name else "?", head + 1, number - head + 1
            start = None


def check_lines(name, text):
    table = name.endswith(".md")
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{name}:{number}"
        if "\t" in line:
            yield f"{where}: a tab"
        if line != line.rstrip():
            yield f"{where}: space at the end"
        if len(line) > COLUMNS and not (table and re.match(r"\s*(\||http)", line)) and not name.endswith(".md"):
            yield f"{where}: {len(line)} columns, at most {COLUMNS}"
        if LOOSE.search(line):
            yield f"{where}: a loose end: {LOOSE.search(line).group()}"
        if not line.startswith("#!"):
            for path in PATH.findall(line):
                yield f"{where}: a path of one machine: {path}"
        for host in HOST.findall(line):
            if not HOSTS.fullmatch(host):
                yield f"{where}: an address that means nothing elsewhere: {host}"
        if not name.endswith(".md") and not name.endswith(".py") and TRACKER.search(line) and not line.lstrip().startswith("#"):
            yield f"{where}: speak of the project, not of its tracker: {TRACKER.search(line).group()}"
    if text and not text.endswith("\n"):
        yield f"{name}: no newline at the end"
    if text.endswith("\n\n"):
        yield f"{name}: empty lines at the end"


def check_sizes(what, sizes, cap, p90, median):
    """`sizes`: (size, name). The cap holds for each; the others for the whole, once there is a whole."""
    for size, name in sizes:
        if size > cap:
            yield f"{name}: {size} lines; the cap for a {what} is {cap}: split it by meaning"
    values = [size for size, _ in sizes]
    if len(values) < 10:
        return
    for found, allowed, word in ((statistics.median(values), median, "median"), (percentile(values, 0.9), p90, "90th percentile")):
        if found > allowed:
            yield f"{what}s: {word} {found:g} lines, at most {allowed}"


def check_test_names(top):
    """A test is named after what it promises: words, not a number."""
    text = tree.read(top, "tests/meson.build")
    for name in re.findall(r"\b(?:test|benchmark)\(\s*'([^']+)'", text):
        if re.search(r"\btest\b|\d$", name):
            yield f"tests/meson.build: '{name}': a test is named after its promise, in words"


def main(top):
    problems, file_sizes, function_sizes = [], [], []
    for name in tree.files(top, *TEXT):
        text = tree.read(top, name)
        problems += check_lines(name, text)
        if name.endswith((".c", ".h")):
            file_sizes.append((text.count("\n"), name))
            function_sizes += [(size, f"{name}:{line}: {function}") for function, line, size in functions(text)]
    sources = [entry for entry in file_sizes if entry[1].endswith(".c")]
    problems += check_sizes("header", [entry for entry in file_sizes if entry[1].endswith(".h")], FILE_CAP, FILE_CAP, FILE_CAP)
    problems += check_sizes("source file", sources, FILE_CAP, FILE_P90, FILE_MEDIAN)
    problems += check_sizes("function", function_sizes, FUNCTION_CAP, FUNCTION_P90, FUNCTION_MEDIAN)
    problems += check_test_names(top)
    for sizes, what in ((sources, ".c files"), (function_sizes, "functions")):
        values = [size for size, _ in sizes] or [0]
        print(f"{len(sizes)} {what}: median {statistics.median(values):g} lines, 90th percentile {percentile(values, 0.9)}, "
              f"longest {max(values)}")
    print("\n".join(problems) if problems else "style holds")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
