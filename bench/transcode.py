#!/usr/bin/env python3
"""What does it cost to decode, scale and encode a film as separate processes?

The film is transcoded to 1280x720 (bicubic, x264 ultrafast, no sound) by every candidate in turn, in rounds whose order is shuffled
anew: Framelane over shared memory and over pipes, FFmpeg in one process and in three over pipes, GStreamer in one and in three over
shared memory, where its elements are installed. All get the same options of the codecs and the same number of threads.
"""
import argparse
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

REFERENCE = "ffmpeg, one process"
SIZE = "1280:720"
BOOTSTRAP = 10000


def candidates(framelane, clip, output, threads):
    """{name: (shell command, shell command that stops after one frame)}."""
    pipeline = (f"decode {clip} threads={threads} ! scale {SIZE} flags=bicubic !"
                f" encode {output} codec=libx264 option.preset=ultrafast option.threads={threads} audio=none")

    def framelane_run(more):
        return f"{framelane} run --quiet {more} -e '{pipeline}'"

    ff = "ffmpeg -nostdin -hide_banner -loglevel error -y"
    coding = f"-c:v libx264 -preset ultrafast -threads {threads}"
    scale = f"-vf scale={SIZE}:flags=bicubic"
    raw = "-c:v rawvideo -f nut -"

    def one(limit):
        return f"{ff} -threads {threads} -i {clip} -map 0:v:0 -an {scale} {coding} {limit} {output}"

    def three(limit):
        return (f"{ff} -threads {threads} -i {clip} -map 0:v:0 -an {limit} {raw}"
                f" | {ff} -f nut -i - {scale} {limit} {raw} | {ff} -f nut -i - {coding} {limit} {output}")

    found = {
        "framelane, shared memory": (framelane_run("--transport shm"), framelane_run("--transport shm --frames 1")),
        "framelane, pipes": (framelane_run("--transport pipe"), framelane_run("--transport pipe --frames 1")),
        REFERENCE: (one(""), one("-frames:v 1")),
        "ffmpeg, three over pipes (nut)": (three(""), three("-frames:v 1")),
    }
    found.update(gstreamer_candidates(clip, output, threads))
    return found


def gstreamer_candidates(clip, output, threads):
    """GStreamer with the same libav decoder and x264, or nothing where an element is missing."""
    elements = ("qtdemux", "h264parse", "avdec_h264", "videoscale", "x264enc", "mp4mux", "matroskamux", "shmsink", "shmsrc")
    if not shutil.which("gst-launch-1.0"):
        return {}
    missing = [name for name in elements if subprocess.run(["gst-inspect-1.0", "--exists", name], check=False).returncode != 0]
    if missing:
        print(f"GStreamer has no row: no {', '.join(missing)}", file=sys.stderr)
        return {}
    gst = "gst-launch-1.0 -q"
    decode = f"filesrc location={clip} ! qtdemux ! h264parse ! avdec_h264 max-threads={threads}"
    size = "video/x-raw,width=1280,height=720"
    scale = f"videoscale method=catrom n-threads={threads} ! {size}"
    encode = f"x264enc speed-preset=ultrafast pass=qual quantizer=23 threads={threads} ! video/x-h264 ! h264parse"
    width, height, rate = probe(clip, "stream=width,height,r_frame_rate").split(",")[:3]
    caps = f"video/x-raw,format=I420,width={{}},height={{}},framerate={rate},pixel-aspect-ratio=1/1"
    large, small = caps.format(width, height), caps.format(1280, 720)
    sink = "shmsink sync=false wait-for-connection=true shm-size=100000000 socket-path={}"
    source = "shmsrc socket-path={} ! {} ! rawvideoparse use-sink-caps=true ! queue"
    a, b, file = output + ".a", output + ".b", f"filesink location={output}"

    def wait_for(socket):
        return f"while [ ! -S {socket} ]; do sleep 0.01; done"

    def three():
        # shmsrc answers the end of its peer with an error: the exit status of the readers says nothing, the frame count does,
        # and only a container that needs no end can be read afterwards.
        first = f"{gst} {decode} ! {sink.format(a)}"
        second = f"({wait_for(a)}; {gst} {source.format(a, large)} ! {scale} ! {sink.format(b)} 2>/dev/null || true)"
        third = f"({wait_for(b)}; {gst} {source.format(b, small)} ! {encode} ! matroskamux ! {file} 2>/dev/null || true)"
        return f"rm -f {a} {b}; ({first}) & {second} & {third} & wait"

    # gst-launch cannot stop after one frame without an element that forgets the rest: it has no start-up row.
    one = f"{gst} {decode} ! queue ! {scale} ! queue ! {encode} ! mp4mux ! {file}"
    return {"gstreamer, one process": (one, None), "gstreamer, three over shm": (three(), None)}


def probe(path, entries):
    done = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "csv=p=0", path],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip()


def count_frames(path):
    done = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries",
                           "stream=nb_read_frames", "-of", "csv=p=0", path], capture_output=True, text=True, check=False)
    words = done.stdout.strip().strip(",")
    return int(words) if words.isdigit() else 0


def measure(command, output, limit):
    """Runs a shell command: {wall, cpu, frames}. All its processes are its children, waited for before it ends."""
    if os.path.exists(output):
        os.remove(output)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=limit, check=False)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"failed with {done.returncode}: {command}\n{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu, "frames": count_frames(output)}


