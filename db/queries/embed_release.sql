-- Chunks that nothing was wrong with are given back, to where they stood among those that wait; or behind them, where the
-- request failed and so did the one before it: some servers fail at one text, and it would keep all others waiting.
--   $1 claim_id   $2 chunk ids uuid[]   $3 the embedder whose request failed; NULL: none did
UPDATE pmoves_kb.chunks_next c
   SET embedding_status = 'pending',
       claim_id = NULL,
       next_attempt_at = CASE WHEN EXISTS (SELECT FROM pmoves_kb.embedder WHERE embedder = $3::text AND failures > 0)
                              THEN now()
                              ELSE least(d.created_at, now()) END
  FROM pmoves_kb.documents_next d
 WHERE c.chunk_id = ANY ($2::uuid[])
   AND c.claim_id = $1::uuid
   AND d.doc_id = c.doc_id
