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
    {.word = "force",
        .help = "replace a pre-commit hook that is there; else it is kept and goes first",
        .flag = &options.force},
    {.word = "undo", .help = "take everything back", .flag = &options.undo},
    {.word = NULL},
};

#define MARK "# zonetool install-hooks"
#define DRIVER "zonetool"
#define KEPT "pre-commit.kept"

static const struct {
    const char *key, *value;
} settings[] = {
    {"merge." DRIVER ".name", "zone files by RRset"},
    {"merge." DRIVER ".driver", "zonetool merge-driver --marker-size %L %O %A %B %P"},
    {"diff." DRIVER ".textconv", "zonetool textconv"},
};

/* The index is checked, not the working directory: what is committed. Files that are included come along, so
 * all of it is laid out beside; when such a one changes, the zones that include something are checked. Names
 * come with -z, for git puts others than ASCII into quotes. A hook that was there before goes first. */
static const char hook_text[] =
    "#!/bin/sh\n" MARK ": checks the zones that a commit changes. Undo: zonetool install-hooks --undo\n"
    "kept=$(dirname \"$0\")/" KEPT "\n"
    "[ ! -x \"$kept\" ] || \"$kept\" \"$@\" || exit\n"
    "command -v zonetool >/dev/null || { echo 'zonetool is not installed: zones are not checked' >&2; exit "
    "0; }\n"
    "lines() { tr '\\0' '\\n'; }\n"
    "zones=$({\n"
    "    git diff --cached -z --name-only --diff-filter=ACMR -- %s | lines\n"
    "    if ! git diff --cached --quiet -- . %s; then\n"
    "        git grep --cached -lz -i '^\\$INCLUDE' -- %s | lines\n"
    "    fi\n"
    "} | sort -u)\n"
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

/* "*.zone db.*" as '*.zone' 'db.*', each behind MAGIC: git expands them, not the shell. */
static char *quote_patterns(const char *patterns, const char *magic, struct arena *arena)
{
    size_t room = strlen(patterns) * (4 + strlen(magic)) + 4;
    char *out = arena_alloc(arena, room, 1), *at = out;
    for (const char *word = patterns; out != NULL && *word != '\0';) {
        size_t blanks = strspn(word, " "), len = strcspn(word + blanks, " ");
        if (len > 0)
            at += snprintf(at, room - (size_t)(at - out), "%s'%s%.*s'", at > out ? " " : "", magic, (int)len,
                word + blanks);
        word += blanks + len;
    }
    return out;
}

static char *beside(const char *path, struct arena *arena)
{
    return arena_printf(arena, "%.*s" KEPT, (int)(strrchr(path, '/') + 1 - path), path);
}

static enum outcome install_hook(const char *path, struct arena *arena)
{
    const char *there = read_text(path, arena), *kept = beside(path, arena);
    const char *patterns = quote_patterns(options.patterns, "", arena);
    const char *others = quote_patterns(options.patterns, ":(exclude)", arena);
    const char *text = patterns == NULL || others == NULL ? NULL
                                                          : arena_printf(arena, hook_text, patterns, others,
                                                                patterns, options.fmt ? hook_fmt : "");
    if (text == NULL || kept == NULL)
        return complain("out of memory");
    if (there != NULL && strstr(there, MARK) == NULL && !options.force) {
        if (access(kept, F_OK) == 0)
            return complain(
                "%s and %s are there already: call zonetool check from one of them, or say --force", path,
                kept);
        if (rename(path, kept) != 0)
            return fail(path);
        printf("%s is kept as %s and goes first\n", path, kept);
    }
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
    const char *there = read_text(path, arena), *kept = beside(path, arena);
    if (there == NULL || strstr(there, MARK) == NULL)
        return OUTCOME_CLEAN;
    if (kept != NULL && access(kept, F_OK) == 0)
        return rename(kept, path) == 0 ? OUTCOME_CLEAN : fail(kept);
    return unlink(path) == 0 ? OUTCOME_CLEAN : fail(path);
}

/* git makes these directories from a template, which may lack them; core.hooksPath may lead anywhere. */
static void make_folder(const char *path)
{
    char *folder = strdup(path), *slash = folder != NULL ? strrchr(folder, '/') : NULL;
    if (slash != NULL && slash != folder) {
        *slash = '\0';
        (void)mkdir(folder, 0777);
    }
    free(folder);
}

static enum outcome install(struct git *git, struct arena *arena)
{
    char *hook = git_admin_path(git, "hooks/pre-commit"),
         *attributes = git_admin_path(git, "info/attributes");
    enum outcome outcome = OUTCOME_FAILED;
    if (hook != NULL && attributes != NULL) {
        make_folder(hook);
        make_folder(attributes);
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
