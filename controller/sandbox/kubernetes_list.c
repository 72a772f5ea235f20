/* kubernetes_list.c: answers with one object or a list of them, in the form that the client accepts. */
#include "sandbox/kubernetes.h"

#include "base/hash.h"
#include "base/json.h"

enum { LIST_BYTES_MOST = 256 << 20 };

static bool accepts(const char *clause, size_t length, const char *part) {
    size_t part_length = strlen(part);
    for (size_t i = 0; i + part_length <= length; i++)
        if (strncmp(clause + i, part, part_length) == 0)
            return true;
    return false;
}

/* The first clause that can be served wins, as the client orders them. */
enum kubernetes_form_of_answer kubernetes_accept(const char *accept) {
    for (const char *clause = accept ? accept : ""; *clause;) {
        size_t length = strcspn(clause, ",");
        bool protobuf = accepts(clause, length, "application/vnd.kubernetes.protobuf");
        if (accepts(clause, length, "as=PartialObjectMetadata"))
            return protobuf ? ANSWER_PROTOBUF_METADATA : ANSWER_METADATA;
        if (accepts(clause, length, "as=Table") && !protobuf)
            return ANSWER_TABLE;
        if (accepts(clause, length, "application/json") || accepts(clause, length, "*/*"))
            return ANSWER_JSON;
        clause += length + (clause[length] == ',' ? 1 : 0);
    }
    return ANSWER_JSON;
}

static struct value metadata_only(struct arena *arena, const struct value *object) {
    struct value partial = value_of_map();
    (void)value_set(arena, &partial, "kind", value_of_text("PartialObjectMetadata"));
    (void)value_set(arena, &partial, "apiVersion", value_of_text("meta.k8s.io/v1"));
    const struct value *metadata = value_find(object, "metadata");
    (void)value_set(arena, &partial, "metadata", metadata ? *metadata : value_of_map());
    return partial;
}

static void respond_text(struct http_exchange *exchange, int status, const char *type, const struct text *text) {
    world_respond(exchange, status, type, text->data ? text->data : "", text->length);
}

void kubernetes_answer_object(struct world *world, const struct kubernetes_kind *kind, const struct value *object, int status,
                              struct http_exchange *exchange) {
    enum kubernetes_form_of_answer form = kubernetes_accept(world_header(exchange, "accept"));
    if (form == ANSWER_PROTOBUF_METADATA) {
        TEXT_AUTO text;
        text_init(&text, LIST_BYTES_MOST);
        kubernetes_protobuf_object(&text, object);
        respond_text(exchange, status, "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", &text);
        return;
    }
    if (form == ANSWER_METADATA) {
        struct value partial = metadata_only(exchange->arena, object);
        world_respond_json(exchange, status, &partial);
        return;
    }
    if (form == ANSWER_TABLE) {
        struct value table = kubernetes_table(exchange->arena, world, kind, &object, 1, true, NULL);
        world_respond_json(exchange, status, &table);
        return;
    }
    /* A custom kind may be asked for in another version than it was written in: only the name of the version differs (conversion None). */
    struct value shown = *object;
    const char *api_version = kubernetes_api_version(exchange->arena, kind);
    if (kind->definition && !text_equal(value_text_at(object, "apiVersion"), api_version)) {
        shown = value_copy(exchange->arena, object);
        (void)value_set(exchange->arena, &shown, "apiVersion", value_of_text(api_version));
    }
    world_respond_json(exchange, status, &shown);
}

struct page {
    const struct value **objects;
    size_t count, remaining;
    const char *last_key; /* NULL: nothing follows */
};

static const char *token_make(struct arena *arena, const char *version, const char *key) {
    struct value token = value_of_map();
    (void)value_set(arena, &token, "v", value_of_text("meta.k8s.io/v1"));
    (void)value_set(arena, &token, "rv", value_of_text(version));
    (void)value_set(arena, &token, "start", value_of_text(key));
    const char *json = json_text(arena, &token);
    return base64url_encode(arena, json, strlen(json));
}

static bool token_read(struct arena *arena, const char *token, struct value *out) {
    char *json = NULL;
    size_t length = 0;
    struct error err = {0};
    return base64_decode(arena, token, strlen(token), &json, &length) && json_parse(arena, "continue", json, length, out, &err) &&
           value_text_at(out, "rv") && value_text_at(out, "start");
}

