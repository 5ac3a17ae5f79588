"""What can go wrong while gitsync works: killed at every step and at random moments, a full disk, damaged objects,
two at once. The release that is published is always whole, and the status is true."""

import os
import random
import resource
import shutil
import signal
import subprocess
import time

import gitsync_kit
import harness
import server
from gitsync_kit import check

ORIGINS = ("a.example.", "b.example.", "c.example.")
POINTS = ("stage-begin", "stage-put", "filled", "stage-synced", "stage-renamed", "journal", "switch-before",
          "switch-after", "reloaded", "before-confirmed", "spare")


def change_all(site, serial):
    for origin in ORIGINS:
        site.zone(origin, serial, (f"n{serial}",))
    return site.commit(f"serial {serial}")


def is_whole(site):
    """Every file of the published release is as its commit has it: never parts of two."""
    release = site.current()
    commit = release.split(".")[0]
    names = site.git("ls-tree", "-r", "--name-only", commit).split("\n")
    for name in names:
        want = site.git("show", f"{commit}:{name}")
        check(site.published(name).strip() == want, f"{name} of {release} is not as in its commit")
    found = []
    for directory, _, files in os.walk(os.path.join(site.dest, "current/")):
        found += [os.path.relpath(os.path.join(directory, file), os.path.join(site.dest, "current")) for file in files]
    check(sorted(name for name in found if not name.startswith(".gitsync")) == sorted(names), f"other files: {found}")
    return commit


def is_true(site):
    """What status says is so."""
    commit = is_whole(site)
    status = site.status()
    check(status["commit"] == commit, f"status says {status['commit']}, published is {commit}")
    if status["state"] == "confirmed" and site.server is not None:
        serials = {site.serial(origin) for origin in ORIGINS}
        want = {int(site.git("show", f"{commit}:zones/{origin}zone").split("( ")[1].split()[0]) for origin in ORIGINS}
        check(serials == want, f"confirmed, but {serials} are served instead of {want}")
    return status


def test_killed_at_every_step():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        change_all(site, 1)
        site.gitsync("once")
        site.serve(ORIGINS)
        serial = 1
        for point in POINTS:
            serial += 1
            tip = change_all(site, serial)
            done = site.gitsync("once", expect=None, environment={"GITSYNC_CRASH": point})
            check(done.returncode == -signal.SIGKILL, f"{point} was not reached:\n{done.text}")
            is_true(site)
            site.gitsync("once")
            check(site.current() == tip and is_true(site)["state"] == "confirmed", f"{point}: not finished")
            check({site.serial(origin) for origin in ORIGINS} == {serial}, f"{point}: not served")
        change_all(site, serial + 1)
        site.gitsync("once")
        left = set(os.listdir(os.path.join(site.dest, ".gitsync")))
        check(not left & {"stage", "making", "next"}, f"left behind: {left}")


def test_killed_on_the_way_back():
    with harness.Workspace() as space, gitsync_kit.Secondary(1) as stuck:
        site = gitsync_kit.Site(space)
        good = change_all(site, 1)
        site.gitsync("once")
        site.serve(ORIGINS)
        options = ("--confirm", stuck.address, "--secondary-timeout", "1")
        serials = {"returning-before": (2, 3), "returning": (4, 5), "unsettled": (6, 7)}
        for point, (serial, after) in serials.items():
            change_all(site, serial)
            done = site.gitsync("once", *options, expect=None, environment={"GITSYNC_CRASH": point})
            check(done.returncode == -signal.SIGKILL, "not reached")
            state = {"returning-before": "unconfirmed", "returning": "interrupted", "unsettled": "confirmed"}[point]
            check(site.status()["state"] == state, f"{point}: {site.status()}")
            site.gitsync("once", *options, expect=6)
            # the content of the first commit, under a serial that secondaries of the second take
            status = site.status()
            check(status["state"] == "confirmed" and status["commit"] == good, f"{point}: {status}")
            check(site.serial("a.example.") == after and "n1 A" in site.published("zones/a.example.zone"), "not gone back")
            check(status["returned_commit"] != good, str(status))


