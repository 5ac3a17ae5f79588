#!/usr/bin/python3
"""Measures ours beside the peers that Debian packages, and prints tables with the ratio to the best.

    bench/run.py [--quick] [NAME...]      NAME: load reload transfer check fmt diff findings answers
                                          instructions features forward cache verify sign online spread idle gitsync
                                          zones dips restart; all when none

`make bench` runs it (BENCH="--quick answers" gives it arguments). Servers and generators are pinned, ports
are free ones, everything lies in one temporary directory and is gone afterwards. Figures move between
machines; what counts is the ratio to what was measured beside it."""

import argparse
import importlib
import json
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measure  # finds tests/system for the next
import harness

NAMES = ("load", "reload", "transfer", "check", "fmt", "diff", "findings", "answers", "instructions", "features", "forward",
         "cache", "verify", "sign", "online", "spread", "idle", "gitsync", "zones", "dips", "restart")


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure: " + ", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="small sizes: a look, not a measurement")
    parser.add_argument("--delegations", type=int, help="size of the large zone (1000000)")
    parser.add_argument("--zones", type=int, help="how many small zones (10000)")
    parser.add_argument("--seconds", type=float, help="of each round of answers (2)")
    parser.add_argument("--rounds", type=int, help="of answers (5)")
    parser.add_argument("--servers", type=lambda text: text.split(","), help="bailiwick,nsd,knot,bind")
    parser.add_argument("--json", metavar="FILE", help="write the tables there too")
    parser.add_argument("--keep", action="store_true", help="keep the temporary directory")
    arguments = parser.parse_args(words)
    for name in arguments.names:
        if name not in NAMES:
            parser.error(f"unknown measurement {name}: " + ", ".join(NAMES))
    return arguments


def main():
    arguments = parse(sys.argv[1:] or os.environ.get("BENCH", "").split())
    tables, failed = [], False
    print(measure.machine())
    with harness.Workspace("bailiwick-bench-", keep=arguments.keep) as space:
        settings = measure.Settings(arguments, space)
        missing = [kind for kind in harness.SERVERS if kind != "echo" and kind not in settings.kinds]
        if missing:
            print("not measured:", ", ".join(missing))
        for name in arguments.names or NAMES:
            start = time.monotonic()
            try:
                for table in importlib.import_module(name).run(settings):
                    table.print()
                    tables.append(table.as_json())
            except harness.Failure as failure:
                print(f"{name}: {failure}", file=sys.stderr)
                failed = True
            print(f"  ({name} took {time.monotonic() - start:.0f} s)")
    if arguments.json:
        with open(arguments.json, "w", encoding="ascii") as out:
            json.dump(tables, out, indent=1)
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))  # servers are stopped on the way out
    sys.exit(main())
