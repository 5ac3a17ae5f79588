#include "plugins/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

#include "server/build.h"
#include "server/regex.h"

#define STEPS_MAX 200000 /* a name has 255 octets: an expression that needs more runs wild */

struct regex {
    struct regex *next; /* of the world's, to be freed */
    pcre2_code *code;
};

struct regex *regex_compile(struct setup *setup, const struct token *token, const char *pattern)
{
    int error;
    PCRE2_SIZE at;
    struct build *build = setup->host;
    struct regex *regex = ARENA_NEW(setup->world, struct regex);
    if (regex == NULL)
        return NULL;
    regex->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &error, &at, NULL);
    if (regex->code == NULL) {
        PCRE2_UCHAR why[160];
        pcre2_get_error_message(error, why, sizeof why);
        enum err err = setup_error(setup, token, NULL,
            "'%s' is not a regular expression: %s (at its octet %zu)", pattern, (const char *)why, at + 1);
        (void)err;
        return NULL;
    }
    pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE); /* where it cannot, matching interprets */
    if (build != NULL) {
        regex->next = build->world->regexes;
        build->world->regexes = regex;
    }
    return regex;
}

void regex_free_all(struct regex *regex)
{
    for (; regex != NULL; regex = regex->next)
        pcre2_code_free(regex->code);
}

/* Each thread has room of its own for matching; it is taken once and lives as long as the thread. */
struct room {
    pcre2_match_data *data;
    pcre2_match_context *context;
};

static pthread_key_t room_key;
static pthread_once_t room_once = PTHREAD_ONCE_INIT;

static void free_room(void *arg)
{
    struct room *room = arg;
    pcre2_match_data_free(room->data);
    pcre2_match_context_free(room->context);
    room->data = NULL;
}

static void make_key(void)
{
    if (pthread_key_create(&room_key, free_room) != 0)
        abort();
}

static struct room *room_of_thread(void)
{
    static _Thread_local struct room room;
    if (LIKELY(room.data != NULL))
        return &room;
    pthread_once(&room_once, make_key);
    room.data = pcre2_match_data_create(REGEX_GROUPS_MAX, NULL);
    room.context = pcre2_match_context_create(NULL);
    if (room.context != NULL)
        pcre2_set_match_limit(room.context, STEPS_MAX);
    pthread_setspecific(room_key, &room);
    return &room;
}

static void fill(struct regex_match *match, const char *subject, unsigned count, pcre2_match_data *data)
{
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(data);
    match->subject = subject;
    match->count = count < REGEX_GROUPS_MAX ? count : REGEX_GROUPS_MAX;
    for (unsigned i = 0; i < match->count; i++) {
        bool unset = places[2 * i] == PCRE2_UNSET;
        match->groups[i].begin = unset ? 1 : (uint32_t)places[2 * i];
        match->groups[i].end = unset ? 0 : (uint32_t)places[2 * i + 1];
    }
}

bool regex_match(const struct regex *regex, const char *subject, size_t len, struct regex_match *match)
{
    struct room *room = room_of_thread();
    if (room->data == NULL)
        return false;
    int count = pcre2_match(regex->code, (PCRE2_SPTR)subject, len, 0, 0, room->data, room->context);
    if (count < 0)
        return false;
    if (match != NULL) /* 0: more groups than there is room for */
        fill(match, subject, count == 0 ? REGEX_GROUPS_MAX : (unsigned)count, room->data);
    return true;
}

int regex_group(const struct regex *regex, const char *name)
{
    int number = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)name);
    return number > 0 && number < REGEX_GROUPS_MAX ? number : -1;
}

const char *regex_text(const struct regex_match *match, unsigned number, size_t *len)
{
    if (number >= match->count || match->groups[number].begin > match->groups[number].end) {
        *len = 0;
        return "";
    }
    *len = match->groups[number].end - match->groups[number].begin;
    return match->subject + match->groups[number].begin;
}
