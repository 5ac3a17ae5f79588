"""zonetool beside git: the merge driver, textconv, the pre-commit hook, serials; in real repositories."""

import os
import random
import subprocess
import time

import harness

HEAD = """$ORIGIN example.org.
$TTL 1h
@       SOA     ns hostmaster (
                10 ; serial
                4h 1h 2w 15m )
@       NS      ns
ns      A       192.0.2.1
www     300 A   192.0.2.80
        AAAA    2001:db8::80
mail    A       192.0.2.25
"""


def zonetool(*arguments, cwd=None, status=0):
    done = subprocess.run([harness.need_ours("zonetool"), *arguments], cwd=cwd, capture_output=True, timeout=60)
    assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}"
    return done.stdout.decode()


def read(path):
    with open(path, encoding="latin-1") as file:
        return file.read()


def merge(space, base, ours, theirs, status=0):
    """What the driver makes of three texts, and what it says."""
    for name, text in (("base", base), ("ours", ours), ("theirs", theirs)):
        space.write(name, text)
    done = subprocess.run([harness.need_ours("zonetool"), "merge-driver", "base", "ours", "theirs", "db.example.org"],
                          cwd=space.path, capture_output=True, timeout=60)
    text = read(os.path.join(space.path, "ours"))
    assert done.returncode == status, f"exit {done.returncode}\n{text}\n{done.stderr.decode()}"
    return text


def records(space, text):
    """The records of a text, as zonetool textconv has them, without the SOA."""
    path = space.write("records.zone", text)
    return {line for line in zonetool("textconv", path).splitlines() if "\tSOA\t" not in line}


class Repository:
    def __init__(self, space):
        self.path = space.directory("repository")
        tool = os.path.dirname(harness.need_ours("zonetool"))
        self.environment = dict(os.environ, HOME=space.path, GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="a",
                                GIT_AUTHOR_EMAIL="a@example.org", GIT_COMMITTER_NAME="a",
                                GIT_COMMITTER_EMAIL="a@example.org", PATH=tool + ":" + os.environ["PATH"])
        self.git("-c", "init.defaultBranch=main", "init", "-q")

    def run(self, *arguments, status=0):
        done = subprocess.run(arguments, cwd=self.path, env=self.environment, capture_output=True, timeout=60)
        output = (done.stdout + done.stderr).decode()
        assert status is None or done.returncode == status, f"{arguments}: {done.returncode}\n{output}"
        return output

    def git(self, *arguments, status=0):
        return self.run("git", *arguments, status=status)

    def write(self, name, text):
        os.makedirs(os.path.dirname(os.path.join(self.path, name)), exist_ok=True)
        with open(os.path.join(self.path, name), "w", encoding="ascii") as file:
            file.write(text)

    def read(self, name):
        return read(os.path.join(self.path, name))


def test_different_names_at_one_place():
    with harness.Workspace() as space:
        text = merge(space, HEAD, HEAD + "ftp A 192.0.2.21\n", HEAD + "; the news\nnews A 192.0.2.22\n  TXT n\n")
        assert text == HEAD + "ftp A 192.0.2.21\n; the news\nnews A 192.0.2.22\n  TXT n\n", text


def test_inherited_owners_keep_their_names():
    with harness.Workspace() as space:
        # Both add lines behind the last one; theirs inherits its owner.
        text = merge(space, HEAD, HEAD + "ftp A 192.0.2.21\n", HEAD + "        TXT     theirs\n")
        expected = records(space, HEAD) | records(space, HEAD + "ftp A 192.0.2.21\n") | \
            records(space, HEAD + "        TXT     theirs\n")
        assert records(space, text) == expected, text


def test_the_serial_resolves_itself():
    with harness.Workspace() as space:
        def with_serial(number, rest=""):
            return HEAD.replace("10 ; serial", f"{number} ; serial") + rest
        assert "                12 ; serial" in merge(space, HEAD, with_serial(11, "a A 192.0.2.3\n"), with_serial(11, "b A 192.0.2.3\n"))
        assert "                11 ; serial" in merge(space, HEAD, with_serial(11), with_serial(10, "b A 192.0.2.3\n"))
        assert "                2026112205 ; serial" in merge(space, HEAD, with_serial(2026112203), with_serial(2026112204, "b A 192.0.2.3\n"))
        same = with_serial(11, "a A 192.0.2.3\n")
        assert merge(space, HEAD, same, same) == same


