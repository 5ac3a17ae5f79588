"""How zones spread: over TLS (RFC 9103), strictly, opportunistically, with certificates of both sides; from a primary
by a secondary to another; and what is left of that after kill -9 and on a full disk.

BAILIWICK_ROUNDS: how often each of the crash tests kills (12 when it is not set)."""

import os
import random
import signal
import ssl
import struct
import subprocess
import sys
import time

import dns.edns
import dns.message
import dns.query
import dns.rrset

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from primary import Primary
from secondary_peers_test import at_port, transfers
from secondary_test import DAY, RECORDS, ZONE, address, await_serial, corefile, eventually, fault, kept, notify, serial
from tls_test import certificate

ROUNDS = int(os.environ.get("BAILIWICK_ROUNDS", "12"))


def zone_text(number, hosts=30, expire=864000):
    rows = "".join(f"a{n} A 192.0.2.{n}\n" for n in range(1, hosts) if n != number)
    return f"$TTL 300\n@ SOA ns h {number} 1 1 {expire} 300\n@ NS ns\nns A 192.0.2.53\nv A 10.0.{number >> 8}.{number & 255}\n{rows}"


def address_of(number):
    return [f"10.0.{number >> 8}.{number & 255}"]


# ---- TLS ----

def tls_primary(space, targets, more="", before=""):
    """A bailiwickd with the zone behind tls:// at .tls_port; what it tells goes to TARGETS, which ask over TLS."""
    port = harness.free_port()
    zone = space.write("zone", zone_text(1))
    to = "".join(f"  to 127.0.0.1:{target}\n" for target in targets)
    text = (f"tls://{ZONE}:{port} {{\n tls {space.path}/server.crt {space.path}/server.key {before}\n"
            f" file {zone} {{\n  reload 50ms\n }}\n transfer {{\n  to *\n{to} }}\n{more}\n}}\nother.test:{{port}} {{\n whoami\n}}\n")
    daemon = server.start(space, text)
    daemon.tls_port = port
    return daemon


def tls_corefile(port, state, more):
    return corefile([], state, more).replace("transfer from", f"transfer from tls://127.0.0.1:{port}")


def change(space, number):
    space.write("zone", zone_text(number))


def test_over_tls():
    """Strict, by authority and name; opportunistic; both follow by NOTIFY and IXFR."""
    with harness.Workspace() as space:
        certificate(space, "server")
        ports = [harness.free_port(), harness.free_port()]
        primary = tls_primary(space, ports)
        strict = f"tls {space.path}/server.crt\n  tls_servername ns.example.org"
        daemons = [server.start(space, tls_corefile(primary.tls_port, space.directory(f"state{n}"), more), make=at_port(port))
                   for n, (port, more) in enumerate(zip(ports, (strict, "")))]
        for daemon in daemons:
            await_serial(daemon, 1)
        for number in (2, 3):
            change(space, number)
            for daemon in daemons:
                await_serial(daemon, number)
                assert address(daemon, "v." + ZONE) == address_of(number)
        for daemon in daemons:
            assert transfers(daemon) == ["AXFR", "IXFR", "IXFR"], daemon.log()


def test_tls_of_somebody_else():
    """A certificate of another name, or of an authority that we do not know: the last version stays."""
    with harness.Workspace() as space:
        certificate(space, "server")
        certificate(space, "stranger")
        primary = tls_primary(space, [])
        for more, said in ((f"tls {space.path}/server.crt\n  tls_servername www.example.org", "mismatch"),
                           (f"tls {space.path}/stranger.crt\n  tls_servername ns.example.org", "certificate")):
            daemon = server.start(space, tls_corefile(primary.tls_port, space.directory(f"state-{said}"), more))
            daemon.wait_for_log("transfer from")
            eventually(lambda: said in fault(daemon).lower(), tell=said)
            assert serial(daemon) is None


