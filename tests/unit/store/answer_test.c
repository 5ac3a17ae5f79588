/* The answer engine against a naive oracle: small random zones, every name near them and every type. The
 * oracle follows RFC 1034 4.3.2, 4592, 6604 and 6672 over a plain list of records with names as text, and
 * knows nothing of images, nodes or flags. Each zone is asked when read at once and when it came about as a
 * change of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#include "zone/store/answer.h"
#include "zone/store/load.h"
#include "zone/wire/encode.h"
#include "zone/wire/type.h"

#define ZONES 12 /* or as many as BAILIWICK_ZONES says, from the seed in BAILIWICK_SEED */
#define RECORDS_MAX 24
#define TEXT 512
#define CHAIN 16
#define APEX "z."

/* Names are relative to the apex, "" is the apex itself; a name outside ends with a dot. */
struct entry {
    char owner[TEXT];
    const char *type;
    char target[TEXT]; /* of NS, CNAME, DNAME, MX; the data of others */
};

struct list {
    struct entry entries[RECORDS_MAX];
    unsigned count;
};

static unsigned state = 1;

static unsigned draw(unsigned below)
{
    state = state * 1103515245 + 12345;
    return (state >> 16) % below;
}

/* ---- random zones ---- */

static void draw_name(char *out, unsigned depth_min)
{
    static const char *const labels[] = {"a", "b", "*"};
    unsigned depth = depth_min + draw(4 - depth_min);
    *out = 0;
    for (unsigned i = 0; i < depth; i++) {
        strcat(out, i > 0 ? "." : "");
        strcat(out, labels[draw(3)]);
    }
}

static bool has(const struct list *list, const char *owner, const char *type)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (strcmp(list->entries[i].owner, owner) == 0 &&
            (type == NULL || strcmp(list->entries[i].type, type) == 0))
            return true;
    }
    return false;
}

/* What may stand together (RFC 2181 10.1, RFC 6672 2.4); NS at a wildcard means nothing (RFC 4592 4.2). */
static bool allowed(const struct list *list, const struct entry *entry)
{
    const char *type = entry->type;
    bool alias = strcmp(type, "CNAME") == 0, dname = strcmp(type, "DNAME") == 0, ns = strcmp(type, "NS") == 0;
    if (has(list, entry->owner, "CNAME") || (alias && has(list, entry->owner, NULL)))
        return false;
    if (dname && (has(list, entry->owner, "DNAME") || has(list, entry->owner, "NS")))
        return false;
    if (ns && (entry->owner[0] == '*' || has(list, entry->owner, "DNAME")))
        return false;
    if (strcmp(type, "DS") == 0 && !has(list, entry->owner, "NS"))
        return false;
    for (unsigned i = 0; i < list->count; i++) {
        if (memcmp(&list->entries[i], entry, sizeof *entry) == 0)
            return false;
    }
    return true;
}

static void draw_entry(struct list *list)
{
    static const char *const types[] = {"A", "A", "TXT", "MX", "NS", "CNAME", "CNAME", "DNAME", "DS"};
    struct entry entry;
    memset(&entry, 0, sizeof entry);
    entry.type = types[draw(9)];
    draw_name(entry.owner, 1);
    if (strcmp(entry.type, "A") == 0)
        snprintf(entry.target, TEXT, "192.0.2.%u", draw(3));
    else if (strcmp(entry.type, "TXT") == 0)
        snprintf(entry.target, TEXT, "\"%u\"", draw(3));
    else if (strcmp(entry.type, "DS") == 0)
        snprintf(
            entry.target, TEXT, "1 13 2 0102030405060708091011121314151617181920212223242526272829303132");
    else if (draw(5) == 0)
        snprintf(entry.target, TEXT, "out.");
    else
        draw_name(entry.target, 0);
    if (allowed(list, &entry))
        list->entries[list->count++] = entry;
}

static void draw_list(struct list *list)
{
    *list = (struct list){.count = 0};
    if (draw(12) == 0)
        list->entries[list->count++] = (struct entry){.owner = "", .type = "DNAME", .target = "out."};
    for (unsigned i = 0, count = 2 + draw(RECORDS_MAX - 3); i < count; i++)
        draw_entry(list);
}

static void copy_name(const char *name, char *out)
{
    size_t len = strlen(name);
    assert_true(len < TEXT);
    memcpy(out, name, len + 1);
}

