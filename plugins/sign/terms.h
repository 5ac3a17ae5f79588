/* How zones are to be signed, as one `sign` line of the Corefile says: with which keys, for how long, by what
 * policy. Made by setup, frozen before start, shared by count: a zone that is being signed while the
 * configuration changes is finished by the terms it was begun with.
 *
 * Two forms. CoreDNS's names a text (DBFILE) and `key`; ours names zones that other plugins of the block
 * bring, and `keys`. */
#ifndef PLUGINS_SIGN_TERMS_H
#define PLUGINS_SIGN_TERMS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugins/plugin.h"
#include "zone/base/arena.h"
#include "zone/net/peer.h"
#include "zone/sec/policy.h"
#include "zone/sec/secrets.h"
#include "zone/sec/zonesign.h"

#define TERMS_KEY_FILES_MAX 16

struct terms {
    atomic_uint refs;
    const char *path;                           /* DBFILE; NULL: our form */
    const char *directory;                      /* where db.NAME.signed goes, with DBFILE */
    const char *keys;                           /* directory of keys; NULL: only `key_files` */
    const char *key_files[TERMS_KEY_FILES_MAX]; /* CoreDNS's: used whatever their times say */
    unsigned key_file_count;
    const char *module;     /* PKCS#11, or NULL */
    struct secrets secrets; /* frozen after setup */
    const char *state;      /* directory of signed images and journals, or NULL */
    bool has_policy, has_parent;
    struct policy policy;
    struct peer parent;
    struct zonesign_options options; /* all but keys, now, earliest */
    int64_t parent_every_s;
    uint64_t journal;
    struct option_zones fall; /* world memory: for the tables of this configuration */
    struct arena memory;
};

extern const struct option terms_options[];

/* Reads the setup's directive; ZONES (world memory) are the zones it is for. */
enum err terms_read(struct setup *setup, struct option_zones *zones, struct terms **out) NODISCARD
    NONNULL(1, 2, 3);
struct terms *terms_hold(struct terms *terms) NONNULL(1);
void terms_release(struct terms *terms);

#endif
