/* world/kube_config.c: kubeconfig files (client.config/v1), read without running anything, and written for kubectl. */
#include "base/hash.h"
#include "base/yaml.h"
#include "world/aws_parts.h"
#include "world/kube_parts.h"

enum { FILE_MOST_BYTES = 1 << 20 };

struct config_reading {
    struct arena *arena;
    const char *file, *directory;
    struct findings findings;
};

static void config_find(struct config_reading *reading, const struct value *at, const char *text) {
    findings_add(&reading->findings, reading->arena, value_place(at, reading->file), NULL, "%s", text);
}

/* The error has one line: the first finding with its place, and the others behind it. */
static bool config_refuse(struct config_reading *reading, struct error *err) {
    struct findings *findings = &reading->findings;
    TEXT_AUTO text;
    findings_sort(findings);
    text_init(&text, sizeof err->text);
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (i > 0)
            text_add_string(&text, "; ");
        if (finding->place.line > 0)
            text_add(&text, "line %u: ", (unsigned)finding->place.line);
        text_add_string(&text, finding->text);
    }
    return error_set_at(err, ERROR_INVALID, findings->items[0].place, "kubeconfig %s: %s", reading->file,
                        text.length == 0 ? "it cannot be used" : text.data);
}

/* "clusters", "users" and "contexts" are lists of {name, cluster | user | context}. */
static const struct value *config_entry(const struct value *config, const char *list_name, const char *member, const char *name) {
    const struct value *list = value_at(config, list_name);
    for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++) {
        if (text_equal(value_text_at(&list->list.items[i], "name"), name))
            return value_at(&list->list.items[i], member);
    }
    return NULL;
}

/* What would run a program, weaken the connection, or is not spoken; and what to do instead. */
struct refusal {
    const char *name, *why;
};

static const struct refusal user_refusals[] = {
    {"exec", "is refused: eksact runs no programs; declare an EKS cluster as kind Cluster (tokens are then made here), or put a token, "
             "tokenFile or client certificate"},
    {"auth-provider", "is refused: eksact runs no sign-in plugins; put a token, tokenFile or client certificate"},
    {"username", "is refused: Kubernetes has no passwords since 1.19; put a token, tokenFile or client certificate"},
    {"password", "is refused: Kubernetes has no passwords since 1.19; put a token, tokenFile or client certificate"},
    {"as", "is refused: impersonation is not spoken; give the user the permissions itself"},
    {"as-groups", "is refused: impersonation is not spoken; give the user the permissions itself"},
    {"as-uid", "is refused: impersonation is not spoken; give the user the permissions itself"},
    {"as-user-extra", "is refused: impersonation is not spoken; give the user the permissions itself"},
};
static const struct refusal cluster_refusals[] = {
    {"insecure-skip-tls-verify",
     "is refused: anybody on the way could read the token; put certificate-authority-data, and tls-server-name if the name differs"},
    {"proxy-url", "is refused: set HTTPS_PROXY and NO_PROXY in the environment instead"},
};

static void config_refusals(struct config_reading *reading, const char *what, const struct value *map, const struct refusal *refusals,
                            size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct value *given = value_find(map, refusals[i].name);
        if (given == NULL || value_is(given, VALUE_NULL) || (value_is(given, VALUE_BOOLEAN) && !given->boolean))
            continue;
        config_find(reading, given, arena_text(reading->arena, "%s.%s %s", what, refusals[i].name, refusals[i].why));
    }
}

static const char *config_text(struct config_reading *reading, const struct value *map, const char *name) {
    const struct value *given = value_find(map, name);
    if (given == NULL || value_is(given, VALUE_NULL))
        return NULL;
    if (!value_is(given, VALUE_TEXT)) {
        config_find(reading, given,
                    arena_text(reading->arena, "%s must be a string, not a %s", name, value_type_name((enum value_type)given->type)));
        return NULL;
    }
    return text_is_empty(value_text(given)) ? NULL : value_text(given);
}

