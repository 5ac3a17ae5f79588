"""Who may change what gitsync deploys: signatures made by the real ssh-keygen, gpg and minisign."""

import base64
import hashlib
import os
import re
import subprocess

import gitsync_kit
import harness
from gitsync_kit import check


def run(words, site, **options):
    done = subprocess.run(words, env=site.environment, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise harness.Failure(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def make_key(site, name, kind="ed25519", bits=None):
    path = os.path.join(site.home, f"{name}-{kind}{bits or ''}")
    run([gitsync_kit.need("ssh-keygen"), "-q", "-t", kind, "-N", "", "-C", name, "-f", path] +
        (["-b", str(bits)] if bits else []), site)
    with open(path + ".pub", encoding="utf-8") as file:
        kind_word, base64 = file.read().split()[:2]
    return path, f"{kind_word} {base64}"


def sign_with(site, key):
    site.git("config", "gpg.format", "ssh")
    site.git("config", "user.signingkey", key)


def signers_file(site, *lines):
    path = os.path.join(site.space.path, "signers")
    with open(path, "w", encoding="utf-8") as out:
        out.write("# allowed\n\n" + "\n".join(lines) + "\n")
    return path


def test_ssh_keys_of_each_kind():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        kinds = (("ed25519", None), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("rsa", 2048))
        keys = [make_key(site, f"k{i}", *kind) for i, kind in enumerate(kinds)]
        signers = signers_file(site, *(f"k{i}@example.org,k{i} {public}" for i, (_, public) in enumerate(keys)))
        for i, (path, _) in enumerate(keys):
            sign_with(site, path)
            site.zone("example.org.", i + 1)
            site.commit(f"by key {i}", "-S")
            done = site.gitsync("once", "--signers", signers)
            check(f"signed by k{i}@example.org (ssh key SHA256:" in done.text, done.text)


def test_what_is_not_signed_well():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        good_key, public = make_key(site, "alice")
        bad_key, bad_public = make_key(site, "mallory")
        signers = signers_file(site, f"alice@example.org {public}")
        sign_with(site, good_key)
        site.zone("example.org.", 1)
        good = site.commit("good", "-S")
        site.gitsync("once", "--signers", signers)

        def refused(word, *options, signers_path=signers):
            done = site.gitsync("once", "--signers", signers_path, *options, expect=3)
            check(word in done.text and "hint:" in done.text and "Alice" in done.text, done.text)
            check(site.current() == good, "it was published")
            check(site.status()["refused_cause"] == "signature", str(site.status()))

        site.zone("example.org.", 2)
        site.commit("unsigned")
        refused("it is not signed")
        sign_with(site, bad_key)
        site.commit("by mallory", "-S")
        refused("is not among the allowed signers")
        # content changed under a good signature
        sign_with(site, good_key)
        signed = site.commit("signed", "-S")
        raw = subprocess.run(["git", "cat-file", "commit", signed], cwd=site.work, env=site.environment,
                             capture_output=True, check=True).stdout
        forged = subprocess.run(["git", "hash-object", "-t", "commit", "-w", "--stdin"], cwd=site.work,
                                input=raw.replace(b"\n\nsigned", b"\n\nforged"), env=site.environment,
                                capture_output=True, check=True).stdout.decode().strip()
        site.git("reset", "-q", "--hard", forged)
        refused("not by this key over this content")
        # a good key at the wrong time, or for another purpose
        site.git("reset", "-q", "--hard", signed)
        for options, word in (('valid-before="20200101"', "not valid any more"),
                              ('valid-after="20990101"', "not valid yet"), ('namespaces="file"', "namespaces")):
            refused(word, signers_path=signers_file(site, f"alice@example.org {options} {public}"))
        # a signature of the right key for another namespace
        payload = re.sub(rb"gpgsig .*?-----END SSH SIGNATURE-----\n", b"", raw, flags=re.S)
        signature = subprocess.run(["ssh-keygen", "-Y", "sign", "-n", "file", "-f", good_key], input=payload,
                                   env=site.environment, capture_output=True, check=True).stdout
        head, body = payload.split(b"\n\n", 1)
        wrong = head + b"\ngpgsig " + signature.strip().replace(b"\n", b"\n ") + b"\n\n" + body
        forged = subprocess.run(["git", "hash-object", "-t", "commit", "-w", "--stdin"], cwd=site.work, input=wrong,
                                env=site.environment, capture_output=True, check=True).stdout.decode().strip()
        site.git("reset", "-q", "--hard", forged)
        refused("another purpose", signers_path=signers_file(site, f"alice@example.org {public}"))
        # a file of signers that is wrong is no file of no signers
        done = site.gitsync("once", "--signers", signers_file(site, "alice@example.org ssh-ed25519 AAAA!"), expect=1)
        check("line 3" in done.text, done.text)
        site.gitsync("once", "--signers", "/nonexistent/signers", expect=8)
        del bad_public


def test_approvals_by_tags_and_trailers():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        alice, alice_public = make_key(site, "alice")
        bob, bob_public = make_key(site, "bob")
        signers = signers_file(site, f"alice@example.org {alice_public}", f"bob@example.org {bob_public}")
        options = ("--signers", signers, "--approvals", "1")
        sign_with(site, alice)
        site.zone("example.org.", 1)
        first = site.commit("one", "-S")
        check("0 of 1 approvals" in site.gitsync("once", *options, expect=3).text, "not refused")
        site.git("tag", "-s", "-m", "me again", "again")
        site.gitsync("once", *options, expect=3)
        sign_with(site, bob)
        site.git("tag", "-s", "-m", "approved", "approve-1")
        done = site.gitsync("once", *options)
        check("signed by alice@example.org" in done.text and "approved by bob@example.org" in done.text, done.text)
        check(site.current() == first, "not published")
        # the approval of one commit is none of another
        sign_with(site, alice)
        site.zone("example.org.", 2)
        site.commit("two", "-S")
        site.gitsync("once", *options, expect=3)
        site.commit("three\n\nApproved-by: Bob <bob@example.org>", "-S")
        site.gitsync("once", *options, expect=3)
        site.gitsync("once", *options, "--trust-trailers")


def test_protected_subtrees():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        alice, alice_public = make_key(site, "alice")
        bob, bob_public = make_key(site, "bob")
        signers = signers_file(site, f"alice {alice_public}", f"bob {bob_public}")
        options = ("--signers", signers, "--protect", "zones/corp alice", "--zones", "*zone")
        sign_with(site, alice)
        site.put("zones/corp/c.example.zone", gitsync_kit.zone_text("c.example.", 1))
        site.put("zones/d.example.zone", gitsync_kit.zone_text("d.example.", 1))
        site.commit("first", "-S")
        site.gitsync("once", *options)
        # alice changes her own, bob comes after her with something else: fine
        site.put("zones/corp/c.example.zone", gitsync_kit.zone_text("c.example.", 2))
        site.commit("corp by alice", "-S")
        sign_with(site, bob)
        site.put("zones/d.example.zone", gitsync_kit.zone_text("d.example.", 2))
        good = site.commit("other by bob", "-S")
        site.gitsync("once", *options)
        # bob changes hers: not, also behind a commit of hers
        site.put("zones/corp/c.example.zone", gitsync_kit.zone_text("c.example.", 3))
        bad = site.commit("corp by bob", "-S")
        done = site.gitsync("once", *options, expect=3)
        check("zones/corp, which is protected" in done.text and "signed by bob" in done.text, done.text)
        check(site.current() == good, "it was published")
        # she approves that very commit
        sign_with(site, alice)
        site.git("tag", "-s", "-m", "fine", "fine", bad)
        site.gitsync("once", *options)
        # bob merges her branch: nothing of his
        site.git("checkout", "-q", "-b", "side")
        site.put("zones/corp/c.example.zone", gitsync_kit.zone_text("c.example.", 4))
        site.commit("corp by alice, on a branch", "-S")
        site.git("checkout", "-q", "main")
        sign_with(site, bob)
        site.put("zones/d.example.zone", gitsync_kit.zone_text("d.example.", 3))
        site.commit("other by bob", "-S")
        site.git("merge", "-q", "-S", "--no-ff", "-m", "merge", "side")
        site.gitsync("once", *options)
        # a merge that slips in a change
        site.git("checkout", "-q", "-b", "evil")
        site.put("zones/d.example.zone", gitsync_kit.zone_text("d.example.", 4))
        site.commit("other", "-S")
        site.git("checkout", "-q", "main")
        site.git("merge", "-q", "--no-ff", "--no-commit", "evil")
        site.put("zones/corp/c.example.zone", gitsync_kit.zone_text("c.example.", 9))
        site.commit("merge", "-S")
        site.gitsync("once", *options, expect=3)


def test_a_tag_that_is_followed():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        alice, public = make_key(site, "alice")
        options = ("--signers", signers_file(site, f"alice {public}"), "--tag", "release")
        sign_with(site, alice)
        site.zone("example.org.", 1)
        first = site.commit("one")
        site.git("tag", "-s", "-m", "r", "release")
        check("signed by alice" in site.gitsync("once", *options).text, "not signed by its tag")
        check(site.current() == first, "not published")
        # another signed tag, moved to the name that is followed
        site.zone("example.org.", 2)
        site.commit("two")
        site.git("tag", "-s", "-m", "t", "testing")  # which is a signature of the commit, but not of "release"
        site.git("update-ref", "refs/tags/release", "refs/tags/testing")
        done = site.gitsync("once", *options, expect=3)
        check("the tag that is followed is not signed itself" in done.text, done.text)
        site.git("tag", "-f", "-s", "-m", "r", "release")
        site.gitsync("once", *options)


def test_openpgp():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        gpg = gitsync_kit.need("gpg")
        gitsync_kit.need("gpgv")
        os.chmod(site.home, 0o700)
        for name in ("carol", "dave"):
            run([gpg, "--batch", "-q", "--passphrase", "", "--quick-gen-key", f"{name}@example.org", "ed25519", "sign"], site)
        keyring = os.path.join(space.path, "keyring.gpg")
        run([gpg, "--batch", "--output", keyring, "--export", "carol@example.org"], site)
        prints = re.findall(r"^fpr:+([0-9A-F]{40}):", run([gpg, "--with-colons", "-k", "carol@example.org"], site), re.M)
        site.git("config", "gpg.format", "openpgp")
        try:
            site.git("config", "user.signingkey", "carol@example.org")
            site.zone("example.org.", 1)
            first = site.commit("by carol", "-S")
            done = site.gitsync("once", "--keyring", keyring)
            check("signed by carol@example.org (OpenPGP key " in done.text, done.text)
            site.git("config", "user.signingkey", "dave@example.org")
            site.zone("example.org.", 2)
            site.commit("by dave", "-S")
            done = site.gitsync("once", "--keyring", keyring, expect=3)
            check("is not in the keyring" in done.text and site.current() == first, done.text)
            run([gpg, "--batch", "--yes", "--output", keyring, "--export"], site)
            signers = signers_file(site, f"carol openpgp {prints[0]}")
            done = site.gitsync("once", "--keyring", keyring, "--signers", signers, expect=3)
            check("not among the allowed signers" in done.text, done.text)
            site.git("config", "user.signingkey", "carol@example.org")
            site.commit("by carol", "-S")
            check("signed by carol (" in site.gitsync("once", "--keyring", keyring, "--signers", signers).text, "carol is refused")
        finally:
            subprocess.run(["gpgconf", "--kill", "all"], env=site.environment, check=False)


def test_minisign():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        minisign = gitsync_kit.need("minisign")
        secret, public = os.path.join(space.path, "m.key"), os.path.join(space.path, "m.pub")
        run([minisign, "-G", "-W", "-s", secret, "-p", public], site)
        with open(public, encoding="utf-8") as file:
            signers = signers_file(site, "erin minisign " + file.read().split("\n")[1])
        site.zone("example.org.", 1)
        first = site.commit("one")
        done = site.gitsync("once", "--signers", signers, expect=3)
        check("it is not signed" in done.text, done.text)
        id_file = os.path.join(space.path, "id")
        with open(id_file, "w", encoding="utf-8") as out:
            out.write(first + "\n")
        run([minisign, "-S", "-s", secret, "-m", id_file], site)
        site.git("tag", "-a", "--cleanup=verbatim", "-F", id_file + ".minisig", "deploy-1")
        done = site.gitsync("once", "--signers", signers)
        check("signed by erin (minisign key " in done.text, done.text)
        site.zone("example.org.", 2)
        site.commit("two")
        site.git("tag", "-a", "--cleanup=verbatim", "-F", id_file + ".minisig", "deploy-2")
        site.gitsync("once", "--signers", signers, expect=3)


def string(octets):
    return len(octets).to_bytes(4, "big") + octets


def mpint(number):
    octets = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return string(octets)


class Token:
    """What a FIDO token does with ssh keys (PROTOCOL.u2f of OpenSSH), in software."""

    def __init__(self, kind):
        try:
            from cryptography.hazmat.primitives import hashes, serialization
            from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
        except ImportError:
            raise harness.Skip("python3-cryptography is not installed") from None
        self.application = b"ssh:"
        if kind == "ed25519":
            self.type, key = b"sk-ssh-ed25519@openssh.com", ed25519.Ed25519PrivateKey.generate()
            point = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            self.public = string(self.type) + string(point) + string(self.application)
            self.raw = key.sign
        else:
            self.type, key = b"sk-ecdsa-sha2-nistp256@openssh.com", ec.generate_private_key(ec.SECP256R1())
            point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
            self.public = string(self.type) + string(b"nistp256") + string(point) + string(self.application)
            self.raw = lambda data: b"".join(map(mpint, utils.decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))))

    def line(self):
        return f"{self.type.decode()} {base64.b64encode(self.public).decode()}"

    def sign(self, payload, flags=1, counter=7):
        """SSHSIG over PAYLOAD, armored. FLAGS 1: somebody has touched the token."""
        tail = bytes([flags]) + counter.to_bytes(4, "big")
        head = string(b"git") + string(b"") + string(b"sha512")
        message = b"SSHSIG" + head + string(hashlib.sha512(payload).digest())
        signature = self.raw(hashlib.sha256(self.application).digest() + tail + hashlib.sha256(message).digest())
        blob = b"SSHSIG" + (1).to_bytes(4, "big") + string(self.public) + head + string(string(self.type) + string(signature) + tail)
        text = base64.b64encode(blob).decode()
        lines = [text[i:i + 70] for i in range(0, len(text), 70)]
        return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----"])


