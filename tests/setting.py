#!/usr/bin/env python3
"""A parameter changes at the frame that `framelane set` names, and at no other.

One run with a branch for each way of changing; every frame of each is compared with what ffmpeg makes of the same pictures with the
old and with the new words. A stage of the test's own writes down which version of the parameters the frames carry.

usage: setting.py MODULE    (the stage that stands in for `null`)
"""
import json
import os
import signal
import subprocess
import sys

import harness
import remote
from harness import Failures, Running, run, scratch

RATE, SIZE = 50, "160x120"
BOX = "drawbox=x=8:y=8:w=64:h=40:t=fill:color="
# branch: the stage as it starts, and what ffmpeg calls it
BRANCHES = {
    "box": (f"filter {BOX}red,eq@look=brightness=0.1", f"{BOX}red,eq=brightness=0.1"),
    "late": (f"filter fps=100,{BOX}red", f"fps=100,{BOX}red"),
    "chain": ("filter vflip", "vflip"),
    "part": ("crop 64:48:0:0", "crop=64:48:0:0"),
    "small": ("scale 80:60", "scale=80:60"),
    "kept": (f"crop 96:96 as kept-part ! filter {BOX}red", f"crop=96:96,{BOX}red"),
}
# branch: what is set in it, one after another, what ffmpeg calls it from then on, and the stage where it is another
CHANGES = {
    "box": [("drawbox.color=blue", f"{BOX}blue,eq=brightness=0.1"),
            ("eq@look.brightness=0.3", f"{BOX}blue,eq=brightness=0.3"),
            ("eq.brightness=-0.2", f"{BOX}blue,eq=brightness=-0.2"),
            ("drawbox.enable=lt(t,0)", "eq=brightness=-0.2"),
            ("eq@look.eval=frame rebuild=true", "eq=brightness=-0.2"),
            ("drawbox.enable=gte(t,0)", f"{BOX}blue,eq=brightness=-0.2")],
    "late": [("drawbox.color=blue", f"fps=100,{BOX}blue"), ("drawbox.width=20", f"fps=100,{BOX}blue:w=20")],
    "chain": [("filter=hflip rebuild=true", "hflip"),
              ("filter=hflip,scale=64:64 rebuild=true", "hflip,scale=64:64"),
              ("scale.w=32 rebuild=true", "hflip,scale=32:64")],
    "part": [("size=64:48:32:20", "crop=64:48:32:20"), ("size=48:48:0:8 rebuild=true", "crop=48:48:0:8")],
    "small": [("flags=lanczos", "scale=80:60:flags=lanczos"), ("size=40:30 rebuild=true", "scale=40:30:flags=lanczos"),
              ("format=rgb24 rebuild=true", "scale=40:30:flags=lanczos,format=rgb24")],
    # What has been set stays when pictures change and the chain is made anew.
    "kept": [("drawbox.color=blue", f"crop=96:96,{BOX}blue"),
             ("size=80:64 rebuild=true", f"crop=80:64,{BOX}blue", "kept-part"),
             ("drawbox.x=30", f"crop=80:64,{BOX}blue:x=30")],
}
SAME = {("box", 5)}  # changes that are not to be seen
# stage, what is set, exit code, words of the refusal
REFUSED = [
    ("bix", "drawbox.color=red", 1, ("'bix'", "did you mean 'box'?")),
    ("box", "drawbix.color=red", 3, ("'drawbix'", "did you mean 'drawbox'?", "eq@look")),
    ("box", "drawbox.colour=red", 3, ("'colour'", "did you mean 'color'?", "thickness", "enable")),
    ("box", "drawbox.color=reddish", 3, ("'reddish'",)),
    ("box", "eq.brightness=bright", 3, ("bright",)),
    ("box", "eq.eval=init", 3, ("eval", "brightness", "rebuild=true")),
    ("box", "filter=negate", 3, ("rebuild=true",)),
    ("box", "filter=negat rebuild=true", 3, ("did you mean 'negate'?",)),
    ("box", "filter=", 3, ("empty",)),
    ("box", "filter=hflip,eq=gamma=1:brightness=bright rebuild=true", 3,
     ("'brightness' of filter 'eq' cannot be 'bright'", "inspect filter eq")),
    ("box", "filter=hflip,eq=bright=1 rebuild=true", 3, ("filter 'eq' has no option 'bright'", "inspect filter eq")),
    ("box", "filter=hflip,crop=400:400 rebuild=true", 3, ("filter 'crop=400:400'", "too big", "inspect filter crop")),
    ("chain", "scale.flags=lancos rebuild=true", 3, ("scale.flags cannot be 'lancos'", "inspect filter scale")),
    ("chain", "filter=scale=80:60:flags=lancos rebuild=true", 3, ("'flags' of filter 'scale' cannot be 'lancos'",)),
    ("late", "fps.fps=25", 3, ("what can: nothing", "rebuild=true")),
    ("ahead", "atadenoise.0a=0.2", 3, ("keeps frames back", "rebuild=true")),
    ("chain", "scale.w=16", 3, ("another size", "rebuild=true")),
    ("part", "size=400:48:0:0", 3, ("160x120",)),
    ("part", "size=32:48", 3, ("32x48", "rebuild=true")),
    ("part", "size=big", 3, ("W:H",)),
    ("part", "sise=64:48", 3, ("did you mean 'size'?",)),
    ("small", "flags=lancos", 3, ("lanczos",)),
    ("small", "threads=2", 3, ("cannot change", "flags")),
    ("small", "size=40:20", 3, ("rebuild=true",)),
    ("small", "format=rgb25 rebuild=true", 3, ("did you mean 'rgb24'?",)),
    ("source", "rate=fast", 3, ("29.97",)),
    ("source", "rate=7", 3, ("divides",)),
    ("box-hash", "url=a", 3, ("nothing of 'box-hash' can be set",)),
]


