/* SPDX-License-Identifier: MIT */
/* Chunks in a worker's hands: who has them, for how long, and what a settlement changes. */
#include "embed/claim.h"

#include <unistd.h>

#include "base/mem.h"
#include "knowledge.h"
#include "db/queries.h"
#include "kb/shape.h"

static const struct manifest_embedder declared = {.name = "e",
                                                  .provider = EMBEDDER_OPENAI,
                                                  .model = "m",
                                                  .dimensions = 3,
                                                  .batch_count = 100,
                                                  .batch_tokens = 100,
                                                  .timeout_us = 1000000};

struct hands {
    struct knowledge k;
    struct pg *pg;
    struct kb_shape shape;
    struct embed_report report;
};

/* Three chunks of two documents wait. */
static void open_hands(struct hands *h)
{
    static const char lines[] = "{\"kind\": \"document\", \"uri\": \"a\"}\n"
                                "{\"kind\": \"chunk\", \"uri\": \"a\", \"text\": \"one\"}\n"
                                "{\"kind\": \"chunk\", \"uri\": \"a\", \"text\": \"two\"}\n"
                                "{\"kind\": \"document\", \"uri\": \"b\"}\n"
                                "{\"kind\": \"chunk\", \"uri\": \"b\", \"text\": \"three\"}\n";
    knowledge_open(&h->k);
    h->pg = &h->k.x.db.pg;
    EXPECT_OK(knowledge_load(&h->k, LOAD_HELD, lines));
    EXPECT_OK(pg_query(h->pg, sql_embed_model, PG_PARAMS("m", "3"), NULL));
    EXPECT_OK(pg_exec(h->pg, sql_embed_listen));
    EXPECT_OK(pg_query(h->pg, sql_embed_known, PG_PARAMS("e"), NULL));
    EXPECT_OK(kb_shape_read(h->pg, &h->shape));
    h->report =
        (struct embed_report){.declared = &declared, .shape = &h->shape, .health = EMBED_WELL};
}

static void make_vector(struct embed_claim *c, size_t i)
{
    c->pieces[i].fate = PIECE_DONE;
    c->vectors[i * 3] = 1;
}

static void make_vectors(struct embed_claim *c)
{
    for (size_t i = 0; i < c->count; i++)
        make_vector(c, i);
}

static struct embed_claim take(struct hands *h, size_t most, size_t want)
{
    struct embed_claim c;
    EXPECT_OK(embed_claim_take(&c, h->pg, &declared, most));
    cr_assert_eq(c.count, want, "want %zu chunks, got %zu", want, c.count);
    return c;
}

static struct embed_settled settle(struct hands *h, struct embed_claim *c)
{
    struct embed_settled settled;
    EXPECT_OK(embed_claim_settle(c, h->pg, &h->report, &settled));
    embed_claim_free(c);
    return settled;
}

#define EXPECT_SETTLED(got, chunks, bad, docs)                                                    \
    cr_expect((got).embedded == (chunks) && (got).failed == (bad) && (got).documents == (docs),   \
              "got %d embedded, %d failed, %d documents", (int)(got).embedded, (int)(got).failed, \
              (int)(got).documents)

Test(embed_claim, to_the_end)
{
    struct hands h;
    open_hands(&h);
    struct embed_claim c = take(&h, 100, 3);
    cr_expect(strncmp(c.pieces[0].text.bytes, "one", 3) == 0 && c.pieces[0].text.len == 3);
    EXPECT_VALUE(&h.k.x.db,
                 "SELECT count(*) FROM pmoves_kb.chunks_next WHERE embedding_status = "
                 "'processing' AND next_attempt_at > now() + interval '25 s'",
                 "3");
    struct embed_claim other = take(&h, 100, 0);
    embed_claim_free(&other);
    make_vectors(&c);
    struct embed_settled got = settle(&h, &c);
    EXPECT_SETTLED(got, 3, 0, 2);
    EXPECT_VALUE(&h.k.x.db,
                 "SELECT string_agg(embedding::text || model, ' ') FROM pmoves_kb.chunks",
                 "{1,0,0}m {1,0,0}m {1,0,0}m");
    EXPECT_VALUE(&h.k.x.db, "SELECT chunks FROM pmoves_kb.embedder", "3");
    knowledge_close(&h.k);
}

