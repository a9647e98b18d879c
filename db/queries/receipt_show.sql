-- One receipt by its id, its tag, or the beginning of its id; two rows when that is not one.
--   $1 what people typed
SELECT to_jsonb(m)
  FROM ingestion_manifest m
 WHERE batch_tag = $1
    OR (length($1) >= 8 AND left(batch_id::text, length($1)) = lower($1))
 ORDER BY opened_at DESC
 LIMIT 2
