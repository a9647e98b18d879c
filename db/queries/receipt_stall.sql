-- Why an unfinished batch is held; best effort, in a statement of its own.
--   $1 batch_id  $2 error  $3 spool_id
UPDATE ingestion_manifest
   SET error = $2
 WHERE batch_id = $1
   AND spool_id = $3
   AND status IN ('open', 'loading')
