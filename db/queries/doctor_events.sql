-- Of this spool's newest receipts those that ended, and have no gate.done. Those from before there was an outbox, and
-- those whose events may have been pruned, are none of them.
--   $1 spool_id   $2 how many   $3 since when events are kept, or NULL
SELECT m.batch_id, m.status
  FROM (SELECT batch_id, status, opened_at, finished_at
          FROM ingestion_manifest
         WHERE spool_id = $1::uuid
           AND status IN ('done', 'failed')
         ORDER BY batch_id DESC
         LIMIT $2) AS m
 WHERE m.opened_at > (SELECT applied_at FROM spoolgate_migration WHERE name = '003_events')
   AND ($3::timestamptz IS NULL OR m.finished_at > $3::timestamptz)
   AND NOT EXISTS (
           SELECT
             FROM event_outbox e
            WHERE e.batch_id = m.batch_id
              AND e.event_type = 'gate.done')
 ORDER BY m.batch_id DESC
