"""Two servers for mutated packets: one with whatever reads, writes or limits a message, and one that serves the same
content plainly, with which its answers are compared."""

import os
import subprocess

import harness
import packets
import server as daemon
import wire

ZONES_DIR = os.path.join(harness.ROOT, "testdata", "zones")
ZONES = ("example.org", "nsec.example", "nsec3.example", "optout.example", "rsa.example")
SMALL = """$TTL 300
@ SOA ns hostmaster 7 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
* TXT "wild"
a CNAME b
b A 192.0.2.2
b A 192.0.2.3
d DNAME nsec3.example.
s SRV 0 0 53 b
cut NS ns.cut
ns.cut A 192.0.2.4
*.deep.x MX 5 b
loop CNAME loop
big 60 TXT ( "%s" "%s" "%s" )
""" % ("x" * 255, "y" * 255, "z" * 255)
OTHER = SMALL.replace("192.0.2.", "198.51.100.")
WORDS = ("", "a.", "b.", "s.", "x.d.", "cut.", "x.cut.", "x.deep.x.", "x.", "loop.", "big.")
COOKIES = "cookies {\n secret 445536bcd2513298075a5d379663c962\n }"
KEY = "tsig {\n secret key.test. NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk=\n }"
EDNS = ("nsid fuzz", "zoneversion", "report errors.example.net", "transfer {\n to 127.0.0.1\n }")
TEMPLATE = r"""template IN A {
 match ^(|[^.]*[.])ip-(?P<a>[0-9]+)-(?P<b>[0-9]+)-(?P<c>[0-9]+)-(?P<d>[0-9]+)[.]templ[.]test[.]$
 answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
 fallthrough
 }
 template IN TXT {
 match ^(?P<first>[^.]*)[.]templ[.]test[.]$
 answer "{{ .Name }} 60 IN TXT \"{{ .Type }}\""
 fallthrough
 }
 template ANY ANY {
 rcode NXDOMAIN
 authority "templ.test. 60 IN SOA ns.templ.test. host.templ.test. 1 60 60 60 60"
 }"""
CAPPED = "capped.test."      # replies may be missing or empty
FORWARDED = "forward.test."  # may fail while the machine stalls
CHANGES = "changed.test."    # UPDATE changes it, so it is not compared
SMALL_ZONES = ("online.test.", FORWARDED, "rewrite.test.", "templ.test.", "seen.test.", "hosts.test.",
               "acl.test.", "secondary.test.", CAPPED, CHANGES)


def keygen(space):
    done = subprocess.run([harness.need_ours("signer"), "keygen", "online.test"], cwd=space.path, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    return os.path.join(space.path, done.stdout.split()[0])


class Layout:
    """The Corefiles of both servers, block by block."""

    def __init__(self, space):
        self.full, self.plain = [], []
        self.small = space.write("small.zone", SMALL)
        self.other = space.write("other.zone", OTHER)

    def block(self, key, content, more=(), instead=None):
        """CONTENT is what both serve, or INSTEAD the full one; only that has MORE."""
        text = "%s:{port} {\n %s\n}"
        self.plain.append(text % (key, "\n ".join((COOKIES, KEY, *content))))
        self.full.append(text % (key, "\n ".join((COOKIES, KEY, *more, *(instead or content)))))

    def zones(self):
        for zone in ZONES:
            self.block(zone, [f"file {ZONES_DIR}/{zone}.zone"],
                       [*EDNS, "rrl {\n responses-per-second 1000000\n }", "metadata", "loop"])

    def plugins(self, key):
        file = f"file {self.small}"
        self.block("online.test", ["zoneversion", f"dnssec {{\n key file {key}\n }}", file])
        self.block("rewrite.test", ["rewrite name suffix .rewrite.test. .example.org. answer auto",
                                    "rewrite continue ttl suffix .example.org. 30-100",
                                    f"file {ZONES_DIR}/example.org.zone example.org"], EDNS)
        self.block("templ.test", [TEMPLATE], EDNS)
        self.block("seen.test", ["view big {\n expr bufsize() > 1000 && type() != 'TXT'\n }", file], EDNS)
        self.block("seen.test", [f"file {self.other}"], EDNS)
        self.block("hosts.test", ["hosts /dev/null {\n 192.0.2.80 www.hosts.test x.hosts.test\n fallthrough\n }", file],
                   ["loadbalance", *EDNS])
        self.block("acl.test", ["acl {\n filter type A\n block type TXT\n drop type MX\n }", "any", "minimal",
                                "header {\n response set ra\n }", file], EDNS)
        self.block(CAPPED[:-1], [file], ["rrl {\n responses-per-second 3\n requests-per-second 100\n }", *EDNS])
        self.block(CHANGES[:-1], [file], ["update {\n allow net 127.0.0.0/8\n }", *EDNS])
        self.block("version.bind", ["chaos"])

    def between(self, space, port):
        file = [f"file {self.small}"]
        self.block("forward.test", [*file], EDNS[:3], ["cache", f"forward . 127.0.0.1:{port}"])
        self.block("secondary.test", [*file, "transfer {\n to *\n }"], EDNS[:3], [
            f"secondary {{\n transfer from 127.0.0.1:{port}\n state {space.directory('secondary')}\n }}"])


def start(space):
    """The full server and the plain one."""
    layout = Layout(space)
    layout.zones()
    layout.plugins(keygen(space))
    layout.between(space, "{port}")
    plain = daemon.start(space, "\n".join(layout.plain) + "\n")
    port = str(plain.port)
    full = [block.replace("127.0.0.1:{port}", "127.0.0.1:" + port) for block in layout.full]
    state = ["-state", space.directory("state")]
    server = daemon.start(space, "\n".join(full) + "\n", arguments=state)
    server.wait_for_log("secondary.test.: serial", deadline=60)
    return server, plain


def names():
    found = packets.owners(ZONES, ZONES_DIR)
    found += [wire.name_from_text(word + zone) for zone in SMALL_ZONES for word in WORDS]
    return set(found) | {wire.name_from_text(text) for text in (".", "no.where.", "version.bind.", "www.rewrite.test.")}
