-- The newest receipts as JSON, `files` left out.
--   $1 how many   $2 gate or NULL   $3 spool_id or NULL
SELECT to_jsonb(m) - 'files'
  FROM ingestion_manifest m
 WHERE ($2::text IS NULL OR gate = $2)
   AND ($3::uuid IS NULL OR spool_id = $3::uuid)
 ORDER BY opened_at DESC, batch_id DESC
 LIMIT $1
