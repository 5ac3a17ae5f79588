/* flood: keeps a name server busy over UDP and counts what comes back.
 *
 *   flood --port P --queries FILE [--server 127.0.0.1] [--sockets 16] [--window 8] [--seconds 5]
 *         [--warmup 1] [--rate N] [--answers N] [--late-ms 20] [--edns | --do] [--rd] [--option HEX]
 *
 * A closed loop: each socket keeps `window` questions under way and asks the next one for every answer,
 * so the server is always saturated; sockets times window stays below what fits into the receive buffer
 * of a server that leaves it at its default (some 120 messages), so nothing is lost. With --rate the
 * questions are paced instead, to watch how late answers come while the server does something else (a
 * reload). --option appends EDNS options in wire form to each question. FILE has "NAME TYPE" lines. The
 * counters are printed as one line of JSON: answers per second, rcodes, lost, late, the longest wait for an
 * answer and the longest gap between two answers. SIGTERM and SIGINT end it early, with the counters so far;
 * --answers ends it after so many answers.
 *
 * The message ID carries the slot (low byte) and how often the slot was used (high byte), so a late
 * answer to an earlier question of the slot is told apart. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 256
#define BATCH 64
#define PACKET_ROOM 400
#define OPTION_ROOM 96
#define ANSWER_ROOM 4096
#define LOST_NS 1000000000u

struct settings {
    const char *server, *queries;
    uint16_t port;
    unsigned sockets, window;
    double seconds, warmup, rate, late_ms;
    uint64_t answers; /* 0: by time alone */
    bool edns, dnssec, recursion;
    uint8_t option[OPTION_ROOM]; /* EDNS options */
    uint8_t option_len;
};

/* All questions, encoded one after the other. */
struct questions {
    uint8_t *bytes;
    uint32_t *at; /* count + 1 offsets */
    uint32_t count, next;
};

struct slot {
    uint64_t sent_ns; /* 0: nobody waits */
    uint8_t turn;
};

struct lane {
    int fd;
    unsigned under_way;
    struct slot slots[SLOTS];
    uint8_t free_slots[SLOTS];
    unsigned free_count;
};

struct counters {
    uint64_t answers, rcodes[16], truncated, bytes, lost, late, strange;
    uint64_t worst_wait_ns, worst_gap_ns, last_answer_ns;
};

static volatile sig_atomic_t told_to_stop;

static void stop(int number)
{
    (void)number;
    told_to_stop = 1;
}

