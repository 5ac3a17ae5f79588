/* zonetool xfr: fetches a zone from a server, whole or what has changed since a serial. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/base/file.h"
#include "zone/net/transfer.h"
#include "zone/store/print.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"
#include "zonetool/server.h"

#define OPERANDS_MAX 2
#define RDATA_TEXT_MAX ((size_t)300000)
#define PIECE ((size_t)1 << 20) /* of text written at once */

static struct {
    const char *serial, *output;
    bool raw, udp;
} options;

const struct option_row xfr_options[] = {
    SERVER_OPTION_ROWS{.word = "ixfr",
        .value = "SERIAL",
        .help = "only what has changed since SERIAL",
        .text = &options.serial},
    {.letter = 'O',
        .word = "output",
        .value = "FILE",
        .help = "write FILE, not standard output",
        .text = &options.output},
    {.word = "udp", .help = "try UDP first, with --ixfr", .flag = &options.udp},
    {.word = "raw", .help = "print the records as they come, unchecked", .flag = &options.raw},
    {.word = NULL},
};

/* Where the text goes: a file that appears when it is whole, or standard output. */
struct output {
    struct file_write file;
    bool to_file, failed;
};

static void put(struct output *output, const char *text, size_t len)
{
    if (output->failed || len == 0)
        return;
    if (output->to_file)
        output->failed = file_write(&output->file, text, len) != ERR_OK;
    else
        output->failed = fwrite(text, 1, len, stdout) != len;
}

/* ---- records as they came ---- */

static void put_list(struct output *output, const struct change_list *list, const char *mark)
{
    char *text = malloc(RDATA_TEXT_MAX), *rdata = malloc(RDATA_TEXT_MAX);
    struct change_record record;
    output->failed |= text == NULL || rdata == NULL;
    for (size_t at = 0; !output->failed && change_next(list, &at, &record);) {
        char owner[NAME_TEXT_MAX], type[16];
        name_print(record.owner, owner);
        type_print(record.type, type);
        rdata_print(record.type, record.rdata, record.rdata_len, rdata, RDATA_TEXT_MAX);
        int len =
            snprintf(text, RDATA_TEXT_MAX, "%s%s\t%u\tIN\t%s\t%s\n", mark, owner, record.ttl, type, rdata);
        put(output, text, (size_t)len);
    }
    free(text);
    free(rdata);
}

static void put_steps(struct output *output, const struct inbound *in)
{
    char line[80];
    for (size_t i = 0; i < in->step_count; i++) {
        int len = snprintf(line, sizeof line, "; from %u to %u\n", in->steps[i].from, in->steps[i].to);
        put(output, line, (size_t)len);
        put_list(output, &in->steps[i].removed, "-");
        put_list(output, &in->steps[i].added, "+");
    }
}

/* ---- the zone ---- */

static void put_snapshot(struct output *output, const struct snapshot *snapshot)
{
    struct snapshot_walk walk;
    struct print print;
    if (!print_init(&print, snapshot->image)) {
        output->failed = true;
        return;
    }
    snapshot_walk_start(&walk, snapshot);
    for (const struct node *node; !output->failed && (node = snapshot_walk_next(&walk)) != NULL;) {
        output->failed = !print_node(&print, node);
        if (print.len >= PIECE) {
            put(output, print.text, print.len);
            print.len = 0;
        }
    }
    put(output, print.text, print.len);
    print_clear(&print);
}

static enum outcome put_zone(struct output *output, const struct inbound *in, unsigned threads)
{
    char why[CHANGE_WHY_MAX] = "";
    struct image *image;
    enum err err = change_build(in->zone, &in->whole, threads, why, &image);
    if (err != ERR_OK) {
        complain(
            "the zone is unsound: %s; --raw prints it all the same", why[0] != '\0' ? why : err_text(err));
        return OUTCOME_FINDINGS;
    }
    struct snapshot *snapshot = snapshot_new(image);
    if (snapshot == NULL)
        return complain("out of memory");
    put_snapshot(output, snapshot);
    snapshot_release(snapshot);
    return OUTCOME_CLEAN;
}

static enum outcome put_transfer(struct output *output, const struct transfer *transfer, unsigned threads)
{
    const struct inbound *in = &transfer->in;
    if (in->kind == INBOUND_STEPS)
        put_steps(output, in);
    else if (in->kind == INBOUND_FULL && options.raw)
        put_list(output, &in->whole, "");
    else if (in->kind == INBOUND_FULL)
        return put_zone(output, in, threads);
    return OUTCOME_CLEAN;
}

static enum outcome write_transfer(const struct transfer *transfer, const struct arguments *arguments)
{
    static const char *const kinds[] = {"nothing newer", "the whole zone", "steps"};
    const struct inbound *in = &transfer->in;
    struct output output = {.to_file = options.output != NULL && in->kind != INBOUND_CURRENT};
    if (output.to_file && file_write_open(&output.file, options.output, 0666) != ERR_OK)
        return complain("%s: %s", options.output, strerror(errno));
    enum outcome outcome = put_transfer(&output, transfer, arguments->threads);
    bool written = !output.failed && (output.to_file || fflush(stdout) == 0);
    if (output.to_file && written && outcome == OUTCOME_CLEAN)
        written = file_write_commit(&output.file) == ERR_OK;
    else if (output.to_file)
        file_write_abandon(&output.file);
    if (!written)
        return complain(
            "%s: %s", options.output != NULL ? options.output : "standard output", strerror(errno));
    if (!arguments->quiet && outcome == OUTCOME_CLEAN)
        fprintf(stderr, "serial %u, %s: %llu records in %llu messages, %llu octets, %u ms\n", in->serial,
            kinds[in->kind], (unsigned long long)in->records, (unsigned long long)in->messages,
            (unsigned long long)transfer->received, transfer->took_ms);
    return outcome;
}

static enum outcome take_request(
    const char *const *words, unsigned count, uint8_t *zone, struct transfer_request *request)
{
    const char *why = NULL;
    if (count != 1)
        return complain("usage: zonetool xfr [OPTION...] ZONE @SERVER");
    if (name_parse(words[0], strlen(words[0]), (const uint8_t *)"", zone, NULL, &why) != ERR_OK)
        return complain("%s: %s", words[0], why != NULL ? why : "is no name");
    request->zone = zone;
    if (options.serial == NULL)
        return OUTCOME_CLEAN;
    char *end;
    unsigned long serial = strtoul(options.serial, &end, 10);
    if (*end != '\0' || end == options.serial || serial > UINT32_MAX)
        return complain("--ixfr %s: a serial is a number from 0 to 4294967295", options.serial);
    request->incremental = true;
    request->udp = options.udp;
    request->from = (uint32_t)serial;
    return OUTCOME_CLEAN;
}

enum outcome xfr_run(const struct arguments *arguments)
{
    const char *words[OPERANDS_MAX] = {NULL};
    unsigned count = arguments->operand_count;
    uint8_t zone[NAME_MAX + 1];
    struct transfer_request request = {.zone = NULL};
    struct transfer transfer;
    struct server server;
    enum outcome outcome = server_open(&server, arguments->operands, &count, words);
    if (outcome != OUTCOME_CLEAN)
        return outcome;
    outcome = take_request(words, count, zone, &request);
    if (outcome == OUTCOME_CLEAN) {
        if (transfer_fetch(&transfer, &server.peer, &request) == ERR_OK)
            outcome = write_transfer(&transfer, arguments);
        else
            outcome = complain("%s: %s", server.text, transfer.why);
        transfer_clear(&transfer);
    }
    server_close(&server);
    return outcome;
}
