#!/usr/bin/env python3
"""--metrics is Prometheus' text form, says what status, top and --json say, and is read without waking a stage; as a file that is
whole at any moment, and over http from a process of its own, on loopback unless another address is named."""
import collections
import json
import os
import re
import signal
import socket
import urllib.error
import urllib.request

import harness
import remote
from harness import Failures, Running, run, scratch

PIPELINE = ("pattern size=64x64 rate=200 realtime=true {} as source ! scale 32:32 as small ! null as end ; "
            "source ! null as look when-full=drop credits=2")
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)')


def parse(failures, text):
    """{family: {labels: value}} as the exposition format says it, written from its specification and from nothing of ours."""
    families, types, helps, current = {}, {}, set(), None
    failures.check(text.endswith("\n"), "the last line does not end")
    for line in text.split("\n")[:-1]:
        comment = re.fullmatch(r"# (HELP|TYPE) (\S+) (.+)", line)
        if comment:
            what, name, rest = comment.groups()
            failures.check(NAME.fullmatch(name), f"name: {line}")
            failures.check(name not in (types if what == "TYPE" else helps), f"twice: {line}")
            if what == "TYPE":
                failures.check(rest in ("counter", "gauge", "histogram") and name in helps, f"type: {line}")
                types[name], current = rest, name
                families[name] = {}
            else:
                helps.add(name)
            continue
        sample = SAMPLE.fullmatch(line)
        if not failures.check(sample, f"no sample: {line}"):
            continue
        name, labels, value = sample.groups()
        pairs = LABEL.findall(labels or "")
        whole = "".join(f'{key}="{text_}",' for key, text_ in pairs).rstrip(",") == (labels or "")
        family = re.sub(r"_(bucket|sum|count)$", "", name) if types.get(current) == "histogram" else name
        failures.check(whole and family == current, f"labels, or not beside its family: {line}")
        key = (name, tuple(sorted(pairs)))
        failures.check(key not in families[current], f"twice: {line}")
        families[current][key] = float(value)
    for name, kind in types.items():
        failures.check((kind == "counter") == name.endswith("_total"), f"{name} is a {kind}")
        failures.check(all(value >= 0 for value in families[name].values()), f"{name}: {families[name]}")
        if kind == "histogram":
            check_histogram(failures, name, families[name])
    return families


def check_histogram(failures, name, samples):
    """Buckets rise, the last is +Inf and equals the count; there is a sum."""
    groups = collections.defaultdict(dict)
    for (sample, labels), value in samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        le = dict(labels).get("le")
        groups[rest][float(le) if le else sample.removeprefix(name)] = value
    for labels, group in groups.items():
        edges = sorted(key for key in group if isinstance(key, float))
        counts = [group[edge] for edge in edges]
        rising = len(edges) > 10 and edges[-1] == float("inf") and counts == sorted(counts)
        failures.check(rising, f"{name}{labels}: buckets {counts}")
        failures.check(counts[-1] == group["_count"] and "_sum" in group, f"{name}{labels}: count {group}")


def value(families, name, **labels):
    """The one sample with these labels, among others."""
    family = re.sub(r"_(bucket|sum|count)$", "", name) if name not in families else name
    found = [number for (sample, pairs), number in families[family].items()
             if sample == name and all((key, text) in pairs for key, text in labels.items())]
    return found[0] if len(found) == 1 else found


def check_against(failures, families, told):
    """Every figure that `told` (an object of status or --json) has too."""
    for stage in told["stages"]:
        for key in ("frames_in", "frames_out", "packets_in", "packets_out", "copies", "decode_errors"):
            here = value(families, f"framelane_stage_{key}_total", stage=stage["name"], run=told["run"])
            failures.check(here == stage[key], f"{stage['name']} {key}: {stage[key]}, metrics {here}")
        handled = stage["frames_in"] or stage["frames_out"]
        for histogram in ("framelane_stage_work_seconds_count", "framelane_stage_frame_age_seconds_count"):
            here = value(families, histogram, stage=stage["name"])
            failures.check(here == handled, f"{stage['name']}: {handled} frames, {histogram} {here}")
    for lane in told["lanes"]:
        ends = {"from": lane["from"], "to": lane["to"]}
        for key in ("sent", "taken", "returned"):
            here = value(families, f"framelane_lane_{key}_total", **ends)
            failures.check(here == lane[key], f"{ends} {key}: {lane[key]}, metrics {here}")
        causes = [value(families, "framelane_lane_dropped_total", cause=cause, **ends)
                  for cause in ("no_credit", "superseded", "left_over")]
        failures.check(sum(causes) == lane["dropped"], f"{ends}: {lane['dropped']} dropped, metrics {causes}")
    for key, cause in (("policy", "policy"), ("error", "error")):
        here = value(families, "framelane_run_frames_dropped_total", cause=cause)
        failures.check(here == told["dropped"][key], f"dropped {key}: {told['dropped'][key]}, metrics {here}")
    failures.check(value(families, "framelane_run_frames_in_total") == told["frames_in"], "frames_in")
    failures.check(value(families, "framelane_run_frames_out_total") == told["frames_out"], "frames_out")


