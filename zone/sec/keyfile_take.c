/* What .private and .state files say. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "zone/sec/keyfile_text.h"

#define LABEL_ROOM 1024

const char *const keyfile_state_tags[STATES] = {
    "DNSKEYState", "ZRRSIGState", "KRRSIGState", "DSState", "GoalState"};

const char *const keyfile_state_time_tags[STATED_TIMES] = {"Generated", "Published", "Active", "Retired",
    "Revoked", "Removed", "DSPublish", "DSRemoved", "PublishCDS", "DeleteCDS", "DNSKEYChange", "ZRRSIGChange",
    "KRRSIGChange", "DSChange"};

static const char *const time_tags[KEY_TIMES] = {"Created", "Publish", "Activate", "Revoke", "Inactive",
    "Delete", "DSPublish", "DSDelete", "SyncPublish", "SyncDelete"};

static const char *const part_tags[] = {"Modulus", "PublicExponent", "PrivateExponent", "Prime1", "Prime2",
    "Exponent1", "Exponent2", "Coefficient", "PrivateKey"};

static const char *const rumours[] = {"na", "hidden", "rumoured", "omnipresent", "unretentive"};

const char *key_time_name(enum key_time time)
{
    return time_tags[time];
}

const char *rumour_name(enum rumour state)
{
    return rumours[state];
}

/* ---- .private ---- */

struct taking {
    struct key *key;
    const char *path;
    struct keyfile_trouble *trouble;
    unsigned line;
    unsigned algorithm;
    struct keypair_part parts[KEYPAIR_PARTS_MAX + 1];
    unsigned part_count;
    uint8_t *room; /* guarded */
    size_t used;
    char label[LABEL_ROOM];
    char *extra;
    size_t extra_len;
};

