"""signer beside other signers, parents and resolvers: policies, foreign keys, signalling, CSYNC and DSYNC, the KSK
roll of the man page, and validation by delv and unbound of what bailiwickd serves."""

import glob
import os
import re
import shutil
import subprocess
import sys
import time

import dns.exception
import dns.flags
import dns.message
import dns.query

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from signer_test import ORIGIN, ROOT, ZONE, peer, read, signer

DAY = 86400
POLICY = """dnssec-policy "three" {
    keys { csk lifetime unlimited algorithm ecdsap256sha256; };
    nsec3param iterations 0 optout no salt-length 4;
    cds-digest-types { sha-384; };
    signatures-validity 20d;
    signatures-refresh 7d;
    dnskey-ttl 2h;
};
"""


def records(space, name, kind):
    """Rdata of all records of a type."""
    return re.findall(r"^\S+\t\d+\tIN\t%s\t(.*)$" % kind, read(space, name), re.M)


def test_a_policy_says_how_to_sign():
    with harness.Workspace() as space:
        space.write("db", ZONE)
        space.write("policy", POLICY)
        signer(space, "keygen", ORIGIN)
        signer(space, "sign", "--policy", "policy", "db", "out")
        salts = records(space, "out", "NSEC3PARAM")
        assert re.fullmatch(r"1 0 0 [0-9A-F]{8}", salts[0]), salts
        assert records(space, "out", "CDS")[0].split()[2] == "4"
        assert re.search(r"^example\.org\.\t7200\tIN\tDNSKEY\t", read(space, "out"), re.M)
        assert "unchanged" in signer(space, "sign", "--policy", "policy:three", "db", "out")
        signer(space, "sign", "--policy", "policy", "--fresh", "--cds-digest", "SHA-256", "db", "out")
        assert records(space, "out", "NSEC3PARAM") == salts
        assert records(space, "out", "CDS")[0].split()[2] == "2"
        assert "no dnssec-policy" in signer(space, "sign", "--policy", "policy:four", "db", "out", status=2)


def test_two_signers_of_one_zone():
    """RFC 8901, model 2: each has keys of its own and publishes the other's."""
    with harness.Workspace() as space:
        space.write("db", ZONE)
        for name in "ab":
            os.mkdir(os.path.join(space.path, name))
            for kind in ("--ksk", "--zsk"):
                signer(space, "keygen", "-K", name, kind, ORIGIN)
        theirs = {name: glob.glob(os.path.join(space.path, name, "*.key")) for name in "ab"}
        for name, other in (("a", "b"), ("b", "a")):
            for path in theirs[other]:
                shutil.copy(path, os.path.join(space.path, name))
        for name in "ab":
            told = signer(space, "sign", "-K", name, "--cds", "db", "out." + name)
            assert told.count("no private part is here") == 2, told
            peer(space, "ldns-verify-zone", "out." + name)
        for kind in ("DNSKEY", "CDS", "CDNSKEY"):
            assert sorted(records(space, "out.a", kind)) == sorted(records(space, "out.b", kind)), kind
        assert len(records(space, "out.a", "DNSKEY")) == 4
        signers = {name: {words.split()[6] for words in records(space, "out." + name, "RRSIG")} for name in "ab"}
        assert not signers["a"] & signers["b"], signers
        for path in glob.glob(os.path.join(space.path, "a", "*.private")):
            os.remove(path)
        assert "not written" in signer(space, "sign", "-K", "a", "db", "out.a", status=1)


def test_signalling_records():
    with harness.Workspace() as space:
        space.write("db", ZONE)
        signer(space, "keygen", ORIGIN)
        text = signer(space, "signal", "db")
        owner = "_dsboot.example.org._signal.ns2.example.net. 3600 IN "
        assert "; ns1.example.org. is within the zone" in text
        assert owner + "CDS " + signer(space, "ds", ORIGIN).split(" DS ")[1] in text
        assert owner + "CDNSKEY 257 3 13 " in text
        space.write("db.net", "$ORIGIN example.net.\n$TTL 60\n@ SOA ns2 h 1 2 3 4 5\n@ NS ns2\nns2 A 192.0.2.1\n" + text)
        signer(space, "keygen", "example.net")
        signer(space, "sign", "-o", "example.net", "db.net", "out.net")
        peer(space, "ldns-verify-zone", "out.net")
        space.write("db.in", ZONE.replace("@ NS ns2.example.net.\n", ""))
        assert "nothing to signal" in signer(space, "signal", "db.in", status=1)