def test_tls_of_both_sides():
    """The primary gives the zone only to who has a certificate of its authority; a renewed one is taken up."""
    with harness.Workspace() as space:
        for name, signer in (("authority", None), ("server", "authority"), ("client", "authority"), ("stranger", None)):
            certificate(space, name, signer=signer)
        port = harness.free_port()
        primary = tls_primary(space, [port], before=f"{space.path}/authority.crt {{\n  client_auth require_and_verify\n }}")
        lines = "tls {0}/%s.crt {0}/%s.key {0}/authority.crt\n  tls_servername ns.example.org".format(space.path)
        other = server.start(space, tls_corefile(primary.tls_port, space.directory("other"), lines % ("stranger", "stranger")))
        daemon = server.start(space, tls_corefile(primary.tls_port, space.directory("state"), lines % ("client", "client")),
                              make=at_port(port))
        await_serial(daemon, 1)
        other.wait_for_log("transfer from")
        assert serial(other) is None
        certificate(space, "client", signer="authority")
        change(space, 2)
        await_serial(daemon, 2)
        # what it has turns worthless in its hands: another authority signs, and the primary wants that one
        certificate(space, "authority")
        for name in ("server", "client"):
            certificate(space, name, signer="authority")
        primary.reload()
        change(space, 3)
        await_serial(daemon, 3, deadline=40)


def bind(space, name, text):
    class Named(harness.Bind):
        def command(self):
            conf = harness.write_file(self.directory, "named.conf", text(self.port, self.directory))
            return [harness.program("named"), "-f", "-4", "-n", "1", "-c", conf]
    if not harness.Bind.is_available():
        raise harness.Skip("named is not installed")
    harness.SERVERS[name] = Named
    return space.start(name, {ZONE: "zone"}, wait=False)


OPTIONS = ("options {{ directory \"{1}\"; listen-on port {0} {{ 127.0.0.1; }}; {2} listen-on-v6 {{ none; }}; pid-file none;\n"
           " session-keyfile none; recursion no; dnssec-validation no; empty-zones-enable no; notify-delay 0; }};\ncontrols {{ }};\n")


def test_tls_from_bind():
    with harness.Workspace() as space:
        certificate(space, "server")
        zone, port = space.write("zone", zone_text(1)), harness.free_port()
        bind(space, "bind-tls", lambda plain, where: (
            f'tls here {{ cert-file "{space.path}/server.crt"; key-file "{space.path}/server.key"; }};\n' +
            OPTIONS.format(plain, where, f"listen-on port {port} tls here {{ 127.0.0.1; }};") +
            f'zone "{ZONE}" {{ type primary; file "{zone}"; allow-transfer port {port} transport tls {{ 127.0.0.1; }}; }};\n'))
        more = f"tls {space.path}/server.crt\n  tls_servername ns.example.org"
        daemon = server.start(space, tls_corefile(port, space.directory("state"), more))
        await_serial(daemon, 1)
        assert address(daemon, "v." + ZONE) == address_of(1)


def test_tls_to_bind():
    with harness.Workspace() as space:
        certificate(space, "server")
        primary = tls_primary(space, [], more="")
        named = bind(space, "bind-tls", lambda plain, where: (
            f'tls there {{ ca-file "{space.path}/server.crt"; remote-hostname "ns.example.org"; }};\n' +
            OPTIONS.format(plain, where, "") +
            f'zone "{ZONE}" {{ type secondary; primaries {{ 127.0.0.1 port {primary.tls_port} tls there; }};\n'
            f' masterfile-format text; file "copy"; }};\n'))
        eventually(lambda: "AXFR to" in primary.log() or named.process.poll() is not None, 15, tell="a transfer")
        eventually(lambda: address(named, "v." + ZONE) == address_of(1), 15, tell="the zone at named")


# ---- from hand to hand ----

def relay(space, primary, ports, timers=""):
    """Two secondaries, the second behind the first."""
    states = [space.directory("first"), space.directory("second")]
    first = (f"{ZONE}:{{port}} {{\n secondary {{\n  transfer from 127.0.0.1:{primary}\n  state {states[0]}\n  timeout 500ms\n }}\n"
             f" transfer {{\n  to 127.0.0.1:{ports[1]}\n }}\n zoneversion\n}}\n")
    second = corefile([ports[0]], states[1], timers).replace("\n }\n}", "\n }\n zoneversion\n}")
    return [server.start(space, text, make=at_port(port)) for text, port in zip((first, second), ports)]


