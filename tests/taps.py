#!/usr/bin/env python3
"""`framelane tap` writes the frames of a stage of a run that goes on, as FFmpeg reads them, and counts those it missed; it ends
with the run, by Ctrl-C, or when nobody reads, each time with a whole file; the run takes no notice."""
import json
import os
import re
import select
import signal
import subprocess
import sys

import harness
import remote
from harness import FRAMELANE, Failures, Running, run, scratch

PIPELINE = ("pattern size=160x120 rate=200 realtime=true as source ! filter format=nv12 spare-slots=6 as packed ! "
            "null as end ; "
            "source ! hash {}/source.framemd5 as all")


def digests(text):
    return [line.split()[-1] for line in text.splitlines() if line and not line.startswith("#")]


def read_by_ffmpeg(path, *how):
    """MD5 of each frame."""
    done = subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *how, "-i", path, "-f", "framemd5", "-"],
                          capture_output=True, text=True, check=False)
    return digests(done.stdout)


def said_of(err):
    """(frames, missed, gaps) that the last line says."""
    found = re.search(r"(\d+) frames? written to .*, (?:none missed|(\d+) missed in (\d+) gaps?)$", err.strip().splitlines()[-1])
    return tuple(int(number or 0) for number in found.groups()) if found else None


class Tap:
    """A tap that is watched while it goes on."""

    def __init__(self, stage, *options):
        self.process = subprocess.Popen([FRAMELANE, "tap", f"cam1/{stage}", *options], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def read(self, count):
        """So many bytes, or what there is until its end."""
        data = b""
        while len(data) < count:
            ready, _, _ = select.select([self.process.stdout], [], [], harness.LIMIT)
            piece = os.read(self.process.stdout.fileno(), count - len(data)) if ready else b""
            if not piece:
                break
            data += piece
        return data

    def end(self):
        """(exit, stdout, stderr)"""
        out, err = self.process.communicate(timeout=harness.LIMIT)
        return self.process.returncode, out, err.decode()


def find(guests, pid):
    return next((guest for guest in guests if guest["pid"] == pid), {})


class Taken:
    """What was written, to be compared when the run's own hashes are complete."""

    def __init__(self):
        self.all = []

    def add(self, what, frames, said):
        self.all.append((what, frames, said))

    def check(self, failures, wanted):
        """Frames of the run in their order, and the numbers of those left out are as was said."""
        place = {digest: number for number, digest in enumerate(wanted)}
        failures.check(len(place) == len(wanted), "frames of the run are alike: nothing can be told by them")
        for what, frames, said in self.all:
            numbers = [place.get(digest, -1) for digest in frames]
            failures.check(frames and numbers == sorted(set(numbers)) and numbers[0] >= 0, f"{what}: other frames: {numbers}")
            steps = [after - before - 1 for before, after in zip(numbers, numbers[1:])]
            counted = (len(frames), sum(steps), sum(step > 0 for step in steps))
            failures.check(said == counted, f"{what}: says {said}, there are {counted}")


def check_files(failures, place, taken):
    said = {}
    for name in ("a.y4m", "a.nut", "a.raw"):
        path = os.path.join(place, name)
        done = run("tap", "cam1/source", "-o", path, "--frames", "30")
        failures.check(done.exit == 0, f"{name}: {done.exit} {done.err}")
        how = ("-f", "rawvideo", "-s", "160x120", "-pix_fmt", "yuv420p") if name.endswith("raw") else ()
        frames = read_by_ffmpeg(path, *how)
        failures.check(len(frames) == 30, f"{name}: {len(frames)} frames")
        said[name] = said_of(done.err)
        taken.add(name, frames, said[name])
    probe = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0",
                            os.path.join(place, "a.nut")], capture_output=True, text=True, check=False)
    times = [float(word.strip(",")) for word in probe.stdout.split()]
    left_out = [round((after - before) * 200) - 1 for before, after in zip(times, times[1:])]
    failures.check(len(times) == 30 and said["a.nut"] == (30, sum(left_out), sum(map(bool, left_out))), f"a.nut: times {times}")


