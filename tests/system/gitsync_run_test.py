"""gitsync as a daemon: polling, SIGHUP, webhooks in and out, metrics, systemd, transport over http."""

import hashlib
import hmac
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import gitsync_kit
import harness
from gitsync_kit import check

DEADLINE_S = 45


def until(condition, what):
    limit = time.monotonic() + DEADLINE_S
    while time.monotonic() < limit:
        if condition():
            return
        time.sleep(0.01)
    raise harness.Failure(f"it did not come in time: {what}")


class Daemon:
    def __init__(self, site, *options):
        self.port = harness.free_port()
        self.log_path = os.path.join(site.space.path, "gitsync.log")
        self.notify_path = os.path.join(site.space.path, "notify")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.notify_path)
        self.notify.settimeout(DEADLINE_S)
        words = [harness.need_ours("gitsync"), "run", "--dest", site.dest, "--repo", site.work, "--listen",
                 f"127.0.0.1:{self.port}", *options]
        if site.server is not None:
            words += ["--control", os.path.join(site.server.directory, "control")]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=dict(site.environment, NOTIFY_SOCKET=self.notify_path))

    def __enter__(self):
        check("READY=1" in self.notify.recv(4096).decode(), "not ready")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise harness.Failure("gitsync run does not end on SIGTERM") from None
        finally:
            self.notify.close()
        check(code == 0, f"gitsync run ended with {code}:\n{self.log()}")

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def get(self, path, data=None, headers=None):
        """Status and text."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def test_polls_and_measures():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1)
        site.commit("first")
        site.gitsync("once")
        site.serve(["example.org."])
        with Daemon(site, "--interval", "1") as daemon:
            check(daemon.get("/healthz")[0] == 200, "not healthy")
            site.zone("example.org.", 2, ("www", "more"))
            second = site.commit("second")
            until(lambda: site.serial("example.org.") == 2, "serial 2")
            until(lambda: f'commit="{second}"' in daemon.get("/metrics")[1], "the commit in the metrics")
            text = daemon.get("/metrics")[1]
            for line in ('gitsync_fine{repository="main",cause="fine"} 1', 'gitsync_deployments_total{repository="main"} 1',
                         'gitsync_zone_serial{repository="main",zone="example.org."} 2', "gitsync_phase_seconds{"):
                check(line in text, f"{line} is missing in:\n{text}")
            status = json.loads(daemon.get("/status")[1])
            check(status[0]["commit"] == second and status[0]["state"] == "confirmed", str(status))
            # a refused commit: unhealthy, told once, and looked at again on SIGHUP only
            site.zone("example.org.", 2, ("other",))
            site.commit("no serial")
            until(lambda: daemon.get("/healthz")[0] == 503, "unhealthy")
            looks = lambda: int([line for line in daemon.get("/metrics")[1].splitlines()
                                 if line.startswith("gitsync_looks_total") and '"fine"' in line][0].split()[-1])
            before = looks()
            until(lambda: looks() >= before + 2, "two more looks")
            check(daemon.log().count("is refused") == 1, daemon.log())
            check(daemon.get("/healthz")[0] == 503, "the refusal is forgotten")
            daemon.process.send_signal(signal.SIGHUP)
            site.zone("example.org.", 3, ("other",))
            site.commit("serial")
            until(lambda: site.serial("example.org.") == 3, "serial 3")
            until(lambda: daemon.get("/healthz")[0] == 200, "healthy again")


def test_webhooks():
    received = []

    class Sink(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    try:
        with harness.Workspace() as space:
            site = gitsync_kit.Site(space)
            secret = space.write("secret", "swordfish\n")
            site.zone("example.org.", 1)
            site.commit("first")
            with Daemon(site, "--interval", "1h", "--branch", "main", "--webhook-secret-file", secret,
                        "--notify", f"http://127.0.0.1:{sink.server_port}/x") as daemon:
                until(lambda: len(received) == 1, "the first deployment is told")
                site.zone("example.org.", 2)
                second = site.commit("second")
                body = json.dumps({"ref": "refs/heads/main", "after": second}).encode()
                mac = hmac.new(b"swordfish", body, hashlib.sha256).hexdigest()
                bad = mac[:-1] + ("0" if mac[-1] != "0" else "1")
                check(daemon.get("/webhook", body)[0] == 403, "unsigned")
                check(daemon.get("/webhook", body, {"X-Hub-Signature-256": "sha256=" + bad})[0] == 403, "forged")
                check(daemon.get("/webhook", body, {"X-Gitlab-Token": "swordfis"})[0] == 403, "wrong token")
                other = body.replace(b"main", b"else")
                sign = lambda text: {"X-Hub-Signature-256": "sha256=" + hmac.new(b"swordfish", text, hashlib.sha256).hexdigest()}
                check(daemon.get("/webhook", other, sign(other)) == (200, "another branch\n"), "another branch")
                check(daemon.get("/webhook", b"x" * (2 << 20), {"X-Gitlab-Token": "swordfish"})[0] in (413,), "too long")
                check(len(received) == 1, "it looked although nobody signed")
                check(daemon.get("/webhook", body, sign(body))[0] == 202, "not taken")
                check(daemon.get("/webhook", body, sign(body)) == (200, "seen before\n"), "replayed")
                until(lambda: len(received) == 2, "the second deployment is told")
                check(received[1]["deployed"] == second and received[1]["outcome"] == "fine", str(received[1]))
                site.zone("example.org.", 3)
                site.commit("third")
                check(daemon.get("/webhook", body, {"X-Gitlab-Token": "swordfish"})[0] == 202, "GitLab")
                until(lambda: len(received) == 3, "the third deployment is told")
                check(daemon.get("/nothing")[0] == 404, "a page that is not there")
    finally:
        sink.shutdown()


def test_one_repository_does_not_wait_for_another():
    """A remote that says nothing, and one whose process is killed, hold up nobody else."""
    with harness.Workspace() as space, socket.socket() as silent:
        site = gitsync_kit.Site(space)
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        site.zone("example.org.", 1)
        site.commit("first")
        site.git("checkout", "-q", "-b", "other")
        site.zone("example.net.", 1)
        site.commit("other")
        config = space.write("gitsync.conf", f"""dest = {site.dest}
