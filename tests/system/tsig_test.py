"""TSIG in the server: each algorithm by dnspython, dig and kdig; errors; truncated MACs; what must be signed."""

import base64
import os
import subprocess
import sys
import time

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server

ZONE = """$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
""" + "".join(f"big TXT \"{n:03} {'x' * 90}\"\n" for n in range(40))
ALGORITHMS = ("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
SECRET = base64.b64encode(bytes(range(64))).decode()
OTHER = base64.b64encode(bytes(range(1, 65))).decode()
CONF = """%s example.org:{port} {
  file %s example.org
  tsig {
    secret any.key. %s
    secret short.key %s hmac-sha256-128
    secrets %s
    %s
  }
}
"""


def serve(space, more="", extra=""):
    path = space.write("zone", ZONE)
    keys = "".join(f'key "{name}.key" {{ algorithm {name}; secret "{SECRET}"; }};\n' for name in ALGORITHMS)
    return server.start(space, CONF % (extra, path, SECRET, SECRET, space.write("keys", keys), more))


def key(name, algorithm, secret=SECRET):
    return dns.tsig.Key(name, secret, algorithm)


def ask(daemon, with_key, name="www.example.org.", qtype="A", tcp=False, edns=True):
    query = dns.message.make_query(name, qtype, use_edns=edns)
    if with_key is not None:
        query.use_tsig({with_key.name: with_key}, keyname=with_key.name, algorithm=with_key.algorithm)
    way = dns.query.tcp if tcp else dns.query.udp
    return way(query, "127.0.0.1", port=daemon.port, timeout=5)


def refusal(daemon, with_key, **how):
    """The exception that dnspython makes of the reply's TSIG error."""
    try:
        answer = ask(daemon, with_key, **how)
    except dns.exception.DNSException as told:
        return type(told).__name__
    raise harness.Failure(f"an answer came: {answer}")


def test_algorithms():
    with harness.Workspace() as space:
        daemon = serve(space)
        for algorithm in ALGORITHMS:
            for name in (algorithm + ".key", "any.key", "ANY.key"):
                for tcp in (False, True):
                    answer = ask(daemon, key(name, algorithm), tcp=tcp)
                    assert answer.had_tsig and answer.rcode() == 0 and len(answer.answer) == 1, answer
        assert not ask(daemon, None).had_tsig
        answer = ask(daemon, key("any.key", "hmac-sha256"), "nx.example.org.")
        assert answer.had_tsig and answer.rcode() == dns.rcode.NXDOMAIN
        answer = ask(daemon, key("any.key", "hmac-sha256"), "www.example.com.")
        assert answer.had_tsig and answer.rcode() == dns.rcode.REFUSED


def test_truncated_replies_are_signed():
    with harness.Workspace() as space:
        daemon = serve(space)
        for edns in (False, True):
            known = key("any.key", "hmac-sha512")
            answer = ask(daemon, known, "big.example.org.", "TXT", edns=edns)
            assert answer.had_tsig and answer.flags & dns.flags.TC
            query = dns.message.make_query("big.example.org.", "TXT", use_edns=edns)
            query.use_tsig({known.name: known}, keyname=known.name, algorithm=known.algorithm)
            assert len(daemon.exchange(query.to_wire())) <= (1232 if edns else 512)
        answer = ask(daemon, key("any.key", "hmac-sha512"), "big.example.org.", "TXT", tcp=True)
        assert answer.had_tsig and len(answer.answer[0]) == 40


def test_errors():
    with harness.Workspace() as space:
        daemon = serve(space)
        assert refusal(daemon, key("no.key", "hmac-sha256")) == "PeerBadKey"
        assert refusal(daemon, key("hmac-sha1.key", "hmac-sha256")) == "PeerBadKey"
        assert refusal(daemon, key("any.key", "hmac-sha256", OTHER)) == "PeerBadSignature"
        assert refusal(daemon, key("any.key", "hmac-sha256", OTHER), tcp=True) == "PeerBadSignature"


def test_bad_time():
    """The reply has the client's time, the server's as other data, and a MAC."""
    with harness.Workspace() as space:
        daemon = serve(space)
        for shift in (-301, 301):
            query = dns.message.make_query("www.example.org.", "A")
            known = key("any.key", "hmac-sha256")
            query.use_tsig({known.name: known}, keyname=known.name, algorithm=known.algorithm)
            real, sent = time.time, time.time() + shift
            time.time = lambda: sent
            try:
                wire = query.to_wire()
            finally:
                time.time = real
            reply = daemon.exchange(wire)
            assert reply[3] & 15 == dns.rcode.NOTAUTH
            at = reply.index(b"\x03any\x03key\x00") + 9 + 10 + 13
            assert int.from_bytes(reply[at:at + 6], "big") == int(sent)
            length = int.from_bytes(reply[at + 8:at + 10], "big")
            assert length == 32
            rest = reply[at + 10 + length:]
            assert int.from_bytes(rest[2:4], "big") == 18 and int.from_bytes(rest[4:6], "big") == 6
            assert abs(int.from_bytes(rest[6:12], "big") - time.time()) < 5


def test_dig_and_kdig():
    tools = [harness.program(name) for name in ("dig", "kdig")]
    if None in tools:
        raise harness.Skip("dig or kdig is not installed")
    with harness.Workspace() as space:
        daemon = serve(space)
        for tool in tools:
            for algorithm in ALGORITHMS:
                for way in ("+notcp", "+tcp"):
                    done = subprocess.run(
                        [tool, "@127.0.0.1", "-p", str(daemon.port), "-y", f"{algorithm}:any.key:{SECRET}", way,
                         "+norecurse", "www.example.org", "A"], capture_output=True, text=True, timeout=20)
                    said = done.stdout + done.stderr
                    assert "192.0.2.80" in said and not any(
                        word in said for word in ("verif", "WARNING", "Couldn't")), said
        # BIND shortens MACs when the key says so.
        said = subprocess.run([tools[0], "@127.0.0.1", "-p", str(daemon.port), "-y",
                               f"hmac-sha256-128:short.key:{SECRET}", "www.example.org", "A"],
                              capture_output=True, text=True, timeout=20).stdout
        assert "192.0.2.80" in said and "hmac-sha256" in said and "verif" not in said, said
        said = subprocess.run([tools[0], "@127.0.0.1", "-p", str(daemon.port), "-y",
                               f"hmac-sha256-128:any.key:{SECRET}", "www.example.org", "A"],
                              capture_output=True, text=True, timeout=20).stdout
        assert "NOTAUTH" in said and "192.0.2.80" not in said, said


def test_required():
    with harness.Workspace() as space:
        daemon = serve(space, "require TXT ANY\n    require_opcode NOTIFY")
        known = key("any.key", "hmac-sha256")
        assert ask(daemon, None).rcode() == 0
        assert ask(daemon, None, qtype="TXT").rcode() == dns.rcode.REFUSED
        assert ask(daemon, known, "big.example.org.", qtype="TXT", tcp=True).rcode() == 0
        daemon = serve(space, "require all")
        assert ask(daemon, None).rcode() == dns.rcode.REFUSED
        assert ask(daemon, known).rcode() == 0


def test_what_is_refused_at_the_start():
    cases = (("secret a b!c", "not base64"), ("secret a", "a name, a key"), ("secret a c2VjcmV0 hmac-md5", "MD5"),
             ("secrets nowhere", "No such file"), ("require FOO", "no record type FOO"),
             ("require_opcode FOO", "no opcode FOO"), ("secret any.key. c2VjcmV0", "another TSIG key any.key."))
    with harness.Workspace() as space:
        path = space.write("zone", ZONE)
        for line, wanted in cases:
            conf = space.write("Corefile", "example.org:5300 {\n file %s\n tsig {\n  secret any.key %s\n  %s\n }\n}\n"
                               % (path, SECRET, line))
            done = subprocess.run([harness.need_ours(), "-conf", conf, "-check"], capture_output=True, text=True, timeout=30)
            assert done.returncode != 0 and wanted in done.stdout + done.stderr, (line, done.stdout, done.stderr)
        # the same key twice, in two blocks, is one key
        text = "%s:5300 {\n whoami\n tsig {\n  secret any.key " + SECRET + "\n }\n}\n"
        conf = space.write("Corefile", text % "a.example" + text % "b.example")
        done = subprocess.run([harness.need_ours(), "-conf", conf, "-check"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
