#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/query.h"
#include "sandbox/world.h"

enum { SESSION_LEAST_S = 900, SESSION_MOST_S = 43200, SESSION_DEFAULT_S = 3600 };

/* A stable id of whoever calls: "AIDA…" of a user, "AROA…:session" of a role's session. */
static const char *user_id(struct aws_request *request, const char *arn) {
    struct digest digest = hash_sha256(arn, strlen(arn));
    const char *hex = hash_hex(request->arena, &digest);
    char letters[17];
    for (unsigned i = 0; i < 16; i++)
        letters[i] = (char)('A' + (hex[i] >= 'a' ? hex[i] - 'a' + 10 : hex[i] - '0'));
    letters[16] = '\0';
    const char *session = strrchr(arn, '/');
    if (strstr(arn, ":assumed-role/") != NULL)
        return arena_text(request->arena, "AROA%s:%s", letters, session + 1);
    return arena_text(request->arena, "AIDA%s", letters);
}

static void identity_as_json(struct aws_request *request) {
    struct arena *arena = request->arena;
    struct value body = value_of_map();
    const char *result = "GetCallerIdentityResponse.GetCallerIdentityResult";
    value_set_at(arena, &body, arena_text(arena, "%s.Account", result), value_of_text(request->account));
    value_set_at(arena, &body, arena_text(arena, "%s.Arn", result), value_of_text(request->identity));
    value_set_at(arena, &body, arena_text(arena, "%s.UserId", result), value_of_text(user_id(request, request->identity)));
    value_set_at(arena, &body, "GetCallerIdentityResponse.ResponseMetadata.RequestId", value_of_text("sandbox"));
    world_respond_json(request->exchange, 200, &body);
}

static bool caller_identity(struct aws_request *request, struct text *result) {
    const char *accept = world_header(request->exchange, "accept");
    if (accept != NULL && strstr(accept, "application/json") != NULL) {
        identity_as_json(request);
        return true;
    }
    query_element(result, "Arn", request->identity);
    query_element(result, "UserId", user_id(request, request->identity));
    query_element(result, "Account", request->account);
    return true;
}

/* "arn:aws:iam::ACCOUNT:role/path/NAME" cut into its account and name. */
static bool role_arn_split(struct arena *arena, const char *arn, const char **out_account, const char **out_name) {
    char *save = NULL;
    char *copy = arena_text(arena, "%s", arn);
    bool iam = text_equal(strtok_r(copy, ":", &save), "arn") && strtok_r(NULL, ":", &save) != NULL &&
               text_equal(strtok_r(NULL, ":", &save), "iam");
    *out_account = iam ? strtok_r(NULL, ":", &save) : NULL;
    const char *rest = iam ? strtok_r(NULL, ":", &save) : NULL;
    if (*out_account == NULL || !text_starts(rest == NULL ? "" : rest, "role/"))
        return false;
    *out_name = strrchr(rest, '/') + 1;
    return true;
}

static bool session_length(struct aws_request *request, int64_t *out_s) {
    const char *text = query_form(request, "DurationSeconds");
    *out_s = SESSION_DEFAULT_S;
    if (text == NULL || text_to_integer(text, SESSION_LEAST_S, SESSION_MOST_S, out_s))
        return true;
    return aws_refuse(request, 400, "ValidationError",
                      "1 validation error detected: Value '%.20s' at 'durationSeconds' failed to satisfy constraint: between %d and %d",
                      text, SESSION_LEAST_S, SESSION_MOST_S);
}

/* Sessions that ended long ago are forgotten; for an hour after its end a key is still told to be expired. */
static void keys_prune(struct world *world, struct value *keys) {
    const int64_t told_ms = 3600 * 1000;
    for (size_t i = keys->map.count; i > 0; i--) {
        int64_t expires_ms = value_integer(value_find(&keys->map.members[i - 1].value, "expires"), 0);
        if (expires_ms != 0 && expires_ms + told_ms < aws_signing_now_ms(world))
            value_remove(keys, keys->map.members[i - 1].key);
    }
}

