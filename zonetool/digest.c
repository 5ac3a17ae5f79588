/* zonetool digest: the digest of a whole zone (RFC 8976): tells the ZONEMD record, checks the one that is
 * there, or puts a new one into the text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/sec/zonemd.h"
#include "zone/text/entry.h"
#include "zone/text/lexer.h"
#include "zone/wire/type.h"
#include "zonetool/rewrite.h"
#include "zonetool/show.h"
#include "zonetool/source.h"

static struct {
    bool verify, write;
    enum zonemd_hash hash;
} options = {.hash = ZONEMD_SHA384};

static bool take_hash(const char *value)
{
    options.hash = strcmp(value, "sha512") == 0 ? ZONEMD_SHA512 : ZONEMD_SHA384;
    if (strcmp(value, "sha384") == 0 || strcmp(value, "sha512") == 0)
        return true;
    complain("--hash %s: sha384 and sha512 are the hashes", value);
    return false;
}

const struct option_row digest_options[] = {
    {.word = "verify",
        .help = "check the zone's ZONEMD record; exit 1 if it is wrong or missing",
        .flag = &options.verify},
    {.letter = 'w', .word = "write", .help = "write the record into the file", .flag = &options.write},
    {.word = "hash", .value = "HASH", .help = "sha384, or sha512", .take = take_hash},
    {.word = NULL},
};

/* ---- in the text ---- */

struct edit {
    size_t at, len; /* what is replaced; LEN 0: an insertion */
    char text[700];
};

struct place {
    struct edit edits[2];
    unsigned count;
    bool found;     /* a ZONEMD record of this hash */
    bool soa_found; /* its end is edits[0].at until a ZONEMD is found */
};

static const struct piece *token_behind_type(const struct entry *entry, unsigned number, uint32_t *at)
{
    for (*at = entry->type + 1; *at < entry->count; ++*at) {
        if (entry->pieces[*at].kind == PIECE_TOKEN && number-- == 0)
            return &entry->pieces[*at];
    }
    return NULL;
}

static bool is_number(const struct piece *piece, unsigned number)
{
    char digits[12];
    int len = snprintf(digits, sizeof digits, "%u", number);
    return piece != NULL && piece->len == (uint32_t)len && memcmp(piece->at, digits, piece->len) == 0;
}

/* Serial and digest of a ZONEMD of our scheme and hash; the digest may stand in several tokens. */
static void take_zonemd(
    struct place *place, const struct entry *entry, const char *text, const char *serial, const char *hex)
{
    uint32_t at;
    const struct piece *last = NULL, *old = token_behind_type(entry, 0, &at);
    if (!is_number(token_behind_type(entry, 1, &at), ZONEMD_SIMPLE) ||
        !is_number(token_behind_type(entry, 2, &at), options.hash))
        return;
    const struct piece *first = token_behind_type(entry, 3, &at);
    for (; at < entry->count; at++)
        last = entry->pieces[at].kind == PIECE_TOKEN ? &entry->pieces[at] : last;
    if (first == NULL || place->found)
        return;
    place->found = true;
    place->count = 2;
    place->edits[0] = (struct edit){.at = (size_t)(old->at - text), .len = old->len};
    snprintf(place->edits[0].text, sizeof place->edits[0].text, "%s", serial);
    place->edits[1] =
        (struct edit){.at = (size_t)(first->at - text), .len = (size_t)(last->at + last->len - first->at)};
    snprintf(place->edits[1].text, sizeof place->edits[1].text, "%s", hex);
}

static bool find_place(
    struct place *place, const struct input *input, const char *line, const char *serial, const char *hex)
{
    struct entry entry;
    bool good = true;
    memset(place, 0, sizeof *place);
    entry_init(&entry);
    for (const char *at = input->text, *end = at + input->len; at < end && good; at = entry.next) {
        uint16_t type = 0;
        good = entry_scan(&entry, at, end) == ERR_OK;
        if (!good || entry.kind != ENTRY_RECORD || entry.type == ENTRY_NONE)
            continue;
        const struct piece *piece = &entry.pieces[entry.type];
        if (!type_parse(piece->at, piece->len, &type))
            continue;
        if (type == TYPE_SOA && !place->soa_found && !place->found) {
            bool newline = entry.next > input->text && entry.next[-1] == '\n';
            place->soa_found = true;
            place->count = 1;
            place->edits[0] = (struct edit){.at = (size_t)(entry.next - input->text)};
            snprintf(place->edits[0].text, sizeof place->edits[0].text, "%s%s", newline ? "" : "\n", line);
        } else if (type == TYPE_ZONEMD) {
            take_zonemd(place, &entry, input->text, serial, hex);
        }
    }
    entry_clear(&entry);
    return good && place->count > 0;
}

