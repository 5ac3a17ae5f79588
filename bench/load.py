"""load: a million delegations, from text to the first answer; ours again from the image it kept."""

import os

import harness
import measure


def again(server):
    """Stops a server and starts it in its directory, with what it left there."""
    server.stop()
    server.launch()
    return server.wait(pause=0.0005)


def run(settings):
    path = settings.tld()
    size = os.path.getsize(path) / 1e6
    table = measure.Table(f"load: {settings.delegations:,} delegations, {size:.0f} MB of text, all cores", [
        ("text to first answer, s", "less", 2), ("CPU s", "less", 2), ("resident MB", "less", 0),
        ("image to first answer, s", None, 4)])
    for kind in settings.kinds:
        server = settings.start(kind, {"test.": path}, wait=False)
        seconds = server.wait()
        cpu, resident = server.cpu_seconds(), server.resident_mb()
        image = None
        if kind == measure.OURS:
            image = measure.median([again(server) for _ in range(5)])
        settings.end_server(server)
        table.add(harness.SERVERS[kind].title, seconds, cpu, resident, image, ours=kind == measure.OURS)
    return [table]
