/* zonetool serial: tells the serial of zone files, or raises it, leaving the rest of the text as it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/text/input.h"
#include "zone/wire/type.h"
#include "zonetool/git.h"
#include "zonetool/rewrite.h"
#include "zonetool/soa.h"
#include "zonetool/written.h"

static struct {
    bool write;
    bool raise;
    enum soa_policy policy;
} options = {.policy = SOA_INCREMENT};

static bool take_policy(const char *value)
{
    options.raise = true;
    if (soa_policy_parse(value, &options.policy))
        return true;
    complain("--policy %s: increment, date, unixtime and git are the policies", value);
    return false;
}

const struct option_row serial_options[] = {
    {.letter = 'w', .word = "write", .help = "write the next serial into the file", .flag = &options.write},
    {.letter = 'p',
        .word = "policy",
        .value = "POLICY",
        .help = "tell the next one: increment, date, unixtime or git",
        .take = take_policy},
    {.word = NULL},
};

static enum outcome count_commits(uint32_t *commits)
{
    struct git *git;
    if (options.policy != SOA_GIT)
        return OUTCOME_CLEAN;
    if (git_open(&git) != ERR_OK)
        return complain("--policy git: there is no git repository here");
    enum err err = git_commit_count(git, commits);
    git_close(git);
    if (err == ERR_UNSUPPORTED)
        return complain("--policy git: this clone is shallow and does not know how many commits there are: "
                        "git fetch --unshallow (in GitHub's checkout: fetch-depth: 0)");
    return err == ERR_OK ? OUTCOME_CLEAN : complain("--policy git: %s", git_why());
}

static enum outcome write_serial(
    const char *path, const struct input *input, const struct soa_serial *serial, uint32_t next)
{
    char digits[16];
    size_t digits_len = (size_t)snprintf(digits, sizeof digits, "%u", next);
    size_t behind = serial->at + serial->len, len = input->len - serial->len + digits_len;
    char *text = malloc(len + 1);
    if (text == NULL)
        return complain("%s: out of memory", path);
    memcpy(text, input->text, serial->at);
    memcpy(text + serial->at, digits, digits_len);
    memcpy(text + serial->at + digits_len, input->text + behind, input->len - behind);
    enum outcome outcome = strcmp(path, "-") == 0 ? print_octets(text, len) : rewrite_file(path, text, len);
    free(text);
    return outcome;
}

static enum outcome tell_found(const char *path, const struct input *input, const struct soa_serial *serial,
    const char *label, uint32_t commits)
{
    uint32_t next = soa_next(serial->value, options.policy, time(NULL), commits);
    bool raise = options.raise || options.write;
    if (!(options.write && strcmp(path, "-") == 0))
        printf("%s%s%u\n", label, *label != '\0' ? ": " : "", raise ? next : serial->value);
    return options.write ? write_serial(path, input, serial, next) : OUTCOME_CLEAN;
}

/* The SOA record may stand in a file that PATH includes: then it is that one that is written. */
static enum outcome tell_included(const char *path, const char *label, uint32_t commits)
{
    struct written written;
    struct written_place place;
    struct soa_serial serial;
    if (strcmp(path, "-") == 0 || written_open(&written, path, NULL) != ERR_OK)
        return complain("%s: no SOA record with a serial stands in this file", path);
    enum outcome outcome = OUTCOME_FAILED;
    if (written_find(&written, TYPE_SOA, NULL, &place) &&
        soa_find(place.input->text, place.input->len, &serial) == ERR_OK)
        outcome = tell_found(place.path, place.input, &serial, label, commits);
    else
        complain("%s: no SOA record with a serial stands in it, nor in what it includes", path);
    written_close(&written);
    return outcome;
}

static enum outcome tell(const char *path, const struct input *input, uint32_t commits, bool several)
{
    struct soa_serial serial;
    const char *label = several ? path : "";
    enum err err = soa_find(input->text, input->len, &serial);
    if (err == ERR_OK)
        return tell_found(path, input, &serial, label, commits);
    return err == ERR_MISSING ? tell_included(path, label, commits) : complain("%s: %s", path, err_text(err));
}

enum outcome serial_run(const struct arguments *arguments)
{
    uint32_t commits = 0;
    enum outcome outcome = count_commits(&commits);
    for (unsigned i = 0; i < arguments->operand_count && outcome != OUTCOME_FAILED; i++) {
        const char *path = arguments->operands[i];
        struct input input;
        if (input_open(&input, path) != ERR_OK)
            return complain("%s: %s", path, strerror(errno));
        outcome = outcome_worse(outcome, tell(path, &input, commits, arguments->operand_count > 1));
        input_close(&input);
    }
    return outcome;
}
