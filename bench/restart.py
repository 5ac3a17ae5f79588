"""restart: a secondary of a million delegations is stopped and started again: from what it kept to the first answer, with
nothing in the journal and with a thousand steps of it; what is on the disk."""

import os
import socket
import time

import harness
import measure
import spread

STEPS = 1000


def size_mb(directory, ending):
    return sum(os.path.getsize(os.path.join(directory, name)) for name in os.listdir(directory) if name.endswith(ending)) / 1e6


def command(server, line):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(os.path.join(server.directory, "control"))
        sock.sendall(line.encode() + b"\n")
        reply = sock.makefile().readline()
    if '"error"' in reply:
        raise harness.Failure(f"{line}: {reply}")


def start_again(server, probe):
    server.stop()
    server.launch()
    return server.wait(probe, pause=0.0005)


def is_there(server, probe):
    answer = server.ask(*probe)
    return answer is not None and answer.rcode == 0


def run(settings):
    path = settings.tld()
    steps = STEPS // 10 if settings.quick else STEPS
    ports = [harness.free_port(), harness.free_port()]
    primary = spread.start(settings, "bailiwick", {"test.": path}, ports[0], other=ports[1])
    secondary = spread.start(settings, "bailiwick", {}, ports[1], primary=ports[0])
    secondary.wait(("test.", "SOA"), spread.DEADLINE_S)
    while size_mb(secondary.directory, ".image") == 0:
        time.sleep(0.05)
    bare = measure.median([start_again(secondary, ("test.", "SOA")) for _ in range(3)])
    cpu = secondary.cpu_seconds()
    for step in range(steps):
        for words in ("begin", f"set step{step}.test. 60 A 192.0.2.1", "commit"):
            command(primary, f"edit test. {words}")
    probe = (f"step{steps - 1}.test.", "A")
    limit = time.monotonic() + 60
    while not is_there(secondary, probe):
        if time.monotonic() > limit:
            raise harness.Failure("the last step did not come")
        time.sleep(0.01)
    cpu = secondary.cpu_seconds() - cpu
    journal = size_mb(secondary.directory, ".journal")
    full = measure.median([start_again(secondary, probe) for _ in range(3)])
    table = measure.Table(f"restart: a secondary of {settings.delegations:,} delegations", [
        ("image to first answer, s", "less", 4), (f"with {steps:,} steps in the journal", "less", 4), ("CPU ms a step", "less", 2),
        ("journal MB", "less", 2), ("image MB", "less", 1)])
    table.add("Bailiwick", bare, full, cpu * 1000 / steps, journal, size_mb(secondary.directory, ".image"), ours=True)
    for server in (secondary, primary):
        settings.end_server(server)
    return [table]
