/* world/aws.c: AWS calls as data: credentials per role, signing, and reading what came back. */
#include "world/aws.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "world/aws_parts.h"
#include "world/http_curl.h"

#define CA_LIMIT_BYTES ((size_t)4 * 1024 * 1024)
#define RENEW_BEFORE_MS (15 * 60000) /* as the AWS SDKs: early enough for several tries */
#define USABLE_FOR_MS 60000
#define FORCED_APART_MS (5 * 60000)
#define SKEW_LEAST_MS 60000 /* Date has whole seconds and the answer took time: less than this is no skew */
#define SKEW_SAID_MS (5 * 60000)
#define TOKEN_KEPT_MS (10 * 60000) /* an EKS token is valid for 15 minutes */
#define MESSAGE_SHOWN 220
#define ACCESS_KEY_ID_BYTES 129 /* "Maximum length of 128" (STS API reference, Credentials) */

/* Whom we are: ourselves, or a role. */
struct identity {
    const char *role_arn; /* NULL: ourselves */
    struct arena *arena;  /* of the credentials; NULL: none yet */
    struct credentials credentials;
    int64_t due_ms;         /* wall: when to get new ones */
    int64_t forced_ms;      /* wall: when AWS last called them expired */
    const char *account_id; /* NULL: not asked yet */
    const char *arn;
    struct identity *next;
};

struct known_endpoint {
    enum service service;
    const char *region;
    struct aws_endpoint endpoint;
    struct known_endpoint *next;
};

struct cluster_token {
    const struct identity *identity;
    const char *region;
    const char *cluster_name;
    char access_key_id[ACCESS_KEY_ID_BYTES]; /* that signed it */
    int64_t signed_ms;
    struct secret token;
    struct cluster_token *next;
};

struct aws {
    struct aws_options options;
    struct arena *arena; /* as long as this struct */
    const struct http_trust *trust;
    struct http *http;     /* for answers that are waited for */
    struct http *own_http; /* to be freed with this struct; NULL: `http` is the caller's */
    struct identity *identities;
    struct known_endpoint *endpoints;
    struct cluster_token *tokens;
    int64_t skew_ms;
};

static bool trust_make(struct aws *aws, struct error *err) {
    const struct environment *environment = &aws->options.environment;
    const char *path = environment->get(environment->context, "AWS_CA_BUNDLE");
    const char *pem = NULL;
    if (aws->options.trust != NULL) {
        aws->trust = aws->options.trust;
        return true;
    }
    if (text_is_empty(path))
        path = profile_setting(environment, aws->arena, "ca_bundle");
    if (text_is_empty(path))
        return true;
    if (!file_text(aws->arena, path, CA_LIMIT_BYTES, &pem, err)) {
        err->kind = ERROR_DENIED;
        return error_wrap(err, "AWS_CA_BUNDLE");
    }
    struct http_trust *trust = ARENA_NEW(aws->arena, struct http_trust);
    trust->ca_pem = pem;
    aws->trust = trust;
    return true;
}

bool aws_new(const struct aws_options *options, struct aws **out, struct error *err) {
    struct arena *arena = arena_new();
    struct aws *aws = ARENA_NEW(arena, struct aws);
    *aws = (struct aws){.options = *options, .arena = arena};
    if (options->endpoint_url != NULL)
        aws->options.endpoint_url = arena_text(arena, "%s", options->endpoint_url);
    /* Credentials fall due in the midst of other exchanges, whose ends must not be met here. */
    aws->own_http = http_curl_beside(options->http);
    aws->http = aws->own_http != NULL ? aws->own_http : options->http;
    if (!trust_make(aws, err)) {
        aws_free(aws);
        return false;
    }
    *out = aws;
    return true;
}

void aws_free(struct aws *aws) {
    if (aws == NULL)
        return;
    for (struct identity *identity = aws->identities; identity != NULL; identity = identity->next) {
        credentials_done(&identity->credentials);
        arena_free(identity->arena);
    }
    for (struct cluster_token *token = aws->tokens; token != NULL; token = token->next)
        secret_done(&token->token);
    if (aws->own_http != NULL)
        aws->own_http->free(aws->own_http);
    arena_free(aws->arena);
}

int64_t aws_clock_skew_ms(const struct aws *aws) {
    return aws->skew_ms;
}

/* ---- identities ---- */

