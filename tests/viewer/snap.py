#!/usr/bin/env python3
"""`framelane snap` writes the frame it names, as ffmpeg renders it: colours, turns, the shape of samples; and treats its file as an
output of ours is treated.
"""
import os
import struct
import subprocess

import screen
from screen import harness, remote
from window import Run

SIZE = "320x180"
EXACT = "scale=flags=accurate_rnd+full_chroma_int+bicubic"
FORMATS = {"yuv420p": ":in_color_matrix=bt601", "nv12": ":in_color_matrix=bt601", "yuv422p10le": ":in_color_matrix=bt601",
           "yuvj444p": ":in_color_matrix=bt601:in_range=pc", "gbrp": ""}
MEAN = 2


def snap(target, file, *options):
    """(result, number of the frame)"""
    done = harness.run("snap", target, file, *options)
    words = done.err.split("frame ")
    return done, int(words[1].split(",")[0]) if done.exit == 0 and len(words) > 1 else None


def raw_of(directory, pix_fmt, number):
    path = os.path.join(directory, f"{pix_fmt}.raw")
    harness.run("run", "-e", f"pattern size={SIZE} format={pix_fmt} frames={number + 1} ! raw {path}")
    with open(path, "rb") as file:
        data = file.read()
    return data[len(data) // (number + 1) * number:]


def check_colours(failures, directory):
    sources = " ; ".join(f"pattern realtime=true size={SIZE} rate=25 format={each} as {each} ! null" for each in FORMATS)
    run = Run(directory, "cam1", sources).until_frames_flow()
    for pix_fmt, words in FORMATS.items():
        file = os.path.join(directory, f"{pix_fmt}.png")
        done, number = snap(f"cam1/{pix_fmt}", file)
        if not failures.check(number is not None, f"{pix_fmt}: {done.exit}: {done.err}"):
            continue
        wanted = screen.filtered(raw_of(directory, pix_fmt, number), pix_fmt, SIZE, EXACT + words)
        mean, most = screen.apart(screen.raw_frame(["-i", file], "rgb24"), wanted)
        failures.check(mean <= MEAN, f"{pix_fmt}, frame {number}: mean {mean:.2f}, most {most} levels from what ffmpeg renders")
    return run


def check_file(failures, directory):
    """Replaced as outputs are, or not where that is said; never touched for nothing; standard output and what is no file."""
    file, missing = os.path.join(directory, "yuv420p.png"), os.path.join(directory, "no", "such.png")
    before = os.stat(file)
    for words, code in (((file, "--no-overwrite"), 4), ((missing,), 4), ((file.replace(".png", ".jpg"),), 2),
                        ((file, "--frame", "last"), 2)):
        done, _ = snap("cam1/yuv420p", *words)
        failures.check(done.exit == code and "framelane snap: " in done.err, f"snap {words}: {done.exit}: {done.err}")
    for target in ("cam1/nothing", "cam3/yuv420p"):
        done, _ = snap(target, file)
        failures.check(done.exit == 1, f"snap {target}: {done.exit}: {done.err}")
    failures.check(os.stat(file).st_mtime_ns == before.st_mtime_ns, "a snap that fails touches its file")
    os.symlink(file, os.path.join(directory, "link.png"))
    done, first = snap("cam1/yuv420p", os.path.join(directory, "link.png"))
    failures.check(done.exit == 0 and os.stat(file).st_ino == before.st_ino, f"an existing file: {done.exit}: {done.err}")
    done, second = snap("cam1/yuv420p", file, "--frame", "next")
    failures.check(second > first, f"--frame next gives {second} after {first}")
    done = subprocess.run([harness.FRAMELANE, "snap", "cam1/null", "-"], capture_output=True, check=False)
    failures.check(done.stdout.startswith(b"\x89PNG\r\n") and b"cam1/null" in done.stderr, f"to standard output: {done.stderr}")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([harness.FRAMELANE, "snap", "cam1/null", "-"], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)
    failures.check(done.returncode == 4 and "No space left" in done.stderr, f"a full disk: {done.returncode}: {done.stderr}")


def check_shapes(failures, directory):
    """A film that is to be shown turned, and one of samples that are not square."""
    film, turned, wide = (os.path.join(directory, name) for name in ("film.mp4", "turned.mp4", "wide.mp4"))
    coding = ("-c:v", "mpeg4", "-q:v", "2")
    harness.turn(harness.clip(film, *coding, size=SIZE, rate=25, frames=250), turned)
    harness.clip(wide, *coding, "-vf", "setsar=4/3", size=SIZE, rate=25, frames=250)
    run = Run(directory, "cam2", f"decode {turned} as turned ! filter realtime ! null ; "
              f"decode {wide} as wide ! filter realtime ! null").until_frames_flow()
    for path, name in ((turned, "turned"), (wide, "wide")):
        file = os.path.join(directory, f"{name}.png")
        done, number = snap(f"cam2/{name}", file)
        if not failures.check(number is not None, f"{name}: {done.exit}: {done.err}"):
            continue
        wanted = screen.raw_frame(["-i", path, "-vf", f"select=eq(n\\,{number}),{EXACT}"], "rgb24")
        mean, most = screen.apart(screen.raw_frame(["-i", file], "rgb24"), wanted)
        failures.check(mean <= MEAN, f"{name}, frame {number}: mean {mean:.2f}, most {most} levels from what ffmpeg renders")
    with open(os.path.join(directory, "wide.png"), "rb") as file:
        data = file.read()
    across, down = struct.unpack_from(">II", data, data.index(b"pHYs") + 4)  # pixels a unit: fewer where they are wider
    failures.check(abs(3 * down - 4 * across) <= 4, f"samples of 4:3 in the file: {across} across and {down} down a unit")
    run.stop()


def main():
    harness.need("ffmpeg")
    failures = harness.Failures()
    with harness.scratch() as directory, remote.runtime_folder():
        run = check_colours(failures, directory)
        check_file(failures, directory)
        code, err = run.stop()
        failures.check(code == 0, f"the run: {code}: {err}")
        check_shapes(failures, directory)
    failures.finish()


if __name__ == "__main__":
    main()
