#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/wire/type.h"
#include "zonetool/source.h"

#define TYPES 65536

struct tally {
    uint32_t rrsets;
    uint32_t records;
};

struct count {
    const struct image *image;
    uint32_t names, empty, delegations, wildcards, hidden;
    struct tally *types; /* by type */
    char origin[NAME_TEXT_MAX];
    char digest[65];
};

static void count_rrsets(struct count *count, const struct node *node)
{
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        count->types[rrset->type].rrsets += rrset->count > 0;
        count->types[rrset->type].records += rrset->count;
        count->types[TYPE_RRSIG].rrsets += rrset->sig_count > 0;
        count->types[TYPE_RRSIG].records += rrset->sig_count;
    }
}

static void count_node(struct count *count, const struct node *node)
{
    count->names += node->rrset_count > 0;
    count->empty += node->rrset_count == 0;
    count->delegations += (node->flags & NODE_DELEGATION) != 0;
    count->wildcards += (node->flags & NODE_WILDCARD) != 0;
    count->hidden += (node->flags & NODE_HIDDEN) != 0;
    count_rrsets(count, node);
}

static void count_image(struct count *count)
{
    const struct image *image = count->image;
    uint8_t digest[32];
    for (uint32_t i = 0; i < image->header->node_count; i++)
        count_node(count, image_node(image, image->order[i]));
    for (uint32_t i = 0; i < image->header->nsec3_count; i++)
        count_rrsets(count, image_node(image, image->nsec3_order[i]));
    image_content_digest(image, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(count->digest + 2 * i, 3, "%02x", digest[i]);
    name_print(image->header->apex_name, count->origin);
}

static const char *denial(const struct image_header *header)
{
    if ((header->flags & IMAGE_NSEC3) != 0)
        return "nsec3";
    if ((header->flags & IMAGE_NSEC) != 0)
        return "nsec";
    return (header->flags & IMAGE_SIGNED) != 0 ? "signed" : "unsigned";
}

static void print_hex(FILE *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%02x", bytes[i]);
}

static void print_nsec3(const struct image_header *header)
{
    printf(", %u iteration%s, salt ", header->nsec3_iterations, header->nsec3_iterations == 1 ? "" : "s");
    if (header->nsec3_salt_len == 0)
        putchar('-');
    print_hex(stdout, header->nsec3_salt, header->nsec3_salt_len);
}

static void print_text(const struct count *count)
{
    const struct image_header *header = count->image->header;
    printf("origin       %s\n", count->origin);
    printf("serial       %u\n", header->serial);
    printf("records      %u\n", header->record_count);
    printf("names        %u\n", count->names);
    printf("  empty non-terminals %u, delegations %u, wildcards %u, below cuts %u\n", count->empty,
        count->delegations, count->wildcards, count->hidden);
    printf("dnssec       %s", denial(header));
    if ((header->flags & IMAGE_NSEC3) != 0)
        print_nsec3(header);
    printf("\nimage        %" PRIu64 " octets\n", header->size);
    printf("digest       %s\n", count->digest);
    printf("\n%-12s %10s %10s\n", "type", "rrsets", "records");
    for (unsigned type = 0; type < TYPES; type++) {
        char name[16] = "";
        const struct tally *tally = &count->types[type];
        if (tally->records == 0)
            continue;
        name[type_print((uint16_t)type, name)] = '\0';
        printf("%-12s %10u %10u\n", name, tally->rrsets, tally->records);
    }
}

/* Presentation form has no controls and no octets above 126 left in it: only these two want escaping. */
static void print_json_string(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

static void print_json_types(const struct count *count)
{
    const char *comma = "";
    fputs("\"types\":{", stdout);
    for (unsigned type = 0; type < TYPES; type++) {
        char name[16] = "";
        const struct tally *tally = &count->types[type];
        if (tally->records == 0)
            continue;
        name[type_print((uint16_t)type, name)] = '\0';
        printf("%s\"%s\":{\"rrsets\":%u,\"records\":%u}", comma, name, tally->rrsets, tally->records);
        comma = ",";
    }
    putchar('}');
}

static void print_json(const struct count *count)
{
    const struct image_header *header = count->image->header;
    fputs("{\"origin\":", stdout);
    print_json_string(count->origin);
    printf(",\"serial\":%u,\"records\":%u,\"names\":%u,\"empty_non_terminals\":%u,\"delegations\":%u,"
           "\"wildcards\":%u,\"below_cuts\":%u,\"dnssec\":\"%s\"",
        header->serial, header->record_count, count->names, count->empty, count->delegations,
        count->wildcards, count->hidden, denial(header));
    if ((header->flags & IMAGE_NSEC3) != 0) {
        printf(",\"nsec3\":{\"iterations\":%u,\"salt\":\"", header->nsec3_iterations);
        print_hex(stdout, header->nsec3_salt, header->nsec3_salt_len);
        fputs("\"}", stdout);
    }
    printf(",\"image_size\":%" PRIu64 ",\"digest\":\"%s\",", header->size, count->digest);
    print_json_types(count);
    puts("}");
}

static enum outcome stat_image(const struct image *image, bool json)
{
    struct count count = {.image = image, .types = calloc(TYPES, sizeof(struct tally))};
    if (count.types == NULL)
        return complain("out of memory");
    count_image(&count);
    if (json)
        print_json(&count);
    else
        print_text(&count);
    free(count.types);
    return OUTCOME_CLEAN;
}

enum outcome stat_run(const struct arguments *arguments)
{
    struct report report;
    struct source source;
    report_init(&report, stderr);
    enum outcome outcome = source_open(&source, arguments->operands[0], arguments, WANT_IMAGE, &report);
    if (outcome == OUTCOME_CLEAN)
        outcome = stat_image(source.image, arguments->json);
    source_close(&source);
    report_clear(&report);
    return outcome;
}
