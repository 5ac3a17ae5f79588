/* zonetool query: one question to a server, its answer as records that a zone file could hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/net/exchange.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"
#include "zonetool/server.h"

#define OPERANDS_MAX 4
#define RDATA_TEXT_MAX ((size_t)300000)

static struct {
    bool dnssec, recurse, plain, terse;
} options;

const struct option_row query_options[] = {
    SERVER_OPTION_ROWS{
        .letter = 'd', .word = "dnssec", .help = "ask for signatures", .flag = &options.dnssec},
    {.letter = 'r', .word = "recurse", .help = "ask a resolver to recurse", .flag = &options.recurse},
    {.word = "no-edns", .help = "ask without EDNS", .flag = &options.plain},
    {.letter = 's', .word = "short", .help = "print the data of the answer alone", .flag = &options.terse},
    {.word = NULL},
};

struct printing {
    const uint8_t *reply;
    size_t len;
    uint8_t *rdata;
    char *text;
};

static bool print_record(const struct printing *p, const struct message_record *record)
{
    uint8_t owner[NAME_MAX + 1];
    char name[NAME_TEXT_MAX], type[16], class[16];
    size_t at = record->name_at, rdata_at = record->rdata_at, rdata_len;
    if (name_read(p->reply, p->len, &at, owner, NULL) != ERR_OK)
        return false;
    if (rdata_read(record->type, p->reply, p->len, &rdata_at, record->rdata_len, p->rdata, &rdata_len) !=
        ERR_OK)
        return false;
    rdata_print(record->type, p->rdata, rdata_len, p->text, RDATA_TEXT_MAX);
    if (options.terse) {
        puts(p->text);
        return true;
    }
    name_print(owner, name);
    type_print(record->type, type);
    class_print(record->class, class);
    printf("%s\t%u\t%s\t%s\t%s\n", name, record->ttl, class, type, p->text);
    return true;
}

/* OPT is no record to print; what it says stands in the summary. */
static bool print_section(const struct printing *p, const char *title, unsigned count, size_t *at)
{
    struct message_record record;
    bool told = false;
    for (unsigned i = 0; i < count; i++) {
        if (message_record_read(p->reply, p->len, at, &record) != ERR_OK)
            return false;
        if (record.type == TYPE_OPT)
            continue;
        if (!told && !options.terse)
            printf("; %s\n", title);
        told = true;
        if (!print_record(p, &record))
            return false;
    }
    return true;
}

static void print_summary(
    const struct server *server, const struct exchange *exchange, const struct reply_head *head)
{
    static const struct {
        uint16_t flag;
        const char *name;
    } flags[] = {{MESSAGE_AA, "aa"}, {MESSAGE_TC, "tc"}, {MESSAGE_RD, "rd"}, {MESSAGE_RA, "ra"},
        {MESSAGE_AD, "ad"}, {MESSAGE_CD, "cd"}};
    static const char *const transports[] = {"UDP", "TCP", "TLS"};
    unsigned ede, rcode = reply_rcode(exchange->reply, exchange->reply_len, &ede);
    const char *name = rcode_name(rcode);
    printf("; %s", name != NULL ? name : "rcode");
    if (name == NULL)
        printf(" %u", rcode);
    for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
        if ((head->flags & flags[i].flag) != 0)
            printf(" %s", flags[i].name);
    }
    if (ede != 0)
        printf(", extended error %u", ede - 1);
    printf(", %s %s%s, %zu octets, %.1f ms\n", server->text, transports[exchange->transport],
        server->peer.key != NULL ? ", signed" : "", exchange->reply_len, exchange->took_us / 1000.0);
}

static enum outcome print_reply(const struct server *server, const struct exchange *exchange)
{
    struct reply_head head;
    struct printing p = {.reply = exchange->reply,
        .len = exchange->reply_len,
        .rdata = malloc(RDATA_MAX),
        .text = malloc(RDATA_TEXT_MAX)};
    bool sound = reply_head_read(&head, p.reply, p.len) && p.rdata != NULL && p.text != NULL;
    if (sound && !options.terse)
        print_summary(server, exchange, &head);
    size_t at = head.answer_at;
    sound = sound && print_section(&p, "answer", head.ancount, &at);
    if (!options.terse)
        sound = sound && print_section(&p, "authority", head.nscount, &at) &&
                print_section(&p, "additional", head.arcount, &at);
    free(p.rdata);
    free(p.text);
    if (!sound)
        return complain("the answer is malformed");
    unsigned rcode = head.flags & 15u;
    return rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN ? OUTCOME_CLEAN : OUTCOME_FINDINGS;
}

static enum outcome take_question(
    const char *const *words, unsigned count, uint8_t *name, struct request *request)
{
    const char *why = NULL;
    if (count < 1 || count > 3)
        return complain("usage: zonetool query [OPTION...] NAME [TYPE [CLASS]] @SERVER");
    if (name_parse(words[0], strlen(words[0]), (const uint8_t *)"", name, NULL, &why) != ERR_OK)
        return complain("%s: %s", words[0], why != NULL ? why : "is no name");
    request->name = name;
    request->type = TYPE_A;
    request->class = CLASS_IN;
    if (count > 1 && !type_parse(words[1], strlen(words[1]), &request->type))
        return complain("%s: is no record type", words[1]);
    if (count > 2 && !class_parse(words[2], strlen(words[2]), &request->class))
        return complain("%s: is no class", words[2]);
    if (request->type == TYPE_AXFR || request->type == TYPE_IXFR)
        return complain("zones are transferred by zonetool xfr");
    return OUTCOME_CLEAN;
}

enum outcome query_run(const struct arguments *arguments)
{
    const char *words[OPERANDS_MAX] = {NULL};
    unsigned count = arguments->operand_count;
    uint8_t name[NAME_MAX + 1];
    struct server server;
    struct exchange exchange;
    struct request request = {
        .edns = !options.plain, .dnssec = options.dnssec, .flags = options.recurse ? MESSAGE_RD : 0};
    enum outcome outcome = server_open(&server, arguments->operands, &count, words);
    if (outcome != OUTCOME_CLEAN)
        return outcome;
    outcome = take_question(words, count, name, &request);
    if (outcome == OUTCOME_CLEAN && exchange_ask(&exchange, &server.peer, &request) != ERR_OK)
        outcome = complain("%s: %s", server.text, exchange.why);
    else if (outcome == OUTCOME_CLEAN) {
        outcome = print_reply(&server, &exchange);
        exchange_clear(&exchange);
    }
    server_close(&server);
    return outcome;
}
