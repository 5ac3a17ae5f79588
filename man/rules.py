#!/usr/bin/python3
"""Makes man/zonetool-rules.7 of what `zonetool explain --format json` says:

    man/rules.py build/bin/zonetool > man/zonetool-rules.7

A test tells when the page lacks a rule."""

import json
import subprocess
import sys

HEAD = """.\\" Made by man/rules.py of the table in zone/check; do not edit.
.Dd November 22, 2026
.Dt ZONETOOL-RULES 7
.Os Bailiwick
.Sh NAME
.Nm zonetool-rules
.Nd what zonetool check looks for
.Sh DESCRIPTION
Each rule has a name that stays, a level, and the set that it belongs to: the set
.Cm strict
holds all rules,
.Cm default
those without opinions of taste, and
.Cm mandatory
only those whose breach keeps a zone from working.
Names that other tools have for the same thing are taken for the rule's own wherever one is given.
.Xr zonetool 8
tells how levels are changed and findings silenced;
.Ic zonetool explain Ar rule
shows an example of each, with one that is well.
.Bl -tag -width Ds
"""

TAIL = """.El
.Sh SEE ALSO
.Xr zonetool 8
"""


def escaped(text):
    text = text.replace("\\", "\\e")
    return "\\&" + text if text[:1] in ".'" else text


def main():
    rules = json.loads(subprocess.run([sys.argv[1], "explain", "--format", "json"], capture_output=True, check=True).stdout)
    out = [HEAD]
    for rule in rules:
        out.append(f".It Cm {rule['rule']} Pq {rule['level']} , {rule['set']}{' , mended by --fix' if rule['fix'] else ''}\n")
        out.append(escaped(rule["why"]) + "\n")
        hint = rule["hint"][:1].upper() + rule["hint"][1:]
        out.append(escaped(hint) + ("\n" if hint.endswith((".", "?")) else ".\n"))
        if rule["aliases"]:
            out.append("Elsewhere: " + escaped(", ".join(rule["aliases"].split())) + ".\n")
    out.append(TAIL)
    sys.stdout.write("".join(out))


if __name__ == "__main__":
    main()