static const char *config_path(struct config_reading *reading, const struct value *at, const char *name, const char *path) {
    if (reading->directory == NULL) {
        config_find(reading, at,
                    arena_text(reading->arena,
                               "%s names a file, which a kubeconfig from here may not: embed it as %s-data, or the token as token", name,
                               name));
        return NULL;
    }
    return path[0] == '/' ? path : arena_text(reading->arena, "%s/%s", reading->directory, path);
}

/* NAME-data (base64) beats NAME (a file), as with kubectl. */
static const char *config_pem(struct config_reading *reading, const struct value *map, const char *name) {
    const char *data_name = arena_text(reading->arena, "%s-data", name);
    const char *data = config_text(reading, map, data_name), *path = config_text(reading, map, name), *pem = NULL;
    char *decoded = NULL;
    size_t length = 0;
    if (data != NULL) {
        if (!base64_decode(reading->arena, data, strlen(data), &decoded, &length) || strlen(decoded) != length ||
            strstr(decoded, "-----BEGIN ") == NULL) {
            config_find(reading, value_find(map, data_name), arena_text(reading->arena, "%s is not PEM in base64", data_name));
            return NULL;
        }
        return decoded;
    }
    if (path == NULL)
        return NULL;
    path = config_path(reading, value_find(map, name), name, path);
    struct error err = {0};
    if (path != NULL && !file_text(reading->arena, path, FILE_MOST_BYTES, &pem, &err))
        config_find(reading, value_find(map, name), arena_text(reading->arena, "%s: %s", name, err.text));
    if (pem != NULL && strstr(pem, "-----BEGIN ") == NULL)
        config_find(reading, value_find(map, name), arena_text(reading->arena, "%s: %s is not PEM", name, path));
    return pem;
}

static void cluster_take(struct config_reading *reading, const struct value *cluster, const struct value *at, struct kube_config *out) {
    config_refusals(reading, "cluster", cluster, cluster_refusals, sizeof cluster_refusals / sizeof cluster_refusals[0]);
    out->server = config_text(reading, cluster, "server");
    out->server_name = config_text(reading, cluster, "tls-server-name");
    out->ca_pem = config_pem(reading, cluster, "certificate-authority");
    if (out->server == NULL)
        config_find(reading, cluster == NULL ? at : cluster, "the cluster has no server");
}

static void user_take(struct config_reading *reading, const struct value *user, struct kube_config *out) {
    size_t before = reading->findings.count;
    config_refusals(reading, "user", user, user_refusals, sizeof user_refusals / sizeof user_refusals[0]);
    out->token = config_text(reading, user, "token");
    out->token_file = config_text(reading, user, "tokenFile");
    if (out->token_file != NULL)
        out->token_file = config_path(reading, value_find(user, "tokenFile"), "tokenFile", out->token_file);
    out->client_pem = config_pem(reading, user, "client-certificate");
    out->client_key_pem = config_pem(reading, user, "client-key");
    if (reading->findings.count > before)
        return;
    if ((out->client_pem == NULL) != (out->client_key_pem == NULL))
        config_find(reading, user, "a client certificate needs its key, and a key its certificate");
    else if (out->token == NULL && out->token_file == NULL && out->client_pem == NULL)
        config_find(reading, user,
                    arena_text(reading->arena, "user \"%s\" has neither token, tokenFile nor client certificate", out->user));
}

static const char *context_names(struct config_reading *reading, const struct value *config) {
    TEXT_AUTO text;
    text_init(&text, 160);
    const struct value *list = value_at(config, "contexts");
    for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++) {
        const char *name = value_text_at(&list->list.items[i], "name");
        if (name != NULL)
            text_add(&text, "%s\"%s\"", text.length == 0 ? "" : ", ", name);
    }
    return text.length == 0 ? "none" : text_copy(&text, reading->arena);
}

