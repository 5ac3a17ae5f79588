"""check: reading and checking a zone file, beside the checkers of the peers; sorted and shuffled."""

import os

import harness
import measure

CHECKERS = [
    ("zonetool check", lambda path: [harness.binary("zonetool"), "check", "-q", "-o", "test.", path]),
    ("kzonecheck", lambda path: ["kzonecheck", "-o", "test.", path]),
    ("nsd-checkzone", lambda path: ["nsd-checkzone", "test.", path]),
    ("named-checkzone -i local", lambda path: ["named-checkzone", "-i", "local", "test.", path]),
    ("validns", lambda path: ["validns", "-z", "test.", path]),
    ("ldns-read-zone", lambda path: ["ldns-read-zone", path]),
]


def is_there(name):
    return harness.binary("zonetool") if name.startswith("zonetool") else harness.program(name.split()[0])


def measure_file(settings, title, path):
    table = measure.Table(title, [("seconds", "less", 3), ("CPU s", "less", 3), ("resident MB", "less", 0),
                                  ("MB/s", "more", 0), ("exit status", None, 0)])
    size = os.path.getsize(path) / 1e6
    for name, command in CHECKERS:
        if not is_there(name):
            continue
        line = command(path)
        line[0] = harness.program(line[0]) or line[0]
        runs = [measure.run_command(line) for _ in range(3 if name.startswith("zonetool") else 1)]
        runs = [run for run in runs if run is not None]
        if runs:
            seconds, cpu, resident, status = sorted(runs)[len(runs) // 2]
            table.add(name, seconds, cpu, resident, size / seconds, status, ours=name.startswith("zonetool"))
    return table


def run(settings):
    count = f"{settings.delegations:,}"
    yield measure_file(settings, f"check: {count} delegations, sorted", settings.tld())
    yield measure_file(settings, f"check: {count} delegations, owners shuffled",
                       settings.tld("shuffled.zone", "--shuffle"))
    host = settings.genzone("host.zone", "--shape", "host", "--records", settings.delegations)
    yield measure_file(settings, f"check: {count} records of hosts", host)
