-- Chunks that are served: they go on being so until the new vector is there. How many.
--   $1 uuid[] of documents  $2 failed, missing or all
WITH again AS (
    INSERT INTO pmoves_kb.chunks_next
           (chunk_id, doc_id, section_id, pack_id, text, tokens, idx, "window", overlap, md, created_at, sha256)
    SELECT c.chunk_id, c.doc_id, c.section_id, c.pack_id, c.text, c.tokens, c.idx, c."window", c.overlap, c.md,
           c.created_at, coalesce(c.sha256, sha256(convert_to(c.text, 'UTF8')))
      FROM pmoves_kb.chunks c
      JOIN pmoves_kb.documents_next n USING (doc_id), pmoves_kb.embedding e
     WHERE c.doc_id = ANY ($1::uuid[])
       AND n.adds
       AND c.text IS NOT NULL
       AND CASE $2::text
                WHEN 'failed' THEN c.embedding_status = 'failed'
                WHEN 'missing' THEN c.embedding_status <> 'complete' OR c.embedding IS NULL
                ELSE c.embedding_status <> 'complete' OR c.embedding IS NULL OR c.model IS DISTINCT FROM e.model
           END
       AND NOT EXISTS (SELECT
                         FROM pmoves_kb.chunks_next x
                        WHERE x.doc_id = c.doc_id AND (x.chunk_id = c.chunk_id OR x.idx = c.idx))
 RETURNING chunk_id)
SELECT count(*) FROM again
