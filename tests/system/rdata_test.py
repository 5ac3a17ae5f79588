"""Rdata of every type against BIND and dnspython, which know types that ldns lacks: random records are
made by our library and read by the other; what the other prints, we read as the same octets."""

import os
import random
import re
import subprocess
import tempfile

import harness

COUNT = 40
META = {"OPT", "TSIG", "TKEY", "IXFR", "AXFR", "MAILB", "MAILA", "ANY", "NXNAME"}
BITMAPS = {"NSEC", "NSEC3", "CSYNC", "NXT"}

# What BIND 9.18 refuses by rules beyond the form of the rdata.
BIND_SKIPPED = {
    "SOA": "only at the apex",
    "MD": "obsolete",
    "MF": "obsolete",
    "X25": "at least four digits",
    "NAPTR": "the regexp must be one",
    "RKEY": "the flags must be zero",
    "GPOS": "floating point numbers",
}

# What dnspython refuses by such rules, or has of its own.
DNSPYTHON_SKIPPED = {
    "GPOS": "floating point numbers",
    "NSEC": "no type 0 in the bitmap",
    "NSEC3": "the same",
    "CSYNC": "the same",
    "LOC": "altitudes pass through floating point",
}


def tool(directory):
    """Builds rdata_tool with the release library."""
    library = os.path.join(harness.ROOT, "build", "release", "lib", "libzone.a")
    environment = {key: value for key, value in os.environ.items() if key not in ("BUILD", "MAKEFLAGS", "MFLAGS")}
    subprocess.run(["make", "build/release/lib/libzone.a"], cwd=harness.ROOT, check=True, capture_output=True,
                   env=environment)
    out = os.path.join(directory, "rdata_tool")
    subprocess.run(["gcc", "-D_GNU_SOURCE", "-O1", "-I", harness.ROOT, "-o", out,
                    os.path.join(harness.ROOT, "tests", "system", "rdata_tool.c"), library,
                    "-lsodium", "-lcrypto", "-pthread"], check=True)
    return out


def make(program, seed):
    """Records by our library: (type, hex, text)."""
    result = subprocess.run([program, "make", str(seed), str(COUNT)], check=True, capture_output=True, text=True)
    return [tuple(line.split("\t", 2)) for line in result.stdout.splitlines()]


def read(program, records):
    """What our library reads in (type, text) pairs: hex, or "! message"."""
    lines = "".join(f"{name}\t{text}\n" for name, text in records)
    result = subprocess.run([program, "read"], input=lines, check=True, capture_output=True, text=True)
    return result.stdout.splitlines()


def agree(rows):
    """ROWS of (type, text, our hex, their hex); fails with at most two lines for each type."""
    shown, lines = {}, []
    for name, text, ours, theirs in rows:
        if ours == theirs:
            continue
        shown[name] = shown.get(name, 0) + 1
        if shown[name] <= 2:
            lines.append(f"{name} {text}\n  ours   {ours}\n  theirs {theirs}")
    if lines:
        raise harness.Failure(f"records differ: {shown}\n" + "\n".join(lines))


def number_types(text, known):
    """The types of a bitmap that the other program has no name for, as TYPE123."""
    numbers = {"NXNAME": 128, "CLA": 263, "IPN": 264, "RESINFO": 261, "WALLET": 262, "DSYNC": 66, "HHIT": 67,
               "BRID": 68, "DOA": 259, "AMTRELAY": 260}
    return " ".join(f"TYPE{numbers[word]}" if word in numbers and word not in known else word
                    for word in text.split(" "))


def bind_reads(directory, records):
    """Our records through named-compilezone: {index: (type, text)}."""
    zone, out = os.path.join(directory, "zone"), os.path.join(directory, "out")
    with open(zone, "w") as file:
        file.write("$TTL 60\n@ IN SOA . . 1 1 1 1 1\n@ IN NS .\n")
        file.writelines(f"r{index} IN {name} {text}\n" for index, name, text in records)
    checks = [word for letter in "kmnrSTWMi" for word in (f"-{letter}", "none" if letter == "i" else "ignore")]
    result = subprocess.run([harness.program("named-compilezone"), *checks, "-s", "full", "-o", out, "example", zone],
                            capture_output=True, text=True)
    if result.returncode != 0:
        raise harness.Failure("BIND refuses: " + result.stdout + result.stderr)
    with open(out) as file:
        rows = (re.match(r"r(\d+)\.example\.\s+60\s+IN\s+(\S+)\s*(.*)", line) for line in file)
        return {int(row[1]): (row[2], row[3]) for row in rows if row}


def test_bind_reads_and_prints_the_same():
    if harness.program("named-compilezone") is None or harness.program("named-rrchecker") is None:
        raise harness.Skip("BIND's tools are not installed")
    names = subprocess.run([harness.program("named-rrchecker"), "-T"], capture_output=True, text=True).stdout
    known = set(names.split()) - META - set(BIND_SKIPPED)
    with tempfile.TemporaryDirectory() as directory:
        program = tool(directory)
        records = [row for row in make(program, 11) if row[0] in known]
        numbered = [(index, row[0], number_types(row[2], known) if row[0] in BITMAPS else row[2])
                    for index, row in enumerate(records)]
        theirs = bind_reads(directory, numbered)
        assert len(theirs) == len(records), "BIND lost records"
        back = read(program, [theirs[index] for index in range(len(records))])
        agree([(row[0], theirs[index][1], row[1], back[index]) for index, row in enumerate(records)])
        print(f"     {len(known)} types, {len(records)} records", flush=True)


