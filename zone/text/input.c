#include "zone/text/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "zone/base/guard.h"
#include "zone/text/lexer.h"

#define PAGE ((size_t)4096)

static size_t room_for(size_t len)
{
    return (len + LEXER_PAD + PAGE - 1) & ~(PAGE - 1);
}

static enum err reserve(struct input *input, size_t room)
{
    void *base = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return ERR_MEMORY;
    input->text = base;
    input->mapped = room;
    return ERR_OK;
}

static enum err map_file(struct input *input, int fd, size_t len)
{
    enum err err = reserve(input, room_for(len));
    if (err != ERR_OK)
        return err;
    input->len = len;
    /* The anonymous page behind the file's last one supplies the padding. */
    void *at = mmap((void *)(uintptr_t)input->text, len, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
    if (at == MAP_FAILED)
        return ERR_IO;
    madvise(at, len, MADV_SEQUENTIAL);
    input->guard = guard_add(at, len);
    return input->guard >= 0 ? ERR_OK : ERR_LIMIT;
}

#define STREAM_MAX ((size_t)4 << 30) /* octets of what has no size: a device need not end */

#define SMALL ((size_t)32 << 10)

/* Thousands of small zones: no mapping, no fresh pages, and no second read that only finds the end. */
static enum err copy_small(struct input *input, int fd, size_t size)
{
    char *base = malloc(size + LEXER_PAD);
    if (base == NULL)
        return ERR_MEMORY;
    input->text = base;
    while (input->len < size) {
        ssize_t got = read(fd, base + input->len, size - input->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0)
            break;
        input->len += (size_t)got;
    }
    memset(base + input->len, 0, LEXER_PAD);
    return ERR_OK;
}

/* What has no size, or is not worth mapping, is copied. */
static enum err copy_stream(struct input *input, int fd, size_t expected)
{
    size_t room = room_for(expected < PAGE ? PAGE : expected);
    enum err err = reserve(input, room);
    while (err == ERR_OK) {
        char *base = (char *)(uintptr_t)input->text;
        ssize_t got = read(fd, base + input->len, room - LEXER_PAD - input->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0)
            return ERR_OK;
        input->len += (size_t)got;
        if (input->len > STREAM_MAX)
            return ERR_LIMIT;
        if (room - LEXER_PAD > input->len)
            continue;
        void *grown = mremap(base, room, room * 2, MREMAP_MAYMOVE);
        if (grown == MAP_FAILED)
            return ERR_MEMORY;
        input->text = grown;
        input->mapped = room = room * 2;
    }
    return err;
}

static enum err map_or_copy(struct input *input, int fd, size_t len)
{
    enum err err = map_file(input, fd, len);
    if (err != ERR_LIMIT)
        return err;
    munmap((void *)(uintptr_t)input->text, input->mapped);
    *input = (struct input){
        .guard = -1, .stamp = input->stamp, .opened_ns = input->opened_ns, .regular = input->regular};
    return copy_stream(input, fd, len + 1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct input_stamp stamp_of(const struct stat *st)
{
    return (struct input_stamp){
        .size = (uint64_t)st->st_size,
        .inode = st->st_ino,
        .device = st->st_dev,
        .changed_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
        .modified_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };
}

bool input_changed(const struct input *input, const char *path)
{
    struct stat st;
    if (guard_torn(input->guard))
        return true;
    if (!input->regular || stat(path, &st) != 0)
        return false;
    struct input_stamp now = stamp_of(&st);
    return now.inode == input->stamp.inode && now.device == input->stamp.device &&
           (now.size != input->stamp.size || now.modified_ns != input->stamp.modified_ns);
}

#define COPY_BELOW ((size_t)1 << 20)

enum err input_open(struct input *input, const char *path)
{
    *input = (struct input){.guard = -1};
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    struct stat st;
    enum err err = fstat(fd, &st) == 0 ? ERR_OK : ERR_IO;
    if (err == ERR_OK && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        err = ERR_IO;
    }
    if (err == ERR_OK) {
        size_t size = S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
        input->regular = S_ISREG(st.st_mode);
        input->stamp = stamp_of(&st);
        input->opened_ns = now_ns();
        bool map = !standard && size >= COPY_BELOW, small = !standard && size > 0 && size <= SMALL;
        err = map     ? map_or_copy(input, fd, size)
              : small ? copy_small(input, fd, size)
                      : copy_stream(input, fd, size + 1);
    }
    int saved = errno;
    close(fd);
    if (err != ERR_OK)
        input_close(input);
    errno = saved;
    return err;
}

#define HUGE_FROM ((size_t)4 << 20)

enum err input_reserve(struct input *input, size_t len, char **text)
{
    *input = (struct input){.guard = -1};
    enum err err = reserve(input, room_for(len));
    if (err != ERR_OK)
        return err;
    input->len = len;
    *text = (char *)(uintptr_t)input->text;
    if (len >= HUGE_FROM)
        madvise(
            *text, input->mapped, MADV_HUGEPAGE); /* a first touch of small pages costs more than the text */
    return ERR_OK;
}

enum err input_from_memory(struct input *input, const char *text, size_t len)
{
    char *room;
    enum err err = input_reserve(input, len, &room);
    if (err == ERR_OK && len != 0)
        memcpy(room, text, len);
    return err;
}

void input_close(struct input *input)
{
    guard_remove(input->guard);
    if (input->mapped != 0)
        munmap((void *)(uintptr_t)input->text, input->mapped);
    else
        free((void *)(uintptr_t)input->text);
    *input = (struct input){.guard = -1};
}

void input_forget(const struct input *input, size_t from, size_t to)
{
    from = (from + PAGE - 1) & ~(PAGE - 1);
    to = (to < input->len ? to : input->len) & ~(PAGE - 1);
    if (input->guard >= 0 && to > from)
        madvise((char *)(uintptr_t)input->text + from, to - from, MADV_DONTNEED);
}
