#!/usr/bin/env python3
"""--trace is a valid trace of every frame's way through all processes: required fields, spans that nest, pairs that match, one
chain of arrows along each frame's way; complete after an end, an interrupt, a death, on a disk that is full; and it counts what the
run counted."""
import bisect
import collections
import json
import os
import re
import signal

import harness
from harness import Failures, Running, run, scratch

PIPELINE = ("pattern size=64x64 rate=400 realtime=true {} as source ! scale 32:32 as small ! null as end ; "
            "source ! crop 32:32 as part when-full=drop credits=4 ! null as look")
FIELDS = {"ph": str, "name": str, "pid": int, "tid": int, "ts": (int, float)}
NEAR_US = 0.01  # times have three decimals


def read_trace(failures, path):
    with open(path, encoding="utf-8") as file:
        events = json.load(file)
    for event in events:
        right = all(isinstance(event.get(field), kind) for field, kind in FIELDS.items()) and event["ts"] >= 0
        right &= event["ph"] in "XstfbeCiM" and (event["ph"] != "X" or event["dur"] >= 0)
        right &= event["ph"] not in "be" or "id" in event
        right &= event["ph"] not in "stf" or (type(event.get("id")) is int and "" not in (event["cat"], event["name"]))
        right &= event["ph"] != "f" or event.get("bp") == "e"
        right &= event["ph"] != "i" or event.get("s") in ("t", "p")
        right &= event["ph"] != "C" or all(type(value) is int for value in event["args"].values())
        if not failures.check(right, f"no event of the format: {event}"):
            break
    return events


def of(events, phases, category=None):
    return [event for event in events if event["ph"] in phases and category in (None, event.get("cat"))]


def check_pairs(failures, events):
    """Each span with two ends has both, in this order of time."""
    pairs = collections.defaultdict(list)
    for event in of(events, "be"):
        pairs[tuple(event[field] for field in ("cat", "id", "pid", "name"))].append(event)
    for name, pair in pairs.items():
        matched = [event["ph"] for event in pair] == ["b", "e"] and pair[0]["ts"] <= pair[1]["ts"] + NEAR_US
        if not failures.check(matched, f"no pair: {name}: {pair}"):
            break


def chains_of(events):
    """The points of each flow as a reader of the format gathers them: by category, name and id, in the order of the file."""
    chains = collections.defaultdict(list)
    for event in of(events, "stf"):
        chains[event["cat"], event["name"], event["id"]].append(event)
    return chains


class Tracks:
    """The spans of each thread, to find those that a flow's point lies in: it is bound to the innermost."""

    def __init__(self, events):
        self.tracks = collections.defaultdict(list)
        for event in of(events, "X"):
            self.tracks[event["pid"], event["tid"]].append(event)
        for spans in self.tracks.values():
            spans.sort(key=lambda span: (span["ts"], -span["dur"]))

    def around(self, point):
        """The innermost first. Spans of a thread nest, and few deep: of those that have begun the last are looked at."""
        spans = self.tracks[point["pid"], point["tid"]]
        at = bisect.bisect_right(spans, point["ts"], key=lambda span: span["ts"])
        return [span for span in reversed(spans[max(0, at - 16):at]) if point["ts"] <= span["ts"] + span["dur"] + NEAR_US]


def check_chains(failures, events):
    """Of each id one "s" first, one "f" last, "t" between, in the order of time, each within a span of its own thread."""
    tracks = Tracks(events)
    for name, points in chains_of(events).items():
        phases = "".join(point["ph"] for point in points)
        times = [point["ts"] for point in points]
        whole = re.fullmatch("st*f", phases) and times == sorted(times)
        whole &= len({point["pid"] for point in points}) == len(points)
        whole &= len({(point["args"]["frame"], point["args"]["epoch"]) for point in points}) == 1
        if not failures.check(whole, f"no chain: {name}: {points}"):
            return
        for point in points:
            work = [span for span in tracks.around(point) if span["cat"] == "work"]
            bound = work and (point["ph"] == "s" or work[0]["args"]["frame"] == point["args"]["frame"])  # a source may give several
            if not failures.check(bound, f"a point is bound to no work on its frame: {point} in {work}"):
                return


