/* check.c: a manifest of ours against its rows. */
#include "model/manifest.h"

#include <regex.h>

#include "base/json.h"
#include "base/text.h"
#include "model/graph.h"
#include "names.h"

struct check {
    const struct manifest *manifest;
    const struct kind *row;
    const char *id;
    struct arena *arena;
    struct findings *findings;
};

enum { AWS_TAGS_MOST = 50, OUR_TAGS = 3 };

static void check_value(struct check *check, const struct field *field, const char *path, const struct value *value);
static void check_object(struct check *check, const char *rows_under, const char *path, const struct value *object);

/* Names the resource in the finding that was added last. */
static void sign(struct check *check) {
    check->findings->items[check->findings->count - 1].resource = check->id;
}

static struct place place_of(const struct check *check, const struct value *value) {
    return value_place(value, check->manifest->file);
}

#define SAY(CHECK, VALUE, HINT, ...)                                                                                                       \
    (findings_add((CHECK)->findings, (CHECK)->arena, place_of((CHECK), (VALUE)), (HINT), __VA_ARGS__), sign(CHECK))
#define WARN(CHECK, VALUE, HINT, ...)                                                                                                      \
    (findings_warn((CHECK)->findings, (CHECK)->arena, place_of((CHECK), (VALUE)), (HINT), __VA_ARGS__), sign(CHECK))

static const char *type_wanted(enum field_type type) {
    switch (type) {
    case TYPE_TEXT:
        return "a text";
    case TYPE_INTEGER:
        return "a whole number";
    case TYPE_BOOLEAN:
        return "true or false";
    case TYPE_OBJECT:
        return "a map";
    case TYPE_TEXT_LIST:
        return "a list of texts";
    case TYPE_OBJECT_LIST:
        return "a list of maps";
    case TYPE_TEXT_MAP:
        return "a map of texts";
    case TYPE_DOCUMENT:
        return "a map (a JSON document)";
    case TYPE_DOCUMENT_MAP:
        return "a map of names to maps (JSON documents)";
    case TYPE_FREE:
        break;
    }
    return "another value";
}

static const char *hint_example(struct check *check, const struct field *field) {
    if (field->example != NULL)
        return arena_text(check->arena, "for example: %s", field->example);
    if (field->values != NULL && field->values[0] != NULL)
        return arena_text(check->arena, "for example: %s", field->values[0]);
    return NULL;
}

static void say_type(struct check *check, const struct field *field, const char *path, const struct value *value, const char *wanted) {
    const char *hint = hint_example(check, field);
    if (text_equal(wanted, "a text") && value->type != VALUE_LIST && value->type != VALUE_MAP)
        hint = "put it in quotes: YAML reads it as another type";
    SAY(check, value, hint, "%s wants %s, found %s", path, wanted, value_type_name(value->type));
}

