#include "zone/sec/pkcs11.h"

#include <dlfcn.h>
#include <p11-kit-1/p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/file.h"
#include "zone/sec/pkcs11_uri.h"

#define SLOTS_MAX 64
#define OBJECTS_MAX 2

#define TOKENS_MAX 16

/* A session with one token. What the token gives out holds for the session's life: GENERATION tells a key
 * that it was opened in an earlier one. */
struct session {
    char token[33];
    CK_SESSION_HANDLE handle;
    unsigned generation;
    bool open;
};

/* One module for the process; keys hold nothing but their object. */
static struct {
    pthread_mutex_t lock;
    char path[4096];
    CK_FUNCTION_LIST *calls;
    struct session sessions[TOKENS_MAX];
    unsigned count;
} module = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct token_key {
    struct session *session;
    unsigned generation;
    CK_OBJECT_HANDLE object;
};

struct reason {
    char *why;
    size_t size;
};

static enum err refuse(const struct reason *reason, enum err err, const char *format, ...) PRINTF(3, 4);

static enum err refuse(const struct reason *reason, enum err err, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    vsnprintf(reason->why, reason->size, format, rest);
    va_end(rest);
    return err;
}

/* ---- module and session ---- */

static enum err load_module(const char *path, const struct reason *reason)
{
    CK_C_GetFunctionList list;
    if (module.calls != NULL && (path == NULL || strcmp(path, module.path) == 0))
        return ERR_OK;
    if (module.calls != NULL)
        return refuse(reason, ERR_UNSUPPORTED, "one PKCS#11 module at a time, and that is %s", module.path);
    if (path == NULL)
        return refuse(reason, ERR_MISSING, "which PKCS#11 module? --pkcs11-module says so");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return refuse(reason, ERR_MISSING, "%s", dlerror());
    void *symbol = dlsym(library, "C_GetFunctionList");
    memcpy(&list, &symbol, sizeof list); /* ISO C has no cast from data to function */
    if (symbol == NULL || list(&module.calls) != CKR_OK) {
        module.calls = NULL;
        return refuse(reason, ERR_INVALID, "%s is no PKCS#11 module", path);
    }
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_RV result = module.calls->C_Initialize(&arguments);
    if (result != CKR_OK && result != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        module.calls = NULL;
        return refuse(reason, ERR_IO, "%s does not begin its work (0x%lx)", path, (unsigned long)result);
    }
    snprintf(module.path, sizeof module.path, "%s", path);
    return ERR_OK;
}

/* Token labels are padded with blanks (PKCS#11 v2.40 C_GetTokenInfo). */
static bool has_label(const CK_TOKEN_INFO *info, const char *label)
{
    size_t len = sizeof info->label;
    while (len > 0 && info->label[len - 1] == ' ')
        len--;
    return label[0] == '\0' || (strlen(label) == len && memcmp(info->label, label, len) == 0);
}

static enum err find_slot(const char *token, CK_SLOT_ID *slot, const struct reason *reason)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    if (module.calls->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
        return refuse(reason, ERR_IO, "the module does not list its slots");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (module.calls->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            (info.flags & CKF_TOKEN_INITIALIZED) != 0 && has_label(&info, token)) {
            *slot = slots[i];
            return ERR_OK;
        }
    }
    return refuse(reason, ERR_MISSING, "there is no token \"%s\"", token);
}

static enum err read_pin(const struct pkcs11_uri *uri, const uint8_t *pin, size_t pin_len,
    struct arena *arena, char **out, size_t *out_len, const struct reason *reason)
{
    if (uri->pin_value[0] != '\0') {
        *out = arena_copy(arena, uri->pin_value, strlen(uri->pin_value));
        *out_len = strlen(uri->pin_value);
    } else if (uri->pin_source[0] != '\0') {
        const char *path = strncmp(uri->pin_source, "file:", 5) == 0 ? uri->pin_source + 5 : uri->pin_source;
        if (file_read(path, 4096, arena, out, out_len) != ERR_OK)
            return refuse(reason, ERR_MISSING, "the PIN cannot be read from %s", path);
        while (*out_len > 0 && ((*out)[*out_len - 1] == '\n' || (*out)[*out_len - 1] == '\r'))
            --*out_len;
    } else if (pin != NULL) {
        *out = arena_copy(arena, pin, pin_len);
        *out_len = pin_len;
    } else {
        return refuse(
            reason, ERR_MISSING, "the token wants a PIN: pin-source in its URI, or --passphrase-file");
    }
    return *out != NULL ? ERR_OK : ERR_MEMORY;
}

