"""gitsync with real repositories and a real bailiwickd: from a commit to the answer, and what keeps it out."""

import json
import os
import subprocess
import time

import dns.message

import gitsync_kit
import harness
from gitsync_kit import check


def test_deploys_and_confirms():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1)
        site.zone("example.net.", 1)
        first = site.commit("first")
        site.gitsync("once")
        check(site.current() == first, "the first commit is not published")
        check(site.status()["state"] == "published", "there was no server that could have confirmed it")
        site.serve(["example.org.", "example.net."])
        site.zone("example.org.", 2, ("www", "mail"))
        second = site.commit("second")
        done = site.gitsync("once")
        check("served, and confirmed (1 zone" in done.text, done.text)
        check(site.serial("example.org.") == 2 and site.serial("example.net.") == 1, "wrong serials are served")
        status = site.status()
        check(status["state"] == "confirmed" and status["commit"] == second, str(status))
        same = [os.stat(os.path.join(site.dest, "releases", name, "zones/example.net.zone")).st_ino
                for name in (first, second)]
        check(same[0] == same[1], "an unchanged zone was written again")
        check("deployed already" in site.gitsync("once").text, "a second run found something to do")


def test_refuses_what_is_wrong_with_zones():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 5, [f"n{i}" for i in range(20)])
        good = site.commit("good")
        site.gitsync("once")
        cases = (
            ("serial is still 5", 5, lambda: site.zone("example.org.", 5, ("www",))),
            ("went back from 5 to 4", 5, lambda: site.zone("example.org.", 4, ("www",))),
            ("octet 4 is above 255", 4, lambda: site.zone("example.org.", 6, extra="bad A 192.0.2.256\n")),
            ("--max-names-removed", 5, lambda: site.zone("example.org.", 6, ("n1",))),
            ("leaves the repository", 4, lambda: site.zone("example.org.", 6, extra="$INCLUDE /etc/passwd\n")),
            ("name servers are exchanged", 5, lambda: site.put(
                "zones/example.org.zone", gitsync_kit.zone_text(
                    "example.org.", 6, [f"n{i}" for i in range(20)]).replace("@ NS ns1", "@ NS n1").replace("@ NS ns2", "@ NS n2"))),
        )
        for word, status, change in cases:
            change()
            bad = site.commit(word)
            done = site.gitsync("once", "--max-names-removed", "10%", expect=status)
            check(word in done.text and "Alice" in done.text, done.text)
            check(site.current() == good, f"{word}: something was published")
            told = site.status()
            check(told["refused_commit"] == bad and told["commit"] == good, str(told))
            site.git("reset", "-q", "--hard", good)


def test_limits_can_be_forced():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        for i in range(4):
            site.zone(f"z{i}.example.", 1)
        site.commit("four zones")
        site.gitsync("once")
        for i in range(3):
            os.unlink(os.path.join(site.work, f"zones/z{i}.example.zone"))
        bad = site.commit("three removed")
        done = site.gitsync("once", "--max-zones-removed", "50%", expect=5)
        check("3 of 4 zones are removed" in done.text, done.text)
        site.gitsync("once", "--max-zones-removed", "50%", "--force")
        check(site.current() == bad and not os.path.exists(os.path.join(site.dest, "current/zones/z0.example.zone")),
              "it was not forced")


def test_plan_changes_nothing():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1, ("www", "old"))
        site.commit("first")
        site.gitsync("once")
        before = site.current()
        site.zone("example.org.", 2, ("www", "new"))
        site.commit("a | change <b>")
        plan = json.loads(site.gitsync("plan", "--format", "json").stdout)
        zone = plan["zones"][0]
        check(zone["zone"] == "example.org." and zone["old_serial"] == 1 and zone["new_serial"] == 2, str(zone))
        check(zone["added"]["names"] == ["new.example.org."] and zone["removed"]["names"] == ["old.example.org."], str(zone))
        check(plan["verdict"] == "fine", str(plan))
        text = site.gitsync("plan").stdout
        check("+ new.example.org." in text and "- old.example.org." in text and "may be deployed" in text, text)
        markdown = site.gitsync("plan", "--format", "markdown").stdout
        check("| example.org. | changed | 1 → 2 |" in markdown and "a \\| change \\<b\\>" in markdown, markdown)
        check(site.current() == before, "plan has published")


