/* genzone: writes zones of a chosen shape and size, the same ones for the same seed.
 *
 *   genzone --shape tld --delegations 1000000 [--shuffle] > tld.zone
 *       A registry's file: absolute names, TTL and class on each line, 2 to 4 name servers for each
 *       delegation (most from providers, the popular ones very popular; some below the delegation
 *       itself with glue), DS for a third. A million delegations are 2.6 million records in 166 MB.
 *   genzone --shape host --records 1000000 > host.zone
 *       Hosts with A, AAAA, MX, TXT, CNAME and SRV.
 *   genzone --shape many --zones 10000 --directory DIR
 *       Small zones, one file each, and DIR/zones.list with a line "ORIGIN FILE" for each.
 *
 * --change K changes K records and raises the serial; the changed owners go to --changed FILE.
 * --queries FILE writes questions ("NAME TYPE" lines) that hit, miss and lead below the delegations. */
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/random.h"

#define LABEL_ROOM 32
#define PROVIDERS_MAX 20000
#define ADDRESS_HOSTS 65 /* percent of the hosts that have addresses */

enum shape { SHAPE_TLD, SHAPE_HOST, SHAPE_MANY };

struct plan {
    enum shape shape;
    uint32_t count; /* delegations, records or zones */
    uint64_t seed;
    bool shuffle;
    uint32_t change;
    uint32_t serial;
    uint32_t query_count;
    const char *origin; /* without the last dot */
    const char *directory;
    const char *queries;
    const char *changed;
};

struct label {
    char text[LABEL_ROOM];
};

/* The owners of a zone and the order they are written in. */
struct owners {
    struct label *labels; /* sorted, no two alike */
    uint32_t *order;
    uint8_t *is_provider; /* this delegation runs name servers that others use */
    uint8_t *is_changed;
    uint32_t count;
};

struct providers {
    uint32_t count;
    double *weights; /* cumulated, for Zipf's law */
};

static const char *const words[] = {"acorn", "alpine", "amber", "anchor", "arrow", "atlas", "autumn", "baker",
    "bamboo", "basil", "beacon", "birch", "bridge", "canyon", "cedar", "cherry", "cloud", "cobalt", "comet",
    "copper", "coral", "crane", "delta", "dune", "eagle", "ember", "falcon", "fern", "field", "flint",
    "forest", "fox", "garden", "glacier", "granite", "harbor", "hazel", "heron", "house", "indigo", "iris",
    "island", "ivy", "jasper", "juniper", "kite", "lake", "lantern", "lark", "lemon", "lily", "lotus",
    "maple", "marble", "meadow", "mint", "moon", "moss", "north", "oak", "ocean", "olive", "onyx", "opal",
    "orchid", "otter", "pearl", "pepper", "pine", "plum", "pond", "poppy", "prairie", "quartz", "raven",
    "reed", "ridge", "river", "robin", "rose", "sage", "sand", "shell", "silver", "sky", "spruce", "star",
    "stone", "storm", "summit", "sun", "swift", "thyme", "tiger", "tulip", "valley", "violet", "walnut",
    "willow", "winter", "wolf", "wood", "yarrow", "zephyr", "shop", "online", "media", "group", "studio",
    "design", "tech", "travel", "hotel", "music", "food", "bank", "data", "web"};
#define WORDS ((uint32_t)(sizeof words / sizeof *words))

static _Noreturn void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("genzone: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (memory == NULL)
        fail("out of memory");
    return memory;
}

static FILE *open_output(const char *path)
{
    FILE *out = fopen(path, "w");
    if (out == NULL)
        fail("cannot write %s", path);
    setvbuf(out, NULL, _IOFBF, 1 << 20);
    return out;
}

static void close_output(FILE *out, const char *path)
{
    if (fflush(out) != 0 || ferror(out) || (out != stdout && fclose(out) != 0))
        fail("cannot write %s", path);
}

/* A label of 8 to 18 characters, as registrants choose them: words, sometimes a hyphen, digits. */
static void label_make(struct label *label, struct random *random)
{
    uint32_t want = 8 + random_below(random, 11);
    size_t len = 0;
    while (len < want) {
        const char *word = words[random_below(random, WORDS)];
        size_t word_len = strlen(word);
        if (len + word_len + 1 > 18)
            break;
        if (len != 0 && random_percent(random, 15))
            label->text[len++] = '-';
        memcpy(label->text + len, word, word_len);
        len += word_len;
    }
    while (len < want)
        label->text[len++] = (char)('0' + random_below(random, 10));
    label->text[len] = '\0';
}

