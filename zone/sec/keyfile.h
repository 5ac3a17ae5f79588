/* Keys in the files of BIND: K<zone>+<algorithm>+<tag>.key (the DNSKEY record, and its times as comments),
 * .private (format v1.3: the private parts and the times) and .state (what named and dnssec-keygen -k
 * remember of a rollover). What BIND writes is read, and what is written here BIND reads. Lines of these
 * files that are not known stay as they are. Files are replaced by rename; private ones have mode 0600. A
 * sealed private part (seal.h) stands in a .sealed file, and then there is no .private one. */
#ifndef ZONE_SEC_KEYFILE_H
#define ZONE_SEC_KEYFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/err.h"
#include "zone/sec/key.h"

/* The states of RFC 7583 as BIND names them. */
enum rumour { STATE_NA, STATE_HIDDEN, STATE_RUMOURED, STATE_OMNIPRESENT, STATE_UNRETENTIVE };

enum state_of { STATE_DNSKEY, STATE_ZRRSIG, STATE_KRRSIG, STATE_DS, STATE_GOAL, STATES };

enum state_time {
    STATED_GENERATED,
    STATED_PUBLISHED,
    STATED_ACTIVE,
    STATED_RETIRED,
    STATED_REVOKED,
    STATED_REMOVED,
    STATED_DS_PUBLISH,
    STATED_DS_REMOVED,
    STATED_PUBLISH_CDS,
    STATED_DELETE_CDS,
    STATED_DNSKEY_CHANGE,
    STATED_ZRRSIG_CHANGE,
    STATED_KRRSIG_CHANGE,
    STATED_DS_CHANGE,
    STATED_TIMES
};

/* A .state file. */
struct key_state {
    uint32_t lifetime; /* seconds, 0: no end */
    uint16_t bits;
    uint16_t predecessor, successor;
    bool has_predecessor, has_successor;
    bool ksk, zsk;
    uint8_t states[STATES];      /* enum rumour */
    int64_t times[STATED_TIMES]; /* 0: not there */
};

/* Why a file was refused; told to a person together with its path. */
struct keyfile_trouble {
    char path[1024];
    unsigned line; /* 0: none in particular */
    char message[256];
};

/* Where private parts come from that do not lie open in a .private file. Either may be NULL. */
struct key_opener {
    /* Makes the .private text of a .sealed file's: malloced, to be wiped with keyfile_wipe. */
    enum err (*unseal)(void *context, const char *text, size_t len, char **plain, size_t *plain_len,
        struct keyfile_trouble *trouble);
    /* Gives KEY, which is public so far, the private part that a device keeps under LABEL ("pkcs11:..."). */
    enum err (*device)(void *context, struct key *key, const char *label, struct keyfile_trouble *trouble);
    void *context;
};

/* Reads the key whose files begin with BASE; an ending ".key", ".private" or ".state" is passed over. A
 * missing .private file leaves a public key, unless PRIVATE asks for it: then ERR_MISSING. */
enum err keyfile_read(const char *base, bool private, const struct key_opener *opener, struct key **out,
    struct keyfile_trouble *trouble) NODISCARD NONNULL(1, 4, 5);

/* Reads all keys of ZONE (NULL: of any) in DIRECTORY, in order of their names. Files that cannot be read are
 * told to REFUSED (may be NULL) and passed over. */
enum err keyfile_read_all(const char *directory, const uint8_t *zone, bool private,
    const struct key_opener *opener, struct key_list *list,
    void (*refused)(void *context, const struct keyfile_trouble *trouble), void *context) NODISCARD
    NONNULL(1, 5);

/* The same for signing: with private parts, but for keys that have none here, neither open nor sealed nor in
 * a token. Those are another signer's (RFC 8901) or wait in a safe: published, never signing. */
enum err keyfile_read_signing(const char *directory, const uint8_t *zone, const struct key_opener *opener,
    struct key_list *list, void (*refused)(void *context, const struct keyfile_trouble *trouble),
    void *context) NODISCARD NONNULL(1, 4);

/* Makes the .sealed text of a .private file's: malloced. */
struct key_sealer {
    enum err (*seal)(void *context, const char *text, size_t len, char **sealed, size_t *sealed_len,
        struct keyfile_trouble *trouble);
    void *context;
};

/* Writes KEY's files into DIRECTORY under the names that follow from it, and notes the base in the key. The
 * private part, if it is at hand, goes into a .sealed file when there is a SEALER, else into a .private one;
 * the other of the two is removed. A .state file is written when there is a state. With OVER files that exist
 * are replaced, else ERR_EXISTS. */
enum err keyfile_write(struct key *key, const char *directory, bool over, const struct key_sealer *sealer,
    struct keyfile_trouble *trouble) NODISCARD NONNULL(1, 2, 5);

/* Writes the times and the state of a key that was read back to its files. Of a sealed key the .key file
 * alone tells the times. */
enum err keyfile_update(struct key *key, struct keyfile_trouble *trouble) NODISCARD NONNULL(1, 2);

/* Removes all files of the key. */
enum err keyfile_remove(const struct key *key) NODISCARD NONNULL(1);

/* "Kexample.org.+013+12345" into OUT of KEYFILE_NAME_MAX. */
#define KEYFILE_NAME_MAX (3 * NAME_TEXT_MAX + 16)
void keyfile_name(const struct key *key, char *out) NONNULL(1, 2);

/* The .private file's text (malloced, to be wiped with keyfile_wipe). */
enum err keyfile_print_private(const struct key *key, char **out, size_t *len) NODISCARD NONNULL(1, 2, 3);
void keyfile_wipe(char *text, size_t len);

/* Times: "20260102030405", "now", "now+30d", "+1mo", "-2h", "none" (0), "@1700000000" (seconds since the
 * epoch). False when malformed. */
bool time_parse(const char *text, int64_t now, int64_t *out) NODISCARD NONNULL(1, 3);

/* A span: "30d", "2w", "3600", "1h30m", "1mo" (30 days), "1y" (365 days). */
bool span_parse(const char *text, int64_t *seconds) NODISCARD NONNULL(1, 2);

/* YYYYMMDDHHMMSS in UTC and a NUL. */
void time_print(int64_t time, char out[16]);

/* The names of the tables, for lists and options: "Created", "Publish" ... */
const char *key_time_name(enum key_time time);
const char *rumour_name(enum rumour state);

#endif