def test_one_rrset_changed_twice():
    with harness.Workspace() as space:
        ours = HEAD.replace("192.0.2.80", "192.0.2.81") + "ftp A 192.0.2.21\n"
        theirs = HEAD.replace("192.0.2.80", "192.0.2.82") + "news A 192.0.2.22\n"
        text = merge(space, HEAD, ours, theirs, status=1)
        at = text.index("<<<<<<<")
        assert text[at:text.index("        AAAA")] == (
            "<<<<<<< ours: www A\nwww     300 A   192.0.2.81\n||||||| base\nwww     300 A   192.0.2.80\n=======\n"
            "www     300 A   192.0.2.82\n>>>>>>> theirs\n"), text
        assert "ftp A 192.0.2.21\nnews A 192.0.2.22\n" in text, text
        # The same change twice is none.
        assert merge(space, HEAD, ours, ours.replace("ftp", "ftq")).count("192.0.2.81") == 1


def test_an_alias_stands_alone():
    with harness.Workspace() as space:
        text = merge(space, HEAD, HEAD + "new A 192.0.2.7\n", HEAD + "new CNAME www\n", status=1)
        assert "<<<<<<< ours: new (a CNAME stands alone)\nnew A 192.0.2.7\n" in text, text


def test_neighbouring_lines():
    with harness.Workspace() as space:
        ours = HEAD.replace("www     300 A   192.0.2.80\n", "www     300 A   192.0.2.81\n")
        theirs = HEAD.replace("2001:db8::80", "2001:db8::81").replace("mail    A ", "mail 60 A ")
        text = merge(space, HEAD, ours, theirs)
        assert "www     300 A   192.0.2.81\n        AAAA    2001:db8::81\nmail 60 A       192.0.2.25\n" in text, text


def test_random_changes_never_go_wrong():
    """What is merged is what both changes come to; a conflict is told only where one RRset was changed twice."""
    with harness.Workspace() as space:
        for seed in range(60):
            chance = random.Random(seed)
            lines = [f"n{i} A 192.0.2.{i}" for i in range(12)]

            def change(sign):
                result = list(lines)
                touched = set()
                for _ in range(chance.randint(1, 4)):
                    at = chance.randrange(len(result))
                    kind = chance.randrange(3)
                    name = result[at].split()[0]
                    if kind == 0:
                        result.insert(at, f"{sign}{chance.randrange(1000)} A 192.0.2.99")
                    elif not name.startswith("n"):
                        continue
                    elif kind == 1:
                        touched.add(name)
                        del result[at]
                    else:
                        touched.add(name)
                        result[at] = f"{name} A 192.0.2.{100 + chance.randrange(100)}"
                return result, touched
            (ours, ours_touched), (theirs, theirs_touched) = change("o"), change("t")
            base_text, ours_text, theirs_text = ("$TTL 60\n" + "\n".join(text) + "\n" for text in (lines, ours, theirs))
            b, o, t = set(lines), set(ours), set(theirs)
            clash = any({x for x in o if x.split()[0] == name} != {x for x in t if x.split()[0] == name}
                        for name in ours_touched & theirs_touched)
            text = merge(space, base_text, ours_text, theirs_text, status=1 if clash else 0)
            if not clash:
                expected = (o & t) | ((o | t) - b)
                assert set(text.splitlines()[1:]) == expected, f"seed {seed}\n{text}"


