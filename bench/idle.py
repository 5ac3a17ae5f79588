"""idle: what ten plugins that have nothing to do cost of an answer, in the server's processor time (kernel included), by
pairs of runs in turn on one core."""

import features
import harness
import measure

PAIRS = 9


def cost(settings, zones, queries, lines):
    """A core's seconds for one answer."""
    server = settings.start(measure.OURS, zones, cpu=settings.server_cpu, extra=lines)
    before = server.cpu_seconds()
    seen = measure.wait_counters(settings.flood(server, queries, "--seconds", settings.seconds, "--warmup", 0.3))
    seconds = server.cpu_seconds() - before
    settings.end_server(server)
    return seconds / max(1, seen["answers"] + seen["warmup_answers"])


def run(settings):
    zones, queries = settings.small()
    lines = next(row[1] for row in features.FEATURES if row[0] == "ten idle plugins")
    plain, with_ten = [], []
    for _ in range(PAIRS):
        plain.append(cost(settings, zones, queries, ""))
        with_ten.append(cost(settings, zones, queries, lines))
    table = measure.Table("idle: processor time of an answer with ten idle plugins", [
        ("median ns", "less", 0), ("least ns", "less", 0), ("median of pairs, of plain", None, 3)])
    table.add("plain", measure.median(plain) * 1e9, min(plain) * 1e9, 1.0)
    table.add("with ten idle plugins", measure.median(with_ten) * 1e9, min(with_ten) * 1e9,
              measure.median([b / a for a, b in zip(plain, with_ten)]), ours=True)
    return [table]
