"""The plugin secondary: what it takes from primaries that tell the truth and from those that lie, over restarts
and crashes; NOTIFY, expiry, limits. The other makes of primaries are in secondary_peers_test.py."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rrset
import dns.tsig

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from primary import Primary

ZONE = "example.org."
RECORDS = ["@ 300 IN NS ns", "ns 300 IN A 192.0.2.53"] + [f"a{n} 300 IN A 192.0.2.{n}" for n in range(1, 6)]
SECRET = "c2VjcmV0IG9mIDMyIG9jdGV0cyBhdCBsZWFzdCEhISE="
DAY = (86400, 86400, 864000)


def corefile(primaries, state, more="", zones=ZONE, before=""):
    ports = " ".join(f"127.0.0.1:{port}" for port in primaries)
    return "%s%s:{port} {\n secondary {\n  transfer from %s\n  state %s\n  timeout 500ms\n  %s\n }\n}\n" % (
        before, zones, ports, state, more)


def eventually(what, deadline=40.0, pause=0.01, tell=""):
    limit = time.monotonic() + deadline
    while time.monotonic() < limit:
        value = what()
        if value:
            return value
        time.sleep(pause)
    raise harness.Failure(f"it did not come: {tell() if callable(tell) else tell or what.__name__}")


def serial(daemon, zone=ZONE):
    """Of the SOA that is served; None when the answer is SERVFAIL."""
    answer = dns.query.udp(dns.message.make_query(zone, "SOA"), "127.0.0.1", port=daemon.port, timeout=5)
    return answer.answer[0][0].serial if answer.rcode() == 0 and answer.answer else None


def await_serial(daemon, wanted, zone=ZONE, deadline=40.0):
    limit = time.monotonic() + deadline
    while time.monotonic() < limit:
        if serial(daemon, zone) == wanted:
            return
        time.sleep(0.005)
    raise harness.Failure(f"serial {wanted} was not served, but {serial(daemon, zone)}:\n{daemon.tail()}")


def address(daemon, name):
    answer = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", port=daemon.port, timeout=5)
    return [rr.address for rr in answer.answer[0]] if answer.answer else []


def notify(daemon, zone=ZONE, told=None, key=None):
    message = dns.message.make_query(zone, "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    message.flags = dns.flags.AA | (message.flags & 0x7800)
    if told is not None:
        message.answer.append(dns.rrset.from_text(zone, 300, "IN", "SOA", f"ns. h. {told} 1 1 1 1"))
    if key is not None:
        message.use_tsig({key.name: key}, keyname=key.name, algorithm=key.algorithm)
    return dns.query.udp(message, "127.0.0.1", port=daemon.port, timeout=5).rcode()


def zone_status(daemon, zone=ZONE):
    """What `bailiwickctl zones` tells of it."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(os.path.join(daemon.directory, "control"))
        sock.sendall(b"zones\n")
        data = b""
        while not data.endswith(b"\n"):
            data += sock.recv(65536)
    return next(row for row in json.loads(data)["zones"] if row["zone"] == zone)


def fault(daemon):
    return zone_status(daemon).get("error") or ""


def test_transfers_and_follows_by_notify():
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:
        daemon = server.start(space, corefile([primary.port], space.directory("state")))
        await_serial(daemon, 1)
        assert address(daemon, "a3.example.org.") == ["192.0.2.3"]
        assert primary.asked["AXFR"] == 1
        primary.update(2, ["a3 300 IN A 192.0.2.3"], ["a9 300 IN A 192.0.2.9"])
        assert notify(daemon, told=2) == 0
        await_serial(daemon, 2)
        assert primary.asked["IXFR"] == 1 and primary.asked["AXFR"] == 1, primary.asked
        assert address(daemon, "a9.example.org.") == ["192.0.2.9"] and not address(daemon, "a3.example.org.")
        # several steps at once
        primary.update(3, ["a9 300 IN A 192.0.2.9"], ["b1 300 IN A 192.0.2.21"])
        primary.update(4, ["b1 300 IN A 192.0.2.21"], ["b2 300 IN A 192.0.2.22"])
        assert notify(daemon) == 0
        await_serial(daemon, 4)
        assert address(daemon, "b2.example.org.") == ["192.0.2.22"] and not address(daemon, "b1.example.org.")
        assert primary.asked["AXFR"] == 1
        # an old serial is no news
        asked = dict(primary.asked)
        assert notify(daemon, told=4) == 0 and notify(daemon, told=1) == 0
        time.sleep(0.1)
        assert primary.asked == asked


