"""rewrite, view, loadbalance, local, metadata: other questions, other answers, other blocks."""

import json
import os
import sys
import time

import dns.edns
import dns.flags
import dns.message

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from chain_test import ask, code, records, refused_corefile

INNER = """$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 60
@ NS ns
ns A 192.0.2.1
api.svc A 10.7.249.102
foo.svc A 10.7.251.161
short.svc 5 A 10.7.251.1
mail.svc MX 10 foo.svc
srv.svc SRV 0 0 443 foo.svc
alias.svc CNAME old.svc
old.svc A 10.0.0.1
new.svc A 10.0.0.2
multi.svc A 10.0.1.1
multi.svc A 10.0.1.2
multi.svc A 10.0.1.3
text.svc TXT "hello"
bind TXT "inner"
"""


def serve(space, lines, key=".", **options):
    path = space.write("inner", INNER)
    return server.start(space, "%s:{port} {\n file %s cluster.local\n errors\n%s\n}\n" % (key, path, lines), **options)


def test_rewrite_names():
    with harness.Workspace() as space:
        daemon = serve(space, r""" rewrite name api.example.com. api.svc.cluster.local.
 rewrite name suffix .sub.example.com .svc.cluster.local answer auto
 rewrite name regex (.*)-(svc)\.example\.net {1}.{2}.cluster.local answer name (.*)\.(svc)\.cluster\.local {1}-{2}.example.net
 rewrite stop {
  name regex ^([^\.]*)\.example\.org\.$ {1}.svc.cluster.local.
  answer name ^([^\.]*)\.svc\.cluster\.local\.$ {1}.example.org.
  answer value ^([^\.]*)\.svc\.cluster\.local\.$ {1}.example.org.
 }
 rewrite name substring cluster.example cluster.local
 rewrite name prefix pre- foo.
 rewrite name regex ^bad\.test\.$ bad..name
""")
        assert records(ask(daemon, "api.example.com")) == ["api.example.com. 300 A 10.7.249.102"]
        answer = ask(daemon, "API.Example.com")
        assert records(answer) == ["API.Example.com. 300 A 10.7.249.102"], "the question as it was asked"
        assert str(answer.question[0].name) == "API.Example.com."
        answer = ask(daemon, "mail.sub.example.com", "MX")
        assert records(answer) == ["mail.sub.example.com. 300 MX 10 foo.svc.cluster.local."], answer
        assert records(ask(daemon, "foo-svc.example.net")) == ["foo-svc.example.net. 300 A 10.7.251.161"]
        answer = ask(daemon, "srv.example.org", "SRV")
        assert records(answer) == ["srv.example.org. 300 SRV 0 0 443 foo.example.org."], answer
        assert records(answer, "additional") == ["foo.example.org. 300 A 10.7.251.161"], answer
        answer = ask(daemon, "bar.example.org")
        assert code(answer) == "NXDOMAIN" and records(answer, "authority"), answer
        assert records(ask(daemon, "foo.svc.cluster.example")) == ["foo.svc.cluster.local. 300 A 10.7.251.161"], "no answer rule"
        assert records(ask(daemon, "pre-svc.cluster.local")) == ["foo.svc.cluster.local. 300 A 10.7.251.161"]
        assert code(ask(daemon, "bad.test")) == "SERVFAIL"
        assert "a rule makes a name that is none" in daemon.log()


def test_rewrite_other_fields():
    with harness.Workspace() as space:
        daemon = serve(space, r""" rewrite continue ttl regex (.*)\.svc\.cluster\.local 100-200
 rewrite continue ttl exact short.svc.cluster.local 30
 rewrite continue rcode regex nope\..* NXDOMAIN NOERROR
 rewrite continue class CH IN
 rewrite continue type ANY TXT
 rewrite stop name version.bind bind.cluster.local
""")
        assert records(ask(daemon, "foo.svc.cluster.local")) == ["foo.svc.cluster.local. 200 A 10.7.251.161"]
        assert records(ask(daemon, "short.svc.cluster.local")) == ["short.svc.cluster.local. 100 A 10.7.251.1"], "the first rule is undone last"
        answer = ask(daemon, "nope.cluster.local")
        assert code(answer) == "NOERROR" and not answer.answer
        assert records(ask(daemon, "version.bind", "TXT", rdclass="CH")) == ['version.bind. 300 TXT "inner"']
        assert records(ask(daemon, "text.svc.cluster.local", "ANY")) == ['text.svc.cluster.local. 200 TXT "hello"']


