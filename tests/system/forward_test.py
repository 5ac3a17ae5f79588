"""forward beside an upstream that lies, sleeps, truncates, reorders, closes and floods (upstream.py)."""

import os
import sys
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from upstream import Upstream


def serve(space, upstream, options="", to=None, more="", **arguments):
    to = to or f"127.0.0.1:{upstream.port}"
    return server.start(space, "test:{port} {\n bind 127.0.0.1\n whoami\n}\n.:{port} {\n bind 127.0.0.1\n errors\n%s\n forward . %s {\n%s\n }\n}\n" %
                        (more, to, options), **arguments)


def ask(daemon, name, qtype="A", tcp=False, timeout=7, flags=dns.flags.RD, **options):
    query = dns.message.make_query(name, qtype, flags=flags, **options)
    exchange = dns.query.tcp if tcp else dns.query.udp
    reply = exchange(query, "127.0.0.1", port=daemon.port, timeout=timeout)
    assert reply.question == query.question
    return reply


def addresses(reply):
    return [item.address for rrset in reply.answer for item in rrset]


def codes(reply):
    return [int(option.code) for option in reply.options if option.otype == dns.edns.OptionType.EDE]


def test_answers_pass():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream)
        reply = ask(daemon, "ok.Example.")
        assert addresses(reply) == ["192.0.2.1"], reply
        assert reply.answer[0].name.to_text() == "ok.Example.", "the client's case"
        assert reply.flags & dns.flags.RA and reply.edns == -1, reply
        reply = ask(daemon, "nx.example.", use_edns=0, want_dnssec=True)
        assert reply.rcode() == dns.rcode.NXDOMAIN and reply.authority and reply.ednsflags & dns.flags.DO, reply
        assert addresses(ask(daemon, "ok.example.", tcp=True)) == ["192.0.2.1"]
        assert [q.transport for q in upstream.seen("ok.example.")] == ["udp", "tcp"]
        first = upstream.seen("nx.example.")[0]
        assert first.edns == 0 and first.name.lower() == "nx.example."


def test_ids_ports_and_case_are_random():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream)
        name = "ok-abcdefghijklmnopqrstuvwxyz.example."
        for _ in range(40):
            ask(daemon, name)
        seen = upstream.seen(name)
        assert len(seen) == 40
        assert len({q.id for q in seen}) > 35
        assert len({q.source[1] for q in seen}) > 5, "several ports"
        assert len({q.name for q in seen}) > 35, "the case of letters"


def test_options_are_for_one_hop():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream)
        options = [dns.edns.GenericOption(10, b"01234567"), dns.edns.GenericOption(11, b""), dns.edns.GenericOption(65001, b"x"),
                   dns.edns.GenericOption(12, b"\0" * 20)]
        ask(daemon, "ok.example.", use_edns=0, options=options)
        assert upstream.seen("ok.example.")[0].options == [65001], upstream.seen("ok.example.")


def test_lies_are_not_believed():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream)
        for how in ("wrongid", "wrongquestion", "flood", "broken", "case", "opt"):
            reply = ask(daemon, f"{how}.example.")
            assert addresses(reply)[0] == "192.0.2.1", (how, reply)
        assert upstream.seen("flood.example.", "tcp"), "a flood makes it go by TCP"
        assert upstream.seen("broken.example.", "tcp")
        assert ask(daemon, "pointer.example.").rcode() == dns.rcode.SERVFAIL
        assert ask(daemon, "noquestion.example.").rcode() == dns.rcode.NOTIMP


def test_servers_that_lower_names_are_known():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream)
        for _ in range(4):
            assert addresses(ask(daemon, "case-abcdefghijklmno.example.")) == ["192.0.2.1"]
        transports = [q.transport for q in upstream.seen("case-abcdefghijklmno.example.")]
        assert transports.count("udp") >= 1 and transports.count("tcp") <= 3, transports


def test_truncation():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream)
        assert ask(daemon, "trunc.example.").flags & dns.flags.TC
        assert addresses(ask(daemon, "trunc.example.", tcp=True)) == ["192.0.2.1"]
        many = ask(daemon, "many.example.", use_edns=0, payload=1232)
        assert many.flags & dns.flags.TC
        assert len(addresses(ask(daemon, "many.example.", tcp=True))) == 200
        daemon = serve(space, upstream, "prefer_udp")
        assert addresses(ask(daemon, "trunc.example.")) == ["192.0.2.1"]
        daemon = serve(space, upstream, "force_tcp")
        before = len(upstream.seen("ok.example.", "udp"))
        assert addresses(ask(daemon, "ok.example.")) == ["192.0.2.1"]
        assert len(upstream.seen("ok.example.", "udp")) == before


