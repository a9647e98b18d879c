/* SPDX-License-Identifier: MIT */
/* Frames of the knowledge base, from a segment to what is served, what waits and what is told. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "knowledge.h"

/* One line for each document of a case: its uri, revision, status, what is served, what waits. A
 * chunk is IDX TEXT; ? it has no vector, ! it won't get one. */
static const char state_of[] =
    "SELECT coalesce(string_agg(line, '; ' ORDER BY line), '') FROM ("
    "SELECT format('%%s r%%s %%s[%%s]', a.uri, d.revision, d.status, (SELECT string_agg("
    "c.idx || ' ' || c.text || CASE c.embedding_status WHEN 'pending' THEN '?' WHEN 'failed' THEN "
    "'!'"
    " ELSE '' END, ', ' ORDER BY c.idx) FROM pmoves_kb.chunks c WHERE c.doc_id = d.doc_id))"
    " || coalesce((SELECT format(' next r%%s%%s[%%s]', n.revision, CASE WHEN n.adds THEN '+' END,"
    " (SELECT string_agg(c.idx || ' ' || c.text || CASE c.embedding_status WHEN 'pending' THEN '?'"
    " WHEN 'failed' THEN '!' ELSE '' END, ', ' ORDER BY c.idx) FROM pmoves_kb.chunks_next c"
    " WHERE c.doc_id = d.doc_id)) FROM pmoves_kb.documents_next n WHERE n.doc_id = d.doc_id), '') "
    "AS line"
    " FROM pmoves_kb.documents d LEFT JOIN pmoves_core.assets a USING (asset_id)"
    " WHERE coalesce(a.uri, d.title) LIKE '%s%%') l";

enum act { END, DROP, MADE, FAILED, SQL };

struct step {
    enum act act;
    const char *what;   /* frames; the condition; the statement. @ is the case's name */
    const char *counts; /* of DROP: loaded/rejected/skipped */
    const char *state;
};

#define DOC(uri, more) "{\"kind\": \"document\", \"uri\": \"" uri "\"" more "}\n"
#define CHUNK(uri, i, t) \
    "{\"kind\": \"chunk\", \"uri\": \"" uri "\", \"idx\": " #i ", \"text\": \"" t "\"}\n"
#define READY(uri, i, t)                                                          \
    "{\"kind\": \"chunk\", \"uri\": \"" uri "\", \"idx\": " #i ", \"text\": \"" t \
    "\", \"embedding\": [1, 0, 0]}\n"
#define SECTION(uri, i, h) \
    "{\"kind\": \"section\", \"uri\": \"" uri "\", \"idx\": " #i ", \"heading\": \"" h "\"}\n"

