/* What checking reads beside zones: .zonecheck, ignore comments, levels, and policies in TXT records. The
 * first octet picks which.
 *
 * Whatever the octets are, nothing is read outside of them; lines lie within the text; a level that is taken
 * is one; a policy is refused with a reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/check/config.h"
#include "zone/check/ignore.h"
#include "zone/check/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static uint32_t count_lines(const char *text, size_t len)
{
    uint32_t lines = 1;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

static void take(void *context, const struct finding *finding)
{
    must(finding->message != NULL && finding->message[0] != '\0', "a finding has a message");
    must(finding->line >= 1 && finding->line <= *(const uint32_t *)context, "a finding lies in the text");
}

static void try_config(const char *text, size_t len)
{
    struct config config;
    struct arena arena;
    struct levels levels;
    uint32_t lines = count_lines(text, len);
    struct finding_sink sink = {take, &lines};
    arena_init(&arena, 0);
    enum err err = config_parse(&config, &arena, "/etc/.zonecheck", text, len, "/etc/zones/a.zone", &sink);
    must(err == ERR_OK || err == ERR_INVALID, "it is taken or refused");
    config_levels(&config, RULE_DEFAULT, true, &levels);
    must(levels.of[rule_number(rule_find("soa-missing"))] == SEVERITY_ERROR, "mandatory rules stay");
    config_clear(&config);
    arena_clear(&arena);
}

static void try_ignores(const char *text, size_t len)
{
    struct ignores ignores;
    uint32_t lines = count_lines(text, len);
    must(ignores_scan(&ignores, text, len) == ERR_OK, "comments are read");
    for (size_t i = 0; i < ignores.count; i++)
        must(
            ignores.items[i].from <= ignores.items[i].to && ignores.items[i].from <= lines, "lines in order");
    for (size_t i = 0; i < ignores.unknown_count; i++)
        must(ignores.unknown[i].line <= lines && ignores.unknown[i].column >= 1, "a place in the text");
    (void)ignores_has(&ignores, 1, 0);
    ignores_clear(&ignores);
}

static void try_policies(const char *text)
{
    static bool (*const policies[])(const char *, char *, size_t) = {
        policy_dmarc, policy_mta_sts, policy_tlsrpt, policy_bimi};
    char why[160];
    unsigned bits;
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        why[0] = '\0';
        must(policies[i](text, why, sizeof why) || why[0] != '\0', "a refusal has a reason");
    }
    why[0] = '\0';
    must(policy_dkim(text, why, sizeof why, &bits) || why[0] != '\0', "a refusal has a reason");
    struct spf spf;
    if (strlen(text) >= 6)
        spf_parse(text, &spf);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 1)
        return 0;
    char *text = malloc(len);
    must(text != NULL, "memory");
    memcpy(text, bytes + 1, len - 1);
    text[len - 1] = '\0';
    if (bytes[0] % 3 == 0) {
        try_config(text, len - 1);
    } else if (bytes[0] % 3 == 1) {
        char *exact = malloc(len - 1 > 0 ? len - 1 : 1); /* without the NUL: to be found out */
        memcpy(exact, bytes + 1, len - 1);
        try_ignores(exact, len - 1);
        free(exact);
    } else {
        try_policies(text);
    }
    free(text);
    return 0;
}
