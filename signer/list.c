/* list and show: what keys there are and what they do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signer/keystore.h"
#include "zone/wire/name.h"

static bool json;

const struct option_row list_rows[] = {
    KEYSTORE_ROW,
    {0, "json", NULL, "print JSON, one object for each key in a line", &json, NULL, NULL},
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

const struct option_row show_rows[] = {
    KEYSTORE_ROW,
    {0, "json", NULL, "print JSON, one object for each key in a line", &json, NULL, NULL},
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

static const char *role_of(const struct key *key)
{
    return key->roles == (ROLE_KSK | ROLE_ZSK) ? "CSK" : (key->roles & ROLE_KSK) != 0 ? "KSK" : "ZSK";
}

/* What it does now, in one word. */
static const char *doing(const struct key *key)
{
    if (!key_published_at(key, clock_now()))
        return key->times[TIME_DELETE] != 0 && key->times[TIME_DELETE] <= clock_now() ? "deleted" : "waiting";
    if ((key->flags & KEY_REVOKE) != 0)
        return "revoked";
    if (key_active_at(key, clock_now()))
        return "active";
    return key->times[TIME_INACTIVE] != 0 && key->times[TIME_INACTIVE] <= clock_now() ? "retired"
                                                                                      : "published";
}

static const char *private_of(const struct key *key)
{
    return key->sealed                     ? "sealed"
           : keypair_is_foreign(key->pair) ? "token"
           : key_has_private(key)          ? "private"
                                           : "public";
}

static void print_line(const struct key *key)
{
    char name[KEYFILE_NAME_MAX];
    keyfile_name(key, name);
    printf("%-36s %s  %-16s %5u  %-9s %s\n", name, role_of(key), key->algorithm->name,
        keypair_bits(key->pair), doing(key), private_of(key));
}

static void print_json(const struct key *key)
{
    char name[KEYFILE_NAME_MAX], owner[NAME_TEXT_MAX], digits[16];
    keyfile_name(key, name);
    name_print(key->owner, owner);
    /* Names have a backslash at most: escapes of the presentation form. */
    printf("{\"name\":\"%s\",\"zone\":\"", name);
    for (const char *at = owner; *at != '\0'; at++)
        printf(*at == '\\' || *at == '"' ? "\\%c" : "%c", *at);
    printf("\",\"role\":\"%s\",\"algorithm\":%u,\"mnemonic\":\"%s\",\"bits\":%u,\"tag\":%u,\"flags\":%u,"
           "\"state\":\"%s\",\"private\":%s",
        role_of(key), key->algorithm->number, key->algorithm->name, keypair_bits(key->pair), key->tag,
        key->flags, doing(key), key_has_private(key) ? "true" : "false");
    for (unsigned i = 0; i < KEY_TIMES; i++) {
        if (key->times[i] == 0)
            continue;
        time_print(key->times[i], digits);
        printf(",\"%s\":\"%s\"", key_time_name(i), digits);
    }
    puts("}");
}

static void print_times(const struct key *key)
{
    char digits[16];
    for (unsigned i = 0; i < KEY_TIMES; i++) {
        if (key->times[i] == 0)
            continue;
        time_print(key->times[i], digits);
        printf("  %-12s %s\n", key_time_name(i), digits);
    }
}

static void print_states(const struct key_state *state)
{
    static const char *const names[STATES] = {"DNSKEY", "ZRRSIG", "KRRSIG", "DS", "goal"};
    for (unsigned i = 0; i < STATES; i++) {
        if (state->states[i] != STATE_NA)
            printf("  %-12s %s\n", names[i], rumour_name(state->states[i]));
    }
}

static void print_all(const struct key *key)
{
    char name[KEYFILE_NAME_MAX], owner[NAME_TEXT_MAX];
    keyfile_name(key, name);
    name_print(key->owner, owner);
    printf("%s\n  zone         %s\n  role         %s\n  algorithm    %u (%s), %u bits\n", name, owner,
        role_of(key), key->algorithm->number, key->algorithm->name, keypair_bits(key->pair));
    printf("  key tag      %u%s (%u when %s)\n  flags        %u\n", key->tag,
        (key->flags & KEY_REVOKE) != 0 ? ", revoked" : "", key_other_tag(key),
        (key->flags & KEY_REVOKE) != 0 ? "it was not" : "revoked", key->flags);
    printf("  now          %s\n  private part %s\n", doing(key), key_has_private(key) ? "here" : "not here");
    print_times(key);
    if (key->state != NULL)
        print_states(key->state);
}

enum outcome list_run(const struct operands *operands)
{
    struct key_list list = {0};
    uint8_t zone[NAME_MAX + 1];
    bool one = operands->count > 0;
    if (one && !take_name_value("ZONE", operands->words[0], zone))
        return OUTCOME_TROUBLE;
    bool good = keystore_load(one ? zone : NULL, false, &list);
    for (unsigned i = 0; i < list.count; i++)
        (json ? print_json : print_line)(list.keys[i]);
    key_list_clear(&list);
    return good ? OUTCOME_GOOD : OUTCOME_TROUBLE;
}

enum outcome show_run(const struct operands *operands)
{
    enum outcome outcome = OUTCOME_GOOD;
    for (unsigned i = 0; i < operands->count; i++) {
        struct key *key = keystore_open(operands->words[i], false);
        if (key == NULL) {
            outcome = OUTCOME_TROUBLE;
            continue;
        }
        (json ? print_json : print_all)(key);
        key_release(key);
    }
    return outcome;
}
