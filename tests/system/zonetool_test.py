"""zonetool: its output, its exit status, and that every example of its man page does what it says."""

import glob
import json
import os
import re
import shutil
import subprocess

import harness

ROOT = harness.ROOT
EXAMPLES = os.path.join(ROOT, "examples", "zones")
GOOD = """$ORIGIN example.org.
$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
@ NS ns.example.net.
ns A 192.0.2.1
"""


def zonetool(*arguments, cwd=None, status=0, stdin=b"", environment=None):
    """Runs it; fails when the exit status is not STATUS (None: any). Returns standard output and error as text."""
    path = harness.need_ours("zonetool")
    done = subprocess.run([path, *arguments], cwd=cwd, input=stdin, capture_output=True,
                          env=dict(os.environ, **(environment or {})), timeout=120)
    out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    assert status is None or done.returncode == status, f"{arguments}: exit {done.returncode}, not {status}\n{out}{err}"
    return out, err


def good_zones():
    """Zones of the project that must be clean, with their origins."""
    yield "example.org", os.path.join(EXAMPLES, "db.example.org")
    yield "2.0.192.in-addr.arpa", os.path.join(EXAMPLES, "db.192.0.2")
    for path in sorted(glob.glob(os.path.join(ROOT, "testdata", "zones", "*.zone"))):
        yield os.path.basename(path)[:-len(".zone")], path


def test_check_clean():
    for origin, path in good_zones():
        out = subprocess.run([harness.need_ours("zonetool"), "check", "-o", origin, path],
                             capture_output=True, timeout=60).stdout.decode()
        assert re.search(r": \d+ records, \d+ errors?, \d+ warnings?\n$", out), out
        # The zones in testdata have loops of aliases, to be answered from all the same.
        errors = {rule for rule in re.findall(r": error: .* \[(\S+)\]$", out, re.M)}
        assert errors <= {"cname-loop"}, out


def test_check_several_files_and_quiet():
    with harness.Workspace() as space:
        good = space.write("good", GOOD)
        bad = space.write("bad", GOOD + "www A 192.0.2.1.5\n")
        out, _ = zonetool("check", good, bad, good, status=1)
        assert out.count(" 0 errors") == 2 and out.count(" 1 error,") == 1, out
        out, _ = zonetool("check", "-q", good)
        assert out == "", out


def test_check_points_at_the_token():
    with harness.Workspace() as space:
        bad = space.write("bad", GOOD + "www\tA 192.0.2.1.5 ; five parts\nmail MX mail\n")
        out, _ = zonetool("check", bad, status=1)
        lines = out.splitlines()
        place = f"{bad}:7:7: error: "
        at = next((i for i, line in enumerate(lines) if line.startswith(place)), None)
        assert at is not None, out
        assert re.search(r" \[[a-z0-9-]+\]$", lines[at]), lines[at]
        assert lines[at + 1] == "    www A 192.0.2.1.5 ; five parts", out
        assert lines[at + 2] == "          ^~~~~~~~~~~", out
        # One bad record does not hide the next.
        assert any(line.startswith(f"{bad}:8:") for line in lines), out
        assert lines[-1].endswith(" 2 errors, 0 warnings"), out


def test_check_long_lines_are_cut():
    with harness.Workspace() as space:
        bad = space.write("bad", GOOD + "www A " + " " * 3000 + "192.0.2.x\n")
        out, _ = zonetool("check", bad, status=1)
        assert max(map(len, out.splitlines()[1:3])) < 140, out
        assert out.splitlines()[2].strip() == "^~~~~~~~~", out


def test_no_colour_in_a_pipe():
    with harness.Workspace() as space:
        bad = space.write("bad", GOOD + "www A x\n")
        out, _ = zonetool("check", bad, status=1)
        assert "\033" not in out


def test_dump_is_a_fixed_point():
    """Text to text: the dump of a dump is itself, and the digest stays."""
    with harness.Workspace() as space:
        for origin, path in good_zones():
            text, _ = zonetool("dump", "-o", origin, path)
            again = space.write("again", text)
            assert zonetool("dump", again)[0] == text, path
            first = json.loads(zonetool("stat", "--json", "-o", origin, path)[0])
            second = json.loads(zonetool("stat", "--json", again)[0])
            assert first["digest"] == second["digest"], path
            assert text.split("\n")[0].split("\t")[3] == "SOA", text
            assert len(text.splitlines()) == first["records"], path


