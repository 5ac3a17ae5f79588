"""The examples of gitsync(8) are run as they stand, in their order, with paths of the test in the place of theirs; so
are those of examples/gitsync."""

import os
import re
import shlex
import subprocess

import gitsync_kit
import gitsync_who_test
import harness
from gitsync_kit import check

PAGE = os.path.join(harness.ROOT, "man", "gitsync.8")


def blocks():
    with open(PAGE, encoding="utf-8") as page:
        text = page.read()
    for name, block in re.findall(r'^\.\\" run: (\w+)\n\.Bd[^\n]*\n(.*?)^\.Ed', text, re.M | re.S):
        block = block.replace("\\e\n", " ")
        yield name, [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def test_examples_run():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        key, public = gitsync_who_test.make_key(site, "alice")
        gitsync_who_test.sign_with(site, key)
        signers = gitsync_who_test.signers_file(site, f"alice@example.org {public}")
        site.zone("example.org.", 0)
        site.commit("first", "-S")
        site.gitsync("once", "--serial", "date")
        site.serve(["example.org."])
        site.zone("example.org.", 0, ("www", "mail"))
        site.commit("second", "-S")
        places = {"zones.git": site.work, "/srv/dns": site.dest, "/etc/bailiwick/signers": signers,
                  "/run/bailiwickd.sock": os.path.join(site.server.directory, "control")}
        ran = []
        for name, commands in blocks():
            for command in commands:
                words = [places.get(word, word) for word in shlex.split(command)]
                check(words[0] == "gitsync", command)
                done = subprocess.run([harness.need_ours("gitsync")] + words[1:], env=site.environment,
                                      capture_output=True, text=True, check=False)
                check(done.returncode == 0, f"{command}\n{done.stderr}{done.stdout}")
            ran.append(name)
        check(ran == ["plan", "once", "rollback"], str(ran))
        check(site.serial("example.org.") == 2026010502, f"serial {site.serial('example.org.')}")


def test_every_option_is_in_the_help_and_the_page():
    text = subprocess.run([harness.need_ours("gitsync"), "--help"], capture_output=True, text=True, check=True).stdout
    with open(PAGE, encoding="utf-8") as page:
        written = page.read()
    options = re.findall(r"^  --([a-z-]+)", text, re.M)
    check(len(options) > 40, text)
    for word in re.findall(r"Fl -([a-z-]+)", written):
        check(word in options or word == "option", f"--{word} stands in the page alone")


def test_from_a_push_to_two_secondaries():
    harness.need_ours("gitsync")
    gitsync_kit.need("ssh-keygen")
    for _ in range(5):
        port = harness.free_port()
        if all(harness.lock_port(port + n) for n in (1, 2)):
            break
    script = os.path.join(harness.ROOT, "examples/gitsync/demo.sh")
    done = subprocess.run(["sh", script, os.path.dirname(harness.binary("gitsync")), str(port)], capture_output=True,
                          text=True, check=False, timeout=60)
    text = done.stdout + done.stderr
    check(done.returncode == 0 and done.stdout.count("192.0.2.81") == 3, text)
    check("gitsync: exit status 3" in text and "203.0.113.66" not in text, text)


def test_from_a_push_to_a_validated_answer():
    """The server signs what gitsync publishes; NSD is one of the secondaries, delv says what it is worth."""
    harness.need_ours("signer")
    for name in ("ssh-keygen", "nsd", "delv"):
        gitsync_kit.need(name)
    for _ in range(5):
        port = harness.free_port()
        if all(harness.lock_port(port + n) for n in (1, 2)):
            break
    script = os.path.join(harness.ROOT, "examples/gitsync/signed.sh")
    done = subprocess.run(["sh", script, os.path.dirname(harness.binary("gitsync")), str(port)], capture_output=True,
                          text=True, check=False, timeout=120)
    text = done.stdout + done.stderr
    check(done.returncode == 0 and done.stdout.count("192.0.2.81\n") == 3, text)
    check(done.stdout.count("fully validated") == 3 and done.stdout.count("192.0.2.82\n") == 3, text)
    check(text.count("is served, and confirmed") == 2 and "main: confirmed" in text, text)


def test_settings_of_the_example():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        config = os.path.join(harness.ROOT, "examples/gitsync/gitsync.conf")
        check("empty" in site.gitsync("status", "--config", config).stdout, "not read")
