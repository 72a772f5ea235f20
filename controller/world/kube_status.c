/* world/kube_status.c: what an API server says when it refuses: meta/v1 Status, in JSON or protobuf. */
#include "base/json.h"
#include "world/kube_parts.h"

enum { CAUSES_MOST = 64, TEXT_MOST_BYTES = 300, PIECE_MOST_BYTES = 200 };

/* k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto */
enum { STATUS_METADATA = 1, STATUS_MESSAGE = 3, STATUS_REASON = 4, STATUS_DETAILS = 5, LIST_META_CONTINUE = 3 };
enum { DETAILS_NAME = 1, DETAILS_KIND = 3, DETAILS_CAUSES = 4, DETAILS_RETRY_AFTER_SECONDS = 5 };
enum { CAUSE_REASON = 1, CAUSE_MESSAGE = 2, CAUSE_FIELD = 3 };

/* ---- protobuf ---- */

static bool cause_read(struct arena *arena, const struct protobuf_field *cause, struct kube_cause *out) {
    struct protobuf message = protobuf_of(cause->bytes, cause->length);
    *out = (struct kube_cause){.reason = "", .message = "", .field = ""};
    for (struct protobuf_field field; protobuf_next(&message, &field);) {
        if (field.type != PROTOBUF_BYTES)
            continue;
        if (field.number == CAUSE_REASON)
            out->reason = protobuf_text(arena, &field);
        else if (field.number == CAUSE_MESSAGE)
            out->message = protobuf_text(arena, &field);
        else if (field.number == CAUSE_FIELD)
            out->field = protobuf_text(arena, &field);
    }
    return !message.broken;
}

static struct kube_cause *cause_add(struct arena *arena, struct kube_status *status) {
    status->causes = arena_grow(arena, status->causes, status->cause_count, sizeof *status->causes);
    return &status->causes[status->cause_count++];
}

static bool details_read(struct arena *arena, const struct protobuf_field *details, struct kube_status *out) {
    struct protobuf message = protobuf_of(details->bytes, details->length);
    for (struct protobuf_field field; protobuf_next(&message, &field);) {
        if (field.type == PROTOBUF_VARINT && field.number == DETAILS_RETRY_AFTER_SECONDS)
            out->retry_after_seconds = field.integer > INT32_MAX ? 0 : (int64_t)field.integer;
        if (field.type != PROTOBUF_BYTES)
            continue;
        if (field.number == DETAILS_NAME)
            out->name = protobuf_text(arena, &field);
        else if (field.number == DETAILS_KIND)
            out->kind = protobuf_text(arena, &field);
        else if (field.number == DETAILS_CAUSES && out->cause_count < CAUSES_MOST && !cause_read(arena, &field, cause_add(arena, out)))
            return false;
    }
    return !message.broken;
}

static bool list_meta_read(struct arena *arena, const struct protobuf_field *meta, struct kube_status *out) {
    struct protobuf message = protobuf_of(meta->bytes, meta->length);
    for (struct protobuf_field field; protobuf_next(&message, &field);) {
        if (field.type == PROTOBUF_BYTES && field.number == LIST_META_CONTINUE && field.length > 0)
            out->next_page = protobuf_text(arena, &field);
    }
    return !message.broken;
}

static bool status_from_protobuf(struct arena *arena, struct protobuf message, struct kube_status *out) {
    bool fine = true;
    for (struct protobuf_field field; fine && protobuf_next(&message, &field);) {
        if (field.type != PROTOBUF_BYTES)
            continue;
        if (field.number == STATUS_METADATA)
            fine = list_meta_read(arena, &field, out);
        else if (field.number == STATUS_MESSAGE)
            out->message = protobuf_text(arena, &field);
        else if (field.number == STATUS_REASON)
            out->reason = protobuf_text(arena, &field);
        else if (field.number == STATUS_DETAILS)
            fine = details_read(arena, &field, out);
    }
    return fine && !message.broken;
}

/* ---- JSON ---- */

static const char *text_or_empty(const struct value *map, const char *path) {
    const char *text = value_text_at(map, path);
    return text == NULL ? "" : text;
}

