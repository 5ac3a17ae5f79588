/* Large changes: beyond what an overlay is good for a new image is made, below it the cost must follow the
 * change. The zone of a changed text must be that of the text read anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "zone/base/codec.h"
#include "zone/store/find.h"
#include "zone/store/load.h"
#include "zone/wire/type.h"

static const uint8_t origin[] = "\1z";
static char path[64];

/* A chain of 50,000 members of one of the two kinds, with a TTL. */
static void write_chain(bool nsec3, unsigned ttl)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "$ORIGIN z.\n$TTL 60\n@ SOA a b 1 3600 900 604800 300\n@ NS a.other.\n");
    fprintf(file, nsec3 ? "@ NSEC3PARAM 1 0 0 -\n" : "@ NSEC n.z. NS SOA NSEC\n");
    for (unsigned i = 1; i < 50000; i++) {
        uint64_t hash = (uint64_t)i * 0x9e3779b97f4a7c15u;
        uint8_t octets[20] = {0};
        char label[33];
        memcpy(octets, &hash, 8);
        base32hex_encode(label, octets, 20);
        if (nsec3)
            fprintf(file, "%.32s %u NSEC3 1 0 0 - %.32s A\n", label, ttl, label);
        else
            fprintf(file, "n%u %u NSEC n.z. A\n", i, ttl);
    }
    fclose(file);
}

/* What a text holds besides its apex. */
struct content {
    unsigned names;      /* nN.d.z. with an address */
    const char *address; /* the first three octets */
    unsigned deep;       /* a.b.c.xN.z. */
    bool cut;            /* a delegation d.z. */
    bool wide;           /* one name with many records */
};

static void write_zone(const struct content *content)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "$ORIGIN z.\n$TTL 60\n@ SOA a b 1 3600 900 604800 300\n@ NS a.other.\n");
    for (unsigned i = 0; i < content->names; i++)
        fprintf(file, "n%u.d A %s.%u\n", i, content->address, i % 250);
    for (unsigned i = 0; i < content->deep; i++)
        fprintf(file, "a.b.c.x%u A 192.0.2.1\n", i);
    for (unsigned i = 0; content->wide && i < 3000; i++)
        fprintf(file, "wide MX %u mx%u.d\n", i % 7, i);
    if (content->cut)
        fprintf(file, "d NS ns.other.\n");
    fclose(file);
}

static struct snapshot *load(void)
{
    struct image *image;
    struct load_result result;
    struct load_options options = {.origin = origin};
    assert_int_equal(load_image(path, &options, &result, &image), ERR_OK);
    struct snapshot *snapshot = snapshot_new(image);
    assert_non_null(snapshot);
    return snapshot;
}

static bool same_node(
    const struct snapshot *a, const struct node *x, const struct snapshot *b, const struct node *y)
{
    if (x == NULL || y == NULL)
        return x == y;
    const struct rrset *p = node_rrsets(x), *q = node_rrsets(y);
    bool same = x->name_len == y->name_len && memcmp(x->name, y->name, x->name_len) == 0 &&
                x->flags == y->flags && x->rrset_count == y->rrset_count && (x->cut == 0) == (y->cut == 0);
    const struct node *x_parent = snapshot_node(a, x->parent), *y_parent = snapshot_node(b, y->parent);
    same = same && x_parent != NULL && y_parent != NULL && x_parent->name_len == y_parent->name_len;
    for (unsigned i = 0; same && i < x->rrset_count; i++, p = rrset_next(p), q = rrset_next(q))
        same = p->type == q->type && p->ttl == q->ttl && p->count == q->count && p->data_len == q->data_len;
    return same;
}

