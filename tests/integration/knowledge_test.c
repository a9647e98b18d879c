/* SPDX-License-Identifier: MIT */
#include "schema/knowledge.h"

#include "bytes.h"
#include "database.h"
#include "db/migrations.h"

static struct database db;

static void set_up(void)
{
    database_open_own(&db);
}

static void tear_down(void)
{
    database_drop_own(&db);
}

TestSuite(knowledge, .init = set_up, .fini = tear_down);

static struct knowledge_wish wish(const char *text)
{
    struct knowledge_wish w = {0};
    if (text)
        EXPECT_OK(knowledge_parse(text, &w));
    return w;
}

static struct err apply(const char *text, bool discards, size_t *made)
{
    struct migrate_report r = {0};
    struct knowledge_wish w = wish(text);
    w.discards = discards;
    struct err e = knowledge_apply(&db.pg, &w, &r);
    if (made)
        *made = r.pending;
    migrate_report_free(&r);
    return e;
}

static size_t pending(const char *text)
{
    struct migrate_report r = {0};
    struct knowledge_wish w = wish(text);
    EXPECT_OK(knowledge_check(&db.pg, &w, &r));
    size_t n = r.pending;
    migrate_report_free(&r);
    return n;
}

static void run(const char *sql)
{
    EXPECT_OK(pg_exec(&db.pg, sql));
}

static bool has_pgvector(void)
{
    return strcmp(database_value(&db, "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE "
                                      "name = 'vector')"),
                  "t") == 0;
}

/* The role may not make it. */
static void make_pgvector(void)
{
    struct pg pg;
    char conninfo[400];
    struct pg_target target = {database_conninfo(db.target.conninfo, "user", "postgres", conninfo),
                               "public"};
    pg_init(&pg);
    EXPECT_OK(pg_open(&pg, &target));
    EXPECT_OK(pg_exec(&pg, "CREATE EXTENSION vector"));
    pg_close(&pg);
}

/* One document a row of texts, each with a title, and each chunk with a vector of three. */
static void add(int n, const char *title, const char *text, const char *vector)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", n);
    EXPECT_OK(pg_query(&db.pg,
                       "WITH a AS (INSERT INTO pmoves_core.assets (asset_id, uri, type) VALUES "
                       "(md5('a' || $1)::uuid, 'u' || $1, 'document')), "
                       "d AS (INSERT INTO pmoves_kb.documents (doc_id, asset_id, title) VALUES "
                       "(md5('d' || $1)::uuid, md5('a' || $1)::uuid, $2)) "
                       "INSERT INTO pmoves_kb.chunks (chunk_id, doc_id, idx, text, pack_id, "
                       "embedding_status, embedding) VALUES (md5('c' || $1)::uuid, "
                       "md5('d' || $1)::uuid, 0, $3, md5('p' || $1::integer % 2)::uuid, "
                       "'complete', $4::real[])",
                       PG_PARAMS(number, title, text, vector), NULL));
}

static void add_some(void)
{
    add(1, "Fruit", "Apples and pears; an apple a day.", "{1,0,0}");
    add(2, "Vegetables", "Carrots grow in the ground, not on an apple tree.", "{0,1,0}");
    add(3, "Zeppelins", "They fly, and carry pears.", "{0,3,4}");
    add(4, NULL, "Nothing of the kind.", "{-1,0,0.5}");
}

#define FOUND(function) "SELECT coalesce(string_agg(uri, ' '), '') FROM " function

/* ---- the chain ---- */

Test(knowledge, checking_changes_nothing_and_applying_makes_all_once)
{
    size_t made;
    cr_assert_eq(pending(NULL), knowledge_migration_count + 1, "got %zu", pending(NULL));
    EXPECT_VALUE(&db, "SELECT to_regnamespace('pmoves_kb') IS NULL", "t");
    EXPECT_ERR(knowledge_require(&db.pg), ERR_CONFIG, "spoolgate migrate");
    EXPECT_OK(apply(NULL, false, &made));
    cr_assert_eq(made, knowledge_migration_count + 1, "got %zu", made);
    EXPECT_OK(apply(NULL, false, &made));
    cr_assert_eq(made, 0, "got %zu", made);
    cr_assert_eq(pending(NULL), 0, "got %zu", pending(NULL));
    EXPECT_OK(knowledge_require(&db.pg));
    EXPECT_VALUE(&db, "SELECT dimensions FROM pmoves_kb.embedding", "384");
    run("UPDATE pmoves_kb.spoolgate_migration SET checksum = 'x'");
    EXPECT_ERR(knowledge_require(&db.pg), ERR_CONFIG, "edited");
}

