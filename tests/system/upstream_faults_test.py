"""Upstreams and backends that break in the midst: half-closed and reset connections, a storm of forged answers, GOAWAY
among the streams of gRPC, https with a wrong certificate, a certificate that changes. The right answer or SERVFAIL."""

import concurrent.futures
import contextlib
import http.server
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

import dns.flags
import dns.message
import dns.rcode

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from backend_test import JsonBackend
from forward_test import addresses, ask
from upstream import ADDRESS, answer, make_certificate

FORGED = "203.0.113.66"


def serve(space, directives, **arguments):
    return server.start(space, "test:{port} {\n bind 127.0.0.1\n whoami\n}\n.:{port} {\n bind 127.0.0.1\n errors\n%s\n}\n" % directives,
                        **arguments)


def await_true(condition, what):
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit, what
        time.sleep(0.01)


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise ConnectionError("closed")
        data += piece
    return data


class Listener:
    """Accepts on a port of 127.0.0.1; each connection has a thread, which runs talk()."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.opened, self.connections = 0, set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is sent has gone when the socket is closed
                self.opened += 1
                self.connections.add(sock)
                threading.Thread(target=self._run, args=(sock, self.opened), daemon=True).start()

    def _run(self, sock, number):
        try:
            self.talk(sock, number)
        except (OSError, ssl.SSLError):
            pass
        finally:
            self.connections.discard(sock)
            sock.close()

    def close_connections(self):
        for sock in list(self.connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.close_connections()


# ---- TCP ----

class Breaker(Listener):
    """DNS over TCP; the first label says how a connection ends. A label that ends in "1" is for the first time only."""

    def __init__(self):
        self.seen, self.half_closed = [], set()
        super().__init__()

    def half_close(self, sock):
        """Nothing comes from here any more, but it still reads, until the other side closes too."""
        self.half_closed.add(sock)
        sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while sock.recv(4096):
                pass
        self.half_closed.discard(sock)

    def talk(self, sock, number):
        waiting = []
        while True:
            wire = read_exactly(sock, int.from_bytes(read_exactly(sock, 2), "big"))
            query = dns.message.from_wire(wire)
            name = query.question[0].name.to_text().lower()
            how = name.split(".")[0].split("-")[0]
            again, first = name in self.seen, how.endswith("1")
            self.seen.append(name)
            reply = answer(query).to_wire()
            frame = len(reply).to_bytes(2, "big") + reply
            how = "ok" if first and again else how.rstrip("1")
            if how == "sever" and not again:  # of four, one is answered before all is reset
                waiting.append(frame)
                if len(waiting) < 4:
                    continue
                sock.sendall(frame)
                how = "rst"
            if how == "rst":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if how == "half":
                self.half_close(sock)
                return
            if how == "cut":  # within the answer
                sock.sendall(frame[:len(frame) // 2])
                return
            sock.sendall(frame)
            if how == "last":  # answered, then half-closed
                self.half_close(sock)
                return


def test_tcp_half_closed_and_reset():
    """A connection that breaks costs at most its own questions; none is lost that another server could answer."""
    with harness.Workspace() as space, Breaker() as breaker:
        daemon = serve(space, f" forward . 127.0.0.1:{breaker.port} {{\n  force_tcp\n  max_fails 0\n }}", workers=1)
        assert addresses(ask(daemon, "ok.example.")) == [ADDRESS]
        for how in ("rst1", "half1", "cut1"):
            assert addresses(ask(daemon, f"{how}.example.", timeout=20)) == [ADDRESS], how
        for how in ("rst", "half", "cut"):
            begin = time.monotonic()
            assert ask(daemon, f"{how}.example.", timeout=20).rcode() == dns.rcode.SERVFAIL, how
            assert time.monotonic() - begin < 20
            assert breaker.seen.count(f"{how}.example.") <= 40, "it is not asked without end"
            assert addresses(ask(daemon, f"ok-{how}.example.")) == [ADDRESS], how
        for i in range(20):
            assert addresses(ask(daemon, f"last-{i}.example.")) == [ADDRESS], i
        with concurrent.futures.ThreadPoolExecutor(20) as pool:  # on one connection, and one of them breaks it
            names = [("ok-%d", "rst1-%d", "ok-x%d", "half1-%d")[i % 4] % i + ".example." for i in range(20)]
            replies = list(pool.map(lambda name: ask(daemon, name, timeout=20), names))
        for name, reply in zip(names, replies):
            assert addresses(reply) == [ADDRESS] or reply.rcode() == dns.rcode.SERVFAIL, (name, reply)
        assert addresses(ask(daemon, "ok-again.example.")) == [ADDRESS]
        await_true(lambda: not breaker.half_closed, "connections that the other side half-closed stay open")


def test_answered_and_reset_at_once():
    """The reset comes together with an answer: that one counts, and the others are asked again, not given up in time."""
    for _ in range(5):
        with harness.Workspace() as space, Breaker() as breaker:
            daemon = serve(space, f" forward . 127.0.0.1:{breaker.port} {{\n  force_tcp\n  max_fails 0\n  read_timeout 5s\n }}", workers=1)
            assert addresses(ask(daemon, "ok.example.")) == [ADDRESS]
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                replies = list(pool.map(lambda i: ask(daemon, f"sever-{i}.example.", timeout=20), range(4)))
            assert all(addresses(reply) == [ADDRESS] for reply in replies), replies


# ---- forged answers ----

class Stormed:
    """Answers by TCP. By UDP nothing true comes: to every port it was asked from go forged answers to the very question,
    with every id but the right one, as long as the question is open."""

    def __init__(self):
        self.port = harness.free_port()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.sent, self.over, self.open = 0, False, {}
        for run in (self._questions, self._storm, self._accept):
            threading.Thread(target=run, daemon=True).start()

    def _questions(self):
        with contextlib.suppress(OSError):
            while True:
                wire, source = self.udp.recvfrom(4096)
                forged = answer(dns.message.from_wire(wire), FORGED).to_wire()
                self.open[wire[12:]] = (int.from_bytes(wire[:2], "big"), forged[2:], source)

    def _storm(self):
        with contextlib.suppress(OSError):
            while not self.over:
                for ident, forged, source in list(self.open.values()):
                    for _ in range(50):
                        other = (ident + random.randrange(1, 65536)) & 0xffff
                        self.udp.sendto(other.to_bytes(2, "big") + forged, source)
                        self.sent += 1
                time.sleep(0.001)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.tcp.accept()
                threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock):
        with contextlib.suppress(OSError), sock:
            while True:
                wire = read_exactly(sock, int.from_bytes(read_exactly(sock, 2), "big"))
                reply = answer(dns.message.from_wire(wire)).to_wire()
                sock.sendall(len(reply).to_bytes(2, "big") + reply)
                self.open.pop(wire[12:], None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over = True
        self.udp.close()
        self.tcp.close()


def test_storm_of_wrong_ids():
    """Nobody who guesses is believed, and who asks gets the true answer, by TCP."""
    with harness.Workspace() as space, Stormed() as upstream:
        daemon = serve(space, f" forward . 127.0.0.1:{upstream.port} {{\n  max_fails 0\n }}", workers=1)
        for turn in range(4):
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                replies = list(pool.map(lambda i: ask(daemon, f"ok-{turn}-{i}.example.", timeout=20), range(8)))
            assert all(addresses(reply) == [ADDRESS] for reply in replies), replies
        assert upstream.sent > 64 * 4, upstream.sent


# ---- gRPC: GOAWAY ----

DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
# RFC 7541: ":status: 200" of the static table; "content-type" (31) with a literal value; and the trailer "grpc-status: 0"
RESPONSE = b"\x88" + b"\x0f\x10\x10application/grpc"
TRAILER = b"\x00\x0bgrpc-status\x010"


def h2_frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


class Leaving(Listener):
    """A gRPC server that leaves: CUTS says, of each connection in turn, what it does when so many streams are open, as
    (streams, the last one it answers, how); connections behind those of the list behave well."""

    def __init__(self, cuts):
        self.cuts, self.streams = cuts, []
        super().__init__()

    def talk(self, sock, number):
        read_exactly(sock, 24)  # the preface (RFC 9113 3.4)
        sock.sendall(h2_frame(SETTINGS, 0, 0))
        cut = self.cuts[number - 1] if number <= len(self.cuts) else None
        bodies, waiting = {}, []
        while True:
            head = read_exactly(sock, 9)
            payload = read_exactly(sock, int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            if kind == SETTINGS and not flags & ACK:
                sock.sendall(h2_frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                sock.sendall(h2_frame(PING, ACK, 0, payload))
            elif kind == DATA:
                bodies[stream] = bodies.get(stream, b"") + payload
                if flags & END_STREAM:
                    self.streams.append((number, stream))
                    waiting.append((stream, bodies.pop(stream)))
            if cut is None or len(waiting) == cut[0]:
                if cut is not None and not self.leave(sock, waiting, cut[1], cut[2]):
                    return
                self.reply(sock, waiting)
                waiting.clear()

    def leave(self, sock, waiting, last, how):
        """False when the connection ends here."""
        goaway = last.to_bytes(4, "big") + (2 if how == "error" else 0).to_bytes(4, "big") + b"going"
        if how == "graceful":  # RFC 9113 6.8: first with the greatest number of all, then with that of the last stream
            sock.sendall(h2_frame(GOAWAY, 0, 0, (2 ** 31 - 1).to_bytes(4, "big") + bytes(4)))
        sock.sendall(h2_frame(GOAWAY, 0, 0, goaway))
        if how == "error":
            return False
        self.reply(sock, [pair for pair in waiting if pair[0] <= last])
        waiting.clear()
        if how == "stay":
            while sock.recv(4096):  # until the other side closes
                pass
        return False

    @staticmethod
    def reply(sock, waiting):
        for stream, body in reversed(waiting):
            at = 7 if body[6] < 0x80 else 8  # five octets of gRPC, then field 1 and its length, of one octet or two
            wire = answer(dns.message.from_wire(body[at:])).to_wire()
            assert len(wire) < 128
            message = b"\x0a" + bytes((len(wire),)) + wire
            sock.sendall(h2_frame(HEADERS, END_HEADERS, stream, RESPONSE) +
                         h2_frame(DATA, 0, stream, b"\0" + len(message).to_bytes(4, "big") + message) +
                         h2_frame(HEADERS, END_HEADERS | END_STREAM, stream, TRAILER))


def test_grpc_goaway():
    """Streams above the last one that the server takes are asked again on another connection; those below are answered."""
    for how in ("close", "stay", "graceful", "error"):
        with harness.Workspace() as space, Leaving([(1, 1, "close"), (8, 7, how)]) as backend:
            daemon = serve(space, f" grpc . 127.0.0.1:{backend.port}", workers=1)
            assert addresses(ask(daemon, "ok.example.")) == [ADDRESS], how  # the server answers it and leaves
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                replies = list(pool.map(lambda i: ask(daemon, f"a{i}.example.", timeout=20), range(8)))
            assert all(addresses(reply) == [ADDRESS] for reply in replies), (how, replies)
            on = [sum(1 for number, _ in backend.streams if number == n) for n in (1, 2, 3)]
            assert on[:2] == [1, 8] and on[2] == (8 if how == "error" else 4), (how, on)
            await_true(lambda: len(backend.connections) <= 1, "a connection that is over stays open")
    with harness.Workspace() as space, Leaving([(1, 0, "close")] * 1000) as backend:  # it never takes any
        daemon = serve(space, f" grpc . 127.0.0.1:{backend.port} {{\n  timeout 2s\n }}", workers=1)
        assert ask(daemon, "ok.example.", timeout=20).rcode() == dns.rcode.SERVFAIL
        assert backend.opened < 50, "it is not asked without end"


# ---- certificates ----

def make_authority(space, name):
    """An authority's certificate and key, in a directory of its own."""
    directory = space.directory(name)
    make_certificate(directory, name)
    return directory


