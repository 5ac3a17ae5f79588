#include "zone/sec/rollstamp.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "zone/base/file.h"
#include "zone/sec/rollkeys.h"

#define PATH_ROOM 8192
#define TEXT_MAX 64

static void make_path(const char *directory, const struct key *key, char out[PATH_ROOM])
{
    char name[KEYFILE_NAME_MAX];
    keyfile_name(key, name); /* "Kexample.org.+013+12345" */
    *strrchr(name, '+') = '\0';
    *strrchr(name, '+') = '\0';
    snprintf(out, PATH_ROOM, "%s/%ssigned-at", directory, name + 1);
}

int64_t roll_stamp_read(const char *directory, const struct key *key)
{
    char path[PATH_ROOM], *text;
    size_t len;
    struct arena arena;
    int64_t stamp_s = 0;
    make_path(directory, key, path);
    arena_init(&arena, 0);
    if (file_read(path, TEXT_MAX, &arena, &text, &len) == ERR_OK) {
        text[strcspn(text, "\n")] = '\0';
        if (!time_parse(text, 0, &stamp_s))
            stamp_s = 0;
    }
    arena_clear(&arena);
    return stamp_s;
}

/* The DS is the parent's: its times are when it was seen there. */
static bool is_moving(const struct roll_key *key, enum roll_record record, int64_t after_s)
{
    const struct roll_stage *stage = &key->stages[record];
    return record != ROLL_DS && (stage->state == ROLL_RUMOURED || stage->state == ROLL_UNRETENTIVE) &&
           stage->since_s > after_s;
}

unsigned roll_stamp_hold(struct roll *roll, int64_t stamp_s, int64_t now_s)
{
    unsigned held = 0;
    for (unsigned i = 0; i < roll->count && stamp_s != 0; i++) {
        for (unsigned record = 0; record < ROLL_RECORDS; record++) {
            if (!is_moving(&roll->keys[i], (enum roll_record)record, stamp_s))
                continue;
            roll->keys[i].stages[record].since_s = now_s;
            held++;
        }
    }
    return held;
}

static bool begin_steps(struct roll_key *key, int64_t stamp_s, int64_t now_s)
{
    bool any = false;
    for (unsigned record = 0; record < ROLL_RECORDS; record++) {
        if (!is_moving(key, (enum roll_record)record, stamp_s))
            continue;
        any |= key->stages[record].since_s != now_s;
        key->stages[record].since_s = now_s;
    }
    return any;
}

static enum err write_note(const char *path, int64_t now_s)
{
    char text[TEXT_MAX];
    struct file_write file;
    time_print(now_s, text);
    size_t len = strlen(text);
    text[len++] = '\n';
    enum err err = file_write_open(&file, path, 0644);
    if (err != ERR_OK)
        return err;
    if (write(file.fd, text, len) == (ssize_t)len)
        return file_write_commit(&file);
    file_write_abandon(&file);
    return ERR_IO;
}

enum err roll_stamp_write(
    const char *directory, const struct key_list *keys, int64_t now_s, struct keyfile_trouble *trouble)
{
    char path[PATH_ROOM];
    struct roll roll;
    unsigned managed = 0;
    *trouble = (struct keyfile_trouble){0};
    if (keys->count == 0 || roll_keys_read(keys, now_s, &roll) != ERR_OK)
        return ERR_OK;
    int64_t stamp_s = roll_stamp_read(directory, keys->keys[0]);
    for (unsigned i = 0; i < roll.count; i++) {
        struct key *key = roll_key_of(keys, roll.keys[i].id);
        if (key == NULL || !roll_manages(key))
            continue;
        managed++;
        if (!begin_steps(&roll.keys[i], stamp_s, now_s))
            continue;
        enum err err = roll_key_write(&roll.keys[i], key);
        if (err == ERR_OK)
            err = keyfile_update(key, trouble);
        if (err != ERR_OK)
            return err;
    }
    make_path(directory, keys->keys[0], path);
    enum err err = write_note(path, now_s);
    if (err != ERR_OK && managed == 0)
        return ERR_OK; /* others look after these keys, and nobody here counts on it */
    if (err != ERR_OK) {
        snprintf(trouble->path, sizeof trouble->path, "%.1000s", path);
        snprintf(trouble->message, sizeof trouble->message, "%s", err_text(err));
    }
    return err;
}

void roll_stamp_remove(const char *directory, const struct key *key)
{
    char path[PATH_ROOM];
    make_path(directory, key, path);
    (void)!unlink(path);
}
