"""Random small zones that all servers load, made to bring names into each other's way.

Few labels are used over and over, at several depths, so wildcards, empty non-terminals, delegations,
hidden data, aliases and DNAMEs meet in ways nobody would write down. A zone is a dictionary from owner
(a tuple of labels relative to the origin, leftmost first) to {type: [rdata text]}.
"""

import glob
import os
import subprocess

LABELS = ["a", "b", "c", "www", "mail", "Ns", "x-1", "_tcp"]
TTLS = [0, 60, 300, 3600, 86400]
SOA_MINIMUM = 900


def relative(owner):
    return ".".join(owner) if owner else "@"


class Zone:
    def __init__(self, rng, origin, wildcards=True):
        self.wildcards = wildcards
        self.rng = rng
        self.origin = origin
        self.nodes = {}
        self._apex()
        self._fill(rng.randint(12, 40))
        self._remove_below_dnames()
        self._glue()

    def add(self, owner, rtype, rdata):
        rdatas = self.nodes.setdefault(owner, {}).setdefault(rtype, [])
        if rdata not in rdatas:
            rdatas.append(rdata)

    def _apex(self):
        self.add((), "SOA", f"ns1 hostmaster 1 7200 3600 1209600 {SOA_MINIMUM}")
        self.add((), "NS", "ns1")
        self.add((), "NS", "ns.example.net.")
        self.add(("ns1",), "A", "192.0.2.53")
        if self.rng.random() < 0.3:
            self.add((), "MX", f"10 {self._target()}")
        if self.rng.random() < 0.3:
            self.add((), "A", self._ipv4())
        if self.rng.random() < 0.05:
            self.add((), "DNAME", "elsewhere.example.net.")

    def _ipv4(self):
        return f"192.0.2.{self.rng.randint(1, 254)}"

    def _ipv6(self):
        return f"2001:db8::{self.rng.randint(1, 65535):x}"

    def _owner(self):
        depth = self.rng.choice([1, 1, 1, 2, 2, 2, 3, 3, 4, 7])
        owner = tuple(self.rng.choice(LABELS) for _ in range(depth))
        if self.nodes and self.rng.random() < 0.4:
            base = self.rng.choice(list(self.nodes))
            owner = (self.rng.choice(LABELS),) + base[-6:]
        dice = self.rng.random() if self.wildcards else 1
        if dice < 0.15:
            owner = ("*",) + owner[1:]
        elif dice < 0.2:
            owner = (self.rng.choice(LABELS), "*") + owner[1:]
        return owner

    def _target(self):
        dice = self.rng.random()
        if dice < 0.15:
            return self.rng.choice(["www.example.net.", "ns.example.com."])
        owner = self.rng.choice(list(self.nodes)) if self.nodes and dice < 0.7 else self._owner()
        if owner and owner[0] == "*":
            owner = ("q",) + owner[1:]
        if dice > 0.9:
            owner = ("below",) + owner
        return relative(owner) if owner else "@"

    def _fill(self, count):
        kinds = [self._data] * 12 + [self._cname] * 3 + [self._delegation] * 3 + [self._dname]
        for _ in range(count):
            owner = self._owner()
            if owner in self.nodes or not owner:
                continue
            self.rng.choice(kinds)(owner)

    def _data(self, owner):
        rng = self.rng
        makers = {
            "A": self._ipv4, "AAAA": self._ipv6, "TXT": lambda: f'"text {rng.randint(1, 99)}"',
            "MX": lambda: f"{rng.randint(0, 50)} {self._target()}",
            "SRV": lambda: f"0 {rng.randint(0, 9)} 5060 {self._target()}",
            "TYPE65280": lambda: f"\\# 3 {rng.randrange(1 << 24):06x}", "CAA": lambda: '0 issue "ca.example.net"',
            "HINFO": lambda: '"CPU" "OS"', "PTR": self._target, "SVCB": lambda: f"1 {self._target()} port=53",
            "HTTPS": lambda: "1 . alpn=h2", "NAPTR": lambda: f'10 10 "s" "x" "" {self._target()}',
        }
        for rtype in rng.sample(["A", "A", "A", "AAAA", "AAAA", "TXT", "TXT", "MX"] + list(makers), rng.randint(1, 3)):
            # Not beside wildcards: Knot 3.2 may never come back from a truncated answer made from one.
            for _ in range(rng.choice([1, 1, 1, 1, 2, 2, 3, 3, 3 if self.wildcards else 40])):
                self.add(owner, rtype, makers[rtype]())

    def _cname(self, owner):
        """One in six leads back to itself, at once or by a second one."""
        if self.rng.random() > 1 / 6 or "*" in owner:
            self.add(owner, "CNAME", self._target())
            return
        other = ("loop",) + owner if self.rng.random() < 0.7 else owner
        self.add(owner, "CNAME", relative(other))
        self.add(other, "CNAME", relative(owner))

    def _dname(self, owner):
        if "*" in owner:
            return self._data(owner)
        if any(owner == name[-len(owner):] for name in self.nodes if len(name) > len(owner)) and \
                self.rng.random() < 0.7:
            return self._data(owner)
        self.add(owner, "DNAME", self._target())
        if self.rng.random() < 0.5:
            self.add(owner, "TXT", '"beside a DNAME"')
        return None

    def _delegation(self, owner):
        if "*" in owner:
            return self._data(owner)
        rng = self.rng
        many = rng.random() < 0.15
        for _ in range(rng.choice([1, 2, 2, 3]) + 10 * many):
            dice = rng.random()
            if dice < 0.5:
                server = (f"ns{rng.randint(1, 13 if many else 3)}",) + owner
                self.add(owner, "NS", relative(server))
                if rng.random() < 0.9:
                    self.add(server, "A", self._ipv4())
                    if rng.random() < 0.5:
                        self.add(server, "AAAA", self._ipv6())
            else:
                self.add(owner, "NS", "ns.example.net." if dice < 0.65 else self._target())
        if rng.random() < 0.4:
            self.add(owner, "DS", f"{rng.randint(1, 65535)} 13 2 {rng.randrange(1 << 256):064X}")
        return None

    def _remove_below_dnames(self):
        """Data below a DNAME is refused by Knot and NSD (RFC 6672 2.4)."""
        dnames = [owner for owner, types in self.nodes.items() if "DNAME" in types]
        for owner in list(self.nodes):
            if any(len(owner) > len(dname) and owner[-len(dname):] == dname for dname in dnames):
                del self.nodes[owner]

    def _glue(self):
        """A CNAME owner holds nothing else (RFC 2181 10.1): glue may have come upon one."""
        for types in self.nodes.values():
            if "CNAME" in types and len(types) > 1:
                del types["CNAME"]
            if "CNAME" in types:
                del types["CNAME"][1:]
            if "DNAME" in types and "NS" in types:
                del types["DNAME"]
        merged = {}
        for owner in list(self.nodes):  # the same owner in two cases is one name (RFC 4343)
            key = tuple(label.lower() for label in owner)
            if key in merged:
                del self.nodes[owner]
            merged[key] = owner

    def mutate(self, count):
        """Removes, changes and adds some owners; what must not stand together is sorted out again."""
        for _ in range(count):
            owners = [owner for owner in self.nodes if len(owner) and owner != ("ns1",)]
            dice = self.rng.random()
            if dice < 0.4 and owners:
                del self.nodes[self.rng.choice(owners)]
            elif dice < 0.6 and owners:
                owner = self.rng.choice(owners)
                del self.nodes[owner]
                self._data(owner)
            else:
                self._fill(1)
        self._remove_below_dnames()
        self._glue()
        serial = int(self.nodes[()]["SOA"][0].split()[2]) + 1
        self.nodes[()]["SOA"] = [f"ns1 hostmaster {serial} 7200 3600 1209600 {SOA_MINIMUM}"]

    def text(self, ttls=None):
        """TTLS keeps what was chosen for a set, so that a second text of the zone differs in what has changed."""
        rng, lines = self.rng, [f"$ORIGIN {self.origin}", "$TTL 3600"]
        owners = [owner for owner in self.nodes if owner]
        rng.shuffle(owners)
        for owner in [()] + owners:
            for rtype, rdatas in self.nodes[owner].items():
                ttl = 3600 if rtype in ("SOA", "NS") and not owner else rng.choice(TTLS)
                if ttls is not None:
                    ttl = ttls.setdefault((owner, rtype), ttl)
                name = relative(owner)
                for rdata in rdatas:
                    shown = name.upper() if rng.random() < 0.05 else name
                    lines.append(f"{shown}\t{ttl}\tIN\t{rtype}\t{rdata}")
        return "\n".join(lines) + "\n"


