-- Some rejects that are old enough.
--   $1 before   $2 spool_id of the batches they belong to
DELETE FROM ingestion_reject
 WHERE ctid IN (
           SELECT r.ctid
             FROM ingestion_reject r
             LEFT JOIN ingestion_manifest m USING (batch_id)
            WHERE r.rejected_at < $1::timestamptz
              AND (m.spool_id = $2::uuid OR m.batch_id IS NULL)
            LIMIT 5000)
