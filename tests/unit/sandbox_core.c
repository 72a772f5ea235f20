/* The simulated world's seam, clock, faults and state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"
#include "sandbox/certificate.h"
#include "sandbox/sandbox.h"

#define ROLE_FORM(NAME) "Action=CreateRole&RoleName=" NAME "&AssumeRolePolicyDocument=%7B%22Statement%22%3A%22eks.%22%7D"
#define CLUSTER_BODY                                                                                                                       \
    "{\"name\":\"demo\",\"roleArn\":\"arn:aws:iam::111122223333:role/"                                                                     \
    "r\",\"resourcesVpcConfig\":{\"subnetIds\":[\"subnet-1\",\"subnet-2\"]}}"

struct core {
    struct arena *arena;
    struct sandbox *sandbox;
    struct http *http;
    struct clock *clock;
};

static void core_begin(struct core *core, const char *state) {
    struct sandbox_options options = {0};
    struct value value;
    struct error err = {0};
    core->sandbox = sandbox_new(&options);
    core->http = sandbox_http(core->sandbox);
    core->clock = sandbox_clock(core->sandbox);
    if (state == NULL)
        return;
    assert_true(json_parse(core->arena, "state", state, strlen(state), &value, &err));
    if (!sandbox_load(core->sandbox, &value, &err))
        fail_msg("%s", err.text);
}

static int core_open(void **state) {
    struct arena *arena = arena_new();
    struct core *core = ARENA_NEW(arena, struct core);
    core->arena = arena;
    core_begin(core, NULL);
    *state = core;
    return 0;
}

static int core_close(void **state) {
    struct core *core = *state;
    sandbox_free(core->sandbox);
    arena_free(core->arena);
    return 0;
}

static void core_restart(struct core *core, const char *state) {
    sandbox_free(core->sandbox);
    core_begin(core, state);
}

static struct http_exchange *begun(struct core *core, const char *method, const char *url, const char *body) {
    static const struct http_header headers[] = {{"content-type", "application/x-www-form-urlencoded"}};
    struct http_exchange *exchange = ARENA_NEW(core->arena, struct http_exchange);
    *exchange = (struct http_exchange){
        .method = method, .url = url, .body = body, .body_length = body == NULL ? 0 : strlen(body), .arena = core->arena};
    if (strstr(url, "iam.") != NULL) {
        exchange->headers = headers;
        exchange->header_count = 1;
    }
    core->http->start(core->http, exchange);
    return exchange;
}

static struct http_exchange *sent(struct core *core, const char *method, const char *url, const char *body) {
    struct http_exchange *exchange = begun(core, method, url, body);
    assert_ptr_equal(core->http->next(core->http, INT64_MAX), exchange);
    assert_non_null(exchange->answer);
    return exchange;
}

static struct http_exchange *role_make(struct core *core, const char *form) {
    return sent(core, "POST", "https://iam.amazonaws.com/", form);
}

static void cluster_make(struct core *core) {
    assert_int_equal(role_make(core, ROLE_FORM("r"))->status, 200);
    assert_int_equal(sent(core, "POST", "https://eks.eu-west-1.amazonaws.com/clusters", CLUSTER_BODY)->status, 200);
}

static size_t call_count(struct core *core) {
    size_t count = 0;
    sandbox_calls(core->sandbox, &count);
    return count;
}

static void waiting_moves_both_clocks(void **state) {
    struct core *core = *state;
    int64_t wall_ms = clock_wall_ms(core->clock), steady_ms = clock_steady_ms(core->clock);
    assert_null(core->http->next(core->http, steady_ms + 5000));
    assert_int_equal(clock_wall_ms(core->clock) - wall_ms, 5000);
    assert_int_equal(clock_steady_ms(core->clock) - steady_ms, 5000);
    assert_null(core->http->next(core->http, steady_ms)); /* a deadline in the past moves nothing */
    assert_int_equal(clock_wall_ms(core->clock) - wall_ms, 5000);
}

static void new_world_begins_in_2026(void **state) {
    struct core *core = *state;
    assert_int_equal(clock_wall_ms(core->clock), INT64_C(1767225600000));
}

