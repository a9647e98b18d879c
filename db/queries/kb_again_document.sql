-- Each gets a revision that waits, or its waiting one is heard of by these sinks, too.
--   $1 uuid[] of documents  $2 text[] of sinks
INSERT INTO pmoves_kb.documents_next AS n (doc_id, revision, adds, batch_id, gate, sinks)
SELECT d.doc_id, d.revision + 1, true, d.batch_id, (SELECT m.gate FROM ingestion_manifest m WHERE m.batch_id = d.batch_id),
       $2::text[]
  FROM pmoves_kb.documents d
 WHERE d.doc_id = ANY ($1::uuid[])
 ORDER BY d.doc_id
    ON CONFLICT (doc_id) DO UPDATE
   SET sinks = ARRAY(SELECT DISTINCT unnest(n.sinks || excluded.sinks))
