#include "base/sigv4.h"

#include "base/hash.h"
#include "base/text.h"
#include "sandbox/aws.h"
#include "sandbox/world.h"

enum {
    SKEW_MOST_MS = 5 * 60 * 1000,
    TOKEN_AGE_MOST_MS = 15 * 60 * 1000, /* aws-iam-authenticator: 15 minutes from X-Amz-Date, whatever X-Amz-Expires says */
    TOKEN_LENGTH_MOST = 4096,
    EXPIRES_MOST_S = 604800,
    HEADERS_MOST = 64
};

/* One access key that the world knows. */
struct key {
    const char *id, *secret, *session, *arn, *account;
    int64_t expires_ms; /* 0: never */
};

static bool key_find(struct world *world, struct arena *arena, const char *id, struct key *out) {
    const char *account = world->options->account_id;
    const struct value *row = value_find(value_find(&world->state, "keys"), id);
    *out = (struct key){.id = id, .account = account};
    if (value_is(row, VALUE_TEXT)) {
        out->secret = row->text.bytes;
    } else if (row != NULL) {
        out->secret = value_text_at(row, "secret");
        out->session = value_text_at(row, "session");
        out->arn = value_text_at(row, "arn");
        out->account = value_text_at(row, "account") == NULL ? account : value_text_at(row, "account");
        out->expires_ms = value_integer(value_find(row, "expires"), 0);
    } else if (text_equal(id, SANDBOX_ACCESS_KEY_ID)) {
        out->secret = SANDBOX_SECRET_ACCESS_KEY;
    }
    if (out->arn == NULL)
        out->arn = arena_text(arena, "arn:aws:iam::%s:user/sandbox", out->account);
    return out->secret != NULL;
}

/* What a request says about its signature, in its header or its query. */
struct claim {
    bool presigned;
    const char *key_id, *day, *region, *service, *signed_headers, *signature, *date, *session, *expires;
};

static const char *after(struct arena *arena, const char *text, const char *name) {
    const char *found = strstr(text, name);
    return found == NULL ? NULL : arena_copy(arena, found + strlen(name), strcspn(found + strlen(name), ", "));
}

static bool credential_split(struct arena *arena, const char *credential, struct claim *claim) {
    char *save = NULL;
    char *copy = arena_text(arena, "%s", credential);
    claim->key_id = strtok_r(copy, "/", &save);
    claim->day = strtok_r(NULL, "/", &save);
    claim->region = strtok_r(NULL, "/", &save);
    claim->service = strtok_r(NULL, "/", &save);
    const char *end = strtok_r(NULL, "/", &save);
    return text_equal(end, "aws4_request") && strtok_r(NULL, "/", &save) == NULL;
}

static bool claim_read(struct arena *arena, const struct world_request *http, struct claim *out) {
    *out = (struct claim){0};
    const char *authorization = world_header(http->exchange, "authorization");
    const char *credential = NULL;
    if (authorization != NULL) {
        credential = after(arena, authorization, "Credential=");
        out->signed_headers = after(arena, authorization, "SignedHeaders=");
        out->signature = after(arena, authorization, "Signature=");
        out->date = world_header(http->exchange, "x-amz-date");
        out->session = world_header(http->exchange, "x-amz-security-token");
        if (!text_starts(authorization, "AWS4-HMAC-SHA256 "))
            return false;
    } else {
        out->presigned = true;
        credential = world_query(arena, http->query, "X-Amz-Credential");
        out->signed_headers = world_query(arena, http->query, "X-Amz-SignedHeaders");
        out->signature = world_query(arena, http->query, "X-Amz-Signature");
        out->date = world_query(arena, http->query, "X-Amz-Date");
        out->session = world_query(arena, http->query, "X-Amz-Security-Token");
        out->expires = world_query(arena, http->query, "X-Amz-Expires");
    }
    return credential != NULL && out->signed_headers != NULL && out->signature != NULL && out->date != NULL &&
           credential_split(arena, credential, out);
}

