"""The auto plugin: zones come and go with the files of a directory."""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server

ZONE = "$TTL 3600\n@ SOA ns.test. hostmaster.test. %d 7200 3600 1209600 300\n@ NS ns.test.\nwww A 192.0.2.%d\n"


def put(space, name, serial=1, last=80, more=""):
    """Writes a zone file whole, by rename."""
    return space.write(os.path.join("zones", name), ZONE % (serial, last) + more)


def serve(space, directory="zones", lines="", key=".", words="", more="", **options):
    os.makedirs(os.path.join(space.path, "zones"), exist_ok=True)
    return server.start(space, "%s:{port} {\n root %s\n auto {\n  directory %s %s\n  reload 1h\n  %s\n }\n %s\n}\n" % (
        key, space.path, directory, words, lines, more), **options)


def last_octet(daemon, name):
    """Of the A record of NAME; the rcode's name when there is none."""
    answer = daemon.ask(name, "A")
    if answer.rcode != 0:
        return {2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}[answer.rcode]
    return answer.answer[0][4][3]


def wait_for(daemon, name, wanted, deadline=30):
    limit = time.monotonic() + deadline
    while time.monotonic() < limit:
        found = last_octet(daemon, name)
        if found == wanted:
            return
        time.sleep(0.01)
    raise harness.Failure("%s: %s, not %s\n%s" % (name, found, wanted, daemon.tail()))


def test_files_come_change_and_go():
    with harness.Workspace() as space:
        put(space, "db.example.org")
        put(space, "notes.txt")
        daemon = serve(space)
        assert last_octet(daemon, "www.example.org.") == 80
        put(space, "db.example.net", last=81)
        wait_for(daemon, "www.example.net.", 81)
        put(space, "db.example.org", 2, 82)
        wait_for(daemon, "www.example.org.", 82)
        os.unlink(os.path.join(space.path, "zones", "db.example.net"))
        wait_for(daemon, "www.example.net.", "REFUSED")
        assert last_octet(daemon, "www.example.org.") == 82
        put(space, "db.example.net", 7, 83)
        wait_for(daemon, "www.example.net.", 83)


def test_a_broken_text_harms_nobody():
    with harness.Workspace() as space:
        put(space, "db.example.org")
        put(space, "db.broken.org", more="www A 192.0.2.300\n")
        daemon = serve(space)
        assert last_octet(daemon, "www.example.org.") == 80
        assert last_octet(daemon, "www.broken.org.") == "REFUSED"
        assert "db.broken.org:5" in daemon.log()
        put(space, "db.broken.org", 2, 84)
        wait_for(daemon, "www.broken.org.", 84)
        put(space, "db.broken.org", 3, 85, "www CNAME www\n")
        daemon.wait_for_log("the new text is not served")
        assert last_octet(daemon, "www.broken.org.") == 84


def test_expression_and_template():
    with harness.Workspace() as space:
        put(space, "sub/org.example.zone")
        put(space, "sub/deeper/net.example.zone", last=81)
        put(space, "org.example.zone~", last=82)
        daemon = serve(space, words=r'"^(\w+)\.(\w+)\.zone$" "{2}.${1}"')
        assert last_octet(daemon, "www.example.org.") == 80
        assert last_octet(daemon, "www.example.net.") == 81


def test_only_zones_of_the_block_are_served():
    with harness.Workspace() as space:
        put(space, "db.example.org")
        put(space, "db.a.example.org", last=81)
        put(space, "db.example.net", last=82)
        daemon = serve(space, key="example.org", more="")
        assert last_octet(daemon, "www.example.org.") == 80
        assert last_octet(daemon, "www.a.example.org.") == 81
        assert last_octet(daemon, "www.example.net.") == "REFUSED"
        assert "example.net" not in daemon.log()


def test_a_link_to_another_release_is_seen():
    with harness.Workspace() as space:
        for release, last in (("one", 80), ("two", 90)):
            space.write(os.path.join(release, "db.example.org"), ZONE % (last, last))
        space.write(os.path.join("two", "db.example.net"), ZONE % (1, 91))
        os.symlink("one", os.path.join(space.path, "current"))
        daemon = serve(space, directory="current")
        assert last_octet(daemon, "www.example.org.") == 80
        os.symlink("two", os.path.join(space.path, "next"))
        os.rename(os.path.join(space.path, "next"), os.path.join(space.path, "current"))
        wait_for(daemon, "www.example.org.", 90)
        wait_for(daemon, "www.example.net.", 91)


def test_a_file_that_is_being_written_is_not_read():
    with harness.Workspace() as space:
        put(space, "db.example.org")
        daemon = serve(space)
        with open(os.path.join(space.path, "zones", "db.example.net"), "w", encoding="ascii") as out:
            for number in range(30):
                out.write(ZONE % (1, 99) if number == 0 else "host%d A 192.0.2.%d\n" % (number, number))
                out.flush()
                time.sleep(0.03)
        wait_for(daemon, "host29.example.net.", 29)
        assert daemon.log().count("example.net.: found") == 1


def test_a_directory_that_comes_later():
    with harness.Workspace() as space:
        daemon = serve(space, directory="later")
        assert last_octet(daemon, "www.example.org.") == "REFUSED"
        space.write("made/db.example.org", ZONE % (1, 80))
        os.rename(os.path.join(space.path, "made"), os.path.join(space.path, "later"))
        wait_for(daemon, "www.example.org.", 80)
        os.rename(os.path.join(space.path, "later"), os.path.join(space.path, "made"))
        daemon.wait_for_log("what was served goes on")
        assert last_octet(daemon, "www.example.org.") == 80


