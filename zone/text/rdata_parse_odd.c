/* Fields that only one record type has. */
#include <string.h>

#include "zone/base/codec.h"
#include "zone/base/ip.h"
#include "zone/text/rdata_parser.h"

/* A decimal number with up to PLACES decimals, scaled by 10^PLACES: "54.3" with 3 places gives 54300. */
static bool decimal_read(const char *text, size_t len, unsigned places, uint64_t max, uint64_t *value)
{
    const char *dot = memchr(text, '.', len);
    size_t whole = dot != NULL ? (size_t)(dot - text) : len, decimals = dot != NULL ? len - whole - 1 : 0;
    uint64_t sum = 0, part = 0, scale = 1;
    if (whole + decimals == 0 || decimals > places || whole > 12)
        return false;
    if ((whole > 0 && !parser_number(text, whole, UINT32_MAX, &sum)) ||
        (decimals > 0 && !parser_number(dot + 1, decimals, UINT32_MAX, &part)))
        return false;
    for (unsigned i = 0; i < places; i++)
        scale *= 10;
    for (size_t i = decimals; i < places; i++)
        part *= 10;
    *value = sum * scale + part;
    return *value <= max;
}

static bool is_direction(const struct token *token, const char *directions, bool *negative)
{
    if (token->len != 1)
        return false;
    char c = (char)(token->text[0] & ~0x20);
    *negative = c == directions[1];
    return c == directions[0] || *negative;
}

/* Degrees, and minutes and seconds if they are given, and a direction, as thousandths of seconds from the
 * equator or meridian, which stands at 2^31 (RFC 1876 2). */
static bool angle_read(struct rdata_parser *p, const char *what, const char *directions, uint64_t degrees_max,
    const char *hint, uint32_t *stored)
{
    static const uint64_t units[3] = {3600000, 60000, 1};
    const uint64_t limits[3] = {degrees_max, 59, 59999};
    uint64_t sum = 0, value;
    bool negative = false;
    for (unsigned i = 0;; i++) {
        if (!parser_more(p))
            return parser_missing(p, what);
        if (i > 0 && is_direction(&p->token, directions, &negative))
            break;
        if (i == 3 || !decimal_read(p->token.text, p->token.len, i < 2 ? 0 : 3, limits[i], &value))
            return parser_refuse_at(p, p->token.text, p->token.len, hint,
                ": \"%.*s\" does not belong in the %s", (int)(p->token.len < 20 ? p->token.len : 20),
                p->token.text, what);
        sum += value * units[i];
    }
    if (sum > degrees_max * 3600000)
        return parser_refuse_at(p, p->token.text, p->token.len, hint, ": the %s is beyond %u degrees", what,
            (unsigned)degrees_max);
    *stored = (uint32_t)((UINT64_C(1) << 31) + (negative ? -sum : sum));
    return true;
}

/* "12.34m" in centimetres; the m may be missing. */
static bool metres_read(const char *text, size_t len, uint64_t max, uint64_t *centimetres)
{
    if (len > 0 && (text[len - 1] | 0x20) == 'm')
        len--;
    return decimal_read(text, len, 2, max, centimetres);
}

/* From 100,000 m below the spheroid up (RFC 1876 2). */
static bool altitude_read(struct rdata_parser *p, uint32_t *stored)
{
    uint64_t value;
    if (!parser_more(p))
        return parser_missing(p, "altitude");
    bool below = p->token.len > 0 && p->token.text[0] == '-';
    size_t sign = below || (p->token.len > 0 && p->token.text[0] == '+') ? 1 : 0;
    if (!metres_read(
            p->token.text + sign, p->token.len - sign, below ? 10000000 : UINT32_MAX - 10000000u, &value))
        return parser_refuse_at(p, p->token.text, p->token.len,
            "write metres from -100000.00m to 42849672.95m",
            ": the altitude is not a number of metres in range");
    *stored = (uint32_t)(10000000 + (below ? -value : value));
    return true;
}

