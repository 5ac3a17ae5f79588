"""A zone becomes secure and its key is replaced, in seconds instead of days: a parent at BIND that takes CDS as a registry
does, unbound that validates from the parent's key downwards all the while, and not one answer that is bogus."""

import glob
import os
import re
import sys
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.update

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from sign_test import await_that, control, signed, signer

ZONE = """$ORIGIN example.org.
$TTL 1
@ SOA ns hostmaster 1 7200 3600 1209600 1
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
*.wild A 192.0.2.90
"""
PARENT = """$ORIGIN org.
$TTL 1
@ SOA ns hostmaster 1 7200 3600 1209600 1
@ NS ns
ns A 192.0.2.2
example NS ns.example
ns.example A 192.0.2.1
"""
POLICY = """dnssec-policy "quick" {
    keys { csk lifetime unlimited algorithm ecdsap256sha256; };
    dnskey-ttl 1s; publish-safety 1s; retire-safety 1s; zone-propagation-delay 1s; max-zone-ttl 1s;
    signatures-validity 120s; signatures-refresh 119s; signatures-jitter 0; signatures-validity-dnskey 120s;
    parent-ds-ttl 1s; parent-propagation-delay 1s; purge-keys 1d;
};
"""


class Parent(harness.Bind):
    """org, signed by named itself; DS records come by UPDATE."""

    def __init__(self, directory):
        super().__init__(directory, {})

    def command(self):
        path = harness.write_file(self.directory, "org", PARENT)
        self.extra = f"""zone "org" {{
    type primary;
    file "{path}";
    key-directory "{self.directory}";
    dnssec-policy default;
    inline-signing yes;
    allow-update {{ 127.0.0.1; }};
}};
"""
        return super().command()

    def anchor(self):
        for path in glob.glob(os.path.join(self.directory, "Korg.+013+*.key")):
            with open(path, encoding="ascii") as file:
                return [" ".join(line.split()) for line in file if not line.startswith(";")][0]
        return None

    def ask(self, name, qtype):
        return dns.query.tcp(dns.message.make_query(name, qtype, want_dnssec=True), "127.0.0.1", port=self.port, timeout=5)

    def ds(self):
        return {rdata.to_text() for rrset in self.ask("example.org.", "DS").answer if rrset.rdtype == dns.rdatatype.DS
                for rdata in rrset}

    def take(self, wanted):
        """As a registry does that looks for CDS (RFC 7344): the DS set becomes what the child wants."""
        if not wanted or wanted == self.ds():
            return
        update = dns.update.UpdateMessage("org")
        update.delete("example.org.", "DS")
        for rdata in wanted:
            update.add("example.org.", 1, "DS", rdata)
        answer = dns.query.tcp(update, "127.0.0.1", port=self.port, timeout=5)
        assert answer.rcode() == dns.rcode.NOERROR, answer.to_text()


class Validator(harness.Server):
    """unbound, which knows the key of org alone."""

    kind = "unbound"

    def __init__(self, directory, parent, child):
        super().__init__(directory, {})
        self.parent, self.child = parent, child

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
    module-config: "validator iterator"
    val-bogus-ttl: 1
    val-log-level: 2
    log-time-ascii: yes
    trust-anchor: "{self.parent.anchor()}"
stub-zone:
    name: "org"
    stub-addr: 127.0.0.1@{self.parent.port}
stub-zone:
    name: "example.org"
    stub-addr: 127.0.0.1@{self.child.port}
remote-control:
    control-enable: no
""")]

    def ask(self, name):
        return dns.query.udp(dns.message.make_query(name, "A", want_dnssec=True), "127.0.0.1", port=self.port, timeout=10)


def wanted_ds(child):
    """What the child's CDS asks for, or nothing."""
    query = dns.message.make_query("example.org.", "CDS", want_dnssec=True)
    answer = dns.query.tcp(query, "127.0.0.1", port=child.port, timeout=5)
    return {rdata.to_text() for rrset in answer.answer if rrset.rdtype == dns.rdatatype.CDS for rdata in rrset}


def watch(validator, names):
    """One round of questions: none is bogus. True when all were validated."""
    secure = True
    for name, rcode in ((next(names), 3), ("www.example.org.", 0), ("a.wild.example.org.", 0)):
        answer = validator.ask(name)
        assert answer.rcode() == rcode, answer.to_text() + validator.tail()
        secure &= bool(answer.flags & dns.flags.AD)
    return secure


def fresh_names():
    number = 0
    while True:
        number += 1
        yield "gone%d.example.org." % number


