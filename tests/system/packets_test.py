"""Mutated packets against the whole server, by UDP and TCP, with a control query in between whose answer must
come and be right. Whatever comes in, a reply is a response to this message: its identifier, its opcode, counts
that match its content, the question that was asked, no longer than the client takes.

    BAILIWICK_SECONDS=3600   for how long (default 6)
    BAILIWICK_SEED=7         other packets
    BAILIWICK_BIN=build/asan/bin  the binaries, best those with sanitizers, whose complaints end the server"""

import os
import random
import socket
import struct
import subprocess
import time

import harness
import server as daemon
import wire

ZONES_DIR = os.path.join(harness.ROOT, "testdata", "zones")
ZONES = ("example.org", "nsec.example", "nsec3.example", "optout.example", "rsa.example")
ONLINE = """$TTL 300
@ SOA ns hostmaster 7 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
* TXT "wild"
a CNAME b.online.test.
d DNAME nsec3.example.
big 60 TXT ( "%s" "%s" "%s" )
""" % ("x" * 255, "y" * 255, "z" * 255)
TYPES = (1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 39, 41, 43, 46, 47, 48, 50, 51, 64, 65, 128, 249, 250, 251, 252, 253,
         254, 255, 257, 65280)
BATCH = 40


def keygen(space):
    done = subprocess.run([harness.need_ours("signer"), "keygen", "online.test"], cwd=space.path, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    return os.path.join(space.path, done.stdout.split()[0])


def corefile(space):
    """A block for each zone, all with whatever reads or writes EDNS options; one signed as it answers."""
    blocks = []
    for zone in ZONES:
        blocks.append("\n".join([
            f"{zone}:{{port}} {{", "    nsid fuzz", "    cookies", "    zoneversion", "    report errors.example.net",
            "    tsig {", "        secret key.test. NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk=", "    }",
            "    transfer {", "        to 127.0.0.1", "    }",
            f"    file {ZONES_DIR}/{zone}.zone", "}"]))
    path = space.write("online.zone", ONLINE)
    blocks.append(f"online.test:{{port}} {{\n    zoneversion\n    dnssec {{\n        key file {keygen(space)}\n    }}\n"
                  f"    file {path}\n}}")
    return "\n".join(blocks) + "\n"


def owners():
    """Names to ask near: those in the example zones, and some of no zone."""
    names = [wire.name_from_text(text) for text in
             (".", "online.test.", "a.online.test.", "x.d.online.test.", "big.online.test.", "no.where.")]
    for zone in ZONES:
        names.append(wire.name_from_text(zone + "."))
        with open(os.path.join(ZONES_DIR, zone + ".zone"), encoding="latin-1") as lines:
            for line in lines:
                word = line.split()[0] if line[:1].strip() and line[0] not in ";$" else ""
                if word and "(" not in word and "\\" not in word and len(word) < 60:
                    word = zone + "." if word == "@" else word if word.endswith(".") else f"{word}.{zone}."
                    names.append(wire.name_from_text(word))
    return sorted(set(names))


class Packets:
    def __init__(self, rng):
        self.rng = rng
        self.names = owners()

    def name(self):
        rng, name = self.rng, self.rng.choice(self.names)
        dice = rng.random()
        if dice < 0.3:
            label = rng.choice((b"*", b"x", b"zz\xff", b"a" * 63, rng.randbytes(rng.randint(1, 9))))
            name = bytes([len(label)]) + label + name
        return name if len(name) <= 255 else self.names[0]

    def options(self):
        rng, data = self.rng, b""
        for _ in range(rng.choice((0, 0, 1, 1, 2, 5))):
            code = rng.choice((3, 8, 9, 10, 10, 11, 12, 14, 15, 18, 19, rng.randrange(65536)))
            size = rng.choice((0, 0, 8, 16, 24, 40, rng.randint(0, 60)))
            data += struct.pack("!HH", code, size) + rng.randbytes(size)
        return data

    def opt(self):
        rng, data = self.rng, self.options()
        size = rng.choice((0, 511, 512, 1232, 4096, 65535))
        return b"\0" + struct.pack("!HHBBHH", 41, size, 0, rng.choice((0, 0, 0, 1)), rng.choice((0, 0x8000, 0xc000)),
                                   len(data)) + data

    def tsig(self, ident):
        rng = self.rng
        mac = rng.randbytes(rng.choice((0, 10, 16, 32)))
        data = wire.name_from_text("hmac-sha256.") + struct.pack("!HIH", 0, int(time.time()), 300)
        data += struct.pack("!H", len(mac)) + mac + struct.pack("!HHH", ident, 0, 0)
        return (wire.name_from_text(rng.choice(("key.test.", "other.test."))) +
                struct.pack("!HHIH", 250, 255, 0, len(data)) + data)

    def record(self):
        rng = self.rng
        data = rng.choice((b"", b"\xc0\x0c", rng.randbytes(rng.randint(0, 30)),
                           wire.name_from_text("a.b.") * 2 + struct.pack("!5I", *(rng.randrange(1 << 32) for _ in range(5)))))
        return rng.choice((b"\xc0\x0c", self.name())) + struct.pack("!HHIH", rng.choice(TYPES), 1, 0, len(data)) + data

    def sound(self, ident):
        """A message that is well-formed, mostly."""
        rng = self.rng
        opcode = rng.choice((0,) * 12 + (4, 5, 2, 6))
        question = self.name() + struct.pack("!HH", rng.choice(TYPES), rng.choice((1,) * 9 + (3, 254, 255)))
        sections = [[question], [], [], []]
        if rng.random() < 0.1:
            sections[rng.choice((1, 2))].append(self.record())
        if rng.random() < 0.6:
            sections[3].append(self.opt())
        if rng.random() < 0.1:
            sections[3].append(self.tsig(ident))
        flags = opcode << 11 | rng.choice((0, 0x100, 0x110, 0x20))
        return struct.pack("!6H", ident, flags, *map(len, sections)) + b"".join(map(b"".join, sections))

    def mutated(self, ident):
        rng = self.rng
        message = bytearray(self.sound(ident))
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8))):
            at, dice = rng.randrange(2, max(3, len(message))), rng.random()
            if at >= len(message):
                continue
            if dice < 0.35:
                message[at] = rng.choice((0, 1, 63, 64, 0x80, 0xc0, 0xff, rng.randrange(256)))
            elif dice < 0.5:
                message[at] ^= 1 << rng.randrange(8)
            elif dice < 0.6:
                del message[at:at + rng.randint(1, 4)]
            elif dice < 0.7:
                message[at:at] = rng.randbytes(rng.randint(1, 4))
            elif dice < 0.8 and len(message) >= 12:
                message[5 + 2 * rng.randrange(4)] = rng.choice((0, 1, 2, 255))
            elif dice < 0.9:
                message += message[at:]
            else:
                del message[max(at, 12):]
        message[:2] = struct.pack("!H", ident)
        return bytes(message[:60000])


