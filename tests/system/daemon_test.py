"""bailiwickd as a process, and bailiwickctl: flags, signals, pid file, reload, the control socket, and what happens
when something is wrong with any of it."""

import json
import os
import signal
import socket
import subprocess
import time

import harness

WHOAMI = ".:{port} {{\n    bind 127.0.0.1\n    whoami\n}}\n"
CHAOS = ".:{port} {{\n    bind 127.0.0.1\n    chaos changed\n}}\n"
ZONE = "$ORIGIN example.org.\n$TTL 3600\n@ SOA ns hostmaster {serial} 7200 3600 1209600 3600\n@ NS ns\nns A 192.0.2.1\n"


class Daemon(harness.Server):
    """A bailiwickd with a Corefile of the test's own, in a directory of its own."""

    kind = "bailiwickd"

    def __init__(self, space, name, text=WHOAMI, arguments=()):
        super().__init__(space.directory(name), {}, arguments=arguments)
        self.socket = os.path.join(self.directory, "control")
        self.pidfile = os.path.join(self.directory, "pid")
        self.environment = {"XDG_CACHE_HOME": self.directory}
        if text is not None:
            self.corefile(text)
        space.servers.append(self)

    def corefile(self, text):
        harness.write_file(self.directory, "Corefile", text.format(port=self.port, directory=self.directory))

    def command(self):
        return [harness.need_ours(), "-control", self.socket, "-pidfile", self.pidfile] + self.arguments

    def up(self):
        self.launch()
        await_true(lambda: os.path.exists(self.pidfile) or self.process.poll() is not None, self)
        assert self.process.poll() is None, self.tail()
        return self

    def control(self, *words, status=0):
        done = run("bailiwickctl", "-s", self.socket, *words)
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def object(self, *words, status=0):
        return json.loads(self.control("-json", *words, status=status))

    def rcode(self):
        answer = self.ask("example.org.", "A", timeout=1.0)
        return None if answer is None else answer.rcode


def await_true(condition, server, seconds=20):
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise harness.Failure("waited in vain:\n" + server.tail())
        time.sleep(0.005)


def run(name, *arguments, cwd=None, timeout=60, environment=None):
    return subprocess.run([harness.need_ours(name), *arguments], cwd=cwd, capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, **(environment or {})))


def test_flags():
    done = run("bailiwickd", "-version")
    assert done.returncode == 0 and done.stdout.startswith("bailiwickd 0."), done
    assert run("bailiwickd", "--plugins").stdout.startswith("Server types:\n  dns\n\nOther plugins:\n  dns."), done
    assert "-dns.port, -p PORT" in run("bailiwickd", "-help").stdout
    for words in (["-nope"], ["-p", "0"], ["-p"], ["surplus"], ["-conf="]):
        done = run("bailiwickd", *words)
        assert done.returncode == 2 and "bailiwickd: " in done.stderr, f"{words}: {done}"
    for words in ([], ["-nope"], ["a", "b", "c"], ["-s", "/nonexistent", "status"]):
        assert run("bailiwickctl", *words).returncode == 2, words


def test_built_in_corefile():
    with harness.Workspace() as space:
        server = Daemon(space, "plain", text=None)
        server.arguments = ["-p", str(server.port)]
        server.up()
        answer = server.ask("example.org.", "A")
        assert answer.rcode == 0, server.tail()
        assert "0 zones" not in server.log()
        await_true(lambda: '"A IN example.org. udp' in server.log(), server)


def test_port_flag_is_for_keys_without_one():
    with harness.Workspace() as space:
        server = Daemon(space, "port", "example.org {{\n    bind 127.0.0.1\n    whoami\n}}\n")
        server.arguments = [f"--dns.port={server.port}", "-quiet"]
        server.up()
        assert server.rcode() == 0
        assert server.ask("example.net.", "A").rcode == 5


