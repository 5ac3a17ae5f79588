#include "plugins/template/counted.h"

#include "zone/wire/type.h"

#define PLACES 8 /* of a tally; the last is for all others */

/* A rule for one zone counts by these. */
static const uint16_t types[PLACES - 1] = {TYPE_A, TYPE_AAAA, TYPE_PTR, TYPE_TXT, TYPE_MX, TYPE_NS, TYPE_SOA};

enum err counted_init(struct counted_rule *counted, struct setup *setup)
{
    static const char *const whats[COUNTED_KINDS] = {"matches", "templates", "records"};
    for (unsigned i = 0; i < COUNTED_KINDS; i++) {
        counted->names[i] = keep_name(setup, KEEP_DIRECTIVE, whats[i]);
        if (counted->names[i] == NULL)
            return ERR_MEMORY;
    }
    counted->block = setup->block;
    return ERR_OK;
}

enum err counted_start(struct counted_rule *counted)
{
    for (unsigned i = 0; i < COUNTED_KINDS; i++) {
        counted->tallies[i] = tally_take(counted->names[i]);
        if (counted->tallies[i] == NULL)
            return ERR_MEMORY;
    }
    return ERR_OK;
}

void counted_stop(const struct counted_rule *counted)
{
    for (unsigned i = 0; i < COUNTED_KINDS; i++)
        keep_drop(counted->names[i], counted->tallies[i]);
}

static unsigned place(unsigned index)
{
    return index < PLACES - 1 ? index : PLACES - 1;
}

static unsigned type_place(uint16_t type)
{
    unsigned i = 0;
    while (i < PLACES - 1 && types[i] != type)
        i++;
    return i;
}

void counted_match(const struct counted_rule *counted, const struct query *query, unsigned zone)
{
    bool by_type = counted->zones_count == 1;
    tally_add(counted->tallies[COUNTED_MATCHES], query->worker,
        by_type ? type_place(query->question->type) : place(zone), 1);
}

void counted_failure(
    const struct counted_rule *counted, const struct query *query, enum counted which, unsigned line)
{
    tally_add(counted->tallies[which], query->worker, place(line), 1);
}

/* ---- telling ---- */

static void print_class(const struct counted_rule *counted, char *text)
{
    class_print(counted->class == CLASS_ANY ? CLASS_IN : counted->class, text);
}

void counted_tell_matches(const struct counted_rule *counted, struct metrics *out)
{
    static const struct metric metric = {
        "coredns_template_matches_total", METRIC_COUNTER, "Counter of template regex matches."};
    char class[16], type[16];
    bool by_type = counted->zones_count == 1;
    print_class(counted, class);
    for (unsigned i = 0; i < PLACES; i++) {
        uint64_t count = tally_sum(counted->tallies[COUNTED_MATCHES], i);
        if (count == 0)
            continue;
        bool other = i == PLACES - 1 && counted->type == TYPE_ANY;
        type_print(by_type && i < PLACES - 1 ? types[i] : counted->type, type);
        metrics_add(out, &metric, (double)count,
            METRIC_LABELS("server", counted->block->server, "zone",
                by_type          ? counted->zones[0]
                : i < PLACES - 1 ? counted->zones[i]
                                 : "",
                "view", block_view(counted->block), "class", class, "type",
                by_type && other ? "other" : type));
    }
}

void counted_tell_failures(const struct counted_rule *counted, unsigned line, const char *section,
    const char *text, struct metrics *out)
{
    static const struct metric metrics[COUNTED_KINDS] = {
        [COUNTED_TEMPLATES] = {"coredns_template_template_failures_total", METRIC_COUNTER,
            "Counter of go template failures."},
        [COUNTED_RECORDS] = {"coredns_template_rr_failures_total", METRIC_COUNTER,
            "Counter of mis-templated RRs."},
    };
    char class[16], type[16];
    print_class(counted, class);
    type_print(counted->type, type);
    for (unsigned which = COUNTED_TEMPLATES; which < COUNTED_KINDS; which++) {
        uint64_t count = tally_sum(counted->tallies[which], place(line));
        if (count != 0)
            metrics_add(out, &metrics[which], (double)count,
                METRIC_LABELS("server", counted->block->server, "zone",
                    counted->zones_count == 1 ? counted->zones[0] : "", "view", block_view(counted->block),
                    "class", class, "type", type, "section", section, "template", text));
    }
}
