/* names.c: the forms that names have in Kubernetes. */
#include "names.h"

#include "base/text.h"

const char name_dns_label_rule[] = "at most 63 of a-z, 0-9 and -, a letter or digit at both ends";
static const char dns_subdomain_rule[] = "at most 253 of a-z, 0-9, - and ., a letter or digit at both ends of each part";
static const char service_rule[] = "at most 63 of a-z, 0-9 and -, a letter first, a letter or digit last";
static const char path_rule[] = "no / and no %, and not . or ..";

/* The C library's isalpha asks the locale. */
static bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool is_lower_or_digit(char c) {
    return is_lower(c) || is_digit(c);
}

static bool is_letter_or_digit(char c) {
    return is_letter(c) || is_digit(c);
}

static bool is_part(const char *name, size_t length) {
    if (length == 0 || !is_lower_or_digit(name[0]) || !is_lower_or_digit(name[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_lower_or_digit(name[i]) && name[i] != '-')
            return false;
    return true;
}

bool name_is_dns_label(const char *name) {
    size_t length = strlen(name);
    return length <= 63 && is_part(name, length);
}

static bool is_subdomain(const char *name, size_t length) {
    if (length == 0 || length > 253)
        return false;
    for (size_t start = 0; start <= length;) {
        const char *dot = memchr(name + start, '.', length - start);
        size_t end = dot != NULL ? (size_t)(dot - name) : length;
        if (!is_part(name + start, end - start))
            return false;
        start = end + 1;
    }
    return true;
}

bool name_is_dns_subdomain(const char *name) {
    return is_subdomain(name, strlen(name));
}

static bool is_qualified(const char *text, size_t length) {
    if (length == 0 || length > 63 || !is_letter_or_digit(text[0]) || !is_letter_or_digit(text[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_letter_or_digit(text[i]) && strchr("-_.", text[i]) == NULL)
            return false;
    return true;
}

bool name_is_label_key(const char *key) {
    const char *slash = strchr(key, '/');
    if (slash == NULL)
        return is_qualified(key, strlen(key));
    /* Annotations may have a prefix in any case. */
    char prefix[254];
    size_t length = (size_t)(slash - key);
    if (length >= sizeof prefix)
        return false;
    for (size_t i = 0; i < length; i++)
        prefix[i] = key[i] >= 'A' && key[i] <= 'Z' ? (char)(key[i] - 'A' + 'a') : key[i];
    return is_subdomain(prefix, length) && is_qualified(slash + 1, strlen(slash + 1));
}

bool name_is_label_value(const char *value) {
    return value[0] == '\0' || is_qualified(value, strlen(value));
}

bool name_is_api_version(const char *api_version) {
    if (api_version == NULL)
        return false;
    const char *slash = strchr(api_version, '/');
    const char *version = slash != NULL ? slash + 1 : api_version;
    return (slash == NULL || is_subdomain(api_version, (size_t)(slash - api_version))) && name_is_dns_label(version);
}

bool name_is_kind(const char *kind) {
    if (kind == NULL || !is_letter(kind[0]) || strlen(kind) > 63)
        return false;
    for (const char *at = kind; *at != '\0'; at++)
        if (!is_letter_or_digit(*at) && *at != '-')
            return false;
    return true;
}

const char *name_rule_broken(const char *api_version, const char *kind, const char *name) {
    if (text_starts(api_version, "rbac.authorization.k8s.io/")) {
        bool good = strpbrk(name, "/%") == NULL && !text_equal(name, ".") && !text_equal(name, "..") && strlen(name) <= 253;
        return good ? NULL : path_rule;
    }
    if (text_equal(api_version, "v1") && text_equal(kind, "Service"))
        return name_is_dns_label(name) && is_lower(name[0]) ? NULL : service_rule;
    if (text_equal(api_version, "v1") && text_equal(kind, "Namespace"))
        return name_is_dns_label(name) ? NULL : name_dns_label_rule;
    return name_is_dns_subdomain(name) ? NULL : dns_subdomain_rule;
}

const char *name_id(struct arena *arena, const char *kind, const char *namespace, const char *name) {
    return namespace != NULL ? arena_text(arena, "%s/%s/%s", kind, namespace, name) : arena_text(arena, "%s/%s", kind, name);
}

const char *name_group(struct arena *arena, const char *api_version) {
    const char *slash = strchr(api_version, '/');
    return slash != NULL ? arena_copy(arena, api_version, (size_t)(slash - api_version)) : "";
}