static enum outcome apply(const char *path, const struct input *input, const struct place *place)
{
    char *text = NULL;
    size_t len = 0, at = 0;
    FILE *out = open_memstream(&text, &len);
    for (unsigned i = 0; out != NULL && i < place->count; i++) {
        fwrite(input->text + at, 1, place->edits[i].at - at, out);
        fputs(place->edits[i].text, out);
        at = place->edits[i].at + place->edits[i].len;
    }
    if (out == NULL)
        return complain("%s: out of memory", path);
    fwrite(input->text + at, 1, input->len - at, out);
    enum outcome outcome = fclose(out) != 0         ? complain("%s: out of memory", path)
                           : strcmp(path, "-") == 0 ? print_octets(text, len)
                                                    : rewrite_file(path, text, len);
    free(text);
    return outcome;
}

/* ---- the command ---- */

static void print_hex(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static enum outcome write_record(const char *path, const struct snapshot *snapshot, const uint8_t *digest)
{
    char hex[2 * ZONEMD_DIGEST_MAX + 1], serial[16], line[400];
    struct input input;
    struct place place;
    print_hex(digest, zonemd_digest_len(options.hash), hex);
    snprintf(serial, sizeof serial, "%u", snapshot->serial);
    /* Behind the SOA it inherits the apex. */
    snprintf(line, sizeof line, "        %u IN ZONEMD %s %u %u %s\n", snapshot->soa->ttl, serial,
        ZONEMD_SIMPLE, (unsigned)options.hash, hex);
    if (input_open(&input, path) != ERR_OK)
        return complain("%s: %s", path, strerror(errno));
    enum outcome outcome = find_place(&place, &input, line, serial, hex)
                               ? apply(path, &input, &place)
                               : complain("%s: no SOA record stands in this file", path);
    input_close(&input);
    return outcome;
}

static enum outcome make(const char *path, bool compiled, const struct snapshot *snapshot)
{
    uint8_t digest[ZONEMD_DIGEST_MAX], rdata[ZONEMD_RDATA_MAX];
    enum err err = zonemd_digest(snapshot, options.hash, digest);
    if (err != ERR_OK)
        return complain("%s: %s", path, err_text(err));
    if (options.write && compiled)
        return complain("%s: an image is not edited", path);
    if (options.write)
        return write_record(path, snapshot, digest);
    size_t len = zonemd_write(snapshot->serial, options.hash, digest, rdata);
    show_record(stdout, snapshot->image->header->apex_name, TYPE_ZONEMD, snapshot->soa->ttl, rdata, len);
    return OUTCOME_CLEAN;
}

static enum outcome verify(const char *path, const struct snapshot *snapshot, bool quiet)
{
    enum zonemd_verdict verdict = zonemd_verify(snapshot);
    if (verdict == ZONEMD_MEMORY)
        return complain("%s: out of memory", path);
    if (!quiet || verdict != ZONEMD_VALID)
        printf("%s: %s\n", path, zonemd_verdict_text(verdict));
    return verdict == ZONEMD_VALID ? OUTCOME_CLEAN : OUTCOME_FINDINGS;
}

static enum outcome digest_one(const char *path, const struct arguments *arguments)
{
    struct report report;
    struct source source;
    report_init(&report, stderr);
    enum outcome outcome = source_open(&source, path, arguments, WANT_IMAGE, &report);
    struct snapshot *snapshot = outcome == OUTCOME_CLEAN ? snapshot_new(image_hold(source.image)) : NULL;
    if (outcome == OUTCOME_CLEAN && snapshot == NULL)
        outcome = complain("%s: out of memory", path);
    else if (outcome == OUTCOME_CLEAN)
        outcome =
            options.verify ? verify(path, snapshot, arguments->quiet) : make(path, source.compiled, snapshot);
    if (snapshot != NULL)
        snapshot_release(snapshot);
    source_close(&source);
    report_clear(&report);
    return outcome;
}

enum outcome digest_run(const struct arguments *arguments)
{
    enum outcome outcome = OUTCOME_CLEAN;
    for (unsigned i = 0; i < arguments->operand_count; i++)
        outcome = outcome_worse(outcome, digest_one(arguments->operands[i], arguments));
    return outcome;
}
