#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signer/keystore.h"

#define TRIES                                                                                                \
    64 /* keys made in search of a tag that nobody has: one in a thousand collides among 32 keys             \
        */

static bool ksk, zsk, quiet;
static const char *token_uri;
static const struct algorithm *algorithm;
static unsigned long bits, ttl;
static bool has_ttl;
static int64_t times[KEY_TIMES];
static bool has_time[KEY_TIMES];

static bool take_algorithm(const char *value)
{
    algorithm = algorithm_parse(value);
    if (algorithm != NULL && algorithm->signs)
        return true;
    complain("-a %s: %s; there are RSASHA256, RSASHA512, ECDSAP256SHA256, ECDSAP384SHA384, ED25519 and ED448",
        value,
        algorithm == NULL ? "no such algorithm" : "SHA-1 is not to be signed with any more (RFC 9905)");
    return false;
}

static bool take_bits(const char *value)
{
    return take_number_value("-b", value, 4096, &bits);
}

static bool take_ttl(const char *value)
{
    int64_t seconds;
    if (!take_span_value("-L", value, &seconds))
        return false;
    if (seconds > INT32_MAX) {
        complain("-L %s: a TTL has 31 bits", value);
        return false;
    }
    ttl = (unsigned long)seconds;
    has_ttl = true;
    return true;
}

static bool take_time(enum key_time which, const char *option, const char *value)
{
    has_time[which] = true;
    return take_time_value(option, value, &times[which]);
}

static bool take_publish(const char *value)
{
    return take_time(TIME_PUBLISH, "--publish", value);
}

static bool take_activate(const char *value)
{
    return take_time(TIME_ACTIVATE, "--activate", value);
}

static bool take_inactive(const char *value)
{
    return take_time(TIME_INACTIVE, "--inactive", value);
}

static bool take_delete(const char *value)
{
    return take_time(TIME_DELETE, "--delete", value);
}

const struct option_row keygen_rows[] = {
    {'a', "algorithm", "ALGORITHM", "by name or number (ECDSAP256SHA256)", NULL, NULL, take_algorithm},
    {0, "ksk", NULL, "a key-signing key (neither: one key for all, a CSK)", &ksk, NULL, NULL},
    {0, "zsk", NULL, "a zone-signing key", &zsk, NULL, NULL},
    {'b', "bits", "N", "size of an RSA key (2048)", NULL, NULL, take_bits},
    KEYSTORE_ROW,
    {'L', "ttl", "TTL", "TTL of the DNSKEY record", NULL, NULL, take_ttl},
    {'P', "publish", "TIME", "when its DNSKEY is published (now)", NULL, NULL, take_publish},
    {'A', "activate", "TIME", "when it begins to sign (now)", NULL, NULL, take_activate},
    {'I', "inactive", "TIME", "when it ends to sign (never)", NULL, NULL, take_inactive},
    {'D', "delete", "TIME", "when its DNSKEY is removed (never)", NULL, NULL, take_delete},
    {'q', "quiet", NULL, "print the key's name only", &quiet, NULL, NULL},
    {0, "pkcs11", "URI", "make it in a PKCS#11 token, under that object name", NULL, &token_uri, NULL},
    NOW_ROW,
    SECRET_ROWS,
    RECIPIENT_ROW,
    {0},
};

static bool collides(const struct key *key, const struct key_list *others)
{
    for (unsigned i = 0; i < others->count; i++) {
        if (key_collides(key, others->keys[i]))
            return true;
    }
    return false;
}

/* A CSK says so in a .state file, as BIND's do: its flags alone are those of a KSK. */
static enum err note_roles(struct key *key)
{
    if (key->roles != (ROLE_KSK | ROLE_ZSK))
        return ERR_OK;
    struct key_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return ERR_MEMORY;
    state->ksk = state->zsk = true;
    state->bits = (uint16_t)keypair_bits(key->pair);
    state->times[STATED_GENERATED] = key->times[TIME_CREATED];
    state->times[STATED_PUBLISHED] = key->times[TIME_PUBLISH];
    state->times[STATED_ACTIVE] = key->times[TIME_ACTIVATE];
    state->times[STATED_RETIRED] = key->times[TIME_INACTIVE];
    state->times[STATED_REMOVED] = key->times[TIME_DELETE];
    /* No states: BIND would take a hidden key for one that is not published, whatever its times say. */
    key->state = state;
    return ERR_OK;
}

