"""Mutated packets against the whole server, by UDP and TCP, with a control query in between whose answer must
come and be right. Whatever comes in, a reply is a response to this message: its identifier, its opcode, counts
that match its content, the question that was asked, no longer than the client takes. What it says is compared with
the reply of a second server, which has the same content without the plugins that limit, keep, forward or decorate.

    BAILIWICK_SECONDS=3600   for how long (default 6)
    BAILIWICK_SEED=7         other packets
    BAILIWICK_PEERS=nsd,knot,bind  tells at the end where all of these agree on something else
    BAILIWICK_BIN=build/asan/bin  the binaries, best those with sanitizers, whose complaints end the server"""

import os
import random
import socket
import struct
import time

import harness
import packets
import packets_world as world
import wire

BATCH = 40
WAIT_S = 20


def must(holds, what, message, reply):
    if not holds:
        raise harness.Failure(f"{what}: {message.hex()} drew {reply.hex()[:2000]}")


def parse(message, reply):
    try:
        return wire.Answer(reply)
    except wire.Malformed as problem:
        raise harness.Failure(f"malformed ({problem}): {message.hex()} drew {reply.hex()[:2000]}") from None


def judge(message, reply, tcp):
    """Raises when REPLY cannot be the reply to MESSAGE."""
    must(len(message) >= 12 and not message[2] & 0x80, "a reply to what is no query", message, reply)
    must(len(reply) >= 12 and reply[2] & 0x80, "no response", message, reply)
    must(reply[:2] == message[:2], "another identifier", message, reply)
    must((reply[2] ^ message[2]) & 0x78 == 0, "another opcode", message, reply)
    answer = parse(message, reply)
    if struct.unpack_from("!H", reply, 4)[0] == 1:
        length = len(wire.name_wire(wire.name_labels(answer.question[0]))) + 4
        must(reply[12:12 + length] == message[12:12 + length], "another question", message, reply)
    if answer.rcode not in (0, 3, 6):
        must(not answer.answer, f"rcode {answer.rcode} with an answer", message, reply)
    must(tcp or len(reply) <= 4096, "too long", message, reply)
    if answer.question is not None and not answer.flags & 0x7800:
        judge_content(message, reply, answer)
    return answer


def judge_content(message, reply, answer):
    """An answer begins with the name that was asked, goes on with the names that aliases lead to, and has what was
    asked for; what is denied with authority has the SOA by which it may be kept (RFC 2308 2)."""
    name, qtype, _ = answer.question
    reached = {name}
    for owner, rtype, _, _, rdata in answer.answer:
        if rtype in (39, 46):
            must(any(known.endswith(owner) for known in reached), "a DNAME or signature of something else", message, reply)
            continue
        must(owner in reached, "an answer for another name", message, reply)
        must(rtype in (qtype, 5, 46, 47, 50) or qtype in (255, 251, 252), "an answer of another type", message, reply)
        if rtype == 5:
            reached.add(rdata)
    if answer.rcode == 3 and answer.is_authoritative and not answer.is_truncated and name[1:] != b"\0":
        must(any(rtype == 6 for _, rtype, *_ in answer.authority), "a denial without SOA", message, reply)


def comparable(records):
    """Without what depends on the moment: signatures, and TTLs that a cache counts down."""
    return sorted((owner, rtype, rclass, rdata[:3] if rtype == 46 else rdata) for owner, rtype, rclass, _, rdata in records)


def zone_of(answer):
    if answer.question is None:
        return ""
    for zone in world.SMALL_ZONES:
        if answer.question[0].endswith(wire.name_from_text(zone)):
            return zone
    return ""


