#include "zone/wire/reverse.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IP_TEXT_MAX 64

static void clear_host_bits(struct network *network)
{
    unsigned bits = network->prefix_len;
    for (unsigned i = 0; i < sizeof network->ip; i++) {
        unsigned keep = bits >= 8 ? 8 : bits;
        network->ip[i] = (uint8_t)(network->ip[i] & (0xff00u >> keep));
        bits -= keep;
    }
}

bool network_parse(const char *text, struct network *network)
{
    char ip[IP_TEXT_MAX];
    size_t len = strcspn(text, "/");
    if (len >= sizeof ip)
        return false;
    memcpy(ip, text, len);
    ip[len] = '\0';
    struct network read = {.family = strchr(ip, ':') != NULL ? 6 : 4};
    if (inet_pton(read.family == 6 ? AF_INET6 : AF_INET, ip, read.ip) != 1)
        return false;
    unsigned bits = read.family == 6 ? 128 : 32, prefix = bits;
    if (text[len] == '/') {
        const char *digits = text + len + 1;
        size_t count = strspn(digits, "0123456789");
        if (count == 0 || count > 3 || digits[count] != '\0')
            return false;
        prefix = (unsigned)strtoul(digits, NULL, 10);
    }
    if (prefix > bits)
        return false;
    read.prefix_len = (uint8_t)prefix;
    clear_host_bits(&read);
    *network = read;
    return true;
}

bool network_has(const struct network *network, const uint8_t *ip, unsigned len)
{
    if (len != (network->family == 6 ? 16u : 4u))
        return false;
    unsigned whole = network->prefix_len / 8, rest = network->prefix_len % 8;
    if (memcmp(network->ip, ip, whole) != 0)
        return false;
    return rest == 0 || ((network->ip[whole] ^ ip[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

/* Bits that one label of the reverse name stands for. */
static unsigned label_bits(const struct network *network)
{
    return network->family == 6 ? 4 : 8;
}

unsigned reverse_zones(const struct network *network)
{
    unsigned bits = label_bits(network), over = network->prefix_len % bits;
    return over == 0 ? 1 : 1u << (bits - over);
}

/* The label for the INDEXth group of bits of IP. */
static unsigned put_label(uint8_t *out, const struct network *network, const uint8_t *ip, unsigned index)
{
    char text[4];
    int len;
    if (network->family == 4)
        len = snprintf(text, sizeof text, "%u", ip[index]);
    else
        len = snprintf(text, sizeof text, "%x", index % 2 == 0 ? ip[index / 2] >> 4 : ip[index / 2] & 15);
    out[0] = (uint8_t)len;
    memcpy(out + 1, text, (size_t)len);
    return (unsigned)len + 1;
}

unsigned reverse_zone(const struct network *network, unsigned index, uint8_t *out)
{
    static const uint8_t in_addr[] = "\7in-addr\4arpa", ip6[] = "\3ip6\4arpa";
    unsigned bits = label_bits(network), labels = (network->prefix_len + bits - 1) / bits, at = 0;
    uint8_t ip[16];
    memcpy(ip, network->ip, sizeof ip);
    if (reverse_zones(network) > 1) { /* the last label counts through what the prefix leaves open */
        unsigned last = labels - 1;
        if (network->family == 4)
            ip[last] = (uint8_t)(ip[last] + index);
        else
            ip[last / 2] = (uint8_t)(ip[last / 2] + (last % 2 == 0 ? index << 4 : index));
    }
    for (unsigned i = labels; i-- != 0;)
        at += put_label(out + at, network, ip, i);
    const uint8_t *suffix = network->family == 6 ? ip6 : in_addr;
    unsigned suffix_len = network->family == 6 ? sizeof ip6 : sizeof in_addr;
    memcpy(out + at, suffix, suffix_len);
    return at + suffix_len;
}