/* In a token: its private part never leaves it, and the files remember where it is. */
static enum err make_in_token(const uint8_t *zone, struct key **out)
{
    char why[512] = "";
    enum err err = keystore_generate_in_token(token_uri, zone, algorithm, (unsigned)bits,
        ksk == zsk || ksk ? KEY_ZONE | KEY_SEP : KEY_ZONE, out, why, sizeof why);
    if (err != ERR_OK)
        complain("%s: %s", token_uri, why[0] != '\0' ? why : err_text(err));
    return err;
}

static enum err make_pair(const uint8_t *zone, unsigned roles, struct key **out)
{
    if (token_uri == NULL)
        return key_generate(zone, algorithm, (unsigned)bits, roles, out);
    enum err err = make_in_token(zone, out);
    if (err == ERR_OK)
        (*out)->roles = (uint8_t)roles;
    return err;
}

static enum err make(const uint8_t *zone, const struct key_list *others, struct key **out)
{
    unsigned roles = ksk == zsk ? ROLE_KSK | ROLE_ZSK : ksk ? ROLE_KSK : ROLE_ZSK;
    struct key *key = NULL;
    for (unsigned i = 0; i < TRIES; i++) {
        enum err err = make_pair(zone, roles, &key);
        if (err != ERR_OK)
            return err;
        if (!collides(key, others))
            break;
        key_release(key);
        key = NULL;
    }
    if (key == NULL)
        return ERR_LIMIT;
    key->has_ttl = has_ttl;
    key->ttl = (uint32_t)ttl;
    key->times[TIME_CREATED] = clock_now();
    for (unsigned i = TIME_PUBLISH; i < KEY_TIMES; i++)
        key->times[i] = times[i];
    if (!has_time[TIME_PUBLISH])
        key->times[TIME_PUBLISH] = clock_now();
    if (!has_time[TIME_ACTIVATE])
        key->times[TIME_ACTIVATE] = clock_now();
    *out = key;
    return note_roles(key);
}

static enum outcome write_key(struct key *key)
{
    struct keyfile_trouble trouble;
    char name[KEYFILE_NAME_MAX];
    if (keystore_write(key, &trouble) != ERR_OK)
        return keystore_complain(&trouble);
    keyfile_name(key, name);
    puts(name);
    return OUTCOME_GOOD;
}

enum outcome keygen_run(const struct operands *operands)
{
    uint8_t zone[NAME_MAX + 1];
    struct key_list others = {0};
    struct key *key = NULL;
    if (algorithm == NULL)
        algorithm = algorithm_find(ALGORITHM_ECDSAP256);
    if (!take_name_value("ZONE", operands->words[0], zone))
        return OUTCOME_TROUBLE;
    if (ksk && zsk)
        return complain("--ksk --zsk: one or the other; neither makes one key for all");
    if (bits != 0 &&
        (algorithm->kind != KIND_RSA || bits < algorithm->bits_least || bits > algorithm->bits_most))
        return complain("-b %lu: keys of %s have %u to %u bits", bits, algorithm->name, algorithm->bits_least,
            algorithm->bits_most);
    if (!keystore_load(zone, false, &others))
        return OUTCOME_TROUBLE;
    enum err err = make(zone, &others, &key);
    enum outcome outcome =
        err == ERR_OK       ? write_key(key)
        : err == ERR_LIMIT  ? complain("every key made has the tag of another one in %s", keystore_directory)
        : token_uri != NULL ? OUTCOME_TROUBLE
                            : complain("no key could be made: %s", err_text(err));
    key_release(key);
    key_list_clear(&others);
    return outcome;
}
