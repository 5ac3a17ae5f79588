/* Recorded queries from hostile files: no crash, and what is told is a well-formed name. */
#include <stdlib.h>
#include <string.h>

#include "zonetool/capture.c"
#include "zonetool/capture_stream.c"
#include "zonetool/capture_text.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void look(void *context, const uint8_t *name, uint16_t type, uint64_t count)
{
    uint8_t lower[NAME_MAX + 1];
    (void)context, (void)type, (void)count;
    if (name_check(name, NAME_MAX) == 0)
        abort();
    name_lower(lower, name);
    if (memcmp(lower, name, name_len(name)) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct capture capture = {.query = look};
    uint8_t *copy = malloc(len); /* so that no octet behind it can be read unseen */
    if (len > 0 && copy != NULL)
        memcpy(copy, bytes, len);
    if (copy != NULL)
        capture_read(&capture, copy, len);
    free(copy);
    return 0;
}
