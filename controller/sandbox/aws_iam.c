#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/query.h"

enum {
    NAME_MOST = 64,
    TRUST_MOST = 2048, /* IAM quotas: characters of a trust policy, of a role's inline policies, attached policies, tags */
    INLINE_MOST = 10240,
    ATTACHED_MOST = 20,
    TAGS_MOST = 50,
    THUMBPRINTS_MOST = 5,
    CLIENTS_MOST = 100,
    PAGE_DEFAULT = 100,
    PAGE_MOST = 1000
};

static struct value *account_part(struct aws_request *request, const char *part) {
    return state_map(request->world, state_account(request->world, request->account), part);
}

static const char *iam_arn(struct aws_request *request, const char *rest) {
    return arena_text(request->arena, "arn:%s:iam::%s:%s", request->partition, request->account, rest);
}

static const char *role_arn(struct aws_request *request, const char *name, const struct value *role) {
    const char *path = value_text_at(role, "path");
    return iam_arn(request, arena_text(request->arena, "role%s%s", path == NULL ? "/" : path, name));
}

const struct value *iam_role_find(struct world *world, const char *arn) {
    static const char marker[] = ":role/";
    const char *rest = arn == NULL ? NULL : strstr(arn, marker);
    const char *account = arn == NULL ? NULL : strstr(arn, ":iam::");
    if (rest == NULL || account == NULL || account > rest)
        return NULL;
    account += strlen(":iam::");
    const struct value *accounts = value_at(&world->state, "aws.accounts");
    for (size_t i = 0; value_is(accounts, VALUE_MAP) && i < accounts->map.count; i++) {
        const struct member *member = &accounts->map.members[i];
        if (strlen(member->key) != (size_t)(rest - account) || strncmp(member->key, account, (size_t)(rest - account)) != 0)
            continue;
        const struct value *role = value_find(value_find(&member->value, "roles"), strrchr(rest, '/') + 1);
        const char *path = value_text_at(role, "path");
        size_t path_length = (size_t)(strrchr(rest, '/') + 1 - (rest + strlen(marker) - 1));
        bool same_path = path == NULL || (strlen(path) == path_length && strncmp(path, rest + strlen(marker) - 1, path_length) == 0);
        return same_path ? role : NULL;
    }
    return NULL;
}

bool iam_role_trusts(const struct value *role, const char *service) {
    const char *document = value_text_at(role, "document");
    return document != NULL && strstr(document, service) != NULL;
}

/* Documents travel percent-encoded in answers (RFC 3986), as IAM's API reference says. */
static void document_element(struct aws_request *request, struct text *text, const char *name, const char *document) {
    query_element(text, name, document == NULL ? NULL : http_encode(request->arena, document));
}

static void tags_element(const struct value *tags, struct text *text) {
    text_add_string(text, "<Tags>");
    for (size_t i = 0; value_is(tags, VALUE_MAP) && i < tags->map.count; i++) {
        text_add_string(text, "<member>");
        query_element(text, "Key", tags->map.members[i].key);
        query_element(text, "Value", value_text(&tags->map.members[i].value));
        text_add_string(text, "</member>");
    }
    text_add_string(text, "</Tags>");
}

/* `whole`: with what ListRoles leaves out (tags, boundary, last use). */
static void role_elements(struct aws_request *request, const char *name, const struct value *role, bool whole, struct text *text) {
    const char *boundary = value_text_at(role, "boundary");
    query_element(text, "Path", value_text_at(role, "path"));
    query_element(text, "RoleName", name);
    query_element(text, "RoleId", value_text_at(role, "id"));
    query_element(text, "Arn", role_arn(request, name, role));
    query_element(text, "CreateDate", time_text(request->arena, value_integer(value_find(role, "created"), 0)));
    document_element(request, text, "AssumeRolePolicyDocument", value_text_at(role, "document"));
    query_element(text, "Description", value_text_at(role, "description"));
    text_add(text, "<MaxSessionDuration>%lld</MaxSessionDuration>", (long long)value_integer(value_find(role, "session_seconds"), 3600));
    if (!whole)
        return;
    if (boundary != NULL) {
        text_add_string(text, "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType>");
        query_element(text, "PermissionsBoundaryArn", boundary);
        text_add_string(text, "</PermissionsBoundary>");
    }
    if (value_count(value_find(role, "tags")) > 0)
        tags_element(value_find(role, "tags"), text);
    text_add_string(text, "<RoleLastUsed/>");
}

