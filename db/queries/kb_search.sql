-- The chunks that answer a question best, by its words (kb_match) and by its vector (kb_nearest) together: reciprocal rank
-- fusion, each chunk's score is the sum of weight / (60 + its rank) over both. Both weigh 1, but for the built-in vectors:
-- they are made of the same words and know nothing else, so they weigh 1/60. There they order what the words leave equal, and
-- find chunks that have parts of the words alone.
--   question   any text
--   query      the question's vector, by the model that made those of the chunks; NULL: the words alone decide
--   pack       only chunks of it
CREATE OR REPLACE FUNCTION kb_search(question text, query real[] DEFAULT NULL, k integer DEFAULT 10, pack uuid DEFAULT NULL)
RETURNS TABLE (chunk_id uuid, doc_id uuid, section_id uuid, uri text, title text, heading text, text text, md jsonb,
               score double precision, text_rank integer, vector_rank integer)
LANGUAGE sql STABLE ROWS 10
SET search_path FROM CURRENT
SET enable_seqscan = off -- a few chunks by their ids: nobody knows how few while the plan is made
SET jit = off
AS $function$
    WITH by_text AS (
        SELECT m.chunk_id, row_number() OVER (ORDER BY m.score DESC, m.chunk_id)::integer AS rank
          FROM kb_match(question, greatest(100, 5 * k), pack) m
    ), by_vector AS (
        SELECT n.chunk_id, row_number() OVER (ORDER BY n.score DESC, n.chunk_id)::integer AS rank
          FROM kb_nearest(query, greatest(100, 5 * k), pack) n
    ), weights AS (
        SELECT CASE WHEN e.model LIKE 'spoolgate-lexical-%' THEN 1 / 60.0 ELSE 1.0 END AS vector FROM pmoves_kb.embedding e
    ), fused AS (
        SELECT chunk_id, t.rank AS text_rank, v.rank AS vector_rank,
               (coalesce(1.0 / (60 + t.rank), 0) + coalesce((SELECT w.vector FROM weights w) / (60 + v.rank), 0))::double precision AS score
          FROM by_text t
          FULL JOIN by_vector v USING (chunk_id)
         ORDER BY score DESC, chunk_id
         LIMIT k
    )
    SELECT n.chunk_id, n.doc_id, n.section_id, a.uri::text, d.title::text, s.heading::text, n.text::text, n.md,
           f.score, f.text_rank, f.vector_rank
      FROM fused f
      JOIN pmoves_kb.chunks n USING (chunk_id)
      LEFT JOIN pmoves_kb.documents d ON d.doc_id = n.doc_id
      LEFT JOIN pmoves_core.assets a ON a.asset_id = d.asset_id
      LEFT JOIN pmoves_kb.sections s ON s.section_id = n.section_id
     ORDER BY f.score DESC, f.chunk_id
$function$;
COMMENT ON FUNCTION kb_search(text, real[], integer, uuid) IS :'version';