def test_an_included_file_is_seen():
    with harness.Workspace() as space:
        put(space, "common", more="")
        space.write("zones/common.inc", "www A 192.0.2.50\n")
        space.write("zones/db.example.org", "$TTL 60\n@ SOA ns.test. h.test. 1 1 1 1 1\n@ NS ns.test.\n$INCLUDE common.inc\n")
        daemon = serve(space)
        assert last_octet(daemon, "www.example.org.") == 50
        space.write("zones/common.inc", "www A 192.0.2.51\n")
        wait_for(daemon, "www.example.org.", 51)


def test_many_zones_come_at_once_and_over_a_reload():
    with harness.Workspace() as space:
        put(space, "db.example.org")
        daemon = serve(space)
        for number in range(1000):
            put(space, "db.z%d.test" % number, last=number % 250)
        wait_for(daemon, "www.z999.test.", 999 % 250)
        wait_for(daemon, "www.z0.test.", 0)
        daemon.reload(daemon.corefile.replace("reload 1h", "reload 2h"))
        for number in (0, 500, 999):
            assert last_octet(daemon, "www.z%d.test." % number) == number % 250
        for number in range(1000):
            os.unlink(os.path.join(space.path, "zones", "db.z%d.test" % number))
        wait_for(daemon, "www.z0.test.", "REFUSED")
        wait_for(daemon, "www.z999.test.", "REFUSED")
        assert "zones came and 0 went" in daemon.log()


def test_queries_are_answered_while_zones_come_and_go():
    with harness.Workspace() as space:
        put(space, "db.example.org")
        daemon = serve(space)
        limit, turn = time.monotonic() + 3, 0
        while time.monotonic() < limit:
            turn += 1
            put(space, "db.x%d.test" % (turn % 50), turn)
            if turn % 3 == 0:
                os.unlink(os.path.join(space.path, "zones", "db.x%d.test" % (turn % 50)))
            for _ in range(20):
                assert last_octet(daemon, "www.example.org.") == 80


def test_zones_fall_through_and_are_transferred():
    with harness.Workspace() as space:
        put(space, "db.example.org")
        daemon = serve(space, lines="fallthrough\n  transfer to *", more="whoami")
        assert last_octet(daemon, "www.example.org.") == 80
        behind = daemon.ask("other.example.org.", "A")
        assert behind.rcode == 0 and behind.additional, "whoami answered"
        assert len(daemon.ask("example.org.", 252, tcp=True).answer) == 4


def test_of_two_files_for_one_zone_the_first_is_served():
    with harness.Workspace() as space:
        put(space, "a/db.example.org", last=80)
        put(space, "b/db.example.org", last=81)
        daemon = serve(space)
        assert last_octet(daemon, "www.example.org.") == 80
        os.unlink(os.path.join(space.path, "zones", "a", "db.example.org"))
        wait_for(daemon, "www.example.org.", 81)


def test_limits_of_inotify_are_told():
    """Without a watch the log says which limit it is, and the directory is looked at as `reload` says."""
    class Limited(server.Daemon):
        limit = "max_inotify_instances"

        def command(self):
            return ["unshare", "-Ur", "sh", "-c", f'echo 0 > /proc/sys/user/{self.limit} && exec "$@"', "sh"] + super().command()

    if subprocess.run(["unshare", "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_inotify_watches"], check=False,
                      capture_output=True).returncode != 0:
        raise harness.Skip("no name spaces")
    for limit in ("instances", "watches"):
        with harness.Workspace() as space:
            put(space, "db.a.test")
            Limited.limit = f"max_inotify_{limit}"
            daemon = server.start(space, f".:{{port}} {{\n  auto {{\n    directory {space.path}/zones\n    reload 200ms\n  }}\n}}\n",
                                  make=Limited)
            assert f"fs.inotify.max_user_{limit} is used up" in daemon.log(), daemon.log()
            wait_for(daemon, "www.a.test.", 80)
            put(space, "db.b.test")
            wait_for(daemon, "www.b.test.", 80)
            assert daemon.log().count("is used up") == 1, daemon.log()


def test_a_kubernetes_volume():
    """A ConfigMap: db.* -> ..data/db.*, and ..data -> ..2026_1, which is turned by rename(2)."""
    with harness.Workspace() as space:
        zones = os.path.join(space.directory("zones"))

        def release(number, names):
            for name in names:
                space.write(f"zones/..release{number}/db.{name}", ZONE % (number, number))
            os.symlink(f"..release{number}", f"{zones}/..data_tmp")
            os.rename(f"{zones}/..data_tmp", f"{zones}/..data")
            for name in names:
                if not os.path.lexists(f"{zones}/db.{name}"):
                    os.symlink(f"..data/db.{name}", f"{zones}/db.{name}")
        release(1, ["a.test", "b.test"])
        daemon = serve(space)
        wait_for(daemon, "www.a.test.", 1)
        release(2, ["a.test", "b.test", "c.test"])
        for name in ("a", "b", "c"):
            wait_for(daemon, f"www.{name}.test.", 2)
        os.unlink(f"{zones}/db.b.test")
        release(3, ["a.test", "c.test"])
        wait_for(daemon, "www.b.test.", "REFUSED")
        wait_for(daemon, "www.c.test.", 3)