/* A fence: what comes after the lease has ended, and another has it, changes nothing. */
Test(embed_claim, lapsed)
{
    struct hands h;
    open_hands(&h);
    struct embed_claim late = take(&h, 100, 3);
    EXPECT_OK(pg_exec(h.pg, "UPDATE pmoves_kb.chunks_next SET next_attempt_at = now()"));
    struct embed_claim next = take(&h, 2, 2);
    make_vectors(&late);
    struct embed_settled got = settle(&h, &late);
    EXPECT_SETTLED(got, 1, 0, 1); /* the one that nobody took */
    EXPECT_VALUE(&h.k.x.db,
                 "SELECT count(*) FROM pmoves_kb.chunks_next WHERE embedding_status = 'processing'",
                 "2");
    make_vectors(&next);
    got = settle(&h, &next);
    EXPECT_SETTLED(got, 2, 0, 1);
    knowledge_close(&h.k);
}

Test(embed_claim, renewed)
{
    struct hands h;
    open_hands(&h);
    struct embed_claim c = take(&h, 100, 3);
    EXPECT_OK(pg_exec(h.pg, "UPDATE pmoves_kb.chunks_next SET next_attempt_at = now()"));
    EXPECT_OK(embed_claim_renew(&c, h.pg)); /* it has just begun: nothing to do */
    EXPECT_VALUE(&h.k.x.db,
                 "SELECT count(*) FROM pmoves_kb.chunks_next WHERE next_attempt_at > now()", "0");
    c.until_us -= 20000000;
    EXPECT_OK(embed_claim_renew(&c, h.pg));
    EXPECT_VALUE(&h.k.x.db,
                 "SELECT count(*) FROM pmoves_kb.chunks_next WHERE next_attempt_at > "
                 "now() + interval '25 s'",
                 "3");
    embed_claim_free(&c);
    knowledge_close(&h.k);
}

/* It waits for nobody: a batch that replaces the document would wait for it in turn. */
Test(embed_claim, renewed_but_for_one_that_is_locked, .timeout = 30)
{
    struct hands h;
    struct pg other;
    open_hands(&h);
    struct embed_claim c = take(&h, 100, 3);
    EXPECT_OK(pg_exec(h.pg, "UPDATE pmoves_kb.chunks_next SET next_attempt_at = now()"));
    pg_init(&other);
    EXPECT_OK(pg_open(&other, &h.k.x.db.target));
    EXPECT_OK(pg_exec(&other, "BEGIN; DELETE FROM pmoves_kb.chunks_next WHERE text = 'two'"));
    c.until_us -= 20000000;
    EXPECT_OK(embed_claim_renew(&c, h.pg));
    EXPECT_VALUE(&h.k.x.db,
                 "SELECT string_agg(text, ' ' ORDER BY text) FROM pmoves_kb.chunks_next WHERE "
                 "next_attempt_at > now()",
                 "one three");
    pg_close(&other);
    embed_claim_free(&c);
    knowledge_close(&h.k);
}

/* Each piece has its own fate. */
Test(embed_claim, fates)
{
    struct hands h;
    open_hands(&h);
    struct embed_claim c = take(&h, 100, 3);
    make_vector(&c, 0);
    c.pieces[1].fate = PIECE_REFUSED;
    c.pieces[1].error = mem_strdup("it's \"bad\", \\ {really}");
    c.pieces[2].fate = PIECE_AGAIN;
    c.pieces[2].error = mem_strdup("zeros");
    struct embed_settled got = settle(&h, &c);
    EXPECT_SETTLED(got, 1, 1, 1);
    EXPECT_VALUE(&h.k.x.db, "SELECT error FROM pmoves_kb.chunks WHERE text = 'two'",
                 "it's \"bad\", \\ {really}");
    const char waits[] =
        "SELECT embedding_status || attempts || error || (next_attempt_at > now()) "
        "FROM pmoves_kb.chunks_next";
    EXPECT_VALUE(&h.k.x.db, waits, "pending1zerostrue");
    for (int i = 0; i < 2; i++) {
        EXPECT_OK(pg_exec(h.pg, "UPDATE pmoves_kb.chunks_next SET next_attempt_at = now()"));
        c = take(&h, 100, 1);
        c.pieces[0].fate = PIECE_AGAIN;
        c.pieces[0].error = mem_strdup("zeros");
        got = settle(&h, &c);
    }
    EXPECT_SETTLED(got, 0, 1, 1);
    EXPECT_VALUE(&h.k.x.db,
                 "SELECT status FROM pmoves_kb.documents d JOIN pmoves_core.assets "
                 "USING (asset_id) WHERE uri = 'b'",
                 "partial");
    knowledge_close(&h.k);
}

