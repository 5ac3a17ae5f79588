#!/usr/bin/python3
"""The house rules that a machine can check. Each rule of RULES is a generator of complaints; a rule
without any has passed. Exceptions with their reasons stand in the .txt files beside this one.

    lint.py [--objects DIR]      DIR: the objects of a release build
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

FLOORS = ["base", "wire", "text", "store", "sec", "net", "check"]
PROGRAMS = ["server", "zonetool", "signer", "gitsync"]
BANNED = "strcpy strcat sprintf vsprintf gets atoi atol atoll strtok alloca stpcpy"
NOT_IN_HOT = re.compile(r"^(malloc|calloc|realloc|reallocarray|free|strdup|posix_memalign|aligned_alloc"
                        r"|mmap|munmap|arena_free|pthread_(mutex|rwlock|spin|cond)_\w+)$")
GENERATED = {"plugin_table.h"}
FUNCTION_LINES = 70
FILE_LINES = 600
# Places on the machines the project is made on; split so that this file does not find itself.
LOCAL_PATHS = re.compile("|".join(["/" + "work/", r"\.\./" + "shared", "/" + "home/", "/tmp/" + "(w|hub)" + r"\b"]))


def tracked():
    """Tracked files and new ones that are not ignored."""
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True)
    return sorted(path for path in set(out.stdout.split("\n")) if os.path.isfile(path))


def sources():
    return [path for path in tracked() if path.endswith((".c", ".h"))]


def headers():
    return [path for path in sources() if path.endswith(".h")]


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def table(name):
    """A list file: a key, blanks, the reason. Both must be there."""
    rows = {}
    for line in read(os.path.join(HERE, name)).splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, reason = line.partition(" ")
            rows[key] = reason.strip()
    return rows


def code_only(text):
    """TEXT with comments, strings and characters blanked; line numbers stay."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def includes(path):
    for number, line in enumerate(read(path).splitlines(), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if m:
            yield number, m.group(1)


# ---- the rules ----


def zone_may(floor, target):
    parts = target.split("/")
    if parts[0] != "zone" or len(parts) != 3:
        return False
    return parts[1] in FLOORS[: FLOORS.index(floor) + 1]


def may_include(path, target):
    parts, there = path.split("/"), target.split("/")
    if parts[0] == "zone":
        return parts[1] in FLOORS and zone_may(parts[1], target)
    if there[0] == "zone":
        return True
    contract = there[0] == "plugins" and len(there) == 2
    if parts[0] == "plugins":
        own = len(parts) > 2 and there[:2] == parts[:2]
        return contract or own
    if parts[0] == "server":
        return contract or there[0] == "server"
    if parts[0] in PROGRAMS:
        return there[0] == parts[0]
    return True  # tests and bench see everything


def check_arrows(_):
    for path in sources():
        for number, target in includes(path):
            if not os.path.isfile(target):
                if target not in GENERATED:
                    yield "%s:%d: \"%s\" is not a path from the root" % (path, number, target)
            elif not may_include(path, target):
                yield "%s:%d: must not include %s" % (path, number, target)


def check_circles(_):
    graph = {path: [t for _, t in includes(path) if os.path.isfile(t)] for path in headers()}
    done, trail = set(), []

    def visit(path):
        if path in trail:
            return " -> ".join(trail[trail.index(path):] + [path])
        if path in done:
            return None
        trail.append(path)
        circle = next((c for c in map(visit, graph.get(path, [])) if c), None)
        trail.pop()
        done.add(path)
        return circle

    for path in graph:
        circle = visit(path)
        if circle:
            yield circle


def check_headers_alone(_):
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I."]

    def complaint(path):
        program = '#include "%s"\n#include "%s"\n' % (path, path)  # twice: the guard is there
        done = subprocess.run(["gcc", "-x", "c", *flags, "-"], input=program, capture_output=True, text=True)
        return "%s: %s" % (path, done.stderr.strip().split("\n")[0]) if done.returncode else None

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield from filter(None, pool.map(complaint, headers()))


def check_hot_objects(options):
    allowed = table("hot-allowed.txt")
    for source in table("hot-objects.txt"):
        path = os.path.join(options.objects, source[:-2] + ".o")
        if not os.path.isfile(source):
            yield "%s: listed as hot, but there is no such file" % source
            continue
        out = subprocess.run(["nm", "-u", path], capture_output=True, text=True)
        if out.returncode:
            yield "%s: not built" % path
        for line in out.stdout.splitlines():
            symbol = line.split()[-1].split("@")[0]
            if NOT_IN_HOT.match(symbol) and source + ":" + symbol not in allowed:
                yield "%s: calls %s on the path of a query" % (source, symbol)


def check_banned(_):
    pattern = re.compile(r"\b(%s)\s*\(" % "|".join(BANNED.split()))
    for path in sources():
        if path.startswith("tests/"):
            continue
        for number, line in enumerate(code_only(read(path)).splitlines(), 1):
            for m in pattern.finditer(line):
                yield "%s:%d: %s is banned" % (path, number, m.group(1))


def functions(path):
    """Name and length of each function: its brace stands alone in the first column."""
    lines = code_only(read(path)).splitlines()
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
            head = number - 1
            while head > 0 and re.match(r"\s", lines[head]):
                head -= 1
            names = re.findall(r"(\w+)\s*\(", " ".join(lines[head:number]))
            name = next((n for n in names if n not in ("NONNULL", "PRINTF", "__attribute__")), "?")
        elif line == "}" and start is not None:
            yield name, number - start + 2
            start = None


def check_lengths(_):
    reasons = table("long.txt")
    seen = set()
    for path in sources():
        count = read(path).count("\n")
        long = [(path, count, FILE_LINES)] if count > FILE_LINES else []
        long += [(path + ":" + name, lines, FUNCTION_LINES) for name, lines in functions(path) if lines > FUNCTION_LINES]
        for key, lines, limit in long:
            seen.add(key)
            if not reasons.get(key):
                yield "%s: %d lines, more than %d, and no reason in long.txt" % (key, lines, limit)
    for key in reasons:
        if key not in seen:
            yield "long.txt: %s is not long (any more)" % key


def check_format(_):
    paths = sources()
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *paths], capture_output=True, text=True)
    for path in sorted({m.group(1) for m in re.finditer(r"^(\S+?):\d+:\d+: error", done.stderr, re.M)}):
        yield "%s: not as clang-format wants it (make format)" % path


