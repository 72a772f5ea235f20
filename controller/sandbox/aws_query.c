#include "sandbox/query.h"

#include "sandbox/world.h"

enum { RESULT_BYTES_MOST = 8 << 20 };

const char *query_form(const struct aws_request *request, const char *name) {
    return value_text(value_find(&request->input, name));
}

const char *query_item(const struct aws_request *request, const char *list, unsigned n, const char *member) {
    const char *dot = *member == '\0' ? "" : ".";
    return query_form(request, arena_text(request->arena, "%s.member.%u%s%s", list, n, dot, member));
}

bool query_need(struct aws_request *request, const char *name, size_t most, const char **out) {
    const char *value = query_form(request, name);
    if (text_is_empty(value))
        return aws_refuse(request, 400, "ValidationError",
                          "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", name);
    if (most != 0 && strlen(value) > most)
        return aws_refuse(
            request, 400, "ValidationError",
            "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %zu",
            name, most);
    *out = value;
    return true;
}

void query_element(struct text *text, const char *name, const char *value) {
    if (value == NULL)
        return;
    text_add(text, "<%s>", name);
    xml_add(text, value);
    text_add(text, "</%s>", name);
}

static void result_wrap(struct aws_request *request, const char *action, const struct text *result) {
    bool iam = request->service == SERVICE_IAM;
    TEXT_AUTO text;
    text_init(&text, RESULT_BYTES_MOST + 4096);
    text_add(&text, "<%sResponse xmlns=\"https://%s.amazonaws.com/doc/%s/\">", action, iam ? "iam" : "sts",
             iam ? "2010-05-08" : "2011-06-15");
    if (result->length > 0)
        text_add(&text, "<%sResult>%s</%sResult>", action, result->data, action);
    text_add(&text, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>\n",
             request->exchange->answer_headers[request->exchange->answer_header_count - 1].value, action);
    world_respond(request->exchange, 200, "text/xml", text.data, text.length);
}

void query_answer(struct aws_request *request, const struct query_action *actions) {
    const char *name = query_form(request, "Action");
    for (size_t i = 0; actions[i].name != NULL; i++) {
        if (!text_equal(name, actions[i].name))
            continue;
        TEXT_AUTO result;
        text_init(&result, RESULT_BYTES_MOST);
        if (!actions[i].answer(request, &result) || request->exchange->status != 0)
            return;
        if (result.full)
            aws_refuse(request, 500, "InternalFailure", "the answer of %s is longer than %d bytes", name, RESULT_BYTES_MOST);
        else
            result_wrap(request, name, &result);
        return;
    }
    aws_refuse(request, 400, "InvalidAction", "The simulated %s has no action %.80s", request->service == SERVICE_IAM ? "IAM" : "STS",
               name == NULL ? "(none)" : name);
}
