"""Windows as the tests meet them: the events a window writes, the keys it is given, and `framelane view` on a run from outside."""
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time

from screen import harness


class Run:
    """A run that goes on for as long as it is looked at; what it tells goes to a file, for nobody reads along."""

    def __init__(self, directory, name, line, *options):
        self.name, self.json, self.end = name, os.path.join(directory, f"{name}-{len(os.listdir(directory))}.json"), None
        self.process = subprocess.Popen([harness.FRAMELANE, "run", "--quiet", "--name", name, f"--json={self.json}", *options, "-e",
                                         line], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        self.pid = self.process.pid

    def status(self):
        """What it says of itself; None: nothing yet."""
        said = harness.run("status", self.name, "--json")
        return said.lines[-1] if said.exit == 0 and said.lines else None

    def until_frames_flow(self):
        def flowing():
            said = self.status()
            return said and all(stage["frames_in"] + stage["frames_out"] > 0 for stage in said["stages"])
        if not harness.patient(flowing, harness.LIMIT):
            self.process.kill()
            print(f"FAILED: no frames flow: {self.process.communicate()[1]}")
            sys.exit(1)
        return self

    def finish(self):
        """(exit code, what it said on standard error) once it is over."""
        try:
            _, err = self.process.communicate(timeout=harness.LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            print(f"FAILED: run {self.name} does not end: {self.process.communicate()[1]}")
            sys.exit(1)
        with open(self.json, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file if line.endswith("}\n")]
        self.end = lines[-1] if lines and lines[-1]["type"] == "end" else None
        return self.process.returncode, err

    def stop(self):
        harness.run("stop", self.name)
        return self.finish()


class Said:
    """The events of a window, as they come."""

    def __init__(self, directory):
        self.fifo = os.path.join(directory, f"events-{len(os.listdir(directory))}")
        os.mkfifo(self.fifo)
        self.events = os.fdopen(os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
        self.rest, self.last, self.exercised = b"", None, set()

    def give_up(self, why):
        print(f"FAILED: {why}; the last that the window said is {self.last}")
        sys.exit(1)

    def next(self):
        until = time.monotonic() + harness.LIMIT
        while b"\n" not in self.rest:
            if time.monotonic() > until:
                self.give_up("the window said nothing any more")
            select.select([self.events], [], [], 1)
            self.rest += self.events.read(65536) or b""
        line, self.rest = self.rest.split(b"\n", 1)
        self.last = json.loads(line)
        return self.last

    def until(self, event, **members):
        """The first event of that name that is as `members` say; a member may be a function that is to hold."""
        until = time.monotonic() + harness.LIMIT
        while time.monotonic() < until:
            said = self.next()
            if said["event"] == event and all(value(said.get(key)) if callable(value) else said.get(key) == value
                                              for key, value in members.items()):
                return said
        self.give_up(f"no event {event} {members}")
        return None


class Keyed(Said):
    """A window on an X server, with keys."""

    def find(self, environment):
        self.environment = dict(os.environ, **environment)
        self.xdotool("search", "--sync", "--name", "framelane")
        self.id = self.xdotool("search", "--name", "framelane").split()[0]
        self.xdotool("windowfocus", "--sync", self.id)

    def xdotool(self, *words):
        return subprocess.run(["xdotool", *words], env=self.environment, capture_output=True, text=True, timeout=harness.LIMIT,
                              check=True).stdout

    def press(self, name, action):
        """Types a key by X's name of it; the state it led to."""
        self.xdotool("key", name)
        self.exercised.add(action)
        return self.until("key", action=action)

    def shoot(self, key="shift+s"):
        """The file that S (the window as it is) or s (the picture) writes, and the event that tells of it."""
        self.xdotool("key", key)
        self.exercised.add("window-shot" if key == "shift+s" else "screenshot")
        said = self.until("screenshot")
        return said["file"], said


def view_command(target, *options):
    return [harness.FRAMELANE, "view", target, *options]


class Outside(Keyed):
    """`framelane view TARGET` with its events."""

    def __init__(self, environment, directory, target, *options):
        super().__init__(directory)
        self.process = subprocess.Popen(view_command(target, "--events", self.fifo, *options), env=dict(os.environ, **environment),
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.until("opened")

    def give_up(self, why):
        self.process.kill()
        _, err = self.process.communicate()
        print(err)
        super().give_up(why)

    def finish(self):
        """(exit code, what it said on standard error) once it has closed."""
        try:
            _, err = self.process.communicate(timeout=harness.LIMIT)
        except subprocess.TimeoutExpired:
            self.give_up("the window does not close")
        self.events.close()
        return self.process.returncode, err

    def stop(self, number=signal.SIGTERM):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)
        return self.finish()