/* FIRST_LEN octets of FIRST, then SECOND. */
static void join(const char *first, size_t first_len, const char *second, char *out)
{
    assert_true(first_len + strlen(second) < TEXT);
    memcpy(out, first, first_len);
    copy_name(second, out + first_len);
}

static void absolute(const char *name, char *out)
{
    size_t len = strlen(name);
    if (len > 0 && name[len - 1] == '.')
        copy_name(name, out);
    else
        snprintf(out, TEXT, "%s%s" APEX, name, len > 0 ? "." : "");
}

static bool is_named(const char *type)
{
    return strcmp(type, "A") != 0 && strcmp(type, "TXT") != 0 && strcmp(type, "DS") != 0;
}

static void print_rdata(const struct entry *entry, char *out)
{
    char name[TEXT];
    absolute(entry->target, name);
    if (!is_named(entry->type))
        snprintf(out, TEXT, "%s", entry->target);
    else
        snprintf(out, TEXT + 8, "%s%s", strcmp(entry->type, "MX") == 0 ? "1 " : "", name);
}

static char *print_zone(const struct list *list)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    fprintf(out, "$TTL 60\n" APEX " SOA ns.other. host.other. 1 2 3 4 5\n" APEX " NS ns.other.\n");
    for (unsigned i = 0; i < list->count; i++) {
        char owner[TEXT], rdata[TEXT + 8];
        absolute(list->entries[i].owner, owner);
        print_rdata(&list->entries[i], rdata);
        fprintf(out, "%s %s %s\n", owner, list->entries[i].type, rdata);
    }
    fclose(out);
    return text;
}

/* ---- the oracle ---- */

struct told {
    char *lines[256]; /* "section owner type rdata", sorted at the end */
    unsigned count;
    const char *rcode;
    bool authoritative;
};

static void tell(
    struct told *told, const char *section, const char *owner, const char *type, const char *rdata)
{
    char *line;
    if (asprintf(&line, "%s %s %s %s", section, owner, type, rdata) < 0)
        abort();
    for (unsigned i = 0; i < told->count; i++) {
        if (strcmp(told->lines[i], line) == 0) { /* a DNAME met twice is told once */
            free(line);
            return;
        }
    }
    told->lines[told->count++] = line;
}

static void tell_records(struct told *told, const struct list *list, const char *section, const char *source,
    const char *owner, const char *type)
{
    char name[TEXT], rdata[TEXT + 8];
    absolute(owner, name);
    for (unsigned i = 0; i < list->count; i++) {
        const struct entry *entry = &list->entries[i];
        if (strcmp(entry->owner, source) != 0 || (type != NULL && strcmp(entry->type, type) != 0))
            continue;
        print_rdata(entry, rdata);
        tell(told, section, name, entry->type, rdata);
    }
}

static bool below(const char *name, const char *ancestor)
{
    size_t len = strlen(name), ancestor_len = strlen(ancestor);
    if (ancestor_len == 0)
        return len > 0;
    return len > ancestor_len && name[len - ancestor_len - 1] == '.' &&
           strcmp(name + len - ancestor_len, ancestor) == 0;
}

/* RFC 4592 2.2.2: a name exists when it or something below it has records. */
static bool exists(const struct list *list, const char *name)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (strcmp(list->entries[i].owner, name) == 0 || below(list->entries[i].owner, name))
            return true;
    }
    return *name == 0;
}

static const char *parent(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot != NULL ? dot + 1 : name + strlen(name);
}

/* The ancestor of NAME (or itself) with DEPTH labels. */
static const char *ancestor_at(const char *name, unsigned depth)
{
    unsigned labels = *name != 0;
    for (const char *at = name; *at != 0; at++)
        labels += *at == '.';
    for (; labels > depth; labels--)
        name = parent(name);
    return name;
}

static const char *data_of(const struct list *list, const char *owner, const char *type)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (strcmp(list->entries[i].owner, owner) == 0 && strcmp(list->entries[i].type, type) == 0)
            return list->entries[i].target;
    }
    return NULL;
}

static void tell_soa(struct told *told)
{
    tell(told, "authority", APEX, "SOA", "ns.other. host.other. 1 2 3 4 5");
}

/* NEXT becomes the name with the suffix CUT exchanged for TARGET. */
static void rewrite(const char *name, const char *cut, const char *target, char *next)
{
    join(name, strlen(name) - strlen(cut), *cut == 0 ? "." : "", next);
    join(next, strlen(next), target, next);
    size_t len = strlen(next);
    if (*target == 0 && len > 0) /* "x." + apex */
        next[len - 1] = 0;
}

