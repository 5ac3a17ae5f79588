"""transfer: a zone of a million delegations goes out by AXFR, to a client that reads as fast as it can; and the
latest answers to questions asked meanwhile."""

import socket
import struct
import time

import harness
import measure

RATE = 2000
EXTRA = {"bailiwick": "    transfer {\n        to *\n    }\n",
         "nsd": "  provide-xfr: 127.0.0.1 NOKEY\n",
         "knot": "    acl: all\n",
         "bind": ""}


class Knot(harness.Knot):
    """Its sections must stand in their order: the access list before the zones that name it."""

    def command(self):
        words = super().command()
        with open(self.conf, encoding="utf-8") as conf:
            text = conf.read()
        harness.write_file(self.directory, "knot.conf", text.replace(
            "template:\n", "acl:\n  - id: all\n    address: 127.0.0.1\n    action: transfer\ntemplate:\n", 1))
        return words


def fetch(port):
    """Octets and seconds, until the SOA record has come a second time."""
    name = b"\x04test\0"
    query = struct.pack("!6H", 77, 0, 1, 0, 0, 0) + name + struct.pack("!HH", 252, 1)
    buffer, total, tail = bytearray(1 << 20), 0, b""
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.sendall(struct.pack("!H", len(query)) + query)
        while True:
            got = sock.recv_into(buffer)
            if got == 0:
                raise harness.Failure("the transfer broke off")
            total += got
            tail = (tail + bytes(buffer[max(0, got - 400):got]))[-400:]
            if total > 1000000 and is_end(tail):
                return total, time.monotonic() - start


def is_end(tail):
    """The last record is a SOA: type, class, TTL, and a length that ends where the octets end."""
    at = tail.rfind(b"\0\x06\0\x01")
    return at >= 0 and len(tail) - at >= 10 and at + 10 + struct.unpack("!H", tail[at + 8:at + 10])[0] == len(tail)


def measure_server(settings, kind, path, queries):
    server = settings.start(kind, {"test.": path}, extra=EXTRA[kind])
    fetch(server.port)
    quiet = sorted(fetch(server.port) for _ in range(3))[1]
    cpu = server.cpu_seconds()
    fetch(server.port)
    cpu = server.cpu_seconds() - cpu
    flood = settings.flood(server, queries, "--rate", RATE, "--seconds", 600, "--warmup", 0, "--sockets", 4,
                           cpu=settings.client_cpu)
    time.sleep(0.5)
    for _ in range(3):
        fetch(server.port)
    seen = measure.counters(flood)
    settings.end_server(server)
    return quiet[1], cpu, quiet[0] / 1e6, seen["worst_wait_ms"], seen["lost"]


def run(settings):
    path = settings.tld()
    table = measure.Table(f"transfer: AXFR of {settings.delegations:,} delegations", [
        ("s", "less", 3), ("CPU s", "less", 2), ("MB", "less", 1),
        (f"longest wait at {RATE} q/s, ms", "less", 1), ("lost", None, 0)])
    kept = harness.SERVERS["knot"]
    harness.SERVERS["knot"] = Knot
    try:
        for kind in settings.kinds:
            table.add(harness.SERVERS[kind].title, *measure_server(settings, kind, path, path + ".queries"),
                      ours=kind == measure.OURS)
    finally:
        harness.SERVERS["knot"] = kept
    return [table]
