-- A segment's fate, by its name (percent-encoded) or sha256: loaded ones from the ledger, others from
-- the receipts' lists.
--   $1 the name as a receipt shows it, or a hash   $2 how many   $3 the name as `ls` shows it, encoded
SELECT jsonb_build_object('name', name, 'sha256', sha256, 'fate', 'loaded', 'batch_id', batch_id,
                          'frames', frames, 'at', loaded_at) AS found
  FROM ingestion_segment
 WHERE name IN ($1, $3) OR sha256 = $1
UNION ALL
SELECT jsonb_build_object('name', f->>'name', 'sha256', f->>'sha256',
                          'fate', CASE WHEN f ? 'failed' THEN 'failed' ELSE 'duplicate' END,
                          'batch_id', batch_id, 'reason', f->>'failed',
                          'duplicate_of', f->>'duplicate_of', 'at', finished_at)
  FROM ingestion_manifest, jsonb_array_elements(files) AS f
 WHERE (f->>'name' IN ($1, $3) OR f->>'sha256' = $1)
   AND (f ? 'failed' OR f ? 'duplicate_of')
 LIMIT $2
