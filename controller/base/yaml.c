#include "base/yaml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/hash.h"
#include "base/scalar.h"
#include "base/text.h"

#define TEXT_LIMIT_BYTES ((size_t)1 << 20)
#define DOCUMENT_LIMIT 1000
#define DEPTH_LIMIT 100
#define KEY_LIMIT_BYTES 1024
#define ANCHOR_LIMIT 1000
#define EXPANSION_LIMIT_TIMES 10
#define EXPANSION_ALLOWED_BYTES ((size_t)64 << 10)

/* A node that an alias can name. */
struct anchor {
    const char *name;
    struct value value;
    const char *key;     /* what it is called as a member name; NULL when it cannot be one */
    size_t weight_bytes; /* of the text that would say the same without aliases */
    bool open;           /* its end has not come: an alias to it now would hold itself */
};

/* A member whose map is not complete yet. */
struct pending {
    struct member member;
    bool merged; /* came by <<, so that it may stand beside a member of the same key */
};

/* What libyaml reads from: the text, and a line end where the last line has none. kubectl cuts a file into lines before it parses and ends
 * every line, so that a literal block at the very end has its newline too. */
struct input {
    const char *bytes;
    size_t length;
    size_t position;
    bool line_end_due;
};

#define KNOWN_KEY_COUNT 256 /* a power of two */

struct reader {
    struct arena *arena;
    struct findings *findings;
    const char *file;
    struct input input;
    yaml_parser_t parser;
    yaml_event_t event; /* the one being looked at */
    bool broken;        /* no further event can be read */
    bool refused;       /* the document has a finding */
    bool overexpanded;  /* said once a document */
    size_t flow_depth;  /* of [ ] and { } around the event */
    size_t expanded_bytes;
    size_t expansion_limit_bytes;

    /* Stacks of what is not complete yet: each list and map takes what it pushed. On the heap; freed at the end. */
    struct value *items;
    size_t item_count;
    size_t item_capacity;
    struct pending *members;
    size_t member_count;
    size_t member_capacity;
    struct anchor *anchors;
    size_t anchor_count;
    size_t anchor_capacity;

    /* Keys met lately, by a hash: manifests say the same few hundred again and again. */
    const char *known_keys[KNOWN_KEY_COUNT];
};

static void *grow(void *items, size_t count, size_t *capacity, size_t item_bytes) {
    if (count < *capacity)
        return items;
    *capacity = *capacity == 0 ? 64 : *capacity * 2;
    void *moved = realloc(items, *capacity * item_bytes);
    if (moved == NULL) {
        (void)fputs("eksact: out of memory\n", stderr);
        abort();
    }
    return moved;
}

static int read_input(void *context, unsigned char *buffer, size_t size, size_t *read) {
    struct input *input = context;
    size_t left = input->length - input->position;
    size_t taken = left < size ? left : size;
    memcpy(buffer, input->bytes + input->position, taken);
    input->position += taken;
    if (input->position == input->length && taken < size && input->line_end_due) {
        buffer[taken++] = '\n';
        input->line_end_due = false;
    }
    *read = taken;
    return 1;
}

static uint16_t column_of(size_t column) {
    return column < UINT16_MAX - 1 ? (uint16_t)(column + 1) : UINT16_MAX;
}

static struct place place_of(const struct reader *reader, yaml_mark_t mark) {
    return (struct place){.file = reader->file, .line = (uint32_t)mark.line + 1, .column = column_of(mark.column)};
}

static struct place place_here(const struct reader *reader) {
    return place_of(reader, reader->event.start_mark);
}

static struct value put_place(const struct reader *reader, struct value value) {
    value.line = (uint32_t)reader->event.start_mark.line + 1;
    value.column = column_of(reader->event.start_mark.column);
    return value;
}

/* A finding at the current event; the document is left out. */
static void refuse(struct reader *reader, const char *hint, const char *text) {
    reader->refused = true;
    findings_add(reader->findings, reader->arena, place_here(reader), hint, "%s", text);
}

