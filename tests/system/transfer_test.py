"""Transfers out: AXFR and IXFR to dnspython, dig and kdig; NSD, Knot, BIND and PowerDNS as secondaries of ours, which
hear of new versions by NOTIFY; what is refused; a history that outlives kill -9; a client that does not read."""

import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.tsig
import dns.xfr
import dns.zone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
import wire

SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
DEADLINE_S = 40


def zone_text(serial, hosts=40, more=""):
    rows = "".join(f"host{n} A 192.0.2.{(n * 7 + serial) % 250 + 1 if n < 3 else n % 250 + 1}\n" for n in range(hosts))
    return (f"$TTL 3600\n@ SOA ns1 hostmaster {serial} 3600 900 604800 300\n@ NS ns1\n@ NS ns2.other.test.\n"
            f"@ MX 10 mail\nns1 A 127.0.0.1\nmail A 192.0.2.3\nmail AAAA 2001:db8::3\nwww CNAME mail\n"
            f"sub NS ns.sub\nns.sub A 192.0.2.9\n*.wild TXT \"a wildcard\"\n_sip._tcp SRV 1 2 5060 mail\n{rows}{more}")


def corefile(path, to="*", zone="example.org", file_options="", more="", transfer=""):
    return (f"{zone}:{{port}} {{\n  file {path} {{\n    reload 50ms\n    {file_options}\n  }}\n"
            f"  transfer {{\n    to {to}\n    {transfer}\n  }}\n  {more}\n}}\n")


def serve(space, serial=1, text=None, **how):
    options = {key: how.pop(key) for key in ("arguments", "workers") if key in how}
    path = space.write("zone", text or zone_text(serial))
    return server.start(space, corefile(path, **how), **options)


def control(daemon, *words, fine=True):
    command = [harness.need_ours("bailiwickctl"), "-control", os.path.join(daemon.directory, "control"), "-json"]
    for _ in range(100):  # the socket opens a moment after the server answers
        done = subprocess.run(command + list(words), capture_output=True, text=True, timeout=30, check=False)
        if done.returncode != 2:
            break
        time.sleep(0.02)
    assert done.stdout, done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"] == fine, answer
    return answer


def publish(space, daemon, serial, text=None):
    space.write("zone", text or zone_text(serial))
    answer = control(daemon, "reload", "wait")
    assert answer["zones"][0]["serial"] == serial, answer


def axfr(daemon, origin="example.org.", **how):
    return dns.zone.from_xfr(dns.query.xfr("127.0.0.1", origin, port=daemon.port, timeout=10, relativize=False,
                                           lifetime=60, **how), relativize=False)


def expected(text, origin="example.org."):
    return dns.zone.from_text(text, origin=origin, relativize=False)


def ixfr(daemon, zone, serial, udp=False, key=None):
    """Applies an IXFR to a dnspython zone; the number of records received."""
    query, _ = dns.xfr.make_query(zone, serial=serial)
    if key is not None:
        query.use_tsig(key)
    records = 0
    with dns.xfr.Inbound(zone, dns.rdatatype.IXFR, serial, udp) as inbound:
        done = False
        for message in messages(daemon, query, udp):
            records += sum(len(rrset) for rrset in message.answer)
            done = inbound.process_message(message)
            if done:
                break
        assert done
    return records


def messages(daemon, query, udp):
    if udp:
        yield dns.query.udp(query, "127.0.0.1", port=daemon.port, timeout=5, one_rr_per_rrset=True)
        return
    with socket.create_connection(("127.0.0.1", daemon.port), 5) as sock:
        dns.query.send_tcp(sock, query)
        while True:
            yield dns.query.receive_tcp(sock, one_rr_per_rrset=True, keyring=query.keyring,
                                        request_mac=query.mac)[0]


def versioned(text):
    zone = dns.zone.from_text(text, origin="example.org.", relativize=False, zone_factory=dns.zone.VersionedZone) \
        if hasattr(dns.zone, "VersionedZone") else dns.zone.from_text(text, origin="example.org.", relativize=False)
    return zone


# ---- whole zones ----

