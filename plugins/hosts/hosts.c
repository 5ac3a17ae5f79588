/* hosts: addresses and names from /etc/hosts, another file of its form, or lines in the Corefile. A changed
 * file is read again; readers go on with the old table until the new one is whole. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "plugins/hosts/table.h"
#include "plugins/metrics.h"
#include "plugins/plugin.h"
#include "zone/base/file.h"
#include "zone/base/log.h"
#include "zone/wire/type.h"

#define HOSTS_FILE "/etc/hosts"
#define FILE_MAX ((size_t)1 << 30)

struct hosts {
    const char *path;
    struct option_zones zones;
    struct option_zones fall;
    int64_t ttl, reload_ms;
    bool no_reverse, fall_unsupported;
    struct option_lines lines;

    struct table_rules rules;
    _Atomic(struct table *) table;
    _Atomic int64_t loaded_s;
    struct timespec changed; /* of the file that the table is from */
    int64_t size;
    struct host_timer *timer;
};

static const struct option options[] = {
    {.arg = "FILE",
        .kind = OPTION_PATH,
        .offset = offsetof(struct hosts, path),
        .fallback = HOSTS_FILE,
        .help = "a file of the form of hosts(5)"},
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct hosts, zones),
        .help = "names outside of these are passed over; the block's own zones when left out"},
    {.word = "*",
        .arg = "ADDRESS NAMES...",
        .kind = OPTION_LINES,
        .offset = offsetof(struct hosts, lines),
        .help = "a line as in the file, which stands before those of the file"},
    {.word = "ttl",
        .arg = "SECONDS",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct hosts, ttl),
        .min = 1,
        .max = 65535,
        .fallback = "3600",
        .help = "the TTL of the records"},
    {.word = "no_reverse",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct hosts, no_reverse),
        .help = "make no PTR records"},
    {.word = "reload",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct hosts, reload_ms),
        .max = INT64_C(86400000) * 365,
        .fallback = "5s",
        .help = "how often the file is looked at for changes; 0: only when told to reload"},
    {.word = "fallthrough",
        .arg = "ZONES...",
        .kind = OPTION_ZONES,
        .flags = OPTION_OPTIONAL,
        .offset = offsetof(struct hosts, fall),
        .help = "names that are not in the table are left to the next plugin, in these zones, or in all"},
    {.word = "fallthrough_unsupported",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct hosts, fall_unsupported),
        .help = "with fallthrough: so are types other than A, AAAA and PTR, of names in the table too"},
    OPTIONS_END,
};

/* ---- reading ---- */

static enum err add_lines(struct hosts *hosts, struct setup *setup, struct table_maker *maker)
{
    for (unsigned i = 0; i < hosts->lines.count; i++) {
        const struct directive *line = hosts->lines.at[i];
        if (setup != NULL && line->args_count == 0)
            return setup_error(setup, &line->name, "ADDRESS NAME...",
                "'%s' is neither an option of hosts nor an address with names", line->name.text);
        for (unsigned n = 0; n < line->args_count; n++) {
            const struct token *name = &line->args[n];
            enum err err = table_add(maker, line->name.text, line->name.len, name->text, name->len);
            if (err == ERR_MEMORY)
                return err;
            if (err != ERR_OK && setup != NULL)
                return setup_error(setup, err == ERR_SYNTAX ? &line->name : name, "ADDRESS NAME...",
                    "'%s' is no %s", err == ERR_SYNTAX ? line->name.text : name->text,
                    err == ERR_SYNTAX ? "option of hosts, and no address" : "domain name");
        }
    }
    return ERR_OK;
}

static enum err add_file(struct hosts *hosts, struct table_maker *maker)
{
    struct stat info;
    char *text;
    size_t len;
    if (stat(hosts->path, &info) != 0)
        return ERR_MISSING;
    hosts->changed = info.st_mtim;
    hosts->size = info.st_size;
    enum err err = file_read(hosts->path, FILE_MAX, &maker->memory, &text, &len);
    return err == ERR_OK ? table_add_text(maker, text, len) : err;
}

/* A new table from the Corefile's lines and the file; a file that is not there has no lines. */
static enum err make(struct hosts *hosts, struct setup *setup, struct table **out, enum err *file)
{
    struct table_maker maker;
    struct table *table = NULL;
    table_begin(&maker, &hosts->rules);
    enum err err = add_lines(hosts, setup, &maker);
    *file = err == ERR_OK ? add_file(hosts, &maker) : ERR_OK;
    unsigned bad = maker.bad_lines;
    enum err ended = table_end(&maker, &table);
    err = err != ERR_OK ? err : ended;
    if (err != ERR_OK) {
        table_free(ended == ERR_OK ? table : NULL);
        return err;
    }
    if (bad > 0)
        log_warning(
            "plugin/hosts: %s: %u lines are not \"ADDRESS NAME...\" and were passed over", hosts->path, bad);
    *out = table;
    atomic_store(&hosts->loaded_s, (int64_t)hosts->changed.tv_sec);
    return ERR_OK;
}

