#!/usr/bin/env python3
"""What `framelane bench` says of whole commands: everything they start is counted, who hangs or fails has a row that says so,
verdicts come out against us where the figures do, and a film that is transcoded has every frame at the end.

usage: contests.py FOLDER-OF-BENCH

CPU times are held against what wait4 says of the same processes (/usr/bin/time); no time is judged by itself.
"""
import json
import os
import subprocess
import sys
import types

from harness import FRAMELANE, SANITIZED, Failures, clip, need, run, scratch

SPIN = "import os\nwhile sum(os.times()[:2]) < 0.3: pass"
FRAMES = 40


def check_everything_counts(failures, contest, folder):
    """CPU of a process that lost its parent, and the time until it ends, count; and as /usr/bin/time has them."""
    spin = os.path.join(folder, "spin.py")
    with open(spin, "w", encoding="utf-8") as file:
        file.write(SPIN)
    orphan = contest.run(f"(setsid {sys.executable} {spin} &) ; true", 60)
    failures.check(orphan["cpu"] >= 0.3, f"a process that lost its parent took 0.3 s, and {orphan['cpu']:.3f} s were counted")
    failures.check(orphan["wall"] >= 0.29, f"nobody waited for it: {orphan['wall']:.3f} s")
    if not os.path.exists("/usr/bin/time"):
        print("no /usr/bin/time: not compared with it")
        return
    told = os.path.join(folder, "told")
    own = contest.run(f"/usr/bin/time -o {told} -f '%U %S' bash -c '{sys.executable} {spin} | {sys.executable} {spin}'", 60)
    with open(told, encoding="utf-8") as file:
        user, system = map(float, file.read().split())
    # Beside what it measured there are the shell, `time` itself, and its two digits.
    failures.check(-0.03 <= own["cpu"] - (user + system) <= 0.1, f"CPU {own['cpu']:.3f} s, /usr/bin/time says {user} + {system} s")


def contestant(contest, name, command, frames=7, **more):
    return contest.Contestant(name, command, command, lambda: frames, **more)


def check_failing(failures, contest):
    found = [contestant(contest, "good", "true", start="true"), contestant(contest, "hangs", "sleep 1000", may_fail=True),
             contestant(contest, "fails", "echo why >&2; exit 3", may_fail=True)]
    contest.play(found, 2, 0.3, lambda words: None)
    rows = [contest.row_of(one, found[0]) for one in found]
    failures.check([(row["failed"], row["frames"]) for row in rows] == [(0, [7]), (2, []), (2, [])], f"rows: {rows}")
    failures.check("did not end" in found[1].failures[0] and "why" in found[2].failures[0], f"{[one.failures for one in found]}")
    failures.check("apart_cpu" in found[0].rounds[0], f"nothing apart from start-up: {found[0].rounds}")
    try:
        contest.play([contestant(contest, "ours", "exit 4")], 1, 60, lambda words: None)
        failures.check(False, "one who may not fail did, and nobody was told")
    except contest.Failed as failure:
        failures.check("failed with 4" in str(failure), f"said: {failure}")


def said_of(contest, transcode, own, other):
    found = [own, other]
    return transcode.headlines(found, [contest.row_of(one, other) for one in found], FRAMES)


def made_up(contest, name, seconds, frames=FRAMES):
    one = contestant(contest, name, "true", frames)
    one.rounds = [{"wall": wall, "cpu": wall, "apart_cpu": wall, "frames": frames} for wall in seconds]
    one.output = types.SimpleNamespace(settings="a=1", bytes=1)
    return one


