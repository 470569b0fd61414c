#!/usr/bin/env python3
"""Whatever is wrong, the message says what, where and what to do, and the exit code is the documented one."""
import os
import re
import resource
import stat

import harness
from harness import Failures, run, scratch

CONFIG_TWICE = "[stage a]\nkind = pattern\n[stage a]\nkind = null\ninput = a\n"
CONFIG_CYCLE = "[stage a]\nkind = crop\nsize = 10:10\ninput = b\n[stage b]\nkind = crop\nsize = 10:10\ninput = a\n"
CONFIG_NO_INPUT = "[stage source]\nkind = pattern\n[stage out]\nkind = null\ninput = sourc\n"
CONFIG_KEY = "[stage source]\nkind = pattern\nframez = 3\n[stage out]\nkind = null\ninput = source\n"

PATTERN = "pattern size=64x64 frames=3"


def make_files(directory):
    """The bad inputs, by name."""
    def write(name, content):
        path = os.path.join(directory, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    harness.ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", os.path.join(directory, "sound.mp4"))
    harness.clip(os.path.join(directory, "good.mkv"), "-c:v", "mpeg4")
    good = open(os.path.join(directory, "good.mkv"), "rb").read()
    os.mkdir(os.path.join(directory, "folder"))
    closed = os.path.join(directory, "closed")
    os.mkdir(closed)
    os.chmod(closed, stat.S_IRUSR | stat.S_IXUSR)
    write("empty.mp4", b"")
    write("text.mp4", b"This is not a film.\n" * 20)
    write("cut.mkv", good[:300])
    write("twice.ini", CONFIG_TWICE.encode())
    write("cycle.ini", CONFIG_CYCLE.encode())
    write("no-input.ini", CONFIG_NO_INPUT.encode())
    write("key.ini", CONFIG_KEY.encode())


# name of the case: arguments of `framelane`, exit code, and what stderr must hold: what, where, what to do.
TABLE = {
    # inputs
    "a missing file": (["run", "-e", "decode missing.mp4 ! null"], 4, [r"missing\.mp4", r"(?i)no such file"]),
    "an empty file": (["run", "-e", "decode empty.mp4 ! null"], 4, [r"empty\.mp4", r"(?i)empty|invalid data|not.*video"]),
    "a directory": (["run", "-e", "decode folder ! null"], 4, [r"folder", r"(?i)director"]),
    "a text file": (["run", "-e", "decode text.mp4 ! null"], 4, [r"text\.mp4", r"(?i)invalid data|no video|not.*(video|media)"]),
    "a file cut in its header": (["run", "-e", "decode cut.mkv ! null"], 4, [r"cut\.mkv"]),
    "sound only": (["run", "-e", "decode sound.mp4 ! null"], 4, [r"sound\.mp4", r"(?i)no video"]),
    # outputs
    "a full disk, encoded": (["run", "-e", f"{PATTERN} ! encode /dev/full codec=mpeg4 format=matroska"], (1, 4),
                             [r"/dev/full", r"(?i)no space"]),
    "a full disk, hashed": (["run", "-e", f"{PATTERN} ! hash /dev/full"], (1, 4), [r"/dev/full", r"(?i)no space"]),
    "an output in no folder": (["run", "-e", f"{PATTERN} ! encode nowhere/a.mkv codec=mpeg4"], 4,
                               [r"nowhere/a\.mkv", r"(?i)no such file|director"]),
    "an output that is its input": (["run", "-e", "decode good.mkv ! encode good.mkv"], 3, [r"good\.mkv", r"(?i)input"]),
    "an unknown encoder": (["run", "-e", f"{PATTERN} ! encode a.mkv codec=libx265x"], 3, [r"libx265x", r"(?i)encoder|codec"]),
    "a decoder's name for an encoder": (["run", "-e", f"{PATTERN} ! encode a.mkv codec=av1_nonsense"], 3, [r"av1_nonsense"]),
    "an unknown muxer": (["run", "-e", f"{PATTERN} ! encode a.mkv codec=mpeg4 format=matroschka"], 3,
                         [r"matroschka", r"(?i)muxer|format"]),
    "an ending no muxer has": (["run", "-e", f"{PATTERN} ! encode a.nonsense codec=mpeg4"], 3, [r"a\.nonsense", r"format"]),
    "an option no encoder has": (["run", "-e", f"{PATTERN} ! encode a.mkv codec=mpeg4 option.nonsense=1"], 3, [r"nonsense"]),
    # filters
    "an unknown filter": (["run", "-e", f"{PATTERN} ! filter scael=10:10 ! null"], 3, [r"scael", r"(?i)filter"]),
    "an impossible filter": (["run", "-e", f"{PATTERN} ! filter crop=1000:1000 ! null"], 3, [r"(?i)filter"]),
    "a crop larger than the picture": (["run", "-e", f"{PATTERN} ! crop 1000:1000 ! null"], 3, [r"1000", r"64"]),
    # graph
    "a stage name given twice": (["run", "twice.ini"], 3, [r"twice\.ini:3", r"(?i)twice|already|duplicate", r"\ba\b"]),
    "a name given twice inline": (["run", "-e", f"{PATTERN} as a ! null as a"], 3, [r"(?i)twice|two stages", r"'a'"]),
    "a cycle": (["run", "cycle.ini"], 3, [r"cycle\.ini", r"(?i)cycle", r"'?\ba\b.*\bb\b"]),
    "an input that does not exist": (["run", "no-input.ini"], 3, [r"no-input\.ini:5:9", r"'sourc'", r"did you mean 'source'"]),
    "an unknown key": (["run", "key.ini"], 3, [r"key\.ini:3", r"framez", r"did you mean 'frames'"]),
    "an unknown kind": (["run", "-e", "pattren ! null"], 3, [r"pattren", r"did you mean 'pattern'"]),
    "a source without a consumer": (["run", "-e", PATTERN], 3, [r"(?i)pattern"]),
    "a bad value": (["run", "-e", "pattern size=64by64 ! null"], 3, [r"64by64", r"(?i)size"]),
    "a setting for no stage": (["run", "-e", f"{PATTERN} ! null", "--set", "nil.url=x"], 3, [r"nil"]),
    "a missing configuration": (["run", "missing.ini"], 3, [r"missing\.ini", r"(?i)no such file"]),
    "a kind of later": (["run", "-e", f"{PATTERN} ! stack ! null"], 3, [r"stack", r"(?i)not built|later|yet"]),
    "a trace in no folder": (["run", "-e", "pattern frames=3 ! null", "--trace", "nowhere/t.json"], 4,
                             [r"--trace nowhere/t\.json", r"(?i)no such file", r"create its folder"]),
    # usage
    "an option misspelt": (["run", "-e", "pattern ! null", "--frame", "3"], 2, [r"--frame;", r"did you mean --frames\?"]),
    "no frames": (["run", "-e", "pattern ! null", "--frames", "0"], 2, [r"--frames", r"'0'", r"from 1"]),
    "no verb": ([], 2, [r"(?i)usage"]),
    "an unknown verb": (["rnu"], 2, [r"rnu", r"(?i)run"]),
    "a flag of libswscale that is none": (["run", "-e", "pattern frames=3 ! filter scale=80:60:flags=lancos ! null"], 3,
                                          [r"'flags' of filter 'scale' cannot be 'lancos'", r"inspect filter scale"]),
    "a verb of later": (["restart"], 2, [r"restart", r"(?i)not built|later|yet"]),
    "an unknown option": (["run", "--nonsense"], 2, [r"nonsense"]),
    "nothing to run": (["run"], 2, [r"(?i)usage|file|-e"]),
    # not an error: drops over the limit are told apart
    "a damaged film gives its frames": (["run", "-e", "decode good.mkv ! hash"], 0, []),
}


def check(failures, name, arguments, exits, patterns, **more):
    result = run(*arguments, **more)
    exits = exits if isinstance(exits, tuple) else (exits,)
    said = result.err.strip()
    failures.check(result.exit in exits, f"{name}: exit {result.exit}, not {' or '.join(map(str, exits))}; it said: {said}")
    for pattern in patterns:
        failures.check(re.search(pattern, said, re.S), f"{name}: says nothing like /{pattern}/: {said}")
    if result.exit != 0:
        failures.check(said, f"{name}: fails without a word")
    failures.check(not re.search(r"(?i)assert|core dumped|sanitizer|SIGSEGV|SIGABRT|CRITICAL", said), f"{name}: a crash: {said}")
    return result


def check_unwritable(failures, directory):
    """A user who may not write there; only root can become one."""
    if os.getuid() != 0:
        arguments, more = ["run", "-e", f"{PATTERN} ! encode closed/a.mkv codec=mpeg4"], {}
    else:
        os.chmod(directory, 0o755)
        arguments = ["run", "-e", f"{PATTERN} ! encode {directory}/closed/a.mkv codec=mpeg4"]
        more = {"user": 65534, "group": 65534, "extra_groups": []}
        if not readable_by_others(harness.FRAMELANE):
            print("not tried: an unwritable output (the program is in a folder others cannot enter)")
            return
    check(failures, "an unwritable output", arguments, 4, [r"closed/a\.mkv", r"(?i)permission denied"], cwd=directory, **more)


def readable_by_others(path):
    path = os.path.realpath(path)
    while path != "/":
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
        path = os.path.dirname(path)
    return True


def check_file_kept(failures, directory):
    """A run that fails before it starts leaves an output of yesterday alone."""
    kept = os.path.join(directory, "kept.mkv")
    with open(kept, "wb") as file:
        file.write(b"yesterday")
    check(failures, "an old output and a missing input", ["run", "-e", "decode missing.mp4 ! encode kept.mkv codec=mpeg4"], 4,
          [r"missing\.mp4"], cwd=directory)
    failures.check(open(kept, "rb").read() == b"yesterday", "an output was cut off by a run that never started")


# A limit on the size of files: arguments, the limit in KiB, exit code, what stderr must hold.
TOO_LARGE = {
    "a file": (["run", "-e", "pattern size=64x64 frames=2000 ! raw small.raw"], 2048, 1, r"small\.raw.*too large.*ulimit -f"),
    "a film": (["run", "-e", "pattern size=320x180 frames=500 ! encode small.mkv codec=rawvideo"], 4096, 1,
               r"small\.mkv.*too large.*ulimit -f"),
    "a pool": (["run", "-e", "pattern size=64x64 frames=3 ! null"], 64, 4, r"shared memory.*too large.*64 KiB.*ulimit -f"),
    "a page": (["run", "-e", "pattern size=64x64 frames=3 ! null"], 4, 4, r"shared memory.*too large.*ulimit -f"),
    "what is told": (["run", "-e", "pattern size=16x16 frames=9000 ! null", "--trace", "small.json"], 6144, 0,
                     r"--trace small\.json is not complete.*too large.*6\.0 MiB.*ulimit -f"),
}


def check_too_large(failures, directory):
    """Whoever may write no larger file is told which, and is not killed."""
    for name, (arguments, kib, code, pattern) in TOO_LARGE.items():
        def limited(size=kib << 10):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        check(failures, f"too large: {name}", arguments, code, [f"(?i){pattern}"], cwd=directory, preexec_fn=limited)


def main():
    failures = Failures()
    with scratch() as directory:
        make_files(directory)
        for name, (arguments, exits, patterns) in TABLE.items():
            check(failures, name, arguments, exits, patterns, cwd=directory)
        check_unwritable(failures, directory)
        check_file_kept(failures, directory)
        check_too_large(failures, directory)
    failures.finish()


if __name__ == "__main__":
    main()