def check_nesting(failures, events):
    """Spans of one track lie within one another or apart."""
    tracks = collections.defaultdict(list)
    for event in of(events, "X"):
        tracks[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"], event["name"]))
    for track, spans in tracks.items():
        around = []
        for begin, end, name in sorted(spans, key=lambda span: (span[0], -span[1])):
            while around and around[-1][1] <= begin + NEAR_US:
                around.pop()
            inside = not around or end <= around[-1][1] + NEAR_US
            if not failures.check(inside, f"{track}: '{name}' at {begin} ends outside of '{around[-1][2] if around else ''}'"):
                return
            around.append((begin, end, name))


class Reader:
    """A trace as ui.perfetto.dev takes it in. Events are sorted by time, in nanoseconds, those of one time as they stand in the
    file. A span or a mark of a thread lies on the thread's stack until the next begins there; one that ends outside of the span it
    begins in is thrown away. A flow's point is bound to what lies on top, even if that is over; without any it is thrown away."""

    def __init__(self, events, duration_ns):
        self.lost, self.bound, self.stacks = [], [], collections.defaultdict(list)
        self.duration_ns = duration_ns
        for event in sorted(of(events, "Xistf"), key=lambda event: round(event["ts"] * 1000)):
            stack = self.stacks[event["pid"], event["tid"]]
            if event["ph"] in "stf":
                (self.bound if stack else self.lost).append((event, stack[-1][2] if stack else None))
            elif event["ph"] == "X" or event["s"] == "t":
                self.begin(stack, round(event["ts"] * 1000), event)

    def begin(self, stack, begin, event):
        duration = self.duration_ns(event["dur"]) if event["ph"] == "X" else 0
        while stack and (stack[-1][1] < begin or (stack[-1][1] == begin and (duration or stack[-1][0] < begin))):
            stack.pop()
        around = [span for span in stack if begin < span[1] < begin + duration]
        if around:
            self.lost.append((event, around[-1][2]))
        else:
            stack.append((begin, begin + duration, event))


def check_reading(failures, events):
    """Nothing is lost on who reads it, and each arrow leads from work to work; also where durations are cut to nanoseconds, as some
    versions do, which makes many of them shorter by one."""
    for duration_ns in (lambda us: round(us * 1000), lambda us: int(us * 1000)):
        reader = Reader(events, duration_ns)
        failures.check(not reader.lost, f"not to be read: {reader.lost[:2]}")
        astray = [(point, span) for point, span in reader.bound if span.get("cat") != "work" or
                  (point["ph"] != "s" and span["args"]["frame"] != point["args"]["frame"])]
        failures.check(not astray, f"{len(astray)} of {len(reader.bound)} points are bound to other than work: {astray[:2]}")
    named = {event["pid"] for event in of(events, "M") if event["name"] == "process_name" and event["args"]["name"]}
    used = {event["pid"] for event in of(events, "XistfbeC")}
    failures.check(used <= named, f"processes without a name: {used - named}")


def check_counts(failures, events, end):
    """The trace, the drop list and the last object of --json tell of the same frames."""
    pids = {stage["pid"]: stage for stage in end["stages"]}
    work = collections.Counter(event["pid"] for event in of(events, "X", "work"))
    arrows = collections.Counter(event["pid"] for event in of(events, "tf"))
    ways = collections.Counter(tuple(pids[point["pid"]]["name"] for point in points) for points in chains_of(events).values())
    drops = sum(event["ph"] == "i" and event.get("cat") == "drop" for event in events)
    for pid, stage in pids.items():
        if stage["kind"] != "pattern":
            failures.check(work[pid] == arrows[pid] == stage["frames_in"],
                           f"{stage['name']}: {stage['frames_in']} frames, work on {work[pid]}, {arrows[pid]} arrows to it")
    queued = collections.Counter(event["name"] for event in of(events, "b"))
    for lane in end["lanes"]:
        name = f"{lane['from']} -> {lane['to']}"
        failures.check(queued[f"{name} queued"] == lane["sent"] and queued[f"{name} held"] == lane["taken"],
                       f"{name}: sent {lane['sent']}, taken {lane['taken']}; {queued}")
    failures.check(drops == end["dropped"]["policy"], f"{end['dropped']['policy']} dropped, {drops} in the trace")
    frames = {(stage["name"]): stage["frames_in"] for stage in end["stages"]}
    known = {("source", "small", "end"): frames["end"], ("source", "part", "look"): frames["look"]}
    right = all(ways[way] == count for way, count in known.items()) and set(ways) <= {*known, ("source", "part")}
    failures.check(right, f"chains through {dict(ways)}, frames {frames}")


def check_names(failures, events, end):
    for stage in end["stages"]:
        for what in ("process_name", "thread_name", "process_sort_index"):
            named = [event for event in events if event["ph"] == "M" and event["name"] == what and event["pid"] == stage["pid"]]
            failures.check(len(named) == 1, f"{stage['name']} has {len(named)} of {what}")
    clocks = [event for event in of(events, "X", "wait") if event["args"]["for"] == "outside"]
    failures.check({event["pid"] for event in clocks} == {end["stages"][0]["pid"]}, "who waits for its clock is not told")
    last = events[-1]
    failures.check(last["name"] == "framelane_run" and last["args"]["events_lost"] == 0, f"the last event: {last}")


def check_whole(failures, path, end, counts=True):
    events = read_trace(failures, path)
    check_pairs(failures, events)
    check_nesting(failures, events)
    check_chains(failures, events)
    check_reading(failures, events)
    check_names(failures, events, end)
    if counts:
        check_counts(failures, events, end)
    return events


def check_to_the_end(failures, transport):
    with scratch() as place:
        path = os.path.join(place, "trace.json")
        done = run("run", "-e", PIPELINE.format("frames=200"), "--transport", transport, "--trace", path, "--json")
        failures.check(done.exit == 0, f"{transport}: {done.exit} {done.err}")
        events = check_whole(failures, path, done.end)
        first = min(event["ts"] for event in of(events, "X", "work"))
        last = max(event["ts"] + event["dur"] for event in of(events, "X"))
        failures.check(first < last < done.end["seconds"] * 1e6, f"times {first} .. {last} us in a run of {done.end['seconds']} s")


def check_film(failures):
    """A decoder gives frames in another order than it takes packets; a filter makes several of one; sound goes its own way."""
    with scratch() as place:
        path, film = os.path.join(place, "trace.json"), os.path.join(place, "film.mkv")
        harness.clip(film, "-c:v", "mpeg4", "-bf", "2", "-c:a", "aac", frames=60, sound=True)
        out = os.path.join(place, "out.mkv")
        line = f"decode {film} as in ! filter fps=60 as fast ! scale 160:90 as small ! encode {out} codec=mpeg4 as out"
        done = run("run", "-e", line, "--trace", path, "--json")
        failures.check(done.exit == 0, f"a film: {done.exit} {done.err}")
        events = read_trace(failures, path)
        check_pairs(failures, events)
        check_nesting(failures, events)
        check_chains(failures, events)
        check_reading(failures, events)
        names = {stage["pid"]: stage["name"] for stage in done.end["stages"]}
        ways = collections.Counter(tuple(names[point["pid"]] for point in points) for points in chains_of(events).values())
        taken = {(lane["from"], lane["to"], lane["carries"]): lane["taken"] for lane in done.end["lanes"]}
        known = {("in", "fast", "small", "out"): taken["in", "fast", "video"], ("in", "out"): taken["in", "out", "packets"],
                 ("fast", "small", "out"): taken["fast", "small", "video"] - taken["in", "fast", "video"]}
        failures.check(ways == known and min(known.values()) > 20, f"chains through a film's stages: {ways}, not {known}")


def check_drops(failures):
    """A consumer that is stopped: what is dropped for it, and who had the credits."""
    with scratch() as place:
        path = os.path.join(place, "trace.json")
        running = Running("-e", PIPELINE.format(""), "--trace", path)
        running.until_frames_flow()
        look = running.stages()["look"]
        os.kill(look, signal.SIGSTOP)
        running.until(lambda line: sum(lane["dropped"] for lane in line["lanes"]) > 20, "frames were dropped")
        os.kill(look, signal.SIGCONT)
        running.process.send_signal(signal.SIGINT)
        code, err = running.finish()
        failures.check(code == 0, f"after Ctrl-C: exit {code}: {err}")
        events = check_whole(failures, path, running.end)
        marks = [event for event in of(events, "i", "drop")]
        failures.check(marks and all(event["args"]["lane"] == "source -> part" for event in marks), f"drops: {marks[:2]}")
        failures.check("look" in {event["args"]["holder"] for event in marks}, "who held the frames is not told")


def check_death(failures):
    with scratch() as place:
        path = os.path.join(place, "trace.json")
        running = Running("-e", PIPELINE.format(""), "--trace", path)
        running.until_frames_flow()
        victim = running.stages()["part"]
        os.kill(victim, signal.SIGKILL)
        code, err = running.finish()
        failures.check(code == 1, f"after a death: exit {code}: {err}")
        events = check_whole(failures, path, running.end, counts=False)
        told = [event for event in of(events, "i", "death") if event["pid"] == victim and "SIGKILL" in event["name"]]
        failures.check(len(told) == 1, f"the death is not told: {of(events, 'i')}")


def check_second_signal(failures):
    """Everything is killed at once: the file is whole all the same."""
    with scratch() as place:
        path = os.path.join(place, "trace.json")
        running = Running("-e", PIPELINE.format(""), "--trace", path)
        running.until_frames_flow()
        for pid in running.stages().values():
            os.kill(pid, signal.SIGSTOP)
        running.process.send_signal(signal.SIGINT)
        running.until(lambda line: True, "the first signal was seen")
        running.process.send_signal(signal.SIGINT)
        code, err = running.finish()
        failures.check(code == 130, f"after the second signal: exit {code}: {err}")
        check_whole(failures, path, running.end, counts=False)


def check_flood(failures):
    """More than can be written down: what is there is valid, what is not is counted and said."""
    with scratch() as place:
        path = os.path.join(place, "trace.json")
        running = Running("-e", "pattern size=16x16 as source ! null as end", "--trace", path)
        harness.patient(lambda: cpu_ticks(running.stages().get("source")) > 3, harness.LIMIT)  # frames flow
        os.kill(running.pid, signal.SIGSTOP)  # nobody reads the rings, which go round meanwhile
        source = running.stages()["source"]
        before = cpu_ticks(source)
        enough = before + (200 if harness.SANITIZED else 20)
        harness.patient(lambda: cpu_ticks(source) > enough, harness.LIMIT)
        os.kill(running.pid, signal.SIGCONT)
        running.process.send_signal(signal.SIGINT)
        code, err = running.finish()
        events = read_trace(failures, path)
        check_pairs(failures, events)
        lost = events[-1]["args"]["events_lost"]
        failures.check(code == 0 and lost > 0 and "--trace" in err, f"a flood: exit {code}, {lost} lost: {err}")
        failures.check(of(events, "i", "lost"), "where events are missing is not marked")


def check_full_disk(failures):
    """What is there is said with the reason and the file's name, and the run goes on."""
    with scratch() as place:
        path = os.path.join(place, "trace.json")
        os.symlink("/dev/full", path)
        done = run("run", "-e", PIPELINE.format("frames=400"), "--trace", path, "--json")
        said = [line for line in done.err.splitlines() if "--trace" in line]
        right = len(said) == 1 and path in said[0] and "No space left on device" in said[0]
        failures.check(done.exit == 0 and done.end["frames_in"] == 400 and right, f"a full disk: exit {done.exit}: {done.err}")


def cpu_ticks(pid):
    if not pid:
        return 0
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return int(words[11]) + int(words[12])


def main():
    failures = Failures()
    for transport in ("shm", "pipe"):
        check_to_the_end(failures, transport)
    check_film(failures)
    check_drops(failures)
    check_death(failures)
    check_second_signal(failures)
    check_flood(failures)
    check_full_disk(failures)
    failures.finish()


if __name__ == "__main__":
    main()
