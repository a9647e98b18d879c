-- New chunks.
--   $1 uuid[] of documents
INSERT INTO pmoves_kb.chunks
       (chunk_id, doc_id, section_id, pack_id, text, tokens, idx, "window", overlap, md, created_at,
        embedding_status, sha256, model, error, embedding)
SELECT x.chunk_id, x.doc_id, x.section_id, x.pack_id, x.text, x.tokens, x.idx, x."window", x.overlap, x.md,
       x.created_at, x.embedding_status, x.sha256, x.model, x.error, x.embedding
  FROM pmoves_kb.chunks_next x
 WHERE x.doc_id = ANY ($1::uuid[])
   AND NOT EXISTS (SELECT FROM pmoves_kb.chunks c WHERE c.chunk_id = x.chunk_id)
 ORDER BY x.doc_id, x.idx
