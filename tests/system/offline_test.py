"""An offline KSK: two directories that share nothing but requests, responses and the KSK's public file."""

import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
from signer_more_test import DAY, records
from signer_test import ORIGIN, ROOT, ZONE, peer, read, signer

POLICY = """dnssec-policy "offline" {
    keys {
        ksk lifetime unlimited algorithm ecdsap256sha256;
        zsk lifetime P30D algorithm ecdsap256sha256;
    };
};
"""
START = 1800000000


def prepare(space):
    space.write("db", ZONE)
    space.write("policy", POLICY)
    for name in ("zsk", "safe"):
        os.mkdir(os.path.join(space.path, name))
    ksk = signer(space, "keygen", "--now", f"@{START}", "-K", "safe", "--ksk", ORIGIN).strip()
    shutil.copy(os.path.join(space.path, "safe", ksk + ".key"), os.path.join(space.path, "zsk"))
    return ksk


def exchange(space, start, days):
    """Request and response as texts, without what is told on standard error."""
    told = signer(space, "request", "-K", "zsk", "--policy", "policy", "--now", f"@{start}", "--until", f"@{start + days * DAY}", ORIGIN)
    digest = re.search(r"^SHA-256 (\S+)\n", told, re.M)
    space.write("request", told.replace(digest[0], ""))
    told = signer(space, "respond", "-K", "safe", "--policy", "policy", "--now", f"@{start}", "--expect", digest[1], "request")
    space.write("response", re.sub(r"^SHA-256 .*\n", "", told, flags=re.M))
    return read(space, "request"), read(space, "response")


def sign(space, now):
    told = signer(space, "sign", "-K", "zsk", "--now", f"@{now}", "db", "out")
    signer(space, "verify", "--at", f"@{now}", "--until", f"@{now + DAY}", "out")
    return told


def signers(space, covered):
    return {words.split()[6] for words in records(space, "out", "RRSIG") if words.split()[0] == covered}


def test_a_zsk_rolls_while_the_ksk_is_in_a_safe():
    with harness.Workspace() as space:
        ksk = prepare(space)
        _, response = exchange(space, START, 90)
        assert response.count(";; SignedKeyResponse 1.0 ") >= 10
        assert "DNSKEY sets" in signer(space, "take", "-K", "zsk", "--now", f"@{START}", "response")
        assert not glob.glob(os.path.join(space.path, "zsk", ksk + ".private"))
        zsks, most = set(), 0
        for day in range(0, 80, 1):
            sign(space, START + day * DAY + 60)
            assert signers(space, "DNSKEY") == {str(int(ksk[-5:]))}
            assert signers(space, "CDS") == {str(int(ksk[-5:]))}
            zsks |= signers(space, "SOA")
            most = max(most, len(records(space, "out", "DNSKEY")))
        assert len(zsks) == 3, zsks
        assert most == 3, "the old and the new ZSK beside the KSK"
        peer(space, "ldns-verify-zone", "-t", "20270404000000", "out")
        assert "signer request asks for more" in sign(space, START + 85 * DAY)
        assert "no keys for this time" in signer(space, "sign", "-K", "zsk", "--now", f"@{START + 91 * DAY}", "db", "out", status=2)


def test_the_next_request_goes_on():
    with harness.Workspace() as space:
        prepare(space)
        exchange(space, START, 40)
        signer(space, "take", "-K", "zsk", "--now", f"@{START}", "response")
        for day in range(0, 80, 3):
            if day == 36:
                exchange(space, START + day * DAY, 60)
                signer(space, "take", "-K", "zsk", "--now", f"@{START + day * DAY}", "response")
            sign(space, START + day * DAY + 60)


def test_the_ksk_rolls_in_the_safe():
    with harness.Workspace() as space:
        old = prepare(space)
        new = signer(space, "keygen", "-K", "safe", "--now", f"@{START}", "--ksk", "-P", f"@{START + 10 * DAY}",
                     "-A", f"@{START + 10 * DAY}", ORIGIN).strip()
        signer(space, "settime", "-K", "safe", "--sync-delete", f"@{START + 20 * DAY}", "-I", f"@{START + 30 * DAY}",
               "-D", f"@{START + 30 * DAY}", old)
        exchange(space, START, 40)
        signer(space, "take", "-K", "zsk", "--now", f"@{START}", "response")
        seen = []
        for day in (0, 11, 21, 31):
            sign(space, START + day * DAY)
            seen.append((signers(space, "DNSKEY"), len(records(space, "out", "CDS"))))
        one, two = str(int(old[-5:])), str(int(new[-5:]))
        assert seen == [({one}, 1), ({one, two}, 2), ({one, two}, 1), ({two}, 1)], seen


