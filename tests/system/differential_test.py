#!/usr/bin/python3
"""Asks ours, NSD, Knot and BIND the same questions about the same zones and compares the answers.

Where the three peers agree, ours must agree with them; where they differ, the RFC decides and nothing is
asserted here. Compared apart from each other: the rcode, AA, TC, the answer section, the
authority section, and the addresses that come with a referral. What a server may leave out at its own
discretion (name servers beside a positive answer, other additional records) is not looked at.

    BAILIWICK_SEED=7        other random zones (the seed is printed)
    BAILIWICK_ZONES=100     how many random zones
    BAILIWICK_QUESTIONS=5000  at most so many questions for each zone
    BAILIWICK_PEERS_ONLY=1  without ours: how far the peers agree
    BAILIWICK_ZONE=FILE       compare a zone of your own with NSD alone: every name and type, with DO
    BAILIWICK_ORIGIN=.        its origin

Run by tests/system/run.py differential, or by itself."""

import collections
import os
import random
import select
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import wire
import zonegen

ZONES_DIR = os.path.join(harness.ROOT, "testdata", "zones")
TYPES = ["A", "AAAA", "NS", "CNAME", "SOA", "MX", "TXT", "DS", "DNAME", "NSEC", "NSEC3", "NSEC3PARAM",
         "DNSKEY", "SRV", "CAA", "TYPE65280", "HTTPS"]
BATCH = 48
SHOWN = 6
FIELDS = ("rcode", "aa", "tc", "answer", "authority", "glue")
Question = collections.namedtuple("Question", "origin name qtype size dnssec")
PLAIN, EDNS, WITH_DO, SMALL_DO = (None, False), (4096, False), (4096, True), (1232, True)


def setting(name, default):
    return int(os.environ.get("BAILIWICK_" + name, default))


class Asker:
    """Sends batches of questions to one server and collects the answers."""

    def __init__(self, server):
        self.server = server
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sock.connect(("127.0.0.1", server.port))
        self.patience = 3  # batches without any answer before it counts as hung

    def close(self):
        self.sock.close()

    def send(self, messages):
        for message in messages:
            self.sock.send(message)

    def receive(self, messages):
        """The answers in the order of MESSAGES, whose identifiers are 0, 1, 2 ..."""
        replies, missing = [None] * len(messages), set(range(len(messages)))
        for attempt in range(3):
            limit = time.monotonic() + 10
            while missing and time.monotonic() < limit:
                if not select.select([self.sock], [], [], 0.5)[0]:
                    continue
                try:
                    reply = self.sock.recv(65535)
                except ConnectionRefusedError:
                    raise harness.Failure(f"{self.server.kind} is gone:\n{self.server.tail(60)}") from None
                ident = reply[0] << 8 | reply[1]
                if ident in missing:
                    missing.discard(ident)
                    replies[ident] = reply
            if not missing:
                break
            if len(missing) == len(messages) > 1:
                self.patience -= 1
            if self.patience == 0:
                raise harness.Failure(f"{self.server.kind} answers no more; among the questions: " + ", ".join(
                    f"{messages[i][12:].hex()}" for i in sorted(missing)[:60]))
            self.send([messages[i] for i in missing])
        return replies


def in_zone(name, origin):
    return name == origin or name.endswith(origin)


def view(answer, tcp_answer, origin):
    """What is compared, as a dictionary of comparable values."""
    if answer is None:
        return dict.fromkeys(FIELDS, "no answer")
    full = tcp_answer or answer
    authority = full.authority
    if full.answer and full.rcode == 0:
        authority = [record for record in authority if not (record[0] == origin and is_ns(record))]
    cut = any(record[1] == 2 and record[0] != origin for record in authority)
    glue = [record[:3] + record[4:] for record in full.additional if record[1] in (1, 28)] if cut else []
    return {
        "rcode": answer.rcode, "aa": answer.is_authoritative,
        "tc": answer.is_truncated,
        "answer": frozenset(full.answer), "authority": frozenset(authority), "glue": frozenset(glue),
    }