def judge(message, reply, tcp):
    """Raises when REPLY cannot be the reply to MESSAGE."""
    def must(holds, what):
        if not holds:
            raise harness.Failure(f"{what}: {message.hex()} drew {reply.hex()[:2000]}")
    must(len(message) >= 12 and not message[2] & 0x80, "a reply to what is no query")
    must(len(reply) >= 12 and reply[2] & 0x80, "no response")
    must(reply[:2] == message[:2], "another identifier")
    must((reply[2] ^ message[2]) & 0x78 == 0, "another opcode")
    try:
        answer = wire.Answer(reply)
    except wire.Malformed as problem:
        raise harness.Failure(f"malformed ({problem}): {message.hex()} drew {reply.hex()[:2000]}") from None
    if struct.unpack_from("!H", reply, 4)[0] == 1:
        length = len(wire.name_wire(wire.name_labels(answer.question[0]))) + 4
        must(reply[12:12 + length] == message[12:12 + length], "another question")
    if answer.rcode not in (0, 3, 6):
        must(not answer.answer, f"rcode {answer.rcode} with an answer")
    must(tcp or len(reply) <= 4096, "too long")
    return answer


CONTROL = wire.question(wire.name_from_text("www.example.org."), 1, 0xffff)


class Drill:
    """One server, mutated packets, and what came of them."""

    def __init__(self, space, rng):
        self.server = daemon.start(space, corefile(space))
        self.packets, self.rng = Packets(rng), rng
        self.sent = self.replies = self.controls = 0
        self.expected = wire.Answer(self.server.exchange(CONTROL))
        assert self.expected.rcode == 0 and self.expected.answer, "the control query has an answer"

    def control(self, reply):
        answer = wire.Answer(reply) if reply is not None else None
        if answer is None or (answer.rcode, answer.answer) != (0, self.expected.answer):
            raise harness.Failure(f"the control query went wrong:\n{self.server.tail(60)}")
        self.controls += 1

    def batch(self):
        return {ident: self.packets.mutated(ident) for ident in range(BATCH)}

    def take(self, messages, reply, tcp):
        self.replies += 1
        judge(messages[struct.unpack_from("!H", reply)[0]], reply, tcp)

    def by_udp(self):
        messages = self.batch()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(20)
            sock.connect(("127.0.0.1", self.server.port))
            for message in messages.values():
                sock.send(message)
            sock.send(CONTROL)
            while True:
                try:
                    reply = sock.recv(65535)
                except OSError as problem:
                    raise harness.Failure(f"{problem}, after " + ", ".join(m.hex() for m in messages.values()) +
                                          f"\n{self.server.tail(60)}") from None
                if reply[:2] == b"\xff\xff":
                    return self.control(reply)
                self.take(messages, reply, False)

    def by_tcp(self):
        messages = self.batch()
        stream = b"".join(struct.pack("!H", len(m)) + m for m in messages.values())
        pieces = sorted(self.rng.sample(range(1, len(stream)), 3))
        with self.server.connect(timeout=20) as connection:
            try:
                for begin, end in zip([0] + pieces, pieces + [len(stream)]):
                    connection.sock.sendall(stream[begin:end])
                connection.send(CONTROL)
                while True:
                    reply = connection.receive()
                    if reply is None:
                        break  # a server may close on nonsense; the next control query tells whether it lives
                    if reply[:2] == b"\xff\xff":
                        self.control(reply)
                        break
                    if len(reply) >= 12:
                        self.replies += 1
                        message = messages[struct.unpack_from("!H", reply)[0]]
                        if not is_transfer(message):
                            judge(message, reply, True)
            except (ConnectionResetError, BrokenPipeError):
                pass
        self.control(self.server.exchange(CONTROL))

    def run(self, seconds):
        limit, rounds = time.monotonic() + seconds, 0
        while time.monotonic() < limit:
            rounds += 1
            self.by_tcp() if rounds % 8 == 0 else self.by_udp()
            self.sent += BATCH
        self.control(self.server.exchange(CONTROL))


def is_transfer(message):
    """Several messages may come for one; what is in them is looked at elsewhere."""
    return b"\0\xfc" in message or b"\0\xfb" in message


def test_mutated_packets():
    seconds, seed = float(os.environ.get("BAILIWICK_SECONDS", 6)), int(os.environ.get("BAILIWICK_SEED", 1))
    with harness.Workspace() as space:
        drill = Drill(space, random.Random(seed))
        drill.run(seconds)
        print(f"     {drill.sent} packets, {drill.replies} replies, {drill.controls} control queries, seed {seed}")


if __name__ == "__main__":
    import sys
    import run as runner
    sys.exit(runner.main(["packets"] + sys.argv[1:]))
