-- Which manifests loaded a batch, by its id, its tag, or the beginning of its id; two rows when that is not one.
--   $1 what people typed
SELECT m.batch_id, m.batch_tag, m.gate, m.status, m.finished_at, m.version, m.tables, m.manifest_rev,
       s.source, s.files, s.recorded_at
  FROM ingestion_manifest m
  LEFT JOIN manifest_set s ON s.sha256 = m.manifest_sha256
 WHERE m.batch_tag = $1
    OR (length($1) >= 8 AND left(m.batch_id::text, length($1)) = lower($1))
 ORDER BY m.opened_at DESC
 LIMIT 2