def make_signed(space, authority, directory, name="dns.example"):
    directory = space.directory(directory)
    subprocess.run(["openssl", "req", "-x509", "-CA", os.path.join(authority, "cert.pem"), "-CAkey", os.path.join(authority, "key.pem"),
                    "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}", "-keyout", os.path.join(directory, "key.pem"), "-out",
                    os.path.join(directory, "cert.pem")], check=True, stderr=subprocess.DEVNULL)
    return directory


def server_context(directory):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem"))
    return context


class Dot(Listener):
    """DNS over TLS; `context` is that of the connections to come."""

    def __init__(self, context):
        self.context = context
        super().__init__()

    def talk(self, sock, number):
        with self.context.wrap_socket(sock, server_side=True) as flow:
            self.connections.add(flow)
            try:
                while True:
                    wire = read_exactly(flow, int.from_bytes(read_exactly(flow, 2), "big"))
                    reply = answer(dns.message.from_wire(wire)).to_wire()
                    flow.sendall(len(reply).to_bytes(2, "big") + reply)
            finally:
                self.connections.discard(flow)

    def change(self, context):
        self.context = context
        self.close_connections()
        await_true(lambda: not self.connections, "the connections do not close")


def test_dot_certificate_changes():
    """A renewed certificate of the same authority is taken without a reload; one of another is not, whatever was before."""
    with harness.Workspace() as space:
        authority, stranger = make_authority(space, "authority.example"), make_authority(space, "stranger.example")
        first, renewed = (server_context(make_signed(space, authority, f"good{i}")) for i in range(2))
        false = server_context(make_signed(space, stranger, "false"))
        other = server_context(make_signed(space, authority, "other", "other.example"))
        with Dot(first) as upstream:
            daemon = serve(space, f" forward . tls://127.0.0.1:{upstream.port} {{\n  tls {authority}/cert.pem\n  tls_servername dns.example\n"
                           "  max_fails 0\n }", workers=1)
            for turn, (context, why) in enumerate(((first, None), (renewed, None), (false, "certificate: "), (first, None),
                                                   (other, "certificate: hostname mismatch"), (renewed, None))):
                upstream.change(context)
                reply = ask(daemon, f"ok-{turn}.example.", timeout=20)
                if why is None:
                    assert addresses(reply) == [ADDRESS], (turn, reply)
                else:
                    assert reply.rcode() == dns.rcode.SERVFAIL and not reply.answer, (turn, reply)
                    daemon.wait_for_log(why)


