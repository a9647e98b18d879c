-- The first rejects of a batch.
--   $1 batch_id   $2 how many
SELECT to_jsonb(r) - 'batch_id'
  FROM ingestion_reject r
 WHERE batch_id = $1
 ORDER BY segment, frame_index
 LIMIT $2