def test_from_hand_to_hand():
    """What is told to the first reaches the second by NOTIFY and IXFR, in a moment, also over a crash of the first."""
    with harness.Workspace() as space:
        ports = [harness.free_port(), harness.free_port()]
        zone = space.write("zone", zone_text(1).replace("1 1 864000", "3600 600 864000"))
        primary = server.start(space, f"{ZONE}:{{port}} {{\n file {zone} {{\n  reload 50ms\n }}\n transfer {{\n"
                               f"  to 127.0.0.1:{ports[0]}\n }}\n}}\n")
        first, second = relay(space, primary.port, ports)
        await_serial(second, 1)
        for number in (2, 3, 4):
            space.write("zone", zone_text(number).replace("1 1 864000", "3600 600 864000"))
            await_serial(second, number)
            assert address(second, "v." + ZONE) == address_of(number)
            if number == 3:
                os.killpg(first.process.pid, signal.SIGKILL)
                first.process.wait()
                first.launch()
                first.wait()
                assert serial(first) == 3
        assert transfers(second) == ["AXFR"] + ["IXFR"] * 3, second.log()


def expire_left(daemon):
    query = dns.message.make_query(ZONE, "SOA", use_edns=True, options=[dns.edns.GenericOption(9, b"")])
    answer = dns.query.udp(query, "127.0.0.1", port=daemon.port, timeout=5)
    found = [option for option in answer.options if option.otype == 9]
    return struct.unpack("!I", found[0].to_wire())[0] if found else None


def test_expire_is_handed_on():
    """RFC 7314: behind a secondary whose primary is gone, a zone does not live longer than there."""
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, (1, 1, 100)) as primary:
        ports = [harness.free_port(), harness.free_port()]
        first, second = relay(space, primary.port, ports)
        await_serial(second, 1)
        assert 90 <= expire_left(first) <= 100 and 90 <= expire_left(second) <= 100
        primary.mode = "silent"
        time.sleep(4.2)  # more than two rounds of the second, that all confirm it
        left = [expire_left(daemon) for daemon in (first, second)]
        assert left[0] <= 98 and left[1] <= left[0] + 1, left


# ---- serials over a restart ----

def test_serial_never_goes_back():
    """`serial mtime`, and a text that is changed three times in a second: the server counts on, and a restart, or an
    older text while it was away, does not make it forget."""
    with harness.Workspace() as space:
        state = space.directory("state")
        text = f"{ZONE}:{{port}} {{\n file {space.path}/zone {{\n  serial mtime\n  reload 20ms\n  state {state}\n }}\n}}\n"
        stamp = int(time.time()) - 5

        def put(number):
            path = space.write("zone-next", zone_text(1).replace("v A 10.0.0.1", f"v A 10.0.0.{number}"))
            os.utime(path, (stamp, stamp))
            os.rename(path, os.path.join(space.path, "zone"))
        put(1)
        daemon = server.start(space, text)
        for number in (2, 3, 4):
            put(number)
            await_serial(daemon, stamp + number - 1)
        daemon.kill()
        daemon.launch()
        daemon.wait()
        assert serial(daemon) == stamp + 3 and address(daemon, "v." + ZONE) == ["10.0.0.4"]
        daemon.kill()
        put(2)
        daemon.launch()
        daemon.wait()
        assert serial(daemon) == stamp + 4 and address(daemon, "v." + ZONE) == ["10.0.0.2"]


# ---- crashes ----

def kill(daemon):
    os.killpg(daemon.process.pid, signal.SIGKILL)
    daemon.process.wait()


def test_secondary_killed_at_any_moment():
    """During transfers, journals, images, folds and reloads: afterwards it serves at once, a version that was, never
    older than what it had served, and whole."""
    rng = random.Random(int(os.environ.get("BAILIWICK_SEED", "1")))
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS + ["v 300 IN A 10.0.0.1"], DAY) as primary:
        primary.per_message = 500
        text = corefile([primary.port], space.directory("state"), "journal 60k\n  timeout 5s")
        daemon = server.start(space, text)
        await_serial(daemon, 1)
        eventually(lambda: kept(space), tell="an image")
        seen, names = 1, {}
        for _ in range(ROUNDS):
            for _ in range(rng.randrange(1, 5)):
                now = primary.serial + 1
                count = rng.choice((1, 20, 1500))  # 1500: a fold; with more than the journal holds, too
                removed = [f"v 300 IN A 10.0.{(now - 1) >> 8}.{(now - 1) & 255}"] + list(names.values())[:count]
                names = dict(list(names.items())[count:])
                added = {f"n{now}-{n}": f"n{now}-{n} 300 IN A 192.0.2.7" for n in range(count)}
                names.update(added)
                primary.update(now, removed, [f"v 300 IN A 10.0.{now >> 8}.{now & 255}"] + list(added.values()))
                notify(daemon, told=now)
                if rng.random() < 0.3:
                    daemon.process.send_signal(signal.SIGUSR1)
                time.sleep(rng.random() * rng.choice((0.002, 0.02, 0.1)))
                seen = serial(daemon)
            kill(daemon)
            primary.mode = "silent"
            daemon.launch()
            daemon.wait()
            served = serial(daemon)
            assert served is not None and seen <= served <= primary.serial, (seen, served, primary.serial, daemon.tail())
            assert address(daemon, "v." + ZONE) == address_of(served), served
            primary.mode = "good"
            daemon.process.send_signal(signal.SIGUSR1)
            notify(daemon)
            await_serial(daemon, primary.serial)


