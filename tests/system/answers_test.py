"""zonetool answers: over all names, and weighted by recorded queries in each form they may come in."""

import json
import os
import struct
import subprocess

import harness
from diff_test import NEW, OLD

QUERIES = [("www.example.org", 1, 7), ("mail.example.org", 1, 2), ("Example.ORG", 15, 1), ("other.example.net", 1, 3)]


def zonetool(*arguments, status=1):
    done = subprocess.run([harness.need_ours("zonetool"), *arguments], capture_output=True, timeout=60)
    assert status is None or done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}"
    return done.stdout.decode()


def message(name, type_, flags=0x0100):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    return struct.pack(">6H", 1, flags, 1, 0, 0, 0) + labels + struct.pack(">2H", type_, 1)


def udp(payload, port=53):
    return struct.pack(">4H", 40000, port, 8 + len(payload), 0) + payload


def ip4(payload, protocol=17):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, b"\x7f\0\0\1", b"\x7f\0\0\2") + payload


def ip6(payload):
    # A hop-by-hop header stands before.
    return struct.pack(">IHBB", 0x60000000, 8 + len(payload), 0, 64) + bytes(32) + b"\x11\0" + bytes(6) + payload


def segment(data, port, sequence, flags=0x18):
    return struct.pack(">HHIIBBHHH", port, 53, sequence & 0xffffffff, 1, 0x50, flags, 1000, 0, 0) + data


def tcp(payload, port):
    return segment(struct.pack(">H", len(payload)) + payload, port, 1)


def packets():
    """One for each query: over IPv4, IPv6 and TCP in turn; and what does not count."""
    for number, (name, type_, count) in enumerate(QUERIES):
        for i in range(count):
            query = message(name, type_)
            yield (ip4(udp(query)), ip6(udp(query)), ip4(tcp(query, 40000 + 100 * number + i), 6))[i % 3]
    yield ip4(udp(message("www.example.org", 1), port=5353))
    yield ip4(udp(message("www.example.org", 1, flags=0x8180)))
    yield ip4(udp(b"nonsense"))


def ethernet(packet):
    return bytes(12) + b"\x81\0\0\1" + (b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet + bytes(3)


def pcap(order):
    out = struct.pack(order + "IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
    for packet in packets():
        frame = ethernet(packet)
        out += struct.pack(order + "4I", 0, 0, len(frame), len(frame)) + frame
    return out


def pcapng(order):
    def block(type_, body):
        body += bytes(-len(body) % 4)
        return struct.pack(order + "2I", type_, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)
    out = block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1)) + block(1, struct.pack(order + "HHI", 101, 0, 0))
    for packet in packets():
        out += block(6, struct.pack(order + "5I", 0, 0, 0, len(packet), len(packet)) + packet)
    return out


def dnstap():
    def field(number, payload):
        size, octets = len(payload), b""
        while size > 127:
            octets += bytes([size & 127 | 128])
            size >>= 7
        return bytes([number << 3 | 2]) + octets + bytes([size]) + payload

    def frame(payload):
        return struct.pack(">I", len(payload)) + payload
    content = b"protobuf:dnstap.Dnstap"
    out = struct.pack(">III", 0, 12 + len(content) - 4 + 4, 2) + struct.pack(">2I", 1, len(content)) + content
    for name, type_, count in QUERIES:
        for _ in range(count):
            query, answer = message(name, type_), message(name, type_, 0x8180)
            out += frame(field(1, b"server") + field(14, b"\x08\x01" + field(10, query)) + b"\x78\x01")
            out += frame(field(14, b"\x08\x02" + field(10, query) + field(14, answer)) + b"\x78\x01")
    return out + struct.pack(">3I", 0, 4, 3)


TEXT = "".join(f"{name} TYPE{type_} {count}\n" for name, type_, count in QUERIES) + "# comment\n"
LOG = "".join(f'client 127.0.0.1#4242 ({name}): query: {name} IN {"A" if type_ == 1 else "MX"} +E(0)K\n' * count
              for name, type_, count in QUERIES)


