#!/usr/bin/python3
"""bailiwickd as a whole: sockets and addresses, reloading, loadable plugins, suspended queries, logs."""

import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
import wire

SOA = "@ 3600 SOA ns hostmaster {serial} 7200 3600 1209600 300\n@ NS ns\nns A 192.0.2.1\nwww A {address}\n"


def zone(serial, address="192.0.2.80", more=""):
    return SOA.format(serial=serial, address=address) + more


def ask_at(address, port, name, qtype="A", family=socket.AF_INET, timeout=2.0):
    """The reply and the address it came from; (None, None) without one."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.sendto(server.question(name, qtype, 77), (address, port))
        try:
            reply, source = sock.recvfrom(4096)
        except (socket.timeout, ConnectionRefusedError):
            return None, None
        return wire.Answer(reply), source[0]


def addresses(answer):
    return sorted(socket.inet_ntoa(record[4]) for record in answer.answer if record[1] == 1)


# ---- addresses ----

def test_wildcard_answers_from_the_address_asked():
    with harness.Workspace() as space:
        daemon = server.start(space, ".:{port} {\n whoami\n}\n")
        for address in ("127.0.0.1", "127.0.0.2", "127.9.8.7"):
            answer, source = ask_at(address, daemon.port, "a.test.")
            assert answer is not None and source == address, (address, source)
        if socket.has_ipv6 and os.path.exists("/proc/net/if_inet6"):
            answer, source = ask_at("::1", daemon.port, "a.test.", family=socket.AF_INET6)
            assert answer is not None and source == "::1", source
            assert answer.additional[0][4] == socket.inet_pton(socket.AF_INET6, "::1")


def test_bind_listens_there_only():
    with harness.Workspace() as space:
        daemon = server.start(space, ".:{port} {\n bind 127.0.0.1 127.0.0.3\n whoami\n}\n")
        assert ask_at("127.0.0.3", daemon.port, "a.test.")[0] is not None
        assert ask_at("127.0.0.2", daemon.port, "a.test.", timeout=0.3)[0] is None


def test_bind_interface_except():
    with harness.Workspace() as space:
        daemon = server.start(space, ".:{port} {\n bind lo {\n  except ::1\n }\n whoami\n}\n")
        assert ask_at("127.0.0.1", daemon.port, "a.test.")[0] is not None
        assert ask_at("::1", daemon.port, "a.test.", family=socket.AF_INET6, timeout=0.3)[0] is None


def test_blocks_by_address():
    with harness.Workspace() as space:
        space.write("one", zone(1, "192.0.2.1"))
        space.write("two", zone(1, "192.0.2.2"))
        block = "example.org:{port} {{\n bind 127.0.0.%d\n file %s/%s\n}}\n"
        text = "".join(block % (n, space.path, name) for n, name in ((1, "one"), (2, "two")))
        daemon = server.start(space, text.replace("{{", "{").replace("}}", "}"))
        assert addresses(ask_at("127.0.0.1", daemon.port, "www.example.org.")[0]) == ["192.0.2.1"]
        assert addresses(ask_at("127.0.0.2", daemon.port, "www.example.org.")[0]) == ["192.0.2.2"]


def test_port_in_use_is_told():
    with harness.Workspace() as space:
        daemon = server.start(space, ".:{port} {\n whoami\n}\n")
        second = space.write("Corefile", f".:{daemon.port} {{\n whoami\n}}\n")
        done = subprocess.run([harness.need_ours(), "-conf", second, "-control", "off"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=20, check=False)
        text = done.stdout.decode()
        assert done.returncode != 0 and "another server is listening" in text and "Corefile:1:1" in text, text


def test_unknown_interface_is_told():
    with harness.Workspace() as space:
        conf = space.write("Corefile", ".:53 {\n  bind 127.0.0.1 nosuch0\n  whoami\n}\n")
        done = subprocess.run([harness.need_ours(), "-conf", conf, "-check"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=20, check=False)
        text = done.stdout.decode()
        assert done.returncode == 1 and "Corefile:2:18: error: bind: 'nosuch0'" in text, text


# ---- blocks and zones ----

def test_longest_suffix_and_ds_at_the_cut():
    with harness.Workspace() as space:
        space.write("parent", zone(1, more="child NS ns.child\nns.child A 192.0.2.53\nchild DS 1 8 2 " + "00" * 32 + "\n"))
        space.write("child", zone(2, "192.0.2.99"))
        daemon = server.start(space, "example.org:{port} {\n file %s/parent\n}\nchild.example.org:{port} {\n file %s/child\n}\n"
                              % (space.path, space.path))
        assert addresses(daemon.ask("www.child.example.org.", "A")) == ["192.0.2.99"]
        answer = daemon.ask("child.example.org.", "DS")
        assert [record[1] for record in answer.answer] == [43], answer.answer
        assert daemon.ask("child.example.org.", "SOA").answer[0][1] == 6
        assert daemon.ask("example.net.", "A").rcode == 5


def test_many_zones_in_one_block():
    with harness.Workspace() as space:
        lines = []
        for number in range(300):
            path = space.write(f"z{number}", zone(number + 1, f"10.0.{number // 256}.{number % 256}"))
            lines.append(f" file {path} z{number}.test")
        daemon = server.start(space, ".:{port} {\n" + "\n".join(lines) + "\n}\n", workers=2)
        for number in (0, 1, 150, 255, 299):
            assert addresses(daemon.ask(f"www.z{number}.test.", "A")) == [f"10.0.{number // 256}.{number % 256}"]
        assert daemon.ask("www.z300.test.", "A").rcode == 5


def test_fallthrough():
    with harness.Workspace() as space:
        path = space.write("zone", zone(1))
        daemon = server.start(space, "example.org:{port} {\n file %s {\n  fallthrough sub.example.org\n }\n whoami\n}\n" % path)
        assert daemon.ask("nx.example.org.", "A").rcode == 3
        answer = daemon.ask("nx.sub.example.org.", "A")
        assert answer.rcode == 0 and answer.additional, "whoami should have answered"
        assert addresses(daemon.ask("www.example.org.", "A")) == ["192.0.2.80"]


# ---- reloading ----

def wait_until(question, wanted, seconds=30.0):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        seen = question()
        if seen == wanted:
            return
        time.sleep(0.01)
    raise harness.Failure(f"still {seen!r}, not {wanted!r}")


def test_reload_of_a_zone():
    with harness.Workspace() as space:
        path = space.write("zone", zone(1))
        daemon = server.start(space, "example.org:{port} {\n file %s\n}\n" % path, workers=2)
        space.write("zone", zone(2, "192.0.2.81"))
        daemon.reload()
        wait_until(lambda: addresses(daemon.ask("www.example.org.", "A")), ["192.0.2.81"])
        space.write("zone", zone(2, "192.0.2.82"))
        daemon.reload()
        wait_until(lambda: addresses(daemon.ask("www.example.org.", "A")), ["192.0.2.82"])
        daemon.wait_for_log("serial has not gone up")


def test_reload_by_watching():
    with harness.Workspace() as space:
        path = space.write("zone", zone(1))
        daemon = server.start(space, "example.org:{port} {\n file %s {\n  reload 100ms\n }\n}\n" % path)
        space.write("zone", zone(2, "192.0.2.81"))
        wait_until(lambda: addresses(daemon.ask("www.example.org.", "A")), ["192.0.2.81"])


def test_reloads_in_a_row_serve_the_last_text():
    with harness.Workspace() as space:
        many = "".join(f"h{n} A 10.1.{n // 256 % 256}.{n % 256}\n" for n in range(30000))
        path = space.write("zone", zone(1, more=many))
        daemon = server.start(space, "example.org:{port} {\n file %s\n}\n" % path)
        for serial in range(2, 30):
            space.write("zone", zone(serial, f"192.0.2.{serial}", more=many))
            daemon.process.send_signal(10)
            time.sleep(0.002 * (serial % 7))
        wait_until(lambda: addresses(daemon.ask("www.example.org.", "A")), ["192.0.2.29"])


def test_a_text_being_written_is_left_alone():
    with harness.Workspace() as space:
        path = space.write("zone", zone(1))
        daemon = server.start(space, "example.org:{port} {\n file %s {\n  reload 20ms\n }\n}\n" % path)
        with open(path, "w", encoding="ascii") as out:
            for number in range(15):
                out.write(zone(2, "192.0.2.81") if number == 0 else f"h{number} A 192.0.2.{number}\n")
                out.flush()
                time.sleep(0.05)
        wait_until(lambda: addresses(daemon.ask("www.example.org.", "A")), ["192.0.2.81"])
        assert addresses(daemon.ask("h14.example.org.", "A")) == ["192.0.2.14"]
        assert daemon.log().count("is served") == 1, daemon.tail()


def test_broken_text_leaves_the_old_one():
    with harness.Workspace() as space:
        path = space.write("zone", zone(1))
        daemon = server.start(space, "example.org:{port} {\n file %s\n}\n" % path)
        space.write("zone", zone(2, "192.0.2.81", more="bad A 300.1.1.1\n"))
        daemon.reload()
        daemon.wait_for_log("the old one goes on")
        assert re.search(r"zone:5:7: ", daemon.log()), daemon.tail()
        assert addresses(daemon.ask("www.example.org.", "A")) == ["192.0.2.80"]
        space.write("zone", zone(3, "192.0.2.83"))
        daemon.reload()
        wait_until(lambda: addresses(daemon.ask("www.example.org.", "A")), ["192.0.2.83"])


def test_a_zone_that_comes_later():
    with harness.Workspace() as space:
        path = os.path.join(space.path, "zone")
        daemon = server.start(space, "example.org:{port} {\n errors\n file %s {\n  reload 50ms\n }\n}\n" % path)
        assert daemon.ask("www.example.org.", "A").rcode == 2
        daemon.wait_for_log("could not be loaded yet")
        space.write("zone", zone(1))
        wait_until(lambda: daemon.ask("www.example.org.", "A").rcode, 0)


def test_reload_of_the_corefile():
    with harness.Workspace() as space:
        path = space.write("zone", zone(1))
        one = "example.org:{port} {\n file %s\n}\n" % path
        daemon = server.start(space, one, workers=2)
        with daemon.connect() as connection:
            connection.send(server.question("www.example.org."))
            assert connection.receive() is not None
            daemon.reload(one + ".:{port} {\n whoami\n}\n")
            connection.send(server.question("other.test."))
            answer = wire.Answer(connection.receive())
            assert answer.rcode == 0 and answer.additional, "the open connection should see the new world"
            daemon.reload("example.org:{port} {\n flie %s\n}\n" % path)
            daemon.wait_for_log("the old configuration goes on")
            assert "flie" in daemon.log() and "Corefile:2:2" in daemon.log()
            connection.send(server.question("other.test."))
            assert wire.Answer(connection.receive()).rcode == 0
        assert addresses(daemon.ask("www.example.org.", "A")) == ["192.0.2.80"]


def test_reload_moves_sockets():
    with harness.Workspace() as space:
        text = ".:{port} {\n bind 127.0.0.%d\n whoami\n}\n"
        daemon = server.start(space, text % 1, workers=2)
        daemon.reload(text % 2)
        wait_until(lambda: ask_at("127.0.0.2", daemon.port, "a.test.", timeout=0.2)[0] is not None, True)
        wait_until(lambda: ask_at("127.0.0.1", daemon.port, "a.test.", timeout=0.2)[0] is None, True)
        daemon.reload(text % 1)
        wait_until(lambda: ask_at("127.0.0.1", daemon.port, "a.test.", timeout=0.2)[0] is not None, True)


def test_no_answer_is_lost_while_reloading():
    with harness.Workspace() as space:
        path = space.write("zone", zone(1))
        text = "example.org:{port} {\n file %s\n}\n" % path
        daemon = server.start(space, text, workers=2)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", daemon.port))
            sock.settimeout(2.0)
            for turn in range(300):
                if turn % 30 == 0:
                    space.write("zone", zone(turn + 2))
                    daemon.write_corefile(text + "# %d\n" % turn)
                    daemon.process.send_signal(10)
                sock.send(server.question("www.example.org.", "A", turn))
                assert wire.Answer(sock.recv(4096)).rcode == 0


# ---- cached images ----

def test_image_is_cached_and_survives_damage():
    with harness.Workspace() as space:
        many = "".join(f"h{n} A 10.1.{n // 256 % 256}.{n % 256}\n" for n in range(60000))
        path = space.write("zone", zone(1, more=many))
        images = space.directory("images")
        old = time.time() - 3600
        os.utime(path, (old, old))
        text = "example.org:{port} {\n file %s {\n  cache %s\n }\n}\n" % (path, images)

        def run(address):
            daemon = server.start(space, text)
            assert addresses(daemon.ask("h59999.example.org.", "A")) == ["10.1.234.95"]
            assert addresses(daemon.ask("www.example.org.", "A")) == [address]
            wait_until(lambda: [name[-6:] for name in os.listdir(images)], [".image"])
            image = os.path.join(images, os.listdir(images)[0])
            daemon.stop()
            space.servers.remove(daemon)
            return image, daemon.log()

        image, _ = run("192.0.2.80")
        stamp = os.stat(image).st_mtime_ns
        run("192.0.2.80")
        assert os.stat(image).st_mtime_ns == stamp, "a current image should be used as it is"
        with open(image, "r+b") as file:
            file.seek(os.path.getsize(image) // 2)
            file.write(b"damage")
        _, log = run("192.0.2.80")
        assert "unusable" in log, log
        space.write("zone", zone(2, "192.0.2.90", more=many))
        run("192.0.2.90")


# ---- TCP ----

class FewFiles(server.Daemon):
    """It raises the soft limit of open files to the hard one: both are low here."""

    def command(self):
        return ["prlimit", "--nofile=64:64"] + super().command()


def test_too_many_connections_evict_the_idlest():
    with harness.Workspace() as space:
        daemon = server.start(space, ".:{port} {\n bind 127.0.0.1\n whoami\n}\n", make=FewFiles)
        connections = [daemon.connect() for _ in range(30)]
        keep = connections[0]
        for _ in range(60):
            keep.send(server.question("a.test."))
            assert keep.receive() is not None, "the busy connection should stay"
            connections.append(daemon.connect())
        connections[-1].send(server.question("b.test."))
        assert connections[-1].receive() is not None
        gone = 0
        for connection in connections[1:-1]:
            connection.sock.settimeout(0.01)
            try:
                gone += connection.sock.recv(1) == b""
            except ConnectionResetError:
                gone += 1
            except socket.timeout:
                pass
            connection.sock.close()
        assert gone >= 40, gone


def test_idle_connection_is_closed():
    with harness.Workspace() as space:
        daemon = server.start(space, ".:{port} {\n bind 127.0.0.1\n whoami\n}\n")
        with daemon.connect(timeout=20) as idle, daemon.connect(timeout=20) as trickle:
            idle.send(server.question("a.test."))
            assert idle.receive() is not None
            trickle.sock.send(b"\0")
            start = time.monotonic()
            assert idle.receive() is None
            assert 9 < time.monotonic() - start < 13
            assert trickle.sock.recv(1) == b""


def test_keepalive_is_told_over_tcp():
    with harness.Workspace() as space:
        daemon = server.start(space, ".:{port} {\n bind 127.0.0.1\n whoami\n}\n")
        query = server.question("a.test.", "A", 5)
        query = query[:11] + b"\1" + query[12:] + b"\0" + struct.pack("!HHIHHH", 41, 1232, 0, 4, 11, 0)
        assert wire.Answer(daemon.exchange(query, tcp=True)).opt[2] == struct.pack("!HHH", 11, 2, 100)
        assert wire.Answer(daemon.exchange(query)).opt[2] == b""


# ---- loadable plugins, suspended queries ----

def park(space):
    """Builds the plugin outside the tree's own build, as a third party would."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise harness.Skip("no C compiler")
    out = os.path.join(space.path, "park.so")
    subprocess.run([compiler, "-std=gnu11", "-O1", "-shared", "-fPIC", "-D_GNU_SOURCE", "-DPLUGIN_LOADABLE",
                    "-I", harness.ROOT, "-o", out, os.path.join(harness.ROOT, "tests", "plugins", "park.c")], check=True)
    return out


