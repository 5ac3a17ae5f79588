#include "zonetool/side.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/store/load.h"

static enum outcome fail(const char *name, enum err err)
{
    return complain("%s: %s", name, err == ERR_IO ? strerror(errno) : err_text(err));
}

static bool is_server(const char *name)
{
    return name[0] == '@';
}

/* A file that is there is meant, whatever its name looks like. */
static bool looks_like_revision(const char *name)
{
    return strchr(name, ':') != NULL && access(name, F_OK) != 0;
}

static enum outcome open_image(struct side *side, const struct arguments *arguments, struct report *report)
{
    struct image *image;
    struct finding_sink sink = report_sink(report);
    unsigned before = report->errors;
    enum err err = image_open(side->name, arguments->threads, &sink, &image);
    if (err != ERR_OK)
        return report->errors > before ? OUTCOME_FAILED : fail(side->name, err);
    side->snapshot = snapshot_new(image);
    if (side->snapshot == NULL) {
        image_release(image);
        return fail(side->name, ERR_MEMORY);
    }
    side->version.snapshot = side->snapshot;
    return OUTCOME_CLEAN;
}

/* The source's name is what included files are sought from: it needs a folder. */
static enum err open_revision(struct side *side)
{
    char name[4200];
    const char *colon = strchr(side->name, ':');
    side->sources.fetch = git_fetch;
    side->sources.context = side->git;
    snprintf(name, sizeof name, "%.*s%s%s", (int)(colon + 1 - side->name), side->name,
        strchr(colon, '/') == NULL ? "/" : "", colon + 1);
    return sources_open(&side->sources, name, &side->version.file);
}

static enum outcome open_text(struct side *side)
{
    enum err err = sources_init(&side->sources);
    if (err != ERR_OK)
        return fail(side->name, err);
    side->has_sources = true;
    err = side->git != NULL ? open_revision(side)
                            : sources_open(&side->sources, side->name, &side->version.file);
    if (err != ERR_OK && side->git != NULL && !git_has(side->git, side->name))
        return complain("%s: %s", side->name, git_why());
    if (err != ERR_OK)
        return fail(side->name, err);
    side->version.sources = &side->sources;
    side->version.origin = side->origin;
    return OUTCOME_CLEAN;
}

/* The owner of the SOA in a text: a server must be told which zone it is about. */
static bool read_apex(const struct side *side, uint8_t *apex)
{
    struct zone_text text;
    struct text_options options = {.origin = side->origin};
    if (side->version.sources == NULL ||
        text_read(side->version.sources, side->version.file, &options, &text) != ERR_OK)
        return false;
    bool seen = text.soa_seen;
    if (seen)
        name_lower(apex, text.soa_owner);
    text_clear(&text);
    return seen;
}

static enum outcome open_server(struct side *side, const uint8_t *zone)
{
    char *const operands[] = {(char *)(uintptr_t)side->name};
    const char *left[1];
    unsigned count = 1;
    enum outcome outcome = server_open(&side->server, operands, &count, left);
    if (outcome != OUTCOME_CLEAN)
        return outcome;
    side->has_server = true;
    struct peer peer = side->server.peer;
    if (peer.transport == PEER_UDP)
        peer.transport = PEER_TCP;
    struct transfer_request request = {.zone = zone};
    enum err err = transfer_fetch(&side->transfer, &peer, &request);
    side->has_transfer = true;
    if (err != ERR_OK)
        return complain(
            "%s: %s", side->name, side->transfer.why[0] != '\0' ? side->transfer.why : err_text(err));
    side->version.records = &side->transfer.in.whole;
    return OUTCOME_CLEAN;
}

static enum outcome open_local(struct side *side, const struct arguments *arguments, struct report *report)
{
    if (is_server(side->name))
        return OUTCOME_CLEAN;
    if (source_is_image(side->name))
        return open_image(side, arguments, report);
    if (looks_like_revision(side->name) && git_open(&side->git) != ERR_OK)
        side->git = NULL; /* then it is no file, and that is told */
    return open_text(side);
}

