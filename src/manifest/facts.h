/* SPDX-License-Identifier: MIT */
/*
 * facts: what a stream, a gate, a sink or an embedder declares, in words: groups of keys with their
 * values. Pure. For diff.c alone.
 *
 *     struct facts facts = {0};
 *     facts_of(&facts, manifest, MANIFEST_STREAM, 0);
 *     ... facts.groups[i].name, facts.groups[i].facts[j].key, .value ...
 *     facts_free(&facts);
 *
 * Groups of the same name have the same facts in the same order. A value is one line, and never a
 * secret, but for hidden ones, which are to be compared and not to be shown.
 */
#ifndef SPOOLGATE_MANIFEST_FACTS_H
#define SPOOLGATE_MANIFEST_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/manifest.h"

struct fact {
    const char *key;
    char *value;    /* "none" where nothing is declared */
    char *contents; /* a hash of what the value names; NULL: it names nothing that can change */
    bool is_hidden;
};

struct facts_group {
    char *name; /* "" for what is the thing's own; "column labels" */
    struct fact *facts;
    size_t count, cap;
};

struct facts {
    struct facts_group *groups;
    size_t count, cap;
};

/* The streams, gates, sinks or embedders of a set, by index. */
size_t facts_count(const struct manifest *m, enum manifest_kind kind);
const char *facts_name(const struct manifest *m, enum manifest_kind kind, size_t i);
void facts_of(struct facts *facts, const struct manifest *m, enum manifest_kind kind, size_t i);
void facts_free(struct facts *facts);

#endif
