"""The sign plugin: zones kept signed inside the server. What it serves is checked by kzonecheck, ldns-verify-zone
and delv; what it does is counted, so that a change costs a change."""

import glob
import json
import os
import re
import subprocess
import sys
import time

import dns.message
import dns.query
import dns.rdatatype
import dns.update
import dns.zone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server

ZONE = """$ORIGIN example.org.
$TTL 3600
@ SOA ns hostmaster {serial} 7200 3600 1209600 300
@ NS ns
@ MX 10 mail
ns A 192.0.2.1
mail A 192.0.2.25
www A {address}
alias CNAME www
*.wild A 192.0.2.90
a.b.ent TXT x
sub NS ns.sub
ns.sub A 192.0.2.53
"""
POLICY = """dnssec-policy "quick" {
    keys { ksk lifetime unlimited algorithm ecdsap256sha256; zsk lifetime 6s algorithm ecdsap256sha256; };
    dnskey-ttl 1s; publish-safety 1s; retire-safety 1s; zone-propagation-delay 1s; max-zone-ttl 1s;
    signatures-validity 90s; signatures-refresh 60s; signatures-jitter 0; signatures-validity-dnskey 90s;
    parent-ds-ttl 1s; parent-propagation-delay 1s; purge-keys 1d;
};
"""


def write_zone(space, serial=1, address="192.0.2.80", more="", name="zone"):
    return space.write(name, ZONE.format(serial=serial, address=address) + more)