def start_parked(space, pause, workers=2):
    return server.start(space, ".:{port} {\n plugin %s before whoami\n park %d\n errors\n log . {\n  class all\n }\n whoami\n}\n"
                        % (park(space), pause), workers=workers)


def test_loaded_plugin_suspends_and_resumes():
    with harness.Workspace() as space:
        daemon = start_parked(space, 100)
        for tcp in (False, True):
            start = time.monotonic()
            answer = daemon.ask("slow.", "A", tcp=tcp, tries=1)
            assert answer.rcode == 0 and answer.additional[0][0] == b"\x04slow\0"
            assert time.monotonic() - start >= 0.1
            assert daemon.ask("refuse.", "A", tcp=tcp, tries=1).rcode == 5
            answer = daemon.ask("sub.", "A", tcp=tcp, tries=1)
            assert answer.rcode == 0 and answer.additional, answer.additional
            assert daemon.ask("orphan.", "A", tcp=tcp, tries=1).rcode == 0
        assert daemon.ask("drop.", "A", timeout=0.4, tries=1) is None
        assert daemon.ask("fail.", "A").rcode == 2
        daemon.wait_for_log("2 fail. A: plugin/park: asked to fail number 7")
        mark = daemon.ask("mark.", "A", edns=1232)
        assert mark.opt[2] == struct.pack("!HH", 65001, 4) + b"seen", mark.opt


