"""Rollovers by the signer: keys on disk through months of made-up time, what is signed then, and the parent."""

import glob
import json
import os
import subprocess
import sys

import dns.dnssec
import dns.name
import dns.rdata

try:
    import icalendar
except ImportError:
    icalendar = None

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server

ZONE = """$ORIGIN example.org.
$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
sub NS ns.sub
ns.sub A 192.0.2.53
"""
SPLIT = """dnssec-policy "split" {
    keys {
        ksk lifetime P100D algorithm ecdsap256sha256;
        zsk lifetime P40D algorithm ecdsap256sha256;
    };
    purge-keys 10d;
};
dnssec-policy "other" { keys { csk lifetime 1y algorithm ed25519; }; };
"""
START = 1800000000
DAY = 86400


def signer(space, *arguments, status=0):
    done = subprocess.run([harness.need_ours("signer"), *arguments], cwd=space.path, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout if status != 2 else done.stderr


def prepare(space):
    space.write("zone", ZONE)
    space.write("policy", SPLIT)
    os.makedirs(os.path.join(space.path, "keys"))


def at(time):
    return "@%d" % time


def roll(space, time, *more, policy="policy:split"):
    return json.loads(signer(space, "roll", "-K", "keys", "--policy", policy, "--now", at(time), "--format", "json", *more, "example.org"))


def status(space, time, policy="policy:split"):
    return json.loads(signer(space, "status", "-K", "keys", "--policy", policy, "--now", at(time), "--format", "json", "example.org"))


def sign(space, time):
    signer(space, "sign", "-q", "-K", "keys", "--now", at(time), "-o", "example.org", "zone", "signed")
    signer(space, "verify", "--at", at(time), "-o", "example.org", "signed")


def published(space, kind):
    """Tags of the DNSKEYs in the signed zone, or of the signers of www."""
    tags = set()
    with open(os.path.join(space.path, "signed"), encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if kind == "www" and words[:1] == ["www.example.org."] and "RRSIG" in words and words[words.index("RRSIG") + 1] == "A":
                tags.add(int(words[words.index("RRSIG") + 7]))
            if kind == "DNSKEY" and "DNSKEY" in words[:4]:
                rdata = dns.rdata.from_text("IN", "DNSKEY", " ".join(words[words.index("DNSKEY") + 1:]))
                tags.add(dns.dnssec.key_id(rdata))
    return tags


def test_months_of_rollovers_stay_valid():
    with harness.Workspace() as space:
        prepare(space)
        time, wanted, steps, signers = START, None, 0, set()
        while time < START + 150 * DAY:
            answer = roll(space, time)
            steps += len(answer["steps"])
            sign(space, time)
            signers |= published(space, "www")
            state = status(space, time)
            assert state["valid"]
            for key in state["keys"]:  # the parent does what the CDS says, a day later
                ds = key.get("DS", {})
                if ds.get("waits", "").endswith("at the parent"):
                    roll(space, time + DAY, "--ds-seen", str(key["tag"]))
                if ds.get("waits", "").endswith("from the parent"):
                    roll(space, time + DAY, "--ds-gone", str(key["tag"]))
            time = max(time + 3600, min(answer["next"] or time + 4 * DAY, time + 4 * DAY))
        assert steps > 50 and len(signers) >= 4, (steps, signers)
        assert len(glob.glob(os.path.join(space.path, "keys", "*.private"))) >= 5


def test_what_is_signed_follows_the_states():
    with harness.Workspace() as space:
        prepare(space)
        roll(space, START)
        sign(space, START)
        zsk = published(space, "www")
        keys = published(space, "DNSKEY")
        assert len(zsk) == 1 and len(keys) == 2
        day = START + 30 * DAY
        roll(space, day, "--key", str(*zsk))
        sign(space, day)
        assert len(published(space, "DNSKEY")) == 3 and published(space, "www") == zsk, "pre-published, not used"
        roll(space, day + DAY)
        sign(space, day + DAY)
        new = published(space, "www")
        assert len(new) == 1 and new != zsk and len(published(space, "DNSKEY")) == 3
        roll(space, day + 30 * DAY)
        sign(space, day + 30 * DAY)
        assert published(space, "DNSKEY") == (keys - zsk) | new


def test_an_algorithm_is_changed_without_a_gap():
    with harness.Workspace() as space:
        prepare(space)
        roll(space, START)
        time = START + 20 * DAY
        ksk = [key["tag"] for key in roll_keys(space, time) if "DS" in key][0]
        roll(space, time)
        roll(space, time, "--ds-seen", str(ksk))
        for day in range(0, 40, 2):
            roll(space, time + day * DAY, policy="policy:other")
            sign(space, time + day * DAY)
            for key in status(space, time + day * DAY, "policy:other")["keys"]:
                if key.get("DS", {}).get("waits", "").endswith("at the parent"):
                    roll(space, time + day * DAY, "--ds-seen", str(key["tag"]), policy="policy:other")
                if key.get("DS", {}).get("waits", "").endswith("from the parent"):
                    roll(space, time + day * DAY, "--ds-gone", str(key["tag"]), policy="policy:other")
        left = [key for key in status(space, time + 40 * DAY, "policy:other")["keys"] if key["DNSKEY"]["state"] != "hidden"]
        assert [key["algorithm"] for key in left] == [15], left


def roll_keys(space, time):
    return status(space, time)["keys"]


def test_the_parent_is_asked():
    with harness.Workspace() as space:
        prepare(space)
        roll(space, START, policy="default")
        time = START + 3 * DAY
        roll(space, time, policy="default")
        key = status(space, time, "default")["keys"][0]
        assert key["DS"]["state"] == "rumoured"
        with open(glob.glob(os.path.join(space.path, "keys", "*.key"))[0], encoding="utf-8") as lines:
            words = [line for line in lines if " DNSKEY " in line][0].split()
        rdata = dns.rdata.from_text("IN", "DNSKEY", " ".join(words[words.index("DNSKEY") + 1:]))
        ds = dns.dnssec.make_ds(dns.name.from_text("example.org"), rdata, "SHA256")
        parent = "$ORIGIN org.\n$TTL 60\n@ SOA ns.test. h.test. 1 1 1 1 1\n@ NS ns.test.\nexample NS ns.example\nns.example A 192.0.2.1\n"
        zone = space.write("parent", parent)
        daemon = server.start(space, "org:{port} {\n file %s\n}\n" % zone)
        place = "127.0.0.1:%d" % daemon.port
        roll(space, time + DAY, "--parent", place, policy="default")
        assert "waits" in status(space, time + DAY, "default")["keys"][0]["DS"]
        space.write("parent", parent + "example DS %s\n" % ds.to_text())
        daemon.reload()
        daemon.wait_for_log("serial")
        for _ in range(200):
            answer = daemon.ask("example.org.", "DS")
            if answer.answer:
                break
        roll(space, time + 2 * DAY, "--parent", place, policy="default")
        assert status(space, time + 2 * DAY, "default")["keys"][0]["DS"]["due"] > time + 3 * DAY
        daemon.write_corefile("example.net:{port} {\n whoami\n}\n")
        daemon.reload()
        told = signer(space, "roll", "-K", "keys", "--parent", place, "--now", at(time), "example.org", status=2)
        assert "REFUSED" in told


def test_plans_are_printed_in_every_form():
    with harness.Workspace() as space:
        prepare(space)
        roll(space, START)
        arguments = ["plan", "-K", "keys", "--policy", "policy:split", "--now", at(START), "--until", at(START + 300 * DAY), "example.org"]
        text = signer(space, *arguments)
        steps = json.loads(signer(space, *arguments, "--format", "json"))["steps"]
        calendar = signer(space, *arguments, "--format", "ics")
        assert len(text.splitlines()) == len(steps) == calendar.count("BEGIN:VEVENT") > 50
        lines = calendar.split("\n")
        assert max(map(len, lines)) <= 76 and all("," not in line or "\\," in line for line in lines)
        if icalendar is not None:
            events = icalendar.Calendar.from_ical(calendar.replace("\n", "\r\n")).walk("VEVENT")
            assert [str(event["DESCRIPTION"]) for event in events] == [step["reason"] for step in steps]
            assert [int(event["DTSTART"].dt.timestamp()) for event in events] == [step["at"] for step in steps]
            assert len({str(event["UID"]) for event in events}) == len(steps)
        assert [step["reason"] for step in steps if "succeeds" in step["reason"]], "successors"
        for step in steps:
            told = step["reason"].partition("it succeeds key ")[2]
            assert told == "" or any(other["key"].endswith(" " + told) for other in steps), step
        assert [step["at"] for step in steps] == sorted(step["at"] for step in steps)
        assert not os.listdir(os.path.join(space.path, "keys"))[6:], "a plan makes no keys"


def test_whatif_finds_what_breaks():
    with harness.Workspace() as space:
        prepare(space)
        roll(space, START)
        tags = {("DS" in key): key["tag"] for key in roll_keys(space, START)}
        base = ["whatif", "-K", "keys", "--policy", "policy:split", "--now", at(START)]
        assert signer(space, *base, "example.org").startswith("valid until")
        signer(space, *base, "--parent-takes", "5d", "--parent-out", "now+100d/30d", "--signer-out", "now+70d/4d", "--clock",
               "now+20d/2d/30d", "--blind", "now+90d/20d", "--roll", "%d@now+10d" % tags[False], "example.org")
        signer(space, *base, "--next-policy", "policy:other@now+50d", "example.org")
        signer(space, *base, "--next-policy", "insecure@now+50d", "example.org")
        assert "signatures expire" in signer(space, *base, "--signer-out", "now+50d/6d", "example.org", status=1)
        for record, key in (("DNSKEY", True), ("KRRSIG", True), ("DNSKEY", False), ("ZRRSIG", False)):
            mistake = "%d:%s@now+20d" % (tags[key], record)
            assert "refused before it is published" in signer(space, *base, "--mistake", mistake, "example.org", status=1)
            told = signer(space, *base, "--mistake", mistake, "--unguarded", "example.org", status=1)
            assert "a cache could hold" in told and "refused" not in told
            assert " %d" % tags[key] in told.split("a cache could hold")[1], told


def test_mistakes_in_a_policy_are_told_with_their_place():
    with harness.Workspace() as space:
        prepare(space)
        space.write("policy", "dnssec-policy x {\n  dnskey-tll 1h;\n};\n")
        assert "policy:2:3: error:" in signer(space, "roll", "-K", "keys", "--policy", "policy", "example.org", status=2)
        assert "no such file" in signer(space, "plan", "-K", "keys", "--policy", "none-such", "example.org", status=2)
        assert not os.listdir(os.path.join(space.path, "keys"))


def states(space, time, policy="default"):
    return [[key[record]["state"] for record in ("DNSKEY", "KRRSIG", "ZRRSIG", "DS") if record in key]
            for key in status(space, time, policy)["keys"]]


def test_a_young_key_in_use_is_not_withdrawn():
    """Its DS may be at the parent since a minute after it was made: a successor waits for what caches may hold."""
    with harness.Workspace() as space:
        prepare(space)
        name = signer(space, "keygen", "-K", "keys", "--now", at(START), "example.org").strip()
        assert states(space, START + 600)[0][3] == "hidden", "nothing is signed yet"
        sign(space, START + 60)
        old = int(name[-5:])
        roll(space, START + 3600, "--key", str(old), policy="default")
        told = {key["tag"]: key for key in status(space, START + 3600, "default")["keys"]}
        assert [told[old][record]["state"] for record in ("DNSKEY", "KRRSIG", "ZRRSIG", "DS")] == ["omnipresent"] * 4, told
        sign(space, START + 3600)
        for hours in (2, 8, 26, 27, 50, 60):
            roll(space, START + hours * 3600, policy="default")
            sign(space, START + hours * 3600)
            assert old in published(space, "DNSKEY")
        new, = set(told) - {old}
        roll(space, START + 61 * 3600, "--ds-seen", str(new), "--ds-gone", str(old), policy="default")
        for hours in range(62, 24 * 20, 40):
            roll(space, START + hours * 3600, policy="default")
            sign(space, START + hours * 3600)
        assert published(space, "DNSKEY") == {new}


def test_steps_that_nobody_published_do_not_count():
    """A zone that cannot be signed for a week: the successor's DNSKEY is not taken for known meanwhile."""
    with harness.Workspace() as space:
        prepare(space)
        name = signer(space, "keygen", "-K", "keys", "--now", at(START), "example.org").strip()
        sign(space, START + 60)
        time = START + 10 * DAY
        roll(space, time, "--key", str(int(name[-5:])), policy="default")
        for day in range(1, 8):
            roll(space, time + day * DAY, policy="default")
            assert ["rumoured", "rumoured", "hidden", "hidden"] in states(space, time + day * DAY), states(space, time + day * DAY)
        assert "in no signed zone yet" in signer(space, "status", "-K", "keys", "--now", at(time + 8 * DAY), "example.org")
        sign(space, time + 8 * DAY)
        roll(space, time + 8 * DAY + 3600, policy="default")
        assert ["rumoured", "rumoured", "hidden", "hidden"] in states(space, time + 8 * DAY + 3600)
        roll(space, time + 9 * DAY, policy="default")
        assert states(space, time + 9 * DAY)[-1][0] == "omnipresent" or states(space, time + 9 * DAY)[0][0] == "omnipresent"
        assert ["rumoured", "rumoured", "hidden", "hidden"] not in states(space, time + 9 * DAY)
