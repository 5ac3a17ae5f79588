"""The plugin secondary behind primaries of other makes: AXFR, NOTIFY and IXFR, unsigned and with each TSIG
algorithm."""

import os
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from secondary_test import ZONE, SECRET, address, await_serial, corefile

ALGORITHMS = ("hmac-sha1", "hmac-sha224", "hmac-sha384", "hmac-sha512")  # and sha256, everywhere else


def zone_text(serial):
    names = "".join(f"a{n} A 192.0.2.{n}\n" for n in range(1, 200) if n != serial)
    return f"$TTL 300\n@ SOA ns h {serial} 3600 600 864000 300\n@ NS ns\nns A 192.0.2.53\ntxt TXT \"serial {serial}\"\n{names}"


def nsd(base):
    class Primary(base):
        def command(self):
            key = "k" if self.algorithm else "NOKEY"
            self.extra = ("  create-ixfr: yes\n  store-ixfr: yes\n"
                          f"  provide-xfr: 127.0.0.1 {key}\n  notify: 127.0.0.1@{self.target} {key}\n  notify-retry: 5\n")
            if self.algorithm:
                self.extra += f'key:\n  name: "k"\n  algorithm: {self.algorithm}\n  secret: "{SECRET}"\n'
            return super().command()
    return Primary


def knot(base):
    class Primary(base):
        def command(self):
            key = f"key:\n  - id: k\n    algorithm: {self.algorithm}\n    secret: {SECRET}\n" if self.algorithm else ""
            use = "    key: k\n" if self.algorithm else ""
            path = list(self.zones.values())[0]
            text = (f"server:\n  listen: 127.0.0.1@{self.port}\n  rundir: {self.directory}\n"
                    f"  background-workers: 1\n  udp-workers: 1\n  tcp-workers: 1\n{key}"
                    f"remote:\n  - id: s\n    address: 127.0.0.1@{self.target}\n{use}"
                    f"acl:\n  - id: a\n    address: 127.0.0.1\n    action: transfer\n{use}"
                    f"control:\n  listen: {self.directory}/control\nlog:\n  - target: stderr\n    any: error\n"
                    f"database:\n  storage: {self.directory}\nzone:\n  - domain: {ZONE}\n    file: {path}\n"
                    f"    storage: {self.directory}\n    zonefile-load: difference\n    journal-content: changes\n"
                    "    zonefile-sync: -1\n    notify: s\n    acl: a\n")
            self.conf = harness.write_file(self.directory, "knot.conf", text)
            return [harness.program("knotd"), "-c", self.conf]
    return Primary


def bind(base):
    class Primary(base):
        def command(self):
            key = f'key "k" {{ algorithm {self.algorithm}; secret "{SECRET}"; }};\n' if self.algorithm else ""
            use = " key k" if self.algorithm else ""
            path = list(self.zones.values())[0]
            text = (f'options {{ directory "{self.directory}"; listen-on port {self.port} {{ 127.0.0.1; }};\n'
                    "  listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; notify-delay 0;\n"
                    "  startup-notify-rate 100; notify-rate 100; dnssec-validation no; empty-zones-enable no; };\n"
                    "controls { };\nlogging { channel out { stderr; severity error; }; category default { out; }; };\n"
                    f'{key}zone "{ZONE}" {{ type primary; file "{path}"; notify explicit; ixfr-from-differences yes;\n'
                    f"  allow-transfer {{ {'key k' if self.algorithm else '127.0.0.1'}; }};\n"
                    f"  also-notify {{ 127.0.0.1 port {self.target}{use}; }}; }};\n")
            self.conf = harness.write_file(self.directory, "named.conf", text)
            return [harness.program("named"), "-f", "-4", "-n", "1", "-c", self.conf]
    return Primary


def start(space, kind, path, port, algorithm):
    if not harness.SERVERS[kind].is_available():
        raise harness.Skip(f"{kind} is not installed")
    base = {"nsd": nsd, "knot": knot, "bind": bind}[kind](harness.SERVERS[kind])

    def make(directory, zones, **options):
        primary = base(directory, zones, **options)
        primary.target, primary.algorithm = port, algorithm
        return primary
    harness.SERVERS["primary"] = make
    return space.start("primary", {ZONE: path})


def at_port(port):
    def make(directory, text, **options):
        daemon = server.Daemon(directory, text, **options)
        daemon.port = port
        return daemon
    return make


def transfers(daemon):
    """What the log says of each transfer: AXFR or IXFR."""
    return [word for line in daemon.log().splitlines() if "is served" in line for word in ("AXFR", "IXFR") if word in line]


