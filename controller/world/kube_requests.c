/* world/kube_requests.c: calls as HTTP exchanges, and answers as results. Paths and parameters: kubernetes.io/docs/reference/using-api. */
#include "base/json.h"
#include "world/kube_parts.h"

enum { PAGE_SIZE_DEFAULT = 500, LIST_LIMIT_MS = 60000, RETRY_AFTER_MOST_SECONDS = 600, HEADERS_MOST = 4 };

static const size_t list_limit_bytes = (size_t)64 << 20, discovery_limit_bytes = (size_t)32 << 20;

#define ACCEPT_DISCOVERY                                                                                                                   \
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/"                                                    \
    "json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
/* A server that knows no protobuf, or no metadata-only lists (KEP-2334), answers with what it can. */
#define ACCEPT_METADATA                                                                                                                    \
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,"                                                 \
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io;q=0.9,application/json;q=0.8"

/* ---- asking ---- */

/* The API server takes these as they stand in the path, so they would name something else (apimachinery, IsValidPathSegmentName). */
static bool segment_check(const char *what, const char *segment, struct error *err) {
    if (text_equal(segment, ".") || text_equal(segment, "..") || strpbrk(segment, "/%") != NULL || segment[0] == '\0')
        return error_set(err, ERROR_INVALID,
                         "the %s \"%.128s\" cannot stand in a path: it is empty, \".\", \"..\", or has a \"/\" or \"%%\"", what, segment);
    return true;
}

static bool scope_check(const struct kube_call *call, struct error *err) {
    const struct kube_resource *resource = call->resource;
    if (!resource->namespaced && call->namespace != NULL)
        return error_set(err, ERROR_INVALID, "%s is of the whole cluster: it takes no namespace (\"%.128s\")", resource->kind,
                         call->namespace);
    if (resource->namespaced && call->namespace == NULL && call->verb != KUBE_LIST_METADATA)
        return error_set(err, ERROR_INVALID, "%s \"%.128s\" needs a namespace", resource->kind, call->name == NULL ? "" : call->name);
    if (call->namespace != NULL && !segment_check("namespace", call->namespace, err))
        return false;
    if (call->verb == KUBE_LIST_METADATA)
        return true;
    if (call->name == NULL)
        return error_set(err, ERROR_BROKEN, "a call about one %s has no name", resource->kind);
    return segment_check("name", call->name, err);
}

static const char *collection_url(const struct kube *kube, const struct kube_call *call) {
    const struct kube_resource *resource = call->resource;
    struct arena *arena = call->arena;
    const char *root = resource->group[0] == '\0' ? arena_text(arena, "%s/api/%s", kube->server, http_encode(arena, resource->version))
                                                  : arena_text(arena, "%s/apis/%s/%s", kube->server, http_encode(arena, resource->group),
                                                               http_encode(arena, resource->version));
    if (call->namespace == NULL)
        return arena_text(arena, "%s/%s", root, http_encode(arena, resource->plural));
    return arena_text(arena, "%s/namespaces/%s/%s", root, http_encode(arena, call->namespace), http_encode(arena, resource->plural));
}

static const char *object_url(const struct kube *kube, const struct kube_call *call) {
    return arena_text(call->arena, "%s/%s", collection_url(kube, call), http_encode(call->arena, call->name));
}

static const char *list_url(const struct kube *kube, const struct kube_call *call) {
    struct arena *arena = call->arena;
    const char *url =
        arena_text(arena, "%s?limit=%u", collection_url(kube, call), call->page_size == 0 ? PAGE_SIZE_DEFAULT : call->page_size);
    if (!text_is_empty(call->label_selector))
        url = arena_text(arena, "%s&labelSelector=%s", url, http_encode(arena, call->label_selector));
    if (!text_is_empty(call->page))
        url = arena_text(arena, "%s&continue=%s", url, http_encode(arena, call->page));
    return url;
}

/* Unknown and repeated fields are refused, as `kubectl apply` does, instead of being dropped. */
static const char *apply_url(const struct kube *kube, const struct kube_call *call) {
    return arena_text(call->arena, "%s?fieldManager=%s&force=true&fieldValidation=Strict%s", object_url(kube, call),
                      http_encode(call->arena, call->manager), call->verb == KUBE_DRY_RUN ? "&dryRun=All" : "");
}

static const char *delete_body(const struct kube_call *call) {
    struct arena *arena = call->arena;
    struct value body = value_of_map(), preconditions = value_of_map();
    value_set(arena, &body, "apiVersion", value_of_text("v1"));
    value_set(arena, &body, "kind", value_of_text("DeleteOptions"));
    value_set(arena, &body, "propagationPolicy", value_of_text("Foreground"));
    if (call->uid != NULL)
        value_set(arena, &preconditions, "uid", value_of_text(call->uid));
    if (call->resource_version != NULL)
        value_set(arena, &preconditions, "resourceVersion", value_of_text(call->resource_version));
    if (value_count(&preconditions) > 0)
        value_set(arena, &body, "preconditions", preconditions);
    return json_text(arena, &body);
}

