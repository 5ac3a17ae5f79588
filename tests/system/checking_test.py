"""zonetool check beyond single rules: levels, .zonecheck, comments, baseline, formats, several zones, --fix,
--untrusted, signatures."""

import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree

import harness

ROOT = harness.ROOT
GOOD = """$ORIGIN example.org.
$TTL 3600
@ SOA ns1 hostmaster 1 7200 3600 1209600 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns2 A 192.0.2.2
"""
LONG = GOOD + "www 9999999 A 192.0.2.3\n"
FINDING = re.compile(r"^(\S+?):(\d+):(\d+): (error|warning|info): .* \[([a-z0-9-]+)\]$", re.M)


def check(*arguments, cwd=None, status=0, command="check", **environment):
    done = subprocess.run([harness.need_ours("zonetool"), command, *arguments], cwd=cwd, capture_output=True, timeout=60,
                          check=False, env=dict(os.environ, **environment))
    out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    assert not any(mark in err for mark in harness.SANITIZER_MARKS), err[-3000:]
    assert done.returncode == status, f"{arguments}: exit {done.returncode}, not {status}\n{out}{err}"
    return out


def rules(out):
    return [match[5] for match in FINDING.finditer(out)]


def test_levels_and_sets():
    with harness.Workspace() as space:
        zone = space.write("long.zone", LONG)
        assert rules(check(zone)) == ["ttl-long"]
        assert rules(check("--level", "ttl-long=off", zone)) == []
        assert rules(check("--rules", "mandatory", zone)) == []
        assert "caa-missing" in rules(check("--rules", "strict", zone))
        check("--level", "max-ttl=error", zone, status=1)  # by the name another tool has for it
        check("--werror", zone, status=1)
        check("--level", "no-such-rule=off", zone, status=2)
        check("--rules", "all", zone, status=2)


def test_configuration_is_sought_upwards():
    with harness.Workspace() as space:
        os.makedirs(os.path.join(space.path, "zones", "internal"))
        space.write(".zonecheck", "# all\nlevel ttl-long = error\n[zones/internal/*]\nlevel ttl-long=off\n")
        outer, inner = space.write("zones/a.zone", LONG), space.write("zones/internal/a.zone", LONG)
        check(outer, status=1)
        check(inner)
        check("--no-config", outer)
        space.write(".zonecheck", "levle x\nlevel nothing=off\n[\n")
        out = check(outer, status=1)
        assert rules(out) == ["config-syntax"] * 3, out
        space.write(".zonecheck", "exclude *.inc\nwerror\nmax-ttl 52w\norigin example.net\n")
        assert rules(check(space.write("zones/b.zone", LONG.split("\n", 1)[1]))) == []
        space.write("zones/c.inc", "no zone")
        check(os.path.join(space.path, "zones", "c.inc"))


def test_ignore_comments():
    with harness.Workspace() as space:
        for text in ("www 9999999 A 192.0.2.3 ; zonecheck:ignore ttl-long\n",
                     "; zonecheck:ignore ttl-long, glue-unused\nwww 9999999 A 192.0.2.3\n",
                     "www 9999999 A (\n  192.0.2.3 ) ; zonecheck:ignore all\n",
                     "; zonecheck:ignore-file ttl-long\nx TXT \"a;b\"\nwww 9999999 A 192.0.2.3\n"):
            out = check(space.write("a.zone", GOOD + text))
            assert rules(out) == [] and out.endswith(" 0 warnings, 1 ignored\n"), text + out
        for text in ("; zonecheck:ignore ttl-long\nx A 192.0.2.4\nwww 9999999 A 192.0.2.3\n",
                     "x TXT \"; zonecheck:ignore-file ttl-long\"\nwww 9999999 A 192.0.2.3\n"):
            assert rules(check(space.write("a.zone", GOOD + text))) == ["ttl-long"], text
        assert "ignore-unknown" in rules(check(space.write("a.zone", GOOD + "; zonecheck:ignore ttl-lnog\n")))
        check("--no-ignore", "--werror", space.write("a.zone", GOOD + "w 9999999 A 192.0.2.3 ; zonecheck:ignore all\n"),
              status=1)


