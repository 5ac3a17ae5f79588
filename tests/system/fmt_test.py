"""zonetool fmt: the layout keeps the meaning (by zonetool dump and by named-compilezone, who know nothing of it), is
stable, and writes files whole or not at all. The zones: those of the project, and generated ugly ones."""

import glob
import os
import random
import shutil
import stat
import subprocess

import harness

ROOT = harness.ROOT


def zonetool(*arguments, cwd=None, stdin=b"", status=0):
    done = subprocess.run([harness.need_ours("zonetool"), *arguments], cwd=cwd, input=stdin, capture_output=True,
                          timeout=60)
    assert status is None or done.returncode == status, f"{arguments}: {done.returncode}\n{done.stderr.decode()}"
    return done.stdout


def read(path):
    with open(path, encoding="latin-1", newline="") as file:
        return file.read()


def meaning(path, origin):
    return zonetool("dump", "-o", origin, path)


def keeps_meaning(space, path, origin):
    laid = os.path.join(os.path.dirname(path), "laid-out.zone")
    with open(laid, "wb") as out:
        out.write(zonetool("fmt", path))
    assert meaning(laid, origin) == meaning(path, origin), path
    assert zonetool("fmt", laid).decode("latin-1") == read(laid), path
    zonetool("fmt", "--check", laid)
    return laid


def test_zones_of_the_project():
    with harness.Workspace() as space:
        for path in glob.glob(os.path.join(ROOT, "testdata", "zones", "*.zone")):
            keeps_meaning(space, space.write("a.zone", read(path)),
                          os.path.basename(path)[:-len(".zone")])
        for origin, path in (("example.org", "db.example.org"), ("2.0.192.in-addr.arpa", "db.192.0.2")):
            path = os.path.join(ROOT, "examples", "zones", path)
            keeps_meaning(space, space.write("a.zone", read(path)), origin)


ODD = (
    "@ SOA ns h ( ; first\n\t1 ; serial\n\n; margin\n  2 3 ( 4 ) 5\n) ; behind\n@ NS ns\n",
    "@ SOA ns h 1 2 3 4 5\n NS ns\n$ORIGIN sub\nx A 192.0.2.1\n$ORIGIN deeper\n A 192.0.2.2\n$ORIGIN example.org.\ny A 192.0.2.3\n",
    "@ SOA ns h 1 2 3 4 5\r\n NS ns\r\n; c\r\nx TXT ( \"a\"\r\n \"b\" ) ; d\r\n",
    "\ufeff@\tSOA\tns\th\t1\t2\t3\t4\t5\n\tNS\tns",
    "@ SOA ns h 1 2 3 4 5\n@ NS ns\n$INCLUDE part.inc\n$INCLUDE part.inc sub ; twice\nz A 192.0.2.1",
    "@ SOA ns h 1 2 3 4 5\n@ NS ns\nt TXT " + " ".join(f'"{"x" * 200}"' for _ in range(300)) + " ; " + "y" * 100000 + "\n",
    "@ SOA ns h 1 2 3 4 5\n@ NS ns\n" + "a." * 120 + "example.org. A 192.0.2.1\n" + "x" * 63 + " A 192.0.2.2\n",
    "@ SOA ns h 1 2 3 4 5\n@ NS ns\n$TTL 1d\n\\$TTL A 192.0.2.1\n\\; TXT \\; ; c\nq TXT \"\"\n\\@ A 192.0.2.2\n",
    "( @ SOA ns h 1 2 3 4 5 )\n( @ ) NS ns\n  ( A\n 192.0.2.1 )\n",
)


def test_odd_layouts():
    with harness.Workspace() as space:
        space.write("part.inc", "part TXT included\n")
        for text in ODD:
            path = os.path.join(space.path, "odd.zone")
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write("$TTL 60\n" * ("\ufeff" not in text) + text + ("\n$TTL 60\n" if "\ufeff" in text else ""))
            keeps_meaning(space, path, "example.org")


