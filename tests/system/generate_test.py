"""$GENERATE means what it means in BIND, which made it: each directive is read by named-compilezone and by
zonetool, and both make the same records, or both refuse it."""

import os
import random
import subprocess

import harness

ORIGIN = "z.example"
HEAD = "$ORIGIN z.example.\n$TTL 60\n@ SOA a b 1 3600 900 604800 300\n@ NS a.other.\n"

LINES = [
    "1-3 h$ A 192.0.2.$",
    "0-10/5 h$ A 192.0.2.$",
    "7-7 h$ A 192.0.2.$",
    "1-2 h$ 300 A 192.0.2.$",
    "1-2 h$ IN A 192.0.2.$",
    "1-2 h$ 300 IN A 192.0.2.$",
    "1-2 h$ IN 300 A 192.0.2.$",
    "1-2 $ CNAME $.0-127",
    "1-3 @ NS ns$.other.",
    "1-3 @ MX \"$ mail$.other.\"",
    "1-2 h$ TXT \"text $ \\$ end\"",
    "1-2 h$ TXT \"one$ \\\"two ; $\\\" \\\\065\"",
    "1-2 h$ IN TXT \"a$\" ; comment",
    "1-2 h$ AAAA 2001:db8::$",
    "1-2 $.2.0.192.in-addr.arpa. PTR h$",
    "1-2 h$.z.example. PTR x$.z.example.",
    "10-12 h${-10} A 192.0.2.${-9,0,d}",
    "10-12 h${5,4,d} A 192.0.2.$",
    "10-12 h${0,4,x} A 192.0.2.$",
    "250-257 h${0,4,X} TXT ${0,6,o}",
    "16-18 ${0,3,n} CNAME ${0,7,N}.other.",
    "1-17 ${0,1,n} CNAME a",
    "254-258 ${0,0,n} CNAME a",
    "4095-4097 ${0,5,n}.r CNAME a",
    "1-2 a${0,2}b$c${1} TXT ${0,1,x}-$",
    "1-2 h$ DNAME d$.other.",
    "1-2 h$ SRV \"0 0 $ a.other.\"",
    "1-2 h\\$$ A 192.0.2.$",
    "0-1 h$$ A 192.0.2.1",
    "3-1 h$ A 192.0.2.$",
    "1-3/0 h$ A 192.0.2.$",
    "-1-3 h$ A 192.0.2.$",
    "1 h$ A 192.0.2.$",
    "a-b h$ A 192.0.2.$",
    "1-2 h$ A 192.0.2.${0,0,q}",
    "1-2 h$ A 192.0.2.${x}",
    "1-2 h$ A 192.0.2.${",
    "1-2 h$ BOGUS x",
    "254-257 h$ A 192.0.2.$",
    "1-2 h$",
]


def random_lines(count):
    rng = random.Random(int(os.environ.get("BAILIWICK_SEED", 1)))
    for _ in range(count):
        start = rng.choice([0, 1, 9, 15, 250, 4094, 65535])
        stop, step = start + rng.randrange(8), rng.choice(["", "", "/2", "/3"])
        modifiers = []
        for _ in range(3):
            form = rng.choice(["%d", "%d,%d", "%d,%d,%s"])
            fields = (rng.choice([0, 1, 100, -start]), rng.randrange(9), rng.choice("doxXnN"))
            modifiers.append("${" + form % fields[:form.count("%")] + "}")
        yield f"{start}-{stop}{step} a$.{modifiers[0]} TXT {modifiers[1]}x{modifiers[2]}"


def bind_reads(path):
    tool = harness.program("named-compilezone")
    if tool is None:
        raise harness.Skip("named-compilezone is not installed")
    done = subprocess.run([tool, "-i", "none", "-k", "ignore", "-m", "ignore", "-r", "ignore", "-s", "full", "-o", "-",
                           ORIGIN, path], capture_output=True, timeout=60, check=False)
    return records_of(done) if done.returncode == 0 else None


def we_read(path):
    done = subprocess.run([harness.need_ours("zonetool"), "dump", "-o", ORIGIN, path], capture_output=True, timeout=60,
                          check=False)
    return records_of(done) if done.returncode == 0 else None


def records_of(done):
    lines = [line.split() for line in done.stdout.decode("latin-1").splitlines() if not line.startswith(";")]
    return sorted(" ".join(word.lower() if i == 0 else word for i, word in enumerate(words)) for words in lines
                  if words and "SOA" not in words)


def compare(space, lines):
    wrong = []
    for number, line in enumerate(lines):
        path = space.write(f"zone{number}", HEAD + "$GENERATE " + line + "\n")
        expected, seen = bind_reads(path), we_read(path)
        if expected != seen:
            wrong.append(f"$GENERATE {line}\n    BIND {expected}\n    ours {seen}")
    assert not wrong, "\n".join(wrong)


def test_known_forms():
    with harness.Workspace() as space:
        compare(space, LINES)


def test_random_modifiers():
    with harness.Workspace() as space:
        compare(space, random_lines(40))