def is_ns(record):
    return record[1] == 2 or (record[1] == 46 and record[4][:2] == b"\0\2")


class Comparison:
    """Counts agreement and keeps the first differences of each zone for people to read."""

    def __init__(self):
        self.questions = 0
        self.agreed = collections.Counter()
        self.whole = 0
        self.differences = []
        self.lonely = collections.Counter()

    def add(self, question, views, kinds):
        self.questions += 1
        peers = [kind for kind in kinds if kind != "bailiwick"]
        all_agree = True
        wrong = []
        for field in FIELDS:
            values = [views[kind][field] for kind in peers]
            if values.count(values[0]) != len(values):
                all_agree = False
                self._note_lonely(field, peers, values)
                continue
            self.agreed[field] += 1
            if "bailiwick" in views and views["bailiwick"][field] != values[0]:
                wrong.append(field)
        self.whole += all_agree
        if wrong:
            self.differences.append((question, wrong, views, peers[0]))

    def _note_lonely(self, field, peers, values):
        for kind, value in zip(peers, values):
            others = [other for other in values if other is not value]
            if values.count(value) == 1 and len(set(map(repr, map(sorted_or_self, others)))) == 1:
                self.lonely[f"{kind} {field}"] += 1


def sorted_or_self(value):
    return sorted(value) if isinstance(value, frozenset) else value


def describe(question, wrong, views, peer):
    text = [f"{wire.name_text(question.name)} {wire.type_text(question.qtype)}"
            f"{f' +bufsize={question.size}' if question.size else ''}{' +dnssec' if question.dnssec else ''} in zone {wire.name_text(question.origin)}"
            f" ({question_zone_note(question)})"]
    for field in wrong:
        expected, seen = views[peer][field], views["bailiwick"][field]
        if isinstance(expected, frozenset) and isinstance(seen, frozenset):
            for sign, records in (("-", expected - seen), ("+", seen - expected)):
                for record in sorted(records):
                    shown = record if len(record) == 5 else record[:3] + (0,) + record[3:]
                    text.append(f"    {sign} {field}: {wire.record_text(shown)[:220]}")
        else:
            name = wire.RCODES.get if field == "rcode" else str
            text.append(f"    {field}: the peers say {name(expected)}, ours {name(seen)}")
    return "\n".join(text)


ZONE_NOTES = {}


def question_zone_note(question):
    return ZONE_NOTES.get(question.origin, "")


def owners_of(path, origin):
    """All owner names of a zone file, read by dnspython."""
    import dns.name
    import dns.zone
    zone = dns.zone.from_file(path, origin=origin, relativize=False, check_origin=False)
    return [name.canonicalize().to_wire() for name in zone.nodes]


def derived_names(owners, origin, rng):
    """The owners, the names between them and the origin, and names that are not there: below, beside,
    wild, long."""
    names = set()
    base = wire.name_labels(origin)
    for owner in owners:
        labels = wire.name_labels(owner)
        if len(labels) > len(base) and len(labels[0]) == 32 and labels[0].isalnum() and len(labels) == len(base) + 1:
            names.add(owner)  # an NSEC3 owner: ask for itself only
            continue
        for up in range(len(labels) - len(base) + 1):
            names.add(wire.name_wire(labels[up:]))
        for more in ([b"below"], [b"*"], [b"x", b"below"], [b"x" * 63]):
            names.add(wire.name_wire(more + labels))
        if len(labels) > len(base):
            for other in (labels[0] + b"0", b"0", b"zzz", b"*", b"\xff"):
                names.add(wire.name_wire([other[:63]] + labels[1:]))
    names = sorted(name for name in names if len(name) <= 255)
    rng.shuffle(names)
    return [mixed_case(name, rng) if rng.random() < 0.1 else name for name in names]