def test_dump_agrees_with_bind():
    compilezone = harness.program("named-compilezone")
    if compilezone is None:
        raise harness.Skip("named-compilezone is not installed")
    with harness.Workspace() as space:
        for origin, path in good_zones():
            ours = zonetool("dump", "-o", origin, path)[0]
            made = space.write("theirs", "")
            subprocess.run([compilezone, "-i", "none", "-k", "ignore", "-o", made, "-s", "full", origin, path],
                           check=True, capture_output=True)
            again = zonetool("dump", "-o", origin, made)[0]
            assert ours == again, path


def test_image_says_the_same():
    with harness.Workspace() as space:
        for origin, path in good_zones():
            image = os.path.join(space.path, "image")
            out, err = zonetool("compile", "-o", origin, path, image, status=None)
            assert set(re.findall(r" error: .* \[(\S+)\]$", err, re.M)) <= {"cname-loop"}, err
            assert re.search(r"image: \d+ records, \d+ octets\n$", out), out
            assert zonetool("dump", image)[0] == zonetool("dump", "-o", origin, path)[0], path
            assert zonetool("stat", image)[0] == zonetool("stat", "-o", origin, path)[0], path
            zonetool("check", image)


def test_damaged_image_is_refused():
    with harness.Workspace() as space:
        image = os.path.join(space.path, "image")
        zonetool("compile", "-q", space.write("good", GOOD), image)
        with open(image, "rb") as file:
            sound = file.read()
        for name, bytes_ in {
            "cut": sound[:-8],
            "longer": sound + b"\0" * 8,
            "header only": sound[:64],
            "flipped": sound[:-40] + bytes([sound[-40] ^ 1]) + sound[-39:],
            "header flipped": sound[:20] + bytes([sound[20] ^ 1]) + sound[21:],
        }.items():
            damaged = os.path.join(space.path, "damaged")
            with open(damaged, "wb") as file:
                file.write(bytes_)
            out, err = zonetool("check", damaged, status=1)
            assert "error: " in out, f"{name}: {out}{err}"
            zonetool("dump", damaged, status=1)


def test_standard_input():
    out, _ = zonetool("dump", "-", stdin=GOOD.encode())
    assert out.startswith("example.org.\t3600\tIN\tSOA\t"), out
    relative = GOOD.replace("$ORIGIN example.org.\n", "").encode()
    assert zonetool("dump", "-o", "example.org", "-", stdin=relative)[0] == out


def test_origin_option():
    with harness.Workspace() as space:
        path = space.write("zone", GOOD.replace("$ORIGIN example.org.\n", ""))
        for origin in ("example.net", "EXAMPLE.net."):
            assert zonetool("dump", "-o", origin, path)[0].startswith("example.net.\t"), origin
        assert zonetool("dump", path, "-o", "example.net")[0].startswith("example.net.\t")
        zonetool("dump", "-o", "a..b", path, status=2)


def test_compile_writes_over_images_only():
    with harness.Workspace() as space:
        zone, other, image = space.write("zone", GOOD), space.write("other", "text"), space.write("image", "")
        for _ in range(2):
            zonetool("compile", zone, image)
        for path in (zone, other, "/dev/null", space.path):
            assert "no zone image" in zonetool("compile", zone, path, status=2)[1], path
        with open(zone, encoding="ascii") as file:
            assert file.read() == GOOD


def test_stat_counts():
    with harness.Workspace() as space:
        path = space.write("zone", GOOD + "a.b.c A 192.0.2.2\nsub NS ns.sub\nns.sub A 192.0.2.3\n*.w TXT x\n")
        found = json.loads(zonetool("stat", "--json", path)[0])
        assert found["origin"] == "example.org." and found["serial"] == 1, found
        assert found["records"] == 8 and found["names"] == 6, found
        assert found["empty_non_terminals"] == 3 and found["delegations"] == 1, found
        assert found["wildcards"] == 1 and found["below_cuts"] == 1, found
        assert found["dnssec"] == "unsigned", found
        assert found["types"]["A"] == {"rrsets": 3, "records": 3}, found


def test_could_not_run():
    with harness.Workspace() as space:
        good = space.write("good", GOOD)
        for arguments in (["check"], ["check", "/nonexistent/zone"], ["dump", good, good], ["frobnicate"], [],
                          ["check", "--nonsense", good], ["compile", good, "/nonexistent/image"],
                          ["check", "-j", "0", good], ["check", space.path]):
            out, err = zonetool(*arguments, status=2)
            assert out + err != "", arguments


