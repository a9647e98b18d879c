-- The newest rejects of the last day in a spool, as JSON. Ids of batches sort by the time of the claim, so that the primary
-- key leads to them, and to the end where there are none.
--   $1 spool_id   $2 an id that is smaller than those of the last two days   $3 how many
SELECT json_build_object('batch_id', r.batch_id, 'batch_tag', m.batch_tag, 'gate', m.gate, 'segment', r.segment,
                         'frame_index', r.frame_index, 'column_name', r.column_name, 'reason', r.reason,
                         'sqlstate', r.sqlstate, 'rejected_at', r.rejected_at)
  FROM ingestion_reject r
  JOIN ingestion_manifest m USING (batch_id)
 WHERE r.batch_id >= $2::uuid
   AND r.rejected_at > now() - interval '1 day'
   AND m.spool_id = $1::uuid
 ORDER BY r.batch_id DESC, r.segment DESC, r.frame_index DESC
 LIMIT $3::bigint
