/* Effects for people (text, Markdown) and for programs (JSON). */
#include <stdio.h>
#include <string.h>

#include "zonetool/effect.h"
#include "zonetool/show.h"

static const struct {
    const char *word, *title;
} areas[] = {
    [AREA_SERVICE] = {"service", "Names and addresses"},
    [AREA_DELEGATION] = {"delegation", "Delegations"},
    [AREA_MAIL] = {"mail", "Mail"},
    [AREA_DNSSEC] = {"dnssec", "DNSSEC chain of trust"},
};

#define MARKDOWN_ROWS 100

static const char below[] = "any name below ";

const char *effect_subject(const struct effect *effect)
{
    static char text[NAME_TEXT_MAX + 60];
    snprintf(text, sizeof text, "%s%s %s", effect->below ? below : "", show_name(effect->name),
        show_type(effect->type));
    return text;
}

void effect_show_subject(FILE *out, const struct effect *effect)
{
    const char *subject = effect_subject(effect);
    if (effect->below) {
        fputs(below, out);
        subject += strlen(below);
    }
    show_code(out, subject);
}

/* What differs only for those who validate. */
static const char *for_validators(const struct told *old, const struct told *new)
{
    if ((old->signers == 0) != (new->signers == 0))
        return new->signers == 0 ? "the same, no longer signed" : "the same, signed now";
    if (old->signers != new->signers)
        return "the same, signed by other keys";
    return new->kind == TOLD_REFERRAL ? "the same servers, with other DS records or proof of none"
                                      : "the same, proved otherwise";
}

/* What happens, from the kinds of the two answers; the special cases first. */
const char *effect_what(const struct effect *effect)
{
    static char text[160];
    enum told_kind old = effect->old.kind, new = effect->new.kind;
    if (told_same_plainly(&effect->old, &effect->new))
        return for_validators(&effect->old, &effect->new);
    if (old == TOLD_DATA && new == TOLD_WILDCARD)
        return "a wildcard answers now";
    if (old == TOLD_WILDCARD && new == TOLD_DATA)
        return "has data of its own now; a wildcard answered";
    if (old == TOLD_WILDCARD && (new == TOLD_NXDOMAIN || new == TOLD_NODATA)) {
        snprintf(text, sizeof text, "no wildcard answers any more: %s", told_phrase(new));
        return text;
    }
    if (old == TOLD_NXDOMAIN && new == TOLD_NODATA)
        return "the name is there now, without such data";
    if (old == TOLD_NODATA && new == TOLD_NXDOMAIN)
        return "the name is gone";
    if (new == TOLD_REFERRAL && old != TOLD_REFERRAL)
        return "other servers are asked now (delegated)";
    if (old == TOLD_REFERRAL && new != TOLD_REFERRAL) {
        snprintf(text, sizeof text, "no longer delegated: %s", told_phrase(new));
        return text;
    }
    if (old == new)
        return old == TOLD_REFERRAL ? "other servers than before" : "other data than before";
    snprintf(text, sizeof text, "was %s, is %s", told_phrase(old), told_phrase(new));
    return text;
}

static void text_area(const struct effects *effects, enum effect_area area)
{
    bool titled = false;
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->area != area)
            continue;
        if (!titled)
            printf("%s:\n", areas[area].title);
        titled = true;
        printf("  %s: %s; cached for up to %s\n", effect_subject(effect), effect_what(effect),
            show_span(effect->old.ttl));
    }
}

static const char *chain_note(const struct effects *effects)
{
    if (effects->signed_before && !effects->signed_after)
        return "The zone is no longer signed: while its parent has a DS record, validating resolvers fail "
               "for all of it.";
    if (!effects->signed_before && effects->signed_after)
        return "The zone is signed now: it is believed when its parent gets the DS record.";
    if (effects->chain)
        return "Keys or delegation signers change: compare the DS records at the parent before this is "
               "published.";
    return NULL;
}

static void text_times(const struct effects *effects)
{
    if (effects->count == 0) {
        puts("No answer changes.");
        return;
    }
    printf("Old answers may stay in caches for %s after the last server has the new zone",
        show_span(effects->old_life));
    printf(" (a secondary that misses the NOTIFY asks again within %s).\n", show_span(effects->refresh));
    printf("If it is taken back, that is complete %s after the last server has the old zone again.\n",
        show_span(effects->new_life));
}

void effects_text(const struct effects *effects)
{
    printf("\nAnswers that change: %zu\n", effects->count);
    for (unsigned area = 0; area < ARRAY_COUNT(areas); area++)
        text_area(effects, (enum effect_area)area);
    if (chain_note(effects) != NULL)
        puts(chain_note(effects));
    text_times(effects);
}

static void markdown_area(const struct effects *effects, enum effect_area area)
{
    size_t rows = 0;
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->area != area)
            continue;
        if (rows == 0)
            printf("**%s**\n\n", areas[area].title);
        if (++rows > MARKDOWN_ROWS)
            continue;
        fputs("* ", stdout);
        effect_show_subject(stdout, effect);
        printf(": %s\n", effect_what(effect));
    }
    if (rows > MARKDOWN_ROWS)
        printf("* and %zu more\n", rows - MARKDOWN_ROWS);
    if (rows > 0)
        puts("");
}

void effects_markdown(const struct effects *effects)
{
    for (unsigned area = 0; area < ARRAY_COUNT(areas); area++)
        markdown_area(effects, (enum effect_area)area);
    if (chain_note(effects) != NULL)
        printf("> :warning: %s\n\n", chain_note(effects));
    text_times(effects);
    puts("");
}

static void json_told(struct json *json, const char *word, const struct told *told)
{
    json_open(json, word, '{');
    json_text(json, "answer", told_word(told->kind));
    json_number(json, "ttl", told->ttl);
    json_close(json, '}');
}

void effects_json(const struct effects *effects, struct json *json)
{
    json_open(json, "effects", '[');
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        json_open(json, NULL, '{');
        json_text(json, "name", show_name(effect->name));
        json_text(json, "type", show_type(effect->type));
        json_bool(json, "below", effect->below);
        json_text(json, "area", areas[effect->area].word);
        json_told(json, "old", &effect->old);
        json_told(json, "new", &effect->new);
        json_text(json, "what", effect_what(effect));
        json_close(json, '}');
    }
    json_close(json, ']');
    json_number(json, "old_answers_cached_for", effects->old_life);
    json_number(json, "rollback_complete_after", effects->new_life);
    json_number(json, "secondaries_refresh_within", effects->refresh);
    json_bool(json, "signed_before", effects->signed_before);
    json_bool(json, "signed_after", effects->signed_after);
}
