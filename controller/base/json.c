#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_LIMIT 100

struct conversion {
    struct arena *arena;
    bool too_deep;
};

static void json_done(json_t **json) {
    json_decref(*json);
}

static struct value convert(struct conversion *conversion, json_t *json, unsigned depth);

static struct value convert_text(struct conversion *conversion, const json_t *json) {
    size_t length = json_string_length(json);
    struct value value = {.type = VALUE_TEXT};
    value.text.bytes = arena_copy(conversion->arena, json_string_value(json), length);
    value.text.length = length;
    return value;
}

static struct value convert_list(struct conversion *conversion, json_t *json, unsigned depth) {
    struct value list = value_of_list();
    for (size_t i = 0; i < json_array_size(json) && !conversion->too_deep; i++)
        (void)value_append(conversion->arena, &list, convert(conversion, json_array_get(json, i), depth + 1));
    return list;
}

static struct value convert_map(struct conversion *conversion, json_t *json, unsigned depth) {
    struct value map = value_of_map();
    const char *key;
    json_t *item;
    json_object_foreach(json, key, item) {
        if (conversion->too_deep)
            break;
        const char *copy = arena_copy(conversion->arena, key, strlen(key));
        (void)value_put(conversion->arena, &map, copy, convert(conversion, item, depth + 1));
    }
    (void)value_sort(&map);
    return map;
}

static struct value convert(struct conversion *conversion, json_t *json, unsigned depth) {
    switch (json_typeof(json)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        if (depth > DEPTH_LIMIT) {
            conversion->too_deep = true;
            return value_null();
        }
        return json_is_object(json) ? convert_map(conversion, json, depth) : convert_list(conversion, json, depth);
    case JSON_STRING:
        return convert_text(conversion, json);
    case JSON_INTEGER:
        return value_of_integer(json_integer_value(json));
    case JSON_REAL:
        return value_of_number(json_real_value(json));
    case JSON_TRUE:
    case JSON_FALSE:
        return value_of_boolean(json_is_true(json));
    case JSON_NULL:
    default:
        return value_null();
    }
}

/* Length of the string at `at` with its quotes, or of what is left when it does not end. */
static size_t count_string(const char *at, const char *end) {
    const char *from = at++;
    while (at < end && *at != '"')
        at += *at == '\\' && end - at >= 2 ? 2 : 1;
    return (size_t)(at - from) + (at < end);
}

static bool is_too_large(const char *digits, size_t length) {
    char near[32];
    for (size_t i = 0; i < length; i++)
        if (digits[i] != '-' && (digits[i] < '0' || digits[i] > '9'))
            return false;
    if (length >= sizeof near)
        return true;
    memcpy(near, digits, length);
    near[length] = '\0';
    errno = 0;
    (void)strtoll(near, NULL, 10);
    return errno == ERANGE;
}

/* The text with ".0" behind every integer beyond 64 bits: those become numbers, as in Kubernetes' own reader (k8s.io/apimachinery
 * util/json), and no other integer loses a digit for their sake. */
static void mark_large_integers(struct text *marked, const char *bytes, size_t length) {
    const char *end = bytes + length;
    for (const char *at = bytes; at < end;) {
        size_t step = 1;
        bool is_number = *at == '-' || (*at >= '0' && *at <= '9');
        if (*at == '"')
            step = count_string(at, end);
        else if (is_number)
            for (step = 0; at + step < end && memchr("+-0123456789.eE", at[step], 15) != NULL;)
                step++;
        text_add_bytes(marked, at, step);
        if (is_number && is_too_large(at, step))
            text_add_bytes(marked, ".0", 2);
        at += step;
    }
}

bool json_parse(struct arena *arena, const char *name, const char *bytes, size_t length, struct value *out, struct error *err) {
    struct conversion conversion = {.arena = arena};
    json_error_t problem = {0};
    __attribute__((cleanup(json_done))) json_t *json = json_loadb(length > 0 ? bytes : "", length, JSON_DECODE_ANY, &problem);
    if (json == NULL && json_error_code(&problem) == json_error_numeric_overflow) {
        TEXT_AUTO marked;
        text_init(&marked, SIZE_MAX / 2);
        mark_large_integers(&marked, bytes, length);
        json = json_loadb(marked.data, marked.length, JSON_DECODE_ANY, &problem);
    }
    if (json == NULL) {
        /* jansson quotes what stands there ("invalid token near 'x'"), which may be a secret. */
        char *quoted = strstr(problem.text, " near ");
        if (quoted != NULL)
            *quoted = '\0';
        return error_set(err, ERROR_BROKEN, "%s is no JSON: line %d, column %d: %s", name, problem.line, problem.column, problem.text);
    }

    struct value value = convert(&conversion, json, 1);
    if (conversion.too_deep)
        return error_set(err, ERROR_BROKEN, "%s is nested more than %d deep", name, DEPTH_LIMIT);
    *out = value;
    return true;
}

