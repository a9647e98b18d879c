-- Chunks that are at fault themselves: each has so many attempts, twice as long apart each time, and then fails.
-- Rows: those that have failed for good.
--   $1 claim_id   $2 chunk ids uuid[]   $3 errors text[]   $4 attempts that each may have integer[]
--   $5 seconds until the second
WITH refused AS (
    UPDATE pmoves_kb.chunks_next c
       SET embedding_status = CASE WHEN c.attempts + 1 >= n.most THEN 'failed' ELSE 'pending' END,
           attempts = c.attempts + 1,
           error = n.error,
           claim_id = NULL,
           next_attempt_at = now() + $5::integer * 2 ^ least(c.attempts, 10) * interval '1 s'
      FROM unnest($2::uuid[], $3::text[], $4::integer[]) AS n (chunk_id, error, most)
     WHERE c.chunk_id = n.chunk_id
       AND c.claim_id = $1::uuid
 RETURNING c.chunk_id, c.embedding_status)
SELECT chunk_id
  FROM refused
 WHERE embedding_status = 'failed'
