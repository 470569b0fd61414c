#!/usr/bin/env python3
"""What a test run came to: which tests were skipped and why, which failed, and one line of counts.

usage: summary.py [--line] BUILD-DIRECTORY     (--line: the counts alone)
Reads the newest testlog*.json that `meson test` wrote. Exits with 1 when a test failed or no test ran.
"""
import glob
import json
import os
import sys

PASSED = ("OK", "EXPECTEDFAIL")


def read_results(build):
    logs = glob.glob(os.path.join(build, "meson-logs", "testlog*.json"))
    if not logs:
        return []
    with open(max(logs, key=os.path.getmtime), encoding="utf-8") as log:
        return [json.loads(line) for line in log if line.strip()]


def reason(test):
    """The last thing a test said."""
    said = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    skips = [line for line in lines if line.lower().startswith("skip")]
    return (skips or lines or ["it gave no reason"])[-1]


def main(arguments):
    line_only = "--line" in arguments
    build = [argument for argument in arguments if argument != "--line"][0]
    results = read_results(build)
    skipped = [test for test in results if test["result"] == "SKIP"]
    failed = [test for test in results if test["result"] not in PASSED + ("SKIP",)]
    if not line_only:
        for title, tests in (("skipped", skipped), ("failed", failed)):
            for test in tests:
                print(f"{title}: {test['name']}: {reason(test)}")
    print(f"{len(results) - len(failed) - len(skipped)} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
