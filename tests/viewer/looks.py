#!/usr/bin/env python3
"""What `framelane view` shows of a run is what ffmpeg renders of the same frame: at rest, frozen, stepping, in a difference, zoomed
and under its overlay; of 8 and 10 bits, limited and full range, RGB, samples that are not square, and turned pictures. On a real X
server; every frame of the source carries its number, and each picture is looked for by the number the window tells.

usage: looks.py
"""
import os
import sys

import screen
from screen import harness, remote
from window import Outside, Run

WIDTH, HEIGHT = 320, 180
SIZE = f"{WIDTH}x{HEIGHT}"
WINDOW = (640, 360)
MEAN = 3 if harness.SANITIZED else 2  # levels, as for colours.py; there SDL renders in software, which turns less exactly

EXACT = "scale=flags=accurate_rnd+full_chroma_int+bicubic"
# stage: (what makes it of the pattern, its pixel format, how ffmpeg is told its colours)
STAGES = {
    "plain": ("filter null", "yuv420p", "in_color_matrix=bt601"),
    "rgb": ("filter format=rgb24", "rgb24", None),
    "ten": ("filter format=yuv420p10le", "yuv420p10le", "in_color_matrix=bt601"),
    "full": ("filter format=yuvj420p", "yuvj420p", "in_color_matrix=bt601:in_range=pc"),
    "mirror": ("filter hflip", "yuv420p", "in_color_matrix=bt601"),
    "wide": ("filter setsar=4/3", "yuv420p", "in_color_matrix=bt601"),
}


def line_of(source, ending):
    branches = [f"source ! {made} as {name} ! {ending.format(name)}" for name, (made, _, _) in STAGES.items()]
    return f"pattern size={SIZE} rate=15 {source} as source ! null ; " + " ; ".join(branches)


def rendered(raw, name):
    """A raw frame of a stage as ffmpeg renders it."""
    _, pix_fmt, words = STAGES[name]
    return screen.filtered(raw, pix_fmt, SIZE, f"{EXACT}:{words}" if words else "null")


def part(rgb, window, left, top, width, height):
    stride = window[0] * 3
    return b"".join(rgb[y * stride + left * 3:y * stride + (left + width) * 3] for y in range(top, top + height))


