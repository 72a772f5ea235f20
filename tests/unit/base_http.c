/* The helpers around the http seam: running many exchanges, reading answers, naming failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/http.h"
#include "base/text.h"

/* Answers last in, first out, and remembers how many were under way at most. */
struct fake {
    struct http seam;
    struct http_exchange *under_way[16];
    size_t count;
    size_t most;
    bool interrupts;
};

static void fake_start(struct http *seam, struct http_exchange *exchange) {
    struct fake *fake = (struct fake *)seam;
    fake->under_way[fake->count++] = exchange;
    if (fake->count > fake->most)
        fake->most = fake->count;
}

static struct http_exchange *fake_next(struct http *seam, int64_t deadline_steady_ms) {
    struct fake *fake = (struct fake *)seam;
    (void)deadline_steady_ms;
    fake->interrupts = !fake->interrupts;
    if (fake->interrupts)
        return NULL;
    struct http_exchange *exchange = fake->under_way[--fake->count];
    exchange->status = 204;
    return exchange;
}

static void run_keeps_to_its_limit_and_ends(void **state) {
    (void)state;
    struct fake fake = {.seam = {.start = fake_start, .next = fake_next}};
    struct http_exchange exchanges[10] = {0};
    http_run(&fake.seam, exchanges, 10, 3);
    assert_int_equal(fake.most, 3);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(exchanges[i].status, 204);
}

static void run_of_none_returns(void **state) {
    (void)state;
    struct fake fake = {.seam = {.start = fake_start, .next = fake_next}};
    http_run(&fake.seam, NULL, 0, 3);
    assert_int_equal(fake.most, 0);
}

/* A clock that the seam moves while it waits, a little less than asked for at first. */
struct sleeper {
    struct http seam;
    struct clock clock;
    int64_t now_ms;
    unsigned rounds;
};

static int64_t sleeper_now(struct clock *clock) {
    return ((struct sleeper *)(void *)((char *)clock - offsetof(struct sleeper, clock)))->now_ms;
}

static struct http_exchange *sleeper_next(struct http *seam, int64_t deadline_steady_ms) {
    struct sleeper *sleeper = (struct sleeper *)seam;
    sleeper->now_ms = sleeper->rounds++ == 0 ? deadline_steady_ms - 1 : deadline_steady_ms;
    return NULL;
}

static void pause_lasts_though_it_is_woken(void **state) {
    (void)state;
    struct sleeper sleeper = {.seam = {.next = sleeper_next}, .clock = {.steady_ms = sleeper_now}, .now_ms = 100};
    http_pause(&sleeper.seam, &sleeper.clock, 50);
    assert_int_equal(sleeper.now_ms, 150);
    assert_int_equal(sleeper.rounds, 2);
}

static void header_is_found_by_name(void **state) {
    (void)state;
    struct http_header headers[] = {{"date", "today"}, {"x-a", "1"}, {"x-a", "2"}};
    struct http_exchange exchange = {.answer_headers = headers, .answer_header_count = 3};
    assert_string_equal(http_answer_header(&exchange, "x-a"), "1");
    assert_null(http_answer_header(&exchange, "x-b"));
}

static void status_has_a_kind(void **state) {
    (void)state;
    static const struct {
        int status;
        enum error_kind kind;
    } cases[] = {{200, ERROR_NONE},    {201, ERROR_NONE},     {299, ERROR_NONE},    {301, ERROR_BROKEN}, {400, ERROR_INVALID},
                 {401, ERROR_DENIED},  {403, ERROR_DENIED},   {404, ERROR_MISSING}, {408, ERROR_BUSY},   {409, ERROR_CONFLICT},
                 {410, ERROR_MISSING}, {412, ERROR_CONFLICT}, {422, ERROR_INVALID}, {425, ERROR_BUSY},   {429, ERROR_BUSY},
                 {500, ERROR_BUSY},    {503, ERROR_BUSY},     {599, ERROR_BUSY},    {0, ERROR_BROKEN}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_exchange exchange = {.method = "GET", .url = "https://h/", .status = cases[i].status};
        struct error err = {0};
        assert_int_equal(http_failed(&exchange, &err), cases[i].kind != ERROR_NONE);
        assert_int_equal(err.kind, cases[i].kind);
    }
}

static void failure_names_no_query(void **state) {
    (void)state;
    struct http_exchange exchange = {.method = "PATCH", .url = "https://h/p?X-Amz-Signature=abc", .status = 503, .answer = "secret"};
    struct error err = {0};
    assert_true(http_failed(&exchange, &err));
    assert_string_equal(err.text, "PATCH https://h/p: HTTP 503");
}

static void failure_of_the_connection_wins(void **state) {
    (void)state;
    struct http_exchange exchange = {.method = "GET", .url = "https://h/", .status = 200};
    error_set(&exchange.error, ERROR_BUSY, "cut off");
    struct error err = {0};
    assert_true(http_failed(&exchange, &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    assert_string_equal(err.text, "cut off");
}

static void all_but_unreserved_is_encoded(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    assert_string_equal(http_encode(arena, "AZaz09-_.~"), "AZaz09-_.~");
    assert_string_equal(http_encode(arena, "arn:aws:iam::1:role/x y+é%"), "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx%20y%2B%C3%A9%25");
    assert_string_equal(http_encode(arena, ""), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_keeps_to_its_limit_and_ends),
        cmocka_unit_test(run_of_none_returns),
        cmocka_unit_test(pause_lasts_though_it_is_woken),
        cmocka_unit_test(header_is_found_by_name),
        cmocka_unit_test(status_has_a_kind),
        cmocka_unit_test(failure_names_no_query),
        cmocka_unit_test(failure_of_the_connection_wins),
        cmocka_unit_test(all_but_unreserved_is_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
