"""fmt: a zone file in canonical layout, beside what peers have for that: named-compilezone prints a canonical form (and
drops comments), ldns-read-zone likewise; kzonecheck only reads. Ours reads both texts to prove that nothing changed."""

import os
import subprocess

import harness
import measure

COMMANDS = [
    ("zonetool fmt", lambda path: [harness.binary("zonetool"), "fmt", path]),
    ("zonetool fmt --check, laid out", lambda path: [harness.binary("zonetool"), "fmt", "--check", path + ".fmt"]),
    ("kzonecheck", lambda path: ["kzonecheck", "-o", "test.", path]),
    ("named-compilezone", lambda path: ["named-compilezone", "-i", "none", "-k", "ignore", "-o", "-", "test.", path]),
    ("ldns-read-zone", lambda path: ["ldns-read-zone", path]),
]


def run(settings):
    path = settings.tld()
    with open(path + ".fmt", "wb") as out:
        subprocess.run([harness.binary("zonetool"), "fmt", path], stdout=out, check=True)
    table = measure.Table(f"fmt: {settings.delegations:,} delegations",
                          [("seconds", "less", 3), ("CPU s", "less", 3), ("resident MB", "less", 0), ("exit status", None, 0)])
    for name, command in COMMANDS:
        line = command(path)
        line[0] = line[0] if name.startswith("zonetool") else harness.program(line[0])
        if line[0] is None:
            continue
        runs = [run for run in (measure.run_command(line) for _ in range(3)) if run is not None]
        if runs:
            seconds, cpu, resident, status = sorted(runs)[len(runs) // 2]
            table.add(name, seconds, cpu, resident, status, ours=name.startswith("zonetool"))
    os.unlink(path + ".fmt")
    yield table
