"""Starts name servers on free loopback ports, asks them, and stops them.

One class for each server (ours and the peers that Debian packages), all with the same few methods, so
that a test or a measurement is written once. Nothing waits by sleeping for a guessed time: a server is
ready when it answers, and gone when its process is. Every process is ended by its own id. Everything a
server writes lies in its own directory below the test's temporary one.

    with Workspace() as space:
        server = space.start("bailiwick", {"example.org.": "testdata/zones/example.org.zone"})
        answer = server.ask("www.example.org.", "A")

$BAILIWICK_BIN names the directory of our binaries (default: build/bin below the project's root). When
they are sanitizer builds, a report in the log fails the stop of the server.
"""

import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
                   "runtime error:", "WARNING: MemorySanitizer")
START_DEADLINE_S = 60
STOP_DEADLINE_S = 20


class Failure(Exception):
    """A test's finding: what was expected and what was seen."""


def binary(name):
    directory = os.environ.get("BAILIWICK_BIN") or os.path.join(ROOT, "build", "bin")
    path = os.path.abspath(os.path.join(directory, name))
    return path if os.access(path, os.X_OK) else None


def program(name):
    """A peer's program; the system's directories are searched even when PATH lacks them."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin")


PORT_LOCKS = []


def lock_port(port):
    """Reserves a port among the tests that run at the same time, until this process ends. Two servers may
    bind one port without an error (SO_REUSEPORT), and each would get half of the questions."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind(f"\0bailiwick-test-port-{port}")  # an abstract name: it leaves no file behind
    except OSError:
        lock.close()
        return False
    PORT_LOCKS.append(lock)
    return True


def free_port():
    """A port that is free for UDP and TCP on 127.0.0.1. Somebody else may take it before the server
    does: start() then tries another."""
    for _ in range(100):
        port = random.SystemRandom().randrange(20000, 32000)  # below the ephemeral ones
        if not lock_port(port):
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            try:
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failure("no free port found")


class Skip(Exception):
    """A test cannot run here, and why."""


def need_ours(name="bailiwickd"):
    path = binary(name)
    if path is None:
        raise Skip(f"{name} is not built")
    return path


class Workspace:
    """A temporary directory and the servers started in it; leaving it stops and removes all."""

    def __init__(self, prefix="bailiwick-test-", keep=False):
        self.path = tempfile.mkdtemp(prefix=prefix)
        os.chmod(self.path, 0o755)
        self.servers = []
        self.started = 0
        self.keep = keep

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        problems = []
        for server in reversed(self.servers):
            try:
                server.stop()
            except Failure as problem:
                problems.append(str(problem))
        if problems and kind is not None:
            print("\n".join(problems), flush=True)
        if not self.keep:
            shutil.rmtree(self.path, ignore_errors=True)
        if problems and kind is None:
            raise Failure("\n".join(problems))
        return False

    def directory(self, name):
        path = os.path.join(self.path, name)
        os.makedirs(path, exist_ok=True)
        return path

    def write(self, name, text):
        """Writes a file whole and then renames it: a server that has the old one mapped (Knot) dies of
        SIGBUS when it is shortened under its hands."""
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w", encoding="latin-1", newline="") as out:
            out.write(text)
        os.rename(path + ".new", path)
        return path

    def start(self, kind, zones, **options):
        """Starts a server of KIND with ZONES (origin -> path) and waits until it answers."""
        for attempt in range(3):
            self.started += 1
            directory = self.directory(f"{kind}-{self.started}")
            server = SERVERS[kind](directory, zones, **options)
            self.servers.append(server)
            try:
                server.launch()
                if options.get("wait", True):
                    server.wait()
                return server
            except Failure:
                text = server.log()
                server.kill()
                self.servers.remove(server)
                if attempt == 2 or "in use" not in text:
                    raise
        return None


