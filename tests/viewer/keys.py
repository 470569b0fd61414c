#!/usr/bin/env python3
"""Every key does what the page of `?` says, in a stage's own window and in one that looks in from outside: typed one by one on a
real X server, and looked at in the events the viewer writes, in its screenshots, and on the screen itself. A window that is closed
leaves the pipeline running.

usage: keys.py SOURCE-DIRECTORY
"""
import os
import re
import signal
import sys

import screen
from screen import harness
from window import Keyed, Outside, Run

SIZE, WINDOW = "640x360", "480x270"


def rows_of_page(top):
    """(label, action) of each row of the one table the page is made of."""
    with open(os.path.join(top, "viewer", "keys.c"), encoding="utf-8") as file:
        return re.findall(r'\{(?:"[^"]*"|NULL), "([^"]+)", FL_ACTION_\w+, "([^"]+)"', file.read())


class Inside(Keyed):
    """A run with a window of its own, which is a stage, and the events of that window as they come."""

    furthest_step = 1  # frames from one that is remembered to the next

    def __init__(self, environment, directory, *keys):
        super().__init__(directory)
        self.directory = directory
        line = f"pattern realtime=true size={SIZE} rate=25 as source ! null ; source ! view events={self.fifo} " + " ".join(keys)
        self.run = harness.Running("-e", line)
        self.run.name = f"run-{self.run.pid}"
        self.until("opened")
        self.until("shown")
        self.find(environment)

    def let_frames_pass(self):
        self.run.next_line()

    def give_up(self, why):
        self.run.give_up(f"{why}; the last event was {self.last}")


class FromOutside(Outside):
    """`framelane view` on a stage of a run that has no window of its own."""

    furthest_step = 3  # it looks, and may miss one

    def __init__(self, environment, directory, *options):
        self.directory = directory
        line = f"pattern realtime=true size={SIZE} rate=25 as source ! filter hflip as mirror ! null as end"
        self.run = Run(directory, "keys", line).until_frames_flow()
        super().__init__(environment, directory, "keys/source", *options)
        self.until("shown")
        self.find(environment)

    def let_frames_pass(self):
        frames = self.run.status()["frames_in"]
        harness.patient(lambda: self.run.status()["frames_in"] > frames + 10, harness.LIMIT)


def check_freezing(failures, window):
    frozen = window.press("space", "freeze")
    failures.check(frozen["frozen"] and frozen["state"].startswith("FROZEN ("), f"Space does not freeze: {frozen['state']}")
    window.let_frames_pass()
    behind = window.press("period", "step-forward")
    step = behind["frame"] - frozen["frame"]
    failures.check(1 <= step <= window.furthest_step, f"'.' goes from {frozen['frame']} to {behind['frame']}")
    failures.check(behind["came"] > frozen["came"], "frozen, no frame comes any more")
    behind = window.press("comma", "step-back")
    failures.check(behind["frame"] == frozen["frame"], f"',' does not go back to {frozen['frame']}, but to {behind['frame']}")
    going = window.press("space", "freeze")
    failures.check(not going["frozen"], "Space again does not go on")
    failures.check(window.until("shown")["frame"] > behind["frame"] + 1, "after Space it does not show what is new")


