-- Which batch loaded the segment with this key?
--   $1 dedupe_key
SELECT batch_id FROM ingestion_segment WHERE dedupe_key = $1
