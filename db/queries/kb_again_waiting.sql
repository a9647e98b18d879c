-- Chunks that wait already and came to their end. How many.
--   $1 uuid[] of documents  $2 failed, missing or all
WITH again AS (
    UPDATE pmoves_kb.chunks_next x
       SET embedding_status = 'pending', embedding = NULL, model = NULL, error = NULL, attempts = 0,
           next_attempt_at = clock_timestamp()
      FROM pmoves_kb.embedding e
     WHERE x.doc_id = ANY ($1::uuid[])
       AND (x.embedding_status = 'failed'
            OR $2::text = 'all' AND x.embedding_status = 'complete' AND x.model IS DISTINCT FROM e.model)
 RETURNING x.chunk_id)
SELECT count(*) FROM again