def mixed_case(name, rng):
    return wire.name_wire([bytes(c ^ 0x20 if chr(c).isalpha() and c < 128 and rng.random() < 0.5 else c for c in label)
                           for label in wire.name_labels(name)])


def questions_for(path, origin_text, signed, rng, limit):
    origin = wire.name_from_text(origin_text.lower())
    names = derived_names(owners_of(path, origin_text), origin, rng)
    numbers = [wire.type_number(text) for text in TYPES]
    forms = (PLAIN, WITH_DO, SMALL_DO) if signed else (PLAIN, EDNS, WITH_DO)
    if any(name.startswith(b"\1*") for name in owners_of(path, origin_text)):
        forms = [form for form in forms if form != SMALL_DO]  # Knot 3.2 may never come back from TC at a wildcard
    questions = [Question(origin, name, qtype, *form) for name in names for qtype in numbers for form in forms]
    if len(questions) > limit:
        questions = rng.sample(questions, limit)
    return questions


def ask_all(servers, questions, comparison):
    askers = {kind: Asker(server) for kind, server in servers.items()}
    for start in range(0, len(questions), BATCH):
        batch = questions[start:start + BATCH]
        messages = [wire.question(question.name, question.qtype, i, question.size, question.dnssec)
                    for i, question in enumerate(batch)]
        for asker in askers.values():
            asker.send(messages)
        replies = {kind: asker.receive(messages) for kind, asker in askers.items()}
        for i, question in enumerate(batch):
            views = {kind: view_of(servers[kind], messages[i], replies[kind][i], question) for kind in servers}
            for kind in servers:
                if kind != "bailiwick" and "bailiwick" in views and go_on(servers[kind], question, views[kind]):
                    views["bailiwick"]["tc"] = False
            comparison.add(question, views, list(servers))
    for asker in askers.values():
        asker.close()


def view_of(server, message, reply, question):
    if reply is None:
        return view(None, None, question.origin)
    try:
        answer = wire.Answer(reply)
        tcp = wire.Answer(server.exchange(message, tcp=True)) if answer.is_truncated else None
        return view(answer, tcp, question.origin)
    except wire.Malformed as problem:
        return dict.fromkeys(FIELDS, f"malformed answer: {problem}")


def alias_target(view, name):
    """Where the chain of aliases from NAME leads; NAME itself when it is none."""
    targets = {record[0]: record[4] for record in view["answer"] if record[1] == 5}
    seen = {name}
    while name in targets and targets[name] not in seen:
        name = targets[name]
        seen.add(name)
    return name


def zone_of(server, name):
    """The zone that SERVER holds nearest to NAME, or None."""
    labels = wire.name_labels(name)
    held = {wire.name_from_text(origin.lower()) for origin in server.zones}
    return next((zone for zone in (wire.name_wire(labels[up:]) for up in range(len(labels) + 1)) if zone in held), None)


def go_on(server, question, view):
    """The peers end a chain of aliases where it leaves the zone; RFC 1034 4.3.2 step 3a has it go on in the zone that
    holds the target. What they say to a question for that is added here. True when there is such a zone."""
    name, asked = question.name.lower(), set()
    if question.qtype in (5, 255) or isinstance(view["answer"], str):
        return False
    while True:
        target = alias_target(view, name)
        zone = zone_of(server, target)
        if target == name or target in asked or zone in (None, zone_of(server, name)):
            return bool(asked)
        asked.add(target)
        message = wire.question(target, question.qtype, 1, question.size, question.dnssec)
        more = view_of(server, message, server.exchange(message, tcp=True), question._replace(origin=zone))
        view.update(rcode=more["rcode"], tc=False, answer=view["answer"] | more["answer"], glue=more["glue"],
                    authority=more["authority"] | kept_proofs(view["authority"]))
        name = target


def kept_proofs(records):
    """Proofs that an alias was made from a wildcard stay; a referral or a denial gives way to what is known here."""
    return frozenset() if any(record[1] in (2, 6) for record in records) else records


