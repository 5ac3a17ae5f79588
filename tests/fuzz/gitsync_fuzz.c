/* What gitsync reads from strangers: SSH and minisign signatures, webhooks, the text around a serial,
 * gpgv's status; the file of signers, and URLs of ssh. The first octet chooses. */
#include <stdlib.h>
#include <string.h>

#include "gitsync/armor.c"
#include "gitsync/minisign.c"
#include "gitsync/openpgp.c"
#include "gitsync/process.c"
#include "gitsync/serial.c"
#include "gitsync/signers.c"
#include "gitsync/ssh_url.c"
#include "gitsync/sshkey.c"
#include "gitsync/sshsig.c"
#include "gitsync/webhook.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void fuzz_sshsig(const char *text, size_t len)
{
    static struct sshsig sig;
    if (sshsig_read(&sig, text) == NULL && sshsig_verify(&sig, "git", text, len) == NULL)
        abort(); /* a text that holds a signature of itself */
}

/* Without the armor, so that the inner parser is reached. */
static void fuzz_sshkey(const char *text, size_t len)
{
    struct ssh_reader reader = {.at = (const uint8_t *)text, .len = len};
    char fingerprint[SSHKEY_FINGERPRINT_MAX];
    struct ssh_string key = ssh_read_string(&reader), signature = ssh_read_string(&reader);
    struct ssh_string message = {reader.at, reader.len};
    (void)sshkey_verify(key, signature, message);
    sshkey_fingerprint(key, fingerprint);
}

static void fuzz_minisign(const char *text, size_t len)
{
    struct minisign_key key;
    uint8_t id[8];
    (void)minisign_signer(text, id);
    if (minisign_key_parse(&key, text, strcspn(text, "\n")))
        (void)minisign_verify(&key, text + strcspn(text, "\n"), text, len);
    memset(&key, 1, sizeof key);
    (void)minisign_verify(&key, text, text, len);
}

static void fuzz_signers(const char *text, size_t len)
{
    struct signers signers;
    struct arena arena;
    char why[SIGNERS_WHY_MAX] = "";
    (void)len;
    arena_init(&arena, 0);
    if (signers_parse(&signers, text, &arena, why)) {
        for (unsigned i = 0; i < signers.count; i++) {
            (void)signer_may(&signers.at[i], "git", 0);
            (void)signer_is(&signers.at[i], "alice");
        }
    } else if (why[0] == '\0') {
        abort();
    }
    arena_clear(&arena);
}

static void fuzz_webhook(const char *text, size_t len)
{
    static const char *const branches[] = {"main", NULL};
    struct webhook webhook = {.token = "swordfish", .body = text, .len = len};
    if (webhook_judge(&webhook, "swordfish", 9, branches) == WEBHOOK_FORGED)
        abort();
    webhook = (struct webhook){.signature = text, .body = text, .len = len};
    (void)webhook_judge(&webhook, "swordfish", 9, branches);
}

static void ignore_path(void *context, const char *path, size_t len)
{
    *(size_t *)context += len + (size_t)path[0];
}

static void fuzz_serial(const char *text, size_t len)
{
    struct serial_place place;
    const char *why = NULL;
    size_t sum = 0;
    if (serial_find(text, len, &place, &why)) {
        if (place.at + place.len > len || strtoull(text + place.at, NULL, 10) != place.value)
            abort();
    } else if (why == NULL) {
        abort();
    }
    serial_includes(text, len, ignore_path, &sum);
}

/* A host or user that ssh would take for an option must not come through; nor a quote that ends the path's.
 */
static void fuzz_ssh_url(const char *text)
{
    static char command[SSH_URL_PATH_MAX * 4 + 32];
    struct ssh_url url;
    if (!ssh_url_is(text) || ssh_url_parse(&url, text) != NULL)
        return;
    if (url.host[0] == '-' || url.host[0] == '\0' || url.user[0] == '-' || url.path[0] == '\0' ||
        !ssh_url_command(&url, command, sizeof command))
        abort();
}

static void fuzz_others(const char *text, size_t len)
{
    struct openpgp_signer signer;
    (void)len;
    (void)!openpgp_read_status(&signer, text);
    fuzz_ssh_url(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static void (*const targets[])(const char *text, size_t len) = {
        fuzz_sshsig, fuzz_sshkey, fuzz_minisign, fuzz_signers, fuzz_webhook, fuzz_serial, fuzz_others};
    char *text = len > 0 ? malloc(len) : NULL;
    if (text == NULL)
        return 0;
    memcpy(text, bytes + 1, len - 1);
    text[len - 1] = '\0';
    targets[bytes[0] % ARRAY_COUNT(targets)](text, len - 1);
    free(text);
    return 0;
}
