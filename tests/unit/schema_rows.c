/* The rows agree with themselves: what they name exists, and what they show is what they demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <regex.h>

#include "base/json.h"
#include "base/yaml.h"
#include "schema/kind.h"

static void each_field(void (*check)(const struct kind *kind, const struct field *field)) {
    for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++)
        for (const struct field *field = (*kind)->fields; field->path != NULL; field++)
            check(*kind, field);
}

static struct value json(struct arena *arena, const struct kind *kind, const struct field *field, const char *text) {
    struct value value;
    struct error err = {0};
    if (!json_parse(arena, field->path, text, strlen(text), &value, &err))
        fail_msg("%s.%s: %s: %s", kind->name, field->path, text, err.text);
    return value;
}

static void check_documented(const struct kind *kind, const struct field *field) {
    if (field->doc == NULL || strlen(field->doc) < 5)
        fail_msg("%s.%s has no documentation", kind->name, field->path);
}

static void check_type_of_example(const struct kind *kind, const struct field *field) {
    static const enum value_type types[] = {[TYPE_TEXT] = VALUE_TEXT,    [TYPE_INTEGER] = VALUE_INTEGER, [TYPE_BOOLEAN] = VALUE_BOOLEAN,
                                            [TYPE_OBJECT] = VALUE_MAP,   [TYPE_TEXT_LIST] = VALUE_LIST,  [TYPE_OBJECT_LIST] = VALUE_LIST,
                                            [TYPE_TEXT_MAP] = VALUE_MAP, [TYPE_DOCUMENT] = VALUE_MAP,    [TYPE_DOCUMENT_MAP] = VALUE_MAP};
    const char *shown[] = {field->example, field->initial};
    ARENA_AUTO *arena = arena_new();
    for (size_t i = 0; i < 2; i++) {
        if (shown[i] == NULL || field->type == TYPE_FREE)
            continue;
        struct value value = json(arena, kind, field, shown[i]);
        bool is_reference = field->type == TYPE_TEXT && value_find(&value, "ref") != NULL;
        if (value.type != types[field->type] && !is_reference)
            fail_msg("%s.%s: %s is not of its type", kind->name, field->path, shown[i]);
    }
}

static void check_pattern(const struct kind *kind, const struct field *field) {
    if (field->pattern == NULL)
        return;
    ARENA_AUTO *arena = arena_new();
    regex_t compiled;
    if (regcomp(&compiled, arena_text(arena, "^(%s)$", field->pattern), REG_EXTENDED | REG_NOSUB) != 0)
        fail_msg("%s.%s: pattern %s", kind->name, field->path, field->pattern);
    struct value example = field->example != NULL ? json(arena, kind, field, field->example) : value_null();
    const struct value *text = value_is(&example, VALUE_LIST) && example.list.count > 0 ? &example.list.items[0] : &example;
    bool bad = value_text(text) != NULL && regexec(&compiled, value_text(text), 0, NULL, 0) != 0;
    regfree(&compiled);
    if (bad)
        fail_msg("%s.%s: the example does not match its pattern", kind->name, field->path);
}

/* A change that is possible has a call; a call of one item says where the item goes. */
static void check_calls(const struct kind *kind, const struct field *field) {
    bool can_change = field->change == CHANGE_IN_PLACE || field->change == CHANGE_ADD_ONCE || field->change == CHANGE_SET_ONCE;
    if (can_change != (field->update != NULL))
        fail_msg("%s.%s: change and update disagree", kind->name, field->path);
    if (field->encode == ENCODE_EACH && (field->remove == NULL || field->add_path == NULL || field->remove_path == NULL))
        fail_msg("%s.%s: each item is added and removed", kind->name, field->path);
    if ((field->encode == ENCODE_DELTA || field->encode == ENCODE_TAGS) && (field->add_path == NULL || field->remove_path == NULL))
        fail_msg("%s.%s: what is added and what is removed have their members", kind->name, field->path);
    if (field->type == TYPE_DOCUMENT_MAP && field->encode == ENCODE_EACH && field->value_path == NULL)
        fail_msg("%s.%s: a member has a value", kind->name, field->path);
    if (field->least > field->most && field->most != 0)
        fail_msg("%s.%s: least is above most", kind->name, field->path);
}

static void check_paths(const struct kind *kind, const char *paths) {
    if (paths == NULL)
        return;
    ARENA_AUTO *arena = arena_new();
    char *rest = NULL;
    for (char *path = strtok_r(arena_copy(arena, paths, strlen(paths)), ",", &rest); path != NULL; path = strtok_r(NULL, ",", &rest))
        if (schema_field(kind, path) == NULL)
            fail_msg("%s has no field %s", kind->name, path);
}

