"""A primary made for tests: it tells the truth, or lies in a way that the test chooses. Answers SOA by UDP and TCP,
AXFR and IXFR by TCP, on a port of its own, and counts what it was asked.

    with Primary("example.org.", serial=1, records=["www 300 IN A 192.0.2.1"]) as primary:
        primary.update(2, removed=[...], added=[...])
        primary.mode = "stall"
"""

import select
import socket
import struct
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig

import harness


class Primary:
    def __init__(self, zone, serial=1, records=(), timers=(3600, 600, 86400), mode="good", key=None):
        self.zone = dns.name.from_text(zone)
        self.serial = serial
        self.timers = timers
        self.records = [self.rr(text) for text in records]
        self.steps = []  # (from, to, removed, added)
        self.mode = mode
        self.key = key
        self.asked = {"SOA": 0, "AXFR": 0, "IXFR": 0}
        self.port = harness.free_port()
        self.closing = False
        self.per_message = 1
        self.open = []

    def rr(self, text):
        owner, ttl, rdclass, rdtype, data = text.split(None, 4)
        name = dns.name.from_text(owner, self.zone)
        return dns.rrset.from_text(name, int(ttl), rdclass, rdtype, data if rdtype != "NS" else f"{data}.{self.zone}")

    def soa(self, serial=None):
        refresh, retry, expire = self.timers
        return dns.rrset.from_text(self.zone, 300, "IN", "SOA",
                                   f"ns.{self.zone} h.{self.zone} {serial or self.serial} {refresh} {retry} {expire} 300")

    def update(self, serial, removed=(), added=()):
        removed, added = [self.rr(text) for text in removed], [self.rr(text) for text in added]
        self.steps.append((self.serial, serial, removed, added))
        gone = {rr.to_text() for rr in removed}
        self.records = [rr for rr in self.records if rr.to_text() not in gone] + added
        self.serial = serial

    # ---- life ----

    def __enter__(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for sock in (self.udp, self.tcp):
            sock.bind(("127.0.0.1", self.port))
        self.tcp.listen(64)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.closing = True
        self.thread.join(5)
        for sock in [self.udp, self.tcp] + self.open:
            sock.close()

    def run(self):
        while not self.closing:
            ready = select.select([self.udp, self.tcp], [], [], 0.05)[0]
            if self.udp in ready:
                data, client = self.udp.recvfrom(65535)
                if self.mode != "silent":
                    self.answer_udp(data, client)
            if self.tcp in ready:
                sock = self.tcp.accept()[0]
                threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def read(self, data):
        keyring = {self.key.name: self.key} if self.key else None
        return dns.message.from_wire(data, keyring=keyring)

    def answer_udp(self, data, client):
        query = self.read(data)
        reply = self.response(query)
        if query.question[0].name != self.zone or self.mode == "refuse":
            reply.set_rcode(dns.rcode.REFUSED)
        else:
            self.asked["SOA"] += 1
            reply.answer.append(self.soa())
        self.udp.sendto(reply.to_wire(), client)

    def serve(self, sock):
        try:
            if self.mode != "silent":
                self.serve_tcp(sock)
        except (OSError, struct.error):
            pass  # the other side has gone
        finally:
            if self.mode not in ("stall", "stall-after"):
                sock.close()
            else:
                self.open.append(sock)

    def serve_tcp(self, sock):
        while True:
            length = struct.unpack("!H", sock.recv(2, socket.MSG_WAITALL))[0]
            query = self.read(sock.recv(length, socket.MSG_WAITALL))
            rdtype = dns.rdatatype.to_text(query.question[0].rdtype)
            self.asked[rdtype] = self.asked.get(rdtype, 0) + 1
            if not self.transfer(sock, query, rdtype):
                return

    # ---- transfers, true and false ----

    def stream(self, query, rdtype):
        """The records of a true answer."""
        if rdtype == "SOA":
            return [self.soa()]
        if rdtype == "IXFR":
            since = query.authority[0][0].serial
            if since == self.serial:
                return [self.soa()]
            path, at = [], since
            for first, to, removed, added in self.steps:
                if first == at:
                    path += [self.soa(first)] + removed + [self.soa(to)] + added
                    at = to
            if at == self.serial:
                return [self.soa()] + path + [self.soa()]
        return [self.soa()] + self.records + [self.soa()]

    def lie(self, records, rdtype):
        mode = self.mode
        if mode == "soa-mismatch":
            return records[:-1] + [self.soa(self.serial + 1)]
        if mode == "out-of-zone":
            return records[:-1] + [dns.rrset.from_text("www.example.net.", 300, "IN", "A", "192.0.2.1")] + records[-1:]
        if mode == "wrong-class":
            return records[:-1] + [dns.rrset.from_text(f"www.{self.zone}", 300, "CH", "TXT", "x")] + records[-1:]
        if mode == "no-soa":
            return records[1:]
        if mode == "bad-ixfr" and rdtype == "IXFR" and len(records) > 3:
            return records[:2] + [self.rr("nowhere 300 IN A 192.0.2.99")] + records[2:]
        if mode == "cname-and-other":
            return records[:-1] + [self.rr(f"ns 300 IN CNAME www.{self.zone}")] + records[-1:]
        return records

    def response(self, query):
        reply = dns.message.QueryMessage(id=query.id)
        reply.flags = dns.flags.QR | dns.flags.AA
        reply.question = list(query.question)
        if self.key is not None and self.mode != "unsigned":
            reply.use_tsig({self.key.name: self.key}, keyname=self.key.name, algorithm=self.key.algorithm)
            reply.request_mac = query.mac
        return reply

    def messages(self, query, records):
        context = None
        for at in range(0, len(records), self.per_message):
            reply = self.response(query)
            reply.answer += records[at:at + self.per_message]
            yield reply.to_wire(max_size=65535, multi=True, tsig_ctx=context)
            context = reply.tsig_ctx

    def send(self, sock, wire):
        sock.sendall(struct.pack("!H", len(wire)) + wire)

    def transfer(self, sock, query, rdtype):
        """False: no more on this connection."""
        mode = self.mode
        if mode == "stall":
            return False
        if mode in ("refuse", "notimp-ixfr") and (mode == "refuse" or rdtype == "IXFR"):
            reply = self.response(query)
            reply.set_rcode(dns.rcode.REFUSED if mode == "refuse" else dns.rcode.NOTIMP)
            self.send(sock, reply.to_wire())
            return True
        records = self.lie(self.stream(query, rdtype), rdtype)
        if mode == "endless":
            self.endless(sock, query, records)
            return False
        for number, wire in enumerate(self.messages(query, records)):
            if mode == "wrong-id":
                wire = bytes([wire[0] ^ 1]) + wire[1:]
            if mode == "wrong-question" and number == 0:
                wire = wire[:13] + bytes([wire[13] ^ 1]) + wire[14:]
            if mode in ("cut", "stall-after") and number >= 1:
                if mode == "cut":
                    sock.sendall(struct.pack("!H", len(wire)) + wire[:5])
                return False
            self.send(sock, wire)
            if mode == "slow":
                time.sleep(0.01)
        return True

    def endless(self, sock, query, records):
        self.send(sock, next(self.messages(query, records[:1])))
        number = 0
        while not self.closing:
            rrs = [dns.rrset.from_text(f"n{number + i}.{self.zone}", 300, "IN", "A", "192.0.2.1") for i in range(200)]
            number += 200
            reply = self.response(query)
            reply.answer += rrs
            self.send(sock, reply.to_wire(max_size=65535))
