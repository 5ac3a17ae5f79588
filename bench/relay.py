"""What the measurements of forwarding and caching share: servers that have no zones but an upstream, and one round
after another of each. The upstream (ours, one zone with a wildcard) and the generator run on the other core."""

import time

import harness
import measure
import wire

ZONE = """$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
* A 192.0.2.99
"""


class Relay(harness.Server):
    """Asks `upstream`, and keeps answers when `cached` is true."""

    upstream, cached = None, False

    def request_reload(self):
        raise NotImplementedError

    def wait(self, probe=None, deadline=30, pause=0.02):
        """Ready when it answers a question that asks for recursion."""
        limit, question = time.monotonic() + deadline, wire.question(wire.name_from_text("ready.example.org."), 1, 7, flags=0x100)
        while time.monotonic() < limit:
            try:
                reply = self.exchange(question, False, 0.5, 1)
                if reply is not None and reply[3] & 15 == 0:
                    return
            except OSError:
                pass
            time.sleep(pause)
        raise harness.Failure(f"{self.kind} did not answer in time:\n{self.tail()}")


class BailiwickRelay(Relay):
    kind, title = "relay-bailiwick", "Bailiwick"

    def command(self):
        cache = " cache {\n  success 100000\n }\n" if self.cached else ""
        conf = harness.write_file(self.directory, "Corefile", ".:%d {\n bind 127.0.0.1\n%s forward . 127.0.0.1:%d\n}\n" %
                                  (self.port, cache, self.upstream.port))
        return [harness.need_ours(), "-conf", conf, "-quiet", "-workers", "1", "-control", "off"]


class Dnsdist(Relay):
    kind, title = "relay-dnsdist", "dnsdist"

    def command(self):
        lines = [f'setLocal("127.0.0.1:{self.port}")', f'newServer({{address="127.0.0.1:{self.upstream.port}"}})',
                 "setMaxUDPOutstanding(65535)", 'setSecurityPollSuffix("")']
        if self.cached:
            lines += ["pc = newPacketCache(100000)", 'getPool(""):setCache(pc)']
        conf = harness.write_file(self.directory, "dnsdist.conf", "\n".join(lines) + "\n")
        return [harness.program("dnsdist"), "--supervised", "--disable-syslog", "-C", conf]


class Unbound(Relay):
    kind, title = "relay-unbound", "Unbound"

    def command(self):
        lines = ["server:", f"  interface: 127.0.0.1@{self.port}", '  chroot: ""', '  username: ""', "  use-syslog: no",
                 f'  directory: "{self.directory}"', '  pidfile: ""', "  num-threads: 1", '  module-config: "iterator"',
                 "  do-not-query-localhost: no", "  verbosity: 0", "  num-queries-per-thread: 4096", "  outgoing-range: 8192",
                 "  so-rcvbuf: 0", "  so-sndbuf: 0", "  msg-cache-size: 64m", "  rrset-cache-size: 128m"]
        if not self.cached:
            lines += ["  cache-max-ttl: 0", "  cache-max-negative-ttl: 0"]
        lines += ["remote-control:", "  control-enable: no", "forward-zone:", '  name: "."',
                  f"  forward-addr: 127.0.0.1@{self.upstream.port}"]
        conf = harness.write_file(self.directory, "unbound.conf", "\n".join(lines) + "\n")
        return [harness.program("unbound") or "/usr/sbin/unbound", "-d", "-c", conf]


RELAYS = {relay.kind: relay for relay in (BailiwickRelay, Dnsdist, Unbound)}


def start_upstream(settings):
    path = settings.space.write("relay.zone", ZONE)
    return settings.start("bailiwick", {"example.org.": path}, cpu=settings.client_cpu)


def start_relays(settings, upstream, cached):
    for relay in RELAYS.values():
        relay.upstream, relay.cached = upstream, cached
        harness.SERVERS[relay.kind] = relay
    servers = []
    for kind, relay in RELAYS.items():
        name = kind.removeprefix("relay-")
        if name != "bailiwick" and harness.program(name) is None:
            print("not measured:", name)
            continue
        server = settings.space.start(kind, {}, cpu=settings.server_cpu, wait=False)
        server.wait()
        servers.append(server)
    return servers


def one_round(settings, server, queries):
    cpu = server.cpu_seconds()
    flood = settings.flood(server, queries, "--seconds", settings.seconds, "--warmup", 0.3, "--rd")
    seen = measure.wait_counters(flood)
    return seen, (server.cpu_seconds() - cpu) * 1e6 / max(1, seen["answers"] + seen["warmup_answers"])


def compare(settings, title, names, cached):
    queries = settings.space.write("relay.queries", "".join(f"n{i}.example.org. A\n" for i in range(names)))
    upstream = start_upstream(settings)
    servers = start_relays(settings, upstream, cached)
    rounds = {server.kind: [] for server in servers}
    for server in servers:
        one_round(settings, server, queries)  # fills the cache, opens the sockets
    for _ in range(settings.rounds):
        for server in servers:
            rounds[server.kind].append(one_round(settings, server, queries))
    table = measure.Table(title, [("answers/s", "more", 0), ("CPU us/answer", "less", 2), ("resident MB", "less", 0),
                                  ("lost", None, 0), ("not NOERROR", None, 0)])
    for server in servers:
        seen = [counted for counted, _ in rounds[server.kind]]
        odd = sum(count for each in seen for rcode, count in each["rcodes"].items() if rcode != "0")
        table.add(server.title, measure.median([each["per_second"] for each in seen]),
                  measure.median([cost for _, cost in rounds[server.kind]]), server.resident_mb(),
                  sum(each["lost"] for each in seen), odd, ours=server.kind == BailiwickRelay.kind)
    for server in [*servers, upstream]:
        settings.end_server(server)
    return table
