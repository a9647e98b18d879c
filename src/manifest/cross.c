/* SPDX-License-Identifier: MIT */
/* What one manifest means to another: names, kinds, tables and folders that can be had once only,
 * and names of others that must be there. */
#include <inttypes.h>
#include <string.h>

#include "manifest/read.h"
#include "replay/rules.h"
#include "spool/spool.h"

/* Where to point at: at the value of a key, else at that of the one which stands for it. */
static struct yaml_place place_of(const struct declared *from, const char *key,
                                  const char *otherwise)
{
    const struct yaml_node *node = yaml_get(from->root, key);
    if (!node)
        node = yaml_get(from->root, otherwise);
    return node ? node->place : from->root->place;
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* A name that couldn't be read was told of where it stands. */
static const char *shown(const char *name)
{
    return name ? name : "?";
}

/* ---- streams ---- */

static bool same_name(const struct stream *a, const struct stream *b)
{
    return same(a->name, b->name);
}

static bool same_kind(const struct stream *a, const struct stream *b)
{
    return same(a->kind, b->kind);
}

static bool same_table(const struct stream *a, const struct stream *b)
{
    return same(a->table, b->table) && (a->schema == b->schema || same(a->schema, b->schema));
}

/* The first before `index` with which it shares what only one can have; `index` where none does.
 * Only the first is told of: of a thousand copies, a thousand findings are enough. */
static size_t first_like(const struct stream *streams, size_t index,
                         bool (*alike)(const struct stream *, const struct stream *))
{
    size_t k = 0;
    while (k < index && !alike(&streams[k], &streams[index]))
        k++;
    return k;
}

static void check_kind(const struct declared *from, const struct stream *streams, size_t i,
                       struct yaml_diag *diag)
{
    size_t k = first_like(streams, i, same_kind);
    struct yaml_place place = place_of(&from[i], "kind", "stream");
    if (k == i)
        return;
    if (from[k].is_shipped)
        yaml_diag_error(diag, from[i].file, place,
                        "frames of kind `%s` go to the shipped stream `%s`; name this one `%s` to "
                        "replace it",
                        streams[i].kind, shown(streams[k].name), shown(streams[k].name));
    else
        yaml_diag_error(diag, from[i].file, place,
                        "frames of kind `%s` go to stream `%s` (%s) already", streams[i].kind,
                        shown(streams[k].name), from[k].file);
}

/* Frames of these kinds are the knowledge base's (docs/KNOWLEDGE.md), and so is its name in the
 * `streams` of a gate. */
static void check_knowledge(const struct declared *from, const struct stream *s,
                            struct yaml_diag *diag)
{
    static const char *const kinds[] = {"asset",   "document", "kb.ingest.asset.created.v1",
                                        "section", "chunk",    NULL};
    if (same(s->name, HANDLER_NAME))
        yaml_diag_error(diag, from->file, place_of(from, "stream", "stream"),
                        "`%s` is what gates call the frames of the knowledge base; give the stream "
                        "another name",
                        HANDLER_NAME);
    for (size_t i = 0; kinds[i]; i++)
        if (same(s->kind, kinds[i]))
            yaml_diag_error(diag, from->file, place_of(from, "kind", "stream"),
                            "frames of kind `%s` are the knowledge base's; give the stream's "
                            "another kind",
                            kinds[i]);
}

static void check_table(const struct declared *from, const struct stream *streams, size_t i,
                        struct yaml_diag *diag)
{
    static const char *const ours[] = {
        "ingestion_manifest", "ingestion_segment",   "ingestion_reject",
        "ingestion_recent",   "ingestion_stuck",     "gate_health",
        "manifest_set",       "spoolgate_migration", "event_outbox",
        "event_delivery",     "event_dlq",           "event_attempt",
        "event_sink",         "sink_health",         NULL};
    size_t k = first_like(streams, i, same_table);
    char label[STREAM_LABEL];
    for (size_t n = 0; ours[n]; n++)
        if (same(streams[i].table, ours[n]))
            yaml_diag_error(diag, from[i].file, place_of(&from[i], "table", "stream"),
                            "`%s` is a table of spoolgate's own; give the stream another", ours[n]);
    if (k < i)
        yaml_diag_error(diag, from[i].file, place_of(&from[i], "table", "stream"),
                        "table `%s` is that of stream `%s` (%s)", stream_label(&streams[i], label),
                        shown(streams[k].name), from[k].is_shipped ? "shipped" : from[k].file);
}

void cross_streams(const struct declared *from, const struct stream *streams, size_t count,
                   struct yaml_diag *diag)
{
    for (size_t i = 0; i < count; i++) {
        size_t k = first_like(streams, i, same_name);
        if (k < i) { /* all else follows from it */
            yaml_diag_error(diag, from[i].file, place_of(&from[i], "stream", "stream"),
                            "stream `%s` is declared in %s, too", streams[i].name, from[k].file);
            continue;
        }
        check_kind(from, streams, i, diag);
        check_knowledge(&from[i], &streams[i], diag);
        check_table(from, streams, i, diag);
    }
}

/* ---- gates ---- */

static const char *nearest_stream(const struct stream_set *set, const char *name)
{
    const char *best = NULL;
    unsigned distance = SHAPE_FAR;
    for (size_t i = 0; i < set->count; i++)
        if (set->streams[i].name && shape_nearer(name, set->streams[i].name, &distance))
            best = set->streams[i].name;
    return best;
}

static void unknown_stream(const struct declared *from, const struct yaml_node *node,
                           const struct stream_set *set, struct yaml_diag *diag)
{
    const char *best = diag->errors < SHAPE_SUGGESTIONS ? nearest_stream(set, node->text) : NULL;
    if (best)
        yaml_diag_error(diag, from->file, node->place,
                        "there is no stream `%s`; did you mean `%s`?", node->text, best);
    else
        yaml_diag_error(diag, from->file, node->place, "there is no stream `%s`", node->text);
}

static void find_streams(struct arena *arena, const struct declared *from,
                         struct manifest_gate *gate, const struct stream_set *set, bool is_complete,
                         struct yaml_diag *diag)
{
    const struct yaml_node *list = yaml_get(from->root, "streams");
    bool *takes = list ? arena_alloc(arena, set->count * sizeof *takes) : NULL;
    for (size_t i = 0; list && i < list->count; i++) {
        const struct yaml_node *node = list->entries[i].value;
        size_t found = 0;
        if (node->is_bad)
            continue;
        if (same(node->text, HANDLER_NAME)) {
            /* Named, it makes the gate one of its own: later documents come later. A gate that
             * takes all isn't slowed down for them (kb_decide.sql sees to the order of whole
             * documents). */
            gate->takes_handled = gate->is_ordered = true;
            continue;
        }
        while (found < set->count && !same(set->streams[found].name, node->text))
            found++;
        if (found < set->count)
            takes[found] = true;
        else if (is_complete)
            unknown_stream(from, node, set, diag);
    }
    gate->streams = takes;
    gate->takes_handled |= !list;
    for (size_t i = 0; i < set->count; i++)
        gate->is_ordered |= (!takes || takes[i]) && stream_is_ordered(&set->streams[i]);
    if (gate->is_ordered && gate->settings.rules.dedupe == DEDUPE_CONTENT)
        yaml_diag_warning(diag, from->file, from->root->place,
                          "the batches of this gate go in order, since it takes a stream that is "
                          "upserted without a `version`, or `knowledge` by name, and "
                          "`dedupe: content` skips a segment whose bytes were loaded before, also "
                          "when it sets values back; `dedupe: name` doesn't");
}

void cross_gates(struct arena *arena, const struct declared *from, struct manifest_gate *gates,
                 size_t count, const struct stream_set *streams, bool is_complete,
                 struct yaml_diag *diag)
{
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < i && !same(gates[k].name, gates[i].name) &&
               !same(gates[k].incoming, gates[i].incoming))
            k++;
        if (k < i && same(gates[k].name, gates[i].name))
            yaml_diag_error(diag, from[i].file, place_of(&from[i], "gate", "gate"),
                            "gate `%s` is declared in %s, too", gates[i].name, from[k].file);
        else if (k < i)
            yaml_diag_error(diag, from[i].file, place_of(&from[i], "incoming", "gate"),
                            "folder `%s` is that of gate `%s` (%s)", gates[i].incoming,
                            shown(gates[k].name), from[k].file);
        find_streams(arena, &from[i], &gates[i], streams, is_complete, diag);
    }
}