static _Noreturn void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("flood: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint16_t type_number(const char *name)
{
    static const struct {
        const char *name;
        uint16_t number;
    } types[] = {{"A", 1}, {"NS", 2}, {"CNAME", 5}, {"SOA", 6}, {"PTR", 12}, {"MX", 15}, {"TXT", 16},
        {"AAAA", 28}, {"SRV", 33}, {"NAPTR", 35}, {"DS", 43}, {"RRSIG", 46}, {"NSEC", 47}, {"DNSKEY", 48},
        {"TLSA", 52}, {"SVCB", 64}, {"HTTPS", 65}, {"ANY", 255}, {"CAA", 257}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcasecmp(name, types[i].name) == 0)
            return types[i].number;
    if (strncasecmp(name, "TYPE", 4) == 0)
        return (uint16_t)strtoul(name + 4, NULL, 10);
    fail("unknown type %s in the question file", name);
}

static size_t put16(uint8_t *out, unsigned value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return 2;
}

/* The text has no escapes: it comes from genzone. Returns 0 when it is no name. */
static size_t put_name(uint8_t *out, const char *text)
{
    size_t len = 0;
    while (*text != '\0' && strcmp(text, ".") != 0) {
        size_t label = strcspn(text, ".");
        if (label == 0 || label > 63 || len + label + 2 > 255)
            return 0;
        out[len++] = (uint8_t)label;
        memcpy(out + len, text, label);
        len += label;
        text += label + (text[label] == '.');
    }
    out[len++] = 0;
    return len;
}

/* RFC 1035 4.1.1 header, one question, RFC 6891 OPT when wanted. */
static size_t put_question(uint8_t *out, const char *name, uint16_t type, const struct settings *settings)
{
    bool edns = settings->edns || settings->dnssec;
    memset(out, 0, 12);
    out[5] = 1;
    out[2] = settings->recursion;
    out[11] = edns;
    size_t len = put_name(out + 12, name);
    if (len == 0)
        fail("bad name %s in the question file", name);
    len += 12;
    len += put16(out + len, type);
    len += put16(out + len, 1);
    if (edns) {
        static const uint8_t opt[] = {0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0, 0, 0, 0};
        memcpy(out + len, opt, sizeof opt);
        out[len + 7] = settings->dnssec ? 0x80 : 0;
        out[len + 10] = settings->option_len;
        len += sizeof opt;
        memcpy(out + len, settings->option, settings->option_len);
        len += settings->option_len;
    }
    return len;
}

static void questions_read(struct questions *questions, const struct settings *settings)
{
    FILE *in = fopen(settings->queries, "r");
    char line[1024], name[512], type[32];
    size_t room = 1 << 20, used = 0, rows = 1 << 16;
    if (in == NULL)
        fail("cannot read %s", settings->queries);
    questions->bytes = malloc(room);
    questions->at = malloc(rows * sizeof *questions->at);
    while (fgets(line, sizeof line, in) != NULL) {
        if (sscanf(line, "%511s %31s", name, type) != 2)
            continue;
        if (used + PACKET_ROOM > room)
            questions->bytes = realloc(questions->bytes, room *= 2);
        if (questions->count + 2 > rows)
            questions->at = realloc(questions->at, (rows *= 2) * sizeof *questions->at);
        if (questions->bytes == NULL || questions->at == NULL)
            fail("out of memory");
        questions->at[questions->count++] = (uint32_t)used;
        used += put_question(questions->bytes + used, name, type_number(type), settings);
    }
    fclose(in);
    if (questions->count == 0)
        fail("no questions in %s", settings->queries);
    questions->at[questions->count] = (uint32_t)used;
}

static int connect_socket(const struct settings *settings)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(settings->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(settings->port)};
    bool is_v4 = inet_pton(AF_INET, settings->server, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, settings->server, &v6.sin6_addr) != 1)
        fail("not an address: %s", settings->server);
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int room = 1 << 20;
    if (fd < 0)
        fail("socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    const struct sockaddr *to = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    if (connect(fd, to, is_v4 ? sizeof v4 : sizeof v6) != 0)
        fail("connect: %s", strerror(errno));
    return fd;
}

static void lane_init(struct lane *lane, const struct settings *settings)
{
    memset(lane, 0, sizeof *lane);
    lane->fd = connect_socket(settings);
    for (unsigned i = 0; i < settings->window; i++)
        lane->free_slots[lane->free_count++] = (uint8_t)(settings->window - 1 - i);
}

/* Sends up to LIMIT questions on free slots. The bytes go out from where they were encoded: only the ID
 * in front is a copy, so the questions stay read-only. */
static unsigned lane_send(struct lane *lane, struct questions *questions, unsigned limit)
{
    struct mmsghdr messages[BATCH];
    struct iovec pieces[BATCH][2];
    uint8_t ids[BATCH][2], used[BATCH];
    unsigned count = lane->free_count < limit ? lane->free_count : limit;
    if (count > BATCH)
        count = BATCH;
    uint32_t next = questions->next;
    memset(messages, 0, sizeof *messages * count);
    for (unsigned i = 0; i < count; i++) {
        used[i] = lane->free_slots[lane->free_count - 1 - i];
        ids[i][0] = (uint8_t)(lane->slots[used[i]].turn + 1);
        ids[i][1] = used[i];
        pieces[i][0] = (struct iovec){ids[i], 2};
        pieces[i][1] = (struct iovec){
            questions->bytes + questions->at[next] + 2, questions->at[next + 1] - questions->at[next] - 2};
        messages[i].msg_hdr.msg_iov = pieces[i];
        messages[i].msg_hdr.msg_iovlen = 2;
        next = next + 1 == questions->count ? 0 : next + 1;
    }
    uint64_t now = now_ns();
    int sent = count == 0 ? 0 : sendmmsg(lane->fd, messages, count, 0);
    for (int i = 0; i < sent; i++) {
        lane->slots[used[i]].turn++;
        lane->slots[used[i]].sent_ns = now;
        lane->free_count--;
        lane->under_way++;
        questions->next = questions->next + 1 == questions->count ? 0 : questions->next + 1;
    }
    return sent > 0 ? (unsigned)sent : 0;
}

static void lane_free(struct lane *lane, uint8_t slot)
{
    lane->slots[slot].sent_ns = 0;
    lane->free_slots[lane->free_count++] = slot;
    lane->under_way--;
}

