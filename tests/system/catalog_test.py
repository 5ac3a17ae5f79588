"""Catalog zones (RFC 9432): members that come, change and go at run time, groups, change of ownership, labels that
change, catalogs that are broken, restarts; Knot and BIND as the other side, both ways; a thousand zones."""

import os
import signal
import subprocess
import sys
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.zone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server

DEADLINE_S = 40


def zone_text(name, serial=1):
    return (f"$ORIGIN {name}.\n$TTL 300\n@ SOA ns h {serial} 3600 600 86400 300\n@ NS ns\nns A 127.0.0.1\n"
            f"www TXT \"{name} {serial}\"\n")


def catalog_text(serial, members, version='TXT "2"', origin="cat.test"):
    """MEMBERS: label -> zone, or label -> (zone, further lines)."""
    rows = [f"$ORIGIN {origin}.\n$TTL 0\n@ SOA invalid. invalid. {serial} 3600 600 86400 0\n@ NS invalid.\nversion {version}"]
    for label, member in members.items():
        zone, more = member if isinstance(member, tuple) else (member, "")
        rows.append(f"{label}.zones PTR {zone}.")
        rows += [line.replace("@@", f"{label}.zones") for line in more.splitlines()]
    return "\n".join(rows) + "\n"


class Primary:
    """A bailiwickd that serves catalogs and zones from files and notifies the secondary."""

    def __init__(self, space, to):
        self.space = space
        self.to = to
        self.daemon = None

    def blocks(self, catalogs, zones):
        blocks = ""
        for name in list(catalogs) + list(zones):
            blocks += (f"{name}:{{port}} {{\n  file {self.space.path}/p/{name} {{\n    reload 50ms\n  }}\n  transfer {{\n"
                       f"    to * 127.0.0.1:{self.to}\n  }}\n}}\n")
        return blocks

    def start(self, catalogs, zones):
        for name, text in catalogs.items():
            self.space.write(f"p/{name}", text)
        for name in zones:
            self.space.write(f"p/{name}", zone_text(name))
        self.daemon = server.start(self.space, self.blocks(catalogs, zones))
        return self.daemon


def ask(daemon, name, rdtype="TXT"):
    answer = dns.query.udp(dns.message.make_query(name, rdtype), "127.0.0.1", port=daemon.port, timeout=5)
    texts = sorted(rdata.to_text().strip('"') for rrset in answer.answer for rdata in rrset)
    return texts[0] if texts else dns.rcode.to_text(answer.rcode())


def wait_for(daemon, name, expected, deadline=DEADLINE_S):
    limit = time.monotonic() + deadline
    while time.monotonic() < limit:
        seen = ask(daemon, name)
        if seen == expected:
            return
        time.sleep(0.01)
    raise harness.Failure(f"{name}: {seen} instead of {expected}\n{daemon.tail()}")


def consumer(space, port, more="", block="catalog", state="state", catalogs="cat.test"):
    text = (f".:{{port}} {{\n  secondary {catalogs} {{\n    transfer from 127.0.0.1:{port}\n    {block}\n  }}\n  {more}\n}}\n")
    return server.start(space, text, arguments=["-state", space.directory(state)])


def pair(space, members, zones, **how):
    """A primary with the catalog, and its consumer."""
    primary = Primary(space, 1)
    primary.start({"cat.test": catalog_text(1, members)}, zones)
    daemon = consumer(space, primary.daemon.port, **how)
    primary.to = daemon.port
    primary.daemon.reload(primary.blocks(["cat.test"], zones))
    return primary, daemon


def test_members_come_change_and_go():
    with harness.Workspace() as space:
        zones = ["a.test", "b.test", "c.test"]
        _, daemon = pair(space, {"1": "a.test", "2": "b.test"}, zones)
        wait_for(daemon, "www.a.test.", "a.test 1")
        wait_for(daemon, "www.b.test.", "b.test 1")
        assert ask(daemon, "www.c.test.") == "REFUSED"
        space.write("p/cat.test", catalog_text(2, {"1": "a.test", "3": "c.test"}))
        wait_for(daemon, "www.c.test.", "c.test 1")
        wait_for(daemon, "www.b.test.", "REFUSED")
        assert ask(daemon, "www.a.test.") == "a.test 1"
        assert not [name for name in os.listdir(f"{space.path}/state") if name.startswith("b.test")]
        space.write("p/a.test", zone_text("a.test", 2))  # a member is a zone like any other: NOTIFY, IXFR
        wait_for(daemon, "www.a.test.", "a.test 2")
        space.write("p/cat.test", catalog_text(3, {"1": "a.test", "2": "b.test", "3": "c.test"}))
        wait_for(daemon, "www.b.test.", "b.test 1")
        space.write("p/cat.test", catalog_text(4, {}))
        for name in zones:
            wait_for(daemon, f"www.{name}.", "REFUSED")


