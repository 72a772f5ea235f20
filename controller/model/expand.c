/* expand.c: templates of rows into manifests. Substitution works on parsed values, so nothing that a manifest says can become structure. */
#include "expand.h"

#include "base/json.h"
#include "base/text.h"
#include "reference.h"

struct expander {
    const struct expansion *expansion;
    struct arena *arena;
};

/* What one slot or one text came to. */
struct filled {
    struct value value;
    bool absent;
    bool late; /* a reference is in it: it is a text that is filled in later */
};

static struct filled fill_text(const struct expander *expander, const char *text);

static struct filled known(struct value value) {
    return (struct filled){.value = value, .absent = value.type == VALUE_NULL};
}

static struct filled fill_default(const struct expander *expander, const char *text) {
    struct value value;
    struct error err = {0};
    if (text[0] == '[' && json_parse(expander->arena, "default", text, strlen(text), &value, &err))
        return known(value);
    return known(value_of_text(text));
}

/* The inside of a slot, inner slots already filled. */
static struct filled fill_slot(const struct expander *expander, char *slot) {
    const struct expansion *expansion = expander->expansion;
    if (slot[0] == '@') {
        bool whole = strchr(slot, '|') == NULL;
        struct filled filled = {.late = !whole};
        if (whole) {
            filled.value = value_of_map();
            value_set(expander->arena, &filled.value, "ref", value_of_text(slot + 1));
        } else {
            filled.value = value_of_text(arena_text(expander->arena, "${%s}", slot + 1));
        }
        return filled;
    }
    if (text_equal(slot, "cluster"))
        return known(value_of_text(expansion->cluster));
    if (text_equal(slot, "fleet"))
        return known(value_of_text(expansion->fleet));
    if (text_equal(slot, "accountId"))
        return known(value_of_text(expansion->account_id));
    if (text_equal(slot, "partition"))
        return known(value_of_text(expansion->partition));
    char *fallback = strchr(slot, '?');
    if (fallback != NULL)
        *fallback++ = '\0';
    const struct value *found = expansion->manifest != NULL ? value_at(&expansion->manifest->object, slot) : NULL;
    if (found != NULL && found->type != VALUE_NULL)
        return known(*found);
    return fallback != NULL ? fill_default(expander, fallback) : (struct filled){.absent = true};
}

/* Adds one filled slot to a longer text. */
static const char *join(const struct expander *expander, const char *done, const char *between, size_t length, struct filled *part,
                        bool *late) {
    const char *text = value_text(&part->value);
    if (text == NULL) { /* a reference inside a text */
        text = arena_text(expander->arena, "${%s}", value_text_at(&part->value, "ref") != NULL ? value_text_at(&part->value, "ref") : "");
        part->late = true;
    }
    *late = *late || part->late;
    return arena_text(expander->arena, "%s%.*s%s", done, (int)length, between, part->absent ? "" : text);
}

static struct filled fill_text(const struct expander *expander, const char *text) {
    const char *start = NULL;
    const char *rest = text;
    const char *done = "";
    bool late = false;
    for (const char *end = slot_next(rest, &start); end != NULL; end = slot_next(rest, &start)) {
        const char *inside = arena_copy(expander->arena, start + 2, (size_t)(end - start) - 3);
        struct filled inner = fill_text(expander, inside);
        const char *slot = value_text(&inner.value) != NULL ? value_text(&inner.value) : "";
        struct filled part = fill_slot(expander, arena_copy(expander->arena, slot, strlen(slot)));
        if (start == text && *end == '\0')
            return part;
        done = join(expander, done, rest, (size_t)(start - rest), &part, &late);
        rest = end;
    }
    struct filled filled = known(value_of_text(arena_text(expander->arena, "%s%s", done, rest)));
    filled.late = late;
    return filled;
}

static void set_place(const struct expander *expander, struct value *value) {
    if (expander->expansion->manifest == NULL)
        return;
    value->line = expander->expansion->manifest->object.line;
    value->column = expander->expansion->manifest->object.column;
}

static struct value as_value(const struct expander *expander, struct filled filled) {
    if (!filled.late)
        return filled.value;
    struct value late = value_of_map();
    value_set(expander->arena, &late, "$text", filled.value);
    return late;
}

static bool fill(const struct expander *expander, const struct value *template, struct value *out);

static void fill_member(const struct expander *expander, const struct member *member, struct value *map) {
    struct value value;
    if (!fill(expander, &member->value, &value))
        return;
    if (text_equal(member->key, "${*}")) {
        for (size_t i = 0; value_is(&value, VALUE_MAP) && i < value.map.count; i++)
            value_set(expander->arena, map, value.map.members[i].key, value.map.members[i].value);
        return;
    }
    struct filled key = fill_text(expander, member->key);
    value_set(expander->arena, map, value_text(&key.value) != NULL ? value_text(&key.value) : member->key, value);
}

/* False when the template's whole text is a slot with nothing in it. */
static bool fill(const struct expander *expander, const struct value *template, struct value *out) {
    *out = *template;
    if (value_is(template, VALUE_TEXT)) {
        struct filled filled = fill_text(expander, template->text.bytes);
        *out = as_value(expander, filled);
        if (out->line == 0)
            set_place(expander, out);
        return !filled.absent;
    }
    set_place(expander, out);
    if (value_is(template, VALUE_LIST)) {
        out->list.items = NULL;
        out->list.count = 0;
        for (size_t i = 0; i < template->list.count; i++) {
            struct value item;
            if (fill(expander, &template->list.items[i], &item))
                value_append(expander->arena, out, item);
        }
    }
    if (value_is(template, VALUE_MAP)) {
        out->map.members = NULL;
        out->map.count = 0;
        /* What a template names itself wins over what ${*} brings: it comes after it. */
        for (size_t i = 0; i < template->map.count; i++)
            if (text_equal(template->map.members[i].key, "${*}"))
                fill_member(expander, &template->map.members[i], out);
        for (size_t i = 0; i < template->map.count; i++)
            if (!text_equal(template->map.members[i].key, "${*}"))
                fill_member(expander, &template->map.members[i], out);
    }
    return true;
}

struct value expand_template(const struct expansion *expansion, const char *template, struct arena *arena) {
    struct expander expander = {.expansion = expansion, .arena = arena};
    struct value parsed;
    struct value out;
    struct error err = {0};
    if (!json_parse(arena, "template of a row", template, strlen(template), &parsed, &err))
        return value_null();
    return fill(&expander, &parsed, &out) ? out : value_null();
}

bool expand_holds(const struct manifest *manifest, const char *when, struct arena *arena) {
    if (when == NULL)
        return true;
    const char *equals = strchr(when, '=');
    const char *path = arena_copy(arena, when, (size_t)(equals - when));
    const char *given = value_text(value_at(value_find(&manifest->object, "spec"), path));
    const struct field *field = schema_field(manifest->row, path);
    if (given == NULL && field != NULL && field->initial != NULL) {
        struct value initial;
        struct error err = {0};
        if (json_parse(arena, "initial value of a row", field->initial, strlen(field->initial), &initial, &err))
            given = value_text(&initial);
    }
    return text_equal(given, equals + 1);
}
