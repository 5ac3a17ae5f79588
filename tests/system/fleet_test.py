"""A fleet: one primary fed by gitsync, three secondaries that follow its catalog zone. A commit is confirmed when all of
them answer with its serials: by NOTIFY and IXFR, not by waiting for timers."""

import os
import sys

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
        confirm += ["--secondary-timeout", "15"]

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

        # one of them is away: nobody keeps what it did not get
        fleet[1].kill()
        zone(site, "a.example", 3)
        site.commit("while one is away")
        confirm[-1] = "1"
        done = site.gitsync("once", *confirm, expect=6)
        check(f"127.0.0.1:{fleet[1].port}" in done.text, done.text)