def start_servers(space, zones, kinds=harness.PEERS):
    kinds = list(kinds)
    for kind in kinds:
        if not harness.SERVERS[kind].is_available():
            raise harness.Skip(f"{kind} is not installed")
    if not os.environ.get("BAILIWICK_PEERS_ONLY"):
        harness.need_ours()
        kinds.append("bailiwick")
    return {kind: space.start(kind, zones) for kind in kinds}


def report(title, comparison, seconds):
    asked = comparison.questions
    shares = ", ".join(f"{field} {100 * comparison.agreed[field] / asked:.1f}" for field in FIELDS)
    print(f"     {title}: {asked} questions in {seconds:.0f} s; the peers agree wholly on "
          f"{100 * comparison.whole / asked:.1f} % ({shares}); ours differs from them in "
          f"{len(comparison.differences)}")
    if comparison.lonely:
        print("     alone against the other two: " +
              ", ".join(f"{what} {count}" for what, count in comparison.lonely.most_common(8)))
    if not comparison.differences:
        return
    kinds = collections.Counter((tuple(wrong), question.dnssec) for question, wrong, _, _ in comparison.differences)
    summary = "; ".join(f"{'+'.join(wrong)}{' with DO' if dnssec else ''}: {count}"
                        for (wrong, dnssec), count in kinds.most_common())
    shown, seen = [], collections.Counter()
    for difference in comparison.differences:
        key = (tuple(difference[1]), difference[0].origin)
        seen[key] += 1
        if seen[key] <= 2:
            shown.append(describe(*difference))
    limit = setting("SHOWN", SHOWN * 4)
    raise harness.Failure(f"{len(comparison.differences)} answers differ from what NSD, Knot and BIND agree on "
                          f"({summary}):\n" + "\n".join(shown[:limit]))


def run(title, space, zones, rng, limit):
    """ZONES: list of (origin, path, is_signed)."""
    start = time.monotonic()
    servers = start_servers(space, {origin: path for origin, path, _ in zones})
    comparison = Comparison()
    for origin, path, signed in zones:
        ask_all(servers, questions_for(path, origin, signed, rng, limit), comparison)
    report(title, comparison, time.monotonic() - start)


def test_example_zones():
    rng = random.Random(setting("SEED", 1))
    zones = [(f"{name[:-5]}.", os.path.join(ZONES_DIR, name), name != "example.org.zone")
             for name in sorted(os.listdir(ZONES_DIR)) if name.endswith(".zone")]
    with harness.Workspace() as space:
        run("example zones", space, zones, rng, setting("QUESTIONS", 8000))


def test_random_zones():
    seed = setting("SEED", 1)
    rng = random.Random(seed)
    missing = zonegen.signer_missing()
    if missing:
        raise harness.Skip(f"{missing} is not installed")
    kinds = ["plain", "nsec", "plain", "nsec3", "optout", "nsec3-salted", "ldns-nsec", "ldns-optout", "ldns-nsec3"]
    print(f"     seed {seed}")
    with harness.Workspace(keep=bool(os.environ.get("BAILIWICK_KEEP"))) as space:
        zones = []
        for i in range(setting("ZONES", 72)):
            origin, kind = f"z{i}.test.", kinds[i % len(kinds)]
            path = space.write(f"z{i}.zone", zonegen.Zone(rng, origin, wildcards=i % 4 != 3).text())
            if kind != "plain":
                path = zonegen.sign(path, origin, kind, space.path)
            ZONE_NOTES[wire.name_from_text(origin)] = f"{kind}, {path}"
            zones.append((origin, path, kind != "plain"))
        run("random zones", space, zones, rng, setting("QUESTIONS", 2500))


