#include "sandbox/world.h"

#include "base/json.h"
#include "base/text.h"

void world_header_add(struct http_exchange *exchange, const char *lower_case_name, const char *value) {
    exchange->answer_headers =
        arena_grow(exchange->arena, exchange->answer_headers, exchange->answer_header_count, sizeof *exchange->answer_headers);
    exchange->answer_headers[exchange->answer_header_count++] = (struct http_header){
        .name = arena_text(exchange->arena, "%s", lower_case_name),
        .value = arena_text(exchange->arena, "%s", value),
    };
}

static void answer_set(struct http_exchange *exchange, int status, const char *content_type, char *body, size_t length) {
    exchange->status = status;
    exchange->answer = body;
    exchange->answer_length = length;
    world_header_add(exchange, "content-type", content_type);
}

void world_respond(struct http_exchange *exchange, int status, const char *content_type, const char *body, size_t length) {
    answer_set(exchange, status, content_type, arena_copy(exchange->arena, body == NULL ? "" : body, length), length);
}

void world_respond_json(struct http_exchange *exchange, int status, const struct value *value) {
    char *body = json_text(exchange->arena, value);
    answer_set(exchange, status, "application/json", body, strlen(body));
}

const char *world_header(const struct http_exchange *exchange, const char *lower_case_name) {
    for (size_t i = 0; i < exchange->header_count; i++)
        if (strcasecmp(exchange->headers[i].name, lower_case_name) == 0)
            return exchange->headers[i].value;
    return NULL;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *decode(struct arena *arena, const char *encoded, size_t length, bool plus_is_space) {
    char *out = arena_take(arena, length + 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        if (encoded[i] == '%' && i + 2 < length && hex_digit(encoded[i + 1]) >= 0 && hex_digit(encoded[i + 2]) >= 0) {
            out[used++] = (char)(hex_digit(encoded[i + 1]) * 16 + hex_digit(encoded[i + 2]));
            i += 2;
        } else {
            out[used++] = plus_is_space && encoded[i] == '+' ? ' ' : encoded[i];
        }
    }
    out[used] = '\0';
    return out;
}

char *world_decode(struct arena *arena, const char *encoded) {
    return decode(arena, encoded, strlen(encoded), false);
}

const char *world_query_next(struct arena *arena, const char **cursor, const char **out_name) {
    while (**cursor == '&')
        (*cursor)++;
    if (**cursor == '\0')
        return NULL;
    const char *start = *cursor;
    const char *end = start + strcspn(start, "&");
    const char *equals = memchr(start, '=', (size_t)(end - start));
    const char *name_end = equals == NULL ? end : equals;
    *cursor = end;
    *out_name = decode(arena, start, (size_t)(name_end - start), true);
    return equals == NULL ? "" : decode(arena, equals + 1, (size_t)(end - equals - 1), true);
}

const char *world_query(struct arena *arena, const char *query, const char *name) {
    const char *cursor = query == NULL ? "" : query;
    const char *found_name = NULL;
    for (const char *value; (value = world_query_next(arena, &cursor, &found_name)) != NULL;)
        if (text_equal(found_name, name))
            return value;
    return NULL;
}

bool world_request_read(struct arena *arena, const struct http_exchange *exchange, struct world_request *out) {
    const char *host = strstr(exchange->url, "://");
    if (host == NULL)
        return false;
    host += 3;
    const char *path = host + strcspn(host, "/?");
    const char *query = strchr(path, '?');
    size_t path_length = query == NULL ? strlen(path) : (size_t)(query - path);
    const char *named = world_header(exchange, "host"); /* a server's exchange: the name by which the client came, and signed */
    *out = (struct world_request){
        .method = exchange->method == NULL ? "GET" : exchange->method,
        .host = named != NULL ? arena_text(arena, "%s", named) : arena_copy(arena, host, (size_t)(path - host)),
        .path = path_length == 0 ? "/" : arena_copy(arena, path, path_length),
        .query = query == NULL ? "" : query + 1,
        .exchange = exchange,
    };
    return true;
}
