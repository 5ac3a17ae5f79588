"""findings: how many of the broken and doubtful zones of testdata/broken each checker notices, and for how
many of the expected findings it names the right line. Not a race: what a user is told."""

import os
import re
import subprocess

import check
import check_test
import harness
import measure

LINE = re.compile(r"(?::|line:? ?|#|\()(\d+)(?=[:,)\s])")


def say(command):
    """Exit status and all that is said."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=30, check=False)
    except subprocess.TimeoutExpired:
        return 1, ""
    return done.returncode, done.stdout.decode("utf-8", "replace")


def lines_named(text):
    return {int(number) for line in text.splitlines() for number in LINE.findall(line + "\n")}


def command_for(command, path):
    words = [word.replace("test.", "example.") if word == "test." else word for word in command(path)]
    return words[:1] + ["-v"] + words[1:] if words[0] == "kzonecheck" else words  # else it gives no places


def judge(command, paths):
    """(zones noticed, findings with their line)"""
    noticed = right = 0
    for path in paths:
        status, text = say(command_for(command, path))
        text = text.replace("No semantic error found", "")
        # Checkers that print the zone (ldns) or a word of success say nothing about faults.
        complains = status != 0 or re.search(r"error|warning|info:", text, re.IGNORECASE)
        noticed += bool(complains)
        named = lines_named(text) if complains else set()
        right += sum(bool(complains) and any(line in named or line == 0 for line in each.lines) for each in check_test.expectations_of(path))
    return noticed, right


def run(settings):
    del settings
    names = [name for name in sorted(os.listdir(check_test.BROKEN)) if name.endswith(".zone")]
    broken = [os.path.join(check_test.BROKEN, name) for name in names if not name.startswith(("doubt", "sound"))]
    doubtful = [os.path.join(check_test.BROKEN, name) for name in names if name.startswith("doubt")]
    sound = [os.path.join(check_test.BROKEN, name) for name in names if name.startswith("sound")]
    expected = sum(len(check_test.expectations_of(path)) for path in broken + doubtful)
    table = measure.Table(f"findings: {len(broken)} broken, {len(doubtful)} doubtful, {len(sound)} sound zones, "
                          f"{expected} expected findings", [
                              ("broken noticed", "more", 0), ("doubtful noticed", "more", 0),
                              ("findings with their line", "more", 0), ("sound refused", None, 0)])
    for name, command in check.CHECKERS:
        if not check.is_there(name):
            continue
        bad, bad_lines = judge(command, broken)
        doubts, doubt_lines = judge(command, doubtful)
        refused = sum(say(command_for(command, path))[0] != 0 for path in sound)
        table.add(name, bad, doubts, bad_lines + doubt_lines, refused, ours=name.startswith("zonetool"))
    return [table]
