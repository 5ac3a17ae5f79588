/* zonetool install-hooks: a git repository that checks its zones before each commit, merges them by RRset and
 * shows changes of records. Everything stays in the repository's administrative directory and can be undone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/base/file.h"
#include "zonetool/git.h"
#include "zonetool/zonetool.h"

static struct {
    bool undo, force, fmt;
    const char *patterns;
} options;

const struct option_row hooks_options[] = {
    {.word = "pattern",
        .value = "GLOBS",
        .help = "which files are zones; \"*.zone db.*\" if not given",
        .text = &options.patterns},
    {.word = "fmt", .help = "a commit needs zones in canonical layout, too", .flag = &options.fmt},
    {.word = "force", .help = "replace a pre-commit hook that is there", .flag = &options.force},
    {.word = "undo", .help = "take everything back", .flag = &options.undo},
    {.word = NULL},
};

#define MARK "# zonetool install-hooks"
#define DRIVER "zonetool"

static const struct {
    const char *key, *value;
} settings[] = {
    {"merge." DRIVER ".name", "zone files by RRset"},
    {"merge." DRIVER ".driver", "zonetool merge-driver --marker-size %L %O %A %B %P"},
    {"diff." DRIVER ".textconv", "zonetool textconv"},
};

/* The index is checked, not the working directory: what is committed. Files that are included come along, so
 * all of it is laid out beside. */
static const char hook_text[] =
    "#!/bin/sh\n" MARK ": checks the zones that a commit changes. Undo: zonetool install-hooks --undo\n"
    "command -v zonetool >/dev/null || { echo 'zonetool is not installed: zones are not checked' >&2; exit "
    "0; }\n"
    "zones=$(git diff --cached --name-only --diff-filter=ACMR -- %s)\n"
    "[ -n \"$zones\" ] || exit 0\n"
    "copy=$(mktemp -d) || exit 1\n"
    "trap 'rm -rf \"$copy\"' EXIT\n"
    "git checkout-index -a --prefix=\"$copy/\" || exit 1\n"
    "cd \"$copy\" || exit 1\n"
    "printf '%%s\\n' \"$zones\" | {\n"
    "    failed=0\n"
    "    while IFS= read -r zone; do\n"
    "        zonetool check -q -- \"$zone\" || failed=1\n"
    "%s"
    "    done\n"
    "    [ $failed = 0 ] || echo 'not committed: mend the zones, or git commit --no-verify' >&2\n"
    "    exit $failed\n"
    "}\n";
static const char hook_fmt[] = "        zonetool fmt --check -- \"$zone\" >/dev/null || { echo \"$zone: run "
                               "zonetool fmt -w\" >&2; failed=1; }\n";

static enum outcome fail(const char *path)
{
    return complain("%s: %s", path, strerror(errno));
}

static char *read_text(const char *path, struct arena *arena)
{
    char *text = NULL;
    size_t len;
    return file_read(path, 1 << 20, arena, &text, &len) == ERR_OK ? text : NULL;
}

