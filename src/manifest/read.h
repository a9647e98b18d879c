/* SPDX-License-Identifier: MIT */
/*
 * read: one manifest's YAML, after its shape was checked, as the struct that it declares. For
 * manifest.c alone.
 *
 * Each reader skips what shape_check has called bad, tells what else is wrong, and fills in as much
 * as it can, so that the other files can be checked against it. What it makes is of use only where
 * diag has no errors in the end.
 */
#ifndef SPOOLGATE_MANIFEST_READ_H
#define SPOOLGATE_MANIFEST_READ_H

#include "manifest/manifest.h"
#include "manifest/shape.h"

struct reader {
    struct arena *arena;
    const char *file;
    struct yaml_diag *diag;
};

#define READ_ERROR(r, node, ...) yaml_diag_error((r)->diag, (r)->file, (node)->place, __VA_ARGS__)
#define READ_WARNING(r, node, ...) \
    yaml_diag_warning((r)->diag, (r)->file, (node)->place, __VA_ARGS__)

/* Names that are bad or missing are NULL. */
void read_stream(const struct reader *r, const struct yaml_node *root, struct stream *s);
void read_gate(const struct reader *r, const struct yaml_node *root, struct manifest_gate *gate);
void read_sink(const struct reader *r, const struct yaml_node *root, struct manifest_sink *sink);
void read_embedder(const struct reader *r, const struct yaml_node *root,
                   struct manifest_embedder *embedder);

/* What sinks and embedders have in common (remote.c). own: headers that aren't the manifest's to
 * set, but those of `who`; bearer: the key that sets `authorization`, NULL where it isn't there.
 * what: "events go", for the warning that they do so unencrypted. */
struct manifest_secret read_secret(const struct reader *r, const struct yaml_node *node);
struct manifest_header *read_headers(const struct reader *r, const struct yaml_node *map,
                                     const char *const *own, const char *who, const char *bearer,
                                     size_t *count);
struct manifest_secret read_url(const struct reader *r, const struct yaml_node *node,
                                bool allow_private, const char *what);

/* `columns:` of a stream; NULL, count 0, where there are none to be read. */
struct column *read_columns(const struct reader *r, const struct yaml_node *columns, size_t *count);

/* What a manifest states as a column's value. False: it isn't one, which was told. */
bool read_value(const struct reader *r, const struct yaml_node *node, const struct column *c,
                struct column_value *value);

/* The index of a column that a node names. False: there is none, which was told. */
bool read_column_name(const struct reader *r, const struct yaml_node *node, const struct stream *s,
                      size_t *index);
/* A list of such names, none twice; `where` is the list's key. False: something was told. */
bool read_column_names(const struct reader *r, const struct yaml_node *list, const char *where,
                       const struct stream *s, const size_t **columns, size_t *count);

/* `brin:` and `indexes:`. */
void read_indexes(const struct reader *r, const struct yaml_node *root, struct stream *s);
/* Has the type what the method needs, without anybody's extension? */
bool read_index_fits(const char *method, enum column_type type);

/* The text of a key; NULL where it is missing, null or bad. In the arena. */
const char *read_text(const struct reader *r, const struct yaml_node *map, const char *key);

/* Where a struct was read from, beside it in an array of its own. */
struct declared {
    const char *file;
    const struct yaml_node *root;
    bool is_shipped;
};

/*
 * What one file means to another (cross.c). is_complete: every file of the kind that is named has a
 * name that could be read; else what seems unknown may be in one that couldn't.
 */
void cross_streams(const struct declared *from, const struct stream *streams, size_t count,
                   struct yaml_diag *diag);
/* Also fills in streams and is_ordered. */
void cross_gates(struct arena *arena, const struct declared *from, struct manifest_gate *gates,
                 size_t count, const struct stream_set *streams, bool is_complete,
                 struct yaml_diag *diag);
void cross_sinks(const struct declared *from, const struct manifest_sink *sinks, size_t count,
                 const struct manifest_gate *gates, size_t gate_count, bool is_complete,
                 struct yaml_diag *diag);
void cross_embedders(const struct declared *from, const struct manifest_embedder *embedders,
                     size_t count, struct yaml_diag *diag);

/*
 * Also reads the templates, fills in those of the set and `compiled` of the sinks, and tries each
 * on the examples of the events that its sinks want. is_complete: every template could be read.
 */
void cross_templates(struct manifest *m, const struct declared *from, struct manifest_sink *sinks,
                     bool is_complete, struct yaml_diag *diag);
void read_free_templates(const struct manifest *m);
/* Is the path one of templates/? */
bool read_is_template(const char *path);

extern const struct shape stream_shape, gate_shape, sink_shape, embedder_shape, columns_shape,
    brin_shape, indexes_shape, shape_identifier, shape_identifiers, shape_secret, shape_url,
    shape_headers, shape_ca, shape_bool;

#endif