def flip(text, pattern):
    """Another digit in the base64 that PATTERN ends with."""
    match = re.search(pattern, text, re.M)
    at = match.end() - 1
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


def test_what_was_tampered_with_is_refused():
    with harness.Workspace() as space:
        prepare(space)
        request, response = exchange(space, START, 20)
        now = ["--now", f"@{START}"]

        def respond(text, word, *more):
            space.write("bad", text)
            told = signer(space, "respond", "-K", "safe", *now, *more, "bad", status=None)
            assert word in told and "SignedKeyResponse" not in told, told

        def take(text, word):
            space.write("bad", text)
            told = signer(space, "take", "-K", "zsk", *now, "bad", status=None)
            assert word in told and not glob.glob(os.path.join(space.path, "zsk", "*.skr")), told

        respond(flip(request, r"RRSIG DNSKEY .* \S{20}"), "signature")
        respond(flip(request, r"DNSKEY 256 3 13 \S{20}"), "bad:")
        respond(request.replace("DNSKEY 256", "DNSKEY 257", 1), "bad:")
        respond(re.sub(r"^.*RRSIG.*\n", "", request, count=1, flags=re.M), "has not signed")
        respond(request.replace(" end ", " 1.0 "), "bad:")
        respond(request + "x", "bad:")
        respond(request, "--expect", "--expect", "00")
        respond(response, "is a response")
        take(flip(response, r"RRSIG DNSKEY .* \S{20}"), "signature")
        take(flip(response, r" CDS \d+ 13 2 \S{20}"), "signature")
        take(re.sub(r"^.*RRSIG DNSKEY.*\n", "", response, count=1, flags=re.M), "no KSK signs them")
        take(response.rsplit(";;", 1)[0], "not whole")
        take(re.sub(r"^.*DNSKEY 256.*\n", "", response, count=1, flags=re.M), "bad:")
        take(request, "is a request")
        # Another's KSK, and all of it in order.
        os.mkdir(os.path.join(space.path, "other"))
        signer(space, "keygen", *now, "-K", "other", "--ksk", ORIGIN)
        told = signer(space, "respond", "-K", "other", "--policy", "policy", *now, "request")
        take(re.sub(r"^SHA-256 .*\n", "", told, flags=re.M), "no KSK signs them that is known here")
        # One that is on disk already.
        signer(space, "take", "-K", "zsk", *now, "response")
        path = glob.glob(os.path.join(space.path, "zsk", "*.skr"))[0]
        space.write(path, flip(response, r"RRSIG DNSKEY .* \S{20}"))
        assert "signature" in signer(space, "sign", "-K", "zsk", *now, "db", "out", status=2)
        assert not os.path.exists(os.path.join(space.path, "out"))


def test_the_examples_of_the_man_page():
    with open(os.path.join(ROOT, "man", "signer.8"), encoding="utf-8") as file:
        blocks = re.findall(r'^\.\\" shell: offline\n\.Bd -literal.*\n((?:(?!\.Ed).*\n)*)', file.read(), re.M)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) == 4, lines
    with harness.Workspace() as space:
        space.write("db.example.org", ZONE)
        space.write("policy", POLICY)
        for name in ("zsk", "safe"):
            os.mkdir(os.path.join(space.path, name))
        ksk = signer(space, "keygen", "-K", "safe", "--ksk", ORIGIN).strip()
        shutil.copy(os.path.join(space.path, "safe", ksk + ".key"), os.path.join(space.path, "zsk"))
        path = os.path.dirname(harness.need_ours("signer")) + ":" + os.environ["PATH"]
        digest = ""
        for line in lines:
            command = re.fullmatch(r"\$ (.*)", line)[1].replace("5f3a", digest)
            done = subprocess.run(["/bin/sh", "-c", command], cwd=space.path, env=dict(os.environ, PATH=path),
                                  capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            digest = done.stderr.replace("SHA-256", "").strip() if "request" in command else digest
        peer(space, "ldns-verify-zone", "db.example.org.signed")
