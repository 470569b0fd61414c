#!/usr/bin/env python3
"""From the decoder to the encoder no payload is copied: by the program's own counters, by a tally from outside, and by where
the encoder's pictures lie.

usage: copies.py COPIES.SO
"""
import os
import struct
import subprocess
import sys

import harness
from harness import Failures, run, scratch

WIDTH, HEIGHT, FRAMES = 640, 360, 60
PAYLOAD = WIDTH * HEIGHT * 3 // 2
# x264 copies the last row of a plane with memcpy, the rest with code of its own: work of the encoder, two rows in a thousand.
TOLERATED_SHARE = 0.02
CLIPS = {
    "libx264": ("h264.mp4", ["-c:v", "libx264", "-bf", "2"]),
    "libx265": ("hevc.mkv", ["-c:v", "libx265", "-x265-params", "log-level=error"]),
    "libvpx-vp9": ("vp9.webm", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]),
    "mpeg2video": ("mpeg2.ts", ["-c:v", "mpeg2video", "-bf", "2", "-b:v", "4M"]),
}
HEAD, MAPPING = struct.Struct("<16s7Q"), struct.Struct("<5Q")


class Tally:
    """One process's file, as bench/copies.c lays it out."""

    def __init__(self, path):
        data = open(path, "rb").read()
        (command, _, self.calls, self.bytes, self.shared_calls, self.shared_bytes, self.elsewhere, count) = HEAD.unpack_from(data)
        self.command = command.rstrip(b"\0\n").decode(errors="replace")
        records = [MAPPING.unpack_from(data, HEAD.size + place * MAPPING.size) for place in range(min(count, 64))]
        self.pictures = {}
        for start, end, inode, writable, pictures in records:
            if pictures:
                self.pictures[inode] = self.pictures.get(inode, 0) + pictures
        self.writable = {inode: end - start for start, end, inode, writable, _ in records if writable}

    def largest_writable(self):
        return max(self.writable, key=self.writable.get, default=None)


