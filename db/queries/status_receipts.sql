-- The newest receipts of a spool as JSON, `files` left out. By batch_id, which sorts by the time of the claim and has an
-- index; `files` isn't even read.
--   $1 how many   $2 spool_id   $3 gate or NULL   $4 only those claimed before this batch; NULL: all
SELECT to_jsonb(r)
  FROM (SELECT batch_id, batch_tag, spool_id, gate, status, reason, files_cut, file_count, segments_failed, bytes_total,
               bytes_raw, frames_total, rows_loaded, frames_rejected, frames_skipped, tables, ts_min, ts_max, attempts,
               error, host, version, opened_at, loading_at, finished_at, manifest_rev, manifest_sha256
          FROM ingestion_manifest
         WHERE spool_id = $2::uuid
           AND ($3::text IS NULL OR gate = $3)
           AND ($4::uuid IS NULL OR batch_id < $4::uuid)
         ORDER BY batch_id DESC
         LIMIT $1::bigint) AS r
