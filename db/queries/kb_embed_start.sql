-- embed.start, where the batch leaves chunks that wait for vectors.
--   $1 batch_id  $2 uuid[] of its documents  $3 the embedder's model, where the database has none yet
--   $4 event_id  $5 text[] of the sinks that want it
WITH left_over AS (
    SELECT count(DISTINCT doc_id) AS documents, count(*) AS chunks
      FROM pmoves_kb.chunks_next
     WHERE doc_id = ANY ($2::uuid[])
       AND embedding_status IN ('pending', 'processing')),
receipt AS (
    SELECT m.batch_id, m.spool_id, m.gate,
           json_build_object('event', 'embed.start', 'batch_id', m.batch_id, 'batch_tag', m.batch_tag,
                             'documents', l.documents, 'chunks', l.chunks,
                             'model', coalesce((SELECT model FROM pmoves_kb.embedding), $3::text)) AS payload,
           l.chunks
      FROM ingestion_manifest m, left_over l
     WHERE m.batch_id = $1 AND l.chunks > 0),
event AS (
    INSERT INTO event_outbox (event_id, event_type, seq, spool_id, batch_id, gate, payload)
    SELECT $4, 'embed.start', 3, spool_id, batch_id, gate, payload
      FROM receipt
 RETURNING event_id, batch_id, seq),
delivery AS (
    INSERT INTO event_delivery (event_id, sink, batch_id, seq)
    SELECT event_id, sink, batch_id, seq
      FROM event, unnest($5::text[]) AS sink)
SELECT pg_notify('embed_updates', json_build_object('batch_id', batch_id, 'chunks', chunks)::text)
  FROM receipt
