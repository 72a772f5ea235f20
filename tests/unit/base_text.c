/* Texts, errors, findings, arenas: what all the others stand on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/finding.h"
#include "base/text.h"

static void text_stops_at_its_limit_and_stays_full(void **state) {
    (void)state;
    TEXT_AUTO text;
    text_init(&text, 10);
    text_add(&text, "%s", "12345678");
    assert_false(text.full);
    text_add_string(&text, "abc");
    assert_true(text.full);
    text_add_string(&text, "x");
    assert_string_equal(text.data, "12345678");
    text_clear(&text);
    text_add_string(&text, "1234567890");
    assert_false(text.full);
    assert_int_equal(text.length, 10);
}

static void text_grows_past_its_first_buffer(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    TEXT_AUTO text;
    text_init(&text, 100000);
    text_add_string(&text, NULL);
    assert_string_equal(text.data, "");
    for (int i = 0; i < 100; i++)
        text_add(&text, "%0300d", i);
    assert_int_equal(text.length, 30000);
    assert_int_equal(strlen(text_copy(&text, arena)), 30000);
}

static void copy_of_an_unused_text_is_empty(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct text text;
    text_init(&text, 1);
    assert_string_equal(text_copy(&text, arena), "");
}

static void questions_take_null(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", NULL};
    assert_true(text_equal(NULL, NULL));
    assert_false(text_equal("", NULL));
    assert_true(text_is_empty(NULL));
    assert_false(text_starts(NULL, "a"));
    assert_true(text_starts("abc", "ab"));
    assert_false(text_starts("a", "ab"));
    assert_true(text_ends("abc", "bc"));
    assert_false(text_ends("c", "bc"));
    assert_true(text_in("b", names));
    assert_false(text_in("c", names));
    assert_false(text_in(NULL, names));
}

struct nearest {
    const char *written;
    const char *meant;
};

static void nearest_finds_what_was_meant(void **state) {
    (void)state;
    static const char *const names[] = {"nodeRole", "subnets", "labels", "taints", "instanceTypes", "amiType", NULL};
    static const struct nearest cases[] = {
        {"nodeRol", "nodeRole"},
        {"noderole", "nodeRole"},
        {"nodeRoel", "nodeRole"},
        {"subnet", "subnets"},
        {"instanceType", "instanceTypes"},
        {"label", "labels"},
        {"zzz", NULL},
        {"", NULL},
        {"replicas", NULL},
        {"amitype", "amiType"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (!text_equal(text_nearest(cases[i].written, names), cases[i].meant))
            fail_msg("%s", cases[i].written);
}

struct utf8 {
    const char *bytes;
    size_t step;
};

static void utf8_steps(void **state) {
    (void)state;
    static const struct utf8 cases[] = {
        {"a", 1},
        {"\xc3\xa9", 2},
        {"\xe2\x82\xac", 3},
        {"\xf0\x9f\x98\x80", 4},
        {"", 0},
        {"\x80", 0},
        {"\xc0\xaf", 0},
        {"\xe0\x80\x80", 0},
        {"\xed\xa0\x80", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5", 0},
        {"\xc3", 0},
        {"\xc3z", 0},
        {"\xe2\x82", 0},
        {"\xe2\x82z", 0},
        {"\xef\xbf\xbf", 3},
        {"\xf0\x80\x80\x80", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(text_utf8_step(cases[i].bytes, strlen(cases[i].bytes)), cases[i].step);
}

static void integers_are_whole_strings_within_bounds(void **state) {
    (void)state;
    int64_t number = 7;
    assert_true(text_to_integer("-12", -100, 100, &number));
    assert_int_equal(number, -12);
    assert_true(text_to_integer("9223372036854775807", 0, INT64_MAX, &number));
    static const char *const wrong[] = {"", "-", "+1", " 1", "1 ", "1.0", "0x1", "101", "-101", "9223372036854775808", "--1"};
    number = 7;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (text_to_integer(wrong[i], -100, 100, &number))
            fail_msg("\"%s\" was taken", wrong[i]);
    assert_false(text_to_integer(NULL, 0, 1, &number));
    assert_int_equal(number, 7);
}

struct duration {
    const char *text;
    int64_t ms;
    const char *said;
};

static void durations(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    static const struct duration cases[] = {
        {"0", 0, "0 s"},
        {"0s", 0, "0 s"},
        {"90s", 90000, "1 min 30 s"},
        {"10m", 600000, "10 min"},
        {"1h30m", 5400000, "1 h 30 min"},
        {"24h", 86400000, "1 d"},
        {"1d", 86400000, "1 d"},
        {"1d1h1m1s1ms", 90061001, "1 d 1 h"},
        {"500ms", 500, "500 ms"},
        {"366d", 31622400000, "366 d"},
        {"59m59s", 3599000, "59 min 59 s"},
        {"3h59m59s", 14399000, "4 h"},
        {"12s", 12000, "12 s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = -1;
        if (!text_to_duration(cases[i].text, &ms) || ms != cases[i].ms)
            fail_msg("%s", cases[i].text);
        assert_string_equal(text_of_duration(arena, ms), cases[i].said);
    }
    static const char *const wrong[] = {
        "", "1", "s", "-1s", "1.5h", "1s1m", "1h1h", "367d", "8785h", "1w", "1 s", "99999999999999999999s", "1hs"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t ms = 7;
        if (text_to_duration(wrong[i], &ms) || ms != 7)
            fail_msg("\"%s\" was taken", wrong[i]);
    }
}

static void first_error_wins_and_wraps_stand_in_front(void **state) {
    (void)state;
    struct error err = {0};
    assert_false(error_set(&err, ERROR_BUSY, "HTTP %d\nline two", 503));
    assert_false(error_set(&err, ERROR_BROKEN, "later"));
    assert_false(error_wrap(&err, "read %s", "Cluster/demo"));
    assert_int_equal(err.kind, ERROR_BUSY);
    assert_string_equal(err.text, "read Cluster/demo: HTTP 503 line two");
    assert_string_equal(error_kind_name(err.kind), "busy");
}

static void long_errors_are_cut(void **state) {
    (void)state;
    struct error err = {0};
    (void)error_set_at(&err, ERROR_INVALID, (struct place){.file = "f", .line = 3}, "%01000d", 1);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    (void)error_wrap(&err, "%01000d", 2);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(err.place.line, 3);
}

static void findings_are_sorted_and_said_once(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct findings findings = {0};
    findings_add(&findings, arena, (struct place){"b", 1, 1}, NULL, "x");
    findings_warn(&findings, arena, (struct place){"a", 2, 1}, NULL, "y");
    findings_add(&findings, arena, (struct place){"a", 2, 1}, "do this", "x %d", 1);
    findings_add(&findings, arena, (struct place){"a", 1, 9}, NULL, "z");
    findings_add(&findings, arena, (struct place){"b", 1, 1}, NULL, "x");
    findings_add(&findings, arena, (struct place){NULL, 0, 0}, NULL, "no place");
    assert_int_equal(findings.error_count, 5);
    findings_sort(&findings);
    static const char *const texts[] = {"no place", "z", "x 1", "y", "x"};
    assert_int_equal(findings.count, 5);
    assert_int_equal(findings.error_count, 4);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(findings.items[i].text, texts[i]);
}

static void arena_memory_is_zeroed_and_aligned(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    for (size_t size = 0; size < 3000; size += 7) {
        char *text = arena_copy(arena, "xyz", 3);
        assert_string_equal(text, "xyz");
        unsigned char *piece = arena_take(arena, size);
        assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(piece[i], 0);
        memset(piece, 0xff, size);
        assert_string_equal(text, "xyz");
    }
    assert_non_null(arena_take(arena, (size_t)5 << 20));
    assert_true(arena_used_bytes(arena) > (size_t)5 << 20);
    arena_free(NULL);
}

static void grown_list_keeps_its_items(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    int *items = NULL;
    for (int i = 0; i < 1000; i++) {
        items = arena_grow(arena, items, (size_t)i, sizeof *items);
        items[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
}

static void long_arena_texts_are_whole(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    assert_int_equal(strlen(arena_text(arena, "%05000d", 1)), 5000);
    assert_string_equal(arena_text(arena, "%s/%d", "a", 1), "a/1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stops_at_its_limit_and_stays_full),
        cmocka_unit_test(text_grows_past_its_first_buffer),
        cmocka_unit_test(copy_of_an_unused_text_is_empty),
        cmocka_unit_test(questions_take_null),
        cmocka_unit_test(nearest_finds_what_was_meant),
        cmocka_unit_test(utf8_steps),
        cmocka_unit_test(integers_are_whole_strings_within_bounds),
        cmocka_unit_test(durations),
        cmocka_unit_test(first_error_wins_and_wraps_stand_in_front),
        cmocka_unit_test(long_errors_are_cut),
        cmocka_unit_test(findings_are_sorted_and_said_once),
        cmocka_unit_test(arena_memory_is_zeroed_and_aligned),
        cmocka_unit_test(grown_list_keeps_its_items),
        cmocka_unit_test(long_arena_texts_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