static bool status_from_json(struct arena *arena, const char *bytes, size_t length, struct kube_status *out) {
    struct value whole;
    struct error ignored = {0};
    if (!json_parse(arena, "Status", bytes, length, &whole, &ignored) || !text_equal(value_text_at(&whole, "kind"), "Status"))
        return false;
    out->message = text_or_empty(&whole, "message");
    out->reason = text_or_empty(&whole, "reason");
    out->name = text_or_empty(&whole, "details.name");
    out->kind = text_or_empty(&whole, "details.kind");
    int64_t seconds = value_integer(value_at(&whole, "details.retryAfterSeconds"), 0);
    out->retry_after_seconds = seconds > 0 && seconds <= INT32_MAX ? seconds : 0;
    const char *next_page = value_text_at(&whole, "metadata.continue");
    out->next_page = text_is_empty(next_page) ? NULL : next_page;
    const struct value *causes = value_at(&whole, "details.causes");
    for (size_t i = 0; value_is(causes, VALUE_LIST) && i < causes->list.count && i < CAUSES_MOST; i++) {
        const struct value *cause = &causes->list.items[i];
        *cause_add(arena, out) = (struct kube_cause){
            .reason = text_or_empty(cause, "reason"), .message = text_or_empty(cause, "message"), .field = text_or_empty(cause, "field")};
    }
    return true;
}

bool kube_status_read(struct arena *arena, const char *bytes, size_t length, struct kube_status *out) {
    struct kube_status status = {.message = "", .reason = "", .name = "", .kind = ""};
    struct protobuf message;
    bool fine = protobuf_unwrap(bytes, length, "Status", &message) ? status_from_protobuf(arena, message, &status)
                                                                   : status_from_json(arena, bytes, length, &status);
    if (fine)
        *out = status;
    return fine;
}

/* ---- what it means ---- */

/* What follows the value in "Invalid value: VALUE: DETAIL" (k8s.io/apimachinery/pkg/util/validation/field): the value is the user's and may
 * say anything. */
static const char *cause_detail(const char *message) {
    if (!text_starts(message, "Invalid value: "))
        return message;
    const char *value = message + strlen("Invalid value: ");
    if (*value == '"') {
        const char *at = value + 1;
        while (*at != '\0' && *at != '"')
            at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
        return at;
    }
    const char *detail = NULL;
    for (const char *at = strstr(value, "}: "); at != NULL; at = strstr(at + 1, "}: "))
        detail = at;
    if (detail == NULL)
        detail = strstr(value, ": ");
    return detail == NULL ? "" : detail;
}

/* Words of the API server's validation (pkg/apis/.../validation) and of CRDs' transition rules. */
static bool detail_is_immutable(const char *detail) {
    static const char *const phrases[] = {"immutable", "may not change once set", "may not be changed in an update",
                                          "cannot change roleRef", "pod updates may not change fields"};
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (strcasestr(detail, phrases[i]) != NULL)
            return true;
    }
    const char *updates = strcasestr(detail, "updates to ");
    return updates != NULL && strcasestr(updates, "forbidden") != NULL;
}

bool kube_status_is_immutable(const struct kube_status *status) {
    for (size_t i = 0; i < status->cause_count; i++) {
        const struct kube_cause *cause = &status->causes[i];
        bool about_value = text_equal(cause->reason, "FieldValueForbidden") || text_equal(cause->reason, "FieldValueInvalid");
        if (about_value && detail_is_immutable(cause_detail(cause->message)))
            return true;
    }
    return false;
}

/* The typed merge of server-side apply tells mistakes of the manifest as 500 without a reason (seen with kube-apiserver 1.36). */
bool kube_status_is_manifest_mistake(const struct kube_status *status) {
    return status->reason[0] == '\0' && (text_starts(status->message, "failed to create typed patch object") ||
                                         text_starts(status->message, "failed to convert new object"));
}

/* ---- what a person reads ---- */

/* One line: what is no printable text becomes a blank, several blanks become one. */
static void line_add_all(struct text *text, const char *words) {
    size_t length = strlen(words);
    bool blank = true;
    for (size_t i = 0; i < length;) {
        size_t step = text_utf8_step(words + i, length - i);
        bool is_blank = step == 0 || (unsigned char)words[i] <= ' ' || words[i] == 0x7f;
        if (!is_blank)
            text_add_bytes(text, words + i, step);
        else if (!blank)
            text_add_bytes(text, " ", 1);
        blank = is_blank;
        i += step == 0 ? 1 : step;
    }
}

