"""The sign plugin's keys: sealed, in a PKCS#11 token, in a safe, another signer's; and clocks that are wrong."""

import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import server
from sign_test import (ask, await_that, checked, control, keygen, reload, serial, serve, signed, signer, transferred,
                       write_zone)

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
time_t time(time_t *out)
{
    struct timespec now;
    long by = 0;
    FILE *file = fopen(getenv("CLOCK_BY"), "r");
    if (file != NULL) {
        if (fscanf(file, "%ld", &by) != 1)
            by = 0;
        fclose(file);
    }
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec + by;
    return now.tv_sec + by;
}
"""


def secret(space, name="secret"):
    path = space.write(name, "correct horse battery staple\n")
    os.chmod(path, 0o600)
    return path


def reason(daemon):
    return control(daemon, "zone", "example.org").get("why", "")


def tags(daemon, qtype="DNSKEY"):
    return {signature.key_tag for rrset in ask(daemon, "example.org.", qtype).answer if rrset.rdtype == 46
            for signature in rrset}


def test_sealed_keys():
    """A passphrase opens them; without it, or with another, it is told and nothing is served unsigned."""
    with harness.Workspace() as space:
        write_zone(space)
        path = secret(space)
        key = keygen(space, "--passphrase-file", path)
        assert not glob.glob(os.path.join(space.path, "keys", "*.private"))
        daemon = serve(space)
        await_that("a reason", lambda: "is sealed" in reason(daemon) and key in reason(daemon))
        daemon.stop()
        daemon = serve(space, "passphrase_file " + space.write("other", "something else"))
        await_that("a reason", lambda: "not for the secret given" in reason(daemon), 20)
        daemon.stop()
        daemon = serve(space, "passphrase_file " + path)
        await_that("a signed zone", lambda: signed(daemon), 20)
        transferred(daemon, space)


def test_new_keys_are_sealed():
    """By an identity: what a policy makes, only the server can open."""
    with harness.Workspace() as space:
        write_zone(space)
        signer(space, "identity", "identity")
        daemon = serve(space, "policy default\n identity %s/identity" % space.path)
        await_that("a signed zone", lambda: signed(daemon), 20)
        files = os.listdir(os.path.join(space.path, "keys"))
        assert any(name.endswith(".sealed") for name in files) and not any(name.endswith(".private") for name in files), files
        first = tags(daemon)
        daemon.stop()
        daemon = serve(space, "policy default\n identity %s/identity" % space.path)
        await_that("a signed zone", lambda: signed(daemon), 20)
        write_zone(space, 2, "192.0.2.81")
        assert reload(daemon)["ok"]
        assert tags(daemon) == first
        transferred(daemon, space)


def test_keys_in_a_token():
    if not os.path.exists(MODULE) or shutil.which("softhsm2-util") is None:
        raise harness.Skip("softhsm2 is not there")
    with harness.Workspace() as space:
        write_zone(space)
        space.directory("tokens")
        os.environ["SOFTHSM2_CONF"] = space.write("softhsm.conf", f"directories.tokendir = {space.path}/tokens\n")
        try:
            subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "dns", "--pin", "1234", "--so-pin", "5678"],
                           check=True, capture_output=True, timeout=30)
            pin = space.write("pin", "1234\n")
            uri = "pkcs11:token=dns;object=ksk"
            key = keygen(space, "--pkcs11-module", MODULE, "--pkcs11", uri, "--passphrase-file", pin)
            daemon = serve(space, "pkcs11_module " + MODULE)
            await_that("a reason", lambda: "PIN" in reason(daemon))
            daemon.stop()
            daemon = serve(space, "pkcs11_module %s\n passphrase_file %s" % (MODULE, pin))
            await_that("a signed zone", lambda: signed(daemon), 20)
            assert tags(daemon) == {int(key[-5:])}
            write_zone(space, 2, "192.0.2.81")
            assert reload(daemon)["ok"]
            assert checked(daemon)[0] <= 4
            transferred(daemon, space)
            daemon.stop()
        finally:
            del os.environ["SOFTHSM2_CONF"]


def test_the_ksk_is_in_a_safe():
    """What the safe has signed is published when its time has come; the KSK's private part is never here."""
    with harness.Workspace() as space:
        write_zone(space)
        space.write("policy", 'dnssec-policy "p" { keys { ksk lifetime unlimited algorithm ecdsap256sha256;'
                    " zsk lifetime unlimited algorithm ecdsap256sha256; }; };\n")
        ksk = signer(space, "keygen", "-K", space.directory("safe"), "--ksk", "example.org")
        space.directory("keys")
        shutil.copy(os.path.join(space.path, "safe", ksk + ".key"), os.path.join(space.path, "keys"))
        request = signer(space, "request", "-K", "keys", "--policy", "policy", "--until", "now+60d", "example.org")
        space.write("request", request + "\n")
        space.write("response", signer(space, "respond", "-K", "safe", "--policy", "policy", "request") + "\n")
        daemon = serve(space)
        await_that("a reason", lambda: "DNSKEY set" in reason(daemon))
        signer(space, "take", "-K", "keys", "response")
        await_that("a signed zone", lambda: signed(daemon))
        assert tags(daemon) == {int(ksk[-5:])} != tags(daemon, "SOA")
        write_zone(space, 2, "192.0.2.81")
        assert reload(daemon)["ok"]
        assert checked(daemon)[0] <= 4
        transferred(daemon, space)
        with open(os.path.join(space.path, "keys", "example.org.skr"), encoding="ascii") as file:
            text = file.read()
        space.write("keys/example.org.skr", re.sub(r"(RRSIG\s+DNSKEY.*)....$", r"\1AAAA", text, flags=re.M))
        write_zone(space, 3, "192.0.2.82")
        assert not reload(daemon)["ok"]
        assert "example.org.skr" in reason(daemon), reason(daemon)
        assert serial(daemon) == 2


