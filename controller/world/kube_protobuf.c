/* world/kube_protobuf.c: protobuf's wire format, and the envelope that Kubernetes puts around it. Nothing here believes a length. */
#include "world/kube_parts.h"

enum { VARINT_BYTES_MOST = 10, ENVELOPE_BYTES = 4 };

static const char envelope[ENVELOPE_BYTES] = {'k', '8', 's', '\0'};

/* Field numbers of runtime.Unknown and runtime.TypeMeta (k8s.io/apimachinery/pkg/runtime/generated.proto). */
enum { UNKNOWN_TYPE_META = 1, UNKNOWN_RAW = 2, UNKNOWN_CONTENT_ENCODING = 3, TYPE_META_KIND = 2 };

struct protobuf protobuf_of(const char *bytes, size_t length) {
    return (struct protobuf){.at = bytes, .end = bytes + length};
}

/* Bytes taken; 0 when more are needed, or *broken. */
static size_t varint_read(const char *bytes, size_t length, uint64_t *out, bool *broken) {
    uint64_t worth = 0;
    for (size_t i = 0; i < length && i < VARINT_BYTES_MOST; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (i == VARINT_BYTES_MOST - 1 && byte > 1)
            break; /* over 64 bits */
        worth |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *out = worth;
            return i + 1;
        }
    }
    *broken = *broken || length >= VARINT_BYTES_MOST;
    return 0;
}

size_t protobuf_head(const char *bytes, size_t length, struct protobuf_field *out, bool *broken) {
    uint64_t tag = 0, more = 0;
    size_t taken = varint_read(bytes, length, &tag, broken);
    if (taken == 0)
        return 0;
    uint64_t number = tag >> 3;
    unsigned type = (unsigned)(tag & 7);
    if (number == 0 || number > 0x1fffffff ||
        (type != PROTOBUF_VARINT && type != PROTOBUF_FIXED64 && type != PROTOBUF_BYTES && type != PROTOBUF_FIXED32)) {
        *broken = true;
        return 0;
    }
    *out = (struct protobuf_field){.number = (unsigned)number, .type = (enum protobuf_type)type};
    if (type == PROTOBUF_FIXED64 || type == PROTOBUF_FIXED32) {
        out->length = type == PROTOBUF_FIXED64 ? 8 : 4;
        return taken;
    }
    size_t taken_more = varint_read(bytes + taken, length - taken, &more, broken);
    if (taken_more == 0)
        return 0;
    if (type == PROTOBUF_VARINT) {
        out->integer = more;
    } else if (more > SIZE_MAX / 2) {
        *broken = true;
        return 0;
    } else {
        out->length = (size_t)more;
    }
    return taken + taken_more;
}

bool protobuf_next(struct protobuf *message, struct protobuf_field *out) {
    if (message->broken || message->at == message->end)
        return false;
    size_t left = (size_t)(message->end - message->at);
    size_t head = protobuf_head(message->at, left, out, &message->broken);
    if (head == 0 || out->length > left - head) {
        message->broken = true;
        return false;
    }
    out->bytes = message->at + head;
    message->at = out->bytes + out->length;
    return true;
}

bool protobuf_is(const struct protobuf_field *field, const char *text) {
    return field->length == strlen(text) && (field->length == 0 || memcmp(field->bytes, text, field->length) == 0);
}

char *protobuf_text(struct arena *arena, const struct protobuf_field *field) {
    char *text = arena_copy(arena, field->length == 0 ? "" : field->bytes, field->length);
    for (size_t i = 0; i < field->length;) {
        size_t step = text[i] > 0 ? 1 : text[i] == '\0' ? 0 : text_utf8_step(text + i, field->length - i);
        if (step == 0) {
            text[i] = '?';
            step = 1;
        }
        i += step;
    }
    return text;
}

static bool type_meta_is(const struct protobuf_field *type_meta, const char *kind) {
    struct protobuf message = protobuf_of(type_meta->bytes, type_meta->length);
    bool same = false;
    for (struct protobuf_field field; protobuf_next(&message, &field);) {
        if (field.number == TYPE_META_KIND && field.type == PROTOBUF_BYTES)
            same = protobuf_is(&field, kind);
    }
    return same && !message.broken;
}

bool protobuf_unwrap(const char *bytes, size_t length, const char *kind, struct protobuf *out) {
    if (length < ENVELOPE_BYTES || memcmp(bytes, envelope, ENVELOPE_BYTES) != 0)
        return false;
    struct protobuf unknown = protobuf_of(bytes + ENVELOPE_BYTES, length - ENVELOPE_BYTES);
    struct protobuf_field raw = {0};
    bool right_kind = kind == NULL, encoded = false;
    for (struct protobuf_field field; protobuf_next(&unknown, &field);) {
        if (field.type != PROTOBUF_BYTES)
            continue;
        if (field.number == UNKNOWN_TYPE_META && kind != NULL)
            right_kind = type_meta_is(&field, kind);
        else if (field.number == UNKNOWN_RAW)
            raw = field;
        else if (field.number == UNKNOWN_CONTENT_ENCODING)
            encoded = field.length > 0;
    }
    if (unknown.broken || encoded || !right_kind || raw.bytes == NULL)
        return false;
    *out = protobuf_of(raw.bytes, raw.length);
    return true;
}