def test_baseline():
    with harness.Workspace() as space:
        zone, known = space.write("a.zone", LONG), os.path.join(space.path, "known")
        check("--write-baseline", known, "--werror", zone)
        out = check("--baseline", known, "--werror", zone)
        assert out.endswith(" 0 warnings, 1 in the baseline\n"), out
        space.write("a.zone", "; moved\n\n" + LONG)
        check("--baseline", known, "--werror", zone)
        space.write("a.zone", LONG + "ftp 9999999 A 192.0.2.3\n")
        assert len(rules(check("--baseline", known, "--werror", zone, status=1))) == 1
        check("--baseline", os.path.join(space.path, "none"), zone, status=2)


BROKEN = GOOD + "b\u00fccher A 192.0.2.3\nx MX 10 192.0.2.4 ; <&\">\n_dmarc TXT v=DMARC1; p=none\n"


def formatted(space, name):
    return check("--format", name, space.write("b r.zone", BROKEN), status=1)


def test_format_json():
    with harness.Workspace() as space:
        report = json.loads(formatted(space, "json"))
        assert report["files"][0]["errors"] == len([f for f in report["findings"] if f["level"] == "error"]) > 0
        first = next(f for f in report["findings"] if f["rule"] == "target-is-address")
        assert (first["line"], first["column"], first["end_column"]) == (9, 9, 18), first
        json.loads(check("--format", "json", command="explain"))


def test_format_sarif():
    """SARIF 2.1.0: what its schema requires of what is in the report."""
    with harness.Workspace() as space:
        report = json.loads(formatted(space, "sarif"))
        assert report["version"] == "2.1.0" and "sarif-2.1.0" in report["$schema"]
        (run,) = report["runs"]
        listed = run["tool"]["driver"]["rules"]
        assert run["tool"]["driver"]["name"] == "zonetool" and run["columnKind"] == "unicodeCodePoints"
        for rule in listed:
            assert rule["shortDescription"]["text"] and rule["help"]["text"]
            assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
        prints = set()
        for result in run["results"]:
            assert listed[result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["level"] in ("error", "warning", "note", "none") and result["message"]["text"]
            place = result["locations"][0]["physicalLocation"]
            assert place["artifactLocation"]["uri"].endswith("b%20r.zone"), place
            assert 1 <= place["region"]["startColumn"] <= place["region"]["endColumn"]
            prints.add(result["partialFingerprints"]["line/v1"])
        assert len(prints) == len(run["results"])
        columns = {(r["ruleId"], r["locations"][0]["physicalLocation"]["region"]["endColumn"]) for r in run["results"]}
        assert ("idn-raw", 7) in columns, columns  # six characters, seven octets


def junit(text):
    """JUnit's XML, as far as the schemas of Ant (which wants all of this) and Jenkins go."""
    root = xml.etree.ElementTree.fromstring(text)
    assert root.tag == "testsuites" and not root.attrib
    for number, suite in enumerate(root):
        assert set(suite.attrib) == {"name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "time"}
        assert suite.get("id") == str(number) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
        assert [part.tag for part in suite if part.tag != "testcase"] == ["properties", "system-out", "system-err"]
        assert suite[0].tag == "properties" and suite[-1].tag == "system-err"
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases) > 0
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        for case in cases:
            assert set(case.attrib) == {"name", "classname", "time"} and len(case) <= 1
            assert all(part.tag == "failure" and set(part.attrib) == {"type", "message"} for part in case)
    return root


def test_format_junit():
    with harness.Workspace() as space:
        (suite,) = junit(formatted(space, "junit"))
        assert len(suite.findall("testcase")) > 2 and len(suite.findall("testcase/failure")) > 0
        assert "warning: " in suite.find("system-out").text
        (clean,) = junit(check("--format", "junit", space.write("good", GOOD)))
        assert clean.get("failures") == "0" and clean.find("testcase").get("name") == "clean"


def test_format_github_and_gitlab():
    with harness.Workspace() as space:
        lines = formatted(space, "github").splitlines()
        for line in lines:
            assert re.match(r"^::(error|warning|notice) file=[^,:]*,line=\d+,col=\d+,endColumn=\d+,title=[a-z0-9-]+::.",
                            line), line
        issues = json.loads(formatted(space, "gitlab"))
        assert len(issues) == len(lines) and len({issue["fingerprint"] for issue in issues}) == len(issues)
        for issue in issues:
            assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
            assert issue["description"] and issue["check_name"] and issue["location"]["lines"]["begin"] > 0


def table_rows(text):
    return [line for line in text.splitlines() if line.startswith("| ")]


def test_format_markdown_cannot_be_broken_out_of():
    with harness.Workspace() as space:
        zone = space.write("a.zone", GOOD + "x MX 10 a|b<script>@octocat#1.www.example.org.\n")
        out = check("--format", "markdown", zone)
        rows = table_rows(out)
        assert rows and all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows), out
        assert "<script>" not in out.replace("\\<script\\>", ""), out
        assert not re.search(r"@\w|#\d|www\.", out.replace("&#8203;", " ")), out


