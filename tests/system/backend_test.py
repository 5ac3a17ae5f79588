"""grpc and httpjson beside the sample backends of examples/, and beside backends that fail in every way."""

import concurrent.futures
import http.server
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from upstream import make_certificate

try:
    import grpc
except ImportError:
    grpc = None

EXAMPLES = os.path.join(harness.ROOT, "examples")
DATA = [("www.example.com.", "192.0.2.1"), ("www.example.com.", "192.0.2.2"), ("www.example.com.", "2001:db8::1")]


def need_grpc():
    if grpc is None:
        raise harness.Skip("python3-grpcio is not installed")


def serve(space, directives, **arguments):
    return server.start(space, "example.com:{port} {\n bind 127.0.0.1\n errors\n%s\n}\n" % directives, **arguments)


def ask(daemon, name, qtype="A", timeout=8, **options):
    query = dns.message.make_query(name, qtype, use_edns=0, **options)
    reply = dns.query.udp(query, "127.0.0.1", port=daemon.port, timeout=timeout)
    assert reply.question == query.question
    return reply


def texts(reply):
    return sorted(item.to_text() for rrset in reply.answer for item in rrset)


def together(count, call):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


class Program:
    """A sample backend as its README line starts it."""

    def __init__(self, space, kind, *arguments, listen="127.0.0.1:0"):
        path = os.path.join(EXAMPLES, f"{kind}-backend", "backend.py")
        self.database = os.path.join(space.directory(f"{kind}-data"), "data.db")
        self.process = subprocess.Popen(["/usr/bin/python3", path, "--listen", listen, *arguments, "example.com.", self.database],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("port "), self.process.stderr.read()
        self.port = int(line.split()[1])

    def execute(self, statement, rows=()):
        connection = sqlite3.connect(self.database)
        with connection:
            connection.executemany(statement, rows) if rows else connection.execute(statement)
        connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def test_grpc_example():
    need_grpc()
    with harness.Workspace() as space, Program(space, "grpc") as backend:
        backend.execute("INSERT INTO addresses VALUES (?, ?, 60)", DATA)
        for line in (f"grpc . 127.0.0.1:{backend.port}", f"proxy . 127.0.0.1:{backend.port} {{\n protocol grpc insecure\n}}"):
            daemon = serve(space, line)
            reply = ask(daemon, "www.Example.com.")
            assert texts(reply) == ["192.0.2.1", "192.0.2.2"] and reply.flags & dns.flags.AA, reply
            assert not reply.flags & dns.flags.RA
            assert texts(ask(daemon, "www.example.com.", "AAAA")) == ["2001:db8::1"]
            reply = ask(daemon, "www.example.com.", "MX")
            assert reply.rcode() == 0 and not reply.answer and reply.authority, reply
            assert ask(daemon, "nx.example.com.").rcode() == dns.rcode.NXDOMAIN
            reply = dns.query.tcp(dns.message.make_query("www.example.com.", "A"), "127.0.0.1", port=daemon.port, timeout=5)
            assert len(texts(reply)) == 2
        backend.execute("UPDATE addresses SET address = '192.0.2.9' WHERE address = '192.0.2.1'")
        assert texts(ask(daemon, "www.example.com.")) == ["192.0.2.2", "192.0.2.9"], "a changed row is served at once"


def test_httpjson_example():
    with harness.Workspace() as space, Program(space, "httpjson") as backend:
        backend.execute("INSERT INTO records VALUES (?, ?, 60, ?)", [
            ("www.example.com.", "A", "192.0.2.1"), ("www.example.com.", "AAAA", "2001:db8::1"),
            ("www.example.com.", "MX", "10 mail.example.com."), ("alias.example.com.", "CNAME", "www.example.com"),
            ("odd\\032name.example.com.", "TXT", "v=spf1 -all"), ("quoted.example.com.", "TXT", '"one two" three'),
            ("new.example.com.", "TYPE65280", "\\# 2 abcd")])
        daemon = serve(space, "httpjson {\n url http://127.0.0.1:%d/resolve\n}" % backend.port)
        reply = ask(daemon, "www.Example.com.")
        assert texts(reply) == ["192.0.2.1"] and reply.flags & dns.flags.AA and reply.answer[0].ttl == 60, reply
        assert texts(ask(daemon, "www.example.com.", "MX")) == ["10 mail.example.com."]
        assert texts(ask(daemon, "alias.example.com.")) == ["www.example.com."]
        assert texts(ask(daemon, "odd\\032name.example.com.", "TXT")) == ['"v=spf1 -all"']
        assert texts(ask(daemon, "quoted.example.com.", "TXT")) == ['"one two" "three"']
        reply = ask(daemon, "www.example.com.", "SRV")
        assert reply.rcode() == 0 and not reply.answer and reply.authority[0].rdtype == dns.rdatatype.SOA
        assert ask(daemon, "nx.example.com.").rcode() == dns.rcode.NXDOMAIN
        backend.execute("UPDATE records SET data = '192.0.2.9' WHERE data = '192.0.2.1'")
        assert texts(ask(daemon, "www.example.com.")) == ["192.0.2.9"]


# ---- gRPC backends that behave as the first label says ----

class Faulty:
    def __init__(self, address="192.0.2.7", listen="127.0.0.1:0", credentials=None):
        sys.path.insert(0, os.path.join(EXAMPLES, "grpc-backend"))
        import backend
        self.address, self.seen, self.peers = address, [], set()
        self.server, self.port = backend.serve(self, listen, credentials, workers=40)

    def query(self, wire, context):
        query = dns.message.from_wire(wire)
        name = query.question[0].name
        how = name.labels[0].decode().split("-")[0]
        self.seen.append(query)
        self.peers.add(context.peer())
        reply = dns.message.make_response(query)
        if how == "notfound":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such name")
        if how == "unavailable":
            context.abort(grpc.StatusCode.UNAVAILABLE, "database\nis down")
        if how == "garbage":
            return b"\x01\x02\x03"
        if how == "empty":
            return b""
        if how == "slow":
            time.sleep(0.3)
        if how == "hang":
            time.sleep(2)
        if how == "other":
            reply = dns.message.make_response(dns.message.make_query("another.example.com.", "A"))
        if how == "nx":
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif how == "refused":
            reply.set_rcode(dns.rcode.REFUSED)
            reply.use_edns(0, options=[dns.edns.EDEOption(15, "blocked")])
        elif how not in ("nodata", "other"):
            count = 200 if how == "many" else 1
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", *[self.address] if count == 1 else
                                                    [f"10.0.0.{i}" for i in range(count)]))
        return reply.to_wire(max_size=65535)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop(0).wait()