static struct identity *identity_of(struct aws *aws, const char *role_arn) {
    for (struct identity *identity = aws->identities; identity != NULL; identity = identity->next)
        if (text_equal(identity->role_arn, role_arn))
            return identity;
    struct identity *identity = ARENA_NEW(aws->arena, struct identity);
    identity->role_arn = role_arn == NULL ? NULL : arena_text(aws->arena, "%s", role_arn);
    identity->next = aws->identities;
    aws->identities = identity;
    return identity;
}

static bool identity_is_usable(const struct aws *aws, const struct identity *identity, int64_t for_ms) {
    int64_t now_ms = clock_wall_ms(aws->options.clock) + aws->skew_ms;
    return identity->arena != NULL && (identity->credentials.expires_ms == INT64_MAX || identity->credentials.expires_ms > now_ms + for_ms);
}

static void identity_keep(struct aws *aws, struct identity *identity, struct arena *arena, const struct credentials *found) {
    int64_t now_ms = clock_wall_ms(aws->options.clock) + aws->skew_ms;
    if (identity->arena != NULL && !text_equal(identity->credentials.origin, found->origin))
        identity->account_id = identity->arn = NULL;
    credentials_done(&identity->credentials);
    arena_free(identity->arena);
    identity->arena = arena;
    identity->credentials = *found;
    identity->due_ms = INT64_MAX;
    if (found->expires_ms == INT64_MAX)
        return;
    /* Credentials that live shortly anyway are not renewed at every look. */
    int64_t third_ms = (found->expires_ms - now_ms) / 3;
    identity->due_ms = found->expires_ms - (third_ms < RENEW_BEFORE_MS ? third_ms : RENEW_BEFORE_MS);
}

static bool identity_renew(struct aws *aws, struct identity *identity, const struct aws_scope *scope, struct error *err) {
    struct credentials_options options = {.http = aws->http,
                                          .clock = aws->options.clock,
                                          .environment = aws->options.environment,
                                          .trust = aws->trust,
                                          .endpoint_url = aws->options.endpoint_url,
                                          .skew_ms = aws->skew_ms};
    struct credentials found = {0};
    struct arena *arena = arena_new();
    bool done = false;
    if (identity->role_arn == NULL) {
        done = credentials_find(&options, arena, &found, err);
    } else {
        struct credentials_role role = {.arn = identity->role_arn, .region = scope->region};
        done = credentials_assume(&options, arena, &identity_of(aws, NULL)->credentials, &role, &found, err);
    }
    if (!done) {
        arena_free(arena);
        return false;
    }
    identity_keep(aws, identity, arena, &found);
    return true;
}

bool aws_ready(struct aws *aws, const struct aws_scope *scope, struct error *err) {
    struct identity *identity = identity_of(aws, scope->assume_role_arn);
    struct aws_scope own = {.region = scope->region};
    struct error problem = {0};
    if (identity->arena != NULL && clock_wall_ms(aws->options.clock) + aws->skew_ms < identity->due_ms)
        return true;
    if (identity->role_arn != NULL && !aws_ready(aws, &own, err))
        return false;
    if (identity_renew(aws, identity, scope, &problem))
        return true;
    /* Renewal starts early, so that trouble on the way to STS stops nobody yet. */
    if (problem.kind == ERROR_BUSY && identity->due_ms != 0 && identity_is_usable(aws, identity, USABLE_FOR_MS))
        return true;
    return error_set(err, problem.kind, "%s", problem.text);
}

/* ---- preparing ---- */

static bool endpoint_of(struct aws *aws, enum service service, const char *region, struct aws_endpoint *out, struct error *err) {
    for (struct known_endpoint *known = aws->endpoints; known != NULL; known = known->next) {
        if (known->service != service || !text_equal(known->region, region))
            continue;
        *out = known->endpoint;
        return true;
    }
    if (!aws_endpoint_find(&aws->options.environment, aws->arena, aws->options.endpoint_url, service, region, out, err))
        return false;
    struct known_endpoint *known = ARENA_NEW(aws->arena, struct known_endpoint);
    known->service = service;
    known->region = arena_text(aws->arena, "%s", region);
    known->endpoint = (struct aws_endpoint){.url = out->url, .region = arena_text(aws->arena, "%s", out->region)};
    known->next = aws->endpoints;
    aws->endpoints = known;
    *out = known->endpoint;
    return true;
}

static bool wire_build(struct aws_call *call, const struct service_row *row, struct aws_wire *out, struct error *err) {
    if (row->query)
        return aws_query_build(call->arena, call->operation, row->api_version, &call->input, call->token, call->page, out, err);
    return aws_rest_build(call->arena, call->operation, &call->input, call->token, call->page, out, err);
}