static int label_compare(const void *a, const void *b)
{
    return strcmp(((const struct label *)a)->text, ((const struct label *)b)->text);
}

static uint32_t labels_unique(struct label *labels, uint32_t count)
{
    uint32_t kept = 0;
    qsort(labels, count, sizeof *labels, label_compare);
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(labels[kept - 1].text, labels[i].text) != 0)
            labels[kept++] = labels[i];
    return kept;
}

/* COUNT different labels: the twins among them are replaced until none is left. */
static void labels_fill(struct label *labels, uint32_t count, struct random *random)
{
    uint32_t have = 0;
    while (have < count) {
        for (uint32_t i = have; i < count; i++)
            label_make(&labels[i], random);
        have = labels_unique(labels, count);
    }
}

static void order_shuffle(uint32_t *order, uint32_t count, struct random *random)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = random_below(random, i);
        uint32_t other = order[j];
        order[j] = order[i - 1];
        order[i - 1] = other;
    }
}

static void owners_init(struct owners *owners, const struct plan *plan, uint32_t count)
{
    struct random random = {plan->seed};
    owners->count = count;
    owners->labels = allocate(count, sizeof *owners->labels);
    owners->order = allocate(count, sizeof *owners->order);
    owners->is_provider = allocate(count, 1);
    owners->is_changed = allocate(count, 1);
    labels_fill(owners->labels, count, &random);
    for (uint32_t i = 0; i < count; i++)
        owners->order[i] = i;
    if (plan->shuffle)
        order_shuffle(owners->order, count, &random);
    struct random change = random_item(plan->seed, 0xc4a49e);
    for (uint32_t left = plan->change < count ? plan->change : count; left > 0;) {
        uint32_t i = random_below(&change, count);
        left -= !owners->is_changed[i];
        owners->is_changed[i] = 1;
    }
}

static void owners_clear(struct owners *owners)
{
    free(owners->labels);
    free(owners->order);
    free(owners->is_provider);
    free(owners->is_changed);
}

static void owners_write_changed(const struct owners *owners, const struct plan *plan)
{
    if (plan->changed == NULL)
        return;
    FILE *out = open_output(plan->changed);
    for (uint32_t i = 0; i < owners->count; i++)
        if (owners->is_changed[i])
            fprintf(out, "%s.%s.\n", owners->labels[i].text, plan->origin);
    close_output(out, plan->changed);
}

static uint32_t serial(const struct plan *plan)
{
    return plan->serial + (plan->change != 0);
}

static void write_apex(FILE *out, const struct plan *plan)
{
    const char *origin = plan->origin;
    fprintf(out, "%s.\t86400\tIN\tSOA\tns1.nic.%s. hostmaster.nic.%s. %u 1800 900 604800 3600\n", origin,
        origin, origin, serial(plan));
    for (int i = 1; i <= 4; i++)
        fprintf(out, "%s.\t86400\tIN\tNS\tns%d.nic.%s.\n", origin, i, origin);
    for (int i = 1; i <= 4; i++) {
        fprintf(out, "ns%d.nic.%s.\t86400\tIN\tA\t192.0.2.%d\n", i, origin, i);
        fprintf(out, "ns%d.nic.%s.\t86400\tIN\tAAAA\t2001:db8::%d\n", i, origin, i);
    }
}

/* Providers, by Zipf's law with a flattened head: the first serves some 2 % of all delegations. */
static void providers_init(struct providers *providers, uint32_t delegations)
{
    providers->count = delegations / 20 < PROVIDERS_MAX ? delegations / 20 + 1 : PROVIDERS_MAX;
    providers->weights = allocate(providers->count, sizeof *providers->weights);
    double sum = 0;
    for (uint32_t i = 0; i < providers->count; i++)
        providers->weights[i] = sum += 1.0 / (i + 5);
    for (uint32_t i = 0; i < providers->count; i++)
        providers->weights[i] /= sum;
}

