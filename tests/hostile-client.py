#!/usr/bin/env python3
"""No client of a run's control socket can harm or hold up the run: garbage, descriptors, silence, floods, crowds, other users."""
import contextlib
import os
import random
import select
import signal
import socket
import struct
import sys

import harness
import remote
from harness import Failures, Running, run

PIPELINE = "pattern size=64x64 rate=500 realtime=true as source ! null as end"
NOBODY = 65534


def check_cut_off(failures, what, client):
    failures.check(client.is_cut_off(), f"{what}: is not cut off")
    client.close()


def bad_first_messages():
    """(what, bytes): none of them is a HELLO."""
    good = remote.hello()
    yield "an empty message", b""
    yield "half a header", good[:9]
    yield "half a message", good[:-5]
    yield "a message with something behind it", good + b"x"
    yield "a body of another size", remote.message(remote.HELLO, b"1234")
    yield "a tail that HELLO has not", remote.message(remote.HELLO, good[16:], b"tail")
    yield "another magic", b"\0\0\0\0" + good[4:]
    yield "sizes that overflow", struct.pack("<IIII", remote.MAGIC, remote.HELLO, 0xFFFFFFFF, 41)
    yield "a request before HELLO", remote.ask_status()
    yield "an unknown type", remote.message(0x7FFFFFFF)
    yield "another version", remote.hello(version=99)
    yield "100 KiB", remote.message(remote.HELLO, good[16:], bytes(100_000))


def check_garbage(failures, path):
    for what, data in bad_first_messages():
        client = remote.Client(path, greet=False)
        with contextlib.suppress(BrokenPipeError):
            client.send(data)
        check_cut_off(failures, what, client)
    chance = random.Random(7)
    for number in range(300):
        client = remote.Client(path, greet=number % 2 == 0)
        data = bytearray(remote.ask_attach("source") if number % 3 else chance.randbytes(chance.randrange(1, 300)))
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with contextlib.suppress(BrokenPipeError):
            client.send(bytes(data))
        client.close()


def check_words(failures, path):
    """What is a message, but asks for what cannot be, is answered in words."""
    client = remote.Client(path)
    for what, data in (("no such stage", remote.ask_attach("nosuch")), ("no output", remote.ask_attach("end")),
                       ("no such port", remote.ask_attach("source", port=7)), ("no such way", remote.ask_attach("source", how=9)),
                       ("no end of the name", remote.message(remote.ATTACH, b"\xff" * 32 + bytes(24))),
                       ("set nowhere", remote.message(remote.SET, bytes(40), b"a=b")),
                       ("set nothing", remote.ask_set("source", b"")), ("set without a value", remote.ask_set("source", b"rate")),
                       ("set without a key", remote.ask_set("source", b"=30")),
                       ("set to no text", remote.ask_set("source", b"rate=\xff\xfe")),
                       ("set with an end within", remote.ask_set("source", b"rate=30\0")),
                       ("set what there is not", remote.ask_set("source", b"x" * 3000 + b"=1")),
                       ("set what cannot change", remote.ask_set("end", b"a.b=1"))):
        client.send(data)
        kind, _, tail = client.hear()
        in_words = kind == remote.ERROR and len(tail) > 10 and tail.decode().isprintable()
        failures.check(in_words, f"{what}: answered with {kind} {tail}")
    failures.check(client.status() is not None, "a refusal ended the connection")
    client.close()


def check_half_a_lane(failures, path):
    """Asks for a lane and then says something else, or nothing of use, or says it has mapped what it was never sent: cut off, and
    the next one gets the lane."""
    mapped, take = remote.message(remote.MAPPED, struct.pack("<iI", 0, 0)), remote.ask_attach("source", how=2, when_full=1)
    for what, said in (("mapped without a lane", [mapped]), ("a lane, then another", [take, take]), ("a lane, then status",
                       [take, remote.ask_status()]), ("mapped twice", [take, mapped, mapped])):
        client = remote.Client(path)
        with contextlib.suppress(BrokenPipeError):
            for data in said:
                client.send(data)
        check_cut_off(failures, what, client)
    client = remote.Client(path)

    def is_given():
        client.send(take)
        return client.hear()[0] == remote.MAP
    failures.check(harness.patient(is_given, harness.LIMIT) and len(client.fds) == 1, "half a lane takes a whole one away")
    fds = client.fds
    client.send(remote.message(remote.MAPPED, struct.pack("<iI", -2**31, 0)))
    failures.check(client.hear()[0] == remote.ERROR and client.status() is not None, "who cannot map is not told so in words")
    failures.check(harness.patient(is_given, harness.LIMIT), "who could not map a region may not ask again")
    for fd in fds + client.fds:
        os.close(fd)
    client.close()


def check_both_ways(failures, path, stage):
    """While a region is made for one who looks on, another asks for a lane of that output: each gets what it asked for."""
    looker, taker = remote.Client(path), remote.Client(path)
    os.kill(stage, signal.SIGSTOP)
    looker.send(remote.ask_attach("source"))
    taker.send(remote.ask_attach("source", how=2, when_full=1))
    failures.check(taker.hear()[0] == remote.MAP, "a lane is not given while its stage is stopped")
    os.kill(stage, signal.SIGCONT)
    failures.check(looker.hear()[0] == remote.ATTACHED, "who looks on is not attached")
    fds = looker.fds + taker.fds
    failures.check(not select.select([taker.socket], [], [], 0.2)[0], "who has not mapped anything yet hears of another's region")
    for fd in fds:
        os.close(fd)
    looker.close()
    taker.close()


