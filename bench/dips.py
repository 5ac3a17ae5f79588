"""dips: a million delegations under half of the questions that the server can answer, while the zone goes out by AXFR and
while 40,000 changes of its text are read, so many that ours works them into a new image behind that. What is lost, and
how late the latest answers are. Each server has one core for itself; the questions and the transfer's client the other."""

import os
import shutil
import threading
import time

import harness
import measure
import reload
import transfer

SETTLE_S = 0.5
FOLD_S = 2.0


def capacity(settings, server, queries):
    flood = settings.flood(server, queries, "--seconds", 1, "--warmup", 0.3)
    return measure.wait_counters(flood)["per_second"]


def watch(settings, server, queries, rate, event):
    """Worst wait in ms and share lost in percent while EVENT() goes on."""
    flood = settings.flood(server, queries, "--rate", int(rate), "--seconds", 600, "--warmup", 0, "--sockets", 4)
    time.sleep(SETTLE_S)
    event()
    time.sleep(SETTLE_S)
    seen = measure.counters(flood)
    return seen["worst_wait_ms"], seen["lost"]


def send_zone(server):
    client = threading.Thread(target=lambda: [transfer.fetch(server.port) for _ in range(2)])
    client.start()
    client.join()


def measure_server(settings, kind, versions, names, queries):
    current = os.path.join(settings.space.path, f"dips-{kind}.zone")
    shutil.copyfile(versions[0], current)
    server = settings.start(kind, {"test.": current}, extra=transfer.EXTRA[kind], cpu=settings.server_cpu)
    rate = capacity(settings, server, queries) / 2
    quiet = watch(settings, server, queries, rate, lambda: time.sleep(1))
    sent = watch(settings, server, queries, rate, lambda: send_zone(server))
    reload.prepare(versions[1], current)

    def read_again():
        reload.reload_once(server, current, names[0], True)
        time.sleep(FOLD_S)
    read = watch(settings, server, queries, rate, read_again)
    settings.end_server(server)
    os.remove(current)
    return rate, quiet[0], *sent, *read


def run(settings):
    base = settings.tld()
    changes = max(1, settings.delegations // 25)
    names = os.path.join(settings.space.path, "dips-changed")
    changed = settings.tld("dips.zone", "--change", changes, "--changed", names, "--serial", 2)
    with open(names, encoding="ascii") as lines:
        owners = lines.read().split()
    table = measure.Table(f"dips: {settings.delegations:,} delegations, half of what one core can answer, {changes:,} changes", [
        ("questions/s", None, 0), ("quiet: longest wait, ms", None, 1), ("AXFR out twice: ms", "less", 1), ("lost", None, 0),
        ("reload: ms", "less", 1), ("lost", None, 0)])
    kept = harness.SERVERS["knot"]
    harness.SERVERS["knot"] = transfer.Knot
    try:
        for kind in settings.kinds:
            if kind in transfer.EXTRA:
                table.add(harness.SERVERS[kind].title, *measure_server(settings, kind, (base, changed), owners, base + ".queries"),
                          ours=kind == measure.OURS)
    finally:
        harness.SERVERS["knot"] = kept
    return [table]