static uint32_t provider_pick(const struct providers *providers, struct random *random)
{
    double at = (double)(random_next(random) >> 11) / 9007199254740992.0;
    uint32_t low = 0, high = providers->count - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (providers->weights[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Every third provider has its name in this zone. */
static bool provider_is_inside(uint32_t provider)
{
    return provider % 3 == 0;
}

static uint32_t provider_owner(uint32_t provider, uint32_t owners)
{
    return (uint32_t)((uint64_t)provider * 2654435761u % owners);
}

static int provider_domain(
    char *text, size_t room, const struct plan *plan, const struct owners *owners, uint32_t provider)
{
    static const char *const endings[] = {"net", "com", "org", "host", "cloud"};
    if (provider_is_inside(provider))
        return snprintf(
            text, room, "%s.%s", owners->labels[provider_owner(provider, owners->count)].text, plan->origin);
    struct random random = random_item(plan->seed, 0x900000000u + provider);
    return snprintf(text, room, "%s%s.%s", words[random_below(&random, WORDS)],
        words[random_below(&random, WORDS)], endings[random_below(&random, 5)]);
}

/* Name servers below the delegation itself, with their glue. */
static void write_own_servers(FILE *out, const char *name, unsigned servers, struct random *random)
{
    uint32_t net = random_below(random, 1u << 24);
    for (unsigned i = 1; i <= servers; i++)
        fprintf(out, "%s\t86400\tIN\tNS\tns%u.%s\n", name, i, name);
    for (unsigned i = 1; i <= servers; i++) {
        fprintf(out, "ns%u.%s\t86400\tIN\tA\t%u.%u.%u.%u\n", i, name, 11 + net % 200, (net >> 8) & 255,
            (net >> 16) & 255, i);
        if (random_percent(random, 50))
            fprintf(
                out, "ns%u.%s\t86400\tIN\tAAAA\t2001:db8:%x:%x::%u\n", i, name, net & 0xffff, net >> 16, i);
    }
}

static void write_ds(FILE *out, const char *name, struct random *random)
{
    fprintf(out, "%s\t86400\tIN\tDS\t%u %u 2 ", name, 1 + random_below(random, 65535),
        random_percent(random, 70) ? 13u : 8u);
    for (int i = 0; i < 4; i++)
        fprintf(out, "%016llX", (unsigned long long)random_next(random));
    fputc('\n', out);
}

static void write_delegation(FILE *out, const struct plan *plan, const struct owners *owners,
    const struct providers *providers, uint32_t i)
{
    char name[256], domain[256];
    struct random random = random_item(plan->seed, i);
    snprintf(name, sizeof name, "%s.%s.", owners->labels[i].text, plan->origin);
    unsigned servers = random_percent(&random, 94) ? 2 : 3 + random_below(&random, 2);
    if (owners->is_provider[i] || random_percent(&random, 7)) {
        write_own_servers(out, name, owners->is_provider[i] ? 4 : servers, &random);
    } else {
        provider_domain(domain, sizeof domain, plan, owners, provider_pick(providers, &random));
        for (unsigned s = 1; s <= servers; s++)
            fprintf(out, "%s\t86400\tIN\tNS\tns%u.%s.\n", name, s, domain);
    }
    if (owners->is_changed[i])
        fprintf(out, "%s\t86400\tIN\tNS\tns-changed.example.net.\n", name);
    if (random_percent(&random, 33))
        write_ds(out, name, &random);
}

/* What a registry is asked: mostly names below delegations, some the delegation itself, its DS, and
 * names that do not exist. */
static void write_tld_queries(const struct plan *plan, const struct owners *owners)
{
    static const char *const hosts[] = {"www.", "", "mail.", "api.cdn.", "_dmarc.", "ns1."};
    static const char *const types[] = {"A", "AAAA", "A", "A", "TXT", "AAAA"};
    FILE *out = open_output(plan->queries);
    struct random random = random_item(plan->seed, 0x9e51e5);
    for (uint32_t i = 0; i < plan->query_count; i++) {
        const char *label = owners->labels[random_below(&random, owners->count)].text;
        uint32_t dice = random_below(&random, 100), host = random_below(&random, 6);
        if (dice < 15)
            fprintf(out, "x%u-%s.%s. A\n", random_below(&random, 100000), label, plan->origin);
        else if (dice < 25)
            fprintf(out, "%s.%s. DS\n", label, plan->origin);
        else if (dice < 40)
            fprintf(out, "%s.%s. NS\n", label, plan->origin);
        else
            fprintf(out, "%s%s.%s. %s\n", hosts[host], label, plan->origin, types[host]);
    }
    close_output(out, plan->queries);
}

static void generate_tld(const struct plan *plan)
{
    struct owners owners;
    struct providers providers;
    owners_init(&owners, plan, plan->count);
    providers_init(&providers, plan->count);
    for (uint32_t p = 0; p < providers.count; p++)
        if (provider_is_inside(p))
            owners.is_provider[provider_owner(p, owners.count)] = 1;
    write_apex(stdout, plan);
    for (uint32_t i = 0; i < owners.count; i++)
        write_delegation(stdout, plan, &owners, &providers, owners.order[i]);
    close_output(stdout, "standard output");
    owners_write_changed(&owners, plan);
    if (plan->queries != NULL)
        write_tld_queries(plan, &owners);
    free(providers.weights);
    owners_clear(&owners);
}

static unsigned write_text_host(FILE *out, const char *name, struct random *random)
{
    fprintf(out, "%s\t3600\tIN\tTXT\t\"v=spf1 ip4:198.51.%u.0/24 -all\"\n", name, random_below(random, 256));
    return 1;
}

static unsigned write_address_host(FILE *out, const char *name, struct random *random)
{
    unsigned records = 1;
    fprintf(out, "%s\t3600\tIN\tA\t10.%u.%u.%u\n", name, random_below(random, 256), random_below(random, 256),
        random_below(random, 256));
    if (random_percent(random, 40)) {
        fprintf(out, "%s\t3600\tIN\tAAAA\t2001:db8:%x::%x\n", name, random_below(random, 65536),
            random_below(random, 65536));
        records++;
    }
    return records;
}

/* A host that has an address: what aliases and mail lead to. */
static const char *address_host(const struct plan *plan, const struct owners *owners, struct random *random)
{
    for (;;) {
        /* The records run out before the labels do: so none of the last half. */
        uint32_t i = owners->order[random_below(random, (owners->count + 1) / 2)];
        struct random its = random_item(plan->seed, i);
        if (random_below(&its, 100) < ADDRESS_HOSTS)
            return owners->labels[i].text;
    }
}

/* Writes one host and returns how many records it has. */
static unsigned write_host(FILE *out, const struct plan *plan, const struct owners *owners, uint32_t i)
{
    char name[256];
    struct random random = random_item(plan->seed, i);
    snprintf(name, sizeof name, "%s.%s.", owners->labels[i].text, plan->origin);
    if (owners->is_changed[i]) {
        fprintf(out, "%s\t3600\tIN\tA\t192.0.2.200\n", name);
        return 1;
    }
    uint32_t dice = random_below(&random, 100);
    if (dice < ADDRESS_HOSTS)
        return write_address_host(out, name, &random);
    const char *target = address_host(plan, owners, &random);
    if (dice < 75)
        fprintf(out, "%s\t3600\tIN\tMX\t10 %s.%s.\n", name, target, plan->origin);
    else if (dice < 85)
        return write_text_host(out, name, &random);
    else if (dice < 95)
        fprintf(out, "%s\t3600\tIN\tCNAME\t%s.%s.\n", name, target, plan->origin);
    else
        fprintf(out, "_sip._tcp.%s\t3600\tIN\tSRV\t10 60 5060 %s.%s.\n", name, target, plan->origin);
    return 1;
}

static void write_host_queries(const struct plan *plan, const struct owners *owners, uint32_t used)
{
    static const char *const types[] = {"A", "A", "A", "AAAA", "MX", "TXT"};
    FILE *out = open_output(plan->queries);
    struct random random = random_item(plan->seed, 0x9e51e5);
    for (uint32_t i = 0; i < plan->query_count; i++) {
        const char *label = owners->labels[owners->order[random_below(&random, used)]].text;
        bool missing = random_percent(&random, 20);
        fprintf(
            out, "%s%s.%s. %s\n", missing ? "no-" : "", label, plan->origin, types[random_below(&random, 6)]);
    }
    close_output(out, plan->queries);
}

static void generate_host(const struct plan *plan)
{
    struct owners owners;
    uint32_t records = 13, used = 0; /* the apex has 13 */
    owners_init(&owners, plan, plan->count);
    write_apex(stdout, plan);
    for (; used < owners.count && records < plan->count; used++)
        records += write_host(stdout, plan, &owners, owners.order[used]);
    close_output(stdout, "standard output");
    owners_write_changed(&owners, plan);
    if (plan->queries != NULL)
        write_host_queries(plan, &owners, used);
    owners_clear(&owners);
}

static void write_small_zone(FILE *out, const char *zone, const struct plan *plan, bool changed, uint32_t i)
{
    fprintf(out, "$ORIGIN %s\n$TTL 3600\n", zone);
    fprintf(out, "@\tIN SOA ns1 hostmaster %u 7200 3600 1209600 3600\n", serial(plan));
    fprintf(out, "@\tIN NS ns1\n@\tIN NS ns2\n@\tIN A 10.%u.%u.1\n", (i >> 8) & 255, i & 255);
    fprintf(out, "@\tIN MX 10 mail\n@\tIN TXT \"v=spf1 mx -all\"\n");
    fprintf(out, "ns1\tIN A 192.0.2.1\nns2\tIN A 192.0.2.2\nns2\tIN AAAA 2001:db8::2\n");
    fprintf(out, "www\tIN A 10.%u.%u.%u\nwww\tIN AAAA 2001:db8:%x::80\n", (i >> 8) & 255, i & 255,
        changed ? 200u : 80u, i & 0xffff);
    fprintf(out, "mail\tIN A 10.%u.%u.25\nftp\tIN CNAME www\n", (i >> 8) & 255, i & 255);
}

static void write_many_queries(const struct plan *plan, const struct owners *owners)
{
    static const char *const hosts[] = {"www.", "", "mail.", "ftp.", "no.", "www."};
    static const char *const types[] = {"A", "MX", "A", "A", "A", "AAAA"};
    FILE *out = open_output(plan->queries);
    struct random random = random_item(plan->seed, 0x9e51e5);
    for (uint32_t i = 0; i < plan->query_count; i++) {
        uint32_t host = random_below(&random, 6);
        const char *label = owners->labels[random_below(&random, owners->count)].text;
        fprintf(out, "%s%s.%s. %s\n", hosts[host], label, plan->origin, types[host]);
    }
    close_output(out, plan->queries);
}

static void generate_many(const struct plan *plan)
{
    struct owners owners;
    char path[4096], zone[256];
    if (plan->directory == NULL)
        fail("--shape many needs --directory");
    owners_init(&owners, plan, plan->count);
    snprintf(path, sizeof path, "%s/zones.list", plan->directory);
    FILE *list = open_output(path);
    for (uint32_t i = 0; i < owners.count; i++) {
        uint32_t owner = owners.order[i];
        snprintf(zone, sizeof zone, "%s.%s.", owners.labels[owner].text, plan->origin);
        snprintf(path, sizeof path, "%s/%szone", plan->directory, zone);
        fprintf(list, "%s %s\n", zone, path);
        FILE *out = open_output(path);
        write_small_zone(out, zone, plan, owners.is_changed[owner], owner);
        close_output(out, path);
    }
    close_output(list, "zones.list");
    owners_write_changed(&owners, plan);
    if (plan->queries != NULL)
        write_many_queries(plan, &owners);
    owners_clear(&owners);
}

static uint32_t parse_count(const char *text)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || value > UINT32_MAX)
        fail("not a count: %s", text);
    return (uint32_t)value;
}

static enum shape parse_shape(const char *text)
{
    static const char *const shapes[] = {"tld", "host", "many"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, shapes[i]) == 0)
            return (enum shape)i;
    fail("unknown shape %s (tld, host, many)", text);
}

