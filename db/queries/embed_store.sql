-- Vectors that were copied become those of their chunks, where the claim still holds.
--   $1 claim_id   $2 model
UPDATE pmoves_kb.chunks_next c
   SET embedding = r.embedding, embedding_status = 'complete', model = $2::text, claim_id = NULL, error = NULL
  FROM pg_temp.embed_result r
 WHERE c.chunk_id = r.chunk_id
   AND c.claim_id = $1::uuid