def test_full_disk():
    """Nowhere to keep it: it is served, with a warning; after a crash a version that was; and kept when there is room."""
    holder = subprocess.Popen(["unshare", "-Urm", "sh", "-c", "mount -t tmpfs -o size=400k none /mnt && echo up && exec sleep 60"],
                              stdout=subprocess.PIPE, text=True)
    try:
        if holder.stdout.readline() != "up\n":
            raise harness.Skip("no mount in a name space")
        inside = ["nsenter", "-t", str(holder.pid), "-U", "-m", "--preserve-credentials"]
        full_disk(inside)
    finally:
        holder.kill()
        holder.wait()


def full_disk(inside):
    class Inside(server.Daemon):
        def command(self):
            return inside + super().command()
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS + ["v 300 IN A 10.0.0.1"], DAY) as primary:
        primary.per_message = 500
        daemon = server.start(space, corefile([primary.port], "/mnt", "timeout 5s"), make=Inside)
        await_serial(daemon, 1)
        kept = 1
        for now in range(2, 12):
            primary.update(now, [f"v 300 IN A 10.0.0.{now - 1}"], [f"v 300 IN A 10.0.0.{now}"] +
                           [f"n{now}-{n} 300 IN TXT {'x' * 100}" for n in range(400)])
            notify(daemon)
            await_serial(daemon, now)
            kept = now if "cannot be" not in daemon.log() else kept
        assert "No space left" in daemon.log() and 1 < kept < 11, (kept, daemon.tail())
        kill(daemon)
        primary.mode = "silent"
        daemon.launch()
        daemon.wait()
        served = serial(daemon)
        assert served is not None and kept <= served <= 11, (kept, served)
        assert address(daemon, "v." + ZONE) == address_of(served)
        primary.mode = "good"
        subprocess.run(inside + ["mount", "-o", "remount,size=8m", "/mnt"], check=True)
        notify(daemon)
        await_serial(daemon, 11)
        kill(daemon)
        primary.mode = "silent"
        daemon.launch()
        daemon.wait()
        assert serial(daemon) == 11


# ---- IXFR by UDP ----

def test_ixfr_by_udp():
    """RFC 1995 2: a step that fits comes by UDP, signed or not; one that does not, by TCP."""
    with harness.Workspace() as space:
        ports = [harness.free_port(), harness.free_port()]
        zone, secret = space.write("zone", zone_text(1)), "secret k.test. c2VjcmV0IG9mIDMyIG9jdGV0cyBhdCBsZWFzdCEhISE="
        primary = server.start(space, f"{ZONE}:{{port}} {{\n tsig {{\n  {secret}\n }}\n file {zone} {{\n  reload 50ms\n }}\n"
                               f" transfer {{\n  to *\n  to 127.0.0.1:{ports[0]}\n  to 127.0.0.1:{ports[1]}\n }}\n}}\n")
        daemons = []
        for number, more in enumerate(("ixfr udp", "ixfr udp\n  key k.test.")):
            text = corefile([primary.port], space.directory(f"state{number}"), "")
            text = text.replace("transfer from", more + "\n  transfer from").replace("{\n secondary", f"{{\n tsig {{\n  {secret}\n }}\n secondary")
            daemons.append(server.start(space, text, make=at_port(ports[number])))
        for daemon in daemons:
            await_serial(daemon, 1)
        space.write("zone", zone_text(2))
        for daemon in daemons:
            await_serial(daemon, 2)
            assert "IXFR by UDP" in daemon.log(), daemon.log()
        before = zone_text(3)
        space.write("zone", before + "".join(f"many{n} A 192.0.2.{n}\n" for n in range(1, 200)))
        for daemon in daemons:
            await_serial(daemon, 3)
            assert daemon.log().count("IXFR by UDP") == 1 and address(daemon, "many77." + ZONE) == ["192.0.2.77"]
            assert transfers(daemon)[:2] == ["AXFR", "IXFR"], daemon.log()
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:  # which answers IXFR by UDP with its SOA
        daemon = server.start(space, corefile([primary.port], space.directory("state"), "ixfr udp"))
        await_serial(daemon, 1)
        primary.update(2, ["a3 300 IN A 192.0.2.3"], ["a9 300 IN A 192.0.2.9"])
        assert notify(daemon, told=2) == 0
        await_serial(daemon, 2)
        assert primary.asked["IXFR"] == 1 and primary.asked["AXFR"] == 1, primary.asked


