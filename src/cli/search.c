/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/screen.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "cli/commands.h"
#include "cli/show.h"
#include "db/queries.h"
#include "embed/embedder.h"
#include "kb/shape.h"
#include "schema/knowledge.h"
#include "status/rows.h"

enum { SCORE_WIDTH = 7, TITLE_WIDTH = 30, HEADING_WIDTH = 22, SNIPPET_WIDTH = 56, URI_WIDTH = 80 };

static const char *const modes[] = {"hybrid", "text", "vector", NULL};
enum mode { HYBRID, TEXT, VECTOR };

struct search {
    enum mode mode;
    const char *question, *k, *pack;
    bool has_snippets;
    struct buf vector; /* as Postgres writes a real[]; empty: there is none */
};

/* ---- the question's vector ---- */

static void put_vector(struct buf *out, const float *vector, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%c%.9g", i == 0 ? '{' : ',', (double)vector[i]);
    buf_byte(out, '}');
}

static struct err ask(const struct manifest_embedder *declared, struct search *s)
{
    struct embedder e;
    struct embed_said said = {0};
    struct embed_text text = {s->question, strlen(s->question)};
    float *vector = mem_alloc(declared->dimensions * sizeof *vector);
    embedder_open(&e, declared, NULL);
    bool is_made = embedder_ask(&e, &text, 1, EMBED_QUESTION, vector, &said) == EMBED_DONE;
    embedder_close(&e);
    if (is_made)
        put_vector(&s->vector, vector, declared->dimensions);
    free(vector);
    return is_made ? ERR_OK : err_make(ERR_REMOTE, "embedder %s: %s", declared->name, said.error);
}

/* Embedders share the work, so any of them will do: the first that answers. */
static struct err embed(struct pg *pg, const struct manifest *set, struct search *s)
{
    struct kb_shape shape;
    struct err e = ERR_OK;
    TRY(kb_shape_read(pg, &shape));
    for (size_t i = 0; i < set->embedder_count; i++) {
        char problem[EMBEDDER_PROBLEM];
        if (!embedder_fits(&set->embedders[i], shape.model, shape.dimensions, problem))
            return err_make(ERR_CONFIG, "%s; --mode text does without", problem);
        e = ask(&set->embedders[i], s);
        if (!err_is(&e))
            return e;
    }
    return e;
}

/* ---- the answer ---- */

/* With the dots, no wider than `width`. */
static void print_cell(const char *text, size_t width)
{
    char clipped[SHOW_CLIP];
    char cell[SHOW_CELL];
    size_t most = screen_columns(text) > width ? width - strlen("...") : width;
    (void)printf("%s ", show_cell(show_clip(text, most, clipped), width, cell));
}

/* Where it is to be read: the uri, and the lines, where they are known. */
static void print_place(const json_t *hit)
{
    const json_t *lines = json_object_get(json_object_get(hit, "md"), "lines");
    char clipped[SHOW_CLIP];
    if (!*show_str(hit, "uri"))
        return;
    (void)printf("%*s%s", SCORE_WIDTH + 1, "", show_clip(show_str(hit, "uri"), URI_WIDTH, clipped));
    if (json_array_size(lines) == 2)
        (void)printf(", lines %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT,
                     json_integer_value(json_array_get(lines, 0)),
                     json_integer_value(json_array_get(lines, 1)));
    (void)putchar('\n');
}

static void print_hits(const json_t *hits)
{
    size_t i;
    json_t *hit;
    if (json_array_size(hits) == 0) {
        (void)puts("Nothing is found.");
        return;
    }
    (void)printf("%-*s %-*s %-*s %s\n", SCORE_WIDTH, "SCORE", TITLE_WIDTH, "TITLE", HEADING_WIDTH,
                 "HEADING", "TEXT");
    json_array_foreach(hits, i, hit)
    {
        const char *title = show_str(hit, "title");
        char clipped[SHOW_CLIP];
        (void)printf("%-*.4f ", SCORE_WIDTH, json_number_value(json_object_get(hit, "score")));
        print_cell(*title ? title : show_str(hit, "uri"), TITLE_WIDTH);
        print_cell(show_str(hit, "heading"), HEADING_WIDTH);
        (void)puts(show_clip(show_str(hit, "snippet"), SNIPPET_WIDTH, clipped));
        print_place(hit);
    }
}

