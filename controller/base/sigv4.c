/* base/sigv4.c: AWS Signature Version 4. Pure: no clock, no network. The steps are those of "Create a signed AWS API request", IAM User
 * Guide. */
#include "base/sigv4.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define CANONICAL_LIMIT_BYTES ((size_t)256 * 1024)
#define DATE_LENGTH 8 /* "20260102" of "20260102T030405Z" */

struct url_parts {
    const char *host; /* with the port unless it is the scheme's own */
    const char *path; /* as on the wire; never empty */
    const char *query;
};

/* All that both forms of the signature are computed from. */
struct signing {
    const char *method;
    struct url_parts url;
    struct http_header *headers; /* lower-case names, sorted */
    size_t header_count;
    const char *body;
    size_t body_length;
    const char *date;
    const char *scope;
    const char *region;
    const char *service;
};

static bool url_split(struct arena *arena, const char *url, struct url_parts *out, struct error *err) {
    bool secure = text_starts(url, "https://");
    if (!secure && !text_starts(url, "http://"))
        return error_set(err, ERROR_BROKEN, "sign a request: its URL is neither http nor https");

    const char *authority = url + (secure ? 8 : 7);
    size_t authority_length = strcspn(authority, "/?#");
    if (authority_length == 0 || memchr(authority, '@', authority_length) != NULL || strchr(authority, '#') != NULL)
        return error_set(err, ERROR_BROKEN, "sign a request: its URL needs a host and no user or fragment");

    char *host = arena_copy(arena, authority, authority_length);
    const char *own_port = secure ? ":443" : ":80"; /* clients leave it out of the Host header (RFC 9110 §4.2.3) */
    if (text_ends(host, own_port))
        host[authority_length - strlen(own_port)] = '\0';
    for (char *at = host; *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + ('a' - 'A'));

    const char *path = authority + authority_length;
    size_t path_length = strcspn(path, "?");
    out->host = host;
    out->path = path_length == 0 ? "/" : arena_copy(arena, path, path_length);
    out->query = path[path_length] == '?' ? path + path_length + 1 : "";
    return true;
}

/* RFC 3986 §5.2.4 without the empty segments, as AWS's own signers normalise it. */
static char *path_normalised(struct arena *arena, const char *path) {
    char *out = arena_take(arena, strlen(path) + 2);
    size_t length = 0;

    for (const char *segment = path; *segment != '\0';) {
        segment += *segment == '/';
        size_t segment_length = strcspn(segment, "/");
        bool is_dot = segment_length == 1 && segment[0] == '.';
        bool is_up = segment_length == 2 && segment[0] == '.' && segment[1] == '.';
        if (is_up) {
            while (length > 0 && out[--length] != '/')
                ;
        } else if (segment_length > 0 && !is_dot) {
            out[length++] = '/';
            memcpy(out + length, segment, segment_length);
            length += segment_length;
        }
        segment += segment_length;
    }
    if (length == 0 || (text_ends(path, "/")))
        out[length++] = '/';
    out[length] = '\0';
    return out;
}

static void add_path(struct text *text, struct arena *arena, const char *path) {
    char *normal = path_normalised(arena, path);
    for (char *segment = normal; *segment != '\0';) {
        text_add_string(text, "/");
        segment++;
        size_t length = strcspn(segment, "/");
        text_add_string(text, http_encode(arena, arena_copy(arena, segment, length)));
        segment += length;
    }
}

