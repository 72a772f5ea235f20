/* world/aws_json.c: requests of AWS's REST with JSON (EKS). */
#include "world/aws_parts.h"

#include <string.h>

#include "base/json.h"

#define BODY_LIMIT_BYTES ((size_t)1024 * 1024)
#define PAGE_SIZE "100" /* the most that EKS gives (API reference, maxResults) */

static bool text_of(struct arena *arena, const struct value *value, const char **out) {
    if (value == NULL || value->type == VALUE_NULL || value->type == VALUE_LIST || value->type == VALUE_MAP)
        return false;
    *out = value->type == VALUE_TEXT ? value->text.bytes : json_text(arena, value);
    return true;
}

/* An empty label would be another route: DELETE /clusters/ is not DELETE /clusters/x. */
static bool path_fill(struct arena *arena, const struct operation *operation, const struct value *input, struct text *target,
                      struct error *err) {
    for (const char *at = operation->path; *at != '\0';) {
        size_t literal = strcspn(at, "{");
        text_add_bytes(target, at, literal);
        at += literal;
        if (*at == '\0')
            break;
        size_t length = strcspn(at + 1, "}");
        const char *label = arena_copy(arena, at + 1, length);
        const char *text = NULL;
        if (!text_of(arena, value_find(input, label), &text) || text[0] == '\0')
            return error_set(err, ERROR_BROKEN, "%s: its input lacks \"%s\"", operation->name, label);
        text_add_string(target, http_encode(arena, text));
        at += length + 2;
    }
    return true;
}

/* Is `member` one of the names in a list like "tagKeys,preserve", or a label like "{name}" of a path? */
static bool is_query_member(const struct operation *operation, const char *member) {
    size_t length = strlen(member);
    for (const char *at = operation->query; at != NULL && *at != '\0';) {
        size_t name_length = strcspn(at, ",");
        if (name_length == length && strncmp(at, member, length) == 0)
            return true;
        at += name_length + (at[name_length] == ',');
    }
    return false;
}

static bool is_label(const struct operation *operation, const char *member) {
    size_t length = strlen(member);
    for (const char *at = strchr(operation->path, '{'); at != NULL; at = strchr(at + 1, '{'))
        if (strncmp(at + 1, member, length) == 0 && at[1 + length] == '}')
            return true;
    return false;
}

static bool query_add(struct arena *arena, const struct operation *operation, const char *member, const struct value *value,
                      struct text *query, struct error *err) {
    if (value->type == VALUE_LIST) {
        for (size_t i = 0; i < value->list.count; i++)
            if (!query_add(arena, operation, member, &value->list.items[i], query, err))
                return false;
        return true;
    }
    const char *text = NULL;
    if (!text_of(arena, value, &text))
        return error_set(err, ERROR_BROKEN, "%s: \"%s\" cannot stand in a query", operation->name, member);
    text_add(query, "%s%s=", query->length == 0 ? "" : "&", http_encode(arena, member));
    text_add_string(query, http_encode(arena, text));
    return true;
}

/* Members that the rows call documents are maps here and text on the wire. */
static bool is_document(const struct operation *operation, const char *member) {
    for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++) {
        for (const struct field *field = (*kind)->fields; field != NULL && field->path != NULL; field++) {
            bool carries = (*kind)->create == operation || field->update == operation;
            if (carries && field->type == TYPE_DOCUMENT && strcmp(field->path, member) == 0)
                return true;
        }
    }
    return false;
}

static void body_add(struct arena *arena, const struct operation *operation, const struct member *member, struct value *body) {
    struct value value = member->value;
    if (value.type == VALUE_MAP && is_document(operation, member->key))
        value = value_of_text(json_text(arena, &value));
    value_set(arena, body, member->key, value);
}

static void page_add(struct arena *arena, const char *page, bool has_body, const struct value *input, struct text *query,
                     struct value *body) {
    bool has_size = value_find(input, "maxResults") != NULL;
    if (has_body) {
        if (page != NULL)
            value_set(arena, body, "nextToken", value_of_text(page));
        if (!has_size)
            value_set(arena, body, "maxResults", value_of_integer(100));
        return;
    }
    if (!has_size)
        text_add(query, "%smaxResults=" PAGE_SIZE, query->length == 0 ? "" : "&");
    if (page != NULL)
        text_add(query, "&nextToken=%s", http_encode(arena, page));
}

bool aws_rest_build(struct arena *arena, const struct operation *operation, const struct value *input, const char *token, const char *page,
                    struct aws_wire *out, struct error *err) {
    bool has_body = strcmp(operation->method, "GET") != 0 && strcmp(operation->method, "DELETE") != 0;
    struct value body = value_of_map();
    TEXT_AUTO target;
    TEXT_AUTO query;
    text_init(&target, BODY_LIMIT_BYTES);
    text_init(&query, BODY_LIMIT_BYTES);

    if (!path_fill(arena, operation, input, &target, err))
        return false;
    for (size_t i = 0; value_is(input, VALUE_MAP) && i < input->map.count; i++) {
        const struct member *member = &input->map.members[i];
        if (member->value.type == VALUE_NULL || is_label(operation, member->key))
            continue;
        bool in_query = is_query_member(operation, member->key) || (!has_body && strcmp(member->key, "maxResults") == 0);
        if (in_query && !query_add(arena, operation, member->key, &member->value, &query, err))
            return false;
        if (!in_query && !has_body)
            return error_set(err, ERROR_BROKEN, "%s: \"%s\" has no place in its request", operation->name, member->key);
        if (!in_query)
            body_add(arena, operation, member, &body);
    }
    if (token != NULL && operation->token != NULL)
        value_set(arena, &body, operation->token, value_of_text(token));
    if (operation->list != NULL)
        page_add(arena, page, has_body, input, &query, &body);
    if (query.length > 0)
        text_add(&target, "?%s", query.data);
    const char *json = has_body ? json_text(arena, &body) : NULL;
    if (target.full || query.full || (json != NULL && strlen(json) > BODY_LIMIT_BYTES))
        return error_set(err, ERROR_INVALID, "%s: its input is larger than %zu bytes", operation->name, BODY_LIMIT_BYTES);
    *out = (struct aws_wire){.method = operation->method,
                             .target = text_copy(&target, arena),
                             .content_type = has_body ? "application/json" : NULL,
                             .body = json,
                             .body_length = json == NULL ? 0 : strlen(json)};
    return true;
}
