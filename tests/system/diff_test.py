"""zonetool diff: what differs between files, images, git revisions and servers; what it means; and that its forms do
what they say: an update script makes the new zone on a real server."""

import json
import os
import subprocess

import harness
import server

OLD = """$ORIGIN example.org.
$TTL 1h
@ SOA ns hostmaster 1 4h 1h 2w 15m
@ NS ns
@ MX 10 mail
ns A 192.0.2.1
mail A 192.0.2.25
*.apps 5m A 192.0.2.80
www CNAME web
web 2h A 192.0.2.81
api A 192.0.2.82
api A 192.0.2.83
old.deep.tree A 192.0.2.9
"""
NEW = """$ORIGIN example.org.
$TTL 1h
@ SOA ns hostmaster 2 4h 1h 2w 15m
@ NS ns
@ MX 10 mail2
ns A 192.0.2.1
mail A 192.0.2.25
mail2 A 192.0.2.26
*.apps 5m A 192.0.2.80
blog.apps TXT "a|b"
www CNAME web
web 1h A 192.0.2.81
api A 192.0.2.84
api A 192.0.2.82
sub NS ns.sub
ns.sub A 192.0.2.53
"""
RECORDS = """- example.org. 3600 IN SOA ns.example.org. hostmaster.example.org. 1 14400 3600 1209600 900
+ example.org. 3600 IN SOA ns.example.org. hostmaster.example.org. 2 14400 3600 1209600 900
- example.org. 3600 IN MX 10 mail.example.org.
+ example.org. 3600 IN MX 10 mail2.example.org.
- api.example.org. 3600 IN A 192.0.2.83
+ api.example.org. 3600 IN A 192.0.2.84
+ blog.apps.example.org. 3600 IN TXT "a|b"
+ mail2.example.org. 3600 IN A 192.0.2.26
+ sub.example.org. 3600 IN NS ns.sub.example.org.
+ ns.sub.example.org. 3600 IN A 192.0.2.53
- old.deep.tree.example.org. 3600 IN A 192.0.2.9
~ web.example.org. A: TTL 7200 -> 3600
example.org.: serial 1 -> 2; RRsets: 4 added, 1 removed, 4 changed
"""


def zonetool(*arguments, cwd=None, status=1):
    done = subprocess.run([harness.need_ours("zonetool"), *arguments], cwd=cwd, capture_output=True, timeout=60)
    assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}"
    return done.stdout.decode()


def git(space, *arguments):
    environment = dict(os.environ, GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@example.org", GIT_COMMITTER_NAME="a",
                       GIT_COMMITTER_EMAIL="a@example.org", GIT_CONFIG_NOSYSTEM="1", HOME=space.path)
    subprocess.run(["git", "-c", "init.defaultBranch=main", *arguments], cwd=space.path, env=environment, check=True,
                   capture_output=True)


def test_files_and_images():
    with harness.Workspace() as space:
        old, new = space.write("old", OLD), space.write("new", NEW)
        for name in ("old", "new"):
            zonetool("compile", "-q", name, name + ".image", cwd=space.path, status=0)
        for a in (old, old + ".image"):
            for b in (new, new + ".image"):
                assert zonetool("diff", a, b).replace("\t", " ") == RECORDS, (a, b)
        assert zonetool("diff", old, old + ".image", status=0) == ""


def test_only_the_serial():
    with harness.Workspace() as space:
        old, new = space.write("old", OLD), space.write("new", OLD.replace("hostmaster 1", "hostmaster 7"))
        assert "serial 1 -> 7" in zonetool("diff", old, new)
        assert zonetool("diff", "--ignore-serial", old, new, status=0) == ""


def test_trouble():
    with harness.Workspace() as space:
        old, other = space.write("old", OLD), space.write("other", OLD.replace("example.org", "example.net"))
        broken = space.write("broken", OLD + "x A 192.0.2.300\n")
        zonetool("diff", old, other, status=2)
        zonetool("diff", old, broken, status=2)
        zonetool("diff", old, os.path.join(space.path, "none"), status=2)
        zonetool("diff", old, "@nonsense", status=2)


def test_json():
    with harness.Workspace() as space:
        old, new = space.write("old", OLD), space.write("new", NEW)
        told = json.loads(zonetool("diff", "--semantic", "--format", "json", old, new))
        assert (told["old_serial"], told["new_serial"], told["added"], told["removed"], told["changed"]) == (1, 2, 4, 1, 4)
        sets = {(row["name"], row["type"]): row for row in told["rrsets"]}
        assert sets["web.example.org.", "A"]["old"]["ttl"] == 7200 and sets["sub.example.org.", "NS"]["kind"] == "added"
        effects = {(row["name"], row["type"], row["below"]): (row["area"], row["old"]["answer"], row["new"]["answer"])
                   for row in told["effects"]}
        expected = {
            ("example.org.", "MX", False): ("mail", "data", "data"),
            # The new name takes itself, and names below, from the wildcard (RFC 4592 2.2.1).
            ("blog.apps.example.org.", "A", False): ("service", "wildcard", "nodata"),
            ("blog.apps.example.org.", "A", True): ("service", "wildcard", "nxdomain"),
            # Empty names go with the last name below them.
            ("tree.example.org.", "A", False): ("service", "nodata", "nxdomain"),
            ("deep.tree.example.org.", "A", False): ("service", "nodata", "nxdomain"),
            ("sub.example.org.", "A", True): ("delegation", "nxdomain", "referral"),
            # An alias changes with its target.
            ("www.example.org.", "A", False): ("service", "alias", "alias"),
        }
        for question, answers in expected.items():
            assert effects.get(question) == answers, (question, effects.get(question))
        assert ("mail.example.org.", "A", False) not in effects
        assert told["old_answers_cached_for"] == 7200 and told["rollback_complete_after"] == 3600


