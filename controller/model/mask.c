/* model/mask.c: secrets leave as numbers that show only which are equal. */
#include "base/hash.h"
#include "base/json.h"
#include "model/mask.h"

#define SHORTEST 4 /* shorter secrets are not looked for inside other texts: they would tear those apart */

void mask_init(struct mask *mask, struct arena *arena) {
    *mask = (struct mask){.arena = arena, .next_number = 1};
}

static bool contains_word(const char *name, const char *word) {
    size_t length = strlen(word);
    for (; *name; name++) {
        if (strncasecmp(name, word, length) == 0)
            return true;
    }
    return false;
}

bool mask_name_is_secret(const char *name) {
    static const char *const words[] = {"token",      "password", "passwd", "passphrase", "secret",    "credential", "private_key",
                                        "privatekey", "api_key",  "apikey", "access_key", "accesskey", "dsn",        "connection_string"};
    static const char *const harmless[] = {
        "secretName",       "secretRef", "secretKeyRef", "tokenExpirationSeconds", "serviceAccountToken", "automountServiceAccountToken",
        "imagePullSecrets", NULL};
    if (!name || text_in(name, harmless))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (contains_word(name, words[i]))
            return true;
    }
    return text_equal(name, "KEY") || text_ends(name, "_KEY");
}

static size_t run_of(const char *text, const char *from) {
    return strspn(text, from);
}

/* AWS key ids (docs: IAM identifiers), PEM, GitHub and Slack tokens, JSON web tokens, passwords in URLs. */
bool mask_text_is_secret(const char *text) {
    static const char *const starts[] = {"-----BEGIN ", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "sk_live_"};
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    if (!text)
        return false;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        if (strstr(text, starts[i]))
            return true;
    }
    for (const char *at = text; (at = strstr(at, "KIA")) != NULL; at++) {
        if (at > text && at[-1] == 'A' && run_of(at, alphabet) >= 19)
            return true;
    }
    const char *temporary = strstr(text, "ASIA");
    if (temporary && run_of(temporary, alphabet) >= 20)
        return true;
    const char *dot = text_starts(text, "eyJ") ? strchr(text, '.') : NULL;
    if (dot && strchr(dot + 1, '.'))
        return true;
    const char *scheme = strstr(text, "://");
    const char *at_sign = scheme ? strchr(scheme, '@') : NULL;
    const char *colon = scheme ? strchr(scheme + 3, ':') : NULL;
    const char *slash = scheme ? strchr(scheme + 3, '/') : NULL;
    return at_sign && colon && colon < at_sign && (!slash || at_sign < slash);
}

static size_t number_of(struct mask *mask, const char *bytes, size_t length) {
    for (size_t i = 0; i < mask->count; i++) {
        if (mask->entries[i].length == length && memcmp(mask->entries[i].bytes, bytes, length) == 0)
            return mask->entries[i].number;
    }
    mask->entries = arena_grow(mask->arena, mask->entries, mask->count, sizeof *mask->entries);
    mask->entries[mask->count++] =
        (struct mask_entry){.bytes = arena_copy(mask->arena, bytes, length), .length = length, .number = mask->next_number};
    return mask->next_number++;
}

static const char *label(struct mask *mask, size_t number) {
    return arena_text(mask->arena, "•••(#%zu)", number);
}

const char *mask_of(struct mask *mask, const struct value *value) {
    const char *text = value_text(value);
    if (text)
        return label(mask, number_of(mask, text, value->text.length));
    const char *json = json_text(mask->arena, value);
    return label(mask, number_of(mask, json, strlen(json)));
}

/* What stands under a Secret's data is known in both its forms, under one number. */
static void learn_encoded(struct mask *mask, const struct value *value) {
    const char *text = value_text(value);
    if (!text)
        return;
    size_t number = number_of(mask, text, value->text.length);
    char *decoded = NULL;
    size_t length = 0;
    if (!base64_decode(mask->arena, text, value->text.length, &decoded, &length) || length < SHORTEST)
        return;
    mask->entries = arena_grow(mask->arena, mask->entries, mask->count, sizeof *mask->entries);
    mask->entries[mask->count++] = (struct mask_entry){.bytes = decoded, .length = length, .number = number};
}

