/* sandbox/query.h: how IAM and STS are answered (AWS Query: form in, XML out). */
#pragma once

#include "base/text.h"
#include "sandbox/aws.h"

struct query_action {
    const char *name;
    bool (*answer)(struct aws_request *request, struct text *result); /* false: it has refused */
};

/* Runs the action that the form names, of `actions` (ends with name NULL), and wraps its result. */
void query_answer(struct aws_request *request, const struct query_action *actions);

/* A member of the form, or NULL. */
const char *query_form(const struct aws_request *request, const char *name);
/* The n-th of a list in the form, from 1: "Tags.member.2.Key". `member` may be "". */
const char *query_item(const struct aws_request *request, const char *list, unsigned n, const char *member);
/* The member, or the refusal when it is absent or longer than most (0: any). */
bool query_need(struct aws_request *request, const char *name, size_t most, const char **out);

void query_element(struct text *text, const char *name, const char *value); /* nothing when the value is NULL */