static void parse_options(struct plan *plan, int argc, char **argv)
{
    static const struct option options[] = {{"shape", 1, NULL, 's'}, {"delegations", 1, NULL, 'n'},
        {"records", 1, NULL, 'n'}, {"zones", 1, NULL, 'n'}, {"shuffle", 0, NULL, 'r'}, {"seed", 1, NULL, 'S'},
        {"change", 1, NULL, 'c'}, {"serial", 1, NULL, 'V'}, {"changed", 1, NULL, 'C'},
        {"origin", 1, NULL, 'o'}, {"directory", 1, NULL, 'd'}, {"queries", 1, NULL, 'q'},
        {"query-count", 1, NULL, 'Q'}, {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 's':
            plan->shape = parse_shape(optarg);
            break;
        case 'n':
            plan->count = parse_count(optarg);
            break;
        case 'r':
            plan->shuffle = true;
            break;
        case 'S':
            plan->seed = parse_count(optarg);
            break;
        case 'c':
            plan->change = parse_count(optarg);
            break;
        case 'V':
            plan->serial = parse_count(optarg);
            break;
        case 'C':
            plan->changed = optarg;
            break;
        case 'o':
            plan->origin = optarg;
            break;
        case 'd':
            plan->directory = optarg;
            break;
        case 'q':
            plan->queries = optarg;
            break;
        case 'Q':
            plan->query_count = parse_count(optarg);
            break;
        default:
            exit(2);
        }
    }
    if (optind != argc || plan->count == 0)
        fail("usage: genzone --shape tld|host|many --delegations|--records|--zones N [options]");
}

int main(int argc, char **argv)
{
    static void (*const generate[])(const struct plan *) = {generate_tld, generate_host, generate_many};
    struct plan plan = {.seed = 1, .serial = 1, .origin = "test", .query_count = 1000000};
    parse_options(&plan, argc, argv);
    setvbuf(stdout, NULL, _IOFBF, 1 << 20);
    generate[plan.shape](&plan);
    return 0;
}