def sign_by_hand(site, commit, sign):
    """COMMIT once more with a signature that SIGN makes of its payload; the branch points to it."""
    raw = subprocess.run(["git", "cat-file", "commit", commit], cwd=site.work, env=site.environment, capture_output=True,
                         check=True).stdout
    head, body = raw.split(b"\n\n", 1)
    made = head + b"\ngpgsig " + sign(raw).replace("\n", "\n ").encode() + b"\n\n" + body
    done = subprocess.run(["git", "hash-object", "-t", "commit", "-w", "--stdin"], cwd=site.work, input=made, env=site.environment,
                          capture_output=True, check=True)
    site.git("reset", "-q", "--hard", done.stdout.decode().strip())
    return done.stdout.decode().strip()


def test_keys_in_hardware():
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        for serial, kind in enumerate(("ed25519", "ecdsa"), 1):
            token = Token(kind)
            signers = signers_file(site, f"alice@example.org {token.line()}")
            site.git("config", "gpg.format", "ssh")
            site.git("config", "gpg.ssh.allowedSignersFile", signers)
            site.zone("example.org.", serial)
            plain = site.commit(f"by a token, {kind}")
            sign_by_hand(site, plain, lambda payload, token=token: token.sign(payload, flags=0))
            done = site.gitsync("once", "--signers", signers, expect=3)
            check("touch" in done.text, done.text)
            tip = sign_by_hand(site, plain, token.sign)
            site.git("verify-commit", tip)  # ssh-keygen thinks so, too
            done = site.gitsync("once", "--signers", signers)
            check("signed by alice@example.org (ssh key SHA256:" in done.text and site.current() == tip, done.text)


def test_what_the_file_of_signers_cannot_say():
    """Clearly refused, with the line, and nothing is deployed."""
    with harness.Workspace() as space:
        site = gitsync_kit.Site(space)
        _, public = make_key(site, "alice")
        site.zone("example.org.", 1)
        site.commit("first")
        for line, word in ((f"*@example.org cert-authority {public}", "certificates are not supported"),
                           (f"alice no-such-option {public}", "unknown option"),
                           (f'alice valid-before="soon" {public}', "is no time"),
                           ("alice ssh-dss AAAAB3NzaC1kc3M=", "unknown")):
            done = site.gitsync("once", "--signers", signers_file(site, line), expect=1)
            check(word in done.text and "line 3" in done.text, done.text)
        check(not os.path.exists(os.path.join(site.dest, "current")), "something was published")
