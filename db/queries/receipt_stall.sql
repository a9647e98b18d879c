-- Why an unfinished batch is held; best effort, in a statement of its own.
--   $1 batch_id  $2 error
UPDATE ingestion_manifest
   SET error = $2
 WHERE batch_id = $1
   AND status IN ('open', 'loading')
