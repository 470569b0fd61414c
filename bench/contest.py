"""Commands held against one another: what transcode.py, pipelines.py and onlookers.py share.

A contestant is a command of the shell. In each round every contestant runs once, and where it has a second command, which stops
after one frame, this runs too; all of them in an order shuffled anew. Before that, what stops after one frame has run once (the
rest once in full), so that files and libraries are in memory. Ratios are taken within a round against one contestant, the
reference, so that a machine that was slow for a while was slow for both.

CPU is user and system time of every process that a command has started, whoever has waited for it: those that lose their parents
become children of this one. Wall time ends with the last of them.
"""
import contextlib
import ctypes
import os
import platform
import random
import resource
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time

BOOTSTRAP = 4000
PR_SET_CHILD_SUBREAPER = 36


class Failed(Exception):
    """A command that failed, or hung."""


# ---- running one ----

def descendants():
    """Processes that this one has started, or that have become its children, with all of theirs."""
    parents = {}
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            with open(f"/proc/{int(entry)}/stat", encoding="utf-8", errors="replace") as file:
                parents[int(entry)] = int(file.read().rpartition(")")[2].split()[1])
    found, more = set(), {os.getpid()}
    while more:
        more = {pid for pid, parent in parents.items() if parent in more} - found
        found |= more
    return found


def leave_nothing():
    """To be called first: whoever ends this program with SIGTERM finds neither files nor processes left."""
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(143))


def end_all():
    """Ends what a command that hung has left, and waits for it."""
    for pid in descendants():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def wait_for_all(until):
    """Waits for every child there is. FALSE: some are still there when the time is up."""
    try:
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                if time.monotonic() > until:
                    return False
                time.sleep(0.001)
    except ChildProcessError:
        return True


def run(command, limit):
    """Runs a command of the shell: {wall, cpu}. Raises Failed where it fails, or goes on for more than `limit` seconds."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryFile() as said: # no pipe: who keeps its end open would hold us up
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        process = subprocess.Popen(["bash", "-o", "pipefail", "-c", command], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=said)
        descriptor = os.pidfd_open(process.pid)
        ended = select.select([descriptor], [], [], limit)[0]
        os.close(descriptor)
        if ended:
            process.wait()
        if not ended or not wait_for_all(start + limit):
            end_all()
            process.poll()
            raise Failed(f"did not end within {limit:g} s: {command}")
        wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if process.returncode != 0:
            said.seek(0)
            raise Failed(f"failed with {process.returncode}: {command}\n{said.read().decode(errors='replace')}")
    return {"wall": wall, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


class Contestant:
    """`shown` is the command as a report has it; `frames` tells after a run how many came out, None where nobody can tell."""

    def __init__(self, name, command, shown, frames, clean=lambda: None, start=None, may_fail=False):
        self.name, self.command, self.shown, self.start = name, command, shown, start
        self.frames, self.clean, self.may_fail = frames, clean, may_fail
        self.rounds = []  # figures of each round, None where it failed
        self.failures = []

    def run(self, limit):
        self.clean()
        figures = run(self.command, limit)
        return dict(figures, frames=self.frames())

    def run_start(self, limit):
        self.clean()
        figures = run(self.start, limit)
        return {"startup_wall": figures["wall"], "startup_cpu": figures["cpu"]}


# ---- rounds ----

def warm_up(contestants, limit):
    """Nothing of this is counted."""
    for one in contestants:
        try:
            if one.start:
                one.run_start(limit)
            else:
                one.run(limit)
        except Failed as failure:
            if not one.may_fail:
                raise
            one.failures.append(str(failure))


def play_round(contestants, limit):
    """What each did in one round. Who may fail, and does, has None there; who has failed twice is not asked again."""
    jobs = [(one, one.run) for one in contestants] + [(one, one.run_start) for one in contestants if one.start]
    results = {one.name: {} for one in contestants}
    for one, job in random.sample(jobs, len(jobs)):
        if results[one.name] is None or len(one.failures) > 1:
            results[one.name] = None
            continue
        try:
            results[one.name].update(job(limit))
        except Failed as failure:
            if not one.may_fail:
                raise
            one.failures.append(str(failure))
            results[one.name] = None
    for figures in filter(None, results.values()):
        if "startup_cpu" in figures:
            figures["apart_wall"] = figures["wall"] - figures["startup_wall"]
            figures["apart_cpu"] = figures["cpu"] - figures["startup_cpu"]
    return results


def play(contestants, rounds, limit, tell, budget=float("inf")):
    """tell(sentence) is called after each round. After `budget` seconds no round is begun, but three are played in any case."""
    until = time.monotonic() + budget
    try:
        warm_up(contestants, limit)
        for number in range(rounds):
            if number >= 3 and time.monotonic() > until:
                tell(f"no more rounds: {budget:g} s are over")
                break
            results = play_round(contestants, limit)
            for one in contestants:
                one.rounds.append(results[one.name])
            tell(f"round {number + 1} of {rounds}")
    finally:
        end_all()


# ---- figures ----

def interval(values):
    """The median, and the 95 % interval of medians of resamples."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(BOOTSTRAP))
    return statistics.median(values), medians[int(0.025 * BOOTSTRAP)], medians[int(0.975 * BOOTSTRAP)]


