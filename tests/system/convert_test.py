"""zonetool convert and digest: a zone through all its forms is the same zone; ZONEMD as a peer takes it."""

import glob
import json
import os
import subprocess

import harness
from diff_test import NEW

ROOT = harness.ROOT


def zonetool(*arguments, status=0, stdin=b""):
    done = subprocess.run([harness.need_ours("zonetool"), *arguments], input=stdin, capture_output=True, timeout=60)
    assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout[-2000:].decode()}{done.stderr.decode()}"
    return done.stdout.decode()


def read(path):
    with open(path, encoding="latin-1") as file:
        return file.read()


def test_round_trip_of_all_forms():
    with harness.Workspace() as space:
        for path in sorted(glob.glob(os.path.join(ROOT, "testdata", "zones", "*.zone"))):
            origin = os.path.basename(path)[:-len(".zone")]
            json_path, image, text = (os.path.join(space.path, name) for name in ("a.json", "a.image", "a.zone"))
            zonetool("convert", "-o", origin, "--format", "json", path, json_path)
            zonetool("convert", "--format", "image", json_path, image)
            zonetool("convert", image, text)
            for form in (json_path, image, text):
                if form != json_path:
                    assert zonetool("diff", "-o", origin, path, form) == "", form
            zonetool("fmt", "--check", text)


def test_json_from_elsewhere():
    with harness.Workspace() as space:
        zone = {"zone": "example.org", "rrsets": [
            {"name": "@", "type": "SOA", "ttl": 60, "class": "IN", "records": ["ns hostmaster 1 2 3 4 5"]},
            {"name": "@", "type": "NS", "ttl": 60, "records": ["ns.example.net."]},
            {"name": "t", "type": "TXT", "ttl": 60, "records": ["\"a;\\\"b\"", "\u0041"]}]}
        path = space.write("a.json", json.dumps(zone, indent=1))
        lines = [" ".join(line.split()) for line in zonetool("convert", path).splitlines()]
        assert 't.example.org. 60 IN TXT "a;\\"b"' in lines and len(lines) == 4, lines
        for broken in ({"zone": "x"}, {"rrsets": [{"name": "a", "type": "A", "records": []}]},
                       {"rrsets": [{"name": "a", "type": "A", "ttl": 1, "records": ["1\n2"]}]},
                       {"rrsets": [{"name": "a b", "type": "A", "ttl": 1, "records": ["192.0.2.1"]}]}):
            zonetool("convert", space.write("b.json", json.dumps(broken)), status=1)


def peer_finds_it_right(path):
    """By ldns, which complains of missing DNSSEC, too."""
    peer = harness.program("ldns-verify-zone")
    return peer is None or b"zone digest" not in subprocess.run([peer, "-ZZ", path], capture_output=True).stderr


def test_digest():
    with harness.Workspace() as space:
        path = space.write("example.org.zone", NEW)
        assert "has no ZONEMD" in zonetool("digest", "--verify", path, status=1)
        zonetool("digest", "-w", path)
        lines = read(path).splitlines()
        assert [line for line in lines if "ZONEMD" not in line] == NEW.splitlines()
        assert zonetool("digest", path).split()[-1].lower() == lines[3].split()[-1]
        zonetool("digest", "-q", "--verify", path)
        assert peer_finds_it_right(path)
        # Another record, another digest; a new serial goes along.
        changed = read(path).replace("192.0.2.84", "192.0.2.85")
        space.write("example.org.zone", changed)
        zonetool("digest", "--verify", path, status=1)
        assert not peer_finds_it_right(path) or harness.program("ldns-verify-zone") is None
        zonetool("serial", "-w", path)
        zonetool("digest", "-w", path)
        zonetool("digest", "--verify", path)
        assert " IN ZONEMD 3 1 1 " in read(path) and read(path).count("ZONEMD") == 1
        zonetool("digest", "--hash", "sha512", "-w", path)
        assert read(path).count("ZONEMD") == 2
        zonetool("digest", "--verify", path)
        zonetool("digest", "--hash", "md5", path, status=2)


def test_the_soa_stands_in_an_included_file():
    with harness.Workspace() as space:
        soa = space.write("soa.inc", "@ SOA ns h 7 4h 1h 2w 15m ; serial\n")
        text = "$ORIGIN example.org.\n$TTL 1h\n$INCLUDE soa.inc\n@ NS ns\nns A 192.0.2.1"
        path = space.write("a.zone", text)
        assert zonetool("serial", "-w", path) == "8\n" and zonetool("serial", path) == "8\n"
        assert read(soa) == "@ SOA ns h 8 4h 1h 2w 15m ; serial\n" and read(path) == text
        for _ in range(2):
            zonetool("digest", "-w", path)
            assert read(path).startswith(text + "\nexample.org. 3600 IN ZONEMD 8 1 1 ") and read(path).count("ZONEMD") == 1
            zonetool("digest", "--verify", path)
        # One that stands in an included file is made anew there.
        digest = space.write("digest.inc", "@ ZONEMD 7 1 1 ( " + "0" * 40 + "\n " + "0" * 56 + " ) ; mine\n")
        path = space.write("b.zone", text + "\n$INCLUDE digest.inc\n")
        zonetool("digest", "-w", path)
        zonetool("digest", "--verify", path)
        assert read(digest).startswith("@ ZONEMD 8 1 1 ( ") and read(digest).endswith(" ) ; mine\n")
        assert "ZONEMD" not in read(path)