def test_grpc_answers_and_failures():
    need_grpc()
    with harness.Workspace() as space, Faulty() as backend:
        daemon = serve(space, f"prometheus 127.0.0.1:{(metrics := harness.free_port())}\n grpc . 127.0.0.1:{backend.port} {{\n timeout 1s\n}}")
        assert texts(ask(daemon, "ok.example.com.", want_dnssec=True)) == ["192.0.2.7"]
        seen = backend.seen[-1]
        assert seen.ednsflags & dns.flags.DO and seen.flags & dns.flags.RD and seen.id == 0
        assert ask(daemon, "notfound.example.com.").rcode() == dns.rcode.NXDOMAIN
        reply = ask(daemon, "refused.example.com.")
        assert reply.rcode() == dns.rcode.REFUSED and int(reply.options[0].code) == 15, reply
        assert ask(daemon, "many.example.com.").flags & dns.flags.TC
        whole = dns.query.tcp(dns.message.make_query("many.example.com.", "A"), "127.0.0.1", port=daemon.port, timeout=5)
        assert len(texts(whole)) == 200
        for how, why in (("unavailable", "gRPC status 14 UNAVAILABLE"), ("garbage", "no DNS message"), ("empty", "no DNS message"),
                         ("other", "another question"),
                         ("hang", "hang.example.com.")):  # "timeout", or the backend says DEADLINE_EXCEEDED
            begin = time.monotonic()
            reply = ask(daemon, f"{how}.example.com.")
            assert reply.rcode() == dns.rcode.SERVFAIL and time.monotonic() - begin < 6, (how, reply)
            daemon.wait_for_log(why)
            assert texts(ask(daemon, "ok.example.com.")) == ["192.0.2.7"]
        page = urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=5).read().decode()
        to = f'to="127.0.0.1:{backend.port}"'
        assert re.search(rf'^coredns_grpc_responses_total{{rcode="NXDOMAIN",{to}}} 1$', page, re.M), page
        assert re.search(rf"^coredns_grpc_requests_total{{{to}}} \d\d$", page, re.M)
        assert re.search(rf"^coredns_grpc_request_duration_seconds_count{{{to}}} [1-9]", page, re.M)


