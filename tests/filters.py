#!/usr/bin/env python3
"""scale, crop and filter give the bytes that ffmpeg's filters give, over either transport, and copy nothing that they need not.

The size, format and aspect of the picture, its range and its matrix may be any; they may change in the middle.
"""
import json
import os
import subprocess

import harness
from harness import Failures, run, scratch

# (stage, what ffmpeg calls it, most copies a frame the stage may make)
SCALES = [
    ("scale 160:-2", "scale=160:-2", 0),
    ("scale 201:111 format=nv12", "scale=201:111,format=nv12", 0),
    ("scale iw/2:-1 format=rgb24", "scale=iw/2:-1,format=rgb24", 0),
    ("scale -2:ih*2 format=yuv420p10le", "scale=-2:ih*2,format=yuv420p10le", 0),
    ("scale 0:0 format=yuvj444p", "scale=0:0,format=yuvj444p", 0),
    ("scale 160:90 flags=lanczos+accurate_rnd", "scale=160:90:flags=lanczos+accurate_rnd", 0),
    ("scale 0:0", "null", 0),
]
CROPS = [
    ("crop 100:60", "crop=100:60", 0),
    ("crop 33:21:7:5", "crop=33:21:7:5", 0),
    ("crop iw/3:ih/2:ow/2:3", "crop=iw/3:ih/2:ow/2:3", 0),
]
FILTERS = [
    ("vflip", 0),
    ("crop=100:60:3:9,setsar=2", 0),
    ("select='mod(n,3)'", 0),
    ("trim=end_frame=5", 0),
    ("setpts=PTS*2", 0),
    ("hflip", 1),
    ("format=nv12", 1),
    ("scale=128:96,vflip", 1),
    ("yadif", 1),
    ("drawbox=enable='gt(t,0.3)'", 1),
    ("separatefields", 0),
    ("fps=50", 0),
    ("framestep=4", 0),
    ("split[a][b];[a][b]hstack", 1),
]
# Chains that keep more frames than a stage holds slots: they must not stop anybody, and get copies instead.
GREEDY = ["reverse", "tmix=frames=12", "thumbnail=20", "minterpolate=fps=60"]


def ffmpeg_hashes(source, chain):
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-noautorotate", "-i", source, "-map", "0:v:0", "-autoscale", "0",
                           "-fps_mode", "passthrough", "-enc_time_base", "-1", "-copyts", "-vf", chain, "-f", "framemd5", "-"],
                          capture_output=True, text=True, check=False)
    return hashes(done.stdout)


def hashes(text):
    return [line.split(",")[-1].strip() for line in text.splitlines() if line and not line.startswith("#")]


def stage_hashes(directory, source, stage, transport):
    """(hashes, the counters of the stage in the middle, Result)"""
    report = os.path.join(directory, "report")
    result = run("run", "--quiet", f"--json={report}", "--transport", transport,
                 "-e", f"decode '{source}' ! {stage} as middle ! hash")
    with open(report, encoding="utf-8") as lines:
        end = json.loads(lines.read().splitlines()[-1])
    middle = [one for one in end["stages"] if one["name"] == "middle"]
    return hashes(result.out), middle[0] if middle else {}, result


def check(failures, directory, source, stage, chain, copies):
    title, wanted = f"{os.path.basename(source)}: {stage}", ffmpeg_hashes(source, chain)
    for transport in ("shm", "pipe"):
        got, middle, result = stage_hashes(directory, source, stage, transport)
        if not failures.check(result.exit == 0 and got, f"{title} over {transport}: exit {result.exit}: {result.err}"):
            continue
        failures.check(got == wanted, f"{title} over {transport}: {len(got)} frames of {len(wanted)}, "
                       f"{sum(a != b for a, b in zip(got, wanted))} differ")
        if transport == "shm":
            failures.check(middle["copies"] <= copies * len(got), f"{title}: {middle['copies']} copies of {len(got)} frames")


def check_greedy(failures, directory, source):
    for chain in GREEDY:
        got, _, result = stage_hashes(directory, source, f"filter '{chain}'", "shm")
        failures.check(result.exit == 0 and got == ffmpeg_hashes(source, chain),
                       f"filter {chain}: exit {result.exit}: {result.err}")


# What a chain is, and the filter that check blames for a copy.
TOLD = [
    ("null", None),
    ("vflip[a];[a]crop=10:10,setpts=PTS+1[b];[b] fps=50", None),
    ("select='not(mod(n,2))',setsar=1", None),
    ("separatefields,idet,cropdetect,metadata=print", None),
    ("swapuv,field,setfield=tff,trim=end_frame=9", None),
    ("drawbox", "drawbox"),
    ("drawbox@mark=t=2", "drawbox"),
    ("crop=10:10,hflip,vflip", "hflip"),
    ("setsar=1[a];[a]negate", "negate"),
    ("lutyuv=y='clip(val,16,235)',setsar=1", "lutyuv"),
    ("setparams=range=tv,eq=gamma=1.1", "eq"),
]


