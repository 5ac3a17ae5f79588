#include "gitsync/ssh_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <git2.h>
#include <git2/sys/transport.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gitsync/ssh_url.h"
#include "zone/base/arena.h"

#define WORDS_MAX 64
#define SECRET_MAX 4096
#define CONNECT_TIMEOUT "ConnectTimeout=30"

struct stream {
    git_smart_subtransport_stream base;
    struct ssh_exec *exec;
    pid_t pid;
    int in, out, err; /* seen from the process */
};

struct subtransport {
    git_smart_subtransport base;
    git_transport *owner;
    struct ssh_exec *exec;
    struct stream *stream;
};

/* ---- its words ---- */

struct words {
    const char *at[WORDS_MAX];
    unsigned count;
    struct arena *arena;
    bool failed;
};

static void add(struct words *words, const char *word)
{
    if (word == NULL || words->count + 1 >= WORDS_MAX)
        words->failed = true;
    else
        words->at[words->count++] = word;
}

static void add_option(struct words *words, const char *option)
{
    add(words, "-o");
    add(words, option);
}

/* A file as the value of an option of ssh_config(5), where % and ${ are special and a quote ends the value.
 */
static void add_file(struct words *words, const char *option, const char *path)
{
    char *full = realpath(path, NULL);
    const char *name = full != NULL ? full : path;
    char *quoted = arena_alloc(words->arena, strlen(name) * 2 + 1, 1), *out = quoted;
    bool fine = quoted != NULL && strchr(name, '"') == NULL && strstr(name, "${") == NULL;
    for (const char *at = name; fine && *at != '\0'; at++) {
        *out++ = *at;
        if (*at == '%')
            *out++ = '%';
    }
    if (fine)
        *out = '\0';
    add_option(words, fine ? arena_printf(words->arena, "%s=\"%s\"", option, quoted) : NULL);
    free(full);
}

/* Who is at the other end is never asked for, and never believed at first sight. */
static void add_options(struct words *words, const struct settings *settings)
{
    add(words, "ssh");
    add_option(words, settings->ssh_passphrase_file != NULL ? "BatchMode=no" : "BatchMode=yes");
    add_option(words, "StrictHostKeyChecking=yes");
    add_option(words, "UpdateHostKeys=no");
    add_option(words, "PasswordAuthentication=no");
    add_option(words, "KbdInteractiveAuthentication=no");
    add_option(words, "NumberOfPasswordPrompts=1");
    add_option(words, "ClearAllForwardings=yes");
    add_option(words, "ForwardX11=no");
    add_option(words, "RequestTTY=no");
    add_option(words, "LogLevel=INFO");
    add_option(words, CONNECT_TIMEOUT);
    if (settings->known_hosts != NULL) {
        add_file(words, "UserKnownHostsFile", settings->known_hosts);
        add_option(words, "GlobalKnownHostsFile=/dev/null");
        add_option(words, "VerifyHostKeyDNS=no");
    }
    if (settings->ssh_key != NULL) {
        add_file(words, "IdentityFile", settings->ssh_key);
        add_option(words, "IdentitiesOnly=yes");
    }
}

static bool make_words(struct words *words, const struct settings *settings, const struct ssh_url *url)
{
    char command[SSH_URL_PATH_MAX * 4 + 32];
    const char *user = url->user[0] != '\0' ? url->user : settings->username;
    add_options(words, settings);
    if (user != NULL) {
        add(words, "-l");
        add(words, arena_printf(words->arena, "%s", user));
    }
    if (url->port[0] != '\0') {
        add(words, "-p");
        add(words, url->port);
    }
    add(words, "--");
    add(words, url->host);
    add(words,
        ssh_url_command(url, command, sizeof command) ? arena_printf(words->arena, "%s", command) : NULL);
    words->at[words->count] = NULL;
    return !words->failed && (user == NULL || *user != '-');
}

/* ---- the process ---- */

/* ssh asks a program for the passphrase, and that is ours. */
static void become(const struct words *words, const struct settings *settings, const int ends[3])
{
    char self[4096], file[4096];
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(ends[0], 0) < 0 || dup2(ends[1], 1) < 0 || dup2(ends[2], 2) < 0)
        _exit(126);
    if (settings->ssh_passphrase_file != NULL) {
        ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
        if (len <= 0 || realpath(settings->ssh_passphrase_file, file) == NULL)
            _exit(126);
        self[len] = '\0';
        setenv("SSH_ASKPASS", self, 1);
        setenv("SSH_ASKPASS_REQUIRE", "force", 1);
        setenv(SSH_EXEC_ASKPASS, file, 1);
    }
    execvp(words->at[0], (char *const *)(uintptr_t)words->at);
    _exit(127);
}

bool ssh_exec_is_asked(int argc, char **argv)
{
    char secret[SECRET_MAX] = "";
    const char *path = getenv(SSH_EXEC_ASKPASS);
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    if (path == NULL)
        return false;
    if (file != NULL && argc > 1 && strcasestr(argv[1], "passphrase") != NULL &&
        fgets(secret, sizeof secret, file) != NULL)
        secret[strcspn(secret, "\r\n")] = '\0';
    if (file != NULL)
        fclose(file);
    puts(secret);
    return true;
}

