-- Of these documents those whose waiting revision is whole: no chunk of it waits for a vector. As a uuid[], NULL for
-- none, and how many.
--   $1 uuid[] of documents
SELECT array_agg(n.doc_id), count(*)
  FROM pmoves_kb.documents_next n
 WHERE n.doc_id = ANY ($1::uuid[])
   AND NOT EXISTS (SELECT
                     FROM pmoves_kb.chunks_next c
                    WHERE c.doc_id = n.doc_id AND c.embedding_status IN ('pending', 'processing'))
