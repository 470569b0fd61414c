#!/usr/bin/env python3
"""The figures of `framelane bench` are those that others find who know nothing of it: CPU as wait4 has it (what /usr/bin/time
prints), system calls as strace counts them, bytes through streams as the kernel has accounted for them, memory as /proc has it.

No time is judged by itself: each figure is held against what somebody else says of the very same run. What dd and cat move
through a pipe is printed beside our pipe, and not judged.
"""
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from harness import FRAMELANE, SANITIZED, Failures, need, skip

MICRO = os.path.join(os.path.dirname(FRAMELANE), "..", "bench", "micro")
BYTES = 1 << 18
HUNG_S = 30
WAYS = {
    "shm": ["q-frame-bytes", "--slots", "4"], "shm-copy": ["q-frame-bytes", "--slots", "4", "--copy", "in"],
    "pipe": ["peer-pipe", "--pipe", "1M"], "pipe-default": ["peer-pipe", "--pipe", "64K"],
    "socket": ["peer-unix", "--type", "stream"], "vmsplice": ["peer-vmsplice"], "process-vm": ["peer-vm-readv"],
    "gst-inprocess": ["peer-gst", "--way", "queue"],
    "gst-shm": ["peer-gst", "--way", "shm"], "gst-fd": ["peer-gst", "--way", "fd"], "ffmpeg-pipe": ["peer-ffmpeg"],
    "iceoryx": ["peer-iceoryx"],
}
IN_STREAMS = {"pipe": 1, "pipe-default": 1, "gst-fd": 1, "ffmpeg-pipe": 1, "shm": 0, "shm-copy": 0, "gst-shm": 0, "vmsplice": 0,
              "process-vm": 0, "gst-inprocess": 0}  # times that a frame's bytes are given to write()
CALLS = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", re.M)


def words_of(way, *more):
    return [os.path.join(MICRO, WAYS[way][0]), *WAYS[way][1:], "--bytes", str(BYTES), *more]


def bytes_written():
    """By this process and by all that it has waited for, as the kernel has it."""
    with open("/proc/self/io", encoding="ascii") as file:
        return int(re.search(r"^wchar: (\d+)", file.read(), re.M).group(1))


def ends(pid):
    """False: it hangs. Some peers do, once in some hundred runs."""
    descriptor = os.pidfd_open(pid)
    try:
        return bool(select.select([descriptor], [], [], HUNG_S)[0])
    finally:
        os.close(descriptor)


