-- Some receipts of batches that ended long ago. Rejects of them go first (reject_prune), by their own age.
--   $1 before   $2 spool_id   $3 uuid[] of batches that must stay
DELETE FROM ingestion_manifest
 WHERE batch_id IN (
           SELECT batch_id
             FROM ingestion_manifest
            WHERE status IN ('done', 'failed')
              AND finished_at < $1::timestamptz
              AND spool_id = $2::uuid
              AND batch_id <> ALL ($3::uuid[])
            LIMIT 5000)
