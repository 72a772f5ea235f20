/* world/kube.c: a connection to an API server: its address, whom it trusts, and where its token comes from. */
#include "world/kube_parts.h"

#include <errno.h>

#include "world/aws_parts.h"

#define SERVICE_ACCOUNT_DIRECTORY "/var/run/secrets/kubernetes.io/serviceaccount"

enum { TOKEN_MOST_BYTES = 64 << 10, CA_MOST_BYTES = 1 << 20, TOKEN_READ_AGAIN_MS = 60000 };

static char *copied(const char *text) {
    if (text == NULL)
        return NULL;
    char *copy = strdup(text);
    if (copy == NULL)
        abort();
    return copy;
}

static void wiped_free(char *text) {
    if (text != NULL)
        secret_wipe(text, strlen(text));
    free(text);
}

/* A token goes over plain HTTP only within this machine. */
static bool is_loopback(const char *authority) {
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        size_t length = strlen(hosts[i]);
        if (strncmp(authority, hosts[i], length) == 0 && strchr(":/", authority[length]) != NULL)
            return true;
    }
    return false;
}

static bool server_check(const char *url, struct error *err) {
    bool secure = text_starts(url, "https://");
    if (!secure && !text_starts(url, "http://"))
        return error_set(err, ERROR_INVALID, "the server's address must begin with https://");
    const char *authority = url + (secure ? strlen("https://") : strlen("http://"));
    size_t length = strcspn(authority, "/");
    if (length == 0 || memchr(authority, '@', length) != NULL || strpbrk(url, "?#") != NULL)
        return error_set(err, ERROR_INVALID, "the server's address must be https://HOST[:PORT][/PATH], with no user, query or fragment");
    for (const char *at = url; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return error_set(err, ERROR_INVALID, "the server's address has a blank or a control character");
    }
    if (!secure && !is_loopback(authority))
        return error_set(err, ERROR_INVALID, "the server's address must begin with https://: a token would be readable on the way");
    return true;
}

static bool authority_check(const char *ca_pem, struct error *err) {
    if (ca_pem == NULL || strstr(ca_pem, "-----BEGIN CERTIFICATE-----") != NULL)
        return true;
    return error_set(err, ERROR_INVALID, "the certificate authority is not PEM: it has no \"-----BEGIN CERTIFICATE-----\"");
}

static bool kube_make(const char *server_url, const char *ca_pem, struct kube **out, struct error *err) {
    if (!server_check(server_url, err) || !authority_check(ca_pem, err))
        return false;
    struct kube *kube = calloc(1, sizeof *kube);
    if (kube == NULL)
        abort();
    kube->server = copied(server_url);
    for (size_t length = strlen(kube->server); length > 0 && kube->server[length - 1] == '/'; length--)
        kube->server[length - 1] = '\0';
    kube->trust.ca_pem = copied(ca_pem);
    kube->served = kube_served_new();
    *out = kube;
    return true;
}

bool kube_new(const char *server_url, const char *ca_pem, kube_token *token, void *context, struct kube **out, struct error *err) {
    struct kube *kube = NULL;
    if (!kube_make(server_url, ca_pem, &kube, err))
        return false;
    kube->credentials.token = token;
    kube->credentials.context = context;
    kube->credentials.whose = copied("the token of eksact's AWS identity");
    kube->credentials.remedy = copied("give that identity access to the cluster with an AccessEntry, and check the clock of this machine");
    *out = kube;
    return true;
}

static void kube_take_config(struct kube *kube, const struct kube_config *config, const char *file) {
    struct kube_credentials *credentials = &kube->credentials;
    ARENA_AUTO *scratch = arena_new();
    kube->trust.client_pem = copied(config->client_pem);
    kube->trust.client_key_pem = copied(config->client_key_pem);
    kube->trust.server_name = copied(config->server_name);
    if (config->token_file != NULL)
        credentials->file = copied(config->token_file);
    else if (config->token != NULL)
        secret_set(&credentials->fixed, config->token, strlen(config->token));
    credentials->clock = clock_system();
    bool by_token = config->token_file != NULL || config->token != NULL;
    credentials->whose =
        copied(arena_text(scratch, "the %s of user \"%s\" in %s", by_token ? "token" : "client certificate", config->user, file));
    credentials->remedy = copied("it may have expired or been revoked: put a new one there");
}

/* The copies of the connection live on; what was read goes back to the heap. */
static void config_wipe(const struct kube_config *config) {
    const char *const texts[] = {config->token, config->client_key_pem};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i] != NULL)
            secret_wipe((char *)texts[i], strlen(texts[i]));
    }
}

bool kube_new_from_config(const char *file, const char *bytes, size_t length, const char *directory, const char *context_name,
                          struct kube **out, struct error *err) {
    ARENA_AUTO *scratch = arena_new();
    struct kube_config config = {0};
    struct kube *kube = NULL;
    if (!kube_config_read(scratch, file, bytes, length, directory, context_name, &config, err))
        return false;
    bool made = kube_make(config.server, config.ca_pem, &kube, err);
    if (made)
        kube_take_config(kube, &config, file);
    config_wipe(&config);
    if (!made)
        return error_wrap(err, "%s, context \"%s\"", file, config.context);
    *out = kube;
    return true;
}

static const char *environment_text(const struct environment *environment, const char *name) {
    return environment->get(environment->context, name);
}