/* The values of the signed headers, but those that the signer adds by itself. False when the host is unsigned or a header is absent. */
static bool signed_headers_read(struct arena *arena, const struct http_exchange *exchange, const char *names, struct http_header *headers,
                                size_t *out_count) {
    bool host = false;
    size_t count = 0;
    char *save = NULL;
    for (char *name = strtok_r(arena_text(arena, "%s", names), ";", &save); name != NULL; name = strtok_r(NULL, ";", &save)) {
        if (strcasecmp(name, "host") == 0)
            host = true;
        if (strcasecmp(name, "host") == 0 || strcasecmp(name, "x-amz-date") == 0 || strcasecmp(name, "x-amz-security-token") == 0)
            continue;
        const char *value = world_header(exchange, name);
        if (value == NULL || count == HEADERS_MOST)
            return false;
        headers[count++] = (struct http_header){name, value};
    }
    *out_count = count;
    return host;
}

/* The URL with the host by which the client came. */
static const char *url_of(struct arena *arena, const struct world_request *http) {
    const char *end = strstr(http->exchange->url, "://") + strlen("://");
    return arena_text(arena, "%.*s%s%s", (int)(end - http->exchange->url), http->exchange->url, http->host, end + strcspn(end, "/?"));
}

/* The URL as it was before it was presigned. */
static const char *url_without_signature(struct arena *arena, const char *presigned) {
    static const char *const own[] = {"X-Amz-Algorithm",     "X-Amz-Credential", "X-Amz-Date",           "X-Amz-Expires",
                                      "X-Amz-SignedHeaders", "X-Amz-Signature",  "X-Amz-Security-Token", NULL};
    const char *question = strchr(presigned, '?');
    if (question == NULL)
        return presigned;
    char *url = arena_copy(arena, presigned, (size_t)(question - presigned));
    const char *separator = "?";
    char *save = NULL;
    for (char *pair = strtok_r(arena_text(arena, "%s", question + 1), "&", &save); pair != NULL; pair = strtok_r(NULL, "&", &save)) {
        if (text_in(arena_copy(arena, pair, strcspn(pair, "=")), own))
            continue;
        url = arena_text(arena, "%s%s%s", url, separator, pair);
        separator = "&";
    }
    return url;
}

/* Recomputes. False when it cannot be, or differs. */
static bool signature_matches(struct arena *arena, const struct world_request *http, const struct claim *claim, const struct key *key) {
    struct http_header headers[HEADERS_MOST];
    const struct http_exchange *exchange = http->exchange;
    const char *whole = url_of(arena, http);
    struct sigv4_request request = {.method = exchange->method,
                                    .url = claim->presigned ? url_without_signature(arena, whole) : whole,
                                    .headers = headers,
                                    .body = exchange->body,
                                    .body_length = exchange->body_length,
                                    .region = claim->region,
                                    .service = claim->service};
    if (!signed_headers_read(arena, exchange, claim->signed_headers, headers, &request.header_count) ||
        !time_parse(claim->date, &request.wall_ms))
        return false;
    struct sigv4_credentials credentials = {.access_key_id = key->id};
    secret_set(&credentials.secret_access_key, key->secret, strlen(key->secret));
    if (claim->session != NULL)
        secret_set(&credentials.session_token, claim->session, strlen(claim->session));
    struct sigv4_signature made = {0};
    struct error err = {0};
    const char *url = NULL;
    int64_t expires_s = 0;
    bool signs = false;
    if (!claim->presigned)
        signs = sigv4_sign(arena, &credentials, &request, &made, &err);
    else if (text_to_integer(claim->expires == NULL ? "" : claim->expires, 0, EXPIRES_MOST_S, &expires_s))
        signs = sigv4_presign(arena, &credentials, &request, (int)expires_s, &url, &made, &err);
    secret_done(&credentials.secret_access_key);
    secret_done(&credentials.session_token);
    return signs && text_equal(made.signature, claim->signature) && strncmp(made.date, claim->day, 8) == 0;
}

/* EKS and the Query services name the same refusals differently. */
static const char *code_of(const struct aws_request *request, const char *eks, const char *query) {
    return request->service == SERVICE_EKS ? eks : query;
}

int64_t aws_signing_now_ms(const struct world *world) {
    struct clock *real = world->options->real_clock;
    return real == NULL ? world->now_ms : clock_wall_ms(real);
}

