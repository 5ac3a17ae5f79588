"""What is left of the matrix of peers: zones for NSD, Knot, BIND and PowerDNS, signed with each TSIG algorithm (one zone for
each: AXFR, NOTIFY, IXFR), and over TLS from and to NSD and BIND, with certificates of both sides."""

import os
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from secondary_peers_test import SCHEMA, at_port
from secondary_test import SECRET, await_serial, eventually, serial
from tls_test import certificate
from transfer_test import control

ALGORITHMS = ("sha1", "sha224", "sha256", "sha384", "sha512")
DEADLINE_S = 40


def zone_text(number):
    names = "".join(f"a{n} A 192.0.2.{n}\n" for n in range(1, 150) if n != number)
    return f"$TTL 300\n@ SOA ns h {number} 3600 600 864000 300\n@ NS ns\nns A 192.0.2.53\nv A 192.0.2.{number}\n{names}"


def zones():
    return [f"{algorithm}.test" for algorithm in ALGORITHMS]


class Peer(harness.Server):
    """A secondary of all zones; `primary` is our port."""

    forgets = False

    def __init__(self, directory, primary):
        super().__init__(directory, {})
        self.primary = primary

    def text(self, head, each):
        return head + "".join(each(algorithm, f"{algorithm}.test", f"k-{algorithm}") for algorithm in ALGORITHMS)


class Nsd(Peer):
    name = "nsd"

    def command(self):
        conf = self.text(f"""server:
  ip-address: 127.0.0.1@{self.port}
  username: ""
  chroot: ""
  zonesdir: "{self.directory}"
  database: ""
  pidfile: "{self.directory}/pid"
  xfrdfile: "{self.directory}/xfrd.state"
  zonelistfile: "{self.directory}/zone.list"
  xfrdir: "{self.directory}"
  xfrd-reload-timeout: 0
  server-count: 1
remote-control:
  control-enable: no
""", lambda algorithm, zone, key: f"""key:
  name: {key}
  algorithm: hmac-{algorithm}
  secret: "{SECRET}"
zone:
  name: {zone}
  zonefile: {zone}
  allow-notify: 127.0.0.1 {key}
  request-xfr: 127.0.0.1@{self.primary} {key}
""")
        return [harness.program("nsd"), "-d", "-c", harness.write_file(self.directory, "nsd.conf", conf)]


class Knot(Peer):
    name = "knotd"

    def command(self):
        sections = {"key": "", "remote": "", "acl": "", "zone": ""}
        for algorithm in ALGORITHMS:
            key = f"k-{algorithm}"
            sections["key"] += f"  - id: {key}\n    algorithm: hmac-{algorithm}\n    secret: {SECRET}\n"
            sections["remote"] += f"  - id: {key}\n    address: 127.0.0.1@{self.primary}\n    key: {key}\n"
            sections["acl"] += f"  - id: {key}\n    address: 127.0.0.1\n    action: notify\n    key: {key}\n"
            sections["zone"] += (f"  - domain: {algorithm}.test\n    storage: {self.directory}\n    file: {algorithm}\n    master: {key}\n"
                                 f"    acl: {key}\n")
        conf = (f"server:\n  rundir: {self.directory}\n  listen: 127.0.0.1@{self.port}\ndatabase:\n  storage: {self.directory}\n"
                "log:\n  - target: stderr\n    any: info\n" + "".join(f"{name}:\n{text}" for name, text in sections.items()))
        return [harness.program("knotd"), "-c", harness.write_file(self.directory, "knot.conf", conf)]


class Bind(Peer):
    name = "named"

    def command(self):
        conf = self.text(f"""options {{ directory "{self.directory}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no; empty-zones-enable no; }};
controls {{ }};
""", lambda algorithm, zone, key: f"""key "{key}" {{ algorithm hmac-{algorithm}; secret "{SECRET}"; }};
zone "{zone}" {{ type secondary; file "{zone}"; masterfile-format text; allow-notify {{ key {key}; }};
  primaries {{ 127.0.0.1 port {self.primary} key {key}; }}; }};
""")
        return [harness.program("named"), "-g", "-n", "1", "-c", harness.write_file(self.directory, "named.conf", conf)]


