"""What a server owes to messages that are odd, hostile or in pieces: RFC 1035 4.1, 6891, 7766, 9619 and
the traps that mature servers still fall into. $BAILIWICK_SUBJECT=nsd (knot, bind) runs the tests against
a peer, to see what it does."""

import os
import socket
import struct
import time

import harness
import wire

ZONE = """$TTL 3600
@ SOA ns1 hostmaster 1 7200 3600 1209600 300
@ NS ns1
@ TXT "apex"
ns1 A 192.0.2.1
www A 192.0.2.80
big TXT ( "%s"
 "%s" "%s"
 "%s" "%s" )
""" % tuple(letter * 250 for letter in "abcde")
FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, NOTAUTH, BADVERS = 1, 2, 3, 4, 5, 9, 16
SILENCE_S = 0.3


class Served:
    """One server with the zone, as a context."""

    def __enter__(self):
        kind = os.environ.get("BAILIWICK_SUBJECT", "bailiwick")
        if kind == "bailiwick":
            harness.need_ours()
        self.space = harness.Workspace()
        try:
            self.server = self.space.start(kind, {"example.": self.space.write("example.zone", ZONE)})
        except BaseException as error:
            self.space.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        return self.space.__exit__(kind, value, trace)

    def ask(self, message, tcp=False):
        reply = self.server.exchange(message, tcp=tcp, timeout=3)
        assert reply is not None, f"no answer to {message.hex()}\n{self.server.tail()}"
        return wire.Answer(reply)

    def assert_silence(self, message):
        reply = self.server.exchange(message, timeout=SILENCE_S, tries=1)
        assert reply is None, f"an answer to {message.hex()}: {reply.hex()}"
        self.assert_alive()

    def assert_alive(self):
        answer = self.server.ask("www.example.", "A")
        assert answer is not None and answer.rcode == 0 and len(answer.answer) == 1, self.server.tail()


WWW = wire.name_from_text("www.example.")


def query(name=WWW, qtype=1, **options):
    return wire.question(name, qtype, 0x1234, **options)


def patched(message, at, octets):
    return message[:at] + octets + message[at + len(octets):]


def opt(size=1232, rcode=0, version=0, flags=0, data=b""):
    return b"\0" + struct.pack("!HHBBHH", 41, size, rcode, version, flags, len(data)) + data


def with_additional(message, *records):
    return patched(message, 10, struct.pack("!H", len(records))) + b"".join(records)


def test_question_count():
    """RFC 9619: exactly one question; more or none is a format error."""
    with Served() as served:
        two = patched(query(), 4, b"\0\2") + query()[12:]
        for message in (two, patched(query(), 4, b"\0\0")[:12], patched(query(), 4, b"\0\2")):
            answer = served.ask(message)
            assert answer.rcode == FORMERR, (message.hex(), answer.rcode)
            assert answer.ident == 0x1234
        served.assert_alive()


def test_responses_are_never_answered():
    """A response that is answered makes two servers talk for ever."""
    with Served() as served:
        served.assert_silence(patched(query(), 2, b"\x80\0"))
        served.assert_silence(patched(query(), 2, b"\x84\3"))
        served.assert_silence(b"")
        served.assert_silence(query()[:11])


def test_opcodes():
    with Served() as served:
        for opcode in (1, 2, 3, 6, 7, 15):
            answer = served.ask(patched(query(), 2, bytes([opcode << 3])))
            assert answer.rcode == NOTIMP, (opcode, answer.rcode)
            assert answer.flags >> 11 & 15 == opcode, "the opcode is kept"
        for opcode in (4, 5):  # NOTIFY and UPDATE from a stranger change nothing
            soa = wire.question(wire.name_from_text("example."), 6, 7, flags=opcode << 11)
            answer = served.ask(soa)
            assert answer.rcode in (NOTIMP, REFUSED, NOTAUTH), (opcode, answer.rcode)
        served.assert_alive()


def test_malformed_questions():
    with Served() as served:
        header = query()[:12]
        bad_names = (b"\xc0\x0c", b"\xc0\xff", b"\x40" + b"a" * 64 + b"\0", b"\x80a\0", b"\x05ab",
                     (b"\x3f" + b"a" * 63) * 4 + b"\0")
        for name in bad_names:
            reply = served.server.exchange(header + name + b"\0\1\0\1", timeout=SILENCE_S, tries=1)
            if reply is not None:
                assert reply[3] & 15 == FORMERR, (name, reply.hex())
        for cut in range(13, len(query())):
            reply = served.server.exchange(query()[:cut], timeout=SILENCE_S, tries=1)
            assert reply is None or reply[3] & 15 == FORMERR, cut
        served.assert_alive()


