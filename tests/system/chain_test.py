"""Plugins that make or change answers: hosts, template, partial zones."""

import os
import sys
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server

ZONE = """$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
out CNAME target.example.net.
lost CNAME gone
sub NS ns.sub
ns.sub A 192.0.2.53
"""


def ask(daemon, name, qtype="A", tcp=False, rdclass="IN", flags=dns.flags.RD, source="127.0.0.1", options=None, dnssec=False):
    query = dns.message.make_query(name, qtype, rdclass=rdclass, use_edns=True, flags=flags, options=options,
                                   want_dnssec=dnssec)
    exchange = dns.query.tcp if tcp else dns.query.udp
    return exchange(query, "127.0.0.1", port=daemon.port, timeout=3, source=source)


def records(answer, section="answer"):
    """["www.example.org. 3600 A 192.0.2.1", ...]"""
    return [f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}"
            for rrset in getattr(answer, section) for rdata in rrset]


def code(answer):
    return dns.rcode.to_text(answer.rcode())


def refused_corefile(space, lines, *texts):
    try:
        server.start(space, ".:{port} {\n%s\n}\n" % lines)
    except harness.Failure as failure:
        for text in texts:
            assert text in str(failure), f"{text!r} is not in:\n{failure}"
        return
    raise harness.Failure(f"accepted: {lines}")


# ---- hosts ----

HOSTS = """# a comment
127.0.0.1\tlocalhost
192.0.2.1 host.example.org alias.example.org  # another
192.0.2.2 host.example.org
2001:db8::1 host.example.org
fe80::1%lo0 link.example.org
192.0.2.9 *.wild.example.org
nonsense line
"""


def test_hosts_file_and_lines():
    with harness.Workspace() as space:
        path = space.write("hosts", HOSTS)
        daemon = server.start(space, """example.org:{port} in-addr.arpa:{port} ip6.arpa:{port} {
 hosts %s example.org {
  192.0.2.7 inline.example.org
  ttl 60
  fallthrough below.example.org
 }
 whoami
}
""" % path)
        answer = ask(daemon, "host.example.org")
        assert records(answer) == ["host.example.org. 60 A 192.0.2.1", "host.example.org. 60 A 192.0.2.2"], answer
        assert answer.flags & dns.flags.AA
        assert records(ask(daemon, "HOST.example.org", "AAAA")) == ["HOST.example.org. 60 AAAA 2001:db8::1"]
        assert records(ask(daemon, "alias.example.org")) == ["alias.example.org. 60 A 192.0.2.1"]
        assert records(ask(daemon, "inline.example.org")) == ["inline.example.org. 60 A 192.0.2.7"]
        assert records(ask(daemon, "link.example.org", "AAAA")) == ["link.example.org. 60 AAAA fe80::1"]
        assert records(ask(daemon, "a.wild.example.org")) == ["a.wild.example.org. 60 A 192.0.2.9"]
        nothing = ask(daemon, "host.example.org", "MX")
        assert code(nothing) == "NOERROR" and not nothing.answer, nothing
        assert code(ask(daemon, "nope.example.org")) == "SERVFAIL"
        assert ask(daemon, "nope.below.example.org").additional, "whoami"
        assert set(records(ask(daemon, "1.2.0.192.in-addr.arpa", "PTR"))) == {
            "1.2.0.192.in-addr.arpa. 60 PTR host.example.org.", "1.2.0.192.in-addr.arpa. 60 PTR alias.example.org."}
        assert ask(daemon, "77.2.0.192.in-addr.arpa", "PTR").additional, "goes on to whoami"
        assert "1 lines are not" in daemon.log()


def test_hosts_is_read_again():
    with harness.Workspace() as space:
        path = space.write("hosts", "192.0.2.1 a.test\n")
        daemon = server.start(space, ".:{port} {\n hosts %s {\n  reload 50ms\n  no_reverse\n fallthrough\n }\n}\n" % path)
        assert records(ask(daemon, "a.test")) == ["a.test. 3600 A 192.0.2.1"]
        assert code(ask(daemon, "1.2.0.192.in-addr.arpa", "PTR")) == "REFUSED"
        space.write("hosts", "192.0.2.222 a.test\n192.0.2.3 b.test\n")
        limit = time.monotonic() + 30
        while records(ask(daemon, "b.test")) != ["b.test. 3600 A 192.0.2.3"]:
            assert time.monotonic() < limit, daemon.log()
            time.sleep(0.02)
        assert records(ask(daemon, "a.test")) == ["a.test. 3600 A 192.0.2.222"]


def test_hosts_mistakes_are_told():
    with harness.Workspace() as space:
        refused_corefile(space, " hosts /dev/null {\n  fallthru\n }", "'fallthru' is neither an option of hosts nor an address")
        refused_corefile(space, " hosts /dev/null {\n  192.0.2.300 a.test\n }", "'192.0.2.300' is no option of hosts, and no address")
        refused_corefile(space, " hosts /dev/null\n hosts /dev/null", "twice")


# ---- template ----

