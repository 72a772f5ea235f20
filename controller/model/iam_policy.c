#include "model/iam_policy.h"

#include "model/graph.h"

static void statement_add(struct arena *arena, struct value *statements, const char *sid, struct value actions, struct value resources,
                          const struct value *condition) {
    if (value_count(&actions) == 0)
        return;
    struct value statement = value_of_map();
    value_set(arena, &statement, "Sid", value_of_text(sid));
    value_set(arena, &statement, "Effect", value_of_text("Allow"));
    value_set(arena, &statement, "Action", actions);
    value_set(arena, &statement, "Resource", resources);
    if (condition != NULL)
        value_set(arena, &statement, "Condition", *condition);
    value_append(arena, statements, statement);
}

static struct value list_of(struct arena *arena, const char *const *texts) {
    struct value list = value_of_list();
    for (; *texts != NULL; texts++)
        value_append(arena, &list, value_of_text(*texts));
    return list;
}

/* The operation acts on resources of the kind, and not on the account ("ListRoles"). */
static bool kind_calls(const struct kind *kind, const struct operation *operation) {
    bool calls = operation == kind->create || operation == kind->remove;
    for (const struct kind_read *read = kind->reads; read != NULL && read->operation != NULL; read++)
        calls = calls || operation == read->operation || operation == read->each;
    for (const struct field *field = kind->fields; field != NULL && field->path != NULL; field++)
        calls = calls || operation == field->update || operation == field->remove;
    return calls;
}

/* ARNs of a kind from its predicted attribute: what differs between resources becomes "*", and paths stay below eksact's own. */
static char *kind_arns(struct arena *arena, const struct kind *kind) {
    TEXT_AUTO arn;
    text_init(&arn, 1024);
    for (const char *at = kind->attributes[0].predict; at != NULL && *at != '\0';) {
        const char *end = text_starts(at, "${") ? strchr(at, '}') : NULL;
        if (end == NULL) {
            text_add_bytes(&arn, at++, 1);
            continue;
        }
        text_add_string(&arn, text_starts(at, "${path") ? "/eksact/" : "*");
        at = end + 1;
    }
    return arn.length == 0 ? "*" : text_copy(&arn, arena);
}

static struct value actions_of(struct arena *arena, const struct kind *kind, enum service service, bool write) {
    struct value actions = value_of_list();
    for (const struct operation *const *at = schema_operations(); *at != NULL; at++) {
        const struct operation *operation = *at;
        if (operation->service != service || operation->write != write || (kind != NULL && !kind_calls(kind, operation)))
            continue;
        const char *action = arena_text(arena, "%s:%s", schema_service(service)->name, operation->name);
        const struct value *last = actions.list.count == 0 ? NULL : &actions.list.items[actions.list.count - 1];
        if (!text_equal(value_text(last), action))
            value_append(arena, &actions, value_of_text(action));
    }
    return actions;
}

static struct value services_condition(struct arena *arena, const char *key, const char *const *services) {
    struct value names = value_of_map(), condition = value_of_map();
    value_set(arena, &names, key, list_of(arena, services));
    value_set(arena, &condition, "StringEquals", names);
    return condition;
}

struct value iam_policy_build(struct arena *arena) {
    struct value statements = value_of_list(), everything = value_of_text("*");
    statement_add(arena, &statements, "EksRead", actions_of(arena, NULL, SERVICE_EKS, false), everything, NULL);
    statement_add(arena, &statements, "EksWrite", actions_of(arena, NULL, SERVICE_EKS, true), everything, NULL);
    statement_add(arena, &statements, "IamRead", actions_of(arena, NULL, SERVICE_IAM, false), everything, NULL);
    for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++) {
        if ((*kind)->service == SERVICE_IAM)
            statement_add(arena, &statements, arena_text(arena, "%sWrite", (*kind)->name), actions_of(arena, *kind, SERVICE_IAM, true),
                          value_of_text(kind_arns(arena, *kind)), NULL);
    }
    /* EKS takes the roles of clusters and nodes only from who may pass them (EKS User Guide, "IAM roles and users"). */
    struct value passed =
        services_condition(arena, "iam:PassedToService", (const char *const[]){"ec2.amazonaws.com", "eks.amazonaws.com", NULL});
    statement_add(arena, &statements, "PassRoles", list_of(arena, (const char *const[]){"iam:PassRole", NULL}), everything, &passed);
    /* The first cluster and the first node group of an account make these. */
    struct value linked =
        services_condition(arena, "iam:AWSServiceName", (const char *const[]){"eks-nodegroup.amazonaws.com", "eks.amazonaws.com", NULL});
    statement_add(arena, &statements, "ServiceLinkedRoles", list_of(arena, (const char *const[]){"iam:CreateServiceLinkedRole", NULL}),
                  everything, &linked);
    struct value policy = value_of_map();
    value_set(arena, &policy, "Version", value_of_text("2012-10-17"));
    value_set(arena, &policy, "Statement", statements);
    return policy;
}
