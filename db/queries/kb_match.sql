-- The chunks that a question's words are in, best first, by BM25 (k1 1.2, b .75). Words of the document's title and of the
-- section's heading count once more; of a document whose title alone has them, the first chunk is found.
--   question   any text; of a long one the first 10,000 characters, and of these 64 words
--   pack       only chunks of it
--
-- There is no table of statistics to be kept. How long chunks are, and how many have a word, a sample of the table's pages
-- tells: always the same ones, so that they are in memory and the answer is the same; of a small table all. Of a word that is
-- too rare for that the index counts the chunks.
--
-- The index knows no scores, so how many chunks are scored must be bounded. A chunk's pattern says which of the words it has,
-- the rarest first, as '0101': the second and the fourth. Those with the greatest patterns are scored, some 10,000; where they
-- end, the sample tells, too. All patterns above '0101' are the query w1 | w2 & (w3 | w4 & ...): the index reads the lists of
-- its rare words, and skips through the others. Titles and headings are looked up for the best of those alone.
--
-- How often a word is in a chunk is read from ts_rank, which reads one tsvector without taking it apart in SQL: with all
-- weights 1, its answer for one word that is there n times is (1/1 + 1/4 + ... + 1/n²) * 6/π², and 1 minus that is
-- 6/π² / (n + 1/2), nearly; 6/π² is 0.6079271. Sums over the words are written out, a term for each, and run as statements of
-- their own: to join the words to every chunk takes several times as long.
CREATE OR REPLACE FUNCTION kb_match(question text, k integer DEFAULT 10, pack uuid DEFAULT NULL)
RETURNS TABLE (chunk_id uuid, score double precision)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT
SET enable_seqscan = off
SET work_mem = '32MB'
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
    most    CONSTANT integer = 10000;
    pages   CONSTANT double precision = pg_relation_size('pmoves_kb.chunks') / current_setting('block_size')::integer;
    share   CONSTANT double precision = least(1, 1500 / greatest(pages, 1)); -- of the pages that are the sample
    sampled CONSTANT text = 'pmoves_kb.chunks c TABLESAMPLE SYSTEM ($1) REPEATABLE (0)';
    rows    bigint;             -- of the sample
    length  double precision;   -- the mean of those that have a word, in bytes
    words   tsquery[];
    counts  double precision[]; -- chunks, of all, that have the word
    weights double precision[];
    greatest_first text[];      -- patterns of the sample: as many as are scored, and one more
    last    text;               -- the one more; NULL: all that have any word are scored
    above   tsquery;            -- greater patterns
    others  tsquery;            -- not less
    room    bigint = 0;         -- for those that are no greater
    by_text text;
    by_all  text;
