#!/usr/bin/env python3
"""No byte that a peer may write makes the library do anything but refuse it: libFuzzer targets, with AddressSanitizer and
UndefinedBehaviorSanitizer, each for a fixed number of executions.

usage: fuzz.py SOURCE-DIRECTORY BUILD-DIRECTORY [--long [SECONDS]]
With --long all targets together run that long instead (600 s), and each goes on with what earlier runs have found.
An input that breaks a promise is left in the build directory; its bytes belong in the target's list of seeds.
"""
import concurrent.futures
import fnmatch
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

EXECUTIONS = {"control": 30000, "door": 8000, "consumer": 12000, "producer": 9000, "pipe-writer": 9000, "desc": 50000,
              "pipe-reader": 20000, "latest": 20000, "wire": 20000, "side": 200000}
AT_ONCE = 2
COMPILER = ["clang", "-std=gnu11", "-D_GNU_SOURCE", "-DFL_VERSION=\"fuzz\"", "-g", "-O1", "-fno-omit-frame-pointer"]
SANITIZERS = "address,undefined"
# Of the supervisor everything but what starts processes or is a program. What a target of it includes is not linked with it again.
NOT_LINKED = ["main", "*-main", "launch", "start-programs", "tap", "*cmd-*", "host*", "doctor*", "*top*", "drawing*", "shown*",
              "page", "check-report", "control-client"]
WITHIN = {"control": ["pipeline/supervise.c"], "door": ["pipeline/door.c", "pipeline/take.c"]}
NO_LAUNCH = "tests/fuzz/no-launch.c"
NEEDS_GLIB = ["gio-unix-2.0", "json-glib-1.0"]
HELPERS = ["tests/lib/fake.c", "tests/lib/picture.c", "tests/lib/stand.c", "tests/lib/wiring.c", "tests/fuzz/fuzz-main.c",
           "tests/fuzz/heap-shm.c"]


def can_fuzz():
    if not shutil.which("clang"):
        return "clang is not installed"
    with tempfile.TemporaryDirectory() as scratch:
        program = "#include <stddef.h>\nint LLVMFuzzerTestOneInput(const char *d, size_t n) { return d && n > 9; }\n"
        made = subprocess.run(["clang", f"-fsanitize=fuzzer,{SANITIZERS}", "-x", "c", "-", "-o", scratch + "/try"], input=program,
                              text=True, capture_output=True)
    return None if made.returncode == 0 else "this clang has no libFuzzer (Debian: libclang-rt-14-dev)"


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


class Build:
    """Objects and targets in a folder of their own; the library straight from its sources, all but shm.c (heap-shm.c)."""

    def __init__(self, source, build):
        self.source = source
        self.folder = os.path.join(build, "fuzz")
        os.makedirs(self.folder, exist_ok=True)
        headers = [header for folder in ("transport", "pipeline", "stages", "tests")
                   for header in glob.glob(f"{source}/{folder}/**/*.h", recursive=True)]
        self.newest_header = max(os.path.getmtime(header) for header in headers)
        self.library = sorted(os.path.relpath(name, source) for name in glob.glob(f"{source}/transport/*.c"))
        self.library.remove("transport/shm.c")
        self.supervisor = [os.path.relpath(name, source) for name in sorted(glob.glob(f"{source}/pipeline/*.c"))
                           if not any(fnmatch.fnmatch(os.path.basename(name)[:-2], pattern) for pattern in NOT_LINKED)]
        self.supervisor.append("stages/registry.c")
        has = subprocess.run(["pkg-config", "--cflags", "--libs", *NEEDS_GLIB], capture_output=True, text=True)
        self.glib = has.stdout.split() if has.returncode == 0 else None

    def options(self, name):
        if name.startswith("transport/"):
            return ["-include", f"{self.source}/tests/fuzz/quiet.h"]
        if name in self.supervisor or name == NO_LAUNCH or name in [f"tests/fuzz/{target}.c" for target in WITHIN]:
            needed = [word for word in self.glib if not word.startswith("-l")] + ["-I", f"{self.source}/pipeline"]
            return needed + (["-include", f"{self.source}/tests/fuzz/quiet-pipeline.h"] if name in self.supervisor else [])
        return []

    def compile(self, name):
        made = os.path.join(self.folder, name.replace("/", "-")[:-2] + ".o")
        path = os.path.join(self.source, name)
        parts = [path, *(os.path.join(self.source, part) for part in WITHIN.get(os.path.basename(name)[:-2], []))]
        if not os.path.exists(made) or os.path.getmtime(made) < max(self.newest_header, *map(os.path.getmtime, parts)):
            run([*COMPILER, f"-fsanitize=fuzzer-no-link,{SANITIZERS}", "-fno-sanitize-recover=all",
                 "-I", f"{self.source}/transport",
                 *self.options(name), "-c", path, "-o", made])
        return made

    def link(self, target, objects):
        made = os.path.join(self.folder, target)
        run(["clang", f"-fsanitize=fuzzer,{SANITIZERS}", *objects, "-pthread", "-o", made])
        return made

    def all(self, targets):
        names = self.library + HELPERS + [f"tests/fuzz/{target}.c" for target in targets]
        if set(WITHIN) & set(targets):
            names += [*self.supervisor, NO_LAUNCH]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            objects = dict(zip(names, pool.map(self.compile, names)))

            def link(target):
                own = self.library + HELPERS + [f"tests/fuzz/{target}.c"]
                if target in WITHIN:
                    own += [name for name in self.supervisor if name not in WITHIN[target]] + [NO_LAUNCH]
                return self.link(target, [objects[name] for name in own] + (self.glib if target in WITHIN else []))
            return dict(zip(targets, pool.map(link, targets)))


