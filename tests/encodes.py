#!/usr/bin/env python3
"""What the written file says: exact times, durations, colour, HDR, fields, sound; and the same bytes each time.

Every encoder gets its pictures without a copy; a muxer or an encoder that cannot do what is asked says so.
"""
import fcntl
import json
import os
import subprocess
from fractions import Fraction

import harness
from harness import Failures, run, scratch

EVER = Fraction(1, 1000)  # seconds by which nothing may move that a container could have kept


def probe(path, *entries):
    done = subprocess.run(["ffprobe", "-v", "error", "-of", "json", *entries, path], capture_output=True, text=True, check=False)
    return json.loads(done.stdout or "{}")


def video(path):
    return next(stream for stream in probe(path, "-show_streams")["streams"] if stream["codec_type"] == "video")


def times(path):
    """[(pts, duration)] of the pictures in order of pts, in seconds."""
    base = Fraction(video(path)["time_base"])
    packets = probe(path, "-select_streams", "v:0", "-show_entries", "packet=pts,duration")["packets"]
    return sorted((packet["pts"] * base, packet.get("duration", 0) * base) for packet in packets if "pts" in packet)


def pictures(path):
    return len(probe(path, "-select_streams", "v:0", "-show_entries", "frame=pict_type")["frames"])


def sounds(path):
    """[[(pts, hash)]] of the streams of sound, in seconds."""
    found = []
    for stream in probe(path, "-show_streams")["streams"]:
        if stream["codec_type"] == "audio":
            base = Fraction(stream["time_base"])
            packets = probe(path, "-select_streams", str(stream["index"]), "-show_packets", "-show_data_hash", "md5")["packets"]
            found.append([(packet["pts"] * base, packet["data_hash"]) for packet in packets])
    return found


def encode(failures, title, source, output, words, exits=0):
    result = run("run", "--json", "-e", f"decode '{source}' ! encode '{output}' {words}", limit=harness.LIMIT * 2)
    failures.check(result.exit == exits, f"{title}: exit {result.exit}: {result.err}")
    return result


def check_times(failures, directory):
    """mp4 can hold every time exactly, so it does: constant rates and variable ones, from 0 and from later."""
    codings = {
        "whole.mkv": ("30", ["-c:v", "libx264"]),
        "broadcast.mp4": ("30000/1001", ["-c:v", "libx264", "-bf", "2"]),
        "variable.mkv": ("30", ["-vf", "select='not(eq(mod(n,7),3))'", "-fps_mode", "vfr", "-c:v", "mpeg4"]),
        "late.ts": ("25", ["-c:v", "mpeg2video"]),
        "ticks.mp4": ("50", ["-c:v", "libx264", "-video_track_timescale", "90000"]),
    }
    for name, (rate, coding) in codings.items():
        source = harness.clip(os.path.join(directory, name), *coding, rate=rate, frames=40)
        output = os.path.join(directory, "times.mp4")
        encode(failures, name, source, output, "codec=libx264 preset=ultrafast")
        before, after = times(source), times(output)
        failures.check([one for one, _ in before] == [one for one, _ in after], f"{name}: pts {before[:3]} became {after[:3]}")
        if before and after and before[-1][1] and after[-1][1]: # after an empty edit ffprobe does not tell the last one
            failures.check(abs(before[-1][1] - after[-1][1]) <= EVER,
                           f"{name}: the last picture lasted {before[-1][1]}, now {after[-1][1]}")


def check_words(failures, directory):
    """Colour, range, aspect and fields."""
    source = harness.clip(os.path.join(directory, "words.mkv"), "-c:v", "libx264", "-pix_fmt", "yuv420p10le", "-vf", "setsar=16/11",
                          "-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-color_range", "tv",
                          "-chroma_sample_location", "topleft", frames=10)
    tags = ("pix_fmt", "color_range", "color_space", "color_primaries", "color_transfer", "sample_aspect_ratio", "chroma_location")
    for name in ("words.mp4", "words-2.mkv"):
        output = os.path.join(directory, name)
        encode(failures, name, source, output, "codec=libx264 preset=ultrafast")
        before, after = video(source), video(output)
        for tag in tags:
            failures.check(after.get(tag) == before.get(tag), f"{name}: {tag} is {after.get(tag)} instead of {before.get(tag)}")
    fields = harness.clip(os.path.join(directory, "fields.ts"), "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-top", "1",
                          frames=10)
    output = os.path.join(directory, "fields.mp4")
    encode(failures, "fields", fields, output, "codec=libx264 preset=ultrafast")
    frames = probe(output, "-select_streams", "v:0", "-show_entries", "frame=interlaced_frame,top_field_first")["frames"]
    kept = [frame["interlaced_frame"] == frame["top_field_first"] == 1 for frame in frames]
    failures.check(kept and all(kept), "fields are not kept")


