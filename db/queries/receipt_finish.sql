-- The receipt's end, in the transaction that loaded the rows.
--   $1 batch_id  $2 status  $3 files  $4 files_cut  $5 segments_failed  $6 bytes_raw  $7 frames_total
--   $8 rows_loaded  $9 frames_rejected  $10 frames_skipped  $11 tables  $12 ts_min  $13 ts_max  $14 error
--   $15 file_count  $16 bytes_total  $17 manifest_rev  $18 manifest_sha256
WITH finished AS (
    UPDATE ingestion_manifest
       SET status = $2, files = $3, files_cut = $4, segments_failed = $5, bytes_raw = $6,
           frames_total = $7, rows_loaded = $8, frames_rejected = $9, frames_skipped = $10,
           tables = $11, ts_min = $12, ts_max = $13, error = $14,
           file_count = $15, bytes_total = $16, manifest_rev = $17, manifest_sha256 = $18,
           finished_at = clock_timestamp()
     WHERE batch_id = $1
 RETURNING batch_id, status)
SELECT pg_notify('ingest_updates', json_build_object('id', batch_id, 'status', status)::text)
  FROM finished