def signer_missing():
    for tool in ("dnssec-keygen", "dnssec-signzone", "ldns-signzone"):
        if not any(os.access(os.path.join(path, tool), os.X_OK) for path in
                   os.environ.get("PATH", "").split(":") + ["/usr/bin", "/usr/sbin"]):
            return tool
    return None


# How the zones may be signed: name -> (tool, options).
SIGNINGS = {
    "nsec": ("dnssec-signzone", []),
    "nsec3": ("dnssec-signzone", ["-3", "-", "-H", "0"]),
    "nsec3-salted": ("dnssec-signzone", ["-3", "c0ffee", "-H", "3"]),
    "optout": ("dnssec-signzone", ["-3", "-", "-H", "0", "-A"]),
    "ldns-nsec": ("ldns-signzone", []),
    "ldns-nsec3": ("ldns-signzone", ["-n", "-s", "abcd", "-t", "1"]),
    "ldns-optout": ("ldns-signzone", ["-n", "-p"]),
}


def sign(path, origin, signing, directory):
    """Signs the zone file and returns the path of the signed one."""
    tool, options = SIGNINGS[signing]
    signed = path + "." + signing
    keys = os.path.join(directory, "keys-" + origin)
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    for flags in [] if os.path.isdir(keys) else (["-f", "KSK"], []):
        os.makedirs(keys, exist_ok=True)
        subprocess.run(["dnssec-keygen", "-q", "-K", keys, "-a", "ECDSAP256SHA256"] + flags + [origin], **quiet)
    if tool == "dnssec-signzone":
        command = [tool, "-q", "-S", "-K", keys, "-d", keys, "-P", "-s", "20260101000000", "-e", "20800101000000",
                   "-o", origin, "-f", signed] + options + [path]
    else:
        names = sorted(name[:-4] for name in glob.glob(os.path.join(keys, "*.key")))
        command = [tool, "-i", "20260101000000", "-e", "20800101000000", "-o", origin, "-f", signed] + options + \
            [path] + names
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=directory, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode()}")
    return signed
