-- Chunks that nothing was wrong with are given back, to where they stood among those that wait.
--   $1 claim_id   $2 chunk ids uuid[]
UPDATE pmoves_kb.chunks_next c
   SET embedding_status = 'pending', claim_id = NULL, next_attempt_at = least(d.created_at, now())
  FROM pmoves_kb.documents_next d
 WHERE c.chunk_id = ANY ($2::uuid[])
   AND c.claim_id = $1::uuid
   AND d.doc_id = c.doc_id
