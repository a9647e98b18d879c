/* SPDX-License-Identifier: MIT */
/* Revisions that take each other's place: who sees what, and how often it is told. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

#include "knowledge.h"

static const char completed[] =
    "SELECT count(*) FROM event_outbox WHERE event_type = 'kb.index.completed.v1'";

#define TWO                                                                  \
    "{\"kind\": \"document\", \"uri\": \"u\"}\n"                             \
    "{\"kind\": \"chunk\", \"uri\": \"u\", \"idx\": 0, \"text\": \"one\"}\n" \
    "{\"kind\": \"chunk\", \"uri\": \"u\", \"idx\": 1, \"text\": \"two\"}\n"

/* --- the last two chunks -----------------------------------------------------------------------
 */

struct settler {
    struct knowledge *k;
    struct pg pg;
    uint64_t done;
};

static void settler_open(struct settler *s, struct knowledge *k)
{
    *s = (struct settler){.k = k};
    pg_init(&s->pg);
    EXPECT_OK(pg_open(&s->pg, &k->x.db.target));
}

static void *settle_two(void *settler)
{
    struct settler *s = settler;
    s->done = knowledge_settle(s->k, &s->pg, "complete", "text = 'two'");
    return NULL;
}

Test(kb_complete, last_two_at_once)
{
    struct knowledge k;
    struct settler first;
    struct settler second;
    pthread_t thread;
    knowledge_open(&k);
    EXPECT_OK(knowledge_load(&k, LOAD_HELD, TWO));
    settler_open(&first, &k);
    settler_open(&second, &k);
    first.done = knowledge_settle_open(&k, &first.pg, "complete", "text = 'one'");
    cr_assert_eq(pthread_create(&thread, NULL, settle_two, &second), 0);
    const char waiting[] =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'";
    while (strcmp(database_value(&k.x.db, waiting), "1") != 0)
        (void)usleep(10000);
    EXPECT_OK(pg_commit(&first.pg));
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_expect_eq(first.done + second.done, 1, "want 1 completion, got %d and %d", (int)first.done,
                 (int)second.done);
    EXPECT_VALUE(&k.x.db, completed, "1");
    EXPECT_VALUE(&k.x.db,
                 "SELECT count(*) FROM pmoves_kb.chunks WHERE embedding_status = 'complete'", "2");
    EXPECT_VALUE(&k.x.db, "SELECT count(*) FROM pmoves_kb.chunks_next", "0");
    pg_close(&first.pg);
    pg_close(&second.pg);
    knowledge_close(&k);
}

/* --- readers ------------------------------------------------------------------------------------
 */

struct reader {
    struct knowledge *k;
    atomic_bool stop;
    const char *begin; /* how its transactions begin */
    unsigned looks, wrong;
};

/* Every version of the document has 5 chunks of one word, so anything else is half of one, or two.
 */
static void *read_along(void *reader)
{
    struct reader *r = reader;
    struct pg pg;
    PGresult *rows;
    pg_init(&pg);
    EXPECT_OK(pg_open(&pg, &r->k->x.db.target));
    while (!atomic_load(&r->stop)) {
        EXPECT_OK(pg_exec(&pg, r->begin));
        EXPECT_OK(pg_query(&pg,
                           "SELECT count(*), count(DISTINCT split_part(text, ' ', 1)),"
                           " count(DISTINCT idx) FROM pmoves_kb.chunks",
                           PG_NO_PARAMS, &rows));
        r->looks++;
        r->wrong += strcmp(PQgetvalue(rows, 0, 0), "5") != 0 ||
                    strcmp(PQgetvalue(rows, 0, 1), "1") != 0 ||
                    strcmp(PQgetvalue(rows, 0, 2), "5") != 0;
        PQclear(rows);
        EXPECT_OK(pg_query(&pg,
                           "SELECT count(*) FROM pmoves_kb.chunks c JOIN pmoves_kb.documents d"
                           " USING (doc_id) WHERE split_part(c.text, ' ', 1) = d.title",
                           PG_NO_PARAMS, &rows));
        r->wrong += strcmp(PQgetvalue(rows, 0, 0), "5") != 0;
        PQclear(rows);
        EXPECT_OK(pg_exec(&pg, "COMMIT"));
    }
    pg_close(&pg);
    return NULL;
}