static bool is_environment(const struct value *map) {
    return value_text(value_find(map, "name")) && value_text(value_find(map, "value"));
}

static void learn_inside(struct mask *mask, const struct value *value) {
    if (value_is(value, VALUE_MAP) && is_environment(value) &&
        (mask_name_is_secret(value_text_at(value, "name")) || mask_text_is_secret(value_text_at(value, "value"))))
        mask_of(mask, value_find(value, "value"));
    for (size_t i = 0; value_is(value, VALUE_MAP) && i < value->map.count; i++)
        learn_inside(mask, &value->map.members[i].value);
    for (size_t i = 0; value_is(value, VALUE_LIST) && i < value->list.count; i++)
        learn_inside(mask, &value->list.items[i]);
    if (mask_text_is_secret(value_text(value)))
        mask_of(mask, value);
}

/* Whatever a Secret holds beside its name and type is secret, also where it is misspelt or of a wrong type. */
static void learn_secret(struct mask *mask, const struct value *object) {
    static const char *const open[] = {"apiVersion", "kind", "metadata", "type", "immutable", NULL};
    for (size_t i = 0; i < value_count(object); i++) {
        const struct member *member = &object->map.members[i];
        if (text_in(member->key, open))
            continue;
        if (!value_is(&member->value, VALUE_MAP))
            mask_of(mask, &member->value);
        bool encoded = text_equal(member->key, "data");
        for (size_t j = 0; value_is(&member->value, VALUE_MAP) && j < value_count(&member->value); j++) {
            const struct value *value = &member->value.map.members[j].value;
            if (encoded)
                learn_encoded(mask, value);
            else
                mask_of(mask, value);
        }
    }
}

void mask_learn(struct mask *mask, const struct value *object) {
    if (text_equal(value_text_at(object, "kind"), "Secret"))
        learn_secret(mask, object);
    else
        learn_inside(mask, object);
}

/* "containers[api].env[DB_PASSWORD].value": the name in the last brackets after ".env". */
static bool path_is_secret(const char *path) {
    if (!path)
        return false;
    if (strstr(path, "last-applied-configuration") || text_starts(path, "stringData"))
        return true;
    const char *environment = strstr(path, "env[");
    const char *end = environment ? strchr(environment, ']') : NULL;
    if (end) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)(end - environment - 4), environment + 4);
        return mask_name_is_secret(name) && (end[1] == 0 || text_equal(end + 1, ".value"));
    }
    const char *open = strrchr(path, '[');
    if (open && text_ends(path, "]") && (text_starts(path, "data[") || text_starts(path, "tags["))) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)(strlen(open) - 2), open + 1);
        return mask_name_is_secret(name);
    }
    const char *dot = strrchr(path, '.');
    return mask_name_is_secret(dot ? dot + 1 : path);
}

static struct value mask_scalar(struct mask *mask, const struct value *value) {
    return value_of_text(mask_of(mask, value));
}

static struct value mask_inside(struct mask *mask, const struct value *value) {
    if (value_is(value, VALUE_TEXT))
        return mask_text_is_secret(value->text.bytes) ? mask_scalar(mask, value) : *value;
    if (value_is(value, VALUE_LIST)) {
        struct value out = value_of_list();
        for (size_t i = 0; i < value->list.count; i++)
            value_append(mask->arena, &out, mask_inside(mask, &value->list.items[i]));
        return out;
    }
    if (!value_is(value, VALUE_MAP))
        return *value;
    struct value out = value_of_map();
    bool environment = is_environment(value) && mask_name_is_secret(value_text_at(value, "name"));
    for (size_t i = 0; i < value->map.count; i++) {
        const struct member *member = &value->map.members[i];
        bool scalar =
            !value_is(&member->value, VALUE_MAP) && !value_is(&member->value, VALUE_LIST) && !value_is(&member->value, VALUE_BOOLEAN);
        bool hidden = (environment && text_equal(member->key, "value")) || strstr(member->key, "last-applied-configuration") != NULL ||
                      (scalar && mask_name_is_secret(member->key));
        value_put(mask->arena, &out, member->key, hidden ? mask_scalar(mask, &member->value) : mask_inside(mask, &member->value));
    }
    value_sort(&out);
    return out;
}