/* One step for NAME: true when it goes on at NEXT by a CNAME. */
static bool oracle_step(
    const struct list *list, const char *name, const char *type, struct told *told, char *next)
{
    bool any = strcmp(type, "ANY") == 0;
    for (unsigned depth = 0;; depth++) {
        const char *at = ancestor_at(name, depth);
        bool whole = strlen(at) == strlen(name);
        if (depth > 0 && has(list, at, "NS") && !(whole && strcmp(type, "DS") == 0)) {
            told->authoritative = told->count > 0;
            tell_records(told, list, "authority", at, at, "NS");
            return false;
        }
        if (whole)
            break;
        if (has(list, at, "DNAME")) {
            char owner[TEXT], target[TEXT];
            tell_records(told, list, "answer", at, at, "DNAME");
            rewrite(name, at, data_of(list, at, "DNAME"), next);
            absolute(name, owner);
            absolute(next, target);
            tell(told, "answer", owner, "CNAME", target);
            return !any && strcmp(type, "CNAME") != 0;
        }
    }
    char source[TEXT + 2];
    copy_name(name, source);
    if (!exists(list, name)) {
        const char *encloser = name;
        while (!exists(list, encloser))
            encloser = parent(encloser);
        join("*.", *encloser != 0 ? 2 : 1, encloser, source);
        if (!exists(list, source)) {
            told->rcode = "NXDOMAIN";
            tell_soa(told);
            return false;
        }
    }
    if (*source == 0 && (any || strcmp(type, "SOA") == 0))
        tell(told, "answer", APEX, "SOA", "ns.other. host.other. 1 2 3 4 5");
    if (*source == 0 && (any || strcmp(type, "NS") == 0))
        tell(told, "answer", APEX, "NS", "ns.other.");
    bool apex_hit = *source == 0 && (any || strcmp(type, "SOA") == 0 || strcmp(type, "NS") == 0);
    if (apex_hit || has(list, source, any ? NULL : type)) {
        tell_records(told, list, "answer", source, name, any ? NULL : type);
        return false;
    }
    if (has(list, source, "CNAME")) {
        tell_records(told, list, "answer", source, name, "CNAME");
        copy_name(data_of(list, source, "CNAME"), next);
        return true;
    }
    tell_soa(told);
    return false;
}

static void ask_oracle(const struct list *list, const char *name, const char *type, struct told *told)
{
    static char visited[CHAIN + 1][TEXT];
    *told = (struct told){.rcode = "NOERROR", .authoritative = true};
    copy_name(name, visited[0]);
    for (unsigned hops = 0; hops < CHAIN; hops++) {
        char next[TEXT];
        if (!oracle_step(list, visited[hops], type, told, next))
            return;
        if (*next != 0 && next[strlen(next) - 1] == '.')
            return;
        for (unsigned i = 0; i <= hops; i++) {
            if (strcmp(visited[i], next) == 0)
                return;
        }
        copy_name(next, visited[hops + 1]);
    }
}

/* ---- ours ---- */

static void tell_section(struct told *told, const char *section, const ldns_rr_list *list)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        char *owner = ldns_rdf2str(ldns_rr_owner(rr)), *type = ldns_rr_type2str(ldns_rr_get_type(rr)),
             *rdata = NULL;
        size_t len;
        FILE *out = open_memstream(&rdata, &len);
        for (size_t j = 0; j < ldns_rr_rd_count(rr); j++) {
            char *field = ldns_rdf2str(ldns_rr_rdf(rr, j));
            fprintf(out, "%s%s", j > 0 ? " " : "", field);
            free(field);
        }
        fclose(out);
        char *line;
        if (asprintf(&line, "%s %s %s %s", section, owner, type, rdata) > 0)
            told->lines[told->count++] = line;
        free(owner);
        free(type);
        free(rdata);
    }
}

static uint16_t type_of(const char *type)
{
    return (uint16_t)ldns_get_rr_type_by_name(type);
}

