"""A bailiwickd with a Corefile of the test's own. "{port}" in the text becomes its port."""

import os
import signal
import socket
import struct
import time

import harness
import wire


class Daemon(harness.Bailiwick):
    kind = "bailiwick"

    def __init__(self, directory, corefile, **options):
        super().__init__(directory, {}, **options)
        self.corefile = corefile

    def command(self):
        self.write_corefile(self.corefile)
        return ([harness.need_ours("bailiwickd"), "-conf", self.conf, "-workers", str(self.workers),
                 "-control", os.path.join(self.directory, "control")] + self.arguments)

    def write_corefile(self, text):
        self.conf = harness.write_file(self.directory, "Corefile", text.replace("{port}", str(self.port)))

    def wait(self, probe=None, deadline=None, pause=0.002):
        """Ready when it answers anything at all."""
        limit = time.monotonic() + (deadline or self.deadline)
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                raise harness.Failure(f"bailiwickd ended with {self.process.returncode}:\n{self.tail()}")
            try:
                if self.ask("ready.test.", "A", timeout=0.5, tries=1) is not None:
                    return time.monotonic() - self.launched_at
            except OSError:
                pass
            time.sleep(pause)
        raise harness.Failure(f"bailiwickd did not answer in time:\n{self.tail()}")

    def reload(self, corefile=None, text="reload: "):
        """SIGUSR1; returns when the log has one line more that says how it went."""
        if corefile is not None:
            self.write_corefile(corefile)
        seen = self.log().count(text)
        self.process.send_signal(signal.SIGUSR1)
        self.wait_for_log(text, seen + 1)

    def wait_for_log(self, text, count=1, deadline=30):
        limit = time.monotonic() + deadline
        while time.monotonic() < limit:
            if self.log().count(text) >= count:
                return
            time.sleep(0.005)
        raise harness.Failure(f"{text!r} did not come in the log:\n{self.tail()}")

    def connect(self, timeout=5.0, address="127.0.0.1"):
        return Connection(socket.create_connection((address, self.port), timeout))


class Connection:
    """DNS over TCP, by hand."""

    def __init__(self, sock):
        self.sock = sock

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, *messages):
        self.sock.sendall(b"".join(struct.pack("!H", len(m)) + m for m in messages))

    def receive(self):
        """The next message; None at the end of the stream."""
        head = self._exactly(2)
        return None if head is None else self._exactly(struct.unpack("!H", head)[0])

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.sock.recv(count - len(data))
            if not piece:
                if data:
                    raise harness.Failure("the connection ended within a message")
                return None
            data += piece
        return data


def start(space, corefile, make=Daemon, **options):
    for attempt in range(3):
        space.started += 1
        daemon = make(space.directory(f"daemon-{space.started}"), corefile, **options)
        space.servers.append(daemon)
        try:
            daemon.launch()
            if options.get("wait", True):
                daemon.wait()
            return daemon
        except harness.Failure:
            text = daemon.log()
            daemon.kill()
            space.servers.remove(daemon)
            if attempt == 2 or "another server is listening" not in text:
                raise
    return None


def question(name, qtype="A", ident=1, **options):
    return wire.question(wire.name_from_text(name), wire.type_number(qtype), ident, **options)
