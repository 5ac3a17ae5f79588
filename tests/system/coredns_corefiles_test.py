"""Corefiles of CoreDNS's manual, of its plugins' pages, of a book and of articles about it: each starts and answers as
its text says. What is expected stands in comments at its head (testdata/corefiles/coredns/NAME.conf, one each, and
pages.cases, where "=== NAME" begins one):

    # ask: NAME TYPE [CLASS] -> RCODE [| RECORD]...    a question and its answer section (none told: not compared; a bar
                                                       alone: empty), or "nothing" for no reply
    # ask2: ...                                        the same at the second port that the Corefile names
    # ask from ADDRESS: ...                            the same from another address of the loopback
    # ask eventually: ...                              asked until it is so: what is answered comes from elsewhere
    # dot: ...                                         the same over TLS
    # flags: NAME TYPE -> +FLAG -FLAG...    # sections: NAME TYPE -> ANSWERS AUTHORITIES ADDITIONALS
    # nsid: NAME TYPE -> TEXT               # axfr: ZONE -> RECORDS       # http: PORT PATH -> STATUS TEXT
    # starts                                           it starts; nothing is asked
    # check                                            it is accepted; it names servers or addresses that are not here
    # refused: TEXT                                    it is refused with an error that has this text
    # warned: TEXT                                     -check accepts it with a warning that has this text
    # log: TEXT                                        this appears on standard output
    # workers: N                                       so many workers run
    # env: NAME=VALUE    # write: FILE TEXT    # key: FILE     # certificate    # primary    # map: OLD NEW

Servers that it asks are replaced by one of ours, which knows one address for every name; ports by free ones, zone files
are made."""

import glob
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import dns.zone
from chain_test import code, records
from upstream import make_certificate

PLACE = os.path.join(harness.ROOT, "testdata", "corefiles", "coredns")
ZONE = """$TTL 3600
@ SOA ns1 root 2019041900 3600 600 604800 600
@ NS ns1
@ NS ns2
ns1 A 10.0.0.53
ns2 A 10.0.1.53
www A 127.0.0.1
www AAAA ::1
"""
UPSTREAM = """.:{port} {
 template IN A {
  answer "{{ .Name }} 60 IN A 203.0.113.9"
 }
 template ANY ANY {
  rcode NXDOMAIN
  authority ". 60 {{ .Class }} SOA ns. hostmaster. 1 60 60 60 60"
 }
}
"""
PRIMARY = """example.org example.net {
 file db.zone
 transfer {
  to *
 }
}
"""
KEY = re.compile(r"^(?=[^\s#(])(.*\{)\s*$", re.M)
HTTP = re.compile(r"^(\s*)(prometheus|health|ready)\b(?:[ \t]+((?:[^\s{]|\{\$)+))?", re.M)
HTTP_PORTS = {"prometheus": "9153", "health": "8080", "ready": "8181"}


