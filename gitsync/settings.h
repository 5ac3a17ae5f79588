/* What gitsync is told: by flags ("--branch main"), by a small file ("branch = main"), each option one row of
 * the same table, so that --help, the file and the flags cannot drift apart.
 *
 *     # before the first section: for all repositories
 *     dest = /var/lib/bailiwick/zones
 *     [corp]
 *     repo = https://git.example.org/corp/zones.git
 *     [customers]
 *     repo = ssh://git@git.example.org/customers.git
 *
 * With several repositories each publishes below DEST/NAME. Flags are stronger than the file. Everything lies
 * in one arena of the caller; read once, then constant. */
#ifndef GITSYNC_SETTINGS_H
#define GITSYNC_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "gitsync/problem.h"
#include "zone/base/arena.h"

#define SETTINGS_LIST_MAX 64
#define SETTINGS_REPOSITORIES_MAX 64

struct settings_list {
    const char *at[SETTINGS_LIST_MAX];
    unsigned count;
};

enum serial_mode {
    SERIAL_FILE,  /* the serial written in the zone file; it must go up */
    SERIAL_DATE,  /* made from history: YYYYMMDDnn of the commit's date */
    SERIAL_TIME,  /* made from history: seconds of the commit's date */
    SERIAL_COUNT, /* made from history: one more with each change */
};

enum log_form { LOG_FORM_TEXT, LOG_FORM_JSON };
enum plan_form { PLAN_TEXT, PLAN_JSON, PLAN_MARKDOWN };

/* Limits are "10%" or a count. */
struct limit {
    bool set, percent;
    uint32_t value;
};

struct settings {
    const char *name; /* of the section; "main" without one */
    /* what */
    const char *repo, *branch, *tag, *commit, *subdirectory, *dest;
    struct settings_list zones;
    /* getting it */
    const char *username, *password_file, *ssh_key, *ssh_passphrase_file, *known_hosts, *proxy, *ca_file;
    uint32_t fetch_timeout_s;
    /* who */
    const char *signers, *keyring;
    uint32_t approvals;
    bool trust_trailers, allow_rewind;
    struct settings_list protect;
    /* limits */
    struct limit max_names_removed, max_delegations_lost, max_zones_removed;
    bool allow_apex_change, allow_unsigned, warnings_are_errors;
    uint32_t serial; /* enum serial_mode */
    const char *check_command;
    /* the server */
    const char *control, *reload_command;
    struct settings_list secondaries;
    uint32_t confirm_quorum, confirm_timeout_s, secondary_timeout_s;
    uint32_t keep;
    /* the daemon */
    uint32_t interval_s;
    const char *listen, *webhook_secret_file;
    struct settings_list notify;
    /* telling */
    uint32_t log;    /* enum log_form */
    uint32_t format; /* enum plan_form */
    bool quiet, force;
    /* by the daemon, not by options */
    bool in_daemon;        /* a look that finds nothing new is not worth a line */
    const char *known_bad; /* the commit that was refused at the last look, or NULL */
};

struct settings_set {
    struct settings at[SETTINGS_REPOSITORIES_MAX];
    unsigned count;
    const char *config; /* the file, or NULL */
    const char *only;   /* --only NAME, or NULL */
    const char *operand;
};

/* Reads the words behind the subcommand, and the file they name. OPERANDS of them may stand beside the
 * flags. */
enum outcome settings_read(struct settings_set *set, int argc, char **argv, unsigned operands,
    struct arena *arena, struct problem *problem) NODISCARD NONNULL(1, 3, 5, 6);

void settings_help(FILE *out) NONNULL(1);

#endif
