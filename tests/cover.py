#!/usr/bin/python3
"""Line coverage of the product's sources, from the .gcda files below the object directory given.

    cover.py build/cover/obj
"""

import json
import os
import subprocess
import sys


def lines_of(data_file):
    out = subprocess.run(["gcov", "--json-format", "--stdout", data_file], capture_output=True, check=True).stdout
    for document in out.splitlines():
        for file in json.loads(document)["files"]:
            yield file["file"], {line["line_number"]: line["count"] for line in file["lines"]}


def main():
    counts = {}
    for directory, _, files in os.walk(sys.argv[1]):
        for name in files:
            if name.endswith(".gcda"):
                for source, lines in lines_of(os.path.join(directory, name)):
                    here = counts.setdefault(os.path.normpath(source), {})
                    for line, count in lines.items():
                        here[line] = here.get(line, 0) + count
    total = covered = 0
    for source in sorted(counts):
        if not source.startswith(("zone/", "server/", "plugins/", "zonetool/")):
            continue
        lines, ran = len(counts[source]), sum(count > 0 for count in counts[source].values())
        print("  %5.1f %%  %5d of %5d  %s" % (100 * ran / max(lines, 1), ran, lines, source))
        total += lines
        covered += ran
    print("  %5.1f %%  of %d lines" % (100 * covered / max(total, 1), total))
    return 0


if __name__ == "__main__":
    sys.exit(main())
