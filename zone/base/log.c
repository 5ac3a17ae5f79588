#include "zone/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PRIORITY_LEN 3

/* Each with syslog's priority before it. */
static const char *const tags[] = {
    [LOG_DEBUG] = "<7>[DEBUG] ",
    [LOG_INFO] = "<6>[INFO] ",
    [LOG_WARNING] = "<4>[WARNING] ",
    [LOG_ERROR] = "<3>[ERROR] ",
    [LOG_FATAL] = "<2>[FATAL] ",
};

static atomic_int least = LOG_INFO;
static atomic_int output = STDERR_FILENO;
static atomic_bool priorities;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&least, (int)level, memory_order_relaxed);
}

bool log_wants(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&least, memory_order_relaxed);
}

void log_set_fd(int fd)
{
    atomic_store_explicit(&output, fd, memory_order_relaxed);
}

void log_mark_priorities(bool on)
{
    atomic_store_explicit(&priorities, on, memory_order_relaxed);
}

static const char *tag_of(enum log_level level)
{
    return tags[level] + (atomic_load_explicit(&priorities, memory_order_relaxed) ? 0 : PRIORITY_LEN);
}

/* Copies LEN octets with control characters as \xNN; stops when LIMIT would be passed. */
static size_t escape(char *out, size_t limit, const char *in, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)in[i];
        bool plain = (c >= 0x20 && c != 0x7f) || c == '\t';
        if (at + (plain ? 1 : 4) > limit)
            break;
        if (plain) {
            out[at++] = (char)c;
            continue;
        }
        out[at++] = '\\';
        out[at++] = 'x';
        out[at++] = digits[c >> 4];
        out[at++] = digits[c & 15];
    }
    return at;
}

static void write_all(const char *bytes, size_t len)
{
    int fd = atomic_load_explicit(&output, memory_order_relaxed);
    while (len != 0) {
        ssize_t written = write(fd, bytes, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        bytes += written;
        len -= (size_t)written;
    }
}

void log_write(enum log_level level, const char *format, ...)
{
    if (!log_wants(level))
        return;
    int saved = errno; /* a log line must not change what the caller goes on to look at */
    char text[LOG_LINE_MAX], line[LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len >= 0) {
        bool cut = (size_t)len >= sizeof text;
        size_t text_len = cut ? sizeof text - 1 : (size_t)len;
        while (text_len != 0 && text[text_len - 1] == '\n')
            text_len--;
        const char *tag = tag_of(level);
        size_t at = strlen(tag);
        memcpy(line, tag, at);
        at += escape(line + at, sizeof line - at - 4, text, text_len);
        if (cut || at + 8 > sizeof line) {
            memcpy(line + at, "...", 3);
            at += 3;
        }
        line[at++] = '\n';
        write_all(line, at);
    }
    errno = saved;
}