static void header_put(struct http_exchange *exchange, struct http_header *headers, const char *name, const char *value) {
    headers[exchange->header_count++] = (struct http_header){.name = name, .value = value};
}

static bool authorization_put(struct kube *kube, struct kube_call *call, struct http_header *headers, struct error *err) {
    struct secret token = {0};
    bool fine = kube_credentials_token(&kube->credentials, &token, err);
    if (fine && token.length > 0)
        header_put(&call->exchange, headers, "Authorization", arena_text(call->arena, "Bearer %s", token.reveal));
    secret_done(&token);
    return fine || error_wrap(err, "%s", kube->server);
}

static bool write_prepare(struct kube *kube, struct kube_call *call, struct http_header *headers, struct error *err) {
    struct http_exchange *exchange = &call->exchange;
    if (call->verb == KUBE_DELETE) {
        exchange->method = "DELETE";
        exchange->url = object_url(kube, call);
        exchange->body = delete_body(call);
        header_put(exchange, headers, "Content-Type", "application/json");
    } else {
        if (call->manager == NULL || !value_is(call->body, VALUE_MAP))
            return error_set(err, ERROR_BROKEN, "an apply of %s \"%.128s\" has no manager or no object", call->resource->kind, call->name);
        exchange->method = "PATCH";
        exchange->url = apply_url(kube, call);
        exchange->body = json_text(call->arena, call->body);
        header_put(exchange, headers, "Content-Type", "application/apply-patch+yaml"); /* JSON is YAML */
    }
    exchange->body_length = strlen(exchange->body);
    header_put(exchange, headers, "Accept", "application/json");
    return true;
}

static void list_prepare(struct kube *kube, struct kube_call *call, struct http_header *headers) {
    struct http_exchange *exchange = &call->exchange;
    struct kube_list *list = kube_list_borrow(kube);
    kube_list_begin(list, call->manager, call->on_item, call->context);
    call->stream = list;
    exchange->url = list_url(kube, call);
    exchange->on_bytes = kube_list_read;
    exchange->reader = list;
    exchange->limit_bytes = list_limit_bytes;
    exchange->limit_ms = LIST_LIMIT_MS;
    header_put(exchange, headers, "Accept", ACCEPT_METADATA);
}

static bool call_prepare(struct kube *kube, struct kube_call *call, struct http_header *headers, struct error *err) {
    struct http_exchange *exchange = &call->exchange;
    if (call->verb == KUBE_DISCOVER) {
        exchange->url = arena_text(call->arena, "%s%s", kube->server, call->path);
        exchange->limit_bytes = discovery_limit_bytes;
        header_put(exchange, headers, "Accept", ACCEPT_DISCOVERY);
        return true;
    }
    if (!scope_check(call, err))
        return false;
    if (call->verb == KUBE_LIST_METADATA) {
        list_prepare(kube, call, headers);
        return true;
    }
    if (call->verb != KUBE_GET)
        return write_prepare(kube, call, headers, err);
    exchange->url = object_url(kube, call);
    header_put(exchange, headers, "Accept", "application/json");
    return true;
}

static void stream_return(struct kube *kube, struct kube_call *call) {
    if (call->stream != NULL)
        kube_list_return(kube, call->stream);
    call->stream = NULL;
}

bool kube_prepare(struct kube *kube, struct kube_call *call, struct error *err) {
    struct http_header *headers = ARENA_ARRAY(call->arena, struct http_header, HEADERS_MOST);
    stream_return(kube, call);
    call->answer = value_null();
    call->next_page = NULL;
    call->error = (struct error){0};
    call->reason = NULL;
    call->immutable = false;
    call->retry_after_ms = 0;
    call->exchange =
        (struct http_exchange){.method = "GET", .headers = headers, .trust = &kube->trust, .arena = call->arena, .owner = call->owner};
    if (call_prepare(kube, call, headers, err) && authorization_put(kube, call, headers, err))
        return true;
    stream_return(kube, call);
    return false;
}

/* ---- reading the answer ---- */

static bool is_secret(const struct kube_call *call) {
    return call->resource != NULL && call->resource->group[0] == '\0' && text_equal(call->resource->kind, "Secret");
}

/* RBAC's word for what was asked for. */
static const char *verb_name(enum kube_verb verb) {
    switch (verb) {
    case KUBE_LIST_METADATA:
        return "list";
    case KUBE_APPLY:
    case KUBE_DRY_RUN:
        return "patch (and create, for what does not exist)";
    case KUBE_DELETE:
        return "delete";
    case KUBE_DISCOVER:
    case KUBE_GET:
        break;
    }
    return "get";
}