/* A size or precision as mantissa and power of ten, cut to one digit; DEFAULT when the entry ends. */
static bool precision_read(struct rdata_parser *p, const char *what, uint8_t preset, uint8_t *stored)
{
    uint64_t value;
    unsigned power = 0;
    *stored = preset;
    if (!parser_more(p))
        return true;
    if (!metres_read(p->token.text, p->token.len, UINT64_C(9000000000), &value))
        return parser_refuse_at(p, p->token.text, p->token.len, "write metres from 0.00m to 90000000.00m",
            ": the %s is not a number of metres in range", what);
    for (; value > 9; value /= 10)
        power++;
    *stored = (uint8_t)(value << 4 | power);
    return true;
}

/* RFC 1876 3: 42 21 54 N 71 06 18 W -24m 30m 10000m 10m. */
bool parse_loc(struct rdata_parser *p)
{
    uint32_t latitude = 0, longitude = 0, altitude = 0;
    uint8_t size = 0, horizontal = 0, vertical = 0;
    if (!angle_read(p, "latitude", "NS", 90, "write degrees, minutes, seconds and N or S", &latitude) ||
        !angle_read(p, "longitude", "EW", 180, "write degrees, minutes, seconds and E or W", &longitude) ||
        !altitude_read(p, &altitude) || !precision_read(p, "size", 0x12, &size) ||
        !precision_read(p, "horizontal precision", 0x16, &horizontal) ||
        !precision_read(p, "vertical precision", 0x13, &vertical))
        return false;
    parser_put(p, 0, 1);
    parser_put(p, size, 1);
    parser_put(p, horizontal, 1);
    parser_put(p, vertical, 1);
    parser_put(p, latitude, 4);
    parser_put(p, longitude, 4);
    parser_put(p, altitude, 4);
    return true;
}

/* RFC 3123 5: [!]family:address/prefix. */
static bool prefix_put(struct rdata_parser *p)
{
    static const char hint[] = "write 1:192.0.2.0/24, 2:2001:db8::/32, or either with ! in front";
    const char *at = p->token.text, *end = at + p->token.len;
    bool negated = at < end && *at == '!';
    at += negated ? 1 : 0;
    const char *slash = memrchr(at, '/', (size_t)(end - at));
    if (slash == NULL || slash - at < 3 || at[1] != ':' || (at[0] != '1' && at[0] != '2'))
        return parser_refuse(p, hint, " is not a prefix of family 1 or 2");
    bool six = at[0] == '2';
    uint8_t address[16];
    uint64_t prefix;
    size_t address_len = (size_t)(slash - at - 2);
    if (!(six ? ip6_parse(at + 2, address_len, address) : ip4_parse(at + 2, address_len, address)))
        return parser_refuse_at(p, at + 2, address_len, hint, ": malformed IPv%c address", six ? '6' : '4');
    if (!parser_number(slash + 1, (size_t)(end - slash - 1), six ? 128 : 32, &prefix))
        return parser_refuse_at(p, slash + 1, (size_t)(end - slash - 1), hint,
            ": the length is not a number up to %d", six ? 128 : 32);
    unsigned len = six ? 16 : 4;
    while (len > 0 && address[len - 1] == 0)
        len--;
    parser_put(p, six ? 2 : 1, 2);
    parser_put(p, prefix, 1);
    parser_put(p, len | (negated ? 0x80u : 0u), 1);
    memcpy(p->at, address, len);
    p->at += len;
    return true;
}

bool parse_apl(struct rdata_parser *p)
{
    while (parser_more(p)) {
        if (parser_room(p) < 20)
            return parser_full(p);
        if (!prefix_put(p))
            return false;
    }
    return true;
}

/* RFC 1010, as the next ones. */
static const struct word protocols[] = {{"icmp", 1}, {"igmp", 2}, {"ggp", 3}, {"st", 5}, {"tcp", 6},
    {"egp", 8}, {"igp", 9}, {"nvp-ii", 11}, {"pup", 12}, {"chaos", 16}, {"udp", 17}, {"hmp", 20},
    {"xns-idp", 22}, {"rdp", 27}, {"irtp", 28}, {"iso-tp4", 29}, {NULL, 0}};

