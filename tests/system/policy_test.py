"""Plugins that say who gets what: acl, header, minimal."""

import contextlib
import os
import socket
import struct
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
@ MX 10 mail
ns A 192.0.2.1
mail A 192.0.2.25
www A 192.0.2.80
www AAAA 2001:db8::80
*.wild A 192.0.2.90
sub NS ns.sub
ns.sub A 192.0.2.53
"""


def serve(space, lines, zone=ZONE, key="example.org", **options):
    path = space.write("zone", zone)
    return server.start(space, "%s:{port} {\n file %s example.org\n%s\n}\n" % (key, path, lines), **options)


def ask(daemon, name, qtype="A", source="127.0.0.1", tcp=False, rdclass="IN", flags=dns.flags.RD, payload=1232):
    query = dns.message.make_query(name, qtype, rdclass=rdclass, use_edns=payload is not None, payload=payload or 0,
                                   flags=flags)
    exchange = dns.query.tcp if tcp else dns.query.udp
    return exchange(query, "127.0.0.1", port=daemon.port, timeout=3, source=source)


def silent(daemon, name, source="127.0.0.1"):
    try:
        dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", port=daemon.port, timeout=0.3, source=source)
    except dns.exception.Timeout:
        return True
    return False


def errors(answer):
    return [int(option.code) for option in answer.options if option.otype == dns.edns.OptionType.EDE]


def refused_corefile(space, lines, *texts):
    try:
        serve(space, lines)
    except harness.Failure as failure:
        for text in texts:
            assert text in str(failure), f"{text!r} is not in:\n{failure}"
        return
    raise harness.Failure(f"accepted: {lines}")


# ---- acl ----

def test_acl_actions():
    """The four actions, by source address; the first rule that fits decides."""
    with harness.Workspace() as space:
        daemon = serve(space, """ acl {
  allow net 127.0.0.2
  block net 127.0.0.0/30
  filter net 127.0.0.4 127.0.0.5
  drop net 127.0.0.6/31
 }""")
        for source, rcode, code in (("127.0.0.2", 0, []), ("127.0.0.1", 5, [18]), ("127.0.0.3", 5, [18]),
                                    ("127.0.0.4", 0, [17]), ("127.0.0.5", 0, [17]), ("127.0.0.8", 0, [])):
            answer = ask(daemon, "www.example.org", source=source)
            assert answer.rcode() == rcode and errors(answer) == code, (source, answer.to_text())
            assert bool(answer.answer) == (code == []), answer.to_text()
            assert not answer.authority or code == [], answer.to_text()
        assert silent(daemon, "www.example.org", "127.0.0.6") and silent(daemon, "www.example.org", "127.0.0.7")
        answer = ask(daemon, "www.example.org", source="127.0.0.1", payload=None)
        assert answer.rcode() == 5 and answer.edns == -1, "no OPT without one"


def test_acl_types_and_zones():
    with harness.Workspace() as space:
        daemon = serve(space, """ acl mail.example.org {
  block
 }
 acl {
  filter type AAAA MX net *
  block type TXT TYPE65280
  allow type * net *
  drop
 }""", key=".")
        assert errors(ask(daemon, "mail.example.org")) == [15]
        assert errors(ask(daemon, "a.mail.example.org")) == [15]
        assert ask(daemon, "mail.example.org").rcode() == 5
        assert errors(ask(daemon, "www.example.org", "AAAA")) == [17]
        assert errors(ask(daemon, "example.org", "MX")) == [17]
        assert errors(ask(daemon, "example.org", "TXT")) == [15]
        assert errors(ask(daemon, "example.org", "TYPE65280")) == [15]
        assert len(ask(daemon, "www.example.org").answer) == 1
        assert len(ask(daemon, "example.org", "SOA", tcp=True).answer) == 1


def test_acl_ipv6_and_tcp():
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
        raise harness.Skip("no IPv6")
    with harness.Workspace() as space:
        daemon = serve(space, " acl {\n  block net ::1\n }")
        query = dns.message.make_query("www.example.org", "A", use_edns=0)
        assert dns.query.udp(query, "::1", port=daemon.port, timeout=3).rcode() == 5
        assert dns.query.tcp(query, "::1", port=daemon.port, timeout=3).rcode() == 5
        assert dns.query.udp(query, "127.0.0.1", port=daemon.port, timeout=3).rcode() == 0


def test_acl_before_other_classes():
    with harness.Workspace() as space:
        daemon = serve(space, " chaos x\n acl {\n  block net 127.0.0.1\n }", key=".")
        assert ask(daemon, "www.example.org", source="127.0.0.1").rcode() == 5
        assert ask(daemon, "www.example.org", source="127.0.0.2").rcode() == 0


def test_acl_many_networks():
    with harness.Workspace() as space:
        nets = " ".join(f"10.{n // 256}.{n % 256}.0/24" for n in range(3000))
        daemon = serve(space, " acl {\n  block net %s 127.0.0.9\n }" % nets)
        assert ask(daemon, "www.example.org", source="127.0.0.9").rcode() == 5
        assert ask(daemon, "www.example.org", source="127.0.0.8").rcode() == 0


def test_acl_mistakes_are_told():
    with harness.Workspace() as space:
        refused_corefile(space, " acl {\n  permit net 10.0.0.0/8\n }", "'permit' is no action", "allow, block, filter or drop")
        refused_corefile(space, " acl {\n  block 10.0.0.0/8\n }", "stands where type or net is expected")
        refused_corefile(space, " acl {\n  block net 10.0.0.0/33\n }", "'10.0.0.0/33' is not a network")
        refused_corefile(space, " acl {\n  block type NONSENSE\n }", "NONSENSE")
        refused_corefile(space, " acl {\n  block type net 10.0.0.0/8\n }", "nothing stands behind 'type'")


# ---- header ----

def test_header_response():
    with harness.Workspace() as space:
        daemon = serve(space, " header {\n  response set ra\n  response clear aa rd\n }")
        answer = ask(daemon, "www.example.org")
        assert answer.flags & (dns.flags.RA | dns.flags.AA | dns.flags.RD) == dns.flags.RA, answer.to_text()
        assert len(answer.answer) == 1


def test_header_query():
    with harness.Workspace() as space:
        daemon = serve(space, " header {\n  query set rd\n }")
        assert ask(daemon, "www.example.org", flags=0).flags & dns.flags.RD
        daemon = serve(space, " header {\n  query clear rd\n  response set rd aa\n  response clear aa\n }")
        assert ask(daemon, "www.example.org").flags & (dns.flags.RD | dns.flags.AA) == dns.flags.RD


def test_header_mistakes_are_told():
    with harness.Workspace() as space:
        refused_corefile(space, " header {\n  mark aa\n }", "mark")
        refused_corefile(space, " header {\n  response add aa\n }", "'add' is neither set nor clear")
        refused_corefile(space, " header {\n  response set tc\n }", "there is no flag 'tc'")
        refused_corefile(space, " header {\n  response set\n }", "lacks")
        refused_corefile(space, " header", "nothing to set")


# ---- minimal ----

def test_minimal():
    """Answers lose authority and additional; referrals and denials keep them."""
    with harness.Workspace() as space:
        plain, daemon = serve(space, ""), serve(space, " minimal")
        for name, qtype in (("example.org", "MX"), ("example.org", "NS"), ("www.example.org", "A")):
            answer = ask(daemon, name, qtype)
            assert answer.answer and not answer.authority and not answer.additional, answer.to_text()
            assert answer.edns == 0, "OPT stays"
            assert answer.answer == ask(plain, name, qtype).answer
        assert ask(plain, "example.org", "MX").additional, "there is something to leave out"
        for name, qtype in (("nx.example.org", "A"), ("www.example.org", "TXT"), ("a.sub.example.org", "A")):
            answer = ask(daemon, name, qtype)
            assert answer.authority and answer.to_wire()[2:] == ask(plain, name, qtype).to_wire()[2:], answer.to_text()


# ---- tcp ----

def is_served(sock):
    """Asks over the connection; false when the server has closed it."""
    try:
        sock.sendall(struct.pack("!H", len(WWW)) + WWW)
        return sock.recv(2) != b""
    except (ConnectionResetError, BrokenPipeError):
        return False


WWW = server.question("www.example.org.", "A", 1)


def test_tcp_connections_of_one_client():
    """Over all workers together; a closed connection makes room; others and exempt clients are not concerned."""
    with harness.Workspace() as space, contextlib.ExitStack() as stack:
        daemon = serve(space, " tcp {\n  per-client 5\n  exempt 127.0.9.0/24\n }", workers=2)

        def connect(source):
            return stack.enter_context(
                socket.create_connection(("127.0.0.1", daemon.port), timeout=3, source_address=(source, 0)))

        mine = [connect("127.0.0.2") for _ in range(8)]
        served = [sock for sock in mine if is_served(sock)]
        assert 5 <= len(served) <= 6, len(served)  # two workers may both see the last free place
        assert is_served(connect("127.0.0.3")), "another client"
        assert all(is_served(connect("127.0.9.1")) for _ in range(12)), "exempt"
        for sock in mine:
            sock.close()
        limit = time.monotonic() + 30
        while not is_served(connect("127.0.0.2")):
            assert time.monotonic() < limit, "there is room again"
            time.sleep(0.02)


SIGNATURE = "8 3 3600 20400101000000 20200101000000 1 example.org. " + "AAAA" * 8
WILD = ZONE + "\n".join(f"{owner} RRSIG {covered} {SIGNATURE}" for owner, covered in (
    ("@", "SOA"), ("@", "NS"), ("@", "NSEC"), ("*.wild", "A"), ("*.wild", "NSEC"))) + """
@ NSEC *.wild SOA NS MX RRSIG NSEC
*.wild NSEC @ A RRSIG NSEC
"""


def test_minimal_keeps_what_proves_a_wildcard():
    """RFC 4035 3.1.3.3: without the NSEC record a validator would take the answer for a forged one."""
    with harness.Workspace() as space:
        daemon = serve(space, " minimal", zone=WILD)
        query = dns.message.make_query("a.wild.example.org", "A", want_dnssec=True)
        answer = dns.query.udp(query, "127.0.0.1", port=daemon.port, timeout=3)
        assert [rrset.rdtype for rrset in answer.answer] == [1, 46], answer.to_text()
        assert [rrset.rdtype for rrset in answer.authority] == [47, 46] and not answer.additional, answer.to_text()
        exact = dns.message.make_query("example.org", "NS", want_dnssec=True)
        answer = dns.query.udp(exact, "127.0.0.1", port=daemon.port, timeout=3)
        assert answer.answer and not answer.authority and not answer.additional, answer.to_text()