def test_every_zone_of_testdata():
    """Also the broken ones: those are refused and stay as they are, or laid out with the same meaning."""
    with harness.Workspace() as space:
        trees = [os.path.join(space.path, name, "testdata") for name in ("before", "after")]
        for tree in trees:
            shutil.copytree(os.path.join(ROOT, "testdata"), tree, ignore=shutil.ignore_patterns("fuzz", "keys"))
        paths = [path for path in sorted(glob.glob(os.path.join(trees[1], "**"), recursive=True))
                 if os.path.isfile(path) and (path.endswith((".zone", ".db", ".signed")) or "/db." in path)]
        assert len(paths) > 70, len(paths)
        zonetool("fmt", "-w", *paths, status=1)
        laid = {path: read(path) for path in paths}
        zonetool("fmt", "-w", *paths, status=1)
        assert all(read(path) == laid[path] for path in paths)
        changed = [path for path in paths if read(path.replace("/after/", "/before/")) != laid[path]]
        assert len(changed) > 20, len(changed)
        for path in changed:
            meanings = [subprocess.run([harness.need_ours("zonetool"), "dump", "-o", "example.org", name],
                                       capture_output=True).stdout for name in (path, path.replace("/after/", "/before/"))]
            assert meanings[0] == meanings[1], path


def comments(text):
    """The comments of a zone text whose strings have no semicolons."""
    return [line[line.index(";"):].rstrip() for line in text.splitlines() if ";" in line]