def test_counts_match_the_content():
    """wire.Answer raises when the counts of a reply and its content part; also in error replies."""
    with Served() as served:
        for message in (patched(query(), 4, b"\0\2") + query()[12:], patched(query(), 2, b"\x78"),
                        query(wire.name_from_text("else.where.")), query(qclass=3), query(qclass=255),
                        query(qtype=255), query(qtype=251), query(qtype=252), query(qtype=41), query(qtype=0)):
            served.ask(message)
        served.assert_alive()


def test_longest_names():
    """Labels of 63 and names of 255 octets are names (RFC 1035 2.3.4)."""
    with Served() as served:
        longest = wire.name_wire([b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 53, b"example"])
        assert len(longest) == 255
        answer = served.ask(query(longest))
        assert answer.rcode == NXDOMAIN and answer.question[0] == longest


def test_case_is_echoed():
    """RFC 4343: the question comes back byte for byte."""
    with Served() as served:
        message = query(wire.name_wire([b"wWw", b"eXAMPLE"]))
        reply = served.server.exchange(message)
        assert reply[12:len(message)] == message[12:]
        assert wire.Answer(reply).answer[0][4] == bytes([192, 0, 2, 80])


def test_flags():
    with Served() as served:
        answer = served.ask(wire.question(WWW, 1, 5, flags=0x0110 | 0x0020))
        assert answer.flags & 0x8000, "QR"
        assert answer.flags & 0x0400, "AA"
        assert answer.flags & 0x0100, "RD is copied (RFC 1035 4.1.1)"
        assert not answer.flags & 0x0080, "RA: no recursion here"
        assert not answer.flags & 0x0020, "AD is not for an authoritative server to set"
        assert not answer.flags & 0x0040, "Z is zero"


def test_class():
    with Served() as served:
        for qclass in (3, 4, 254):
            answer = served.ask(query(qclass=qclass))
            assert answer.rcode in (REFUSED, NOTIMP, NOTAUTH), (qclass, answer.rcode)
            assert not answer.answer


def test_foreign_names_are_refused():
    with Served() as served:
        for name in ("example.net.", ".", "xexample.", "com."):
            answer = served.ask(query(wire.name_from_text(name), edns=1232))
            assert answer.rcode == REFUSED, (name, answer.rcode)
            assert not answer.is_authoritative and not answer.answer and not answer.authority
            assert answer.opt is not None, "OPT also in a refusal (RFC 6891 7)"


def test_edns():
    with Served() as served:
        assert served.ask(query()).opt is None, "no OPT without one in the question"
        answer = served.ask(with_additional(query(), opt(flags=0x8000 | 0x7fff)))
        assert answer.opt is not None and answer.rcode == 0
        assert answer.opt[1] & 0xffff == 0x8000, f"DO is copied, Z is not: {answer.opt[1]:08x}"
        answer = served.ask(with_additional(query(), opt(data=struct.pack("!HH", 65001, 3) + b"abc")))
        assert answer.rcode == 0 and b"abc" not in answer.opt[2], "unknown options are ignored, not echoed"
        answer = served.ask(with_additional(query(wire.name_from_text("not.example.")), opt()))
        assert answer.rcode == NXDOMAIN and answer.opt is not None


def test_edns_version():
    """RFC 6891 6.1.3: a higher version gives BADVERS, with ours, and no answer."""
    with Served() as served:
        answer = served.ask(with_additional(query(), opt(version=1)))
        assert answer.rcode == BADVERS and not answer.answer
        assert answer.opt[1] >> 16 & 0xff == 0


def test_edns_twice():
    with Served() as served:
        assert served.ask(with_additional(query(), opt(), opt())).rcode == FORMERR


def test_edns_broken():
    """An option longer than the OPT, an OPT with a name that is not the root."""
    with Served() as served:
        broken = with_additional(query(), opt(data=struct.pack("!HH", 10, 40) + b"abc"))
        assert served.ask(broken).rcode == FORMERR
        named = with_additional(query(), b"\1a" + opt())
        assert served.ask(named).rcode == FORMERR
        served.assert_alive()


def test_edns_size_below_512():
    """RFC 6891 6.2.3: counts as 512."""
    with Served() as served:
        answer = served.ask(with_additional(query(wire.name_from_text("big.example."), 16), opt(size=0)))
        assert answer.is_truncated and answer.size <= 512
        answer = served.ask(with_additional(query(), opt(size=20)))
        assert not answer.is_truncated and len(answer.answer) == 1


def test_truncation():
    with Served() as served:
        big = wire.name_from_text("big.example.")
        answer = served.ask(query(big, 16))
        assert answer.is_truncated and answer.size <= 512
        answer = served.ask(query(big, 16, edns=4096))
        assert answer.is_truncated or len(answer.answer) == 1
        answer = served.ask(query(big, 16), tcp=True)
        assert not answer.is_truncated and len(answer.answer) == 1
        answer = served.ask(with_additional(query(big, 16), opt(size=512)), tcp=True)
        assert not answer.is_truncated and len(answer.answer) == 1, "TCP ignores the EDNS size (RFC 7766)"


