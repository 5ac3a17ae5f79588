/* rewrite: other names, types, classes and EDNS options for the plugins behind, other names, TTLs, aliases
 * and codes for the client. The rules of a block are tried in their order; one that matches is the last
 * unless it says continue. What they do to a reply is done in the opposite order. */
#include <string.h>

#include "plugins/plugin.h"
#include "plugins/rewrite/rule.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

struct rewrite {
    struct rule *rules;
    unsigned count;
    bool has_cname;
};

static const struct option options[] = {
    {.arg = "RULE...",
        .kind = OPTION_STRINGS,
        .offset = 0,
        .help = "[continue|stop] name|type|class|ttl|cname|rcode|edns0 ..."},
    {.word = "*",
        .arg = "RULE...",
        .kind = OPTION_LINES,
        .offset = 0,
        .help = "the rule may stand in a block, over several lines"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct rewrite *rewrite = *self != NULL ? *self : ARENA_NEW(setup->world, struct rewrite);
    struct rule *rules = rewrite != NULL ? ARENA_ARRAY(setup->world, struct rule, rewrite->count + 1) : NULL;
    if (rules == NULL)
        return ERR_MEMORY;
    *self = rewrite;
    if (rewrite->count > 0)
        memcpy(rules, rewrite->rules, rewrite->count * sizeof *rules);
    rewrite->rules = rules;
    enum err err = rule_read(&rules[rewrite->count], setup);
    rewrite->count += err == ERR_OK;
    rewrite->has_cname |= err == ERR_OK && rules[rewrite->count - 1].kind == RULE_CNAME;
    return err;
}

/* ---- on the way in ---- */

/* What is to be undone or done to the reply: by one rule that matched. */
struct step {
    struct step *before; /* the rule that matched earlier: its turn comes later */
    const struct rule *rule;
    struct rewriter back; /* automatic: from the new name to the one before */
};

struct pass {
    const struct question *question; /* before any rule */
    struct edns edns;
    struct step *last;
    bool edns_changed;
};

struct walk {
    const struct rewrite *rewrite;
    struct query *query;
    struct pass *pass;
    char name[NAME_TEXT_MAX]; /* of the question as it is now */
    size_t name_len;
    bool printed;
    bool bad_name;
};

static void print_name(struct walk *walk)
{
    if (!walk->printed)
        walk->name_len = name_print(walk->query->question->lower, walk->name);
    walk->printed = true;
}

static struct step *note(struct walk *walk, const struct rule *rule)
{
    struct step *step = ARENA_NEW(walk->query->scratch, struct step);
    if (step == NULL)
        return NULL;
    step->rule = rule;
    step->before = walk->pass->last;
    walk->pass->last = step;
    return step;
}

static const char *keep_name(struct walk *walk, const uint8_t *name, size_t *len)
{
    char text[NAME_TEXT_MAX];
    *len = name_print(name, text);
    return arena_copy(walk->query->scratch, text, *len);
}

static bool apply_name(struct walk *walk, const struct rule *rule)
{
    char out[REWRITER_OUT_MAX];
    uint8_t wire[NAME_MAX];
    size_t len;
    struct query *query = walk->query;
    const struct question *before = query->question;
    print_name(walk);
    if (!rewriter_apply(&rule->rewriter, walk->name, walk->name_len, out))
        return false;
    if (name_parse(out, strlen(out), (const uint8_t *)"", wire, &len, NULL) != ERR_OK) {
        walk->bad_name = true;
        return true;
    }
    struct step *step = note(walk, rule);
    if (step == NULL || query_rename(query, wire) != ERR_OK)
        return false;
    walk->printed = false;
    if (rule->automatic) {
        step->back.kind = REWRITE_REMAP;
        step->back.from = keep_name(walk, query->question->lower, &step->back.from_len);
        step->back.to = keep_name(walk, before->lower, &step->back.to_len);
        if (step->back.from == NULL || step->back.to == NULL)
            walk->pass->last = step->before;
    }
    return true;
}

static bool matches_name(struct walk *walk, const struct rule *rule)
{
    print_name(walk);
    return rewriter_matches(&rule->rewriter, walk->name, walk->name_len);
}

static bool requestion(struct walk *walk, uint16_t type, uint16_t class)
{
    struct query *query = walk->query;
    return query_requestion(query, query->question->name, type, class) == ERR_OK;
}

static bool apply(struct walk *walk, const struct rule *rule)
{
    const struct question *question = walk->query->question;
    switch (rule->kind) {
    case RULE_NAME:
        return apply_name(walk, rule);
    case RULE_TYPE:
        return question->type == rule->from && requestion(walk, rule->to, question->class);
    case RULE_CLASS:
        return question->class == rule->from && requestion(walk, question->type, rule->to);
    case RULE_TTL:
    case RULE_RCODE:
        return matches_name(walk, rule) && note(walk, rule) != NULL;
    case RULE_CNAME:
        return false; /* replies: see ask_for_alias */
    case RULE_EDNS:
        if (!rule_apply_edns(&rule->edns, walk->query))
            return false;
        walk->pass->edns_changed = true;
        return true;
    }
    return false;
}

/* ---- aliases with another target ---- */

struct alias {
    const struct rewrite *rewrite;
    struct query *query;
    bool over, waiting;
    bool replaced; /* the second question is under way */
};

static void alias_done(struct alias *alias)
{
    alias->over = true;
    if (alias->waiting)
        query_resume(alias->query, SERVED_ANSWERED);
}

static void copy_reply(struct query *query, struct query *child)
{
    struct reply *to = &query->reply, *from = &child->reply;
    enum err err = reply_rebase(from, child->question, query->question, query->scratch);
    for (unsigned s = SECTION_ANSWER; s <= SECTION_ADDITIONAL && err == ERR_OK; s++)
        err = reply_join(to, from, (enum section)s, query->scratch);
    to->rcode = from->rcode;
    to->authoritative = from->authoritative;
    to->recursion = from->recursion;
    to->truncated = from->truncated;
    to->ede = from->ede;
    query->answered = child->answered;
    if (err != ERR_OK)
        query_fail(query, "rewrite", RCODE_SERVFAIL, "%s", err_text(err));
}

static const struct rule *find_alias_rule(const struct rewrite *rewrite, const uint8_t *target, uint8_t *out)
{
    for (unsigned i = 0; i < rewrite->count; i++) {
        if (rewrite->rules[i].kind == RULE_CNAME &&
            rewriter_apply_name(&rewrite->rules[i].rewriter, target, out) == ERR_OK)
            return &rewrite->rules[i];
    }
    return NULL;
}

static void second_done(struct query *child, enum served verdict, void *context)
{
    struct alias *alias = context;
    struct query *query = alias->query;
    if (verdict == SERVED_ANSWERED &&
        (reply_rebase(&child->reply, child->question, query->question, query->scratch) != ERR_OK ||
            reply_join(&query->reply, &child->reply, SECTION_ANSWER, query->scratch) != ERR_OK))
        query_fail(query, "rewrite", RCODE_SERVFAIL, "out of memory");
    alias_done(alias);
}

/* The answer up to the alias, whose target becomes NAME; what stood behind it is asked for anew. */
static bool replace_target(struct alias *alias, unsigned index, const uint8_t *name)
{
    struct query *query = alias->query;
    struct reply *reply = &query->reply;
    struct rdata_ref rdata = {name, (uint16_t)name_len(name)};
    struct rrset *rrset = rrset_make(query->scratch, TYPE_CNAME, reply->refs[index].ttl, &rdata, 1);
    if (rrset == NULL)
        return false;
    reply->refs[index].rrset = rrset;
    reply->refs[index].signatures = false;
    reply->count = (uint16_t)(index + 1);
    alias->replaced = true;
    return query_sub(query, name, query->question->type, second_done, alias) == ERR_OK;
}

static void first_done(struct query *child, enum served verdict, void *context)
{
    struct alias *alias = context;
    struct query *query = alias->query;
    uint8_t name[NAME_MAX];
    if (verdict != SERVED_ANSWERED) {
        query_fail(query, "rewrite", RCODE_SERVFAIL, "the query was dropped");
        alias_done(alias);
        return;
    }
    copy_reply(query, child);
    struct reply *reply = &query->reply;
    for (unsigned i = 0; i < reply->count && reply->refs[i].section == SECTION_ANSWER; i++) {
        struct record record;
        if (reply->refs[i].rrset->type != TYPE_CNAME || reply->refs[i].rrset->count == 0)
            continue;
        record_read(reply->refs[i].rrset->data, true, &record);
        if (find_alias_rule(alias->rewrite, record.rdata, name) == NULL)
            continue;
        if (replace_target(alias, i, name))
            return;
        query_fail(query, "rewrite", RCODE_SERVFAIL, "cannot follow the alias");
        break;
    }
    alias_done(alias);
}

/* The block is asked the same question once more, by a query of its own, so that its answer can be waited
 * for. */
static enum served ask_for_alias(const struct rewrite *rewrite, struct query *query)
{
    struct alias *alias = ARENA_NEW(query->scratch, struct alias);
    if (alias == NULL || !query_may_wait(query))
        return query_fail(query, "rewrite", RCODE_SERVFAIL, "too many queries wait");
    alias->rewrite = rewrite;
    alias->query = query;
    if (query_sub(query, query->question->name, query->question->type, first_done, alias) != ERR_OK)
        return query_fail(query, "rewrite", RCODE_SERVFAIL, "out of memory");
    if (alias->over)
        return SERVED_ANSWERED;
    alias->waiting = true;
    return SERVED_SUSPENDED;
}

/* Whether RULE may do something to a query for QUESTION; ttl and the like are for its reply. */
static inline bool may_match(const struct rule *rule, const struct question *question)
{
    switch (rule->kind) {
    case RULE_NAME:
    case RULE_TTL:
    case RULE_RCODE:
        return !rewriter_passes(&rule->rewriter, question);
    case RULE_TYPE:
        return question->type == rule->from;
    case RULE_CLASS:
        return question->class == rule->from;
    default:
        return true;
    }
}

/* Apart, for its large frame is not needed by the many queries that no rule is for. */
static __attribute__((noinline)) enum served apply_rules(const struct rewrite *rewrite, struct query *query)
{
    struct pass pass = {.question = query->question, .edns = query->message.edns}, *kept;
    if (rewrite->has_cname && query->parent == NULL && query->question->class == CLASS_IN)
        return ask_for_alias(rewrite, query);
    struct walk walk; /* its name is large, and rarely needed */
    walk.rewrite = rewrite;
    walk.query = query;
    walk.pass = &pass;
    walk.printed = false;
    walk.bad_name = false;
    for (unsigned i = 0; i < rewrite->count; i++) {
        if (apply(&walk, &rewrite->rules[i]) && !rewrite->rules[i].goes_on)
            break;
        if (walk.bad_name)
            break;
    }
    if (pass.last != NULL || pass.edns_changed || query->question != pass.question) {
        kept = ARENA_NEW(query->scratch, struct pass);
        if (kept == NULL)
            return query_fail(query, "rewrite", RCODE_SERVFAIL, "out of memory");
        *kept = pass;
        if (query_keep(query, rewrite, kept) != ERR_OK)
            return query_fail(query, "rewrite", RCODE_SERVFAIL, "out of memory");
    }
    return walk.bad_name ? query_fail(query, "rewrite", RCODE_SERVFAIL, "a rule makes a name that is none")
                         : SERVED_NEXT;
}

static enum served serve(void *self, struct query *query)
{
    const struct rewrite *rewrite = self;
    for (unsigned i = 0; i < rewrite->count; i++) {
        if (may_match(&rewrite->rules[i], query->question))
            return apply_rules(rewrite, query);
    }
    return SERVED_NEXT;
}

/* ---- on the way back ---- */

/* Names in rdata may be told by the owner's labels (struct link): under another owner they stand whole.
 * Signatures are over the owner they were made for (RFC 4034 3.1.8.1). */
static enum err let_go_of_owner(struct query *query, struct rr_ref *ref)
{
    const struct rrset *rrset = ref->rrset;
    ref->signatures = false;
    if (!rrset_linked(rrset->type) || rrset->count == 0)
        return ERR_OK;
    struct rdata_ref *rdata = ARENA_ARRAY(query->scratch, struct rdata_ref, rrset->count);
    if (rdata == NULL)
        return ERR_MEMORY;
    const uint8_t *at = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++) {
        struct record record;
        at = record_read(at, true, &record);
        rdata[i] = (struct rdata_ref){record.rdata, record.rdata_len};
    }
    ref->rrset = rrset_make(query->scratch, rrset->type, rrset->ttl, rdata, rrset->count);
    return ref->rrset != NULL ? ERR_OK : ERR_MEMORY;
}