/* Where relative names of the texts begin: as told, or as an image says, or as the files are called. */
static void choose_origin(struct side sides[2], const struct arguments *arguments)
{
    uint8_t origin[NAME_MAX + 1] = {0};
    for (unsigned i = 0; i < 2; i++) {
        const char *name = sides[i].name, *colon = sides[i].git != NULL ? strchr(name, ':') : NULL;
        if (sides[i].snapshot != NULL)
            name_lower(origin, sides[i].snapshot->image->header->apex_name);
        else if (!is_server(name) && origin[0] == 0)
            load_guess_origin(colon != NULL ? colon + 1 : name, origin);
    }
    for (unsigned i = 0; i < 2; i++)
        name_lower(sides[i].origin, arguments->origin != NULL ? arguments->origin : origin);
}

static enum outcome open_servers(struct side sides[2], const struct arguments *arguments)
{
    enum outcome outcome = OUTCOME_CLEAN;
    for (unsigned i = 0; i < 2 && outcome == OUTCOME_CLEAN; i++) {
        const struct side *other = &sides[1 - i];
        uint8_t apex[NAME_MAX + 1];
        bool known = arguments->origin != NULL || other->snapshot != NULL;
        if (!is_server(sides[i].name))
            continue;
        name_lower(apex, sides[i].origin);
        if (!known && !read_apex(other, apex))
            return complain("%s: which zone? Say it with -o", sides[i].name);
        outcome = open_server(&sides[i], apex);
    }
    return outcome;
}

enum outcome sides_open(
    struct side sides[2], char *const names[2], const struct arguments *arguments, struct report *report)
{
    enum outcome outcome = OUTCOME_CLEAN;
    memset(sides, 0, 2 * sizeof *sides);
    for (unsigned i = 0; i < 2; i++)
        sides[i].name = names[i];
    for (unsigned i = 0; i < 2 && outcome == OUTCOME_CLEAN; i++)
        outcome = open_local(&sides[i], arguments, report);
    if (outcome != OUTCOME_CLEAN)
        return outcome;
    choose_origin(sides, arguments);
    return open_servers(sides, arguments);
}

static enum err make_image(struct side *side, const uint8_t *apex, const struct arguments *arguments,
    struct report *report, struct image **image)
{
    struct load_options options = {
        .origin = side->origin, .threads = arguments->threads, .sink = report_sink(report)};
    struct load_result result;
    char why[CHANGE_WHY_MAX] = "";
    if (side->has_sources) {
        /* Relative names begin where they began, but the zone is the one of the SOA. */
        options.origin = apex == NULL ? arguments->origin : name_equal(side->origin, apex) ? apex : NULL;
        return load_source(&side->sources, side->version.file, &options, &result, image);
    }
    if (apex == NULL)
        apex = side->transfer.in.zone;
    enum err err = change_build(apex, side->version.records, arguments->threads, why, image);
    if (err == ERR_INVALID)
        complain("%s: %s", side->name, why);
    return err;
}

enum outcome side_snapshot(
    struct side *side, const uint8_t *apex, const struct arguments *arguments, struct report *report)
{
    struct image *image;
    if (side->snapshot != NULL)
        return OUTCOME_CLEAN;
    enum err err = make_image(side, apex, arguments, report, &image);
    if (err == ERR_INVALID)
        return OUTCOME_FAILED;
    if (err != ERR_OK)
        return fail(side->name, err);
    side->snapshot = snapshot_new(image);
    if (side->snapshot != NULL)
        return OUTCOME_CLEAN;
    image_release(image);
    return fail(side->name, ERR_MEMORY);
}

void sides_close(struct side sides[2])
{
    for (unsigned i = 0; i < 2; i++) {
        if (sides[i].snapshot != NULL)
            snapshot_release(sides[i].snapshot);
        if (sides[i].has_sources)
            sources_clear(&sides[i].sources);
        if (sides[i].has_transfer)
            transfer_clear(&sides[i].transfer);
        if (sides[i].has_server)
            server_close(&sides[i].server);
        git_close(sides[i].git);
    }
    memset(sides, 0, 2 * sizeof *sides);
}
