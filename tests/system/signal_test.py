"""The signal plugin (RFC 9615): what it says of the zones of other blocks is theirs, validates by delv, follows them at
once, and denies exactly what is not there."""

import os
import subprocess
import sys
import time

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

try:
    import grpc
except ImportError:
    grpc = None

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server

SERVER = "ns1.example.net"
SIGNAL = "_signal." + SERVER
CDS = "12345 13 2 " + "AB" * 32
CDNSKEY = "257 3 13 " + "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="


def zone_text(name, servers, more=""):
    rows = "".join(f"@ NS {one}\n" for one in servers)
    return f"$ORIGIN {name}.\n$TTL 1800\n@ SOA ns h 1 3600 600 86400 300\n{rows}{more}\n"


BOTH = f"@ 777 CDS {CDS}\n@ 778 CDNSKEY {CDNSKEY}"
LABEL = "x" * 63
LONG = f"{LABEL}.{LABEL}.{LABEL}.test"  # 198 octets: its signal's name would have 231
ZONES = {
    "example.org": (["NS1.Example.NET.", "ns2.example.com."], BOTH),
    "a.b.deep.test": ([SERVER + "."], f"@ 60 CDS {CDS}\n@ 60 CDS 54321 13 2 {'CD' * 32}\nx CDS {CDS}"),
    "other.test": (["ns1.other.example."], BOTH),
    "plain.test": ([SERVER + "."], ""),
    "example.net": ([SERVER + "."], BOTH + "\nns1 A 192.0.2.1\nsub NS " + SERVER + "."),
    "secret.test": ([SERVER + "."], BOTH),
    LONG: ([SERVER + "."], BOTH),
}