def test_many_suspended_while_others_are_served():
    with harness.Workspace() as space:
        daemon = start_parked(space, 300)
        with daemon.connect() as connection:
            connection.send(*[server.question("slow.", "A", n) for n in range(200)])
            connection.send(server.question("quick.", "A", 999))
            start = time.monotonic()
            assert daemon.ask("quick.", "A").rcode == 0
            assert time.monotonic() - start < 0.2
            idents = [wire.Answer(connection.receive()).ident for _ in range(201)]
            assert sorted(idents) == sorted(list(range(200)) + [999])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", daemon.port))
            sock.settimeout(3)
            for n in range(100):
                sock.send(server.question("slow.", "A", n))
            assert sorted(wire.Answer(sock.recv(4096)).ident for _ in range(100)) == list(range(100))


def test_suspended_over_reload_close_and_stop():
    with harness.Workspace() as space:
        daemon = start_parked(space, 400)
        with daemon.connect() as connection:
            connection.send(server.question("slow.", "A", 5))
            daemon.reload()
            assert wire.Answer(connection.receive()).ident == 5
        with daemon.connect() as connection:
            connection.send(*[server.question("slow.", "A", n) for n in range(20)])
        for _ in range(20):
            daemon.ask("slow.", "A", timeout=0.01, tries=1)
        daemon.stop()
        space.servers.remove(daemon)