def test_csync_and_dsync():
    with harness.Workspace() as space:
        space.write("db", ZONE + "*._dsync DSYNC CDS NOTIFY 1 old.example.net.\n")
        signer(space, "keygen", ORIGIN)
        signer(space, "sign", "--csync", "--dsync", "Scan.example.net:5300", "db", "out")
        assert records(space, "out", "CSYNC") == ["0 1 A NS AAAA"]
        assert records(space, "out", "DSYNC") == ["CDS NOTIFY 5300 scan.example.net.", "CSYNC NOTIFY 5300 scan.example.net."]
        signer(space, "verify", "out")
        assert "unchanged" in signer(space, "sign", "--csync", "--dsync", "scan.example.net:5300", "db", "out")
        assert "port" in signer(space, "sign", "--dsync", "host:port", "db", "out", status=2)


def test_states_keep_step_with_times():
    with harness.Workspace() as space:
        space.write("db", ZONE)
        name = signer(space, "keygen", ORIGIN).strip()
        signer(space, "settime", "-I", "20400101000000", "-D", "20400201000000", name)
        state = read(space, name + ".state")
        assert "Retired: 20400101000000" in state and "Removed: 20400201000000" in state, state
        revoked = signer(space, "revoke", name).strip()
        assert revoked != name and not os.path.exists(os.path.join(space.path, name + ".state"))
        assert "Revoked: 20" in read(space, revoked + ".state")
        managed = signer(space, "keygen", "example.com").strip()
        signer(space, "roll", "example.com")
        assert "signer roll manages" in signer(space, "settime", "-D", "now", managed, status=2)
        signer(space, "settime", "-I", "now+1d", managed)
        assert "is made" in signer(space, "roll", "--now", "now+2d", "example.com")


def test_the_ksk_roll_of_the_man_page():
    """Its examples, a day from one signer roll to the next, and then each day what it says to run each day."""
    with open(os.path.join(ROOT, "man", "signer.8"), encoding="utf-8") as file:
        blocks = re.findall(r'^\.\\" shell: ksk-roll\n\.Bd -literal.*\n((?:(?!\.Ed).*\n)*)', file.read(), re.M)
    lines = [re.fullmatch(r"\$ signer (.*)", line)[1] for block in blocks for line in block.splitlines()]
    assert len(lines) == 8, lines
    with harness.Workspace() as space:
        space.write("db.example.org", ZONE)
        now = 1800000000
        old = signer(space, "keygen", "--now", f"@{now}", ORIGIN).strip()
        tags = {"12345": str(int(old[-5:]))}
        signer(space, "sign", "--now", f"@{now}", "db.example.org", "db.example.org.signed")
        now += 10 * DAY
        told = {}
        daily = ["roll example.org", "sign db.example.org db.example.org.signed"]
        for number, line in enumerate(lines + daily * 12):
            now += DAY if line.startswith("roll") else 0
            words = [tags.get(word, word) for word in line.split()]
            told[words[0]] = signer(space, words[0], "--now", f"@{now}", *words[1:])
            made = re.search(r" (\d+): is made", told[words[0]])
            if made:
                tags["54321"] = made[1]
            if words[0] == "sign":
                signer(space, "verify", "--at", f"@{now}", "--until", f"@{now + DAY}", "db.example.org.signed")
            if number == 2:
                assert f"--ds-seen {tags['54321']}" in told["roll"] and f"--ds-gone {tags['12345']}" in told["roll"]
            if number == 4:
                assert f" DS {tags['54321']} " in told["ds"] and tags["12345"] + " 13" not in told["ds"]
        keys = records(space, "db.example.org.signed", "DNSKEY")
        assert len(keys) == 1, keys
        assert {words.split()[6] for words in records(space, "db.example.org.signed", "RRSIG")} == {tags["54321"]}


def serve(space, zone):
    return server.start(space, f"""{ORIGIN}:{{port}} {{
    file {zone}
}}
""")


