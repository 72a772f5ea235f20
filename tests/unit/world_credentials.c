/* Where credentials come from, in which order, what is asked for them, and how a place that fails is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "fake_http.h"
#include "world/aws_parts.h"

#define ROLE "arn:aws:iam::111122223333:role/controller"
#define STS_KEYS(ACTION)                                                                                                                   \
    "<" ACTION "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" ACTION "Result>"                                           \
    "<AssumedRoleUser><AssumedRoleId>AROA:eksact</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/controller/eksact</Arn>"       \
    "</AssumedRoleUser><Credentials><AccessKeyId>ASIASTS</AccessKeyId><SecretAccessKey>stssecret</SecretAccessKey>"                        \
    "<SessionToken>ststoken</SessionToken><Expiration>2026-01-02T04:04:05Z</Expiration></Credentials></" ACTION "Result>"                  \
    "<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></" ACTION "Response>"
#define DOCUMENT_KEYS                                                                                                                      \
    "{\"AccessKeyId\":\"ASIADOC\",\"SecretAccessKey\":\"docsecret\",\"Token\":\"doctoken\",\"Expiration\":\"2026-01-02T09:00:00Z\"}"

struct fixture {
    struct fake fake;
    struct arena *arena;
    struct credentials found;
    struct error err;
    char folder[64];
};

static int fixture_begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fake_begin(&fixture->fake);
    fixture->arena = arena_new();
    (void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/eksact-credentials-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    *state = fixture;
    return 0;
}

static int fixture_end(void **state) {
    struct fixture *fixture = *state;
    static const char *const names[] = {"config", "credentials", "token"};
    for (size_t i = 0; i < 3; i++)
        (void)remove(arena_text(fixture->arena, "%s/%s", fixture->folder, names[i]));
    (void)rmdir(fixture->folder);
    credentials_done(&fixture->found);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static const char *file_write(struct fixture *fixture, const char *name, const char *text) {
    const char *path = arena_text(fixture->arena, "%s/%s", fixture->folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    (void)fclose(file);
    return path;
}

static void variable_set(struct fixture *fixture, const char *name, const char *value) {
    size_t at = 0;
    while (fixture->fake.variables[at] != NULL)
        at += 2;
    fixture->fake.variables[at] = name;
    fixture->fake.variables[at + 1] = value;
}

static void files_set(struct fixture *fixture, const char *config, const char *credentials) {
    variable_set(fixture, "AWS_CONFIG_FILE", file_write(fixture, "config", config));
    variable_set(fixture, "AWS_SHARED_CREDENTIALS_FILE", file_write(fixture, "credentials", credentials));
    variable_set(fixture, "AWS_EC2_METADATA_DISABLED", "true");
}

static bool find(struct fixture *fixture) {
    struct credentials_options options = {
        .http = &fixture->fake.seam, .clock = &fixture->fake.clock, .environment = {.get = fake_get, .context = &fixture->fake}};
    return credentials_find(&options, fixture->arena, &fixture->found, &fixture->err);
}

static void expect_keys(struct fixture *fixture, const char *id, const char *secret, const char *token, const char *origin) {
    assert_string_equal(fixture->err.text, "");
    assert_string_equal(fixture->found.keys.access_key_id, id);
    assert_string_equal(fixture->found.keys.secret_access_key.reveal, secret);
    if (token == NULL)
        assert_int_equal(fixture->found.keys.session_token.length, 0);
    else
        assert_string_equal(fixture->found.keys.session_token.reveal, token);
    assert_string_equal(fixture->found.origin, origin);
}

static void expect_failure(struct fixture *fixture, enum error_kind kind, const char *says) {
    assert_false(find(fixture));
    assert_int_equal(fixture->err.kind, kind);
    if (strstr(fixture->err.text, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", fixture->err.text, says);
}

static void environment_comes_first(void **state) {
    struct fixture *fixture = *state;
    variable_set(fixture, "AWS_ACCESS_KEY_ID", "AKIAENV");
    variable_set(fixture, "AWS_SECRET_ACCESS_KEY", "envsecret");
    variable_set(fixture, "AWS_SESSION_TOKEN", "envtoken");
    variable_set(fixture, "AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere");
    assert_true(find(fixture));
    expect_keys(fixture, "AKIAENV", "envsecret", "envtoken", "environment");
    assert_true(fixture->found.expires_ms == INT64_MAX && !fixture->found.renewable);
}

static void half_an_environment_is_named(void **state) {
    variable_set(*state, "AWS_SECRET_ACCESS_KEY", "envsecret");
    expect_failure(*state, ERROR_DENIED, "only one is set");
}

static void broken_environment_shows_no_secret(void **state) {
    struct fixture *fixture = *state;
    variable_set(fixture, "AWS_ACCESS_KEY_ID", "AKIAENV");
    variable_set(fixture, "AWS_SECRET_ACCESS_KEY", "env secret\n");
    expect_failure(fixture, ERROR_DENIED, "blank or line break");
    assert_null(strstr(fixture->err.text, "env secret"));
}

static void web_identity_asks_the_regional_sts_unsigned(void **state) {
    struct fixture *fixture = *state;
    variable_set(fixture, "AWS_ROLE_ARN", ROLE);
    variable_set(fixture, "AWS_WEB_IDENTITY_TOKEN_FILE", file_write(fixture, "token", "jwt.jwt.jwt\n"));
    variable_set(fixture, "AWS_REGION", "eu-central-1");
    fixture->fake.replies[0] = (struct reply){.status = 200, .body = STS_KEYS("AssumeRoleWithWebIdentity")};
    assert_true(find(fixture));
    expect_keys(fixture, "ASIASTS", "stssecret", "ststoken", "web identity " ROLE);
    const struct seen *seen = &fixture->fake.seen[0];
    assert_string_equal(seen->method, "POST");
    assert_string_equal(seen->url, "https://sts.eu-central-1.amazonaws.com/");
    assert_string_equal(seen->body,
                        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2F"
                        "controller&RoleSessionName=eksact&WebIdentityToken=jwt.jwt.jwt");
    assert_null(strstr(seen->headers, "authorization"));
    assert_true(fixture->found.renewable);
    assert_true(fixture->found.expires_ms == fixture->fake.wall_ms + 3600000);
    assert_string_equal(fixture->found.identity, "arn:aws:sts::111122223333:assumed-role/controller/eksact");
}

static void web_identity_that_is_refused_is_not_passed_over(void **state) {
    struct fixture *fixture = *state;
    variable_set(fixture, "AWS_ROLE_ARN", ROLE);
    variable_set(fixture, "AWS_WEB_IDENTITY_TOKEN_FILE", file_write(fixture, "token", "jwt"));
    fixture->fake.replies[0] =
        (struct reply){.status = 403,
                       .body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized to perform "
                               "sts:AssumeRoleWithWebIdentity</Message></Error><RequestId>r</RequestId></ErrorResponse>"};
    expect_failure(fixture, ERROR_DENIED, "check the role's trust policy");
    assert_non_null(strstr(fixture->err.text, "Not authorized to perform sts:AssumeRoleWithWebIdentity"));
    assert_int_equal(fixture->fake.seen_count, 1);
}

static void web_identity_without_its_file_is_named(void **state) {
    variable_set(*state, "AWS_ROLE_ARN", ROLE);
    variable_set(*state, "AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token");
    expect_failure(*state, ERROR_DENIED, "/nowhere/token");
}

static void web_identity_without_a_role_is_named(void **state) {
    variable_set(*state, "AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token");
    expect_failure(*state, ERROR_DENIED, "AWS_ROLE_ARN is not");
}

static void passing_trouble_is_tried_again(void **state) {
    struct fixture *fixture = *state;
    variable_set(fixture, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    fixture->fake.replies[1] = (struct reply){.status = 500};
    fixture->fake.replies[2] = (struct reply){.status = 200, .body = DOCUMENT_KEYS};
    int64_t before_ms = fixture->fake.steady_ms;
    assert_true(find(fixture));
    assert_int_equal(fixture->fake.seen_count, 3);
    assert_true(fixture->fake.steady_ms > before_ms);
}

static void pod_identity_sends_its_token(void **state) {
    struct fixture *fixture = *state;
    variable_set(fixture, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    variable_set(fixture, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "other");
    variable_set(fixture, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file_write(fixture, "token", "podtoken"));
    fixture->fake.replies[0] = (struct reply){.status = 200, .body = DOCUMENT_KEYS};
    assert_true(find(fixture));
    expect_keys(fixture, "ASIADOC", "docsecret", "doctoken", "container endpoint");
    assert_string_equal(fixture->fake.seen[0].url, "http://169.254.170.23/v1/credentials");
    assert_string_equal(fixture->fake.seen[0].headers, "authorization: podtoken\n");
}

static void relative_container_path_has_its_host(void **state) {
    struct fixture *fixture = *state;
    variable_set(fixture, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x");
    fixture->fake.replies[0] = (struct reply){.status = 200, .body = DOCUMENT_KEYS};
    assert_true(find(fixture));
    assert_string_equal(fixture->fake.seen[0].url, "http://169.254.170.2/v2/x");
}

static void container_host_is_from_a_list(void **state) {
    (void)state;
    static const struct {
        const char *url;
        bool allowed;
    } cases[] = {
        {"https://any.example/x", true},
        {"http://localhost:8080/x", true},
        {"http://127.0.0.1/x", true},
        {"http://127.8.8.8:1/x", true},
        {"http://[::1]:80/x", true},
        {"http://169.254.170.2/x", true},
        {"http://169.254.170.23/x", true},
        {"http://[fd00:ec2::23]/x", true},
        {"http://169.254.169.254/x", false},
        {"http://10.0.0.1/x", false},
        {"http://127.0.0.1.evil/x", false},
        {"http://localhost.evil/x", false},
        {"http://127.0.0.1@evil/x", false},
        {"http://[fd00:ec2::24]/x", false},
        {"http://[::1", false},
        {"ftp://127.0.0.1/x", false},
        {"127.0.0.1/x", false},
        {"https://a\r\nb/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *own = NULL;
        fixture_begin(&own);
        struct fixture *fixture = own;
        variable_set(fixture, "AWS_CONTAINER_CREDENTIALS_FULL_URI", cases[i].url);
        fixture->fake.replies[0] = (struct reply){.status = 200, .body = DOCUMENT_KEYS};
        if (find(fixture) != cases[i].allowed)
            fail_msg("%s", cases[i].url);
        assert_int_equal(fixture->fake.seen_count, cases[i].allowed);
        fixture_end(&own);
    }
}

static void container_token_with_a_line_break_is_refused(void **state) {
    struct fixture *fixture = *state;
    variable_set(fixture, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    variable_set(fixture, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file_write(fixture, "token", "a\r\nx-evil: 1"));
    expect_failure(fixture, ERROR_DENIED, "without blanks and line breaks");
    assert_int_equal(fixture->fake.seen_count, 0);
}

static void bad_container_answers_are_errors(void **state) {
    (void)state;
    static const char *const bodies[] = {"",
                                         "no json",
                                         "[]",
                                         "{}",
                                         "{\"AccessKeyId\":\"A\"}",
                                         "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Expiration\":\"soon\"}",
                                         "{\"AccessKeyId\":\"A\\r\\nB\",\"SecretAccessKey\":\"S\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        void *own = NULL;
        fixture_begin(&own);
        struct fixture *fixture = own;
        variable_set(fixture, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
        fixture->fake.replies[0] = (struct reply){.status = 200, .body = bodies[i]};
        assert_false(find(fixture));
        assert_non_null(strstr(fixture->err.text, "container credentials"));
        fixture_end(&own);
    }
}

static void profile_keys_are_merged_from_both_files(void **state) {
    struct fixture *fixture = *state;
    files_set(fixture, "[profile work]\nregion = eu-west-3 ; near\naws_access_key_id = AKIACONFIG\n",
              "# comment\r\n[work]\r\naws_access_key_id = AKIAFILE\r\nAWS_SECRET_ACCESS_KEY=a#b;c=\r\n[other]\naws_access_key_id=X\n");
    variable_set(fixture, "AWS_PROFILE", "work");
    assert_true(find(fixture));
    expect_keys(fixture, "AKIAFILE", "a#b;c=", NULL, "profile work");
    struct environment environment = {.get = fake_get, .context = &fixture->fake};
    assert_string_equal(credentials_region(&environment, fixture->arena), "eu-west-3");
}

static void profile_role_is_assumed_with_its_source(void **state) {
    struct fixture *fixture = *state;
    files_set(fixture,
              "[default]\nrole_arn = " ROLE "\nsource_profile = base\nexternal_id = ext\nrole_session_name = ci\nduration_seconds = 900\n"
              "region = us-west-2\n",
              "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = basesecret\n");
    fixture->fake.replies[0] = (struct reply){.status = 200, .body = STS_KEYS("AssumeRole")};
    assert_true(find(fixture));
    expect_keys(fixture, "ASIASTS", "stssecret", "ststoken", "role " ROLE " by profile base");
    const struct seen *seen = &fixture->fake.seen[0];
    assert_string_equal(seen->url, "https://sts.us-west-2.amazonaws.com/");
    assert_string_equal(seen->body, "Action=AssumeRole&Version=2011-06-15&DurationSeconds=900&ExternalId=ext&RoleArn=arn%3Aaws%3Aiam%3A%3A"
                                    "111122223333%3Arole%2Fcontroller&RoleSessionName=ci");
    assert_non_null(strstr(seen->headers, "Credential=AKIABASE/20260102/us-west-2/sts/aws4_request"));
}

static void profile_problems_are_named(void **state) {
    (void)state;
    static const struct {
        const char *config;
        const char *says;
    } cases[] = {
        {"[profile p]\ncredential_process = /bin/evil\n", "credential_process: not supported"},
        {"[profile p]\nsso_start_url = https://x\n", "sso_start_url: not supported"},
        {"[profile p]\nsso_session = x\n", "sso_session: not supported"},
        {"[profile p]\nrole_arn = a\nsource_profile = q\nmfa_serial = x\n[profile q]\n", "mfa_serial: not supported"},
        {"[profile p]\nrole_arn = a\nsource_profile = q\n", "profile q, which a source_profile names, does not exist"},
        {"[profile p]\nrole_arn = a\nsource_profile = q\n[profile q]\nrole_arn = b\nsource_profile = p\n", "in a circle"},
        {"[profile p]\nrole_arn = a\n", "gives no credentials"},
        {"[profile p]\nrole_arn = a\nsource_profile = p\n", "gives no credentials"},
        {"[profile p]\nrole_arn = a\ncredential_source = Environment\n", "gives no credentials"},
        {"[profile p]\nrole_arn = a\nsource_profile = p\nduration_seconds = 1\n", "900 to 43200"},
        {"[profile p]\naws_access_key_id = a\n", "only one of"},
        {"[p]\naws_access_key_id = a\naws_secret_access_key = b\n", "does not exist"},
        {"[profile p\naws_access_key_id = a\naws_secret_access_key = b\n", "does not exist"},
        {"", "does not exist"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *own = NULL;
        fixture_begin(&own);
        struct fixture *fixture = own;
        files_set(fixture, cases[i].config, "");
        variable_set(fixture, "AWS_PROFILE", "p");
        expect_failure(fixture, ERROR_DENIED, cases[i].says);
        assert_int_equal(fixture->fake.seen_count, 0);
        fixture_end(&own);
    }
}

static void oversized_profile_is_refused(void **state) {
    struct fixture *fixture = *state;
    size_t length = (size_t)2 * 1024 * 1024;
    char *large = arena_take(fixture->arena, length + 1);
    memset(large, '#', length);
    files_set(fixture, large, "");
    expect_failure(fixture, ERROR_INVALID, "larger than");
}

static void instance_role_uses_version_two(void **state) {
    struct fixture *fixture = *state;
    variable_set(fixture, "HOME", "/nowhere");
    fixture->fake.replies[0] = (struct reply){.status = 200, .body = "imdstoken"};
    fixture->fake.replies[1] = (struct reply){.status = 200, .body = "node-role\n"};
    fixture->fake.replies[2] = (struct reply){.status = 200, .body = DOCUMENT_KEYS};
    assert_true(find(fixture));
    expect_keys(fixture, "ASIADOC", "docsecret", "doctoken", "instance role node-role");
    assert_string_equal(fixture->fake.seen[0].method, "PUT");
    assert_string_equal(fixture->fake.seen[0].headers, "x-aws-ec2-metadata-token-ttl-seconds: 21600\n");
    assert_string_equal(fixture->fake.seen[1].headers, "x-aws-ec2-metadata-token: imdstoken\n");
    assert_string_equal(fixture->fake.seen[2].url, "http://169.254.169.254/latest/meta-data/iam/security-credentials/node-role");
}

static void nothing_anywhere_names_all_places(void **state) {
    struct fixture *fixture = *state;
    variable_set(fixture, "HOME", "/nowhere");
    expect_failure(fixture, ERROR_DENIED, "AWS_ACCESS_KEY_ID");
    static const char *const places[] = {"web identity", "Pod Identity", "AWS_PROFILE", "instance metadata"};
    for (size_t i = 0; i < 4; i++)
        assert_non_null(strstr(fixture->err.text, places[i]));
}

static void region_is_found_in_order(void **state) {
    struct fixture *fixture = *state;
    struct environment environment = {.get = fake_get, .context = &fixture->fake};
    assert_null(credentials_region(&environment, fixture->arena));
    files_set(fixture, "[default]\nregion=eu-west-1\n", "");
    assert_string_equal(credentials_region(&environment, fixture->arena), "eu-west-1");
    variable_set(fixture, "AWS_DEFAULT_REGION", "eu-west-2");
    assert_string_equal(credentials_region(&environment, fixture->arena), "eu-west-2");
    variable_set(fixture, "AWS_REGION", "eu-west-3");
    assert_string_equal(credentials_region(&environment, fixture->arena), "eu-west-3");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, fixture_begin, fixture_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(environment_comes_first),
        TEST(half_an_environment_is_named),
        TEST(broken_environment_shows_no_secret),
        TEST(web_identity_asks_the_regional_sts_unsigned),
        TEST(web_identity_that_is_refused_is_not_passed_over),
        TEST(web_identity_without_its_file_is_named),
        TEST(web_identity_without_a_role_is_named),
        TEST(passing_trouble_is_tried_again),
        TEST(pod_identity_sends_its_token),
        TEST(relative_container_path_has_its_host),
        TEST(container_host_is_from_a_list),
        TEST(container_token_with_a_line_break_is_refused),
        TEST(bad_container_answers_are_errors),
        TEST(profile_keys_are_merged_from_both_files),
        TEST(profile_role_is_assumed_with_its_source),
        TEST(profile_problems_are_named),
        TEST(oversized_profile_is_refused),
        TEST(instance_role_uses_version_two),
        TEST(nothing_anywhere_names_all_places),
        TEST(region_is_found_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