def signer(space, *arguments):
    done = subprocess.run([harness.need_ours("signer"), *arguments], cwd=space.path, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def keygen(space, *arguments, zone="example.org"):
    return signer(space, "keygen", "-K", space.directory("keys"), *arguments, zone)


def serve(space, options="", form="sign {{\n keys {path}/keys\n state {path}/state\n {options}\n }}", zone="file {path}/zone",
          transfer="transfer {{\n to *\n }}"):
    space.directory("keys")
    body = "\n ".join([zone, form, transfer]).format(path=space.path, options=options)
    return server.start(space, "example.org:{port} {\n errors\n %s\n}\n" % body, wait=False)


def control(daemon, *words):
    done = subprocess.run([harness.need_ours("bailiwickctl"), "-s", os.path.join(daemon.directory, "control"), "-json", *words],
                          capture_output=True, text=True, timeout=30)
    return json.loads(done.stdout) if done.stdout.startswith("{") else {"error": done.stderr}


def checked(daemon):
    """Of the last version: (signatures made, kept)."""
    for step in control(daemon, "zone", "example.org").get("steps", []):
        if step["step"] == "checked":
            return tuple(int(n) for n in re.findall(r"\d+", step["what"])[:2])
    return None


def await_that(what, test, seconds=30):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        try:
            got = test()
        except (OSError, AssertionError, dns.exception.DNSException):
            got = None
        if got:
            return got
        time.sleep(0.02)
    raise harness.Failure(f"{what}: did not come about")


def ask(daemon, name, qtype):
    query = dns.message.make_query(name, qtype, want_dnssec=True, payload=4096)
    return dns.query.tcp(query, "127.0.0.1", port=daemon.port, timeout=5)


def serial(daemon):
    answer = ask(daemon, "example.org.", "SOA")
    return answer.answer[0][0].serial if answer.answer else None


def signed(daemon):
    return len(ask(daemon, "example.org.", "SOA").answer) == 2


def transferred(daemon, space):
    """The zone by AXFR as a file, proven by two judges that are not ours."""
    zone = dns.zone.from_xfr(dns.query.xfr("127.0.0.1", "example.org", port=daemon.port, relativize=False, timeout=5),
                             relativize=False)
    path = os.path.join(space.path, "transferred")
    zone.to_file(path, relativize=False)
    for judge in (["kzonecheck", "-o", "example.org", path], ["ldns-verify-zone", path]):
        if harness.program(judge[0]):
            done = subprocess.run([harness.program(judge[0]), *judge[1:]], capture_output=True, text=True, timeout=30)
            assert done.returncode == 0, (judge, done.stdout, done.stderr)
    done = subprocess.run([harness.need_ours("signer"), "verify", "-o", "example.org", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return zone


def reload(daemon):
    return control(daemon, "reload", "wait")


def test_a_zone_is_served_signed():
    with harness.Workspace() as space:
        write_zone(space)
        key = keygen(space)
        daemon = serve(space)
        await_that("a signed zone", lambda: signed(daemon))
        transferred(daemon, space)
        if harness.program("delv"):
            with open(os.path.join(space.path, "keys", key + ".key"), encoding="ascii") as file:
                words = [line for line in file if not line.startswith(";")][0].split("DNSKEY")[1].split()
            anchors = space.write("anchors", 'trust-anchors { example.org. static-key %s %s %s "%s"; };\n' % (
                words[0], words[1], words[2], "".join(words[3:])))
            for name, qtype in (("www", "A"), ("alias", "A"), ("x.wild", "A"), ("gone", "A"), ("www", "AAAA"), ("b.ent", "TXT")):
                done = subprocess.run([harness.program("delv"), "@127.0.0.1", "-p", str(daemon.port), "-a", anchors,
                                       "+root=example.org", name + ".example.org", qtype], capture_output=True, text=True, timeout=20)
                assert "fully validated" in done.stdout, (name, qtype, done.stdout, done.stderr)


def test_a_change_costs_a_change():
    with harness.Workspace() as space:
        names = "".join("n%d A 192.0.2.9\n" % i for i in range(1500))
        write_zone(space, more=names)
        keygen(space)
        daemon = serve(space)
        await_that("a signed zone", lambda: signed(daemon))
        made, _ = checked(daemon)
        assert made > 3000, made
        write_zone(space, 2, "192.0.2.81", names)
        assert reload(daemon)["ok"]
        assert serial(daemon) == 2
        made, _ = checked(daemon)
        assert 0 < made <= 4, made
        write_zone(space, 3, "192.0.2.81", names + "new A 192.0.2.2\n")
        assert reload(daemon)["ok"]
        made, _ = checked(daemon)
        assert 0 < made <= 6, made
        transferred(daemon, space)
        query = dns.message.make_query("example.org", "IXFR")
        query.authority.append(dns.rrset.from_text("example.org.", 0, "IN", "SOA", "ns.example.org. h.example.org. 1 1 1 1 1"))
        answer = dns.query.tcp(query, "127.0.0.1", port=daemon.port, timeout=5)
        assert 8 < sum(len(rrset) for rrset in answer.answer) < 60, answer.to_text()


def test_a_restart_keeps_signatures():
    with harness.Workspace() as space:
        write_zone(space)
        keygen(space)
        daemon = serve(space)
        await_that("a signed zone", lambda: signed(daemon))
        write_zone(space, 2, "192.0.2.81")
        reload(daemon)
        before = ask(daemon, "www.example.org.", "A").answer[1].to_text()
        daemon.stop()
        daemon = serve(space)
        await_that("an answer", lambda: ask(daemon, "www.example.org.", "A").answer)
        assert ask(daemon, "www.example.org.", "A").answer[1].to_text() == before
        assert reload(daemon)["ok"]
        assert serial(daemon) == 2 and checked(daemon) is None
        write_zone(space, 3, "192.0.2.82")
        assert reload(daemon)["ok"]
        assert checked(daemon)[0] <= 4
        transferred(daemon, space)


def test_signatures_are_renewed():
    with harness.Workspace() as space:
        write_zone(space)
        keygen(space)
        daemon = serve(space, "validity 6s\n refresh 3s\n jitter 0\n inception 60s")
        await_that("a signed zone", lambda: signed(daemon))
        expires = ask(daemon, "www.example.org.", "A").answer[1][0].expiration
        await_that("a new signature", lambda: ask(daemon, "www.example.org.", "A").answer[1][0].expiration > expires)
        assert time.time() < expires, "too late"
        assert serial(daemon) > 1
        transferred(daemon, space)


def test_a_broken_key_keeps_the_last_good():
    with harness.Workspace() as space:
        write_zone(space)
        key = keygen(space)
        daemon = serve(space)
        await_that("a signed zone", lambda: signed(daemon))
        private = os.path.join(space.path, "keys", key + ".private")
        with open(private, encoding="ascii") as file:
            good = file.read()
        for bad in (good.replace("PrivateKey: ", "PrivateKey: AAAA"), good[:40]):
            space.write("keys/" + key + ".private", bad)
            write_zone(space, 2, "192.0.2.81")
            assert not reload(daemon)["ok"]
            story = control(daemon, "zone", "example.org")
            assert not story["current"] and key in story["why"], story
            assert serial(daemon) == 1
            transferred(daemon, space)
        space.write("keys/" + key + ".private", good)
        await_that("the key's return", lambda: serial(daemon) == 2)
        assert control(daemon, "zone", "example.org")["current"]
        transferred(daemon, space)


def test_no_key_no_answer():
    """What is to be signed is never served unsigned."""
    with harness.Workspace() as space:
        write_zone(space)
        daemon = serve(space)
        await_that("a reason", lambda: "there is no key" in control(daemon, "zone", "example.org").get("why", ""))
        assert ask(daemon, "www.example.org.", "A").rcode() == dns.rcode.SERVFAIL
        keygen(space)
        await_that("a signed zone", lambda: signed(daemon))


def test_keys_roll_by_policy():
    with harness.Workspace() as space:
        write_zone(space)
        space.write("policy", POLICY)
        daemon = serve(space, "policy %s/policy:quick" % space.path)
        await_that("a signed zone", lambda: signed(daemon))
        first = ask(daemon, "www.example.org.", "A").answer[1][0].key_tag
        assert len(glob.glob(os.path.join(space.path, "keys", "*.private"))) >= 2
        transferred(daemon, space)
        await_that("another key's signature", lambda: ask(daemon, "www.example.org.", "A").answer[1][0].key_tag != first, 25)
        transferred(daemon, space)


def test_edits_go_to_the_zone():
    """What an operator edits is the zone, not its signed form, which follows."""
    with harness.Workspace() as space:
        write_zone(space)
        keygen(space)
        daemon = serve(space)
        await_that("a signed zone", lambda: signed(daemon))
        for words in ("begin", "add extra 300 A 192.0.2.7", "commit"):
            answer = control(daemon, "edit", "example.org", *words.split())
            assert answer.get("ok"), (words, answer)
        await_that("the new record", lambda: ask(daemon, "extra.example.org.", "A").answer)
        assert len(ask(daemon, "extra.example.org.", "A").answer) == 2
        transferred(daemon, space)


def test_updates_are_signed():
    """UPDATE changes the zone; its signed form follows."""
    with harness.Workspace() as space:
        write_zone(space)
        keygen(space)
        daemon = serve(space, zone="file {path}/zone\n update {{\n state {path}/updates\n allow net 127.0.0.1\n }}")
        await_that("a signed zone", lambda: signed(daemon))
        update = dns.update.UpdateMessage("example.org")
        update.add("dynamic", 300, "A", "192.0.2.77")
        answer = dns.query.tcp(update, "127.0.0.1", port=daemon.port, timeout=5)
        assert answer.rcode() == dns.rcode.NOERROR, answer.to_text()
        await_that("the new record", lambda: len(ask(daemon, "dynamic.example.org.", "A").answer) == 2)
        transferred(daemon, space)


def test_denial_by_nsec3_and_digest():
    with harness.Workspace() as space:
        write_zone(space)
        keygen(space)
        daemon = serve(space, "denial nsec3\n zonemd")
        await_that("a signed zone", lambda: signed(daemon))
        zone = transferred(daemon, space)
        kinds = {rdataset.rdtype for _, rdataset in zone.iterate_rdatasets()}
        assert dns.rdatatype.NSEC3 in kinds and dns.rdatatype.ZONEMD in kinds and dns.rdatatype.CDS in kinds, kinds
        write_zone(space, 2, "192.0.2.81")
        reload(daemon)
        transferred(daemon, space)


def test_coredns_form():
    with harness.Workspace() as space:
        write_zone(space)
        key = keygen(space)
        daemon = serve(space, form="sign {path}/zone {{\n key file {path}/keys/%s\n directory {path}\n state {path}/state\n }}" % key,
                       zone="file {path}/db.example.org.signed")
        await_that("a signed zone", lambda: signed(daemon))
        transferred(daemon, space)
        path = os.path.join(space.path, "db.example.org.signed")
        await_that("the text", lambda: os.path.exists(path))
        done = subprocess.run([harness.need_ours("signer"), "verify", "-o", "example.org", path], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_keys_that_the_parent_does_not_know_are_not_published():
    """The DS at the parent is compared when the keys change; the last good stays, and the reason is told."""
    with harness.Workspace() as space:
        rows = "$ORIGIN org.\n$TTL 60\n@ SOA ns h {} 1 1 1 1\n@ NS ns.test.\nexample NS ns.example\nns.example A 192.0.2.1\n"
        first = keygen(space)
        write_zone(space)
        space.write("parent", rows.format(1) + signer(space, "ds", "-K", "keys", first) + "\n")
        parent = server.start(space, "org:{port} {\n file %s/parent {\n  reload 50ms\n }\n}\n" % space.path)
        daemon = serve(space, "parent 127.0.0.1:%d" % parent.port)
        await_that("a signed zone", lambda: signed(daemon))
        known = ask(daemon, "example.org.", "DNSKEY").answer[0]
        for end in (".key", ".private", ".state"):
            path = os.path.join(space.path, "keys", first + end)
            if os.path.exists(path):
                os.remove(path)
        second = keygen(space)
        control(daemon, "refresh", "example.org")
        daemon.wait_for_log("the DS records at the parent name no key that signs the DNSKEY set; what is served goes on")
        told = control(daemon, "zone", "example.org")
        assert "name no key" in json.dumps(told), told
        assert ask(daemon, "example.org.", "DNSKEY").answer[0] == known
        space.write("parent", rows.format(2) + signer(space, "ds", "-K", "keys", second) + "\n")
        await_that("the new DS", lambda: dns.query.tcp(dns.message.make_query("example.org.", "DS"), "127.0.0.1", port=parent.port,
                                 timeout=5).answer[0][0].key_tag == int(second.split("+")[2]))
        control(daemon, "refresh", "example.org")
        await_that("the new key", lambda: ask(daemon, "example.org.", "DNSKEY").answer[0] != known)
        assert "name no key" not in json.dumps(control(daemon, "zone", "example.org"))
        known = ask(daemon, "example.org.", "DNSKEY").answer[0]
        parent.stop()
        keygen(space)
        control(daemon, "refresh", "example.org")
        await_that("a key though the parent is gone", lambda: ask(daemon, "example.org.", "DNSKEY").answer[0] != known, 60)
        daemon.wait_for_log("not compared with the parent's DS set")


def test_what_is_refused():
    cases = [("sign {\n }", "it is not said where the keys are"),
             ("sign {\n keys /nowhere/at/all\n }", "cannot be read"),
             ("sign {\n keys .\n validity 10s\n refresh 10s\n }", "anew at once"),
             ("sign {\n keys .\n validity soon\n }", "no span of time"),
             ("sign {\n keys .\n parent nowhere\n }", "is no address"),
             ("sign {\n keys .\n policy gone:x\n }", "cannot be read"),
             ("sign zone {\n key file K\n keys .\n }", "keys and policy are for zones"),
             ("sign zone {\n key K\n }", "key file KEY")]
    with harness.Workspace() as space:
        write_zone(space)
        for form, expected in cases:
            space.write("Corefile", "example.org {\n file zone\n %s\n}\n" % form)
            done = subprocess.run([harness.need_ours(), "-check"], cwd=space.path, capture_output=True, text=True, timeout=20)
            assert done.returncode != 0 and expected in done.stderr + done.stdout, (form, done.stdout, done.stderr)