def test_not_a_plugin():
    with harness.Workspace() as space:
        source = space.write("old.c", '#include "plugins/plugin.h"\n'
                             "static const struct plugin old_plugin = {.abi = 999, .name = \"old\"};\nPLUGIN(old)\n")
        old = os.path.join(space.path, "old.so")
        subprocess.run(["cc", "-std=gnu11", "-shared", "-fPIC", "-D_GNU_SOURCE", "-DPLUGIN_LOADABLE", "-I", harness.ROOT, "-o",
                        old, source], check=True)
        for path, words in ((old, "interface version 999"), ("/nonexistent/x.so", "cannot load plugin"),
                            (source, "cannot load plugin")):
            conf = space.write("Corefile", f".:53 {{\n  plugin {path}\n}}\n")
            done = subprocess.run([harness.need_ours(), "-conf", conf, "-check"], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=20, check=False)
            text = done.stdout.decode()
            assert done.returncode == 1 and words in text and "Corefile:2:10" in text, text


# ---- small plugins ----

def test_log_formats():
    with harness.Workspace() as space:
        path = space.write("zone", zone(1))
        daemon = server.start(space, "example.org:{port} {\n log www.example.org \"A={name} {type} {>id}\"\n"
                              " log {\n  class denial\n }\n file %s\n}\n.:{port} {\n}\n" % path)
        daemon.exchange(server.question("WWW.example.org.", "A", 4242))
        daemon.exchange(server.question("ns.example.org.", "A", 4243))
        daemon.exchange(server.question("nx.example.org.", "A", 4244))
        daemon.wait_for_log("[INFO] A=www.example.org. A 4242\n")
        daemon.wait_for_log(" - 4244 \"A IN nx.example.org. udp 32 false 512\" NXDOMAIN qr,aa ")
        assert " 4243 " not in daemon.log()


