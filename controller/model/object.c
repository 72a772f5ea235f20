/* object.c: from a manifest to what is applied. */
#include "object.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "edges.h"
#include "expand.h"
#include "names.h"
#include "reference.h"

static struct value without_nulls(struct arena *arena, const struct value *value) {
    if (value_is(value, VALUE_MAP)) {
        struct value map = *value;
        map.map.members = NULL;
        map.map.count = 0;
        for (size_t i = 0; i < value->map.count; i++)
            if (value->map.members[i].value.type != VALUE_NULL)
                value_put(arena, &map, value->map.members[i].key, without_nulls(arena, &value->map.members[i].value));
        value_sort(&map);
        return map;
    }
    if (!value_is(value, VALUE_LIST))
        return *value;
    struct value list = *value;
    list.list.items = NULL;
    list.list.count = 0;
    for (size_t i = 0; i < value->list.count; i++)
        value_append(arena, &list, without_nulls(arena, &value->list.items[i]));
    return list;
}

/* AWS. */

static bool is_top(const struct field *field) {
    return strpbrk(field->path, ".[") == NULL;
}

static bool is_on(const struct value *list, const char *type, bool wanted) {
    bool found = false;
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *item = &list->list.items[i];
        const struct value *types = value_find(item, "types");
        for (size_t j = 0; value_is(types, VALUE_LIST) && j < types->list.count; j++)
            if (text_equal(value_text(&types->list.items[j]), type) && value_boolean(value_find(item, "enabled"), false))
                found = true;
    }
    return found == wanted;
}

/* The types that stand in the list and that the rows do not know, in their order. */
static void append_unknown(struct arena *arena, struct value *types, const struct value *list, const struct field *field, bool wanted) {
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *named = value_find(&list->list.items[i], "types");
        for (size_t j = 0; value_is(named, VALUE_LIST) && j < named->list.count; j++) {
            const char *type = value_text(&named->list.items[j]);
            bool is_there = false;
            for (size_t k = 0; k < types->list.count; k++)
                is_there = is_there || value_equal(&types->list.items[k], &named->list.items[j]);
            if (type != NULL && !text_in(type, field->values) && is_on(list, type, wanted) && !is_there)
                value_append(arena, types, named->list.items[j]);
        }
    }
}

static struct value switches(struct arena *arena, const struct kind *row, const struct field *field, const struct value *list) {
    const struct field *types = schema_field(row, arena_text(arena, "%s[].types", field->path));
    struct value out = value_of_list();
    for (int on = 1; on >= 0; on--) {
        struct value named = value_of_list();
        for (const char *const *type = types->values; *type != NULL; type++)
            if (is_on(list, *type, on == 1))
                value_append(arena, &named, value_of_text(*type));
        append_unknown(arena, &named, list, types, on == 1);
        if (named.list.count == 0)
            continue;
        struct value item = value_of_map();
        value_set(arena, &item, "enabled", value_of_boolean(on == 1));
        value_set(arena, &item, "types", named);
        value_append(arena, &out, item);
    }
    out.line = list->line;
    out.column = list->column;
    return out;
}

static void set_field(const struct object_place *place, const struct resource *resource, struct arena *arena, const struct field *field,
                      struct value *desired) {
    const struct value *given = value_at(desired, field->path);
    if (field->name)
        value_set(arena, desired, field->path, value_of_text(resource->name));
    else if (field->change == CHANGE_LOCAL && is_top(field))
        value_remove(desired, field->path);
    else if (field->switches && value_is(given, VALUE_LIST))
        value_set_at(arena, desired, field->path, switches(arena, resource->row, field, given));
    else if (field->preset != NULL && given == NULL && resource->manage == MANAGE_FULL) {
        struct expansion expansion = {.cluster = place->cluster, .fleet = place->fleet, .account_id = place->target->account_id};
        value_set_at(arena, desired, field->path, expand_template(&expansion, field->preset, arena));
    }
}

static void set_marks(const struct object_place *place, const struct resource *resource, struct arena *arena, const struct field *field,
                      struct value *desired) {
    if (field->encode != ENCODE_TAGS || resource->manage != MANAGE_FULL)
        return;
    const struct value *given = value_at(desired, field->path);
    struct value tags = value_is(given, VALUE_MAP) ? value_copy(arena, given) : value_of_map();
    value_set(arena, &tags, TAG_FLEET, value_of_text(place->fleet));
    value_set(arena, &tags, TAG_ID, value_of_text(name_id(arena, resource->kind, NULL, resource->name)));
    if (resource->retain) /* read from the tag once git is silent about it */
        value_set(arena, &tags, ANNOTATION_ON_REMOVE, value_of_text("retain"));
    value_set_at(arena, desired, field->path, tags);
}

/* A predicted attribute as a text that can still hold references: "arn:…/${Cluster/demo.oidcIssuer|bare}". NULL when a slot is unknown
 * here. */