def check_hdr(failures, directory):
    """Mastering display and light level, from the stream's own messages into the container."""
    if not harness.has_encoder("libx265"):
        print("not tried: HDR metadata (no libx265)")
        return
    light = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,500):max-cll=1000,400:log-level=none"
    source = harness.clip(os.path.join(directory, "hdr.mp4"), "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", light,
                          frames=10)
    wanted = {"Mastering display metadata", "Content light level metadata"}
    for name in ("hdr-2.mp4", "hdr-2.mkv"):
        output = os.path.join(directory, name)
        encode(failures, name, source, output, "codec=libx264 preset=ultrafast")
        said = {side["side_data_type"]: side for side in video(output).get("side_data_list", [])}
        failures.check(wanted <= set(said), f"{name}: {sorted(said)} instead of {sorted(wanted)}")
        level = said.get("Content light level metadata", {}).get("max_content")
        failures.check(level == 1000, f"{name}: the light level is {level} instead of 1000")


def check_sound(failures, directory):
    """Packets unchanged and where they were, for what containers do differently: priming, delays, milliseconds, several streams."""
    sources = [harness.clip(os.path.join(directory, name), *coding.split(), sound=True) for name, coding in {
        "aac.mp4": "-c:v libx264 -c:a aac",
        "opus.webm": "-c:v libvpx -c:a libopus",
        "mp2.ts": "-c:v mpeg2video -c:a mp2",
        "two.mkv": "-map 0 -map 1 -map 1 -c:v libx264 -c:a:0 ac3 -c:a:1 aac",
    }.items()]
    for source in sources:
        for name in ("sound.mkv", "sound.mp4"):
            title, output = f"{os.path.basename(source)} to {name}", os.path.join(directory, name)
            encode(failures, title, source, output, "codec=libx264 preset=ultrafast")
            shift = times(output)[0][0] - times(source)[0][0]
            before, after = sounds(source), sounds(output)
            if not failures.check(len(before) == len(after), f"{title}: {len(after)} streams of {len(before)}"):
                continue
            for old, new in zip(before, after):
                failures.check([digest for _, digest in old] == [digest for _, digest in new], f"{title}: packets changed")
                moved = max((abs(a[0] - b[0] + shift) for a, b in zip(old, new)), default=0)
                failures.check(moved <= EVER, f"{title}: moved by {float(moved) * 1000:.3f} ms")


def check_sound_left_out(failures, directory):
    source = harness.clip(os.path.join(directory, "left.mp4"), "-c:v", "libx264", "-c:a", "aac", sound=True)
    result = encode(failures, "aac to webm", source, os.path.join(directory, "left.webm"), "codec=libvpx deadline=realtime")
    failures.check("stream 1" in result.err and "aac" in result.err, f"sound left out is not named: {result.err}")
    result = encode(failures, "aac to webm, asked for", source, os.path.join(directory, "left.webm"), "codec=libvpx audio=copy",
                    exits=3)
    failures.check("webm" in result.err and "aac" in result.err, f"sound that cannot be copied is not named: {result.err}")
    output = os.path.join(directory, "none.mp4")
    encode(failures, "audio=none", source, output, "preset=ultrafast audio=none")
    failures.check(not sounds(output), "audio=none left sound in")


def check_same_bytes(failures, directory):
    """Sound and picture come over two lanes; whichever is quicker, the file is the same."""
    source = harness.clip(os.path.join(directory, "same.mp4"), "-c:v", "libx264", "-c:a", "aac", sound=True, frames=120)
    for name in ("same-out.mp4", "same-out.mkv"):
        made = set()
        for _ in range(4):
            output = os.path.join(directory, name)
            encode(failures, name, source, output, "codec=mpeg4 fflags=+bitexact")
            with open(output, "rb") as file:
                made.add(file.read())
        failures.check(len(made) == 1, f"{name}: {len(made)} different files of 4")


def check_encoders(failures, directory):
    """Whatever an encoder keeps, its pictures stay in their slots, and every picture comes out."""
    source = harness.clip(os.path.join(directory, "many.mp4"), "-c:v", "libx264", "-bf", "2", frames=50)
    for output, words in (("a.mp4", "codec=libx264"), ("a.mkv", "codec=ffv1"), ("a.ts", "codec=mpeg2video bf=2"),
                          ("a.avi", "codec=mpeg4 bf=2"), ("a.webm", "codec=libvpx-vp9 deadline=realtime cpu-used=8"),
                          ("b.mkv", "codec=huffyuv"), ("a.ogv", ""), ("a.nut", "codec=rawvideo"),
                          ("c.mkv", "codec=libsvtav1 preset=12"), ("d.mp4", "codec=libx265 preset=ultrafast")):
        name = words.split()[0].removeprefix("codec=") if words else "libtheora"
        if not harness.has_encoder(name):
            print(f"not tried: {name} (this libavcodec has none)")
            continue
        path = os.path.join(directory, output)
        result = encode(failures, name, source, path, words)
        failures.check(pictures(path) == 50, f"{name}: {pictures(path)} pictures of 50")
        encoder = next((stage for stage in result.end["stages"] if stage["kind"] == "encode"), None) if result.end else None
        failures.check(encoder and encoder["copies"] == 0, f"{name}: {encoder and encoder['copies']} copies")


