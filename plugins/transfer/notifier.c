#include "plugins/transfer/notifier.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "zone/base/log.h"
#include "zone/net/request.h"
#include "zone/sec/tsig.h"

#define TRIES 5
#define FIRST_WAIT_MS 2000 /* doubled each time: 2, 4, 8, 16 and 32 seconds */
#define FLYING_MAX                                                                                           \
    256 /* first messages that wait for their answers; those sent again do not count, so that a              \
           target that is gone holds up nobody else */
#define SOURCES_MAX 16 /* sockets: one for each family and source */
#define BUCKETS 4096

/* One zone that one target is to hear of. */
struct telling {
    struct telling *next;        /* of those to be sent, or of those sent */
    struct telling *bucket_next; /* of the same zone and target: there is one only */
    struct zone *zone;
    union peer_address target, source;
    const struct tsig_key *key;
    struct tsig tsig;
    uint32_t serial;
    uint32_t sent_serial; /* in `message`: a newer version may have come since */
    unsigned tries;
    int64_t due_ms; /* to be sent, or sent again */
    bool flying;
    uint16_t len;
    uint8_t message[NAME_MAX + 64]; /* without its TSIG: to tell the answer by */
};

struct outlet {
    union peer_address source;
    int fd;
};

static struct {
    pthread_mutex_t lock;
    pthread_t thread;
    unsigned users;
    bool running, ending;
    int wake;
    struct telling *buckets[BUCKETS];
    struct telling *first, **last; /* not sent yet, in order */
    struct telling *flights;       /* sent, not answered yet */
    unsigned flying;               /* of these, sent once */
    struct outlet outlets[SOURCES_MAX];
    unsigned outlet_count;
    int64_t second, sent_in_second;
} notifier = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &notifier.first};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what is to be told: under the lock ---- */

static bool same_address(const union peer_address *a, const union peer_address *b)
{
    return peer_address_same_host(a, b) && peer_address_port(a) == peer_address_port(b);
}

