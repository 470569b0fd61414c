#!/usr/bin/env python3
"""Every file gives the frames that FFmpeg gives: the same hashes and the same times, over shared memory and over pipes.

Files: the test's own clips, and all of FRAMELANE_MEDIA. Where FFmpeg does not agree with itself from one number of threads to
another (damaged files), count and times must agree, and with one thread on both sides the hashes, as far as FFmpeg repeats itself.
usage: same-frames.py [FILE...]
"""
import os
import subprocess
import sys

import harness
from harness import Failures, run, scratch

# Streams without times: FFmpeg makes them up in its own way, ours are n × duration. Hashes and count must agree.
WITHOUT_TIMES = (".264", ".h264", ".265", ".m2v", ".m4v", ".png")
OWN_CLIPS = {
    "h264-bframes.mp4": ("libx264", ["-c:v", "libx264", "-bf", "3"]),
    "h264-raw.264": ("libx264", ["-c:v", "libx264"]),
    "hevc.mkv": ("libx265", ["-c:v", "libx265", "-x265-params", "log-level=error"]),
    "vp9.webm": ("libvpx-vp9", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]),
    "av1.mkv": ("libsvtav1", ["-c:v", "libsvtav1", "-preset", "12"]),
    "mpeg2.ts": ("mpeg2video", ["-c:v", "mpeg2video", "-bf", "2"]),
    "prores.mov": ("prores_ks", ["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"]),
    "interlaced.ts": ("mpeg2video", ["-vf", "tinterlace=interleave_top", "-c:v", "mpeg2video", "-flags", "+ildct+ilme"]),
    "variable.mkv": ("mpeg4", ["-vf", "select='mod(n,7)'", "-fps_mode", "vfr", "-c:v", "mpeg4"]),
    "odd.mkv": ("ffv1", ["-vf", "crop=175:143", "-c:v", "ffv1"]),
    "y4m.y4m": ("wrapped_avframe", []),
}


def make_clips(directory):
    paths = []
    for name, (coder, options) in OWN_CLIPS.items():
        if not harness.has_encoder(coder):
            print(f"not tried: {name} ({coder} is not in this ffmpeg)")
            continue
        paths.append(harness.clip(os.path.join(directory, name), *options, frames=45))
    paths += [rotated(directory, paths[0]), resized(directory), damaged(directory, paths[0])]
    return [path for path in paths if path]


def rotated(directory, source):
    path = os.path.join(directory, "rotated.mp4")
    harness.turn(source, path)
    return path


def resized(directory):
    """A raw stream whose pictures change their size midway."""
    parts = [harness.clip(os.path.join(directory, f"part{size}.m2v"), "-c:v", "mpeg2video", size=size, frames=20)
             for size in ("320x180", "640x360")]
    path = os.path.join(directory, "resized.m2v")
    with open(path, "wb") as out:
        for part in parts:
            with open(part, "rb") as file:
                out.write(file.read())
    return path


def damaged(directory, source):
    """One byte in a thousand is wrong, beyond the header."""
    data = bytearray(open(source, "rb").read())
    for place in range(6000, len(data) - 6000, 1009):
        data[place] ^= 0x10
    path = os.path.join(directory, "damaged.mp4")
    with open(path, "wb") as out:
        out.write(data)
    return path


def read_hashes(text):
    """[(pts, size, hash)] of framemd5 lines."""
    rows = [line.replace(" ", "").split(",") for line in text.splitlines() if line and not line.startswith("#")]
    return [(row[2], row[4], row[5]) for row in rows if len(row) >= 6]


def reference(path, threads=None, hold_all=False):
    """`hold_all`: no pixel is changed, but no picture's memory is used twice. What differs then is what the decoder never wrote."""
    few = ["-threads", str(threads)] if threads else []
    held = ["-vf", "reverse,reverse"] if hold_all else []
    done = subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *few, "-noautorotate", "-i", path, "-map", "0:v:0", *held,
                           "-fps_mode", "passthrough", "-autoscale", "0", "-enc_time_base", "-1", "-copyts", "-f", "framemd5", "-"],
                          capture_output=True, text=True, errors="replace", timeout=harness.LIMIT * 2, check=False)
    return read_hashes(done.stdout)