def compare(message, full, plain):
    """Raises when the two servers say different things (None: nothing)."""
    asked = next((answer for answer in (full, plain) if answer is not None), None)
    if asked is None or message[2] & 0x78:
        return
    zone = zone_of(asked)
    if zone == world.CHANGES or (zone == world.CAPPED and (full is None or full.is_truncated)):
        return
    if zone == world.FORWARDED and full is not None and full.rcode == 2:
        return
    must(full is not None and plain is not None, "only one of two servers answers", message, b"")
    must(full.rcode == plain.rcode, f"rcode {full.rcode} and {plain.rcode}", message, b"")
    if full.is_truncated or plain.is_truncated:
        return
    must(comparable(full.answer) == comparable(plain.answer), "two answers", message, b"")
    must(comparable(full.authority) == comparable(plain.authority), "two authority sections", message, b"")


CONTROL = wire.question(wire.name_from_text("www.example.org."), 1, 0xffff)


def is_transfer(message):
    """Several messages may come for one; what is in them is looked at elsewhere."""
    return b"\0\xfc" in message or b"\0\xfb" in message


def is_awaited(message, answer):
    """Whether the full server must answer MESSAGE if the plain one did so by ANSWER."""
    return not is_transfer(message) and zone_of(answer) not in (world.CAPPED, world.CHANGES)


def by_udp(port, messages, take, awaited=(), linger=0.0):
    """Sends MESSAGES and the control query; TAKE gets each reply. Returns the control query's, when those with the
    identifiers AWAITED have come, and nothing else for LINGER seconds."""
    left, control = set(awaited), None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        for message in messages.values():
            sock.send(message)
        sock.send(CONTROL)
        while control is None or left or linger:
            sock.settimeout(WAIT_S if control is None or left else linger)
            try:
                reply = sock.recv(65535)
            except OSError as problem:
                if control is not None and not left:
                    break
                told = ", ".join(messages[ident].hex() for ident in left or messages)
                raise harness.Failure(f"{problem}; unanswered: {told}") from None
            if reply[:2] == b"\xff\xff":
                control = reply
            else:
                left.discard(take(reply))
    return control


def by_tcp(server, messages, pieces, take):
    """The same over one connection, the stream cut at PIECES. The server may close it on nonsense."""
    stream = b"".join(struct.pack("!H", len(m)) + m for m in messages.values())
    cuts = [0] + sorted(int(part * len(stream)) for part in pieces) + [len(stream)]
    with server.connect(timeout=WAIT_S) as connection:
        try:
            for begin, end in zip(cuts, cuts[1:]):
                connection.sock.sendall(stream[begin:end])
            connection.send(CONTROL)
            while True:
                reply = connection.receive()
                if reply is None or reply[:2] == b"\xff\xff":
                    return reply
                if len(reply) >= 12 and not is_transfer(messages[struct.unpack_from("!H", reply)[0]]):
                    take(reply)
        except (ConnectionResetError, BrokenPipeError):
            return None


class Replies:
    """The judged replies to a batch, by identifier."""

    def __init__(self, messages, tcp=False, judged=True):
        self.messages, self.tcp, self.judged, self.answers = messages, tcp, judged, {}

    def __call__(self, reply):
        ident = struct.unpack_from("!H", reply)[0]
        message = self.messages[ident]
        self.answers[ident] = judge(message, reply, self.tcp) if self.judged else parse(message, reply)
        return ident