/* The services of RFC 1010 that old zones name. */
static const struct word services[] = {{"tcpmux", 1}, {"rje", 5}, {"echo", 7}, {"discard", 9}, {"systat", 11},
    {"users", 11}, {"daytime", 13}, {"netstat", 15}, {"qotd", 17}, {"quote", 17}, {"chargen", 19},
    {"ftp-data", 20}, {"ftp", 21}, {"ssh", 22}, {"telnet", 23}, {"smtp", 25}, {"dsp", 33}, {"time", 37},
    {"rlp", 39}, {"nameserver", 42}, {"nicname", 43}, {"login", 49}, {"whois", 43}, {"domain", 53},
    {"bootps", 67}, {"bootpc", 68}, {"tftp", 69}, {"gopher", 70}, {"finger", 79}, {"http", 80},
    {"supdup", 95}, {"hostname", 101}, {"hostnames", 101}, {"iso-tsap", 102}, {"x400", 103},
    {"x400-snd", 104}, {"csnet-ns", 105}, {"rtelnet", 107}, {"pop-2", 109}, {"pop2", 109}, {"pop3", 110},
    {"sunrpc", 111}, {"auth", 113}, {"sftp", 115}, {"uucp-path", 117}, {"nntp", 119}, {"erpc", 121},
    {"ntp", 123}, {"imap", 143}, {"snmp", 161}, {"snmptrap", 162}, {"https", 443}, {NULL, 0}};

static bool number_or_word(const struct token *token, const struct word *words, uint64_t max, uint64_t *value)
{
    for (; words->name != NULL; words++) {
        if (parser_is(token, words->name)) {
            *value = words->value;
            return true;
        }
    }
    return parser_number(token->text, token->len, max, value);
}

/* RFC 1035 3.4.2: protocol, then one bit per port. */
bool parse_wks(struct rdata_parser *p)
{
    uint64_t protocol, port;
    size_t len = 0;
    if (!parser_word(p))
        return false;
    if (!number_or_word(&p->token, protocols, 255, &protocol))
        return parser_refuse(p, "write tcp, udp or a number up to 255", " is no protocol");
    parser_put(p, protocol, 1);
    memset(p->at, 0, 8192);
    while (parser_more(p)) {
        if (!number_or_word(&p->token, services, 65535, &port))
            return parser_refuse_at(p, p->token.text, p->token.len, "write port numbers up to 65535",
                " is followed by \"%.*s\", which is no port", (int)(p->token.len < 20 ? p->token.len : 20),
                p->token.text);
        p->at[port / 8] = (uint8_t)(p->at[port / 8] | 0x80 >> port % 8);
        len = port / 8 + 1 > len ? port / 8 + 1 : len;
    }
    p->at += len;
    return true;
}

/* The dots of an ATM address stand between digits (af-dans-0152 5.2); those of NSAP mean nothing. */
static bool dots_part_digits(struct rdata_parser *p, const char *at, const char *end)
{
    for (const char *dot = at; dot < end; dot++) {
        if (*dot == '.' && (dot == at || dot + 1 == end || dot[1] == '.'))
            return parser_refuse_at(p, dot, 1, "dots stand between digits", " has a dot that parts nothing");
    }
    return true;
}

/* Hexadecimal digits among which dots mean nothing. */
static bool dotted_hex(struct rdata_parser *p, const char *at, const char *end)
{
    int half = -1;
    uint8_t *before = p->at;
    if (parser_room(p) < (size_t)(end - at))
        return parser_full(p);
    for (; at < end; at++) {
        if (*at == '.')
            continue;
        int digit = base16_digit(*at);
        if (digit < 0)
            return parser_refuse_at(p, at, 1, NULL, " has a character that is no hexadecimal digit");
        if (half >= 0)
            *p->at++ = (uint8_t)(half << 4 | digit);
        half = half >= 0 ? -1 : digit;
    }
    if (half >= 0 || p->at == before)
        return parser_refuse(p, NULL, " has an odd number of hexadecimal digits, or none");
    return true;
}

/* RFC 1706 7. */
bool parse_nsap(struct rdata_parser *p)
{
    if (!parser_word(p))
        return false;
    if (p->token.len < 2 || p->token.text[0] != '0' || (p->token.text[1] | 0x20) != 'x')
        return parser_refuse(p, "write 0x and hexadecimal digits", " does not begin with 0x");
    return dotted_hex(p, p->token.text + 2, p->token.text + p->token.len);
}