static struct telling **bucket_of(const struct zone *zone, const union peer_address *target)
{
    uint64_t hash = ((uintptr_t)zone >> 6) * 0x9e3779b97f4a7c15u ^ peer_address_port(target);
    const uint8_t *at = (const uint8_t *)target;
    for (socklen_t i = 0; i < peer_address_len(target); i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return &notifier.buckets[(hash ^ hash >> 32) % BUCKETS];
}

static struct telling *find(struct zone *zone, const union peer_address *target)
{
    for (struct telling *t = *bucket_of(zone, target); t != NULL; t = t->bucket_next) {
        if (t->zone == zone && same_address(&t->target, target))
            return t;
    }
    return NULL;
}

static void append(struct telling *telling)
{
    telling->next = NULL;
    *notifier.last = telling;
    notifier.last = &telling->next;
}

static struct telling *add(struct zone *zone, const union peer_address *target)
{
    struct telling *telling = calloc(1, sizeof *telling);
    if (telling == NULL)
        return NULL;
    struct telling **bucket = bucket_of(zone, target);
    telling->zone = zone_hold(zone);
    telling->target = *target;
    telling->bucket_next = *bucket;
    *bucket = telling;
    append(telling);
    return telling;
}

static void set_key(struct telling *telling, const struct tsig_key *key)
{
    if (telling->key != NULL)
        tsig_key_release((struct tsig_key *)(uintptr_t)telling->key);
    telling->key = key != NULL ? tsig_key_hold(key) : NULL;
}

static void forget(struct telling *telling)
{
    for (struct telling **at = bucket_of(telling->zone, &telling->target); *at != NULL;
         at = &(*at)->bucket_next) {
        if (*at == telling) {
            *at = telling->bucket_next;
            break;
        }
    }
    notifier.flying -= telling->flying && telling->tries == 1;
    set_key(telling, NULL);
    zone_release(telling->zone);
    free(telling);
}

static void wake(void)
{
    uint64_t one = 1;
    ssize_t wrote = write(notifier.wake, &one, sizeof one);
    (void)wrote; /* it is awake when this would block */
}

void notifier_tell(struct zone *zone, uint32_t serial, const union peer_address *target,
    const union peer_address *source, const struct tsig_key *key)
{
    pthread_mutex_lock(&notifier.lock);
    struct telling *telling = notifier.running ? find(zone, target) : NULL;
    if (telling == NULL && notifier.running)
        telling = add(zone, target);
    if (telling != NULL) {
        telling->serial = serial;
        telling->source = *source;
        notifier.flying -= telling->flying && telling->tries == 1;
        telling->tries = 0;
        telling->due_ms = 0;
        set_key(telling, key);
        wake();
    }
    pthread_mutex_unlock(&notifier.lock);
}

/* ---- sending ---- */

static int open_outlet(const union peer_address *source, int family)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (source->any.sa_family != AF_UNSPEC && bind(fd, &source->any, peer_address_len(source)) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static int outlet_for(const struct telling *telling)
{
    union peer_address source = telling->source;
    int family = telling->target.any.sa_family;
    if (source.any.sa_family != family) /* a source of the other family is for other targets */
        source.any.sa_family = AF_UNSPEC;
    for (unsigned i = 0; i < notifier.outlet_count; i++) {
        const struct outlet *outlet = &notifier.outlets[i];
        struct sockaddr_storage own;
        socklen_t len = sizeof own;
        if (getsockname(outlet->fd, (struct sockaddr *)&own, &len) == 0 && own.ss_family == family &&
            outlet->source.any.sa_family == source.any.sa_family &&
            (source.any.sa_family == AF_UNSPEC || same_address(&outlet->source, &source)))
            return outlet->fd;
    }
    if (notifier.outlet_count == SOURCES_MAX)
        return -1;
    int fd = open_outlet(&source, family);
    if (fd >= 0)
        notifier.outlets[notifier.outlet_count++] = (struct outlet){.source = source, .fd = fd};
    return fd;
}

/* RFC 1996 3.6. */
static bool send_one(struct telling *telling)
{
    uint8_t out[REQUEST_MAX];
    struct request request = {.name = telling->zone->name,
        .type = TYPE_SOA,
        .opcode = OPCODE_NOTIFY,
        .flags = MESSAGE_AA,
        .has_serial = true,
        .serial = telling->serial};
    int fd = outlet_for(telling);
    size_t len = request_write(&request, out);
    telling->sent_serial = telling->serial;
    telling->len = (uint16_t)(len < sizeof telling->message ? len : sizeof telling->message);
    memcpy(telling->message, out, telling->len);
    if (telling->key != NULL)
        len = tsig_sign_request(&telling->tsig, telling->key, out, len, (uint64_t)time(NULL));
    return fd >= 0 && sendto(fd, out, len, MSG_DONTWAIT | MSG_NOSIGNAL, &telling->target.any,
                          peer_address_len(&telling->target)) == (ssize_t)len;
}

static void give_up(struct telling *telling)
{
    char name[NAME_TEXT_MAX], address[PEER_TEXT_MAX];
    name_print(telling->zone->name, name);
    peer_address_print(&telling->target, address);
    log_warning(
        "plugin/transfer: %s: %s does not answer NOTIFY of serial %u", name, address, telling->serial);
    zone_note(telling->zone, ZONE_TOLD, "%s does not answer NOTIFY of serial %u", address, telling->serial);
}

static bool may_send(int64_t now)
{
    if (notifier.second != now / 1000) {
        notifier.second = now / 1000;
        notifier.sent_in_second = 0;
    }
    return notifier.sent_in_second < NOTIFIER_RATE && notifier.flying < FLYING_MAX;
}

static void send_now(struct telling *telling, int64_t now)
{
    if (!send_one(telling) && telling->tries == 0) {
        char address[PEER_TEXT_MAX];
        int why = errno;
        log_warning("plugin/transfer: cannot send NOTIFY to %s: %s",
            peer_address_print(&telling->target, address), strerror(why));
    }
    notifier.flying += telling->tries == 0;
    notifier.flying -= telling->tries == 1;
    telling->due_ms = now + ((int64_t)FIRST_WAIT_MS << telling->tries++);
    notifier.sent_in_second++;
}

/* Sends again what has not been answered in time. Returns when the next one is due. */
static int64_t tend_flights(int64_t now)
{
    int64_t next = now + 60000;
    for (struct telling **at = &notifier.flights; *at != NULL;) {
        struct telling *telling = *at;
        bool due = telling->due_ms <= now;
        if (due && telling->tries == TRIES) {
            give_up(telling);
            *at = telling->next;
            forget(telling);
            continue;
        }
        if (due)
            send_now(telling, now);
        next = telling->due_ms < next ? telling->due_ms : next;
        at = &telling->next;
    }
    return next;
}

/* Sends what may be sent. Returns the milliseconds until there is more to do; -1: nothing is left. */
static int tend_all(void)
{
    int64_t now = now_ms(), next = tend_flights(now);
    while (notifier.first != NULL && may_send(now)) {
        struct telling *telling = notifier.first;
        notifier.first = telling->next;
        if (notifier.first == NULL)
            notifier.last = &notifier.first;
        send_now(telling, now);
        telling->flying = true;
        telling->next = notifier.flights;
        notifier.flights = telling;
        next = telling->due_ms < next ? telling->due_ms : next;
    }
    if (notifier.first != NULL)
        return 20;
    return notifier.flights != NULL ? (int)(next - now) : -1;
}

/* ---- answers ---- */

static bool believes(struct telling *telling, uint8_t *reply, size_t *len)
{
    const char *why = NULL;
    if (!request_matches(telling->message, telling->len, reply, *len, false))
        return false;
    return telling->key == NULL ||
           tsig_check_reply(&telling->tsig, reply, len, (uint64_t)time(NULL), &why) == ERR_OK;
}

static void note_answer(struct telling *telling, const uint8_t *reply, size_t len)
{
    char name[NAME_TEXT_MAX], address[PEER_TEXT_MAX];
    unsigned rcode = reply_rcode(reply, len, NULL);
    peer_address_print(&telling->target, address);
    if (rcode == RCODE_NOERROR) {
        zone_note(telling->zone, ZONE_TOLD, "%s knows of serial %u", address, telling->sent_serial);
        return;
    }
    const char *text = rcode_name(rcode);
    name_print(telling->zone->name, name);
    log_warning("plugin/transfer: %s: %s answers NOTIFY with %s", name, address, text != NULL ? text : "?");
    zone_note(telling->zone, ZONE_TOLD, "%s answers NOTIFY with %s", address, text != NULL ? text : "?");
}

static void take_answer(uint8_t *reply, size_t len, const union peer_address *from)
{
    for (struct telling **at = &notifier.flights; *at != NULL; at = &(*at)->next) {
        struct telling *telling = *at;
        if (!same_address(&telling->target, from) || !believes(telling, reply, &len))
            continue;
        note_answer(telling, reply, len);
        if (telling->serial == telling->sent_serial) {
            *at = telling->next;
            forget(telling);
        }
        return;
    }
}

static void read_answers(int fd)
{
    static uint8_t reply[4096];
    for (unsigned i = 0; i < FLYING_MAX; i++) {
        union peer_address from = {.any.sa_family = AF_UNSPEC};
        socklen_t len = sizeof from;
        ssize_t got = recvfrom(fd, reply, sizeof reply, MSG_DONTWAIT, &from.any, &len);
        if (got < 0)
            return;
        take_answer(reply, (size_t)got, &from);
    }
}

/* ---- the thread ---- */

static void wait_for_work(int wait_ms)
{
    struct pollfd polled[SOURCES_MAX + 1] = {{.fd = notifier.wake, .events = POLLIN}};
    unsigned count = 1;
    for (unsigned i = 0; i < notifier.outlet_count; i++)
        polled[count++] = (struct pollfd){.fd = notifier.outlets[i].fd, .events = POLLIN};
    pthread_mutex_unlock(&notifier.lock);
    int ready = poll(polled, count, wait_ms);
    pthread_mutex_lock(&notifier.lock);
    if (ready <= 0)
        return;
    uint64_t woken;
    ssize_t got = read(notifier.wake, &woken, sizeof woken);
    (void)got;
    for (unsigned i = 1; i < count; i++) {
        if (polled[i].revents != 0)
            read_answers(polled[i].fd);
    }
}

static void *run(void *arg)
{
    (void)arg;
    pthread_setname_np(pthread_self(), "notifier");
    pthread_mutex_lock(&notifier.lock);
    while (!notifier.ending)
        wait_for_work(tend_all());
    pthread_mutex_unlock(&notifier.lock);
    return NULL;
}

void notifier_join(void)
{
    pthread_mutex_lock(&notifier.lock);
    if (notifier.users++ == 0) {
        notifier.ending = false;
        notifier.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        notifier.running = notifier.wake >= 0 && pthread_create(&notifier.thread, NULL, run, NULL) == 0;
        if (!notifier.running)
            log_error("plugin/transfer: NOTIFY cannot be sent: %s", strerror(errno));
    }
    pthread_mutex_unlock(&notifier.lock);
}

static void forget_all(struct telling *telling)
{
    while (telling != NULL) {
        struct telling *next = telling->next;
        forget(telling);
        telling = next;
    }
}

void notifier_part(void)
{
    pthread_mutex_lock(&notifier.lock);
    bool last = --notifier.users == 0 && notifier.running;
    if (last) {
        notifier.ending = true;
        notifier.running = false;
        wake();
    }
    pthread_mutex_unlock(&notifier.lock);
    if (!last)
        return;
    pthread_join(notifier.thread, NULL);
    forget_all(notifier.first);
    forget_all(notifier.flights);
    notifier.first = notifier.flights = NULL;
    notifier.last = &notifier.first;
    for (unsigned i = 0; i < notifier.outlet_count; i++)
        close(notifier.outlets[i].fd);
    notifier.outlet_count = 0;
    close(notifier.wake);
}
