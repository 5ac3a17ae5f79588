#include "gitsync/show.h"

#include <stdlib.h>
#include <string.h>

#include "gitsync/confirm.h"
#include "gitsync/journal.h"
#include "gitsync/store.h"

struct standing {
    struct store store;
    struct journal journal;
    char current[STORE_NAME_MAX];
    const struct journal_entry *publish; /* of the current release, or NULL */
    const char *state;                   /* "confirmed", "published", "unconfirmed", "empty", "interrupted" */
    enum outcome outcome;
    char summary[300], signer[300], author[200], refused_why[900], refused_cause[24];
    char returned_why[900], lagging[LAGGING_MAX];
};

/* The exit status by the cause that a refusal notes. */
static enum outcome outcome_of(const char *word)
{
    for (unsigned i = 0; i < OUTCOMES; i++)
        if (strcmp(outcome_word((enum outcome)i), word) == 0)
            return (enum outcome)i;
    return OUTCOME_FINE;
}

static void judge(struct standing *standing)
{
    const struct journal *journal = &standing->journal;
    bool confirmed = strcmp(standing->current, journal->good) == 0;
    standing->outcome = OUTCOME_FINE;
    if (standing->current[0] == '\0') {
        standing->state = "empty";
    } else if (confirmed && journal->open == NULL) {
        standing->state = journal->good_unasked      ? "published"
                          : journal->lagging != NULL ? "partly confirmed"
                                                     : "confirmed";
    } else if (journal->open != NULL && strcmp(journal->open->release, standing->current) != 0) {
        standing->state = "interrupted";
    } else {
        standing->state = "unconfirmed";
        standing->outcome = OUTCOME_UNCONFIRMED;
    }
    if (journal->returned != NULL) {
        (void)json_get(journal->returned->line, "why", standing->returned_why, sizeof standing->returned_why);
        if (standing->outcome == OUTCOME_FINE)
            standing->outcome = OUTCOME_UNCONFIRMED;
    }
    if (journal->refused != NULL) {
        (void)json_get(journal->refused->line, "why", standing->refused_why, sizeof standing->refused_why);
        (void)json_get(
            journal->refused->line, "cause", standing->refused_cause, sizeof standing->refused_cause);
        if (standing->outcome == OUTCOME_FINE)
            standing->outcome = outcome_of(standing->refused_cause);
    }
}

static enum outcome learn(struct standing *standing, const struct settings *settings, struct problem *problem)
{
    memset(standing, 0, sizeof *standing);
    enum outcome outcome = store_open(&standing->store, settings->dest, false, problem);
    if (outcome == OUTCOME_FINE)
        outcome = journal_read(&standing->journal, &standing->store, problem);
    if (outcome != OUTCOME_FINE)
        return outcome;
    store_current(&standing->store, standing->current);
    standing->publish = journal_publish(&standing->journal, standing->current);
    if (standing->publish != NULL) {
        const char *line = standing->publish->line;
        (void)json_get(line, "summary", standing->summary, sizeof standing->summary);
        (void)json_get(line, "signer", standing->signer, sizeof standing->signer);
        (void)json_get(line, "author", standing->author, sizeof standing->author);
    }
    if (standing->journal.lagging != NULL)
        (void)json_get(
            standing->journal.lagging->line, "lagging", standing->lagging, sizeof standing->lagging);
    judge(standing);
    return OUTCOME_FINE;
}

static void print_status(FILE *out, const struct settings *settings, const struct standing *standing)
{
    fprintf(out, "%s: %s%s\n", settings->name, standing->state,
        strcmp(standing->state, "published") == 0 ? ", no server was asked (no --control, no --confirm)"
                                                  : "");
    if (standing->publish != NULL) {
        fprintf(out, "  commit   %s \"%s\" by %s\n", standing->publish->commit, standing->summary,
            standing->author);
        fprintf(out, "  release  %s\n  since    %s\n  signer   %s\n", standing->current,
            standing->publish->time, standing->signer);
    }
    if (standing->lagging[0] != '\0')
        fprintf(out, "  lagging  %s\n", standing->lagging);
    if (standing->journal.open != NULL)
        fprintf(out, "  open     the deployment of %.12s was interrupted; the next run finishes it\n",
            standing->journal.open->commit);
    if (standing->journal.returned != NULL)
        fprintf(out, "  returned %s from %s: %s\n", standing->journal.returned->time,
            standing->journal.returned->commit, standing->returned_why);
    if (standing->journal.refused != NULL)
        fprintf(out, "  refused  %s %s (%s): %s\n", standing->journal.refused->time,
            standing->journal.refused->commit, standing->refused_cause, standing->refused_why);
}