static void set_owner(const struct rewriter *rewriter, struct query *query, unsigned index)
{
    uint8_t owner[2 * NAME_MAX], out[NAME_MAX];
    struct rr_ref *ref = &query->reply.refs[index];
    reply_owner(&query->reply, index, query->question, owner);
    if (rewriter_apply_name(rewriter, owner, out) != ERR_OK)
        return;
    if (let_go_of_owner(query, ref) != ERR_OK ||
        reply_set_owner(ref, out, query->question, query->scratch) != ERR_OK)
        query_fail(query, "rewrite", RCODE_SERVFAIL, "out of memory");
}

static bool has_value(uint16_t type)
{
    return type == TYPE_CNAME || type == TYPE_DNAME || type == TYPE_MX || type == TYPE_NS ||
           type == TYPE_SRV || type == TYPE_NAPTR || type == TYPE_SOA || type == TYPE_PTR;
}

/* RDATA with its first name rewritten, in scratch memory; false when nothing changes. */
static bool rewrite_rdata(const struct rewriter *rewriter, struct query *query, uint16_t type,
    const struct record *record, struct rdata_ref *out)
{
    struct rdata_names names;
    uint8_t to[NAME_MAX];
    rdata_names_init(&names, type, record->rdata, record->rdata_len);
    const uint8_t *name = rdata_names_next(&names);
    *out = (struct rdata_ref){record->rdata, record->rdata_len};
    if (name == NULL || rewriter_apply_name(rewriter, name, to) != ERR_OK)
        return false;
    size_t before = (size_t)(name - record->rdata), old = name_len(name), new = name_len(to);
    size_t behind = record->rdata_len - before - old;
    uint8_t *bytes = arena_alloc(query->scratch, before + new + behind, 1);
    if (bytes == NULL)
        return false;
    memcpy(bytes, record->rdata, before);
    memcpy(bytes + before, to, new);
    memcpy(bytes + before + new, name + old, behind);
    *out = (struct rdata_ref){bytes, (uint16_t)(before + new + behind)};
    return true;
}