FAMILY = {
    "family.test.": """$TTL 3600
@ SOA ns hostmaster 1 2 3 4 600
@ NS ns
@ NS ns.child
ns A 192.0.2.1
child NS ns.child
child NS ns.other
ns.child A 192.0.2.2
hidden.child TXT "hidden by the delegation, other in the child"
only-here.child A 192.0.2.3
{ds}
lame NS ns.lame
ns.lame A 192.0.2.4
other NS ns.other
ns.other A 192.0.2.5
to-child CNAME www.child
into-child DNAME child
* TXT "wild"
""",
    "child.family.test.": """$TTL 1800
@ SOA ns hostmaster 5 2 3 4 300
@ NS ns
ns A 192.0.2.2
www A 192.0.2.80
hidden TXT "this one is the child's"
to-parent CNAME ns.family.test.
to-grandchild CNAME www.grand
grand NS ns.grand
ns.grand A 192.0.2.6
*.wild A 192.0.2.81
""",
    "grand.child.family.test.": """$TTL 900
@ SOA ns hostmaster 9 2 3 4 100
@ NS ns
ns A 192.0.2.6
www A 192.0.2.90
""",
}


def test_parent_and_child():
    """Three generations on one server: the DS of a cut is the parent's to answer, all else the child's."""
    rng = random.Random(setting("SEED", 1))
    if zonegen.signer_missing():
        raise harness.Skip(f"{zonegen.signer_missing()} is not installed")
    ds = "child DS 12345 13 2 " + "0123456789ABCDEF" * 4
    for kind in ("plain", "nsec", "nsec3"):
        with harness.Workspace() as space:
            zones = []
            for origin, text in FAMILY.items():
                path = space.write(origin + "zone", text.replace("{ds}", ds))
                if kind != "plain":
                    path = zonegen.sign(path, origin, kind, space.path)
                ZONE_NOTES[wire.name_from_text(origin)] = kind
                zones.append((origin, path, kind != "plain"))
            run(f"three generations, {kind}", space, zones, rng, setting("QUESTIONS", 6000))


HOSTILE = {
    "chains.test.": """
a0 CNAME a1
a1 CNAME a2
a2 CNAME a3
a3 CNAME a4
a4 CNAME end
end A 192.0.2.1
end TXT "end"
l1 CNAME l2
l2 CNAME l1
self CNAME self
into CNAME l1
ghost CNAME nothing
ent CNAME x.y
z.x.y A 192.0.2.2
out CNAME www.example.net.
*.w CNAME end
*.v CNAME q.w
*.u CNAME q.u
tocut CNAME cut
belowcut CNAME www.cut
cut NS ns.cut
ns.cut A 192.0.2.3
www.cut A 192.0.2.4
d1 DNAME d2
d2 DNAME d3
x.d3 CNAME end
y.d3 A 192.0.2.5
todname CNAME x.d1
toowner CNAME d1
dcut DNAME cut
dghost DNAME nothing
dout DNAME example.net.
dwild DNAME w
""",
    "wild.test.": """
* TXT "top"
*.a A 192.0.2.1
b.a TXT "beside"
*.*.a MX 10 m.example.net.
x.*.a A 192.0.2.2
*.c.b.a A 192.0.2.3
ent.deep.er A 192.0.2.4
*.er AAAA 2001:db8::1
*.only TYPE65280 \\# 1 00
lit.*.mid A 192.0.2.5
real NS ns.example.net.
*.al CNAME target.a
*.al2 CNAME nothing.b.a
*.al3 CNAME www.real
""",
    "glue.test.": """
one NS ns.one
one NS ns.two
one NS ns.three
two NS ns.one
two NS ns.two
three NS a.b.three
ns.one A 192.0.2.1
ns.two A 192.0.2.2
ns.two AAAA 2001:db8::2
a.b.three A 192.0.2.3
four NS four
four A 192.0.2.4
five NS ns1
five NS inzone
inzone A 192.0.2.5
six NS ns.six
ns.six AAAA 2001:db8::6
seven.six NS ns.seven.six
ns.seven.six A 192.0.2.7
eight NS ns.example.net.
data.eight TXT "hidden"
*.eight A 192.0.2.8
alias.eight CNAME inzone
nine.ten.eleven NS ns.nine.ten.eleven
ns.nine.ten.eleven A 192.0.2.9
safe NS ns.safe
safe DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
ns.safe A 192.0.2.10
under.safe A 192.0.2.11
""",
    "odd.test.": """
\\000 A 192.0.2.1
\\255 A 192.0.2.2
a\\.b A 192.0.2.3
b.a A 192.0.2.4
A.B TXT "case"
\\@ A 192.0.2.5
\\042\\042 A 192.0.2.6
x\\032y A 192.0.2.7
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa A 192.0.2.8
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.a A 192.0.2.9
""" + ".".join("a" * 63 for _ in range(3)) + "." + "b" * 51 + """ A 192.0.2.10
0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR www
zero 0 A 192.0.2.11
long 2147483647 A 192.0.2.12
""",
}
HOSTILE_HEAD = "$TTL 3600\n@ SOA ns1 hostmaster 1 7200 3600 1209600 900\n@ NS ns1\n@ NS ns.example.net.\nns1 A 192.0.2.53\n"