# ---- to whom ----

def test_by_tls_only():
    """`to ... tls`: nobody has the zone in plain text, and with a name, nobody whose certificate is for another."""
    with harness.Workspace() as space:
        for name, signer, common in (("authority", None, "authority"), ("server", "authority", "ns.example.org"),
                                     ("good", "authority", "second.example.net"), ("other", "authority", "third.example.net"),
                                     ("stranger", None, "second.example.net")):
            certificate(space, name, common=common, signer=signer)
        primary = tls_primary(space, [], before=f"{space.path}/authority.crt {{\n  client_auth request\n }}")
        head, tail = primary.corefile.split("other.test")
        plain = head.replace(f"tls://{ZONE}:{primary.tls_port}", f"tls://{ZONE}:{primary.tls_port} {ZONE}:{{port}}")

        def allow(who):
            primary.reload(plain.replace("to *", who) + "other.test" + tail)

        def rcode(how=None, certified=None, rdtype="AXFR"):
            query = dns.message.make_query(ZONE, rdtype)
            if rdtype == "IXFR":
                query.authority.append(dns.rrset.from_text(ZONE, 0, "IN", "SOA", ". . 0 0 0 0 0"))
            if how is not None:
                return how(query, "127.0.0.1", port=primary.port, timeout=5).rcode()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if certified:
                context.load_cert_chain(f"{space.path}/{certified}.crt", f"{space.path}/{certified}.key")
            return dns.query.tls(query, "127.0.0.1", port=primary.tls_port, timeout=5, ssl_context=context).rcode()

        allow("to 127.0.0.0/8 tls")
        assert rcode(dns.query.tcp) == rcode(dns.query.tcp, rdtype="IXFR") == rcode(dns.query.udp, rdtype="IXFR") == 5
        assert rcode() == rcode(certified="stranger") == rcode(rdtype="IXFR") == 0
        allow("to * tls second.example.net.")
        assert rcode(dns.query.tcp) == rcode() == rcode(certified="other") == rcode(certified="stranger") == 5
        assert rcode(certified="good") == rcode(certified="good", rdtype="IXFR") == 0
        allow("to tls second.example.net key nowhere.test.")
        assert "there is no TSIG key" in primary.log()
        daemon = server.start(space, tls_corefile(primary.tls_port, space.directory("state"), (
            "tls {0}/good.crt {0}/good.key {0}/authority.crt\n  tls_servername ns.example.org").format(space.path)))
        await_serial(daemon, 1)


# ---- one directory, one server ----

def test_a_state_directory_has_one_server():
    """The second is refused and told whose it is; after kill -9 of the first it starts at once. So is a reload."""
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:
        state, free = space.directory("state"), space.directory("free")
        first = server.start(space, corefile([primary.port], state))
        await_serial(first, 1)
        text = corefile([primary.port], free)
        second = server.start(space, text)
        second.reload(text.replace(f"state {free}", f"state {state}"))
        told = f"the state directory {state} is in use by process {first.process.pid} (bailiwickd)"
        assert told in second.log() and "nothing was changed" in second.log(), second.log()
        await_serial(second, 1)
        second.stop()
        try:
            server.start(space, corefile([primary.port], os.path.join(state, ".")))
            raise AssertionError("it started")
        except harness.Failure as failure:
            assert "is in use by process" in str(failure), failure
        checked = subprocess.run([harness.need_ours("bailiwickd"), "-check", "-conf", first.conf], timeout=20, check=False)
        assert checked.returncode == 0  # which touches nothing
        primary.mode = "silent"
        kill(first)
        first.launch()
        first.wait()
        assert serial(first) == 1
