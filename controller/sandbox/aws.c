#include "sandbox/aws.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/world.h"

enum { FORM_MEMBERS_MOST = 4000 };

const char *region_partition(const char *region) {
    static const struct {
        const char *prefix, *partition;
    } rows[] = {{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"}, {"eusc-", "aws-eusc"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (text_starts(region, rows[i].prefix))
            return rows[i].partition;
    return "aws";
}

const char *region_suffix(const char *region) {
    if (text_starts(region, "cn-"))
        return "amazonaws.com.cn";
    return text_starts(region, "eusc-") ? "amazonaws.eu" : "amazonaws.com";
}

struct value *state_map(struct world *world, struct value *parent, const char *name) {
    struct value *found = value_find_mutable(parent, name);
    if (value_is(found, VALUE_MAP))
        return found;
    return value_set(world->arena, parent, arena_text(world->arena, "%s", name), value_of_map());
}

struct value *state_set(struct world *world, struct value *map, const char *name, const struct value *value) {
    const char *key = value_find(map, name) == NULL ? arena_text(world->arena, "%s", name) : value_find_member(map, name)->key;
    return value_set(world->arena, map, key, value_copy(world->arena, value));
}

struct value *state_set_text(struct world *world, struct value *map, const char *name, const char *text) {
    struct value value = value_of_text(text);
    return state_set(world, map, name, &value);
}

struct value *state_account(struct world *world, const char *account) {
    return state_map(world, state_map(world, state_map(world, &world->state, "aws"), "accounts"), account);
}

char *id_hex(struct world *world, struct arena *arena, const char *purpose, unsigned digits) {
    const char *seed = arena_text(arena, "%s/%s/%llu", purpose, world->options->account_id, (unsigned long long)++world->counter);
    struct digest digest = hash_sha256(seed, strlen(seed));
    char *hex = hash_hex(arena, &digest);
    hex[digits < 64 ? digits : 64] = '\0';
    return hex;
}

char *id_uuid(struct world *world, struct arena *arena) {
    const char *hex = id_hex(world, arena, "uuid", 32);
    return arena_text(arena, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
}

char *id_upper(struct world *world, struct arena *arena, const char *prefix, unsigned characters) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const char *seed = arena_text(arena, "%s/%llu", prefix, (unsigned long long)++world->counter);
    struct digest digest = hash_sha256(seed, strlen(seed));
    char out[33];
    unsigned count = characters < 32 ? characters : 32;
    for (unsigned i = 0; i < count; i++)
        out[i] = alphabet[digest.bytes[i] & 31];
    out[count] = '\0';
    return arena_text(arena, "%s%s", prefix, out);
}

void xml_add(struct text *text, const char *string) {
    for (const char *c = string; c != NULL && *c != '\0'; c++) {
        switch (*c) {
        case '&':
            text_add_string(text, "&amp;");
            break;
        case '<':
            text_add_string(text, "&lt;");
            break;
        case '>':
            text_add_string(text, "&gt;");
            break;
        case '"':
            text_add_string(text, "&quot;");
            break;
        default:
            text_add_bytes(text, c, 1);
        }
    }
}

static char *request_id(struct aws_request *request) {
    const char *seed =
        arena_text(request->arena, "%lld %s %s", (long long)request->world->now_ms, request->http->method, request->http->path);
    struct digest digest = hash_sha256(seed, strlen(seed));
    const char *hex = hash_hex(request->arena, &digest);
    return arena_text(request->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void refuse_json(struct aws_request *request, int status, const char *code, const char *message) {
    struct value body = value_of_map();
    value_set(request->arena, &body, "message", value_of_text(message));
    if (request->cluster != NULL)
        value_set(request->arena, &body, "clusterName", value_of_text(request->cluster));
    if (request->nodegroup != NULL)
        value_set(request->arena, &body, "nodegroupName", value_of_text(request->nodegroup));
    world_header_add(request->exchange, "x-amzn-errortype", code);
    world_respond_json(request->exchange, status, &body);
}

static void refuse_xml(struct aws_request *request, int status, const char *code, const char *message) {
    TEXT_AUTO text;
    text_init(&text, 64 << 10);
    text_add(&text, "<ErrorResponse xmlns=\"https://%s.amazonaws.com/doc/%s/\"><Error><Type>%s</Type><Code>%s</Code><Message>",
             request->service == SERVICE_IAM ? "iam" : "sts", request->service == SERVICE_IAM ? "2010-05-08" : "2011-06-15",
             status >= 500 ? "Receiver" : "Sender", code);
    xml_add(&text, message);
    text_add(&text, "</Message></Error><RequestId>%s</RequestId></ErrorResponse>\n", request_id(request));
    world_respond(request->exchange, status, "text/xml", text.data, text.length);
}

bool aws_refuse(struct aws_request *request, int status, const char *code, const char *format, ...) {
    va_list values;
    va_start(values, format);
    const char *message = arena_textv(request->arena, format, values);
    va_end(values);
    if (request->service == SERVICE_EKS)
        refuse_json(request, status, code, message);
    else
        refuse_xml(request, status, code, message);
    return false;
}

const char **names_of(struct aws_request *request, const struct value *map, size_t *out_count) {
    size_t count = value_is(map, VALUE_MAP) ? map->map.count : 0;
    const char **names = ARENA_ARRAY(request->arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        names[i] = map->map.members[i].key;
    *out_count = count;
    return names;
}

bool page_of(struct aws_request *request, const char *const *names, size_t count, const char *limit_text, size_t limit_default,
             size_t limit_most, const char *token, struct page *out) {
    bool json = request->service == SERVICE_EKS;
    const char *code = json ? "InvalidParameterException" : "ValidationError";
    int64_t limit = (int64_t)limit_default;
    if (!text_is_empty(limit_text) && !text_to_integer(limit_text, 1, (int64_t)limit_most, &limit))
        return aws_refuse(request, 400, code, "maxResults must be between 1 and %zu", limit_most);
    size_t first = 0;
    if (!text_is_empty(token)) {
        char *name = NULL;
        size_t length = 0;
        if (!base64_decode(request->arena, token, strlen(token), &name, &length) || length < 2 || name[0] != '>')
            return aws_refuse(request, 400, code, "%s", json ? "Invalid nextToken" : "Invalid Marker.");
        while (first < count && strcmp(names[first], name + 1) <= 0)
            first++;
    }
    size_t left = count - first;
    *out = (struct page){.first = first, .count = left < (size_t)limit ? left : (size_t)limit};
    if (out->count > 0 && out->count < left) {
        const char *last = arena_text(request->arena, ">%s", names[first + out->count - 1]);
        out->next = base64url_encode(request->arena, last, strlen(last));
    }
    return true;
}

/* The n-th part (from 0) of "KEY/20260101/eu-west-1/eks/aws4_request". */
static const char *scope_part(struct arena *arena, const char *scope, unsigned n) {
    for (; n > 0 && scope != NULL; n--) {
        scope = strchr(scope, '/');
        scope = scope == NULL ? NULL : scope + 1;
    }
    return scope == NULL ? NULL : arena_copy(arena, scope, strcspn(scope, "/, "));
}

static const char *request_scope(struct aws_request *request) {
    const char *authorization = world_header(request->exchange, "authorization");
    const char *credential = authorization == NULL ? NULL : strstr(authorization, "Credential=");
    if (credential != NULL)
        return credential + strlen("Credential=");
    return world_query(request->arena, request->http->query, "X-Amz-Credential");
}

/* "eks.eu-west-1.amazonaws.com" → "eu-west-1". */
static const char *host_region(struct arena *arena, const char *host) {
    const char *start = text_starts(host, "fips.") ? host + strlen("fips.") : host;
    const char *dot = strchr(start, '.');
    if (dot == NULL)
        return NULL;
    const char *end = strchr(dot + 1, '.');
    if (end == NULL || strchr(dot + 1, '-') == NULL || strchr(dot + 1, '-') > end)
        return NULL;
    return arena_copy(arena, dot + 1, (size_t)(end - dot - 1));
}

static enum service service_named(const char *name) {
    if (text_equal(name, "eks"))
        return SERVICE_EKS;
    if (text_equal(name, "iam"))
        return SERVICE_IAM;
    return text_equal(name, "sts") ? SERVICE_STS : SERVICE_NONE;
}

static enum service service_of_host(const char *host) {
    if (text_starts(host, "eks.") || text_starts(host, "eks-fips.") || text_starts(host, "fips.eks."))
        return SERVICE_EKS;
    if (text_starts(host, "iam."))
        return SERVICE_IAM;
    return text_starts(host, "sts.") || text_starts(host, "sts-fips.") ? SERVICE_STS : SERVICE_NONE;
}

/* An unsigned or presigned call is told by its Action: only STS has such. */
static enum service service_of_action(const struct aws_request *request) {
    static const char *const actions[] = {"GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity", NULL};
    return text_in(value_text_at(&request->input, "Action"), actions) ? SERVICE_STS : SERVICE_NONE;
}

static bool form_read(struct aws_request *request) {
    request->input = value_of_map();
    const struct http_exchange *exchange = request->exchange;
    const char *forms[2] = {request->http->query, NULL};
    const char *type = world_header(exchange, "content-type");
    if (exchange->body != NULL && exchange->body_length > 0 && (type == NULL || text_starts(type, "application/x-www-form-urlencoded")))
        forms[1] = arena_copy(request->arena, exchange->body, exchange->body_length);
    for (size_t i = 0; i < 2; i++) {
        const char *cursor = forms[i] == NULL ? "" : forms[i];
        const char *name = NULL;
        for (const char *value; (value = world_query_next(request->arena, &cursor, &name)) != NULL;) {
            if (request->input.map.count >= FORM_MEMBERS_MOST)
                return false;
            value_put(request->arena, &request->input, name, value_of_text(value));
        }
    }
    return value_sort(&request->input) == NULL;
}

static void request_place(struct aws_request *request) {
    const char *scope = request_scope(request);
    const char *host = request->http->host;
    request->service = service_named(scope == NULL ? NULL : scope_part(request->arena, scope, 3));
    if (request->service == SERVICE_NONE)
        request->service = service_of_host(host);
    if (request->service == SERVICE_NONE)
        request->service = service_of_action(request);
    request->region = scope == NULL ? NULL : scope_part(request->arena, scope, 2);
    if (text_is_empty(request->region))
        request->region = host_region(request->arena, host);
    if (text_is_empty(request->region))
        request->region = "us-east-1";
    request->partition = region_partition(request->region);
    request->account = request->world->options->account_id;
}

static struct aws_request request_begin(struct world *world, const struct world_request *http, struct http_exchange *exchange,
                                        bool *out_formed) {
    struct aws_request request = {.world = world, .arena = exchange->arena, .exchange = exchange, .http = http};
    *out_formed = form_read(&request);
    request_place(&request);
    return request;
}

/* IMF-fixdate (RFC 9110 §5.6.7). */
static void date_add(struct aws_request *request) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct clock *real = request->world->options->real_clock;
    time_t seconds = (time_t)((real == NULL ? request->world->now_ms : clock_wall_ms(real)) / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL)
        return;
    const char *text = arena_text(request->arena, "%s, %02d %s %d %02d:%02d:%02d GMT", days[parts.tm_wday], parts.tm_mday,
                                  months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    world_header_add(request->exchange, "date", text);
}

void aws_answer(struct world *world, const struct world_request *http, struct http_exchange *exchange) {
    bool formed = false;
    struct aws_request request = request_begin(world, http, exchange, &formed);
    date_add(&request);
    world_header_add(exchange, "x-amzn-requestid", request_id(&request));
    if (request.service == SERVICE_NONE) {
        aws_refuse(&request, 404, "UnknownEndpoint", "the simulated AWS has EKS, IAM and STS, and nothing at %s%s", http->host, http->path);
        return;
    }
    if (!formed && request.service != SERVICE_EKS) { /* REST repeats names in the query: tagKeys */
        aws_refuse(&request, 400, "MalformedInput", "the request has a member twice, or more than %d members", FORM_MEMBERS_MOST);
        return;
    }
    if (!signature_check(&request))
        return;
    if (request.service == SERVICE_EKS)
        eks_answer(&request);
    else if (request.service == SERVICE_IAM)
        iam_answer(&request);
    else
        sts_answer(&request);
}

int64_t aws_step(struct world *world) {
    return eks_step(world);
}

void aws_fail(struct world *world, const struct world_request *http, struct http_exchange *exchange, int status) {
    bool formed = false;
    struct aws_request request = request_begin(world, http, exchange, &formed);
    bool json = request.service == SERVICE_EKS;
    date_add(&request);
    world_header_add(exchange, "x-amzn-requestid", request_id(&request));
    if (status == 429)
        aws_refuse(&request, json ? 429 : 400, json ? "ThrottlingException" : "Throttling", "Rate exceeded");
    else if (status == 503)
        aws_refuse(&request, 503, json ? "ServiceUnavailableException" : "ServiceUnavailable",
                   "The service is unavailable. Please retry your request.");
    else
        aws_refuse(&request, 500, json ? "ServerException" : "InternalFailure", "An internal server error occurred.");
}