def test_axfr_is_the_zone():
    with harness.Workspace() as space:
        daemon = serve(space)
        assert axfr(daemon) == expected(zone_text(1))
        text = zone_text(2, hosts=4000, more="".join(f"big{n} TXT \"{'x' * 250}\"\n" for n in range(500)))
        publish(space, daemon, 2, text)
        assert axfr(daemon) == expected(text)
        for tool in (["dig", "-p", str(daemon.port), "@127.0.0.1", "example.org", "axfr", "+noall", "+answer"],
                     ["kdig", "-p", str(daemon.port), "@127.0.0.1", "example.org", "axfr", "+noall", "+answer"]):
            if shutil.which(tool[0]):
                out = subprocess.run(tool, capture_output=True, text=True, timeout=20, check=True).stdout
                records = [line for line in out.splitlines() if line and not line.startswith(";")]
                assert len(records) == 4000 + 500 + 13, (tool[0], len(records))


def test_root_zone():
    """An apex without labels has nothing to point to."""
    with harness.Workspace() as space:
        text = "$TTL 60\n. SOA a.root. b.root. 7 1 1 1 1\n. NS a.root.\na.root. A 192.0.2.1\norg. NS b.org.\nb.org. A 192.0.2.2\n"
        daemon = server.start(space, corefile(space.write("zone", text), zone="."))
        assert axfr(daemon, ".") == expected(text, ".")


# ---- changes ----

def test_ixfr_step_by_step():
    with harness.Workspace() as space:
        daemon = serve(space)
        zone = versioned(zone_text(1))
        for serial in (2, 3, 4):
            publish(space, daemon, serial)
        for udp in (False, True):
            zone = versioned(zone_text(1))
            assert ixfr(daemon, zone, 1, udp) < 20
            assert zone == expected(zone_text(4)), udp
        zone = versioned(zone_text(3))
        ixfr(daemon, zone, 3)
        assert zone == expected(zone_text(4))
        assert ixfr(daemon, versioned(zone_text(4)), 4) == 1  # nothing new: the SOA alone


def test_ixfr_from_before_all_history():
    with harness.Workspace() as space:
        daemon = serve(space, 5)
        zone = versioned(zone_text(1))
        ixfr(daemon, zone, 1)
        assert zone == expected(zone_text(5))


def test_condensed():
    """What came and went again is not sent."""
    with harness.Workspace() as space:
        daemon = serve(space)
        for serial in range(2, 12):
            publish(space, daemon, serial, zone_text(1, more=f"new{serial} A 192.0.2.1\n").replace(
                "hostmaster 1 ", f"hostmaster {serial} "))
        zone = versioned(zone_text(1))
        assert ixfr(daemon, zone, 1) == 5  # SOA, old SOA, new SOA, one address, SOA
        assert zone == axfr(daemon)


def test_udp_that_does_not_fit():
    with harness.Workspace() as space:
        daemon = serve(space)
        publish(space, daemon, 2, zone_text(2, more="".join(f"t{n} TXT \"{'y' * 200}\"\n" for n in range(30))))
        query, _ = dns.xfr.make_query(versioned(zone_text(1)), serial=1)
        answer = dns.query.udp(query, "127.0.0.1", port=daemon.port, timeout=5, one_rr_per_rrset=True)
        assert len(answer.answer) == 1 and answer.answer[0][0].serial == 2, answer


def write_at(space, text, age_s):
    """Writes the zone as if it had been written so long ago."""
    path = space.write("written", text)
    changed = int(time.time()) - age_s
    os.utime(path, (changed, changed))
    os.rename(path, os.path.join(space.path, "zone"))
    return changed


def test_serial_made_by_the_server():
    """The text's serial stays 1; secondaries get what changes all the same, and a restart makes the same serial."""
    with harness.Workspace() as space:
        first = write_at(space, zone_text(1), 500)
        daemon = server.start(space, corefile(os.path.join(space.path, "zone"), file_options="serial mtime"))
        assert serial_of(daemon) == first
        text = zone_text(1, more="new A 192.0.2.1\n")
        second = write_at(space, text + "; a comment\n", 400)
        assert control(daemon, "reload", "wait")["zones"][0]["serial"] == second
        zone = versioned(zone_text(1).replace("hostmaster 1 ", f"hostmaster {first} "))
        assert ixfr(daemon, zone, first) == 5
        assert zone == expected(text.replace("hostmaster 1 ", f"hostmaster {second} "))
        third = write_at(space, text + "; another comment\n", 300)
        assert control(daemon, "reload", "wait")["zones"][0]["serial"] == second  # nothing new
        daemon.stop()
        daemon.launch()
        daemon.wait()
        assert serial_of(daemon) == third