def ffmpeg_lines(source, chain):
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", source, "-autoscale", "0", "-fps_mode", "passthrough",
                           "-enc_time_base", "-1", "-copyts", "-vf", chain, "-f", "framemd5", "-"],
                          capture_output=True, text=True, check=True)
    return lines_of(done.stdout)


def lines_of(text):
    """[(pts, duration, hash)] of a framemd5."""
    fields = [line.split(",") for line in text.splitlines() if line and not line.startswith("#")]
    return [(int(field[2]), int(field[3]), field[5].strip()) for field in fields]


def read_lines(directory, branch):
    with open(os.path.join(directory, branch), encoding="ascii") as file:
        return lines_of(file.read())


def ffmpeg_hashes(source, chain):
    return [line[2] for line in ffmpeg_lines(source, chain)]


def change(stage, words, *more):
    return run("set", f"cam1/{stage}", *words.split(" "), *more)


def frames_of(stage):
    said = json.loads(run("status", "cam1", "--json").out)
    return {entry["name"]: entry["frames_in"] for entry in said["stages"]}[stage]


# ---- what is done to the run ----

def make_changes(failures):
    """{branch: [frame of each change]}"""
    frames = {name: [] for name in CHANGES}
    for turn in range(max(map(len, CHANGES.values()))):
        for branch, changes in CHANGES.items():
            if turn >= len(changes):
                continue
            words, stage = changes[turn][0], changes[turn][2] if len(changes[turn]) > 2 else branch
            done = change(stage, words, "--json")
            if not failures.check(done.exit == 0, f"{branch}: set {words}: exit {done.exit}: {done.err}"):
                continue
            said = json.loads(done.out)
            assignment = f"{said['key']}={said['value']}"
            failures.check(assignment == words.split(" ")[0] and said["stage"] == stage and said["run"] == "cam1", f"{said}")
            version = 1 if stage != branch else turn + 1
            failures.check(said["parameters"] == version, f"{branch}: change {turn + 1} is version {said['parameters']}")
            frames[branch].append(said["frame"])
    return frames


def check_refusals(failures):
    for stage, words, code, told in REFUSED:
        done = change(stage, words)
        failures.check(done.exit == code and all(word in done.err for word in told), f"{stage} {words}: {done.exit} {done.err}")
        failures.check("drawbox=" not in done.err and len(done.err) < 400, f"the whole chain, for {words}: {done.err}")
    for words in ("", "box", "box drawbox.color", "box drawbox.color=red eq.gamma=1", "box a=b --wait forever"):
        done = run("set", *(f"cam1/{words}".split(" ") if words else ()))
        failures.check(done.exit == 2, f"set {words}: exit {done.exit}: {done.err}")