HOSTILE = GOOD.encode() + b"""a A \x1b[31mred\x1b[0m
c\xe2\x80\xae A 192.0.2.300\xe2\x80\xae
d TXT \x9b31m \x80\xff "abc
|<b>`x`@octocat#1 A \x1b]0;title\x07
e CNAME \x1b[2J.
$INCLUDE |<!--x-->%0A::error::x,y:z\x1b
$INCLUDE "[text](https://evil.example/)"
$ORIGIN \xe2\x80\xae..
@\xc2\x9b MX 10 192.0.2.1
w A 1.2.3.4\rforged:1:1: error: x
www.evil.example A https://evil.example/x
]]>&amp; A ]]>
x A 1.2.3.4
x A 1.2.3.4
x A 1.2.3.4
"""


def test_a_hostile_zone_breaks_no_format():
    with harness.Workspace() as space:
        zone = os.path.join(space.path, "h.zone")
        with open(zone, "wb") as file:
            file.write(HOSTILE)
        out = {name: check("--format", name, zone, status=1)
               for name in ("text", "json", "sarif", "junit", "github", "gitlab", "markdown")}
        for name, text in out.items():
            forbidden = re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ufffd]", text)
            assert not forbidden, (name, forbidden)
        findings = json.loads(out["json"])["findings"]
        assert len(findings) >= 14
        results = json.loads(out["sarif"])["runs"][0]["results"]
        assert len(results) == len(findings)
        told = [result["message"]["text"] for result in results]
        assert not any("](" in text for text in told) and any("[text] (https:" in text for text in told), told
        assert len(junit(out["junit"]).findall("testsuite/testcase")) == len(findings)
        assert len(out["github"].splitlines()) == len(findings)
        assert all(re.match(r"::(error|warning|notice) file=[^,]*h\.zone,line=\d+,", line)
                   for line in out["github"].splitlines()), out["github"]
        issues = json.loads(out["gitlab"])
        assert len({issue["fingerprint"] for issue in issues}) == len(issues) == len(findings)
        assert len(table_rows(out["markdown"])) == len(findings) + 1
        assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in table_rows(out["markdown"]))
        assert "\nforged" not in out["text"]
        # Lines move, fingerprints do not.
        with open(zone, "wb") as file:
            file.write(b"; one more\n\n" + HOSTILE)
        moved = json.loads(check("--format", "gitlab", zone, status=1))
        assert [issue["fingerprint"] for issue in moved] == [issue["fingerprint"] for issue in issues]