static bool is_continuation(char byte) {
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Of long words the middle is left out: the field stands at the beginning, what is wrong with it at the end, its value between them. */
static void line_add(struct text *text, const char *words, size_t most_bytes) {
    TEXT_AUTO line;
    text_init(&line, (size_t)1 << 20);
    line_add_all(&line, words);
    if (line.length <= most_bytes) {
        text_add_string(text, line.data);
        return;
    }
    size_t head = most_bytes * 3 / 5, tail = line.length - most_bytes * 2 / 5;
    while (head > 0 && is_continuation(line.data[head]))
        head--;
    while (tail < line.length && is_continuation(line.data[tail]))
        tail++;
    text_add_bytes(text, line.data, head);
    text_add_string(text, " … ");
    text_add_bytes(text, line.data + tail, line.length - tail);
}

static void causes_add(struct text *text, const struct kube_status *status) {
    for (size_t i = 0; i < status->cause_count && text->length < TEXT_MOST_BYTES; i++) {
        const struct kube_cause *cause = &status->causes[i];
        if (cause->message[0] == '\0' || strstr(status->message, cause->message) != NULL)
            continue; /* the message already says it */
        text_add_string(text, text->length == 0 ? "" : "; ");
        line_add(text, cause->field, PIECE_MOST_BYTES);
        text_add_string(text, cause->field[0] == '\0' ? "" : ": ");
        line_add(text, cause->message, PIECE_MOST_BYTES);
    }
}

/* Reasons whose message is made of names only, by the API server itself. */
static bool message_has_no_values(const struct kube_status *status) {
    static const char *const reasons[] = {"NotFound", "AlreadyExists", "Unauthorized",    "Conflict",           "Gone", "Expired",
                                          "Timeout",  "ServerTimeout", "TooManyRequests", "ServiceUnavailable", NULL};
    if (text_in(status->reason, reasons))
        return true;
    /* The authorizer's refusal; an admission plugin's, which may quote the object, begins otherwise. */
    return text_equal(status->reason, "Forbidden") && text_starts(status->message, "secrets ") &&
           strstr(status->message, " is forbidden: User \"") != NULL;
}

/* What the typed merge says is wrong, without the value it quotes: ".data.key: expected string". */
static void secret_add_type(struct text *text, const char *message) {
    static const char *const phrases[] = {
        "field not declared in schema", "illegal base64 data", "expected string", "expected map", "expected list", "expected boolean",
        "duplicate entries for key"};
    const char *path = text_starts(message, "failed to create typed patch object (") ? strstr(message, "): .") : NULL;
    const char *end = path == NULL ? NULL : strstr(path + 3, ": ");
    if (end != NULL && end - path < PIECE_MOST_BYTES)
        text_add(text, ": %.*s", (int)(end - path - 3), path + 3);
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (strstr(message, phrases[i]) != NULL) {
            text_add(text, ": %s", phrases[i]);
            return;
        }
    }
}

/* The server's own words may quote the Secret, so only fields and kinds of mistakes are said, and which webhook refused. */
static void secret_add(struct text *text, const struct kube_status *status) {
    const char *webhook = strstr(status->message, "webhook \"");
    line_add(text, status->reason[0] == '\0' ? "refused" : status->reason, PIECE_MOST_BYTES);
    for (size_t i = 0; i < status->cause_count && text->length < TEXT_MOST_BYTES; i++) {
        text_add_string(text, i == 0 ? " (" : ", ");
        line_add(text, status->causes[i].field, PIECE_MOST_BYTES);
        text_add_string(text, " ");
        line_add(text, status->causes[i].reason, PIECE_MOST_BYTES);
    }
    text_add_string(text, status->cause_count == 0 ? "" : ")");
    if (webhook != NULL && strcspn(webhook + 9, "\"") < 200)
        text_add(text, " by webhook \"%.*s\"", (int)strcspn(webhook + 9, "\""), webhook + 9);
    secret_add_type(text, status->message);
    text_add_string(text, "; the server's words are left out, for they may show a value of the Secret");
}

char *kube_status_text(struct arena *arena, const struct kube_status *status, bool secret) {
    TEXT_AUTO text;
    text_init(&text, (size_t)4 * TEXT_MOST_BYTES);
    if (secret && !message_has_no_values(status)) {
        secret_add(&text, status);
        return text_copy(&text, arena);
    }
    line_add(&text, status->message, TEXT_MOST_BYTES);
    causes_add(&text, status);
    if (text.length == 0)
        line_add(&text, status->reason, PIECE_MOST_BYTES);
    return text_copy(&text, arena);
}
