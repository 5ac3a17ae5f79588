"""What bailiwickd does with a Corefile besides serving it: -explain, -migrate, and what -check says of parts that are
never used."""

import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness

ZONE = """$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
@ NS ns2
ns A 192.0.2.1
ns2 A 192.0.2.2
www A 192.0.2.80
out CNAME target.example.net.
"""


def run(space, corefile, *arguments):
    space.write("zone", ZONE)
    path = space.write("Corefile", corefile)
    return subprocess.run([harness.need_ours(), "-conf", path, *arguments], capture_output=True, text=True, timeout=60,
                          cwd=space.path)


def explained(space, corefile, question):
    done = run(space, corefile, "-explain", question)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


CHAIN = """example.org example.com {
 partial zone example.org
 rewrite name exact www.example.com www.example.org
 hosts /dev/null {
  192.0.2.9 foo.example.org target.example.net
  fallthrough
 }
 header {
  response set ra
 }
 acl {
  block net 192.0.2.0/24
 }
 whoami
}
"""


def test_explain_tells_each_step():
    with harness.Workspace() as space:
        text = explained(space, CHAIN, "www.example.com A")
        for line in ("www.example.com. IN A from 127.0.0.1 over UDP: server block 'example.org example.com'",
                     "rewrite        asks for www.example.org. IN A from here on",
                     "hosts          passes it on: the name is not in the table",
                     "partial        answers: NOERROR aa, 1 answer",
                     "header         on the way back, changes the reply: NOERROR aa ra, 1 answer",
                     "    www.example.com. 3600 IN A 192.0.2.80"):
            assert line in text, text
        text = explained(space, CHAIN, "nope.example.org TXT tcp do")
        assert "over TCP" in text and "the zone does not have the name, and it falls through" in text, text
        assert "whoami         answers" in text, text
        text = explained(space, CHAIN, "www.example.org from 192.0.2.7")
        assert "acl            answers: REFUSED" in text and "extended error 18" in text, text
        text = explained(space, CHAIN, "out.example.org")
        assert "    rewrite " in text and "out.example.org. 3600 IN CNAME target.example.net." in text, text
        text = explained(space, CHAIN, "www.example.net")
        assert "no server block is for this name" in text and "REFUSED" in text, text


def test_explain_asks_others():
    with harness.Workspace() as space:
        text = explained(space, ". {\n forward . 127.0.0.1:1\n}\n", "www.example.org")
        assert "asks somebody else, and waits" in text and "SERVFAIL" in text, text


def test_explain_disturbs_nobody():
    """Beside a running server: its ports are taken, and its secondaries are to hear nothing."""
    with harness.Workspace() as space:
        port = harness.free_port()
        with socket.create_server(("127.0.0.1", port)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as secondary:
            secondary.bind(("127.0.0.1", 0))
            text = explained(space, """example.org {
 file zone
 prometheus 127.0.0.1:%d
 transfer {
  to 127.0.0.1:%d
 }
}
""" % (port, secondary.getsockname()[1]), "www.example.org")
            assert "www.example.org. 3600 IN A 192.0.2.80" in text, text
            secondary.settimeout(0.2)
            try:
                raise harness.Failure(f"told: {secondary.recv(512)}")
            except socket.timeout:
                pass


def test_explain_refuses_nonsense():
    with harness.Workspace() as space:
        done = run(space, CHAIN, "-explain", "www.example.org BOGUS")
        assert done.returncode == 2 and "'BOGUS': neither a type nor a class" in done.stderr, done.stderr
        assert run(space, "a.test {\n nonsense\n}\n", "-explain", "a.test").returncode == 1


def test_check_tells_what_is_never_used():
    with harness.Workspace() as space:
        done = run(space, """example.org {
 file zone
 whoami
}
. {
 file zone example.org
 template ANY ANY {
  rcode NXDOMAIN
 }
 hosts /dev/null
}
""", "-check")
        assert done.returncode == 0, done.stdout
        assert "whoami is never reached: file answers every query of this block" in done.stdout, done.stdout
        assert "hosts is never reached: template answers" in done.stdout, done.stdout
        assert "the zone example.org. is never asked for here: the block 'example.org' takes its queries" in done.stdout, done.stdout
        done = run(space, CHAIN, "-check")
        assert "never" not in done.stdout, done.stdout
        for first in ("forward . 127.0.0.1:1", "grpc . 127.0.0.1:1"):
            done = run(space, "example.org {\n %s\n whoami\n}\n" % first, "-check")
            assert f"whoami is never reached: {first.split()[0]} answers" in done.stdout, done.stdout
            done = run(space, "example.org {\n %s {\n  except a.example.org\n }\n whoami\n}\n" % first, "-check")
            assert "never" not in done.stdout, done.stdout


OLD = """# ours since 2018
example.org:5300 {
    file db.example.org {
        transfer to 192.0.2.1 192.0.2.2  # the secondaries
        upstream 8.8.8.8
        no_reload
    }
    errors stdout
    log stdout
}
. {
    proxy . 8.8.8.8 8.8.4.4 {
        policy first
        protocol dns force_tcp
        health_check /health:8080
        max_fails 3
    }
    proxy grpc.example 127.0.0.1:8053 {
        protocol grpc insecure
    }
    proxy db.example 127.0.0.1:8053 {
        max_fails 1
        policy first
        protocol grpc ours.pem key.pem ca.pem
    }
    proxy example.com /etc/resolv.conf
    auto {
        directory /zones (.*) {1} 30
    }
    federation cluster.local {
        prod prod.example.org
    }
    cache 30
}
"""
NEW = """# ours since 2018
example.org:5300 {
    file db.example.org {
        # migrated: transfer to is a directive of its own, below
        # migrated: upstream has had no effect for years, and is gone
        # migrated: no_reload is called reload 0
        reload 0
    }
    transfer {
        to 192.0.2.1 192.0.2.2
    }
    # migrated: it writes to standard output only
    errors
    # migrated: it writes to standard output only
    log
}
. {
    # migrated: proxy is called forward
    forward . 8.8.8.8 8.8.4.4 {
        policy sequential
        force_tcp
        # migrated: health_check asked by HTTP; forward probes by DNS, every 0.5s
        max_fails 3
    }
    # migrated: proxy with protocol grpc is called grpc
    grpc grpc.example 127.0.0.1:8053
    # migrated: proxy with protocol grpc is called grpc
    grpc db.example 127.0.0.1:8053 {
        policy sequential
        tls ours.pem key.pem ca.pem
    }
    # migrated: proxy is called forward
    forward example.com /etc/resolv.conf
    auto {
        # migrated: the fourth word of directory is reload now
        directory /zones (.*) {1}
        reload 30s
    }
    # migrated: federation is gone from CoreDNS, and nothing replaced it
    cache 30
}
"""


def test_migrate():
    with harness.Workspace() as space:
        path = space.write("old", OLD)
        done = subprocess.run([harness.need_ours(), "-migrate", path], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stdout == NEW, done.stdout
        again = space.write("new", NEW)
        done = subprocess.run([harness.need_ours(), "-migrate", again], capture_output=True, text=True, timeout=60)
        assert done.stdout == NEW, "what is new stays as it is"
        done = subprocess.run([harness.need_ours(), "-migrate", "/nowhere"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and "/nowhere" in done.stderr
