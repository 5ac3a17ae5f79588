"""The dnssec plugin: what it signs validates by delv and by dnspython, whoever made the answer."""

import os
import re
import socket
import struct
import subprocess
import sys
import threading

import dns.dnssec
import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server

IN = dns.rdataclass.IN
LONG = ".".join("x" * 49 for _ in range(4)) + "." + "y" * 41
ZONE = """$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
@ MX 10 mail
ns A 192.0.2.1
mail A 192.0.2.25
www 77 A 192.0.2.80
www AAAA 2001:db8::80
alias CNAME www
gone CNAME nothing
out CNAME www.example.net.
*.wild A 192.0.2.90
d DNAME target
a.target A 192.0.2.7
a.b.ent TXT x
sub NS ns.sub
ns.sub A 192.0.2.53
secure NS ns.secure
secure DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.secure A 192.0.2.54
"""


def keygen(space, *arguments):
    done = subprocess.run([harness.need_ours("signer"), "keygen", *arguments, "example.org"], cwd=space.path, capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def serve(space, keys, options="", chain=None, more=""):
    zone = space.write("zone", ZONE)
    chain = chain or "file %s" % zone
    return server.start(space, "example.org:{port} {\n root %s\n dnssec {\n  key file %s\n  %s\n }\n %s\n}\n%s" % (
        space.path, " ".join(keys), options, chain, more))


def ask(daemon, name, qtype="A", dnssec=True, compact=False):
    full = name + ".example.org" if name not in ("@", "") else "example.org"
    query = dns.message.make_query(full, qtype, want_dnssec=dnssec, payload=4096)
    if compact:
        query.ednsflags |= 0x4000
    return dns.query.tcp(query, "127.0.0.1", port=daemon.port, timeout=5)


def key_set(daemon):
    answer = ask(daemon, "@", "DNSKEY")
    keys = answer.find_rrset(answer.answer, dns.name.from_text("example.org"), IN, dns.rdatatype.DNSKEY)
    return {dns.name.from_text("example.org"): keys}


def validate(answer, keys, sections=("answer", "authority"), unsigned=()):
    """Every RRset of these sections has a signature that is right. The number of them."""
    count = 0
    for section in sections:
        rrsets = getattr(answer, section)
        for rrset in rrsets:
            if rrset.rdtype == dns.rdatatype.RRSIG or (rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype)) in unsigned:
                continue
            sigs = answer.find_rrset(rrsets, rrset.name, IN, dns.rdatatype.RRSIG, covers=rrset.rdtype)
            dns.dnssec.validate(rrset, sigs, keys)
            assert sigs.ttl == rrset.ttl, "the TTL is that of the records"
            count += 1
    return count


