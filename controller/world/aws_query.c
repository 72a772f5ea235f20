/* world/aws_query.c: requests of the AWS Query protocol (IAM, STS): a form whose members are named by their path. */
#include "world/aws_parts.h"

#include <string.h>

#include "base/json.h"

#define BODY_LIMIT_BYTES ((size_t)1024 * 1024)

struct form {
    struct text text;
    struct arena *arena;
};

static void form_add(struct form *form, const char *name, const char *text) {
    text_add(&form->text, "%s%s=", form->text.length == 0 ? "" : "&", name);
    text_add_string(&form->text, http_encode(form->arena, text));
}

static const char *name_below(struct arena *arena, const char *prefix, const char *member) {
    char *capital = arena_text(arena, "%s", member);
    if (capital[0] >= 'a' && capital[0] <= 'z')
        capital[0] = (char)(capital[0] - ('a' - 'A'));
    return prefix == NULL ? capital : arena_text(arena, "%s.%s", prefix, capital);
}

static bool is_tags(const char *member) {
    return strcmp(member, "tags") == 0;
}

static void form_add_tags(struct form *form, const char *name, const struct value *tags) {
    for (size_t i = 0; i < tags->map.count; i++) {
        const char *text = value_text(&tags->map.members[i].value);
        form_add(form, arena_text(form->arena, "%s.member.%zu.Key", name, i + 1), tags->map.members[i].key);
        form_add(form, arena_text(form->arena, "%s.member.%zu.Value", name, i + 1), text == NULL ? "" : text);
    }
}

static void form_add_value(struct form *form, const char *name, const char *member, const struct value *value);

static void form_add_list(struct form *form, const char *name, const struct value *list) {
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *item = &list->list.items[i];
        const char *prefix = arena_text(form->arena, "%s.member.%zu", name, i + 1);
        if (item->type != VALUE_MAP) {
            form_add_value(form, prefix, "", item);
            continue;
        }
        for (size_t k = 0; k < item->map.count; k++)
            form_add_value(form, name_below(form->arena, prefix, item->map.members[k].key), item->map.members[k].key,
                           &item->map.members[k].value);
    }
}

static void form_add_value(struct form *form, const char *name, const char *member, const struct value *value) {
    switch (value->type) {
    case VALUE_NULL:
        return;
    case VALUE_TEXT:
        form_add(form, name, value->text.bytes);
        return;
    case VALUE_LIST:
        form_add_list(form, name, value);
        return;
    case VALUE_MAP:
        if (is_tags(member))
            form_add_tags(form, name, value);
        else
            form_add(form, name, json_text(form->arena, value));
        return;
    default:
        form_add(form, name, json_text(form->arena, value)); /* true, 3600 */
        return;
    }
}

bool aws_query_build(struct arena *arena, const struct operation *operation, const char *api_version, const struct value *input,
                     const char *token, const char *page, struct aws_wire *out, struct error *err) {
    struct form form = {.arena = arena};
    text_init(&form.text, BODY_LIMIT_BYTES);
    form_add(&form, "Action", operation->name);
    form_add(&form, "Version", api_version);
    for (size_t i = 0; value_is(input, VALUE_MAP) && i < input->map.count; i++) {
        const struct member *member = &input->map.members[i];
        form_add_value(&form, name_below(arena, NULL, member->key), member->key, &member->value);
    }
    if (token != NULL && operation->token != NULL)
        form_add(&form, name_below(arena, NULL, operation->token), token);
    if (page != NULL)
        form_add(&form, "Marker", page);
    bool full = form.text.full;
    *out = (struct aws_wire){.method = "POST",
                             .target = "/",
                             .content_type = "application/x-www-form-urlencoded; charset=utf-8",
                             .body = text_copy(&form.text, arena),
                             .body_length = form.text.length};
    text_done(&form.text);
    return !full || error_set(err, ERROR_INVALID, "%s: its input is larger than %zu bytes", operation->name, BODY_LIMIT_BYTES);
}