def test_grpc_fallthrough_and_except():
    need_grpc()
    with harness.Workspace() as space, Faulty() as backend, Faulty("192.0.2.8") as second:
        daemon = serve(space, f" grpc . 127.0.0.1:{backend.port} {{\n except b.example.com\n fallthrough a.example.com\n fallthrough_nodata\n}}\n"
                       f" httpjson {{\n url http://127.0.0.1:9/\n timeout 50ms\n}}\n grpc b.example.com 127.0.0.1:{second.port}")
        assert texts(ask(daemon, "ok.b.example.com.")) == ["192.0.2.8"], "the second line"
        assert ask(daemon, "nx.example.com.").rcode() == dns.rcode.NXDOMAIN
        assert ask(daemon, "nodata.example.com.").rcode() == 0
        for name in ("nx", "nodata"):  # httpjson cannot reach its backend
            assert ask(daemon, f"{name}.a.example.com.").rcode() == dns.rcode.SERVFAIL
        daemon.wait_for_log("plugin/httpjson: 127.0.0.1:9: ", 2)


def test_grpc_streams():
    need_grpc()
    with harness.Workspace() as space, Faulty() as backend:
        daemon = serve(space, f"grpc . 127.0.0.1:{backend.port}", workers=1)
        begin = time.monotonic()
        replies = together(30, lambda i: ask(daemon, f"slow-{i}.example.com."))
        assert all(texts(reply) == ["192.0.2.7"] for reply in replies)
        assert len(backend.peers) == 1, backend.peers
        assert time.monotonic() - begin < 7, "they do not wait for each other"


def test_grpc_reconnects():
    need_grpc()
    with harness.Workspace() as space:
        with Faulty() as backend:
            port = backend.port
            daemon = serve(space, f"grpc . 127.0.0.1:{port}")
            assert texts(ask(daemon, "ok.example.com.")) == ["192.0.2.7"]
        assert ask(daemon, "ok.example.com.").rcode() == dns.rcode.SERVFAIL
        daemon.wait_for_log("Connection refused")
        with Faulty("192.0.2.8", f"127.0.0.1:{port}"):
            assert texts(ask(daemon, "ok.example.com.")) == ["192.0.2.8"]


def test_grpc_policies():
    need_grpc()
    with harness.Workspace() as space, Faulty("192.0.2.1") as one, Faulty("192.0.2.2") as two:
        dead = harness.free_port()
        both = f"127.0.0.1:{one.port} 127.0.0.1:{two.port}"
        for policy, expected in (("sequential", {"192.0.2.1": 20}), ("round_robin", {"192.0.2.1": 10, "192.0.2.2": 10}), ("random", None)):
            daemon = serve(space, f"grpc . {both} {{\n policy {policy}\n}}", workers=1)
            got = [texts(ask(daemon, f"ok-{i}.example.com."))[0] for i in range(20)]
            count = {address: got.count(address) for address in set(got)}
            assert count == expected if expected else len(count) == 2, (policy, count)
        daemon = serve(space, f"grpc . 127.0.0.1:{dead} {both} {{\n policy sequential\n}}")
        assert [texts(ask(daemon, f"ok-{i}.example.com.")) for i in range(5)] == [["192.0.2.1"]] * 5
        daemon = serve(space, f"grpc . {both} {{\n policy sequential\n timeout 1s\n}}")
        begin = time.monotonic()
        assert ask(daemon, "unavailable.example.com.").rcode() == dns.rcode.SERVFAIL
        assert ask(daemon, "hang.example.com.").rcode() == dns.rcode.SERVFAIL
        assert time.monotonic() - begin < 7
        assert one.seen and two.seen[-1].question[0].name.to_text() == "hang.example.com."


def test_grpc_tls():
    need_grpc()
    with harness.Workspace() as space:
        directory = space.directory("certificates")
        make_certificate(directory)
        names = sorted(os.listdir(directory))
        cert = next(os.path.join(directory, n) for n in names if "cert" in n or n.endswith(".crt"))
        key = next(os.path.join(directory, n) for n in names if "key" in n)
        with open(key, "rb") as k, open(cert, "rb") as c:
            credentials = grpc.ssl_server_credentials([(k.read(), c.read())])
        subject = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-ext", "subjectAltName"], capture_output=True,
                                 text=True).stdout
        name = re.search(r"DNS:(\S+?)(,|$)", subject, re.M)[1]
        with Faulty(credentials=credentials) as backend:
            daemon = serve(space, f"grpc . 127.0.0.1:{backend.port} {{\n tls {cert}\n tls_servername {name}\n}}")
            assert texts(ask(daemon, "ok.example.com.")) == ["192.0.2.7"]
            daemon = serve(space, f"grpc . 127.0.0.1:{backend.port} {{\n tls {cert}\n tls_servername wrong.example\n}}")
            assert ask(daemon, "ok.example.com.").rcode() == dns.rcode.SERVFAIL
            daemon = serve(space, f"grpc . 127.0.0.1:{backend.port} {{\n timeout 500ms\n}}")
            assert ask(daemon, "ok.example.com.").rcode() == dns.rcode.SERVFAIL


