"""cache in front of forward: what is kept, for how long, for whom; stale answers, renewals, coalescing."""

import os
import sys
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from forward_test import addresses, ask, codes, together
from upstream import Upstream

FORWARD = "read_timeout 100ms\n max_connect_attempts 1\n max_fails 0"


def serve(space, upstream, *lines, arguments="", forward=FORWARD, **options):
    return server.start(space, "test:{port} {\n bind 127.0.0.1\n whoami\n}\n.:{port} {\n bind 127.0.0.1\n errors\n cache %s {\n  %s\n }\n"
                        " forward . 127.0.0.1:%d {\n  %s\n }\n}\n" % (arguments, "\n  ".join(lines), upstream.port, forward), **options)


def ttl(reply):
    return (reply.answer or reply.authority)[0].ttl


def wait_until(condition, deadline=30):
    limit = time.monotonic() + deadline
    while time.monotonic() < limit:
        if condition():
            return
        time.sleep(0.01)
    raise harness.Failure("it did not happen in time")


def test_hits():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream)
        first = ask(daemon, "ok.example.")
        assert ttl(first) == 300
        time.sleep(1.1)
        again = ask(daemon, "OK.EXAMPLE.")
        assert addresses(again) == ["192.0.2.1"] and again.answer[0].name.to_text() == "OK.EXAMPLE.", again
        assert ttl(again) in (298, 299), ttl(again)
        assert not again.flags & dns.flags.AA and again.flags & dns.flags.RA
        assert addresses(ask(daemon, "ok.example.", tcp=True)) == ["192.0.2.1"]
        assert len(upstream.seen("ok.example.")) == 1
        assert ttl(ask(daemon, "nx.example.")) == 30, "the SOA's minimum"
        reply = ask(daemon, "nx.example.")
        assert reply.rcode() == dns.rcode.NXDOMAIN and ttl(reply) in (29, 30), reply
        assert len(upstream.seen("nx.example.")) == 1
        for _ in range(2):
            assert ask(daemon, "nodata.example.").authority
        assert len(upstream.seen("nodata.example.")) == 1


def test_kinds_are_kept_apart():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream)
        for _ in range(2):
            ask(daemon, "ok.example.")
            ask(daemon, "ok.example.", use_edns=0)
            ask(daemon, "ok.example.", use_edns=0, want_dnssec=True)
            ask(daemon, "ok.example.", flags=dns.flags.RD | dns.flags.CD)
            ask(daemon, "ok.example.", "TXT")
        assert len(upstream.seen("ok.example.")) == 4, upstream.seen("ok.example.")
        subnet = [dns.edns.ECSOption("198.51.100.0", 24)]
        for _ in range(2):
            ask(daemon, "ok-ecs.example.", use_edns=0, options=subnet)
        assert len(upstream.seen("ok-ecs.example.")) == 2


def test_what_is_not_kept():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream, "disable success off.example", "disable denial")
        for _ in range(2):
            ask(daemon, "refused.example.")
            ask(daemon, "trunc.example.")
            ask(daemon, "ok.off.example.")
            ask(daemon, "nx.example.")
            ask(daemon, "ok.example.")
            ask(daemon, "opt.example.")
        for name in ("refused.example.", "trunc.example.", "ok.off.example.", "nx.example."):
            assert len(upstream.seen(name)) == 2, name
        assert len(upstream.seen("ok.example.")) == 1
        assert len(upstream.seen("opt.example.")) == 1


def test_ttl_bounds():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream, arguments="60")
        assert ttl(ask(daemon, "ok.example.")) == 60
        assert 55 < ttl(ask(daemon, "ok.example.")) <= 60
        upstream.ttl = 0
        daemon = serve(space, upstream, "success 100 3600 1", "keepttl")
        ask(daemon, "ok-short.example.")
        assert ttl(ask(daemon, "ok-short.example.")) == 1
        assert len(upstream.seen("ok-short.example.")) == 1
        wait_until(lambda: ask(daemon, "ok-short.example.") and len(upstream.seen("ok-short.example.")) == 2)


