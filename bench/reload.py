"""reload: one record of a million delegations is changed in the text. How long until it is served, how
late answers come meanwhile, and how much memory it takes."""

import os
import shutil
import threading
import time

import harness
import measure

RATE = 2000
LATE_MS = 20
DEADLINE_S = 300


def prepare(source, target):
    """Copies the next text beside the one that is served, before anybody watches."""
    shutil.copyfile(source, target + ".new")


def has_new_server(server, name):
    answer = server.ask(name, "NS", timeout=1.0, tries=3)
    return answer is not None and any(record[1] == 2 and record[4].startswith(b"\x0ans-changed")
                                      for record in answer.answer + answer.authority)


def wait_for(server, name, present):
    start = time.monotonic()
    while has_new_server(server, name) != present:
        if time.monotonic() - start > DEADLINE_S:
            raise harness.Failure(f"{server.kind}: the changed record was not served in {DEADLINE_S} s")
        time.sleep(0.002)
    return time.monotonic() - start


class MemoryWatch:
    """The highest resident sizes seen until stop(): all, and what no file backs."""

    PARTS = ("Pss", "Pss_Anon")

    def __init__(self, server):
        self.server, self.over = server, threading.Event()
        self.before = [server.resident_mb(part) for part in self.PARTS]
        self.highest = list(self.before)
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()

    def _watch(self):
        while not self.over.wait(0.05):
            seen = [self.server.resident_mb(part) for part in self.PARTS]
            self.highest = list(map(max, self.highest, seen))

    def stop(self):
        """How much more than before."""
        self.over.set()
        self.thread.join()
        return [highest - before for highest, before in zip(self.highest, self.before)]


def reload_once(server, current, name, present):
    os.rename(current + ".new", current)
    start = time.monotonic()
    server.request_reload()
    wait_for(server, name, present)
    return time.monotonic() - start


def measure_server(settings, kind, versions, name, queries):
    """Two reloads: one watched by questions, one by its memory, so that neither watcher disturbs."""
    current = os.path.join(settings.space.path, f"current-{kind}.zone")
    shutil.copyfile(versions[0], current)
    server = settings.start(kind, {"test.": current})
    prepare(versions[1], current)
    time.sleep(0.5)
    flood = settings.flood(server, queries, "--rate", RATE, "--late-ms", LATE_MS, "--seconds", 600, "--warmup", 0,
                           "--sockets", 4, cpu=settings.client_cpu)
    time.sleep(0.5)
    seconds = reload_once(server, current, name, True)
    time.sleep(1.0)
    seen = measure.counters(flood)
    prepare(versions[2], current)
    before = server.resident_mb()
    watch = MemoryWatch(server)
    cpu = server.cpu_seconds()
    reload_once(server, current, name, False)
    cpu = server.cpu_seconds() - cpu
    extra = watch.stop()
    settings.end_server(server)
    os.remove(current)
    return seconds, cpu, seen["worst_gap_ms"], seen["worst_wait_ms"], seen["late"] + seen["lost"], *extra, before


def run(settings):
    base = settings.tld()
    changed = settings.tld("changed.zone", "--change", 1, "--changed", os.path.join(settings.space.path, "changed"),
                           "--serial", 1)
    back = settings.tld("back.zone", "--serial", 3)
    with open(os.path.join(settings.space.path, "changed"), encoding="ascii") as names:
        name = names.read().split()[0]
    table = measure.Table(
        f"reload: one changed record in {settings.delegations:,} delegations, {RATE} questions a second meanwhile", [
            ("served after, s", "less", 3), ("CPU s", "less", 2), ("longest gap, ms", "less", 1), ("longest wait, ms", "less", 1),
            (f"later than {LATE_MS} ms", None, 0), ("extra MB", "less", 0),
            ("of it anonymous", "less", 0), ("resident MB", "less", 0)])
    for kind in settings.kinds:
        values = measure_server(settings, kind, (base, changed, back), name, base + ".queries")
        table.add(harness.SERVERS[kind].title, *values, ours=kind == measure.OURS)
    return [table]
