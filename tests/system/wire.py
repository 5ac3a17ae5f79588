"""DNS messages as bytes: building questions and taking answers apart into comparable values.

A parsed answer holds whole, lower-case names and rdata without compression, so two servers' answers
can be compared as sets whatever their compression, order or case. Written for speed: the differential
test takes hundreds of thousands of answers apart.
"""

import struct

TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "RP": 17,
    "AFSDB": 18, "AAAA": 28, "LOC": 29, "SRV": 33, "NAPTR": 35, "KX": 36, "CERT": 37, "DNAME": 39,
    "OPT": 41, "DS": 43, "SSHFP": 44, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3": 50,
    "NSEC3PARAM": 51, "TLSA": 52, "CDS": 59, "CDNSKEY": 60, "CSYNC": 62, "ZONEMD": 63, "SVCB": 64,
    "HTTPS": 65, "SPF": 99, "EUI48": 108, "ANY": 255, "URI": 256, "CAA": 257,
}
TYPE_TEXT = {number: text for text, number in TYPES.items()}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED",
          6: "YXDOMAIN", 9: "NOTAUTH", 16: "BADVERS"}

# Where names stand in the rdata of types that servers may compress (RFC 1035 3.3, RFC 3597 4), and in
# those that they may write in another case. Numbers are octets to copy, "n" is a name.
NAMES_IN_RDATA = {
    2: ("n",), 5: ("n",), 12: ("n",), 39: ("n",), 15: (2, "n"), 6: ("n", "n"), 17: ("n", "n"),
    18: (2, "n"), 33: (6, "n"), 36: (2, "n"), 46: (18, "n"), 47: ("n",),
}


class Malformed(Exception):
    pass


def type_number(text):
    return TYPES[text] if text in TYPES else int(text[4:])


def type_text(number):
    return TYPE_TEXT.get(number, f"TYPE{number}")


def name_wire(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def name_labels(wire):
    labels, at = [], 0
    while wire[at]:
        labels.append(wire[at + 1:at + 1 + wire[at]])
        at += 1 + wire[at]
    return labels


def name_from_text(text):
    """Wire form of an absolute name; understands \\DDD and \\X."""
    labels, label, at = [], bytearray(), 0
    data = text.encode("latin-1")
    if data in (b".", b""):
        return b"\0"
    while at < len(data):
        c = data[at:at + 1]
        if c == b"\\":
            digits = data[at + 1:at + 4]
            if digits.isdigit() and len(digits) == 3:
                label.append(int(digits))
                at += 4
            else:
                label += data[at + 1:at + 2]
                at += 2
            continue
        if c == b".":
            labels.append(bytes(label))
            label = bytearray()
        else:
            label += c
        at += 1
    if label:
        labels.append(bytes(label))
    return name_wire(labels)


def name_text(wire):
    out = []
    for label in name_labels(wire):
        text = ""
        for octet in label:
            if octet in b'.\\"();@$':
                text += "\\" + chr(octet)
            elif 0x21 <= octet <= 0x7e:
                text += chr(octet)
            else:
                text += f"\\{octet:03d}"
        out.append(text)
    return ".".join(out) + "."


def question(name, qtype, ident=0, edns=None, dnssec=False, qclass=1, flags=0):
    """A query for NAME (wire form). EDNS is the UDP size, None for no OPT."""
    message = struct.pack("!HHHHHH", ident, flags, 1, 0, 0, 1 if edns else 0)
    message += name + struct.pack("!HH", qtype, qclass)
    if edns:
        message += b"\0" + struct.pack("!HHIH", 41, edns, 0x8000 if dnssec else 0, 0)
    return message


def read_name(message, at, cache):
    """Lower-case wire form of the name at AT, and the offset behind it."""
    start, parts, end, hops = at, [], 0, 0
    try:
        while True:
            length = message[at]
            if length == 0:
                parts.append(b"\0")
                end = end or at + 1
                break
            if length >= 0xc0:
                target = (length & 0x3f) << 8 | message[at + 1]
                end = end or at + 2
                if target in cache:
                    parts.append(cache[target])
                    break
                at = target
                hops += 1
                if hops > 127:
                    raise Malformed("compression loop")
                continue
            if length > 63:
                raise Malformed("bad label length")
            parts.append(message[at:at + 1 + length].lower())
            at += 1 + length
    except IndexError:
        raise Malformed("name runs out of the message") from None
    name = b"".join(parts)
    cache[start] = name
    return name, end


def read_rdata(message, at, length, rtype, cache):
    layout = NAMES_IN_RDATA.get(rtype)
    if layout is None:
        return message[at:at + length]
    parts, end = [], at + length
    for step in layout:
        if step == "n":
            name, at = read_name(message, at, cache)
            parts.append(name)
        else:
            parts.append(message[at:at + step])
            at += step
    if at > end:
        raise Malformed("name runs out of its rdata")
    parts.append(message[at:end])
    return b"".join(parts)


class Answer:
    """One message. Records are tuples (owner, type, class, ttl, rdata)."""

    __slots__ = ("ident", "flags", "rcode", "question", "answer", "authority", "additional", "opt", "size")

    def __init__(self, message):
        self.size = len(message)
        if len(message) < 12:
            raise Malformed("shorter than a header")
        self.ident, self.flags, questions, answers, authorities, additionals = struct.unpack_from(
            "!HHHHHH", message)
        self.rcode = self.flags & 15
        self.opt = None
        cache, at = {}, 12
        self.question = None
        for _ in range(questions):
            name, at = read_name(message, at, cache)
            self.question = (name,) + struct.unpack_from("!HH", message, at)
            at += 4
        self.answer, at = self._section(message, at, answers, cache)
        self.authority, at = self._section(message, at, authorities, cache)
        self.additional, at = self._section(message, at, additionals, cache)
        if at != len(message):
            raise Malformed("octets behind the last record")

    def _section(self, message, at, count, cache):
        records = []
        try:
            for _ in range(count):
                owner, at = read_name(message, at, cache)
                rtype, rclass, ttl, length = struct.unpack_from("!HHIH", message, at)
                at += 10
                if at + length > len(message):
                    raise Malformed("rdata runs out of the message")
                rdata = read_rdata(message, at, length, rtype, cache)
                at += length
                if rtype == 41:
                    self.opt = (rclass, ttl, rdata)
                    self.rcode |= ttl >> 24 << 4
                else:
                    records.append((owner, rtype, rclass, ttl, rdata))
        except struct.error:
            raise Malformed("record runs out of the message") from None
        return records, at

    @property
    def is_authoritative(self):
        return bool(self.flags & 0x0400)

    @property
    def is_truncated(self):
        return bool(self.flags & 0x0200)


def record_text(record):
    """Presentation form of a record, by dnspython; falls back on hexadecimal."""
    owner, rtype, rclass, ttl, rdata = record
    try:
        import dns.rdata
        text = dns.rdata.from_wire(rclass, rtype, rdata, 0, len(rdata)).to_text()
    except Exception:  # any failure to print is only a matter of beauty
        text = f"\\# {len(rdata)} {rdata.hex()}"
    return f"{name_text(owner)} {ttl} {type_text(rtype)} {text}"
