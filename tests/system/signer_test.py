"""signer: its zones pass the peers' verifiers, theirs pass ours, broken ones are refused with the right reason,
and every example of its man page does what it says."""

import base64
import glob
import json
import os
import re
import shutil
import subprocess

import harness

ROOT = harness.ROOT
ORIGIN = "example.org"
ZONE = """$ORIGIN example.org.
$TTL 3600
@ SOA ns1 hostmaster 7 3600 600 86400 300
@ NS ns1
@ NS ns2.example.net.
@ MX 10 Mail
@ TYPE65280 \\# 4 0A000001
ns1 A 192.0.2.1
mail A 192.0.2.2
mail AAAA 2001:db8::2
www A 192.0.2.3
www 60 TXT "b" "a" ""
*.wild TXT "x"
a.b.c TXT "below two empty non-terminals"
sub NS ns.sub
ns.sub A 192.0.2.9
deep.er NS ns1
sec NS ns.sub
sec DS 12345 13 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b
dname DNAME example.net.
sip SRV 1 2 5060 SIP
"""
ALGORITHMS = ("ECDSAP256SHA256", "ECDSAP384SHA384", "ED25519", "ED448", "RSASHA256", "RSASHA512")
DENIALS = ([], ["--nsec3"], ["--opt-out"], ["--salt", "aabb", "--iterations", "3"])


def signer(space, *arguments, status=0, environment=None):
    """Runs it in the directory of SPACE; returns standard output and error together."""
    done = subprocess.run([harness.need_ours("signer"), *arguments], cwd=space.path, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, env=dict(os.environ, **(environment or {})))
    text = done.stdout.decode("utf-8", "replace")
    assert status is None or done.returncode == status, f"signer {arguments}: exit {done.returncode}, not {status}\n{text}"
    return text


def peer(space, *words):
    """Runs another's tool; fails when it is not content."""
    path = harness.binary(words[0]) or shutil.which(words[0])
    if path is None:
        raise harness.Skip(f"{words[0]} is not installed")
    done = subprocess.run([path, *words[1:]], cwd=space.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout.decode('utf-8', 'replace')}"
    return done.stdout.decode("utf-8", "replace")


def read(space, name):
    with open(os.path.join(space.path, name), encoding="utf-8") as file:
        return file.read()


def test_ours_pass_theirs():
    with harness.Workspace() as space:
        space.write("db", ZONE)
        for algorithm in ALGORITHMS:
            for options in DENIALS if algorithm == "ECDSAP256SHA256" else DENIALS[:2]:
                for path in glob.glob(os.path.join(space.path, "K*")) + glob.glob(os.path.join(space.path, "out*")):
                    os.remove(path)
                if algorithm.startswith("RSA"):
                    signer(space, "keygen", "-a", algorithm, "--ksk", ORIGIN)
                    signer(space, "keygen", "-a", algorithm, "-b", "1024", "--zsk", ORIGIN)
                else:
                    signer(space, "keygen", "-a", algorithm, ORIGIN)
                signer(space, "sign", *options, "db", "out")
                peer(space, "ldns-verify-zone", "out")
                peer(space, "dnssec-verify", "-q", "-z", "-o", ORIGIN, "out")
                peer(space, "kzonecheck", "-o", ORIGIN, "out")
                if algorithm.startswith("RSA"):
                    peer(space, "validns", "-z", ORIGIN, "out")
                assert " 0 errors" in peer_check(space, "out")


