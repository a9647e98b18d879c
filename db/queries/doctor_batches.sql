-- What the database knows of batches that were found on disk, in the order of the question.
--   $1 batch ids, uuid[]   $2 this spool's id
SELECT f.batch_id, m.status, m.spool_id, m.spool_id = $2::uuid AS is_ours, m.file_count, m.error,
       coalesce(m.finished_at, m.opened_at) > now() - interval '1 minute' AS is_young,
       m.batch_id IS NULL AND EXISTS (SELECT FROM ingestion_segment s WHERE s.batch_id = f.batch_id)
           AS is_in_ledger
  FROM unnest($1::uuid[]) WITH ORDINALITY AS f (batch_id, nr)
  LEFT JOIN ingestion_manifest m USING (batch_id)
 ORDER BY f.nr