class Server:
    """A name server process. Subclasses say how it is configured, run and told to reload."""

    kind = None
    title = None

    def __init__(self, directory, zones, cpu=None, workers=1, minimal=False, dnssec_size=4096, wait=True,
                 extra="", environment=None, arguments=(), deadline=START_DEADLINE_S):
        self.directory = directory
        self.zones = {origin if origin.endswith(".") else origin + ".": os.path.abspath(path)
                      for origin, path in zones.items()}
        self.cpu = cpu
        self.workers = workers
        self.minimal = minimal
        self.udp_size = dnssec_size
        self.extra = extra
        self.environment = environment or {}
        self.arguments = list(arguments)
        self.deadline = deadline
        self.port = free_port()
        self.process = None
        self.log_path = os.path.join(directory, "log")
        self.launched_at = None

    @classmethod
    def is_available(cls):
        return cls.missing() is None

    # What a subclass provides.

    def command(self):
        raise NotImplementedError

    def request_reload(self):
        raise NotImplementedError

    # The life of the process.

    def launch(self):
        command = self.command()
        if self.cpu is not None:
            command = ["taskset", "-c", str(self.cpu)] + command
        # What must be kept without a directory of its own is kept here, not where the system's server keeps it.
        environment = dict(os.environ, XDG_STATE_HOME=self.directory, **self.environment)
        with open(self.log_path, "ab") as log:
            self.launched_at = time.monotonic()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.directory, env=environment, start_new_session=True)

    def wait(self, probe=None, deadline=None, pause=0.002):
        """Waits for an authoritative answer to PROBE (name, type); by default the SOA of the last zone.
        Returns seconds since launch."""
        name, qtype = probe or (list(self.zones)[-1] if self.zones else ".", "SOA")
        limit = time.monotonic() + (deadline or self.deadline)
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                raise Failure(f"{self.kind} ended with {self.process.returncode}:\n{self.tail()}")
            try:
                answer = self.ask(name, qtype, timeout=1.0, tries=1)
                if answer is not None and answer.rcode == 0:
                    return time.monotonic() - self.launched_at
            except OSError:
                pass
            time.sleep(pause)
        raise Failure(f"{self.kind} did not answer {name} {qtype} in time:\n{self.tail()}")

    def stop(self):
        """Asks the process to end; fails when it has to be killed, crashed, or a sanitizer spoke."""
        if self.process is None:
            return
        was_dead = self.process.poll() is not None
        code = self.process.returncode
        if not was_dead:
            self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise Failure(f"{self.kind} did not stop on SIGTERM:\n{self.tail()}") from None
            self._await_children()
        self.kill()
        reports = [line for line in self.log().splitlines() if any(mark in line for mark in SANITIZER_MARKS)]
        if reports:
            raise Failure(f"{self.kind}: sanitizer report:\n{self.tail(80)}")
        if was_dead or (code is not None and code < 0 and code != -signal.SIGTERM):
            raise Failure(f"{self.kind} had ended by itself with {code}:\n{self.tail()}")

    def _await_children(self):
        """Children (NSD's) may end a little later than the process that was asked to."""
        limit = time.monotonic() + STOP_DEADLINE_S
        while time.monotonic() < limit:
            try:
                os.killpg(self.process.pid, 0)
            except (ProcessLookupError, PermissionError):
                return
            time.sleep(0.002)

    def kill(self):
        """Ends what is left of the process and its children (they share one session of ours)."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.process.wait()
        self.process = None

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return log.read()
        except OSError:
            return ""

    def tail(self, lines=20):
        return "\n".join("    " + line for line in self.log().splitlines()[-lines:])

    # Asking.

    def ask(self, name, qtype, tcp=False, edns=None, dnssec=False, timeout=3.0, tries=3):
        wire_name = name if isinstance(name, bytes) else wire.name_from_text(name)
        number = qtype if isinstance(qtype, int) else wire.type_number(qtype)
        if dnssec and not edns:
            edns = 1232
        ident = random.randrange(65536)
        message = wire.question(wire_name, number, ident, edns, dnssec)
        reply = self.exchange(message, tcp, timeout, tries)
        return None if reply is None else wire.Answer(reply)

    def exchange(self, message, tcp=False, timeout=3.0, tries=3):
        return (self._exchange_tcp if tcp else self._exchange_udp)(message, timeout, tries)

    def _exchange_udp(self, message, timeout, tries):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", self.port))
            sock.settimeout(timeout)
            for _ in range(tries):
                sock.send(message)
                try:
                    while True:
                        reply = sock.recv(65535)
                        if reply[:2] == message[:2]:
                            return reply
                except socket.timeout:
                    continue
        return None

    def _exchange_tcp(self, message, timeout, tries):
        del tries
        with socket.create_connection(("127.0.0.1", self.port), timeout) as sock:
            sock.sendall(struct.pack("!H", len(message)) + message)
            length = struct.unpack("!H", self._read_exactly(sock, 2))[0]
            return self._read_exactly(sock, length)

    @staticmethod
    def _read_exactly(sock, count):
        data = b""
        while len(data) < count:
            piece = sock.recv(count - len(data))
            if not piece:
                raise Failure("connection closed within a message")
            data += piece
        return data

    # What it costs.

    def pids(self):
        """The process and its descendants."""
        found, queue = [], [self.process.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as children:
                        queue += [int(child) for child in children.read().split()]
            except OSError:
                pass
        return found

    def resident_mb(self, part="Pss"):
        """Proportional resident size of all its processes, in MB of 10^6 octets; PART may be Pss_Anon, what is
        not backed by a file that the system can drop and read again."""
        total = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
                    total += sum(int(line.split()[1]) for line in rollup if line.startswith(part + ":"))
            except OSError:
                pass
        return total * 1024 / 1e6

    def cpu_seconds(self):
        ticks = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                    fields = stat.read().rpartition(")")[2].split()
                    ticks += int(fields[11]) + int(fields[12])
            except OSError:
                pass
        return ticks / os.sysconf("SC_CLK_TCK")


def write_file(directory, name, text):
    """Whole or not at all: a server that reloads meanwhile must not read the empty beginning of it."""
    path = os.path.join(directory, name)
    with open(path + ".new", "w", encoding="latin-1") as out:
        out.write(text)
    os.rename(path + ".new", path)
    return path


class Bailiwick(Server):
    kind = "bailiwick"
    title = "Bailiwick"

    @classmethod
    def missing(cls):
        return None if binary("bailiwickd") else "build/bin/bailiwickd"

    def command(self):
        extra = self.extra.replace("{port}", str(self.port))
        text = "".join(f"{origin}:{self.port} {{\n    bind 127.0.0.1\n    bufsize {self.udp_size}\n    file {path} {origin}\n{extra}}}\n"
                       for origin, path in self.zones.items())
        conf = write_file(self.directory, "Corefile", text)
        self.environment.setdefault("XDG_CACHE_HOME", self.directory)
        control = os.path.join(self.directory, "control")
        return [binary("bailiwickd"), "-conf", conf, "-quiet", "-control", control] + self.arguments

    def request_reload(self):
        self.process.send_signal(signal.SIGUSR1)


class Nsd(Server):
    kind = "nsd"
    title = "NSD"

    @classmethod
    def missing(cls):
        return None if program("nsd") else "nsd"

    def command(self):
        self.control = os.path.join(self.directory, "control")
        lines = [
            "server:", f"  ip-address: 127.0.0.1@{self.port}", f"  port: {self.port}", '  username: ""', '  chroot: ""',
            f'  zonesdir: "{self.directory}"', f'  pidfile: "{self.directory}/pid"', '  database: ""',
            f'  xfrdfile: "{self.directory}/xfrd.state"', f'  xfrdir: "{self.directory}"',
            f'  zonelistfile: "{self.directory}/zone.list"', f"  server-count: {self.workers}",
            "  rrl-ratelimit: 0", "  rrl-whitelist-ratelimit: 0", "  verbosity: 0", "  round-robin: no",
            "  confine-to-zone: yes", f"  minimal-responses: {'yes' if self.minimal else 'no'}",
            "  refuse-any: no", f"  ipv4-edns-size: {self.udp_size}", "  statistics: 0", "  tcp-count: 100",
            "remote-control:", "  control-enable: yes", f'  control-interface: "{self.control}"']
        for origin, path in self.zones.items():
            lines += ["zone:", f'  name: "{origin}"', f'  zonefile: "{path}"']
        conf = write_file(self.directory, "nsd.conf", "\n".join(lines) + "\n" + self.extra)
        self.conf = conf
        return [program("nsd"), "-d", "-c", conf] + self.arguments

    def request_reload(self):
        subprocess.run([program("nsd-control"), "-c", self.conf, "reload"], check=True,
                       stdout=subprocess.DEVNULL)


class Knot(Server):
    kind = "knot"
    title = "Knot"

    @classmethod
    def missing(cls):
        return None if program("knotd") else "knotd"

    def command(self):
        lines = [
            "server:", f"  listen: 127.0.0.1@{self.port}", f'  rundir: "{self.directory}"',
            f"  udp-workers: {self.workers}", "  tcp-workers: 1", "  background-workers: 1",
            f"  udp-max-payload: {self.udp_size}", "  answer-rotation: off", "control:",
            f'  listen: "{self.directory}/control"', "log:", "  - target: stderr", "    any: error",
            "database:", f'  storage: "{self.directory}"', "template:", "  - id: default",
            f'    storage: "{self.directory}"', "    journal-content: none", "    zonefile-load: whole",
            "    zonefile-sync: -1", "zone:"]
        for origin, path in self.zones.items():
            lines += [f'  - domain: "{origin}"', f'    file: "{path}"']
        self.conf = write_file(self.directory, "knot.conf", "\n".join(lines) + "\n" + self.extra)
        return [program("knotd"), "-c", self.conf] + self.arguments

    def request_reload(self):
        subprocess.run([program("knotc"), "-c", self.conf, "zone-reload"], check=True,
                       stdout=subprocess.DEVNULL)


class Bind(Server):
    kind = "bind"
    title = "BIND"

    @classmethod
    def missing(cls):
        return None if program("named") else "named"

    def command(self):
        lines = [
            "options {", f'  directory "{self.directory}";', f"  listen-on port {self.port} {{ 127.0.0.1; }};",
            "  listen-on-v6 { none; };", "  pid-file none;", "  session-keyfile none;", "  recursion no;",
            "  notify no;", "  dnssec-validation no;", "  empty-zones-enable no;", "  querylog no;",
            "  zone-statistics none;", "  check-integrity no;", "  check-names primary ignore;",
            "  check-mx ignore;", "  check-srv-cname ignore;", "  check-wildcard no;", "  minimal-any no;",
            "  rrset-order { order none; };", "  ixfr-from-differences no;",
            f"  minimal-responses {'yes' if self.minimal else 'no'};", f"  max-udp-size {self.udp_size};",
            f"  edns-udp-size {self.udp_size};", "};", "controls { };",
            "logging { channel out { stderr; severity error; }; category default { out; }; };"]
        for origin, path in self.zones.items():
            name = origin.replace("\\", "\\\\")
            lines.append(f'zone "{name}" {{ type primary; file "{path}"; }};')
        self.conf = write_file(self.directory, "named.conf", "\n".join(lines) + "\n" + self.extra)
        return [program("named"), "-f", "-4", "-n", str(self.workers), "-c", self.conf] + self.arguments

    def request_reload(self):
        self.process.send_signal(signal.SIGHUP)


SERVERS = {server.kind: server for server in (Bailiwick, Nsd, Knot, Bind)}
PEERS = ("nsd", "knot", "bind")


def available(kinds):
    return [kind for kind in kinds if SERVERS[kind].is_available()]