# ---- who may ----

def test_refused():
    with harness.Workspace() as space:
        daemon = serve(space, to="192.0.2.1 198.51.100.0/24", more=f"tsig {{\n secret the.key. {SECRET}\n}}",
                       transfer="to 127.0.0.0/8 key the.key.")
        query = dns.message.make_query("example.org.", "AXFR")
        answer = dns.query.tcp(query, "127.0.0.1", port=daemon.port, timeout=5)
        assert answer.rcode() == 5, answer
        key = dns.tsig.Key("the.key.", SECRET, "hmac-sha256")
        zone = axfr(daemon, keyring={key.name: key}, keyname=key.name, keyalgorithm=key.algorithm)
        assert zone == expected(zone_text(1))
        answer = dns.query.tcp(dns.message.make_query("host1.example.org.", "AXFR"), "127.0.0.1", port=daemon.port,
                               timeout=5)
        assert answer.rcode() == 9, answer  # no zone of that name (RFC 5936 2.2.1)
        assert daemon.ask("www.example.org.", "A").rcode == 0


def test_as_it_was_written_in_2019():
    """`transfer to` inside file and secondary."""
    with harness.Workspace() as space:
        path = space.write("zone", zone_text(1))
        first = server.start(space, f"example.org:{{port}} {{\n file {path} {{\n  transfer to *\n }}\n}}\n")
        assert axfr(first) == expected(zone_text(1))
        second = server.start(space, f""".:{{port}} {{
  secondary example.org {{
    transfer from 127.0.0.1:{first.port}
    transfer to *
    state {space.directory("state")}
  }}
}}
""")
        limit = time.monotonic() + 10
        while serial_of(second) != 1:
            assert time.monotonic() < limit, second.tail()
            time.sleep(0.01)
        assert axfr(second) == expected(zone_text(1))
        query = dns.message.make_query("example.org.", "AXFR")
        third = server.start(space, f"example.org:{{port}} {{\n file {path} {{\n  transfer to 192.0.2.1\n }}\n}}\n")
        assert dns.query.tcp(query, "127.0.0.1", port=third.port, timeout=5).rcode() == 5


# ---- clients that are slow, or many ----

def receive_axfr(sock):
    """The octets of a whole transfer on a connection that it was asked for on."""
    received, soas, at = b"", 0, 0
    while soas < 2:
        piece = sock.recv(1 << 20)
        assert piece, "the connection ended"
        received += piece
        while at + 2 <= len(received) and at + 2 + struct.unpack("!H", received[at:at + 2])[0] <= len(received):
            size = struct.unpack("!H", received[at:at + 2])[0]
            soas += sum(1 for record in wire.Answer(received[at + 2:at + 2 + size]).answer if record[1] == 6)
            at += 2 + size
    return received


def test_slow_client_holds_up_nobody():
    with harness.Workspace() as space:
        large = "".join(f"large{n} TXT \"{'z' * 255}\" \"{'z' * 255}\" \"{'z' * 255}\" \"{'z' * 255}\"\n"
                        for n in range(12000))  # 12 MB: more than the kernel buffers
        daemon = serve(space, text=zone_text(1, more=large), workers=1)
        message = wire.question(wire.name_from_text("example.org."), 252, 7)
        frame = struct.pack("!H", len(message)) + message
        with socket.socket() as slow, socket.socket() as quick:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.settimeout(5)
            slow.connect(("127.0.0.1", daemon.port))
            slow.sendall(frame)
            time.sleep(0.1)
            assert daemon.ask("www.example.org.", "A").rcode == 0
            before = daemon.resident_mb()
            quick.connect(("127.0.0.1", daemon.port))
            quick.sendall(frame)
            whole = receive_axfr(quick)
            publish(space, daemon, 2, zone_text(2, more=large))
            assert daemon.resident_mb() < before + 20
            # What the slow one gets is the version that it began with, whole.
            assert receive_axfr(slow) == whole


def test_several_on_one_connection():
    with harness.Workspace() as space:
        daemon = serve(space, text=zone_text(1, hosts=3000))
        with daemon.connect() as connection:
            axfrs = [wire.question(wire.name_from_text("example.org."), 252, ident) for ident in (1, 2)]
            connection.send(axfrs[0], server.question("www.example.org.", ident=3), axfrs[1])
            seen = {1: 0, 2: 0, 3: 0}
            while seen[1] < 2 or seen[2] < 2 or seen[3] < 1:
                message = connection.receive()
                ident = struct.unpack("!H", message[:2])[0]
                answer = wire.Answer(message).answer
                seen[ident] += 1 if ident == 3 else sum(1 for record in answer if record[1] == 6)
        assert seen == {1: 2, 2: 2, 3: 1}, seen


