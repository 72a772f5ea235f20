/* explain.c: documentation and JSON Schema, printed from the rows. */
#include "model/explain.h"

#include "base/json.h"
#include "base/value.h"

/* "taints[].key" as a person asks for it: "taints.key". */
static const char *plain_path(struct arena *arena, const char *path) {
    char *plain = arena_copy(arena, path, strlen(path));
    char *to = plain;
    for (const char *from = path; *from != '\0'; from++)
        if (*from != '[' && *from != ']')
            *to++ = *from;
    *to = '\0';
    return plain;
}

static const char *type_name(enum field_type type) {
    static const char *const names[] = {
        [TYPE_TEXT] = "text",
        [TYPE_INTEGER] = "whole number",
        [TYPE_BOOLEAN] = "true or false",
        [TYPE_OBJECT] = "map",
        [TYPE_TEXT_LIST] = "list of texts",
        [TYPE_OBJECT_LIST] = "list of maps",
        [TYPE_TEXT_MAP] = "map of texts",
        [TYPE_DOCUMENT] = "JSON document",
        [TYPE_DOCUMENT_MAP] = "map of JSON documents",
        [TYPE_FREE] = "see the example",
    };
    return names[type];
}

static const char *change_name(enum field_change change) {
    static const char *const names[] = {
        [CHANGE_REPLACE] = "only at creation: another value replaces the resource",
        [CHANGE_IN_PLACE] = "in place",
        [CHANGE_ADD_ONCE] = "can be added once, never changed or removed",
        [CHANGE_SET_ONCE] = "can be set while it is unset",
        [CHANGE_REQUEST] = "cannot be declared",
        [CHANGE_HIDDEN] = "only at creation, and not seen after",
        [CHANGE_OBSERVED] = "only in answers of the API",
        [CHANGE_LOCAL] = "for eksact itself, never sent",
        [CHANGE_MEMBERS] = "member by member",
    };
    return names[change];
}

/* Fields that a person may write. */
static bool is_declarable(const struct field *field) {
    return !field->name && field->change != CHANGE_OBSERVED && field->change != CHANGE_REQUEST;
}

static size_t depth_of(const char *path) {
    size_t depth = 0;
    for (; *path != '\0'; path++)
        depth += *path == '.';
    return depth;
}

static void render_values(struct text *out, const struct field *field) {
    if (field->values == NULL)
        return;
    text_add(out, "  values: ");
    for (size_t i = 0; field->values[i] != NULL; i++)
        text_add(out, "%s%s", i > 0 ? ", " : "", field->values[i]);
    text_add(out, "\n");
}

static void render_limits(struct text *out, const struct field *field) {
    if (field->least == 0 && field->most == 0)
        return;
    bool is_number = field->type == TYPE_INTEGER;
    bool is_text = field->type == TYPE_TEXT || field->type == TYPE_DOCUMENT;
    const char *unit = is_number ? "" : is_text ? " characters" : " items";
    if (field->most == 0)
        text_add(out, "  at least: %lld%s\n", (long long)field->least, unit);
    else
        text_add(out, "  from %lld to %lld%s\n", (long long)field->least, (long long)field->most, unit);
}

static void render_members(struct text *out, const struct kind *kind, const char *under) {
    size_t length = strlen(under);
    size_t depth = length > 0 ? depth_of(under) + 1 : 0;
    bool first = true;
    for (const struct field *field = kind->fields; field->path != NULL; field++) {
        if (!is_declarable(field) || (length > 0 && !text_starts(field->path, under)) || depth_of(field->path) < depth)
            continue;
        const char *rest = length > 0 ? field->path + length : field->path;
        if (length > 0 && *rest != '.' && *rest != '[')
            continue;
        if (first)
            text_add(out, "\n");
        first = false;
        const char *name = strrchr(field->path, '.');
        size_t indent = 2 * (depth_of(field->path) - depth) + 2;
        text_add(out, "%*s%s (%s%s): %s\n", (int)indent, "", name != NULL ? name + 1 : field->path, type_name(field->type),
                 field->required ? ", required" : "", field->doc);
    }
}