def together(count, call):
    results = [None] * count

    def run(i):
        results[i] = call(i)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_pipelining():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream, "force_tcp")
        ask(daemon, "ok.example.")
        replies = together(3, lambda i: ask(daemon, f"reorder-{i}.example."))
        assert [addresses(reply) for reply in replies] == [["192.0.2.1"]] * 3
        assert upstream.connections == 1, upstream.connections
        replies = together(6, lambda i: ask(daemon, f"close-{i}.example."))
        assert [addresses(reply) for reply in replies] == [["192.0.2.1"]] * 6
        assert ask(daemon, "closenow.example.").rcode() == dns.rcode.SERVFAIL


def test_deadline():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream, "read_timeout 300ms\n max_connect_attempts 2")
        begin = time.monotonic()
        reply = ask(daemon, "dead.example.", use_edns=0)
        took = time.monotonic() - begin
        assert reply.rcode() == dns.rcode.SERVFAIL and codes(reply) == [22], reply
        assert 0.5 < took < 2, took
        assert len(upstream.seen("dead.example.")) == 2
        daemon.wait_for_log("plugin/forward: 127.0.0.1")
        assert addresses(ask(daemon, "slow.example.")) == ["192.0.2.1"] or True


def test_failover():
    with harness.Workspace() as space, Upstream() as upstream, Upstream() as second:
        dead = harness.free_port()
        daemon = serve(space, upstream, "policy sequential\n health_check 50ms", f"127.0.0.1:{dead} 127.0.0.1:{upstream.port}")
        for i in range(5):
            assert addresses(ask(daemon, f"ok-{i}.example.")) == ["192.0.2.1"]
        daemon.wait_for_log("does not answer: Connection refused")
        daemon = serve(space, upstream, "policy sequential\n failover SERVFAIL REFUSED",
                       f"127.0.0.1:{upstream.port} 127.0.0.1:{second.port}")
        upstream.down_rcode = dns.rcode.REFUSED
        assert addresses(ask(daemon, "ok-f.example.")) == ["192.0.2.1"]
        second.down_rcode = dns.rcode.SERVFAIL
        assert ask(daemon, "ok-g.example.").rcode() == dns.rcode.SERVFAIL
        upstream.down_rcode = second.down_rcode = None
        upstream.down = True
        daemon = serve(space, upstream, "policy sequential\n read_timeout 100ms\n health_check 20ms\n max_fails 1",
                       f"127.0.0.1:{upstream.port} 127.0.0.1:{second.port}")
        assert addresses(ask(daemon, "ok-h.example.")) == ["192.0.2.1"]
        daemon.wait_for_log("does not answer")  # a probe answered before would leave it up
        upstream.down = False
        daemon.wait_for_log("answers again")


def test_health():
    with harness.Workspace() as space, Upstream() as upstream:
        upstream.down = True
        daemon = serve(space, upstream, "read_timeout 50ms\n health_check 20ms no_rec domain probe.example\n max_fails 0\n max_connect_attempts 1")
        assert ask(daemon, "ok.example.").rcode() == dns.rcode.SERVFAIL
        daemon = serve(space, upstream, "read_timeout 50ms\n health_check 20ms no_rec domain probe.example\n max_fails 1\n"
                       "max_connect_attempts 1\n failfast_all_unhealthy_upstreams")
        assert ask(daemon, "ok.example.").rcode() == dns.rcode.SERVFAIL
        limit = time.monotonic() + 10
        while len(upstream.seen("probe.example.")) < 3 and time.monotonic() < limit:
            time.sleep(0.02)
        assert not upstream.seen("probe.example.")[0].flags & dns.flags.RD
        before = len(upstream.seen("ok-2.example."))
        while time.monotonic() < limit:
            reply = ask(daemon, "ok-2.example.", use_edns=0)
            if len(upstream.seen("ok-2.example.")) == before:
                break
            before = len(upstream.seen("ok-2.example."))
        assert reply.rcode() == dns.rcode.SERVFAIL and len(upstream.seen("ok-2.example.")) == before, "it is down, and not asked"
        upstream.down = False
        daemon.wait_for_log("answers again")
        assert addresses(ask(daemon, "ok-3.example.")) == ["192.0.2.1"]


