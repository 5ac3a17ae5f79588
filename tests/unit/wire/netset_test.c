/* Sets of networks (zone/wire/netset.h) against asking each network in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zone/wire/netset.h"

static bool naive(const struct network *list, unsigned count, const uint8_t *ip, unsigned len)
{
    for (unsigned i = 0; i < count; i++) {
        if (network_has(&list[i], ip, len))
            return true;
    }
    return false;
}

static struct network random_network(void)
{
    struct network network = {.family = rand() % 2 != 0 ? 4 : 6};
    unsigned len = network.family == 4 ? 4 : 16;
    network.prefix_len = (uint8_t)((unsigned)rand() % (len * 8 + 1));
    if (network.prefix_len < 2) /* not everything, every time */
        network.prefix_len = 9;
    for (unsigned i = 0; i < len; i++)
        network.ip[i] = (uint8_t)(rand() & 3); /* close to each other, so that they overlap */
    for (unsigned bit = network.prefix_len; bit < len * 8; bit++)
        network.ip[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    return network;
}

static void agrees_with_asking_each(void **state)
{
    (void)state;
    srand(9);
    for (unsigned round = 0; round < 300; round++) {
        struct network list[24];
        struct netset set;
        struct arena world;
        unsigned count = (unsigned)rand() % (ARRAY_COUNT(list) + 1);
        for (unsigned i = 0; i < count; i++)
            list[i] = random_network();
        arena_init(&world, 0);
        assert_int_equal(netset_init(&set, list, count, &world), ERR_OK);
        for (unsigned probe = 0; probe < 200; probe++) {
            uint8_t ip[16];
            for (unsigned i = 0; i < sizeof ip; i++)
                ip[i] = (uint8_t)(rand() % 8 == 0 ? rand() : rand() & 3);
            assert_int_equal(netset_has4(&set, ip), naive(list, count, ip, 4));
            assert_int_equal(netset_has6(&set, ip), naive(list, count, ip, 16));
        }
        arena_clear(&world);
    }
}

static void edges(void **state)
{
    static const struct {
        const char *network;
        uint8_t first[4], last[4], before[4], behind[4];
    } cases[] = {
        {"192.0.2.0/24", {192, 0, 2, 0}, {192, 0, 2, 255}, {192, 0, 1, 255}, {192, 0, 3, 0}},
        {"10.0.0.0/8", {10, 0, 0, 0}, {10, 255, 255, 255}, {9, 255, 255, 255}, {11, 0, 0, 0}},
        {"192.0.2.7", {192, 0, 2, 7}, {192, 0, 2, 7}, {192, 0, 2, 6}, {192, 0, 2, 8}},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct network network;
        struct netset set;
        struct arena world;
        arena_init(&world, 0);
        assert_true(network_parse(cases[i].network, &network));
        assert_int_equal(netset_init(&set, &network, 1, &world), ERR_OK);
        assert_true(netset_has4(&set, cases[i].first) && netset_has4(&set, cases[i].last));
        assert_false(netset_has4(&set, cases[i].before) || netset_has4(&set, cases[i].behind));
        arena_clear(&world);
    }
}

/* A socket of both families tells IPv4 clients as mapped addresses. */
static void mapped_addresses(void **state)
{
    static const uint8_t inside[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 9};
    struct network network;
    struct netset set;
    struct arena world;
    (void)state;
    arena_init(&world, 0);
    assert_true(network_parse("192.0.2.0/24", &network));
    assert_int_equal(netset_init(&set, &network, 1, &world), ERR_OK);
    assert_true(netset_has6(&set, inside));
    assert_int_equal(netset_init(&set, &network, 0, &world), ERR_OK);
    assert_false(netset_has6(&set, inside));
    arena_clear(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_asking_each),
        cmocka_unit_test(edges),
        cmocka_unit_test(mapped_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