def test_markdown():
    with harness.Workspace() as space:
        old, new = space.write("old", OLD), space.write("new", NEW)
        text = zonetool("diff", "--semantic", "--format", "markdown", old, new)
        rows = [line for line in text.splitlines() if line.startswith("| ")]
        assert len(rows) == 2 + 8 and all(line.replace("\\|", "").count("|") == 7 for line in rows), text
        assert "| added | `blog.apps.example.org.` | TXT | 1h |  | <code>&#34;a&#124;b&#34;</code> |" in text, text
        assert "Old answers may stay in caches for 2h" in text


def test_git_revisions():
    with harness.Workspace() as space:
        git(space, "init", "-q")
        space.write("zones/part.inc", "part A 192.0.2.1\n")
        space.write("zones/db.example.org", OLD + "$INCLUDE part.inc\n")
        git(space, "add", ".")
        git(space, "commit", "-qm", "one")
        space.write("zones/part.inc", "part A 192.0.2.2\n")
        git(space, "commit", "-qam", "two")
        path = "zones/db.example.org"
        lines = zonetool("diff", "HEAD~1:" + path, "HEAD:" + path, cwd=space.path).splitlines()
        assert lines[:2] == ["- part.example.org.\t3600\tIN\tA\t192.0.2.1", "+ part.example.org.\t3600\tIN\tA\t192.0.2.2"]
        # The included file is that of the revision, too; a path may begin at the working directory.
        inside = os.path.join(space.path, "zones")
        assert zonetool("diff", "HEAD~1:./db.example.org", "db.example.org", cwd=inside).splitlines() == lines
        assert zonetool("diff", "HEAD:" + path, path, cwd=space.path, status=0) == ""
        zonetool("diff", "HEAD~9:" + path, path, cwd=space.path, status=2)


def test_ixfr_form():
    with harness.Workspace() as space:
        old, new = space.write("old", OLD), space.write("new", NEW)
        lines = [line.split("\t") for line in zonetool("diff", "--format", "ixfr", old, new).splitlines()]
        serials = [line[4].split()[2] for line in lines if line[3] == "SOA"]
        assert serials == ["2", "1", "2", "2"] and lines[0] == lines[-1]


def serve(space, text, **how):
    path = space.write("served.zone", text)
    more = "tsig {\n secret the.key. AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n}\n" if how else ""
    to = "127.0.0.1 key the.key." if how else "*"
    return server.start(space, f"example.org:{{port}} {{\n file {path}\n transfer {{\n to {to}\n }}\n {more}}}\n")


def test_servers():
    with harness.Workspace() as space:
        old, new = space.write("old", OLD), space.write("new", NEW)
        daemon = serve(space, OLD)
        address = f"@127.0.0.1:{daemon.port}"
        # The file tells the server's zone by its SOA record.
        assert zonetool("diff", address, new).replace("\t", " ") == RECORDS
        assert zonetool("diff", old, address, status=0) == ""
        answers = json.loads(zonetool("diff", "--semantic", "--format", "json", address, new))
        assert answers["effects"]
        zonetool("diff", "-o", "example.com", address, new, status=2)


def test_server_with_a_key():
    with harness.Workspace() as space:
        old = space.write("old", OLD)
        address = f"@127.0.0.1:{serve(space, OLD, key=True).port}"
        zonetool("diff", old, address, status=2)
        key = "hmac-sha256:the.key:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        assert zonetool("diff", "-y", key, old, address, status=0) == ""


# Names, TTLs and data that scripts get wrong.
NEW_ODD = NEW.replace("*.apps 5m A 192.0.2.80", "*.apps 9m A 192.0.2.80\n*.apps 9m A 192.0.2.99").replace(
    "ns A 192.0.2.1\n", "ns A 192.0.2.3\n@ NS ns2\nns2 A 192.0.2.4\n") + """a\\.b\\@c TXT "say \\"hi\\"" "semi;colon" back\\\\slash
web HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1
x TYPE65280 \\# 3 010203
mail 1h CAA 0 issue "ca.example.net; account=1"
@ 30m TXT "v=spf1 -all"
"""


def test_nsupdate_and_knsupdate_make_the_new_zone():
    for tool, text in (("nsupdate", NEW), ("nsupdate", NEW_ODD), ("knsupdate", NEW), ("knsupdate", NEW_ODD)):
        update_makes_the_new_zone(tool, text)


def update_makes_the_new_zone(tool, text):
    tool = harness.program(tool)
    if tool is None or not harness.SERVERS["bind"].is_available():
        raise harness.Skip("BIND or knsupdate is not installed")
    with harness.Workspace() as space:
        old, new = space.write("old", OLD), space.write("new", text)
        plain = space.write("plain", OLD.replace("example.org", "example.com"))
        dynamic = space.write("dynamic", OLD)
        bind = space.start("bind", {"example.com.": plain},
                           extra=f'zone "example.org" {{ type primary; file "{dynamic}"; allow-update {{ any; }}; }};\n')
        script = f"server 127.0.0.1 {bind.port}\n" + zonetool("diff", "--format", "nsupdate", old, new)
        done = subprocess.run([tool, "-v"], input=script.encode(), capture_output=True, timeout=20)
        assert done.returncode == 0, done
        assert zonetool("diff", "--ignore-serial", new, f"@127.0.0.1:{bind.port}", status=0) == ""