def go_on(what, parent, child, validator, names, done, step=lambda: None, limit=90):
    """The registry and the resolver at work, until DONE."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        step()
        parent.take(wanted_ds(child))
        secure = watch(validator, names)
        if done(secure):
            return
        time.sleep(0.1)
    raise harness.Failure(f"{what}: did not come about\n{child.tail()}")


def start(space, server_):
    space.servers.append(server_)
    server_.launch()
    return server_


def around(space, child):
    """Parent and validator of a child that answers."""
    parent = start(space, Parent(space.directory("parent")))
    await_that("the parent's signatures", lambda: parent.anchor() and len(parent.ask("org.", "SOA").answer) == 2 and
               any(rrset.rdtype == dns.rdatatype.NSEC for rrset in parent.ask("gone.org.", "A").authority), 30)
    validator = start(space, Validator(space.directory("unbound"), parent, child))
    await_that("the resolver", lambda: validator.ask("www.example.org.").rcode() == 0, 30)
    return parent, validator


def states(space, tag):
    """Where the key stands, by its .state file."""
    path = glob.glob(os.path.join(space.path, "keys", "K*+%05d.state" % tag))
    text = open(path[0], encoding="ascii").read() if path else ""
    return dict(re.findall(r"^(DNSKEY|KRRSIG|ZRRSIG|DS|Goal)State: (\w+)", text, re.M))


def tags(space):
    return {int(path[-9:-4]) for path in glob.glob(os.path.join(space.path, "keys", "K*.key"))}


def is_ready(space, tag):
    return set(states(space, tag).values()) == {"omnipresent"} and len(states(space, tag)) == 5


def test_the_server_secures_a_zone_and_rolls_its_key():
    """sign { policy; parent }: going secure, a new key, each step when the parent was seen to follow."""
    with harness.Workspace() as space:
        space.write("zone", ZONE)
        space.write("policy", POLICY)
        space.directory("keys")
        child = server.start(space, f"example.org:{{port}} {{\n file {space.path}/zone\n}}\n")
        parent, validator = around(space, child)
        child.reload(f"example.org:{{port}} {{\n errors\n file {space.path}/zone\n sign {{\n  keys {space.path}/keys\n"
                     f"  state {space.path}/state\n  policy {space.path}/policy:quick\n  parent 127.0.0.1:{parent.port}\n"
                     "  parent_every 1s\n }\n}\n")
        await_that("a signed zone", lambda: signed(child), 30)
        names = fresh_names()
        go_on("a secure zone", parent, child, validator, names,
              lambda secure: secure and len(tags(space)) == 1 and is_ready(space, *tags(space)))
        old, = tags(space)
        signer(space, "settime", "-K", "keys", "-I", "now", *[os.path.basename(path)[:-4] for path in
                                                               glob.glob(os.path.join(space.path, "keys", "*.key"))])
        go_on("a successor", parent, child, validator, names,
              lambda secure: secure and len(tags(space)) == 2 and states(space, old).get("DNSKEY") == "hidden")
        new, = tags(space) - {old}
        assert {int(text.split()[0]) for text in parent.ds()} == {new}
        assert control(child, "zone", "example.org")["current"]


def test_a_person_secures_a_zone_and_rolls_its_key():
    """The man page's commands: keygen, sign, ds; then roll and sign again and again."""
    with harness.Workspace() as space:
        space.write("zone", ZONE)
        space.write("policy", POLICY)
        space.directory("keys")
        key = signer(space, "keygen", "-K", "keys", "example.org")
        signer(space, "sign", "-K", "keys", "-o", "example.org", "--policy", "policy", "zone", "signed")
        child = server.start(space, f"example.org:{{port}} {{\n file {space.path}/signed {{\n  reload 1s\n }}\n}}\n")
        parent, validator = around(space, child)
        names, old = fresh_names(), int(key[-5:])
        assert not watch(validator, names)
        parent.take({signer(space, "ds", "-K", "keys", "example.org").split(" DS ")[1]})
        await_that("a secure zone", lambda: watch(validator, names), 30)
        signer(space, "roll", "-K", "keys", "--policy", "policy", "--key", str(old), "example.org")

        def daily():
            signer(space, "roll", "-K", "keys", "--policy", "policy", "--parent", "127.0.0.1:%d" % parent.port, "example.org")
            signer(space, "sign", "-q", "-K", "keys", "-o", "example.org", "--policy", "policy", "zone", "signed")
            child.reload()

        def done(secure):
            assert secure
            return states(space, old).get("DNSKEY") == "hidden"

        go_on("a successor", parent, child, validator, names, done, daily)
        new, = tags(space) - {old}
        assert {int(text.split()[0]) for text in parent.ds()} == {new}