def ours(path, transport, threads=None):
    few = f" threads={threads}" if threads else ""
    result = run("run", "-e", f"decode '{path}'{few} ! hash", "--transport", transport, "--quiet", limit=harness.LIMIT * 2)
    return result, read_hashes(result.out)


def hashes_of(rows):
    return [row[1:] for row in rows]


def compare(path, wanted, got):
    """What differs, or None."""
    if len(wanted) != len(got):
        return f"{len(got)} frames, ffmpeg gives {len(wanted)}"
    untimed = path.endswith(WITHOUT_TIMES)
    for number, (want, have) in enumerate(zip(wanted, got)):
        if want[1:] != have[1:]:
            return f"frame {number} has another hash: {have}, ffmpeg {want}"
        if not untimed and want[0] != have[0]:
            return f"frame {number} has pts {have[0]}, ffmpeg {want[0]}"
    return None


def compare_unstable(path, transport, wanted, got, single):
    """For files on which FFmpeg differs from itself: count and times; with one thread the hashes of frames it is sure of."""
    if len(wanted) != len(got) and len(single) != len(got):
        return f"{len(got)} frames, ffmpeg gives {len(wanted)} or {len(single)}"
    _, alone = ours(path, transport, threads=1)
    others = [reference(path, threads=1), reference(path, threads=1, hold_all=True)]
    sure = [number for number, row in enumerate(single) if all(row in other[number:number + 1] for other in others)]
    wrong = [number for number in sure if number >= len(alone) or single[number] != alone[number]]
    if len(alone) != len(single) or wrong:
        return f"with one thread: {len(alone)} frames of {len(single)}; of {len(sure)} sure ones {len(wrong)} differ: {wrong[:9]}"
    apart = [number for number, (want, have) in enumerate(zip(single, alone)) if want != have]
    print(f"{os.path.basename(path)}, {transport}: ffmpeg is sure of {len(sure)} of {len(single)} frames; {len(apart)} differ")
    return None


def check_file(failures, path):
    name = os.path.basename(path)
    wanted = reference(path)
    single = None
    for transport in ("shm", "pipe"):
        result, got = ours(path, transport)
        if not wanted:
            failures.check(result.exit in (1, 4), f"{name}, {transport}: exit {result.exit}, ffmpeg gives no frame: {result.err}")
            failures.check(name in result.err, f"{name}, {transport}: the message does not name the file: {result.err}")
            continue
        difference = compare(path, wanted, got)
        if difference and single is None:
            single = reference(path, threads=1)
        if difference and single != wanted:
            difference = compare_unstable(path, transport, wanted, got, single)
        failures.check(not difference, f"{name}, {transport}: {difference}; {result.err.strip()}")
        failures.check(result.exit == 0, f"{name}, {transport}: exit {result.exit}: {result.err}")


def media_files():
    if not harness.MEDIA:
        return []
    names = sorted(os.listdir(harness.MEDIA))
    return [os.path.join(harness.MEDIA, name) for name in names if os.path.isfile(os.path.join(harness.MEDIA, name))
            and not name.endswith((".tsv", ".md", ".txt"))]


def main(paths):
    harness.need("ffmpeg")
    failures = Failures()
    with scratch() as directory:
        chosen = paths or make_clips(directory) + media_files()
        for path in chosen:
            check_file(failures, path)
        print(f"{len(chosen)} files" + ("" if harness.MEDIA or paths else "; set FRAMELANE_MEDIA to try a folder of real ones"))
    failures.finish()


if __name__ == "__main__":
    main(sys.argv[1:])
