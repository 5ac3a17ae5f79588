#include "signer/dsset.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "signer/signer.h"
#include "zone/base/codec.h"
#include "zone/base/file.h"
#include "zone/wire/name.h"

#define FILE_MAX (1u << 20)
#define WORDS_MAX 12
#define HEX_MAX 256

/* TAG ALGORITHM DIGEST-TYPE HEX..., the words behind "DS". */
static bool take_rdata(struct dsset *set, char **words, unsigned count)
{
    static const unsigned most[] = {65535, 255, 255};
    unsigned numbers[3];
    char hex[HEX_MAX];
    size_t len = 0;
    if (count < 4 || set->count == DSSET_MAX)
        return false;
    for (unsigned i = 0; i < 3; i++) {
        char *end;
        unsigned long value = strtoul(words[i], &end, 10);
        if (*end != '\0' || value > most[i])
            return false;
        numbers[i] = (unsigned)value;
    }
    for (unsigned i = 3; i < count; i++) {
        size_t more = strlen(words[i]);
        if (len + more > sizeof hex)
            return false;
        memcpy(hex + len, words[i], more);
        len += more;
    }
    uint8_t *rdata = arena_alloc(&set->arena, 4 + len / 2, 1);
    if (rdata == NULL || len == 0 || len % 2 != 0 || base16_decode(rdata + 4, hex, len) != len)
        return false;
    rdata[0] = (uint8_t)(numbers[0] >> 8);
    rdata[1] = (uint8_t)numbers[0];
    rdata[2] = (uint8_t)numbers[1];
    rdata[3] = (uint8_t)numbers[2];
    set->refs[set->count++] = (struct rdata_ref){rdata, (uint16_t)(4 + len / 2)};
    return true;
}

/* False when a line of the zone's is malformed; others are passed over. */
static bool take_line(struct dsset *set, char *line, const uint8_t *zone)
{
    char *words[WORDS_MAX], *rest = line;
    unsigned count = 0, type = 0;
    uint8_t owner[NAME_MAX + 1];
    line[strcspn(line, ";")] = '\0';
    for (char *word; count < WORDS_MAX && (word = strsep(&rest, " \t\r()")) != NULL;) {
        if (*word == '\0')
            continue;
        words[count] = word;
        if (type == 0 && count > 0 && strcasecmp(word, "DS") == 0)
            type = count;
        count++;
    }
    if (type == 0)
        return true;
    if (name_parse(words[0], strlen(words[0]), (const uint8_t *)"", owner, NULL, NULL) != ERR_OK ||
        !name_equal(owner, zone))
        return true;
    return take_rdata(set, words + type + 1, count - type - 1);
}

bool dsset_read(struct dsset *set, const char *path, const uint8_t *zone)
{
    char *text, *line;
    size_t len;
    unsigned number = 0;
    arena_init(&set->arena, 0);
    enum err err = file_read(path, FILE_MAX, &set->arena, &text, &len);
    if (err != ERR_OK) {
        complain_of(path, err);
        return false;
    }
    while ((line = strsep(&text, "\n")) != NULL) {
        number++;
        if (!take_line(set, line, zone)) {
            complain("%s:%u: this is no DS record (or there are more than %u)", path, number, DSSET_MAX);
            return false;
        }
    }
    if (set->count == 0)
        complain("%s: holds no DS record of this zone", path);
    return set->count > 0;
}

void dsset_clear(struct dsset *set)
{
    if (set->arena.chunks != NULL)
        arena_clear(&set->arena);
}
