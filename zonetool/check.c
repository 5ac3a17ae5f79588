/* zonetool check: finds mistakes in zone files and tells them in the format that is wanted. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "zone/base/file.h"
#include "zone/sec/opinion.h"
#include "zonetool/check.h"
#include "zonetool/found.h"
#include "zonetool/source.h"

/* One run over all operands. */
struct session {
    const struct arguments *arguments;
    const struct found_format *format; /* NULL: text */
    struct check *check;
    struct opinion *opinion; /* ldns, or NULL */
    struct found_list list;
    struct report report;
    struct levels levels;
    struct check_options options; /* for the file being checked */
    uint8_t origin[NAME_MAX + 1];
    char *baselines[BASELINES_MAX];
    size_t baseline_count;
    bool across; /* there are several files, perhaps */
    bool werror; /* for the file being checked */
    enum outcome outcome;
};

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void put_sum(const struct session *session, const struct found_file *file)
{
    const struct found_list *list = &session->list;
    unsigned errors = found_count(list, file->from, file->to, SEVERITY_ERROR) + file->more_errors;
    unsigned warnings = found_count(list, file->from, file->to, SEVERITY_WARNING) + file->more_warnings;
    unsigned known = 0;
    for (size_t i = file->from; i < file->to; i++)
        known += list->items[i].known;
    if (session->arguments->quiet || file->across)
        return;
    finding_print_text(stdout, file->path);
    printf(": %" PRIu64 " record%s, %u error%s, %u warning%s", file->records, plural(file->records), errors,
        plural(errors), warnings, plural(warnings));
    if (file->ignored > 0)
        printf(", %u ignored", file->ignored);
    if (known > 0)
        printf(", %u in the baseline", known);
    if (file->opinions > 0)
        printf(", %" PRIu64 " signatures verified by ldns, too", file->opinions);
    putchar('\n');
}

static void put_text(struct session *session, const struct found_file *file)
{
    struct finding_sink sink = report_sink(&session->report);
    for (size_t i = file->from; i < file->to; i++) {
        if (!session->list.items[i].known)
            sink.report(sink.context, &session->list.items[i].finding);
    }
    put_sum(session, file);
}

/* ---- what holds for a file ---- */

static void note_baseline(struct session *session, const char *path)
{
    for (size_t i = 0; i < session->baseline_count; i++) {
        if (strcmp(session->baselines[i], path) == 0)
            return;
    }
    char *copy = session->baseline_count < BASELINES_MAX ? strdup(path) : NULL;
    if (copy != NULL)
        session->baselines[session->baseline_count++] = copy;
}

static bool set_levels(struct session *session, const struct config *config)
{
    const char *why = NULL;
    enum rule_set set = check_flags.has_set ? check_flags.set : config->has_set ? config->set : RULE_DEFAULT;
    config_levels(config, set, check_flags.untrusted, &session->levels);
    for (size_t i = 0; i < check_flags.level_count; i++) {
        if (levels_set(&session->levels, check_flags.levels[i], &why) != ERR_OK) {
            complain("--level %s: %s", check_flags.levels[i], why);
            return false;
        }
    }
    return true;
}

/* Sets up the checks of a file by the command line and the nearest .zonecheck; false when it is not to be
 * checked. */
static bool configure(struct session *session, const struct config *config)
{
    if (config->excluded || !set_levels(session, config))
        return false;
    struct check_options options = {.origin = session->arguments->origin,
        .levels = &session->levels,
        .threads = session->arguments->threads,
        .now = check_flags.now,
        .ttl_max = config->ttl_max,
        .told_max = check_flags.told_max,
        .verify = !check_flags.no_verify,
        .opinion = session->opinion,
        .across = session->across,
        .untrusted = check_flags.untrusted,
        .confine = check_flags.confine,
        .ignore_comments = !check_flags.no_ignore};
    if (options.origin == NULL && config->has_origin) {
        name_lower(session->origin, config->origin);
        options.origin = session->origin;
    }
    if (config->baseline != NULL && check_flags.baseline == NULL && check_flags.write_baseline == NULL)
        note_baseline(session, config->baseline);
    session->werror = check_flags.werror || config->werror;
    session->options = options;
    check_configure(session->check, &session->options);
    return true;
}