static bool matches(const char *pattern, const char *text, struct arena *arena) {
    regex_t compiled;
    if (regcomp(&compiled, arena_text(arena, "^(%s)$", pattern), REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool good = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return good;
}

/* A member of this resource alone or a choice of eksact's own knows all its values; the API's lists grow. */
static bool is_strict(const struct field *field) {
    return field->change == CHANGE_LOCAL;
}

static void check_enum(struct check *check, const struct field *field, const char *path, const struct value *value) {
    if (text_in(value->text.bytes, field->values))
        return;
    const char *known = field->values[0];
    for (size_t i = 1; known != NULL && field->values[i] != NULL; i++)
        known = arena_text(check->arena, "%s, %s", known, field->values[i]);
    const char *near = text_nearest(value->text.bytes, field->values);
    const char *hint =
        near != NULL ? arena_text(check->arena, "did you mean %s? known: %s", near, known) : arena_text(check->arena, "known: %s", known);
    if (is_strict(field))
        SAY(check, value, hint, "%s: %s is not supported by this version", path, value->text.bytes);
    else
        WARN(check, value, hint, "%s: %s is not known to this version and is sent as it is", path, value->text.bytes);
}

static size_t count_characters(const struct value *text) {
    size_t count = 0;
    for (size_t i = 0; i < text->text.length; i++)
        count += ((unsigned char)text->text.bytes[i] & 0xC0) != 0x80;
    return count;
}

static void check_bounds(struct check *check, const struct field *field, const char *path, const struct value *value, int64_t size,
                         const char *unit) {
    if (size < field->least)
        SAY(check, value, hint_example(check, field), "%s wants at least %lld%s, found %lld", path, (long long)field->least, unit,
            (long long)size);
    else if (field->most != 0 && size > field->most)
        SAY(check, value, NULL, "%s wants at most %lld%s, found %lld", path, (long long)field->most, unit, (long long)size);
}

static bool is_reference_map(const struct value *value) {
    return value_is(value, VALUE_MAP) && value_find(value, "ref") != NULL;
}

/* Whether the map is a reference; what is wrong with it becomes a finding. References of eksact's own settings could not be known in time.
 */
static bool check_reference(struct check *check, const struct field *field, const char *path, const struct value *value) {
    if (!is_reference_map(value))
        return false;
    const char *text = value_text_at(value, "ref");
    const char *hint =
        field->reference != NULL ? arena_text(check->arena, "{ref: %s/name}", field->reference) : "{ref: Kind/name.attribute}";
    if (value_count(value) != 1)
        SAY(check, value, "only ref may stand in it", "%s: a reference has one member", path);
    else if (field->change == CHANGE_LOCAL)
        SAY(check, value, "write the value itself", "%s cannot be a reference: it must be known before anything is read", path);
    else if (text == NULL || strchr(text, '/') == NULL || strchr(text, '/') == text || text_ends(text, "/"))
        SAY(check, value, hint, "%s: ref wants Kind/name or Kind/name.attribute", path);
    return true;
}

static void check_text(struct check *check, const struct field *field, const char *path, const struct value *value) {
    if (check_reference(check, field, path, value))
        return;
    if (!value_is(value, VALUE_TEXT)) {
        say_type(check, field, path, value, "a text");
        return;
    }
    if (field->type == TYPE_TEXT && (field->least != 0 || field->most != 0))
        check_bounds(check, field, path, value, (int64_t)count_characters(value), " characters");
    if (field->values != NULL)
        check_enum(check, field, path, value);
    if (field->pattern != NULL && !matches(field->pattern, value->text.bytes, check->arena))
        SAY(check, value, hint_example(check, field), "%s: \"%s\" does not have the form %s", path, value->text.bytes, field->pattern);
}

static void check_text_list(struct check *check, const struct field *field, const char *path, const struct value *value) {
    check_bounds(check, field, path, value, (int64_t)value->list.count, " items");
    for (size_t i = 0; i < value->list.count; i++) {
        const struct value *item = &value->list.items[i];
        check_text(check, field, arena_text(check->arena, "%s[%zu]", path, i), item);
        for (size_t j = 0; field->unordered && value_is(item, VALUE_TEXT) && j < i; j++)
            if (value_equal(item, &value->list.items[j])) {
                WARN(check, item, NULL, "%s: %s stands in the list twice", path, item->text.bytes);
                break;
            }
    }
}

static void check_tag_keys(struct check *check, const char *path, const struct value *map) {
    if (map->map.count + OUR_TAGS > AWS_TAGS_MOST)
        SAY(check, map, NULL, "%s: AWS allows %d tags, of which eksact sets %d, found %zu", path, AWS_TAGS_MOST, OUR_TAGS, map->map.count);
    for (size_t i = 0; i < map->map.count; i++) {
        const struct member *tag = &map->map.members[i];
        size_t length = strlen(tag->key);
        if (strncasecmp(tag->key, "aws:", 4) == 0)
            SAY(check, &tag->value, "choose another key", "%s: keys under aws: are AWS's own", path);
        else if (text_starts(tag->key, "eksact.dev/"))
            SAY(check, &tag->value, "choose another key", "%s: keys under eksact.dev/ are eksact's own", path);
        else if (length == 0 || length > 128)
            SAY(check, &tag->value, NULL, "%s: a key has 1 to 128 characters", path);
        if (value_is(&tag->value, VALUE_TEXT) && count_characters(&tag->value) > 256)
            SAY(check, &tag->value, NULL, "%s.%s has at most 256 characters", path, tag->key);
    }
}

static void check_text_map(struct check *check, const struct field *field, const char *path, const struct value *value) {
    bool is_tags = field->encode == ENCODE_TAGS || text_equal(field->path, "tags");
    if (is_tags)
        check_tag_keys(check, path, value);
    else
        check_bounds(check, field, path, value, (int64_t)value->map.count, " members");
    for (size_t i = 0; i < value->map.count; i++)
        check_text(check, field, arena_text(check->arena, "%s.%s", path, value->map.members[i].key), &value->map.members[i].value);
}

static void check_document(struct check *check, const struct field *field, const char *path, const struct value *value) {
    if (!value_is(value, VALUE_MAP) || value->map.count == 0) {
        say_type(check, field, path, value, value->type == VALUE_MAP ? "a map with members" : type_wanted(TYPE_DOCUMENT));
        return;
    }
    if (field->most == 0 || field->type != TYPE_DOCUMENT)
        return;
    size_t length = strlen(json_text(check->arena, value));
    if ((int64_t)length > field->most)
        SAY(check, value, NULL, "%s wants at most %lld characters of JSON, found %zu", path, (long long)field->most, length);
}

static void check_document_map(struct check *check, const struct field *field, const char *path, const struct value *value) {
    check_bounds(check, field, path, value, (int64_t)value->map.count, " members");
    for (size_t i = 0; i < value->map.count; i++)
        check_document(check, field, arena_text(check->arena, "%s.%s", path, value->map.members[i].key), &value->map.members[i].value);
}

static void check_integer(struct check *check, const struct field *field, const char *path, const struct value *value) {
    bool whole = value_is(value, VALUE_INTEGER) || (value_is(value, VALUE_NUMBER) && value_integer(value, 0) == value_integer(value, 1));
    if (!whole)
        say_type(check, field, path, value, type_wanted(TYPE_INTEGER));
    else if (field->least != 0 || field->most != 0)
        check_bounds(check, field, path, value, value_integer(value, 0), "");
}

static void check_object_list(struct check *check, const struct field *field, const char *path, const struct value *value) {
    check_bounds(check, field, path, value, (int64_t)value->list.count, " items");
    const char *rows_under = arena_text(check->arena, "%s[].", field->path);
    for (size_t i = 0; i < value->list.count; i++)
        check_object(check, rows_under, arena_text(check->arena, "%s[%zu]", path, i), &value->list.items[i]);
}

/* The value type that a field type is written as. */
static enum value_type value_type_of(enum field_type type) {
    if (type == TYPE_TEXT_LIST || type == TYPE_OBJECT_LIST)
        return VALUE_LIST;
    return VALUE_MAP;
}

static void check_value(struct check *check, const struct field *field, const char *path, const struct value *value) {
    bool is_container = field->type == TYPE_OBJECT || field->type == TYPE_TEXT_LIST || field->type == TYPE_OBJECT_LIST ||
                        field->type == TYPE_TEXT_MAP || field->type == TYPE_DOCUMENT_MAP;
    if (is_container && !value_is(value, value_type_of(field->type))) {
        say_type(check, field, path, value, type_wanted(field->type));
        return;
    }
    switch (field->type) {
    case TYPE_TEXT:
        check_text(check, field, path, value);
        break;
    case TYPE_INTEGER:
        check_integer(check, field, path, value);
        break;
    case TYPE_BOOLEAN:
        if (!value_is(value, VALUE_BOOLEAN))
            say_type(check, field, path, value, type_wanted(TYPE_BOOLEAN));
        break;
    case TYPE_OBJECT:
        check_object(check, arena_text(check->arena, "%s.", field->path), path, value);
        break;
    case TYPE_TEXT_LIST:
        check_text_list(check, field, path, value);
        break;
    case TYPE_OBJECT_LIST:
        check_object_list(check, field, path, value);
        break;
    case TYPE_TEXT_MAP:
        check_text_map(check, field, path, value);
        break;
    case TYPE_DOCUMENT:
        check_document(check, field, path, value);
        break;
    case TYPE_DOCUMENT_MAP:
        check_document_map(check, field, path, value);
        break;
    case TYPE_FREE:
        break;
    }
}

/* The last part of a row's path when the row stands directly under `rows_under`, else NULL. */
static const char *name_under(const struct field *field, const char *rows_under) {
    if (!text_starts(field->path, rows_under))
        return NULL;
    const char *name = field->path + strlen(rows_under);
    return strchr(name, '.') == NULL && strchr(name, '[') == NULL ? name : NULL;
}

static const struct field *field_under(const struct kind *row, const char *rows_under, const char *name) {
    for (const struct field *field = row->fields; field->path != NULL; field++)
        if (text_equal(name_under(field, rows_under), name))
            return field;
    return NULL;
}

static void say_unknown(struct check *check, const char *rows_under, const char *path, const struct member *member) {
    const char *names[128] = {NULL};
    size_t count = 0;
    for (const struct field *field = check->row->fields; field->path != NULL && count < 127; field++) {
        const char *name = name_under(field, rows_under);
        if (name != NULL && !field->name && field->change != CHANGE_OBSERVED && field->change != CHANGE_REQUEST)
            names[count++] = name;
    }
    const char *near = text_nearest(member->key, names);
    const char *hint = near != NULL ? arena_text(check->arena, "did you mean \"%s\"?", near) : NULL;
    struct place place = {.file = check->manifest->file, .line = member->line, .column = member->column};
    findings_add(check->findings, check->arena, place, hint, "unknown field \"%s.%s\"", path, member->key);
    sign(check);
}

/* True when the field may not stand in a manifest; says why. */
static bool is_refused(struct check *check, const struct field *field, const char *path, const struct value *value) {
    if (field->name)
        SAY(check, value, "take it out", "%s comes from metadata.name", path);
    else if (field->change == CHANGE_REQUEST)
        SAY(check, value, "take it out", "%s: %s", path, field->doc);
    else if (field->change == CHANGE_OBSERVED)
        SAY(check, value, "take it out", "%s is only in answers of the API: it cannot be declared", path);
    else
        return false;
    return true;
}

static void check_required(struct check *check, const char *rows_under, const char *path, const struct value *object) {
    for (const struct field *field = check->row->fields; field->path != NULL; field++) {
        const char *name = field->required ? name_under(field, rows_under) : NULL;
        if (name == NULL)
            continue;
        const struct value *value = value_find(object, name);
        if (value == NULL || value->type == VALUE_NULL)
            SAY(check, object, hint_example(check, field), "missing field \"%s.%s\"", path, name);
    }
}

static void check_object(struct check *check, const char *rows_under, const char *path, const struct value *object) {
    if (!value_is(object, VALUE_MAP)) {
        SAY(check, object, NULL, "%s wants a map, found %s", path, value_type_name(object->type));
        return;
    }
    for (size_t i = 0; i < object->map.count; i++) {
        const struct member *member = &object->map.members[i];
        const struct field *field = field_under(check->row, rows_under, member->key);
        if (field == NULL) {
            say_unknown(check, rows_under, path, member);
            continue;
        }
        const char *below = arena_text(check->arena, "%s.%s", path, member->key);
        if (!is_refused(check, field, below, &member->value) && member->value.type != VALUE_NULL)
            check_value(check, field, below, &member->value);
    }
    /* What is only observed may be declared by its name alone. */
    const struct value *annotations = value_at(&check->manifest->object, "metadata.annotations");
    if (!text_equal(value_text(value_find(annotations, ANNOTATION_MANAGE)), "observe"))
        check_required(check, rows_under, path, object);
}

/* Cross-field rules. */

static bool is_given(const struct value *value) {
    return value != NULL && value->type != VALUE_NULL && !(value->type == VALUE_BOOLEAN && !value->boolean);
}

enum { RULE_PATHS = 8 };

static size_t rule_paths(const struct rule *rule, struct arena *arena, const char *paths[RULE_PATHS]) {
    char *copy = arena_copy(arena, rule->paths, strlen(rule->paths));
    char *rest = NULL;
    size_t count = 0;
    for (char *path = strtok_r(copy, ",", &rest); path != NULL && count < RULE_PATHS; path = strtok_r(NULL, ",", &rest))
        paths[count++] = path;
    return count;
}

static const char *join(struct arena *arena, const char *const *paths, size_t count, const char *last) {
    const char *text = paths[0];
    for (size_t i = 1; i < count; i++)
        text = arena_text(arena, "%s%s%s", text, i + 1 == count ? last : ", ", paths[i]);
    return text;
}

/* Where the fields of a rule stand: the object that holds the first one. NULL when it is not given. */
static const struct value *rule_holder(struct arena *arena, const struct value *spec, const char *path) {
    const char *dot = strrchr(path, '.');
    const struct value *holder = dot == NULL ? spec : value_at(spec, arena_copy(arena, path, (size_t)(dot - path)));
    return value_is(holder, VALUE_MAP) ? holder : NULL;
}

static void check_ascending(struct check *check, const struct rule *rule, const struct value *spec, const char *const *paths,
                            size_t count) {
    const char *last_path = NULL;
    int64_t last = 0;
    for (size_t i = 0; i < count; i++) {
        const struct value *value = value_at(spec, paths[i]);
        if (!value_is(value, VALUE_INTEGER))
            continue;
        if (last_path != NULL && value->integer < last)
            SAY(check, value, NULL, "spec.%s (%lld) is less than spec.%s (%lld): %s", paths[i], (long long)value->integer, last_path,
                (long long)last, rule->why);
        last_path = paths[i];
        last = value->integer;
    }
}

static void check_any_true(struct check *check, const struct rule *rule, const struct value *spec, const char *const *paths, size_t count) {
    const struct value *place = spec;
    for (size_t i = 0; i < count; i++) {
        const struct field *field = schema_field(check->row, paths[i]);
        const struct value *value = value_at(spec, paths[i]);
        if (value_boolean(value, field != NULL && text_equal(field->initial, "true")))
            return;
        place = value != NULL ? value : place;
    }
    SAY(check, place, NULL, "neither spec.%s is true: %s", join(check->arena, paths, count, " nor spec."), rule->why);
}

static void check_rule(struct check *check, const struct rule *rule, const struct value *spec) {
    const char *paths[RULE_PATHS] = {NULL};
    size_t count = rule_paths(rule, check->arena, paths);
    if (rule->type == RULE_ASCENDING) {
        check_ascending(check, rule, spec, paths, count);
        return;
    }
    if (rule->type == RULE_ANY_TRUE) {
        check_any_true(check, rule, spec, paths, count);
        return;
    }
    const struct value *holder = rule_holder(check->arena, spec, paths[0]);
    size_t given = 0;
    const struct value *first = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct value *value = value_at(spec, paths[i]);
        given += is_given(value);
        first = first == NULL && is_given(value) ? value : first;
    }
    const struct value *place = first != NULL ? first : holder;
    if (rule->type == RULE_ALL_OR_NONE && given != 0 && given != count)
        SAY(check, place, "give all of them, or none", "spec.%s belong together: %s", join(check->arena, paths, count, " and "), rule->why);
    if (rule->type == RULE_AT_MOST_ONE && given > 1)
        SAY(check, place, "keep one of them", "spec.%s exclude each other: %s", join(check->arena, paths, count, " and "), rule->why);
    if (rule->type == RULE_EXACTLY_ONE && holder != NULL && given != 1)
        SAY(check, place, "give exactly one of them", "spec.%s: %s", join(check->arena, paths, count, " or "), rule->why);
    if (rule->type == RULE_NEEDS && is_given(value_at(spec, paths[0])) && given != count)
        SAY(check, place, NULL, "spec.%s needs spec.%s: %s", paths[0], join(check->arena, paths + 1, count - 1, " and "), rule->why);
}

/* What stands around the spec. */

static void check_members(struct check *check, const struct value *map, const char *path, const char *const *names) {
    for (size_t i = 0; value_is(map, VALUE_MAP) && i < map->map.count; i++) {
        const struct member *member = &map->map.members[i];
        if (text_in(member->key, names))
            continue;
        const char *near = text_nearest(member->key, names);
        struct place place = {.file = check->manifest->file, .line = member->line, .column = member->column};
        findings_add(check->findings, check->arena, place, near != NULL ? arena_text(check->arena, "did you mean \"%s\"?", near) : NULL,
                     "unknown field \"%s%s\"", path, member->key);
        sign(check);
    }
}

static void check_name(struct check *check, const struct value *name) {
    for (const struct field *field = check->row->fields; field->path != NULL; field++)
        if (field->name) {
            check_text(check, field, "metadata.name", name);
            return;
        }
    bool is_aws = check->row->service != SERVICE_NONE;
    const char *pattern =
        is_aws ? "[0-9A-Za-z][0-9A-Za-z_.-]{0,127}" : "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*";
    if (!matches(pattern, name->text.bytes, check->arena))
        SAY(check, name, NULL, "metadata.name \"%s\" does not have the form %s", name->text.bytes, pattern);
}

static void check_around(struct check *check) {
    static const char *const top[] = {"apiVersion", "kind", "metadata", "spec", NULL};
    static const char *const about[] = {"name", "namespace", "labels", "annotations", NULL};
    const struct value *object = &check->manifest->object;
    const struct value *metadata = value_find(object, "metadata");
    check_members(check, object, "", top);
    check_members(check, metadata, "metadata.", about);
    const struct value *namespace = value_find(metadata, "namespace");
    if (namespace != NULL && !check->row->namespaced)
        SAY(check, namespace, "take it out", "metadata.namespace: a %s has no namespace", check->row->name);
    if (namespace == NULL && check->row->namespaced)
        SAY(check, metadata, NULL, "missing field \"metadata.namespace\"");
    const struct value *name = value_find(metadata, "name");
    if (value_is(name, VALUE_TEXT))
        check_name(check, name);
}

void manifest_check(const struct manifest *manifest, struct arena *arena, struct findings *findings) {
    struct check check = {.manifest = manifest, .row = manifest->row, .arena = arena, .findings = findings};
    check.id = name_id(arena, manifest->kind, manifest->namespace, manifest->name);
    check_around(&check);
    const struct value *spec = value_find(&manifest->object, "spec");
    const struct value empty = {.type = VALUE_MAP, .line = manifest->object.line, .column = manifest->object.column};
    if (spec == NULL || spec->type == VALUE_NULL)
        spec = &empty;
    check_object(&check, "", "spec", spec);
    if (!value_is(spec, VALUE_MAP))
        return;
    for (const struct rule *rule = check.row->rules; rule != NULL && rule->paths != NULL; rule++)
        check_rule(&check, rule, spec);
}