# ---- secondaries ----

class Secondary(harness.Server):
    """A peer that fetches example.org from the port `primary`."""

    def __init__(self, directory, primary, **options):
        super().__init__(directory, {"example.org": os.path.join(directory, "copy")}, **options)
        self.primary = primary

    @classmethod
    def missing(cls):
        return None if shutil.which(cls.program) or os.path.exists("/usr/sbin/" + cls.program) else cls.program

    def request_reload(self):
        pass


class SecondaryNsd(Secondary):
    kind = program = "nsd"

    def command(self):
        conf = harness.write_file(self.directory, "nsd.conf", f"""
server:
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
zone:
  name: example.org
  zonefile: copy
  allow-notify: 127.0.0.1 NOKEY
  request-xfr: 127.0.0.1@{self.primary} NOKEY
""")
        return [harness.program("nsd"), "-d", "-c", conf]


class SecondaryKnot(Secondary):
    kind, program = "knot", "knotd"

    def command(self):
        conf = harness.write_file(self.directory, "knot.conf", f"""
server:
    rundir: {self.directory}
    listen: 127.0.0.1@{self.port}
database:
    storage: {self.directory}
remote:
  - id: primary
    address: 127.0.0.1@{self.primary}
acl:
  - id: notify
    address: 127.0.0.1
    action: notify
zone:
  - domain: example.org
    storage: {self.directory}
    file: copy
    master: primary
    acl: notify
log:
  - target: stderr
    any: info
""")
        return [harness.program("knotd"), "-c", conf]


class SecondaryBind(Secondary):
    kind, program = "bind", "named"

    def command(self):
        conf = harness.write_file(self.directory, "named.conf", f"""
options {{
  directory "{self.directory}";
  pid-file "{self.directory}/pid";
  session-keyfile "{self.directory}/session.key";
  listen-on port {self.port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
  dnssec-validation no;
  notify no;
  transfer-source 127.0.0.1;
}};
controls {{ }};
zone "example.org" {{
  type secondary;
  masterfile-format text;
  file "copy";
  primaries {{ 127.0.0.1 port {self.primary}; }};
  allow-notify {{ 127.0.0.1; }};
}};
""")
        return [harness.program("named"), "-g", "-c", conf, "-n", "1"]


class SecondaryPowerdns(Secondary):
    kind, program = "powerdns", "pdns_server"

    def command(self):
        conf = harness.write_file(self.directory, "named.conf", f"""
zone "example.org" {{
  type slave;
  file "{self.directory}/copy";
  masters {{ 127.0.0.1:{self.primary}; }};
}};
""")
        harness.write_file(self.directory, "pdns.conf", f"""
launch=bind
bind-config={conf}
bind-check-interval=1
local-address=127.0.0.1
local-port={self.port}
secondary=yes
slave=yes
socket-dir={self.directory}
xfr-cycle-interval=1
daemon=no
guardian=no
security-poll-suffix=
zone-cache-refresh-interval=0
""")
        return [harness.program("pdns_server"), "--config-dir=" + self.directory]


SECONDARIES = {"nsd": SecondaryNsd, "knot": SecondaryKnot, "bind": SecondaryBind, "powerdns": SecondaryPowerdns}


def serial_of(peer):
    answer = peer.ask("example.org.", "SOA", timeout=0.5, tries=1)
    return int.from_bytes(answer.answer[0][4][-20:-16], "big") if answer is not None and answer.answer else None


def wait_for_serial(peer, serial, daemon):
    limit = time.monotonic() + DEADLINE_S
    while True:
        try:
            if serial_of(peer) == serial:
                return
        except OSError:
            pass
        assert time.monotonic() < limit, f"{peer.kind} does not serve {serial}\n{peer.tail()}\n{daemon.tail()}"
        time.sleep(0.01)


