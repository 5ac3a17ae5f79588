"""features: what each plugin costs per answer, in user-space instructions (callgrind), on the small zone: when
the client does not ask for what it offers, and when it does."""

import harness
import instructions
import measure

COOKIE = "000a0008" + "0123456789abcdef"
FEATURES = (  # name, Corefile lines, EDNS options that ask for it
    ("nothing", "", None),
    ("nsid", " nsid one\n", "00030000"),
    ("cookies", " cookies\n", COOKIE),
    ("report", " report errors.example.net\n", ""),
    ("zoneversion", " zoneversion\n", "00130000"),
    ("acl, 3 rules", " acl {\n  block net 192.0.2.0/24\n  block type AXFR IXFR\n  allow net 127.0.0.0/8\n }\n", None),
    ("minimal", " minimal\n", None),
    ("header", " header {\n  response set ra\n }\n", None),
    ("ten idle plugins", " errors\n local\n any\n chaos\n loadbalance\n rewrite type HINFO TXT\n"
     " acl {\n  block net 192.0.2.0/24\n }\n template IN HINFO other.test {\n  rcode NXDOMAIN\n }\n"
     " hosts /dev/null other.test\n onlyone other.test\n", None),
    ("rrl", " rrl {\n  responses-per-second 1000000\n }\n", None),
)


def count(settings, zones, queries, lines, options):
    flood = () if options is None else ("--option", options) if options else ("--edns",)
    return instructions.per_answer(settings, measure.OURS, zones, queries, extra=lines, flood=flood)


def run(settings):
    if harness.program("valgrind") is None:
        print("features: valgrind is not installed")
        return []
    zones, queries = settings.small()
    table = measure.Table("user-space instructions per answer with a plugin (callgrind)", [
        ("not asked", None, 0), ("more than without", None, 0), ("asked", None, 0), ("more than without", None, 0)])
    plain, asked = {}, {}
    for name, lines, options in FEATURES:
        plain[name] = count(settings, zones, queries, lines, None)
        asked[name] = None if options is None else count(settings, zones, queries, lines, options)
        without = None if options is None else count(settings, zones, queries, "", options)
        table.add(name, plain[name], plain[name] - plain["nothing"], asked[name],
                  None if options is None else asked[name] - without, ours=True)
    return [table]
