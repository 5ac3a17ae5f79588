"""online: signing on the fly (dnssec plugin) on one core: answers for names that were never asked before, for names that
do not exist, and for those asked again, as shares of a raw rate of signatures and of unsigned answers. Two raw rates, as
libzone signs P-256 twice as fast as `openssl speed`: with its own, a signature costs about as much as the kernel takes to
receive a packet and to send one."""

import os
import subprocess

import harness
import measure
import sign

ZONE = """$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
*.w A 192.0.2.99
"""
FRESH = 600000  # names: more than can be asked in one measurement
KEPT = 1000


class Online(harness.Server):
    kind, title = "online", "Bailiwick"
    key = None

    def command(self):
        signing = f" dnssec {{\n  key file {self.key}\n  cache_capacity 1000000\n }}\n" if self.key else ""
        path = self.zones["test."]
        conf = harness.write_file(self.directory, "Corefile",
                                  f"test:{self.port} {{\n bind 127.0.0.1\n{signing} file {path}\n}}\n")
        return [harness.need_ours(), "-conf", conf, "-quiet", "-workers", "1", "-control", "off"]


class Unsigned(Online):
    kind = "online-unsigned"


def questions(settings, name, form, count):
    return settings.space.write(name, "".join(form % i + " A\n" for i in range(count)))


def ask(settings, kind, path, queries, warmup):
    """Answers a second, and a core's seconds for one."""
    server = settings.start(kind, {"test.": path}, cpu=settings.server_cpu)
    before = server.cpu_seconds()
    seen = measure.wait_counters(settings.flood(server, queries, "--do", "--seconds", settings.seconds, "--warmup", warmup))
    cpu = (server.cpu_seconds() - before) / max(1, seen["answers"] + seen["warmup_answers"])
    settings.end_server(server)
    return seen["per_second"], cpu


def raw(settings):
    return float(subprocess.run(["taskset", "-c", str(settings.server_cpu), settings.tool("signatures"), "rate", "ECDSAP256SHA256", "2"],
                                capture_output=True, check=True, timeout=60).stdout)


def run(settings):
    harness.SERVERS[Online.kind] = Online
    harness.SERVERS[Unsigned.kind] = Unsigned
    path = settings.space.write("online.zone", ZONE)
    Online.key = sign.make_keys(os.path.join(settings.space.path, "online-keys"))
    Unsigned.key = None
    fresh = questions(settings, "fresh", "n%d.w.test.", FRESH)
    absent = questions(settings, "absent", "n%d.test.", FRESH)
    kept = questions(settings, "kept", "n%d.w.test.", KEPT)
    rates, openssl = [], []
    shares = {"never asked": [], "absent": [], "asked again": []}
    speeds = {name: [] for name in shares}
    for _ in range(settings.rounds):
        rates.append(raw(settings))
        openssl.append(sign.openssl_rate("ecdsap256", 1))
        for name, queries in (("never asked", fresh), ("absent", absent)):
            speed, cpu = ask(settings, Online.kind, path, queries, 0.1)
            speeds[name].append(speed)
            shares[name].append(1 / cpu)
        plain = ask(settings, Unsigned.kind, path, kept, 0.5)
        speed, cpu = ask(settings, Online.kind, path, kept, 0.5)
        speeds["asked again"].append(speed)
        shares["asked again"].append(plain[1] / cpu)
    table = measure.Table("online: signed as they are asked, one core", [("answers/s", "more", 0), ("share, by CPU", "more", 2)])
    table.add("raw signatures (ECDSA P-256)", measure.median(rates), 1.0)
    table.add("openssl speed", measure.median(openssl), measure.median(openssl) / measure.median(rates))
    for name, beside, base in (("never asked", "of openssl speed", openssl), ("absent", "of openssl speed", openssl),
                               ("never asked", "of raw", rates), ("absent", "of raw", rates), ("asked again", "of unsigned", [1])):
        table.add(f"{name}, {beside}", measure.median(speeds[name]),
                  measure.median(shares[name]) / measure.median(base), ours=True)
    yield table