def test_many_alike_have_fingerprints_of_their_own():
    with harness.Workspace() as space:
        zone = space.write("a.zone", GOOD + "x A 192.0.2.9\n" * 700)
        issues = json.loads(check("--format", "gitlab", "--max-findings", "1000", zone))
        assert len({issue["fingerprint"] for issue in issues}) == len(issues) >= 699


def test_a_damaged_image_in_every_format():
    with harness.Workspace() as space:
        image = os.path.join(space.path, "a.image")
        check("-q", "-o", "example.org", space.write("a.zone", GOOD), image, command="compile")
        with open(image, "r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 64)
        assert "a.image: 0 records, 1 error" in check(image, status=1)
        assert json.loads(check("--format", "json", image, status=1))["files"][0]["errors"] == 1
        assert json.loads(check("--format", "sarif", image, status=1))["runs"][0]["results"][0]["message"]["text"]
        assert junit(check("--format", "junit", image, status=1))[0].get("failures") == "1"
        assert check("--format", "github", image, status=1).startswith("::error file=")


def test_zones_against_each_other():
    with harness.Workspace() as space:
        space.write("db.example.org", GOOD.replace("$ORIGIN example.org.\n", "") +
                    "sub NS ns.sub\nsub NS ns1\nns.sub A 192.0.2.77\nx CNAME nothing.sub\ny CNAME h.sub\n")
        space.write("db.sub.example.org", "$TTL 60\n@ SOA ns h 1 7200 3600 1209600 300\n@ NS ns\n"
                    "@ NS ns2.example.org.\nns A 192.0.2.78\nh A 192.0.2.90\n")
        space.write("db.2.0.192.in-addr.arpa", "$TTL 60\n@ SOA ns1.example.org. h.example.org. 1 7200 3600 1209600 300\n"
                    "@ NS ns1.example.org.\n@ NS ns2.example.org.\n1 PTR ns1.example.org.\n2 PTR ns3.example.org.\n")
        space.write("db.other.example.org", "$TTL 60\n@ SOA ns1.example.org. h 1 7200 3600 1209600 300\n"
                    "@ NS ns1.example.org.\n@ NS ns2.example.org.\n")
        found = sorted(rules(check(space.path)))
        assert found == ["across-delegation-differs"] * 2 + ["across-delegation-missing"] + \
            ["across-glue-differs"] * 2 + ["across-ptr-differs", "across-target-missing"], found
        assert rules(check("--no-across", space.path)) == []


def test_fix_and_its_proof():
    with harness.Workspace() as space:
        zone = space.write("a.zone", GOOD.replace("hostmaster", "host.master@example.org.") +
                           "ns2 A 192.0.2.2\n@ MX 10 mail.example.org\nmail 60 A 192.0.2.9\nmail 90 A 192.0.2.10\n"
                           "@ TXT v=spf1 mx -all ; kept\n_dmarc TXT v=DMARC1; p=none\nn MX 10 .")
        check("--fix", "--level", "file-no-newline=info", zone)
        with open(zone, encoding="utf-8") as file:
            text = file.read()
        assert "host\\.master.example.org." in text and "mail.example.org.\n" in text and "mail 60 A 192.0.2.10" in text
        assert '"v=spf1 mx -all" ; kept' in text and '"v=DMARC1; p=none"' in text and text.endswith("n MX 0 .\n")
        assert text.count("ns2 A") == 1
        assert rules(check("--fix", zone)) == []


def test_untrusted_is_confined():
    with harness.Workspace() as space:
        os.makedirs(os.path.join(space.path, "zones"))
        space.write("secret", "s TXT \"secret\"\n")
        os.symlink(os.path.join(space.path, "secret"), os.path.join(space.path, "zones", "link"))
        for path in ("../secret", "link", "/etc/passwd", "/dev/zero"):
            zone = space.write("zones/a.zone", GOOD + f"$INCLUDE {path}\n")
            assert rules(check("--untrusted", zone, status=1)) == ["include"], path
        zone = space.write("zones/a.zone", GOOD + "$INCLUDE ../secret\n")
        check("--untrusted", "--confine", space.path, zone)
        zone = space.write("zones/a.zone", GOOD + "$GENERATE 1-60000 h$ A 192.0.2.1\n" * 18)
        assert "untrusted-limit" in rules(check("--untrusted", zone, status=1))
        # What comes with the zone does not silence what keeps it from working.
        space.write("zones/.zonecheck", "level rdata-syntax=off\n")
        zone = space.write("zones/a.zone", GOOD + "a A 1 ; zonecheck:ignore all\n")
        check(zone)
        assert rules(check("--untrusted", zone, status=1)) == ["rdata-syntax"]


def test_file_names_cannot_forge_lines():
    with harness.Workspace() as space:
        zone = space.write("a\n::error::forged\x1b.zone", "x A foo\n")
        told = subprocess.run([harness.need_ours("zonetool"), "check", "-q", "-o", "example.org", zone], text=True,
                              stdout=subprocess.PIPE).stdout
        assert "a?::error::forged?.zone:1:5: error" in told and "\n::error" not in told, told


def test_naptr_fields():
    head = "$TTL 60\n@ SOA ns1 h 1 7200 3600 1209600 60\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n"
    sound = ("\"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .", "\"\" \"\" \"/a\\\\/b/c/i\" .", "\"s\" \"SIP+D2U\" \"\" ns1")
    wrong = ("\"!\" \"\" \"\" .", "\"u\" \"E2U+sip\" \"!^.*$\" .", "\"u\" \"E2U+sip\" \"!\" .", "\"u\" \"x\" \"!a!b!x\" .",
             "\"u\" \"E2U+sip\" \"!^.*$!b\\\\!\" .", "\"us\" \"x\" \"\" .")
    with harness.Workspace() as space:
        for found, data in [(False, data) for data in sound] + [(True, data) for data in wrong]:
            zone = space.write("zone", head + "n NAPTR 1 1 " + data + "\n")
            told = subprocess.run([harness.need_ours("zonetool"), "check", "-o", "example.org", zone], text=True,
                                  stdout=subprocess.PIPE).stdout
            assert ("zone:7:" in told and "[naptr-fields]" in told) == found, (data, told)


def test_many_unclosed_parentheses_and_garbage():
    with harness.Workspace() as space:
        out = check(space.write("a.zone", GOOD + "a A (\n" * 100000), status=1)
        assert "findings more of the rule syntax" in out and out.count("\n") < 2000, out[-500:]
        path = os.path.join(space.path, "garbage")
        with open(path, "wb") as file:
            file.write(bytes((i * 7919 >> 3) & 255 for i in range(300000)))
        check("-o", "example.org", path, status=1)


def signed(space, name):
    path = os.path.join(space.path, name)
    shutil.copy(os.path.join(ROOT, "testdata", "zones", name), path)
    return path


def change(path, pattern, text, count=1):
    with open(path, encoding="latin-1") as file:
        old = file.read()
    new = re.sub(pattern, text, old, count=count, flags=re.M)
    assert new != old, pattern
    with open(path, "w", encoding="latin-1") as file:
        file.write(new)


def test_signatures_and_denial():
    for name in ("nsec.example.zone", "nsec3.example.zone", "rsa.example.zone", "optout.example.zone"):
        with harness.Workspace() as space:
            zone = signed(space, name)
            origin = name[:-len(".zone")]
            check("-o", origin, zone)
            out = check("-o", origin, "--at", "20950101000000", zone)
            assert "rrsig-expired" in rules(out), out
            change(zone, r"192\.0\.2\.111", "192.0.2.112")
            out = check("-o", origin, zone, status=1)
            assert rules(out).count("rrsig-invalid") == 1, out
            check("-o", origin, "--no-verify", zone)


AGREEABLE = """
int status;
int ldns_wire2rr(void **rr, const void *wire, unsigned long max, unsigned long *at, int section) { *rr = rr; return 0; }
void ldns_rr_free(void *rr) {}
void *ldns_rr_list_new(void) { return &status; }
_Bool ldns_rr_list_push_rr(void *list, void *rr) { return 1; }
void ldns_rr_list_free(void *list) {}
void ldns_rr_list_deep_free(void *list) {}
int ldns_verify_rrsig_keylist_time(void *a, void *b, void *c, long now, void *d) { return STATUS; }
int ldns_verify_rrsig_keylist_notime(void *a, void *b, void *c, void *d) { return STATUS; }
const char *ldns_get_errorstr_by_id(int status) { return "because"; }
"""


def other_ldns(space, source):
    """A directory with a library that calls itself ldns."""
    folder = os.path.join(space.path, "lib")
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", os.path.join(folder, "libldns.so.3"), "-x", "c", "-"],
                   input=source.encode(), check=True)
    return folder