def check_conversion(failures, directory):
    source = harness.clip(os.path.join(directory, "rgb.mov"), "-c:v", "png", "-pix_fmt", "rgb24", frames=5)
    result = run("run", "-e", f"decode '{source}' ! encode '{directory}/rgb.mp4' codec=libx264")
    failures.check(result.exit == 0 and "rgb24" in result.err, f"a conversion is not said: {result.err}")


def check_resize(failures, directory):
    path = os.path.join(directory, "resized.m2v")
    with open(path, "wb") as file:
        for size in ("320x180", "640x360"):
            part = harness.clip(os.path.join(directory, f"{size}.m2v"), "-c:v", "mpeg2video", size=size, frames=20)
            with open(part, "rb") as one:
                file.write(one.read())
    output = os.path.join(directory, "resized.mp4")
    result = encode(failures, "resized", path, output, "codec=libx264 preset=ultrafast")
    failures.check(result.err.count("320x180") == 1, f"the change of size is not said once: {result.err}")
    got, wanted = harness.probe_frames(output), harness.probe_frames(path)
    failures.check(video(output)["width"] == 320 and got == wanted > 30, f"a change of size: {got} pictures of {wanted}")


def check_layout(failures, directory):
    source = harness.clip(os.path.join(directory, "layout.mp4"), "-c:v", "libx264", frames=20)
    output = os.path.join(directory, "fast.mp4")
    encode(failures, "faststart", source, output, "movflags=+faststart")
    with open(output, "rb") as file:
        data = file.read()
    failures.check(0 < data.find(b"moov") < data.find(b"mdat"), "movflags=+faststart: the index is not in front")
    failures.check(harness.probe_frames(output) == 20, "movflags=+faststart: frames are missing")
    pattern = os.path.join(directory, "still-%02d.png")
    encode(failures, "image2", source, pattern, "")
    failures.check(os.path.exists(pattern % 20), "one picture a file: the last is missing")


def check_messages(failures, directory):
    source = harness.clip(os.path.join(directory, "messages.mp4"), "-c:v", "libx264", frames=5)
    old = os.path.join(directory, "old.mp4")
    for words, exits, said in (("codec=lbx264", 3, "libx264"), ("codec=aac", 3, "not for pictures"), ("crf=abc", 3, "abc"),
                               ("format=matroka", 3, "matroska"), ("option.crff=3", 3, "crf"), ("preset=hasty", 3, "hasty"),
                               ("format=webm codec=libx264", 3, "webm"), ("format=mp3", 4, "mp3")):
        with open(old, "w", encoding="ascii") as file:
            file.write("kept")
        result = encode(failures, words, source, old, words, exits=exits)
        failures.check(said in result.err, f"{words}: {result.err}")
        with open(old, encoding="ascii", errors="replace") as file:
            failures.check(file.read() == "kept", f"{words}: the old file was cut off")
    missing = encode(failures, "full", source, "/dev/full", "format=mp4", exits=1)
    failures.check("No space left" in missing.err, f"a full disk is not named: {missing.err}")
    with open(old, "r+", encoding="ascii", errors="replace") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        busy = encode(failures, "busy", source, old, "", exits=4)
        failures.check("is being written" in busy.err, f"a file that another writes: {busy.err}")
        failures.check(file.read() == "kept", "a file that another writes was cut off")
    odd = run("run", "-e", f"pattern size=65x49 frames=1 ! encode '{old}'")
    failures.check(odd.exit == 3 and "'crop 64:48'" in odd.err, f"an odd size: exit {odd.exit}: {odd.err}")
    failures.check(run("run", "-e", f"pattern size=65x49 frames=1 ! crop 64:48 ! encode '{old}'").exit == 0, "what is told to do")
    pipe = run("run", "-e", f"decode '{source}' ! encode - format=mp4")
    failures.check(pipe.exit == 4 and "seekable" in pipe.err, f"mp4 to a pipe: exit {pipe.exit}: {pipe.err}")


def main():
    harness.need("ffmpeg", "ffprobe")
    if not harness.has_encoder("libx264"):
        harness.skip("this ffmpeg has no libx264")
    failures = Failures()
    for each in (check_times, check_words, check_hdr, check_sound, check_sound_left_out, check_same_bytes, check_encoders,
                 check_conversion, check_resize, check_layout, check_messages):
        with scratch() as directory:
            each(failures, directory)
    failures.finish()


if __name__ == "__main__":
    main()
