#include "plugins/backend/jsonreply.h"

#include <string.h>
#include <strings.h>

#include "plugins/backend/jsonread.h"
#include "plugins/backend/jsonrecord.h"
#include "zone/wire/message.h"
#include "zone/wire/reply_open.h"
#include "zone/wire/type.h"

#define SET_MAX 256 /* records of one RRset; further ones begin another */

static const uint8_t root[1] = {0};

struct found {
    uint8_t owner[NAME_MAX];
    uint16_t type;
    uint32_t ttl;
    struct rdata_ref rdata;
};

/* Records of one name and type that stand together. */
struct set {
    struct found head;
    struct rdata_ref rdata[SET_MAX];
    unsigned count;
};

struct reading {
    struct jsonread json;
    const struct question *question;
    struct reply *reply;
    struct arena *scratch;
    const char *place; /* for people: "Answer" */
    struct set *set;
    bool status, ra, aa_given, wrong_question;
};

static bool is(struct jsonread_text name, const char *word)
{
    return name.at != NULL && strcasecmp(name.at, word) == 0;
}

static void fail(struct reading *r, const char *what, const char *detail)
{
    const char *text = arena_printf(
        r->scratch, "%s: %s%s%s", r->place, what, detail != NULL ? ": " : "", detail != NULL ? detail : "");
    jsonread_fail(&r->json, text != NULL ? text : "out of memory");
}

/* ---- one record ---- */

static void take_name(struct reading *r, struct jsonread_text text, uint8_t *out)
{
    const char *why = NULL;
    size_t len;
    if (text.at != NULL && name_parse(text.at, text.len, root, out, &len, &why) != ERR_OK)
        fail(r, text.at, why);
}

static uint16_t take_type(struct reading *r)
{
    uint16_t type = 0;
    if (jsonread_peek(&r->json) == '"') {
        struct jsonread_text text = jsonread_string(&r->json);
        if (text.at != NULL && !type_parse(text.at, text.len, &type))
            fail(r, "there is no record type", text.at);
        return type;
    }
    uint32_t number = jsonread_number(&r->json);
    if (number > UINT16_MAX)
        fail(r, "a type above 65535", NULL);
    return (uint16_t)number;
}

enum { HAS_NAME = 1, HAS_TYPE = 2, HAS_TTL = 4, HAS_DATA = 8 };

static const char *missing(unsigned has)
{
    return (has & HAS_NAME) == 0   ? "a record without a name"
           : (has & HAS_TYPE) == 0 ? "a record without a type"
           : (has & HAS_TTL) == 0  ? "a record without a TTL"
                                   : "a record without data";
}

static bool read_record(struct reading *r, struct found *found)
{
    struct jsonread_text data = {NULL, 0};
    unsigned has = 0;
    jsonread_open(&r->json, '{');
    while (jsonread_more(&r->json)) {
        struct jsonread_text name = jsonread_name(&r->json);
        if (is(name, "name")) {
            take_name(r, jsonread_string(&r->json), found->owner);
            has |= HAS_NAME;
        } else if (is(name, "type")) {
            found->type = take_type(r);
            has |= HAS_TYPE;
        } else if (is(name, "TTL")) {
            found->ttl = jsonread_number(&r->json);
            has |= HAS_TTL;
        } else if (is(name, "data")) {
            data = jsonread_string(&r->json);
            has |= HAS_DATA;
        } else {
            jsonread_skip(&r->json);
        }
    }
    if (r->json.error != NULL)
        return false;
    if (has != (HAS_NAME | HAS_TYPE | HAS_TTL | HAS_DATA)) {
        fail(r, missing(has), NULL);
        return false;
    }
    if (found->type == TYPE_OPT) /* of one hop (RFC 6891 6.1.1) */
        return false;
    const char *why = NULL;
    if (found->ttl > INT32_MAX) /* RFC 2181 8 */
        fail(r, "a TTL above 2147483647", NULL);
    else if (type_is_meta(found->type))
        fail(r, "a type that is none of records", NULL);
    else if (jsonrecord_read(found->type, data.at, data.len, r->scratch, &found->rdata, &why) != ERR_OK)
        fail(r, data.at, why);
    return r->json.error == NULL;
}

/* ---- sections ---- */