def test_who_may_notify():
    known = dns.tsig.Key("n.key", SECRET, "hmac-sha256")
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:
        before = "other.org:{port} {\n whoami\n tsig {\n  secret n.key %s\n  secret x.key %s\n }\n}\n" % (SECRET, SECRET)
        daemon = server.start(space, corefile([primary.port], space.directory("state"), "notify key n.key", before=before))
        await_serial(daemon, 1)
        assert notify(daemon) == dns.rcode.REFUSED
        assert notify(daemon, key=dns.tsig.Key("x.key", SECRET, "hmac-sha256")) == dns.rcode.REFUSED
        primary.update(2)
        assert notify(daemon, key=known) == 0
        await_serial(daemon, 2)
        assert notify(daemon, "other.org.") == dns.rcode.REFUSED
        assert notify(daemon, "a1.example.org.") == dns.rcode.REFUSED


def test_refresh_without_notify():
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, (1, 1, 1000)) as primary:
        daemon = server.start(space, corefile([primary.port], space.directory("state")))
        await_serial(daemon, 1)
        primary.update(2, [], ["c 300 IN A 192.0.2.31"])
        await_serial(daemon, 2)
        assert primary.asked["SOA"] >= 1 and primary.asked["IXFR"] == 1


LIES = {
    "wrong-id": "does not belong", "wrong-question": "does not belong", "cut": "closed within a message",
    "soa-mismatch": "SOA at the end", "out-of-zone": "not in the zone", "wrong-class": "class IN",
    "no-soa": "does not begin", "stall": "not in time", "stall-after": "not in time", "refuse": "REFUSED",
    "cname-and-other": "cannot be served",
}


def test_lies_are_not_served():
    """The last good version goes on, the status says why, and the next true answer is taken."""
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:
        daemon = server.start(space, corefile([primary.port], space.directory("state"), "ixfr off"))
        await_serial(daemon, 1)
        for number, (mode, said) in enumerate(LIES.items(), 2):
            primary.mode = mode
            primary.update(number, [], [f"m{number} 300 IN A 192.0.2.{number}"])
            assert notify(daemon) == 0
            eventually(lambda: said in fault(daemon), 4, tell=f"{mode}: {said}")
            assert serial(daemon) == number - 1, (mode, serial(daemon))
            primary.mode = "good"
            notify(daemon)
            await_serial(daemon, number)
            eventually(lambda: not fault(daemon), 4, tell=f"no error after {mode}")


def test_unsigned_transfer_is_not_served():
    known = dns.tsig.Key("n.key.", SECRET, "hmac-sha512")
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY, key=known) as primary:
        text = corefile([primary.port], space.directory("state"), "key n.key")
        text += "other.org:{port} {\n whoami\n tsig {\n  secret n.key %s hmac-sha512\n }\n}\n" % SECRET
        daemon = server.start(space, text)
        await_serial(daemon, 1)
        primary.update(2, [], ["c 300 IN A 192.0.2.31"])
        primary.mode = "unsigned"
        notify(daemon)
        eventually(lambda: "TSIG" in fault(daemon), 4)
        assert serial(daemon) == 1
        primary.mode = "good"
        notify(daemon)
        await_serial(daemon, 2)


def test_zonemd_and_dnssec():
    """A digest that is not the zone's; a zone that should be signed and is not."""
    wrong = "@ 300 IN ZONEMD 2 1 1 " + "00" * 48
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:
        daemon = server.start(space, corefile([primary.port], space.directory("state")))
        await_serial(daemon, 1)
        primary.update(2, [], [wrong])
        notify(daemon)
        eventually(lambda: "ZONEMD" in fault(daemon), 4)
        assert serial(daemon) == 1
        primary.update(3, [wrong], [])
        notify(daemon)
        await_serial(daemon, 3)
        daemon.reload(corefile([primary.port], space.directory("state"), "dnssec on"))
        primary.update(4, [], ["n 300 IN A 192.0.2.95"])
        notify(daemon)
        eventually(lambda: "not signed" in fault(daemon), 4)
        assert serial(daemon) == 3


