"""What the tests of gitsync share: a repository with zones, a destination, a server beside it."""

import json
import os
import socket
import subprocess
import threading
import time

import harness
import server

SOA = "@ SOA ns1 host ( {serial} 3600 900 604800 300 )"

COREFILE = """{zones} {{
    bind 127.0.0.1
    root {current}
{files}
}}
"""


def zone_text(origin, serial, names=("www",), extra=""):
    lines = [f"$ORIGIN {origin}", "$TTL 3600", SOA.format(serial=serial), "@ NS ns1", "@ NS ns2",
             "ns1 A 192.0.2.1", "ns2 A 192.0.2.2"]
    lines += [f"{name} A 192.0.2.{3 + i % 250}" for i, name in enumerate(names)]
    return "\n".join(lines) + "\n" + extra


def need(name):
    path = harness.program(name)
    if path is None:
        raise harness.Skip(f"{name} is not installed")
    return path


def await_port(port, process, log_path):
    """Until somebody listens there."""
    limit = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > limit:
                log = ""
                if os.path.exists(log_path):
                    with open(log_path, encoding="utf-8", errors="replace") as file:
                        log = file.read()
                raise harness.Failure(f"nobody listens: {log}") from None
            time.sleep(0.01)


class Secondary:
    """A secondary as gitsync sees it: answers each question for a SOA with one serial, whatever happens."""

    def __init__(self, serial):
        self.serial = serial
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        import dns.message
        import dns.rrset
        while True:
            try:
                text, peer = self.socket.recvfrom(65535)
            except OSError:
                return
            if not text:
                return
            query = dns.message.from_wire(text)
            reply = dns.message.make_response(query)
            reply.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", "SOA",
                                                    f"ns1. host. {self.serial} 3600 900 604800 300"))
            self.socket.sendto(reply.to_wire(), peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


class Site:
    """A work tree to commit in, and where gitsync publishes."""

    def __init__(self, space):
        harness.need_ours("gitsync")
        need("git")
        self.space = space
        self.work = space.directory("work")
        self.dest = os.path.join(space.path, "dest")
        self.home = space.directory("home")
        self.environment = dict(os.environ, HOME=self.home, GIT_CONFIG_NOSYSTEM="1", GNUPGHOME=self.home,
                                GIT_AUTHOR_DATE="2026-01-05T10:00:00Z", GIT_COMMITTER_DATE="2026-01-05T10:00:00Z")
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Alice")
        self.git("config", "user.email", "alice@example.org")
        self.server = None

    def git(self, *words, directory=None):
        done = subprocess.run(["git", *words], cwd=directory or self.work, env=self.environment, capture_output=True,
                              text=True, check=False)
        if done.returncode:
            raise harness.Failure(f"git {' '.join(words)}: {done.stderr}")
        return done.stdout.strip()

    def put(self, path, text):
        full = os.path.join(self.work, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as out:
            out.write(text)

    def zone(self, origin, serial, names=("www",), extra=""):
        self.put(f"zones/{origin}zone", zone_text(origin, serial, names, extra))

    def commit(self, message="change", *options, date=None):
        if date:
            self.environment["GIT_AUTHOR_DATE"] = self.environment["GIT_COMMITTER_DATE"] = date
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, *options)
        return self.git("rev-parse", "HEAD")

    def gitsync(self, command, *options, expect=0, dest=None, repo=None, environment=None, timeout=60):
        words = [harness.need_ours("gitsync"), command, "--dest", dest or self.dest]
        if command in ("once", "plan", "run"):
            words += ["--repo", repo or self.work]
        if self.server is not None and command in ("once", "rollback"):
            words += ["--control", os.path.join(self.server.directory, "control")]
        done = subprocess.run(words + list(options), env=dict(self.environment, **(environment or {})),
                              capture_output=True, text=True, check=False, timeout=timeout)
        if expect is not None and done.returncode != expect:
            raise harness.Failure(f"gitsync {command} ended with {done.returncode}, not {expect}:\n{done.stderr}{done.stdout}")
        done.text = done.stdout + done.stderr
        return done

    def status(self, dest=None):
        done = self.gitsync("status", "--format", "json", expect=None, dest=dest)
        return json.loads(done.stdout)

    def current(self, dest=None):
        link = os.readlink(os.path.join(dest or self.dest, "current"))
        return os.path.basename(link)

    def published(self, path, dest=None):
        with open(os.path.join(dest or self.dest, "current", path), encoding="utf-8") as file:
            return file.read()

    def serve(self, origins, extra="", more=""):
        files = "".join(f"    file zones/{origin}zone {origin}\n" for origin in origins) + extra
        zones = " ".join(f"{origin}:{{port}}" for origin in origins)
        corefile = COREFILE.format(zones=zones, current=os.path.join(self.dest, "current"), files=files) + more
        self.server = server.start(self.space, corefile)
        return self.server

    def answer(self, name, qtype="A"):
        reply = self.server.ask(name, qtype)
        return reply

    def serial(self, origin):
        """As the server answers; 0 without one."""
        import dns.message
        import dns.rdatatype
        message = dns.message.make_query(origin, "SOA")
        reply = self.server.exchange(message.to_wire())
        for rrset in dns.message.from_wire(reply).answer:
            if rrset.rdtype == dns.rdatatype.SOA:
                return rrset[0].serial
        return 0


def check(condition, what):
    if not condition:
        raise harness.Failure(what)
