/* kubernetes_undeclared.c: fields that a kind does not declare, and values of a wrong type. */
#include "sandbox/kubernetes.h"

enum { FINDINGS_MOST = 32 };

struct walk {
    struct arena *arena;
    bool apply;
    bool mistyped;
    struct value found;
};

static void walk_add(struct walk *walk, const char *path, const char *what, bool mistyped) {
    if (walk->found.list.count >= FINDINGS_MOST)
        return;
    const char *bare = *path == '.' ? path + 1 : path;
    char *text = walk->apply ? arena_text(walk->arena, "%s: %s", path, what)
                 : mistyped  ? arena_text(walk->arena, "%s: %s", bare, what)
                             : arena_text(walk->arena, "unknown field \"%s\"", bare);
    (void)value_append(walk->arena, &walk->found, value_of_text(text));
    walk->mistyped = walk->mistyped || mistyped;
}

static bool scalar_is_right(char scalar, const struct value *value) {
    if (scalar == 's')
        return value_is(value, VALUE_TEXT);
    if (scalar == 'n')
        return value_is(value, VALUE_INTEGER) || value_is(value, VALUE_NUMBER);
    if (scalar == 'b')
        return value_is(value, VALUE_BOOLEAN);
    return !value_is(value, VALUE_MAP) && !value_is(value, VALUE_LIST);
}

static void walk_value(struct walk *walk, struct kubernetes_type type, const struct value *value, const char *path) {
    struct kubernetes_atom atom = kubernetes_type_resolve(type, value);
    if (atom.deduced || value->type == VALUE_NULL)
        return;
    const char *is = value_type_name((enum value_type)value->type);
    if (atom.form == FORM_SCALAR) {
        const char *want = atom.scalar == 's'   ? "string"
                           : atom.scalar == 'n' ? "numeric (int or float)"
                           : atom.scalar == 'b' ? "boolean"
                                                : "scalar";
        if (!scalar_is_right(atom.scalar, value))
            walk_add(walk, path, arena_text(walk->arena, "expected %s, got %s", want, is), true);
        return;
    }
    if (atom.form != FORM_MAP) {
        if (!value_is(value, VALUE_LIST))
            walk_add(walk, path, arena_text(walk->arena, "expected list, got %s", is), true);
        for (size_t i = 0; value_is(value, VALUE_LIST) && i < value->list.count; i++)
            walk_value(walk, atom.element, &value->list.items[i], arena_text(walk->arena, "%s[%zu]", path, i));
        return;
    }
    if (!value_is(value, VALUE_MAP)) {
        walk_add(walk, path, arena_text(walk->arena, "expected map, got %s", is), true);
        return;
    }
    for (size_t i = 0; i < value->map.count; i++) {
        const struct member *member = &value->map.members[i];
        struct kubernetes_type below;
        char *member_path = arena_text(walk->arena, "%s.%s", path, member->key);
        bool named = kubernetes_type_field(&atom, member->key, &below);
        if (!named && !atom.open)
            walk_add(walk, member_path, "field not declared in schema", false);
        else
            walk_value(walk, below, &member->value, member_path);
    }
}

struct value kubernetes_undeclared(struct arena *arena, const struct kubernetes_kind *kind, const struct value *object, bool apply,
                                   bool *mistyped) {
    struct walk walk = {.arena = arena, .apply = apply, .found = value_of_list()};
    walk_value(&walk, kubernetes_kind_type(kind), object, "");
    *mistyped = walk.mistyped;
    return walk.found;
}

struct value kubernetes_without_nulls(struct arena *arena, const struct value *value) {
    struct value result = *value;
    if (value->type == VALUE_MAP) {
        result = value_of_map();
        for (size_t i = 0; i < value->map.count; i++)
            if (value->map.members[i].value.type != VALUE_NULL)
                (void)value_put(arena, &result, value->map.members[i].key, kubernetes_without_nulls(arena, &value->map.members[i].value));
        (void)value_sort(&result);
    } else if (value->type == VALUE_LIST) {
        result = value_of_list();
        for (size_t i = 0; i < value->list.count; i++)
            (void)value_append(arena, &result, kubernetes_without_nulls(arena, &value->list.items[i]));
    }
    return result;
}
