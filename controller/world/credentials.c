/* world/credentials.c: the places that AWS credentials come from, one function each, in one table. */
#include "world/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"
#include "world/aws_parts.h"

#define TOKEN_LIMIT_BYTES ((size_t)64 * 1024)
#define ANSWER_LIMIT_BYTES ((size_t)256 * 1024)
#define ATTEMPTS 3
#define METADATA_ATTEMPTS 2
#define METADATA_MS 1000
#define CONTAINER_MS 2000
#define STS_MS 15000
#define PROFILES_MOST 5 /* a chain of source_profile is followed so far */

/* One search: where it stands, and what was looked at. */
struct search {
    const struct credentials_options *options;
    struct arena *arena;
    struct value files; /* of the shared configuration; null until read */
};

/* Outcome of a place: FOUND has set `out`, ABSENT means that nothing is configured there, FAILED has set `err`. */
enum place_outcome { PLACE_ABSENT, PLACE_FOUND, PLACE_FAILED };

static const char *process_get(void *context, const char *name) {
    (void)context;
    return getenv(name);
}

struct environment environment_process(void) {
    return (struct environment){.get = process_get};
}

static const char *variable(const struct search *search, const char *name) {
    const struct environment *environment = &search->options->environment;
    const char *value = environment->get(environment->context, name);
    return text_is_empty(value) ? NULL : value;
}

const char *credentials_region(const struct environment *environment, struct arena *arena) {
    static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *region = environment->get(environment->context, names[i]);
        if (!text_is_empty(region))
            return arena_copy(arena, region, strlen(region));
    }
    return profile_setting(environment, arena, "region");
}

void credentials_done(struct credentials *credentials) {
    secret_done(&credentials->keys.secret_access_key);
    secret_done(&credentials->keys.session_token);
    *credentials = (struct credentials){0};
}

/* Moves a text out of parsed memory into a secret. */
static void secret_take(struct secret *secret, const char *text) {
    if (text == NULL)
        return;
    secret_set(secret, text, strlen(text));
    secret_wipe((void *)(uintptr_t)text, strlen(text));
}

