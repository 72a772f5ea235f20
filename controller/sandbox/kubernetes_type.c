/* kubernetes_type.c: reads the shapes of kubernetes_schema.c and of a CRD's OpenAPI schema. */
#include "sandbox/kubernetes.h"

#include "base/json.h"

static struct kubernetes_type type_of_shape(const char *shape, size_t length) {
    return (struct kubernetes_type){.shape = shape, .length = length};
}

static const struct kubernetes_type_row *row_find(const char *name, size_t length) {
    size_t low = 0;
    size_t high = kubernetes_type_row_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct kubernetes_type_row *row = &kubernetes_type_rows[middle];
        int order = strncmp(row->name, name, length);
        if (order == 0 && row->name[length] != '\0')
            order = 1;
        if (order == 0)
            return row;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

struct kubernetes_type kubernetes_type_named(const char *name) {
    const struct kubernetes_type_row *row = name ? row_find(name, strlen(name)) : NULL;
    return row ? type_of_shape(row->shape, strlen(row->shape)) : type_of_shape("?", 1);
}

struct kubernetes_type kubernetes_type_of_openapi(const struct value *schema) {
    if (!value_is(schema, VALUE_MAP))
        return type_of_shape("?", 1);
    return (struct kubernetes_type){.openapi = schema};
}

static struct kubernetes_atom atom_deduced(const struct value *value, bool atomic) {
    struct kubernetes_atom atom = {.deduced = true, .scalar = 'u', .element = type_of_shape(atomic ? "!?" : "?", atomic ? 2 : 1)};
    if (value_is(value, VALUE_MAP)) {
        atom.form = FORM_MAP;
        atom.open = true;
        atom.atomic = atomic;
    } else if (value_is(value, VALUE_LIST)) {
        atom.form = FORM_LIST;
        atom.atomic = true;
    }
    return atom;
}

static struct kubernetes_atom atom_of_openapi(const struct value *schema, const struct value *value) {
    const char *type = value_text_at(schema, "type");
    const struct value *properties = value_find(schema, "properties");
    const struct value *additional = value_find(schema, "additionalProperties");
    bool keeps = value_boolean(value_find(schema, "x-kubernetes-preserve-unknown-fields"), false);
    if (value_boolean(value_find(schema, "x-kubernetes-int-or-string"), false))
        return (struct kubernetes_atom){.form = FORM_SCALAR, .scalar = 'u'};
    if (text_equal(type, "array")) {
        const char *list_type = value_text_at(schema, "x-kubernetes-list-type");
        struct kubernetes_atom atom = {
            .form = FORM_LIST, .atomic = true, .element = kubernetes_type_of_openapi(value_find(schema, "items"))};
        if (text_equal(list_type, "set")) {
            atom.form = FORM_SET;
            atom.atomic = false;
        } else if (text_equal(list_type, "map")) {
            atom.form = FORM_KEYED;
            atom.atomic = false;
            atom.key_list = value_find(schema, "x-kubernetes-list-map-keys");
        }
        return atom;
    }
    if (text_equal(type, "object") || properties) {
        if (!properties && !value_is(additional, VALUE_MAP))
            return atom_deduced(value, false);
        struct kubernetes_atom atom = {.form = FORM_MAP, .properties = properties, .element = type_of_shape("?", 1)};
        atom.atomic = text_equal(value_text_at(schema, "x-kubernetes-map-type"), "atomic");
        atom.open = keeps || value_is(additional, VALUE_MAP) || value_boolean(additional, false);
        if (value_is(additional, VALUE_MAP))
            atom.element = kubernetes_type_of_openapi(additional);
        return atom;
    }
    if (text_equal(type, "string"))
        return (struct kubernetes_atom){.form = FORM_SCALAR, .scalar = 's'};
    if (text_equal(type, "integer") || text_equal(type, "number"))
        return (struct kubernetes_atom){.form = FORM_SCALAR, .scalar = 'n'};
    if (text_equal(type, "boolean"))
        return (struct kubernetes_atom){.form = FORM_SCALAR, .scalar = 'b'};
    return atom_deduced(value, false);
}

/* A shape in brackets ends one byte before its own end. */
static struct kubernetes_type inside(struct kubernetes_type type) {
    return type_of_shape(type.shape + 1, type.length - 2);
}

struct kubernetes_atom kubernetes_type_resolve(struct kubernetes_type type, const struct value *value) {
    bool atomic = false;
    for (;;) {
        if (type.openapi) {
            struct kubernetes_atom custom = atom_of_openapi(type.openapi, value);
            custom.object = type.object;
            return custom;
        }
        if (type.length == 0)
            return atom_deduced(value, atomic);
        if (*type.shape == '!') {
            atomic = true;
            type = type_of_shape(type.shape + 1, type.length - 1);
        } else if (*type.shape == '@') {
            const struct kubernetes_type_row *row = row_find(type.shape + 1, type.length - 1);
            type = row ? type_of_shape(row->shape, strlen(row->shape)) : type_of_shape("?", 1);
        } else {
            break;
        }
    }
    struct kubernetes_atom atom = {.atomic = atomic};
    switch (*type.shape) {
    case '?':
        return atom_deduced(value, atomic);
    case '[':
        atom.form = FORM_LIST;
        atom.atomic = true;
        atom.element = inside(type);
        return atom;
    case '<':
        atom.form = FORM_SET;
        atom.element = inside(type);
        return atom;
    case '(': {
        const char *end = memchr(type.shape, ')', type.length);
        atom.form = FORM_KEYED;
        atom.keys = type.shape + 1;
        atom.keys_length = (size_t)(end - atom.keys);
        atom.element = type_of_shape(end + 1, type.length - atom.keys_length - 2);
        return atom;
    }
    case '{':
        atom.form = FORM_MAP;
        atom.open = true;
        atom.element = inside(type);
        return atom;
    case '*':
        atom.form = FORM_MAP;
        atom.fields = type.shape + 1;
        atom.fields_length = type.length - 1;
        atom.element = type_of_shape("?", 1);
        return atom;
    default:
        atom.form = FORM_SCALAR;
        atom.scalar = *type.shape;
        return atom;
    }
}

static bool field_of_row(const struct kubernetes_atom *atom, const char *name, struct kubernetes_type *out) {
    size_t length = strlen(name);
    const char *at = atom->fields;
    const char *end = atom->fields + atom->fields_length;
    while (at < end) {
        const char *stop = memchr(at, ' ', (size_t)(end - at));
        if (!stop)
            stop = end;
        if ((size_t)(stop - at) > length && at[length] == ':' && memcmp(at, name, length) == 0) {
            *out = type_of_shape(at + length + 1, (size_t)(stop - at) - length - 1);
            return true;
        }
        at = stop + 1;
    }
    return false;
}

bool kubernetes_type_field(const struct kubernetes_atom *atom, const char *name, struct kubernetes_type *out) {
    *out = atom->element;
    if (atom->object && text_equal(name, "metadata")) {
        *out = kubernetes_type_named("meta.v1.ObjectMeta");
        return true;
    }
    if (atom->object && (text_equal(name, "apiVersion") || text_equal(name, "kind"))) {
        *out = type_of_shape("s", 1);
        return true;
    }
    if (atom->fields)
        return field_of_row(atom, name, out);
    const struct value *schema = value_find(atom->properties, name);
    if (!schema)
        return false;
    *out = kubernetes_type_of_openapi(schema);
    return true;
}

static bool key_add(struct arena *arena, struct value *keys, const struct value *item, const char *key, const char *otherwise) {
    const struct value *value = value_find(item, key);
    if (value)
        (void)value_set(arena, keys, key, *value);
    else if (otherwise)
        (void)value_set(arena, keys, key, value_of_text(otherwise));
    return value || otherwise;
}

static bool keys_of_row(struct arena *arena, const struct kubernetes_atom *atom, const struct value *item, struct value *keys) {
    char *names = arena_copy(arena, atom->keys, atom->keys_length);
    char *rest = NULL;
    bool any = false;
    for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        char *otherwise = strchr(name, '=');
        if (otherwise)
            *otherwise++ = '\0';
        any = key_add(arena, keys, item, name, otherwise) || any;
    }
    return any;
}

const char *kubernetes_type_item(struct arena *arena, const struct kubernetes_atom *atom, const struct value *item) {
    if (atom->form == FORM_SET)
        return arena_text(arena, "v:%s", json_text(arena, item));
    struct value keys = value_of_map();
    bool any = false;
    if (atom->keys)
        any = keys_of_row(arena, atom, item, &keys);
    for (size_t i = 0; i < value_count(atom->key_list); i++)
        any = key_add(arena, &keys, item, value_text(&atom->key_list->list.items[i]), NULL) || any;
    return any ? arena_text(arena, "k:%s", json_text(arena, &keys)) : NULL;
}