# ---- JSON backends, likewise ----

def record(name, data="192.0.2.7", rdtype=1, ttl=60):
    return {"name": name, "type": rdtype, "TTL": ttl, "data": data}


ODD = {
    "nojson": ("<html>", "no object"), "cut": ('{"Status": 0, "Answer": [', "cut short"), "nostatus": ("{}", "no Status"),
    "nodatum": ('{"Status": 0, "Answer": [{"name": "nodatum.example.com.", "type": 1, "TTL": 1}]}', "a record without data"),
    "badip": ('{"Status": 0, "Answer": [{"name": "badip.example.com.", "type": 1, "TTL": 1, "data": "1.2.3"}]}', "Answer: 1.2.3"),
    "badtype": ('{"Status": 0, "Answer": [{"name": "badtype.example.com.", "type": "QQ", "TTL": 1, "data": "1.2.3.4"}]}', "no record type"),
    "any": ('{"Status": 0, "Answer": [{"name": "any.example.com.", "type": 255, "TTL": 1, "data": "1.2.3.4"}]}', "none of records"),
    "text": ('{"Status": "0"}', "no whole number"), "behind": ('{"Status": 0} {}', "behind the end"),
    "other": ('{"Status": 0, "Question": [{"name": "x.example.com.", "type": 1}]}', "another question"),
    "deep": ('{"Status": 0, "x": ' + "[" * 100 + "]" * 100 + "}", "too deeply"), "nothing": ("", "an empty answer"),
}


