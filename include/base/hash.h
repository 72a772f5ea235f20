/* base/hash.h: digests and the encodings that go with them (FIPS 180-4, RFC 2104, RFC 4648). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/value.h"

struct digest {
    unsigned char bytes[32];
};

struct digest hash_sha256(const void *bytes, size_t length);
struct digest hash_hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length);
/* Of the value's compact JSON: equal values have equal digests. */
struct digest hash_value(const struct value *value);
char *hash_hex(struct arena *arena, const struct digest *digest); /* 64 lower-case digits */

char *base64_encode(struct arena *arena, const void *bytes, size_t length);
char *base64url_encode(struct arena *arena, const void *bytes, size_t length); /* no padding */
/* Both alphabets, with or without padding; false when it is neither. The result has a NUL after its end. */
bool base64_decode(struct arena *arena, const char *text, size_t text_length, char **out, size_t *out_length);