/* A text that a server fails at has more attempts than one that gets nonsense; the time between
 * them doubles. */
Test(embed_claim, attempts)
{
    static const struct {
        enum embed_fate fate;
        const char *want; /* status and attempts, after each */
    } rows[] = {
        {PIECE_AGAIN, "pending 1, pending 2, failed 3"},
        {PIECE_BREAKS, "pending 1, pending 2, pending 3, pending 4, pending 5, failed 6"},
        {PIECE_REFUSED, "failed 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hands h;
        struct buf got = {0};
        struct embed_settled settled = {0};
        open_hands(&h);
        while (settled.failed == 0) {
            char start[64];
            PGresult *state;
            EXPECT_OK(pg_exec(h.pg, "UPDATE pmoves_kb.chunks_next SET next_attempt_at = now() + "
                                    "CASE text WHEN 'one' THEN '0' ELSE '1 h' END::interval"));
            struct embed_claim c = take(&h, 100, 1);
            c.pieces[0].fate = rows[i].fate;
            c.pieces[0].error = mem_strdup("e");
            (void)snprintf(start, sizeof start, "%s",
                           database_value(&h.k.x.db, "SELECT clock_timestamp()"));
            settled = settle(&h, &c);
            EXPECT_OK(pg_query(h.pg,
                               "SELECT embedding_status || ' ' || attempts, embedding_status = "
                               "'failed' OR next_attempt_at - 5 * 2 ^ (attempts - 1) * interval '1 "
                               "s' BETWEEN $1 AND clock_timestamp() FROM pmoves_kb.chunks_next "
                               "WHERE text = 'one'",
                               PG_PARAMS(start), &state));
            buf_printf(&got, "%s%s", got.len > 0 ? ", " : "", PQgetvalue(state, 0, 0));
            cr_expect_str_eq(PQgetvalue(state, 0, 1), "t", "the next comes too soon, or too late");
            PQclear(state);
        }
        cr_expect_str_eq(buf_cstr(&got), rows[i].want, "want %s, got %s", rows[i].want,
                         buf_cstr(&got));
        buf_free(&got);
        knowledge_close(&h.k);
    }
}

/* Two of one text: the vector is there once, and goes to both. */
Test(embed_claim, shared_vector)
{
    struct hands h;
    open_hands(&h);
    struct embed_claim c = take(&h, 100, 3);
    make_vectors(&c);
    c.pieces[1].vector = 0;
    c.vectors[0] = 3;
    struct embed_settled got = settle(&h, &c);
    EXPECT_SETTLED(got, 3, 0, 2);
    EXPECT_VALUE(&h.k.x.db,
                 "SELECT string_agg(text || embedding::text, ' ' ORDER BY text) FROM "
                 "pmoves_kb.chunks",
                 "one{3,0,0} three{1,0,0} two{3,0,0}");
    knowledge_close(&h.k);
}

/* What is given back is due at once, in the place that it had. */
Test(embed_claim, given_back)
{
    struct hands h;
    open_hands(&h);
    struct embed_claim c = take(&h, 2, 2);
    struct embed_settled got = settle(&h, &c);
    EXPECT_SETTLED(got, 0, 0, 0);
    c = take(&h, 1, 1);
    cr_expect(strncmp(c.pieces[0].text.bytes, "three", 5) != 0, "want one of the older document");
    embed_claim_free(&c);
    knowledge_close(&h.k);
}

Test(embed_claim, packed_by_tokens)
{
    struct hands h;
    open_hands(&h);
    EXPECT_OK(pg_exec(h.pg, "UPDATE pmoves_kb.chunks_next SET tokens = CASE text WHEN 'one' THEN "
                            "500 WHEN 'two' THEN 60 ELSE 50 END"));
    struct embed_claim first = take(&h, 100, 1); /* one that is too large goes alone */
    struct embed_claim second = take(&h, 100, 1);
    struct embed_claim third = take(&h, 100, 1);
    cr_expect_eq(first.pieces[0].tokens, 500);
    embed_claim_free(&first);
    embed_claim_free(&second);
    embed_claim_free(&third);
    knowledge_close(&h.k);
}

/* Whoever mustn't, gets nothing. */
Test(embed_claim, nothing_for_them)
{
    static const char *const states[] = {
        "UPDATE pmoves_kb.embedder SET stopped_at = now()",
        "UPDATE pmoves_kb.embedder SET not_before = now() + interval '1 min'",
        "UPDATE pmoves_kb.embedding SET model = 'other'",
        "UPDATE pmoves_kb.embedding SET model = NULL",
        "UPDATE pmoves_kb.embedding SET dimensions = 4",
    };
    struct hands h;
    open_hands(&h);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        EXPECT_OK(pg_exec(h.pg,
                          "UPDATE pmoves_kb.embedding SET model = 'm', dimensions = 3;"
                          "UPDATE pmoves_kb.embedder SET stopped_at = NULL, not_before = NULL"));
        EXPECT_OK(pg_exec(h.pg, states[i]));
        struct embed_claim c;
        EXPECT_OK(embed_claim_take(&c, h.pg, &declared, 100));
        cr_expect_eq(c.count, 0, "%s: got %zu", states[i], c.count);
        embed_claim_free(&c);
    }
    knowledge_close(&h.k);
}

