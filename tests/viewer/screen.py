"""What the tests of the viewer share: an X server that nobody sees, frames as bytes, and what the viewer shows of them."""
import contextlib
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness  # noqa: E402  (the folder above is the tests' own)
import remote  # noqa: E402, F401  (for those who look into a run)

DUMMY = {"SDL_VIDEODRIVER": "dummy"}


@contextlib.contextmanager
def x_server(size="1280x1024x24"):
    """An environment in which windows open on a screen of their own; None where there is no Xvfb."""
    if shutil.which("Xvfb") is None:
        yield None
        return
    read, write = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp"], pass_fds=[write],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as said:
            number = said.readline().strip()
        if not number:
            harness.skip("Xvfb does not start here")
        yield {"SDL_VIDEODRIVER": "x11", "DISPLAY": ":" + number, **spared()}
    finally:
        server.terminate()
        server.wait()


def spared():
    """Under a sanitizer: graphics drivers leak, and have races, of their own."""
    if not harness.SANITIZED:
        return {}
    return {"SDL_RENDER_DRIVER": "software", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


class Shown:
    """What a window shows of one frame: the renderer, whether the frame went straight from its bytes, and RGB pixels."""

    def __init__(self, render, frame, words, environment):
        arguments = [f"{key.replace('_', '-')}={value}" for key, value in words.items()]
        done = subprocess.run([render, *arguments], input=frame, capture_output=True, env=dict(os.environ, **environment),
                              timeout=harness.LIMIT, check=False)
        if done.returncode == 77:
            harness.skip(done.stderr.decode(errors="replace").strip())
        if done.returncode != 0:
            print(f"FAILED: {render} {' '.join(arguments)}\n{done.stderr.decode(errors='replace')}")
            sys.exit(1)
        self.renderer, way, size, _, self.error = done.stderr.decode().split()[-5:]
        self.straight = way == "straight"
        self.width, self.height = map(int, size.split("x"))
        self.rgb = done.stdout

    def pixel(self, x, y):
        at = (y * self.width + x) * 3
        return tuple(self.rgb[at:at + 3])


def raw_frame(source, pix_fmt):
    """The first frame of an ffmpeg input, as bytes."""
    return subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *source, "-frames:v", "1", "-pix_fmt", pix_fmt,
                           "-f", "rawvideo", "-"], capture_output=True, check=True).stdout


def filtered(frame, pix_fmt, size, chain):
    """What ffmpeg makes of a raw frame, as RGB."""
    return subprocess.run(["ffmpeg", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", pix_fmt, "-s", size, "-i", "-",
                           "-vf", chain + ",format=rgb24", "-f", "rawvideo", "-"],
                          input=frame, capture_output=True, check=True).stdout


def apart(a, b):
    """Mean and largest difference of two pictures of the same size; (inf, 255) where they are not."""
    if len(a) != len(b) or not a:
        return float("inf"), 255
    differences = [abs(x - y) for x, y in zip(a, b)]
    return sum(differences) / len(differences), max(differences)
