/* JSON in and out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"

struct pair {
    const char *in;
    const char *out;
};

static void parse_and_render(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    static const struct pair pairs[] = {
        {"null", "null"},
        {"{\"b\":1,\"a\":[true,false,{}],\"A\":[]}", "{\"A\":[],\"a\":[true,false,{}],\"b\":1}"},
        {"{\"a\":1,\"a\":2}", "{\"a\":2}"},
        {"\"\\u00e9\\/\\n\\t\\r\\\"\\\\\\u0001\"", "\"\xc3\xa9/\\n\\t\\r\\\"\\\\\\u0001\""},
        {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
        {"[0, -0, -1, 9223372036854775807, -9223372036854775808]", "[0,0,-1,9223372036854775807,-9223372036854775808]"},
        {"[1.0, 1.5, -0.0, 0.1, 100.25]", "[1,1.5,0,0.1,100.25]"},
        {"[1e20, 1e21, 1.5e300, 1e-6, 1e-7, 5e-324]", "[100000000000000000000,1e+21,1.5e+300,0.000001,1e-7,5e-324]"},
        /* Beyond 64 bits: a number, and its neighbours keep their digits. */
        {"[9007199254740993, 18446744073709551615, -9223372036854775809]", "[9007199254740993,18446744073709552000,-9223372036854775808]"},
        {"[123456789012345678901234567890123456789, \"99999999999999999999\"]", "[1.2345678901234568e+38,\"99999999999999999999\"]"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct value value;
        struct error err = {0};
        if (!json_parse(arena, "test", pairs[i].in, strlen(pairs[i].in), &value, &err))
            fail_msg("%s: %s", pairs[i].in, err.text);
        assert_string_equal(json_text(arena, &value), pairs[i].out);
    }
}

static void refuses_what_is_no_json(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "[1,]",
                                        "{\"a\":}",
                                        "{'a':1}",
                                        "01",
                                        "1e400",
                                        "nul",
                                        "{} {}",
                                        "\"\xff\"",
                                        "\"\\u0000\"",
                                        "\"\\ud800\"",
                                        "\xef\xbb\xbf{}",
                                        "[18446744073709551615,}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct value value;
        struct error err = {0};
        if (json_parse(arena, "answer", texts[i], strlen(texts[i]), &value, &err))
            fail_msg("\"%s\" was read", texts[i]);
        assert_int_equal(err.kind, ERROR_BROKEN);
        assert_true(text_starts(err.text, "answer is no JSON: line "));
    }
}

static void error_quotes_nothing(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value value;
    struct error err = {0};
    const char *text = "{\"password\": hunter2}";
    assert_false(json_parse(arena, "Secret", text, strlen(text), &value, &err));
    assert_null(strstr(err.text, "hunter2"));
}

static void depth_is_limited(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    char text[203];
    for (size_t depth = 100; depth <= 101; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct value value;
        struct error err = {0};
        assert_int_equal(json_parse(arena, "test", text, depth * 2, &value, &err), depth == 100);
    }
}

static void renders_indented(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value value;
    struct error err = {0};
    const char *in = "{\"a\":[1,{}],\"b\":{\"c\":[]}}";
    assert_true(json_parse(arena, "test", in, strlen(in), &value, &err));
    TEXT_AUTO text;
    text_init(&text, 1000);
    json_render(&text, &value, 2);
    assert_string_equal(text.data, "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": []\n  }\n}");
}

static void renders_bytes_that_are_no_utf8_as_replacement(void **state) {
    (void)state;
    TEXT_AUTO text;
    text_init(&text, 1000);
    json_render_string(&text, "a\xff\xc3\xa9\xe2\x82z");
    assert_string_equal(text.data, "\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbdz\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_and_render),     cmocka_unit_test(refuses_what_is_no_json),
        cmocka_unit_test(error_quotes_nothing), cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(renders_indented),     cmocka_unit_test(renders_bytes_that_are_no_utf8_as_replacement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