static void ask_ours(const struct snapshot *snapshot, const char *name, const char *type, struct told *told)
{
    static uint8_t out[MESSAGE_MAX];
    uint8_t packet[NAME_MAX + 16] = "\1\2\0\0\0\1\0\0\0\0\0\0";
    char text[TEXT];
    size_t name_len;
    absolute(name, text);
    assert_int_equal(name_parse(text, strlen(text), NULL, packet + 12, &name_len, NULL), ERR_OK);
    packet[12 + name_len + 1] = (uint8_t)type_of(type);
    packet[12 + name_len + 3] = 1;

    struct message query;
    struct reply reply;
    struct find find;
    struct arena scratch;
    struct answer_options options = {.dnssec = false};
    assert_int_equal(message_read(&query, packet, 16 + name_len), MESSAGE_ANSWER);
    arena_init(&scratch, 0);
    reply_clear(&reply);
    find_name(&find, snapshot, &query.question);
    answer_found(&find, &options, &reply, &scratch);
    struct envelope envelope = {.query = &query, .limit = MESSAGE_MAX};
    size_t len = reply_encode(&envelope, &reply, out);
    arena_clear(&scratch);

    ldns_pkt *read = NULL;
    assert_int_equal(ldns_wire2pkt(&read, out, len), LDNS_STATUS_OK);
    *told = (struct told){.rcode = ldns_pkt_get_rcode(read) == LDNS_RCODE_NXDOMAIN ? "NXDOMAIN" : "NOERROR",
        .authoritative = ldns_pkt_aa(read)};
    tell_section(told, "answer", ldns_pkt_answer(read));
    tell_section(told, "authority", ldns_pkt_authority(read));
    ldns_pkt_free(read);
}

/* ---- side by side ---- */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *settle(struct told *told)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    qsort(told->lines, told->count, sizeof told->lines[0], compare_lines);
    fprintf(out, "%s%s\n", told->rcode, told->authoritative ? " aa" : "");
    for (unsigned i = 0; i < told->count; i++) {
        fprintf(out, "  %s\n", told->lines[i]);
        free(told->lines[i]);
    }
    fclose(out);
    return text;
}

static void compare_one(
    const struct list *list, const struct snapshot *snapshot, const char *name, const char *type)
{
    struct told expected, got;
    ask_oracle(list, name, type, &expected);
    ask_ours(snapshot, name, type, &got);
    char *a = settle(&expected), *b = settle(&got);
    if (strcmp(a, b) != 0) {
        char *zone = print_zone(list);
        print_message("%s\nquestion %s %s\nexpected %sgot %s", zone, name, type, a, b);
        free(zone);
        fail();
    }
    free(a);
    free(b);
}

static void compare_all(const struct list *list, const struct snapshot *snapshot)
{
    static const char *const types[] = {"A", "TXT", "MX", "NS", "CNAME", "DNAME", "DS", "SOA", "ANY"};
    static const char *const labels[] = {"a", "b", "*", "c"};
    for (unsigned n = 0; n < 5 * 5 * 5 * 5; n++) {
        char name[32] = "";
        for (unsigned rest = n; rest > 0; rest /= 5) {
            if (rest % 5 == 0)
                continue;
            strcat(name, *name != 0 ? "." : "");
            strcat(name, labels[rest % 5 - 1]);
        }
        for (unsigned t = 0; t < ARRAY_COUNT(types); t++)
            compare_one(list, snapshot, name, types[t]);
    }
}

static struct snapshot *load(const struct list *list, struct snapshot *current)
{
    static const uint8_t origin[] = "\1z";
    char path[] = "/tmp/bailiwick-answer-XXXXXX", *text = print_zone(list);
    int file = mkstemp(path);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    struct load_options options = {.origin = origin, .threads = 1};
    struct load_result result;
    struct image *image = NULL;
    struct snapshot *made = NULL;
    uint32_t changes;
    enum err err = current == NULL ? load_image(path, &options, &result, &image)
                                   : load_changes(path, &options, current, &result, &changes, &made);
    unlink(path);
    if (err != ERR_OK)
        fail_msg("%s\n%s", err_text(err), text);
    free(text);
    return image != NULL ? snapshot_new(image) : made;
}

static unsigned setting(const char *name, unsigned standard)
{
    const char *value = getenv(name);
    return value != NULL ? (unsigned)strtoul(value, NULL, 10) : standard;
}

static void answers_as_the_oracle_does(void **unused)
{
    (void)unused;
    struct list *before = malloc(sizeof *before), *list = malloc(sizeof *list);
    unsigned zones = setting("BAILIWICK_ZONES", ZONES);
    state = setting("BAILIWICK_SEED", 1);
    for (unsigned i = 0; i < zones; i++) {
        draw_list(before);
        draw_list(list);
        struct snapshot *first = load(before, NULL), *at_once = load(list, NULL),
                        *changed = load(list, first);
        compare_all(list, at_once);
        compare_all(list, changed);
        snapshot_release(first);
        snapshot_release(at_once);
        snapshot_release(changed);
    }
    free(before);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_as_the_oracle_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
