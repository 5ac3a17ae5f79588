"""Make your own: the plugins to begin with, one built outside of the tree on the installed headers, and a program over
the server library."""

import os
import signal
import subprocess
import sys
import time

import dns.message
import dns.query

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from chain_test import ask, code, records
from install_test import make

ZONE = """$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 60
@ NS ns
ns A 192.0.2.1
multi A 192.0.2.1
multi A 192.0.2.2
multi A 192.0.2.3
multi MX 10 a
multi MX 20 b
multi MX 30 c
alias CNAME multi
"""


def serve(space, lines):
    path = space.write("zone", ZONE)
    return server.start(space, "example.org:{port} {\n file %s\n%s\n}\n" % (path, lines))


def check_onlyone(daemon):
    seen = {records(ask(daemon, "multi.example.org"))[0] for _ in range(40)}
    assert len(seen) == 3, seen
    for _ in range(10):
        assert len(records(ask(daemon, "multi.example.org"))) == 1
    assert len(records(ask(daemon, "alias.example.org"))) == 2, "the alias and one address"
    assert len(records(ask(daemon, "multi.example.org", "MX"))) == 3, "another type"


def test_example():
    with harness.Workspace() as space:
        metrics = harness.free_port()
        daemon = serve(space, " example\n prometheus 127.0.0.1:%d" % metrics)
        assert records(ask(daemon, "ns.example.org")) == ["ns.example.org. 300 A 192.0.2.1"]
        daemon.wait_for_log("plugin/example: example")
        import urllib.request
        text = urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=5).read().decode()
        assert 'coredns_example_request_count_total{server="example.org' in text, text[:500]


def test_onlyone():
    with harness.Workspace() as space:
        check_onlyone(serve(space, " onlyone"))
        daemon = serve(space, " onlyone multi.example.org {\n  types MX\n }")
        assert len(records(ask(daemon, "multi.example.org", "MX"))) == 1
        assert len(records(ask(daemon, "multi.example.org"))) == 3


def test_onlyone_mistakes_are_told():
    with harness.Workspace() as space:
        for lines, text in ((" onlyone {\n types\n }", "types"), (" onlyone {\n types NOPE\n }", "no record type"),
                            (" onlyone\n onlyone", "twice"), (" onlyone {\n tpyes A\n }", "tpyes")):
            try:
                serve(space, lines)
            except harness.Failure as failure:
                assert text in str(failure), failure
            else:
                raise harness.Failure("accepted: " + lines)


def test_plugin_from_outside():
    """The same source, under another name, built with nothing but the installed headers."""
    with harness.Workspace() as space:
        harness.need_ours()
        prefix = os.path.join(space.path, "usr")
        make("install", f"PREFIX={prefix}")
        with open(os.path.join(harness.ROOT, "plugins", "onlyone", "onlyone.c"), encoding="utf-8") as source:
            text = source.read().replace("onlyone", "justone")
        flags = subprocess.run(["pkg-config", "--cflags", "bailiwick-zone"], check=True, capture_output=True, text=True,
                               env=dict(os.environ, PKG_CONFIG_PATH=os.path.join(prefix, "lib", "pkgconfig"))).stdout.split()
        out = os.path.join(space.path, "justone.so")
        done = subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-D_GNU_SOURCE", "-DPLUGIN_LOADABLE",
                               *flags, "-o", out, space.write("justone.c", text)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        check_onlyone(serve(space, " plugin %s before header\n justone" % out))


# ---- dnscached ----

def dnscached():
    path = os.path.join(harness.ROOT, "build", os.environ.get("BUILD", "release"), "examples", "dnscached", "dnscached")
    if not os.path.exists(path):
        raise harness.Skip("dnscached is not built (make examples)")
    return path


def test_dnscached_tells_its_corefile():
    out = subprocess.run([dnscached(), "-dry-run"], capture_output=True, text=True, check=True).stdout
    assert out == """.:5300 {
 errors
 bind 127.0.0.1 ::1
 cache 60 {
  success 9984
  denial 9984
  prefetch 10
 }
 forward . /etc/resolv.conf
}
""", out
    assert subprocess.run([dnscached(), "-version"], capture_output=True, text=True).stdout == "dnscached-1.0.0\n"
    wrong = subprocess.run([dnscached(), "-ttl", "soon"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "want numbers" in wrong.stderr
    assert "Destinations" in subprocess.run([dnscached(), "-help"], capture_output=True, text=True).stdout


def test_dnscached_serves():
    with harness.Workspace() as space:
        upstream = serve(space, "")
        port, pidfile = harness.free_port(), os.path.join(space.path, "pid")
        process = subprocess.Popen([dnscached(), "-port", str(port), "-bind", "127.0.0.1", "-ttl", "0", "-pidfile", pidfile,
                                    f"127.0.0.1:{upstream.port}"], stdout=subprocess.DEVNULL)
        try:
            query = dns.message.make_query("ns.example.org", "A")
            limit = time.monotonic() + 30
            answer = None
            while (answer is None or not os.path.exists(pidfile)) and time.monotonic() < limit:
                try:
                    answer = dns.query.udp(query, "127.0.0.1", port=port, timeout=0.5)
                except dns.exception.Timeout:
                    continue
            assert answer is not None and code(answer) == "NOERROR" and records(answer) == ["ns.example.org. 300 A 192.0.2.1"], answer
            with open(pidfile, encoding="ascii") as file:
                assert int(file.read()) == process.pid
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
        finally:
            process.kill()
            process.wait()