class PowerDns(Peer):
    name = "pdns_server"
    forgets = True

    def command(self):
        harness.write_file(self.directory, "pdns.conf", "\n".join([
            "launch=gsqlite3", f"gsqlite3-database={self.directory}/db", "gsqlite3-dnssec=yes", "local-address=127.0.0.1",
            f"local-port={self.port}", f"socket-dir={self.directory}", "daemon=no", "guardian=no", "secondary=yes",
            "zone-cache-refresh-interval=0", "cache-ttl=0", "query-cache-ttl=0", "xfr-cycle-interval=1", "security-poll-suffix=", "retrieval-threads=1",
            "setuid=", "setgid=", ""]))
        if not os.path.exists(SCHEMA):
            raise harness.Skip("PowerDNS's SQLite backend is not installed")
        with open(SCHEMA, encoding="ascii") as schema, sqlite3.connect(f"{self.directory}/db") as db:
            db.executescript(schema.read())
            for algorithm in ALGORITHMS:
                zone, key = f"{algorithm}.test", f"k-{algorithm}"
                found = db.execute("insert into domains (name, type, master) values (?, 'SLAVE', ?)",
                                   (zone, f"127.0.0.1:{self.primary}")).lastrowid
                db.execute("insert into tsigkeys (name, algorithm, secret) values (?, ?, ?)", (key, f"hmac-{algorithm}", SECRET))
                db.executemany("insert into domainmetadata (domain_id, kind, content) values (?, ?, ?)",
                               ((found, "AXFR-MASTER-TSIG", key), (found, "IXFR", "1")))
        return [harness.program("pdns_server"), f"--config-dir={self.directory}"]


def primary(space, target):
    text = "".join(f"{a}.test:{{port}} {{\n tsig {{\n  secret k-{a}. {SECRET} hmac-{a}\n }}\n file {space.path}/zone {{\n  reload 50ms\n }}\n"
                   f" transfer {{\n  to 127.0.0.1:{target} key k-{a}.\n }}\n}}\n" for a in ALGORITHMS)
    space.write("zone", zone_text(1))
    return server.start(space, text)


def serial_at(peer, zone):
    try:
        reply = peer.ask(zone, "SOA", timeout=0.5, tries=1)
    except OSError:
        return None
    return int.from_bytes(reply.answer[0][4][-20:-16], "big") if reply is not None and reply.answer else None


def all_at(peer, number, daemon):
    """PowerDNS gives an IXFR up when its database is locked, and waits for the next NOTIFY."""
    limit, told = time.monotonic() + DEADLINE_S, time.monotonic()
    while lacking := [zone for zone in zones() if serial_at(peer, zone + ".") != number]:
        assert time.monotonic() < limit, f"{lacking} {number}\n{peer.tail()}\n{daemon.tail()}"
        if peer.forgets and time.monotonic() > told + 3:
            told = time.monotonic()
            control(daemon, "notify", lacking[0])
        time.sleep(0.02)


def follow(make, ixfr=True):
    if harness.program(make.name) is None:
        raise harness.Skip(f"{make.name} is not installed")
    with harness.Workspace() as space:
        port = harness.free_port()
        daemon = primary(space, port)
        peer = make(space.directory(make.name), daemon.port)
        peer.port = port
        space.servers.append(peer)
        peer.launch()
        all_at(peer, 1, daemon)
        space.write("zone", zone_text(2))
        all_at(peer, 2, daemon)
        for zone in zones():
            assert f"{zone}.: AXFR to 127.0.0.1" in daemon.log(), zone
            assert not ixfr or f"{zone}.: IXFR to 127.0.0.1" in daemon.log(), (zone, daemon.log())
            assert f"{zone}.: 127.0.0.1:{port} answers NOTIFY with" not in daemon.log(), daemon.log()


def test_nsd_by_each_algorithm():
    follow(Nsd)


def test_knot_by_each_algorithm():
    follow(Knot)


def test_bind_by_each_algorithm():
    follow(Bind)


def test_powerdns_by_each_algorithm():
    follow(PowerDns)


def test_md5_is_refused():
    """RFC 8945 6: it must not be used."""
    with harness.Workspace() as space:
        conf = space.write("Corefile", f". {{\n tsig {{\n  secret k. {SECRET} hmac-md5\n }}\n whoami\n}}\n")
        done = subprocess.run([harness.need_ours("bailiwickd"), "-check", "-conf", conf], capture_output=True, text=True,
                              timeout=20, check=False)
        assert done.returncode == 1 and "md5" in done.stdout + done.stderr, done.stdout + done.stderr


# ---- TLS ----

def authority(space, *names):
    certificate(space, "authority", common="authority")
    for name in names:
        certificate(space, name, common=f"{name}.example.net", signer="authority")


def start(space, name, command):
    class Made(harness.Server):
        pass
    Made.command = command
    if harness.program(name) is None:
        raise harness.Skip(f"{name} is not installed")
    peer = Made(space.directory(name), {})
    space.servers.append(peer)
    return peer


