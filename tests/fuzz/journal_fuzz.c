/* Journals by somebody hostile: the checksums are put right first, so that what lies behind them is reached.
 * Whatever is read must be whole change sets, which can be condensed, applied to a zone (or be refused), and
 * sent. */
#include "zone/store/journal.c"

#include <stdio.h>

#include "zone/net/outbound.h"
#include "zone/store/diff.h"
#include "zone/wire/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const uint8_t apex[] = "\1z";
static struct snapshot *base;
static char path[64];

/* A zone with the SOA of serial 0, and a few names. */
static void make_base(void)
{
    static const uint8_t soa[22] = {0}, ns[] = "\1n", a[4] = {192, 0, 2, 1};
    struct change_list list = {0};
    struct image *image;
    char why[CHANGE_WHY_MAX];
    if (change_list_add(&list, apex, TYPE_SOA, 1, soa, sizeof soa) != ERR_OK ||
        change_list_add(&list, apex, TYPE_NS, 1, ns, sizeof ns) != ERR_OK ||
        change_list_add(&list, (const uint8_t *)"\1a\1z", TYPE_A, 1, a, 4) != ERR_OK ||
        change_build(apex, &list, 1, why, &image) != ERR_OK || (base = snapshot_new(image)) == NULL)
        abort();
    change_list_clear(&list);
    snprintf(path, sizeof path, "/tmp/journal_fuzz.%d", (int)getpid());
}

static void repair(uint8_t *at, size_t len)
{
    struct step_head head;
    while (len >= sizeof head) {
        memcpy(&head, at, sizeof head);
        head.magic = STEP_MAGIC;
        head.removed_len %= len;
        head.added_len %= len;
        if (step_size(&head) > len)
            return;
        checksum(&head, at + sizeof head, (size_t)head.removed_len + head.added_len, head.sum);
        memcpy(at, &head, sizeof head);
        at += step_size(&head);
        len -= step_size(&head);
    }
}

static void send_changes(struct snapshot *snapshot, const struct change *change)
{
    static const uint8_t query[] = "\0\1\0\0\0\1\0\0\0\0\0\0\1z\0\0\373\0\1";
    static uint8_t out[MESSAGE_MAX];
    struct message message;
    struct change *copy = calloc(1, sizeof *copy);
    if (copy == NULL || message_read(&message, query, sizeof query - 1) != MESSAGE_ANSWER)
        abort();
    const struct change *one = change;
    struct outbound *outbound = change_condense(&one, 1, copy) == ERR_OK
                                    ? outbound_ixfr(&message, snapshot, copy, 1)
                                    : outbound_axfr(&message, snapshot);
    if (outbound == NULL)
        abort();
    while (outbound_next(outbound, out, MESSAGE_MAX, 0) > 0)
        continue;
    outbound_free(outbound);
}

static void use(const struct change *change)
{
    struct snapshot *made;
    struct change found;
    char why[CHANGE_WHY_MAX];
    if (!change_check(change))
        abort();
    if (change_apply(base, change, 1, why, &made) != ERR_OK)
        return;
    if (diff_snapshots(base, made, 0, &found) != ERR_OK)
        abort();
    change_clear(&found);
    send_changes(made, change);
    snapshot_release(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct journal *journal;
    struct change *changes;
    size_t count;
    if (base == NULL)
        make_base();
    if (journal_open(NULL, apex, 1, &journal) != ERR_OK)
        abort();
    struct file_head head = journal->head;
    journal_close(journal);
    uint8_t *copy = malloc(len + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, len);
    repair(copy, len);
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(&head, sizeof head, 1, file) != 1 ||
        (len > 0 && fwrite(copy, len, 1, file) != 1) || fclose(file) != 0)
        abort();
    free(copy);
    if (journal_open(path, apex, 1 << 20, &journal) != ERR_OK)
        abort();
    struct journal_span span = journal_span(journal);
    if (span.count > 0 && journal_read(journal, span.from, span.to, &changes, &count) == ERR_OK) {
        for (size_t i = 0; i < count; i++) {
            use(&changes[i]);
            change_clear(&changes[i]);
        }
        free(changes);
    }
    journal_close(journal);
    unlink(path);
    return 0;
}
