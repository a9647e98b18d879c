-- Batches of which the receipt and the ledger disagree. A receipt's loaded segments have a row each in
-- the ledger: not the failed ones, the duplicates (theirs is another batch's), and those of which every
-- frame was rejected. Where the receipt's list is cut, the ledger must have at least what is listed.
--   $1 batch ids, uuid[]
WITH receipt AS (
    SELECT m.batch_id, m.files_cut, count(f) AS segments,
           coalesce(sum((f->>'frames')::bigint), 0) AS frames
      FROM ingestion_manifest m
      LEFT JOIN LATERAL jsonb_array_elements(m.files) AS f
             ON NOT f ? 'failed' AND NOT f ? 'duplicate_of'
            AND ((f->>'frames')::bigint = 0 OR (f->>'rejected')::bigint < (f->>'frames')::bigint)
     WHERE m.batch_id = ANY ($1::uuid[])
     GROUP BY m.batch_id, m.files_cut),
ledger AS (
    SELECT batch_id, count(*) AS segments, sum(frames) AS frames
      FROM ingestion_segment
     WHERE batch_id = ANY ($1::uuid[])
     GROUP BY batch_id)
SELECT r.batch_id, r.segments, r.frames, coalesce(l.segments, 0), coalesce(l.frames, 0),
       l.batch_id IS NULL
           AND r.batch_id < (SELECT batch_id FROM ingestion_segment ORDER BY batch_id LIMIT 1)
           AS is_pruned
  FROM receipt r
  LEFT JOIN ledger l USING (batch_id)
 WHERE CASE WHEN r.files_cut
            THEN coalesce(l.segments, 0) < r.segments OR coalesce(l.frames, 0) < r.frames
            ELSE (coalesce(l.segments, 0), coalesce(l.frames, 0)) <> (r.segments, r.frames) END
 ORDER BY r.batch_id DESC
