/* Requests and responses of an offline KSK, of any text: no crash, and what is read and printed is read again
 * the same. */
#include <stdlib.h>
#include <string.h>

#include "zone/sec/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void print(const struct bundles *bundles, char **text, size_t *len)
{
    FILE *out = open_memstream(text, len);
    if (out == NULL)
        abort();
    bundles_print(bundles, out);
    fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bundles one, two;
    struct keyfile_trouble trouble;
    struct key_list keys = {0};
    char *first = NULL, *second = NULL;
    size_t first_len = 0, second_len = 0;
    if (bundles_parse((const char *)bytes, len, &one, &trouble) == ERR_OK) {
        (void)!bundles_check_request(&one, &trouble);
        (void)!bundles_check_response(&one, &keys, &trouble);
        print(&one, &first, &first_len);
        if (bundles_parse(first, first_len, &two, &trouble) != ERR_OK)
            abort();
        print(&two, &second, &second_len);
        if (first_len != second_len || memcmp(first, second, first_len) != 0)
            abort();
        bundles_clear(&two);
    } else if (trouble.message[0] == '\0') {
        abort();
    }
    bundles_clear(&one);
    free(first);
    free(second);
    return 0;
}
