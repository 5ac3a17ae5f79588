/* The formatter on hostile text: it is laid out with its meaning kept (format.h proves that itself) or
 * refused. What it lays out stays as it is the second time, and does not depend on where the text is cut into
 * parts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/text/format.h"

#define CHUNK_TINY 48

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum err lay_out(const char *text, size_t len, size_t chunk_size, struct formatted *formatted)
{
    struct format_options options = {.threads = 1, .chunk_size = chunk_size};
    return format_text("fuzz", text, len, &options, formatted);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct formatted whole, parts, again;
    const char *text = (const char *)bytes;
    if (len > 20000 || memmem(text, len, "$", 1) != NULL) {
        /* Files of this machine are none of the fuzzer's business. */
        for (size_t i = 0; i + 2 < len; i++) {
            if (text[i] == '$' && (text[i + 1] | 0x20) == 'i')
                return -1;
        }
    }
    enum err err = lay_out(text, len, 0, &whole);
    if (err != ERR_OK)
        return 0;
    if (lay_out(text, len, CHUNK_TINY, &parts) != ERR_OK)
        abort();
    if (parts.text.len != whole.text.len || memcmp(parts.text.text, whole.text.text, whole.text.len) != 0)
        abort();
    if (lay_out(whole.text.text, whole.text.len, 0, &again) != ERR_OK)
        abort();
    if (!again.same) {
        fprintf(stderr, "%.*s----\n%.*s", (int)whole.text.len, whole.text.text, (int)again.text.len,
            again.text.text);
        abort();
    }
    input_close(&whole.text);
    input_close(&parts.text);
    input_close(&again.text);
    return 0;
}