def check_pipe(failures, taken):
    """On standard output, for another tool; without a word about it."""
    tap = subprocess.Popen([FRAMELANE, "tap", "cam1/source", "--frames", "20"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    reader = subprocess.run(["ffmpeg", "-loglevel", "error", "-i", "-", "-f", "framemd5", "-"], stdin=tap.stdout,
                            capture_output=True, text=True, check=False)
    tap.stdout.close()
    _, err = tap.communicate(timeout=harness.LIMIT)
    failures.check(tap.returncode == 0 and reader.returncode == 0, f"into ffmpeg: {tap.returncode} {err} {reader.stderr}")
    taken.add("into ffmpeg", digests(reader.stdout), said_of(err.decode()))


def check_slow_reader(failures, place, taken):
    """Frames that nobody reads are missed, and counted; the run goes on."""
    tap, path = Tap("source"), os.path.join(place, "slow.y4m")
    data = tap.read(1 << 19)
    pid = harness.stage_processes(tap.process.pid)["tap"]
    past = harness.patient(lambda: find(remote.guests("cam1"), pid).get("dropped", 0) > 60, harness.LIMIT)
    failures.check(past, "no frames flow past a tap that is not read")
    data += tap.read(1 << 21)
    tap.process.send_signal(signal.SIGINT)
    status, rest, err = tap.end()
    with open(path, "wb") as file:
        file.write(data + rest)
    said = said_of(err)
    failures.check(status == 0 and said and said[1] > 50, f"a slow reader: {status} {err}")
    taken.add("a slow reader", read_by_ffmpeg(path), said)


def check_ends(failures, place, taken):
    """Ctrl-C: a whole file. A reader that goes: an end like another."""
    for name in ("c.y4m", "c.nut"):
        path = os.path.join(place, name)
        tap = Tap("source", "-o", path)
        harness.patient(lambda: os.path.exists(path) and os.path.getsize(path) > 300_000, harness.LIMIT)
        tap.process.send_signal(signal.SIGINT)
        status, _, err = tap.end()
        failures.check(status == 0, f"{name}, Ctrl-C: {status} {err}")
        taken.add(name, read_by_ffmpeg(path), said_of(err))
    gone = Tap("source")
    gone.read(1000)
    gone.process.stdout.close()
    gone.process.stdout = None
    status, _, err = gone.end()
    failures.check(status == 0 and "written" in err and "rror" not in err, f"nobody reads any more: {status} {err}")


def check_words(failures, place):
    """What cannot be is told with what can; and nothing is left behind."""
    path = os.path.join(place, "never.y4m")
    for words, said in ((("cam1/packed", "-o", path), "--format nut"), (("cam1/nosuch", "-o", path), "stages: "),
                        (("nosuch/source", "-o", path), "runs: cam1"),
                        (("cam1/source", "-o", os.path.join(place, "no", "a.y4m")), "folder")):
        done = run("tap", *words)
        failures.check(done.exit == 1 and said in done.err, f"tap {words}: {done.exit} {done.err}")
    for words in ((), ("/source",), ("cam1/source", "--frames", "0"), ("cam1/source", "-o", "a.mkv"),
                  ("cam1/source", "--format", "x"), ("cam1/source", "cam1/end")):
        done = run("tap", *words)
        failures.check(done.exit == 2 and done.err, f"tap {words}: {done.exit} {done.err}")
    failures.check(not os.path.exists(path), "a tap that was refused has made a file")
    for stage, giver, name in (("/packed", "packed", "p.nut"), ("/end", "packed", "e.raw"), ("/all", "source", "s.y4m"),
                               ("", "source", "first.y4m"), ("/", "source", "also.y4m")):
        done = run("tap", f"cam1{stage}", "-o", os.path.join(place, name), "--frames", "5")
        told = f"cam1/{giver}: 5 frames written" in done.err
        failures.check(done.exit == 0 and told, f"tap of {stage}: {done.exit} {done.err}")


def check_one(failures, place):
    """One tap an output: the second says by whom it is taken."""
    first = Tap("source")
    first.read(1)
    second = run("tap", "cam1/source", "-o", os.path.join(place, "second.y4m"))
    failures.check(second.exit == 1 and "spare slots" in second.err, f"a second tap: {second.exit} {second.err}")
    other = run("tap", "cam1/packed", "--format", "nut", "-o", os.path.join(place, "other.nut"), "--frames", "3")
    failures.check(other.exit == 0, f"a tap of another output: {other.exit} {other.err}")
    first.process.stdout.close()
    first.process.stdout = None
    first.end()


def check_more(failures, place):
    """As many as the configuration gives the stage slots for, three each; and check says what they cost."""
    two = [Tap("packed", "--format", "nut") for _ in range(2)]
    failures.check(all(tap.read(1) for tap in two), "of two taps of an output with slots for two one gets nothing")
    third = run("tap", "cam1/packed", "--format", "nut", "-o", os.path.join(place, "third.nut"))
    told = "of the 6 spare slots of 'packed' 0 are left (held by process" in third.err and "(spare-slots)" in third.err
    failures.check(third.exit == 1 and told, f"a third tap: {third.exit} {third.err}")
    for tap in two:
        tap.process.stdout.close()
        tap.process.stdout = None
        tap.end()
    usual, more = (json.loads(run("check", "-e", f"pattern size=64x64 {key} ! null", "--json").out)["stages"][0]["pools"][0]
                   for key in ("", "spare-slots=6"))
    failures.check((usual["spare_slots"], more["spare_slots"]) == (3, 6) and more["slots"] == usual["slots"] + 3 and
                   more["bytes"] - usual["bytes"] >= 3 * usual["slot_bytes"], f"check: {usual}, {more}")
    text = run("check", "-e", "pattern size=64x64 spare-slots=0 ! null").out
    failures.check("of the slots of pattern 0 are spare" in text, f"check: {text}")


def check_listed(failures, place):
    """A tap that is not read, and one who looks on: with process, program, policy and figures, for people and for programs."""
    tap = Tap("source")
    tap.read(1)
    pid = harness.stage_processes(tap.process.pid)["tap"]
    looker = remote.Client(remote.path_of(place, "cam1"))
    looker.send(remote.ask_attach("packed"))
    failures.check(looker.hear()[0] == remote.ATTACHED, "cannot look on")
    full = harness.patient(lambda: find(remote.guests("cam1"), pid).get("dropped", 0) > 20, harness.LIMIT)
    guests = remote.guests("cam1")
    one, other = find(guests, pid), find(guests, os.getpid())
    failures.check(full and len(guests) == 2, f"guests: {guests}")
    known = {"program": "fl:tap", "from": "source", "carries": "video", "state": "attached", "when_full": "drop", "credits": 3,
             "in_use": 3}
    failures.check(known.items() <= one.items() and one["sent"] == one["returned"] + 3, f"a tap: {one}")
    failures.check(one["last_dropped"] >= one["sent"] and one["oldest_frame"] >= 0, f"a tap: {one}")
    with open("/proc/self/comm", encoding="ascii") as file:
        known = {"pid": os.getpid(), "program": file.read().strip(), "from": "packed", "carries": "video", "state": "attached",
                 "when_full": "peek"}
    failures.check(other == known, f"one who looks on: {other}")
    for words in (("status", "cam1"), ("top", "cam1", "-b", "-n", "1")):
        text = run(*words).out
        rows = [line.split() for line in text.splitlines() if f"({pid})" in line or f"({os.getpid()})" in line]
        told = len(rows) == 2 and rows[0][4:6] == ["drop", "3/3"] and rows[1][4] == "peek" and "no credit" in text
        failures.check(told, f"{' '.join(words)}: {text}")
    crowd = [remote.Client(remote.path_of(place, "cam1")) for _ in range(5)]
    for client in crowd:
        client.send(remote.ask_attach("source"))
        client.hear()
    text = run("top", "cam1", "-b", "-n", "1").out
    failures.check(text.count(" peek ") == 3 and "3 more from outside" in text, f"top of a crowd: {text}")
    failures.check(run("status", "cam1").out.count(" peek ") == 6, "status does not list a crowd")
    for client in (looker, *crowd):
        client.close()
    tap.process.stdout.close()
    tap.process.stdout = None
    tap.end()
    failures.check(harness.patient(lambda: not remote.guests("cam1"), harness.LIMIT), f"still listed: {remote.guests('cam1')}")


def check_killed(failures, place):
    """The file of a tap that is killed is finished by the stage that wrote it, and what it held comes back."""
    path = os.path.join(place, "killed.nut")
    tap = Tap("source", "-o", path)
    harness.patient(lambda: os.path.exists(path) and os.path.getsize(path) > 300_000, harness.LIMIT)
    stages = harness.stage_processes(tap.process.pid)
    failures.check(list(stages) == ["tap"], f"a tap is {stages}")
    tap.process.kill()
    tap.process.communicate()
    for pid in stages.values():
        failures.check(harness.gone_within(pid, harness.LIMIT), "the stage of a killed tap lives on")
    failures.check(len(read_by_ffmpeg(path)) > 10, "the file of a killed tap cannot be read")
    again = run("tap", "cam1/source", "-o", os.path.join(place, "again.y4m"), "--frames", "3")
    failures.check(again.exit == 0, f"after a killed tap: {again.exit} {again.err}")


def check_run_ends(failures, place, running, taken):
    """To the last frame of the run."""
    path = os.path.join(place, "last.y4m")
    tap = Tap("source", "-o", path)
    harness.patient(lambda: os.path.exists(path) and os.path.getsize(path) > 300_000, harness.LIMIT)
    run("stop", "cam1")
    code, err = running.finish()
    failures.check(code == 0, f"the run: {code} {err}")
    status, _, err = tap.end()
    frames = read_by_ffmpeg(path)
    failures.check(status == 0, f"a tap at the end of its run: {status} {err}")
    taken.add("until the run ends", frames, said_of(err))
    return frames


def main():
    failures, taken = Failures(), Taken()
    harness.need("ffmpeg", "ffprobe")
    harness.adopt_orphans()
    with remote.runtime_folder() as sockets, scratch() as place:
        running = Running("--name", "cam1", "-e", PIPELINE.format(place))
        running.until_frames_flow()
        before = remote.fds_of(running.pid)
        check_files(failures, place, taken)
        check_pipe(failures, taken)
        check_slow_reader(failures, place, taken)
        check_ends(failures, place, taken)
        check_words(failures, place)
        check_one(failures, place)
        check_more(failures, place)
        check_killed(failures, place)
        failures.check(harness.patient(lambda: remote.fds_of(running.pid) <= before, harness.LIMIT), "taps leave descriptors")
        check_listed(failures, sockets)
        last = check_run_ends(failures, place, running, taken)
        with open(os.path.join(place, "source.framemd5"), encoding="ascii") as file:
            wanted = digests(file.read())
        failures.check(len(wanted) == running.end["frames_in"], f"the run: {len(wanted)} of {running.end['frames_in']} frames")
        failures.check(last[-1] == wanted[-1], "the run's last frame was not written")
        taken.check(failures, wanted)
    failures.finish()


if __name__ == "__main__":
    sys.exit(main())