static void close_all(const int *ends, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (ends[i] >= 0)
            close(ends[i]);
}

static bool start(struct stream *stream, const struct words *words)
{
    int ends[6] = {-1, -1, -1, -1, -1, -1}; /* in: read, write; out; err */
    bool fine =
        pipe2(ends, O_CLOEXEC) == 0 && pipe2(ends + 2, O_CLOEXEC) == 0 && pipe2(ends + 4, O_CLOEXEC) == 0;
    stream->pid = fine ? fork() : -1;
    if (stream->pid == 0)
        become(words, stream->exec->settings, (const int[]){ends[0], ends[3], ends[5]});
    if (stream->pid < 0) {
        close_all(ends, 6);
        return false;
    }
    close_all((const int[]){ends[0], ends[3], ends[5]}, 3);
    stream->in = ends[1];
    stream->out = ends[2];
    stream->err = ends[4];
    return true;
}

/* ---- the stream ---- */

/* What is said beside the data: kept up to the room, and read in any case, or the other side would wait for
 * us. False at the end. */
static bool listen_to(struct stream *stream)
{
    char text[1024];
    struct ssh_exec *exec = stream->exec;
    ssize_t got = read(stream->err, text, sizeof text);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (got <= 0) {
        close(stream->err);
        stream->err = -1;
        return false;
    }
    size_t room = sizeof exec->told - 1 - exec->told_len;
    size_t len = (size_t)got < room ? (size_t)got : room;
    memcpy(exec->told + exec->told_len, text, len);
    exec->told_len += (unsigned)len;
    exec->told[exec->told_len] = '\0';
    return true;
}

/* Waits until FD is ready for EVENTS, hearing what is said beside. */
static bool await(struct stream *stream, int fd, short events)
{
    for (;;) {
        struct pollfd ready[] = {{.fd = fd, .events = events}, {.fd = stream->err, .events = POLLIN}};
        if (poll(ready, 2, -1) < 0 && errno != EINTR)
            return false;
        if (stream->err >= 0 && ready[1].revents != 0)
            listen_to(stream);
        if (ready[0].revents != 0)
            return true;
    }
}

/* It has closed its end, which is always too early (git ends with a word, and it is us who hang up): what did
 * it say, and how did it end? */
