"""The source tree as the checks see it: which files there are, and C text without its comments."""
import os
import re

ROOMS = ("transport", "pipeline", "stages", "viewer", "bench", "tests", "docs", ".ci")


def files(top, *endings):
    """Paths relative to `top` of the project's files with one of `endings` (all, if none), build folders left out."""
    found = [name for name in os.listdir(top) if os.path.isfile(os.path.join(top, name)) and name != ".git"]
    for room in ROOMS:
        for folder, folders, names in os.walk(os.path.join(top, room)):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            found += [os.path.relpath(os.path.join(folder, name), top) for name in names]
    return sorted(name for name in found if not endings or name.endswith(endings))


def read(top, name):
    with open(os.path.join(top, name), encoding="utf-8") as file:
        return file.read()


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def without_comments(text):
    """The same lines, comments blanked."""
    def blank(match):
        token = match.group()
        return re.sub(r"[^\n]", " ", token) if token.startswith("/") else token
    return _TOKEN.sub(blank, text)


def without_words(text):
    """The same lines with comments blanked and literals emptied: only code is left."""
    def blank(match):
        token = match.group()
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        return token[0] + " " * (len(token) - 2) + token[0]
    return _TOKEN.sub(blank, text)


def strings(text):
    """(line, content) of each string literal in C text."""
    for match in _TOKEN.finditer(text):
        if match.group().startswith('"'):
            yield text.count("\n", 0, match.start()) + 1, match.group()[1:-1]