struct value mask_value(struct mask *mask, const struct value *value, const char *path, bool sensitive) {
    if (!value)
        return value_null();
    bool map = value_is(value, VALUE_MAP) || value_is(value, VALUE_LIST);
    if (sensitive && value_is(value, VALUE_MAP)) {
        struct value out = value_of_map();
        for (size_t i = 0; i < value->map.count; i++)
            value_set(mask->arena, &out, value->map.members[i].key, mask_scalar(mask, &value->map.members[i].value));
        return out;
    }
    if (sensitive || (!map && !value_is(value, VALUE_BOOLEAN) && path_is_secret(path)))
        return mask_scalar(mask, value);
    return mask_inside(mask, value);
}

/* Reads one code point; false where the bytes are no UTF-8. */
static bool read_point(const char *bytes, size_t length, uint32_t *point, size_t *size) {
    unsigned char first = (unsigned char)bytes[0];
    size_t more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 9;
    if (more >= length || more == 9)
        return false;
    *point = more == 0 ? first : first & (0x3fU >> more);
    for (size_t i = 1; i <= more; i++) {
        if (((unsigned char)bytes[i] & 0xc0) != 0x80)
            return false;
        *point = *point << 6 | ((unsigned char)bytes[i] & 0x3f);
    }
    *size = more + 1;
    return true;
}

/* C0, DEL, C1; zero-width and direction marks (Unicode 15, "Trojan Source", CVE-2021-42574). */
static bool is_dangerous(uint32_t point) {
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x61c || (point >= 0x200b && point <= 0x200f) ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2060 && point <= 0x206f) || point == 0xfeff ||
           (point >= 0xe0000 && point <= 0xe0fff);
}

void mask_escape(struct text *out, const char *bytes, size_t length) {
    for (size_t at = 0; at < length;) {
        uint32_t point = 0;
        size_t size = 1;
        if (!read_point(bytes + at, length - at, &point, &size)) {
            text_add(out, "\\x%02x", (unsigned char)bytes[at]);
        } else if (point == '\n') {
            text_add_string(out, "\\n");
        } else if (point == '\t') {
            text_add_string(out, "\\t");
        } else if (is_dangerous(point)) {
            text_add(out, point > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)point);
        } else {
            text_add_bytes(out, bytes + at, size);
        }
        at += size;
    }
}

static const struct mask_entry *entry_at(const struct mask *mask, const char *text, size_t left) {
    const struct mask_entry *longest = NULL;
    for (size_t i = 0; i < mask->count; i++) {
        const struct mask_entry *entry = &mask->entries[i];
        if (entry->length >= SHORTEST && entry->length <= left && memcmp(entry->bytes, text, entry->length) == 0 &&
            (!longest || entry->length > longest->length))
            longest = entry;
    }
    return longest;
}

const char *mask_text(struct mask *mask, const char *text) {
    if (!text)
        return NULL;
    TEXT_AUTO masked;
    text_init(&masked, 1 << 20);
    size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        const struct mask_entry *entry = entry_at(mask, text + at, length - at);
        if (entry)
            text_add_string(&masked, label(mask, entry->number));
        else
            text_add_bytes(&masked, text + at, 1);
        at += entry ? entry->length : 1;
    }
    TEXT_AUTO out;
    text_init(&out, 1 << 20);
    if (masked.length)
        mask_escape(&out, masked.data, masked.length);
    return out.length ? text_copy(&out, mask->arena) : "";
}