def test_force_push_and_unrelated_history():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1)
        first = site.commit("first")
        site.zone("example.org.", 2)
        second = site.commit("second")
        site.gitsync("once")
        site.git("reset", "-q", "--hard", first)
        done = site.gitsync("once", expect=5)
        check("does not descend" in done.text and site.current() == second, done.text)
        site.git("checkout", "-q", "--orphan", "other")
        site.zone("example.org.", 3)
        site.commit("unrelated")
        site.git("branch", "-M", "main")
        site.gitsync("once", expect=5)
        check(site.current() == second, "an unrelated history was published")
        site.gitsync("once", "--force")
        check(site.status()["summary"] == "unrelated", "it was not forced")


def test_remote_that_is_not_there():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1)
        good = site.commit("first")
        site.gitsync("once")
        os.rename(site.work, site.work + ".away")
        done = site.gitsync("once", expect=2)
        check(site.current() == good and "cannot fetch" in done.text, done.text)
        os.rename(site.work + ".away", site.work)
        done = site.gitsync("once", "--branch", "nonsense", expect=2)
        check("there is no branch nonsense" in done.text, done.text)


def test_server_that_does_not_confirm():
    with harness.Workspace() as space, gitsync_kit.Secondary(1) as stuck:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1)
        good = site.commit("first")
        site.gitsync("once")
        site.serve(["example.org."])
        site.zone("example.org.", 2, ("www", "two"))
        bad = site.commit("second")
        done = site.gitsync("once", "--confirm", stuck.address, "--secondary-timeout", "1", expect=6)
        check("the last good release" in done.text, done.text)
        # others may have serial 2 by now: what is good comes back under one that they take
        check(site.serial("example.org.") == 3 and "two A" not in site.published("zones/example.org.zone"), done.text)
        status = site.status()
        check(status["state"] == "confirmed" and status["commit"] == good and status["returned_commit"] == bad, str(status))
        check("under new serials" in site.gitsync("history").stdout, "not told in the history")
        check("left alone" in site.gitsync("once", expect=6).text, "what was returned from is tried again")
        done = site.gitsync("once", "--force", expect=5)  # its serial is of the past
        check("went back from 3 to 2" in done.text, done.text)
        site.zone("example.org.", 4)
        site.commit("third")
        site.gitsync("once")
        check(site.serial("example.org.") == 4 and site.status()["returned_commit"] is None, "the next commit is not served")


def test_secondaries_that_are_away():
    with harness.Workspace() as space, gitsync_kit.Secondary(100) as there, gitsync_kit.Secondary(2) as behind:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1)
        good = site.commit("first")
        site.gitsync("once")
        site.serve(["example.org."])
        gone = f"127.0.0.1:{harness.free_port()}"
        site.zone("example.org.", 3)
        site.commit("second")
        # all of them are wanted, and one is known to be away: nothing is begun
        options = ("--confirm", there.address, "--confirm", gone, "--secondary-timeout", "1")
        done = site.gitsync("once", *options, expect=6)
        check("1 of 2 servers of --confirm answer, so nothing was published" in done.text and gone in done.text, done.text)
        check(site.current() == good and site.serial("example.org.") == 1, "it was published")
        # one suffices; who is behind is told until it is not
        options += ("--confirm", behind.address, "--confirm-quorum", "1")
        done = site.gitsync("once", *options)
        check("behind: " + gone in done.text, done.text)
        status = site.status()
        check(status["state"] == "partly confirmed" and status["lagging"] == f"{gone} {behind.address}", str(status))
        behind.serial = 3
        check(behind.address + " has caught up" in site.gitsync("once", *options).text, "not told")
        check(site.status()["lagging"] == gone, str(site.status()))
        history = site.gitsync("history").stdout
        check("caught-up" in history and "unasked" in history, history)


def test_server_that_is_not_there():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1)
        good = site.commit("first")
        site.gitsync("once")
        site.zone("example.org.", 2)
        site.commit("second")
        done = site.gitsync("once", "--control", os.path.join(space.path, "nobody"), expect=6)
        check("nothing was published" in done.text and site.current() == good, done.text)


