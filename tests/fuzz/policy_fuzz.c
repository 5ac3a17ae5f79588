/* DNSSEC policies of any text: no crash, every finding has a place in the text, and what is taken is in its
 * ranges. */
#include <stdlib.h>

#include "zone/sec/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_place(void *context, const struct finding *finding)
{
    const size_t *len = context;
    if (finding->line == 0 || finding->line > *len + 1 || finding->column == 0 || finding->column > *len + 2)
        abort();
    if (finding->token_len > *len || finding->message[0] == '\0')
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct policy policy;
    struct finding_sink sink = {.report = check_place, .context = &len};
    if (policy_parse((const char *)bytes, len, "policy", NULL, &sink, &policy) != ERR_OK)
        return 0;
    if (policy.keys_count > POLICY_KEYS_MAX || policy.signatures_refresh_s >= policy.signatures_validity_s)
        abort();
    for (unsigned i = 0; i < policy.keys_count; i++)
        if (policy.keys[i].lifetime_s < 0 || policy.keys[i].role < POLICY_KSK ||
            policy.keys[i].role > POLICY_CSK)
            abort();
    return 0;
}
