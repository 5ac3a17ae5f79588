"""zones: thousands of small zones. From their texts to answers, memory, a reload of all when nothing or all of them has
changed; then a new secondary that follows a catalog of them (RFC 9432), and a thousand members more. NSD of Debian
follows no catalogs. The other side of the catalog is one bailiwickd for everybody."""

import os
import re
import socket
import time

import harness
import measure
import wire

DEADLINE_S = 240
WINDOW = 200  # questions that are out at once


def serials(server, names, timeout=1.0):
    """The serials of those zones that the server has, asked for side by side."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", server.port))
        sock.settimeout(timeout)
        for at in range(0, len(names), WINDOW):
            part = names[at:at + WINDOW]
            try:
                for ident, name in enumerate(part, at):
                    sock.send(wire.question(wire.name_from_text(name), wire.type_number("SOA"), ident))
                for _ in part:
                    reply = sock.recv(4096)
                    if reply[3] & 15 == 0 and reply[7] > 0:
                        answer = wire.Answer(reply)
                        found[names[answer.ident]] = int.from_bytes(answer.answer[0][4][-20:-16], "big")
            except OSError:  # it does not listen yet, or one was lost
                time.sleep(0.01)
    return found


def await_serial(server, names, serial):
    """Seconds until all of them are served with SERIAL or a later one."""
    start, left = time.monotonic(), list(names)
    while left:
        found = serials(server, left[:WINDOW])
        left = [name for name in left if found.get(name, -1) < serial]
        if time.monotonic() - start > DEADLINE_S:
            raise harness.Failure(f"{server.kind}: {len(left)} zones have no serial {serial} after {DEADLINE_S} s, as {left[0]}")
        time.sleep(0.002 if len(left) < WINDOW else 0)
    return time.monotonic() - start


def await_quiet(server, deadline=60):
    """Until it has used no processor for a while; returns the CPU seconds used so far."""
    limit, last, since = time.monotonic() + deadline, server.cpu_seconds(), time.monotonic()
    while time.monotonic() < limit and time.monotonic() - since < 0.3:
        time.sleep(0.05)
        now = server.cpu_seconds()
        if now != last:
            last, since = now, time.monotonic()
    return last


def copies(settings, kind, zones):
    """Texts of its own for each server: they are changed."""
    directory, made = settings.space.directory(f"zones-{kind}"), {}
    for origin, path in zones.items():
        made[origin] = os.path.join(directory, os.path.basename(path))
        with open(path, encoding="ascii") as text, open(made[origin], "w", encoding="ascii") as out:
            out.write(text.read())
    return made


def change_all(zones):
    for path in zones.values():
        with open(path, encoding="ascii") as text:
            changed = re.sub(r"(SOA \S+ \S+ )\d+", r"\g<1>2", text.read(), count=1) + "changed\tIN A 10.0.0.99\n"
        with open(path + ".new", "w", encoding="ascii") as out:
            out.write(changed)
        os.rename(path + ".new", path)


def measure_server(settings, kind, zones):
    mine = copies(settings, kind, zones)
    names = list(mine)
    server = settings.start(kind, mine, wait=False)
    start = server.wait()
    await_serial(server, names, 1)
    cpu = server.cpu_seconds()
    time.sleep(0.5)
    resident = server.resident_mb()
    time.sleep(1.2)  # texts that are seen changed within their clock's tick are not trusted by their times
    before = await_quiet(server)
    server.request_reload()
    nothing = await_quiet(server) - before
    change_all(mine)
    before = await_quiet(server)
    began = time.monotonic()
    server.request_reload()
    await_serial(server, names, 2)
    changed = time.monotonic() - began
    spent = server.cpu_seconds() - before
    settings.end_server(server)
    return start, cpu, resident, nothing, changed, spent


# ---- a catalog ----

class Primary(harness.Bailiwick):
    """The members' primary, whoever follows: more of them come when more() is called."""

    def command(self):
        words = super().command()
        self.write_corefile(len(self.zones))
        return words

    def write_corefile(self, count):
        lines = "".join(f" file {path} {origin}\n" for origin, path in list(self.zones.items())[:count])
        harness.write_file(self.directory, "Corefile", f".:{self.port} {{\n bind 127.0.0.1\n{lines} catalog cat.test. {{\n  state {self.directory}\n }}\n"
                           f" transfer {{\n  to * {self.told}\n }}\n}}\n")