def test_two_signers():
    """RFC 8901, model 2: each server publishes the other's keys, and signs with its own."""
    with harness.Workspace() as space:
        write_zone(space)
        for name in "ab":
            space.directory(name)
            for kind in ("--ksk", "--zsk"):
                signer(space, "keygen", "-K", name, kind, "example.org")
        theirs = {name: glob.glob(os.path.join(space.path, name, "*.key")) for name in "ab"}
        for name, other in (("a", "b"), ("b", "a")):
            for path in theirs[other]:
                shutil.copy(path, os.path.join(space.path, name))
        seen = []
        for name in "ab":
            form = "sign {{\n keys {path}/%s\n state {path}/state.%s\n }}" % (name, name)
            daemon = serve(space, form=form)
            await_that("a signed zone", lambda: signed(daemon))
            transferred(daemon, space)
            seen.append((ask(daemon, "example.org.", "DNSKEY").answer[0], ask(daemon, "example.org.", "CDS").answer[0],
                         tags(daemon), tags(daemon, "SOA")))
            daemon.stop()
        (keys, cds, ksks, zsks), other = seen
        assert keys == other[0] and len(keys) == 4 and cds == other[1]
        assert not ksks & other[2] and not zsks & other[3]


def test_a_clock_that_is_wrong():
    """In 1970, or a year ahead of the time that has passed: nothing is signed, the last good stays."""
    with harness.Workspace() as space:
        write_zone(space)
        keygen(space)
        space.write("clock.c", CLOCK)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", "clock.so", "clock.c"], cwd=space.path, check=True, timeout=30)
        added = {"LD_PRELOAD": space.path + "/clock.so", "CLOCK_BY": space.write("by", "-1700000000"),
                 "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        before = {name: os.environ.get(name) for name in added}
        try:
            os.environ.update(added)
            daemon = serve(space)
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        await_that("a reason", lambda: "the clock is wrong" in reason(daemon))
        assert not signed(daemon)
        space.write("by", "0")
        await_that("a signed zone", lambda: signed(daemon), 20)
        space.write("by", "31536000")
        write_zone(space, 2, "192.0.2.81")
        assert not reload(daemon)["ok"]
        assert "jumped" in reason(daemon), reason(daemon)
        assert serial(daemon) == 1
        space.write("by", "0")
        await_that("the change", lambda: serial(daemon) == 2, 20)
        await_that("no reason any more", lambda: control(daemon, "zone", "example.org").get("current"), 20)
        transferred(daemon, space)
