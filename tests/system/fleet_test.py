"""A fleet: one primary fed by gitsync, three secondaries that follow its catalog zone. A commit is confirmed when all of
them answer with its serials: by NOTIFY and IXFR, not by waiting for timers."""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dns.message
import dns.query
import gitsync_kit
import harness
import server
from gitsync_kit import check

CATALOG = """$ORIGIN cat.example.
$TTL 0
@ SOA invalid. invalid. ( {serial} 3600 600 86400 0 )
@ NS invalid.
version TXT "2"
"""
SECONDARY = """.:{{port}} {{
    bind 127.0.0.1
    secondary cat.example {{
        transfer from 127.0.0.1:{primary}
        catalog
    }}
}}
"""


def catalog(site, serial, members):
    site.put("zones/cat.example.zone", CATALOG.format(serial=serial) + "".join(
        f"m{name.replace('.', '-')}.zones PTR {name}.\n" for name in members))


def zone(site, name, serial, names=("www",)):
    site.put(f"zones/{name}.zone", gitsync_kit.zone_text(name + ".", serial, names))


def primary_corefile(site, ports):
    to = " ".join(f"127.0.0.1:{port}" for port in ports)
    return (".:{port} {\n bind 127.0.0.1\n root %s\n auto {\n  directory zones (.*)\\.zone {1}\n  reload 1h\n }\n"
            " transfer {\n  to %s\n }\n}\n" % (os.path.join(site.dest, "current"), to or "*"))


def serial(daemon, name):
    reply = dns.query.udp(dns.message.make_query(name, "SOA"), "127.0.0.1", port=daemon.port, timeout=5)
    return reply.answer[0][0].serial if reply.answer else None


def taken(daemon, name):
    """How each version of a zone came: AXFR or IXFR."""
    return [word for line in daemon.log().splitlines() if f" {name}:" in line and "is served" in line
            for word in ("AXFR", "IXFR") if word in line]


def story(daemon, name):
    words = [harness.binary("bailiwickctl"), "-control", os.path.join(daemon.directory, "control"), "zone", name]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def until(condition, what):
    limit = time.monotonic() + 45
    while not condition():
        check(time.monotonic() < limit, f"it did not come: {what}")
        time.sleep(0.02)


def test_commits_reach_the_whole_fleet():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        catalog(site, 1, ["a.example", "b.example"])
        zone(site, "a.example", 1)
        zone(site, "b.example", 1)
        site.commit("first")
        site.gitsync("once")
        primary = site.server = server.start(space, primary_corefile(site, []))
        fleet = [server.start(space, SECONDARY.format(primary=primary.port),
                              arguments=["-state", space.directory(f"state{n}")]) for n in range(3)]
        primary.reload(primary_corefile(site, [daemon.port for daemon in fleet]))
        confirm = [word for daemon in fleet for word in ("--confirm", f"127.0.0.1:{daemon.port}")]
        confirm += ["--secondary-timeout", "40"]

        zone(site, "a.example", 2, ("www", "mail"))
        site.commit("a record more")
        check("served, and confirmed" in site.gitsync("once", *confirm).text, "not confirmed")
        check([serial(daemon, "a.example") for daemon in fleet] == [2, 2, 2], "old serials")
        check([serial(daemon, "b.example") for daemon in fleet] == [1, 1, 1], "the other zone")

        zone(site, "c.example", 1)
        catalog(site, 2, ["a.example", "b.example", "c.example"])
        site.commit("a zone more")
        check("served, and confirmed" in site.gitsync("once", *confirm).text, "not confirmed")
        check([serial(daemon, "c.example") for daemon in fleet] == [1, 1, 1], "the new zone is not everywhere")

        # not only serials: each heard by NOTIFY, and took the first of each zone whole and the rest as differences
        for daemon in fleet:
            check(taken(daemon, "a.example.") == ["AXFR", "IXFR"], daemon.log())
            check(taken(daemon, "cat.example.") == ["AXFR", "IXFR"], daemon.log())
            check(taken(daemon, "b.example.") == ["AXFR"] and taken(daemon, "c.example.") == ["AXFR"], daemon.log())
            check("\nnotified " in story(daemon, "a.example."), story(daemon, "a.example."))

        # one of them is away: nothing is begun, or the others suffice, as it was told
        port = fleet[1].port
        fleet[1].kill()
        zone(site, "a.example", 3)
        site.commit("while one is away")
        done = site.gitsync("once", *confirm, expect=6)
        check(f"127.0.0.1:{port}" in done.text and "nothing was published" in done.text, done.text)
        check(serial(fleet[0], "a.example") == 2 and site.status()["state"] == "confirmed", "it was published")
        site.gitsync("once", *confirm, "--confirm-quorum", "2")
        status = site.status()
        check(status["state"] == "partly confirmed" and status["lagging"] == f"127.0.0.1:{port}", str(status))
        # it comes back, with what it had on its disk, and is asked again
        fleet[1].launch()
        fleet[1].wait()
        until(lambda: serial(fleet[1], "a.example") == 3, "the one that was away follows")
        check("has caught up" in site.gitsync("once", *confirm, "--confirm-quorum", "2").text, "not told")
        check(site.status()["state"] == "confirmed", str(site.status()))
        check(taken(fleet[1], "a.example.")[-1] == "IXFR", fleet[1].log())

        # back to what was before: under a later serial, so that all of them take it
        site.gitsync("rollback", *confirm)
        check([serial(daemon, "a.example") for daemon in fleet] == [4, 4, 4], "the rollback is not everywhere")
        check(all(taken(daemon, "a.example.")[-1] == "IXFR" for daemon in fleet), "a rollback by AXFR")


def test_a_commit_that_is_taken_back_is_so_everywhere():
    """One secondary cannot follow: the others had the new content already, and get the old one again."""
    with harness.Workspace() as space, gitsync_kit.Secondary(1) as stuck:
        site = gitsync_kit.Site(space)
        zone(site, "a.example", 1)
        catalog(site, 1, ["a.example"])
        good = site.commit("first")
        site.gitsync("once")
        primary = site.server = server.start(space, primary_corefile(site, []))
        follower = server.start(space, SECONDARY.format(primary=primary.port), arguments=["-state", space.directory("state")])
        primary.reload(primary_corefile(site, [follower.port]))
        until(lambda: serial(follower, "a.example") == 1, "the first")
        zone(site, "a.example", 2, ("www", "wrong"))
        site.commit("second")
        done = site.gitsync("once", "--confirm", f"127.0.0.1:{follower.port}", "--confirm", stuck.address,
                            "--secondary-timeout", "2", expect=6)
        until(lambda: serial(follower, "a.example") == 3, f"the follower comes back: {done.text}")
        reply = dns.query.udp(dns.message.make_query("wrong.a.example", "A"), "127.0.0.1", port=follower.port, timeout=5)
        check(reply.rcode() == 3, "the follower has what was taken back")
        check(site.status()["commit"] == good, str(site.status()))