static void must_be_equal(const struct snapshot *a, const struct snapshot *b)
{
    struct snapshot_walk walk_a, walk_b;
    const struct node *x, *y;
    snapshot_walk_start(&walk_a, a);
    snapshot_walk_start(&walk_b, b);
    do {
        x = snapshot_walk_next(&walk_a);
        y = snapshot_walk_next(&walk_b);
        assert_true(same_node(a, x, b, y));
        if (x != NULL && x->name_len > 0)
            assert_ptr_equal(find_relative(a, x->name, x->name_len), x);
    } while (x != NULL);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void change(const struct content *from, const struct content *to, bool overlay)
{
    struct load_options options = {.origin = origin};
    struct load_result result;
    struct snapshot *changed;
    uint32_t changes;
    write_zone(from);
    struct snapshot *current = load();
    write_zone(to);
    double start = now();
    assert_int_equal(load_changes(path, &options, current, &result, &changes, &changed), ERR_OK);
    double spent = now() - start;
    assert_int_equal(changed->overlay != NULL, overlay);
    assert_true(changes > 0);
    struct snapshot *anew = load();
    must_be_equal(changed, anew);
    print_message("%u changes in %.0f ms of CPU time\n", changes, spent * 1000);
    assert_true(spent < 20); /* quadratic cost would be minutes */
    snapshot_release(current);
    snapshot_release(changed);
    snapshot_release(anew);
}

static void changing_everything_makes_a_new_image(void **state)
{
    (void)state;
    change(&(struct content){.names = 70000, .address = "192.0.2"},
        &(struct content){.names = 70000, .address = "198.51.100"}, false);
}

static void hiding_very_many_names_makes_a_new_image(void **state)
{
    (void)state;
    change(&(struct content){.names = 140000, .address = "192.0.2"},
        &(struct content){.names = 140000, .address = "192.0.2", .cut = true}, false);
}

static void many_names_are_hidden_and_bared(void **state)
{
    struct content open = {.names = 50000, .address = "192.0.2"}, cut = open;
    (void)state;
    cut.cut = true;
    change(&open, &cut, true);
    change(&cut, &open, true);
}

static void many_names_come_and_go(void **state)
{
    struct content many = {.names = 60000, .address = "192.0.2"}, none = {.names = 0};
    (void)state;
    change(&many, &none, true);
    change(&none, &many, true);
}

static void many_deep_names_come_and_go(void **state)
{
    struct content many = {.deep = 20000}, none = {.names = 0};
    (void)state;
    change(&many, &none, true);
    change(&none, &many, true);
}

static void a_wide_set_comes_and_goes(void **state)
{
    struct content wide = {.names = 100, .address = "192.0.2", .wide = true},
                   none = {.names = 100, .address = "192.0.2"};
    (void)state;
    change(&wide, &none, true);
    change(&none, &wide, true);
}

/* Signing anew replaces every member of the chain: what matches or covers must still be found at once. */
static void sign_anew(bool nsec3)
{
    struct load_options options = {.origin = origin};
    struct load_result result;
    struct snapshot *changed;
    uint32_t changes;
    bool exact;
    write_chain(nsec3, 60);
    struct snapshot *current = load();
    write_chain(nsec3, 61);
    assert_int_equal(load_changes(path, &options, current, &result, &changes, &changed), ERR_OK);
    assert_non_null(changed->overlay);
    assert_int_equal(changes, 49999);
    double start = now();
    for (unsigned i = 0; i < 2000; i++) {
        uint8_t hash[20] = {(uint8_t)i, (uint8_t)(i >> 8), 1}, name[8];
        int len = snprintf((char *)name, sizeof name, "%cn%04u", 5, i);
        const struct node *node =
            nsec3 ? find_nsec3(changed, hash, &exact) : find_nsec(changed, name, (unsigned)len);
        assert_non_null(node);
        const struct rrset *rrset = node_rrset(node, nsec3 ? TYPE_NSEC3 : TYPE_NSEC);
        assert_non_null(rrset);
        assert_true(rrset->ttl == 61 || node->name_len == 0);
    }
    double spent = now() - start;
    print_message("2000 lookups in %.2f ms of CPU time\n", spent * 1000);
    assert_true(spent < 0.5); /* walking over what was replaced would take minutes */
    snapshot_release(current);
    snapshot_release(changed);
}

static void a_chain_signed_anew_is_searched_fast(void **state)
{
    (void)state;
    sign_anew(false);
    sign_anew(true);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/bailiwick-limits-%d", (int)getpid());
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changing_everything_makes_a_new_image),
        cmocka_unit_test(hiding_very_many_names_makes_a_new_image),
        cmocka_unit_test(many_names_are_hidden_and_bared),
        cmocka_unit_test(many_names_come_and_go),
        cmocka_unit_test(many_deep_names_come_and_go),
        cmocka_unit_test(a_wide_set_comes_and_goes),
        cmocka_unit_test(a_chain_signed_anew_is_searched_fast),
    };
    return cmocka_run_group_tests(tests, set_up, clean_up);
}