Test(knowledge, functions_of_another_version_are_made_anew)
{
    EXPECT_OK(apply(NULL, false, NULL));
    run("COMMENT ON FUNCTION kb_search(text, real[], integer, uuid) IS 'old'");
    EXPECT_ERR(knowledge_require(&db.pg), ERR_CONFIG, "spoolgate migrate");
    EXPECT_OK(apply(NULL, false, NULL));
    EXPECT_OK(knowledge_require(&db.pg));
}

/* Readers and their planners rely on these. */
Test(knowledge, tables_have_the_indexes_and_policies_that_are_promised)
{
    static const struct {
        const char *table, *definition;
    } rows[] = {
        {"pmoves_core.assets", "USING btree (type)"},
        {"pmoves_core.assets", "USING btree (created_at DESC)"},
        {"pmoves_core.assets", "USING btree (uri)"},
        {"pmoves_kb.documents", "USING btree (asset_id)"},
        {"pmoves_kb.sections", "USING btree (doc_id, idx)"},
        {"pmoves_kb.chunks", "USING btree (doc_id, idx)"},
        {"pmoves_kb.chunks", "USING btree (section_id)"},
        {"pmoves_kb.chunks", "USING btree (pack_id)"},
        {"pmoves_kb.chunks", "USING gin (text_search)"},
        {"pmoves_kb.chunks", "USING btree (doc_id) WHERE (embedding_status <> 'complete'::text)"},
        {"pmoves_kb.chunks_next", "USING btree (doc_id, idx)"},
    };
    EXPECT_OK(apply(NULL, false, NULL));
    for (size_t i = 0; i < COUNT(rows); i++) {
        PGresult *found;
        EXPECT_OK(pg_query(&db.pg,
                           "SELECT FROM pg_index WHERE indrelid = $1::text::regclass AND "
                           "right(pg_get_indexdef(indexrelid), length($2)) = $2",
                           PG_PARAMS(rows[i].table, rows[i].definition), &found));
        cr_expect_geq(PQntuples(found), 1, "%s: want an index %s", rows[i].table,
                      rows[i].definition);
        PQclear(found);
    }
    EXPECT_VALUE(&db,
                 "SELECT coalesce(string_agg(oid::regclass::text, ' '), '') FROM pg_class c WHERE "
                 "relkind = 'r' AND relnamespace IN ('pmoves_core'::regnamespace, "
                 "'pmoves_kb'::regnamespace) AND relname <> 'spoolgate_migration' AND NOT "
                 "(relrowsecurity AND NOT relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p "
                 "WHERE p.polrelid = c.oid AND p.polcmd = 'r'))",
                 "");
}

/* An index more as soon as the extension is there, and only one. */
Test(knowledge, trigrams_are_indexed_where_the_extension_is)
{
    static const char indexes[] =
        "SELECT count(*) FROM pg_indexes WHERE tablename = 'chunks' AND indexdef LIKE "
        "'%USING gin (text %gin_trgm_ops)'";
    EXPECT_OK(apply(NULL, false, NULL));
    EXPECT_VALUE(&db, indexes, "0");
    run("CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions");
    cr_expect_eq(pending(NULL), 1);
    EXPECT_OK(knowledge_require(&db.pg)); /* it isn't needed */
    EXPECT_OK(apply(NULL, false, NULL));
    EXPECT_VALUE(&db, indexes, "1");
    cr_expect_eq(pending(NULL), 0);
}

/* In two schemas of one database: the second has functions of its own and the same tables. */
Test(knowledge, another_schema_shares_the_tables)
{
    EXPECT_OK(apply("real:3", false, NULL));
    run("CREATE SCHEMA other; SET search_path = other, pg_temp");
    EXPECT_ERR(knowledge_require(&db.pg), ERR_CONFIG, "spoolgate migrate");
    EXPECT_OK(apply(NULL, false, NULL));
    EXPECT_OK(knowledge_require(&db.pg));
    add_some();
    EXPECT_VALUE(&db, FOUND("other.kb_search('zeppelins')"), "u3");
    EXPECT_VALUE(&db, FOUND("spoolgate.kb_search('zeppelins')"), "u3");
}