static const char *predicted_text(const struct resource *resource, const char *template, struct arena *arena) {
    const char *text = "";
    const char *rest = template;
    const char *start = NULL;
    for (const char *end = slot_next(rest, &start); end != NULL; end = slot_next(rest, &start)) {
        const char *slot = arena_copy(arena, start + 2, (size_t)(end - start) - 3);
        const char *bar = strchr(slot, '|');
        const char *path = bar != NULL ? arena_copy(arena, slot, (size_t)(bar - slot)) : slot;
        const char *region = resource->target->region;
        const char *known = value_text(value_at(&resource->desired, path));
        const char *reference = value_text_at(value_at(&resource->desired, path), "ref");
        if (text_equal(path, "partition"))
            known = region == NULL ? NULL : text_starts(region, "cn-") ? "aws-cn" : text_starts(region, "us-gov-") ? "aws-us-gov" : "aws";
        else if (text_equal(path, "accountId"))
            known = resource->target->account_id;
        else if (text_equal(path, "region"))
            known = region;
        else if (known == NULL && reference != NULL)
            known = arena_text(arena, "${%s%s}", reference, bar != NULL ? bar : "");
        else if (known != NULL && bar != NULL && text_starts(known, "https://"))
            known += strlen("https://");
        if (known == NULL)
            return NULL;
        text = arena_text(arena, "%s%.*s%s", text, (int)(start - rest), rest, known);
        rest = end;
    }
    return arena_text(arena, "%s%s", text, rest);
}

/* What the first read asks by must be in the desired object when no live object can have it: the ARN of an OIDC provider. */
static void set_keys(const struct resource *resource, struct arena *arena, struct value *desired) {
    const struct kind_read *first = resource->row->reads;
    for (const struct operation_key *key = first != NULL ? first->operation->keys : NULL; key != NULL && key->member != NULL; key++) {
        if (value_at(desired, key->from) != NULL)
            continue;
        for (const struct attribute *attribute = resource->row->attributes; attribute != NULL && attribute->name != NULL; attribute++) {
            struct resource so_far = *resource;
            so_far.desired = *desired;
            const char *text = text_equal(attribute->name, key->from) && attribute->predict != NULL
                                   ? predicted_text(&so_far, attribute->predict, arena)
                                   : NULL;
            if (text == NULL)
                continue;
            struct value value = value_of_text(text);
            if (strstr(text, "${") != NULL) {
                value = value_of_map();
                value_set(arena, &value, "$text", value_of_text(text));
            }
            value_set(arena, desired, key->from, value);
        }
    }
}

struct value object_of_aws(const struct object_place *place, const struct resource *resource, struct arena *arena) {
    const struct value *spec = value_find(&place->manifest->object, "spec");
    struct value desired = value_is(spec, VALUE_MAP) ? without_nulls(arena, spec) : value_of_map();
    desired.line = place->manifest->object.line;
    desired.column = place->manifest->object.column;
    for (const struct field *field = resource->row->fields; field->path != NULL; field++)
        set_field(place, resource, arena, field, &desired);
    for (const struct field *field = resource->row->fields; field->path != NULL; field++)
        set_marks(place, resource, arena, field, &desired);
    if (resource->row->cluster_member != NULL)
        value_set(arena, &desired, resource->row->cluster_member, value_of_text(place->cluster));
    set_keys(resource, arena, &desired);
    return desired;
}

/* Kubernetes. */

/* stringData is written, never read back: the API server keeps it as data, so as data it can be compared. */
static void fold_string_data(struct arena *arena, struct value *object) {
    const struct value *plain = value_find(object, "stringData");
    if (!value_is(plain, VALUE_MAP))
        return;
    const struct value *data = value_find(object, "data");
    struct value folded = value_is(data, VALUE_MAP) ? value_copy(arena, data) : value_of_map();
    for (size_t i = 0; i < plain->map.count; i++) {
        const struct value *text = &plain->map.members[i].value;
        if (value_is(text, VALUE_TEXT))
            value_set(arena, &folded, plain->map.members[i].key, value_of_text(base64_encode(arena, text->text.bytes, text->text.length)));
    }
    value_remove(object, "stringData");
    value_set(arena, object, "data", folded);
}

/* What generators write and nobody declares: a null creation time, and a status, which the API server drops from such a write. */
static void drop_generated(struct arena *arena, const struct manifest *manifest, struct value *object) {
    struct value *metadata = value_find_mutable(object, "metadata");
    if (value_is(value_find(metadata, "creationTimestamp"), VALUE_NULL))
        value_remove(metadata, "creationTimestamp");
    const struct value *status = value_find(object, "status");
    const char *group = name_group(arena, manifest->api_version);
    bool is_builtin = object_scope(group, manifest->kind) != SCOPE_UNKNOWN || text_ends(group, ".k8s.io");
    if (status != NULL && (is_builtin || status->type == VALUE_NULL || (value_is(status, VALUE_MAP) && status->map.count == 0)))
        value_remove(object, "status");
}

static void set_metadata(struct arena *arena, struct value *object, const char *member, const char *key, const char *text) {
    struct value *metadata = value_find_mutable(object, "metadata");
    const struct value *given = value_find(metadata, member);
    struct value map = value_is(given, VALUE_MAP) ? *given : value_of_map();
    value_set(arena, &map, key, value_of_text(text));
    value_set(arena, metadata, member, map);
}

