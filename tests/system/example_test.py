"""What `make run` starts: the example Corefile and zones, the dig lines it prints, and a clean end."""

import re
import signal
import socket
import subprocess

import harness
import wire

ASKED = [  # name, type, rcode, answers
    ("example.org.", "MX", 0, 1),
    ("25.2.0.192.in-addr.arpa.", "PTR", 0, 1),
    ("anything.pages.example.org.", "A", 0, 2),
    ("www.old.example.org.", "A", 0, 4),
    ("very.deep.example.org.", "A", 0, 0),
    ("nothing.example.org.", "A", 3, 0),
    ("client-7.example.org.", "A", 0, 1),
]


def ask(port, name, qtype):
    message = wire.question(wire.name_from_text(name), wire.type_number(qtype), 4711, 1232, False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(5)
        sock.send(message)
        return wire.Answer(sock.recv(65535))


def start():
    """Starts it and reads what it prints until it serves; returns the process and the port."""
    process = subprocess.Popen(["sh", "examples/run.sh", harness.need_ours()], cwd=harness.ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("Bailiwick-"):
            break
    ports = set(re.findall(r"dig @127\.0\.0\.1 -p (\d+) ", text))
    if len(ports) != 1:
        process.kill()
        raise harness.Failure(text)
    return process, int(ports.pop())


def test_run_serves_the_examples():
    process, port = start()
    try:
        for name, qtype, rcode, count in ASKED:
            answer = ask(port, name, qtype)
            assert (answer.rcode, len(answer.answer)) == (rcode, count), f"{name} {qtype}: {answer}"
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0, f"{process.returncode}: {rest}"


def test_run_takes_another_port():
    first, one = start()
    try:
        second, other = start()
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=20)
    finally:
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=20)
    assert one != other and second.returncode == 0 and first.returncode == 0, (one, other)