def test_servfail():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream, "servfail 1s")
        for _ in range(3):
            assert ask(daemon, "servfail.example.").rcode() == dns.rcode.SERVFAIL
        assert len(upstream.seen("servfail.example.")) == 1
        assert codes(ask(daemon, "servfail.example.", use_edns=0)) in ([], [13])
        wait_until(lambda: ask(daemon, "servfail.example.") and len(upstream.seen("servfail.example.")) >= 3)
        daemon = serve(space, upstream, "servfail 0")
        before = len(upstream.seen("servfail.example."))
        ask(daemon, "servfail.example.")
        ask(daemon, "servfail.example.")
        assert len(upstream.seen("servfail.example.")) == before + 2


def test_equal_questions_wait_for_one():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream, forward="")
        replies = together(20, lambda i: ask(daemon, "slow.example."))
        assert all(addresses(reply) == ["192.0.2.1"] for reply in replies)
        assert len(upstream.seen("slow.example.")) == 1
        replies = together(5, lambda i: ask(daemon, "slow-tcp.example.", tcp=i % 2 == 1))
        assert all(addresses(reply) == ["192.0.2.1"] for reply in replies)
        replies = together(4, lambda i: ask(daemon, "trunc.example.").flags & dns.flags.TC)
        assert all(replies)


def test_stale_immediate():
    with harness.Workspace() as space, Upstream() as upstream:
        upstream.ttl = 1
        daemon = serve(space, upstream, "success 100 3600 1", "serve_stale 1h")
        ask(daemon, "ok.example.", use_edns=0)
        upstream.down = True
        wait_until(lambda: codes(ask(daemon, "ok.example.", use_edns=0)) == [3])
        reply = ask(daemon, "ok.example.", use_edns=0)
        assert addresses(reply) == ["192.0.2.1"] and ttl(reply) == 0, reply
        assert ask(daemon, "ok-other.example.").rcode() == dns.rcode.SERVFAIL
        upstream.ttl, upstream.down = 300, False
        wait_until(lambda: ttl(ask(daemon, "ok.example.", use_edns=0)) > 200)


def test_stale_verify():
    with harness.Workspace() as space, Upstream() as upstream:
        upstream.ttl = 1
        daemon = serve(space, upstream, "success 100 3600 1", "serve_stale 1h verify 50ms 7s")
        ask(daemon, "ok.example.", use_edns=0)
        time.sleep(1.2)
        assert codes(ask(daemon, "ok.example.", use_edns=0)) == [], "the new answer comes first"
        time.sleep(1.2)
        upstream.down = True
        begin = time.monotonic()
        replies = together(4, lambda i: ask(daemon, "ok.example.", use_edns=0))
        assert time.monotonic() - begin < 1.5
        for reply in replies:
            assert codes(reply) == [3] and ttl(reply) == 7 and addresses(reply) == ["192.0.2.1"], reply
        upstream.down = False
        upstream.down_rcode = dns.rcode.SERVFAIL
        assert codes(ask(daemon, "ok.example.", use_edns=0)) == [3], "a failure is no new answer"


def test_prefetch():
    with harness.Workspace() as space, Upstream() as upstream:
        upstream.ttl = 3
        daemon = serve(space, upstream, "success 100 3600 1", "prefetch 2 1m 90%")
        for _ in range(3):
            ask(daemon, "ok.example.")
        assert len(upstream.seen("ok.example.")) == 1
        wait_until(lambda: ask(daemon, "ok.example.") and len(upstream.seen("ok.example.")) >= 2, 2.5)