bool parse_atma(struct rdata_parser *p)
{
    if (!parser_word(p))
        return false;
    const char *at = p->token.text, *end = at + p->token.len;
    bool phone = at < end && *at == '+';
    parser_put(p, phone ? 1 : 0, 1);
    if (!dots_part_digits(p, at + phone, end))
        return false;
    if (!phone)
        return dotted_hex(p, at, end);
    if (parser_room(p) < p->token.len)
        return parser_full(p);
    uint8_t *before = p->at;
    for (at++; at < end; at++) {
        if (*at == '.')
            continue;
        if ((unsigned char)(*at - '0') > 9)
            return parser_refuse_at(p, at, 1, NULL, " has a character that is no decimal digit");
        *p->at++ = (uint8_t)*at;
    }
    return p->at > before ? true : parser_refuse(p, NULL, " has no digits");
}

/* RFC 2874 3.2: the bits of the prefix are not stored. */
bool parse_a6(struct rdata_parser *p)
{
    uint8_t address[16];
    if (!parser_u8(p, "prefix length", 128))
        return false;
    unsigned prefix = p->at[-1], suffix = (128 - prefix + 7) / 8;
    if (suffix > 0) {
        uint8_t *at = p->at;
        if (!parser_ip6(p))
            return false;
        memcpy(address, at, 16);
        memcpy(at, address + 16 - suffix, suffix);
        if (prefix % 8 != 0)
            at[0] = (uint8_t)(at[0] & 0xff >> prefix % 8);
        p->at = at + suffix;
    }
    return prefix == 0 || parser_name(p);
}

/* A gateway (RFC 4025 3.1) or relay (RFC 8777 4.3.1) of TYPE. */
static bool gateway_put(struct rdata_parser *p, unsigned type)
{
    if (type == 1)
        return parser_ip4(p);
    if (type == 2)
        return parser_ip6(p);
    if (type == 3)
        return parser_name(p);
    if (!parser_word(p))
        return false;
    if (type > 3)
        return parser_refuse(p, "types 0 to 3 are defined; write others in the generic form \\# LENGTH HEX",
            " is of type %u, which has no text form", type);
    if (p->token.len != 1 || p->token.text[0] != '.')
        return parser_refuse(
            p, "type 1 is an IPv4 address, 2 an IPv6 address, 3 a name", " must be . for type 0");
    return true;
}

bool parse_gateway(struct rdata_parser *p)
{
    return gateway_put(p, p->start[1]);
}

bool parse_relay(struct rdata_parser *p)
{
    if (!parser_u8(p, "discovery bit", 1) || !parser_u8(p, "relay type", 127))
        return false;
    unsigned type = p->at[-1];
    p->at--;
    p->at[-1] = (uint8_t)((unsigned)p->at[-1] << 7 | type);
    return gateway_put(p, type);
}

/* RFC 8005 5 and 6: the lengths come first on the wire. */
bool parse_hip(struct rdata_parser *p)
{
    uint8_t *lengths = p->at;
    if (!parser_u8(p, "algorithm", 255))
        return false;
    uint8_t algorithm = *lengths;
    p->at = lengths + 4;
    if (!parser_more(p))
        return parser_missing(p, "HIT");
    size_t hit = p->token.len / 2;
    if (p->token.len % 2 != 0 || hit == 0 || hit > 255 ||
        base16_decode(p->at, p->token.text, hit * 2) != hit * 2)
        return parser_refuse_at(
            p, p->token.text, p->token.len, NULL, ": the HIT is not 1 to 255 octets in hexadecimal");
    p->at += hit;
    uint8_t *key = p->at;
    if (!parser_more(p))
        return parser_missing(p, "public key");
    struct lexer rest = *p->lexer;
    lexer_init(p->lexer, rest.end, 0); /* the key is one token: servers follow it */
    p->waiting = true;
    bool good = parser_base64(p, false);
    *p->lexer = rest;
    if (!good)
        return false;
    lengths[0] = (uint8_t)hit;
    lengths[1] = algorithm;
    lengths[2] = (uint8_t)((p->at - key) >> 8);
    lengths[3] = (uint8_t)(p->at - key);
    return true;
}
