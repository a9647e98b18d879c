-- The documents, and kb.index.completed.v1 of each: the last step, so that the counts are those of what is served.
--   $1 uuid[] of documents
WITH counted AS (
    SELECT n.doc_id, count(c.doc_id) AS chunks, count(c.doc_id) FILTER (WHERE c.embedding_status <> 'complete') AS failed
      FROM pmoves_kb.documents_next n
      LEFT JOIN pmoves_kb.chunks c ON c.doc_id = n.doc_id
     WHERE n.doc_id = ANY ($1::uuid[])
     GROUP BY n.doc_id),
served AS (
    UPDATE pmoves_kb.documents d
       SET revision = n.revision,
           sha256 = CASE WHEN n.retires THEN NULL ELSE n.sha256 END,
           status = CASE WHEN n.retires THEN 'retired' WHEN c.failed > 0 THEN 'partial' ELSE 'complete' END,
           title = CASE WHEN n.adds OR n.retires THEN d.title ELSE n.title END,
           meta = CASE WHEN n.adds OR n.retires THEN d.meta ELSE coalesce(n.meta, '{}') END,
           batch_id = coalesce(n.batch_id, d.batch_id),
           head_batch_id = coalesce(n.head_batch_id, d.head_batch_id),
           updated_at = now()
      FROM pmoves_kb.documents_next n
      JOIN counted c ON c.doc_id = n.doc_id
     WHERE d.doc_id = n.doc_id
 RETURNING n.batch_id, n.gate, n.sinks,
           json_build_object('event', 'kb.index.completed.v1', 'asset_id', d.asset_id, 'doc_id', d.doc_id,
                             'revision', d.revision,
                             'status', CASE WHEN c.failed > 0 THEN 'partial' ELSE 'complete' END,
                             'chunks', c.chunks, 'failed', c.failed) AS payload),
made AS MATERIALIZED (
    SELECT pmoves_kb.uuid7() AS event_id, s.*
      FROM served s),
event AS (
    INSERT INTO event_outbox (event_id, event_type, seq, spool_id, batch_id, gate, payload)
    SELECT event_id, 'kb.index.completed.v1', 1,
           (SELECT m.spool_id FROM ingestion_manifest m WHERE m.batch_id = made.batch_id), batch_id, gate, payload
      FROM made)
INSERT INTO event_delivery (event_id, sink, seq)
SELECT event_id, sink, 1
  FROM made, unnest(sinks) AS sink