static bool call_sign(struct aws *aws, struct aws_call *call, const struct credentials *credentials, const char *service,
                      const struct aws_endpoint *endpoint, const char *content_type, struct error *err) {
    struct http_exchange *exchange = &call->exchange;
    struct http_header *headers = ARENA_ARRAY(call->arena, struct http_header, 4);
    struct sigv4_signature signature;
    size_t count = 0;
    if (content_type != NULL)
        headers[count++] = (struct http_header){.name = "content-type", .value = content_type};
    struct sigv4_request request = {.method = exchange->method,
                                    .url = exchange->url,
                                    .headers = headers,
                                    .header_count = count,
                                    .body = exchange->body,
                                    .body_length = exchange->body_length,
                                    .region = endpoint->region,
                                    .service = service,
                                    .wall_ms = clock_wall_ms(aws->options.clock) + aws->skew_ms};
    if (!sigv4_sign(call->arena, &credentials->keys, &request, &signature, err))
        return false;
    headers[count++] = (struct http_header){.name = "x-amz-date", .value = signature.date};
    if (credentials->keys.session_token.length > 0)
        headers[count++] = (struct http_header){
            .name = "x-amz-security-token",
            .value = arena_copy(call->arena, credentials->keys.session_token.reveal, credentials->keys.session_token.length)};
    headers[count++] = (struct http_header){.name = "authorization", .value = signature.authorization};
    exchange->headers = headers;
    exchange->header_count = count;
    return true;
}

static void call_reset(struct aws_call *call) {
    call->exchange = (struct http_exchange){.arena = call->arena, .owner = call};
    call->answer = call->result = value_null();
    call->next_page = call->code = call->message = call->request_id = NULL;
    call->error = (struct error){0};
    call->retry_after_ms = 0;
    call->no_change = call->spreading = false;
}

bool aws_prepare(struct aws *aws, struct aws_call *call, struct error *err) {
    const struct service_row *row = schema_service(call->operation->service);
    const struct identity *identity = identity_of(aws, call->scope.assume_role_arn);
    struct aws_endpoint endpoint;
    struct aws_wire wire;
    call_reset(call);
    if (row == NULL)
        return error_set(err, ERROR_BROKEN, "%s: belongs to no service", call->operation->name);
    if (identity->arena == NULL)
        return error_set(err, ERROR_BROKEN, "%s: its credentials were not made ready", call->operation->name);
    if (!identity_is_usable(aws, identity, 0))
        return error_set(err, ERROR_BUSY, "%s: the credentials of %s have expired and are not renewed yet", call->operation->name,
                         identity->credentials.origin);
    if (!endpoint_of(aws, call->operation->service, call->scope.region, &endpoint, err) || !wire_build(call, row, &wire, err))
        return false;
    call->exchange.method = wire.method;
    call->exchange.url = arena_text(call->arena, "%s%s", endpoint.url, wire.target);
    call->exchange.body = wire.body;
    call->exchange.body_length = wire.body_length;
    call->exchange.trust = aws->trust;
    return call_sign(aws, call, &identity->credentials, row->name, &endpoint, wire.content_type, err);
}

/* ---- finishing ---- */

/* "Tue, 15 Nov 1994 08:12:31 GMT" (RFC 9110 §5.6.7). */
static bool http_date_parse(const char *text, int64_t *out_wall_ms) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4] = "";
    char plain[64];
    unsigned day = 0, year = 0, hour = 0, minute = 0, second = 0;
    if (sscanf(text, "%*3s, %2u %3s %4u %2u:%2u:%2u GMT", &day, month, &year, &hour, &minute, &second) != 6 || strlen(month) != 3)
        return false;
    const char *found = strstr(months, month);
    if (found == NULL || (found - months) % 3 != 0)
        return false;
    (void)snprintf(plain, sizeof plain, "%04u-%02u-%02uT%02u:%02u:%02uZ", year, (unsigned)((found - months) / 3 + 1), day, hour, minute,
                   second);
    return time_parse(plain, out_wall_ms);
}

static void skew_learn(struct aws *aws, const struct http_exchange *exchange) {
    const char *date = http_answer_header(exchange, "date");
    int64_t theirs_ms = 0;
    if (date == NULL || !http_date_parse(date, &theirs_ms))
        return;
    int64_t skew_ms = theirs_ms - clock_wall_ms(aws->options.clock);
    aws->skew_ms = skew_ms > SKEW_LEAST_MS || skew_ms < -SKEW_LEAST_MS ? skew_ms : 0;
}