/* Is every character of the patterns harmless in a shell's command? */
static bool are_plain(const char *patterns)
{
    return patterns[strspn(
               patterns, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._-/*?[]")] == '\0';
}

/* "*.zone db.*" as '*.zone' 'db.*': git expands them, not the shell. */
static char *quote_patterns(const char *patterns, struct arena *arena)
{
    size_t room = strlen(patterns) * 4 + 4;
    char *out = arena_alloc(arena, room, 1), *at = out;
    for (const char *word = patterns; out != NULL && *word != '\0';) {
        size_t blanks = strspn(word, " "), len = strcspn(word + blanks, " ");
        if (len > 0)
            at += snprintf(
                at, room - (size_t)(at - out), "%s'%.*s'", at > out ? " " : "", (int)len, word + blanks);
        word += blanks + len;
    }
    return out;
}

static enum outcome install_hook(const char *path, struct arena *arena)
{
    const char *there = read_text(path, arena);
    if (there != NULL && strstr(there, MARK) == NULL && !options.force)
        return complain(
            "%s: there is a hook of somebody else's; call zonetool check from it, or say --force", path);
    const char *patterns = quote_patterns(options.patterns, arena);
    const char *text =
        patterns == NULL ? NULL : arena_printf(arena, hook_text, patterns, options.fmt ? hook_fmt : "");
    if (text == NULL)
        return complain("out of memory");
    return file_replace(path, text, strlen(text), 0755) == ERR_OK ? OUTCOME_CLEAN : fail(path);
}

/* The lines of TEXT without those that an earlier install put in. */
static char *without_ours(const char *text, struct arena *arena)
{
    char *out = arena_zalloc(arena, strlen(text) + 1, 1), *at = out;
    for (const char *line = text; out != NULL && *line != '\0';) {
        size_t len = strcspn(line, "\n");
        len += line[len] == '\n';
        if (memmem(line, len, "merge=" DRIVER, strlen("merge=" DRIVER)) == NULL) {
            memcpy(at, line, len);
            at += len;
        }
        line += len;
    }
    return out;
}

static enum outcome write_attributes(const char *path, struct arena *arena)
{
    const char *there = read_text(path, arena);
    char *text = without_ours(there != NULL ? there : "", arena);
    char *patterns = arena_copy(arena, options.patterns, strlen(options.patterns));
    char *rest = NULL;
    for (char *word = strtok_r(patterns, " ", &rest); word != NULL && text != NULL && !options.undo;
         word = strtok_r(NULL, " ", &rest))
        text = arena_printf(arena, "%s%s merge=" DRIVER " diff=" DRIVER "\n", text, word);
    if (text == NULL)
        return complain("out of memory");
    if (options.undo && there == NULL)
        return OUTCOME_CLEAN;
    if (options.undo && text[0] == '\0')
        return unlink(path) == 0 ? OUTCOME_CLEAN : fail(path);
    return file_replace(path, text, strlen(text), 0644) == ERR_OK ? OUTCOME_CLEAN : fail(path);
}

static enum outcome configure(struct git *git)
{
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
        if (git_configure(git, settings[i].key, options.undo ? NULL : settings[i].value) != ERR_OK)
            return complain("%s: %s", settings[i].key, git_why());
    }
    return OUTCOME_CLEAN;
}

static enum outcome remove_hook(const char *path, struct arena *arena)
{
    const char *there = read_text(path, arena);
    if (there == NULL || strstr(there, MARK) == NULL)
        return OUTCOME_CLEAN;
    return unlink(path) == 0 ? OUTCOME_CLEAN : fail(path);
}

static enum outcome install(struct git *git, struct arena *arena)
{
    char *hook = git_admin_path(git, "hooks/pre-commit"),
         *attributes = git_admin_path(git, "info/attributes");
    char *info = git_admin_path(git, "info"), *hooks = git_admin_path(git, "hooks");
    enum outcome outcome = OUTCOME_FAILED;
    if (hook != NULL && attributes != NULL && info != NULL && hooks != NULL) {
        (void)mkdir(info, 0777); /* git makes them from a template, which may lack them */
        (void)mkdir(hooks, 0777);
        outcome = options.undo ? remove_hook(hook, arena) : install_hook(hook, arena);
        if (outcome == OUTCOME_CLEAN)
            outcome = write_attributes(attributes, arena);
        if (outcome == OUTCOME_CLEAN)
            outcome = configure(git);
        if (outcome == OUTCOME_CLEAN && !options.undo)
            printf("%s\n%s\n", hook, attributes);
    }
    free(hook);
    free(attributes);
    free(info);
    free(hooks);
    return outcome;
}

enum outcome hooks_run(const struct arguments *arguments UNUSED)
{
    struct git *git;
    struct arena arena;
    if (options.patterns == NULL)
        options.patterns = "*.zone db.*";
    if (!are_plain(options.patterns))
        return complain("--pattern: letters, digits and . _ - / * ? [ ] only, blanks between");
    if (git_open(&git) != ERR_OK)
        return complain("there is no git repository here");
    arena_init(&arena, 0);
    enum outcome outcome = install(git, &arena);
    arena_clear(&arena);
    git_close(git);
    return outcome;
}