def answers_of_delv(space, daemon, anchor, name, kind):
    done = subprocess.run(["delv", "@127.0.0.1", "-p", str(daemon.port), "-a", anchor, "+root=" + ORIGIN, name, kind],
                          cwd=space.path, capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


class Unbound(harness.Server):
    """A validating resolver that asks one server for example.org and trusts one DS."""

    kind = "unbound"

    def __init__(self, directory, upstream, anchor):
        super().__init__(directory, {ORIGIN: "/dev/null"})
        self.upstream, self.anchor = upstream, anchor

    def command(self):
        path = harness.program("unbound")
        if path is None:
            raise harness.Skip("unbound is not installed")
        return [path, "-d", "-c", harness.write_file(self.directory, "unbound.conf", f"""server:
    interface: 127.0.0.1
    port: {self.port}
    do-daemonize: no
    chroot: ""
    username: ""
    pidfile: ""
    directory: "{self.directory}"
    use-syslog: no
    num-threads: 1
    do-not-query-localhost: no
    aggressive-nsec: yes
    module-config: "validator iterator"
    trust-anchor: "{self.anchor}"
    local-zone: "example.org." nodefault
stub-zone:
    name: "{ORIGIN}"
    stub-addr: 127.0.0.1@{self.upstream}
remote-control:
    control-enable: no
""")]

    def wait(self, probe=None, deadline=None, pause=0.01):
        """Ready when it answers anything at all."""
        limit = time.monotonic() + 15
        while time.monotonic() < limit:
            try:
                return dns.query.udp(dns.message.make_query(ORIGIN, "SOA"), "127.0.0.1", port=self.port, timeout=1)
            except (OSError, dns.exception.Timeout):
                time.sleep(pause)
        raise harness.Failure(f"unbound did not answer:\n{self.tail()}")


QUESTIONS = (("www", "A", 0), ("www", "TXT", 0), ("mail", "AAAA", 0), ("nope", "A", 3), ("x.nope", "A", 3), ("a", "A", 3), ("c", "A", 0),
             ("x.wild", "TXT", 0), ("x.wild", "A", 0), ("b.dname", "A", None), ("www", "MX", 0), ("", "MX", 0), ("", "TYPE65280", 0))


def validated(space, daemon, unbound, anchor):
    for name, kind, rcode in QUESTIONS:
        full = name + "." + ORIGIN if name else ORIGIN
        told = answers_of_delv(space, daemon, anchor, full, kind) if rcode is not None else "fully validated"
        assert "fully validated" in told, (full, kind, told)
        if rcode is None:
            continue
        query = dns.message.make_query(full, kind, want_dnssec=True)
        answer = dns.query.udp(query, "127.0.0.1", port=unbound.port, timeout=5)
        assert answer.rcode() == rcode and answer.flags & dns.flags.AD, answer


def test_delv_and_unbound_validate_what_is_served():
    for options in ([], ["--nsec3"]):
        with harness.Workspace() as space:
            space.write("db", ZONE)
            name = signer(space, "keygen", ORIGIN).strip()
            signer(space, "sign", *options, "--zonemd", "--cds", "db", "out")
            daemon = serve(space, os.path.join(space.path, "out"))
            words = re.search(r"IN DNSKEY (\d+) (\d+) (\d+) (.*)", read(space, name + ".key")).groups()
            anchor = space.write("anchor", 'trust-anchors {\n"%s." static-key %s %s %s "%s";\n};\n' % (
                ORIGIN, *words[:3], words[3].replace(" ", "")))
            unbound = Unbound(space.directory("unbound"), daemon.port, signer(space, "ds", ORIGIN).strip())
            space.servers.append(unbound)
            unbound.launch()
            unbound.wait()
            validated(space, daemon, unbound, anchor)
            # A forged record is found out.
            space.write("out", re.sub(r"^(www\.example\.org\.\t3600\tIN\tA\t).*$", r"\g<1>192.0.2.99", read(space, "out"), flags=re.M))
            forged = serve(space, os.path.join(space.path, "out"))
            assert "fully validated" not in answers_of_delv(space, forged, anchor, "www." + ORIGIN, "A")
