#include "plugins/servers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "zone/base/ip.h"
#include "zone/net/tls.h"

union address server_address(const struct option_address *from)
{
    union address to = {0};
    if (from->family == 6) {
        to.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(from->port)};
        memcpy(&to.v6.sin6_addr, from->ip, 16);
    } else {
        to.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(from->port)};
        memcpy(&to.v4.sin_addr, from->ip, 4);
    }
    return to;
}

const char *server_label(struct setup *setup, const struct option_address *address)
{
    char ip[IP6_TEXT_MAX];
    if (address->family == 6)
        ip6_print(address->ip, ip);
    else
        ip4_print(address->ip, ip);
    return arena_printf(
        setup->world, address->family == 6 ? "[%s]:%u" : "%s:%u", ip, (unsigned)address->port);
}

enum err servers_of_file(struct setup *setup, const struct token *at, const char *path, uint16_t port,
    enum err (*add)(void *context, const struct option_address *address), void *context)
{
    FILE *file = fopen(path, "re");
    char line[512], word[64], ip[128];
    unsigned count = 0;
    enum err err = ERR_OK;
    if (file == NULL)
        return setup_error(setup, at, NULL, "cannot read %s", path);
    while (err == ERR_OK && fgets(line, sizeof line, file) != NULL) {
        struct option_address address;
        if (sscanf(line, "%63s %127s", word, ip) != 2 || strcmp(word, "nameserver") != 0)
            continue;
        ip[strcspn(ip, "%")] = '\0';
        if (option_address_parse(ip, port, &address)) {
            err = add(context, &address);
            count++;
        } else {
            setup_warning(setup, at, NULL, "%s names a server '%s', which is no address", path, ip);
        }
    }
    fclose(file);
    if (err == ERR_OK && count == 0)
        return setup_error(setup, at, "a line like 'nameserver 192.0.2.1'", "%s names no server", path);
    return err;
}

enum err servers_tls(
    struct setup *setup, const struct option_strings *files, const char *alpn, struct tls_context **out)
{
    struct tls_settings settings = {.alpn = alpn};
    char why[TLS_WHY_MAX];
    if (files->count > 3)
        return setup_error(setup, &setup->directive->name, "tls CERT KEY CA", "tls takes up to three files");
    if (files->count >= 2) {
        settings.cert = setup_path(setup, files->at[0]);
        settings.key = setup_path(setup, files->at[1]);
    }
    if (files->count % 2 == 1)
        settings.ca = setup_path(setup, files->at[files->count - 1]);
    enum err err = tls_context_new(&settings, out, why);
    return err == ERR_OK ? err : setup_error(setup, &setup->directive->name, NULL, "%s", why);
}