static int digit_of(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

/* Percent-decodes and encodes again, so that all spellings of a parameter have one canonical form. A "%" without two digits stands for
 * itself. */
static const char *parameter_canonical(struct arena *arena, const char *text, size_t length) {
    char *plain = arena_take(arena, length + 1);
    size_t plain_length = 0;

    for (size_t i = 0; i < length; i++) {
        bool escape = text[i] == '%' && i + 2 < length && digit_of(text[i + 1]) >= 0 && digit_of(text[i + 2]) >= 0;
        if (!escape) {
            plain[plain_length++] = text[i];
            continue;
        }
        plain[plain_length++] = (char)(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
        i += 2;
    }
    return http_encode(arena, plain);
}

static int header_order(const void *one, const void *other) {
    const struct http_header *left = one;
    const struct http_header *right = other;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : strcmp(left->value, right->value);
}

static void add_query(struct text *text, struct arena *arena, const char *query) {
    struct http_header *parameters = NULL;
    size_t count = 0;

    for (const char *at = query; *at != '\0';) {
        size_t length = strcspn(at, "&");
        size_t name_length = strcspn(at, "=&");
        if (length > 0) {
            parameters = arena_grow(arena, parameters, count, sizeof *parameters);
            parameters[count].name = parameter_canonical(arena, at, name_length);
            parameters[count].value =
                name_length < length ? parameter_canonical(arena, at + name_length + 1, length - name_length - 1) : "";
            count++;
        }
        at += length + (at[length] == '&');
    }
    if (count > 1)
        qsort(parameters, count, sizeof *parameters, header_order);
    for (size_t i = 0; i < count; i++)
        text_add(text, "%s%s=%s", i == 0 ? "" : "&", parameters[i].name, parameters[i].value);
}

/* Outer blanks go, inner runs become one space. */
static char *header_value(struct arena *arena, const char *value) {
    char *out = arena_take(arena, strlen(value) + 1);
    size_t length = 0;

    for (const char *at = value; *at != '\0'; at++) {
        bool blank = *at == ' ' || *at == '\t';
        if (!blank)
            out[length++] = *at;
        else if (length > 0 && out[length - 1] != ' ')
            out[length++] = ' ';
    }
    if (length > 0 && out[length - 1] == ' ')
        length--;
    out[length] = '\0';
    return out;
}

static bool header_put(struct arena *arena, struct signing *signing, const char *name, const char *value, struct error *err) {
    if (strpbrk(value, "\r\n") != NULL)
        return error_set(err, ERROR_BROKEN, "sign a request: the header %s has a line break", name);
    char *lower = arena_copy(arena, name, strlen(name));
    for (char *at = lower; *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + ('a' - 'A'));
    signing->headers = arena_grow(arena, signing->headers, signing->header_count, sizeof *signing->headers);
    signing->headers[signing->header_count++] = (struct http_header){.name = lower, .value = header_value(arena, value)};
    return true;
}

static bool signing_begin(struct arena *arena, const struct sigv4_credentials *credentials, const struct sigv4_request *request,
                          struct signing *out, struct error *err) {
    if (text_is_empty(credentials->access_key_id) || credentials->secret_access_key.reveal == NULL)
        return error_set(err, ERROR_DENIED, "sign a request: the credentials are empty");
    if (text_is_empty(request->region) || text_is_empty(request->service))
        return error_set(err, ERROR_INVALID, "sign a request: no region is known; set the resource's region, or AWS_REGION");

    *out = (struct signing){.method = request->method,
                            .body = request->body == NULL ? "" : request->body,
                            .body_length = request->body_length,
                            .region = request->region,
                            .service = request->service};
    if (!url_split(arena, request->url, &out->url, err))
        return false;
    out->date = time_compact(arena, request->wall_ms);
    out->scope = arena_text(arena, "%.*s/%s/%s/aws4_request", DATE_LENGTH, out->date, request->region, request->service);
    if (!header_put(arena, out, "host", out->url.host, err))
        return false;
    for (size_t i = 0; i < request->header_count; i++)
        if (!header_put(arena, out, request->headers[i].name, request->headers[i].value, err))
            return false;
    return true;
}

static void signing_sort(struct signing *signing) {
    qsort(signing->headers, signing->header_count, sizeof *signing->headers, header_order);
}

static void add_signed_names(struct text *text, const struct signing *signing, const char *between) {
    for (size_t i = 0; i < signing->header_count; i++) {
        if (i > 0 && strcmp(signing->headers[i - 1].name, signing->headers[i].name) == 0)
            continue;
        text_add(text, "%s%s", i == 0 ? "" : between, signing->headers[i].name);
    }
}

/* A header that comes more than once is one line with its values joined. */
static void add_headers(struct text *text, const struct signing *signing) {
    for (size_t i = 0; i < signing->header_count; i++) {
        bool again = i > 0 && strcmp(signing->headers[i - 1].name, signing->headers[i].name) == 0;
        if (again)
            text_add(text, ",%s", signing->headers[i].value);
        else
            text_add(text, "%s%s:%s", i == 0 ? "" : "\n", signing->headers[i].name, signing->headers[i].value);
    }
    text_add_string(text, "\n");
}

static bool canonical_request(struct arena *arena, const struct signing *signing, const char **out, struct error *err) {
    TEXT_AUTO text;
    text_init(&text, CANONICAL_LIMIT_BYTES);
    text_add(&text, "%s\n", signing->method);
    add_path(&text, arena, signing->url.path);
    text_add_string(&text, "\n");
    add_query(&text, arena, signing->url.query);
    text_add_string(&text, "\n");
    add_headers(&text, signing);
    text_add_string(&text, "\n");
    add_signed_names(&text, signing, ";");
    struct digest digest = hash_sha256(signing->body, signing->body_length);
    text_add(&text, "\n%s", hash_hex(arena, &digest));
    if (text.full)
        return error_set(err, ERROR_BROKEN, "sign a request: its URL and headers are over %zu bytes", CANONICAL_LIMIT_BYTES);
    *out = text_copy(&text, arena);
    secret_wipe(text.data, text.length);
    return true;
}

static struct digest signing_key(const struct secret *secret_access_key, const struct signing *signing) {
    struct secret first = {0};
    size_t length = secret_access_key->length;
    char *bytes = malloc(length + 4);
    if (bytes == NULL)
        abort();
    memcpy(bytes, "AWS4", 4);
    memcpy(bytes + 4, secret_access_key->reveal, length);
    secret_set(&first, bytes, length + 4);
    secret_wipe(bytes, length + 4);
    free(bytes);

    struct digest key = hash_hmac_sha256(first.reveal, first.length, signing->date, DATE_LENGTH);
    secret_done(&first);
    key = hash_hmac_sha256(key.bytes, sizeof key.bytes, signing->region, strlen(signing->region));
    key = hash_hmac_sha256(key.bytes, sizeof key.bytes, signing->service, strlen(signing->service));
    return hash_hmac_sha256(key.bytes, sizeof key.bytes, "aws4_request", strlen("aws4_request"));
}

static bool signing_end(struct arena *arena, const struct sigv4_credentials *credentials, struct signing *signing,
                        struct sigv4_signature *out, struct error *err) {
    const char *canonical = NULL;
    signing_sort(signing);
    if (!canonical_request(arena, signing, &canonical, err))
        return false;

    struct digest digest = hash_sha256(canonical, strlen(canonical));
    const char *to_sign = arena_text(arena, ALGORITHM "\n%s\n%s\n%s", signing->date, signing->scope, hash_hex(arena, &digest));
    struct digest key = signing_key(&credentials->secret_access_key, signing);
    struct digest signature = hash_hmac_sha256(key.bytes, sizeof key.bytes, to_sign, strlen(to_sign));
    secret_wipe(&key, sizeof key);

    TEXT_AUTO names;
    text_init(&names, CANONICAL_LIMIT_BYTES);
    add_signed_names(&names, signing, ";");
    out->canonical_request = canonical;
    out->string_to_sign = to_sign;
    out->signature = hash_hex(arena, &signature);
    out->date = signing->date;
    out->authorization = arena_text(arena, ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s", credentials->access_key_id,
                                    signing->scope, names.data, out->signature);
    return true;
}

bool sigv4_sign(struct arena *arena, const struct sigv4_credentials *credentials, const struct sigv4_request *request,
                struct sigv4_signature *out, struct error *err) {
    struct signing signing;
    if (!signing_begin(arena, credentials, request, &signing, err) || !header_put(arena, &signing, "x-amz-date", signing.date, err))
        return false;
    if (credentials->session_token.length > 0 &&
        !header_put(arena, &signing, "x-amz-security-token", credentials->session_token.reveal, err))
        return false;
    return signing_end(arena, credentials, &signing, out, err);
}

bool sigv4_presign(struct arena *arena, const struct sigv4_credentials *credentials, const struct sigv4_request *request,
                   int expires_seconds, const char **out_url, struct sigv4_signature *out, struct error *err) {
    struct signing signing;
    if (!signing_begin(arena, credentials, request, &signing, err))
        return false;
    signing_sort(&signing);

    TEXT_AUTO query;
    text_init(&query, CANONICAL_LIMIT_BYTES);
    text_add(&query, "%s%s", signing.url.query, signing.url.query[0] == '\0' ? "" : "&");
    text_add(&query, "X-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential=%s%%2F%s", http_encode(arena, credentials->access_key_id),
             http_encode(arena, signing.scope));
    text_add(&query, "&X-Amz-Date=%s&X-Amz-Expires=%d&X-Amz-SignedHeaders=", signing.date, expires_seconds);
    add_signed_names(&query, &signing, "%3B");
    if (credentials->session_token.length > 0)
        text_add(&query, "&X-Amz-Security-Token=%s", http_encode(arena, credentials->session_token.reveal));
    if (query.full)
        return error_set(err, ERROR_BROKEN, "sign a URL: its query is over %zu bytes", CANONICAL_LIMIT_BYTES);
    signing.url.query = text_copy(&query, arena);
    secret_wipe(query.data, query.length);

    struct sigv4_signature signature;
    if (!signing_end(arena, credentials, &signing, &signature, err))
        return false;
    int base_length = (int)strcspn(request->url, "?");
    *out_url = arena_text(arena, "%.*s?%s&X-Amz-Signature=%s", base_length, request->url, signing.url.query, signature.signature);
    if (out != NULL)
        *out = signature;
    return true;
}

/* What `aws eks get-token` makes: valid for 15 minutes from its date whatever X-Amz-Expires says (aws-iam-authenticator, pkg/token). */
bool sigv4_eks_token(struct arena *arena, const struct sigv4_credentials *credentials, const char *sts_host, const char *region,
                     const char *cluster_name, int64_t wall_ms, struct secret *out, struct error *err) {
    struct http_header header = {.name = "x-k8s-aws-id", .value = cluster_name};
    struct sigv4_request request = {
        .method = "GET",
        .url = arena_text(arena, "https://%s/?Action=GetCallerIdentity&Version=2011-06-15", sts_host),
        .headers = &header,
        .header_count = 1,
        .region = region,
        .service = "sts",
        .wall_ms = wall_ms,
    };
    const char *url = NULL;
    if (!sigv4_presign(arena, credentials, &request, 60, &url, NULL, err))
        return false;
    const char *token = arena_text(arena, "k8s-aws-v1.%s", base64url_encode(arena, url, strlen(url)));
    secret_set(out, token, strlen(token));
    return true;
}