BEGIN
    SELECT array_agg(w.word) INTO words
      FROM (SELECT ('''' || replace(replace(w.lexeme, '\', '\\'), '''', '''''') || '''')::tsquery AS word
              FROM unnest(to_tsvector('english', left(question, 10000))) w
             ORDER BY w.positions[1]
             LIMIT 64) w;
    IF words IS NULL THEN
        RETURN;
    END IF;

    EXECUTE (SELECT format('SELECT count(*), greatest(coalesce(avg(octet_length(c.text)) FILTER (WHERE %s),'
                           ' avg(octet_length(c.text))), 1), ARRAY[%s] FROM %s',
                           string_agg(format('c.text_search @@ %L', w.word), ' OR '),
                           string_agg(format('count(*) FILTER (WHERE c.text_search @@ %L)::double precision', w.word), ', '), sampled)
               FROM unnest(words) AS w (word))
       INTO rows, length, counts
      USING 100 * share;
    FOR i IN 1 .. cardinality(words) LOOP
        IF counts[i] >= 10 THEN
            counts[i] = counts[i] / share;
        ELSIF share < 1 THEN
            counts[i] = (SELECT count(*) FROM (SELECT FROM pmoves_kb.chunks c WHERE c.text_search @@ words[i] LIMIT most) c);
        END IF;
    END LOOP;
    SELECT array_agg(w.word ORDER BY w.count, w.at),
           array_agg(ln(1 + (greatest(rows / share, w.count) - w.count + 0.5) / (w.count + 0.5)) ORDER BY w.count, w.at)
      INTO words, weights
      FROM unnest(words, counts) WITH ORDINALITY AS w (word, count, at);

    EXECUTE (SELECT format('SELECT ARRAY(SELECT p.pattern FROM (SELECT %s AS pattern FROM %s WHERE $2 IS NULL OR c.pack_id = $2) p'
                           ' WHERE p.pattern ~ ''1'' ORDER BY p.pattern COLLATE "C" DESC LIMIT $3)',
                           string_agg(format('CASE WHEN c.text_search @@ %L THEN ''1'' ELSE ''0'' END', w.word), ' || '), sampled)
               FROM unnest(words) AS w (word))
       INTO greatest_first
      USING 100 * share, pack, ceil(most * share)::bigint + 1;
    last = greatest_first[ceil(most * share)::bigint + 1];
    FOR i IN REVERSE cardinality(words) .. 1 LOOP
        IF substr(last, i, 1) = '1' THEN
            above = words[i] && above;
            others = CASE WHEN others IS NULL THEN words[i] ELSE words[i] && others END;
        ELSE
            above = CASE WHEN above IS NULL THEN words[i] ELSE words[i] || above END;
            others = CASE WHEN others IS NULL THEN words[i] ELSE words[i] || others END;
        END IF;
    END LOOP;
    -- Of few that are greater, or none, as with a single word that is in most chunks: some that are equal.
    IF array_position(greatest_first, last) - 1 <= most * share / 2 THEN
        room = most;
    END IF;

    -- A word that is there t times gives t / (t + n), which is 1 - n / (t + n); n is by the chunk's length.
    SELECT string_agg(format('%s * (1 - n / (n + round(0.6079271 / (1 - ts_rank(''{1,1,1,1}'', words, %L)) - 0.5)))',
                             2.2 * w.weight, w.word), ' + '),
           string_agg(format('%s * (1 - n / (n + round(0.6079271 / (1 - ts_rank(''{1,1,1,1}'', words, %L)) - 0.5)'
                             ' + round(0.6079271 / (1 - ts_rank(''{1,1,1,1}'', title, %2$L)) - 0.5)))',
                             2.2 * w.weight, w.word), ' + ')
      INTO by_text, by_all
      FROM unnest(words, weights) AS w (word, weight);
    RETURN QUERY EXECUTE format($statement$
    WITH found AS (
        (SELECT c.chunk_id, c.text_search || ''::tsvector AS words, 1.2 * (0.25 + 0.75 * octet_length(c.text) / $1) AS n
           FROM pmoves_kb.chunks c
          WHERE c.text_search @@ $2 AND ($5 IS NULL OR c.pack_id = $5)
          LIMIT 2 * $7)
        UNION ALL
        (SELECT c.chunk_id, c.text_search || ''::tsvector, 1.2 * (0.25 + 0.75 * octet_length(c.text) / $1)
           FROM pmoves_kb.chunks c
          WHERE c.text_search @@ $3 AND (c.text_search @@ $2) IS NOT TRUE AND ($5 IS NULL OR c.pack_id = $5)
          LIMIT $4)
    ), best AS (
        (SELECT f.chunk_id FROM found f ORDER BY %1$s DESC LIMIT greatest(500, 3 * $6::bigint))
        UNION
        SELECT first.chunk_id
          FROM (SELECT d.doc_id FROM pmoves_kb.documents d
                 WHERE to_tsvector('english', left(d.title, 1000)) @@ $3 LIMIT 500) d
         CROSS JOIN LATERAL (
               SELECT c.chunk_id FROM pmoves_kb.chunks c
                WHERE c.doc_id = d.doc_id AND ($5 IS NULL OR c.pack_id = $5)
                ORDER BY c.idx LIMIT 1) first
    )
    SELECT b.chunk_id, %2$s AS score
      FROM (SELECT c.chunk_id, coalesce(c.text_search, '') AS words, -- an adopted chunk may have no text
                   1.2 * (0.25 + 0.75 * coalesce(octet_length(c.text), 0) / $1) AS n,
                   to_tsvector('english', left(concat_ws(' ', d.title, s.heading), 1000)) AS title
              FROM best
              JOIN pmoves_kb.chunks c USING (chunk_id)
              LEFT JOIN pmoves_kb.documents d ON d.doc_id = c.doc_id
              LEFT JOIN pmoves_kb.sections s ON s.section_id = c.section_id
            OFFSET 0) b
     ORDER BY score DESC, b.chunk_id
     LIMIT $6$statement$, by_text, by_all)
    USING length, above, others, room, pack, k, most;
END
$function$;
COMMENT ON FUNCTION kb_match(text, integer, uuid) IS :'version';