static bool is_clean(const char *text) {
    for (const char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return false;
    return true;
}

static enum place_outcome failed(struct error *err, enum error_kind kind, const char *text) {
    error_set(err, kind, "%s", text);
    return PLACE_FAILED;
}

/* ---- asking ---- */

/* Asks until there is an answer that is no passing trouble. False: *err says why there is none. */
static bool ask(const struct search *search, struct http_exchange *exchange, int attempts, struct error *err) {
    exchange->arena = search->arena;
    exchange->limit_bytes = ANSWER_LIMIT_BYTES;
    for (int attempt = 1;; attempt++) {
        exchange->error = (struct error){0};
        http_run(search->options->http, exchange, 1, 1);
        bool passing = exchange->error.kind == ERROR_BUSY || exchange->status == 429 || exchange->status >= 500;
        if (!passing || attempt >= attempts)
            break;
        http_pause(search->options->http, search->options->clock, (int64_t)100 << attempt);
    }
    if (exchange->error.kind == ERROR_NONE)
        return true;
    *err = exchange->error;
    return false;
}

/* ---- STS ---- */

static const struct operation assume_role = {.name = "AssumeRole", .service = SERVICE_STS, .result = "credentials"};
static const struct operation assume_with_token = {.name = "AssumeRoleWithWebIdentity", .service = SERVICE_STS, .result = "credentials"};

struct sts_request {
    const struct operation *operation;
    const struct credentials *source; /* NULL: not signed */
    struct value input;
    const char *region;
};

static bool sts_sign(const struct search *search, const struct sts_request *request, const struct aws_endpoint *endpoint,
                     struct http_exchange *exchange, struct http_header *headers, struct error *err) {
    struct sigv4_request sign = {.method = exchange->method,
                                 .url = exchange->url,
                                 .headers = headers,
                                 .header_count = 1,
                                 .body = exchange->body,
                                 .body_length = exchange->body_length,
                                 .region = endpoint->region,
                                 .service = "sts",
                                 .wall_ms = clock_wall_ms(search->options->clock) + search->options->skew_ms};
    struct sigv4_signature signature;
    if (!sigv4_sign(search->arena, &request->source->keys, &sign, &signature, err))
        return false;
    headers[1] = (struct http_header){.name = "x-amz-date", .value = signature.date};
    headers[2] = (struct http_header){.name = "authorization", .value = signature.authorization};
    exchange->header_count = 3;
    if (request->source->keys.session_token.length > 0)
        headers[exchange->header_count++] =
            (struct http_header){.name = "x-amz-security-token", .value = request->source->keys.session_token.reveal};
    return true;
}

static bool sts_failed(const struct search *search, const struct sts_request *request, const struct http_exchange *exchange,
                       struct error *err) {
    struct aws_problem problem;
    enum error_kind kind = ERROR_NONE;
    aws_problem_read(search->arena, exchange, true, &problem);
    aws_problem_meaning(request->operation, exchange->status, &problem, &kind);
    if (problem.code == NULL)
        return http_failed(exchange, err) ? false : error_set(err, ERROR_BROKEN, "an answer without an error code");
    return error_set(err, kind, "%s: %.200s", problem.code, problem.message);
}

static bool sts_ask(const struct search *search, const struct sts_request *request, struct value *out, struct error *err) {
    const struct credentials_options *options = search->options;
    struct aws_endpoint endpoint;
    struct aws_wire wire;
    const char *region = request->region == NULL ? "us-east-1" : request->region;
    if (!aws_endpoint_find(&options->environment, search->arena, options->endpoint_url, SERVICE_STS, region, &endpoint, err) ||
        !aws_query_build(search->arena, request->operation, schema_service(SERVICE_STS)->api_version, &request->input, NULL, NULL, &wire,
                         err))
        return false;

    struct http_header headers[4] = {{.name = "content-type", .value = wire.content_type}};
    struct http_exchange exchange = {.method = wire.method,
                                     .url = arena_text(search->arena, "%s%s", endpoint.url, wire.target),
                                     .headers = headers,
                                     .header_count = 1,
                                     .body = wire.body,
                                     .body_length = wire.body_length,
                                     .trust = options->trust,
                                     .limit_ms = STS_MS};
    if (request->source != NULL && !sts_sign(search, request, &endpoint, &exchange, headers, err))
        return false;
    if (!ask(search, &exchange, ATTEMPTS, err))
        return false;
    if (exchange.status != 200)
        return sts_failed(search, request, &exchange, err);

    struct value answer = value_null();
    const char *root = NULL;
    if (!aws_xml_parse(search->arena, request->operation->name, exchange.answer, exchange.answer_length, &root, &answer, err))
        return false;
    secret_wipe(exchange.answer, exchange.answer_length);
    char *member =
        arena_text(search->arena, "a%sResult", request->operation->name + 1); /* "assumeRoleResult": names have small first letters */
    const struct value *result = value_find(&answer, member);
    if (result == NULL)
        return error_set(err, ERROR_BROKEN, "the answer has no %sResult", request->operation->name);
    *out = *result;
    return true;
}

/* The four members are called alike in STS (small first letters here) and in the metadata documents, but for the token. */
static bool keys_take(const struct value *from, const char *const names[4], struct credentials *out, struct error *err) {
    const char *id = value_text(value_find(from, names[0]));
    const char *secret = value_text(value_find(from, names[1]));
    const char *token = value_text(value_find(from, names[2]));
    const char *expires = value_text(value_find(from, names[3]));
    int64_t expires_ms = INT64_MAX;
    if (text_is_empty(id) || text_is_empty(secret))
        return error_set(err, ERROR_BROKEN, "the answer has no keys");
    if (!is_clean(id) || (token != NULL && !is_clean(token)))
        return error_set(err, ERROR_BROKEN, "the answer's keys have blanks or control characters");
    if (expires != NULL && !time_parse(expires, &expires_ms))
        return error_set(err, ERROR_BROKEN, "the answer's expiry is not a time");
    out->keys.access_key_id = id;
    out->expires_ms = expires_ms;
    out->renewable = true;
    secret_take(&out->keys.secret_access_key, secret);
    secret_take(&out->keys.session_token, token);
    return true;
}

static bool sts_credentials(const struct search *search, const struct sts_request *request, struct credentials *out, struct error *err) {
    static const char *const names[] = {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"};
    struct value result = value_null();
    if (!sts_ask(search, request, &result, err) || !keys_take(value_find(&result, "credentials"), names, out, err))
        return false;
    out->identity = value_text_at(&result, "assumedRoleUser.arn");
    return true;
}

static const char *session_name_of(const struct search *search, const char *wanted) {
    const char *name = wanted != NULL ? wanted : variable(search, "AWS_ROLE_SESSION_NAME");
    return name == NULL ? "eksact" : name;
}

static bool role_assume(const struct search *search, const struct credentials *source, const struct credentials_role *role,
                        struct credentials *out, struct error *err) {
    struct sts_request request = {.operation = &assume_role, .source = source, .input = value_of_map(), .region = role->region};
    int64_t duration = role->duration_seconds == 0 ? 3600 : role->duration_seconds;
    value_set(search->arena, &request.input, "roleArn", value_of_text(role->arn));
    value_set(search->arena, &request.input, "roleSessionName", value_of_text(session_name_of(search, role->session_name)));
    value_set(search->arena, &request.input, "durationSeconds", value_of_integer(duration));
    if (role->external_id != NULL)
        value_set(search->arena, &request.input, "externalId", value_of_text(role->external_id));
    struct credentials taken = {.origin = arena_text(search->arena, "role %s by %s", role->arn, source->origin)};
    if (!sts_credentials(search, &request, &taken, err)) {
        credentials_done(&taken);
        return error_wrap(err, "assume role %s with the credentials of %s", role->arn, source->origin);
    }
    *out = taken;
    return true;
}

/* ---- environment ---- */

static enum place_outcome environment_look(struct search *search, struct credentials *out, struct error *err) {
    const char *id = variable(search, "AWS_ACCESS_KEY_ID");
    const char *secret = variable(search, "AWS_SECRET_ACCESS_KEY");
    const char *token = variable(search, "AWS_SESSION_TOKEN");
    const char *expires = variable(search, "AWS_CREDENTIAL_EXPIRATION");

    if (id == NULL && secret == NULL)
        return PLACE_ABSENT;
    if (id == NULL || secret == NULL)
        return failed(err, ERROR_DENIED, "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set: set both or none");
    if (!is_clean(id) || !is_clean(secret) || (token != NULL && !is_clean(token)))
        return failed(err, ERROR_DENIED, "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN has a blank or line break in it");
    out->expires_ms = INT64_MAX;
    if (expires != NULL && !time_parse(expires, &out->expires_ms))
        return failed(err, ERROR_DENIED, "AWS_CREDENTIAL_EXPIRATION is not a time such as 2026-01-02T03:04:05Z");
    out->keys.access_key_id = arena_copy(search->arena, id, strlen(id));
    secret_set(&out->keys.secret_access_key, secret, strlen(secret));
    if (token != NULL)
        secret_set(&out->keys.session_token, token, strlen(token));
    out->origin = "environment";
    return PLACE_FOUND;
}

/* ---- web identity (IRSA) ---- */

static bool token_read(const struct search *search, const char *path, const char **out, struct error *err) {
    const char *text = NULL;
    if (!file_text(search->arena, path, TOKEN_LIMIT_BYTES, &text, err)) {
        err->kind = ERROR_DENIED; /* a named file that is not there is a person's to repair, not a missing resource */
        return false;
    }
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    char *token = arena_copy(search->arena, text, length);
    if (length == 0 || !is_clean(token))
        return error_set(err, ERROR_DENIED, "read %s: a token without blanks and line breaks was expected", path);
    *out = token;
    return true;
}

static enum place_outcome web_identity_take(struct search *search, const char *role, const char *file, const char *session_name,
                                            struct credentials *out, struct error *err) {
    const char *token = NULL;
    struct sts_request request = {.operation = &assume_with_token,
                                  .input = value_of_map(),
                                  .region = credentials_region(&search->options->environment, search->arena)};
    out->origin = arena_text(search->arena, "web identity %s", role);
    if (!token_read(search, file, &token, err)) {
        error_wrap(err, "web identity of %s", role);
        return PLACE_FAILED;
    }
    value_set(search->arena, &request.input, "roleArn", value_of_text(role));
    value_set(search->arena, &request.input, "roleSessionName", value_of_text(session_name_of(search, session_name)));
    value_set(search->arena, &request.input, "webIdentityToken", value_of_text(token));
    bool taken = sts_credentials(search, &request, out, err);
    secret_wipe((void *)(uintptr_t)token, strlen(token));
    if (taken)
        return PLACE_FOUND;
    error_wrap(err, "assume role %s with the web identity of %s (check the role's trust policy and the cluster's OIDC provider)", role,
               file);
    return PLACE_FAILED;
}

static enum place_outcome web_identity_look(struct search *search, struct credentials *out, struct error *err) {
    const char *file = variable(search, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *role = variable(search, "AWS_ROLE_ARN");
    if (file == NULL)
        return PLACE_ABSENT;
    if (role == NULL)
        return failed(err, ERROR_DENIED, "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not");
    return web_identity_take(search, role, file, NULL, out, err);
}

/* ---- container endpoint (EKS Pod Identity, ECS) ---- */

static bool is_loopback_host(const char *host) {
    unsigned part[4];
    char rest = '\0';
    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return sscanf(host, "%3u.%3u.%3u.%3u%c", &part[0], &part[1], &part[2], &part[3], &rest) == 4 && part[0] == 127;
}

/* Plain HTTP carries the credentials in the clear, so it is only for addresses that cannot leave the machine; the list is the SDKs'. */
static bool is_allowed_url(struct arena *arena, const char *url) {
    static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", NULL};
    if (!is_clean(url) || strpbrk(url, "@#") != NULL)
        return false;
    if (text_starts(url, "https://"))
        return true;
    if (!text_starts(url, "http://"))
        return false;
    const char *authority = url + strlen("http://");
    size_t length = authority[0] == '[' ? strcspn(authority, "]") + 1 : strcspn(authority, ":/?");
    if (length > strlen(authority))
        return false;
    const char *host = arena_copy(arena, authority, length);
    return text_in(host, hosts) || is_loopback_host(host);
}

static enum place_outcome container_token(struct search *search, const char **out, struct error *err) {
    const char *file = variable(search, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = variable(search, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (file != NULL)
        return token_read(search, file, out, err) ? PLACE_FOUND : PLACE_FAILED;
    if (token != NULL && strpbrk(token, "\r\n") != NULL)
        return failed(err, ERROR_DENIED, "AWS_CONTAINER_AUTHORIZATION_TOKEN has a line break in it");
    *out = token;
    return PLACE_FOUND;
}

static bool metadata_keys(const struct search *search, const char *what, struct http_exchange *exchange, struct credentials *out,
                          struct error *err) {
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
    struct value answer = value_null();
    if (http_failed(exchange, err) || !json_parse(search->arena, what, exchange->answer, exchange->answer_length, &answer, err))
        return false;
    bool taken = keys_take(&answer, names, out, err);
    secret_wipe(exchange->answer, exchange->answer_length);
    return taken;
}

static enum place_outcome container_take(struct search *search, const char *url, struct credentials *out, struct error *err) {
    const char *token = NULL;
    if (container_token(search, &token, err) != PLACE_FOUND)
        return PLACE_FAILED;
    struct http_header header = {.name = "authorization", .value = token};
    struct http_exchange exchange = {
        .method = "GET", .url = url, .headers = &header, .header_count = token != NULL, .limit_ms = CONTAINER_MS};
    out->origin = "container endpoint";
    if (ask(search, &exchange, ATTEMPTS, err) && metadata_keys(search, "container credentials", &exchange, out, err))
        return PLACE_FOUND;
    if (err->kind != ERROR_BUSY)
        err->kind = ERROR_DENIED;
    error_wrap(err, "container credentials (EKS Pod Identity: check the association and its agent)");
    return PLACE_FAILED;
}

static enum place_outcome container_look(struct search *search, struct credentials *out, struct error *err) {
    const char *relative = variable(search, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = variable(search, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative != NULL) {
        if (relative[0] != '/' || !is_clean(relative))
            return failed(err, ERROR_DENIED, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must be a path");
        return container_take(search, arena_text(search->arena, "http://169.254.170.2%s", relative), out, err);
    }
    if (full == NULL)
        return PLACE_ABSENT;
    if (!is_allowed_url(search->arena, full))
        return failed(err, ERROR_DENIED,
                      "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http to loopback, 169.254.170.2, "
                      "169.254.170.23 or [fd00:ec2::23]");
    return container_take(search, full, out, err);
}

/* ---- IMDSv2 ---- */

static enum place_outcome metadata_base(struct search *search, const char **out, struct error *err) {
    const char *given = variable(search, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = variable(search, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    *out = mode != NULL && strcasecmp(mode, "ipv6") == 0 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    if (given == NULL)
        return PLACE_FOUND;
    if (!is_clean(given) || strpbrk(given, "@?#") != NULL || (!text_starts(given, "http://") && !text_starts(given, "https://")))
        return failed(err, ERROR_DENIED, "AWS_EC2_METADATA_SERVICE_ENDPOINT is not an http or https URL");
    size_t length = strlen(given);
    *out = arena_copy(search->arena, given, text_ends(given, "/") ? length - 1 : length);
    return PLACE_FOUND;
}

static bool metadata_get(const struct search *search, const char *url, const char *token, struct http_exchange *out, struct error *err) {
    struct http_header header = {.name = "x-aws-ec2-metadata-token", .value = token};
    *out = (struct http_exchange){.method = "GET", .url = url, .headers = &header, .header_count = 1, .limit_ms = METADATA_MS};
    bool answered = ask(search, out, METADATA_ATTEMPTS, err) && !http_failed(out, err);
    out->headers = NULL;
    return answered;
}

/* Version 1, without a token, is open to whoever can make us fetch a URL: it is never used. */
static enum place_outcome metadata_take(struct search *search, const char *base, const char *token, struct credentials *out,
                                        struct error *err) {
    const char *roles_url = arena_text(search->arena, "%s/latest/meta-data/iam/security-credentials/", base);
    struct http_exchange exchange;
    if (!metadata_get(search, roles_url, token, &exchange, err)) {
        if (err->kind != ERROR_MISSING)
            return PLACE_FAILED;
        *err = (struct error){0};
        return PLACE_ABSENT; /* an instance without a role */
    }
    const char *role = arena_copy(search->arena, exchange.answer, strcspn(exchange.answer, "\r\n"));
    const char *url = arena_text(search->arena, "%s%s", roles_url, http_encode(search->arena, role));
    out->origin = arena_text(search->arena, "instance role %s", role);
    if (metadata_get(search, url, token, &exchange, err) && metadata_keys(search, "instance metadata", &exchange, out, err))
        return PLACE_FOUND;
    error_wrap(err, "instance metadata");
    return PLACE_FAILED;
}

static enum place_outcome instance_look(struct search *search, struct credentials *out, struct error *err) {
    const char *disabled = variable(search, "AWS_EC2_METADATA_DISABLED");
    const char *base = NULL;
    if (disabled != NULL && strcasecmp(disabled, "true") == 0)
        return PLACE_ABSENT;
    if (metadata_base(search, &base, err) != PLACE_FOUND)
        return PLACE_FAILED;
    struct http_header header = {.name = "x-aws-ec2-metadata-token-ttl-seconds", .value = "21600"};
    struct http_exchange exchange = {.method = "PUT",
                                     .url = arena_text(search->arena, "%s/latest/api/token", base),
                                     .headers = &header,
                                     .header_count = 1,
                                     .limit_ms = METADATA_MS};
    struct error unreachable = {0};
    /* No answer at all is what a machine outside EC2 looks like. */
    if (!ask(search, &exchange, METADATA_ATTEMPTS, &unreachable) || exchange.status != 200)
        return PLACE_ABSENT;
    if (exchange.answer_length == 0 || !is_clean(exchange.answer))
        return PLACE_ABSENT;
    return metadata_take(search, base, exchange.answer, out, err);
}

/* ---- profile ---- */

static enum place_outcome profile_take(struct search *search, const char *name, unsigned depth, struct credentials *out, struct error *err);

static const char *setting(const struct value *profile, const char *key) {
    const char *text = value_text(value_find(profile, key));
    return text_is_empty(text) ? NULL : text;
}

static enum place_outcome profile_keys(struct search *search, const char *name, const struct value *profile, struct credentials *out,
                                       struct error *err) {
    const char *id = setting(profile, "aws_access_key_id");
    const char *secret = setting(profile, "aws_secret_access_key");
    const char *token = setting(profile, "aws_session_token");
    if (id == NULL && secret == NULL)
        return PLACE_ABSENT;
    if (id == NULL || secret == NULL) {
        error_set(err, ERROR_DENIED, "profile %s has only one of aws_access_key_id and aws_secret_access_key", name);
        return PLACE_FAILED;
    }
    out->keys.access_key_id = id;
    secret_set(&out->keys.secret_access_key, secret, strlen(secret));
    if (token != NULL)
        secret_set(&out->keys.session_token, token, strlen(token));
    out->expires_ms = INT64_MAX;
    out->origin = arena_text(search->arena, "profile %s", name);
    return PLACE_FOUND;
}

/* Refused by name rather than passed over: passing over would act as another identity. */
static bool profile_is_usable(const char *name, const struct value *profile, struct error *err) {
    static const struct {
        const char *key;
        const char *instead;
    } refused[] = {
        {"credential_process", "eksact starts no programs; set AWS_ACCESS_KEY_ID and the like from its output"},
        {"sso_session", "log in and run `aws configure export-credentials --format env`"},
        {"sso_start_url", "log in and run `aws configure export-credentials --format env`"},
        {"login_session", "log in and run `aws configure export-credentials --format env`"},
        {"mfa_serial", "nobody is here to type a code; give a role that needs none, or session keys"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (setting(profile, refused[i].key) != NULL)
            return error_set(err, ERROR_DENIED, "profile %s uses %s: not supported: %s", name, refused[i].key, refused[i].instead);
    return true;
}

static enum place_outcome source_take(struct search *search, const char *name, const struct value *profile, unsigned depth,
                                      struct credentials *out, struct error *err) {
    const char *source = setting(profile, "source_profile");
    const char *from = setting(profile, "credential_source");
    if (source != NULL && strcmp(source, name) == 0)
        return profile_keys(search, name, profile, out, err);
    if (source != NULL)
        return profile_take(search, source, depth + 1, out, err);
    if (from != NULL && strcmp(from, "Environment") == 0)
        return environment_look(search, out, err);
    if (from != NULL && strcmp(from, "EcsContainer") == 0)
        return container_look(search, out, err);
    if (from != NULL && strcmp(from, "Ec2InstanceMetadata") == 0)
        return instance_look(search, out, err);
    return PLACE_ABSENT;
}

static enum place_outcome profile_role(struct search *search, const char *name, const struct value *profile, unsigned depth,
                                       struct credentials *out, struct error *err) {
    struct credentials source = {0};
    const char *region = setting(profile, "region");
    struct credentials_role role = {.arn = setting(profile, "role_arn"),
                                    .region = region != NULL ? region : credentials_region(&search->options->environment, search->arena),
                                    .session_name = setting(profile, "role_session_name"),
                                    .external_id = setting(profile, "external_id")};
    const char *duration = setting(profile, "duration_seconds");
    const char *file = setting(profile, "web_identity_token_file");
    if (duration != NULL && !text_to_integer(duration, 900, 43200, &role.duration_seconds)) {
        error_set(err, ERROR_DENIED, "profile %s: duration_seconds must be 900 to 43200", name);
        return PLACE_FAILED;
    }
    if (file != NULL)
        return web_identity_take(search, role.arn, file, role.session_name, out, err);
    enum place_outcome outcome = source_take(search, name, profile, depth, &source, err);
    if (outcome == PLACE_ABSENT)
        error_set(err, ERROR_DENIED, "profile %s has role_arn, but its source_profile or credential_source gives no credentials", name);
    bool taken = outcome == PLACE_FOUND && role_assume(search, &source, &role, out, err);
    credentials_done(&source);
    return taken ? PLACE_FOUND : PLACE_FAILED;
}

static enum place_outcome profile_take(struct search *search, const char *name, unsigned depth, struct credentials *out,
                                       struct error *err) {
    const struct value *profile = value_find(value_find(&search->files, "profiles"), name);
    if (depth >= PROFILES_MOST) {
        error_set(err, ERROR_DENIED, "profile %s: source_profile leads further than %d profiles, or in a circle", name, PROFILES_MOST);
        return PLACE_FAILED;
    }
    if (profile == NULL && depth > 0) {
        error_set(err, ERROR_DENIED, "profile %s, which a source_profile names, does not exist", name);
        return PLACE_FAILED;
    }
    if (profile == NULL)
        return PLACE_ABSENT;
    if (!profile_is_usable(name, profile, err))
        return PLACE_FAILED;
    if (setting(profile, "role_arn") != NULL)
        return profile_role(search, name, profile, depth, out, err);
    return profile_keys(search, name, profile, out, err);
}

static enum place_outcome profile_look(struct search *search, struct credentials *out, struct error *err) {
    bool named = false;
    const char *name = profile_name(&search->options->environment, &named);
    if (!profile_files_read(&search->options->environment, search->arena, &search->files, err))
        return PLACE_FAILED;
    enum place_outcome outcome = profile_take(search, name, 0, out, err);
    if (outcome != PLACE_ABSENT || !named)
        return outcome;
    error_set(err, ERROR_DENIED, "AWS_PROFILE names the profile %s, which does not exist or gives no credentials", name);
    return PLACE_FAILED;
}

/* ---- all of them ---- */

struct place_row {
    enum place_outcome (*look)(struct search *search, struct credentials *out, struct error *err);
    const char *absent;
};

static const struct place_row places[] = {
    {environment_look, "environment (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"},
    {web_identity_look, "web identity (AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE)"},
    {container_look, "container endpoint (an EKS Pod Identity association)"},
    {profile_look, "profile (AWS_PROFILE, ~/.aws/config, ~/.aws/credentials)"},
    {instance_look, "instance metadata (an instance role)"},
};

bool credentials_find(const struct credentials_options *options, struct arena *arena, struct credentials *out, struct error *err) {
    struct search search = {.options = options, .arena = arena, .files = value_null()};
    TEXT_AUTO looked;
    text_init(&looked, 4096);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct credentials found = {0};
        enum place_outcome outcome = places[i].look(&search, &found, err);
        if (outcome == PLACE_FOUND) {
            *out = found;
            return true;
        }
        credentials_done(&found);
        if (outcome == PLACE_FAILED)
            return error_wrap(err, "AWS credentials");
        text_add(&looked, "%s%s", i == 0 ? "" : "; ", places[i].absent);
    }
    return error_set(err, ERROR_DENIED, "no AWS credentials; nothing found in: %s", looked.data);
}

bool credentials_assume(const struct credentials_options *options, struct arena *arena, const struct credentials *source,
                        const struct credentials_role *role, struct credentials *out, struct error *err) {
    struct search search = {.options = options, .arena = arena, .files = value_null()};
    return role_assume(&search, source, role, out, err);
}