interval = 1s
fetch-timeout = 25s
[silent]
repo = http://127.0.0.1:{silent.getsockname()[1]}/x.git
[one]
repo = {site.work}
branch = main
[two]
repo = {site.work}
branch = other
""")
        port = harness.free_port()
        log_path = os.path.join(space.path, "log")
        with open(log_path, "ab") as log:
            process = subprocess.Popen([harness.need_ours("gitsync"), "run", "--config", config, "--listen", f"127.0.0.1:{port}"],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=site.environment)

        def text(path):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
                    return reply.read().decode()
            except urllib.error.HTTPError as error:
                return error.read().decode()
            except OSError:
                return ""

        try:
            until(lambda: "one fine" in text("/healthz") and "two fine" in text("/healthz"), "both are deployed")
            check("silent starting" in text("/healthz"), text("/healthz"))
            children = [int(pid) for pid in open_text(f"/proc/{process.pid}/task/{process.pid}/children").split()]
            check(len(children) == 3, f"{len(children)} workers")
            os.kill(children[1], signal.SIGKILL)
            until(lambda: "one local: the process that looks at it died" in text("/healthz"), "its death is told")
            check("two fine" in text("/healthz"), text("/healthz"))
            site.git("checkout", "-q", "main")
            site.zone("example.org.", 2)
            tip = site.commit("second")
            until(lambda: f'repository="one",commit="{tip}"' in text("/metrics"), "another has taken its place")
        finally:
            process.send_signal(signal.SIGTERM)  # the silent one is in the middle of its fetch
            code = process.wait(40)
        check(code == 0, f"ended with {code}: {open_text(log_path)}")


def open_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class GitHttp(http.server.BaseHTTPRequestHandler):
    """git http-backend behind a password."""

    root = None

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.headers.get("Authorization") != "Basic Ym90OnN3b3JkZmlzaA==":  # bot:swordfish
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        environment = dict(os.environ, GIT_PROJECT_ROOT=self.root, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path,
                           QUERY_STRING=query, REQUEST_METHOD=self.command, CONTENT_LENGTH=str(length),
                           CONTENT_TYPE=self.headers.get("Content-Type", ""))
        if self.headers.get("Content-Encoding"):
            environment["HTTP_CONTENT_ENCODING"] = self.headers["Content-Encoding"]
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, payload = done.stdout.partition(b"\r\n\r\n")
        status = 200
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        for name, value in lines:
            status = int(value.split()[0]) if name == "Status" else status
        self.send_response(status)
        for name, value in lines:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = serve

    def log_message(self, *_):
        pass


def test_over_http_with_a_password():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        GitHttp.root = space.path
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), GitHttp)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/work"
            site.zone("example.org.", 1)
            first = site.commit("first")
            password = space.write("password", "swordfish\n")
            wrong = space.write("wrong", "trout\n")
            done = site.gitsync("once", "--username", "bot", "--password-file", wrong, repo=url, expect=2)
            check("does not let us in" in done.text and "--password-file" in done.text, done.text)
            done = site.gitsync("once", repo=url, expect=2)
            check("--password-file" in done.text and "swordfish" not in done.text, done.text)
            site.gitsync("once", "--username", "bot", "--password-file", password, repo=url)
            check(site.current() == first, "not published")
            site.zone("example.org.", 2)
            second = site.commit("second")
            site.gitsync("once", "--username", "bot", "--password-file", password, repo=url)
            check(site.current() == second, "the second is not published")
        finally:
            server.shutdown()


def test_remote_that_hangs():
    with harness.Workspace() as space, socket.socket() as silent:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1)
        good = site.commit("first")
        site.gitsync("once")
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        done = site.gitsync("once", "--fetch-timeout", "1", repo=f"http://127.0.0.1:{silent.getsockname()[1]}/x.git", expect=2)
        check("took too long" in done.text and time.monotonic() - started < 10, done.text)
        check(site.current() == good, "the last good is gone")


def test_several_repositories_from_a_file():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        site.zone("example.org.", 1)
        site.commit("first")
        site.git("checkout", "-q", "-b", "other")
        site.zone("example.net.", 1)
        site.commit("other")
        config = space.write("gitsync.conf", f"# two\ndest = {site.dest}\nrepo = {site.work}\nlog = json\n\n"
                             "[one]\nbranch = main\n\n[two]\nbranch = other\nzones = example.net.zone\n")
        done = subprocess.run([harness.need_ours("gitsync"), "once", "--config", config], capture_output=True, text=True,
                              env=site.environment, check=False)
        check(done.returncode == 0, done.stderr)
        events = [json.loads(line) for line in done.stderr.splitlines()]
        check([e["repository"] for e in events if e["event"] == "deployed"] == ["one", "two"], done.stderr)
        check(os.path.exists(os.path.join(site.dest, "two/current/zones/example.net.zone")), "two is not published")
        for text, word in (("nonsense = 1\n", ":1: unknown option"), ("[a]\nkeep = many\n", ":2: \"many\""),
                           ("[a]\n[a]\n", ":2: a second section")):
            bad = space.write("bad.conf", text)
            done = subprocess.run([harness.need_ours("gitsync"), "once", "--config", bad], capture_output=True, text=True, check=False)
            check(done.returncode == 1 and word in done.stderr, done.stderr)