static const char *permission_text(const struct kube_call *call) {
    struct arena *arena = call->arena;
    if (call->resource == NULL)
        return arena_text(arena, "needs get on the path %s", call->path);
    const char *group = call->resource->group;
    const char *scope = call->namespace == NULL ? "in the whole cluster" : arena_text(arena, "in namespace %s", call->namespace);
    return arena_text(arena, "needs %s on %s%s%s %s", verb_name(call->verb), call->resource->plural, group[0] == '\0' ? "" : ".", group,
                      scope);
}

/* In seconds (RFC 9110 §10.2.3); the form with a date is not used by API servers. */
static int64_t retry_after_ms(const struct kube_call *call, const struct kube_status *status) {
    const char *header = http_answer_header(&call->exchange, "retry-after");
    int64_t seconds = 0;
    if (header == NULL || !text_to_integer(header, 0, INT32_MAX, &seconds))
        seconds = status->retry_after_seconds;
    return (seconds > RETRY_AFTER_MOST_SECONDS ? RETRY_AFTER_MOST_SECONDS : seconds) * 1000;
}

/* A list reads from one moment, which etcd forgets after some minutes. The refusal brings a token that goes on from where the list was, as
 * of now; without one it begins anew (k8s.io/apiserver, "inconsistent continue"). */
static void list_expired(struct kube_call *call, const struct kube_status *status) {
    call->page = status->next_page;
    error_set(&call->error, ERROR_BUSY, "the list expired before its last page: it goes on with what is there now");
}

static bool is_apply(const struct kube_call *call) {
    return call->verb == KUBE_APPLY || call->verb == KUBE_DRY_RUN;
}

static void refusal_add(const struct kube *kube, struct kube_call *call, const struct kube_status *status, const char *said) {
    struct error base = {0};
    http_failed(&call->exchange, &base);
    if (call->exchange.status == 500 && is_apply(call) && kube_status_is_manifest_mistake(status))
        base.kind = ERROR_INVALID;
    switch (call->exchange.status) {
    case 401:
        error_set(&call->error, base.kind, "%s: %s is not accepted: %s", base.text, kube->credentials.whose, kube->credentials.remedy);
        return;
    case 403:
        error_set(&call->error, base.kind, "%s: %s%s%s", base.text, permission_text(call), said[0] == '\0' ? "" : ": ", said);
        return;
    default:
        error_set(&call->error, base.kind, "%s%s%s", base.text, said[0] == '\0' ? "" : ": ", said);
        return;
    }
}

static void refusal_read(const struct kube *kube, struct kube_call *call) {
    struct kube_status status = {.message = "", .reason = ""};
    const struct http_exchange *exchange = &call->exchange;
    bool known = exchange->answer != NULL && kube_status_read(call->arena, exchange->answer, exchange->answer_length, &status);
    call->reason = known && status.reason[0] != '\0' ? status.reason : NULL;
    call->retry_after_ms = retry_after_ms(call, &status);
    call->immutable = exchange->status == 422 && kube_status_is_immutable(&status);
    if (exchange->status == 410 && call->verb == KUBE_LIST_METADATA)
        list_expired(call, &status);
    refusal_add(kube, call, &status, known ? kube_status_text(call->arena, &status, is_secret(call)) : "");
}

/* What the server said went wrong in reading is not told of a Secret: it may quote it. */
static void answer_read(struct kube_call *call) {
    struct http_exchange *exchange = &call->exchange;
    struct error err = {0};
    bool parsed = json_parse(call->arena, "answer", exchange->answer, exchange->answer_length, &call->answer, &err);
    if (parsed && value_is(&call->answer, VALUE_MAP))
        return;
    call->answer = value_null();
    int length = (int)strcspn(exchange->url, "?");
    error_set(&call->error, ERROR_BROKEN, "%s %.*s: the answer is no JSON object%s%s", exchange->method, length, exchange->url,
              parsed || is_secret(call) ? "" : ": ", parsed || is_secret(call) ? "" : err.text);
}

static void list_finish(struct kube_call *call) {
    struct error err = {0};
    const char *next_page = NULL;
    if (!kube_list_end(call->stream, call->arena, &next_page, &err)) {
        int length = (int)strcspn(call->exchange.url, "?");
        call->error = err;
        error_wrap(&call->error, "GET %.*s", length, call->exchange.url);
        return;
    }
    call->next_page = next_page;
}

/* The token has gone out; its copy need not wait for the end of the pass. */
static void authorization_wipe(struct kube_call *call) {
    for (size_t i = 0; i < call->exchange.header_count; i++) {
        const struct http_header *header = &call->exchange.headers[i];
        if (text_equal(header->name, "Authorization"))
            secret_wipe((char *)header->value, strlen(header->value));
    }
}

void kube_finish(struct kube *kube, struct kube_call *call) {
    const struct http_exchange *exchange = &call->exchange;
    authorization_wipe(call);
    if (exchange->error.kind != ERROR_NONE)
        call->error = exchange->error;
    else if (exchange->status < 200 || exchange->status > 299)
        refusal_read(kube, call);
    else if (call->verb == KUBE_LIST_METADATA)
        list_finish(call);
    else
        answer_read(call);
    stream_return(kube, call);
}