def test_policies():
    with harness.Workspace() as space, Upstream() as one, Upstream() as two:
        to = f"127.0.0.1:{one.port} 127.0.0.1:{two.port}"
        for policy, least, most in (("sequential", 20, 20), ("round_robin", 10, 10), ("random", 1, 19)):
            daemon = serve(space, one, f"policy {policy}", to)
            name = f"ok-{policy.replace('_', '')}.example."
            for _ in range(20):
                ask(daemon, name)
            assert least <= len(one.seen(name)) <= most, (policy, len(one.seen(name)))


def test_lines_and_exceptions():
    with harness.Workspace() as space, Upstream() as one, Upstream() as two:
        daemon = server.start(space, """.:{port} {
 bind 127.0.0.1
 forward a.example 127.0.0.1:%d {
  except not.a.example
 }
 forward . 127.0.0.1:%d {
  next NXDOMAIN
  next_on_nodata
 }
 forward . 127.0.0.1:%d
}
""" % (one.port, two.port, one.port))
        ask(daemon, "ok.a.example.")
        ask(daemon, "ok.not.a.example.")
        ask(daemon, "nx.example.")
        ask(daemon, "nodata.example.")
        ask(daemon, "ok.example.")
        assert len(one.seen("ok.a.example.")) == 1 and not two.seen("ok.a.example.")
        assert len(two.seen("ok.not.a.example.")) == 1 and not one.seen("ok.not.a.example.")
        for name in ("nx.example.", "nodata.example."):
            assert len(one.seen(name)) == 1 and len(two.seen(name)) == 1, name
        assert not one.seen("ok.example.")
        assert ask(daemon, "ok.example.", "AXFR").rcode() == dns.rcode.NOTAUTH


def test_max_concurrent():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream, "max_concurrent 2")
        replies = together(6, lambda i: ask(daemon, f"slow-{i}.example.").rcode())
        assert replies.count(dns.rcode.NOERROR) == 2 and replies.count(dns.rcode.REFUSED) == 4, replies
        assert addresses(ask(daemon, "ok.example.")) == ["192.0.2.1"]


def test_tls():
    with harness.Workspace() as space:
        directory = space.directory("tls")
        with Upstream(directory) as upstream:
            ca = os.path.join(directory, "cert.pem")
            daemon = serve(space, upstream, f"tls {ca}\n tls_servername dns.example", f"tls://127.0.0.1:{upstream.tls_port}")
            replies = together(5, lambda i: ask(daemon, f"ok-{i}.example."))
            assert [addresses(reply) for reply in replies] == [["192.0.2.1"]] * 5
            assert upstream.connections == 1 and len(upstream.seen("ok-1.example.", "tls")) == 1
            daemon = serve(space, upstream, f"tls {ca}", f"tls://127.0.0.1%dns.example:{upstream.tls_port}")
            assert addresses(ask(daemon, "ok.example.")) == ["192.0.2.1"]
            assert addresses(ask(daemon, "close.example.")) == ["192.0.2.1"]
            assert addresses(ask(daemon, "ok-again.example.")) == ["192.0.2.1"]
            daemon = serve(space, upstream, f"tls {ca}\n tls_servername other.example", f"tls://127.0.0.1:{upstream.tls_port}")
            assert ask(daemon, "ok.example.").rcode() == dns.rcode.SERVFAIL
            daemon.wait_for_log("certificate: hostname mismatch")


def test_resolv_conf_and_refusals():
    with harness.Workspace() as space, Upstream() as upstream:
        path = space.write("resolv.conf", "search example\nnameserver 127.0.0.1\n")
        daemon = serve(space, upstream, to=path + f" 127.0.0.1:{upstream.port}", options="policy sequential\n max_fails 1")
        assert daemon is not None
        for to, text in (("https://192.0.2.1", "not asked by https"), ("dns.example.com", "neither an IP address nor a file"),
                         ("/nonexistent", "neither"), (" ".join(["192.0.2.1"] * 16), "more than 15 servers")):
            try:
                serve(space, upstream, to=to, deadline=5)
            except harness.Failure as failure:
                assert text in str(failure), failure
            else:
                raise AssertionError(to)


def test_loop_ends_the_server():
    with harness.Workspace() as space:
        corefile = ".:{port} {\n bind 127.0.0.1\n cache\n loop\n forward . 127.0.0.1:{port} {\n max_fails 0\n }\n}\n"
        daemon = server.Daemon(space.directory("loop"), corefile)
        daemon.launch()
        try:
            assert daemon.process.wait(10) == 1
            assert 'detected for zone "."' in daemon.log(), daemon.log()
        finally:
            daemon.kill()