def check_copies_told(failures):
    """What check says of copies before a run is what the run then counts."""
    for chain, culprit in TOLD:
        line = f"pattern size=64x48 frames=12 as source ! filter \"{chain}\" as chain ! null as end"
        told = json.loads(run("check", "-e", line, "--json").out)
        counted = run("run", "-e", line, "--json")
        if not failures.check(counted.exit == 0, f"{chain}: exit {counted.exit}: {counted.err}"):
            continue
        copies = next(stage["copies"] for stage in counted.end["stages"] if stage["name"] == "chain")
        blamed = next(stage["copied_for"] for stage in told["stages"] if stage["name"] == "chain")
        whole = told["chain"] == ["source", "chain", "end"]
        failures.check(blamed == culprit and whole == (copies == 0) == (culprit is None),
                       f"{chain}: check blames {blamed}, without a copy {told['chain']}; the run counts {copies}")
        text = run("check", "-e", line).out
        said = f"copied once in chain: each frame that '{culprit}' changes or makes" in text
        failures.check(said == (culprit is not None), text)
    text = run("check", "-e", "pattern ! null", "--transport", "pipe").out
    failures.check("every lane copies" in text and "without a copy" not in text, f"over pipes: {text}")


def resized(directory):
    path = os.path.join(directory, "resized.m2v")
    parts = [harness.clip(os.path.join(directory, f"{size}.m2v"), "-c:v", "mpeg2video", size=size, frames=20)
             for size in ("320x180", "640x360")]
    with open(path, "wb") as file:
        for part in parts:
            with open(part, "rb") as one:
                file.write(one.read())
    return path


def check_change(failures, directory):
    """A picture that changes its size in the middle: sizes are worked out anew, as ffmpeg does."""
    path = resized(directory)
    for stage, chain in (("scale 160:-2", "scale=160:-2"), ("scale iw/2:ih/2", "scale=iw/2:ih/2"),
                         ("scale 320:180", "scale=320:180"), ("crop iw/2:ih/2", "crop=iw/2:ih/2"),
                         ("filter vflip", "vflip"), ("filter scale=iw/2:-2", "scale=iw/2:-2")):
        check(failures, directory, path, stage, chain, 1)


def clips(directory):
    codings = {
        "plain.mp4": "-c:v libx264 -bf 2",
        "deep.mkv": "-c:v ffv1 -pix_fmt yuv422p10le -vf setsar=4/3",
        "full.mov": "-c:v mjpeg -pix_fmt yuvj422p",
        "rgb.mov": "-c:v png -pix_fmt rgb24",
        "alpha.mov": "-c:v qtrle -pix_fmt argb",
        "fields.ts": "-c:v mpeg2video -flags +ildct+ilme -top 1",
        "wide-gamut.mkv": "-c:v ffv1 -pix_fmt yuv420p10le -colorspace bt2020nc -color_range pc",
    }
    made = [harness.clip(os.path.join(directory, name), *coding.split(), frames=24) for name, coding in codings.items()]
    return made + [harness.clip(os.path.join(directory, "odd.mkv"), "-c:v", "ffv1", size="175x143", frames=24)]


def media():
    names = ["h264-10bit-small.mp4", "h264-anamorphic-vfr.mp4", "vp8-175x143-odd.ivf", "gif-newtonscradle.gif", "prores-422.mov",
             "h264-resize-400x300-200x150.mp4", "mjpeg-pal.mov", "h264-rotated90.mov", "vp9-alpha.webm"]
    return [path for path in (os.path.join(harness.MEDIA, name) for name in names) if harness.MEDIA and os.path.exists(path)]


def main():
    harness.need("ffmpeg")
    failures = Failures()
    with scratch() as directory:
        made = clips(directory)
        for source in made + media():
            for stage, chain, copies in SCALES[:3 if source not in made else None]:
                check(failures, directory, source, stage, chain, copies)
        for source in made:
            for stage, chain, copies in CROPS:
                check(failures, directory, source, stage, chain, copies)
        for chain, copies in FILTERS:
            check(failures, directory, made[0], f'filter "{chain}"', chain, copies)
        check_greedy(failures, directory, made[0])
        check_change(failures, directory)
        check_copies_told(failures)
    failures.finish()


if __name__ == "__main__":
    main()
