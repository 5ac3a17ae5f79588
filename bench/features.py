"""features: what each feature costs per answer, in user-space instructions (callgrind), on the small zone: when the client
does not ask for what it offers, and when it does. Features that need a client of another kind (signatures, TCP, TLS)
come in a table of their own, beside the same client without them. What is not in the block costs nothing, also when another block has it."""

import features_client as client
import harness
import instructions
import measure
import upstream
import wire
import zonegen

COOKIE = "000a0008" + "0123456789abcdef"
SUBNET = "00080007" + "00011800" + "c00002"
SECRET = "c2VjcmV0IG9mIDMyIG9jdGV0cyBhdCBsZWFzdCEhISE="
TSIG = f" tsig {{\n  secret key.test. {SECRET} hmac-sha256\n }}\n"
ALL = (" nsid one\n cookies\n report errors.example.net\n zoneversion\n minimal\n header {\n  response set ra\n }\n"
       " rrl {\n  responses-per-second 1000000\n }\n acl {\n  block type AXFR IXFR\n }\n" + TSIG)
OTHER = "}\nother.test:{port} {\n%s whoami\n"  # what a block more costs is not the features'
FEATURES = (  # name, Corefile lines, EDNS options that ask for it ("" is EDNS alone)
    ("nothing", "", None),
    ("EDNS", "", ""),
    ("client subnet, ignored", "", SUBNET),
    ("nsid", " nsid one\n", "00030000"),
    ("cookies", " cookies\n", COOKIE),
    ("report", " report errors.example.net\n", ""),
    ("zoneversion", " zoneversion\n", "00130000"),
    ("acl, 3 rules", " acl {\n  block net 192.0.2.0/24\n  block type AXFR IXFR\n  allow net 127.0.0.0/8\n }\n", None),
    ("minimal", " minimal\n", None),
    ("header", " header {\n  response set ra\n }\n", None),
    ("rrl", " rrl {\n  responses-per-second 1000000\n }\n", None),
    ("tsig, unsigned queries", TSIG, None),
    ("ten idle plugins", " errors\n local\n any\n chaos\n loadbalance\n rewrite type HINFO TXT\n"
     " acl {\n  block net 192.0.2.0/24\n }\n template IN HINFO other.test {\n  rcode NXDOMAIN\n }\n"
     " hosts /dev/null other.test\n onlyone other.test\n", None),
    ("all of the above, in another block", OTHER % ALL, None),
)


class Count:
    """Instructions per answer to flood, kept: the same is asked for again."""

    def __init__(self, settings):
        self.settings, self.seen = settings, {}

    def __call__(self, zones, queries, lines, *flood):
        key = (tuple(zones.items()), queries, lines, flood)
        if key not in self.seen:
            self.seen[key] = instructions.per_answer(self.settings, measure.OURS, zones, queries, extra=lines, flood=flood)
        return self.seen[key]


def how(options):
    return ("--option", options) if options else ("--edns",)


def add_plugins(table, count, zones, queries):
    nothing = count(zones, queries, "")
    for name, lines, options in FEATURES:
        plain = count(zones, queries, lines)
        if options is None:
            without = count(zones, queries, OTHER % "") if ALL in lines else nothing
            table.add(name, plain, plain - without, None, None, ours=True)
            continue
        asked, without = count(zones, queries, lines, *how(options)), count(zones, queries, "", *how(options or ""))
        if not lines:  # of the wire alone: beside the query without it
            without = nothing if options == "" else count(zones, queries, "", "--edns")
        table.add(name, plain, plain - nothing, asked, asked - without, ours=True)


def add_dnssec(table, count, settings, zones, queries):
    """Signed beforehand: what the zone's signatures cost those who do not want them, and those who do."""
    (origin, path), = zones.items()
    with open(path, encoding="latin-1") as text:
        copy = settings.space.write("features.zone", text.read())
    signed = {origin: zonegen.sign(copy, origin, "nsec", settings.space.path)}
    plain, asked = count(signed, queries, ""), count(signed, queries, "", "--do")
    table.add("DNSSEC, a zone signed with NSEC", plain, plain - count(zones, queries, ""),
              asked, asked - count(zones, queries, "", "--do"), ours=True)


def add_errors(table, count, settings, zones):
    """Extended errors: a name of no zone is refused, and with EDNS it is told why."""
    refused = settings.space.write("refused.queries", "www.example.net. A\n")
    plain, asked = count(zones, refused, ""), count(zones, refused, "", "--edns")
    table.add("extended error (a refused name)", plain, None, asked, asked - plain, ours=True)


class Corefile(harness.Bailiwick):
    """A server whose block listens by TLS, under callgrind."""

    kind, title, scheme = "features-tls", "Bailiwick", "tls://"

    def command(self):
        (origin, path), = self.zones.items()
        text = f"{self.scheme}{origin}:{self.port} {{\n bind 127.0.0.1\n{self.extra} file {path}\n}}\n"
        conf = harness.write_file(self.directory, "Corefile", text)
        return [harness.program("valgrind"), "--tool=callgrind", "-q", f"--callgrind-out-file={self.directory}/counted.%p",
                harness.need_ours(), "-conf", conf, "-quiet", "-workers", "1", "-control", "off"] + self.arguments

    def wait(self, probe=None, deadline=None, pause=0.05):
        client.await_port(self.port, self.process)
        return 0


class Plain(Corefile):
    kind, scheme = "features-plain", ""


def by_client(settings, kind, zones, extra, send):
    totals = []
    for answers in (instructions.FEW, instructions.MANY):
        server = settings.space.start(kind, zones, deadline=300, extra=extra)
        send(server.port, answers)
        settings.end_server(server)
        totals.append(instructions.total(server.directory))
    return (totals[1] - totals[0]) / (instructions.MANY - instructions.FEW)


def other_clients(settings, zones):
    for kind in (Corefile, Plain):
        harness.SERVERS[kind.kind] = kind
    upstream.make_certificate(settings.space.path)
    tls = f" tls {settings.space.path}/cert.pem {settings.space.path}/key.pem\n"
    question = wire.question(wire.name_from_text("www.example.org."), 1, 1, 1232)
    signed = client.signed("www.example.org.", SECRET)
    table = measure.Table("user-space instructions per answer by other ways (callgrind)", [
        ("per answer", None, 0), ("more than without", None, 0)])

    def row(name, value, without):
        table.add(name, value, None if without is None else value - without, ours=True)
        return value

    udp = row("UDP, one name", by_client(settings, Plain.kind, zones, TSIG, client.udp(question)), None)
    row("signed with TSIG (HMAC-SHA-256)", by_client(settings, Plain.kind, zones, TSIG, client.udp(signed)), udp)
    tcp = row("TCP, 16 queries on their way", by_client(settings, Plain.kind, zones, "", client.stream(question, False)), udp)
    row("TLS, likewise, beside TCP", by_client(settings, Corefile.kind, zones, tls, client.stream(question, True)), tcp)
    return table


def run(settings):
    if harness.program("valgrind") is None:
        print("features: valgrind is not installed")
        return []
    zones, queries = settings.small()
    count = Count(settings)
    table = measure.Table("user-space instructions per answer with a plugin (callgrind)", [
        ("not asked", None, 0), ("more than without", None, 0), ("asked", None, 0), ("more than without", None, 0)])
    add_plugins(table, count, zones, queries)
    add_errors(table, count, settings, zones)
    if zonegen.signer_missing() is None:
        add_dnssec(table, count, settings, zones, queries)
    return [table, other_clients(settings, zones)]