def check_against_top(failures, families, page):
    for lane in re.findall(r"^(\w+) -> (\w+) +\w+ +\S+ [^\d]* (\d+) +(\d+) +(\d+)", page, re.M):
        ends = {"from": lane[0], "to": lane[1]}
        dropped = sum(value(families, "framelane_lane_dropped_total", cause=cause, **ends)
                      for cause in ("no_credit", "superseded", "left_over"))
        sent = value(families, "framelane_lane_sent_total", **ends)
        failures.check(int(lane[2]) == sent + dropped and int(lane[4]) == dropped, f"top shows {lane}, metrics {sent} {dropped}")
    failures.check(len(re.findall(r"^\w+ -> \w+ ", page, re.M)) == 3, f"top -b shows no lanes:\n{page}")


def get(address, path="/metrics", method="GET"):
    """(status, content type, text)"""
    try:
        asked = urllib.request.Request(f"http://{address}{path}", method=method)
        with urllib.request.urlopen(asked, timeout=harness.LIMIT) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def sleeps_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M).group(1))


def check_one_moment(failures, running, read):
    """With every stage stopped nothing moves: metrics, status, top and --json agree; and reading wakes nobody."""
    stages = running.stages()
    running.until(lambda line: sum(lane["dropped"] for lane in line["lanes"]) >= 0, "a line")
    os.kill(stages["look"], signal.SIGSTOP)
    running.until(lambda line: sum(lane["dropped"] for lane in line["lanes"]) > 10, "frames were dropped")
    for pid in stages.values():
        os.kill(pid, signal.SIGSTOP)
    running.next_line()
    line = running.next_line()
    before = {name: sleeps_of(pid) for name, pid in stages.items()}
    families = parse(failures, read())
    told = json.loads(run("status", running.name, "--json").out)
    page = run("top", running.name, "-b", "-n", "1", env=dict(os.environ, LC_ALL="C")).out
    after = {name: sleeps_of(pid) for name, pid in stages.items()}
    failures.check(before == after, f"somebody was woken: {before} {after}")
    check_against(failures, families, told)
    check_against(failures, families, line)
    check_against_top(failures, families, page)
    for pid in stages.values():
        os.kill(pid, signal.SIGCONT)


def check_file(failures):
    with scratch() as place:
        path = os.path.join(place, "framelane.prom")
        running = Running("--name", "cam1", "-e", PIPELINE.format(""), "--metrics", path)
        running.name = "cam1"
        running.until_frames_flow()

        def read():
            with open(path, encoding="utf-8") as file:
                before = os.fstat(file.fileno()).st_ino
            running.next_line()
            running.next_line()  # a second and more: it has been written anew, under another inode
            with open(path, encoding="utf-8") as file:
                failures.check(os.fstat(file.fileno()).st_ino != before, "the file is not written anew, or not by rename")
                return file.read()

        check_one_moment(failures, running, read)
        run("stop", "cam1")
        code, err = running.finish()
        with open(path, encoding="utf-8") as file:
            families = parse(failures, file.read())
        failures.check(code == 0 and value(families, "framelane_run_up") == 0, f"the end: {code} {err}")
        check_against(failures, families, running.end)
        failures.check(os.listdir(place) == ["framelane.prom"], f"left over: {os.listdir(place)}")


def check_ages(failures):
    """Ages count from when a frame was due: a source that was stopped is late with all that was due meanwhile."""
    with scratch() as place:
        path = os.path.join(place, "framelane.prom")
        running = Running("-e", "pattern size=64x64 rate=100 realtime=true as source ! null as end", "--metrics", path)
        running.until_frames_flow()
        source = running.stages()["source"]
        os.kill(source, signal.SIGSTOP)
        running.next_line()
        running.next_line()
        os.kill(source, signal.SIGCONT)
        running.until(lambda line: True, "frames flow again")
        running.process.send_signal(signal.SIGINT)
        running.finish()
        with open(path, encoding="utf-8") as file:
            families = parse(failures, file.read())
        for stage in ("source", "end"):
            count = value(families, "framelane_stage_frame_age_seconds_count", stage=stage)
            quick = [number for (sample, pairs), number in families["framelane_stage_frame_age_seconds"].items()
                     if sample.endswith("_bucket") and ("stage", stage) in pairs and float(dict(pairs)["le"]) < 0.6]
            total = value(families, "framelane_stage_frame_age_seconds_sum", stage=stage)
            old = count - max(quick)
            failures.check(old > 20 and total > 20 * 0.6, f"{stage}: {count} frames, {old} of them old, {total} s")


