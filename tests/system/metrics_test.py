"""CoreDNS's metrics: after traffic that touches each plugin, every name is there with its labels, in a text that keeps
to Prometheus's format."""

import os
import re
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dns.flags
import dns.message
import dns.query
import harness
import server
from upstream import Upstream

COREFILE = """.:{port} {
 bind 127.0.0.1
 prometheus 127.0.0.1:%(http)d
 health 127.0.0.1:%(http)d
 reload
 view all {
  expr true
 }
 acl blocked.test {
  block
 }
 acl filtered.test {
  filter
 }
 acl dropped.test {
  drop
 }
 local
 cache 30 example
 template IN A good.test {
  answer "{{ .Name }} 60 IN A 192.0.2.1"
 }
 template IN A bad.test {
  answer "{{ .Name }} 60 IN A {{ .Name }}"
 }
 template IN A worse.test {
  answer "{{ .Name }} 60 IN A {{ parseInt .Name 10 8 }}"
 }
 hosts none {
  192.0.2.2 host.test
  fallthrough
 }
 dnssec signed.test {
  key file %(key)s
 }
 forward example 127.0.0.1:%(upstream)d {
  max_concurrent 1000
 }
 grpc remote.test 127.0.0.1:1
 httpjson remote2.test {
  url http://127.0.0.1:1/dns
 }
 template IN A signed.test {
  answer "{{ .Name }} 60 IN A 192.0.2.1"
 }
}
"""
QUESTIONS = ["a.good.test", "a.bad.test", "a.worse.test", "host.test", "localhost.example", "ok.example", "ok.example", "nx.example",
             "nx.example", "a.blocked.test", "a.filtered.test", "a.remote.test", "a.remote2.test", "a.signed.test", "a.signed.test"]
# Name without what a kind adds, kind, labels.
EXPECTED = """
coredns_build_info gauge version revision goversion
coredns_panics_total counter
coredns_dns_requests_total counter server zone view proto family type
coredns_dns_request_duration_seconds histogram server zone view
coredns_dns_request_size_bytes histogram server zone view proto
coredns_dns_do_requests_total counter server zone view
coredns_dns_response_size_bytes histogram server zone view proto
coredns_dns_responses_total counter server zone view rcode plugin
coredns_plugin_enabled gauge server zone view name
coredns_acl_blocked_requests_total counter server zone view
coredns_acl_filtered_requests_total counter server zone view
coredns_acl_dropped_requests_total counter server zone view
coredns_acl_allowed_requests_total counter server view
coredns_cache_entries gauge server type zones view
coredns_cache_hits_total counter server type zones view
coredns_cache_misses_total counter server zones view
coredns_cache_requests_total counter server zones view
coredns_cache_prefetch_total counter server zones view
coredns_cache_drops_total counter server zones view
coredns_cache_served_stale_total counter server zones view
coredns_cache_evictions_total counter server type zones view
coredns_dnssec_cache_entries gauge server type
coredns_dnssec_cache_hits_total counter server
coredns_dnssec_cache_misses_total counter server
coredns_forward_healthcheck_broken_total counter
coredns_forward_max_concurrent_rejects_total counter
coredns_proxy_request_duration_seconds histogram proxy_name to rcode
coredns_proxy_healthcheck_failures_total counter proxy_name to
coredns_proxy_conn_cache_hits_total counter proxy_name to proto
coredns_proxy_conn_cache_misses_total counter proxy_name to proto
coredns_grpc_request_duration_seconds histogram to
coredns_grpc_requests_total counter to
coredns_httpjson_request_duration_seconds histogram to
coredns_httpjson_requests_total counter to
coredns_health_request_duration_seconds histogram
coredns_health_request_failures_total counter
coredns_hosts_entries gauge
coredns_hosts_reload_timestamp_seconds gauge
coredns_local_localhost_requests_total counter
coredns_reload_failed_total counter
coredns_reload_version_info gauge hash value
coredns_template_matches_total counter server zone view class type
coredns_template_template_failures_total counter server zone view class type section template
coredns_template_rr_failures_total counter server zone view class type section template
process_cpu_seconds_total counter
process_open_fds gauge
process_max_fds gauge
process_virtual_memory_bytes gauge
process_resident_memory_bytes gauge
process_start_time_seconds gauge
"""
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:%s,)*%s)?\})? ([-+0-9.eE]+|[-+]Inf|NaN)" % (LABEL, LABEL))


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as reply:
        return reply.read().decode()


