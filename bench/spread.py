"""spread: one record of a million delegations is changed in the text of a primary. How long until it and a secondary
of the same make serve that (NOTIFY, IXFR), how late the secondary answers meanwhile; and how long a new secondary
takes from its start to the zone (AXFR in)."""

import os
import shutil
import time

import harness
import measure
import reload

RATE = 2000
DEADLINE_S = 120


class Ours(harness.Bailiwick):
    def corefile(self):
        if self.primary is None:
            (origin, path), = self.zones.items()
            return (f"{origin}:{self.port} {{\n bind 127.0.0.1\n file {path} {origin} {{\n  state {self.directory}\n }}\n"
                    f" transfer {{\n  to 127.0.0.1:{self.other}\n }}\n}}\n")
        return (f"test.:{self.port} {{\n bind 127.0.0.1\n secondary {{\n  transfer from 127.0.0.1:{self.primary}\n"
                f"  state {self.directory}\n }}\n}}\n")

    def command(self):
        words = super().command()
        harness.write_file(self.directory, "Corefile", self.corefile())
        return words


class Knot(harness.Knot):
    def command(self):
        head = (f"server:\n  listen: 127.0.0.1@{self.port}\n  rundir: {self.directory}\n  udp-workers: 1\n  tcp-workers: 1\n"
                f"  background-workers: 1\ncontrol:\n  listen: {self.directory}/control\nlog:\n  - target: stderr\n    any: error\n"
                f"database:\n  storage: {self.directory}\nremote:\n  - id: other\n    address: 127.0.0.1@{self.primary or self.other}\n"
                f"acl:\n  - id: all\n    address: 127.0.0.1\n    action: [transfer, notify]\nzone:\n  - domain: test.\n"
                f"    storage: {self.directory}\n    acl: all\n")
        if self.primary is None:
            head += (f"    file: {list(self.zones.values())[0]}\n    zonefile-load: difference\n    journal-content: changes\n"
                     "    zonefile-sync: -1\n    notify: other\n")
        else:
            head += "    file: copy\n    master: other\n"
        self.conf = harness.write_file(self.directory, "knot.conf", head)
        return [harness.program("knotd"), "-c", self.conf]


class Nsd(harness.Nsd):
    def command(self):
        if self.primary is None:
            self.extra = f"  create-ixfr: yes\n  provide-xfr: 127.0.0.1 NOKEY\n  notify: 127.0.0.1@{self.other} NOKEY\n"
            return super().command()
        self.zones = {"test.": os.path.join(self.directory, "copy")}
        self.extra = (f"  allow-notify: 127.0.0.1 NOKEY\n  request-xfr: 127.0.0.1@{self.primary} NOKEY\n"
                      "server:\n  xfrd-reload-timeout: 0\n")
        return super().command()


MAKES = {"bailiwick": Ours, "knot": Knot, "nsd": Nsd}


def start(settings, kind, zones, port, other=None, primary=None):
    def make(directory, zones, **options):
        server = MAKES[kind](directory, zones, **options)
        server.port, server.other, server.primary = port, other, primary
        return server
    kept = harness.SERVERS[kind]
    harness.SERVERS[kind] = make
    try:
        return settings.start(kind, zones, wait=primary is None)
    finally:
        harness.SERVERS[kind] = kept


def measure_make(settings, kind, versions, name, queries):
    current = os.path.join(settings.space.path, f"spread-{kind}.zone")
    shutil.copyfile(versions[0], current)
    ports = [harness.free_port(), harness.free_port()]
    primary = start(settings, kind, {"test.": current}, ports[0], other=ports[1])
    began = time.monotonic()
    secondary = start(settings, kind, {}, ports[1], primary=ports[0])
    secondary.wait(("test.", "SOA"), DEADLINE_S)
    came = time.monotonic() - began
    reload.prepare(versions[1], current)
    flood = settings.flood(secondary, queries, "--rate", RATE, "--seconds", 600, "--warmup", 0, "--sockets", 4,
                           cpu=settings.client_cpu)
    time.sleep(1.0)
    cpu = primary.cpu_seconds() + secondary.cpu_seconds()
    os.rename(current + ".new", current)
    began = time.monotonic()
    primary.request_reload()
    reload.wait_for(secondary, name, True)
    both = time.monotonic() - began
    cpu = primary.cpu_seconds() + secondary.cpu_seconds() - cpu
    time.sleep(0.5)
    seen = measure.counters(flood)
    for server in (secondary, primary):
        settings.end_server(server)
    os.remove(current)
    return came, both, cpu, seen["worst_wait_ms"], seen["lost"]


def run(settings):
    base = settings.tld()
    changed = settings.tld("spread.zone", "--change", 1, "--changed", os.path.join(settings.space.path, "spread-changed"),
                           "--serial", 1)
    with open(os.path.join(settings.space.path, "spread-changed"), encoding="ascii") as names:
        name = names.read().split()[0]
    table = measure.Table(f"spread: {settings.delegations:,} delegations, one changed; {RATE} questions a second to the secondary", [
        ("new secondary has it, s", "less", 3), ("both serve the change, s", "less", 3), ("CPU s", "less", 2),
        ("longest wait, ms", "less", 1), ("lost", None, 0)])
    for kind in settings.kinds:
        if kind in MAKES:
            table.add(harness.SERVERS[kind].title, *measure_make(settings, kind, (base, changed), name, base + ".queries"),
                      ours=kind == measure.OURS)
    return [table]
