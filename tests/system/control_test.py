"""The control socket as bailiwickctl(8) documents it: spoken by a bare socket, each command, and what `zone` says of a zone
in each trouble that a secondary can have."""

import json
import os
import re
import resource
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from primary import Primary
from secondary_test import DAY, RECORDS, SECRET, ZONE, await_serial, corefile, eventually, kept, notify, serial
from transfer_test import control, corefile as primary_corefile, zone_text


WRONG = "c2VjcmV0IG9mIDMyIG9jdGV0cyBhdCBsZWFzdCE/Pz8="


class Line:
    """The line protocol, as somebody writes it who has only the page."""

    def __init__(self, daemon):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        eventually(lambda: self.connects(os.path.join(daemon.directory, "control")), tell="the socket")
        self.rest = b""

    def connects(self, path):
        """It opens a moment after the server answers."""
        try:
            self.sock.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def answer(self):
        while b"\n" not in self.rest:
            data = self.sock.recv(65536)
            if not data:
                return None
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def ask(self, line):
        self.sock.sendall(line.encode() + b"\n")
        return self.answer()


def members(section):
    """Those that the page promises for a command."""
    with open(os.path.join(harness.ROOT, "man", "bailiwickctl.8"), encoding="utf-8") as page:
        part = re.search(rf"^Members:.*?^\.It Cm {section}\n(.*?)^\.(It|El)", page.read(), re.M | re.S)[1]
    return [word for line in re.findall(r"^\.Ql (.*)$", part, re.M) for word in re.findall(r"[a-z_]+", line)]


def test_the_line_protocol():
    with harness.Workspace() as space:
        daemon = server.start(space, primary_corefile(space.write("zone", zone_text(1))))
        with Line(daemon) as line:
            assert os.stat(os.path.join(daemon.directory, "control")).st_mode & 0o777 == 0o600
            status = line.ask("status")
            assert status["ok"] is True and not set(members("status")) - set(status), status
            assert not set(members("stats")) - set(line.ask("  stats\t"))
            zone = line.ask("zone example.org")
            promised = {"zone", "state", "serial", "records", "loaded", "plugin", "source", "error", "frozen", "current", "why",
                        "expires", "commit", "history", "steps"}
            assert not promised - set(zone["zones"][0]) - set(zone) - {"expires", "commit"}, zone  # of zones that have such
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", zone["zones"][0]["loaded"])
            for bad, why in (("nonsense", "unknown command"), ("", "unknown command"), ("zone", "lacks"), ("status x", "no argument"),
                             ("zone a b", "too many"), ("zone nowhere.test", "no such zone"), ("drain x", "seconds"),
                             ("log loud", "level"), ("rollback example.org 7", "history"), ("edit example.org diff", "begin"),
                             ("reload x", "reload"), ("refresh nowhere.test", "no such zone")):
                answer = line.ask(bad)
                assert answer["ok"] is False and why in answer["error"], (bad, answer)
            line.sock.sendall(b"status\nzones\nlog\n")  # many at once are answered in order
            assert "version" in line.answer() and "zones" in line.answer() and line.answer()["level"] == "info"
            known = {row["command"] for row in line.ask("help")["commands"]}
            with open(os.path.join(harness.ROOT, "man", "bailiwickctl.8"), encoding="utf-8") as page:
                told = set(re.findall(r"^\.It Cm ([a-z]+)", page.read(), re.M))
            assert known <= told, known - told
            line.sock.sendall(b"x" * 3000)
            try:
                assert line.answer() is None
            except ConnectionResetError:
                pass
        with Line(daemon) as line:
            assert line.ask("log debug")["level"] == "debug" and line.ask("log")["level"] == "debug"
            assert line.ask("log info")["level"] == "info"
            assert line.ask("stop")["ok"]
        daemon.process.wait(30)
        space.servers.remove(daemon)


def look(daemon):
    answer = control(daemon, "zone", ZONE)
    return {**answer["zones"][0], **answer}


def why(daemon, words):
    """`zone` says so, and that the zone is not current."""
    def told():
        row = look(daemon)
        return not row["current"] and re.search(words, row["why"] or "", re.I) and row
    return eventually(told, tell=lambda: f"{words!r}: {look(daemon)}")


def test_why_a_secondary_is_not_current():
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:
        daemon = server.start(space, corefile([primary.port], space.directory("state")))
        await_serial(daemon, 1)
        row = look(daemon)
        assert row["current"] and {"transferred", "checked", "published"} <= {step["step"] for step in row["steps"]}, row
        for number, mode, words in ((2, "refuse", "REFUSED"), (3, "wrong-class", "class"), (4, "soa-mismatch", "SOA at the end"),
                                    (5, "out-of-zone", "not in the zone"), (6, "silent", "no answer|time")):
            primary.update(number, [], [f"k{number} 300 IN A 192.0.2.81"])
            primary.mode = mode
            notify(daemon, told=number)
            with Line(daemon) as line:
                assert not line.ask(f"refresh {ZONE}")["ok"]
            assert why(daemon, words)["serial"] == 1 == serial(daemon)
        primary.mode = "good"
        control(daemon, "refresh", ZONE)
        eventually(lambda: look(daemon)["current"], tell="it is current")
        assert serial(daemon) == 6
    with harness.Workspace() as space:
        keys = "k.test:{port} {\n whoami\n tsig {\n  secret k.test. %s hmac-sha256\n }\n}\n"
        primary = server.start(space, keys % SECRET + primary_corefile(space.write("zone", zone_text(1))))
        text = corefile([primary.port], space.directory("state"), before=keys % WRONG)
        daemon = server.start(space, text.replace("transfer from", "key k.test.\n  transfer from"))
        why(daemon, "TSIG.*BADSIG")
    with harness.Workspace() as space:
        daemon = server.start(space, corefile([harness.free_port()], space.directory("state")))
        why(daemon, "refused")


def test_why_it_has_expired_or_cannot_be_kept():
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, (1, 1, 2)) as primary:
        daemon = server.start(space, corefile([primary.port], space.directory("state")))
        await_serial(daemon, 1)
        primary.mode = "silent"
        row = why(daemon, "expired|given up")
        assert row["state"] != "serving" and serial(daemon) is None, row
    with harness.Workspace() as space, Primary(ZONE, 1, RECORDS, DAY) as primary:
        daemon = server.start(space, corefile([primary.port], space.directory("state")))
        await_serial(daemon, 1)
        eventually(lambda: kept(space), tell="what is kept")
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (16, resource.RLIM_INFINITY))  # no file may grow: as on a full disk
        primary.update(2, [], ["k 300 IN A 192.0.2.81"])
        notify(daemon, told=2)
        await_serial(daemon, 2)
        row = look(daemon)
        assert "cannot be kept" in row["why"] and "File too large" in row["why"], row
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        primary.update(3, [], ["k3 300 IN A 192.0.2.81"])
        notify(daemon, told=3)
        await_serial(daemon, 3)
        eventually(lambda: "kept" not in look(daemon)["why"], tell=lambda: look(daemon))
        primary.mode = "silent"
        daemon.kill()
        daemon.launch()
        daemon.wait()
        assert serial(daemon) == 3
