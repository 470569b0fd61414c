#!/usr/bin/env python3
"""The colours on the screen are those that the samples mean: flat patches of every matrix and range within 2 levels of theory,
whole pictures within a mean of 2 levels of what libswscale makes of them at its most exact. Read back from SDL's software renderer
and, where there is an X server, from its OpenGL one.

usage: colours.py RENDER
"""
import os
import struct
import sys

import screen
from screen import harness

LEVELS = 2
BLOCK, COLUMNS, ROWS = 32, 24, 9  # patches of 32 x 32: the middle of one is far from its neighbours' chroma
WIDTH, HEIGHT = BLOCK * COLUMNS, BLOCK * ROWS

# H.273 number, name for ffmpeg's scale filter (None: it has none), weights of red and blue
MATRICES = {"bt709": (1, "bt709", 0.2126, 0.0722), "fcc": (4, "fcc", 0.30, 0.11), "bt470bg": (5, "bt601", 0.299, 0.114),
            "smpte170m": (6, "bt601", 0.299, 0.114), "smpte240m": (7, "smpte240m", 0.212, 0.087),
            "bt2020nc": (9, "bt2020", 0.2627, 0.0593)}
RANGES = {"tv": 1, "pc": 2}
# depth, chroma columns and rows of a block, one plane for both chroma
YUV = {"yuv420p": (8, 2, 2, False), "nv12": (8, 2, 2, True), "yuv422p": (8, 2, 1, False), "yuv444p": (8, 1, 1, False),
       "yuv411p": (8, 4, 1, False), "yuv420p10le": (10, 2, 2, False), "yuv444p12le": (12, 1, 1, False), "p010le": (10, 2, 2, True)}
STRAIGHT = {("yuv420p", "bt709", "tv"), ("yuv420p", "bt470bg", "tv"), ("yuv420p", "smpte170m", "tv"), ("yuv420p", "bt470bg", "pc"),
            ("yuv420p", "smpte170m", "pc")}
STRAIGHT |= {("nv12", matrix, reach) for _, matrix, reach in STRAIGHT}

COLOURS = [(r * 51, g * 51, b * 51) for r in range(6) for g in range(6) for b in range(6)]


class Code:
    """A matrix and a range at a depth: RGB to samples and back, by the book."""

    def __init__(self, matrix, reach, depth):
        _, _, self.red, self.blue = MATRICES[matrix]
        self.green = 1 - self.red - self.blue
        step, self.most, middle = 1 << (depth - 8), (1 << depth) - 1, 1 << (depth - 1)
        full = reach == "pc"
        self.base, self.reach = (0, self.most) if full else (16 * step, 219 * step)
        self.middle, self.swing = middle, self.most if full else 224 * step

    def samples(self, rgb):
        r, g, b = (value / 255 for value in rgb)
        luma = self.red * r + self.green * g + self.blue * b
        chroma = (b - luma) / (2 - 2 * self.blue), (r - luma) / (2 - 2 * self.red)
        values = [self.base + self.reach * luma] + [self.middle + self.swing * value for value in chroma]
        return [min(self.most, max(0, round(value))) for value in values]

    def colour(self, samples):
        luma = (samples[0] - self.base) / self.reach
        u, v = ((value - self.middle) / self.swing for value in samples[1:])
        red, blue = luma + (2 - 2 * self.red) * v, luma + (2 - 2 * self.blue) * u
        green = (luma - self.red * red - self.blue * blue) / self.green
        return [min(255.0, max(0.0, value * 255)) for value in (red, green, blue)]


def packed(values, depth, high):
    if depth == 8:
        return bytes(values)
    return struct.pack(f"<{len(values)}H", *(value << (16 - depth) if high else value for value in values))


def plane(patches, width, height, depth, high):
    """Blocks of width x height, each of the values in its patch (two for interleaved chroma)."""
    rows = []
    for row in range(ROWS):
        line = b"".join(packed(patches[row * COLUMNS + column], depth, high) * width for column in range(COLUMNS))
        rows.append(line * height)
    return b"".join(rows)


