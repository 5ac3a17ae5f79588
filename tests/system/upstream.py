"""An upstream server that behaves as it is asked to: the first label of the question's name says how. One thread,
UDP and TCP on one port of 127.0.0.1, TLS on another. It notes every question it gets.

    with Upstream() as upstream:
        ... "ok.example." is answered, "dead.example." is not, "wrongid.example." first falsely ...
        upstream.seen("ok.example.")      -> [Question(transport, source, id, name as written), ...]
"""

import asyncio
import collections
import contextlib
import os
import ssl
import subprocess
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

import harness

Question = collections.namedtuple("Question", "transport source id name type flags edns options")
ADDRESS = "192.0.2.1"


def answer(query, text=ADDRESS, ttl=300, rdtype=None):
    reply = dns.message.make_response(query, recursion_available=True, our_payload=1232)
    question = query.question[0]
    kind = rdtype or dns.rdatatype.to_text(question.rdtype)
    if kind == "A":
        reply.answer.append(dns.rrset.from_text(question.name, ttl, "IN", "A", text))
    elif kind == "TXT":
        reply.answer.append(dns.rrset.from_text(question.name, ttl, "IN", "TXT", text))
    return reply


def denial(query, rcode, soa_ttl=60, minimum=30):
    reply = dns.message.make_response(query, recursion_available=True)
    reply.set_rcode(rcode)
    zone = dns.name.Name(query.question[0].name.labels[-2:])
    reply.authority.append(dns.rrset.from_text(zone, soa_ttl, "IN", "SOA", f"ns.{zone} host.{zone} 1 2 3 4 {minimum}"))
    return reply


def lowered(wire):
    """The question's name in lower case, and nothing else changed."""
    out, at = bytearray(wire), 12
    while out[at]:
        at += 1 + out[at]
    out[12:at] = bytes(out[12:at]).lower()
    return bytes(out)


def other_id(wire, by=1):
    number = (int.from_bytes(wire[:2], "big") + by) & 0xffff
    return number.to_bytes(2, "big") + wire[2:]


