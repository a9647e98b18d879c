-- First statement of the batch's transaction. No row: another attempt took over, or it is settled.
--   $1 batch_id  $2 attempt
SELECT 1
  FROM ingestion_manifest
 WHERE batch_id = $1
   AND status = 'loading'
   AND attempts = $2
   FOR UPDATE