def test_full_disk_is_told():
    if not os.path.exists("/dev/full"):
        raise harness.Skip("no /dev/full")
    for words in ("dump", "stat", "check"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([harness.need_ours("zonetool"), words, "-o", "example.org",
                                   os.path.join(EXAMPLES, "db.example.org")], stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 2 and done.stderr, words


def test_help_and_version():
    assert "check" in zonetool("--help")[0]
    assert re.match(r"zonetool \(Bailiwick\) \d+\.\d+\.\d+\n$", zonetool("--version")[0])
    for command in ("check", "dump", "compile", "stat"):
        assert "--origin" in zonetool(command, "--help")[0]


def help_options(command):
    return set(re.findall(r"^  (?:-\w, |    )--([a-z][a-z0-9-]*)", zonetool(command, "--help")[0], re.M))


def test_man_page_has_every_command_and_option():
    """Each in the command's section, or among the options of several commands; those of servers at query."""
    with open(os.path.join(ROOT, "man", "zonetool.8"), encoding="utf-8") as page:
        sections = dict(re.findall(r"^\.Ss (.*?)\n(.*?)(?=^\.S[sh] )", page.read(), re.M | re.S))
    common = sections["Options of several commands"]
    commands = re.findall(r"^  ([a-z][a-z-]+) ", zonetool("--help")[0], re.M)
    assert len(commands) >= 16 and set(commands) == set(sections) - {"Options of several commands"}, sections.keys()
    servers = help_options("query")
    for command in commands:
        options = help_options(command)
        text = sections[command] + common + (sections["query"] if "key" in options else "")
        for option in options:
            assert re.search(rf"Fl -{option}\b(?!-)", text), f"{command}: --{option} is not in man/zonetool.8"
        known = set(re.findall(r"Fl -([a-z][a-z-]+)", sections[command]))
        extra = known - options - servers - {"help"}
        assert not extra, f"{command}: man/zonetool.8 has {extra}"


def cpu_seconds(*command):
    """User and system time of the quicker of two runs: what others do on the machine matters little."""
    times = []
    for _ in range(2):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        times.append(usage.ru_utime + usage.ru_stime)
    return min(times)


def test_cheaper_than_a_peer():
    """A guard, not a measurement (bench/ does that): check and fmt cost less than what kzonecheck does (in quiet, a third)."""
    peer, genzone = harness.program("kzonecheck"), os.path.join(ROOT, "build", "release", "bench", "genzone")
    if peer is None or not os.path.exists(genzone):
        raise harness.Skip("kzonecheck or genzone is not there")
    tool = harness.need_ours("zonetool")
    if "release" not in tool and os.sep + os.path.join("build", "bin") not in tool:
        raise harness.Skip("not a release build")
    with harness.Workspace() as space:
        path = os.path.join(space.path, "test.zone")
        with open(path, "wb") as file:
            subprocess.run([genzone, "--shape", "tld", "--delegations", "60000"], stdout=file, check=True)
        theirs = cpu_seconds(peer, "-o", "test.", path)
        for words in (["check", "-q"], ["fmt"]):
            ours = cpu_seconds(tool, *words, "-o", "test.", path)
            assert ours < 0.8 * theirs, (words, ours, theirs)


def man_examples():
    """(command, expected lines) of each "$ " line in the literal blocks of the man page."""
    with open(os.path.join(ROOT, "man", "zonetool.8"), encoding="utf-8") as page:
        blocks = re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", page.read(), re.M | re.S)
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, expected = part.partition("\n")
            yield command.replace("\\e", "\\"), expected


def test_man_page_examples():
    tool = harness.need_ours("zonetool")
    with harness.Workspace() as space:
        for path in glob.glob(os.path.join(EXAMPLES, "*")):
            shutil.copy(path, space.path)
        environment = dict(os.environ, PATH=os.path.dirname(tool) + ":" + os.environ["PATH"])
        count = 0
        for command, expected in man_examples():
            done = subprocess.run(["sh", "-c", command], cwd=space.path, env=environment, capture_output=True,
                                  text=True)
            assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stderr}"
            assert done.stdout == expected, f"{command}\n{done.stdout}"
            count += 1
        assert count >= 5, count