static void drop_version(struct knowledge *k, unsigned version)
{
    struct buf lines = {0};
    buf_printf(&lines, "{\"kind\": \"document\", \"uri\": \"u\", \"title\": \"v%u\"}\n", version);
    for (unsigned i = 0; i < 5; i++)
        buf_printf(&lines,
                   "{\"kind\": \"chunk\", \"uri\": \"u\", \"idx\": %u, \"text\": \"v%u %u\"}\n", i,
                   version, i);
    EXPECT_OK(knowledge_load(k, LOAD_HELD, buf_cstr(&lines)));
    buf_free(&lines);
}

Test(kb_complete, readers_see_whole_revisions)
{
    enum { VERSIONS = 40 };
    struct knowledge k;
    pthread_t threads[2];
    knowledge_open(&k);
    struct reader readers[] = {{.k = &k, .begin = "BEGIN ISOLATION LEVEL REPEATABLE READ"},
                               {.k = &k, .begin = "BEGIN"}};
    drop_version(&k, 0);
    (void)knowledge_settle(&k, &k.x.db.pg, "complete", "true");
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, read_along, &readers[i]), 0);
    for (unsigned v = 1; v <= VERSIONS; v++) {
        drop_version(&k, v);
        (void)knowledge_settle(&k, &k.x.db.pg, "complete", "idx < 3");
        (void)knowledge_settle(&k, &k.x.db.pg, "complete", "true");
    }
    for (int i = 0; i < 2; i++) {
        atomic_store(&readers[i].stop, true);
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        cr_expect(readers[i].looks > VERSIONS && readers[i].wrong == 0,
                  "%s: want more than %d looks, none of them wrong; got %u, %u", readers[i].begin,
                  VERSIONS, readers[i].looks, readers[i].wrong);
    }
    EXPECT_VALUE(&k.x.db, "SELECT revision || ' ' || title FROM pmoves_kb.documents", "41 v40");
    EXPECT_VALUE(&k.x.db, completed, "41");
    knowledge_close(&k);
}

/* --- again --------------------------------------------------------------------------------------
 */

static void expect_again(struct knowledge *k, enum kb_again which, unsigned limit, const char *want)
{
    uint64_t documents;
    uint64_t chunks;
    char got[48];
    char after[UUID_TEXT] = "";
    EXPECT_OK(kb_again(&k->x.db.pg, which, NULL, "{\"late\"}", limit, after, &documents, &chunks));
    (void)snprintf(got, sizeof got, "%d %d", (int)documents, (int)chunks);
    cr_expect_str_eq(got, want, "again %d: want %s, got %s", (int)which, want, got);
}

Test(kb_complete, again)
{
    struct knowledge k;
    static const char status[] =
        "SELECT string_agg(format('r%s %s', revision, status), ', ' ORDER BY"
        " title) FROM pmoves_kb.documents";
    static const char chunks[] = "SELECT string_agg(text || ' ' || embedding_status, ', ' ORDER BY "
                                 "text) FROM pmoves_kb.chunks";
    knowledge_open(&k);
    EXPECT_OK(knowledge_load(&k, LOAD_HELD,
                             TWO "{\"kind\": \"document\", \"uri\": \"w\", \"title\": \"w\"}\n"
                                 "{\"kind\": \"chunk\", \"uri\": \"w\", \"idx\": 0, \"text\": "
                                 "\"zero\"}\n"));
    (void)knowledge_settle(&k, &k.x.db.pg, "failed", "text <> 'one'");
    EXPECT_VALUE(&k.x.db, chunks, "zero failed");
    expect_again(&k, KB_FAILED, 1, "1 1");
    expect_again(&k, KB_FAILED, 1, "1 1");
    expect_again(&k, KB_FAILED, 1, "0 0");
    EXPECT_VALUE(&k.x.db, chunks, "zero failed"); /* it goes on being served */
    (void)knowledge_settle(&k, &k.x.db.pg, "complete", "true");
    EXPECT_VALUE(&k.x.db, chunks, "one complete, two complete, zero complete");
    EXPECT_VALUE(&k.x.db, status, "r2 complete, r1 complete");
    EXPECT_VALUE(
        &k.x.db,
        "SELECT string_agg(sink || ' ' || (payload->>'revision') || ' ' || (payload->>'status'), "
        "', '"
        " ORDER BY event_id, sink) FROM event_delivery JOIN event_outbox o USING (event_id)"
        " WHERE event_type = 'kb.index.completed.v1' AND payload->>'doc_id' ="
        " (SELECT doc_id::text FROM pmoves_kb.documents WHERE title = 'w')",
        "ear 1 partial, late 2 complete");
    expect_again(&k, KB_MISSING, 10, "0 0");
    EXPECT_OK(pg_exec(&k.x.db.pg, "UPDATE pmoves_kb.embedding SET model = 'n'"));
    expect_again(&k, KB_ALL, 10, "2 3");
    expect_again(&k, KB_ALL, 10, "0 0");
    knowledge_close(&k);
}

