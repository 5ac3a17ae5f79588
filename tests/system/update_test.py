"""UPDATE (RFC 2136, 3007) from dnspython, nsupdate and knsupdate: prerequisites, what is added and deleted and what is
passed over, policies, transfers of what came of it, kill -9 after acknowledgments, a text that changes meanwhile."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import dns.message
import dns.query
import dns.rcode
import dns.resolver
import dns.tsigkeyring
import dns.update

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server

SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEYS = ("upd.test.", "host1.example.org.", "web.test.")
KEYRING = dns.tsigkeyring.from_text({name: SECRET for name in KEYS})
TEXT = """$TTL 300
@ SOA ns1 hostmaster 10 3600 900 604800 300
@ NS ns1
@ MX 10 mail
ns1 A 127.0.0.1
www A 192.0.2.1
www A 192.0.2.2
alias CNAME www
mail A 192.0.2.3
"""


def corefile(path, rules="allow key upd.test.", options=""):
    secrets = "\n".join(f"    secret {name} {SECRET} hmac-sha256" for name in KEYS)
    return (f"example.org:{{port}} {{\n  tsig {{\n{secrets}\n  }}\n  file {path} {{\n    reload 50ms\n    {options}\n  }}\n"
            f"  transfer {{\n    to *\n  }}\n  update {{\n    {rules}\n  }}\n}}\n")


def serve(space, text=TEXT, **how):
    path = space.write("zone", text)
    return server.start(space, corefile(path, **how), arguments=["-state", space.directory("state")])


def update(key="upd.test."):
    message = dns.update.UpdateMessage("example.org.")
    if key:
        message.use_tsig(KEYRING, dns.name.from_text(key), algorithm=dns.tsig.HMAC_SHA256)
    return message


def send(daemon, message, expected="NOERROR", udp=False):
    how = dns.query.udp if udp else dns.query.tcp
    answer = how(message, "127.0.0.1", port=daemon.port, timeout=10)
    assert dns.rcode.to_text(answer.rcode()) == expected, answer.to_text()
    return answer


def ask(daemon, name, rdtype):
    answer = dns.query.udp(dns.message.make_query(name, rdtype), "127.0.0.1", port=daemon.port, timeout=5)
    return sorted(rdata.to_text() for rrset in answer.answer for rdata in rrset)


def serial(daemon):
    return int(ask(daemon, "example.org.", "SOA")[0].split()[2])


def await_serial(daemon, wanted):
    limit = time.monotonic() + 40
    while serial(daemon) != wanted:
        if time.monotonic() > limit:
            raise harness.Failure(f"serial {wanted} is not served:\n{daemon.tail()}")
        time.sleep(0.01)


def test_prerequisites():
    with harness.Workspace() as space:
        daemon = serve(space)
        cases = [
            (lambda m: m.present("www"), "NOERROR"),
            (lambda m: m.present("nix"), "NXDOMAIN"),
            (lambda m: m.present("www", "A"), "NOERROR"),
            (lambda m: m.present("www", "AAAA"), "NXRRSET"),
            (lambda m: m.present("www", "A", "192.0.2.2", "192.0.2.1"), "NOERROR"),
            (lambda m: m.present("www", "A", "192.0.2.1"), "NXRRSET"),
            (lambda m: m.present("www", "A", "192.0.2.1", "192.0.2.9"), "NXRRSET"),
            (lambda m: m.present("alias", "CNAME", "WWW.example.ORG."), "NOERROR"),
            (lambda m: m.absent("nix"), "NOERROR"),
            (lambda m: m.absent("www"), "YXDOMAIN"),
            (lambda m: m.absent("www", "A"), "YXRRSET"),
            (lambda m: m.absent("www", "AAAA"), "NOERROR"),
            (lambda m: m.present("www.other.test."), "NOTZONE"),
        ]
        for number, (require, expected) in enumerate(cases):
            message = update()
            require(message)
            message.add(f"case{number}", 60, "TXT", "here")
            send(daemon, message, expected, udp=number % 2 == 0)
            assert bool(ask(daemon, f"case{number}.example.org.", "TXT")) == (expected == "NOERROR"), number
        assert serial(daemon) == 10 + sum(expected == "NOERROR" for _, expected in cases)


def test_what_updates_do():
    """RFC 2136 3.4.2, paragraph by paragraph."""
    with harness.Workspace() as space:
        daemon = serve(space)

        def do(change, expected="NOERROR"):
            before = serial(daemon)
            message = update()
            change(message)
            send(daemon, message, expected)
            return serial(daemon) - before

        assert do(lambda m: m.add("new", 60, "A", "192.0.2.9")) == 1
        assert do(lambda m: m.add("new", 60, "A", "192.0.2.9")) == 0  # it is there
        assert do(lambda m: m.add("new", 90, "A", "192.0.2.10")) == 1  # and the whole set has one TTL
        answer = dns.query.udp(dns.message.make_query("new.example.org.", "A"), "127.0.0.1", port=daemon.port, timeout=5)
        assert answer.answer[0].ttl == 90 and len(answer.answer[0]) == 2
        assert do(lambda m: m.add("new", 60, "CNAME", "www")) == 0  # passed over: there is an address
        assert do(lambda m: m.add("alias", 60, "A", "192.0.2.9")) == 0  # and beside a CNAME
        assert do(lambda m: m.add("alias", 60, "CNAME", "mail")) == 1  # another one takes its place
        assert ask(daemon, "alias.example.org.", "CNAME") == ["mail.example.org."]
        assert do(lambda m: m.delete("new", "A", "192.0.2.10")) == 1
        assert do(lambda m: m.delete("new", "A", "192.0.2.11")) == 0
        assert do(lambda m: m.delete("www", "A")) == 1
        assert ask(daemon, "www.example.org.", "A") == []
        assert do(lambda m: m.delete("@")) == 1  # SOA and NS stay
        assert ask(daemon, "example.org.", "NS") == ["ns1.example.org."] and not ask(daemon, "example.org.", "MX")
        assert do(lambda m: m.delete("@", "NS")) == 0
        assert do(lambda m: m.delete("@", "NS", "ns1")) == 0  # the last one
        assert do(lambda m: m.delete("@", "SOA")) == 0
        soa = "ns1 other {} 3600 900 604800 300"
        assert do(lambda m: m.add("@", 300, "SOA", soa.format(5))) == 0
        assert do(lambda m: m.add("@", 300, "SOA", soa.format(100))) > 1
        assert serial(daemon) == 100
        assert do(lambda m: (m.add("gone", 60, "A", "192.0.2.1"), m.delete("gone"))) == 0
        assert do(lambda m: (m.delete("mail"), m.add("mail", 300, "A", "192.0.2.3"))) == 0
        assert do(lambda m: (m.delete("mail"), m.add("mail", 300, "TXT", "x"))) == 1
        assert ask(daemon, "mail.example.org.", "A") == [] and ask(daemon, "mail.example.org.", "TXT") == ['"x"']
        assert do(lambda m: m.add("www.other.test.", 60, "A", "192.0.2.1"), "NOTZONE") == 0
        assert do(lambda m: m.add("x", 60, "NSEC", "y A"), "REFUSED") == 0
        assert do(lambda m: [m.add(f"many{n}", 60, "A", "192.0.2.1") for n in range(1500)]) == 1
        assert ask(daemon, "many1499.example.org.", "A") == ["192.0.2.1"]


def test_malformed_and_not_ours():
    with harness.Workspace() as space:
        daemon = serve(space, rules="allow net *")
        message = update(None)
        message.add("x", 60, "A", "192.0.2.1")
        wire = bytearray(message.to_wire())
        for cut in range(12, len(wire)):  # no octet less is enough, and nothing that is left crashes
            damaged = bytes(wire[:cut])
            with daemon.connect() as connection:
                connection.send(damaged)
                answer = connection.receive()
            assert answer is None or answer[3] & 15 == dns.rcode.FORMERR, cut
        for rdtype in (255, 252):  # ANY of class IN, AXFR
            meta = bytes(wire).replace(b"\x00\x01\x00\x01\x00\x00\x00\x3c", rdtype.to_bytes(2, "big") + b"\x00\x01\x00\x00\x00\x3c")
            with daemon.connect() as connection:
                connection.send(meta)
                assert connection.receive()[3] & 15 == dns.rcode.FORMERR
        message = dns.update.UpdateMessage("sub.example.org.")
        message.add("x", 60, "A", "192.0.2.1")
        send(daemon, message, "NOTAUTH")
        send(daemon, update(None))  # nothing to do
        assert serial(daemon) == 10


def test_policies():
    with harness.Workspace() as space:
        daemon = serve(space, rules="deny name www.example.org type A\n"
                       "    allow key upd.test. subdomain dyn.example.org www.example.org\n"
                       "    allow selfsub type A AAAA TXT\n    allow net 127.0.0.0/8 key web.test. type TXT")
        cases = [("upd.test.", "a.dyn", "A", "192.0.2.1", "NOERROR"), ("upd.test.", "dyn", "MX", "1 a", "NOERROR"),
                 ("upd.test.", "www", "A", "192.0.2.1", "REFUSED"), ("upd.test.", "www", "TXT", "a", "NOERROR"),
                 ("upd.test.", "xdyn", "A", "192.0.2.1", "REFUSED"),
                 ("host1.example.org.", "host1", "A", "192.0.2.1", "NOERROR"),
                 ("host1.example.org.", "a.host1", "TXT", "x", "NOERROR"),
                 ("host1.example.org.", "host1", "MX", "1 a", "REFUSED"),
                 ("host1.example.org.", "host2", "A", "192.0.2.1", "REFUSED"),
                 ("web.test.", "www", "TXT", "b", "NOERROR"), ("web.test.", "www", "AAAA", "2001:db8::1", "REFUSED"),
                 (None, "dyn", "A", "192.0.2.1", "REFUSED")]
        for key, name, rdtype, data, expected in cases:
            message = update(key)
            message.add(name, 60, rdtype, data)
            answer = send(daemon, message, expected)
            assert answer.had_tsig == bool(key)
        message = update("web.test.")  # all of a name: all must be allowed
        message.delete("www")
        send(daemon, message, "REFUSED")
        message = update("host1.example.org.")  # one that is not takes all of the message with it
        message.add("host1", 60, "A", "192.0.2.99")
        message.add("host2", 60, "A", "192.0.2.99")
        send(daemon, message, "REFUSED")
        assert "192.0.2.99" not in ask(daemon, "host1.example.org.", "A")


def test_nsupdate_and_knsupdate():
    with harness.Workspace() as space:
        daemon = serve(space)
        script = (f"server 127.0.0.1 {daemon.port}\nzone example.org\nprereq nxdomain NAME.example.org\n"
                  "update add NAME.example.org 60 A 192.0.2.50\nupdate add NAME.example.org 60 TXT \"by NAME\"\n"
                  "update delete mail.example.org A\nsend\n")
        for tool in ("nsupdate", "knsupdate"):
            path = harness.program(tool)
            if path is None:
                continue
            done = subprocess.run([path, "-y", f"hmac-sha256:upd.test:{SECRET}"], input=script.replace("NAME", tool),
                                  capture_output=True, text=True, timeout=20, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            assert ask(daemon, f"{tool}.example.org.", "A") == ["192.0.2.50"]
            again = subprocess.run([path, "-y", f"hmac-sha256:upd.test:{SECRET}"], input=script.replace("NAME", tool),
                                   capture_output=True, text=True, timeout=20, check=False)
            assert "YXDOMAIN" in again.stdout + again.stderr
        zone = dns.zone.from_xfr(dns.query.xfr("127.0.0.1", "example.org.", port=daemon.port, timeout=10))
        assert zone.get_rdataset("nsupdate", "A") is not None and zone.get_rdataset("mail", "A") is None


def test_kill_loses_nothing_acknowledged():
    """Several clients at once, kill -9 at a random moment, ten times; each acknowledged record is there afterwards."""
    with harness.Workspace() as space:
        path = space.write("zone", TEXT)
        arguments = ["-state", space.directory("state")]
        acknowledged, lock = [], threading.Lock()

        def client(daemon, round_number, number):
            for n in range(1000):
                message = update()
                name = f"r{round_number}c{number}n{n}"
                message.add(name, 60, "A", "192.0.2.1")
                try:
                    answer = dns.query.tcp(message, "127.0.0.1", port=daemon.port, timeout=2)
                except (OSError, EOFError, dns.exception.DNSException):
                    return
                assert answer.rcode() == 0, answer.to_text()
                with lock:
                    acknowledged.append(name)

        for round_number in range(10):
            daemon = server.start(space, corefile(path), arguments=arguments)
            for name in acknowledged:
                assert ask(daemon, f"{name}.example.org.", "A") == ["192.0.2.1"], (round_number, name)
            clients = [threading.Thread(target=client, args=(daemon, round_number, n)) for n in range(4)]
            for thread in clients:
                thread.start()
            time.sleep(random.random() * 0.3)
            daemon.process.send_signal(signal.SIGKILL)
            daemon.process.wait()
            for thread in clients:
                thread.join()
            space.servers.remove(daemon)
        daemon = server.start(space, corefile(path), arguments=arguments)
        zone = dns.zone.from_xfr(dns.query.xfr("127.0.0.1", "example.org.", port=daemon.port, timeout=10))
        assert len(acknowledged) > 10 and all(zone.get_rdataset(name, "A") is not None for name in acknowledged)
        assert serial(daemon) > 10


def test_the_text_changes():
    with harness.Workspace() as space:
        path = space.write("zone", TEXT)
        arguments = ["-state", space.directory("state")]
        daemon = server.start(space, corefile(path), arguments=arguments)
        message = update()
        message.add("new", 60, "A", "192.0.2.9")
        send(daemon, message)
        daemon.reload()  # the text is as it was: nothing is undone
        assert ask(daemon, "new.example.org.", "A") == ["192.0.2.9"]
        space.write("zone", TEXT.replace("192.0.2.3", "192.0.2.33"))  # changed, but not later than the update
        daemon.wait_for_log("is not above that of the zone")
        assert ask(daemon, "new.example.org.", "A") == ["192.0.2.9"]
        space.write("zone", TEXT.replace(" 10 3600", " 20 3600"))
        await_serial(daemon, 20)
        assert ask(daemon, "new.example.org.", "A") == []
        message = update()
        message.add("later", 60, "A", "192.0.2.10")
        send(daemon, message)
        daemon.stop()
        space.servers.remove(daemon)
        daemon = server.start(space, corefile(path), arguments=arguments)
        assert serial(daemon) == 21 and ask(daemon, "later.example.org.", "A") == ["192.0.2.10"]
        space.write("zone", TEXT.replace(" 10 3600", " 30 3600"))
        await_serial(daemon, 30)


def test_no_directory_no_update():
    """A change that cannot be kept is not acknowledged, and not served."""
    with harness.Workspace() as space:
        daemon = serve(space)
        message = update()
        message.add("first", 60, "A", "192.0.2.9")
        send(daemon, message)
        state = os.path.join(space.path, "state")
        shutil.rmtree(state)
        with open(state, "w", encoding="ascii"):
            pass
        message = update()
        message.add("new", 60, "A", "192.0.2.9")
        send(daemon, message, "SERVFAIL")
        assert ask(daemon, "new.example.org.", "A") == [] and serial(daemon) == 11


def test_signed_here():
    """The change is made to the zone before it is signed, and survives kill -9; the signed version follows."""
    with harness.Workspace() as space:
        keys, path = space.directory("keys"), space.write("zone", TEXT)
        subprocess.run([harness.need_ours("signer"), "keygen", "-K", keys, "example.org"], check=True, capture_output=True,
                       timeout=20)
        text = corefile(path).replace("  transfer {", f"  sign {{\n    keys {keys}\n  }}\n  transfer {{")
        arguments = ["-state", space.directory("state")]
        daemon = server.start(space, text, arguments=arguments)
        for number in range(2):
            limit = time.monotonic() + 40
            query = dns.message.make_query("new.example.org.", "A", want_dnssec=True)
            if number == 0:
                message = update()
                message.add("new", 60, "A", "192.0.2.9")
                send(daemon, message)
            while True:
                answer = dns.query.udp(query, "127.0.0.1", port=daemon.port, timeout=5)
                if len(answer.answer) == 2:
                    break
                assert time.monotonic() < limit, answer.to_text()
                time.sleep(0.02)
            if number == 0:
                daemon.process.send_signal(signal.SIGKILL)
                daemon.process.wait()
                space.servers.remove(daemon)
                daemon = server.start(space, text, arguments=arguments)