Test(embed_claim, health)
{
    static const struct {
        enum embed_health health;
        int64_t pause_us;
        const char *want; /* failures, paused for minutes, stopped, error */
    } rows[] = {
        {EMBED_FAILING, 60000000, "1 1 f e"},
        {EMBED_FAILING, 0, "1 1 f e"}, /* it is paused: the same failure */
        {EMBED_UNKNOWN, 0, "1 1 f e"},
        {EMBED_FAILING, 180000000, "1 3 f e"},
        {EMBED_WELL, 0, "0 3 f e"},
        {EMBED_HALTED, 0, "0 3 t e"},
    };
    struct hands h;
    open_hands(&h);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct embed_claim c = take(&h, 1, i < 1 ? 1 : 0);
        h.report.health = rows[i].health;
        h.report.pause_us = rows[i].pause_us;
        h.report.error = "e";
        (void)settle(&h, &c);
        EXPECT_VALUE(
            &h.k.x.db,
            "SELECT concat_ws(' ', failures, round(extract(epoch FROM not_before - now()) / 60), "
            "stopped_at IS NOT NULL, error) FROM pmoves_kb.embedder",
            rows[i].want);
    }
    knowledge_close(&h.k);
}

/* A settlement that fails changes nothing, and can be tried again. */
Test(embed_claim, settled_twice)
{
    struct hands h;
    struct embed_settled got;
    open_hands(&h);
    struct embed_claim c = take(&h, 100, 3);
    make_vectors(&c);
    EXPECT_OK(pg_exec(h.pg, "ALTER TABLE pmoves_kb.documents RENAME TO away"));
    struct err e = embed_claim_settle(&c, h.pg, &h.report, &got);
    cr_expect(err_is(&e), "want a failure");
    EXPECT_SETTLED(got, 0, 0, 0);
    EXPECT_VALUE(&h.k.x.db, "SELECT count(claim_id) FROM pmoves_kb.chunks_next", "3");
    EXPECT_OK(pg_exec(h.pg, "ALTER TABLE pmoves_kb.away RENAME TO documents"));
    EXPECT_OK(embed_claim_settle(&c, h.pg, &h.report, &got));
    EXPECT_SETTLED(got, 3, 0, 2);
    EXPECT_OK(embed_claim_settle(&c, h.pg, &h.report, &got)); /* its reply was lost */
    EXPECT_SETTLED(got, 0, 0, 0);
    EXPECT_VALUE(&h.k.x.db,
                 "SELECT count(*) FROM event_outbox WHERE event_type = 'kb.index.completed.v1'",
                 "2");
    embed_claim_free(&c);
    knowledge_close(&h.k);
}

