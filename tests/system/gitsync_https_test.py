"""gitsync over https, from nginx with certificates of a CA of its own: who is trusted and who is not, passwords, a
redirect, a proxy; and what it says when something is not right."""

import base64
import datetime
import http.server
import ipaddress
import os
import select
import socket
import subprocess
import threading
import time

import gitsync_kit
import gitsync_run_test
import harness
from gitsync_kit import check

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
except ImportError:
    x509 = None

PASSWORD = "swordfish"


class Authority:
    """A CA, and what it signs."""

    def __init__(self, space, name):
        if x509 is None:
            raise harness.Skip("python3-cryptography is not installed")
        self.space = space
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.path = self.write(f"{name}.pem", self.certificate(self.name, self.key, -1, 100, None).public_bytes(
            serialization.Encoding.PEM))

    def write(self, name, octets):
        return self.space.write(name, octets.decode())

    def certificate(self, subject, key, first_day, last_day, names):
        today = datetime.datetime.utcnow().replace(microsecond=0)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(today + datetime.timedelta(first_day))
                   .not_valid_after(today + datetime.timedelta(last_day))
                   .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True))
        if names is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name, host="localhost", first_day=-1, last_day=30):
        """The paths of a certificate for HOST and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(host)] + ([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))] if host == "localhost" else [])
        made = self.certificate(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)]), key, first_day, last_day, names)
        return (self.write(f"{name}.crt", made.public_bytes(serialization.Encoding.PEM)),
                self.write(f"{name}.key", key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                            serialization.NoEncryption())))


class Nginx:
    """Ends TLS with one certificate on each port; behind it git http-backend, which wants a password."""

    def __init__(self, space, certificates):
        self.program = gitsync_kit.need("nginx")
        self.ports = {name: harness.free_port() for name in certificates}
        gitsync_run_test.GitHttp.root = space.path
        self.backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), gitsync_run_test.GitHttp)
        threading.Thread(target=self.backend.serve_forever, daemon=True).start()
        directory = space.directory("nginx")
        servers = "".join(f"""
    server {{
        listen 127.0.0.1:{self.ports[name]} ssl;
        ssl_certificate {crt};
        ssl_certificate_key {key};
        location / {{ proxy_pass http://127.0.0.1:{self.backend.server_port}; }}
        location /moved/ {{ rewrite ^/moved/(.*)$ /$1 redirect; }}
    }}""" for name, (crt, key) in certificates.items())
        config = space.write("nginx/conf", f"""
daemon off;
pid {directory}/pid;
error_log {directory}/log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_max_body_size 0;
    {" ".join(f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))}
    {servers}
}}
""")
        self.process = subprocess.Popen([self.program, "-p", directory, "-c", config, "-e", f"{directory}/log"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.log_path = f"{directory}/log"

    def __enter__(self):
        for port in self.ports.values():
            gitsync_kit.await_port(port, self.process, self.log_path)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.backend.shutdown()

    def url(self, name, path="/work", host="localhost"):
        return f"https://{host}:{self.ports[name]}{path}"


class Proxy(threading.Thread):
    """CONNECT for one connection at a time; notes whom it was asked for."""

    def __init__(self, want=None):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.asked = []
        self.want = want
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client:
                self.connect(client)

    def connect(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(4096)
            if not piece:
                return
            head += piece
        line = head.split(b"\r\n")[0].decode()
        self.asked.append(line)
        if self.want is not None and f"Proxy-Authorization: Basic {self.want}".encode() not in head:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n"
                           b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            return
        host, _, port = line.split()[1].partition(":")
        with socket.create_connection((host, int(port))) as server:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    (server if ready is client else client).sendall(data)

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.join()


class Place:
    def __init__(self, space):
        self.site = gitsync_kit.Site(space)
        self.site.zone("example.org.", 1)
        self.first = self.site.commit("first")
        self.authority = Authority(space, "ours")
        stranger = Authority(space, "stranger")
        self.nginx = Nginx(space, {
            "good": self.authority.issue("good"),
            "expired": self.authority.issue("expired", first_day=-30, last_day=-1),
            "early": self.authority.issue("early", first_day=2),
            "other": self.authority.issue("other", host="git.example.net"),
            "stranger": stranger.issue("stranger")})
        self.password = space.write("password", PASSWORD + "\n")

    def once(self, url, *options, expect=0, password=True, environment=None):
        words = ["--ca-file", self.authority.path, *options]
        if password:
            words += ["--username", "bot", "--password-file", password if isinstance(password, str) else self.password]
        return self.site.gitsync("once", *words, repo=url, expect=expect, environment=environment)


def test_certificates():
    with harness.Workspace() as space:
        place = Place(space)
        with place.nginx as nginx:
            for name, word in (("expired", "expired"), ("early", "not valid yet"), ("other", "another name"),
                               ("stranger", "authority")):
                done = place.once(nginx.url(name), expect=2)
                check("cannot prove who it is" in done.text and word in done.text, f"{name}: {done.text}")
            done = place.site.gitsync("once", repo=nginx.url("good"), expect=2)  # the system does not know the authority
            check("--ca-file" in done.text, done.text)
            done = place.once(nginx.url("good"), "--ca-file", os.path.join(space.path, "none"), expect=2)
            check("cannot read the certificates" in done.text, done.text)
            done = place.once(nginx.url("good", host="127.0.0.1"), expect=2)
            check("use a name in --repo" in done.text, done.text)
            check(not os.path.exists(os.path.join(place.site.dest, "current")), "something was published")
            place.once(nginx.url("good"))
            check(place.site.current() == place.first, "not published")


def test_passwords_and_redirects():
    with harness.Workspace() as space:
        place = Place(space)
        with place.nginx as nginx:
            wrong = space.write("wrong", "trout\n")
            done = place.once(nginx.url("good"), password=wrong, expect=2)
            check("does not let us in" in done.text and "--password-file" in done.text and "trout" not in done.text, done.text)
            done = place.once(nginx.url("good"), password=False, expect=2)
            check("wants a password or token" in done.text, done.text)
            done = place.once(nginx.url("good"), password=os.path.join(space.path, "none"), expect=2)
            check("cannot read" in done.text, done.text)
            done = place.once(nginx.url("good", "/nowhere"), expect=2)
            check("404" in done.text and "check the path" in done.text, done.text)
            place.once(nginx.url("good", "/moved/work"))
            check(place.site.current() == place.first, "not published")
            # the token is exchanged while nobody is told
            place.site.zone("example.org.", 2)
            second = place.site.commit("second")
            os.rename(wrong, place.password)
            place.once(nginx.url("good"), expect=2)
            place.password = space.write("password", PASSWORD + "\n")
            place.once(nginx.url("good"))
            check(place.site.current() == second, "not published")


def test_proxies():
    with harness.Workspace() as space:
        place = Place(space)
        proxy, strict = Proxy(), Proxy(base64.b64encode(b"joe:secret").decode())
        try:
            with place.nginx as nginx:
                place.once(nginx.url("good"), "--proxy", f"http://127.0.0.1:{proxy.port}")
                check(proxy.asked and proxy.asked[0].startswith(f"CONNECT localhost:{nginx.ports['good']} "), str(proxy.asked))
                asked = len(proxy.asked)
                place.once(nginx.url("good"), environment={"https_proxy": f"http://127.0.0.1:{proxy.port}"})
                check(len(proxy.asked) > asked, "the environment's proxy was not asked")
                done = place.once(nginx.url("stranger"), "--proxy", f"http://127.0.0.1:{proxy.port}", expect=2)
                check("cannot prove who it is" in done.text, done.text)
                place.once(nginx.url("good"), "--proxy", f"http://joe:secret@127.0.0.1:{strict.port}")
                done = place.once(nginx.url("good"), "--proxy", f"http://joe:wrong@127.0.0.1:{strict.port}", expect=2)
                check("proxy" in done.text and "wrong" not in done.text, done.text)
                done = place.once(nginx.url("good"), "--proxy", f"http://127.0.0.1:{harness.free_port()}", expect=2)
                check("reachable from here" in done.text, done.text)
        finally:
            proxy.stop()
            strict.stop()