def check_descriptors(failures, path, pid):
    """A thousand of them, in messages that are right otherwise: none is kept, and who sends them is cut off."""
    before = remote.fds_of(pid)
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(250)]
    for _ in range(4):
        client = remote.Client(path)
        client.send(remote.ask_status(), fds)
        check_cut_off(failures, "descriptors", client)
    few = remote.Client(path)
    few.send(remote.ask_status(), fds[:1])
    check_cut_off(failures, "one descriptor", few)
    for fd in fds:
        os.close(fd)
    check_fds(failures, pid, before)


def check_fds(failures, pid, before):
    failures.check(harness.patient(lambda: remote.fds_of(pid) <= before, harness.LIMIT), f"{remote.fds_of(pid)} fds, not {before}")


def check_silence(failures, path, name):
    """Who says nothing is cut off after a while; until then others are answered."""
    silent = [remote.Client(path, greet=False) for _ in range(20)]
    failures.check(run("status", name).exit == 0, "twenty silent clients keep others from being answered")
    for client in silent:
        check_cut_off(failures, "silence", client)


def check_no_reader(failures, path, pid):
    """Asks and never reads: what it is owed does not pile up, others are answered, and it is cut off."""
    deaf = remote.Client(path)
    deaf.socket.setblocking(False)
    asked = 0
    with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
        while asked < 100_000:
            deaf.send(remote.ask_status())
            asked += 1
    other = remote.Client(path)
    failures.check(other.status() is not None, "a client that does not read keeps others from being answered")
    other.close()
    failures.check(harness.patient(lambda: cannot_send(deaf), harness.LIMIT), "a client that does not read is not cut off")
    deaf.close()
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        memory = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    failures.check(harness.SANITIZED or memory < 100_000, f"the supervisor has grown to {memory} KiB")


def cannot_send(client):
    try:
        client.send(remote.ask_status())
    except BlockingIOError:
        return False
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


def check_crowd(failures, path, pid):
    """More than it takes: the others are turned away, and when the crowd is gone everything is as before."""
    before, crowd = remote.fds_of(pid), []
    for _ in range(200):
        with contextlib.suppress(AssertionError, BrokenPipeError, ConnectionResetError):
            crowd.append(remote.Client(path))
    failures.check(100 <= len(crowd) < 200, f"{len(crowd)} of 200 clients are answered")
    failures.check(remote.fds_of(pid) <= before + 270, f"{remote.fds_of(pid)} fds")
    for client in crowd:
        client.close()
    check_fds(failures, pid, before)


def check_other_user(failures, directory, path):
    """The folder keeps others out; should somebody open it, the run itself still answers its own user only."""
    if os.geteuid() != 0:
        print("not root: no other user's process to try with")
        return
    folder = os.path.dirname(path)
    for mode, opened in ((0o700, False), (0o711, True)):
        for place in (directory, folder):
            os.chmod(place, mode if place == folder else 0o711)
        os.chmod(path, 0o777)
        child = os.fork()
        if child == 0:
            os._exit(as_somebody_else(path, opened))
        _, status = os.waitpid(child, 0)
        failures.check(os.waitstatus_to_exitcode(status) == 0, f"another user's process gets in, folder {mode:o}: {status}")
    os.chmod(folder, 0o700)


def as_somebody_else(path, opened):
    """0: refused, as it should be."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        caller.connect(path)
        caller.send(remote.hello())
        caller.settimeout(harness.LIMIT)
        return 0 if opened and caller.recv(4096) == b"" else 1
    except (BrokenPipeError, ConnectionResetError):
        return 0 if opened else 2
    except PermissionError:
        return 3 if opened else 0


def attach_once(failures, path):
    """The first who attaches has a region made, which stays: from then on nothing may be left behind."""
    client = remote.Client(path)
    client.send(remote.ask_attach("source"))
    kind, _, _ = client.hear()
    failures.check(kind == remote.ATTACHED and len(client.fds) == 2, f"attach is answered with {kind} and {client.fds}")
    for fd in client.fds:
        os.close(fd)
    client.close()


def main():
    failures = Failures()
    with remote.runtime_folder() as directory:
        running = Running("--name", "cam1", "-e", PIPELINE)
        running.until_frames_flow()
        path = remote.path_of(directory, "cam1")
        check_both_ways(failures, path, running.stages()["source"])
        attach_once(failures, path)
        before = remote.fds_of(running.pid)
        check_garbage(failures, path)
        check_words(failures, path)
        check_half_a_lane(failures, path)
        check_descriptors(failures, path, running.pid)
        check_other_user(failures, directory, path)
        check_crowd(failures, path, running.pid)
        check_no_reader(failures, path, running.pid)
        check_silence(failures, path, "cam1")
        check_fds(failures, running.pid, before)
        run("stop", "cam1")
        code, err = running.finish()
        failures.check(code == 0, f"the run exits with {code}: {err}")
        failures.check(running.end and running.end["frames_out"] == running.end["frames_in"] > 0, f"frames are lost: {running.end}")
        failures.check(remote.sockets(directory) == [], f"left over: {remote.sockets(directory)}")
    failures.finish()


if __name__ == "__main__":
    sys.exit(main())