def tallied_run(preload, pipeline):
    """Runs it with the tally in every process: (end object, {stage: Tally})."""
    with scratch() as directory:
        environment = dict(os.environ, LD_PRELOAD=preload, COPIES_DIRECTORY=directory, COPIES_ROW=str(WIDTH // 2))
        result = run("run", "-e", pipeline, "--json", env=environment)
        if result.exit != 0 or not result.end:
            print(f"FAILED: {pipeline}: exit {result.exit}: {result.err}")
            sys.exit(1)
        found = {stage["name"]: Tally(os.path.join(directory, str(stage["pid"]))) for stage in result.end["stages"]}
    return result.end, found


def check_pipeline(failures, preload, title, pipeline, copying=()):
    end, tallies = tallied_run(preload, pipeline)
    failures.check(end["copies"] == 0 and end["copied_bytes"] == 0, f"{title}: framelane counts {end['copies']} copies")
    allowed = TOLERATED_SHARE * PAYLOAD * FRAMES
    for stage, tally in tallies.items():
        shared, private = tally.shared_bytes / FRAMES, (tally.bytes - tally.shared_bytes) / FRAMES
        print(f"{title}: {stage}: {tally.calls} copies of a row or more; bytes a frame: {shared:.0f} shared, {private:.0f} private")
        if stage not in copying:
            failures.check(tally.shared_bytes < allowed, f"{title}: {stage} copies {shared:.0f} shared bytes a frame")
    return tallies


def check_no_more_than_ffmpeg(failures, preload, title, tallies, path, filters, coding):
    """Codecs copy within themselves; one-process FFmpeg, which hands on pointers, shows how much of that there is."""
    with scratch() as directory:
        environment = dict(os.environ, LD_PRELOAD=preload, COPIES_DIRECTORY=directory, COPIES_ROW=str(WIDTH // 2))
        command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-threads", "1", "-i", path, "-an", *filters, *coding]
        subprocess.run([*command, os.path.join(directory, "out.mkv")], env=environment, check=True)
        alone = [Tally(os.path.join(directory, name)) for name in os.listdir(directory) if name.isdigit()]
    wanted, got = alone[0].bytes / FRAMES, sum(tally.bytes for tally in tallies.values()) / FRAMES
    print(f"{title}: {got:.0f} bytes a frame in copies of a row or more; ffmpeg in one process {wanted:.0f}")
    failures.check(got < wanted + TOLERATED_SHARE * PAYLOAD, f"{title}: {got:.0f} bytes a frame are copied, by ffmpeg {wanted:.0f}")


def check_same_pool(failures, title, writer, others, encoder):
    """The encoder's pictures lie in the writer's pool, which nobody else has mapped writable."""
    pool = writer.largest_writable()
    failures.check(encoder.pictures == {pool: FRAMES} and encoder.elsewhere == 0,
                   f"{title}: the encoder's pictures by memory file: {encoder.pictures}, elsewhere {encoder.elsewhere}; not {pool}")
    for other in others:
        failures.check(pool not in other.writable, f"{title}: another process can write to the pool")


def check_film(failures, preload, path, output, coding):
    name, decode = os.path.basename(path), f"decode {path} threads=1"
    encode = f"encode {output} codec={coding[1]} audio=none " + " ".join(
        f"option.{key[1:]}={value}" for key, value in zip(coding[2::2], coding[3::2]))
    for title, middle, copying, writer in (("to the encoder", "", (), "decode"), ("cropped", "crop 320:180 ! ", (), "decode"),
                                           ("scaled", "scale 320:180 ! ", ("scale",), "scale")):
        title = f"{name} {title}"
        tallies = check_pipeline(failures, preload, title, f"{decode} ! {middle}{encode}", copying)
        others = [tally for stage, tally in tallies.items() if stage != writer]
        check_same_pool(failures, title, tallies[writer], others, tallies["encode"])
        if not copying:
            check_no_more_than_ffmpeg(failures, preload, title, tallies, path, ["-vf", "crop=320:180"] if middle else [], coding)


def check_copies_are_seen(failures, preload, directory):
    """Where a copy cannot be avoided (the AV1 decoder brings its own memory) both counters tell it: they do not count 0 always."""
    if not harness.has_encoder("libaom-av1"):
        print("not tried: a decoder that must be copied from (no libaom-av1 in this ffmpeg)")
        return
    coding = ["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8"]
    path = harness.clip(os.path.join(directory, "av1.mkv"), *coding, size=f"{WIDTH}x{HEIGHT}", frames=FRAMES)
    end, tallies = tallied_run(preload, f"decode {path} ! null")
    seen = tallies["decode"].shared_bytes
    failures.check(end["copies"] == FRAMES, f"av1: framelane counts {end['copies']} copies of {FRAMES}")
    failures.check(seen >= FRAMES * PAYLOAD, f"av1: the tally saw {seen} bytes of {FRAMES * PAYLOAD}")


def main(preload):
    if harness.SANITIZED:
        harness.skip("a sanitizer counts as it likes")
    failures = Failures()
    coding = ["-c:v", "mpeg4", "-threads", "1"]
    if harness.has_encoder("libx264"):
        coding = ["-c:v", "libx264", "-threads", "1", "-preset", "ultrafast"]
    with scratch() as directory:
        for coder, (name, options) in CLIPS.items():
            if not harness.has_encoder(coder):
                print(f"not tried: {name} ({coder} is not in this ffmpeg)")
                continue
            path = harness.clip(os.path.join(directory, name), *options, size=f"{WIDTH}x{HEIGHT}", frames=FRAMES)
            check_film(failures, preload, path, os.path.join(directory, "out.mkv"), coding)
        check_copies_are_seen(failures, preload, directory)
    failures.finish()


if __name__ == "__main__":
    main(sys.argv[1])
