/* Values: maps stay sorted, comparisons go by worth, copies share nothing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/value.h"

static struct value parse(struct arena *arena, const char *text) {
    struct value value = value_null();
    struct error err = {0};
    if (!json_parse(arena, "test", text, strlen(text), &value, &err))
        fail_msg("%s: %s", text, err.text);
    return value;
}

static void map_stays_sorted_when_set(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value map = value_of_map();
    for (int i = 0; i < 300; i++)
        (void)value_set(arena, &map, arena_text(arena, "key%03d", (i * 7) % 300), value_of_integer(i));
    assert_int_equal(value_count(&map), 300);
    for (size_t i = 1; i < 300; i++)
        assert_true(strcmp(map.map.members[i - 1].key, map.map.members[i].key) < 0);
    assert_int_equal(value_integer(value_find(&map, "key007"), -1), 1);
}

static void set_replaces(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value map = value_of_map();
    (void)value_set(arena, &map, "a", value_of_integer(1));
    (void)value_set(arena, &map, "a", value_of_integer(2));
    assert_string_equal(json_text(arena, &map), "{\"a\":2}");
}

static void set_at_makes_maps_and_replaces_what_is_none(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value map = parse(arena, "{\"a\":1}");
    (void)value_set_at(arena, &map, "a.b.c", value_of_boolean(true));
    (void)value_set_at(arena, &map, "a.b.d", value_null());
    assert_string_equal(json_text(arena, &map), "{\"a\":{\"b\":{\"c\":true,\"d\":null}}}");
}

static void remove_takes_one_member(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value map = parse(arena, "{\"a\":1,\"b\":2,\"c\":3}");
    assert_true(value_remove(&map, "b"));
    assert_false(value_remove(&map, "b"));
    assert_string_equal(json_text(arena, &map), "{\"a\":1,\"c\":3}");
}

static void grown_copy_leaves_the_original(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value original = parse(arena, "{\"l\":[1,2,3,4],\"m\":{\"a\":1,\"b\":2},\"t\":\"x\"}");
    const char *before = json_text(arena, &original);
    struct value copy = value_copy(arena, &original);
    (void)value_append(arena, value_find_mutable(&copy, "l"), value_of_integer(5));
    (void)value_set_at(arena, &copy, "m.c", value_of_integer(3));
    assert_string_equal(json_text(arena, &original), before);
    assert_string_equal(json_text(arena, &copy), "{\"l\":[1,2,3,4,5],\"m\":{\"a\":1,\"b\":2,\"c\":3},\"t\":\"x\"}");
}

static void questions_take_null_and_any_type(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value text = value_of_text("x");
    assert_null(value_find(NULL, "a"));
    assert_null(value_find(&text, "a"));
    assert_null(value_at(NULL, "a.b"));
    assert_null(value_text(NULL));
    assert_int_equal(value_integer(&text, 7), 7);
    assert_true(value_boolean(NULL, true));
    assert_int_equal(value_count(&text), 0);
    assert_int_equal(value_of_text(NULL).type, VALUE_NULL);
    struct value number = value_of_number(3.0);
    assert_int_equal(value_integer(&number, 0), 3);
    number = value_of_number(3.5);
    assert_int_equal(value_integer(&number, 9), 9);
    number = value_of_number(1e300);
    assert_int_equal(value_integer(&number, 9), 9);
    struct value map = parse(arena, "{\"a\":{\"b\":\"c\"},\"a.b\":\"dotted\"}");
    assert_string_equal(value_text_at(&map, "a.b"), "c");
    assert_null(value_at(&map, "a.b.c"));
    assert_null(value_at(&map, "a."));
}

static void sort_is_stable_and_tells_duplicates(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value map = value_of_map();
    for (int i = 0; i < 200; i++)
        (void)value_put(arena, &map, arena_text(arena, "key%03d", (i * 37) % 200), value_of_integer(i));
    assert_null(value_sort(&map));
    assert_int_equal(value_integer(value_find(&map, "key037"), -1), 1);
    (void)value_put(arena, &map, "key100", value_of_text("second"));
    const struct member *second = value_sort(&map);
    assert_non_null(second);
    assert_string_equal(value_text(&second->value), "second");
}

struct order {
    const char *less;
    const char *more;
};

static void compare_orders_by_type_then_content(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    static const struct order orders[] = {
        {"null", "false"},
        {"false", "true"},
        {"true", "0"},
        {"1", "2"},
        {"1", "1.5"},
        {"-1.5", "-1"},
        {"9007199254740992.0", "9007199254740993"},
        {"9223372036854775807", "9223372036854775808"},
        {"-1e300", "-9223372036854775808"},
        {"5", "\"\""},
        {"\"a\"", "\"b\""},
        {"\"a\"", "\"ab\""},
        {"\"z\"", "[]"},
        {"[]", "[1]"},
        {"[1,2]", "[2]"},
        {"[9]", "{}"},
        {"{}", "{\"a\":1}"},
        {"{\"a\":1}", "{\"a\":2}"},
        {"{\"a\":9}", "{\"b\":1}"},
        {"{\"a\":1}", "{\"a\":1,\"b\":1}"},
    };
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct value less = parse(arena, orders[i].less);
        struct value more = parse(arena, orders[i].more);
        if (value_compare(&less, &more) >= 0 || value_compare(&more, &less) <= 0 || value_equal(&less, &more))
            fail_msg("%s is not less than %s", orders[i].less, orders[i].more);
        assert_true(value_equal(&less, &less));
    }
}

static void numbers_are_equal_by_worth(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value one = parse(arena, "[1, 100, 0]");
    struct value other = parse(arena, "[1.0, 1e2, -0.0]");
    assert_true(value_equal(&one, &other));
    assert_string_equal(json_text(arena, &one), json_text(arena, &other));
}

struct merge {
    const char *base;
    const char *patch;
    const char *result;
};

/* The test cases of RFC 7396, appendix A. */
static void merge_follows_rfc_7396(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    static const struct merge merges[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"a\":1,\"e\":null}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    for (size_t i = 0; i < sizeof merges / sizeof merges[0]; i++) {
        struct value base = parse(arena, merges[i].base);
        struct value patch = parse(arena, merges[i].patch);
        struct value merged = value_merge(arena, &base, &patch);
        assert_string_equal(json_text(arena, &merged), merges[i].result);
        assert_string_equal(json_text(arena, &base), merges[i].base);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_stays_sorted_when_set),
        cmocka_unit_test(set_replaces),
        cmocka_unit_test(set_at_makes_maps_and_replaces_what_is_none),
        cmocka_unit_test(remove_takes_one_member),
        cmocka_unit_test(grown_copy_leaves_the_original),
        cmocka_unit_test(questions_take_null_and_any_type),
        cmocka_unit_test(sort_is_stable_and_tells_duplicates),
        cmocka_unit_test(compare_orders_by_type_then_content),
        cmocka_unit_test(numbers_are_equal_by_worth),
        cmocka_unit_test(merge_follows_rfc_7396),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
