"""gitsync: many small zones in one repository, one of them changed. How long from the commit's arrival at the remote until
the name server answers with its serial, and the CPU time of what brings it there.

Ours fetches, verifies the commit's signature, checks the changed zone against the published one, publishes by one atomic
step and returns when bailiwickd has confirmed the serial. Beside it what is written for the others in a few lines of shell:
`git pull` in a work tree, and the server told to read the zones that `git diff --name-only` names; nothing is verified,
checked, switched at once, or confirmed there. Once more with the signature and the zone checked by hand (git verify-commit,
the peer's own checker), which is still neither atomic nor confirmed."""

import os
import resource
import statistics
import subprocess
import time

import harness
import measure

import gitsync_kit
import server

ROUNDS = 7


class Repository:
    """A remote with a work tree, one zone to a file, each commit signed by ssh."""

    def __init__(self, space, zones):
        self.site = gitsync_kit.Site(space)
        self.origins = [f"z{i:06}.example." for i in range(zones)]
        self.serial = 1
        key = os.path.join(space.path, "key")
        subprocess.run([gitsync_kit.need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        with open(key + ".pub", encoding="utf-8") as public:
            self.signers = space.write("signers", "alice@example.org " + " ".join(public.read().split()[:2]) + "\n")
        for name, value in (("gpg.format", "ssh"), ("user.signingkey", key), ("gpg.ssh.allowedSignersFile", self.signers),
                            ("gc.auto", "0")):
            self.site.git("config", "--global", name, value)
        for origin in self.origins:
            self.site.zone(origin, 1)
        self.site.commit("all", "-S")
        self.remote = os.path.join(space.path, "remote.git")
        self.site.git("clone", "-q", "--bare", self.site.work, self.remote)
        self.site.git("remote", "add", "origin", self.remote)

    def change(self):
        """Another serial for one zone, pushed; returns the zone."""
        self.serial += 1
        origin = self.origins[self.serial * 7919 % len(self.origins)]
        self.site.zone(origin, self.serial, ("www", f"n{self.serial}"))
        self.site.git("commit", "-q", "-S", "-m", f"serial {self.serial}", f"zones/{origin}zone")
        self.site.git("push", "-q", "origin", "HEAD:main")
        return origin


class Bind(harness.Bind):
    def command(self):
        words = super().command()
        port = harness.free_port()
        with open(self.conf, encoding="utf-8") as file:
            text = file.read()
        key = 'key "k" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0"; };\n'
        harness.write_file(self.directory, "rndc.conf", key + f'options {{ default-server 127.0.0.1; default-port {port}; default-key "k"; }};\n')
        self.conf = harness.write_file(self.directory, "named.conf", key + text.replace(
            "controls { };", f'controls {{ inet 127.0.0.1 port {port} allow {{ 127.0.0.1; }} keys {{ "k"; }}; }};'))
        return words[:-1] + [self.conf]


MAKES = {"knot": harness.Knot, "bind": Bind, "nsd": harness.Nsd}
TELL = {"knot": "knotc -c {conf} zone-reload {zone}", "bind": "rndc -c {directory}/rndc.conf reload {zone}",
        "nsd": "nsd-control -c {conf} reload {zone}"}
CHECK = {"knot": "kzonecheck -o {zone} {file}", "bind": "named-checkzone -q {zone} {file}", "nsd": "nsd-checkzone {zone} {file}"}
SCRIPT = """set -e
export PATH="$PATH:/usr/sbin"
cd {clone}
was=$(git rev-parse HEAD)
git fetch -q origin main
{verify}
files=$(git diff --name-only $was FETCH_HEAD)
git merge -q --ff-only FETCH_HEAD
for file in $files; do
    zone=$(basename $file zone)
    {check}
    {tell} > /dev/null
done
"""


def children_cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure_rounds(repository, bring, serial_of):
    """Medians: arrival to answer in ms, CPU ms of what brings it."""
    took, cpu = [], []
    for _ in range(ROUNDS):
        origin = repository.change()
        before, start = children_cpu_s(), time.monotonic()
        bring()
        cpu.append(children_cpu_s() - before)
        while serial_of(origin) != repository.serial:
            if time.monotonic() - start > 120:
                raise harness.Failure(f"{origin} was not served in time")
            time.sleep(0.001)
        took.append(time.monotonic() - start)
    return statistics.median(took) * 1000, max(took) * 1000, statistics.median(cpu) * 1000


def serial_of(daemon):
    def ask(origin):
        answer = daemon.ask(origin, "SOA")
        soa = next(record for record in answer.answer if record[1] == 6)
        return int.from_bytes(soa[4][-20:-16], "big")
    return ask


def measure_ours(space, repository):
    site = repository.site
    words = [harness.need_ours("gitsync"), "once", "--repo", repository.remote, "--dest", site.dest, "--signers", repository.signers,
             "--quiet"]
    start = time.monotonic()
    subprocess.run(words, env=site.environment, check=True)
    first = time.monotonic() - start
    daemon = server.start(space, ".:{port} {\n bind 127.0.0.1\n root %s/current\n auto {\n  directory zones (.*)\\.zone {1}\n"
                          "  reload 1h\n }\n}\n" % site.dest, deadline=600)
    words += ["--control", os.path.join(daemon.directory, "control")]
    figures = measure_rounds(repository, lambda: subprocess.run(words, env=site.environment, check=True), serial_of(daemon))
    daemon.stop()
    return first, figures


def measure_peer(space, repository, kind, careful):
    """One more clone for each: the server reads the work tree."""
    site = repository.site
    clone = os.path.join(space.path, f"clone-{kind}-{careful}")
    start = time.monotonic()
    site.git("clone", "-q", repository.remote, clone)
    first = time.monotonic() - start
    zones = {origin: os.path.join(clone, f"zones/{origin}zone") for origin in repository.origins}
    space.started += 1
    daemon = MAKES[kind](space.directory(f"{kind}-{space.started}"), zones, deadline=600)
    space.servers.append(daemon)
    daemon.launch()
    daemon.wait()
    places = {"conf": getattr(daemon, "conf", ""), "directory": daemon.directory, "zone": "$zone", "file": "$file"}
    script = space.write("pull.sh", SCRIPT.format(
        clone=clone, tell=TELL[kind].format(**places), check=CHECK[kind].format(**places) + " > /dev/null" if careful else ":",
        verify="git verify-commit FETCH_HEAD 2> /dev/null" if careful else ":"))
    figures = measure_rounds(repository, lambda: subprocess.run(["sh", script], env=site.environment, check=True), serial_of(daemon))
    daemon.stop()
    return first, figures


def run(settings):
    table = measure.Table(f"gitsync: {settings.zones:,} zones in a repository, one changed", [
        ("first deployment or clone, s", None, 2), ("commit to answer, ms", "less", 1), ("slowest, ms", None, 1),
        ("CPU ms", "less", 1)])
    with harness.Workspace("bailiwick-bench-git-") as space:
        repository = Repository(space, settings.zones)
        first, figures = measure_ours(space, repository)
        table.add("gitsync + bailiwickd: verified, checked, atomic, confirmed", first, *figures, ours=True)
        for kind in [kind for kind in settings.kinds if kind in MAKES]:
            for careful in (False, True):
                first, figures = measure_peer(space, repository, kind, careful)
                table.add(f"git pull + {harness.SERVERS[kind].title}" + (": signature and zone checked" if careful else ""),
                          first, *figures)
    return [table]