static int64_t retry_after_of(const struct http_exchange *exchange) {
    const char *text = http_answer_header(exchange, "x-amz-retry-after");
    int64_t wait = 0;
    if (text != NULL && text_to_integer(text, 0, 3600000, &wait))
        return wait;
    text = http_answer_header(exchange, "retry-after");
    return text != NULL && text_to_integer(text, 0, 3600, &wait) ? wait * 1000 : 0;
}

static const char *clock_note(const struct aws *aws, struct arena *arena) {
    if (aws->skew_ms < SKEW_SAID_MS && aws->skew_ms > -SKEW_SAID_MS)
        return "";
    int64_t minutes = (aws->skew_ms < 0 ? -aws->skew_ms : aws->skew_ms) / 60000;
    return arena_text(arena, "; this machine's clock is %" PRId64 " min %s AWS's: correct it (NTP)", minutes,
                      aws->skew_ms > 0 ? "behind" : "ahead of");
}

static void expired_note(struct aws *aws, struct aws_call *call, struct identity *identity) {
    int64_t now_ms = clock_wall_ms(aws->options.clock);
    bool renewable = identity->credentials.renewable && (identity->forced_ms == 0 || now_ms - identity->forced_ms > FORCED_APART_MS);
    identity->forced_ms = now_ms;
    if (renewable) {
        identity->due_ms = 0;
        error_set(&call->error, ERROR_BUSY, "%s: %s: the credentials of %s had expired and are renewed before the next try",
                  call->operation->name, call->code, identity->credentials.origin);
        return;
    }
    error_set(&call->error, ERROR_DENIED, "%s: %s: the credentials of %s have expired: give new ones", call->operation->name, call->code,
              identity->credentials.origin);
}

static void forbidden_note(struct aws_call *call, const struct identity *identity) {
    const char *arn = identity->arn != NULL ? identity->arn : identity->credentials.identity;
    const char *service = schema_service(call->operation->service)->name;
    error_set(&call->error, ERROR_DENIED, "%s: %s: %.*s; allow %s:%s to %s (credentials: %s)", call->operation->name, call->code,
              MESSAGE_SHOWN, call->message, service, call->operation->name, arn != NULL ? arn : "this identity",
              identity->credentials.origin);
}

static void problem_set(struct aws *aws, struct aws_call *call, enum error_kind kind, enum aws_meaning meaning) {
    struct identity *identity = identity_of(aws, call->scope.assume_role_arn);
    const char *name = call->operation->name;
    if (call->code == NULL) {
        http_failed(&call->exchange, &call->error);
        call->error.kind = kind;
        error_wrap(&call->error, "%s: no AWS answer (is the endpoint right, is a proxy between?)", name);
    } else if (meaning == AWS_EXPIRED) {
        expired_note(aws, call, identity);
    } else if (meaning == AWS_FORBIDDEN) {
        forbidden_note(call, identity);
    } else if (kind == ERROR_DENIED) {
        error_set(&call->error, kind, "%s: %s: %.*s (credentials: %s)%s", name, call->code, MESSAGE_SHOWN, call->message,
                  identity->credentials.origin, clock_note(aws, call->arena));
    } else {
        error_set(&call->error, kind, "%s: %s: %.*s%s", name, call->code, MESSAGE_SHOWN, call->message,
                  meaning == AWS_CLOCK ? clock_note(aws, call->arena) : "");
    }
}

static void finish_problem(struct aws *aws, struct aws_call *call, bool query) {
    struct aws_problem problem;
    enum error_kind kind = ERROR_NONE;
    aws_problem_read(call->arena, &call->exchange, query, &problem);
    call->code = problem.code;
    call->message = problem.message;
    call->request_id = problem.request_id;
    call->retry_after_ms = retry_after_of(&call->exchange);
    enum aws_meaning meaning = aws_problem_meaning(call->operation, call->exchange.status, &problem, &kind);
    call->answer = call->result = value_of_map();
    call->no_change = meaning == AWS_NO_CHANGE;
    call->spreading = meaning == AWS_SPREADING;
    if (!call->no_change)
        problem_set(aws, call, kind, meaning);
}

