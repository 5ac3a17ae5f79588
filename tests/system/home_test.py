"""The example of bailiwick-partial(7): own names at home, the rest asked of a validating resolver over TLS, and
remembered. What the clients see at the seam: flags, DNSSEC records, denials; by dig, kdig, delv and unbound."""

import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import harness
import server
from man_corefile_test import MAN, corefiles
from signer_more_test import Unbound, answers_of_delv, serve
from signer_test import ORIGIN, ZONE, read, signer
from upstream import make_certificate

HOUSE = """$TTL 60
@ SOA house hostmaster 1 3600 600 86400 60
@ NS house
house A 192.168.1.1
printer A 192.168.1.9
"""


class Resolver(Unbound):
    """It serves over TLS, too."""

    def __init__(self, space, upstream, anchor):
        super().__init__(space.directory("resolver"), upstream, anchor)
        self.tls_port = harness.free_port()
        make_certificate(self.directory)

    def command(self):
        words = super().command()
        with open(words[-1], encoding="ascii") as file:
            text = file.read()
        text = text.replace("server:\n", f"""server:
    interface: 127.0.0.1@{self.tls_port}
    tls-port: {self.tls_port}
    tls-service-key: {self.directory}/key.pem
    tls-service-pem: {self.directory}/cert.pem
    ede: yes
""", 1)
        harness.write_file(self.directory, "unbound.conf", text)
        return words


class Behind(Unbound):
    """It forwards: asks for recursion, as a resolver in a home does."""

    def command(self):
        words = super().command()
        with open(words[-1], encoding="ascii") as file:
            text = file.read().replace("stub-", "forward-")
        harness.write_file(self.directory, "unbound.conf", text)
        return words


def the_example(space, resolver):
    """The Corefile of the page, with our resolver for the ones of the example."""
    text = dict(corefiles(os.path.join(MAN, "bailiwick-partial.7")))["home"]
    space.write("db.house", HOUSE)
    text, times = re.subn(r"forward \. tls://\S+ tls://\S+ \{", f"forward . tls://127.0.0.1:{resolver.tls_port} {{\n        "
                          f"tls {resolver.directory}/cert.pem", text)
    assert times == 1
    text, times = re.subn("dns.example.net", "dns.example", text)
    assert times == 1
    return re.sub(r"^\. \{", ".:{port} {\n    bind 127.0.0.1\n    root %s" % space.path, text)


def world(space):
    """The signed zone in the world, with a name whose signature is forged; its DS and a trust anchor for delv."""
    space.write("db", ZONE)
    name = signer(space, "keygen", ORIGIN).strip()
    signer(space, "sign", "db", "out")
    text, times = re.subn(r"^(mail\.example\.org\.\t3600\tIN\tA\t).*$", r"\g<1>192.0.2.99", read(space, "out"), flags=re.M)
    assert times == 1
    space.write("out", text)
    words = re.search(r"IN DNSKEY (\d+) (\d+) (\d+) (.*)", read(space, name + ".key")).groups()
    anchor = space.write("anchor", 'trust-anchors {\n"%s." static-key %s %s %s "%s";\n};\n' % (
        ORIGIN, *words[:3], words[3].replace(" ", "")))
    return serve(space, os.path.join(space.path, "out")), signer(space, "ds", ORIGIN).strip(), anchor


def started(space, resolver):
    space.servers.append(resolver)
    resolver.launch()
    resolver.wait()
    return resolver


def ask(port, name, kind="A", flags=dns.flags.RD, **options):
    query = dns.message.make_query(f"{name}.{ORIGIN}", kind, flags=flags, **options)
    return dns.query.udp(query, "127.0.0.1", port=port, timeout=20)


def types(answer, section):
    return {dns.rdatatype.to_text(rrset.rdtype) for rrset in getattr(answer, section)}


def has(answer, words):
    told = dns.flags.to_text(answer.flags).split()
    for word in words.split():
        assert (word[1:] in told) == (word[0] == "+"), f"{words}: {answer}"


def local_names(port):
    answer = ask(port, "printer", want_dnssec=True)
    assert answer.answer[0][0].to_text() == "192.168.1.9" and types(answer, "answer") == {"A"}
    has(answer, "+AA +RA -AD")
    answer = ask(port, "printer", "AAAA")
    assert answer.rcode() == 0 and not answer.answer, "the name exists here, whatever the world says"
    assert ask(port, "house").answer[0][0].to_text() == "192.168.1.1"