static void count_answer(struct counters *counters, const struct settings *settings, uint64_t wait_ns,
    const uint8_t *answer, unsigned len)
{
    counters->answers++;
    counters->bytes += len;
    counters->rcodes[answer[3] & 15]++;
    counters->truncated += (answer[2] & 2) != 0;
    counters->late += (double)wait_ns > settings->late_ms * 1e6;
    if (wait_ns > counters->worst_wait_ns)
        counters->worst_wait_ns = wait_ns;
}

static unsigned lane_receive(struct lane *lane, struct counters *counters, const struct settings *settings)
{
    static uint8_t buffers[BATCH][ANSWER_ROOM];
    static struct iovec pieces[BATCH];
    struct mmsghdr messages[BATCH];
    memset(messages, 0, sizeof messages);
    for (unsigned i = 0; i < BATCH; i++) {
        pieces[i] = (struct iovec){buffers[i], ANSWER_ROOM};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int got = recvmmsg(lane->fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (got <= 0)
        return 0;
    uint64_t now = now_ns();
    uint64_t gap = counters->last_answer_ns ? now - counters->last_answer_ns : 0;
    if (gap > counters->worst_gap_ns)
        counters->worst_gap_ns = gap;
    counters->last_answer_ns = now;
    for (int i = 0; i < got; i++) {
        uint8_t slot = buffers[i][1];
        const struct slot *waiting = &lane->slots[slot];
        if (messages[i].msg_len < 12 || waiting->sent_ns == 0 || waiting->turn != buffers[i][0]) {
            counters->strange++;
            continue;
        }
        count_answer(counters, settings, now - waiting->sent_ns, buffers[i], messages[i].msg_len);
        lane_free(lane, slot);
    }
    return (unsigned)got;
}

/* Gives up waiting for what was asked too long ago. */
static void lane_expire(struct lane *lane, struct counters *counters, unsigned window, uint64_t now)
{
    for (unsigned i = 0; i < window; i++) {
        struct slot *slot = &lane->slots[i];
        if (slot->sent_ns != 0 && now - slot->sent_ns > LOST_NS) {
            counters->lost++;
            lane_free(lane, (uint8_t)i);
        }
    }
}

struct pace {
    double per_ns; /* 0: as fast as answers come */
    uint64_t start_ns;
    uint64_t sent;
};

static unsigned pace_allows(const struct pace *pace, uint64_t now)
{
    if (pace->per_ns <= 0)
        return BATCH;
    double due = (double)(now - pace->start_ns) * pace->per_ns - (double)pace->sent;
    return due <= 0 ? 0 : due > BATCH ? BATCH : (unsigned)due;
}

/* Blocks only when no lane had anything to do. */
static void rest(const struct lane *lanes, unsigned count, const struct pace *pace)
{
    struct pollfd fds[SLOTS];
    for (unsigned i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = lanes[i].fd, .events = POLLIN};
    poll(fds, count, pace->per_ns > 0 ? 1 : 20);
}

static void run(struct lane *lanes, struct questions *questions, const struct settings *settings,
    double seconds, struct counters *counters)
{
    uint64_t start = now_ns(), end = start + (uint64_t)(seconds * 1e9), expire = start + LOST_NS / 4;
    struct pace pace = {settings->rate / 1e9, start, 0};
    for (uint64_t now = start; now < end && !told_to_stop; now = now_ns()) {
        if (settings->answers != 0 && counters->answers >= settings->answers)
            break;
        unsigned work = 0;
        for (unsigned i = 0; i < settings->sockets; i++) {
            unsigned sent = lane_send(&lanes[i], questions, pace_allows(&pace, now));
            pace.sent += sent;
            work += sent + lane_receive(&lanes[i], counters, settings);
        }
        if (work == 0)
            rest(lanes, settings->sockets, &pace);
        if (now > expire) {
            now = now_ns(); /* slots were filled since */
            for (unsigned i = 0; i < settings->sockets; i++)
                lane_expire(&lanes[i], counters, settings->window, now);
            expire = now + LOST_NS / 4;
        }
    }
    uint64_t gap = counters->last_answer_ns ? now_ns() - counters->last_answer_ns : 0;
    if (gap > counters->worst_gap_ns)
        counters->worst_gap_ns = gap;
}

static void print_counters(const struct counters *counters, uint64_t warmup_answers, double seconds)
{
    printf("{\"warmup_answers\": %llu, ", (unsigned long long)warmup_answers);
    printf("\"answers\": %llu, \"per_second\": %.0f, \"lost\": %llu, \"late\": %llu, \"strange\": %llu, "
           "\"truncated\": %llu, \"worst_wait_ms\": %.3f, \"worst_gap_ms\": %.3f, \"mean_bytes\": %.1f, "
           "\"rcodes\": {",
        (unsigned long long)counters->answers, (double)counters->answers / seconds,
        (unsigned long long)counters->lost, (unsigned long long)counters->late,
        (unsigned long long)counters->strange, (unsigned long long)counters->truncated,
        (double)counters->worst_wait_ns / 1e6, (double)counters->worst_gap_ns / 1e6,
        counters->answers ? (double)counters->bytes / (double)counters->answers : 0.0);
    const char *comma = "";
    for (unsigned i = 0; i < 16; i++) {
        if (counters->rcodes[i] != 0) {
            printf("%s\"%u\": %llu", comma, i, (unsigned long long)counters->rcodes[i]);
            comma = ", ";
        }
    }
    puts("}}");
}

static double parse_number(const char *text, double low, double high)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || value < low || value > high)
        fail("%s is not a number from %g to %g", text, low, high);
    return value;
}

