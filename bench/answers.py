"""answers: answers per second of one core. Each server has one worker, pinned to one core; the generator
runs on the other and keeps it saturated. The rounds of the servers are interleaved and the median taken,
so that what else the machine does falls on all alike."""

import os

import harness
import measure
import zonegen


SIGNED_MAX = 100000  # delegations of the signed zone: dnssec-signzone takes its time


def one_round(settings, server, queries, more):
    options = ["--seconds", settings.seconds, "--warmup", 0.3, *more]
    flood = settings.flood(server, queries, *options)
    cpu = server.cpu_seconds()
    seen = measure.wait_counters(flood)
    spent = server.cpu_seconds() - cpu
    return seen, spent * 1e6 / max(1, seen["answers"] + seen["warmup_answers"])


def shape(settings, title, zones, queries, *more):
    measure.EchoServer.tool = settings.tool("echo")
    kinds = [*settings.kinds, "echo"]
    servers = {}
    for kind in kinds:
        wait = kind != "echo"
        servers[kind] = settings.start(kind, zones if wait else {}, cpu=settings.server_cpu, wait=wait)
    rounds = {kind: [] for kind in kinds}
    for _ in range(settings.rounds):
        for kind in kinds:
            rounds[kind].append(one_round(settings, servers[kind], queries, more))
    table = measure.Table(title, [("answers/s", "more", 0), ("CPU us/answer", "less", 2), ("resident MB", "less", 0),
                                  ("lost", None, 0), ("not NOERROR/NXDOMAIN", None, 0)])
    for kind in kinds:
        seen = [counted for counted, _ in rounds[kind]]
        odd = sum(count for each in seen for rcode, count in each["rcodes"].items() if rcode not in ("0", "3"))
        table.add(servers[kind].title, measure.median([each["per_second"] for each in seen]),
                  measure.median([cost for _, cost in rounds[kind]]), servers[kind].resident_mb(),
                  sum(each["lost"] for each in seen), odd, ours=kind == measure.OURS)
    for server in servers.values():
        settings.end_server(server)
    return table


def run(settings):
    zones, queries = settings.small()
    yield shape(settings, "answers per second of one core: one small zone", zones, queries)
    zones, queries = settings.many()
    yield shape(settings, f"answers per second of one core: {len(zones):,} zones", zones, queries)
    path = settings.tld()
    yield shape(settings, f"answers per second of one core: {settings.delegations:,} delegations, mixed",
                {"test.": path}, path + ".queries")
    if zonegen.signer_missing() is None:
        yield signed(settings)


def signed(settings):
    """NSEC3 with opt-out, as registries sign, and questions with DO."""
    count = min(settings.delegations, SIGNED_MAX)
    queries = os.path.join(settings.space.path, "signed.queries")
    path = settings.genzone("to-sign.zone", "--shape", "tld", "--delegations", count, "--queries", queries,
                            "--query-count", 300000)
    path = zonegen.sign(path, "test.", "optout", settings.space.path)
    return shape(settings, f"answers per second of one core: {count:,} delegations, NSEC3 opt-out, DO",
                 {"test.": path}, queries, "--do")