static int conclude(struct stream *stream)
{
    int status = 0;
    struct ssh_exec *exec = stream->exec;
    while (stream->err >= 0 && listen_to(stream))
        continue;
    while (stream->pid > 0 && waitpid(stream->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    stream->pid = 0;
    exec->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    exec->failed = true;
    git_error_set_str(GIT_ERROR_SSH, "ssh failed");
    return -1;
}

static int stream_read(git_smart_subtransport_stream *base, char *buffer, size_t room, size_t *got)
{
    struct stream *stream = (struct stream *)base;
    for (;;) {
        *got = 0;
        if (!await(stream, stream->out, POLLIN))
            return -1;
        ssize_t count = read(stream->out, buffer, room);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return conclude(stream);
        *got = (size_t)count;
        return 0;
    }
}

static int stream_write(git_smart_subtransport_stream *base, const char *buffer, size_t len)
{
    struct stream *stream = (struct stream *)base;
    while (len > 0) {
        if (!await(stream, stream->in, POLLOUT))
            return -1;
        ssize_t count = write(stream->in, buffer, len < 4096 ? len : 4096);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return conclude(stream);
        buffer += count;
        len -= (size_t)count;
    }
    return 0;
}

static void stream_free(git_smart_subtransport_stream *base)
{
    struct stream *stream = (struct stream *)base;
    close_all((const int[]){stream->in, stream->out, stream->err}, 3);
    if (stream->pid > 0) {
        kill(stream->pid, SIGTERM);
        while (waitpid(stream->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    free(stream);
}

/* ---- what libgit2 wants ---- */

static int begin(struct stream *stream, const char *address)
{
    struct arena arena;
    struct ssh_url url;
    struct ssh_exec *exec = stream->exec;
    arena_init(&arena, 0);
    struct words words = {.arena = &arena};
    const char *why = ssh_url_parse(&url, address);
    bool fine = why == NULL && make_words(&words, exec->settings, &url) && start(stream, &words);
    arena_clear(&arena);
    if (!fine)
        git_error_set_str(GIT_ERROR_SSH, why != NULL ? why : "ssh cannot be started: its names are odd");
    return fine ? 0 : -1;
}

static int action(git_smart_subtransport_stream **out, git_smart_subtransport *base, const char *url,
    git_smart_service_t service)
{
    struct subtransport *transport = (struct subtransport *)base;
    if (service == GIT_SERVICE_UPLOADPACK && transport->stream != NULL) {
        *out = &transport->stream->base;
        return 0;
    }
    struct stream *stream = service == GIT_SERVICE_UPLOADPACK_LS ? calloc(1, sizeof *stream) : NULL;
    if (stream == NULL) {
        git_error_set_str(GIT_ERROR_SSH, "only fetching is done here");
        return -1;
    }
    *stream = (struct stream){.base = {base, stream_read, stream_write, stream_free},
        .exec = transport->exec,
        .in = -1,
        .out = -1,
        .err = -1};
    if (begin(stream, url) != 0) {
        free(stream);
        return -1;
    }
    transport->stream = stream;
    *out = &stream->base;
    return 0;
}

static int close_transport(git_smart_subtransport *base)
{
    ((struct subtransport *)base)->stream = NULL; /* libgit2 frees it */
    return 0;
}

static void free_transport(git_smart_subtransport *base)
{
    free(base);
}

static int make_subtransport(git_smart_subtransport **out, git_transport *owner, void *context)
{
    struct subtransport *transport = calloc(1, sizeof *transport);
    if (transport == NULL)
        return -1;
    *transport = (struct subtransport){
        .base = {action, close_transport, free_transport}, .owner = owner, .exec = context};
    *out = &transport->base;
    return 0;
}

static int make_transport(git_transport **out, git_remote *owner, void *context)
{
    git_smart_subtransport_definition definition = {make_subtransport, 0, context};
    return git_transport_smart(out, owner, &definition);
}

enum outcome ssh_exec_use(struct ssh_exec *exec, struct problem *problem)
{
    struct ssh_url url;
    const char *address = exec->settings->repo;
    const char *why = ssh_url_is(address) ? ssh_url_parse(&url, address) : NULL;
    if (why != NULL)
        return problem_set(problem, OUTCOME_USAGE, "ssh://user@host:port/path, or user@host:path",
            "--repo %s: %s", address, why);
    if (git_transport_register("ssh", make_transport, exec) != 0)
        return problem_set(problem, OUTCOME_LOCAL, NULL, "cannot take ssh");
    return OUTCOME_FINE;
}

/* ---- why ---- */

/* What ssh(1) says, and what to do about it: the first that is found. */
static const struct {
    const char *said, *why, *hint;
} reasons[] = {
    {"REVOKED HOST KEY", "the remote's key is revoked in the file of known hosts",
        "talk to who runs the remote"},
    {"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the remote cannot prove who it is: its key is not the known one",
        "somebody may sit in between; if the key was changed on purpose, put the new one into the file of "
        "--known-hosts"},
    {"Host key verification failed", "the remote cannot prove who it is: its key is not known",
        "put its key into the file of --known-hosts (ssh-keyscan, compared with what its operator tells)"},
    {"bad permissions", "the private key may be read by others, so ssh does not take it", "chmod 600"},
    {"incorrect passphrase", "the passphrase of the key is wrong", "check --ssh-passphrase-file"},
    {"no such identity", "the private key cannot be read", "check --ssh-key, and who may read it"},
    {"Load key", "the private key cannot be used",
        "check --ssh-key, --ssh-passphrase-file, and who may read them"},
    {"Permission denied (", "the remote does not let us in",
        "check --ssh-key (or the agent) and --username, and that the remote allows that key; a key with a "
        "passphrase "
        "needs --ssh-passphrase-file"},
    {"Too many authentication failures", "the remote does not let us in", "name the key: --ssh-key"},
    {"not appear to be a git repository", "there is no such repository at the remote",
        "check the path in --repo"},
    {"Could not resolve hostname", "the remote's name is not found", "check --repo, and the resolver"},
    {"Connection refused", "nobody listens at the remote", "check the host and port in --repo"},
    {"timed out", "the remote does not answer", "is it reachable from here?"},
};

/* The last line that is not empty says it best, on one line and without what drives a terminal. */
static void last_line(const char *told, char *out, size_t room)
{
    const char *best = "";
    for (const char *line = told; *line != '\0';) {
        size_t len = strcspn(line, "\r\n");
        if (len > 0 && strncmp(line, "fatal: Could not read", 21) != 0)
            best = line;
        line += len + strspn(line + len, "\r\n");
    }
    snprintf(out, room, "%.*s", (int)strcspn(best, "\r\n"), best);
}

enum outcome ssh_exec_problem(const struct ssh_exec *exec, struct problem *problem)
{
    char line[400];
    const char *url = exec->settings->repo;
    if (exec->status == 127 && exec->told_len == 0)
        return problem_set(problem, OUTCOME_FETCH, "install it: openssh-client",
            "cannot fetch %s: the program ssh cannot be run", url);
    if (exec->status == 126 && exec->told_len == 0)
        return problem_set(problem, OUTCOME_FETCH, "the user that runs gitsync must be able to read it",
            "cannot fetch %s: cannot read the file of --ssh-passphrase-file", url);
    last_line(exec->told, line, sizeof line);
    for (unsigned i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcasestr(exec->told, reasons[i].said) != NULL)
            return problem_set(problem, OUTCOME_FETCH, reasons[i].hint, "cannot fetch %s: %s (ssh: %s)", url,
                reasons[i].why, line);
    return problem_set(problem, OUTCOME_FETCH, NULL, "cannot fetch %s: ssh: %s", url,
        line[0] != '\0' ? line : "the connection was cut");
}
