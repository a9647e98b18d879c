-- What a settled batch came to, for whoever finds it half retired. `files` lists failed segments
-- first and at most 1,000, so of a bigger batch duplicates may be missing.
--   $1 batch_id
SELECT gate, batch_tag, status = 'failed', coalesce(error, ''),
       (extract(epoch FROM opened_at) * 1000000)::bigint,
       (extract(epoch FROM finished_at) * 1000000)::bigint,
       rows_loaded, frames_rejected, frames_skipped, file_count, segments_failed,
       (SELECT count(*) FROM jsonb_array_elements(files) AS file WHERE file ? 'duplicate_of'),
       bytes_total, bytes_raw
  FROM ingestion_manifest
 WHERE batch_id = $1