/* The place of the token's session, open or not; NULL: there are too many. */
static struct session *session_of(const char *token)
{
    for (unsigned i = 0; i < module.count; i++) {
        if (strcmp(module.sessions[i].token, token) == 0)
            return &module.sessions[i];
    }
    if (module.count == TOKENS_MAX)
        return NULL;
    struct session *session = &module.sessions[module.count++];
    snprintf(session->token, sizeof session->token, "%s", token);
    return session;
}

static enum err log_in(
    struct session *session, CK_SLOT_ID slot, char *pin, size_t len, const struct reason *reason)
{
    if (module.calls->C_OpenSession(
            slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session->handle) != CKR_OK)
        return refuse(reason, ERR_IO, "the token opens no session");
    CK_RV result = module.calls->C_Login(session->handle, CKU_USER, (CK_UTF8CHAR *)pin, len);
    if (result == CKR_OK || result == CKR_USER_ALREADY_LOGGED_IN) {
        session->open = true;
        session->generation++;
        return ERR_OK;
    }
    module.calls->C_CloseSession(session->handle);
    return refuse(reason, ERR_INVALID,
        result == CKR_PIN_INCORRECT ? "the PIN is not right" : "the token takes no login");
}

static enum err open_session(const struct pkcs11_uri *uri, const uint8_t *pin, size_t pin_len,
    struct session **out, const struct reason *reason)
{
    CK_SLOT_ID slot;
    struct arena arena;
    char *text = NULL;
    size_t len = 0;
    struct session *session = session_of(uri->token);
    if (session == NULL)
        return refuse(reason, ERR_LIMIT, "keys of more than %d tokens are not opened", TOKENS_MAX);
    *out = session;
    if (session->open)
        return ERR_OK;
    enum err err = find_slot(uri->token, &slot, reason);
    if (err != ERR_OK)
        return err;
    arena_init(&arena, 0);
    err = read_pin(uri, pin, pin_len, &arena, &text, &len, reason);
    if (err == ERR_OK)
        err = log_in(session, slot, text, len, reason);
    if (text != NULL)
        explicit_bzero(text, len);
    arena_clear(&arena);
    return err;
}

/* The token was taken away, started again, or has thrown us out: the next key that is opened logs in anew. */
static bool is_lost(CK_RV result)
{
    static const CK_RV losses[] = {CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_DEVICE_REMOVED,
        CKR_DEVICE_ERROR, CKR_TOKEN_NOT_PRESENT, CKR_USER_NOT_LOGGED_IN, CKR_KEY_HANDLE_INVALID,
        CKR_OBJECT_HANDLE_INVALID};
    for (size_t i = 0; i < ARRAY_COUNT(losses); i++) {
        if (losses[i] == result)
            return true;
    }
    return false;
}

static void lose(struct session *session)
{
    if (session->open)
        module.calls->C_CloseSession(session->handle);
    session->open = false;
}

/* ---- objects ---- */

static enum err find_object(struct session *session, const struct pkcs11_uri *uri, CK_OBJECT_CLASS class,
    CK_OBJECT_HANDLE *object, const struct reason *reason)
{
    CK_OBJECT_HANDLE found[OBJECTS_MAX];
    CK_ULONG count = 0, used = 1;
    CK_ATTRIBUTE wanted[3] = {{CKA_CLASS, &class, sizeof class}};
    if (uri->object[0] != '\0')
        wanted[used++] = (CK_ATTRIBUTE){CKA_LABEL, (void *)(uintptr_t)uri->object, strlen(uri->object)};
    if (uri->id_len > 0)
        wanted[used++] = (CK_ATTRIBUTE){CKA_ID, (void *)(uintptr_t)uri->id, uri->id_len};
    CK_RV result = module.calls->C_FindObjectsInit(session->handle, wanted, used);
    if (result != CKR_OK) {
        if (is_lost(result))
            lose(session);
        return refuse(reason, ERR_IO, "the token cannot be searched (0x%lx)", (unsigned long)result);
    }
    result = module.calls->C_FindObjects(session->handle, found, OBJECTS_MAX, &count);
    module.calls->C_FindObjectsFinal(session->handle);
    if (result != CKR_OK || count == 0)
        return refuse(reason, ERR_MISSING, "the token has no key \"%s\"", uri->object);
    if (count > 1) /* DENIC 2026: several keys under one name, and any of them signs */
        return refuse(reason, ERR_INVALID, "the token has more than one key \"%s\"", uri->object);
    *object = found[0];
    return ERR_OK;
}

/* ---- signing ---- */

