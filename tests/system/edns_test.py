"""EDNS options that plugins answer: cookies, zone version, expire, report channel."""

import os
import shutil
import socket
import struct
import subprocess
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
import wire

ZONE = """$TTL 3600
@ SOA ns hostmaster 2024010203 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
alias CNAME www
*.wild A 192.0.2.90
sub NS ns.sub
ns.sub A 192.0.2.53
"""
SECRETS = ("e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962")
COOKIE = 10
EXPIRE, REPORT_CHANNEL, ZONEVERSION = 9, 18, 19


def serve(space, lines, key="example.org", **options):
    path = space.write("zone", ZONE)
    return server.start(space, "%s:{port} {\n file %s example.org\n%s\n}\n" % (key, path, lines), **options)


def ask(daemon, name, qtype="A", options=(), source="127.0.0.1", tcp=False, edns=True):
    made = [dns.edns.GenericOption(code, data) for code, data in options]
    query = dns.message.make_query(name, qtype, use_edns=0 if edns else None, options=made if edns else None)
    exchange = dns.query.tcp if tcp else dns.query.udp
    return exchange(query, "127.0.0.1", port=daemon.port, timeout=3, source=source)


def option(answer, code):
    """The data of the only option of that code, or None."""
    found = [entry for entry in answer.options if entry.otype == code]
    assert len(found) <= 1, answer.to_text()
    return found[0].to_wire() if found else None


# ---- cookies (RFC 7873, 9018) ----

CLIENT = b"\x24\x64\xc4\xab\xcf\x10\xc9\x57"


def cookie_of(daemon, sent=CLIENT, **how):
    answer = ask(daemon, "www.example.org", options=[(COOKIE, sent)], **how)
    return answer.rcode(), option(answer, COOKIE), answer


def test_cookies_first_and_again():
    """A client's cookie gets a server cookie; shown again it comes back as it was."""
    with harness.Workspace() as space:
        daemon = serve(space, " cookies")
        rcode, cookie, answer = cookie_of(daemon)
        assert rcode == 0 and answer.answer and len(cookie) == 24 and cookie[:12] == CLIENT + b"\1\0\0\0", cookie
        for tcp in (False, True):
            assert cookie_of(daemon, cookie, tcp=tcp)[:2] == (0, cookie)
        other = cookie_of(daemon, cookie, source="127.0.0.2")[1]
        assert other[:8] == CLIENT and other[16:] != cookie[16:], "another address, another cookie"
        assert option(ask(daemon, "www.example.org"), COOKIE) is None
        assert ask(daemon, "www.example.org", edns=False).edns == -1
        assert option(ask(daemon, "www.other.org", options=[(COOKIE, CLIENT)]), COOKIE) is None, "no block, no cookie"


def test_cookies_of_odd_lengths():
    """RFC 7873 5.2.2: FORMERR; a server cookie of another make is merely not ours."""
    with harness.Workspace() as space:
        daemon = serve(space, " cookies")
        for length in (0, 1, 7, 9, 15, 41, 200):
            assert ask(daemon, "www.example.org", options=[(COOKIE, b"x" * length)]).rcode() == 1, length
        for length in (8, 16, 17, 24, 32, 40):
            rcode, cookie, answer = cookie_of(daemon, b"x" * length)
            assert rcode == 0 and answer.answer and cookie[:8] == b"x" * 8 and len(cookie) == 24, length
        two = ask(daemon, "www.example.org", options=[(COOKIE, CLIENT), (COOKIE, b"x")])
        assert option(two, COOKIE)[:8] == CLIENT, "the first counts (RFC 7873 5.2)"


