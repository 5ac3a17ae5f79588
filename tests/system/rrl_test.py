"""Response rate limiting: classes, accounts, slip, exemptions."""

import os
import re
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
import wire

ZONE = """$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
other A 192.0.2.81
*.wild A 192.0.2.90
alias DNAME example.net.
sub NS ns.sub
ns.sub A 192.0.2.53
"""
RATE, SENT = 5, 40


def serve(space, *lines, more="", key="example.org", **options):
    path = space.write("zone", ZONE)
    return server.start(space, "%s:{port} {\n file %s example.org\n rrl {\n  %s\n }\n%s\n}\n" % (key, path, "\n  ".join(lines), more),
                        **options)


def burst(daemon, names, qtype="A", source="127.0.0.1", edns=None, wait=0.4):
    """Sends one query for each name at once; the replies that come."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", daemon.port))
        for number, name in enumerate(names):
            sock.send(server.question(name, qtype, number, edns=edns))
        answers, limit = [], time.monotonic() + wait
        while len(answers) < len(names) and time.monotonic() < limit:
            sock.settimeout(max(0.001, limit - time.monotonic()))
            try:
                answers.append(wire.Answer(sock.recv(4096)))
            except socket.timeout:
                break
        return answers


def full(answers):
    return [answer for answer in answers if not answer.is_truncated]


def slipped(answers):
    return [answer for answer in answers if answer.is_truncated]


def limited(answers, rate=RATE, sent=SENT):
    """A second's allowance was answered, perhaps some more while the burst went on; most was held back."""
    return rate <= len(full(answers)) <= rate + sent // 4 and len(answers) < sent


CLASSES = (("responses-per-second", ["www.example.org."] * SENT, "A"),
           ("nodata-per-second", ["www.example.org."] * SENT, "MX"),
           ("nxdomains-per-second", [f"nx{n}.example.org." for n in range(SENT)], "A"),
           ("referrals-per-second", [f"a{n}.sub.example.org." for n in range(SENT)], "A"),
           ("errors-per-second", [f"{n}.example.org." for n in range(SENT)], "TYPE252"))


def test_classes():
    """Each class has its own rate, and replies of the others are not limited by it."""
    with harness.Workspace() as space:
        for word, names, qtype in CLASSES:
            daemon = serve(space, f"{word} {RATE}", "slip-ratio 0")
            for other, other_names, other_type in CLASSES:
                answers = burst(daemon, other_names, other_type)
                if word == other or (word == "responses-per-second" and other != word):
                    assert limited(answers), (word, other, len(answers))
                else:
                    assert len(answers) == SENT and not slipped(answers), (word, other, len(answers))


def test_accounts():
    """Names and types have accounts of their own, but all names that one wildcard makes share one."""
    with harness.Workspace() as space:
        daemon = serve(space, f"responses-per-second {RATE}", "slip-ratio 0")
        assert limited(burst(daemon, ["www.example.org."] * SENT))
        assert len(burst(daemon, ["WWW.example.ORG."] * 8)) == 0, "case makes no difference"
        assert len(burst(daemon, ["other.example.org."] * RATE)) == RATE
        assert len(burst(daemon, ["ns.example.org."] * RATE)) == RATE
        assert limited(burst(daemon, [f"r{n}.wild.example.org." for n in range(SENT)]))
        assert limited(burst(daemon, [f"r{n}.alias.example.org." for n in range(SENT)]))
        assert len(burst(daemon, [f"nx{n}.example.org." for n in range(RATE)])) == RATE, "another class"


def test_networks():
    """One account for a /24, unless the prefix is set; exempt networks are never limited."""
    with harness.Workspace() as space:
        daemon = serve(space, f"responses-per-second {RATE}", "slip-ratio 0", "exempt 127.0.9.0/24 2001:db8::/32")
        assert limited(burst(daemon, ["www.example.org."] * SENT, source="127.0.0.1"))
        assert len(burst(daemon, ["www.example.org."] * 8, source="127.0.0.200")) == 0, "same network"
        assert len(burst(daemon, ["www.example.org."] * RATE, source="127.0.1.1")) == RATE, "another network"
        assert len(burst(daemon, ["www.example.org."] * SENT, source="127.0.9.9")) == SENT, "exempt"
        daemon = serve(space, f"responses-per-second {RATE}", "slip-ratio 0", "ipv4-prefix-length 32")
        assert limited(burst(daemon, ["www.example.org."] * SENT, source="127.0.0.1"))
        assert len(burst(daemon, ["www.example.org."] * RATE, source="127.0.0.2")) == RATE