def middle(rgb, window=WINDOW):
    """The picture at 1:1: clear of the lines at the top and of the state at the bottom."""
    return part(rgb, window, (window[0] - WIDTH) // 2, (window[1] - HEIGHT) // 2, WIDTH, HEIGHT)


def between_lines(rgb, window=WINDOW):
    """The whole width, without what may be written at the top and at the bottom."""
    return part(rgb, window, 0, 60, window[0], window[1] - 90)


def enlarged(rgb):
    return screen.filtered(rgb, "rgb24", SIZE, f"scale={WINDOW[0]}:{WINDOW[1]}:flags=bilinear")


def subtracted(a, b):
    return bytes(min(255, 4 * abs(x - y)) for x, y in zip(a, b))


class Gallery:
    """Pictures taken now, compared when the run is over and its frames have been made again."""

    def __init__(self, failures, directory):
        self.failures, self.directory, self.taken = failures, directory, []

    def take(self, title, window, of, make=None, see=middle):
        file, said = window.shoot()
        number = said["pair"] if said["difference"] else said["frame"]
        self.taken.append((title, screen.raw_frame(["-i", file], "rgb24"), number, of, make, see))
        return said

    def compare(self):
        frames = 1 + max(number for _, _, number, *_ in self.taken)
        harness.run("run", "-e", line_of(f"frames={frames}", f"raw {self.directory}/{{}}.raw"))
        for title, rgb, number, of, make, see in self.taken:
            pictures = [rendered(self.frame(name, number, frames), name) for name in of]
            wanted = make(*pictures) if make else pictures[0]
            mean, most = screen.apart(see(rgb), wanted)
            print(f"{title}: frame {number}, mean {mean:.2f}, most {most} levels from ffmpeg's")
            self.failures.check(mean <= MEAN, f"{title}: frame {number} is {mean:.2f} levels from what ffmpeg renders")

    def frame(self, name, number, frames):
        with open(os.path.join(self.directory, f"{name}.raw"), "rb") as file:
            size = os.fstat(file.fileno()).st_size // frames
            file.seek(number * size)
            return file.read(size)


def check_states(failures, window, gallery):
    """The first of the branches, in every state."""
    gallery.take("at rest", window, ["plain"])
    window.press("space", "freeze")
    frozen = gallery.take("frozen", window, ["plain"])
    again = gallery.take("frozen, later", window, ["plain"])
    failures.check(frozen["frame"] == again["frame"] and frozen["state"].startswith("FROZEN"), f"it does not stand: {again}")
    if window.press("period", "step-forward")["frame"] == frozen["frame"]:
        window.until("stepped")  # the frame had not come yet
    gallery.take("one step on", window, ["plain"])
    window.press("comma", "step-back")
    back = gallery.take("one step back", window, ["plain"])
    failures.check(back["frame"] == frozen["frame"], f"a step on and back leads from {frozen['frame']} to {back['frame']}")
    window.press("z", "zoom")
    gallery.take("zoomed to fit", window, ["plain"], lambda rgb: between_lines(enlarged(rgb)), between_lines)
    window.press("z", "zoom")
    window.press("space", "freeze")


def check_overlay(failures, window, gallery):
    window.press("shift+i", "overlay")
    gallery.take("under the overlay", window, ["plain"])
    rgb = gallery.taken[-1][1]
    lines = part(rgb, WINDOW, 0, 0, 640, 60)
    failures.check(sum(value > 200 for value in lines) > 1000, "the overlay has no letters")
    window.press("shift+i", "overlay")


def check_branches(failures, window, gallery):
    """Up to the source, and down again through the others, one after the other."""
    for name in ("rgb", "ten", "full"):
        up = window.press("bracketleft", "walk-up")
        down = window.press("bracketright", "walk-down")
        failures.check(up["stage"].endswith("/source") and down["stage"].endswith("/" + name), f"{up['stage']}, {down['stage']}")
        window.until("shown", stage=down["stage"])
        gallery.take(name, window, [name])


def check_difference(failures, window, gallery):
    """From the stage named by --against; then nothing of it is left."""
    window.press("d", "difference")
    window.until("shown", pair=lambda number: number is not None)
    gallery.take("difference from the mirrored", window, ["full", "mirror"], subtracted)
    window.press("space", "freeze")
    frozen = gallery.take("difference, frozen", window, ["full", "mirror"], subtracted)
    window.press("comma", "step-back")
    stepped = gallery.take("difference, a step back", window, ["full", "mirror"], subtracted)
    failures.check(stepped["pair"] == frozen["pair"] - 1, f"a difference steps from {frozen['pair']} to {stepped['pair']}")
    window.press("space", "freeze")
    window.press("d", "difference")
    gallery.take("no difference any more", window, ["full"])


def check_shapes(environment, directory, gallery):
    """Samples that are not square: as wide as they are to be seen."""
    window = Outside(environment, directory, "looks/wide", "--screenshot", f"{directory}/wide-%n.png")
    window.until("shown")
    window.find(environment)
    gallery.take("anamorphic", window, ["wide"],
                 lambda rgb: between_lines(screen.filtered(rgb, "rgb24", SIZE, "scale=427:180:flags=bilinear"), (427, 180)),
                 lambda rgb: between_lines(rgb, (427, 180)))
    window.stop()


def check_turned(failures, environment, directory):
    """A film that is to be shown turned, whole and in its window."""
    film, turned = os.path.join(directory, "film.mp4"), os.path.join(directory, "turned.mp4")
    harness.turn(harness.clip(film, "-c:v", "mpeg4", "-q:v", "2", "-vf", "gblur=sigma=2", size=SIZE, rate=15, frames=300), turned)
    run = Run(directory, "turned", f"decode {turned} as film ! filter realtime ! null").until_frames_flow()
    window = Outside(environment, directory, "turned/film", "--screenshot", f"{directory}/turned-%n.png")
    window.until("shown")
    window.find(environment)
    file, said = window.shoot()
    seen = screen.raw_frame(["-i", file], "rgb24")
    wanted = screen.raw_frame(["-i", turned, "-vf", f"select=eq(n\\,{said['frame']}),{EXACT}"], "rgb24")
    failures.check(len(seen) == len(wanted), "a turned film is shown larger or smaller than ffmpeg turns it")
    mean, most = screen.apart(between_lines(seen, (HEIGHT, WIDTH)), between_lines(wanted, (HEIGHT, WIDTH)))
    print(f"turned: frame {said['frame']}, mean {mean:.2f}, most {most} levels from ffmpeg's")
    failures.check(said["window"] == [HEIGHT, WIDTH] and said["turns"] % 2, f"a turned film's window: {said['window']}")
    failures.check(mean <= MEAN, f"turned: frame {said['frame']} is {mean:.2f} levels from what ffmpeg renders")
    window.stop()
    run.stop()


def check_room(failures, environment, directory):
    """On a white picture: whatever is asked for at once, in windows of any size something is said, and half of it stays white."""
    line = "pattern realtime=true size=320x180 rate=25 ! filter drawbox=c=white:t=fill as white ! null"
    run = Run(directory, "white", line).until_frames_flow()
    for size in ("160x90", "240x135", "320x180", "640x360"):
        window = Outside(environment, directory, "white/white", "--size", size, "--overlay", "--history", "4", "--screenshot",
                         f"{directory}/%s-%n.png")
        window.until("shown")
        window.find(environment)
        for key, action in (("i", "overlay-brief"), ("x", "pixel"), ("c", "plane"), ("g", "graph"), ("space", "freeze")):
            window.press(key, action)
            file, _ = window.shoot()
            rgb = screen.raw_frame(["-i", file], "rgb24")
            covered = sum(value < 200 for value in rgb[::3]) / (len(rgb) / 3)
            failures.check(0.02 < covered <= 0.5, f"{size}, after {key}: {100 * covered:.0f} % of the picture are covered")
        window.stop()
    run.stop()


def main():
    harness.need("Xvfb", "xdotool", "ffmpeg")
    failures = harness.Failures()
    with harness.scratch() as directory, remote.runtime_folder(), screen.x_server() as environment:
        gallery = Gallery(failures, directory)
        run = Run(directory, "looks", line_of("realtime=true", "null as end-of-{}")).until_frames_flow()
        window = Outside(environment, directory, "looks/plain", "--size", "640x360", "--zoom", "1:1", "--against", "mirror",
                         "--history", "32", "--screenshot", f"{directory}/%s-%n.png")
        window.until("shown")
        window.find(environment)
        check_states(failures, window, gallery)
        check_overlay(failures, window, gallery)
        check_branches(failures, window, gallery)
        check_difference(failures, window, gallery)
        code, err = window.stop()
        failures.check(code == 0, f"a window that is told to end: {code}: {err}")
        check_shapes(environment, directory, gallery)
        code, err = run.stop()
        failures.check(code == 0 and not any(run.end["dropped"].values()), f"the run: {code} {err} {run.end}")
        gallery.compare()
        check_turned(failures, environment, directory)
        check_room(failures, environment, directory)
    failures.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