def follow(kind):
    peer_class = SECONDARIES[kind]
    if peer_class.missing() is not None:
        raise harness.Skip(f"{peer_class.program} is not installed")
    with harness.Workspace() as space:
        port = harness.free_port()
        path = space.write("zone", zone_text(1))
        daemon = server.start(space, corefile(path, to=f"127.0.0.1:{port}"))
        peer = peer_class(space.directory(kind), daemon.port)
        peer.port = port
        space.servers.append(peer)
        peer.launch()
        wait_for_serial(peer, 1, daemon)
        for serial in (2, 3, 4):
            publish(space, daemon, serial)
            wait_for_serial(peer, serial, daemon)
        for name, qtype in (("host1", "A"), ("www", "CNAME"), ("a.wild", "TXT"), ("mail", "AAAA")):
            ours = [record[4] for record in daemon.ask(name + ".example.org.", qtype).answer]
            limit = time.monotonic() + DEADLINE_S  # a child of NSD with the old data may hear a question yet
            while [record[4] for record in peer.ask(name + ".example.org.", qtype).answer] != ours:
                assert time.monotonic() < limit, (name, qtype, ours)
        daemon.wait_for_log(": AXFR to 127.0.0.1: ")
        return daemon.log()


def test_secondary_nsd():
    assert ": IXFR to 127.0.0.1: " in follow("nsd")


def test_secondary_knot():
    assert ": IXFR to 127.0.0.1: " in follow("knot")


def test_secondary_bind():
    assert ": IXFR to 127.0.0.1: " in follow("bind")


def test_secondary_powerdns():
    follow("powerdns")


def test_notify_is_sent_again():
    """RFC 1996 3.6: until it is answered; and it is signed when the line has a key."""
    with harness.Workspace() as space, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target:
        target.bind(("127.0.0.1", 0))
        target.settimeout(8)
        key = dns.tsig.Key("the.key.", SECRET, "hmac-sha256")
        daemon = serve(space, to=f"127.0.0.1:{target.getsockname()[1]} key the.key.",
                       more=f"tsig {{\n secret the.key. {SECRET} hmac-sha256\n}}")
        first, _ = target.recvfrom(4096)
        second, address = target.recvfrom(4096)
        for packet in (first, second):
            message = dns.message.from_wire(packet, keyring={key.name: key})
            assert message.opcode() == 4 and message.had_tsig, message
            assert message.answer[0][0].serial == 1
        query = dns.message.from_wire(second, keyring={key.name: key})
        reply = dns.message.make_response(query)
        reply.use_tsig({key.name: key}, keyname=key.name)
        target.sendto(reply.to_wire(), address)
        limit = time.monotonic() + 30
        while not any(step["step"] == "told" for step in control(daemon, "zone", "example.org")["steps"]):
            assert time.monotonic() < limit
            time.sleep(0.01)
        control(daemon, "notify", "example.org")
        assert target.recvfrom(4096)


# ---- crashes ----

def test_history_outlives_kill():
    """kill -9 at random moments: what was served before can still be had by IXFR, and leads to what is served now."""
    rng = random.Random(int(os.environ.get("BAILIWICK_SEED", "1")))
    with harness.Workspace() as space:
        state, serial = space.directory("state"), 1
        daemon = serve(space, 1, arguments=["-state", state])
        control(daemon, "reload", "wait")
        for _ in range(12):
            for _ in range(rng.randrange(1, 4)):
                serial += 1
                space.write("zone", zone_text(serial))
                if rng.random() < 0.5:
                    control(daemon, "reload", "wait")
                else:
                    time.sleep(rng.random() * 0.15)
            os.killpg(daemon.process.pid, signal.SIGKILL)
            daemon.process.wait()
            if rng.random() < 0.5:  # and the text changes while nobody looks
                serial += 1
                space.write("zone", zone_text(serial))
            daemon.launch()
            daemon.wait()
            assert serial_of(daemon) == serial
            zone = versioned(zone_text(serial - 1))
            ixfr(daemon, zone, serial - 1)
            assert zone == expected(zone_text(serial))
        spans = control(daemon, "zone", "example.org")["history"]
        assert spans["to"] == serial, spans
        steps = os.listdir(state)
        assert any(name.endswith(".journal") for name in steps), steps


def test_no_room_for_the_journal():
    """A state directory that cannot be written keeps nobody from being served, and IXFR goes on as AXFR."""
    with harness.Workspace() as space:
        daemon = serve(space, arguments=["-state", "/proc/nowhere"])
        publish(space, daemon, 2)
        assert serial_of(daemon) == 2
        zone = versioned(zone_text(1))
        ixfr(daemon, zone, 1)
        assert zone == expected(zone_text(2))