def names_of_the_world(port):
    answer = ask(port, "www", want_dnssec=True)
    assert types(answer, "answer") == {"A", "RRSIG"}, answer
    has(answer, "-AA +RA +AD")
    for _ in range(2):  # from the resolver, then from the cache
        answer = ask(port, "www", flags=dns.flags.RD | dns.flags.AD)
        assert types(answer, "answer") == {"A"}, "no signatures for who does not ask"
        has(answer, "-AA +RA +AD")
        has(ask(port, "www"), "-AD")
    for _ in range(2):
        answer = ask(port, "nope", want_dnssec=True)
        assert answer.rcode() == 3 and {"SOA", "RRSIG", "NSEC"} <= types(answer, "authority"), answer
        has(answer, "-AA +RA +AD")
        assert max(rrset.ttl for rrset in answer.authority) <= 30, "the cache's TTL"
        answer = ask(port, "www", "SRV", want_dnssec=True)
        assert answer.rcode() == 0 and {"SOA", "RRSIG", "NSEC"} <= types(answer, "authority"), answer
        assert types(ask(port, "nope"), "authority") == {"SOA"}
    for _ in range(2):
        assert ask(port, "mail", want_dnssec=True).rcode() == 2, "forged, says the resolver"
        answer = ask(port, "mail", flags=dns.flags.RD | dns.flags.CD, want_dnssec=True)
        assert answer.rcode() == 0 and types(answer, "answer") == {"A", "RRSIG"}, "who checks for himself gets it"
        has(answer, "-AD +CD")


def tools(space, port, anchor):
    dig = subprocess.run(["dig", "@127.0.0.1", "-p", str(port), "+dnssec", "www." + ORIGIN, "A"], capture_output=True, text=True,
                         timeout=60, check=True).stdout
    assert re.search(r"flags: qr rd ra ad;", dig) and "RRSIG" in dig and "flags: do" in dig, dig
    kdig = subprocess.run(["kdig", "@127.0.0.1", "-p", str(port), "+dnssec", "+tcp", "nope." + ORIGIN, "A"], capture_output=True,
                          text=True, timeout=60, check=True).stdout
    assert "status: NXDOMAIN" in kdig and "NSEC" in kdig, kdig

    class Asked:  # as delv's helper wants it
        pass

    Asked.port = port
    for name, kind in (("www", "A"), ("nope", "A"), ("www", "SRV"), ("x.wild", "TXT")):
        told = answers_of_delv(space, Asked, anchor, f"{name}.{ORIGIN}", kind)
        assert "fully validated" in told, (name, kind, told)
    assert "fully validated" not in answers_of_delv(space, Asked, anchor, "printer." + ORIGIN, "A"), "as the caveat says"


def behind_it(space, port, anchor):
    """A validating resolver that asks the home server: the world is sound, the local names are forgeries to it."""
    behind = started(space, Behind(space.directory("behind"), port, anchor))
    answer = ask(behind.port, "www", want_dnssec=True)
    assert answer.rcode() == 0 and types(answer, "answer") == {"A", "RRSIG"}, answer
    has(answer, "+AD")
    assert ask(behind.port, "nope", want_dnssec=True).rcode() == 3
    assert ask(behind.port, "printer").rcode() == 2, "as the caveat says"


def test_home_and_vpn():
    for tool in ("unbound", "dig", "kdig", "delv"):
        if harness.program(tool) is None:
            raise harness.Skip(f"{tool} is not installed")
    with harness.Workspace() as space:
        authority, ds, anchor = world(space)
        resolver = started(space, Resolver(space, authority.port, ds))
        daemon = server.start(space, the_example(space, resolver))
        local_names(daemon.port)
        names_of_the_world(daemon.port)
        tools(space, daemon.port, anchor)
        behind_it(space, daemon.port, ds)
        resolver.stop()  # what is here goes on, what is not is SERVFAIL in time
        begun = time.monotonic()
        assert ask(daemon.port, "unknown").rcode() == 2 and time.monotonic() - begun < 20
        local_names(daemon.port)