def secure(space, to):
    """Ours, which gives the zone by TLS only, to whom TO says."""
    port = harness.free_port()
    daemon = server.start(space, (
        f"tls://tls.test:{port} tls.test:{{port}} {{\n tls {space.path}/server.crt {space.path}/server.key {space.path}/authority.crt {{\n"
        f"  client_auth request\n }}\n file {space.write('zone', zone_text(1))} {{\n  reload 50ms\n }}\n transfer {{\n  {to}\n }}\n}}\n"))
    daemon.tls_port = port
    return daemon


def await_at(peer, number, daemon):
    limit = time.monotonic() + DEADLINE_S
    while serial_at(peer, "tls.test.") != number:
        assert time.monotonic() < limit, f"{number}\n{peer.tail()}\n{daemon.tail()}"
        time.sleep(0.02)


def test_bind_shows_its_certificate():
    with harness.Workspace() as space:
        authority(space, "server", "bind", "other")
        for name, comes in (("other", False), ("bind", True)):
            port = harness.free_port()
            daemon = secure(space, f"to 127.0.0.1:{port} tls bind.example.net")

            def command(self):
                conf = harness.write_file(self.directory, "named.conf", f"""
tls ours {{ ca-file "{space.path}/authority.crt"; cert-file "{space.path}/{name}.crt"; key-file "{space.path}/{name}.key";
  remote-hostname "server.example.net"; }};
options {{ directory "{self.directory}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none;
  session-keyfile none; recursion no; dnssec-validation no; notify no; empty-zones-enable no; }};
controls {{ }};
zone "tls.test" {{ type secondary; file "copy-{name}"; primaries {{ 127.0.0.1 port {daemon.tls_port} tls ours; }}; }};
""")
                return [harness.program("named"), "-g", "-n", "1", "-c", conf]
            peer = start(space, "named", command)
            peer.port = port
            peer.launch()
            if comes:
                await_at(peer, 1, daemon)
                space.write("zone", zone_text(2))
                await_at(peer, 2, daemon)
                assert "IXFR to 127.0.0.1" in daemon.log(), daemon.log()
            else:
                eventually(lambda: "REFUSED" in peer.tail(60), DEADLINE_S, tell=peer.tail)
                assert serial_at(peer, "tls.test.") is None


def test_nsd_by_tls():
    """NSD as the secondary, then as the primary."""
    common = """server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{directory}"
  database: ""
  pidfile: "{directory}/pid"
  xfrdfile: "{directory}/xfrd.state"
  zonelistfile: "{directory}/zone.list"
  xfrdir: "{directory}"
  server-count: 1
  tls-cert-bundle: "{ca}"
{more}
remote-control:
  control-enable: no
{zone}
"""
    with harness.Workspace() as space:
        authority(space, "server", "nsd")
        port = harness.free_port()
        daemon = secure(space, f"to 127.0.0.1:{port} tls")

        def secondary(self):
            zone = (f'tls-auth:\n  name: ours\n  auth-domain-name: server.example.net\nzone:\n  name: tls.test\n  zonefile: copy\n'
                    f'  allow-notify: 127.0.0.1 NOKEY\n  request-xfr: 127.0.0.1@{daemon.tls_port} NOKEY ours\n')
            conf = common.format(port=self.port, directory=self.directory, ca=f"{space.path}/authority.crt", zone=zone,
                                 more="  xfrd-reload-timeout: 0")
            return [harness.program("nsd"), "-d", "-c", harness.write_file(self.directory, "nsd.conf", conf)]
        peer = start(space, "nsd", secondary)
        peer.port = port
        peer.launch()
        await_at(peer, 1, daemon)
        space.write("zone", zone_text(2))
        await_at(peer, 2, daemon)
    with harness.Workspace() as space:
        authority(space, "server", "nsd")
        space.write("zone", zone_text(1))
        tls_port = harness.free_port()

        def first(self):
            zone = f'zone:\n  name: tls.test\n  zonefile: {space.path}/zone\n  provide-xfr: 127.0.0.1 NOKEY\n'
            more = (f'  tls-service-key: "{space.path}/nsd.key"\n  tls-service-pem: "{space.path}/nsd.crt"\n  tls-port: {tls_port}\n'
                    f'  ip-address: 127.0.0.1@{tls_port}')
            conf = common.format(port=self.port, directory=self.directory, ca=f"{space.path}/authority.crt", zone=zone, more=more)
            return [harness.program("nsd"), "-d", "-c", harness.write_file(self.directory, "nsd.conf", conf)]
        peer = start(space, "nsd", first)
        peer.launch()
        daemon = server.start(space, (
            f"tls.test:{{port}} {{\n secondary {{\n  transfer from tls://127.0.0.1:{tls_port}\n  tls {space.path}/authority.crt\n"
            f"  tls_servername nsd.example.net\n  state {space.directory('state')}\n }}\n}}\n"))
        await_serial(daemon, 1, "tls.test.", deadline=DEADLINE_S)