def test_slip():
    """Every Nth reply held back comes truncated and empty, and the client is served over TCP."""
    with harness.Workspace() as space:
        for ratio in (1, 2, 4):
            daemon = serve(space, f"responses-per-second {RATE}", f"slip-ratio {ratio}")
            answers = burst(daemon, ["www.example.org."] * SENT, edns=1232)
            held_back = SENT - len(full(answers))
            assert abs(len(slipped(answers)) - held_back // ratio) <= 1, (ratio, len(answers), held_back)
            for answer in slipped(answers):
                assert answer.rcode == 0 and not answer.answer + answer.authority + answer.additional and answer.opt
                assert answer.question is not None
        for _ in range(3 * RATE):
            assert daemon.ask("www.example.org.", "A", tcp=True).answer, "TCP is not limited"


def test_recovery():
    with harness.Workspace() as space:
        daemon = serve(space, f"responses-per-second {RATE}", "slip-ratio 0", "window 1")
        assert limited(burst(daemon, ["www.example.org."] * SENT))
        time.sleep(1.5)
        assert burst(daemon, ["www.example.org."]), "the window is over"


def test_requests():
    """All queries of a network together, whatever their answers."""
    with harness.Workspace() as space:
        daemon = serve(space, f"requests-per-second {RATE}")
        names = [f"{label}.example.org." for n in range(SENT // 4) for label in ("www", "other", f"nx{n}", f"a{n}.sub")]
        assert limited(burst(daemon, names))


def test_report_only():
    with harness.Workspace() as space:
        daemon = serve(space, f"responses-per-second {RATE}", f"requests-per-second {RATE}", "report-only")
        answers = burst(daemon, ["www.example.org."] * SENT)
        assert len(answers) == SENT and not slipped(answers)
        daemon.wait_for_log("replies over the limit would be held back", deadline=20)
        assert re.search(r"the last to the network of 127\.0\.0\.0\b", daemon.log()), daemon.tail()


def test_cookies_are_exempt():
    """A client that shows our cookie is where it says it is."""
    with harness.Workspace() as space:
        daemon = serve(space, f"responses-per-second {RATE}", "slip-ratio 0", more=" cookies")

        def query(number, cookie):
            plain = server.question("www.example.org.", "A", number)
            return plain[:11] + b"\1" + plain[12:] + b"\0" + struct.pack("!HHIHHH", 41, 1232, 0, 4 + len(cookie), 10, len(cookie)) + cookie

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.5)
            sock.connect(("127.0.0.1", daemon.port))
            sock.send(query(0, b"client--"))
            cookie = wire.Answer(sock.recv(4096)).opt[2][4:28]
            got = 0
            for number in range(SENT):
                sock.send(query(number, cookie))
                got += len(sock.recv(4096)) > 0
            assert got == SENT
        assert limited(burst(daemon, ["other.example.org."] * SENT))


def test_several_workers_share_the_rate():
    with harness.Workspace() as space:
        daemon = serve(space, "responses-per-second 20", "slip-ratio 0", workers=4)
        answered, begin = 0, time.monotonic()
        for _ in range(40):  # forty ports, so all workers get some
            answered += len(burst(daemon, ["www.example.org."] * 10, wait=0.02))
        # a second's allowance, and what was earned meanwhile; replies that come late are not seen
        assert 0 < answered <= 20 * (2 + time.monotonic() - begin), answered


def test_zones():
    with harness.Workspace() as space:
        path = space.write("zone", ZONE)
        daemon = server.start(space, ".:{port} {\n file %s example.org\n file %s example.net\n rrl example.net {\n  responses-per-second %d\n }\n}\n"
                              % (path, path, RATE))
        assert len(full(burst(daemon, ["www.example.org."] * SENT))) == SENT
        assert len(full(burst(daemon, ["www.example.net."] * SENT))) < SENT


def test_refusals_of_no_zone():
    """A block for the root limits what is refused because nobody has the name; it answers nothing itself."""
    with harness.Workspace() as space:
        daemon = serve(space, "responses-per-second 1000", more="}\n.:{port} {\n rrl {\n  errors-per-second %d\n  slip-ratio 0\n }\n"
                       % RATE)
        begin = time.monotonic()
        answers = burst(daemon, [f"n{n}.example.net." for n in range(SENT)], wait=3)
        # the wait for the server to be ready was an account's first error; all that is earned meanwhile may be paid out
        assert 0 < len(answers) <= RATE * (2 + time.monotonic() - begin) and all(answer.rcode == 5 for answer in answers), len(answers)
        assert len(burst(daemon, ["www.example.org."] * SENT, wait=20)) == SENT


def test_mistakes_are_told():
    with harness.Workspace() as space:
        for line, text in (("responses-per-second many", "'many' is not a rate"), ("responses-per-second -1", "'-1' is not a rate"),
                           ("window 0", "window"), ("ipv4-prefix-length 33", "33"), ("slip 2", "unknown option 'slip'"),
                           ("exempt 10.0.0.0/99", "10.0.0.0/99")):
            try:
                serve(space, line)
            except harness.Failure as failure:
                assert text in str(failure), failure
            else:
                raise harness.Failure(f"accepted: {line}")


def test_reloads_under_load():
    """Accounts come and go with the Corefile while queries are under way."""
    with harness.Workspace() as space:
        text = "responses-per-second %d"
        daemon = serve(space, text % 1000, more=" cookies\n log", workers=2)
        with open(os.path.join(daemon.directory, "Corefile"), encoding="ascii") as file:
            corefile = file.read()
        for turn in range(8):
            burst(daemon, ["www.example.org.", "nx.example.org."] * SENT, wait=0.05)
            daemon.reload(corefile.replace(text % 1000, text % (1000 + turn)))
        assert daemon.ask("www.example.org.", "A").answer
