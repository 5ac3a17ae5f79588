"""What watches a server: health, ready, prometheus, reload."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server

ZONE = """$TTL 3600
@ SOA ns hostmaster 7 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
"""


def get(port, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path)
    reply = connection.getresponse()
    return reply.status, reply.read().decode()


def value(text, metric, **labels):
    """The sample of METRIC with these labels (and perhaps more)."""
    for line in text.splitlines():
        found = re.match(re.escape(metric) + r"(?:\{(.*)\})? (\S+)$", line)
        if found and all('%s="%s"' % pair in (found.group(1) or "") for pair in labels.items()):
            return float(found.group(2))
    return None


def serve(space, lines, key="."):
    zone = space.write("zone", ZONE)
    return server.start(space, "%s:{port} {\n file %s example.org\n%s\n}\n" % (key, zone, lines))


def test_health_and_ready_answer():
    with harness.Workspace() as space:
        port = harness.free_port()
        serve(space, "health 127.0.0.1:%d\nready 127.0.0.1:%d" % (port, port))
        assert get(port, "/health") == (200, "OK")
        assert get(port, "/ready?x=1") == (200, "OK")
        assert get(port, "/health", "HEAD") == (200, "")
        assert get(port, "/other")[0] == 404
        assert get(port, "/health", "POST")[0] == 405


def test_requests_that_are_none_are_refused():
    with harness.Workspace() as space:
        port = harness.free_port()
        serve(space, "health 127.0.0.1:%d" % port)
        for request, status in (
                (b"\r\n\r\n", b"400"),
                (b"GET\r\n\r\n", b"400"),
                (b"GET /health\r\n\r\n", b"400"),
                (b"GET /health SPDY/1\r\n\r\n", b"400"),
                (b"x" * 8192, b"431")):
            with socket.create_connection(("127.0.0.1", port), 5) as sock:
                sock.sendall(request)
                assert sock.recv(4096).split(b" ")[1] == status
        with socket.create_connection(("127.0.0.1", port), 5) as slow:
            slow.sendall(b"GET /hea")
            assert get(port, "/health") == (200, "OK")


def test_lameduck_goes_on_answering():
    with harness.Workspace() as space:
        port = harness.free_port()
        daemon = serve(space, "health 127.0.0.1:%d {\n lameduck 30s\n}\nready 127.0.0.1:%d" % (port, port))
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for_log("lameduck")
        assert get(port, "/ready") == (503, "stopping")
        assert get(port, "/health") == (200, "OK")
        assert daemon.ask("www.example.org.", "A").rcode == 0
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(10) == 0
        daemon.process = None


def test_queries_are_counted_under_coredns_names():
    with harness.Workspace() as space:
        port = harness.free_port()
        daemon = serve(space, "prometheus 127.0.0.1:%d" % port)
        before = get(port, "/metrics")[1]
        for name, kind in (("www.example.org.", "A"), ("www.example.org.", "AAAA"), ("no.example.org.", "A"),
                           ("www.example.com.", "TYPE999")):
            daemon.ask(name, kind)
        text = get(port, "/metrics")[1]
        place = {"server": "dns://:%d" % daemon.port, "zone": ".", "view": ""}

        def more(metric, **labels):
            return value(text, metric, **place, **labels) - (value(before, metric, **place, **labels) or 0)

        assert more("coredns_dns_requests_total", proto="udp", family="1", type="A") == 2
        assert more("coredns_dns_requests_total", proto="udp", family="1", type="AAAA") == 1
        assert more("coredns_dns_requests_total", proto="udp", family="1", type="other") == 1
        assert more("coredns_dns_responses_total", rcode="NXDOMAIN", plugin="file") == 1
        assert more("coredns_dns_responses_total", rcode="NOERROR", plugin="file") == 2
        assert more("coredns_dns_responses_total", rcode="REFUSED", plugin="") == 1
        assert more("coredns_dns_request_duration_seconds_count") == 4
        assert more("coredns_dns_request_duration_seconds_bucket", le="+Inf") == 4
        assert more("coredns_dns_response_size_bytes_count", proto="udp") == 4
        assert value(text, "coredns_plugin_enabled", name="file", **place) == 1
        assert value(text, "bailiwick_zone_serial", zone="example.org.", plugin="file") == 7
        assert value(text, "coredns_build_info") == 1


def test_the_text_format_is_kept():
    """Each metric has its help and type once, before its samples, and its samples in one place."""
    with harness.Workspace() as space:
        port = harness.free_port()
        daemon = serve(space, "prometheus 127.0.0.1:%d\n}\nexample.net:{port} {\nprometheus 127.0.0.1:%d\nwhoami" % (port, port))
        daemon.ask("www.example.org.", "A")
        daemon.ask("www.example.net.", "A")
        seen, current = set(), None
        for line in get(port, "/metrics")[1].splitlines():
            if line.startswith("# HELP "):
                current = line.split()[2]
                assert current not in seen, "%s comes twice" % current
                seen.add(current)
            elif line.startswith("# TYPE "):
                assert line.split()[2] == current
            else:
                name = re.match(r"[a-z_]+", line).group()
                assert name == current or re.sub(r"_(bucket|sum|count)$", "", name) == current
                assert re.match(r"[a-z_]+(\{[a-z_]+=\"[^\"]*\"(,[a-z_]+=\"[^\"]*\")*\})? [0-9.e+-]+$", line), line
        assert "coredns_dns_requests_total" in seen, "no requests"


def test_a_changed_corefile_is_taken_and_a_broken_one_is_not():
    with harness.Workspace() as space:
        port = harness.free_port()
        daemon = serve(space, "reload 2s 1s\nprometheus 127.0.0.1:%d" % port)
        version = re.search(r'coredns_reload_version_info\{.*value="([0-9a-f]{128})"\}', get(port, "/metrics")[1]).group(1)
        good = daemon.corefile
        daemon.write_corefile(good.replace("}\n", "whoami\n}\n"))
        daemon.wait_for_log("the new configuration is served", deadline=40)
        text = get(port, "/metrics")[1]
        assert 'value="%s"' % version not in text, "the version is the old one"
        assert value(text, "coredns_plugin_enabled", name="whoami") == 1
        daemon.write_corefile(good.replace("}\n", "whoamx\n}\n"))
        daemon.wait_for_log("the old configuration goes on", deadline=40)
        text = get(port, "/metrics")[1]
        assert value(text, "coredns_reload_failed_total") == 1
        assert value(text, "coredns_plugin_enabled", name="whoami") == 1
        assert daemon.ask("www.example.org.", "A").rcode == 0


def test_an_address_in_use_is_told():
    with harness.Workspace() as space:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            zone = space.write("zone", ZONE)
            corefile = space.write("Corefile", ".:%d {\n file %s example.org\n health 127.0.0.1:%d\n}\n" % (harness.free_port(), zone, port))
            done = subprocess.run([harness.need_ours("bailiwickd"), "-conf", corefile, "-control", "off"], capture_output=True, text=True, timeout=20)
            assert done.returncode == 2
            assert "health: cannot listen at 127.0.0.1:%d" % port in done.stderr, done.stderr
            for address in ("nothing", "127.0.0.1", "127.0.0.1:x", "::1:80"):
                space.write("Corefile", ".:5300 {\n prometheus %s\n}\n" % address)
                done = subprocess.run([harness.need_ours("bailiwickd"), "-check", "-conf", corefile], capture_output=True, text=True, timeout=20)
                assert done.returncode == 1
                assert "is not an address to listen at" in done.stdout, done.stdout