def interval(values):
    """The median, and the 95 % interval of medians of resamples."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(BOOTSTRAP))
    return statistics.median(values), medians[int(0.025 * BOOTSTRAP)], medians[int(0.975 * BOOTSTRAP)]


def summarise(rounds):
    """Per candidate: medians, intervals, frames, and ratios against the reference of the same round."""
    rows = {}
    for name in rounds[0]:
        row = {"frames": sorted({one[name]["frames"] for one in rounds})}
        for what in ("wall", "cpu"):
            row[what] = interval([one[name][what] for one in rounds])
            row[what + "_ratio"] = interval([one[name][what] / one[REFERENCE][what] for one in rounds])
        rows[name] = row
    return rows


def play(commands, rounds, output, limit, label):
    """`rounds` rounds of all commands, shuffled, after one that is not counted."""
    results = []
    for number in range(rounds + 1):
        names = list(commands)
        random.shuffle(names)
        results.append({name: measure(commands[name], output, limit) for name in names})
        print(f"{label}: round {number} of {rounds}" + (" (not counted)" if number == 0 else ""), file=sys.stderr)
    return [{name: result[name] for name in commands} for result in results[1:]]


def text(triple):
    return f"{triple[0]:.3f} [{triple[1]:.3f}, {triple[2]:.3f}]"


def print_against(rounds):
    """The first candidate against each of the others, paired within rounds."""
    first = next(iter(rounds[0]))
    print(f"\n{first}, against each of the others (below 1: less)\n")
    print("| | wall | CPU |\n|---|---|---|")
    for name in list(rounds[0])[1:]:
        wall, cpu = (interval([one[first][what] / one[name][what] for one in rounds]) for what in ("wall", "cpu"))
        print(f"| {name} | {text(wall)} | {text(cpu)} |")


def print_table(title, rows):
    print(f"\n{title}\n")
    print("| | wall s [95 %] | CPU s [95 %] | wall, of one ffmpeg | CPU, of one ffmpeg | frames |")
    print("|---|---|---|---|---|---|")
    for name, row in rows.items():
        frames = "–".join(str(count) for count in sorted({row["frames"][0], row["frames"][-1]}))
        ratios = ("1", "1") if name == REFERENCE else (text(row["wall_ratio"]), text(row["cpu_ratio"]))
        print(f"| {name} | {text(row['wall'])} | {text(row['cpu'])} | {ratios[0]} | {ratios[1]} | {frames} |")


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")[0].strip()
    except FileNotFoundError:
        return "not installed"


def machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} × {model}, Linux {platform.release()}, load {os.getloadavg()[0]:.2f}"


def make_clip(folder, path):
    """The film to transcode: the one given, a well-known one of FRAMELANE_MEDIA, or twelve seconds of FFmpeg's test picture."""
    if path:
        return path
    known = os.path.join(os.environ.get("FRAMELANE_MEDIA", ""), "h264-1080p30-trees-loop4-684f.mp4")
    if os.path.exists(known):
        return known
    made = os.path.join(folder, "clip.mp4")
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i",
                    "testsrc2=size=1920x1080:rate=30:duration=12,noise=alls=6:allf=t", "-c:v", "libx264", "-preset", "medium",
                    "-pix_fmt", "yuv420p", made], check=True)
    return made


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build", help="build directory whose framelane is measured")
    parser.add_argument("--framelane", help="the program itself, instead of that of a build directory")
    parser.add_argument("--clip", help="the film (H.264 in MP4)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2, help="of each decoder and each encoder")
    parser.add_argument("--only", action="append", help="only candidates whose name holds this (the reference always runs)")
    parser.add_argument("--no-startup", action="store_true", help="leave the start-up rows out")
    parser.add_argument("--limit", type=float, default=300, help="seconds after which a run counts as hung")
    parser.add_argument("--json", metavar="FILE", help="all numbers of all rounds")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    framelane = os.path.abspath(options.framelane or os.path.join(options.build, "pipeline", "framelane"))
    if not os.path.exists(framelane):
        sys.exit(f"{framelane} is not there: build first, or name the build directory with --build")
    with tempfile.TemporaryDirectory(prefix="framelane-bench-") as folder:
        output = os.path.join(folder, "out.mp4")
        film = make_clip(folder, options.clip)
        clip = os.path.join(folder, "film" + os.path.splitext(film)[1]) # a name that needs no quotes
        os.symlink(os.path.abspath(film), clip)
        found = candidates(framelane, clip, output, options.threads)
        if options.only:
            found = {name: both for name, both in found.items() if name == REFERENCE or any(word in name for word in options.only)}
        frames = count_frames(clip)
        about = {"machine": machine(), "framelane": first_line(framelane, "--version"), "ffmpeg": first_line("ffmpeg", "-version"),
                 "gstreamer": first_line("gst-launch-1.0", "--version"), "clip": os.path.basename(film), "clip_frames": frames,
                 "threads": options.threads, "rounds": options.rounds}
        whole = play({name: both[0] for name, both in found.items()}, options.rounds, output, options.limit, "whole film")
        starts = [] if options.no_startup else play({name: both[1] for name, both in found.items() if both[1]}, options.rounds,
                                                    output, options.limit, "start-up")

    for key, value in about.items():
        print(f"{key}: {value}")
    print_table(f"The whole film, {frames} frames, {options.rounds} rounds", summarise(whole))
    print_against(whole)
    if starts:
        print_table(f"Start-up: the same, stopped after one frame, {options.rounds} rounds", summarise(starts))
    print("\nCommands:\n")
    for name, both in found.items():
        shown = both[0].replace(framelane, "framelane").replace(clip, os.path.basename(clip)).replace(output, "out.mp4")
        print(f"    # {name}\n    {' '.join(shown.split())}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"schema": 1, **about, "commands": found, "whole": whole, "startup": starts}, file, indent=1)
    lost = {name: row["frames"] for name, row in summarise(whole).items() if row["frames"] != [frames]}
    for name, counts in lost.items():
        print(f"{name} did not give all {frames} frames in every round: {counts}", file=sys.stderr)
    return 1 if any(name.startswith("framelane") for name in lost) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
