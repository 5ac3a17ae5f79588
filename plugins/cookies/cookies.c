/* cookies: answers DNS cookies (RFC 7873, 9018), so that clients know our replies from forged ones, and we
 * know clients whose address is not forged: query->verified tells the plugins behind. Cookies that are not
 * ours get a fresh one and a normal answer, unless it is demanded that they be ours. */
#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "plugins/plugin.h"
#include "zone/wire/cookie.h"
#include "zone/wire/netset.h"

struct cookies {
    struct cookie_secrets secrets;
    struct netset required; /* clients that must show a cookie of ours, when they show one */
    bool requires;
    bool requires_all;
};

struct written {
    struct option_strings secrets;
    struct option_lines requires;
};

static const struct option options[] = {
    {.word = "secret",
        .arg = "HEX...",
        .kind = OPTION_STRINGS,
        .offset = offsetof(struct written, secrets),
        .help =
            "32 hexadecimal digits: the first makes cookies, those made with the others are still taken, so "
            "that a secret can be changed; random when left out"},
    {.word = "require",
        .arg = "[NETWORKS...]",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, requires),
        .help =
            "queries over UDP with a cookie that is not ours, from these networks or from everywhere, get "
            "BADCOOKIE and a fresh cookie instead of an answer"},
    OPTIONS_END,
};

/* ---- setting up ---- */

/* A random secret lasts as long as the process, so that a reload does not change it. */
static uint8_t random_secret[COOKIE_SECRET_LEN];

static void make_random(void)
{
    randombytes_buf(random_secret, sizeof random_secret);
}

static enum err read_secrets(
    struct setup *setup, const struct option_strings *words, struct cookie_secrets *secrets)
{
    for (unsigned i = 0; i < words->count; i++) {
        const char *text = words->at[i];
        size_t len = 0;
        if (secrets->count == COOKIE_SECRETS_MAX)
            return setup_error(setup, &setup->directive->name, "remove the oldest",
                "there are more than %d secrets", COOKIE_SECRETS_MAX);
        if (strlen(text) != 2 * COOKIE_SECRET_LEN ||
            sodium_hex2bin(secrets->secret[secrets->count], COOKIE_SECRET_LEN, text, strlen(text), NULL, &len,
                NULL) != 0 ||
            len != COOKIE_SECRET_LEN)
            return setup_error(setup, &setup->directive->name, "openssl rand -hex 16",
                "secret %u is not of 32 hexadecimal digits", i + 1);
        secrets->count++;
    }
    return ERR_OK;
}

static enum err read_require(struct setup *setup, const struct option_lines *lines, struct cookies *cookies)
{
    static const struct option rows[] = {
        {.arg = "NETWORKS...", .kind = OPTION_NETWORKS, .help = ""},
        OPTIONS_END,
    };
    struct option_networks networks = {0};
    if (lines->count > 1)
        return setup_error(setup, &lines->at[1]->name, "write all networks on one line", "a second require");
    if (lines->count == 0)
        return ERR_OK;
    enum err err = options_parse_line(setup, lines->at[0], rows, &networks);
    if (err != ERR_OK)
        return err;
    cookies->requires = true;
    cookies->requires_all = networks.count == 0;
    return netset_init(&cookies->required, networks.at, networks.count, setup->world);
}

static enum err setup(struct setup *setup, void **self)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct cookies *cookies = ARENA_NEW(setup->world, struct cookies);
    struct written written = {0};
    if (cookies == NULL)
        return ERR_MEMORY;
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, "put it all into one", "a second cookies line");
    *self = cookies;
    enum err err = options_parse(setup, options, &written);
    if (err == ERR_OK)
        err = read_secrets(setup, &written.secrets, &cookies->secrets);
    if (err == ERR_OK)
        err = read_require(setup, &written.requires, cookies);
    if (err == ERR_OK && cookies->secrets.count == 0) {
        pthread_once(&once, make_random);
        memcpy(cookies->secrets.secret[0], random_secret, COOKIE_SECRET_LEN);
        cookies->secrets.count = 1;
    }
    setup->block->times = true; /* cookies have a time in them */
    setup->block->cookies = true;
    return err;
}

/* ---- answering ---- */

static struct cookie_client client_of(const struct query *query)
{
    const union address *client = &query->client;
    bool v6 = client->any.sa_family == AF_INET6;
    return (struct cookie_client){
        .ip = v6 ? client->v6.sin6_addr.s6_addr : (const uint8_t *)&client->v4.sin_addr,
        .ip_len = v6 ? 16 : 4,
        .now_s = (uint32_t)(query->begin_ns / 1000000000u),
    };
}

static bool is_required(const struct cookies *cookies, const struct query *query)
{
    if (LIKELY(!cookies->requires) || query->transport != TRANSPORT_UDP)
        return false;
    if (cookies->requires_all)
        return true;
    return query->client.any.sa_family == AF_INET6
               ? netset_has6(&cookies->required, query->client.v6.sin6_addr.s6_addr)
               : netset_has4(&cookies->required, (const uint8_t *)&query->client.v4.sin_addr);
}

/* RFC 7873 5.2.3 to 5.2.5. Only the first of several COOKIE options counts (5.2). */
static enum served answer(
    const struct cookies *cookies, struct query *query, const struct edns_option *option)
{
    struct cookie_client client = client_of(query);
    uint8_t fresh[COOKIE_LEN];
    enum cookie_verdict verdict = cookie_check(&cookies->secrets, &client, option->bytes, option->len);
    if (UNLIKELY(verdict == COOKIE_MALFORMED)) {
        query->reply.rcode = RCODE_FORMERR;
        return SERVED_ANSWERED;
    }
    query->verified = verdict >= COOKIE_AGED;
    const uint8_t *cookie = option->bytes;
    if (verdict != COOKIE_FRESH) {
        cookie_make(&cookies->secrets, &client, option->bytes, fresh);
        cookie = fresh;
    }
    if (query_option(query, EDNS_COOKIE, cookie, COOKIE_LEN) != ERR_OK)
        return query_fail(query, "cookies", RCODE_SERVFAIL, "out of memory");
    if (LIKELY(query->verified) || !is_required(cookies, query))
        return SERVED_NEXT;
    query->reply.rcode = RCODE_BADCOOKIE;
    return SERVED_ANSWERED;
}

static enum served serve(void *self, struct query *query)
{
    struct edns_option option;
    query->verified = false;
    if (LIKELY(!edns_has(&query->message.edns, EDNS_COOKIE)) || query->depth > 0 ||
        !edns_find(&query->message.edns, EDNS_COOKIE, &option))
        return SERVED_NEXT;
    return answer(self, query, &option);
}

static const struct plugin cookies_plugin = {
    .abi = PLUGIN_ABI,
    .flags = PLUGIN_ALL_CLASSES,
    .name = "cookies",
    .options = options,
    .setup = setup,
    .serve = serve,
};
PLUGIN(cookies)