def test_hooks_in_a_repository():
    with harness.Workspace() as space:
        repository = Repository(space)
        repository.write("db.example.org", HEAD)
        repository.write("README", "no zone\n")
        assert "pre-commit" in repository.run("zonetool", "install-hooks", "--fmt")
        repository.git("add", ".")
        assert "run zonetool fmt -w" in repository.git("commit", "-qm", "ugly", status=1)
        repository.run("zonetool", "fmt", "-w", "db.example.org")
        repository.git("commit", "-qam", "one")

        # A broken zone is not committed; the working directory does not matter, the index does.
        repository.write("db.example.org", repository.read("db.example.org") + "x       A       192.0.2.300\n")
        repository.git("add", ".")
        repository.write("db.example.org", HEAD)
        assert "octet 4 is above 255" in repository.git("commit", "-qm", "broken", status=1)
        repository.git("checkout", "-q", "HEAD", "db.example.org")

        # Two branches add names at the same place and raise the serial: git merges them alone.
        good = repository.read("db.example.org")
        for branch, name in (("left", "ftp"), ("right", "news")):
            repository.git("checkout", "-qb", branch, "main")
            repository.write("db.example.org", good.replace("10 ; serial", "11 ; serial") + f"{name}     A       192.0.2.9\n")
            repository.run("zonetool", "fmt", "-w", "db.example.org")
            repository.git("commit", "-qam", branch)
        repository.git("merge", "-q", "-m", "both", "left")
        merged = repository.read("db.example.org")
        assert "12 ; serial" in merged and "ftp" in merged and "news" in merged and "<<<" not in merged, merged

        # git diff shows records.
        assert "+ftp.example.org.\t3600\tIN\tA\t192.0.2.9" in repository.git("diff", "HEAD~1", "--", "db.example.org")

        repository.run("zonetool", "install-hooks", "--undo")
        assert not os.path.exists(os.path.join(repository.path, ".git/hooks/pre-commit"))
        assert not os.path.exists(os.path.join(repository.path, ".git/info/attributes"))
        config = repository.read(".git/config")
        assert "driver" not in config and "textconv" not in config, config


def test_a_hook_of_somebody_else_stays():
    with harness.Workspace() as space:
        repository = Repository(space)
        os.makedirs(os.path.join(repository.path, ".git/hooks"), exist_ok=True)
        repository.write(".git/hooks/pre-commit", "#!/bin/sh\n")
        repository.run("zonetool", "install-hooks", "--undo")
        assert repository.read(".git/hooks/pre-commit") == "#!/bin/sh\n"
        # It goes first, and can refuse.
        repository.write(".git/hooks/pre-commit", "#!/bin/sh\ntouch seen\n[ ! -e refuse ]\n")
        os.chmod(os.path.join(repository.path, ".git/hooks/pre-commit"), 0o755)
        for _ in range(2):
            repository.run("zonetool", "install-hooks")
        repository.write("db.example.org", HEAD + "x A 192.0.2.300\n")
        repository.git("add", ".")
        assert "octet 4" in repository.git("commit", "-qm", "broken", status=1)
        assert os.path.exists(os.path.join(repository.path, "seen"))
        repository.write("db.example.org", HEAD)
        repository.write("refuse", "")
        repository.git("commit", "-qam", "refused", status=1)
        os.remove(os.path.join(repository.path, "refuse"))
        repository.git("commit", "-qam", "good")
        repository.run("zonetool", "install-hooks", "--undo")
        assert repository.read(".git/hooks/pre-commit").startswith("#!/bin/sh\ntouch seen")
        repository.run("zonetool", "install-hooks", "--force")
        repository.run("zonetool", "install-hooks", "--undo")
        assert not os.path.exists(os.path.join(repository.path, ".git/hooks/pre-commit"))


def test_hooks_know_renames_odd_names_and_includes():
    with harness.Workspace() as space:
        repository = Repository(space)
        repository.write("z/a.zone", HEAD)
        repository.write("z/parent.zone", HEAD + "$INCLUDE part.inc\n")
        repository.write("z/part.inc", "part A 192.0.2.5\n")
        repository.run("zonetool", "install-hooks")
        repository.git("add", ".")
        repository.git("commit", "-qm", "one")
        repository.git("mv", "z/a.zone", "z/b.zone")
        repository.git("commit", "-qm", "renamed")
        repository.git("rm", "-q", "z/b.zone")
        repository.git("commit", "-qm", "deleted")
        # What a renamed file has is looked at; so is what an included one has.
        repository.git("mv", "z/parent.zone", "z/other.zone")
        repository.write("z/other.zone", HEAD + "x A 192.0.2.300\n")
        repository.git("add", ".")
        assert "z/other.zone:11:" in repository.git("commit", "-qm", "renamed and broken", status=1)
        repository.git("reset", "-q", "--hard")
        repository.write("z/part.inc", "part A 192.0.2.555\n")
        assert "z/part.inc:1:" in repository.git("commit", "-qam", "broken", status=1)
        repository.git("reset", "-q", "--hard")
        for name in ("a b", "\u00f6", 'q"uo', "-n"):
            repository.write(f"z/{name}.zone", HEAD)
            repository.git("add", ".")
            repository.git("commit", "-qm", "good")
            repository.write(f"z/{name}.zone", HEAD + "x A 192.0.2.300\n")
            assert "octet 4" in repository.git("commit", "-qam", "broken", status=1), name
            repository.git("reset", "-q", "--hard")


