/* world/aws_xml.c: XML answers of the AWS Query protocol as values. The only file that knows expat. */
#include "world/aws_parts.h"

#include <expat.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define DEPTH_MOST 32
#define VALUE_COUNT_MOST 200000
#define TEXT_LIMIT_BYTES ((size_t)1024 * 1024)

/* An element that is open. */
struct frame {
    const char *name;      /* with a small first letter */
    struct value children; /* null: none yet; a map, or a list when they are called "member" */
    struct text text;
};

struct reading {
    XML_Parser parser;
    struct arena *arena;
    struct frame frames[DEPTH_MOST];
    size_t depth;
    size_t value_count;
    const char *root;
    struct value result;
    const char *problem; /* NULL: none */
};

static void give_up(struct reading *reading, const char *problem) {
    if (reading->problem == NULL)
        reading->problem = problem;
    XML_StopParser(reading->parser, XML_FALSE);
}

static void on_open(void *context, const XML_Char *name, const XML_Char **attributes) {
    struct reading *reading = context;
    (void)attributes;
    if (reading->depth == DEPTH_MOST || ++reading->value_count > VALUE_COUNT_MOST) {
        give_up(reading, "it is nested too deep or has too many elements");
        return;
    }
    char *small = arena_copy(reading->arena, name, strlen(name));
    if (reading->depth == 0)
        reading->root = arena_copy(reading->arena, name, strlen(name));
    if (small[0] >= 'A' && small[0] <= 'Z')
        small[0] = (char)(small[0] + ('a' - 'A'));
    struct frame *frame = &reading->frames[reading->depth++];
    *frame = (struct frame){.name = small, .children = value_null()};
    text_init(&frame->text, TEXT_LIMIT_BYTES);
}

static void on_text(void *context, const XML_Char *bytes, int length) {
    struct reading *reading = context;
    if (reading->depth > 0)
        text_add_bytes(&reading->frames[reading->depth - 1].text, bytes, (size_t)length);
}

static bool is_tags(const char *name) {
    return strcmp(name, "tags") == 0;
}

static struct value tags_map(struct arena *arena, const struct value *list) {
    struct value map = value_of_map();
    for (size_t i = 0; i < list->list.count; i++) {
        const char *key = value_text_at(&list->list.items[i], "key");
        const struct value *text = value_find(&list->list.items[i], "value");
        if (key != NULL)
            value_set(arena, &map, key, text == NULL ? value_of_text("") : *text);
    }
    return map;
}

static int digit_of(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if ((digit | 32) >= 'a' && (digit | 32) <= 'f')
        return (digit | 32) - 'a' + 10;
    return -1;
}

static size_t percent_decode(char *text, size_t length) {
    size_t out = 0;
    for (size_t i = 0; i < length; i++, out++) {
        bool escape = text[i] == '%' && i + 2 < length && digit_of(text[i + 1]) >= 0 && digit_of(text[i + 2]) >= 0;
        text[out] = escape ? (char)(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2])) : text[i];
        i += escape ? 2 : 0;
    }
    text[out] = '\0';
    return out;
}

/* "The document is URL-encoded, compliant with RFC 3986" (IAM API reference, GetRole and others). */
static struct value document_of(struct arena *arena, const char *bytes, size_t length) {
    struct value document = value_null();
    struct error ignored = {0};
    char *plain = arena_copy(arena, bytes, length);
    size_t plain_length = percent_decode(plain, length);
    if (json_parse(arena, "policy document", plain, plain_length, &document, &ignored) && document.type == VALUE_MAP)
        return document;
    return value_of_text(arena_copy(arena, bytes, length));
}

static bool is_document(const char *name) {
    return text_ends(name, "PolicyDocument") || strcmp(name, "policyDocument") == 0 || strcmp(name, "document") == 0;
}

static struct value frame_value(struct arena *arena, const struct frame *frame) {
    if (frame->children.type == VALUE_LIST && is_tags(frame->name))
        return tags_map(arena, &frame->children);
    if (frame->children.type != VALUE_NULL)
        return frame->children;
    bool blank = frame->text.length == 0 || strspn(frame->text.data, " \t\r\n") == frame->text.length;
    if (blank && is_tags(frame->name))
        return value_of_map();
    if (blank && text_ends(frame->name, "List"))
        return value_of_list();
    if (frame->text.length == 0)
        return value_of_text("");
    if (is_document(frame->name))
        return document_of(arena, frame->text.data, frame->text.length);
    return value_of_text(text_copy(&frame->text, arena));
}

static void on_close(void *context, const XML_Char *name) {
    struct reading *reading = context;
    (void)name;
    if (reading->depth == 0)
        return;
    struct frame *frame = &reading->frames[--reading->depth];
    if (frame->text.full)
        give_up(reading, "one of its texts is too long");
    struct value value = frame_value(reading->arena, frame);
    if (frame->text.data != NULL)
        secret_wipe(frame->text.data, frame->text.length); /* AssumeRole answers come through here */
    text_done(&frame->text);
    if (reading->depth == 0) {
        reading->result = value;
        return;
    }
    struct value *children = &reading->frames[reading->depth - 1].children;
    bool is_member = strcmp(frame->name, "member") == 0;
    if (children->type == VALUE_NULL)
        *children = is_member ? value_of_list() : value_of_map();
    if (is_member && children->type == VALUE_LIST)
        value_append(reading->arena, children, value);
    else if (!is_member && children->type == VALUE_MAP)
        value_set(reading->arena, children, frame->name, value);
    else
        give_up(reading, "it mixes lists and members");
}

/* A document type could define entities that grow without bound; AWS sends none. */
static void on_doctype(void *context, const XML_Char *name, const XML_Char *identifier, const XML_Char *public, int has_internal) {
    (void)name;
    (void)identifier;
    (void)public;
    (void)has_internal;
    give_up(context, "it has a document type");
}

/* expat 2.9.0 brought a wider function, and deprecates the one that all before it have. */
static uint64_t line_number(XML_Parser parser) {
#if XML_MAJOR_VERSION > 2 || (XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION >= 9)
    return XML_GetCurrentLineNumber64(parser);
#else
    return XML_GetCurrentLineNumber(parser);
#endif
}

bool aws_xml_parse(struct arena *arena, const char *name, const char *bytes, size_t length, const char **out_root, struct value *out,
                   struct error *err) {
    struct reading reading = {.parser = XML_ParserCreate("UTF-8"), .arena = arena, .result = value_null()};
    if (reading.parser == NULL)
        abort();
    XML_SetUserData(reading.parser, &reading);
    XML_SetElementHandler(reading.parser, on_open, on_close);
    XML_SetCharacterDataHandler(reading.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading.parser, on_doctype);

    bool fits = length <= INT32_MAX;
    bool parsed = fits && XML_Parse(reading.parser, bytes, (int)length, XML_TRUE) == XML_STATUS_OK && reading.problem == NULL;
    if (!parsed)
        error_set(err, ERROR_BROKEN, "%s: cannot be read as XML: line %" PRIu64 ": %s", name, line_number(reading.parser),
                  reading.problem != NULL ? reading.problem : XML_ErrorString(XML_GetErrorCode(reading.parser)));
    while (reading.depth > 0)
        text_done(&reading.frames[--reading.depth].text);
    XML_ParserFree(reading.parser);
    if (!parsed)
        return false;
    *out_root = reading.root;
    *out = reading.result;
    return true;
}
