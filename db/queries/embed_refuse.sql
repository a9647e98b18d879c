-- Chunks that are at fault themselves: one that was refused fails; one whose answer made no sense has a few attempts.
-- Rows: those that have failed for good.
--   $1 claim_id   $2 chunk ids uuid[]   $3 errors text[]   $4 was it refused? boolean[]
--   $5 attempts that one may have   $6 seconds until the second, twice that until the third
WITH refused AS (
    UPDATE pmoves_kb.chunks_next c
       SET embedding_status = CASE WHEN n.is_final OR c.attempts + 1 >= $5::integer THEN 'failed' ELSE 'pending' END,
           attempts = c.attempts + 1,
           error = n.error,
           claim_id = NULL,
           next_attempt_at = now() + (c.attempts + 1) * $6::integer * interval '1 s'
      FROM unnest($2::uuid[], $3::text[], $4::boolean[]) AS n (chunk_id, error, is_final)
     WHERE c.chunk_id = n.chunk_id
       AND c.claim_id = $1::uuid
 RETURNING c.chunk_id, c.embedding_status)
SELECT chunk_id
  FROM refused
 WHERE embedding_status = 'failed'