def test_cookies_required():
    with harness.Workspace() as space:
        daemon = serve(space, " cookies {\n  require 127.0.0.2/31\n }")
        rcode, cookie, answer = cookie_of(daemon, source="127.0.0.2")
        assert rcode == 23 and not answer.answer and len(cookie) == 24, answer.to_text()
        rcode, again, answer = cookie_of(daemon, cookie, source="127.0.0.2")
        assert rcode == 0 and answer.answer and again == cookie, answer.to_text()
        forged = cookie[:-1] + bytes([cookie[-1] ^ 1])
        assert cookie_of(daemon, forged, source="127.0.0.2")[0] == 23
        assert cookie_of(daemon, forged, source="127.0.0.2", tcp=True)[0] == 0, "TCP proves the address itself"
        assert cookie_of(daemon, forged, source="127.0.0.4")[0] == 0
        assert ask(daemon, "www.example.org", source="127.0.0.2").rcode() == 0, "no cookie, no demand"
        everywhere = serve(space, " cookies {\n  require\n }")
        assert cookie_of(everywhere)[0] == 23


def test_cookies_change_of_secret():
    """A cookie of the old secret is taken and renewed; two servers of one secret take each other's."""
    with harness.Workspace() as space:
        old = serve(space, " cookies {\n  secret %s\n  require\n }" % SECRETS[0])
        both = serve(space, " cookies {\n  secret %s %s\n  require\n }" % (SECRETS[1], SECRETS[0]))
        new = serve(space, " cookies {\n  secret %s\n  require\n }" % SECRETS[1])
        cookie = cookie_of(old)[1]
        rcode, renewed, _ = cookie_of(both, cookie)
        assert rcode == 0 and renewed != cookie, "taken, but made anew"
        assert cookie_of(new, renewed)[:2] == (0, renewed)
        assert cookie_of(new, cookie)[0] == 23


def test_random_secret_outlives_a_reload():
    with harness.Workspace() as space:
        daemon = serve(space, " cookies {\n  require\n }")
        cookie = cookie_of(daemon)[1]
        with open(os.path.join(daemon.directory, "Corefile"), encoding="ascii") as file:
            text = file.read()
        daemon.reload(text + "# changed\n")
        assert cookie_of(daemon, cookie)[:2] == (0, cookie)


def test_cookie_without_question():
    """RFC 7873 5.4."""
    with harness.Workspace() as space:
        daemon = serve(space, " cookies\n log", workers=1)
        message = struct.pack("!HHHHHH", 7, 0, 0, 0, 0, 1) + b"\0" + struct.pack("!HHIHHH", 41, 1232, 0, 12, COOKIE, 8) + CLIENT
        answer = wire.Answer(daemon.exchange(message))
        assert answer.rcode == 0 and answer.question is None and answer.opt[2][:12] == struct.pack("!HH", COOKIE, 24) + CLIENT
        assert len(answer.opt[2]) == 28


def test_cookies_by_dig():
    """The client that most people have takes our cookies for good."""
    if shutil.which("dig") is None:
        raise harness.Skip("dig is not installed")
    with harness.Workspace() as space:
        daemon = serve(space, " cookies {\n  require\n }")
        done = subprocess.run(["dig", "@127.0.0.1", "-p", str(daemon.port), "www.example.org", "+cookie=" + CLIENT.hex(), "+badcookie"],
                              capture_output=True, text=True, timeout=20, check=False)
        assert "COOKIE: " + CLIENT.hex() in done.stdout and "(good)" in done.stdout, done.stdout
        assert "status: NOERROR" in done.stdout and "192.0.2.80" in done.stdout, done.stdout


def test_cookies_mistakes_are_told():
    with harness.Workspace() as space:
        for lines, text in ((" cookies {\n  secret abc\n }", "32 hexadecimal digits"),
                            (" cookies {\n  secret %s\n }" % ("g" * 32), "32 hexadecimal digits"),
                            (" cookies {\n  require 10.0.0.0/40\n }", "10.0.0.0/40"),
                            (" cookies\n cookies", "a second cookies"),
                            (" cookies {\n  secret %s\n }" % " ".join([SECRETS[0]] * 9), "more than 8")):
            try:
                serve(space, lines)
            except harness.Failure as failure:
                assert text in str(failure), failure
            else:
                raise harness.Failure(f"accepted: {lines}")


# ---- zone version (RFC 9660) and expire (RFC 7314) ----

SERIAL = struct.pack("!I", 2024010203)


