/* Signatures against requests that botocore signed (tests/vectors), and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/sigv4.h"
#include "base/text.h"

static struct value vectors_read(struct arena *arena, const char *name) {
    FILE *file = fopen(arena_text(arena, "%s/vectors/%s", TESTS_DIR, name), "rb");
    assert_non_null(file);
    char *bytes = arena_take(arena, 1024 * 1024);
    size_t length = fread(bytes, 1, 1024 * 1024, file);
    fclose(file);
    struct value vectors = value_null();
    struct error err = {0};
    assert_true(json_parse(arena, name, bytes, length, &vectors, &err));
    return vectors;
}

static struct sigv4_credentials credentials_of(const struct value *vector) {
    struct sigv4_credentials credentials = {.access_key_id = value_text_at(vector, "access_key")};
    const char *secret = value_text_at(vector, "secret_key");
    const char *token = value_text_at(vector, "session_token");
    secret_set(&credentials.secret_access_key, secret, strlen(secret));
    if (token != NULL)
        secret_set(&credentials.session_token, token, strlen(token));
    return credentials;
}

static void credentials_done(struct sigv4_credentials *credentials) {
    secret_done(&credentials->secret_access_key);
    secret_done(&credentials->session_token);
}

/* The scope is the third line of the string to sign: DATE/REGION/SERVICE/aws4_request. */
static void scope_read(struct arena *arena, const struct value *vector, const char **region, const char **service) {
    const char *scope = strchr(strchr(value_text_at(vector, "string_to_sign"), '\n') + 1, '\n') + 1;
    scope = strchr(scope, '/') + 1;
    *region = arena_copy(arena, scope, strcspn(scope, "/"));
    scope = strchr(scope, '/') + 1;
    *service = arena_copy(arena, scope, strcspn(scope, "/"));
}

static void request_signs_as_botocore(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value vectors = vectors_read(arena, "sigv4-vectors.json");
    assert_int_equal(value_count(&vectors), 19);

    for (size_t i = 0; i < vectors.list.count; i++) {
        const struct value *vector = &vectors.list.items[i];
        struct sigv4_credentials credentials = credentials_of(vector);
        const struct value *headers = value_find(vector, "headers");
        struct http_header type = {.name = "Content-Type", .value = value_text(value_find(headers, "Content-Type"))};
        struct sigv4_request request = {.method = value_text_at(vector, "method"),
                                        .url = value_text_at(vector, "url"),
                                        .headers = &type,
                                        .header_count = type.value != NULL,
                                        .body = value_text_at(vector, "body"),
                                        .body_length = strlen(value_text_at(vector, "body"))};
        scope_read(arena, vector, &request.region, &request.service);
        assert_true(time_parse(value_text(value_find(headers, "X-Amz-Date")), &request.wall_ms));

        struct sigv4_signature signature = {0};
        struct error err = {0};
        assert_true(sigv4_sign(arena, &credentials, &request, &signature, &err));
        assert_string_equal(signature.canonical_request, value_text_at(vector, "canonical_request"));
        assert_string_equal(signature.string_to_sign, value_text_at(vector, "string_to_sign"));
        assert_string_equal(signature.signature, value_text_at(vector, "signature"));
        assert_string_equal(signature.authorization, value_text(value_find(headers, "Authorization")));
        assert_string_equal(signature.date, value_text(value_find(headers, "X-Amz-Date")));
        credentials_done(&credentials);
    }
}

static void token_is_what_aws_makes(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value vectors = vectors_read(arena, "eks-token-vectors.json");
    assert_int_equal(value_count(&vectors), 3);

    for (size_t i = 0; i < vectors.list.count; i++) {
        const struct value *vector = &vectors.list.items[i];
        struct sigv4_credentials credentials = credentials_of(vector);
        int64_t wall_ms = 0;
        assert_true(time_parse(value_text_at(vector, "amz_date"), &wall_ms));
        struct http_header header = {.name = "x-k8s-aws-id", .value = value_text_at(vector, "cluster")};
        const char *host = value_text_at(vector, "host");
        struct sigv4_request request = {
            .method = "GET",
            .url = arena_text(arena, "https://%s/?Action=GetCallerIdentity&Version=2011-06-15", host),
            .headers = &header,
            .header_count = 1,
            .region = value_text_at(vector, "region"),
            .service = "sts",
            .wall_ms = wall_ms,
        };
        const char *url = NULL;
        struct sigv4_signature signature = {0};
        struct error err = {0};
        assert_true(sigv4_presign(arena, &credentials, &request, 60, &url, &signature, &err));
        assert_string_equal(signature.canonical_request, value_text_at(vector, "canonical_request"));
        assert_string_equal(signature.string_to_sign, value_text_at(vector, "string_to_sign"));
        assert_string_equal(url, value_text_at(vector, "url"));

        struct secret token = {0};
        assert_true(sigv4_eks_token(arena, &credentials, host, request.region, header.value, wall_ms, &token, &err));
        assert_string_equal(token.reveal, value_text_at(vector, "token"));
        secret_done(&token);
        credentials_done(&credentials);
    }
}

