"""diff: a thousand changes in a zone, found between two texts and between two images; beside ldns-compare-zones and the way
without a tool, canonical text from named-compilezone and diff(1)."""

import os

import harness
import measure

CHANGES = 1000


def commands(old, new):
    tool = harness.binary("zonetool")
    compile_ = harness.program("named-compilezone")
    canonical = f"{compile_} -q -i none -k ignore -o %s.text test. %s"
    return [
        ("zonetool diff, texts", tool and [tool, "diff", old, new]),
        ("zonetool diff, images", tool and [tool, "diff", old + ".image", new + ".image"]),
        ("zonetool diff --semantic, texts", tool and [tool, "diff", "--semantic", old, new]),
        ("ldns-compare-zones", harness.program("ldns-compare-zones") and [harness.program("ldns-compare-zones"), "-a", old, new]),
        ("named-compilezone, diff", compile_ and ["sh", "-c", f"{canonical % (old, old)}; {canonical % (new, new)}; "
                                                  f"diff {old}.text {new}.text"]),
    ]


def run(settings):
    old = settings.tld()
    new = settings.tld("changed.zone", "--change", CHANGES)
    for path in (old, new):
        measure.run_command([harness.binary("zonetool"), "compile", "-q", "-o", "test.", path, path + ".image"])
    table = measure.Table(f"diff: {CHANGES:,} changes in {settings.delegations:,} delegations",
                          [("seconds", "less", 3), ("CPU s", "less", 3), ("resident MB", "less", 0), ("exit status", None, 0)])
    for name, line in commands(old, new):
        if line is None:
            continue
        runs = [run for run in (measure.run_command(line) for _ in range(3 if name.startswith("zonetool") else 1))
                if run is not None]
        if runs:
            seconds, cpu, resident, status = sorted(runs)[len(runs) // 2]
            table.add(name, seconds, cpu, resident, status, ours=name.startswith("zonetool"))
    for path in (old, new):
        for end in (".image", ".text"):
            if os.path.exists(path + end):
                os.unlink(path + end)
    yield table