def version_of(daemon, name, qtype="A", **how):
    return option(ask(daemon, name, qtype, options=[(ZONEVERSION, b"")], **how), ZONEVERSION)


def test_zone_version():
    """In every answer from a zone, with the number of labels of its name; nowhere else."""
    with harness.Workspace() as space:
        daemon = serve(space, " zoneversion", key="org")
        for name, qtype in (("example.org", "SOA"), ("www.example.org", "A"), ("nx.example.org", "A"), ("www.example.org", "MX"),
                            ("a.sub.example.org", "A"), ("alias.example.org", "A"), ("a.b.wild.example.org", "A")):
            assert version_of(daemon, name, qtype) == b"\2\0" + SERIAL, (name, qtype)
        assert version_of(daemon, "www.example.org", tcp=True) == b"\2\0" + SERIAL
        assert option(ask(daemon, "www.example.org"), ZONEVERSION) is None, "not asked"
        assert ask(daemon, "www.example.org", edns=False).edns == -1
        assert version_of(daemon, "other.org") is None, "refused"
        assert version_of(daemon, "example.org", "AXFR", tcp=True) is None, "refused"
        assert version_of(serve(space, " zoneversion {\n  version off\n }"), "www.example.org") is None
        assert version_of(serve(space, ""), "www.example.org") is None


def test_zone_version_of_the_root_and_after_a_fall():
    with harness.Workspace() as space:
        path = space.write("root", ZONE)
        daemon = server.start(space, ".:{port} {\n file %s .\n zoneversion\n}\n" % path)
        assert version_of(daemon, "nx.test") == b"\0\0" + SERIAL
        daemon = server.start(space, ".:{port} {\n file %s . {\n  fallthrough\n }\n zoneversion\n whoami\n}\n" % path)
        assert version_of(daemon, "www.") == b"\0\0" + SERIAL
        assert version_of(daemon, "nx.test") is None, "whoami answered, not the zone"


def test_zone_version_follows_the_zone():
    with harness.Workspace() as space:
        daemon = serve(space, " zoneversion")
        assert version_of(daemon, "www.example.org") == b"\2\0" + SERIAL
        space.write("zone", ZONE.replace("2024010203", "2024010204"))
        daemon.reload()
        limit, seen = time.monotonic() + 10, None
        while time.monotonic() < limit and seen in (None, b"\2\0" + SERIAL):
            seen = version_of(daemon, "www.example.org")
        assert seen == b"\2\0" + struct.pack("!I", 2024010204), seen


def test_expire():
    with harness.Workspace() as space:
        daemon = serve(space, " zoneversion")
        asked = [(EXPIRE, b"")]
        assert option(ask(daemon, "example.org", "SOA", asked), EXPIRE) == struct.pack("!I", 1209600)
        assert option(ask(daemon, "example.org", "SOA", asked, tcp=True), EXPIRE) == struct.pack("!I", 1209600)
        assert option(ask(daemon, "example.org", "NS", asked), EXPIRE) is None
        assert option(ask(daemon, "www.example.org", "SOA", asked), EXPIRE) is None
        assert option(ask(daemon, "example.org", "SOA"), EXPIRE) is None
        both = ask(daemon, "example.org", "SOA", asked + [(ZONEVERSION, b"")])
        assert option(both, EXPIRE) and option(both, ZONEVERSION)
        assert option(ask(serve(space, " zoneversion {\n  expire off\n }"), "example.org", "SOA", asked), EXPIRE) is None


# ---- report channel (RFC 9567) ----

def test_report_channel():
    with harness.Workspace() as space:
        daemon = serve(space, " report Errors.Agent.example.org")
        agent = wire.name_from_text("errors.agent.example.org.")
        for name in ("www.example.org", "nx.example.org"):
            assert option(ask(daemon, name), REPORT_CHANNEL) == agent
            assert ask(daemon, name, edns=False).edns == -1
        assert option(ask(daemon, "_er.1.x._er.errors.agent.example.org", "TXT"), REPORT_CHANNEL) is None, "no circle"
        assert option(ask(serve(space, ""), "www.example.org"), REPORT_CHANNEL) is None
        for lines, text in ((" report", "AGENT"), (" report .", "the root takes no reports")):
            try:
                serve(space, lines)
            except harness.Failure as failure:
                assert text in str(failure), failure
            else:
                raise harness.Failure(f"accepted: {lines}")