def test_errors_are_consolidated():
    with harness.Workspace() as space:
        text = ".:{port} {\n plugin %s\n park 1\n errors {\n  consolidate 300ms \"asked to .*7\" warning show_first\n }\n whoami\n}\n"
        daemon = server.start(space, text % park(space))
        for _ in range(5):
            assert daemon.ask("fail.", "A").rcode == 2
        daemon.wait_for_log("5 errors like 'asked to .*7' occurred in last 0.3s")
        assert daemon.log().count("plugin/park: asked to fail") == 1, daemon.tail()


def test_the_same_source_is_built_in_or_loaded():
    with harness.Workspace() as space:
        out = os.path.join(space.path, "whoami.so")
        subprocess.run(["cc", "-std=gnu11", "-shared", "-fPIC", "-D_GNU_SOURCE", "-DPLUGIN_LOADABLE", "-I", harness.ROOT, "-o",
                        out, os.path.join(harness.ROOT, "plugins", "whoami", "whoami.c")], check=True)
        daemon = server.start(space, ".:{port} {\n plugin %s\n whoami\n}\n" % out)
        assert len(daemon.ask("a.test.", "A").additional) == 2
        with open(f"/proc/{daemon.process.pid}/maps", encoding="ascii") as maps:
            assert out in maps.read()


