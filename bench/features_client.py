"""Clients for features.py that flood is not: signed queries, TCP and TLS, some at a time."""

import socket
import ssl
import struct
import time

import harness

WINDOW = 16
PATIENCE_S = 60


def signed(name, secret):
    """A query with a signature that holds for five minutes under any identifier: the original one stands in it."""
    import dns.message
    import dns.tsig
    query = dns.message.make_query(name, "A", use_edns=0, payload=1232)
    query.use_tsig(dns.tsig.Key("key.test.", secret, "hmac-sha256"), fudge=3600)
    return query.to_wire()


def await_port(port, process):
    limit = time.monotonic() + PATIENCE_S * 5
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise harness.Failure(f"bailiwickd ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise harness.Failure("bailiwickd did not listen in time")


def udp(message):
    def send(port, answers):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(("127.0.0.1", port))
            for _ in range(answers // WINDOW):
                for _ in range(WINDOW):
                    sock.send(message)
                for _ in range(WINDOW):
                    assert sock.recv(65535)[3] & 15 == 0
    return send


def stream(message, tls):
    batch = (struct.pack("!H", len(message)) + message) * WINDOW

    def read(sock, left):
        while left > 0:
            piece = sock.recv(65535)
            assert piece, "the server closed the connection"
            left -= len(piece)

    def length(sock):
        """Octets of a batch's replies: all alike."""
        sock.sendall(batch[:len(batch) // WINDOW])
        head = b""
        while len(head) < 2:
            head += sock.recv(2 - len(head))
        one = struct.unpack("!H", head)[0]
        read(sock, one)
        return (one + 2) * WINDOW

    def send(port, answers):
        sock = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            sock = context.wrap_socket(sock)
        with sock:
            expected = length(sock)
            for _ in range(answers // WINDOW):
                sock.sendall(batch)
                read(sock, expected)
    return send