static struct page page_take(struct arena *arena, const struct member *members, size_t count, const char *after, size_t limit,
                             const struct kubernetes_selector *selector) {
    struct page page = {.objects = ARENA_ARRAY(arena, const struct value *, limit &&limit < count ? limit : count)};
    for (size_t i = 0; i < count; i++) {
        if (after && strcmp(members[i].key, after) <= 0)
            continue;
        if (!kubernetes_selector_matches(selector, &members[i].value))
            continue;
        if (limit && page.count == limit) {
            page.remaining++;
            continue;
        }
        page.objects[page.count++] = &members[i].value;
        page.last_key = members[i].key;
    }
    if (page.remaining == 0)
        page.last_key = NULL;
    return page;
}

static void render_list(struct text *text, const struct kubernetes_kind *kind, const char *api_version, const struct value *metadata,
                        const struct page *page, bool partial) {
    text_add(text, "{\"kind\":\"%s%s\",\"apiVersion\":\"%s\",\"metadata\":", partial ? "PartialObjectMetadata" : kind->kind, "List",
             partial ? "meta.k8s.io/v1" : api_version);
    json_render(text, metadata, 0);
    text_add_string(text, ",\"items\":[");
    for (size_t i = 0; i < page->count; i++) {
        text_add_string(text, i ? "," : "");
        if (!partial) {
            json_render(text, page->objects[i], 0);
            continue;
        }
        text_add_string(text, "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":");
        json_render(text, value_find(page->objects[i], "metadata"), 0);
        text_add_string(text, "}");
    }
    text_add_string(text, "]}");
}

static void answer_page(struct world *world, const struct kubernetes_kind *kind, const struct world_request *request,
                        const struct value *metadata, const struct page *page, struct http_exchange *exchange) {
    enum kubernetes_form_of_answer form = kubernetes_accept(world_header(exchange, "accept"));
    TEXT_AUTO text;
    text_init(&text, LIST_BYTES_MOST);
    if (form == ANSWER_TABLE) {
        const char *include = world_query(exchange->arena, request->query, "includeObject");
        struct value table = kubernetes_table(exchange->arena, world, kind, page->objects, page->count, true, include);
        (void)value_set(exchange->arena, &table, "metadata", *metadata);
        world_respond_json(exchange, 200, &table);
        return;
    }
    if (form == ANSWER_PROTOBUF_METADATA) {
        kubernetes_protobuf_list(&text, metadata, page->objects, page->count);
        respond_text(exchange, 200, "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", &text);
        return;
    }
    render_list(&text, kind, kubernetes_api_version(exchange->arena, kind), metadata, page, form == ANSWER_METADATA);
    respond_text(exchange, 200,
                 form == ANSWER_METADATA ? "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" : "application/json", &text);
}

void kubernetes_list(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const char *space,
                     const struct world_request *request, struct http_exchange *exchange) {
    struct arena *arena = exchange->arena;
    struct kubernetes_refusal refusal = {0};
    struct kubernetes_selector selector;
    struct value token = value_null();
    const char *given = world_query(arena, request->query, "continue");
    const char *limit_text = world_query(arena, request->query, "limit");
    int64_t limit = 0;
    bool good = kubernetes_selector_parse(arena, world_query(arena, request->query, "labelSelector"),
                                          world_query(arena, request->query, "fieldSelector"), &selector, &refusal);
    if (good && !text_is_empty(limit_text) && !text_to_integer(limit_text, 0, INT32_MAX, &limit))
        good = kubernetes_refuse(arena, &refusal, 400, "BadRequest", "limit: %s is not a number", limit_text);
    if (good && !text_is_empty(given) && !token_read(arena, given, &token))
        good = kubernetes_refuse(arena, &refusal, 400, "BadRequest", "continue key is not valid");
    if (!good) {
        kubernetes_refusal_answer(exchange, &refusal);
        return;
    }
    size_t count = 0;
    const struct member *members = kubernetes_range(world, cluster, kind->group, kind->plural, space, &count);
    struct page page = page_take(arena, members, count, value_text_at(&token, "start"), (size_t)limit, &selector);
    const char *version = value_text_at(&token, "rv");
    if (!version)
        version = arena_text(arena, "%lld", (long long)kubernetes_version_now(world, cluster));
    struct value metadata = value_of_map();
    (void)value_set(arena, &metadata, "resourceVersion", value_of_text(version));
    if (page.last_key)
        (void)value_set(arena, &metadata, "continue", value_of_text(token_make(arena, version, page.last_key)));
    /* With a selector the server does not know how many more there are. */
    if (page.last_key && value_count(&selector.requirements) == 0 && value_count(&selector.fields) == 0)
        (void)value_set(arena, &metadata, "remainingItemCount", value_of_integer((int64_t)page.remaining));
    answer_page(world, kind, request, &metadata, &page, exchange);
}
