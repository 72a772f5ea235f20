/* kubernetes_review.c: reviews (who am I, may I, whose token is this) and the Scale subresource. */
#include "sandbox/kubernetes.h"

static void text_append(struct arena *arena, struct value *list, const char *text) {
    (void)value_append(arena, list, value_of_text(text));
}

/* As EKS shows an IAM identity: its ARN as the user's name, and aws-iam-authenticator's extra fields. */
static struct value user_of(struct kubernetes_call *call, const char *identity) {
    struct arena *arena = call->arena;
    struct value user = value_of_map();
    struct value groups = value_of_list();
    struct value arns = value_of_list();
    struct value extra = value_of_map();
    text_append(arena, &groups, "system:authenticated");
    text_append(arena, &arns, identity);
    (void)value_set(arena, &extra, "arn", arns);
    (void)value_set(arena, &extra, "canonicalArn", arns);
    (void)value_set(arena, &user, "username", value_of_text(identity));
    (void)value_set(arena, &user, "uid", value_of_text(arena_text(arena, "aws-iam-authenticator:%s", identity)));
    (void)value_set(arena, &user, "groups", groups);
    (void)value_set(arena, &user, "extra", extra);
    return user;
}

static void review_token(struct kubernetes_call *call, const struct value *review, struct value *status) {
    const char *token = value_text_at(review, "spec.token");
    const char *identity = token ? aws_token_identity(call->world, token, call->cluster) : NULL;
    if (identity) {
        (void)value_set(call->arena, status, "authenticated", value_of_boolean(true));
        (void)value_set(call->arena, status, "user", user_of(call, identity));
    } else {
        (void)value_set(call->arena, status, "error", value_of_text("token is not accepted"));
    }
}

static void review_rules(struct kubernetes_call *call, struct value *status) {
    struct value any = value_of_list();
    text_append(call->arena, &any, "*");
    struct value rule = value_of_map();
    (void)value_set(call->arena, &rule, "verbs", any);
    (void)value_set(call->arena, &rule, "apiGroups", any);
    (void)value_set(call->arena, &rule, "resources", any);
    struct value rules = value_of_list();
    (void)value_append(call->arena, &rules, rule);
    (void)value_set(call->arena, status, "resourceRules", rules);
    (void)value_set(call->arena, status, "nonResourceRules", value_of_list());
    (void)value_set(call->arena, status, "incomplete", value_of_boolean(false));
}

bool kubernetes_review(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    struct value review;
    if (!kubernetes_call_body(call, &review, refusal))
        return false;
    if (!value_is(&review, VALUE_MAP))
        return kubernetes_refuse(call->arena, refusal, 400, "BadRequest", "the object is not a map");
    struct value status = value_of_map();
    if (text_equal(call->kind.kind, "TokenReview"))
        review_token(call, &review, &status);
    else if (text_equal(call->kind.kind, "SelfSubjectReview"))
        (void)value_set(call->arena, &status, "userInfo", user_of(call, call->identity));
    else if (text_equal(call->kind.kind, "SelfSubjectRulesReview"))
        review_rules(call, &status);
    else
        (void)value_set(call->arena, &status, "allowed", value_of_boolean(true));
    (void)value_set(call->arena, &review, "apiVersion", value_of_text(kubernetes_api_version(call->arena, &call->kind)));
    (void)value_set(call->arena, &review, "kind", value_of_text(call->kind.kind));
    if (!value_find(&review, "metadata"))
        (void)value_set_at(call->arena, &review, "metadata.creationTimestamp", value_null());
    (void)value_set(call->arena, &review, "status", status);
    world_respond_json(call->exchange, 201, &review);
    return true;
}

static struct value scale_of(struct kubernetes_call *call, const struct value *object) {
    static const char *const copied[] = {"name", "namespace", "uid", "resourceVersion", "creationTimestamp", NULL};
    struct arena *arena = call->arena;
    struct value scale = value_of_map();
    struct value metadata = value_of_map();
    for (size_t i = 0; copied[i]; i++) {
        const struct value *found = value_find(value_find(object, "metadata"), copied[i]);
        if (found)
            (void)value_set(arena, &metadata, copied[i], *found);
    }
    char *selector = arena_text(arena, "%s", "");
    const struct value *labels = value_at(object, "spec.selector.matchLabels");
    for (size_t i = 0; i < value_count(labels); i++)
        selector =
            arena_text(arena, "%s%s%s=%s", selector, i ? "," : "", labels->map.members[i].key, value_text(&labels->map.members[i].value));
    (void)value_set(arena, &scale, "kind", value_of_text("Scale"));
    (void)value_set(arena, &scale, "apiVersion", value_of_text("autoscaling/v1"));
    (void)value_set(arena, &scale, "metadata", metadata);
    (void)value_set_at(arena, &scale, "spec.replicas", value_of_integer(value_integer(value_at(object, "spec.replicas"), 0)));
    (void)value_set_at(arena, &scale, "status.replicas", value_of_integer(value_integer(value_at(object, "status.replicas"), 0)));
    (void)value_set_at(arena, &scale, "status.selector", value_of_text(selector));
    return scale;
}

bool kubernetes_scale(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    const struct value *live = kubernetes_find(call->world, call->cluster, call->kind.group, call->kind.plural, call->space, call->name);
    if (!live)
        return kubernetes_not_found(call, refusal);
    struct value scale = scale_of(call, live);
    if (!text_equal(call->request->method, "GET")) {
        struct value body;
        if (!kubernetes_call_body(call, &body, refusal))
            return false;
        struct value merged = value_merge(call->arena, &scale, &body);
        int64_t replicas = value_integer(value_at(&merged, "spec.replicas"), -1);
        const char *version = value_text_at(&body, "metadata.resourceVersion");
        if (!text_is_empty(version) && !text_equal(version, value_text_at(live, "metadata.resourceVersion")))
            return kubernetes_refuse(call->arena, refusal, 409, "Conflict",
                                     "Operation cannot be fulfilled on %s.%s \"%s\": the object has been modified; please apply your "
                                     "changes to the latest version and try again",
                                     call->kind.plural, call->kind.group, call->name);
        if (replicas < 0)
            return kubernetes_invalid(call->arena, refusal, &call->kind, call->name, "FieldValueInvalid", "spec.replicas",
                                      "Invalid value: must be greater than or equal to 0");
        struct value changed = value_copy(call->arena, live);
        (void)value_set_at(call->arena, &changed, "spec.replicas", value_of_integer(replicas));
        if (!call->dry_run) {
            live = kubernetes_write(call->world, call->cluster, &call->kind, call->manager, "scale", &changed);
            call->world->note(call->world, "scale %s/%s/%s", call->kind.kind, call->space, call->name);
        } else {
            live = &changed;
        }
        scale = scale_of(call, live);
    }
    world_respond_json(call->exchange, 200, &scale);
    return true;
}