def read(text):
    """{name: (kind, [(suffix, labels, value)])}; fails where the text is not as `promtool check metrics` wants it."""
    metrics, helped, current = {}, set(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, told = line[7:].split(" ", 1)
            assert name not in helped and told, line
            helped.add(name)
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split()
            assert name not in metrics and name in helped and kind in ("counter", "gauge", "histogram"), line
            metrics[name], current = (kind, []), name
        else:
            found = SAMPLE.fullmatch(line)
            assert found, f"no sample: {line}"
            assert found[1].startswith(current), f"{line}: among the samples of {current}"
            suffix = found[1][len(current):]
            kind = metrics[current][0]
            assert suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",)), line
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[2] or ""))
            metrics[current][1].append((suffix, labels, float(found[3])))
    return metrics


def check_histogram(name, samples):
    series = {}
    for suffix, labels, value in samples:
        key = tuple(sorted((label, text) for label, text in labels.items() if label != "le"))
        series.setdefault(key, {"_bucket": []})
        if suffix == "_bucket":
            series[key]["_bucket"].append((float(labels["le"].replace("+Inf", "inf")), value))
        else:
            series[key][suffix] = value
    for key, one in series.items():
        bounds = [bound for bound, _ in one["_bucket"]]
        counts = [count for _, count in one["_bucket"]]
        assert bounds == sorted(bounds) and bounds[-1] == float("inf"), f"{name}{key}"
        assert counts == sorted(counts) and counts[-1] == one["_count"] and "_sum" in one, f"{name}{key}"


def traffic(port):
    for name in QUESTIONS:
        query = dns.message.make_query(name, "A", want_dnssec=True)
        dns.query.udp(query, "127.0.0.1", port=port, timeout=20)


def key_file(space):
    directory = space.directory("keys")
    made = subprocess.run([harness.program("dnssec-keygen"), "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "-K", directory, "signed.test"],
                          capture_output=True, text=True, check=True, timeout=60)
    return os.path.join(directory, made.stdout.strip())


def test_every_metric_of_coredns():
    with harness.Workspace() as space, Upstream() as upstream:
        http = harness.free_port()
        text = COREFILE % {"http": http, "upstream": upstream.port, "key": key_file(space)}
        daemon = server.start(space, text)
        traffic(daemon.port)
        limit = time.monotonic() + 30
        while True:  # what is sent is counted a moment later, and health looks at itself once a second
            metrics = read(scrape(http))
            whole = sum(value for _, labels, value in metrics["coredns_dns_responses_total"][1]) >= len(QUESTIONS)
            looked = any(suffix == "_count" and value > 0 for suffix, _, value in metrics["coredns_health_request_duration_seconds"][1])
            if (whole and looked) or time.monotonic() > limit:
                break
            time.sleep(0.02)
        for row in EXPECTED.strip().splitlines():
            name, kind, *labels = row.split()
            assert name in metrics, f"no {name}"
            assert metrics[name][0] == kind and metrics[name][1], f"{name}: {metrics[name]}"
            for _, have, _ in metrics[name][1]:
                assert set(have) - {"le"} == set(labels), f"{name}: {have}"
        for name, (kind, samples) in metrics.items():
            if kind == "histogram":
                check_histogram(name, samples)
            elif kind == "counter":
                assert name.endswith("_total"), f"a counter called {name}"
        check_values(metrics)
        before = metrics["coredns_dns_responses_total"][1]
        daemon.reload(text + "other.invalid:{port} {\n bind 127.0.0.1\n}\n")
        again = read(scrape(http))
        total = sum(value for _, _, value in again["coredns_dns_responses_total"][1])
        assert total >= sum(value for _, _, value in before), "a reload loses no counts"
        assert value_of(again, "coredns_template_matches_total", zone="good.test.") == 1


def value_of(metrics, name, **labels):
    return sum(value for _, have, value in metrics[name][1] if labels.items() <= have.items())


def check_values(metrics):
    for name, wanted, labels in (
            ("coredns_template_matches_total", 1, {"zone": "good.test.", "type": "A", "view": "all"}),
            ("coredns_template_rr_failures_total", 1, {"zone": "bad.test.", "section": "answer"}),
            ("coredns_template_template_failures_total", 1, {"zone": "worse.test.", "section": "answer"}),
            ("coredns_acl_blocked_requests_total", 1, {"zone": "blocked.test."}),
            ("coredns_acl_filtered_requests_total", 1, {"zone": "filtered.test."}),
            ("coredns_local_localhost_requests_total", 1, {}),
            ("coredns_cache_hits_total", 1, {"type": "success", "zones": "example."}),
            ("coredns_cache_hits_total", 1, {"type": "denial", "zones": "example."}),
            ("coredns_hosts_entries", 2, {}),
            ("coredns_dnssec_cache_hits_total", 1, {})):
        assert value_of(metrics, name, **labels) == wanted, f"{name} {labels}: {metrics[name]}"
    assert {"NOERROR", "NXDOMAIN"} <= {labels["rcode"] for _, labels, _ in metrics["coredns_proxy_request_duration_seconds"][1]}
