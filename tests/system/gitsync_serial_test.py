"""Serials made from history: the same on every node, whatever it has seen on the way."""

import os

import gitsync_kit
import harness
from gitsync_kit import check


def serials(site, dest, origins):
    found = {}
    for origin in origins:
        text = site.published(f"zones/{origin}zone", dest)
        found[origin] = int(text.split("( ")[1].split()[0])
    return found


def test_equal_on_every_node():
    """One node deploys each commit, one some of them, one only the last."""
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        origins = ("a.example.", "b.example.", "c.example.")
        site.put("zones/common.inc", "common A 192.0.2.77\n")
        for origin in origins[:2]:
            site.zone(origin, 0, extra="$INCLUDE common.inc\n" if origin[0] == "b" else "")
        site.zone("c.example.", 2026010150)
        every, some, last = (os.path.join(space.path, name) for name in ("every", "some", "last"))
        steps = (
            ("first", lambda: None),
            ("a changes", lambda: site.zone("a.example.", 0, ("one",))),
            ("a again on the same day", lambda: site.zone("a.example.", 0, ("two",))),
            ("the included file", lambda: site.put("zones/common.inc", "common A 192.0.2.78\n")),
            ("a there and", lambda: site.zone("a.example.", 0, ("three",))),
            ("back", lambda: site.zone("a.example.", 0, ("two",))),
            ("something else", lambda: site.put("README", "hello\n")),
            ("c by hand", lambda: site.zone("c.example.", 2027010100, ("hand",))),
            ("c by history", lambda: site.zone("c.example.", 0, ("more",))),
        )
        for number, (what, change) in enumerate(steps):
            change()
            site.commit(what)
            for mode in ("date", "count"):
                site.gitsync("once", "--serial", mode, dest=every + mode)
                if number in (0, 3, 5):
                    site.gitsync("once", "--serial", mode, dest=some + mode)
        # a merge: the line of first parents counts
        site.git("checkout", "-q", "-b", "side", "HEAD~3")
        site.zone("b.example.", 0, ("side",), "$INCLUDE common.inc\n")
        site.commit("b on a branch", date="2026-01-06T00:00:00Z")
        site.git("checkout", "-q", "main")
        site.git("merge", "-q", "--no-ff", "-m", "merge", "side")
        for mode, want in (("date", {"a.example.": 2026010504, "b.example.": 2026010600, "c.example.": 2027010101}),
                           ("count", None)):
            for dest in (every, some, last):
                site.gitsync("once", "--serial", mode, dest=dest + mode)
            found = [serials(site, dest + mode, origins) for dest in (every, some, last)]
            check(found[0] == found[1] == found[2], f"{mode}: {found}")
            check(want is None or found[0] == want, f"{mode}: {found[0]}, not {want}")
        # on a node of its own, an old history has the same serials
        site.gitsync("once", "--serial", "date", "--force", "--commit", site.git("rev-parse", "HEAD~2"),
                     dest=os.path.join(space.path, "older"))


def test_rewritten_history_never_goes_back():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("a.example.", 0)
        first = site.commit("first")
        for i in range(3):
            site.zone("a.example.", 0, (f"n{i}",))
            site.commit(f"change {i}")
            site.gitsync("once", "--serial", "count")
        before = serials(site, None, ("a.example.",))["a.example."]
        site.git("reset", "-q", "--hard", first)
        site.zone("a.example.", 0, ("rewritten",))
        site.commit("rewritten")
        site.gitsync("once", "--serial", "count", "--force")
        after = serials(site, None, ("a.example.",))["a.example."]
        check(before == 4 and after == 5, f"{before} -> {after}")


def test_soa_that_cannot_be_made():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.put("zones/soa.inc", gitsync_kit.SOA.format(serial=1) + "\n")
        site.put("zones/a.example.zone", "$ORIGIN a.example.\n$TTL 3600\n$INCLUDE soa.inc\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n")
        site.commit("first")
        done = site.gitsync("once", "--serial", "date", expect=4)
        check("no SOA in the file itself" in done.text, done.text)
        site.gitsync("once")
