"""UPDATE messages that reach a secondary and go on to the primary (RFC 2136 6): signed by their clients or by the
secondary, of primaries of ours and BIND, of primaries that are dead, silent, or refuse."""

import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from secondary_peers_test import at_port
from secondary_test import await_serial, eventually, serial
from update_test import KEYS, SECRET, TEXT, ask, send, update

SECRETS = "\n".join(f"  secret {name} {SECRET} hmac-sha256" for name in KEYS)


def primary_text(path, rules, target):
    return (f"example.org:{{port}} {{\n tsig {{\n{SECRETS}\n }}\n file {path}\n transfer {{\n  to *\n  to 127.0.0.1:{target}\n }}\n"
            f" update {{\n  {rules}\n }}\n}}\n")


def secondary_text(primaries, state, rules="allow key upd.test. web.test.\n  allow net 127.0.0.1", key=""):
    return (f"example.org:{{port}} {{\n tsig {{\n{SECRETS}\n }}\n secondary {{\n  transfer from {primaries} {key}\n  state {state}\n"
            f"  timeout 1s\n }}\n update {{\n  forward\n  {rules}\n }}\n}}\n")


def pair(space, rules="allow key upd.test.\n  allow key host1.example.org. subdomain by.example.org.", **how):
    port = harness.free_port()
    path = space.write("zone", TEXT)
    primary = server.start(space, primary_text(path, rules, port), arguments=["-state", space.directory("primary")])
    secondary = server.start(space, secondary_text(f"127.0.0.1:{primary.port}", space.directory("secondary"), **how),
                             make=at_port(port))
    await_serial(secondary, 10)
    return primary, secondary


def has_zone(named):
    try:
        reply = named.ask("www.example.org.", "A", timeout=0.5)
    except OSError:  # it does not listen yet
        return False
    return reply is not None and reply.answer


def test_signed_by_the_client():
    """The primary sees whose it is; what it says is what the client hears, and the secondary has it by NOTIFY."""
    with harness.Workspace() as space:
        primary, secondary = pair(space)
        for number, udp in ((11, False), (12, True)):
            message = update()
            message.add(f"new{number}", 60, "A", f"192.0.2.{number}")
            send(secondary, message, udp=udp)
            assert serial(primary) == number
            await_serial(secondary, number)
            assert ask(secondary, f"new{number}.example.org.", "A") == [f"192.0.2.{number}"]
        message = update()
        message.present("nowhere")
        send(secondary, message, "NXDOMAIN")
        message = update("web.test.")  # the secondary passes it on, the primary does not want it
        message.add("web", 60, "A", "192.0.2.99")
        send(secondary, message, "REFUSED")
        message = update("host1.example.org.")  # no rule has its key, but its address is allowed
        message.add("x.by", 60, "A", "192.0.2.99")
        send(secondary, message)
        assert serial(primary) == 13


def test_not_signed():
    """Without a signature it is the secondary's key that the primary sees, where there is one."""
    with harness.Workspace() as space:
        primary, secondary = pair(space, key="key host1.example.org.")
        message = update(key=None)
        message.add("host.by", 60, "A", "192.0.2.7")
        send(secondary, message)
        await_serial(secondary, 11)
        message = update(key=None)
        message.add("www", 60, "A", "192.0.2.7")
        send(secondary, message, "REFUSED")
        assert serial(primary) == 11


def test_who_may():
    with harness.Workspace() as space:
        primary, secondary = pair(space, rules="allow key web.test.")
        for key in ("upd.test.", None):
            message = update(key)
            message.add("www", 60, "A", "192.0.2.7")
            send(secondary, message, "REFUSED")
        secondary.reload(secondary.corefile.replace("  forward\n", ""))
        message = update("web.test.")
        message.add("www", 60, "A", "192.0.2.7")
        send(secondary, message, "REFUSED")
        assert serial(primary) == 10


def test_primaries_that_do_not_answer():
    """The next one is asked where the first cannot be reached; one that has got it but is silent is the last."""
    with harness.Workspace() as space, socket.create_server(("127.0.0.1", 0)) as silent:
        primary, secondary = pair(space)
        dead = harness.free_port()
        secondary.reload(secondary.corefile.replace(f"127.0.0.1:{primary.port}", f"127.0.0.1:{dead} 127.0.0.1:{primary.port}"))
        message = update()
        message.add("one", 60, "A", "192.0.2.7")
        send(secondary, message)
        await_serial(secondary, 11)
        secondary.reload(secondary.corefile.replace(f"127.0.0.1:{primary.port}", f"127.0.0.1:{silent.getsockname()[1]}"))
        message = update()
        message.add("two", 60, "A", "192.0.2.7")
        began = time.monotonic()
        send(secondary, message, "SERVFAIL")
        assert time.monotonic() - began < 9 and serial(primary) == 11
        secondary.wait_for_log("cannot be passed on")
        assert ask(secondary, "www.example.org.", "A") == ["192.0.2.1", "192.0.2.2"]


def test_to_bind():
    """nsupdate, a secondary of ours, BIND; and BIND's own forwarding to ours."""
    if not harness.Bind.is_available():
        raise harness.Skip("named is not installed")

    class Named(harness.Bind):
        def command(self):
            with open(os.path.join(self.directory, "zone"), "w", encoding="ascii") as file:
                file.write(TEXT)
            conf = harness.write_file(self.directory, "named.conf", f"""
key upd.test. {{ algorithm hmac-sha256; secret "{SECRET}"; }};
options {{ directory "{self.directory}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none;
  session-keyfile none; recursion no; dnssec-validation no; empty-zones-enable no; notify-delay 0; }};
controls {{ }};
{self.zone_text}""")
            return [harness.program("named"), "-f", "-4", "-n", "1", "-c", conf]

    def nsupdate(port, name):
        text = f"server 127.0.0.1 {port}\nzone example.org.\nupdate add {name} 60 A 192.0.2.7\nsend\n"
        done = subprocess.run([harness.program("nsupdate"), "-y", f"hmac-sha256:upd.test.:{SECRET}"], input=text,
                              capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr

    harness.SERVERS["bind-update"] = Named
    with harness.Workspace() as space:
        port = harness.free_port()
        Named.zone_text = (f'zone "example.org" {{ type primary; file "zone"; allow-transfer {{ any; }}; notify explicit;\n'
                           f'  also-notify {{ 127.0.0.1 port {port}; }}; allow-update {{ key upd.test.; }}; }};')
        named = space.start("bind-update", {"example.org.": "zone"}, wait=False)
        secondary = server.start(space, secondary_text(f"127.0.0.1:{named.port}", space.directory("state")), make=at_port(port))
        await_serial(secondary, 10)
        nsupdate(secondary.port, "new.example.org.")
        await_serial(secondary, 11)
        assert ask(secondary, "new.example.org.", "A") == ["192.0.2.7"]
    with harness.Workspace() as space:
        path, port = space.write("zone", TEXT), harness.free_port()
        primary = server.start(space, primary_text(path, "allow key upd.test.", port),
                               arguments=["-state", space.directory("state")])
        Named.zone_text = (f'zone "example.org" {{ type secondary; file "copy"; primaries {{ 127.0.0.1 port {primary.port}; }};\n'
                           f'  masterfile-format text; allow-update-forwarding {{ key upd.test.; }}; }};')
        named = space.start("bind-update", {"example.org.": "zone"}, wait=False)
        eventually(lambda: has_zone(named), 20, tell="the zone at named")
        nsupdate(named.port, "new.example.org.")
        assert ask(primary, "new.example.org.", "A") == ["192.0.2.7"]