def patched_frame(code, name):
    depth, across, down, together = YUV[name]
    high = name.startswith("p0")
    patches = [code.samples(rgb) for rgb in COLOURS]
    planes = [plane([[p[0]] for p in patches], BLOCK, BLOCK, depth, high)]
    chroma = [[[p[1], p[2]] for p in patches]] if together else [[[p[1]] for p in patches], [[p[2]] for p in patches]]
    planes += [plane(values, BLOCK // across, BLOCK // down, depth, high) for values in chroma]
    return b"".join(planes)


def worst_patch(shown, wanted):
    worst = (0, None)
    for index, colour in enumerate(wanted):
        x, y = index % COLUMNS * BLOCK + BLOCK // 2, index // COLUMNS * BLOCK + BLOCK // 2
        off = max(abs(got - want) for got, want in zip(shown.pixel(x, y), colour))
        if off > worst[0]:
            worst = (off, f"{shown.pixel(x, y)} for {[round(value, 1) for value in colour]}")
    return worst


def check_patches(failures, render, environment, name, matrix, reach):
    code = Code(matrix, reach, YUV[name][0])
    shown = screen.Shown(render, patched_frame(code, name),
                         {"format": name, "size": f"{WIDTH}x{HEIGHT}", "window": f"{WIDTH}x{HEIGHT}",
                          "matrix": MATRICES[matrix][0], "range": RANGES[reach]}, environment)
    off, where = worst_patch(shown, [code.colour(code.samples(rgb)) for rgb in COLOURS])
    title = f"{shown.renderer}: patches of {name} {matrix} {reach}"
    failures.check(off <= LEVELS, f"{title}: {off:.1f} levels off: {where}")
    wanted = (name, matrix, reach) in STRAIGHT
    failures.check(shown.straight == wanted, f"{title}: {'straight' if shown.straight else 'converted'}")
    return off


def check_change(failures, render, environment):
    """A matrix or a range that changes from one frame to the next."""
    code = Code("bt709", "tv", 8)
    for before in ("6:1", "6:2", "9:1"):
        shown = screen.Shown(render, patched_frame(code, "nv12"),
                             {"format": "nv12", "size": f"{WIDTH}x{HEIGHT}", "window": f"{WIDTH}x{HEIGHT}", "matrix": 1, "range": 1,
                              "first": before}, environment)
        off, where = worst_patch(shown, [code.colour(code.samples(rgb)) for rgb in COLOURS])
        failures.check(off <= LEVELS, f"{shown.renderer}: after a frame of {before}, bt709 is {off:.1f} levels off: {where}")


def check_rgb(failures, render, environment):
    for name, order in (("rgb24", (0, 1, 2)), ("bgr24", (2, 1, 0)), ("bgra", (2, 1, 0, None)), ("rgba", (0, 1, 2, None)),
                        ("argb", (None, 0, 1, 2)), ("bgr0", (2, 1, 0, None))):
        values = [[255 if at is None else rgb[at] for at in order] for rgb in COLOURS]
        shown = screen.Shown(render, plane(values, BLOCK, BLOCK, 8, False),
                             {"format": name, "size": f"{WIDTH}x{HEIGHT}", "window": f"{WIDTH}x{HEIGHT}"}, environment)
        off, where = worst_patch(shown, COLOURS)
        failures.check(off == 0 and shown.straight, f"{shown.renderer}: {name}: {off} levels off: {where}")


def picture():
    """(title, ffmpeg input) of what looks like the world: a film's, or a fractal made about as soft."""
    trees = os.path.join(harness.MEDIA, "h264-1080p30-trees-bframes.mp4")
    if harness.MEDIA and os.path.exists(trees):
        return "trees", ["-ss", "2", "-i", trees, "-vf", "scale=320:180"]
    return "fractal", ["-f", "lavfi", "-i", "mandelbrot=size=320x180:start_scale=0.1,gblur=sigma=1.5"]


def check_picture(failures, render, environment, formats):
    size = "320x180"
    title, source = picture()
    for name in formats:
        frame = screen.raw_frame(source, name)
        for matrix, reach in (("bt709", "tv"), ("smpte170m", "tv"), ("smpte170m", "pc"), ("bt709", "pc"), ("bt2020nc", "tv")):
            number, word = MATRICES[matrix][:2]
            shown = screen.Shown(render, frame, {"format": name, "size": size, "window": size, "matrix": number,
                                                 "range": RANGES[reach]}, environment)
            wanted = screen.filtered(frame, name, size,
                                     f"scale=flags=accurate_rnd+full_chroma_int+bicubic:in_color_matrix={word}:in_range={reach}")
            mean, _ = screen.apart(shown.rgb, wanted)
            failures.check(mean <= LEVELS, f"{shown.renderer}: {title} as {name} {matrix} {reach}: mean {mean:.2f} levels off")


def check_renderer(failures, render, environment, title, formats):
    worst = max(check_patches(failures, render, environment, name, matrix, reach)
                for name in formats for matrix in MATRICES for reach in RANGES)
    print(f"{title}: patches at most {worst:.2f} levels off")
    check_change(failures, render, environment)
    check_rgb(failures, render, environment)
    check_picture(failures, render, environment, formats)


def main(render):
    harness.need("ffmpeg")
    failures = harness.Failures()
    check_renderer(failures, render, screen.DUMMY, "software", YUV)
    with screen.x_server() as environment:
        if environment:
            check_renderer(failures, render, environment, "X11", ("yuv420p", "nv12"))
        else:
            print("not tried on a screen: no Xvfb")
    failures.finish()


if __name__ == "__main__":
    main(sys.argv[1])