bool kube_new_in_cluster(const struct environment *environment, struct clock *clock, struct kube **out, struct error *err) {
    ARENA_AUTO *scratch = arena_new();
    const char *host = environment_text(environment, "KUBERNETES_SERVICE_HOST"),
               *port = environment_text(environment, "KUBERNETES_SERVICE_PORT");
    const char *ca_pem = NULL;
    struct kube *kube = NULL;
    if (text_is_empty(host) || text_is_empty(port))
        return error_set(err, ERROR_INVALID,
                         "this is no pod of a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; outside of one, "
                         "use a kubeconfig");
    if (!file_text(scratch, SERVICE_ACCOUNT_DIRECTORY "/ca.crt", CA_MOST_BYTES, &ca_pem, err))
        return error_wrap(err, "the cluster's certificate authority");
    bool bare_ipv6 = strchr(host, ':') != NULL && host[0] != '[';
    if (!kube_make(arena_text(scratch, bare_ipv6 ? "https://[%s]:%s" : "https://%s:%s", host, port), ca_pem, &kube, err))
        return false;
    kube->credentials.file = copied(SERVICE_ACCOUNT_DIRECTORY "/token");
    kube->credentials.clock = clock;
    kube->credentials.whose = copied("the token of the pod's ServiceAccount (" SERVICE_ACCOUNT_DIRECTORY "/token)");
    kube->credentials.remedy = copied("check that the ServiceAccount still exists and that its token is mounted");
    struct secret first = {0};
    bool readable = kube_credentials_token(&kube->credentials, &first, err);
    secret_done(&first);
    if (!readable) {
        kube_free(kube);
        return false;
    }
    *out = kube;
    return true;
}

void kube_free(struct kube *kube) {
    if (kube == NULL)
        return;
    for (size_t i = 0; i < kube->list_count; i++)
        kube_list_free(kube->lists[i]);
    free(kube->lists);
    kube_served_free(kube->served);
    secret_done(&kube->credentials.fixed);
    secret_done(&kube->credentials.from_file);
    free(kube->credentials.file);
    free(kube->credentials.whose);
    free(kube->credentials.remedy);
    wiped_free((char *)kube->trust.ca_pem);
    wiped_free((char *)kube->trust.client_pem);
    wiped_free((char *)kube->trust.client_key_pem);
    wiped_free((char *)kube->trust.server_name);
    free(kube->server);
    free(kube);
}

const char *kube_server(const struct kube *kube) {
    return kube->server;
}

/* ---- tokens ---- */

static bool token_is_sendable(const char *token, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)token[i] <= ' ' || (unsigned char)token[i] >= 0x7f)
            return false;
    }
    return length > 0;
}

static bool token_file_read(struct kube_credentials *credentials, struct error *err) {
    char buffer[TOKEN_MOST_BYTES];
    FILE *file = fopen(credentials->file, "re");
    if (file == NULL)
        return error_set(err, ERROR_DENIED, "token file %s: %s", credentials->file, strerror(errno));
    setvbuf(file, NULL, _IONBF, 0); /* no copy of the token in a buffer that is not wiped */
    size_t length = fread(buffer, 1, sizeof buffer, file);
    bool whole = ferror(file) == 0 && length < sizeof buffer;
    fclose(file);
    while (whole && length > 0 && strchr(" \t\r\n", buffer[length - 1]) != NULL)
        length--;
    bool usable = whole && token_is_sendable(buffer, length);
    if (usable)
        secret_set(&credentials->from_file, buffer, length);
    secret_wipe(buffer, sizeof buffer);
    return usable ||
           error_set(err, ERROR_DENIED, "token file %s holds no token: one line of printable characters, below 64 KiB", credentials->file);
}

/* The kubelet writes a new token long before the old one ends, so one failed look is no reason to stop. */
static bool token_from_file(struct kube_credentials *credentials, struct error *err) {
    int64_t now_ms = clock_steady_ms(credentials->clock);
    if (credentials->from_file.length > 0 && now_ms - credentials->file_read_ms < TOKEN_READ_AGAIN_MS)
        return true;
    struct error trouble = {0};
    if (!token_file_read(credentials, &trouble) && credentials->from_file.length == 0) {
        *err = trouble;
        return false;
    }
    credentials->file_read_ms = now_ms;
    return true;
}

bool kube_credentials_token(struct kube_credentials *credentials, struct secret *out, struct error *err) {
    const struct secret *kept = &credentials->fixed;
    if (credentials->token != NULL) {
        if (!credentials->token(credentials->context, out, err))
            return false;
        return out->length == 0 || token_is_sendable(out->reveal, out->length) ||
               error_set(err, ERROR_DENIED, "%s has characters that no HTTP header can carry", credentials->whose);
    }
    if (credentials->file != NULL) {
        if (!token_from_file(credentials, err))
            return false;
        kept = &credentials->from_file;
    }
    if (kept->length > 0)
        secret_set(out, kept->reveal, kept->length);
    return true;
}

/* ---- readers of lists ---- */

struct kube_list *kube_list_borrow(struct kube *kube) {
    if (kube->list_rest_count > 0) {
        /* Those at rest stand first: the last of them becomes the first that is lent. */
        return kube->lists[--kube->list_rest_count];
    }
    struct kube_list **lists = realloc(kube->lists, (kube->list_count + 1) * sizeof(struct kube_list *));
    if (lists == NULL)
        abort();
    kube->lists = lists;
    return kube->lists[kube->list_count++] = kube_list_new();
}

void kube_list_return(struct kube *kube, struct kube_list *list) {
    for (size_t i = kube->list_rest_count; i < kube->list_count; i++) {
        if (kube->lists[i] != list)
            continue;
        kube->lists[i] = kube->lists[kube->list_rest_count];
        kube->lists[kube->list_rest_count++] = list;
        return;
    }
}