def figure(values):
    return dict(zip(("median", "low", "high"), interval(values)))


def ratio(one, other, what):
    """Of one contestant over another, within the rounds in which both have it; None where there are none."""
    values = [mine[what] / its[what] for mine, its in zip(one.rounds, other.rounds)
              if mine and its and what in mine and its.get(what, 0) > 0]
    return figure(values) if values else None


def row_of(one, reference):
    """One object of --json. Seconds and ratios that were not measured are left out."""
    done = [figures for figures in one.rounds if figures]
    row = {"schema": 1, "type": "pipeline", "name": one.name, "command": one.shown, "rounds": len(one.rounds),
           "failed": len(one.rounds) - len(done), "of": reference.name,
           "frames": sorted({figures["frames"] for figures in done}, key=str)}
    for what in ("wall", "cpu", "startup_wall", "startup_cpu", "apart_wall", "apart_cpu"):
        values = [figures[what] for figures in done if what in figures]
        if values:
            row[what + "_seconds"] = figure(values)
        against = ratio(one, reference, what)
        if against and not what.startswith("startup"):
            row[what + "_ratio"] = against
    return row


def mark_noise(rows, again):
    """What the reference differs by from itself (the row `again`); ratios no further from 1, or whose interval holds 1, say
    nothing."""
    noise = {}
    for what in ("wall", "cpu", "apart_wall", "apart_cpu"):
        floor = abs(again[what + "_ratio"]["median"] - 1) if what + "_ratio" in again else None
        if floor is None:
            continue
        noise[what] = floor
        for row in rows:
            against = row.get(what + "_ratio")
            if against:
                against["within_noise"] = against["low"] <= 1 <= against["high"] or abs(against["median"] - 1) <= floor
    return noise


# ---- words ----

def text(triple):
    return "{:.3f} [{:.3f}, {:.3f}]".format(*(triple.values() if isinstance(triple, dict) else triple))


def shown(row, key):
    """A figure of a row with its interval, and whether it is noise; "-" where there is none."""
    if key not in row:
        return "-"
    found = row[key]
    words = text((found["median"], found["low"], found["high"]))
    return words + " within noise" if found.get("within_noise") else words


def shown_frames(row):
    if not row["frames"]:
        return "none"
    counts = [str(count) for count in (row["frames"][0], row["frames"][-1])]
    return "–".join(dict.fromkeys(counts)).replace("None", "?")


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")[0].strip()
    except FileNotFoundError:
        return "not installed"


def machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} × {model}, Linux {platform.release()}, load {os.getloadavg()[0]:.2f}"


def versions(framelane):
    return {"machine": machine(), "framelane": first_line(framelane, "--version"), "ffmpeg": first_line("ffmpeg", "-version"),
            "gstreamer": first_line("gst-launch-1.0", "--version")}


def count_frames(path):
    """Frames that ffprobe decodes from the first video stream."""
    said = probe(path, "stream=nb_read_frames", "-threads", str(os.cpu_count()), "-count_frames")
    return int(said) if said.isdigit() else 0


def probe(path, entries, *more):
    done = subprocess.run(["ffprobe", "-v", "error", *more, "-select_streams", "v:0", "-show_entries", entries, "-of", "csv=p=0",
                           path], capture_output=True, text=True, check=False)
    return done.stdout.strip().strip(",")
