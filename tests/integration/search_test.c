/* SPDX-License-Identifier: MIT */
/* kb_match at size, and against a model that looks at every word of every chunk. */
#include "bytes.h"
#include "database.h"
#include "schema/knowledge.h"

static struct database db;

static void run(const char *sql)
{
    EXPECT_OK(pg_exec(&db.pg, sql));
}

static void set_up(void)
{
    struct knowledge_wish wish = {0};
    struct migrate_report report = {0};
    database_open_own(&db);
    EXPECT_OK(knowledge_parse("real:3", &wish));
    EXPECT_OK(knowledge_apply(&db.pg, &wish, &report));
    migrate_report_free(&report);
}

static void tear_down(void)
{
    database_drop_own(&db);
}

TestSuite(search, .init = set_up, .fini = tear_down, .timeout = 120);

/* BM25 as the books have it. */
static void make_model(void)
{
    run("CREATE FUNCTION model(question text, k integer, pack uuid)\n"
        "RETURNS TABLE (chunk_id uuid, score double precision) LANGUAGE sql STABLE AS $$\n"
        "WITH word AS (SELECT lexeme FROM unnest(to_tsvector('english', question))),\n"
        "chunk AS (\n"
        "  SELECT c.*, octet_length(c.text) AS length,\n"
        "         to_tsvector('english', concat_ws(' ', d.title, s.heading)) AS title,\n"
        "         to_tsvector('english', coalesce(d.title, '')) AS document,\n"
        "         row_number() OVER (PARTITION BY c.doc_id, c.pack_id = pack ORDER BY c.idx) = 1 "
        "AS is_first\n"
        "    FROM pmoves_kb.chunks c LEFT JOIN pmoves_kb.documents d USING (doc_id)\n"
        "    LEFT JOIN pmoves_kb.sections s USING (section_id)),\n"
        "times AS (\n"
        "  SELECT c.chunk_id, w.lexeme, coalesce(cardinality(t.positions), 0) AS in_text,\n"
        "         coalesce(cardinality(h.positions), 0) AS in_title,\n"
        "         c.document @@ quote_literal(w.lexeme)::tsquery AND c.is_first AS is_titled\n"
        "    FROM chunk c CROSS JOIN word w\n"
        "    LEFT JOIN LATERAL unnest(c.text_search) t ON t.lexeme = w.lexeme\n"
        "    LEFT JOIN LATERAL unnest(c.title) h ON h.lexeme = w.lexeme),\n"
        "weight AS (\n"
        "  SELECT lexeme, ln(1 + (count(*) - count(*) FILTER (WHERE in_text > 0) + 0.5)\n"
        "                    / (count(*) FILTER (WHERE in_text > 0) + 0.5)) AS idf\n"
        "    FROM times GROUP BY lexeme),\n"
        "found AS (\n"
        "  SELECT chunk_id, bool_or(in_text > 0) AS by_text FROM times GROUP BY chunk_id\n"
        "  HAVING bool_or(in_text > 0 OR is_titled)),\n"
        "mean AS (\n"
        "  SELECT coalesce((SELECT avg(length) FROM chunk JOIN found USING (chunk_id) WHERE "
        "by_text),\n"
        "                  (SELECT avg(length) FROM chunk)) AS length)\n"
        "SELECT c.chunk_id, sum(w.idf * (t.in_text + t.in_title) * 2.2 / (t.in_text + t.in_title\n"
        "                       + 1.2 * (0.25 + 0.75 * c.length / m.length)))::double precision\n"
        "  FROM found f JOIN chunk c USING (chunk_id) JOIN times t USING (chunk_id)\n"
        "  JOIN weight w USING (lexeme) CROSS JOIN mean m\n"
        " WHERE pack IS NULL OR c.pack_id = pack\n"
        " GROUP BY c.chunk_id ORDER BY 2 DESC, 1 LIMIT k $$");
}

/* 400 chunks, 4 a document, 2 a section; words as frequent as in a language, a question of 1 to 8
 * of them. */