/* Hands out an access key for the role's session, and remembers it. */
static bool session_make(struct aws_request *request, const char *role_arn, struct text *result) {
    struct world *world = request->world;
    struct arena *arena = request->arena;
    const char *session_name = NULL, *account = NULL, *role = NULL;
    int64_t length_s = 0;
    if (!query_need(request, "RoleSessionName", 64, &session_name) || !session_length(request, &length_s))
        return false;
    if (strlen(session_name) < 2)
        return aws_refuse(request, 400, "ValidationError",
                          "1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint: "
                          "Member must have length greater than or equal to 2");
    if (!role_arn_split(arena, role_arn, &account, &role))
        return aws_refuse(request, 400, "ValidationError", "%.200s is invalid", role_arn);
    const char *partition = arena_copy(arena, role_arn + 4, strcspn(role_arn + 4, ":"));
    const char *key_id = id_upper(world, arena, "ASIA", 16);
    const char *secret = id_hex(world, arena, "secret", 40);
    const char *session = arena_text(arena, "FwoGZXIvYXdzE%s%s", id_hex(world, arena, "session", 64), id_hex(world, arena, "session", 64));
    const char *arn = arena_text(arena, "arn:%s:sts::%s:assumed-role/%s/%s", partition, account, role, session_name);
    int64_t expires_ms = aws_signing_now_ms(world) + length_s * 1000;
    struct value key = value_of_map();
    value_set(arena, &key, "secret", value_of_text(secret));
    value_set(arena, &key, "session", value_of_text(session));
    value_set(arena, &key, "arn", value_of_text(arn));
    value_set(arena, &key, "account", value_of_text(account));
    value_set(arena, &key, "expires", value_of_integer(expires_ms));
    struct value *keys = state_map(world, &world->state, "keys");
    keys_prune(world, keys);
    state_set(world, keys, key_id, &key);

    text_add_string(result, "<Credentials>");
    query_element(result, "AccessKeyId", key_id);
    query_element(result, "SecretAccessKey", secret);
    query_element(result, "SessionToken", session);
    query_element(result, "Expiration", time_text(arena, expires_ms));
    text_add_string(result, "</Credentials><AssumedRoleUser>");
    query_element(result, "AssumedRoleId", user_id(request, arn));
    query_element(result, "Arn", arn);
    text_add_string(result, "</AssumedRoleUser>");
    return true;
}

static bool assume_role(struct aws_request *request, struct text *result) {
    const char *arn = NULL;
    if (!query_need(request, "RoleArn", 2048, &arn))
        return false;
    if (iam_role_find(request->world, arn) == NULL)
        return aws_refuse(request, 403, "AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %.200s",
                          request->identity, arn);
    return session_make(request, arn, result);
}

/* Claims of a JSON Web Token, unverified: the simulated providers have no keys. */
static bool token_claims(struct arena *arena, const char *token, struct value *out) {
    const char *first = strchr(token, '.');
    const char *second = first == NULL ? NULL : strchr(first + 1, '.');
    char *json = NULL;
    size_t length = 0;
    struct error err = {0};
    return second != NULL && base64_decode(arena, first + 1, (size_t)(second - first - 1), &json, &length) &&
           json_parse(arena, "web identity token", json, length, out, &err) && value_is(out, VALUE_MAP);
}

static bool assume_role_with_web_identity(struct aws_request *request, struct text *result) {
    const char *arn = NULL, *token = NULL, *account = NULL, *role_name = NULL;
    struct value claims;
    if (!query_need(request, "RoleArn", 2048, &arn) || !query_need(request, "WebIdentityToken", 20000, &token))
        return false;
    if (!token_claims(request->arena, token, &claims) || value_text_at(&claims, "iss") == NULL || value_text_at(&claims, "sub") == NULL)
        return aws_refuse(request, 400, "InvalidIdentityToken",
                          "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)");
    int64_t expires_s = value_integer(value_find(&claims, "exp"), INT64_MAX);
    if (expires_s <= aws_signing_now_ms(request->world) / 1000)
        return aws_refuse(request, 400, "ExpiredTokenException",
                          "Token expired: current date/time must be before the expiration date/time");
    const char *issuer = value_text_at(&claims, "iss");
    const char *host = text_starts(issuer, "https://") ? issuer + strlen("https://") : issuer;
    const struct value *role = iam_role_find(request->world, arn);
    if (!role_arn_split(request->arena, arn, &account, &role_name) || role == NULL || !iam_role_trusts(role, host))
        return aws_refuse(request, 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    const struct value *providers = value_find(state_account(request->world, account), "providers");
    if (value_find(providers, arena_text(request->arena, "arn:%.*s:iam::%s:oidc-provider/%s", (int)strcspn(arn + 4, ":"), arn + 4, account,
                                         host)) == NULL)
        return aws_refuse(request, 400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for %s", issuer);
    if (!session_make(request, arn, result))
        return false;
    query_element(result, "SubjectFromWebIdentityToken", value_text_at(&claims, "sub"));
    query_element(result, "Provider", host);
    return true;
}

void sts_answer(struct aws_request *request) {
    static const struct query_action actions[] = {{"GetCallerIdentity", caller_identity},
                                                  {"AssumeRole", assume_role},
                                                  {"AssumeRoleWithWebIdentity", assume_role_with_web_identity},
                                                  {NULL, NULL}};
    query_answer(request, actions);
}
