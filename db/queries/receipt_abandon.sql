-- Closes the receipt of a batch whose segments are gone, and gate.done. The attempt's number fences off whoever
-- may still have it in hand. No row: it is settled, or another spool's.
--   $1 batch_id  $2 spool_id  $3 error  $4 event_id  $5 text[] of the sinks that want it
WITH finished AS (
    UPDATE ingestion_manifest
       SET status = 'failed', segments_failed = file_count, attempts = attempts + 1, error = $3,
           finished_at = clock_timestamp()
     WHERE batch_id = $1
       AND spool_id = $2
       AND status IN ('open', 'loading')
 RETURNING batch_id, status, spool_id, gate, gate_event('gate.done', ingestion_manifest) AS payload),
event AS (
    INSERT INTO event_outbox (event_id, event_type, seq, spool_id, batch_id, gate, payload)
    SELECT $4, 'gate.done', 2, spool_id, batch_id, gate, payload
      FROM finished
        ON CONFLICT (batch_id, event_type) WHERE event_type IN ('gate.open', 'gate.done') DO NOTHING
 RETURNING event_id, batch_id, seq),
delivery AS (
    INSERT INTO event_delivery (event_id, sink, batch_id, seq)
    SELECT event_id, sink, batch_id, seq
      FROM event, unnest($5::text[]) AS sink)
SELECT pg_notify('ingest_updates', json_build_object('id', batch_id, 'status', status)::text)
  FROM finished
