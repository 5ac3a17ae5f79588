"""gitsync over ssh, with a real sshd of OpenSSH on a port of its own: keys of each kind, known hosts, the agent; and
what it says when one of them is not right."""

import os
import socket
import subprocess
import time

import gitsync_kit
import harness
from gitsync_kit import check


def keygen(path, kind, passphrase=""):
    bits = ["-b", "2048"] if kind == "rsa" else []
    subprocess.run([gitsync_kit.need("ssh-keygen"), "-q", "-t", kind, *bits, "-N", passphrase, "-f", path], check=True)
    return path


def is_locked(user):
    try:
        with open("/etc/shadow", encoding="utf-8") as shadow:
            return any(line.startswith(f"{user}:!") for line in shadow)
    except OSError:
        return False


class Sshd:
    """As the user of the test, who may enter by the keys of `authorized`."""

    def __init__(self, space):
        self.program = gitsync_kit.need("sshd")
        self.directory = space.directory("sshd")
        self.port = harness.free_port()
        self.user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        if is_locked(self.user):
            raise harness.Skip(f"sshd lets nobody in as {self.user}: the account is locked")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # where sshd puts its child without rights
        self.authorized = os.path.join(self.directory, "authorized")
        self.keys = {kind: keygen(os.path.join(self.directory, kind), kind) for kind in ("ed25519", "ecdsa", "rsa")}
        open(self.authorized, "w", encoding="utf-8").close()
        self.config = space.write("sshd/config", f"""
ListenAddress 127.0.0.1:{self.port}
{chr(10).join(f'HostKey {path}' for path in self.keys.values())}
AuthorizedKeysFile {self.authorized}
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
""")
        self.log_path = os.path.join(self.directory, "log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.program, "-D", "-e", "-f", self.config], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def __enter__(self):
        gitsync_kit.await_port(self.port, self.process, self.log_path)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def allow(self, *keys):
        lines = []
        for key in keys:
            with open(key + ".pub", encoding="utf-8") as public:
                lines.append(public.read())
        with open(self.authorized, "w", encoding="utf-8") as out:
            out.write("".join(lines))

    def known(self, *kinds, marker=""):
        """Lines for a file of known hosts."""
        lines = []
        for kind in kinds:
            with open(self.keys[kind] + ".pub", encoding="utf-8") as public:
                lines.append(f"{marker}[127.0.0.1]:{self.port} " + " ".join(public.read().split()[:2]))
        return "\n".join(lines) + "\n"

    def url(self, path):
        return f"ssh://{self.user}@127.0.0.1:{self.port}{path}"


class Place:
    """A site whose repository is reached by ssh."""

    def __init__(self, space):
        self.site = gitsync_kit.Site(space)
        self.space = space
        self.sshd = Sshd(space)
        self.site.zone("example.org.", 1)
        self.first = self.site.commit("first")
        self.key = keygen(os.path.join(space.path, "key"), "ed25519")
        self.sshd.allow(self.key)
        self.known = space.write("known hosts", self.sshd.known("ed25519"))

    def once(self, *options, expect=0, key=True, known=True, url=None, environment=None):
        words = list(options)
        if key:
            words += ["--ssh-key", key if isinstance(key, str) else self.key]
        if known:
            words += ["--known-hosts", known if isinstance(known, str) else self.known]
        return self.site.gitsync("once", *words, repo=url or self.sshd.url(self.site.work), expect=expect,
                                 environment=environment)

    def refused(self, *words, **options):
        done = self.once(expect=2, **options)
        for word in words:
            check(word in done.text, f"{word!r} is not said:\n{done.text}")
        return done


def test_keys_of_each_kind():
    with harness.Workspace() as space:
        place = Place(space)
        with place.sshd as sshd:
            keys = [keygen(os.path.join(space.path, f"key {kind}"), kind) for kind in ("ed25519", "ecdsa", "rsa")]
            sshd.allow(*keys)
            for serial, key in enumerate(keys, 2):
                place.site.zone("example.org.", serial)
                tip = place.site.commit(key)
                place.once(key=key)
                check(place.site.current() == tip, f"{key}: not published")
            # nothing new: the other road through the protocol; and the host key is taken that is known, whichever it is
            for kind in ("ecdsa", "rsa"):
                place.once(key=key, known=space.write(f"known-{kind}", sshd.known(kind)))


def test_hosts_that_cannot_prove_themselves():
    with harness.Workspace() as space:
        place = Place(space)
        with place.sshd as sshd:
            other = keygen(os.path.join(space.path, "other"), "ed25519")
            with open(other + ".pub", encoding="utf-8") as public:
                changed = f"[127.0.0.1]:{sshd.port} " + " ".join(public.read().split()[:2]) + "\n"
            place.refused("its key is not the known one", "somebody may sit in between",
                          known=space.write("changed", changed))
            place.refused("its key is not known", "--known-hosts", known=space.write("empty", "# nobody\n"))
            place.refused("its key is not known", known=os.path.join(space.path, "missing"))
            place.refused("revoked", known=space.write("revoked", sshd.known("ed25519") + sshd.known("ed25519", marker="@revoked ")))
            place.refused("its key is not known", known=False)  # ~/.ssh has none
            hashed = space.write("hashed", sshd.known("ed25519"))
            subprocess.run(["ssh-keygen", "-q", "-H", "-f", hashed], check=True, capture_output=True)
            with open(hashed, encoding="utf-8") as file:
                check(file.read().startswith("|1|"), "not hashed")
            place.once(known=hashed)
            check(place.site.current() == place.first, "not published")


def test_keys_that_do_not_open():
    with harness.Workspace() as space:
        place = Place(space)
        with place.sshd as sshd:
            stranger = keygen(os.path.join(space.path, "stranger"), "ed25519")
            place.refused("does not let us in", "Permission denied", "--ssh-key", key=stranger)
            place.refused("does not let us in", key=False)
            place.refused("cannot be read", "--ssh-key", key=os.path.join(space.path, "no-key"))
            locked = keygen(os.path.join(space.path, "locked"), "ed25519", "open sesame")
            sshd.allow(locked)
            place.refused("does not let us in", "--ssh-passphrase-file", key=locked)
            wrong, right = space.write("wrong", "sesame\n"), space.write("right", "open sesame\n")
            done = place.once("--ssh-passphrase-file", wrong, key=locked, expect=2)
            check("passphrase" in done.text and "sesame" not in done.text, done.text)
            done = place.once("--ssh-passphrase-file", os.path.join(space.path, "none"), key=locked, expect=2)
            check("--ssh-passphrase-file" in done.text, done.text)
            place.once("--ssh-passphrase-file", right, key=locked)
            check(place.site.current() == place.first, "not published")


def test_the_agent():
    with harness.Workspace() as space:
        place = Place(space)
        with place.sshd:
            path = os.path.join(space.path, "agent")
            agent = subprocess.Popen([gitsync_kit.need("ssh-agent"), "-D", "-a", path], stdout=subprocess.DEVNULL)
            try:
                limit = time.monotonic() + 30
                while not os.path.exists(path) and time.monotonic() < limit:
                    time.sleep(0.01)
                environment = dict(place.site.environment, SSH_AUTH_SOCK=path)
                place.refused("does not let us in", key=False, environment={"SSH_AUTH_SOCK": path})
                subprocess.run(["ssh-add", "-q", place.key], env=environment, check=True)
                place.once(key=False, environment={"SSH_AUTH_SOCK": path})
                check(place.site.current() == place.first, "not published")
            finally:
                agent.terminate()
                agent.wait()


def test_remotes_that_are_none():
    with harness.Workspace() as space:
        place = Place(space)
        with place.sshd as sshd:
            place.refused("no such repository", "check the path", url=sshd.url("/nowhere/zones.git"))
            # neither our shell nor the far end's runs what stands in a URL
            mark = os.path.join(space.path, "mark")
            place.refused("no such repository", url=sshd.url(f"/x';touch {mark};'$(touch {mark})`touch {mark}`"))
            for url in (f"ssh://-oProxyCommand=touch%20{mark}/x", f"-oProxyCommand=touch {mark}:x", "ssh://a:b@127.0.0.1/x"):
                done = place.once(url=url, expect=1)
                check("--repo" in done.text, done.text)
            check(not os.path.exists(mark), "it was run")
            directory = space.directory("empty-path")
            place.refused("openssh-client", environment={"PATH": directory})
        place.refused("nobody listens", url=f"ssh://{sshd.user}@127.0.0.1:{harness.free_port()}/x")
        # somebody listens who never says a word
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            done = place.once("--fetch-timeout", "1", url=f"ssh://{sshd.user}@127.0.0.1:{silent.getsockname()[1]}/x", expect=2)
            check("took too long" in done.text, done.text)


def test_sshd_goes_away_and_comes_back():
    """A connection cut in the middle of a pack is a failed fetch, and the next one succeeds."""
    with harness.Workspace() as space:
        place = Place(space)
        with place.sshd:
            place.once()
            place.site.put("zones/ballast.bin", os.urandom(3000000).hex())
            place.site.zone("example.org.", 2)
            tip = place.site.commit("large")
            wrapper = space.write("bin/git-upload-pack", "#!/bin/sh\n/usr/bin/git upload-pack \"$@\" | stdbuf -o0 head -c 200000\n")
            os.chmod(wrapper, 0o755)
            place.sshd.allow(place.key)
            with open(place.sshd.authorized, encoding="utf-8") as file:
                line = file.read()
            with open(place.sshd.authorized, "w", encoding="utf-8") as file:
                file.write(f'command="{wrapper} {place.site.work}" {line}')
            done = place.refused("cannot fetch")
            check(place.site.current() == place.first and "the connection was cut" in done.text, done.text)
            place.sshd.allow(place.key)
            place.once()
            check(place.site.current() == tip, "not published")