/* Signatures over what was changed would be false. */
static void set_value(const struct rewriter *rewriter, struct query *query, struct rr_ref *ref)
{
    const struct rrset *rrset = ref->rrset;
    const uint8_t *at = rrset->data;
    bool changed = false;
    if (!has_value(rrset->type) || !ref->records || rrset->count == 0)
        return;
    struct rdata_ref *rdata = ARENA_ARRAY(query->scratch, struct rdata_ref, rrset->count);
    if (rdata == NULL)
        return;
    for (unsigned i = 0; i < rrset->count; i++) {
        struct record record;
        at = record_read(at, rrset_linked(rrset->type), &record);
        changed |= rewrite_rdata(rewriter, query, rrset->type, &record, &rdata[i]);
    }
    struct rrset *made =
        changed ? rrset_make(query->scratch, rrset->type, ref->ttl, rdata, rrset->count) : NULL;
    if (made == NULL)
        return;
    ref->rrset = made;
    ref->signatures = false;
}

static void apply_answers(const struct step *step, struct query *query)
{
    const struct rule *rule = step->rule;
    for (unsigned i = 0; i < query->reply.count; i++) {
        if (rule->automatic) {
            set_owner(&step->back, query, i);
            set_value(&step->back, query, &query->reply.refs[i]);
        }
        for (unsigned a = 0; a < rule->answers_count && i < query->reply.count; a++) {
            if (rule->answers[a].value)
                set_value(&rule->answers[a].rewriter, query, &query->reply.refs[i]);
            else
                set_owner(&rule->answers[a].rewriter, query, i);
        }
    }
}

