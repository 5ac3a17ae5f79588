#include "zone/wire/type.h"

#include <stdio.h>
#include <string.h>

#include "zone/wire/type_table.h"

/* Mnemonics are found by their first eight octets taken as one number, in a table filled once before
 * main: types are read for every record and every bit of an NSEC bitmap. */
#define SLOTS 512u

static struct slot {
    uint64_t key;
    const struct type_info *info;
} slots[SLOTS];

static inline unsigned slot_of(uint64_t key, size_t len)
{
    return (unsigned)(((key + len) * UINT64_C(0x9e3779b97f4a7c15)) >> 55) & (SLOTS - 1);
}

/* The first octets of TEXT as one number, letters raised: of the octets with 0x40 those with 0x20 lose it.
 * No mnemonic has the marks that this confuses. Loads overlap so that nothing is read behind the text and,
 * up to eight octets, equal keys and lengths mean equal texts. */
static inline uint64_t key_of(const char *text, size_t len)
{
    uint64_t key = 0;
    uint32_t front, back;
    if (len >= 8) {
        memcpy(&key, text, 8);
    } else if (len >= 4) {
        memcpy(&front, text, 4);
        memcpy(&back, text + len - 4, 4);
        key = (uint64_t)back << 32 | front;
    } else if (len > 0) {
        key = (uint64_t)(uint8_t)text[0] | (uint64_t)(uint8_t)text[len / 2] << 8 |
              (uint64_t)(uint8_t)text[len - 1] << 16;
    }
    return key & ~(key >> 1 & key & UINT64_C(0x2020202020202020));
}

__attribute__((constructor)) static void slots_fill(void)
{
    for (unsigned i = 0; i < TYPE_ROWS; i++) {
        const struct type_info *info = type_row(i);
        if (info == NULL)
            continue;
        uint64_t key = key_of(info->name, info->name_len);
        unsigned at = slot_of(key, info->name_len);
        while (slots[at].info != NULL)
            at = (at + 1) & (SLOTS - 1);
        slots[at] = (struct slot){.key = key, .info = info};
    }
}

static inline char raised(char c)
{
    return (char)(c - ((unsigned char)(c - 'a') < 26 ? 32 : 0));
}

static bool equal_raised(const char *text, const char *mnemonic, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (raised(text[i]) != mnemonic[i])
            return false;
    }
    return true;
}

/* "PREFIX" and a number without sign up to 65535 (RFC 3597 5). */
static bool numbered_parse(const char *text, size_t len, const char *prefix, uint16_t *number)
{
    size_t prefix_len = strlen(prefix);
    if (len <= prefix_len || len > prefix_len + 5 || !equal_raised(text, prefix, prefix_len))
        return false;
    unsigned value = 0;
    for (size_t i = prefix_len; i < len; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    if (value > 65535)
        return false;
    *number = (uint16_t)value;
    return true;
}

bool type_parse(const char *text, size_t len, uint16_t *type)
{
    uint64_t key = key_of(text, len);
    for (unsigned at = slot_of(key, len); slots[at].info != NULL; at = (at + 1) & (SLOTS - 1)) {
        const struct type_info *info = slots[at].info;
        if (slots[at].key == key && info->name_len == len &&
            (LIKELY(len <= 8) || equal_raised(text + 8, info->name + 8, len - 8))) {
            *type = info->type;
            return true;
        }
    }
    return numbered_parse(text, len, "TYPE", type);
}

static size_t numbered_print(const char *prefix, uint16_t number, char *out)
{
    return (size_t)snprintf(out, 16, "%s%u", prefix, number);
}

size_t type_print(uint16_t type, char *out)
{
    const struct type_info *info = type_info(type);
    if (info->name == NULL)
        return numbered_print("TYPE", type, out);
    memcpy(out, info->name, (size_t)info->name_len + 1);
    return info->name_len;
}

bool type_is_meta(uint16_t type)
{
    return (type_info(type)->flags & TYPE_FLAG_META) != 0;
}

/* Edit distance with swaps of neighbours, at most 3: TEXT is short. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned row[3][16];
    if (a_len > 14 || b_len > 14)
        return 99;
    for (unsigned j = 0; j <= b_len; j++)
        row[0][j] = j;
    for (unsigned i = 1; i <= a_len; i++) {
        unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            unsigned same = raised(a[i - 1]) == raised(b[j - 1]) ? 0 : 1;
            unsigned best = last[j - 1] + same;
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && raised(a[i - 1]) == raised(b[j - 2]) &&
                raised(a[i - 2]) == raised(b[j - 1]) && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[a_len % 3][b_len];
}

const char *type_suggest(const char *text, size_t len)
{
    const char *nearest = NULL;
    unsigned least = len < 4 ? 2 : 3;
    for (unsigned i = 0; i < TYPE_ROWS; i++) {
        const struct type_info *info = type_row(i);
        if (info == NULL || (info->flags & (TYPE_FLAG_META | TYPE_FLAG_OBSOLETE)) != 0)
            continue;
        unsigned d = distance(text, len, info->name, info->name_len);
        if (d < least) {
            least = d;
            nearest = info->name;
        }
    }
    return nearest;
}

static const struct {
    const char *name;
    uint16_t class;
} classes[] = {{"IN", CLASS_IN}, {"CS", CLASS_CS}, {"CH", CLASS_CH}, {"HS", CLASS_HS}, {"NONE", CLASS_NONE},
    {"ANY", CLASS_ANY}};

bool class_parse(const char *text, size_t len, uint16_t *class)
{
    for (size_t i = 0; i < ARRAY_COUNT(classes); i++) {
        if (strlen(classes[i].name) == len && equal_raised(text, classes[i].name, len)) {
            *class = classes[i].class;
            return true;
        }
    }
    return numbered_parse(text, len, "CLASS", class);
}

size_t class_print(uint16_t class, char *out)
{
    for (size_t i = 0; i < ARRAY_COUNT(classes); i++) {
        if (classes[i].class == class)
            return (size_t)snprintf(out, 16, "%s", classes[i].name);
    }
    return numbered_print("CLASS", class, out);
}