# ---- the control socket ----

def test_zone_says_why():
    with harness.Workspace() as space:
        daemon = serve(space)
        answer = control(daemon, "zone", "example.org")
        assert answer["current"] and answer["zones"][0]["serial"] == 1, answer
        space.write("zone", zone_text(2) + "broken A 300.0.0.1\n")
        answer = control(daemon, "reload", "wait", fine=False)
        assert answer["failed"] == 1 and "300.0.0.1" in answer["zones"][0]["error"], answer
        answer = control(daemon, "zone", "example.org")
        assert not answer["current"] and "300.0.0.1" in answer["why"], answer
        publish(space, daemon, 3)
        answer = control(daemon, "zone", "example.org")
        assert answer["current"] and answer["history"]["from"] == 1 and answer["history"]["to"] == 3, answer


def test_freeze_and_thaw():
    with harness.Workspace() as space:
        daemon = serve(space)
        control(daemon, "freeze", "example.org")
        space.write("zone", zone_text(2))
        answer = control(daemon, "reload", "wait")
        assert answer["zones"][0]["serial"] == 1 and answer["zones"][0]["frozen"], answer
        assert control(daemon, "refresh", "example.org", fine=False)["error"] == "the zone is frozen"
        assert control(daemon, "thaw", "example.org")["zones"][0]["serial"] == 2


def test_edit_by_hand():
    with harness.Workspace() as space:
        daemon = serve(space)
        zone = versioned(zone_text(1))

        def edit(*words, fine=True):
            return control(daemon, "edit", "example.org", *words, fine=fine)

        assert "begin" in edit("add", "x A 192.0.2.1", fine=False)["error"]
        edit("begin")
        assert "already" in edit("begin", fine=False)["error"]
        edit("add", "new 60 A 192.0.2.77")
        edit("add", "new TXT \"two words\"")
        edit("set", "mail", "A", "192.0.2.78")
        edit("del", "www")
        edit("del", "mail AAAA 2001:db8::3")
        assert "already" in edit("add", "new A 192.0.2.77", fine=False)["error"]
        assert "300" in edit("add", "bad A 300.1.1.1", fine=False)["error"]
        assert "nothing" in edit("del", "nosuch", fine=False)["error"]
        diff = edit("diff")
        assert "mail.example.org. 3600 IN A 192.0.2.3" in diff["removed"], diff
        assert "new.example.org. 60 IN A 192.0.2.77" in diff["added"], diff
        assert daemon.ask("new.example.org.", "A").rcode == 3
        assert edit("commit") == {"serial": 2, "frozen": True, "ok": True}
        assert daemon.ask("new.example.org.", "A").answer and not daemon.ask("www.example.org.", "CNAME").answer
        ixfr(daemon, zone, 1)
        assert zone == axfr(daemon)
        edit("begin")
        edit("add", "never A 192.0.2.1")
        edit("abort")
        assert "begin" in edit("diff", fine=False)["error"]
        # The text is taken again when the zone is thawed, and its serial may be an older one.
        assert control(daemon, "thaw", "example.org")["zones"][0]["serial"] == 1


def test_edit_outlives_kill():
    """What was acknowledged is served after kill -9, whatever the text says, until the zone is thawed."""
    with harness.Workspace() as space:
        daemon = serve(space, arguments=["-state", space.directory("state")])

        def edit(*words, fine=True):
            return control(daemon, "edit", "example.org", *words, fine=fine)

        def restart():
            os.killpg(daemon.process.pid, signal.SIGKILL)
            daemon.process.wait()
            daemon.launch()
            daemon.wait()

        edit("begin")
        edit("add", "new 60 A 192.0.2.77")
        edit("commit")
        restart()
        assert serial_of(daemon) == 2 and daemon.ask("new.example.org.", "A").answer
        assert control(daemon, "zone", "example.org")["zones"][0]["frozen"]
        space.write("zone", zone_text(7))
        restart()
        assert serial_of(daemon) == 2
        edit("begin")
        edit("del", "new")
        edit("commit")
        restart()
        assert serial_of(daemon) == 3 and not daemon.ask("new.example.org.", "A").answer
        assert control(daemon, "rollback", "example.org", "2")["serial"] == 4
        restart()
        assert serial_of(daemon) == 4 and daemon.ask("new.example.org.", "A").answer
        assert control(daemon, "thaw", "example.org")["zones"][0]["serial"] == 7
        restart()
        assert serial_of(daemon) == 7 and not control(daemon, "zone", "example.org")["zones"][0]["frozen"]


