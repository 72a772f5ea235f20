/* kubernetes.c: a request to a simulated API server: who asks, what for, and whose part it is to answer. */
#include "sandbox/kubernetes.h"

enum { PARTS_MOST = 12 };

static size_t path_split(struct arena *arena, const char *path, char **parts) {
    size_t count = 0;
    char *copy = arena_copy(arena, path, strlen(path));
    char *rest = NULL;
    for (char *part = strtok_r(copy, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
        if (count == PARTS_MOST)
            return PARTS_MOST + 1;
        parts[count++] = world_decode(arena, part);
    }
    return count;
}

/* What is behind the group and version: PLURAL[/NAME[/SUBRESOURCE]], in a namespace or not. False: no such resource. */
static bool route(struct kubernetes_call *call, char *const *parts, size_t count) {
    if (count < 3 || count > PARTS_MOST)
        return false;
    bool core = text_equal(parts[0], "api");
    if (!core && !text_equal(parts[0], "apis"))
        return false;
    const char *group = core ? "" : parts[1];
    const char *version = parts[core ? 1 : 2];
    char *const *rest = parts + (core ? 2 : 3);
    size_t rest_count = count - (core ? 2u : 3u);
    if (rest_count == 0)
        return false;
    call->space = call->name = call->subresource = "";
    /* /namespaces/NAME and its subresources are the Namespace itself. */
    bool own = core && rest_count == 3 && (text_equal(rest[2], "status") || text_equal(rest[2], "finalize"));
    if (text_equal(rest[0], "namespaces") && rest_count >= 3 && !own) {
        call->space = rest[1];
        rest += 2;
        rest_count -= 2;
    }
    if (rest_count > 3 || !kubernetes_kind_find(call->world, call->cluster, group, version, rest[0], &call->kind))
        return false;
    if (rest_count > 1)
        call->name = rest[1];
    if (rest_count > 2)
        call->subresource = rest[2];
    return call->kind.namespaced ? *call->space || rest_count == 1 : !*call->space;
}

static bool authenticate(struct kubernetes_call *call) {
    const char *authorization = world_header(call->exchange, "authorization");
    if (!authorization || strncasecmp(authorization, "bearer ", 7) != 0)
        return false;
    call->identity = aws_token_identity(call->world, authorization + 7, call->cluster);
    return call->identity != NULL;
}

/* "kubectl/v1.36.3 (linux/amd64)" writes as kubectl: managedfields.ManagerOrUserAgent. */
static const char *manager_of(struct kubernetes_call *call) {
    const char *given = kubernetes_call_query(call, "fieldManager");
    if (!text_is_empty(given))
        return given;
    const char *agent = world_header(call->exchange, "user-agent");
    if (text_is_empty(agent))
        return "unknown";
    return arena_copy(call->arena, agent, strcspn(agent, "/"));
}

static bool subresource_is_served(const struct kubernetes_call *call) {
    const char *name = call->subresource;
    if (text_equal(name, "status"))
        return call->kind.status;
    if (text_equal(name, "scale"))
        return call->kind.scale;
    if (*call->kind.group)
        return false;
    return (text_equal(name, "eviction") && text_equal(call->kind.plural, "pods")) ||
           (text_equal(name, "finalize") && text_equal(call->kind.plural, "namespaces"));
}

static bool get(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    const struct value *found = kubernetes_find(call->world, call->cluster, call->kind.group, call->kind.plural, call->space, call->name);
    if (!found)
        return kubernetes_not_found(call, refusal);
    kubernetes_answer_object(call->world, &call->kind, found, 200, call->exchange);
    return true;
}

/* In one exchange a watch says what has happened so far, and ends. */
static bool watch_so_far(struct kubernetes_call *call, const char *path) {
    struct kubernetes_watch watch;
    if (!kubernetes_watch_open(call->world, call->cluster, path, call->request, call->arena, &watch, call->exchange))
        return true;
    TEXT_AUTO text;
    text_init(&text, 256u << 20);
    (void)kubernetes_watch_next(call->world, &watch, &text);
    world_respond(call->exchange, 200, kubernetes_watch_content_type(&watch), text.data ? text.data : "", text.length);
    return true;
}

static bool evict(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    const struct value *pod = kubernetes_find(call->world, call->cluster, "", "pods", call->space, call->name);
    if (!pod)
        return kubernetes_not_found(call, refusal);
    if (!call->dry_run)
        (void)kubernetes_end(call->world, call->cluster, &call->kind, pod, "Background");
    struct value status = value_of_map();
    (void)value_set(call->arena, &status, "kind", value_of_text("Status"));
    (void)value_set(call->arena, &status, "apiVersion", value_of_text("v1"));
    (void)value_set(call->arena, &status, "metadata", value_of_map());
    (void)value_set(call->arena, &status, "status", value_of_text("Success"));
    (void)value_set(call->arena, &status, "code", value_of_integer(201));
    world_respond_json(call->exchange, 201, &status);
    return true;
}

static bool refuse_method(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    return kubernetes_refuse(call->arena, refusal, 405, "MethodNotAllowed",
                             "the server does not allow this method on the requested resource");
}

static bool answer_collection(struct kubernetes_call *call, const char *path, struct kubernetes_refusal *refusal) {
    const char *method = call->request->method;
    if (call->kind.create_only)
        return text_equal(method, "POST") ? kubernetes_review(call, refusal) : refuse_method(call, refusal);
    if (text_equal(method, "GET") && kubernetes_call_true(call, "watch"))
        return watch_so_far(call, path);
    if (text_equal(method, "GET")) {
        kubernetes_list(call->world, call->cluster, &call->kind, call->space, call->request, call->exchange);
        return true;
    }
    if (text_equal(method, "DELETE"))
        return kubernetes_delete_all(call, refusal);
    if (text_equal(method, "POST") && (*call->space || !call->kind.namespaced))
        return kubernetes_create(call, refusal);
    return refuse_method(call, refusal);
}

static bool answer_one(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    const char *method = call->request->method;
    if (*call->subresource && !subresource_is_served(call))
        return kubernetes_refuse(call->arena, refusal, 404, "NotFound", "the server could not find the requested resource");
    if (text_equal(call->subresource, "eviction"))
        return text_equal(method, "POST") ? evict(call, refusal) : refuse_method(call, refusal);
    if (text_equal(call->subresource, "scale"))
        return kubernetes_scale(call, refusal);
    if (text_equal(method, "GET"))
        return get(call, refusal);
    if (text_equal(method, "PUT"))
        return kubernetes_replace(call, refusal);
    if (text_equal(method, "PATCH"))
        return kubernetes_change(call, refusal);
    if (text_equal(method, "DELETE") && !*call->subresource)
        return kubernetes_delete(call, refusal);
    return refuse_method(call, refusal);
}

static bool dry_run_read(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    const char *dry_run = kubernetes_call_query(call, "dryRun");
    call->dry_run = text_equal(dry_run, "All");
    if (text_is_empty(dry_run) || call->dry_run)
        return true;
    return kubernetes_refuse(call->arena, refusal, 422, "Invalid", "dryRun: Unsupported value: \"%s\": supported values: \"All\"", dry_run);
}

/* A real API server in place of the simulated ones asks whose token it was given. It has no credentials of its own (its webhook is set up
 * before the cluster is), and needs none: the token under review proves itself. */
static bool is_review_for_a_real_server(const struct kubernetes_call *call, char *const *parts, size_t count) {
    const struct sandbox_options *options = call->world->options;
    return options != NULL && options->kubernetes_url != NULL && count == 4 && text_equal(call->request->method, "POST") &&
           text_equal(parts[0], "apis") && text_equal(parts[1], "authentication.k8s.io") && text_equal(parts[2], "v1") &&
           text_equal(parts[3], "tokenreviews");
}

static bool answer(struct kubernetes_call *call, const char *path, struct kubernetes_refusal *refusal) {
    char *parts[PARTS_MOST] = {NULL};
    size_t count = path_split(call->arena, path, parts);
    static const char *const probes[] = {"healthz", "readyz", "livez", NULL};
    /* The public paths of system:public-info-viewer. */
    if (count >= 1 && count <= PARTS_MOST && text_in(parts[0], probes)) {
        world_respond(call->exchange, 200, "text/plain; charset=utf-8", "ok", 2);
        return true;
    }
    bool open = (count == 1 && text_equal(parts[0], "version")) || is_review_for_a_real_server(call, parts, count);
    if (!open && !authenticate(call))
        return kubernetes_refuse(call->arena, refusal, 401, "Unauthorized", "Unauthorized");
    if (count <= PARTS_MOST && text_equal(call->request->method, "GET") &&
        kubernetes_discovery(call->world, call->cluster, parts, count, call->exchange))
        return true;
    if (!route(call, parts, count))
        return kubernetes_refuse(call->arena, refusal, 404, "NotFound", "the server could not find the requested resource");
    call->manager = manager_of(call);
    if (!dry_run_read(call, refusal))
        return false;
    return *call->name ? answer_one(call, refusal) : answer_collection(call, path, refusal);
}

void kubernetes_answer(struct world *world, const char *cluster, const char *path, const struct world_request *request,
                       struct http_exchange *exchange) {
    struct kubernetes_refusal refusal = {0};
    struct kubernetes_call call = {.world = world,
                                   .cluster = cluster,
                                   .request = request,
                                   .exchange = exchange,
                                   .arena = exchange->arena,
                                   .space = "",
                                   .name = "",
                                   .subresource = ""};
    if (!answer(&call, path, &refusal))
        kubernetes_refusal_answer(exchange, &refusal);
}

/* As kubernetes_answer's own routing, for a watch that outlives the exchange. */
bool kubernetes_watch_open(struct world *world, const char *cluster, const char *path, const struct world_request *request,
                           struct arena *arena, struct kubernetes_watch *out, struct http_exchange *exchange) {
    struct kubernetes_refusal refusal = {0};
    struct kubernetes_call call = {.world = world,
                                   .cluster = cluster,
                                   .request = request,
                                   .exchange = exchange,
                                   .arena = exchange->arena,
                                   .space = "",
                                   .name = "",
                                   .subresource = ""};
    char *parts[PARTS_MOST] = {NULL};
    size_t count = path_split(call.arena, path, parts);
    bool good = authenticate(&call) || kubernetes_refuse(arena, &refusal, 401, "Unauthorized", "Unauthorized");
    good = good && (route(&call, parts, count) ||
                    kubernetes_refuse(arena, &refusal, 404, "NotFound", "the server could not find the requested resource"));
    const char *fields = kubernetes_call_query(&call, "fieldSelector");
    good = good && kubernetes_selector_parse(arena, kubernetes_call_query(&call, "labelSelector"), fields, &out->selector, &refusal);
    if (!good) {
        kubernetes_refusal_answer(exchange, &refusal);
        return false;
    }
    struct kubernetes_selector selector = out->selector;
    const char *version = kubernetes_call_query(&call, "resourceVersion");
    const char *seconds = kubernetes_call_query(&call, "timeoutSeconds");
    int64_t after = 0;
    int64_t lasts = 0;
    if (!text_is_empty(version))
        (void)text_to_integer(version, 0, INT64_MAX, &after);
    if (text_is_empty(seconds) || !text_to_integer(seconds, 1, 86400, &lasts))
        lasts = 1800; /* the API server's --min-request-timeout */
    const char *include = kubernetes_call_query(&call, "includeObject");
    bool bookmarks = kubernetes_call_true(&call, "allowWatchBookmarks");
    bool initial = kubernetes_call_true(&call, "sendInitialEvents");
    *out = (struct kubernetes_watch){.cluster = arena_text(arena, "%s", cluster),
                                     .space = arena_text(arena, "%s", call.space),
                                     .plural = arena_text(arena, "%s", call.kind.plural),
                                     .group = arena_text(arena, "%s", call.kind.group),
                                     .version = arena_text(arena, "%s", call.kind.version),
                                     .after = after,
                                     .bookmark_ms = bookmarks ? world->now_ms + 60000 : 0,
                                     .end_ms = world->now_ms + lasts * 1000,
                                     .initial = initial || after == 0,
                                     .initial_end = initial && bookmarks,
                                     .form = kubernetes_accept(world_header(exchange, "accept")),
                                     .include = include ? arena_text(arena, "%s", include) : NULL,
                                     .selector = selector};
    /* A watch of one object by its path is a watch with a field selector. */
    if (*call.name) {
        struct kubernetes_refusal ignored = {0};
        (void)kubernetes_selector_parse(arena, NULL, arena_text(arena, "metadata.name=%s", call.name), &out->selector, &ignored);
    }
    out->selects = value_count(&out->selector.requirements) + value_count(&out->selector.fields) > 0;
    return true;
}
