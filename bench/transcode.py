#!/usr/bin/env python3
"""What does it cost to decode, scale and encode a film as separate processes?

The film is transcoded to 1280x720 (bicubic, x264 ultrafast, no sound) by every candidate in turn (contest.py says how): Framelane
over shared memory and over pipes, FFmpeg in one process and in three over pipes, GStreamer in one and in three over shared
memory, where its elements are installed. All get the same options of the codecs and the same number of threads, and what x264
writes of its settings into each output is compared.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import contest
from contest import Contestant, count_frames, probe, shown, shown_frames, text

FIRST = "framelane, shared memory"
REFERENCE = "ffmpeg, one process"
AGAIN = "ffmpeg, one process, again"
SIZE = "1280:720"
MOST_CPU = 1.02 # of the reference, apart from start-up: what this project wants to keep
LEAST_ROUNDS = 3 # of fewer no time is judged
LEAST_FPS = 5 # of a run that has not hung, once it has had ten seconds to begin
SETTINGS = re.compile(rb"x264 - core [^\0]{1,200}options: ([^\0]{1,2000})\0")
TITLES = ("", "wall s [95 %]", "CPU s [95 %]", "wall, of one ffmpeg", "CPU, of one ffmpeg",
          "CPU apart from start-up, of one ffmpeg", "start-up: wall s", "start-up: CPU s", "frames")


# ---- who takes part ----

def commands(framelane, clip, output, threads):
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
        FIRST: (framelane_run("--transport shm"), framelane_run("--transport shm --frames 1")),
        "framelane, pipes": (framelane_run("--transport pipe"), framelane_run("--transport pipe --frames 1")),
        REFERENCE: (one(""), one("-frames:v 1")),
        AGAIN: (one(""), one("-frames:v 1")),
        "ffmpeg, three over pipes (nut)": (three(""), three("-frames:v 1")),
    }
    found.update(gstreamer_commands(clip, output, threads))
    return found


def gstreamer_commands(clip, output, threads):
    """GStreamer with the same libav decoder and x264, or nothing where an element is missing."""
    elements = ("qtdemux", "h264parse", "avdec_h264", "videoscale", "x264enc", "mp4mux", "matroskamux", "shmsink", "shmsrc")
    if not shutil.which("gst-launch-1.0"):
        print("GStreamer has no row: gst-launch-1.0 is not installed", file=sys.stderr)
        return {}
    missing = [name for name in elements if subprocess.run(["gst-inspect-1.0", "--exists", name], check=False).returncode != 0]
    if missing:
        print(f"GStreamer has no row: no {', '.join(missing)}", file=sys.stderr)
        return {}
    gst = "gst-launch-1.0 -q"
    decode = f"filesrc location={clip} ! qtdemux ! h264parse ! avdec_h264 max-threads={threads}"
    size = "video/x-raw,width=1280,height=720"
    scale = f"videoscale method=catrom n-threads={threads} ! {size}"
    encode = f"x264enc speed-preset=ultrafast pass=qual quantizer=23 key-int-max=250 threads={threads} ! video/x-h264 ! h264parse"
    width, height, rate = probe(clip, "stream=width,height,r_frame_rate").split(",")[:3]
    caps = f"video/x-raw,format=I420,width={{}},height={{}},framerate={rate},pixel-aspect-ratio=1/1"
    large, small = caps.format(width, height), caps.format(1280, 720)
    sink = "shmsink sync=false wait-for-connection=true shm-size=100000000 socket-path={}"
    source = "shmsrc socket-path={} ! {} ! rawvideoparse use-sink-caps=true ! queue"
    a, b, file = output + ".a", output + ".b", f"filesink location={output}"

    def wait_for(socket):
        return f"until [ -S {socket} ] || [ -e {socket}.over ]; do sleep 0.01; done"

    def three():
        # shmsrc answers the end of its peer with an error: the exit status of the readers says nothing, the frame count does,
        # and only a container that needs no end can be read afterwards.
        first = f"{gst} {decode} ! {sink.format(a)}; touch {a}.over"
        second = f"({wait_for(a)}; {gst} {source.format(a, large)} ! {scale} ! {sink.format(b)} 2>/dev/null; touch {b}.over)"
        third = f"({wait_for(b)}; {gst} {source.format(b, small)} ! {encode} ! matroskamux ! {file} 2>/dev/null || true)"
        return f"rm -f {a} {b} {a}.over {b}.over; ({first}) & {second} & {third} & wait"

    def one(limit):
        return f"{gst} {decode} {limit} ! queue ! {scale} ! queue ! {encode} ! mp4mux ! {file}"

    # Three over shm have no start-up row: a single frame is often lost on the way.
    return {"gstreamer, one process with queues": (one(""), one("! identity eos-after=2")),
            "gstreamer, three over shm": (three(), None)}


def settings_in(path):
    """What x264 has written of its settings into a file; "" where it has not."""
    with contextlib.suppress(FileNotFoundError):
        with open(path, "rb") as file:
            found = SETTINGS.search(file.read())
        return found.group(1).decode(errors="replace") if found else ""
    return ""


class Output:
    """The file that all write in turn, and what was seen in those of one contestant."""

    def __init__(self, path):
        self.path, self.settings, self.bytes = path, "", 0

    def frames(self):
        self.settings = settings_in(self.path)
        self.bytes = os.path.getsize(self.path) if os.path.exists(self.path) else 0
        return count_frames(self.path)

    def clean(self):
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.path)


def contestants(options, framelane, clip, film, output):
    found = []
    for name, (command, start) in commands(framelane, clip, output, options.threads).items():
        if options.only and name != REFERENCE and not any(word in name for word in options.only):
            continue
        shown_as = command.replace(framelane, "framelane").replace(clip, os.path.basename(film)).replace(output, "out.mp4")
        made = Output(output)
        one = Contestant(name, command, " ".join(shown_as.split()), made.frames, made.clean, None if options.no_startup else start,
                         not name.startswith("framelane") and name != REFERENCE)
        one.output = made
        found.append(one)
    return found


# ---- what follows ----

def verdict_of(figure, most, rounds):
    """The whole interval must lie on one side."""
    if rounds < LEAST_ROUNDS or figure["low"] <= most < figure["high"]:
        return "undecided"
    return "met" if figure["high"] <= most else "missed"


def headline(verdict, sentence):
    return {"schema": 1, "type": "headline", "verdict": verdict, "sentence": sentence}


def say_cpu(row):
    apart = row.get("apart_cpu_ratio")
    if not apart:
        return []
    return [headline(verdict_of(apart, MOST_CPU, row["rounds"]), f"CPU of all processes, apart from start-up: {row['name']} takes "
                     f"{text(apart)} of what {REFERENCE}, takes; wanted: at most {MOST_CPU}.")]


def say_wall(found, by_name, frames):
    """Against whoever of the others was the soonest with every frame."""
    peers = [one for one in found if not one.name.startswith("framelane") and one.name != AGAIN
             and by_name[one.name]["frames"] == [frames]]
    if not peers:
        return []
    fastest = min(peers, key=lambda one: by_name[one.name]["wall_seconds"]["median"])
    against = contest.ratio(found[0], fastest, "wall")
    return [headline(verdict_of(against, 1, len(fastest.rounds)), f"Wall time: {found[0].name} takes {text(against)} of what the "
                     f"fastest of the others with every frame takes ({fastest.name}); wanted: no more.")]


def say_frames(rows, frames):
    own = [row for row in rows if row["name"].startswith("framelane")]
    short = [f"{row['name']} {shown_frames(row)}" + (f" (failed or hung in {row['failed']} of {row['rounds']} rounds)"
             if row["failed"] else "") for row in rows if row["frames"] != [frames] or row["failed"]]
    words = f"Frames at the end: all {frames} in every round, " + (f"but for {'; '.join(short)}." if short else "of everyone.")
    return headline("met" if all(row["frames"] == [frames] for row in own) else "missed", words)


def say_settings(found):
    own = found[0].output.settings
    if not own:
        return []
    other = {}
    for one in found:
        theirs = dict(word.partition("=")[::2] for word in one.output.settings.split())
        mine = dict(word.partition("=")[::2] for word in own.split())
        differ = sorted(f"{key}={theirs.get(key, '?')}" for key in mine if theirs.get(key) != mine[key])
        if differ:
            other.setdefault(" ".join(differ), []).append(one.name)
    words = "; ".join(f"{', '.join(names)}: {differ}" for differ, names in other.items())
    same = "The settings of x264, as it writes them into each output, are the same for all"
    return [headline("told", f"{same}, but for {words}." if words else f"{same}.")]


def headlines(found, rows, frames):
    by_name = {row["name"]: row for row in rows}
    said = []
    if found[0].name == FIRST:
        said += say_cpu(rows[0]) + say_wall(found, by_name, frames)
    return [*said, say_frames(rows, frames), *say_settings(found)]


# ---- telling it ----

def table(rows):
    """The table as Markdown."""
    lines = ["| " + " | ".join(TITLES) + " |", "|---" * len(TITLES) + "|"]
    for row in rows:
        ratios = ["1", "1", "1"] if row["name"] == REFERENCE else [shown(row, key) for key in
                                                                   ("wall_ratio", "cpu_ratio", "apart_cpu_ratio")]
        start = [f"{row[key]['median']:.3f}" if key in row else "-" for key in ("startup_wall_seconds", "startup_cpu_seconds")]
        cells = (row["name"], shown(row, "wall_seconds"), shown(row, "cpu_seconds"), *ratios, *start, shown_frames(row))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def against(found):
    """The first contestant against each of the others, paired within rounds."""
    lines = [f"{found[0].name}, against each of the others (below 1: less)", "", "| | wall | CPU |", "|---|---|---|"]
    for one in found[1:]:
        pair = [contest.ratio(found[0], one, what) for what in ("wall", "cpu")]
        if all(pair):
            lines.append(f"| {one.name} | {text(pair[0])} | {text(pair[1])} |")
    return "\n".join(lines)


def report(result):
    parts = ["\n".join(f"{key}: {value}" for key, value in result["head"].items())]
    parts.append("\n".join(f"- {line['sentence']} **{line['verdict']}**" for line in result["headlines"]))
    parts.append(table(result["rows"]))
    parts.append(result["against"])
    parts.append("Commands:\n\n" + "\n".join(f"    # {row['name']}\n    {row['command']}" for row in result["rows"]
                                            if row["name"] != AGAIN))
    return "\n\n".join(parts) + "\n"


# ---- all of it ----

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


def measure(options):
    """{head, rows, noise, headlines, against}: all of it, ready to be told or kept."""
    framelane = os.path.abspath(options.framelane or os.path.join(options.build, "pipeline", "framelane"))
    if not os.path.exists(framelane):
        sys.exit(f"{framelane} is not there: build first, or name the build directory with --build")
    for tool in ("ffmpeg", "ffprobe"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is not installed (Debian: apt-get install ffmpeg)")
    with tempfile.TemporaryDirectory(prefix="framelane-bench-") as folder:
        output = os.path.join(folder, "out.mp4")
        film = make_clip(folder, options.clip)
        clip = os.path.join(folder, "film" + os.path.splitext(film)[1]) # a name that needs no quotes
        os.symlink(os.path.abspath(film), clip)
        frames = count_frames(clip)
        if frames == 0:
            sys.exit(f"{film}: ffprobe finds no frames in it")
        head = dict(contest.versions(framelane), clip=os.path.basename(film), clip_frames=frames, threads=options.threads)
        found = contestants(options, framelane, clip, film, output)
        try:
            limit = options.limit or 10 + frames / LEAST_FPS
            contest.play(found, options.rounds, limit, lambda words: print(words, file=sys.stderr), options.budget)
        except contest.Failed as failure:
            sys.exit(str(failure))
    for one in found:
        for words in one.failures:
            print(f"{one.name}: {words}", file=sys.stderr)
    head["rounds"] = len(found[0].rounds)
    reference = next(one for one in found if one.name == REFERENCE)
    found = [one for one in found if any(one.rounds)]
    rows = [contest.row_of(one, reference) for one in found]
    again = [row for row in rows if row["name"] == AGAIN]
    noise = contest.mark_noise(rows, again[0]) if again else {}
    if noise:
        head["noise floor"] = "one ffmpeg against itself: " + ", ".join(f"{what.replace('_', ' ')} {100 * floor:.1f} %"
                                                                        for what, floor in noise.items())
    for one, row in zip(found, rows):
        row["output_bytes"], row["settings"] = one.output.bytes, one.output.settings
    return {"schema": 1, "type": "pipelines", "head": head, "noise": noise, "rows": rows,
            "headlines": headlines(found, rows, frames), "against": against(found),
            "rounds": {one.name: one.rounds for one in found}}


def tell(result, as_lines):
    if as_lines:
        for line in ({"schema": 1, "type": "head", **result["head"]}, *result["rows"], *result["headlines"]):
            print(json.dumps(line))
    else:
        print(report(result), end="")


def exit_code(result):
    own = [row for row in result["rows"] if row["name"].startswith("framelane")]
    return 1 if any(row["frames"] != [result["head"]["clip_frames"]] for row in own) else 0


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build", help="build directory whose framelane is measured")
    parser.add_argument("--framelane", help="the program itself, instead of that of a build directory")
    parser.add_argument("--clip", help="the film (H.264 in MP4)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2, help="of each decoder and each encoder")
    parser.add_argument("--only", action="append", help="only candidates whose name holds this (the reference always runs)")
    parser.add_argument("--no-startup", action="store_true", help="leave start-up out")
    parser.add_argument("--limit", type=float, help="seconds after which a run counts as hung (else 10, and one for five frames)")
    parser.add_argument("--budget", type=float, default=float("inf"), help="seconds after which no round is begun, three apart")
    parser.add_argument("--json", metavar="FILE", help="all numbers of all rounds")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    contest.leave_nothing()
    result = measure(options)
    tell(result, False)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
    return exit_code(result)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
