#include <regex.h>

#include "base/json.h"
#include "base/text.h"
#include "sandbox/eks.h"

enum { PATTERN_MOST = 1000 };

static bool is_map_type(enum field_type type) {
    return type == TYPE_OBJECT || type == TYPE_TEXT_MAP || type == TYPE_DOCUMENT_MAP;
}

static bool type_matches(const struct field *field, const struct value *value) {
    if (is_map_type(field->type))
        return value_is(value, VALUE_MAP);
    switch (field->type) {
    case TYPE_TEXT:
        return value_is(value, VALUE_TEXT);
    case TYPE_INTEGER:
        return value_is(value, VALUE_INTEGER);
    case TYPE_BOOLEAN:
        return value_is(value, VALUE_BOOLEAN);
    case TYPE_TEXT_LIST:
    case TYPE_OBJECT_LIST:
        return value_is(value, VALUE_LIST);
    default:
        return true;
    }
}

static bool pattern_matches(struct arena *arena, const char *pattern, const char *text) {
    regex_t compiled;
    if (strlen(pattern) > PATTERN_MOST || regcomp(&compiled, arena_text(arena, "^(%s)$", pattern), REG_EXTENDED | REG_NOSUB) != 0)
        return true; /* a row's mistake is for the rows' own tests */
    bool matches = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
}

static bool size_check(struct eks_call *call, const struct field *field, const struct value *value) {
    int64_t size = value_is(value, VALUE_INTEGER) ? value->integer
                   : value_is(value, VALUE_TEXT)  ? (int64_t)value->text.length
                                                  : (int64_t)value_count(value);
    bool bounded = field->most != 0 || field->least != 0;
    if (!bounded || value_is(value, VALUE_BOOLEAN) || (size >= field->least && (field->most == 0 || size <= field->most)))
        return true;
    return eks_refuse(call, "InvalidParameterException", "%s is out of range: want %lld to %lld, have %lld", field->path,
                      (long long)field->least, (long long)field->most, (long long)size);
}

static bool text_check(struct eks_call *call, const struct field *field, const char *text) {
    if (field->values != NULL && !text_in(text, field->values))
        return eks_refuse(call, "InvalidParameterException",
                          "Value '%.100s' at '%s' failed to satisfy constraint: Member must satisfy enum value set", text, field->path);
    if (field->pattern != NULL && !pattern_matches(call->arena, field->pattern, text))
        return eks_refuse(call, "InvalidParameterException",
                          "Value '%.100s' at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", text,
                          field->path, field->pattern);
    return true;
}

static bool value_check(struct eks_call *call, const struct field *field, const struct value *value) {
    if (!type_matches(field, value))
        return eks_refuse(call, "InvalidParameterException", "%s cannot be a %s", field->path,
                          value_type_name((enum value_type)value->type));
    if (!size_check(call, field, value))
        return false;
    if (value_is(value, VALUE_TEXT))
        return text_check(call, field, value->text.bytes);
    if (field->type != TYPE_TEXT_LIST)
        return true;
    for (size_t i = 0; i < value->list.count; i++) {
        const char *item = value_text(&value->list.items[i]);
        if (item == NULL)
            return eks_refuse(call, "InvalidParameterException", "%s must hold texts", field->path);
        if (!text_check(call, field, item))
            return false;
    }
    return true;
}

/* All values that the rest of the field's path names below `value`. A field that is required in a parent that is there must be there. */
static bool path_check(struct eks_call *call, const struct field *field, const struct value *value, const char *rest, bool creating) {
    size_t length = strcspn(rest, ".");
    const char *step = arena_copy(call->arena, rest, length);
    const char *next = rest[length] == '.' ? rest + length + 1 : NULL;
    bool items = text_ends(step, "[]");
    const struct value *found = value_find(value, items ? arena_copy(call->arena, step, length - 2) : step);
    if (found == NULL || value_is(found, VALUE_NULL)) {
        if (next == NULL && field->required && creating)
            return eks_refuse(call, "InvalidParameterException", "%s is required", field->path);
        return true;
    }
    if (next == NULL)
        return value_check(call, field, found);
    if (!items)
        return path_check(call, field, found, next, creating);
    for (size_t i = 0; value_is(found, VALUE_LIST) && i < found->list.count; i++)
        if (!path_check(call, field, &found->list.items[i], next, creating))
            return false;
    return true;
}

static bool field_travels(const struct field *field) {
    return field->change != CHANGE_LOCAL && field->change != CHANGE_OBSERVED;
}

