"""make install: a third party builds on the installed library, with nothing but pkg-config."""

import os
import re
import subprocess

import harness

PROGRAM = r"""
#include <stdio.h>

#include "zone/base/version.h"
#include "zone/store/load.h"

int main(int argc, char **argv)
{
    struct load_options options = {0};
    struct load_result result = {0};
    struct image *image = NULL;
    enum err err = load_image(argv[argc - 1], &options, &result, &image);
    printf("%s %s %lu\n", BAILIWICK_VERSION, err_text(err), (unsigned long)result.records);
    if (err == ERR_OK)
        image_release(image);
    return 0;
}
"""


def make(*arguments):
    # The release build is what is installed, whatever build the tests are for.
    environment = {key: value for key, value in os.environ.items() if key not in ("BUILD", "MAKEFLAGS", "MFLAGS")}
    subprocess.run(["make", *arguments], cwd=harness.ROOT, check=True, capture_output=True, env=environment)


def build(space, prefix, name, words):
    """Compiles PROGRAM with what pkg-config says; WORDS are more words for the compiler."""
    environment = dict(os.environ, PKG_CONFIG_PATH=os.path.join(prefix, "lib", "pkgconfig"))
    asked = ["pkg-config", "--cflags", "--libs"] + (["--static"] if "-static" in words else [])
    flags = subprocess.run(asked + ["bailiwick-zone"], env=environment, check=True, capture_output=True, text=True)
    out = os.path.join(space.path, name)
    flags = flags.stdout.split()
    if "-static" in words:  # our library statically, the system's as they are
        flags = [":libzone.a".join(["-l", ""]) if flag == "-lzone" else flag for flag in flags]
    done = subprocess.run(["gcc", "-Wall", "-Werror", space.write("user.c", PROGRAM), "-o", out, *flags],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def test_install_and_build_on_it():
    harness.need_ours("zonetool")
    with harness.Workspace() as space:
        prefix = os.path.join(space.path, "usr")
        make("install", f"PREFIX={prefix}")
        for path in ("bin/zonetool", "sbin/bailiwickd", "bin/bailiwickctl", "lib/libzone.a", "lib/libzone.so",
                     "lib/pkgconfig/bailiwick-zone.pc", "include/bailiwick/zone/store/find.h",
                     "include/bailiwick/plugins/plugin.h", "share/man/man8/zonetool.8",
                     "lib/systemd/system/bailiwickd.service"):
            assert os.path.exists(os.path.join(prefix, path)), path
        zone = os.path.join(harness.ROOT, "examples", "zones", "db.example.org")
        for name, words, environment in (("shared", [], {"LD_LIBRARY_PATH": os.path.join(prefix, "lib")}),
                                         ("static", ["-static"], {})):
            program = build(space, prefix, name, words)
            out = subprocess.run([program, zone], env=dict(os.environ, **environment), capture_output=True, text=True)
            assert re.match(r"\d+\.\d+\.\d+ no error \d+\n", out.stdout), f"{name}: {out.stdout}{out.stderr}"


def test_destdir():
    harness.need_ours("zonetool")
    with harness.Workspace() as space:
        make("install", f"DESTDIR={space.path}", "PREFIX=/opt/bailiwick")
        with open(os.path.join(space.path, "opt/bailiwick/lib/pkgconfig/bailiwick-zone.pc"), encoding="utf-8") as file:
            assert "prefix=/opt/bailiwick\n" in file.read()
        with open(os.path.join(space.path, "opt/bailiwick/lib/systemd/system/bailiwickd.service"),
                  encoding="utf-8") as file:
            assert "ExecStart=/opt/bailiwick/sbin/bailiwickd " in file.read()