/* PKCS #1 1.5 wants the digest with its name before it (RFC 8017 9.2). */
static size_t digest_info(const struct algorithm *algorithm, const uint8_t *message, size_t len, uint8_t *out)
{
    static const uint8_t sha256[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
        0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    static const uint8_t sha512[] = {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
        0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40};
    memcpy(out, algorithm->digest == DIGEST_SHA256 ? sha256 : sha512, sizeof sha256);
    return sizeof sha256 + digest_make(algorithm->digest, message, len, out + sizeof sha256);
}

static enum err token_sign(void *handle, const struct algorithm *algorithm, const uint8_t *message,
    size_t len, uint8_t *signature, size_t *signature_len)
{
    const struct token_key *key = handle;
    uint8_t input[DIGEST_MAX + 32];
    const uint8_t *octets = input;
    size_t octets_len;
    CK_MECHANISM mechanism = {0};
    CK_ULONG made = SIGNATURE_MAX;
    if (algorithm->kind == KIND_RSA) {
        mechanism.mechanism = CKM_RSA_PKCS;
        octets_len = digest_info(algorithm, message, len, input);
    } else if (algorithm->kind == KIND_ECDSA) {
        mechanism.mechanism = CKM_ECDSA; /* r | s, as DNSSEC has it */
        octets_len = digest_make(algorithm->digest, message, len, input);
    } else {
        mechanism.mechanism = CKM_EDDSA;
        octets = message;
        octets_len = len;
    }
    pthread_mutex_lock(&module.lock);
    struct session *session = key->session;
    bool current = session->open && session->generation == key->generation;
    CK_RV result = current ? module.calls->C_SignInit(session->handle, &mechanism, key->object)
                           : (CK_RV)CKR_SESSION_CLOSED;
    if (result == CKR_OK)
        result =
            module.calls->C_Sign(session->handle, (CK_BYTE *)(uintptr_t)octets, octets_len, signature, &made);
    if (current && is_lost(result))
        lose(session);
    pthread_mutex_unlock(&module.lock);
    *signature_len = made;
    return result == CKR_OK ? ERR_OK : ERR_IO;
}

static void token_release(void *handle)
{
    free(handle);
}

static const struct keypair_device device = {.sign = token_sign, .release = token_release};

static enum err attach(struct key *key, struct session *session, unsigned generation, CK_OBJECT_HANDLE object)
{
    struct token_key *handle = malloc(sizeof *handle);
    struct keypair *pair;
    if (handle == NULL)
        return ERR_MEMORY;
    *handle = (struct token_key){session, generation, object};
    enum err err =
        keypair_foreign(key->algorithm, key->public_octets, key->public_len, &device, handle, &pair);
    if (err != ERR_OK) {
        free(handle);
        return err;
    }
    keypair_release(key->pair);
    key->pair = pair;
    return ERR_OK;
}

static enum err begin(const char *path, const char *text, const uint8_t *pin, size_t pin_len,
    struct pkcs11_uri *uri, struct session **session, const struct reason *reason)
{
    if (!pkcs11_uri_read(text, uri))
        return refuse(reason, ERR_SYNTAX, "\"%s\" is no PKCS#11 URI (RFC 7512)", text);
    enum err err = load_module(path, reason);
    return err != ERR_OK ? err : open_session(uri, pin, pin_len, session, reason);
}

enum err pkcs11_open(const char *path, const char *text, const uint8_t *pin, size_t pin_len, struct key *key,
    char *why, size_t why_size)
{
    const struct reason reason = {why, why_size};
    struct pkcs11_uri uri;
    struct session *session;
    CK_OBJECT_HANDLE object;
    unsigned generation = 0;
    pthread_mutex_lock(&module.lock);
    enum err err = begin(path, text, pin, pin_len, &uri, &session, &reason);
    if (err == ERR_OK) {
        err = find_object(session, &uri, CKO_PRIVATE_KEY, &object, &reason);
        generation = session->generation;
    }
    pthread_mutex_unlock(&module.lock);
    return err == ERR_OK ? attach(key, session, generation, object) : err;
}

/* ---- making keys ---- */

static CK_RV generate(const struct session *session, const struct pkcs11_uri *uri,
    const struct algorithm *algorithm, CK_ULONG bits, CK_OBJECT_HANDLE *public, CK_OBJECT_HANDLE *private)
{
    static CK_BYTE p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7},
                   p384[] = {6, 5, 0x2b, 0x81, 4, 0, 0x22};
    static CK_BYTE ed25519[] = {0x13, 12, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'};
    CK_BYTE exponent[] = {1, 0, 1};
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ATTRIBUTE common[] = {{CKA_TOKEN, &yes, 1},
        {CKA_LABEL, (void *)(uintptr_t)uri->object, strlen(uri->object)},
        {CKA_ID, (void *)(uintptr_t)uri->id, uri->id_len}};
    CK_ATTRIBUTE public_template[6], private_template[6];
    CK_ULONG public_count = 3, private_count = 3;
    memcpy(public_template, common, sizeof common);
    memcpy(private_template, common, sizeof common);
    public_template[public_count++] = (CK_ATTRIBUTE){CKA_VERIFY, &yes, 1};
    private_template[private_count++] = (CK_ATTRIBUTE){CKA_SIGN, &yes, 1};
    private_template[private_count++] = (CK_ATTRIBUTE){CKA_SENSITIVE, &yes, 1};
    private_template[private_count++] = (CK_ATTRIBUTE){CKA_EXTRACTABLE, &no, 1};
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    if (algorithm->kind == KIND_RSA) {
        mechanism.mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN;
        public_template[public_count++] = (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof bits};
        public_template[public_count++] = (CK_ATTRIBUTE){CKA_PUBLIC_EXPONENT, exponent, sizeof exponent};
    } else if (algorithm->kind == KIND_ED25519) {
        mechanism.mechanism = CKM_EC_EDWARDS_KEY_PAIR_GEN;
        public_template[public_count++] = (CK_ATTRIBUTE){CKA_EC_PARAMS, ed25519, sizeof ed25519};
    } else {
        bool small = algorithm->number == ALGORITHM_ECDSAP256;
        public_template[public_count++] =
            (CK_ATTRIBUTE){CKA_EC_PARAMS, small ? p256 : p384, small ? sizeof p256 : sizeof p384};
    }
    return module.calls->C_GenerateKeyPair(session->handle, &mechanism, public_template, public_count,
        private_template, private_count, public, private);
}

static bool read_attribute(const struct session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
    uint8_t *out, size_t room, size_t *len)
{
    CK_ATTRIBUTE attribute = {type, out, room};
    if (module.calls->C_GetAttributeValue(session->handle, object, &attribute, 1) != CKR_OK)
        return false;
    *len = attribute.ulValueLen;
    return *len <= room;
}

/* The public key as a DNSKEY has it. */
static size_t read_public(const struct session *session, const struct algorithm *algorithm,
    CK_OBJECT_HANDLE object, uint8_t out[PUBLIC_MAX])
{
    uint8_t point[256];
    size_t len, exponent;
    if (algorithm->kind == KIND_RSA) {
        if (!read_attribute(session, object, CKA_PUBLIC_EXPONENT, out + 1, 255, &exponent) ||
            !read_attribute(session, object, CKA_MODULUS, out + 1 + exponent, PUBLIC_MAX - 256, &len))
            return 0;
        out[0] = (uint8_t)exponent;
        return 1 + exponent + len;
    }
    /* A DER OCTET STRING around the point; ECDSA's point begins with 4, uncompressed. */
    if (!read_attribute(session, object, CKA_EC_POINT, point, sizeof point, &len) ||
        len < algorithm->public_len)
        return 0;
    memcpy(out, point + len - algorithm->public_len, algorithm->public_len);
    return algorithm->public_len;
}

enum err pkcs11_generate(const char *path, const char *text, const uint8_t *pin, size_t pin_len,
    const uint8_t *owner, const struct algorithm *algorithm, unsigned bits, uint16_t flags, struct key **out,
    char *why, size_t why_size)
{
    const struct reason reason = {why, why_size};
    struct pkcs11_uri uri;
    struct session *session;
    unsigned generation = 0;
    CK_OBJECT_HANDLE public, private;
    uint8_t octets[PUBLIC_MAX];
    size_t len = 0;
    pthread_mutex_lock(&module.lock);
    enum err err = begin(path, text, pin, pin_len, &uri, &session, &reason);
    if (err == ERR_OK && find_object(session, &uri, CKO_PRIVATE_KEY, &private, &reason) != ERR_MISSING)
        err = refuse(&reason, ERR_EXISTS, "the token has a key \"%s\" already", uri.object);
    if (err == ERR_OK) {
        generation = session->generation;
        CK_RV result =
            generate(session, &uri, algorithm, bits != 0 ? bits : algorithm->bits, &public, &private);
        len = result == CKR_OK ? read_public(session, algorithm, public, octets) : 0;
        if (len == 0)
            err = refuse(&reason, ERR_UNSUPPORTED, "the token makes no key of %s (0x%lx)", algorithm->name,
                (unsigned long)result);
    }
    pthread_mutex_unlock(&module.lock);
    struct keypair *pair;
    if (err == ERR_OK)
        err = keypair_public(algorithm, octets, len, &pair);
    if (err != ERR_OK)
        return err;
    struct key *key = key_new(owner, algorithm, flags, pair);
    err = key != NULL ? attach(key, session, generation, private) : ERR_MEMORY;
    if (err == ERR_OK)
        *out = key;
    else
        key_release(key);
    return err;
}
