-- The receipt's end and gate.done, in the transaction that loaded the rows.
--   $1 batch_id  $2 status  $3 files  $4 files_cut  $5 segments_failed  $6 bytes_raw  $7 frames_total
--   $8 rows_loaded  $9 frames_rejected  $10 frames_skipped  $11 tables  $12 ts_min  $13 ts_max  $14 error
--   $15 file_count  $16 bytes_total  $17 manifest_rev  $18 manifest_sha256
--   $19 event_id  $20 text[] of the sinks that want it
WITH finished AS (
    UPDATE ingestion_manifest
       SET status = $2, files = $3, files_cut = $4, segments_failed = $5, bytes_raw = $6,
           frames_total = $7, rows_loaded = $8, frames_rejected = $9, frames_skipped = $10,
           tables = $11, ts_min = $12, ts_max = $13, error = $14,
           file_count = $15, bytes_total = $16, manifest_rev = $17, manifest_sha256 = $18,
           finished_at = clock_timestamp()
     WHERE batch_id = $1
 RETURNING batch_id, status, spool_id, gate, gate_event('gate.done', ingestion_manifest) AS payload),
event AS (
    INSERT INTO event_outbox (event_id, event_type, seq, spool_id, batch_id, gate, payload)
    SELECT $19, 'gate.done', 2, spool_id, batch_id, gate, payload
      FROM finished
        ON CONFLICT (batch_id, event_type) WHERE event_type IN ('gate.open', 'gate.done') DO NOTHING
 RETURNING event_id, batch_id, seq),
delivery AS (
    INSERT INTO event_delivery (event_id, sink, batch_id, seq)
    SELECT event_id, sink, batch_id, seq
      FROM event, unnest($20::text[]) AS sink)
SELECT pg_notify('ingest_updates', json_build_object('id', batch_id, 'status', status)::text)
  FROM finished
