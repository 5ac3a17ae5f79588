#include "server/corefile_transfer.h"

#include <string.h>
#include <strings.h>

/* Whose blocks may have it, and the arguments that are not zones. */
static const struct {
    const char *name;
    unsigned others;
} elders[] = {{"file", 1}, {"auto", 0}, {"secondary", 0}};

static bool is_transfer_to(const struct directive *line)
{
    return strcmp(line->name.text, "transfer") == 0 && line->args_count > 1 &&
           strcasecmp(line->args[0].text, "to") == 0;
}

static unsigned transfers_in(const struct directive *directive)
{
    unsigned count = 0;
    for (unsigned i = 0; i < directive->lines_count; i++)
        count += is_transfer_to(&directive->lines[i]);
    return count;
}

/* The number of arguments before the zones; -1: not one of those plugins. */
static int others_of(const struct directive *directive)
{
    for (unsigned i = 0; i < ARRAY_COUNT(elders); i++) {
        if (strcmp(directive->name.text, elders[i].name) == 0)
            return (int)elders[i].others;
    }
    return -1;
}

static unsigned wanted_in(const struct directive *directive)
{
    return others_of(directive) >= 0 && transfers_in(directive) > 0;
}

/* "transfer to A B" becomes the line "to A B". */
static enum err make(const struct directive *from, struct arena *world, struct directive *to)
{
    unsigned others = (unsigned)others_of(from), count = 0;
    struct directive *lines = ARENA_ARRAY(world, struct directive, transfers_in(from));
    if (lines == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < from->lines_count; i++) {
        const struct directive *line = &from->lines[i];
        if (is_transfer_to(line))
            lines[count++] = (struct directive){
                .name = line->args[0], .args = line->args + 1, .args_count = line->args_count - 1};
    }
    *to = (struct directive){.name = lines[0].name, .lines = lines, .lines_count = count, .has_block = true};
    to->name.text = "transfer";
    to->name.len = 8;
    if (from->args_count > others) {
        to->args = from->args + others;
        to->args_count = from->args_count - others;
    }
    return ERR_OK;
}

static enum err add_to_block(struct server_block *block, struct arena *world)
{
    unsigned wanted = 0, count = block->directives_count;
    for (unsigned i = 0; i < block->directives_count; i++)
        wanted += wanted_in(&block->directives[i]);
    if (wanted == 0)
        return ERR_OK;
    struct directive *all = ARENA_ARRAY(world, struct directive, count + wanted);
    if (all == NULL)
        return ERR_MEMORY;
    memcpy(all, block->directives, count * sizeof *all);
    for (unsigned i = 0; i < block->directives_count; i++) {
        enum err err = wanted_in(&all[i]) ? make(&all[i], world, &all[count]) : ERR_OK;
        if (err != ERR_OK)
            return err;
        count += wanted_in(&all[i]);
    }
    block->directives = all;
    block->directives_count = count;
    return ERR_OK;
}

enum err corefile_add_transfers(const struct corefile *corefile, struct arena *world)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; i < corefile->blocks_count && err == ERR_OK; i++)
        err = add_to_block((struct server_block *)(uintptr_t)&corefile->blocks[i], world);
    return err;
}
