/* model/document.c: JSON documents and quantities that are written differently and mean the same. */
#include "base/json.h"
#include "model/differ.h"

static int compare_values(const void *one, const void *other) {
    return value_compare(one, other);
}

/* A set: single values as a list of one, sorted, each once. */
static struct value set_of(struct arena *arena, const struct value *value) {
    struct value set = value_of_list();
    if (!value_is(value, VALUE_LIST)) {
        value_append(arena, &set, *value);
        return set;
    }
    struct value all = value_copy(arena, value);
    if (all.list.count > 1)
        qsort(all.list.items, all.list.count, sizeof *all.list.items, compare_values);
    for (size_t i = 0; i < all.list.count; i++) {
        if (i == 0 || !value_equal(&all.list.items[i], &all.list.items[i - 1]))
            value_append(arena, &set, all.list.items[i]);
    }
    return set;
}

/* IAM stores a bare account number as that account's root. */
static struct value principal_normal(struct arena *arena, const struct value *value) {
    const char *text = value_text(value);
    if (!text || !text_starts(text, "arn:") || !text_ends(text, ":root"))
        return *value;
    const char *account = strstr(text, ":iam::");
    if (!account || strlen(account) != strlen(":iam::") + 12 + strlen(":root"))
        return *value;
    return value_of_text(arena_copy(arena, account + strlen(":iam::"), 12));
}

static struct value principals_normal(struct arena *arena, const struct value *principal) {
    if (!value_is(principal, VALUE_MAP))
        return *principal;
    struct value out = value_of_map();
    for (size_t i = 0; i < principal->map.count; i++) {
        struct value set = set_of(arena, &principal->map.members[i].value);
        for (size_t j = 0; j < set.list.count; j++)
            set.list.items[j] = principal_normal(arena, &set.list.items[j]);
        value_set(arena, &out, principal->map.members[i].key, set_of(arena, &set));
    }
    return out;
}

/* operator → key → values, which are texts however they were written. */
static struct value condition_normal(struct arena *arena, const struct value *condition) {
    struct value out = value_copy(arena, condition);
    for (size_t i = 0; i < value_count(&out) && value_is(&out, VALUE_MAP); i++) {
        struct value *keys = &out.map.members[i].value;
        for (size_t j = 0; j < value_count(keys) && value_is(keys, VALUE_MAP); j++) {
            struct value set = set_of(arena, &keys->map.members[j].value);
            for (size_t k = 0; k < set.list.count; k++) {
                const char *text = diff_scalar_text(arena, &set.list.items[k]);
                if (text)
                    set.list.items[k] = value_of_text(text);
            }
            keys->map.members[j].value = set_of(arena, &set);
        }
    }
    return out;
}

static struct value statement_normal(struct arena *arena, const struct value *statement) {
    static const char *const sets[] = {"Action", "NotAction", "Resource", "NotResource", NULL};
    struct value out = value_of_map();
    for (size_t i = 0; i < value_count(statement) && value_is(statement, VALUE_MAP); i++) {
        const char *key = statement->map.members[i].key;
        const struct value *value = &statement->map.members[i].value;
        if (text_equal(key, "Sid") && text_is_empty(value_text(value)))
            continue;
        struct value normal = *value;
        if (text_in(key, sets))
            normal = set_of(arena, value);
        else if (text_equal(key, "Principal") || text_equal(key, "NotPrincipal"))
            normal = principals_normal(arena, value);
        else if (text_equal(key, "Condition"))
            normal = condition_normal(arena, value);
        value_set(arena, &out, key, normal);
    }
    return out;
}

struct value document_normal(struct arena *arena, const struct value *document) {
    struct value parsed = document ? *document : value_null();
    struct error err = {0};
    if (value_is(&parsed, VALUE_TEXT) && !json_parse(arena, "document", parsed.text.bytes, parsed.text.length, &parsed, &err))
        return *document;
    const struct value *statements = value_find(&parsed, "Statement");
    if (!statements)
        return parsed;
    struct value out = value_copy(arena, &parsed);
    struct value list = value_of_list();
    if (value_is(statements, VALUE_LIST)) {
        for (size_t i = 0; i < statements->list.count; i++)
            value_append(arena, &list, statement_normal(arena, &statements->list.items[i]));
    } else {
        value_append(arena, &list, statement_normal(arena, statements));
    }
    value_set(arena, &out, "Statement", set_of(arena, &list));
    return out;
}

bool document_equal(struct arena *arena, const struct value *one, const struct value *other) {
    struct value a = document_normal(arena, one);
    struct value b = document_normal(arena, other);
    return value_equal(&a, &b);
}

/* Suffixes of k8s.io/apimachinery/pkg/api/resource. */
static const struct {
    const char *suffix;
    double factor;
} suffixes[] = {{"", 1},
                {"n", 1e-9},
                {"u", 1e-6},
                {"m", 1e-3},
                {"k", 1e3},
                {"M", 1e6},
                {"G", 1e9},
                {"T", 1e12},
                {"P", 1e15},
                {"E", 1e18},
                {"Ki", 1024.0},
                {"Mi", 1048576.0},
                {"Gi", 1073741824.0},
                {"Ti", 1099511627776.0},
                {"Pi", 1125899906842624.0},
                {"Ei", 1152921504606846976.0}};

static bool quantity_parse(const struct value *value, double *out) {
    if (value_is(value, VALUE_INTEGER)) {
        *out = (double)value->integer;
        return true;
    }
    if (value_is(value, VALUE_NUMBER)) {
        *out = value->number;
        return true;
    }
    const char *text = value_text(value);
    if (!text || !strchr("+-.0123456789", text[0]) || !text[0] || strspn(text, "+-.0123456789eEnumkMGTPEi") != strlen(text))
        return false;
    char *end = NULL;
    double number = strtod(text, &end);
    for (size_t i = 0; end != text && i < sizeof suffixes / sizeof *suffixes; i++) {
        if (text_equal(end, suffixes[i].suffix)) {
            *out = number * suffixes[i].factor;
            return true;
        }
    }
    return false;
}

bool quantity_equal(const struct value *one, const struct value *other) {
    double a = 0;
    double b = 0;
    if (!quantity_parse(one, &a) || !quantity_parse(other, &b))
        return false;
    double gap = a > b ? a - b : b - a;
    double size = a > 0 ? a : -a;
    return gap <= size * 1e-12;
}
