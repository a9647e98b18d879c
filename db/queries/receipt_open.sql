-- A claim's receipt, with its first attempt under way, and gate.open. No row: it is there already.
--   $1 batch_id  $2 batch_tag  $3 spool_id  $4 gate  $5 reason  $6 file_count  $7 bytes_total
--   $8 host  $9 version  $10 opened_at  $11 manifest_rev  $12 manifest_sha256
--   $13 event_id  $14 text[] of the sinks that want it
WITH opened AS (
    INSERT INTO ingestion_manifest
           (batch_id, batch_tag, spool_id, gate, reason, file_count, bytes_total, host, version, opened_at,
            manifest_rev, manifest_sha256, status, attempts, loading_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'loading', 1, clock_timestamp())
        ON CONFLICT (batch_id) DO NOTHING
 RETURNING batch_id, spool_id, gate, gate_event('gate.open', ingestion_manifest) AS payload),
event AS (
    INSERT INTO event_outbox (event_id, event_type, seq, spool_id, batch_id, gate, payload)
    SELECT $13, 'gate.open', 1, spool_id, batch_id, gate, payload
      FROM opened
        ON CONFLICT (batch_id, event_type) WHERE event_type IN ('gate.open', 'gate.done') DO NOTHING
 RETURNING event_id, batch_id, seq),
delivery AS (
    INSERT INTO event_delivery (event_id, sink, batch_id, seq)
    SELECT event_id, sink, batch_id, seq
      FROM event, unnest($14::text[]) AS sink)
SELECT pg_notify('ingest_updates', json_build_object('id', batch_id, 'status', 'open')::text)
  FROM opened