static const char *canonical_of(struct arena *arena, const char *url, const struct http_header *headers, size_t count) {
    struct sigv4_credentials credentials = {.access_key_id = "AKIDEXAMPLE"};
    secret_set(&credentials.secret_access_key, "secret", 6);
    struct sigv4_request request = {
        .method = "GET", .url = url, .headers = headers, .header_count = count, .region = "eu-west-1", .service = "eks"};
    struct sigv4_signature signature = {0};
    struct error err = {0};
    bool signs = sigv4_sign(arena, &credentials, &request, &signature, &err);
    secret_done(&credentials.secret_access_key);
    return signs ? signature.canonical_request : NULL;
}

static void url_has_one_canonical_form(void **state) {
    (void)state;
    static const struct {
        const char *url;
        const char *path;
        const char *query;
        const char *host;
    } cases[] = {
        {"https://h", "/", "", "h"},
        {"https://H:443?b=2&a=1", "/", "a=1&b=2", "h"},
        {"http://h:80/x/", "/x/", "", "h"},
        {"http://h:5000/x", "/x", "", "h:5000"},
        {"https://h:80/", "/", "", "h:80"},
        {"https://[::1]:8443/", "/", "", "[::1]:8443"},
        {"https://h/a/./b/../c", "/a/c", "", "h"},
        {"https://h/../..", "/", "", "h"},
        {"https://h//a//b", "/a/b", "", "h"},
        {"https://h/a%2Fb", "/a%252Fb", "", "h"},
        {"https://h/?a&b=&&c=x=y", "/", "a=&b=&c=x%3Dy", "h"},
        {"https://h/?a-b=1&a=2&a=1", "/", "a=1&a=2&a-b=1", "h"},
        {"https://h/?k=%7e%2a%zz", "/", "k=~%2A%25zz", "h"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO *arena = arena_new();
        const char *begin = arena_text(arena, "GET\n%s\n%s\nhost:%s\n", cases[i].path, cases[i].query, cases[i].host);
        const char *canonical = canonical_of(arena, cases[i].url, NULL, 0);
        assert_non_null(canonical);
        assert_string_equal(arena_copy(arena, canonical, strlen(begin)), begin);
    }
}

static void headers_are_sorted_trimmed_and_joined(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct http_header headers[] = {{"X-Two", " b  c\t"}, {"x-one", "2"}, {"X-One", "1"}};
    const char *canonical = canonical_of(arena, "https://h/", headers, 3);
    assert_non_null(strstr(canonical, "\nhost:h\nx-amz-date:19700101T000000Z\nx-one:1,2\nx-two:b c\n\nhost;x-amz-date;x-one;x-two\n"));
}

static void what_cannot_be_signed_is_refused(void **state) {
    (void)state;
    static const char *const urls[] = {"", "h", "ftp://h/", "https://", "https:///x", "https://u:p@h/", "https://h/#x"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        ARENA_AUTO *arena = arena_new();
        assert_null(canonical_of(arena, urls[i], NULL, 0));
    }
    ARENA_AUTO *arena = arena_new();
    struct http_header split = {"x-a", "1\r\nx-b: 2"};
    assert_null(canonical_of(arena, "https://h/", &split, 1));
}

static void empty_credentials_are_denied(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct sigv4_credentials credentials = {.access_key_id = ""};
    struct sigv4_request request = {.method = "GET", .url = "https://h/", .region = "eu-west-1", .service = "eks"};
    struct sigv4_signature signature = {0};
    struct error err = {0};
    assert_false(sigv4_sign(arena, &credentials, &request, &signature, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_signs_as_botocore),        cmocka_unit_test(token_is_what_aws_makes),
        cmocka_unit_test(url_has_one_canonical_form),       cmocka_unit_test(headers_are_sorted_trimmed_and_joined),
        cmocka_unit_test(what_cannot_be_signed_is_refused), cmocka_unit_test(empty_credentials_are_denied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