/* The server refuses a document as a whole: the others of the claim are served, its vectors stay.
 */
Test(embed_claim, refused_document)
{
    static const char done[] = "SELECT string_agg(text, ' ' ORDER BY text) FROM pmoves_kb.chunks";
    static const struct {
        const char *obstacle, *away;
    } rows[] = {
        {"ALTER TABLE pmoves_kb.chunks ADD CONSTRAINT no CHECK (text <> 'one')",
         "ALTER TABLE pmoves_kb.chunks DROP CONSTRAINT no"},
        /* only the COMMIT would tell */
        {"CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
         " RAISE 'no' USING ERRCODE = '23000'; END$$;"
         "CREATE CONSTRAINT TRIGGER no AFTER INSERT ON pmoves_kb.chunks DEFERRABLE INITIALLY "
         "DEFERRED FOR EACH ROW WHEN (NEW.text = 'one') EXECUTE FUNCTION public.no()",
         "DROP TRIGGER no ON pmoves_kb.chunks"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hands h;
        uint64_t completed;
        open_hands(&h);
        EXPECT_OK(pg_exec(h.pg, rows[i].obstacle));
        struct embed_claim c = take(&h, 100, 3);
        make_vectors(&c);
        struct embed_settled got = settle(&h, &c);
        EXPECT_SETTLED(got, 3, 0, 1);
        EXPECT_VALUE(&h.k.x.db, done, "three");
        EXPECT_VALUE(&h.k.x.db,
                     "SELECT string_agg(text || ' ' || embedding_status, ', ' ORDER BY text) FROM "
                     "pmoves_kb.chunks_next",
                     "one complete, two complete");
        c = take(&h, 100, 0); /* nobody asks for its vectors again */
        embed_claim_free(&c);
        EXPECT_OK(pg_exec(h.pg, rows[i].away));
        EXPECT_OK(pg_exec(h.pg, "BEGIN"));
        const char docs[] = "SELECT array_agg(doc_id) FROM pmoves_kb.documents_next";
        EXPECT_OK(kb_complete_each(h.pg, database_value(&h.k.x.db, docs), &completed));
        EXPECT_OK(pg_commit(h.pg));
        EXPECT_VALUE(&h.k.x.db, done, "one three two");
        EXPECT_VALUE(&h.k.x.db,
                     "SELECT count(*) FROM event_outbox WHERE event_type = 'kb.index.completed.v1'",
                     "2");
        knowledge_close(&h.k);
    }
}

/* Two configured schemas in one database share the knowledge base, not their outboxes: who loaded a
 * document embeds and announces it. */
Test(embed_claim, another_schema)
{
    struct hands h;
    struct pg other;
    struct pg_target target;
    struct migrate_report report = {0};
    struct embed_claim c;
    open_hands(&h);
    target = (struct pg_target){h.k.x.db.target.conninfo, "other"};
    pg_init(&other);
    EXPECT_OK(pg_open(&other, &target));
    EXPECT_OK(migrate_apply(&other, "other", shipped_streams(), &report));
    migrate_report_free(&report);
    EXPECT_OK(embed_claim_take(&c, &other, &declared, 100));
    cr_expect_eq(c.count, 0, "want none, got %zu", c.count);
    embed_claim_free(&c);
    c = take(&h, 100, 3);
    make_vectors(&c);
    struct embed_settled got = settle(&h, &c);
    EXPECT_SETTLED(got, 3, 0, 2);
    pg_close(&other);
    knowledge_close(&h.k);
}

/* `migrate --embedding` came between the claim and its settlement: no text is at fault. */
Test(embed_claim, vectors_became_others)
{
    struct hands h;
    open_hands(&h);
    struct embed_claim c = take(&h, 100, 3);
    make_vectors(&c);
    h.shape.dimensions = 4; /* read anew, by another connection */
    struct embed_settled got = settle(&h, &c);
    EXPECT_SETTLED(got, 0, 0, 0);
    EXPECT_VALUE(&h.k.x.db,
                 "SELECT count(*) FROM pmoves_kb.chunks_next WHERE embedding_status = 'pending' "
                 "AND attempts = 0",
                 "3");
    knowledge_close(&h.k);
}
