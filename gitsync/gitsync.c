/* gitsync: from a commit to a confirmed answer. The subcommands and the exit status. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "gitsync/deploy.h"
#include "gitsync/gitsync.h"
#include "gitsync/settings.h"
#include "gitsync/show.h"
#include "gitsync/ssh_exec.h"
#include "gitsync/story.h"
#include "zone/base/version.h"

static enum outcome run_once(const struct settings *settings, const char *operand, struct problem *problem)
{
    struct deployment deployment;
    (void)operand;
    enum outcome outcome = deploy_run(settings, false, &deployment);
    *problem = deployment.problem;
    post_deployment(settings, &deployment);
    deployment_clear(&deployment);
    return outcome;
}

static enum outcome run_plan(const struct settings *settings, const char *operand, struct problem *problem)
{
    struct deployment deployment;
    (void)operand;
    enum outcome outcome = deploy_run(settings, true, &deployment);
    *problem = deployment.problem;
    if (deployment.has_plan || outcome == OUTCOME_SIGNATURE) {
        plan_print(stdout, &deployment.plan, (enum plan_form)settings->format);
        problem->text[0] = '\0'; /* the plan says it */
    }
    deployment_clear(&deployment);
    return outcome;
}

static enum outcome run_rollback(
    const struct settings *settings, const char *operand, struct problem *problem)
{
    struct deployment deployment;
    enum outcome outcome = deploy_rollback(settings, operand, &deployment);
    *problem = deployment.problem;
    post_deployment(settings, &deployment);
    deployment_clear(&deployment);
    return outcome;
}

static enum outcome run_status(const struct settings *settings, const char *operand, struct problem *problem)
{
    (void)operand;
    return show_status(stdout, settings, problem);
}

static enum outcome run_history(const struct settings *settings, const char *operand, struct problem *problem)
{
    (void)operand;
    return show_history(stdout, settings, problem);
}

static const struct command {
    const char *name, *operand, *summary;
    enum outcome (*run)(const struct settings *settings, const char *operand, struct problem *problem);
} commands[] = {
    {"once", NULL, "deploy what the repository has now, and exit", run_once},
    {"run", NULL, "stay, and deploy whatever comes (daemon)", NULL},
    {"plan", NULL, "tell what would be deployed, and whether it may; change nothing", run_plan},
    {"status", NULL, "what is published, since when, and what was refused", run_status},
    {"history", NULL, "what was published, confirmed, returned and refused, newest first", run_history},
    {"rollback", "[RELEASE]", "publish an earlier release again", run_rollback},
};

static void usage(FILE *out)
{
    fputs("usage: gitsync COMMAND [--option VALUE...]\n\n", out);
    for (unsigned i = 0; i < ARRAY_COUNT(commands); i++)
        fprintf(out, "  %-8s %-10s %s\n", commands[i].name,
            commands[i].operand != NULL ? commands[i].operand : "", commands[i].summary);
    settings_help(out);
    fputs(
        "\nExit status: 0 deployed or nothing to do, 1 usage, 2 fetching, 3 signature, 4 a zone has errors,\n"
        "5 policy, 6 not confirmed (the last good is served), 7 stuck, 8 local disk, 9 another gitsync is at "
        "work\n",
        out);
}

static int finish(const struct problem *problem, const char *name)
{
    if (problem->text[0] != '\0')
        story_problem(name, problem);
    return (int)problem->outcome;
}

/* Several repositories are worked through in order; the worst outcome is the exit status. */
static int run_each(const struct command *command, const struct settings_set *set)
{
    enum outcome worst = OUTCOME_FINE;
    for (unsigned i = 0; i < set->count; i++) {
        struct problem problem = {0};
        enum outcome outcome = command->run(&set->at[i], set->operand, &problem);
        problem.outcome = outcome;
        if (outcome != OUTCOME_FINE)
            (void)finish(&problem, set->at[i].name);
        worst = outcome > worst ? outcome : worst;
    }
    return fflush(stdout) == 0 ? (int)worst : OUTCOME_LOCAL;
}

static const struct command *find_command(const char *name)
{
    for (unsigned i = 0; i < ARRAY_COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    static struct settings_set set;
    struct problem problem = {0};
    struct arena arena;
    if (ssh_exec_is_asked(argc, argv))
        return OUTCOME_FINE;
    if (argc < 2 || wants_help(argc, argv)) {
        usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? OUTCOME_USAGE : OUTCOME_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("gitsync (Bailiwick) " BAILIWICK_VERSION);
        return OUTCOME_FINE;
    }
    const struct command *command = find_command(argv[1]);
    if (command == NULL) {
        problem_set(
            &problem, OUTCOME_USAGE, "gitsync --help lists them", "there is no command \"%s\"", argv[1]);
        return finish(&problem, "main");
    }
    arena_init(&arena, 0);
    signal(SIGPIPE, SIG_IGN);
    if (settings_read(&set, argc - 2, argv + 2, command->operand != NULL ? 1 : 0, &arena, &problem) !=
        OUTCOME_FINE)
        return finish(&problem, "main");
    story_init((enum log_form)set.at[0].log, set.at[0].quiet);
    int status = command->run != NULL ? run_each(command, &set) : daemon_run(&set);
    arena_clear(&arena);
    return status;
}
