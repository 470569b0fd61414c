#!/usr/bin/env python3
"""`graph` draws what a pipeline is, the same from a line, a file and a run, in every form."""
import json
import os
import shutil
import xml.etree.ElementTree

import remote
from harness import Failures, Running, run, scratch

LINE = "pattern size=64x64 rate=100 realtime=true as cam ! crop 32:32 as small ! null as end ; cam ! null as look when-full=drop"
FILE = """[stage cam]
kind = pattern
size = 64x64
rate = 100
realtime = true
[stage small]
kind = crop
input = cam
size = 32:32
[stage end]
kind = null
input = small
[stage look]
kind = null
input = cam
when-full = drop
"""
LANES = {("cam", "small", "wait"), ("small", "end", "wait"), ("cam", "look", "drop")}


def lanes_of(text):
    drawn = json.loads(text)
    return {(lane["from"], lane["to"], lane["when_full"]) for lane in drawn["lanes"]}


def check_same(failures, path):
    running = Running("--name", "cam1", "-e", LINE)
    running.until_frames_flow()
    for subject in (("-e", LINE), (path,), ("cam1",), ("cam1", "--live")):
        drawn = run("graph", *subject, "--format", "json")
        told = {stage["name"]: stage["argument"] for stage in json.loads(drawn.out)["stages"]}
        failures.check(told == {"cam": None, "small": "32:32", "end": None, "look": None}, f"arguments of {subject}: {told}")
        failures.check(drawn.exit == 0 and lanes_of(drawn.out) == LANES, f"graph {subject}: {drawn.exit} {drawn.out}{drawn.err}")
        text = run("graph", *subject, env=dict(os.environ, LC_ALL="C")).out
        failures.check(text.isascii() and all(name in text for name in ("cam", "small", "end", "look", "drop")), f"as text: {text}")
    failures.check(" fps " in run("graph", "cam1", "--live").out, "--live shows no figures")
    moved = run("set", "cam1/small", "size=32:32:8:8")
    drawn = run("graph", "cam1", "--live").out
    failures.check(moved.exit == 0 and "(crop 32:32:8:8)" in drawn, f"what was set is not drawn: {moved.err}{drawn}")
    refused = run("set", "cam1/small", "size=99:99")
    failures.check(refused.exit == 3 and "(crop 32:32:8:8)" in run("graph", "cam1").out, "what was refused is drawn")
    failures.check(" fps " not in run("graph", "cam1").out, "figures without --live")
    run("stop", "cam1")
    running.finish()


def check_tree(failures):
    text = run("graph", "-e", LINE, env=dict(os.environ, LC_ALL="C")).out.split("\n", 1)[1]
    wanted = "cam (pattern)\n|- wait -> small (crop 32:32)\n|  `- wait -> end (null)\n`- drop -> look (null)\n"
    failures.check(text == wanted, f"the tree is\n{text}not\n{wanted}")
    once = run("graph", "-e", "decode in.mkv as a ! scale 64:64 as b ! encode x.mkv as c", env=dict(os.environ, LC_ALL="C")).out
    failures.check(once.count("(encode") == 1 and "sound, wait -> c (see above)" in once, f"a stage of two lanes: {once}")


def check_drawn(failures):
    """graphviz takes whatever stands in a name of a file."""
    odd = "decode 'a\"b\\c.mkv' as in ! null as out"
    dot = run("graph", "-e", odd, "--format", "dot")
    failures.check(dot.exit == 0 and dot.out.startswith("digraph") and 'a\\"b' in dot.out, f"dot: {dot.out}{dot.err}")
    if shutil.which("dot"):
        svg = run("graph", "-e", odd, "--format", "svg")
        root = xml.etree.ElementTree.fromstring(svg.out)
        words = " ".join("".join(text.itertext()) for text in root.iterfind(".//{*}text"))
        failures.check(svg.exit == 0 and 'decode a"b\\c.mkv' in words and "out" in words, f"svg: {words}")
    with scratch() as empty:
        missing = run("graph", "-e", odd, "--format", "svg", env=dict(os.environ, PATH=empty))
    failures.check(missing.exit == 1 and "apt install graphviz" in missing.err and not missing.out, f"without dot: {missing.err}")


def check_words(failures, path):
    for words, code, said in ((("nosuch",), 1, "no file 'nosuch'"), ((path, "--live"), 2, "--live"), ((), 2, "FILE"),
                              (("-e", LINE, "--format", "png"), 2, "png"), (("-e", "pattern ! nul"), 3, "null")):
        done = run("graph", *words)
        failures.check(done.exit == code and said in done.err, f"graph {words}: {done.exit} {done.err}")


def main():
    failures = Failures()
    with remote.runtime_folder() as directory:
        path = os.path.join(directory, "cam.ini")
        with open(path, "w", encoding="utf-8") as file:
            file.write(FILE)
        check_same(failures, path)
        check_tree(failures)
        check_drawn(failures)
        check_words(failures, path)
    failures.finish()


if __name__ == "__main__":
    main()