class Https:
    def __init__(self, context):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (JsonBackend,), {
            "paths": [], "peers": set(), "headers_seen": []}))
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that breaks off is what is tested
        # The handshake is for the connection's own thread, not for the one that accepts.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port, self.paths = self.server.server_address[1], self.server.RequestHandlerClass.paths
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_httpjson_by_https():
    """With the right certificate it is answered; with another authority's, another name's or none known, nothing is even asked."""
    with harness.Workspace() as space:
        authority, stranger = make_authority(space, "authority.example"), make_authority(space, "stranger.example")
        good = make_signed(space, authority, "good")
        with Https(server_context(good)) as backend:
            def answered(options):
                daemon = serve(space, f" httpjson {{\n  url https://127.0.0.1:{backend.port}/dns\n  timeout 3s\n{options}\n }}", workers=1)
                before = len(backend.paths)
                reply = ask(daemon, "ok.example.", timeout=20)
                if reply.rcode() == dns.rcode.SERVFAIL:
                    assert len(backend.paths) == before, "a question went to a stranger"
                    daemon.wait_for_log("certificate: ")
                return addresses(reply)
            assert answered(f"  tls {authority}/cert.pem\n  tls_servername dns.example") == ["192.0.2.7"]
            assert answered(f"  tls {stranger}/cert.pem\n  tls_servername dns.example") == []
            assert answered(f"  tls {authority}/cert.pem\n  tls_servername other.example") == []
            assert answered(f"  tls {authority}/cert.pem") == []  # 127.0.0.1 is no name in it
            assert answered("  tls_servername dns.example") == []  # none of the system's authorities
