/* import and export: keys of other tools. BIND's and ldns's files are read as they are; PEM (OpenSSL, Knot's
 * KASP, HSM tools) holds a key pair alone, so that options say whose it is and what for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signer/keystore.h"
#include "zone/base/file.h"

#define PEM_MAX (1u << 16)

static uint8_t zone[NAME_MAX + 1];
static bool has_zone, ksk, zsk;
static const struct algorithm *algorithm;

static bool take_zone(const char *value)
{
    return has_zone = take_name_value("--zone", value, zone);
}

static bool take_algorithm(const char *value)
{
    algorithm = algorithm_parse(value);
    if (algorithm == NULL)
        complain("-a %s: no such algorithm", value);
    return algorithm != NULL;
}

const struct option_row import_rows[] = {
    KEYSTORE_ROW,
    {0, "zone", "ZONE", "of PEM: the zone it is for", NULL, NULL, take_zone},
    {'a', "algorithm", "ALGORITHM", "of PEM: the algorithm, when it is RSA (RSASHA256)", NULL, NULL,
        take_algorithm},
    {0, "ksk", NULL, "of PEM: a key-signing key (neither: one key for all)", &ksk, NULL, NULL},
    {0, "zsk", NULL, "of PEM: a zone-signing key", &zsk, NULL, NULL},
    NOW_ROW,
    SECRET_ROWS,
    RECIPIENT_ROW,
    {0},
};

const struct option_row export_rows[] = {
    KEYSTORE_ROW,
    SECRET_ROWS,
    {0},
};

static enum err make_key(struct keypair *pair, const struct algorithm *of, struct key **out)
{
    struct key *key = key_new(zone, of, zsk && !ksk ? KEY_ZONE : KEY_ZONE | KEY_SEP, pair);
    if (key == NULL)
        return ERR_MEMORY;
    key->times[TIME_CREATED] = key->times[TIME_PUBLISH] = key->times[TIME_ACTIVATE] = clock_now();
    if (ksk == zsk) {
        key->roles = ROLE_KSK | ROLE_ZSK;
        key->state = calloc(1, sizeof *key->state);
        if (key->state == NULL) {
            key_release(key);
            return ERR_MEMORY;
        }
        key->state->ksk = key->state->zsk = true;
        key->state->bits = (uint16_t)keypair_bits(pair);
        key->state->states[STATE_GOAL] = STATE_OMNIPRESENT;
    }
    *out = key;
    return ERR_OK;
}

/* NULL: told why. */
static struct key *read_pem(const char *path)
{
    struct arena arena;
    struct keypair *pair;
    const struct algorithm *of;
    struct key *key = NULL;
    char *text;
    size_t len;
    if (!has_zone) {
        complain("%s: --zone is wanted: PEM does not tell whose key it is", path);
        return NULL;
    }
    arena_init(&arena, 0);
    enum err err = file_read(path, PEM_MAX, &arena, &text, &len);
    if (err == ERR_OK) {
        err = keypair_read_pem(text, len, algorithm, &pair, &of);
        memset(text, 0, len);
        if (err == ERR_OK)
            err = make_key(pair, of, &key);
        else
            complain("%s: %s", path,
                err == ERR_SYNTAX        ? "is no private key in PEM that is not encrypted"
                : err == ERR_UNSUPPORTED ? "is no key for DNSSEC, or not of that algorithm"
                                         : err_text(err));
    } else {
        complain_of(path, err);
    }
    arena_clear(&arena);
    return key;
}

static bool has_ending(const char *path, const char *ending)
{
    size_t len = strlen(path), ending_len = strlen(ending);
    return len > ending_len && strcmp(path + len - ending_len, ending) == 0;
}

static enum outcome import_one(const char *path)
{
    struct keyfile_trouble trouble;
    char name[KEYFILE_NAME_MAX];
    bool files = has_ending(path, ".key") || has_ending(path, ".private") || strchr(path, '+') != NULL;
    struct key *key = files ? keystore_open(path, true) : read_pem(path);
    if (key == NULL)
        return OUTCOME_TROUBLE;
    enum outcome outcome =
        keystore_write(key, &trouble) == ERR_OK ? OUTCOME_GOOD : keystore_complain(&trouble);
    if (outcome == OUTCOME_GOOD) {
        keyfile_name(key, name);
        puts(name);
    }
    key_release(key);
    return outcome;
}

enum outcome import_run(const struct operands *operands)
{
    enum outcome worst = OUTCOME_GOOD;
    for (unsigned i = 0; i < operands->count; i++) {
        char path[4200];
        const char *word = operands->words[i];
        snprintf(path, sizeof path, "%s%s", strchr(word, '/') != NULL ? "" : "./", word);
        enum outcome outcome = import_one(path);
        worst = outcome > worst ? outcome : worst;
    }
    return worst;
}

enum outcome export_run(const struct operands *operands)
{
    struct key *key = keystore_open(operands->words[0], true);
    char *text;
    size_t len;
    if (key == NULL)
        return OUTCOME_TROUBLE;
    enum err err = keypair_print_pem(key->pair, &text, &len);
    if (err == ERR_OK) {
        fputs(text, stdout);
        keyfile_wipe(text, len);
    }
    key_release(key);
    return err == ERR_OK            ? OUTCOME_GOOD
           : err == ERR_UNSUPPORTED ? complain("%s: a device keeps its private part", operands->words[0])
                                    : complain("%s: %s", operands->words[0], err_text(err));
}