def test_debug():
    with harness.Workspace() as space:
        daemon = server.start(space, ".:{port} {\n debug\n whoami\n}\n")
        assert daemon.ask("a.test.", "A").rcode == 0


def test_bufsize():
    with harness.Workspace() as space:
        long = "".join(f'many TXT "{n:03d} {"x" * 60}"\n' for n in range(40))
        path = space.write("zone", zone(1, more=long))
        daemon = server.start(space, "example.org:{port} {\n bufsize 2000\n file %s\n}\n" % path)
        answer = daemon.ask("many.example.org.", "TXT", edns=4096)
        assert answer.is_truncated and answer.opt[0] == 2000
        assert len(daemon.ask("many.example.org.", "TXT", tcp=True).answer) == 40


def test_chaos_any_nsid():
    with harness.Workspace() as space:
        daemon = server.start(space, ".:{port} {\n chaos Version-1 Ada Bob\n any\n nsid one two\n whoami\n}\n")
        version = wire.question(wire.name_from_text("version.bind."), 16, 1, qclass=3)
        assert wire.Answer(daemon.exchange(version)).answer[0][4] == b"\x09Version-1"
        authors = wire.Answer(daemon.exchange(wire.question(wire.name_from_text("authors.bind."), 16, 1, qclass=3)))
        assert sorted(record[4] for record in authors.answer) == [b"\x03Ada", b"\x03Bob"]
        assert wire.Answer(daemon.exchange(wire.question(wire.name_from_text("a.test."), 1, 1, qclass=3))).rcode == 5
        answer = daemon.ask("a.test.", "ANY")
        assert answer.answer[0][1] == 13 and answer.answer[0][3] == 8482
        query = server.question("a.test.", "A", 5)
        query = query[:11] + b"\1" + query[12:] + b"\0" + struct.pack("!HHIHHH", 41, 1232, 0, 4, 3, 0)
        assert wire.Answer(daemon.exchange(query)).opt[2] == struct.pack("!HH", 3, 7) + b"one two"


def storm_step(daemon, dice, sockets):
    names = ["slow.", "sub.", "orphan.", "drop.", "refuse.", "fail.", "mark.", "www.example.org.", "nx.example.org."]
    act = dice.random()
    if act < 0.15 or not sockets:
        sockets.append(socket.create_connection(("127.0.0.1", daemon.port)))
        sockets[-1].settimeout(0.001)
    sock = dice.choice(sockets)
    if act < 0.7:
        data = b""
        for _ in range(dice.randrange(1, 40)):
            query = server.question(dice.choice(names), dice.choice(["A", "ANY", "SOA", "TYPE252"]), dice.randrange(65536))
            if dice.random() < 0.1:
                query = bytes(octet if dice.random() > 0.1 else dice.randrange(256) for octet in query)
            data += struct.pack("!H", len(query)) + query
        sock.send(data[:dice.randrange(len(data))] if dice.random() < 0.2 else data)
    elif act < 0.9:
        sock.recv(dice.choice([1, 100, 65536]))
    elif act < 0.93:
        sock.shutdown(socket.SHUT_WR)
    elif act < 0.99:
        sock.close()
        sockets.remove(sock)
    else:
        daemon.process.send_signal(10)


def test_storm():
    """Broken, split, pipelined and abandoned streams of queries, many of them suspended, over reloads."""
    with harness.Workspace() as space:
        path = space.write("zone", zone(1))
        daemon = server.start(space, ".:{port} {\n plugin %s before whoami\n park 5\n log\n whoami\n}\n"
                              "example.org:{port} {\n file %s\n log\n}\n" % (park(space), path), workers=2)
        dice, sockets, end = random.Random(int(os.environ.get("BAILIWICK_SEED", 1))), [], time.monotonic() + 3
        while time.monotonic() < end:
            try:
                storm_step(daemon, dice, sockets)
            except OSError:
                pass
        for sock in sockets:
            sock.close()
        assert addresses(daemon.ask("www.example.org.", "A")) == ["192.0.2.80"]


if __name__ == "__main__":
    os.execv(sys.executable, [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "run.py"), "server."])