static void apply_ttl(const struct rule *rule, struct reply *reply)
{
    for (unsigned i = 0; i < reply->count; i++) {
        uint32_t ttl = reply->refs[i].ttl;
        reply->refs[i].ttl = ttl < rule->ttl_min ? rule->ttl_min : ttl > rule->ttl_max ? rule->ttl_max : ttl;
    }
}

static void undo(const struct step *step, struct query *query)
{
    const struct rule *rule = step->rule;
    if (rule->kind == RULE_NAME)
        apply_answers(step, query);
    else if (rule->kind == RULE_TTL)
        apply_ttl(rule, &query->reply);
    else if (rule->kind == RULE_RCODE && query->reply.rcode == rule->from)
        query->reply.rcode = rule->to;
}

static void finish(void *self, struct query *query)
{
    const struct pass *pass = query_kept(query, self);
    if (pass == NULL)
        return;
    if (pass->edns_changed)
        query->message.edns = pass->edns;
    enum err err = query->question != pass->question ? query_restore(query, pass->question)
                   : pass->last != NULL              ? query_open(query)
                                                     : ERR_OK;
    if (err != ERR_OK) {
        query_fail(query, "rewrite", RCODE_SERVFAIL, "the reply cannot be rewritten: %s", err_text(err));
        return;
    }
    for (const struct step *step = pass->last; step != NULL; step = step->before)
        undo(step, query);
}

static const struct plugin rewrite_plugin = {
    .abi = PLUGIN_ABI,
    .flags = PLUGIN_ALL_CLASSES,
    .name = "rewrite",
    .options = options,
    .setup = setup,
    .serve = serve,
    .finish = finish,
};
PLUGIN(rewrite)