/* The byte at a line and column counted from 0; NUL when there is none. Only for hints: libyaml knows more line ends than this does. */
static char byte_at(const struct input *input, yaml_mark_t mark) {
    const char *at = input->bytes;
    const char *end = input->bytes + input->length;
    for (size_t line = 0; line < mark.line && at < end; line++) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        at = line_end != NULL ? line_end + 1 : end;
    }
    return mark.column < (size_t)(end - at) ? at[mark.column] : '\0';
}

static void report_syntax(struct reader *reader) {
    const yaml_parser_t *parser = &reader->parser;
    reader->broken = true;
    reader->refused = true;
    const char *hint = NULL;
    if (parser->error == YAML_SCANNER_ERROR && byte_at(&reader->input, parser->problem_mark) == '\t')
        hint = "indent with spaces: YAML allows no tabs there";
    const char *problem = parser->problem != NULL ? parser->problem : "out of memory";
    struct place place = place_of(reader, parser->problem_mark);
    if (parser->context == NULL)
        findings_add(reader->findings, reader->arena, place, hint, "YAML syntax: %s", problem);
    else
        findings_add(reader->findings, reader->arena, place, hint, "YAML syntax: %s, %s that begins in line %zu", problem, parser->context,
                     parser->context_mark.line + 1);
}

static bool next(struct reader *reader) {
    yaml_event_delete(&reader->event);
    if (!yaml_parser_parse(&reader->parser, &reader->event))
        report_syntax(reader);
    return !reader->broken;
}

static const char *event_text(const struct reader *reader) {
    return (const char *)reader->event.data.scalar.value;
}

static size_t weigh(const struct value *value) {
    size_t weight = 8;
    switch (value->type) {
    case VALUE_TEXT:
        return weight + value->text.length;
    case VALUE_LIST:
        for (size_t i = 0; i < value->list.count; i++)
            weight += weigh(&value->list.items[i]);
        return weight;
    case VALUE_MAP:
        for (size_t i = 0; i < value->map.count; i++)
            weight += strlen(value->map.members[i].key) + weigh(&value->map.members[i].value);
        return weight;
    default:
        return weight;
    }
}

#define NO_ANCHOR SIZE_MAX

/* Returns the index for close_anchor. */
static size_t open_anchor(struct reader *reader, const yaml_char_t *name) {
    if (name == NULL)
        return NO_ANCHOR;
    if (reader->anchor_count >= ANCHOR_LIMIT) {
        if (reader->anchor_count++ == ANCHOR_LIMIT)
            refuse(reader, NULL, "more than 1000 anchors in one document");
        return NO_ANCHOR;
    }
    reader->anchors = grow(reader->anchors, reader->anchor_count, &reader->anchor_capacity, sizeof reader->anchors[0]);
    reader->anchors[reader->anchor_count] =
        (struct anchor){.name = arena_copy(reader->arena, (const char *)name, strlen((const char *)name)), .open = true};
    return reader->anchor_count++;
}

static void close_anchor(struct reader *reader, size_t index, struct value value, const char *key) {
    if (index == NO_ANCHOR)
        return;
    struct anchor *anchor = &reader->anchors[index];
    anchor->value = value;
    anchor->key = key;
    anchor->weight_bytes = weigh(&value);
    anchor->open = false;
}

/* The last one of that name counts: a name may be given again. */
static const struct anchor *find_anchor(struct reader *reader) {
    const char *name = (const char *)reader->event.data.alias.anchor;
    size_t count = reader->anchor_count < ANCHOR_LIMIT ? reader->anchor_count : ANCHOR_LIMIT;
    for (size_t i = count; i-- > 0;) {
        const struct anchor *anchor = &reader->anchors[i];
        if (strcmp(anchor->name, name) != 0)
            continue;
        if (!anchor->open)
            return anchor;
        refuse(reader, NULL, arena_text(reader->arena, "anchor \"%s\" contains itself", name));
        return NULL;
    }
    refuse(reader, NULL, arena_text(reader->arena, "alias \"*%s\" has no anchor before it in its document", name));
    return NULL;
}

