/* Zone images made by somebody hostile. The checksums are put right first, so that what lies behind them is
 * reached. What image_audit lets pass must then be safe for all that is done with an image: finding names,
 * answering, encoding, printing, digesting. */
#include "zone/store/image.c"
#include "zone/store/print.h"

#include "zone/store/answer.h"
#include "zone/store/find.h"
#include "zone/wire/encode.h"
#include "zone/wire/message.h"
#include "zone/wire/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define NODES_ASKED 24
#define QUERY_MAX 512
#define ITERATIONS_MAX 20

static const uint16_t types[] = {TYPE_A, TYPE_NS, TYPE_SOA, TYPE_MX, TYPE_DS, TYPE_SRV, TYPE_ANY, TYPE_NSEC};

static void repair(uint8_t *base, size_t len)
{
    struct image_header *header = (struct image_header *)(void *)base;
    memcpy(header->magic, IMAGE_MAGIC, sizeof(header->magic));
    header->version = IMAGE_VERSION;
    header->header_len = image_header_len(header->apex_len, header->nsec3_count);
    header->size = len;
    if (sum_body(base + header->header_len, len - header->header_len, 1, &header->checksum[0]) != ERR_OK)
        abort();
    header->checksum[1] = sum_header(header);
}

/* A query with EDNS and DO for NAME, as a client sends it. Returns its length. */
static size_t make_query(uint8_t *out, const uint8_t *name, uint16_t type)
{
    static const uint8_t head[] = {0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    static const uint8_t opt[] = {0, 0, TYPE_OPT, 16, 0, 0, 0, 0x80, 0, 0, 0};
    size_t len = name_len(name);
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), name, len);
    const uint8_t rest[] = {(uint8_t)(type >> 8), (uint8_t)type, 0, CLASS_IN};
    memcpy(out + sizeof(head) + len, rest, sizeof(rest));
    memcpy(out + sizeof(head) + len + sizeof(rest), opt, sizeof(opt));
    return sizeof(head) + len + sizeof(rest) + sizeof(opt);
}

static void ask(const struct snapshot *snapshot, const uint8_t *name, uint16_t type)
{
    static uint8_t out[65536];
    static struct find find;
    uint8_t query[QUERY_MAX];
    struct message message;
    struct arena scratch;
    struct reply reply;
    const struct answer_options options = {.dnssec = true};
    if (message_read(&message, query, make_query(query, name, type)) != MESSAGE_ANSWER)
        abort();
    arena_init(&scratch, 0);
    reply_clear(&reply);
    find_name(&find, snapshot, &message.question);
    (void)answer_found(&find, &options, &reply, &scratch);
    for (uint32_t limit = 512; limit <= 65535; limit += 65535 - 512) {
        const struct envelope envelope = {.query = &message, .limit = limit};
        if (reply_encode(&envelope, &reply, out) > limit)
            abort();
    }
    arena_clear(&scratch);
}

/* The owner of NODE, and a name below it that is hardly there. */
static void ask_around(const struct snapshot *snapshot, const struct node *node)
{
    uint8_t name[NAME_MAX + 2];
    name[0] = 1;
    name[1] = 'q';
    if (snapshot_owner(snapshot, node, name + 2) > NAME_MAX - 2)
        return;
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        ask(snapshot, name + 2, types[i]);
        ask(snapshot, name, types[i]);
    }
}

static void use(struct image *image)
{
    if (image->header->nsec3_iterations > ITERATIONS_MAX)
        return; /* sound, but slow */
    struct print print;
    uint8_t digest[32];
    image_content_digest(image, digest);
    if (!print_init(&print, image))
        abort();
    struct snapshot *snapshot = snapshot_new(image_hold(image));
    if (snapshot == NULL)
        abort();
    struct snapshot_walk walk;
    const struct node *node;
    unsigned asked = 0;
    snapshot_walk_start(&walk, snapshot);
    while ((node = snapshot_walk_next(&walk)) != NULL) {
        if (!print_node(&print, node))
            abort();
        if ((node->flags & NODE_NSEC3) == 0 && asked++ < NODES_ASKED)
            ask_around(snapshot, node);
    }
    snapshot_release(snapshot);
    print_clear(&print);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *why = NULL;
    if (len < sizeof(struct image_header))
        return 0;
    struct image *image = image_new(len);
    if (image == NULL)
        return 0;
    uint8_t *base = (uint8_t *)(uintptr_t)image->base;
    memcpy(base, bytes, len);
    repair(base, len);
    if (verify(base, len, 1, &why) == ERR_OK) {
        image_place(image);
        if (image_audit(image, &why) == ERR_OK)
            use(image);
    }
    image_release(image);
    return 0;
}