def test_hooks_in_worktrees_and_elsewhere():
    with harness.Workspace() as space:
        repository = Repository(space)
        repository.write("db.example.org", HEAD)
        repository.git("add", ".")
        repository.git("commit", "-qm", "one")
        repository.git("worktree", "add", "-q", "../other", "-b", "side")
        other = Repository.__new__(Repository)
        other.__dict__.update(repository.__dict__, path=os.path.join(os.path.dirname(repository.path), "other"))
        other.run("zonetool", "install-hooks")
        for place in (repository, other):
            place.write("db.example.org", HEAD + "x A 192.0.2.300\n")
            assert "octet 4" in place.git("commit", "-qam", "broken", status=1)
            place.git("checkout", "-q", ".")
        repository.run("zonetool", "install-hooks", "--undo")
        repository.git("config", "core.hooksPath", "ours/hooks")
        os.mkdir(os.path.join(repository.path, "ours"))
        repository.run("zonetool", "install-hooks")
        assert os.access(os.path.join(repository.path, "ours/hooks/pre-commit"), os.X_OK)
        repository.write("db.example.org", HEAD + "x A 192.0.2.300\n")
        assert "octet 4" in repository.git("commit", "-qam", "broken", status=1)


def test_what_is_no_text_is_left():
    with harness.Workspace() as space:
        merge(space, HEAD, HEAD + "x A 192.0.2.1\n", HEAD + "y TXT \0\n", status=2)
        assert read(os.path.join(space.path, "ours")) == HEAD + "x A 192.0.2.1\n"


def test_textconv():
    with harness.Workspace() as space:
        path = space.write("x", "$TTL 60\nb MX 10 a.example.net.\n@ NS b\n  NS ns.example.net.\nb 5 A 192.0.2.1\n")
        assert zonetool("textconv", path) == ("@\t60\tIN\tNS\tb\n@\t60\tIN\tNS\tns.example.net.\nb\t5\tIN\tA\t192.0.2.1\n"
                                              "b\t60\tIN\tMX\t10 a.example.net.\n")
        broken = space.write("y", "this is no zone\n")
        assert zonetool("textconv", broken) == "this is no zone\n"


def test_serial():
    with harness.Workspace() as space:
        path = space.write("db", HEAD)
        assert zonetool("serial", path) == "10\n"
        assert zonetool("serial", "-w", path) == "11\n"
        assert read(path) == HEAD.replace("10 ; serial", "11 ; serial")
        today = time.strftime("%Y%m%d", time.gmtime())
        assert zonetool("serial", "--policy", "date", "-w", path).startswith(today)
        first = int(zonetool("serial", path))
        assert int(zonetool("serial", "--policy", "date", path)) == first + 1
        # A policy that would go back (RFC 1982 3.2) counts on.
        assert int(zonetool("serial", "--policy", "unixtime", path)) == first + 1
        space.write("db", HEAD.replace("10 ;", "4294967295 ;"))
        assert zonetool("serial", "-w", path) == "1\n"
        space.write("db", HEAD.replace("10 ;", "10x ;"))
        zonetool("serial", path, status=2)
        repository = Repository(space)
        repository.write("db.x", HEAD.replace("10 ;", "1 ;"))
        repository.git("add", ".")
        for message in "abcd":
            repository.git("commit", "--allow-empty", "-qm", message)
        assert repository.run("zonetool", "serial", "--policy", "git", "db.x") == "4\n"
        # A clone says the same; a shallow one cannot know.
        for depth, status in ((), 0), (("--depth", "1"), 2):
            path = os.path.join(space.path, f"clone{status}")
            repository.git("clone", "-q", *depth, "file://" + repository.path, path)
            done = subprocess.run([harness.need_ours("zonetool"), "serial", "--policy", "git", "db.x"], cwd=path,
                                  capture_output=True)
            assert (done.returncode, done.stdout) == (status, b"" if status else b"4\n"), done
            assert status == 0 or b"--unshallow" in done.stderr, done