class Follower(harness.Bailiwick):
    title = "Bailiwick"

    def command(self):
        words = super().command()
        harness.write_file(self.directory, "Corefile", f".:{self.port} {{\n bind 127.0.0.1\n secondary cat.test {{\n  transfer from "
                           f"127.0.0.1:{self.primary}\n  state {self.directory}\n  catalog\n }}\n}}\n")
        return words


class KnotFollower(harness.Knot):
    def command(self):
        words = super().command()
        harness.write_file(self.directory, "knot.conf", "\n".join([
            "server:", f"  listen: 127.0.0.1@{self.port}", f'  rundir: "{self.directory}"', "  udp-workers: 1", "  tcp-workers: 1",
            "  background-workers: 2", "control:", f'  listen: "{self.directory}/control"', "log:", "  - target: stderr",
            "    any: error", "database:", f'  storage: "{self.directory}"', "remote:", "  - id: primary",
            f"    address: 127.0.0.1@{self.primary}", "acl:", "  - id: notify", "    address: 127.0.0.1", "    action: notify",
            "template:", "  - id: default", f'    storage: "{self.directory}"', "  - id: member", f'    storage: "{self.directory}"',
            "    master: primary", "    acl: notify", "zone:", "  - domain: cat.test.", "    master: primary", "    acl: notify",
            "    catalog-role: interpret", "    catalog-template: member"]) + "\n")
        return words


FOLLOWERS = {"bailiwick": Follower, "knot": KnotFollower}


def launch(settings, space_kind, made, zones, **attributes):
    def make(directory, zones, **options):
        server = made(directory, zones, **options)
        for name, value in attributes.items():
            setattr(server, name, value)
        return server
    kept = harness.SERVERS[space_kind]
    harness.SERVERS[space_kind] = make
    try:
        return settings.start(space_kind, zones, wait=False)
    finally:
        harness.SERVERS[space_kind] = kept


def measure_follower(settings, kind, zones, first):
    port = harness.free_port()
    primary = launch(settings, "bailiwick", Primary, zones, told=f"127.0.0.1:{port}")
    primary.wait()
    names = list(zones)
    primary.write_corefile(first)
    primary.request_reload()
    while serials(primary, names[-1:]):
        time.sleep(0.02)
    await_quiet(primary)
    follower = launch(settings, kind, FOLLOWERS[kind], {}, primary=primary.port, port=port)
    began = time.monotonic()
    await_serial(follower, names[:first], 1)
    came = time.monotonic() - began
    cpu, resident = await_quiet(follower), follower.resident_mb()
    primary.write_corefile(len(names))
    began = time.monotonic()
    primary.request_reload()
    await_serial(follower, names[first:], 1)
    added = time.monotonic() - began
    spent = follower.cpu_seconds() - cpu
    for server in (follower, primary):
        settings.end_server(server)
    return came, cpu, resident, added, spent


def run(settings):
    zones, _ = settings.many()
    table = measure.Table(f"zones: {settings.zones:,} small zones, each with a text of its own", [
        ("to the first answer, s", "less", 2), ("CPU s to all answers", "less", 2), ("resident MB", "less", 1), ("reload, nothing new: CPU s", "less", 2),
        ("reload, all new: s", "less", 2), ("CPU s", "less", 2)])
    for kind in settings.kinds:
        table.add(harness.SERVERS[kind].title, *measure_server(settings, kind, zones), ours=kind == measure.OURS)
    yield table
    more = max(1, settings.zones // 10)
    catalog = measure.Table(f"zones: a new secondary follows a catalog of {settings.zones - more:,}, then {more:,} come", [
        ("has all, s", "less", 2), ("CPU s", "less", 2), ("resident MB", "less", 1), ("has those that came, s", "less", 2),
        ("CPU s", "less", 2)])
    for kind in settings.kinds:
        if kind in FOLLOWERS:
            catalog.add(harness.SERVERS[kind].title, *measure_follower(settings, kind, zones, settings.zones - more),
                        ours=kind == measure.OURS)
    yield catalog