static bool answer_read_query(struct aws_call *call, struct error *err) {
    const struct http_exchange *exchange = &call->exchange;
    struct value document = value_null();
    const char *root = NULL;
    if (!aws_xml_parse(call->arena, "answer", exchange->answer, exchange->answer_length, &root, &document, err))
        return false;
    if (!text_starts(root, call->operation->name) || strcmp(root + strlen(call->operation->name), "Response") != 0)
        return error_set(err, ERROR_BROKEN, "the answer is a <%.60s>", root);
    char *member = arena_text(call->arena, "%sResult", call->operation->name);
    if (member[0] >= 'A' && member[0] <= 'Z')
        member[0] = (char)(member[0] + ('a' - 'A'));
    const struct value *result = value_find(&document, member);
    call->answer = value_is(result, VALUE_MAP) ? *result : value_of_map();
    call->request_id = value_text_at(&document, "responseMetadata.requestId");
    if (text_equal(value_text(value_find(&call->answer, "isTruncated")), "true"))
        call->next_page = value_text(value_find(&call->answer, "marker"));
    return true;
}

static bool answer_read_rest(struct aws_call *call, struct error *err) {
    const struct http_exchange *exchange = &call->exchange;
    call->request_id = http_answer_header(exchange, "x-amzn-requestid");
    if (exchange->answer_length == 0)
        call->answer = value_of_map();
    else if (!json_parse(call->arena, "answer", exchange->answer, exchange->answer_length, &call->answer, err))
        return false;
    if (call->answer.type != VALUE_MAP)
        return error_set(err, ERROR_BROKEN, "the answer is no JSON object");
    call->next_page = value_text(value_find(&call->answer, "nextToken"));
    if (text_is_empty(call->next_page))
        call->next_page = NULL;
    return true;
}

/* A list that claims more but does not say where, or that goes in a circle, must not pass for a whole one. */
static bool page_check(const struct aws_call *call, struct error *err) {
    bool more = text_equal(value_text(value_find(&call->answer, "isTruncated")), "true");
    if (more && call->next_page == NULL)
        return error_set(err, ERROR_BROKEN, "the list goes on, but the answer does not say where");
    if (call->next_page != NULL && text_equal(call->next_page, call->page))
        return error_set(err, ERROR_BROKEN, "the list leads back to the same page");
    return true;
}

/* An empty list comes as an empty element, which says nothing of being a list. */
static void list_mend(struct aws_call *call) {
    const char *list = call->operation->list;
    struct value *items = list == NULL ? NULL : value_find_mutable(&call->answer, list);
    if (items != NULL && items->type == VALUE_TEXT && items->text.length == 0)
        *items = value_of_list();
}

static void finish_answer(struct aws_call *call, bool query) {
    const char *result = call->operation->result;
    bool read = query ? answer_read_query(call, &call->error) : answer_read_rest(call, &call->error);
    if (!read || !page_check(call, &call->error)) {
        error_wrap(&call->error, "%s", call->operation->name);
        call->answer = call->result = value_of_map();
        call->next_page = NULL;
        return;
    }
    list_mend(call);
    const struct value *member = result == NULL ? NULL : value_find(&call->answer, result);
    if (result != NULL && member == NULL) {
        error_set(&call->error, ERROR_BROKEN, "%s: the answer has no \"%s\"", call->operation->name, result);
        return;
    }
    call->result = member == NULL ? call->answer : *member;
}

void aws_finish(struct aws *aws, struct aws_call *call) {
    const struct service_row *row = schema_service(call->operation->service);
    const struct http_exchange *exchange = &call->exchange;
    if (exchange->error.kind != ERROR_NONE) {
        call->error = exchange->error;
        error_wrap(&call->error, "%s", call->operation->name);
        call->answer = call->result = value_of_map();
        return;
    }
    skew_learn(aws, exchange);
    if (exchange->status >= 200 && exchange->status < 300)
        finish_answer(call, row->query);
    else
        finish_problem(aws, call, row->query);
}

/* ---- who we are ---- */

static const struct operation get_caller_identity = {.name = "GetCallerIdentity", .service = SERVICE_STS};

static void identity_note(struct aws *aws, struct identity *identity, const char *account_id, const char *arn) {
    identity->account_id = arena_text(aws->arena, "%s", account_id);
    identity->arn = arena_text(aws->arena, "%s", arn);
}