def test_hostile_zones():
    """Zones by hand: chains and loops, wildcards in each other's way, mazes of glue, names of odd octets; plain,
    and with each kind of denial."""
    rng = random.Random(setting("SEED", 1))
    if zonegen.signer_missing():
        raise harness.Skip(f"{zonegen.signer_missing()} is not installed")
    for kind in ("plain", "nsec", "nsec3", "optout"):
        with harness.Workspace() as space:
            zones = []
            for origin, text in HOSTILE.items():
                if origin == "odd.test." and kind in ("nsec3", "optout"):
                    continue  # dnssec-signzone 9.18 wants room for a wildcard below each name
                path = space.write(origin + "zone", HOSTILE_HEAD + text)
                if kind != "plain":
                    path = zonegen.sign(path, origin, kind, space.path)
                ZONE_NOTES[wire.name_from_text(origin)] = f"{kind}, {path}"
                zones.append((origin, path, kind != "plain"))
            run(f"hostile zones, {kind}", space, zones, rng, setting("QUESTIONS", 800))


def questions_for_all(path, origin_text):
    """Every name (and one that is missing below and beside it) with every type that occurs, with DO."""
    import dns.rdatatype
    import dns.zone
    origin = wire.name_from_text(origin_text)
    zone = dns.zone.from_file(path, origin=origin_text, relativize=False, check_origin=False)
    types, names = set(map(wire.type_number, TYPES)), set()
    for name, node in zone.nodes.items():
        owner = name.canonicalize().to_wire()
        labels = wire.name_labels(owner)
        names |= {owner, wire.name_wire([b"x"] + labels), wire.name_wire([labels[0][:62] + b"0"] + labels[1:])
                  if labels else b"\1z\0"}
        names |= {wire.name_wire(labels[up:]) for up in range(len(labels) - len(wire.name_labels(origin)) + 1)}
        types |= {int(rdataset.rdtype) for rdataset in node.rdatasets}
    return [Question(origin, name, qtype, *WITH_DO) for name in sorted(names) for qtype in sorted(types)]


def test_given_zone():
    path, origin = os.environ.get("BAILIWICK_ZONE"), os.environ.get("BAILIWICK_ORIGIN", ".")
    if not path:
        raise harness.Skip("BAILIWICK_ZONE names no zone file")
    start = time.monotonic()
    ZONE_NOTES[wire.name_from_text(origin)] = path
    with harness.Workspace() as space:
        servers = start_servers(space, {origin: path}, ["nsd"])
        comparison = Comparison()
        ask_all(servers, questions_for_all(os.path.abspath(path), origin), comparison)
    report(path, comparison, time.monotonic() - start)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import run as runner
    sys.exit(runner.main(["differential"] + sys.argv[1:]))
