#!/usr/bin/env python3
"""The first Ctrl-C drains and closes files properly; the second stops now."""
import os
import signal

import harness
from harness import Failures, Running, scratch

PIPELINE = "pattern size=320x180 rate=100 realtime=true as source ! scale 160:90 as small ! encode {}/{} codec=mpeg4 as record"


def first_drains(failures, directory, name, number):
    run = Running("-e", PIPELINE.format(directory, name))
    run.until_frames_flow()
    pids = run.stages()
    os.kill(run.pid, number)
    code, err = run.finish()
    title = f"{name} after {number.name}"
    failures.check(code == 0, f"{title}: exit {code}, not 0: {err}")
    frames = harness.probe_frames(os.path.join(directory, name))
    made = {stage["name"]: stage for stage in run.end["stages"]} if run.end else {}
    failures.check(made and frames == made["source"]["frames_out"] == made["record"]["frames_in"],
                   f"{title}: {frames} frames in the file, of {made.get('source', {}).get('frames_out')} made")
    for stage, pid in pids.items():
        failures.check(harness.gone_within(pid, 1), f"{title}: {stage} lives on")


def second_stops(failures, directory, number):
    """A stopped encoder cannot drain, so only the second signal ends the run."""
    run = Running("-e", PIPELINE.format(directory, "never.mkv"))
    run.until_frames_flow()
    pids = run.stages()
    os.kill(pids["record"], signal.SIGSTOP)
    os.kill(run.pid, number)
    run.until(lambda line: True, "it began to drain")
    failures.check(run.process.poll() is None, f"{number.name}: ended while its encoder was stopped")
    os.kill(run.pid, number)
    code, err = run.finish(limit=10)
    failures.check("not complete: " + os.path.join(directory, "never.mkv") in err, f"second {number.name}: {err}")
    failures.check(code == 128 + number, f"second {number.name}: exit {code}, not {128 + number}: {err}")
    for stage, pid in pids.items():
        failures.check(harness.gone_within(pid, 1), f"second {number.name}: {stage} lives on")


def says_for_whom(failures, directory):
    """Whoever has not finished is named after a moment, and the second signal says which outputs that cost."""
    line = ("pattern size=64x64 rate=100 realtime=true as source ; source ! encode {0}/film.mkv codec=mpeg4 as record"
            " ; source ! hash {0}/sums as sums ; source ! null as sink").format(directory)
    for stopped, second in (("record", f"not complete: {directory}/film.mkv (record); complete: {directory}/sums (sums)"),
                            ("sink", f"every output is complete: {directory}/film.mkv (record), {directory}/sums (sums)")):
        run = Running("-e", line)
        run.until_frames_flow()
        others = {"record", "sums", "sink"} - {stopped}
        pid = run.stages()[stopped]
        os.kill(pid, signal.SIGSTOP)
        os.kill(run.pid, signal.SIGINT)
        run.until(lambda now: all("exit" in stage for stage in now["stages"] if stage["name"] in others), "the others had ended")
        said = run.until_said("ends at once")
        where = f" to finish {directory}/film.mkv" if stopped == "record" else ""
        failures.check(f"still waiting for {stopped} (pid {pid}, stopped){where}; held up by that: source; a second Ctrl-C" in said,
                       f"for whom it waits: {said}")
        os.kill(run.pid, signal.SIGINT)
        code, err = run.finish(limit=10)
        failures.check(code == 130 and f"stopped at once; {second}\n" in err, f"{stopped}: exit {code}, what is complete: {err}")


def ends_by_itself(failures):
    """--for and --frames are a drained end too."""
    for limit in (("--for", "300ms"), ("--frames", "25")):
        result = harness.run("run", "-e", "pattern size=64x64 rate=100 realtime=true ! null", *limit, "--json")
        failures.check(result.exit == 0, f"{' '.join(limit)}: exit {result.exit}: {result.err}")
        count = result.end["frames_out"] if result.end else 0
        failures.check(count == 25 if limit[0] == "--frames" else 10 <= count <= 60, f"{' '.join(limit)}: {count} frames")


def ends_what_has_no_end(failures):
    """A filter that goes on for ever after its input has ended is cut off by the first signal, and by --for."""
    for chain in ("loop=-1:3", "tpad=stop=-1"):
        line = f"pattern size=64x64 frames=10 ! filter {chain} ! filter realtime ! null"
        limited = harness.run("run", "-e", line, "--for", "700ms", "--json")
        failures.check(limited.exit == 0, f"{chain} --for: exit {limited.exit}: {limited.err}")
        run = Running("-e", line)
        run.until(lambda now: now["frames_out"] > 20, "it goes on after its input has ended")
        os.kill(run.pid, signal.SIGINT)
        code, err = run.finish()
        failures.check(code == 0, f"{chain}: exit {code}: {err}")


def main():
    harness.adopt_orphans()
    failures = Failures()
    with scratch() as directory:
        first_drains(failures, directory, "a.mp4", signal.SIGINT)
        first_drains(failures, directory, "a.mkv", signal.SIGTERM)
        second_stops(failures, directory, signal.SIGINT)
        second_stops(failures, directory, signal.SIGTERM)
        says_for_whom(failures, directory)
    ends_by_itself(failures)
    ends_what_has_no_end(failures)
    failures.finish()


if __name__ == "__main__":
    main()