def test_killed_at_random_moments():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        change_all(site, 1)
        started = time.monotonic()
        site.gitsync("once")
        takes = time.monotonic() - started
        site.serve(ORIGINS)
        chance = random.Random(os.environ.get("SEED"))
        serial, killed = 1, 0
        words = [harness.need_ours("gitsync"), "once", "--dest", site.dest, "--repo", site.work, "--control",
                 os.path.join(site.server.directory, "control"), "--quiet"]
        tip = None
        until = time.monotonic() + float(os.environ.get("KILL_SECONDS", "8"))
        while time.monotonic() < until:
            serial += 1
            tip = change_all(site, serial)
            for _ in range(3):
                process = subprocess.Popen(words, env=site.environment, start_new_session=True,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(chance.uniform(0, max(takes, 0.06) * 1.2))
                killed += process.poll() is None
                os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
                process.wait()
                is_true(site)
        site.gitsync("once")
        check(site.current() == tip and is_true(site)["state"] == "confirmed", "not deployed in the end")
        print(f"     {killed} times killed")


def test_disk_is_full():
    """RLIMIT_FSIZE: writes fail as they do on a full disk (EFBIG)."""
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        change_all(site, 1)
        site.gitsync("once")
        good = site.current()
        site.zone("a.example.", 2, [f"name-number-{i}" for i in range(3000)])
        tip = site.commit("large")
        for limit in (0, 100, 1000, 20000, 60000):
            def limited(limit=limit):
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            done = subprocess.run([harness.need_ours("gitsync"), "once", "--dest", site.dest, "--repo", site.work],
                                  env=site.environment, capture_output=True, text=True, check=False, preexec_fn=limited)
            check(done.returncode in (2, 8), f"{limit}: ended with {done.returncode}: {done.stderr}")
            check(site.current() == good and is_whole(site) == good, f"{limit}: the last good is gone")
            check(site.status()["state"] == "published", f"{limit}: {site.status()}")
        site.gitsync("once")
        check(site.current() == tip, "it does not go on when there is room again")


def test_damaged_mirror_is_made_anew():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        change_all(site, 1)
        site.gitsync("once")
        mirror = os.path.join(site.dest, ".gitsync/repo.git")
        serial = 1
        for damage in ("garbage", "cut", "gone"):
            serial += 1
            tip = change_all(site, serial)
            files = [os.path.join(directory, file) for directory, _, found in os.walk(os.path.join(mirror, "objects"))
                     for file in found]
            for path in files:
                os.chmod(path, 0o644)
                if damage == "gone":
                    os.unlink(path)
                else:
                    with open(path, "r+b") as file:
                        file.truncate(10) if damage == "cut" else file.write(b"garbage")
            site.gitsync("once")
            check(site.current() == tip and is_whole(site) == tip, f"{damage}: not deployed")
        shutil.rmtree(os.path.join(mirror, "refs"))
        tip = change_all(site, serial + 1)
        site.gitsync("once")
        check(site.current() == tip, "a mirror that is none any more")


def test_leftovers_of_a_killed_fetch():
    """libgit2 makes main.lock beside the ref and renames it; killed between, nobody would ever remove it."""
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        change_all(site, 1)
        site.gitsync("once")
        mirror = os.path.join(site.dest, ".gitsync/repo.git")
        left = [os.path.join(mirror, path) for path in
                ("gitsync-fetching", "refs/remotes/origin/main.lock", "config.lock", "packed-refs.lock", "objects/pack/pack_git2_a1b2")]
        for path in left:
            with open(path, "w", encoding="utf-8"):
                pass
        tip = change_all(site, 2)
        site.gitsync("once")
        check(site.current() == tip, "not deployed")
        check(not [path for path in left if os.path.exists(path)], "not tidied up")


def test_many_packs_become_few():
    """Each fetch leaves a pack; here those of forty fetches come at once."""
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        change_all(site, 1)
        site.gitsync("once")
        packs = os.path.join(site.dest, ".gitsync/repo.git/objects/pack")

        def scatter(first, count):
            for serial in range(first, first + count):
                site.zone("a.example.", serial, (f"n{serial}",))
                site.commit(f"serial {serial}")
                objects = site.git("rev-list", "--objects", "HEAD~1..HEAD")
                subprocess.run(["git", "pack-objects", "-q", os.path.join(packs, "pack")], cwd=site.work, check=True,
                               input="\n".join(line.split()[0] for line in objects.split("\n")), text=True,
                               env=site.environment, stdout=subprocess.DEVNULL)

        def count():
            return len([name for name in os.listdir(packs) if name.endswith(".pack")])

        serial = 2
        for packed, point in ((32, "packed"), (40, "unpacking"), (0, None)):
            missing = max(packed - 1 - count(), 0)
            scatter(serial, missing)
            serial += missing
            site.zone("b.example.", serial, ("b",))
            tip = site.commit("one more")  # by a fetch, which makes it so many
            site.gitsync("once", environment={"GITSYNC_CRASH": point} if point else None)
            for serial in range(serial, serial + 8 if point is None and count() >= 10 else serial):  # it tries again each 8 packs
                tip = change_all(site, serial + 1)
                site.gitsync("once")
            check(site.current() == tip and is_whole(site) == tip, "not deployed")
            check(count() < 10 if point is None else count() >= 32, f"{point}: {count()} packs")
            fsck = subprocess.run(["git", "-C", os.path.dirname(os.path.dirname(packs)), "fsck", "--full", "--strict"],
                                  env=site.environment, capture_output=True, text=True, check=False)
            check(fsck.returncode == 0 and "missing" not in fsck.stdout, fsck.stdout + fsck.stderr)
        check(not [name for name in os.listdir(packs) if name.startswith("pack_")], "left behind")


def test_damaged_remote():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        good = change_all(site, 1)
        site.gitsync("once")
        change_all(site, 2)
        blob = site.git("rev-parse", "HEAD:zones/a.example.zone")
        path = os.path.join(site.work, ".git/objects", blob[:2], blob[2:])
        os.chmod(path, 0o644)
        with open(path, "r+b") as file:
            file.write(b"garbage")
        site.gitsync("once", expect=2)
        check(site.current() == good and is_whole(site) == good, "the last good is gone")


def test_two_at_once():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        change_all(site, 1)
        site.gitsync("once")
        change_all(site, 2)
        slow = subprocess.Popen([harness.need_ours("gitsync"), "once", "--dest", site.dest, "--repo", site.work,
                                 "--check-command", "echo here > ../../in; sleep 20"], env=site.environment,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            limit = time.monotonic() + 10
            while not os.path.exists(os.path.join(site.dest, "in")) and time.monotonic() < limit:
                time.sleep(0.01)
            done = site.gitsync("once", expect=9)
            check("another gitsync is at work" in done.text, done.text)
            site.gitsync("status")
        finally:
            os.killpg(slow.pid, signal.SIGKILL)
            slow.wait()
        site.gitsync("once")


def test_links_and_odd_names():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        change_all(site, 1)
        os.symlink("a.example.zone", os.path.join(site.work, "zones/alias.zone.txt"))
        good = site.commit("a link inside")
        site.gitsync("once")
        check(os.readlink(os.path.join(site.dest, "current/zones/alias.zone.txt")) == "a.example.zone", "no link")
        for target in ("/etc/passwd", "../../../secret"):
            os.symlink(target, os.path.join(site.work, "zones/out"))
            site.commit("a link outside")
            done = site.gitsync("once", expect=4)
            check("leads out of the repository" in done.text and site.current() == good, done.text)
            site.git("reset", "-q", "--hard", good)
        # a file becomes a directory and back
        site.put("x", "file\n")
        site.commit("file")
        site.gitsync("once")
        os.unlink(os.path.join(site.work, "x"))
        site.put("x/y/z", "deep\n")
        site.commit("directory")
        site.gitsync("once")
        check(site.published("x/y/z") == "deep\n", "no directory")
        shutil.rmtree(os.path.join(site.work, "x"))
        site.put("x", "file again\n")
        site.commit("file again")
        site.gitsync("once")
        check(site.published("x") == "file again\n", "no file")


class Mount:
    """A small tmpfs at /mnt in a name space of its own; words in front of a command run it there."""

    def __init__(self, size):
        self.holder = subprocess.Popen(["unshare", "-Urm", "sh", "-c", f"mount -t tmpfs -o size={size} none /mnt && echo up && exec sleep 600"],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.words = ["nsenter", "-t", str(self.holder.pid), "-U", "-m", "--preserve-credentials"]

    def __enter__(self):
        if self.holder.stdout.readline() != "up\n":
            self.__exit__()
            raise harness.Skip("no mount in a name space")
        return self

    def __exit__(self, *_):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()

    def run(self, *words, **options):
        return subprocess.run(self.words + list(words), capture_output=True, text=True, check=False, **options)


def test_file_system_that_is_full_or_read_only():
    """A real ENOSPC, with the mirror, the releases and the journal on it, and EROFS."""
    with harness.Workspace() as space, Mount("2m") as mount:
        site = gitsync_kit.Site(space)
        words = [harness.need_ours("gitsync"), "once", "--dest", "/mnt/dest", "--repo", site.work]
        good = change_all(site, 1)
        done = mount.run(*words, env=site.environment)
        check(done.returncode == 0, done.stderr)

        def published():
            return os.path.basename(mount.run("readlink", "/mnt/dest/current").stdout.strip())

        site.put("zones/ballast.bin", os.urandom(1500000).hex())  # 1.5 MB as an object, 3 MB as a file
        site.zone("a.example.", 2)
        site.commit("too large")
        for _ in range(2):
            done = mount.run(*words, env=site.environment)
            check(done.returncode in (2, 8) and "No space left" in done.stderr, f"{done.returncode}: {done.stderr}")
            check(published() == good, "the last good is gone")
        os.unlink(os.path.join(site.work, "zones/ballast.bin"))
        site.git("reset", "-q", "--hard", good)
        site.zone("a.example.", 3)
        tip = site.commit("small again")
        mount.run("mount", "-o", "remount,ro", "/mnt")
        done = mount.run(*words, env=site.environment)
        check(done.returncode in (2, 8) and "ead-only file system" in done.stderr, f"{done.returncode}: {done.stderr}")
        check(published() == good, "the last good is gone")
        mount.run("mount", "-o", "remount,rw", "/mnt")
        done = mount.run(*words, env=site.environment)
        check(done.returncode == 0 and published() == tip, done.stderr)


def test_server_that_refuses():
    """Its configuration was broken meanwhile: what needs a reload is taken back, what does not is served."""
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        change_all(site, 1)
        site.gitsync("once")
        corefile = ".:{port} {\n bind 127.0.0.1\n root %s/current\n auto {\n  directory zones (.*)\\.zone {1}\n  reload 1h\n }\n}\n" % site.dest
        site.server = server.start(space, corefile)
        site.server.write_corefile(corefile.replace("auto", "nonsense"))
        tip = change_all(site, 2)
        site.gitsync("once")
        check(site.serial("a.example.") == 2 and site.status()["state"] == "confirmed", "a changed zone needs no reload")
        site.zone("d.example.", 1)
        site.commit("a zone more")
        done = site.gitsync("once", expect=None)
        check(done.returncode in (6, 7) and "the server refuses" in done.text and "nonsense" in done.text, done.text)
        check(site.current() == tip and site.serial("a.example.") == 2, f"not gone back: {done.text}")
        site.server.write_corefile(corefile)
        site.gitsync("once", expect=None)
        check(site.status()["state"] in ("confirmed", "unconfirmed") and site.current().startswith(tip), str(site.status()))
        site.zone("a.example.", 9)
        site.zone("d.example.", 2)  # the serial that was taken back is not used again
        site.commit("and again")
        site.gitsync("once")
        check(site.serial("d.example.") == 2 and site.serial("a.example.") == 9, "it does not go on")
