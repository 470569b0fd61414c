"""What the tests of the whole program share: running `framelane`, clips made with FFmpeg, processes and events.

FRAMELANE names the program under test. Nothing here sleeps: tests wait for lines of --json, for exits, or fail after a time limit.
"""
import contextlib
import ctypes
import glob
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

FRAMELANE = os.environ.get("FRAMELANE", os.path.join(os.path.dirname(__file__), "..", "build", "pipeline", "framelane"))
MEDIA = os.environ.get("FRAMELANE_MEDIA", "")
LIMIT = 60 * float(os.environ.get("FRAMELANE_TEST_PATIENCE", "1"))  # seconds until a run counts as hung
SANITIZED = os.environ.get("FRAMELANE_SANITIZED", "") != ""

PR_SET_CHILD_SUBREAPER = 36


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def need(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            skip(f"{tool} is not installed")


class Failures:
    """Gathers what does not hold, so that one run tells all of it."""

    def __init__(self):
        self.count = 0

    def check(self, holds, sentence):
        if not holds:
            self.count += 1
            print(f"FAILED: {sentence}")
        return bool(holds)

    def finish(self):
        print("all of it holds" if self.count == 0 else f"{self.count} failed")
        sys.exit(1 if self.count else 0)


@contextlib.contextmanager
def scratch():
    """A directory of the test's own, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="framelane-test-") as directory:
        yield directory


class Result:
    def __init__(self, done):
        self.exit, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.lines = [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]
        self.end = self.lines[-1] if self.lines and self.lines[-1].get("type") == "end" else None


def run(*arguments, limit=LIMIT, **more):
    """Runs `framelane ARGUMENTS` to its end. A run that does not end in `limit` seconds is a failure of the whole test."""
    command = [FRAMELANE, *arguments]
    try:
        return Result(subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=limit, check=False,
                                     stdin=subprocess.DEVNULL, **more))
    except subprocess.TimeoutExpired as hung:
        print(f"FAILED: hung for {limit:.0f} s: {' '.join(command)}\n{(hung.stderr or b'').decode(errors='replace')}")
        sys.exit(1)


class Running:
    """A run that is watched while it goes on: `framelane run ... --json`."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([FRAMELANE, "run", *arguments, "--json"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        self.pid = self.process.pid
        self.end = None
        self.said = ""  # of standard error, as far as it has been read

    def next_line(self, limit=LIMIT):
        """The next line of --json, None at the end."""
        ready, _, _ = select.select([self.process.stdout], [], [], limit)
        if not ready:
            self.give_up(f"no progress line for {limit:.0f} s")
        line = self.process.stdout.readline()
        said = json.loads(line) if line.strip() else None
        if said and said.get("type") == "end":
            self.end = said
        return said

    def until(self, holds, what):
        """Waits for a line for which `holds`."""
        while True:
            line = self.next_line()
            if line is None or line.get("type") == "end":
                self.give_up(f"the run ended before {what}")
            if holds(line):
                return line

    def until_frames_flow(self):
        def flowing(line):
            return all(stage["frames_in"] + stage["frames_out"] > 0 for stage in line["stages"])
        return self.until(flowing, "frames flowed")

    def until_said(self, words, limit=LIMIT):
        """Waits until standard error holds `words`; all that has been said by then."""
        stderr = self.process.stderr.fileno()
        while words not in self.said:
            ready, _, _ = select.select([stderr], [], [], limit)
            piece = os.read(stderr, 65536) if ready else b""
            if not piece:
                self.give_up(f"it did not say '{words}' but: {self.said}")
            self.said += piece.decode(errors="replace")
        return self.said

    def stages(self):
        """{name: pid} of the stage processes that live."""
        return stage_processes(self.pid)

    def finish(self, limit=LIMIT):
        """Waits for the exit: (exit code, stderr)."""
        try:
            rest, err = self.process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self.give_up(f"did not end within {limit:.0f} s")
        for line in rest.splitlines():
            if line.startswith("{") and '"end"' in line:
                self.end = json.loads(line)
        return self.process.returncode, self.said + err

    def give_up(self, why):
        for pid in [*self.stages().values(), self.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _, err = self.process.communicate()
        print(f"FAILED: {why}: {' '.join(self.process.args)}\n{err}")
        sys.exit(1)


def stage_processes(supervisor):
    found = {}
    for path in glob.glob(f"/proc/{supervisor}/task/*/children"):
        with contextlib.suppress(OSError):
            with open(path, encoding="ascii") as children:
                pids = children.read().split()
            for pid in map(int, pids):
                name = stage_name(pid)
                if name:
                    found[name] = pid
    return found


def stage_name(pid):
    """The stage a process is, from its command line; None for others."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().decode(errors="replace").split("\0")
    except OSError:
        return None
    return words[words.index("--name") + 1] if "--name" in words else None


def adopt_orphans():
    """From here on a process whose parent dies becomes this one's child, so that orphans can be waited for and seen."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def gone_within(pid, seconds):
    """True once the process has exited (and, if it is an orphan of ours, is reaped)."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ready, _, _ = select.select([descriptor], [], [], seconds)
    finally:
        os.close(descriptor)
    if ready:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
    return bool(ready)


def ffmpeg(*arguments):
    need("ffmpeg")
    subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments], check=True)


def clip(path, *coding, size="320x180", rate=30, frames=60, sound=False):
    """A moving test picture in `path`; `coding` are FFmpeg's output options."""
    source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}"]
    tone = ["-f", "lavfi", "-i", f"sine=frequency=440:duration={frames / rate}"] if sound else []
    ffmpeg(*source, *tone, "-frames:v", str(frames), "-pix_fmt", "yuv420p", *coding, path)
    return path


def turn(source, path):
    """A copy of an MP4 that is to be shown rotated. FFmpeg 6 has an option for it, before that it was a tag."""
    said = subprocess.run(["ffmpeg", "-hide_banner", "-h", "full"], capture_output=True, text=True, check=False).stdout
    if "-display_rotation" in said:
        ffmpeg("-display_rotation", "90", "-i", source, "-c", "copy", path)
    else:
        ffmpeg("-i", source, "-c", "copy", "-metadata:s:v", "rotate=90", path)


def has_encoder(name):
    need("ffmpeg")
    said = subprocess.run(["ffmpeg", "-hide_banner", "-encoders"], capture_output=True, text=True, check=False).stdout
    return any(line.split()[1:2] == [name] for line in said.splitlines())


def probe_frames(path):
    """Frames that ffprobe decodes from the first video stream."""
    need("ffprobe")
    done = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0",
                           "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", path],
                          capture_output=True, text=True, check=False)
    words = done.stdout.strip().strip(",")
    return int(words) if words.isdigit() else 0


def patient(condition, seconds):
    """For what gives no event: looks again until it holds or the time is up."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        select.select([], [], [], 0.02)
    return True