def check_http(failures):
    if not os.path.exists(os.path.join(os.path.dirname(harness.FRAMELANE), "framelane-metrics")):
        print("not looked at: framelane-metrics was not built (libmicrohttpd)")
        return
    address = f"127.0.0.1:{free_port()}"
    running = Running("--name", "cam2", "-e", PIPELINE.format(""), "--metrics", address.split(":")[1])
    running.until_frames_flow()
    status, kind, text = get(address)
    failures.check(status == 200 and kind.startswith("text/plain; version=0.0.4"), f"{status} {kind}")
    families = parse(failures, text)
    runs = value(families, "framelane_run_up", run="cam2") == 1 and value(families, "framelane_run_frames_in_total") > 0
    failures.check(runs, f"figures over http:\n{text}")
    failures.check(get(address, "/other")[0] == 404 and get(address, method="DELETE")[0] == 405, "other paths, other methods")
    taken = run("run", "-e", "pattern frames=3 ! null", "--metrics", address)
    failures.check(taken.exit == 4 and "in use" in taken.err and address in taken.err, f"a port in use: {taken.exit} {taken.err}")
    with open("/proc/net/tcp", encoding="ascii") as file:
        port = f"{int(address.split(':')[1]):04X}"
        listens = [line.split()[1] for line in file if line.split()[1].endswith(f":{port}") and line.split()[3] == "0A"]
    failures.check(listens == [f"0100007F:{port}"], f"listens at {listens}")
    run("stop", "cam2")
    code, err = running.finish()
    failures.check(code == 0, f"the run: {code} {err}")
    with socket.socket() as probe:
        failures.check(probe.connect_ex(("127.0.0.1", int(port, 16))) != 0, "somebody still listens after the run")


def check_no_room(failures):
    """The file's folder goes while the run writes into it: the file is named as it was given, with the reason."""
    with scratch() as place:
        folder = os.path.join(place, "folder")
        os.mkdir(folder)
        path = os.path.join(folder, "framelane.prom")
        running = Running("-e", PIPELINE.format(""), "--metrics", path)
        running.until_frames_flow()
        os.rename(folder, os.path.join(place, "other"))
        running.next_line()
        running.next_line()  # it has been tried to write it
        running.process.send_signal(signal.SIGINT)
        code, err = running.finish()
        right = f"--metrics {path} cannot be written: No such file or directory" in err and err.count("--metrics") == 1
        failures.check(code == 0 and right, f"a folder that went: {code} {err}")


def check_words(failures):
    nowhere = "none/such/file: it cannot be written: No such file or directory; create its folder first"
    for where, code, words in (("none/such/file", 4, nowhere), (":0", 2, "1 to 65535"), ("127.0.0.1:99999", 2, "1 to 65535"),
                               ("192.0.2.1:9100", 4, "no such address")):
        done = run("run", "-e", "pattern frames=3 ! null", "--metrics", where)
        failures.check(done.exit == code and words in done.err, f"--metrics {where}: {done.exit} {done.err}")


def check_slips(failures):
    """What begins like an address and is none makes no file; one that is really called so can be named."""
    with scratch() as place:
        for where in ("80x", "9100.", ":9100x", "127.0.0.1", "127.0.0.1:", "localhost", "myhost:9100", "[::1]", "[::1]:x"):
            done = run("run", "-e", "pattern frames=3 ! null", "--metrics", where, cwd=place)
            told = all(words in done.err for words in (f"--metrics {where}: ", "IP:PORT (9100", f"./{where}"))
            failures.check(done.exit == 2 and told, f"--metrics {where}: {done.exit} {done.err}")
        failures.check(os.listdir(place) == [], f"slips made files: {os.listdir(place)}")
        for where in ("./80x", "2024.prom", "figures"):
            done = run("run", "-e", "pattern frames=3 ! null", "--metrics", where, cwd=place)
            made = os.path.exists(os.path.join(place, where))
            failures.check(done.exit == 0 and made, f"--metrics {where}: {done.exit} {done.err}")


def main():
    failures = Failures()
    with remote.runtime_folder():
        check_file(failures)
        check_ages(failures)
        check_http(failures)
        check_words(failures)
        check_slips(failures)
        check_no_room(failures)
    failures.finish()


if __name__ == "__main__":
    main()
