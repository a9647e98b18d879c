-- Some deliveries that were settled long ago, and their attempts. A dead one stays while its dead letter waits.
--   $1 before   $2 spool_id
DELETE FROM event_delivery d
 USING (SELECT d.event_id, d.sink
          FROM event_outbox e
          JOIN event_delivery d USING (event_id)
         WHERE e.created_at < $1::timestamptz
           AND (e.spool_id = $2::uuid OR e.spool_id IS NULL)
           AND d.settled_at < $1::timestamptz
           AND d.state <> 'waiting'
           AND (d.state = 'delivered'
                OR NOT EXISTS (
                       SELECT
                         FROM event_dlq q
                        WHERE q.event_id = d.event_id
                          AND q.sink = d.sink
                          AND q.retried_at IS NULL))
         LIMIT 5000
           FOR UPDATE OF d SKIP LOCKED) AS old
 WHERE d.event_id = old.event_id
   AND d.sink = old.sink