static struct err find(struct pg *pg, const struct manifest *set, struct search *s, json_t **hits)
{
    TRY(knowledge_require(pg));
    struct err e = s->mode == TEXT ? ERR_OK : embed(pg, set, s);
    /* Words alone find something, too; that is told. */
    if (s->mode == HYBRID && e.cls == ERR_REMOTE) {
        (void)fprintf(stderr, "spoolgate: searched by words alone: %s\n", e.text);
        e = ERR_OK;
    }
    if (err_is(&e))
        return e;
    const char *vector = s->vector.len > 0 ? buf_cstr(&s->vector) : NULL;
    return rows_query(pg, s->mode == VECTOR ? sql_search_vector : sql_search_hybrid,
                      PG_PARAMS(s->question, vector, s->k, s->pack, s->has_snippets ? "t" : "f"),
                      hits);
}

static struct err search(const struct config *config, struct search *s, json_t **hits)
{
    struct manifest_current current = {0};
    struct pg pg;
    if (!config->knowledge.is_on)
        return err_make(ERR_CONFIG, "knowledge.enabled is false: there is nothing to search");
    struct err e = cli_manifests(config, &current);
    if (!err_is(&e)) {
        struct manifest *set = manifest_current_get(&current);
        e = cli_connect(config, &pg);
        if (!err_is(&e))
            e = find(&pg, set, s, hits);
        pg_close(&pg);
        manifest_release(set);
    }
    manifest_current_close(&current);
    return e;
}

/* ---- the command line ---- */

static const char *read_arguments(struct search *s, const char *mode, const char *k,
                                  const char *pack, struct buf *question)
{
    struct uuid id;
    for (s->mode = HYBRID; mode && strcmp(mode, modes[s->mode]) != 0;)
        if (!modes[++s->mode])
            return "--mode is hybrid, text or vector";
    if (k && (!cli_is_number(k) || atoi(k) < 1 || atoi(k) > 1000))
        return "-k is a number from 1 to 1000";
    if (pack && !uuid_parse(pack, &id))
        return "--pack is a UUID";
    if (question->len == 0)
        return "a question is wanted";
    if (utf8_check(question->data, question->len) != question->len)
        return "the question isn't UTF-8";
    s->question = buf_cstr(question);
    s->k = k ? k : "10";
    s->pack = pack;
    return NULL;
}

static void print(const struct search *s, json_t *hits, bool json)
{
    if (json) {
        json_t *all = json_pack("{s:s, s:s, s:O}", "question", s->question, "mode", modes[s->mode],
                                "hits", hits);
        show_json(all);
        json_decref(all);
    } else {
        print_hits(hits);
    }
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    bool json = false;
    const char *k = NULL;
    const char *mode = NULL;
    const char *pack = NULL;
    const struct cli_option options[] = {
        CLI_COMMON(common),
        {'k', "count", "N", "how many chunks, at the most (default 10)", &k, NULL},
        {'m', "mode", "MODE", "hybrid (the default), text or vector", &mode, NULL},
        {'p', "pack", "UUID", "only chunks of this pack", &pack, NULL},
        CLI_JSON(json),
        {0}};
    int code;
    struct config config;
    struct search s = {0};
    struct buf question = {0};
    json_t *hits = NULL;
    if (cli_parse(&cli_search, options, &argc, &argv, &code))
        return code;
    for (int i = 0; i < argc; i++)
        buf_printf(&question, "%s%s", i > 0 ? " " : "", argv[i]);
    const char *problem = read_arguments(&s, mode, k, pack, &question);
    if (problem) {
        buf_free(&question);
        return cli_usage(&cli_search, problem);
    }
    s.has_snippets = !json;
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = search(&config, &s, &hits);
    if (!err_is(&e))
        print(&s, hits, json);
    json_decref(hits);
    buf_free(&s.vector);
    buf_free(&question);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_search = {
    .name = "search",
    .arguments = "QUESTION...",
    .summary = "the chunks that answer a question best",
    .details =
        "By its words (BM25) and by its vector, which the manifests' embedder makes, both ranks\n"
        "fused; --mode takes one alone. Gateways get the same from SQL: kb_search and "
        "kb_nearest.\n\n"
        "  spoolgate search -k 3 how are partitions pruned\n"
        "  spoolgate search --json --mode text 'partition pruning' | jq -r '.hits[].uri'\n",
    .run = run,
};