def test_check_opens_no_socket():
    """The port is taken, a zone is broken, and all is told at once."""
    with harness.Workspace() as space, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        good = space.write("good", f"example.org:{port} {{\n    bind 127.0.0.1\n    whoami\n}}\n")
        done = run("bailiwickd", "-check", "-conf", good)
        assert done.returncode == 0 and done.stdout == f"{good}: fine\n" and not done.stderr, done
        assert run("bailiwickd", "-check", "-quiet", "-conf", good).stdout == ""
        bad = space.write("bad", f"example.org:{port}{{\n    whoamy\n}}\nexample.net {{\n    kubernetes\n    log\n")
        done = run("bailiwickd", "-check", "-conf", bad)
        assert done.returncode == 1, done
        for told in (f"{bad}:1:1: error: ", f"{bad}:2:5: error: unknown directive 'whoamy'", "did you mean 'whoami'?",
                     f"{bad}:4:13: error: ", f"{bad}:5:5: error: CoreDNS plugin 'kubernetes' is not built"):
            assert told in done.stdout, f"{told}\n{done.stdout}"
        assert run("bailiwickd", "-check", "-conf", "/nonexistent").returncode == 2


def test_check_tells_of_zone_files():
    """What will not be served as it stands is told, and counted."""
    with harness.Workspace() as space:
        zone = space.write("zone", "@ 60 SOA a. b. 1 2 1 4 5\n@ 60 NS a.\n@ 60 NS b.\n")
        cases = (("missing", "    file nowhere\n", 0, "nowhere: warning: cannot read the zone file"),
                 ("outside", f"    file {zone} example.net\n", 0, ":2:5: warning: the zone example.net. lies outside"),
                 ("twice", f"    file {zone}\n    file {zone}\n", 0, ":3:5: warning: the zone example.org. is served from an"),
                 ("above", f"    file {zone} org\n", 0, None), ("below", f"    file {zone} a.example.org\n", 0, None),
                 ("directory", f"    file {space.path}\n", 1, "Is a directory"))
        for name, lines, status, told in cases:
            corefile = space.write(name, f"example.org {{\n{lines}}}\n")
            done = run("bailiwickd", "-check", "-conf", corefile)
            last = "1 error, 0 warnings" if status else "fine, with 1 warning" if told else "fine"
            assert done.returncode == status and done.stdout.endswith(f"{corefile}: {last}\n"), done
            assert told is None or told in done.stdout, done


def test_start_is_refused():
    """A broken Corefile, a missing one, a port in use: exit status 1, 2, 1, and the reason told."""
    with harness.Workspace() as space, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        bad = space.write("bad", "example.org {\n    nonsense\n}\n")
        done = run("bailiwickd", "-control", "off", "-conf", bad)
        assert done.returncode == 1 and f"{bad}:2:5: error: " in done.stderr, done
        assert run("bailiwickd", "-control", "off", "-conf", "/nonexistent").returncode == 2
        busy = space.write("busy", WHOAMI.format(port=port))
        done = run("bailiwickd", "-control", "off", "-conf", busy)
        assert done.returncode == 1 and "in use" in done.stdout + done.stderr, done


def test_signals():
    with harness.Workspace() as space:
        server = Daemon(space, "signals").up()
        with open(server.pidfile, encoding="ascii") as file:
            assert int(file.read()) == server.process.pid
        for number in (signal.SIGHUP, signal.SIGUSR2):
            server.process.send_signal(number)
        assert server.rcode() == 0
        server.corefile(CHAOS)
        server.process.send_signal(signal.SIGUSR1)
        await_true(lambda: server.rcode() == 5, server)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0, server.tail()
        assert not os.path.exists(server.pidfile) and not os.path.exists(server.socket)
        server.process = None


def test_quit_and_interrupt():
    with harness.Workspace() as space:
        for number in (signal.SIGQUIT, signal.SIGINT):
            server = Daemon(space, f"end-{number}").up()
            server.process.send_signal(number)
            assert server.process.wait(20) == 0, server.tail()
            assert not os.path.exists(server.pidfile)
            server.process = None


def test_broken_reload_keeps_serving():
    with harness.Workspace() as space:
        server = Daemon(space, "reload").up()
        server.corefile(CHAOS + "broken {{\n")
        answer = server.object("reload", status=1)
        assert answer["ok"] is False and answer["findings"][0]["rule"] == "unclosed-block", answer
        assert answer["findings"][0]["line"] == 5, answer
        assert server.rcode() == 0
        assert ":5:8: error: the block opened here is never closed" in server.control("reload", status=1)
        os.remove(os.path.join(server.directory, "Corefile"))
        server.object("reload", status=1)
        assert server.rcode() == 0
        server.corefile(CHAOS)
        server.object("reload")
        await_true(lambda: server.rcode() == 5, server)
        status = server.object("status")
        assert status["reloads"] >= 1 and status["reload_failures"] >= 2, status


