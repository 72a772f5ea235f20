/* reference.c: "Kind/name.attribute": reading it, finding what it names, and putting in what it stands for. */
#include "reference.h"

#include "base/text.h"
#include "names.h"

static const char late_text[] = "$text";

/* Attributes may be predicted from fields that are references again; deeper than this is a circle that the edges report. */
enum { RESOLVE_DEPTH = 16 };

const char *slot_next(const char *at, const char **start) {
    *start = strstr(at, "${");
    if (*start == NULL)
        return NULL;
    unsigned depth = 0;
    for (const char *end = *start; *end != '\0'; end++) {
        if (end[0] == '$' && end[1] == '{') {
            depth++;
            end++;
        } else if (end[0] == '}' && --depth == 0) {
            return end + 1;
        }
    }
    return NULL;
}

static const char *attribute_names(struct arena *arena, const struct kind *row) {
    const char *names = row->attributes[0].name;
    for (const struct attribute *attribute = row->attributes + 1; attribute->name != NULL; attribute++)
        names = arena_text(arena, "%s, %s", names, attribute->name);
    return names;
}

static const struct attribute *attribute_find(const struct kind *row, const char *name) {
    for (const struct attribute *attribute = row->attributes; attribute != NULL && attribute->name != NULL; attribute++)
        if (text_equal(attribute->name, name))
            return attribute;
    return NULL;
}

const char *reference_parse(struct arena *arena, const char *text, struct reference *out) {
    const char *slash = strchr(text, '/');
    if (slash == NULL)
        return "a reference is Kind/name or Kind/name.attribute";
    const struct kind *row = schema_find(arena_copy(arena, text, (size_t)(slash - text)));
    if (row == NULL || row->attributes == NULL)
        return arena_text(arena, "%.*s has nothing to refer to", (int)(slash - text), text);
    char *rest = arena_copy(arena, slash + 1, strlen(slash + 1));
    struct reference reference = {.row = row, .attribute = row->attributes};
    char *filter = strrchr(rest, '|');
    if (filter != NULL && text_equal(filter, "|bare")) {
        reference.bare = true;
        *filter = '\0';
    }
    char *dot = strrchr(rest, '.');
    if (dot != NULL) {
        const struct attribute *attribute = attribute_find(row, dot + 1);
        bool may_be_name = row->service == SERVICE_IAM; /* only IAM's names have dots */
        if (attribute == NULL && !may_be_name)
            return arena_text(arena, "a %s has no attribute \"%s\", only %s", row->name, dot + 1, attribute_names(arena, row));
        if (attribute != NULL) {
            reference.attribute = attribute;
            *dot = '\0';
        }
    }
    char *namespace = strchr(rest, '/');
    if (namespace != NULL) {
        *namespace = '\0';
        reference.namespace = rest;
        reference.name = namespace + 1;
    } else {
        reference.name = rest;
    }
    if (reference.name[0] == '\0' || strchr(reference.name, '/') != NULL)
        return "a reference is Kind/name or Kind/name.attribute";
    *out = reference;
    return NULL;
}

bool graph_is_reference(const struct value *value) {
    if (!value_is(value, VALUE_MAP) || value->map.count != 1)
        return false;
    if (text_equal(value->map.members[0].key, late_text))
        return value_is(&value->map.members[0].value, VALUE_TEXT);
    const char *text = value_text(value_find(value, "ref"));
    const char *slash = text != NULL ? strchr(text, '/') : NULL;
    if (slash == NULL)
        return false;
    for (const struct kind *const *row = schema_kinds(); *row != NULL; row++)
        if ((*row)->attributes != NULL && strlen((*row)->name) == (size_t)(slash - text) && text_starts(text, (*row)->name))
            return true;
    return false;
}

/* Where the AWS side of a resource is. */
static const struct target *home(const struct resource *resource) {
    return resource->target->type == TARGET_AWS || resource->target->cluster == NULL ? resource->target : resource->target->cluster->target;
}

static const char *cluster_name(const struct resource *resource) {
    if (resource->row == NULL)
        return resource->target->cluster != NULL ? resource->target->cluster->name : NULL;
    return resource->row->cluster_member != NULL ? value_text(value_find(&resource->desired, resource->row->cluster_member)) : NULL;
}

static bool is_named(const struct resource *resource, const struct reference *reference) {
    if (resource->row != reference->row || !text_equal(resource->name, reference->name))
        return false;
    return reference->namespace == NULL || text_equal(cluster_name(resource), reference->namespace);
}

/* How near `candidate` is to `from`: account and region, then the same cluster. */
static int nearness(const struct resource *from, const struct resource *candidate) {
    int near = 0;
    near += candidate->target == home(from) ? 4 : 0;
    near += text_equal(candidate->target->account_id, home(from)->account_id) ? 2 : 0;
    const char *cluster = cluster_name(from) != NULL ? cluster_name(from) : from->name;
    near += candidate->row->cluster_member != NULL && text_equal(cluster_name(candidate), cluster) ? 1 : 0;
    return near;
}