/* Reads the nearest .zonecheck, or none. False when it has mistakes, which are told. */
static bool read_config(struct session *session, const char *path, struct arena *arena, struct config *config)
{
    char found[PATH_MAX];
    char *text;
    size_t len;
    struct finding_sink sink = found_sink(&session->list);
    memset(config, 0, sizeof *config);
    if (check_flags.config != NULL)
        snprintf(found, sizeof found, "%s", check_flags.config);
    else if (check_flags.no_config || !config_find(path, found))
        return true;
    enum err err = file_read(found, CONFIG_SIZE_MAX, arena, &text, &len);
    if (err != ERR_OK) {
        complain("%s: %s", found, err == ERR_IO ? strerror(errno) : err_text(err));
        session->outcome = OUTCOME_FAILED;
        return false;
    }
    err = config_parse(config, arena, found, text, len, path, &sink);
    return err == ERR_OK;
}

/* ---- one file ---- */

static void check_image(struct session *session, const char *path)
{
    struct source source;
    enum outcome outcome =
        source_open_telling(&source, path, session->arguments, WANT_FINDINGS, found_sink(&session->list));
    found_end(&session->list, source.records, 0);
    session->outcome = outcome_worse(session->outcome, outcome);
    source_close(&source);
}

static unsigned count_all(
    const struct found_list *list, const struct found_file *file, enum severity severity)
{
    unsigned count = 0;
    for (size_t i = file->from; i < file->to; i++)
        count += list->items[i].finding.severity == severity;
    return count;
}

static void check_text(struct session *session, const char *path)
{
    struct finding_sink sink = found_sink(&session->list);
    struct check_result result;
    enum err err = check_zone(session->check, path, &sink, &result);
    found_end(&session->list, result.records, result.ignored);
    struct found_file *file = &session->list.files[session->list.file_count - 1];
    file->signatures = result.signatures;
    file->opinions = result.opinions;
    file->more_errors = result.errors - count_all(&session->list, file, SEVERITY_ERROR);
    file->more_warnings = result.warnings - count_all(&session->list, file, SEVERITY_WARNING);
    if (err == ERR_OK)
        return;
    if (result.errors == 0)
        complain("%s: %s", path, err == ERR_IO ? strerror(errno) : err_text(err));
    session->outcome = OUTCOME_FAILED;
}

/* Findings count when all is known about the baseline. */
static void judge(struct session *session, const struct found_file *file, bool werror)
{
    if (found_count(&session->list, file->from, file->to, SEVERITY_ERROR) > 0 ||
        (werror && found_count(&session->list, file->from, file->to, SEVERITY_WARNING) > 0))
        session->outcome = outcome_worse(session->outcome, OUTCOME_FINDINGS);
}

static void apply_baselines(struct session *session)
{
    for (size_t i = 0; i < session->baseline_count; i++) {
        enum err err = baseline_read(&session->list, session->baselines[i]);
        if (err != ERR_OK) {
            complain("%s: %s", session->baselines[i], err == ERR_IO ? strerror(errno) : err_text(err));
            session->outcome = OUTCOME_FAILED;
        }
    }
}

/* What is mended is checked again afterwards: it is not to be kept twice. */
static void fix(struct session *session, const char *path)
{
    struct check_options options = session->options;
    options.across = false;
    check_configure(session->check, &options);
    session->outcome = outcome_worse(session->outcome, check_fix(path, session->check, options.origin));
    check_configure(session->check, &session->options);
}

/* A device or pipe that a stranger names need not end, or begin. */
static bool is_refused(const char *path)
{
    struct stat status;
    return check_flags.untrusted && strcmp(path, "-") != 0 && stat(path, &status) == 0 &&
           !S_ISREG(status.st_mode);
}

