"""The control socket as a test speaks it: pipeline/remote.h, in a folder of the test's own."""
import contextlib
import json
import os
import select
import socket
import struct

import harness

MAGIC = 0x31454E4C
HELLO, STATUS, TEXT, STOP, DONE, ATTACH, ATTACHED, POOL, POOL_UNUSED, SET, ERROR, ENDED, MAP, MAPPED = range(0x100, 0x10E)
VERSION = 2


@contextlib.contextmanager
def runtime_folder():
    """XDG_RUNTIME_DIR of the test's own: no run of somebody else is seen, and none of ours by others."""
    with harness.scratch() as directory:
        before = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = directory
        try:
            yield directory
        finally:
            if before is None:
                del os.environ["XDG_RUNTIME_DIR"]
            else:
                os.environ["XDG_RUNTIME_DIR"] = before


def path_of(directory, name):
    return os.path.join(directory, "framelane", f"{name}.sock")


def sockets(directory):
    folder = os.path.join(directory, "framelane")
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def message(kind, body=b"", tail=b""):
    return struct.pack("<IIII", MAGIC, kind, len(body), len(tail)) + body + tail


def hello(version=VERSION):
    return message(HELLO, struct.pack("<Ii32s", version, 0, b""))


def ask_status():
    return message(STATUS, struct.pack("<II", 0, 0))


def ask_attach(stage, port=0, how=1, when_full=0):
    return message(ATTACH, struct.pack("<32sIIIIII", stage.encode(), port, how, when_full, 0, 0, 0))


def ask_set(stage, assignment, wait_ms=0, rebuild=0):
    return message(SET, struct.pack("<32sII", stage.encode(), wait_ms, rebuild), assignment)


class Client:
    """One connection. Nothing is checked on the way out."""

    def __init__(self, path, greet=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(path)
        if greet:
            self.send(hello())
            kind, _, _ = self.hear()
            assert kind == HELLO, kind

    def send(self, data, fds=()):
        socket.send_fds(self.socket, [data], list(fds)) if fds else self.socket.send(data)

    def hear(self, limit=harness.LIMIT):
        """(type, body, tail) of the next message with its descriptors in self.fds; (None, b"", b"") at the end."""
        ready, _, _ = select.select([self.socket], [], [], limit)
        if not ready:
            raise TimeoutError("the run says nothing")
        try:
            data, self.fds, _, _ = socket.recv_fds(self.socket, 1 << 17, 8)
        except ConnectionResetError:
            data, self.fds = b"", []
        if not data:
            return None, b"", b""
        _, kind, body, _ = struct.unpack_from("<IIII", data)
        return kind, data[16:16 + body], data[16 + body:]

    def status(self):
        self.send(ask_status())
        text = b""
        while True:
            kind, body, tail = self.hear()
            if kind != TEXT:
                return None
            offset, total = struct.unpack("<II", body)
            assert offset == len(text), "a piece is missing"
            text += tail
            if len(text) >= total:
                return json.loads(text)

    def is_cut_off(self, limit=harness.LIMIT):
        """True once the run has hung up; what it says before that is passed over."""
        try:
            while self.hear(limit)[0] is not None:
                pass
        except TimeoutError:
            return False
        return True

    def close(self):
        self.socket.close()


def guests(name):
    """Who is attached to a run from outside, as `status` lists them."""
    return json.loads(harness.run("status", name, "--json").out)["guests"]


def fds_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