class Drill:
    """Mutated packets, and what came of them."""

    def __init__(self, space, rng, peers=()):
        self.server, self.plain = world.start(space)
        self.packets, self.rng = packets.Packets(rng, world.names()), rng
        self.sent = self.replies = self.controls = self.compared = 0
        self.expected = wire.Answer(self.server.exchange(CONTROL))
        assert self.expected.rcode == 0 and self.expected.answer, "the control query has an answer"
        self.others = Others(space, peers) if peers else None

    def control(self, reply):
        answer = wire.Answer(reply) if reply is not None else None
        if answer is None or (answer.rcode, answer.answer) != (0, self.expected.answer):
            raise harness.Failure(f"the control query went wrong:\n{self.server.tail(60)}")
        self.controls += 1

    def udp(self, messages):
        plain, full = Replies(messages), Replies(messages)
        self.control(by_udp(self.plain.port, messages, plain))
        awaited = [ident for ident, answer in plain.answers.items() if is_awaited(messages[ident], answer)]
        self.control(by_udp(self.server.port, messages, full, awaited))
        for ident, message in messages.items():
            if not is_transfer(message):
                compare(message, full.answers.get(ident), plain.answers.get(ident))
        if self.others:
            self.others.compare(messages, full.answers)
        return full

    def tcp(self, messages):
        plain, full = Replies(messages, tcp=True), Replies(messages, tcp=True)
        pieces = [self.rng.random() for _ in range(3)]
        by_tcp(self.plain, messages, pieces, plain)
        by_tcp(self.server, messages, pieces, full)
        for ident in plain.answers.keys() & full.answers.keys():
            compare(messages[ident], full.answers[ident], plain.answers[ident])
        self.control(self.server.exchange(CONTROL))
        return full

    def run(self, seconds):
        limit, rounds = time.monotonic() + seconds, 0
        while time.monotonic() < limit:
            rounds += 1
            messages = {ident: self.packets.mutated(ident) for ident in range(BATCH)}
            try:
                full = self.tcp(messages) if rounds % 8 == 0 else self.udp(messages)
            except harness.Failure as problem:
                raise harness.Failure(f"{problem}\n{self.server.tail(60)}") from None
            self.sent += len(messages)
            self.replies += len(full.answers)
        self.control(self.server.exchange(CONTROL))


class Others:
    """What NSD, Knot and BIND say to the same packets about the zones they hold, where they agree on another thing."""

    def __init__(self, space, kinds):
        paths = {zone: f"{world.ZONES_DIR}/{zone}.zone" for zone in world.ZONES}
        self.servers = [space.start(kind, paths, dnssec_size=1232) for kind in kinds]
        self.found = {}

    def compare(self, messages, ours):
        said = []
        for server in self.servers:
            replies = Replies(messages, judged=False)
            by_udp(server.port, messages, replies, linger=0.03)
            said.append(replies.answers)
        for ident, message in messages.items():
            views = {self.view(answers.get(ident)) for answers in said}
            mine = self.view(ours.get(ident))
            if len(views) == 1 and mine not in views and b"\4test\0" not in message:
                self.note(message, mine, views.pop())

    @staticmethod
    def view(answer):
        if answer is None:
            return ("silence",)
        if answer.is_truncated:
            return ("TC", answer.rcode)
        return (answer.rcode, bool(answer.flags & 0x0400), bool(answer.opt), tuple(comparable(answer.answer)))

    def note(self, message, mine, theirs):
        kind = (mine[:3], theirs[:3], message[2] >> 3 & 15)
        self.found.setdefault(kind, []).append(message)

    def report(self):
        for (mine, theirs, opcode), cases in sorted(self.found.items(), key=lambda item: -len(item[1])):
            print(f"     {len(cases)} times {mine} where all peers say {theirs}, opcode {opcode}:")
            for message in sorted(cases, key=len)[:8]:
                print(f"        {message.hex()}")


def test_mutated_packets():
    seconds, seed = float(os.environ.get("BAILIWICK_SECONDS", 6)), int(os.environ.get("BAILIWICK_SEED", 1))
    peers = os.environ.get("BAILIWICK_PEERS", "")
    with harness.Workspace() as space:
        drill = Drill(space, random.Random(seed), peers.split(",") if peers else ())
        try:
            drill.run(seconds)
        finally:
            print(f"     {drill.sent} packets, {drill.replies} replies, {drill.controls} control queries, seed {seed}, "
                  f"{drill.server.resident_mb():.0f} MB", flush=True)
            if drill.others:
                drill.others.report()


if __name__ == "__main__":
    import sys
    import run as runner
    sys.exit(runner.main(["packets"] + sys.argv[1:]))