def test_server_that_cannot_be_told_at_all():
    """Neither forward nor back: exit status 7, and the next run goes on from there."""
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1)
        good = site.commit("first")
        site.gitsync("once")
        site.zone("example.org.", 2)
        site.commit("second")
        done = site.gitsync("once", "--reload-command", "echo no such server; false", expect=7)
        check("no such server" in done.text and "going back" in done.text and site.current() == good, done.text)
        check(site.status()["state"] == "interrupted", str(site.status()))
        # who comes next finishes going back, and leaves that commit alone
        done = site.gitsync("once", "--reload-command", "true", expect=6)
        check(site.current() == good and "left alone" in done.text, done.text)
        site.zone("example.org.", 3)
        third = site.commit("third")
        site.gitsync("once", "--reload-command", "grep -q 3 zones/example.org.zone")
        check(site.current() == third and site.status()["state"] == "published", str(site.status()))


def test_rollback():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1, ("one",))
        site.commit("first")
        site.gitsync("once", "--serial", "count")
        site.serve(["example.org."])
        site.zone("example.org.", 0, ("two",))
        site.commit("second")
        site.gitsync("once", "--serial", "count")
        check(site.serial("example.org.") == 2, "no serial was made")
        done = site.gitsync("rollback", "--serial", "count")
        check("one A" in site.published("zones/example.org.zone"), "the old content is not there")
        check(site.serial("example.org.") == 3, f"secondaries could not follow: {done.text}")
        check("left alone" in site.gitsync("once", "--serial", "count").text, "the rollback did not hold")
        site.zone("example.org.", 0, ("three",))
        site.commit("third")
        site.gitsync("once", "--serial", "count")
        check(site.serial("example.org.") > 3 and "three A" in site.published("zones/example.org.zone"), "no way forward")
        words = site.gitsync("history").stdout
        check(words.count("publish ") == 4 and words.count("confirmed") == 3 and words.count("unasked") == 1, words)
        check("rolled back by hand" in words, words)


def test_rollback_of_serials_written_in_files():
    """Serials go on all the same: a secondary that has the newer one would keep it."""
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 7, ("one",))
        site.put("zones/example.net.zone", "$INCLUDE soa.inc\n@ NS ns1.example.org.\n@ NS ns2.example.org.\n")
        site.put("zones/soa.inc", "$TTL 300\n@ SOA ns1.example.org. host ( 7 3600 900 604800 300 )\n")
        site.commit("first")
        site.gitsync("once")
        site.serve(["example.org.", "example.net."])
        site.zone("example.org.", 8, ("two",))
        site.put("zones/soa.inc", "$TTL 300\n@ SOA ns1.example.org. host ( 8 3600 900 604800 300 )\n")
        site.commit("second")
        site.gitsync("once")
        done = site.gitsync("rollback")
        check(site.serial("example.org.") == 9 and "one A" in site.published("zones/example.org.zone"), done.text)
        check("example.net. stays at serial 7" in done.text, done.text)
        site.zone("example.org.", 9, ("three",))
        site.put("zones/soa.inc", "$TTL 300\n@ SOA ns1.example.org. host ( 9 3600 900 604800 300 )\n")
        site.commit("third")
        check("serial is still 9" in site.gitsync("once", expect=5).text, "a serial twice")
        site.zone("example.org.", 10, ("three",))
        site.commit("fourth")
        site.gitsync("once")
        check(site.serial("example.org.") == 10, "no way forward")


def test_the_commit_is_told():
    """In the DNS (plugin provenance) and by bailiwickctl zone."""
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1)
        first = site.commit("first")
        site.gitsync("once")
        site.serve(["example.org."], more=f".:{{port}} {{\n    bind 127.0.0.1\n    provenance {site.dest}/current\n}}\n")
        query = dns.message.make_query("commit.bailiwick.", "TXT", "CH")

        def told():
            answer = dns.message.from_wire(site.server.exchange(query.to_wire())).answer
            return [string.decode() for string in answer[0][0].strings] if answer else []

        check(f"commit={first}" in told() and "repository=main" in told(), str(told()))
        site.zone("example.org.", 2)
        second = site.commit("second")
        site.gitsync("once")
        limit = time.monotonic() + 30
        while f"commit={second}" not in told() and time.monotonic() < limit:
            time.sleep(0.01)
        check(f"commit={second}" in told(), str(told()))
        words = [harness.binary("bailiwickctl"), "-control", os.path.join(site.server.directory, "control"), "zone", "example.org"]
        text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        check(second in text, text)
