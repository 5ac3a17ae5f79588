#!/usr/bin/python3
"""Runs the test programs, some at a time, and sums their counts.

    run.py [--jobs N] [--unit BIN]... [--system SCRIPT]... [--case RUNNER CASE...]

Unit tests are cmocka programs. The case runner and the system tests (each file by tests/system/run.py)
say "N passed, N failed" in their last line, perhaps with ", N skipped" behind. A program that dies,
hangs or counts nothing is one failure. The last line printed here is the total in the same form.
"""

import argparse
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import time

TIMEOUT_S = 900
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


def count_cmocka(lines):
    passed = sum(line.startswith("[       OK ]") for line in lines)
    failed = sum(int(m.group(1)) for m in (re.match(r"\[  FAILED  \] (\d+) test", line) for line in lines) if m)
    skipped = sum(line.startswith("[  SKIPPED ]") for line in lines) // 2  # at the test and in the sum
    return passed, failed, skipped


def count_last_line(lines):
    for line in reversed(lines):
        if line.strip():
            m = COUNTS.match(line.strip())
            return tuple(int(count or 0) for count in m.groups()) if m else (0, 0, 0)
    return 0, 0, 0


def run(name, command, count):
    """One program in its own process group, so that nothing of it survives its time limit."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    note = ""
    try:
        output, _ = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        note = "\nended after %d s\n" % TIMEOUT_S
    text = output.decode("utf-8", "replace") + note
    passed, failed, skipped = count(text.splitlines())
    if failed == 0 and (process.returncode != 0 or passed + skipped == 0 or note):
        failed = 1
        text += "\n%s: exit status %d, %d passed\n" % (name, process.returncode, passed)
    return name, passed, failed, skipped, text, time.monotonic() - started


def jobs_of(arguments):
    """Longest kinds first, so that the last to end is a short one."""
    for script in arguments.system:
        test = os.path.basename(script).replace("_test.py", ".")
        yield script, ["/usr/bin/python3", "tests/system/run.py", test], count_last_line
    if arguments.case:
        yield "tests/case", arguments.case, count_last_line
    for program in arguments.unit:
        yield "unit/" + program.split("/unit/")[-1], [program], count_cmocka


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--unit", action="append", default=[])
    parser.add_argument("--system", action="append", default=[])
    parser.add_argument("--case", nargs="+", default=[])
    arguments = parser.parse_args()
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        running = [pool.submit(run, *job) for job in jobs_of(arguments)]
        for done in concurrent.futures.as_completed(running):
            name, good, bad, skipped, text, seconds = done.result()
            if bad:
                print("---- %s\n%s----" % (name, text))
            print("  %-6s %-40s %5d passed %3d failed %7.1f s%s"
                  % ("FAIL" if bad else "ok", name, good, bad, seconds, ", %d skipped" % skipped if skipped else ""),
                  flush=True)
            for line in text.splitlines():
                if skipped and line.startswith("skip"):
                    print("         " + line)
            passed += good
            failed += bad
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
