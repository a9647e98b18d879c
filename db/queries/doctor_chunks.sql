-- What is wrong with chunks, as sums: the finding's code, how many chunks, of how many documents, and the last reason.
--   $1 a lease that ended so long ago is nobody's, and who made no vector for so long makes none: an interval
SELECT 'vector-missing', count(*), count(DISTINCT doc_id), NULL
  FROM pmoves_kb.chunks
 WHERE embedding_status = 'complete' AND embedding IS NULL
HAVING count(*) > 0
UNION ALL
SELECT 'lease-stuck', count(*), count(DISTINCT doc_id), NULL
  FROM pmoves_kb.chunks_next
 WHERE embedding_status = 'processing' AND next_attempt_at < clock_timestamp() - $1::interval
HAVING count(*) > 0
UNION ALL
-- What a failing embedder gives back is due anew each time; so the document says how long it has waited.
SELECT 'chunks-stuck', count(*), count(DISTINCT doc_id), NULL
  FROM pmoves_kb.chunks_next c
  JOIN pmoves_kb.documents_next d USING (doc_id)
 WHERE c.embedding_status = 'pending' AND c.next_attempt_at <= clock_timestamp()
   AND d.created_at < clock_timestamp() - $1::interval
   AND NOT EXISTS (SELECT FROM pmoves_kb.embedder WHERE last_success_at > clock_timestamp() - $1::interval)
HAVING count(*) > 0
UNION ALL
-- An adopted chunk may have no document, or no text: nobody can make a vector of it. Of the others, and of failed ones,
-- those are left out that a revision to come replaces: `embed --again` has nothing to do for them, either.
SELECT 'chunks-unembedded', count(*), count(DISTINCT doc_id), NULL
  FROM pmoves_kb.chunks c
  JOIN pmoves_kb.documents USING (doc_id)
  LEFT JOIN pmoves_kb.documents_next n USING (doc_id)
 WHERE embedding_status = 'pending' AND text IS NOT NULL
   AND (n.doc_id IS NULL
        OR n.adds AND NOT EXISTS (SELECT
                                    FROM pmoves_kb.chunks_next x
                                   WHERE x.doc_id = c.doc_id AND (x.chunk_id = c.chunk_id OR x.idx = c.idx)))
HAVING count(*) > 0
UNION ALL
SELECT 'chunks-failed', count(*), count(DISTINCT doc_id), left(max(error), 200)
  FROM pmoves_kb.chunks c
  LEFT JOIN pmoves_kb.documents_next n USING (doc_id)
 WHERE embedding_status = 'failed'
   AND (n.doc_id IS NULL
        OR n.adds AND NOT EXISTS (SELECT
                                    FROM pmoves_kb.chunks_next x
                                   WHERE x.doc_id = c.doc_id AND (x.chunk_id = c.chunk_id OR x.idx = c.idx)))
HAVING count(*) > 0
