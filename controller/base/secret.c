#include "base/secret.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void secret_wipe(void *bytes, size_t length) {
    if (bytes != NULL && length > 0)
        OPENSSL_cleanse(bytes, length);
}

void secret_done(struct secret *secret) {
    secret_wipe(secret->reveal, secret->length);
    free(secret->reveal);
    *secret = (struct secret){0};
}

void secret_set(struct secret *secret, const char *bytes, size_t length) {
    char *copy = NULL;
    if (length > 0) {
        copy = malloc(length + 1);
        if (copy == NULL) {
            (void)fputs("eksact: out of memory\n", stderr);
            abort();
        }
        memcpy(copy, bytes, length);
        copy[length] = '\0';
    }
    secret_done(secret);
    *secret = (struct secret){.reveal = copy, .length = length};
}