class Ugly:
    """Entries written as badly as the form allows."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.owner = False
        self.names = 0

    def blank(self):
        return self.random.choice([" ", "\t", "  ", " \t ", "\t\t"])

    def gap(self, open_):
        """What may stand between two tokens."""
        if not open_:
            return self.blank()
        return self.random.choice([self.blank(), "\n" + self.blank(), f" ; c{self.random.randrange(99)}\n\t", "\n\n ",
                                   "\n; margin\n "])

    def data(self):
        kind = self.random.randrange(8)
        if kind == 0:
            return "A", [f"192.0.2.{self.random.randrange(256)}"]
        if kind == 1:
            return "TXT", [self.random.choice(['"a  b"', '"q\\"uote"', "plain", "esc\\032aped", '"\\065"', '""', "\\\\"])
                           for _ in range(self.random.randint(1, 5))]
        if kind == 2:
            return "MX", [str(self.random.randrange(99)), self.random.choice(["mail", "mail.example.net.", "@"])]
        if kind == 3:
            return "SRV", ["1", "2", "53", "host\\.dotted"]
        if kind == 4:
            return "TYPE65280", ["\\#", "4", "01020304"]
        if kind == 5:
            return "HTTPS", ["1", ".", 'alpn="h2,h3"', "port=443"]
        if kind == 6:
            return "CAA", ["0", "issue", '"ca.example.net"']
        return "AAAA", ["2001:db8::%x" % self.random.randrange(65536)]

    def record(self):
        type_, data = self.data()
        if self.owner and self.random.random() < 0.4:
            owner = ""
        else:
            self.names += 1
            owner = self.random.choice(["n%d" % self.names, "N%d.sub" % self.names, "\\052x%d" % self.names,
                                        "e\\.%d" % self.names])
        self.owner = True
        head = []
        if self.random.random() < 0.5:
            head.append(self.random.choice(["300", "1h", "0005", "1d2h"]))
        if self.random.random() < 0.5:
            head.append(self.random.choice(["IN", "in", "CLASS1"]))
        if len(head) == 2 and self.random.random() < 0.5:
            head.reverse()
        tokens = head + [self.random.choice([type_, type_.lower()])] + data
        opens = self.random.randrange(len(tokens) + 1) if self.random.random() < 0.4 else None
        text = owner
        for i, token in enumerate(tokens):
            if i == opens:
                text += self.blank() + "("
            text += self.gap(opens is not None and i > opens) + token
        if opens is not None:
            text += self.blank() + "(" if opens == len(tokens) else ""
            text += self.random.choice([")", " )", "\n )"])
        return text + self.random.choice(["", "", ";x", " ; behind", self.blank()])

    def zone(self):
        lines = ["@ SOA ns hostmaster 1 2 3 4 5 ; first", " NS ns.example.net."]
        for _ in range(40):
            lines.append(self.random.choice([self.record, self.record, self.record, self.record, lambda: "",
                                             lambda: "; a comment", lambda: "  ; an indented one",
                                             lambda: "$TTL\t%d;t" % self.random.randrange(9999),
                                             lambda: "$generate 1-2 g%d-$  A 192.0.2.$" % self.random.randrange(10 ** 6),
                                             lambda: "$include  part.inc \t sub"])())
        return "$TTL 60\n" + self.random.choice(["\n", "\r\n"]).join(lines) + self.random.choice(["", "\n", "\n\n"])


def test_ugly_zones():
    with harness.Workspace() as space:
        space.write("part.inc", " TXT included\n")
        for seed in range(40):
            text = Ugly(seed).zone()
            path = space.write("ugly.zone", text)
            laid = read(keeps_meaning(space, path, "example.org"))
            assert comments(laid) == comments(text.replace("\r", "")), f"seed {seed}\n{text}\n----\n{laid}"
            assert "\t" not in laid and "\r" not in laid, laid
            assert all(line == line.rstrip(" ") for line in laid.splitlines()), laid


def test_a_peer_reads_the_same():
    peer = harness.program("named-compilezone")
    if peer is None:
        raise harness.Skip("named-compilezone is not installed")
    with harness.Workspace() as space:
        path = space.write("db", read(os.path.join(ROOT, "examples", "zones", "db.example.org")))
        laid = keeps_meaning(space, path, "example.org")
        texts = [subprocess.run([peer, "-q", "-i", "none", "-k", "ignore", "-o", "-", "example.org", file],
                               capture_output=True).stdout for file in (path, laid)]
        assert texts[0] == texts[1] and texts[0].count(b"\n") > 20


def test_write_and_check():
    with harness.Workspace() as space:
        path = space.write("db", "a  60\tIN  A 192.0.2.1\n")
        os.chmod(path, 0o640)
        link = os.path.join(space.path, "link")
        os.symlink("db", link)
        assert zonetool("fmt", "--check", link, status=1).decode() == link + "\n"
        assert zonetool("fmt", "-w", link) == b""
        assert os.path.islink(link) and stat.S_IMODE(os.stat(path).st_mode) == 0o640
        assert read(path) == "a       60 IN A       192.0.2.1\n"
        # The mode is not the umask's to change, nor the owner whoever writes.
        for mode in (0o664, 0o600, 0o4755):
            space.write("db", "a  60\tIN  A 192.0.2.1\n")
            os.chmod(path, mode)
            if os.getuid() == 0:
                os.chown(path, 1234, 4321)
                os.chmod(path, mode)
            zonetool("fmt", "-w", link)
            status = os.stat(path)
            assert stat.S_IMODE(status.st_mode) == mode and read(path).startswith("a       60 IN"), oct(status.st_mode)
            assert os.getuid() != 0 or (status.st_uid, status.st_gid) == (1234, 4321)
        before = os.stat(path).st_ino
        zonetool("fmt", "-w", path)
        assert os.stat(path).st_ino == before, "a file in its layout is not written"
        assert zonetool("fmt", "--check", path) == b""
        assert zonetool("fmt", stdin=b"a 1 A 192.0.2.1") == b"a       1 A       192.0.2.1\n"


def test_errors_change_nothing():
    with harness.Workspace() as space:
        text = "a 60 A 192.0.2.1\n  b 60 A 192.0.2.300\n"
        path = space.write("db", text)
        done = subprocess.run([harness.need_ours("zonetool"), "fmt", "-w", path], capture_output=True)
        assert done.returncode == 1 and b":2:" in done.stderr, done
        assert read(path) == text
        assert zonetool("fmt", os.path.join(space.path, "none"), status=2) == b""