def test_endless_transfer_ends():
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:
        daemon = server.start(space, corefile([primary.port], space.directory("state"), "max_size 200k"))
        await_serial(daemon, 1)
        primary.steps = []
        primary.serial = 2
        primary.mode = "endless"
        notify(daemon)
        eventually(lambda: "204800 octets" in fault(daemon), 5)
        assert serial(daemon) == 1


def test_bad_ixfr_becomes_axfr():
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:
        daemon = server.start(space, corefile([primary.port], space.directory("state")))
        await_serial(daemon, 1)
        for number, mode in ((2, "bad-ixfr"), (3, "notimp-ixfr")):
            primary.mode = mode
            primary.update(number, [f"a{number} 300 IN A 192.0.2.{number}"], [f"d{number} 300 IN A 192.0.2.41"])
            notify(daemon)
            await_serial(daemon, number)
            assert address(daemon, f"d{number}.example.org.") == ["192.0.2.41"]
            assert primary.asked["AXFR"] == number and primary.asked["IXFR"] == number - 1


def test_several_primaries():
    """One that is silent and one that is behind are passed over."""
    with harness.Workspace() as space, Primary(ZONE, 5, RECORDS, (1, 1, 1000)) as good, \
            Primary(ZONE, 3, RECORDS, DAY) as behind, Primary(ZONE, 9, RECORDS, DAY, mode="silent") as silent:
        daemon = server.start(space, corefile([silent.port, good.port, behind.port], space.directory("state")))
        await_serial(daemon, 5)
        good.update(6, [], ["e 300 IN A 192.0.2.51"])
        await_serial(daemon, 6)


def test_restart_serves_at_once_and_goes_on_by_ixfr():
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:
        text = corefile([primary.port], space.directory("state"))
        daemon = server.start(space, text)
        await_serial(daemon, 1)
        primary.update(2, [], ["f 300 IN A 192.0.2.61"])
        notify(daemon)
        await_serial(daemon, 2)
        daemon.kill()
        space.servers.remove(daemon)
        primary.mode = "silent"
        daemon = server.start(space, text)
        assert serial(daemon) == 2 and address(daemon, "f.example.org.") == ["192.0.2.61"]
        primary.mode = "good"
        daemon.stop()
        space.servers.remove(daemon)
        primary.update(3, ["f 300 IN A 192.0.2.61"], ["g 300 IN A 192.0.2.62"])
        daemon = server.start(space, text)
        await_serial(daemon, 3)
        assert primary.asked["AXFR"] == 1 and address(daemon, "g.example.org.") == ["192.0.2.62"]


def kept(space, zone=ZONE, state="state"):
    """Is there an image? The very first version is served while its own is written (plugins/zones.h)."""
    return any(file.startswith(zone.rstrip(".") + "-") and file.endswith(".image") for file in os.listdir(f"{space.path}/{state}"))


def test_killed_during_transfers():
    """Whatever moment kill -9 comes at: what is served afterwards is a version that was, not older than what was
    served before, and whole."""
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:
        text = corefile([primary.port], space.directory("state"))
        for round_number in range(12):
            daemon = server.start(space, text)
            await_serial(daemon, primary.serial)
            eventually(lambda: kept(space), tell="an image")
            seen = primary.serial
            for step in range(3):
                now = primary.serial + 1
                primary.update(now, [f"v 300 IN A 10.0.0.{now - 1}"] if now > 2 else [], [f"v 300 IN A 10.0.0.{now}"])
                notify(daemon)
                if step == 1:
                    time.sleep(0.0007 * round_number)
                    seen = serial(daemon)
            daemon.kill()
            space.servers.remove(daemon)
            primary.mode = "silent"
            daemon = server.start(space, text)
            served = serial(daemon)
            assert served is not None and seen <= served <= primary.serial, (seen, served, primary.serial)
            assert served == 1 or address(daemon, "v.example.org.") == [f"10.0.0.{served}"]
            primary.mode = "good"
            daemon.kill()
            space.servers.remove(daemon)