static void render_field(struct text *out, const struct kind *kind, const struct field *field, const char *path) {
    text_add(out, "%s.%s: %s%s\n\n%s\n\n", kind->name, path, type_name(field->type), field->required ? ", required" : "", field->doc);
    text_add(out, "  changes: %s\n", change_name(field->change));
    if (field->update != NULL)
        text_add(out, "  by call: %s%s%s%s\n", field->update->name, field->update_type != NULL ? " (" : "",
                 field->update_type != NULL ? field->update_type : "", field->update_type != NULL ? ")" : "");
    render_values(out, field);
    render_limits(out, field);
    if (field->initial != NULL)
        text_add(out, "  absent: %s\n", field->initial);
    if (field->preset != NULL)
        text_add(out, "  absent: eksact sets %s\n", field->preset);
    if (field->pattern != NULL)
        text_add(out, "  form: %s\n", field->pattern);
    if (field->reference != NULL)
        text_add(out, "  reference: {ref: %s/name}\n", field->reference);
    if (field->example != NULL)
        text_add(out, "  example: %s\n", field->example);
    render_members(out, kind, field->path);
}

static void render_attributes(struct text *out, const struct kind *kind) {
    if (kind->attributes == NULL)
        return;
    text_add(out, "\nOthers refer to it by {ref: %s/name} or {ref: %s/name.attribute}:\n\n", kind->name, kind->name);
    for (const struct attribute *attribute = kind->attributes; attribute->name != NULL; attribute++)
        text_add(out, "  %s%s: %s\n", attribute->name, attribute == kind->attributes ? " (the default)" : "", attribute->doc);
}

static void render_kind(struct text *out, const struct kind *kind) {
    text_add(out, "%s (%s)\n\n%s\n", kind->name, SCHEMA_API_VERSION, kind->doc);
    text_add(out, "\nspec:\n");
    render_members(out, kind, "");
    render_attributes(out, kind);
    text_add(out, "\nExample:\n\n%s", kind->example);
}

static void render_kinds(struct text *out) {
    for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++)
        text_add(out, "%-18s %s\n", (*kind)->name, (*kind)->doc);
    text_add(out, "\nEverything else is a Kubernetes object, of any group and version.\n");
}

static bool say_no_kind(const char *name, struct error *err) {
    const char *names[64] = {NULL};
    for (size_t i = 0; schema_kinds()[i] != NULL && i < 63; i++)
        names[i] = schema_kinds()[i]->name;
    if (schema_is_planned(name))
        return error_set(err, ERROR_INVALID, "kind %s is not supported by this version", name);
    const char *near = text_nearest(name, names);
    return error_set(err, ERROR_INVALID, "there is no kind %s%s%s%s", name, near != NULL ? ": did you mean " : "", near != NULL ? near : "",
                     near != NULL ? "?" : "");
}

static bool explain_field(const struct kind *kind, const char *path, struct arena *arena, struct text *out, struct error *err) {
    const char *wanted = plain_path(arena, text_starts(path, "spec.") ? path + strlen("spec.") : path);
    const char *names[256] = {NULL};
    size_t count = 0;
    for (const struct field *field = kind->fields; field->path != NULL && count < 255; field++) {
        const char *plain = plain_path(arena, field->path);
        if (text_equal(plain, wanted)) {
            render_field(out, kind, field, plain);
            return true;
        }
        names[count++] = plain;
    }
    const char *near = text_nearest(wanted, names);
    return error_set(err, ERROR_INVALID, "a %s has no field %s%s%s%s", kind->name, wanted, near != NULL ? ": did you mean " : "",
                     near != NULL ? near : "", near != NULL ? "?" : "");
}

