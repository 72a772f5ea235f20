/* kubernetes_watch.c: what a watch says next, from the log of events. */
#include "sandbox/kubernetes.h"

#include "base/json.h"

enum { BOOKMARK_MS = 60000 };

const char *kubernetes_watch_content_type(const struct kubernetes_watch *watch) {
    if (watch->form == ANSWER_PROTOBUF_METADATA)
        return "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;stream=watch;v=v1";
    return "application/json;stream=watch";
}

static void say(struct world *world, struct kubernetes_watch *watch, const struct kubernetes_kind *kind, const char *type,
                const struct value *object, struct text *out) {
    if (watch->form == ANSWER_PROTOBUF_METADATA) {
        kubernetes_protobuf_event(out, type, object);
        return;
    }
    ARENA_AUTO *arena = arena_new();
    bool is_object = !text_equal(value_text_at(object, "kind"), "Status");
    struct value shown = *object;
    if (is_object && watch->form == ANSWER_METADATA) {
        shown = value_of_map();
        (void)value_set(arena, &shown, "kind", value_of_text("PartialObjectMetadata"));
        (void)value_set(arena, &shown, "apiVersion", value_of_text("meta.k8s.io/v1"));
        (void)value_set(arena, &shown, "metadata", *value_find(object, "metadata"));
    } else if (is_object && watch->form == ANSWER_TABLE) {
        shown = kubernetes_table(arena, world, kind, &object, 1, !watch->columns_said, watch->include);
        watch->columns_said = true;
    }
    text_add(out, "{\"type\":\"%s\",\"object\":", type);
    json_render(out, &shown, 0);
    text_add_string(out, "}\n");
}

static void say_status(struct world *world, struct kubernetes_watch *watch, int code, const char *reason, const char *message,
                       struct text *out) {
    ARENA_AUTO *arena = arena_new();
    struct kubernetes_refusal refusal = {0};
    (void)kubernetes_refuse(arena, &refusal, code, reason, "%s", message);
    struct value status = kubernetes_status_value(arena, &refusal);
    say(world, watch, NULL, "ERROR", &status, out);
}

static void say_bookmark(struct world *world, struct kubernetes_watch *watch, const struct kubernetes_kind *kind, bool initial_end,
                         struct text *out) {
    ARENA_AUTO *arena = arena_new();
    struct value object = value_of_map();
    (void)value_set(arena, &object, "kind", value_of_text(kind->kind));
    (void)value_set(arena, &object, "apiVersion", value_of_text(kubernetes_api_version(arena, kind)));
    (void)value_set_at(arena, &object, "metadata.resourceVersion", value_of_text(arena_text(arena, "%lld", (long long)watch->after)));
    (void)value_set_at(arena, &object, "metadata.creationTimestamp", value_null());
    if (initial_end) {
        struct value annotations = value_of_map();
        (void)value_set(arena, &annotations, "k8s.io/initial-events-end", value_of_text("true"));
        (void)value_set_at(arena, &object, "metadata.annotations", annotations);
    }
    say(world, watch, kind, "BOOKMARK", &object, out);
}

static int64_t version_of(const struct value *object) {
    int64_t version = 0;
    const char *text = value_text_at(object, "metadata.resourceVersion");
    (void)text_to_integer(text ? text : "0", 0, INT64_MAX, &version);
    return version;
}

static void say_initial(struct world *world, struct kubernetes_watch *watch, const struct kubernetes_kind *kind, struct text *out) {
    size_t count = 0;
    const struct member *members = kubernetes_range(world, watch->cluster, watch->group, watch->plural, watch->space, &count);
    for (size_t i = 0; i < count; i++)
        if (kubernetes_selector_matches(&watch->selector, &members[i].value))
            say(world, watch, kind, "ADDED", &members[i].value, out);
    watch->after = kubernetes_version_now(world, watch->cluster);
    watch->initial = false;
    if (watch->initial_end)
        say_bookmark(world, watch, kind, true, out);
}

/* The object before event `index`, as the log knows it; NULL when the log does not reach so far. */
static const struct value *earlier(const struct value *events, size_t index, const char *kind_key) {
    const struct value *metadata = value_find(value_find(&events->list.items[index], "object"), "metadata");
    while (index-- > 0) {
        const struct value *event = &events->list.items[index];
        const struct value *other = value_find(value_find(event, "object"), "metadata");
        if (text_equal(value_text_at(event, "kind"), kind_key) && text_equal(value_text_at(other, "uid"), value_text_at(metadata, "uid")))
            return value_find(event, "object");
    }
    return NULL;
}

/* An object that begins or ceases to match a selector comes and goes, as the watch cache has it. */
static const char *type_for(const struct kubernetes_watch *watch, const struct value *events, size_t index, const char *kind_key) {
    const struct value *event = &events->list.items[index];
    const char *type = value_text_at(event, "type");
    if (!watch->selects)
        return type;
    bool matches = kubernetes_selector_matches(&watch->selector, value_find(event, "object"));
    if (!text_equal(type, "MODIFIED"))
        return matches ? type : NULL;
    const struct value *before = earlier(events, index, kind_key);
    bool matched = before ? kubernetes_selector_matches(&watch->selector, before) : matches;
    if (matches)
        return matched ? "MODIFIED" : "ADDED";
    return matched ? "DELETED" : NULL;
}

/* The first event behind `after`: they are logged in the order of their versions. */
static size_t first_after(const struct value *events, int64_t after) {
    size_t low = 0;
    size_t high = value_count(events);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (version_of(value_find(&events->list.items[middle], "object")) <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void say_events(struct world *world, struct kubernetes_watch *watch, const struct kubernetes_kind *kind, const struct value *events,
                       struct text *out) {
    char kind_key[256];
    (void)snprintf(kind_key, sizeof kind_key, "%s/%s", watch->group, watch->plural);
    for (size_t i = first_after(events, watch->after); i < value_count(events); i++) {
        const struct value *event = &events->list.items[i];
        const struct value *object = value_find(event, "object");
        watch->after = version_of(object);
        if (!text_equal(value_text_at(event, "kind"), kind_key))
            continue;
        if (*watch->space && !text_equal(value_text_at(object, "metadata.namespace"), watch->space))
            continue;
        const char *type = type_for(watch, events, i, kind_key);
        if (type)
            say(world, watch, kind, type, object, out);
    }
}

bool kubernetes_watch_next(struct world *world, struct kubernetes_watch *watch, struct text *out) {
    struct kubernetes_kind kind;
    const struct value *state = kubernetes_cluster_state(world, watch->cluster);
    int64_t oldest = value_integer(value_find(state, "eventsAfter"), 0);
    if (watch->expired || !kubernetes_kind_find(world, watch->cluster, watch->group, watch->version, watch->plural, &kind))
        return false;
    if (watch->initial)
        say_initial(world, watch, &kind, out);
    if (watch->after < oldest) {
        char message[96];
        (void)snprintf(message, sizeof message, "too old resource version: %lld (%lld)", (long long)watch->after, (long long)oldest);
        say_status(world, watch, 410, "Expired", message, out);
        watch->expired = true;
        return false;
    }
    say_events(world, watch, &kind, value_find(kubernetes_cluster_state(world, watch->cluster), "events"), out);
    if (watch->bookmark_ms && world->now_ms >= watch->bookmark_ms) {
        say_bookmark(world, watch, &kind, false, out);
        watch->bookmark_ms = world->now_ms + BOOKMARK_MS;
    }
    return world->now_ms < watch->end_ms;
}