static void parse_hex(struct settings *settings, const char *text)
{
    unsigned octet;
    for (; sscanf(text, "%2x", &octet) == 1 && settings->option_len < OPTION_ROOM; text += 2)
        settings->option[settings->option_len++] = (uint8_t)octet;
    if (*text != '\0')
        fail("--option takes at most %d octets in hexadecimal digits", OPTION_ROOM);
    settings->edns = true;
}

static void parse_options(struct settings *settings, int argc, char **argv)
{
    static const struct option options[] = {{"server", 1, NULL, 'a'}, {"port", 1, NULL, 'p'},
        {"queries", 1, NULL, 'q'}, {"sockets", 1, NULL, 'n'}, {"window", 1, NULL, 'w'},
        {"seconds", 1, NULL, 's'}, {"warmup", 1, NULL, 'W'}, {"rate", 1, NULL, 'r'},
        {"late-ms", 1, NULL, 'l'}, {"answers", 1, NULL, 'A'}, {"edns", 0, NULL, 'e'}, {"do", 0, NULL, 'd'},
        {"rd", 0, NULL, 'D'}, {"option", 1, NULL, 'o'}, {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'a':
            settings->server = optarg;
            break;
        case 'p':
            settings->port = (uint16_t)parse_number(optarg, 1, 65535);
            break;
        case 'q':
            settings->queries = optarg;
            break;
        case 'n':
            settings->sockets = (unsigned)parse_number(optarg, 1, SLOTS);
            break;
        case 'w':
            settings->window = (unsigned)parse_number(optarg, 1, SLOTS);
            break;
        case 's':
            settings->seconds = parse_number(optarg, 0.01, 3600);
            break;
        case 'W':
            settings->warmup = parse_number(optarg, 0, 3600);
            break;
        case 'r':
            settings->rate = parse_number(optarg, 0, 1e9);
            break;
        case 'l':
            settings->late_ms = parse_number(optarg, 0, 1e6);
            break;
        case 'A':
            settings->answers = (uint64_t)parse_number(optarg, 1, 1e12);
            break;
        case 'D':
            settings->recursion = true;
            break;
        case 'e':
            settings->edns = true;
            break;
        case 'd':
            settings->dnssec = true;
            break;
        case 'o':
            parse_hex(settings, optarg);
            break;
        default:
            exit(2);
        }
    }
    if (optind != argc || settings->port == 0 || settings->queries == NULL)
        fail("usage: flood --port P --queries FILE [options]");
}

int main(int argc, char **argv)
{
    struct settings settings = {
        .server = "127.0.0.1", .sockets = 16, .window = 8, .seconds = 5, .warmup = 1, .late_ms = 20};
    struct questions questions = {0};
    struct counters warmup = {0}, counters = {0};
    parse_options(&settings, argc, argv);
    questions_read(&questions, &settings);
    struct lane *lanes = calloc(settings.sockets, sizeof *lanes);
    if (lanes == NULL)
        fail("out of memory");
    for (unsigned i = 0; i < settings.sockets; i++)
        lane_init(&lanes[i], &settings);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    if (settings.warmup > 0)
        run(lanes, &questions, &settings, settings.warmup, &warmup);
    uint64_t start = now_ns();
    run(lanes, &questions, &settings, settings.seconds, &counters);
    print_counters(&counters, warmup.answers, (double)(now_ns() - start) / 1e9);
    free(lanes);
    free(questions.at);
    free(questions.bytes);
    return 0;
}