static void earliest_exchange_ends_first(void **state) {
    struct core *core = *state;
    struct http_exchange *slow = begun(core, "GET", "https://eks.eu-west-1.amazonaws.com/clusters", NULL);
    struct http_exchange *quick = begun(core, "GET", "https://sandbox.invalid/clusters/other/version", NULL);
    struct http_exchange *second = begun(core, "GET", "https://eks.eu-west-1.amazonaws.com/clusters", NULL);
    assert_ptr_equal(core->http->next(core->http, INT64_MAX), quick);
    assert_ptr_equal(core->http->next(core->http, INT64_MAX), slow);
    assert_ptr_equal(core->http->next(core->http, INT64_MAX), second);
    assert_int_equal(sandbox_exchange_count(core->sandbox), 3);
}

static void deadline_comes_before_a_slow_answer(void **state) {
    struct core *core = *state;
    struct http_exchange *exchange = begun(core, "GET", "https://eks.eu-west-1.amazonaws.com/clusters", NULL);
    assert_null(core->http->next(core->http, clock_steady_ms(core->clock) + 10));
    assert_ptr_equal(core->http->next(core->http, clock_steady_ms(core->clock) + 1000), exchange);
}

static void cancelled_exchange_does_nothing(void **state) {
    struct core *core = *state;
    struct http_exchange *exchange = begun(core, "POST", "https://iam.amazonaws.com/", ROLE_FORM("r"));
    core->http->cancel(core->http, exchange);
    assert_null(core->http->next(core->http, clock_steady_ms(core->clock) + 1000));
    assert_int_equal(call_count(core), 0);
}

static void short_limit_times_out(void **state) {
    struct core *core = *state;
    struct http_exchange *exchange = begun(core, "POST", "https://iam.amazonaws.com/", ROLE_FORM("r"));
    struct http_exchange *impatient = ARENA_NEW(core->arena, struct http_exchange);
    core->http->cancel(core->http, exchange);
    *impatient = *exchange;
    impatient->limit_ms = 10;
    core->http->start(core->http, impatient);
    assert_ptr_equal(core->http->next(core->http, INT64_MAX), impatient);
    assert_int_equal(impatient->error.kind, ERROR_BUSY);
    assert_int_equal(call_count(core), 0);
}