/* Length of the run that may stand in a JSON string as it is. */
static size_t count_plain(const char *string, size_t length) {
    size_t at = 0;
    while (at < length) {
        unsigned char letter = (unsigned char)string[at];
        if (letter < ' ' || letter == '"' || letter == '\\')
            break;
        size_t step = letter < 0x80 ? 1 : text_utf8_step(string + at, length - at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

static void render_escape(struct text *text, unsigned char letter) {
    static const char *const named[128] = {['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t", ['"'] = "\\\"", ['\\'] = "\\\\"};
    if (letter >= 0x80)
        text_add_string(text, "\xef\xbf\xbd");
    else if (named[letter] != NULL)
        text_add_bytes(text, named[letter], 2);
    else
        text_add(text, "\\u%04x", letter);
}

void json_render_string(struct text *text, const char *string) {
    text_add_bytes(text, "\"", 1);
    size_t left = strlen(string);
    while (left > 0) {
        size_t plain = count_plain(string, left);
        text_add_bytes(text, string, plain);
        string += plain;
        left -= plain;
        if (left == 0)
            break;
        render_escape(text, (unsigned char)*string);
        string++;
        left--;
    }
    text_add_bytes(text, "\"", 1);
}

static void render_integer(struct text *text, int64_t integer) {
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t left = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (integer < 0)
        *--at = '-';
    text_add_bytes(text, at, (size_t)(digits + sizeof digits - at));
}

/* The fewest digits that read back as the same number; an exponent below 1e-6 and from 1e21 on, as in ECMAScript and Go. A whole number
 * that fits an integer looks like that integer, so that equal worth gives equal bytes. */
static void render_number(struct text *text, double number) {
    if (number >= -9223372036854775808.0 && number < 9223372036854775808.0 && floor(number) == number) {
        render_integer(text, (int64_t)number);
        return;
    }
    char shortest[40];
    int precision = 0;
    do
        (void)snprintf(shortest, sizeof shortest, "%.*e", precision, number);
    while (strtod(shortest, NULL) != number && ++precision < 17);

    double size = fabs(number);
    if (size < 1e-6 || size >= 1e21) {
        char *mark = strchr(shortest, 'e');
        long exponent = strtol(mark + 1, NULL, 10);
        text_add(text, "%.*se%+ld", (int)(mark - shortest), shortest, exponent);
        return;
    }
    long exponent = strtol(strchr(shortest, 'e') + 1, NULL, 10);
    if (precision >= exponent) {
        text_add(text, "%.*f", (int)(precision - exponent), number);
        return;
    }
    /* Whole and beyond 64 bits: its digits, then zeros. */
    for (const char *at = shortest; *at != 'e'; at++)
        if (*at != '.')
            text_add_bytes(text, at, 1);
    for (long zeros = exponent - precision; zeros > 0; zeros--)
        text_add_bytes(text, "0", 1);
}

static void render(struct text *text, const struct value *value, unsigned indent_width, unsigned depth);

static void break_line(struct text *text, unsigned indent_width, unsigned depth) {
    if (indent_width > 0)
        text_add(text, "\n%*s", (int)(indent_width * depth), "");
}

static void render_list(struct text *text, const struct value *value, unsigned indent_width, unsigned depth) {
    text_add_bytes(text, "[", 1);
    for (size_t i = 0; i < value->list.count; i++) {
        if (i > 0)
            text_add_bytes(text, ",", 1);
        break_line(text, indent_width, depth + 1);
        render(text, &value->list.items[i], indent_width, depth + 1);
    }
    if (value->list.count > 0)
        break_line(text, indent_width, depth);
    text_add_bytes(text, "]", 1);
}

static void render_map(struct text *text, const struct value *value, unsigned indent_width, unsigned depth) {
    text_add_bytes(text, "{", 1);
    for (size_t i = 0; i < value->map.count; i++) {
        if (i > 0)
            text_add_bytes(text, ",", 1);
        break_line(text, indent_width, depth + 1);
        json_render_string(text, value->map.members[i].key);
        text_add_bytes(text, ": ", indent_width > 0 ? 2 : 1);
        render(text, &value->map.members[i].value, indent_width, depth + 1);
    }
    if (value->map.count > 0)
        break_line(text, indent_width, depth);
    text_add_bytes(text, "}", 1);
}

static void render(struct text *text, const struct value *value, unsigned indent_width, unsigned depth) {
    switch (value->type) {
    case VALUE_BOOLEAN:
        text_add_string(text, value->boolean ? "true" : "false");
        break;
    case VALUE_INTEGER:
        render_integer(text, value->integer);
        break;
    case VALUE_NUMBER:
        render_number(text, value->number);
        break;
    case VALUE_TEXT:
        json_render_string(text, value->text.bytes);
        break;
    case VALUE_LIST:
        render_list(text, value, indent_width, depth);
        break;
    case VALUE_MAP:
        render_map(text, value, indent_width, depth);
        break;
    default:
        text_add_bytes(text, "null", 4);
    }
}

void json_render(struct text *text, const struct value *value, unsigned indent_width) {
    static const struct value nothing = {.type = VALUE_NULL};
    render(text, value != NULL ? value : &nothing, indent_width, 0);
}

char *json_text(struct arena *arena, const struct value *value) {
    TEXT_AUTO text;
    text_init(&text, SIZE_MAX / 2);
    json_render(&text, value, 0);
    return text_copy(&text, arena);
}