def delv(daemon, space, name, qtype):
    key = [f for f in os.listdir(space.path) if f.endswith(".key")][0]
    with open(os.path.join(space.path, key), encoding="utf-8") as lines:
        words = [line for line in lines if " DNSKEY " in line][0].split()
    words = words[words.index("DNSKEY") + 1:]
    anchor = space.write("anchor", 'trust-anchors {\n"example.org." static-key %s %s %s "%s";\n};\n' % (
        words[0], words[1], words[2], "".join(words[3:])))
    full = name + ".example.org" if name != "@" else "example.org"
    done = subprocess.run(["delv", "@127.0.0.1", "-p", str(daemon.port), "-a", anchor, "+root=example.org", full, qtype],
                          capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


def test_delv_validates_every_kind_of_answer():
    with harness.Workspace() as space:
        daemon = serve(space, [keygen(space)], "cds")
        for name, qtype in (("www", "A"), ("www", "TXT"), ("nope", "A"), ("a.b.c.nope", "A"), ("alias", "A"), ("alias", "TXT"),
                            ("gone", "A"), ("ent", "A"), ("b.ent", "TXT"), ("x.wild", "A"), ("x.wild", "TXT"), ("*.wild", "A"),
                            ("@", "SOA"), ("@", "NS"), ("@", "DNSKEY"), ("@", "CDS"), ("@", "CDNSKEY"), ("@", "TXT"), ("a.d", "A"),
                            (LONG, "A"), (LONG[1:], "A"), (LONG[2:], "A"), (LONG[3:], "A"), ("sub", "DS"), ("secure", "DS")):
            told = delv(daemon, space, name, qtype)
            assert "fully validated" in told, (name, qtype, told)


def test_delv_validates_denial_by_nsec3():
    with harness.Workspace() as space:
        daemon = serve(space, [keygen(space)], "denial nsec3")
        for name, qtype in (("www", "A"), ("www", "TXT"), ("nope", "A"), ("a.b.c.nope", "A"), ("x.www", "A"), ("alias", "TXT"),
                            ("gone", "A"), ("ent", "A"), ("c.b.ent", "TXT"), ("x.wild", "A"), ("x.wild", "TXT"), ("@", "TXT"),
                            ("@", "NSEC3PARAM"), ("x.target", "A"), (LONG, "A"), ("sub", "DS"), ("secure", "DS")):
            told = delv(daemon, space, name, qtype)
            assert "fully validated" in told, (name, qtype, told)
        keys = key_set(daemon)
        answer = ask(daemon, "a.b.c.nope")
        assert answer.rcode() == 3 and validate(answer, keys) == 4
        assert validate(ask(daemon, "x.sub"), keys, ("authority",), {("sub.example.org.", "NS")}) == 1


def test_every_algorithm_and_both_kinds_of_keys():
    for algorithm in ("RSASHA256", "ECDSAP256SHA256", "ECDSAP384SHA384", "ED25519", "ED448"):
        with harness.Workspace() as space:
            keys = [keygen(space, "-a", algorithm, "--ksk"), keygen(space, "-a", algorithm, "--zsk")]
            daemon = serve(space, keys)
            known = key_set(daemon)
            assert len(list(known.values())[0]) == 2
            ksk, zsk = (int(key.rsplit("+", 1)[1]) for key in keys)
            answer = ask(daemon, "www")
            assert validate(answer, known, ("answer",)) == 1
            assert {sig.key_tag for rrset in answer.answer if rrset.rdtype == dns.rdatatype.RRSIG for sig in rrset} == {zsk}
            answer = ask(daemon, "@", "DNSKEY")
            assert {sig.key_tag for rrset in answer.answer if rrset.rdtype == dns.rdatatype.RRSIG for sig in rrset} == {ksk}
            assert validate(ask(daemon, "nope"), known) == 2


def types_of(answer):
    nsec = [rrset for rrset in answer.authority if rrset.rdtype == dns.rdatatype.NSEC]
    assert len(nsec) == 1, answer
    text = nsec[0][0].to_text().split()
    return nsec[0].name.to_text(), text[0], set(text[1:])


def test_denial_is_compact_and_says_what_there_is():
    with harness.Workspace() as space:
        daemon = serve(space, [keygen(space)])
        keys = key_set(daemon)
        for name, qtype, wanted in (("nope", "A", {"TYPE128"}), ("www", "TXT", {"A", "AAAA"}), ("ent", "A", set()), ("b.ent", "A", set()),
                                    ("x.wild", "TXT", {"A"}), ("alias", "TXT", {"A", "AAAA"}), ("gone", "A", {"TYPE128"}),
                                    ("@", "TXT", {"NS", "SOA", "MX", "DNSKEY"}), ("sub", "DS", {"NS"})):
            answer = ask(daemon, name, qtype)
            assert answer.rcode() == 0, (name, answer)
            owner, following, types = types_of(answer)
            assert {t.replace("NXNAME", "TYPE128") for t in types} == wanted | {"RRSIG", "NSEC"}, (name, types)
            assert following == "\\000." + owner, (owner, following)
            validate(answer, keys)
            assert answer.find_rrset(answer.authority, dns.name.from_text("example.org"), IN, dns.rdatatype.SOA)
        assert ask(daemon, "nope", compact=True).rcode() == 3, "the client said that it understands"
        assert ask(daemon, "www", "TXT", compact=True).rcode() == 0
        for name, compact in (("nope", True), ("nope", False), ("www", True)):  # RFC 9824 5.1
            assert ask(daemon, name, compact=compact).ednsflags & 0x4000 == (0x4000 if compact else 0), (name, compact)
        answer = ask(daemon, "nope", dnssec=False)
        assert answer.rcode() == 3 and not [r for r in answer.authority if r.rdtype == dns.rdatatype.NSEC]


def test_delegations_are_signed_as_far_as_they_are_ours():
    with harness.Workspace() as space:
        daemon = serve(space, [keygen(space)])
        keys = key_set(daemon)
        answer = ask(daemon, "x.sub")
        assert types_of(answer)[2] == {"NS", "RRSIG", "NSEC"}
        validate(answer, keys, ("authority",), {("sub.example.org.", "NS")})
        answer = ask(daemon, "x.secure")
        assert answer.find_rrset(answer.authority, dns.name.from_text("secure.example.org"), IN, dns.rdatatype.DS)
        validate(answer, keys, ("authority",), {("secure.example.org.", "NS")})
        assert not [r for r in answer.additional if r.rdtype == dns.rdatatype.RRSIG], "glue is not signed"


def test_clients_that_do_not_ask_get_nothing_signed():
    with harness.Workspace() as space:
        daemon = serve(space, [keygen(space)])
        for name in ("www", "nope", "@"):
            answer = ask(daemon, name, dnssec=False)
            assert not [r for s in (answer.answer, answer.authority) for r in s if r.rdtype in (dns.rdatatype.RRSIG, dns.rdatatype.NSEC)]
        assert len(ask(daemon, "@", "DNSKEY", dnssec=False).answer) == 1


def test_answers_of_other_plugins_are_signed():
    with harness.Workspace() as space:
        chain = """hosts {
 192.0.2.99 inline.example.org
 fallthrough
}
template IN TXT example.org {
 answer "{{ .Name }} 60 IN TXT made"
}"""
        daemon = serve(space, [keygen(space)], chain=chain)
        keys = key_set(daemon)
        assert validate(ask(daemon, "inline"), keys, ("answer",)) == 1
        assert validate(ask(daemon, "anything", "TXT"), keys, ("answer",)) == 1


def test_a_zone_that_is_signed_stays_as_it_is():
    with harness.Workspace() as space:
        key = keygen(space)
        space.write("zone", ZONE)
        done = subprocess.run([harness.need_ours("signer"), "sign", "-q", "-o", "example.org", "zone", "signed"], cwd=space.path,
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        daemon = serve(space, [key], chain="file signed")
        answer = ask(daemon, "nope")
        assert answer.rcode() == 3 and "TYPE128" not in answer.to_text()
        validate(answer, key_set(daemon))


def test_signatures_are_kept_and_made_by_many_at_once():
    with harness.Workspace() as space:
        port = harness.free_port()
        daemon = serve(space, [keygen(space)], "cache_capacity 64", more="example.net:{port} {\n prometheus 127.0.0.1:%d\n}\n" % port)
        keys = key_set(daemon)
        first = ask(daemon, "www").answer[1]
        assert ask(daemon, "www").answer[1] == first, "the same signature again"
        failures = []

        def many(number):
            try:
                for turn in range(100):
                    name = ("www", "nope%d" % (turn % 40), "x%d.wild" % (turn + number))[turn % 3]
                    validate(ask(daemon, name), keys)
            except Exception as problem:  # told below, in the main thread
                failures.append((number, repr(problem)))
        threads = [threading.Thread(target=many, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures
        with socket.create_connection(("127.0.0.1", port), 5) as http:
            http.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            text = b""
            while (part := http.recv(65536)):
                text += part
        hits = int(re.search(rb"coredns_dnssec_cache_hits_total\{[^}]*\} (\d+)", text).group(1))
        entries = int(re.search(rb"coredns_dnssec_cache_entries\{[^}]*\} (\d+)", text).group(1))
        assert hits > 100 and 0 < entries <= 64, (hits, entries)


def test_mistakes_are_told():
    with harness.Workspace() as space:
        key = keygen(space)
        os.rename(os.path.join(space.path, key + ".private"), os.path.join(space.path, "kept"))
        for lines, zone, told in (("key file %s" % key, "example.org", "private"), ("key file none", "example.org", "none"),
                                  ("key file", "example.org", "key file KEY... is wanted"),
                                  ("key aws_secretsmanager x", "example.org", "not supported"),
                                  ("cache_capacity 1\nkey file none", "example.org", "cache_capacity")):
            corefile = space.write("Corefile", "%s {\n root %s\n dnssec {\n %s\n }\n whoami\n}\n" % (zone, space.path, lines))
            done = subprocess.run([harness.need_ours("bailiwickd"), "-check", "-conf", corefile], capture_output=True, text=True, timeout=20)
            assert done.returncode == 1 and told in done.stdout, (lines, done.stdout)
        os.rename(os.path.join(space.path, "kept"), os.path.join(space.path, key + ".private"))
        corefile = space.write("Corefile", "example.net {\n root %s\n dnssec {\n key file %s\n }\n whoami\n}\n" % (space.path, key))
        done = subprocess.run([harness.need_ours("bailiwickd"), "-check", "-conf", corefile], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and "this key is for example.org., which is not signed here" in done.stdout, done.stdout