def check_verdicts(failures, contest, transcode):
    """The same words with figures for us, against us, and that say nothing."""
    steady = [1.0, 1.01, 0.99, 1.0, 1.0]
    for expected, own in (("met", [0.9 * one for one in steady]), ("missed", [1.2 * one for one in steady]),
                          ("undecided", [0.8, 1.3, 1.0, 0.9, 1.2]), ("undecided", [0.9, 0.9])):
        said = said_of(contest, transcode, made_up(contest, transcode.FIRST, own),
                       made_up(contest, transcode.REFERENCE, steady[:len(own)]))
        failures.check([line["verdict"] for line in said][:3] == [expected, expected, "met"], f"{expected}: {said}")
    short = made_up(contest, transcode.FIRST, steady, FRAMES - 1)
    short.output.settings = "a=2"
    said = said_of(contest, transcode, short, made_up(contest, transcode.REFERENCE, steady))
    missing = f"{transcode.FIRST} {FRAMES - 1}" in said[2]["sentence"]
    failures.check(said[2]["verdict"] == "missed" and missing, f"a frame is missing: {said}")
    failures.check("a=1" in said[3]["sentence"], f"other settings: {said}")


def check_film(failures, transcode, folder):
    film, kept = os.path.join(folder, "film.mp4"), os.path.join(folder, "kept.json")
    clip(film, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", frames=FRAMES, size="640x360")
    words = [sys.executable, transcode.__file__, "--framelane", FRAMELANE, "--clip", film, "--rounds", "1", "--limit", "30",
             "--json", kept]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if not failures.check(done.returncode == 0, f"the film: exit {done.returncode}: {done.stderr}"):
        return
    with open(kept, encoding="utf-8") as file:
        result = json.load(file)
    rows = {row["name"]: row for row in result["rows"]}
    for name, row in rows.items():
        failures.check(row["frames"] == [FRAMES] or "over shm" in name, f"{name}: frames {row['frames']}")
        told = row["command"] in done.stdout or name.endswith("again")
        failures.check(row["cpu_seconds"]["low"] > 0 and told, f"{name}: {row}")
        failures.check("apart_cpu_ratio" in row or "over shm" in name, f"{name}: start-up was not told apart")
    failures.check({transcode.FIRST, transcode.REFERENCE, transcode.AGAIN, "framelane, pipes",
                    "ffmpeg, three over pipes (nut)"} <= set(rows), f"rows: {set(rows)}")
    own, other = rows[transcode.FIRST], rows[transcode.REFERENCE]
    same = own["settings"] and own["settings"] == other["settings"]
    failures.check(same, f"x264 was told {own['settings']}, not {other['settings']}")
    verdicts = {line["sentence"].split(":")[0].split(",")[0]: line["verdict"] for line in result["headlines"]}
    failures.check(verdicts.get("Frames at the end") == "met", f"headlines: {result['headlines']}")


def check_own_pipeline(failures, folder):
    """`framelane bench --pipeline` on a file that names {out}, with everybody's frames."""
    film, ini = os.path.join(folder, "film.mp4"), os.path.join(folder, "film.ini")
    with open(ini, "w", encoding="utf-8") as file:
        file.write(f"[pipeline]\nname = film\n[stage in]\nkind = decode\nurl = {film}\n"
                   "[stage small]\nkind = scale\ninput = in\nsize = 320:180\n"
                   "[stage out]\nkind = encode\ninput = small\ncodec = libx264\noption.preset = ultrafast\nurl = {out}.mkv\n")
    ff = "ffmpeg -loglevel error"
    other = f"{ff} -i {film} -f nut -c:v rawvideo - | {ff} -i - -s 320x180 -c:v libx264 -preset ultrafast {{out}}.mkv"
    result = run("bench", "--pipeline", ini, "--against", other, "--rounds", "1", "--json")
    rows = [line for line in result.lines if line["type"] == "pipeline"]
    everything = result.exit == 0 and [row["frames"] for row in rows] == [[FRAMES]] * 3
    failures.check(everything, f"exit {result.exit}: {rows} {result.err}")


def main(folder):
    need("ffmpeg", "ffprobe", "bash")
    sys.path.insert(0, folder)
    import contest
    import transcode
    failures = Failures()
    with scratch() as place:
        check_everything_counts(failures, contest, place)
        check_failing(failures, contest)
        check_verdicts(failures, contest, transcode)
        if not SANITIZED: # three rounds of everything, with every process slowed down
            check_film(failures, transcode, place)
            check_own_pipeline(failures, place)
    failures.finish()


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main(sys.argv[1])
