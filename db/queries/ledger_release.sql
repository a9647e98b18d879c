-- A segment of which the server refused every row may be dropped in again.
--   $1 batch_id  $2 name (percent-encoded)
DELETE FROM ingestion_segment WHERE batch_id = $1 AND name = $2
