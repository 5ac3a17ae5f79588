#include "zone/wire/response.h"

#include "zone/wire/name.h"
#include "zone/wire/type.h"

static uint16_t read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)read16(at) << 16 | read16(at + 2);
}

/* RFC 2181 8: a TTL with the highest bit set counts as zero. */
static uint32_t sane_ttl(uint32_t ttl)
{
    return ttl > INT32_MAX ? 0 : ttl;
}

/* RFC 2308 5: the lower of the SOA's TTL and its last field. */
static void take_soa(struct response *response, const struct message_record *record)
{
    if (record->rdata_len < 22) /* two names of one octet, five numbers */
        return;
    uint32_t minimum = read32(response->body.message + record->rdata_at + record->rdata_len - 4);
    uint32_t ttl = sane_ttl(record->ttl);
    response->body.soa = true;
    response->body.soa_ttl = minimum < ttl ? minimum : ttl;
}

static void take_ttl(struct response *response, const struct message_record *record)
{
    uint32_t ttl = sane_ttl(record->ttl), at = record->rdata_at - 6;
    response->body.ttl = ttl < response->body.ttl ? ttl : response->body.ttl;
    if (response->body.ttl_count < RESPONSE_TTLS && at <= UINT16_MAX)
        response->ttl_at[response->body.ttl_count++] = (uint16_t)at;
    else
        response->body.ttls_whole = false;
}

/* RFC 6891 6.1.1: one, in the additional section, of the root. */
static bool take_opt(
    struct response *response, const struct message_record *record, unsigned section, bool last)
{
    const uint8_t *bytes = response->body.message;
    if (section != SECTION_ADDITIONAL || response->edns.present || bytes[record->name_at] != 0 ||
        edns_read(&response->edns, record->class, record->ttl, bytes + record->rdata_at, record->rdata_len) !=
            ERR_OK)
        return false;
    response->rcode = (uint16_t)(response->rcode | record->ttl >> 24 << 4);
    if (last) {
        response->body.end = record->name_at;
        response->body.counts[section]--;
    }
    response->plain = response->plain && last;
    return true;
}

/* Names that lead nowhere are found here, not by the clients to whom the records are sent on. */
static bool is_name(const struct response *response, size_t at, size_t end, bool alone)
{
    uint8_t name[NAME_MAX];
    size_t len;
    return name_read(response->body.message, end, &at, name, &len) == ERR_OK &&
           (alone ? at == end : at <= end);
}

/* The owner is nearly always the question's name. */
static bool has_good_names(const struct response *response, const struct message_record *record)
{
    const uint8_t *bytes = response->body.message, *owner = bytes + record->name_at;
    size_t end = record->rdata_at + record->rdata_len;
    if (!(owner[0] == 0xc0 && owner[1] == MESSAGE_HEADER_LEN && response->has_question) &&
        !is_name(response, record->name_at, record->rdata_at, false))
        return false;
    unsigned before = rrset_name_at(record->type);
    if (!rrset_linked(record->type) && record->type != TYPE_DNAME)
        return true;
    return record->rdata_len > before &&
           is_name(response, record->rdata_at + before, end, record->type != TYPE_SOA);
}

static bool take_record(
    struct response *response, const struct message_record *record, unsigned section, bool last)
{
    if (!has_good_names(response, record))
        return false;
    if (record->type == TYPE_OPT)
        return take_opt(response, record, section, last);
    if (record->type == TYPE_TSIG) {
        response->plain = false;
        return true;
    }
    if (record->type == TYPE_SOA && section == SECTION_AUTHORITY)
        take_soa(response, record);
    take_ttl(response, record);
    return true;
}

static bool read_sections(struct response *response, size_t len)
{
    struct reply_body *body = &response->body;
    size_t at = body->at;
    const unsigned counts[3] = {body->counts[0], body->counts[1], body->counts[2]};
    for (unsigned section = 0; section < 3; section++) {
        for (unsigned i = 0; i < counts[section]; i++) {
            struct message_record record;
            if (message_record_read(body->message, len, &at, &record) != ERR_OK ||
                !take_record(response, &record, section, section == 2 && i + 1 == counts[section]))
                return false;
        }
    }
    return at == len;
}

/* The question, uncompressed: nothing stands before it to point to. */
static bool read_question(struct response *response, size_t len)
{
    const uint8_t *bytes = response->body.message;
    unsigned questions = read16(bytes + 4);
    response->has_question = questions == 1;
    if (questions == 0)
        return true;
    size_t name = name_check(bytes + MESSAGE_HEADER_LEN, len - MESSAGE_HEADER_LEN);
    if (questions != 1 || name == 0 || len - MESSAGE_HEADER_LEN - name < 4)
        return false;
    response->body.at = (uint32_t)(MESSAGE_HEADER_LEN + name + 4);
    return true;
}

enum err response_read(struct response *response, const uint8_t *bytes, size_t len)
{
    if (len < MESSAGE_HEADER_LEN || len > MESSAGE_MAX || (bytes[2] & 0x80) == 0)
        return ERR_WIRE;
    response->id = read16(bytes);
    response->flags = read16(bytes + 2);
    response->rcode = response->flags & 15;
    response->plain = true;
    response->edns = (struct edns){.size = EDNS_SIZE_MIN};
    response->body = (struct reply_body){.message = bytes,
        .at = MESSAGE_HEADER_LEN,
        .end = (uint32_t)len,
        .counts = {read16(bytes + 6), read16(bytes + 8), read16(bytes + 10)},
        .ttl_at = response->ttl_at,
        .ttls_whole = true,
        .ttl = UINT32_MAX};
    return read_question(response, len) && read_sections(response, len) ? ERR_OK : ERR_WIRE;
}

size_t response_name_len(const struct response *response)
{
    return response->has_question ? response->body.at - MESSAGE_HEADER_LEN - 4 : 0;
}