class Case:
    """One Corefile with what is expected of it, made ready to run in a directory of its own."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        self.told = [(word, value) for word, value in re.findall(r"^# (\w[^:\n]*):? ?(.*)$", text, re.M)]
        self.ports = {}
        self.explained = 0

    def all(self, word):
        return [value for told, value in self.told if told == word]

    def has(self, word):
        return any(told == word for told, _ in self.told)

    def port(self, number):
        return self.ports.setdefault(number, str(harness.free_port()))

    def prepare(self, space, upstream, primary):
        self.directory = space.directory(self.name)
        self.make_files()
        text = re.sub(r"^# .*\n", "", self.text, flags=re.M)
        for old, new in (value.split() for value in self.all("map")):
            text = text.replace(old, new)
        keys = sorted({number for line in KEY.findall(text) for number in re.findall(r":(\d+)\b", line)},
                      key=lambda number: number != "53")
        self.second = next((number for number in keys if number != keys[0]), None)
        text = KEY.sub(lambda line: re.sub(r":(\d+)\b", lambda m: ":{port}" if m[1] == keys[0] else ":" + self.port(m[1]), line[0]), text)
        if not self.has("refused") and not self.has("check"):
            text = re.sub(r"^(\s*forward \S+)((?: (?!tls)\[?[\d./:a-z]+\]?)+)", lambda m: f"{m[1]} 127.0.0.1:{upstream.port}", text,
                          flags=re.M)
            text = HTTP.sub(self.http_address, text)
        text = text.replace("{primary}", f"127.0.0.1:{primary.port}")
        text = re.sub(r"^(\s*(?:root|file)) /(\S+)", lambda m: f"{m[1]} {self.directory}/{m[2]}", text, flags=re.M)
        self.make_zones(text)
        return text

    def http_address(self, match):
        written = match[3] or ":" + HTTP_PORTS[match[2]]
        written = re.sub(r"\{\$(\w+)\}", lambda m: dict(value.split("=") for value in self.all("env"))[m[1]], written)
        return f"{match[1]}{match[2]} 127.0.0.1:{self.port(written.rsplit(':', 1)[1])}"

    def make_files(self):
        for value in self.all("write"):
            file, content = value.split(" ", 1)
            path = os.path.join(self.directory, file)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            harness.write_file(os.path.dirname(path), os.path.basename(path), content.replace("\\n", "\n"))
        for name in self.all("key"):
            made = subprocess.run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "-K", self.directory, "example.org"],
                                  capture_output=True, text=True, check=True, timeout=60).stdout.strip()
            for kind in (".key", ".private"):
                os.rename(os.path.join(self.directory, made + kind), os.path.join(self.directory, name + kind))
        if self.has("certificate"):
            make_certificate(self.directory)

    def make_zones(self, text):
        for path in re.findall(r"^\s*file (\S+)", text, re.M):
            root = re.search(r"^\s*root (\S+)", text, re.M)
            full = os.path.join(self.directory, root[1] if root else "", path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            if not os.path.exists(full) and not self.has("key"):
                harness.write_file(os.path.dirname(full), os.path.basename(full), ZONE)


class Served(server.Daemon):
    corefile_counts = False  # the workers are as many as the Corefile says

    def command(self):
        words = super().command() + ["-dns.port", str(self.port), "-state", os.path.join(self.directory, "state")]
        at = words.index("-workers")
        return words[:at] + words[at + 2:] if self.corefile_counts else words


# ---- what can be expected ----


def exchange(port, question, source=None, tls=None, **options):
    words = question.split()
    query = dns.message.make_query(words[0], words[1], rdclass=words[2] if len(words) > 2 else "IN", use_edns=True, **options)
    if tls:
        context = ssl.create_default_context(cafile=tls)
        return dns.query.tls(query, "127.0.0.1", port=port, timeout=20, ssl_context=context, server_hostname="dns.example")
    return dns.query.udp(query, "127.0.0.1", port=port, timeout=20, source=source)


def compare(case, told, port, **options):
    question, expected = told.split(" -> ")
    if expected == "nothing":
        silent(port, question, **options)
        return
    answer = exchange(port, question, **options)
    rcode, *lines = [part.strip() for part in expected.split("|")]
    assert code(answer) == rcode, f"{case.name}: {question}: {answer}"
    assert not lines or sorted(records(answer)) == sorted(filter(None, lines)), f"{case.name}: {question}: {answer}"


def explained(case, told, port, source):
    """-explain says what is going to happen: the same code, the same records."""
    question, expected = told.split(" -> ")
    command = [harness.need_ours(), "-conf", case.daemon.conf, "-dns.port", str(port), "-state", os.path.join(case.directory, "state.explain"), "-explain", f"{question} from {source} port {port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=case.directory,
                          env=dict(os.environ, **case.daemon.environment))
    assert done.returncode == 0, f"{case.name}: {done.stdout}{done.stderr}"
    case.explained += 1
    if expected == "nothing":
        assert "no reply" in done.stdout, f"{case.name}: {done.stdout}"
        return
    rcode, *lines = [part.strip() for part in expected.split("|")]
    reply = done.stdout[done.stdout.index("\nreply:"):]
    assert reply.replace("(nobody answered) ", "").split()[1].rstrip(":,;") == rcode, f"{case.name}: {question}: {done.stdout}"
    part = re.search(r"^  answer\n((?:    .*\n)*)", reply, re.M)
    have = [" ".join(words[:2] + words[3:]) for words in (line.split() for line in (part[1] if part else "").splitlines())]
    assert not lines or sorted(have) == sorted(filter(None, lines)), f"{case.name}: {question}: {done.stdout}"


def silent(port, question, source):
    """A moment without an answer: a slow machine cannot make this fail."""
    words = question.split()
    query = dns.message.make_query(words[0], words[1])
    try:
        dns.query.udp(query, "127.0.0.1", port=port, timeout=0.3, source=source)
    except dns.exception.Timeout:
        return
    raise AssertionError(f"{question}: answered")


def eventually(case, told, port):
    limit = time.monotonic() + 30
    while True:
        try:
            return compare(case, told, port)
        except AssertionError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.02)


def flags(case, told, port):
    question, expected = told.split(" -> ")
    have = dns.flags.to_text(exchange(port, question).flags).lower().split()
    for flag in expected.split():
        assert (flag[1:] in have) == (flag[0] == "+"), f"{case.name}: {question}: {have}"


def sections(case, told, port):
    question, expected = told.split(" -> ")
    answer = exchange(port, question)
    have = [sum(len(rrset) for rrset in part) for part in (answer.answer, answer.authority, answer.additional)]
    assert have == [int(number) for number in expected.split()], f"{case.name}: {question}: {answer}"


def nsid(case, told, port):
    question, expected = told.split(" -> ")
    answer = exchange(port, question, options=[dns.edns.GenericOption(dns.edns.NSID, b"")])
    have = [getattr(option, "nsid", None) or option.to_wire() for option in answer.options if option.otype == dns.edns.NSID]
    assert have == [expected.encode()], f"{case.name}: {have}"


def transfer(case, told, port):
    zone, count = told.split(" -> ")
    have = sum(len(rrset) for message in dns.query.xfr("127.0.0.1", zone, port=port, timeout=20, lifetime=20)
               for rrset in message.answer)
    assert have == int(count), f"{case.name}: {have} records"


def http(case, told, port):
    (where, path), expected = told.split(" -> ")[0].split(), told.split(" -> ")[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{case.port(where)}{path}", timeout=20) as reply:
        status, text = expected.split(" ", 1)
        assert reply.status == int(status) and text in reply.read().decode(), f"{case.name}: {path}"


def workers(case, told, port):
    tasks = os.listdir(f"/proc/{case.daemon.process.pid}/task")
    names = [open(f"/proc/{case.daemon.process.pid}/task/{task}/comm", encoding="ascii").read() for task in tasks]
    assert len([name for name in names if name.startswith("worker")]) == int(told), f"{case.name}: {names}"


QUESTIONS = {
    "ask": compare,
    "ask2": lambda case, told, port: compare(case, told, int(case.port(case.second))),
    "ask eventually": eventually,
    "dot": lambda case, told, port: compare(case, told, port, tls=os.path.join(case.directory, "cert.pem")),
    "flags": flags, "sections": sections, "nsid": nsid, "axfr": transfer, "http": http, "workers": workers,
    "log": lambda case, told, port: case.daemon.wait_for_log(told, deadline=30),
}


def check(case, corefile, code_expected, texts):
    conf = harness.write_file(case.directory, "Corefile", corefile.replace("{port}", "1053"))
    done = subprocess.run([harness.need_ours(), "-check", "-conf", conf], capture_output=True, text=True, timeout=60, cwd=case.directory,
                          env=dict(os.environ, **dict(value.split("=", 1) for value in case.all("env"))))
    assert done.returncode == code_expected, f"{case.name}: {done.returncode}\n{done.stdout}"
    for text in texts:
        assert text in done.stdout, f"{case.name}: no {text!r} in\n{done.stdout}"


def run(space, case, upstream, primary):
    corefile = case.prepare(space, upstream, primary)
    if case.has("refused"):
        check(case, corefile, 1, case.all("refused"))
        return "refused as expected"
    if case.has("check") or case.has("warned"):
        check(case, corefile, 0, case.all("warned"))
        if case.has("check"):
            return "accepted as expected"
    space.started += 1
    case.daemon = daemon = Served(case.directory, corefile, environment=dict(value.split("=", 1) for value in case.all("env")))
    daemon.corefile_counts = case.has("workers")
    space.servers.append(daemon)
    daemon.launch()
    if case.has("dot"):
        daemon.wait_for_log("Bailiwick-", deadline=30)
    else:
        daemon.wait()
    for word, value in case.told:
        if word == "ask" or word.startswith("ask from "):
            explained(case, value, daemon.port, word[9:] or "127.0.0.1")
        if word.startswith("ask from "):
            compare(case, value, daemon.port, source=word[9:])
        elif word in QUESTIONS:
            QUESTIONS[word](case, value, daemon.port)
    daemon.stop()
    space.servers.remove(daemon)
    return "answers as expected"


def cases():
    for path in sorted(glob.glob(os.path.join(PLACE, "*.conf"))):
        with open(path, encoding="utf-8") as file:
            yield Case(os.path.basename(path)[:-5], file.read())
    with open(os.path.join(PLACE, "pages.cases"), encoding="utf-8") as file:
        for part in file.read().split("\n=== ")[1:]:
            name, text = part.split("\n", 1)
            yield Case("page-" + name, text)


def test_corefiles():
    failures, results, told = [], {}, 0
    with harness.Workspace() as space:
        upstream = server.start(space, UPSTREAM)
        os.makedirs(os.path.join(space.path, "primary"), exist_ok=True)
        primary = primary_server(space)
        for case in cases():
            try:
                result = run(space, case, upstream, primary)
            except (AssertionError, harness.Failure, dns.exception.DNSException, OSError) as failure:
                failures.append(f"{case.name}: {type(failure).__name__} {failure}")
                space.servers = [one for one in space.servers if one in (upstream, primary) or one.kill()]
                result = "FAILED"
            results.setdefault(result, []).append(case.name)
            told += case.explained
    for result, names in results.items():
        print(f"{result}: {len(names)}: {' '.join(names)}")
    print(f"-explain said what happened to {told} questions")
    assert sum(map(len, results.values())) >= 220
    assert not failures, "\n".join(failures)


def primary_server(space):
    directory = space.directory("primary")
    harness.write_file(directory, "db.zone", ZONE)
    daemon = Served(directory, PRIMARY)
    space.servers.append(daemon)
    daemon.launch()
    daemon.wait()
    return daemon