def keygen(space, zone):
    done = subprocess.run([harness.need_ours("signer"), "keygen", zone], cwd=space.path, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def serve(space, options="", denial="compact", more=""):
    blocks = ""
    for name, (servers, records) in ZONES.items():
        path = space.write("db." + name[-40:], zone_text(name, servers, records))
        extra = "acl {\n  block net 0.0.0.0/0\n }" if name == "secret.test" else ""
        blocks += f"{name}:{{port}} {{\n {extra}\n file {path} {{\n  reload 50ms\n }}\n}}\n"
    online = space.write("db.online", zone_text("online.test", [SERVER + "."]))
    late = space.path + "/late"
    blocks += f"online.test:{{port}} {{\n root {space.path}\n dnssec {{\n  key file {keygen(space, 'online.test')}\n  cds\n }}\n file {online}\n}}\n"
    blocks += f"late.test:{{port}} {{\n secondary {{\n  transfer from 127.0.0.1:1\n  state {late}\n }}\n}}\n"
    blocks += (f"{SIGNAL}:{{port}} {{\n root {space.path}\n dnssec {{\n  key file {keygen(space, SIGNAL)}\n  denial {denial}\n }}\n"
               f" signal {options}\n}}\n")
    return server.start(space, blocks + more)


def ask(daemon, name, qtype, dnssec=False, compact=True, tcp=True):
    query = dns.message.make_query(name, qtype, want_dnssec=dnssec, payload=4096)
    if dnssec and compact:
        query.ednsflags |= 0x4000
    return (dns.query.tcp if tcp else dns.query.udp)(query, "127.0.0.1", port=daemon.port, timeout=20)


def signal(zone):
    return f"_dsboot.{zone}.{SIGNAL}."


def plain(text):
    return text.replace(" ", "").upper()


def records(answer):
    return sorted((rrset.name.to_text(), rrset.ttl, plain(rdata.to_text())) for rrset in answer.answer
                  if rrset.rdtype != dns.rdatatype.RRSIG for rdata in rrset)


def rcode(answer):
    return dns.rcode.to_text(answer.rcode())


def types(answer):
    nsec = [rrset for rrset in answer.authority if rrset.rdtype == dns.rdatatype.NSEC]
    assert len(nsec) == 1, answer
    return set(nsec[0][0].to_text().split()[1:]) - {"RRSIG", "NSEC"}


def check_validates(daemon, answer, count):
    name = dns.name.from_text(SIGNAL)
    keys = {name: ask(daemon, SIGNAL, "DNSKEY").find_rrset(dns.message.ANSWER, name, dns.rdataclass.IN, dns.rdatatype.DNSKEY)}
    seen = 0
    for rrset in answer.answer + answer.authority:
        if rrset.rdtype == dns.rdatatype.RRSIG:
            continue
        rows = answer.answer if rrset in answer.answer else answer.authority
        dns.dnssec.validate(rrset, answer.find_rrset(rows, rrset.name, dns.rdataclass.IN, dns.rdatatype.RRSIG, covers=rrset.rdtype), keys)
        seen += 1
    assert seen == count, answer


def delv(daemon, space, name, qtype):
    path = [file for file in os.listdir(space.path) if file.startswith("K_signal") and file.endswith(".key")][0]
    with open(os.path.join(space.path, path), encoding="utf-8") as lines:
        words = [line for line in lines if " DNSKEY " in line][0].split()
    words = words[words.index("DNSKEY") + 1:]
    anchor = space.write("anchor", 'trust-anchors {\n"%s." static-key %s %s %s "%s";\n};\n' % (SIGNAL, *words[:3], "".join(words[3:])))
    done = subprocess.run(["delv", "@127.0.0.1", "-p", str(daemon.port), "-a", anchor, "+root=" + SIGNAL, name, qtype],
                          capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_signals_are_the_zones_own_records():
    with harness.Workspace() as space:
        daemon = serve(space)
        name = signal("example.org")
        for tcp in (True, False):
            answer = ask(daemon, name, "CDS", tcp=tcp)
            assert answer.flags & dns.flags.AA and records(answer) == [(name, 777, plain(CDS))], answer
        assert records(ask(daemon, name, "CDNSKEY")) == [(name, 778, plain(CDNSKEY))]
        assert len(records(ask(daemon, name, "ANY"))) == 2
        assert len(records(ask(daemon, signal("a.b.deep.test"), "CDS"))) == 2
        assert len(records(ask(daemon, signal(LONG), "CDS"))) == 1
        assert [row[1] for row in records(ask(daemon, name.upper(), "CDS"))] == [777]
        for qtype in ("CDS", "CDNSKEY"):  # made by dnssec in the zone's block, and not signed by its keys
            own, said = ask(daemon, "online.test", qtype), ask(daemon, signal("online.test"), qtype, dnssec=True)
            assert [row[1:] for row in records(own)] == [row[1:] for row in records(said)] != []
            check_validates(daemon, said, 1)
        assert records(ask(daemon, SIGNAL, "NS")) == [(SIGNAL + ".", 3600, SERVER.upper() + ".")]
        assert records(ask(daemon, SIGNAL, "SOA"))[0][2].startswith(SERVER.upper() + "..1")


def test_what_is_not_there_is_denied():
    with harness.Workspace() as space:
        daemon = serve(space)
        absent = [signal(zone) for zone in ("other.test", "plain.test", "example.net", "sub.example.net", "nosuch.test", "secret.test",
                                            "x.a.b.deep.test", "deep.test", LONG[1:], SIGNAL)]
        absent += [f"_dsboot.{SIGNAL}", f"nosuch.{SIGNAL}", f"x.{signal('example.org')}", f"_dsboot.{signal('example.org')}",
                   f"*.{SIGNAL}", f"\\000.{SIGNAL}", ".".join(["a"] * 100) + "." + SIGNAL, f"_signal.{SIGNAL}"]
        for name in absent:
            answer = ask(daemon, name, "CDS", dnssec=True)
            assert rcode(answer) == "NXDOMAIN" and answer.flags & dns.flags.AA and not answer.answer, (name, answer)
            assert types(answer) == {"NXNAME"} or types(answer) == {"TYPE128"}, answer
            check_validates(daemon, answer, 2)
        soa = ask(daemon, absent[0], "CDS").authority[0]
        assert soa.rdtype == dns.rdatatype.SOA and soa.ttl == 300 and soa.name.to_text() == SIGNAL + "."
        for name, qtype, wanted in ((signal("example.org"), "A", {"CDS", "CDNSKEY"}), (signal("a.b.deep.test"), "CDNSKEY", {"CDS"}),
                                    (f"org.{SIGNAL}", "CDS", set()), (f"example.org.{SIGNAL}", "A", set()),
                                    (f"deep.test.{SIGNAL}", "A", set()), (SIGNAL, "TXT", {"NS", "SOA", "DNSKEY"})):
            answer = ask(daemon, name, qtype, dnssec=True)
            assert rcode(answer) == "NOERROR" and not answer.answer and types(answer) == wanted, (name, answer)
            check_validates(daemon, answer, 2)
        answer = ask(daemon, signal("late.test"), "CDS", dnssec=True)
        assert rcode(answer) == "SERVFAIL", answer
        for name, wanted in ((SIGNAL, "REFUSED"), (signal("example.org"), "NOTAUTH")):
            assert rcode(ask(daemon, name, "AXFR")) == wanted


def test_delv_validates_by_both_denials():
    for denial in ("compact", "nsec3"):
        with harness.Workspace() as space:
            daemon = serve(space, denial=denial)
            for name, qtype in ((signal("example.org"), "CDS"), (signal("example.org"), "CDNSKEY"), (signal("example.org"), "A"),
                                (signal("a.b.deep.test"), "CDNSKEY"), (signal("nosuch.test"), "CDS"), (f"org.{SIGNAL}", "CDS"),
                                (SIGNAL, "SOA"), (SIGNAL, "NS"), (SIGNAL, "A")):
                told = delv(daemon, space, name, qtype)
                assert "fully validated" in told, (denial, name, qtype, told)


def test_signals_follow_their_zones():
    with harness.Workspace() as space:
        daemon = serve(space, "org deep.test plain.test")
        assert rcode(ask(daemon, signal("online.test"), "CDS")) == "NXDOMAIN", "it is not among the zones"
        assert rcode(ask(daemon, f"online.test.{SIGNAL}", "A")) == "NXDOMAIN"
        assert records(ask(daemon, signal("example.org"), "CDS"))
        text = zone_text("plain.test", [SERVER + "."], f"@ 9 CDS {CDS}").replace("h 1 ", "h 2 ")
        space.write("db.plain.test", text)
        limit = time.monotonic() + 60
        while not (seen := records(ask(daemon, signal("plain.test"), "CDS"))) and time.monotonic() < limit:
            time.sleep(0.02)
        assert seen == [(signal("plain.test"), 9, plain(CDS))], seen


class Backend:
    """A zone that another program answers for, so that each question waits for it."""

    def __init__(self):
        sys.path.insert(0, os.path.join(harness.ROOT, "examples", "grpc-backend"))
        import backend
        self.fails = False
        self.server, self.port = backend.serve(self, "127.0.0.1:0", None, workers=8)

    def query(self, wire, context):
        query = dns.message.from_wire(wire)
        if self.fails:
            context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        data = {"NS": SERVER + ".", "CDNSKEY": CDNSKEY}.get(dns.rdatatype.to_text(query.question[0].rdtype))
        if data is not None:
            reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", query.question[0].rdtype, data))
        return reply.to_wire()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop(0).wait()


def test_zones_that_must_be_waited_for():
    if grpc is None:
        raise harness.Skip("python3-grpcio is not installed")
    with harness.Workspace() as space, Backend() as backend:
        daemon = serve(space, more=f"waits.test:{{port}} {{\n grpc . 127.0.0.1:{backend.port}\n}}\n")
        for _ in range(20):
            answer = ask(daemon, signal("waits.test"), "CDNSKEY", dnssec=True)
            assert records(answer) == [(signal("waits.test"), 60, plain(CDNSKEY))], answer
            check_validates(daemon, answer, 1)
        answer = ask(daemon, signal("waits.test"), "CDS", dnssec=True)
        assert rcode(answer) == "NOERROR" and types(answer) == {"CDNSKEY"}, answer
        assert rcode(ask(daemon, signal("x.waits.test"), "CDS")) == "NOERROR", "the backend says that it is a zone, too"
        backend.fails = True
        assert rcode(ask(daemon, signal("waits.test"), "CDNSKEY")) == "SERVFAIL"


def test_corefiles_that_make_no_sense():
    for corefile, told in (("example.org {\n signal\n}\n", "signal stands in a block that is for something else"),
                           ("_signal {\n signal\n}\n", "signal stands in a block that is for something else"),
                           (". {\n signal\n}\n", "signal stands in a block that is for something else"),
                           ("_signal.a {\n signal\n signal\n}\n", "a second signal line in this block")):
        with harness.Workspace() as space:
            done = subprocess.run([harness.need_ours("bailiwickd"), "-check", "-conf", space.write("Corefile", corefile)],
                                  capture_output=True, text=True, timeout=30)
            assert done.returncode == 1 and told in done.stdout + done.stderr, done