struct resource *reference_find(const struct graph *graph, const struct resource *from, const struct reference *reference,
                                bool *ambiguous) {
    char id[512];
    *ambiguous = false;
    if (reference->row->cluster_member == NULL && reference->namespace == NULL &&
        snprintf(id, sizeof id, "%s/%s", reference->row->name, reference->name) < (int)sizeof id) {
        struct resource *found = graph_find(graph, home(from), id);
        if (found != NULL)
            return found;
    }
    struct resource *best = NULL;
    int best_near = -1;
    for (size_t i = 0; i < graph->count; i++) {
        struct resource *candidate = graph->resources[i];
        if (!is_named(candidate, reference))
            continue;
        int near = nearness(from, candidate);
        *ambiguous = near == best_near || (*ambiguous && near < best_near);
        if (near > best_near) {
            best = candidate;
            best_near = near;
        }
    }
    return *ambiguous ? NULL : best;
}

struct resource *graph_find(const struct graph *graph, const struct target *target, const char *id) {
    size_t target_length = strlen(target->name);
    size_t low = 0;
    size_t high = graph->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *key = graph->resources[middle]->key;
        int order = strncmp(target->name, key, target_length);
        if (order == 0)
            order = ' ' - (unsigned char)key[target_length];
        if (order == 0)
            order = strcmp(id, key + target_length + 1);
        if (order == 0)
            return graph->resources[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static void walk_slots(const char *text, const struct value *place, struct arena *arena,
                       void (*each)(void *context, const char *text, const struct value *place), void *context) {
    const char *start = NULL;
    for (const char *end = slot_next(text, &start); end != NULL; end = slot_next(end, &start)) {
        const char *inside = arena_copy(arena, start + 2, (size_t)(end - start) - 3);
        struct reference reference;
        if (reference_parse(arena, inside, &reference) == NULL)
            each(context, inside, place);
    }
}

void reference_walk(const struct value *value, bool in_keys, struct arena *arena,
                    void (*each)(void *context, const char *text, const struct value *place), void *context) {
    if (graph_is_reference(value)) {
        const char *text = value_text(&value->map.members[0].value);
        if (text_equal(value->map.members[0].key, late_text))
            walk_slots(text, value, arena, each, context);
        else
            each(context, text, value);
        return;
    }
    for (size_t i = 0; value_is(value, VALUE_LIST) && i < value->list.count; i++)
        reference_walk(&value->list.items[i], in_keys, arena, each, context);
    for (size_t i = 0; value_is(value, VALUE_MAP) && i < value->map.count; i++) {
        const struct member *member = &value->map.members[i];
        if (in_keys && strstr(member->key, "${") != NULL)
            walk_slots(member->key, &member->value, arena, each, context);
        reference_walk(&member->value, in_keys, arena, each, context);
    }
}

/* Resolving. */

struct resolver {
    const struct graph *graph;
    const struct resource *from;
    const struct graph_lookup *lookup;
    struct arena *arena;
    const char *unresolved;
    unsigned depth;
};

static struct value resolve(struct resolver *resolver, const struct value *value);
static bool attribute_value(struct resolver *resolver, const struct resource *resource, const struct attribute *attribute,
                            struct value *out);

static bool not_yet(struct resolver *resolver, const char *text) {
    if (resolver->unresolved == NULL)
        resolver->unresolved = text;
    return false;
}

static const char *partition_of(const char *region) {
    if (region == NULL)
        return NULL;
    return text_starts(region, "cn-") ? "aws-cn" : text_starts(region, "us-gov-") ? "aws-us-gov" : "aws";
}

/* One slot of a `predict` template: what the target knows, else a field of the resource itself. */
static const char *predict_slot(struct resolver *resolver, const struct resource *resource, char *slot) {
    char *filter = strchr(slot, '|');
    if (filter != NULL)
        *filter = '\0';
    const char *text = NULL;
    if (text_equal(slot, "partition"))
        text = partition_of(resource->target->region);
    else if (text_equal(slot, "accountId"))
        text = resource->target->account_id;
    else if (text_equal(slot, "region"))
        text = resource->target->region;
    else {
        struct resolver inner = *resolver;
        inner.from = resource;
        inner.unresolved = NULL;
        const struct value *field = value_at(&resource->desired, slot);
        struct value resolved = field != NULL ? resolve(&inner, field) : value_null();
        text = inner.unresolved == NULL ? value_text(&resolved) : NULL;
    }
    if (filter == NULL || text == NULL || !text_starts(text, "https://"))
        return text;
    return text + strlen("https://");
}

static const char *predict(struct resolver *resolver, const struct resource *resource, const char *template) {
    const char *text = "";
    const char *rest = template;
    const char *start = NULL;
    for (const char *end = slot_next(rest, &start); end != NULL; end = slot_next(rest, &start)) {
        const char *known = predict_slot(resolver, resource, arena_copy(resolver->arena, start + 2, (size_t)(end - start) - 3));
        if (known == NULL)
            return NULL;
        text = arena_text(resolver->arena, "%s%.*s%s", text, (int)(start - rest), rest, known);
        rest = end;
    }
    return arena_text(resolver->arena, "%s%s", text, rest);
}

static bool attribute_value(struct resolver *resolver, const struct resource *resource, const struct attribute *attribute,
                            struct value *out) {
    const struct value *live = resolver->lookup != NULL ? resolver->lookup->live(resolver->lookup->context, resource) : NULL;
    const struct value *found = value_at(live, attribute->from);
    if (found != NULL && found->type != VALUE_NULL) {
        *out = value_copy(resolver->arena, found);
        return true;
    }
    if (attribute->predict == NULL || resolver->depth >= RESOLVE_DEPTH)
        return false;
    resolver->depth++;
    const char *text = predict(resolver, resource, attribute->predict);
    resolver->depth--;
    *out = value_of_text(text);
    return text != NULL;
}

static bool resolve_text(struct resolver *resolver, const char *text, struct value *out) {
    struct reference reference;
    bool ambiguous = false;
    if (reference_parse(resolver->arena, text, &reference) != NULL)
        return not_yet(resolver, text);
    const struct resource *resource = reference_find(resolver->graph, resolver->from, &reference, &ambiguous);
    if (resource == NULL || !attribute_value(resolver, resource, reference.attribute, out))
        return not_yet(resolver, arena_text(resolver->arena, "%s/%s.%s", reference.row->name, reference.name, reference.attribute->name));
    const char *known = value_text(out);
    if (reference.bare && known != NULL && text_starts(known, "https://"))
        *out = value_of_text(known + strlen("https://"));
    return true;
}

/* A text with all its slots filled; slots that name no resource of ours (IAM's ${aws:username}) stay. NULL when one is not known yet. */
static const char *resolve_slots(struct resolver *resolver, const char *text) {
    const char *done = "";
    const char *rest = text;
    const char *start = NULL;
    const char *end = slot_next(rest, &start);
    for (; end != NULL; end = slot_next(rest, &start)) {
        const char *inside = arena_copy(resolver->arena, start + 2, (size_t)(end - start) - 3);
        struct reference reference;
        struct value value = value_of_text(arena_copy(resolver->arena, start, (size_t)(end - start)));
        if (reference_parse(resolver->arena, inside, &reference) == NULL && !resolve_text(resolver, inside, &value))
            return NULL;
        if (value_text(&value) == NULL) {
            not_yet(resolver, inside);
            return NULL;
        }
        done = arena_text(resolver->arena, "%s%.*s%s", done, (int)(start - rest), rest, value_text(&value));
        rest = end;
    }
    return arena_text(resolver->arena, "%s%s", done, rest);
}

static struct value resolve_map(struct resolver *resolver, const struct value *value) {
    struct value map = *value;
    map.map.members = NULL;
    map.map.count = 0;
    for (size_t i = 0; i < value->map.count; i++) {
        const struct member *member = &value->map.members[i];
        const char *key = member->key;
        if (resolver->from->row != NULL && strstr(key, "${") != NULL) {
            const char *resolved = resolve_slots(resolver, key);
            key = resolved != NULL ? resolved : key;
        }
        value_put(resolver->arena, &map, key, resolve(resolver, &member->value));
        map.map.members[map.map.count - 1].line = member->line;
        map.map.members[map.map.count - 1].column = member->column;
    }
    value_sort(&map);
    return map;
}

static struct value resolve(struct resolver *resolver, const struct value *value) {
    if (graph_is_reference(value)) {
        const char *text = value_text(&value->map.members[0].value);
        struct value known;
        if (text_equal(value->map.members[0].key, late_text)) {
            const char *filled = resolve_slots(resolver, text);
            return filled != NULL ? value_of_text(filled) : value_copy(resolver->arena, value);
        }
        return resolve_text(resolver, text, &known) ? known : value_copy(resolver->arena, value);
    }
    if (value_is(value, VALUE_MAP))
        return resolve_map(resolver, value);
    if (!value_is(value, VALUE_LIST))
        return *value;
    struct value list = *value;
    list.list.items = NULL;
    list.list.count = 0;
    for (size_t i = 0; i < value->list.count; i++)
        value_append(resolver->arena, &list, resolve(resolver, &value->list.items[i]));
    return list;
}

struct value graph_resolve(const struct graph *graph, const struct resource *resource, const struct value *value,
                           const struct graph_lookup *lookup, struct arena *arena, const char **unresolved) {
    struct resolver resolver = {.graph = graph, .from = resource, .lookup = lookup, .arena = arena};
    struct value resolved = resolve(&resolver, value);
    *unresolved = resolver.unresolved;
    return resolved;
}

const char *graph_attribute(const struct graph *graph, const struct resource *resource, const char *name, const struct graph_lookup *lookup,
                            struct arena *arena) {
    const struct attribute *attribute = resource->row != NULL ? attribute_find(resource->row, name) : NULL;
    struct resolver resolver = {.graph = graph, .from = resource, .lookup = lookup, .arena = arena};
    struct value value;
    return attribute != NULL && attribute_value(&resolver, resource, attribute, &value) ? value_text(&value) : NULL;
}
