"""What zonetool reads and prints again is what BIND reads: each zone is printed by `zonetool dump`, from
its text and from its compiled image, and BIND has to find the same records in all of them."""

import os
import random
import subprocess

import harness
import wire
import zonegen

ZONES = os.path.join(harness.ROOT, "testdata", "zones")


def bind_reads(path, origin):
    """The records of a zone file as BIND prints them, one per line, sorted."""
    tool = harness.program("named-compilezone")
    if tool is None:
        raise harness.Skip("named-compilezone is not installed")
    done = subprocess.run([tool, "-i", "none", "-k", "ignore", "-m", "ignore", "-r", "ignore", "-s", "full", "-o", "-",
                           origin, path], capture_output=True, timeout=120, check=False)
    if done.returncode != 0:
        raise harness.Failure(f"BIND refuses {path}:\n{done.stderr.decode()[-2000:]}")
    lines = [line.split() for line in done.stdout.decode("latin-1").splitlines() if not line.startswith(";")]
    return sorted(" ".join([words[0].lower()] + words[1:]) for words in lines if words)


def zonetool(*arguments, expected=(0,)):
    done = subprocess.run([harness.need_ours("zonetool"), *arguments], capture_output=True, timeout=120, check=False)
    assert done.returncode in expected, f"zonetool {' '.join(arguments)}:\n{done.stderr.decode()[-2000:]}"
    return done.stdout.decode("latin-1")


def compare(space, path, origin):
    name = os.path.basename(path)
    expected = bind_reads(path, origin)
    image = os.path.join(space.path, name + ".image")
    # Random zones break rules that forbid no serving: the image is made, and status 1 tells of the findings.
    zonetool("compile", "-o", origin, path, image, expected=(0, 1))
    from_text = zonetool("dump", "-o", origin, path)
    from_image = zonetool("dump", image)
    assert from_text == from_image, f"{name}: the dump of the image is not that of the text"
    seen = bind_reads(space.write(name + ".dump", from_text), origin)
    missing, extra = sorted(set(expected) - set(seen)), sorted(set(seen) - set(expected))
    assert not missing and not extra, f"{name}: missing {missing[:5]}, not expected {extra[:5]}"
    again = zonetool("dump", "-o", origin, os.path.join(space.path, name + ".dump"))
    assert again == from_text, f"{name}: the dump of the dump is another"


def test_example_zones():
    harness.need_ours("zonetool")
    with harness.Workspace() as space:
        for name in sorted(os.listdir(ZONES)):
            if name.endswith(".zone"):
                compare(space, os.path.join(ZONES, name), name[:-5])


def test_random_zones():
    harness.need_ours("zonetool")
    rng = random.Random(int(os.environ.get("BAILIWICK_SEED", 1)))
    with harness.Workspace() as space:
        for i in range(40):
            compare(space, space.write(f"z{i}.zone", zonegen.Zone(rng, f"z{i}.test.").text()), f"z{i}.test")


def canonical_key(line):
    """RFC 4034 6.1: labels from the right, lower case, as octets."""
    return [label.lower() for label in reversed(wire.name_labels(wire.name_from_text(line.split()[0])))]


def test_dump_is_in_canonical_order():
    harness.need_ours("zonetool")
    rng = random.Random(7)
    with harness.Workspace() as space:
        for i in range(20):
            path = space.write(f"z{i}.zone", zonegen.Zone(rng, f"z{i}.test.").text())
            keys = [canonical_key(line) for line in zonetool("dump", "-o", f"z{i}.test", path).splitlines()
                    if line and line[0] not in ";$ \t"]
            assert keys == sorted(keys), path
