#include "tests/case/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/wire/message.h"

static void print_rdf(FILE *out, const ldns_rdf *rdf)
{
    char *text = ldns_rdf2str(rdf);
    size_t len = strlen(text);
    fprintf(out, " %.*s", (int)(len > 0 && text[len - 1] == ' ' ? len - 1 : len), text);
    free(text);
}

static void print_owner(FILE *out, const struct zone *zone, const ldns_rr *rr)
{
    bool nsec3 = ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC3 ||
                 (ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG &&
                     ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(rr)) == LDNS_RR_TYPE_NSEC3);
    const ldns_rdf *name = nsec3 ? zone_unhash(zone, ldns_rr_owner(rr)) : NULL;
    char *text = ldns_rdf2str(name != NULL ? name : ldns_rr_owner(rr));
    fprintf(out, name != NULL ? "[%s]" : "%s", text);
    free(text);
}

/* Which rdata fields are shown. */
static const struct {
    ldns_rr_type type;
    size_t first, count;
} shortened[] = {{LDNS_RR_TYPE_RRSIG, 0, 1}, {LDNS_RR_TYPE_NSEC, 0, 1}, {LDNS_RR_TYPE_SOA, 2, 1},
    {LDNS_RR_TYPE_DNSKEY, 0, 0}, {LDNS_RR_TYPE_NSEC3, 0, 0}};

static void print_rr(FILE *out, const struct zone *zone, const ldns_rr *rr)
{
    size_t first = 0, count = ldns_rr_rd_count(rr);
    for (size_t i = 0; i < sizeof shortened / sizeof *shortened; i++) {
        if (shortened[i].type == ldns_rr_get_type(rr)) {
            first = shortened[i].first;
            count = shortened[i].count;
        }
    }
    char *type = ldns_rr_type2str(ldns_rr_get_type(rr)), *class = ldns_rr_class2str(ldns_rr_get_class(rr));
    print_owner(out, zone, rr);
    fprintf(out, " %u %s%s%s", ldns_rr_ttl(rr), strcmp(class, "IN") == 0 ? "" : class,
        strcmp(class, "IN") == 0 ? "" : " ", type);
    for (size_t i = first; i < first + count && i < ldns_rr_rd_count(rr); i++)
        print_rdf(out, ldns_rr_rdf(rr, i));
    fprintf(out, "\n");
    free(type);
    free(class);
}

static char *print_section(const struct zone *zone, const ldns_rr_list *list)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
        print_rr(out, zone, ldns_rr_list_rr(list, i));
    fclose(out);
    return text;
}

static char *print_head(const ldns_pkt *packet)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    const char *rcode = rcode_name(ldns_pkt_get_rcode(packet));
    fprintf(out, "%s%s%s%s", rcode != NULL ? rcode : "?", ldns_pkt_aa(packet) ? " aa" : "",
        ldns_pkt_tc(packet) ? " tc" : "", ldns_pkt_ad(packet) ? " ad" : "");
    fclose(out);
    return text;
}

bool show_reply(const struct zone *zone, const uint8_t *message, size_t len, struct shown *shown)
{
    ldns_pkt *packet = NULL;
    if (ldns_wire2pkt(&packet, message, len) != LDNS_STATUS_OK)
        return false;
    shown->head = print_head(packet);
    shown->section[SHOW_ANSWER] = print_section(zone, ldns_pkt_answer(packet));
    shown->section[SHOW_AUTHORITY] = print_section(zone, ldns_pkt_authority(packet));
    shown->section[SHOW_ADDITIONAL] = print_section(zone, ldns_pkt_additional(packet));
    ldns_pkt_free(packet);
    return true;
}

bool show_wire(const uint8_t *message, size_t len, struct shown *shown)
{
    ldns_pkt *packet = NULL;
    char *text = NULL;
    size_t text_len;
    if (ldns_wire2pkt(&packet, message, len) != LDNS_STATUS_OK)
        return false;
    FILE *out = open_memstream(&text, &text_len);
    fprintf(out, "%s opcode=%d questions=%u", shown->head, (int)ldns_pkt_get_opcode(packet),
        ldns_pkt_qdcount(packet));
    if (ldns_pkt_edns(packet))
        fprintf(out, " opt rcode=%u version=%u flags=%04x data=%zu", ldns_pkt_edns_extended_rcode(packet),
            ldns_pkt_edns_version(packet), ldns_pkt_edns_z(packet) | (ldns_pkt_edns_do(packet) ? 0x8000u : 0),
            ldns_pkt_edns_data(packet) != NULL ? ldns_rdf_size(ldns_pkt_edns_data(packet)) : 0);
    fclose(out);
    free(shown->head);
    shown->head = text;
    ldns_pkt_free(packet);
    return true;
}

void shown_clear(struct shown *shown)
{
    free(shown->head);
    for (int i = 0; i < SHOW_SECTIONS; i++)
        free(shown->section[i]);
    *shown = (struct shown){0};
}
