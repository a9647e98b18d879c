-- Chunks that the next revision doesn't have: all that it doesn't bring, or, where it adds, those whose place is taken by
-- one that wasn't there before. (In adopted tables several may have one idx: one that is embedded again takes nobody's
-- place.)
--   $1 uuid[] of documents
DELETE FROM pmoves_kb.chunks c
 USING pmoves_kb.documents_next n
 WHERE n.doc_id = ANY ($1::uuid[])
   AND c.doc_id = n.doc_id
   AND NOT EXISTS (SELECT FROM pmoves_kb.chunks_next x WHERE x.chunk_id = c.chunk_id AND x.doc_id = c.doc_id)
   AND (NOT n.adds
        OR EXISTS (SELECT
                     FROM pmoves_kb.chunks_next x
                    WHERE x.doc_id = c.doc_id AND x.idx = c.idx
                      AND NOT EXISTS (SELECT FROM pmoves_kb.chunks o WHERE o.chunk_id = x.chunk_id AND o.idx = x.idx)))