def test_expiry_and_return():
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, (1, 1, 3)) as primary:
        text = corefile([primary.port], space.directory("state"))
        daemon = server.start(space, text)
        await_serial(daemon, 1)
        primary.mode = "refuse"
        limit = time.monotonic() + 30
        while serial(daemon) == 1 and time.monotonic() < limit:
            time.sleep(0.05)
        answer = dns.query.udp(dns.message.make_query(ZONE, "SOA", use_edns=True), "127.0.0.1", port=daemon.port, timeout=5)
        assert answer.rcode() == dns.rcode.SERVFAIL
        assert any("expired" in option.to_text() for option in answer.options), answer
        assert zone_status(daemon)["state"] == "expired"
        # a restart does not bring it back,
        daemon.stop()
        space.servers.remove(daemon)
        daemon = server.start(space, text)
        assert serial(daemon) is None
        # the primary does, without a transfer
        asked = primary.asked["AXFR"]
        eventually(lambda: primary.asked["AXFR"] > asked)  # between two rounds: one that has begun may end in AXFR
        time.sleep(0.1)
        asked = primary.asked["AXFR"]
        primary.mode = "good"
        await_serial(daemon, 1)
        assert primary.asked["AXFR"] == asked
        primary.update(2, [], ["h 300 IN A 192.0.2.71"])
        await_serial(daemon, 2)


def test_a_dead_primary_starves_nobody():
    """Many zones of a primary that takes connections and says nothing, and one of another."""
    names = [f"z{n}.test." for n in range(300)]
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary, \
            Primary("test.", 1, RECORDS, DAY, mode="stall") as dead:
        state = space.directory("state")
        text = corefile([dead.port], state, zones=" ".join(name + ":{port}" for name in names)[:-len(":{port}")])
        daemon = server.start(space, text + corefile([primary.port], state))
        await_serial(daemon, 1, deadline=20)
        for number in range(2, 6):
            primary.update(number, [], [f"k{number} 300 IN A 192.0.2.81"])
            notify(daemon)
            await_serial(daemon, number, deadline=20)
        assert len(os.listdir(f"/proc/{daemon.process.pid}/task")) < 24


def test_reload_keeps_the_zone():
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:
        state = space.directory("state")
        daemon = server.start(space, corefile([primary.port], state))
        await_serial(daemon, 1)
        daemon.reload(corefile([primary.port], state, "max_size 1m"))
        assert serial(daemon) == 1 and primary.asked["AXFR"] == 1
        primary.update(2, [], ["l 300 IN A 192.0.2.91"])
        notify(daemon)
        await_serial(daemon, 2)
        # gone, and back: from the disk
        daemon.reload("other.org:{port} {\n whoami\n}\n")
        daemon.reload(corefile([primary.port], state))
        await_serial(daemon, 2)
        assert primary.asked["AXFR"] == 1


def test_what_is_refused_at_the_start():
    cases = (("", "no primary"), ("transfer from", "transfer from ADDRESS"), ("transfer from ns1.example", "not the address"),
             ("transfer from 192.0.2.1 key none.", "no TSIG key"), ("transfer from 192.0.2.1\n notify from x", "no network"),
             ("transfer from 192.0.2.1\n source x", "is no address"), ("transfer from 192.0.2.1\n max_time 0", "max_time"))
    with harness.Workspace() as space:
        for lines, wanted in cases:
            conf = space.write("Corefile", "example.org:5300 {\n secondary {\n %s\n }\n}\n" % lines)
            done = subprocess.run([harness.need_ours(), "-conf", conf, "-check"], capture_output=True, text=True, timeout=30)
            assert done.returncode != 0 and wanted in done.stdout + done.stderr, (lines, done.stdout, done.stderr)
        one = "%sexample.org:5300 {\n secondary {\n transfer from 192.0.2.%d\n state %s\n }\n}\n"
        for state, told in (("/tmp", True), ("/var/tmp", False)):
            text = one % ("", 1, "/tmp") + (one % ("", 2, state)).replace(":5300", ":5301")
            conf = space.write("Corefile", text)
            done = subprocess.run([harness.need_ours(), "-conf", conf, "-check"], capture_output=True, text=True, timeout=30)
            assert ("both serve one copy" in done.stdout + done.stderr) == told, done.stdout + done.stderr
        conf = space.write("Corefile", "example.org:5300 {\n secondary {\n transfer from 192.0.2.1\n transfer to *\n }\n}\n")
        done = subprocess.run([harness.need_ours(), "-conf", conf, "-check"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