def test_edit_that_cannot_last_is_refused():
    with harness.Workspace() as space:
        daemon = serve(space, arguments=["-state", "/proc/nowhere"])
        control(daemon, "edit", "example.org", "begin")
        control(daemon, "edit", "example.org", "add", "new 60 A 192.0.2.77")
        failed = control(daemon, "edit", "example.org", "commit", fine=False)
        assert "state directory" in failed["error"] and failed["kept"], failed
        assert serial_of(daemon) == 1
        assert not control(daemon, "zone", "example.org")["zones"][0]["frozen"]


def test_edit_waits_for_a_better_day():
    """What cannot be committed is kept: until the disk is there, or on top of what has come meanwhile."""
    with harness.Workspace() as space:
        state = space.write("state", "a file, no directory")
        daemon = serve(space, arguments=["-state", state])

        def edit(*words, fine=True):
            return control(daemon, "edit", "example.org", *words, fine=fine)

        edit("begin")
        edit("add", "new 60 A 192.0.2.77")
        assert edit("commit", fine=False)["kept"]
        assert "new.example.org. 60 IN A 192.0.2.77" in edit("diff")["added"]
        os.unlink(state)
        os.mkdir(state)
        assert edit("commit")["serial"] == 2 and daemon.ask("new.example.org.", "A").answer
        assert "begin" in edit("diff", fine=False)["error"]

        control(daemon, "thaw", "example.org")
        edit("begin")
        edit("add", "newer 60 A 192.0.2.78")
        publish(space, daemon, 5)
        failed = edit("commit", fine=False)
        assert "has changed" in failed["error"] and failed["kept"], failed
        assert edit("rebase")["serial"] == 5
        diff = edit("diff")
        assert len(diff["added"]) == 2 and "newer.example.org. 60 IN A 192.0.2.78" in diff["added"], diff
        assert edit("commit")["serial"] == 6 and daemon.ask("newer.example.org.", "A").answer


def test_frozen_zone_with_a_broken_text():
    """A frozen zone does not need its text to be served after a restart; when it is thawed, it is told."""
    with harness.Workspace() as space:
        daemon = serve(space, arguments=["-state", space.directory("state")])

        def restart():
            daemon.stop()
            daemon.launch()
            daemon.wait()

        control(daemon, "edit", "example.org", "begin")
        control(daemon, "edit", "example.org", "add", "new 60 A 192.0.2.77")
        control(daemon, "edit", "example.org", "commit")
        space.write("zone", "@ SOA this is no zone")
        restart()
        assert serial_of(daemon) == 2 and daemon.ask("new.example.org.", "A").answer
        os.unlink(os.path.join(space.path, "zone"))
        restart()
        assert serial_of(daemon) == 2
        space.write("zone", zone_text(7))
        assert control(daemon, "thaw", "example.org")["zones"][0]["serial"] == 7


def test_frozen_secondary():
    with harness.Workspace() as space:
        first = serve(space)
        second = server.start(space, f""".:{{port}} {{
  secondary example.org {{
    transfer from 127.0.0.1:{first.port}
    state {space.directory("state")}
  }}
}}
""")
        wait_for_serial(second, 1, first)
        control(second, "freeze", "example.org")
        os.killpg(second.process.pid, signal.SIGKILL)
        second.process.wait()
        second.launch()
        second.wait()
        publish(space, first, 2)
        assert "frozen" in control(second, "zone", "example.org")["why"]
        assert serial_of(second) == 1
        control(second, "thaw", "example.org")
        wait_for_serial(second, 2, first)


def test_rollback():
    with harness.Workspace() as space:
        daemon = serve(space)
        for serial in (2, 3, 4):
            publish(space, daemon, serial)
        answer = control(daemon, "rollback", "example.org", "2")
        assert answer["serial"] == 5 and answer["frozen"], answer
        assert axfr(daemon) == expected(zone_text(2).replace("hostmaster 2 ", "hostmaster 5 "))
        zone = versioned(zone_text(4))
        ixfr(daemon, zone, 4)
        assert zone == axfr(daemon)
        assert "no such serial" in control(daemon, "rollback", "example.org", "77", fine=False)["error"]
