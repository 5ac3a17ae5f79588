#include "plugins/update/courier.h"

#include "zone/base/log.h"
#include "zone/sec/tsig.h"

static _Atomic(struct errand *) waiting; /* the latest first */
static atomic_bool busy;                 /* somebody carries, or will */

static void send_home(struct errand *errand)
{
    zone_release(errand->zone);
    query_resume(errand->query, SERVED_ANSWERED); /* and the errand's memory is gone */
}

static void fail(struct errand *errand, const char *why)
{
    struct reply *reply = &errand->query->reply;
    reply->rcode = RCODE_SERVFAIL;
    reply->ede = EDE_OTHER + 1;
    reply->ede_text = why;
}

static struct errand *take_waiting(void)
{
    struct errand *list = NULL, *next;
    for (struct errand *errand = atomic_exchange(&waiting, NULL); errand != NULL; errand = next) {
        next = errand->next;
        errand->next = list;
        list = errand;
    }
    return list;
}

static bool carry(struct errand *errand)
{
    char why[ZONE_ERROR_MAX], name[NAME_TEXT_MAX];
    struct zone *zone = errand->zone;
    const struct message *message = &errand->query->message;
    uint16_t rcode;
    enum err err =
        zone->kind->pass_on(zone, message->bytes, message->len, query_tsig(errand->query), &rcode, why);
    if (err == ERR_OK) {
        errand->query->reply.rcode = rcode;
        return true;
    }
    name_print(zone->name, name);
    log_warning("plugin/update: %s: an UPDATE cannot be passed on: %s", name, why);
    fail(errand, "the zone's primary does not take it");
    return false;
}

/* Whoever waits behind one that came to nothing would wait in vain, as long again. */
static void fail_alike(struct errand *list, const struct zone *zone)
{
    for (struct errand *errand = list; errand != NULL; errand = errand->next) {
        if (errand->zone == zone)
            fail(errand, "the zone's primary does not take it");
    }
}

static void carry_all(struct errand *list)
{
    for (struct errand *next; list != NULL; list = next) {
        next = list->next;
        if (list->query->reply.rcode == RCODE_NOERROR && !carry(list))
            fail_alike(next, list->zone);
        send_home(list);
    }
}

static void run(void *arg UNUSED)
{
    do {
        for (struct errand *list; (list = take_waiting()) != NULL;)
            carry_all(list);
        atomic_store(&busy, false);
    } while (atomic_load(&waiting) != NULL && !atomic_exchange(&busy, true));
}

void courier_put(struct errand *errand)
{
    struct errand *next;
    errand->next = atomic_load(&waiting);
    while (!atomic_compare_exchange_weak(&waiting, &errand->next, errand))
        continue;
    if (atomic_exchange(&busy, true) || host_work(run, NULL, NULL) == ERR_OK)
        return;
    atomic_store(&busy, false);
    for (struct errand *failed = take_waiting(); failed != NULL; failed = next) {
        next = failed->next;
        fail(failed, err_text(ERR_MEMORY));
        send_home(failed);
    }
}
