-- What is wrong with chunks, as sums: the finding's code, how many chunks, of how many documents, and the last reason.
--   $1 a lease that ended so long ago is nobody's: an interval
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
SELECT 'chunks-unembedded', count(*), count(DISTINCT doc_id), NULL
  FROM pmoves_kb.chunks
 WHERE embedding_status = 'pending'
HAVING count(*) > 0
UNION ALL
SELECT 'chunks-failed', count(*), count(DISTINCT doc_id), left(max(error), 200)
  FROM pmoves_kb.chunks
 WHERE embedding_status = 'failed'
HAVING count(*) > 0
