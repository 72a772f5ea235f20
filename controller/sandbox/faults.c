#include "sandbox/core.h"

#include "base/text.h"

static const struct {
    const char *name;
    enum fault fault;
} fault_names[] = {
    {"reset", FAULT_RESET},
    {"reset-after", FAULT_RESET_AFTER},
    {"timeout", FAULT_TIMEOUT},
    {"500", FAULT_500},
    {"503", FAULT_503},
    {"throttle", FAULT_THROTTLE},
    {"truncate", FAULT_TRUNCATE},
    {"kill", FAULT_KILL},
    {"kill-after", FAULT_KILL_AFTER},
};

enum { FAULT_NAME_COUNT = sizeof fault_names / sizeof fault_names[0] };

bool fault_parse(const char *name, enum fault *out) {
    for (size_t i = 0; i < FAULT_NAME_COUNT; i++) {
        if (text_equal(name, fault_names[i].name)) {
            *out = fault_names[i].fault;
            return true;
        }
    }
    return false;
}

const char *fault_name(enum fault fault) {
    for (size_t i = 0; i < FAULT_NAME_COUNT; i++)
        if (fault_names[i].fault == fault)
            return fault_names[i].name;
    return "none";
}

enum fault fault_find(const struct value *state, unsigned exchange_number) {
    const struct value *faults = value_find(state, "faults");
    enum fault fault = FAULT_NONE;
    for (size_t i = 0; value_is(faults, VALUE_LIST) && i < faults->list.count; i++) {
        const struct value *row = &faults->list.items[i];
        if (value_integer(value_find(row, "exchange"), 0) == (int64_t)exchange_number)
            return fault_parse(value_text_at(row, "fault"), &fault) ? fault : FAULT_NONE;
    }
    return FAULT_NONE;
}