Test(knowledge, a_role_without_the_right_is_told_the_grant)
{
    struct migrate_report r = {0};
    run("CREATE SCHEMA lesser");
    database_as_superuser("DO $$ BEGIN CREATE ROLE spoolgate_test_lesser; EXCEPTION WHEN "
                          "duplicate_object THEN NULL; END $$; "
                          "GRANT spoolgate_test_lesser TO spoolgate");
    run("SET ROLE spoolgate_test_lesser");
    struct err e = knowledge_apply(&db.pg, NULL, &r);
    migrate_report_free(&r);
    run("RESET ROLE");
    EXPECT_ERR(e, ERR_CONFIG, "GRANT CREATE ON DATABASE");
    cr_assert(strstr(e.text, "knowledge.enabled"), "got %s", e.text);
}

/* ---- types ---- */

Test(knowledge, types_are_parsed)
{
    static const struct {
        const char *text;
        enum knowledge_type type;
        size_t dimensions; /* 0: refused */
    } rows[] = {
        {"auto:384", KNOWLEDGE_AUTO, 384},   {"vector:2000", KNOWLEDGE_VECTOR, 2000},
        {"vector:2001", KNOWLEDGE_AUTO, 0},  {"halfvec:4000", KNOWLEDGE_HALFVEC, 4000},
        {"halfvec:4001", KNOWLEDGE_AUTO, 0}, {"real:1", KNOWLEDGE_REAL, 1},
        {"real:0", KNOWLEDGE_AUTO, 0},       {"real:", KNOWLEDGE_AUTO, 0},
        {"real", KNOWLEDGE_AUTO, 0},         {"real:12x", KNOWLEDGE_AUTO, 0},
        {"real:-1", KNOWLEDGE_AUTO, 0},      {"real:99999999999999999999", KNOWLEDGE_AUTO, 0},
        {":384", KNOWLEDGE_AUTO, 0},         {"", KNOWLEDGE_AUTO, 0},
        {"vec:384", KNOWLEDGE_AUTO, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct knowledge_wish w = {0};
        struct err e = knowledge_parse(rows[i].text, &w);
        cr_assert_eq(err_is(&e), rows[i].dimensions == 0, "%s: got `%s`", rows[i].text, e.text);
        cr_assert_eq(w.type, rows[i].type, "%s: want %d, got %d", rows[i].text, rows[i].type,
                     w.type);
        cr_assert_eq(w.dimensions, rows[i].dimensions, "%s: want %zu, got %zu", rows[i].text,
                     rows[i].dimensions, w.dimensions);
    }
}

Test(knowledge, real_vectors_have_their_length_and_lie_uncompressed)
{
    EXPECT_OK(apply("real:3", false, NULL));
    EXPECT_VALUE(&db,
                 "SELECT string_agg(attstorage::text, '') FROM pg_attribute WHERE attname = "
                 "'embedding' AND attrelid IN ('pmoves_kb.chunks'::regclass, "
                 "'pmoves_kb.chunks_next'::regclass)",
                 "ee");
    add_some();
    EXPECT_ERR(pg_exec(&db.pg, "UPDATE pmoves_kb.chunks SET embedding = '{1,2}'"), ERR_ROW,
               "chunks_embedding_length");
}

Test(knowledge, another_length_is_refused_while_there_are_vectors)
{
    EXPECT_OK(apply("real:4", false, NULL));
    EXPECT_OK(apply("real:3", false, NULL));
    run("UPDATE pmoves_kb.embedding SET model = 'm'");
    add_some();
    EXPECT_ERR(apply("real:5", false, NULL), ERR_CONFIG, "--embedding real:5 --discard-vectors");
    EXPECT_VALUE(&db, "SELECT count(embedding) FROM pmoves_kb.chunks", "4");
    EXPECT_OK(apply("real:5", true, NULL));
    EXPECT_VALUE(&db, "SELECT count(embedding) FROM pmoves_kb.chunks", "0");
    EXPECT_VALUE(&db, "SELECT DISTINCT embedding_status FROM pmoves_kb.chunks", "pending");
    EXPECT_VALUE(&db, "SELECT DISTINCT status FROM pmoves_kb.documents", "partial");
    EXPECT_VALUE(&db, "SELECT type || dimensions || coalesce(model, '-') FROM pmoves_kb.embedding",
                 "real5-");
    EXPECT_OK(knowledge_require(&db.pg));
}

Test(knowledge, discarding_alone_drops_vectors_of_the_same_length)
{
    size_t made;
    EXPECT_OK(apply("real:3", false, NULL));
    add_some();
    EXPECT_OK(apply(NULL, true, &made));
    cr_assert_eq(made, 1, "got %zu", made);
    EXPECT_VALUE(&db, "SELECT count(embedding) FROM pmoves_kb.chunks", "0");
    EXPECT_OK(apply(NULL, true, &made));
    cr_assert_eq(made, 0, "got %zu", made);
}

/* Where pgvector is: back and forth, and nothing is lost but what half precision can't hold. */
Test(knowledge, vectors_go_from_type_to_type)
{
    static const struct {
        const char *wish, *type;
        bool has_index;
    } rows[] = {
        {"vector:3", "vector(3)", true}, {"halfvec:3", "halfvec(3)", true},
        {"real:3", "real[]", false},     {"halfvec:3", "halfvec(3)", true},
        {"vector:3", "vector(3)", true}, {"auto:3", "vector(3)", true},
        {"real:3", "real[]", false},
    };
    EXPECT_ERR(apply("vector:3", false, NULL), ERR_CONFIG, "CREATE EXTENSION vector");
    EXPECT_ERR(apply("halfvec:3", false, NULL), ERR_CONFIG, "take real:3");
    if (!has_pgvector())
        cr_skip("pgvector is not installed");
    make_pgvector();
    EXPECT_OK(apply("real:3", false, NULL));
    add_some();
    for (size_t i = 0; i < COUNT(rows); i++) {
        EXPECT_OK(apply(rows[i].wish, false, NULL));
        EXPECT_VALUE(
            &db,
            "SELECT DISTINCT regexp_replace(format_type(atttypid, atttypmod), '.*\\.', '') "
            "FROM pg_attribute WHERE attname = 'embedding' AND attrelid IN "
            "('pmoves_kb.chunks'::regclass, 'pmoves_kb.chunks_next'::regclass)",
            rows[i].type);
        EXPECT_VALUE(&db, "SELECT to_regclass('pmoves_kb.chunks_embedding_cosine') IS NOT NULL",
                     rows[i].has_index ? "t" : "f");
        EXPECT_VALUE(&db,
                     "SELECT string_agg((embedding::real[])::text, ' ' ORDER BY idx, chunk_id) "
                     "FROM pmoves_kb.chunks WHERE doc_id = md5('d3')::uuid",
                     "{0,3,4}");
        EXPECT_VALUE(&db, FOUND("kb_nearest('{0,1,1}', 2)"), "u3 u2");
        EXPECT_OK(knowledge_require(&db.pg));
    }
}

/* ---- adopting ---- */

static const char gateway[] =
    "CREATE SCHEMA pmoves_core; CREATE SCHEMA pmoves_kb; "
    "CREATE TABLE pmoves_core.assets (asset_id uuid PRIMARY KEY, uri varchar NOT NULL, type text "
    "NOT NULL, checksum text, size_bytes numeric); "
    "CREATE TABLE pmoves_kb.documents (doc_id uuid PRIMARY KEY, asset_id uuid REFERENCES "
    "pmoves_core.assets, title text, meta jsonb, created_at timestamp); "
    "CREATE TABLE pmoves_kb.sections (section_id uuid PRIMARY KEY, doc_id uuid, idx int, heading "
    "text); "
    "CREATE TABLE pmoves_kb.chunks (chunk_id uuid PRIMARY KEY, doc_id uuid, section_id uuid, "
    "text text, tokens int, embedding real[], idx int, window_size int, overlap int, md jsonb); "
    "INSERT INTO pmoves_core.assets VALUES (md5('1')::uuid, 'u', 'pdf', 'x'), (md5('2')::uuid, "
    "'u', 'pdf', 'y'); "
    "INSERT INTO pmoves_kb.documents VALUES (md5('1')::uuid, md5('1')::uuid, 'One'), "
    "(md5('2')::uuid, md5('2')::uuid, 'Two'); "
    "INSERT INTO pmoves_kb.chunks VALUES (md5('1')::uuid, md5('1')::uuid, NULL, 'apples', 1, "
    "'{1,0}', 0, 400, 40, '{}'), (md5('2')::uuid, md5('2')::uuid, NULL, 'pears', 1, NULL, 0, 400, "
    "40, '{}'); ";

Test(knowledge, a_gateways_tables_are_adopted_and_keep_what_they_have)
{
    run(gateway);
    EXPECT_OK(apply(NULL, false, NULL));
    EXPECT_OK(knowledge_require(&db.pg));
    cr_assert_eq(pending(NULL), 0, "got %zu", pending(NULL));
    EXPECT_VALUE(&db, "SELECT type || dimensions FROM pmoves_kb.embedding", "real2");
    EXPECT_VALUE(&db, "SELECT count(*) FROM pmoves_core.assets WHERE uri = 'u'", "2");
    EXPECT_VALUE(&db,
                 "SELECT string_agg(text || ' ' || embedding_status || ' ' || window_size, "
                 "', ' ORDER BY text) FROM pmoves_kb.chunks",
                 "apples complete 400, pears pending 400");
    EXPECT_VALUE(&db,
                 "SELECT string_agg(title || ' ' || status || revision, ', ' ORDER BY title) "
                 "FROM pmoves_kb.documents",
                 "One complete0, Two partial0");
    EXPECT_VALUE(&db, "SELECT count(*) FROM kb_search('apples', '{1,1}')", "1");
    run("INSERT INTO pmoves_kb.chunks (chunk_id, text, idx) VALUES (md5('3')::uuid, 'new', 1)");
    EXPECT_VALUE(&db, "SELECT embedding_status FROM pmoves_kb.chunks WHERE text = 'new'",
                 "pending");
}

/* Whatever an adopted table lacks of a new one's columns, it gets. */
Test(knowledge, adopted_tables_have_all_columns)
{
    static const char columns[] =
        "SELECT md5(string_agg(attrelid::regclass || '.' || attname || ' ' || "
        "format_type(atttypid, -1), ',' ORDER BY attrelid::regclass::text, attname)) "
        "FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid IN "
        "('pmoves_core.assets'::regclass, 'pmoves_kb.documents'::regclass, "
        "'pmoves_kb.sections'::regclass, 'pmoves_kb.chunks'::regclass)";
    char want[64];
    EXPECT_OK(apply("real:3", false, NULL));
    (void)snprintf(want, sizeof want, "%s", database_value(&db, columns));
    run("DROP SCHEMA pmoves_kb CASCADE; DROP SCHEMA pmoves_core CASCADE; "
        "CREATE SCHEMA pmoves_core; CREATE SCHEMA pmoves_kb; "
        "CREATE TABLE pmoves_core.assets (asset_id uuid UNIQUE); "
        "CREATE TABLE pmoves_kb.documents (doc_id uuid UNIQUE); "
        "CREATE TABLE pmoves_kb.sections (section_id uuid UNIQUE); "
        "CREATE TABLE pmoves_kb.chunks (chunk_id uuid UNIQUE); "
        "INSERT INTO pmoves_core.assets VALUES (md5('1')::uuid); "
        "INSERT INTO pmoves_kb.chunks VALUES (md5('1')::uuid)");
    EXPECT_OK(apply("real:3", false, NULL));
    EXPECT_VALUE(&db, columns, want);
    EXPECT_VALUE(&db, "SELECT embedding_status FROM pmoves_kb.chunks", "pending");
}

Test(knowledge, what_can_not_be_adopted_is_refused_with_the_way_out)
{
    static const struct {
        const char *sql, *says;
    } rows[] = {
        {"ALTER TABLE pmoves_kb.chunks ALTER tokens TYPE bigint",
         "chunks.tokens is bigint, and integer is wanted: ALTER TABLE pmoves_kb.chunks ALTER "
         "COLUMN tokens TYPE integer USING tokens::integer"},
        {"ALTER TABLE pmoves_kb.chunks ALTER md TYPE json", "TYPE jsonb USING md::jsonb"},
        {"ALTER TABLE pmoves_kb.documents ALTER title TYPE varchar(80)",
         "documents.title is character varying(80)"},
        {"ALTER TABLE pmoves_kb.chunks ALTER window_size SET NOT NULL",
         "ALTER COLUMN window_size DROP NOT NULL"},
        {"DELETE FROM pmoves_kb.chunks; ALTER TABLE pmoves_kb.chunks ALTER section_id SET NOT NULL",
         "ALTER COLUMN section_id DROP NOT NULL"},
        {"ALTER TABLE pmoves_kb.sections DROP CONSTRAINT sections_pkey",
         "ALTER TABLE pmoves_kb.sections ADD UNIQUE (section_id)"},
        {"ALTER TABLE pmoves_kb.sections RENAME TO s; CREATE VIEW pmoves_kb.sections AS SELECT * "
         "FROM pmoves_kb.s",
         "ALTER VIEW pmoves_kb.sections RENAME TO sections_before"},
        {"ALTER TABLE pmoves_kb.chunks ALTER embedding TYPE float8[]",
         "TYPE real[] USING embedding::real[]"},
        {"ALTER TABLE pmoves_kb.chunks ALTER embedding TYPE text",
         "RENAME COLUMN embedding TO embedding_before"},
        {"ALTER TABLE pmoves_core.assets ADD status text NOT NULL DEFAULT 'new', ADD slug text "
         "NOT NULL DEFAULT ''; ALTER TABLE pmoves_core.assets ALTER slug DROP DEFAULT",
         "assets.slug is NOT NULL without a default"},
        {"ALTER TABLE pmoves_kb.documents ADD status text NOT NULL DEFAULT 'published'",
         "documents.status has values that aren't spoolgate's: ALTER TABLE pmoves_kb.documents "
         "RENAME COLUMN status TO status_before"},
        {"ALTER TABLE pmoves_kb.documents ADD status text DEFAULT 'complete'",
         "documents.status may be NULL"},
        {"ALTER TABLE pmoves_kb.chunks ADD embedding_status text NOT NULL DEFAULT 'processing'",
         "RENAME COLUMN embedding_status TO embedding_status_before"},
        {"ALTER TABLE pmoves_kb.documents ADD revision text", "and integer is wanted"},
        {"ALTER TABLE pmoves_kb.documents ADD revision integer",
         "RENAME COLUMN revision TO revision_before"},
        {"ALTER TABLE pmoves_kb.documents ADD head_batch_id text", "and uuid is wanted"},
        {"UPDATE pmoves_kb.chunks SET embedding = '{1,2,3}' WHERE text = 'pears'",
         "UPDATE pmoves_kb.chunks SET embedding = NULL WHERE CASE WHEN array_ndims(embedding) = 1 "
         "THEN cardinality(embedding) END IS DISTINCT FROM 2"},
        {"UPDATE pmoves_kb.chunks SET embedding = '{}'",
         "THEN cardinality(embedding) END IS NULL;"},
        {"UPDATE pmoves_kb.chunks SET embedding = '{{1,2},{3,4}}' WHERE text = 'pears'",
         "IS DISTINCT FROM 2;"},
    };
    run(gateway);
    for (size_t i = 0; i < COUNT(rows); i++) {
        run("DROP SCHEMA pmoves_kb CASCADE; DROP SCHEMA pmoves_core CASCADE");
        run(gateway);
        run(rows[i].sql);
        struct err e = apply(NULL, false, NULL);
        cr_assert(err_is(&e), "%s: want a refusal", rows[i].sql);
        cr_assert(strstr(e.text, rows[i].says), "%s: want `%s` in `%s`", rows[i].sql, rows[i].says,
                  e.text);
        EXPECT_VALUE(&db, "SELECT count(*) FROM pmoves_core.assets", "2");
    }
}

/* What is refused for its values' sake is no more once there are ours, and what is to be dropped
 * may be anything. */
Test(knowledge, columns_that_could_be_ours_are_adopted)
{
    run(gateway);
    run("ALTER TABLE pmoves_kb.documents ADD status text NOT NULL DEFAULT 'complete', "
        "ADD revision integer NOT NULL DEFAULT 4; "
        "ALTER TABLE pmoves_kb.chunks ADD embedding_status text NOT NULL DEFAULT 'failed'; "
        "UPDATE pmoves_kb.chunks SET embedding = '{1,2,3}' WHERE text = 'pears'");
    EXPECT_OK(apply("real:2", true, NULL));
    EXPECT_OK(knowledge_require(&db.pg));
    EXPECT_VALUE(&db,
                 "SELECT string_agg(DISTINCT status || revision, ',') FROM pmoves_kb.documents",
                 "partial4");
    EXPECT_VALUE(&db, "SELECT count(embedding) FROM pmoves_kb.chunks", "0");
}

/* Policies of others aren't widened, and writers of others aren't shut out. */
Test(knowledge, row_level_security_of_adopted_tables_is_left_alone)
{
    run(gateway);
    run("ALTER TABLE pmoves_kb.documents ENABLE ROW LEVEL SECURITY; "
        "GRANT INSERT ON pmoves_kb.chunks TO pg_monitor");
    EXPECT_OK(apply(NULL, false, NULL));
    EXPECT_VALUE(&db,
                 "SELECT string_agg(c.relname || ' ' || c.relrowsecurity || ' ' || EXISTS (SELECT "
                 "FROM pg_policy p WHERE p.polrelid = c.oid), ', ' ORDER BY c.relname) FROM "
                 "pg_class c WHERE oid IN ('pmoves_kb.documents'::regclass, "
                 "'pmoves_kb.chunks'::regclass, 'pmoves_kb.sections'::regclass)",
                 "chunks false false, documents true false, sections true true");
}

Test(knowledge, an_adopted_index_and_length_of_pgvector_stay)
{
    if (!has_pgvector())
        cr_skip("pgvector is not installed");
    make_pgvector();
    run("CREATE SCHEMA pmoves_kb; "
        "CREATE TABLE pmoves_kb.chunks (chunk_id uuid PRIMARY KEY, text text, embedding "
        "public.vector(1536)); "
        "CREATE INDEX own ON pmoves_kb.chunks USING ivfflat (embedding public.vector_cosine_ops)");
    EXPECT_OK(apply(NULL, false, NULL));
    EXPECT_VALUE(&db, "SELECT type || dimensions FROM pmoves_kb.embedding", "vector1536");
    EXPECT_VALUE(&db,
                 "SELECT to_regclass('pmoves_kb.chunks_embedding_cosine') IS NULL AND "
                 "to_regclass('pmoves_kb.own') IS NOT NULL",
                 "t");
    EXPECT_OK(apply("auto:3072", false, NULL));
    EXPECT_VALUE(&db, "SELECT type || dimensions FROM pmoves_kb.embedding", "halfvec3072");
    EXPECT_VALUE(&db, "SELECT to_regclass('pmoves_kb.chunks_embedding_cosine') IS NOT NULL", "t");
}

/* ---- searching ---- */

Test(knowledge, search_finds_by_words_by_title_and_by_vector)
{
    static const struct {
        const char *sql, *want;
    } rows[] = {
        {FOUND("kb_search('an apple')"), "u1 u2"},
        {FOUND("kb_search('APPLES')"), "u1 u2"},
        {FOUND("kb_search('zeppelin')"), "u3"}, /* in the title alone */
        {FOUND("kb_search('pears carrots', NULL, 1)"), "u2"},
        {FOUND("kb_search('apple', NULL, 10, md5('p1')::uuid)"), "u1"},
        {FOUND("kb_search('apple', NULL, 10, md5('none')::uuid)"), ""},
        {FOUND("kb_nearest('{1,0,0}', 1)"), "u1"},
        {FOUND("kb_nearest('{0,5,0}', 10)"), "u2 u3 u1 u4"},
        {FOUND("kb_nearest('{0,5,0}', 10, md5('p0')::uuid)"), "u2 u4"},
        {FOUND("kb_nearest('{0,0,0}')"), ""},
        {FOUND("kb_nearest(NULL)"), ""},
        {FOUND("kb_search('carrots', '{0,1,0}', 2)"), "u2 u3"},
        {FOUND("kb_search('', '{1,0,0}', 1)"), "u1"},
        {"SELECT round(score::numeric, 4) FROM kb_nearest('{0,1,0}', 2) WHERE uri = 'u3'",
         "0.6000"},
        {"SELECT text_rank || ' ' || vector_rank || ' ' || title || ' ' || score::numeric(6,5) "
         "FROM "
         "kb_search('carrots', '{0,1,0}', 1)",
         "1 1 Vegetables 0.03279"},
        {"SELECT count(*) FROM kb_search(NULL)", "0"},
    };
    if (has_pgvector())
        make_pgvector();
    EXPECT_OK(apply("auto:3", false, NULL));
    add_some();
    for (size_t i = 0; i < COUNT(rows); i++)
        EXPECT_VALUE(&db, rows[i].sql, rows[i].want);
    EXPECT_ERR(pg_exec(&db.pg, "SELECT kb_nearest('{1,2}')"), ERR_ROW, "has 2 numbers");
    EXPECT_ERR(pg_exec(&db.pg, "SELECT kb_nearest('{1,2,NaN}')"), ERR_ROW, "NaN");
    EXPECT_ERR(pg_exec(&db.pg, "SELECT kb_nearest('{1,NULL,1}')"), ERR_ROW, "SQLSTATE 220");
}

/* How often a word is in a chunk is read from ts_rank: all of its range. */
Test(knowledge, words_count_as_often_as_they_occur)
{
    EXPECT_VALUE(&db,
                 "SELECT count(*) FROM generate_series(1, 200) AS n WHERE round(0.6079271 / (1 - "
                 "ts_rank('{1,1,1,1}', to_tsvector('english', repeat('apple ', n)), "
                 "'''appl'''::tsquery)) - 0.5) <> n",
                 "0");
}

Test(knowledge, no_question_is_too_odd)
{
    static const char *const questions[] = {
        "",
        " ",
        "the of and",
        "'",
        "''",
        "\\",
        "\\'",
        "'; DROP TABLE x; --",
        "a & b | !c <-> d:*",
        "$$ $1 %s %L",
        "((((",
        "\xc3\xa4\xc3\xb6\xc3\xbc \xe6\xbc\xa2\xe5\xad\x97",
        "x'y\\z & apple",
        "http://a.b/c?d=e&f='g'",
    };
    EXPECT_OK(apply("real:3", false, NULL));
    add_some();
    for (size_t i = 0; i < COUNT(questions); i++)
        EXPECT_OK(pg_query(&db.pg, "SELECT * FROM kb_search($1, '{1,0,0}')",
                           PG_PARAMS(questions[i]), NULL));
    EXPECT_VALUE(&db, "SELECT count(*) FROM kb_search('the of and')", "0");
    EXPECT_VALUE(&db, "SELECT count(*) FROM kb_search(repeat('apple pear nought''s ', 50000))",
                 "3");
    EXPECT_VALUE(&db,
                 "SELECT count(*) FROM kb_search((SELECT string_agg('word' || n, ' ') FROM "
                 "generate_series(1, 100000) n))",
                 "0");
    /* Text that no tsvector could hold. */
    run("UPDATE pmoves_kb.chunks SET text = (SELECT string_agg(md5(n::text), ' ') FROM "
        "generate_series(1, 100000) n) WHERE doc_id = md5('d4')::uuid");
    EXPECT_VALUE(&db, FOUND("kb_search(md5('7'))"), "u4");
}

/* Words that are in more chunks than are ever scored. */
Test(knowledge, frequent_words_are_found_where_all_of_them_are)
{
    EXPECT_OK(apply("real:3", false, NULL));
    run("INSERT INTO pmoves_kb.chunks (text, idx) SELECT CASE n % 2 WHEN 0 THEN 'often here' ELSE "
        "'often there' END, n FROM generate_series(1, 22000) n; "
        "INSERT INTO pmoves_kb.chunks (text, idx) SELECT 'often usual', 1 FROM generate_series(1, "
        "10500); "
        "INSERT INTO pmoves_kb.chunks (text, idx) VALUES ('usual often seldom', 0); "
        "ANALYZE pmoves_kb.chunks");
    EXPECT_VALUE(&db, "SELECT text FROM kb_search('often seldom', NULL, 1)", "usual often seldom");
    EXPECT_VALUE(&db, "SELECT string_agg(DISTINCT text, ',') FROM kb_search('often usual')",
                 "often usual");
    EXPECT_VALUE(&db, "SELECT count(*) FROM kb_search('often')", "10");
}

Test(knowledge, a_reader_needs_no_more_than_to_read)
{
    if (has_pgvector())
        make_pgvector();
    EXPECT_OK(apply("auto:3", false, NULL));
    add_some();
    database_as_superuser("DO $$ BEGIN CREATE ROLE spoolgate_test_reader; EXCEPTION WHEN "
                          "duplicate_object THEN NULL; END $$; "
                          "GRANT spoolgate_test_reader TO spoolgate");
    run("GRANT USAGE ON SCHEMA spoolgate, pmoves_core, pmoves_kb TO spoolgate_test_reader; "
        "GRANT SELECT ON ALL TABLES IN SCHEMA pmoves_core, pmoves_kb TO spoolgate_test_reader; "
        "SET ROLE spoolgate_test_reader");
    EXPECT_VALUE(&db, FOUND("kb_search('carrots', '{0,1,0}', 2)"), "u2 u3");
    EXPECT_VALUE(&db, FOUND("kb_nearest('{0,1,0}', 2)"), "u2 u3");
    EXPECT_ERR(pg_exec(&db.pg, "DELETE FROM pmoves_kb.chunks"), ERR_DATABASE, "42501");
    run("RESET ROLE");
}
