/* model_ownership.c: which field sets cover which declared objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "model/live.h"

#define PORT "{\"spec\": {\"ports\": [{\"containerPort\": 8080}]}}"

static const struct {
    const char *name, *declared, *fields;
    bool covers;
} rows[] = {
    {"a scalar", "{\"spec\": {\"replicas\": 2}}", "{\"f:spec\": {\"f:replicas\": {}}}", true},
    {"a scalar that somebody took", "{\"spec\": {\"replicas\": 2}}", "{\"f:spec\": {\"f:paused\": {}}}", false},
    {"nothing owned at all", "{\"spec\": {\"replicas\": 2}}", "{}", false},
    {"names and type are nobody's", "{\"apiVersion\": \"v1\", \"kind\": \"X\", \"metadata\": {\"name\": \"a\", \"namespace\": \"b\"}}",
     "{\"f:data\": {}}", true},
    {"a label", "{\"metadata\": {\"name\": \"a\", \"labels\": {\"x\": \"1\"}}}", "{\"f:metadata\": {\"f:labels\": {\"f:x\": {}}}}", true},
    {"a label that is gone", "{\"metadata\": {\"labels\": {\"x\": \"1\", \"y\": \"2\"}}}",
     "{\"f:metadata\": {\"f:labels\": {\"f:x\": {}}}}", false},
    {"metadata without any node", "{\"metadata\": {\"labels\": {\"x\": \"1\"}}}", "{\"f:spec\": {}}", false},
    {"an atomic map is owned whole", "{\"spec\": {\"selector\": {\"app\": \"a\"}}}", "{\"f:spec\": {\"f:selector\": {}}}", true},
    {"an atomic list is owned whole", "{\"spec\": {\"args\": [\"a\", \"b\"]}}", "{\"f:spec\": {\"f:args\": {}}}", true},
    {"empty values need no node", "{\"spec\": {\"a\": null, \"b\": {}, \"c\": []}}", "{\"f:spec\": {\"f:other\": {}}}", true},
    {"an item by its key", "{\"c\": [{\"name\": \"api\", \"image\": \"a\"}]}",
     "{\"f:c\": {\"k:{\\\"name\\\":\\\"api\\\"}\": {\".\": {}, \"f:name\": {}, \"f:image\": {}}}}", true},
    {"an item whose field was taken", "{\"c\": [{\"name\": \"api\", \"image\": \"a\"}]}",
     "{\"f:c\": {\"k:{\\\"name\\\":\\\"api\\\"}\": {\".\": {}, \"f:name\": {}}}}", false},
    {"an item of which only a shell is left", "{\"c\": [{\"name\": \"api\", \"image\": \"a\"}]}",
     "{\"f:c\": {\"k:{\\\"name\\\":\\\"api\\\"}\": {}}}", false},
    {"another item", "{\"c\": [{\"name\": \"api\"}]}", "{\"f:c\": {\"k:{\\\"name\\\":\\\"web\\\"}\": {\"f:name\": {}}}}", false},
    {"a defaulted part of the key", PORT,
     "{\"f:spec\": {\"f:ports\": {\"k:{\\\"containerPort\\\":8080,\\\"protocol\\\":\\\"TCP\\\"}\": {\"f:containerPort\": {}}}}}", true},
    {"the second of two matches", "{\"spec\": {\"ports\": [{\"containerPort\": 53, \"name\": \"dns\"}]}}",
     "{\"f:spec\": {\"f:ports\": {\"k:{\\\"containerPort\\\":53,\\\"protocol\\\":\\\"TCP\\\"}\": {\"f:containerPort\": {}},"
     " \"k:{\\\"containerPort\\\":53,\\\"protocol\\\":\\\"UDP\\\"}\": {\"f:containerPort\": {}, \"f:name\": {}}}}}",
     true},
    {"items of a set", "{\"metadata\": {\"finalizers\": [\"a\", \"b\"]}}",
     "{\"f:metadata\": {\"f:finalizers\": {\".\": {}, \"v:\\\"a\\\"\": {}, \"v:\\\"b\\\"\": {}}}}", true},
    {"an item missing from a set", "{\"metadata\": {\"finalizers\": [\"a\", \"b\"]}}",
     "{\"f:metadata\": {\"f:finalizers\": {\".\": {}, \"v:\\\"a\\\"\": {}}}}", false},
    {"a key that is no JSON", "{\"c\": [{\"name\": \"api\"}]}", "{\"f:c\": {\"k:{\\\"name\": {\"f:name\": {}}}}", false},
    {"a scalar where a map is owned", "{\"spec\": 1}", "{\"f:spec\": {\"f:x\": {}}}", false},
    {"a field set that is none", "{\"spec\": 1}", "[]", false},
};

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ARENA_AUTO *arena = arena_new();
        struct value declared;
        struct value fields;
        struct error err = {0};
        assert_true(json_parse(arena, "declared", rows[i].declared, strlen(rows[i].declared), &declared, &err));
        assert_true(json_parse(arena, "fields", rows[i].fields, strlen(rows[i].fields), &fields, &err));
        if (ownership_covers(&declared, &fields) != rows[i].covers)
            fail_msg("%s", rows[i].name);
    }
}

static void test_no_entry_is_doubt(void **state) {
    (void)state;
    struct value declared = value_of_map();
    assert_false(ownership_covers(&declared, NULL));
    assert_false(ownership_covers(NULL, &declared));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_no_entry_is_doubt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
