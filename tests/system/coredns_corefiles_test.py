"""Corefiles of CoreDNS's manual, of its plugins' pages, of a book and of articles about it: each starts and answers as
its text says. What is expected stands in comments at its head (testdata/corefiles/coredns):

    # ask: NAME TYPE [CLASS] -> RCODE [| RECORD]...    a question and its answer section (none told: not compared)
    # ask2: ...                                        the same at the second port that the Corefile names
    # starts                                           it starts; nothing is asked
    # refused: TEXT                                    it is refused with an error that has this text
    # log: TEXT                                        this appears on standard output
    # needs: PLUGIN                                    passed over while the plugin is not built
    # env: NAME=VALUE    # write: FILE TEXT

Servers that it asks are replaced by one of ours, which knows one address for every name. Zone files are made."""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
import dns.message
import dns.query
import dns.rdatatype
from chain_test import code, records

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
KEY = re.compile(r"^(?=[^\s#(])(.*\{)\s*$", re.M)


def expectations(text):
    return re.findall(r"^# (\w+):? ?(.*)$", text, re.M)


def prepare(space, name, text, upstream):
    """The Corefile with its ports, servers and files made ours; returns it with its ports."""
    directory = space.directory(name)
    ports = sorted({number for line in KEY.findall(text) for number in re.findall(r":(\d+)\b", line)},
                   key=lambda number: number != "53")

    def port(match):
        return ":{port}" if ports[0] == match[1] else ":{second}"

    def key(match):
        return re.sub(r":(\d+)\b", port, match[1])

    text = KEY.sub(key, text)
    text = re.sub(r"^(\s*forward \S+)((?: (?!tls)[\d./:a-z]+)+)", lambda m: f"{m[1]} 127.0.0.1:{upstream.port}", text, flags=re.M)
    text = re.sub(r"^(\s*)prometheus.*$", lambda m: f"{m[1]}prometheus 127.0.0.1:{harness.free_port()}", text, flags=re.M)
    text = re.sub(r"^(\s*)health$", lambda m: f"{m[1]}health 127.0.0.1:{harness.free_port()}", text, flags=re.M)
    text = re.sub(r"^(\s*(?:root|file)) /(\S+)", lambda m: f"{m[1]} {directory}/{m[2]}", text, flags=re.M)
    for path in re.findall(r"^\s*file (\S+)", text, re.M):
        root = re.search(r"^\s*root (\S+)", text, re.M)
        full = os.path.join(directory, root[1] if root else "", path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="ascii") as file:
            file.write(ZONE)
    return directory, text.replace("{second}", str(harness.free_port()) if len(ports) > 1 else "")


class Served(server.Daemon):
    def command(self):
        return super().command() + ["-dns.port", str(self.port)]


def ask(port, question):
    words = question.split()
    query = dns.message.make_query(words[0], words[1], rdclass=words[2] if len(words) > 2 else "IN", use_edns=True)
    return dns.query.udp(query, "127.0.0.1", port=port, timeout=3)


def compare(name, port, told):
    question, expected = told.split(" -> ")
    answer = ask(port, question)
    rcode, *lines = [part.strip() for part in expected.split("|")]
    assert code(answer) == rcode, f"{name}: {question}: {answer}"
    assert not lines or sorted(records(answer)) == sorted(lines), f"{name}: {question}: {answer}"


def run(space, path, upstream, plugins):
    name = os.path.basename(path)[:-5]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    told = expectations(text)
    if any(word == "needs" and value not in plugins for word, value in told) or (
            re.search(r"^\s*cache\b", text, re.M) and "cache" not in plugins and not any(w == "refused" for w, _ in told)):
        return "waits for a plugin"
    directory, corefile = prepare(space, name, text, upstream)
    environment = dict(value.split("=", 1) for word, value in told if word == "env")
    for word, value in told:
        if word == "write":
            file, content = value.split(" ", 1)
            space.write(os.path.join(name, file), content.replace("\\n", "\n"))
    refused = [value for word, value in told if word == "refused"]
    if refused:
        conf = harness.write_file(directory, "Corefile", corefile.replace("{port}", "1053"))
        done = subprocess.run([harness.need_ours(), "-check", "-conf", conf], capture_output=True, text=True, timeout=60, cwd=directory)
        assert done.returncode == 1 and refused[0] in done.stdout, f"{name}: {done.returncode}\n{done.stdout}"
        return "refused as expected"
    space.started += 1
    daemon = Served(directory, corefile, environment=environment)
    space.servers.append(daemon)
    daemon.launch()
    daemon.wait()
    second = re.search(r":(\d+) ?\{", corefile.replace("{port}", "x"))
    for word, value in told:
        if word in ("ask", "ask2"):
            compare(name, daemon.port if word == "ask" else int(second[1]), value)
        elif word == "log":
            daemon.wait_for_log(value)
    daemon.stop()
    space.servers.remove(daemon)
    return "answers as expected"


def test_corefiles():
    plugins = subprocess.run([harness.need_ours(), "-plugins"], capture_output=True, text=True).stdout
    plugins = re.findall(r"^  dns\.(\S+)$", plugins, re.M)
    failures, results = [], {}
    with harness.Workspace() as space:
        upstream = server.start(space, UPSTREAM)
        paths = sorted(glob.glob(os.path.join(PLACE, "*.conf")))
        for path in paths:
            try:
                result = run(space, path, upstream, plugins)
            except (AssertionError, harness.Failure, dns.exception.DNSException) as failure:
                failures.append(f"{os.path.basename(path)}: {type(failure).__name__} {failure}")
                result = "FAILED"
            results.setdefault(result, []).append(os.path.basename(path)[:-5])
    for result, names in results.items():
        print(f"{result}: {len(names)}: {' '.join(names)}")
    assert len(paths) >= 70, len(paths)
    assert not failures, "\n".join(failures)
