/* The control socket: a Unix stream socket in the control plane's libuv loop, answering bailiwickctl.
 *
 *     client:  zones\n                       one request a line, words separated by blanks
 *     server:  {"ok":true,"zones":[...]}\n   one JSON object a line for each
 *
 *     status                what the server is and since when
 *     stats                 its counters
 *     zones                 all zones
 *     zone NAME             one zone, with its history
 *     reload [wait]         read the Corefile and changed zone files again; what is wrong comes as findings
 *     refresh NAME          look for a newer version of a zone; also retransfer, notify, freeze, thaw
 *     drain SECONDS         go on serving for so long, as "draining" in status, then stop
 *     stop                  end the server; the answer comes before it does
 *     help                  the commands
 *
 * A refused request gets {"ok":false,"error":"..."}. Requests of one connection are answered in order. Who
 * may connect is a matter of the socket file's mode (0600: the server's user and root) and its directory. The
 * control plane's thread alone. */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include <uv.h>

#include "plugins/plugin.h"
#include "plugins/zones.h"
#include "server/server.h"
#include "zone/base/err.h"
#include "zone/text/finding.h"

#define CONTROL_REQUEST_MAX 2048 /* octets of a request's line */
#define CONTROL_CLIENTS_MAX 32

/* What the socket asks of the server; tests put their own here. */
struct control_hooks {
    void *context;
    void (*status)(void *context, struct server_status *status);
    void (*zones)(void *context, void (*each)(void *, const struct zone_status *), void *each_context);
    struct zone *(*zone)(void *context, const uint8_t *name); /* NULL: there is none */
    /* SINK hears the findings of this reload. */
    enum err (*reload)(void *context, const struct finding_sink *sink);
    /* Stops in SECONDS; when it was told so before, the new time counts. */
    enum err (*drain)(void *context, unsigned seconds);
    bool (*draining)(void *context);
    void (*stop)(void *context);
};

struct control;

/* Listens at PATH. A socket file nobody listens at is replaced; ERR_EXISTS when a server lives there,
 * ERR_IO (errno) when the directory is not there or not ours. HOOKS are copied. */
enum err control_start(uv_loop_t *loop, const char *path, const struct control_hooks *hooks,
    struct control **out) NODISCARD NONNULL(1, 2, 3, 4);

/* Closes the socket and its connections, as soon as what is being written is; frees itself in the loop's
 * next turns. NULL is allowed. */
void control_stop(struct control *control);

/* Where the socket is when nobody says: "bailiwickd.sock" in $RUNTIME_DIRECTORY (systemd sets it), in
 * /run/bailiwick, in $XDG_RUNTIME_DIR: the server takes the first that it can write to, the client the first
 * where somebody listens. INDEX counts from 0; false behind the last. Room for CONTROL_PATH_MAX octets. */
#define CONTROL_PATH_MAX 108
bool control_place(unsigned index, char *out) NONNULL(2);

/* The server's choice; false when there is none. */
bool control_default_path(char *out) NONNULL(1);

#endif