def test_restart_and_reload():
    with harness.Workspace() as space:
        primary, daemon = pair(space, {"1": "a.test", "2": "b.test"}, ["a.test", "b.test"])
        wait_for(daemon, "www.b.test.", "b.test 1")
        wait_for(daemon, "www.a.test.", "a.test 1")
        daemon.reload()
        assert ask(daemon, "www.a.test.") == "a.test 1"
        port = primary.daemon.port
        primary.daemon.process.send_signal(signal.SIGKILL)
        primary.daemon.process.wait()
        space.servers.remove(primary.daemon)
        time.sleep(0.1)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        space.servers.remove(daemon)
        daemon = consumer(space, port)  # the members are served at once although the primary is gone
        assert ask(daemon, "www.a.test.") == "a.test 1" and ask(daemon, "www.b.test.") == "b.test 1"


def test_broken_catalogs_change_nothing():
    with harness.Workspace() as space:
        _, daemon = pair(space, {"1": "a.test"}, ["a.test", "b.test"])
        wait_for(daemon, "www.a.test.", "a.test 1")
        broken = [catalog_text(2, {"1": "b.test"}, version='TXT "1"'),
                  catalog_text(3, {"1": "b.test"}, version='TXT "2"\nversion TXT "3"'),
                  catalog_text(4, {"1": "b.test"}, version='A 192.0.2.1'),
                  catalog_text(5, {"1": "b.test", "2": "B.test"}),
                  catalog_text(6, {"1": ("b.test", "@@ PTR c.test.")}),
                  catalog_text(7, {"1": ("b.test", "coo.@@ PTR c.test.\ncoo.@@ PTR d.test.")})]
        for number, text in enumerate(broken):
            space.write("p/cat.test", text)
            daemon.wait_for_log("is broken and changes nothing", number + 1)
            assert ask(daemon, "www.a.test.") == "a.test 1" and ask(daemon, "www.b.test.") == "REFUSED"
        space.write("p/cat.test", catalog_text(8, {"1": ("b.test", "x.@@ TXT other\n0.@@ PTR a.test."), "other.0": "a.test"}))
        wait_for(daemon, "www.b.test.", "b.test 1")


def test_a_label_that_changes():
    """RFC 9432 5.4: the zone is another one; also when its serial is older than that of the one before."""
    with harness.Workspace() as space:
        _, daemon = pair(space, {"1": "a.test"}, ["a.test"])
        space.write("p/a.test", zone_text("a.test", 50))
        wait_for(daemon, "www.a.test.", "a.test 50")
        space.write("p/a.test", zone_text("a.test", 7))
        space.write("p/cat.test", catalog_text(2, {"new": "a.test"}))
        wait_for(daemon, "www.a.test.", "a.test 7")


def test_groups():
    """Members of a group come from its own primaries; a member that changes its group does, too."""
    with harness.Workspace() as space:
        text = space.write("o/a.test", zone_text("a.test", 9))
        other = server.start(space, f"a.test:{{port}} {{\n  file {text}\n  transfer {{\n    to *\n  }}\n}}\n")
        grouped = ("a.test", 'group.@@ TXT "other"')
        primary = Primary(space, 1)
        primary.start({"cat.test": catalog_text(1, {"1": grouped, "2": "b.test"})}, ["a.test", "b.test"])
        daemon = consumer(space, primary.daemon.port,
                          block=f"catalog {{\n      group other {{\n        transfer from 127.0.0.1:{other.port}\n      }}\n    }}")
        primary.daemon.reload(primary.blocks(["cat.test"], ["a.test", "b.test"]).replace(":1\n", f":{daemon.port}\n"))
        wait_for(daemon, "www.a.test.", "a.test 9")
        wait_for(daemon, "www.b.test.", "b.test 1")
        space.write("p/a.test", zone_text("a.test", 20))
        space.write("p/cat.test", catalog_text(2, {"1": "a.test", "2": "b.test"}))
        wait_for(daemon, "www.a.test.", "a.test 20")


