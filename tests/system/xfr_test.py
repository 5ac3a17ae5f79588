"""zonetool query and xfr: beside NSD and Knot, signed and not, and with primaries that lie."""

import os
import subprocess
import sys

import dns.tsig

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
from primary import Primary
from secondary_peers_test import start, zone_text
from secondary_test import LIES, RECORDS, SECRET, ZONE


def zonetool(*words, **environment):
    done = subprocess.run([harness.need_ours("zonetool"), *words], capture_output=True, text=True, timeout=30,
                          env=dict(os.environ, **environment))
    return done.returncode, done.stdout, done.stderr


def test_query_and_transfer_beside_peers():
    for kind in ("nsd", "knot"):
        for algorithm in (None, "hmac-sha384"):
            with harness.Workspace() as space:
                path = space.write("zone", zone_text(7))
                primary = start(space, kind, path, harness.free_port(), algorithm)
                at = f"@127.0.0.1:{primary.port}"
                signed = ["-y", "env:KEY"] if algorithm else []
                environment = {"KEY": f"{algorithm}:k:{SECRET}"}
                code, out, _ = zonetool("query", "-s", "a5.example.org", at, *signed, **environment)
                assert (code, out) == (0, "192.0.2.5\n"), (code, out)
                code, out, _ = zonetool("query", "nx.example.org", "TXT", at, "--tcp", *signed, **environment)
                assert code == 0 and "NXDOMAIN aa" in out and "SOA" in out
                code, out, error = zonetool("xfr", ZONE, at, "-O", os.path.join(space.path, "out"), *signed, **environment)
                assert code == 0 and not out and "serial 7, the whole zone: 202 records" in error, (code, out, error)
                expected = zonetool("dump", "-o", ZONE, path)[1]
                with open(os.path.join(space.path, "out"), encoding="ascii") as file:
                    assert file.read() == expected
                code, out, error = zonetool("xfr", ZONE, at, "--ixfr", "7", *signed, **environment)
                assert code == 0 and not out and "nothing newer" in error, error
                if algorithm:
                    code, out, error = zonetool("xfr", ZONE, at, "-y", f"{algorithm}:other:{SECRET}")
                    assert code == 2 and not out and ("BADKEY" in error or "TSIG" in error), error


def test_steps():
    with Primary(ZONE, 1, RECORDS) as primary:
        primary.update(2, ["a1 300 IN A 192.0.2.1"], ["b 300 IN A 192.0.2.20"])
        primary.update(3, [], ["c 300 IN A 192.0.2.30"])
        code, out, _ = zonetool("xfr", ZONE, f"@127.0.0.1@{primary.port}", "--ixfr", "1")
        lines = [line.split("\t")[0] + " " + line.split("\t")[3] for line in out.splitlines() if line[0] != ";"]
        assert code == 0 and lines == ["-example.org. SOA", "-a1.example.org. A", "+example.org. SOA", "+b.example.org. A",
                                       "-example.org. SOA", "+example.org. SOA", "+c.example.org. A"], lines


def test_lies():
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS) as primary:
        path = os.path.join(space.path, "out")
        for mode, said in LIES.items():
            primary.mode = mode
            code, out, error = zonetool("xfr", ZONE, f"@127.0.0.1:{primary.port}", "--timeout", "1", "-O", path)
            said = "unsound" if mode == "cname-and-other" else said
            assert code != 0 and not out and said in error, (mode, code, error)
            assert not os.path.exists(path), mode


def test_unsigned():
    key = dns.tsig.Key("n.key.", SECRET, "hmac-sha512")
    with Primary(ZONE, 1, RECORDS, key=key) as primary:
        words = ["xfr", ZONE, f"@127.0.0.1:{primary.port}", "-y", f"hmac-sha512:n.key:{SECRET}"]
        assert zonetool(*words)[0] == 0
        primary.mode = "unsigned"
        code, out, error = zonetool(*words)
        assert code == 2 and not out and "not signed" in error, error


def test_wrong_usage():
    cases = ((["query", "a"], "which server"), (["query", "@127.0.0.1"], "usage"), (["query", "a", "@127.0.0.1", "@::1"], "one server"),
             (["xfr", "a", "@127.0.0.1", "--ixfr", "x"], "serial is a number"), (["query", "a", "FOO", "@127.0.0.1"], "no record type"),
             (["query", "a", "@127.0.0.1", "-y", "k"], "NAME:SECRET"), (["query", "a", "@127.0.0.1", "-p", "0"], "--port"),
             (["query", "a", "AXFR", "@127.0.0.1"], "zonetool xfr"), (["query", "a", "@127.0.0.1", "-k", "/nowhere"], "No such file"))
    for words, said in cases:
        code, out, error = zonetool(*words)
        assert code == 2 and not out and said in error, (words, code, error)
