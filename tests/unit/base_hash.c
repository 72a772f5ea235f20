/* Digests, base64, secrets, times, log lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/secret.h"

static void sha256_of_fips_180(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct digest digest = hash_sha256("abc", 3);
    assert_string_equal(hash_hex(arena, &digest), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest = hash_sha256(NULL, 0);
    assert_string_equal(hash_hex(arena, &digest), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231, test case 2. */
static void hmac_of_rfc_4231(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct digest digest = hash_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28);
    assert_string_equal(hash_hex(arena, &digest), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void equal_values_have_equal_digests(void **state) {
    (void)state;
    struct value one = value_of_integer(1);
    struct value other = value_of_number(1.0);
    struct digest first = hash_value(&one);
    struct digest second = hash_value(&other);
    assert_memory_equal(first.bytes, second.bytes, sizeof first.bytes);
}

struct base64 {
    const char *plain;
    const char *coded;
    const char *url;
};

/* RFC 4648, section 10. */
static void base64_there_and_back(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    static const struct base64 cases[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xff\xfe\xfb", "//77", "__77"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = strlen(cases[i].plain);
        assert_string_equal(base64_encode(arena, cases[i].plain, length), cases[i].coded);
        assert_string_equal(base64url_encode(arena, cases[i].plain, length), cases[i].url);
        for (int url = 0; url < 2; url++) {
            const char *coded = url ? cases[i].url : cases[i].coded;
            char *plain;
            size_t plain_length;
            assert_true(base64_decode(arena, coded, strlen(coded), &plain, &plain_length));
            assert_int_equal(plain_length, length);
            assert_string_equal(plain, cases[i].plain);
        }
    }
}

static void base64_refuses(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    static const char *const wrong[] = {"Z", "Zg=", "Zg===", "Z===", "=", "====", "Zg==Zg==", "Z!", "Zg =", "Zm9v="};
    char *plain;
    size_t length;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (base64_decode(arena, wrong[i], strlen(wrong[i]), &plain, &length))
            fail_msg("\"%s\" was taken", wrong[i]);
    assert_true(base64_decode(arena, "Zm9v\r\nYmFy\n", 11, &plain, &length));
    assert_string_equal(plain, "foobar");
}

static void secret_is_a_copy_that_can_be_set_from_itself(void **state) {
    (void)state;
    struct secret secret = {0};
    char text[] = "hunter2";
    secret_set(&secret, text, 7);
    memset(text, 'x', 7);
    assert_string_equal(secret.reveal, "hunter2");
    secret_set(&secret, secret.reveal, 6);
    assert_string_equal(secret.reveal, "hunter");
    secret_done(&secret);
    assert_null(secret.reveal);
    secret_wipe(text, sizeof text);
    assert_int_equal(text[0], 0);
}

struct time_case {
    const char *text;
    int64_t wall_ms;
};

static void times_are_read(void **state) {
    (void)state;
    static const struct time_case cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-01-02T03:04:05Z", 1767323045000},
        {"2026-01-02t03:04:05z", 1767323045000},
        {"2026-01-02T03:04:05.25Z", 1767323045250},
        {"2026-01-02T03:04:05.123456789Z", 1767323045123},
        {"2026-01-02T05:04:05+02:00", 1767323045000},
        {"2026-01-01T21:34:05-05:30", 1767323045000},
        {"20260102T030405Z", 1767323045000},
        {"1767323045", 1767323045000},
        {"1767323045.5", 1767323045500},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"1969-12-31T23:59:59Z", -1000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = -7;
        if (!time_parse(cases[i].text, &ms) || ms != cases[i].wall_ms)
            fail_msg("%s gives %lld", cases[i].text, (long long)ms);
    }
    static const char *const wrong[] = {"",
                                        "x",
                                        "2026-01-02",
                                        "2026-02-30T00:00:00Z",
                                        "2026-13-01T00:00:00Z",
                                        "2026-00-01T00:00:00Z",
                                        "2026-01-00T00:00:00Z",
                                        "2026-01-02T24:00:00Z",
                                        "2026-01-02T03:04:05",
                                        "2026-01-02T03:04:05.Z",
                                        "2026-01-02T03:04:05+0200",
                                        "2026-01-02 03:04:05Z",
                                        "20260102T030405",
                                        "-5",
                                        "1.",
                                        "12345678901234",
                                        "2026-01-02T03:04:05Zx"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t ms = 7;
        if (time_parse(wrong[i], &ms) || ms != 7)
            fail_msg("\"%s\" was taken", wrong[i]);
    }
    int64_t ms;
    assert_false(time_parse(NULL, &ms));
}

static void times_are_written(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    assert_string_equal(time_text(arena, 1767323045999), "2026-01-02T03:04:05Z");
    assert_string_equal(time_compact(arena, 1767323045000), "20260102T030405Z");
    assert_string_equal(time_text(arena, -1), "1969-12-31T23:59:59Z");
}

static int64_t stopped(struct clock *clock) {
    (void)clock;
    return 1767323045000;
}

static void count_call(void *context) {
    ++*(int *)context;
}

/* What two messages, one of them below the least level, leave on the descriptor. */
static void write_log(enum log_format format, char *out, size_t size) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct clock clock = {.wall_ms = stopped, .steady_ms = stopped};
    int calls = 0;
    struct log log = {
        .format = format, .least = LOG_INFO, .clock = &clock, .file_descriptor = ends[1], .before_line = count_call, .context = &calls};
    log_write(&log, LOG_DEBUG, "not this", KEYS("a", "b"));
    log_write(&log, LOG_WARNING, "two\nlines", KEYS("plain", "a/b", "quoted", "x \"y\"\n", "absent", NULL, "after", ""));
    (void)close(ends[1]);
    ssize_t length = read(ends[0], out, size - 1);
    (void)close(ends[0]);
    assert_true(length > 0);
    out[length] = '\0';
    assert_int_equal(calls, 1);
}

static void log_line_for_machines(void **state) {
    (void)state;
    char line[1000];
    write_log(LOG_JSON, line, sizeof line);
    assert_string_equal(line, "{\"time\":\"2026-01-02T03:04:05Z\",\"level\":\"warning\",\"message\":\"two\\nlines\",\"plain\":\"a/b\","
                              "\"quoted\":\"x \\\"y\\\"\\n\",\"after\":\"\"}\n");
}

static void log_line_for_people(void **state) {
    (void)state;
    char line[1000];
    write_log(LOG_TEXT, line, sizeof line);
    assert_string_equal(line, "2026-01-02T03:04:05Z warning: two lines plain=a/b quoted=\"x \\\"y\\\"\\n\" after=\"\"\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_fips_180),
        cmocka_unit_test(hmac_of_rfc_4231),
        cmocka_unit_test(equal_values_have_equal_digests),
        cmocka_unit_test(base64_there_and_back),
        cmocka_unit_test(base64_refuses),
        cmocka_unit_test(secret_is_a_copy_that_can_be_set_from_itself),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(times_are_written),
        cmocka_unit_test(log_line_for_machines),
        cmocka_unit_test(log_line_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
