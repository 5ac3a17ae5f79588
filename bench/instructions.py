"""instructions: user-space instructions per answer, counted by callgrind (valgrind). Two runs with
different numbers of answers are taken from each other, so that start and stop do not count."""

import glob
import os
import re

import harness
import measure

FEW, MANY = 2000, 12000


def under_callgrind(kind):
    """A subclass of the server whose command runs under callgrind."""
    base = harness.SERVERS[kind]

    class Counted(base):
        def command(self):
            return [harness.program("valgrind"), "--tool=callgrind", "--trace-children=yes", "-q",
                    f"--callgrind-out-file={self.directory}/counted.%p"] + super().command()

    Counted.__name__ = f"Counted{base.__name__}"
    return Counted


def total(directory):
    count = 0
    for path in glob.glob(os.path.join(directory, "counted.*")):
        with open(path, encoding="ascii", errors="replace") as lines:
            found = re.findall(r"^(?:summary|totals): (\d+)", lines.read(), re.MULTILINE)
        count += int(found[0]) if found else 0
    return count


def one_run(settings, kind, zones, queries, answers, extra="", flood=()):
    harness.SERVERS["counted"] = under_callgrind(kind)
    server = settings.space.start("counted", zones, minimal=True, deadline=300, extra=extra)
    seen = measure.wait_counters(settings.flood(server, queries, "--answers", answers, "--seconds", 120, "--warmup", 0,
                                                "--sockets", 4, "--window", 16, *flood))
    settings.end_server(server)
    return total(server.directory), seen["answers"]


def per_answer(settings, kind, zones, queries, **how):
    few, few_answers = one_run(settings, kind, zones, queries, FEW, **how)
    many, many_answers = one_run(settings, kind, zones, queries, MANY, **how)
    return (many - few) / max(1, many_answers - few_answers)


def run(settings):
    if harness.program("valgrind") is None:
        print("instructions: valgrind is not installed")
        return []
    small, small_queries = settings.small()
    count = min(settings.delegations, 50000)
    path = settings.genzone("counted.zone", "--shape", "tld", "--delegations", count, "--queries",
                            os.path.join(settings.space.path, "counted.queries"), "--query-count", 100000)
    tld_queries = os.path.join(settings.space.path, "counted.queries")
    table = measure.Table("user-space instructions per answer (callgrind)", [
        ("small zone", "less", 0), (f"{count:,} delegations", "less", 0)])
    for kind in settings.kinds:
        table.add(harness.SERVERS[kind].title, per_answer(settings, kind, small, small_queries),
                  per_answer(settings, kind, {"test.": path}, tld_queries), ours=kind == measure.OURS)
    return [table]