# ---- extended errors (RFC 8914) ----

def test_refusals_say_why():
    with harness.Workspace() as space:
        path = space.write("zone", ZONE)
        daemon = server.start(space, "example.org:{port} {\n file %s\n}\nmissing.org:{port} {\n file %s/missing\n}\n" % (path, space.path))
        for name, qtype, rcode, code in (("www.example.net", "A", 5, 20), ("example.org", "AXFR", 5, 18), ("missing.org", "A", 2, 14)):
            answer = ask(daemon, name, qtype)
            assert answer.rcode() == rcode and option(answer, 15) == struct.pack("!H", code), answer.to_text()
        update = dns.message.make_query("example.org", "SOA", use_edns=0)
        update.set_opcode(5)
        answer = wire.Answer(daemon.exchange(update.to_wire()))
        assert answer.rcode == 4 and answer.opt[2] == struct.pack("!HHH", 15, 2, 21), answer.opt

def check_proofs(daemon, proven, told):
    for name, rcode in (("nope.example.org", 3), ("example.org", 0)):
        query = dns.message.make_query(name, "HINFO", want_dnssec=True, payload=4096)
        answer = dns.query.udp(query, "127.0.0.1", port=daemon.port, timeout=20)
        types = {rrset.rdtype for rrset in answer.authority}
        assert answer.rcode() == rcode and 6 in types and (50 in types) == proven, (told, answer.to_text())
        assert option(answer, 15) == (None if proven else struct.pack("!H", 27)), answer.to_text()


def check_iterations_elsewhere(space, path):
    """The same option of auto and secondary; PATH has 20 iterations."""
    auto = space.directory("auto")
    os.link(path, os.path.join(auto, "db.example.org"))
    primary = server.start(space, f"example.org:{{port}} {{\n file {path}\n transfer {{\n  to *\n }}\n}}\n")
    for count, proven in ((19, False), (20, True)):
        daemon = server.start(space, f"""example.org:{{port}} {{
 auto {{
  directory {auto} db[.](.*) {{1}}
  state off
  nsec3_iterations {count}
 }}
}}
""")
        check_proofs(daemon, proven, f"auto {count}")
        daemon.kill()
        daemon = server.start(space, f"""example.org:{{port}} {{
 secondary {{
  transfer from 127.0.0.1:{primary.port}
  state {space.directory(f"state-{count}")}
  nsec3_iterations {count}
 }}
}}
""")
        daemon.wait_for_log("example.org.: serial", deadline=60)
        check_proofs(daemon, proven, f"secondary {count}")
        daemon.kill()


def test_nsec3_with_too_many_iterations():
    """RFC 5155 10.3, RFC 9276: what is not there is not proven when that would take too long; all else goes on."""
    with harness.Workspace() as space:
        path = space.write("zone", ZONE)
        signer = harness.need_ours("signer")
        subprocess.run([signer, "keygen", "example.org"], cwd=space.path, capture_output=True, check=True)
        signed = {}
        for count in (0, 20, 2501):
            signed[count] = os.path.join(space.path, f"signed-{count}")
            subprocess.run([signer, "sign", "-3", "--iterations", str(count), "-o", "example.org", path, signed[count]],
                           cwd=space.path, check=True, capture_output=True)
        for count, lines, proven in ((0, "", True), (20, "", True), (20, "nsec3_iterations 20", True),
                                     (20, "nsec3_iterations 19", False), (2501, "", False), (2501, "nsec3_iterations 2501", True)):
            daemon = server.start(space, "example.org:{port} {\n file %s {\n  %s\n }\n}\n" % (signed[count], lines))
            check_proofs(daemon, proven, (count, lines))
            daemon.kill()
        check_iterations_elsewhere(space, signed[20])

