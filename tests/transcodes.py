#!/usr/bin/env python3
"""decode -> scale -> encode keeps every frame and its time, and the file is byte for byte the same over either transport.

Rotation, aspect ratio, colour, variable frame rate and the sound of the input reach the output.
"""
import json
import os
import subprocess

import harness
from harness import Failures, run, scratch

OFFSET_LIMIT = 0.001 # seconds by which sound may move against the picture


def probe(path, *entries):
    done = subprocess.run(["ffprobe", "-v", "error", "-of", "json", *entries, path], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def frame_times(path):
    frames = probe(path, "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time")["frames"]
    return [float(frame["best_effort_timestamp_time"]) for frame in frames]


def packets(path, index):
    """[(time, md5)] of the packets of one stream."""
    said = probe(path, "-select_streams", str(index), "-show_packets", "-show_data_hash", "md5",
                 "-show_entries", "packet=pts_time,data_hash")["packets"]
    return [(float(packet["pts_time"]) if "pts_time" in packet else None, packet["data_hash"]) for packet in said]


def streams(path, kind):
    return [stream for stream in probe(path, "-show_streams")["streams"] if stream["codec_type"] == kind]


def transcode(failures, title, source, output, middle="scale 160:-2", more="", transport="shm"):
    expression = f"decode '{source}' ! {middle} ! encode '{output}' codec=mpeg4 {more}"
    result = run("run", "-e", expression, "--transport", transport, "--json", limit=harness.LIMIT * 2)
    failures.check(result.exit == 0, f"{title}: exit {result.exit}: {result.err}")
    return result


def check_times(failures, title, source, output):
    before, after = frame_times(source), frame_times(output)
    failures.check(len(before) == len(after), f"{title}: {len(after)} frames of {len(before)}")
    # mp4 counts from the first frame, and a container's clock has its own steps.
    shift = before[0] - after[0] if before and after else 0
    moved = max((abs(one - two - shift) for one, two in zip(before, after)), default=0)
    failures.check(moved <= OFFSET_LIMIT, f"{title}: a frame moved by {moved * 1e3:.2f} ms")
    return shift


def check_sound(failures, title, source, output, shift):
    wanted, got = streams(source, "audio"), streams(output, "audio")
    if not failures.check(len(got) == len(wanted), f"{title}: {len(got)} sound streams of {len(wanted)}"):
        return
    for before, after in zip(wanted, got):
        old, new = packets(source, before["index"]), packets(output, after["index"])
        failures.check([digest for _, digest in old] == [digest for _, digest in new],
                       f"{title}: the sound's packets changed ({len(new)} of {len(old)})")
        for place in (0, -1):
            if old and new and old[place][0] is not None and new[place][0] is not None:
                moved = old[place][0] - new[place][0] - shift
                failures.check(abs(moved) <= OFFSET_LIMIT, f"{title}: the sound moved by {moved * 1e3:.2f} ms against the picture")


def check_same_bytes(failures, directory, source):
    for name in ("same.mp4", "same.mkv"):
        made = []
        for transport in ("shm", "pipe"):
            path = os.path.join(directory, f"{transport}-{name}")
            transcode(failures, f"{name} over {transport}", source, path, more="option.fflags=+bitexact", transport=transport)
            made.append(open(path, "rb").read())
        failures.check(made[0] == made[1], f"{name}: over shared memory and over pipes the files differ")


def check_transport_stream(failures, directory):
    """AAC that describes itself in each packet is described once in other containers, whose headers stay whole."""
    source = harness.clip(os.path.join(directory, "aac.ts"), "-c:v", "mpeg2video", "-c:a", "aac", sound=True)
    for name in ("aac.mkv", "aac.mp4"):
        ours, theirs = os.path.join(directory, "our-" + name), os.path.join(directory, "their-" + name)
        transcode(failures, name, source, ours)
        harness.ffmpeg("-i", source, "-c:v", "mpeg4", "-c:a", "copy", theirs)
        damage = subprocess.run(["ffprobe", "-v", "error", ours], capture_output=True, text=True, check=False).stderr
        failures.check(damage == "", f"{name} from a transport stream is damaged: {damage}")
        got, wanted = streams(ours, "audio")[0], streams(theirs, "audio")[0]
        keys = ("codec_name", "profile", "sample_rate", "channels", "extradata_size")
        failures.check(all(got.get(key) == wanted.get(key) for key in keys), f"{name}: its sound is {got}, by ffmpeg {wanted}")
        digests = [[digest for _, digest in packets(path, 1)] for path in (ours, theirs)]
        failures.check(digests[0] == digests[1] and digests[0], f"{name}: the sound's packets are others than ffmpeg's")


def check_out_of_transport_stream(failures, directory, source):
    """Whether its AAC describes itself or not (some cameras and old muxers leave that out), all of its sound goes into Matroska."""
    title, output = os.path.basename(source) + " into mkv", os.path.join(directory, "from-ts.mkv")
    if transcode(failures, title, source, output).exit == 0:
        before, after = ([len(packets(path, stream["index"])) for stream in streams(path, "audio")] for path in (source, output))
        failures.check(after == before, f"{title}: {after} packets of sound instead of {before}")


def check_tags(failures, directory):
    """What the picture means, apart from its pixels."""
    source, output = os.path.join(directory, "tags.mkv"), os.path.join(directory, "tags-out.mkv")
    harness.clip(source, "-c:v", "libx264", "-vf", "setsar=4/3", "-colorspace", "bt709", "-color_primaries", "bt709",
                 "-color_trc", "bt709", "-color_range", "tv")
    transcode(failures, "tags", source, output, middle="crop 160:90")
    before, after = streams(source, "video")[0], streams(output, "video")[0]
    for tag in ("color_range", "color_space", "color_primaries", "color_transfer", "sample_aspect_ratio"):
        failures.check(after.get(tag) == before.get(tag), f"{tag} is {after.get(tag)} instead of {before.get(tag)}")


def check_rotation(failures, directory, source):
    turned, output = os.path.join(directory, "turned.mp4"), os.path.join(directory, "turned-out.mp4")
    harness.turn(source, turned)
    wanted = [side["rotation"] for side in streams(turned, "video")[0].get("side_data_list", []) if "rotation" in side]
    if not wanted:
        print("not tried: rotation (this ffmpeg does not write it)")
        return
    transcode(failures, "rotation", turned, output)
    got = [side["rotation"] for side in streams(output, "video")[0].get("side_data_list", []) if "rotation" in side]
    failures.check(got == wanted, f"rotation: {got} instead of {wanted}")


def own_clips(directory):
    codings = {
        "film.mp4": "-c:v libx264 -bf 2 -c:a aac",
        "film.mkv": "-c:v libx264 -c:a libopus",
        "film.ts": "-c:v mpeg2video -c:a mp2",
        "variable.mkv": "-vf select='mod(n\\,5)' -fps_mode vfr -c:v mpeg4 -c:a flac",
    }
    return [harness.clip(os.path.join(directory, name), *coding.split(), sound=True) for name, coding in codings.items()]


def media_with_sound():
    if not harness.MEDIA:
        return []
    found = []
    for name in sorted(os.listdir(harness.MEDIA)):
        path = os.path.join(harness.MEDIA, name)
        if os.path.isfile(path) and not name.startswith("broken") and not name.startswith("encrypted"):
            done = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", path],
                                  capture_output=True, text=True, check=False)
            kinds = done.stdout.split()
            if "video" in kinds and "audio" in kinds:
                found.append(path)
    return found


def main():
    harness.need("ffmpeg", "ffprobe")
    if not harness.has_encoder("libx264"):
        harness.skip("this ffmpeg has no libx264")
    failures = Failures()
    with scratch() as directory:
        clips = own_clips(directory)
        check_same_bytes(failures, directory, clips[0])
        check_transport_stream(failures, directory)
        check_tags(failures, directory)
        check_rotation(failures, directory, clips[0])
        for source in clips + media_with_sound():
            # Other containers want AAC without the headers that a transport stream gives its packets.
            title, output = os.path.basename(source), os.path.join(directory, "out.ts" if source.endswith(".ts") else "out.mkv")
            transcode(failures, title, source, output)
            if os.path.exists(output) and os.path.getsize(output) > 0:
                shift = check_times(failures, title, source, output)
                check_sound(failures, title, source, output, shift)
                os.remove(output)
            if source.endswith(".ts"):
                check_out_of_transport_stream(failures, directory, source)
    failures.finish()


if __name__ == "__main__":
    main()
