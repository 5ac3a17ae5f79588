"""zonetool diff --semantic as a resolver sees it: unbound in front of bailiwickd, before and after a change. What is told
to change is what changes, and no old answer lives longer than it is told."""

import json
import subprocess
import time

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

import harness
import server
from signer_more_test import Unbound

OLD = """$ORIGIN example.org.
$TTL 3
@ SOA ns hostmaster 1 4h 1h 2w 2
@ NS ns
@ MX 10 mail
@ TXT "v=spf1 mx -all"
ns A 127.0.0.1
mail A 192.0.2.25
_dmarc TXT "v=DMARC1; p=none"
_mta-sts TXT "v=STSv1; id=1"
_25._tcp.mail TLSA 3 1 1 0123456789012345678901234567890123456789012345678901234567890123
k1._domainkey TXT "v=DKIM1; p=AAAA"
*.apps 2 A 192.0.2.80
www CNAME web
web 4 A 192.0.2.81
same A 192.0.2.82
old.deep.tree A 192.0.2.9
here.empty A 192.0.2.9
moved DNAME tree
"""
NEW = (OLD.replace("hostmaster 1", "hostmaster 2").replace("mail A 192.0.2.25", "mail A 192.0.2.26")
       .replace("mx -all", "mx ~all").replace("p=none", "p=reject").replace("id=1", "id=2").replace("01234567", "11234567", 1)
       .replace("p=AAAA", "p=BBBB").replace("web 4 A 192.0.2.81", "web 4 A 192.0.2.91").replace("old.deep.tree A 192.0.2.9\n", "")
       + "blog.apps TXT \"own\"\n")
# What is asked: what changes and what does not, with the area that a change belongs to.
QUESTIONS = {
    ("www", "A"): "service", ("web", "A"): "service", ("same", "A"): None, ("other.apps", "A"): None, ("blog.apps", "A"): "service",
    ("x.blog.apps", "A"): "service", ("tree", "A"): "service", ("deep.tree", "A"): "service", ("old.deep.tree", "A"): "service",
    ("here.empty", "A"): None, ("empty", "A"): None, ("nothing", "A"): None, ("", "MX"): None, ("", "TXT"): "mail",
    ("mail", "A"): "mail", ("_dmarc", "TXT"): "mail", ("_mta-sts", "TXT"): "mail", ("_25._tcp.mail", "TLSA"): "mail",
    ("k1._domainkey", "TXT"): "mail", ("www", "TXT"): None, ("blog.apps", "TXT"): "service", ("same", "TXT"): None,
}


class Resolver(Unbound):
    def command(self):
        command = super().command()
        with open(command[-1], encoding="ascii") as file:
            text = file.read()
        with open(command[-1], "w", encoding="ascii") as file:
            file.write("\n".join(line for line in text.splitlines() if "trust-anchor" not in line)
                       .replace("validator iterator", "iterator").replace("aggressive-nsec: yes", "aggressive-nsec: no") + "\n")
        return command

    def answer(self, label, kind):
        """(rcode, the records of the answer section without their TTLs)."""
        name = f"{label}.example.org." if label else "example.org."
        limit = time.monotonic() + 30
        while True:
            try:
                reply = dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=self.port, timeout=3)
                break
            except dns.exception.Timeout:
                assert time.monotonic() < limit, self.tail()
        records = sorted(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {record}" for rrset in reply.answer for record in rrset)
        return dns.rcode.to_text(reply.rcode()), tuple(records)


def effects(old, new):
    done = subprocess.run([harness.need_ours("zonetool"), "diff", "--semantic", "--format", "json", old, new], capture_output=True,
                          timeout=60)
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


def test_what_changes_and_for_how_long():
    with harness.Workspace() as space:
        old, new, served = space.write("old", OLD), space.write("new", NEW), space.write("served.zone", OLD)
        told = effects(old, new)
        exact = {(row["name"], row["type"]): row for row in told["effects"] if not row["below"]}
        below = {(row["name"], row["type"]) for row in told["effects"] if row["below"]}
        for (label, kind), area in QUESTIONS.items():
            name = f"{label}.example.org." if label else "example.org."
            row = exact.get((name, kind))
            if row is None and area is not None:
                assert (name.split(".", 1)[1], kind) in below, (label, kind)
            else:
                assert (row["area"] if row else None) == area, (label, kind, row)
        assert told["old_answers_cached_for"] == 4, told

        daemon = server.start(space, f"example.org:{{port}} {{\n file {served}\n}}\n")
        resolver = Resolver(space.directory("unbound"), daemon.port, "")
        space.servers.append(resolver)
        resolver.launch()
        resolver.wait()
        before = {question: resolver.answer(*question) for question in QUESTIONS}
        space.write("served.zone", NEW)
        daemon.reload()
        switched = time.monotonic()
        waiting, after, last_old = set(QUESTIONS), {}, 0
        while waiting:
            assert time.monotonic() < switched + 60, waiting
            for question in sorted(waiting):
                asked = time.monotonic()
                after[question] = resolver.answer(*question)
                if after[question] == before[question] and QUESTIONS[question] is not None:
                    last_old = asked - switched
                elif asked > switched + 7 or QUESTIONS[question] is not None:
                    waiting.discard(question)
            time.sleep(0.05)
        for question, area in QUESTIONS.items():
            assert (after[question] != before[question]) == (area is not None), (question, before[question], after[question])
        # A resolver counts in whole seconds.
        assert last_old <= told["old_answers_cached_for"] + 1, last_old