def check_local_paths(_):
    for path in tracked():
        for number, line in enumerate(read(path).splitlines(), 1):
            if LOCAL_PATHS.search(line):
                yield "%s:%d: names a place outside the project" % (path, number)


def check_includes_guard(_):
    for path in headers():
        guard = re.sub(r"\W", "_", path).upper()
        if "#ifndef %s\n#define %s\n" % (guard, guard) not in read(path):
            yield "%s: its guard is not %s" % (path, guard)
        if not read(path).startswith("/*"):
            yield "%s: does not open with prose" % path


RULES = [
    ("include arrows", check_arrows),
    ("no circles of headers", check_circles),
    ("headers stand alone", check_headers_alone),
    ("headers open with prose and a guard", check_includes_guard),
    ("hot objects neither allocate nor lock", check_hot_objects),
    ("no banned functions", check_banned),
    ("long functions and files have a reason", check_lengths),
    ("clang-format", check_format),
    ("no local paths", check_local_paths),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", default="build/release/obj")
    options = parser.parse_args()
    os.chdir(ROOT)
    passed = failed = 0
    for name, rule in RULES:
        complaints = list(rule(options))
        for complaint in complaints:
            print("    " + complaint)
        print("  %-6s %s" % ("FAIL" if complaints else "ok", name), flush=True)
        passed += not complaints
        failed += bool(complaints)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
