#include "base/hash.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

/* OpenSSL refuses SHA-256 only when it is broken or out of memory; going on without a digest would break every promise made of it. */
static void require(bool ok) {
    if (ok)
        return;
    (void)fputs("eksact: SHA-256 is not available\n", stderr);
    abort();
}

struct digest hash_sha256(const void *bytes, size_t length) {
    struct digest digest;
    require(EVP_Digest(length > 0 ? bytes : "", length, digest.bytes, NULL, EVP_sha256(), NULL) == 1);
    return digest;
}

struct digest hash_hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length) {
    struct digest digest;
    require(key_length <= INT_MAX);
    require(HMAC(EVP_sha256(), key_length > 0 ? key : "", (int)key_length, length > 0 ? bytes : (const void *)"", length, digest.bytes,
                 NULL) != NULL);
    return digest;
}

struct digest hash_value(const struct value *value) {
    TEXT_AUTO text;
    text_init(&text, SIZE_MAX / 2);
    json_render(&text, value, 0);
    return hash_sha256(text.data, text.length);
}

char *hash_hex(struct arena *arena, const struct digest *digest) {
    static const char digits[] = "0123456789abcdef";
    char *hex = arena_take(arena, sizeof digest->bytes * 2 + 1);
    for (size_t i = 0; i < sizeof digest->bytes; i++) {
        hex[i * 2] = digits[digest->bytes[i] >> 4];
        hex[i * 2 + 1] = digits[digest->bytes[i] & 15];
    }
    return hex;
}

static char *encode(struct arena *arena, const unsigned char *bytes, size_t length, const char *alphabet, bool padded) {
    char *text = arena_take(arena, length / 3 * 4 + 5);
    char *to = text;
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t bits = (uint32_t)bytes[i] << 16;
        bits |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)bytes[i + 2] : 0;
        *to++ = alphabet[bits >> 18];
        *to++ = alphabet[bits >> 12 & 63];
        if (left > 1)
            *to++ = alphabet[bits >> 6 & 63];
        else if (padded)
            *to++ = '=';
        if (left > 2)
            *to++ = alphabet[bits & 63];
        else if (padded)
            *to++ = '=';
    }
    *to = '\0';
    return text;
}

char *base64_encode(struct arena *arena, const void *bytes, size_t length) {
    return encode(arena, bytes, length, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true);
}

char *base64url_encode(struct arena *arena, const void *bytes, size_t length) {
    return encode(arena, bytes, length, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false);
}

static int worth_of(char letter) {
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9')
        return letter - '0' + 52;
    if (letter == '+' || letter == '-')
        return 62;
    if (letter == '/' || letter == '_')
        return 63;
    return -1;
}

bool base64_decode(struct arena *arena, const char *text, size_t text_length, char **out, size_t *out_length) {
    char *bytes = arena_take(arena, text_length / 4 * 3 + 4);
    size_t length = 0;
    size_t letters = 0;
    size_t padding = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < text_length; i++) {
        /* Line ends are no content, as in Go's encoding/base64, which reads the `data` of a Secret. */
        if (text[i] == '\n' || text[i] == '\r')
            continue;
        if (text[i] == '=') {
            padding++;
            continue;
        }
        int worth = worth_of(text[i]);
        if (worth < 0 || padding > 0)
            return false;
        bits = bits << 6 | (uint32_t)worth;
        if (++letters % 4 != 1)
            bytes[length++] = (char)(bits >> (6 - (letters - 1) % 4 * 2) & 255);
    }
    if (letters % 4 == 1 || (padding > 0 && (padding > 2 || (letters + padding) % 4 != 0)))
        return false;
    *out = bytes;
    *out_length = length;
    bytes[length] = '\0';
    return true;
}