def wanted_picture(directory, number):
    """Frame `number` of the pattern, as RGB."""
    raw = os.path.join(directory, "pattern.yuv")
    harness.run("run", "-e", f"pattern size={SIZE} rate=25 frames={number + 1} ! raw {raw}")
    width, height = map(int, SIZE.split("x"))
    with open(raw, "rb") as file:
        file.seek(number * width * height * 3 // 2)
        frame = file.read(width * height * 3 // 2)
    return screen.filtered(frame, "yuv420p", SIZE, "scale=flags=accurate_rnd+full_chroma_int+bicubic:in_color_matrix=bt601")


def check_screenshots(failures, window):
    frozen = window.press("space", "freeze")
    file, _ = window.shoot("s")
    picture = screen.raw_frame(["-i", file], "rgb24")
    failures.check(file.endswith(f"source-{frozen['frame']}.png"), f"the screenshot's name is {file}")
    mean, most = screen.apart(picture, wanted_picture(window.directory, frozen["frame"]))
    failures.check(most <= 1, f"the screenshot is not frame {frozen['frame']}: mean {mean:.2f}, most {most} levels off")
    file, _ = window.shoot()
    seen, kept = seen_on_screen(window), screen.raw_frame(["-i", file], "rgb24")
    _, most = screen.apart(seen, kept)
    same = sum(a == b for a, b in zip(seen, kept)) / len(kept) if len(seen) == len(kept) else 0
    failures.check(same > 0.8, f"what 'S' writes is not what is on the screen: {100 * same:.0f} % alike")
    window.press("space", "freeze")


def seen_on_screen(window):
    shell = dict(line.split("=") for line in window.xdotool("getwindowgeometry", "--shell", window.id).split())
    return screen.raw_frame(["-f", "x11grab", "-draw_mouse", "0", "-video_size", f"{shell['WIDTH']}x{shell['HEIGHT']}", "-i",
                             f"{window.environment['DISPLAY']}+{shell['X']},{shell['Y']}"], "rgb24")


def check_full_screen(failures, window):
    width, height = map(int, WINDOW.split("x"))
    window.press("f", "fullscreen")
    full = window.until("shown", window=[1280, 1024])
    failures.check(full["fullscreen"], "'f' does not take the full screen")
    failures.check(full["box"] == [0, 152, 1280, 720], f"the picture does not fill the screen: {full['box']}")
    window.press("f", "fullscreen")
    small = window.until("shown", window=[width, height])
    failures.check(not small["fullscreen"], "'f' again does not give the window back")


def check_switches(failures, window):
    for key, action, member in (("shift+i", "overlay", "overlay"), ("question", "help", "help"), ("x", "pixel", "pixel"),
                                ("g", "graph", "graph"), ("i", "overlay-brief", "overlay")):
        on, off = window.press(key, action), window.press(key, action)
        failures.check(on[member] and not off[member], f"{key} switches {member}: {on[member]}, then {off[member]}")


def check_planes(failures, window):
    names = [window.press("c", "plane")["plane"] for _ in range(4)]
    failures.check(names == ["Y", "U", "V", "all"], f"'c' shows {names}")


def check_zoom(failures, window):
    large = window.press("z", "zoom")
    failures.check(large["zoom"] == 1 and not large["fit"] and large["box"][2:] == [640, 360], f"'z': {large['box']}")
    window.xdotool("mousemove", "--window", window.id, "240", "135")
    window.xdotool("mousedown", "1")
    window.xdotool("mousemove", "--window", window.id, "260", "155")
    window.xdotool("mouseup", "1")
    moved = window.until("drag", box=[large["box"][0] + 20, large["box"][1] + 20, 640, 360])
    failures.check(not moved["fit"], "dragging fits the picture")
    window.xdotool("click", "4")
    failures.check(window.until("wheel")["zoom"] == 1.25, f"the wheel upward: {window.last['zoom']}")
    window.xdotool("click", "5")
    failures.check(window.until("wheel")["zoom"] == 1, f"the wheel downward: {window.last['zoom']}")
    fit = window.press("z", "zoom")
    failures.check(fit["fit"] and fit["zoom"] == 0.75, f"'z' again: {fit['zoom']}")
    window.exercised |= {"drag", "wheel"}


def check_neighbours_outside(failures, window):
    """One stage on and back again, and what is between them."""
    for key, action, stage in (("bracketright", "walk-down", "keys/mirror"), ("bracketleft", "walk-up", "keys/source")):
        window.press(key, action)
        failures.check(window.until("shown")["stage"] == stage, f"{action} leads to {window.last['stage']}")
    failures.check(window.press("d", "difference")["difference"], "'d' shows no difference")
    pair = window.until("shown", pair=lambda number: number is not None)
    failures.check(pair["most"] > 0, f"a picture and its mirror do not differ: {pair}")
    failures.check(not window.press("d", "difference")["difference"], "'d' again goes on with the difference")


def check_neighbours_inside(failures, window):
    """A window of a run stays with its stage, and says so."""
    for key, action in (("bracketleft", "walk-up"), ("bracketright", "walk-down"), ("d", "difference")):
        window.xdotool("key", key)
        window.exercised.add(action)
        said = window.until("notice")["notice"]
        failures.check("framelane view" in said, f"{key}: '{said}' does not say what can")


def credits_out(window):
    """Frames that the source still counts as being with the window, as `status` tells it."""
    said = harness.run("status", window.run.name, "--json")
    lanes = said.lines[-1]["lanes"] if said.lines else []
    return sum(lane["in_use"] for lane in lanes if lane["to"] == "view")


def check_leaving_inside(failures, window, key):
    """The pipeline goes on without its window, and nothing of it stays behind."""
    window.press(key, "quit")
    window.until("closed")
    gone = window.run.until(lambda line: "view" not in window.run.stages(), "the window's process was gone")
    frames = gone["stages"][0]["frames_out"]
    window.run.until(lambda line: line["stages"][0]["frames_out"] > frames, "the pipeline went on")
    failures.check(harness.patient(lambda: credits_out(window) == 0, harness.LIMIT), "frames it never took are missing")
    os.kill(window.run.pid, signal.SIGINT)
    code, said = window.run.finish()
    end = window.run.end
    lanes = {lane["to"]: lane for lane in end["lanes"]}
    failures.check(code == 0 and end["status"] == "ok", f"after {key} the run ends with {code}: {said}")
    failures.check(all(stage["exit"] == 0 for stage in end["stages"]), "a stage did not end well")
    failures.check(lanes["null"]["sent"] == lanes["null"]["taken"] == end["frames_in"], "the other stage lost frames")


def check_leaving_outside(failures, window, key):
    window.press(key, "quit")
    window.until("closed")
    code, said = window.finish()
    failures.check(code == 0 and not said, f"{key} ends the window with {code}: {said}")
    window.let_frames_pass()
    code, said = window.run.stop()
    failures.check(code == 0 and not any(window.run.end["dropped"].values()), f"after {key} the run ends with {code}: {said}")


CHECKS = (check_freezing, check_screenshots, check_full_screen, check_switches, check_planes, check_zoom)


def check_all(failures, window, rows):
    """Whatever stands on the page, but for what is another thing in either kind of window."""
    failures.check(window.last["window"] == [480, 270] and window.last["box"] == [0, 0, 480, 270], f"opened as {window.last}")
    for check in CHECKS:
        check(failures, window)
    inside = isinstance(window, Inside)
    (check_neighbours_inside if inside else check_neighbours_outside)(failures, window)
    (check_leaving_inside if inside else check_leaving_outside)(failures, window, "q")
    untried = {action for _, action in rows} - window.exercised
    failures.check(not untried, f"on the page, but not tried in {type(window).__name__}: {sorted(untried)}")


def main(top):
    harness.need("Xvfb", "xdotool", "ffmpeg")
    failures = harness.Failures()
    rows = rows_of_page(top)
    failures.check(len(rows) >= 19, "the table of keys was not read")
    with harness.scratch() as directory, screen.x_server() as environment:
        os.environ.update(environment, XDG_RUNTIME_DIR=directory)
        window = Inside(environment, directory, f"size={WINDOW}", f"screenshot={directory}/%s-%n.png")
        check_all(failures, window, rows)
        copies = {stage["name"]: stage["copies"] for stage in window.run.end["stages"]}
        failures.check(copies["view"] > 0, "frames were remembered, but no copy of them was counted")
        check_all(failures, FromOutside(environment, directory, "--size", WINDOW, "--screenshot", f"{directory}/%s-%n.png"), rows)
        check_leaving_inside(failures, Inside(environment, directory), "Escape")
        check_leaving_outside(failures, FromOutside(environment, directory), "Escape")
    failures.finish()


if __name__ == "__main__":
    main(sys.argv[1])
