#include "zone/sec/policy.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOUR 3600
#define DAY (24 * HOUR)
#define DURATION_MAX ((int64_t)1000 * 366 * DAY)
#define ALGORITHM_DEFAULT 13

void policy_default(struct policy *policy)
{
    *policy = (struct policy){
        .name = "default",
        .keys = {{.role = POLICY_CSK, .algorithm = ALGORITHM_DEFAULT}},
        .keys_count = 1,
        .dnskey_ttl_s = HOUR,
        .max_zone_ttl_s = DAY,
        .zone_propagation_delay_s = 300,
        .parent_ds_ttl_s = DAY,
        .parent_propagation_delay_s = HOUR,
        .publish_safety_s = HOUR,
        .retire_safety_s = HOUR,
        .purge_keys_s = 90 * DAY,
        .signatures_validity_s = 14 * DAY,
        .signatures_validity_dnskey_s = 14 * DAY,
        .signatures_refresh_s = 5 * DAY,
        .signatures_jitter_s = 12 * HOUR,
        .cds_digest = 2,
        .cdnskey = true,
    };
}

/* ---- durations ---- */

struct unit {
    char letter;
    int64_t seconds;
};

static const struct unit ttl_units[] = {
    {'y', 365 * DAY}, {'w', 7 * DAY}, {'d', DAY}, {'h', HOUR}, {'m', 60}, {'s', 1}};
static const struct unit date_units[] = {{'Y', 365 * DAY}, {'M', 31 * DAY}, {'W', 7 * DAY}, {'D', DAY}};
static const struct unit time_units[] = {{'H', HOUR}, {'M', 60}, {'S', 1}};

static int64_t unit_find(const struct unit *units, size_t count, char letter, bool fold)
{
    for (size_t i = 0; i < count; i++)
        if (units[i].letter == (fold ? (char)tolower((unsigned char)letter) : letter))
            return units[i].seconds;
    return -1;
}

/* Number and unit, again and again; a last number without unit is seconds when BARE. */
static int64_t sum_units(const char *at, const char *end, const struct unit *units, size_t count, bool bare)
{
    int64_t sum = 0;
    if (at == end)
        return -1;
    while (at < end) {
        int64_t number = 0, unit = 1;
        if (!isdigit((unsigned char)*at))
            return -1;
        for (; at < end && isdigit((unsigned char)*at); at++)
            if ((number = number * 10 + (*at - '0')) > DURATION_MAX)
                return -1;
        if (at < end)
            unit = unit_find(units, count, *at++, bare);
        else if (!bare)
            return -1;
        if (unit < 0 || number > DURATION_MAX / unit || (sum += number * unit) > DURATION_MAX)
            return -1;
    }
    return sum;
}

int64_t policy_duration(const char *text, size_t len)
{
    if (len == 9 && strncasecmp(text, "unlimited", 9) == 0)
        return 0;
    if (len == 0 || text[0] != 'P')
        return sum_units(text, text + len, ttl_units, ARRAY_COUNT(ttl_units), true);
    const char *end = text + len, *split = memchr(text, 'T', len);
    int64_t date = 0, time = 0;
    if (split == NULL || split > text + 1)
        date = sum_units(text + 1, split != NULL ? split : end, date_units, ARRAY_COUNT(date_units), false);
    if (split != NULL)
        time = sum_units(split + 1, end, time_units, ARRAY_COUNT(time_units), false);
    return date < 0 || time < 0 ? -1 : date + time;
}

const char *policy_duration_print(int64_t seconds, char out[POLICY_DURATION_MAX])
{
    size_t len = 0;
    if (seconds <= 0)
        return seconds == 0 ? "0s" : "-";
    for (size_t i = 2; i < ARRAY_COUNT(ttl_units); i++) { /* years and weeks are told as days */
        int64_t number = seconds / ttl_units[i].seconds;
        seconds %= ttl_units[i].seconds;
        if (number != 0)
            len += (size_t)snprintf(
                out + len, POLICY_DURATION_MAX - len, "%lld%c", (long long)number, ttl_units[i].letter);
    }
    return out;
}