def test_second_opinion():
    with harness.Workspace() as space:
        for name in ("nsec.example.zone", "nsec3.example.zone", "rsa.example.zone", "optout.example.zone"):
            zone = signed(space, name)
            out = check("--second-opinion", "-o", name[:-len(".zone")], zone)
            count = json.loads(check("--format", "json", "-o", name[:-len(".zone")], zone))["files"][0]["signatures"]
            assert out.endswith(f" {count} signatures verified by ldns, too\n") and count > 100, out
        # It sees what we see.
        change(zone, r"192\.0\.2\.111", "192.0.2.112")
        found = rules(check("--second-opinion", "-o", "optout.example", zone, status=1))
        assert "rrsig-invalid" in found and "second-opinion" not in found, found
        assert "ldns" not in check("--second-opinion", space.write("a.zone", GOOD))


def test_a_second_opinion_that_differs():
    with harness.Workspace() as space:
        zone = signed(space, "nsec.example.zone")
        arguments = ("--second-opinion", "--max-findings", "1000", "-o", "nsec.example", zone)
        for status, least, most in ((0, 1, 1), (35, 120, 130)):
            path = other_ldns(space, AGREEABLE.replace("STATUS", str(status)))
            if status == 0:
                change(zone, r"192\.0\.2\.111", "192.0.2.112")
            found = rules(check(*arguments, status=1, LD_LIBRARY_PATH=path))
            assert least <= found.count("second-opinion") <= most and found.count("rrsig-invalid") == 1, found
        check(*arguments, status=2, LD_LIBRARY_PATH=other_ldns(space, "int nothing;"))


def test_chain_breaks_are_found():
    with harness.Workspace() as space:
        zone = signed(space, "nsec3.example.zone")
        change(zone, r"^([0-9A-V]{32}\.nsec3\.example\.\s+\d+\s+IN NSEC3 1 0 2 \w+ \(\s+)([0-9A-V]{31})[0-9A-V]", r"\g<1>\g<2>0")
        found = rules(check("-o", "nsec3.example", zone, status=1))
        assert "nsec3-chain" in found or "nsec-chain" in found, found


def test_explain():
    out = check("soa-missing", "mx-alias", command="explain")
    assert out.startswith("soa-missing (error, set mandatory)") and "target-is-cname" in out
    assert len(check(command="explain").splitlines()) > 150
    check("no-such-rule", command="explain", status=2)


def test_rules_page_is_complete():
    with open(os.path.join(ROOT, "man", "zonetool-rules.7"), encoding="utf-8") as page:
        text = page.read()
    for line in check(command="explain").splitlines():
        name, level, kind = line.split()[:3]
        assert f".It Cm {name} Pq {level} , {kind}" in text, f"man/zonetool-rules.7 lacks {name}: make it anew"
