/* The merge driver on hostile texts: three versions, a NUL octet between. No crash; who changes nothing gets
 * what the other one has; the same change on both sides is that change; whether there is a conflict does not
 * depend on which side is ours. */
#include <stdarg.h>

#include "zonetool/merge.c"

#include "zonetool/git.c"
/* Each file's own names for the three. */
#define BASE RECONCILE_BASE
#define OURS RECONCILE_OURS
#define THEIRS RECONCILE_THEIRS
#include "zonetool/reconcile.c"
#undef BASE
#undef OURS
#undef THEIRS
#include "zonetool/rewrite.c"
#include "zonetool/soa.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum outcome complain(const char *format, ...)
{
    (void)format;
    return OUTCOME_FAILED;
}

static void set_text(struct merge *merge, unsigned which, const char *text, size_t len)
{
    merge->texts[which].text = make_text(len);
    merge->texts[which].len = len;
    if (merge->texts[which].text == NULL)
        abort();
    if (len > 0)
        memcpy(merge->texts[which].text, text, len);
}

/* Is the merge of three of the texts clean? *SAME: it is the text EXPECTED. */
static bool merges(const struct git_text *base, const struct git_text *ours, const struct git_text *theirs,
    const struct git_text *expected, bool *same)
{
    struct merge merge = {.path = "fuzz", .marker_size = MARKER_DEFAULT};
    bool right = true;
    set_text(&merge, BASE, base->text, base->len);
    set_text(&merge, OURS, ours->text, ours->len);
    set_text(&merge, THEIRS, theirs->text, theirs->len);
    if (merge_texts(&merge) != ERR_OK)
        abort();
    if (!merge.conflicts && !merge.taken && check_meaning(&merge, &right) != ERR_OK)
        abort();
    *same = expected != NULL && merge.texts[MERGED].len == expected->len &&
            memcmp(merge.texts[MERGED].text, expected->text, expected->len) == 0;
    for (unsigned i = 0; i < TEXTS; i++)
        free(merge.texts[i].text);
    return !merge.conflicts;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static bool begun;
    const char *text = (const char *)bytes, *end = text + len;
    if (!begun)
        git_libgit2_init(); /* once for all: it takes long */
    begun = true;
    struct git_text texts[3];
    bool same;
    for (size_t i = 0; i + 1 < len; i++) {
        /* Files of this machine are none of the fuzzer's business; markers in a text are git's to confuse. */
        if ((text[i] == '$' && (text[i + 1] | 0x20) == 'i') ||
            (strchr("<>|=", text[i]) != NULL && text[i] == text[i + 1]))
            return -1;
    }
    if (len > 8000)
        return -1;
    for (unsigned i = 0; i < 3; i++) {
        const char *stop = i < 2 && text < end ? memchr(text, '\0', (size_t)(end - text)) : end;
        if (stop == NULL)
            return -1;
        texts[i] = (struct git_text){.text = text, .len = (size_t)(stop - text)};
        text = stop < end ? stop + 1 : end;
    }
    if (text < end || (texts[2].len > 0 && memchr(texts[2].text, '\0', texts[2].len) != NULL))
        return -1;
    (void)merges(&texts[0], &texts[1], &texts[1], &texts[1], &same);
    if (!same)
        abort();
    (void)merges(&texts[0], &texts[0], &texts[2], &texts[2], &same);
    if (!same)
        abort();
    bool one = merges(&texts[0], &texts[1], &texts[2], NULL, &same);
    bool other = merges(&texts[0], &texts[2], &texts[1], NULL, &same);
    if (one != other)
        abort();
    return 0;
}
