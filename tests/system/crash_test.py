"""kill -9 at random moments, of whoever takes part: a file and its secondary while both change and transfer, edits, auto,
a catalog and its consumer, a signed zone. Whoever starts again serves at once, whole, a version that was, never one
older than what it had served or acknowledged; and in the end all have the last one.

BAILIWICK_ROUNDS: how often each test kills (4 when it is not set). BAILIWICK_SEED: another course of things."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import dns.exception
import dns.message
import dns.query
import dns.zone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from secondary_peers_test import at_port
from secondary_test import eventually, kept
from transfer_test import axfr, ixfr, versioned

ZONE = "example.org."
ROUNDS = int(os.environ.get("BAILIWICK_ROUNDS", "4"))
DEADLINE_S = 40


def chance():
    return random.Random(int(os.environ.get("BAILIWICK_SEED", "1")))


# ---- a zone whose every version can be known by its serial ----

def mark(number):
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def zone_text(number):
    hosts = "".join(f"h{n} A {mark(number + n)}\n" for n in range(20 + number % 37))
    return f"$TTL 300\n@ SOA ns h {number} 60 60 864000 300\n@ NS ns\na A {mark(number)}\n{hosts}ns A 192.0.2.53\nzz TXT {number}\n"


def put(space, name, text, aside="aside"):
    os.rename(space.write(aside, text), os.path.join(space.path, name))


def fetch(daemon, origin=ZONE):
    return dns.zone.from_xfr(dns.query.xfr("127.0.0.1", origin, port=daemon.port, timeout=10))


def serial_of(zone):
    return zone.get_rdataset("@", "SOA")[0].serial


def whole(daemon):
    """The serial of the zone as it is served, which must be that version and nothing else."""
    zone = fetch(daemon)
    expected = dns.zone.from_text(zone_text(serial_of(zone)), origin=ZONE)
    assert zone == expected, f"what is served as {serial_of(zone)} is no version that was"
    return serial_of(zone)


def serial(daemon, origin=ZONE):
    """None: there is none, or nobody answers."""
    try:
        answer = dns.query.udp(dns.message.make_query(origin, "SOA"), "127.0.0.1", port=daemon.port, timeout=5)
    except (OSError, dns.exception.DNSException):
        return None
    return answer.answer[0][0].serial if answer.rcode() == 0 and answer.answer else None


def kill(daemon):
    os.killpg(daemon.process.pid, signal.SIGKILL)
    daemon.process.wait()


def again(daemon):
    daemon.launch()
    daemon.wait()


def await_same(daemon, wanted):
    eventually(lambda: serial(daemon) == wanted, DEADLINE_S,
               tell=lambda: f"serial {wanted} at {daemon.port}, which has {serial(daemon)}:\n{daemon.tail()}")


# ---- a file, its history, its secondary ----

def test_file_and_secondary():
    rng = chance()
    with harness.Workspace() as space:
        number, port = 1, harness.free_port()
        put(space, "zone", zone_text(number))
        first = server.start(space, f"{ZONE}:{{port}} {{\n file {space.path}/zone {{\n  reload 20ms\n }}\n transfer {{\n  to *\n"
                             f"  to 127.0.0.1:{port}\n }}\n}}\n", arguments=["-state", space.directory("first")])
        second = server.start(space, f"{ZONE}:{{port}} {{\n secondary {{\n  transfer from 127.0.0.1:{first.port}\n"
                              f"  state {space.directory('second')}\n  timeout 2s\n  journal 40k\n }}\n transfer {{\n  to *\n }}\n}}\n",
                              make=at_port(port))
        await_same(second, 1)
        eventually(lambda: kept(space, ZONE, "second"), tell="an image")
        for _ in range(ROUNDS):
            seen = {}
            for _ in range(rng.randrange(2, 6)):
                number += rng.randrange(1, 3)
                put(space, "zone", zone_text(number))
                if rng.random() < 0.3:
                    first.process.send_signal(signal.SIGUSR1)
                if rng.random() < 0.3:
                    second.process.send_signal(signal.SIGUSR1)
                time.sleep(rng.random() * rng.choice((0.01, 0.1, 0.3)))
                seen = {daemon: serial(daemon) for daemon in (first, second)}
            victims = rng.choice(([first], [second], [second], [first, second]))
            for daemon in victims:
                kill(daemon)
            for daemon in rng.sample(victims, len(victims)):
                again(daemon)
                has = whole(daemon)
                assert seen[daemon] <= has <= number, (seen[daemon], has, number, daemon.tail())
            for daemon in (first, second):
                await_same(daemon, number)
                assert whole(daemon) == number
            since = versioned(zone_text(seen[first]))
            ixfr(first, since, seen[first])
            assert since == axfr(first)


# ---- edits ----

def control(daemon, *words):
    done = subprocess.run([harness.need_ours("bailiwickctl"), "-s", os.path.join(daemon.directory, "control"), "-json", *words],
                          capture_output=True, text=True, timeout=30, check=False)
    return json.loads(done.stdout) if done.stdout.startswith("{") else {"ok": False, "error": done.stderr}


def test_edits():
    """What `bailiwickctl edit ... commit` has acknowledged is there, whatever becomes of the text."""
    rng = chance()
    with harness.Workspace() as space:
        put(space, "zone", zone_text(1))
        daemon = server.start(space, f"{ZONE}:{{port}} {{\n file {space.path}/zone {{\n  reload 20ms\n }}\n transfer {{\n  to *\n }}\n}}\n",
                              arguments=["-state", space.directory("state")])
        acknowledged = []

        def edit(number):
            for n in range(100):
                name = f"e{number}-{n}"
                for words in (("begin",), ("add", f"{name} 60 A {mark(n)}"), ("commit",)):
                    answer = control(daemon, "edit", ZONE, *words)
                    if not answer["ok"]:
                        return
                acknowledged.append((name, answer["serial"]))

        for number in range(ROUNDS):
            eventually(lambda: control(daemon, "status")["ok"], DEADLINE_S, tell="the control socket")
            editor = threading.Thread(target=edit, args=(number,))
            editor.start()
            if number == 0:
                eventually(lambda: acknowledged, DEADLINE_S, tell="an edit")
            time.sleep(rng.random() * 0.4)
            kill(daemon)
            editor.join()
            kept = [file for file in os.listdir(f"{space.path}/state") if file.endswith(".image")]
            broken = kept and acknowledged and rng.random() < 0.5  # it is frozen: the text does not matter
            put(space, "zone", "@ SOA no zone\n" if broken else zone_text(number + 2))
            again(daemon)
            zone = fetch(daemon)
            missing = [name for name, _ in acknowledged if zone.get_rdataset(name, "A") is None]
            assert not missing, missing
            assert not acknowledged or serial_of(zone) >= acknowledged[-1][1]
        assert acknowledged


# ---- auto ----

def test_auto():
    """Files come, change and go while the server reads, and is killed; after the start it has what lies there."""
    rng = chance()
    with harness.Workspace() as space:
        space.directory("zones")
        there, number = {}, 1
        daemon = server.start(space, f".:{{port}} {{\n auto {{\n  directory {space.path}/zones\n  reload 50ms\n }}\n transfer {{\n  to *\n"
                              f" }}\n}}\n", arguments=["-state", space.directory("state")])
        for _ in range(ROUNDS):
            for _ in range(rng.randrange(5, 40)):
                name = f"z{rng.randrange(30)}.test"
                if name in there and rng.random() < 0.3:
                    os.unlink(f"{space.path}/zones/db.{name}")
                    del there[name]
                else:
                    number += 1
                    put(space, f"zones/db.{name}", zone_text(number))
                    there[name] = number
                time.sleep(rng.random() * 0.01)
            if rng.random() < 0.3:
                daemon.process.send_signal(signal.SIGUSR1)
            kill(daemon)
            again(daemon)
            for n in range(30):
                name = f"z{n}.test"
                assert serial(daemon, name + ".") == there.get(name), (name, there.get(name), daemon.tail())


# ---- a catalog and who follows it ----

def test_catalog():
    """The consumer has its members at once after a crash, and forgets none; both come to the same in the end."""
    rng = chance()
    with harness.Workspace() as space:
        space.directory("zones")
        there, number, port = set(), 1, harness.free_port()
        first = server.start(space, f".:{{port}} {{\n auto {{\n  directory {space.path}/zones\n  reload 50ms\n }}\n catalog cat.test\n"
                             f" transfer {{\n  to *\n  to 127.0.0.1:{port}\n }}\n}}\n", arguments=["-state", space.directory("first")])
        second = server.start(space, f".:{{port}} {{\n secondary cat.test {{\n  transfer from 127.0.0.1:{first.port}\n  timeout 2s\n"
                              f"  catalog\n }}\n}}\n", arguments=["-state", space.directory("second")], make=at_port(port))
        for _ in range(ROUNDS):
            gone = set()
            for _ in range(rng.randrange(3, 12)):
                name = f"z{rng.randrange(25)}.test."
                if name in there and rng.random() < 0.3:
                    os.unlink(f"{space.path}/zones/db.{name[:-1]}")
                    there.discard(name)
                    gone.add(name)
                else:
                    number += 1
                    put(space, f"zones/db.{name[:-1]}", zone_text(number))
                    there.add(name)
                time.sleep(rng.random() * rng.choice((0.01, 0.1)))
            had = {name: serial(second, name) for name in there - gone if kept(space, name, "second")}
            for daemon in rng.choice(([first], [second], [second], [first, second])):
                kill(daemon)
                again(daemon)
            for name, before in had.items():
                after = serial(second, name)
                assert before is None or (after is not None and after >= before), (name, before, after, second.tail())
            for n in range(25):
                name = f"z{n}.test."
                eventually(lambda: serial(first, name) == serial(second, name) and (serial(second, name) is not None) == (name in there),
                           DEADLINE_S,
                           tell=lambda: f"{name}: {serial(first, name)} there, {serial(second, name)} here; the catalog: "
                                f"{serial(first, 'cat.test.')}, {serial(second, 'cat.test.')}\n{first.tail()}\n{second.tail()}")


# ---- signed ----

def test_signed():
    """The signed version is served at once, whole; its serial never goes back; it validates."""
    rng = chance()
    with harness.Workspace() as space:
        keys = space.directory("keys")
        subprocess.run([harness.need_ours("signer"), "keygen", "-K", keys, ZONE], check=True, capture_output=True, timeout=30)
        number, seen = 1, 0
        put(space, "zone", zone_text(number))
        daemon = server.start(space, f"{ZONE}:{{port}} {{\n file {space.path}/zone {{\n  reload 20ms\n }}\n sign {{\n  keys {keys}\n }}\n"
                              f" transfer {{\n  to *\n }}\n}}\n", arguments=["-state", space.directory("state")])
        eventually(lambda: serial(daemon) is not None, DEADLINE_S, tell=lambda: f"a signed zone:\n{daemon.tail()}")
        for _ in range(ROUNDS):
            for _ in range(rng.randrange(1, 5)):
                number += 1
                put(space, "zone", zone_text(number))
                time.sleep(rng.random() * rng.choice((0.02, 0.2)))
                seen = max(seen, serial(daemon))
            kill(daemon)
            again(daemon)
            has = serial(daemon)
            assert has is not None and has >= seen, (has, seen, daemon.tail())
            eventually(lambda: fetch(daemon).get_rdataset("zz", "TXT")[0].to_text() == f'"{number}"', DEADLINE_S,
                       tell=lambda: f"version {number}:\n{daemon.tail()}")
            zone = fetch(daemon)
            seen = max(seen, serial_of(zone))
            zone.to_file(f"{space.path}/signed", relativize=False)
            done = subprocess.run([harness.need_ours("signer"), "verify", "-o", ZONE, f"{space.path}/signed"], capture_output=True,
                                  text=True, timeout=30, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
