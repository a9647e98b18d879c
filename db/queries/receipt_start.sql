-- One more attempt; its number fences off the attempts before it. No row: the batch is settled.
--   $1 batch_id
UPDATE ingestion_manifest
   SET status = 'loading', attempts = attempts + 1, loading_at = clock_timestamp()
 WHERE batch_id = $1
   AND status IN ('open', 'loading')
RETURNING attempts
