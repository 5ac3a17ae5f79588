/* metadata_edns0: makes EDNS options of the query metadata: `client_id 0xffed address` becomes the label
 * metadata_edns0/client_id. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/metadata.h"
#include "plugins/plugin.h"

enum form { FORM_ADDRESS, FORM_BYTES, FORM_HEX };

struct rule {
    uint16_t code;
    enum form form;
    uint16_t size; /* the option must have as many octets; 0: any */
    uint16_t start, end;
};

static const struct option options[] = {
    {.word = "*",
        .arg = "LABEL CODE [address|bytes|hex [SIZE [START END]]]",
        .kind = OPTION_LINES,
        .offset = 0,
        .help = "the option CODE, as an address, as text, or in hexadecimal digits; of SIZE octets; a part "
                "of it"},
    OPTIONS_END,
};

static const char *const forms[] = {"address", "bytes", "hex", NULL};

/* "0xffed" or "65517". */
static enum err read_number(struct setup *setup, const struct token *token, uint16_t *out)
{
    char *end;
    unsigned long number = strtoul(token->text, &end, 0);
    if (token->len == 0 || *end != '\0' || number > UINT16_MAX || token->text[0] == '-')
        return setup_error(
            setup, token, "0 to 65535, or 0x0 to 0xffff", "'%s' is no such number", token->text);
    *out = (uint16_t)number;
    return ERR_OK;
}

static enum err read_numbers(struct setup *setup, const struct directive *line, struct rule *rule)
{
    uint16_t *const to[] = {&rule->size, &rule->start, &rule->end};
    for (unsigned i = 2; i < line->args_count; i++) {
        enum err err = read_number(setup, &line->args[i], to[i - 2]);
        if (err != ERR_OK)
            return err;
    }
    if (rule->end != 0 && rule->end <= rule->start)
        return setup_error(setup, &line->args[3], NULL, "the part is empty");
    return ERR_OK;
}

static enum err read_rule(struct setup *setup, const struct directive *line, struct rule *rule)
{
    if (line->args_count < 1 || line->args_count > 5)
        return setup_error(setup, &line->name, "LABEL CODE [address|bytes|hex [SIZE [START END]]]",
            "a rule has a label and a code");
    enum err err = read_number(setup, &line->args[0], &rule->code);
    unsigned form = 0;
    rule->form = FORM_HEX;
    if (err != ERR_OK || line->args_count == 1)
        return err;
    while (forms[form] != NULL && strcmp(forms[form], line->args[1].text) != 0)
        form++;
    if (forms[form] == NULL)
        return setup_error(setup, &line->args[1], "address, bytes or hex", "'%s' is no form of an option",
            line->args[1].text);
    rule->form = (enum form)form;
    return read_numbers(setup, line, rule);
}

static size_t print_hex(const uint8_t *bytes, size_t len, char *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < len && at + 2 <= size; i++) {
        out[at++] = digits[bytes[i] >> 4];
        out[at++] = digits[bytes[i] & 15];
    }
    return at;
}

static size_t read_option(void *self, const struct query *query, char *out, size_t size)
{
    const struct rule *rule = self;
    struct edns_option option;
    char address[INET6_ADDRSTRLEN];
    if (!query->message.edns.present || !edns_find(&query->message.edns, rule->code, &option) ||
        (rule->size != 0 && option.len != rule->size))
        return 0;
    uint16_t end = rule->end != 0 && rule->end < option.len ? rule->end : option.len;
    uint16_t start = rule->start < end ? rule->start : end;
    const uint8_t *bytes = option.bytes + start;
    size_t len = (size_t)end - start;
    if (rule->form == FORM_HEX)
        return print_hex(bytes, len, out, size);
    if (rule->form == FORM_ADDRESS) {
        if ((len != 4 && len != 16) ||
            inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, address, sizeof address) == NULL)
            return 0;
        bytes = (const uint8_t *)address;
        len = strlen(address);
    }
    len = len < size ? len : size;
    memcpy(out, bytes, len);
    return len;
}

static enum err setup(struct setup *setup, void **self)
{
    struct option_lines lines = {0};
    enum err err = options_parse(setup, options, &lines);
    *self = setup->block;
    for (unsigned i = 0; i < lines.count && err == ERR_OK; i++) {
        struct rule *rule = ARENA_NEW(setup->world, struct rule);
        const char *label = arena_printf(setup->world, "metadata_edns0/%s", lines.at[i]->name.text);
        if (rule == NULL || label == NULL)
            return ERR_MEMORY;
        err = read_rule(setup, lines.at[i], rule);
        if (err == ERR_OK)
            err = metadata_provide(setup, label, read_option, rule);
    }
    return err;
}

static const struct plugin metadata_edns0_plugin = {
    .abi = PLUGIN_ABI,
    .name = "metadata_edns0",
    .options = options,
    .setup = setup,
};
PLUGIN(metadata_edns0)
