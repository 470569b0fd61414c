#!/usr/bin/env python3
"""The hostile-peer tests under AddressSanitizer and UndefinedBehaviorSanitizer, which see what a passing test would not.

usage: hostile.py SOURCE-DIRECTORY BUILD-DIRECTORY [--long [SECONDS]]
Builds the library's own files and the tests with sanitizers, in a folder of its own. With --long the tests that race go on for
about that long (600 s).
"""
import concurrent.futures
import glob
import os
import shutil
import subprocess
import sys
import time

AT_ONCE = 2
COMPILER = ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-DFL_VERSION=\"hostile\"", "-g", "-O1", "-fno-omit-frame-pointer",
            "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-pthread"]
LIBRARY = ["check", "fake", "picture", "stand", "wiring"]
RACES = {"tests/fuzz/hostile-rewrites.c"}
TAKES, TAKES_A_SECOND = 2000000, 200000
PATIENCE_S = 150


def run(command, **more):
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          env=more.get("env")) as process:
        try:
            said, _ = process.communicate(timeout=more.get("patience"))
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            said += "hangs\n"
    return process.returncode, said


def compile_one(source, folder, name, headers):
    made = os.path.join(folder, name.replace("/", "-")[:-2] + ".o")
    path = os.path.join(source, name)
    if os.path.exists(made) and os.path.getmtime(made) > max(headers, os.path.getmtime(path)):
        return made
    status, said = run(COMPILER + ["-I", f"{source}/transport", "-I", f"{source}/tests/lib", "-c", path, "-o", made])
    if status != 0:
        sys.exit(said)
    return made


def build(source, folder, tests):
    newest = max(os.path.getmtime(name) for name in glob.glob(f"{source}/transport/**/*.h", recursive=True) +
                 glob.glob(f"{source}/tests/*/*.h"))
    library = sorted(os.path.relpath(name, source) for name in glob.glob(f"{source}/transport/*.c"))
    library += [f"tests/lib/{name}.c" for name in LIBRARY]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        objects = dict(zip(library + tests, pool.map(lambda name: compile_one(source, folder, name, newest), library + tests)))
    programs = {}
    for test in tests:
        programs[test] = os.path.join(folder, os.path.basename(test)[:-2])
        status, said = run(COMPILER + [objects[test]] + [objects[name] for name in library] + ["-o", programs[test]])
        if status != 0:
            sys.exit(said)
    return programs


def main(source, build_folder, seconds):
    if not shutil.which("gcc"):
        print("skipped: gcc is not installed")
        return 77
    folder = os.path.join(build_folder, "hostile")
    os.makedirs(folder, exist_ok=True)
    tests = ["tests/hostile-producer.c", "tests/hostile-consumer.c"] + sorted(
        os.path.relpath(name, source) for name in glob.glob(f"{source}/tests/fuzz/hostile-*.c"))
    began = time.monotonic()
    programs = build(source, folder, tests)
    print(f"{len(programs)} tests built in {time.monotonic() - began:.1f} s")
    environment = dict(os.environ, ASAN_OPTIONS="exitcode=99:detect_stack_use_after_return=1:strict_string_checks=1",
                       UBSAN_OPTIONS="halt_on_error=1:exitcode=99:print_stacktrace=1")
    patience = PATIENCE_S + 4 * seconds
    takes = str(seconds * TAKES_A_SECOND if seconds else TAKES)
    commands = {test: [program] + ([takes] if test in RACES else []) for test, program in programs.items()}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = dict(zip(commands, pool.map(lambda command: run(command, env=environment, patience=patience), commands.values())))
    failed = 0
    for test, (status, said) in results.items():
        failed += status != 0
        print(f"---- {test}: {'passed' if status == 0 else f'failed with {status}'}\n{said.rstrip()}")
    print(f"{len(results)} hostile-peer tests under ASan and UBSan, {failed} failed, {time.monotonic() - began:.1f} s")
    return 1 if failed else 0


def arguments(words):
    """(source, build, seconds): 0 seconds for the short form."""
    if len(words) not in (3, 4, 5) or (len(words) > 3 and words[3] != "--long"):
        sys.exit(__doc__)
    return os.path.abspath(words[1]), os.path.abspath(words[2]), int(words[4]) if len(words) == 5 else 600 * (len(words) == 4)


if __name__ == "__main__":
    sys.exit(main(*arguments(sys.argv)))