def test_recorded_queries():
    with harness.Workspace() as space:
        old, new = space.write("old", OLD.replace("web 2h", "web 1h")), space.write("new", NEW.replace("192.0.2.81", "192.0.2.99"))
        forms = {"pcap": (pcap("<"), pcap(">")), "pcapng": (pcapng("<"), pcapng(">")), "dnstap": (dnstap(),),
                 "text": (TEXT.encode(), LOG.encode())}
        for form, files in forms.items():
            for content in files:
                path = os.path.join(space.path, "queries")
                with open(path, "wb") as file:
                    file.write(content)
                told = json.loads(zonetool("answers", "--format", "json", "--queries", path, old, new))
                assert (told["form"], told["queries"], told["queries_in_zone"], told["queries_changed"]) == (form, 13, 10, 8), told
                assert [(row["name"], row["type"], row["queries"]) for row in told["answers"]] == \
                    [("www.example.org.", "A", 7), ("example.org.", "MX", 1)], told


def streams():
    """Segments of TCP as clients send them, each list with the number of queries in it."""
    one, two = (struct.pack(">H", len(payload)) + payload
                for payload in (message("www.example.org", 1), message("mail.example.org", 1)))
    yield 1, [(0, b"", 2), (1, one[:2]), (3, one[2:])]
    yield 2, [(0, b"", 2), (1, one + two)]
    yield 2, [(0, one[:7]), (7, one[7:] + two[:5]), (len(one) + 5, two[5:])]
    yield 2, [(0, one), (0, one), (len(one), two)]  # sent again
    yield 2, [(-10, one[:10]), (0, one[10:]), (len(one) - 10, two)]  # numbers wrap
    yield 1, [(0, one[:5]), (9, two[9:]), (1000, two)]  # a hole
    yield 2, [(0, b"", 2), (1, one), (5000, b"", 2), (5001, two)]  # the port is used again


def test_streams():
    with harness.Workspace() as space:
        old, new = space.write("old", OLD), space.write("new", NEW)
        for expected, parts in streams():
            out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)
            for sequence, data, *flags in parts:
                packet = ip4(segment(data, 41000, sequence, *flags), 6)
                out += struct.pack("<4I", 0, 0, len(packet), len(packet)) + packet
            path = os.path.join(space.path, "queries")
            with open(path, "wb") as file:
                file.write(out)
            told = json.loads(zonetool("answers", "--format", "json", "--queries", path, old, new, status=None))
            assert told["queries"] == expected, (expected, parts, told)


LOGS = (
    "22-Nov-2026 17:00:00.000 client @0x7f 127.0.0.1#4242 (www.example.org): query: www.example.org IN A +E(0)K (127.0.0.1)",
    "22-Nov-2026 17:00:00.000 queries: info: client @0x7f 127.0.0.1#4242 (www.example.org): view x: query: www.example.org IN A -",
    "[1700000000] unbound[1:0] info: 127.0.0.1 www.example.org. A IN",
    '[INFO] [::1]:50759 - 29008 "A IN www.example.org. udp 41 false 4096" NOERROR qr,rd,ra,ad 68 0.037990251s',
    "Nov 22 17:00:00 Remote 127.0.0.1 wants 'www.example.org|A', do = 0, bufsize = 512: packetcache MISS",
    "Got query for www.example.org.|A from 127.0.0.1:53231",
    "Packet from 127.0.0.1:53231 for www.example.org. A with id 1234",
    "22-Nov-2026 17:00:00.000 CQ 127.0.0.1:1 -> 127.0.0.1:53 UDP 41b www.example.org/IN/A",
    "17:00:00.000000 IP 127.0.0.1.41000 > 127.0.0.1.53: 4242+ [1au] A? www.example.org. (56)",
    "www.example.org\tA\t1",
)
NO_QUERIES = (
    "[1700000000] unbound[1:0] info: 127.0.0.1 www.example.org. A IN NOERROR 0.000000 0 49",
    "22-Nov-2026 17:00:00.000 zone example.org/IN: loaded serial 1",
    "Got answer from 127.0.0.1:53, relayed to 127.0.0.1:53231, took 99.0usec",
    "started",
)


