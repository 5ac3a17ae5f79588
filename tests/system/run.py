#!/usr/bin/python3
"""Runs the system tests: every function test_* of every *_test.py here, and prints how it went.

    tests/system/run.py [-v] [NAME...]     NAME is the beginning of "file.function"

A test fails by raising harness.Failure or an assertion, and is skipped (with the reason) by raising
harness.Skip, as when a peer is not installed. Exit status 0 when nothing failed."""

import importlib.util
import os
import signal
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import harness


def tests(selected):
    for file in sorted(os.listdir(HERE)):
        if not file.endswith("_test.py"):
            continue
        spec = importlib.util.spec_from_file_location(file[:-3], os.path.join(HERE, file))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, value in list(vars(module).items()):
            title = f"{file[:-8]}.{name[5:]}"
            if name.startswith("test_") and (not selected or title.startswith(tuple(selected))):
                yield title, value


def run_one(title, test, verbose):
    start = time.monotonic()
    try:
        test()
        word, detail = "ok", ""
    except harness.Skip as reason:
        word, detail = "skip", str(reason)
    except (harness.Failure, AssertionError) as failure:
        word, detail = "FAIL", traceback.format_exc() if verbose or not str(failure) else str(failure)
    except Exception:  # an unforeseen error is a failed test too, the others go on
        word, detail = "FAIL", traceback.format_exc()
    print(f"{word:4} {title} ({time.monotonic() - start:.1f} s)" + (f"\n{detail}" if detail else ""), flush=True)
    return word


def main(arguments):
    verbose = "-v" in arguments
    selected = [word for word in arguments if not word.startswith("-")]
    words = [run_one(title, test, verbose) for title, test in tests(selected)]
    passed, failed, skipped = (words.count(word) for word in ("ok", "FAIL", "skip"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))  # servers are stopped on the way out
    sys.exit(main(sys.argv[1:]))