def test_change_of_ownership():
    with harness.Workspace() as space:
        catalogs = {"cat.test": catalog_text(1, {"1": "a.test", "2": "b.test"}),
                    "cat2.test": catalog_text(1, {"1": "a.test", "3": "c.test"}, origin="cat2.test")}
        zones = ["a.test", "b.test", "c.test"]
        primary = Primary(space, 1)
        primary.start(catalogs, zones)
        daemon = consumer(space, primary.daemon.port, catalogs="cat.test cat2.test")
        primary.to = daemon.port
        primary.daemon.reload(primary.blocks(catalogs, zones))
        wait_for(daemon, "www.a.test.", "a.test 1")
        wait_for(daemon, "www.c.test.", "c.test 1")
        daemon.wait_for_log("is served from elsewhere already")
        space.write("p/cat.test", catalog_text(2, {"1": ("a.test", "coo.@@ PTR cat2.test."), "2": "b.test"}))
        time.sleep(0.5)
        assert ask(daemon, "www.a.test.") == "a.test 1"
        space.write("p/cat.test", catalog_text(3, {"2": "b.test"}))
        space.write("p/b.test", zone_text("b.test", 2))
        wait_for(daemon, "www.b.test.", "b.test 2")
        assert ask(daemon, "www.a.test.") == "a.test 1"  # cat2's now: nothing was lost on the way
        space.write("p/cat2.test", catalog_text(2, {"3": "c.test"}, origin="cat2.test"))
        wait_for(daemon, "www.a.test.", "REFUSED")


def test_scope_and_zones_of_others():
    with harness.Workspace() as space:
        own = space.write("own", zone_text("own.test", 5))
        members = {"1": "a.test", "2": "own.test", "3": "a.org"}
        _, daemon = pair(space, members, ["a.test", "own.test", "a.org"], block="catalog test", more=f"file {own} own.test")
        wait_for(daemon, "www.a.test.", "a.test 1")
        assert ask(daemon, "www.own.test.") == "own.test 5" and ask(daemon, "www.a.org.") == "REFUSED"
        daemon.wait_for_log("is served by another plugin already")
        daemon.wait_for_log("is not among the zones that it may list here")


# ---- the producer ----

def producer(space, zones, notify, more=""):
    """Zones of a directory, listed in cat.test."""
    for name in zones:
        space.write(f"z/db.{name}", zone_text(name))
    text = (f".:{{port}} {{\n  auto {{\n    directory {space.path}/z\n    reload 50ms\n  }}\n  catalog cat.test {{\n"
            f"    group even a.test\n    {more}\n  }}\n  transfer {{\n    to * {notify}\n  }}\n}}\n")
    return server.start(space, text, arguments=["-state", space.directory("pstate")])


def test_our_own_catalog():
    with harness.Workspace() as space:
        port = harness.free_port()
        primary = producer(space, ["a.test", "b.test"], f"127.0.0.1:{port}")
        text = (f".:{port} {{\n  secondary cat.test {{\n    transfer from 127.0.0.1:{primary.port}\n    catalog\n  }}\n}}\n")
        daemon = server.start(space, f".:{{port}} {{\n  whoami\n}}\n" + text, arguments=["-state", space.directory("state")])
        daemon.port = port
        wait_for(daemon, "www.a.test.", "a.test 1")
        wait_for(daemon, "www.b.test.", "b.test 1")
        assert ask(primary, "version.cat.test.") == "2"
        space.write("z/db.c.test", zone_text("c.test", 3))
        wait_for(daemon, "www.c.test.", "c.test 3")
        os.unlink(f"{space.path}/z/db.b.test")
        wait_for(daemon, "www.b.test.", "REFUSED")
        zone = dns.zone.from_xfr(dns.query.xfr("127.0.0.1", "cat.test.", port=primary.port, timeout=10))
        members = [rdata.target.to_text() for name, _, rdata in zone.iterate_rdatas("PTR")]
        assert sorted(members) == ["a.test.", "c.test."]
        assert [rdata.to_text() for name, _, rdata in zone.iterate_rdatas("TXT") if name.labels[0] == b"group"] == ['"even"']


