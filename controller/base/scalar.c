#include "base/scalar.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The words that are no text, in every spelling that counts. */
static const struct word {
    const char *text;
    struct scalar meaning;
} words[] = {
    {"~", {.kind = SCALAR_NULL}},
    {"null", {.kind = SCALAR_NULL}},
    {"Null", {.kind = SCALAR_NULL}},
    {"NULL", {.kind = SCALAR_NULL}},
    {"y", {.kind = SCALAR_BOOLEAN, .boolean = true}},
    {"Y", {.kind = SCALAR_BOOLEAN, .boolean = true}},
    {"yes", {.kind = SCALAR_BOOLEAN, .boolean = true}},
    {"Yes", {.kind = SCALAR_BOOLEAN, .boolean = true}},
    {"YES", {.kind = SCALAR_BOOLEAN, .boolean = true}},
    {"true", {.kind = SCALAR_BOOLEAN, .boolean = true}},
    {"True", {.kind = SCALAR_BOOLEAN, .boolean = true}},
    {"TRUE", {.kind = SCALAR_BOOLEAN, .boolean = true}},
    {"on", {.kind = SCALAR_BOOLEAN, .boolean = true}},
    {"On", {.kind = SCALAR_BOOLEAN, .boolean = true}},
    {"ON", {.kind = SCALAR_BOOLEAN, .boolean = true}},
    {"n", {.kind = SCALAR_BOOLEAN, .boolean = false}},
    {"N", {.kind = SCALAR_BOOLEAN, .boolean = false}},
    {"no", {.kind = SCALAR_BOOLEAN, .boolean = false}},
    {"No", {.kind = SCALAR_BOOLEAN, .boolean = false}},
    {"NO", {.kind = SCALAR_BOOLEAN, .boolean = false}},
    {"false", {.kind = SCALAR_BOOLEAN, .boolean = false}},
    {"False", {.kind = SCALAR_BOOLEAN, .boolean = false}},
    {"FALSE", {.kind = SCALAR_BOOLEAN, .boolean = false}},
    {"off", {.kind = SCALAR_BOOLEAN, .boolean = false}},
    {"Off", {.kind = SCALAR_BOOLEAN, .boolean = false}},
    {"OFF", {.kind = SCALAR_BOOLEAN, .boolean = false}},
    {".nan", {.kind = SCALAR_NUMBER, .number = (double)NAN}},
    {".NaN", {.kind = SCALAR_NUMBER, .number = (double)NAN}},
    {".NAN", {.kind = SCALAR_NUMBER, .number = (double)NAN}},
    {".inf", {.kind = SCALAR_NUMBER, .number = (double)INFINITY}},
    {".Inf", {.kind = SCALAR_NUMBER, .number = (double)INFINITY}},
    {".INF", {.kind = SCALAR_NUMBER, .number = (double)INFINITY}},
    {"+.inf", {.kind = SCALAR_NUMBER, .number = (double)INFINITY}},
    {"+.Inf", {.kind = SCALAR_NUMBER, .number = (double)INFINITY}},
    {"+.INF", {.kind = SCALAR_NUMBER, .number = (double)INFINITY}},
    {"-.inf", {.kind = SCALAR_NUMBER, .number = -(double)INFINITY}},
    {"-.Inf", {.kind = SCALAR_NUMBER, .number = -(double)INFINITY}},
    {"-.INF", {.kind = SCALAR_NUMBER, .number = -(double)INFINITY}},
};

#define LONGEST_WORD 5

static bool is_digit(char letter) {
    return letter >= '0' && letter <= '9';
}

static bool find_word(const char *text, size_t length, struct scalar *out) {
    if (length > LONGEST_WORD || is_digit(text[0]))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].text[0] == text[0] && strcmp(words[i].text, text) == 0) {
            *out = words[i].meaning;
            return true;
        }
    }
    return false;
}

static unsigned digit_of(char letter) {
    if (is_digit(letter))
        return (unsigned)(letter - '0');
    if (letter >= 'a' && letter <= 'f')
        return (unsigned)(letter - 'a') + 10;
    if (letter >= 'A' && letter <= 'F')
        return (unsigned)(letter - 'A') + 10;
    return 99;
}

/* All of `digits`, none of which must be outside the base. No digit at all is 0, which is how Go reads the rest of a lone "0". */
static bool read_digits(const char *digits, unsigned base, uint64_t *out) {
    uint64_t number = 0;
    for (; *digits != '\0'; digits++) {
        unsigned digit = digit_of(*digits);
        if (digit >= base || number > (UINT64_MAX - digit) / base)
            return false;
        number = number * base + digit;
    }
    *out = number;
    return true;
}