static struct value expand_alias(struct reader *reader) {
    const struct anchor *anchor = find_anchor(reader);
    if (anchor == NULL)
        return value_null();
    reader->expanded_bytes += anchor->weight_bytes;
    if (reader->expanded_bytes <= reader->expansion_limit_bytes)
        return value_copy(reader->arena, &anchor->value);
    reader->expanded_bytes -= anchor->weight_bytes;
    if (!reader->overexpanded)
        refuse(reader, NULL, "aliases make the text more than 10 times as large");
    reader->overexpanded = true;
    return value_null();
}

/* What a scalar event says: a typed scalar, or a text. */
struct meaning {
    struct scalar scalar;
    const char *text; /* of SCALAR_TEXT, in the arena */
    size_t length;
};

static struct meaning text_meaning(struct reader *reader, const char *text, size_t length) {
    /* Texts are C strings here, and no Kubernetes or AWS field takes a NUL. Only an escape can make one. */
    if (reader->event.data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE && memchr(text, '\0', length) != NULL) {
        refuse(reader, NULL, "a text must not contain the character U+0000");
        length = 0;
    }
    return (struct meaning){.scalar = {.kind = SCALAR_TEXT}, .text = arena_copy(reader->arena, text, length), .length = length};
}

static bool is_utf8(const char *bytes, size_t length) {
    for (size_t at = 0; at < length;) {
        size_t step = bytes[at] != '\0' ? text_utf8_step(bytes + at, length - at) : 0;
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

/* Go's base64.StdEncoding: the standard alphabet, padded, line ends ignored. */
static bool is_standard_base64(const char *text) {
    size_t letters = 0;
    for (; *text != '\0'; text++) {
        if (*text == '-' || *text == '_')
            return false;
        letters += *text != '\n' && *text != '\r';
    }
    return letters % 4 == 0;
}

static struct meaning binary_meaning(struct reader *reader) {
    const char *text = event_text(reader);
    char *bytes = NULL;
    size_t length = 0;
    bool ok = is_standard_base64(text) && base64_decode(reader->arena, text, reader->event.data.scalar.length, &bytes, &length);
    if (ok && is_utf8(bytes, length))
        return text_meaning(reader, bytes, length);
    refuse(reader, "write the base64 text without the tag", ok ? "!!binary is no UTF-8 text" : "!!binary is no base64");
    return text_meaning(reader, "", 0);
}

/* A known tag asks for a type, which the text must have; any other tag makes a text. */
static struct meaning tagged_meaning(struct reader *reader) {
    static const char prefix[] = "tag:yaml.org,2002:";
    const char *tag = (const char *)reader->event.data.scalar.tag;
    const char *name = text_starts(tag, prefix) ? tag + sizeof prefix - 1 : "";
    const char *text = event_text(reader);
    size_t length = reader->event.data.scalar.length;
    if (text_equal(name, "binary"))
        return binary_meaning(reader);
    if (!text_in(name, (const char *const[]){"null", "bool", "int", "float", "timestamp", NULL}))
        return text_meaning(reader, text, length);

    struct scalar scalar = scalar_resolve(text, length);
    if (text_equal(name, "float") && scalar.kind == SCALAR_INTEGER)
        scalar = (struct scalar){.kind = SCALAR_NUMBER, .number = (double)scalar.integer};
    bool fits = (text_equal(name, "null") && scalar.kind == SCALAR_NULL) || (text_equal(name, "bool") && scalar.kind == SCALAR_BOOLEAN) ||
                (text_equal(name, "int") && (scalar.kind == SCALAR_INTEGER || scalar.kind == SCALAR_UNSIGNED)) ||
                (text_equal(name, "float") && scalar.kind == SCALAR_NUMBER);
    if (text_equal(name, "timestamp"))
        refuse(reader, "leave the tag out: a date is read as text", "the tag !!timestamp is not read");
    else if (!fits)
        refuse(reader, NULL, arena_text(reader->arena, "what the tag !!%s stands before is none", name));
    return (struct meaning){.scalar = scalar};
}

static struct meaning read_meaning(struct reader *reader) {
    const char *text = event_text(reader);
    size_t length = reader->event.data.scalar.length;
    if (reader->event.data.scalar.tag != NULL)
        return tagged_meaning(reader);
    if (reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && reader->flow_depth > 0 && memchr(text, '?', length) != NULL)
        refuse(reader, "quote it", "a plain text inside [ ] or { } must not contain \"?\"");
    if (reader->event.data.scalar.plain_implicit) {
        struct scalar scalar = scalar_resolve(text, length);
        if (scalar.kind != SCALAR_TEXT)
            return (struct meaning){.scalar = scalar};
    }
    return text_meaning(reader, text, length);
}

static struct value value_of_meaning(struct reader *reader, const struct meaning *meaning) {
    struct value value = value_null();
    if (meaning->scalar.kind == SCALAR_TEXT && meaning->text != NULL) {
        value.type = VALUE_TEXT;
        value.text.bytes = meaning->text;
        value.text.length = meaning->length;
    } else if (meaning->scalar.kind != SCALAR_TEXT && !scalar_value(&meaning->scalar, &value)) {
        refuse(reader, "quote it to make it a text", "infinite and not-a-number have no form in JSON");
    }
    return put_place(reader, value);
}

static const char *key_of_meaning(const struct reader *reader, const struct meaning *meaning) {
    return meaning->scalar.kind == SCALAR_TEXT ? meaning->text : scalar_key(reader->arena, &meaning->scalar);
}

static struct value read_scalar(struct reader *reader) {
    struct meaning meaning = read_meaning(reader);
    struct value value = value_of_meaning(reader, &meaning);
    size_t anchor = open_anchor(reader, reader->event.data.scalar.anchor);
    if (anchor != NO_ANCHOR)
        close_anchor(reader, anchor, value, key_of_meaning(reader, &meaning));
    return value;
}

static struct value read_node(struct reader *reader, unsigned depth);

static void push_item(struct reader *reader, struct value value) {
    reader->items = grow(reader->items, reader->item_count, &reader->item_capacity, sizeof reader->items[0]);
    reader->items[reader->item_count++] = value;
}

static void push_member(struct reader *reader, struct member member, bool merged) {
    reader->members = grow(reader->members, reader->member_count, &reader->member_capacity, sizeof reader->members[0]);
    reader->members[reader->member_count++] = (struct pending){.member = member, .merged = merged};
}

/* The capacity that arena_grow expects of a list of that many. */
static size_t capacity_of(size_t count) {
    size_t capacity = 1;
    while (capacity < count)
        capacity *= 2;
    return capacity;
}

static struct value read_list(struct reader *reader, unsigned depth) {
    struct value list = put_place(reader, value_of_list());
    size_t anchor = open_anchor(reader, reader->event.data.sequence_start.anchor);
    size_t bottom = reader->item_count;
    bool is_flow = reader->event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    reader->flow_depth += is_flow;
    while (next(reader) && reader->event.type != YAML_SEQUENCE_END_EVENT)
        push_item(reader, read_node(reader, depth + 1));

    reader->flow_depth -= is_flow;
    list.list.count = reader->item_count - bottom;
    if (list.list.count > 0) {
        list.list.items = ARENA_ARRAY(reader->arena, struct value, capacity_of(list.list.count));
        memcpy(list.list.items, reader->items + bottom, list.list.count * sizeof list.list.items[0]);
    }
    reader->item_count = bottom;
    close_anchor(reader, anchor, list, NULL);
    return list;
}

/* Behind a node whose first event is the current one; at its last event. */
static void skip_node(struct reader *reader) {
    size_t open = 0;
    for (;;) {
        yaml_event_type_t type = reader->event.type;
        open += type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;
        open -= type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT;
        if (open == 0 || !next(reader))
            return;
    }
}

/* The usual key: plain, not long, and nothing but a text. */
static bool is_plain_word(const struct reader *reader) {
    size_t length = reader->event.data.scalar.length;
    if (!reader->event.data.scalar.plain_implicit || reader->event.data.scalar.anchor != NULL || reader->flow_depth > 0 || length > 64)
        return false;
    return scalar_resolve(event_text(reader), length).kind == SCALAR_TEXT;
}

static const char *read_known_key(struct reader *reader) {
    const char *text = event_text(reader);
    size_t length = reader->event.data.scalar.length;
    size_t hash = length + (size_t)(unsigned char)text[0] * 31 + (size_t)(unsigned char)text[length / 2] * 7 +
                  (size_t)(unsigned char)text[length - 1] * 131;
    const char **known = &reader->known_keys[hash & (KNOWN_KEY_COUNT - 1)];
    if (*known == NULL || strcmp(*known, text) != 0)
        *known = arena_copy(reader->arena, text, length);
    return *known;
}

/* NULL, with a finding, when it cannot be a member name. */
static const char *read_scalar_key(struct reader *reader) {
    struct meaning meaning = read_meaning(reader);
    const char *key = key_of_meaning(reader, &meaning);
    size_t anchor = open_anchor(reader, reader->event.data.scalar.anchor);
    if (anchor != NO_ANCHOR)
        close_anchor(reader, anchor, value_of_meaning(reader, &meaning), key);
    if (meaning.scalar.kind == SCALAR_NULL)
        refuse(reader, "quote it, or give the member a name", "null cannot be a key");
    else if (key == NULL)
        refuse(reader, "quote it", "an integer above 9223372036854775807 cannot be a key");
    else if (meaning.length > KEY_LIMIT_BYTES)
        refuse(reader, NULL, "a key has more than 1024 bytes");
    return key;
}

static const char *read_key(struct reader *reader) {
    if (reader->event.type == YAML_SCALAR_EVENT)
        return is_plain_word(reader) ? read_known_key(reader) : read_scalar_key(reader);
    if (reader->event.type == YAML_ALIAS_EVENT) {
        const struct anchor *anchor = find_anchor(reader);
        if (anchor != NULL && anchor->key == NULL)
            refuse(reader, NULL, "only a scalar can be a key");
        return anchor != NULL ? anchor->key : NULL;
    }
    refuse(reader, NULL, "only a scalar can be a key");
    skip_node(reader);
    return NULL;
}

static bool is_merge(const struct reader *reader) {
    if (reader->event.type != YAML_SCALAR_EVENT || strcmp(event_text(reader), "<<") != 0)
        return false;
    const char *tag = (const char *)reader->event.data.scalar.tag;
    return reader->event.data.scalar.plain_implicit || text_equal(tag, "tag:yaml.org,2002:merge");
}

static void merge_map(struct reader *reader, const struct value *map) {
    for (size_t i = 0; i < map->map.count; i++)
        push_member(reader, map->map.members[i], true);
}

static bool is_list_of_maps(const struct value *value) {
    for (size_t i = 0; i < value_count(value); i++)
        if (value->list.items[i].type != VALUE_MAP)
            return false;
    return value->type == VALUE_LIST;
}

/* What follows a << key: a map, or a list of maps written out, of which the first counts most. */
static void read_merge(struct reader *reader, unsigned depth) {
    if (!next(reader))
        return;
    bool is_alias = reader->event.type == YAML_ALIAS_EVENT;
    struct place place = place_here(reader);
    struct value source = read_node(reader, depth + 1);
    if (reader->refused)
        return;
    if (source.type == VALUE_MAP) {
        merge_map(reader, &source);
    } else if (is_list_of_maps(&source) && !is_alias) {
        for (size_t i = source.list.count; i-- > 0;)
            merge_map(reader, &source.list.items[i]);
    } else {
        reader->refused = true;
        findings_add(reader->findings, reader->arena, place, NULL, "<< takes a map, or a list of maps");
    }
}

/* Every pair of a map's neighbours that have the same key. */
static void report_duplicates(struct reader *reader, const struct value *map) {
    for (size_t i = 1; i < map->map.count; i++) {
        const struct member *first = &map->map.members[i - 1];
        const struct member *second = &map->map.members[i];
        if (strcmp(first->key, second->key) != 0)
            continue;
        reader->refused = true;
        struct place place = {.file = reader->file, .line = second->line, .column = second->column};
        findings_add(reader->findings, reader->arena, place, NULL, "key \"%s\" stands in this map already, in line %u", second->key,
                     (unsigned)first->line);
    }
}

/* The map of those members that were written, without those that were merged. */
static void collect_written(struct reader *reader, size_t bottom, struct value *map) {
    size_t count = reader->member_count - bottom;
    if (count == 0)
        return;
    map->map.members = ARENA_ARRAY(reader->arena, struct member, capacity_of(count));
    for (size_t i = bottom; i < reader->member_count; i++)
        if (!reader->members[i].merged)
            map->map.members[map->map.count++] = reader->members[i].member;
    if (value_sort(map) != NULL)
        report_duplicates(reader, map);
}

/* In the order in which they stand, the last one counts: that kubectl lets a << override what is written before it is no rule of YAML's. */
static void collect_merged(struct reader *reader, size_t bottom, struct value *map) {
    map->map.count = 0;
    for (size_t i = bottom; i < reader->member_count; i++) {
        const struct member *member = &reader->members[i].member;
        (void)value_set(reader->arena, map, member->key, member->value);
        struct member *stored = &map->map.members[value_find_member(map, member->key) - map->map.members];
        stored->line = member->line;
        stored->column = member->column;
    }
}

static struct value read_map(struct reader *reader, unsigned depth) {
    struct value map = put_place(reader, value_of_map());
    size_t anchor = open_anchor(reader, reader->event.data.mapping_start.anchor);
    size_t bottom = reader->member_count;
    bool merges = false;
    bool is_flow = reader->event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    reader->flow_depth += is_flow;
    while (next(reader) && reader->event.type != YAML_MAPPING_END_EVENT) {
        if (is_merge(reader)) {
            merges = true;
            read_merge(reader, depth);
            continue;
        }
        struct member member = {.line = (uint32_t)reader->event.start_mark.line + 1, .column = column_of(reader->event.start_mark.column)};
        member.key = read_key(reader);
        if (reader->broken || !next(reader))
            break;
        member.value = read_node(reader, depth + 1);
        if (member.key != NULL)
            push_member(reader, member, false);
    }
    reader->flow_depth -= is_flow;
    collect_written(reader, bottom, &map);
    if (merges)
        collect_merged(reader, bottom, &map);
    reader->member_count = bottom;
    close_anchor(reader, anchor, map, NULL);
    return map;
}

/* From its first event to its last. */
static struct value read_node(struct reader *reader, unsigned depth) {
    bool is_collection = reader->event.type == YAML_SEQUENCE_START_EVENT || reader->event.type == YAML_MAPPING_START_EVENT;
    if (is_collection && depth > DEPTH_LIMIT) {
        refuse(reader, NULL, "nested more than 100 deep");
        reader->broken = true;
        return value_null();
    }
    switch (reader->event.type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader);
    case YAML_ALIAS_EVENT:
        return expand_alias(reader);
    case YAML_SEQUENCE_START_EVENT:
        return read_list(reader, depth);
    case YAML_MAPPING_START_EVENT:
        return read_map(reader, depth);
    default:
        return value_null();
    }
}

/* kubectl cuts the text at its "---" lines and parses each piece alone, which leaves no room for directives, and none for a document that
 * only a "..." parts from the one before. */
static void check_document_start(struct reader *reader, size_t documents_before) {
    bool has_directive = reader->event.data.document_start.version_directive != NULL ||
                         reader->event.data.document_start.tag_directives.start != reader->event.data.document_start.tag_directives.end;
    if (has_directive)
        refuse(reader, "leave it out", "directives (%YAML, %TAG) are not read");
    if (reader->event.data.document_start.implicit && documents_before > 0)
        refuse(reader, "begin the document with a line of \"---\"", "a document that follows \"...\" without \"---\" is not read");
}

static void read_document(struct reader *reader, struct yaml_documents *documents, size_t documents_before) {
    reader->refused = false;
    reader->overexpanded = false;
    reader->flow_depth = 0;
    reader->anchor_count = 0;
    check_document_start(reader, documents_before);
    if (!next(reader))
        return;
    struct value value = read_node(reader, 1);
    if (reader->broken || !next(reader) || reader->refused || value.type == VALUE_NULL)
        return;
    documents->items = arena_grow(reader->arena, documents->items, documents->count, sizeof documents->items[0]);
    documents->items[documents->count++] = value;
}

static void read_stream(struct reader *reader, struct yaml_documents *documents) {
    size_t met = 0;
    while (next(reader) && reader->event.type != YAML_STREAM_END_EVENT) {
        if (reader->event.type != YAML_DOCUMENT_START_EVENT)
            continue;
        if (met == DOCUMENT_LIMIT) {
            refuse(reader, "split the file", "more than 1000 documents in one file");
            return;
        }
        read_document(reader, documents, met++);
    }
}

/* What YAML allows of the characters beyond ASCII (YAML 1.1, section 5.1). */
static bool is_allowed(const char *at, size_t step) {
    unsigned char first = (unsigned char)at[0];
    unsigned char second = (unsigned char)at[1];
    if (step == 2)
        return first != 0xc2 || second >= 0xa0 || second == 0x85;
    bool is_noncharacter = step == 3 && first == 0xef && second == 0xbf && (unsigned char)at[2] >= 0xbe;
    return !is_noncharacter;
}

/* What is wrong with the character, or NULL; moves *at behind it. */
static const char *check_character(const char **at, const char *end) {
    unsigned char letter = (unsigned char)**at;
    size_t step = letter < 0x80 ? 1 : text_utf8_step(*at, (size_t)(end - *at));
    if (step == 0)
        return "the text is not UTF-8";
    bool is_control =
        letter < 0x80 ? (letter < ' ' && letter != '\t' && letter != '\n' && letter != '\r') || letter == 0x7f : !is_allowed(*at, step);
    if (is_control)
        return "a control character";
    *at += step;
    return NULL;
}

/* What is wrong with a line that begins with "---", or NULL. */
static const char *check_separator(const char *rest, const char *end) {
    const char *at = rest;
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    if (at == end)
        return NULL;
    if (*at != '#')
        return "text on the line of \"---\"";
    return at == rest ? "a space is missing between \"---\" and \"#\"" : NULL;
}

static bool has_byte_order_mark(const char *line, const char *end) {
    return end - line >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0;
}

/* Looks for what libyaml would not find, or would find too late to keep the documents before it. Returns how much of the text can be
 * parsed: all, or all before the document with the first such fault, which is then a finding. */
static size_t check_text(struct arena *arena, const char *file, const char *bytes, size_t length, struct findings *findings) {
    const char *end = bytes + length;
    const char *document = bytes;
    struct place place = {.file = file, .line = 1};
    for (const char *line = bytes; line < end; place.line++) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        if (line_end == NULL)
            line_end = end;
        const char *at = line;
        const char *fault = NULL;
        if (line_end - line >= 3 && memcmp(line, "---", 3) == 0) {
            document = line;
            fault = check_separator(line + 3, line_end);
            at += fault != NULL ? 3 : 0;
        }
        /* libyaml takes one only at the very beginning. */
        if (line > bytes && has_byte_order_mark(line, line_end))
            fault = "a byte order mark inside the text";
        while (fault == NULL && at < line_end) {
            if ((unsigned char)(*at - ' ') < 0x7f - ' ')
                at++;
            else
                fault = check_character(&at, line_end);
        }
        if (fault != NULL) {
            place.column = column_of((size_t)(at - line));
            findings_add(findings, arena, place, NULL, "%s", fault);
            return (size_t)(document - bytes);
        }
        line = line_end < end ? line_end + 1 : end;
    }
    return length;
}

