-- One page of this spool's receipts that are done, newest first.
--   $1 spool_id   $2 the batch to go on after, or NULL   $3 how many
SELECT batch_id
  FROM ingestion_manifest
 WHERE spool_id = $1
   AND status = 'done'
   AND ($2::uuid IS NULL OR batch_id < $2::uuid)
 ORDER BY batch_id DESC
 LIMIT $3
