#include "zone/sec/bundle_file.h"

#include <stdio.h>
#include <string.h>

#include "zone/base/file.h"

void bundles_path(const char *directory, const struct key *key, char out[BUNDLES_PATH_MAX])
{
    char name[KEYFILE_NAME_MAX];
    keyfile_name(key, name); /* "Kexample.org.+013+12345" */
    *strrchr(name, '+') = '\0';
    *strrchr(name, '+') = '\0';
    snprintf(out, BUNDLES_PATH_MAX, "%s/%sskr", directory, name + 1);
}

static enum err parse(const char *text, size_t len, struct bundles *bundles, struct keyfile_trouble *trouble)
{
    enum err err = bundles_parse(text, len, bundles, trouble);
    if (err == ERR_OK && bundles->kind != BUNDLE_RESPONSE) {
        snprintf(trouble->message, sizeof trouble->message, "is a request, and a response is wanted");
        return ERR_INVALID;
    }
    return err;
}

enum err bundles_load(const char *directory, const struct key_list *keys, struct bundles *bundles,
    struct keyfile_trouble *trouble)
{
    char path[BUNDLES_PATH_MAX], *text;
    size_t len;
    struct arena arena;
    *trouble = (struct keyfile_trouble){0};
    bundles_path(directory, keys->keys[0], path);
    arena_init(&arena, 0);
    enum err err = file_read(path, BUNDLES_TEXT_MAX, &arena, &text, &len);
    if (err == ERR_OK) {
        err = parse(text, len, bundles, trouble);
        if (err == ERR_OK)
            err = bundles_check_response(bundles, keys, trouble);
        if (err != ERR_OK)
            bundles_clear(bundles);
    }
    arena_clear(&arena);
    if (err != ERR_OK && trouble->message[0] == '\0')
        snprintf(trouble->message, sizeof trouble->message, "%s", err_text(err));
    snprintf(trouble->path, sizeof trouble->path, "%.1000s", path);
    return err;
}

int64_t bundles_next(const struct bundles *bundles, int64_t now_s)
{
    for (unsigned i = 0; i < bundles->count; i++) {
        if (bundles->list[i].from_s > now_s)
            return bundles->list[i].from_s;
    }
    return bundles->end_s;
}