def test_rewrite_cname():
    with harness.Workspace() as space:
        daemon = serve(space, " rewrite cname exact old.svc.cluster.local. new.svc.cluster.local.\n rewrite name x.test alias.svc.cluster.local")
        assert records(ask(daemon, "alias.svc.cluster.local")) == [
            "alias.svc.cluster.local. 300 CNAME new.svc.cluster.local.", "new.svc.cluster.local. 300 A 10.0.0.2"]
        assert records(ask(daemon, "x.test"))[0] == "x.test. 300 CNAME new.svc.cluster.local."
        assert records(ask(daemon, "foo.svc.cluster.local")) == ["foo.svc.cluster.local. 300 A 10.7.251.161"]
        assert code(ask(daemon, "nowhere.test")) == "REFUSED"


def test_rewrite_edns_becomes_metadata():
    with harness.Workspace() as space:
        daemon = serve(space, """ metadata
 metadata_edns0 {
  client_id 0xffed address
  group_id 0xffee hex 16
  text 65001 bytes
 }
 rewrite edns0 local set 0xffef {metadata_edns0/client_id}
 log . "{name} {/metadata_edns0/client_id} {/metadata_edns0/group_id} {/metadata_edns0/text} {/none/such}"
""")
        options = [dns.edns.GenericOption(0xffed, bytes([192, 0, 2, 7])), dns.edns.GenericOption(0xffee, bytes(range(16))),
                   dns.edns.GenericOption(65001, b"site-9")]
        answer = ask(daemon, "foo.svc.cluster.local", options=options)
        assert answer.answer and not answer.options
        daemon.wait_for_log("foo.svc.cluster.local. 192.0.2.7 000102030405060708090a0b0c0d0e0f site-9 -")
        ask(daemon, "api.svc.cluster.local")
        daemon.wait_for_log("api.svc.cluster.local. - - - -")


def test_rewrite_mistakes_are_told():
    with harness.Workspace() as space:
        refused_corefile(space, " rewrite name a.test", "not complete")
        refused_corefile(space, " rewrite name regex ( b", "not a regular expression")
        refused_corefile(space, " rewrite nme a b c", "'nme' is nothing that can be rewritten")
        refused_corefile(space, " rewrite ttl a.test 10-5", "'10-5' is no TTL")
        refused_corefile(space, " rewrite type A NOPE", "no record type")
        refused_corefile(space, " rewrite edns0 local set 0xffee", "words are expected")
        refused_corefile(space, " rewrite edns0 local set 0x1ffee x", "is no number")
        refused_corefile(space, " rewrite name a.test b.test answer nme a b", "is not auto, name or value")


# ---- view ----

def test_view_by_address_and_type():
    with harness.Workspace() as space:
        daemon = server.start(space, """.:{port} {
 metadata
 log . "{name} {/view/name}"
 view first {
  expr incidr(client_ip(), '127.0.0.0/31') && type() in ['A', 'AAAA']
 }
 hosts /dev/null {
  192.0.2.1 test
 }
}
.:{port} {
 view second {
  expr name() matches '^abc\\\\..*\\\\.example\\\\.com\\\\.$' or client_ip() == '127.0.0.9'
  expr proto() == 'udp'
 }
 hosts /dev/null {
  192.0.2.2 test abc.x.example.com
 }
}
.:{port} {
 hosts /dev/null {
  192.0.2.3 test
 }
}
""")
        assert records(ask(daemon, "test")) == ["test. 3600 A 192.0.2.1"]
        assert records(ask(daemon, "test", source="127.0.0.2")) == ["test. 3600 A 192.0.2.3"]
        assert records(ask(daemon, "test", source="127.0.0.9")) == ["test. 3600 A 192.0.2.2"]
        assert records(ask(daemon, "test", source="127.0.0.9", tcp=True)) == ["test. 3600 A 192.0.2.3"]
        assert records(ask(daemon, "abc.x.example.com", source="127.0.0.2")) == ["abc.x.example.com. 3600 A 192.0.2.2"]
        daemon.wait_for_log("test. first")


def test_view_that_accepts_nothing():
    with harness.Workspace() as space:
        daemon = server.start(space, """example.org:{port} {
 view none {
  expr false
 }
 whoami
}
org:{port} {
 hosts /dev/null {
  192.0.2.3 www.example.org
 }
}
other:{port} {
 view none {
  expr bufsize() > 70000
 }
 whoami
}
""")
        assert records(ask(daemon, "www.example.org")) == ["www.example.org. 3600 A 192.0.2.3"], "the zone above"
        assert code(ask(daemon, "a.other")) == "REFUSED"


def test_view_mistakes_are_told():
    with harness.Workspace() as space:
        refused_corefile(space, " view v {\n expr type( == 'A'\n }", "a value is missing")
        refused_corefile(space, " view v {\n expr incidr(client_ip(), '10.0.0.0/99')\n }", "no network")
        refused_corefile(space, " view v", "needs an expression")