static enum err take_part(struct taking *taking, const struct tagged *line, const char *name)
{
    size_t len;
    if (taking->part_count == ARRAY_COUNT(taking->parts) ||
        sodium_base642bin(taking->room + taking->used, KEYPAIR_PARTS_OCTETS - taking->used, line->value,
            line->value_len, " \t", &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return keyfile_complain(
            taking->trouble, ERR_SYNTAX, taking->path, taking->line, "%s is not base64, or too long", name);
    taking->parts[taking->part_count++] = (struct keypair_part){name, taking->room + taking->used, len};
    taking->used += len;
    return ERR_OK;
}

static enum err keep_line(struct taking *taking, const struct tagged *line)
{
    char *extra = realloc(taking->extra, taking->extra_len + line->whole_len + 2);
    if (extra == NULL)
        return ERR_MEMORY;
    memcpy(extra + taking->extra_len, line->tag, line->whole_len);
    taking->extra_len += line->whole_len;
    extra[taking->extra_len++] = '\n';
    extra[taking->extra_len] = '\0';
    taking->extra = extra;
    return ERR_OK;
}

static enum err take_number(struct taking *taking, const struct tagged *line, uint16_t *number, bool *there)
{
    unsigned long value;
    if (!tagged_number(line, 0xffff, &value))
        return keyfile_complain(
            taking->trouble, ERR_SYNTAX, taking->path, taking->line, "a number below 65536 is wanted");
    *number = (uint16_t)value;
    *there = true;
    return ERR_OK;
}

static enum err take_private_line(struct taking *taking, const struct tagged *line)
{
    struct key *key = taking->key;
    unsigned long algorithm;
    for (size_t i = 0; i < ARRAY_COUNT(part_tags); i++) {
        if (tagged_is(line, part_tags[i]))
            return take_part(taking, line, part_tags[i]);
    }
    for (unsigned i = 0; i < KEY_TIMES; i++) {
        if (tagged_is(line, time_tags[i]))
            return tagged_time(line, &key->times[i])
                       ? ERR_OK
                       : keyfile_complain(taking->trouble, ERR_SYNTAX, taking->path, taking->line,
                             "%s: a time YYYYMMDDHHMMSS is wanted", time_tags[i]);
    }
    if (tagged_is(line, "Predecessor"))
        return take_number(taking, line, &key->predecessor, &key->has_predecessor);
    if (tagged_is(line, "Successor"))
        return take_number(taking, line, &key->successor, &key->has_successor);
    if (tagged_is(line, "Algorithm") && tagged_number(line, 255, &algorithm)) {
        taking->algorithm = (unsigned)algorithm;
        return ERR_OK;
    }
    if (tagged_is(line, "Private-key-format"))
        return line->value_len >= 3 && strncmp(line->value, "v1.", 3) == 0
                   ? ERR_OK
                   : keyfile_complain(taking->trouble, ERR_VERSION, taking->path, taking->line,
                         "only format v1.x is known");
    if (tagged_is(line, "Label") && line->value_len < LABEL_ROOM)
        memcpy(taking->label, line->value, line->value_len);
    return keep_line(taking, line);
}

/* The private part must be that of the public key beside it: a mix-up would sign what nobody can verify. */
static enum err pair_up(struct taking *taking)
{
    struct key *key = taking->key;
    struct keypair *pair;
    enum err err = keypair_private(key->algorithm, taking->parts, taking->part_count, &pair);
    if (err == ERR_MISSING)
        return keyfile_complain(
            taking->trouble, ERR_SYNTAX, taking->path, 0, "a part of the private key is missing");
    if (err == ERR_INVALID)
        return keyfile_complain(
            taking->trouble, err, taking->path, 0, "the parts of the private key do not fit together");
    if (err != ERR_OK)
        return keyfile_complain(taking->trouble, err, taking->path, 0, "%s", err_text(err));
    uint8_t made[PUBLIC_MAX];
    size_t len = keypair_write_public(pair, made);
    if (len != key->public_len || memcmp(made, key->public_octets, len) != 0) {
        keypair_release(pair);
        return keyfile_complain(
            taking->trouble, ERR_INVALID, taking->path, 0, "the private key is not that of the .key file");
    }
    keypair_release(key->pair);
    key->pair = pair;
    return ERR_OK;
}

static enum err take_lines(struct taking *taking, const char *text)
{
    struct tagged line;
    while (tagged_line(&text, &line, &taking->line)) {
        enum err err = take_private_line(taking, &line);
        if (err != ERR_OK)
            return err;
    }
    if (taking->algorithm != taking->key->algorithm->number)
        return keyfile_complain(taking->trouble, ERR_INVALID, taking->path, 0,
            "algorithm %u, but the .key file says %u", taking->algorithm, taking->key->algorithm->number);
    return ERR_OK;
}

enum err keyfile_take_private(struct key *key, const char *path, const char *text,
    const struct key_opener *opener, struct keyfile_trouble *trouble)
{
    struct taking taking = {.key = key, .path = path, .trouble = trouble};
    if (!keypair_ready() || (taking.room = sodium_malloc(KEYPAIR_PARTS_OCTETS)) == NULL)
        return ERR_MEMORY;
    enum err err = take_lines(&taking, text);
    if (err == ERR_OK && taking.part_count == 0 && taking.label[0] != '\0') {
        err = opener != NULL && opener->device != NULL
                  ? opener->device(opener->context, key, taking.label, trouble)
                  : keyfile_complain(trouble, ERR_UNSUPPORTED, path, 0,
                        "the private key is kept by a device: its PKCS#11 module is wanted");
    } else if (err == ERR_OK) {
        err = pair_up(&taking);
    }
    sodium_free(taking.room);
    free(key->extra);
    key->extra = taking.extra;
    return err;
}

/* ---- .state ---- */

static bool take_rumour(const struct tagged *line, uint8_t *state)
{
    for (size_t i = 0; i < ARRAY_COUNT(rumours); i++) {
        if (strlen(rumours[i]) == line->value_len &&
            strncasecmp(rumours[i], line->value, line->value_len) == 0) {
            *state = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static bool is_yes(const struct tagged *line)
{
    return line->value_len >= 3 && strncasecmp(line->value, "yes", 3) == 0;
}

/* False when the line is of a known tag and malformed; lines of other tags are passed over. */
static bool take_state_line(struct key_state *state, const struct tagged *line)
{
    unsigned long number;
    for (unsigned i = 0; i < STATES; i++) {
        if (tagged_is(line, keyfile_state_tags[i]))
            return take_rumour(line, &state->states[i]);
    }
    for (unsigned i = 0; i < STATED_TIMES; i++) {
        if (tagged_is(line, keyfile_state_time_tags[i]))
            return tagged_time(line, &state->times[i]);
    }
    if (tagged_is(line, "KSK"))
        state->ksk = is_yes(line);
    else if (tagged_is(line, "ZSK"))
        state->zsk = is_yes(line);
    else if (tagged_is(line, "Lifetime") && tagged_number(line, UINT32_MAX, &number))
        state->lifetime = (uint32_t)number;
    else if (tagged_is(line, "Length") && tagged_number(line, 0xffff, &number))
        state->bits = (uint16_t)number;
    else if (tagged_is(line, "Predecessor") && tagged_number(line, 0xffff, &number)) {
        state->predecessor = (uint16_t)number;
        state->has_predecessor = true;
    } else if (tagged_is(line, "Successor") && tagged_number(line, 0xffff, &number)) {
        state->successor = (uint16_t)number;
        state->has_successor = true;
    }
    return true;
}

enum err keyfile_take_state(
    struct key *key, const char *path, const char *text, struct keyfile_trouble *trouble)
{
    struct tagged line;
    unsigned number = 0;
    struct key_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return ERR_MEMORY;
    while (tagged_line(&text, &line, &number)) {
        if (!take_state_line(state, &line)) {
            free(state);
            return keyfile_complain(
                trouble, ERR_SYNTAX, path, number, "the value of this line is not understood");
        }
    }
    free(key->state);
    key->state = state;
    if (state->ksk || state->zsk)
        key->roles = (uint8_t)((state->ksk ? ROLE_KSK : 0) | (state->zsk ? ROLE_ZSK : 0));
    return ERR_OK;
}
