#!/usr/bin/env python3
"""Every command in the README works as it stands there.

usage: readme.py SOURCE-DIRECTORY
Runs each "$ " line of the README's ```console blocks in one folder, in order, so that later ones may use what earlier ones made;
`framelane` is the one under test, and an ```ini block becomes the file that its first line names. What a block shows below a
command must be what it prints: words are compared, numbers are not. Commands in other blocks must be among those that other tests
run.
"""
import os
import re
import subprocess
import sys

import harness
from harness import Failures, scratch

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
# Lines of other blocks that may be shown: the first is what runs this test, the others have a test of their own.
ELSEWHERE = re.compile(r"\./bootstrap (demo|test|build).*|meson setup build.*|(sudo )?meson install -C build|bench/transcode\.py.*")


def commands(block):
    """(command, lines shown below it) of a console block. A trailing backslash continues a command."""
    found = []
    for line in block.split("\n"):
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif found and found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1][0] += "\n" + line
        elif found and line.strip():
            found[-1][1].append(line)
    return found


def words(line):
    """What of a line does not change from run to run and machine to machine."""
    return re.findall(r"[A-Za-z][A-Za-z_-]{2,}", re.sub(r"\b[0-9a-f]{32}\b", " ", line))


def shows(printed, line):
    """True if the words of `line` stand in one printed line, in that order. "…" stands for what was left out."""
    wanted = words(line)
    for candidate in printed.split("\n"):
        rest = iter(words(candidate))
        if all(word in rest for word in wanted):
            return True
    return False


def check_console(failures, block, folder, environment):
    for command, shown in commands(block):
        done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=harness.LIMIT, check=False)
        printed = done.stdout + done.stderr
        if not failures.check(done.returncode == 0, f"$ {command}\nexit {done.returncode}: {printed}"):
            continue
        for line in shown:
            failures.check(shows(printed, line), f"$ {command}\ndoes not print: {line}\nbut:\n{printed}")


def main(top):
    harness.need("ffmpeg", "ffprobe")
    failures = Failures()
    text = open(os.path.join(top, "README.md"), encoding="utf-8").read()
    blocks = BLOCK.findall(text)
    program = os.path.dirname(os.path.abspath(harness.FRAMELANE))
    environment = dict(os.environ, PATH=program + ":" + os.environ["PATH"], NO_COLOR="1")
    ran = 0
    with scratch() as folder:
        for language, block in blocks:
            if language == "console":
                ran += len(commands(block))
                check_console(failures, block, folder, environment)
            elif language == "ini":
                with open(os.path.join(folder, block.split("\n")[0].strip("# ")), "w", encoding="utf-8") as file:
                    file.write(block)
            elif language in ("sh", "bash"):
                for line in filter(None, (line.split("#")[0].strip() for line in block.split("\n"))):
                    failures.check(ELSEWHERE.fullmatch(line), f"nobody tests this command: {line}")
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        failures.check(os.path.exists(os.path.join(top, path)), f"a link leads nowhere: {path}")
    failures.check(ran > 0, "the README holds no command")
    print(f"{ran} commands")
    failures.finish()


if __name__ == "__main__":
    main(sys.argv[1])
