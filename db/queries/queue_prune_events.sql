-- Some old events of which no delivery is left.
--   $1 before   $2 spool_id
DELETE FROM event_outbox
 WHERE event_id IN (
           SELECT event_id
             FROM event_outbox e
            WHERE created_at < $1::timestamptz
              AND (spool_id = $2::uuid OR spool_id IS NULL)
              AND NOT EXISTS (
                      SELECT
                        FROM event_delivery d
                       WHERE d.event_id = e.event_id)
            LIMIT 5000
              FOR UPDATE SKIP LOCKED)