/* ---- sinks ---- */

static bool is_gate(const char *name, const struct manifest_gate *gates, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (same(gates[i].name, name))
            return true;
    return strcmp(name, SPOOL_DEFAULT_GATE) == 0; /* there with or without a file */
}

static void check_gates(const struct declared *from, const struct manifest_gate *gates,
                        size_t gate_count, struct yaml_diag *diag)
{
    const struct yaml_node *list = yaml_get(from->root, "gates");
    for (size_t i = 0; list && i < list->count; i++) {
        const struct yaml_node *node = list->entries[i].value;
        if (!node->is_bad && !is_gate(node->text, gates, gate_count))
            yaml_diag_error(diag, from->file, node->place, "there is no gate `%s` in gates/",
                            node->text);
    }
}

void cross_sinks(const struct declared *from, const struct manifest_sink *sinks, size_t count,
                 const struct manifest_gate *gates, size_t gate_count, bool is_complete,
                 struct yaml_diag *diag)
{
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < i && !same(sinks[k].name, sinks[i].name))
            k++;
        if (k < i)
            yaml_diag_error(diag, from[i].file, place_of(&from[i], "sink", "sink"),
                            "sink `%s` is declared in %s, too", sinks[i].name, from[k].file);
        if (is_complete)
            check_gates(&from[i], gates, gate_count, diag);
    }
}

/* ---- embedders ---- */

/* They fill one column: what one makes has to be near what another makes of the same text. */
static void check_model(const struct declared *from, const struct manifest_embedder *embedders,
                        size_t i, struct yaml_diag *diag)
{
    const struct manifest_embedder *first = &embedders[0];
    const struct manifest_embedder *e = &embedders[i];
    if (!same(first->model, e->model))
        yaml_diag_error(diag, from[i].file, place_of(&from[i], "model", "embedder"),
                        "all embedders share one model, but `%s` has `%s` (%s)", shown(first->name),
                        first->model, from[0].file);
    else if (first->dimensions != e->dimensions && first->dimensions > 0 && e->dimensions > 0)
        yaml_diag_error(diag, from[i].file, place_of(&from[i], "dimensions", "embedder"),
                        "all embedders have vectors of one length, but `%s` has %" PRIu64 " (%s)",
                        shown(first->name), first->dimensions, from[0].file);
}

void cross_embedders(const struct declared *from, const struct manifest_embedder *embedders,
                     size_t count, struct yaml_diag *diag)
{
    for (size_t i = 1; i < count; i++) {
        size_t k = 0;
        while (k < i && !same(embedders[k].name, embedders[i].name))
            k++;
        if (k < i)
            yaml_diag_error(diag, from[i].file, place_of(&from[i], "embedder", "embedder"),
                            "embedder `%s` is declared in %s, too", embedders[i].name,
                            from[k].file);
        check_model(from, embedders, i, diag);
    }
}
