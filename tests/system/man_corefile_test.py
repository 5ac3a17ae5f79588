"""Every Corefile in the man pages is read by `bailiwickd -check`, with zone files made for it; and the pages
themselves are well formed. A literal block is a Corefile when a comment before it says so
(.\\" corefile: NAME) or when one of its lines ends in an opening brace."""

import glob
import os
import re
import shutil
import subprocess

import harness

MAN = os.path.join(harness.ROOT, "man")
ZONE = "@ 3600 IN SOA ns.invalid. hostmaster.invalid. 1 7200 3600 1209600 3600\n@ 3600 IN NS ns.invalid.\n"
SOURCE = re.compile(r"^\.\\\" source: (\S+)\.c\n\.Bd -literal.*\n((?:(?!\.Ed).*\n)*)", re.M)
MARK = re.compile(r"^\.\\\" corefile: (\S+)$")
ESCAPES = {r"\e": "\\", r"\&": "", r"\(dq": '"', r"\-": "-"}


def pages():
    return sorted(glob.glob(os.path.join(MAN, "*.[578]")))


def plain(line):
    """A line of roff as it is printed."""
    return re.sub(r"\\(e|&|-|\(dq)", lambda match: ESCAPES[match[0]], line)


def corefiles(path):
    """(name, text) of each Corefile in the page."""
    name, block, number = None, None, 0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            mark = MARK.match(line)
            if mark:
                name = mark[1]
            elif line.startswith(".Bd -literal"):
                block = []
            elif line.startswith(".Ed") and block is not None:
                number += 1
                text = "".join(block)
                if name or "dnssec-policy" not in path and re.search(r"^[^$\n].* \{$", text, re.M) and not text.startswith("#include"):
                    yield name or f"block-{number}", text
                name, block = None, None
            elif block is not None and not line.startswith("."):
                block.append(plain(line))


def zone_files(directory, text):
    """Writes a small zone, good for any origin, for each file that a plugin of the Corefile reads."""
    for root in re.findall(r"^\s*root (\S+)", text, re.M) or ["."]:
        for path in re.findall(r"^\s*(?:file|partial) (\S+)", text, re.M):
            full = os.path.normpath(os.path.join(directory, root.lstrip("/"), path.lstrip("/")))
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="ascii") as file:
                file.write(ZONE)


def certificates(directory, text):
    """A certificate and a key for each `tls CERT KEY`, and for the authority behind it."""
    for cert, key, authority in re.findall(r"^\s*tls (\S+\.pem) (\S+\.pem)(?: (\S+\.pem))?", text, re.M):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        key, "-out", cert, "-days", "2", "-subj", "/CN=ns.example.org"], cwd=directory, check=True,
                       capture_output=True, timeout=30)
        if authority:
            shutil.copy(os.path.join(directory, cert), os.path.join(directory, authority))


def keys(directory, text):
    """A key under each name that is given behind `key file`, and the directories behind `keys`."""
    for name in re.findall(r"^\s*keys (\S+)$", text, re.M):
        os.makedirs(os.path.join(directory, name), exist_ok=True)
    for name in re.findall(r"^\s*key file (K\S+)", text, re.M):
        made = os.path.join(directory, "made")
        os.makedirs(made, exist_ok=True)
        zone = name[1:].split("+")[0]
        done = subprocess.run([harness.need_ours("signer"), "keygen", "-q", "-K", made, zone], check=True, capture_output=True,
                              text=True, timeout=30)
        for end in (".key", ".private"):
            shutil.move(os.path.join(made, done.stdout.strip() + end), os.path.join(directory, name + end))


def inside(text, directory):
    """The Corefile with its absolute paths moved below DIRECTORY."""
    return re.sub(r"^(\s*(?:root|file|partial) )/", lambda match: match[1] + directory + "/", text, flags=re.M)


def plugins(directory, page):
    """Compiles the plugins whose source is in the page, as the page says."""
    with open(page, encoding="utf-8") as file:
        for name, source in SOURCE.findall(file.read()):
            with open(os.path.join(directory, name + ".c"), "w", encoding="utf-8") as out:
                out.write("".join(plain(line) for line in source.splitlines(True)))
            subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-D_GNU_SOURCE", "-DPLUGIN_LOADABLE",
                            "-I", harness.ROOT, "-o", name + ".so", name + ".c"], cwd=directory, check=True)


def check(space, page, name, text):
    directory = os.path.join(space.path, f"{os.path.basename(page)}-{name}")
    os.makedirs(directory)
    plugins(directory, page)
    zone_files(directory, text)
    certificates(directory, text)
    keys(directory, text)
    with open(os.path.join(directory, "Corefile"), "w", encoding="utf-8") as file:
        file.write(inside(text, directory))
    done = subprocess.run([harness.need_ours(), "-check"], cwd=directory, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise harness.Failure(f"{name}: exit {done.returncode}\n{text}\n{done.stdout}{done.stderr}")


def test_examples():
    count = 0
    with harness.Workspace() as space:
        for path in pages():
            for name, text in corefiles(path):
                check(space, path, name, text)
                count += 1
    assert count >= 6, count


def test_pages_are_well_formed():
    groff = shutil.which("groff")
    if groff is None:
        raise harness.Skip("groff is not installed")
    for path in pages():
        done = subprocess.run([groff, "-mandoc", "-ww", "-Tutf8", path], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and not done.stderr, f"{path}: {done.stderr}"


def test_cross_references():
    """What a page points at in sections 5, 7 and 8 is there, when it is ours."""
    ours = {os.path.basename(path) for path in pages()}
    plugins = any(name.endswith(".7") for name in ours)
    for path in pages():
        with open(path, encoding="utf-8") as page:
            for name, section in re.findall(r"^\.Xr (\S+) (\d)", page.read(), re.M):
                if re.match(r"bailiwick|corefile|zonetool", name) and (plugins or section != "7"):
                    assert f"{name}.{section}" in ours, f"{path} points at {name}({section})"


def test_flags_are_told():
    """Every flag of the help text is in the man page."""
    for program in ("bailiwickd", "bailiwickctl"):
        done = subprocess.run([harness.need_ours(program), "-help"], capture_output=True, text=True, timeout=60)
        with open(os.path.join(MAN, program + ".8"), encoding="utf-8") as page:
            text = page.read()
        flags = re.findall(r"(?:^  |, )-([a-z.]+)", done.stdout, re.M)
        assert len(flags) >= 5, done.stdout
        for flag in flags:
            assert re.search(rf"\b(Fl|\|) ?(?:[a-z. |]*[ |])?{re.escape(flag)}\b", text), f"{program}: -{flag}"


def test_plugin_pages():
    """Each plugin built in has a page, and the page tells every option that its rows have."""
    names = re.findall(r"^  dns\.(\S+)$", subprocess.run([harness.need_ours(), "-plugins"], capture_output=True, text=True,
                                                        timeout=60).stdout, re.M)
    assert len(names) >= 10, names
    for name in names:
        with open(os.path.join(MAN, f"bailiwick-{name}.7"), encoding="utf-8") as page:
            text = page.read()
        done = subprocess.run([harness.need_ours(), "-options", name, "-mdoc"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        for word in re.findall(r"^\.It Ic (\S+)", done.stdout, re.M):
            assert re.search(rf"^\.(It|Cm|Op) .*\b{re.escape(word)}\b", text, re.M), f"bailiwick-{name}.7 does not tell {word}"
