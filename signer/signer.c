#include "signer/signer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zone/base/version.h"

static const struct command commands[] = {
    {"keygen", "ZONE", 1, 1, "make a key", keygen_run, keygen_rows},
    {"list", "[ZONE]", 0, 1, "list keys and what they do now", list_run, list_rows},
    {"show", "KEY...", 1, UINT32_MAX, "show all of a key but its private part", show_run, show_rows},
    {"import", "FILE...", 1, UINT32_MAX, "take keys of BIND, Knot, ldns or OpenSSL", import_run, import_rows},
    {"export", "KEY", 1, 1, "print the private part as PEM", export_run, export_rows},
    {"settime", "KEY...", 1, UINT32_MAX, "set when a key is published, used, removed", settime_run,
        settime_rows},
    {"delete", "KEY...", 1, UINT32_MAX, "delete the files of keys that are out of use", delete_run,
        delete_rows},
    {"revoke", "KEY...", 1, UINT32_MAX, "set a key's REVOKE flag (RFC 5011)", revoke_run, revoke_rows},
    {"ds", "[ZONE|KEY...]", 0, UINT32_MAX, "print the DS records for the parent", ds_run, ds_rows},
    {"signal", "FILE", 1, 1, "print the signalling records for the zone's servers", signal_run, signal_rows},
    {"seal", "KEY...", 1, UINT32_MAX, "encrypt private parts at rest", seal_run, seal_rows},
    {"unseal", "KEY...", 1, UINT32_MAX, "decrypt them for good", unseal_run, unseal_rows},
    {"identity", "FILE", 1, 1, "make a recipient of sealed keys", identity_run, identity_rows},
    {"sign", "FILE OUT", 2, 2, "sign a zone file", sign_run, sign_rows},
    {"roll", "ZONE", 1, 1, "make, publish, replace and retire keys as a policy says", roll_run, roll_rows},
    {"status", "ZONE", 1, 1, "where each key stands and what waits for what", status_run, status_rows},
    {"plan", "ZONE", 1, 1, "every step of the coming rollovers, with its reason", plan_run, plan_rows},
    {"whatif", "ZONE", 1, 1, "prove that the zone validates through all of it", whatif_run, whatif_rows},
    {"request", "ZONE", 1, 1, "ask an offline KSK for signed DNSKEY sets", request_run, request_rows},
    {"respond", "REQUEST", 1, 1, "sign what was asked for, with the offline KSK", respond_run, respond_rows},
    {"take", "RESPONSE", 1, 1, "check what was signed, and publish it when its time comes", take_run,
        take_rows},
    {"verify", "FILE", 1, 1, "check that a signed zone validates", verify_run, verify_rows},
};

enum outcome complain(const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    fputs("signer: ", stderr);
    vfprintf(stderr, format, rest);
    fputc('\n', stderr);
    va_end(rest);
    return OUTCOME_TROUBLE;
}

enum outcome complain_of(const char *path, enum err err)
{
    return complain("%s: %s", path,
        err == ERR_IO        ? strerror(errno)
        : err == ERR_MISSING ? "no such file"
                             : err_text(err));
}

static void usage(FILE *out)
{
    fputs("usage: signer COMMAND [OPTION...] ...\n\n", out);
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        fprintf(out, "  %-8s %-14s %s\n", commands[i].name, commands[i].operands, commands[i].summary);
    fputs("\n\"signer COMMAND --help\" tells the options; signer(8) begins with an example.\n"
          "Exit status: 0 good, 1 not valid or not published, 2 the work could not be done.\n",
        out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct operands operands;
    enum outcome outcome;
    if (argc < 2) {
        usage(stderr);
        return OUTCOME_TROUBLE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return OUTCOME_GOOD;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("signer (Bailiwick) " BAILIWICK_VERSION);
        return OUTCOME_GOOD;
    }
    const struct command *command = find_command(argv[1]);
    if (command == NULL)
        return (int)complain("there is no command \"%s\"; see signer --help", argv[1]);
    if (!arguments_parse(command, argc - 1, argv + 1, &operands, &outcome))
        return (int)outcome;
    outcome = command->run(&operands);
    if (fflush(stdout) != 0)
        return (int)complain("cannot write to standard output");
    return (int)outcome;
}
