-- Batches of which a stream's table holds another number of rows than the receipt counts. The receipts'
-- times bound the scan, so that other days' partitions are not even opened.
--   :table :"time" :"batch"      the stream's table (quoted), its time column, its column of batch ids
--   $1 batch ids, uuid[]   $2 the table's name as receipts have it
WITH receipt AS MATERIALIZED (
    SELECT batch_id, (tables->>$2::text)::bigint AS rows, ts_min, ts_max
      FROM ingestion_manifest
     WHERE batch_id = ANY ($1::uuid[])
       AND tables ? $2::text
       AND ts_min IS NOT NULL),
there AS (
    SELECT t.:"batch" AS batch_id, count(*) AS rows
      FROM :table t
     WHERE t.:"batch" = ANY ($1::uuid[])
       AND t.:"time" BETWEEN (SELECT min(ts_min) FROM receipt) AND (SELECT max(ts_max) FROM receipt)
     GROUP BY t.:"batch")
SELECT r.batch_id, r.rows, coalesce(t.rows, 0),
       (extract(epoch FROM r.ts_min) * 1000000)::bigint,
       (extract(epoch FROM r.ts_max) * 1000000)::bigint
  FROM receipt r
  LEFT JOIN there t USING (batch_id)
 WHERE r.rows <> coalesce(t.rows, 0)
 ORDER BY r.batch_id DESC