static void put_status(FILE *out, const struct settings *settings, const struct standing *standing)
{
    struct json json;
    const struct journal_entry *publish = standing->publish, *refused = standing->journal.refused;
    const struct journal_entry *returned = standing->journal.returned;
    json_init(&json, out);
    json_open(&json, NULL, '{');
    json_text(&json, "repository", settings->name);
    json_text(&json, "url", settings->repo);
    json_text(&json, "state", standing->state);
    json_text(&json, "release", standing->current[0] != '\0' ? standing->current : NULL);
    json_text(&json, "commit", publish != NULL ? publish->commit : NULL);
    json_text(&json, "since", publish != NULL ? publish->time : NULL);
    json_text(&json, "summary", publish != NULL ? standing->summary : NULL);
    json_text(&json, "author", publish != NULL ? standing->author : NULL);
    json_text(&json, "signer", publish != NULL ? standing->signer : NULL);
    json_text(&json, "lagging", standing->lagging[0] != '\0' ? standing->lagging : NULL);
    json_text(&json, "last_good", standing->journal.good[0] != '\0' ? standing->journal.good : NULL);
    json_text(&json, "returned_commit", returned != NULL ? returned->commit : NULL);
    json_text(&json, "returned_why", returned != NULL ? standing->returned_why : NULL);
    json_text(&json, "refused_commit", refused != NULL ? refused->commit : NULL);
    json_text(&json, "refused_cause", refused != NULL ? standing->refused_cause : NULL);
    json_text(&json, "refused_why", refused != NULL ? standing->refused_why : NULL);
    json_close(&json, '}');
    fputc('\n', out);
}

static enum outcome show(FILE *out, const struct settings *settings, bool as_json, struct problem *problem)
{
    struct standing *standing = malloc(sizeof *standing);
    if (standing == NULL)
        return problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
    enum outcome outcome = learn(standing, settings, problem);
    if (outcome == OUTCOME_FINE) {
        (as_json ? put_status : print_status)(out, settings, standing);
        outcome = standing->outcome;
        problem->text[0] = '\0'; /* all was said */
    }
    journal_clear(&standing->journal);
    free(standing);
    return outcome;
}

enum outcome show_status(FILE *out, const struct settings *settings, struct problem *problem)
{
    return show(out, settings, settings->format == PLAN_JSON, problem);
}

enum outcome show_status_json(FILE *out, const struct settings *settings, struct problem *problem)
{
    return show(out, settings, true, problem);
}

/* ---- history ---- */

static void print_entry(FILE *out, const struct journal_entry *entry)
{
    char text[900] = "", word[16] = "";
    (void)json_get(entry->line, "event", word, sizeof word);
    fprintf(out, "%s  %-9s  %-12.12s", entry->time, word,
        entry->commit[0] != '\0' ? entry->commit : entry->release);
    if (entry->event == EVENT_PUBLISH && json_get(entry->line, "summary", text, sizeof text))
        fprintf(out, "  \"%s\"", text);
    if (json_get(entry->line, "note", text, sizeof text))
        fprintf(out, "  (%s)", text);
    else if (json_get(entry->line, "lagging", text, sizeof text) && *text != '\0')
        fprintf(out, "  behind: %s", text);
    else if (json_get(entry->line, "why", text, sizeof text))
        fprintf(out, "  %s", text);
    fputc('\n', out);
}

enum outcome show_history(FILE *out, const struct settings *settings, struct problem *problem)
{
    struct store store;
    struct journal journal = {0};
    enum outcome outcome = store_open(&store, settings->dest, false, problem);
    if (outcome == OUTCOME_FINE)
        outcome = journal_read(&journal, &store, problem);
    for (unsigned i = journal.count; i-- > 0 && outcome == OUTCOME_FINE;) {
        if (settings->format == PLAN_JSON)
            fprintf(out, "%s\n", journal.entries[i].line);
        else
            print_entry(out, &journal.entries[i]);
    }
    journal_clear(&journal);
    return outcome;
}
