"""Packets for a server that must withstand them: well-formed ones of all kinds, and what mutation makes of them."""

import os
import struct
import time

import wire

TYPES = (1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 39, 41, 43, 46, 47, 48, 50, 51, 64, 65, 128, 249, 250, 251, 252, 253,
         254, 255, 257, 65280)
COMMON_TYPES = (1, 2, 6, 15, 16, 28, 43, 255)
OPTIONS = (3, 8, 9, 10, 10, 11, 12, 14, 15, 18, 19)


def owners(zones, directory):
    """Names to ask near: those in the ZONES whose files stand in DIRECTORY."""
    names = []
    for zone in zones:
        names.append(wire.name_from_text(zone + "."))
        with open(os.path.join(directory, zone + ".zone"), encoding="latin-1") as lines:
            for line in lines:
                word = line.split()[0] if line[:1].strip() and line[0] not in ";$" else ""
                if word and "(" not in word and "\\" not in word and len(word) < 60:
                    word = zone + "." if word == "@" else word if word.endswith(".") else f"{word}.{zone}."
                    names.append(wire.name_from_text(word))
    return sorted(set(names))


class Packets:
    """Makes packets about NAMES (wire form)."""

    def __init__(self, rng, names):
        self.rng = rng
        self.names = sorted(names)

    def name(self):
        rng, name = self.rng, self.rng.choice(self.names)
        dice = rng.random()
        if dice < 0.3:
            label = rng.choice((b"*", b"x", b"ip-192-0-2-7", b"zz\xff", b"a" * 63, rng.randbytes(rng.randint(1, 9))))
            name = bytes([len(label)]) + label + name
        return name if len(name) <= 255 else self.names[0]

    def options(self):
        rng, data = self.rng, b""
        for _ in range(rng.choice((0, 0, 1, 1, 2, 5))):
            code = rng.choice(OPTIONS + (rng.randrange(65536),))
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
        return (rng.choice((b"\xc0\x0c", self.name())) +
                struct.pack("!HHIH", rng.choice(TYPES), rng.choice((1, 1, 1, 254, 255)), 0, len(data)) + data)

    def sound(self, ident):
        """A message that is well-formed, mostly."""
        rng = self.rng
        opcode = rng.choice((0,) * 12 + (4, 5, 2, 6))
        qtype = rng.choice(rng.choice((TYPES, COMMON_TYPES)))
        if opcode in (4, 5) and rng.random() < 0.7:
            qtype = 6
        question = self.name() + struct.pack("!HH", qtype, rng.choice((1,) * 9 + (3, 254, 255)))
        sections = [[question], [], [], []]
        if rng.random() < (0.7 if opcode == 5 else 0.1):
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