static void config_take(struct config_reading *reading, const struct value *config, const char *context_name, struct kube_config *out) {
    out->context = context_name != NULL ? context_name : config_text(reading, config, "current-context");
    if (out->context == NULL) {
        config_find(reading, config,
                    arena_text(reading->arena, "it has no current-context: name one (it has %s)", context_names(reading, config)));
        return;
    }
    const struct value *context = config_entry(config, "contexts", "context", out->context);
    if (context == NULL) {
        config_find(reading, config,
                    arena_text(reading->arena, "it has no context \"%s\" (it has %s)", out->context, context_names(reading, config)));
        return;
    }
    const char *cluster_name = config_text(reading, context, "cluster");
    out->user = config_text(reading, context, "user");
    const struct value *cluster = cluster_name == NULL ? NULL : config_entry(config, "clusters", "cluster", cluster_name);
    const struct value *user = out->user == NULL ? NULL : config_entry(config, "users", "user", out->user);
    if (cluster == NULL)
        config_find(reading, context, arena_text(reading->arena, "context \"%s\" names no cluster that is there", out->context));
    else
        cluster_take(reading, cluster, context, out);
    if (user == NULL)
        config_find(reading, context, arena_text(reading->arena, "context \"%s\" names no user that is there", out->context));
    else
        user_take(reading, user, out);
}

bool kube_config_read(struct arena *arena, const char *file, const char *bytes, size_t length, const char *directory,
                      const char *context_name, struct kube_config *out, struct error *err) {
    struct config_reading reading = {.arena = arena, .file = file, .directory = directory};
    struct yaml_documents documents = {0};
    struct kube_config config = {0};
    yaml_parse(arena, file, bytes, length, &documents, &reading.findings);
    if (reading.findings.error_count == 0) {
        if (documents.count != 1 || !value_is(&documents.items[0], VALUE_MAP))
            return error_set(err, ERROR_INVALID, "kubeconfig %s: it must be one YAML document, a map", file);
        config_take(&reading, &documents.items[0], context_name, &config);
    }
    if (reading.findings.error_count > 0)
        return config_refuse(&reading, err);
    *out = config;
    return true;
}

/* ---- for kubectl ---- */

static bool scalar_is_plain(const char *scalar) {
    static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(scalar, words[i]) == 0)
            return false;
    }
    bool begins = (scalar[0] >= 'A' && scalar[0] <= 'Z') || (scalar[0] >= 'a' && scalar[0] <= 'z');
    size_t length = strlen(scalar);
    return begins && scalar[length - 1] != ':' &&
           strspn(scalar, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:/+=@") == length;
}

static void scalar_add(struct text *text, const char *before, const char *scalar) {
    text_add_string(text, before);
    if (scalar_is_plain(scalar)) {
        text_add_string(text, scalar);
    } else {
        text_add_string(text, "'");
        for (const char *at = scalar; *at != '\0'; at++)
            text_add(text, *at == '\'' ? "''" : "%c", *at);
        text_add_string(text, "'");
    }
    text_add_string(text, "\n");
}

void kube_config_render(const char *cluster_name, const char *cluster_arn, const char *region, const char *server_url,
                        const char *ca_base64, const char *assume_role_arn, struct text *out) {
    text_add_string(out, "apiVersion: v1\nclusters:\n- cluster:\n");
    scalar_add(out, "    certificate-authority-data: ", ca_base64);
    scalar_add(out, "    server: ", server_url);
    scalar_add(out, "  name: ", cluster_arn);
    scalar_add(out, "contexts:\n- context:\n    cluster: ", cluster_arn);
    scalar_add(out, "    user: ", cluster_arn);
    scalar_add(out, "  name: ", cluster_arn);
    scalar_add(out, "current-context: ", cluster_arn);
    scalar_add(out, "kind: Config\npreferences: {}\nusers:\n- name: ", cluster_arn);
    text_add_string(out, "  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      args:\n");
    scalar_add(out, "      - --region\n      - ", region);
    scalar_add(out, "      - eks\n      - get-token\n      - --cluster-name\n      - ", cluster_name);
    text_add_string(out, "      - --output\n      - json\n");
    if (assume_role_arn != NULL)
        scalar_add(out, "      - --role\n      - ", assume_role_arn);
    text_add_string(out, "      command: aws\n");
}
