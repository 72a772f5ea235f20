/* base/scalar.h: what a YAML scalar means to kubectl (sigs.k8s.io/yaml 1.6, whose resolver is go.yaml.in/yaml/v2 2.4: YAML 1.1 with Go's
 * forms of numbers). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/value.h"

enum scalar_kind {
    SCALAR_TEXT,
    SCALAR_NULL,
    SCALAR_BOOLEAN,
    SCALAR_INTEGER,
    SCALAR_UNSIGNED, /* above INT64_MAX */
    SCALAR_NUMBER    /* may be infinite or no number: neither has a JSON form */
};

struct scalar {
    enum scalar_kind kind;
    union {
        bool boolean;
        int64_t integer;
        uint64_t natural;
        double number;
    };
};

/* What the text means when it stands plain, without quotes and tag. It has a NUL behind its end. */
struct scalar scalar_resolve(const char *text, size_t length);

/* The value that kubectl makes of it on its way through JSON: a number that is whole and fits becomes an integer. False when JSON has no
 * form for it. SCALAR_TEXT is the caller's. */
bool scalar_value(const struct scalar *scalar, struct value *out);

/* The member name that it becomes as a key: "true" of `on`, "15" of `017`, "1e+06" of `1e6`. NULL where kubectl knows none (null, and
 * integers above INT64_MAX). SCALAR_TEXT is the caller's. */
const char *scalar_key(struct arena *arena, const struct scalar *scalar);