struct value object_of_kubernetes(const struct object_place *place, const struct resource *resource, struct arena *arena,
                                  const char **hash) {
    struct value object = value_copy(arena, &place->manifest->object);
    *hash = NULL;
    drop_generated(arena, place->manifest, &object);
    if (text_equal(resource->kind, "Secret") && text_equal(resource->api_version, "v1"))
        fold_string_data(arena, &object);
    struct value *metadata = value_find_mutable(&object, "metadata");
    if (resource->namespace != NULL)
        value_set(arena, metadata, "namespace", value_of_text(resource->namespace));
    else
        value_remove(metadata, "namespace");
    if (resource->manage == MANAGE_OBSERVE)
        return object;
    set_metadata(arena, &object, "labels", LABEL_PART_OF, place->applyset_id);
    struct digest digest = hash_value(&object);
    *hash = hash_hex(arena, &digest);
    set_metadata(arena, &object, "annotations", ANNOTATION_APPLIED, *hash);
    return object;
}

/* Annotations. */

struct annotations {
    const struct manifest *manifest;
    struct resource *resource;
    struct arena *arena;
    struct findings *findings;
};

static void say(struct annotations *annotations, const struct value *value, const char *hint, const char *text) {
    findings_add(annotations->findings, annotations->arena, value_place(value, annotations->manifest->file), hint, "%s", text);
    annotations->findings->items[annotations->findings->count - 1].resource = annotations->resource->id;
}

/* "desiredSize" means the field of the rows that ends so. */
static const char *full_path(const struct kind *row, const char *text) {
    for (const struct field *field = row != NULL ? row->fields : NULL; field != NULL && field->path != NULL; field++) {
        size_t length = strlen(field->path);
        size_t wanted = strlen(text);
        if (text_equal(field->path, text) || (length > wanted && field->path[length - wanted - 1] == '.' && text_ends(field->path, text)))
            return field->path;
    }
    return row == NULL ? text : NULL;
}

static const char *const *read_paths(struct annotations *annotations, const struct value *value) {
    const char **paths = ARENA_ARRAY(annotations->arena, const char *, value->text.length / 2 + 2);
    char *rest = NULL;
    size_t count = 0;
    char *list = arena_copy(annotations->arena, value->text.bytes, value->text.length);
    for (char *one = strtok_r(list, ", ", &rest); one != NULL; one = strtok_r(NULL, ", ", &rest)) {
        const char *path = full_path(annotations->resource->row, one);
        if (path != NULL)
            paths[count++] = path;
        else
            say(annotations, value, "eksact explain lists the fields",
                arena_text(annotations->arena, "a %s has no field \"%s\"", annotations->resource->kind, one));
    }
    return paths;
}

static void read_annotation(struct annotations *annotations, const struct member *member) {
    static const char *const known[] = {ANNOTATION_MANAGE, ANNOTATION_ON_REMOVE, ANNOTATION_OWNS, ANNOTATION_IGNORE, NULL};
    const struct value *value = &member->value;
    const char *text = value_text(value);
    struct resource *resource = annotations->resource;
    if (text_equal(member->key, ANNOTATION_MANAGE)) {
        resource->manage = text_equal(text, "observe") ? MANAGE_OBSERVE : MANAGE_FULL;
        if (!text_equal(text, "observe") && !text_equal(text, "full"))
            say(annotations, value, "observe, or full", ANNOTATION_MANAGE " wants observe or full");
    } else if (text_equal(member->key, ANNOTATION_ON_REMOVE)) {
        resource->retain = text_equal(text, "retain");
        if (!text_equal(text, "retain") && !text_equal(text, "delete"))
            say(annotations, value, "retain, or delete", ANNOTATION_ON_REMOVE " wants retain or delete");
    } else if (text_equal(member->key, ANNOTATION_OWNS)) {
        resource->owns = text != NULL ? read_paths(annotations, value) : resource->owns;
    } else if (text_equal(member->key, ANNOTATION_IGNORE)) {
        resource->ignores = text != NULL ? read_paths(annotations, value) : resource->ignores;
    } else if (text_equal(member->key, ANNOTATION_APPLIED)) {
        say(annotations, value, "take it out", ANNOTATION_APPLIED " is set by eksact alone");
    } else {
        const char *near = text_nearest(member->key, known);
        say(annotations, value, near != NULL ? arena_text(annotations->arena, "did you mean %s?", near) : NULL,
            arena_text(annotations->arena, "annotation %s is not known", member->key));
    }
}

void object_read_annotations(const struct manifest *manifest, struct resource *resource, struct arena *arena, struct findings *findings) {
    static const char *const none[] = {NULL};
    struct annotations annotations = {.manifest = manifest, .resource = resource, .arena = arena, .findings = findings};
    const struct value *map = value_at(&manifest->object, "metadata.annotations");
    resource->owns = none;
    resource->ignores = none;
    for (size_t i = 0; value_is(map, VALUE_MAP) && i < map->map.count; i++)
        if (text_starts(map->map.members[i].key, "eksact.dev/"))
            read_annotation(&annotations, &map->map.members[i]);
}
