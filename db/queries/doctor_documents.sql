-- Documents that contradict themselves, at most 1,000, the newest first: the finding's code, the document, and what is
-- the case. One statement: what is completed meanwhile is seen whole or not at all.
--   $1 how many of the newest documents are held against their events
--   $2 since when events are kept, or NULL
WITH served AS (
    SELECT d.doc_id, d.status, d.revision, d.updated_at, a.uri,
           n.doc_id IS NOT NULL AS waits,
           (SELECT count(*) FROM pmoves_kb.chunks c WHERE c.doc_id = d.doc_id) AS chunks,
           (SELECT count(*)
              FROM pmoves_kb.chunks c
             WHERE c.doc_id = d.doc_id AND c.embedding_status <> 'complete') AS unembedded
      FROM pmoves_kb.documents d
      LEFT JOIN pmoves_core.assets a USING (asset_id)
      LEFT JOIN pmoves_kb.documents_next n USING (doc_id)
     ORDER BY d.updated_at DESC
     LIMIT $1::bigint),
announced AS (
    SELECT DISTINCT ON (doc_id) (e.payload ->> 'doc_id')::uuid AS doc_id, (e.payload ->> 'revision')::integer AS revision,
           (e.payload ->> 'chunks')::bigint AS chunks
      FROM event_outbox e
     WHERE e.event_type = 'kb.index.completed.v1'
       AND ($2::timestamptz IS NULL OR e.created_at > $2::timestamptz)
     ORDER BY doc_id, revision DESC),
found AS (
    SELECT 'document-lost' AS code, s.*, 'it was announced to come, and nothing of it waits' AS what
      FROM served s
     WHERE s.status = 'pending' AND NOT s.waits
    UNION ALL
    SELECT 'document-short', s.*, format('revision %s was announced with %s chunks, and %s are there', s.revision, e.chunks, s.chunks)
      FROM served s
      JOIN announced e USING (doc_id, revision)
     WHERE s.status <> 'retired' AND e.chunks <> s.chunks
    UNION ALL
    SELECT 'document-differs', s.*, format('status `%s`, but %s of %s chunks have no vector', s.status, s.unembedded, s.chunks)
      FROM served s
     WHERE s.revision > 0
       AND ((s.status = 'complete' AND s.unembedded > 0) OR (s.status = 'partial' AND s.unembedded = 0)
            OR (s.status IN ('pending', 'retired') AND s.chunks > 0)))
SELECT code, doc_id, coalesce(uri, ''), what
  FROM found
 ORDER BY updated_at DESC, doc_id
 LIMIT 1000