/* ---- reading ---- */

struct token {
    const char *at;
    size_t len; /* 0 at the end of the text */
    uint32_t line, column;
};

struct parser {
    const char *at, *end, *line_start;
    uint32_t line;
    const char *file;
    const struct finding_sink *sink;
    bool failed;
    struct token token;
};

static void complain(struct parser *parser, const char *rule, const char *message, const char *hint)
{
    struct finding finding = {.severity = SEVERITY_ERROR,
        .rule = rule,
        .file = parser->file,
        .line = parser->token.line,
        .column = parser->token.column,
        .message = message,
        .token = parser->token.at,
        .token_len = (uint32_t)parser->token.len,
        .hint = hint};
    parser->failed = true;
    parser->sink->report(parser->sink->context, &finding);
}

static void skip_char(struct parser *parser)
{
    if (*parser->at++ == '\n') {
        parser->line++;
        parser->line_start = parser->at;
    }
}

static bool starts(const struct parser *parser, const char *what)
{
    size_t len = strlen(what);
    return (size_t)(parser->end - parser->at) >= len && memcmp(parser->at, what, len) == 0;
}

static void skip_blanks(struct parser *parser)
{
    while (parser->at < parser->end) {
        if (isspace((unsigned char)*parser->at)) {
            skip_char(parser);
        } else if (*parser->at == '#' || starts(parser, "//")) {
            while (parser->at < parser->end && *parser->at != '\n')
                parser->at++;
        } else if (starts(parser, "/*")) {
            parser->at += 2;
            while (parser->at < parser->end && !starts(parser, "*/"))
                skip_char(parser);
            parser->at += parser->at < parser->end ? 2 : 0;
        } else {
            return;
        }
    }
}

static void next(struct parser *parser)
{
    skip_blanks(parser);
    const char *at = parser->at;
    parser->token =
        (struct token){.at = at, .line = parser->line, .column = (uint32_t)(at - parser->line_start) + 1};
    if (at == parser->end)
        return;
    if (*at == '"') {
        parser->token.at = ++at;
        while (at < parser->end && *at != '"' && *at != '\n')
            at++;
        parser->token.len = (size_t)(at - parser->token.at);
        parser->at = at + (at < parser->end && *at == '"');
        return;
    }
    if (strchr("{};", *at) != NULL)
        at++;
    else
        while (at < parser->end && !isspace((unsigned char)*at) && strchr("{};\"#", *at) == NULL)
            at++;
    parser->token.len = (size_t)(at - parser->token.at);
    parser->at = at;
}

static bool is(const struct parser *parser, const char *word)
{
    return parser->token.len == strlen(word) && strncasecmp(parser->token.at, word, parser->token.len) == 0;
}

static bool expect(struct parser *parser, const char *word)
{
    if (parser->failed)
        return false;
    if (!is(parser, word)) {
        char message[64];
        (void)snprintf(message, sizeof message, "\"%s\" is missing here", word);
        complain(parser, "policy-syntax", message, NULL);
        return false;
    }
    next(parser);
    return true;
}

struct word {
    const char *text;
    int value;
};

static const struct word algorithms[] = {{"rsasha256", 8}, {"8", 8}, {"rsasha512", 10}, {"10", 10},
    {"ecdsap256sha256", 13}, {"ecdsa256", 13}, {"13", 13}, {"ecdsap384sha384", 14}, {"ecdsa384", 14},
    {"14", 14}, {"ed25519", 15}, {"15", 15}, {"ed448", 16}, {"16", 16}, {NULL, 0}};
static const struct word roles[] = {{"ksk", POLICY_KSK}, {"zsk", POLICY_ZSK}, {"csk", POLICY_CSK}, {NULL, 0}};
static const struct word truths[] = {
    {"yes", 1}, {"true", 1}, {"1", 1}, {"no", 0}, {"false", 0}, {"0", 0}, {NULL, 0}};
