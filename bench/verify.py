"""verify: signed zones, all of their signatures verified, beside the peers; and the share of what the cores could
verify if they did nothing else (openssl speed)."""

import json
import os
import re
import subprocess

import harness
import measure

VERIFIERS = [
    ("zonetool check", lambda path: [harness.binary("zonetool"), "check", "-q", "--format", "json", "-o", "test.", path]),
    ("kzonecheck -d on", lambda path: ["kzonecheck", "-d", "on", "-o", "test.", path]),
    ("ldns-verify-zone", lambda path: ["ldns-verify-zone", path]),
    ("dnssec-verify", lambda path: ["dnssec-verify", "-o", "test.", path]),
]


def raw_rate():
    """Verifications of ECDSA P-256 a second on all cores."""
    cores = len(os.sched_getaffinity(0))
    out = subprocess.run(["openssl", "speed", "-seconds", "2", "-multi", str(cores), "ecdsap256"], capture_output=True,
                         text=True, check=False).stdout
    found = re.search(r"^\s*256 bits? ecdsa.*\s([\d.]+)\s*$", out, re.M)
    return float(found[1]) if found else None


def sign(settings, names):
    plain = os.path.join(settings.space.path, "plain.zone")
    signed = plain + ".signed"
    with open(plain, "w", encoding="ascii") as file:
        file.write("$TTL 3600\ntest. SOA ns.test. h.test. 1 7200 3600 1209600 300\ntest. NS ns.test.\ntest. NS ns2.test.\n"
                   "ns.test. A 192.0.2.1\nns2.test. A 192.0.2.2\n")
        for i in range(names):
            file.write(f"h{i}.test. A 192.0.2.{i % 250 + 1}\n")
    directory = os.path.dirname(plain)
    for flags in (["-f", "KSK"], []):
        subprocess.run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-K", directory, *flags, "test."], check=True,
                       capture_output=True)
    subprocess.run(["dnssec-signzone", "-S", "-K", directory, "-d", directory, "-P", "-o", "test.", "-f", signed, plain],
                   check=True, capture_output=True)
    return signed


def run(settings):
    names = 5000 if settings.quick else 50000
    if harness.program("dnssec-signzone") is None:
        return
    path = sign(settings, names)
    table = measure.Table(f"verify: {names:,} names signed by ECDSA P-256 with NSEC",
                          [("seconds", "less", 3), ("CPU s", "less", 3), ("resident MB", "less", 0),
                           ("signatures/s", "more", 0), ("of raw", None, 2), ("exit status", None, 0)])
    done = subprocess.run(VERIFIERS[0][1](path), capture_output=True, text=True, check=False)
    signatures, raw = json.loads(done.stdout)["files"][0]["signatures"], raw_rate()
    for name, command in VERIFIERS:
        line = command(path)
        line[0] = harness.program(line[0]) or line[0]
        if harness.program(line[0]) is None:
            continue
        result = measure.run_command(line)
        if result is None:
            continue
        seconds, cpu, resident, status = result
        rate = signatures / seconds
        table.add(name, seconds, cpu, resident, rate, rate / raw if raw else 0, status, ours=name.startswith("zonetool"))
    yield table