/* Go's strconv.ParseUint with base 0: 0x, 0o, 0b in either case, and a leading 0 for octal. */
static bool read_natural(const char *text, uint64_t *out) {
    if (text[0] == '\0')
        return false;
    if (text[0] != '0')
        return read_digits(text, 10, out);
    char mark = text[1] == '\0' || text[2] == '\0' ? '\0' : text[1];
    switch (mark) {
    case 'x':
    case 'X':
        return read_digits(text + 2, 16, out);
    case 'o':
    case 'O':
        return read_digits(text + 2, 8, out);
    case 'b':
    case 'B':
        return read_digits(text + 2, 2, out);
    default:
        return read_digits(text + 1, 8, out);
    }
}

/* A magnitude with its sign, when that is a 64-bit integer; without a sign also when it is an unsigned one. */
static bool make_integer(uint64_t magnitude, char sign, struct scalar *out) {
    const uint64_t most = INT64_MAX;
    if (sign == '-' && magnitude <= most + 1) {
        *out = (struct scalar){.kind = SCALAR_INTEGER, .integer = magnitude == 0 ? 0 : -(int64_t)(magnitude - 1) - 1};
        return true;
    }
    if (sign != '-' && magnitude <= most) {
        *out = (struct scalar){.kind = SCALAR_INTEGER, .integer = (int64_t)magnitude};
        return true;
    }
    if (sign == '\0') {
        *out = (struct scalar){.kind = SCALAR_UNSIGNED, .natural = magnitude};
        return true;
    }
    return false;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_decimal(const char *text) {
    static const char digits[] = "0123456789";
    text += *text == '-' || *text == '+';
    size_t whole = strspn(text, digits);
    text += whole;
    if (*text == '.') {
        size_t fraction = strspn(++text, digits);
        text += fraction;
        if (whole + fraction == 0)
            return false;
    } else if (whole == 0) {
        return false;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        size_t exponent = strspn(text, digits);
        text += exponent;
        if (exponent == 0)
            return false;
    }
    return *text == '\0';
}

static bool read_decimal(const char *text, struct scalar *out) {
    if (!is_decimal(text))
        return false;
    double number = strtod(text, NULL);
    if (!isfinite(number))
        return false;
    *out = (struct scalar){.kind = SCALAR_NUMBER, .number = number};
    return true;
}

/* The resolver strips "0b" and lets a sign follow, so that 0b-101 is -5. */
static bool read_binary(const char *text, struct scalar *out) {
    if (text[0] != '0' || text[1] != 'b')
        return false;
    char sign = text[2] == '-' || text[2] == '+' ? text[2] : '\0';
    const char *digits = text + 2 + (sign != '\0');
    uint64_t magnitude;
    return digits[0] != '\0' && read_digits(digits, 2, &magnitude) && make_integer(magnitude, sign, out);
}

static struct scalar resolve_number(const char *text) {
    struct scalar scalar = {.kind = SCALAR_TEXT};
    char sign = text[0] == '-' || text[0] == '+' ? text[0] : '\0';
    uint64_t magnitude;
    bool is_integer = read_natural(text + (sign != '\0'), &magnitude) && make_integer(magnitude, sign, &scalar);
    if (!is_integer && !read_decimal(text, &scalar))
        (void)read_binary(text, &scalar);
    return scalar;
}

/* The text without its underscores: they count for nothing. */
static struct scalar resolve_spaced(const char *text, size_t length, struct scalar (*resolve)(const char *text)) {
    char near[64];
    char *plain = length < sizeof near ? near : malloc(length + 1);
    if (plain == NULL) {
        (void)fputs("eksact: out of memory\n", stderr);
        abort();
    }
    size_t kept = 0;
    for (size_t i = 0; i < length; i++)
        if (text[i] != '_')
            plain[kept++] = text[i];
    plain[kept] = '\0';
    struct scalar scalar = resolve(plain);
    if (plain != near)
        free(plain);
    return scalar;
}

static struct scalar resolve_decimal(const char *text) {
    struct scalar scalar = {.kind = SCALAR_TEXT};
    (void)read_decimal(text, &scalar);
    return scalar;
}

/* Go's strconv.ParseFloat takes underscores between digits only. */
static bool has_loose_underscore(const char *text) {
    for (const char *at = text; (at = strchr(at, '_')) != NULL; at++)
        if (at == text || !is_digit(at[-1]) || !is_digit(at[1]))
            return true;
    return false;
}

static bool is_number_letter(char letter) {
    if (digit_of(letter) < 16)
        return true;
    switch (letter) {
    case '.':
    case '+':
    case '-':
    case '_':
    case 'x':
    case 'X':
    case 'o':
    case 'O':
        return true;
    default:
        return false;
    }
}

/* Most texts that begin with a digit are none: addresses, versions, dates, sizes. */
static bool has_only_number_letters(const char *text, size_t length) {
    for (size_t i = length; i-- > 0;)
        if (!is_number_letter(text[i]))
            return false;
    return true;
}

struct scalar scalar_resolve(const char *text, size_t length) {
    struct scalar scalar = {.kind = SCALAR_TEXT};
    if (length == 0)
        return (struct scalar){.kind = SCALAR_NULL};
    char first = text[0];
    bool may_be_number = is_digit(first) || first == '-' || first == '+';
    if (!may_be_number && strchr("yYnNtTfFoO~.", first) == NULL)
        return scalar;
    if (find_word(text, length, &scalar))
        return scalar;
    if (!has_only_number_letters(text, length) || (first == '.' && has_loose_underscore(text)))
        return scalar;
    struct scalar (*resolve)(const char *) = may_be_number ? resolve_number : resolve_decimal;
    return memchr(text, '_', length) != NULL ? resolve_spaced(text, length, resolve) : resolve(text);
}

/* The fewest digits that read back as the same number, in the form d.ddde±dd. */
static void render_shortest(char text[static 40], double number, bool single) {
    for (int precision = 0; precision <= 17; precision++) {
        (void)snprintf(text, 40, "%.*e", precision, number);
        bool same = single ? strtof(text, NULL) == (float)number : strtod(text, NULL) == number;
        if (same)
            return;
    }
}

/* Go writes a whole number of up to 20 places as its shortest digits followed by zeros, and reads that back as an integer: beyond 2^53 this
 * may be another integer than the number itself. */
static bool whole_of(double number, int64_t *out) {
    const double exact_below = 9007199254740992.0;  /* 2^53 */
    const double too_large = 9223372036854775808.0; /* 2^63 */
    if (floor(number) != number || fabs(number) > too_large)
        return false;
    if (fabs(number) < exact_below) {
        *out = (int64_t)number;
        return true;
    }
    char shortest[40];
    render_shortest(shortest, number, false);
    long exponent = strtol(strchr(shortest, 'e') + 1, NULL, 10);
    char digits[40];
    size_t length = 0;
    for (const char *at = shortest; *at != 'e'; at++)
        if (*at != '.')
            digits[length++] = *at;
    size_t places = (size_t)exponent + 1 + (number < 0);
    while (length < places)
        digits[length++] = '0';
    digits[length] = '\0';
    errno = 0;
    *out = strtoll(digits, NULL, 10);
    return errno == 0;
}

bool scalar_value(const struct scalar *scalar, struct value *out) {
    int64_t whole;
    switch (scalar->kind) {
    case SCALAR_NULL:
        *out = value_null();
        return true;
    case SCALAR_BOOLEAN:
        *out = value_of_boolean(scalar->boolean);
        return true;
    case SCALAR_INTEGER:
        *out = value_of_integer(scalar->integer);
        return true;
    case SCALAR_UNSIGNED:
        *out = value_of_number((double)scalar->natural);
        return true;
    case SCALAR_NUMBER:
        if (!isfinite(scalar->number))
            return false;
        *out = whole_of(scalar->number, &whole) ? value_of_integer(whole) : value_of_number(scalar->number);
        return true;
    case SCALAR_TEXT:
    default:
        return false;
    }
}

/* Go's strconv.FormatFloat(number, 'g', -1, 32), as sigs.k8s.io/yaml calls it for keys. */
static const char *number_key(struct arena *arena, double number) {
    const double rounds_to_infinity = 0x1.ffffffp127; /* half a step above the largest float */
    if (isnan(number))
        return ".nan";
    if (fabs(number) >= rounds_to_infinity)
        return number > 0 ? ".inf" : "-.inf";
    char shortest[40];
    float single = (float)number;
    render_shortest(shortest, (double)single, true);
    char *mark = strchr(shortest, 'e');
    long exponent = strtol(mark + 1, NULL, 10);
    if (exponent < -4 || exponent >= 6)
        return arena_copy(arena, shortest, strlen(shortest));
    const char *point = strchr(shortest, '.');
    long places = (point != NULL ? mark - point - 1 : 0) - exponent;
    return arena_text(arena, "%.*f", places > 0 ? (int)places : 0, (double)single);
}

const char *scalar_key(struct arena *arena, const struct scalar *scalar) {
    switch (scalar->kind) {
    case SCALAR_BOOLEAN:
        return scalar->boolean ? "true" : "false";
    case SCALAR_INTEGER:
        return arena_text(arena, "%" PRId64, scalar->integer);
    case SCALAR_NUMBER:
        return number_key(arena, scalar->number);
    case SCALAR_NULL:
    case SCALAR_UNSIGNED:
    case SCALAR_TEXT:
    default:
        return NULL;
    }
}