static bool time_check(struct aws_request *request, const struct claim *claim) {
    const char *code = code_of(request, "InvalidSignatureException", "SignatureDoesNotMatch");
    int64_t now_ms = aws_signing_now_ms(request->world);
    int64_t date_ms = 0;
    int64_t expires_s = 0;
    struct arena *arena = request->arena;
    if (!time_parse(claim->date, &date_ms))
        return aws_refuse(request, 400, code_of(request, "IncompleteSignatureException", "IncompleteSignature"),
                          "Date must be in ISO-8601 'basic format'. Got '%.40s'.", claim->date);
    if (claim->presigned && text_to_integer(claim->expires == NULL ? "" : claim->expires, 0, EXPIRES_MOST_S, &expires_s))
        date_ms += expires_s * 1000 - SKEW_MOST_MS; /* so that the test below is: not after date + expires */
    if (date_ms + SKEW_MOST_MS < now_ms)
        return aws_refuse(request, 403, code, "Signature expired: %s is now earlier than %s (%s - 5 min.)", claim->date,
                          time_compact(arena, now_ms - SKEW_MOST_MS), time_compact(arena, now_ms));
    if (!claim->presigned && date_ms - SKEW_MOST_MS > now_ms)
        return aws_refuse(request, 403, code, "Signature not yet current: %s is still later than %s (%s + 5 min.)", claim->date,
                          time_compact(arena, now_ms + SKEW_MOST_MS), time_compact(arena, now_ms));
    return true;
}

static bool scope_check(struct aws_request *request, const struct claim *claim) {
    static const char *const services[] = {[SERVICE_EKS] = "eks", [SERVICE_IAM] = "iam", [SERVICE_STS] = "sts"};
    const char *code = code_of(request, "InvalidSignatureException", "SignatureDoesNotMatch");
    if (!text_equal(claim->service, services[request->service]))
        return aws_refuse(request, 403, code, "Credential should be scoped to correct service: '%s'.", services[request->service]);
    bool global =
        text_equal(request->http->host, "iam.amazonaws.com"); /* behind a custom endpoint the SDKs sign IAM with their own region */
    if (global && !text_equal(claim->region, "us-east-1"))
        return aws_refuse(request, 403, code, "Credential should be scoped to a valid region, not '%.40s'. ", claim->region);
    const char *host = request->http->host;
    bool regional = text_ends(host, region_suffix(claim->region)) && (text_starts(host, "eks.") || text_starts(host, "sts."));
    if (regional && !text_equal(host, arena_text(request->arena, "sts.%s", region_suffix(claim->region))) &&
        strstr(host, arena_text(request->arena, ".%s.", claim->region)) == NULL)
        return aws_refuse(request, 403, code, "Credential should be scoped to a valid region. ");
    return true;
}

static bool key_check(struct aws_request *request, const struct claim *claim, struct key *out) {
    bool known = key_find(request->world, request->arena, claim->key_id, out);
    if (!known || !text_equal(claim->session == NULL ? "" : claim->session, out->session == NULL ? "" : out->session))
        return aws_refuse(request, 403, code_of(request, "UnrecognizedClientException", "InvalidClientTokenId"),
                          "The security token included in the request is invalid.");
    if (out->expires_ms != 0 && out->expires_ms <= aws_signing_now_ms(request->world))
        return aws_refuse(request, 403, code_of(request, "ExpiredTokenException", "ExpiredToken"),
                          "The security token included in the request is expired");
    return true;
}

static void identity_take(struct aws_request *request, const struct key *key) {
    request->account = key->account;
    request->identity = key->arn;
    request->key_id = key->id;
}

static bool claim_check(struct aws_request *request, const struct claim *claim) {
    struct key key;
    if (!scope_check(request, claim) || !key_check(request, claim, &key) || !time_check(request, claim))
        return false;
    if (!signature_matches(request->arena, request->http, claim, &key))
        return aws_refuse(request, 403, code_of(request, "InvalidSignatureException", "SignatureDoesNotMatch"),
                          "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
                          "and signing method. Consult the service documentation for details.");
    identity_take(request, &key);
    return true;
}

bool signature_check(struct aws_request *request) {
    struct claim claim;
    struct key key;
    bool claimed = claim_read(request->arena, request->http, &claim);
    if (text_equal(value_text_at(&request->input, "Action"), "AssumeRoleWithWebIdentity"))
        return true; /* its web identity token stands for the signature */
    if (request->world->options->check_signatures) {
        if (claimed)
            return claim_check(request, &claim);
        if (world_header(request->exchange, "authorization") != NULL)
            return aws_refuse(request, 400, code_of(request, "IncompleteSignatureException", "IncompleteSignature"),
                              "Authorization header requires 'Credential' parameter, 'SignedHeaders' parameter and 'Signature' parameter.");
        return aws_refuse(request, 403, code_of(request, "MissingAuthenticationTokenException", "MissingAuthenticationToken"),
                          "Missing Authentication Token");
    }
    if (!key_find(request->world, request->arena, claimed ? claim.key_id : SANDBOX_ACCESS_KEY_ID, &key))
        key_find(request->world, request->arena, SANDBOX_ACCESS_KEY_ID, &key);
    identity_take(request, &key);
    return true;
}