def words(said):
    """What the fuzzer says of a failure, without its progress."""
    return "\n".join(line for line in said.splitlines() if not re.match(r"#\d+\s|INFO:|stat::", line))[-6000:]


def fuzz(target, program, folder, seconds):
    """(target, executions, edges covered, edges, seconds, words of a failure or None)"""
    corpus = os.path.join(folder, "corpus-" + target)
    if not seconds:
        shutil.rmtree(corpus, ignore_errors=True)
    os.makedirs(corpus, exist_ok=True)
    run([program, "--seeds=" + corpus])
    length = [f"-max_total_time={seconds}"] if seconds else ["-seed=1", f"-runs={EXECUTIONS[target]}"]
    environment = dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1",
                       ASAN_OPTIONS="max_allocation_size_mb=64:allocator_may_return_null=1:detect_leaks=1:quarantine_size_mb=16")
    began = time.monotonic()
    done = subprocess.run([program, *length, "-max_len=600", "-len_control=0", "-timeout=30", "-print_final_stats=1",
                           f"-artifact_prefix={folder}/{target}-", corpus], capture_output=True, text=True, errors="replace",
                          env=environment)
    said = done.stderr
    covered = [int(number) for number in re.findall(r"\bcov: (\d+)", said)] or [0]
    edges = sum(int(number) for number in re.findall(r"\((\d+) inline 8-bit counters\)", said))
    executions = re.search(r"number_of_executed_units:\s*(\d+)", said)
    return (target, int(executions.group(1)) if executions else 0, max(covered), edges, time.monotonic() - began,
            None if done.returncode == 0 else words(said))


def main(source, build, seconds):
    missing = can_fuzz()
    if missing:
        print("skipped: " + missing)
        return 77
    began = time.monotonic()
    made = Build(source, build)
    targets = [target for target in EXECUTIONS if target not in WITHIN or made.glib]
    programs = made.all(targets)
    print(f"{len(programs)} targets built in {time.monotonic() - began:.1f} s")
    share = max(1, seconds * AT_ONCE // len(programs)) if seconds else 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda item: fuzz(item[0], item[1], made.folder, share), programs.items()))
    for target, executions, covered, edges, took, _ in results:
        print(f"{target:<12} {executions:>9} executions  {covered:>5} of {edges} edges  {took:5.1f} s")
    print(f"{'in total':<12} {sum(result[1] for result in results):>9} fuzz executions, {time.monotonic() - began:.1f} s")
    failures = [result for result in results if result[5]]
    for target, *_, said in failures:
        print(f"---- {target} ----\n{said}")
    return 1 if failures else 0


def arguments(words):
    """(source, build, seconds): 0 seconds for the short form."""
    if len(words) not in (3, 4, 5) or (len(words) > 3 and words[3] != "--long"):
        sys.exit(__doc__)
    return os.path.abspath(words[1]), os.path.abspath(words[2]), int(words[4]) if len(words) == 5 else 600 * (len(words) == 4)


if __name__ == "__main__":
    sys.exit(main(*arguments(sys.argv)))