def test_reload_of_nothing_keeps_serving():
    """A Corefile that is being written is empty for a moment."""
    with harness.Workspace() as space:
        server = Daemon(space, "nothing").up()
        for text in ("", "# x\n", "(a) {{\n    whoami\n}}\n"):
            server.corefile(text)
            assert "[no-block]" in server.control("reload", status=1)
            assert server.rcode() == 0


def test_status_and_stats():
    with harness.Workspace() as space:
        server = Daemon(space, "status", arguments=["-workers", "1"]).up()
        for _ in range(5):
            assert server.rcode() == 0
        server.ask("example.org.", "A", tcp=True)
        status = server.object("status")
        assert status["pid"] == server.process.pid and status["workers"] == 1 and status["blocks"] == 1, status
        assert status["corefile"].endswith("Corefile"), status
        stats = server.object("stats")
        assert stats["queries_udp"] == 5 and stats["queries_tcp"] == 1 and stats["rcodes"]["NOERROR"] == 6, stats
        assert "queries_udp              5\n" in server.control("stats")
        assert server.object("nonsense", status=1)["error"] == "unknown command; try help"
        assert "zone NAME" in " ".join(server.control("help").split())


def test_zones():
    with harness.Workspace() as space:
        server = Daemon(space, "zones", "example.org:{port} {{\n    bind 127.0.0.1\n    file db\n}}\n")
        harness.write_file(server.directory, "db", ZONE.format(serial=7))
        server.up()
        zone = server.object("zone", "EXAMPLE.org")["zones"][0]
        assert zone["zone"] == "example.org." and zone["serial"] == 7 and zone["plugin"] == "file", zone
        assert len(server.object("zones")["zones"]) == 1
        assert server.object("zone", "example.net", status=1)["error"] == "no such zone is served"
        harness.write_file(server.directory, "db", ZONE.format(serial=8))
        server.object("reload")
        await_true(lambda: server.object("zone", "example.org")["zones"][0]["serial"] == 8, server)


def test_service_manager_is_told():
    """sd_notify(3): READY when answering, RELOADING and READY around a reload, STOPPING at the end."""
    with harness.Workspace() as space, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = os.path.join(space.path, "notify")
        manager.bind(path)
        manager.settimeout(20)
        server = Daemon(space, "told")
        server.environment["NOTIFY_SOCKET"] = path
        server.launch()
        assert manager.recv(1000) == b"READY=1"
        assert server.rcode() == 0
        server.process.send_signal(signal.SIGUSR1)
        assert manager.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(1000) == b"READY=1"
        server.stop()
        assert manager.recv(1000) == b"STOPPING=1"


def test_journal_is_told_priorities():
    with harness.Workspace() as space:
        server = Daemon(space, "journal")
        open(server.log_path, "w", encoding="ascii").close()
        status = os.stat(server.log_path)
        server.environment["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
        server.up()
        server.process.send_signal(signal.SIGUSR2)
        await_true(lambda: "<4>[WARNING] SIGUSR2" in server.log(), server)


def test_drain():
    """It answers until the time is over, tells so, and then ends like after a stop."""
    with harness.Workspace() as space:
        server = Daemon(space, "drain").up()
        assert server.object("status")["state"] == "serving"
        server.object("drain", "0", status=1)
        server.object("drain", "600")
        assert server.object("status")["state"] == "draining"
        server.object("drain", "1")
        assert server.rcode() == 0
        assert server.process.wait(20) == 0, server.tail()
        assert not os.path.exists(server.socket) and not os.path.exists(server.pidfile)
        server.process = None


def test_stop_and_second_server():
    with harness.Workspace() as space:
        server = Daemon(space, "first").up()
        second = run("bailiwickd", "-control", server.socket, "-p", str(harness.free_port()), cwd=space.path)
        assert second.returncode == 2 and "another server listens there" in second.stderr, second
        assert server.rcode() == 0
        server.control("stop")
        assert server.process.wait(20) == 0, server.tail()
        assert not os.path.exists(server.socket)
        assert run("bailiwickctl", "-s", server.socket, "status").returncode == 2
        server.process = None


def test_killed_server_leaves_no_trap():
    """The socket file of a killed server does not keep the next one from starting."""
    with harness.Workspace() as space:
        server = Daemon(space, "killed").up()
        server.kill()
        os.remove(server.pidfile)
        server.up()
        assert server.object("status")["ok"] is True