/* Query parameters of a token: only these, none twice (aws-iam-authenticator, pkg/token). */
static bool token_parameters_are_allowed(struct arena *arena, const char *query) {
    static const char *const allowed[] = {"action",        "version",         "x-amz-algorithm",     "x-amz-credential",     "x-amz-date",
                                          "x-amz-expires", "x-amz-signature", "x-amz-signedheaders", "x-amz-security-token", NULL};
    unsigned seen = 0;
    const char *name = NULL;
    while (world_query_next(arena, &query, &name) != NULL) {
        unsigned row = 0;
        while (allowed[row] != NULL && strcasecmp(allowed[row], name) != 0)
            row++;
        if (allowed[row] == NULL || (seen & (1U << row)) != 0)
            return false;
        seen |= 1U << row;
    }
    return true;
}

static bool token_is_fresh(struct world *world, const char *date) {
    int64_t date_ms = 0;
    int64_t now_ms = aws_signing_now_ms(world);
    return time_parse(date, &date_ms) && date_ms + TOKEN_AGE_MOST_MS > now_ms && date_ms - SKEW_MOST_MS <= now_ms;
}

/* A header's whole name within the list "host;x-k8s-aws-id". */
static bool header_is_signed(struct arena *arena, const char *names, const char *name) {
    return strstr(arena_text(arena, ";%s;", names), arena_text(arena, ";%s;", name)) != NULL;
}

/* Of AWS; or this world's own, which is where clients with AWS_ENDPOINT_URL have theirs. */
static bool host_is_sts(const struct world *world, const char *host, const char *region) {
    const char *own = world->options->server_url;
    if (own != NULL && text_equal(host, strstr(own, "://") + strlen("://")))
        return true;
    return text_starts(host, "sts.") && text_ends(host, region_suffix(region)) && strchr(host, ':') == NULL;
}

static bool token_url_is_sound(struct world *world, struct arena *arena, const struct world_request *http, const struct claim *claim) {
    const char *action = world_query(arena, http->query, "Action");
    return text_starts(http->exchange->url, "https://") && text_equal(http->path, "/") && host_is_sts(world, http->host, claim->region) &&
           text_equal(action, "GetCallerIdentity") && text_equal(claim->service, "sts") &&
           token_parameters_are_allowed(arena, http->query) && header_is_signed(arena, claim->signed_headers, "x-k8s-aws-id");
}

const char *aws_token_identity(struct world *world, const char *token, const char *cluster) {
    static const char prefix[] = "k8s-aws-v1.";
    if (!eks_cluster_taken(world, cluster) && text_equal(token, SANDBOX_EXTERNAL_TOKEN))
        return SANDBOX_EXTERNAL_TOKEN;
    if (!text_starts(token, prefix) || strlen(token) > TOKEN_LENGTH_MOST)
        return NULL;
    ARENA_AUTO *arena = arena_new();
    char *url = NULL;
    size_t length = 0;
    if (!base64_decode(arena, token + strlen(prefix), strlen(token) - strlen(prefix), &url, &length) || strlen(url) != length)
        return NULL;
    const char *name = eks_cluster_name(world, cluster);
    struct http_header header = {"x-k8s-aws-id", name};
    struct http_exchange exchange = {.method = "GET", .url = url, .headers = &header, .header_count = 1, .arena = arena};
    struct world_request http;
    struct claim claim;
    struct key key;
    if (!world_request_read(arena, &exchange, &http) || !claim_read(arena, &http, &claim) ||
        !token_url_is_sound(world, arena, &http, &claim) || !token_is_fresh(world, claim.date) ||
        !key_find(world, arena, claim.key_id, &key))
        return NULL;
    if (!text_equal(claim.session == NULL ? "" : claim.session, key.session == NULL ? "" : key.session) ||
        (key.expires_ms != 0 && key.expires_ms <= aws_signing_now_ms(world)))
        return NULL;
    if (world->options->check_signatures && !signature_matches(arena, &http, &claim, &key))
        return NULL;
    return arena_text(world->arena, "%s", key.arn);
}
