#!/usr/bin/env python3
"""Whatever a stage says to the supervisor, the run ends with a sentence and an exit code, and soon.

The program under test is copied beside a framelane-stage that is this file: as the stage called after a misdeed below it commits
it; as any other stage it becomes the real one.
"""
import os
import random
import shutil
import socket
import struct
import sys
import time

MAGIC = 0x31454E4C
OPENED, FAILED, MAPPED, LOG, FAULT, WANT_POOL, POOL_UNUSED, DONE = 3, 4, 6, 10, 11, 12, 14, 19
CONFIG, OPEN, MAP, GO, READY, SET_DONE = 1, 2, 5, 9, 13, 41
FRAME = 64 * 64


# ---- the stage ----

class Wire:
    def __init__(self):
        self.socket = socket.socket(fileno=3)

    def send(self, kind, body=b"", tail=b"", magic=MAGIC, sizes=None):
        head = struct.pack("<IIII", magic, kind, *(sizes or (len(body), len(tail))))
        self.socket.send(head + body + tail)

    def receive(self):
        message, fds, _, _ = socket.recv_fds(self.socket, 100000, 8)
        for fd in fds:
            os.close(fd)
        if not message:
            sys.exit(0)
        _, kind, body, _ = struct.unpack_from("<IIII", message)
        return kind, message[16:16 + body]

    def until(self, wanted):
        while True:
            kind, body = self.receive()
            if kind == wanted:
                return body


def stream(port=0, side=b"", payload=FRAME, working_set=1, side_bytes=None, streams=0):
    desc = struct.pack("<QII qqqii HHI II 16s", 0, 0, 0, 0, 0, 0, 1, 25, 1, 0, 0, 64, 64, b"gray").ljust(224, b"\0")
    head = struct.pack("<II", port, len(side) if side_bytes is None else side_bytes) + desc
    head += struct.pack("<iiqIIQII32s", 25, 1, 0, streams, working_set, payload, 0, 0, b"")
    return head + side


def opened(wire, *streams, count=None, hold=0, unused=0):
    wire.send(OPENED, struct.pack("<IIII", len(streams) if count is None else count, hold, hold, unused), b"".join(streams))


def map_all(wire):
    """Answers every MAP as if it had been done, until GO."""
    while True:
        kind, body = wire.receive()
        if kind == MAP:
            wire.send(MAPPED, body[:4] + struct.pack("<i", 0))
        elif kind == GO:
            return


def run_honestly(wire):
    wire.until(OPEN)
    opened(wire, stream())
    map_all(wire)


def says_garbage(wire):
    wire.socket.send(b"\xff" * 4000)


def says_another_magic(wire):
    wire.send(LOG, struct.pack("<Ii", 1, 0), b"hello", magic=1)


def lies_about_sizes(wire):
    wire.send(LOG, struct.pack("<Ii", 1, 0), b"hello", sizes=(0xFFFFFFF0, 0x30))


def says_an_unknown_word(wire):
    wire.send(4711, b"x" * 100)


def is_done_before_it_began(wire):
    wire.send(DONE)


def opens_a_thousand_outputs(wire):
    wire.until(OPEN)
    opened(wire, stream(), count=1000)


def cuts_its_streams_short(wire):
    wire.until(OPEN)
    opened(wire, stream(side_bytes=40000))


def describes_one_output_twice(wire):
    wire.until(OPEN)
    opened(wire, stream(), stream())


def names_a_port_it_does_not_have(wire):
    wire.until(OPEN)
    opened(wire, stream(port=77))


def asks_for_all_memory(wire):
    wire.until(OPEN)
    opened(wire, stream(payload=0xFFFFF000, working_set=1000))


def holds_everything(wire):
    wire.until(OPEN)
    opened(wire, stream(payload=1 << 60, working_set=0xFFFFFFFF), hold=0xFFFFFFFF, unused=0xFFFFFFFF)


def opens_twice(wire):
    wire.until(OPEN)
    opened(wire, stream())
    opened(wire, stream())


def maps_what_it_was_not_given(wire):
    wire.until(OPEN)
    opened(wire, stream())
    wire.until(MAP)
    wire.send(MAPPED, struct.pack("<Ii", 999, 0))


def maps_twice(wire):
    wire.until(OPEN)
    opened(wire, stream())
    body = wire.until(MAP)
    wire.send(MAPPED, body[:4] + struct.pack("<i", 0))
    wire.send(MAPPED, body[:4] + struct.pack("<i", 0))


def wants_pool_after_pool(wire):
    run_honestly(wire)
    for step in range(200):
        wire.send(WANT_POOL, struct.pack("<IIQ", 0, 0, FRAME << min(step, 20)))
    kept = 0
    while True:
        kind, body = wire.receive()
        if kind == MAP: # one keeps the memory, the next says that it cannot
            kept += 1
            wire.send(MAPPED, body[:4] + struct.pack("<i", -12 * (kept % 2)))
            wire.send(WANT_POOL, struct.pack("<IIQ", 0, 0, FRAME << min(kept, 20)))
        if kind == READY and struct.unpack("<Ii", body)[0] == 0: # refused
            sys.exit(3)