def check_two_at_once(failures):
    """Two clients, one stage: each has a frame of its own."""
    both = [subprocess.Popen([harness.FRAMELANE, "set", "cam1/both", assignment, "--json"], stdout=subprocess.PIPE, text=True)
            for assignment in ("drawbox.x=1", "drawbox.x=2", "drawbox.y=3", "drawbox.y=4")]
    said = [json.loads(one.communicate(timeout=harness.LIMIT)[0]) for one in both]
    failures.check(len({one["frame"] for one in said}) == 4, f"frames of changes at once: {said}")
    order = sorted(said, key=lambda one: one["frame"])
    failures.check([one["parameters"] for one in order] == [1, 2, 3, 4], f"versions of changes at once: {order}")
    return [one["frame"] for one in order]


def check_stopped(failures, running):
    """A stopped stage changes nothing, and its supervisor answers others meanwhile, however many ask."""
    pid = running.stages()["box"]
    os.kill(pid, signal.SIGSTOP)
    waiting = [subprocess.Popen([harness.FRAMELANE, "set", "cam1/box", "drawbox.color=green", "--wait", "300ms"],
                                stderr=subprocess.PIPE, text=True) for _ in range(20)]
    failures.check(run("status", "cam1").exit == 0, "a stopped stage holds up the supervisor")
    told = [(one.communicate(timeout=harness.LIMIT)[1], one.returncode) for one in waiting]
    for err, code in told:
        failures.check(code == 1 and ("stopped (SIGSTOP)" in err or "wait for its next frame" in err), f"stopped: {code} {err}")
    failures.check(any("stopped (SIGSTOP)" in err for err, _ in told), f"nobody is told why: {told}")
    os.kill(pid, signal.SIGCONT)


