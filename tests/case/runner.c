/* Runs text scenarios: runner [-p] FILE... Each query goes the way it goes in the server: read, found,
 * answered, encoded; the reply is read by ldns. -p prints the replies instead of comparing them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/case/script.h"
#include "zone/store/answer.h"
#include "zone/wire/encode.h"
#include "zone/wire/type.h"

#define SEEDS 6

static const char *const section_names[] = {"answer", "authority", "additional"};

/* The query as octets. */
static size_t make_query(const struct step *step, uint8_t *out)
{
    if (step->packet_len > 0) {
        memcpy(out, step->packet, step->packet_len);
        return step->packet_len;
    }
    ldns_rr_type type = ldns_get_rr_type_by_name(step->type);
    ldns_pkt *packet = ldns_pkt_query_new(ldns_dname_new_frm_str(step->name), type, LDNS_RR_CLASS_IN, 0);
    uint8_t *wire = NULL;
    size_t len = 0;
    if (step->edns)
        ldns_pkt_set_edns_udp_size(packet, (uint16_t)step->edns_size);
    ldns_pkt_set_edns_do(packet, step->dnssec);
    if (ldns_pkt2wire(&wire, packet, &len) == LDNS_STATUS_OK)
        memcpy(out, wire, len);
    free(wire);
    ldns_pkt_free(packet);
    return len;
}

/* The zone with the longest name that QUESTION's is under, or NULL. */
static struct zone *choose_zone(struct script *script, const struct question *question)
{
    struct zone *best = NULL;
    unsigned best_len = 0;
    for (unsigned i = 0; i < script->zone_count; i++) {
        const struct image_header *header = script->zones[i].snapshot->image->header;
        if (name_under(question->lower, header->apex_name) && header->apex_len > best_len) {
            best = &script->zones[i];
            best_len = header->apex_len;
        }
    }
    return best;
}

static const uint8_t *last_target(const struct reply *reply)
{
    for (unsigned i = reply->count; i > 0; i--) {
        struct record record;
        if (reply->refs[i - 1].section != SECTION_ANSWER)
            continue;
        record_read(reply->refs[i - 1].rrset->data, true, &record);
        return record.rdata;
    }
    abort();
}

/* Answers, going on in another zone when the scenario wants aliases followed there. Returns the zone asked
 * first. */
static struct zone *answer(struct script *script, const struct step *step, const struct message *query,
    struct reply *reply, struct arena *scratch)
{
    struct answer_options options = {.dnssec = query->edns.dnssec};
    struct zone *first = choose_zone(script, &query->question), *zone = first;
    struct question question = query->question;
    enum verdict verdict = VERDICT_ALIAS;
    if (zone == NULL)
        reply->rcode = RCODE_REFUSED;
    while (zone != NULL && verdict == VERDICT_ALIAS) {
        struct find find;
        find_name(&find, zone->snapshot, &question);
        verdict = answer_found(&find, &options, reply, scratch);
        if (verdict != VERDICT_ALIAS || !step->follow)
            break;
        question_set(&question, last_target(reply), query->question.type, CLASS_IN);
        zone = choose_zone(script, &question);
    }
    return first;
}

