#include "zonetool/zonemd_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/text/entry.h"
#include "zone/wire/type.h"
#include "zonetool/rewrite.h"
#include "zonetool/show.h"
#include "zonetool/written.h"

struct edit {
    size_t at, len; /* what is replaced; LEN 0: an insertion */
    char text[NAME_TEXT_MAX + 500];
};

/* What is to be changed in one file. */
struct place {
    const char *path;
    const struct input *input;
    struct edit edits[2];
    unsigned count;
};

static const struct piece *token_behind_type(const struct entry *entry, unsigned number, uint32_t *at)
{
    for (*at = entry->type + 1; *at < entry->count; ++*at) {
        if (entry->pieces[*at].kind == PIECE_TOKEN && number-- == 0)
            return &entry->pieces[*at];
    }
    return NULL;
}

static enum zonemd_hash wanted_hash;

static bool is_wanted(const struct tape_record *record)
{
    return record->rdata_len > 6 && record->rdata[4] == ZONEMD_SIMPLE && record->rdata[5] == wanted_hash;
}

/* Serial and digest of a ZONEMD record; the digest may stand in several tokens. */
static bool edit_zonemd(struct place *place, const struct entry *entry, const char *serial, const char *hex)
{
    uint32_t at;
    const struct piece *last = NULL, *old = token_behind_type(entry, 0, &at);
    const struct piece *first = token_behind_type(entry, 3, &at);
    for (; at < entry->count; at++)
        last = entry->pieces[at].kind == PIECE_TOKEN ? &entry->pieces[at] : last;
    if (old == NULL || first == NULL)
        return false;
    const char *text = place->input->text;
    place->count = 2;
    place->edits[0] = (struct edit){.at = (size_t)(old->at - text), .len = old->len};
    snprintf(place->edits[0].text, sizeof place->edits[0].text, "%s", serial);
    place->edits[1] =
        (struct edit){.at = (size_t)(first->at - text), .len = (size_t)(last->at + last->len - first->at)};
    snprintf(place->edits[1].text, sizeof place->edits[1].text, "%s", hex);
    return true;
}

static void insert(struct place *place, size_t at, const char *record)
{
    bool newline = at == 0 || place->input->text[at - 1] == '\n';
    place->count = 1;
    place->edits[0] = (struct edit){.at = at};
    snprintf(place->edits[0].text, sizeof place->edits[0].text, "%s%s\n", newline ? "" : "\n", record);
}

/* The ZONEMD that is there, in whatever file; or a new one behind the SOA, or, when that is included (by
 * other zones, too, perhaps), at the end of the zone's own file. */
static enum err find_place(struct place *place, struct written *written, const char *record,
    const char *owner, const char *serial, const char *hex)
{
    struct entry entry;
    struct written_place found;
    char whole[sizeof place->edits[0].text - 8];
    bool there = written_find(written, TYPE_ZONEMD, is_wanted, &found);
    if (!there && !written_find(written, TYPE_SOA, NULL, &found))
        return ERR_MISSING;
    const struct source *own = sources_get(&written->sources, 0);
    memset(place, 0, sizeof *place);
    place->path = there ? found.path : own->path;
    place->input = there ? found.input : &own->input;
    entry_init(&entry);
    enum err err = entry_scan(&entry, found.input->text + found.at, found.input->text + found.input->len);
    if (err == ERR_OK && there) {
        err = edit_zonemd(place, &entry, serial, hex) ? ERR_OK : ERR_INVALID;
    } else if (err == ERR_OK && !found.included) { /* behind the SOA it inherits the apex */
        snprintf(whole, sizeof whole, "        %s", record);
        insert(place, (size_t)(entry.next - found.input->text), whole);
    } else if (err == ERR_OK) {
        snprintf(whole, sizeof whole, "%s %s", owner, record);
        insert(place, own->input.len, whole);
    }
    entry_clear(&entry);
    return err;
}

static enum outcome apply(const struct place *place)
{
    const char *path = place->path;
    const struct input *input = place->input;
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
    enum outcome outcome =
        fclose(out) != 0 ? complain("%s: out of memory", path) : rewrite_file(path, text, len);
    free(text);
    return outcome;
}

static void print_hex(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

enum outcome zonemd_text_write(const char *path, const struct zonemd_record *zonemd)
{
    char hex[2 * ZONEMD_DIGEST_MAX + 1], serial[16], record[400];
    struct written written;
    struct place place;
    if (strcmp(path, "-") == 0)
        return complain("-w: standard input is not a file");
    wanted_hash = zonemd->hash;
    print_hex(zonemd->digest, zonemd_digest_len(zonemd->hash), hex);
    snprintf(serial, sizeof serial, "%u", zonemd->serial);
    snprintf(record, sizeof record, "%u IN ZONEMD %s %u %u %s", zonemd->ttl, serial, ZONEMD_SIMPLE,
        (unsigned)zonemd->hash, hex);
    enum err err = written_open(&written, path, zonemd->apex);
    if (err == ERR_OK) {
        err = find_place(&place, &written, record, show_name(zonemd->apex), serial, hex);
        enum outcome outcome = err == ERR_OK ? apply(&place) : OUTCOME_FAILED;
        written_close(&written);
        if (err == ERR_OK)
            return outcome;
    }
    return complain("%s: %s", path, err == ERR_IO ? strerror(errno) : err_text(err));
}