/* Each fault on the first exchange, a CreateRole: what the client sees, whether it was done, whether the next one works. */
static void faults_do_what_they_say(void **state) {
    struct core *core = *state;
    static const struct {
        const char *fault;
        int status;
        enum error_kind error;
        bool done, goes_on;
        const char *answer;
    } rows[] = {
        {"reset", 0, ERROR_BUSY, false, true, ""},
        {"reset-after", 0, ERROR_BUSY, true, true, ""},
        {"timeout", 0, ERROR_BUSY, false, true, ""},
        {"500", 500, ERROR_NONE, false, true, "InternalFailure"},
        {"503", 503, ERROR_NONE, false, true, "ServiceUnavailable"},
        {"throttle", 400, ERROR_NONE, false, true, "<Code>Throttling</Code>"},
        {"truncate", 200, ERROR_BUSY, true, true, "<CreateRoleResponse"},
        {"kill", 0, ERROR_BUSY, false, false, ""},
        {"kill-after", 0, ERROR_BUSY, true, false, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        core_restart(core, arena_text(core->arena, "{\"faults\":[{\"exchange\":1,\"fault\":\"%s\"}]}", rows[i].fault));
        struct http_exchange *exchange = role_make(core, ROLE_FORM("r"));
        if (exchange->status != rows[i].status || exchange->error.kind != rows[i].error ||
            strstr(exchange->answer, rows[i].answer) == NULL || call_count(core) != (rows[i].done ? 1 : 0))
            fail_msg("%s: HTTP %d, error %d, %zu calls: %s", rows[i].fault, exchange->status, (int)exchange->error.kind, call_count(core),
                     exchange->answer);
        assert_int_equal(sandbox_was_killed(core->sandbox), !rows[i].goes_on);
        struct http_exchange *next = role_make(core, ROLE_FORM("s"));
        assert_int_equal(next->status, rows[i].goes_on ? 200 : 0);
        assert_int_equal(next->error.kind, rows[i].goes_on ? ERROR_NONE : ERROR_BUSY);
        assert_int_equal(call_count(core), (rows[i].done ? 1 : 0) + (rows[i].goes_on ? 1 : 0));
    }
}

static void throttled_eks_says_so_in_json(void **state) {
    struct core *core = *state;
    core_restart(core, "{\"faults\":[{\"exchange\":1,\"fault\":\"throttle\"},{\"exchange\":2,\"fault\":\"throttle\"}]}");
    struct http_exchange *exchange = sent(core, "GET", "https://eks.eu-west-1.amazonaws.com/clusters", NULL);
    assert_int_equal(exchange->status, 429);
    assert_string_equal(http_answer_header(exchange, "x-amzn-errortype"), "ThrottlingException");
    exchange = sent(core, "GET", "https://sandbox.invalid/clusters/other/api/v1/pods", NULL);
    assert_int_equal(exchange->status, 429);
    assert_string_equal(http_answer_header(exchange, "retry-after"), "1");
}

struct reader {
    struct text text;
    unsigned pieces, refuse_at;
};

static bool reader_take(void *context, const char *bytes, size_t length, struct error *err) {
    struct reader *reader = context;
    if (++reader->pieces == reader->refuse_at)
        return error_set(err, ERROR_INVALID, "enough");
    text_add_bytes(&reader->text, bytes, length);
    return true;
}

static void body_streams_to_its_reader(void **state) {
    struct core *core = *state;
    for (unsigned i = 0; i < 60; i++)
        role_make(core,
                  arena_text(core->arena, "Action=CreateRole&RoleName=r%u&AssumeRolePolicyDocument=%%7B%%22Statement%%22%%3A1%%7D", i));
    struct http_exchange *whole = role_make(core, "Action=ListRoles");
    assert_true(whole->answer_length > 17000);
    struct reader reader = {0};
    text_init(&reader.text, 1 << 20);
    struct http_exchange streamed = *whole;
    streamed.answer = NULL;
    streamed.on_bytes = reader_take;
    streamed.reader = &reader;
    core->http->start(core->http, &streamed);
    assert_ptr_equal(core->http->next(core->http, INT64_MAX), &streamed);
    assert_true(reader.pieces >= 2);
    assert_int_equal(reader.text.length, whole->answer_length);
    assert_int_equal(streamed.answer_length, 0);
    reader.refuse_at = reader.pieces + 1;
    core->http->start(core->http, &streamed);
    assert_ptr_equal(core->http->next(core->http, INT64_MAX), &streamed);
    assert_string_equal(streamed.error.text, "enough");
    text_done(&reader.text);
}

static void watch_stays_open(void **state) {
    struct core *core = *state;
    struct reader reader = {0};
    text_init(&reader.text, 1 << 20);
    struct http_exchange *watch = ARENA_NEW(core->arena, struct http_exchange);
    static const struct http_header token = {"authorization", "Bearer " SANDBOX_EXTERNAL_TOKEN};
    *watch = (struct http_exchange){.method = "GET",
                                    .url = "https://sandbox.invalid/clusters/other/api/v1/namespaces?watch=true&timeoutSeconds=60",
                                    .limit_ms = 600000,
                                    .headers = &token,
                                    .header_count = 1,
                                    .arena = core->arena,
                                    .on_bytes = reader_take,
                                    .reader = &reader};
    core->http->start(core->http, watch);
    assert_null(core->http->next(core->http, clock_steady_ms(core->clock) + 1000));
    assert_null(strstr(reader.text.data == NULL ? "" : reader.text.data, "blue"));
    static const struct http_header json[] = {{"content-type", "application/json"}, {"authorization", "Bearer " SANDBOX_EXTERNAL_TOKEN}};
    static const char body[] = "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"blue\"}}";
    struct http_exchange made = {.method = "POST",
                                 .url = "https://sandbox.invalid/clusters/other/api/v1/namespaces",
                                 .headers = json,
                                 .header_count = 2,
                                 .body = body,
                                 .body_length = sizeof body - 1,
                                 .arena = core->arena};
    core->http->start(core->http, &made);
    assert_ptr_equal(core->http->next(core->http, INT64_MAX), &made);
    assert_int_equal(made.status, 201);
    assert_null(core->http->next(core->http, clock_steady_ms(core->clock) + 1000));
    assert_non_null(strstr(reader.text.data, "\"blue\""));
    int64_t before_ms = clock_wall_ms(core->clock);
    assert_ptr_equal(core->http->next(core->http, INT64_MAX), watch);
    assert_int_equal(watch->status, 200);
    assert_string_equal(watch->error.text, "");
    assert_true(clock_wall_ms(core->clock) - before_ms > 50000 && clock_wall_ms(core->clock) - before_ms <= 60000);
    text_done(&reader.text);
}

static void impatient_watch_times_out(void **state) {
    struct core *core = *state;
    struct reader reader = {0};
    text_init(&reader.text, 1 << 20);
    static const struct http_header token = {"authorization", "Bearer " SANDBOX_EXTERNAL_TOKEN};
    struct http_exchange watch = {.method = "GET",
                                  .url = "https://sandbox.invalid/clusters/other/api/v1/namespaces?watch=true",
                                  .limit_ms = 5000,
                                  .headers = &token,
                                  .header_count = 1,
                                  .arena = core->arena,
                                  .on_bytes = reader_take,
                                  .reader = &reader};
    core->http->start(core->http, &watch);
    assert_ptr_equal(core->http->next(core->http, INT64_MAX), &watch);
    assert_int_equal(watch.error.kind, ERROR_BUSY);
    core->http->start(core->http, &watch);
    assert_null(core->http->next(core->http, clock_steady_ms(core->clock) + 1000));
    core->http->cancel(core->http, &watch);
    assert_null(core->http->next(core->http, clock_steady_ms(core->clock) + 1000));
    text_done(&reader.text);
}

static void long_answer_is_refused(void **state) {
    struct core *core = *state;
    struct http_exchange *exchange = role_make(core, "Action=ListRoles");
    exchange->limit_bytes = 20;
    core->http->start(core->http, exchange);
    assert_ptr_equal(core->http->next(core->http, INT64_MAX), exchange);
    assert_int_equal(exchange->error.kind, ERROR_BROKEN);
    assert_int_equal(exchange->answer_length, 0);
}

static void world_comes_back_equal(void **state) {
    struct core *core = *state;
    core_restart(core, "{\"mine\":{\"kept\":[1,2.5,\"three\"]},\"deployments\":{\"a/b\":\"fail\"},\"now\":1800000000000}");
    cluster_make(core);
    core->http->next(core->http, clock_steady_ms(core->clock) + 1000);
    struct value before = sandbox_save(core->sandbox, core->arena);
    assert_string_equal(value_text(&value_at(&before, "mine.kept")->list.items[2]), "three");
    core_restart(core, json_text(core->arena, &before));
    struct value after = sandbox_save(core->sandbox, core->arena);
    assert_string_equal(json_text(core->arena, &after), json_text(core->arena, &before));
    core->http->next(core->http, clock_steady_ms(core->clock) + 3600000);
    assert_non_null(strstr(sent(core, "GET", "https://eks.eu-west-1.amazonaws.com/clusters/demo", NULL)->answer, "\"ACTIVE\""));
}

/* A world that had nothing to do gets one in which something is under way. */
static void loaded_events_happen(void **state) {
    struct core *core = *state;
    struct error err = {0};
    cluster_make(core);
    struct value saved = sandbox_save(core->sandbox, core->arena);
    core_restart(core, NULL);
    core->http->next(core->http, clock_steady_ms(core->clock) + 1000);
    assert_true(sandbox_load(core->sandbox, &saved, &err));
    assert_true(sandbox_step(core->sandbox) < INT64_MAX);
    core->http->next(core->http, clock_steady_ms(core->clock) + 3600000);
    assert_non_null(strstr(sent(core, "GET", "https://eks.eu-west-1.amazonaws.com/clusters/demo", NULL)->answer, "\"ACTIVE\""));
}

static void same_calls_make_the_same_world(void **state) {
    struct core *core = *state;
    const char *worlds[2];
    for (unsigned i = 0; i < 2; i++) {
        core_restart(core, NULL);
        cluster_make(core);
        core->http->next(core->http, clock_steady_ms(core->clock) + 3600000);
        struct value saved = sandbox_save(core->sandbox, core->arena);
        worlds[i] = json_text(core->arena, &saved);
    }
    assert_string_equal(worlds[0], worlds[1]);
}

static void state_outlives_compaction(void **state) {
    struct core *core = *state;
    cluster_make(core);
    for (unsigned i = 0; i < 3000; i++)
        role_make(core, arena_text(core->arena, "Action=UpdateRole&RoleName=r&Description=%0500u", i));
    assert_non_null(strstr(role_make(core, "Action=GetRole&RoleName=r")->answer, "2999</Description>"));
    assert_int_equal(sent(core, "GET", "https://eks.eu-west-1.amazonaws.com/clusters/demo", NULL)->status, 200);
}

static void bad_state_is_refused_with_its_place(void **state) {
    struct core *core = *state;
    static const struct {
        const char *state, *text;
    } rows[] = {
        {"[]", "want a map"},
        {"{\"now\":\"x\"}", "now: want integer, have string"},
        {"{\"now\":-1}", "now: "},
        {"{\"counter\":-1}", "counter: "},
        {"{\"aws\":[]}", "aws: want map, have list"},
        {"{\"faults\":{}}", "faults: want list, have map"},
        {"{\"faults\":[{\"exchange\":0,\"fault\":\"reset\"}]}", "faults[0].exchange: "},
        {"{\"faults\":[{\"exchange\":1,\"fault\":\"reset\"},{\"exchange\":2,\"fault\":\"rest\"}]}", "faults[1].fault: want reset,"},
        {"{\"faults\":[3]}", "faults[0]: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct value value;
        struct error err = {0};
        assert_true(json_parse(core->arena, "state", rows[i].state, strlen(rows[i].state), &value, &err));
        assert_false(sandbox_load(core->sandbox, &value, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        if (strstr(err.text, rows[i].text) == NULL)
            fail_msg("%s: %s", rows[i].state, err.text);
        assert_string_equal(err.place.file, "sandbox state");
    }
}

/* What stands where it should not in the depths of a state does no harm. */
static void strange_depths_do_no_harm(void **state) {
    struct core *core = *state;
    static const char *const states[] = {
        "{\"aws\":{\"accounts\":3,\"tokens\":[]}}",
        "{\"aws\":{\"accounts\":{\"111122223333\":{\"regions\":{\"eu-west-1\":{\"clusters\":{\"demo\":7}}},\"roles\":{\"r\":1}}}}}",
        ("{\"aws\":{\"accounts\":{\"111122223333\":{\"regions\":{\"eu-west-1\":{\"clusters\":{\"demo\":{\"change\":{\"at\":1},\"updates\":{"
         "\"u\":{\"at\":1,"
         "\"nodegroup\":\"x\"}},\"nodegroups\":{\"n\":{\"change\":{\"at\":1,\"to\":\"gone\"}},\"m\":{\"change\":{\"at\":1}}}}}}}}}}}"),
        "{\"keys\":{\"AKIASANDBOX000000000\":[]}}",
    };
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        core_restart(core, states[i]);
        sandbox_step(core->sandbox);
        sent(core, "GET", "https://eks.eu-west-1.amazonaws.com/clusters/demo", NULL);
        sent(core, "GET", "https://eks.eu-west-1.amazonaws.com/clusters/demo/node-groups/m", NULL);
        role_make(core, "Action=GetRole&RoleName=r");
        role_make(core, "Action=ListRoles");
    }
}

static bool byte_read(void *context) {
    char byte;
    int *ends = context;
    return read(ends[0], &byte, 1) == 1;
}

static void attended_descriptor_wakes(void **state) {
    struct core *core = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    core->http->attend(core->http, ends[0], byte_read, ends);
    int64_t before_ms = clock_wall_ms(core->clock);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_null(core->http->next(core->http, clock_steady_ms(core->clock) + 5000));
    assert_int_equal(clock_wall_ms(core->clock), before_ms);
    assert_null(core->http->next(core->http, clock_steady_ms(core->clock) + 5000));
    assert_int_equal(clock_wall_ms(core->clock), before_ms + 5000);
    core->http->attend(core->http, ends[0], NULL, NULL);
    close(ends[0]);
    close(ends[1]);
}

struct fixed_clock {
    struct clock clock;
    int64_t now_ms;
};

static int64_t fixed_now(struct clock *clock) {
    return ((struct fixed_clock *)clock)->now_ms;
}

static void server_answers_at_its_clocks_now(void **state) {
    struct core *core = *state;
    struct fixed_clock real = {{fixed_now, fixed_now}, INT64_C(1900000000000)};
    struct sandbox_options options = {.real_clock = &real.clock, .speed = 60};
    struct sandbox *sandbox = sandbox_new(&options);
    struct http_header form = {"content-type", "application/x-www-form-urlencoded"};
    struct http_exchange role = {.method = "POST",
                                 .url = "http://localhost:1/",
                                 .headers = &form,
                                 .header_count = 1,
                                 .body = ROLE_FORM("r"),
                                 .body_length = strlen(ROLE_FORM("r")),
                                 .arena = core->arena};
    sandbox_answer(sandbox, &role);
    assert_int_equal(role.status, 404); /* nothing says which service */
    role.url = "https://iam.amazonaws.com/";
    sandbox_answer(sandbox, &role);
    assert_int_equal(role.status, 200);
    struct http_exchange cluster = {.method = "POST",
                                    .url = "https://eks.eu-west-1.amazonaws.com/clusters",
                                    .body = CLUSTER_BODY,
                                    .body_length = strlen(CLUSTER_BODY),
                                    .arena = core->arena};
    sandbox_answer(sandbox, &cluster);
    assert_int_equal(cluster.status, 200);
    real.now_ms += 20000; /* twenty minutes of the world's */
    struct http_exchange read_back = {.method = "GET", .url = "https://eks.eu-west-1.amazonaws.com/clusters/demo", .arena = core->arena};
    sandbox_answer(sandbox, &read_back);
    assert_non_null(strstr(read_back.answer, "\"status\":\"ACTIVE\""));
    sandbox_free(sandbox);
}

static void cluster_behind_a_server_is_told_by_its_path(void **state) {
    struct core *core = *state;
    sandbox_free(core->sandbox);
    struct sandbox_options options = {.server_url = "https://127.0.0.1:8443",
                                      .server_ca_pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"};
    core->sandbox = sandbox_new(&options);
    core->http = sandbox_http(core->sandbox);
    core->clock = sandbox_clock(core->sandbox);
    cluster_make(core);
    assert_int_equal(sent(core, "GET", "https://127.0.0.1:8443/clusters/demo/version", NULL)->status, 404);
    core->http->next(core->http, clock_steady_ms(core->clock) + 3600000);
    const char *answer = sent(core, "GET", "https://eks.eu-west-1.amazonaws.com/clusters/demo", NULL)->answer;
    assert_non_null(strstr(answer, "\"endpoint\":\"https://127.0.0.1:8443/clusters/demo\""));
    assert_int_not_equal(sent(core, "GET", "https://127.0.0.1:8443/clusters/demo/version", NULL)->status, 404);
    assert_int_equal(sent(core, "GET", "https://127.0.0.1:8443/clusters/none/version", NULL)->status, 404);
}

static void endpoint_without_cluster_does_not_resolve(void **state) {
    struct core *core = *state;
    struct http_exchange *exchange = sent(core, "GET", "https://ABC.gr7.eu-west-1.eks.amazonaws.com/version", NULL);
    assert_int_equal(exchange->status, 0);
    assert_int_equal(exchange->error.kind, ERROR_BUSY);
}

static void certificates_are_made(void **state) {
    struct core *core = *state;
    static const char *const names[] = {"sandbox.local", "10.1.2.3", "[2001:db8::1]", NULL};
    static const char *const bad_names[] = {"a,DNS:b", NULL};
    struct certificate authority, server;
    struct error err = {0};
    int64_t from_ms = INT64_C(1767225600000), until_ms = from_ms + INT64_C(86400000);
    assert_true(certificate_authority_make(core->arena, "sandbox", from_ms, until_ms, &authority, &err));
    assert_true(certificate_server_make(core->arena, &authority, names, from_ms, until_ms, &server, &err));
    assert_true(text_starts(server.pem, "-----BEGIN CERTIFICATE-----\n"));
    assert_true(text_starts(server.key.reveal, "-----BEGIN PRIVATE KEY-----\n"));
    secret_done(&server.key);
    assert_false(certificate_server_make(core->arena, &authority, bad_names, from_ms, until_ms, &server, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    err = (struct error){0};
    assert_false(certificate_authority_make(core->arena, "sandbox", until_ms, from_ms, &server, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    secret_done(&authority.key);
}

int main(void) {
#define IN_CORE(TEST) cmocka_unit_test_setup_teardown(TEST, core_open, core_close)
    const struct CMUnitTest tests[] = {
        IN_CORE(waiting_moves_both_clocks),
        IN_CORE(new_world_begins_in_2026),
        IN_CORE(earliest_exchange_ends_first),
        IN_CORE(deadline_comes_before_a_slow_answer),
        IN_CORE(cancelled_exchange_does_nothing),
        IN_CORE(short_limit_times_out),
        IN_CORE(faults_do_what_they_say),
        IN_CORE(throttled_eks_says_so_in_json),
        IN_CORE(body_streams_to_its_reader),
        IN_CORE(watch_stays_open),
        IN_CORE(impatient_watch_times_out),
        IN_CORE(long_answer_is_refused),
        IN_CORE(world_comes_back_equal),
        IN_CORE(loaded_events_happen),
        IN_CORE(same_calls_make_the_same_world),
        IN_CORE(state_outlives_compaction),
        IN_CORE(bad_state_is_refused_with_its_place),
        IN_CORE(strange_depths_do_no_harm),
        IN_CORE(attended_descriptor_wakes),
        IN_CORE(server_answers_at_its_clocks_now),
        IN_CORE(cluster_behind_a_server_is_told_by_its_path),
        IN_CORE(endpoint_without_cluster_does_not_resolve),
        IN_CORE(certificates_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
