#!/usr/bin/env python3
"""A source in a network that is silent is given up in time, with its address and a remedy; one that is only slow is not, and gives
the frames that its file gives."""
import os
import re
import socket
import subprocess
import threading

import harness
from harness import FRAMELANE, Failures, run, scratch

PIECES, PAUSE = 12, 0.25  # seconds between them


class Server:
    """Listens, takes every connection, and does `serve(connection, stopped)` with it on a thread of its own."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.serve, self.stopped, self.held = serve, threading.Event(), []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.held.append(connection)
            threading.Thread(target=self.serve, args=(connection, self.stopped), daemon=True).start()

    def address(self, scheme):
        return f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}"

    def close(self):
        self.stopped.set()
        self.listener.close()
        for connection in self.held:
            connection.close()


def say_nothing(connection, stopped):
    pass


def sender(pieces, pause, then_close):
    def serve(connection, stopped):
        try:
            for piece in pieces:
                connection.sendall(piece)
                stopped.wait(pause)
            if then_close:
                connection.close()
        except OSError:
            pass
    return serve


def check_never_answers(failures):
    server = Server(say_nothing)
    usual = subprocess.Popen([FRAMELANE, "run", "-q", "-e", f"decode {server.address('tcp')} ! null"], stderr=subprocess.PIPE,
                             text=True)
    for scheme in ("tcp", "http", "rtsp"):
        url = server.address(scheme) + "/stream"
        done = run("run", "-e", f"decode {url} timeout=300ms ! null")
        told = re.search(re.escape(f"cannot open {url}: it was silent for 0.3 s;") + ".*timeout = ", done.err)
        failures.check(done.exit == 4 and told, f"{url}: exit {done.exit}: {done.err}")
    _, err = usual.communicate(timeout=harness.LIMIT)
    failures.check(usual.returncode == 4 and "it was silent for 10 s" in err, f"without a timeout: {usual.returncode}: {err}")
    server.close()


def hashes(url):
    done = run("run", "-e", f"decode {url} ! hash")
    return done, [line.split()[-1] for line in done.out.splitlines() if line and not line.startswith("#")]


def check_slow(failures, path):
    """Its index alone, without which it does not open, takes longer than the network may be silent; each piece comes in time."""
    _, wanted = hashes(path)
    with open(path, "rb") as file:
        data = file.read()
    index = data.index(b"mdat")
    piece = index // PIECES + 1
    pieces = [data[start:min(start + piece, index)] for start in range(0, index, piece)] + [data[index:]]
    server = Server(sender(pieces, PAUSE, True))
    done, got = hashes(server.address("tcp") + f" timeout={PIECES * PAUSE / 2:g}s")
    whole = done.exit == 0 and got == wanted and wanted
    failures.check(whole, f"slow: exit {done.exit}, {len(got)} of {len(wanted)} frames: {done.err}")
    server.close()


def check_falls_silent(failures, path, out):
    """In the middle: the run fails, with all that had come in its file."""
    with open(path, "rb") as file:
        data = file.read()
    server = Server(sender([data[:len(data) * 7 // 10]], 0, False))
    done = run("run", "-e", f"decode {server.address('tcp')} timeout=1s ! encode {out} codec=mpeg4", "--json")
    told = "has been silent for 1 s; see what its sender does" in done.err and "timeout = " in done.err
    failures.check(done.exit == 1 and told, f"it falls silent: exit {done.exit}: {done.err}")
    taken = next(stage["frames_in"] for stage in done.end["stages"] if stage["name"] == "encode")
    kept = harness.probe_frames(out)
    failures.check(taken > 100 and kept == taken, f"it falls silent: {kept} frames of {taken} are in the file")
    server.close()


def main():
    failures = Failures()
    with scratch() as directory:
        path = harness.clip(os.path.join(directory, "film.ts"), "-c:v", "mpeg2video", frames=600)
        indexed = harness.clip(os.path.join(directory, "film.mp4"), "-c:v", "mpeg4", "-movflags", "faststart")
        check_never_answers(failures)
        check_slow(failures, indexed)
        check_falls_silent(failures, path, os.path.join(directory, "out.mkv"))
        done = run("run", "-e", f"decode {path} timeout=5s ! null")
        warned = "is no address in a network" in done.err
        failures.check(done.exit == 0 and warned, f"a file with a timeout: {done.exit} {done.err}")
    failures.finish()


if __name__ == "__main__":
    main()