bool explain_kind(const char *what, struct text *out, struct error *err) {
    if (what == NULL) {
        render_kinds(out);
        return true;
    }
    ARENA_AUTO *arena = arena_new();
    size_t length = strcspn(what, ".");
    const char *name = arena_copy(arena, what, length);
    const struct kind *kind = schema_find(name);
    if (kind == NULL)
        return say_no_kind(name, err);
    if (what[length] == '.')
        return explain_field(kind, what + length + 1, arena, out, err);
    render_kind(out, kind);
    return true;
}

/* JSON Schema. */

static void set_text(struct arena *arena, struct value *map, const char *key, const char *text) {
    value_set(arena, map, key, value_of_text(text));
}

static struct value schema_type(struct arena *arena, const char *type) {
    struct value schema = value_of_map();
    set_text(arena, &schema, "type", type);
    return schema;
}

static struct value json_of(struct arena *arena, const char *json) {
    struct value value;
    struct error err = {0};
    return json_parse(arena, "row", json, strlen(json), &value, &err) ? value : value_null();
}

static struct value reference_or(struct arena *arena, struct value schema) {
    struct value any = value_of_map();
    struct value list = value_of_list();
    struct value reference = value_of_map();
    set_text(arena, &reference, "$ref", "#/$defs/reference");
    value_append(arena, &list, schema);
    value_append(arena, &list, reference);
    value_set(arena, &any, "anyOf", list);
    return any;
}

/* Of one text: itself, or an item of a list or map. EKS's lists of values grow, so only eksact's own are closed. */
static struct value schema_text(struct arena *arena, const struct field *field, bool bounded) {
    struct value schema = schema_type(arena, "string");
    if (field->pattern != NULL)
        set_text(arena, &schema, "pattern", arena_text(arena, "^(%s)$", field->pattern));
    if (bounded && field->least > 0)
        value_set(arena, &schema, "minLength", value_of_integer(field->least));
    if (bounded && field->most > 0)
        value_set(arena, &schema, "maxLength", value_of_integer(field->most));
    if (field->values != NULL) {
        struct value values = value_of_list();
        for (size_t i = 0; field->values[i] != NULL; i++)
            value_append(arena, &values, value_of_text(field->values[i]));
        value_set(arena, &schema, field->change == CHANGE_LOCAL ? "enum" : "examples", values);
    }
    return field->change == CHANGE_LOCAL ? schema : reference_or(arena, schema);
}

static void set_counts(struct arena *arena, const struct field *field, struct value *schema, const char *least, const char *most) {
    if (field->least > 0)
        value_set(arena, schema, least, value_of_integer(field->least));
    if (field->most > 0)
        value_set(arena, schema, most, value_of_integer(field->most));
}

static struct value schema_members(struct arena *arena, const struct kind *kind, const char *under);

static struct value schema_of_field(struct arena *arena, const struct kind *kind, const struct field *field) {
    struct value schema = value_of_map();
    switch (field->type) {
    case TYPE_TEXT:
        return schema_text(arena, field, true);
    case TYPE_INTEGER:
        schema = schema_type(arena, "integer");
        if (field->least != 0 || field->most != 0)
            value_set(arena, &schema, "minimum", value_of_integer(field->least));
        if (field->most != 0)
            value_set(arena, &schema, "maximum", value_of_integer(field->most));
        break;
    case TYPE_BOOLEAN:
        schema = schema_type(arena, "boolean");
        break;
    case TYPE_OBJECT:
        schema = schema_members(arena, kind, arena_text(arena, "%s.", field->path));
        break;
    case TYPE_TEXT_LIST:
        schema = schema_type(arena, "array");
        value_set(arena, &schema, "items", schema_text(arena, field, false));
        set_counts(arena, field, &schema, "minItems", "maxItems");
        break;
    case TYPE_OBJECT_LIST:
        schema = schema_type(arena, "array");
        value_set(arena, &schema, "items", schema_members(arena, kind, arena_text(arena, "%s[].", field->path)));
        set_counts(arena, field, &schema, "minItems", "maxItems");
        break;
    case TYPE_TEXT_MAP:
        schema = schema_type(arena, "object");
        value_set(arena, &schema, "additionalProperties", schema_text(arena, field, false));
        set_counts(arena, field, &schema, "minProperties", "maxProperties");
        break;
    case TYPE_DOCUMENT:
        schema = schema_type(arena, "object");
        break;
    case TYPE_DOCUMENT_MAP:
        schema = schema_type(arena, "object");
        value_set(arena, &schema, "additionalProperties", schema_type(arena, "object"));
        set_counts(arena, field, &schema, "minProperties", "maxProperties");
        break;
    case TYPE_FREE:
        break;
    }
    return schema;
}