/* Asks; the reply is written to OUT, of 64 KiB. */
static bool ask(struct script *script, const struct step *step, struct shown *shown)
{
    static uint8_t out[MESSAGE_MAX];
    uint8_t packet[1024];
    struct message query;
    struct reply reply;
    struct arena scratch;
    size_t len = make_query(step, packet);
    enum message_verdict verdict = message_read(&query, packet, len);
    struct zone *zone = &script->zones[0];
    if (verdict == MESSAGE_DROP) {
        shown->head = strdup("none");
        for (int i = 0; i < SHOW_SECTIONS; i++)
            shown->section[i] = strdup("");
        return true;
    }
    arena_init(&scratch, 0);
    reply_clear(&reply);
    reply.rcode = (uint16_t)message_rcode(verdict);
    reply.ede = query.ede;
    if (verdict == MESSAGE_ANSWER)
        zone = answer(script, step, &query, &reply, &scratch);
    uint32_t limit = message_udp_limit(&query, step->limit);
    limit = step->tcp ? MESSAGE_MAX : limit < step->limit ? limit : step->limit;
    struct envelope envelope = {.query = &query, .limit = limit};
    size_t reply_len = reply_encode(&envelope, &reply, out);
    bool fine = reply_len <= envelope.limit &&
                show_reply(zone != NULL ? zone : &script->zones[0], out, reply_len, shown);
    if (fine && step->packet_len > 0)
        fine = show_wire(out, reply_len, shown);
    arena_clear(&scratch);
    return fine;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of TEXT in order; the answer section's order matters (a chain is told from its beginning), the
 * others' does not. */
static char *sorted(const char *text)
{
    char *copy = strdup(text), *lines[4096], *save, *out = NULL;
    size_t count = 0, len;
    for (char *line = strtok_r(copy, "\n", &save); line != NULL && count < 4096;
         line = strtok_r(NULL, "\n", &save))
        lines[count++] = line;
    qsort(lines, count, sizeof *lines, compare_lines);
    FILE *stream = open_memstream(&out, &len);
    for (size_t i = 0; i < count; i++)
        fprintf(stream, "%s\n", lines[i]);
    fclose(stream);
    free(copy);
    return out;
}

static bool same_section(int section, const char *a, const char *b)
{
    a = a != NULL ? a : "";
    b = b != NULL ? b : "";
    if (section == SHOW_ANSWER)
        return strcmp(a, b) == 0;
    char *one = sorted(a), *two = sorted(b);
    bool same = strcmp(one, two) == 0;
    free(one);
    free(two);
    return same;
}

static bool same(const struct shown *a, const struct shown *b)
{
    bool same = a->head != NULL && strcmp(a->head, b->head) == 0;
    for (int i = 0; i < SHOW_SECTIONS; i++)
        same = same && same_section(i, a->section[i], b->section[i]);
    return same;
}

static void print_shown(const struct shown *shown)
{
    printf("reply %s\n", shown->head != NULL ? shown->head : "(none expected)");
    for (int i = 0; i < SHOW_SECTIONS; i++) {
        if (shown->section[i] == NULL || shown->section[i][0] == 0)
            continue;
        printf("%s\n", section_names[i]);
        for (const char *line = shown->section[i], *end; *line != 0; line = end + 1) {
            end = strchr(line, '\n');
            printf("  %.*s\n", (int)(end - line), line);
        }
    }
}

static bool run_step(struct script *script, const struct step *step, bool print)
{
    struct shown got = {0};
    bool fine = ask(script, step, &got);
    if (print) {
        printf("query %s %s\n", step->name, step->type);
        print_shown(&got);
        printf("\n");
    } else if (!fine || !same(&step->expected, &got)) {
        fine = false;
        printf("%s:%u: query %s %s\n-- expected\n", script->path, step->line, step->name, step->type);
        print_shown(&step->expected);
        printf("-- got\n");
        print_shown(&got);
    }
    shown_clear(&got);
    return fine;
}

/* Adds the scenario's steps to the counts. One that cannot be set up has failed once. */
static void run_script(const char *path, unsigned seed, bool print, unsigned *passed, unsigned *failed)
{
    struct script script;
    bool fine = script_read(&script, path);
    for (unsigned i = 0; fine && i < script.zone_count; i++) {
        script.zones[i].seed = seed;
        fine = zone_load(&script.zones[i], path);
    }
    unsigned before = *failed;
    if (!fine || script.step_count == 0) {
        printf("%s: cannot be run\n", path);
        ++*failed;
    } else {
        for (unsigned i = 0; i < script.step_count; i++)
            ++*(run_step(&script, &script.steps[i], print) ? passed : failed);
    }
    if (*failed != before && seed != 0)
        printf("%s: the zone came about by changes, seed %u\n", path, seed);
    script_clear(&script);
}

/* Each scenario with zones read at once, then with zones that are a change of others. */
int main(int argc, char **argv)
{
    bool print = argc > 1 && strcmp(argv[1], "-p") == 0;
    unsigned passed = 0, failed = 0;
    for (unsigned seed = 0; seed < (print ? 1 : SEEDS); seed++) {
        for (int i = print ? 2 : 1; i < argc; i++)
            run_script(argv[i], seed, print, &passed, &failed);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