/* STS said whom the keys are for when it gave them: "arn:aws:sts::ACCOUNT:assumed-role/…". */
static bool identity_known(struct aws *aws, struct identity *identity) {
    const char *arn = identity->credentials.identity;
    char account_id[13] = "";
    if (arn == NULL || sscanf(arn, "arn:%*[^:]:sts::%12[0-9]:", account_id) != 1 || strlen(account_id) != 12)
        return false;
    identity_note(aws, identity, account_id, arn);
    return true;
}

static bool identity_ask(struct aws *aws, struct identity *identity, const struct aws_scope *scope, struct error *err) {
    ARENA_AUTO *scratch = arena_new();
    struct aws_call call = {.scope = *scope, .operation = &get_caller_identity, .input = value_of_map(), .arena = scratch};
    if (!aws_prepare(aws, &call, err))
        return false;
    http_run(aws->http, &call.exchange, 1, 1);
    aws_finish(aws, &call);
    if (call.error.kind != ERROR_NONE)
        return error_set(err, call.error.kind, "%s", call.error.text);
    const char *account_id = value_text(value_find(&call.result, "account"));
    const char *arn = value_text(value_find(&call.result, "arn"));
    if (account_id == NULL || arn == NULL)
        return error_set(err, ERROR_BROKEN, "GetCallerIdentity: the answer has no Account or no Arn");
    identity_note(aws, identity, account_id, arn);
    return true;
}

bool aws_identity(struct aws *aws, const struct aws_scope *scope, struct arena *arena, const char **out_account_id, const char **out_arn,
                  struct error *err) {
    struct identity *identity = identity_of(aws, scope->assume_role_arn);
    if (identity->account_id == NULL && !identity_known(aws, identity) && !identity_ask(aws, identity, scope, err))
        return false;
    *out_account_id = arena_text(arena, "%s", identity->account_id);
    *out_arn = arena_text(arena, "%s", identity->arn);
    return true;
}

/* ---- cluster tokens ---- */

static struct cluster_token *token_of(struct aws *aws, const struct identity *identity, const char *region, const char *cluster_name) {
    for (struct cluster_token *token = aws->tokens; token != NULL; token = token->next)
        if (token->identity == identity && text_equal(token->region, region) && text_equal(token->cluster_name, cluster_name))
            return token;
    struct cluster_token *token = ARENA_NEW(aws->arena, struct cluster_token);
    token->identity = identity;
    token->region = arena_text(aws->arena, "%s", region);
    token->cluster_name = arena_text(aws->arena, "%s", cluster_name);
    token->next = aws->tokens;
    aws->tokens = token;
    return token;
}

/* The host in the token is always STS's own, whatever endpoint is configured: the verifier accepts no other. */
static bool token_sign(struct cluster_token *token, int64_t now_ms, struct error *err) {
    ARENA_AUTO *scratch = arena_new();
    const struct credentials *credentials = &token->identity->credentials;
    const char *host = arena_text(scratch, "sts.%s.%s", token->region, aws_dns_suffix(token->region));
    if (!sigv4_eks_token(scratch, &credentials->keys, host, token->region, token->cluster_name, now_ms, &token->token, err))
        return false;
    token->signed_ms = now_ms;
    (void)snprintf(token->access_key_id, sizeof token->access_key_id, "%s", credentials->keys.access_key_id);
    return true;
}

bool aws_cluster_token(struct aws *aws, const struct aws_scope *scope, const char *cluster_name, struct secret *out, struct error *err) {
    struct identity *identity = identity_of(aws, scope->assume_role_arn);
    struct aws_endpoint endpoint;
    int64_t now_ms = clock_wall_ms(aws->options.clock) + aws->skew_ms;
    if (identity->arena == NULL || !identity_is_usable(aws, identity, 0))
        return error_set(err, ERROR_BUSY, "token of cluster %s: the credentials are not ready or have expired", cluster_name);
    if (!endpoint_of(aws, SERVICE_STS, scope->region, &endpoint, err)) /* also checks the region's name */
        return error_wrap(err, "token of cluster %s", cluster_name);
    struct cluster_token *token = token_of(aws, identity, scope->region, cluster_name);
    bool fresh = token->token.length > 0 && now_ms >= token->signed_ms && now_ms - token->signed_ms < TOKEN_KEPT_MS &&
                 text_equal(token->access_key_id, identity->credentials.keys.access_key_id);
    if (!fresh && !token_sign(token, now_ms, err))
        return error_wrap(err, "token of cluster %s", cluster_name);
    secret_set(out, token->token.reveal, token->token.length);
    return true;
}
