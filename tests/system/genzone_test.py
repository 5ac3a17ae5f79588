"""The zones the measurements use: the same for the same seed, sound, and changed as asked."""

import os
import subprocess

import harness


def genzone(*arguments):
    path = os.path.join(harness.ROOT, "build", "release", "bench", "genzone")
    if not os.access(path, os.X_OK):
        raise harness.Skip("genzone is not built (make bench-tools)")
    return subprocess.run([path, *map(str, arguments)], capture_output=True, check=True, timeout=60).stdout.decode()


def test_same_seed_same_zone():
    for shape, size in (("tld", "--delegations"), ("host", "--records")):
        first = genzone("--shape", shape, size, 2000, "--seed", 5)
        assert first == genzone("--shape", shape, size, 2000, "--seed", 5)
        assert first != genzone("--shape", shape, size, 2000, "--seed", 6)
        shuffled = genzone("--shape", shape, size, 2000, "--seed", 5, "--shuffle")
        if shape == "tld":
            assert shuffled != first and sorted(shuffled.splitlines()) == sorted(first.splitlines())


def test_changes_are_as_many_as_asked():
    with harness.Workspace() as space:
        names = os.path.join(space.path, "changed")
        first = genzone("--shape", "tld", "--delegations", 3000).splitlines()
        second = genzone("--shape", "tld", "--delegations", 3000, "--change", 7, "--changed", names).splitlines()
        new = set(second) - set(first)
        assert len(new) == 8 and len(set(first) - set(second)) == 1, "seven records and the SOA"
        with open(names, encoding="ascii") as listed:
            owners = listed.read().split()
        assert sorted(owners) == sorted(line.split()[0] for line in new if "SOA" not in line)


def test_zones_are_sound():
    tool = harness.need_ours("zonetool")
    with harness.Workspace() as space:
        for shape, size in (("tld", "--delegations"), ("host", "--records")):
            path = space.write(f"{shape}.zone", genzone("--shape", shape, size, 3000))
            done = subprocess.run([tool, "check", "-o", "test", path], capture_output=True, timeout=60, check=False)
            assert done.returncode == 0, done.stdout.decode()[-2000:]
        directory = space.directory("many")
        genzone("--shape", "many", "--zones", 50, "--directory", directory)
        with open(os.path.join(directory, "zones.list"), encoding="ascii") as lines:
            zones = [line.split() for line in lines]
        assert len(zones) == 50
        for origin, path in zones:
            done = subprocess.run([tool, "check", "-q", "-o", origin, path], capture_output=True, timeout=60,
                                  check=False)
            assert done.returncode == 0, done.stdout.decode()[-2000:]


def test_questions_meet_the_zone():
    """The questions hit, miss and lead below: all three are there."""
    with harness.Workspace() as space:
        queries = os.path.join(space.path, "queries")
        zone = genzone("--shape", "tld", "--delegations", 500, "--queries", queries, "--query-count", 2000)
        owners = {line.split()[0] for line in zone.splitlines()}
        with open(queries, encoding="ascii") as lines:
            names = [line.split()[0] for line in lines]
        here = sum(name in owners for name in names)
        below = sum(name not in owners and name.split(".", 1)[1] in owners and name.split(".", 1)[1] != "test."
                    for name in names)
        missing = len(names) - here - below
        assert len(names) == 2000 and min(here, below, missing) > 100, (here, below, missing)
