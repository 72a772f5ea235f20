/* Documentation and JSON Schema from the rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "model/explain.h"

enum { LIMIT = 1 << 20 };

static void test_kinds_and_fields_are_explained(void **state) {
    (void)state;
    struct error err = {0};
    for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++) {
        TEXT_AUTO text;
        text_init(&text, LIMIT);
        assert_true(explain_kind((*kind)->name, &text, &err));
        assert_false(text.full);
        assert_non_null(strstr(text.data, (*kind)->doc));
        assert_non_null(strstr(text.data, (*kind)->example));
    }
}

static void test_one_field(void **state) {
    (void)state;
    TEXT_AUTO text;
    text_init(&text, LIMIT);
    struct error err = {0};
    assert_true(explain_kind("NodeGroup.spec.taints", &text, &err));
    assert_non_null(strstr(text.data, "NodeGroup.taints: list of maps"));
    assert_non_null(strstr(text.data, "by call: UpdateNodegroupConfig"));
    assert_non_null(strstr(text.data, "\n  effect (text, required)"));
    text_clear(&text);
    assert_true(explain_kind("Cluster.resourcesVpcConfig.subnetIds", &text, &err));
    assert_non_null(strstr(text.data, "by call: UpdateClusterConfig (VpcConfigUpdate)"));
}

static void test_what_there_is_not(void **state) {
    (void)state;
    static const struct {
        const char *what, *says;
    } rows[] = {
        {"Clutser", "there is no kind Clutser: did you mean Cluster?"},
        {"Addon", "kind Addon is not supported by this version"},
        {"NodeGroup.nodeRol", "a NodeGroup has no field nodeRol: did you mean nodeRole?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        TEXT_AUTO text;
        text_init(&text, LIMIT);
        struct error err = {0};
        assert_false(explain_kind(rows[i].what, &text, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.text, rows[i].says);
    }
}

/* The schemas in the repository are what editors use: they say what this version says. With EKSACT_WRITE_SCHEMAS set they are written. */
static void test_published_schemas(void **state) {
    (void)state;
    for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++) {
        char path[512];
        TEXT_AUTO text;
        text_init(&text, LIMIT);
        schema_render(*kind, &text);
        assert_false(text.full);
        snprintf(path, sizeof path, SOURCE_ROOT "/schema/published/%s.json", (*kind)->name);
        if (getenv("EKSACT_WRITE_SCHEMAS") != NULL) {
            FILE *out = fopen(path, "w");
            assert_non_null(out);
            assert_int_equal(fwrite(text.data, 1, text.length, out), text.length);
            assert_int_equal(fclose(out), 0);
        }
        FILE *file = fopen(path, "r");
        static char published[LIMIT];
        size_t length = file != NULL ? fread(published, 1, sizeof published, file) : 0;
        if (file != NULL)
            fclose(file);
        if (length != text.length || memcmp(published, text.data, length) != 0)
            fail_msg("schema/published/%s.json differs from the rows: eksact schema %s > schema/published/%s.json", (*kind)->name,
                     (*kind)->name, (*kind)->name);
    }
}

static void test_schema_of_all_is_json(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    TEXT_AUTO text;
    text_init(&text, 4 * LIMIT);
    schema_render(NULL, &text);
    struct value value;
    struct error err = {0};
    assert_true(json_parse(arena, "schema", text.data, text.length, &value, &err));
    assert_int_equal(value_count(value_find(&value, "oneOf")), 7);
}

static struct value text_or_null(const char *text) {
    return text != NULL ? value_of_text(text) : value_null();
}

static struct value operation_value(struct arena *arena, const struct operation *operation) {
    struct value value = value_of_map();
    struct value keys = value_of_list();
    value_set(arena, &value, "name", text_or_null(operation->name));
    value_set(arena, &value, "service", value_of_text(schema_service(operation->service)->name));
    value_set(arena, &value, "method", text_or_null(operation->method));
    value_set(arena, &value, "path", text_or_null(operation->path));
    value_set(arena, &value, "query", text_or_null(operation->query));
    value_set(arena, &value, "token", text_or_null(operation->token));
    value_set(arena, &value, "result", text_or_null(operation->result));
    value_set(arena, &value, "list", text_or_null(operation->list));
    value_set(arena, &value, "update", value_of_boolean(operation->update));
    for (const struct operation_key *key = operation->keys; key->member != NULL; key++)
        value_append(arena, &keys, value_of_text(key->member));
    value_set(arena, &value, "keys", keys);
    return value;
}

/* For tests/aws_model/check.py, which holds the rows against the API's own model. */
static bool write_rows(const char *path) {
    ARENA_AUTO *arena = arena_new();
    TEXT_AUTO text;
    text_init(&text, 16 * LIMIT);
    text_add(&text, "{\"kinds\": {");
    for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++) {
        text_add(&text, "%s\"%s\": ", kind != schema_kinds() ? "," : "", (*kind)->name);
        schema_render_rows(*kind, &text);
    }
    text_add(&text, "}, \"operations\": ");
    struct value operations = value_of_list();
    for (const struct operation *const *operation = schema_operations(); *operation != NULL; operation++)
        value_append(arena, &operations, operation_value(arena, *operation));
    json_render(&text, &operations, 2);
    text_add(&text, "}\n");
    FILE *file = fopen(path, "w");
    bool good = file != NULL && !text.full && fwrite(text.data, 1, text.length, file) == text.length;
    return (file == NULL || fclose(file) == 0) && good;
}

int main(void) {
    const char *rows_path = getenv("EKSACT_ROWS_FILE");
    if (rows_path != NULL)
        return write_rows(rows_path) ? 0 : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_and_fields_are_explained),
        cmocka_unit_test(test_one_field),
        cmocka_unit_test(test_what_there_is_not),
        cmocka_unit_test(test_published_schemas),
        cmocka_unit_test(test_schema_of_all_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
