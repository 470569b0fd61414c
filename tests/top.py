#!/usr/bin/env python3
"""`top` shows every stage and lane of every run and names who is slow: as text, and on a terminal, whose size may change."""
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import harness
import remote
from harness import Failures, Running, run

PIPELINE = ("pattern size=64x64 rate=200 realtime=true as source ! crop 32:32 as middle ! null as end ; "
            "source ! null as look when-full=drop credits=2")
STAGES = ("source", "middle", "end", "look")
LANES = {("source", "middle", "wait"), ("middle", "end", "wait"), ("source", "look", "drop")}
COLOUR = re.compile(rb"\x1b\[[\d;]*3[1-7]m")


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *arguments, size=(30, 120), **environment):
        self.seen = b""
        self.master, slave = pty.openpty()
        self.resize(*size)
        environment = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8", **environment)
        self.process = subprocess.Popen([harness.FRAMELANE, *arguments], stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, env=environment)
        os.close(slave)

    def resize(self, lines, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        with contextlib.suppress(OSError):
            if ready:
                self.seen += os.read(self.master, 65536)
        return bool(ready)

    def shows(self, *words):
        """Waits until all of them have been drawn since the last call."""
        until = time.monotonic() + harness.LIMIT
        while not all(word.encode() in self.seen for word in words):
            if self.process.poll() is not None or time.monotonic() > until:
                return False
            self.read(0.2)
        self.seen = b""
        return True

    def press(self, keys):
        os.write(self.master, keys.encode())

    def exit_code(self):
        until = time.monotonic() + harness.LIMIT
        while self.process.poll() is None and time.monotonic() < until:
            self.read(0.1)
        if self.process.poll() is None:
            self.process.kill()
        os.close(self.master)
        return self.process.wait()


def check_batch(failures, stages):
    shown = run("top", "cam1", "-b", "-n", "2", "-d", "0.1")
    failures.check(shown.exit == 0, f"top -b: exit {shown.exit}: {shown.err}")
    for page in shown.out.strip().split("\n\n"):
        for stage in stages:
            line = re.search(rf"^{stage} +{stages[stage]} ", page, re.M)
            failures.check(line, f"top -b does not show {stage} {stages[stage]}:\n{page}")
        lanes = re.findall(r"^(\w+) (?:→|->) (\w+) +(wait|drop)", page, re.M)
        failures.check(set(lanes) == LANES, f"lanes: {lanes}")
    failures.check("\x1b" not in shown.out, "text holds control sequences")
    plain = run("top", "-n", "1", env=dict(os.environ, LC_ALL="C"))
    as_ascii = plain.out.isascii() and "source -> middle" in plain.out
    failures.check(plain.exit == 0 and as_ascii, f"in the C locale: {plain.out}{plain.err}")


def check_culprit(failures, stages):
    """A stage that takes nothing is named, with what it holds and who waits; the one that only misses frames too."""
    os.kill(stages["end"], signal.SIGSTOP)
    culprit = r"^end is the slowest: .* fps, (holds|leaves) \d+ of middle.*\(frame \d+ for [\d.]+ s\); middle waits"
    named = harness.patient(lambda: re.search(culprit, run("top", "cam1", "-b", "-n", "1").out, re.M), harness.LIMIT)
    page = run("top", "cam1", "-b", "-n", "1").out
    failures.check(named, f"who holds all the others up is not named, nor what it holds, and for how long:\n{page}")
    failures.check(re.search(r"^end .* T!.*<< slowest", page, re.M) and "middle waits for it" in page, f"the culprit:\n{page}")
    failures.check(re.search(r"^source .*(credit of middle|a free slot)", page, re.M), f"what the source waits for:\n{page}")
    os.kill(stages["end"], signal.SIGCONT)


def check_terminal(failures, stages):
    top = Terminal("top", NO_COLOR="1")
    failures.check(top.shows(*STAGES, "WAITING FOR", "sort[s]"), "the terminal does not show all stages")
    top.press("s")
    failures.check(top.shows("cpu"), "s does not sort")
    top.press("?")
    failures.check(top.shows("restart the stage"), "? shows no help")
    top.press(" ")
    failures.check(top.shows("STAGE"), "help is not left")
    top.resize(6, 40)
    os.kill(top.process.pid, signal.SIGWINCH)
    failures.check(top.shows("sort[s]"), "nothing is drawn after a change of size")
    top.press("jjjkl")
    top.resize(40, 150)
    os.kill(top.process.pid, signal.SIGWINCH)
    failures.check(top.shows("STAGE", "sort[s]"), "nothing is drawn after a second change of size")
    top.press("q")
    failures.check(top.exit_code() == 0, "q does not quit well")


def check_colours(failures, stages):
    os.kill(stages["look"], signal.SIGSTOP)
    failures.check(harness.patient(lambda: "no credit" in run("top", "-b", "-n", "1").out, harness.LIMIT), "drops are not told")
    for environment, coloured in (({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)):
        top = Terminal("top", "cam1", **environment)
        harness.patient(lambda: top.read(0.1) and b"sort[s]" in top.seen, harness.LIMIT)
        failures.check(bool(COLOUR.search(top.seen)) == coloured, f"{environment}: colours {not coloured}")
        top.process.send_signal(signal.SIGTERM)
        failures.check(top.exit_code() == 0, "SIGTERM does not end it well")
    os.kill(stages["look"], signal.SIGCONT)


def check_words(failures):
    for words, code in ((("nosuch", "-b"), 1), (("a", "b"), 2), (("-d", "0"), 2), (("--what",), 2)):
        done = run("top", *words)
        failures.check(done.exit == code and "framelane top: " in done.err, f"top {words}: {done.exit} {done.err}")


def main():
    failures = Failures()
    with remote.runtime_folder() as directory:
        running = Running("--name", "cam1", "-e", PIPELINE)
        running.until_frames_flow()
        stages = running.stages()
        check_batch(failures, stages)
        check_words(failures)
        check_terminal(failures, stages)
        check_colours(failures, stages)
        check_culprit(failures, stages)
        watching = subprocess.Popen([harness.FRAMELANE, "top", "cam1", "-b", "-d", "0.1"], stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE)
        run("stop", "cam1")
        running.finish()
        _, err = watching.communicate(timeout=harness.LIMIT)
        failures.check(watching.returncode in (0, 1) and b"cam1" in err, f"top -b outlives its run: {watching.returncode} {err}")
        failures.check(remote.sockets(directory) == [], f"left over: {remote.sockets(directory)}")
        none = run("top", "-b")
        failures.check(none.exit == 0 and "nothing runs" in none.err, f"nothing runs: {none.exit} {none.err}")
    failures.finish()


if __name__ == "__main__":
    main()
