#!/usr/bin/env python3
"""Who may include whom: transport <- pipeline <- stages, and nothing leans on bench or tests.

usage: check-layers.py SOURCE-DIRECTORY [BUILD-DIRECTORY]
With a build directory also what the built files link: the library only libc, `framelane` no codec.
"""
import os
import re
import subprocess
import sys

import tree

LIBC = (r"(assert|ctype|dirent|dlfcn|elf|endian|err|errno|fcntl|fenv|float|getopt|grp|inttypes|libgen|limits|link|locale|malloc"
        r"|math|poll|pthread|pwd|regex|sched|semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio"
        r"|stdlib|stdnoreturn|string|strings|syscall|termios|threads|time|ucontext|unistd|wchar)\.h"
        r"|atomic|(sys|linux|asm|netinet|arpa)/[\w/-]+\.h")
SDK = r"framelane/[\w-]+\.h"
GLIB = r"glib(-unix|-object|/gstdio|/gprintf)?\.h|gio/[\w-]+\.h"
LIBAV = r"lib(av\w+|swscale|swresample)/[\w-]+\.h"

# <...> headers by room; "..." headers by the rooms they may lie in.
ANGLE = {
    "transport": (LIBC, SDK),
    "pipeline": (LIBC, SDK, GLIB, r"json-glib/[\w-]+\.h", r"seccomp\.h"),
    "stages": (LIBC, SDK, LIBAV, r"xxhash\.h"),
    "viewer": (LIBC, SDK, r"SDL2?/[\w-]+\.h", r"libswscale/[\w-]+\.h", r"libavutil/[\w-]+\.h", r"png\.h",
               GLIB),
}
QUOTED = {
    "transport": ("transport",),
    "pipeline": ("pipeline", "transport"),
    "stages": ("stages", "transport", "pipeline/stage.h", "pipeline/kind.h"),
    "viewer": ("viewer", "transport", "pipeline/control-client.h", "pipeline/shown.h", "pipeline/stage.h"),
}
# Libraries that one program alone carries.
ALONE = {
    "pipeline/cmd-top.c": (r"(ncursesw?/)?(ncurses|curses|panel)\.h",),
    "pipeline/metrics-main.c": (r"microhttpd\.h",),
}
REGISTRY = "stages/registry.c"
# Words of the command line that happen to be a kind's name as well: `inspect filter NAME` asks libavfilter, `view` is a verb and
# an option of `run`.
WORDS = {("pipeline/cmd-inspect.c", "filter"), ("pipeline/cmd-run.c", "view"), ("pipeline/main.c", "view"),
         ("pipeline/help.c", "view"), ("pipeline/cmd-top.c", "view")}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def kinds_of(top):
    """The names of the stage kinds that are built, from the registry's table. A kind of later may be a verb meanwhile."""
    if not os.path.exists(os.path.join(top, REGISTRY)):
        return set()
    text = tree.without_comments(tree.read(top, REGISTRY))
    entries = text[text.rfind("fl_kinds[]"):].split("{.name = ")[1:]
    return {re.match(r'"([\w-]+)"', entry).group(1) for entry in entries if "FL_KIND_LATER" not in entry}


def check_angle(name, room, header):
    allowed = ANGLE[room] + ALONE.get(name, ())
    if not any(re.fullmatch(pattern, header) for pattern in allowed):
        yield f"{room}/ may not include <{header}>"


def check_quoted(name, room, header, kinds, names):
    beside = os.path.normpath(os.path.join(os.path.dirname(name), header))
    places = [beside] if beside in names else [f"{other}/{header}" for other in tree.ROOMS if f"{other}/{header}" in names]
    if not places:
        yield f'"{header}" is no header of this project'
        return
    place = places[0]
    if not any(place == allowed or place.startswith(allowed + "/") for allowed in QUOTED[room]):
        yield f"{room}/ may not include {place}"
    kind = os.path.basename(place)[:-2]
    own = re.fullmatch(rf"stages/{kind}(-[\w-]+)?\.[ch]", name)
    if room == "stages" and place.startswith("stages/") and kind in kinds and not own:
        yield f"a stage may not include another stage ({place})"


def check_file(top, name, names, kinds):
    room = name.split("/")[0]
    text = tree.read(top, name)
    code = tree.without_comments(text)
    for match in INCLUDE.finditer(code):
        line = code.count("\n", 0, match.start(2)) + 1
        if match.group(1) == "<":
            found = check_angle(name, room, match.group(2))
        else:
            found = check_quoted(name, room, match.group(2), kinds, names)
        for sentence in found:
            yield f"{name}:{line}: {sentence}"
    if room == "pipeline":
        for line, word in tree.strings(text):
            if word in kinds and (name, word) not in WORDS:
                yield f'{name}:{line}: pipeline/ names the stage kind "{word}"; only the registry may (give it a flag there)'


def needed_by(path):
    said = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.+?)\]", said)


def check_links(build):
    """What the built files ask the loader for."""
    laws = (
        ("transport/libframelane.so", r"lib(c|pthread|rt|m|atomic|asan|ubsan|tsan|gcc_s)\.so.*|ld-linux.*", "it links only libc"),
        ("pipeline/framelane", r"(?!libav|libsw|libSDL|libmicrohttpd|libncurses).*", "it links no codec, and speaks no http"),
        ("pipeline/framelane-stage", r"(?!libav|libsw|libSDL).*", "it loads codecs only with the module that needs them"),
    )
    for path, allowed, law in laws:
        full = os.path.join(build, path)
        if not os.path.exists(full):
            yield f"{path}: was not built"
            continue
        for library in needed_by(full):
            if not re.fullmatch(allowed, library):
                yield f"{path}: links {library}, but the law is: {law}"


def main(top, build=None):
    names = set(tree.files(top))
    kinds = kinds_of(top)
    problems = []
    if not kinds:
        problems.append(f"{REGISTRY}: no stage kinds found")
    for name in sorted(names):
        if name.endswith((".c", ".h")) and name.split("/")[0] in ANGLE:
            problems += check_file(top, name, names, kinds)
    if build:
        problems += check_links(build)
    print("\n".join(problems) if problems else f"layers hold in {len(names)} files")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