static void check_named_paths(const struct kind *kind, const struct field *field) {
    check_paths(kind, field->with);
    check_paths(kind, field->clamp);
    if (field->reference != NULL && schema_find(field->reference) == NULL)
        fail_msg("%s.%s refers to no kind", kind->name, field->path);
    /* The row of a member comes after that of its object. */
    ARENA_AUTO *arena = arena_new();
    const char *dot = strrchr(field->path, '.');
    char *parent = dot != NULL ? arena_copy(arena, field->path, (size_t)(dot - field->path)) : NULL;
    if (parent != NULL && text_ends(parent, "[]"))
        parent[strlen(parent) - 2] = '\0';
    if (parent != NULL && (schema_field(kind, parent) == NULL || schema_field(kind, parent) >= field))
        fail_msg("%s.%s stands before its object", kind->name, field->path);
}

static void test_fields(void **state) {
    (void)state;
    each_field(check_documented);
    each_field(check_type_of_example);
    each_field(check_pattern);
    each_field(check_calls);
    each_field(check_named_paths);
}

static void test_rules_name_fields(void **state) {
    (void)state;
    for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++)
        for (const struct rule *rule = (*kind)->rules; rule != NULL && rule->paths != NULL; rule++)
            check_paths(*kind, rule->paths);
}

static void test_kinds_are_whole(void **state) {
    (void)state;
    const char *last = "";
    for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++) {
        assert_true(strcmp(last, (*kind)->name) < 0);
        last = (*kind)->name;
        assert_ptr_equal(schema_find(last), *kind);
        assert_non_null((*kind)->doc);
        if ((*kind)->service == SERVICE_NONE)
            continue;
        assert_non_null((*kind)->create);
        assert_non_null((*kind)->remove);
        assert_non_null((*kind)->list);
        assert_non_null((*kind)->reads[0].operation);
        assert_non_null((*kind)->attributes);
        assert_true((*kind)->create_ms[0] > 0 && (*kind)->create_ms[0] <= (*kind)->create_ms[1]);
        assert_true((*kind)->update_ms[0] > 0 && (*kind)->update_ms[0] <= (*kind)->update_ms[1]);
        assert_true((*kind)->delete_ms[0] > 0 && (*kind)->delete_ms[0] <= (*kind)->delete_ms[1]);
        assert_int_equal((*kind)->status != NULL, (*kind)->ready != NULL);
    }
    assert_null(schema_find("Addon"));
    assert_true(schema_is_planned("Addon"));
    assert_false(schema_is_planned("Deployment"));
}

static void test_examples_are_yaml(void **state) {
    (void)state;
    for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++) {
        ARENA_AUTO *arena = arena_new();
        struct yaml_documents documents = {0};
        struct findings findings = {0};
        yaml_parse(arena, (*kind)->name, (*kind)->example, strlen((*kind)->example), &documents, &findings);
        assert_int_equal(findings.count, 0);
        assert_int_equal(documents.count, 1);
        assert_string_equal(value_text_at(&documents.items[0], "kind"), (*kind)->name);
    }
}

/* Every label of a path, and nothing twice in the table. */
static void test_operations(void **state) {
    (void)state;
    const struct operation *last = NULL;
    for (const struct operation *const *at = schema_operations(); *at != NULL; at++) {
        const struct operation *operation = *at;
        if (last != NULL)
            assert_true(last->service < operation->service ||
                        (last->service == operation->service && strcmp(last->name, operation->name) < 0));
        last = operation;
        assert_ptr_equal(schema_operation(operation->service, operation->name), operation);
        const struct service_row *service = schema_service(operation->service);
        assert_int_equal(service->query, operation->method == NULL);
        assert_int_equal(service->query, operation->path == NULL);
        for (const char *label = operation->path != NULL ? strchr(operation->path, '{') : NULL; label != NULL;
             label = strchr(label + 1, '{')) {
            bool found = false;
            for (const struct operation_key *key = operation->keys; key->member != NULL; key++)
                found = found || (strncmp(key->member, label + 1, strlen(key->member)) == 0 && label[1 + strlen(key->member)] == '}');
            if (!found)
                fail_msg("%s: no key for %s", operation->name, label);
        }
    }
    assert_null(schema_operation(SERVICE_IAM, "CreateCluster"));
    assert_null(schema_service(SERVICE_NONE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),          cmocka_unit_test(test_rules_name_fields),
        cmocka_unit_test(test_kinds_are_whole), cmocka_unit_test(test_examples_are_yaml),
        cmocka_unit_test(test_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
