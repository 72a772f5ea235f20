#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"

#define LINE_LIMIT_BYTES ((size_t)64 << 10)

static const char *level_name(enum log_level level) {
    static const char *const names[] = {[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};
    return (size_t)level < sizeof names / sizeof names[0] ? names[level] : "error";
}

static void render_json(struct text *line, const char *time, enum log_level level, const char *message, const char *const *keys) {
    text_add(line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", time, level_name(level));
    json_render_string(line, message);
    for (; keys[0] != NULL; keys += 2) {
        if (keys[1] == NULL)
            continue;
        text_add_bytes(line, ",", 1);
        json_render_string(line, keys[0]);
        text_add_bytes(line, ":", 1);
        json_render_string(line, keys[1]);
    }
    text_add_bytes(line, "}\n", 2);
}

/* A text from outside must not break the line or drive the terminal. */
static bool is_plain(const char *text) {
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        unsigned char letter = (unsigned char)*text;
        if (letter <= ' ' || letter == '"' || letter == '\\' || letter == '=' || letter >= 0x7f)
            return false;
    }
    return true;
}

static void add_flat(struct text *line, const char *text) {
    for (; *text != '\0'; text++) {
        bool control = (unsigned char)*text < ' ' || *text == 0x7f;
        text_add_bytes(line, control ? " " : text, 1);
    }
}

static void render_plain(struct text *line, const char *time, enum log_level level, const char *message, const char *const *keys) {
    text_add(line, "%s ", time);
    if (level != LOG_INFO)
        text_add(line, "%s: ", level_name(level));
    add_flat(line, message);
    for (; keys[0] != NULL; keys += 2) {
        if (keys[1] == NULL)
            continue;
        text_add(line, " %s=", keys[0]);
        if (is_plain(keys[1]))
            text_add_string(line, keys[1]);
        else
            json_render_string(line, keys[1]);
    }
    text_add_bytes(line, "\n", 1);
}

/* A log that cannot be written must not stop the work, and there is nowhere to say so. */
static void write_all(int file_descriptor, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(file_descriptor, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        bytes += written;
        length -= (size_t)written;
    }
}

void log_write(struct log *log, enum log_level level, const char *message, const char *const *keys) {
    static const char *const none[] = {NULL};
    if (log == NULL || level < log->least)
        return;
    if (keys == NULL)
        keys = none;

    ARENA_AUTO *arena = arena_new();
    const char *time = time_text(arena, clock_wall_ms(log->clock));
    TEXT_AUTO line;
    text_init(&line, LINE_LIMIT_BYTES);
    void (*render)(struct text *, const char *, enum log_level, const char *, const char *const *) =
        log->format == LOG_JSON ? render_json : render_plain;
    render(&line, time, level, message, keys);
    if (line.full) {
        text_clear(&line);
        render(&line, time, level, "a message too long for a log line was left out", none);
    }
    if (log->before_line != NULL)
        log->before_line(log->context);
    write_all(log->file_descriptor, line.data, line.length);
}