static const struct word digests[] = {
    {"sha-256", 2}, {"sha256", 2}, {"2", 2}, {"sha-384", 4}, {"sha384", 4}, {"4", 4}, {"none", 0}, {NULL, 0}};
static const struct word ksk_methods[] = {{"double-signature", POLICY_DOUBLE_SIGNATURE},
    {"double-ds", POLICY_DOUBLE_DS}, {"double-rrset", POLICY_DOUBLE_RRSET}, {NULL, 0}};
static const struct word zsk_methods[] = {
    {"pre-publish", POLICY_PRE_PUBLISH}, {"double-signature", POLICY_ZSK_DOUBLE_SIGNATURE}, {NULL, 0}};

/* The value of the word at hand, -1 after a finding. */
static int pick(struct parser *parser, const struct word *words, const char *what)
{
    for (const struct word *word = words; word->text != NULL; word++)
        if (is(parser, word->text)) {
            next(parser);
            return word->value;
        }
    complain(parser, "policy-value", what, NULL);
    return -1;
}

static int64_t duration(struct parser *parser)
{
    int64_t seconds = policy_duration(parser->token.at, parser->token.len);
    if (seconds < 0) {
        complain(parser, "policy-value", "this is no duration", "seconds, 1w2d3h, or ISO 8601: P30D, PT12H");
        return 0;
    }
    next(parser);
    return seconds;
}

static int64_t number(struct parser *parser, int64_t max)
{
    int64_t value = parser->token.len != 0 ? 0 : max + 1;
    for (size_t i = 0; i < parser->token.len && value <= max; i++)
        value =
            isdigit((unsigned char)parser->token.at[i]) ? value * 10 + (parser->token.at[i] - '0') : max + 1;
    if (value > max) {
        complain(parser, "policy-value", "this is no number in its range", NULL);
        return 0;
    }
    next(parser);
    return value;
}

/* One line of `keys`. key-directory and key-store are BIND's words for where keys lie: read over. */
static void parse_key(struct parser *parser, struct policy_key *key)
{
    *key = (struct policy_key){.algorithm = ALGORITHM_DEFAULT};
    int role = pick(parser, roles, "a key is a ksk, zsk or csk");
    key->role = role > 0 ? (enum policy_role)role : POLICY_CSK;
    while (!parser->failed && parser->token.len != 0 && !is(parser, ";")) {
        if (is(parser, "lifetime")) {
            next(parser);
            key->lifetime_s = duration(parser);
        } else if (is(parser, "algorithm")) {
            next(parser);
            key->algorithm = (uint8_t)pick(parser, algorithms, "this algorithm is not known");
            if (!is(parser, ";") && parser->token.len != 0 && isdigit((unsigned char)*parser->token.at))
                key->bits = (uint16_t)number(parser, 4096);
        } else if (is(parser, "standby")) {
            next(parser);
            key->standby = true;
        } else if (is(parser, "key-store")) {
            next(parser);
            next(parser);
        } else if (is(parser, "key-directory")) {
            next(parser);
        } else {
            complain(parser, "policy-word", "this word is not known for a key",
                "ksk|zsk|csk [standby] lifetime DURATION algorithm NAME [BITS];");
        }
    }
    (void)expect(parser, ";");
}

static void parse_keys(struct parser *parser, struct policy *policy)
{
    policy->keys_count = 0;
    (void)expect(parser, "{");
    while (!parser->failed && !is(parser, "}") && parser->token.len != 0) {
        if (policy->keys_count == POLICY_KEYS_MAX)
            complain(parser, "policy-value", "a policy has at most 8 keys", NULL);
        else
            parse_key(parser, &policy->keys[policy->keys_count++]);
    }
    (void)expect(parser, "}");
}