# ---- loadbalance ----

def first_addresses(daemon, count, name="multi.svc.cluster.local"):
    first = {}
    for _ in range(count):
        answer = records(ask(daemon, name))
        assert len(answer) == 3, answer
        first[answer[0]] = first.get(answer[0], 0) + 1
    return first


def test_loadbalance():
    with harness.Workspace() as space:
        assert len(first_addresses(serve(space, ""), 20)) == 1
        assert len(first_addresses(serve(space, " loadbalance"), 60)) == 3
        shuffled, orders = serve(space, " loadbalance round_robin"), {}
        for _ in range(360):
            order = tuple(records(ask(shuffled, "multi.svc.cluster.local")))
            orders[order] = orders.get(order, 0) + 1
        assert len(orders) == 6 and min(orders.values()) > 15, f"each order as often as the others: {orders}"
        preferred = serve(space, " loadbalance {\n  prefer 10.0.1.2/31\n }")
        assert set(first_addresses(preferred, 30)) <= {f"multi.svc.cluster.local. 300 A 10.0.1.{n}" for n in (2, 3)}
        weights = space.write("weights", "# by hand\nmulti.svc.cluster.local\n10.0.1.1 1\n10.0.1.2 255\n")
        weighted = serve(space, " loadbalance weighted %s {\n  reload 50ms\n }" % weights)
        assert first_addresses(weighted, 100).get("multi.svc.cluster.local. 300 A 10.0.1.2", 0) > 80
        space.write("weights", "multi.svc.cluster.local\n10.0.1.3 255\n10.0.1.2 1\n")
        weighted.wait_for_log("weights of 1 names")
        limit = time.monotonic() + 30
        while first_addresses(weighted, 40).get("multi.svc.cluster.local. 300 A 10.0.1.3", 0) < 20:
            assert time.monotonic() < limit
        space.write("weights", "multi.svc.cluster.local\n10.0.1.3 256\n")
        refused_corefile(space, " loadbalance weighted %s" % weights, "weights:2", "1 to 255")


# ---- local, cancel, timeouts, log ----

def test_local():
    with harness.Workspace() as space:
        daemon = serve(space, " local")
        assert records(ask(daemon, "localhost")) == ["localhost. 604800 A 127.0.0.1"]
        assert records(ask(daemon, "x.localhost", "AAAA")) == ["x.localhost. 604800 AAAA ::1"]
        assert records(ask(daemon, "localhost.example.org")) == ["localhost.example.org. 604800 A 127.0.0.1"]
        assert records(ask(daemon, "1.0.0.127.in-addr.arpa", "PTR")) == ["1.0.0.127.in-addr.arpa. 604800 PTR localhost."]
        nothing = ask(daemon, "localhost", "MX")
        assert code(nothing) == "NOERROR" and records(nothing, "authority") == [
            "localhost. 604800 SOA localhost. root. 1 0 0 0 604800"], nothing
        assert records(ask(daemon, "localhost", "SOA")) and records(ask(daemon, "0.in-addr.arpa", "NS"))
        off = serve(space, " local {\n  localhost_prefix off\n }\n cancel 1s")
        assert code(ask(off, "localhost.example.org")) == "REFUSED"


def test_timeouts():
    with harness.Workspace() as space:
        daemon = serve(space, " timeouts {\n  idle 1s\n  read 600ms\n  maxtcpqueries 2\n }")
        query = server.question("foo.svc.cluster.local.")
        with daemon.connect() as connection:
            started = time.monotonic()
            assert connection.receive() is None, "closed"
            assert 0.9 < time.monotonic() - started < 4
        with daemon.connect() as connection:
            started = time.monotonic()
            connection.sock.sendall(b"\0")
            assert connection.receive() is None
            assert time.monotonic() - started < 4
        with daemon.connect() as connection:
            connection.send(query, query, query)
            assert connection.receive() and connection.receive() and connection.receive() is None


def test_log_as_json():
    with harness.Workspace() as space:
        daemon = serve(space, " log {\n  json\n }\n metadata\n view v {\n expr true\n }")
        ask(daemon, "foo.svc.cluster.local")
        daemon.wait_for_log('"name":"foo.svc.cluster.local."')
        line = json.loads([line for line in daemon.log().splitlines() if '"foo.svc' in line][0])
        assert line["type"] == "A" and line["rcode"] == "NOERROR" and line["remote"] == "127.0.0.1", line
        assert line["rflags"] == ["qr", "aa", "rd"] and line["duration"] >= 0 and line["do"] is False, line
