"""What the measurements share: the zones, the tools, the servers, and a table with ratios.

A result is a Table: rows are servers (or tools), columns are quantities of which less (or more) is
better. It is printed as soon as it is complete, with the ratio of ours to the best peer under it.
"""

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "system"))
import harness
import wire

OURS = "bailiwick"


class Settings:
    """Sizes and places of one run of the benchmarks."""

    def __init__(self, arguments, space):
        self.space = space
        self.quick = arguments.quick
        self.delegations = arguments.delegations or (50000 if self.quick else 1000000)
        self.zones = arguments.zones or (1000 if self.quick else 10000)
        self.seconds = arguments.seconds or (1.0 if self.quick else 2.0)
        self.rounds = arguments.rounds or (3 if self.quick else 5)
        self.kinds = harness.available(arguments.servers or [OURS, *harness.PEERS])
        self.cache = {}
        cpus = sorted(os.sched_getaffinity(0))
        self.server_cpu, self.client_cpu = cpus[0], cpus[-1]

    def tool(self, name):
        directory = os.environ.get("BAILIWICK_BENCH") or os.path.join(harness.ROOT, "build", "release", "bench")
        return os.path.join(directory, name)

    def genzone(self, name, *options):
        """Generates a zone file once per run; returns its path."""
        key = (name, *options)
        if key not in self.cache:
            path = os.path.join(self.space.path, name)
            with open(path, "wb") as out:
                subprocess.run([self.tool("genzone"), *map(str, options)], stdout=out, check=True)
            self.cache[key] = path
        return self.cache[key]

    def tld(self, name="tld.zone", *options):
        return self.genzone(name, "--shape", "tld", "--delegations", self.delegations,
                            "--query-count", 1 if name != "tld.zone" else 500000,
                            "--queries", os.path.join(self.space.path, name + ".queries"), *options)

    def many(self):
        """The small zones: (origin -> path, path of the questions)."""
        directory = self.space.directory("many")
        queries = os.path.join(directory, "questions")
        if not os.path.exists(queries):
            subprocess.run([self.tool("genzone"), "--shape", "many", "--zones", str(self.zones), "--directory",
                            directory, "--queries", queries, "--query-count", "500000"], check=True)
        with open(os.path.join(directory, "zones.list"), encoding="ascii") as lines:
            return dict(line.split() for line in lines), queries

    def small(self):
        """One small zone and questions for it: hits of several types, a wildcard, names that are missing."""
        path = os.path.join(harness.ROOT, "testdata", "zones", "example.org.zone")
        names = [("www", "A"), ("www", "AAAA"), ("mail", "A"), ("", "MX"), ("", "NS"), ("ns1", "A"), ("ftp", "A"),
                 ("x.wild", "A"), ("www", "MX"), ("no.sub", "A"), ("host", "A"), ("_sip._tcp", "SRV")]
        queries = self.space.write("small.queries", "".join(
            f"{name + '.' if name else ''}example.org. {qtype}\n" for name, qtype in names))
        return {"example.org.": path}, queries

    def start(self, kind, zones, **options):
        options.setdefault("minimal", True)
        return self.space.start(kind, zones, deadline=600, **options)

    def flood(self, server, queries, *options, cpu=None):
        """Starts flood against SERVER and returns the process; its standard output is one JSON object."""
        command = [self.tool("flood"), "--port", str(server.port), "--queries", queries, *map(str, options)]
        return subprocess.Popen(["taskset", "-c", str(self.client_cpu if cpu is None else cpu)] + command,
                                stdout=subprocess.PIPE)

    def end_server(self, server):
        server.stop()
        self.space.servers.remove(server)


def counters(process):
    """What flood printed; ends it first when it still runs."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    return json.loads(process.communicate()[0])


def wait_counters(process):
    return json.loads(process.communicate()[0])


class EchoServer(harness.Server):
    """The limit: answers every message with itself."""

    kind = "echo"
    title = "echo (limit)"
    tool = None

    def command(self):
        return [self.tool, str(self.port)]

    def request_reload(self):
        raise NotImplementedError


harness.SERVERS["echo"] = EchoServer


def run_command(command, timeout=900):
    """Runs a command with its output thrown away: (seconds, CPU seconds, resident MB, exit status)."""
    start = time.monotonic()
    with open(os.devnull, "wb") as nowhere:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=nowhere, stderr=nowhere,
                                   start_new_session=True)
    deadline = start + timeout
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > deadline:
            os.killpg(process.pid, signal.SIGKILL)
            os.wait4(process.pid, 0)
            return None
        time.sleep(0.001)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, process.returncode


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


class Table:
    def __init__(self, title, columns):
        """COLUMNS: list of (name, "less" or "more" is better or None, digits)."""
        self.title = title
        self.columns = columns
        self.rows = []

    def add(self, name, *values, ours=False):
        self.rows.append((name, values, ours))

    def ratios(self):
        ours = next((values for _, values, is_ours in self.rows if is_ours), None)
        found = []
        for i, (_, better, _) in enumerate(self.columns):
            peers = [values[i] for name, values, is_ours in self.rows
                     if not is_ours and "limit" not in name and values[i] is not None]
            if ours is None or better is None or ours[i] is None or not peers:
                found.append(None)
                continue
            best = min(peers) if better == "less" else max(peers)
            found.append(ours[i] / best if best else None)
        return found

    def print(self):
        heads = [name for name, _, _ in self.columns]
        lines = [[name] + ["-" if value is None else f"{value:,.{digits}f}"
                           for value, (_, _, digits) in zip(values, self.columns)] for name, values, _ in self.rows]
        if any(ratio is not None for ratio in self.ratios()):
            lines.append(["ours / best peer"] + ["" if ratio is None else f"x {ratio:.3g}" for ratio in self.ratios()])
        rows = [[""] + heads] + lines
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        print(f"\n{self.title}")
        for row in rows:
            print("  " + row[0].ljust(widths[0]) + "".join("  " + cell.rjust(width)
                                                          for cell, width in zip(row[1:], widths[1:])))
        sys.stdout.flush()

    def as_json(self):
        return {"title": self.title, "columns": [name for name, _, _ in self.columns],
                "rows": {name: list(values) for name, values, _ in self.rows}, "ratios": self.ratios()}


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
        models = re.findall(r"model name\s*: (.*)", lines.read())
    return f"{len(models)} x {models[0] if models else 'unknown CPU'}, Linux {os.uname().release}"
