#include "gitsync/sshsig.h"

#include <openssl/sha.h>
#include <string.h>

#include "gitsync/armor.h"

#define MAGIC "SSHSIG"
#define MAGIC_LEN 6

const char *sshsig_read(struct sshsig *sig, const char *armored)
{
    size_t len;
    if (!armor_block(armored, SSHSIG_LABEL, sig->bytes, sizeof sig->bytes, &len))
        return "the armor of the signature is malformed";
    if (len < MAGIC_LEN || memcmp(sig->bytes, MAGIC, MAGIC_LEN) != 0)
        return "it is no SSH signature";
    struct ssh_reader reader = {.at = sig->bytes + MAGIC_LEN, .len = len - MAGIC_LEN};
    uint32_t version = ssh_read32(&reader);
    sig->key = ssh_read_string(&reader);
    sig->name_space = ssh_read_string(&reader);
    (void)ssh_read_string(&reader); /* reserved: ignored, and not part of what is signed but as empty */
    sig->hash = ssh_read_string(&reader);
    sig->signature = ssh_read_string(&reader);
    if (reader.failed || reader.len != 0)
        return "the signature is cut short or has something behind it";
    return version == 1 ? NULL : "the signature is of an unknown version";
}

/* What the key signs: the magic, and as strings the namespace, nothing, the hash's name, the hash. */
static size_t put_string(uint8_t *out, const void *bytes, size_t len)
{
    uint32_t head = __builtin_bswap32((uint32_t)len);
    memcpy(out, &head, 4);
    memcpy(out + 4, bytes, len);
    return len + 4;
}

const char *sshsig_verify(const struct sshsig *sig, const char *name_space, const void *message, size_t len)
{
    uint8_t whole[256], digest[SHA512_DIGEST_LENGTH];
    size_t digest_len, at = MAGIC_LEN;
    if (!ssh_string_is(sig->name_space, name_space) || strlen(name_space) > 64)
        return "the signature was made for another purpose (its namespace)";
    if (ssh_string_is(sig->hash, "sha512")) {
        SHA512(message, len, digest);
        digest_len = SHA512_DIGEST_LENGTH;
    } else if (ssh_string_is(sig->hash, "sha256")) {
        SHA256(message, len, digest);
        digest_len = SHA256_DIGEST_LENGTH;
    } else {
        return "the signature uses a hash that is not accepted";
    }
    memcpy(whole, MAGIC, MAGIC_LEN);
    at += put_string(whole + at, sig->name_space.bytes, sig->name_space.len);
    at += put_string(whole + at, "", 0);
    at += put_string(whole + at, sig->hash.bytes, sig->hash.len);
    at += put_string(whole + at, digest, digest_len);
    return sshkey_verify(sig->key, sig->signature, (struct ssh_string){whole, at});
}