/* A document that fails anew meanwhile isn't picked once more, or `embed --again` never ended. */
Test(kb_complete, again_has_an_end, .timeout = 60)
{
    struct knowledge k;
    uint64_t documents;
    uint64_t chunks;
    char after[UUID_TEXT] = "";
    knowledge_open(&k);
    EXPECT_OK(knowledge_load(&k, LOAD_HELD, TWO));
    (void)knowledge_settle(&k, &k.x.db.pg, "failed", "true");
    for (uint64_t want = 1;; want--) {
        EXPECT_OK(kb_again(&k.x.db.pg, KB_FAILED, NULL, "{}", 1, after, &documents, &chunks));
        cr_assert_eq(documents, want, "want %d documents, got %d", (int)want, (int)documents);
        if (want == 0)
            break;
        (void)knowledge_settle(&k, &k.x.db.pg, "failed", "true");
    }
    EXPECT_VALUE(&k.x.db, "SELECT revision FROM pmoves_kb.documents", "2");
    knowledge_close(&k);
}

/* An adopted table's chunks may have one idx, none, or no text. */
Test(kb_complete, again_of_adopted, .timeout = 60)
{
    struct knowledge k;
    knowledge_open(&k);
    EXPECT_OK(pg_exec(&k.x.db.pg,
                      "ALTER TABLE pmoves_kb.chunks ALTER idx DROP NOT NULL, ALTER text DROP NOT "
                      "NULL;"
                      "INSERT INTO pmoves_kb.documents (doc_id, status) VALUES "
                      "(md5('d')::uuid, 'partial');"
                      "INSERT INTO pmoves_kb.chunks (chunk_id, doc_id, text, idx, "
                      "embedding_status, embedding) VALUES"
                      " (md5('1')::uuid, md5('d')::uuid, 'kept', 0, 'complete', '{1,0,0}'),"
                      " (md5('2')::uuid, md5('d')::uuid, 'twin', 0, 'pending', NULL),"
                      " (md5('3')::uuid, md5('d')::uuid, 'nowhere', NULL, 'pending', NULL),"
                      " (md5('4')::uuid, md5('d')::uuid, NULL, 1, 'pending', NULL)"));
    expect_again(&k, KB_MISSING, 10, "1 2");
    expect_again(&k, KB_MISSING, 10, "0 0");
    (void)knowledge_settle(&k, &k.x.db.pg, "complete", "true");
    EXPECT_VALUE(&k.x.db,
                 "SELECT string_agg(format('%s %s %s', coalesce(text, '-'), coalesce(idx, -1), "
                 "embedding_status), ', ' ORDER BY chunk_id = md5('4')::uuid, text)"
                 " FROM pmoves_kb.chunks",
                 "kept 0 complete, nowhere -1 complete, twin 0 complete, - 1 pending");
    expect_again(&k, KB_MISSING, 10, "0 0");
    /* one that was taken away by hand */
    EXPECT_OK(
        pg_exec(&k.x.db.pg, "UPDATE pmoves_kb.chunks SET embedding = NULL WHERE text = 'kept'"));
    expect_again(&k, KB_MISSING, 10, "1 1");
    knowledge_close(&k);
}