class Upstream:
    def __init__(self, tls_directory=None):
        self.port = harness.free_port()
        self.tls_port = harness.free_port() if tls_directory else None
        self.directory = tls_directory
        self.questions = collections.defaultdict(list)
        self.connections = 0
        self.down = False  # while it is set nothing is answered
        self.down_rcode = None  # while it is set, everything is answered so
        self.ttl = 300
        self.held = {}
        self.ready = threading.Event()

    def __enter__(self):
        if self.directory:
            make_certificate(self.directory)
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.thread.start()
        assert self.ready.wait(10), "the upstream does not start"
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join(10)

    def seen(self, name, transport=None):
        return [q for q in self.questions[name.lower()] if transport in (None, q.transport)]

    async def _serve(self):
        self.loop, self.ended = asyncio.get_running_loop(), asyncio.Event()
        upstream = self

        class Datagrams(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport

            def datagram_received(self, data, addr):
                asyncio.ensure_future(upstream._datagram(self.transport, data, addr))

        transport, _ = await self.loop.create_datagram_endpoint(Datagrams, ("127.0.0.1", self.port))
        servers = [await asyncio.start_server(lambda r, w: self._connection(r, w, "tcp"), "127.0.0.1", self.port)]
        if self.directory:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(os.path.join(self.directory, "cert.pem"), os.path.join(self.directory, "key.pem"))
            servers.append(await asyncio.start_server(lambda r, w: self._connection(r, w, "tls"), "127.0.0.1", self.tls_port,
                                                      ssl=context))
        self.ready.set()
        await self.ended.wait()
        transport.close()
        for server in servers:
            server.close()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()

    def _note(self, wire, transport, source):
        query = dns.message.from_wire(wire)
        question = query.question[0]
        text = question.name.to_text()
        self.questions[text.lower()].append(Question(transport, source, query.id, text, question.rdtype, query.flags,
                                                     query.edns, [int(o.otype) for o in query.options]))
        return query, question.name.labels[0].decode().lower().split("-")[0]

    async def _datagram(self, transport, data, addr):
        query, how = self._note(data, "udp", addr)
        if self.down:
            return
        for wire in await self._replies(query, how, "udp"):
            transport.sendto(wire, addr)

    async def _connection(self, reader, writer, transport):
        self.connections += 1
        waiting, served = [], 0
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                query, how = self._note(await reader.readexactly(size), transport, writer.get_extra_info("peername"))
                if self.down:
                    continue
                if how == "closenow":
                    break
                wires = await self._replies(query, how, transport)
                if how == "reorder":  # three, then the last one first
                    waiting += wires
                    wires = list(reversed(waiting)) if len(waiting) == 3 else []
                for wire in wires:
                    writer.write(len(wire).to_bytes(2, "big") + wire)
                if how == "trickle":
                    continue
                await writer.drain()
                served += 1
                if how == "close" and served >= 1:
                    break
        with contextlib.suppress(Exception):
            writer.close()

    async def _replies(self, query, how, transport):
        """The packets that answer QUERY."""
        good = answer(query, ttl=self.ttl) if query.question[0].rdtype != dns.rdatatype.TXT else answer(query, '"x"', self.ttl)
        if self.down_rcode is not None:
            good = dns.message.make_response(query)
            good.set_rcode(self.down_rcode)
            return [good.to_wire()]
        wire = good.to_wire()
        rcodes = {"servfail": dns.rcode.SERVFAIL, "refused": dns.rcode.REFUSED, "formerr": dns.rcode.FORMERR}
        if how in rcodes:
            good.set_rcode(rcodes[how])
            good.answer = []
            return [good.to_wire()]
        if how in ("nx", "nodata"):
            return [denial(query, dns.rcode.NXDOMAIN if how == "nx" else dns.rcode.NOERROR).to_wire()]
        if how == "dead":
            return []
        if how == "slow":
            await asyncio.sleep(0.3)
        elif how == "wrongid":
            return [other_id(wire), wire]
        elif how == "lateid":
            return [other_id(wire)]
        elif how == "flood" and transport == "udp":
            return [other_id(wire, 1 + i) for i in range(200)]
        elif how == "wrongquestion":
            other = dns.message.make_query("evil.example.", "A", id=query.id)
            other.id = query.id
            return [answer(other, "203.0.113.66").to_wire(), wire]
        elif how == "case":
            return [lowered(wire)]
        elif how == "trunc" and transport == "udp":
            good.flags |= dns.flags.TC
            good.answer = []
            return [good.to_wire()]
        elif how == "broken" and transport == "udp":
            return [wire[:-3]]
        elif how == "noquestion":
            return [wire[:2] + b"\x81\x84" + b"\0" * 8]
        elif how == "many":
            good.answer[0] = dns.rrset.from_text(query.question[0].name, 300, "IN", "A", *[f"192.0.2.{i}" for i in range(200)])
            return [good.to_wire(max_size=65535)]
        elif how == "opt":  # OPT first, then a record
            good.use_edns(0)
            plain = dns.message.make_response(query)
            plain.use_edns(False)
            plain.answer = good.answer
            wire = bytearray(plain.to_wire())
            wire[11] = 2
            return [bytes(wire) + b"\0\0\x29\x04\xd0\0\0\0\0\0\0" + b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x09"]
        elif how == "pointer":  # a name in rdata that points at itself
            plain = dns.message.make_response(query)
            plain.use_edns(False)
            wire = bytearray(plain.to_wire())
            wire[7] = 1
            at = len(wire) + 12
            return [bytes(wire) + b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x02" + (0xc000 | at).to_bytes(2, "big")]
        return [wire]


def make_certificate(directory, name="dns.example"):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1", "-keyout",
                    os.path.join(directory, "key.pem"), "-out", os.path.join(directory, "cert.pem")], check=True,
                   stderr=subprocess.DEVNULL)
