"""Zone files that change, break, shrink and vanish under a running server, and starts from the image it
kept: the old zone is served until a whole new one is there, and questions are answered all the while."""

import glob
import os
import signal
import subprocess
import socket
import struct
import threading
import time

import harness
import server as daemons
import wire

ZONE = """$TTL 3600
@ SOA ns1 hostmaster {serial} 7200 3600 1209600 300
@ NS ns1
ns1 A 192.0.2.1
version TXT "{text}"
"""
DEADLINE_S = 40


def zone(serial, text, extra=""):
    return ZONE.format(serial=serial, text=text) + extra


def hosts(count, net=10):
    """Text of COUNT hosts: a zone that takes a while to read."""
    return "".join(f"h{i} A {net}.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(count))


def version(server):
    answer = server.ask("version.example.", "TXT")
    return answer.answer[0][4][1:].decode() if answer is not None and answer.answer else None


def wait_for_version(server, text):
    limit = time.monotonic() + DEADLINE_S
    while version(server) != text:
        assert time.monotonic() < limit, f"{version(server)!r} is served, not {text!r}\n{server.tail()}"
        time.sleep(0.005)


def wait_for_log(server, words):
    limit = time.monotonic() + DEADLINE_S
    while not all(word in server.log() for word in words):
        assert time.monotonic() < limit, f"nothing of {words} in the log:\n{server.tail()}"
        time.sleep(0.01)


class Asking:
    """Asks for the version again and again in the background; every answer has to be good."""

    def __init__(self, server):
        self.server, self.over = server, threading.Event()
        self.answers, self.bad, self.slowest = 0, [], 0.0
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.over.set()
        self.thread.join()
        if kind is None:
            assert not self.bad, f"{len(self.bad)} of {self.answers} answers are bad: {self.bad[:5]}"
            assert self.answers > 0

    def _run(self):
        name = wire.name_from_text("version.example.")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", self.server.port))
            sock.settimeout(2)
            while not self.over.is_set():
                self.answers += 1
                self._one(sock, wire.question(name, 16, self.answers & 0xffff))

    def _one(self, sock, message):
        start = time.monotonic()
        try:
            sock.send(message)
            reply = sock.recv(4096)
            if reply[:2] != message[:2] or reply[3] & 15 or struct.unpack("!H", reply[6:8])[0] != 1:
                self.bad.append(reply.hex())
        except OSError as error:
            self.bad.append(repr(error))
        self.slowest = max(self.slowest, time.monotonic() - start)


def start(space, text):
    harness.need_ours()
    path = space.write("example.zone", text)
    return space.start("bailiwick", {"example.": path}), path


def test_changed_zone():
    """Each new version is served after the request, and no question goes unanswered meanwhile."""
    with harness.Workspace() as space:
        server, _ = start(space, zone(1, "one"))
        with Asking(server):
            for serial in range(2, 12):
                space.write("example.zone", zone(serial, f"v{serial}"))
                server.request_reload()
                wait_for_version(server, f"v{serial}")


def test_changed_record_of_many():
    """Records come, change and go in a zone of 100,000; the rest stays."""
    with harness.Workspace() as space:
        server, _ = start(space, zone(1, "one", hosts(100000)))
        with Asking(server):
            space.write("example.zone", zone(2, "two", hosts(100000) + "new A 192.0.2.9\n"))
            server.request_reload()
            wait_for_version(server, "two")
        assert len(server.ask("new.example.", "A").answer) == 1
        space.write("example.zone", zone(3, "three", hosts(99000)))
        server.request_reload()
        wait_for_version(server, "three")
        assert server.ask("new.example.", "A").rcode == 3
        assert server.ask("h99500.example.", "A").rcode == 3
        assert server.ask("h98999.example.", "A").rcode == 0
        space.write("example.zone", zone(4, "four", hosts(100000, 11)))
        server.request_reload()
        wait_for_version(server, "four")
        for i in (0, 1, 98999, 99999):
            answer = server.ask(f"h{i}.example.", "A")
            assert answer.answer[0][4] == bytes([11, i >> 16, i >> 8 & 255, i & 255]), (i, answer.answer)


def test_names_appear_and_vanish():
    """The answers about names between, wildcards and cuts follow a reload, too."""
    cases = [
        ("a.b.c A 192.0.2.2\n", {"c.example.": 0, "b.c.example.": 0, "x.c.example.": 3}),
        ("* A 192.0.2.3\n", {"c.example.": 0, "x.y.z.example.": 0}),
        ("c NS ns1.c\nns1.c A 192.0.2.4\n", {"c.example.": 0, "x.c.example.": 0, "d.example.": 3}),
        ("c CNAME d\n", {"c.example.": 3, "b.c.example.": 3}),
        ("c DNAME ns1\n", {"c.example.": 0, "b.c.example.": 3}),
        ("", {"c.example.": 3, "b.c.example.": 3, "ns1.example.": 0}),
    ]
    with harness.Workspace() as space:
        server, _ = start(space, zone(1, "v1"))
        for round_number, (extra, expected) in enumerate(cases * 2, 2):
            space.write("example.zone", zone(round_number, f"v{round_number}", extra))
            server.request_reload()
            wait_for_version(server, f"v{round_number}")
            for name, rcode in expected.items():
                answer = server.ask(name, "A")
                assert answer.rcode == rcode, (extra, name, answer.rcode)


def test_broken_zone_is_refused():
    """The old zone goes on, the log says where the new one is wrong, and a mended one is taken."""
    with harness.Workspace() as space:
        server, _ = start(space, zone(1, "one"))
        space.write("example.zone", zone(2, "two", "www A 192.0.2.300\n"))
        server.request_reload()
        wait_for_log(server, ["example.zone:6:"])
        assert version(server) == "one"
        space.write("example.zone", zone(3, "three"))
        server.request_reload()
        wait_for_version(server, "three")


def test_vanished_zone_file():
    with harness.Workspace() as space:
        server, path = start(space, zone(1, "one"))
        os.remove(path)
        server.request_reload()
        time.sleep(0.3)
        assert version(server) == "one"
        space.write("example.zone", zone(2, "two"))
        server.request_reload()
        wait_for_version(server, "two")


def test_file_shortened_while_it_is_read():
    """An editor that writes in place, not by rename: a mapped file must not be fatal (SIGBUS)."""
    with harness.Workspace() as space:
        server, path = start(space, zone(1, "one", hosts(100000)))
        with open(path, "r+", encoding="ascii") as file:
            for serial in range(2, 12):
                file.seek(0)
                file.write(zone(serial, "cut", hosts(100000)))
                file.flush()
                server.request_reload()
                time.sleep(0.002 * serial)
                file.truncate(100)
                time.sleep(0.05)
        assert version(server) is not None, server.tail()
        space.write("example.zone", zone(20, "whole"))
        server.request_reload()
        wait_for_version(server, "whole")


def test_broken_corefile_is_refused():
    with harness.Workspace() as space:
        server, _ = start(space, zone(1, "one"))
        corefile = os.path.join(server.directory, "Corefile")
        with open(corefile, encoding="ascii") as file:
            good = file.read()
        space.write(os.path.relpath(corefile, space.path), good + "\nexample.net {\n    nonsense\n}\n")
        server.request_reload()
        wait_for_log(server, ["Corefile:", "nonsense"])
        assert version(server) == "one"
        space.write(os.path.relpath(corefile, space.path), good)
        space.write("example.zone", zone(2, "two"))
        server.request_reload()
        wait_for_version(server, "two")

def test_a_storm_of_reloads():
    """Corefiles that are good, broken and of other zones, by SIGUSR1 and the control socket, while texts change: no
    question of a zone that stays goes unanswered, and a transfer that began before them all is whole."""
    with harness.Workspace() as space:
        path = space.write("example.zone", zone(1, "one", hosts(60000)))
        other = space.write("other.zone", zone(1, "other"))
        text = f"example:{{port}} {{\n file {path} {{\n  reload 20ms\n }}\n transfer {{\n  to *\n }}\n}}\n"
        more = f"other:{{port}} {{\n file {other}\n}}\n"
        daemon = daemons.start(space, text)
        with socket.create_connection(("127.0.0.1", daemon.port), 30) as slow:
            query = wire.question(wire.name_from_text("example."), 252, 7)
            slow.sendall(struct.pack("!H", len(query)) + query)
            frames = slow.makefile("rb")
            soas = frame_soas(frames)
            assert soas == 1
            with Asking(daemon) as asking:
                for number in range(2, 22):
                    daemon.write_corefile((text, text + more, text + "nonsense {", text + more.replace("{port}", str(daemon.port)))[number % 4])
                    space.write("example.zone", zone(number, f"v{number}", hosts(60000 - number)))
                    if number % 2 == 0:
                        daemon.process.send_signal(signal.SIGUSR1)
                    else:
                        subprocess.run([harness.need_ours("bailiwickctl"), "-s", os.path.join(daemon.directory, "control"), "reload"],
                                       capture_output=True, timeout=60, check=False)
                wait_for_version(daemon, "v21")
            while soas < 2:
                soas += frame_soas(frames)
        assert asking.answers > 20


def frame_soas(frames):
    """SOA records in the next message of a transfer: the first record, and the last."""
    message = frames.read(struct.unpack("!H", frames.read(2))[0])
    return sum(1 for record in wire.Answer(message).answer if record[1] == 6)


def images(space):
    """Files the server keeps for its next start, wherever below its directories."""
    return [path for path in glob.glob(os.path.join(space.path, "**"), recursive=True)
            if os.path.isfile(path) and os.path.getsize(path) > 4096 and "zone" not in os.path.basename(path)[-5:]]


def restart(server):
    server.stop()
    server.launch()
    server.wait()


def test_restart_serves_the_same():
    with harness.Workspace() as space:
        server, _ = start(space, zone(1, "one", hosts(60000)))
        restart(server)
        assert version(server) == "one"
        server.stop()
        space.write("example.zone", zone(2, "two", hosts(60000)))
        server.launch()
        server.wait()
        assert version(server) == "two", "the text has changed while the server was down"


def test_damaged_image_is_rebuilt():
    """Whatever happens to the kept image, the zone is served from its text."""
    with harness.Workspace() as space:
        server, _ = start(space, zone(1, "one", hosts(60000)))
        server.stop()
        kept = images(space)
        if not kept:
            server.launch()
            raise harness.Skip("the server kept no image")
        for damage in ("flip", "cut", "empty", "grow"):
            for path in kept:
                if not os.path.exists(path):
                    continue
                size = os.path.getsize(path)
                with open(path, "r+b") as file:
                    if damage == "flip":
                        file.seek(size // 2)
                        octet = file.read(1)
                        file.seek(size // 2)
                        file.write(bytes([octet[0] ^ 0x55]))
                    elif damage == "grow":
                        file.seek(0, 2)
                        file.write(b"x" * 5000)
                    else:
                        file.truncate(size // 2 if damage == "cut" else 0)
            server.launch()
            server.wait()
            assert version(server) == "one", damage
            for i in (0, 777, 59999):
                answer = server.ask(f"h{i}.example.", "A")
                assert answer.answer and answer.answer[0][4][2:] == bytes([i >> 8 & 255, i & 255]), (damage, i)
            server.stop()
            kept = images(space)
        server.launch()


def test_images_cannot_be_written():
    """Without a place for images (a read-only or missing directory) the zone is served all the same."""
    with harness.Workspace() as space:
        harness.need_ours()
        path = space.write("example.zone", zone(1, "one"))
        server = space.start("bailiwick", {"example.": path}, environment={
            "XDG_CACHE_HOME": "/proc/nowhere", "HOME": "/proc/nowhere"})
        assert version(server) == "one"