Test(search, what_is_found_is_what_a_look_at_every_word_finds)
{
    make_model();
    run("SELECT setseed(0.25);\n"
        "CREATE FUNCTION words(count double precision) RETURNS text LANGUAGE sql VOLATILE AS $$\n"
        "SELECT string_agg('word' || floor(60 * random() ^ 3)::text || 'x', ' ')\n"
        "  FROM generate_series(1, count::integer) $$;\n"
        "INSERT INTO pmoves_kb.documents (doc_id, title)\n"
        "SELECT md5('d' || n)::uuid, CASE WHEN n % 3 > 0 THEN words(1 + n % 4) END\n"
        "  FROM generate_series(0, 99) n;\n"
        "INSERT INTO pmoves_kb.sections (section_id, doc_id, idx, heading)\n"
        "SELECT md5('s' || n)::uuid, md5('d' || n / 2)::uuid, n % 2, words(1 + n % 3)\n"
        "  FROM generate_series(0, 199) n;\n"
        "INSERT INTO pmoves_kb.chunks (doc_id, section_id, idx, text, pack_id)\n"
        "SELECT md5('d' || n / 4)::uuid, CASE WHEN n % 5 > 0 THEN md5('s' || n / 2)::uuid END,\n"
        "       n % 4, words(3 + n % 40), md5('p' || n % 3)::uuid\n"
        "  FROM generate_series(0, 399) n;\n"
        "CREATE TABLE question AS SELECT n, words(1 + n % 8) AS text, CASE WHEN n % 2 = 0 THEN\n"
        "       md5('p' || n % 3)::uuid END AS pack FROM generate_series(1, 80) n;\n"
        "INSERT INTO question VALUES (81, 'nowhere', NULL), (82, 'nowhere word1x', NULL)");
    EXPECT_VALUE(&db,
                 "SELECT string_agg(DISTINCT q.text, ';') FROM question q\n"
                 " CROSS JOIN LATERAL (SELECT array_agg(round(m.score::numeric, 6)) AS scores,\n"
                 "       array_agg(m.chunk_id ORDER BY round(m.score::numeric, 6), m.chunk_id) AS "
                 "ids FROM kb_match(q.text, 400, q.pack) m) found\n"
                 " CROSS JOIN LATERAL (SELECT array_agg(round(m.score::numeric, 6)) AS scores,\n"
                 "       array_agg(m.chunk_id ORDER BY round(m.score::numeric, 6), m.chunk_id) AS "
                 "ids FROM model(q.text, 400, q.pack) m) wanted\n"
                 " WHERE (found.scores, found.ids) IS DISTINCT FROM (wanted.scores, wanted.ids)",
                 "");
    EXPECT_VALUE(&db,
                 "SELECT count(*) > 5000 FROM question q CROSS JOIN LATERAL "
                 "kb_match(q.text, 400, q.pack) m",
                 "t");
}

/* More pages than the sample, and words in more chunks than are scored: `whole` in every one,
 * `half`, `third`, `fifth` and `rare` (1 in 1,000) by their numbers, `single` in one. */
Test(search, of_many_chunks_those_with_the_rare_words_are_found)
{
    static const struct {
        const char *sql, *want;
    } rows[] = {
        {"SELECT pg_relation_size('pmoves_kb.chunks') / 8192 > 3000", "t"},
        {"SELECT string_agg(idx::text, ' ') FROM kb_match('whole half single', 1) JOIN "
         "pmoves_kb.chunks USING (chunk_id)",
         "12345"},
        /* The 60 with the rare word, then others. */
        {"SELECT sum((idx % 1000 = 7)::integer) || ' ' || count(*) FROM kb_match('third rare "
         "whole', "
         "100) JOIN pmoves_kb.chunks USING (chunk_id)",
         "60 100"},
        /* 2,000 have all three; each has 12,000 or more. */
        {"SELECT DISTINCT idx % 30 FROM kb_match('third fifth half', 2000) JOIN pmoves_kb.chunks "
         "USING (chunk_id)",
         "0"},
        {"SELECT count(*) FROM kb_match('whole', 50)", "50"},
        {"SELECT DISTINCT idx % 2 FROM kb_match('half', 50) JOIN pmoves_kb.chunks USING (chunk_id)",
         "0"},
        /* 60 of a pack, whatever is frequent elsewhere. */
        {"SELECT count(*) || ' ' || count(DISTINCT idx % 1000) FROM kb_match('whole third', 1000, "
         "md5('7')::uuid) JOIN pmoves_kb.chunks USING (chunk_id)",
         "60 1"},
        {"SELECT count(*) FROM kb_match('half fifth', 1000, md5('6')::uuid)", "60"},
        {"SELECT count(*) FROM kb_match('nowhere')", "0"},
    };
    run("ALTER TABLE pmoves_kb.chunks ADD COLUMN filler text DEFAULT repeat('.', 300);\n"
        "INSERT INTO pmoves_kb.chunks (idx, text, pack_id)\n"
        "SELECT n, concat_ws(' ', 'whole', CASE WHEN n % 2 = 0 THEN 'half' END, CASE WHEN n % 3 = "
        "0 "
        "THEN 'third' END, CASE WHEN n % 5 = 0 THEN 'fifth' END, CASE WHEN n % 1000 = 7 THEN "
        "'rare' END, CASE WHEN n = 12345 THEN 'single' END), md5((n % 1000)::text)::uuid\n"
        "  FROM generate_series(0, 59999) n;\n"
        "ANALYZE pmoves_kb.chunks");
    for (size_t i = 0; i < COUNT(rows); i++)
        EXPECT_VALUE(&db, rows[i].sql, rows[i].want);
}

