#include "tests/case/script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct script *script;
    FILE *in;
    unsigned line;
    char *text; /* of the line */
    size_t size;
    struct step *step;
    int section; /* being read, or -1 */
};

static bool fail(const struct reading *reading, const char *what)
{
    fprintf(stderr, "%s:%u: %s\n", reading->script->path, reading->line, what);
    return false;
}

static bool next_line(struct reading *reading)
{
    ssize_t len = getline(&reading->text, &reading->size, reading->in);
    if (len < 0)
        return false;
    while (len > 0 && strchr("\n\r\t ", reading->text[len - 1]) != NULL)
        reading->text[--len] = 0;
    reading->line++;
    return true;
}

static char *append(char *text, const char *line)
{
    size_t old = text != NULL ? strlen(text) : 0, len = strlen(line);
    text = realloc(text, old + len + 2);
    memcpy(text + old, line, len);
    memcpy(text + old + len, "\n", 2);
    return text;
}

/* LINE with each run of blanks as one and none at the ends, in place. */
static char *squeeze(char *line)
{
    char *out = line, *start = line;
    for (char *in = line; *in != 0; in++) {
        bool blank = *in == ' ' || *in == '\t';
        if (!blank)
            *out++ = *in;
        else if (out > start && out[-1] != ' ')
            *out++ = ' ';
    }
    if (out > start && out[-1] == ' ')
        out--;
    *out = 0;
    return line;
}

/* zone ORIGIN [bare] [nsec|nsec3|optout], then its text up to "end". */
static bool read_zone(struct reading *reading, char *words)
{
    struct script *script = reading->script;
    if (script->zone_count == ZONES_MAX)
        return fail(reading, "too many zones");
    struct zone *zone = &script->zones[script->zone_count++];
    char *save, *word = strtok_r(words, " ", &save);
    if (word == NULL)
        return fail(reading, "the zone's origin is missing");
    snprintf(zone->origin, sizeof zone->origin, "%s", word);
    static const char *const signings[] = {"unsigned", "nsec", "nsec3", "optout"};
    while ((word = strtok_r(NULL, " ", &save)) != NULL) {
        for (unsigned i = 0; i < 4; i++)
            zone->signing = strcmp(word, signings[i]) == 0 ? (enum zone_signing)i : zone->signing;
        zone->bare |= strcmp(word, "bare") == 0;
    }
    zone->text = calloc(1, 1);
    while (next_line(reading)) {
        if (strcmp(reading->text, "end") == 0)
            return true;
        zone->text = append(zone->text, reading->text);
    }
    return fail(reading, "the zone has no end");
}

static bool read_option(struct reading *reading, struct step *step, const char *word)
{
    if (strcmp(word, "do") == 0)
        step->dnssec = step->edns = true;
    else if (strcmp(word, "tcp") == 0)
        step->tcp = true;
    else if (strcmp(word, "follow") == 0)
        step->follow = true;
    else if (sscanf(word, "edns=%u", &step->edns_size) == 1)
        step->edns = true;
    else if (sscanf(word, "limit=%u", &step->limit) != 1)
        return fail(reading, "unknown word in query");
    return true;
}

static struct step *add_step(struct reading *reading)
{
    struct script *script = reading->script;
    script->steps = realloc(script->steps, (script->step_count + 1) * sizeof *script->steps);
    struct step *step = &script->steps[script->step_count++];
    *step = (struct step){.line = reading->line, .limit = 1232, .edns_size = 1232};
    reading->step = step;
    reading->section = -1;
    return step;
}

/* A word of a packet: a name when there is a dot in it, else octets in hexadecimal. Returns its octets, 0
 * when it is neither. */
static size_t read_octets(const char *word, uint8_t *out, size_t room)
{
    size_t len = 0;
    if (strchr(word, '.') != NULL)
        return room >= NAME_MAX && name_parse(word, strlen(word), NULL, out, &len, NULL) == ERR_OK ? len : 0;
    for (; *word != 0; word += 2) {
        unsigned octet;
        if (len == room || sscanf(word, "%2x", &octet) != 1 || word[1] == 0)
            return 0;
        out[len++] = (uint8_t)octet;
    }
    return len;
}

/* packet WORD..., the whole query */
static bool read_packet(struct reading *reading, char *words)
{
    struct step *step = add_step(reading);
    char *save;
    snprintf(step->name, sizeof step->name, "(packet)");
    for (char *word = strtok_r(words, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        size_t len =
            read_octets(word, step->packet + step->packet_len, sizeof step->packet - step->packet_len);
        if (len == 0)
            return fail(reading, "a packet's words are names and octets in hexadecimal");
        step->packet_len += len;
    }
    return true;
}

/* query NAME TYPE [do] [tcp] [edns=SIZE] [limit=OCTETS] [follow] */
static bool read_query(struct reading *reading, char *words)
{
    struct step *step = add_step(reading);
    char *save, *name = strtok_r(words, " ", &save), *type = strtok_r(NULL, " ", &save);
    if (type == NULL)
        return fail(reading, "query NAME TYPE");
    snprintf(step->name, sizeof step->name, "%s", name);
    snprintf(step->type, sizeof step->type, "%s", type);
    for (char *word; (word = strtok_r(NULL, " ", &save)) != NULL;) {
        if (!read_option(reading, step, word))
            return false;
    }
    return true;
}

static int section_of(const char *line)
{
    static const char *const names[] = {"answer", "authority", "additional"};
    for (int i = 0; i < SHOW_SECTIONS; i++) {
        if (strcmp(line, names[i]) == 0)
            return i;
    }
    return -1;
}

static bool read_line(struct reading *reading)
{
    char *line = squeeze(reading->text);
    if (*line == 0 || *line == '#')
        return true;
    if (strncmp(line, "zone ", 5) == 0)
        return read_zone(reading, line + 5);
    if (strncmp(line, "query ", 6) == 0)
        return read_query(reading, line + 6);
    if (strncmp(line, "packet ", 7) == 0)
        return read_packet(reading, line + 7);
    struct step *step = reading->step;
    if (step == NULL)
        return fail(reading, "a query must come first");
    if (strncmp(line, "reply ", 6) == 0) {
        step->expected.head = strdup(line + 6);
    } else if (section_of(line) >= 0) {
        reading->section = section_of(line);
    } else if (reading->section >= 0) {
        char **text = &step->expected.section[reading->section];
        *text = append(*text, line);
    } else {
        return fail(reading, "neither zone, query, reply nor a section");
    }
    return true;
}

bool script_read(struct script *script, const char *path)
{
    struct reading reading = {.script = script, .in = fopen(path, "r"), .section = -1};
    bool fine = true;
    *script = (struct script){.path = path};
    if (reading.in == NULL)
        return fail(&reading, "cannot be opened");
    while (fine && next_line(&reading))
        fine = read_line(&reading);
    fclose(reading.in);
    free(reading.text);
    return fine;
}

void script_clear(struct script *script)
{
    for (unsigned i = 0; i < script->zone_count; i++)
        zone_unload(&script->zones[i]);
    for (unsigned i = 0; i < script->step_count; i++)
        shown_clear(&script->steps[i].expected);
    free(script->steps);
}
