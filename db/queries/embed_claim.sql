-- Chunks for one request: those that have waited longest, so the oldest documents come first; only what was loaded by
-- this schema, whose outbox gets the events. A lease that has lapsed is as good as none. Rows: chunk_id, doc_id, text,
-- tokens; none while the embedder is paused or stopped, or where its model isn't the database's.
--   $1 claim_id   $2 embedder   $3 model   $4 dimensions   $5 most chunks   $6 most tokens, but for the first
--   $7 length of the lease, microseconds
WITH due AS MATERIALIZED (
    SELECT chunk_id, next_attempt_at, greatest(coalesce(tokens, length(text) / 4), 1)::bigint AS tokens
      FROM pmoves_kb.chunks_next
     WHERE embedding_status IN ('pending', 'processing')
       AND home = current_schema()
       AND next_attempt_at <= now()
       AND EXISTS (
           SELECT
             FROM pmoves_kb.embedder
            WHERE embedder = $2::text
              AND stopped_at IS NULL
              AND coalesce(not_before <= now(), true))
       AND EXISTS (
           SELECT
             FROM pmoves_kb.embedding
            WHERE model = $3::text
              AND dimensions = $4::integer)
     ORDER BY next_attempt_at
     LIMIT $5::integer
       FOR NO KEY UPDATE SKIP LOCKED),
packed AS (
    SELECT chunk_id, tokens,
           sum(tokens) OVER (ORDER BY next_attempt_at, chunk_id ROWS UNBOUNDED PRECEDING) AS so_far,
           row_number() OVER (ORDER BY next_attempt_at, chunk_id) AS nr
      FROM due),
claimed AS (
    UPDATE pmoves_kb.chunks_next c
       SET embedding_status = 'processing', claim_id = $1::uuid, next_attempt_at = now() + $7::bigint * interval '1 us'
      FROM packed p
     WHERE c.chunk_id = p.chunk_id
       AND (p.so_far <= $6::bigint OR p.nr = 1)
 RETURNING c.chunk_id, c.doc_id, c.text, p.tokens, p.nr)
SELECT chunk_id, doc_id, text, tokens
  FROM claimed
 ORDER BY nr