/* On real[] all vectors are looked at, by several processes where the server has them. */
Test(search, the_nearest_are_found_among_many)
{
    run("INSERT INTO pmoves_kb.chunks (idx, text, embedding)\n"
        "SELECT n, n::text, ARRAY[cos(n * pi() / 40000), sin(n * pi() / 40000), 0]::real[]\n"
        "  FROM generate_series(0, 19999) n;\n"
        "ANALYZE pmoves_kb.chunks;\n"
        "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; "
        "SET min_parallel_table_scan_size = 0");
    EXPECT_VALUE(&db, "SELECT string_agg(text, ' ') FROM kb_nearest('{2,0,0}', 4)", "0 1 2 3");
    EXPECT_VALUE(&db, "SELECT string_agg(text, ' ') FROM kb_search('', '{2,0,0}', 4)", "0 1 2 3");
}

/* Adopted chunks may have no text, or an empty one, and questions any words: nothing fails, and all
 * that is found has a score. */
Test(search, odd_chunks_and_odd_questions)
{
    static const struct {
        const char *sql, *want;
    } rows[] = {
        {"SELECT count(*) FROM kb_match('alone', 9) WHERE score > 0", "1"},
        {"SELECT string_agg((score > 0)::text, ' ') FROM kb_match('harbour', 9)", "true true"},
        {"SELECT count(*) FROM kb_match('harbour', 2147483647)", "2"},
        {"SELECT count(*) FROM kb_match('', 9)", "0"},
        {"SELECT count(*) FROM kb_match(NULL, 9)", "0"},
        {"SELECT count(*) FROM kb_match('harbour', NULL)", "2"},
        {"SELECT count(*) FROM kb_match($q$it''s c:\\a\\''b' ''; %s %1$s %L $1 "
         "http://x.org/a\\b''c?d=%20 "
         "\\' $q$, 9)",
         "1"},
    };
    run("INSERT INTO pmoves_kb.documents (doc_id, title)\n"
        "VALUES (md5('d1')::uuid, 'alone'), (md5('d2')::uuid, 'harbour');\n"
        "INSERT INTO pmoves_kb.chunks (doc_id, idx, text) VALUES (md5('d1')::uuid, 1, '')");
    EXPECT_VALUE(&db, rows[0].sql, rows[0].want); /* no chunk has a length */
    run("ALTER TABLE pmoves_kb.chunks ALTER COLUMN text DROP NOT NULL;\n"
        "INSERT INTO pmoves_kb.chunks (doc_id, idx, text) VALUES (md5('d2')::uuid, 7, NULL),\n"
        "(md5('d2')::uuid, 8, 'what a harbour is'),\n"
        "(NULL, 9, $q$see http://x.org/a\\b''c?d=%20 and c:\\a$q$)");
    for (size_t i = 0; i < COUNT(rows); i++)
        EXPECT_VALUE(&db, rows[i].sql, rows[i].want);
}