def dnspython_knows(name):
    import dns.rdata, dns.rdatatype
    number = dns.rdatatype.RdataType.__members__.get(name.replace("-", "_"))
    return number is not None and dns.rdata.get_rdata_class(1, number) is not dns.rdata.GenericRdata


def test_dnspython_reads_and_prints_the_same():
    try:
        import dns.exception, dns.rdata
    except ImportError:
        raise harness.Skip("dnspython is not installed")
    with tempfile.TemporaryDirectory() as directory:
        program = tool(directory)
        rows, texts, known = [], [], set()
        for name, hexed, text in make(program, 12):
            if name in META or name in DNSPYTHON_SKIPPED or not dnspython_knows(name):
                continue
            known.add(name)
            try:
                rdata = dns.rdata.from_text("IN", name, number_types(text, set()) if name in BITMAPS else text)
            except dns.exception.DNSException as why:
                raise harness.Failure(f"dnspython refuses {name} {text}: {why}")
            rows.append((name, text, hexed, rdata.to_wire().hex().upper()))
            texts.append((name, rdata.to_text()))
        agree(rows)
        back = read(program, texts)
        agree([(name, text, rows[index][2], back[index]) for index, (name, text) in enumerate(texts)])
        print(f"     {len(known)} types, {len(rows)} records", flush=True)


# Where BIND and we part over damaged text, and why; nowhere else.
PARTED = {
    "KEY": "BIND refuses a key where the flags say there is none",
    "EUI48": "BIND lets single digits and what stands behind pass",
    "EUI64": "the same",
    "WKS": "BIND lets a sign stand before a number",
    "LOC": "the same",
    "SIG": "BIND lets a TTL be above 2^31-1 (RFC 2181 8)",
    "RRSIG": "the same, and dates before 1901",
    "SSHFP": "BIND lets the fingerprint be empty",
    "NID": "BIND lets the last group be missing",
    "L64": "the same",
}
PADDED = {"DHCID", "CERT", "DNSKEY", "CDNSKEY", "RKEY", "OPENPGPKEY", "HHIT", "BRID", "SINK"}
MARKS = "0123456789abcxyzAZ.-:/=+,\\ !_@*"
WORDS = ["0", "-", ".", "a.", "65536", "256", '""', "4294967296", "x", "99999", "1h", "-1", "\\# 1 00"]


def damage(dice, text):
    """TEXT with a character or a word changed, put in or taken out."""
    at, way = dice.randrange(len(text) + 1), dice.randrange(8)
    if way < 2:
        return text[:at] + dice.choice(MARKS) + text[at + 1:]
    if way < 4:
        return text[:at] + dice.choice(MARKS) + text[at:]
    if way < 6:
        return text[:at] + text[at + 1:]
    words = text.split(" ")
    if way == 6:
        words.pop(dice.randrange(len(words)))
    else:
        words.insert(dice.randrange(len(words) + 1), dice.choice(WORDS))
    return " ".join(words)


def bind_refusals(directory, records):
    """Which of the records BIND refuses, as it tells by line, and what it makes of the others."""
    refused, left = {}, list(records)
    while True:
        try:
            return refused, bind_reads(directory, left)
        except harness.Failure as failure:
            lines = re.findall(r"/zone:(\d+): (.*)", str(failure))
            numbers = {int(line): why for line, why in lines if "expired" not in why and "old style" not in why}
            if not numbers:
                raise
            refused.update({left[number - 4][0]: why for number, why in numbers.items()})
            left = [row for index, row in enumerate(left) if index + 4 not in numbers]


def test_bind_refuses_and_accepts_the_same():
    if harness.program("named-compilezone") is None or harness.program("named-rrchecker") is None:
        raise harness.Skip("BIND's tools are not installed")
    names = subprocess.run([harness.program("named-rrchecker"), "-T"], capture_output=True, text=True).stdout
    known = set(names.split()) - META - set(BIND_SKIPPED) - {"NULL", "UINFO", "UID", "GID", "UNSPEC"}
    dice = random.Random(5)
    with tempfile.TemporaryDirectory() as directory:
        program = tool(directory)
        texts = [(name, number_types(text, known) if name in BITMAPS else text)
                 for name, _, text in make(program, 13) if name in known and len(text) < 300]
        records = [(index, name, damage(dice, text)) for index, (name, text) in enumerate(texts)]
        records = [row for row in records if row[2].count('"') % 2 == 0]
        ours = dict(zip((row[0] for row in records), read(program, [row[1:] for row in records])))
        refused, accepted = bind_refusals(directory, records)
        back = dict(zip(accepted, read(program, list(accepted.values()))))
        parted = []
        for index, name, text in records:
            if ours[index].startswith("!") != (index in refused):
                split = name in PADDED and "padding" in ours[index]  # "=" by itself, which BIND takes
                digest = re.search(r"digest has|association data has", ours[index])  # of kinds BIND does not know
                if name not in PARTED and not split and not digest:
                    parted.append(f"{name} {text}\n  ours   {ours[index]}\n  theirs {refused.get(index, 'accepted')}")
            elif index not in refused and back[index] != ours[index]:
                parted.append(f"{name} {text}\n  ours   {ours[index]}\n  theirs {accepted[index][1]}")
        if parted:
            raise harness.Failure("\n".join(parted[:10]))
        print(f"     {len(records)} damaged records, {len(refused)} refused", flush=True)