/* The kind's own name is a field of the rows only by its flag: in the API it is the name member, checked here. */
static bool name_check(struct eks_call *call, const struct field *field) {
    const struct value *name = value_find(call->body, call->kind->name_member);
    if (name == NULL)
        return eks_refuse(call, "InvalidParameterException", "%s is required", call->kind->name_member);
    return value_check(call, field, name);
}

static bool fields_check(struct eks_call *call, const struct value *body, bool creating) {
    for (const struct field *field = call->kind->fields; field->path != NULL; field++) {
        if (!field_travels(field))
            continue;
        if (field->name ? creating && !name_check(call, field) : !path_check(call, field, body, field->path, creating))
            return false;
    }
    return true;
}

/* Whether the rows know this path, or something below it. */
static bool path_is_known(const struct kind *kind, const char *path) {
    for (const struct field *field = kind->fields; field->path != NULL; field++) {
        size_t length = strlen(path);
        if (strncmp(field->path, path, length) == 0 && strchr(".[", field->path[length]) != NULL)
            return true; /* strchr finds the NUL too: the path itself */
    }
    return false;
}

static bool path_is_leaf(const struct kind *kind, const char *path) {
    const struct field *field = schema_field(kind, path);
    return field != NULL && field_travels(field) && field->type != TYPE_OBJECT && field->type != TYPE_OBJECT_LIST;
}

/* What only answers have, or only manifests, is no member of a request. */
static bool path_is_foreign(const struct kind *kind, const char *path) {
    const struct field *field = schema_field(kind, path);
    return field != NULL && !field_travels(field);
}

/* AWS ignores what it does not know; the simulated one refuses, so that nothing is lost without a word. */
static bool members_check(struct eks_call *call, const struct value *map, const char *prefix) {
    static const char *const requests[] = {"clientRequestToken", NULL};
    for (size_t i = 0; value_is(map, VALUE_MAP) && i < map->map.count; i++) {
        const struct member *member = &map->map.members[i];
        const char *path = *prefix == '\0' ? member->key : arena_text(call->arena, "%s.%s", prefix, member->key);
        bool own = *prefix == '\0' &&
                   (text_in(path, requests) || text_equal(path, call->kind->name_member) || text_equal(path, call->kind->cluster_member));
        if (own || path_is_leaf(call->kind, path))
            continue;
        if (!path_is_known(call->kind, path) || path_is_foreign(call->kind, path))
            return eks_refuse(call, "InvalidParameterException", "The simulated EKS does not know the member %s of %s", path,
                              call->operation);
        if (value_is(&member->value, VALUE_MAP) && !members_check(call, &member->value, path))
            return false;
        for (size_t j = 0; value_is(&member->value, VALUE_LIST) && j < member->value.list.count; j++)
            if (!members_check(call, &member->value.list.items[j], arena_text(call->arena, "%s[]", path)))
                return false;
    }
    return true;
}

bool eks_check_create(struct eks_call *call) {
    return call->kind == NULL || (members_check(call, call->body, "") && fields_check(call, call->body, true));
}

bool eks_check_update(struct eks_call *call, const struct value *body) {
    return call->kind == NULL || (members_check(call, body, "") && fields_check(call, body, false));
}

static void initial_set(struct eks_call *call, const struct field *field, struct value *object) {
    struct value initial;
    struct error err = {0};
    if (field->initial == NULL || strstr(field->path, "[]") != NULL || value_at(object, field->path) != NULL)
        return;
    if (json_parse(call->arena, field->path, field->initial, strlen(field->initial), &initial, &err) && !value_is(&initial, VALUE_NULL))
        value_set_at(call->arena, object, field->path, initial);
}

struct value eks_object_begin(struct eks_call *call) {
    struct value object = value_copy(call->arena, call->body);
    if (call->kind == NULL)
        return object;
    for (const struct field *field = call->kind->fields; field->path != NULL; field++) {
        bool stays = field->change != CHANGE_LOCAL && field->change != CHANGE_REQUEST && field->change != CHANGE_HIDDEN;
        const char *dot = strrchr(field->path, '.');
        if (stays && !field->name)
            initial_set(call, field, &object);
        else if (!stays && dot == NULL)
            value_remove(&object, field->path);
        else if (!stays)
            value_remove((struct value *)value_at(&object, arena_copy(call->arena, field->path, (size_t)(dot - field->path))), dot + 1);
    }
    return object;
}
