"""Catalog zones (RFC 9432) between makes: what BIND serves as a catalog with groups and change of ownership, PowerDNS's
producer, PowerDNS and Knot (by group) as consumers of ours."""

import os
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from catalog_test import Process, catalog_text, consumer, producer, wait_for, zone_text
from secondary_peers_test import SCHEMA
from transfer_test import control


def bind(space, catalogs, names):
    """named with these zones; the catalogs change by nsupdate."""
    if harness.program("named") is None:
        raise harness.Skip("named is not installed")
    port, directory = harness.free_port(), space.directory("bind")
    zones = ""
    for name, text in list(catalogs.items()) + [(name, zone_text(name)) for name in names]:
        harness.write_file(directory, name, text)
        zones += f'zone "{name}" {{ type primary; file "{name}"; allow-transfer {{ any; }}; allow-update {{ 127.0.0.1; }}; }};\n'
    conf = harness.write_file(directory, "named.conf", f"""options {{ directory "{directory}"; listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }}; pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no;
  empty-zones-enable no; }};
controls {{ }};
{zones}""")
    return Process([harness.program("named"), "-g", "-n", "1", "-c", conf], port, directory)


def nsupdate(port, zone, *lines):
    text = f"server 127.0.0.1 {port}\nzone {zone}\n" + "".join(f"update {line}\n" for line in lines) + "send\n"
    done = subprocess.run([harness.program("nsupdate")], input=text, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_bind_produces():
    """Members by IXFR of the catalog, one of them in a group with a primary of its own; change of ownership."""
    with harness.Workspace() as space:
        text = space.write("o/g.test", zone_text("g.test", 9))
        other = server.start(space, f"g.test:{{port}} {{\n  file {text}\n  transfer {{\n    to *\n  }}\n}}\n")
        catalogs = {"cat.test": catalog_text(1, {"1": "a.test", "2": ("g.test", 'group.@@ TXT "other"')}),
                    "cat2.test": catalog_text(1, {"3": "c.test"}, origin="cat2.test")}
        with bind(space, catalogs, ["a.test", "b.test", "c.test", "g.test"]) as named:
            daemon = consumer(space, named.port, catalogs="cat.test cat2.test",
                              block=f"catalog {{\n      group other {{\n        transfer from 127.0.0.1:{other.port}\n      }}\n    }}")
            wait_for(daemon, "www.a.test.", "a.test 1")
            wait_for(daemon, "www.c.test.", "c.test 1")
            wait_for(daemon, "www.g.test.", "g.test 9")
            nsupdate(named.port, "cat.test.", "add 4.zones.cat.test. 0 PTR b.test.", "add coo.1.zones.cat.test. 0 PTR cat2.test.")
            control(daemon, "refresh", "cat.test")
            wait_for(daemon, "www.b.test.", "b.test 1")
            nsupdate(named.port, "cat2.test.", "add 1.zones.cat2.test. 0 PTR a.test.")
            control(daemon, "refresh", "cat2.test")
            nsupdate(named.port, "cat.test.", "delete 1.zones.cat.test. PTR", "delete coo.1.zones.cat.test. PTR",
                     "delete 4.zones.cat.test. PTR")
            control(daemon, "refresh", "cat.test")
            wait_for(daemon, "www.b.test.", "REFUSED")
            wait_for(daemon, "www.a.test.", "a.test 1")  # it has gone over
            nsupdate(named.port, "cat2.test.", "delete 1.zones.cat2.test. PTR")
            control(daemon, "refresh", "cat2.test")
            wait_for(daemon, "www.a.test.", "REFUSED")


def test_knot_consumes_our_groups():
    """Each group is a template there; a member that goes over to another catalog of ours is kept."""
    with harness.Workspace() as space:
        if harness.program("knotd") is None:
            raise harness.Skip("knotd is not installed")
        port = harness.free_port()
        text = space.write("o/a.test", zone_text("a.test", 9))
        other = server.start(space, f"a.test:{{port}} {{\n  file {text}\n  transfer {{\n    to *\n  }}\n}}\n")
        primary = producer(space, ["a.test", "b.test"], f"127.0.0.1:{port}", more="coo cat2.test b.test")
        directory = space.directory("knot")
        conf = harness.write_file(directory, "knot.conf", f"""server:
  listen: 127.0.0.1@{port}
  rundir: "{directory}"
control:
  listen: "{directory}/control"
log:
  - target: stderr
    any: info
database:
  storage: "{directory}"
remote:
  - id: primary
    address: 127.0.0.1@{primary.port}
  - id: other
    address: 127.0.0.1@{other.port}
acl:
  - id: notify
    address: 127.0.0.1
    action: notify
template:
  - id: default
    storage: "{directory}"
  - id: member
    storage: "{directory}"
    master: primary
    acl: notify
  - id: even
    storage: "{directory}"
    master: other
zone:
  - domain: cat.test
    master: primary
    acl: notify
    catalog-role: interpret
    catalog-template: [member, even]
""")
        with Process([harness.program("knotd"), "-c", conf], port, directory) as knot:
            wait_for(knot, "www.b.test.", "b.test 1", deadline=40)
            wait_for(knot, "www.a.test.", "a.test 9", deadline=40)


class PowerDns:
    """Process with a database; ZONES: rows of (name, type, master, catalog)."""

    def __init__(self, space, zones, more=()):
        if harness.program("pdns_server") is None or not os.path.exists(SCHEMA):
            raise harness.Skip("PowerDNS is not installed")
        self.port, self.directory = harness.free_port(), space.directory("pdns")
        harness.write_file(self.directory, "pdns.conf", "\n".join([
            "launch=gsqlite3", f"gsqlite3-database={self.directory}/db", "gsqlite3-dnssec=yes", "local-address=127.0.0.1",
            f"local-port={self.port}", f"socket-dir={self.directory}", "daemon=no", "guardian=no", "retrieval-threads=1",
            "zone-cache-refresh-interval=0", "cache-ttl=0", "query-cache-ttl=0", "xfr-cycle-interval=1", "security-poll-suffix=",
            "setuid=", "setgid=", "allow-axfr-ips=127.0.0.1", *more, ""]))
        with open(SCHEMA, encoding="ascii") as schema, sqlite3.connect(f"{self.directory}/db") as db:
            db.executescript(schema.read())
            for row in zones:
                db.execute("insert into domains (name, type, master, catalog) values (?, ?, ?, ?)", row)

    def util(self, *words):
        done = subprocess.run([harness.program("pdnsutil"), f"--config-dir={self.directory}", *words], capture_output=True,
                              text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def process(self):
        return Process([harness.program("pdns_server"), f"--config-dir={self.directory}"], self.port, self.directory)


def test_powerdns_consumes_ours():
    with harness.Workspace() as space:
        primary = producer(space, ["a.test", "b.test"], "127.0.0.1:1")
        made = PowerDns(space, [("cat.test", "CONSUMER", f"127.0.0.1:{primary.port}", None)], ["secondary=yes"])
        with made.process() as peer:
            wait_for(peer, "www.a.test.", "a.test 1", deadline=40)
            wait_for(peer, "www.b.test.", "b.test 1", deadline=40)
            space.write("z/db.c.test", zone_text("c.test", 3))
            wait_for(primary, "www.c.test.", "c.test 3", deadline=40)
            limit = time.monotonic() + 40
            while True:  # its database may be locked at the wrong moment: asked until it has it
                subprocess.run([harness.program("pdns_control"), f"--socket-dir={made.directory}", "retrieve", "cat.test"],
                               capture_output=True, timeout=30, check=False)
                try:
                    wait_for(peer, "www.c.test.", "c.test 3", deadline=3)
                    return
                except harness.Failure:
                    assert time.monotonic() < limit, peer.tail()


def test_powerdns_produces():
    with harness.Workspace() as space:
        made = PowerDns(space, [("cat.test", "PRODUCER", "", None)], ["primary=yes"])
        for name in ("a.test", "b.test"):
            made.util("load-zone", name, space.write(name, zone_text(name)))
            made.util("set-kind", name, "primary")
        made.util("set-catalog", "a.test", "cat.test")
        with sqlite3.connect(f"{made.directory}/db") as db:
            number = db.execute("select id from domains where name = 'cat.test'").fetchone()[0]
            for kind, data in (("SOA", "ns.cat.test h.cat.test 1 3600 600 86400 300"), ("NS", "invalid")):
                db.execute("insert into records (domain_id, name, type, content, ttl, disabled, auth) values (?, 'cat.test', ?, ?, 300, 0, 1)",
                           (number, kind, data))
        with made.process() as peer:
            daemon = consumer(space, peer.port)
            wait_for(daemon, "www.a.test.", "a.test 1", deadline=40)
            made.util("set-catalog", "b.test", "cat.test")
            limit = time.monotonic() + 40
            while True:
                control(daemon, "retransfer", "cat.test")
                try:
                    wait_for(daemon, "www.b.test.", "b.test 1", deadline=3)
                    return
                except harness.Failure:
                    assert time.monotonic() < limit, daemon.tail() + peer.tail()