def follow(kind, algorithm, ixfr=True):
    with harness.Workspace() as space:
        port = harness.free_port()
        path = space.write("zone", zone_text(1))
        primary = start(space, kind, path, port, algorithm)
        keys = "k.test:{port} {\n whoami\n tsig {\n  secret k %s %s\n }\n}\n" % (SECRET, algorithm) if algorithm else ""
        text = keys + corefile([primary.port], space.directory("state"), "key k" if algorithm else "")
        daemon = server.start(space, text, make=at_port(port))
        await_serial(daemon, 1)
        for serial in (2, 3):
            space.write("zone", zone_text(serial))
            primary.request_reload()
            await_serial(daemon, serial, deadline=40)
            assert address(daemon, f"a{serial - 1}.example.org.") == [f"192.0.2.{serial - 1}"]
            assert not address(daemon, f"a{serial}.example.org.")
        assert transfers(daemon) == ["AXFR"] + (["IXFR"] if ixfr else ["AXFR"]) * 2, daemon.log()


def test_nsd():
    follow("nsd", None)
    follow("nsd", "hmac-sha256")


def test_knot():
    follow("knot", None)
    follow("knot", "hmac-sha256")


def test_bind():
    follow("bind", None)
    follow("bind", "hmac-sha256")


def test_algorithms():
    for kind in ("knot", "bind", "nsd"):
        for algorithm in ALGORITHMS:
            follow_once(kind, algorithm)


def follow_once(kind, algorithm):
    with harness.Workspace() as space:
        port = harness.free_port()
        primary = start(space, kind, space.write("zone", zone_text(1)), port, algorithm)
        keys = "k.test:{port} {\n whoami\n tsig {\n  secret k %s %s\n }\n}\n" % (SECRET, algorithm)
        text = keys + corefile([primary.port], space.directory("state"), "key k")
        daemon = server.start(space, text, make=at_port(port))
        await_serial(daemon, 1)


class PowerDns(harness.Server):
    kind = "pdns"

    @classmethod
    def missing(cls):
        return None if harness.program("pdns_server") else "pdns_server"

    def command(self):
        harness.write_file(self.directory, "pdns.conf", "\n".join([
            "launch=gsqlite3", f"gsqlite3-database={self.directory}/db", "gsqlite3-dnssec=yes", "local-address=127.0.0.1",
            f"local-port={self.port}", f"socket-dir={self.directory}", "daemon=no", "guardian=no", "primary=yes",
            "allow-axfr-ips=127.0.0.1" if not self.algorithm else "allow-axfr-ips=", f"also-notify=127.0.0.1:{self.target}",
            "only-notify=127.0.0.1", "zone-cache-refresh-interval=0", "cache-ttl=0", "query-cache-ttl=0",
            "xfr-cycle-interval=1", "security-poll-suffix=", "setuid=", "setgid=", ""]))
        path = list(self.zones.values())[0]
        if not os.path.exists(f"{self.directory}/db"):
            with open(SCHEMA, encoding="ascii") as schema, sqlite3.connect(f"{self.directory}/db") as db:
                db.executescript(schema.read())
            self.util("load-zone", ZONE.rstrip("."), path)
            self.util("set-kind", ZONE.rstrip("."), "primary")
            if self.algorithm:
                self.util("import-tsig-key", "k", self.algorithm, SECRET)
                self.util("set-meta", ZONE.rstrip("."), "TSIG-ALLOW-AXFR", "k")
        return [harness.program("pdns_server"), f"--config-dir={self.directory}"]

    def util(self, *words):
        done = subprocess.run([harness.program("pdnsutil"), f"--config-dir={self.directory}", *words],
                              capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise harness.Failure(f"pdnsutil {words}: {done.stdout}{done.stderr}")

    def request_reload(self):
        self.util("load-zone", ZONE.rstrip("."), list(self.zones.values())[0])
        subprocess.run([harness.program("pdns_control"), f"--config-dir={self.directory}", f"--socket-dir={self.directory}",
                        "notify-host", ZONE.rstrip("."), f"127.0.0.1:{self.target}"], capture_output=True, timeout=30)


SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"


def test_powerdns():
    if PowerDns.missing() or not os.path.exists(SCHEMA):
        raise harness.Skip("PowerDNS is not installed")
    harness.SERVERS["pdns"] = PowerDns
    for algorithm in (None, "hmac-sha256"):
        with harness.Workspace() as space:
            port = harness.free_port()
            path = space.write("zone", zone_text(1))

            def make(directory, zones, **options):
                primary = PowerDns(directory, zones, **options)
                primary.target, primary.algorithm = port, algorithm
                return primary
            harness.SERVERS["primary"] = make
            primary = space.start("primary", {ZONE: path})
            keys = "k.test:{port} {\n whoami\n tsig {\n  secret k %s %s\n }\n}\n" % (SECRET, algorithm) if algorithm else ""
            daemon = server.start(space, keys + corefile([primary.port], space.directory("state"), "key k" if algorithm else ""),
                                  make=at_port(port))
            await_serial(daemon, 1)
            space.write("zone", zone_text(2))
            primary.request_reload()
            await_serial(daemon, 2, deadline=40)
            assert not address(daemon, "a2.example.org.")