def watched(words, tries=3):
    """(figures, CPU seconds as wait4 has them, wall seconds, bytes given to write()); figures None: it has no row here."""
    written = bytes_written()
    with tempfile.TemporaryFile() as out:
        start = time.monotonic()
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True)
        hung = not ends(process.pid)
        if hung:
            os.killpg(process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        if hung and tries > 1 and os.path.basename(words[0]).startswith("peer-"):
            print(f"{' '.join(words)}: hung, and is asked again")
            process.returncode = os.waitstatus_to_exitcode(status)
            return watched(words, tries - 1)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read()
    if process.returncode == 77:
        return None, 0, 0, 0
    if process.returncode != 0:
        return {}, 0, 0, 0
    return json.loads(said), usage.ru_utime + usage.ru_stime, wall, bytes_written() - written - len(said)


def check_time(failures, way):
    """CPU and time that a run accounts for, against all that it took, which is its start and its tenth of warm-up more."""
    more = ["--work", "write+read", "--seconds"]
    start, started_cpu, _, _ = watched(words_of(way, *more, "0.001"))
    figures, cpu, wall, written = watched(words_of(way, *more, "0.3"))
    if figures is None:
        print(f"{way}: not here")
        return
    if not failures.check(figures and start, f"{way}: a run failed"):
        return
    counted, seconds = figures["cpu_ns"] * figures["frames"] / 1e9, figures["frames"] / figures["per_second"]
    print(f"{way}: {counted:.3f} s of CPU accounted for in {seconds:.3f} s; wait4 says {cpu:.3f} s of {wall:.3f} s, "
          f"{started_cpu:.3f} s for a run of nothing; {written / 1e6:.1f} MB given to write()")
    failures.check(counted <= cpu + 0.005, f"{way}: more CPU than there was: {counted:.3f} of {cpu:.3f} s")
    # Nine tenths are accounted for; a machine whose cores others take meanwhile may give the warm-up more.
    failures.check(counted >= 0.75 * (cpu - 2 * started_cpu), f"{way}: {counted:.3f} s are accounted for of {cpu:.3f} s")
    failures.check(seconds <= wall, f"{way}: {figures['frames']} frames took {seconds:.3f} s of a run of {wall:.3f} s")
    if way in IN_STREAMS:
        frames = written / BYTES
        if IN_STREAMS[way]:
            failures.check(frames >= figures["frames"] and written % BYTES < BYTES / 4,
                           f"{way}: {written} bytes were written for {figures['frames']} frames")
        else: # bells, at most
            failures.check(written < 32 * BYTES and frames < figures["frames"] / 4, f"{way}: {written} bytes went through streams")


def strace(words, path):
    """{call: how often}, of all processes, and the figures of the run."""
    done = subprocess.run(["strace", "-f", "-c", "-U", "time-percent,total-time,avg-time,calls,errors,name", "-o", path, *words],
                          capture_output=True, text=True, check=False)
    with open(path, encoding="utf-8") as file:
        calls = {name: int(count) for count, name in CALLS.findall(file.read())}
    calls.pop("total", None)
    return calls, json.loads(done.stdout) if done.returncode == 0 else None


def check_calls(failures, folder, way):
    """A longer run has more calls by so many a frame; and what carries the bytes is called as often as there are frames."""
    paced = words_of(way, "--work", "none", "--rate", "200", "--seconds")
    own, _, _, _ = watched([os.path.join(MICRO, "traced"), *paced, "0.4"])
    if own is None:
        return
    path = os.path.join(folder, "counts")
    (few, first), (many, second) = strace([*paced, "0.2"], path), strace([*paced, "0.8"], path)
    if not failures.check(own and first and second, f"{way}: a run failed"):
        return
    frames = (second["frames"] - first["frames"]) / 0.9 # a tenth of them is warm-up
    counted = (sum(many.values()) - sum(few.values())) / frames
    print(f"{way}: {own['calls']:.2f} calls a frame, strace -f -c: {counted:.2f}")
    # Where both sleep between frames the calls are the same each time; whether somebody still looks on when the next comes is not.
    agree = abs(counted - own["calls"]) < 0.2 * own["calls"] + 1
    failures.check(agree, f"{way}: {own['calls']:.2f} calls a frame, strace says {counted:.2f}")
    if way == "pipe":
        more = many["write"] - few["write"]
        failures.check(abs(more - frames) <= 4, f"pipe: {more} writes more for {frames:.0f} frames more")


def check_memory(failures):
    """The memory that is told is no less than the pool that all share, and no more than all processes' largest ever together."""
    figures, _, _, _ = watched(words_of("shm", "--work", "write+read", "--seconds", "0.1"))
    if failures.check(figures, "shm: a run failed"):
        memory, pool = figures["memory_bytes"], 4 * BYTES
        failures.check(pool <= memory < pool + (32 << 20), f"shm: {memory / 1e6:.1f} MB for a pool of {pool / 1e6:.1f} MB")


def show_dd(failures):
    """What two programs of everybody's move through a pipe as it is by default, beside ours of the same bytes."""
    count = 2000
    for pin, first, second in (("free", "", ""), ("one", "taskset -c 0", "taskset -c 0")):
        done = subprocess.run(f"{first} dd if=/dev/zero bs={BYTES} count={count} | {second} cat > /dev/null", shell=True,
                              capture_output=True, text=True, check=False, env=dict(os.environ, LC_ALL="C"))
        said = re.search(r"(\d+) bytes .* copied, ([\d.]+) s", done.stderr)
        figures, _, _, _ = watched(words_of("pipe-default", "--work", "none", "--pin", pin, "--seconds", "0.4"))
        if failures.check(said and figures and int(said[1]) == BYTES * count, f"dd, cat or our pipe failed: {done.stderr}"):
            print(f"dd | cat, {pin}: {int(said[1]) / float(said[2]) / 1e9:.2f} GB/s; pipe-default, work none: "
                  f"{figures['per_second'] * BYTES / 1e9:.2f} GB/s (shown, not judged)")


def main():
    if SANITIZED:
        skip("a sanitizer's own calls, memory and time are in what others count")
    need("dd", "cat", "taskset")
    failures = Failures()
    for way in WAYS:
        check_time(failures, way)
    with tempfile.TemporaryDirectory(prefix="framelane-test-") as folder:
        if shutil.which("strace"):
            for way in ("shm", "pipe", "socket", "process-vm"):
                check_calls(failures, folder, way)
        else:
            print("strace is not installed: calls were not compared")
    check_memory(failures)
    show_dd(failures)
    failures.finish()


if __name__ == "__main__":
    sys.exit(main())