def peer_check(space, name):
    done = subprocess.run([harness.need_ours("zonetool"), "check", "-o", ORIGIN, name], cwd=space.path,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return done.stdout.decode()


def keys_of_bind(space, algorithm):
    for flag in ([], ["-f", "KSK"]):
        peer(space, "dnssec-keygen", "-q", "-a", algorithm, *flag, ORIGIN)


def test_theirs_pass_ours():
    for algorithm in ("ECDSAP256SHA256", "ED25519", "RSASHA256"):
        with harness.Workspace() as space:
            space.write("db", ZONE)
            keys_of_bind(space, algorithm)
            for number, words in enumerate(([], ["-3", "-"], ["-3", "ab", "-A", "-H", "2"])):
                peer(space, "dnssec-signzone", "-q", "-S", "-K", ".", "-o", ORIGIN, "-f", f"bind{number}", *words, "db")
                signer(space, "verify", "-w", f"bind{number}")
            keys = [path[:-4] for path in sorted(glob.glob(os.path.join(space.path, "K*.key")))]
            for number, words in enumerate(([], ["-n"], ["-n", "-p"])):
                peer(space, "ldns-signzone", "-o", ORIGIN, "-f", f"ldns{number}", *words, "db", *keys)
                signer(space, "verify", f"ldns{number}")


def test_knots_zones_pass_ours():
    with harness.Workspace() as space:
        os.mkdir(os.path.join(space.path, "knot"))
        for number, extra in enumerate(("", "    nsec3: on\n    nsec3-opt-out: on\n")):
            space.write("db.knot", ZONE)
            space.write("knot.conf", f"""database:
  storage: {space.path}/knot
policy:
  - id: p
    single-type-signing: on
{extra}zone:
  - domain: {ORIGIN}
    storage: {space.path}
    file: db.knot
    dnssec-signing: on
    dnssec-policy: p
""")
            peer(space, "kzonesign", "-c", "knot.conf", "-o", f"{space.path}/signed{number}", ORIGIN)
            out = glob.glob(os.path.join(space.path, f"signed{number}", "*"))
            signer(space, "verify", "-o", ORIGIN, out[0])


def test_key_files_go_both_ways():
    with harness.Workspace() as space:
        space.write("db", ZONE)
        for algorithm in ALGORITHMS:
            name = signer(space, "keygen", "-a", algorithm, "--ksk", "-I", "now+1y", ORIGIN).strip()
            peer(space, "dnssec-settime", "-I", "20400101000000", name)
            assert "Inactive     20400101000000" in signer(space, "show", name)
            signer(space, "settime", "-I", "20410101000000", name)
            assert " 2041" in peer(space, "dnssec-settime", "-p", "I", name)
            signer(space, "delete", "--force", name)
            theirs = peer(space, "dnssec-keygen", "-q", "-a", algorithm, ORIGIN).strip()
            before = read(space, theirs + ".private")
            signer(space, "settime", "-D", "20500101000000", theirs)
            after = read(space, theirs + ".private")
            assert after == before + "Delete: 20500101000000\n", after
            pem = signer(space, "export", theirs)
            space.write("key.pem", pem)
            os.mkdir(os.path.join(space.path, "imported"))
            made = signer(space, "import", "-K", "imported", "--zsk", "-a", algorithm, "--zone", ORIGIN, "key.pem").strip()
            assert made == theirs, made
            shutil.rmtree(os.path.join(space.path, "imported"))
            signer(space, "delete", "--force", theirs)


def sign_here(space, *options):
    space.write("db", ZONE)
    signer(space, "keygen", ORIGIN)
    signer(space, "sign", *options, "db", "out")
    return read(space, "out")


def drop(pattern):
    return lambda text: re.sub(pattern, "", text, count=1, flags=re.M)


def swap(pattern, new):
    return lambda text: re.sub(pattern, new, text, count=1, flags=re.M)


BROKEN = (
    ("rrsig-missing", [], drop(r"^www\.example\.org\.\t3600\tIN\tRRSIG\tA .*\n")),
    ("rrsig-wrong", [], swap(r"^(www\.example\.org\.\t3600\tIN\tA\t).*$", r"\g<1>192.0.2.99")),
    ("rrsig-missing", [], swap(r"^(mail.*)$", r"\1\nnew.example.org. 3600 IN A 192.0.2.1")),
    ("nsec-missing", [], swap(r"^(mail.*)$", r"\1\nnew.example.org. 3600 IN A 192.0.2.1")),
    ("nsec-next", [], drop(r"^www\.example\.org\.\t.*\n(www\.example\.org\.\t.*\n)*")),
    ("nsec-types", [], swap(r"^(www.*NSEC\t\S+) A TXT", r"\1 TXT")),
    ("nsec-missing", [], drop(r"^mail\.example\.org\.\t300\tIN\tNSEC\t.*\n")),
    ("dnskey-missing", [], drop(r"^example\.org\.\t3600\tIN\tDNSKEY.*\n")),
    ("dnskey-unsigned", [], drop(r"^example\.org\.\t3600\tIN\tRRSIG\tDNSKEY.*\n")),
    ("rrsig-missing", [], drop(r"^sec\.example\.org\.\t3600\tIN\tRRSIG\tDS.*\n")),
    ("rrsig-terms", [], swap(r"(IN\tRRSIG\tMX 13 )2", r"\g<1>3")),
    ("rrsig-terms", [], swap(r"(IN\tRRSIG\tMX 13 2 )3600", r"\g<1>60")),
    ("nsec3-missing", ["--nsec3"], drop(r"^[0-9a-v]{32}\.example\.org\.\t300\tIN\tNSEC3\t.*\n")),
    ("nsec3-next", ["--nsec3"], drop(r"^[0-9a-v]{32}\.example\.org\.\t300\tIN\tNSEC3\t.*\n")),
    ("nsec3-types", ["--nsec3"], swap(r"^([0-9a-v]{32}.*) A AAAA RRSIG$", r"\1 A RRSIG")),
    ("nsec3-needless", ["--nsec3"], drop(r"^www\.example\.org\.\t.*\n(www\.example\.org\.\t.*\n)*")),
    ("denial-missing", ["--nsec3"], drop(r"^example\.org\.\t0\tIN\tNSEC3PARAM.*\n")),
    ("zonemd", ["--zonemd"], swap(r"^(www\.example\.org\.\t3600\tIN\tA\t).*$", r"\g<1>192.0.2.99")),
)


def test_broken_zones_are_refused_with_the_reason():
    texts = {}
    with harness.Workspace() as space:
        for rule, options, damage in BROKEN:
            key = " ".join(options)
            if key not in texts:
                for path in glob.glob(os.path.join(space.path, "K*")) + glob.glob(os.path.join(space.path, "out")):
                    os.remove(path)
                texts[key] = sign_here(space, *options)
            broken = damage(texts[key])
            assert broken != texts[key], rule
            space.write("broken", broken)
            out = json.loads(signer(space, "verify", "--json", "broken", status=1))
            assert rule in {finding["rule"] for finding in out["findings"]}, f"{rule}: {out}"
            assert not out["valid"]


def test_times():
    with harness.Workspace() as space:
        sign_here(space, "--now", "20300101000000")
        assert "not valid yet" in signer(space, "verify", "--at", "20291231000000", "out", status=1)
        assert "has expired" in signer(space, "verify", "--at", "20300301000000", "out", status=1)
        signer(space, "verify", "--at", "20300101000000", "--until", "20300113000000", "out")
        assert "has expired" in signer(space, "verify", "--at", "20300102000000", "--until", "20300201000000", "out", status=1)


def test_nothing_is_published_that_the_parent_does_not_vouch_for():
    with harness.Workspace() as space:
        sign_here(space)
        before = read(space, "out")
        space.write("ds", signer(space, "ds", ORIGIN))
        signer(space, "verify", "--ds", "ds", "out")
        old = glob.glob(os.path.join(space.path, "K*.key"))[0]
        signer(space, "delete", "--force", old)
        signer(space, "keygen", ORIGIN)
        out = signer(space, "sign", "--ds", "ds", "db", "out", status=1)
        assert "ds-mismatch" in out and "not written" in out, out
        assert read(space, "out") == before


def test_kept_signatures():
    with harness.Workspace() as space:
        text = sign_here(space)
        assert "unchanged" in signer(space, "sign", "db", "out")
        space.write("db", ZONE.replace("192.0.2.3", "192.0.2.33"))
        assert " 2 signatures made" in signer(space, "sign", "db", "out")
        # A file that somebody else wrote in: what does not verify is made anew.
        lines = read(space, "out").replace("192.0.2.2\n", "192.0.2.22\n")
        space.write("out", lines)
        signer(space, "sign", "db", "out")
        signer(space, "verify", "out")
        assert "192.0.2.22\n" not in read(space, "out")
        # Days later some are due.
        late = signer(space, "sign", "--now", "now+9d", "db", "out")
        assert re.search(r", [1-9]\d* signatures made, \d+ kept", late), late
        signer(space, "verify", "--at", "now+9d", "out")
        assert text.count("RRSIG\tA ") == 3


def test_deterministic():
    with harness.Workspace() as space:
        space.write("db", ZONE)
        signer(space, "keygen", ORIGIN)
        for name in ("one", "two"):
            signer(space, "sign", "--deterministic", "--now", "20300101000000", "--zonemd", "--cds", "db", name)
        one, two = (read(space, name) for name in ("one", "two"))
        assert one == two
        assert "\tCDS\t" in one and "\tCDNSKEY\t" in one and "\tZONEMD\t" in one
        peer(space, "ldns-verify-zone", "-t", "20300102000000", "one")


def test_serials():
    with harness.Workspace() as space:
        sign_here(space)
        for policy, expected in (("keep", "7"), ("increment", "8"), ("date", r"20300101\d\d"), ("unixtime", "2\\d{9}")):
            signer(space, "sign", "--now", "20300101000000", "--serial", policy, "db", "out")
            soa = re.search(r"SOA\t\S+ \S+ (\d+)", read(space, "out"))[1]
            assert re.fullmatch(expected, soa), f"{policy}: {soa}"


def test_sealed_keys():
    with harness.Workspace() as space:
        space.write("db", ZONE)
        space.write("secret", base64.b64encode(os.urandom(24)).decode())
        space.write("other", "other")
        name = signer(space, "keygen", "--passphrase-file", "secret", ORIGIN).strip()
        base = os.path.join(space.path, name)
        assert not os.path.exists(base + ".private")
        assert os.stat(base + ".sealed").st_mode & 0o777 == 0o600
        assert "sealed" in signer(space, "sign", "db", "out", status=2)
        assert "not for the secret" in signer(space, "sign", "--passphrase-file", "other", "db", "out", status=2)
        signer(space, "sign", "--passphrase-file", "secret", "db", "out")
        os.mkdir(os.path.join(space.path, "credentials"))
        shutil.copy(os.path.join(space.path, "secret"), os.path.join(space.path, "credentials", "signer.passphrase"))
        signer(space, "sign", "--fresh", "db", "out", environment={"CREDENTIALS_DIRECTORY": space.path + "/credentials"})
        signer(space, "unseal", "--passphrase-file", "secret", name)
        assert not os.path.exists(base + ".sealed")
        recipients = [signer(space, "identity", f"identity{i}").strip() for i in range(2)]
        signer(space, "seal", "--recipient", recipients[0], "--recipient", recipients[1], name)
        for i in range(2):
            signer(space, "sign", "--fresh", "--identity", f"identity{i}", "db", "out")
        sealed = read(space, name + ".sealed")
        last = sealed.rindex("A", 0, len(sealed) - 4) if "A" in sealed else 60
        space.write(name + ".sealed", sealed[:last] + ("B" if sealed[last] != "B" else "C") + sealed[last + 1:])
        signer(space, "sign", "--identity", "identity0", "db", "out", status=2)


def test_keys_in_a_token():
    module = "/usr/lib/softhsm/libsofthsm2.so"
    if not os.path.exists(module) or shutil.which("softhsm2-util") is None:
        raise harness.Skip("SoftHSM is not installed")
    with harness.Workspace() as space:
        space.write("db", ZONE)
        space.write("pin", "1234\n")
        os.mkdir(os.path.join(space.path, "tokens"))
        # The token's own code leaks what it makes of an Ed25519 key; ours is watched by all other tests.
        environment = {"SOFTHSM2_CONF": space.write("softhsm.conf", f"directories.tokendir = {space.path}/tokens\n"),
                       "ASAN_OPTIONS": "detect_leaks=0"}
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "dns", "--pin", "1234", "--so-pin", "5678"],
                       env=dict(os.environ, **environment), check=True, stdout=subprocess.DEVNULL, timeout=30)
        uri = "pkcs11:token=dns;object=key%s;pin-source=" + space.path + "/pin"
        for number, algorithm in enumerate(("ECDSAP256SHA256", "RSASHA256", "ED25519")):
            name = signer(space, "keygen", "-a", algorithm, "--pkcs11-module", module, "--pkcs11", uri % number, ORIGIN,
                          environment=environment).strip()
            assert "PrivateKey" not in read(space, name + ".private")
        assert "already" in signer(space, "keygen", "--pkcs11-module", module, "--pkcs11", uri % 0, ORIGIN, status=2,
                                   environment=environment)
        assert "module" in signer(space, "sign", "db", "out", status=2)
        signer(space, "sign", "--pkcs11-module", module, "db", "out", environment=environment)
        peer(space, "ldns-verify-zone", "out")


