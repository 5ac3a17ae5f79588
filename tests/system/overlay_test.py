"""A server that has come to a zone by reloads answers as one that was started with it.

Reloads lay the changes over the old image (zone/store/overlay.h); a fresh start makes a new image. Random
zones are changed again and again, unsigned and signed, and both servers are asked the same questions: the
owners of all versions and names derived from them. Seeded by BAILIWICK_SEED."""

import os
import random
import time

import differential_test as differential
import harness
import wire
import zonegen

ROUNDS = 6
DEADLINE_S = 10


def serial_of(server, origin):
    answer = server.ask(origin, "SOA")
    return int.from_bytes(answer.answer[0][4][-20:-16], "big") if answer is not None and answer.answer else None


def wait_for_serial(server, origin, serial):
    limit = time.monotonic() + DEADLINE_S
    while serial_of(server, origin) != serial:
        assert time.monotonic() < limit, f"serial {serial} is not served\n{server.tail()}"
        time.sleep(0.003)


class Pair(differential.Comparison):
    """Compares two servers of ours instead of ours with the peers."""

    def add(self, question, views, kinds):
        self.questions += 1
        wrong = [field for field in differential.FIELDS if views["fresh"][field] != views["bailiwick"][field]]
        if wrong:
            self.differences.append((question, wrong, views, "fresh"))


def write_version(space, zone, origin, kind, ttls):
    """The zone's text, signed anew when it is to be, under the one name that is served."""
    plain = space.write(f"{origin}text", zone.text(ttls))
    made = plain if kind == "plain" else zonegen.sign(plain, origin, kind, space.path)
    with open(made, encoding="latin-1") as text:
        return space.write(f"{origin}zone", text.read())


def follow(space, rng, origin, kind, seen):
    """Changes the zone ROUNDS times under the running server and compares after each."""
    zone, ttls = zonegen.Zone(rng, origin), {}
    path = write_version(space, zone, origin, kind, ttls)
    server = space.start("bailiwick", {origin: path})
    owners = set()
    for serial in range(2, ROUNDS + 2):
        zone.mutate(rng.choice([1, 1, 3, 8]))
        write_version(space, zone, origin, kind, ttls)
        server.request_reload()
        served = int(zone.nodes[()]["SOA"][0].split()[2])
        wait_for_serial(server, origin, served)
        fresh = space.start("bailiwick", {origin: path})
        wire_origin = wire.name_from_text(origin)
        owners |= set(differential.owners_of(path, origin))
        names = differential.derived_names(owners, wire_origin, rng)
        questions = [differential.Question(wire_origin, name, wire.type_number(qtype), *form) for name in names
                     for qtype in ("A", "MX", "NS", "DS", "CNAME", "NSEC", "TXT", "SOA")
                     for form in (differential.PLAIN, differential.WITH_DO)]
        questions = rng.sample(questions, min(len(questions), 1200))
        differential.ZONE_NOTES[wire_origin] = f"{kind}, after {serial - 1} reloads, {path}"
        differential.ask_all({"fresh": fresh, "bailiwick": server}, questions, seen)
        fresh.stop()
        space.servers.remove(fresh)
        if seen.differences:
            break
    server.stop()
    space.servers.remove(server)


def test_reloads_add_up():
    harness.need_ours()
    rng = random.Random(int(os.environ.get("BAILIWICK_SEED", 1)))
    kinds = ["plain", "nsec", "plain", "nsec3", "plain", "optout"]
    if zonegen.signer_missing():
        kinds = ["plain"]
    seen = Pair()
    with harness.Workspace(keep=bool(os.environ.get("BAILIWICK_KEEP"))) as space:
        for i in range(int(os.environ.get("BAILIWICK_ZONES", 12))):
            follow(space, rng, f"o{i}.test.", kinds[i % len(kinds)], seen)
    print(f"     {seen.questions} questions")
    if seen.differences:
        raise harness.Failure(f"{len(seen.differences)} answers differ from those of a fresh start:\n" +
                              "\n".join(differential.describe(*each) for each in seen.differences[:8]))
