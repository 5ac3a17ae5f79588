#!/usr/bin/python3
"""Runs `zonetool check` over testdata/broken and compares the findings with what the files expect
(testdata/broken/README says how), and over the sound zones, which must have no error.

Run by tests/system/run.py check, or by itself; a word after it selects files by name."""

import collections
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness

BROKEN = os.path.join(harness.ROOT, "testdata", "broken")
ZONES = os.path.join(harness.ROOT, "testdata", "zones")
FINDING = re.compile(r"^(?P<file>.*?):(?:(?P<line>\d+):)?(?:(?P<column>\d+):)? (?P<severity>error|warning|info): "
                     r"(?P<text>.*)$")
BELOW = re.compile(r"^;(?P<gap> *)(?P<mark>[\^~]) (?P<severity>[a-z|]+): (?P<pattern>.*)$")
ANYWHERE = re.compile(r"^; expect: (?P<severity>[a-z|]+) (?P<lines>[-0-9|]+) (?P<pattern>.*)$")
Expectation = collections.namedtuple("Expectation", "severities lines column pattern source")
Finding = collections.namedtuple("Finding", "severity line column text source")


def expectations_of(path):
    found, last = [], 0
    with open(path, encoding="latin-1", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\r\n")
            below, anywhere = BELOW.match(line), ANYWHERE.match(line)
            if below:
                column = below.start("mark") + 1 if below["mark"] == "^" else None
                found.append(Expectation(below["severity"].split("|"), [last], column, below["pattern"], line))
            elif anywhere:
                numbers = [0 if word == "-" else int(word) for word in anywhere["lines"].split("|")]
                found.append(Expectation(anywhere["severity"].split("|"), numbers, None, anywhere["pattern"], line))
            elif not line.startswith(";"):
                last = number
    return found


def check(path, *options):
    done = subprocess.run([harness.need_ours("zonetool"), "check", *options, path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, check=False)
    text = done.stdout.decode("utf-8", "replace")
    findings = []
    for line in text.splitlines():
        match = FINDING.match(line)
        if match:
            findings.append(Finding(match["severity"], int(match["line"] or 0), int(match["column"] or 0),
                                    match["text"], line))
    if done.returncode not in (0, 1) or any(mark in text for mark in harness.SANITIZER_MARKS):
        raise harness.Failure(f"zonetool check {path} ended with {done.returncode}:\n{text[-3000:]}")
    return findings, done.returncode


def fits(expectation, finding):
    # A finding about the whole zone has no line, or that of the SOA.
    lines = expectation.lines
    return finding.severity in expectation.severities and (finding.line in lines or 0 in lines) and \
        expectation.column in (None, finding.column) and \
        re.search(expectation.pattern, finding.text, re.IGNORECASE) is not None


def complaints_about(path):
    expectations = expectations_of(path)
    findings, status = check(path, "-o", "example.")
    said = [f"        said: {finding.source}" for finding in findings]
    complaints = [f"    {os.path.basename(path)}: line {'|'.join(map(str, expectation.lines))}: not found: "
                  f"{expectation.source}" for expectation in expectations
                  if not any(fits(expectation, finding) for finding in findings)]
    complaints += [f"    {os.path.basename(path)}: not expected: {finding.source}" for finding in findings
                   if finding.severity == "error" and not any(fits(each, finding) for each in expectations)]
    errors = any(finding.severity == "error" for finding in findings)
    if status != int(errors):
        complaints.append(f"    {os.path.basename(path)}: exit status {status}")
    return complaints + (said if complaints else [])


def test_broken_zones():
    harness.need_ours("zonetool")
    selected = os.environ.get("BAILIWICK_SELECT", "")
    names = sorted(name for name in os.listdir(BROKEN) if name.endswith(".zone") and selected in name)
    wrong, text = 0, []
    for name in names:
        complaints = complaints_about(os.path.join(BROKEN, name))
        wrong += bool(complaints)
        text += complaints
    expected = sum(len(expectations_of(os.path.join(BROKEN, name))) for name in names)
    print(f"     {len(names)} files with {expected} expected findings, {wrong} files otherwise than expected")
    if wrong:
        raise harness.Failure("\n".join(text))


def test_example_zones_are_sound():
    for name in sorted(os.listdir(ZONES)):
        if name.endswith(".zone"):
            findings, status = check(os.path.join(ZONES, name), "-o", name[:-4])
            errors = [finding.source for finding in findings if finding.severity == "error"]
            assert status == 0 and not errors, f"{name}: exit status {status}\n" + "\n".join(errors)


if __name__ == "__main__":
    import run as runner
    sys.exit(runner.main(["check"] + sys.argv[1:]))
