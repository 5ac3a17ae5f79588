"""What the sign plugin signs: zones of auto and secondary, large ones through many changes, and what is left of it all when
the server is killed."""

import os
import random
import signal
import subprocess
import sys

import dns.message
import dns.query
import dns.update

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from sign_test import ZONE, ask, await_that, checked, control, keygen, reload, serial, serve, signed, transferred, write_zone


def test_zones_that_auto_finds():
    with harness.Workspace() as space:
        space.directory("zones")
        space.directory("keys")
        write_zone(space, name="zones/db.example.org")
        keygen(space)
        daemon = serve(space, zone="auto {{\n directory {path}/zones\n reload 1s\n }}")
        await_that("a signed zone", lambda: signed(daemon), 20)
        transferred(daemon, space)
        write_zone(space, 2, "192.0.2.81", name="zones/db.example.org")
        await_that("the change", lambda: serial(daemon) == 2, 20)
        assert checked(daemon)[0] <= 4
        transferred(daemon, space)


def test_what_a_secondary_receives():
    """A signer between an unsigned primary and the world: each IXFR in is a few signatures, and an IXFR out."""
    with harness.Workspace() as space:
        write_zone(space, more="".join("n%d A 192.0.2.9\n" % i for i in range(300)))
        keygen(space)
        primary = server.start(space, f"example.org:{{port}} {{\n file {space.path}/zone\n transfer {{\n  to *\n }}\n"
                               " update {\n  allow net 127.0.0.1\n }\n}\n")
        space.directory("secondary")
        daemon = serve(space, zone="secondary {{\n transfer from 127.0.0.1:%d\n state {path}/secondary\n }}" % primary.port)
        await_that("a signed zone", lambda: signed(daemon), 20)
        transferred(daemon, space)
        assert checked(daemon)[0] > 600
        update = dns.update.UpdateMessage("example.org")
        update.add("dynamic", 300, "A", "192.0.2.77")
        assert dns.query.tcp(update, "127.0.0.1", port=primary.port, timeout=5).rcode() == dns.rcode.NOERROR
        notify = dns.message.make_query("example.org", "SOA")
        notify.set_opcode(dns.opcode.NOTIFY)
        dns.query.udp(notify, "127.0.0.1", port=daemon.port, timeout=5)
        await_that("the new record", lambda: len(ask(daemon, "dynamic.example.org.", "A").answer) == 2, 20)
        assert checked(daemon)[0] <= 6
        transferred(daemon, space)


def proven(daemon, space):
    """As `transferred` has it, without the time that python takes for thousands of names."""
    path = os.path.join(space.path, "proven")
    with open(path, "wb") as out:
        subprocess.run([harness.need_ours("zonetool"), "xfr", "-q", "-p", str(daemon.port), "example.org", "@127.0.0.1"], stdout=out,
                       check=True, timeout=30)
    judges = [[harness.need_ours("signer"), "verify", "-q", "-o", "example.org", path]]
    if harness.program("kzonecheck"):
        judges.append([harness.program("kzonecheck"), "-o", "example.org", path])
    for judge in judges:
        done = subprocess.run(judge, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (judge, done.stdout, done.stderr)


def change(chance, names):
    """Names come, go and change, also delegations and names below others: each has another effect on the chain."""
    for _ in range(chance.randrange(1, 12)):
        name = "%s%d" % (chance.choice("abmz"), chance.randrange(400))
        if name in names and chance.random() < 0.5:
            del names[name]
            continue
        names[name] = chance.choice(("%s A 192.0.2.%d\n" % (name, chance.randrange(1, 250)), "%s NS ns.%s\nns.%s A 192.0.2.3\n" % (
            name, name, name), "x.y.%s TXT deep\n" % name, "*.%s A 192.0.2.4\n" % name, "%s DNAME example.net.\n" % name))


def test_many_changes_of_a_large_zone():
    """After each the whole chain holds; and it is never made anew."""
    for denial in ("nsec", "nsec3-opt-out"):
        with harness.Workspace() as space:
            chance, names = random.Random(7), {}
            fixed = "".join("n%d A 192.0.2.9\nd%d NS ns.elsewhere.example.\n" % (i, i) for i in range(600))
            keygen(space)
            write_zone(space, more=fixed)
            daemon = serve(space, "denial " + denial)
            await_that("a signed zone", lambda: signed(daemon), 30)
            for number in range(2, 6):
                change(chance, names)
                write_zone(space, number, "192.0.2.%d" % number, fixed + "".join(names.values()))
                told = reload(daemon)
                assert told["ok"], told
                assert serial(daemon) == number and checked(daemon)[0] < 300, (number, checked(daemon))
                proven(daemon, space)


def test_killed_at_any_moment():
    """What was served goes on after kill -9, with its signatures and a serial that never goes back."""
    with harness.Workspace() as space:
        keygen(space)
        write_zone(space)
        chance, highest = random.Random(3), 1
        daemon = serve(space)
        await_that("a signed zone", lambda: signed(daemon), 20)
        for number in range(2, 9):
            write_zone(space, number, "192.0.2.%d" % number)
            daemon.process.send_signal(signal.SIGUSR1)
            if chance.random() < 0.5:
                await_that("the change", lambda: serial(daemon) == number, 20)
                highest = number
            daemon.kill()
            daemon = serve(space)
            await_that("an answer", lambda: signed(daemon), 20)
            assert serial(daemon) >= highest
            await_that("the change", lambda: serial(daemon) == number, 20)
            highest = number
            transferred(daemon, space)
