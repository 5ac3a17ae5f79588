/* UPDATE messages (RFC 2136): what a client may send, read and worked on a small zone, as bailiwickd does but
 * for the policy. What comes of it must be a change set that fits the zone. */
#include <stdlib.h>
#include <string.h>

#include "plugins/update/draft.h"
#include "zone/store/change.h"
#include "zone/wire/message.h"
#include "zone/wire/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const uint8_t apex[] = "\007example\003org";

static void add(struct change_list *list, const char *owner, uint16_t type, const void *rdata, size_t len)
{
    uint8_t name[NAME_MAX + 1];
    size_t name_size;
    if (name_parse(owner, strlen(owner), apex, name, &name_size, NULL) != ERR_OK ||
        change_list_add(list, name, type, 300, rdata, len) != ERR_OK)
        abort();
}

static struct snapshot *make_zone(void)
{
    static const uint8_t soa[] =
        "\002ns\007example\003org\0\001h\007example\003org\0\0\0\0\012\0\0\0\1\0\0\0\1\0\0\0"
        "\1\0\0\0\1";
    static const uint8_t ns[] = "\002ns\007example\003org";
    struct change_list list = {0};
    struct image *image;
    char why[CHANGE_WHY_MAX];
    add(&list, "@", TYPE_SOA, soa, sizeof soa - 1);
    add(&list, "@", TYPE_NS, ns, sizeof ns);
    add(&list, "ns", TYPE_A, "\300\0\2\1", 4);
    add(&list, "www", TYPE_A, "\300\0\2\2", 4);
    add(&list, "www", TYPE_A, "\300\0\2\3", 4);
    add(&list, "alias", TYPE_CNAME, ns, sizeof ns);
    add(&list, "*.wild", TYPE_TXT, "\001x", 2);
    if (change_build(apex, &list, 1, why, &image) != ERR_OK)
        abort();
    change_list_clear(&list);
    return snapshot_new(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct snapshot *zone;
    struct message message;
    struct update_message update;
    struct change change = {0};
    struct snapshot *next = NULL;
    struct draft draft;
    struct arena memory;
    char why[CHANGE_WHY_MAX];
    if (zone == NULL)
        zone = make_zone();
    if (message_read(&message, bytes, len) != MESSAGE_ANSWER)
        return 0;
    arena_init(&memory, 0);
    enum rcode rcode = update_message_read(
        &update, apex, bytes, len, message.body_at, message.ancount, message.nscount, &memory);
    draft_begin(&draft, zone, apex, &memory);
    if (rcode == RCODE_NOERROR)
        (void)!draft_require(&draft, &update.prerequisites); /* met or not: the updates are tried */
    if (rcode == RCODE_NOERROR && draft_apply(&draft, &update.updates) == RCODE_NOERROR) {
        if (draft_finish(&draft, &change) != ERR_OK || (change.added.count > 0 && !change_check(&change)))
            abort();
        if (change.added.count > 0) {
            enum err err = change_apply(zone, &change, 1, why, &next);
            if (err == ERR_OK && !serial_after(next->serial, zone->serial))
                abort();
            if (err == ERR_OK)
                snapshot_release(next);
        }
    }
    change_clear(&change);
    arena_clear(&memory);
    return 0;
}
