/* base/yaml.h: YAML text to values, with scalars typed as kubectl types them (YAML 1.1 as sigs.k8s.io/yaml reads it). */
#pragma once

#include "base/arena.h"
#include "base/finding.h"
#include "base/value.h"

/* One document of a stream. An empty document (nothing, only comments, or null) is left out. */
struct yaml_documents {
    struct value *items;
    size_t count;
};

/* Limits: depth 100, 1,000 documents a file, 1 MiB of text, 1,000 anchors a document, expansion by aliases at most 10 times the size of the
 * text (64 KiB are always allowed), keys of at most 1,024 bytes. Each breach, each syntax error and each duplicate key is a finding with
 * its place. A document with an error is left out; those before a syntax error are kept, what follows it, or what follows a breach of the
 * depth or of the number of documents, cannot be read. Merge keys (<<) are resolved. `file` is borrowed.
 *
 * JSON is read too: kubectl tries JSON first where the text begins with "{", so a pair of \u surrogates is one character there. */
void yaml_parse(struct arena *arena, const char *file, const char *bytes, size_t length, struct yaml_documents *documents,
                struct findings *findings);
