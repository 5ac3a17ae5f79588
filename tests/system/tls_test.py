"""DNS over TLS: queries, clients of others, certificates that change, and streams that misbehave."""

import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
import wire

ZONE = """$TTL 3600
@ SOA ns hostmaster 7 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
""" + "".join("big TXT %s\n" % ("%03d" % i * 60) for i in range(150))


def certificate(space, name, common="ns.example.org", signer=None):
    """Makes NAME.crt and NAME.key, signed by SIGNER or by itself."""
    key, crt = os.path.join(space.path, name + ".key"), os.path.join(space.path, name + ".crt")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key + ".new",
               "-out", crt + ".new", "-days", "30", "-subj", "/CN=" + common, "-addext", "subjectAltName=DNS:" + common]
    if signer:
        command += ["-CA", os.path.join(space.path, signer + ".crt"), "-CAkey", os.path.join(space.path, signer + ".key")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    os.rename(key + ".new", key)
    os.rename(crt + ".new", crt)
    return crt, key


def serve(space, more="", options="", tls_options="", **arguments):
    zone = space.write("zone", ZONE)
    certificate(space, "server")
    text = "tls://.:{port} {\n tls %s/server.crt %s/server.key %s\n file %s example.org\n%s\n}\n" % (
        space.path, space.path, tls_options, zone, options)
    return server.start(space, text + more, make=Secure, **arguments)


class Secure(server.Daemon):
    def wait(self, probe=None, deadline=None, pause=0.005):
        """Ready when it takes connections."""
        limit = time.monotonic() + (deadline or self.deadline)
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                raise harness.Failure("bailiwickd ended with %d:\n%s" % (self.process.returncode, self.tail()))
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return time.monotonic() - self.launched_at
            except OSError:
                time.sleep(pause)
        raise harness.Failure("bailiwickd does not take connections:\n" + self.tail())


def context(space=None, client=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if client:
        made.load_cert_chain(*client)
    return made


def connect(daemon, made=None, session=None):
    plain = socket.create_connection(("127.0.0.1", daemon.port), 5)
    made = made or context()
    return server.Connection(made.wrap_socket(plain, server_hostname="ns.example.org", session=session))


def ask(connection, name, qtype, ident, padding=False):
    message = server.question(name, qtype, ident, edns=1232)
    if padding:
        message = message[:-2] + struct.pack("!HHH", 4, 12, 0)
    connection.send(message)
    return connection.receive()


def test_many_queries_on_one_connection():
    with harness.Workspace() as space:
        daemon = serve(space)
        with connect(daemon) as connection:
            count = 2000
            connection.send(*[server.question("www.example.org.", "A", i) for i in range(count)])
            seen = {struct.unpack("!H", connection.receive()[:2])[0] for _ in range(count)}
            assert seen == set(range(count))


def test_long_answers_to_a_client_that_reads_late():
    with harness.Workspace() as space:
        daemon = serve(space)
        with connect(daemon) as slow, connect(daemon) as other:
            count = 120
            slow.send(*[server.question("big.example.org.", "TXT", i) for i in range(count)])
            assert wire.Answer(ask(other, "www.example.org.", "A", 1)).rcode == 0
            for _ in range(count):
                reply = slow.receive()
                assert len(reply) > 27000 and reply[7] == 150, len(reply)


def test_clients_of_others():
    with harness.Workspace() as space:
        daemon = serve(space)
        for command in (["kdig", "+tls", "+short", "@127.0.0.1", "-p", str(daemon.port), "www.example.org", "A"],
                        ["kdig", "+tls", "+tls-ca=%s/server.crt" % space.path, "+tls-hostname=ns.example.org", "+short",
                         "@127.0.0.1", "-p", str(daemon.port), "www.example.org", "A"],
                        ["dig", "+tls", "+short", "@127.0.0.1", "-p", str(daemon.port), "www.example.org", "A"]):
            done = subprocess.run(command, capture_output=True, text=True, timeout=20)
            assert done.stdout.strip() == "192.0.2.80", (command, done.stdout, done.stderr)


def test_replies_are_padded_when_the_query_is():
    with harness.Workspace() as space:
        daemon = serve(space)
        with connect(daemon) as connection:
            assert len(ask(connection, "www.example.org.", "A", 1, padding=True)) == 468
            assert len(ask(connection, "www.example.org.", "A", 2)) < 200
            assert len(ask(connection, "big.example.org.", "TXT", 3, padding=True)) % 468 == 0


def test_old_versions_are_refused_and_sessions_resumed():
    with harness.Workspace() as space:
        daemon = serve(space)
        old = context()
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
        with connect(daemon, old) as connection:
            ask(connection, "www.example.org.", "A", 1)
            session = connection.sock.session
        with connect(daemon, old, session) as connection:
            assert connection.sock.session_reused
            ask(connection, "www.example.org.", "A", 1)
        done = subprocess.run(["openssl", "s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect",
                               "127.0.0.1:%d" % daemon.port], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        assert done.returncode != 0
        done = subprocess.run(["openssl", "s_client", "-alpn", "dot", "-connect", "127.0.0.1:%d" % daemon.port],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        assert "ALPN protocol: dot" in done.stdout, done.stdout


def test_a_renewed_certificate_is_used_and_a_broken_one_is_not():
    with harness.Workspace() as space:
        daemon = serve(space)
        with connect(daemon) as before:
            first = before.sock.getpeercert(True)
            certificate(space, "server")
            daemon.reload()
            with connect(daemon) as after:
                second = after.sock.getpeercert(True)
            assert first != second
            space.write("server.crt", "no certificate")
            daemon.reload(text="reload: ")
            with connect(daemon) as after:
                assert after.sock.getpeercert(True) == second
            assert ask(before, "www.example.org.", "A", 9) is not None


def test_clients_have_to_show_what_the_policy_says():
    with harness.Workspace() as space:
        authority = certificate(space, "authority", "authority")
        good = certificate(space, "good", "client", "authority")
        other = certificate(space, "other", "client")
        for policy, none, unsigned, signed in (("nocert", True, True, True), ("request", True, True, True),
                                               ("require", False, True, True), ("verify_if_given", True, False, True),
                                               ("require_and_verify", False, False, True)):
            daemon = serve(space, tls_options="%s {\n client_auth %s\n }" % (authority[0], policy))
            for client, wanted in ((None, none), (other, unsigned), (good, signed)):
                try:
                    with connect(daemon, context(client=client)) as connection:
                        answered = ask(connection, "www.example.org.", "A", 1) is not None
                except OSError:
                    answered = False
                assert answered == wanted, (policy, client)
            daemon.stop()
            space.servers.remove(daemon)


def test_streams_that_misbehave_harm_nobody():
    with harness.Workspace() as space:
        daemon = serve(space)
        streams = [b"", b"\0" * 100, os.urandom(1000), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500),
                   b"GET / HTTP/1.1\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28"]
        held = []
        for turn in range(60):
            plain = socket.create_connection(("127.0.0.1", daemon.port), 5)
            plain.sendall(streams[turn % len(streams)])
            held.append(plain)
        with connect(daemon) as connection:
            half = server.question("www.example.org.", "A", 5)
            connection.sock.sendall(struct.pack("!H", len(half)) + half[:7])
            with connect(daemon) as second:
                assert wire.Answer(ask(second, "www.example.org.", "A", 1)).rcode == 0
            connection.sock.sendall(half[7:])
            assert connection.receive()[:2] == b"\0\5"
        for plain in held:
            plain.close()
        with connect(daemon) as connection:
            assert ask(connection, "www.example.org.", "A", 1) is not None


def test_plain_and_tls_side_by_side():
    with harness.Workspace() as space:
        other = harness.free_port()
        daemon = serve(space, more="example.org:%d {\n file %s/zone\n}\n" % (other, space.path))
        with connect(daemon) as connection:
            assert wire.Answer(ask(connection, "www.example.org.", "A", 1)).rcode == 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(5)
            udp.sendto(server.question("www.example.org.", "A", 7), ("127.0.0.1", other))
            assert wire.Answer(udp.recv(4096)).rcode == 0
            udp.settimeout(0.2)
            udp.sendto(server.question("www.example.org.", "A", 7), ("127.0.0.1", daemon.port))
            try:
                assert not udp.recv(4096), "TLS is not served over UDP"
            except OSError:
                pass


def test_a_key_without_certificate_is_told():
    with harness.Workspace() as space:
        for text, told in (("tls://example.org {\n whoami\n}\n", "tls:// needs a certificate"),
                           ("tls://example.org {\n tls a b\n whoami\n}\n", "a"),
                           ("tls://example.org {\n tls a\n whoami\n}\n", "tls takes two or three files")):
            corefile = space.write("Corefile", text)
            done = subprocess.run([harness.need_ours("bailiwickd"), "-check", "-conf", corefile], capture_output=True,
                                  text=True, timeout=20)
            assert done.returncode == 1 and told in done.stdout, done.stdout
