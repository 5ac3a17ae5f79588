"""Aliases that lead out of their zone, to others that the server holds: in the same block, in other blocks and by their
rules, into a child zone, around in loops; and not to other servers (RFC 1034 4.3.2 step 3a)."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
import wire

HEAD = "$TTL 300\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n"
ONE = HEAD + """a CNAME www.two.
gone CNAME nope.two.
down CNAME www.child
sub DNAME child
child NS ns.child
ns.child A 192.0.2.2
x CNAME loop
loop CNAME back.two.
closed CNAME www.three.
far CNAME www.four.
outside CNAME www.example.net.
seen CNAME who.five.
*.w CNAME www.two.
"""
TWO = HEAD + "www A 192.0.2.80\nback CNAME loop.one.\non CNAME www.child.one.\n"
CHILD = HEAD + "www A 192.0.2.81\nmore CNAME down.one.\n"
OTHER = HEAD + "www A 192.0.2.82\nwho A 192.0.2.83\n"


def corefile(space, together):
    """ONE, TWO and CHILD in one block, or in one for each."""
    paths = {name: space.write(name, text) for name, text in
             (("one", ONE), ("two", TWO), ("child.one", CHILD), ("three", OTHER), ("four", OTHER), ("five", OTHER))}
    names = ("one", "two", "child.one")
    if together:
        text = "%s {\n%s}\n" % (" ".join(f"{name}:{{port}}" for name in names),
                                "".join(f" file {paths[name]} {name}\n" for name in names))
    else:
        text = "".join(f"{name}:{{port}} {{\n file {paths[name]}\n}}\n" for name in names)
    return text + f"""three:{{port}} {{
 acl {{
  block
 }}
 file {paths['three']}
}}
four:{{port}} {{
 forward . 127.0.0.1:9
}}
five:{{port}} {{
 view never {{
  expr type() == 'AAAA'
 }}
 file {paths['five']}
}}
"""


def told(answer):
    return [f"{wire.name_text(owner)} {wire.type_text(rtype)}" for owner, rtype, *_ in answer.answer]


def check(daemon):
    def ask(name, expected, rcode=0, authority=(), **options):
        answer = daemon.ask(name, "A", **options)
        assert (told(answer), answer.rcode) == (expected, rcode), (name, told(answer), answer.rcode)
        seen = [f"{wire.name_text(owner)} {wire.type_text(rtype)}" for owner, rtype, *_ in answer.authority]
        assert seen == list(authority) and answer.is_authoritative, (name, seen)

    ask("a.one.", ["a.one. CNAME", "www.two. A"])
    ask("a.one.", ["a.one. CNAME", "www.two. A"], tcp=True)
    ask("gone.one.", ["gone.one. CNAME"], rcode=3, authority=["two. SOA"])
    ask("down.one.", ["down.one. CNAME", "www.child.one. A"])
    ask("www.sub.one.", ["sub.one. DNAME", "www.sub.one. CNAME", "www.child.one. A"])
    ask("no.sub.one.", ["sub.one. DNAME", "no.sub.one. CNAME"], rcode=3, authority=["child.one. SOA"])
    ask("more.child.one.", ["more.child.one. CNAME", "down.one. CNAME", "www.child.one. A"])
    ask("on.two.", ["on.two. CNAME", "www.child.one. A"])
    ask("q.w.one.", ["q.w.one. CNAME", "www.two. A"])
    ask("loop.one.", ["loop.one. CNAME", "back.two. CNAME"])
    ask("x.one.", ["x.one. CNAME", "loop.one. CNAME", "back.two. CNAME"])
    for name in ("closed", "far", "outside", "seen"):  # refused, not asked, not held, not for this question
        ask(f"{name}.one.", [f"{name}.one. CNAME"])


def test_zones_of_one_block():
    with harness.Workspace() as space:
        check(server.start(space, corefile(space, together=True)))


def test_zones_of_several_blocks():
    with harness.Workspace() as space:
        check(server.start(space, corefile(space, together=False)))


def test_secondary_and_file():
    """What a secondary serves goes on in a zone that stands in a file."""
    with harness.Workspace() as space:
        paths = {name: space.write(name, text) for name, text in (("one", ONE), ("two", TWO))}
        primary = server.start(space, f"one:{{port}} {{\n file {paths['one']}\n transfer {{\n  to *\n }}\n}}\n")
        daemon = server.start(space, f"""one:{{port}} {{
 secondary {{
  transfer from 127.0.0.1:{primary.port}
  state {space.directory('state')}
 }}
}}
two:{{port}} {{
 file {paths['two']}
}}
""")
        daemon.wait_for_log("one.: serial", deadline=60)
        answer = daemon.ask("a.one.", "A")
        assert told(answer) == ["a.one. CNAME", "www.two. A"], told(answer)


if __name__ == "__main__":
    import run as runner
    sys.exit(runner.main(["follow"] + sys.argv[1:]))
