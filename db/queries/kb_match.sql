-- The chunks that a question's words are in, best first, by BM25 (k1 1.2, b .75). Words of the document's title and of the
-- section's heading count once more; of a document whose title alone has them, the first chunk is found.
--   question   any text; of a long one the first 10,000 characters, and of these 64 words
--   pack       only chunks of it
--
-- It takes the index to find rows, and no table of statistics: how many chunks have a word, the index counts. Only chunks
-- with the rarer words are scored, 10,000 or so: one that has nothing but frequent ones can't be among the best as long as
-- others have the rare ones.
--
-- How often a word is in a chunk is read from ts_rank, which reads one tsvector without taking it apart in SQL: with all
-- weights 1, its answer for one word that is there n times is (1/1 + 1/4 + ... + 1/n²) * 6/π², and 1 minus that is
-- 6/π² / (n + 1/2), nearly; 6/π² is 0.6079271.
CREATE OR REPLACE FUNCTION kb_match(question text, k integer DEFAULT 10, pack uuid DEFAULT NULL)
RETURNS TABLE (chunk_id uuid, score double precision)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET work_mem = '32MB'
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
    most  CONSTANT bigint = 10000;
    total bigint;
    word  tsquery;
    words tsquery[] = '{}';
    count bigint;
    counts bigint[] = '{}';
    weights double precision[];
    wanted tsquery;
    every  tsquery;
    sum_of bigint = 0;
BEGIN
    FOR word IN
        SELECT ('''' || replace(replace(w.lexeme, '\', '\\'), '''', '''''') || '''')::tsquery
          FROM unnest(to_tsvector('english', left(question, 10000))) w
         ORDER BY w.positions[1]
         LIMIT 64 LOOP
        SELECT count(*) INTO count
          FROM pmoves_kb.chunks c
         WHERE c.text_search @@ word AND (pack IS NULL OR c.pack_id = pack);
        words = array_append(words, word);
        counts = array_append(counts, count);
    END LOOP;
    IF cardinality(words) = 0 THEN
        RETURN;
    END IF;

    -- The server's estimate will do for many chunks; of few, or where there is none, they are counted.
    SELECT r.reltuples INTO total FROM pg_class r WHERE r.oid = 'pmoves_kb.chunks'::regclass;
    IF total < 100000 OR pack IS NOT NULL THEN
        SELECT count(*) INTO total FROM pmoves_kb.chunks c WHERE pack IS NULL OR c.pack_id = pack;
    END IF;
    SELECT array_agg(w.word ORDER BY w.count, w.at), array_agg(w.count ORDER BY w.count, w.at),
           array_agg(ln(1 + (greatest(total, w.count) - w.count + 0.5) / (w.count + 0.5)) ORDER BY w.count, w.at)
      INTO words, counts, weights
      FROM unnest(words, counts) WITH ORDINALITY AS w (word, count, at);

    FOR i IN 1 .. cardinality(words) LOOP
        sum_of = sum_of + counts[i];
        EXIT WHEN wanted IS NOT NULL AND sum_of > most;
        wanted = CASE WHEN wanted IS NULL THEN words[i] ELSE wanted || words[i] END;
    END LOOP;
    -- Frequent words alone: chunks that have all of them, where there are enough.
    IF counts[1] > most THEN
        FOR i IN 1 .. cardinality(words) LOOP
            every = CASE WHEN every IS NULL THEN words[i] ELSE every && words[i] END;
        END LOOP;
        SELECT count(*) INTO count
          FROM (SELECT FROM pmoves_kb.chunks c
                 WHERE c.text_search @@ every AND (pack IS NULL OR c.pack_id = pack) LIMIT k) c;
        IF count >= k THEN
            wanted = every;
        END IF;
    END IF;

    RETURN QUERY
    WITH found AS (
        (SELECT c.chunk_id FROM pmoves_kb.chunks c
          WHERE c.text_search @@ wanted AND (pack IS NULL OR c.pack_id = pack)
          LIMIT most)
        UNION
        SELECT first.chunk_id
          FROM (SELECT d.doc_id FROM pmoves_kb.documents d
                 WHERE to_tsvector('english', left(d.title, 1000)) @@ wanted LIMIT most / 10) d
         CROSS JOIN LATERAL (
               SELECT c.chunk_id FROM pmoves_kb.chunks c
                WHERE c.doc_id = d.doc_id AND (pack IS NULL OR c.pack_id = pack)
                ORDER BY c.idx LIMIT 1) first
    ), unpacked AS MATERIALIZED ( -- once, not for every word
        SELECT c.chunk_id, octet_length(c.text)::double precision AS length, c.text_search || ''::tsvector AS text,
               to_tsvector('english', left(concat_ws(' ', d.title, s.heading), 1000)) AS title
          FROM found f
          JOIN pmoves_kb.chunks c USING (chunk_id)
          LEFT JOIN pmoves_kb.documents d ON d.doc_id = c.doc_id
          LEFT JOIN pmoves_kb.sections s ON s.section_id = c.section_id
    )
    SELECT u.chunk_id, bm25.score
      FROM unpacked u
     CROSS JOIN (SELECT avg(u.length) AS length FROM unpacked u) mean
     CROSS JOIN LATERAL (
           SELECT sum(t.weight * t.times * (1.2 + 1)
                      / (t.times + 1.2 * (1 - 0.75 + 0.75 * u.length / mean.length))) AS score
             FROM (SELECT w.weight,
                          round(0.6079271 / (1 - ts_rank('{1,1,1,1}', u.text, w.word)) - 0.5)
                          + round(0.6079271 / (1 - ts_rank('{1,1,1,1}', u.title, w.word)) - 0.5) AS times
                     FROM unnest(words, weights) AS w (word, weight)
                   OFFSET 0) t) bm25
     WHERE bm25.score > 0
     ORDER BY bm25.score DESC, u.chunk_id
     LIMIT k;
END
$function$;
COMMENT ON FUNCTION kb_match(text, integer, uuid) IS :'version';