static void parse_nsec3(struct parser *parser, struct policy *policy)
{
    policy->nsec = POLICY_NSEC3;
    while (!parser->failed && !is(parser, ";") && parser->token.len != 0) {
        if (is(parser, "iterations")) {
            next(parser);
            policy->nsec3_iterations = (uint16_t)number(parser, 150);
        } else if (is(parser, "salt-length")) {
            next(parser);
            policy->nsec3_salt_len = (uint8_t)number(parser, 255);
        } else if (is(parser, "optout")) {
            next(parser);
            if (pick(parser, truths, "optout is yes or no") > 0)
                policy->nsec = POLICY_NSEC3_OPT_OUT;
        } else {
            complain(parser, "policy-word", "this word is not known for nsec3param",
                "nsec3param iterations 0 optout no salt-length 0;");
        }
    }
}

enum kind { KIND_DURATION, KIND_TRUTH };

static const struct setting {
    const char *word;
    enum kind kind;
    size_t offset;
} settings[] = {
    {"dnskey-ttl", KIND_DURATION, offsetof(struct policy, dnskey_ttl_s)},
    {"max-zone-ttl", KIND_DURATION, offsetof(struct policy, max_zone_ttl_s)},
    {"zone-propagation-delay", KIND_DURATION, offsetof(struct policy, zone_propagation_delay_s)},
    {"parent-ds-ttl", KIND_DURATION, offsetof(struct policy, parent_ds_ttl_s)},
    {"parent-propagation-delay", KIND_DURATION, offsetof(struct policy, parent_propagation_delay_s)},
    {"publish-safety", KIND_DURATION, offsetof(struct policy, publish_safety_s)},
    {"retire-safety", KIND_DURATION, offsetof(struct policy, retire_safety_s)},
    {"purge-keys", KIND_DURATION, offsetof(struct policy, purge_keys_s)},
    {"signatures-validity", KIND_DURATION, offsetof(struct policy, signatures_validity_s)},
    {"signatures-validity-dnskey", KIND_DURATION, offsetof(struct policy, signatures_validity_dnskey_s)},
    {"signatures-refresh", KIND_DURATION, offsetof(struct policy, signatures_refresh_s)},
    {"signatures-jitter", KIND_DURATION, offsetof(struct policy, signatures_jitter_s)},
    {"cdnskey", KIND_TRUTH, offsetof(struct policy, cdnskey)},
    {"signal-zones", KIND_TRUTH, offsetof(struct policy, signal_zones)},
    {"resign-at-once", KIND_TRUTH, offsetof(struct policy, resign_at_once)},
};

static bool parse_setting(struct parser *parser, struct policy *policy)
{
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
        if (!is(parser, settings[i].word))
            continue;
        next(parser);
        void *field = (char *)policy + settings[i].offset;
        if (settings[i].kind == KIND_DURATION)
            *(int64_t *)field = duration(parser);
        else
            *(bool *)field = pick(parser, truths, "this is yes or no") > 0;
        return true;
    }
    return false;
}

static void parse_digests(struct parser *parser, struct policy *policy)
{
    (void)expect(parser, "{");
    while (!parser->failed && !is(parser, "}") && parser->token.len != 0) {
        int digest = pick(parser, digests, "a CDS digest is sha-256 or sha-384");
        policy->cds_digest = digest > 0 ? (uint8_t)digest : policy->cds_digest;
        (void)expect(parser, ";");
    }
    (void)expect(parser, "}");
}

static void parse_statement(struct parser *parser, struct policy *policy)
{
    if (parse_setting(parser, policy)) {
        /* done */
    } else if (is(parser, "keys")) {
        next(parser);
        parse_keys(parser, policy);
    } else if (is(parser, "nsec3param")) {
        next(parser);
        parse_nsec3(parser, policy);
    } else if (is(parser, "cds-digest-types")) {
        next(parser);
        parse_digests(parser, policy);
    } else if (is(parser, "ksk-rollover")) {
        next(parser);
        int method = pick(parser, ksk_methods, "ksk-rollover is double-signature, double-ds or double-rrset");
        policy->ksk_method = method >= 0 ? (enum policy_ksk_method)method : policy->ksk_method;
    } else if (is(parser, "zsk-rollover")) {
        next(parser);
        int method = pick(parser, zsk_methods, "zsk-rollover is pre-publish or double-signature");
        policy->zsk_method = method >= 0 ? (enum policy_zsk_method)method : policy->zsk_method;
    } else if (is(parser, "offline-ksk") || is(parser, "inline-signing") || is(parser, "manual-mode")) {
        next(parser); /* BIND's, about its own way of working */
        (void)pick(parser, truths, "this is yes or no");
    } else {
        complain(parser, "policy-word", "this word is not known in a policy", "signer(8) lists them");
    }
    (void)expect(parser, ";");
}