def test_knot_consumes_ours():
    with harness.Workspace() as space:
        if harness.program("knotd") is None:
            raise harness.Skip("knotd is not installed")
        port = harness.free_port()
        primary = producer(space, ["a.test", "b.test"], f"127.0.0.1:{port}")
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
zone:
  - domain: cat.test
    master: primary
    acl: notify
    catalog-role: interpret
    catalog-template: member
""")
        with Process([harness.program("knotd"), "-c", conf], port, directory) as knot:
            wait_for(knot, "www.a.test.", "a.test 1")
            wait_for(knot, "www.b.test.", "b.test 1")
            space.write("z/db.c.test", zone_text("c.test", 3))
            wait_for(knot, "www.c.test.", "c.test 3")


def test_bind_consumes_ours():
    with harness.Workspace() as space:
        if harness.program("named") is None:
            raise harness.Skip("named is not installed")
        port = harness.free_port()
        primary = producer(space, ["a.test", "b.test"], f"127.0.0.1:{port}")
        directory = space.directory("bind")
        conf = harness.write_file(directory, "named.conf", f"""options {{
  directory "{directory}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none;
  session-keyfile none; recursion no; dnssec-validation no; notify no;
  catalog-zones {{ zone "cat.test" default-primaries {{ 127.0.0.1 port {primary.port}; }} min-update-interval 1; }};
}};
controls {{ }};
zone "cat.test" {{ type secondary; primaries {{ 127.0.0.1 port {primary.port}; }}; file "cat"; }};
""")
        with Process([harness.program("named"), "-g", "-c", conf], port, directory) as bind:
            wait_for(bind, "www.a.test.", "a.test 1")
            wait_for(bind, "www.b.test.", "b.test 1")
            space.write("z/db.c.test", zone_text("c.test", 3))
            wait_for(bind, "www.c.test.", "c.test 3")


def test_knot_produces():
    with harness.Workspace() as space:
        if harness.program("knotd") is None:
            raise harness.Skip("knotd is not installed")
        port = harness.free_port()
        for name in ("a.test", "b.test"):
            space.write(f"knot/{name}.zone", zone_text(name))
        directory = f"{space.path}/knot"
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
acl:
  - id: transfer
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    storage: "{directory}"
    acl: transfer
zone:
  - domain: cat.test
    catalog-role: generate
  - domain: a.test
    catalog-role: member
    catalog-zone: cat.test
    catalog-group: special
  - domain: b.test
    catalog-role: member
    catalog-zone: cat.test
""")
        with Process([harness.program("knotd"), "-c", conf], port, directory) as knot:
            wait_for(knot, "www.a.test.", "a.test 1")
            daemon = consumer(space, port)
            wait_for(daemon, "www.a.test.", "a.test 1")
            wait_for(daemon, "www.b.test.", "b.test 1")


def test_a_thousand_members():
    with harness.Workspace() as space:
        names = [f"z{n}.test" for n in range(1000)]
        primary = producer(space, names, "127.0.0.1:1")
        begin = time.monotonic()
        daemon = consumer(space, primary.port)
        for name in names:
            wait_for(daemon, f"www.{name}.", f"{name} 1", deadline=30)
        print(f"a thousand members: {time.monotonic() - begin:.1f} s", flush=True)


class Process:
    """A peer with a configuration of the test's own."""

    def __init__(self, command, port, directory):
        self.command, self.port, self.directory = command, port, directory

    def __enter__(self):
        self.out = open(os.path.join(self.directory, "peer.log"), "wb")
        self.process = subprocess.Popen(self.command, stdout=self.out, stderr=subprocess.STDOUT)
        limit = time.monotonic() + DEADLINE_S
        while time.monotonic() < limit:
            try:
                dns.query.udp(dns.message.make_query("cat.test.", "SOA"), "127.0.0.1", port=self.port, timeout=0.3)
                return self
            except (dns.exception.Timeout, OSError):
                time.sleep(0.02)
        raise harness.Failure(f"the peer does not answer:\n{self.tail()}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        self.out.close()

    def tail(self):
        with open(os.path.join(self.directory, "peer.log"), encoding="latin-1") as text:
            return text.read()[-3000:]
