"""sign: signatures a second beside OpenSSL's, a zone of delegations signed beside the signers of the peers, and one
changed record of it."""

import glob
import os
import re
import subprocess

import harness
import measure

DELEGATIONS = 200000
RATES = (("ECDSAP256SHA256", "ecdsap256", 1), ("ED25519", "ed25519", 1), ("RSASHA256", "rsa2048", 0))


def openssl_rate(name, column):
    done = subprocess.run(["openssl", "speed", "-seconds", "2", name], capture_output=True, timeout=60)
    numbers = re.findall(r"([\d.]+)(?=\s|$)", done.stdout.decode().strip().split("\n")[-1])
    return float(numbers[-2])


def rates(settings):
    table = measure.Table("sign: signatures of one core", [(name, "more", 0) for name, _, _ in RATES])
    ours = [float(subprocess.run([settings.tool("signatures"), "rate", name, "2"], capture_output=True, check=True,
                                 timeout=60).stdout) for name, _, _ in RATES]
    table.add("signer", *ours, ours=True)
    table.add("openssl speed", *[openssl_rate(name, column) for _, name, column in RATES])
    return table


def make_keys(directory):
    """One CSK for all, in BIND's files."""
    os.makedirs(directory, exist_ok=True)
    subprocess.run([harness.binary("signer"), "keygen", "-K", directory, "test"], check=True, capture_output=True)
    return glob.glob(os.path.join(directory, "K*.key"))[0][:-4]


def knot(space, path, nsec3):
    """kzonesign with a key of its own; it signs into a directory of its own."""
    storage = os.path.join(space.path, "knot-nsec3" if nsec3 else "knot")
    os.makedirs(storage, exist_ok=True)
    with open(os.path.join(storage, "knot.conf"), "w", encoding="ascii") as out:
        out.write(f"database:\n  storage: {storage}\npolicy:\n  - id: p\n    single-type-signing: on\n"
                  f"    signing-threads: {os.cpu_count()}\n    nsec3: {'on' if nsec3 else 'off'}\n"
                  f"zone:\n  - domain: test\n    storage: {os.path.dirname(path)}\n    file: {os.path.basename(path)}\n"
                  f"    dnssec-signing: on\n    dnssec-policy: p\n")
    return ["kzonesign", "-c", os.path.join(storage, "knot.conf"), "-o", os.path.join(storage, "out"), "test"]


def signers(space, path, key, nsec3):
    out = os.path.join(space.path, "signed")
    keys = os.path.dirname(key)
    yield "signer sign", [harness.binary("signer"), "sign", "-q", "-K", keys, *(["-3"] if nsec3 else []), "--fresh", path,
                          out], True
    yield "kzonesign", knot(space, path, nsec3), False
    yield "dnssec-signzone -P -z", ["dnssec-signzone", "-q", "-S", "-K", keys, "-d", keys, "-P", "-z", "-n", str(os.cpu_count()), "-o", "test", "-f",
                                    out + ".bind", *(["-3", "-"] if nsec3 else []), path], False
    yield "ldns-signzone", ["ldns-signzone", "-o", "test", "-f", out + ".ldns", *(["-n"] if nsec3 else []), path, key], False


def zone(settings, path, key, nsec3):
    table = measure.Table(f"sign: {DELEGATIONS:,} delegations, {'NSEC3' if nsec3 else 'NSEC'}, ECDSA P-256, all cores",
                          [("seconds", "less", 2), ("CPU s", "less", 2), ("resident MB", "less", 0)])
    for name, line, ours in signers(settings.space, path, key, nsec3):
        line[0] = line[0] if ours else harness.program(line[0])
        run = measure.run_command(line) if line[0] else None
        if run is not None and run[3] == 0:
            table.add(name, *run[:3], ours=ours)
        elif run is not None:
            print(f"  {name}: exit status {run[3]}, not counted")
    return table


def one_record(settings, path, key):
    table = measure.Table(f"sign: one record more in {DELEGATIONS:,} delegations",
                          [("milliseconds", "less", 3)])
    done = subprocess.run([settings.tool("signatures"), "resign", os.path.dirname(key), "test", path, "20"],
                          capture_output=True, timeout=120)
    if done.returncode == 0:
        table.add("zone_resign", float(done.stdout), ours=True)
    return table


def run(settings):
    yield rates(settings)
    path = settings.genzone("sign.zone", "--shape", "tld", "--delegations", DELEGATIONS)
    key = make_keys(os.path.join(settings.space.path, "keys"))
    for nsec3 in (False, True):
        yield zone(settings, path, key, nsec3)
    yield one_record(settings, path, key)