/* What the parts mean together. */
static void check(struct parser *parser, const struct policy *policy)
{
    bool sep[256] = {false}, zone[256] = {false};
    for (unsigned i = 0; i < policy->keys_count; i++) {
        sep[policy->keys[i].algorithm] |= (policy->keys[i].role & POLICY_KSK) != 0;
        zone[policy->keys[i].algorithm] |= (policy->keys[i].role & POLICY_ZSK) != 0;
    }
    for (unsigned a = 0; a < 256; a++)
        if (sep[a] != zone[a])
            complain(parser, "policy-keys", "an algorithm has a ksk without a zsk, or a zsk without a ksk",
                "every algorithm needs both, or a csk (RFC 4035 2.2)");
    if (policy->signatures_refresh_s >= policy->signatures_validity_s ||
        policy->signatures_refresh_s >= policy->signatures_validity_dnskey_s)
        complain(parser, "policy-times", "signatures-refresh is not shorter than signatures-validity",
            "signatures are made anew when less than signatures-refresh of their validity is left");
    else if (policy->signatures_refresh_s < policy->max_zone_ttl_s)
        complain(parser, "policy-times", "signatures-refresh is shorter than max-zone-ttl",
            "a cache could hold a signature longer than it is valid (RFC 6781 4.4.2)");
    if (policy->signatures_jitter_s > policy->signatures_validity_s - policy->signatures_refresh_s)
        complain(
            parser, "policy-times", "signatures-jitter leaves no time between signing and refreshing", NULL);
}

static bool wanted(const struct parser *parser, const char *name)
{
    return name == NULL ||
           (parser->token.len == strlen(name) && memcmp(parser->token.at, name, parser->token.len) == 0);
}

static enum err parse_policies(struct parser *parser, const char *name, struct policy *policy)
{
    bool found = false;
    next(parser);
    while (!parser->failed && parser->token.len != 0) {
        struct policy one;
        policy_default(&one);
        (void)expect(parser, "dnssec-policy");
        bool mine = !found && wanted(parser, name);
        if (parser->token.len > POLICY_NAME_MAX)
            complain(parser, "policy-value", "the policy's name is too long", NULL);
        (void)snprintf(one.name, sizeof one.name, "%.*s", (int)parser->token.len, parser->token.at);
        next(parser);
        (void)expect(parser, "{");
        while (!parser->failed && !is(parser, "}") && parser->token.len != 0)
            parse_statement(parser, &one);
        if (!parser->failed)
            check(parser, &one);
        (void)expect(parser, "}");
        (void)expect(parser, ";");
        if (mine)
            *policy = one;
        found |= mine;
    }
    return parser->failed ? ERR_INVALID : found ? ERR_OK : ERR_MISSING;
}

enum err policy_parse(const char *text, size_t len, const char *file, const char *name,
    const struct finding_sink *sink, struct policy *policy)
{
    struct parser parser = {
        .at = text, .end = text + len, .line_start = text, .line = 1, .file = file, .sink = sink};
    struct policy read;
    enum err err = parse_policies(&parser, name, &read);
    bool none = name != NULL && (strcmp(name, "insecure") == 0 || strcmp(name, "none") == 0);
    if (err == ERR_MISSING && (none || (name != NULL && strcmp(name, "default") == 0))) {
        policy_default(&read);
        (void)snprintf(read.name, sizeof read.name, "%s", name);
        read.keys_count = none ? 0 : read.keys_count;
        err = ERR_OK;
    }
    if (err == ERR_OK)
        *policy = read;
    return err;
}