static void end_set(struct reading *r, enum section section)
{
    struct set *set = r->set;
    if (set->count == 0 || r->json.error != NULL)
        return;
    const struct rrset *rrset = rrset_make(r->scratch, set->head.type, set->head.ttl, set->rdata, set->count);
    struct rr_ref *ref = rrset != NULL ? reply_add(r->reply, section, rrset, r->scratch) : NULL;
    if (ref == NULL || reply_set_owner(ref, set->head.owner, r->question, r->scratch) != ERR_OK)
        jsonread_fail(&r->json, "out of memory");
    set->count = 0;
}

/* Of TTLs that differ within a set the lowest counts (RFC 2181 5.2). */
static void add(struct reading *r, enum section section, const struct found *found)
{
    struct set *set = r->set;
    if (set->count == SET_MAX || set->count == 0 || set->head.type != found->type ||
        !name_equal(set->head.owner, found->owner)) {
        end_set(r, section);
        set->head = *found;
    }
    if (found->ttl < set->head.ttl)
        set->head.ttl = found->ttl;
    set->rdata[set->count++] = found->rdata;
}

static void read_section(struct reading *r, const char *place, enum section section)
{
    struct found found;
    r->place = place;
    jsonread_open(&r->json, '[');
    while (jsonread_more(&r->json)) {
        if (read_record(r, &found))
            add(r, section, &found);
    }
    end_set(r, section);
}

/* It may be left out; where it is not, it must be ours. */
static void read_question(struct reading *r)
{
    uint8_t name[NAME_MAX] = {0};
    r->place = "Question";
    jsonread_open(&r->json, '[');
    while (jsonread_more(&r->json)) {
        jsonread_open(&r->json, '{');
        while (jsonread_more(&r->json)) {
            struct jsonread_text member = jsonread_name(&r->json);
            if (is(member, "name")) {
                take_name(r, jsonread_string(&r->json), name);
                r->wrong_question |= r->json.error == NULL && !name_equal(name, r->question->lower);
            } else if (is(member, "type")) {
                r->wrong_question |= take_type(r) != r->question->type;
            } else {
                jsonread_skip(&r->json);
            }
        }
    }
}

/* ---- the whole ---- */

static void read_status(struct reading *r)
{
    uint32_t status = jsonread_number(&r->json);
    if (status > 0xfff)
        jsonread_fail(&r->json, "a Status above 4095");
    r->reply->rcode = (uint16_t)status;
    r->status = true;
}

static void read_member(struct reading *r, struct jsonread_text name)
{
    static const struct {
        const char *name;
        enum section section;
    } sections[] = {
        {"Answer", SECTION_ANSWER}, {"Authority", SECTION_AUTHORITY}, {"Additional", SECTION_ADDITIONAL}};
    for (unsigned i = 0; i < ARRAY_COUNT(sections); i++) {
        if (is(name, sections[i].name) && jsonread_peek(&r->json) == '[') {
            read_section(r, sections[i].name, sections[i].section);
            return;
        }
    }
    if (is(name, "Status")) {
        read_status(r);
    } else if (is(name, "TC")) {
        r->reply->truncated = jsonread_bool(&r->json);
    } else if (is(name, "RA")) {
        r->reply->recursion = jsonread_bool(&r->json);
    } else if (is(name, "AD")) {
        r->reply->authentic = jsonread_bool(&r->json);
    } else if (is(name, "AA")) {
        r->reply->authoritative = jsonread_bool(&r->json);
        r->aa_given = true;
    } else if (is(name, "Question") && jsonread_peek(&r->json) == '[') {
        read_question(r);
    } else {
        jsonread_skip(&r->json);
    }
}

enum err jsonreply_read(const char *text, size_t len, const struct question *question, struct reply *reply,
    struct arena *scratch, const char **why)
{
    struct reading r = {
        .question = question, .reply = reply, .scratch = scratch, .set = ARENA_NEW(scratch, struct set)};
    *why = "out of memory";
    if (r.set == NULL)
        return ERR_MEMORY;
    jsonread_init(&r.json, text, len, scratch);
    jsonread_open(&r.json, '{');
    while (jsonread_more(&r.json))
        read_member(&r, jsonread_name(&r.json));
    *why = r.json.error;
    if (!jsonread_ended(&r.json)) {
        *why = r.json.error;
        return ERR_SYNTAX;
    }
    *why = !r.status ? "there is no Status" : "an answer to another question";
    if (!r.status || r.wrong_question)
        return ERR_SYNTAX;
    if (!r.aa_given)
        reply->authoritative = !reply->recursion;
    return ERR_OK;
}