static struct value *role_need(struct aws_request *request, const char **out_name) {
    if (!query_need(request, "RoleName", NAME_MOST, out_name))
        return NULL;
    struct value *role = value_find_mutable(account_part(request, "roles"), *out_name);
    if (!value_is(role, VALUE_MAP))
        role = NULL;
    if (role == NULL)
        aws_refuse(request, 404, "NoSuchEntity", "The role with name %s cannot be found.", *out_name);
    return role;
}

/* Letters, digits and _+=,.@- (CreateRole, RoleName). */
static bool name_check(struct aws_request *request, const char *member, const char *name) {
    if (name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-")] == '\0')
        return true;
    return aws_refuse(request, 400, "ValidationError",
                      "The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
                      member);
}

static bool document_check(struct aws_request *request, const char *document, size_t most, const char *quota) {
    struct value value;
    struct error err = {0};
    size_t length = 0;
    for (const char *c = document; *c != '\0'; c++)
        length += strchr(" \t\r\n", *c) == NULL; /* white space does not count */
    if (length > most)
        return aws_refuse(request, 409, "LimitExceeded", "Cannot exceed quota for %s: %zu", quota, most);
    if (!json_parse(request->arena, "policy", document, strlen(document), &value, &err) || !value_is(&value, VALUE_MAP))
        return aws_refuse(request, 400, "MalformedPolicyDocument", "This policy contains invalid Json");
    if (value_find(&value, "Statement") == NULL)
        return aws_refuse(request, 400, "MalformedPolicyDocument", "Missing required field Statement");
    return true;
}

/* The form's tags put over `tags`. */
static bool tags_take(struct aws_request *request, struct value *tags) {
    for (unsigned i = 1; query_item(request, "Tags", i, "Key") != NULL; i++) {
        const char *key = query_item(request, "Tags", i, "Key");
        const char *value = query_item(request, "Tags", i, "Value");
        if (text_starts(key, "aws:") || strlen(key) > 128 || (value != NULL && strlen(value) > 256))
            return aws_refuse(request, 400, "InvalidInput", "The tag key or value is invalid: %.128s", key);
        value_set(request->arena, tags, key, value_of_text(value == NULL ? "" : value));
    }
    if (value_count(tags) > TAGS_MOST)
        return aws_refuse(request, 409, "LimitExceeded", "The number of tags has reached the maximum limit: %d", TAGS_MOST);
    return true;
}

static bool policy_exists(struct aws_request *request, const char *arn) {
    const char *managed = arena_text(request->arena, "arn:%s:iam::aws:policy/", request->partition);
    if (text_starts(arn, managed))
        return arn[strlen(managed)] != '\0';
    return value_find(account_part(request, "policies"), arn) != NULL;
}

static bool session_take(struct aws_request *request, struct value *role) {
    const char *text = query_form(request, "MaxSessionDuration");
    int64_t seconds = 3600;
    if (text == NULL)
        return true;
    if (!text_to_integer(text, 3600, 43200, &seconds))
        return aws_refuse(request, 400, "ValidationError",
                          "1 validation error detected: Value '%.20s' at 'maxSessionDuration' failed to satisfy constraint: "
                          "Member must have value between 3600 and 43200",
                          text);
    value_set(request->arena, role, "session_seconds", value_of_integer(seconds));
    return true;
}

static bool boundary_take(struct aws_request *request, struct value *role) {
    const char *arn = query_form(request, "PermissionsBoundary");
    if (arn == NULL)
        return true;
    if (!policy_exists(request, arn))
        return aws_refuse(request, 404, "NoSuchEntity", "Scope ARN: %.200s does not exist or is not attachable.", arn);
    value_set(request->arena, role, "boundary", value_of_text(arn));
    return true;
}

static bool role_create(struct aws_request *request, struct text *result) {
    struct arena *arena = request->arena;
    const char *name = NULL, *document = NULL;
    const char *path = query_form(request, "Path");
    if (!query_need(request, "RoleName", NAME_MOST, &name) || !name_check(request, "roleName", name) ||
        !query_need(request, "AssumeRolePolicyDocument", 0, &document))
        return false;
    path = path == NULL ? "/" : path;
    if (!text_starts(path, "/") || !text_ends(path, "/") || strlen(path) > 512)
        return aws_refuse(request, 400, "ValidationError",
                          "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters "
                          "and/or / characters.");
    if (value_find(account_part(request, "roles"), name) != NULL)
        return aws_refuse(request, 409, "EntityAlreadyExists", "Role with name %s already exists.", name);
    struct value role = value_of_map();
    struct value tags = value_of_map();
    value_set(arena, &role, "path", value_of_text(path));
    value_set(arena, &role, "document", value_of_text(document));
    value_set(arena, &role, "created", value_of_integer(request->world->now_ms));
    if (query_form(request, "Description") != NULL)
        value_set(arena, &role, "description", value_of_text(query_form(request, "Description")));
    if (!document_check(request, document, TRUST_MOST, "ACLSizePerRole") || !session_take(request, &role) ||
        !boundary_take(request, &role) || !tags_take(request, &tags))
        return false;
    value_set(arena, &role, "tags", tags);
    value_set(arena, &role, "id", value_of_text(id_upper(request->world, arena, "AROA", 17)));
    state_set(request->world, account_part(request, "roles"), name, &role);
    text_add_string(result, "<Role>");
    role_elements(request, name, &role, true, result);
    text_add_string(result, "</Role>");
    request->world->note(request->world, "CreateRole %s", name);
    return true;
}

static bool role_get(struct aws_request *request, struct text *result) {
    const char *name = NULL;
    const struct value *role = role_need(request, &name);
    if (role == NULL)
        return false;
    text_add_string(result, "<Role>");
    role_elements(request, name, role, true, result);
    text_add_string(result, "</Role>");
    return true;
}

static bool page_take(struct aws_request *request, const char *const *names, size_t count, struct page *page) {
    return page_of(request, names, count, query_form(request, "MaxItems"), PAGE_DEFAULT, PAGE_MOST, query_form(request, "Marker"), page);
}

static void page_end(const struct page *page, struct text *result) {
    query_element(result, "IsTruncated", page->next == NULL ? "false" : "true");
    query_element(result, "Marker", page->next);
}

static bool roles_list(struct aws_request *request, struct text *result) {
    const char *prefix = query_form(request, "PathPrefix");
    const struct value *roles = account_part(request, "roles");
    size_t all = 0, count = 0;
    const char **names = names_of(request, roles, &all);
    for (size_t i = 0; i < all; i++) {
        const char *path = value_text_at(value_find(roles, names[i]), "path");
        if (prefix == NULL || text_starts(path == NULL ? "/" : path, prefix))
            names[count++] = names[i];
    }
    struct page page;
    if (!page_take(request, names, count, &page))
        return false;
    text_add_string(result, "<Roles>");
    for (size_t i = page.first; i < page.first + page.count; i++) {
        text_add_string(result, "<member>");
        role_elements(request, names[i], value_find(roles, names[i]), false, result);
        text_add_string(result, "</member>");
    }
    text_add_string(result, "</Roles>");
    page_end(&page, result);
    return true;
}

static bool role_delete(struct aws_request *request, struct text *result) {
    (void)result;
    const char *name = NULL;
    const struct value *role = role_need(request, &name);
    if (role == NULL)
        return false;
    if (value_count(value_find(role, "attached")) > 0)
        return aws_refuse(request, 409, "DeleteConflict", "Cannot delete entity, must detach all policies first.");
    if (value_count(value_find(role, "inline")) > 0)
        return aws_refuse(request, 409, "DeleteConflict", "Cannot delete entity, must delete policies first.");
    value_remove(account_part(request, "roles"), name);
    request->world->note(request->world, "DeleteRole %s", name);
    return true;
}

static bool role_update(struct aws_request *request, struct text *result) {
    (void)result;
    const char *name = NULL;
    const char *description = query_form(request, "Description");
    struct value *role = role_need(request, &name);
    struct value patch = value_of_map();
    if (role == NULL || !session_take(request, &patch))
        return false;
    const struct value *seconds = value_find(&patch, "session_seconds");
    if (description != NULL)
        state_set_text(request->world, role, "description", description);
    if (seconds != NULL)
        state_set(request->world, role, "session_seconds", seconds);
    request->world->note(request->world, "UpdateRole %s", name);
    return true;
}

static bool trust_update(struct aws_request *request, struct text *result) {
    (void)result;
    const char *name = NULL, *document = NULL;
    struct value *role = role_need(request, &name);
    if (role == NULL || !query_need(request, "PolicyDocument", 0, &document) ||
        !document_check(request, document, TRUST_MOST, "ACLSizePerRole"))
        return false;
    state_set_text(request->world, role, "document", document);
    request->world->note(request->world, "UpdateAssumeRolePolicy %s", name);
    return true;
}

static bool role_tag(struct aws_request *request, struct text *result) {
    (void)result;
    const char *name = NULL;
    struct value *role = role_need(request, &name);
    if (role == NULL)
        return false;
    struct value tags = value_of_map();
    if (value_find(role, "tags") != NULL)
        tags = value_copy(request->arena, value_find(role, "tags"));
    if (!tags_take(request, &tags))
        return false;
    state_set(request->world, role, "tags", &tags);
    request->world->note(request->world, "TagRole %s", name);
    return true;
}

static bool role_untag(struct aws_request *request, struct text *result) {
    (void)result;
    const char *name = NULL;
    struct value *role = role_need(request, &name);
    if (role == NULL)
        return false;
    struct value *tags = state_map(request->world, role, "tags");
    for (unsigned i = 1; query_item(request, "TagKeys", i, "") != NULL; i++)
        value_remove(tags, query_item(request, "TagKeys", i, ""));
    request->world->note(request->world, "UntagRole %s", name);
    return true;
}

static bool role_tags_list(struct aws_request *request, struct text *result) {
    const char *name = NULL;
    const struct value *role = role_need(request, &name);
    if (role == NULL)
        return false;
    tags_element(value_find(role, "tags"), result);
    query_element(result, "IsTruncated", "false");
    return true;
}

static bool boundary_put(struct aws_request *request, struct text *result) {
    (void)result;
    const char *name = NULL, *arn = NULL;
    struct value *role = role_need(request, &name);
    struct value checked = value_of_map();
    if (role == NULL || !query_need(request, "PermissionsBoundary", 0, &arn) || !boundary_take(request, &checked))
        return false;
    state_set_text(request->world, role, "boundary", arn);
    request->world->note(request->world, "PutRolePermissionsBoundary %s", name);
    return true;
}

static bool boundary_delete(struct aws_request *request, struct text *result) {
    (void)result;
    const char *name = NULL;
    struct value *role = role_need(request, &name);
    if (role == NULL)
        return false;
    if (!value_remove(role, "boundary"))
        return aws_refuse(request, 404, "NoSuchEntity", "Role with name %s does not have a permissions boundary.", name);
    request->world->note(request->world, "DeleteRolePermissionsBoundary %s", name);
    return true;
}

static bool policy_attach(struct aws_request *request, struct text *result) {
    (void)result;
    const char *name = NULL, *arn = NULL;
    struct value *role = role_need(request, &name);
    if (role == NULL || !query_need(request, "PolicyArn", 2048, &arn))
        return false;
    if (!policy_exists(request, arn))
        return aws_refuse(request, 404, "NoSuchEntity", "Policy %s does not exist or is not attachable.", arn);
    struct value *attached = state_map(request->world, role, "attached");
    if (value_count(attached) >= ATTACHED_MOST && value_find(attached, arn) == NULL)
        return aws_refuse(request, 409, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: %d", ATTACHED_MOST);
    state_set_text(request->world, attached, arn, strrchr(arn, '/') + 1);
    request->world->note(request->world, "AttachRolePolicy %s %s", name, arn);
    return true;
}

static bool policy_detach(struct aws_request *request, struct text *result) {
    (void)result;
    const char *name = NULL, *arn = NULL;
    struct value *role = role_need(request, &name);
    if (role == NULL || !query_need(request, "PolicyArn", 2048, &arn))
        return false;
    if (!value_remove(state_map(request->world, role, "attached"), arn))
        return aws_refuse(request, 404, "NoSuchEntity", "Policy %s was not found.", arn);
    request->world->note(request->world, "DetachRolePolicy %s %s", name, arn);
    return true;
}

static bool attached_list(struct aws_request *request, struct text *result) {
    const char *name = NULL;
    const struct value *role = role_need(request, &name);
    if (role == NULL)
        return false;
    const struct value *attached = value_find(role, "attached");
    size_t count = 0;
    const char **arns = names_of(request, attached, &count);
    struct page page;
    if (!page_take(request, arns, count, &page))
        return false;
    text_add_string(result, "<AttachedPolicies>");
    for (size_t i = page.first; i < page.first + page.count; i++) {
        text_add_string(result, "<member>");
        query_element(result, "PolicyName", value_text(value_find(attached, arns[i])));
        query_element(result, "PolicyArn", arns[i]);
        text_add_string(result, "</member>");
    }
    text_add_string(result, "</AttachedPolicies>");
    page_end(&page, result);
    return true;
}

static bool inline_put(struct aws_request *request, struct text *result) {
    (void)result;
    const char *name = NULL, *policy = NULL, *document = NULL;
    struct value *role = role_need(request, &name);
    if (role == NULL || !query_need(request, "PolicyName", 128, &policy) || !name_check(request, "policyName", policy) ||
        !query_need(request, "PolicyDocument", 0, &document) || !document_check(request, document, INLINE_MOST, "PolicySize"))
        return false;
    state_set_text(request->world, state_map(request->world, role, "inline"), policy, document);
    request->world->note(request->world, "PutRolePolicy %s %s", name, policy);
    return true;
}

static bool inline_need(struct aws_request *request, struct value **out_role, const char **out_name, const char **out_policy) {
    *out_role = role_need(request, out_name);
    if (*out_role == NULL || !query_need(request, "PolicyName", 128, out_policy))
        return false;
    if (value_find(value_find(*out_role, "inline"), *out_policy) == NULL)
        return aws_refuse(request, 404, "NoSuchEntity", "The role policy with name %s cannot be found.", *out_policy);
    return true;
}

static bool inline_get(struct aws_request *request, struct text *result) {
    struct value *role = NULL;
    const char *name = NULL, *policy = NULL;
    if (!inline_need(request, &role, &name, &policy))
        return false;
    query_element(result, "RoleName", name);
    query_element(result, "PolicyName", policy);
    document_element(request, result, "PolicyDocument", value_text(value_find(value_find(role, "inline"), policy)));
    return true;
}

static bool inline_delete(struct aws_request *request, struct text *result) {
    (void)result;
    struct value *role = NULL;
    const char *name = NULL, *policy = NULL;
    if (!inline_need(request, &role, &name, &policy))
        return false;
    value_remove(state_map(request->world, role, "inline"), policy);
    request->world->note(request->world, "DeleteRolePolicy %s %s", name, policy);
    return true;
}

static bool inline_list(struct aws_request *request, struct text *result) {
    const char *name = NULL;
    const struct value *role = role_need(request, &name);
    if (role == NULL)
        return false;
    size_t count = 0;
    const char **names = names_of(request, value_find(role, "inline"), &count);
    struct page page;
    if (!page_take(request, names, count, &page))
        return false;
    text_add_string(result, "<PolicyNames>");
    for (size_t i = page.first; i < page.first + page.count; i++)
        query_element(result, "member", names[i]);
    text_add_string(result, "</PolicyNames>");
    page_end(&page, result);
    return true;
}

static bool instance_profiles_list(struct aws_request *request, struct text *result) {
    const char *name = NULL;
    if (role_need(request, &name) == NULL)
        return false;
    text_add_string(result, "<InstanceProfiles/>");
    query_element(result, "IsTruncated", "false");
    return true;
}

static bool policy_get(struct aws_request *request, struct text *result) {
    const char *arn = NULL;
    if (!query_need(request, "PolicyArn", 2048, &arn))
        return false;
    if (!policy_exists(request, arn))
        return aws_refuse(request, 404, "NoSuchEntity", "Policy %s was not found.", arn);
    struct digest digest = hash_sha256(arn, strlen(arn));
    const char *hex = hash_hex(request->arena, &digest);
    const char *path = strstr(arn, ":policy") + strlen(":policy");
    text_add_string(result, "<Policy>");
    query_element(result, "PolicyName", strrchr(arn, '/') + 1);
    query_element(result, "PolicyId", arena_text(request->arena, "ANPA%.16s", hex));
    query_element(result, "Arn", arn);
    query_element(result, "Path", arena_copy(request->arena, path, (size_t)(strrchr(path, '/') + 1 - path)));
    query_element(result, "DefaultVersionId", "v1");
    query_element(result, "AttachmentCount", "0");
    query_element(result, "IsAttachable", "true");
    query_element(result, "CreateDate", "2018-01-01T00:00:00Z");
    query_element(result, "UpdateDate", "2018-01-01T00:00:00Z");
    text_add_string(result, "</Policy>");
    return true;
}

static bool policy_write(struct aws_request *request, struct text *result) {
    (void)result;
    return aws_refuse(
        request, 400, "InvalidAction",
        "The simulated IAM makes no customer managed policies: put them into the state below aws.accounts.%s.policies by their ARN",
        request->account);
}

static struct value *provider_need(struct aws_request *request, const char **out_arn) {
    if (!query_need(request, "OpenIDConnectProviderArn", 2048, out_arn))
        return NULL;
    struct value *provider = value_find_mutable(account_part(request, "providers"), *out_arn);
    if (!value_is(provider, VALUE_MAP))
        provider = NULL;
    if (provider == NULL)
        aws_refuse(request, 404, "NoSuchEntity", "OpenIDConnect Provider not found for arn %s", *out_arn);
    return provider;
}

/* A list of the form as a list of texts, no item twice. */
static bool list_take(struct aws_request *request, const char *list, size_t most, size_t length_most, struct value *out) {
    *out = value_of_list();
    for (unsigned i = 1; query_item(request, list, i, "") != NULL; i++) {
        const char *item = query_item(request, list, i, "");
        if (strlen(item) > length_most)
            return aws_refuse(request, 400, "ValidationError", "An item of %s is longer than %zu characters", list, length_most);
        value_append(request->arena, out, value_of_text(item));
    }
    if (value_count(out) > most)
        return aws_refuse(request, 400, "InvalidInput", "%s has more than %zu items", list, most);
    return true;
}

static bool provider_create(struct aws_request *request, struct text *result) {
    const char *url = NULL;
    struct value provider = value_of_map();
    struct value tags = value_of_map(), clients, thumbprints;
    if (!query_need(request, "Url", 255, &url))
        return false;
    if (!text_starts(url, "https://") || strpbrk(url, "?#") != NULL)
        return aws_refuse(request, 400, "InvalidInput", "Invalid Open ID Connect Provider URL");
    const char *host = url + strlen("https://");
    size_t length = strlen(host);
    while (length > 0 && host[length - 1] == '/')
        length--;
    host = arena_copy(request->arena, host, length);
    const char *arn = iam_arn(request, arena_text(request->arena, "oidc-provider/%s", host));
    if (value_find(account_part(request, "providers"), arn) != NULL)
        return aws_refuse(request, 409, "EntityAlreadyExists", "Provider with url https://%s already exists.", host);
    if (!list_take(request, "ClientIDList", CLIENTS_MOST, 255, &clients) ||
        !list_take(request, "ThumbprintList", THUMBPRINTS_MOST, 40, &thumbprints) || !tags_take(request, &tags))
        return false;
    value_set(request->arena, &provider, "url", value_of_text(host));
    value_set(request->arena, &provider, "clients", clients);
    value_set(request->arena, &provider, "thumbprints", thumbprints);
    value_set(request->arena, &provider, "tags", tags);
    value_set(request->arena, &provider, "created", value_of_integer(request->world->now_ms));
    state_set(request->world, account_part(request, "providers"), arn, &provider);
    query_element(result, "OpenIDConnectProviderArn", arn);
    if (value_count(&tags) > 0)
        tags_element(&tags, result);
    request->world->note(request->world, "CreateOpenIDConnectProvider %s", host);
    return true;
}

static void list_element(struct text *result, const char *name, const struct value *list) {
    text_add(result, "<%s>", name);
    for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++)
        query_element(result, "member", value_text(&list->list.items[i]));
    text_add(result, "</%s>", name);
}

static bool provider_get(struct aws_request *request, struct text *result) {
    const char *arn = NULL;
    const struct value *provider = provider_need(request, &arn);
    if (provider == NULL)
        return false;
    query_element(result, "Url", value_text_at(provider, "url"));
    list_element(result, "ClientIDList", value_find(provider, "clients"));
    list_element(result, "ThumbprintList", value_find(provider, "thumbprints"));
    query_element(result, "CreateDate", time_text(request->arena, value_integer(value_find(provider, "created"), 0)));
    tags_element(value_find(provider, "tags"), result);
    return true;
}

static bool providers_list(struct aws_request *request, struct text *result) {
    size_t count = 0;
    const char **arns = names_of(request, account_part(request, "providers"), &count);
    text_add_string(result, "<OpenIDConnectProviderList>");
    for (size_t i = 0; i < count; i++) {
        text_add_string(result, "<member>");
        query_element(result, "Arn", arns[i]);
        text_add_string(result, "</member>");
    }
    text_add_string(result, "</OpenIDConnectProviderList>");
    return true;
}

static bool provider_delete(struct aws_request *request, struct text *result) {
    (void)result;
    const char *arn = NULL;
    if (provider_need(request, &arn) == NULL)
        return false;
    value_remove(account_part(request, "providers"), arn);
    request->world->note(request->world, "DeleteOpenIDConnectProvider %s", strchr(arn, '/') + 1);
    return true;
}

static bool provider_tag(struct aws_request *request, struct text *result) {
    (void)result;
    const char *arn = NULL;
    struct value *provider = provider_need(request, &arn);
    if (provider == NULL)
        return false;
    struct value tags = value_copy(request->arena, state_map(request->world, provider, "tags"));
    if (!tags_take(request, &tags))
        return false;
    state_set(request->world, provider, "tags", &tags);
    request->world->note(request->world, "TagOpenIDConnectProvider %s", strchr(arn, '/') + 1);
    return true;
}

static bool provider_untag(struct aws_request *request, struct text *result) {
    (void)result;
    const char *arn = NULL;
    struct value *provider = provider_need(request, &arn);
    if (provider == NULL)
        return false;
    struct value *tags = state_map(request->world, provider, "tags");
    for (unsigned i = 1; query_item(request, "TagKeys", i, "") != NULL; i++)
        value_remove(tags, query_item(request, "TagKeys", i, ""));
    request->world->note(request->world, "UntagOpenIDConnectProvider %s", strchr(arn, '/') + 1);
    return true;
}

static bool provider_tags_list(struct aws_request *request, struct text *result) {
    const char *arn = NULL;
    const struct value *provider = provider_need(request, &arn);
    if (provider == NULL)
        return false;
    tags_element(value_find(provider, "tags"), result);
    query_element(result, "IsTruncated", "false");
    return true;
}

static bool thumbprint_update(struct aws_request *request, struct text *result) {
    (void)result;
    const char *arn = NULL;
    struct value thumbprints;
    struct value *provider = provider_need(request, &arn);
    if (provider == NULL || !list_take(request, "ThumbprintList", THUMBPRINTS_MOST, 40, &thumbprints))
        return false;
    state_set(request->world, provider, "thumbprints", &thumbprints);
    request->world->note(request->world, "UpdateOpenIDConnectProviderThumbprint %s", strchr(arn, '/') + 1);
    return true;
}

/* The provider's client ids without the form's ClientID. */
static bool clients_without(struct aws_request *request, struct value **out_provider, const char **out_client, struct value *out) {
    const char *arn = NULL;
    *out_provider = provider_need(request, &arn);
    if (*out_provider == NULL || !query_need(request, "ClientID", 255, out_client))
        return false;
    const struct value *clients = value_find(*out_provider, "clients");
    *out = value_of_list();
    for (size_t i = 0; i < value_count(clients); i++)
        if (!text_equal(value_text(&clients->list.items[i]), *out_client))
            value_append(request->arena, out, clients->list.items[i]);
    return true;
}

static bool client_add(struct aws_request *request, struct text *result) {
    (void)result;
    struct value *provider = NULL;
    struct value clients;
    const char *client = NULL;
    if (!clients_without(request, &provider, &client, &clients))
        return false;
    if (value_count(&clients) >= CLIENTS_MOST)
        return aws_refuse(request, 409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", CLIENTS_MOST);
    value_append(request->arena, &clients, value_of_text(client));
    state_set(request->world, provider, "clients", &clients);
    request->world->note(request->world, "AddClientIDToOpenIDConnectProvider %s %s", value_text_at(provider, "url"), client);
    return true;
}

static bool client_remove(struct aws_request *request, struct text *result) {
    (void)result;
    struct value *provider = NULL;
    struct value clients;
    const char *client = NULL;
    if (!clients_without(request, &provider, &client, &clients))
        return false;
    state_set(request->world, provider, "clients", &clients);
    request->world->note(request->world, "RemoveClientIDFromOpenIDConnectProvider %s %s", value_text_at(provider, "url"), client);
    return true;
}

void iam_answer(struct aws_request *request) {
    static const struct query_action actions[] = {{"CreateRole", role_create},
                                                  {"GetRole", role_get},
                                                  {"ListRoles", roles_list},
                                                  {"DeleteRole", role_delete},
                                                  {"UpdateRole", role_update},
                                                  {"UpdateAssumeRolePolicy", trust_update},
                                                  {"TagRole", role_tag},
                                                  {"UntagRole", role_untag},
                                                  {"ListRoleTags", role_tags_list},
                                                  {"PutRolePermissionsBoundary", boundary_put},
                                                  {"DeleteRolePermissionsBoundary", boundary_delete},
                                                  {"AttachRolePolicy", policy_attach},
                                                  {"DetachRolePolicy", policy_detach},
                                                  {"ListAttachedRolePolicies", attached_list},
                                                  {"PutRolePolicy", inline_put},
                                                  {"GetRolePolicy", inline_get},
                                                  {"DeleteRolePolicy", inline_delete},
                                                  {"ListRolePolicies", inline_list},
                                                  {"ListInstanceProfilesForRole", instance_profiles_list},
                                                  {"GetPolicy", policy_get},
                                                  {"CreatePolicy", policy_write},
                                                  {"DeletePolicy", policy_write},
                                                  {"CreatePolicyVersion", policy_write},
                                                  {"CreateOpenIDConnectProvider", provider_create},
                                                  {"GetOpenIDConnectProvider", provider_get},
                                                  {"ListOpenIDConnectProviders", providers_list},
                                                  {"DeleteOpenIDConnectProvider", provider_delete},
                                                  {"TagOpenIDConnectProvider", provider_tag},
                                                  {"UntagOpenIDConnectProvider", provider_untag},
                                                  {"ListOpenIDConnectProviderTags", provider_tags_list},
                                                  {"UpdateOpenIDConnectProviderThumbprint", thumbprint_update},
                                                  {"AddClientIDToOpenIDConnectProvider", client_add},
                                                  {"RemoveClientIDFromOpenIDConnectProvider", client_remove},
                                                  {NULL, NULL}};
    query_answer(request, actions);
}