def wants_a_pool_for_no_port(wire):
    run_honestly(wire)
    wire.send(WANT_POOL, struct.pack("<IIQ", 9, 0, FRAME))


def wants_a_pool_of_no_size(wire):
    run_honestly(wire)
    wire.send(WANT_POOL, struct.pack("<IIQ", 0, 0, 0xFFFFFFFFFFFFFFFF))
    wire.until(READY)
    sys.exit(3)


def gives_up_the_pool_of_another(wire):
    run_honestly(wire)
    wire.send(POOL_UNUSED, struct.pack("<Ii", 1, 0))


def complains_of_a_foreign_lane(wire):
    run_honestly(wire)
    wire.send(FAULT, struct.pack("<II", 0xFFFFFFFF, 1), b"is not nice")


def gives_an_answer_to_nobody(wire):
    run_honestly(wire)
    wire.send(SET_DONE, struct.pack("<IiQII", 1, 0, 7, 1, 0), b"done")


def talks_without_end(wire):
    for number in range(20000):
        wire.send(LOG, struct.pack("<Ii", 1, 0), b"\x1b[2Jspam %d\x07\n\xff" % number)
    sys.exit(3)


def fails_in_a_strange_way(wire):
    wire.send(FAILED, struct.pack("<Ii", 0x7FFFFFFF, 1), b"\xfe\xff" * 5000)


def leaves_without_a_word(wire):
    sys.exit(0)


def lets_go_of_its_socket(wire):
    wire.socket.close()


def says_anything(wire):
    """Messages of right and wrong sizes at random moments; the seed is its process number's last digits."""
    chance = random.Random(os.getpid() % 1000)
    sizes = {OPENED: 16, FAILED: 8, MAPPED: 8, LOG: 8, FAULT: 8, WANT_POOL: 16, POOL_UNUSED: 8, SET_DONE: 24, DONE: 0}
    if chance.random() < 0.5:
        run_honestly(wire)
    for _ in range(200):
        kind = chance.choice(list(sizes))
        size = sizes[kind] if chance.random() < 0.8 else chance.randrange(64)
        wire.send(kind, bytes(chance.choice((0, 0, 1, 2, 255)) for _ in range(size)), chance.randbytes(chance.randrange(700)))


MISDEEDS = {name.replace("_", "-"): act for name, act in list(globals().items())
            if callable(act) and name.split("_")[0] in (
                "says", "lies", "is", "opens", "cuts", "describes", "names", "asks", "holds", "maps", "wants", "gives",
                "complains", "talks", "fails", "leaves", "lets")}
# A stage has 31 bytes for its name.
MISDEEDS = {name[:31]: act for name, act in MISDEEDS.items()}


def be_stage():
    name = sys.argv[sys.argv.index("--name") + 1]
    if name not in MISDEEDS:
        os.execv(os.environ["REAL_STAGE"], [os.environ["REAL_STAGE"], *sys.argv[1:]])
    try:
        wire = Wire()
        wire.until(CONFIG)
        MISDEEDS[name](wire)
        time.sleep(1000) # until it is killed
    except (BrokenPipeError, ConnectionError):
        sys.exit(1)


# ---- the test ----

def main():
    import harness
    failures = harness.Failures()
    real = os.path.realpath(harness.FRAMELANE)
    harness.adopt_orphans()
    with harness.scratch() as directory:
        program = shutil.copy(real, os.path.join(directory, "framelane"))
        os.symlink(os.path.abspath(__file__), os.path.join(directory, "framelane-stage"))
        library = os.path.join(os.path.dirname(real), "..", "transport")
        stages = os.path.join(os.path.dirname(real), "..", "stages")
        environment = dict(os.environ, REAL_STAGE=os.path.join(os.path.dirname(real), "framelane-stage"), LD_LIBRARY_PATH=library,
                           FRAMELANE_STAGES=stages)
        harness.FRAMELANE = program
        for name in [*MISDEEDS, *["says-anything"] * 9]:
            before = time.monotonic()
            result = harness.run("run", "-e", f"pattern as {name} ! null", "--json", "--for", "10s", limit=30, env=environment)
            failures.check(result.exit in (1, 3, 4), f"{name}: exit {result.exit}: {result.err}")
            failures.check(name in result.err or result.exit in (3, 4), f"{name}: nothing names it: {result.err}")
            failures.check("Sanitizer" not in result.err and "CRITICAL" not in result.err, f"{name}: {result.err}")
            failures.check("\x1b" not in result.err and len(result.err) < 50000, f"{name}: floods the terminal")
            failures.check(result.end and result.end["exit"] == result.exit, f"{name}: no end object")
            first = result.err.splitlines()[0][:100] if result.err else ""
            print(f"{name}: exit {result.exit}, {time.monotonic() - before:.1f} s: {first}")
    failures.finish()


if __name__ == "__main__":
    if "--kind" in sys.argv:
        be_stage()
    main()