def test_logs():
    with harness.Workspace() as space:
        old, new = space.write("old", OLD), space.write("new", NEW.replace("192.0.2.81", "192.0.2.99"))
        for lines, queries in ((LOGS, 1), (NO_QUERIES, 0)):
            for line in lines:
                path = space.write("log", "www.example.org A\n" + line + "\n")
                told = json.loads(zonetool("answers", "--format", "json", "--queries", path, old, new))
                assert (told["form"], told["queries"], told["queries_changed"]) == ("text", 1 + queries, 1 + queries), line


def signed_zone(space, name, key):
    """NEW and a secure delegation, signed; with a new set of keys for each KEY."""
    path, keys = space.write(name, NEW + "safe NS ns.sub\nsafe DS 4242 13 2 " + "ab" * 32 + "\n"), space.directory(key)
    if not os.listdir(keys):
        run("signer", "keygen", "--keys", keys, "example.org")
    run("signer", "sign", "--keys", keys, "-o", "example.org", path, path + ".signed")
    return path + ".signed"


def run(program, *arguments):
    done = subprocess.run([harness.need_ours(program), *arguments], capture_output=True, timeout=60)
    assert done.returncode == 0, f"{arguments}: {done.stdout.decode()}{done.stderr.decode()}"


def test_as_validators_ask():
    def rows(*arguments, status=1):
        told = json.loads(zonetool("answers", "--format", "json", "--top", "0", *arguments, status=status))
        return {(row["name"], row["type"]): row["what"] for row in told["answers"]}
    with harness.Workspace() as space:
        plain = space.write("plain", NEW + "safe NS ns.sub\nsafe DS 4242 13 2 " + "ab" * 32 + "\n")
        a, again, b = signed_zone(space, "a", "k1"), signed_zone(space, "again", "k1"), signed_zone(space, "b", "k2")
        assert rows("--dnssec", a, again, status=0) == {}
        assert ("www.example.org.", "A") not in rows(plain, a)
        assert rows("--dnssec", plain, a)["www.example.org.", "A"] == "the same, signed now"
        assert rows("--dnssec", a, plain)["www.example.org.", "A"] == "the same, no longer signed"
        assert rows("--dnssec", a, b)["www.example.org.", "A"] == "the same, signed by other keys"
        with open(a, encoding="ascii") as file:
            text = file.read()
        other = space.write("other", text.replace("4242", "4243"))
        told = rows("--dnssec", a, other)
        assert told == {("safe.example.org.", type_): "the same servers, with other DS records or "
                                              "proof of none" for type_ in ("A", "AAAA", "NS", "NSEC")} | {
            ("safe.example.org.", "DS"): "other data than before"}, told


def test_all_names():
    with harness.Workspace() as space:
        old, new = space.write("old", OLD), space.write("new", NEW)
        told = json.loads(zonetool("answers", "--format", "json", "--top", "0", old, new))
        answers = {(row["name"], row["type"]): (row["old"], row["new"]) for row in told["answers"]}
        assert answers["blog.apps.example.org.", "A"] == ("wildcard", "nodata")
        assert answers["tree.example.org.", "A"] == ("nodata", "nxdomain")
        assert answers["sub.example.org.", "A"] == ("nxdomain", "referral")
        assert ("mail.example.org.", "A") not in answers
        assert zonetool("answers", old, old, status=0).endswith("0 get another answer\n")


def test_trouble():
    with harness.Workspace() as space:
        old = space.write("old", OLD)
        zonetool("answers", old, space.write("net", OLD.replace("example.org", "example.net")), status=2)
        zonetool("answers", "--queries", os.path.join(space.path, "none"), old, old, status=2)
        zonetool("answers", "--queries", space.write("empty", ""), old, old, status=2)