def test_wrong_use_is_told():
    with harness.Workspace() as space:
        space.write("db", ZONE)
        assert "no key of example.org." in signer(space, "sign", "db", "out", status=2)
        assert "no such algorithm" in signer(space, "keygen", "-a", "DSA1", ORIGIN, status=2)
        assert "RFC 9905" in signer(space, "keygen", "-a", "RSASHA1", ORIGIN, status=2)
        assert "1024 to 4096" in signer(space, "keygen", "-a", "8", "-b", "512", ORIGIN, status=2)
        assert "one or the other" in signer(space, "keygen", "--ksk", "--zsk", ORIGIN, status=2)
        signer(space, "verify", "db", status=1)
        signer(space, "verify", "missing", status=2)
        signer(space, "frobnicate", status=2)
        for command in re.findall(r"^  (\w+)", signer(space, "--help"), re.M):
            assert "usage: signer " + command in signer(space, command, "--help")


def test_a_device_is_neither_read_to_its_end_nor_replaced():
    with harness.Workspace() as space:
        space.write("db", ZONE)
        signer(space, "keygen", ORIGIN)
        os.symlink("/dev/full", os.path.join(space.path, "endless"))
        os.mkfifo(os.path.join(space.path, "pipe"))
        for out in ("endless", "pipe"):
            assert "not supported" in signer(space, "sign", "db", out, status=2)
        assert os.path.islink(os.path.join(space.path, "endless"))


def test_examples_of_the_man_page():
    with open(os.path.join(ROOT, "man", "signer.8"), encoding="utf-8") as file:
        page = file.read()
    blocks = re.findall(r'^\.\\" shell: (?:five-minutes|sealed)\n\.Bd -literal.*\n((?:(?!\.Ed).*\n)*)', page, re.M)
    assert len(blocks) == 3, blocks
    with harness.Workspace() as space:
        space.write("db.example.org", ZONE)
        path = os.path.dirname(harness.need_ours("signer")) + ":" + os.environ["PATH"]
        for block in blocks:
            for line in block.splitlines():
                command = re.fullmatch(r"\$ (.*)", line)[1].replace("/tmp/secret", space.path + "/secret")
                done = subprocess.run(["/bin/sh", "-c", command], cwd=space.path, env=dict(os.environ, PATH=path),
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
                assert done.returncode == 0, f"{command}\n{done.stdout.decode()}"
        peer(space, "ldns-verify-zone", "db.example.org.signed")