static unsigned hex_of(const char *at) {
    unsigned number = 0;
    for (size_t i = 0; i < 4; i++) {
        char letter = at[i];
        unsigned digit = letter >= '0' && letter <= '9'   ? (unsigned)(letter - '0')
                         : letter >= 'a' && letter <= 'f' ? (unsigned)(letter - 'a') + 10
                         : letter >= 'A' && letter <= 'F' ? (unsigned)(letter - 'A') + 10
                                                          : 0x10000;
        number = number * 16 + digit;
    }
    return number;
}

/* Whether "\uD83D\uDE00" or the like stands here; libyaml knows no such pairs. */
static bool is_surrogate_pair(const char *at, const char *end) {
    if (end - at < 12 || memcmp(at, "\\u", 2) != 0 || memcmp(at + 6, "\\u", 2) != 0)
        return false;
    return (hex_of(at + 2) & ~0x3ffu) == 0xd800 && (hex_of(at + 8) & ~0x3ffu) == 0xdc00;
}

static bool is_json(const char *bytes, size_t length) {
    size_t at = 0;
    while (at < length && strchr(" \t\r\n", bytes[at]) != NULL && bytes[at] != '\0')
        at++;
    return at < length && bytes[at] == '{';
}

static size_t render_utf8(char *to, unsigned code) {
    to[0] = (char)(0xf0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 0x3f));
    to[2] = (char)(0x80 | (code >> 6 & 0x3f));
    to[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* The text with the character itself in place of each surrogate pair of a JSON string; columns behind it on its line count less. */
static const char *join_surrogates(struct arena *arena, const char *bytes, size_t *length) {
    if (memchr(bytes, '\\', *length) == NULL)
        return bytes;
    char *joined = arena_take(arena, *length + 1);
    size_t to = 0;
    const char *end = bytes + *length;
    for (const char *at = bytes; at < end;) {
        if (is_surrogate_pair(at, end)) {
            to += render_utf8(joined + to, 0x10000 + ((hex_of(at + 2) & 0x3ff) << 10) + (hex_of(at + 8) & 0x3ff));
            at += 12;
            continue;
        }
        /* An escaped backslash must not lend its second half to what follows it. */
        size_t step = *at == '\\' && end - at >= 2 ? 2 : 1;
        memcpy(joined + to, at, step);
        to += step;
        at += step;
    }
    *length = to;
    return joined;
}

static void parse(struct arena *arena, const char *file, const char *bytes, size_t length, struct yaml_documents *documents,
                  struct findings *findings) {
    struct reader reader = {.arena = arena, .findings = findings, .file = file};
    reader.input = (struct input){.bytes = bytes, .length = length, .line_end_due = length > 0 && bytes[length - 1] != '\n'};
    reader.expansion_limit_bytes = length * EXPANSION_LIMIT_TIMES;
    if (reader.expansion_limit_bytes < EXPANSION_ALLOWED_BYTES)
        reader.expansion_limit_bytes = EXPANSION_ALLOWED_BYTES;
    if (!yaml_parser_initialize(&reader.parser)) {
        (void)fputs("eksact: out of memory\n", stderr);
        abort();
    }
    yaml_parser_set_input(&reader.parser, read_input, &reader.input);
    read_stream(&reader, documents);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    free(reader.items);
    free(reader.members);
    free(reader.anchors);
}

void yaml_parse(struct arena *arena, const char *file, const char *bytes, size_t length, struct yaml_documents *documents,
                struct findings *findings) {
    struct yaml_documents parsed = {0};
    struct place start = {.file = file, .line = 1, .column = 1};
    bool is_utf16 = length >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0);
    if (length > TEXT_LIMIT_BYTES) {
        findings_add(findings, arena, start, "split the file", "the file has more than 1048576 bytes");
    } else if (is_utf16) {
        findings_add(findings, arena, start, "save it as UTF-8", "the text is UTF-16");
    } else if (length > 0) {
        size_t usable = check_text(arena, file, bytes, length, findings);
        const char *text = is_json(bytes, usable) ? join_surrogates(arena, bytes, &usable) : bytes;
        parse(arena, file, text, usable, &parsed, findings);
    }
    *documents = parsed;
}