class JsonBackend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    paths, peers, headers_seen = [], set(), []

    def log_message(self, *_):
        pass

    def send(self, text, how):
        data = text.encode()
        head = b"HTTP/1.1 200 OK\r\n"
        if how == "continue":
            head = b"HTTP/1.1 100 Continue\r\n\r\n" + head
        if how == "chunked":
            middle = len(data) // 2
            body = b"".join(b"%x;q=1\r\n%s\r\n" % (len(p), p) for p in (data[:middle], data[middle:])) + b"0\r\nX: y\r\n\r\n"
            self.wfile.write(head + b"Transfer-Encoding: chunked\r\n\r\n" + body)
        elif how == "close":
            self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + data[:10])
            self.wfile.flush()
            self.wfile.write(data[10:])
            self.close_connection = True
        elif how == "badchunk":
            self.wfile.write(head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
        elif how == "once":
            self.wfile.write(head + b"Content-Length: %d\r\n\r\n" % len(data) + data)
            self.close_connection = True  # without a word
        elif how == "extra":
            self.wfile.write(head + b"Content-Length: %d\r\n\r\n" % len(data) + data + b"HTTP/1.1 200 OK\r\n\r\n{}")
        else:
            for at in range(0, len(data), 40 if how == "trickle" else 1 << 20):
                piece = data[at:at + (40 if how == "trickle" else 1 << 20)]
                self.wfile.write((head + b"content-length: %d\r\n\r\n" % len(data) if at == 0 else b"") + piece)
                self.wfile.flush()
            if not data:
                self.wfile.write(head + b"Content-Length: 0\r\n\r\n")

    def do_GET(self):
        self.paths.append(self.path)
        self.peers.add(self.client_address)
        self.headers_seen.append(dict(self.headers))
        words = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        name = words["name"]
        how = name.split(".")[0].split("-")[0].lower()
        if how in ("slow", "hang"):
            time.sleep(0.2 if how == "slow" else 2)
        if how == "error":
            self.send_error(500)
        elif how == "reset":
            self.close_connection = True
        elif how in ODD:
            self.send(ODD[how][0], how)
        else:
            reply = {"Status": 3 if how == "nx" else 0, "TC": False, "RD": True, "RA": True, "AD": True, "CD": False,
                     "Question": [{"name": name, "type": 1}], "Comment": ["caf\u00e9 \"\\"], "Unknown": {"a": [1.5e3, None, True]}}
            if how not in ("nx", "nodata"):
                reply["Answer"] = [record(name, f"10.0.0.{i}") for i in range(200)] if how == "many" else [record(name)]
            reply["Authority"] = [record("Example.com", "ns.example.com hostmaster.example.com 1 2 3 4 5", "SOA")]
            self.send(json.dumps(reply), how)


class Http:
    def __init__(self):
        kind = type("Handler", (JsonBackend,), {"paths": [], "peers": set(), "headers_seen": []})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
        self.server.daemon_threads = True
        self.kind, self.port = kind, self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_httpjson_answers():
    with harness.Workspace() as space, Http() as backend:
        daemon = serve(space, "httpjson {\n url http://localhost:%d/dns?key=1\n header Authorization \"Bearer x\"\n}" % backend.port, workers=1)
        reply = ask(daemon, "ok.example.com.", want_dnssec=True)
        assert texts(reply) == ["192.0.2.7"] and reply.flags & dns.flags.RA and not reply.flags & dns.flags.AA
        assert reply.flags & dns.flags.AD and reply.authority[0].name.to_text() == "example.com.", reply
        assert not ask(daemon, "ok.example.com.").flags & dns.flags.AD
        assert backend.kind.paths[0] == "/dns?key=1&name=ok.example.com.&type=A&do=1", backend.kind.paths
        assert backend.kind.headers_seen[0]["Authorization"] == "Bearer x"
        assert backend.kind.headers_seen[0]["Host"] == f"localhost:{backend.port}"
        for how in ("chunked", "close", "continue", "trickle", "extra", "once"):
            for i in range(3):
                assert texts(ask(daemon, f"{how}-{i}.example.com.")) == ["192.0.2.7"], how
        assert ask(daemon, "nx.example.com.").rcode() == dns.rcode.NXDOMAIN
        assert ask(daemon, "many.example.com.").flags & dns.flags.TC
        peers = len(backend.kind.peers)
        for i in range(10):
            ask(daemon, f"ok-{i}.example.com.")
        assert len(backend.kind.peers) - peers <= 1, "connections are used again"


def test_httpjson_failures():
    with harness.Workspace() as space, Http() as backend:
        daemon = serve(space, "httpjson {\n url http://127.0.0.1:%d/\n timeout 700ms\n}" % backend.port)
        cases = {how: why for how, (_, why) in ODD.items()} | {"error": "HTTP status 500", "hang": "timeout",
                                                               "reset": "closed by the other side", "badchunk": "malformed HTTP chunk"}
        for how, why in cases.items():
            reply = ask(daemon, f"{how}.example.com.")
            assert reply.rcode() == dns.rcode.SERVFAIL, (how, reply)
            daemon.wait_for_log(why)
            assert texts(ask(daemon, "ok.example.com.")) == ["192.0.2.7"]


def test_httpjson_many():
    with harness.Workspace() as space, Http() as backend:
        daemon = serve(space, "httpjson {\n url http://127.0.0.1:%d/\n}" % backend.port, workers=1)
        replies = together(100, lambda i: ask(daemon, f"slow-{i}.example.com."))
        assert all(texts(reply) == ["192.0.2.7"] for reply in replies)
        assert len(backend.kind.peers) <= 64, len(backend.kind.peers)


def test_refusals():
    with harness.Workspace() as space:
        cases = (("httpjson", "url"), ("httpjson {\n url ftp://x\n}", "no URL of http"), ("httpjson {\n url http://dns.example/\n}", "by their addresses"),
                 ("httpjson {\n url http://127.0.0.1/ https://127.0.0.1/\n}", "together"), ("httpjson {\n url http://127.0.0.1:99999/\n}", "no valid port"),
                 ("httpjson {\n url http://127.0.0.1/\n header A \"b\r\nc: d\"\n}", "header takes"), ("httpjson {\n url http://127.0.0.1/\n tls\n}", "url of http"),
                 ("grpc . backend.example", "neither an IP address nor a file"), ("grpc . " + "127.0.0.1 " * 16, "more than 15"),
                 ("proxy . 127.0.0.1", "replaced by 'forward'"), ("proxy . 127.0.0.1 {\n protocol https_google\n}", "replaced by 'forward'"))
        for directive, text in cases:
            conf = harness.write_file(space.directory("refusals"), "Corefile", ". {\n%s\n}\n" % directive)
            done = subprocess.run([harness.need_ours(), "-check", "-conf", conf], capture_output=True, text=True, timeout=20)
            assert done.returncode == 1 and text in done.stdout, (directive, done.stdout)