def test_template_pairs_of_addresses_and_names():
    with harness.Workspace() as space:
        daemon = server.start(space, r""".:{port} {
 template IN A example {
  match (^|[.])ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]example[.]$
  answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
  fallthrough
 }
 template IN A example {
  match "^ip0a(?P<b>[a-f0-9]{2})(?P<c>[a-f0-9]{2})(?P<d>[a-f0-9]{2})[.]example[.]$"
  answer "{{ .Name }} 60 IN A 10.{{ parseInt .Group.b 16 8 }}.{{ parseInt .Group.c 16 8 }}.{{ parseInt .Group.d 16 8 }}"
 }
 template IN PTR in-addr.arpa {
  match ^(?P<d>[0-9]*)[.](?P<c>[0-9]*)[.](?P<b>[0-9]*)[.](?P<a>[0-9]*)[.]in-addr[.]arpa[.]$
  answer "{{ .Name }} 60 IN PTR ip-{{ .Group.a }}-{{ .Group.b }}-{{ .Group.c }}-{{ .Group.d }}.example."
 }
 template ANY ANY invalid {
  rcode NXDOMAIN
  authority "invalid. 60 {{ .Class }} SOA ns.invalid. hostmaster.invalid. (1 60 60 60 60)"
  ederror 21 "not here"
 }
 template IN TXT texts.test {
  answer "{{ .Zone }} TXT \"{{ if eq .Type `TXT` }}yes{{ else }}no{{ end }} {{ .Remote }} {{ printf `%03d` 7 }}\""
 }
 template IN ANY foogle.com {
  match "^foogle\.com\.$"
  answer "foogle.com 60 IN CNAME ip-1-2-3-4.example"
 }
 template IN MX mx.test {
  var high "len(name()) * 2"
  expr proto() == 'udp'
  answer "{{ .Name }} 60 IN MX {{ .Var.high }} {{ .Name }}"
  additional "{{ .Name }} A 192.0.2.1"
 }
}
""")
        assert records(ask(daemon, "a.ip-1-2-3-4.example")) == ["a.ip-1-2-3-4.example. 60 A 1.2.3.4"]
        assert records(ask(daemon, "ip0a7b7b7b.example")) == ["ip0a7b7b7b.example. 60 A 10.123.123.123"]
        assert code(ask(daemon, "other.example")) == "SERVFAIL", "no fallthrough from the last one"
        assert code(ask(daemon, "ip-1-2-3-999.example")) == "SERVFAIL", "no address"
        assert records(ask(daemon, "4.3.2.1.in-addr.arpa", "PTR")) == [
            "4.3.2.1.in-addr.arpa. 60 PTR ip-1-2-3-4.example."]
        answer = ask(daemon, "x.invalid", "TXT")
        assert code(answer) == "NXDOMAIN" and records(answer, "authority") == [
            "invalid. 60 SOA ns.invalid. hostmaster.invalid. 1 60 60 60 60"], answer
        assert [(int(o.code), o.text) for o in answer.options] == [(21, "not here")]
        assert code(ask(daemon, "x.invalid", "TXT", rdclass="CH")) == "NXDOMAIN"
        assert records(ask(daemon, "texts.test", "TXT")) == ['texts.test. 3600 TXT "yes 127.0.0.1 007"']
        assert records(ask(daemon, "foogle.com")) == [
            "foogle.com. 60 CNAME ip-1-2-3-4.example.", "ip-1-2-3-4.example. 60 A 1.2.3.4"]
        answer = ask(daemon, "mx.test", "MX")
        assert records(answer) == ["mx.test. 60 MX 16 mx.test."], answer
        assert records(answer, "additional") == ["mx.test. 3600 A 192.0.2.1"], answer
        assert code(ask(daemon, "mx.test", "MX", tcp=True)) == "SERVFAIL"


def test_template_mistakes_are_told():
    with harness.Workspace() as space:
        refused_corefile(space, " template IN A {\n answer \"{{ .Nme }} A 192.0.2.1\"\n }", "there is no '.Nme'")
        refused_corefile(space, " template IN A {\n answer \"{{ if true }}x\"\n }", "has no {{ end }}")
        refused_corefile(space, " template IN A {\n answer \"a.test A 192.0.2.256\"\n }", "not a record", "octet 4 is above 255")
        refused_corefile(space, " template IN A {\n answer a.test A 192.0.2.1\n }", "put the record in quotes")
        refused_corefile(space, " template IN A {\n match (\n }", "not a regular expression")
        refused_corefile(space, " template IN NONSENSE", "no record type")
        refused_corefile(space, " template IN A {\n expr nme() == 'A'\n }", "there is no such function")


# ---- partial ----

def test_partial_zone():
    with harness.Workspace() as space:
        path = space.write("zone", ZONE)
        daemon = server.start(space, """.:{port} {
 partial %s example.org
 hosts /dev/null {
  192.0.2.99 upstream.example.org target.example.net gone.example.org
  192.0.2.98 www.example.org
  fallthrough
 }
}
""" % path)
        assert records(ask(daemon, "www.example.org")) == ["www.example.org. 3600 A 192.0.2.98"], "hosts stands before"
        daemon = server.start(space, """.:{port} {
 template IN A example.org example.net {
  match ^(upstream|gone)\\.example\\.org\\.$ ^target\\.
  answer "{{ .Name }} 5 A 192.0.2.99"
  fallthrough
 }
 file %s example.org {
  fallthrough
  fallthrough_nodata
 }
 whoami
}
""" % path)
        assert records(ask(daemon, "www.example.org")) == ["www.example.org. 3600 A 192.0.2.80"]
        assert records(ask(daemon, "upstream.example.org")) == ["upstream.example.org. 5 A 192.0.2.99"]
        assert records(ask(daemon, "out.example.org")) == [
            "out.example.org. 3600 CNAME target.example.net.", "target.example.net. 5 A 192.0.2.99"]
        assert records(ask(daemon, "lost.example.org")) == [
            "lost.example.org. 3600 CNAME gone.example.org.", "gone.example.org. 5 A 192.0.2.99"]
        referral = ask(daemon, "a.sub.example.org")
        assert not referral.flags & dns.flags.AA and records(referral, "authority"), referral
        assert ask(daemon, "www.example.org", "TXT").additional, "whoami: no data falls through, too"
        assert ask(daemon, "nope.example.org").additional, "whoami"