/* An adopted table may say that an idx is there once, if that is looked at last. */
Test(kb_complete, unique_idx, .timeout = 60)
{
    static const char before[] =
        "{\"kind\": \"document\", \"uri\": \"u\", \"title\": \"new\"}\n"
        "{\"kind\": \"section\", \"uri\": \"u\", \"idx\": 0}\n"
        "{\"kind\": \"chunk\", \"uri\": \"u\", \"idx\": 0, \"text\": \"zero\", \"section\": 0}\n"
        "{\"kind\": \"chunk\", \"uri\": \"u\", \"idx\": 1, \"text\": \"one\"}\n"
        "{\"kind\": \"chunk\", \"uri\": \"u\", \"idx\": 2, \"text\": \"two\"}\n";
    struct knowledge k;
    knowledge_open(&k);
    EXPECT_OK(pg_exec(&k.x.db.pg, "ALTER TABLE pmoves_kb.chunks ADD CONSTRAINT once UNIQUE "
                                  "(doc_id, idx)"));
    EXPECT_ERR(knowledge_require(&k.x.db.pg), ERR_CONFIG,
               "ALTER TABLE pmoves_kb.chunks DROP CONSTRAINT once, ADD CONSTRAINT once UNIQUE "
               "(doc_id, idx) DEFERRABLE INITIALLY DEFERRED");
    EXPECT_OK(pg_exec(&k.x.db.pg, "ALTER TABLE pmoves_kb.chunks DROP CONSTRAINT once, ADD "
                                  "CONSTRAINT once UNIQUE (doc_id, idx) DEFERRABLE INITIALLY "
                                  "DEFERRED"));
    EXPECT_OK(pg_exec(&k.x.db.pg, "ALTER TABLE pmoves_kb.sections ADD UNIQUE (doc_id, idx) "
                                  "DEFERRABLE INITIALLY DEFERRED"));
    EXPECT_OK(knowledge_require(&k.x.db.pg));
    EXPECT_OK(knowledge_load(&k, LOAD_HELD, TWO));
    (void)knowledge_settle(&k, &k.x.db.pg, "complete", "true");
    EXPECT_OK(pg_exec(&k.x.db.pg, "INSERT INTO pmoves_kb.sections (doc_id, idx) SELECT doc_id, 0 "
                                  "FROM pmoves_kb.documents")); /* under an id that isn't ours */
    EXPECT_OK(knowledge_load(&k, LOAD_HELD, before));
    (void)knowledge_settle(&k, &k.x.db.pg, "complete", "true");
    EXPECT_VALUE(&k.x.db,
                 "SELECT string_agg(idx || ' ' || text, ', ' ORDER BY idx) FROM pmoves_kb.chunks",
                 "0 zero, 1 one, 2 two");
    knowledge_close(&k);
}

/* --- what is told --------------------------------------------------------------------------------
 */

Test(kb_complete, events)
{
    struct knowledge k;
    bool heard;
    knowledge_open(&k);
    EXPECT_OK(pg_exec(&k.x.db.pg, "LISTEN embed_updates"));
    EXPECT_OK(knowledge_load(&k, LOAD_HELD, TWO));
    EXPECT_VALUE(
        &k.x.db,
        "SELECT string_agg(format('%s %s %s', event_type, d.seq, d.batch_id IS NOT NULL), ', '"
        " ORDER BY o.seq, event_type) FROM event_outbox o JOIN event_delivery d USING (event_id)"
        " WHERE o.batch_id IS NOT NULL AND sink = 'ear'",
        "gate.open 1 t, kb.ingest.asset.created.v1 1 f, gate.done 2 t, embed.start 3 t");
    EXPECT_VALUE(
        &k.x.db,
        "SELECT format('%s %s %s', payload->>'documents', payload->>'chunks', payload->>'model')"
        " FROM event_outbox WHERE event_type = 'embed.start'",
        "1 2 m");
    EXPECT_OK(pg_exec(&k.x.db.pg, "SELECT"));
    EXPECT_OK(pg_heard(&k.x.db.pg, &heard));
    cr_expect(heard, "want a notification of embed_updates");
    /* nothing is left to embed: nobody is told to begin */
    EXPECT_OK(knowledge_load(&k, LOAD_HELD, "{\"kind\": \"document\", \"uri\": \"v\"}\n"));
    EXPECT_VALUE(&k.x.db, "SELECT count(*) FROM event_outbox WHERE event_type = 'embed.start'",
                 "1");
    knowledge_close(&k);
}

