/* view: which queries come to this server block, by an expression. Blocks of one zone are asked in their
 * order; the choice itself is made by the server (server/query.c), before the chain. */
#include <string.h>

#include "plugins/expression.h"
#include "plugins/metadata.h"

struct written {
    const char *name;
    struct option_lines expr;
};

static const struct option options[] = {
    {.arg = "NAME",
        .kind = OPTION_STRING,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct written, name),
        .help = "what the view is called in metadata and metrics"},
    {.word = "expr",
        .arg = "EXPRESSION",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, expr),
        .help = "must be true of a query; several must all be"},
    OPTIONS_END,
};

static enum err add_filter(struct setup *setup, const struct directive *line)
{
    struct block *block = setup->block;
    const char *text = line->args_count > 0 ? expression_join(setup, line->args, line->args_count) : NULL;
    if (line->args_count == 0)
        return setup_error(setup, &line->name, "expr type() in ['A', 'AAAA']", "the expression is missing");
    const struct expression **filters =
        ARENA_ARRAY(setup->world, const struct expression *, block->filters_count + 1);
    if (filters == NULL || text == NULL)
        return ERR_MEMORY;
    if (block->filters_count > 0)
        memcpy(filters, block->filters, block->filters_count * sizeof *filters);
    filters[block->filters_count] = expression_parse(setup, &line->args[0], text);
    if (filters[block->filters_count] == NULL)
        return ERR_INVALID;
    block->filters = filters;
    block->filters_count++;
    return ERR_OK;
}

static size_t read_name(void *self, const struct query *query, char *out, size_t size)
{
    const char *name = query->block->view;
    size_t len = name != NULL ? strlen(name) : 0;
    (void)self;
    len = len < size ? len : size;
    if (len > 0)
        memcpy(out, name, len);
    return len;
}

static enum err setup(struct setup *setup, void **self)
{
    struct written written = {0};
    enum err err = options_parse(setup, options, &written);
    if (err == ERR_OK && *self == NULL)
        err = metadata_provide(setup, "view/name", read_name, setup->block);
    *self = setup->block;
    setup->block->view = written.name;
    for (unsigned i = 0; i < written.expr.count && err == ERR_OK; i++)
        err = add_filter(setup, written.expr.at[i]);
    if (err == ERR_OK && written.expr.count == 0)
        return setup_error(
            setup, &setup->directive->name, "view NAME { expr EXPRESSION }", "a view needs an expression");
    return err;
}

static const struct plugin view_plugin = {
    .abi = PLUGIN_ABI,
    .name = "view",
    .options = options,
    .setup = setup,
};
PLUGIN(view)