def check_over(failures):
    """Where no frame comes any more, nothing is promised: neither while a stage drains nor once the run is over."""
    with subprocess.Popen([harness.FRAMELANE, "run", "--quiet", "--name", "cam2", "-e",
                           f"pattern size={SIZE} frames=12 ! filter hflip as turn ! raw - credits=16"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as held:
        def draining():
            text = run("status", "cam2", "--json").out
            return text and [entry["state"] for entry in json.loads(text)["stages"] if entry["name"] == "turn"] == ["draining"]
        failures.check(harness.patient(draining, harness.LIMIT), "the run never drains")
        late = run("set", "cam2/turn", "filter=vflip", "rebuild=true")
        failures.check(late.exit == 1 and "no frame comes any more" in late.err, f"draining: {late.exit} {late.err}")
        gone = run("set", "cam2/pattern", "rate=10")
        failures.check(gone.exit == 1 and ("has ended" in gone.err or "no frame" in gone.err), f"ended: {gone.exit} {gone.err}")
        held.communicate(timeout=harness.LIMIT)
    over = run("set", "cam2/turn", "filter=vflip", "rebuild=true")
    failures.check(over.exit == 1 and "no run 'cam2'" in over.err, f"over: {over.exit} {over.err}")


# ---- what came of it ----

def check_frames(failures, directory, source, branch, frames):
    """Every frame is that of the words that held for its number."""
    got = [line[2] for line in read_lines(directory, branch)]
    chains = [BRANCHES[branch][1]] + [entry[1] for entry in CHANGES[branch]]
    wanted = [ffmpeg_hashes(source, chain) for chain in chains]
    times = 2 if branch == "late" else 1  # frames out for one in
    for index, one in enumerate(got):
        turn = sum(index // times >= frame for frame in frames)
        others = [chain for chain, made in zip(chains, wanted) if made[index] == one]
        if not failures.check(one == wanted[turn][index], f"{branch}: frame {index // times} is not that of '{chains[turn]}' but "
                              f"of {others}; changes at {frames}"):
            return
    failures.check(len(got) == len(wanted[-1]), f"{branch}: {len(got)} frames, ffmpeg gives {len(wanted[-1])}")
    for turn, frame in enumerate(frames):
        seen = wanted[turn][frame * times] != wanted[turn + 1][frame * times]
        failures.check(seen or (branch, turn + 1) in SAME, f"{branch}: '{chains[turn + 1]}' cannot be told from what was before")
    print(f"{branch}: {len(got)} frames, changes at {frames}")


def check_emptied(failures, directory, source, frame):
    """A chain that keeps frames back gives them out as at an end, and begins anew as at a start."""
    got = [line[2] for line in read_lines(directory, "anew")]
    wanted = (ffmpeg_hashes(source, f"trim=end_frame={frame},fps=100,{BOX}red") +
              ffmpeg_hashes(source, f"trim=start_frame={frame},fps=25,{BOX}red"))
    differ = [index for index, pair in enumerate(zip(got, wanted)) if pair[0] != pair[1]]
    failures.check(got == wanted, f"built anew at {frame}: {len(got)} frames of {len(wanted)}, from {differ[:1]} on they differ")


def check_rate(failures, directory, frames):
    """Time stamps go on in their unit, two of them a frame from the frame on that was named, and one again."""
    got = [line[:2] for line in read_lines(directory, "pace")]
    wanted, pts = [], 0
    for number in range(len(got)):
        step = 2 if frames[0] <= number < frames[1] else 1
        wanted.append((pts, step))
        pts += step
    failures.check(got == wanted and len(got) > frames[1], f"rates at {frames}: {got}")


def check_versions(failures, path, frames):
    """What a consumer sees: the changes of both stages above it, counted, from the frames that were named."""
    with open(path, encoding="ascii") as file:
        seen = [tuple(map(int, line.split())) for line in file]
    failures.check(len(seen) > max(frames), "the run ended before the last change")
    for number, part, version in seen:
        wanted = sum(number >= frame for frame in frames)
        if not failures.check(version == wanted and part < 2, f"frame {number}.{part}: version {version}, not {wanted}: {frames}"):
            return


def pipeline(directory):
    stages = [f"pattern size={SIZE} rate={RATE} realtime=true as source"]
    for name, (stage, _) in BRANCHES.items():
        stages.append(f"source ! {stage} as {name} ! hash {directory}/{name} as {name}-hash")
    stages.append(f"source ! filter fps=100,{BOX}red as anew ! hash {directory}/anew")
    stages.append(f"source ! filter atadenoise as ahead ! hash {directory}/ahead")
    stages.append(f"pattern size=64x64 rate=50 realtime=true as pacer ! hash {directory}/pace")
    stages.append(f"source ! filter fps=100,{BOX}red as both ! crop 64:48 as both-part ! null as numbers")
    return " ; ".join(stages)


def stage_folder(directory, module):
    """The real stages, but for the one that counts."""
    stages = os.path.join(os.path.dirname(os.path.realpath(harness.FRAMELANE)), "..", "stages")
    folder = os.path.join(directory, "stages")
    os.mkdir(folder)
    for name in os.listdir(stages):
        if name.endswith(".so") and name != "null.so":
            os.symlink(os.path.abspath(os.path.join(stages, name)), os.path.join(folder, name))
    os.symlink(os.path.abspath(module), os.path.join(folder, "null.so"))
    return folder


def main():
    harness.need("ffmpeg")
    failures = Failures()
    with remote.runtime_folder(), scratch() as directory:
        os.environ["FRAMELANE_STAGES"] = stage_folder(directory, sys.argv[1])
        os.environ["FRAMELANE_TEST_NUMBERS"] = os.path.join(directory, "numbers")
        running = Running("--name", "cam1", "-e", pipeline(directory))
        running.until_frames_flow()
        frames = make_changes(failures)
        anew = json.loads(change("anew", "fps.fps=25 rebuild=true", "--json").out)["frame"]
        pace = [json.loads(change("pacer", f"rate={rate}", "--json").out)["frame"] for rate in (25, 50)]
        check_refusals(failures)
        versions = check_two_at_once(failures)
        below = json.loads(change("both-part", "size=64:48:2:2", "--json").out)
        versions.append(below["frame"])
        counted = sum(frame <= below["frame"] for frame in versions)
        failures.check(below["parameters"] == counted, f"two stages, {counted} changes: {below}")
        check_stopped(failures, running)
        last = max(versions + pace + [frame for all_of in frames.values() for frame in all_of])
        harness.patient(lambda: frames_of("numbers") > 2 * (last + 3), harness.LIMIT)
        run("stop", "cam1")
        code, err = running.finish()
        failures.check(code == 0, f"the run exits with {code}: {err}")
        count = next(stage["frames_out"] for stage in running.end["stages"] if stage["name"] == "source")
        source = os.path.join(directory, "source.y4m")
        run("run", "--quiet", "-e", f"pattern size={SIZE} rate={RATE} frames={count} ! y4m {source}")
        for branch, at in frames.items():
            check_frames(failures, directory, source, branch, at)
        check_emptied(failures, directory, source, anew)
        check_rate(failures, directory, pace)
        check_versions(failures, os.path.join(directory, "numbers"), versions)
        check_over(failures)
    failures.finish()


if __name__ == "__main__":
    main()