def frame(message):
    return struct.pack("!H", len(message)) + message


def read_frames(sock, count):
    data, frames = b"", []
    sock.settimeout(5)
    while len(frames) < count:
        while len(data) >= 2 and len(data) >= 2 + struct.unpack("!H", data[:2])[0]:
            length = struct.unpack("!H", data[:2])[0]
            frames.append(data[2:2 + length])
            data = data[2 + length:]
        if len(frames) < count:
            piece = sock.recv(65536)
            assert piece, f"closed after {len(frames)} of {count} answers"
            data += piece
    return frames


def connect(served):
    return socket.create_connection(("127.0.0.1", served.server.port), 5)


def test_tcp_pipelined():
    """RFC 7766 6.2.1.1: many questions on one connection, answers in any order."""
    with Served() as served, connect(served) as sock:
        questions = [wire.question(WWW if i % 2 else wire.name_from_text("big.example."), 1 if i % 2 else 16, i)
                     for i in range(500)]
        sock.sendall(b"".join(map(frame, questions)))
        answers = [wire.Answer(reply) for reply in read_frames(sock, 500)]
        assert sorted(answer.ident for answer in answers) == list(range(500))
        assert all(answer.rcode == 0 and answer.answer for answer in answers)


def test_tcp_octet_by_octet():
    with Served() as served, connect(served) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in frame(query()) + frame(query()):
            sock.sendall(bytes([octet]))
            time.sleep(0.001)
        assert all(reply[3] & 15 == 0 for reply in read_frames(sock, 2))


def test_tcp_half_close():
    """The client has said all and closes its side: the answers still come."""
    with Served() as served, connect(served) as sock:
        sock.sendall(frame(query()) * 20)
        sock.shutdown(socket.SHUT_WR)
        assert len(read_frames(sock, 20)) == 20


def test_tcp_slow_reader():
    """Answers wait for a reader that does not read; none is lost, others are served meanwhile."""
    with Served() as served, connect(served) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        count, big = 300, frame(wire.question(wire.name_from_text("big.example."), 16, 9))
        sock.settimeout(0.5)
        sent = 0
        try:
            for _ in range(count):
                sock.sendall(big)
                sent += 1
        except socket.timeout:
            pass  # the server has stopped reading: its good right
        served.assert_alive()
        assert len(read_frames(sock, min(sent, count))) == min(sent, count)


def test_tcp_nonsense():
    with Served() as served:
        for octets in (b"\0\0", b"\0\1x", b"\xff\xff" + b"x" * 100, b"GET / HTTP/1.1\r\n\r\n", frame(b"\0" * 12),
                       frame(query()[:15])):
            with connect(served) as sock:
                sock.sendall(octets)
                sock.shutdown(socket.SHUT_WR)
                sock.settimeout(2)
                try:
                    while sock.recv(65536):
                        pass
                except (socket.timeout, ConnectionResetError):
                    pass
        served.assert_alive()


def test_tcp_many_connections():
    with Served() as served:
        socks = [connect(served) for _ in range(80)]
        try:
            for sock in socks:
                sock.sendall(frame(query()))
            for sock in socks:
                assert read_frames(sock, 1)[0][3] & 15 == 0
        finally:
            for sock in socks:
                sock.close()
        served.assert_alive()


def test_transfers_are_not_for_everybody():
    with Served() as served:
        for tcp in (False, True):
            answer = served.ask(wire.question(wire.name_from_text("example."), 252, 3), tcp=tcp)
            assert not any(record[1] == 1 for record in answer.answer), "the zone's content was given away"
        served.assert_alive()


def test_random_octets():
    """Anything may come in a packet; the server stays."""
    import random
    rng = random.Random(int(os.environ.get("BAILIWICK_SEED", 1)))
    with Served() as served, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", served.server.port))
        base = with_additional(query(), opt(data=struct.pack("!HH", 10, 8) + b"12345678"))
        for i in range(20000):
            if i % 3 == 0:
                message = rng.randbytes(rng.randint(0, 80))
            else:
                changed = bytearray(base)
                for _ in range(rng.randint(1, 4)):
                    changed[rng.randrange(len(changed))] = rng.randrange(256)
                message = bytes(changed[:rng.randint(1, len(changed))] if i % 3 == 1 else changed)
            try:
                sock.send(message)
            except ConnectionRefusedError:
                raise harness.Failure(f"the server is gone after {message.hex()}:\n{served.server.tail(60)}") from None
            if i % 200 == 0:
                served.assert_alive()
        served.assert_alive()