static void describe(struct arena *arena, const struct field *field, struct value *schema) {
    set_text(arena, schema, "description", field->doc);
    if (field->initial != NULL)
        value_set(arena, schema, "default", json_of(arena, field->initial));
    if (field->example != NULL) {
        struct value examples = value_of_list();
        value_append(arena, &examples, json_of(arena, field->example));
        value_set(arena, schema, "examples", examples);
    }
}

/* The object whose members are the rows directly under a path. */
static struct value schema_members(struct arena *arena, const struct kind *kind, const char *under) {
    struct value schema = schema_type(arena, "object");
    struct value properties = value_of_map();
    struct value required = value_of_list();
    for (const struct field *field = kind->fields; field->path != NULL; field++) {
        const char *name = text_starts(field->path, under) ? field->path + strlen(under) : NULL;
        if (name == NULL || strpbrk(name, ".[") != NULL || !is_declarable(field))
            continue;
        struct value member = schema_of_field(arena, kind, field);
        describe(arena, field, &member);
        value_set(arena, &properties, name, member);
        if (field->required)
            value_append(arena, &required, value_of_text(name));
    }
    value_set(arena, &schema, "additionalProperties", value_of_boolean(false));
    value_set(arena, &schema, "properties", properties);
    if (required.list.count > 0)
        value_set(arena, &schema, "required", required);
    return schema;
}

static struct value schema_constant(struct arena *arena, const char *text) {
    struct value schema = value_of_map();
    set_text(arena, &schema, "const", text);
    return schema;
}

static struct value texts_map(struct arena *arena) {
    struct value schema = schema_type(arena, "object");
    value_set(arena, &schema, "additionalProperties", schema_type(arena, "string"));
    return schema;
}

static struct value schema_metadata(struct arena *arena, const struct kind *kind) {
    struct value properties = value_of_map();
    struct value name = schema_type(arena, "string");
    set_text(arena, &name, "description", "The resource's name.");
    for (const struct field *field = kind->fields; field->path != NULL; field++)
        if (field->name) {
            set_text(arena, &name, "pattern", arena_text(arena, "^(%s)$", field->pattern));
            value_set(arena, &name, "minLength", value_of_integer(field->least));
            value_set(arena, &name, "maxLength", value_of_integer(field->most));
        }
    value_set(arena, &properties, "name", name);
    value_set(arena, &properties, "labels", texts_map(arena));
    value_set(arena, &properties, "annotations", texts_map(arena));
    struct value required = value_of_list();
    value_append(arena, &required, value_of_text("name"));
    if (kind->namespaced) {
        value_set(arena, &properties, "namespace", schema_type(arena, "string"));
        value_append(arena, &required, value_of_text("namespace"));
    }
    struct value schema = schema_type(arena, "object");
    value_set(arena, &schema, "additionalProperties", value_of_boolean(false));
    value_set(arena, &schema, "properties", properties);
    value_set(arena, &schema, "required", required);
    return schema;
}

