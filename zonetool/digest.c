/* zonetool digest: the digest of a whole zone (RFC 8976): tells the ZONEMD record, checks the one that is
 * there, or puts a new one into the text. */
#include <stdio.h>
#include <string.h>

#include "zone/sec/zonemd.h"
#include "zone/wire/type.h"
#include "zonetool/show.h"
#include "zonetool/source.h"
#include "zonetool/zonemd_text.h"

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

static enum outcome make(const char *path, bool compiled, const struct snapshot *snapshot)
{
    uint8_t digest[ZONEMD_DIGEST_MAX], rdata[ZONEMD_RDATA_MAX];
    enum err err = zonemd_digest(snapshot, options.hash, digest);
    if (err != ERR_OK)
        return complain("%s: %s", path, err_text(err));
    if (options.write && compiled)
        return complain("%s: an image is not edited", path);
    if (options.write)
        return zonemd_text_write(path, &(struct zonemd_record){.apex = snapshot->image->header->apex_name,
                                           .serial = snapshot->serial,
                                           .ttl = snapshot->soa->ttl,
                                           .hash = options.hash,
                                           .digest = digest});
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