static enum err setup(struct setup *setup, void **self)
{
    struct hosts *hosts = ARENA_NEW(setup->world, struct hosts);
    struct table *table = NULL;
    enum err file;
    if (hosts == NULL)
        return ERR_MEMORY;
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, "put the lines of both into one",
            "hosts stands twice in this block");
    enum err err = options_parse(setup, options, hosts);
    if (err != ERR_OK)
        return err;
    *self = hosts;
    hosts->rules = (struct table_rules){.zones = (const uint8_t *const *)hosts->zones.at,
        .zones_count = hosts->zones.count,
        .ttl = (uint32_t)hosts->ttl,
        .reverse = !hosts->no_reverse};
    err = make(hosts, setup, &table, &file);
    if (err != ERR_OK)
        return err;
    atomic_store(&hosts->table, table);
    if (file != ERR_OK)
        setup_warning(setup, &setup->directive->name, "it is read as soon as it is there",
            "cannot read %s: %s", hosts->path,
            file == ERR_MISSING ? "there is no such file" : strerror(errno));
    return ERR_OK;
}

/* ---- living ---- */

static void look(void *arg)
{
    struct hosts *hosts = arg;
    struct stat info;
    struct table *table = NULL;
    enum err file;
    if (stat(hosts->path, &info) != 0 ||
        (info.st_size == hosts->size && memcmp(&info.st_mtim, &hosts->changed, sizeof info.st_mtim) == 0))
        return;
    if (make(hosts, NULL, &table, &file) != ERR_OK || file != ERR_OK) {
        log_warning("plugin/hosts: cannot read %s, the old table stays", hosts->path);
        table_free(table);
        return;
    }
    log_info("plugin/hosts: %s: %u names and addresses", hosts->path, table->count);
    host_retire(table_free, atomic_exchange(&hosts->table, table));
}

static enum err start(void *self)
{
    struct hosts *hosts = self;
    if (hosts->reload_ms == 0)
        return ERR_OK;
    hosts->timer = host_timer_start(hosts->reload_ms, look, hosts);
    return hosts->timer != NULL ? ERR_OK : ERR_MEMORY;
}

static void stop(void *self)
{
    struct hosts *hosts = self;
    host_timer_stop(hosts->timer);
    table_free(atomic_load(&hosts->table));
}

/* ---- answering ---- */

static bool under_any(const struct option_zones *zones, const struct question *question)
{
    for (unsigned i = 0; i < zones->count; i++) {
        if (question_under(question, zones->at[i]))
            return true;
    }
    return false;
}

static const struct rrset *rrset_for(const struct table_host *host, uint16_t type)
{
    return type == TYPE_A ? host->a : type == TYPE_AAAA ? host->aaaa : type == TYPE_PTR ? host->ptr : NULL;
}

static enum served answer(struct query *query, const struct rrset *rrset)
{
    query->reply.authoritative = true;
    if (rrset != NULL && reply_add(&query->reply, SECTION_ANSWER, rrset, query->scratch) == NULL)
        return query_fail(query, "hosts", RCODE_SERVFAIL, "out of memory");
    return SERVED_ANSWERED;
}

/* As in CoreDNS: reverse names need not lie in the zones and are never denied; a name that is in the table
 * has no other types; one that is not cannot be denied properly, for there is no SOA record to say for how
 * long, so that without fallthrough it is SERVFAIL. */
static enum served serve(void *self, struct query *query)
{
    struct hosts *hosts = self;
    const struct question *question = query->question;
    const struct table *table = atomic_load_explicit(&hosts->table, memory_order_acquire);
    bool ours = under_any(&hosts->zones, question), reverse = question->type == TYPE_PTR;
    query_why(query, "the name is not in its zones");
    if (!ours && !reverse)
        return SERVED_NEXT;
    query_why(query, "the name is not in the table");
    const struct table_host *host = table_find(table, question);
    const struct rrset *rrset = host != NULL ? rrset_for(host, question->type) : NULL;
    if (host != NULL)
        query_why(query, "the name is in the table");
    if (rrset != NULL)
        return answer(query, rrset);
    if (reverse)
        return SERVED_NEXT;
    bool falls = under_any(&hosts->fall, question);
    bool supported = question->type == TYPE_A || question->type == TYPE_AAAA;
    if (falls && (host == NULL || (hosts->fall_unsupported && !supported)))
        return SERVED_NEXT;
    if (host != NULL)
        return answer(query, NULL);
    return query_fail(
        query, "hosts", RCODE_SERVFAIL, "the name is not in the table, and there is no fallthrough");
}

/* ---- telling ---- */

static void metrics(void *self, struct metrics *out)
{
    static const struct metric entries = {"coredns_hosts_entries", METRIC_GAUGE,
                                   "The combined number of entries in hosts and Corefile."},
                               loaded = {"coredns_hosts_reload_timestamp_seconds", METRIC_GAUGE,
                                   "The timestamp of the last reload of hosts file."};
    const struct hosts *hosts = self;
    const struct table *table = atomic_load_explicit(&hosts->table, memory_order_acquire);
    metrics_add(out, &entries, (double)table->count, METRIC_NO_LABELS);
    metrics_add(out, &loaded, (double)atomic_load(&hosts->loaded_s), METRIC_NO_LABELS);
}

static const struct plugin hosts_plugin = {
    .abi = PLUGIN_ABI,
    .name = "hosts",
    .options = options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .refresh = look,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(hosts)