static void check_path(void *context, const char *path)
{
    struct session *session = context;
    if (is_refused(path)) {
        session->outcome = complain("%s: neither a file nor a directory", path);
        return;
    }
    struct config config;
    struct arena arena;
    arena_init(&arena, 0);
    found_begin(&session->list, path);
    size_t number = session->list.file_count;
    if (number > 0 && read_config(session, path, &arena, &config)) {
        if (configure(session, &config)) {
            if (check_flags.fix && !source_is_image(path))
                fix(session, path);
            if (source_is_image(path))
                check_image(session, path);
            else
                check_text(session, path);
        } else {
            session->list.file_count--;
        }
        config_clear(&config);
    } else if (number > 0) {
        found_end(&session->list, 0, 0);
    }
    /* Text without a baseline is told as it comes. */
    if (session->list.file_count == number && number > 0) {
        session->list.files[number - 1].werror = session->werror;
        if (session->format == NULL && session->baseline_count == 0 && check_flags.baseline == NULL)
            put_text(session, &session->list.files[number - 1]);
        else
            session->list.files[number - 1].waits = true;
    }
    arena_clear(&arena);
}

/* ---- all of them ---- */

static void check_all_across(struct session *session)
{
    struct finding_sink sink = found_sink(&session->list);
    struct check_result result = {0};
    if (!session->across || session->list.file_count < 2)
        return;
    size_t before = session->list.count;
    found_begin(&session->list, "(zones against each other)");
    check_across(session->check, &sink, &result);
    found_end(&session->list, 0, result.ignored);
    struct found_file *file = &session->list.files[session->list.file_count - 1];
    file->waits = file->across = true;
    file->werror = session->werror;
    if (session->list.count == before)
        session->list.file_count--;
}

static void tell(struct session *session)
{
    apply_baselines(session);
    for (size_t i = 0; i < session->list.file_count; i++) {
        const struct found_file *file = &session->list.files[i];
        judge(session, file, file->werror);
        if (session->format == NULL && file->waits)
            put_text(session, file);
    }
    if (session->format != NULL) {
        found_number(&session->list);
        session->format->put(stdout, &session->list);
    }
    if (session->list.failed)
        session->outcome = complain("out of memory");
}

static void write_baseline(struct session *session)
{
    enum err err = baseline_write(&session->list, check_flags.write_baseline);
    if (err != ERR_OK)
        session->outcome =
            complain("%s: %s", check_flags.write_baseline, err == ERR_IO ? strerror(errno) : err_text(err));
    else if (!session->arguments->quiet)
        fprintf(stderr, "zonetool: %s has the findings of this run\n", check_flags.write_baseline);
}

static void begin(struct session *session, const struct arguments *arguments)
{
    bool several = arguments->operand_count > 1 || check_is_directory(arguments->operands[0]);
    struct check_options options = {.across = several && !check_flags.no_across};
    memset(session, 0, sizeof *session);
    session->arguments = arguments;
    session->format = arguments->format != NULL ? found_format(arguments->format) : NULL;
    session->across = options.across;
    session->check = check_new(&options);
    found_init(&session->list);
    report_init(&session->report, stdout);
    if (check_flags.baseline != NULL)
        note_baseline(session, check_flags.baseline);
}

static void end(struct session *session)
{
    for (size_t i = 0; i < session->baseline_count; i++)
        free(session->baselines[i]);
    check_free(session->check);
    opinion_close(session->opinion);
    found_clear(&session->list);
    report_clear(&session->report);
}

static enum outcome ask_for_opinion(struct session *session)
{
    const char *why;
    if (!check_flags.opinion || opinion_open(&session->opinion, &why) == ERR_OK)
        return OUTCOME_CLEAN;
    return complain("--second-opinion needs ldns (in Debian the package libldns3): %s",
        why != NULL ? why : "out of memory");
}

enum outcome check_run(const struct arguments *arguments)
{
    struct session session;
    if (check_flags.untrusted && !check_limit_machine())
        return complain("the limits for untrusted zones cannot be set: %s", strerror(errno));
    begin(&session, arguments);
    if (session.check == NULL)
        session.outcome = complain("out of memory");
    else
        session.outcome = ask_for_opinion(&session);
    if (session.outcome == OUTCOME_FAILED) {
        end(&session);
        return OUTCOME_FAILED;
    }
    for (unsigned i = 0; i < arguments->operand_count; i++)
        session.outcome =
            outcome_worse(session.outcome, check_each_file(arguments->operands[i], check_path, &session));
    check_all_across(&session);
    if (check_flags.write_baseline != NULL) {
        write_baseline(&session);
        if (session.outcome != OUTCOME_FAILED)
            note_baseline(&session, check_flags.write_baseline);
    }
    tell(&session);
    enum outcome outcome = session.outcome;
    end(&session);
    return outcome;
}
