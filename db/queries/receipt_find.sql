-- What the database knows of a batch that was found in processing/. Waits for an old backend of ours
-- that may still be committing it.
--   $1 batch_id
SELECT status, spool_id
  FROM ingestion_manifest
 WHERE batch_id = $1
   FOR UPDATE
