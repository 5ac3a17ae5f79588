"""Zones that move: from BIND's dnssec-policy to signer and the sign plugin and back, from Knot's key store and back. The
same keys go on, no signature is missing, nothing is published twice or withdrawn."""

import glob
import os
import re
import shutil
import sys

import dns.dnssec
import dns.message
import dns.query
import dns.rdatatype

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
from secure_test import Parent
from sign_test import ask, await_that, control, serve, signed, signer, transferred
from signer_test import peer

ZONE = """$ORIGIN example.org.
$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
"""
TIMES = "Published|Active|Retired|Removed|Generated|DNSKEYChange|ZRRSIGChange|KRRSIGChange|DSChange"


class Named(Parent):
    """example.org by BIND's default policy: one CSK for ever."""

    def __init__(self, directory, keys):
        super().__init__(directory)
        self.keys = keys

    def command(self):
        path = harness.write_file(self.directory, "zone", ZONE)
        self.extra = f"""zone "example.org" {{
    type primary;
    file "{path}";
    key-directory "{self.keys}";
    dnssec-policy default;
    inline-signing yes;
}};
"""
        return harness.Bind.command(self)


def dnskeys(server):
    query = dns.message.make_query("example.org.", "DNSKEY", want_dnssec=True)
    answer = dns.query.tcp(query, "127.0.0.1", port=server.port, timeout=5)
    return {rdata.to_text() for rrset in answer.answer if rrset.rdtype == dns.rdatatype.DNSKEY for rdata in rrset}


def signing_keys(server, name, qtype):
    query = dns.message.make_query(name, qtype, want_dnssec=True)
    answer = dns.query.tcp(query, "127.0.0.1", port=server.port, timeout=5)
    return {rdata.key_tag for rrset in answer.answer if rrset.rdtype == dns.rdatatype.RRSIG for rdata in rrset}


def launch(space, named):
    space.servers.append(named)
    named.launch()
    await_that("BIND's signatures", lambda: signing_keys(named, "www.example.org.", "A"), 30)
    return named


def state_of(space):
    with open(glob.glob(os.path.join(space.path, "keys", "*.state"))[0], encoding="ascii") as file:
        return file.read()


def states(text):
    return dict(re.findall(r"^(\w+State): (\w+)", text, re.M))


def test_from_bind_and_back():
    """BIND's .state is read, what the sign plugin writes BIND reads; one key all the time."""
    with harness.Workspace() as space:
        space.write("zone", ZONE)
        keys = space.directory("keys")
        named = launch(space, Named(space.directory("named"), keys))
        first, tag = dnskeys(named), signing_keys(named, "www.example.org.", "A")
        named.stop()
        theirs = state_of(space)
        assert states(theirs)["DNSKEYState"] == "rumoured"
        told = signer(space, "status", "-K", "keys", "example.org")
        assert "CSK ECDSAP256SHA256 %d: in use" % tuple(tag) in told and "DNSKEY rumoured" in re.sub(" +", " ", told), told
        daemon = serve(space, "policy default")
        await_that("a signed zone", lambda: signed(daemon), 20)
        assert dnskeys(daemon) == first and signing_keys(daemon, "www.example.org.", "A") == tag
        assert control(daemon, "zone", "example.org")["current"]
        transferred(daemon, space)
        daemon.stop()
        assert len(glob.glob(os.path.join(keys, "*.key"))) == 1
        ours = state_of(space)
        assert states(ours) == states(theirs), ours
        named = launch(space, Named(space.directory("named2"), keys))
        assert dnskeys(named) == first and signing_keys(named, "www.example.org.", "A") == tag
        assert len(glob.glob(os.path.join(keys, "*.key"))) == 1
        named.stop()
        assert states(state_of(space)) == states(theirs), state_of(space)


