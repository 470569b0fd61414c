#!/usr/bin/env python3
"""The picture has its right shape: turned and flipped as the source says, as wide as its samples are, whatever its size and however
it lies in memory; zoomed and taken apart as the keys say. Pixels of noise, so that one off by one is seen.

usage: shapes.py RENDER
"""
import os
import random
import sys

import screen
from screen import harness

WIDTH, HEIGHT = 192, 128


def noise(count):
    return random.Random(7).randbytes(count)


def rows_of(rgb, width):
    return [[rgb[at + 3 * x:at + 3 * x + 3] for x in range(width)] for at in range(0, len(rgb), 3 * width)]


def turned(rows, angle, flip):
    """Flipped left to right, then turned clockwise."""
    if flip:
        rows = [row[::-1] for row in rows]
    for _ in range(angle // 90):
        rows = [list(row) for row in zip(*rows[::-1])]
    return b"".join(b"".join(row) for row in rows)


class Eye:
    """One renderer under test."""

    def __init__(self, failures, render, environment, directory):
        self.failures, self.render, self.environment, self.directory = failures, render, environment, directory

    def see(self, frame, **words):
        return screen.Shown(self.render, frame, words, self.environment)

    def check(self, holds, shown, sentence):
        self.failures.check(holds, f"{shown.renderer}: {sentence}")


def check_turns(eye):
    frame = noise(WIDTH * HEIGHT * 3)
    for angle in (0, 90, 180, 270):
        for flip in (0, 1):
            size = f"{HEIGHT}x{WIDTH}" if angle % 180 else f"{WIDTH}x{HEIGHT}"
            file = os.path.join(eye.directory, "shot.png")
            shown = eye.see(frame, format="rgb24", size=f"{WIDTH}x{HEIGHT}", window=size, angle=angle, flip=flip, keys="s",
                            shot=file)
            wanted = turned(rows_of(frame, WIDTH), angle, flip)
            inside = crop_to(shown, size)
            title = f"turned by {angle}{', flipped' if flip else ''}"
            eye.check(strip_notice(inside, size) == strip_notice(wanted, size), shown, f"{title}: the window shows something else")
            saved = screen.raw_frame(["-i", file], "rgb24")
            eye.check(saved == wanted, shown, f"{title}: the screenshot holds something else")


def crop_to(shown, size):
    """The middle of the window: no window is narrower than 160 pixels."""
    width, height = map(int, size.split("x"))
    left, top = (shown.width - width) // 2, (shown.height - height) // 2
    rows = rows_of(shown.rgb, shown.width)[top:top + height]
    return b"".join(b"".join(row[left:left + width]) for row in rows)


def strip_notice(rgb, size):
    """Without the lines at the top, where the name of the screenshot is told."""
    width = int(size.split("x")[0])
    return rgb[width * 3 * 40:]


def check_aspect(eye):
    red, blue = bytes((200, 0, 0)), bytes((0, 0, 200))
    frame = (red * 100 + blue * 100) * 200
    for sar, window, box in (("2:1", "400x200", (0, 0, 400, 200)), ("2:1", "400x300", (0, 50, 400, 250)),
                             ("1:2", "200x400", (0, 0, 200, 400)), ("1:1", "300x200", (50, 0, 250, 200)),
                             ("0:1", "200x200", (0, 0, 200, 200))):
        shown = eye.see(frame, format="rgb24", size="200x200", window=window, sar=sar)
        left, top, right, bottom = box
        middle, row = (left + right) // 2, (top + bottom) // 2
        places = {(left + 1, top + 1): red, (middle - 2, row): red, (middle + 2, row): blue, (right - 2, bottom - 2): blue}
        outside = [(left - 1, row), (right, row), (middle, top - 1), (middle, bottom)]
        places.update({at: bytes(3) for at in outside if 0 <= at[0] < shown.width and 0 <= at[1] < shown.height})
        for (x, y), colour in places.items():
            eye.check(shown.pixel(x, y) == tuple(colour), shown,
                      f"sar {sar} in {window}: {shown.pixel(x, y)} at {x},{y}, not {tuple(colour)}")


def check_sizes(eye):
    """Y 120, U 90, V 160 of limited BT.601 everywhere, to the edge of the picture."""
    wanted = (172, 110, 45)
    for width, height in ((1, 1), (2, 2), (3, 3), (5, 7), (17, 9), (161, 91), (333, 1)):
        across, down = (width + 1) // 2, (height + 1) // 2
        for name, frame in (("yuv420p", bytes((120,)) * (width * height) + bytes((90,)) * (across * down)
                             + bytes((160,)) * (across * down)),
                            ("nv12", bytes((120,)) * (width * height) + bytes((90, 160)) * (across * down))):
            shown = eye.see(frame, format=name, size=f"{width}x{height}", window="320x320", matrix=6, range=1)
            scale = min(320 / width, 320 / height)
            box = round(width * scale), max(1, round(height * scale))
            left, top = (320 - box[0]) // 2, (320 - box[1]) // 2
            for x, y in ((left, top), (left + box[0] // 2, top + box[1] // 2), (left + box[0] - 1, top + box[1] - 1)):
                off = max(abs(a - b) for a, b in zip(shown.pixel(x, y), wanted))
                eye.check(off <= 2, shown, f"{width}x{height} {name}: {shown.pixel(x, y)} at {x},{y}, not {wanted}")


def check_memory(eye):
    """A picture stored bottom up, and one larger than textures may be."""
    size, number = f"{WIDTH}x{HEIGHT}", WIDTH * HEIGHT
    for name, count in (("rgb24", 3 * number), ("yuv420p", number * 3 // 2), ("yuv444p10le", 6 * number)):
        frame = noise(number) + bytes((90,)) * (count - number) if name == "yuv420p" else noise(count)
        if name.endswith("le"):
            frame = b"".join(bytes((low, high & 3)) for low, high in zip(frame[::2], frame[1::2]))
        usual = eye.see(frame, format=name, size=size, window=size, matrix=1, range=1)
        upward = eye.see(frame, format=name, size=size, window=size, matrix=1, range=1, bottom_up=1)
        mean, _ = screen.apart(usual.rgb, upward.rgb)
        eye.check(mean <= (1 if name == "yuv420p" else 0), upward, f"{name} stored bottom up: mean {mean:.2f} levels off")
        eye.check(not upward.straight, upward, f"{name} stored bottom up went straight")
    shown = eye.see(bytes((120,)) * (20000 * 8), format="gray", size="20000x8", window="320x160")
    eye.check(shown.error == "0" and abs(shown.pixel(160, 79)[0] - 120) <= 1, shown,
              f"20000x8: {shown.pixel(160, 79)}, error {shown.error}")


def check_zoom(eye):
    """z: one sample a pixel, from the middle."""
    frame = noise(3 * 400 * 300)
    shown = eye.see(frame, format="rgb24", size="400x300", window="200x150", keys="z")
    rows = rows_of(frame, 400)[75:225]
    eye.check(shown.rgb == b"".join(b"".join(row[100:300]) for row in rows), shown, "z does not show the middle 1:1")
    back = eye.see(frame, format="rgb24", size="400x300", window="200x150", keys="zz")
    eye.check(back.rgb == eye.see(frame, format="rgb24", size="400x300", window="200x150").rgb, back, "z twice is not as before")


def check_planes(eye):
    """c: each component as grey, chroma as large as the picture; then the picture again. Below the line that names it."""
    number = WIDTH * HEIGHT
    planes = [noise(number), bytes((70,)) * (number // 4), bytes((200,)) * (number // 4)]
    words = {"format": "yuv420p", "size": f"{WIDTH}x{HEIGHT}", "window": f"{WIDTH}x{HEIGHT}", "matrix": 6, "range": 1}
    below = 40 * WIDTH * 3
    for keys, grey in (("c", planes[0]), ("cc", bytes((70,)) * number), ("ccc", bytes((200,)) * number)):
        shown = eye.see(b"".join(planes), keys=keys, **words)
        wanted = b"".join(bytes((value,)) * 3 for value in grey)
        eye.check(shown.rgb[below:] == wanted[below:], shown, f"plane {len(keys)} is not shown as it is")
    whole, again = eye.see(b"".join(planes), **words), eye.see(b"".join(planes), keys="cccc", **words)
    eye.check(whole.rgb == again.rgb, again, "c four times is not as before")


def main(render):
    harness.need("ffmpeg")
    failures = harness.Failures()
    with harness.scratch() as directory, screen.x_server() as environment:
        if not environment:
            print("not tried on a screen: no Xvfb")
        for each in filter(None, (screen.DUMMY, environment)):
            eye = Eye(failures, render, each, directory)
            for check in (check_turns, check_aspect, check_sizes, check_memory, check_zoom, check_planes):
                check(eye)
    failures.finish()


if __name__ == "__main__":
    main(sys.argv[1])