/* --- the vectors changed -------------------------------------------------------------------------
 */

Test(kb_complete, vectors_changed_before_loading)
{
    struct knowledge k;
    static const char lines[] = "{\"kind\": \"document\", \"uri\": \"u\"}\n"
                                "{\"kind\": \"chunk\", \"uri\": \"u\", \"text\": \"one\", "
                                "\"idx\": 0, \"embedding\": [1, 0, 0]}\n";
    knowledge_open(&k);
    k.kb.shape.dimensions = 3;
    (void)snprintf(k.kb.shape.model, sizeof k.kb.shape.model, "another");
    struct err e = knowledge_load(&k, LOAD_HELD, lines);
    cr_expect_eq(e.cls, ERR_CONFIG, "want class config, got %s: %s", err_class_name(e.cls), e.text);
    EXPECT_VALUE(&k.x.db, "SELECT count(*) FROM pmoves_kb.documents", "0");
    EXPECT_OK(pg_open(&k.x.worker.loader.pg, &k.x.worker.loader.target));
    EXPECT_OK(load_resume(&k.x.worker.loader, &k.x.worker.id, &k.x.worker.outcome));
    EXPECT_VALUE(&k.x.db, "SELECT count(*) FROM pmoves_kb.chunks", "1");
    knowledge_close(&k);
}

/* --- migrations meanwhile ------------------------------------------------------------------------
 */

static void *change_vectors(void *knowledge)
{
    const struct knowledge_wish wish = {
        .is_made = true, .type = KNOWLEDGE_REAL, .dimensions = 4, .discards = true};
    struct knowledge *k = knowledge;
    struct migrate_report report = {0};
    struct pg pg;
    pg_init(&pg);
    EXPECT_OK(pg_open(&pg, &k->x.db.target));
    EXPECT_OK(knowledge_apply(&pg, &wish, &report));
    migrate_report_free(&report);
    pg_close(&pg);
    return NULL;
}

/* A batch and a settlement come to their end before the tables change, and no lock is waited for in
 * a circle. */
Test(kb_complete, vectors_change_meanwhile, .timeout = 60)
{
    static const struct {
        const char *first, *then;
    } rows[] = {
        {"BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('spoolgate knowledge', 0));"
         "SELECT FROM pmoves_kb.embedding FOR SHARE",
         "LOCK TABLE pmoves_kb.chunks, pmoves_kb.chunks_next IN ROW EXCLUSIVE MODE; COMMIT"},
        {"BEGIN; SELECT FROM pmoves_kb.documents FOR NO KEY UPDATE",
         "SELECT FROM pmoves_kb.documents_next FOR UPDATE;"
         "LOCK TABLE pmoves_kb.chunks_next IN ROW EXCLUSIVE MODE;"
         "LOCK TABLE pmoves_kb.chunks IN ROW EXCLUSIVE MODE; COMMIT"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct knowledge k;
        pthread_t thread;
        knowledge_open(&k);
        EXPECT_OK(knowledge_load(&k, LOAD_HELD, TWO));
        (void)knowledge_settle(&k, &k.x.db.pg, "complete", "true");
        EXPECT_OK(pg_exec(&k.x.db.pg, rows[i].first));
        cr_assert_eq(pthread_create(&thread, NULL, change_vectors, &k), 0);
        while (strcmp(database_value(&k.x.db, "SELECT count(*) FROM pg_locks WHERE NOT granted"),
                      "1") != 0)
            (void)usleep(10000);
        EXPECT_OK(pg_exec(&k.x.db.pg, rows[i].then));
        cr_assert_eq(pthread_join(thread, NULL), 0);
        EXPECT_VALUE(&k.x.db, "SELECT dimensions FROM pmoves_kb.embedding", "4");
        knowledge_close(&k);
    }
}
