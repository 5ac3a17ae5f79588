/* Until the store lands: weak definitions, so that the tests that link the whole library link. */
#include "zone/store/answering.h"

#define PENDING __attribute__((weak))

PENDING void find_begin(struct find *find, const struct snapshot *snapshot, const struct question *question)
{
    find->snapshot = snapshot;
    find->question = question;
    __builtin_trap();
}

PENDING void find_probe(struct find *find UNUSED)
{
    __builtin_trap();
}

PENDING void find_end(struct find *find UNUSED)
{
    __builtin_trap();
}

PENDING const struct node *find_wildcard(
    const struct snapshot *snapshot UNUSED, const struct node *node UNUSED)
{
    __builtin_trap();
}

PENDING const struct node *find_relative(
    const struct snapshot *snapshot UNUSED, const uint8_t *name UNUSED, unsigned name_len UNUSED)
{
    __builtin_trap();
}

PENDING const struct node *find_nsec(
    const struct snapshot *snapshot UNUSED, const uint8_t *name UNUSED, unsigned name_len UNUSED)
{
    __builtin_trap();
}

PENDING const struct node *find_nsec3(
    const struct snapshot *snapshot UNUSED, const uint8_t hash[20] UNUSED, bool *exact UNUSED)
{
    __builtin_trap();
}

PENDING void nsec3_hash(const struct snapshot *snapshot UNUSED, const uint8_t *name UNUSED,
    size_t name_len UNUSED, uint8_t hash[20] UNUSED)
{
    __builtin_trap();
}

PENDING const struct node *overlay_resolve(const struct snapshot *snapshot UNUSED, uint32_t ref UNUSED)
{
    __builtin_trap();
}

PENDING size_t snapshot_owner(
    const struct snapshot *snapshot UNUSED, const struct node *node UNUSED, uint8_t *out UNUSED)
{
    __builtin_trap();
}