static const struct {
    const char *name;
    struct step steps[10];
    const char *events; /* completions, in their order */
} cases[] = {
    {"ready",
     {{DROP, DOC("@", "") READY("@", 0, "one") READY("@", 1, "two"), "3/0/0",
       "@ r1 complete[0 one, 1 two]"},
      {DROP, DOC("@", "") READY("@", 0, "one") READY("@", 1, "two"), "0/0/3",
       "@ r1 complete[0 one, 1 two]"}},
     "r1 complete 2/0"},
    {"embedded",
     {{DROP, DOC("@", "") CHUNK("@", 0, "one") CHUNK("@", 1, "two"), "3/0/0",
       "@ r0 pending[] next r1[0 one?, 1 two?]"},
      {DROP, DOC("@", "") CHUNK("@", 0, "one") CHUNK("@", 1, "two"), "0/0/3",
       "@ r0 pending[] next r1[0 one?, 1 two?]"},
      {MADE, "text = 'one'", NULL, "@ r0 pending[] next r1[0 one, 1 two?]"},
      {MADE, "text = 'two'", NULL, "@ r1 complete[0 one, 1 two]"}},
     "r1 complete 2/0"},
    {"empty", {{DROP, DOC("@", ""), "1/0/0", "@ r1 complete[]"}}, "r1 complete 0/0"},
    {"allfailed",
     {{DROP, DOC("@", "") CHUNK("@", 0, "one"), "2/0/0", "@ r0 pending[] next r1[0 one?]"},
      {FAILED, "true", NULL, "@ r1 partial[0 one!]"},
      {DROP, DOC("@", "") CHUNK("@", 0, "one"), "0/0/2", "@ r1 partial[0 one!]"}},
     "r1 partial 1/1"},
    {"changed",
     {{DROP, DOC("@", "") READY("@", 0, "one") READY("@", 1, "two"), "3/0/0",
       "@ r1 complete[0 one, 1 two]"},
      {DROP, DOC("@", "") CHUNK("@", 0, "one") CHUNK("@", 1, "new"), "3/0/0",
       "@ r1 complete[0 one, 1 two] next r2[0 one, 1 new?]"},
      {MADE, "true", NULL, "@ r2 complete[0 one, 1 new]"}},
     "r1 complete 2/0, r2 complete 2/0"},
    {"overtaken",
     {{DROP, DOC("@", "") READY("@", 0, "new"), "2/0/0", "@ r1 complete[0 new]"},
      {SQL,
       "UPDATE pmoves_kb.documents SET head_batch_id = 'ffffffff-ffff-7fff-bfff-ffffffffffff'"
       " WHERE asset_id = (SELECT asset_id FROM pmoves_core.assets WHERE uri = '@')",
       NULL, "@ r1 complete[0 new]"},
      {DROP, DOC("@", "") READY("@", 0, "old"), "0/0/2", "@ r1 complete[0 new]"},
      {DROP, CHUNK("@", 1, "more"), "1/0/0", "@ r1 complete[0 new] next r2+[1 more?]"}},
     "r1 complete 1/0"},
    {"changed while it waits",
     {{DROP, DOC("@", "") CHUNK("@", 0, "one") CHUNK("@", 1, "two"), "3/0/0",
       "@ r0 pending[] next r1[0 one?, 1 two?]"},
      {MADE, "text = 'one'", NULL, "@ r0 pending[] next r1[0 one, 1 two?]"},
      {DROP, DOC("@", "") CHUNK("@", 0, "new") CHUNK("@", 1, "one"), "3/0/0",
       "@ r0 pending[] next r1[0 new?, 1 one]"},
      {MADE, "true", NULL, "@ r1 complete[0 new, 1 one]"}},
     "r1 complete 2/0"},
    {"changed back",
     {{DROP, DOC("@", "") READY("@", 0, "one"), "2/0/0", "@ r1 complete[0 one]"},
      {DROP, DOC("@", "") CHUNK("@", 0, "new"), "2/0/0", "@ r1 complete[0 one] next r2[0 new?]"},
      {DROP, DOC("@", "") READY("@", 0, "one"), "2/0/0", "@ r1 complete[0 one]"}},
     "r1 complete 1/0"},
    {"moved texts",
     {{DROP, DOC("@", "") READY("@", 0, "one") READY("@", 1, "two") READY("@", 2, "two"), "4/0/0",
       "@ r1 complete[0 one, 1 two, 2 two]"},
      {DROP, DOC("@", "") CHUNK("@", 0, "two") CHUNK("@", 1, "one"), "3/0/0",
       "@ r2 complete[0 two, 1 one]"}},
     "r1 complete 3/0, r2 complete 2/0"},
    {"append",
     {{DROP, DOC("@", "") READY("@", 0, "one"), "2/0/0", "@ r1 complete[0 one]"},
      {DROP, CHUNK("@", 1, "two"), "1/0/0", "@ r1 complete[0 one] next r2+[1 two?]"},
      {DROP, CHUNK("@", 2, "three"), "1/0/0", "@ r1 complete[0 one] next r2+[1 two?, 2 three?]"},
      {MADE, "true", NULL, "@ r2 complete[0 one, 1 two, 2 three]"},
      {DROP, CHUNK("@", 1, "two"), "0/0/1", "@ r2 complete[0 one, 1 two, 2 three]"}},
     "r1 complete 1/0, r2 complete 3/0"},
    {"replace",
     {{DROP, DOC("@", "") READY("@", 0, "one") READY("@", 1, "two"), "3/0/0",
       "@ r1 complete[0 one, 1 two]"},
      {DROP, READY("@", 1, "new"), "1/0/0", "@ r2 complete[0 one, 1 new]"}},
     "r1 complete 2/0, r2 complete 2/0"},
    {"repeated",
     {{DROP, DOC("@", "") READY("@", 0, "one") READY("@", 1, "old") READY("@", 1, "new"), "4/0/0",
       "@ r1 complete[0 one, 1 new]"},
      {DROP, DOC("@", "") CHUNK("@", 1, "old") CHUNK("@", 0, "x") CHUNK("@", 1, "y"), "4/0/0",
       "@ r1 complete[0 one, 1 new] next r2[0 x?, 1 y?]"}},
     "r1 complete 2/0"},
    {"retired",
     {{DROP, DOC("@", ", \"deleted\": true"), "0/0/1", ""},
      {DROP, DOC("@", "") READY("@", 0, "one"), "2/0/0", "@ r1 complete[0 one]"},
      {DROP, DOC("@", ", \"deleted\": true"), "1/0/0", "@ r2 retired[]"},
      {DROP, DOC("@", ", \"deleted\": true"), "0/0/1", "@ r2 retired[]"},
      {DROP, READY("@", 0, "one"), "0/1/0", "@ r2 retired[]"},
      {DROP, DOC("@", "") READY("@", 0, "one"), "2/0/0", "@ r3 complete[0 one]"}},
     "r1 complete 1/0, r2 complete 0/0, r3 complete 1/0"},
    {"what follows its end",
     {{DROP, DOC("@", "") READY("@", 0, "one"), "2/0/0", "@ r1 complete[0 one]"},
      {DROP, DOC("@", ", \"deleted\": true") CHUNK("@", 1, "late") SECTION("@", 0, "h"), "1/2/0",
       "@ r2 retired[]"},
      {DROP,
       DOC("@", ", \"deleted\": true") CHUNK("@", 1, "late") DOC("@", "") READY("@", 0, "back"),
       "2/0/2", "@ r3 complete[0 back]"}},
     "r1 complete 1/0, r2 complete 0/0, r3 complete 1/0"},
    {"retired while it waits",
     {{DROP, DOC("@", "") CHUNK("@", 0, "one"), "2/0/0", "@ r0 pending[] next r1[0 one?]"},
      {DROP, DOC("@", ", \"deleted\": true"), "1/0/0", "@ r1 retired[]"}},
     "r1 complete 0/0"},
    {"renamed",
     {{DROP, DOC("@", "") READY("@", 0, "one"), "2/0/0", "@ r1 complete[0 one]"},
      {DROP, DOC("@/b", ", \"previous_uri\": \"@\"") CHUNK("@/b", 0, "one"), "2/0/0",
       "@/b r2 complete[0 one]"},
      {DROP, DOC("@", "") READY("@", 0, "else"), "2/0/0",
       "@ r1 complete[0 else]; @/b r2 complete[0 one]"}},
     NULL},
    {"renamed to what is there",
     {{DROP,
       DOC("@", "") READY("@", 0, "one") DOC("@/b", ", \"title\": \"b\"") READY("@/b", 0, "two"),
       "4/0/0", "@ r1 complete[0 one]; @/b r1 complete[0 two]"},
      {DROP, DOC("@/b", ", \"previous_uri\": \"@\"") READY("@/b", 0, "one"), "2/0/0",
       "@ r2 retired[]; @/b r2 complete[0 one]"}},
     NULL},
    {"nobody's",
     {{DROP, CHUNK("@", 0, "one") SECTION("@", 0, "h"), "0/2/0", ""},
      {DROP, CHUNK("@", 0, "one") DOC("@", "") READY("@", 0, "two"), "2/0/1",
       "@ r1 complete[0 two]"}},
     "r1 complete 1/0"},
    {"ids",
     {{DROP,
       "{\"kind\": \"asset\", \"uri\": \"@\", \"asset_id\": "
       "\"a0000000-0000-0000-0000-000000000001\"}\n"
       "{\"kind\": \"document\", \"uri\": \"@\", \"doc_id\": "
       "\"d0000000-0000-0000-0000-000000000001\"}\n"
       "{\"kind\": \"chunk\", \"doc_id\": \"d0000000-0000-0000-0000-000000000001\", \"idx\": 0, "
       "\"text\": \"one\", \"embedding\": [0, 0, 1]}\n",
       "3/0/0", "@ r1 complete[0 one]"},
      {DROP,
       "{\"kind\": \"asset\", \"uri\": \"@\", \"asset_id\": "
       "\"a0000000-0000-0000-0000-000000000002\"}\n",
       "0/1/0", "@ r1 complete[0 one]"},
      {DROP,
       "{\"kind\": \"asset\", \"uri\": \"@/2\", \"asset_id\": "
       "\"a0000000-0000-0000-0000-000000000001\"}\n",
       "0/1/0", "@ r1 complete[0 one]"},
      {DROP,
       "{\"kind\": \"document\", \"uri\": \"@/3\", \"doc_id\": "
       "\"d0000000-0000-0000-0000-000000000001\"}\n",
       "0/1/0", "@ r1 complete[0 one]"},
      {DROP,
       "{\"kind\": \"chunk\", \"asset_id\": \"a0000000-0000-0000-0000-000000000001\", \"idx\": 1, "
       "\"text\": \"two\", \"embedding\": [0, 0, 1]}\n",
       "1/0/0", "@ r2 complete[0 one, 1 two]"},
      /* named differently, and yet one: the later head wins */
      {DROP,
       DOC("@", "") READY("@", 0, "by uri") "{\"kind\": \"document\", \"doc_id\": "
                                            "\"d0000000-0000-0000-0000-000000000001\"}\n"
                                            "{\"kind\": \"chunk\", \"doc_id\": "
                                            "\"d0000000-0000-0000-0000-000000000001\", \"idx\": 0, "
                                            "\"text\": \"by id\", \"embedding\": [0, 0, 1]}\n",
       "2/0/2", "@ r3 complete[0 by id]"},
      {DROP,
       "{\"kind\": \"document\", \"uri\": \"@\", \"doc_id\": "
       "\"d0000000-0000-0000-0000-000000000002\"}\n",
       "1/0/0", "@ r1 complete[]; @ r3 complete[0 by id]"},
      {DROP, DOC("@", ""), "0/1/0", "@ r1 complete[]; @ r3 complete[0 by id]"}},
     NULL},
    {"checksum",
     {{DROP,
       "{\"kind\": \"asset\", \"uri\": \"@\", \"checksum\": "
       "\"sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}\n" DOC(
           "@",
           ", \"checksum\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""),
       "2/0/0", "@ r1 complete[]"},
      {DROP,
       DOC("@",
           ", \"checksum\": \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\""),
       "0/1/0", "@ r1 complete[]"}},
     "r1 complete 0/0"},
    {"sections",
     {{DROP,
       DOC("@", "")
           SECTION("@", 0, "h") "{\"kind\": \"chunk\", \"uri\": \"@\", \"section\": 0, "
                                "\"idx\": 0, \"text\": \"one\", \"embedding\": [1, 0, 0]}\n",
       "3/0/0", "@ r1 complete[0 one]"},
      {DROP,
       "{\"kind\": \"chunk\", \"uri\": \"@\", \"section\": 7, \"idx\": 1, \"text\": \"two\"}\n",
       "0/1/0", "@ r1 complete[0 one]"}},
     NULL},
    {"a section that goes with what is served",
     {{DROP, DOC("@", "") SECTION("@", 2, "h") READY("@", 0, "one"), "3/0/0",
       "@ r1 complete[0 one]"},
      {DROP, DOC("@", "") CHUNK("@", 0, "new"), "2/0/0", "@ r1 complete[0 one] next r2[0 new?]"},
      {DROP,
       "{\"kind\": \"chunk\", \"uri\": \"@\", \"section\": 2, \"idx\": 1, \"text\": \"two\"}\n",
       "0/1/0", "@ r1 complete[0 one] next r2[0 new?]"}},
     "r1 complete 1/0"},
    {"adopted",
     {{SQL,
       "INSERT INTO pmoves_core.assets (asset_id, uri, type) VALUES "
       "('a0000000-0000-0000-0000-0000000000aa', '@', 'x');"
       "INSERT INTO pmoves_kb.documents (doc_id, asset_id) VALUES "
       "('d0000000-0000-0000-0000-0000000000aa', "
       "'a0000000-0000-0000-0000-0000000000aa');"
       "INSERT INTO pmoves_kb.sections (section_id, doc_id, idx, heading) VALUES "
       "('b0000000-0000-0000-0000-0000000000aa', 'd0000000-0000-0000-0000-0000000000aa', 0, "
       "'theirs');"
       "INSERT INTO pmoves_kb.chunks (doc_id, section_id, text, idx, embedding, embedding_status) "
       "VALUES "
       "('d0000000-0000-0000-0000-0000000000aa', 'b0000000-0000-0000-0000-0000000000aa', 'one', 0, "
       "'{0,0,1}', 'complete')",
       NULL, "@ r0 complete[0 one]"},
      {DROP,
       "{\"kind\": \"chunk\", \"uri\": \"@\", \"section\": 0, \"idx\": 1, \"text\": \"two\"}\n",
       "1/0/0", "@ r0 complete[0 one] next r1+[1 two?]"},
      {MADE, "true", NULL, "@ r1 complete[0 one, 1 two]"},
      {DROP, DOC("@", "") SECTION("@", 0, "ours") CHUNK("@", 0, "two") CHUNK("@", 1, "one"),
       "4/0/0", "@ r2 complete[0 two, 1 one]"}},
     "r1 complete 2/0, r2 complete 2/0"},
    {"refused by the server",
     {{SQL, "ALTER TABLE pmoves_kb.chunks ADD CONSTRAINT poison CHECK (text <> 'poison')", NULL,
       ""},
      {DROP,
       DOC("@", "") READY("@", 0, "one") DOC("@/b", "") READY("@/b", 0, "poison") DOC("@/c", "")
           READY("@/c", 0, "three"),
       "4/2/0", "@ r1 complete[0 one]; @/c r1 complete[0 three]"},
      {SQL, "ALTER TABLE pmoves_kb.chunks DROP CONSTRAINT poison", NULL,
       "@ r1 complete[0 one]; @/c r1 complete[0 three]"},
      {SQL, "ALTER TABLE pmoves_core.assets ADD CONSTRAINT poison CHECK (title <> 'poison')", NULL,
       "@ r1 complete[0 one]; @/c r1 complete[0 three]"},
      {DROP,
       "{\"kind\": \"asset\", \"uri\": \"@/d\", \"title\": \"poison\"}\n" DOC("@/d", "")
           DOC("@/e", "") READY("@/e", 0, "five"),
       "2/2/0", "@ r1 complete[0 one]; @/c r1 complete[0 three]; @/e r1 complete[0 five]"},
      {SQL, "ALTER TABLE pmoves_core.assets DROP CONSTRAINT poison", NULL,
       "@ r1 complete[0 one]; @/c r1 complete[0 three]; @/e r1 complete[0 five]"}},
     NULL},
    {"assets",
     {{DROP, "{\"kind\": \"asset\", \"uri\": \"@\", \"title\": \"t\"}\n", "1/0/0", ""},
      {DROP, "{\"kind\": \"asset\", \"uri\": \"@\", \"title\": \"t\"}\n", "0/0/1", ""},
      {DROP, "{\"kind\": \"asset\", \"uri\": \"@\", \"mime\": \"text/plain\"}\n", "1/0/0", ""},
      {DROP,
       "{\"kind\": \"asset\", \"uri\": \"@\", \"title\": \"t\", \"text\": \"# one\", \"pack_id\": "
       "null}\n",
       "1/0/0", "@ r0 pending[] next r1[0 # one?]"}},
     NULL},
    {"deleted",
     {{DROP, DOC("@", "") CHUNK("@", 0, "one"), "2/0/0", "@ r0 pending[] next r1[0 one?]"},
      {SQL, "DELETE FROM pmoves_core.assets WHERE uri = '@'", NULL, ""},
      {DROP, DOC("@", "") CHUNK("@", 0, "one"), "2/0/0", "@ r0 pending[] next r1[0 one?]"}},
     NULL},
};

static void replace_name(struct buf *out, const char *text, const char *name)
{
    buf_clear(out);
    for (; *text; text++)
        if (*text == '@')
            buf_str(out, name);
        else
            buf_byte(out, (uint8_t)*text);
    (void)buf_cstr(out);
}

static void expect_state(struct knowledge *k, size_t i, size_t step, const char *name)
{
    struct buf sql = {0};
    struct buf want = {0};
    buf_printf(&sql, state_of, name);
    replace_name(&want, cases[i].steps[step].state, name);
    const char *got = database_value(&k->x.db, buf_cstr(&sql));
    cr_expect_str_eq(got, buf_cstr(&want), "%s, step %zu: want %s, got %s", cases[i].name, step + 1,
                     buf_cstr(&want), got);
    buf_free(&sql);
    buf_free(&want);
}

static void run_step(struct knowledge *k, enum load_way way, size_t i, size_t step,
                     const char *name)
{
    const struct step *s = &cases[i].steps[step];
    struct buf text = {0};
    char counts[64];
    replace_name(&text, s->what, name);
    if (s->act == DROP) {
        EXPECT_OK(knowledge_load(k, way, buf_cstr(&text)));
        const struct load_outcome *o = &k->x.worker.outcome;
        (void)snprintf(counts, sizeof counts, "%d/%d/%d", (int)o->rows, (int)o->rejected,
                       (int)o->skipped);
        cr_expect_str_eq(counts, s->counts, "%s, step %zu: want %s, got %s", cases[i].name,
                         step + 1, s->counts, counts);
    } else if (s->act == SQL) {
        EXPECT_OK(pg_exec(&k->x.db.pg, buf_cstr(&text)));
    } else {
        (void)knowledge_settle(k, &k->x.db.pg, s->act == MADE ? "complete" : "failed",
                               buf_cstr(&text));
    }
    buf_free(&text);
}

static const char completions[] =
    "SELECT coalesce(string_agg(format('r%%s %%s %%s/%%s', payload->>'revision', "
    "payload->>'status',"
    " payload->>'chunks', payload->>'failed'), ', ' ORDER BY o.event_id), '') FROM event_outbox o"
    " JOIN event_delivery USING (event_id)"
    " JOIN pmoves_core.assets a ON a.asset_id::text = payload->>'asset_id'"
    " WHERE event_type = 'kb.index.completed.v1' AND a.uri = '%s'";

static void run_case(struct knowledge *k, enum load_way way, size_t i)
{
    char name[32];
    struct buf sql = {0};
    (void)snprintf(name, sizeof name, "case%zu", i + 10);
    for (size_t step = 0; cases[i].steps[step].act != END; step++) {
        run_step(k, way, i, step, name);
        expect_state(k, i, step, name);
    }
    buf_printf(&sql, completions, name);
    const char *got = database_value(&k->x.db, buf_cstr(&sql));
    if (cases[i].events)
        cr_expect_str_eq(got, cases[i].events, "%s: want events %s, got %s", cases[i].name,
                         cases[i].events, got);
    buf_free(&sql);
    EXPECT_OK(pg_exec(&k->x.db.pg, "DELETE FROM pmoves_kb.documents_next"));
}

ParameterizedTestParameters(kb_load, cases)
{
    static enum load_way ways[] = {LOAD_HELD, LOAD_AGAIN_FROM_DISK, LOAD_CAREFUL};
    return cr_make_param_array(enum load_way, ways, LOAD_WAYS);
}

ParameterizedTest(enum load_way *way, kb_load, cases)
{
    struct knowledge k;
    knowledge_open(&k);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_case(&k, *way, i);
    knowledge_close(&k);
}