static struct value schema_manifest(struct arena *arena, const struct kind *kind) {
    struct value properties = value_of_map();
    value_set(arena, &properties, "apiVersion", schema_constant(arena, SCHEMA_API_VERSION));
    value_set(arena, &properties, "kind", schema_constant(arena, kind->name));
    value_set(arena, &properties, "metadata", schema_metadata(arena, kind));
    struct value spec = schema_members(arena, kind, "");
    bool has_required = value_find(&spec, "required") != NULL;
    value_set(arena, &properties, "spec", spec);
    struct value required = value_of_list();
    static const char *const always[] = {"apiVersion", "kind", "metadata"};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        value_append(arena, &required, value_of_text(always[i]));
    if (has_required)
        value_append(arena, &required, value_of_text("spec"));
    struct value schema = schema_type(arena, "object");
    set_text(arena, &schema, "title", kind->name);
    set_text(arena, &schema, "description", kind->doc);
    value_set(arena, &schema, "additionalProperties", value_of_boolean(false));
    value_set(arena, &schema, "properties", properties);
    value_set(arena, &schema, "required", required);
    return schema;
}

static struct value schema_reference(struct arena *arena) {
    struct value text = schema_type(arena, "string");
    set_text(arena, &text, "pattern", "^[A-Za-z]+/[^/]+(/[^/]+)?$");
    struct value properties = value_of_map();
    value_set(arena, &properties, "ref", text);
    struct value required = value_of_list();
    value_append(arena, &required, value_of_text("ref"));
    struct value schema = schema_type(arena, "object");
    set_text(arena, &schema, "description", "What another resource has: Kind/name, or Kind/name.attribute.");
    value_set(arena, &schema, "additionalProperties", value_of_boolean(false));
    value_set(arena, &schema, "properties", properties);
    value_set(arena, &schema, "required", required);
    return schema;
}

static struct value schema_all(struct arena *arena) {
    struct value schema = value_of_map();
    struct value list = value_of_list();
    for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++)
        value_append(arena, &list, schema_manifest(arena, *kind));
    value_set(arena, &schema, "oneOf", list);
    return schema;
}

void schema_render(const struct kind *kind, struct text *out) {
    ARENA_AUTO *arena = arena_new();
    struct value schema = kind != NULL ? schema_manifest(arena, kind) : schema_all(arena);
    struct value definitions = value_of_map();
    value_set(arena, &definitions, "reference", schema_reference(arena));
    value_set(arena, &schema, "$defs", definitions);
    set_text(arena, &schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_render(out, &schema, 2);
    text_add(out, "\n");
}

void schema_render_rows(const struct kind *kind, struct text *out) {
    ARENA_AUTO *arena = arena_new();
    struct value rows = value_of_list();
    for (const struct field *field = kind->fields; field->path != NULL; field++) {
        struct value row = value_of_map();
        set_text(arena, &row, "path", field->path);
        set_text(arena, &row, "type", type_name(field->type));
        set_text(arena, &row, "change", change_name(field->change));
        set_text(arena, &row, "update", field->update != NULL ? field->update->name : NULL);
        set_text(arena, &row, "remove", field->remove != NULL ? field->remove->name : NULL);
        set_text(arena, &row, "updateType", field->update_type);
        set_text(arena, &row, "addPath", field->add_path);
        set_text(arena, &row, "removePath", field->remove_path);
        value_set(arena, &row, "declarable", value_of_boolean(is_declarable(field)));
        value_set(arena, &row, "name", value_of_boolean(field->name));
        value_set(arena, &row, "required", value_of_boolean(field->required));
        struct value values = value_of_list();
        for (size_t i = 0; field->values != NULL && field->values[i] != NULL; i++)
            value_append(arena, &values, value_of_text(field->values[i]));
        value_set(arena, &row, "values", values);
        value_append(arena, &rows, row);
    }
    json_render(out, &rows, 2);
    text_add(out, "\n");
}