def test_states_that_we_wrote_are_binds():
    """dnssec-settime and dnssec-keygen -k beside signer roll."""
    with harness.Workspace() as space:
        keys = space.directory("keys")
        space.write("named.conf", 'dnssec-policy "p" { keys { csk lifetime P1Y algorithm ecdsap256sha256; }; };\n')
        theirs = peer(space, "dnssec-keygen", "-q", "-K", "keys", "-k", "p", "-l", "named.conf", "example.org").strip()
        assert "CSK ECDSAP256SHA256 %d" % int(theirs[-5:]) in signer(space, "status", "-K", "keys", "--policy", "named.conf:p", "example.org")
        signer(space, "roll", "-K", "keys", "--policy", "named.conf:p", "example.org")
        assert glob.glob(os.path.join(keys, "*.key")) == [os.path.join(keys, theirs + ".key")], "no other key"
        assert states(state_of(space))["DNSKEYState"] == "rumoured"
        peer(space, "dnssec-settime", "-K", "keys", "-s", "-g", "OMNIPRESENT", "-k", "OMNIPRESENT", "20260101000000",
             "-z", "OMNIPRESENT", "20260101000000", "-r", "OMNIPRESENT", "20260101000000", "-d", "OMNIPRESENT", "20260101000000", theirs)
        told = signer(space, "status", "-K", "keys", "--policy", "named.conf:p", "example.org")
        assert told.count("omnipresent since 2026-01-01 00:00:00") == 4, told
        ours = signer(space, "keygen", "-K", "keys", "example.net")
        signer(space, "roll", "-K", "keys", "example.net")
        told = peer(space, "dnssec-settime", "-K", "keys", "-p", "all", ours)
        assert "Publish" in told, told
        before = open(os.path.join(keys, ours + ".state"), encoding="ascii").read()
        peer(space, "dnssec-settime", "-K", "keys", "-s", "-d", "RUMOURED", "20260101000000", ours)
        after = open(os.path.join(keys, ours + ".state"), encoding="ascii").read()
        assert states(after) == {**states(before), "DSState": "rumoured"}, after


def knot(space, more=""):
    return space.write("knot.conf", f"""database:
  storage: {space.directory("knot")}
policy:
  - id: p
    single-type-signing: on
    manual: on
zone:
  - domain: example.org
    storage: {space.path}
    file: zone
    dnssec-signing: on
    dnssec-policy: p
{more}""")


def records(path, kind):
    with open(path, encoding="utf-8") as file:
        return {re.sub(r"\s+", " ", line.split(kind, 1)[1]).strip() for line in file if re.search(r"\s%s\s" % kind, line) and "RRSIG" not in line
                and "NSEC" not in line}


def key_of(records_):
    """The octets of one DNSKEY, however they are laid out."""
    text, = records_
    return re.sub(r"\s+", "", text.split(";")[0])


def test_from_knot_and_back():
    with harness.Workspace() as space:
        space.write("zone", ZONE)
        conf = knot(space)
        peer(space, "keymgr", "-c", conf, "example.org", "generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes")
        peer(space, "kzonesign", "-c", conf, "-o", space.directory("signed"), "example.org")
        theirs, = glob.glob(os.path.join(space.path, "signed", "*"))
        pem, = glob.glob(os.path.join(space.path, "knot", "keys", "keys", "*.pem"))
        signer(space, "import", "--zone", "example.org", "-a", "ECDSAP256SHA256", pem)
        signer(space, "sign", "zone", "ours")
        signer(space, "verify", "ours")
        assert key_of(records(theirs, "DNSKEY")) == key_of(records(os.path.join(space.path, "ours"), "DNSKEY"))
        shutil.rmtree(os.path.join(space.path, "knot"))
        shutil.rmtree(os.path.join(space.path, "signed"))
        conf = knot(space)
        name = os.path.basename(glob.glob(os.path.join(space.path, "Kexample.org.*.key"))[0])[:-4]
        peer(space, "keymgr", "-c", conf, "example.org", "import-bind", name)
        peer(space, "keymgr", "-c", conf, "example.org", "set", name[-5:].lstrip("0"), "ksk=yes", "zsk=yes")
        peer(space, "kzonesign", "-c", conf, "-o", space.directory("signed"), "example.org")
        theirs, = glob.glob(os.path.join(space.path, "signed", "*"))
        signer(space, "verify", "-o", "example.org", theirs)
        assert key_of(records(theirs, "DNSKEY")) == key_of(records(os.path.join(space.path, "ours"), "DNSKEY"))