def test_capacity():
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = serve(space, upstream, "success 8", workers=2)
        for turn in range(3):
            for i in range(60):
                assert addresses(ask(daemon, f"ok-{i}.example.")) == ["192.0.2.1"]
        assert len(upstream.seen("ok-0.example.")) == 3, upstream.seen("ok-0.example.")
        daemon = serve(space, upstream, "success 0", "denial 0")
        for _ in range(2):
            ask(daemon, "ok-none.example.")
        assert len(upstream.seen("ok-none.example.")) == 2


def test_bad_options_are_refused():
    with harness.Workspace() as space, Upstream() as upstream:
        for line, text in (("success many", "cannot be read"), ("prefetch 10 1m 5%", "10% to 90%"),
                           ("serve_stale 1h sometimes", "cannot be read"), ("disable everything", "cannot disable"),
                           ("servfail 10m", "5m"), ("success 10 5 9", "larger than TTL")):
            try:
                serve(space, upstream, line, deadline=5)
            except harness.Failure as failure:
                assert text in str(failure), failure
            else:
                raise AssertionError(line)
        for ttl_word in ("0", "-1", "999999999999"):
            try:
                serve(space, upstream, "keepttl", arguments=ttl_word, deadline=5)
            except harness.Failure as failure:
                assert "a TTL is from 1 to" in str(failure), failure
            else:
                raise AssertionError(ttl_word)


def test_zones_of_our_own_are_not_kept():
    """A changed zone is told at once, though a cache stands in front of it."""
    with harness.Workspace() as space, Upstream() as upstream:
        path = space.write("zone", "@ 3600 SOA ns host 1 2 3 4 5\n@ 3600 NS ns\nns 3600 A 192.0.2.1\nwww 3600 A 192.0.2.80\n")
        daemon = server.start(space, ".:{port} {\n bind 127.0.0.1\n cache\n file %s example.org {\n  fallthrough\n }\n"
                              " forward . 127.0.0.1:%d\n}\n" % (path, upstream.port))
        assert addresses(ask(daemon, "www.example.org.")) == ["192.0.2.80"]
        reply = ask(daemon, "www.example.org.")
        assert ttl(reply) == 3600 and reply.flags & dns.flags.AA, reply
        for _ in range(2):
            assert addresses(ask(daemon, "ok.example.org.")) == ["192.0.2.1"]
        assert len(upstream.seen("ok.example.org.")) == 1
        space.write("zone", "@ 3600 SOA ns host 2 2 3 4 5\n@ 3600 NS ns\nns 3600 A 192.0.2.1\nwww 3600 A 192.0.2.81\n")
        daemon.reload()
        wait_until(lambda: addresses(ask(daemon, "www.example.org.")) == ["192.0.2.81"])


def test_kept_over_a_reload():
    """What is known stays known as long as the server block is the same; the connections of its servers, too."""
    text = ("other:{port} {\n bind 127.0.0.1\n %s\n}\n.:{port} {\n bind 127.0.0.1\n cache %s\n"
            " forward . 127.0.0.1:%d {\n  force_tcp\n }\n}\n")
    with harness.Workspace() as space, Upstream() as upstream:
        daemon = server.start(space, text % ("whoami", "", upstream.port))
        assert ttl(ask(daemon, "ok.example.")) == 300
        before = upstream.connections
        daemon.reload(text % ("chaos", "", upstream.port))
        assert ttl(ask(daemon, "ok.example.")) <= 300 and len(upstream.seen("ok.example.")) == 1
        ask(daemon, "ok-2.example.")
        assert len(upstream.seen("ok-2.example.")) == 1 and upstream.connections == before
        daemon.reload(text % ("chaos", "200", upstream.port))
        assert ttl(ask(daemon, "ok.example.")) == 200 and len(upstream.seen("ok.example.")) == 2, upstream.seen("ok.example.")
        assert upstream.connections == before, "the forward line is the same"
        for _ in range(20):
            daemon.reload()
        assert ttl(ask(daemon, "ok.example.")) <= 200 and len(upstream.seen("ok.example.")) == 2
